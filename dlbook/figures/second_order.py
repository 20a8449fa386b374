"""Second-order methods: what do their steps, their lines, their saddles and their noise look like?"""

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from dlbook.explorer.numbers import capital, count, fixed, number, percent, superscript
from dlbook.explorer.style import band, look, name_lines, palette

KINDS = ("minimum", "saddle", "maximum", "nowhere")
"""What a start leads to, in the order of the numbers on the map of basins."""

BASINS = ("#2f9e77", "#d9822b", "#cf4a5c", "#9aa3ad")
"""Colours of the map of basins and of its legend, the same in both themes: a map is a raster picture, whose
colours cannot follow the theme, so those of the legend must not follow it either."""

FLOOR = 1e-12
"""Below this a loss is rounding: drawn at the lower edge, and told as "below 10⁻¹²"."""

_LINES = {
    "gradient descent": look("sgd"),
    "Newton": look("newton"),
    "damped Newton": {"color": palette["newton"], "linestyle": "--"},
    "SGD": look("sgd"),
    "momentum": look("momentum"),
    "Adam": look("adam"),
    "L-BFGS": {"color": palette["lbfgs"], "linestyle": "-"},
    "L-BFGS, new batches": look("lbfgs"),
    "L-BFGS, same batch": {"color": palette["lbfgs"], "linestyle": "-"},
}


def order(x):
    """Return a positive number as people say it: two digits down to 0.001, a power of ten below.

    Examples
    --------
    >>> order(0.0234), order(3e-7), order(1e-20), order(float("inf"))
    ('0.023', 'about 10⁻⁷', 'below 10⁻¹²', 'beyond all bounds')
    """
    if not np.isfinite(x) or x > 1e6:
        return "beyond all bounds"
    if x < FLOOR:
        return "below 10⁻¹²"
    if x < 1e-3:
        return f"about 10{superscript(np.floor(np.log10(x)))}"
    return number(x) if x < 100 else fixed(x, 0)


def draw_parabola(ax, *, start):
    """The double well x⁴/4 − x²/2, its parabola at `start`, and where the parabola is flat."""

    def f(x):
        return x**4 / 4 - x**2 / 2

    slope, curvature = start**3 - start, 3 * start**2 - 1
    x = np.linspace(-2.2, 2.2, 221)
    ax.plot(x, f(x), color=palette["truth"], label="f")
    parabola = f(start) + slope * (x - start) + curvature * (x - start) ** 2 / 2
    ax.plot(x, parabola, color=palette["newton"], linestyle="--", label="its parabola")
    ax.plot(start, f(start), "o", color=palette["ink"], markersize=8)
    end = start - slope / curvature
    bottom = f(start) - slope**2 / curvature / 2
    ax.plot(end, bottom, "x", color=palette["newton"], markersize=9, markeredgewidth=2.5)
    ax.plot(end, f(end), "o", color=palette["newton"], markersize=8)
    ax.plot([end, end], [bottom, f(end)], ":", color=palette["newton"], linewidth=1.4)
    ax.set(xlim=(-2.2, 2.2), ylim=(-0.75, 1.6), xlabel="x", ylabel="f(x)")
    ax.legend(loc="upper center")
    change = f(end) - f(start)
    went = "stays" if abs(change) < 1e-9 else f"goes {'up' if change > 0 else 'down'} by {abs(change):.2f}"
    opens = "upwards" if curvature > 0 else "downwards"
    return (
        f"From x = {fixed(start, 2)}, slope {fixed(slope, 2)} and curvature {fixed(curvature, 2)}: the "
        f"parabola opens {opens}, its flat point is at {fixed(end, 2)}, and f {went}."
    )


def draw_paths(figure, *, function, method, steps, runs):
    """A path of at most `steps` steps on the map, and loss against evaluations for all methods.

    ``runs[function]`` has ``x``, ``y``, ``z`` (the surface) and ``paths``: method to ``theta`` (k + 1, 2),
    ``loss`` and ``evaluations`` (k + 1), and ``end``, what the last point is.
    """
    run = runs[function]
    ax, curves = figure.subplots(1, 2)
    z = np.asarray(run["z"], float)
    ax.contour(run["x"], run["y"], z, levels=np.geomspace(z.max() * 1e-5, z.max(), 13),
               colors=palette["reference"], linewidths=0.7)  # fmt: skip
    path = run["paths"][method]
    theta = np.clip(path["theta"][: steps + 1], [run["x"][0], run["y"][0]], [run["x"][-1], run["y"][-1]])
    ax.plot(*theta.T, marker="o", markersize=4.5, **_LINES[method])
    ax.plot(*theta[0], "o", color=palette["ink"], markersize=8)
    ax.plot(*theta[-1], "o", color=_LINES[method]["color"], markersize=9, markeredgecolor=palette["ink"])
    ax.set(
        xlim=(run["x"][0], run["x"][-1]),
        ylim=(run["y"][0], run["y"][-1]),
        title=f"{method}, {count(steps, 'step')}",
    )
    ax.grid(visible=False)
    for name, other in run["paths"].items():
        chosen = name == method
        gap = np.clip(other["loss"], FLOOR, 1e4)
        curves.plot(other["evaluations"], gap, alpha=1 if chosen else 0.45,
                    **_LINES[name] | {"linewidth": 2.6 if chosen else 1.3}, label=name)  # fmt: skip
    k = min(steps, len(path["loss"]) - 1)
    spent, loss = path["evaluations"][k], path["loss"][k]
    curves.plot(spent, np.clip(loss, FLOOR, 1e4), "o", color=_LINES[method]["color"], markersize=9,
                markeredgecolor=palette["ink"])  # fmt: skip
    curves.set(xscale="log", yscale="log", xlim=(0.8, 2e4), ylim=(FLOOR / 2, 1e9), title="loss",
               xlabel="evaluations of loss and gradient")  # fmt: skip
    curves.set_yticks([1e-12, 1e-8, 1e-4, 1, 1e4])
    curves.legend(loc="upper center", ncols=2, fontsize=8.5, columnspacing=1, handlelength=1.6)
    reached = np.flatnonzero(np.asarray(path["loss"]) <= 1e-6)
    if len(reached):
        whole = f"It needs {path['evaluations'][reached[0]]:,} evaluations to 10⁻⁶"
    else:
        end = "nowhere" if path["end"] == "nowhere" else f"at {path['end']}"
        whole = f"It ends {end} and never reaches 10⁻⁶"
    after = f"{k} of at most {steps} steps" if k < steps else count(k, "step")
    where = f"{function.capitalize()}, {method}, after {after} ({spent} evaluations)"
    return f"{where}: loss {order(loss)}. {whole}."


def draw_basins(ax, *, damping, runs, extent, points):
    """What each start leads to; `runs` is a sweep over damping of maps of 0 (minimum) to 3 (nowhere).

    `points` maps "minimum", "saddle" and "maximum" to their places.
    """
    kind = runs.at(damping=damping)
    ax.imshow(kind, origin="lower", extent=extent, cmap=ListedColormap(BASINS), vmin=0, vmax=3,
              interpolation="nearest", aspect="auto")  # fmt: skip
    for at, marker in zip(points.values(), "oXs", strict=True):
        ax.plot(*np.transpose(at), marker, color=palette["ink"], markeredgecolor=palette["ground"],
                markersize=9, linestyle="none")  # fmt: skip
    shares = [np.mean(kind == i) for i in range(4)]
    handles = [
        Patch(color=colour, label=f"{name}\n{percent(share)}")
        for name, share, colour in zip(KINDS, shares, BASINS, strict=True)
    ]
    ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5), labelspacing=1.2, handlelength=1.2)
    ax.set(
        xlim=extent[:2],
        ylim=extent[2:],
        xlabel="x of the start",
        ylabel="y of the start",
        title=f"damping τ = {damping:g}",
    )
    ax.grid(visible=False)
    minimum, saddle, maximum, nowhere = map(percent, shares)
    return (
        f"Damping {damping:g}: after 60 steps {minimum} of the starts are at a minimum, {saddle} at a "
        f"saddle, {maximum} at the maximum and {nowhere} nowhere yet."
    )


def draw_line(ax, *, alpha, value, slopes, c1, c2):
    """The loss along a line, the bound of sufficient decrease, and the lengths that are accepted."""
    alpha, value, slopes = (np.asarray(a, float) for a in (alpha, value, slopes))
    bound = value[0] + c1 * alpha * slopes[0]
    enough, flat = value <= bound, np.abs(slopes) <= c2 * abs(slopes[0])
    enough[0] = flat[0] = False
    both = enough & flat
    ax.plot(alpha, value, color=palette["truth"], label="loss along p")
    ax.plot(alpha, bound, "--", color=palette["reference"], label="bound of sufficient decrease")
    low, high = value.min(), value.max()
    span = high - low
    rows = (
        ("down enough", enough, "momentum"),
        ("flat enough", flat, "newton"),
        ("both: strong Wolfe", both, "lbfgs"),
    )
    for i, (name, accepted, colour) in enumerate(rows):
        y = low - span * (0.12 + 0.11 * i)
        ax.plot(
            alpha, np.where(accepted, y, np.nan), color=palette[colour], linewidth=6, solid_capstyle="butt"
        )
        ax.text(alpha[-1] * 1.02, y, name, color=palette[colour], va="center", fontsize=10)
    ax.set(
        xlim=(0, alpha[-1]), ylim=(low - 0.42 * span, high + 0.05 * span), xlabel="length α", ylabel="loss"
    )
    ax.set_yticks([tick for tick in ax.get_yticks() if low - 0.05 * span <= tick <= high])
    ax.legend(loc="upper right")
    down, flat, both = (percent(np.mean(accepted[1:])) for _, accepted, _ in rows)
    told = f"{down} go down enough, {flat} end flat enough, and {both} do both"
    return f"Of the lengths up to {alpha[-1]:g}, {told}."


def draw_race(figure, *, runs, evaluations):
    """Loss against full-batch evaluations; `runs` is a sweep over model and method, (seeds, evaluations)."""
    told, models = [], runs.axes["model"]
    for ax, title in zip(figure.subplots(1, len(models), sharey=True, squeeze=False)[0], models, strict=True):
        methods = dict(zip(runs.axes["method"], runs.at(model=title).values, strict=True))
        for name, losses in methods.items():
            shown = np.clip(np.nan_to_num(losses, nan=np.inf), 0.05, 3)
            line = _LINES[name]
            band(ax, np.arange(evaluations + 1), shown, label=name, **line)
        ax.set(
            yscale="log",
            ylim=(0.05, 3),
            xlim=(0, 1.42 * evaluations),
            xlabel="evaluations of all examples",
            title=title,
        )
        ax.set_yticks([0.1, 0.3, 1, 3], ["0.1", "0.3", "1", "3"])
        ax.minorticks_off()
        ax.set_xticks(np.linspace(0, evaluations, 5).astype(int))
        name_lines(ax)
        told.append(f"{title}: " + ", ".join(f"{n} {order(np.median(r[:, -1]))}" for n, r in methods.items()))
    figure.axes[0].set_ylabel("training loss")
    return f"Median loss after {evaluations} evaluations. " + _sentence("; ".join(told))


def draw_pairs(ax, *, share, length, runs):
    """Histogram of the curvature s'y / s's over its true value.

    `runs` is a sweep over share and length of these ratios for pairs from two batches, ``new``, and from one,
    ``same``.
    """
    ratios = runs.at(share=share, length=length)
    edges = np.linspace(-8, 10, 61)
    for name, colour, label in (("new", "noise", "two batches"), ("same", "lbfgs", "one batch, twice")):
        values = np.clip(ratios[name], edges[0], edges[-1])
        ax.hist(values, edges, color=palette[colour], alpha=0.6, label=label)
    ax.axvline(1, color=palette["truth"], linewidth=1.5)
    ax.axvline(0, color=palette["error"], linewidth=1.5, linestyle="--")
    ax.text(1.15, 0.97, "truth", transform=ax.get_xaxis_transform(), va="top")
    ax.text(
        -0.15,
        0.97,
        "s′y = 0",
        transform=ax.get_xaxis_transform(),
        va="top",
        ha="right",
        color=palette["error"],
    )
    ax.set(yscale="symlog", ylim=(0, 320), xlim=(edges[0], edges[-1]), yticks=[0, 1, 10, 100],
           xlabel="measured curvature along s, in units of the true one", ylabel="pairs")  # fmt: skip
    ax.set_yticklabels(["0", "1", "10", "100"])
    ax.legend(loc="center left", bbox_to_anchor=(0, 0.62))
    new, same = ratios["new"], ratios["same"]
    return (
        f"Batches of {percent(share)}, {length:g} × L-BFGS's step: with two batches "
        f"{percent(np.mean(new < 0))} of {len(new)} pairs have s′y < 0 and the spread is {np.std(new):.1f} "
        f"times the truth; with one batch at both ends {percent(np.mean(same < 0))} and {np.std(same):.1f}."
    )


def draw_shares(figure, *, share, method, runs):
    """Loss against passes at one batch share, and each method's last loss over all shares.

    `runs` is a sweep over share and method, each (seeds, passes + 1), infinite after divergence.
    """
    left, right = figure.subplots(1, 2, sharey=True)
    here = dict(zip(runs.axes["method"], runs.at(share=share).values, strict=True))
    for name, losses in here.items():
        shown = np.clip(np.nan_to_num(losses, nan=np.inf), 0.1, 5)
        passes = np.arange(shown.shape[1])
        if name == method:
            band(left, passes, shown, **_LINES[name] | {"linewidth": 2.8})
        else:
            left.plot(passes, np.median(shown, axis=0), alpha=0.55, **_LINES[name] | {"linewidth": 1.5})
    shares = sorted(runs.axes["share"], reverse=True)
    for name in here:
        last = (runs.at(share=s, method=name)[:, -1] for s in shares)
        ends = [np.clip(np.nan_to_num(one, nan=np.inf), 0.1, 5) for one in last]
        right.plot(range(len(shares)), [np.median(e) for e in ends], label=name,
                   **_LINES[name] | {"linewidth": 2.8 if name == method else 1.5})  # fmt: skip
        if name == method:
            for i, e in enumerate(ends):
                right.plot(np.full(len(e), i), e, "o", color=_LINES[name]["color"], markersize=3.5, alpha=0.5)
    right.axvline(shares.index(share), color=palette["grid"], linewidth=7, zorder=0)
    right.set_xticks(range(len(shares)), [percent(s) for s in shares])
    size = "full batch" if share == 1 else f"batches of {percent(share)}"
    left.set(yscale="log", ylim=(0.1, 5), xlim=(0, passes[-1]), title=size)
    left.set(xlabel="passes over the data", ylabel="training loss")
    left.set_yticks([0.1, 0.3, 1, 3], ["0.1", "0.3", "1", "3"])
    left.minorticks_off()
    right.set(
        xlabel="share of the examples in a batch",
        title=f"after {passes[-1]} passes",
        xlim=(-0.3, len(shares) - 0.7),
    )
    right.legend(loc="upper left", fontsize=9)
    ends = {name: losses[:, -1] for name, losses in here.items()}
    best = min(ends, key=lambda name: np.median(ends[name]))
    # with all the data the two kinds of pairs are one
    told = {name: name.split(",")[0] if share == 1 else name for name in ends}
    lost = int(np.sum(~np.isfinite(ends[method])))
    failed = f", {lost} of {len(ends[method])} runs diverged" if lost else ""
    return (
        f"{capital(size)}, {told[method]}: median loss {order(np.median(ends[method]))} after "
        f"{passes[-1]} passes{failed}; the lowest of all is {told[best]} with {order(np.median(ends[best]))}."
    )


def draw_adam_v(figure, *, runs):
    """Adam's v against the Hessian's diagonal; `runs` maps a title to one network's (h, v)."""
    told = []
    for ax, (title, (h, v)) in zip(
        figure.subplots(1, len(runs), sharey=True, squeeze=False)[0], runs.items(), strict=True
    ):
        h, v = np.asarray(h), np.asarray(v)
        seen = h > 0
        ax.plot(h[seen], v[seen], "o", color=palette["adam"], markersize=3, alpha=0.6)
        line = np.array([1e-3, 3])
        ax.plot(
            line,
            np.median(v[seen] / h[seen]) * line,
            color=palette["reference"],
            linestyle="--",
            linewidth=1.3,
        )
        ax.set(
            xscale="log",
            yscale="log",
            xlim=(2e-3, 2),
            ylim=(1e-8, 0.1),
            xlabel="diagonal of the Hessian",
            title=title,
        )
        ratio = np.median(v[seen] / h[seen])
        told.append(f"{title}: v is {order(ratio)} of the diagonal entry in the median")
    figure.axes[0].set_ylabel("Adam's v")
    return _sentence("; ".join(told))


def _sentence(told):
    return f"{told[0].upper()}{told[1:]}."
