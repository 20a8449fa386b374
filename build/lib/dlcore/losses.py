"""Losses: how wrong is the network, and in which direction does that change?

Each loss gives ``(mean loss, gradient)``: the gradient is that of the *mean*, with respect to the first
argument, and has its shape and dtype; it is what ``Network.backward`` starts from.
"""

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
    gradient = y_hat - y
    flat = gradient.ravel()
    with np.errstate(over="ignore"):
        loss = np.dot(flat, flat) / flat.size
    gradient *= 2 / flat.size
    return float(loss), gradient


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
    e = np.exp(-np.abs(z))
    loss = (np.maximum(z, 0) - z * y + np.log1p(e)).sum() / z.size
    sigma = np.where(z >= 0, 1, e) / (1 + e)
    gradient = (sigma - y) / z.size
    return float(loss), gradient


def softmax_cross_entropy(logits, labels):
    r"""Mean cross-entropy of one label out of several, from the logits of all classes.

    .. math:: p_{ic} = \frac{e^{z_{ic}}}{\sum_k e^{z_{ik}}}, \qquad
              L = -\frac{1}{m} \sum_i \log p_{i, y_i}, \qquad
              \frac{\partial L}{\partial z_{ic}} = \frac{1}{m} (p_{ic} - [c = y_i])

    The largest logit of a row is subtracted from the row first. That leaves p unchanged and makes every
    exponent at most 0, so nothing overflows at ±1000.

    Parameters
    ----------
    logits : array of shape (m, classes)
        What comes *before* the softmax.
    labels : array of int, shape (m,)
        From 0 to classes - 1.

    Returns
    -------
    loss : float
    gradient : array, shape and dtype of `logits`

    Raises
    ------
    ValueError, TypeError
        If labels are out of range, not whole numbers (one-hot rows: take ``argmax(axis=1)``) or not one
        per row, or a logit is not finite.

    Examples
    --------
    >>> loss, gradient = softmax_cross_entropy([[0.0, 0.0], [1000.0, -1000.0]], [0, 0])
    >>> print(f"{loss:.4f}")
    0.3466
    >>> gradient
    array([[-0.25,  0.25],
           [ 0.  ,  0.  ]])
    """
    z = checks.array("logits", logits, ndim=2)
    m, classes = z.shape
    y = checks.labels("labels", labels, classes=classes, length=m)
    rows = np.arange(m)
    z = z - z.max(axis=1, keepdims=True)
    z_y = z[rows, y]
    p = np.exp(z, out=z)
    total = p.sum(axis=1, keepdims=True)
    loss = (np.log(total[:, 0]) - z_y).sum() / m
    p /= total
    p[rows, y] -= 1
    p /= m
    return float(loss), p


def _pair(name, value, target_name, target):
    """Two finite arrays of one shape and of the first one's dtype."""
    a = checks.array(name, value)
    b = checks.array(target_name, target, dtype=a.dtype)
    if a.shape != b.shape:
        raise ValueError(f"{target_name} must have the shape of {name}, {a.shape}, got {b.shape}")
    return a, b
