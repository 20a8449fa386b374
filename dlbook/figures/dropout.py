"""Dropout and augmentation: when does dropout help, what does its spread know, which changes help?"""

import numpy as np

from dlbook.explorer.numbers import count, fixed, percent
from dlbook.explorer.style import band, palette
from dlcore.search import spread


def draw_small_sets(figure, *, examples, wrong, p, runs):
    """Test error by step with and without dropout, and what dropout gains by the size of the training set.

    `runs` is a sweep over `examples`, `wrong` (the share of random labels) and `p`, with 0 among its values;
    each run is a dict from the step to the errors of its seeds.
    """
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    steps = list(runs.at(examples=examples, wrong=wrong, p=p))
    for share, meaning, label in ((0, "none", "no dropout"), (p, "dropout", f"p = {p:g}")):
        run = runs.at(examples=examples, wrong=wrong, p=share)
        errors = 100 * np.array([run[step] for step in steps]).T
        band(left, steps, errors, color=palette[meaning], label=label)
    left.set(xscale="log", xlim=(steps[0], steps[-1]), ylim=(15, 60), xlabel="step", ylabel="test error, %")
    left.set_xticks(steps, [f"{step:g}" for step in steps])
    left.minorticks_off()
    left.legend(loc="upper right")
    sizes = runs.axes["examples"]
    for share in runs.axes["wrong"]:
        gains = np.array([_gain(runs, m, share, p, steps[-1]) for m in sizes]).T
        label = f"{percent(share)} wrong labels" if share else "clean labels"
        band(right, sizes, gains, color=palette["red" if share else "blue"], label=label)
    here = np.median(_gain(runs, examples, wrong, p, steps[-1]))
    right.plot(examples, here, "o", color=palette["red" if wrong else "blue"], markersize=9)
    right.axhline(0, color=palette["reference"], linestyle="--", linewidth=1.2)
    right.set(
        xscale="log", xlim=(0.8 * sizes[0], 1.25 * sizes[-1]), ylim=(-9, 12), xlabel="training examples"
    )
    right.set_title("dropout's gain, points")
    right.set_yticks([-5, 0, 5, 10])
    right.set_xticks(sizes, [f"{m:,}" for m in sizes])
    right.minorticks_off()
    right.legend(loc="upper right")
    none, dropout = (
        np.median(runs.at(examples=examples, wrong=wrong, p=share)[steps[-1]]) for share in (0, p)
    )
    labels = f"{percent(wrong)} wrong labels" if wrong else "clean labels"
    return (
        f"{count(examples, 'example')}, {labels}: after {steps[-1]} steps the median test error is "
        f"{percent(none, 1)} without dropout and {percent(dropout, 1)} with p = {p:g}; the median gain in "
        f"the same seed is {fixed(here)} points."
    )


def _gain(runs, examples, wrong, p, step):
    """By how many points dropout is ahead in each seed."""
    none, dropout = (runs.at(examples=examples, wrong=wrong, p=share)[step] for share in (0, p))
    return 100 * (np.asarray(none) - np.asarray(dropout))


def draw_monte_carlo(figure, *, p, points, activation, runs, grid, truth, blocks):
    """One network's Monte-Carlo mean and spread, and the spread inside and outside the data by p.

    `runs` is a sweep over `p`, `points` and `activation`. Its outputs are ``x``, ``y``, ``mean``, ``spread``
    (one network, on the `grid`) and ``inside``, ``outside``, ``covered`` (of each network).
    """
    run = runs.at(p=p, points=points, activation=activation)
    left, right = figure.subplots(1, 2, width_ratios=(1.7, 1))
    mean, width = (np.nan_to_num(run[k], nan=99) for k in ("mean", "spread"))
    for start, end in blocks:
        left.axvspan(start, end, color=palette["grid"], linewidth=0)
    low, high = (np.clip(mean + k * width, -3.2, 4) for k in (-2, 2))
    left.fill_between(grid, low, high, color=palette["dropout"], alpha=0.25, linewidth=0)
    mean = np.where(abs(mean) < 4, mean, np.nan)
    left.plot(grid, mean, color=palette["dropout"], label="mean ± 2 spreads")
    left.plot(grid, truth, color=palette["truth"], linestyle=":", linewidth=1.6, label="truth")
    left.plot(run["x"], run["y"], "o", color=palette["truth"], markersize=4)
    left.set(xlim=(grid[0], grid[-1]), ylim=(-3.2, 5.2), xlabel="x", title=f"{activation}, one seed")
    left.legend(loc="upper center", ncols=2, columnspacing=1)
    shares = runs.axes["p"]
    for side, colour in (("outside", palette["highlight"]), ("inside", palette["dropout"])):
        values = runs[side].at(points=points, activation=activation).values.T
        band(right, shares, np.where(np.isfinite(values), values, 9), color=colour, label=side)
        right.plot(p, np.nan_to_num(np.median(run[side]), nan=9), "o", color=colour, markersize=9)
    right.set(xlim=(0, 1.05 * shares[-1]), ylim=(0, 1.4), xlabel="p", title="spread")
    right.legend(loc="upper left")
    inside, outside = np.median(run["inside"]), np.median(run["outside"])
    if not np.isfinite(inside + outside):
        return f"Dropout p = {p:g}, {points} points, {activation}: training diverged; nothing was measured."
    return (
        f"Dropout p = {p:g}, {points} points, {activation}: the spread is {inside:.2f} inside the data and "
        f"{outside:.2f} outside, {outside / inside:.1f} times as much; outside, mean ± 2 spreads holds the "
        f"truth at {percent(np.mean(run['covered']))} of the places."
    )


def draw_altered(figure, *, images):
    """One picture and what each augmentation makes of it; `images` maps a name to an array (h, w)."""
    axes = figure.subplots(2, (len(images) + 1) // 2).ravel()
    for ax in axes:
        ax.axis("off")
    for ax, (name, image) in zip(axes, images.items(), strict=False):
        ax.imshow(image, cmap="gray", vmin=0, vmax=1)
        ax.set_title(name, fontsize=10.5)
    return f"The same picture: {', '.join(images)}."


def draw_augmentation(ax, *, errors):
    """Test errors on ``plain`` and ``altered`` images: a sweep over `change`, the augmentation."""
    names, tests = errors.axes["change"], {"plain": "plain test images", "altered": "moved test images"}
    median = {}
    for k, (test, meaning, mark) in enumerate((("plain", "none", "o"), ("altered", "highlight", "D"))):
        low, median[test], high = spread(errors[test].values, axis=1)
        y = 0.13 - 0.26 * k - np.arange(len(names))
        ax.hlines(y, 100 * low, 100 * high, color=palette[meaning], linewidth=3, alpha=0.5)
        ax.plot(100 * median[test], y, mark, color=palette[meaning], label=tests[test])
    ax.set_yticks([-row for row in range(len(names))], names)
    ax.set(xlim=(20, 80), xlabel="test error, %")
    ax.legend(loc="upper center")
    plain_best, moved_best, worst = (
        median["plain"].argmin(),
        median["altered"].argmin(),
        median["plain"].argmax(),
    )
    return (
        f"Lowest on plain test images: {names[plain_best]} with {percent(median['plain'].min())} errors; on "
        f"moved ones: {names[moved_best]} with {percent(median['altered'].min())}. Highest on plain ones: "
        f"{names[worst]} with {percent(median['plain'].max())}."
    )
