"""Schedules: where does a rate that falls, rises or jumps take the loss?"""

import numpy as np

from dlbook.explorer.numbers import capital, number
from dlbook.explorer.style import band, name_lines, palette
from dlcore.search import spread

CHOSEN, CONSTANT, FAILED = palette["model"], palette["baseline"], palette["error"]
TOP = 1e6
"""What a diverged run's loss is drawn and ranked as: above every axis."""


def draw_power(figure, *, power, noise, runs):
    """A rate that falls as a power of the step, on a noisy parabola: the rate and the loss, both in logs.

    `runs` is a sweep over power and noise of ``step`` and ``rate`` (points), ``loss`` (runs, points),
    ``sum``, ``sum_squares`` (of all the rates used) and ``left`` (the mean distance from the minimum at the
    end); power 0, the constant rate, is drawn beside every other.
    """
    run = runs.at(power=power, noise=noise)
    step, loss = run["step"], bounded(run["loss"])
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.5))
    left.plot(step, run["rate"], color=CHOSEN)
    left.set(ylim=(1e-9, 1), title="rate")
    other = bounded(runs.at(power=0, noise=noise)["loss"]).mean(axis=0)
    right.plot(step, other, "--", color=CONSTANT, linewidth=1.5, label="constant")
    low, _, high = spread(loss)
    right.fill_between(step, low, high, color=CHOSEN, alpha=0.18, linewidth=0)
    mean = loss.mean(axis=0)
    right.plot(step, mean, color=CHOSEN, label=f"power {power:g}")
    right.set(ylim=(1e-6, 100), title=f"loss, {len(loss)} runs")
    right.legend(loc="lower left")
    for ax in (left, right):
        ax.set(xscale="log", yscale="log", xlim=(1, step[-1]), xlabel="step")
        ax.minorticks_off()
    name = "A constant rate" if power == 0 else f"Power {power:g}"
    return (
        f"{name}, noise {noise:g}: the {step[-1]:,} rates add up to {number(run['sum'])}, their squares to "
        f"{number(run['sum_squares'])}; the mean loss ends at {number(mean[-1])}, and "
        f"{_distance(run['left'])}."
    )


def draw_gallery(figure, *, schedule, rate, runs, every):
    """One schedule at one base rate: its factor by step, and the loss beside the best constant rate's.

    `runs` is a sweep over schedule and rate of ``factor`` (steps) and ``loss`` (seeds, points), one point for
    each `every` steps; one of the schedules is "constant".
    """
    run, constant = runs.at(schedule=schedule, rate=rate), best_constant(runs)
    flat = bounded(runs.at(schedule="constant", rate=constant)["loss"])
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.3))
    steps, step = len(run["factor"]), every * np.arange(run["loss"].shape[1])
    left.plot(np.arange(steps), run["factor"], color=CHOSEN)
    left.set(xlim=(0, steps), ylim=(-0.03, 1.05), xlabel="step", title="factor")
    median = np.median(flat, axis=0)
    right.plot(step, median, "--", color=CONSTANT, label=f"constant {constant:g}", linewidth=1.5)
    band(right, step, bounded(run["loss"]), color=CHOSEN, label="this one")
    right.set(yscale="log", xlim=(0, 1.42 * steps), ylim=(0.5, 4), xlabel="step", title="loss")
    right.set_yticks([0.5, 0.7, 1, 2, 4], ["0.5", "0.7", "1", "2", "4"])
    right.set_xticks([0, steps // 3, 2 * steps // 3, steps])
    right.minorticks_off()
    name_lines(right)
    last = bounded(run["loss"])[:, -1]
    low, middle, high = spread(last)
    other = (
        ""
        if (schedule, rate) == ("constant", constant)
        else f"; the best constant rate, {constant:g}, ends at {median[-1]:.2f}"
    )
    return (
        f"{capital(schedule)}, base rate {rate:g}: the last factor is {number(run['factor'][-1])}, the mean "
        f"one {number(np.mean(run['factor']))}; after {steps} steps the loss is {_loss(middle)}, "
        f"its middle half {_loss(low)} to {_loss(high)} over {len(last)} seeds{other}."
    )


def best_constant(runs):
    """Return the base rate at which the constant schedule ends lowest in the median."""
    ends = [_median(runs.at(schedule="constant", rate=rate)["loss"][:, -1]) for rate in runs.axes["rate"]]
    return runs.axes["rate"][int(np.argmin(ends))]


def draw_range_test(figure, *, batch, steps, full, tests):
    """Loss against a rate that rises step by step, with each seed's lowest point, and a full sweep's verdict.

    `full` is a sweep over batch and lr of the final losses of all seeds; `tests` one over batch and steps of
    ``rate`` (steps), ``loss`` (seeds, steps; smoothed) and ``reading`` (seeds): a third of the rate at the
    lowest point.
    """
    test = tests.at(batch=batch, steps=steps)
    rate, loss = test["rate"], bounded(test["loss"])
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(1.5, 1))
    for run in loss:
        top.plot(rate, run, color=CHOSEN, linewidth=0.9, alpha=0.5)
        lowest = run.argmin()
        top.plot(rate[lowest], run[lowest], "o", color=palette["highlight"], markersize=4)
    top.set(xscale="log", xlim=(rate[0], rate[-1]), ylim=(0, 5), ylabel="smoothed loss")
    top.set_title(f"range test, {len(loss)} seeds")
    rates, final = full.axes["lr"], [_median(losses) for losses in full.at(batch=batch).values]
    bottom.plot(rates, np.minimum(final, 5), "o-", color=palette["ink"])
    best = rates[int(np.argmin(final))]
    low, middle, high = spread(test["reading"], share=1)
    bottom.axvspan(low, high, color=palette["highlight"], alpha=0.18, linewidth=0)
    bottom.axvline(middle, color=palette["highlight"])
    bottom.set(ylim=(0.4, 1.4), xlabel="learning rate", ylabel="final loss")
    bottom.set_title("a full sweep, and the readings")
    figure.align_ylabels()
    return (
        f"Batches of {batch}, a test of {steps} steps: a third of the rate at the lowest loss is "
        f"{number(middle)} in the median, {number(low)} to {number(high)} over {len(loss)} seeds; "
        f"the sweep's best constant rate is {best:g}."
    )


def draw_warmup(figure, *, steps, rate, runs, every):
    """The rate by step, and every seed's loss under it.

    `runs` is a sweep over steps and rate of ``rate`` (by step) and ``loss`` (seeds, points), one point for
    each `every` steps.
    """
    run = runs.at(steps=steps, rate=rate)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.5))
    total, peak = len(run["rate"]), max(runs.axes["rate"])
    left.plot(np.arange(total), run["rate"], color=CHOSEN)
    left.set(xlim=(0, total), ylim=(0, 1.05 * peak), xlabel="step", title="rate")
    lost = failed(run["loss"])
    for curve, bad in zip(bounded(run["loss"]), lost, strict=True):
        right.plot(
            every * np.arange(len(curve)),
            np.clip(curve, 0, 190),
            color=FAILED if bad else CHOSEN,
            linewidth=1.1,
            alpha=0.7,
        )
    right.axhline(np.log(10), color=palette["reference"], linestyle="--", linewidth=1.2)
    right.text(total, np.log(10) * 1.08, "guessing", ha="right", color=palette["muted"], fontsize=9.5)
    right.set(yscale="log", ylim=(0.4, 200), xlim=(0, total), xlabel="step", title=f"loss, {len(lost)} seeds")
    right.set_yticks([0.5, 1, 2, 5, 10, 100], ["0.5", "1", "2", "5", "10", "100"])
    right.minorticks_off()
    note = f"{lost.sum()} of {len(lost)} failed" if lost.any() else "none failed"
    colour = FAILED if lost.any() else palette["muted"]
    right.text(0.97, 0.93, note, transform=right.transAxes, ha="right", va="top", color=colour)
    here = _median([v[-1] for v in bounded(run["loss"])])
    without = runs["loss"].at(steps=0).values[..., -1]
    least, at = min(zip(map(_median, without), runs.axes["rate"], strict=True))
    first = f"{steps} warm-up steps" if steps else "no warm-up"
    return (
        f"Peak rate {rate:g}, {first}, then a cosine: {lost.sum()} of {len(lost)} seeds fail, and the "
        f"median loss after {total} steps is {_loss(here)}; without warm-up the best rate, {at:g}, "
        f"reaches {number(least)}."
    )


def draw_sharpness(ax, *, step, sharpness, limit):
    """The largest curvature along a warm-up, by seed, under the limit that falls as the rate rises.

    `sharpness` has shape ``(seeds, points)``, `limit` is 2 (1 + momentum) / rate at every step.
    """
    runs = bounded(sharpness)
    band(ax, step, runs, color=CHOSEN, label="sharpness")
    ax.plot(np.arange(len(limit)), limit, color=FAILED, label="limit")
    ax.plot([0, len(limit) - 1], limit[[-1, -1]], ":", color=FAILED, linewidth=1.4)
    ax.text(
        len(limit) * 0.62, limit[-1] * 0.85, "limit at the full rate", va="top", color=FAILED, fontsize=10.5
    )
    ax.set(
        yscale="log", xlim=(0, 1.2 * len(limit)), ylim=(1, 10_000), xlabel="step", ylabel="largest curvature"
    )
    ax.minorticks_off()
    name_lines(ax)
    median = np.median(runs, axis=0)
    return (
        f"At step 0 the median sharpness over {len(runs)} seeds is {number(median[0])}, "
        f"{number(median[0] / limit[-1])} times the limit of {number(limit[-1])} at the full rate; "
        f"at step {step[-1]}, when the rate is full, it is "
        f"{number(median[-1])}."
    )


def draw_race(ax, *, step, losses, colours, ylim=(0.45, 1.5), marks=()):
    """Losses by step of a few named ways, medians and bands; ``losses[name]``: ``(seeds, points)``."""
    for name, runs in losses.items():
        band(ax, step, bounded(runs), color=palette[colours[name]], label=name)
    for mark in marks:
        ax.axvline(mark, color=palette["grid"], linewidth=1.5, zorder=0)
    ax.set(yscale="log", xlim=(0, 1.3 * step[-1]), ylim=ylim, xlabel="step", ylabel="loss")
    ticks = [t for t in (0.5, 0.6, 0.7, 0.8, 1, 1.5, 2) if ylim[0] <= t <= ylim[1]]
    ax.set_yticks(ticks, [f"{t:g}" for t in ticks])
    ax.set_xticks(step[:: max(1, (len(step) - 1) // 7)])
    ax.minorticks_off()
    name_lines(ax)
    step = list(step)
    told = []
    for mark in marks or step[-1:]:
        here = [
            f"{name} {_loss(_median(np.asarray(runs)[:, step.index(mark)]))}" for name, runs in losses.items()
        ]
        told.append(f"after {mark} steps: {', '.join(here)}")
    return f"Median loss {'; '.join(told)}."


def bounded(loss):
    """Losses with every diverged value (NaN, infinite, beyond all axes) set to `TOP`."""
    loss = np.asarray(loss, float)
    return np.where(loss < TOP, loss, TOP)


def failed(loss, guessing=2.0):
    """Which seeds end at a loss of `guessing` or more, or diverged: ten classes guessed give ln 10 = 2.3."""
    return ~(np.asarray(loss)[:, -1] < guessing)


def _median(values):
    return float(np.median(bounded(values)))


def _loss(value):
    return f"{value:.2f}" if value < 100 else "off the scale"


def _distance(left):
    where = f"stop {number(left)} short of the minimum" if left > 0.4 else "are about the minimum"
    return f"the runs {where}"
