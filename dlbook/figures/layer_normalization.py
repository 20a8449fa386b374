"""Layer and RMS normalization: which outputs does one input change, and what happens in a stack of blocks?"""

import numpy as np

from dlbook.explorer.numbers import capital, count, number, percent
from dlbook.explorer.style import band, palette

_COLOURS = {
    "batch": palette["batch_norm"],
    "layer": palette["layer_norm"],
    "RMS": palette["green"],
    "group": palette["purple"],
    "pre": palette["green"],
    "post": palette["layer_norm"],
    "none": palette["none"],
}
NAMES = {
    "batch": "batch normalization",
    "layer": "layer normalization",
    "RMS": "RMS normalization",
    "group": "group normalization",
}
PLACES = {"none": "no normalization", "pre": "pre-norm", "post": "post-norm"}
UNCHANGED = 1e-4
"""A smaller change than this is rounding, or the work of ε."""


def draw_reach(ax, *, changes, norm, change):
    """How much each token's output changes when one token's input does.

    ``changes.at(norm=..., change=...)`` holds the root mean square change of each token's features, shape
    (sequences, steps), the tokens of a mini-batch. The changed token is in sequence 1 at step 3 (from 0).
    """
    moved = changes.at(norm=norm, change=change)
    ax.imshow(np.where(moved > UNCHANGED, moved, np.nan), vmin=0, vmax=0.6, aspect="auto")
    for (i, t), value in np.ndenumerate(moved):
        if value > UNCHANGED:  # not pure white, which a dark page exchanges for its own ground
            ax.text(t, i, f"{value:.2f}", ha="center", va="center", fontsize=9.5,
                    color="#fdfdfd" if value < 0.4 else "#1a1a1a")  # fmt: skip
        else:
            ax.text(t, i, "0", ha="center", va="center", color=palette["muted"], fontsize=9.5)
    ax.plot([2.5, 3.5, 3.5, 2.5, 2.5], [0.5, 0.5, 1.5, 1.5, 0.5], color=palette["highlight"], linewidth=2.6)
    sequences, steps = moved.shape
    ax.set(xlabel="step", ylabel="sequence", title=NAMES[norm], xlim=(-0.52, steps - 0.48))
    ax.set(ylim=(sequences - 0.48, -0.52))
    ax.set_xticks(range(steps), [str(t + 1) for t in range(steps)])
    ax.set_yticks(range(sequences), [str(i + 1) for i in range(sequences)])
    ax.grid(visible=False)
    others = moved > UNCHANGED
    own, others[1, 3] = others[1, 3], False
    earlier, later = int(others[1, :3].sum()), int(others[1, 4:].sum())
    strangers = int(others.sum()) - earlier - later
    told = f"changes by {moved[1, 3]:.2f}" if own else "does not change"
    return (
        f"{capital(NAMES[norm])}, one token's input changed ({change}): its own output {told}. Outputs "
        f"change at {count(earlier, 'earlier step')} and {count(later, 'later step')} of the same sequence, "
        f"and at {count(strangers, 'token')} of other sequences."
    )


def draw_stack(figure, *, runs, placement, norm, depth):
    """Size of the residual stream and of the weights' gradients by block, at the start of training.

    `runs` is a sweep over `norm`, `placement` and `depth`, whose outputs are ``stream``, the root mean
    square of the signal after each block, and ``gradient``, the norm of the gradient with respect to each
    block's weights; NaN beyond the depth.
    """
    left, right = figure.subplots(1, 2)
    longest = runs["stream"].values.shape[-1]
    blocks = np.arange(1, longest + 1)
    for ax, name, limits in ((left, "stream", (0.3, 1e10)), (right, "gradient", (0.5, 100))):
        for place in runs.axes["placement"]:
            here = runs[name].at(norm=norm, placement=place, depth=depth)
            if place == placement:
                band(ax, blocks, here, color=_COLOURS[place], linewidth=2.6, marker="o", markersize=4)
            else:
                ax.plot(blocks, np.median(here, axis=0), color=_COLOURS[place], linewidth=1.1, alpha=0.8)
            end = np.median(here, axis=0)[depth - 1]
            beyond = " ↑" if end > limits[1] else ""
            ax.annotate(PLACES[place] + beyond, (depth, np.clip(end, *limits)), xytext=(5, 0), va="center",
                        textcoords="offset points", color=_COLOURS[place], fontsize=9.5)  # fmt: skip
        ax.set(yscale="log", xlabel="block", xlim=(0.5, 1.75 * longest), ylim=limits)
        ax.set_xticks([1, 6, 12, 24])
        ax.minorticks_off()
    left.set_title("residual stream")
    right.set_title("gradient of the weights")
    stream, gradient = (
        np.median(runs[name].at(norm=norm, placement=placement, depth=depth), axis=0)
        for name in ("stream", "gradient")
    )
    share = gradient[depth - 1] / gradient[0]
    return (
        f"{capital(PLACES[placement])} with {NAMES[norm]}, {count(depth, 'block')}: the stream's root mean "
        f"square is {number(stream[0])} after the first block and {number(stream[depth - 1])} after the "
        f"last; the gradient of the last block's weights has the norm {number(gradient[depth - 1])}, "
        f"{percent(share)} of the first's (medians of {len(runs.seeds)} seeds)."
    )


def draw_batch_sizes(ax, *, runs):
    """Test error by batch size, a sweep over `norm` and `batch_size`, each at its own best rate."""
    sizes = runs.axes["batch_size"]
    for norm in runs.axes["norm"]:
        errors = runs.at(norm=norm)
        band(ax, sizes, 100 * errors.values.T, color=_COLOURS[norm], label=NAMES[norm], marker="o")
    ax.set(xscale="log", ylim=(0, 90), xlabel="batch size", ylabel="test error, %")
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.minorticks_off()
    ax.legend(loc="upper right")
    small = [
        f"{NAMES[norm]} {percent(np.median(runs.at(norm=norm, batch_size=sizes[0])))}"
        for norm in runs.axes["norm"]
    ]
    return (
        f"Test error in batches of {sizes[0]}, each at its best rate: {', '.join(small)} "
        f"(medians of {len(runs.seeds)} seeds)."
    )
