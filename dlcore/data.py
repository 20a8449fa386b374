"""Data: what do the experiments learn from?

Small sets with a known law are drawn from a generator. Images are read from files: `fashion` from the
subset of Fashion-MNIST inside this package, `idx_images` from the full set in a folder. Nothing is
downloaded.
"""

import gzip
import hashlib
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dlcore import checks

BANK_FEATURES = ("age", "income", "balance", "tenure", "products", "active")
"""The columns of `bank`'s x."""

FASHION_NAMES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
"""The names of Fashion-MNIST's ten classes: label c is ``FASHION_NAMES[c]``."""

FASHION_MNIST = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
"""SHA-256 of the full Fashion-MNIST's four files, decompressed: for ``idx_images(folder, FASHION_MNIST)``."""

FASHION_SUBSET = {
    "train-images-idx3-ubyte": "2b983ca07606660385b6183fcfa488f353750ec3dbcc9c7f7740f8187382a757",
    "train-labels-idx1-ubyte": "b87cb618f3d456b4425d12f1cb1178faeedb9ec13f528847124d5f246fa47e7c",
    "t10k-images-idx3-ubyte": "1c2e6ea6463115ab8d8d06df2201c785690d41dc140efaaeea6c6784f82df9bf",
    "t10k-labels-idx1-ubyte": "4536ed84ec610200b00aa88db8faa19e4f9183fb76a444690abc6d90f53abd32",
}
"""SHA-256 of the four files of the subset in this package, decompressed."""

SUBSET_FOLDER = Path(__file__).parent / "fashion_mnist"


class Images(NamedTuple):
    """Pictures and their classes, as `fashion` and `idx_images` give them.

    x_train, x_test have shape (n, 1, height, width) and values in [0, 1]; y_train, y_test are integers of
    shape (n,) from 0 to 9, or to classes - 1 where `idx_images` was told of more classes.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def noisy_polynomial(n, rng, coefficients=(0.0, -1.0, 0.0, 2.0), noise=0.2, low=-1.0, high=1.0):
    r"""Points near a polynomial: t = Σ_k c_k x^k + ε with x ~ U(low, high), ε ~ N(0, noise²).

    Parameters
    ----------
    n : int
    rng : numpy.random.Generator
    coefficients : sequence of float
        c_0, c_1, ...: the constant first.
    noise : float >= 0
        Standard deviation of ε.
    low, high : float
        Ends of the interval, low < high.

    Returns
    -------
    x, t : arrays of shape (n,)

    Examples
    --------
    >>> x, t = noisy_polynomial(5, np.random.default_rng(0), coefficients=(1, 0, 3), noise=0)
    >>> bool(np.allclose(t, 1 + 3 * x**2))
    True
    """
    n = checks.integer("n", n, 1)
    checks.generator(rng)
    c = checks.array("coefficients", coefficients, ndim=1, dtype=np.float64)
    checks.number("noise", noise, 0)
    checks.number("low", low)
    checks.number("high", high, above=low)
    checks.number("high - low", float(high) - float(low))
    x = rng.uniform(low, high, n)
    epsilon = rng.normal(0, noise, n)
    with np.errstate(over="ignore", invalid="ignore"):
        t = np.polynomial.polynomial.polyval(x, c) + epsilon
    return x, checks.finite("t, the polynomial's values with noise,", t)


def spirals(n, rng, noise=0.05, turns=1.0, classes=2):
    """Spiral arms wound into each other: no straight line parts them.

    Arm c is (r cos φ, r sin φ) with r ~ U(0, 1) and φ = 2π (turns · r + c / classes), plus N(0, noise²) on
    both coordinates.

    Parameters
    ----------
    n : int
        Examples in all, class by class in turn: 0, 1, ..., 0, 1, ...
    rng : numpy.random.Generator
    noise : float >= 0
    turns : float >= 0
        How often an arm goes round.
    classes : int, at least 2

    Returns
    -------
    x : array of shape (n, 2)
    labels : array of int, shape (n,)

    Examples
    --------
    >>> x, labels = spirals(6, np.random.default_rng(0), classes=3)
    >>> x.shape, labels
    ((6, 2), array([0, 1, 2, 0, 1, 2]))
    """
    n = checks.integer("n", n, 1)
    checks.generator(rng)
    checks.number("noise", noise, 0)
    checks.number("turns", turns, 0)
    classes = checks.integer("classes", classes, 2)
    labels = np.arange(n) % classes
    r = rng.uniform(0, 1, n)
    phi = 2 * np.pi * (turns * r + labels / classes)
    x = np.stack([r * np.cos(phi), r * np.sin(phi)], axis=1)
    return x + rng.normal(0, noise, (n, 2)), labels


def moons(n, rng, noise=0.1):
    """Two half circles that reach into each other.

    With φ ~ U(0, π), class 0 is (cos φ, sin φ), class 1 is (1 - cos φ, ½ - sin φ), plus N(0, noise²) on both
    coordinates: scikit-learn's `make_moons`, with φ drawn instead of evenly spaced.

    Parameters
    ----------
    n : int
        Examples in all, the classes in turn: 0, 1, 0, 1, ...
    rng : numpy.random.Generator
    noise : float >= 0

    Returns
    -------
    x : array of shape (n, 2)
    labels : array of int, shape (n,)

    Examples
    --------
    >>> x, labels = moons(4, np.random.default_rng(0))
    >>> x.shape, labels
    ((4, 2), array([0, 1, 0, 1]))
    """
    n = checks.integer("n", n, 1)
    checks.generator(rng)
    checks.number("noise", noise, 0)
    labels = np.arange(n) % 2
    phi = rng.uniform(0, np.pi, n)
    outer = np.stack([np.cos(phi), np.sin(phi)], axis=1)
    inner = np.stack([1 - np.cos(phi), 0.5 - np.sin(phi)], axis=1)
    x = np.where(labels[:, None] == 0, outer, inner)
    return x + rng.normal(0, noise, (n, 2)), labels


def bank(n, rng):
    r"""Customers of an invented bank, about one in five of whom leaves it (label 1).

    A table as one meets it: scales from 1 to 10⁴, correlated and skewed columns, unequal classes, a
    label that is partly chance. With z ~ N(0, C) of four coordinates,

    ========  ==============================================  =================
    age       40 + 11 z₁, at least 18 and at most 95           years
    income    42,000 exp(0.5 z₂)                               a year
    balance   8,000 exp(1.2 z₃)                                in the account
    tenure    60 exp(0.6 z₄)                                   months
    products  1 + B(3, 0.3)                                    count
    active    B(1, 0.6)                                        0 or 1
    ========  ==============================================  =================

    P(leaves) = σ(-1.6 + 1.2 z₁ - 0.3 z₂ + 0.5 z₃ - 0.9 z₄ + 0.8 (products - 2)² - 1.2 active): the best
    classifier is not linear, because of the square, and not perfect, because the label is drawn.

    Parameters
    ----------
    n : int
    rng : numpy.random.Generator

    Returns
    -------
    x : array of shape (n, 6), columns as in `BANK_FEATURES`
    labels : array of int, shape (n,)

    Examples
    --------
    >>> x, labels = bank(1000, np.random.default_rng(0))
    >>> x.shape, bool(0.15 < labels.mean() < 0.25)
    ((1000, 6), True)
    """
    n = checks.integer("n", n, 1)
    checks.generator(rng)
    C = np.array([[1.0, 0.4, 0.5, 0.6], [0.4, 1.0, 0.6, 0.2], [0.5, 0.6, 1.0, 0.3], [0.6, 0.2, 0.3, 1.0]])
    z_1, z_2, z_3, z_4 = np.linalg.cholesky(C) @ rng.standard_normal((4, n))
    age = np.clip(40 + 11 * z_1, 18, 95)
    income = 42_000 * np.exp(0.5 * z_2)
    balance = 8_000 * np.exp(1.2 * z_3)
    tenure = 60 * np.exp(0.6 * z_4)
    products = 1 + rng.binomial(3, 0.3, n)
    active = rng.binomial(1, 0.6, n)
    logit = -1.6 + 1.2 * z_1 - 0.3 * z_2 + 0.5 * z_3 - 0.9 * z_4 + 0.8 * (products - 2) ** 2 - 1.2 * active
    labels = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(np.intp)
    return np.stack([age, income, balance, tenure, products, active], axis=1), labels


def fashion(n=6000, dtype=np.float64, pool=1):
    """Fashion-MNIST's clothes: `n` training images and 1,000 test images, from inside this package.

    The classes are balanced: in every block of ten images each class comes once, so any multiple of ten is
    balanced too. How the subset was drawn is told in ``dlcore/fashion_mnist/README.md``.

    Parameters
    ----------
    n : int from 1 to 6,000
        The first n training images; the test set is always the same 1,000.
    dtype : numpy float dtype
    pool : 1, 2, 4, 7, 14 or 28
        Each pixel is the mean of pool × pool pixels, so images are smaller and training faster.

    Returns
    -------
    Images

    Examples
    --------
    >>> images = fashion(20)
    >>> images.x_train.shape, images.x_test.shape
    ((20, 1, 28, 28), (1000, 1, 28, 28))
    >>> FASHION_NAMES[images.y_train[0]]
    'Dress'
    >>> fashion(20, pool=4).x_train.shape
    (20, 1, 7, 7)
    """
    n = checks.integer("n", n, 1, 6000)
    _float(dtype)
    pool = checks.integer("pool", pool, 1, 28)
    if 28 % pool:
        raise ValueError(f"pool must divide 28, the images' width, got {pool}")
    train_x, train_y, test_x, test_y = _read_four(SUBSET_FOLDER, FASHION_SUBSET)
    train_x, test_x = (_pooled(_scaled(x, dtype), pool) for x in (train_x[:n], test_x))
    return Images(train_x, train_y[:n], test_x, test_y)


def _pooled(images, pool):
    if pool == 1:
        return images
    m, channels, height, width = images.shape
    blocks = images.reshape(m, channels, height // pool, pool, width // pool, pool)
    return blocks.mean(axis=(3, 5))


def idx_images(folder, checksums=None, dtype=np.float64, classes=10):
    """The full MNIST, Fashion-MNIST or another set in their format, from the four IDX files in `folder`.

    The files are ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte`` and
    ``t10k-labels-idx1-ubyte``, each with ``-`` or ``.`` before ``idx``, compressed (``.gz``) or not, and each
    may lie in a folder of its own name, as some archives unpack. Debian has Fashion-MNIST:
    ``apt install dataset-fashion-mnist`` puts it into ``/usr/share/datasets/fashion-mnist``.

    EMNIST's files must be renamed to these names (``emnist-letters-test-...`` is ``t10k-...``). Its letters
    are labelled from 1 to 26, so they need ``classes=27``, its digits and letters in 47 and 62 classes from
    0. Its images are stored with rows and columns exchanged: ``x.swapaxes(2, 3)`` turns them upright.

    Parameters
    ----------
    folder : path
    checksums : dict, optional
        SHA-256 of each of the four files, decompressed, under the names above: `FASHION_MNIST` is one.
    dtype : numpy float dtype
        60,000 images take 376 MB as float64, half of that as float32.
    classes : int from 2 to 256
        Labels must lie between 0 and classes - 1.

    Returns
    -------
    Images

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If one is damaged, of another format, compressed twice, too short or too long, of another checksum, if
        a label is none of the classes, or if images and labels do not belong together. The message names
        the file.

    Examples
    --------
    >>> images = idx_images(SUBSET_FOLDER, FASHION_SUBSET, dtype=np.float32)
    >>> images.x_train.shape, images.x_train.dtype, int(images.y_train.max())
    ((6000, 1, 28, 28), dtype('float32'), 9)
    """
    _float(dtype)
    classes = checks.integer("classes", classes, 2, 256)
    train_x, train_y, test_x, test_y = _read_four(Path(folder), checksums, classes)
    return Images(_scaled(train_x, dtype), train_y, _scaled(test_x, dtype), test_y)


def _read_four(folder, checksums, classes=10):
    if checksums is not None and set(checksums) != set(FASHION_MNIST):
        raise ValueError(f"checksums must have the keys {sorted(FASHION_MNIST)}, got {sorted(checksums)}")
    parts = []
    for part in ("train", "t10k"):
        image_path, images = _read_idx(folder, f"{part}-images-idx3-ubyte", 3, checksums)
        label_path, labels = _read_idx(folder, f"{part}-labels-idx1-ubyte", 1, checksums)
        if len(images) != len(labels):
            raise ValueError(
                f"{label_path} must have a label for each of the {len(images)} images of {image_path.name}, "
                f"got {len(labels)}. {_ADVICE}"
            )
        if labels.max() >= classes:
            i = int(np.argmax(labels >= classes))
            raise ValueError(
                f"{label_path} must hold labels from 0 to {classes - 1}, got {labels[i]} at index {i}. "
                f"A set with more classes needs idx_images(..., classes={labels.max() + 1}) or more. "
                f"{_ADVICE}"
            )
        parts += [images, labels.astype(np.intp)]
    if parts[0].shape[1:] != parts[2].shape[1:]:
        raise ValueError(
            f"{image_path} must hold images of the training images' size {parts[0].shape[1:]}, "
            f"got {parts[2].shape[1:]}. {_ADVICE}"
        )
    return parts


_ADVICE = (
    "Get the data set MNIST or Fashion-MNIST again: Debian's `apt install dataset-fashion-mnist` puts "
    "Fashion-MNIST into /usr/share/datasets/fashion-mnist"
)


def _read_idx(folder, name, ndim, checksums):
    """The path and the array of one IDX file: magic number, one length per axis, then the bytes."""
    path = _find(folder, name)
    content = path.read_bytes()
    if content[:2] == _GZIP:  # by content, since browsers like to unpack a .gz and keep its name
        try:
            content = gzip.decompress(content)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"{path} must be an undamaged gzip file, got: {error}. {_ADVICE}") from None
        if content[:2] == _GZIP:
            raise ValueError(
                f"{path} must be compressed once, but its content is still compressed: a gzip file in a gzip "
                f"file. Unpack it once, or get it again. {_ADVICE}"
            )
    if content[:4] == b"PK\x03\x04":
        raise ValueError(
            f"{path} must be an IDX file, got a zip archive. Unpack it and give the folder. {_ADVICE}"
        )
    if checksums is not None:
        digest = hashlib.sha256(content).hexdigest()
        if digest != checksums[name]:
            raise ValueError(f"{path} must have the SHA-256 {checksums[name]}, got {digest}. {_ADVICE}")
    header = 4 * (1 + ndim)
    if len(content) < header:
        raise ValueError(f"{path} must have a header of {header} bytes, got {len(content)} in all. {_ADVICE}")
    magic, *shape = struct.unpack_from(f">{1 + ndim}I", content)
    expected = 0x0800 + ndim  # 08 stands for unsigned bytes
    if magic != expected:
        raise ValueError(f"{path} must start with the magic number {expected}, got {magic}. {_ADVICE}")
    if min(shape) == 0:
        raise ValueError(f"{path} must not be empty, got the shape {tuple(shape)}. {_ADVICE}")
    size = 1
    for length in shape:  # Python's integers: a damaged header must not overflow
        size *= length
    if len(content) - header != size:
        raise ValueError(
            f"{path} must hold {size} bytes after its header, as the shape {tuple(shape)} says, "
            f"got {len(content) - header}. {_ADVICE}"
        )
    return path, np.frombuffer(content, np.uint8, offset=header).reshape(shape)


_GZIP = b"\x1f\x8b"


def _find(folder, name):
    """The path of a file under one of its usual names, in the folder or in a folder of that name."""
    spellings = [name, name.replace("-idx", ".idx")]
    names = [spelling + ending for spelling in spellings for ending in ("", ".gz")]
    folders = [folder, *(folder / inner for inner in names if (folder / inner).is_dir())]
    for place in folders:
        for inner in names:
            if (place / inner).is_file():
                return place / inner
    found = f", and {folders[1]} is a folder without it" if folders[1:] else ""
    raise FileNotFoundError(f"{folder / name} is missing (also as .gz, also with .idx){found}. {_ADVICE}")


def _scaled(images, dtype):
    x = np.empty((len(images), 1, *images.shape[1:]), dtype)
    np.divide(images[:, None], 255, out=x, dtype=dtype, casting="unsafe")
    return x


def _float(dtype):
    try:
        is_float = np.dtype(dtype).kind == "f"
    except TypeError:
        is_float = False
    if not is_float:
        raise TypeError(f"dtype must be a float dtype such as np.float32, got {dtype!r}")
