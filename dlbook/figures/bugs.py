"""Figures of the museum of bugs: would the learning curve have told you?"""

import numpy as np

from dlbook.explorer.numbers import percent
from dlbook.explorer.style import band, name_lines, palette


def draw_symptom(figure, bug, beside, *, curves):
    """The training loss that one sees with the bug, alone or beside the correct run, and both test errors.

    ``curves[bug]`` holds the wrong runs and the right ones: of each the ``loss`` (seeds, epochs) and the test
    ``error`` (seeds,).
    """
    wrong, right = curves[bug]
    left, ax = figure.subplots(1, 2, width_ratios=[2, 1])
    shown = [("with the bug", wrong, palette["highlight"])]
    shown += [("correct", right, palette["honest"])] if beside == "beside it" else []
    for row, (label, found, colour) in enumerate(shown):
        losses, errors = found["loss"], found["error"]
        epochs = np.arange(1, losses.shape[1] + 1)
        band(left, epochs, np.clip(np.nan_to_num(losses, nan=10), 0.1, 10), color=colour, label=label)
        places = row + np.linspace(-0.2, 0.2, len(errors))
        ax.plot(places, 100 * errors, "o", color=colour, markersize=4, alpha=0.6, mew=0)
        ax.plot([row - 0.3, row + 0.3], [100 * np.median(errors)] * 2, color=colour, linewidth=3)
    left.set(yscale="log", ylim=(0.2, 4), xlim=(1, 12.5), xticks=[1, 4, 8])
    left.set(xlabel="epoch", title="training loss")
    left.set_yticks([0.2, 0.5, 1, 2, 4], ["0.2", "0.5", "1", "2", "4"])
    left.minorticks_off()
    name_lines(left)
    ax.set(xlim=(-0.6, 1.6), xticks=[], ylim=(15, 95), title="test error, %")
    text = (
        f"{bug[0].upper()}{bug[1:]}: the loss ends at {_last(wrong['loss'])}, the test error is "
        f"{percent(np.median(wrong['error']))}"
    )
    if beside == "beside it":
        text += f"; the correct run has {_last(right['loss'])} and {percent(np.median(right['error']))}"
    return f"{text} (medians of {len(wrong['error'])} seeds)."


def _last(losses):
    last = np.median(np.nan_to_num(losses[:, -1], nan=np.inf))
    return f"{last:.2f}" if np.isfinite(last) else "infinity"
