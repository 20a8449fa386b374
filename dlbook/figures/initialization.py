"""What do the figures on initialization show?"""

import numpy as np

from dlbook.explorer.numbers import number, scientific
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
        f"{_capital(activation)}, first weights {scale:g} times as large as He's: after {len(layers)} layers "
        f"the signal is {_times(last)}, and back at layer 1 the gradient is {_times(first)}."
    )


def power(step):
    """Write a power of ten: 0.01 or 10⁻⁵."""
    return scientific(step).removeprefix("1·")


def _size(value):
    return number(value, 1) if np.isfinite(value) else "beyond all numbers"


def _within(values, low, high):
    """Values for drawing: what lies beyond, or is no number any more, at the edge."""
    return np.clip(np.nan_to_num(np.asarray(values, float), nan=high, posinf=high), low, high)


def _end(losses):
    return f"{np.median(losses):.1f}" if np.isfinite(np.median(losses)) else "diverged"


def bars(outputs, rows=6):
    """Shares of the values in each of `BINS`, for `rows` of a network's layers, and these layers' numbers.

    A ReLU's exact zeros are left out: half of all values, in one bar, would hide the others.
    """
    chosen = np.unique(np.linspace(1, len(outputs), rows).round().astype(int))
    counts = [
        np.histogram(np.clip(a[a != 0], BINS[0], BINS[-1]), BINS)[0] for a in (outputs[i - 1] for i in chosen)
    ]
    return np.array(counts), chosen


def draw_units(figure, *, paths):
    """The first weights of three hidden units by step; `paths` maps two starts' names to arrays (steps, 3)."""
    panels, apart = figure.subplots(1, 2, sharey=True), {}
    for ax, (name, weights) in zip(panels, paths.items(), strict=True):
        for unit, width in enumerate((5, 3, 1.3)):
            ax.plot(weights[:, unit], color=palette[f"class_{unit}"], linewidth=width)
        ax.set(title=name, xlabel="step", xlim=(0, len(weights) - 1))
        apart[name] = np.ptp(weights[-1])
    panels[0].set_ylabel("weight of each hidden unit")
    said = [f"{gap:.1f} apart ({name})" if gap else f"exactly equal ({name})" for name, gap in apart.items()]
    return f"After {len(weights) - 1} steps the three hidden units' weights are {said[0]} and {said[1]}."


def draw_layers(figure, scheme, activation, depth, *, results):
    """Histograms of the activations by layer, and the size of signal and gradient by layer.

    ``results[scheme, activation, depth]`` holds ``bars`` and ``rows`` (see `bars`), ``forward`` and
    ``backward``: root mean squares (seeds, layers) of the activations, and of the gradient with respect to
    them.
    """
    run = {name: np.asarray(part) for name, part in results[scheme, activation, depth].items()}
    left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
    middle = (BINS[:-1] + BINS[1:]) / 2
    for y, counts in enumerate(run["bars"]):
        height = 0.85 * counts / max(counts.max(), 1)
        left.fill_between(
            middle, y, y + height, step="mid", color=palette[activation], alpha=0.75, linewidth=0
        )
    left.set_yticks(range(len(run["rows"])), [str(i) for i in run["rows"]])
    left.set(xlim=(-3.05, 3.05), ylim=(-0.1, 6), ylabel="layer", xlabel="activation", title="activations")
    layers, low, high = np.arange(1, depth + 1), 1e-5, 1e5
    right.axhline(1, color=palette["reference"], linewidth=1, linestyle=":")
    styles = {
        "forward": (palette[activation], "-", "signal"),
        "backward": (palette["muted"], "--", "gradient"),
    }
    for way, (color, line, label) in styles.items():
        shown = _within(run[way], low / 3, high * 3)
        band(right, layers, shown, color=color, linestyle=line, label=label, share=0.8)
    right.set(
        yscale="log", ylim=(low, high), xlim=(1, 24), xticks=[1, 6, 12, 18, 24], xlabel="layer",
        title="root mean square", yticks=[1e-4, 1e-2, 1, 1e2, 1e4],
    )  # fmt: skip
    right.legend(loc="upper right")
    last, first = np.median(run["forward"][:, -1]), np.median(run["backward"][:, 0])
    return (
        f"{scheme}, {_NAMES[activation]}, {depth} layers: the last activations have a root mean square of "
        f"{_size(last)}; a gradient of size 1 at the top arrives at layer 1 with size {_size(first)}."
    )


def draw_curves(ax, *, curves, looks):
    """Training loss by step over seeds; ``curves[name]`` has shape (seeds, steps), `looks` their colours."""
    for name, runs in curves.items():
        smooth = (
            _within(runs, 0, 9)[:, : np.shape(runs)[1] // 10 * 10].reshape(len(runs), -1, 10).mean(axis=2)
        )
        steps = 10 * np.arange(smooth.shape[1]) + 5
        for run in smooth:
            ax.plot(steps, run, color=palette[looks[name]], linewidth=0.6, alpha=0.5)
        band(ax, steps, smooth, color=palette[looks[name]], label=name)
    ax.set(xlabel="step", ylabel="training loss", ylim=(1, 2.6), xlim=(0, 1.25 * steps[-1]))
    ax.axhline(_GUESSING, color=palette["reference"], linewidth=1, linestyle=":")
    name_lines(ax)
    ends = [f"{name} {_end(np.asarray(runs)[:, -50:])}" for name, runs in curves.items()]
    return f"Median training loss over {len(runs)} seeds in the last 50 steps: {', '.join(ends)}; guessing has 2.3."


def draw_edge(figure, activation, multiplier, *, signals, losses):
    """Signal by layer at one scale of the weights, and the loss after training, at this one and at all
    others.

    ``signals[activation, multiplier]`` has shape (seeds, layers), ``losses[activation, multiplier]``
    (seeds,), NaN where a run diverged.
    """
    left, right = figure.subplots(1, 2)
    scales = sorted({m for _, m in signals})
    for m in scales:
        line = np.median(_within(signals[activation, m], *_LIMITS), axis=0)
        left.plot(np.arange(1, len(line) + 1), line, color=palette["reference"], linewidth=0.7, alpha=0.8)
    here, layers = signals[activation, multiplier], np.arange(1, len(line) + 1)
    band(left, layers, _within(here, *_LIMITS), color=palette[activation], share=0.8, linewidth=3)
    left.set(yscale="log", ylim=_LIMITS, xlim=(1, len(line)), xlabel="layer", title="signal before training")
    left.set(xticks=[1, 10, 20, len(line)], yticks=[1e-6, 1e-3, 1, 1e3, 1e6])
    low, top = 0.9, 3.1
    for m in scales:
        runs = _within(losses[activation, m], low, top)
        chosen, width = (palette[activation], 2.6) if m == multiplier else (palette["single"], 1.4)
        right.plot(np.full(len(runs), m), runs, "_", markersize=11, color=chosen, markeredgewidth=width)
    right.axhline(_GUESSING, color=palette["reference"], linewidth=1, linestyle=":")
    right.text(4.4, _GUESSING + 0.03, "guessing", ha="right", color=palette["muted"], fontsize=10)
    right.axhline(top, color=palette["error"], linewidth=1, linestyle=":")
    right.text(0.23, top + 0.03, "diverged, or higher", color=palette["error"], fontsize=10)
    right.set(xscale="log", xlim=(0.22, 4.6), ylim=(low, top + 0.2), xlabel="weights, times the scheme's")
    right.set_xticks([0.25, 0.5, 1, 2, 4], ["¼", "½", "1", "2", "4"])
    right.minorticks_off()
    right.set_title("loss after training")
    runs = np.asarray(losses[activation, multiplier])
    gone = int(np.sum(~np.isfinite(runs)))
    if gone > len(runs) / 2:
        outcome = f"{gone} of {len(runs)} runs diverge"
    else:
        outcome = f"the median loss after training is {np.median(runs[np.isfinite(runs)]):.1f}"
        outcome += f", {gone} of {len(runs)} runs diverged" if gone else ""
    share = np.median(here[:, -1] / here[:, 0])
    return (
        f"{_NAMES[activation]}, weights {multiplier:g} times the scheme's: layer {len(line)}'s signal is "
        f"{_size(share)} of layer 1's; {outcome} (guessing: 2.3)."
    )


def draw_first_steps(ax, *, curves):
    """The first steps' loss for several sizes of the last layer; ``curves[scale]`` has shape (seeds, steps)."""
    for (scale, runs), color in zip(curves.items(), shades(len(curves)), strict=True):
        band(
            ax,
            np.arange(1, np.shape(runs)[1] + 1),
            _within(runs, 0, 40),
            color=color,
            label=f"{scale:g} × He",
        )
    ax.axhline(_GUESSING, color=palette["reference"], linewidth=1, linestyle=":")
    steps = np.shape(runs)[1]
    ax.set(yscale="log", ylim=(0.4, 40), xlim=(1, 1.25 * steps), xlabel="step", ylabel="training loss")
    ax.set_yticks([0.5, 1, 2.3, 5, 10, 20], ["0.5", "1", "ln 10", "5", "10", "20"])
    ax.minorticks_off()
    name_lines(ax)
    first = {s: _end(np.asarray(r)[:, 0]) for s, r in curves.items()}
    last = {s: _end(np.asarray(r)[:, -10:]) for s, r in curves.items()}
    large, small = max(curves), min(curves)
    return (
        f"First loss {first[large]} with a last layer of {large:g} times He's, {first[small]} with "
        f"{small:g}; in the last ten of {steps} steps {last[large]} and {last[small]}."
    )


def draw_difference(figure, difference, step, *, errors, slices):
    """A difference quotient at one step: what it sees of the loss, and the error of the slopes by step.

    ``errors[difference][step]`` is a relative error; ``slices[step]`` holds ``(s, rise)``: distances from
    theta in steps, and the loss's rise there over the rise of its tangent in one step.
    """
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
    s, rise = slices[step]
    left.plot(s, s, color=palette["reference"], linestyle="--", linewidth=1.4)
    left.plot(s, np.clip(rise, -4, 4), color=palette["model"], linewidth=1.6)
    ends = (-1, 1) if difference == "central" else (0, 1)
    heights = np.clip(np.interp(ends, s, rise), -4, 4)
    left.plot(ends, heights, "o-", color=palette["highlight"])
    left.set(xlim=(-3, 3), ylim=(-3.6, 3.6), xlabel="distance, in steps h", title="the loss near θ")
    left.set_ylabel("rise, tangent = 1")
    for name, line in (("central", "-"), ("one-sided", "--")):
        chosen = name == difference
        color = palette["highlight"] if chosen else palette["reference"]
        steps = np.array(sorted(errors[name]))
        right.plot(steps, [errors[name][h] for h in steps], line, color=color, label=name)
    right.plot(step, errors[difference][step], "o", color=palette["highlight"], markersize=9)
    right.set(
        xscale="log", yscale="log", xlim=(2e-16, 5), ylim=(1e-12, 30), xlabel="step h", title="relative error"
    )
    right.set(xticks=[1e-15, 1e-10, 1e-5, 1], yticks=[1e-12, 1e-9, 1e-6, 1e-3, 1])
    right.legend(loc="lower left")
    error = errors[difference][step]
    digits = max(0, int(np.floor(-np.log10(error)))) if 0 < error < np.inf else 0
    right_digits = f"{digits} digit{'' if digits == 1 else 's'}" if digits else "no digit"
    return (
        f"{difference.capitalize()} difference, step {power(step)}: the slopes agree with backpropagation "
        f"to {right_digits}."
    )


def draw_transfer(ax, *, examples, accuracy):
    """What other starts gain over the first, by examples of each class; ``accuracy[start]``: (seeds, examples)."""
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
        ", ".join(f"{name} {100 * np.median((runs - scratch)[:, at]):+.0f}" for name, runs in others)
        for at in (0, -1)
    )
    return (
        f"Points above {base}, medians of {len(scratch)} seeds: with {examples[0]} example of each new "
        f"class {few}; with {examples[-1]}: {many}."
    )


_NAMES = {"relu": "ReLU", "tanh": "Tanh", "sigmoid": "Sigmoid"}


def _capital(name):
    return name[0].upper() + name[1:]


def _times(factor):
    """A factor in words, to one digit where it is far from 1."""
    if 0.5 <= factor <= 2:
        return f"about as large as it was ({factor:.1f} times)"
    return f"{number(factor, 1)} times larger" if factor > 2 else f"{number(1 / factor, 1)} times smaller"
