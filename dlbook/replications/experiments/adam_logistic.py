"""Kingma and Ba (2015), figure 1: which method is fastest on logistic regression?

All pixels, batches of 128, 45 passes, a rate that falls as 1/√t, and for each method the best rate of a grid
by factors of 3. Where the best was the last of a grid, the grid was made longer. AdaGrad's own steps fall
already, so it runs at a constant rate, too, and the better of the two counts.
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

AXES = {
    "arm": [
        f"{method} {rate:g}"
        for method, rates in {
            "Adam": [0.01, 0.03, 0.1, 0.3, 1],
            "AdaGrad": [0.01, 0.03, 0.1, 0.3],
            "AdaGrad-constant": [0.003, 0.01, 0.03, 0.1, 0.3, 1],
            "Nesterov": [0.1, 0.3, 1, 3, 10],
        }.items()
        for rate in rates
    ]
}
SEEDS = 1
CHECK = {"arm": "Adam 0.03", "seed": 0}

METHODS = {"Adam": Adam, "AdaGrad": AdaGrad, "AdaGrad-constant": AdaGrad, "Nesterov": Nesterov}


def falling(step):
    """The factor 1/√t of step t = 1, 2, ..."""
    return (step + 1) ** -0.5


def run(seed, arm, epochs=45):
    """Return the training loss after the last pass, and the mean loss of the first."""
    method, _, rate = str(arm).partition(" ")
    if method not in METHODS or not rate:
        raise ValueError(f"arm must be one of {', '.join(METHODS)} and a rate, as in 'Adam 0.3', got {arm!r}")
    x, y, _, _ = full_fashion()
    rng = np.random.default_rng(seed)
    net = Network(Dense(784, 10, init=zeros, rng=rng), dtype=np.float32)
    schedule = None if method == "AdaGrad-constant" else falling
    settings = {"epochs": epochs, "batch_size": 128, "rng": rng, "schedule": schedule}
    history = fit(net, x, y, softmax_cross_entropy, METHODS[method](float(rate)), **settings)
    return {
        "loss": evaluate(net, x, y, softmax_cross_entropy),
        "loss_of_pass_1": np.round(history.loss[0], 5),
    }


def probe(seed, arm):
    """The loss of the first pass."""
    return {"loss_of_pass_1": run(seed, arm, epochs=1)["loss_of_pass_1"]}


def replications(runs):
    """Row 19, figure 1: each method at the rate with the lowest last loss, as in the paper."""
    best, edge = {}, []
    for method in METHODS:
        arms = [arm for arm in runs.axes["arm"] if arm.startswith(f"{method} ")]
        best[method] = min(arms, key=lambda arm: np.median(runs["loss"].at(arm=arm)))
        edge += [method] if best[method] in (arms[0], arms[-1]) else []
    losses = {method: runs["loss"].at(arm=arm) for method, arm in best.items()}
    middle = {method: np.median(values) for method, values in losses.items()}
    told = "; ".join(f"{method} {loss:.3f} at {best[method].split()[1]}" for method, loss in middle.items())
    middle["AdaGrad"] = min(middle["AdaGrad"], middle.pop("AdaGrad-constant"))
    faster = middle["Adam"] < middle["AdaGrad"]
    found = replicated(
        19,
        "Kingma & Ba 2015, fig. 1 (full)",
        key="kingma2015",
        claim="Logistic regression on images: Adam is as fast as Nesterov, and both are faster than AdaGrad.",
        data=("MNIST, 60,000 images of 784 pixels", "Fashion-MNIST, 60,000 images of 784 pixels"),
        network=("L2-regularized logistic regression, strength not told", "logistic regression, no penalty"),
        optimizer=(
            "rate falling as 1/√t, batches of 128, each method at its best rate",
            "the same, rates from a grid; AdaGrad at a constant rate, too, and the better counts",
        ),
        length=(45, 45, "epochs"),
        seeds=(None, len(runs.seeds)),
        ours=f"training loss at the best rate: {told}; "
        + (
            f"at the edge of its grid: {', '.join(edge)}"
            if edge
            else "no best rate lies at the edge of its grid"
        ),
        rule=Rule(
            "Adam's loss at most 2% above Nesterov's, and both below AdaGrad's; the order alone: Adam's below"
            " AdaGrad's",
            bool(
                middle["Adam"] <= 1.02 * middle["Nesterov"]
                and middle["Nesterov"] < middle["AdaGrad"]
                and faster
            ),
            order=bool(faster),
            seen="2026-11-29",
        ),
        others=[
            Rule("Adam lowest", bool(middle["Adam"] == min(middle.values())), seen="2026-11-29"),
            Rule(
                "Adam's and Nesterov's losses within 2% of each other, and both below AdaGrad's",
                bool(
                    abs(middle["Adam"] / middle["Nesterov"] - 1) <= 0.02
                    and max(middle.values()) == middle["AdaGrad"]
                ),
                order=bool(faster),
                seen="2026-11-29",
            ),
        ],
        run="python -m dlbook.replications.full adam_logistic",
    )
    return [("deeper/adam_races", found)]
