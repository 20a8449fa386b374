"""Checks: what does a public door say to a value it cannot use?

Every message names the parameter, the rule and the value that broke it:
``k must be between 2 and n=10, got 1``. Wrong kinds of things raise `TypeError`,
wrong values `ValueError`, and nothing has changed when they do.
"""

import math
import numbers

import numpy as np


class NonFinite(ValueError):
    """A NaN or an infinity where a number was needed."""


def generator(rng, name="rng"):
    """Return `rng` if it is a `numpy.random.Generator`; an integer or None is refused.

    Examples
    --------
    >>> generator(7)
    Traceback (most recent call last):
        ...
    TypeError: rng must be a numpy.random.Generator such as np.random.default_rng(0), got 7
    """
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"{name} must be a numpy.random.Generator such as np.random.default_rng(0), got {rng!r}"
        )
    return rng


def number(name, value, low=-np.inf, high=np.inf, *, above=None, below=None):
    """Return `value` if it is a finite number with low <= value <= high (above <, < below).

    Examples
    --------
    >>> number("p", 1.5, 0, 1)
    Traceback (most recent call last):
        ...
    ValueError: p must be between 0 and 1, got 1.5
    """
    if type(value) is not float and (
        isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real)
    ):
        raise TypeError(f"{name} must be a number, got {value!r}")
    too_low = value <= above if above is not None else value < low
    too_high = value >= below if below is not None else value > high
    if not _is_finite(value) or too_low or too_high:
        raise ValueError(f"{name} must be {_interval(low, high, above, below)}, got {value!r}")
    return value


def _is_finite(value):
    try:
        return math.isfinite(value)
    except OverflowError:  # an int beyond the largest float
        return False


def _interval(low, high, above, below):
    if above is None and below is None and np.isfinite(low) and np.isfinite(high):
        return f"between {low} and {high}"
    bounds = []
    if above is not None:
        bounds.append(f"above {above}")
    elif np.isfinite(low):
        bounds.append(f"at least {low}")
    if below is not None:
        bounds.append(f"below {below}")
    elif np.isfinite(high):
        bounds.append(f"at most {high}")
    return " and ".join(bounds) or "finite"


def integer(name, value, low=None, high=None, high_name=None):
    """Return `value` as an int if it is a whole number between `low` and `high`.

    Examples
    --------
    >>> integer("k", 1, 2, 10, "n")
    Traceback (most recent call last):
        ...
    ValueError: k must be between 2 and n=10, got 1
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if (low is not None and value < low) or (high is not None and value > high):
        high_text = f"{high_name}={high}" if high_name else str(high)
        if high is None:
            rule = f"at least {low}"
        elif low is None:
            rule = f"at most {high_text}"
        else:
            rule = f"between {low} and {high_text}"
        raise ValueError(f"{name} must be {rule}, got {value!r}")
    return int(value)


def array(name, value, *, ndim=None, shape=None, dtype=None, empty=False):
    """Return `value` as a finite float array; floats keep their dtype, the rest becomes float64.

    Parameters
    ----------
    ndim : int or tuple of int, optional
        The numbers of axes allowed.
    shape : tuple, optional
        The shape demanded; None stands for any length of that axis.
    dtype : numpy dtype, optional
        Convert to this dtype.
    empty : bool
        Whether an array with no elements is allowed.

    Examples
    --------
    >>> array("x", [1.0, np.nan])
    Traceback (most recent call last):
        ...
    dlcore.checks.NonFinite: x must be finite, got 1 NaN or infinite value(s), the first at index (1,)
    >>> array("x", [[1.0, 2.0]], shape=(None, 3))
    Traceback (most recent call last):
        ...
    ValueError: x must have shape (any, 3), got (1, 2)
    """
    try:
        a = np.asarray(value)
        if a.dtype.kind in "bui":
            a = a.astype(np.float64)
        if a.dtype.kind != "f":
            raise TypeError
        given = a
        if dtype is not None and a.dtype != dtype:
            with np.errstate(over="ignore"):  # 1e300 as float32 is infinite, and refused below
                a = a.astype(dtype, copy=False)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be an array of real numbers, got {_short(value)}") from None
    if ndim is not None and a.ndim not in ((ndim,) if isinstance(ndim, int) else ndim):
        axes = ndim if isinstance(ndim, int) else " or ".join(map(str, ndim))
        raise ValueError(f"{name} must have {axes} axes, got shape {a.shape}")
    if shape is not None and (
        a.ndim != len(shape) or any(s is not None and s != n for s, n in zip(shape, a.shape))
    ):
        raise ValueError(f"{name} must have shape {_shape_text(shape)}, got {a.shape}")
    if not empty and a.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {a.shape}")
    try:
        return finite(name, a)
    except NonFinite:
        if not np.isfinite(given).all():
            raise
    i = tuple(int(k) for k in np.argwhere(~np.isfinite(a))[0])
    raise NonFinite(f"{name} must be finite in {a.dtype}, got {given[i]!s} at index {i}")


def finite(name, a):
    """Return the array `a` if every element is finite.

    Only a square that is not finite asks for the slow look at every element.
    """
    if not (finite_square(a) or np.isfinite(a).all()):
        bad = np.argwhere(~np.isfinite(a))
        where = tuple(int(i) for i in bad[0])
        raise NonFinite(
            f"{name} must be finite, got {len(bad)} NaN or infinite value(s), the first at index {where}"
        )
    return a


def finite_square(a):
    """Whether a·a is finite, the quickest pass over memory that there is.

    If it is, every element is finite. If it is not, it may have overflowed. (`vdot` says so by its result;
    `dot` would warn besides.)
    """
    return math.isfinite(np.vdot(a, a))


def floats(name, value):
    """Return `value` as an array of float32 or float64, without looking at its elements.

    Whole numbers and booleans become float64. float16 is refused: its sums overflow above 65,504.

    Examples
    --------
    >>> floats("x", np.ones(3, np.float16))
    Traceback (most recent call last):
        ...
    TypeError: x must be float32 or float64, got float16, whose sums overflow above 65,504
    """
    a = np.asarray(value)
    if a.dtype.char in "fd":
        return a
    if a.dtype.kind in "bui":
        return a.astype(np.float64)
    if a.dtype == np.float16:
        raise TypeError(f"{name} must be float32 or float64, got float16, whose sums overflow above 65,504")
    if a.dtype.kind != "f":
        raise TypeError(f"{name} must be an array of real numbers, got {_short(value)}")
    return a


def labels(name, value, classes=None, length=None):
    """Return `value` as a one-dimensional array of labels 0, ..., classes - 1, of type `numpy.intp`.

    Always `intp`: True and False would index as a mask, and arithmetic on 8-bit labels wraps around.

    Examples
    --------
    >>> labels("labels", [0, 3], classes=3)
    Traceback (most recent call last):
        ...
    ValueError: labels must be between 0 and 2, got 3 at index 1
    """
    try:
        given = np.asarray(value)
        if given.dtype == object:  # a column of pandas
            given = np.asarray(given.tolist())
    except ValueError:
        raise TypeError(f"{name} must be whole numbers, got {_short(value)}") from None
    if given.ndim != 1 or given.size == 0:
        raise ValueError(
            f"{name} must be a non-empty one-dimensional array of labels, got shape {given.shape}"
        )
    if given.dtype.kind not in "buif":
        raise TypeError(f"{name} must be whole numbers, got {_short(value)}")
    a = given
    if a.dtype != np.intp:
        with np.errstate(invalid="ignore"):
            a = given.astype(np.intp)
    if a is not given and (a != given).any():
        raise TypeError(f"{name} must be whole numbers, got {_short(value)}")
    if length is not None and len(a) != length:
        raise ValueError(f"{name} must have one entry per example ({length}), got {len(a)}")
    end = np.iinfo(np.intp).max + 1 if classes is None else classes
    if np.maximum.reduce(a.view(np.uintp)) >= end:  # taken as unsigned, negative labels come after all others
        i = int(np.argmax((a < 0) if classes is None else (a < 0) | (a >= classes)))
        rule = "at least 0" if classes is None else f"between 0 and {classes - 1}"
        raise ValueError(f"{name} must be {rule}, got {a[i]} at index {i}")
    return a


def remembered(layer, memory):
    """Return what `layer`'s forward pass remembered; there is nothing before the first one."""
    if memory is None:
        raise RuntimeError(
            f"{type(layer).__name__}.backward needs the values of a forward pass: call forward(x) first"
        )
    return memory


def same_shape(name, a, shape):
    """Return the array `a` if it has exactly this shape."""
    if a.shape != tuple(shape):
        raise ValueError(f"{name} must have shape {_shape_text(shape)}, got {_shape_text(a.shape)}")
    return a


def _short(value):
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _shape_text(shape):
    inner = ", ".join("any" if s is None else str(s) for s in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"
