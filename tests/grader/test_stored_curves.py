"""Curves that an exercise shows were measured: the runs are made again here, not on the student's page.

The code that makes them would tell which run is which. An exercise keeps their numbers in its second cell,
under the name `measured`.
"""

import ast
import re
from functools import partial

import curves_measuring
import numpy as np
import pytest
from curves_signals import (
    adam,
    batch_normalization,
    initialization,
    input_normalization,
    of_adam,
    of_batch_normalization,
    of_initialization,
    of_input_normalization,
)
from test_release import SOURCE

from dlbook.grader import release
from dlbook.grader.cells import kind_of
from dlbook.together import Together
from dlcore import data
from dlcore.attention import Embedding, Positions, SelfAttention
from dlcore.initialization import he_normal, normal
from dlcore.layers import Dense, ReLU, Residual, Sigmoid, Tanh
from dlcore.losses import softmax_cross_entropy
from dlcore.network import Network
from dlcore.normalization import RMSNorm
from dlcore.optimizers import LBFGS, SGD, Adam, AdamW, Momentum, Newton
from dlcore.regularization import Dropout, clip_by_norm
from dlcore.schedules import constant, cosine, cosine_restarts, step_decay, warmup, wsd
from dlcore.training import minibatches


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


MEASURED = {
    "bias_variance": curves_measuring.bias_variance,
    "hyperparameter_search": curves_measuring.hyperparameter_search,
    "metrics": curves_measuring.metrics,
    "regularization": curves_measuring.regularization,
    "splits": curves_measuring.splits,
    "adam": adam,
    "batch_normalization": batch_normalization,
    "bugs": bugs,
    "dropout": dropout,
    "gradient_descent": gradient_descent,
    "initialization": initialization,
    "input_normalization": input_normalization,
    "landscape": landscape,
    "momentum": momentum,
    "schedules": schedules,
    "second_order": second_order,
    "transformer": transformer,
    "vanishing_gradients": vanishing_gradients,
    "weight_decay": weight_decay,
}


def numbers_of(exercise):
    """What an exercise's first two locked cells define: the name, then the numbers."""
    notebook, space = release.read(exercise, SOURCE), {}
    for cell in [one for one in notebook.cells if kind_of(one) == "locked"][:2]:
        exec(cell.source, space)
    return space


@pytest.mark.parametrize("exercise", MEASURED)
def test_the_stored_curves_are_those_of_the_runs(exercise):
    runs = zip(numbers_of(exercise)["measured"], MEASURED[exercise](), strict=True)
    for row, (stored, found) in enumerate(runs):
        exact = exercise in ("momentum", "weight_decay")  # neither chaotic nor trained
        alike = np.isclose(stored, found, rtol=0.02 if exact else 0.1, atol=1e-9 if exact else 0.05)
        assert np.shape(stored) == found.shape
        if alike.mean() <= (0.99 if exact else 0.8):
            # at too large a rate a run is chaotic: elsewhere only its beginning is the same, and its signs
            signs = list(SIGNS[exercise](*found).values())[row] if exercise in SIGNS else [0]
            assert not exact and alike[:, : found.shape[-1] // 5].all() and min(signs) >= 1, (
                f"{stored}\n{found}"
            )


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


SIGNS = {  # of each name the signs by which a reader tells a run, above 1 if they are there
    **curves_measuring.SIGNS,
    "adam": of_adam,
    "batch_normalization": of_batch_normalization,
    "bugs": of_bugs,
    "gradient_descent": of_gradient_descent,
    "initialization": of_initialization,
    "input_normalization": of_input_normalization,
    "momentum": of_momentum,
    "schedules": of_schedules,
    "second_order": of_second_order,
    "weight_decay": of_weight_decay,
}


@pytest.mark.parametrize("exercise", SIGNS)
def test_the_curves_of_each_run_have_its_own_signs_with_a_margin_and_no_other_run_has_them(exercise):
    space = numbers_of(exercise)
    for row, curves in enumerate(space["measured"]):
        signs = SIGNS[exercise](*np.array(curves))
        for at, (name, found) in enumerate(signs.items()):
            if at == row:
                assert min(found) >= 2, f"{name} is hard to tell: {found}"
            else:
                assert min(found) <= 0.5, f"run {row} could be taken for {name}: {found}"


@pytest.mark.parametrize("exercise", release.exercises(source=SOURCE))
def test_the_names_to_choose_from_do_not_stand_in_the_order_in_which_the_runs_are_stored(exercise):
    """Else the student's own order, which the page shows, would give the answer."""
    cells = release.read(exercise, SOURCE).cells
    hidden = "\n".join(cell.source.partition("BEGIN HIDDEN")[2] for cell in cells if kind_of(cell) == "test")
    stored = re.search(r"\b(?:kinds|wanted) = (\[\"[^\]]*\])", hidden)
    if stored is None:
        pytest.skip("no names of runs")
    stored = ast.literal_eval(stored[1])
    lists = [re.findall(r'(?m)^- `"([^"]*)"`', cell.source) for cell in cells if cell.cell_type == "markdown"]
    literals = [
        re.findall(r'"([^"]*)"', literal)
        for cell in cells
        if cell.cell_type == "code"
        for literal in re.findall(r"= [{\[](\"[^}\]]*)[}\]]", cell.source.partition("### BEGIN")[0])
    ]
    shown = [[name for name in names if name in stored] for names in (*lists, *literals)]
    shown = [names for names in shown if sorted(names) == sorted(stored)]
    assert shown and stored not in shown and stored[::-1] not in shown
