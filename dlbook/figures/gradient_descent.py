"""Gradient descent: what do one step, a mini-batch's gradient and a race of batch sizes look like?"""

import numpy as np

from dlbook.explorer.numbers import number, percent
from dlbook.explorer.style import band, name_lines, palette, shades
from dlcore.optimizers import SGD

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


def draw_best_rates(figure, *, losses, best, power=1.0):
    """The best rate by batch size, and the loss under three rules for the rate.

    ``losses[batch][rate]`` is the final loss of every setting tried and ``best[batch]`` the rate chosen. The
    rule in the middle begins at the smallest batch's best rate and grows it as batch ** `power`.
    """
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
    sizes = np.array(list(losses))
    rates = np.array([best[b] for b in sizes])
    first = rates[0]
    for slope, line in ((1, "--"), (0.5, ":")):
        name = "∝ batch" if slope == 1 else "∝ √batch"
        left.plot(sizes, first * (sizes / sizes[0]) ** slope, line, color=palette["reference"], label=name)
    left.plot(sizes, rates, "o-", color=palette["highlight"], label="best")
    tried = np.array(list(losses[sizes[0]]))
    left.set(xscale="log", yscale="log", xlabel="batch size", title="best rate")
    left.set(xlim=(sizes[0] / 1.4, sizes[-1] * 1.4), ylim=(tried[0] / 1.5, tried[-1] * 3))
    left.legend(loc="upper left")
    told = rule_losses(losses, first, power)
    rule = "rate ∝ batch" if power == 1 else "rate ∝ √batch"
    own, kept = [losses[b][best[b]] for b in sizes], [losses[b][first] for b in sizes]
    lines = {
        "best rate": ("highlight", own),
        rule: ("model", list(told.values())),
        "rate kept": ("reference", kept),
    }
    for name, (meaning, values) in lines.items():
        shown = np.minimum(np.where(np.isfinite(values), values, 3), 3)
        right.plot(sizes[: len(shown)], shown, "o-", color=palette[meaning], markersize=4, label=name)
    right.set(xscale="log", xlim=left.get_xlim(), ylim=(0, 2.5), xlabel="batch size", title="training loss")
    right.legend(loc="upper left")
    for ax in (left, right):
        ticks = [b for b in (1, 10, 100, 1000) if sizes[0] / 1.4 <= b <= sizes[-1] * 1.4]
        ax.set_xticks(ticks, [f"{b:,}" for b in ticks])
        ax.minorticks_off()
    low, high = left.get_ylim()
    ticks = [r for r in (0.001, 0.01, 0.1, 1) if low <= r <= high]
    left.set_yticks(ticks, [f"{r:g}" for r in ticks])
    return (
        f"The best rate grows from {first:g} at batches of {sizes[0]} to {rates[-1]:g} at {sizes[-1]:,}; the "
        f"loss at the best rate is {own[0]:.2f} and {own[-1]:.2f}, with the rate kept {kept[-1]:.2f} at "
        f"{sizes[-1]:,}."
    )


def rule_losses(losses, first, power=1.0):
    """Return the loss by batch size when the rate grows as batch ** power, as far as the rates were tried.

    Rates between two tried ones are interpolated on the logarithm.

    Examples
    --------
    >>> rule_losses({2: {0.1: 0.5, 0.2: 0.6}, 4: {0.1: 0.7, 0.2: 0.8}, 8: {0.1: 0.9, 0.2: 1.0}}, 0.1)
    {2: 0.5, 4: 0.8}
    """
    smallest, told = min(losses), {}
    for batch, by_rate in losses.items():
        rate, tried = first * (batch / smallest) ** power, np.array(list(by_rate))
        if rate > tried[-1] * (1 + 1e-9):
            break
        told[batch] = float(np.interp(np.log(rate), np.log(tried), list(by_rate.values())))
    return told
