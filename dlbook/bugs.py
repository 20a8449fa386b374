"""Bugs: what does one wrong line do, and which test sees it?

Each entry is a room of `dlcore` with one mistake that was found in notes or code in circulation. None of them
raises an error, and with most of them a network still trains. They are exhibits: nothing else in the book
imports them.

A name is that of the part of the library and the number of the exhibit; names and docstrings do not say what is
wrong, since finding the line is the game.
"""

import numpy as np

from dlcore.initialization import fans, he_normal, normal
from dlcore.network import Network
from dlcore.normalization import BatchNorm, StandardScaler
from dlcore.optimizers import AdaDelta, Adam
from dlcore.regularization import shift


class Adam1(Adam):
    """Adam."""

    def step(self, theta, grad):
        """One step."""
        if self._memory is None:
            self._shape = theta.shape
            self._memory = [allocated(theta), allocated(theta) ** 2]
        super().step(theta, grad)


def allocated(theta):
    """An array of this shape, as `np.empty_like` may return it; here with the same content in every run."""
    return np.random.default_rng(0).normal(size=theta.size).astype(theta.dtype)


def nesterov(gradient, theta, lr, momentum=0.9, steps=100):
    """Nesterov's method: look ahead, take the gradient there, step from where you stood."""
    v, path = np.zeros_like(theta), [theta]
    for _ in range(steps):
        ahead = theta - lr * momentum * v
        v = momentum * v + gradient(ahead)
        theta = theta - lr * v
        path.append(theta)
    return np.array(path)


def nesterov2(gradient, theta, lr, momentum=0.9, steps=100):
    """Nesterov's method."""
    v, path = np.zeros_like(theta), [theta]
    for _ in range(steps):
        theta = theta - lr * momentum * v
        v = momentum * v + gradient(theta)
        theta = theta - lr * v
        path.append(theta)
    return np.array(path)


class AdaDelta3(AdaDelta):
    """AdaDelta with a learning rate."""

    def update(self, g, s, u):
        """The step to subtract."""
        s *= self.rho
        s += (1 - self.rho) * (g * g)
        delta = np.sqrt(u + self.eps) / np.sqrt(s + self.eps) * g
        u *= self.rho
        u += (1 - self.rho) * (delta * delta)
        return delta


class Adam4(Adam):
    """Adam in the form at the end of the paper's section 2."""

    def update(self, g, m, v):
        """The step to subtract."""
        m *= self.beta1
        m += (1 - self.beta1) * g
        v *= self.beta2
        v += (1 - self.beta2) * (g * g)
        lr = self.lr * np.sqrt(1 - self.beta2**self.t) / (1 - self.beta1**self.t)
        return lr * m / (np.sqrt(v) + self.eps)


def he_normal5(shape, rng, *, dtype=np.float64):
    """He's initialization."""
    _, fan_out = fans(shape)
    return normal(shape, rng, std=np.sqrt(2 / fan_out), dtype=dtype)


def gain6(slope):
    """The gain of a leaky ReLU."""
    return np.sqrt(2 / 1 + slope**2)


class BatchNorm8(BatchNorm):
    """Batch normalization."""

    def backward(self, dy):
        """The way back."""
        dx = super().backward(dy)
        self.dgamma *= len(dy)
        self.dbeta *= len(dy)
        return dx


class BatchNorm9(BatchNorm):
    """Batch normalization."""

    def forward(self, x, training=False):
        """The way up."""
        y = super().forward(x, training)
        if training:
            self.running_var += (1 - self.momentum) * self.eps
        return y


class Network10(Network):
    """A network that can be saved and loaded."""

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


def scale11(x_train, x_test):
    """Standardize the training and the test examples."""
    scaler = StandardScaler().fit(np.concatenate([x_train, x_test]))
    return scaler.transform(x_train), scaler.transform(x_test)


def minibatches12(n, batch_size, rng):
    """Mini-batches in a random order."""
    np.random.seed(0)
    order = np.random.permutation(n)
    return (order[start : start + batch_size] for start in range(0, n, batch_size))


_WEIGHTS = {}


def he_normal7(shape, rng, *, dtype=np.float64):
    """He's initialization, fast."""
    if shape not in _WEIGHTS:
        _WEIGHTS[shape] = he_normal(shape, rng, dtype=dtype)
    return _WEIGHTS[shape].copy()


def divide13(images, labels, rng, share=0.2):
    """Augment by four shifts of each image and put a share aside: train x, train y, validation x, validation y."""
    x = np.concatenate([images] + [shift(images, rng, limit=1) for _ in range(4)])
    y = np.tile(labels, 5)
    order = rng.permutation(len(x))
    cut = round(share * len(x))
    return x[order[cut:]], y[order[cut:]], x[order[:cut]], y[order[:cut]]


def divide(images, labels, rng, share=0.2):
    """The same, done right."""
    order = rng.permutation(len(images))
    cut = round(share * len(images))
    kept, aside = order[cut:], order[:cut]
    x = np.concatenate([images[kept]] + [shift(images[kept], rng, limit=1) for _ in range(4)])
    return x, np.tile(labels[kept], 5), images[aside], labels[aside]


def mean_loss14(history, steps_per_epoch):
    """The training loss of each epoch."""
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
