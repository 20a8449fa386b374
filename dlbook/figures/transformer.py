"""Figures of the transformer chapter: what does training lose without each ingredient?"""

import numpy as np

from dlbook.explorer.numbers import count, fixed, number, percent
from dlbook.explorer.style import band, name_lines, palette
from dlcore.search import spread

STANDARD = "AdamW"
"""The arm of the stored runs that has all ingredients."""

CHANGES = {
    "nothing": "AdamW",
    "attention: none": "no attention",
    "residuals: none": "no residuals",
    "residual scaling: none": "unscaled",
    "residual parts: 0 at first": "zero-init",
    "embeddings: 1 → 0.1": "small embeddings",
    "all weights: 0.02": "0.02 everywhere",
    "normalization: none": "no norm",
    "RMSNorm → LayerNorm": "LayerNorm",
    "pre-norm → post-norm": "post-norm",
    "post-norm, no warm-up": "post-norm, no warm-up",
    "warm-up: none": "no warm-up",
    "cosine → constant rate": "constant rate",
    "clipping: none": "no clipping",
    "β₂: 0.95 → 0.999": "beta2 0.999",
    "weight decay: none": "no decay",
    "AdamW → SGD": "SGD",
    "AdamW → SGD, no clipping": "SGD, no clipping",
    "AdamW → momentum": "Momentum",
    "AdamW → Muon": "Muon",
}
"""What the reader can change, and the name of the arm that does it."""

GROUPS = {"frequent": "the 8 most frequent", "middle": "the 24 next", "rare": "the 64 rarest"}
"""The current tokens by frequency: the results' names, and the reader's."""

_OPTIMIZERS = {"AdamW": "adamw", "SGD": "sgd"}
_LOWEST, _HIGHEST = 0.1, 3.0


def split_arm(arm):
    """The name and the learning rate of an arm.

    Examples
    --------
    >>> split_arm("post-norm, no warm-up 0.005")
    ('post-norm, no warm-up', 0.005)
    """
    name, _, rate = arm.rpartition(" ")
    return name, float(rate)


def by_name(runs):
    """The results of each arm by its name, where each has one rate."""
    return {split_arm(arm)[0]: runs.at(arm=arm) for arm in runs.axes["arm"]}


def by_rate(tuning):
    """The mean excess loss over the tuning seeds: a dict by name of dicts by learning rate."""
    grids = {}
    for arm in tuning.axes["arm"]:
        name, rate = split_arm(arm)
        grids.setdefault(name, {})[rate] = float(np.mean(tuning.at(arm=arm)["excess"]))
    return grids


def best_rate(grid):
    """The rate with the lowest loss, and whether it lies inside its grid."""
    rates = sorted(grid)
    best = min(rates, key=grid.get)
    return best, best not in (rates[0], rates[-1])


def draw_change(figure, *, change, runs, steps, alone):
    """Draw the excess loss on the way, beside that of the standard training; and at the end, for all changes.

    Parameters
    ----------
    change : str
        One of CHANGES.
    runs : dict
        From `by_name`; each has ``curve`` (seeds, len(steps)) and ``excess`` (seeds,).
    steps : tuple of int
        Where the curves were measured.
    alone : float
        The excess loss of the best prediction from the current token alone.
    """
    curves, ends = figure.subplots(1, 2, width_ratios=[1.15, 1])
    name, standard = CHANGES[change], runs[STANDARD]
    lines = [(STANDARD, "reference", "standard")] + [(name, "highlight", "changed")] * (name != STANDARD)
    for arm, colour, label in lines:
        seen = np.clip(np.nan_to_num(runs[arm]["curve"], posinf=_HIGHEST), _LOWEST, _HIGHEST)
        band(curves, steps, seen, color=palette[colour], label=label, share=0.8)
    curves.axhline(alone, color=palette["ink"], linewidth=1, linestyle=":")
    curves.annotate("current token alone", (0.03, alone), xycoords=("axes fraction", "data"),
                    xytext=(0, -3), textcoords="offset points", va="top", fontsize=9,
                    color=palette["muted"])  # fmt: skip
    curves.set(yscale="log", xlim=(0, 1.28 * steps[-1]), ylim=(_LOWEST, _HIGHEST), xlabel="step",
               title="excess loss, nats")  # fmt: skip
    _plain_ticks(curves.yaxis, [0.1, 0.2, 0.5, 1, 2])
    curves.set_xticks([0, 50, 100, 150, 200])
    name_lines(curves)

    for place, (label, arm) in enumerate(CHANGES.items()):
        low, median, high = np.clip(spread(runs[arm]["excess"], 0.8), _LOWEST, _HIGHEST)
        chosen = label == change
        colour = palette["highlight" if chosen else "reference"]
        ends.plot([low, high], [place, place], color=colour, linewidth=2.5 if chosen else 1.5)
        ends.plot(median, place, "o", color=colour, markersize=7 if chosen else 4.5)
    ends.axvline(np.median(standard["excess"]), color=palette["reference"], linewidth=1, linestyle=":")
    ends.set(xscale="log", xlim=(_LOWEST, _HIGHEST), ylim=(len(CHANGES) - 0.5, -0.5), title="at the end")
    _plain_ticks(ends.xaxis, [0.1, 0.3, 1, 3])
    ends.set_yticks(range(len(CHANGES)), list(CHANGES), fontsize=8.5)
    ends.grid(axis="y", visible=False)

    seeds = len(standard["excess"])
    base = f"With the standard model and training the excess loss is {_told(standard['excess'])}"
    if name == STANDARD:
        return f"{base} after {steps[-1]} steps (median of {seeds} seeds, and where the middle 80% lie)."
    worse = int(np.sum(runs[name]["excess"] > standard["excess"]))
    return (
        f"{base}; changed ({change}): {_told(runs[name]['excess'])}, worse in {worse} of {seeds} seeds "
        f"(median, and where the middle 80% lie)."
    )


def draw_groups(ax, *, tokens, runs):
    """Draw AdamW's and SGD's excess loss by how frequent the current token is, a dot for each seed."""
    prefix = "flat " if tokens == "all alike" else ""
    medians = {}
    for side, name in zip((-0.14, 0.14), _OPTIMIZERS):
        arm, colour = runs[prefix + name], palette[_OPTIMIZERS[name]]
        medians[name] = [float(np.median(arm[group])) for group in GROUPS]
        for place, group in enumerate(GROUPS):
            seeds = arm[group]
            ax.plot(np.full(len(seeds), place + side), seeds, "o", color=colour, alpha=0.5, mew=0)
            ax.plot(place + side + np.array([-0.1, 0.1]), [medians[name][place]] * 2, color=colour,
                    label=name if place == len(GROUPS) - 1 else None)  # fmt: skip
    ax.set(xlim=(-0.5, 2.9), ylim=(0, 1.5), ylabel="excess loss, nats", xlabel="current token")
    names = GROUPS.values() if tokens != "all alike" else [f"{count(n, 'token')}" for n in (8, 24, 64)]
    ax.set_xticks(range(len(GROUPS)), list(names))
    name_lines(ax)
    adamw, sgd = medians["AdamW"], medians["SGD"]
    where = [GROUPS["frequent"], GROUPS["rare"]] if tokens != "all alike" else ["first 8", "last 64"]
    return (
        f"Token frequencies {tokens}: excess loss of AdamW and SGD {fixed(adamw[0], 2)} and "
        f"{fixed(sgd[0], 2)} at the {where[0].removeprefix('the ')} tokens, {fixed(adamw[-1], 2)} and "
        f"{fixed(sgd[-1], 2)} at the {where[1].removeprefix('the ')} (medians of {len(arm['rare'])} seeds)."
    )


def draw_places(ax, *, losses, entropy):
    """Draw the mean loss at each place of the sequence, by who predicts."""
    places = np.arange(1, len(entropy) + 1)
    ax.plot(places, entropy, color=palette["ink"], linestyle=":", label="best possible")
    for (name, loss), colour in zip(losses.items(), ("reference", "model")):
        ax.plot(places, loss, color=palette[colour], label=name, marker="o", markersize=3.5)
    ax.set(xlim=(0.5, 1.45 * len(entropy)), xlabel="place in the sequence", ylabel="loss, nats")
    ax.set_xticks([1, 4, 8, 12, 16])
    name_lines(ax)
    told = [f"{name} {fixed(loss[0], 2)} and {fixed(loss[-1], 2)}" for name, loss in losses.items()]
    return (
        f"Mean loss at the first and the last place: {'; '.join(told)}; best possible "
        f"{fixed(entropy[0], 2)} and {fixed(entropy[-1], 2)}."
    )


def draw_attention(ax, *, block, head, sequence, attention, tokens, topics):
    """Draw where each step of a sequence looks: the weights of one head of a trained network.

    ``attention[block - 1]`` has the shape (sequences, heads, t, t).
    """
    A, seen, topic = attention[block - 1][sequence - 1, head - 1], tokens[sequence - 1], topics[sequence - 1]
    ax.imshow(A, vmin=0, vmax=1)
    ax.set_xticks(range(len(seen)), seen, fontsize=8.5)
    ax.set_yticks(range(len(seen)), seen, fontsize=8.5)
    ax.set(xlabel="looks at token", ylabel="step with token", title=f"block {block}, head {head}")
    ax.grid(visible=False)
    later = slice(len(seen) // 2, None)
    itself = np.diag(A)[later].mean()
    own = (A * (seen % 4 == topic))[later].sum(axis=1).mean()
    return (
        f"Block {block}, head {head}, sequence {sequence} of topic {topic}: from the second half of the "
        f"steps {percent(itself)} of the attention goes to the step itself and {percent(own)} to words of "
        f"the topic ({count(int((seen % 4 == topic).sum()), 'token')} of {len(seen)})."
    )


def _told(excess):
    low, median, high = spread(excess, 0.8)
    return f"{fixed(median, 2)} ({fixed(low, 2)} to {fixed(high, 2)})"


def _plain_ticks(axis, places):
    axis.set_ticks(places, [number(place) for place in places])
    axis.set_ticks([], minor=True)
