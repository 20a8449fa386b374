"""Figures of the chapter vanishing_gradients: how much of the gradient arrives, and what changes that?"""

import numpy as np

from dlbook.explorer.style import band, name_lines, palette

NAMES = {
    "sigmoid": "sigmoid", "tanh": "tanh", "relu": "ReLU", "leaky_relu": "leaky ReLU",
    "elu": "ELU", "gelu": "GELU",
}  # fmt: skip
CURES = {"none": "no cure", "init": "initialization", "batch_norm": "batch norm", "residual": "residual"}
DEPTH = 20
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def scientific(value, digits=1):
    """Write a positive number for a sentence: 0.05, 20 or 6·10⁻¹⁷."""
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    if -2 <= int(exponent) <= 2:
        return f"{float(f'{mantissa}e{exponent}'):g}"
    return f"{mantissa}·10{str(int(exponent)).translate(_SUPERSCRIPTS)}"


def draw_derivative(figure, activation, spread, layers):
    """An activation's derivative, the pre-activations that meet it, and what DEPTH layers make of it.

    `layers` maps a name to a layer of `dlcore.layers`; pre-activations are N(0, spread^2).
    """
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    z = np.linspace(-8, 8, 401)
    color = palette[activation]
    density = np.exp(-0.5 * (z / spread) ** 2)
    left.fill_between(z, 0, 1.2 * density, color=palette["reference"], alpha=0.25, linewidth=0, label="z")
    left.plot(z, _derivative(layers[activation], z), color=color)
    left.set(
        xlim=(-8, 8),
        ylim=(-0.2, 1.3),
        xticks=[-8, -4, 0, 4, 8],
        xlabel="pre-activation z",
        title=f"{NAMES[activation]}: the derivative",
    )
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
        f"{NAMES[activation]}, pre-activations of standard deviation {spread:g}: the root"
        f" mean square derivative is {share:.2f}, and {DEPTH} layers of it leave"
        f" {scientific(share**DEPTH)} of the gradient."
    )


def _derivative(layer, z):
    layer.forward(z)
    return layer.backward(np.ones_like(z))


def _rms_derivative(layer, spread):
    u = np.linspace(-6, 6, 2001)
    weight = np.exp(-0.5 * u**2)
    return float(np.sqrt(np.sum(weight * _derivative(layer, spread * u) ** 2) / np.sum(weight)))


def draw_prediction(ax, runs, predicted):
    """Gradients by layer over seeds (rows of `runs`), relative to the last layer, and a predicted factor."""
    runs = np.asarray(runs) / np.asarray(runs)[:, -1:]
    layer = np.arange(1, runs.shape[1] + 1)
    band(ax, layer, runs, color=palette["sigmoid"], share=1.0, label="measured", marker="o")
    ax.plot(
        layer,
        predicted ** (layer[-1] - layer),
        color=palette["ink"],
        linestyle="--",
        linewidth=1.3,
        label="predicted",
    )
    ax.set(
        yscale="log", xlabel="layer", ylabel="gradient that arrives / last layer's",
        xticks=[1, 5, 10, 15, 20],
        title=f"{len(runs)} networks of {runs.shape[1]} sigmoid layers",
    )  # fmt: skip
    ax.legend(loc="upper left")
    first = np.median(runs[:, 0])
    factor = first ** (1 / (runs.shape[1] - 1))
    return (
        f"The first of {runs.shape[1]} layers receives {scientific(first)} of the last one's"
        f" gradient: a factor of {factor:.3f} per layer, where {predicted:.3f} was predicted."
    )


def draw_gradients(ax, activation, depth, cure, runs):
    """What arrives at each layer, and what its weights get.

    `runs[activation, depth, cure]` = two (seeds, depth) arrays of norms.
    """
    layer = np.arange(1, depth + 1)
    if cure != "none":
        before = np.median(_relative(runs[activation, depth, "none"][0]), axis=0)
        ax.plot(layer, before, color=palette["none"], linestyle=":", linewidth=1.3, label="no cure")
    arriving, weights = (_relative(a) for a in runs[activation, depth, cure])
    band(
        ax,
        layer,
        arriving,
        color=palette[cure if cure != "none" else activation],
        label="arrives at the layer",
        share=0.8,
    )
    ax.plot(
        layer,
        np.median(weights, axis=0),
        color=palette["ink"],
        linestyle="--",
        linewidth=1.1,
        label="of its weights",
    )
    ax.axhline(1, color=palette["reference"], linewidth=0.8)
    ax.set(
        yscale="log", xlim=(0.5, 30.5), ylim=(1e-27, 1e7), yticks=[1e-24, 1e-18, 1e-12, 1e-6, 1, 1e6],
        xticks=[1, 5, 10, 15, 20, 25, 30], xlabel="layer", ylabel="gradient norm / last hidden layer's",
        title=f"{NAMES[activation]}, {depth} layers, {CURES[cure]}",
    )  # fmt: skip
    ax.legend(loc="lower right")
    ratio = np.median(arriving[:, 0])
    factor = ratio ** (1 / (depth - 1))
    return (
        f"{NAMES[activation]}, {depth} layers, {CURES[cure]}: the gradient that arrives at the first layer is"
        f" {scientific(ratio, 2)} of the last hidden layer's, a factor of {factor:.2f} per layer;"
        f" its weights' gradient is {scientific(np.median(weights[:, 0]))} of the last hidden layer's."
    )


def _relative(norms):
    norms = np.asarray(norms)
    return norms / norms[:, -1:]


def draw_updates(ax, ratios):
    """The first step's length over the weights' length by layer; `ratios` maps a name to (seeds, layers)."""
    colors = {"sigmoid": "sigmoid", "tanh": "tanh", "relu": "relu"}
    for name, runs in ratios.items():
        runs = np.asarray(runs)
        band(
            ax,
            np.arange(1, runs.shape[1] + 1),
            runs,
            color=palette[colors[name]],
            label=NAMES[name],
            share=0.8,
        )
    ax.axhspan(1e-20, 6e-8, color=palette["reference"], alpha=0.18, linewidth=0)
    ax.text(10, 1e-13, "below the last bit of a float32", color=palette["muted"], ha="left", fontsize=10)
    ax.axhline(1e-3, color=palette["ink"], linewidth=1, linestyle="--")
    ax.text(1, 1.6e-3, "a healthy 1/1000", color=palette["ink"], fontsize=10)
    layers = max(np.shape(runs)[1] for runs in ratios.values())
    ax.set(
        yscale="log", ylim=(1e-17, 1), xticks=[1, 5, 10, 15, layers], xlabel="layer",
        ylabel="|first step| / |weights|", title="How far does the first step move each layer?",
    )  # fmt: skip
    name_lines(ax)
    parts = [
        f"{NAMES[name]} {scientific(np.median(np.asarray(runs)[:, 0]))} in layer 1 and"
        f" {scientific(np.median(np.asarray(runs)[:, -1]))} in the output layer"
        for name, runs in ratios.items()
    ]
    return "The first step moves the weights by a share of: " + "; ".join(parts) + "."


def draw_depth(ax, depths, accuracy, chance=0.1):
    """Test accuracy by depth; `accuracy` maps (activation, optimizer) to (seeds, depths)."""
    styles = {"SGD": "-", "Adam": "--"}
    for (activation, optimizer), runs in accuracy.items():
        band(
            ax, depths, runs, color=palette[activation], linestyle=styles[optimizer], share=0.8,
            label=f"{NAMES[activation]}, {optimizer}", marker="o",
        )  # fmt: skip
    ax.axhline(chance, color=palette["reference"], linewidth=1)
    ax.text(depths[0], chance + 0.015, "guessing", color=palette["muted"], fontsize=10)
    ax.set(
        ylim=(0, 0.9), xticks=list(depths), xlabel="hidden layers", ylabel="test accuracy",
        title="Deeper, with nothing else changed",
    )  # fmt: skip
    name_lines(ax)
    parts = []
    for (activation, optimizer), runs in accuracy.items():
        good = [d for d, a in zip(depths, np.nanmedian(runs, axis=0)) if a > 0.5]
        reach = f"up to depth {max(good)}" if good else "at no depth"
        parts.append(f"{NAMES[activation]} with {optimizer} {reach}")
    return "Median accuracy stays above one half for " + "; for ".join(parts) + "."


def draw_replication(figure, runs):
    """Glorot & Bengio's figures 6 and 7 as curves.

    `runs[init]` = activations, arriving gradients and weights' gradients, each (seeds, layers).
    """
    titles = ("activations", "gradients arriving", "weights' gradients")
    colors = {"standard": "none", "normalized": "xavier"}
    for ax, k, title in zip(figure.subplots(1, 3), range(3), titles):
        for init, measured in runs.items():
            share = np.asarray(measured[k])
            share = share / share[:, [0 if k == 0 else -1]]
            band(
                ax,
                np.arange(1, share.shape[1] + 1),
                share,
                color=palette[colors[init]],
                label=init,
                share=1.0,
                marker="o",
            )
        ax.set(yscale="log", ylim=(0.05, 5), yticks=[0.1, 0.3, 1, 3], xlabel="hidden layer")
        ax.set_yticklabels(["0.1", "0.3", "1", "3"] if k == 0 else [])
        ax.set_title(title, fontsize=10.5)
    figure.axes[0].set_ylabel("standard deviation, relative")
    figure.axes[1].legend(loc="lower right")
    ratio = {init: np.median(np.asarray(m[1])[:, 0] / np.asarray(m[1])[:, -1]) for init, m in runs.items()}
    return (
        f"Five tanh layers: the first layer's back-propagated gradient is {ratio['standard']:.2f} of the"
        f" fifth's with the standard initialization and {ratio['normalized']:.2f} with the normalized one."
    )


def draw_cures(ax, accuracy, chance=0.1):
    """One dot per seed: test accuracy by activation and cure; NaN is a run that diverged."""
    activations = list(dict.fromkeys(activation for activation, _ in accuracy))
    cures = list(dict.fromkeys(cure for _, cure in accuracy))
    for (activation, cure), runs in accuracy.items():
        runs = np.asarray(runs, float)
        x = activations.index(activation) + 0.19 * (cures.index(cure) - (len(cures) - 1) / 2)
        jitter = np.linspace(-0.06, 0.06, len(runs))
        ax.plot(x + jitter, runs, "o", markersize=3.5, color=palette[cure], alpha=0.75)
        diverged = int(np.isnan(runs).sum())
        if diverged:
            ax.text(
                x, 0.115, f"{diverged}\ndiverged", color=palette[cure], ha="center", va="bottom", fontsize=10
            )
    for cure in cures:
        ax.plot([], [], "o", color=palette[cure], label=CURES[cure])
    ax.axhline(chance, color=palette["reference"], linewidth=1)
    ax.set(
        ylim=(0, 1.02), xlim=(-0.5, len(activations) - 0.5), xticks=range(len(activations)),
        ylabel="test accuracy",
        title="The same 20 layers, the same 80 steps",
    )  # fmt: skip
    ax.set_xticklabels([NAMES[activation] for activation in activations])
    ax.grid(axis="x", visible=False)
    ax.legend(ncols=4, loc="upper center", columnspacing=1, handletextpad=0.2)
    typical = {key: np.nanmedian(runs) for key, runs in accuracy.items() if np.isfinite(runs).any()}
    best = max(typical, key=typical.get)
    failed = sum(np.isnan(runs).any() or np.median(runs) < 1.5 * chance for runs in accuracy.values())
    return (
        f"Of {len(accuracy)} networks, {failed} guess or diverge; the best median is {typical[best]:.2f},"
        f" {NAMES[best[0]]} with the cure '{CURES[best[1]]}'."
    )


def draw_explosion(ax, runs):
    """Gradients that arrive, by layer, for several weight scales; `runs[gain]` is (seeds, depth)."""
    colors = dict(zip(runs, ("green", "olive", "orange", "red")))
    factors = []
    for gain, norms in runs.items():
        norms = _relative(norms)
        depth = norms.shape[1]
        band(
            ax, np.arange(1, depth + 1), norms, color=palette[colors[gain]], label=f"gain {gain:g}", share=0.8
        )
        factors.append(f"{np.median(norms[:, 0]) ** (1 / (depth - 1)):.2f} at gain {gain:g}")
    ax.set(
        yscale="log", xticks=[1, 5, 10, 15, 20], xlabel="layer",
        ylabel="gradient that arrives / last layer's",
        title="Weights times a gain: 20 ReLU layers",
    )  # fmt: skip
    name_lines(ax)
    return "Per layer on the way back the gradient is multiplied by " + ", ".join(factors) + "."


def draw_cliff(figure, clip, steps, surface, paths):
    """A descent on the loss of a one-unit recurrent network, and its gradient norms.

    `surface` = (w, b, loss grid); `paths[clip]` = (points (n, 2), gradient norms (n,), losses (n,)).
    A clip is named by its kind and bound, such as "norm 1". The marker of a norm below the axis is a
    triangle.
    """
    ax, side = figure.subplots(1, 2, width_ratios=(3, 2))
    w, b, loss = surface
    levels = [0.001, 0.01, 0.04, 0.1, 0.2, 0.3, 0.4]
    ax.contour(w, b, loss, levels=levels, colors=palette["reference"], linewidths=0.7)
    points, norms, losses = paths[clip]
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
        f"{'No clipping' if clip == 'none' else 'Clipping by ' + clip}: after {steps} steps the loss is"
        f" {losses[steps]:.2f}, {place}; the largest gradient met so far has norm"
        f" {scientific(norms[: steps + 1].max(), 2)}."
    )


def draw_dead(figure, biases, dead, accuracy):
    """Dead units before training, and accuracy after it, by the bias they began with.

    `dead` is (seeds, biases); `accuracy` maps a slope to (seeds, biases).
    """
    left, right = figure.subplots(1, 2)
    band(left, biases, dead, color=palette["relu"], share=0.8, marker="o")
    left.set(ylim=(-0.03, 1.03), xlabel="first value of every bias", title="dead units, third layer")
    colors = ("relu", "leaky_relu", "elu")
    for (slope, runs), color in zip(accuracy.items(), colors):
        band(right, biases, runs, color=palette[color], label=f"slope {slope:g}", share=0.8, marker="o")
    right.axhline(0.1, color=palette["reference"], linewidth=1)
    right.set(ylim=(0, 0.9), xlabel="first value of every bias", title="test accuracy after training")
    right.legend(loc="center right")
    for ax in (left, right):
        ax.invert_xaxis()
    final = {slope: np.median(np.asarray(runs)[:, -1]) for slope, runs in accuracy.items()}
    finals = ", ".join(f"{a:.2f} with slope {slope:g}" for slope, a in final.items())
    return (
        f"With biases at {biases[-1]:g}, {np.median(np.asarray(dead)[:, -1]):.0%} of the third layer's units"
        f" are dead; accuracy after training is {finals}."
    )


def draw_memory(ax, radius, state, clipping, runs):
    """Gradient by time lag in a recurrent net: `runs[radius, state]` is (seeds, lags).

    Clipped is the gradient with respect to all past states together, so all lags are scaled alike.
    """
    norms = np.asarray(runs[radius, state])
    lag = np.arange(norms.shape[1])
    total = np.linalg.norm(norms, axis=1, keepdims=True)
    scale = np.minimum(1, 1 / total) if clipping == "norm 1" else np.ones_like(total)
    ax.plot(
        lag,
        float(radius) ** lag,
        color=palette["reference"],
        linestyle="--",
        linewidth=1.2,
        label="radius$^{lag}$",
    )
    band(
        ax,
        lag,
        norms * scale,
        color=palette["rnn" if clipping == "none" else "clipping"],
        label="gradient",
        share=0.8,
    )
    ax.axhline(1, color=palette["reference"], linewidth=0.8)
    ax.set(
        yscale="log", xlim=(0, lag[-1]), ylim=(1e-6, 1e6), yticks=[1e-6, 1e-3, 1, 1e3, 1e6],
        xlabel="time lag", ylabel="gradient norm", title=f"spectral radius {radius:g}, {state}",
    )  # fmt: skip
    ax.legend(loc="upper left")
    share = np.median(norms[:, -1] / norms[:, 1])
    size = np.median(np.linalg.norm(norms * scale, axis=1))
    clipped = "clipped to norm 1" if clipping == "norm 1" else "not clipped"
    return (
        f"Spectral radius {radius:g}, {state}, {clipped}:"
        f" lag {lag[-1]} has {scientific(share)} times the gradient of lag 1; all lags together have"
        f" norm {scientific(size)}."
    )
