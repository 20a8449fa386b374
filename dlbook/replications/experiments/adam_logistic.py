"""Kingma and Ba (2015), figure 1: which method is fastest on logistic regression?

All pixels, batches of 128, 45 passes, a rate that falls as 1/√t, and for each method the best of a grid.
Nesterov's steps are not divided by the size of the gradient, so its rates are ten times the grid's.
"""

import numpy as np

from dlbook.replications.verdicts import Rule, replicated
from dlcore.initialization import zeros
from dlcore.layers import Dense
from dlcore.losses import softmax_cross_entropy
from dlcore.network import Network
from dlcore.optimizers import AdaGrad, Adam, Nesterov
from dlcore.training import evaluate, fit

from ._images import full_fashion

AXES = {"method": ["Adam", "AdaGrad", "Nesterov"], "rate": [0.01, 0.03, 0.1, 0.3]}
SEEDS = 2  # the first chooses the rate
CHECK = {"method": "Adam", "rate": 0.03, "seed": 0}

METHODS = {"Adam": Adam, "AdaGrad": AdaGrad, "Nesterov": lambda rate: Nesterov(10 * rate)}


def falling(step):
    """The factor 1/√t of step t = 1, 2, ..."""
    return (step + 1) ** -0.5


def run(seed, method, rate, epochs=45):
    """Return the training loss after the last pass, and the mean loss of each pass."""
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    x, y, _, _ = full_fashion()
    rng = np.random.default_rng(seed)
    net = Network(Dense(784, 10, init=zeros, rng=rng), dtype=np.float32)
    optimizer = METHODS[method](rate)
    settings = {"epochs": epochs, "batch_size": 128, "rng": rng, "schedule": falling}
    history = fit(net, x, y, softmax_cross_entropy, optimizer, **settings)
    return {"loss": evaluate(net, x, y, softmax_cross_entropy), "curve": np.round(history.loss, 5)}


def probe(seed, method, rate):
    """The first pass of the curve."""
    return {"curve": run(seed, method, rate, epochs=1)["curve"]}


def replications(runs):
    """Row 19, figure 1: the rate of each method is chosen on seed 0 and judged on the others."""
    final = runs["loss"].values  # (method, rate, seed)
    best = final[:, :, 0].argmin(axis=1)
    judged = {method: final[i, best[i], 1:] for i, method in enumerate(runs.axes["method"])}
    rivals = np.minimum(judged["AdaGrad"], judged["Nesterov"])
    lowest, seeds = int(np.sum(judged["Adam"] < rivals)), final.shape[-1] - 1
    inside = sum(0 < place < final.shape[1] - 1 for place in best)
    curves = runs["curve"].values
    tenth = {method: curves[i, best[i], 1:, 9] for i, method in enumerate(runs.axes["method"])}
    ahead = np.mean(tenth["Adam"]) < np.mean(tenth["AdaGrad"])
    found = replicated(
        19,
        "Kingma & Ba 2015, fig. 1 (full)",
        key="kingma2015",
        claim="Logistic regression on images: Adam is as fast as Nesterov, and both are faster than AdaGrad.",
        data=("MNIST, 60,000 images of 784 pixels", "Fashion-MNIST, 60,000 images of 784 pixels"),
        network=("L2-regularized logistic regression, strength not told", "logistic regression, no penalty"),
        optimizer="rate falling as 1/√t, batches of 128, each method at its best rate of a grid",
        length=(45, 45, "epochs"),
        seeds=(None, seeds),
        ours="; ".join(f"{method} {np.median(losses):.4f}" for method, losses in judged.items())
        + f" (training loss); Adam lowest in {lowest} of {seeds}; {inside} of 3 rates lie inside the grid",
        rule=Rule(
            "Adam's loss is at most 2% above the lowest rival's in each seed, and AdaGrad's is highest",
            bool(np.all(judged["Adam"] <= 1.02 * rivals) and np.all(judged["AdaGrad"] > judged["Nesterov"])),
            order=bool(np.all(judged["Adam"] <= 1.02 * rivals)),
            seen="2026-11-29",
        ),
        others=[
            Rule("Adam lowest in every seed", lowest == seeds, seen="2026-11-29"),
            Rule("Adam lower than AdaGrad after ten passes", bool(ahead), seen="2026-11-29"),
        ],
        run="python -m dlbook.replications.full adam_logistic",
    )
    return [("deeper/adam_races", found)]
