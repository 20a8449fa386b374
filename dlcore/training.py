"""Training: what happens between a network and a learning curve?

`fit` is the loop that every chapter shares: shuffle, take a mini-batch, forward, loss, backward, one step of
the optimizer. It returns a `History` and prints nothing.
"""

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
        One number per epoch: the mean over *all* its examples, penalty included, each taken as the network
        was when their mini-batch was used. (The last mini-batch's loss alone is a noisy stand-in.)
    validation_loss : list of float
        One per epoch, in evaluation mode, without penalty; empty without validation data.
    step_loss, lr : list of float
        One per step: the mini-batch's loss, and the learning rate used.
    stopped : str
        Why it ended: "finished", "early" (early stopping) or "interrupted" (Ctrl-C).
    """

    loss: list = field(default_factory=list)
    validation_loss: list = field(default_factory=list)
    step_loss: list = field(default_factory=list)
    lr: list = field(default_factory=list)
    stopped: str = "finished"


class Diverged(checks.NonFinite):
    """Training ran into NaN or infinity. `history` holds what came before; the weights are as the last step left them."""

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
    if y.shape != (len(outputs),):
        raise ValueError(f"y must have one label per example, shape ({len(outputs)},), got {y.shape}")
    return float(np.mean(outputs.argmax(axis=1) != y))


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
    history, base_lr = History(), optimizer.lr
    try:
        with np.errstate(over="ignore", invalid="ignore"), tqdm(total=epochs, disable=not progress) as bar:
            for _ in range(epochs):
                total = 0.0
                for batch in minibatches(len(x), batch_size, rng):
                    if schedule is not None:
                        optimizer.lr = float(base_lr * schedule(len(history.step_loss)))
                    value = _step(net, x[batch], y[batch], loss, optimizer, penalty, clip)
                    history.step_loss.append(value)
                    history.lr.append(optimizer.lr)
                    total += value * len(batch)
                history.loss.append(total / len(x))
                if validation is not None:
                    history.validation_loss.append(evaluate(net, *validation, loss))
                bar.update()
                bar.set_postfix(loss=history.loss[-1])
                if early_stopping is not None:
                    if early_stopping.update(history.validation_loss[-1], net.theta, net.running):
                        history.stopped = "early"
                        break
    except KeyboardInterrupt:
        history.stopped = "interrupted"
    except checks.NonFinite as error:
        raise Diverged(
            f"training diverged in step {len(history.step_loss) + 1} (epoch {len(history.loss) + 1}) with"
            f" {optimizer!r}: {error}",
            history,
        ) from None
    finally:
        optimizer.lr = base_lr
    if early_stopping is not None and history.stopped != "interrupted":
        early_stopping.restore(net.theta, net.running)
    return history


def _step(net, x, y, loss, optimizer, penalty, clip):
    """One step on one mini-batch; its loss before the step."""
    value, dy = loss(net.forward(x, training=True), y)
    net.backward(dy, input_gradient=False)
    if penalty is not None:
        for w, dw in net.weights():
            value += penalty.penalty(w)
            dw += penalty.gradient(w)
    if clip is not None:
        clip(net.grad)
    optimizer.step(net.theta, net.grad)
    return float(value)


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
