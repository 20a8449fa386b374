"""Kunstner et al. (2024): is gradient descent slow on rare classes, and Adam not?

Softmax regression on random inputs whose labels are heavy-tailed, as in the authors' code: m groups of the
same number of examples, where group k has 2ᵏ classes; m·2ᵐ examples, (m + 1)·2ᵐ inputs from U(0, 1), all
examples in every step. The paper has m = 11, which its code lists beside smaller ones; this is m = 6. For
comparison, the same inputs with balanced classes.

The first seed chooses the rate of each method, from half decades as in the authors' code. At this size larger
rates go on helping both methods, to the last that we tried, since so many inputs tell the classes apart
without error: then no method has a best rate, and nothing is ranked. At lower rates, where training is not
over after as many steps, one can still see which classes are behind.
"""

import numpy as np

from dlbook.explorer.numbers import fixed, scientific
from dlbook.replications.verdicts import Rule, replicated
from dlcore.losses import softmax_cross_entropy
from dlcore.optimizers import SGD, Adam

AXES = {
    "arm": [
        f"{labels} {method} {rate:g}"
        for labels in ("heavy", "balanced")
        for method, rates in {
            "GD": [0.01, 0.03, 0.1, 0.3, 1, 3, 10],
            "Adam": [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1],
        }.items()
        for rate in rates
    ]
}
SEEDS = 4
CHECK = {"arm": "heavy Adam 0.01", "seed": 0}

GROUPS, STEPS = 6, 1000
EXAMPLES, CLASSES = GROUPS * 2**GROUPS, 2**GROUPS - 1
METHODS = {"GD": SGD, "Adam": Adam}
OVER = "Gradient descent's training is over at every rate"


def classes(kind):
    """The labels, in the order of their groups."""
    if kind == "balanced":
        return np.arange(GROUPS * 2**GROUPS) % (2**GROUPS - 1)
    labels, first = [], 0
    for k in range(GROUPS):
        labels.append(first + np.repeat(np.arange(2**k), 2 ** (GROUPS - k)))
        first += 2**k
    return np.concatenate(labels)


def run(seed, arm):
    """Return the loss at the end: of all, of the first group (one class) and of the last (pairs)."""
    labels, method, rate = (arm.split(" ") + ["", ""])[:3]
    if labels not in ("heavy", "balanced") or method not in METHODS:
        raise ValueError(f"arm must be heavy or balanced, GD or Adam and a rate, got {arm!r}")
    y = classes(labels)
    x = np.random.default_rng(seed).uniform(0, 1, (len(y), (GROUPS + 1) * 2**GROUPS)).astype(np.float32)
    theta, optimizer = np.zeros((x.shape[1], y.max() + 1), np.float32), METHODS[method](float(rate))
    for _ in range(STEPS):
        _, dz = softmax_cross_entropy(x @ theta, y)
        optimizer.step(theta, x.T @ dz)
    z = (x @ theta).astype(np.float64)
    top = z.max(axis=1)
    each = np.log(np.exp(z - top[:, None]).sum(axis=1)) + top - z[np.arange(len(y)), y]
    size = 2**GROUPS
    return {"loss": each.mean(), "frequent": each[:size].mean(), "rare": each[-size:].mean()}


def judged(runs, labels, method):
    """What a method reaches on all seeds but the first, which chooses its rate; and that rate's place.

    Returns
    -------
    losses : dict of arrays
        ``loss``, ``frequent``, ``rare``.
    place : str
        Of the rate in its grid: "first", "last" or "inside".
    """
    arms = [arm for arm in runs.axes["arm"] if arm.startswith(f"{labels} {method} ")]
    best = min(arms, key=lambda arm: runs["loss"].at(arm=arm)[0])
    losses = {part: runs[part].at(arm=best)[1:] for part in ("loss", "frequent", "rare")}
    return losses, {arms[0]: "first", arms[-1]: "last"}.get(best, "inside")


def at_the_edge(places, first="first", last="last", both="both"):
    """Which best rates are the first or the last of their grids, by method; "" where none is.

    Examples
    --------
    >>> at_the_edge({"SGD": "last", "Adam": "last"}), at_the_edge({"SGD": "inside", "Adam": "first"})
    ('the last rate of the grid is the best for both', 'the first rate of the grid is the best for Adam')
    """
    words = {"first": first, "last": last}
    at = {method: words[place] for method, place in places.items() if place != "inside"}
    if len(at) == 2 and len(set(at.values())) == 1:
        at = {both: next(iter(at.values()))}
    return " and ".join(f"the {place} rate of the grid is the best for {who}" for who, place in at.items())


def without_error(loss):
    """Whether mean losses are so small that no example can be wrong: one alone adds ln 2 to the sum.

    Examples
    --------
    >>> bool(without_error([0.001, 0.0018])), bool(without_error([0.001, 0.0019]))
    (True, False)
    """
    return np.max(loss) < np.log(2) / EXAMPLES


def ratio(above, below):
    """The median ratio of losses by seed, of those that have one: a seed with 0 for both has none.

    Infinite where the one below is 0 to rounding; NaN where no seed has a ratio.

    Examples
    --------
    >>> ratio(np.array([0.0, 2.0]), np.array([4.0, 1.0])), ratio(np.array([0.0, 2.0]), np.array([0.0, 1.0]))
    (1.0, 2.0)
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = above / below
    known = ratios[~np.isnan(ratios)]
    return float(np.median(known)) if len(known) else np.nan


def rare_by_frequent(runs, method):
    """At each rate, with heavy-tailed classes: the mean loss, and the rarest classes' to the first's.

    Medians over the judged seeds.
    """
    found = {}
    for arm in runs.axes["arm"]:
        if arm.startswith(f"heavy {method} "):
            loss, frequent, rare = (runs[part].at(arm=arm)[1:] for part in ("loss", "frequent", "rare"))
            found[float(arm.split(" ")[2])] = float(np.median(loss)), ratio(rare, frequent)
    return found


def at_the_best_rates(runs):
    """With heavy-tailed classes, each method at its best rate.

    Returns
    -------
    gd, adam : dict of arrays
        Their losses, as `judged` gives them.
    places : dict
        Those of the best rates in their grids, by the method's name.
    apart : bool
        Whether both tell all examples apart without error.
    """
    (gd, gd_place), (adam, adam_place) = (judged(runs, "heavy", method) for method in METHODS)
    places = {"gradient descent": gd_place, "Adam": adam_place}
    return gd, adam, places, bool(without_error([gd["loss"], adam["loss"]]))


def replications(runs):
    """Row 25: each method at the rate that the first seed chooses, judged on the other seeds."""
    gd, adam, places, apart = at_the_best_rates(runs)
    even = {method: judged(runs, "balanced", method)[0]["loss"] for method in METHODS}
    ahead = bool(np.all(adam["loss"] < gd["loss"]))
    slow = bool(np.all(gd["rare"] > 2 * gd["frequent"]) and np.all(adam["rare"] <= 2 * adam["frequent"]))
    wider = ratio(gd["loss"], adam["loss"]) > ratio(even["GD"], even["Adam"])
    edge = at_the_edge(places)
    inside = not edge
    told = f", and at its best rate each method tells the {CLASSES} classes apart without error"
    found = replicated(
        25,
        "Kunstner et al. 2024, linear model",
        key="kunstner2024",
        claim="With heavy-tailed classes gradient descent is slow on the rare ones and Adam is not, on a"
        " linear model with all data in every step.",
        data=("22,528 random inputs, 2,047 classes", f"{EXAMPLES:,} random inputs, {CLASSES:,} classes"),
        network="softmax regression from 0",
        optimizer=(
            "gradient descent and Adam on all data, each at its best rate of a grid of half decades",
            "the same" if inside else f"the same, but {edge}: not tuned",
        ),
        length=(1000, STEPS, "steps"),
        seeds=(3, len(gd["loss"])),
        ours=f"at the best rates, {'inside' if inside else 'at the edge of'} the grid, gradient descent has a"
        f" loss of {_told(gd)} and Adam of {_told(adam)}. {_behind(runs)}",
        rule=Rule(
            "both best rates inside the grid, Adam's loss lower in every seed, and only gradient descent's on"
            " the rarest classes more than twice its loss on the most frequent one",
            inside and ahead and slow,
            order=inside and ahead,
            seen="2026-11-29",
        ),
        others=[
            Rule(
                "the same without the condition on the rates", ahead and slow, order=ahead, fixed="2026-11-29"
            ),
            Rule(
                "this, and the ratio of the two losses larger than with balanced classes",
                ahead and slow and wider,
                order=ahead and wider,
                seen="2026-11-29",
            ),
        ],
        run="python -m dlbook.replications.full heavy_tails",
        undecided=edge and edge + told * apart,
    )
    return [("transformer", found)]


def in_words(runs):
    """The same as its page says it: why nothing is ranked, where that is so, and which classes are behind."""
    *losses, places, apart = at_the_best_rates(runs)
    gd, adam = (float(np.median(method["loss"])) for method in losses)
    edge = at_the_edge(places, "smallest", "largest", "both methods")
    if not edge:
        return (
            f"On the heavy-tailed classes gradient descent ends at a loss of {scientific(gd)} and Adam at"
            f" {scientific(adam)}."
        )
    told = f"At this size the control decides nothing. On the heavy-tailed classes {edge}"
    if apart:
        most = max(gd, adam)
        ends = f"below {scientific(10 ** (np.floor(np.log10(most)) + 1))}" if most else "of 0"
        told += f", and both end at a loss {ends}: so many inputs tell {CLASSES} classes apart without error"
    early, of_adam = behind(runs)
    if not early:
        return f"{told}. The paper has 2,047 classes. {OVER}."
    return (
        f"{told}. The paper has 2,047 classes. At the rates at which gradient descent is not done (a loss"
        f" above 0.1), its loss on the rarest classes is {_between(early)}. Adam's is {_at_most(of_adam)}."
    )


def behind(runs):
    """By rate, how many times the loss on the most frequent class that on the rarest ones is.

    Returns
    -------
    early, adam : dict
        With gradient descent at the rates at which its training is not over, a loss above 0.1; with Adam at
        all. NaN where both losses are 0.
    """
    gd, adam = (rare_by_frequent(runs, method) for method in METHODS)
    early = {rate: times for rate, (loss, times) in gd.items() if loss > 0.1}
    return early, {rate: times for rate, (_, times) in adam.items()}


def _behind(runs):
    """Which classes are behind where gradient descent's training is not over, and with Adam."""
    early, adam = behind(runs)
    if not early:
        return OVER
    return (
        f"Where gradient descent's training is not over (a loss above 0.1: rates {min(early):g} to"
        f" {max(early):g}), its loss on the rarest classes is {_between(early)}; Adam's is {_at_most(adam)}"
    )


def _between(times):
    known = _known(times)
    if not known:
        return "0, as on the most frequent one"
    where = "" if len(known) == len(times) else ", where it is not 0 on both"
    low, high = (fixed(end) if np.isfinite(end) else "infinitely many" for end in (min(known), max(known)))
    span = low if low == high else f"{low} to {high}"
    return f"{span} times that on the most frequent one{where}"


def _at_most(times):
    known = _known(times)
    if not known:
        return "0 on both at every rate"
    where = "" if len(known) == len(times) else " at which it is not 0 on both"
    return f"at most {fixed(max(known))} times, at every rate{where}"


def _known(times):
    """The ratios that there are. 0 is one: the rarest classes are done and the most frequent one is not."""
    return [value for value in times.values() if not np.isnan(value)]


def _told(losses):
    loss, frequent, rare = (np.median(losses[part]) for part in ("loss", "frequent", "rare"))
    return f"{loss:.2g} ({frequent:.2g} on the most frequent class, {rare:.2g} on the rarest)"
