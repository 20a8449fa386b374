"""Network: how do layers become one function with one vector of parameters?

A network keeps all its parameters in one flat vector ``theta`` and all their gradients in ``grad``; every
layer's ``W``, ``b``, ``gamma`` ... is a view into it. So an optimizer moves one array, and gradient checking,
saving and weight norms are one-liners.
"""

import os
import stat
import zipfile

import numpy as np

from dlcore import checks
from dlcore.base import backward_through


class Network:
    """Layers applied one after another, their parameters gathered in one vector.

    Parameters
    ----------
    *layers
        Objects with ``forward(x, training)`` and ``backward(dy)``, such as a `dlcore.base.Layer`.
    dtype : numpy dtype
        Of all parameters and all that flows through: float64, or float32, which is about twice as fast.

    Attributes
    ----------
    theta, grad : (number of parameters,)
        The parameters, and the gradient that the last `backward` found. Change them in place. Frozen
        parameters are not among them, see `freeze`.
    running : (number of buffers,)
        What layers keep but do not learn: the running averages of batch normalization.
    layers : tuple

    Examples
    --------
    >>> from dlcore.layers import Dense, Tanh
    >>> rng = np.random.default_rng(0)
    >>> net = Network(Dense(2, 3, rng=rng), Tanh(), Dense(3, 1, rng=rng))
    >>> net.theta.size
    13
    >>> list(net.parameters())
    ['0.W', '0.b', '2.W', '2.b']
    >>> net.theta[:] = 0                       # the layers see it
    >>> net.forward([[1.0, 2.0]])
    array([[0.]])
    """

    def __init__(self, *layers, dtype=np.float64):
        if not layers:
            raise ValueError("layers must name at least one layer, got none")
        self.layers = layers
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64):
            raise ValueError(f"dtype must be numpy.float32 or numpy.float64, got {dtype!r}")
        owners = [layer for _, layer in self._walk()]
        for layer in owners:
            if not (hasattr(layer, "forward") and hasattr(layer, "backward")):
                raise TypeError(f"every layer must have forward and backward, got {layer!r}")
            if getattr(layer, "_in_network", False) or sum(layer is other for other in owners) > 1:
                raise ValueError(
                    f"{layer!r} must belong to one network, once: its parameters are views into that"
                    " network's theta; build a new layer"
                )
        for layer in owners:
            layer._in_network = True
        self._gather()

    def _walk(self):
        """Every layer with its name, depth first: "0", "1", "1.0" inside a residual block, ..."""
        stack = [(str(i), layer) for i, layer in enumerate(self.layers)]
        while stack:
            name, layer = stack.pop(0)
            yield name, layer
            inner = getattr(layer, "layers", ())
            stack[:0] = [(f"{name}.{i}", part) for i, part in enumerate(inner)]

    def _gather(self):
        """Move the layers' arrays into flat vectors and leave views in their place."""
        self.theta, free = self._flattened("params", frozen=False)
        self.grad, self._gradients = self._flattened("params", "d", frozen=False)
        _, kept = self._flattened("params", frozen=True)
        self._flattened("params", "d", frozen=True)
        self.running, self._buffers = self._flattened("buffers")
        self._parameters = {name: {**free, **kept}[name] for name, *_ in self._owned("params")}
        self._frozen = tuple(kept)

    def _owned(self, kind):
        """The name, the layer and the attribute of every array of a kind, in the layers' order."""
        return [
            (f"{name}.{key}", layer, key) for name, layer in self._walk() for key in getattr(layer, kind, ())
        ]

    def _flattened(self, kind, prefix="", frozen=False):
        owned = [
            (name, layer, prefix + key)
            for name, layer, key in self._owned(kind)
            if (key in getattr(layer, "_frozen", ())) == frozen
        ]
        arrays = [np.asarray(getattr(layer, attribute), self.dtype) for _, layer, attribute in owned]
        flat = np.concatenate([a.ravel() for a in arrays]) if arrays else np.empty(0, self.dtype)
        ends = np.cumsum([a.size for a in arrays])
        views = {}
        for (name, layer, attribute), a, end in zip(owned, arrays, ends):
            views[name] = flat[end - a.size : end].reshape(a.shape)
            setattr(layer, attribute, views[name])
        return flat, views

    def freeze(self, *names):
        """Take parameters out of `theta`: whatever moves `theta` leaves them as they are.

        Parameters
        ----------
        *names : str
            Names of `parameters`, such as ``"0.W"``, or of layers, such as ``"0"``, for all that they and the
            layers inside them learn.

        Notes
        -----
        `theta` and `grad` become new, shorter arrays, so an optimizer starts afresh. Penalties pass over
        frozen weights, and `backward` goes no deeper than the first layer that learns. `save` writes frozen
        parameters too. The running averages of a frozen batch normalization still move in training.

        Examples
        --------
        >>> from dlcore.layers import Dense, Tanh
        >>> rng = np.random.default_rng(0)
        >>> net = Network(Dense(2, 3, rng=rng), Tanh(), Dense(3, 1, rng=rng))
        >>> net.freeze("0", "2.b")
        >>> net.frozen, net.theta.size
        (('0.W', '0.b', '2.b'), 3)
        >>> net.unfreeze()
        >>> net.theta.size
        13
        """
        if not names:
            raise ValueError("names must name what to freeze, such as '0' or '0.W', got none")
        self._mark(names, frozenset.union)

    def unfreeze(self, *names):
        """Put frozen parameters back into `theta`: those named as in `freeze`, or all."""
        self._mark(names or self._frozen, frozenset.difference)

    @property
    def frozen(self):
        """The names of the parameters that are frozen."""
        return self._frozen

    def _mark(self, names, change):
        owned = self._owned("params")
        for name in names:
            if not any(_is_or_is_in(parameter, name) for parameter, *_ in owned):
                raise ValueError(f"names must be of parameters or of layers that learn, got {name!r}")
        for parameter, layer, key in owned:
            if any(_is_or_is_in(parameter, name) for name in names):
                layer._frozen = change(frozenset(getattr(layer, "_frozen", ())), {key})
        self._gather()

    def forward(self, x, training=False, trace=None):
        """The network's output for ``x``, examples in rows, converted to the network's dtype.

        `training` decides what dropout and batch normalization do. A list given as `trace` receives the
        output of each layer: the output of ``net.layers[i]`` is ``trace[i]``.

        Examples
        --------
        >>> from dlcore.layers import ReLU, Tanh
        >>> trace = []
        >>> Network(ReLU(), Tanh()).forward([[-1.0, 1.0]], trace=trace).round(2)
        array([[0.  , 0.76]])
        >>> trace[0]
        array([[0., 1.]])
        """
        if trace is not None:
            if not isinstance(trace, list):
                raise TypeError(f"trace must be a list, which receives each layer's output, got {trace!r}")
            trace.clear()
        x = checks.array("x", x, dtype=self.dtype)
        for i, layer in enumerate(self.layers):
            try:
                x = layer.forward(x, training)
            except ValueError as error:
                error.add_note(f"in layer {i}, {layer!r}")
                raise
            if trace is not None:
                trace.append(x)
        return x

    def backward(self, dy, input_gradient=True):
        """Fill ``grad`` from the gradient ``dy`` of the loss with respect to the output.

        Returns the gradient with respect to ``x``, or None if ``input_gradient=False``: training does not
        need it, and leaves out its cost. It is None, too, where ``x`` holds tokens (`Embedding`).
        """
        return backward_through(self.layers, np.asarray(dy, self.dtype), input_gradient)

    def parameters(self):
        """Views of ``theta`` by name, such as ``"0.W"``, and the frozen parameters."""
        return dict(self._parameters)

    def gradients(self):
        """Views of ``grad`` by the same names; frozen parameters have none."""
        return dict(self._gradients)

    def weights(self):
        """Pairs (W, dW) of all weight matrices that learn: what penalties shrink.

        Biases, gamma and beta are not among them.
        """
        return [(self._parameters[name], dw) for name, dw in self._gradients.items() if dw.ndim > 1]

    def save(self, path):
        """Write parameters and buffers to one file, whole or not at all.

        A crash leaves the old file as it was. The file keeps its permissions, and a link still points to it.
        """
        path = os.path.realpath(path)
        temporary = f"{path}.{os.urandom(8).hex()}.tmp"
        try:
            with open(temporary, "xb") as file:
                np.savez(file, **self._parameters, **self._buffers)
                file.flush()
                os.fsync(file.fileno())
            if os.path.exists(path):
                os.chmod(temporary, stat.S_IMODE(os.stat(path).st_mode))
            os.replace(temporary, path)
        except BaseException:
            if os.path.exists(temporary):
                os.unlink(temporary)
            raise

    def load(self, path):
        """Read what `save` wrote into this network.

        A damaged or foreign file, or one of a network of another shape, changes nothing.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it does not fit, or holds numbers too large for this network's dtype; the message says what
            differs.
        """
        here = {**self._parameters, **self._buffers}
        try:
            with np.load(path, allow_pickle=False) as file:
                stored = {name: file[name] for name in file.files}
        except FileNotFoundError:
            raise
        except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path} is damaged or was not written by Network.save: {error}") from None
        differences = [f"{name} is missing" for name in here if name not in stored]
        differences += [f"{name} is not in this network" for name in stored if name not in here]
        differences += [
            f"{name} has shape {stored[name].shape}, here {here[name].shape}"
            for name in here
            if name in stored and stored[name].shape != here[name].shape
        ]
        if differences:
            raise ValueError(f"{path} does not fit this network: {'; '.join(differences)}")
        stored = {
            name: checks.array(f"{name} in {path}", value, dtype=self.dtype) for name, value in stored.items()
        }
        for name, value in stored.items():
            here[name][...] = value

    def __setstate__(self, state):
        """After copying or unpickling, the copied layers' arrays become views again."""
        self.__dict__.update(state)
        self._gather()

    def __repr__(self):
        return f"Network({', '.join(map(repr, self.layers))})"


def _is_or_is_in(parameter, name):
    """Whether the parameter ``"3.0.W"`` is what a name like ``"3.0.W"``, ``"3.0"`` or ``"3"`` stands for."""
    return parameter == name or parameter.startswith(f"{name}.")
