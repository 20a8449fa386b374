"""Coarse to fine: why search everywhere once we know roughly where?"""

from dlcore import checks

from . import spaces
from .running import search
from .spaces import checked


def coarse_to_fine(
    experiment, space, n, rng, *, rounds=3, shrink=0.5, n_jobs=None, results=None, progress=None
):
    """Rounds of random search, each around the best so far and in a window `shrink` times as wide.

    The window is a part of each distribution's own scale: on `log_uniform(1e-4, 1)` a quarter of the scale
    is a factor of 10. It is moved, not cut, where it would leave the scale. Lists have no scale: their values
    are all drawn in every round.

    Parameters
    ----------
    experiment : function
        As in `run`; lower is better.
    space : dict from name to list, `uniform`, `log_uniform` or `integers`
    n : int
        Runs in all; the first rounds get one more where n is no multiple of `rounds`.
    rng : numpy.random.Generator
    rounds : int
        At most n.
    shrink : float between 0 and 1
    n_jobs, results, progress
        As in `run`.

    Returns
    -------
    Results

    Examples
    --------
    >>> import numpy as np
    >>> from dlcore.search import log_uniform
    >>> space = {"lr": log_uniform(1e-4, 1)}
    >>> found = coarse_to_fine(lambda lr: np.log10(lr / 0.03) ** 2, space, 30, np.random.default_rng(0))
    >>> round(found.best["lr"], 2)
    0.03
    """
    space = checked(space, with_scale=True)
    n = checks.integer("n", n, 1)
    checks.generator(rng)
    rounds = checks.integer("rounds", rounds, 1, n, "n")
    checks.number("shrink", shrink, above=0, below=1)
    return search(experiment, _proposals(space, n, rng, rounds, shrink), n, n_jobs, results, progress)


def _proposals(space, n, rng, rounds, shrink):
    best, best_score = None, None
    for i in range(rounds):
        window = space if best is None else _window(space, best, shrink**i)
        configurations = spaces.random(window, n // rounds + (i < n % rounds), rng)
        scores = yield configurations
        winner = scores.argmin()
        if best is None or scores[winner] < best_score:
            best, best_score = configurations[winner], scores[winner]


def _window(space, best, width):
    """The space around `best`: of each scale a part `width` wide."""

    def around(name, values):
        if isinstance(values, list):
            return values
        low = min(max(values.position(best[name]) - width / 2, 0), 1 - width)
        return lambda rng: values.at(low + width * rng.random())

    return {name: around(name, values) for name, values in space.items()}
