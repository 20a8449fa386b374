"""The runs behind the stored curves of the exercises on networks and what goes wrong in them."""

from functools import partial

import numpy as np

from dlcore import data
from dlcore.attention import Embedding, Positions, SelfAttention
from dlcore.initialization import he_normal, normal
from dlcore.layers import Dense, ReLU, Residual, Sigmoid, Tanh
from dlcore.losses import softmax_cross_entropy
from dlcore.network import Network
from dlcore.normalization import RMSNorm
from dlcore.optimizers import SGD, AdamW
from dlcore.regularization import Dropout, clip_by_norm
from dlcore.schedules import cosine, warmup
from dlcore.training import minibatches


def bugs():
    """All right; softmax twice; gradients that add up; noisy copies on both sides; the last batch's loss."""
    images = data.fashion(500, pool=4)
    x_all, new, spread = images.x_train.reshape(-1, 49), images.x_test.reshape(-1, 49), images.x_train.std()
    x_all, new = (x_all - x_all.mean()) / spread, (new - x_all.mean()) / spread

    def with_copies(x, y, rng):
        return np.concatenate([x] + [x + 0.3 * rng.normal(size=x.shape) for _ in range(4)]), np.tile(y, 5)

    def run(seed, twice=False, adds_up=False, leak=False, last=False):
        rng, found, total = np.random.default_rng(seed), [], 0.0
        x, y = with_copies(x_all, images.y_train, rng) if leak else (x_all, images.y_train)
        order, cut = rng.permutation(len(x)), len(x) // 2
        held, used = (x[order[:cut]], y[order[:cut]]), (x[order[cut:]], y[order[cut:]])
        x, y = used if leak else with_copies(*used, rng)
        net, optimizer = Network(Dense(49, 64, rng=rng), ReLU(), Dense(64, 10, rng=rng)), SGD(0.1)

        def loss_of(z, labels):
            if not twice:
                return softmax_cross_entropy(z, labels)
            p = np.exp(z - z.max(axis=1, keepdims=True))
            p /= p.sum(axis=1, keepdims=True)
            loss, dp = softmax_cross_entropy(p, labels)
            return loss, p * (dp - np.sum(dp * p, axis=1, keepdims=True))

        for _ in range(30):
            losses = []
            for batch in minibatches(len(x), 25, rng):
                loss, dz = loss_of(net.forward(x[batch], training=True), y[batch])
                net.backward(dz, input_gradient=False)
                total = total + net.grad if adds_up else net.grad
                optimizer.step(net.theta, total)
                losses.append(loss)
            looks = [loss_of(net.forward(x), y)[0] for x, y in (held, (new, images.y_test))]
            found.append([losses[-1] if last else np.mean(losses), *looks])
        return np.minimum(found, 5.0).T

    return [run(0), run(1, twice=True), run(2, adds_up=True), run(3, leak=True), run(4, last=True)]


def dropout():
    """No dropout; p = 0.5; p = 0.9; p = 0.5 without its scale; p = 0.5, on in validation, too."""
    fashion = data.fashion(300, pool=4)
    x, x_test = (part.reshape(-1, 49) for part in (fashion.x_train, fashion.x_test))
    x, x_test = (x - x.mean()) / x.std(), (x_test - x.mean()) / x.std()
    labels, rng = fashion.y_train.copy(), np.random.default_rng(3)
    bad = rng.random(300) < 0.2
    labels[bad] = rng.integers(0, 10, bad.sum())

    def run(seed, p, scaled=True, validate_in_training=False):
        rng, layers = np.random.default_rng(seed), []
        for n_in in (49, 128):
            layers += [Dense(n_in, 128, he_normal, rng=rng), ReLU(), Dropout(p, rng, inverted=scaled)]
            layers[-1].mean = 1.0  # not 1 - p, which belongs to plain masks
        net, sgd = Network(*layers, Dense(128, 10, he_normal, rng=rng)), SGD(0.1)
        recent, found = [], []
        for step in range(1, 801):
            rows = rng.integers(0, 300, 50)
            loss, dy = softmax_cross_entropy(net.forward(x[rows], training=True), labels[rows])
            net.backward(dy, input_gradient=False)
            sgd.step(net.theta, net.grad)
            recent.append(loss)
            if step in (25, 50, 100, 200, 400, 800):
                once, twice = (net.forward(x_test, training=validate_in_training) for _ in range(2))
                errors = [100 * np.mean(z.argmax(axis=1) != fashion.y_test) for z in (once, twice)]
                found.append([np.mean(recent[-20:]), softmax_cross_entropy(once, fashion.y_test)[0], *errors])
        return np.array(found).T

    settings = [(0, 0), (1, 0.5), (2, 0.9), (3, 0.5, False), (4, 0.5, True, True)]
    return [run(*setting) for setting in settings]


def transformer():
    """The standard run; without the mask; without attention; a large last layer; thirty times the rate."""

    def run(seed, causal=True, attention=True, last=0.02, peak=0.01, steps=300):
        rng = np.random.default_rng(seed)
        wide = partial(normal, std=1.0)
        layers = [Embedding(16, 32, wide, rng=rng), Positions(16, 32, wide, rng=rng)]
        for _ in range(2):
            if attention:
                layers += [Residual(RMSNorm(32), SelfAttention(32, 2, causal, rng=rng))]
            layers += [Residual(RMSNorm(32), Dense(32, 64, rng=rng), ReLU(), Dense(64, 32, rng=rng))]
        layers += [RMSNorm(32), Dense(32, 16, partial(normal, std=last), rng=rng)]
        net, found = Network(*layers, dtype=np.float32), []
        optimizer, schedule = AdamW(peak, beta2=0.95, weight_decay=0.1), warmup(cosine(steps - 25), 25)
        places = np.arange(17) % 8
        test = np.random.default_rng(99).integers(0, 16, (500, 8))[:, places]
        for step in range(steps + 1):
            if step in (0, 25, 50, 75, 100, 150, 200, 250, 300):
                z = net.forward(test[:, :-1])
                mean, first = (
                    softmax_cross_entropy(z[:, at], test[:, 1:][:, at])[0] for at in (slice(None), slice(1))
                )
                found.append([mean, first])
            x = rng.integers(0, 16, (32, 8))[:, places]
            optimizer.lr = peak * schedule(step) if step < steps else 0
            _, dy = softmax_cross_entropy(net.forward(x[:, :-1], training=True), x[:, 1:])
            net.backward(dy, input_gradient=False)
            clip_by_norm(net.grad, 1.0)
            optimizer.step(net.theta, net.grad)
        return np.array(found).T

    return [run(0), run(1, causal=False), run(2, attention=False), run(3, last=1.0), run(4, peak=0.3)]


def vanishing_gradients():
    """Ten layers: ReLU as He starts it, sigmoids, tanh with large weights, ReLU with a dead layer."""
    fashion = data.fashion(500, pool=4)
    x = fashion.x_train.reshape(-1, 49)
    x = (x - x.mean()) / x.std()

    def run(seed, activation, gain, dead=False):
        rng = np.random.default_rng(seed)
        dense = [Dense(n, 100, partial(normal, std=gain / n**0.5), rng=rng) for n in [49] + [100] * 9]
        last = Dense(100, 10, he_normal, rng=rng)
        net = Network(*(part for layer in dense for part in (layer, activation())), last)
        dense[5].b[:] = -20 if dead else 0
        _, dy = softmax_cross_entropy(net.forward(x, training=True), fashion.y_train)
        net.backward(dy, input_gradient=False)
        return np.array([np.linalg.norm(layer.dW) for layer in dense])

    return [run(0, ReLU, 2**0.5), run(1, Sigmoid, 1.0), run(2, Tanh, 6.0), run(3, ReLU, 2**0.5, dead=True)]


def of_bugs(training, validation, test):
    """Do validation and test agree, does the training loss jump, how low does it get?"""
    apart = np.median(test[10:] / validation[10:])
    jumps = np.median(abs(np.diff(np.log(training[10:])))) + 1e-9
    low = training.min()
    return {
        "right": [0.15 / (abs(apart - 1) + 1e-9), 0.12 / jumps, 1.46 / 2 / low],
        "softmax twice": [2 * low / 1.46 if test[-1] < 3 else 0],
        "added up": [np.log(training[-1] / training[0]) / 0.4],
        "copies": [(apart - 1) / 0.15],
        "last batch": [jumps / 0.15],
    }


MEASURED = {
    "bugs": bugs,
    "dropout": dropout,
    "transformer": transformer,
    "vanishing_gradients": vanishing_gradients,
}
SIGNS = {
    "bugs": of_bugs,
}
