"""Search: what do a grid's shadows, a model of the loss, rungs and best-of-k curves look like?"""

import numpy as np

from dlbook.explorer.numbers import count, fixed, number, percent, points
from dlbook.explorer.style import band, name_lines, palette
from dlcore.search import spread

COLOURS = {
    "grid": palette["grey"],
    "random": palette["blue"],
    "coarse to fine": palette["cyan"],
    "bayesian": palette["purple"],
    "halving": palette["orange"],
    "hyperband": palette["green"],
    "ASHA": palette["red"],
}
"""The colour of each search."""

_SUPPORT = {"x only": (1.0, 0.0), "x ten times y": (1.0, 0.1), "x and y alike": (1.0, 1.0)}
_SAID = {
    "x only": "only x matters",
    "x ten times y": "x matters ten times as much as y",
    "x and y alike": "x and y matter alike",
}
_WORDS = {"lr": "learning rate", "scale": "first weights"}
_TICKS = [1, 2, 4, 8, 16, 32, 64]
_WORST = 30  # points of regret: the top of the axis


def weights(matters):
    """How much a step along x and along y changes the loss."""
    return np.array(_SUPPORT[matters])


def draw_shadows(figure, *, budget, matters, runs):
    """A grid and a random search with the shadows of their points, and the best of 100 searches of each.

    `runs` is a sweep over `budget` and `matters`. Its outputs are ``grid`` and ``random``, the distance of
    each search's best point to the optimum along what matters, and ``lattice`` and ``drawn``, the points of
    one search.
    """
    axes = figure.subplots(2, 2, width_ratios=(1, 1.15))
    run, values = runs.at(budget=budget, matters=matters), {}
    largest = max(runs[name].values.max() for name in ("grid", "random"))
    for (ax, below), name, tried in zip(axes, ("grid", "random"), ("lattice", "drawn"), strict=True):
        x, y = run[tried].T
        values[name] = len(np.unique(x.round(9)))
        size = 5 if budget <= 49 else 3
        ax.plot(x, y, "o", color=COLOURS[name], markersize=size)
        ax.plot(x, np.full(len(x), -0.11), "|", color=palette["ink"], markersize=10, markeredgewidth=1.3)
        faint = palette["ink"] if weights(matters)[1] else palette["single"]
        ax.plot(np.full(len(y), -0.08), y, "_", color=faint, markersize=10, markeredgewidth=1.3)
        ax.set(xlim=(-0.14, 1.03), ylim=(-0.2, 1.03), xticks=[], yticks=[], xlabel="x", ylabel="y")
        ax.set_title(f"{name}: {values[name]} values of x")
        _histogram(below, run[name], largest, COLOURS[name])
    axes[0, 1].set_title("best of 100 searches")
    axes[1, 1].set_xlabel("distance from the optimum")
    median = {name: np.median(run[name]) for name in values}
    ratio = median["grid"] / median["random"]
    told = f"{ratio:.1f} times the random one's" if ratio >= 1 else f"only {ratio:.1f} times the random one's"
    return (
        f"{budget} runs, {_SAID[matters]}: the grid tries {values['grid']} values of x, random search "
        f"{values['random']}. The median best of 100 searches is {median['grid']:.3f} from the "
        f"optimum with a grid and {median['random']:.3f} at random: the grid's distance is {told}."
    )


def _histogram(ax, values, largest, colour):
    bins = np.geomspace(3e-4, max(largest, 0.3), 25)
    share = np.full(len(values), 100 / len(values))
    ax.hist(np.clip(values, bins[0], bins[-1]), bins=bins, color=colour, weights=share)
    ax.axvline(np.median(values), color=palette["ink"], linewidth=1.6)
    ax.set(xscale="log", ylim=(0, 45), xlim=(bins[0], bins[-1]), ylabel="% of searches")
    ax.set_xticks([0.001, 0.01, 0.1], ["0.001", "0.01", "0.1"])
    ax.minorticks_off()


def draw_matters(figure, *, rates, errors, shares, shuffled):
    """Every run's error by learning rate, and the share of the variance that each hyperparameter explains.

    `shares` and `shuffled` map each hyperparameter to its share with the errors as they are and shuffled.
    """
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.05))
    left.plot(rates, 100 * np.asarray(errors), ".", color=palette["validation"], markersize=5, alpha=0.7)
    left.set(xscale="log", ylim=(15, 100), xlabel="learning rate", ylabel="error, %")
    left.set_title(f"{len(errors)} networks")
    order = sorted(shares, key=shares.get)
    at = np.arange(len(order))
    right.barh(at, [100 * shares[name] for name in order], color=palette["model"], height=0.65)
    right.plot([100 * shuffled[name] for name in order], at, "|", color=palette["ink"], markersize=14,
               markeredgewidth=2.2, label="errors shuffled")  # fmt: skip
    right.set_yticks(at, [_WORDS.get(name, name) for name in order])
    right.set(xlim=(0, 60), xlabel="% of the variance", title="spread explained by")
    right.grid(visible=False, axis="y")
    right.legend(loc="lower right")
    first, second = order[-1], order[-2]
    said, then = (_WORDS.get(name, name) for name in (first, second))
    return (
        f"Of the variance of the error over {len(errors)} networks the {said} alone explains "
        f"{percent(shares[first])}, the next one, {then}, {percent(shares[second])}; shuffled errors "
        f"would give the {said} {percent(shuffled[first])}."
    )


def draw_process(figure, *, runs, states, at, truth, truth_at):
    """A Gaussian process after `runs` runs on the rate, and the expected improvement that chooses the next.

    ``states[runs]`` holds ``x`` and ``y`` (what was seen), ``mean``, ``std``, ``improvement`` on the log
    rates `at`, and ``next``; `truth` are errors at the log rates `truth_at`.
    """
    state = states[runs]
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    top.plot(truth_at, 100 * truth, ".", color=palette["single"], label="other runs")
    mean, std = 100 * state["mean"], 100 * state["std"]
    top.fill_between(at, mean - 2 * std, mean + 2 * std, color=COLOURS["bayesian"], alpha=0.18, linewidth=0)
    top.plot(at, mean, color=COLOURS["bayesian"], label="mean ± 2σ")
    top.plot(state["x"], 100 * state["y"], "o", color=palette["ink"], markersize=7, label="seen")
    top.set(ylim=(0, 125), ylabel="error, %", title=f"after {runs} runs")
    top.legend(loc="upper center", ncols=3, columnspacing=1, handlelength=1.2)
    improvement = state["improvement"] / max(state["improvement"].max(), 1e-12)
    bottom.fill_between(at, improvement, color=palette["green"], alpha=0.5, linewidth=0)
    bottom.axvline(state["next"], color=palette["highlight"], linewidth=1.6)
    bottom.set(ylim=(0, 1.1), yticks=[0, 1], ylabel="EI / its\nlargest", xlabel="learning rate, log₁₀")
    best = int(np.argmin(state["y"]))
    return (
        f"After {runs} runs the best error is {percent(state['y'][best])}, at a rate of "
        f"{number(10 ** state['x'][best])}; the largest expected improvement, "
        f"{points(state['improvement'].max())}, sends run {runs + 1} to {number(10 ** state['next'])}."
    )


def draw_halving(figure, *, eta, budget, noise, runs, by_chance):
    """One successive halving over time, and the regret of 200 of them beside random search's.

    `runs` is a sweep over `eta`, `budget` and `noise`. Its outputs are ``n`` (configurations at the start),
    ``regret`` of each search (its mean is the dot, its 10th to 90th percentile the bar), ``dropped`` (the
    share of searches that lost their best starter), ``curves`` (n, budgets) of one search and ``rungs`` (n,),
    the column at which each configuration stopped; ``by_chance[budget]`` is random search's regret.
    """
    run, other = runs.at(eta=eta, budget=budget, noise=noise), by_chance[budget]
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    last = run["rungs"].max()
    for curve, end in sorted(zip(run["curves"], run["rungs"], strict=True), key=lambda pair: pair[1]):
        colour = COLOURS["halving"] if end == last else palette["single"]
        width, alpha = (2.4, 1) if end == last else (0.7, 0.35)
        left.plot(_TICKS[: end + 1], 100 * curve[: end + 1], color=colour, linewidth=width, alpha=alpha)
        left.plot(_TICKS[end], 100 * curve[end], ".", color=colour, markersize=3, alpha=alpha)
    lost = int(np.argmin(run["curves"][:, -1]))
    if run["rungs"][lost] < last:
        left.plot(_TICKS, 100 * run["curves"][lost], "--", color=palette["highlight"], linewidth=1.8)
        label = "best, dropped"
        left.text(64, 104, label, color=palette["highlight"], ha="right", va="top", fontsize=10)
    left.set(xscale="log", xlim=(0.9, 70), ylim=(15, 105), xlabel="budget of a run", ylabel="error, %")
    left.set_xticks(_TICKS, [str(t) for t in _TICKS])
    left.minorticks_off()
    left.set_title(f"one search of {run['n']}")
    low, _, high = 100 * np.array(spread(other, 0.8))
    right.axhspan(low, min(high, _WORST), color=COLOURS["random"], alpha=0.15, linewidth=0)
    right.axhline(100 * np.mean(other), color=COLOURS["random"])
    etas = runs.axes["eta"]
    for i, each in enumerate(etas):
        regret = 100 * runs["regret"].at(eta=each, budget=budget, noise=noise)
        ends = np.clip(spread(regret, 0.8)[::2], 0, _WORST)
        colour = COLOURS["halving"] if each == eta else palette["single"]
        right.plot([i, i], ends, color=colour, linewidth=6, alpha=0.5)
        right.plot(i, min(np.mean(regret), _WORST), "o", color=colour, markersize=9)
    label = {"color": COLOURS["random"], "va": "bottom", "fontsize": 10}
    right.text(len(etas) - 0.45, 100 * np.mean(other), "random", **label)
    right.set_xticks(range(len(etas)), [str(each) for each in etas])
    right.set(xlim=(-0.5, len(etas) + 0.75), ylim=(-0.5, _WORST + 0.5), xlabel="η", ylabel="regret, points")
    right.set_title("200 searches")
    return (
        f"Halving with η = {eta}, the cost of {budget} full runs, early noise {points(noise, 0)}: {run['n']} "
        f"configurations start, and {percent(run['dropped'])} of 200 searches drop the best of them early. "
        f"Mean regret {points(np.mean(run['regret']), 0)}; random search with {budget} full runs "
        f"{fixed(100 * np.mean(other), 0)}."
    )


def draw_spent(ax, *, spent, best):
    """Best validation error so far by budget spent; `best` maps each search to ``(searches, len(spent))``."""
    for name, runs in best.items():
        band(ax, spent, 100 * np.asarray(runs), color=COLOURS[name], label=name)
    ax.set(xscale="log", xlim=(spent[0], spent[-1] * 1.9), ylim=(20, 60), xlabel="budget spent, full runs")
    ax.set(ylabel="best validation error, %")
    ticks = [t for t in (1, 2, 4, 8, 16) if t <= spent[-1]]
    ax.set_xticks(ticks, [str(t) for t in ticks])
    ax.minorticks_off()
    name_lines(ax)
    end = {name: np.median(np.asarray(runs)[:, -1]) for name, runs in best.items()}
    told = ", ".join(f"{name} {percent(value, 1)}" for name, value in end.items())
    return f"Median best error of {len(runs)} searches after {spent[-1]:g} full runs: {told}."


def draw_tuning(ax, *, trials, ks, results, lines):
    """Expected best error of k trials by method, for each of `ks`, with `trials` marked.

    ``results[method]`` is a pair: the expected best error of the trials for each of `ks`, and that of
    resampled trials, shape (resamples, len(ks)), which make the band; ``lines[method]`` is a method's
    colour and dashes.
    """
    here = {}
    for method, (curve, resampled) in results.items():
        line = band(ax, ks, 100 * np.asarray(resampled), label=method, **lines[method])
        line.set_ydata(100 * np.asarray(curve))  # the median of resamples is not the expectation
        here[method] = curve[ks.index(trials)]
    ax.axvline(trials, color=palette["highlight"], linewidth=1.2)
    ax.set(xscale="log", xlim=(ks[0], ks[-1] * 4.5), ylim=(14, 62), xlabel="trials for each")
    ax.set_xticks(ks, [str(k) for k in ks])
    ax.minorticks_off()
    ax.set_ylabel("expected best error, %")
    name_lines(ax)
    order = sorted(here, key=here.get)
    told = ", ".join(f"{name} {percent(here[name])}" for name in order)
    return f"Best of {count(trials, 'trial')} each, expected: {told}."


def draw_curse(figure, *, tried, validation, fresh):
    """The winner's validation error, its error on fresh data and the gap, by configurations tried.

    `validation` and `fresh` have the shape ``(searches, len(tried))``.
    """
    validation, fresh = 100 * np.asarray(validation), 100 * np.asarray(fresh)
    left, right = figure.subplots(1, 2, width_ratios=(1.2, 1))
    band(left, tried, fresh, color=palette["test"], label="fresh data")
    band(left, tried, validation, color=palette["validation"], label="validation")
    left.set(ylim=(15, 75), ylabel="the winner's error, %", title="two errors")
    left.legend(loc="upper right")
    band(right, tried, fresh - validation, color=palette["highlight"])
    right.axhline(0, color=palette["reference"], linewidth=1.2)
    right.set(ylim=(-3, 6), ylabel="fresh minus validation, points", title="the gap")
    for ax in (left, right):
        ax.set(xscale="log", xlim=(tried[0], tried[-1]), xlabel="configurations tried")
        ax.set_xticks(tried, [str(n) for n in tried])
        ax.minorticks_off()
    gap = np.median(fresh - validation, axis=0)
    return (
        f"The best of {tried[-1]} has a median validation error of {np.median(validation[:, -1]):.1f}% and "
        f"is {fixed(gap[-1])} points worse on fresh data; with {tried[0]} tried the median gap is "
        f"{fixed(gap[0])}."
    )
