"""The full Fashion-MNIST, for experiments that need more than the packaged images."""

from functools import cache

import numpy as np

from dlcore.data import FASHION_MNIST, idx_images

FOLDER = "/usr/share/datasets/fashion-mnist"
"""Where Debian's package `dataset-fashion-mnist` puts it."""


@cache
def full_fashion():
    """Return x (60000, 784) in float32 from 0 to 1, y, and the same of the 10,000 test images.

    Raises
    ------
    FileNotFoundError
        If the data are not installed; the message says how to get them.
    """
    images = idx_images(FOLDER, FASHION_MNIST, dtype=np.float32)
    flat = [x.reshape(len(x), -1) for x in (images.x_train, images.x_test)]
    return flat[0], images.y_train, flat[1], images.y_test


def halved(images):
    """Images of 28 × 28 pixels as 14 × 14 numbers each: means of 2 × 2 pixels, in rows."""
    return images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196)


@cache
def halved_fashion():
    """The same at 14 × 14 pixels (means of 2 × 2), with mean 0 and variance 1 over the training set."""
    x, y, x_test, y_test = full_fashion()
    small = [halved(part) for part in (x, x_test)]
    mean, std = small[0].mean(), small[0].std()
    return (small[0] - mean) / std, y, (small[1] - mean) / std, y_test
