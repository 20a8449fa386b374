"""Gaussian process: what may a function be between the points where we have seen it?"""

import math

import numpy as np

from dlcore import checks


def matern52(a, b, length_scale):
    """The Matérn covariance with ν = 5/2 between the rows of `a` and those of `b`.

    k(r) = (1 + √5 r/ℓ + 5 r²/(3 ℓ²)) exp(−√5 r/ℓ), r the Euclidean distance: 1 at r = 0, and functions drawn
    with it are twice differentiable, as losses often are, where a Gaussian covariance has all derivatives.

    Parameters
    ----------
    a : array (m, d)
    b : array (n, d)
    length_scale : positive number
        ℓ, the distance over which the function changes.

    Returns
    -------
    array (m, n)

    References
    ----------
    Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, eq. 4.17.

    Examples
    --------
    >>> matern52(np.array([[0.0]]), np.array([[0.0], [1.0]]), 1.0).round(3)
    array([[1.   , 0.524]])
    """
    r = np.sqrt(((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2))
    z = math.sqrt(5) * r / length_scale
    return (1 + z + z**2 / 3) * np.exp(-z)


class GaussianProcess:
    """Functions with mean 0 and the covariance `matern52`, given what was seen of one with noise.

    Parameters
    ----------
    x : array (n, d)
    y : array (n,)
        f(x) + ε, ε normal with the variance `noise`.
    length_scale : positive number
    noise : positive number
        In units of f's own variance, which is 1.

    Attributes
    ----------
    log_marginal_likelihood : float
        log p(y | x), by which length scales are compared.

    References
    ----------
    Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, Algorithm 2.1.

    Examples
    --------
    >>> process = GaussianProcess(np.array([[0.0], [1.0]]), np.array([0.0, 1.0]), 1.0, 1e-9)
    >>> mean, std = process.predict(np.array([[0.0], [0.5], [1.0]]))
    >>> mean.round(2), std.round(2)
    (array([0.  , 0.54, 1.  ]), array([0.  , 0.31, 0.  ]))
    """

    def __init__(self, x, y, length_scale, noise):
        self.x = checks.array("x", x, ndim=2)
        y = checks.array("y", y, shape=(len(self.x),))
        self.length_scale = checks.number("length_scale", length_scale, above=0)
        self.noise = checks.number("noise", noise, above=0)
        K = matern52(self.x, self.x, length_scale)
        self.L = np.linalg.cholesky(K + noise * np.eye(len(y)))
        self.alpha = np.linalg.solve(self.L.T, np.linalg.solve(self.L, y))
        self.log_marginal_likelihood = float(
            -y @ self.alpha / 2 - np.log(np.diag(self.L)).sum() - len(y) / 2 * math.log(2 * math.pi)
        )

    def predict(self, x):
        """Mean and standard deviation of f at the rows of `x`, each of shape (len(x),)."""
        x = checks.array("x", x, shape=(None, self.x.shape[1]))
        k = matern52(self.x, x, self.length_scale)
        mean = k.T @ self.alpha
        v = np.linalg.solve(self.L, k)
        variance = 1 - (v**2).sum(axis=0)
        return mean, np.sqrt(np.maximum(variance, 0))  # rounding can take a variance of 0 below it


def most_likely(x, y, length_scales, noises):
    """The process of the highest marginal likelihood among those on a grid."""
    processes = [
        GaussianProcess(x, y, length_scale, noise) for length_scale in length_scales for noise in noises
    ]
    return max(processes, key=lambda process: process.log_marginal_likelihood)


def expected_improvement(mean, std, best):
    """How far below `best` a normal value falls on average, where being above counts as 0.

    E[max(best − f, 0)] = (best − μ) Φ(z) + σ φ(z), z = (best − μ) / σ.

    Parameters
    ----------
    mean, std : arrays of the same shape
        Of f; where σ = 0 the improvement is max(best − μ, 0).
    best : number

    References
    ----------
    Jones, Schonlau and Welch (1998), Efficient global optimization of expensive black-box functions.

    Examples
    --------
    >>> expected_improvement(np.array([1.0, 2.0]), np.array([1.0, 1.0]), best=1.0).round(3)
    array([0.399, 0.083])
    """
    mean = checks.array("mean", mean)
    std = checks.array("std", std, shape=mean.shape)
    checks.number("best", best)
    if std.min() < 0:
        raise ValueError(f"std must be at least 0, got {std.min()}")
    gain = best - mean
    with np.errstate(over="ignore"):  # hardly any doubt: z = ±inf is as good as 1e200
        z = np.divide(gain, std, out=np.zeros_like(gain), where=std > 0)
        Phi = np.vectorize(math.erfc, otypes=[float])(-z / math.sqrt(2)) / 2
        phi = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    return np.where(std > 0, np.maximum(gain * Phi + std * phi, 0), np.maximum(gain, 0))
