"""Layers: what does one step of the signal do, and what does its gradient do on the way back?

Every layer has the two methods of `dlcore.base.Layer`: ``forward(x, training=False)`` returns the output and
remembers what the way back needs; ``backward(dy, input_gradient=True)`` takes the gradient of the loss with
respect to that output and returns the one with respect to ``x``. A layer that learns names its arrays in
`params`; the gradient of ``W`` is ``dW``.
"""

import math

import numpy as np

from dlcore import checks
from dlcore.base import Layer, backward_through
from dlcore.initialization import he_normal


class Dense(Layer):
    """A linear map of each example, or of each step of a sequence: y = x W + b.

    Parameters
    ----------
    n_in, n_out : int
    init : function of (shape, rng, dtype=)
        How the weights begin, such as `dlcore.initialization.he_normal`; biases begin at 0.
    rng : numpy.random.Generator
    bias : bool
        Whether there is a ``b``. Batch normalization right after the layer subtracts it again.

    Examples
    --------
    >>> from dlcore.initialization import constant
    >>> layer = Dense(2, 3, init=constant, rng=np.random.default_rng(0))
    >>> layer.W[...] = [[1, 0, 2], [0, 1, 3]]
    >>> layer.forward(np.array([[1.0, 10.0]]))
    array([[ 1., 10., 32.]])
    >>> layer.backward(np.array([[1.0, 0.0, 0.0]]))
    array([[1., 0.]])
    """

    def __init__(self, n_in, n_out, init=he_normal, *, rng, bias=True):
        self.n_in = checks.integer("n_in", n_in, 1)
        self.n_out = checks.integer("n_out", n_out, 1)
        checks.generator(rng)
        if not callable(init):
            raise TypeError(f"init must be a function of (shape, rng) such as he_normal, got {init!r}")
        self.W = checks.floats("the weights that init returns", init((n_in, n_out), rng))
        self.dW = np.zeros_like(self.W)
        self.params = ("W",)
        if bias:
            self.b, self.db = np.zeros(n_out, self.W.dtype), np.zeros(n_out, self.W.dtype)
            self.params = ("W", "b")

    def forward(self, x, training=False):
        """``x: (m, n_in)`` to ``y: (m, n_out)``, or ``(m, t, n_in)`` to ``(m, t, n_out)``."""
        x = np.asarray(x)
        if x.ndim < 2 or x.shape[-1] != self.n_in:
            others = ", ".join(["any"] * max(1, x.ndim - 1))
            raise ValueError(f"x must have shape ({others}, {self.n_in}), got {x.shape}")
        self._memory = x
        y = _rows(x) @ self.W
        if "b" in self.params:
            y += self.b
        return y if x.ndim == 2 else y.reshape(*x.shape[:-1], self.n_out)

    def backward(self, dy, input_gradient=True):
        """dW = x' dy, db = sum of dy over the examples, dx = dy W'.

        The first layer of a network is told ``input_gradient=False``: nobody asks for its dx, which costs
        as much as its forward pass.
        """
        x = checks.remembered(self, self._memory)
        dy = checks.same_shape("dy", np.asarray(dy), (*x.shape[:-1], self.n_out))
        dy = _rows(dy)
        np.matmul(_rows(x).T, dy, out=self.dW)
        if "b" in self.params:
            np.add.reduce(dy, axis=0, out=self.db)
        if not input_gradient:
            return None
        dx = dy @ self.W.T
        return dx if x.ndim == 2 else dx.reshape(x.shape)

    def __repr__(self):
        return f"Dense({self.n_in}, {self.n_out})"


def _rows(x):
    """All examples, and all their steps, one below another."""
    return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])


class _Activation(Layer):
    """An activation function of each number; a subclass writes `value` and `derivative`."""

    def forward(self, x, training=False):
        x = np.asarray(x)
        if x.dtype.kind != "f":
            x = x.astype(np.float64)
        y = self.value(x)
        self._memory = x, y
        return y

    def backward(self, dy, input_gradient=True):
        """dx = dy f'(x), element by element."""
        x, y = checks.remembered(self, self._memory)
        dy = checks.same_shape("dy", np.asarray(dy), y.shape)
        return dy * self.derivative(x, y) if input_gradient else None


class Sigmoid(_Activation):
    """y = 1 / (1 + exp(-x)), with dy/dx = y (1 - y), never above 1/4.

    Examples
    --------
    >>> Sigmoid().forward(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """

    def value(self, x):
        z = np.exp(-np.abs(x))  # at most 1: cannot overflow
        return np.where(x >= 0, 1, z) / (1 + z)

    def derivative(self, x, y):
        return y * (1 - y)


class Tanh(_Activation):
    """y = tanh(x), with dy/dx = 1 - y^2, which is 1 at x = 0 only.

    Examples
    --------
    >>> Tanh().forward(np.array([0.0, 1.0])).round(3)
    array([0.   , 0.762])
    """

    def value(self, x):
        return np.tanh(x)

    def derivative(self, x, y):
        return 1 - y * y


class ReLU(_Activation):
    """y = max(x, 0), with dy/dx = 1 where x > 0 and 0 elsewhere, at 0 too.

    Examples
    --------
    >>> relu = ReLU()
    >>> relu.forward(np.array([-2.0, 3.0]))
    array([0., 3.])
    >>> relu.backward(np.array([1.0, 1.0]))
    array([0., 1.])
    """

    def value(self, x):
        return np.maximum(x, 0)

    def derivative(self, x, y):
        return (x > 0).astype(x.dtype)


class LeakyReLU(_Activation):
    """y = x where x > 0, slope * x elsewhere (Maas, Hannun & Ng 2013).

    Examples
    --------
    >>> LeakyReLU(0.1).forward(np.array([-2.0, 3.0]))
    array([-0.2,  3. ])
    """

    def __init__(self, slope=0.01):
        self.slope = checks.number("slope", slope, 0, below=1)

    def value(self, x):
        return np.maximum(x, self.slope * x)

    def derivative(self, x, y):
        return np.where(x > 0, 1, self.slope).astype(x.dtype, copy=False)


class ELU(_Activation):
    """y = x where x > 0, alpha * (exp(x) - 1) elsewhere (Clevert, Unterthiner & Hochreiter 2016).

    Examples
    --------
    >>> ELU().forward(np.array([-1000.0, 3.0]))
    array([-1.,  3.])
    """

    def __init__(self, alpha=1.0):
        self.alpha = checks.number("alpha", alpha, above=0)

    def value(self, x):
        return np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0)))

    def derivative(self, x, y):
        return np.where(x > 0, 1, y + self.alpha).astype(x.dtype, copy=False)


class GELU(_Activation):
    """y = x * Phi(x), Phi the standard normal distribution function (Hendrycks & Gimpel 2016).

    Phi is exact, by Python's erf one number at a time: slower than the tanh approximation, and without its
    error.

    Examples
    --------
    >>> GELU().forward(np.array([-10.0, 1.0])).round(3)
    array([-0.   ,  0.841])
    """

    def value(self, x):
        return x * self._Phi(x)

    def derivative(self, x, y):
        phi = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
        return self._Phi(x) + x * phi

    @staticmethod
    def _Phi(x):
        return 0.5 * (1 + _erf(x / math.sqrt(2)).astype(x.dtype))


_erf = np.frompyfunc(math.erf, 1, 1)


class Flatten(Layer):
    """Images to rows: ``(m, channels, height, width)`` to ``(m, channels * height * width)``.

    Examples
    --------
    >>> Flatten().forward(np.zeros((5, 1, 28, 28))).shape
    (5, 784)
    """

    def forward(self, x, training=False):
        x = np.asarray(x)
        self._memory = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dy, input_gradient=True):
        """The same numbers in the shape of the images."""
        shape = checks.remembered(self, self._memory)
        return np.asarray(dy).reshape(shape) if input_gradient else None


class Residual(Layer):
    """A shortcut round some layers: y = x + F(x).

    The gradient takes the shortcut too: dx = dy + F's share. Where that share is small, dy arrives nearly
    whole (He et al. 2016).

    Examples
    --------
    >>> block = Residual(Tanh())
    >>> block.forward(np.array([[0.0, 1.0]])).round(3)
    array([[0.   , 1.762]])
    """

    def __init__(self, *layers):
        if not layers:
            raise ValueError("layers must name at least one layer, got none")
        self.layers = layers

    def forward(self, x, training=False):
        x = y = np.asarray(x)
        for layer in self.layers:
            y = layer.forward(y, training)
        if y.shape != x.shape:
            raise ValueError(f"the layers of Residual must keep the shape {x.shape} of x, got {y.shape}")
        self._memory = x.shape
        return x + y

    def backward(self, dy, input_gradient=True):
        """dx = dy + the inner layers' dx."""
        dy = checks.same_shape("dy", np.asarray(dy), checks.remembered(self, self._memory))
        dx = backward_through(self.layers, dy, input_gradient)
        return dy + dx if input_gradient else None

    def __repr__(self):
        return f"Residual({', '.join(map(repr, self.layers))})"
