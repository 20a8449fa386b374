"""Metrics: how often, and in which way, is a classifier right?

Every function takes the truth first, ``(y_true, y_pred)``, and gives what the scikit-learn function of
the same name gives. Where a share has a denominator of 0 (a class that is never predicted has no
precision) the value is 0, without a warning.
"""

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

    Examples
    --------
    >>> confusion_matrix([0, 0, 1, 2], [0, 1, 1, 0])
    array([[1, 1, 0],
           [0, 1, 0],
           [1, 0, 0]])
    """
    C, chosen, _ = _counts(y_true, y_pred, labels)
    return C[np.ix_(chosen, chosen)]


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
    C, chosen, support = _counts(y_true, y_pred, labels)
    TP, predicted, actual = np.diag(C)[chosen], C.sum(axis=0)[chosen], support[chosen]
    if average == "micro":
        return TP.sum(keepdims=True), predicted.sum(keepdims=True), actual.sum(keepdims=True)
    return TP, predicted, actual


def _counts(y_true, y_pred, labels):
    """The confusion matrix of all labels, the places in it of those asked for, and its row sums."""
    y_true, y_pred = _both(y_true, y_pred)
    asked = _labels("labels", np.union1d(y_true, y_pred) if labels is None else list(labels))
    if len(np.unique(asked)) < len(asked):
        raise ValueError(f"labels must be different from each other, got {asked.tolist()}")
    if labels is not None and (asked.dtype.kind == "U") != (y_true.dtype.kind == "U"):
        raise TypeError(f"labels must be of the kind of y_true, got {asked.tolist()}")
    everything = np.unique(np.concatenate([y_true, y_pred, asked]))
    n = len(everything)
    i, j = np.searchsorted(everything, y_true), np.searchsorted(everything, y_pred)
    C = np.bincount(i * n + j, minlength=n * n).reshape(n, n)
    return C, np.searchsorted(everything, asked), C.sum(axis=1)


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
    """Labels as `numpy.intp` of either sign, or as strings."""
    given = np.asarray(value)
    if given.dtype.kind == "U" and given.ndim == 1 and given.size:
        return given
    if given.dtype.kind in "if" and given.ndim == 1 and given.size and np.isfinite(given).all():
        shift = min(0, int(given.min()))
        return checks.labels(name, given - shift) + shift
    return checks.labels(name, given)
