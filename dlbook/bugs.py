"""Bugs: what does one wrong line do, and which test sees it?

Each entry is a room of `dlcore` with one mistake that was found in notes or code in circulation. None of them
raises an error, and with most of them a network still trains. They are exhibits: nothing else in the book
imports them.

Each docstring says what is done, not what is wrong with it: finding the line is the game.
"""

import numpy as np

from dlcore.initialization import fans, he_normal, normal
from dlcore.network import Network
from dlcore.normalization import BatchNorm, StandardScaler
from dlcore.optimizers import AdaDelta, Adam
from dlcore.regularization import shift


class UninitializedAdam(Adam):
    """Adam whose first averages are whatever the memory held."""

    def step(self, theta, grad):
        """One step."""
        if self._memory is None:
            self._shape = theta.shape
            self._memory = [leftovers(theta), leftovers(theta) ** 2]
        super().step(theta, grad)


def leftovers(theta):
    """What `np.empty_like` may return: here always the same numbers, so that the exhibit can be repeated."""
    return np.random.default_rng(0).normal(size=theta.size).astype(theta.dtype)


def nesterov(gradient, theta, lr, momentum=0.9, steps=100):
    """Nesterov's method as the lectures write it: look ahead, take the gradient there, step from where you stood."""
    v, path = np.zeros_like(theta), [theta]
    for _ in range(steps):
        ahead = theta - lr * momentum * v
        v = momentum * v + gradient(ahead)
        theta = theta - lr * v
        path.append(theta)
    return np.array(path)


def unrestored_nesterov(gradient, theta, lr, momentum=0.9, steps=100):
    """Nesterov's method that never comes back from looking ahead."""
    v, path = np.zeros_like(theta), [theta]
    for _ in range(steps):
        theta = theta - lr * momentum * v
        v = momentum * v + gradient(theta)
        theta = theta - lr * v
        path.append(theta)
    return np.array(path)


class RatelessAdaDelta(AdaDelta):
    """AdaDelta that accepts a rate and does not use it."""

    def update(self, g, s, u):
        """The step to subtract."""
        s *= self.rho
        s += (1 - self.rho) * (g * g)
        delta = np.sqrt(u + self.eps) / np.sqrt(s + self.eps) * g
        u *= self.rho
        u += (1 - self.rho) * (delta * delta)
        return delta


class EarlyEpsAdam(Adam):
    """Adam whose eps is added before v is corrected."""

    def update(self, g, m, v):
        """The step to subtract."""
        m *= self.beta1
        m += (1 - self.beta1) * g
        v *= self.beta2
        v += (1 - self.beta2) * (g * g)
        lr = self.lr * np.sqrt(1 - self.beta2**self.t) / (1 - self.beta1**self.t)
        return lr * m / (np.sqrt(v) + self.eps)


def he_fan_out(shape, rng, *, dtype=np.float64):
    """He's initialization with the number of outputs."""
    _, fan_out = fans(shape)
    return normal(shape, rng, std=np.sqrt(2 / fan_out), dtype=dtype)


def leaky_gain(slope):
    """The gain of a leaky ReLU with a pair of brackets missing."""
    return np.sqrt(2 / 1 + slope**2)


class SummedBatchNorm(BatchNorm):
    """Batch normalization whose gamma and beta learn from a sum over the examples, the weights from a mean."""

    def backward(self, dy):
        """The way back."""
        dx = super().backward(dy)
        self.dgamma *= len(dy)
        self.dbeta *= len(dy)
        return dx


class TwiceEpsBatchNorm(BatchNorm):
    """Batch normalization whose running variance already holds the eps that evaluation adds."""

    def forward(self, x, training=False):
        """The way up."""
        y = super().forward(x, training)
        if training:
            self.running_var += (1 - self.momentum) * self.eps
        return y


class TwoNamedNetwork(Network):
    """A network that saves its running averages under one name and looks for them under another."""

    def save(self, path):
        """Write the parameters and the running averages."""
        moving = {name.replace("running", "moving"): a for name, a in self._buffers.items()}
        np.savez(path, **self.parameters(), **moving)

    def load(self, path):
        """Read what is there."""
        here = {**self._parameters, **self._buffers}
        with np.load(path) as stored:
            for name in here:
                if name in stored:
                    here[name][...] = stored[name]


def scale_all(x_train, x_test):
    """Standardize by the mean and the spread of all there is."""
    scaler = StandardScaler().fit(np.concatenate([x_train, x_test]))
    return scaler.transform(x_train), scaler.transform(x_test)


def repeated_minibatches(n, batch_size, rng):
    """Mini-batches in an order that is "reproducible"."""
    np.random.seed(0)
    order = np.random.permutation(n)
    return (order[start : start + batch_size] for start in range(0, n, batch_size))


_CACHE = {}


def cached_he(shape, rng, *, dtype=np.float64):
    """He's initialization, drawn once and kept for speed."""
    if shape not in _CACHE:
        _CACHE[shape] = he_normal(shape, rng, dtype=dtype)
    return _CACHE[shape].copy()


def augment_then_split(images, labels, rng, share=0.2):
    """Shift every image four times, then put a share of all aside: train x, train y, validation x, validation y."""
    x = np.concatenate([images] + [shift(images, rng, limit=1) for _ in range(4)])
    y = np.tile(labels, 5)
    order = rng.permutation(len(x))
    cut = round(share * len(x))
    return x[order[cut:]], y[order[cut:]], x[order[:cut]], y[order[:cut]]


def split_then_augment(images, labels, rng, share=0.2):
    """The same with the validation images put aside first, as they came."""
    order = rng.permutation(len(images))
    cut = round(share * len(images))
    kept, aside = order[cut:], order[:cut]
    x = np.concatenate([images[kept]] + [shift(images[kept], rng, limit=1) for _ in range(4)])
    return x, np.tile(labels[kept], 5), images[aside], labels[aside]


def last_batch_loss(history, steps_per_epoch):
    """The training loss of each epoch, by its last mini-batch."""
    return np.array(history.step_loss[steps_per_epoch - 1 :: steps_per_epoch])


def caught(test, right, wrong):
    """Say whether a test passes the right one and fails the wrong one.

    Examples
    --------
    >>> def is_even(n):
    ...     assert n % 2 == 0
    >>> caught(is_even, 2, 3)
    'is_even: passes the right one, catches the wrong one'
    """
    test(right)
    try:
        test(wrong)
    except AssertionError:
        return f"{test.__name__}: passes the right one, catches the wrong one"
    return f"{test.__name__}: passes both"
