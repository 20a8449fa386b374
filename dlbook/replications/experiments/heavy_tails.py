"""Kunstner et al. (2024): is gradient descent slow on rare classes, and Adam not?

Softmax regression on random inputs whose labels are heavy-tailed, as in the authors' code: m groups of the
same number of examples, where group k has 2ᵏ classes; m·2ᵐ examples, (m + 1)·2ᵐ inputs from U(0, 1), all
examples in every step. The paper's figure has m = 11; this is m = 7, which the authors' code has too. For
comparison, the same inputs with balanced classes.
"""

import numpy as np

from dlbook.replications.verdicts import Rule, replicated
from dlcore.losses import softmax_cross_entropy
from dlcore.optimizers import SGD, Adam

AXES = {
    "labels": ["heavy", "balanced"],
    "method": ["GD", "Adam"],
    "rate": [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0],
}
SEEDS = 3  # the first chooses the rates
CHECK = {"labels": "heavy", "method": "Adam", "rate": 0.003, "seed": 0}

GROUPS, STEPS = 7, 500
METHODS = {"GD": SGD, "Adam": Adam}


def classes(kind):
    """The labels, in the order of their groups."""
    if kind == "balanced":
        return np.arange(GROUPS * 2**GROUPS) % (2**GROUPS - 1)
    labels, first = [], 0
    for k in range(GROUPS):
        labels.append(first + np.repeat(np.arange(2**k), 2 ** (GROUPS - k)))
        first += 2**k
    return np.concatenate(labels)


def run(seed, labels, method, rate):
    """Return the loss at the end: of all, of the first group (one class) and of the last (pairs)."""
    if labels not in ("heavy", "balanced") or method not in METHODS:
        raise ValueError(
            f"labels must be heavy or balanced and method GD or Adam, got {labels!r}, {method!r}"
        )
    y = classes(labels)
    x = np.random.default_rng(seed).uniform(0, 1, (len(y), (GROUPS + 1) * 2**GROUPS))
    theta, optimizer = np.zeros((x.shape[1], y.max() + 1)), METHODS[method](rate)
    for _ in range(STEPS):
        _, dz = softmax_cross_entropy(x @ theta, y)
        optimizer.step(theta, x.T @ dz)
    z = x @ theta
    each = (
        np.log(np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1)) + z.max(axis=1) - z[np.arange(len(y)), y]
    )
    size = 2**GROUPS
    return {"loss": each.mean(), "frequent": each[:size].mean(), "rare": each[-size:].mean()}


def replications(runs):
    """Row 25: each method at the rate that seed 0 chooses, judged on the other seeds."""

    def judged(labels, method):
        loss = runs["loss"].at(labels=labels, method=method).values
        best = int(np.argmin(np.nan_to_num(loss[:, 0], nan=np.inf)))
        at = {"labels": labels, "method": method, "rate": runs.axes["rate"][best]}
        return {part: runs[part].at(**at)[1:] for part in ("loss", "frequent", "rare")}, at["rate"]

    (gd, gd_rate), (adam, adam_rate) = judged("heavy", "GD"), judged("heavy", "Adam")
    even = judged("balanced", "GD")[0]["loss"] / judged("balanced", "Adam")[0]["loss"]
    ahead = bool(np.all(adam["loss"] < gd["loss"]))
    slow = bool(np.all(gd["rare"] > 2 * gd["frequent"]) and np.all(adam["rare"] <= 2 * adam["frequent"]))
    inside = all(runs.axes["rate"][0] < rate < runs.axes["rate"][-1] for rate in (gd_rate, adam_rate))
    found = replicated(
        25,
        "Kunstner et al. 2024, linear model",
        key="kunstner2024",
        claim="With heavy-tailed classes gradient descent is slow on the rare ones and Adam is not, on a"
        " linear model with all data in every step.",
        data=("22,528 random inputs, 2,047 classes", "896 random inputs, 127 classes"),
        network="softmax regression from 0",
        optimizer="gradient descent and Adam on all data, each at its best rate of a grid",
        seeds=(None, len(gd["loss"])),
        ours=f"after {STEPS} steps gradient descent has a loss of {_told(gd)} and Adam of {_told(adam)};"
        f" the best rates are {'inside' if inside else 'at the edge of'} the grid",
        rule=Rule(
            "Adam's loss lower in every seed, and only gradient descent's on the rarest classes more than"
            " twice its loss on the most frequent one",
            ahead and slow,
            order=ahead,
            fixed="2026-11-29",
        ),
        others=[
            Rule(
                "the same, and the ratio of the two losses larger than with balanced classes",
                ahead and slow and bool(np.median(gd["loss"] / adam["loss"]) > np.median(even)),
                order=ahead,
                fixed="2026-11-29",
            )
        ],
        run="python -m dlbook.replications.full heavy_tails",
    )
    return [("adam", found)]


def _told(losses):
    loss, frequent, rare = (np.median(losses[part]) for part in ("loss", "frequent", "rare"))
    return f"{loss:.2g} ({frequent:.2g} on the most frequent class, {rare:.2g} on the rarest)"
