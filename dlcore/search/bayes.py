"""Bayesian search: where would a model of the loss, fitted to all runs so far, try next?"""

import math

import numpy as np

from dlcore import checks

from . import spaces
from .gaussian_process import expected_improvement, most_likely
from .running import search
from .spaces import checked

LENGTH_SCALES = np.geomspace(0.05, 3, 10)
NOISES = (1e-6, 1e-3, 1e-1)
CANDIDATES = 500


def bayesian(experiment, space, n, rng, *, initial=5, n_jobs=None, results=None, progress=None):
    """First some runs at random, then each run where it promises the largest expected improvement.

    After each run a Gaussian process (Matérn 5/2, with noise) is fitted to the standardized losses on the
    unit cube, on which a `log_uniform` has equal distances for equal factors. Length scale and noise are
    those of the highest marginal likelihood on a small grid. The next configuration has the largest expected
    improvement among 500 drawn at random and 500 drawn near the best so far.

    Parameters
    ----------
    experiment : function
        As in `run`; lower is better. An infinite loss counts as the worst finite one, and so does one that is
        a million times farther from the best than all below it: beside it their differences would vanish.
    space : dict from name to list, `uniform`, `log_uniform` or `integers`
        Any two values of a list are equally far from each other.
    n : int
        Runs in all.
    rng : numpy.random.Generator
    initial : int
        Runs at random before the first fit. Only these run side by side: each later one depends on those
        before it.
    n_jobs, results, progress
        As in `run`.

    Returns
    -------
    Results

    References
    ----------
    Jones, Schonlau and Welch (1998), Efficient global optimization of expensive black-box functions.
    Snoek, Larochelle and Adams (2012), Practical Bayesian optimization of machine learning algorithms.

    Examples
    --------
    >>> from dlcore.search import log_uniform
    >>> space = {"lr": log_uniform(1e-4, 1)}
    >>> found = bayesian(lambda lr: np.log10(lr / 0.03) ** 2, space, 12, np.random.default_rng(0))
    >>> round(found.best["lr"], 2)
    0.03
    """
    space = checked(space, with_scale=True)
    n = checks.integer("n", n, 1)
    checks.generator(rng)
    initial = checks.integer("initial", initial, 1)
    return search(experiment, _proposals(space, n, rng, initial), n, n_jobs, results, progress)


def _proposals(space, n, rng, initial):
    seen = spaces.random(space, min(initial, n), rng)
    losses = yield seen
    while len(seen) < n:
        chosen = _next(space, seen, losses, rng)
        losses = np.append(losses, (yield [chosen]))
        seen = [*seen, chosen]


def _next(space, seen, losses, rng):
    """The candidate of the largest expected improvement."""
    y = _standardized(losses)
    process = most_likely(_to_cube(space, seen), y, LENGTH_SCALES, NOISES)
    best = seen[int(np.argmin(y))]
    near = [_neighbour(space, best, rng) for _ in range(CANDIDATES)]
    candidates = spaces.random(space, CANDIDATES, rng) + near
    mean, std = process.predict(_to_cube(space, candidates))
    return candidates[int(np.argmax(expected_improvement(mean, std, y.min())))]


def _standardized(losses):
    finite = np.isfinite(losses)
    if not finite.any():
        return np.zeros(len(losses))
    worst = _worst_comparable(np.sort(losses[finite]))
    y = np.where(losses <= worst, losses, worst)
    if abs(y).max() > 1e150:  # whose squares overflow
        y = y / abs(y).max()
    y = y - y.mean()
    return y / y.std() if y.std() > 0 else y


def _worst_comparable(losses):
    """The largest of the sorted losses before a gap of a million times the range below it, or of all."""
    above_best = losses / 2 - losses[0] / 2  # halved: a difference can overflow
    gaps = (above_best[:-1] > 0) & (1e-6 * above_best[1:] > above_best[:-1])
    return losses[np.argmax(gaps)] if gaps.any() else losses[-1]


def _to_cube(space, configurations):
    """Configurations as rows: a distribution takes one column, a list one for each of its values."""
    return np.array([np.hstack([_columns(space[name], c[name]) for name in space]) for c in configurations])


def _columns(values, value):
    if isinstance(values, list):
        return np.array([float(i == values.index(value)) for i in range(len(values))]) / math.sqrt(2)
    return np.array([values.position(value)])


def _neighbour(space, best, rng):
    """A configuration a twentieth or so of each scale away from `best`; a list's value seldom changes."""

    def near(values, value):
        if isinstance(values, list):
            return values[rng.integers(len(values))] if rng.random() < 0.2 else value
        return values.at(min(max(values.position(value) + 0.05 * rng.normal(), 0), 1))

    return {name: near(values, best[name]) for name, values in space.items()}
