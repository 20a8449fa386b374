"""Figures of recurrent networks: how far back does a gradient reach, and what is learned from it?"""

import numpy as np

from dlbook.explorer.numbers import count, listed, number, percent, plain, scientific
from dlbook.explorer.style import band, name_lines, palette

LEARNED = 0.95  # the accuracy from which on the task counts as learned


def draw_memory(ax, *, radius, forget_bias, inputs, rnn, lstm):
    """Draw the gradient's size by the number of steps back, for an RNN and an LSTM.

    ``rnn.at(radius=, inputs=)`` and ``lstm.at(forget_bias=, inputs=)`` have shape (seeds, steps + 1).
    """
    ends = []
    for label, runs, colour in [
        ("RNN", rnn.at(radius=radius, inputs=inputs), palette["rnn"]),
        ("LSTM", lstm.at(forget_bias=forget_bias, inputs=inputs), palette["lstm"]),
    ]:
        steps = np.arange(runs.shape[1])
        band(ax, steps, np.maximum(runs, 1e-20), color=colour, label=label)
        ends.append(np.median(runs[:, -1]))
    ax.axhline(1, color=palette["reference"], linewidth=1, linestyle=":", zorder=0)
    ax.set(
        xlim=(0, steps[-1] * 1.13), ylim=(1e-14, 1e4), yscale="log",
        xlabel="steps back in time", title="gradient, relative to the last step",
    )  # fmt: skip
    powers = range(-12, 5, 4)
    ax.set_yticks([10.0**p for p in powers], [scientific(10.0**p) for p in powers])
    name_lines(ax)
    return (
        f"{steps[-1]} steps back the RNN with radius {plain(radius)} keeps {number(ends[0], 1)} of the "
        f"gradient, and {number(ends[1], 1)} is left in the LSTM with forget bias {plain(forget_bias)} "
        f"(medians of {count(len(runs), 'seed')})."
    )


def draw_learned(ax, *, runs):
    """Draw the accuracy after training by the distance of what must be remembered, a dot for each seed.

    ``runs[network][steps]`` has shape (seeds,), and each network may have seeds of its own number.
    """
    lags = list(next(iter(runs.values())))
    colours = [palette["rnn"], palette["reference"], palette["lstm"]]
    told = []
    for i, ((network, by_lag), colour) in enumerate(zip(runs.items(), colours, strict=True)):
        places = np.arange(len(lags)) + 0.16 * (i - 1)
        for place, accuracy in zip(places, by_lag.values(), strict=True):
            ax.plot(
                np.full(len(accuracy), place), 100 * accuracy, "o",
                color=colour, markersize=4.5, alpha=0.5, mew=0,
            )  # fmt: skip
        ax.plot(
            places, [100 * np.mean(accuracy) for accuracy in by_lag.values()], color=colour, label=network
        )
        last = by_lag[lags[-1]]
        told.append(f"{network}: {np.sum(last > LEARNED)} of {len(last)}")
    ax.set(xlim=(-0.4, len(lags) + 0.1), ylim=(35, 104), xlabel="steps to remember", title="accuracy, %")
    ax.set_xticks(range(len(lags)), lags)
    name_lines(ax)
    return f"Seeds above {percent(LEARNED)} over {lags[-1]} steps: {'; '.join(told)} (lines: means)."


def draw_clipping(figure, *, runs):
    """Draw the accuracy by learning rate, with and without clipping, for two spectral radii.

    ``runs.at(radius=, clip=, lr=)`` has shape (seeds,).
    """
    radii, rates = runs.axes["radius"], runs.axes["lr"]
    told = []
    for ax, radius in zip(figure.subplots(1, len(radii), sharey=True), radii, strict=True):
        for clip, colour in zip(runs.axes["clip"], [palette["none"], palette["clipping"]], strict=True):
            accuracy = runs.at(radius=radius, clip=clip).values
            band(ax, range(len(rates)), 100 * accuracy.T, color=colour, label=clip)
            good = [plain(lr) for lr, row in zip(rates, accuracy, strict=True) if np.median(row) >= LEARNED]
            told.append(f"{clip} at radius {plain(radius)}: {listed(good) if good else 'none'}")
        ax.set(
            xlim=(-0.2, len(rates) + 0.9),
            ylim=(35, 104),
            xlabel="learning rate",
            title=f"radius {plain(radius)}",
        )
        ax.set_xticks(range(len(rates)), [plain(lr) for lr in rates])
        name_lines(ax)
    figure.axes[0].set_ylabel("accuracy, %")
    return f"Learning rates with a median accuracy of at least {percent(LEARNED)}: {'; '.join(told)}."
