"""Ioffe and Szegedy (2015), figure 1: does a sigmoid network learn faster with batch normalization?

784-100-100-100-10, sigmoid, small Gaussian weights, batches of 60, 50,000 steps. The paper does not tell the
rate; each network gets the best of three.
"""

from functools import partial

import numpy as np

from dlcore.initialization import normal
from dlcore.layers import Dense, Sigmoid
from dlcore.losses import softmax_cross_entropy
from dlcore.network import Network
from dlcore.normalization import BatchNorm
from dlcore.optimizers import SGD
from dlcore.training import error_rate, fit

from ._images import full_fashion

AXES = {"norm": ["none", "batch"], "rate": [0.1, 0.5, 2.0]}
SEEDS = 2
CHECK = {"norm": "batch", "rate": 0.5, "seed": 0}

STEPS, LOOKS = 50_000, (100, 1000, 5000, 10_000, 20_000, 30_000, 40_000, 50_000)


def run(seed, norm, rate, steps=STEPS):
    """Return the test accuracy at each of LOOKS, in steps."""
    if norm not in ("none", "batch"):
        raise ValueError(f"norm must be 'none' or 'batch', got {norm!r}")
    x, y, x_test, y_test = full_fashion()
    rng, layers, n_in = np.random.default_rng(seed), [], 784
    small = partial(normal, std=0.1)
    for _ in range(3):
        layers += [Dense(n_in, 100, init=small, rng=rng)]
        layers += [*([BatchNorm(100)] if norm == "batch" else []), Sigmoid()]
        n_in = 100
    net = Network(*layers, Dense(100, 10, init=small, rng=rng), dtype=np.float32)
    accuracy = []

    def watch(step):
        if step + 1 in LOOKS:
            accuracy.append(1 - error_rate(net, x_test, y_test))
        return step + 1 >= steps

    settings = {"epochs": 1 + STEPS // 1000, "batch_size": 60, "rng": rng, "on_step": watch}
    fit(net, x, y, softmax_cross_entropy, SGD(rate), **settings)
    return {f"accuracy_at_{look}": value for look, value in zip(LOOKS, accuracy, strict=False)}


def probe(seed, norm, rate):
    """The accuracy after 100 steps."""
    return run(seed, norm, rate, steps=LOOKS[0])
