"""Losses: how wrong is the network, and in which direction does that change?

Each loss gives ``(mean loss, gradient)``: the gradient is that of the *mean*, with respect to the first
argument, and has its shape and dtype; it is what ``Network.backward`` starts from.
"""

import math

import numpy as np

from dlcore import checks


def mse(prediction, target):
    r"""Mean squared error over all elements.

    .. math:: L = \frac{1}{N} \sum_{i=1}^{N} (\hat y_i - y_i)^2, \qquad
              \frac{\partial L}{\partial \hat y_i} = \frac{2}{N} (\hat y_i - y_i)

    N counts examples times outputs, as in PyTorch's ``mse_loss``. Other conventions differ by a factor:
    many texts write ½ of this, so that the 2 of the gradient goes, and some divide by the number of
    examples only. A learning rate from there must be rescaled by the same factor.

    Parameters
    ----------
    prediction : array of any shape
    target : array of the same shape
        Taken to the dtype of `prediction`.

    Returns
    -------
    loss : float
        Infinite, without a warning, where the squares of a diverging network overflow.
    gradient : array, shape and dtype of `prediction`

    Raises
    ------
    ValueError
        If the shapes differ: (m, 1) against (m,) would be broadcast to (m, m), a wrong number that looks
        right. Also if either holds a NaN or an infinity.

    Examples
    --------
    >>> mse([1.0, 2.0], [1.0, 4.0])
    (2.0, array([ 0., -2.]))
    """
    y_hat, y = _pair("prediction", prediction, "target", target)
    gradient = _wide(y_hat) - y
    flat = gradient.ravel()
    with np.errstate(over="ignore"):
        loss = np.dot(flat, flat) / flat.size
    gradient *= 2 / flat.size
    return float(loss), gradient.astype(y_hat.dtype, copy=False)


def binary_cross_entropy(logits, y):
    r"""Mean cross-entropy of a yes-or-no label, from the logit z of "yes".

    .. math:: L = -\frac{1}{m} \sum_i y_i \log \sigma(z_i) + (1 - y_i) \log(1 - \sigma(z_i))
                = \frac{1}{m} \sum_i \max(z_i, 0) - z_i y_i + \log(1 + e^{-|z_i|}), \qquad
              \frac{\partial L}{\partial z_i} = \frac{1}{m} (\sigma(z_i) - y_i)

    The second form is the one computed: no exponent is positive, so nothing overflows at ±1000, where the
    first form takes the logarithm of 0.

    Parameters
    ----------
    logits : array of shape (m,) or (m, 1)
        What comes *before* the sigmoid.
    y : array of the same shape
        Targets in [0, 1]; a value in between is the probability of "yes".

    Returns
    -------
    loss : float
    gradient : array, shape and dtype of `logits`

    Raises
    ------
    ValueError
        If the shapes differ, a target lies outside [0, 1] or a value is not finite.

    Examples
    --------
    >>> loss, gradient = binary_cross_entropy([0.0, 1000.0], [1, 1])
    >>> print(f"{loss:.4f}", gradient)
    0.3466 [-0.25  0.  ]
    """
    z, y = _pair("logits", logits, "y", y)
    if z.ndim != 1 and (z.ndim != 2 or z.shape[1] != 1):
        raise ValueError(f"logits must have shape (m,) or (m, 1), got {z.shape}")
    if y.min() < 0 or y.max() > 1:
        wrong = y[(y < 0) | (y > 1)][0]
        raise ValueError(f"y must be between 0 and 1, got {wrong}")
    dtype, z = z.dtype, _wide(z)
    e = np.exp(-np.abs(z))
    with np.errstate(over="ignore"):
        loss = (np.maximum(z, 0) - z * y + np.log1p(e)).sum() / z.size
    sigma = np.where(z >= 0, 1, e) / (1 + e)
    gradient = (sigma - y) / z.size
    return float(loss), gradient.astype(dtype, copy=False)


def softmax_cross_entropy(logits, labels, label_smoothing=0.0):
    r"""Mean cross-entropy of one label out of several, from the logits of all classes.

    .. math:: p_{ic} = \frac{e^{z_{ic}}}{\sum_k e^{z_{ik}}}, \qquad
              L = -\frac{1}{m} \sum_i \sum_c q_{ic} \log p_{ic}, \qquad
              \frac{\partial L}{\partial z_{ic}} = \frac{1}{m} (p_{ic} - q_{ic})

    The target q of a label y is 1 at c = y and 0 elsewhere: L is then the mean of :math:`-\log p_{i, y_i}`.
    Label smoothing takes a share ε of it and spreads that evenly over all K classes (Szegedy et al. 2016,
    section 7): :math:`q_{ic} = (1 - ε) [c = y_i] + ε / K`.

    The largest logit of a row is subtracted from the row first. That leaves p unchanged and makes every
    exponent at most 0, so nothing overflows at ±1000.

    Parameters
    ----------
    logits : array of shape (m, classes), or (m, t, classes) for sequences
        What comes *before* the softmax.
    labels : array of int, shape (m,) or (m, t); or of float, shape of `logits`
        From 0 to classes - 1; or the probabilities q themselves, each row with the sum 1, as
        `dlcore.regularization.mixup` makes them.
    label_smoothing : float in [0, 1]
        ε.

    Returns
    -------
    loss : float
        Over sequences, the mean over all steps. Infinite, without a warning, where logits so far apart come
        that their difference overflows.
    gradient : array, shape and dtype of `logits`

    Raises
    ------
    ValueError, TypeError
        If labels are out of range, not whole numbers, not probabilities or not one per row, or a logit is
        not finite.

    Examples
    --------
    >>> loss, gradient = softmax_cross_entropy([[0.0, 0.0], [1000.0, -1000.0]], [0, 0])
    >>> print(f"{loss:.4f}")
    0.3466
    >>> gradient
    array([[-0.25,  0.25],
           [ 0.  ,  0.  ]])
    >>> softmax_cross_entropy([[0.0, 0.0]], [0], label_smoothing=0.2)[1]
    array([[-0.4,  0.4]])
    """
    given = checks.array("logits", logits, ndim=(2, 3))
    smoothing = float(checks.number("label_smoothing", label_smoothing, 0, 1))
    y, q = _targets(labels, given.shape, smoothing)
    z = _wide(given).reshape(-1, given.shape[-1])
    m, classes = z.shape
    by_column = z.copy("F") if classes < 64 else z  # NumPy takes long over the largest of a short row
    with np.errstate(over="ignore", invalid="ignore"):
        z = np.subtract(z, np.maximum.reduce(by_column, axis=1, keepdims=True), order="C")
        if q is None:
            at_y = np.arange(0, m * classes, classes) + y  # one index for row and column
            z_y = z.reshape(-1)[at_y]
        else:
            z_y = (q * z).sum(axis=1, where=q > 0)  # 0 log 0 = 0
    p = np.exp(z, out=z)
    total = np.add.reduce(p, axis=1, keepdims=True)
    loss = np.add.reduce(np.log(total[:, 0]) - z_y) / m
    p /= total
    if q is None:
        p.reshape(-1)[at_y] -= 1
    else:
        p -= q
    p /= m
    return float(loss), p.reshape(given.shape).astype(given.dtype, copy=False)


def _targets(labels, shape, smoothing):
    """The labels of all rows and None; or None and q, where it is more than one 1 in each row."""
    classes = shape[-1]
    if np.shape(labels) == shape:
        y, q = None, checks.array("labels", labels).reshape(-1, classes)
        sums = q.sum(axis=1, dtype=np.float64)
        wrong = (q < 0).any(axis=1) | (np.abs(sums - 1) > 1e-5)
        if wrong.any():
            i = int(np.argmax(wrong))
            raise ValueError(
                "labels must be probabilities, none below 0 and with the sum 1 in each row,"
                f" got {q[i].tolist()!s:.60} in row {i}"
            )
    elif len(shape) == 3 and np.shape(labels) != shape[:2]:
        raise ValueError(
            f"labels must have one entry per step {shape[:2]}, or shape {shape}, got {np.shape(labels)}"
        )
    else:
        flat = labels if len(shape) == 2 else np.ravel(labels)
        y, q = checks.labels("labels", flat, classes=classes, length=math.prod(shape[:-1])), None
    if q is None and smoothing:
        q = np.eye(classes)[y]
    return y, q if q is None or not smoothing else (1 - smoothing) * q + smoothing / classes


def _wide(a):
    """float16 as float64, since its sums overflow above 65,504; other floats as they are."""
    return a.astype(np.float64) if a.dtype == np.float16 else a


def _pair(name, value, target_name, target):
    """Two finite arrays of one shape and of the first one's dtype."""
    a = checks.array(name, value)
    b = checks.array(target_name, target, dtype=a.dtype)
    if a.shape != b.shape:
        raise ValueError(f"{target_name} must have the shape of {name}, {a.shape}, got {b.shape}")
    return a, b
