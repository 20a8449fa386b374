"""What do the figures on initialization show?"""

import numpy as np

from dlbook.explorer.numbers import capital, count, fixed, listed, number, plain
from dlbook.explorer.style import band, name_lines, palette, shades

BINS = np.linspace(-3, 3, 61)
"""The bars of `draw_layers`; what lies beyond is counted in the outermost ones."""

_LIMITS = (1e-7, 1e7)
_GUESSING = np.log(10)


def draw_signals(figure, activation, scale, *, signals):
    """How a signal goes down the layers and its gradient back up.

    `signals` is a sweep over both axes. Each run gives ``forward``, the root mean square of each layer's
    output, and ``backward``, that of the loss's gradient with respect to it.
    """
    run = signals.at(activation=activation, scale=scale)
    panels = {"forward": "the signal, going in", "backward": "the gradient, coming back"}
    for ax, (way, title) in zip(figure.subplots(1, 2, sharey=True), panels.items(), strict=True):
        shown = np.clip(run[way], _LIMITS[0] / 10, _LIMITS[1] * 10)
        layers = np.arange(1, shown.shape[1] + 1)
        ax.axhline(1, color=palette["reference"], linewidth=1, linestyle=":")
        band(ax, layers, shown, color=palette[activation.lower()], share=0.8)
        ax.set(
            yscale="log", ylim=_LIMITS, yticks=[1e-6, 1e-3, 1, 1e3, 1e6], title=title,
            xlabel="layer", xlim=(1, len(layers)), xticks=[1, 5, 10, 15, 20],
        )  # fmt: skip
    figure.axes[0].set_ylabel("root mean square")
    last, first = np.median(run["forward"][:, -1]), np.median(run["backward"][:, 0])
    return (
        f"{capital(activation)}, first weights {scale:g} times as large as He's: after {len(layers)} layers "
        f"the signal is {_times(last)}, and back at layer 1 the gradient is {_times(first)}."
    )


def _size(value):
    return number(value, 1) if np.isfinite(value) else "beyond all numbers"


def _within(values, low, high):
    """Values for drawing: what lies beyond, or is no number any more, at the edge."""
    return np.clip(np.nan_to_num(np.asarray(values, float), nan=high, posinf=high), low, high)


def _end(losses):
    return f"{np.median(losses):.1f}" if np.isfinite(np.median(losses)) else "diverged"


def bars(outputs):
    """How many values are in each of `BINS`, for up to six of a network's layers.

    A ReLU's exact zeros are left out: half of all values, in one bar, would hide the others.
    """
    chosen = [outputs[layer - 1] for layer in _rows(len(outputs))]
    return [np.histogram(np.clip(a[a != 0], BINS[0], BINS[-1]), BINS)[0] for a in chosen]


def _rows(depth, rows=6):
    return np.unique(np.linspace(1, depth, rows).round().astype(int))


def draw_units(figure, *, paths):
    """The first weights of three hidden units by step; `paths` maps two starts to arrays (steps, 3)."""
    panels, apart = figure.subplots(1, 2, sharey=True), {}
    for ax, (name, weights) in zip(panels, paths.items(), strict=True):
        for unit, width in enumerate((5, 3, 1.3)):
            ax.plot(weights[:, unit], color=palette[f"class_{unit}"], linewidth=width)
        ax.set(title=name, xlabel="step", xlim=(0, len(weights) - 1))
        apart[name] = np.ptp(weights[-1])
    panels[0].set_ylabel("weight of each hidden unit")
    said = [f"{gap:.1f} apart ({name})" if gap else f"exactly equal ({name})" for name, gap in apart.items()]
    return f"After {len(weights) - 1} steps the three hidden units' weights are {listed(said)}."


def draw_layers(figure, scheme, activation, depth, *, results):
    """Histograms of the activations by layer, and the size of signal and gradient by layer.

    `results` is a sweep over all three. Each run gives ``bars`` (see `bars`), ``forward`` and ``backward``:
    root mean squares by layer of the activations, and of the gradient with respect to them.
    """
    run = results.at(scheme=scheme, activation=activation, depth=depth)
    color = palette[activation.lower()]
    left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
    middle = (BINS[:-1] + BINS[1:]) / 2
    for y, counts in enumerate(run["bars"].sum(axis=0)):
        height = 0.85 * counts / max(counts.max(), 1)
        left.fill_between(middle, y, y + height, step="mid", color=color, alpha=0.75, linewidth=0)
    rows = _rows(depth)
    left.set_yticks(range(len(rows)), [str(i) for i in rows])
    left.set(xlim=(-3.05, 3.05), ylim=(-0.1, 6), ylabel="layer", xlabel="activation", title="activations")
    layers, low, high = np.arange(1, depth + 1), 1e-5, 1e5
    right.axhline(1, color=palette["reference"], linewidth=1, linestyle=":")
    for way, label, line in (
        ("forward", "signal", {"color": color, "linestyle": "-"}),
        ("backward", "gradient", {"color": palette["muted"], "linestyle": "--"}),
    ):
        band(right, layers, _within(run[way], low / 3, high * 3), label=label, share=0.8, **line)
    right.set(
        yscale="log", ylim=(low, high), xlim=(1, 24), xticks=[1, 6, 12, 18, 24], xlabel="layer",
        title="root mean square", yticks=[1e-4, 1e-2, 1, 1e2, 1e4],
    )  # fmt: skip
    right.legend(loc="upper right")
    last, first = np.median(run["forward"][:, -1]), np.median(run["backward"][:, 0])
    return (
        f"{scheme}, {activation}, {depth} layers: the last activations have a root mean square of "
        f"{_size(last)}; a gradient of size 1 at the top arrives at layer 1 with size {_size(first)}."
    )


def draw_curves(ax, curves):
    """Training loss by step: a sweep over initializations, whose names have colours."""
    ends = []
    for name, runs in zip(curves.axes["init"], curves.values, strict=True):
        tens = _within(runs, 0, 9)[:, : runs.shape[1] // 10 * 10].reshape(len(runs), -1, 10)
        smooth, color = tens.mean(axis=2), palette[name.lower()]
        steps = 10 * np.arange(smooth.shape[1]) + 5
        ax.plot(steps, smooth.T, color=color, linewidth=0.6, alpha=0.5)
        band(ax, steps, smooth, color=color, label=name)
        ends.append(f"{name} {_end(runs[:, -50:])}")
    ax.set(xlabel="step", ylabel="training loss", ylim=(1, 2.6), xlim=(0, 1.25 * steps[-1]))
    ax.axhline(_GUESSING, color=palette["reference"], linewidth=1, linestyle=":")
    name_lines(ax)
    return (
        f"Median training loss over {len(runs)} seeds in the last 50 steps: {', '.join(ends)}; "
        f"guessing has {_GUESSING:.1f}."
    )


def draw_edge(figure, activation, multiplier, *, signals, losses):
    """Signal by layer at one scale of the weights, and the loss after training, at this one and all others.

    Both are sweeps over activations and multipliers; a signal is (layers,), a loss NaN where a run diverged.
    """
    color, scales = palette[activation.lower()], signals.axes["multiplier"]
    left, right = figure.subplots(1, 2)
    for _, sizes in signals.at(activation=activation):
        line = np.median(_within(sizes, *_LIMITS), axis=0)
        layers = np.arange(1, len(line) + 1)
        left.plot(layers, line, color=palette["reference"], linewidth=0.7, alpha=0.8)
    here = signals.at(activation=activation, multiplier=multiplier)
    band(left, layers, _within(here, *_LIMITS), color=color, share=0.8, linewidth=3)
    left.set(yscale="log", ylim=_LIMITS, xlim=(1, len(line)), xlabel="layer", title="signal before training")
    left.set(xticks=[1, 10, 20, len(line)], yticks=[1e-6, 1e-3, 1, 1e3, 1e6])
    low, top = 0.9, 3.1
    for m in scales:
        runs = _within(losses.at(activation=activation, multiplier=m), low, top)
        chosen, width = (color, 2.6) if m == multiplier else (palette["single"], 1.4)
        right.plot(np.full(len(runs), m), runs, "_", markersize=11, color=chosen, markeredgewidth=width)
    right.axhline(_GUESSING, color=palette["reference"], linewidth=1, linestyle=":")
    right.text(4.4, _GUESSING + 0.03, "guessing", ha="right", color=palette["muted"], fontsize=10)
    right.axhline(top, color=palette["error"], linewidth=1, linestyle=":")
    right.text(0.23, top + 0.03, "diverged, or higher", color=palette["error"], fontsize=10)
    right.set(xscale="log", xlim=(0.22, 4.6), ylim=(low, top + 0.2), xlabel="weights, times the scheme's")
    right.set_xticks([0.25, 0.5, 1, 2, 4], ["¼", "½", "1", "2", "4"])
    right.minorticks_off()
    right.set_title("loss after training")
    runs = losses.at(activation=activation, multiplier=multiplier)
    gone = int(np.sum(~np.isfinite(runs)))
    if gone > len(runs) / 2:
        outcome = f"{gone} of {len(runs)} runs diverge"
    else:
        outcome = f"the median loss after training is {np.median(runs[np.isfinite(runs)]):.1f}"
        outcome += f", {gone} of {len(runs)} runs diverged" if gone else ""
    share = np.median(here[:, -1] / here[:, 0])
    return (
        f"{capital(activation)}, weights {multiplier:g} times the scheme's: layer {len(line)}'s signal is "
        f"{_size(share)} of layer 1's; {outcome} (guessing: {_GUESSING:.1f})."
    )


def draw_first_steps(ax, curves):
    """The first steps' loss for several sizes of the last layer, a sweep over scales."""
    scales = curves.axes["scale"]
    for (setting, runs), color in zip(curves, shades(len(scales)), strict=True):
        steps = np.arange(1, runs.shape[1] + 1)
        band(ax, steps, _within(runs, 0, 40), color=color, label=f"{setting['scale']:g} × He")
    ax.axhline(_GUESSING, color=palette["reference"], linewidth=1, linestyle=":")
    ax.set(yscale="log", ylim=(0.4, 40), xlim=(1, 1.25 * len(steps)), xlabel="step", ylabel="training loss")
    ax.set_yticks([0.5, 1, 2.3, 5, 10, 20], ["0.5", "1", "ln 10", "5", "10", "20"])
    ax.minorticks_off()
    name_lines(ax)
    large, small = max(scales), min(scales)
    first = {scale: _end(curves.at(scale=scale)[:, 0]) for scale in (large, small)}
    last = {scale: _end(curves.at(scale=scale)[:, -10:]) for scale in (large, small)}
    return (
        f"First loss {first[large]} with a last layer of {large:g} times He's, {first[small]} with "
        f"{small:g}; in the last ten of {len(steps)} steps {last[large]} and {last[small]}."
    )


def draw_difference(figure, difference, step, *, errors, slices):
    """A difference quotient at one step: what it sees of the loss, and the error of the slopes by step.

    `errors` is a sweep of relative errors over differences and steps, `slices` one over steps without seeds:
    ``(s, rise)``, distances from theta in steps, and the loss's rise there over that of its tangent in one
    step.
    """
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
    s, rise = slices.at(step=step)
    left.plot(s, s, color=palette["reference"], linestyle="--", linewidth=1.4)
    left.plot(s, np.clip(rise, -4, 4), color=palette["model"], linewidth=1.6)
    ends = (-1, 1) if difference == "central" else (0, 1)
    heights = np.clip(np.interp(ends, s, rise), -4, 4)
    left.plot(ends, heights, "o-", color=palette["highlight"])
    left.set(xlim=(-3, 3), ylim=(-3.6, 3.6), xlabel="distance, in steps h", title="the loss near θ")
    left.set_ylabel("rise, tangent = 1")
    error = np.median(errors.at(difference=difference, step=step))
    for name, row, line in zip(errors.axes["difference"], errors.median, ("-", "--"), strict=True):
        color = palette["highlight" if name == difference else "reference"]
        right.plot(errors.axes["step"], row, line, color=color, label=name)
    right.plot(step, error, "o", color=palette["highlight"], markersize=9)
    right.set(
        xscale="log", yscale="log", xlim=(2e-16, 5), ylim=(1e-12, 30), xlabel="step h", title="relative error"
    )
    right.set(xticks=[1e-15, 1e-10, 1e-5, 1], yticks=[1e-12, 1e-9, 1e-6, 1e-3, 1])
    right.legend(loc="lower left")
    digits = max(0, int(np.floor(-np.log10(error)))) if 0 < error < np.inf else 0
    right_digits = count(digits, "digit") if digits else "no digit"
    return (
        f"{capital(difference)} difference, step {plain(step)}: the slopes agree with backpropagation "
        f"to {right_digits}."
    )


def draw_transfer(ax, *, examples, accuracy):
    """What other starts gain over the first, by examples of each class.

    `accuracy` maps a start to an array (seeds, examples).
    """
    (base, scratch), *others = (
        (name.removeprefix("from "), np.asarray(runs)) for name, runs in accuracy.items()
    )
    for (name, runs), meaning in zip(others, ("model", "validation"), strict=True):
        gain = 100 * (runs - scratch)
        ax.plot(examples, gain.T, "o", color=palette[meaning], alpha=0.25, markersize=4, markeredgewidth=0)
        band(ax, examples, gain, color=palette[meaning], label=name)
    ax.axhline(0, color=palette["reference"], linewidth=1.2)
    ax.set(xscale="log", xlabel="examples of each new class", ylim=(-22, 22), ylabel=f"points above {base}")
    ax.set_xlim(examples[0] * 0.9, examples[-1] * 4)
    ax.set_xticks(examples, [str(n) for n in examples])
    ax.minorticks_off()
    name_lines(ax)
    few, many = (
        ", ".join(f"{name} {_signed(np.median((runs - scratch)[:, at]))}" for name, runs in others)
        for at in (0, -1)
    )
    return (
        f"Points above {base}, medians of {len(scratch)} seeds: with {examples[0]} example of each new "
        f"class {few}; with {examples[-1]}: {many}."
    )


def _signed(share):
    points = fixed(100 * share, 0)
    return points if points[0] in "0−" else f"+{points}"


def _times(factor):
    """A factor in words, to one digit where it is far from 1."""
    if 0.5 <= factor <= 2:
        return f"about as large as it was ({factor:.1f} times)"
    return f"{number(factor, 1)} times larger" if factor > 2 else f"{number(1 / factor, 1)} times smaller"
