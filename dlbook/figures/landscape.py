"""The loss landscape: what do a saddle, a sharp minimum and the edge of stability look like?"""

import numpy as np

from dlbook.explorer.numbers import number, percent, scientific
from dlbook.explorer.style import band, palette

METHODS = {"gradient descent": "sgd", "Newton": "newton", "saddle-free Newton": "lbfgs"}
"""The methods at the saddle, and what their colours mean."""


def draw_edge(figure, *, runs, rate, momentum):
    """Full-batch descent: the loss by step, and the sharpness as a share of what the rate can bear.

    `runs` is a sweep over momentum and rate of ``loss`` (steps), ``step`` and ``sharpness`` (measurements);
    a run that diverged has NaN from there on.
    """
    left, right = figure.subplots(1, 2)
    rates = runs.axes["rate"]
    for one in sorted(rates, key=lambda other: other == rate):
        run, chosen = runs.at(momentum=momentum, rate=one), one == rate
        colour = palette["highlight" if chosen else "single"]
        line = {"color": colour, "linewidth": 1.4 if chosen else 0.8, "alpha": 1 if chosen else 0.45}
        left.plot(np.clip(run["loss"], 1e-3, 9), **line)
        right.plot(run["step"], np.clip(run["sharpness"], 0.5, 190), **line)
    run, limit = runs.at(momentum=momentum, rate=rate), stability_limit(rate, momentum)
    last = run["step"][-1]
    right.axhline(limit, color=palette["ink"], linestyle="--", linewidth=1.2)
    right.text(last, 1.06 * limit, f"limit {number(limit)}", ha="right", va="bottom", fontsize=10)
    left.set(yscale="log", xlim=(0, last), ylim=(0.02, 9), xlabel="step", title="training loss")
    left.set_yticks([0.1, 1], ["0.1", "1"])
    right.set(yscale="log", xlim=(0, last), ylim=(1, 200), xlabel="step", title="sharpness")
    right.set_yticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
    left.minorticks_off()
    right.minorticks_off()
    kind = f"momentum {momentum:g}" if momentum else "no momentum"
    told = f"Rate {rate:g}, {kind}: the limit is {number(limit)}; the sharpness"
    if not np.isfinite(run["loss"]).all():
        return f"{told} begins at {number(run['sharpness'][0])}, and the run diverges."
    late = np.median(run["sharpness"][2 * len(run["sharpness"]) // 3 :])
    return (
        f"{told} begins at {number(run['sharpness'][0])} and is {number(late)} in the last third of the run; "
        f"the loss rises in {percent(run['rises'])} of the steps of the second half."
    )


def stability_limit(rate, momentum=0.0):
    """Return the largest curvature at which descent on a parabola converges, (2 + 2 beta) / rate.

    Examples
    --------
    >>> stability_limit(0.5), stability_limit(0.5, momentum=0.9)
    (4.0, 7.6)
    """
    return (2 + 2 * momentum) / rate


def draw_random_minima(ax, *, measured, exact, draws):
    """The share of random symmetric matrices without a negative eigenvalue; dicts by dimension."""
    n = np.array(list(measured))
    p = np.array(list(measured.values()))
    ax.plot(
        n, np.where(p > 0, p, np.nan), "o", color=palette["model"], markersize=8, label=f"{draws:,} matrices"
    )
    ax.plot(list(exact), list(exact.values()), "x", color=palette["ink"], markersize=11, label="exact")
    fine = np.linspace(1, n[-1], 100)
    ax.plot(
        fine, 0.5**fine, color=palette["reference"], linestyle="--", linewidth=1.4, label="independent signs"
    )
    ax.set(yscale="log", ylim=(1e-3, 1), xlabel="dimension", ylabel="share that are minima", xticks=n)
    ax.minorticks_off()
    ax.legend(loc="lower left")
    return (
        f"All eigenvalues are positive in {percent(p[0])} of the random matrices of dimension 1, in "
        f"{percent(p[1])} in dimension 2, and in {1e4 * p[-1]:.0f} of 10,000 in dimension {n[-1]}."
    )


def draw_saddle(figure, *, runs, method, noise, start):
    """A path at the saddle of x²/2 - y²/2 + y⁴/4, and the steps until |y| = 1/2 over seeds.

    `runs` is a sweep over method, noise and start of ``path`` (steps + 1, runs, 2), the first few runs, and
    ``escape`` (seeds), infinite where a run never left.
    """
    run = runs.at(method=method, noise=noise, start=start)
    path, escape = run["path"], run["escape"]
    steps = len(path) - 1
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    x, y = np.meshgrid(np.linspace(-0.7, 1.25, 60), np.linspace(-1.4, 1.4, 80))
    z = x**2 / 2 - y**2 / 2 + y**4 / 4
    low = {"colors": palette["muted"], "linewidths": 0.6, "alpha": 0.6}
    left.contour(x, y, z, levels=np.linspace(-0.24, 0.6, 13), **low)
    colour = palette[METHODS[method]]
    for i in range(path.shape[1]):
        seen = np.clip(path[:, i], (-0.68, -1.37), (1.23, 1.37))
        left.plot(*seen.T, ".-", color=colour, linewidth=1, markersize=4, alpha=0.9 if i == 0 else 0.35)
        left.plot(*seen[-1], "o", color=colour, markersize=8)
    left.plot(*path[0, 0], "o", color=palette["ink"], markersize=8)
    left.plot(0, 0, "x", color=palette["highlight"], markersize=10, markeredgewidth=2.4)
    left.set(xlim=(-0.7, 1.25), ylim=(-1.4, 1.4), xlabel="x", ylabel="y", title="four runs")
    levels = runs.axes["noise"]
    top = 1.6 * steps
    for name, meaning in METHODS.items():
        by_noise = runs["escape"].at(method=name, start=start).values
        medians = [_median(one, top) for one in by_noise]
        chosen = name == method
        right.plot(
            range(len(levels)), medians, "o-", color=palette[meaning], linewidth=2.4 if chosen else 1,
            markersize=6 if chosen else 4, label=name.replace("saddle-free", "s.-f."),
        )  # fmt: skip
    right.plot(levels.index(noise), _median(escape, top), "o", color=colour, markersize=11)
    right.axhline(steps, color=palette["grid"], linewidth=1)
    right.set(yscale="log", ylim=(0.04, 2.4 * steps), xlim=(-0.3, len(levels) - 0.7), title="steps to leave")
    right.set_yticks([1, 10, 100, top], ["1", "10", "100", "never"])
    right.set_xticks(range(len(levels)), [noise_level(level) for level in levels])
    right.set_xlabel("noise")
    right.minorticks_off()
    right.legend(loc="lower left", fontsize=9.5)
    left_it = np.isfinite(escape)
    told = f"{left_it.sum()} of {len(escape)} runs leave the saddle"
    if left_it.any():
        taken = np.median(escape[left_it])
        told += f", in {number(taken)} step{'' if taken == 1 else 's'} (median)"
    ends = np.median(np.abs(path[-1]), axis=0)
    end = "a minimum" if ends[1] > 0.7 else "the saddle" if ends[1] < 0.45 else "neither"
    noisy = f"noise {noise_level(noise)}" if noise else "no noise"
    return f"{method}, start y = {start:g}, {noisy}: {told}; after {steps} steps they are at {end}."


def draw_escape(ax, *, runs, predicted):
    """Steps to leave the saddle against the noise; `runs` is a sweep over noise of the steps of all seeds."""
    noise, escape = runs.axes["noise"], runs.values.T
    line = band(ax, noise, escape, color=palette["sgd"], share=0.8, label="measured", marker="o")
    line.set_linestyle("none")
    ax.plot(noise, predicted, color=palette["highlight"], linewidth=1.4, label="predicted median")
    ax.set(xscale="log", ylim=(0, 260), xlabel="noise σ", ylabel="steps until |y| = ½")
    ax.minorticks_off()
    ax.legend(loc="upper right")
    slope = np.polyfit(np.log10(noise), np.median(escape, axis=0), 1)[0]
    return (
        f"Every tenth of the noise costs {-slope:.0f} more steps; with σ = {noise[-1]:g} the saddle is left "
        f"in {np.median(escape[:, -1]):.0f} steps, with {noise_level(noise[0])} in "
        f"{np.median(escape[:, 0]):.0f} (medians over {len(escape)} seeds)."
    )


def draw_sharpness(figure, *, runs):
    """Sharpness and test error by seed; ``runs[name]`` holds ``sharpness`` and ``error`` (seeds)."""
    left, right = figure.subplots(1, 2)
    names = list(runs)
    for ax, key, factor in ((left, "sharpness", 1), (right, "error", 100)):
        values = factor * np.array([runs[name][key] for name in names])
        ax.plot(values, color=palette["single"], linewidth=0.8, alpha=0.5)
        for i, row in enumerate(values):
            ax.plot(np.full(len(row), i), row, "o", color=palette["model"], markersize=4, alpha=0.6)
            ax.plot([i - 0.2, i + 0.2], [np.median(row)] * 2, color=palette["highlight"], linewidth=3)
        ax.set_xticks(range(len(names)), [name.replace(", ", "\n") for name in names], fontsize=9.5)
        ax.set_xlim(-0.4, len(names) - 0.6)
    left.set(yscale="log", ylim=(1, 30), title="largest curvature")
    left.set_yticks([1, 3, 10, 30], ["1", "3", "10", "30"])
    left.minorticks_off()
    right.set(ylim=(20, 32), title="test error, %")
    median = {name: [np.median(run[key]) for key in ("sharpness", "error")] for name, run in runs.items()}
    told = [f"{name}: {number(sharp)} and {percent(error)}" for name, (sharp, error) in median.items()]
    return f"Largest curvature and test error (medians over {len(values[0])} seeds): {'; '.join(told)}."


def noise_level(value):
    """Write a standard deviation of the noise.

    Examples
    --------
    >>> noise_level(0), noise_level(1e-6), noise_level(0.1)
    ('none', '10⁻⁶', '0.1')
    """
    if value == 0:
        return "none"
    return number(value, 1) if value >= 0.01 else scientific(value)


def _median(escape, never):
    """The median of steps, and `never` where more than half of the runs stay."""
    median = np.median(escape)
    return median if np.isfinite(median) else never
