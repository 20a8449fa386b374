"""Batch normalization: what if every feature had mean 0 and variance 1 over the mini-batch?"""

import numpy as np

from dlcore import checks

from . import columns
from .standardizing import Norm, centred


class BatchNorm(Norm):
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
        x = self.checked(x)
        axes, per_feature = self._features(x)
        if training:
            m = x.size // self.n
            if m < 2:
                raise ValueError(
                    f"x must hold at least 2 values per feature in training, got {m}:"
                    " choose a batch_size that leaves no mini-batch of one example"
                )
            x_hat, factor, y = columns.normalized(x, self) or self._normalized(x, m, axes, per_feature)
        else:
            mu = self.running_mean.astype(x.dtype, copy=False).reshape(per_feature)
            var = self.running_var.astype(x.dtype, copy=False).reshape(per_feature)
            x_hat, factor, y = self._scaled(x - mu, 1 / np.sqrt(var + self.eps), per_feature)
        self._memory = x_hat, factor, axes, training
        return y

    def _normalized(self, x, m, axes, per_feature):
        """What `forward` computes in training from m values per feature: x_hat, gamma * inv_std and y."""
        mu, x_mu, var, inv_std, rare = centred(x, axes, self.eps)
        if rare:
            checks.finite("x (by its variance over the mini-batch)", var)
        self.running_mean += (1 - self.momentum) * (mu.ravel() - self.running_mean)
        self.running_var += (1 - self.momentum) * (m / (m - 1) * var.ravel() - self.running_var)
        return self._scaled(x_mu, inv_std, per_feature)

    def _scaled(self, x_mu, inv_std, per_feature):
        """x_hat, which takes x_mu's place, gamma * inv_std and y."""
        gamma, beta = self.gamma.astype(x_mu.dtype, copy=False), self.beta.astype(x_mu.dtype, copy=False)
        if x_mu.ndim == 4:
            gamma, beta = gamma.reshape(per_feature), beta.reshape(per_feature)
        x_hat = np.multiply(x_mu, inv_std, out=x_mu)
        y = gamma * x_hat
        y += beta
        return x_hat, gamma * inv_std, y

    def backward(self, dy, input_gradient=True):
        """Gradient with respect to x; `dgamma` and `dbeta` are set on the way.

        Every output depends on every example of the mini-batch through mu and var. Summed up:

            dx = gamma / sqrt(var + eps) * (dy - mean(dy) - x_hat * mean(dy * x_hat))

        In evaluation mu and var are constants, and only the first term is left.
        """
        x_hat, factor, axes, training = checks.remembered(self, self._memory)
        dy = self.checked_dy(dy, x_hat.shape)
        if training and input_gradient and (dx := columns.gradient(dy, x_hat, factor, self)) is not None:
            return dx
        dgamma, dbeta = np.add.reduce(dy * x_hat, axis=axes), np.add.reduce(dy, axis=axes)
        self.dgamma[...], self.dbeta[...] = dgamma, dbeta
        if not input_gradient:
            return None
        if not training:
            return factor * dy
        m = dy.dtype.type(dy.size // self.n)
        mean_dy, mean_dy_x_hat = (dbeta / m).reshape(factor.shape), (dgamma / m).reshape(factor.shape)
        dx = x_hat * mean_dy_x_hat
        np.subtract(dy, dx, out=dx)
        dx -= mean_dy
        dx *= factor
        return dx

    def _features(self, x):
        """The axes to sum over, and the shape that spreads one number per feature over x."""
        n = self.n
        if x.ndim == 2 and x.shape[1] == n:
            return (0,), (n,)
        if x.ndim == 3 and x.shape[2] == n:
            return (0, 1), (n,)
        if x.ndim == 4 and x.shape[1] == n:
            return (0, 2, 3), (n, 1, 1)
        raise ValueError(f"x must have shape (any, {n}), (any, any, {n}) or (any, {n}, h, w), got {x.shape}")

    def __repr__(self):
        return f"BatchNorm({self.n})"
