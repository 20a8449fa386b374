"""Training: what happens between a network and a learning curve?

`fit` is the loop that every chapter shares: shuffle, take a mini-batch, forward, loss, backward, one step of
the optimizer. It returns a `History` and prints nothing.
"""

import math
import sys
import weakref
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from dlcore import checks


@dataclass
class History:
    """What `fit` saw.

    Attributes
    ----------
    loss : list of float
        One number per whole epoch: the mean over *all* its examples, penalty included, each taken as the
        network was when their mini-batch was used. (The last mini-batch's loss alone is a noisy stand-in.)
    validation_loss : list of float
        One per epoch, in evaluation mode, without penalty; empty without validation data.
    step_loss, lr : list of float
        One per step: the mini-batch's loss, and the learning rate used.
    stopped : str
        Why it ended: "finished", "early" (early stopping), "on_step" (which returned True) or "interrupted"
        (Ctrl-C).
    """

    loss: list = field(default_factory=list)
    validation_loss: list = field(default_factory=list)
    step_loss: list = field(default_factory=list)
    lr: list = field(default_factory=list)
    stopped: str = "finished"


class Diverged(checks.NonFinite):
    """Training ran into NaN or infinity.

    `history` holds what came before; the weights are as the last step left them.
    """

    def __init__(self, message, history):
        super().__init__(message)
        self.history = history


def minibatches(n, batch_size, rng):
    """Yield the indices 0 ... n-1, shuffled, `batch_size` at a time; the last may be fewer.

    Examples
    --------
    >>> [len(batch) for batch in minibatches(10, 4, np.random.default_rng(0))]
    [4, 4, 2]
    """
    checks.generator(rng)
    n = checks.integer("n", n, 1)
    batch_size = checks.integer("batch_size", batch_size, 1)
    order = rng.permutation(n)
    return (order[start : start + batch_size] for start in range(0, n, batch_size))


def predict(net, x, batch_size=1000):
    """The network's output in evaluation mode, `batch_size` examples at a time."""
    x = np.asarray(x)
    if x.ndim == 0 or len(x) == 0:
        raise ValueError(f"x must hold at least one example, got shape {x.shape}")
    starts = range(0, len(x), checks.integer("batch_size", batch_size, 1))
    with np.errstate(over="ignore", invalid="ignore"):  # a diverged network answers NaN, without a warning
        return np.concatenate([net.forward(x[start : start + batch_size]) for start in starts])


def evaluate(net, x, y, loss):
    """The mean loss over the examples ``x, y``, in evaluation mode.

    Examples
    --------
    >>> from dlcore.layers import Dense
    >>> from dlcore.losses import mse
    >>> from dlcore.network import Network
    >>> net = Network(Dense(1, 1, rng=np.random.default_rng(0)))
    >>> net.theta[:] = [2, 1]                   # y = 2x + 1
    >>> evaluate(net, np.array([[1.0], [2.0]]), np.array([[3.0], [6.0]]), mse)
    0.5
    """
    value, _ = loss(predict(net, x), y)
    return float(value)


def error_rate(net, x, y):
    """The share of the examples whose largest output is not at their label, in evaluation mode.

    For sequences, outputs ``(m, t, classes)`` and labels ``y: (m, t)``, the share of all steps.

    Examples
    --------
    >>> from dlcore.layers import Dense
    >>> from dlcore.network import Network
    >>> net = Network(Dense(1, 2, rng=np.random.default_rng(0)))
    >>> net.theta[:] = [-1, 1, 0, 0]            # class 1 where x > 0
    >>> error_rate(net, np.array([[-1.0], [2.0], [3.0], [4.0]]), np.array([0, 1, 1, 0]))
    0.25
    """
    outputs, y = predict(net, x), np.asarray(y)
    if outputs.ndim < 2 or outputs.shape[-1] < 2:
        raise ValueError(f"net must have an output for each class, got outputs of shape {outputs.shape}")
    if y.shape != outputs.shape[:-1]:
        raise ValueError(f"y must have one label per example, shape {outputs.shape[:-1]}, got {y.shape}")
    labels = checks.labels("y", y.ravel(), classes=outputs.shape[-1])
    return float(np.mean(outputs.argmax(axis=-1).ravel() != labels))


def fit(
    net,
    x,
    y,
    loss,
    optimizer,
    *,
    epochs,
    batch_size,
    rng,
    validation=None,
    schedule=None,
    penalty=None,
    clip=None,
    early_stopping=None,
    on_step=None,
    start_step=0,
    progress=None,
):
    """Train `net` in place by mini-batch descent.

    Parameters
    ----------
    net : Network
    x, y : arrays of examples, in rows
    loss : function of (output, target) returning (mean loss, gradient)
        Such as `dlcore.losses.softmax_cross_entropy`.
    optimizer : Optimizer
        One that remembers gradients belongs to the network that `fit` moved with it first, until its
        ``reset()``; for a copy of the network, go on with ``copy.deepcopy(optimizer)``.
    epochs, batch_size : int
    rng : numpy.random.Generator
        Shuffles the examples, afresh in each epoch.
    validation : (x, y), optional
        Examples never trained on, evaluated after each epoch.
    schedule : function of the step 0, 1, 2, ..., optional
        Returns the factor of the optimizer's learning rate, which is put back at the end.
    penalty : object with ``penalty(w)`` and ``gradient(w)``, optional
        Such as `dlcore.regularization.L2`; applied to weight matrices, not to biases.
    clip : function of the gradient vector, optional
        Changes it in place, such as ``lambda grad: clip_by_norm(grad, 1.0)``.
    early_stopping : EarlyStopping, optional
        Watches the validation loss; the best epoch's parameters are put back at the end.
    on_step : function of the step's number, optional
        Called after each step. It may look at ``net`` and record, set ``optimizer.lr`` (for as long as no
        `schedule` does) or end the training by returning True.
    start_step : int
        The number of the first step: where a run that goes on takes up `schedule` and `on_step`.
    progress : bool, optional
        Show a progress bar.

    Returns
    -------
    History
        After Ctrl-C too, with the weights as they are then.

    Raises
    ------
    Diverged
        A ValueError, when loss or gradient becomes NaN or infinite. The weights are as the last step left
        them.
    ValueError
        If the optimizer has moved another network.

    Examples
    --------
    >>> from dlcore.layers import Dense
    >>> from dlcore.losses import mse
    >>> from dlcore.network import Network
    >>> from dlcore.optimizers import SGD
    >>> rng = np.random.default_rng(0)
    >>> x = rng.uniform(-1, 1, (100, 1))
    >>> net = Network(Dense(1, 1, rng=rng))
    >>> history = fit(net, x, 2 * x + 1, mse, SGD(lr=0.1), epochs=50, batch_size=10, rng=rng)
    >>> net.theta.round(3)
    array([2., 1.])
    """
    x, y, validation = _checked_data(net, x, y, validation)
    checks.generator(rng)
    epochs = checks.integer("epochs", epochs, 1)
    batch_size = checks.integer("batch_size", batch_size, 1)
    if early_stopping is not None:
        if validation is None:
            raise ValueError("validation must be given for early_stopping to watch, got None")
        early_stopping.reset()
    start_step = checks.integer("start_step", start_step, 0)
    if on_step is not None and not callable(on_step):
        raise TypeError(f"on_step must be a function of the step's number, got {on_step!r}")
    _claim(optimizer, net)
    history, base_lr, step = History(), optimizer.lr, start_step
    try:
        with np.errstate(over="ignore", invalid="ignore"), progress_bar(epochs, progress) as bar:
            for _ in range(epochs):
                total, seen = 0.0, 0
                for batch in minibatches(len(x), batch_size, rng):
                    if schedule is not None:
                        optimizer.lr = float(base_lr * schedule(step))
                    lr = optimizer.lr
                    value = _step(net, x[batch], y[batch], loss, optimizer, penalty, clip)
                    history.step_loss.append(value)
                    history.lr.append(lr)
                    total += value * len(batch)
                    seen += len(batch)
                    if on_step is not None and _says_stop(on_step(step)):
                        history.stopped = "on_step"
                        break
                    step += 1
                if seen == len(x):
                    history.loss.append(total / len(x))
                    if validation is not None:
                        history.validation_loss.append(evaluate(net, *validation, loss))
                    bar.update()
                    bar.set_postfix(loss=history.loss[-1])
                    if early_stopping is not None:
                        enough = early_stopping.update(history.validation_loss[-1], net.theta, net.running)
                        if enough and history.stopped == "finished":
                            history.stopped = "early"
                if history.stopped != "finished":
                    break
    except KeyboardInterrupt:
        history.stopped = "interrupted"
    except checks.NonFinite as error:
        where = f"step {step + 1} (epoch {len(history.loss) + 1}) with {optimizer!r}"
        raise Diverged(f"training diverged in {where}: {error}", history) from None
    finally:
        optimizer.lr = base_lr
    has_best = early_stopping is not None and early_stopping.best_step is not None
    if has_best and history.stopped != "interrupted":
        early_stopping.restore(net.theta, net.running)
    return history


_NETWORK_OF = weakref.WeakKeyDictionary()


def progress_bar(total, progress):
    """Return a progress bar, which shows itself if `progress` is true."""
    if sys.platform == "emscripten":
        tqdm.monitor_interval = 0  # tqdm's monitor is a thread, and a browser starts none
    return tqdm(total=total, disable=not progress)


def _claim(optimizer, net):
    """An optimizer's memory is of one network: refuse to move another with it."""
    first = _NETWORK_OF.get(optimizer)
    if first is not None and first() is not net and getattr(optimizer, "memory", None):
        raise ValueError(
            f"optimizer must not carry the memory of another network, got {optimizer!r} after"
            f" {optimizer.t} steps: call optimizer.reset(), or build a new one"
        )
    _NETWORK_OF[optimizer] = weakref.ref(net)


def _says_stop(answer):
    if answer is not None and not isinstance(answer, (bool, np.bool_)):
        raise TypeError(f"on_step must return True to stop, or else False or None, got {answer!r}")
    return bool(answer)


def _step(net, x, y, loss, optimizer, penalty, clip):
    """One step on one mini-batch; its loss before the step."""
    value, dy = loss(net.forward(x, training=True), y)
    net.backward(dy, input_gradient=False)
    if penalty is not None:
        for w, dw in net.weights():
            value += penalty.penalty(w)
            dw += penalty.gradient(w)
    value = float(value)
    if not math.isfinite(value):
        raise checks.NonFinite(f"the loss must be finite, got {value}")
    if clip is not None:
        clip(net.grad)
    optimizer.step(net.theta, net.grad)
    return value


def _checked_data(net, x, y, validation):
    x = checks.array("x", x, dtype=net.dtype)
    y = _checked_targets(net, "y", x, y)
    if validation is not None:
        x_validation, y_validation = validation
        x_validation = checks.array("validation x", x_validation, dtype=net.dtype)
        validation = x_validation, _checked_targets(net, "validation y", x_validation, y_validation)
    return x, y, validation


def _checked_targets(net, name, x, y):
    """Targets keep whole-number labels as they are; floats take the network's dtype."""
    y = np.asarray(y)
    if y.dtype.kind not in "iu":
        y = checks.array(name, y, dtype=net.dtype)
    if len(y) != len(x):
        raise ValueError(f"{name} must have one entry per example ({len(x)}), got {len(y)}")
    return y
