"""Augmentation: how do we get more images than we have?

A shirt that is mirrored, moved or tilted a little is still a shirt. Change every image a little and at
random each time it is used, and the network never sees the same one twice.

`mixup` changes the label with the image: half a shirt and half a boot is a target of half and half.

Images are arrays `(m, h, w)` or `(m, channels, h, w)`. Every image gets a draw of its own, which its
channels share; the input is never changed; floats keep their dtype, integers become float64. Augment the
training set only, and only with changes that keep the label: a 6 turned by half a circle is a 9.
"""

import numpy as np

from dlcore import checks


def flip(images, rng, p=0.5):
    """Mirror each image, left to right, with probability p.

    Parameters
    ----------
    images : array (m, h, w) or (m, c, h, w)
    rng : numpy.random.Generator
    p : float
        Between 0 and 1.

    Returns
    -------
    array of the same shape

    Examples
    --------
    >>> flip([[[1, 2, 3]]], np.random.default_rng(0), p=1)
    array([[[3., 2., 1.]]])
    """
    x = _images(images)
    rng = checks.generator(rng)
    p = checks.number("p", p, 0, 1)
    flipped = rng.random(len(x)) < p
    y = x.copy()
    y[flipped] = x[flipped][..., ::-1]
    return y


def shift(images, rng, limit):
    """Move each image by up to `limit` whole pixels along both axes; what comes in from outside is 0.

    Parameters
    ----------
    images : array (m, h, w) or (m, c, h, w)
    rng : numpy.random.Generator
    limit : int
        At least 0 and less than both sides. Both moves are uniform on -limit, ..., limit.

    Returns
    -------
    array of the same shape

    Notes
    -----
    Shifting is padding with zeros and cropping to the old size.

    Examples
    --------
    >>> shift([[[1, 2, 3], [4, 5, 6], [7, 8, 9]]], np.random.default_rng(5), limit=1)
    array([[[5., 6., 0.],
            [8., 9., 0.],
            [0., 0., 0.]]])
    """
    x = _images(images)
    rng = checks.generator(rng)
    h, w = x.shape[-2:]
    limit = checks.integer("limit", limit, 0, min(h, w) - 1)
    return crop(_pad(x, limit), rng, (h, w))


def crop(images, rng, size):
    """Cut a window of the given size out of each image, at a place of its own.

    Parameters
    ----------
    images : array (m, h, w) or (m, c, h, w)
    rng : numpy.random.Generator
    size : int or (int, int)
        Height and width of the window, at most those of the images; one number means a square.

    Returns
    -------
    array (m, *size) or (m, c, *size)
        Smaller than the input: at test time cut the middle.

    Examples
    --------
    >>> crop([[[1, 2, 3], [4, 5, 6], [7, 8, 9]]], np.random.default_rng(0), size=2)
    array([[[5., 6.],
            [8., 9.]]])
    """
    x = _images(images)
    rng = checks.generator(rng)
    m, h, w = len(x), *x.shape[-2:]
    height, width = size if isinstance(size, (tuple, list)) and len(size) == 2 else (size, size)
    height = checks.integer("size", height, 1, h, "h")
    width = checks.integer("size", width, 1, w, "w")

    top = rng.integers(0, h - height, m, endpoint=True)
    left = rng.integers(0, w - width, m, endpoint=True)
    windows = np.lib.stride_tricks.sliding_window_view(x, (height, width), axis=(-2, -1))
    return windows[np.arange(m), ..., top, left, :, :]


def rotate(images, rng, degrees):
    """Turn each image about its middle by an angle drawn from Uniform(-degrees, degrees).

    Parameters
    ----------
    images : array (m, h, w) or (m, c, h, w)
    rng : numpy.random.Generator
    degrees : float
        Between 0 and 180. A positive angle turns counter-clockwise, as `numpy.rot90` does.

    Returns
    -------
    array of the same shape

    Notes
    -----
    For each pixel of the result we ask which point of the image it comes from, and take the *bilinear*
    mean of that point's four neighbours; outside the image everything is 0.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> rotate(np.ones((1, 3, 3)), rng, degrees=45).round(1)
    array([[[0.8, 1. , 0.8],
            [1. , 1. , 1. ],
            [0.8, 1. , 0.8]]])
    """
    x = _images(images)
    rng = checks.generator(rng)
    degrees = checks.number("degrees", degrees, 0, 180)
    h, w = x.shape[-2:]
    angle = np.deg2rad(rng.uniform(-degrees, degrees, (len(x), 1, 1)))
    cos, sin = np.cos(angle), np.sin(angle)

    # where each pixel of the result comes from, measured from the middle (rows run downwards)
    down, right = np.mgrid[:h, :w] - np.array([h - 1, w - 1]).reshape(2, 1, 1) / 2
    row = cos * down + sin * right + (h - 1) / 2
    column = cos * right - sin * down + (w - 1) / 2
    return _bilinear(x, row, column)


def add_noise(images, rng, std, low=0, high=1):
    """Add Normal(0, std²) noise to every pixel and clip the sum to [low, high].

    Parameters
    ----------
    images : array (m, h, w) or (m, c, h, w)
        With values between `low` and `high`; others are refused, since clipping would change them.
    rng : numpy.random.Generator
    std : float
        At least 0, in the units of the pixels.
    low, high : float
        The range of a pixel. `-np.inf` and `np.inf` clip nothing: the choice for standardized images.

    Returns
    -------
    array of the same shape

    Examples
    --------
    >>> add_noise(np.full((1, 1, 3), 0.5), np.random.default_rng(0), std=0.1).round(1)
    array([[[0.6, 0.4, 0.5]]])
    """
    x = _images(images)
    rng = checks.generator(rng)
    std = float(checks.number("std", std, 0))
    if not low < high:
        raise ValueError(f"low must be below high={high}, got {low}")
    if x.min() < low or x.max() > high:
        raise ValueError(f"images must be between low={low} and high={high}, got {x.min()} to {x.max()}")
    noise = rng.standard_normal(x.shape, dtype=np.float32).astype(x.dtype, copy=False)
    with np.errstate(over="ignore"):
        y = x.dtype.type(std) * noise  # in the precision of the images, which NumPy 1 would widen
        y += x
    return checks.finite("images with noise", np.clip(y, low, high, out=y))


def mixup(x, y, rng, alpha=0.2):
    """Mix each example with another one, and their targets alike.

    ::

        x̃ = λ xᵢ + (1 - λ) xⱼ
        ỹ = λ yᵢ + (1 - λ) yⱼ        λ ~ Beta(α, α)

    Parameters
    ----------
    x : array (m, ...)
        Examples of any shape.
    y : array (m, ...)
        Targets that can be averaged: numbers, or rows of probabilities such as ``np.eye(10)[labels]``, which
        `dlcore.losses.softmax_cross_entropy` takes. Labels cannot: half of class 2 and half of class 4 is not
        class 3.
    rng : numpy.random.Generator
        Draws λ for each example, and the order in which j goes through the examples.
    alpha : float
        Above 0. Near 0 almost every example stays as it is or becomes another one, at 1 λ is uniform.

    Returns
    -------
    x, y : arrays of the same shapes

    Notes
    -----
    The paper's own code draws one λ for a whole mini-batch; its equations and this function, one for each
    pair.

    Source: Zhang, Cissé, Dauphin and Lopez-Paz, "mixup: beyond empirical risk minimization", 2018, section 2.

    Examples
    --------
    >>> x, y = mixup([[0.0], [8.0]], np.eye(2), np.random.default_rng(2), alpha=1.0)
    >>> np.allclose(x[:, 0], 8 * y[:, 1])
    True
    """
    x, targets = checks.array("x", x), np.asarray(y)
    if targets.dtype.kind != "f":
        raise TypeError(
            "y must be numbers that can be averaged, as floats, got"
            f" {targets.dtype}: take rows of probabilities, such as np.eye(classes)[y]"
        )
    y = checks.array("y", targets)
    rng = checks.generator(rng)
    alpha = checks.number("alpha", alpha, above=0)
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y):
        raise ValueError(f"y must have one entry per example of x, got shapes {x.shape} and {y.shape}")
    share, partner = rng.beta(alpha, alpha, len(x)), rng.permutation(len(x))
    return _mixed(x, share, partner), _mixed(y, share, partner)


def _mixed(a, share, partner):
    share = share.reshape(-1, *[1] * (a.ndim - 1)).astype(a.dtype)
    return share * a + (1 - share) * a[partner]


def _images(images):
    return checks.array("images", images, ndim=(3, 4))


def _pad(x, width):
    """Put a frame of zeros around every image."""
    return np.pad(x, [(0, 0)] * (x.ndim - 2) + [(width, width)] * 2)


def _bilinear(x, row, column):
    """Return the values of image i at the points (row[i], column[i]), each (h, w), in the dtype of x."""
    h, w = x.shape[-2:]
    # a point further out than the frame of zeros sees the frame on all sides
    row = np.clip(row, -1, h) + 1
    column = np.clip(column, -1, w) + 1
    top = np.minimum(row.astype(np.intp), h)
    left = np.minimum(column.astype(np.intp), w)
    a = (row - top).astype(x.dtype)
    b = (column - left).astype(x.dtype)

    framed = _pad(x, 1)
    image = np.arange(len(x)).reshape(-1, 1, 1)
    if x.ndim == 4:
        # channels last while indexing, so that one draw serves all channels
        framed, a, b = np.moveaxis(framed, 1, -1), a[..., None], b[..., None]
    y = (1 - a) * (1 - b) * framed[image, top, left]
    y += (1 - a) * b * framed[image, top, left + 1]
    y += a * (1 - b) * framed[image, top + 1, left]
    y += a * b * framed[image, top + 1, left + 1]
    return np.ascontiguousarray(np.moveaxis(y, -1, 1)) if x.ndim == 4 else y
