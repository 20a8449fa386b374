"""The runs behind the stored curves of the exercises on what a network is given to begin with."""

from functools import partial
from itertools import pairwise

import numpy as np

from dlcore import data
from dlcore.initialization import he_normal
from dlcore.layers import Dense, ReLU
from dlcore.losses import softmax_cross_entropy
from dlcore.network import Network
from dlcore.normalization import BatchNorm
from dlcore.optimizers import SGD, Adam


def images(n, of=1000):
    """The first n small training images with z-scores, as rows, and their labels."""
    fashion = data.fashion(of, pool=4)
    x = fashion.x_train.reshape(-1, 49)
    return ((x - x.mean()) / x.std())[:n], fashion.y_train[:n]


def one_step(net, optimizer, x, labels):
    """One step on these examples. Return the loss before it."""
    loss, dy = softmax_cross_entropy(net.forward(x, training=True), labels)
    net.backward(dy, input_gradient=False)
    optimizer.step(net.theta, net.grad)
    return loss


def initialization(shift=0):
    """He's weights; a large last layer; all layers twice and a third; two seeds that are one. Twice each."""
    (x, y), sizes = images(1000), [49] + [64] * 5

    def run(seed, size=1.0, last=0.1):
        rng = np.random.default_rng(seed + shift)

        def init(shape, rng, size=size):
            return size * he_normal(shape, rng)

        layers = [part for n, m in pairwise(sizes) for part in (Dense(n, m, init, rng=rng), ReLU())]
        net, sgd = Network(*layers, Dense(64, 10, partial(init, size=last), rng=rng)), SGD(0.02)
        found = []
        for step in range(401):
            if step in (0, 10, 20, 50, 100, 200, 400):
                found.append(softmax_cross_entropy(net.forward(x), y)[0])
            rows = rng.integers(0, 1000, 50)
            one_step(net, sgd, x[rows], y[rows])
        return found

    pairs = [
        (run(0), run(1)),
        (run(2, last=3.0), run(3, last=3.0)),
        (run(4, 2.0, 2.0), run(5, 2.0, 2.0)),
        (run(6, 1 / 3, 1 / 3), run(7, 1 / 3, 1 / 3)),
        (run(8), run(8)),
    ]
    return np.array(pairs)


class Uncorrected(Adam):
    """Adam without bias correction."""

    def update(self, g, m, v):
        """The step to subtract."""
        m += (1 - self.beta1) * (g - m)
        v += (1 - self.beta2) * (g * g - v)
        return self.lr * m / (np.sqrt(v) + self.eps)


def adam(shift=0):
    """Adam at 0.01; without correction; after a run with 100 times the loss; at 0.3; at 0.0003."""
    x, y = images(1000)

    def run(seed, lr=0.01, make=Adam, before=0):
        rng = np.random.default_rng(seed + shift)
        net = Network(Dense(49, 32, he_normal, rng=rng), ReLU(), Dense(32, 10, he_normal, rng=rng))
        optimizer, start, found = make(lr), net.theta.copy(), []
        for _ in range(before):
            rows = rng.integers(0, 1000, 50)
            _, dy = softmax_cross_entropy(net.forward(x[rows], training=True), y[rows])
            net.backward(100 * dy, input_gradient=False)
            optimizer.step(net.theta, net.grad)
        net.theta[:] = start
        for step in range(1, 1001):
            rows, old = rng.integers(0, 1000, 50), net.theta.copy()
            one_step(net, optimizer, x[rows], y[rows])
            if step in (1, 3, 10, 30, 100, 300, 1000):
                length = np.sqrt(np.mean((net.theta - old) ** 2)) / lr
                found.append([softmax_cross_entropy(net.forward(x), y)[0], length])
        return np.array(found).T

    return [run(0), run(1, make=Uncorrected), run(2, before=200), run(3, lr=0.3), run(4, lr=0.0003)]


def batch_normalization(shift=0):
    """Batches of 50; averages that keep 0.995; validation in training mode; batches of 2."""
    fashion = data.fashion(3000, pool=4)
    x, x_test = (part.reshape(-1, 49) for part in (fashion.x_train, fashion.x_test))
    x, x_test = (x - x.mean()) / x.std(), (x_test - x.mean()) / x.std()
    y, y_test = fashion.y_train, fashion.y_test
    by_class = np.argsort(y_test, kind="stable")

    def run(seed, kept=0.9, m=50, training=False):
        rng = np.random.default_rng(seed + shift)

        def init(shape, rng):
            return 4 * he_normal(shape, rng)

        layers = []
        for n in (49, 64):
            layers += [Dense(n, 64, init, rng=rng, bias=False), BatchNorm(64, momentum=kept), ReLU()]
        net, sgd = Network(*layers, Dense(64, 10, he_normal, rng=rng)), SGD(0.05)
        shuffled = rng.permutation(1000)

        def validation(order):
            before = net.running.copy()
            parts = [net.forward(x_test[rows], training=training) for rows in np.split(order, 20)]
            net.running[:] = before
            return softmax_cross_entropy(np.concatenate(parts), y_test[order])[0]

        recent, found = [], []
        for step in range(1, 801):
            rows = rng.choice(3000, m, replace=False)
            recent.append(one_step(net, sgd, x[rows], y[rows]))
            if step in (25, 50, 100, 200, 400, 800):
                found.append([np.mean(recent[-25:]), validation(shuffled), validation(by_class)])
        return np.array(found).T

    return [run(0), run(1, kept=0.995), run(2, training=True), run(3, m=2)]


def input_normalization(shift=0):
    """z-scores; raw pixels; every set scaled by itself; a scaler that is not in use."""
    fashion = data.fashion(1000, pool=4)
    x, x_test = (255 * part.reshape(-1, 49) for part in (fashion.x_train, fashion.x_test))
    y, y_test = fashion.y_train, fashion.y_test

    def scaled(rows, by):
        spread = by.std(axis=0)
        return (rows - by.mean(axis=0)) / np.where(spread > 0, spread, 1)

    alone = np.zeros_like(x_test)  # an image that is scaled by itself
    z, z_test = scaled(x, x), scaled(x_test, x)

    def run(seed, train, validation, use, lr=0.05):
        rng = np.random.default_rng(seed + shift)
        net = Network(Dense(49, 32, he_normal, rng=rng), ReLU(), Dense(32, 10, he_normal, rng=rng))
        sgd, found = SGD(lr), []
        for step in range(401):
            if step in (0, 10, 25, 50, 100, 200, 400):
                scores = [net.forward(rows) for rows in (validation, use)]
                errors = [np.mean(z.argmax(axis=1) != y_test) for z in scores]
                found.append([softmax_cross_entropy(net.forward(train), y)[0], *errors])
            rows = rng.integers(0, 1000, 50)
            one_step(net, sgd, train[rows], y[rows])
        return np.array(found).T

    return [
        run(0, z, z_test, z_test),
        run(1, x, x_test, x_test, lr=1e-4),
        run(2, z, scaled(x_test, x_test), alone),
        run(3, z, z_test, x_test / 255),
    ]


def of_initialization(one, two):
    """Does the loss begin at ln 10, does it fall, and are two trainings two?"""
    above, falls = abs(one[0] - np.log(10)), np.log(np.log(10) / one[-1]) / 0.4
    apart = np.abs(np.log(one / two)).max() / 0.02
    return {
        "as it should be": [0.3 / above, falls, apart],
        "last layer": [above, 30 / above, falls],
        "all layers": [above / 30],
        "too small": [0.3 / above, 0.1 / abs(falls)],
        "one seed": [falls, 0.5 / max(apart, 1e-9)],
    }


def of_adam(loss, length):
    """How long are the first step and the shortest, in rates? How large is the loss at once, and later?"""
    first, shortest, later = np.log(length[0]), length.min(), np.log(loss[3])
    return {
        "as it should be": [(0.6 - first) / 0.3, (first + 0.85) / 0.4, (0.4 - later) / 0.2],
        "no correction": [first / 0.5],
        "old state": [-first / 0.7, 0.03 / shortest],
        "rate too large": [np.log(loss[0] / 4) / 0.5],
        "rate too small": [(0.6 - first) / 0.3, later / 0.4, shortest / 0.1],
    }


def of_batch_normalization(training, shuffled, by_class):
    """Do the two orders agree? Is validation bad at first, or training to the end?"""
    differ = np.log(by_class / shuffled).max() / 0.5
    early, late = np.log(shuffled[0] / training[0]), np.log(training[-1] / 1.1)
    agree = 0.5 / max(differ, 1e-9)
    return {
        "as it should be": [agree, (0.25 - early) / 0.2, -late / 0.2],
        "slow averages": [agree, early / 0.5, -late / 0.2],
        "training mode": [differ],
        "batches of two": [agree, late / 0.2],
    }


def of_input_normalization(loss, validation, use):
    """Where does the loss begin, is use as good as validation, and is it ever better than chance?"""
    begins, worse = loss[0] / 20, np.log(use[-1] / validation[-1]) / 0.35
    agree, chance = 0.5 / max(worse, 1e-9), np.ptp(use) / 0.1
    return {
        "z-scores": [agree, 1 / begins],
        "raw pixels": [agree, begins],
        "each by itself": [worse, 0.5 / max(chance, 1e-9)],
        "scaler lost": [worse, chance],
    }


MEASURED = {
    "adam": adam,
    "batch_normalization": batch_normalization,
    "initialization": initialization,
    "input_normalization": input_normalization,
}
SIGNS = {
    "adam": of_adam,
    "batch_normalization": of_batch_normalization,
    "initialization": of_initialization,
    "input_normalization": of_input_normalization,
}
