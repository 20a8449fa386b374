"""Clipping: what if one gradient is a thousand times too large?

Where the loss has a cliff, one step along its gradient undoes the work of a thousand. Clipping keeps
the direction of the gradient (`clip_by_norm`) or at least its signs (`clip_by_value`) and bounds its length.

Both change the gradient **in place** and return a number to watch, so `training.fit` can take
`clip=lambda g: clip_by_norm(g, 1.0)`.
"""

import numpy as np

from dlcore import checks
from dlcore.regularization.penalties import norm


def clip_by_value(grad, limit):
    """Clip every element of `grad` to [-limit, limit], in place.

    Parameters
    ----------
    grad : numpy.ndarray
        A float array of any shape; it is changed. NaN or infinity is refused and leaves it as it was.
    limit : float
        Above 0.

    Returns
    -------
    share : float
        The share of the elements that were outside, between 0 and 1.

    Examples
    --------
    >>> g = np.array([0.5, -3.0, 2.0, 1.0])
    >>> clip_by_value(g, 1.0)
    0.5
    >>> g
    array([ 0.5, -1. ,  1. ,  1. ])
    """
    g = _changeable("grad", grad)
    limit = min(_representable("limit", limit, g.dtype), float(np.finfo(g.dtype).max))
    outside = np.count_nonzero(g > limit) + np.count_nonzero(g < -limit)
    np.clip(g, -limit, limit, out=g)
    return float(outside / g.size)


def clip_by_norm(grad, max_norm):
    """Scale `grad` so that its Euclidean norm is at most `max_norm`, in place.

    ::

        if ‖g‖ > max_norm:  g ← max_norm / ‖g‖ · g

    Parameters
    ----------
    grad : numpy.ndarray
        A float array of any shape; it is changed. `Network.grad` holds the whole network's gradient: then
        this is the *global* norm. NaN or infinity is refused and leaves it as it was.
    max_norm : float
        Above 0.

    Returns
    -------
    norm : float
        ‖g‖ before clipping: plot it to choose `max_norm`.

    Notes
    -----
    `torch.nn.utils.clip_grad_norm_` divides by ‖g‖ + 10⁻⁶ instead, so its result is a little shorter.

    Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013,
    algorithm 1.

    Examples
    --------
    >>> g = np.array([3.0, 4.0])
    >>> clip_by_norm(g, 1.0)
    5.0
    >>> g
    array([0.6, 0.8])
    """
    g = _changeable("grad", grad)
    max_norm = _representable("max_norm", max_norm, g.dtype)
    length = norm(g, 2)
    if length > max_norm:
        if max_norm / length < np.finfo(g.dtype).tiny:  # a factor that the dtype rounds to 0
            g /= np.max(np.abs(g))
            g *= max_norm / norm(g, 2)
        else:
            g *= max_norm / length
    return length


def _representable(name, value, dtype):
    """The bound as a float; one that is 0 in the gradient's dtype would make the gradient 0."""
    value = float(checks.number(name, value, above=0))
    with np.errstate(over="ignore"):
        if dtype.type(value) == 0:
            raise ValueError(f"{name} must be above 0 in {dtype}, got {value}")
    return value


def _changeable(name, a):
    if not isinstance(a, np.ndarray) or a.dtype.kind != "f":
        raise TypeError(f"{name} must be a float numpy array, since it is changed in place, got {a!r}")
    return checks.array(name, a)
