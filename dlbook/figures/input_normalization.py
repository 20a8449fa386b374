"""Input normalization: what does a feature's unit do to distances, descent and training?"""

import numpy as np

from dlbook.explorer.numbers import count, fixed, listed, number, percent, plain
from dlbook.explorer.style import band, name_lines, palette

COLOURS = {
    "as given": palette["none"],
    "0 to 255": palette["none"],
    "min-max": palette["orange"],
    "0 to 1": palette["orange"],
    "channel z-score": palette["green"],
    "z-score": palette["blue"],
    "whitened": palette["green"],
    "quartiles": palette["green"],
}
"""One colour per way of scaling, the same in all figures of the chapter."""

STEEP, FLAT = palette["purple"], palette["cyan"]


def draw_units(ax, *, accuracy):
    """Accuracy of the nearest neighbour by the unit of one feature: a sweep over `scaler` and `unit`."""
    scalers, units = accuracy.axes["scaler"], accuracy.axes["unit"]
    for name in scalers:
        band(ax, units, 100 * accuracy.at(scaler=name).values.T, color=COLOURS[name], label=name)
    ax.set(xscale="log", ylim=(50, 101), xlabel="second feature multiplied by", ylabel="test accuracy, %")
    ax.set_xlim(units[0], units[-1] * 4.5)
    ax.set_xticks(units, map(plain, units))
    ax.minorticks_off()
    name_lines(ax)
    (first, *_, last), *scaled = accuracy.median
    kept = [f"{percent(a[-1])} ({name})" for name, a in zip(scalers[1:], scaled, strict=True)]
    return (
        f"The nearest neighbour is right on {percent(first)} of the test examples, with the second feature "
        f"multiplied by {plain(units[-1])} on {percent(last)}; after scaling it is still right on "
        f"{listed(kept)} (medians over {len(accuracy.seeds)} seeds)."
    )


def draw_bowl(figure, *, ratio, scaler, rate, bowls, limit=1000):
    """The contours of the loss with the path of descent, and each axis's factor per step by the rate.

    `bowls` is a sweep over `ratio` and `scaler`: the ``hessian`` of the loss, and the ``best`` weights.
    Descent starts at 0.
    """
    hessian, best = (bowls.at(ratio=ratio, scaler=scaler)[part] for part in ("hessian", "best"))
    flat, steep = np.linalg.eigvalsh(hessian)
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    w1, w2 = np.meshgrid(np.linspace(-1, 4.2, 120), np.linspace(-1.3, 2.4, 120))
    _contours(left, w1, w2, hessian, best, np.zeros(2))
    path, steps = _descent(hessian, best, rate, limit)
    shown = _inside(path[:61], (-1, 4.2), (-1.3, 2.4))
    left.plot(*shown.T, "o-", color=COLOURS[scaler], markersize=3.5, linewidth=1.4)
    left.plot(0, 0, "o", color=palette["ink"], markersize=6)
    left.plot(*best, "*", color=palette["ink"], markersize=12)
    left.set(xlim=(-1, 4.2), ylim=(-1.3, 2.4), xlabel="$w_1$", ylabel="$w_2$", title=f"scales 1 : {ratio:g}")
    rates = np.geomspace(0.03, 6, 300)
    for value, colour, name in ((steep, STEEP, "steep"), (flat, FLAT, "flat")):
        right.plot(rates, np.abs(1 - rates * value), color=colour, label=name)
        here = abs(1 - rate * value)
        marker = "^" if here > 1.55 else "o"
        right.plot(np.clip(rate, 0.03, 6), min(here, 1.55), marker, color=colour, markersize=9, clip_on=False)
    right.axhline(1, color=palette["reference"], linestyle="--", linewidth=1.2)
    right.axvline(rate, color=palette["reference"], linewidth=1)
    right.set(
        xscale="log", xlim=(0.03, 6), ylim=(0, 1.9), xlabel="learning rate", title="error kept per step"
    )
    right.set_yticks([0, 0.5, 1, 1.5])
    right.set_xticks([0.03, 0.1, 0.3, 1, 4], ["0.03", "0.1", "0.3", "1", "4"])
    right.minorticks_off()
    box = {"frameon": True, "facecolor": palette["ground"], "edgecolor": "none", "framealpha": 1}
    right.legend(loc="upper left", ncols=2, borderaxespad=0, **box)
    failures = {None: f"is not at 1% of its first excess loss after {limit:,} steps", np.inf: "diverges"}
    arrives = f"is at 1% of its first excess loss after {_steps(steps or 0)}"
    return (
        f"Scales 1 : {ratio:g}, {scaler}: condition number {number(steep / flat)}, largest stable rate "
        f"{number(2 / steep)}; the best rate for the flat axis alone is {number(1 / flat)}. At the rate "
        f"{plain(rate)} descent {failures.get(steps, arrives)}."
    )


def draw_correlation(figure, *, steps, points):
    """Two correlated features, z-scored and whitened, and the steps that each needs.

    `steps` is a sweep over `change` and the correlation `rho`.
    ``points[change]``, of shape (m, 2), has the last correlation but one.
    """
    changes, correlation = steps.axes.values()
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))
    for name, x in points.items():
        left.plot(*np.transpose(x), ".", color=COLOURS[name], markersize=4, alpha=0.8)
    left.set(xlim=(-3.6, 3.6), ylim=(-3.6, 3.6), xlabel="first feature", ylabel="second feature")
    left.set_title(f"correlation {correlation[-2]:g}")
    place = np.arange(len(correlation))
    for name in changes:
        runs = steps.at(change=name).values.T
        band(right, place, runs, color=COLOURS[name], marker="o", label=name)
    right.set_xticks(place, map(plain, correlation))
    right.set(xlabel="correlation", ylabel="steps")
    right.set(yscale="log", ylim=(0.7, 1000), xlim=(-0.2, len(place) + 0.9))
    right.minorticks_off()
    name_lines(right)
    ends = [f"{_steps(n)} ({name})" for name, n in zip(changes, steps.median[:, -1], strict=True)]
    return (
        f"At a correlation of {correlation[-1]:g} descent takes {listed(ends)} "
        f"(medians over {len(steps.seeds)} seeds)."
    )


def draw_offset(figure, *, offset, steps, data):
    """A line on its way to the data, and the same in the plane of weight and bias.

    `data` is a sweep over `offset` of the points, x and y. The rate is 1 / λ_max, half of the largest stable
    one, so that nothing zigzags.
    """
    x, y = data.at(offset=offset)
    design = np.stack([x, np.ones_like(x)], axis=1)
    hessian = 2 * design.T @ design / len(x)
    best = np.linalg.solve(hessian, 2 * design.T @ y / len(x))
    flat, steep = np.linalg.eigvalsh(hessian)
    path, needed = _descent(hessian, best, 1 / steep, 20_000)
    at = path[min(steps, len(path) - 1)]
    left, right = figure.subplots(1, 2)
    left.plot(x, y, ".", color=palette["reference"], markersize=4)
    ends = np.array([-3.0, 7.0])
    left.plot(ends, best[0] * ends + best[1], "--", color=palette["ink"], linewidth=1.2, label="best line")
    left.plot(ends, at[0] * ends + at[1], color=palette["model"], label="line so far")
    left.set(xlim=(-3, 7), ylim=(-2.5, 5.5), xlabel="$x$", ylabel="$y$", title="the data")
    left.legend(loc="upper left")
    w, b = np.meshgrid(np.linspace(-0.8, 2.2, 120), np.linspace(-4, 2.2, 120))
    _contours(right, w, b, hessian, best, np.zeros(2))
    right.plot(*path[: steps + 1].T, "o-", color=palette["model"], markersize=3.5, linewidth=1.4)
    right.plot(*at, "o", color=palette["model"], markersize=8)
    right.plot(*best, "*", color=palette["ink"], markersize=12)
    right.set(xlim=(-0.8, 2.2), ylim=(-4, 2.2), xlabel="weight $w$", ylabel="bias $b$", title="the loss")
    left_over = _quadratic(hessian, at - best) / _quadratic(hessian, best)
    return (
        f"Mean {offset:g}, condition number {number(steep / flat)}: after {_steps(steps)} the line is "
        f"{_line(at)} (best {_line(best)}) and {_share(left_over)} of the excess loss is left; "
        f"1% takes {_steps(needed or np.inf)}."
    )


def draw_outlier(ax, *, scaler, times, values, scalers):
    """Where ordinary values land with and without one outlier, `times` the largest of them.

    ``scalers[scaler]`` is a function from the values to their (shift, scale).
    """
    values = np.asarray(values, float)
    width, jitter = {}, 0.3 * np.sin(2.4 * np.arange(len(values)) ** 2)
    cases = {"with": np.append(values, times * values.max()), "without": values}
    for row, (name, seen) in enumerate(cases.items()):
        shift, scale = scalers[scaler](seen)
        if not scale > 0:
            raise ValueError(f"values must differ, or {scaler} divides by 0; got {len(values)} alike")
        z = (seen - shift) / scale
        ordinary = z[: len(values)]
        width[name] = np.ptp(ordinary)
        colour = COLOURS[scaler] if name == "with" else palette["reference"]
        ax.plot(ordinary, row + jitter, "o", color=colour, markersize=5, alpha=0.8)
        if name == "with":
            outlier = z[-1]
            at, marker = min(outlier, 6.2), ">" if outlier > 6.2 else "D"
            ax.plot(at, row, marker, color=palette["error"], markersize=9)
            style = {"ha": "right" if outlier > 3 else "left", "color": palette["error"]}
            ax.annotate(f"the outlier, at {number(outlier)}", (at, row + 0.2), **style)
    ax.set(xlim=(-3, 6.5), ylim=(-0.6, 1.6), xlabel="after scaling", title=scaler)
    ax.set_yticks([0, 1], ["with\noutlier", "without"])
    ax.grid(axis="y", visible=False)
    return (
        f"{scaler.capitalize()}, outlier {times:g} times the largest of {len(values)} ordinary values: it "
        f"lands at {number(outlier)}, and the ordinary values keep "
        f"{_share(width['with'] / width['without'])} of their width."
    )


def draw_rates(figure, *, runs):
    """Test accuracy by learning rate; ``runs[optimizer]`` is a sweep over `scaling` and `lr`."""
    axes = figure.subplots(1, len(runs), sharey=True, squeeze=False)[0]
    parts = []
    for ax, (optimizer, accuracy) in zip(axes, runs.items(), strict=True):
        scalings, tried = accuracy.axes.values()
        for scaling in scalings:
            by_rate = 100 * accuracy.at(scaling=scaling).values.T
            band(ax, tried, by_rate, color=COLOURS[scaling], label=scaling)
        ax.set(xscale="log", ylim=(0, 85), xlim=(tried[0], tried[-1]))
        ax.set(xlabel="learning rate", title=optimizer)
        ax.set_xticks(10.0 ** np.arange(np.ceil(np.log10(tried[0]) + 0.1), np.log10(tried[-1]) + 0.1))
        ax.minorticks_off()
        best = zip(scalings, accuracy.median.max(axis=1), strict=True)
        parts.append(f"{optimizer} {', '.join(f'{percent(share)} ({scaling})' for scaling, share in best)}")
    axes[0].set_ylabel("test accuracy, %")
    axes[0].legend(loc="upper left")
    return f"Median test accuracy at the best rate: {'; '.join(parts)}; {len(accuracy.seeds)} seeds."


def _quadratic(hessian, error):
    return error @ hessian @ error / 2


def _descent(hessian, best, rate, limit):
    """Descend from 0: the path, and the steps to 1% of the excess loss (inf: diverged, None: not yet)."""
    w = np.zeros(len(best))
    start = _quadratic(hessian, w - best)
    path, steps = [w], None
    for t in range(1, limit + 1):
        w = w - rate * hessian @ (w - best)
        path.append(w)
        excess = _quadratic(hessian, w - best)
        if not excess < 1e6 * start:
            return np.array(path[:-1]), np.inf
        if steps is None and excess <= 0.01 * start:
            steps = t
        if steps is not None and t >= 200:
            break
    return np.array(path), np.inf if steps is None and excess > start else steps


def _contours(ax, x, y, hessian, best, start):
    error = np.stack([x - best[0], y - best[1]], axis=-1)
    loss = np.einsum("...i,ij,...j->...", error, hessian, error) / 2
    levels = _quadratic(hessian, start - best) * np.array([0.01, 0.1, 0.4, 1, 2.5, 6, 15])
    ax.contour(x, y, loss, levels, colors=palette["reference"], linewidths=0.9, alpha=0.8)
    ax.grid(visible=False)


def _inside(path, x, y):
    """The path up to the first point outside the window: the line leaves the picture where descent does."""
    out = ~((path[:, 0] >= x[0]) & (path[:, 0] <= x[1]) & (path[:, 1] >= y[0]) & (path[:, 1] <= y[1]))
    return path[: np.flatnonzero(out)[0] + 1] if out.any() else path


def _steps(needed):
    return count(round(needed), "step") if np.isfinite(needed) else "more steps than were tried"


def _share(share):
    return f"{number(100 * share)}%" if share > 1e-4 else "less than 0.01%"


def _line(weights):
    slope, bias = weights
    return f"{fixed(slope, 2)} x {'−' if bias < 0 else '+'} {abs(bias):.2f}"
