"""Kingma and Ba (2015), figure 1: which method is fastest on logistic regression?

All pixels, batches of 128, 45 passes, a rate that falls as 1/√t. The rate of each method is the best of those
in `adam_logistic_tuning`, on a seed that is not used again.
"""

import numpy as np

from dlbook.replications.records import stored
from dlbook.replications.verdicts import Rule, replicated
from dlcore.initialization import zeros
from dlcore.layers import Dense
from dlcore.losses import softmax_cross_entropy
from dlcore.network import Network
from dlcore.optimizers import AdaGrad, Adam, Nesterov
from dlcore.training import evaluate, fit

from ._images import full_fashion

AXES = {"arm": ["Adam 0.3", "AdaGrad 0.1", "Nesterov 3"]}
SEEDS = (1, 2)
CHECK = {"arm": "Adam 0.3", "seed": 1}

METHODS = {"Adam": Adam, "AdaGrad": AdaGrad, "Nesterov": Nesterov}


def falling(step):
    """The factor 1/√t of step t = 1, 2, ..."""
    return (step + 1) ** -0.5


def run(seed, arm, epochs=45):
    """Return the training loss after the last pass, and the mean loss of each pass."""
    method, _, rate = str(arm).partition(" ")
    if method not in METHODS or not rate:
        raise ValueError(f"arm must be one of {', '.join(METHODS)} and a rate, as in 'Adam 0.3', got {arm!r}")
    x, y, _, _ = full_fashion()
    rng = np.random.default_rng(seed)
    net = Network(Dense(784, 10, init=zeros, rng=rng), dtype=np.float32)
    settings = {"epochs": epochs, "batch_size": 128, "rng": rng, "schedule": falling}
    history = fit(net, x, y, softmax_cross_entropy, METHODS[method](float(rate)), **settings)
    curve = np.round(history.loss, 5)
    loss = evaluate(net, x, y, softmax_cross_entropy)
    return {"loss": loss, "curve": curve, "loss_of_pass_1": curve[0]}


def probe(seed, arm):
    """The loss of the first pass."""
    return {"loss_of_pass_1": run(seed, arm, epochs=1)["loss_of_pass_1"]}


def replications(runs):
    """Row 19, figure 1."""
    losses = {arm.partition(" ")[0]: runs["loss"].at(arm=arm) for arm in runs.axes["arm"]}
    adam, adagrad, nesterov = (losses[method] for method in METHODS)
    tuning = stored("adam_logistic_tuning")["loss"]
    found, edge = {}, []
    for method in METHODS:
        arms = [arm for arm in tuning.axes["arm"] if arm.startswith(f"{method} ")]
        best = min(arms, key=lambda arm: tuning.at(arm=arm)[0])
        found[method] = best
        edge += [method] if best in (arms[0], arms[-1]) else []
    if set(found.values()) != set(runs.axes["arm"]):
        raise ValueError(f"the tuning's best are {', '.join(found.values())}: run those arms")
    middle = {method: np.median(values) for method, values in losses.items()}
    similar = bool(middle["Adam"] <= 1.02 * middle["Nesterov"])
    both = bool(np.all(adam < adagrad) and np.all(nesterov < adagrad))
    curves = {arm.partition(" ")[0]: runs["curve"].at(arm=arm) for arm in runs.axes["arm"]}
    tenth = {method: np.median(curve[:, 9]) for method, curve in curves.items()}
    first, seeds = int(np.sum(adam < np.minimum(adagrad, nesterov))), len(adam)
    row = replicated(
        19,
        "Kingma & Ba 2015, fig. 1 (full)",
        key="kingma2015",
        claim="Logistic regression on images: Adam is as fast as Nesterov, and both are faster than AdaGrad.",
        data=("MNIST, 60,000 images of 784 pixels", "Fashion-MNIST, 60,000 images of 784 pixels"),
        network=("L2-regularized logistic regression, strength not told", "logistic regression, no penalty"),
        optimizer="rate falling as 1/√t, batches of 128, each method at its best rate of a grid",
        length=(45, 45, "epochs"),
        seeds=(None, seeds),
        ours="; ".join(f"{method} {loss:.4f}" for method, loss in middle.items())
        + f" (median training loss); Adam lowest in {first} of {seeds}; "
        + (f"at the edge of its grid: {', '.join(edge)}" if edge else "no rate at the edge of its grid"),
        rule=Rule(
            "Adam's median at most 2% above Nesterov's, and both below AdaGrad in every seed; the order"
            " alone: Adam below AdaGrad in every seed",
            similar and both,
            order=bool(np.all(adam < adagrad)),
            seen="2026-11-29",
        ),
        others=[
            Rule("Adam lowest in every seed", first == seeds, seen="2026-11-29"),
            Rule(
                "the same as the first rule, after ten passes",
                bool(tenth["Adam"] <= 1.02 * tenth["Nesterov"] and max(tenth.values()) == tenth["AdaGrad"]),
                seen="2026-11-29",
            ),
        ],
        run="python -m dlbook.replications.full adam_logistic",
    )
    return [("deeper/adam_races", row)]
