"""Optimizers for matrices: what does it buy to know which parameters belong together?

To `Adam` a weight matrix is a heap of numbers. `Muon` and `Shampoo` see its rows and columns, so they must be
told the shapes of the arrays that lie one after another in ``theta``::

    shapes = [array.shape for array in net.parameters().values()]
    optimizer = Muon(lr=0.02, shapes=shapes)
    fit(net, ..., optimizer=optimizer)

Without shapes ``theta`` itself is the matrix. `Optimizer.step` and all else stay the same.
"""

import math

import numpy as np

from dlcore import checks

from .base import Optimizer
from .first_order import AdamW


class ForMatrices(Optimizer):
    """Cut ``theta`` into the arrays that it holds; a subclass moves them.

    Parameters
    ----------
    lr : float
    shapes : list of tuple of int, optional
        Of the arrays in ``theta``, in their order. None: ``theta`` is one array.
    """

    def __init__(self, lr, shapes=None):
        super().__init__(lr)
        if shapes is not None:
            shapes = [_checked_shape(shape) for shape in shapes]
        self._shapes = shapes

    def _structure(self):
        return {"shapes": self._shapes}

    def _checked(self, theta, grad):
        checked = super()._checked(theta, grad)
        held = theta.size if self._shapes is None else sum(map(math.prod, self._shapes))
        if held != theta.size:
            raise ValueError(f"shapes must hold as many numbers as theta, {theta.size}, got {held}")
        if checked[-1]:
            raise self._diverging(
                f"grad must have a sum of squares below {np.finfo(theta.dtype).max:.2g}, the largest number"
                f" in {theta.dtype}, got numbers up to {np.abs(checked[1]).max():.2g}"
            )
        return checked

    def _pieces(self):
        """Pairs of a slice of ``theta`` and the shape of the array there."""
        end = 0
        for shape in self._shapes or [self._shape]:
            start, end = end, end + math.prod(shape)
            yield slice(start, end), shape


class Muon(ForMatrices):
    """Momentum, made orthogonal: a step about equally long in all but the weakest directions of a matrix.

    M  <- momentum * M + (1 - momentum) * G
    U   = orthogonalized(momentum * M + (1 - momentum) * G)
    W  <- W - lr * weight_decay * W - lr * sqrt(max(1, n_out / n_in)) * U

    The momentum of a weight matrix is nearly of low rank: a few directions are long, and the rest hardly
    moves. `orthogonalized` sets all but the smallest singular values near 1 and leaves the directions. A
    weight matrix here is (n_in, n_out), the transpose of PyTorch's, and a convolution's (out, in, ...) is
    taken as a matrix of `out` rows.

    Only matrices are moved so. Biases and other vectors have no directions in this sense; as in the source,
    AdamW moves them. (Give the flat shape (n_in * n_out,) of a matrix, such as the last layer's, to have it
    moved by AdamW as well.)

    Jordan et al. 2024, https://kellerjordan.github.io/posts/muon. The numbers are those of
    `torch.optim.Muon`, but that one orthogonalizes in bfloat16, and this one in theta's dtype.

    Parameters
    ----------
    lr : float
    momentum, weight_decay : float
    steps : int
        Of the iteration that orthogonalizes.
    shapes : list of tuple of int, optional
        Of the arrays in ``theta``, in their order; None if ``theta`` is one array.
    vectors : AdamW, optional
        Moves the vectors. Its rate keeps its ratio to `lr` when a schedule changes that; the default has the
        same rate.

    Examples
    --------
    >>> W = np.zeros((2, 2))
    >>> Muon(lr=1.0, steps=30).step(W, np.diag([1.0, 1e-3]))
    >>> bool((np.diag(W) < -0.6).all())         # both directions, whatever their size
    True
    """

    state = ("m",)

    def __init__(self, lr=0.001, momentum=0.95, weight_decay=0.1, steps=5, shapes=None, vectors=None):
        super().__init__(lr, shapes)
        self.momentum = checks.number("momentum", momentum, 0, below=1)
        self.weight_decay = checks.number("weight_decay", weight_decay, 0)
        self.steps = checks.integer("steps", steps, 1)
        self._vectors = AdamW(lr) if vectors is None else vectors
        if not isinstance(self._vectors, AdamW):
            raise TypeError(f"vectors must be an AdamW, got {vectors!r}")
        self._ratio = self._vectors.lr / lr if lr else 1.0

    def reset(self):
        super().reset()
        if hasattr(self, "_vectors"):
            self._vectors.reset()

    def _move_all(self, theta, g, memory):
        rest = []
        for here, shape in self._pieces():
            if len(shape) < 2:
                rest.append(np.arange(here.start, here.stop))
                continue
            W, G, M = (array[here].reshape(shape[0], -1) for array in (theta, g, memory[0]))
            n_in, n_out = W.shape if len(shape) == 2 else W.shape[::-1]
            M[...] = self.momentum * M + (1 - self.momentum) * G
            U = orthogonalized(self.momentum * M + (1 - self.momentum) * G, self.steps)
            W -= self.lr * self.weight_decay * W
            W -= self.lr * math.sqrt(max(1, n_out / n_in)) * U
        if rest:
            where = np.concatenate(rest)
            part = theta[where]
            self._vectors.lr = self.lr * self._ratio
            self._vectors.step(part, g[where])
            theta[where] = part

    def state_dict(self):
        inner = {f"vectors.{name}": value for name, value in self._vectors.state_dict().items()}
        return super().state_dict() | inner | {"ratio": self._ratio}

    def _load(self, saved):
        inner = {name[8:]: saved.pop(name) for name in list(saved) if name.startswith("vectors.")}
        ratio = checks.number("ratio", saved.pop("ratio", None), 0)
        super()._load(saved)
        self._vectors._load(inner)
        self._ratio = ratio

    def _structure(self):
        return super()._structure() | {"vectors": self._vectors}


def orthogonalized(G, steps=5):
    """Replace all but the smallest singular values by numbers near 1: U S V' becomes about U V'.

    X <- a X + (b X X' + c (X X')^2) X, from X = G / norm(G): each singular value s becomes
    a s + b s^3 + c s^5. With a, b, c = 3.4445, -4.7750, 2.0315 small ones grow by about 3.4 in each step.
    After five steps all that began above 1/600 of the norm are between about 0.68 and 1.2; smaller ones are
    at most a^5 = 485 times as large as before. They do not converge to 1, which turned out not to matter
    (Jordan et al. 2024).

    Parameters
    ----------
    G : (m, n)
    steps : int

    Examples
    --------
    >>> G = np.diag([3.0, 1.0, 0.1])
    >>> bool((abs(np.diag(orthogonalized(G)) - 0.95) < 0.3).all())
    True
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    X = G.T if len(G) > G.shape[1] else G
    X = X / max(float(np.linalg.norm(X)), 1e-7)
    for _ in range(checks.integer("steps", steps, 1)):
        A = X @ X.T
        X = a * X + (b * A + c * (A @ A)) @ X
    return X.T if len(G) > G.shape[1] else X


class Shampoo(ForMatrices):
    """AdaGrad with a matrix for each axis: H_i sums the products of the gradient with itself along axis i.

    L  <- L + G G',  R <- R + G' G                      L_0 = R_0 = eps I
    W  <- W - lr * L^(-1/4) G R^(-1/4)

    In general, for an array of k axes: H_i <- H_i + G_i G_i', where G_i is the gradient as a matrix with
    axis i as its rows, and the step multiplies axis i by H_i^(-1/(2k)). For a vector, k = 1, that is AdaGrad
    with a full matrix. (Gupta, Koren & Singer 2018, algorithms 1 and 2.)

    An axis of length n costs n^2 numbers and about 10 n^3 multiplications in each step.

    Parameters
    ----------
    lr : float
    eps : float
        Keeps H_i invertible at first.
    shapes : list of tuple of int, optional
        Of the arrays in ``theta``, in their order; None if ``theta`` is one array.

    Examples
    --------
    >>> W = np.zeros((2, 2))
    >>> Shampoo(lr=1.0, eps=1e-12).step(W, np.array([[0.0, 8.0], [-2.0, 0.0]]))
    >>> W.round(3) + 0.0                        # in the first step G becomes U V'
    array([[ 0., -1.],
           [ 1.,  0.]])
    """

    def __init__(self, lr=0.1, eps=1e-4, shapes=None):
        super().__init__(lr, shapes)
        self.eps = checks.number("eps", eps, above=0)

    def reset(self):
        super().reset()
        self._H = {}

    @property
    def state(self):
        """The matrices H, named ``"0.1"`` for axis 1 of array 0."""
        return dict(self._H)

    def _move_all(self, theta, g, memory):
        for piece, (here, shape) in enumerate(self._pieces()):
            step = G = g[here].reshape(shape)
            for axis, n in enumerate(shape):
                G_i = np.moveaxis(G, axis, 0).reshape(n, -1)
                H = self._H.setdefault(f"{piece}.{axis}", self.eps * np.eye(n, dtype=theta.dtype))
                H += G_i @ G_i.T
                root = inverse_root(H, 2 * len(shape), self.eps)
                step = np.moveaxis(np.tensordot(root, step, (1, axis)), 0, axis)
            theta[here] -= self.lr * step.reshape(-1)

    def _restore(self, state):
        self._H = state


def inverse_root(H, p, least):
    """H^(-1/p) of a symmetric matrix whose eigenvalues are at least `least`, up to rounding."""
    values, Q = np.linalg.eigh(H)
    return (Q * np.maximum(values, least) ** (-1 / p)) @ Q.T


def _checked_shape(shape):
    try:
        return tuple(checks.integer("every length in shapes", n, 1) for n in shape)
    except TypeError:
        raise TypeError(f"shapes must be a list of shapes such as (784, 128), got {shape!r} in it") from None
