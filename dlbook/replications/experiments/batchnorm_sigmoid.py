"""Ioffe and Szegedy (2015), figure 1: does a sigmoid network learn faster with batch normalization?

784-100-100-100-10, sigmoid, small Gaussian weights, binary images, 50,000 steps on batches of 60, as in the
paper. It does not tell the rate; 0.5 is the one at which both networks learn in the short runs of
`deeper/batch_normalization_explained`.
"""

from functools import partial

import numpy as np

from dlbook.replications.verdicts import Rule, replicated
from dlcore.initialization import normal
from dlcore.layers import Dense, Sigmoid
from dlcore.losses import softmax_cross_entropy
from dlcore.network import Network
from dlcore.normalization import BatchNorm
from dlcore.optimizers import SGD
from dlcore.training import error_rate, fit

from ._images import full_fashion

AXES = {"norm": ["none", "batch"], "rate": [0.5]}
SEEDS = 2
CHECK = {"norm": "batch", "rate": 0.5, "seed": 0}

STEPS, LOOKS = 50_000, (100, 300, 1000, 2000, 5000, 10_000, 20_000, 50_000)


def run(seed, norm, rate, steps=STEPS):
    """Return at each of LOOKS the test accuracy and three quantiles of the last hidden layer's inputs.

    The inputs are those of each sigmoid unit on 2,000 test images; ``quantiles`` has for each look the 15th,
    50th and 85th percentile of each of the 100 units.
    """
    if norm not in ("none", "batch"):
        raise ValueError(f"norm must be 'none' or 'batch', got {norm!r}")
    x, y, x_test, y_test = full_fashion()
    x, x_test = ((part > 0.5).astype(np.float32) for part in (x, x_test))
    rng, layers, n_in = np.random.default_rng(seed), [], 784
    small = partial(normal, std=0.1)
    for _ in range(3):
        layers += [Dense(n_in, 100, init=small, rng=rng)]
        layers += [*([BatchNorm(100)] if norm == "batch" else []), Sigmoid()]
        n_in = 100
    net = Network(*layers, Dense(100, 10, init=small, rng=rng), dtype=np.float32)
    accuracy, quantiles = [], []

    def watch(step):
        if step + 1 in LOOKS:
            accuracy.append(1 - error_rate(net, x_test, y_test))
            inputs = x_test[:2000]
            for layer in layers[:-1]:
                inputs = layer.forward(inputs)
            quantiles.append(np.quantile(inputs, [0.15, 0.5, 0.85], axis=0).round(4))
        return step + 1 >= steps

    settings = {"epochs": 1 + STEPS // 1000, "batch_size": 60, "rng": rng, "on_step": watch}
    fit(net, x, y, softmax_cross_entropy, SGD(rate), **settings)
    return {"accuracy": accuracy, "quantiles": quantiles, "accuracy_at_100": accuracy[0]}


def probe(seed, norm, rate):
    """The accuracy after 100 steps."""
    return {"accuracy_at_100": run(seed, norm, rate, steps=LOOKS[0])["accuracy_at_100"]}


def wander(quantiles):
    """How far the median of a typical unit moves over the looks, in widths from its 15th to 85th percentile.

    Parameters
    ----------
    quantiles : (looks, 3, units) array

    Examples
    --------
    >>> low, middle, high = [-1, 0], [0, 4], [1, 6]        # one unit, two looks
    >>> float(wander(np.transpose([[low, middle, high]], (2, 1, 0))))
    1.0
    """
    low, middle, high = np.moveaxis(quantiles, 1, 0)
    return np.median(np.ptp(middle, axis=0) / np.median(high - low, axis=0))


def replications(runs):
    """Row 10, at its one rate."""
    accuracy, quantiles = runs["accuracy"].values[:, 0], runs["quantiles"].values[:, 0]
    none, batch = accuracy  # (seeds, looks)
    drift = [np.median([wander(one) for one in norm]) for norm in quantiles]
    faster = bool(np.all(batch[:, 2] > none[:, 2]))
    higher = bool(np.all(batch[:, -1] > none[:, -1]))
    everywhere = bool(np.all(batch > none))
    seeds = len(none)
    few = "" if seeds > 4 else f" ({seeds} seeds are too few to say which is ahead there)"
    found = replicated(
        10,
        "Ioffe & Szegedy 2015, fig. 1 (full)",
        key="ioffe2015",
        claim="With batch normalization a sigmoid network learns faster, ends higher, and its inputs'"
        " quantiles are steady.",
        data=("MNIST, 60,000 binary images", "Fashion-MNIST, 60,000 binary images"),
        network=(
            "784-100-100-100-10, sigmoid, small Gaussian weights of a size not told",
            "784-100-100-100-10, sigmoid, weights N(0, 0.1²)",
        ),
        optimizer="SGD in batches of 60, at a rate of our choice (the paper tells none):"
        f" {runs.axes['rate'][0]:g}",
        length=(50_000, STEPS, "steps"),
        seeds=(1, seeds),
        ours=f"right after 1,000 steps: {np.median(none[:, 2]):.1%} without, {np.median(batch[:, 2]):.1%}"
        f" with it; after {STEPS:,}: {np.median(none[:, -1]):.1%}, {np.median(batch[:, -1]):.1%}{few}; from"
        f" {LOOKS[0]} steps on the median input of a typical unit moves by {drift[0]:.1f} and {drift[1]:.1f}"
        " widths (the paper looks from the start)",
        rule=Rule(
            f"more accurate in every seed at each look from {LOOKS[0]:,} to {LOOKS[-1]:,} steps, and steadier"
            " by a factor of 2; the order alone: more accurate in every seed at 1,000 steps and at the end",
            everywhere and higher and bool(drift[1] < drift[0] / 2),
            order=faster and higher,
            fixed="2026-11-29",
        ),
        others=[
            Rule("more accurate at 1,000 steps, whatever the end", faster, fixed="2026-11-29"),
            Rule(
                "at least one point more accurate at the end",
                bool(np.all(batch[:, -1] >= none[:, -1] + 0.01)),
                order=higher,
                fixed="2026-11-29",
            ),
        ],
        run="python -m dlbook.replications.full batchnorm_sigmoid",
    )
    return [("deeper/batch_normalization_explained", found)]
