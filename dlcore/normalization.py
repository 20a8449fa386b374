"""Normalization: what if every signal had mean 0 and variance 1?

Before the network: scalers, fitted on the training set. Inside it: layers that normalize what flows through
them, over the examples of a mini-batch (`BatchNorm`) or over the features of one example (`LayerNorm`).
"""

import numpy as np

from dlcore import checks


class _Scaler:
    """An affine map of each feature, (x - shift) / scale, whose numbers come from the training set."""

    shift = scale = None

    def fit(self, x):
        """Take shift and scale of each feature from ``x: (m, n)``, the training set only; return the scaler."""
        x = checks.array("x", x, ndim=2)
        self.shift, self.scale = self._fitted(x)
        return self

    def transform(self, x):
        """Scale ``x: (m, n)`` with the numbers that `fit` found."""
        x = self._checked(x)
        return ((x - self.shift) / self.scale).astype(x.dtype, copy=False)

    def fit_transform(self, x):
        """`fit`, then `transform` the same examples."""
        return self.fit(x).transform(x)

    def inverse_transform(self, x):
        """Undo `transform`: back to the features' own units."""
        x = self._checked(x)
        return (x * self.scale + self.shift).astype(x.dtype, copy=False)

    def _checked(self, x):
        if self.scale is None:
            raise RuntimeError(f"{type(self).__name__} is not fitted: call fit(x_train) first")
        return checks.array("x", x, shape=(None, len(self.scale)))


class StandardScaler(_Scaler):
    """Each feature to mean 0 and standard deviation 1: z = (x - mean) / std.

    The standard deviation divides by m, as scikit-learn's. A constant feature becomes 0, not NaN.

    Examples
    --------
    >>> StandardScaler().fit_transform([[1.0, 7.0], [3.0, 7.0]])
    array([[-1.,  0.],
           [ 1.,  0.]])
    """

    def _fitted(self, x):
        std = x.std(axis=0)
        return x.mean(axis=0), np.where(x.max(axis=0) > x.min(axis=0), std, 1.0)


class MinMaxScaler(_Scaler):
    """Each feature to [low, high]: low + (x - min) / (max - min) * (high - low).

    New examples may fall outside: nothing is clipped. A constant feature becomes `low`.

    Examples
    --------
    >>> MinMaxScaler(-1, 1).fit([[0.0], [10.0]]).transform([[5.0], [20.0]])
    array([[0.],
           [3.]])
    """

    def __init__(self, low=0, high=1):
        self.low = checks.number("low", low)
        self.high = checks.number("high", high, above=low)

    def _fitted(self, x):
        smallest, largest = x.min(axis=0), x.max(axis=0)
        scale = np.where(largest > smallest, largest - smallest, 1.0) / (self.high - self.low)
        return smallest - self.low * scale, scale


class BatchNorm:
    """Normalize each feature over the examples of a mini-batch, then scale and shift it.

    In training, with mean mu and variance var (divided by m) over the mini-batch:

        x_hat = (x - mu) / sqrt(var + eps),    y = gamma * x_hat + beta

    In evaluation the running averages of mu and var take their place, so that an example's output does not
    depend on its neighbours:

        running <- momentum * running + (1 - momentum) * batch's

    The running variance averages the *unbiased* variance m / (m - 1) * var (Ioffe & Szegedy 2015,
    algorithms 1 and 2).

    Parameters
    ----------
    n : int
        The number of features: of ``(m, n)``, or the channels of ``(m, n, h, w)``, each of which is
        normalized over examples and positions.
    momentum : float in [0, 1]
        The share of a running average that is *kept*. PyTorch's ``momentum`` is the share replaced,
        so its default 0.1 is 0.9 here.
    eps : float
        Added to the variance, once.

    Attributes
    ----------
    gamma, beta : (n,)
        Scale and shift, learnt; 1 and 0 at the start. Their gradients are `dgamma` and `dbeta`.
    running_mean, running_var : (n,)
        0 and 1 at the start.

    Examples
    --------
    >>> bn = BatchNorm(2)
    >>> y = bn.forward(np.array([[1.0, 10.0], [3.0, 50.0]]), training=True)
    >>> y.round(3)
    array([[-1., -1.],
           [ 1.,  1.]])
    >>> bn.running_mean.round(3)
    array([0.2, 3. ])
    """

    params = ("gamma", "beta")
    buffers = ("running_mean", "running_var")

    def __init__(self, n, momentum=0.9, eps=1e-5):
        self.n = checks.integer("n", n, 1)
        self.momentum = checks.number("momentum", momentum, 0, 1)
        self.eps = checks.number("eps", eps, above=0)
        self.gamma, self.beta = np.ones(n), np.zeros(n)
        self.dgamma, self.dbeta = np.zeros(n), np.zeros(n)
        self.running_mean, self.running_var = np.zeros(n), np.ones(n)
        self._memory = None

    def forward(self, x, training=False):
        """Normalize ``x: (m, n)`` or ``(m, n, h, w)``; in training, update the running averages too."""
        x = np.asarray(x)
        if x.ndim not in (2, 4) or x.shape[1] != self.n:
            raise ValueError(f"x must have shape (any, {self.n}) or (any, {self.n}, h, w), got {x.shape}")
        axes, per_feature = ((0,), (self.n,)) if x.ndim == 2 else ((0, 2, 3), (self.n, 1, 1))
        gamma = self.gamma.reshape(per_feature).astype(x.dtype, copy=False)
        beta = self.beta.reshape(per_feature).astype(x.dtype, copy=False)
        if training:
            m = x.size // self.n
            if m < 2:
                raise ValueError(
                    f"x must hold at least 2 values per feature in training, got {m}:"
                    " choose a batch_size that leaves no mini-batch of one example"
                )
            mu = x.sum(axis=axes) / x.dtype.type(m)
            checks.finite("x (by its mean over the mini-batch)", mu)
            x_mu = x - mu.reshape(per_feature)
            var = (x_mu * x_mu).sum(axis=axes) / x.dtype.type(m)
            self.running_mean += (1 - self.momentum) * (mu - self.running_mean)
            self.running_var += (1 - self.momentum) * (m / (m - 1) * var - self.running_var)
        else:
            mu, var = (
                self.running_mean.astype(x.dtype, copy=False),
                self.running_var.astype(x.dtype, copy=False),
            )
            x_mu = x - mu.reshape(per_feature)
        inv_std = (1 / np.sqrt(var + self.eps)).reshape(per_feature)
        x_hat = np.multiply(x_mu, inv_std, out=x_mu)
        self._memory = x_hat, gamma * inv_std, axes, training
        y = gamma * x_hat
        y += beta
        return y

    def backward(self, dy):
        """Gradient with respect to x; `dgamma` and `dbeta` are set on the way.

        Every output depends on every example of the mini-batch through mu and var. Summed up:

            dx = gamma / sqrt(var + eps) * (dy - mean(dy) - x_hat * mean(dy * x_hat))

        In evaluation mu and var are constants, and only the first term is left.
        """
        x_hat, factor, axes, training = checks.remembered(self, self._memory)
        dy = checks.same_shape("dy", np.asarray(dy), x_hat.shape)
        self.dgamma[...] = (dy * x_hat).sum(axis=axes)
        self.dbeta[...] = dy.sum(axis=axes)
        if not training:
            return factor * dy
        m = dy.dtype.type(dy.size // self.n)
        mean_dy = (self.dbeta / m).reshape(factor.shape).astype(dy.dtype, copy=False)
        mean_dy_x_hat = (self.dgamma / m).reshape(factor.shape).astype(dy.dtype, copy=False)
        dx = x_hat * mean_dy_x_hat
        np.subtract(dy, dx, out=dx)
        dx -= mean_dy
        dx *= factor
        return dx

    def __repr__(self):
        return f"BatchNorm({self.n})"


class LayerNorm:
    """Normalize each example over its own features, then scale and shift each feature.

    With mean mu and variance var over the features of one example:

        x_hat = (x - mu) / sqrt(var + eps),    y = gamma * x_hat + beta

    Training and evaluation are the same, and a mini-batch of one is as good as any (Ba, Kiros & Hinton 2016).

    Parameters
    ----------
    n : int or tuple of int
        The sizes of the last axes, over which an example is normalized: ``n`` for ``(m, n)``,
        ``(channels, height, width)`` for images.
    eps : float
        Added to the variance.

    Examples
    --------
    >>> LayerNorm(2).forward(np.array([[1.0, 3.0], [10.0, 50.0]])).round(3)
    array([[-1.,  1.],
           [-1.,  1.]])
    """

    params = ("gamma", "beta")
    buffers = ()

    def __init__(self, n, eps=1e-5):
        sizes = (n,) if np.ndim(n) == 0 else tuple(n)
        self.n = tuple(checks.integer("n", size, 1) for size in sizes)
        self.eps = checks.number("eps", eps, above=0)
        self.gamma, self.beta = np.ones(self.n), np.zeros(self.n)
        self.dgamma, self.dbeta = np.zeros(self.n), np.zeros(self.n)
        self._memory = None

    def forward(self, x, training=False):
        """Normalize ``x``, whose last axes have the sizes `n`; `training` makes no difference."""
        x = np.asarray(x)
        k = len(self.n)
        if x.ndim <= k or x.shape[-k:] != self.n:
            raise ValueError(f"x must have shape (any, {', '.join(map(str, self.n))}), got {x.shape}")
        features = tuple(range(-k, 0))
        x_mu = x - x.mean(axis=features, keepdims=True)
        var = (x_mu * x_mu).mean(axis=features, keepdims=True)
        inv_std = 1 / np.sqrt(var + self.eps)
        x_hat = np.multiply(x_mu, inv_std, out=x_mu)
        self._memory = x_hat, inv_std, features
        return self.gamma.astype(x.dtype, copy=False) * x_hat + self.beta.astype(x.dtype, copy=False)

    def backward(self, dy):
        """Gradient with respect to x; `dgamma` and `dbeta` are set on the way.

        The same formula as batch normalization's, with the means taken over an example's features:

            dx = (dx_hat - mean(dx_hat) - x_hat * mean(dx_hat * x_hat)) / sqrt(var + eps),   dx_hat = gamma *
            dy
        """
        x_hat, inv_std, features = checks.remembered(self, self._memory)
        dy = checks.same_shape("dy", np.asarray(dy), x_hat.shape)
        examples = tuple(range(dy.ndim - len(features)))
        self.dgamma[...] = (dy * x_hat).sum(axis=examples)
        self.dbeta[...] = dy.sum(axis=examples)
        dx_hat = self.gamma.astype(dy.dtype, copy=False) * dy
        mean = dx_hat.mean(axis=features, keepdims=True)
        mean_x_hat = (dx_hat * x_hat).mean(axis=features, keepdims=True)
        return inv_std * (dx_hat - mean - x_hat * mean_x_hat)

    def __repr__(self):
        return f"LayerNorm({self.n[0] if len(self.n) == 1 else self.n})"
