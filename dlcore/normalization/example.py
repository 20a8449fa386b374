"""Layer, RMS and group normalization: what if every example were normalized by itself?"""

import numpy as np

from dlcore import checks

from .standardizing import Norm, inverse_of_large, mean, standardized, standardized_backward


class LayerNorm(Norm):
    """Normalize each example over its own features, then scale and shift each feature.

    With mean mu and variance var over the features of one example:

        x_hat = (x - mu) / sqrt(var + eps),    y = gamma * x_hat + beta

    Training and evaluation are the same, and a mini-batch of one is as good as any (Ba, Kiros & Hinton 2016).

    Parameters
    ----------
    n : int or tuple of int
        The sizes of the last axes, over which an example is normalized: ``n`` for ``(m, n)``, and for
        ``(m, t, n)``, whose steps are then normalized one by one; ``(channels, height, width)`` for images.
    eps : float
        Added to the variance.

    Examples
    --------
    >>> LayerNorm(2).forward(np.array([[1.0, 3.0], [10.0, 50.0]])).round(3)
    array([[-1.,  1.],
           [-1.,  1.]])
    """

    def __init__(self, n, eps=1e-5):
        sizes = (n,) if np.ndim(n) == 0 else tuple(n)
        self.n = tuple(checks.integer("n", size, 1) for size in sizes)
        super().__init__(self.n, eps)

    def forward(self, x, training=False):
        """Normalize ``x``, whose last axes have the sizes `n`; `training` makes no difference."""
        x = self.checked(x)
        k = len(self.n)
        if x.ndim <= k or x.shape[-k:] != self.n:
            raise ValueError(f"x must have shape (any, {', '.join(map(str, self.n))}), got {x.shape}")
        features = tuple(range(x.ndim - k, x.ndim))
        x_hat, inv_std = standardized(x, features, self.eps)
        self._memory = x_hat, inv_std, features
        y = self.gamma.astype(x.dtype, copy=False) * x_hat
        y += self.beta.astype(x.dtype, copy=False)
        return y

    def backward(self, dy, input_gradient=True):
        """Gradient with respect to x; `dgamma` and `dbeta` are set on the way.

        The same formula as batch normalization's, with the means taken over an example's features:

            dx = (dx_hat - mean(dx_hat) - x_hat * mean(dx_hat * x_hat)) / sqrt(var + eps)

        with ``dx_hat = gamma * dy``.
        """
        x_hat, inv_std, features = checks.remembered(self, self._memory)
        dy = self.checked_dy(dy, x_hat.shape)
        examples = tuple(range(dy.ndim - len(features)))
        self.dgamma[...] = (dy * x_hat).sum(axis=examples)
        self.dbeta[...] = dy.sum(axis=examples)
        if not input_gradient:
            return None
        dx_hat = self.gamma.astype(dy.dtype, copy=False) * dy
        return standardized_backward(dx_hat, x_hat, inv_std, features)

    def __repr__(self):
        return f"LayerNorm({self.n[0] if len(self.n) == 1 else self.n})"


class RMSNorm(Norm):
    """Divide each example by the root mean square of its features, then scale each feature.

        y = gamma * x_hat,    x_hat = x / sqrt(mean(x^2) + eps)

    Layer normalization without the mean and without the shift (Zhang & Sennrich 2019, eq. 4, which has no
    eps).

    Parameters
    ----------
    n : int
        The size of the last axis, over which an example is normalized: of ``(m, n)``, or ``(m, t, n)``.
    eps : float
        Added to the mean square. `torch.nn.RMSNorm` takes the dtype's machine epsilon unless told otherwise.

    Examples
    --------
    >>> RMSNorm(2).forward(np.array([[3.0, 4.0], [30.0, 40.0]])).round(3)
    array([[0.849, 1.131],
           [0.849, 1.131]])
    """

    params = ("gamma",)

    def __init__(self, n, eps=1e-5):
        self.n = checks.integer("n", n, 1)
        super().__init__(n, eps)

    def forward(self, x, training=False):
        """Normalize ``x``, whose last axis has the size `n`; `training` makes no difference."""
        x = self.checked(x)
        if x.ndim < 2 or x.shape[-1] != self.n:
            raise ValueError(f"x must have shape (any, {self.n}) or (any, any, {self.n}), got {x.shape}")
        with np.errstate(over="ignore"):
            square = mean(x * x, (-1,))
            ordinary = checks.finite_square(square)
        inv_rms = 1 / np.sqrt(square + self.eps)
        if not ordinary and np.isinf(square).any():
            inv_rms = inverse_of_large(x, square, inv_rms, (-1,))
        x_hat = x * inv_rms
        self._memory = x_hat, inv_rms
        return self.gamma.astype(x.dtype, copy=False) * x_hat

    def backward(self, dy, input_gradient=True):
        """Gradient with respect to x; `dgamma` is set on the way.

        dx = (dx_hat - x_hat * mean(dx_hat * x_hat)) / sqrt(mean(x^2) + eps),    dx_hat = gamma * dy
        """
        x_hat, inv_rms = checks.remembered(self, self._memory)
        dy = self.checked_dy(dy, x_hat.shape)
        self.dgamma[...] = (dy * x_hat).sum(axis=tuple(range(dy.ndim - 1)))
        if not input_gradient:
            return None
        dx_hat = self.gamma.astype(dy.dtype, copy=False) * dy
        dx_hat -= x_hat * mean(dx_hat * x_hat, (-1,))
        dx_hat *= inv_rms
        return dx_hat

    def __repr__(self):
        return f"RMSNorm({self.n})"


class GroupNorm(Norm):
    """Normalize each example over groups of its channels, then scale and shift each channel.

    The channels are divided into `groups` of neighbours. With mean mu and variance var over the channels of
    one group and all their positions (Wu & He 2018, eqs. 1-7):

        x_hat = (x - mu) / sqrt(var + eps),    y = gamma * x_hat + beta

    One group is layer normalization over all of an image; as many groups as channels is instance
    normalization.

    Parameters
    ----------
    groups : int
        A divisor of `n`.
    n : int
        The number of channels: of ``(m, n)``, ``(m, n, h, w)`` or, features last, ``(m, t, n)``. There all
        steps of a sequence are normalized together, so a step sees the later ones: in a network that must
        not, take `LayerNorm` or `RMSNorm`.
    eps : float
        Added to the variance.

    Examples
    --------
    >>> GroupNorm(2, 4).forward(np.array([[1.0, 3.0, 10.0, 50.0]])).round(3)
    array([[-1.,  1., -1.,  1.]])
    """

    def __init__(self, groups, n, eps=1e-5):
        self.n = checks.integer("n", n, 1)
        self.groups = checks.integer("groups", groups, 1, n, "n")
        if n % groups:
            raise ValueError(f"groups must divide n={n}, got {groups}")
        super().__init__(n, eps)

    def forward(self, x, training=False):
        """Normalize ``x``, of a shape named above; `training` makes no difference."""
        x = _channels_first(self.checked(x))
        if x.ndim not in (2, 3, 4) or x.shape[1] != self.n:
            raise ValueError(
                f"x must have shape (any, {self.n}), (any, any, {self.n}) or (any, {self.n}, h, w),"
                f" got {_channels_first(x).shape}"
            )
        x_hat, inv_std = standardized(self._grouped(x), (2,), self.eps)
        x_hat = x_hat.reshape(x.shape)
        self._memory = x_hat, inv_std
        return _channels_first(self._by_channel(self.gamma, x) * x_hat + self._by_channel(self.beta, x))

    def backward(self, dy, input_gradient=True):
        """Gradient with respect to x; `dgamma` and `dbeta` are set on the way.

        Layer normalization's formula, with the means taken over a group.
        """
        x_hat, inv_std = checks.remembered(self, self._memory)
        dy = _channels_first(self.checked_dy(dy, _channels_first(x_hat).shape))
        others = (0, *range(2, dy.ndim))
        self.dgamma[...] = (dy * x_hat).sum(axis=others)
        self.dbeta[...] = dy.sum(axis=others)
        if not input_gradient:
            return None
        x_hat, dx_hat = self._grouped(x_hat), self._grouped(self._by_channel(self.gamma, dy) * dy)
        return _channels_first(standardized_backward(dx_hat, x_hat, inv_std, (2,)).reshape(dy.shape))

    def _grouped(self, x):
        return x.reshape(len(x), self.groups, -1)

    def _by_channel(self, a, x):
        return a.reshape(-1, *[1] * (x.ndim - 2)).astype(x.dtype, copy=False)

    def __repr__(self):
        return f"GroupNorm({self.groups}, {self.n})"


def _channels_first(x):
    """``(m, t, n)`` to ``(m, n, t)`` and back; other shapes have their channels there already."""
    return x.swapaxes(1, 2) if x.ndim == 3 else x
