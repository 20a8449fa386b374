"""Normalization: what if every signal had mean 0 and variance 1?

Before the network: scalers, fitted on the training set. Inside it: layers that normalize what flows through
them: over the examples of a mini-batch (`BatchNorm`), over the features of one example (`LayerNorm`,
`RMSNorm`), or over groups of its channels (`GroupNorm`). Sequences are ``(m, t, d)``, features last.
"""

import functools

import numpy as np

from dlcore import checks
from dlcore.base import Layer


class _Scaler:
    """An affine map of each feature, (x - shift) / scale, whose numbers come from the training set."""

    shift = scale = None

    def fit(self, x):
        """Take shift and scale of each feature from ``x: (m, n)``, the training set; return the scaler."""
        x = checks.array("x", x, ndim=2)
        smallest, largest = x.min(axis=0), x.max(axis=0)
        with np.errstate(over="ignore"):
            span = largest.astype(np.float64) - smallest
        if not np.isfinite(span).all():
            i = int(np.argmin(np.isfinite(span)))
            raise ValueError(
                f"x must span less than the largest float in each feature, got {smallest[i]} to {largest[i]}"
                f" in feature {i}"
            )
        varies = largest > smallest
        with np.errstate(over="ignore", invalid="ignore"):
            shift, scale = self._fitted(x, varies)
            lost = not np.isfinite(shift + scale).all() or (scale[varies] < self._reliable(x)).any()
        if lost or x.dtype == np.float16:
            shift, scale = self._fitted_in_units(x.astype(np.float64), varies)
        self.shift, self.scale = shift, scale
        return self

    def transform(self, x):
        """Scale ``x: (m, n)`` with the numbers that `fit` found."""
        x = self._checked(x)
        with np.errstate(over="ignore"):
            z = ((x - self.shift) / self.scale).astype(x.dtype, copy=False)
        return checks.finite("x after scaling", z)

    def fit_transform(self, x):
        """`fit`, then `transform` the same examples."""
        return self.fit(x).transform(x)

    def inverse_transform(self, x):
        """Undo `transform`: back to the features' own units."""
        z = self._checked(x)
        with np.errstate(over="ignore"):
            x = (z * self.scale + self.shift).astype(z.dtype, copy=False)
        return checks.finite("x in its own units", x)

    def _reliable(self, x):
        """The smallest scale that the sums in the precision of x find with all its digits."""
        return np.finfo(x.dtype).smallest_subnormal

    def _fitted_in_units(self, x, varies):
        """Fit in float64 and in units of each feature's largest value: no square overflows or vanishes."""
        unit = np.where(varies, np.abs(x).max(axis=0), 1.0)
        shift, scale = self._fitted(x / unit, varies)
        return shift * unit, np.maximum(scale * unit, np.finfo(x.dtype).smallest_subnormal)

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

    def _fitted(self, x, varies):
        return x.mean(axis=0), np.where(varies, x.std(axis=0), 1.0)

    def _reliable(self, x):
        machine = np.finfo(x.dtype)
        if len(x) * machine.eps > 0.01:  # so many terms that the last of them are rounded away
            return np.inf
        return np.sqrt(machine.tiny / machine.eps)  # below it, squares lose digits or vanish


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

    def _fitted(self, x, varies):
        smallest, largest = x.min(axis=0), x.max(axis=0)
        scale = np.where(varies, largest - smallest, 1.0) / (self.high - self.low)
        return smallest - self.low * scale, scale


class _Norm(Layer):
    """What the normalizing layers share: gamma and beta, and the check of what comes in."""

    params = ("gamma", "beta")

    def __init__(self, n, eps):
        self.eps = checks.number("eps", eps, above=0)
        for name in self.params:
            setattr(self, name, np.ones(n) if name == "gamma" else np.zeros(n))
            setattr(self, "d" + name, np.zeros(n))

    def _checked(self, x):
        x = checks.floats("x", x)
        if x.dtype.type(self.eps) == 0:
            raise ValueError(f"eps must be above 0 in {x.dtype}, got {self.eps}")
        return x

    def _checked_dy(self, dy, shape):
        return checks.same_shape("dy", checks.floats("dy", dy), shape)


@functools.cache
def _coarseness(dtype):
    """Times mu^2 this is s^2, if mu is rounded (to 4 machine epsilons) by a thousandth of a spread s."""
    return float((4000 * np.finfo(dtype).eps) ** 2)


def _without_rounding(x, mu, x_mu, var, axes, eps):
    """Return x - mu and its variance again where mu is so large that its own rounding shows in them.

    There x minus one of its values is exact (Sterbenz' lemma), and the mean of what is left is small.
    """
    coarse = mu * mu * _coarseness(x.dtype) > var + eps
    if not coarse.any():
        return x_mu, var
    first = tuple(slice(1) if axis in axes else slice(None) for axis in range(x.ndim))
    shifted = x - x[first]
    shifted -= shifted.mean(axis=axes, keepdims=True)
    exact_var = (shifted * shifted).mean(axis=axes, keepdims=True)
    return np.where(coarse, shifted, x_mu), np.where(coarse, exact_var, var)


def _inverse_of_large(x, square, inverse, axes):
    """Return 1 / sqrt(mean(x^2)) where that mean overflowed: in units of the largest |x|, where eps is 0."""
    large = np.isinf(square)
    unit = np.where(large, np.abs(x).max(axis=axes, keepdims=True), 1)
    in_units = np.square(x / unit).mean(axis=axes, keepdims=True)
    return np.where(large, 1 / unit / np.sqrt(in_units), inverse)


def _standardized(x, axes, eps):
    """Return x_hat = (x - mu) / sqrt(var + eps) and 1 / sqrt(var + eps): mean and variance over `axes`."""
    mu = x.mean(axis=axes, keepdims=True)
    x_mu = x - mu
    with np.errstate(over="ignore", invalid="ignore"):
        var = (x_mu * x_mu).mean(axis=axes, keepdims=True)
        x_mu, var = _without_rounding(x, mu, x_mu, var, axes, eps)
        inv_std = 1 / np.sqrt(var + eps)
        if np.isinf(var).any():
            inv_std = _inverse_of_large(x_mu, var, inv_std, axes)
    return np.multiply(x_mu, inv_std, out=x_mu), inv_std


class BatchNorm(_Norm):
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
        The number of features: of ``(m, n)``, the last axis of ``(m, t, n)``, or the channels of
        ``(m, n, h, w)``, each of which is normalized over examples and positions.
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

    buffers = ("running_mean", "running_var")

    def __init__(self, n, momentum=0.9, eps=1e-5):
        self.n = checks.integer("n", n, 1)
        self.momentum = checks.number("momentum", momentum, 0, 1)
        super().__init__(n, eps)
        self.running_mean, self.running_var = np.zeros(n), np.ones(n)

    def forward(self, x, training=False):
        """Normalize ``x``, of a shape named above; in training, update the running averages too."""
        x = self._checked(x)
        axes, per_feature = self._features(x)
        gamma = self.gamma.reshape(per_feature).astype(x.dtype, copy=False)
        beta = self.beta.reshape(per_feature).astype(x.dtype, copy=False)
        if training:
            m = x.size // self.n
            if m < 2:
                raise ValueError(
                    f"x must hold at least 2 values per feature in training, got {m}:"
                    " choose a batch_size that leaves no mini-batch of one example"
                )
            with np.errstate(over="ignore", invalid="ignore"):
                mu = (x.sum(axis=axes) / x.dtype.type(m)).reshape(per_feature)
                x_mu = x - mu
                var = ((x_mu * x_mu).sum(axis=axes) / x.dtype.type(m)).reshape(per_feature)
                checks.finite("x (by its variance over the mini-batch)", var)  # the mean then is, too
                x_mu, var = _without_rounding(x, mu, x_mu, var, axes, self.eps)
            self.running_mean += (1 - self.momentum) * (mu.ravel() - self.running_mean)
            self.running_var += (1 - self.momentum) * (m / (m - 1) * var.ravel() - self.running_var)
        else:
            mu = self.running_mean.astype(x.dtype, copy=False).reshape(per_feature)
            var = self.running_var.astype(x.dtype, copy=False).reshape(per_feature)
            x_mu = x - mu
        inv_std = 1 / np.sqrt(var + self.eps)
        x_hat = np.multiply(x_mu, inv_std, out=x_mu)
        self._memory = x_hat, gamma * inv_std, axes, training
        y = gamma * x_hat
        y += beta
        return y

    def backward(self, dy, input_gradient=True):
        """Gradient with respect to x; `dgamma` and `dbeta` are set on the way.

        Every output depends on every example of the mini-batch through mu and var. Summed up:

            dx = gamma / sqrt(var + eps) * (dy - mean(dy) - x_hat * mean(dy * x_hat))

        In evaluation mu and var are constants, and only the first term is left.
        """
        x_hat, factor, axes, training = checks.remembered(self, self._memory)
        dy = self._checked_dy(dy, x_hat.shape)
        self.dgamma[...] = (dy * x_hat).sum(axis=axes)
        self.dbeta[...] = dy.sum(axis=axes)
        if not input_gradient:
            return None
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

    def _features(self, x):
        """The axes to sum over, and the shape that spreads one number per feature over x."""
        n = self.n
        axes, per_feature = {2: ((0,), (n,)), 3: ((0, 1), (n,)), 4: ((0, 2, 3), (n, 1, 1))}.get(
            x.ndim, (0, 0)
        )
        if not axes or x.shape[1 if x.ndim == 4 else -1] != n:
            raise ValueError(
                f"x must have shape (any, {n}), (any, any, {n}) or (any, {n}, h, w), got {x.shape}"
            )
        return axes, per_feature

    def __repr__(self):
        return f"BatchNorm({self.n})"


class LayerNorm(_Norm):
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
        x = self._checked(x)
        k = len(self.n)
        if x.ndim <= k or x.shape[-k:] != self.n:
            raise ValueError(f"x must have shape (any, {', '.join(map(str, self.n))}), got {x.shape}")
        features = tuple(range(x.ndim - k, x.ndim))
        x_hat, inv_std = _standardized(x, features, self.eps)
        self._memory = x_hat, inv_std, features
        return self.gamma.astype(x.dtype, copy=False) * x_hat + self.beta.astype(x.dtype, copy=False)

    def backward(self, dy, input_gradient=True):
        """Gradient with respect to x; `dgamma` and `dbeta` are set on the way.

        The same formula as batch normalization's, with the means taken over an example's features:

            dx = (dx_hat - mean(dx_hat) - x_hat * mean(dx_hat * x_hat)) / sqrt(var + eps)

        with ``dx_hat = gamma * dy``.
        """
        x_hat, inv_std, features = checks.remembered(self, self._memory)
        dy = self._checked_dy(dy, x_hat.shape)
        examples = tuple(range(dy.ndim - len(features)))
        self.dgamma[...] = (dy * x_hat).sum(axis=examples)
        self.dbeta[...] = dy.sum(axis=examples)
        if not input_gradient:
            return None
        dx_hat = self.gamma.astype(dy.dtype, copy=False) * dy
        mean = dx_hat.mean(axis=features, keepdims=True)
        mean_x_hat = (dx_hat * x_hat).mean(axis=features, keepdims=True)
        return inv_std * (dx_hat - mean - x_hat * mean_x_hat)

    def __repr__(self):
        return f"LayerNorm({self.n[0] if len(self.n) == 1 else self.n})"


class RMSNorm(_Norm):
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
        x = self._checked(x)
        if x.ndim < 2 or x.shape[-1] != self.n:
            raise ValueError(f"x must have shape (any, {self.n}) or (any, any, {self.n}), got {x.shape}")
        with np.errstate(over="ignore"):
            square = np.square(x).mean(axis=-1, keepdims=True)
        inv_rms = 1 / np.sqrt(square + self.eps)
        if np.isinf(square).any():
            inv_rms = _inverse_of_large(x, square, inv_rms, (-1,))
        x_hat = x * inv_rms
        self._memory = x_hat, inv_rms
        return self.gamma.astype(x.dtype, copy=False) * x_hat

    def backward(self, dy, input_gradient=True):
        """Gradient with respect to x; `dgamma` is set on the way.

        dx = (dx_hat - x_hat * mean(dx_hat * x_hat)) / sqrt(mean(x^2) + eps),    dx_hat = gamma * dy
        """
        x_hat, inv_rms = checks.remembered(self, self._memory)
        dy = self._checked_dy(dy, x_hat.shape)
        self.dgamma[...] = (dy * x_hat).sum(axis=tuple(range(dy.ndim - 1)))
        if not input_gradient:
            return None
        dx_hat = self.gamma.astype(dy.dtype, copy=False) * dy
        return inv_rms * (dx_hat - x_hat * (dx_hat * x_hat).mean(axis=-1, keepdims=True))

    def __repr__(self):
        return f"RMSNorm({self.n})"


class GroupNorm(_Norm):
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
        x = _channels_first(self._checked(x))
        if x.ndim not in (2, 3, 4) or x.shape[1] != self.n:
            raise ValueError(
                f"x must have shape (any, {self.n}), (any, any, {self.n}) or (any, {self.n}, h, w),"
                f" got {_channels_first(x).shape}"
            )
        x_hat, inv_std = _standardized(self._grouped(x), (2,), self.eps)
        x_hat = x_hat.reshape(x.shape)
        self._memory = x_hat, inv_std
        return _channels_first(self._by_channel(self.gamma, x) * x_hat + self._by_channel(self.beta, x))

    def backward(self, dy, input_gradient=True):
        """Gradient with respect to x; `dgamma` and `dbeta` are set on the way.

        Layer normalization's formula, with the means taken over a group.
        """
        x_hat, inv_std = checks.remembered(self, self._memory)
        dy = _channels_first(self._checked_dy(dy, _channels_first(x_hat).shape))
        others = (0, *range(2, dy.ndim))
        self.dgamma[...] = (dy * x_hat).sum(axis=others)
        self.dbeta[...] = dy.sum(axis=others)
        if not input_gradient:
            return None
        x_hat, dx_hat = self._grouped(x_hat), self._grouped(self._by_channel(self.gamma, dy) * dy)
        mean = dx_hat.mean(axis=2, keepdims=True)
        mean_x_hat = (dx_hat * x_hat).mean(axis=2, keepdims=True)
        return _channels_first((inv_std * (dx_hat - mean - x_hat * mean_x_hat)).reshape(dy.shape))

    def _grouped(self, x):
        return x.reshape(len(x), self.groups, -1)

    def _by_channel(self, a, x):
        return a.reshape(-1, *[1] * (x.ndim - 2)).astype(x.dtype, copy=False)

    def __repr__(self):
        return f"GroupNorm({self.groups}, {self.n})"


def _channels_first(x):
    """``(m, t, n)`` to ``(m, n, t)`` and back; other shapes have their channels there already."""
    return x.swapaxes(1, 2) if x.ndim == 3 else x
