"""Momentum: what do its memory, its regimes, its best settings and its noise look like?"""

import numpy as np

from dlbook.explorer.numbers import fixed, percent
from dlbook.explorer.style import band, look, name_lines, palette

AT = 20
"""The step at which `draw_average` shows the weights of the past."""

_SEEN = 1.25  # paths are drawn within this distance of the minimum, and clipped at it


def draw_zigzag(figure, *, path, gradients):
    """A path in a ravine, and its gradients' components by step; both arrays have shape (steps, 2)."""
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.3))
    _ravine(left, 30, 1.1, 0.6)
    left.plot(*path.T, marker="o", markersize=3, linewidth=1.2, **look("sgd"))
    left.set(title="the way", xlabel="along", ylabel="across")
    t = np.arange(1, len(gradients) + 1)
    for j, name, c in ((1, "across", palette["orange"]), (0, "along", palette["green"])):
        right.plot(t, gradients[:, j], color=c, label=name, marker="o", markersize=3, linewidth=1.4)
    right.axhline(0, color=palette["muted"], linewidth=0.8)
    right.set(title="the gradient", xlabel="step", xlim=(0, 1.28 * len(gradients)))
    name_lines(right)
    flips = int(np.sum(np.diff(np.sign(gradients), axis=0)[:, 1] != 0))
    kept = abs(gradients[-10:].mean(axis=0)) / abs(gradients[-10:]).mean(axis=0)
    grown = "" if np.linalg.norm(path[-1]) < np.linalg.norm(path[0]) else "The path diverges. "
    return (
        f"{grown}In {len(gradients)} steps the gradient changes its sign across the ravine {flips} times; "
        f"the mean of the last ten keeps {percent(kept[0])} of its size along the ravine and "
        f"{percent(kept[1])} across."
    )


def draw_average(figure, *, series, beta, correction, runs):
    """A noisy series with its running average, and the weights that the average gives to the past.

    `runs` is a sweep over series, beta and correction ("on" or "off") of the arrays ``values``, ``truth`` and
    ``average``.
    """
    run = runs.at(series=series, beta=beta, correction=correction)
    average, t = run["average"], np.arange(1, len(run["truth"]) + 1)
    left, right = figure.subplots(1, 2, width_ratios=(1.6, 1))
    left.plot(t, run["values"], ".", color=palette["single"], markersize=4, label="values")
    left.plot(t, run["truth"], "--", color=palette["truth"], linewidth=1.4, label="truth")
    left.plot(t, average, color=palette["momentum"], linewidth=2.4, label="average")
    left.set(xlim=(0, len(t)), ylim=(-1, 3.6), xlabel="step t")
    left.legend(loc="upper left", ncols=3, fontsize=9.5, columnspacing=0.9, handlelength=1.2)
    age = np.arange(AT)
    weight = (1 - beta) * beta**age / (1 - beta**AT if correction == "on" else 1)
    right.bar(age, np.maximum(weight, 1e-6), color=palette["momentum"], width=0.8)
    right.set(yscale="log", ylim=(1e-3, 1), xlim=(-0.8, AT), xlabel="steps ago", title=f"weights at t = {AT}")
    right.set_yticks([1e-3, 1e-2, 1e-1, 1], ["0.001", "0.01", "0.1", "1"])
    right.set_xticks([0, 5, 10, 15])
    right.minorticks_off()
    right.text(0.97, 0.93, f"sum {weight.sum():.2f}", transform=right.transAxes, ha="right", fontsize=11)
    off = average - run["truth"]
    return (
        f"β = {beta:g}, correction {correction}, {series} series: at step {AT} the weights sum to "
        f"{weight.sum():.2f} and the average lies {_beside(off[AT - 1])} the truth; over the last 50 steps "
        f"{_beside(off[-50:].mean())} on average, with a jitter of {off[-50:].std():.2f}."
    )


def draw_regimes(figure, *, beta, eta_h, runs):
    """One coordinate under momentum by step, and the two roots that decide its fate.

    `runs` is a sweep over beta of ``path`` (theta from 1, by step) and ``roots`` (their two real parts, then
    their two imaginary parts).
    """
    theta, (real, imaginary) = runs.at(beta=beta)["path"], runs.at(beta=beta)["roots"]
    left, right = figure.subplots(1, 2, width_ratios=(1.6, 1))
    left.axhline(0, color=palette["muted"], linewidth=0.8)
    shown = np.clip(np.nan_to_num(theta, nan=2, posinf=2, neginf=-2), -1.2, 1.2)
    left.plot(shown, color=palette["momentum"] if beta else palette["sgd"], marker="o", markersize=2.5)
    left.set(xlim=(0, len(theta) - 1), ylim=(-1.05, 1.05), xlabel="step", title="θ")
    turn = np.linspace(0, 2 * np.pi, 121)
    for radius, style in ((1, "-"), (np.sqrt(beta), ":")):
        right.plot(
            radius * np.cos(turn), radius * np.sin(turn), style, color=palette["reference"], linewidth=1.2
        )
    right.plot(real, imaginary, "o", color=palette["highlight"], markersize=8)
    right.set(xlim=(-1.15, 1.15), ylim=(-1.15, 1.15), aspect="equal", title="the two roots")
    right.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1], xlabel="real part")
    right.set_anchor("N")
    r, beyond = np.hypot(real, imaginary).max(), max(0.0, -np.nanmin(theta))
    if not r < 1:
        regime = "it diverges"
    elif abs(imaginary).max() > 1e-6:
        told = percent(beyond) if beyond > 0.005 else "less than 1%"
        regime = f"the roots are complex, it overshoots by {told}"
    else:
        regime = "the roots are real, it creeps without overshoot"
    return f"ηh = {eta_h:g}, β = {beta:.2g}: {regime}; in the long run each step multiplies by {r:.3f}."


def draw_plane(figure, *, rate, momentum, condition, runs, maps, grid):
    """A path in a ravine, and the map of the speed over rate and momentum with this setting marked.

    `runs` is a sweep over rate, momentum and condition of ``path`` and ``factor``, the measured factor per
    step (1 and more: diverged); `maps` a sweep over condition of that factor for each pair of `grid` (a row
    of rates, a column of momenta).
    """
    run = runs.at(rate=rate, momentum=momentum, condition=condition)
    path, r, table = run["path"], float(run["factor"]), maps.at(condition=condition)
    rates, momenta = np.ravel(grid[0]), np.ravel(grid[1])
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.45))
    _ravine(left, condition, _SEEN, _SEEN)
    inside = np.clip(np.nan_to_num(path, nan=9, posinf=9, neginf=-9), -_SEEN, _SEEN)
    c = palette["momentum"] if momentum else palette["sgd"]
    left.plot(*inside.T, color=c, marker="o", markersize=3, linewidth=1.2, clip_on=False)
    left.plot(0, 0, "+", color=palette["ink"], markersize=11)
    left.set(
        title=f"{len(path) - 1} steps", xlabel="along", ylabel="across", xticks=[-1, 0, 1], yticks=[-1, 0, 1]
    )
    speed = np.ma.masked_invalid(_log_speed(table))
    step = (rates[1] - rates[0]) / 2, (momenta[1] - momenta[0]) / 2
    extent = rates[0] - step[0], rates[-1] + step[0], momenta[0] - step[1], momenta[-1] + step[1]
    image = right.imshow(speed, origin="lower", aspect="auto", extent=extent, vmin=-1.5, vmax=1.5)
    if np.ma.is_masked(speed):
        right.text(3.95, 0.05, "diverges", color=palette["error"], ha="right")
    ring = {"markerfacecolor": "none", "markeredgecolor": palette["highlight"], "clip_on": False}
    right.plot(rate, momentum, "o", markersize=13, markeredgewidth=2.8, **ring)
    right.set(xlim=(0, 4), ylim=(0, 1), xlabel="rate × largest curvature", ylabel="momentum β", title="speed")
    bar = figure.colorbar(image, ax=right, label="factors of ten in 100 steps", fraction=0.06)
    bar.set_ticks([-1, 0, 1], labels=["0.1", "1", "10"])
    i, j = np.unravel_index(np.nanargmin(table), table.shape)
    here = f"the distance shrinks by a factor of {r:.4g} a step, tenfold in {_digit(r)} steps" if r < 1 else (
        f"it diverges, growing by a factor of {r:.2f} a step")  # fmt: skip
    return (
        f"Condition number {condition:,}, rate {rate:g} over the largest curvature, momentum {momentum:g}: "
        f"{here}. The best of the map ({rates[j]:.1f} and {momenta[i]:.2f}) needs {_digit(table[i, j])} "
        "steps."
    )


def draw_condition(ax, *, runs):
    """Steps to the goal against the condition number; `runs` is a sweep over method and condition."""
    conditions, steps = runs.axes["condition"], dict(zip(runs.axes["method"], runs.values, strict=True))
    for name, count in steps.items():
        ax.plot(conditions, count, marker="o", label=name, **look(name.lower()))
    ax.set(xscale="log", yscale="log", ylim=(5, 3e4), xlabel="condition number", ylabel="steps to the goal")
    ax.set_xlim(conditions[0] * 0.8, conditions[-1] * 3.2)
    ax.minorticks_off()
    name_lines(ax)
    told = ", ".join(f"{name} {count[-1]:,}" for name, count in steps.items())
    slopes = [np.polyfit(np.log(conditions[-3:]), np.log(count[-3:]), 1)[0] for count in steps.values()]
    powers = ", ".join(f"{slope:.2f}" for slope in slopes)
    return f"Steps at condition number {conditions[-1]:,}: {told}; they grow like powers {powers} of it."


def draw_noise(ax, *, runs):
    """Variance of the iterate over SGD's against momentum.

    `runs` is a sweep over kind ("same rate", "same effective rate") and momentum, from 0 on, of ``variance``
    (a row of seeds) and of the ``formula``'s.
    """
    momenta = runs.axes["momentum"]
    shown, ratios = 1 / (1 - np.asarray(momenta)), []
    for kind, c in zip(runs.axes["kind"], (palette["momentum"], palette["green"]), strict=True):
        variance, formula = (runs[name].at(kind=kind).values for name in ("variance", "formula"))
        ratios.append((variance / variance[0]).T)
        band(ax, shown, ratios[-1], color=c, label=kind, marker="o")
        ax.plot(shown, formula / formula[0], ":", color=palette["ink"], linewidth=1.4)
    ax.plot([], [], ":", color=palette["ink"], linewidth=1.4, label="formula")
    ax.set(xscale="log", yscale="log", ylim=(0.5, 100), xlim=(0.9, 60), ylabel="variance, SGD's = 1")
    ax.set_xlabel("1 / (1 − β)")
    ax.set_xticks(shown, [f"{x:.3g}" for x in shown])
    ax.set_yticks([1, 10, 100], ["1", "10", "100"])
    ax.minorticks_off()
    ax.legend(loc="upper left")
    same, fair = (np.median(ratio, axis=0)[momenta.index(0.9)] for ratio in ratios)
    return (
        f"At β = 0.9 and the same rate the iterate varies {same:.1f} times as much as SGD's; with the rate "
        f"times 1 − β, {fair:.1f} times (medians over {len(ratios[0])} seeds)."
    )


def draw_network(figure, *, losses, fresh):
    """Training loss against the effective rate.

    `losses` is a sweep over method, batch and (effective) rate, `fresh` one over method and batch with other
    seeds at the best rate; a diverged run is infinite.
    """
    batches, rates = losses.axes["batch"], losses.axes["rate"]
    axes, told = figure.subplots(1, len(batches), sharey=True, squeeze=False)[0], []
    for ax, batch in zip(axes, batches, strict=True):
        for name in losses.axes["method"]:
            median = np.clip(losses.at(method=name, batch=batch).median, 0.01, 4)
            width = 5 if name == "SGD" else 2  # it lies under the others, where they are the same
            ax.plot(
                rates, median, marker="o", markersize=4, linewidth=width, label=name, **look(name.lower())
            )
        ax.set(xscale="log", yscale="log", ylim=(0.01, 4), xlim=(0.03, 20), title=f"batch {batch}")
        ax.set_xlabel("effective rate, η / (1 − β)")
        ax.set_yticks([0.01, 0.1, 1, 4], ["0.01", "0.1", "1", "≥ 4"])
        ax.set_xticks([0.1, 1, 10], ["0.1", "1", "10"])
        ax.minorticks_off()
        best = ", ".join(
            f"{setting['method']} {np.median(runs):.2f}" for setting, runs in fresh.at(batch=batch)
        )
        told.append(f"batch {batch}: {best}")
    axes[0].set_ylabel("training loss")
    axes[0].legend(loc="lower left")
    return (
        f"Median loss over {len(fresh.seeds)} fresh seeds, each method at its best rate: {'; '.join(told)}."
    )


def draw_forms(ax, *, beta, drop, runs):
    """Draw the way of each spelling of momentum on a slope; `runs` is a sweep over form, beta and drop.

    The rate is multiplied by `drop` after half the steps.
    """
    colours = {"sum": "momentum", "averaged": "orange", "rate inside": "green", "dampening": "purple"}
    gone = {}
    for form, dashes in zip(runs.axes["form"], ("-", "--", "-.", ":"), strict=True):
        way = runs.at(form=form, beta=beta, drop=drop)
        half = len(way) // 2
        ax.plot(np.arange(1, len(way) + 1), way, label=form, color=palette[colours[form]], linestyle=dashes)
        gone[form] = way[-1] - way[half - 1]
    ax.axvline(half, color=palette["reference"], linewidth=1, linestyle="--")
    ax.set(xlim=(0, len(way) * 1.3), ylim=(0, 11), xlabel="step", ylabel="way")
    name_lines(ax)
    told = ", ".join(f"{form} {fixed(way, 2)}" for form, way in gone.items())
    return (
        f"β = {beta:g}, rate × {drop:g} after {half} steps: ways of the last {len(way) - half} steps: {told}."
    )


def draw_race(ax, *, epochs, cap):
    """Epochs until the goal, a dot for each seed; `epochs` maps an arm to (seeds,), infinite if never."""
    arms = list(epochs)[::-1]
    for row, arm in enumerate(arms):
        runs = np.sort(epochs[arm])
        c, late = palette[arm.split()[0].lower().replace("nag", "nesterov")], ~(runs <= cap)
        spread = np.linspace(-0.28, 0.28, len(runs))
        ax.plot(runs[~late], row + spread[~late], "o", color=c, markersize=5)
        ax.plot(np.full(late.sum(), 1.04 * cap), row + spread[late], ">", color=c, markersize=4, alpha=0.7)
        middle = np.median(runs)
        if middle <= cap:
            ax.plot([middle, middle], [row - 0.38, row + 0.38], color=palette["ink"], linewidth=2.2)
        ax.text(1.08 * cap, row, f"{late.sum()} not", va="center", color=palette["muted"], fontsize=10)
    ax.axvline(cap, color=palette["reference"], linestyle="--", linewidth=1)
    ax.set(yticks=range(len(arms)), yticklabels=arms, xlim=(0, 1.25 * cap), xlabel="epochs to the goal")
    ax.grid(visible=False, axis="y")
    counts = ", ".join(f"{arm}: {int(np.sum(runs <= cap))}" for arm, runs in epochs.items())
    return f"Number of seeds, of {len(runs)}, that reach the goal within {cap:,} epochs: {counts}."


def _ravine(ax, condition, along, across):
    x, y = np.meshgrid(np.linspace(-along, along, 50), np.linspace(-across, across, 50))
    z = x**2 / condition + y**2
    ax.contour(
        x, y, z, np.linspace(0.05, 1, 7) ** 2 * z.max(), colors=palette["muted"], linewidths=0.6, alpha=0.6
    )
    ax.set(xlim=(-along, along), ylim=(-across, across))


def _log_speed(factor):
    """Digits gained in 100 steps, as a power of ten; NaN where nothing is gained."""
    factor = np.asarray(factor, float)
    return np.log10(-100 * np.log10(np.where(factor < 1, factor, np.nan)))


def _digit(factor):
    return fixed(np.log(10) / -np.log(factor), 0)


def _beside(distance):
    return f"{abs(distance):.2f} {'below' if distance < 0 else 'above'}"
