"""Kingma and Ba (2015), figure 1: which method is fastest on logistic regression?

All pixels, batches of 128, 45 passes, a rate that falls as 1/√t, and for each method the best rate of a grid
by factors of 3. Where the best was the last of a grid, the grid was made longer. AdaGrad's own steps fall
already, so a constant rate was tried as well, first for AdaGrad, then for the other two. A method's better
schedule counts.
"""

import numpy as np

from dlbook.explorer.numbers import count
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
            "Adam-constant": [0.0003, 0.001, 0.003, 0.01],
            "Nesterov-constant": [0.01, 0.03, 0.1, 0.3],
        }.items()
        for rate in rates
    ]
}
SEEDS = 1
CHECK = {"arm": "Adam 0.03", "seed": 0}

METHODS = {"Adam": Adam, "AdaGrad": AdaGrad, "Nesterov": Nesterov}


def falling(step):
    """The factor 1/√t of step t = 1, 2, ..."""
    return (step + 1) ** -0.5


def run(seed, arm, epochs=45):
    """Return the training loss after the last pass, and the mean loss of the first."""
    kind, _, rate = str(arm).partition(" ")
    method, _, constant = kind.partition("-")
    if method not in METHODS or constant not in ("", "constant") or not rate:
        raise ValueError(f"arm must be one of {', '.join(METHODS)} and a rate, as in 'Adam 0.3', got {arm!r}")
    x, y, _, _ = full_fashion()
    rng = np.random.default_rng(seed)
    net = Network(Dense(784, 10, init=zeros, rng=rng), dtype=np.float32)
    schedule = None if constant else falling
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
    arms = {}
    for arm in runs.axes["arm"]:
        arms.setdefault(arm.partition(" ")[0], []).append(arm)
    middle, edge, rates = {}, [], {}
    for kind, tried in arms.items():
        best = min(tried, key=lambda arm: np.median(runs["loss"].at(arm=arm)))
        middle[kind] = np.median(runs["loss"].at(arm=best))
        rates[kind] = best.split()[1]
        edge += [kind] if best in (tried[0], tried[-1]) else []
    told = {
        end: ", ".join(f"{method} {middle[method + end]:.3f} at {rates[method + end]}" for method in METHODS)
        for end in ("", "-constant")
    }
    falls = {method: middle[method] for method in METHODS}
    either = {method: min(middle[method], middle[f"{method}-constant"]) for method in METHODS}
    first = falls | {"AdaGrad": either["AdaGrad"]}  # as it was run first
    found = replicated(
        19,
        "Kingma & Ba 2015, fig. 1 (full)",
        key="kingma2015",
        claim="Logistic regression on images: Adam is as fast as Nesterov, and both are faster than AdaGrad.",
        data=("MNIST, 60,000 images of 784 pixels", "Fashion-MNIST, 60,000 images of 784 pixels"),
        network=("L2-regularized logistic regression, strength not told", "logistic regression, no penalty"),
        optimizer=(
            "rate falling as 1/√t, batches of 128, each method at its best rate",
            "the same, rates from a grid; a constant rate, too, and the better counts",
        ),
        length=(45, 45, "epochs"),
        seeds=(None, len(runs.seeds)),
        ours=f"training loss at the best rate: with 1/√t {told['']}; at a constant rate {told['-constant']}; "
        + (f"at the edge of its grid: {', '.join(edge)}" if edge else "no best rate is the last of its grid")
        + f"; {count(len(runs.seeds), 'seed')}, which chose the rates, too",
        rule=_rule(
            "each method with its better schedule: Adam's loss at most 2% above Nesterov's, and both below"
            " AdaGrad's; the order alone: Adam's below AdaGrad's (before Adam and Nesterov were run at a"
            " constant rate)",
            either,
            fixed="2026-11-29",
        ),
        others=[
            _rule("the same with 1/√t for all three, as in the paper", falls, seen="2026-11-29"),
            _rule("the same with a constant rate for AdaGrad alone", first, seen="2026-11-29"),
            Rule("Adam lowest", min(either, key=either.get) == "Adam", seen="2026-11-29"),
            Rule(
                "Adam's and Nesterov's losses within 2% of each other, and both below AdaGrad's",
                bool(
                    abs(either["Adam"] / either["Nesterov"] - 1) <= 0.02
                    and max(either, key=either.get) == "AdaGrad"
                ),
                order=bool(either["Adam"] < either["AdaGrad"]),
                seen="2026-11-29",
            ),
        ],
        run="python -m dlbook.replications.full adam_logistic",
    )
    return [("deeper/adam_races", found)]


def _rule(text, loss, **day):
    """Adam as fast as Nesterov, within 2%, and both faster than AdaGrad."""
    both = loss["Adam"] <= 1.02 * loss["Nesterov"] and loss["Nesterov"] < loss["AdaGrad"]
    faster = loss["Adam"] < loss["AdaGrad"]
    return Rule(text, bool(both and faster), order=bool(faster), **day)
