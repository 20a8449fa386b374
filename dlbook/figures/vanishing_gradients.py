"""Figures of the chapter vanishing_gradients: how much of the gradient arrives, and what changes that?"""

import numpy as np

from dlbook.explorer.numbers import capital, count, listed, number, percent, plain
from dlbook.explorer.style import band, name_lines, palette

DEPTH = 20
_MEANINGS = {"no cure": "none", "initialization": "init"}


def _color(name):
    return palette[_MEANINGS.get(name, name.lower().replace(" ", "_"))]


def draw_derivative(figure, activation, spread, layers):
    """An activation's derivative, the pre-activations that meet it, and what DEPTH layers make of it.

    `layers` maps a name to a layer of `dlcore.layers`; pre-activations are N(0, spread^2).
    """
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    z = np.linspace(-8, 8, 401)
    color = _color(activation)
    density = np.exp(-0.5 * (z / spread) ** 2)
    left.fill_between(z, 0, 1.2 * density, color=palette["reference"], alpha=0.25, linewidth=0, label="z")
    left.plot(z, _derivative(layers[activation], z), color=color)
    left.set(
        xlim=(-8, 8), ylim=(-0.2, 1.3), xticks=[-8, -4, 0, 4, 8], xlabel="pre-activation z",
        title=f"{activation}: the derivative",
    )  # fmt: skip
    left.text(-7.6, 1.14, "grey: where the z are", color=palette["muted"], fontsize=10)
    depth = np.arange(DEPTH + 1)
    for name, layer in layers.items():
        if name != activation:
            share = _rms_derivative(layer, spread)
            right.plot(depth, share**depth, color=palette["reference"], linewidth=0.8)
    share = _rms_derivative(layers[activation], spread)
    right.plot(depth, share**depth, color=color)
    right.set(
        yscale="log", ylim=(1e-26, 10), yticks=[1, 1e-8, 1e-16, 1e-24], xticks=[0, 10, 20],
        xlabel="layers", title="(root mean square)$^{layers}$",
    )  # fmt: skip
    return (
        f"{capital(activation)}, pre-activations of standard deviation {spread:g}: the root"
        f" mean square derivative is {share:.2f}, and {DEPTH} layers of it leave"
        f" {number(share**DEPTH, 1)} of the gradient."
    )


def _derivative(layer, z):
    layer.forward(z)
    return layer.backward(np.ones_like(z))


def _rms_derivative(layer, spread):
    u = np.linspace(-6, 6, 2001)
    weight = np.exp(-0.5 * u**2)
    return float(np.sqrt(np.sum(weight * _derivative(layer, spread * u) ** 2) / np.sum(weight)))


def draw_gradients(ax, activation, depth, cure, runs):
    """What arrives at each layer, and what its weights get.

    `runs` is a sweep over all three; each run gives the norms ``arrives`` and ``weights`` by layer.
    """
    layer = np.arange(1, depth + 1)
    if cure != "no cure":
        without = runs.at(activation=activation, depth=depth, cure="no cure")["arrives"]
        before = np.median(_relative(without), axis=0)
        ax.plot(layer, before, color=palette["none"], linestyle=":", linewidth=1.3, label="no cure")
    run = runs.at(activation=activation, depth=depth, cure=cure)
    arriving, weights = _relative(run["arrives"]), np.median(_relative(run["weights"]), axis=0)
    color = _color(activation if cure == "no cure" else cure)
    band(ax, layer, arriving, color=color, label="arrives at the layer", share=0.8)
    ax.plot(layer, weights, color=palette["ink"], linestyle="--", linewidth=1.1, label="of its weights")
    ax.axhline(1, color=palette["reference"], linewidth=0.8)
    ax.set(
        yscale="log", xlim=(0.5, 30.5), ylim=(1e-27, 1e7), yticks=[1e-24, 1e-18, 1e-12, 1e-6, 1, 1e6],
        xticks=[1, 5, 10, 15, 20, 25, 30], xlabel="layer", ylabel="gradient norm / last hidden layer's",
        title=f"{activation}, {depth} layers, {cure}",
    )  # fmt: skip
    ax.legend(loc="lower right")
    ratio = np.median(arriving[:, 0])
    factor = ratio ** (1 / (depth - 1))
    return (
        f"{capital(activation)}, {depth} layers, {cure}: the gradient that arrives at the first layer is"
        f" {number(ratio)} of the last hidden layer's, a factor of {factor:.2f} per layer;"
        f" its weights' gradient is {number(weights[0], 1)} of the last hidden layer's."
    )


def _relative(norms):
    norms = np.asarray(norms)
    return norms / norms[:, -1:]


def draw_updates(ax, ratios):
    """The first step's length over the weights' length by layer; a sweep over named networks."""
    parts = []
    for name, runs in zip(ratios.axes["start"], ratios.values, strict=True):
        layer = np.arange(1, runs.shape[1] + 1)
        band(ax, layer, runs, color=_color(name), label=name, share=0.8)
        first, last = (number(np.median(runs[:, at]), 1) for at in (0, -1))
        parts.append(f"{name} {first} in layer 1 and {last} in the output layer")
    ax.axhspan(1e-20, 6e-8, color=palette["reference"], alpha=0.18, linewidth=0)
    ax.text(10, 1e-13, "below the last bit of a float32", color=palette["muted"], ha="left", fontsize=10)
    ax.set(
        yscale="log", ylim=(1e-17, 1), xticks=[1, 5, 10, 15, layer[-1]], xlabel="layer",
        ylabel="|first step| / |weights|", title="How far does the first step move each layer?",
    )  # fmt: skip
    name_lines(ax)
    return "The first step moves the weights by a share of: " + "; ".join(parts) + "."


def draw_depth(ax, accuracy, chance=0.1):
    """Test accuracy by depth; a sweep over cases, named "activation, optimizer", and depths."""
    depths, styles, parts = accuracy.axes["depth"], {"SGD": "-", "Adam": "--"}, []
    for case, runs in zip(accuracy.axes["case"], accuracy.values, strict=True):
        activation, optimizer = case.split(", ")
        band(
            ax, depths, runs.T, color=_color(activation), linestyle=styles[optimizer], share=0.8,
            label=case, marker="o",
        )  # fmt: skip
        good = [depth for depth, a in zip(depths, np.nanmedian(runs, axis=1), strict=True) if a > 0.5]
        reach = f"up to depth {max(good)}" if good else "at no depth"
        parts.append(f"{activation} with {optimizer} {reach}")
    ax.axhline(chance, color=palette["reference"], linewidth=1)
    ax.text(depths[0], chance + 0.015, "guessing", color=palette["muted"], fontsize=10)
    ax.set(
        ylim=(0, 0.9), xticks=depths, xlabel="hidden layers", ylabel="test accuracy",
        title="Deeper, with nothing else changed",
    )  # fmt: skip
    name_lines(ax)
    return "Median accuracy stays above one half for " + "; for ".join(parts) + "."


def draw_replication(figure, runs):
    """Glorot & Bengio's figures 6 and 7 as curves; a sweep over initializations."""
    titles = {
        "activations": "activations", "gradients": "gradients arriving", "weights": "weights' gradients",
    }  # fmt: skip
    colors = {"standard": "none", "normalized": "xavier"}
    for ax, (name, title) in zip(figure.subplots(1, 3), titles.items(), strict=True):
        for init, norms in zip(runs.axes["init"], runs[name].values, strict=True):
            share = norms / norms[:, :1] if name == "activations" else _relative(norms)
            layer = np.arange(1, share.shape[1] + 1)
            band(ax, layer, share, color=palette[colors[init]], label=init, share=1.0, marker="o")
        ax.set(yscale="log", ylim=(0.05, 5), yticks=[0.1, 0.3, 1, 3], xlabel="hidden layer")
        ax.set_yticklabels(["0.1", "0.3", "1", "3"] if name == "activations" else [])
        ax.set_title(title, fontsize=10.5)
    figure.axes[0].set_ylabel("standard deviation, relative")
    figure.axes[1].legend(loc="lower right")
    ratio = {setting["init"]: np.median(_relative(norms)[:, 0]) for setting, norms in runs["gradients"]}
    return (
        f"Five tanh layers: the first layer's back-propagated gradient is {ratio['standard']:.2f} of the"
        f" fifth's with the standard initialization and {ratio['normalized']:.2f} with the normalized one."
    )


def draw_cures(ax, accuracy, chance=0.1):
    """One dot per seed: test accuracy by activation and cure, a sweep; NaN is a run that diverged."""
    activations, cures = accuracy.axes["activation"], accuracy.axes["cure"]
    for setting, runs in accuracy:
        activation, cure = setting["activation"], setting["cure"]
        x = activations.index(activation) + 0.19 * (cures.index(cure) - (len(cures) - 1) / 2)
        jitter = np.linspace(-0.06, 0.06, len(runs))
        ax.plot(x + jitter, runs, "o", markersize=3.5, color=_color(cure), alpha=0.75)
        diverged, style = int(np.isnan(runs).sum()), {"ha": "center", "va": "bottom", "fontsize": 10}
        if diverged:
            ax.text(x, 0.115, f"{diverged}\ndiverged", color=_color(cure), **style)
    for cure in cures:
        ax.plot([], [], "o", color=_color(cure), label=cure)
    ax.axhline(chance, color=palette["reference"], linewidth=1)
    ax.set(
        ylim=(0, 1.02), xlim=(-0.5, len(activations) - 0.5), xticks=range(len(activations)),
        ylabel="test accuracy", title="The same 20 layers, the same 80 steps",
    )  # fmt: skip
    ax.set_xticklabels(activations)
    ax.grid(axis="x", visible=False)
    ax.legend(ncols=4, loc="upper center", columnspacing=1, handletextpad=0.2)
    typical = accuracy.median
    activation, cure = np.unravel_index(np.nanargmax(typical), typical.shape)
    failed = sum(np.isnan(runs).any() or np.median(runs) < 1.5 * chance for _, runs in accuracy)
    return (
        f"Of {len(accuracy)} networks, {failed} guess or diverge; the best median is"
        f" {np.nanmax(typical):.2f}, {activations[activation]} with the cure '{cures[cure]}'."
    )


def draw_explosion(ax, runs):
    """Gradients that arrive, by layer, for several weight scales: a sweep over gains."""
    factors = []
    for (setting, norms), color in zip(runs, ("green", "olive", "orange", "red"), strict=False):
        norms, gain = _relative(norms), f"gain {setting['gain']:g}"
        layer = np.arange(1, norms.shape[1] + 1)
        band(ax, layer, norms, color=palette[color], label=gain, share=0.8)
        factors.append(f"{np.median(norms[:, 0]) ** (1 / (len(layer) - 1)):.2f} at {gain}")
    ax.set(
        yscale="log", xticks=[1, 5, 10, 15, 20], xlabel="layer",
        ylabel="gradient that arrives / last layer's",
        title="Weights times a gain: 20 ReLU layers",
    )  # fmt: skip
    name_lines(ax)
    return f"Per layer on the way back the gradient is multiplied by {listed(factors)}."


def draw_cliff(figure, clip, steps, surface, paths):
    """A descent on the loss of a one-unit recurrent network, and its gradient norms.

    `surface` = (w, b, loss grid); `paths` is a sweep over clips without seeds, each with ``points`` (n, 2),
    ``norms`` and ``losses`` (n,). A clip is named by its kind and bound, such as "norm 1". The marker of a
    norm below the axis is a triangle.
    """
    ax, side = figure.subplots(1, 2, width_ratios=(3, 2))
    w, b, loss = surface
    levels = [0.001, 0.01, 0.04, 0.1, 0.2, 0.3, 0.4]
    ax.contour(w, b, loss, levels=levels, colors=palette["reference"], linewidths=0.7)
    points, norms, losses = paths.at(clip=clip).values()
    color = palette["clipping"] if clip != "none" else palette["error"]
    ax.plot(*points[: steps + 1].T, color=color, marker="o", markersize=3, linewidth=1.2)
    ax.plot(*points[0], "o", color=palette["ink"])
    ax.set(
        xlim=(w.min(), w.max()), ylim=(b.min(), b.max()), xlabel="weight w", ylabel="bias b",
        title=f"After {steps} steps", xticks=[3, 4, 5], yticks=[-3, -2, -1],
    )  # fmt: skip
    floor = 1e-7
    shown = np.maximum(norms, floor)
    if clip != "none":
        side.axhline(float(clip.split()[1]), color=palette["ink"], linewidth=1, linestyle="--")
    side.plot(np.arange(steps + 1), shown[: steps + 1], color=color)
    side.plot(steps, shown[steps], "v" if norms[steps] < floor else "o", color=color)
    side.set(
        yscale="log", xlim=(-1, len(points)), ylim=(floor / 3, 1e4), yticks=[1e-6, 1e-3, 1, 1e3],
        xticks=[0, 20, 40], xlabel="step", title="|gradient|",
    )  # fmt: skip
    where = points[steps]
    inside = w.min() <= where[0] <= w.max() and b.min() <= where[1] <= b.max()
    place = "on the map" if inside else f"far outside the map, at w = {where[0]:.0f}, b = {where[1]:.0f}"
    return (
        f"{'No clipping' if clip == 'none' else 'Clipping by ' + clip}: after {count(steps, 'step')} the loss"
        f" is {losses[steps]:.2f}, {place}; the largest gradient met so far has norm"
        f" {number(norms[: steps + 1].max())}."
    )


def draw_dead(figure, dead, accuracy):
    """Dead units before training, and accuracy after it, by the bias they began with.

    `dead` is a sweep over biases, `accuracy` one over slopes and biases.
    """
    left, right = figure.subplots(1, 2)
    biases, slopes = accuracy.axes["bias"], accuracy.axes["slope"]
    band(left, biases, dead.values.T, color=palette["relu"], share=0.8, marker="o")
    left.set(ylim=(-0.03, 1.03), xlabel="first value of every bias", title="dead units, third layer")
    for slope, runs, color in zip(slopes, accuracy.values, ("relu", "leaky_relu", "elu"), strict=False):
        band(right, biases, runs.T, color=palette[color], label=f"slope {slope:g}", share=0.8, marker="o")
    right.axhline(0.1, color=palette["reference"], linewidth=1)
    right.set(ylim=(0, 0.9), xlabel="first value of every bias", title="test accuracy after training")
    right.legend(loc="center right")
    for ax in (left, right):
        ax.invert_xaxis()
    finals = [
        f"{a:.2f} with slope {slope:g}" for slope, a in zip(slopes, accuracy.median[:, -1], strict=True)
    ]
    return (
        f"With biases at {plain(biases[-1])}, {percent(dead.median[-1])} of the third layer's units"
        f" are dead; accuracy after training is {listed(finals)}."
    )


def draw_memory(ax, radius, drive, clipping, runs):
    """Gradient by time lag in a recurrent net: a sweep over spectral radii and kinds of input.

    Clipped is the gradient with respect to all past states together, so all lags are scaled alike.
    """
    norms = runs.at(radius=radius, drive=drive)
    lag = np.arange(norms.shape[1])
    total = np.linalg.norm(norms, axis=1, keepdims=True)
    scale = np.minimum(1, 1 / total) if clipping == "norm 1" else np.ones_like(total)
    power = {"color": palette["reference"], "linestyle": "--", "linewidth": 1.2, "label": "radius$^{lag}$"}
    ax.plot(lag, float(radius) ** lag, **power)
    color = palette["rnn" if clipping == "none" else "clipping"]
    band(ax, lag, norms * scale, color=color, label="gradient", share=0.8)
    ax.axhline(1, color=palette["reference"], linewidth=0.8)
    ax.set(
        yscale="log", xlim=(0, lag[-1]), ylim=(1e-6, 1e6), yticks=[1e-6, 1e-3, 1, 1e3, 1e6],
        xlabel="time lag", ylabel="gradient norm", title=f"spectral radius {radius:g}, {drive}",
    )  # fmt: skip
    ax.legend(loc="upper left")
    share = np.median(norms[:, -1] / norms[:, 1])
    size = np.median(np.linalg.norm(norms * scale, axis=1))
    clipped = "clipped to norm 1" if clipping == "norm 1" else "not clipped"
    return (
        f"Spectral radius {radius:g}, {drive}, {clipped}:"
        f" lag {lag[-1]} has {number(share, 1)} times the gradient of lag 1; all lags together have"
        f" norm {number(size, 1)}."
    )
