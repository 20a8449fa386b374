"""What do the figures on initialization show?"""

import numpy as np

from dlcore.book.style import band, palette

_LIMITS = (1e-7, 1e7)


def draw_signals(figure, activation, scale, *, signals):
    """How a signal goes down the layers and its gradient back up, over seeds.

    ``signals[activation, scale]`` holds two arrays (seeds, layers): the root mean square of each layer's output,
    and that of the loss's gradient with respect to it.
    """
    forward, backward = signals[activation, scale]
    left, right = figure.subplots(1, 2, sharey=True)
    layers = np.arange(1, forward.shape[1] + 1)
    for ax, runs, name in ((left, forward, "the signal, going in"), (right, backward, "the gradient, coming back")):
        shown = np.clip(runs, _LIMITS[0] / 10, _LIMITS[1] * 10)
        ax.axhline(1, color=palette["reference"], linewidth=1, linestyle=":")
        band(ax, layers, shown, color=palette[activation], share=0.8)
        ax.set(
            yscale="log", ylim=_LIMITS, yticks=[1e-6, 1e-3, 1, 1e3, 1e6], title=name,
            xlabel="layer", xlim=(1, len(layers)), xticks=[1, 5, 10, 15, 20],
        )  # fmt: skip
    left.set_ylabel("root mean square")
    last, first = np.median(forward[:, -1]), np.median(backward[:, 0])
    return (
        f"{_NAMES[activation]}, first weights {scale:g} times as large as He's: after {len(layers)} layers the signal is "
        f"{_times(last)}, and back at layer 1 the gradient is {_times(first)}."
    )


_NAMES = {"relu": "ReLU", "tanh": "Tanh", "sigmoid": "Sigmoid"}


def _times(factor):
    """A factor in words, to one digit where it is far from 1."""
    if 0.5 <= factor <= 2:
        return f"about as large as it was ({factor:.1f} times)"
    if factor > 2:
        return f"{_rounded(factor)} times larger"
    return f"{_rounded(1 / factor)} times smaller"


def _rounded(factor):
    if factor < 10:
        return f"{factor:.0f}"
    digits = int(np.floor(np.log10(factor)))
    if digits < 6:
        return f"{round(factor, -digits):,.0f}"
    return f"10{str(digits).translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
