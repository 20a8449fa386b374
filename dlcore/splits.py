"""Splits: on which examples may a model be judged, and how is one model chosen among several?

A split is a tuple of index arrays, each sorted, so that ``x[train], y[train]`` and ``x[test], y[test]`` are
the parts. Nothing here looks at the examples themselves, except `stratified_k_fold` at their labels and
`group_k_fold` at where they come from.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dlcore import checks


def hold_out(n, fractions, rng):
    """Divide 0, ..., n - 1 at random into disjoint parts, one per fraction.

    Parameters
    ----------
    n : int
        Number of examples.
    fractions : sequence of float
        Positive, with the sum 1. The sizes are the fractions of n, rounded so that they add up to n: no
        size is a whole example off.
    rng : numpy.random.Generator

    Returns
    -------
    tuple of int arrays, one per fraction

    Raises
    ------
    ValueError
        If the fractions do not add up to 1 or a part would be empty.

    Examples
    --------
    >>> train, validation, test = hold_out(10, (0.6, 0.2, 0.2), np.random.default_rng(0))
    >>> len(train), len(validation), len(test)
    (6, 2, 2)
    """
    n = checks.integer("n", n, 1)
    fractions = checks.array("fractions", fractions, ndim=1, dtype=np.float64)
    checks.generator(rng)
    if fractions.min() <= 0:
        raise ValueError(f"fractions must be above 0, got {fractions.tolist()}")
    if abs(fractions.sum() - 1) > 1e-9:
        raise ValueError(
            f"fractions must add up to 1, got {fractions.tolist()} with the sum {fractions.sum():.6g}"
        )
    # halves round upwards everywhere, also those that the sum left just below: else a size is one off
    ends = np.floor(np.round(np.cumsum(fractions) * n, 9) + 0.5).astype(int)
    ends[-1] = n
    sizes = np.diff(ends, prepend=0)
    if sizes.min() < 1:
        raise ValueError(
            f"fractions must leave an example for every part, got sizes {sizes.tolist()} of n={n}"
        )
    return tuple(np.sort(part) for part in np.split(rng.permutation(n), ends[:-1]))


def k_fold(n, k, rng):
    """Divide 0, ..., n - 1 at random into k folds, each of which is the test set once.

    The first n mod k folds have one example more than the others, as in scikit-learn.

    Parameters
    ----------
    n : int
        Number of examples.
    k : int from 2 to n
    rng : numpy.random.Generator

    Returns
    -------
    list of k pairs (train, test) of int arrays

    Examples
    --------
    >>> [len(test) for train, test in k_fold(10, 4, np.random.default_rng(0))]
    [3, 3, 2, 2]
    """
    n = checks.integer("n", n, 2)
    k = checks.integer("k", k, 2, n, "n")
    checks.generator(rng)
    return _pairs(n, np.array_split(rng.permutation(n), k))


def stratified_k_fold(labels, k, rng):
    """`k_fold` with the same mix of classes in each fold.

    The shuffled members of one class after those of the other are dealt to the folds like cards: the
    members of a class differ by at most 1 between folds, and so do the folds' sizes.

    Parameters
    ----------
    labels : array of int, shape (n,)
        The class of each example, 0 or more.
    k : int
        At least 2, and at most the number of members of the smallest class.
    rng : numpy.random.Generator

    Returns
    -------
    list of k pairs (train, test) of int arrays

    Examples
    --------
    >>> labels = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1])
    >>> [labels[test].tolist() for train, test in stratified_k_fold(labels, 3, np.random.default_rng(0))]
    [[0, 0, 1], [0, 0, 1], [0, 0, 1]]
    """
    labels = checks.labels("labels", labels)
    n = len(labels)
    k = checks.integer("k", k, 2, n, "n")
    checks.generator(rng)
    classes, members = np.unique(labels, return_counts=True)
    if members.min() < k:
        smallest = np.argmin(members)
        raise ValueError(
            f"k must be at most the members of the smallest class, {members[smallest]} of class "
            f"{classes[smallest]}, got {k}"
        )
    shuffled = rng.permutation(n)
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    return _pairs(n, [by_class[fold::k] for fold in range(k)])


def leave_one_out(n):
    """Each example is the test set once: `k_fold` with k = n, which leaves nothing to chance.

    Parameters
    ----------
    n : int
        At least 2.

    Returns
    -------
    list of n pairs (train, test) of int arrays

    Examples
    --------
    >>> for train, test in leave_one_out(3):
    ...     print(train, test)
    [1 2] [0]
    [0 2] [1]
    [0 1] [2]
    """
    n = checks.integer("n", n, 2)
    return _pairs(n, np.arange(n).reshape(n, 1))


def group_k_fold(groups, k, rng):
    """`k_fold` that keeps together what belongs together: no group is in training and test set at once.

    Several pictures of one person, several scans of one patient: a model that has seen one of them knows the
    others too well. The largest group goes first, each to the fold that holds the fewest examples so far;
    chance decides between equals.

    Parameters
    ----------
    groups : array of shape (n,)
        The group of each example: whole numbers or strings.
    k : int
        At least 2, and at most the number of groups.
    rng : numpy.random.Generator

    Returns
    -------
    list of k pairs (train, test) of int arrays

    Examples
    --------
    >>> patients = np.array(["a", "b", "a", "c", "b", "a"])
    >>> [patients[test].tolist() for train, test in group_k_fold(patients, 3, np.random.default_rng(0))]
    [['a', 'a', 'a'], ['b', 'b'], ['c']]
    """
    groups = np.asarray(groups)
    if groups.dtype == object:
        groups = np.asarray(groups.tolist())
    if groups.ndim != 1 or groups.size == 0 or groups.dtype.kind not in "biuU":
        raise ValueError(
            f"groups must be a non-empty array (n,) of whole numbers or strings, got {groups!r:.60}"
        )
    names, group_of = np.unique(groups, return_inverse=True)
    k = checks.integer("k", k, 2, len(names), "number of groups")
    checks.generator(rng)
    sizes = np.bincount(group_of)
    shuffled = rng.permutation(len(names))
    fold_of, filled = np.empty(len(names), int), np.zeros(k, int)
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        fold_of[group] = fold = np.argmin(filled)
        filled[fold] += sizes[group]
    return _pairs(len(groups), [np.flatnonzero(fold_of[group_of] == fold) for fold in range(k)])


def time_split(n, k):
    """k splits of examples in the order of time: each tests on what follows all that it trained on.

    The last k · t examples, with t = n // (k + 1), are k test sets of t examples each; the training set of
    each is everything before it, as in scikit-learn's `TimeSeriesSplit`. There is no chance in it.

    Parameters
    ----------
    n : int
        The number of examples, the oldest first.
    k : int from 2 to n - 1

    Returns
    -------
    list of k pairs (train, test) of int arrays

    Examples
    --------
    >>> for train, test in time_split(7, 3):
    ...     print(train, test)
    [0 1 2 3] [4]
    [0 1 2 3 4] [5]
    [0 1 2 3 4 5] [6]
    """
    n = checks.integer("n", n, 3)
    k = checks.integer("k", k, 2, n - 1, "n - 1")
    size = n // (k + 1)
    return [(np.arange(start), np.arange(start, start + size)) for start in range(n - k * size, n, size)]


@dataclass(frozen=True)
class Selection:
    """The outcome of `select`; printed, it is a table of the candidates.

    Attributes
    ----------
    best : the name of the candidate chosen
    model : that candidate, trained on all examples
    scores : dict from name to array of shape (folds,)
    mean : dict from name to float
    standard_error : dict from name to float
        The folds' standard deviation (with k - 1) over √k. The training sets of two folds overlap, so the
        scores are not independent and this is a yardstick, not a confidence interval.
    """

    best: Any
    model: Any
    scores: dict
    mean: dict
    standard_error: dict

    def __str__(self):
        width = max(len(str(name)) for name in self.scores)
        return "\n".join(
            f"{name!s:<{width}}  {self.mean[name]:.4g} ± {self.standard_error[name]:.2g}"
            + ("  (best)" if name == self.best else "")
            for name in self.scores
        )


def select(candidates, x, y, *, train, score, folds, best):
    """Choose among candidates by cross-validation, then train the chosen one on all examples.

    1. Divide the examples into folds. 2. For each candidate and each fold, train on the other folds.
    3. Score on the fold left out. 4. Average over the folds. 5. Take the best average. 6. Train that
    candidate again, on everything.

    The average of the chosen candidate is the best of several and therefore too good: what the final
    model is worth is said by a test set that none of the six steps has seen.

    Parameters
    ----------
    candidates : dict from name to candidate, or list (the names are then 0, 1, ...)
        A candidate is whatever `train` understands: a learning rate, a dict of settings, a function.
    x, y : arrays of the same length
    train : function (candidate, x, y) -> model
        It must make a new model at each call. Whatever is fitted, a scaler too, is fitted in here, where
        only the training folds are seen.
    score : function (model, x, y) -> number
    folds : list of pairs (train, test) of index arrays
        From `k_fold`, `stratified_k_fold` or another function of this room; all candidates see the same.
    best : min or max
        Python's function: ``best=min`` for a loss, ``best=max`` for an accuracy. Of equals, the first.

    Returns
    -------
    Selection

    Raises
    ------
    ValueError, TypeError
        If there are no candidates, fewer than two folds, indices outside the examples, a fold that tests
        on what it trained on, or a score that is not a finite number.

    Examples
    --------
    Which degree does a parabola with noise ask for?

    >>> rng = np.random.default_rng(0)
    >>> x = rng.uniform(-1, 1, 40)
    >>> y = x**2 + rng.normal(0, 0.1, 40)
    >>> chosen = select(
    ...     {"line": 1, "parabola": 2}, x, y,
    ...     train=lambda degree, x, y: np.polyfit(x, y, degree),
    ...     score=lambda model, x, y: np.mean((np.polyval(model, x) - y) ** 2),
    ...     folds=k_fold(40, 5, rng), best=min)
    >>> chosen.best, len(chosen.model)
    ('parabola', 3)
    """
    candidates = dict(candidates) if isinstance(candidates, dict) else dict(enumerate(candidates))
    if not candidates:
        raise ValueError("candidates must not be empty")
    if best is not min and best is not max:
        raise TypeError(f"best must be Python's min or max, got {best!r}")
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y):
        raise ValueError(f"y must have one entry per example of x, got shapes {x.shape} and {y.shape}")
    folds = _folds(folds, len(x))
    scores = {}
    for name, candidate in candidates.items():
        scores[name] = np.empty(len(folds))
        for i, (inside, outside) in enumerate(folds):
            model = train(candidate, x[inside], y[inside])
            scores[name][i] = checks.number(
                f"score of candidate {name!r} on fold {i}", score(model, x[outside], y[outside])
            )
    with np.errstate(over="ignore", invalid="ignore"):
        mean = {name: float(np.mean(s)) for name, s in scores.items()}
        standard_error = {name: float(np.std(s, ddof=1) / np.sqrt(len(s))) for name, s in scores.items()}
    for name in scores:
        if not np.isfinite(mean[name] + standard_error[name]):
            raise ValueError(
                f"scores of candidate {name!r} must have squares that fit a float, got {scores[name]!r:.60}"
            )
    chosen = best(mean, key=mean.get)
    return Selection(chosen, train(candidates[chosen], x, y), scores, mean, standard_error)


def _pairs(n, folds):
    pairs = []
    for fold in folds:
        is_test = np.zeros(n, dtype=bool)
        is_test[fold] = True
        pairs.append((np.flatnonzero(~is_test), np.flatnonzero(is_test)))
    return pairs


def _folds(folds, n):
    folds = [
        (
            checks.labels(f"train indices of fold {i}", inside, classes=n),
            checks.labels(f"test indices of fold {i}", outside, classes=n),
        )
        for i, (inside, outside) in enumerate(folds)
    ]
    checks.integer("number of folds", len(folds), 2)
    for i, (inside, outside) in enumerate(folds):
        both = np.intersect1d(inside, outside)
        if both.size:
            raise ValueError(f"fold {i} must not test on what it trains on, got example {both[0]} in both")
    return folds
