"""Loshchilov and Hutter (2017); Smith and Topin (2019): what do restarts and one cycle save at full length?

The schedules at the published lengths, in batches of 128: the staircase of the comparison (a fifth at 60, 120
and 160 of 200 epochs), warm restarts with descents of 10, 20, 40 and 80 epochs, both with Nesterov's momentum
0.9, a rate of 0.05 and a weight decay of 0.0005; and one cycle of 25 epochs, an eighth of the staircase, at
other rates. On 5,000 images of Fashion-MNIST at half the resolution, and one hidden layer of 64 units.
"""

import numpy as np

from dlbook.replications.verdicts import Rule, replicated
from dlcore.layers import Dense, ReLU
from dlcore.losses import softmax_cross_entropy
from dlcore.network import Network
from dlcore.optimizers import Nesterov
from dlcore.regularization import L2
from dlcore.schedules import cosine_restarts, one_cycle
from dlcore.training import Diverged, error_rate, fit

from ._images import halved_fashion

AXES = {"arm": ["staircase", "restarts", *(f"cycle {peak:g}" for peak in (0.025, 0.05, 0.1, 0.2, 0.4))]}
SEEDS = 5
CHECK = {"arm": "restarts", "seed": 0}

BATCH, IMAGES, DECAY = 128, 5_000, 5e-4
ENDS = (10, 30, 70, 150)  # of the descents, in epochs


def staircase(epoch):
    """A fifth after 60, 120 and 160 epochs."""
    return 0.2 ** sum(epoch >= end for end in (60, 120, 160))


def run(seed, arm, stop=None):
    """Return the training loss of the first epoch, the test error after each epoch, and the last in halves.

    One half of the test images chooses a cycle's peak, the other reports its error.
    """
    x, y, x_test, y_test = halved_fashion()
    x, y = x[:IMAGES], y[:IMAGES]
    each = -(-len(x) // BATCH)
    kind, _, rate = arm.partition(" ")
    if arm == "staircase":
        epochs, lr, schedule = 200, 0.05, lambda step: staircase(step // each)
    elif arm == "restarts":
        epochs, lr, schedule = ENDS[-1], 0.05, cosine_restarts(10 * each, multiply=2)
    elif kind == "cycle":
        epochs, lr = 25, float(rate)
        schedule = one_cycle(epochs * each)
    else:
        raise ValueError(f"arm must be staircase, restarts or cycle with a rate, got {arm!r}")
    rng = np.random.default_rng(seed)
    net = Network(Dense(196, 64, rng=rng), ReLU(), Dense(64, 10, rng=rng), dtype=np.float32)
    errors = []

    def watch(step):
        if (step + 1) % each == 0:
            errors.append(error_rate(net, x_test, y_test))

    settings = {"batch_size": BATCH, "rng": rng, "schedule": schedule, "penalty": L2(DECAY), "on_step": watch}
    optimizer, first = Nesterov(lr, 0.9), np.inf
    try:
        history = fit(net, x, y, softmax_cross_entropy, optimizer, epochs=stop or epochs, **settings)
        first = history.loss[0]
    except Diverged as error:
        errors += [0.9] * (epochs - len(errors))
        first = (error.history.loss or [np.inf])[0]
        return {"first_loss": first, "errors": np.round(errors, 4), "halves": [0.9, 0.9]}
    halves = [error_rate(net, x_test[half::2], y_test[half::2]) for half in (0, 1)]
    return {"first_loss": first, "errors": np.round(errors, 4), "halves": np.round(halves, 4)}


def probe(seed, arm):
    """The loss of the first epoch."""
    return {"first_loss": run(seed, arm, stop=1)["first_loss"]}


def replications(runs):
    """Row 21 at the published lengths: restarts, and one cycle."""
    stairs, restarts = (runs["errors"].at(arm=arm) for arm in ("staircase", "restarts"))  # seed, epoch
    seeds = len(runs.seeds)
    ahead = {end: int(np.sum(restarts[:, end - 1] < stairs[:, end - 1])) for end in ENDS}
    lower = [np.median(restarts[:, end - 1]) < np.median(stairs[:, end - 1]) for end in ENDS]
    last = stairs[:, -1]
    early = restarts[:, [end - 1 for end in ENDS if end <= 100]].min(axis=1)
    faster, tied = int(np.sum(early <= last)), int(np.sum(early == last))
    chosen, reported = np.moveaxis([runs["halves"].at(arm=arm) for arm in runs.axes["arm"][2:]], -1, 0)
    cycles = dict(zip(runs.axes["arm"][2:], reported, strict=True))
    best = runs.axes["arm"][2 + np.median(chosen, axis=1).argmin()]
    rival = runs["halves"].at(arm="staircase")[:, 1]
    largest = runs.axes["arm"][-1]
    below = {arm: int(np.sum(errors < rival)) for arm, errors in cycles.items()}
    same = {
        "data": ("CIFAR-10", f"Fashion-MNIST, {IMAGES:,} images of 14 × 14 pixels"),
        "run": "python -m dlbook.replications.full long_schedules",
    }
    by_end = ", ".join(
        f"{np.median(restarts[:, end - 1]):.1%} against {np.median(stairs[:, end - 1]):.1%} at {end}"
        for end in ENDS
    )
    told = ", ".join(f"{np.median(errors):.1%} at {arm.split()[1]}" for arm, errors in cycles.items())
    return [
        (
            "deeper/schedules_tried",
            replicated(
                21,
                "Loshchilov & Hutter 2017, restarts at length, section 1",
                key="loshchilov2017",
                claim="Warm restarts give good results at any time, and the final quality of a staircase in a"
                " half to a quarter of its steps.",
                network=("wide residual networks", "one hidden layer of 64 units"),
                optimizer="Nesterov's momentum 0.9 at 0.05, weight decay 0.0005, batches of 128",
                length=(200, 200, "epochs of the staircase"),
                seeds=(5, seeds),
                ours=f"median test errors at the ends of the descents: {by_end} epochs; the staircase ends at"
                f" {np.median(last):.1%}, which restarts reach by 70 epochs in {faster} of {seeds} seeds"
                + (f" ({tied} of them with exactly as many errors)" if tied else ""),
                rule=Rule(
                    "any time (below the staircase at the end of every descent) and faster (at its final"
                    " error by half of its epochs), with every seed; the order alone: faster",
                    min(ahead.values()) == seeds and faster == seeds,
                    order=faster == seeds,
                    fixed="2026-11-29",
                ),
                others=[
                    Rule(
                        "the same in the medians over the seeds, as in the paper",
                        bool(np.all(lower) and np.median(early) <= np.median(last)),
                        seen="2026-11-29",
                    ),
                    Rule(
                        "any time, while the staircase has not yet come down: at 10 and 30 epochs",
                        min(ahead[10], ahead[30]) == seeds,
                        fixed="2026-11-29",
                    ),
                    Rule(
                        "after 150 epochs no higher than the staircase after 200, with every seed",
                        bool(np.all(restarts[:, -1] <= last)),
                        fixed="2026-11-29",
                    ),
                ],
                **same,
            ),
        ),
        (
            "deeper/schedules_tried",
            replicated(
                21,
                "Smith & Topin 2019, one cycle, fig. 1a",
                key="smith2019",
                claim="One cycle with a large peak rate ends in an eighth of the steps at a higher accuracy"
                " than a staircase: 92.4% after 10,000 steps against 91.2% after 80,000.",
                network=("a residual network of 56 layers", "one hidden layer of 64 units"),
                optimizer=(
                    "SGD with momentum 0.9; the cycle up to a rate of 3, nearly nine times the staircase's;"
                    " less weight decay than the staircase has",
                    "Nesterov's momentum 0.9; the cycle up to 0.025, ..., 0.4, half to eight times the"
                    " staircase's rate; weight decay 0.0005 throughout",
                ),
                length=(80_000, 200 * 40, "steps of the staircase"),
                seeds=(None, seeds),
                ours="errors on the half of the test images that judges, after 25 epochs of one cycle, by its"
                f" peak: {told}; the staircase after 200: {np.median(rival):.1%}. With the largest peak the"
                f" cycle is below it in {below[largest]} of {seeds} seeds, with the best, {best.split()[1]},"
                f" in {below[best]}",
                rule=Rule(
                    "the cycle with the largest peak, eight times the staircase's rate, has the lower test"
                    " error with every seed",
                    below[largest] == seeds,
                    seen="2026-11-29",
                ),
                others=[
                    Rule(
                        "the same with the best peak, which one half of the test images chooses and the other"
                        " judges",
                        below[best] == seeds,
                        fixed="2026-11-29",
                    ),
                    Rule(
                        "the same with the best peak, on all test images, below the staircase cut to its 25"
                        " epochs",
                        bool(np.all(runs["errors"].at(arm=best)[:, -1] < stairs[:, 24])),
                        fixed="2026-11-29",
                    ),
                ],
                **same,
            ),
        ),
    ]
