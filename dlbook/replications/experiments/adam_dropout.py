"""Kingma and Ba (2015), figure 2: which method is fastest on a ReLU network with dropout?

The paper trains two layers of 1,000 units for 200 passes in batches of 128. Five passes over half of the
images, and two layers of 128 units, are what minutes allow. Each method gets the best of four rates.
"""

import numpy as np

from dlbook.explorer.numbers import count
from dlbook.replications.verdicts import Rule, replicated
from dlcore.layers import Dense, ReLU
from dlcore.losses import softmax_cross_entropy
from dlcore.network import Network
from dlcore.optimizers import AdaDelta, AdaGrad, Adam, Nesterov, RMSprop
from dlcore.regularization import Dropout
from dlcore.training import fit

from ._images import full_fashion

METHODS = {
    "Adam": (Adam, 0.001),
    "AdaGrad": (AdaGrad, 0.03),
    "RMSprop": (RMSprop, 0.001),
    "Nesterov": (Nesterov, 0.03),
    "AdaDelta": (AdaDelta, 1.0),
}
"""Each method and the rate that the factors multiply."""

AXES = {"method": list(METHODS), "factor": [0.1, 0.3, 1.0, 3.0]}
SEEDS = 1
CHECK = {"method": "Adam", "factor": 1.0, "seed": 0}


def run(seed, method, factor, epochs=5):
    """Return the mean training loss of each pass, with dropout on as in the paper."""
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    x, y, _, _ = full_fashion()
    rng, layers, n_in = np.random.default_rng(seed), [], 784
    half = rng.permutation(len(x))[::2]
    for _ in range(2):
        layers += [Dense(n_in, 128, rng=rng), ReLU(), Dropout(0.5, rng)]
        n_in = 128
    net = Network(*layers, Dense(128, 10, rng=rng), dtype=np.float32)
    maker, rate = METHODS[method]
    settings = {"epochs": epochs, "batch_size": 128, "rng": rng}
    curve = fit(net, x[half], y[half], softmax_cross_entropy, maker(rate * factor), **settings).loss
    return {"curve": curve, "loss_of_pass_1": curve[0]}


def probe(seed, method, factor):
    """The first pass of the curve."""
    return {"loss_of_pass_1": run(seed, method, factor, epochs=1)["loss_of_pass_1"]}


def replications(runs):
    """Row 19, figure 2: each method at the rate with the lowest last loss."""
    curve = runs["curve"].values  # (method, factor, seed, pass)
    best = np.median(curve[..., -1], axis=2).argmin(axis=1)
    judged = {method: curve[i, best[i]] for i, method in enumerate(runs.axes["method"])}
    last = {method: losses[:, -1] for method, losses in judged.items()}
    rivals = {method: losses for method, losses in last.items() if method != "Adam"}
    lowest = bool(np.all(last["Adam"] <= np.min(list(rivals.values()), axis=0)))
    middle = {method: np.median(losses) for method, losses in last.items()}
    place = sorted(middle, key=middle.get).index("Adam") + 1
    throughout = bool(
        np.all(judged["Adam"] <= np.min([judged[method] for method in rivals], axis=0))  # every pass
    )
    edge = [method for method, i in zip(judged, best, strict=True) if i in (0, curve.shape[1] - 1)]
    inside = f"at the edge of its grid: {', '.join(edge)}" if edge else "no best rate is the last of its grid"
    told = "; ".join(f"{method} {middle[method]:.3f}" for method in sorted(middle, key=middle.get))
    found = replicated(
        19,
        "Kingma & Ba 2015, fig. 2 (longer)",
        key="kingma2015",
        claim="ReLU network with dropout on images: Adam is faster than AdaGrad, RMSprop, Nesterov and"
        " AdaDelta.",
        data=("MNIST, 60,000 images", "Fashion-MNIST, 30,000 images"),
        network=("two layers of 1,000 units, dropout", "two layers of 128 units, dropout of one half"),
        optimizer=(
            "batches of 128, each method at its best rate",
            f"batches of 128, the best of {count(curve.shape[1], 'rate')}",
        ),
        length=(200, curve.shape[-1], "passes"),
        seeds=(None, curve.shape[2]),
        ours=f"training loss of the last pass: {told}; Adam is number {place} of {len(middle)}; {inside};"
        f" {count(len(runs.seeds), 'seed')}, which chose the rates, too",
        rule=Rule("Adam lowest in the last pass", lowest, fixed="2026-11-29"),
        others=[
            Rule("Adam lowest in every pass", throughout, fixed="2026-11-29"),
            Rule(
                "Adam at most 2% above the lowest in the last pass",
                bool(middle["Adam"] <= 1.02 * min(middle.values())),
                fixed="2026-11-29",
            ),
        ],
        run="python -m dlbook.replications.full adam_dropout",
    )
    return [("deeper/adam_races", found)]
