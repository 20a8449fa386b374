"""The runs behind the stored curves of the exercises on descent, its rates and its surfaces."""

from functools import partial

import numpy as np

from dlbook.together import Together
from dlcore import data
from dlcore.layers import Dense, ReLU, Tanh
from dlcore.losses import softmax_cross_entropy
from dlcore.network import Network
from dlcore.optimizers import LBFGS, SGD, Adam, AdamW, Momentum, Newton
from dlcore.schedules import constant, cosine, cosine_restarts, step_decay, wsd


def gradient_descent():
    """The whole set, batches of 4, sorted by class, a rate above the limit, a rate too small."""
    fashion = data.fashion(1024, pool=4)
    x, y = fashion.x_train.reshape(-1, 49), fashion.y_train
    x = (x - x.mean()) / x.std()

    def run(seed, rate, batch, ordered=False, every=10, steps=300):
        rng, found = np.random.default_rng(seed), []
        net = Network(Dense(49, 20, rng=rng), ReLU(), Dense(20, 10, rng=rng))
        rows, optimizer = np.argsort(y, kind="stable"), SGD(rate)
        for step in range(steps):
            start = step * batch % len(x)
            if start == 0 and not ordered:
                rows = rng.permutation(len(x))
            at = rows[start : start + batch]
            loss, dy = softmax_cross_entropy(net.forward(x[at], training=True), y[at])
            net.backward(dy)
            if step % every == 0:
                found.append([loss, softmax_cross_entropy(net.forward(x), y)[0]])
            optimizer.step(net.theta, net.grad)
        return np.array(found).T

    return [
        run(0, 0.2, 1024),
        run(1, 0.1, 4),
        run(2, 0.1, 16, ordered=True),
        run(3, 2.5, 1024),
        run(4, 0.002, 4),
    ]


def momentum():
    """Gradient descent near its limit, a small rate, Polyak's best pair, β = 0.95, a rate too large."""
    q = (30**0.5 - 1) / (30**0.5 + 1)
    optimizers = [
        SGD(0.99 * 2 / 30), Momentum(0.0025, 0.5), Momentum(4 / (1 + 30**0.5) ** 2, q**2),
        Momentum(0.02, 0.95), Momentum(1.003 * 2 * 1.9 / 30, 0.9),
    ]  # fmt: skip

    def run(optimizer):
        theta, path = np.ones(2), [np.ones(2)]
        for _ in range(60):
            optimizer.step(theta, np.array([1.0, 30.0]) * theta)
            path.append(abs(theta))
        return np.array(path[::3]).T

    return [run(optimizer) for optimizer in optimizers]


def schedules():
    """A constant rate, stairs, a cosine, WSD, warm restarts; the mean training loss of 24 networks."""
    fashion = data.fashion(2000, dtype=np.float32, pool=4)
    x, y = fashion.x_train.reshape(-1, 49), fashion.y_train
    x = (x - x.mean(axis=0)) / x.std(axis=0)

    def run(schedule):
        net, found = (
            Together(lambda rng: Network(Dense(49, 16, rng=rng), ReLU(), Dense(16, 10, rng=rng)), range(24)),
            [],
        )

        def look(step):
            if (step + 1) % 10 == 0:
                found.append(np.mean(net.losses(x[:500], y[:500])))

        net.fit(x, y, SGD(0.8), epochs=3, batch_size=20, schedule=schedule, on_step=look)
        return np.array([found])

    return [
        run(f) for f in (constant(), step_decay(0.1, 120), cosine(300), wsd(300, 0, 60), cosine_restarts(100))
    ]


def weight_decay():
    """AdamW; a falling rate; Adam with L2; one group left out; a decay copied from SGD."""

    def run(make, l2=0.0, left_out=False, falling=False):
        rng, sizes = np.random.default_rng(0), np.array([0.01, 4.0, 100.0])
        theta, decays, plain = np.ones((64, 3)), make(), Adam(0.001)
        found = [np.ones(3)]
        for t in range(1000):
            g = rng.normal(size=theta.shape) * sizes + l2 * theta
            decays.lr = 0.001 * (1 - t / 1000) if falling else 0.001
            kept = theta[:, 2].copy()
            decays.step(theta, g)
            if left_out:
                plain.step(kept, g[:, 2])
                theta[:, 2] = kept
            found.append(np.median(theta, axis=0))
        return np.array(found[::50]).T

    def adamw(decay=2.0):
        return AdamW(0.001, weight_decay=decay)

    return [
        run(adamw), run(adamw, falling=True), run(lambda: Adam(0.001), l2=2.0), run(adamw, left_out=True),
        run(lambda: adamw(5e-4)),
    ]  # fmt: skip


def second_order():
    """Gradient descent, L-BFGS, Newton near a minimum, Newton near a saddle, L-BFGS on noisy batches."""
    rng = np.random.default_rng(0)
    Q, h = np.linalg.qr(rng.normal(size=(10, 10)))[0], np.geomspace(1, 100, 10)

    def wells(theta, noise=0.0):
        u, xi = Q.T @ theta, noise * rng.normal(size=10)
        loss = np.sum(h * (u**2 - 1) ** 2) / 8 + xi @ theta
        return loss, Q @ (h * u * (u**2 - 1) / 2) + xi

    def hessian(theta):
        u = Q.T @ theta
        return Q * (h * (3 * u**2 - 1) / 2) @ Q.T

    def shown(points):
        found = [wells(points[min(k, len(points) - 1)]) for k in range(0, 41, 2)]
        found = np.array([[loss for loss, _ in found], [np.linalg.norm(g) for _, g in found]])
        return np.maximum(found, 1e-12)  # below it, rounding

    near = Q @ rng.uniform(0.75, 1.4, 10)
    saddle = Q @ np.where(np.arange(10) % 3 == 0, rng.uniform(-0.4, 0.4, 10), rng.uniform(0.75, 1.4, 10))
    descent = [near]
    for _ in range(40):
        descent.append(descent[-1] - 0.015 * wells(descent[-1])[1])
    newton = Newton(hessian=hessian)
    return [
        shown(descent),
        shown(LBFGS().minimize(wells, near, steps=40, tolerance=1e-12).theta),
        shown(newton.minimize(wells, near, steps=40, tolerance=1e-12).theta),
        shown(newton.minimize(wells, saddle, steps=40, tolerance=1e-12).theta),
        shown(LBFGS().minimize(partial(wells, noise=2.0), near, steps=40, tolerance=0).theta),
    ]


def landscape():
    """Full batch at rate 0.03 and 0.1, at 0.1 with momentum, batches of 20, and a start near a saddle."""
    fashion = data.fashion(200, pool=4)
    x = fashion.x_train.reshape(-1, 49)
    x, targets = (x - x.mean()) / x.std(), np.eye(10)[fashion.y_train]

    def run(rate, momentum=0.0, batch=200, size=0.3):
        rng = np.random.default_rng(0)
        net = Network(Dense(49, 32, rng=rng), Tanh(), Dense(32, 10, rng=rng))
        net.theta *= size
        theta, optimizer = net.theta.copy(), Momentum(rate, momentum) if momentum else SGD(rate)
        u, found, losses = rng.normal(size=theta.size), [], []

        def gradient(point, rows=slice(None)):
            net.theta[:] = point
            off = net.forward(x[rows]) - targets[rows]
            net.backward(off / len(off), input_gradient=False)
            return np.sum(off**2) / (2 * len(off)), net.grad.copy()

        looks = (25, 50, 100, 200, 400, 600, 800, 1200, 1600, 2000)
        for step in range(1, looks[-1] + 1):
            rows = slice(None) if batch == 200 else rng.choice(200, batch, replace=False)
            optimizer.step(theta, gradient(theta, rows)[1])
            losses.append(gradient(theta)[0])
            if step in looks:
                for _ in range(30):
                    u /= np.linalg.norm(u)
                    Hu = (gradient(theta + 1e-4 * u)[1] - gradient(theta - 1e-4 * u)[1]) / 2e-4
                    largest, u = u @ Hu, Hu
                rises = 100 * np.mean(np.diff(losses[-20:]) > 0)
                found.append([losses[-1], rate * largest / 2, rises])
        return np.array(found).T

    return [run(0.03), run(0.1), run(0.1, momentum=0.9), run(0.1, batch=20), run(0.1, size=1e-5)]


def of_gradient_descent(batch, everything):
    """Are the two losses one, does that of all images rise, how fast does it fall, how far apart are they?"""
    apart = np.mean(abs(np.log(batch / everything)))
    rises = np.mean(np.diff(everything) > 0)
    falls = everything[0] / everything[15]
    return {
        "whole set": [0.02 / (apart + 1e-9), 0.1 / (rises + 1e-9)],
        "small batches": [apart / 0.1, (falls / 2) ** 2, rises / 0.15],
        "sorted": [apart / 0.5, (everything[:15].min() / 1.47) ** 2],
        "large rate": [0.02 / (apart + 1e-9), rises / 0.2],
        "small rate": [apart / 0.08, 0.1 / (rises + 1e-9)],
    }


def of_momentum(along, across):
    """The slow direction decides, and whether it swings."""
    swings = np.sum(np.diff(np.sign(np.diff(along))) != 0)
    return {
        "SGD": [0.1 / along[-1], across[-1] / 0.1, 2 / (1 + swings)],
        "small rate": [along[-1] / 0.1, 0.1 / across[-1], 2 / (1 + swings)],
        "best pair": [0.01 / along[-1], 0.01 / across[-1]],
        "large beta": [swings / 2, 2 / across.max()],
        "large rate": [across[-1] / 2],
    }


def of_schedules(losses):
    """When does the loss fall: at once, at the end, all the time, not any more?"""
    rises = max(losses[1:] / losses[:-1])
    drop = losses[11] / losses[13]  # the loss just before step 120, and twenty steps later
    late, hovers = losses[24] / losses[-1], losses[18:24].mean() / losses[11]
    return {
        "constant": [(hovers - 0.9) / 0.02, 0.08 / abs(np.log(late))],
        "step decay": [(drop - 1) / 0.15, 0.06 / np.log(late)],
        "cosine": [0.16 / (drop - 1), (1 - hovers) / 0.1, 0.1 / (rises - 1), 0.2 / np.log(late)],
        "WSD": [(hovers - 0.9) / 0.02, np.log(late) / 0.15],
        "restarts": [(rises - 1) / 0.3],
    }


def of_weight_decay(small, middle, large):
    """Which of the three groups decay, whether alike, and whether to the end."""
    ends = np.array([small[-1], middle[-1], large[-1]])
    alike = 0.2 / (np.log(ends.max() / ends.min()) + 1e-9)
    gone = -np.log(ends.max()) / 0.3
    bend = max(np.log(small[10]) / (np.log(small[-1] / small[10]) - 1e-6), 1e-3)
    return {
        "AdamW": [alike, gone, (1.7 / bend) ** 2],
        "falling rate": [alike, gone, (bend / 1.7) ** 2],
        "L2": [np.log(middle[-1] / small[-1]) / 0.4, -np.log(small[-1]) / 0.5],
        "left out": [np.log(large[-1] / middle[-1]) / 0.75, 0.2 / (np.log(middle[-1] / small[-1]) + 1e-9)],
        "copied": [0.1 / -np.log(ends.min())],
    }


def of_second_order(loss, norm):
    """Does the gradient vanish, how soon, and the loss with it?"""
    soon = np.flatnonzero(norm < 1e-5)[0] if norm.min() < 1e-5 else 99  # counted in looks, two steps apart
    return {
        "gradient descent": [norm.min() / 0.01, loss[2] / loss[-1] / 5],
        "L-BFGS": [soon / 6, 40 / soon, 1e-4 / loss[-1]],
        "Newton": [8 / soon, 1e-4 / loss[-1]],
        "Newton elsewhere": [8 / soon, loss[-1] / 0.1],
        "new batches": [norm.min() / 0.5, 2 * loss[-1] / loss[2]],
    }


MEASURED = {
    "gradient_descent": gradient_descent,
    "momentum": momentum,
    "schedules": schedules,
    "weight_decay": weight_decay,
    "second_order": second_order,
    "landscape": landscape,
}
SIGNS = {
    "gradient_descent": of_gradient_descent,
    "momentum": of_momentum,
    "schedules": of_schedules,
    "weight_decay": of_weight_decay,
    "second_order": of_second_order,
}
