"""Attention: how does a network decide which part of a sequence to look at?

Each step has a query, a key and a value. It takes the mean of all steps' values, weighted by how well their
keys match its own query (Bahdanau, Cho & Bengio 2015; Vaswani et al. 2017). Sequences are ``(m, t, d)``:
examples, steps, features.

Together with `dlcore.layers.Residual` these layers make the block of a transformer. With the normalization
before each part (pre-norm):

>>> from dlcore.layers import Dense, ReLU, Residual
>>> from dlcore.normalization import LayerNorm
>>> rng = np.random.default_rng(0)
>>> d = 16
>>> block = [
...     Residual(LayerNorm(d), SelfAttention(d, heads=4, rng=rng)),
...     Residual(LayerNorm(d), Dense(d, 4 * d, rng=rng), ReLU(), Dense(4 * d, d, rng=rng)),
... ]

or after it (post-norm, as Vaswani et al. have it):

>>> block = [
...     Residual(SelfAttention(d, heads=4, rng=rng)), LayerNorm(d),
...     Residual(Dense(d, 4 * d, rng=rng), ReLU(), Dense(4 * d, d, rng=rng)), LayerNorm(d),
... ]

A model of text embeds its tokens and their places, and ends in a logit for each token that may come next:

>>> from dlcore.network import Network
>>> net = Network(Embedding(27, d, rng=rng), Positions(8, d, rng=rng), *block, Dense(d, 27, rng=rng))
>>> net.forward(np.zeros((5, 8), int)).shape
(5, 8, 27)
"""

import functools

import numpy as np

from dlcore import checks
from dlcore.base import Layer
from dlcore.initialization import normal, xavier_uniform

small_normal = functools.partial(normal, std=0.02)
"""N(0, 0.02^2), with which GPT-2's embeddings begin (Radford et al. 2019's code)."""


class Embedding(Layer):
    """A row of weights for each token: y = W[x].

    Parameters
    ----------
    n : int
        The number of tokens: ``x`` holds whole numbers from 0 to n - 1.
    d : int
        The number of features of each.
    init : function of (shape, rng)
        How ``W: (n, d)`` begins.
    rng : numpy.random.Generator

    Notes
    -----
    The same as a `Dense` layer without bias on one-hot rows, without the multiplications by 0.

    Examples
    --------
    >>> layer = Embedding(3, 2, rng=np.random.default_rng(0))
    >>> layer.W[...] = [[0, 1], [10, 11], [20, 21]]
    >>> layer.forward([[2, 0]])
    array([[[20., 21.],
            [ 0.,  1.]]])
    """

    params = ("W",)

    def __init__(self, n, d, init=small_normal, *, rng):
        self.n, self.d = checks.integer("n", n, 1), checks.integer("d", d, 1)
        self.W, self.dW = _weights("init", init, (n, d), rng)

    def forward(self, x, training=False):
        """Tokens ``x: (m,)`` or ``(m, t)`` to ``(m, d)`` or ``(m, t, d)``."""
        x = np.asarray(x)
        if x.dtype.kind == "f" and self.n > 2 / np.finfo(x.dtype).eps:
            raise TypeError(
                f"x must be whole numbers of an integer dtype: {x.dtype} cannot tell {self.n} apart"
            )
        tokens = checks.labels("x", x.ravel(), classes=self.n).reshape(x.shape)
        self._memory = tokens
        return self.W[tokens]

    def backward(self, dy, input_gradient=True):
        """dW[k] = the sum of dy over all places that hold token k. Tokens have no gradient: returns None."""
        tokens = checks.remembered(self, self._memory)
        dy = checks.same_shape("dy", np.asarray(dy), (*tokens.shape, self.d)).reshape(-1, self.d)
        order = np.argsort(tokens, axis=None, kind="stable")
        present, starts = np.unique(tokens.ravel()[order], return_index=True)
        self.dW[...] = 0
        self.dW[present] = np.add.reduceat(dy[order], starts)

    def __repr__(self):
        return f"Embedding({self.n}, {self.d})"


class Positions(Layer):
    """A row of weights for each place in the sequence, added to what stands there: y = x + P.

    Attention alone cannot tell the order of the steps that it looks at. These are the learnt positions of
    GPT-2; Vaswani et al. (2017, section 3.5) found them as good as their sines.

    Parameters
    ----------
    steps : int
        The longest sequence.
    d : int
        The number of features of each step.
    init : function of (shape, rng)
        How ``P: (steps, d)`` begins.
    rng : numpy.random.Generator

    Examples
    --------
    >>> Positions(10, 4, rng=np.random.default_rng(0)).forward(np.zeros((5, 7, 4))).shape
    (5, 7, 4)
    """

    params = ("P",)

    def __init__(self, steps, d, init=small_normal, *, rng):
        self.steps, self.d = checks.integer("steps", steps, 1), checks.integer("d", d, 1)
        self.P, self.dP = _weights("init", init, (steps, d), rng)

    def forward(self, x, training=False):
        """``x: (m, t, d)`` with t up to `steps`."""
        x = _sequences(x, self.d)
        if x.shape[1] > self.steps:
            raise ValueError(f"x must have at most {self.steps} steps, got shape {x.shape}")
        self._memory = x.shape
        return x + self.P[: x.shape[1]]

    def backward(self, dy, input_gradient=True):
        """dP_t = the sum of dy_t over the examples; dx = dy."""
        shape = checks.remembered(self, self._memory)
        dy = checks.same_shape("dy", np.asarray(dy), shape)
        self.dP[...] = 0
        np.sum(dy, axis=0, out=self.dP[: shape[1]])
        return dy if input_gradient else None

    def __repr__(self):
        return f"Positions({self.steps}, {self.d})"


class SelfAttention(Layer):
    """Multi-head self-attention (Vaswani et al. 2017, section 3.2).

        Q, K, V = x W_q, x W_k, x W_v             cut into heads of d_k = d / heads features each
        A = softmax(Q K' / sqrt(d_k))             one row of weights per step; eq. 1
        y = concatenated heads A V, times W_o

    The square root keeps the logits' variance at 1 for queries and keys of variance 1, so that the softmax
    does not begin saturated.

    Parameters
    ----------
    d : int
        The number of features of each step, in and out.
    heads : int
        A divisor of d. Each head has its own queries, keys and values.
    causal : bool
        Whether a step sees only itself and what came before, as a model that predicts the next step must.
    init : function of (shape, rng)
        How the four matrices begin; there are no biases, as in the paper.
    rng : numpy.random.Generator

    Attributes
    ----------
    attention : (m, heads, t, t)
        The weights A of the last `forward`: row i says where step i looks.

    Notes
    -----
    Equal to ``torch.nn.MultiheadAttention(d, heads, bias=False, batch_first=True)`` with ``W_q.T``, ``W_k.T``
    and ``W_v.T`` one below another in ``in_proj_weight``, and ``W_o.T`` in ``out_proj.weight``. Time and
    memory grow with t^2.

    Examples
    --------
    >>> layer = SelfAttention(4, heads=2, rng=np.random.default_rng(0))
    >>> layer.forward(np.zeros((1, 3, 4))).shape
    (1, 3, 4)
    >>> layer.attention[0, 0].round(2)              # equal keys: the mean of what came before
    array([[1.  , 0.  , 0.  ],
           [0.5 , 0.5 , 0.  ],
           [0.33, 0.33, 0.33]])
    """

    params = ("W_q", "W_k", "W_v", "W_o")
    attention = None

    def __init__(self, d, heads, causal=True, init=xavier_uniform, *, rng):
        self.d = checks.integer("d", d, 1)
        self.heads = checks.integer("heads", heads, 1, d, "d")
        if d % heads:
            raise ValueError(f"heads must divide d={d}, got {heads}")
        if not isinstance(causal, (bool, np.bool_)):
            raise TypeError(f"causal must be True or False, got {causal!r}")
        self.causal = causal
        for name in self.params:
            W, dW = _weights("init", init, (d, d), rng)
            setattr(self, name, W)
            setattr(self, f"d{name}", dW)

    def forward(self, x, training=False):
        """``x: (m, t, d)`` to ``y: (m, t, d)``."""
        x = _sequences(x, self.d)
        q, k, v = (self._cut(x @ W) for W in (self.W_q, self.W_k, self.W_v))
        q /= (self.d // self.heads) ** 0.5  # (m, heads, t, d_k) is smaller than the logits (m, heads, t, t)
        z = q @ k.swapaxes(2, 3)
        if self.causal:
            z += _future(x.shape[1]).astype(z.dtype, copy=False)
        z -= z.max(axis=3, keepdims=True)
        self.attention = A = np.exp(z, out=z)
        A /= A.sum(axis=3, keepdims=True)
        seen = self._joined(A @ v)
        self._memory = x, q, k, v, A, seen
        return seen @ self.W_o

    def backward(self, dy, input_gradient=True):
        """The same way back; through the softmax, dz = A (dA - the row's sum of A dA).

        dV = A' dO,  dA = dO V',  dQ = dz K / sqrt(d_k),  dK = dz' Q / sqrt(d_k),  dO = the heads of dy W_o'

        The row's sum of A dA is that of O dO, with O = A V, which has d_k columns instead of t (Dao et al.
        2022, FlashAttention, appendix B.2).
        """
        x, q, k, v, A, seen = checks.remembered(self, self._memory)
        dy = checks.same_shape("dy", checks.floats("dy", dy), x.shape)
        dO = self._cut(dy @ self.W_o.T)
        dz = dO @ v.swapaxes(2, 3)
        dz -= (self._cut(seen) * dO).sum(axis=3, keepdims=True)
        dz *= A
        dq, dk, dv = map(self._joined, (dz @ k, dz.swapaxes(2, 3) @ q, A.swapaxes(2, 3) @ dO))
        dq /= (self.d // self.heads) ** 0.5  # q was divided on the way forward
        np.matmul(_rows(seen).T, _rows(dy), out=self.dW_o)
        for dW, d in ((self.dW_q, dq), (self.dW_k, dk), (self.dW_v, dv)):
            np.matmul(_rows(x).T, _rows(d), out=dW)
        return dq @ self.W_q.T + dk @ self.W_k.T + dv @ self.W_v.T if input_gradient else None

    def _cut(self, x):
        """``(m, t, d)`` to ``(m, heads, t, d_k)``."""
        return x.reshape(*x.shape[:2], self.heads, -1).swapaxes(1, 2)

    def _joined(self, heads):
        """``(m, heads, t, d_k)`` to ``(m, t, d)``."""
        return heads.swapaxes(1, 2).reshape(len(heads), -1, self.d)

    def __repr__(self):
        return f"SelfAttention({self.d}, {self.heads}{'' if self.causal else ', causal=False'})"


def _weights(name, init, shape, rng):
    """The weights that `init` draws, and room for their gradient."""
    checks.generator(rng)
    if not callable(init):
        raise TypeError(f"{name} must be a function of (shape, rng) such as xavier_uniform, got {init!r}")
    W = checks.floats(f"the weights that {name} returns", init(shape, rng))
    return W, np.zeros_like(W)


@functools.lru_cache(maxsize=8)
def _future(steps):
    """What is added to the logits (t, t): -inf where a step would look at a later one."""
    mask = np.triu(np.full((steps, steps), -np.inf), 1)
    mask.flags.writeable = False  # the cache hands it to everybody
    return mask


def _sequences(x, d):
    x = checks.floats("x", x)
    if x.ndim != 3 or x.shape[2] != d or 0 in x.shape:
        raise ValueError(f"x must have shape (any, any, {d}) and must not be empty, got {x.shape}")
    return x


def _rows(x):
    """All steps of all examples one below another."""
    return x.reshape(-1, x.shape[-1])
