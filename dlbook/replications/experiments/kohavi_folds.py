"""Kohavi (1995): how many folds estimate the accuracy best, and choose the better of two models?

The paper draws small training sets from real data, compares the estimate of stratified cross-validation with
the accuracy on the rest, and repeats it 50 times; its learners are C4.5 and naive Bayes. It measures the bias
and the standard deviation of the estimates. Here six tasks are drawn from Fashion-MNIST at 7 × 7 pixels; the
learners are naive Bayes and the nearest neighbour.
"""

import numpy as np

from dlbook.explorer.numbers import fixed
from dlbook.replications.verdicts import Rule, replicated
from dlcore.splits import leave_one_out, stratified_k_fold

from ._images import full_fashion

TASKS = {
    "T-shirt or shirt": ((0, 6), 100),
    "pullover or coat": ((2, 4), 100),
    "dress or coat": ((3, 4), 100),
    "sneaker or boot": ((7, 9), 100),
    "four tops": ((0, 2, 4, 6), 160),
    "all ten": (tuple(range(10)), 400),
}
"""The classes of each task, and the size of its training sets."""

AXES = {"task": list(TASKS)}
SEEDS = 50
CHECK = {"task": "four tops", "seed": 0}

FOLDS = (2, 5, 10, 20)  # and leave-one-out


def small(x):
    """Images of 784 pixels as the means of 4 × 4 of them: 49 numbers."""
    return x.reshape(-1, 7, 4, 7, 4).mean(axis=(2, 4)).reshape(-1, 49)


def sums(x, y, classes):
    """For each class the number of examples, the sums of x and of x²."""
    hot = (y[:, None] == np.arange(classes)).astype(float)
    return hot.sum(axis=0)[:, None], hot.T @ x, hot.T @ x**2


def bayes(x, counts, first, second):
    """The classes that Gaussian naive Bayes gives to x; 0.01 is added to each variance."""
    mean = first / counts
    precision = 1 / (second / counts - mean**2 + 0.01)
    prior = np.log(counts[:, 0] / counts.sum()) + 0.5 * np.log(precision).sum(axis=1)
    fit = x**2 @ precision.T - 2 * x @ (mean * precision).T + (mean**2 * precision).sum(axis=1)
    return (prior - fit / 2).argmax(axis=1)


def run(seed, task):
    """Return for both learners the error by 2, 5, 10, 20 folds and leave-one-out, and the true one."""
    if task not in TASKS:
        raise ValueError(f"task must be one of {', '.join(TASKS)}, got {task!r}")
    classes, n = TASKS[task]
    images, labels, _, _ = full_fashion()
    rng = np.random.default_rng([seed, list(TASKS).index(task)])
    chosen = rng.permutation(np.flatnonzero(np.isin(labels, classes)))[: n + 4000]
    x, y = small(images[chosen].astype(float)), np.searchsorted(classes, labels[chosen])
    (x, rest), (y, truth) = np.split(x, [n]), np.split(y, [n])
    all_sums = sums(x, y, len(classes))

    def distances(others):
        return (x**2).sum(axis=1) - 2 * others @ x.T

    true = {
        "bayes": np.mean(bayes(rest, *all_sums) != truth),
        "nearest": np.mean(y[distances(rest).argmin(axis=1)] != truth),
    }
    among, estimates = distances(x), {"bayes": [], "nearest": []}
    for folds in [*(stratified_k_fold(y, k, rng) for k in FOLDS), leave_one_out(n)]:
        wrong = np.empty((2, n), bool)
        for train, test in folds:
            left = [
                all_ - held for all_, held in zip(all_sums, sums(x[test], y[test], len(classes)), strict=True)
            ]
            wrong[0, test] = bayes(x[test], *left) != y[test]
            wrong[1, test] = y[train][among[np.ix_(test, train)].argmin(axis=1)] != y[test]
        for name, share in zip(estimates, wrong.mean(axis=1), strict=True):
            estimates[name].append(share)
    return {name: [*estimates[name], true[name]] for name in estimates}


def replications(runs):
    """Row 16, both claims, on six tasks with 50 training sets each."""
    # (learner, task, seed, estimate), the true error last
    table = np.stack([runs[name].values for name in ("bayes", "nearest")])
    off = table[..., :-1] - table[..., -1:]
    bias, error = off.mean(axis=2), off.std(axis=2) / np.sqrt(off.shape[2])
    two, ten = bias[..., 0], bias[..., 2]
    settings, seeds = two.size, off.shape[2]
    falls = int(np.sum((two > 2 * error[..., 0]) & (two >= 2 * np.abs(ten))))
    less = int(np.sum(two > np.abs(ten)))
    steadier, narrower = (
        int(np.sum(spread[..., 2] < spread[..., 4]))
        for spread in (off.std(axis=2), table[..., :-1].std(axis=2))
    )
    apart = np.sign(table[0] - table[1])  # (task, seed, estimate)
    picks = (apart[..., :-1] * apart[..., -1:] + 1) / 2
    ahead = picks[..., 2] - picks[..., 4]
    surely = bool(ahead.mean() > 2 * ahead.std() / np.sqrt(ahead.size))
    told = {
        "key": "kohavi1995",
        "data": (
            "six sets of the UCI archive and random labels, samples of 50 to 900",
            "six tasks of Fashion-MNIST, samples of 100 to 400",
        ),
        "network": ("C4.5 and naive Bayes", "nearest neighbour and naive Bayes"),
        "seeds": (50, seeds),
        "run": "python -m dlbook.replications.full kohavi_folds",
    }
    everywhere = bias.mean(axis=(0, 1))
    wide = off.mean(axis=(0, 1)).std(axis=0) / np.sqrt(seeds)  # the standard error of `everywhere`
    unbiased = bool(everywhere[0] > 2 * wide[0] and np.all(np.abs(everywhere[2:4]) < 2 * wide[2:4]))
    share = ", ".join(
        f"{fixed(100 * value)} ({fixed(100 * error)})" for value, error in zip(everywhere, wide, strict=True)
    )
    chosen = ", ".join(f"{value:.1%}" for value in picks.mean(axis=(0, 1)))
    folds = "with 2, 5, 10, 20 folds and leave-one-out"
    return [
        (
            "deeper/splits_folds",
            replicated(
                16,
                "Kohavi 1995, bias (full)",
                claim="Cross-validation is pessimistic, especially with two and five folds; most estimates"
                " are reasonably good with ten and almost unbiased with twenty.",
                ours=f"mean bias in points (and its standard error) {folds}: {share}; with two folds surely"
                f" above 0 and twice that of ten in {falls} of {settings} settings, larger than with ten in"
                f" {less}",
                rule=Rule(
                    "in 10 of 12 settings the bias with two folds is above 0 by two standard errors, and at"
                    " least twice that with ten; the order alone: larger than with ten in 10 of 12",
                    falls >= 10,
                    order=less >= 10 or falls >= 10,
                    fixed="2026-11-29",
                ),
                others=[
                    Rule(
                        "the mean over the settings falls from 2 to 5 to 10 folds",
                        bool(np.all(np.diff(everywhere[:3]) < 0)),
                        fixed="2026-11-29",
                    ),
                    Rule(
                        "the mean over the settings is above 0 by two standard errors with two folds, and"
                        " within two of 0 with ten and twenty",
                        unbiased,
                        seen="2026-11-29",
                    ),
                ],
                **told,
            ),
        ),
        (
            "deeper/splits_folds",
            replicated(
                16,
                "Kohavi 1995, choice (full)",
                claim="For choosing a model the paper recommends ten stratified folds, even over more:"
                " leave-one-out is almost unbiased, but its estimates vary more.",
                ours=f"the better learner is chosen {folds} in {chosen} of {ahead.size} training sets; in"
                f" {settings} settings the estimate's standard deviation is smaller with ten folds than with"
                f" leave-one-out in {narrower}, that of estimate minus truth in {steadier}",
                measure=(
                    "bias and standard deviation of the estimates",
                    "how often the better learner is chosen; the spread of estimate minus truth",
                ),
                rule=Rule(
                    "the estimate's standard deviation is smaller with ten folds than with leave-one-out in 9"
                    " of 12 settings",
                    narrower >= 9,
                    seen="2026-11-29",
                ),
                others=[
                    Rule(
                        "ten folds choose the better learner more often, over all training sets by two"
                        " standard errors; the order alone: more often",
                        surely,
                        order=bool(ahead.mean() > 0),
                        fixed="2026-11-29",
                    ),
                    Rule(
                        "estimate minus truth spreads less with ten folds than with leave-one-out in 9 of 12"
                        " settings",
                        steadier >= 9,
                        fixed="2026-11-29",
                    ),
                    Rule(
                        "leave-one-out does not choose better by two standard errors",
                        bool(ahead.mean() > -2 * ahead.std() / np.sqrt(ahead.size)),
                        fixed="2026-11-29",
                    ),
                ],
                **told,
            ),
        ),
    ]
