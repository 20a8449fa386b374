"""Spaces: which values may a hyperparameter take, and which of them are tried?

A space is a dict from a hyperparameter's name to a list of values or to a distribution.
"""

import itertools
import math

import numpy as np

from dlcore import checks


class Distribution:
    """A number between `low` and `high`, drawn with ``distribution(rng)``.

    A subclass says how the unit interval maps onto the numbers, ``at(u)``, and back, ``position(value)``.
    The number at a uniformly drawn u has the distribution; equal distances in u are equal steps on its scale.
    """

    def __init__(self, low, high):
        self.low = checks.number("low", low)
        self.high = checks.number("high", high, above=low)

    def __call__(self, rng):
        return self.at(rng.random())

    def __repr__(self):
        return f"{type(self).__name__}({self.low}, {self.high})"


class uniform(Distribution):
    """A number between `low` and `high`, each as likely as the others.

    Examples
    --------
    >>> uniform(0, 10).at(0.5)
    5.0
    """

    def at(self, u):
        return float(self.low + u * (self.high - self.low))

    def position(self, value):
        return (value - self.low) / (self.high - self.low)


class log_uniform(Distribution):
    """A positive number whose logarithm is uniform: between 0.001 and 0.01 as often as between 0.1 and 1.

    Examples
    --------
    >>> round(log_uniform(0.001, 0.1).at(0.5), 12)
    0.01
    """

    def __init__(self, low, high):
        super().__init__(checks.number("low", low, above=0), high)

    def at(self, u):
        value = math.exp((1 - u) * math.log(self.low) + u * math.log(self.high))
        return float(min(max(value, self.low), self.high))  # exp(log(0.1)) is 0.10000000000000002

    def position(self, value):
        return math.log(value / self.low) / math.log(self.high / self.low)


class integers(Distribution):
    """A whole number from `low` to `high`, both included, each as likely as the others.

    Examples
    --------
    >>> [integers(1, 3).at(u) for u in (0, 0.5, 1)]
    [1, 2, 3]
    """

    def __init__(self, low, high):
        super().__init__(checks.integer("low", low), checks.integer("high", high))

    def at(self, u):
        return min(self.low + int(u * (self.high - self.low + 1)), self.high)

    def position(self, value):
        return (value - self.low + 0.5) / (self.high - self.low + 1)


def grid(space):
    """Every combination of the values, the last hyperparameter changing fastest.

    Parameters
    ----------
    space : dict from name to list

    Returns
    -------
    list of configurations
        As many as the product of the lists' lengths.

    Examples
    --------
    >>> grid({"lr": [0.1, 0.01], "depth": [2, 3]})  # doctest: +NORMALIZE_WHITESPACE
    [{'lr': 0.1, 'depth': 2}, {'lr': 0.1, 'depth': 3},
     {'lr': 0.01, 'depth': 2}, {'lr': 0.01, 'depth': 3}]
    """
    space = checked(space)
    for name, values in space.items():
        if not isinstance(values, list):
            raise TypeError(f"space[{name!r}] must be a list of values for a grid, got {values!r}")
    return [dict(zip(space, values)) for values in itertools.product(*space.values())]


def random(space, n, rng):
    """`n` configurations, each hyperparameter drawn independently of the others.

    With as many runs as a grid, every run tries a new value of the hyperparameters that matter: 25 points of
    a grid in two dimensions show five values of each, 25 random points show 25.

    Parameters
    ----------
    space : dict from name to list or distribution
        From a list each value is drawn with the same probability. A distribution is `uniform`, `log_uniform`,
        `integers`, or any function of an rng that returns a value.
    n : int
    rng : numpy.random.Generator

    Returns
    -------
    list of n configurations

    References
    ----------
    Bergstra and Bengio (2012), Random search for hyper-parameter optimization.

    Examples
    --------
    >>> space = {"lr": log_uniform(1e-4, 1), "depth": [2, 3]}
    >>> for configuration in random(space, 2, np.random.default_rng(0)):
    ...     print(f"lr = {configuration['lr']:.2g}, depth = {configuration['depth']}")
    lr = 0.035, depth = 3
    lr = 0.00015, depth = 2
    """
    space = checked(space)
    n = checks.integer("n", n, 1)
    checks.generator(rng)
    return [{name: _draw(values, rng) for name, values in space.items()} for _ in range(n)]


def _draw(values, rng):
    return values[rng.integers(len(values))] if isinstance(values, list) else values(rng)


def checked(space, *, with_scale=False, without=()):
    """Return a copy of the space in which every entry is a non-empty list or a distribution."""
    if not isinstance(space, dict):
        raise TypeError(f"space must be a dict from names to lists or distributions, got {space!r}")
    if not space:
        raise ValueError("space must name at least one hyperparameter, got {}")
    for name in space:
        if not isinstance(name, str):
            raise TypeError(f"space must have the names of hyperparameters as keys, got {name!r}")
        if name in without:
            raise ValueError(f"space must leave {name!r} to the search, got {space[name]!r}")
    return {name: _checked_values(name, values, with_scale) for name, values in space.items()}


def _checked_values(name, values, with_scale):
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if isinstance(values, (list, tuple, range)):
        if len(values) == 0:
            raise ValueError(f"space[{name!r}] must have at least one value, got {values!r}")
        return list(values)
    if isinstance(values, Distribution) or (callable(values) and not with_scale):
        return values
    kinds = "a list, uniform, log_uniform or integers" if with_scale else "a list or a distribution"
    raise TypeError(f"space[{name!r}] must be {kinds}, got {values!r}")
