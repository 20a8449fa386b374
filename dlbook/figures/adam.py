"""Figures of "Adam": where do AdaGrad, AdaDelta, RMSprop and Adam go, and how far?"""

import numpy as np

from dlbook.explorer.numbers import count, fixed, listed, number, percent, scientific
from dlbook.explorer.style import band, look, name_lines, palette, shades
from dlcore.optimizers import NonFiniteGradient
from dlcore.search import spread

_BORROWED = {"Lion": "pink", "Muon": "orange", "Shampoo": "brown"}  # these have no colour of their own


def colour(name):
    """Return the colour that an optimizer has on every page, from its class's name."""
    return palette[_BORROWED.get(name, name.lower())]


def line_of(name):
    """Return the colour and the dashes that an optimizer has on every page, from its class's name."""
    return look(_BORROWED.get(name, name.lower()))


def walk(optimizer, gradient, start, steps):
    """Return the path of `optimizer` from `start`, `(steps + 1, 2)` or shorter if it diverges.

    Examples
    --------
    >>> from dlcore.optimizers import SGD
    >>> walk(SGD(lr=0.5), lambda theta: theta, [4.0, 2.0], steps=2).tolist()
    [[4.0, 2.0], [2.0, 1.0], [1.0, 0.5]]
    """
    theta = np.array(start, float)
    path = [theta.copy()]
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            try:
                optimizer.step(theta, np.asarray(gradient(theta)))
            except NonFiniteGradient:
                break
            path.append(theta.copy())
    return np.array(path)


def draw_rare(figure, runs, share, after):
    """Draw the error of each weight as training goes on.

    `runs` is a sweep over the method, at each an array (steps, seeds, weights); `share` is how often each
    weight has a gradient.
    """
    parts, panels = [], figure.subplots(1, len(runs), sharey=True)
    for ax, (name, error) in zip(panels, zip(runs.axes["method"], runs.values), strict=True):
        t = np.unique(np.geomspace(1, len(error), 70).astype(int))
        for j, c in enumerate(shades(len(share))):
            band(ax, t, error[t - 1, :, j].T, color=c, label=f"1 in {1 / share[j]:.0f}")
        ax.set(xscale="log", yscale="log", ylim=(2e-3, 1.5), xlabel="step", title=name)
        ax.set_xlim(1, len(error) * 6)
        left = np.median(error[after - 1], axis=0)
        parts.append(
            f"{name} has left {percent(left[-1])} of the rarest weight's error and {percent(left[0])} of the "
            "commonest's"
        )
        name_lines(ax)
    figure.axes[0].set_ylabel("error of a weight")
    return f"After {after} steps {'; '.join(parts)}."


def draw_burst(ax, steps, burst, after, rate):
    """Draw the length of each step after a burst of large gradients; `steps` maps a name to its lengths."""
    for name, length in steps.items():
        t = np.unique(np.geomspace(1, len(length), 150).astype(int))
        ax.plot(t, length[t - 1], label=name, **line_of(name))
    ax.axvspan(1, burst, color=palette["grid"], linewidth=0)
    ax.annotate("gradient 100", (1.15, 1.3e-4), color=palette["muted"])
    ax.annotate("gradient 1", (burst * 1.2, 1.3e-4), color=palette["muted"])
    ax.set(xscale="log", yscale="log", ylim=(1e-4, 1), xlim=(1, len(length) * 3), xlabel="step")
    ax.set_ylabel("length of the step")
    name_lines(ax)
    kept = [
        f"{name}'s steps are {percent(length[burst + after - 1] / rate, 1)} of the rate"
        for name, length in steps.items()
    ]
    return f"{after} steps after the burst {' and '.join(kept)}."


def draw_correction(figure, beta2, lr, lengths, losses):
    """Draw what bias correction changes: the step under a steady gradient, and the start of training.

    `lengths` is a sweep over beta2 and correction, `losses` one over lr too, the loss by step.
    """
    left, right = figure.subplots(1, 2)
    lines = {
        "on": {"label": "corrected", "color": palette["adam"], "linestyle": "-"},
        "off": {"label": "not corrected", "color": palette["reference"], "linestyle": "--"},
    }
    peak = {}
    for correction, line in lines.items():
        length = lengths.at(beta2=beta2, correction=correction)
        runs = losses.at(beta2=beta2, lr=lr, correction=correction)
        t = np.unique(np.geomspace(1, len(length), 90).astype(int))
        left.plot(t, length[t - 1], **line)
        band(right, np.arange(1, runs.shape[1] + 1), runs, **line)
        peak[correction] = np.median(runs[:, 1:], axis=0).max()
    left.set(xscale="log", yscale="log", ylim=(0.5, 60), xlabel="step", title="Steady gradient")
    left.set_ylabel("step / rate")
    left.legend(loc="upper right")
    right.set(yscale="log", ylim=(0.3, 300), xlabel="step", title="Start of training")
    right.set_ylabel("mini-batch loss")
    left.minorticks_off()
    right.minorticks_off()
    return (
        f"β₂ = {beta2:g}, rate {lr:g}: without the correction the longest step under a steady gradient is "
        f"{number(length.max())} rates long, and the loss after the first step peaks at "
        f"{number(peak['off'])} (with it: {number(peak['on'])})."
    )


def draw_coordinate(figure, gradient, beta1, beta2, eps, correction):
    """Draw what Adam makes of one coordinate's gradients: their two averages, and the steps.

    `gradient` is the kind, "tripling", "noisy" or "sparse"; `correction` the optimizer's class. No kind is
    quite constant: under a constant gradient neither beta would change anything.
    """
    g = coordinate_gradients(gradient)
    sizes = (1e-3, 1.0, 1e3)
    runs = [_averages(correction(1.0, beta1, beta2, eps), size * g) for size in sizes]
    _, m, v, _ = runs[1]
    top, bottom = figure.subplots(2, 1, sharex=True)
    t = np.arange(1, len(g) + 1)
    top.vlines(t, 0, g, color=palette["single"], linewidth=1)
    top.plot(t, m, color=palette["mean"], label="average m")
    top.plot(t, np.sqrt(v), color=palette["variance"], label="root √v")
    top.set(ylim=(-2.6, 3.4), ylabel="gradient")
    top.set_xlim(0, len(g) + 30)
    name_lines(top)
    for size, (step, *_), style, c in zip(sizes, runs, ("-", "--", ":"), shades(3), strict=True):
        bottom.plot(t, step, color=c, linestyle=style, label=f"gradients × {size:g}")
    bottom.set(ylim=(-3.4, 3.4), ylabel="step / rate", xlabel="step")
    name_lines(bottom)
    length = [np.sqrt(np.mean(step[len(g) // 2 :] ** 2)) for step, *_ in runs]
    return (
        f"{gradient.capitalize()} gradient: the first step is {_first(runs[1][0], g):.2f} rates long; the "
        f"last 50 are {length[1]:.2f} rates (root mean square), and all 100 move the weight by "
        f"{abs(runs[1][0].sum()):.1f} rates. "
        f"Gradients a million times larger make the steps {_factor(length[2] / length[0])}."
    )


def coordinate_gradients(kind):
    """Return 100 gradients of one coordinate of a kind: "tripling" after half of them, "noisy", or "sparse".

    Examples
    --------
    >>> coordinate_gradients("tripling")[[0, 49, 50, 99]].tolist()
    [1.0, 1.0, 3.0, 3.0]
    """
    kinds = {
        "tripling": np.repeat([1.0, 3.0], 50),
        "noisy": 0.3 + np.random.default_rng(0).normal(size=100),
        "sparse": 1.0 * (np.arange(100) % 20 == 0),
    }
    return kinds[kind]


def _averages(optimizer, gradients):
    """The steps, and the averages m and v that they were made of, corrected if `optimizer` corrects them."""
    record = []
    corrects = type(optimizer).__name__ == "Adam"
    for g in gradients:
        step = np.zeros(1)
        optimizer.step(step, np.array([g]))
        m, v = optimizer.memory["m"], optimizer.memory["v"]
        fix = [1 - beta**optimizer.t if corrects else 1 for beta in (optimizer.beta1, optimizer.beta2)]
        record.append((step[0], m[0] / fix[0], v[0] / fix[1], g))
    return np.array(record).T


def _first(step, g):
    return abs(step[np.flatnonzero(g)[0]])


def _factor(ratio):
    return "no longer" if abs(ratio - 1) < 0.005 else f"{number(ratio)} times longer"


def draw_epsilon(ax, sizes, lengths):
    """Draw a step's length against the size of a steady gradient; `lengths` maps a convention to lengths."""
    for (name, length), c in zip(lengths.items(), shades(len(lengths)), strict=True):
        ax.plot(sizes, length, color=c, label=name)
    ax.set(xscale="log", yscale="log", ylim=(1e-4, 3), xlabel="size of the gradient", ylabel="step / rate")
    ax.legend(loc="lower right")
    halves = [f"{name} at {scientific(sizes[np.argmax(length >= 0.5)])}" for name, length in lengths.items()]
    return f"The step falls below half a rate when gradients are smaller than: {'; '.join(halves)}."


def contours(ax, surface, levels=9):
    """Draw the level lines of `surface` (``f``, ``window``) in its window."""
    x0, x1, y0, y1 = surface.window
    x, y = np.meshgrid(np.linspace(x0, x1, 60), np.linspace(y0, y1, 50))
    z = surface.f(np.array([x, y]))
    ax.contour(
        x, y, z - z.min(), levels=(np.linspace(0.02, 1, levels) ** 2) * np.ptp(z), colors=palette["muted"],
        linewidths=0.6, alpha=0.6,
    )  # fmt: skip
    ax.set(xlim=(x0, x1), ylim=(y0, y1))


def draw_paths(ax, surface, paths):
    """Draw paths on the level lines of `surface`; `paths` maps a name to an array (steps + 1, 2)."""
    contours(ax, surface)
    for name, path in paths.items():
        ax.plot(*path.T, marker="o", label=name, markersize=2.5, linewidth=1.4, **line_of(name))
    ax.set(xlabel="x", ylabel="y")
    ax.legend(loc="upper right", ncols=2)
    detours = [f"{name} {number(detour(path))}" for name, path in paths.items()]
    return f"Length of the way over the distance covered: {', '.join(detours)}."


def detour(path):
    """Return how many times longer a path is than the straight line between its ends.

    Examples
    --------
    >>> round(detour(np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]])), 4)
    1.4142
    """
    return float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum() / np.linalg.norm(path[-1] - path[0]))


def draw_race(figure, surface, rate, steps, racers, most):
    """Draw the paths of several optimizers up to a step, and their losses.

    `surface` has ``f``, ``gradient``, ``start``, ``window``, ``least``; `racers` are optimizer classes, of
    which AdaDelta takes no rate; `most` is the longest race, which fixes the axes.
    """
    way, fall = figure.subplots(1, 2, width_ratios=(1, 1.15))
    contours(way, surface)
    above = {}
    for racer in racers:
        name = racer.__name__
        path = walk(racer() if name == "AdaDelta" else racer(lr=rate), surface.gradient, surface.start, steps)
        with np.errstate(over="ignore", invalid="ignore"):
            loss = surface.f(path.T) - surface.least
        above[name] = loss[-1] if len(path) == steps + 1 else np.inf
        shown = np.clip(path, -50, 50)
        way.plot(*shown.T, linewidth=1.5, **line_of(name))
        way.plot(*shown[-1], "o", color=colour(name), markersize=5)
        kept = np.unique(np.append(np.geomspace(1, len(loss), 70).astype(int), len(loss))) - 1
        fall.plot(kept, np.clip(loss[kept], 1e-9, 1e4), label=name, linewidth=1.6, **line_of(name))
    fall.set(xscale="symlog", yscale="log", xlim=(0, most * 6), ylim=(1e-7, 30), xlabel="step")
    fall.set(title="Loss above the minimum")
    fall.set_xticks([0, 1, 10, 100])
    fall.set_yticks([1e-6, 1e-4, 1e-2, 1])
    fall.minorticks_off()
    way.set(title="The way", xlabel="x", ylabel="y")
    name_lines(fall)
    order = sorted(above, key=above.get)
    lost = [name for name in order if not above[name] < 1e4]
    end = f"{listed(lost)} diverged" if lost else f"{order[-1]} is last with {_small(above[order[-1]])}"
    arrived = [name for name in order if above[name] < 1e-7]
    if len(arrived) > 1:
        ahead = f"{listed(arrived)} are less than {scientific(1e-7)} above the minimum"
    else:
        ahead = (
            f"{order[0]} leads with a loss of {_small(above[order[0]])} above the minimum, "
            f"{order[1]} follows with {_small(above[order[1]])}"
        )
    return f"Rate {rate:g}, after {steps} steps: {ahead}; {end}."


def _small(value):
    return f"less than {scientific(1e-7)}" if value < 1e-7 else number(value, 1 if value < 0.01 else 2)


def draw_rotation(figure, method, angle, valley, ways):
    """Draw a path through a valley turned by `angle` degrees, and the steps that each method needs by angle.

    ``valley(angle)`` is the surface; `ways` is a sweep over method and angle of paths that end where the
    loss is low enough, each at the method's best rate for the angle.
    """
    left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
    contours(left, valley(angle), levels=7)
    path, angles = ways.at(method=method, angle=angle), ways.axes["angle"]
    left.plot(*path[:400].T, ".-", color=colour(method), linewidth=1.4, markersize=3)
    left.set(title=f"{method}: {len(path) - 1} steps", xlabel="x", ylabel="y", aspect="equal")
    for name in ways.axes["method"]:
        needed = [len(way) - 1 for _, way in ways.at(method=name)]
        here = name == method
        right.plot(
            angles, needed, marker="o", label=name, **line_of(name),
            linewidth=2.6 if here else 1.2, markersize=4 if here else 2,
        )  # fmt: skip
    right.plot(angle, len(path) - 1, "o", color=colour(method), markersize=9)
    right.set(yscale="log", xlim=(-2, 68), ylim=(3, 300), xlabel="angle of the valley, degrees")
    right.set(title="Steps needed", xticks=angles)
    right.set_yticks([5, 10, 20, 50, 100, 200], ["5", "10", "20", "50", "100", "200"])
    right.minorticks_off()
    name_lines(right)
    factor = (len(path) - 1) / (len(ways.at(method=method, angle=0)) - 1)
    times = "just as many" if abs(factor - 1) < 0.05 else f"{number(factor)} times as many"
    return (
        f"{method} needs {count(len(path) - 1, 'step')} through the valley turned by {angle}°, {times} as "
        "along the axes."
    )


def draw_floor(figure, goal, loss, floor):
    """Draw a noisy fit's loss beside its floor, and the excess over it.

    `loss` maps a name to an array (updates, data sets); `floor` is the least loss of each data set.
    """
    left, right = figure.subplots(1, 2)
    for name, runs in loss.items():
        t = np.unique(np.geomspace(1, len(runs), 60).astype(int))
        band(left, t, runs[t - 1].T, color=colour(name), label=name)
        band(right, t, (runs[t - 1] - floor).T, color=colour(name), label=name)
    left.axhline(np.median(floor), color=palette["ink"], linewidth=1, linestyle="--")
    left.axhline(goal, color=palette["error"], linewidth=1, linestyle=":")
    left.annotate("floor", (1.1, np.median(floor) * 0.72), color=palette["ink"])
    left.annotate("goal", (2.5, goal * 1.08), color=palette["error"])
    left.set(xscale="log", yscale="log", ylim=(3e-3, 10), xlabel="update", title="½·MSE")
    right.set(xscale="log", yscale="log", ylim=(2e-5, 10), xlabel="update", title="Excess over the floor")
    right.set_xlim(1, len(runs) * 30)
    name_lines(right)
    start = (
        f"The least possible ½·MSE is {np.median(floor):.3f} in the median over {len(floor)} data sets and "
        f"never below {floor.min():.3f}: "
    )
    if goal < floor.min():
        return f"{start}no optimizer gets to {goal:g}."
    reached = {name: (runs < goal).any(axis=0).sum() for name, runs in loss.items()}
    middle = {name: np.median(_first_below(runs, goal)) for name, runs in loss.items()}
    times = [
        f"{name} {fixed(middle[name], 0)}" if np.isfinite(middle[name]) else f"{name} in {reached[name]} only"
        for name in sorted(loss, key=lambda name: (middle[name], -reached[name]))
    ]
    return f"{start}median updates to {goal:g} are {', '.join(times)}."


def _first_below(runs, goal):
    """The first update of each data set whose loss is below the goal; infinity where none is."""
    below = runs < goal
    return np.where(below.any(axis=0), below.argmax(axis=0) + 1.0, np.inf)


def _row(ax, row, losses, c):
    """The losses of all seeds in a row, with their median and the middle half of them."""
    low, middle, high = spread(losses)
    ax.plot(losses, np.full(len(losses), row), "o", color=c, markersize=3.5, alpha=0.4, mew=0)
    ax.plot([low, high], [row, row], color=c, linewidth=3)
    ax.plot(middle, row, "o", color=c, markersize=8)


def draw_rates(ax, method, epoch, runs):
    """Draw the training loss against the rate.

    `runs` is a sweep over method and rate, the loss by epoch, NaN if it diverged.
    """
    rates, median = runs.axes["rate"], {}
    for name in sorted(runs.axes["method"], key=lambda other: other == method):
        median[name] = _median(runs.at(method=name).values[:, :, epoch - 1])
        here = name == method
        ax.plot(
            rates, median[name], marker="o", label=name, **line_of(name), zorder=3 if here else 2,
            linewidth=2.6 if here else 1.1, markersize=5 if here else 2.5, alpha=1 if here else 0.6,
        )  # fmt: skip
    best = {name: np.nanmin(losses) for name, losses in median.items()}
    leader = min(best, key=best.get)
    ax.axhspan(best[method], 1.1 * best[method], color=palette["grid"], linewidth=0)
    ax.set(xscale="log", yscale="log", ylim=(0.4, 6), xlim=(rates[0] / 1.5, rates[-1] * 1.5), xlabel="rate")
    ax.set_yticks([0.5, 1, 2, 5], ["0.5", "1", "2", "5"])
    ax.minorticks_off()
    ax.set(ylabel="training loss", title=f"After {epoch} epoch{'s' * (epoch > 1)}")
    ax.figure.legend(loc="outside right center")
    good = median[method] <= 1.1 * best[method]
    return (
        f"{method}: {good.sum()} of {len(rates)} rates come within 10% of its best loss, {best[method]:.2f}, "
        f"which stands at rate {number(rates[np.nanargmin(median[method])])}; the best of all is "
        f"{best[leader]:.2f} ({leader})."
    )


def _median(runs):
    """The median over the seeds of each rate; infinity counts, a rate at which most diverge has none."""
    filled = np.where(np.isfinite(runs), runs, np.inf)
    median = np.median(filled, axis=1)
    return np.where(np.isfinite(median), median, np.nan)


def draw_winners(ax, final, rates):
    """Draw the final losses of the tuned optimizers; `final` maps a name to (seeds,), `rates` to its rate."""
    names = sorted(final, key=lambda name: -np.median(final[name]))
    for row, name in enumerate(names):
        _row(ax, row, final[name], colour(name))
    ax.set(yticks=range(len(names)), yticklabels=[f"{name} {number(rates[name])}" for name in names])
    ax.set(xlabel="training loss, seeds not used for tuning", xlim=(0.45, 0.65))
    ax.set_xticks([0.45, 0.5, 0.55, 0.6, 0.65], ["0.45", "0.50", "0.55", "0.60", "0.65"])
    middle = {name: np.median(final[name]) for name in names}
    return (
        f"Tuned at equal budget, {names[-1]} ends lowest ({middle[names[-1]]:.2f}) and {names[0]} highest "
        f"({middle[names[0]]:.2f}): a factor of {middle[names[0]] / middle[names[-1]]:.2f} between all "
        f"{len(names)} names."
    )


def draw_game(ax, method, beta1, beta2, games, sgd, best):
    """Draw x over the steps of the online game that Adam can lose.

    `games` is a sweep over method, beta1 and beta2, x by step; `sgd` is SGD's x by step.
    """
    x = games.at(method=method, beta1=beta1, beta2=beta2)
    t = np.unique(np.geomspace(1, len(x), 150).astype(int))
    ax.plot(t, sgd[t - 1], label="SGD", **line_of("SGD"))
    ax.plot(t, x[t - 1], label=method, color=palette["adamw" if method == "AMSGrad" else method.lower()])
    ax.plot([1, len(x)], [best, best], color=palette["truth"], linewidth=1, linestyle="--")
    ax.annotate("best x", (1.1, best - 0.17), color=palette["truth"])
    ax.set(xscale="log", ylim=(-1.3, 1.15), xlim=(1, len(x) * 4), xlabel="step", ylabel="x")
    name_lines(ax)
    return (
        f"{method} with β₁ = {beta1:g} and β₂ = {beta2:g} ends at {fixed(np.mean(x[-300:]), 2)} after "
        f"{len(x):,} steps and comes as low as {fixed(x.min(), 2)}; the best x is {fixed(best, 0)}."
    )


def draw_spectrum(ax, method, step, spectrum):
    """Draw the singular values of a gradient and of the step that a method makes of it.

    `spectrum` is a sweep over method, at each an array (steps, 2, values): gradient and step, descending.
    """
    gradient, move = (values / values[0] for values in spectrum.at(method=method)[step - 1])
    order = np.arange(1, len(move) + 1)
    ax.plot(order, np.maximum(gradient, 1e-5), color=palette["reference"], linestyle="--", label="gradient")
    ax.plot(order, np.maximum(move, 1e-5), label=f"{method}'s step", **line_of(method))
    ax.axhline(0.1, color=palette["grid"], linewidth=1, zorder=0)
    ax.set(yscale="log", ylim=(1e-4, 1.6), xlim=(0, len(move) + 1), xlabel="number of the singular value")
    ax.set(ylabel="singular value / largest", title=f"{method}, step {step}")
    ax.legend(loc="lower left")
    large = [int((values > 0.1).sum()) for values in (gradient, move)]
    return (
        f"{method}, step {step}: {large[0]} of {len(move)} singular values of the gradient are larger than a "
        f"tenth of the largest, and {large[1]} of the step's."
    )


def draw_beyond(ax, method, output, tried):
    """Draw the loss or the test error of each method against its rate over its best rate.

    `tried` is a sweep over method and factor of its lowest rate, with ``"loss"`` and ``"error"``.
    """
    runs, factors = tried[output], np.array(tried.axes["factor"])
    for name in runs.axes["method"]:
        best = np.argmin(tried["loss"].median[list(runs.axes["method"]).index(name)])
        values = np.where(np.isfinite(runs.at(method=name).median), runs.at(method=name).median, np.nan)
        here = name == method
        ax.plot(
            factors / factors[best], values, marker="o", label=name, **line_of(name), zorder=3 if here else 2,
            linewidth=2.6 if here else 1.1, markersize=5 if here else 2.5, alpha=1 if here else 0.6,
        )  # fmt: skip
        if here:
            good = (values <= 1.1 * np.nanmin(values)).sum()
            told = number(np.nanmin(values)) if output == "loss" else percent(np.nanmin(values), 1)
    limits = (0.1, 3) if output == "loss" else (0.15, 1)
    ax.set(xscale="log", yscale="log", xlim=(0.01, 100), ylim=limits, xlabel="rate / best rate")
    ax.set(ylabel="training loss" if output == "loss" else "test error")
    ticks = (0.1, 0.2, 0.5, 1, 2) if output == "loss" else (0.2, 0.3, 0.5, 1)
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.legend(loc="upper left", ncols=2)
    what = "training loss" if output == "loss" else "test error"
    return (
        f"{method}: the lowest {what} over {count(len(factors), 'rate')} is {told}, and {good} of them are "
        "within 10% of it."
    )
