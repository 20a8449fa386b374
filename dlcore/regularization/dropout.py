"""Dropout: what if no unit can count on its neighbours?

In training every unit is multiplied by a random factor r, drawn anew for each example::

    y = r ∘ x        E[r] = 1,   Var[r] = p / (1 - p)

The three layers differ in the shape of that noise only, so the same p asks the same strength of each:

====================  ==========================================
`Dropout`             r = 0 with probability p, else 1 / (1 - p)
`GaussianDropout`     r ~ Normal(1, p / (1 - p))
`UniformDropout`      r ~ Uniform(1 - β, 1 + β),  β² = 3p / (1 - p)
====================  ==========================================

In evaluation r is its mean, so y = x. **Monte-Carlo dropout** keeps the noise on: call
`forward(x, training=True)` many times at test time; the mean of the outputs is the prediction, their
spread how unsure it is (Gal and Ghahramani, "Dropout as a Bayesian approximation", 2016).

The noise is drawn in float32 whatever the dtype of x: that is faster, and a float32 and a float64
network with the same seed meet the same noise.
"""

import numpy as np

from dlcore import checks
from dlcore.base import Layer


class _Noise(Layer):
    """y = r ∘ x: the base multiplies, forwards and backwards; a subclass draws the factors r.

    Attributes
    ----------
    r : array
        The factors of the last `forward`: noise after training, its mean after evaluation.
    """

    mean = 1.0

    def __init__(self, p, rng):
        self.p = float(checks.number("p", p, 0, below=1))
        if np.float32(self.p) == 1:
            raise ValueError(f"p must be below 1 in float32, in which the noise is drawn, got {p!r}")
        self.rng = checks.generator(rng)

    def draw(self, shape):
        """Return the factors for one forward pass in training, one for each element."""
        raise NotImplementedError

    def forward(self, x, training=False):
        """Return r ∘ x, with r at its mean unless in training; any shape, the dtype of x is kept."""
        x = checks.array("x", x)
        r = self.draw(x.shape) if training else np.asarray(self.mean)
        with np.errstate(over="ignore"):
            self.r = r.astype(x.dtype, copy=False)
        if x.dtype == np.float16:
            checks.finite("the factors of dropout in float16, 1 / (1 - p),", self.r)
        self._memory = x.shape
        return self.r * x

    def backward(self, dy, input_gradient=True):
        """Return dL/dx = r ∘ dL/dy, with the factors of the last `forward`."""
        dy = checks.array("dy", dy, shape=checks.remembered(self, self._memory))
        return self.r * dy if input_gradient else None

    def __repr__(self):
        return f"{type(self).__name__}({self.p:g})"


class Dropout(_Noise):
    """Dropout: each unit is dropped with probability p.

    Parameters
    ----------
    p : float
        The share that is *dropped*, 0 <= p < 1 (the paper's p is the share that is kept).
    rng : numpy.random.Generator
    inverted : bool
        True: training divides by 1 - p, evaluation is the identity (as in PyTorch and Keras).
        False: training only drops, evaluation multiplies by 1 - p (the paper).
        Both agree in the mean.

    Notes
    -----
    Source: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout: a simple way to prevent
    neural networks from overfitting", 2014.

    Examples
    --------
    >>> dropout = Dropout(0.5, np.random.default_rng(0))
    >>> dropout.forward(np.ones(6), training=True)
    array([2., 2., 2., 0., 0., 0.])
    >>> dropout.backward(np.ones(6))
    array([2., 2., 2., 0., 0., 0.])
    >>> dropout.forward(np.ones(6))
    array([1., 1., 1., 1., 1., 1.])
    """

    def __init__(self, p, rng, inverted=True):
        super().__init__(p, rng)
        if not isinstance(inverted, (bool, np.bool_)):
            raise TypeError(f"inverted must be True or False, got {inverted!r}")
        self.inverted = inverted
        self.mean = 1.0 if inverted else 1 - self.p

    def draw(self, shape):
        r = self.rng.random(shape, dtype=np.float32) >= self.p
        return r / np.float32(1 - self.p) if self.inverted else r


class GaussianDropout(_Noise):
    """Gaussian dropout: each unit is multiplied by r ~ Normal(1, p / (1 - p)).

    Parameters
    ----------
    p : float
        0 <= p < 1: the noise has the variance of `Dropout(p)`, whose scale it uses.
    rng : numpy.random.Generator

    Notes
    -----
    Source: Srivastava et al., 2014, section 10 ("Multiplicative Gaussian Noise").

    Examples
    --------
    >>> dropout = GaussianDropout(0.2, np.random.default_rng(0))
    >>> y = dropout.forward(np.ones(100_000), training=True)
    >>> print(f"mean {y.mean():.2f}, variance {y.var():.2f}")
    mean 1.00, variance 0.25
    """

    def draw(self, shape):
        r = self.rng.standard_normal(shape, dtype=np.float32)
        r *= (self.p / (1 - self.p)) ** 0.5
        r += 1
        return r


class UniformDropout(_Noise):
    """Uniform dropout: each unit is multiplied by r ~ Uniform(1 - β, 1 + β), β = √(3p / (1 - p)).

    Parameters
    ----------
    p : float
        0 <= p < 1: β is chosen so that the noise has the variance β²/3 = p / (1 - p) of `Dropout(p)`.
    rng : numpy.random.Generator

    Notes
    -----
    p = 1/4 gives Uniform(0, 2): the uniform "continuous dropout" of Shen, Tian, Liu, Xu and Tao (2018),
    Uniform(0, 1), scaled in training rather than in evaluation. Above 1/4 some factors are negative, as
    Gaussian dropout's are for any p above 0.

    Source: Shen et al., "Continuous dropout", 2018; the matched variance is this library's choice.

    Examples
    --------
    >>> dropout = UniformDropout(0.25, np.random.default_rng(0))
    >>> y = dropout.forward(np.ones(100_000), training=True)
    >>> print(f"from {y.min():.2f} to {y.max():.2f}, mean {y.mean():.2f}, variance {y.var():.2f}")
    from 0.00 to 2.00, mean 1.00, variance 0.33
    """

    def draw(self, shape):
        beta = (3 * self.p / (1 - self.p)) ** 0.5
        r = self.rng.random(shape, dtype=np.float32)
        r *= 2 * beta
        r += 1 - beta
        return r
