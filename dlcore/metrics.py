"""Metrics: how often, and in which way, is a classifier right?

Every function takes the truth first. `accuracy` to `f1` look at predicted labels, `roc_curve` to
`expected_calibration_error` at scores and probabilities; `wilson_interval` says how sure a share is. They
give what scikit-learn's functions give. Where a share has a denominator of 0 (a class that is never predicted
has no precision) the value is 0, without a warning.
"""

import math
from statistics import NormalDist

import numpy as np

from dlcore import checks


def accuracy(y_true, y_pred):
    """Share of the examples whose predicted label is the true one.

    Parameters
    ----------
    y_true, y_pred : array of shape (m,)
        Labels: whole numbers of either sign, booleans or strings.

    Returns
    -------
    float

    Raises
    ------
    ValueError, TypeError
        If the two differ in length, are empty, are not one-dimensional (probabilities are no labels: take
        their ``argmax(axis=1)`` first) or hold fractions.

    Examples
    --------
    >>> accuracy([0, 1, 2, 2], [0, 1, 2, 1])
    0.75
    """
    y_true, y_pred = _both(y_true, y_pred)
    return float(np.mean(y_true == y_pred))


def confusion_matrix(y_true, y_pred, labels=None):
    """Count the examples: row i holds those that are of class i, column j those that were called j.

    Parameters
    ----------
    y_true, y_pred : array of shape (m,)
    labels : sequence, optional
        The classes, in the order of the rows; examples of other classes are not counted. By default all
        that occur in `y_true` or `y_pred`, sorted: give ``range(10)`` where a class may be absent.

    Returns
    -------
    array of int, shape (classes, classes)

    Raises
    ------
    ValueError
        If none of the `labels` occurs in `y_true`, as in scikit-learn.

    Examples
    --------
    >>> confusion_matrix([0, 0, 1, 2], [0, 1, 1, 0])
    array([[1, 1, 0],
           [0, 1, 0],
           [1, 0, 0]])
    """
    true, pred, chosen, _ = _codes(y_true, y_pred, labels)
    if not np.isin(chosen, true).any():
        raise ValueError(f"labels must name at least one label of y_true, got {list(labels)}")
    n = len(chosen)
    place = np.full(max(true.max(), pred.max(), chosen.max()) + 1, n)
    place[chosen] = np.arange(n)
    i, j = place[true], place[pred]
    counted = (i < n) & (j < n)
    return np.bincount(i[counted] * n + j[counted], minlength=n * n).reshape(n, n)


def precision(y_true, y_pred, average="binary", labels=None, positive=1):
    r"""Of the examples called c, the share that is c: TP / (TP + FP).

    Parameters
    ----------
    y_true, y_pred : array of shape (m,)
    average : {"binary", "macro", "micro", "weighted", None}
        "binary" (the default): the value of the class `positive`, for at most two classes.
        "macro": the mean over the classes. "weighted": the mean weighted with the classes' true counts.
        "micro": TP, FP and FN summed over the classes first. None: an array, one value per class.
    labels : sequence, optional
        The classes that are averaged, by default all that occur in `y_true` or `y_pred`, sorted.
        "binary" ignores it.
    positive : label
        The class that "binary" looks at (scikit-learn's `pos_label`).

    Returns
    -------
    float, or array of shape (classes,) if `average` is None

    Examples
    --------
    >>> precision([0, 1, 1, 0], [1, 1, 1, 0])
    0.6666666666666666
    >>> precision([0, 1, 2], [0, 0, 1], average=None)
    array([0.5, 0. , 0. ])
    """
    TP, predicted, actual = _outcomes(y_true, y_pred, average, labels, positive)
    return _average(_share(TP, predicted), actual, average)


def recall(y_true, y_pred, average="binary", labels=None, positive=1):
    """Of the examples that are c, the share that is called c: TP / (TP + FN).

    Parameters and value: see `precision`.

    Examples
    --------
    >>> recall([0, 1, 1, 1], [0, 1, 0, 1])
    0.6666666666666666
    """
    TP, _, actual = _outcomes(y_true, y_pred, average, labels, positive)
    return _average(_share(TP, actual), actual, average)


def f1(y_true, y_pred, average="binary", labels=None, positive=1):
    """Harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN).

    "macro" is the mean of the classes' F1, not the F1 of the mean precision and mean recall (both are in
    the literature; scikit-learn has the first). Parameters and value: see `precision`.

    Examples
    --------
    >>> f1([0, 1, 1, 1], [0, 1, 0, 1])
    0.8
    """
    TP, predicted, actual = _outcomes(y_true, y_pred, average, labels, positive)
    return _average(_share(2 * TP, predicted + actual), actual, average)


def _outcomes(y_true, y_pred, average, labels, positive):
    """TP, TP + FP and TP + FN of each class that `average` looks at."""
    if average is not None and average not in ("binary", "macro", "micro", "weighted"):
        raise ValueError(f"average must be binary, macro, micro, weighted or None, got {average!r}")
    if average == "binary":
        present = np.unique(np.concatenate(_both(y_true, y_pred)))
        if len(present) > 2:
            raise ValueError(
                f"average must be macro, micro, weighted or None for {len(present)} classes, got 'binary'"
            )
        if len(present) == 2 and positive not in present:
            raise ValueError(f"positive must be one of the labels {present.tolist()}, got {positive!r}")
        labels = [positive]
    true, pred, chosen, n = _codes(y_true, y_pred, labels)
    TP, predicted, actual = (
        np.bincount(codes, minlength=n)[chosen] for codes in (true[true == pred], pred, true)
    )
    if average == "micro":
        return TP.sum(keepdims=True), predicted.sum(keepdims=True), actual.sum(keepdims=True)
    return TP, predicted, actual


def _codes(y_true, y_pred, labels):
    """Truth, prediction and the labels asked for as numbers 0, 1, ... of all labels; how many there are."""
    y_true, y_pred = _both(y_true, y_pred)
    asked = _labels("labels", np.union1d(y_true, y_pred) if labels is None else list(labels))
    if len(np.unique(asked)) < len(asked):
        raise ValueError(f"labels must be different from each other, got {asked.tolist()}")
    if labels is not None and (asked.dtype.kind == "U") != (y_true.dtype.kind == "U"):
        raise TypeError(f"labels must be of the kind of y_true, got {asked.tolist()}")
    everything = np.unique(np.concatenate([y_true, y_pred, asked]))
    return *(np.searchsorted(everything, part) for part in (y_true, y_pred, asked)), len(everything)


def _share(part, whole):
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)


def _average(values, actual, average):
    if average is None:
        return values
    if average == "weighted":
        return float(_share(np.array([values @ actual]), np.array([actual.sum()]))[0])
    return float(np.mean(values))


def _both(y_true, y_pred):
    y_true, y_pred = _labels("y_true", y_true), _labels("y_pred", y_pred)
    if len(y_true) != len(y_pred):
        raise ValueError(
            f"y_pred must have one label per example of y_true ({len(y_true)}), got {len(y_pred)}"
        )
    if (y_true.dtype.kind == "U") != (y_pred.dtype.kind == "U"):
        raise TypeError(f"y_pred must be of the kind of y_true ({y_true.dtype}), got {y_pred.dtype}")
    return y_true, y_pred


def _labels(name, value):
    """Labels as 64-bit whole numbers of either sign, or as strings."""
    given = np.asarray(value)
    if given.dtype == object or not isinstance(value, np.ndarray):
        values = given.tolist() if given.dtype == object else value  # pandas' strings are objects
        if 0 < sum(isinstance(v, str) for v in np.ravel(np.asarray(values, object))) < given.size:
            raise TypeError(f"{name} must be all strings or all whole numbers, got {value!r:.60}")
        given = np.asarray(values)
    if given.ndim != 1 or given.size == 0:
        raise ValueError(
            f"{name} must be a non-empty one-dimensional array of labels, got shape {given.shape}"
        )
    if given.dtype.kind == "U":
        return given
    if given.dtype.kind in "if":
        with np.errstate(invalid="ignore"):
            whole = given.astype(np.int64)
        if (whole == given).all():
            return whole
        raise TypeError(f"{name} must be whole numbers, got {given!r:.60}")
    return checks.labels(name, given)


def roc_curve(y_true, scores, positive=1):
    """The receiver operating characteristic: what each threshold of the score costs and gains.

    An example is called positive where its score is at least the threshold. From the highest threshold to the
    lowest, the false positive rate FP / (FP + TN) and the true positive rate TP / (TP + FN) rise from (0, 0)
    to (1, 1). Points in the middle of a straight piece are left out.

    Parameters
    ----------
    y_true : array of shape (m,)
        Labels of two classes.
    scores : array of float, shape (m,)
        The higher, the more likely `positive`: a logit or a probability.
    positive : label
        The class to be found (scikit-learn's `pos_label`).

    Returns
    -------
    false_positive_rate, true_positive_rate, thresholds : arrays of one length
        The first threshold is infinite: nothing is called positive.

    Examples
    --------
    >>> false, true, thresholds = roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> false, true
    (array([0. , 0. , 0.5, 0.5, 1. ]), array([0. , 0.5, 0.5, 1. , 1. ]))
    >>> thresholds
    array([ inf, 0.8 , 0.4 , 0.35, 0.1 ])
    """
    FP, TP, thresholds = _cumulated(y_true, scores, positive)
    corner = np.ones(len(FP), bool)
    corner[2:-1] = (np.diff(FP[1:], 2) != 0) | (np.diff(TP[1:], 2) != 0)
    FP, TP, thresholds = FP[corner], TP[corner], thresholds[corner]
    return FP / FP[-1], TP / TP[-1], thresholds


def roc_auc(y_true, scores, positive=1):
    """The area under the ROC curve: how likely does a positive example outscore a negative one?

    Ties count half. 0.5 is chance, 1 a perfect order (Hanley & McNeil 1982; it is the Mann-Whitney U over the
    number of pairs). Parameters: see `roc_curve`.

    Examples
    --------
    >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    FP, TP, _ = _cumulated(y_true, scores, positive)
    twice_the_area = np.diff(FP) @ (TP[1:] + TP[:-1])
    return float(twice_the_area / (2 * FP[-1] * TP[-1]))


def _cumulated(y_true, scores, positive):
    """False and true positives at each threshold, highest first, with nothing called positive before."""
    y_true = _labels("y_true", y_true)
    scores = checks.array("scores", scores, ndim=1)
    if len(scores) != len(y_true):
        raise ValueError(f"scores must have one entry per example ({len(y_true)}), got {len(scores)}")
    present = np.unique(y_true)
    if len(present) != 2 or positive not in present:
        raise ValueError(
            f"y_true must have two classes, one of them positive={positive!r}, got {present.tolist()!s:.60}"
        )
    distinct, place = np.unique(-scores, return_inverse=True)
    is_positive = y_true == positive
    TP, FP = (
        np.concatenate([[0], np.cumsum(np.bincount(place[which], minlength=len(distinct)))])
        for which in (is_positive, ~is_positive)
    )
    return FP, TP, np.concatenate([[np.inf], -distinct])


def reliability(y_true, probability, bins=10):
    """The reliability diagram: of the examples given a probability near p, is a share of p positive?

    The interval (0, 1] is divided into `bins` of the same width, each without its left and with its right end
    (the first has 0 too). Bins that hold no example are left out.

    Parameters
    ----------
    y_true : array of shape (m,)
        1 or True where it happened, else 0. Of a classifier of many classes take the examples it got right,
        ``p.argmax(axis=1) == labels``, with its confidence, ``p.max(axis=1)``.
    probability : array of float, shape (m,)
        Between 0 and 1.
    bins : int

    Returns
    -------
    mean_probability, share, count : arrays of one length
        Of each bin that is not empty: the mean probability, the share of 1s and the number of examples.

    Examples
    --------
    >>> p, share, count = reliability([0, 1, 1, 1], [0.2, 0.2, 0.9, 0.9], bins=2)
    >>> p, share, count
    (array([0.2, 0.9]), array([0.5, 1. ]), array([2, 2]))
    """
    y = checks.labels("y_true", y_true, classes=2)
    p = checks.array("probability", probability, ndim=1, dtype=np.float64)
    bins = checks.integer("bins", bins, 1)
    if len(p) != len(y):
        raise ValueError(f"probability must have one entry per example ({len(y)}), got {len(p)}")
    if p.min() < 0 or p.max() > 1:
        raise ValueError(f"probability must be between 0 and 1, got {p.min()} to {p.max()}")
    edges = np.linspace(0, 1, bins + 1)
    place = np.searchsorted(edges[1:-1], p)
    count = np.bincount(place, minlength=bins)
    filled = count > 0
    count, p_sum, y_sum = (np.bincount(place, weights, minlength=bins)[filled] for weights in (None, p, y))
    return p_sum / count, y_sum / count, count


def expected_calibration_error(y_true, probability, bins=10):
    r"""The mean distance between what a probability says and what happens.

    .. math:: \mathrm{ECE} = \sum_b \frac{n_b}{m} \,|\text{share}_b - \text{mean probability}_b|

    over the bins of `reliability` (Guo et al. 2017, eq. 3). It depends on the number of bins, and falls short
    of the truth where errors inside a bin cancel. Parameters: see `reliability`.

    Examples
    --------
    >>> round(expected_calibration_error([0, 1, 1, 1], [0.2, 0.2, 0.9, 0.9], bins=2), 3)
    0.2
    """
    p, share, count = reliability(y_true, probability, bins)
    return float(count @ np.abs(share - p) / count.sum())


def wilson_interval(successes, n, confidence=0.95):
    r"""An interval for a probability of which `successes` were seen in `n` tries.

    .. math:: \frac{\hat p + \frac{z^2}{2n} \pm z \sqrt{\frac{\hat p (1 - \hat p)}{n} + \frac{z^2}{4n^2}}}
              {1 + \frac{z^2}{n}}

    These are the p whose distance from p̂ is z of *their* standard deviations (Wilson 1927). Unlike
    p̂ ± z √(p̂ (1 - p̂) / n) it keeps within 0 and 1 and does not shrink to nothing at p̂ = 0 or 1. The tries
    must be independent.

    Parameters
    ----------
    successes : int from 0 to n
    n : int
    confidence : float above 0 and below 1

    Returns
    -------
    low, high : float

    Examples
    --------
    >>> low, high = wilson_interval(90, 100)          # a test set of 100, 90 right
    >>> f"{low:.3f} {high:.3f}"
    '0.826 0.945'
    """
    n = checks.integer("n", n, 1)
    k = checks.integer("successes", successes, 0, n, "n")
    z = NormalDist().inv_cdf((1 + checks.number("confidence", confidence, above=0, below=1)) / 2)
    centre = (k + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(k * (n - k) / n + z * z / 4)
    return (centre - half if k > 0 else 0.0), (centre + half if k < n else 1.0)
