"""Figures of "Weight decay": how much does each weight lose, and which rate goes with which decay?"""

import numpy as np

from dlbook.explorer.numbers import fixed, listed, number, percent, plain, superscript
from dlbook.explorer.style import name_lines, palette, shades


def draw_decayed(ax, method, lr, strength, *, paths, sizes):
    """Draw what is left of weights whose gradients are noise of different sizes.

    `paths` is a sweep over method, lr and strength, at each an array (steps + 1, sizes).
    """
    path = paths.at(method=method, lr=lr, strength=strength)
    t = np.unique(np.linspace(0, len(path) - 1, 120).astype(int))
    ax.plot(
        t, (1 - lr * strength) ** t, color=palette["ink"], linestyle="--", linewidth=1.2, label="decay alone"
    )
    for j, c in enumerate(shades(len(sizes))):
        ax.plot(t, path[t, j], color=c, label=f"gradients of {plain(sizes[j])}")
    ax.set(
        xlim=(0, len(path) * 1.4),
        ylim=(-0.15, 1.1),
        xlabel="step",
        ylabel="weight, 1 at the start",
        title=method,
    )
    ax.set_xticks(np.linspace(0, len(path) - 1, 5).round())
    name_lines(ax)
    kept = listed(fixed(value, 2) for value in path[-1])
    return (
        f"{method}, η = {plain(lr)}, λ = {plain(strength)}: after {len(path) - 1:,} steps {kept} are left of "
        f"the weights with gradients of {listed(map(plain, sizes))}; decay alone leaves "
        f"{fixed((1 - lr * strength) ** (len(path) - 1), 2)}."
    )


def draw_decay_map(ax, method, rate, *, maps):
    """Draw the test error over rate × decay, with each rate's best decay marked and one rate pointed at.

    ``maps[method]`` holds the rates (rows), the decays (columns) and the median errors.
    """
    rates, decays, errors = maps[method]
    errors = np.where(np.isfinite(errors), errors, 1.0)
    ax.imshow(100 * errors, origin="lower", aspect="auto", vmin=30, vmax=80)
    best, here = errors.argmin(axis=1), list(rates).index(rate)
    for row, column in np.ndindex(errors.shape):
        dark = errors[row, column] < 0.6
        ax.text(
            column, row, f"{100 * errors[row, column]:.0f}", ha="center", va="center", fontsize=10.5,
            color="#fdfdfd" if dark else "#151515", weight="bold" if column == best[row] else "normal",
        )  # fmt: skip
    ax.plot(best, range(len(rates)), "o", markersize=25, mfc="none", mec=palette["highlight"], mew=2)
    left, right = -0.5, len(decays) - 0.5
    ax.plot(
        [left, right, right, left, left], here + np.array([-0.5, -0.5, 0.5, 0.5, -0.5]),
        color=palette["ink"], linewidth=2.5, clip_on=False,
    )  # fmt: skip
    ax.set_xticks(range(len(decays)), [power_of_2(d) for d in decays])
    ax.set_yticks(range(len(rates)), [power_of_2(r) for r in rates])
    ax.grid(visible=False)
    ax.set(ylabel="rate", xlabel="decay", title=f"{method}: test errors in %")
    moved = best[-1] - best[0]
    tilt = (
        "stays where it is"
        if moved == 0
        else f"moves by a factor of {number(decays[best[-1]] / decays[best[0]])}"
    )
    return (
        f"{method}, rate {power_of_2(rate)}: the best decay is {power_of_2(decays[best[here]])}, with "
        f"{percent(errors[here, best[here]])} errors. From the smallest rate to the largest it {tilt}."
    )


def power_of_2(value):
    """Write a power of 2 as one.

    Examples
    --------
    >>> power_of_2(0.25)
    '2⁻²'
    """
    return f"2{superscript(round(np.log2(value)))}"
