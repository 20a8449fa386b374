"""The runs behind the stored curves of the exercises on measuring and choosing."""

import numpy as np

from dlcore import data
from dlcore.initialization import he_normal
from dlcore.layers import Dense, ReLU, Tanh
from dlcore.losses import mse, softmax_cross_entropy
from dlcore.network import Network
from dlcore.normalization import StandardScaler
from dlcore.optimizers import SGD, Adam, Momentum
from dlcore.regularization import L1, Lq, ridge
from dlcore.splits import group_k_fold, k_fold
from dlcore.training import Diverged, evaluate, fit, predict


def metrics():
    """Half of the customers leave; trained where one in ten leaves; too long on few; on softened labels."""

    def customers(share, n, seed):
        x, y = data.bank(30 * n, np.random.default_rng(seed))
        yes = round(share * n)
        rows = np.concatenate([np.flatnonzero(y == 1)[:yes], np.flatnonzero(y == 0)[: n - yes]])
        return x[rows], y[rows]

    x, y = customers(0.5, 4000, 1)

    def run(share=0.5, n=4000, width=8, epochs=15, softened=0.0):
        x_train, y_train = customers(share, n, 0)
        rng, scaler, adam = np.random.default_rng(0), StandardScaler().fit(x_train), Adam(lr=0.01)
        layers = [
            Dense(6, width, rng=rng),
            Tanh(),
            Dense(width, width, rng=rng),
            Tanh(),
            Dense(width, 2, rng=rng),
        ]
        net = Network(*layers)

        def loss(logits, labels):
            return softmax_cross_entropy(logits, labels, label_smoothing=softened)

        fit(net, scaler.transform(x_train), y_train, loss, adam, epochs=epochs, batch_size=64, rng=rng)
        z = predict(net, scaler.transform(x))
        p = 1 / (1 + np.exp(z[:, 0] - z[:, 1]))
        tenths = np.array_split(np.argsort(p, kind="stable"), 10)
        return np.array([[p[rows].mean() for rows in tenths], [y[rows].mean() for rows in tenths]])

    return [run(), run(share=0.1), run(n=300, width=32, epochs=300), run(softened=0.5)]


def bias_variance():
    """One hidden unit; 64 units and 40 inputs; noise of 1; validation without noise. Last row: the floor."""

    def run(width, inputs=10, noise=0.3, validation_noise=None, seeds=3):
        a, b = np.random.default_rng(5).standard_normal((2, inputs)) / inputs**0.5
        found = []
        for seed in range(seeds):
            rng = np.random.default_rng(seed)

            def examples(m, sigma, rng):
                x = rng.standard_normal((m, inputs))
                t = np.sin(1.5 * x @ a) + np.maximum(x @ b, 0)
                return x, t[:, None] + sigma * rng.standard_normal((m, 1))

            pool = examples(1920, noise, rng)
            held = examples(2000, noise if validation_noise is None else validation_noise, rng)
            errors = []
            for m in (60, 120, 240, 480, 960, 1920):
                net = Network(Dense(inputs, width, rng=rng), ReLU(), Dense(width, 1, rng=rng))
                x, t = (part[:m] for part in pool)
                fit(net, x, t, mse, Adam(lr=0.02), epochs=480 * 60 // m, batch_size=60, rng=rng)
                errors.append([evaluate(net, x, t, mse), evaluate(net, *held, mse), noise**2])
            found.append(errors)
        return np.median(found, axis=0).T

    return [run(1), run(64, inputs=40), run(6, noise=1.0), run(16, validation_noise=0.0)]


def splits():
    """Folds of patients; folds of scans; labels shuffled apart from scans; features chosen on all data."""

    def wrong(train, test):
        (x, y), (x_new, y_new) = train, test
        distance = (x**2).sum(axis=1) - 2 * x_new @ x.T
        return np.mean(y[distance.argmin(axis=1)] != y_new)

    def clinic(patients, rng, direction):
        """Three scans of each patient; the label of one patient in ten is another than the rule says."""
        person = rng.normal(size=(patients, 6))
        label = (person @ direction > 0) ^ (rng.random(patients) < 0.1)
        scans = np.repeat(person, 3, axis=0) + 0.3 * rng.normal(size=(3 * patients, 6))
        return scans, np.repeat(label, 3), np.repeat(np.arange(patients), 3)

    def run(by_patient=True, torn=False, screened=False):
        found = []
        for seed in range(8):
            rng, errors = np.random.default_rng(seed), []
            direction = rng.normal(size=6)
            for patients in (20, 40, 80, 160, 320):
                x, y, patient = clinic(patients, rng, direction)
                x_use, y_use, _ = clinic(500, rng, direction)
                if torn:
                    y = y[rng.permutation(len(y))]
                if (
                    screened
                ):  # coin flips as labels, and 20 of 1,000 columns of noise that agree best with them
                    x, x_use = rng.normal(size=(patients, 1000)), rng.normal(size=(500, 1000))
                    y, y_use = rng.random(patients) < 0.5, rng.random(500) < 0.5
                    best = np.argsort(-abs((2 * y - 1) @ x))[:20]
                    x, x_use, patient = x[:, best], x_use[:, best], np.arange(patients)
                folds = group_k_fold(patient, 5, rng) if by_patient else k_fold(len(y), 5, rng)
                held = [wrong((x[train], y[train]), (x[test], y[test])) for train, test in folds]
                errors.append([np.mean(held), wrong((x, y), (x_use, y_use))])
            found.append(errors)
        return np.mean(found, axis=0).T

    return [run(), run(by_patient=False), run(torn=True), run(screened=True)]


def regularization():
    """Three weights by strength: L2; L1 by proximal steps; L1 by subgradient steps; the power q = 1/2."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(60, 3))
    X = np.linalg.qr(X - X.mean(axis=0))[0] * 60**0.5  # uncorrelated columns: each weight for itself
    t = X @ [2.0, 1.0, 0.5] + 0.3 * rng.normal(size=60)
    strengths = np.r_[0.05:0.5:0.05, 0.5:1:0.1, 1:2.3:0.2]

    def descend(strength, after=None, penalty=None, steps=500, lr=0.1):
        w, sgd = np.zeros(3), SGD(lr)
        for _ in range(steps):
            g = X.T @ (X @ w - t) / 60
            sgd.step(w, g + penalty(strength).gradient(w) if penalty else g)
            w = after(w, lr * strength) if after else w
        return w

    def soft(w, amount):
        return np.sign(w) * np.maximum(abs(w) - amount, 0)

    grid = np.linspace(0, 3, 3001)
    unit, centres = np.array([Lq(1.0, 0.5).penalty(w) for w in grid[:, None]]), X.T @ t / 60

    def jumping(strength):
        return [grid[np.argmin((grid - c) ** 2 / 2 + strength * unit)] for c in centres]

    paths = [
        [ridge(X, t, 60 * strength) for strength in strengths],
        [descend(strength, after=soft) for strength in strengths],
        [descend(strength, penalty=L1) for strength in strengths],
        [jumping(strength) for strength in strengths],
    ]
    return [np.abs(path).T for path in paths]


def hyperparameter_search():
    """Rates on a log scale; uniform rates; 0.0001 to 0.01 alone; few validation images. Errors and rates."""
    fashion = data.fashion(6000, pool=4)
    x, labels = fashion.x_train.reshape(-1, 49), fashion.y_train
    x = (x - x[:1024].mean()) / x[:1024].std()
    tried, wrong = np.geomspace(1e-4, 10, 101), []
    for i, lr in enumerate(tried):
        rng = np.random.default_rng(i)
        net = Network(Dense(49, 32, he_normal, rng=rng), ReLU(), Dense(32, 10, he_normal, rng=rng))
        try:
            fit(
                net,
                x[:1024],
                labels[:1024],
                softmax_cross_entropy,
                Momentum(lr, 0.5),
                epochs=1,
                batch_size=32,
                rng=rng,
            )
            found = predict(net, x[1024:]).argmax(axis=1) != labels[1024:]
        except Diverged:
            found = rng.random(4976) < 0.9  # as guessing
        wrong.append(found)
    wrong = np.array(wrong)

    def run(low=1e-4, high=10.0, uniform=False, images=2000, searches=400):
        rng, found = np.random.default_rng(0), []
        rows = np.flatnonzero((tried >= 0.99 * low) & (tried <= 1.01 * high))
        p = tried[rows] if uniform else np.ones(len(rows))
        for _ in range(searches):
            held = rng.permutation(4976)
            drawn, path = rng.choice(rows, 64, p=p / p.sum()), []
            validated = wrong[drawn][:, held[:images]].mean(axis=1)
            for n in (1, 2, 4, 8, 16, 32, 64):
                best = validated[:n].argmin()
                path.append([validated[best], wrong[drawn[best], held[2000:]].mean(), tried[drawn[best]]])
            found.append(path)
        return np.median(found, axis=0).T

    return [run(), run(uniform=True), run(high=1e-2), run(images=32)]


def of_bias_variance(training, validation, bayes):
    """At the right end: is the training error at the floor, the validation error at the training error?"""
    over, gap = np.log(training[-1] / bayes[-1]), np.log(validation[-1] / training[-1])
    return {
        "high bias": [over / 0.6, 0.3 / abs(gap)],
        "high variance": [gap / 0.6],
        "only noise left": [0.12 / abs(over), 0.25 / abs(gap)],
        "easy validation": [-gap / 0.4],
    }


def of_metrics(mean, share):
    """By how much are the lowest three groups' probabilities too high, and the highest three groups'?"""
    off = mean - share
    low, high = off[:3].mean(), off[-3:].mean()
    return {
        "calibrated": [0.047 / abs(off).mean()],
        "rare": [-low / 0.08, -high / 0.08],
        "too sure": [-low / 0.1, high / 0.1],
        "too timid": [low / 0.05, -high / 0.05],
    }


def of_splits(held, new):
    """Is the score that of new patients, and are those no better than a coin?"""
    gap, coin = np.log(new / held), np.max(abs(np.log(new / 0.5)))
    return {
        "honest": [0.12 / np.max(abs(gap)), np.log(0.5 / new.max()) / 0.15],
        "copies": [gap[-1] / 0.4, np.log(0.5 / new.max()) / 0.15],
        "torn labels": [0.15 / np.max(abs(gap)), 0.15 / coin],
        "chosen before": [gap[0] / 0.8, 0.15 / coin],
    }


def of_regularization(*weights):
    """Are there zeros, how large is the last value before them, and is the path smooth?"""
    last = [weight[weight > 0][-1] if (weight == 0).any() else np.nan for weight in weights]
    zeros = not np.isnan(last).any()
    jumps = np.inf if zeros else np.max(abs(np.diff(np.log(weights))))
    rises = sum(np.sum(np.diff(weight) > 0) for weight in weights)
    return {
        "L2": [0.4 / jumps],
        "L1, proximal": [0.16 / max(last) if zeros else 0],
        "L1, subgradient": [0 if zeros else 4, rises / 3],
        "q = 1/2": [min(last) / 0.2 if zeros else 0],
    }


def of_hyperparameter_search(validation, fresh, rate):
    """Is the winner as good on fresh images, which rates does it have, and how good is it in the end?"""
    luck = np.max(abs(np.log(fresh / validation)))
    return {
        "log scale": [0.05 / luck, 1 / max(rate), (0.6 - fresh[-1]) / 0.14],
        "linear scale": [rate[0] / rate[-1] / 8],
        "range too low": [0.02 / max(rate)],
        "few images": [np.log(fresh[-1] / validation[-1]) / 0.14],
    }


MEASURED = {
    "bias_variance": bias_variance,
    "hyperparameter_search": hyperparameter_search,
    "metrics": metrics,
    "regularization": regularization,
    "splits": splits,
}
SIGNS = {
    "bias_variance": of_bias_variance,
    "hyperparameter_search": of_hyperparameter_search,
    "metrics": of_metrics,
    "regularization": of_regularization,
    "splits": of_splits,
}
