"""Sweeping: what does an experiment give at every setting, with how much luck?"""

import itertools
import numbers
import os
import sys
import warnings
from collections.abc import Mapping

import numpy as np

from dlcore import checks
from dlcore.training import progress_bar

from .running import ExperimentFailed, Results, check_configuration, finished


def sweep(experiment, *, seeds=16, n_jobs=None, **axes):
    """Run an experiment at every combination of settings, each with the same seeds.

    Parameters
    ----------
    experiment : function
        Called as ``experiment(**setting, seed=seed)``, or without a seed where ``seeds=None``. It returns a
        number, an array (a learning curve, a path) or a dict of those. NaN and infinity are kept: a run that
        diverged is a result.
    seeds : int or sequence of int or None
        16 means 0, ..., 15. The same seeds meet every setting, so differences between settings are paired.
        None is for an experiment without chance. Where time is short (in a browser), `limited_seeds` takes
        the first of them.
    n_jobs : int, optional
        Processes at work; -1 for one per core. None leaves it to ``joblib.parallel_config``, and is one
        without it. The result is the same.
    **axes : sequence or dict
        The values of each parameter. A dict gives names to values that have none: ``init={"He": he_normal}``.

    Returns
    -------
    Sweep

    Raises
    ------
    ExperimentFailed
        When an experiment raised an error, left with `sys.exit`, or lost its process. It names the setting
        and the seed; the others run first, and are in its `results`.
    TypeError, ValueError
        An axis without values, a value or a seed given twice, a parameter that the experiment does not have,
        outputs of different shapes for different seeds: the message names the setting.

    Examples
    --------
    >>> def race(lr, seed):
    ...     theta = np.random.default_rng(seed).normal()
    ...     return theta * (1 - lr) ** np.arange(4)       # a path of four steps
    >>> paths = sweep(race, lr=[0.1, 0.5], seeds=3)
    >>> paths
    Sweep(lr=[0.1, 0.5], seeds=3)
    >>> paths.at(lr=0.5).shape                            # one row per seed
    (3, 4)
    >>> paths.values.shape
    (2, 3, 4)
    >>> low, median, high = spread(paths.at(lr=0.5))      # the middle half of the seeds, step by step
    """
    if not callable(experiment):
        raise TypeError(f"experiment must be a function, got {experiment!r}")
    named = {name: _axis(name, values) for name, values in axes.items()}
    seeds = None if seeds is None else limited_seeds(seeds)
    chances = [{}] if seeds is None else [{"seed": seed} for seed in seeds]
    settings = [
        dict(zip(named, values, strict=True))
        for values in itertools.product(*(a.values() for a in named.values()))
    ]
    for setting in settings:
        check_configuration(experiment, setting | chances[0])
    runs = [setting | chance for setting in settings for chance in chances]
    ended = {}
    with progress_bar(len(runs), sys.platform == "emscripten") as bar:  # a browser takes long
        for i, *result in finished(experiment, dict(enumerate(runs)), n_jobs):
            ended[i] = result
            bar.update()
    outputs = [ended[i][0] for i in range(len(runs))]
    _check_all_succeeded(runs, outputs, [ended[i][1] for i in range(len(runs))])
    sweep_axes = {name: tuple(axis) for name, axis in named.items()}
    table = np.empty(len(settings), dtype=object)
    for i, labels in enumerate(itertools.product(*sweep_axes.values())):
        rows = outputs[i * len(chances) : (i + 1) * len(chances)]
        table[i] = _stacked(rows, seeds, dict(zip(sweep_axes, labels, strict=True)))
    return Sweep(sweep_axes, seeds, table.reshape([len(axis) for axis in sweep_axes.values()]))


def limited_seeds(seeds):
    """Return seeds as a tuple, no more of them than the environment variable ``SWEEP_SEEDS`` allows.

    `sweep` does so by itself. It is for experiments that train the networks of several seeds side by side.

    Parameters
    ----------
    seeds : int or sequence of int
        16 means 0, ..., 15.

    Returns
    -------
    tuple of int
        All of them where ``SWEEP_SEEDS`` is not set; else the first, and a printed line says how many.

    Raises
    ------
    ValueError
        No seed, a negative or a repeated one, or a limit that is no number of seeds.

    Examples
    --------
    >>> limited_seeds(4)
    (0, 1, 2, 3)
    """
    if isinstance(seeds, (int, np.integer)):
        seeds = tuple(range(checks.integer("seeds", seeds, 1)))
    else:
        seeds = tuple(checks.integer("seeds", seed, 0) for seed in seeds)
    if not seeds:
        raise ValueError("seeds must have at least one seed, got none")
    twice = [seed for i, seed in enumerate(seeds) if seed in seeds[:i]]
    if twice:
        raise ValueError(f"seeds must differ, got {twice[0]} twice")
    limit = os.environ.get("SWEEP_SEEDS", "").strip()
    if not limit:
        return seeds
    if not limit.isdecimal() or int(limit) < 1:
        raise ValueError(f"SWEEP_SEEDS must be a number of seeds, at least 1, got {limit!r}")
    if len(seeds) > int(limit):
        print(f"{limit} of {len(seeds)} seeds (SWEEP_SEEDS={limit})")
    return seeds[: int(limit)]


def spread(runs, share=0.5, axis=0):
    """Return the median over the seeds, and the band around it that holds the middle `share` of them.

    Parameters
    ----------
    runs : array
        With one entry for each seed along `axis`. NaN (a run without a value there) is left out; infinity is
        not.
    share : float
        0.5 is the interquartile band, 0.8 goes from the 10th to the 90th percentile.

    Returns
    -------
    low, median, high : arrays without that axis

    Examples
    --------
    >>> spread([[1.0, 2.0], [3.0, 4.0], [5.0, 9.0]])
    (array([2., 3.]), array([3., 4.]), array([4. , 6.5]))
    """
    runs = np.asarray(runs, float)
    share = checks.number("share", share, 0, 1)
    at = [50 - 50 * share, 50, 50 + 50 * share]
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # where no run has a value the median is NaN
        found = np.nanpercentile(runs, at, axis=axis)
        if np.isinf(runs).any():  # between two infinite runs NumPy's interpolation is inf - inf
            below, above = (
                np.nanpercentile(runs, at, axis=axis, method=side) for side in ("lower", "higher")
            )
            found = np.where(np.isnan(found), np.where(np.isinf(above), above, below), found)
    low, median, high = found
    return low, median, high


class Sweep:
    """What an experiment gave: a table that knows its axes; made by `sweep`.

    Attributes
    ----------
    axes : dict of str to tuple
        The values of each axis in order, or their names where it was given as a dict: what `explore` takes as
        controls, ``explore(partial(draw, runs=runs), **runs.axes)``.
    seeds : tuple of int or None
    """

    def __init__(self, axes, seeds, table):
        self.axes, self.seeds = axes, seeds
        self._table = table  # at each setting: an array with a row for each seed, or a dict of those

    def at(self, **setting):
        """Return the outputs at a setting, shape (seeds, *output), or by name where the experiment returned a
        dict.

        Where axes are left, the `Sweep` over them.
        """
        for name in setting:
            if name not in self.axes:
                raise ValueError(f"a setting must name axes ({', '.join(self.axes)}), got {name!r}")
        where = tuple(
            _place(name, axis, setting[name]) if name in setting else slice(None)
            for name, axis in self.axes.items()
        )
        left = {name: axis for name, axis in self.axes.items() if name not in setting}
        return Sweep(left, self.seeds, self._table[where]) if left else self._table[where]

    def __getitem__(self, name):
        """The sweep of one of the outputs, where the experiment returned a dict: ``runs["loss"]``."""
        if name not in self._names:
            there = ", ".join(map(repr, self._names)) or "no names: the experiment returned no dict"
            raise KeyError(f"the outputs have {there}; got {name!r}")
        table = np.empty_like(self._table)
        for where in np.ndindex(table.shape):
            table[where] = self._table[where][name]
        return Sweep(self.axes, self.seeds, table)

    @property
    def values(self):
        """All outputs as one array, shape (*axes, seeds, *output)."""
        if self._names:
            raise ValueError(
                f"values are of one output: take self[name] first, with one of {', '.join(self._names)}"
            )
        shapes = {array.shape: where for where, array in np.ndenumerate(self._table)}
        if len(shapes) > 1:
            told = " and ".join(
                f"{shape} at {self._told(where)}" for shape, where in list(shapes.items())[:2]
            )
            raise ValueError(f"values need one shape at all settings, got {told}: use at()")
        return np.array(self._table.ravel().tolist()).reshape(self._table.shape + next(iter(shapes)))

    @property
    def median(self):
        """The median over the seeds, shape (*axes, *output); NaN is left out."""
        values = self.values
        return values if self.seeds is None else spread(values, axis=len(self.axes))[1]

    @property
    def best(self):
        """The setting whose median is lowest; of equals, the first."""
        return dict(zip(self.axes, (axis[i] for axis, i in self._best()), strict=True))

    @property
    def best_at_edge(self):
        """The axes of numbers at whose end the best setting lies: those were not tuned, widen them."""
        return [
            name
            for name, (axis, i) in zip(self.axes, self._best(), strict=True)
            if len(axis) > 1
            and i in (0, len(axis) - 1)
            and all(isinstance(value, numbers.Real) for value in axis)
        ]

    def __iter__(self):
        """Yield ``(setting, outputs)`` in the order of the axes, the last moving fastest."""
        for labels in itertools.product(*self.axes.values()):
            setting = dict(zip(self.axes, labels, strict=True))
            yield setting, self.at(**setting)

    def __len__(self):
        return self._table.size

    def __repr__(self):
        axes = [f"{name}=[{', '.join(map(_told, axis))}]" for name, axis in self.axes.items()]
        seeds = "None" if self.seeds is None else len(self.seeds)
        return f"Sweep({', '.join([*axes, f'seeds={seeds}'])})"

    @property
    def _names(self):
        first = self._table.flat[0]
        return list(first) if isinstance(first, dict) else []

    def _best(self):
        median = self.median
        if median.shape != self._table.shape:
            raise ValueError(f"best needs one number from each run, got {median.shape[self._table.ndim :]}")
        lowest = np.argmin(np.where(np.isnan(median), np.inf, median))
        return list(zip(self.axes.values(), np.unravel_index(lowest, median.shape), strict=True))

    def _told(self, where):
        return _setting({name: axis[i] for (name, axis), i in zip(self.axes.items(), where, strict=True)})


def _axis(name, values):
    """The values of an axis by their labels: names where it is a dict, else the values themselves."""
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        raise TypeError(f"{name} must be a list of values, got {values!r}")
    if isinstance(values, Mapping):
        axis = dict(values)
    else:
        values = [value.item() if isinstance(value, np.generic) else value for value in values]
        twice = [value for i, value in enumerate(values) if value in values[:i]]
        if twice:
            raise ValueError(f"{name} must have different values, got {_told(twice[0])} twice")
        axis = {value: value for value in values}
    if not axis:
        raise ValueError(f"{name} must have at least one value, got none")
    return axis


def _check_all_succeeded(runs, outputs, failures):
    failed = [i for i, failure in enumerate(failures) if failure is not None]
    if failed:
        others = [i for i in range(len(runs)) if failures[i] is None]
        raise ExperimentFailed(
            f"experiment failed for {len(failed)} of {len(runs)} runs, the first at"
            f" {_setting(runs[failed[0]])}: {failures[failed[0]]}",
            Results([outputs[i] for i in others], [runs[i] for i in others]),
            [runs[i] for i in failed],
        )


def _stacked(rows, seeds, setting):
    """The outputs of one setting's seeds as one array, or one for each name."""
    if isinstance(rows[0], dict):
        if any(not isinstance(row, dict) or row.keys() != rows[0].keys() for row in rows):
            raise ValueError(f"experiment must return the same names for all seeds at {_setting(setting)}")
        return {name: _stacked([row[name] for row in rows], seeds, setting) for name in rows[0]}
    arrays = [np.asarray(row) for row in rows]
    for array, row in zip(arrays, rows, strict=True):
        if array.dtype.kind not in "biuf":
            raise TypeError(
                f"experiment must return numbers, arrays or a dict of them, got {row!r}"
                f" at {_setting(setting)}"
            )
    shapes = list(dict.fromkeys(array.shape for array in arrays))
    if len(shapes) > 1:
        raise ValueError(
            f"experiment must return one shape for all seeds, got {shapes[0]} and {shapes[1]}"
            f" at {_setting(setting)}"
        )
    return arrays[0] if seeds is None else np.array(arrays)


def _place(name, axis, value):
    for i, label in enumerate(axis):
        if label is value or (isinstance(label, bool) == isinstance(value, bool) and label == value):
            return i
    raise ValueError(f"{name} must be one of {', '.join(map(_told, axis))}, got {_told(value)}")


def _setting(setting):
    return ", ".join(f"{name}={_told(value)}" for name, value in setting.items()) or "its only setting"


def _told(value):
    return str(getattr(value, "__name__", value))
