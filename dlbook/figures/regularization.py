"""Regularization: where are the corners, what pulls a weight to zero, when is it time to stop?"""

import numpy as np
from matplotlib.ticker import NullFormatter

from dlbook.explorer.numbers import count, fixed, percent, plain
from dlbook.explorer.style import band, look, name_lines, palette, shades
from dlcore.regularization import EarlyStopping

METHODS = {
    "none": ("no penalty", "none"),
    "L2": ("L2", "l2"),
    "L1": ("L1", "l1"),
    "early": ("early stopping", "purple"),
    "dropout": ("dropout", "dropout"),
}
"""What a method is called and which meaning its colour has."""


def draw_shrinkage(ax, *, factor, theory, measured):
    """Mean squared error of a shrunken estimate by factor: `theory` as a line, `measured` as dots."""
    ax.plot(factor, theory, color=palette["ink"], linewidth=1.6)
    ax.plot(factor, measured, "o", color=palette["l2"], markersize=6)
    best = int(np.argmin(measured))
    ax.plot(factor[best], measured[best], "o", markersize=13, markerfacecolor="none",
            markeredgecolor=palette["highlight"], markeredgewidth=2)  # fmt: skip
    ax.axvline(1, color=palette["reference"], linestyle="--", linewidth=1.2)
    ax.text(0.985, np.max(theory), "unbiased", ha="right", va="top", color=palette["muted"])
    ax.set(xlabel="the estimate is multiplied by", ylabel="mean squared error", xlim=(-0.03, 1.06))
    ax.set_ylim(0, 1.08 * np.max(theory))
    return (
        f"The unbiased estimate has the mean squared error {measured[-1]:.2f}; multiplied by "
        f"{factor[best]:.1f} it has {measured[best]:.2f}, the lowest of the {len(factor)} factors tried."
    )


def draw_balls(ax, *, powers, length):
    """The unit balls of several q; `length` maps each power to ‖(0.7, 0.7)‖ of that power."""
    for q, colour in zip(powers, shades(len(powers)), strict=True):
        ax.plot(*ball(q, 1.0).T, color=colour, label=f"q = {q:g}")
    ax.plot(0.7, 0.7, "o", color=palette["ink"])
    ax.set(xlim=(-1.3, 2.6), ylim=(-1.2, 1.2), aspect="equal", xlabel="w₁", ylabel="w₂")
    ax.set_xticks([-1, 0, 1])
    ax.set_yticks([-1, 0, 1])
    ax.legend(loc="center right")
    told = ", ".join(f"{length[q]:.2f} at q = {q:g}" for q in powers)
    return f"The curves are all points of length 1. The point (0.7, 0.7) has the length {told}."


def ball(q, size):
    """The points with |w₁|^q + |w₂|^q = size^q, as ``(n, 2)``; the corners are among them."""
    turn = np.linspace(0, 2 * np.pi, 1441)
    w = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    w[np.abs(w) < 1e-12] = 0
    largest = np.abs(w).max(axis=1, keepdims=True)
    if np.isinf(q):
        return size * w / largest
    return size * w / (largest[:, 0] * np.sum((np.abs(w) / largest) ** q, axis=1) ** (1 / q))[:, None]


def draw_corner(figure, *, q, strength, angle, solutions, target):
    """Loss, ball and solution in the plane; both weights by strength.

    `solutions` is a sweep over `q`, `strength` and `angle` of the loss's curvature ``H`` and the best weights
    ``w``; the loss alone is least at `target`.
    """
    strengths, path = solutions.axes["strength"], solutions["w"].at(q=q, angle=angle).values
    here = solutions.at(q=q, strength=strength, angle=angle)
    target, H, w = np.asarray(target), here["H"], here["w"]
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    a, b = np.meshgrid(np.linspace(-1.8, 2.6, 130), np.linspace(-1.8, 1.9, 110))
    d = np.stack([a - target[0], b - target[1]], axis=-1)
    loss = 0.5 * np.einsum("...i,ij,...j", d, H, d)
    height = 0.5 * (w - target) @ H @ (w - target)
    left.contour(a, b, loss, levels=[0.02, 0.15, 0.5, 1.1, 2], colors=[palette["grey"]], linewidths=0.9)
    if height > 1e-9:
        left.contour(a, b, loss, levels=[height], colors=[palette["ink"]], linewidths=1.8)
    size = np.sum(np.abs(w) ** q) ** (1 / q)
    if size > 0:
        edge = ball(q, size)
        colour = palette["l1"] if q <= 1 else palette["l2"]
        left.fill(*edge.T, color=colour, alpha=0.16, linewidth=0)
        left.plot(*edge.T, color=colour, linewidth=1.8)
    for line in (left.axhline, left.axvline):
        line(0, color=palette["muted"], linewidth=0.9)
    left.plot(*target, "+", color=palette["ink"], markersize=11, markeredgewidth=2)
    left.plot(*w, "o", color=palette["highlight"], markersize=9)
    left.set(xlim=(-1.8, 2.6), ylim=(-1.8, 1.9), aspect="equal", xlabel="w₁", ylabel="w₂")
    left.set_title("loss and ball")
    for k, style in enumerate(("-", "--")):
        colour = palette["ink"] if k == 0 else palette["brown"]
        right.plot(strengths, path[:, k], style, color=colour, marker="o", markersize=4, label=f"w{'₁₂'[k]}")
        right.plot(strength, w[k], "o", color=palette["highlight"], markersize=9)
    right.axhline(0, color=palette["muted"], linewidth=0.9)
    right.set(xlim=(0, 1.05 * max(strengths)), ylim=(-0.2, 1.7), xlabel="strength λ", title="the solution")
    right.legend(loc="upper right")
    zeros = int(np.sum(w == 0))
    ending = {0: f"neither weight is 0, the smaller is {np.min(np.abs(w)):.2f}",
              1: "one weight is exactly 0", 2: "both weights are exactly 0"}[zeros]  # fmt: skip
    return (
        f"Power q = {q:g}, strength {strength:g}, loss turned by {plain(angle)}°: the solution is "
        f"({fixed(w[0], 2)}, {fixed(w[1], 2)}); {ending}."
    )


_PULLS = {
    "L2": (look("l2") | {"linestyle": "-"}, "L2"),
    "subgradient": ({"color": palette["l1"], "linestyle": "--"}, "L1, subgradient"),
    "proximal": ({"color": palette["red"], "linestyle": "-"}, "L1, proximal"),
}


def draw_pull(figure, *, steps, results):
    """The penalty's pull by weight, and the weight's size by step, so far.

    `results` holds ``strength``, ``target`` and ``w``: a path of one weight for each of `_PULLS`.
    """
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.3))
    size, strength = np.linspace(0, 1, 50), results["strength"]
    left.plot(size, strength * size, color=palette["l2"])
    left.plot(size, np.full(50, strength), color=palette["l1"])
    for name, pull in (("L2", lambda w: strength * w), ("subgradient", lambda w: strength)):
        w = np.clip(np.nan_to_num(abs(results["w"][name][steps]), nan=1.0), 0, 1)
        left.plot(w, pull(w), "o", color=_PULLS[name][0]["color"], markersize=10)
    left.text(0.98, 1.06 * strength, "L1", color=palette["l1"], ha="right")
    left.text(0.6, 0.47 * strength, "L2", color=palette["l2"], ha="right")
    left.set(xlim=(0, 1), ylim=(0, 1.3 * strength), xlabel="|w|", title="the penalty's pull")
    floor = 1e-4
    for name, (style, label) in _PULLS.items():
        w = np.abs(results["w"][name][: steps + 1])
        w = np.where(np.isfinite(w), np.clip(w, floor, 10), 10)
        right.plot(np.arange(steps + 1), w, **style, label=label, linewidth=1.8)
        right.plot(steps, w[-1], "o", color=style["color"], markersize=7, clip_on=False)
    right.set(yscale="log", xlim=(0, len(results["w"]["L2"]) - 1), ylim=(floor, 30), xlabel="step")
    right.set_yticks([floor, 1e-3, 1e-2, 0.1, 1], ["0", "0.001", "0.01", "0.1", "1"])
    right.yaxis.set_minor_formatter(NullFormatter())
    right.set_title("|w|")
    right.legend(loc="upper right")
    now = {name: results["w"][name][steps] for name in _PULLS}
    if not all(np.isfinite(w) and abs(w) < 10 for w in now.values()):
        return f"After {count(steps, 'step')} a path has diverged and is drawn at the upper edge."
    told = {name: fixed(w, 3) for name, w in now.items()}
    told["proximal"] = "exactly 0" if now["proximal"] == 0 else told["proximal"]
    return (
        f"After {count(steps, 'step')}: with L2 the weight is {told['L2']}, with L1 and plain subgradient "
        f"steps {told['subgradient']}, with proximal steps {told['proximal']}."
    )


def draw_wave(figure, *, x, y, grid, wave, fits, sizes):
    """Row 13: one network's fit by method, and the share of weights below any threshold.

    `fits` maps a method to its output on `grid`, `sizes` to the weights' absolute values ``(seeds,
    weights)``.
    """
    left, right = figure.subplots(2, 1, height_ratios=(1, 1))
    left.plot(grid, wave, color=palette["truth"], linestyle=":", linewidth=1.6, label="test: 4 sin(x)/π")
    left.plot(x, y, "o", color=palette["truth"], markersize=4)
    for name, fit in fits.items():
        title, meaning = METHODS[name]
        shown = np.clip(np.nan_to_num(fit, nan=9), -1.8, 1.8)
        left.plot(grid, shown, color=palette[meaning], linewidth=1.7, label=title)
    left.set(xlim=(0, 2 * np.pi), ylim=(-2.1, 1.8), xlabel="x", title="one seed's fits, 25 training points")
    left.legend(loc="lower left", ncols=2, fontsize=9.5, columnspacing=1)
    threshold = np.logspace(-5, 0.5, 80)
    for name, w in sizes.items():
        title, meaning = METHODS[name]
        share = 100 * np.mean(np.asarray(w)[:, None, :] <= threshold[:, None], axis=2)
        band(right, threshold, share, color=palette[meaning], label=title)
    right.axvline(0.01, color=palette["reference"], linestyle="--", linewidth=1.2)
    right.set(xscale="log", xlim=(1e-5, 200), ylim=(0, 102), xlabel="threshold", ylabel="% of weights below")
    right.set_xticks([1e-5, 1e-4, 1e-3, 0.01, 0.1, 1], ["10⁻⁵", "10⁻⁴", "0.001", "0.01", "0.1", "1"])
    right.minorticks_off()
    name_lines(right)
    below = {name: np.median(np.mean(np.asarray(w) <= 0.01, axis=1)) for name, w in sizes.items()}
    told = ", ".join(f"{METHODS[name][0]} {percent(share)}" for name, share in below.items())
    return f"Weights of absolute value at most 0.01, median over {len(w)} seeds: {told}."


def stopped(validation, patience):
    """Return (look at which early stopping stops, look whose weights it hands back) for one run."""
    stopping = EarlyStopping(patience)
    at = next((i for i, loss in enumerate(validation) if stopping.update(float(loss))), len(validation) - 1)
    return at, stopping.best_step


def draw_stopping(figure, *, patience, noise, results):
    """One run's curves with its stop, and the fit handed back beside the last one.

    ``results[noise]`` holds ``train``, ``validation``, ``test`` of shape ``(seeds, looks)``, and of seed 0
    ``fits`` (looks, grid), ``x``, ``y``; ``results`` also ``grid``, ``truth``, ``epochs`` (of each look).
    """
    run, epochs = results[noise], np.asarray(results["epochs"])
    stops = [stopped(v, patience) for v in run["validation"]]
    stop, best = stops[0]
    left, right = figure.subplots(1, 2, width_ratios=(1.3, 1))
    top = 3.0
    for name in ("train", "validation"):
        curve = np.nan_to_num(np.asarray(run[name][0], float), nan=top, posinf=top)
        left.plot(epochs, curve, color=palette[name], alpha=0.3, linewidth=1.4)
        left.plot(epochs[: stop + 1], curve[: stop + 1], color=palette[name], label=name)
    left.axvline(epochs[stop], color=palette["reference"], linestyle="--", linewidth=1.4)
    lowest = min(run["validation"][0][best], top)
    left.plot(epochs[best], lowest, "o", color=palette["highlight"], markersize=9)
    left.set(yscale="log", ylim=(0.002, top), xlim=(0, epochs[-1]), xlabel="epoch", title="squared error")
    left.set_yticks([0.01, 0.1, 1], ["0.01", "0.1", "1"])
    left.yaxis.set_minor_formatter(NullFormatter())
    left.legend(loc="upper right")
    right.plot(results["grid"], results["truth"], color=palette["truth"], linestyle=":", linewidth=1.6)
    right.plot(run["x"], run["y"], "o", color=palette["train"], markersize=4)
    for at, meaning, label in ((-1, "single", "at the end"), (best, "highlight", "handed back")):
        fit = np.clip(np.nan_to_num(run["fits"][at], nan=9), -2.6, 2.6)
        right.plot(results["grid"], fit, color=palette[meaning], linewidth=1.8, label=label)
    right.set(xlim=(-3, 3), ylim=(-2.6, 3.6), xlabel="x", title="the fit")
    right.legend(loc="upper left", fontsize=9.5)
    rows, test = np.arange(len(stops)), np.asarray(run["test"])
    handed = np.median(test[rows, [b for _, b in stops]])
    where = f"stops at epoch {epochs[stop]}" if stop < len(epochs) - 1 else f"runs to epoch {epochs[stop]}"
    return (
        f"Noise {noise:g}, patience {patience}: this run {where} and hands back epoch {epochs[best]}. Test "
        f"error, median over {len(stops)} seeds: {handed:.3f} handed back, {np.median(test[:, -1]):.3f} at "
        "the end."
    )
