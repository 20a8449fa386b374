"""Gradient descent: what do one step, a mini-batch's gradient, a saddle and a sharp minimum look like?"""

import numpy as np

from dlbook.explorer.numbers import fixed, number, percent, scientific
from dlbook.explorer.style import band, name_lines, palette, shades
from dlcore.optimizers import SGD

METHODS = {"gradient descent": "sgd", "Newton": "newton", "saddle-free Newton": "lbfgs"}
"""The methods at the saddle, and what their colours mean."""

_EDGE = 0.97  # where, as a share of the axis, a point is drawn that lies outside


def draw_rate(figure, *, rate, curvature=4.0, steps=12):
    """Descent on L = h theta² / 2 from theta = 1: the steps on the parabola, and |theta| by step."""
    theta, path = np.ones(1), [1.0]
    descent = SGD(rate)
    for _ in range(steps):
        descent.step(theta, curvature * theta)
        path.append(theta[0])
    path, factor = np.array(path), 1 - rate * curvature
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    at = np.linspace(-2.2, 2.2, 111)
    left.plot(at, curvature * at**2 / 2, color=palette["reference"], linewidth=1.4)
    shown = np.clip(path, -2.1, 2.1)
    left.plot(shown, curvature * shown**2 / 2, "o-", linewidth=1.2, markersize=5, color=palette["highlight"])
    left.plot(shown[0], curvature * shown[0] ** 2 / 2, "o", color=palette["ink"], markersize=8)
    left.set(xlim=(-2.2, 2.2), ylim=(-0.4, 10), xlabel="θ", ylabel="loss", title="the steps")
    right.plot(np.maximum(abs(path), 1e-6), "o-", color=palette["highlight"], linewidth=1.2)
    right.set(yscale="log", ylim=(1e-4, 20), xlim=(-0.3, steps + 0.3), xlabel="step", title="|θ|")
    right.minorticks_off()
    end = abs(path[-1])
    last = "0" if end < 1e-12 else "what it was" if abs(end - 1) < 1e-9 else f"{number(end)} of its start"
    kinds = [
        (abs(factor) < 1e-9, "it arrives in one step"),
        (abs(abs(factor) - 1) < 1e-9, "it jumps to and fro for ever"),
        (abs(factor) > 1, "it diverges"),
        (factor < 0, "it oscillates towards the minimum"),
        (factor > 0.7, "it creeps"),
        (True, "it walks straight down"),
    ]
    kind = next(said for true, said in kinds if true)
    return (
        f"Rate {rate:g}, curvature {curvature:g}: every step multiplies θ by {number(factor)}, and {kind}; "
        f"after {steps} steps |θ| is {last}."
    )


def draw_cloud(figure, *, results, point, batch, drawing):
    """Mini-batch gradients about the true one, and their variance against the batch size.

    ``results[point]`` holds ``cloud[drawing][batch]``, an array (draws, 2) of coordinates along and across
    the true gradient in units of its length, ``share[drawing][batch]`` of draws that point downhill,
    ``variance [drawing]`` by size, in units of its square, ``noise`` = tr(Sigma)/|g|² and ``examples``.
    """
    result = results[point]
    cloud, share = result["cloud"][drawing][batch], result["share"][drawing][batch]
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    reach = np.array([7.0, 6.0])
    inside = np.clip(cloud, -_EDGE * reach, _EDGE * reach)
    lost = np.any(inside != cloud, axis=1)
    downhill = cloud[:, 0] > 0
    for chosen, colour in ((downhill, palette["honest"]), (~downhill, palette["leak"])):
        left.plot(*inside[chosen & ~lost].T, ".", color=colour, markersize=4, alpha=0.6)
        left.plot(*inside[chosen & lost].T, "x", color=colour, markersize=4, alpha=0.8)
    left.axvline(0, color=palette["reference"], linewidth=1.2)
    arrow = {"arrowstyle": "-|>", "color": palette["ink"], "linewidth": 2.2, "shrinkA": 0, "shrinkB": 0}
    left.annotate("", (1, 0), xytext=(0, 0), arrowprops=arrow)
    left.text(-6.7, -5.6, "uphill", color=palette["leak"], fontsize=10)
    left.text(6.7, -5.6, "downhill", color=palette["honest"], fontsize=10, ha="right")
    left.set(xlim=(-reach[0], reach[0]), ylim=(-reach[1], reach[1]), title=f"batches of {batch:,}")
    left.set(xticks=[-5, 0, 5], yticks=[-5, 0, 5])
    left.set(xlabel="along the true gradient, in |g|", ylabel="across")
    for name, colour in (
        ("with replacement", palette["train"]),
        ("without replacement", palette["validation"]),
    ):
        sizes = np.array(list(result["variance"][name]))
        values = np.array([result["variance"][name][b] for b in sizes])
        values = np.where(values > 1e-9, values, np.nan)
        right.plot(sizes, values, "o", color=colour, markersize=4)
        fine = np.geomspace(1, sizes[-1], 200)
        rest = 1 if name == "with replacement" else (result["examples"] - fine) / (result["examples"] - 1)
        curve = np.maximum(result["noise"] / fine * rest, 1e-9)
        right.plot(fine, curve, color=colour, linewidth=1.3, label=name.split()[0])
    here = result["variance"][drawing][batch]
    colour = palette["train" if drawing == "with replacement" else "validation"]
    right.plot(batch, max(here, 1.6e-3), "o", color=colour, markersize=10)
    right.set(xscale="log", yscale="log", xlim=(0.8, 2e4), ylim=(1.2e-3, 400), xlabel="batch size")
    right.set(title="variance, in |g|²", yticks=[0.01, 1, 100], xticks=[1, 100, 10_000])
    right.minorticks_off()
    right.legend(loc="lower left")
    far = f"their distance from the true gradient is {number(np.sqrt(here))} |g| (root mean square)"
    return (
        f"{point.capitalize()}, batches of {batch:,} drawn {drawing}: {percent(share)} of the mini-batch "
        f"gradients point downhill; {'each is the true gradient' if here < 1e-9 else far}."
    )


def draw_progress(figure, *, runs, epochs):
    """Training loss by examples seen and by steps; `runs` is a sweep over batch_size of loss and steps."""
    left, right = figure.subplots(1, 2, sharey=True)
    steps, end = {}, {}
    for size, colour in zip(runs.axes["batch_size"], shades(len(runs)), strict=True):
        loss, steps[size] = runs.at(batch_size=size)["loss"], runs.at(batch_size=size)["steps"][0]
        band(left, steps[size] * size, loss, color=colour, label=f"{size:,}")
        band(right, steps[size], loss, color=colour, label=f"{size:,}")
        end[size] = np.median(loss[:, -1])
    left.set(xlabel="examples seen", ylabel="training loss", title="by work", yscale="log", ylim=(0.5, 4))
    left.set_yticks([0.5, 1, 2, 4], ["0.5", "1", "2", "4"])
    left.set_xlim(0, 1.25 * max(size * t[-1] for size, t in steps.items()))
    right.set(xlabel="steps", title="by step", xscale="log")
    right.set_xlim(0.8, 1.3 * max(t[-1] for t in steps.values()))
    left.minorticks_off()
    right.minorticks_off()
    name_lines(left)
    right.legend(loc="lower left", title="batch size")
    small, large = min(end), max(end)
    return (
        f"After {epochs} passes batches of {small} have reached a training loss of {end[small]:.2f} in "
        f"{steps[small][-1]:,} steps, full passes {end[large]:.2f} in {steps[large][-1]:,} (medians over "
        f"{len(runs.seeds)} seeds)."
    )


def draw_floor(figure, *, runs, rate, batch):
    """SGD with a constant rate on L = theta²/2: sample paths, and the loss it ends at by rate/batch.

    `runs` is a sweep over rate and batch of ``paths`` (steps, some seeds), ``floor`` and ``predicted``.
    """
    run = runs.at(rate=rate, batch=batch)
    left, right = figure.subplots(1, 2, width_ratios=(1.2, 1))
    paths = np.where(np.isfinite(run["paths"]), np.clip(run["paths"], -3, 3), np.nan)
    for path, colour in zip(paths.T, shades(len(paths.T)), strict=True):
        left.plot(path, color=colour, linewidth=1.1)
    left.axhline(0, color=palette["reference"], linewidth=1.2)
    left.set(ylim=(-1.3, 2.2), xlim=(0, len(paths) - 1), xlabel="step", title="θ, three runs")
    ratio = np.divide.outer(runs.axes["rate"], runs.axes["batch"])
    line = np.array([1e-4, 1])
    right.plot(line, line / 4, color=palette["reference"], linewidth=1.4, label="¼ rate / batch")
    right.plot(ratio.ravel(), runs["floor"].values.ravel(), "o", color=palette["sgd"], markersize=5)
    right.plot(rate / batch, run["floor"], "o", color=palette["highlight"], markersize=10)
    right.set(xscale="log", yscale="log", xlim=(3e-4, 1), ylim=(1e-4, 0.5), xlabel="rate / batch")
    right.set(title="loss it ends at", xticks=[1e-3, 1e-2, 1e-1, 1], yticks=[1e-4, 1e-3, 1e-2, 1e-1])
    right.minorticks_off()
    right.legend(loc="upper left")
    return (
        f"Rate {rate:g}, batches of {batch}: the mean loss settles at {number(run['floor'])}; predicted "
        f"{number(run['predicted'])}."
    )


def draw_scaling(ax, *, runs, rate):
    """Final training loss against the batch size; `runs` maps a rule to a sweep over batch."""
    colours = {"rate in proportion": palette["highlight"], "rate kept": palette["reference"]}
    for name, losses in runs.items():
        sizes = losses.axes["batch"]
        shown = np.where(np.isfinite(losses.values), np.minimum(losses.values, 3.5), 3.5)
        band(ax, sizes, shown.T, color=colours[name], label=name, marker="o")
    ax.set(xscale="log", xlim=(sizes[0] / 1.2, sizes[-1] * 3.6), ylim=(0, 3.6), xlabel="batch size and rate")
    names = [f"{b}\n{number(rate * b / sizes[0])}" for b in sizes]
    ax.set_xticks(sizes, names)
    ax.minorticks_off()
    ax.set_ylabel("training loss")
    name_lines(ax)
    median, kept = runs["rate in proportion"].median, runs["rate kept"].median
    at = int(np.flatnonzero(median <= 1.05 * median[0])[-1])
    return (
        f"With the rate in proportion the loss stays within 5% of {median[0]:.2f} up to batches of "
        f"{sizes[at]}, and is {fixed(median[-1], 2)} at {sizes[-1]:,}; with the rate kept it is "
        f"{kept[at]:.2f} and {kept[-1]:.2f} (medians over {len(losses.seeds)} seeds)."
    )


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
