"""Srivastava et al. (2014), figure 10: for how much data does dropout help?

The paper trains 784-1024-1024-2048-10 on 100 to 50,000 images, with and without dropout (half of the hidden
units, a fifth of the inputs). This network has an eighth of the width, which is what minutes allow. Arms
"fifth" and "noisy labels" are there for readers who have more of them.
"""

import numpy as np

from dlbook.replications.verdicts import Rule, replicated
from dlcore.layers import Dense, ReLU
from dlcore.losses import softmax_cross_entropy
from dlcore.network import Network
from dlcore.optimizers import Adam
from dlcore.regularization import Dropout
from dlcore.training import error_rate, fit

from ._images import full_fashion

AXES = {"arm": ["none", "half"], "size": [100, 500, 1000, 5000, 10_000, 50_000]}
SEEDS = 1
CHECK = {"arm": "half", "size": 100, "seed": 0}

SHARES = {"none": (0.0, 0.0), "fifth": (0.05, 0.2), "half": (0.2, 0.5)}
"""The shares of inputs and of hidden units that are dropped."""

STEPS = {100: 300, 500: 500, 1000: 800, 5000: 1500, 10_000: 2000, 50_000: 3000}
"""Batches of 128 for each size: from 8 passes over the largest to 300 over the smallest."""


def run(seed, arm, size):
    """Return the share of wrong answers on the 10,000 test images and on the training set."""
    shares, _, noisy = str(arm).partition(", ")
    if shares not in SHARES or noisy not in ("", "noisy labels"):
        raise ValueError(f"arm must be one of {', '.join(SHARES)}, or one with ', noisy labels', got {arm!r}")
    x, y, x_test, y_test = full_fashion()
    data, rng = np.random.default_rng([seed, size]), np.random.default_rng(seed)
    chosen = data.permutation(len(x))[:size]
    x, y = x[chosen], y[chosen]
    if noisy:
        y = np.where(data.random(size) < 0.2, data.integers(0, 10, size), y)
    first, hidden = SHARES[shares]
    layers, n_in = [Dropout(first, rng)] if first else [], 784
    for n_out in (128, 128, 256):
        layers += [Dense(n_in, n_out, rng=rng), ReLU(), *([Dropout(hidden, rng)] if hidden else [])]
        n_in = n_out
    net = Network(*layers, Dense(n_in, 10, rng=rng), dtype=np.float32)
    steps, batch = STEPS.get(size, 3000), min(128, size)
    settings = {"epochs": steps, "batch_size": batch, "rng": rng, "on_step": lambda step: step + 1 >= steps}
    fit(net, x, y, softmax_cross_entropy, Adam(), **settings)
    return {"test": error_rate(net, x_test, y_test), "train": error_rate(net, x, y)}


def replications(runs):
    """Row 14: the gain of dropout by the number of examples."""
    sizes, error = runs.axes["size"], runs["test"]
    plain, half = (error.at(arm=arm).values for arm in ("none", "half"))  # (size, seed)
    gain = np.median(100 * (plain - half), axis=1)
    few, many = gain[:2], gain[2:]
    told = ", ".join(f"{size:,}" for size in sizes)
    grows = bool(many.max() > 0 and many.max() > few.max())
    found = replicated(
        14,
        "Srivastava et al. 2014, fig. 10 (longer)",
        key="srivastava2014",
        claim="At 100 and 500 images dropout gives no improvement; then its gain grows with the data up to a"
        " point, and declines.",
        data=("MNIST, 100 to 50,000 images", "Fashion-MNIST, 100 to 50,000 images"),
        network=("784-1024-1024-2048-10", "784-128-128-256-10"),
        optimizer=(
            "rate and length not told",
            "Adam at 0.001, 300 to 3,000 batches of 128; p = 0.5, 0.2 at the input",
        ),
        seeds=(None, plain.shape[1]),
        ours=f"gain in points at {told} images: {', '.join(f'{g:.1f}'.replace('-', '−') for g in gain)}",
        rule=Rule(
            "at most 0 at 100 and 500 images, above 0 at a larger size; the order alone: above 0 and larger"
            " at a larger size than at both (the decline was not looked for)",
            bool(grows and few.max() <= 0),
            order=grows,
            fixed="2026-11-29",
        ),
        others=[
            Rule(
                "the same, where at most one point at 100 and 500 images counts as no improvement",
                bool(grows and few.max() <= 1),
                order=grows,
                fixed="2026-11-29",
            ),
            Rule("the gain grows at each step", bool(np.all(np.diff(gain) > 0)), fixed="2026-11-29"),
        ],
        run="python -m dlbook.replications.full dropout_size",
    )
    return [("dropout", found)]
