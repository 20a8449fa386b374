"""Loshchilov and Hutter (2019), figure 2: do the best rate and the best decay come apart in AdamW?

A grid of rates and decays for Adam with an L2 penalty and for AdamW: batches of 128, 100 epochs, a rate that
falls along a cosine, as in the paper; 5,000 images of Fashion-MNIST at half the resolution and one hidden
layer instead of CIFAR-10 and a residual network. Both axes of the grid are powers of 4. The decay is told as
the paper tells it: L2 adds λθ to the gradient, AdamW takes the share λ of a weight in a step, times the
schedule's factor and not times the rate. The map is drawn from the test errors, as in the paper; what counts
as tuned is chosen by 10,000 images that are neither trained on nor tested on. At rates at which no decay
helps, the best one is an accident; they are told apart.
"""

import numpy as np

from dlbook.replications.verdicts import Rule, replicated
from dlcore.layers import Dense, ReLU
from dlcore.losses import softmax_cross_entropy
from dlcore.network import Network
from dlcore.optimizers import Adam, AdamW
from dlcore.regularization import L2
from dlcore.schedules import cosine
from dlcore.training import Diverged, error_rate, fit

from ._images import halved_fashion

METHODS = ("L2", "AdamW")
AXES = {
    "method": list(METHODS),
    "rate_power": [-6, -5, -4, -3, -2],
    "decay_power": [-9, -8, -7, -6, -5, -4, -3, -2, -1],
}
SEEDS = 2
CHECK = {"method": "AdamW", "rate_power": -5, "decay_power": -5, "seed": 0}

IMAGES, EPOCHS, BATCH = 5_000, 100, 128
HELD = 10_000


def run(seed, method, rate_power, decay_power, epochs=EPOCHS):
    """Return the errors at the end on test and held-out images, and the first and the last epoch's loss."""
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    x, y, x_test, y_test = halved_fashion()
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(x))
    rows, held = order[:IMAGES], order[-HELD:]
    net = Network(Dense(196, 100, rng=rng), ReLU(), Dense(100, 10, rng=rng), dtype=np.float32)
    lr, strength = 4.0**rate_power, 4.0**decay_power
    if method == "L2":
        optimizer, penalty = Adam(lr), L2(strength)
    else:
        optimizer, penalty = AdamW(lr, weight_decay=strength / lr), None
    steps = EPOCHS * -(-IMAGES // BATCH)
    settings = {"epochs": epochs, "batch_size": BATCH, "rng": rng, "schedule": cosine(steps)}
    try:
        history = fit(net, x[rows], y[rows], softmax_cross_entropy, optimizer, penalty=penalty, **settings)
    except Diverged:
        return {"error": 0.9, "held": 0.9, "first_loss": np.inf, "last_loss": np.inf}
    return {
        "error": error_rate(net, x_test, y_test),
        "held": error_rate(net, x[held], y[held]),
        "first_loss": history.loss[0],
        "last_loss": history.loss[-1],
    }


def probe(seed, method, rate_power, decay_power):
    """The loss of the first epoch."""
    return {"first_loss": run(seed, method, rate_power, decay_power, epochs=1)["first_loss"]}


def replications(runs):
    """Row 20 at the published length."""
    grids = {method: runs["error"].at(method=method).values for method in METHODS}  # rate, decay, seed
    error = {method: grid.mean(axis=2) for method, grid in grids.items()}
    columns = {method: one.argmin(axis=1) for method, one in error.items()}
    moved = {method: np.ptp(one) for method, one in columns.items()}
    # in PyTorch's unit a share is the rate times the decay, so that a row lies as many columns further
    moved_in_torch = np.ptp(columns["AdamW"] - np.array(runs.axes["rate_power"]))
    held = {method: runs["held"].at(method=method).values.mean(axis=2) for method in METHODS}
    tuned = {method: np.unravel_index(one.argmin(), one.shape) for method, one in held.items()}
    regret = {method: _one_after_the_other(error[method], held[method]) for method in METHODS}
    best = {method: grids[method][place] for method, place in tuned.items()}  # seed
    ahead = bool(np.all(best["AdamW"] < best["L2"]))
    within = all(0 < i < n - 1 for m in METHODS for i, n in zip(tuned[m], error[m].shape, strict=True))
    powers = np.array(runs.axes["rate_power"])
    helps = np.all([_helps(grids[method], held[method]) for method in METHODS], axis=0)  # rate
    where = {method: one[helps] for method, one in columns.items()}
    last = len(runs.axes["decay_power"]) - 1
    at_edge = int(sum(np.sum((one == 0) | (one == last)) for one in where.values()))
    there = {method: _factor(one) for method, one in where.items()}
    there_in_torch = _factor(where["AdamW"] - powers[helps])
    steps = EPOCHS * -(-IMAGES // BATCH)
    fewer = bool(moved["AdamW"] < moved["L2"])
    found = replicated(
        20,
        "Loshchilov & Hutter 2019, fig. 2",
        key="loshchilov2019",
        claim="The best decay depends on the rate with L2 in Adam, and much less in AdamW, so that the two"
        " can be tuned one after the other; and tuned AdamW has a lower test error.",
        data=("CIFAR-10", f"Fashion-MNIST, {IMAGES:,} images of 14 × 14 pixels"),
        network=("26 2x64d, a residual network with shake-shake", "100 ReLU units"),
        optimizer="Adam with L2 and AdamW in batches of 128, a rate that falls along a cosine",
        length=("100 epochs, 39,100 steps", f"{EPOCHS} epochs, {steps:,} steps"),
        seeds=(1, len(runs.seeds)),
        ours=f"at {int(helps.sum())} of {len(powers)} rates a decay helps both (chosen by the images held"
        f" out, it lowers the test error with every seed); over these rates, {_factor(powers[helps]):,}-fold,"
        f" the best decay moves by a factor of {there['L2']:,} with L2 and of {there['AdamW']:,} with AdamW"
        f" (in PyTorch's unit {there_in_torch:,}), and {at_edge or 'none'} of these {2 * int(helps.sum())}"
        " best decays lies at an edge of the grid; tuned one after the other, from any of the rates, they"
        f" lose {100 * regret['L2']:.2f} and {100 * regret['AdamW']:.2f} points; tuned errors"
        f" {best['L2'].mean():.1%} ({_range(best['L2'])}) and {best['AdamW'].mean():.1%}"
        f" ({_range(best['AdamW'])}), {'inside' if within else 'at the edge of'} the grid",
        rule=Rule(
            "in the paper's unit, a share λ a step, the best decay moves less than with L2",
            fewer,
            fixed="2026-11-21",
        ),
        others=[
            Rule("the same in PyTorch's unit, a share ηλ", moved_in_torch < moved["L2"], fixed="2026-11-29"),
            Rule(
                "the same in PyTorch's unit, at those rates alone at which a decay helps",
                there_in_torch < there["L2"],
                seen="2026-11-29",
            ),
            Rule(
                "tuned one after the other, first the decay at any of the rates and then the rate, AdamW"
                " loses less to the best cell in the mean",
                regret["AdamW"] < regret["L2"],
                fixed="2026-11-29",
            ),
            Rule("tuned AdamW has the lower test error with every seed", ahead, fixed="2026-11-29"),
        ],
        run="python -m dlbook.replications.full decoupled_decay",
    )
    return [("weight_decay", found)]


def _helps(errors, held):
    """At which rates the decay that the images held out choose lowers the test error with every seed.

    Against the smallest decay of the grid; `errors` is (rate, decay, seed), `held` (rate, decay).
    """
    chosen = errors[np.arange(len(held)), held.argmin(axis=1)]
    return np.all(chosen < errors[:, 0], axis=1)


def _factor(powers):
    """How far powers of 4 are apart, as a factor; 1 for none."""
    return 4 ** int(np.ptp(powers)) if len(powers) else 1


def _one_after_the_other(error, held):
    """What is lost to the tuned cell when the decay is chosen at one rate and then the rate."""
    tuned = error.ravel()[held.argmin()]
    columns = held.argmin(axis=1)
    return float(np.mean([error[held[:, column].argmin(), column] - tuned for column in columns]))


def _range(values):
    return f"{values.min():.1%} to {values.max():.1%}"
