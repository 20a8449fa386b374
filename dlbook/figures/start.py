"""Figures of the first chapter: what does training change, epoch by epoch?"""

import numpy as np

from dlbook.explorer.numbers import count, fixed, percent
from dlbook.explorer.style import name_lines, palette

_TALLEST = 1.1  # losses above are drawn at the upper edge


def draw_training(figure, *, points, lr, epoch, epochs, runs, grid):
    """Draw the network's decision after some epochs, and the losses up to then.

    ``runs.at(points=, lr=)`` holds one run: the training set ``x``, ``y``, what the network answers on the
    plane (``probability`` of class 1), and losses and errors on training and test points, all by epoch.
    """
    run, now = runs.at(points=points, lr=lr), epochs.index(epoch)
    plane, ax = figure.subplots(1, 2, width_ratios=[1.05, 1])
    colours = [palette["class_0"], palette["class_1"]]
    plane.contourf(grid, grid, run["probability"][now], levels=[0, 0.5, 1], colors=colours, alpha=0.2)
    plane.contour(grid, grid, run["probability"][now], levels=[0.5], colors=palette["ink"], linewidths=1.5)
    for label, colour in enumerate(colours):
        plane.plot(*run["x"][run["y"] == label].T, "o", color=colour, markersize=3.5, mew=0)
    plane.set(
        xlim=(grid[0], grid[-1]), ylim=(-1.6, 2.1), xticks=[], yticks=[], title="training points and decision"
    )
    plane.grid(False)
    places = np.arange(now + 1)
    for name, label in [("train_loss", "training"), ("test_loss", "test")]:
        losses = np.clip(np.nan_to_num(run[name][: now + 1], nan=_TALLEST), 0, _TALLEST)
        colour = palette["train" if name == "train_loss" else "validation"]
        ax.plot(places, losses, "o-", color=colour, markersize=3.5, label=label)
    ax.axhline(np.log(2), color=palette["reference"], linewidth=1, linestyle=":", zorder=0)
    ax.set(xlim=(-0.2, len(epochs) + 0.9), ylim=(0, _TALLEST), xlabel="epoch", title="loss")
    ax.set_xticks(range(len(epochs)), epochs)
    name_lines(ax)
    return (
        f"{points} training points, learning rate {lr:g}, after {count(epoch, 'epoch')}: training loss "
        f"{_loss(run['train_loss'][now])}, test loss {_loss(run['test_loss'][now])}; "
        f"{percent(run['train_error'][now])} of the training points and "
        f"{percent(run['test_error'][now])} of the test points are wrong."
    )


def draw_sizes(figure, *, runs):
    """Draw training and test error by the number of training points, a dot for each seed."""
    ax = figure.subplots()
    sizes = runs.axes["points"]
    for name, colour, side in [("train_error", "train", -0.12), ("test_error", "validation", 0.12)]:
        errors = 100 * runs[name].values
        for i, row in enumerate(errors):
            ax.plot(
                np.full(len(row), i + side), row, "o", color=palette[colour], markersize=4, alpha=0.5, mew=0
            )
        label = "training" if name == "train_error" else "test"
        ax.plot(
            np.arange(len(sizes)) + side, np.median(errors, axis=1), "-", color=palette[colour], label=label
        )
    ax.set(xlim=(-0.5, len(sizes) - 0.3), ylim=(-1, 40), xlabel="training points", title="error, %")
    ax.set_xticks(range(len(sizes)), sizes)
    name_lines(ax)
    few, *_, many = 100 * (runs["test_error"].median - runs["train_error"].median)
    return (
        f"With {sizes[0]} training points the median test error is {fixed(few)} percentage points above the "
        f"training error, with {sizes[-1]} it is {fixed(many)} (medians of {count(len(runs.seeds), 'seed')})."
    )


def _loss(value):
    return fixed(value, 2) if not value >= 100 else "above 100"
