"""Batch normalization: what do its gradient, its rates, its averages and its small batches look like?"""

from fractions import Fraction

import numpy as np

from dlbook.explorer.numbers import count, number, percent, plain
from dlbook.explorer.style import band, name_lines, palette, shades
from dlcore.normalization import BatchNorm

NAMES = {"none": "no normalization", "batch": "batch normalization", "layer": "layer normalization"}
GOOD = 0.7
"""The test accuracy from which a setting of the map counts as one that works."""

_COLOURS = {"none": palette["none"], "batch": palette["batch_norm"], "layer": palette["layer_norm"]}
_CHANCE = 0.1

# an orthonormal basis of the plane of all (x1, x2, x3) whose mean is 0
_PLANE = np.array([[1, -1, 0], [1, 1, -2]]) / np.sqrt([[2], [6]])


def draw_projection(figure, *, angle, spread):
    """One feature, three examples: x_hat on its circle, the gradient dy, and what is left of it.

    `angle` (degrees) is that between dy and x_hat, `spread` the standard deviation of the three inputs.
    """
    bn = BatchNorm(1, eps=1e-12)
    x = 5 + spread * np.sqrt(3) * _PLANE[0]
    dy = _PLANE.T @ (1.5 * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])) + 0.8
    x_hat = _PLANE @ bn.forward(x[:, None], training=True)[:, 0]
    dx_full = bn.backward(dy[:, None])[:, 0]
    dx, flat = _PLANE @ dx_full, _PLANE @ dy
    ax, bars = figure.subplots(1, 2, width_ratios=(1.5, 1))
    turn = np.linspace(0, 2 * np.pi, 121)
    ax.plot(np.sqrt(3) * np.cos(turn), np.sqrt(3) * np.sin(turn), color=palette["reference"], linewidth=1.2)
    ax.plot(0, 0, "o", color=palette["muted"], markersize=4)
    raw = _PLANE @ x
    ax.plot(*np.transpose([np.zeros(2), raw]), ":", color=palette["muted"], linewidth=1.2)
    ring = {"markersize": 13, "markerfacecolor": "none", "markeredgecolor": palette["muted"]}
    ax.plot(*raw, "o", **ring, linestyle="none", label="x less its mean")
    ax.plot(*x_hat, "o", color=palette["ink"], markersize=8)
    ax.annotate("x̂", x_hat, xytext=(-17, -13), textcoords="offset points", fontsize=13)
    for tip, colour in ((flat, palette["single"]), (dx, palette["highlight"])):
        arrow = {"arrowstyle": "-|>", "color": colour, "linewidth": 2.2, "shrinkA": 0, "shrinkB": 0}
        if np.linalg.norm(tip) > 0.02:
            ax.annotate("", x_hat + tip, xytext=x_hat, arrowprops=arrow)
    ax.plot([], [], color=palette["single"], label="dy less its mean")
    ax.plot([], [], color=palette["highlight"], label="dx")
    ax.set(xlim=(-2.4, 3.9), ylim=(-2.1, 4.2), aspect="equal", xticks=[], yticks=[])
    ax.set_title("the plane of mean 0")
    ax.legend(loc="upper left", fontsize=9.5)
    shares = [np.sum(dy) ** 2 / 3, flat[0] ** 2, flat[1] ** 2] / np.sum(dy**2)
    bars.barh([2, 1, 0], 100 * shares, color=[palette["single"], palette["single"], palette["highlight"]])
    bars.set(xlim=(0, 100), yticks=[2, 1, 0], xlabel="% of |dy|²", title="where dy points")
    bars.set_yticklabels(["the mean", "along x̂", "the rest"])
    bars.grid(visible=False, axis="y")
    length = np.linalg.norm(dx_full) / np.linalg.norm(dy)
    return (
        f"The gradient dy at {angle}° to x̂, inputs with standard deviation {spread:g}: {percent(shares[0])} "
        f"of |dy|² lies along the mean and {percent(shares[1])} along x̂, and both are removed; dx is "
        f"{length:.2f} times as long as dy."
    )


def draw_effective_rate(figure, *, rates, lr):
    """Effective rate by step; `rates` is a sweep over the `scale` of the first weights."""
    ax = figure.subplots()
    scales, steps = rates.axes["scale"], rates.values.shape[-1] - 1
    for scale, colour in zip(scales, shades(len(scales)), strict=True):
        band(ax, np.arange(steps + 1), rates.at(scale=scale), color=colour, label=f"{fraction(scale)} × He")
    ax.set_xscale("symlog", linthresh=1, linscale=0.4)
    ax.set(yscale="log", xlabel="step", ylabel="lr / |w|²", xlim=(0, 2.2 * steps))
    ticks = [t for t in (0, 1, 2, 5, 10, 20, 50, 100) if t <= steps]
    ax.set_xticks(ticks, [str(t) for t in ticks])
    ax.minorticks_off()
    name_lines(ax)
    start, end = (dict(zip(scales, rates.median[:, t], strict=True)) for t in (0, -1))
    small, large = min(scales), max(scales)
    factor = start[large] / end[large]
    down = "has hardly changed" if abs(factor - 1) < 0.05 else f"by a factor of {number(factor)}"
    return (
        f"Rate {lr:g}, weights from {fraction(small)} to {fraction(large)} of He's: the effective rates "
        f"start a factor of {number(start[small] / start[large])} apart; {steps} steps later the smallest "
        f"weights' rate is down by a factor of {number(start[small] / end[small])}, the largest weights' "
        f"{down}."
    )


def draw_rate_map(figure, *, runs, steps, norm, scale, lr):
    """Training curves of one setting, and the map of final accuracy over rate and scale with it marked.

    `runs` is a sweep over `norm`, `scale` and `lr`, whose outputs are ``loss``, the training loss at `steps`
    (NaN after divergence), and ``accuracy``.
    """
    run, (_, scales, rates) = runs.at(norm=norm, scale=scale, lr=lr), runs.axes.values()
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))
    for loss in run["loss"]:
        left.plot(steps, loss, color=_COLOURS[norm], linewidth=1.4, alpha=0.8)
    left.axhline(np.log(10), color=palette["reference"], linestyle="--", linewidth=1.2)
    note = {"ha": "right", "color": palette["muted"], "fontsize": 9.5}
    left.text(steps[-1], np.log(10) * 1.06, "guessing", **note)
    left.set(yscale="log", ylim=(0.2, 20), xlim=(0, steps[-1]), xlabel="step", ylabel="training loss")
    left.set_yticks([0.2, 0.5, 1, 2, 5, 10, 20], ["0.2", "0.5", "1", "2", "5", "10", "20"])
    left.set_title(f"{len(run['loss'])} seeds")
    diverged = int(np.isnan(run["loss"][:, -1]).sum())
    if diverged:
        note = f"{diverged} of {len(run['loss'])} diverged"
        left.text(0.5, 0.93, note, transform=left.transAxes, ha="center", color=palette["error"])
    table = {name: runs["accuracy"].at(norm=name).median for name in runs.axes["norm"]}
    image = right.imshow(100 * table[norm], origin="lower", aspect="auto", vmin=10, vmax=85)
    right.plot(rates.index(lr), scales.index(scale), "o", markersize=13, markeredgewidth=2.6,
               markerfacecolor="none", markeredgecolor=palette["highlight"])  # fmt: skip
    right.set_xticks(range(len(rates)), [number(r) for r in rates], rotation=45, fontsize=9)
    right.set_yticks(range(len(scales)), [fraction(s) for s in scales])
    right.grid(visible=False)
    right.set(xlabel="learning rate", ylabel="weights, × He", title=NAMES[norm])
    figure.colorbar(image, ax=right, label="test accuracy, %", fraction=0.06)
    good = {name: int(np.sum(accuracy >= GOOD)) for name, accuracy in table.items()}
    return (
        f"{NAMES[norm].capitalize()}, weights {fraction(scale)} × He, rate {number(lr)}: median test "
        f"accuracy {percent(np.median(run['accuracy']))} over {len(run['accuracy'])} seeds"
        f"{f', {diverged} of them diverged' if diverged else ''}. Of {table[norm].size} settings "
        f"{good['batch']} reach {percent(GOOD)} with batch normalization, {good['none']} without."
    )


def draw_fast_and_stable(figure, *, steps, runs):
    """Ioffe & Szegedy's figure 1: accuracy by step, and quantiles of one sigmoid's input by step.

    `runs` is a sweep over `norm`, "none", "batch", "noisy" and "noisier"; its outputs are ``accuracy`` by
    step and ``quantiles`` of shape (3, steps), the 15th, 50th and 85th percentile. Those of the first seed
    are drawn.
    """
    grid = figure.add_gridspec(2, 3, height_ratios=(1.25, 1))
    top = figure.add_subplot(grid[0, :])
    lines = {
        "none": ("without", palette["none"], "-"),
        "batch": ("with BN", palette["batch_norm"], "-"),
        "noisy": ("BN, noise", palette["purple"], "--"),
        "noisier": ("BN, noise × 4", palette["highlight"], ":"),
    }
    for name, (label, colour, style) in lines.items():
        accuracy = runs["accuracy"].at(norm=name)
        band(top, steps, 100 * accuracy, color=colour, label=label, linestyle=style)
    top.set(xlabel="step", ylabel="test accuracy, %", ylim=(0, 90), xlim=(steps[0], 1.25 * steps[-1]))
    name_lines(top)
    below = None
    for i, name in enumerate(("none", "batch", "noisier")):
        below = ax = figure.add_subplot(grid[1, i], sharey=below)
        label, colour, _ = lines[name]
        three = runs["quantiles"].at(norm=name)[0]
        ax.fill_between(steps, three[0], three[2], color=colour, alpha=0.18, linewidth=0)
        for line, width in zip(three, (1.2, 2, 1.2), strict=True):
            ax.plot(steps, line, color=colour, linewidth=width)
        ax.set(xlabel="step", ylim=(-5, 5), title=label)
        if i == 0:
            ax.set_ylabel("input of one unit")
        else:
            ax.tick_params(labelleft=False)
    final = dict(zip(runs.axes["norm"], runs["accuracy"].median[:, -1], strict=True))
    return (
        f"After {steps[-1]} steps the sigmoid network is right on {percent(final['none'])} of the test "
        f"images without batch normalization and on {percent(final['batch'])} with it; with noise after "
        f"every BN on {percent(final['noisy'])}, with four times as much noise on "
        f"{percent(final['noisier'])} (medians over {len(runs.seeds)} seeds)."
    )


def draw_updates(ax, *, updates, target):
    """Updates to a validation loss, a sweep over `norm`; a line joins the two runs of each seed."""
    without, with_bn = (updates.at(norm=name) for name in ("none", "batch"))
    for a, b in zip(without, with_bn, strict=True):
        ax.plot([0, 1], [a, b], color=palette["reference"], linewidth=1, alpha=0.8)
    ax.plot(np.zeros(len(without)), without, "o", color=palette["none"])
    ax.plot(np.ones(len(with_bn)), with_bn, "o", color=palette["batch_norm"])
    ax.set_xticks([0, 1], ["without", "with BN"])
    ax.set(xlim=(-0.4, 1.4), ylim=(0, 1.08 * without.max()), ylabel=f"updates to validation loss {target:g}")
    fewer = int(np.sum(with_bn < without))
    return (
        f"With batch normalization {fewer} of {len(without)} seeds need fewer updates to a validation loss "
        f"of {target:g}; the medians' ratio is {np.median(with_bn) / np.median(without):.1f}."
    )


def draw_lag(figure, *, lags, kept, checkpoints, momentum, steps):
    """Running against true variances of one layer's units, and the test error that each momentum has by step.

    The outputs of the sweep `lags` are ``error`` of shape (checkpoints, statistics) and ``variance`` with the
    layer's units as a third axis. The statistics are the averages that `kept` each share, then the true ones.
    The variances of the first seed are drawn.
    """
    at, of = checkpoints.index(steps), kept.index(momentum)
    errors = np.median(lags.at()["error"], axis=0)
    running, true = lags.at()["variance"][0, at, [of, -1]]
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.35))
    left.plot([0.1, 1000], [0.1, 1000], color=palette["reference"], linestyle="--", linewidth=1.2)
    left.plot(true, running, ".", color=palette["batch_norm"], markersize=4)
    left.set(xscale="log", yscale="log", xlim=(0.5, 500), ylim=(0.5, 500), title="one layer's units")
    left.set(xlabel="true variance", ylabel="running variance")
    for i, (k, colour) in enumerate(zip(kept, shades(len(kept)), strict=True)):
        width = 3 if i == of else 1.2
        right.plot(checkpoints, 100 * errors[:, i], color=colour, label=plain(k), linewidth=width)
        if i == of:
            right.plot(steps, 100 * errors[at, i], "o", color=colour, markersize=9)
    right.plot(checkpoints, 100 * errors[:, -1], "--", color=palette["ink"], linewidth=1.4, label="true")
    right.set(xscale="log", ylim=(0, 100), xlabel="training steps", ylabel="test error, %")
    right.set_xticks(checkpoints, [str(c) for c in checkpoints])
    right.set_xlim(checkpoints[0], checkpoints[-1] * 2.6)
    right.minorticks_off()
    right.set_title("error by share kept")
    name_lines(right)
    return (
        f"Share kept {plain(momentum)}, evaluated after {count(steps, 'step')}: the test error is "
        f"{percent(errors[at, of])}, with the true statistics {percent(errors[at, -1])} "
        f"(medians over {len(lags.seeds)} seeds); "
        f"the running variances are {number(np.median(running / true))} times the true ones."
    )


def draw_batch_size(figure, *, runs, x_hat, batch_size, norm):
    """Test error in both modes by batch size, and one example's x_hat when its neighbours are redrawn.

    `runs` is a sweep over `batch_size` and `norm`, whose outputs are the test errors in ``training`` and
    ``evaluation`` mode; ``x_hat[batch_size]`` one example's value after batch normalization, once for each
    draw of neighbours. Layer normalization leaves it at 1.
    """
    sizes = runs.axes["batch_size"]
    left, right = figure.subplots(1, 2, width_ratios=(1.35, 1))
    for name in ("layer", "batch"):
        for mode, line in (("evaluation", "-"), ("training", ":")):
            errors, short = runs[mode].at(norm=name), {"batch": "BN", "layer": "LN"}[name]
            if name == norm:
                style = {"color": _COLOURS[name], "linestyle": line, "label": f"{short}, {mode} mode"}
                band(left, sizes, 100 * errors.values.T, **style)
            elif mode == "evaluation":
                style = {"color": _COLOURS[name], "linewidth": 1.1, "alpha": 0.7, "label": short}
                left.plot(sizes, 100 * errors.median, **style)
    one = runs.at(batch_size=batch_size, norm=norm)
    here = {mode: np.median(one[mode]) for mode in ("training", "evaluation")}
    colour = _COLOURS[norm]
    left.plot([batch_size] * 2, [100 * v for v in here.values()], "o", color=colour, markersize=8)
    left.set(xscale="log", ylim=(0, 100), xlabel="batch size", ylabel="test error, %", title="error")
    left.set_xticks(sizes, [str(size) for size in sizes])
    left.minorticks_off()
    left.legend(loc="upper right")
    values = x_hat[batch_size] if norm == "batch" else np.ones_like(x_hat[batch_size])
    shares = np.full(len(values), 100 / len(values))
    right.hist(values, bins=np.linspace(-3, 4, 43), color=colour, weights=shares)
    right.set(xlim=(-3, 4), ylim=(0, 100), xlabel="x̂ of one example", ylabel="% of draws")
    right.set_title("other neighbours")
    return (
        f"{NAMES[norm].capitalize()}, batches of {batch_size}: test error "
        f"{percent(here['training'])} in training mode and {percent(here['evaluation'])} in evaluation "
        f"mode (medians over {len(runs.seeds)} seeds); one example's x̂ "
        f"varies with its neighbours by a standard deviation of {values.std():.2f}."
    )


def draw_neighbours(ax, *, probabilities, alone):
    """How the probability of one class, for one example, depends on its neighbours in the mini-batch.

    `probabilities` maps each batch size to the values over redrawn neighbours; `alone` is evaluation mode's.
    """
    sizes = list(probabilities)
    low, high = np.transpose([np.quantile(p, [0.025, 0.975]) for p in probabilities.values()])
    place = np.arange(len(sizes))
    jitter = np.linspace(-0.28, 0.28, len(probabilities[sizes[0]]))
    for i, p in zip(place, probabilities.values(), strict=True):
        ax.plot(i + jitter, 100 * np.asarray(p), ".", color=palette["batch_norm"], markersize=3, alpha=0.6)
    ax.axhline(100 * alone, color=palette["highlight"], linestyle="--", linewidth=1.6)
    colour = palette["highlight"]
    ax.text(-0.3, 100 * alone + 2, "evaluation mode", color=colour, fontsize=10)
    ax.set_xticks(place, [str(size) for size in sizes])
    ax.set(xlabel="batch size, in training mode", ylabel="P(its class), %", ylim=(0, 105))
    return (
        f"One image beside {count(sizes[0] - 1, 'other')} in training mode: the probability of its class "
        f"ranges from {percent(low[0])} to {percent(high[0])} (95% of {len(jitter)} draws of neighbours), "
        f"beside {sizes[-1] - 1} from {percent(low[-1])} to {percent(high[-1])}; "
        f"evaluation mode always says {percent(alone)}."
    )


def fraction(scale):
    """A scale as the fraction that it is: 0.125 as "1/8"."""
    return str(Fraction(scale).limit_denominator(1000))
