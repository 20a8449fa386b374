"""Li et al. (2018), section 4.1, fig. 4: is Hyperband faster than random search?

192 random configurations of seven hyperparameters, each trained to the full budget R = 64, in units of 10
batches of 100 images, at a constant rate, so that every shorter run is the beginning of the longest. The
searches are replayed on this table: two rounds of Hyperband with η = 4, as in the paper, whose rounds have
five brackets and ours four, against random search, and random search with twice the budget.
"""

import math
from contextlib import suppress
from functools import partial
from itertools import pairwise

import numpy as np

from dlbook.replications.verdicts import Rule, replicated
from dlcore import search
from dlcore.initialization import he_normal
from dlcore.layers import Dense, ReLU, Sigmoid, Tanh
from dlcore.losses import softmax_cross_entropy
from dlcore.network import Network
from dlcore.optimizers import Momentum
from dlcore.regularization import L2
from dlcore.training import Diverged, error_rate, fit

from ._images import halved_fashion

AXES = {"row": list(range(192))}
SEEDS = 1
CHECK = {"row": 0, "seed": 0}

RUNGS, UNIT, BATCH, HELD = (1, 4, 16, 64), 10, 100, 5_000
SPACE = {
    "rate": search.log_uniform(1e-4, 1.0),
    "one_minus_momentum": search.log_uniform(0.01, 1.0),
    "penalty": search.log_uniform(1e-6, 1e-1),
    "width": search.log_uniform(16, 256),
    "depth": [1, 2, 3],
    "activation": [ReLU, Tanh, Sigmoid],
    "scale": search.log_uniform(0.1, 3.0),
}
ROUNDS, TRIALS = 2, 200


def run(seed, row, rungs=RUNGS):
    """Return the error on held-out and on test images after each of RUNGS units; 0.9 where it diverged."""
    x, y, x_test, y_test = halved_fashion()
    rng = np.random.default_rng([seed, row])
    (at,) = search.random(SPACE, 1, rng)
    sizes = [196] + [round(at["width"])] * at["depth"] + [10]
    init = partial(scaled, scale=at["scale"])
    layers = [
        part
        for n_in, n_out in pairwise(sizes)
        for part in (Dense(n_in, n_out, init=init, rng=rng), at["activation"]())
    ]
    net, held, kept = Network(*layers[:-1], dtype=np.float32), slice(0, HELD), slice(HELD, None)
    found = {f"{kind}_at_{rung}": 0.9 for rung in rungs for kind in ("error", "test")}

    def watch(step):
        units, left = divmod(step + 1, UNIT)
        if not left and units in rungs:
            found[f"error_at_{units}"] = error_rate(net, x[held], y[held])
            found[f"test_at_{units}"] = error_rate(net, x_test, y_test)
        return units >= rungs[-1]

    settings = {"epochs": 3, "batch_size": BATCH, "rng": rng, "penalty": L2(at["penalty"]), "on_step": watch}
    optimizer = Momentum(at["rate"], 1 - at["one_minus_momentum"])
    with suppress(Diverged):
        fit(net, x[kept], y[kept], softmax_cross_entropy, optimizer, **settings)
    return found


def scaled(shape, rng, scale, **dtype):
    """He's weights, all of them larger or smaller."""
    return scale * he_normal(shape, rng, **dtype)


def probe(seed, row):
    """The errors after the first unit."""
    return run(seed, row, rungs=RUNGS[:1])


def searches(error, test, rng):
    """Replay one search of each kind; return for each the cost after its looks and the test error so far.

    `error` and `test` are (configurations, rungs). A search answers with the test error of the run whose
    held-out error is the lowest it has seen; costs are in units, a longer run counts from its beginning.
    """
    plan = search.brackets(RUNGS[-1], eta=4)
    budget = ROUNDS * sum(n * r for rungs in plan for n, r in rungs)
    full = round(budget / RUNGS[-1])
    greedy = max(plan, key=len)
    times = round(budget / sum(n * r for n, r in greedy))
    looks = {
        "random": [one for _ in range(full) for one in _climb([(1, 64)], error, rng)],
        "random twice": [one for _ in range(2 * full) for one in _climb([(1, 64)], error, rng)],
        "halving": [one for _ in range(times) for one in _climb(greedy, error, rng)],
        "hyperband": [one for _ in range(ROUNDS) for rungs in plan for one in _climb(rungs, error, rng)],
    }
    return {name: _so_far(seen, error, test) for name, seen in looks.items()}


def _climb(rungs, error, rng):
    """The looks of one bracket: (rows, rung), each rung on with the best of the last."""
    rows = rng.integers(len(error), size=rungs[0][0])
    looks = []
    for n, budget in rungs:
        if looks:
            rows = rows[np.argsort(error[rows, looks[-1][1]], kind="stable")[:n]]
        looks.append((rows, RUNGS.index(budget)))
    return looks


def _so_far(looks, error, test):
    spent, best, answer = [0], math.inf, 0.9
    answers = [answer]
    for rows, rung in looks:
        first = rows[error[rows, rung].argmin()]
        if error[first, rung] < best:
            best, answer = error[first, rung], test[first, rung]
        spent.append(spent[-1] + len(rows) * RUNGS[rung])
        answers.append(answer)
    return np.array(spent), np.array(answers)


def replications(runs):
    """Row 24 on larger networks and data, at the published ratio of budgets."""
    error, test = (
        np.stack([runs[f"{kind}_at_{rung}"].values[:, 0] for rung in RUNGS], axis=1)
        for kind in ("error", "test")
    )
    found = [searches(error, test, np.random.default_rng(seed)) for seed in range(TRIALS)]
    last = {name: np.array([one[name][1][-1] for one in found]) for name in found[0]}
    middle = {name: np.median(values) for name, values in last.items()}
    ahead = {
        name: np.mean((last[name] < last["random"]) + 0.5 * (last[name] == last["random"]))
        for name in ("halving", "hyperband")
    }
    budget = found[0]["random"][0][-1]
    grid = np.geomspace(RUNGS[-1], budget, 60)
    by_cost = [np.median([_at(one["hyperband"], cost) for one in found]) for cost in grid]
    level = [cost for cost, value in zip(grid, by_cost, strict=True) if value <= middle["random"]]
    faster = budget / level[0] if level else 0.0
    below = max(middle["halving"], middle["hyperband"]) < middle["random"]
    row = replicated(
        24,
        "Li et al. 2018, fig. 4",
        key="li2018",
        claim="Hyperband is better than random search at equal cost and at twice the cost, and over 20 times"
        " faster than it.",
        data=("CIFAR-10, rotated MNIST with backgrounds, SVHN", "Fashion-MNIST, 14 × 14 pixels"),
        network=(
            "a convolutional network, eight hyperparameters",
            "one to three hidden layers, seven hyperparameters, replayed on a table of 192 runs",
        ),
        optimizer=(
            "η = 4, two rounds of five brackets, the cost of 50 full runs",
            f"η = 4, {ROUNDS} rounds of {len(search.brackets(RUNGS[-1], eta=4))} brackets,"
            f" {budget / RUNGS[-1]:.0f} full runs",
        ),
        length=(30_000, UNIT * RUNGS[-1], "batches of 100 at most"),
        measure=("average test error", "median test error"),
        seeds=(10, TRIALS),
        ours=f"at the cost of {budget / RUNGS[-1]:.0f} full runs the median test errors are"
        f" {middle['random']:.1%} with random search, {middle['random twice']:.1%} at twice its cost,"
        f" {middle['halving']:.1%} with halving, {middle['hyperband']:.1%} with Hyperband; halving is ahead"
        f" of random search in {ahead['halving']:.0%} of {TRIALS} pairs, Hyperband in"
        f" {ahead['hyperband']:.0%}"
        f" ({TRIALS} searches on one table of {len(error)} runs, so the pairs share their runs); Hyperband is"
        f" level with random search's end {faster:.1f} times sooner",
        rule=Rule(
            "halving's and Hyperband's median errors below random's, and each ahead in 60% of the pairs, the"
            " number to which the first rule of this row's page was lowered",
            below and min(ahead.values()) >= 0.6,
            fixed="2026-11-21",
        ),
        others=[
            Rule(
                "Hyperband's median error below that of random search at twice the cost",
                middle["hyperband"] < middle["random twice"],
                fixed="2026-11-29",
            ),
            Rule(
                "that first rule: the same with 75% of the pairs",
                below and min(ahead.values()) >= 0.75,
                order=below,
                fixed="2026-11-21",
            ),
            Rule("ten times faster", faster >= 10, order=faster > 1, fixed="2026-11-29"),
            Rule("twenty times faster, as published", faster >= 20, order=faster > 1, seen="2026-11-29"),
        ],
        run="python -m dlbook.replications.full hyperband",
    )
    return [("deeper/hyperparameter_search_halving", row)]


def _at(search, cost):
    """What a search would answer when so much is spent."""
    spent, answers = search
    return answers[np.searchsorted(spent, cost, side="right") - 1]
