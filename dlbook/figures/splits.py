"""Splits: what do luck, folds and leaks look like?"""

import numpy as np

from dlbook.explorer.numbers import capital, count, fixed, percent, points
from dlbook.explorer.style import band, name_lines, palette
from dlcore import splits


def draw_luck(ax, *, examples, share, accuracy, rival=0.07, repeats=100_000):
    """The scores of a model and of a better one on 100,000 fresh test sets.

    Parameters
    ----------
    examples : int
        All the examples there are.
    share : float
        The share of them that is put aside for the test.
    accuracy : float
        The model's true accuracy; its rival's is `rival` higher.
    """
    n = max(1, round(share * examples))
    rng = np.random.default_rng(n)
    ours, theirs = (rng.binomial(n, p, repeats) / n for p in (accuracy, accuracy + rival))
    low, high = np.quantile(ours, [0.025, 0.975])
    missed = np.mean(theirs <= ours)
    models = {accuracy: (ours, palette["model"]), accuracy + rival: (theirs, palette["orange"])}
    for p, (scores, colour) in models.items():
        edges = _bins(n, p)
        counts, _ = np.histogram(scores, edges)
        ax.stairs(counts / counts.max(), edges, fill=True, color=colour, alpha=0.55)
        ax.axvline(p, ymax=0.8, color=colour, linewidth=1.5, linestyle="--")
    ax.plot([low, high], [1.08, 1.08], color=palette["model"], linewidth=5, solid_capstyle="butt")
    ax.set_title(count(n, "test example"))
    ours = f"right {percent(accuracy)} of the time (bar: 95% of its scores)"
    ax.text(0.41, 1.24, ours, color=palette["model"])
    ax.text(0.41, 1.13, f"its rival: {percent(accuracy + rival)}", color=palette["orange"])
    ax.set(xlim=(0.4, 1.005), ylim=(0, 1.35), xlabel="score on the test set", ylabel="how often")
    ax.set_yticks([])
    ax.xaxis.set_major_formatter(_tick)
    return (
        f"{count(n, 'test example')}: a model that is right {percent(accuracy)} of the time scores between "
        f"{percent(low, 1)} and {percent(high, 1)} on 95% of the test sets; a rival {points(rival, 0)} "
        f"better does not beat it on {_percent(missed)} of them."
    )


def _tick(value, _):
    return percent(value)


def _bins(n, p):
    """Edges between the scores that n examples can give around p.

    There is a bar for each, or one a third of a standard error wide.
    """
    spread = np.sqrt(n * p * (1 - p))
    together = max(1, round(spread / 3))
    first = max(0, round(n * p - 5 * spread))
    return (np.arange(first, min(n, round(n * p + 5 * spread)) + together + 1, together) - 0.5) / n


def _percent(share):
    if 0 < share < 0.0005:
        return "fewer than 0.1%"
    return percent(share, 0 if share == 0 or share >= 0.01 else 1)


def draw_folds(ax, *, k, dealt, labels):
    """Each round a row, each example a column: on which is the model trained, on which judged?

    Parameters
    ----------
    dealt : {"k-fold", "stratified"}
    labels : array of 0 and 1
        Examples of class 1 are the rare ones.
    """
    rng, n = np.random.default_rng(1), len(labels)
    folds = splits.stratified_k_fold(labels, k, rng) if dealt == "stratified" else splits.k_fold(n, k, rng)
    height = 0.86
    for row, (_, test) in enumerate(folds):
        ax.barh(row, n, height, -0.5, color=palette["train"], alpha=0.2, linewidth=0)
        colours = [palette["highlight" if labels[i] else "validation"] for i in test]
        ax.barh([row] * len(test), 1, height, test - 0.5, color=colours, linewidth=0)
    ax.set(xlim=(-0.7, n - 0.3), ylim=(len(folds) - 0.5, -0.5), xlabel=f"the {n} examples", ylabel="round")
    ax.set_yticks(range(len(folds)))
    ax.yaxis.set_major_formatter(lambda value, _: f"{value + 1:.0f}")
    ax.set_xticks([])
    ax.grid(False)
    for place, words, meaning in (
        (0, "held out", "validation"),
        (0.2, "held out, of the rare class", "highlight"),
        (0.63, "trained on", "train"),
    ):
        ax.text(place, 1.03, f"■ {words}", color=palette[meaning], transform=ax.transAxes)
    held = np.array([np.sum(labels[test]) for _, test in folds])
    sizes = np.array([len(train) for train, _ in folds])
    return (
        f"{dealt.capitalize()}, {len(folds)} rounds, each trained on {_range(sizes)} of {n} examples; "
        f"a held-out fold has {_range(held)} of the rare class; folds with none: {np.sum(held == 0)}."
    )


def _range(counts):
    return f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"


def draw_fold_count(figure, *, runs, model, examples, k):
    """Estimate minus truth on many data sets at one k, and bias, spread and cost by k.

    `runs` is a sweep over all three, without seeds. Each has ``estimate`` and ``true``, the cross-validated
    and the true error, one per data set; k is "all" for leave-one-out.
    """
    by_k = runs.at(model=model, examples=examples)
    folds, true = by_k.axes["k"], by_k.at(k=k)["true"]
    off = by_k["estimate"].values - by_k["true"].values
    places, here = np.arange(len(folds)), folds.index(k)
    axes = figure.subplot_mosaic([["cloud", "bias"], ["cloud", "spread"], ["cloud", "cost"]])
    cloud, share = axes["cloud"], np.full(len(true), 100 / len(true))
    cloud.hist(100 * off[here], np.arange(-42.5, 43, 2.5), weights=share, color=palette["model"])
    cloud.axvline(0, color=palette["truth"], linewidth=1)
    cloud.axvline(100 * off[here].mean(), color=palette["bias"])
    cloud.set(
        xlim=(-40, 40), ylim=(0, 32), xlabel="estimate − true error, points", ylabel="% of the data sets"
    )
    cloud.set_title(_fold_name(k, examples))
    bias, spread = off.mean(axis=1), off.std(axis=1)
    floor = np.sqrt(true.mean() * (1 - true.mean()) / examples)
    fits = [examples if each == "all" else each for each in folds]
    axes["bias"].axhline(0, color=palette["truth"], linewidth=1)
    for name, title, values, meaning, ends in (
        ("bias", "bias, points", 100 * bias, "bias", (-1.5, 6.5)),
        ("spread", "spread, points", 100 * spread, "variance", (0, 15)),
        ("cost", "fits", fits, "muted", (1.4, 300)),
    ):
        ax, ring = axes[name], {"markersize": 11, "markerfacecolor": "none", "color": palette["highlight"]}
        ax.plot(places, values, "o-", color=palette[meaning])
        ax.plot(places[here], values[here], "o", **ring)
        ax.set(ylim=ends, xlim=(-0.4, len(places) - 0.6), title=title)
        ax.set_xticks(places, [])
    axes["spread"].axhline(100 * floor, color=palette["noise"], linestyle=":")
    axes["cost"].set_yscale("log")
    axes["cost"].set_xticks(places, map(str, folds))
    axes["cost"].set_xlabel("folds k")
    return (
        f"{capital(model)}, {examples} examples, {_fold_name(k, examples)}: bias {points(bias[here])}, "
        f"spread {points(spread[here])} (a test on {examples} fresh examples: {fixed(100 * floor)}), "
        f"{fits[here]} fits."
    )


def _fold_name(k, examples):
    return f"leave-one-out (k = {examples})" if k == "all" else f"{k}-fold"


def draw_selection(ax, *, chosen, test):
    """The candidates' scores on each fold, their averages, and the one test score of the winner.

    Parameters
    ----------
    chosen : dlcore.splits.Selection
    test : (float, float)
        The test score and its standard error.
    """
    for place, (name, scores) in enumerate(chosen.scores.items()):
        colour = palette["highlight" if name == chosen.best else "validation"]
        ax.plot(np.full(len(scores), place), scores, "o", color=colour, alpha=0.4, markeredgewidth=0)
        mean, error = chosen.mean[name], chosen.standard_error[name]
        ax.errorbar(place + 0.16, mean, error, color=colour, fmt="D", capsize=4)
    place = len(chosen.scores)
    ax.errorbar(place + 0.16, test[0], test[1], color=palette["test"], fmt="s", capsize=4)
    ax.set_xticks(range(place + 1), [*map(str, chosen.scores), "test, once"])
    ax.set(ylabel="accuracy", xlim=(-0.5, place + 0.6))
    ax.yaxis.set_major_formatter(_tick)
    return (
        f"{capital(chosen.best)} wins with {percent(chosen.mean[chosen.best], 1)} on average over "
        f"{len(chosen.scores[chosen.best])} folds; retrained, it scores {percent(test[0], 1)} ± "
        f"{percent(test[1], 1)} on the test set."
    )


def draw_leak(figure, *, runs, features, examples, kept):
    """Accuracy on coin-flip labels when features are screened before the split, and inside each fold.

    `runs` is a sweep over all three; each run gives the accuracies ``leak`` and ``honest`` on one data set.
    """
    dots, lines = figure.subplots(1, 2, width_ratios=[1, 1.5])
    rng, medians = np.random.default_rng(0), {}
    counts = runs.axes["features"]
    for place, (name, label) in enumerate({"honest": "inside", "leak": "before"}.items()):
        scores = runs.at(features=features, examples=examples, kept=kept)[name]
        medians[name] = np.median(scores)
        jitter = place + rng.uniform(-0.16, 0.16, len(scores))
        dots.plot(jitter, scores, "o", color=palette[name], alpha=0.5, markeredgewidth=0)
        dots.plot([place - 0.3, place + 0.3], [medians[name]] * 2, color=palette[name], linewidth=3)
        by_count = runs.at(examples=examples, kept=kept)[name].values.T
        band(lines, counts, by_count, color=palette[name], label=label)
    dots.set(xlim=(-0.5, 1.5), ylabel="cross-validated accuracy", title="screened …")
    dots.set_xticks([0, 1], ["inside\neach fold", "before\nthe split"])
    lines.axvline(features, color=palette["highlight"], linewidth=1)
    lines.set(
        xscale="log", title="accuracy by features", xlim=(counts[0] * 0.9, counts[-1] * 1.1),
        xlabel="features screened",
    )  # fmt: skip
    lines.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    for ax in (dots, lines):
        ax.axhline(0.5, color=palette["truth"], linewidth=1, linestyle="--")
        ax.set_ylim(0.2, 1.03)
        ax.yaxis.set_major_formatter(_tick)
    name_lines(lines)
    return (
        f"Coin-flip labels, {examples} examples, the best {kept} of {features:,} features: "
        f"{percent(medians['leak'])} if they are screened before the split, {percent(medians['honest'])} if "
        "inside each fold."
    )


def draw_optimism(ax, best, counts):
    """How far above the truth is the best of many equal candidates?

    `best` is a sweep over test examples, without seeds: the best scores, shape (runs, counts), of `counts`
    candidates.
    """
    for color, (setting, runs) in zip(("class_3", "class_1", "class_0"), best, strict=True):
        band(ax, counts, runs, color=palette[color], label=count(setting["examples"], "example"))
    ax.axhline(0.5, color=palette["truth"], linewidth=1, linestyle="--")
    ax.set(
        xscale="log", ylim=(0.45, 0.8), xlabel="candidates tried on the same test set",
        ylabel="best test score",
    )  # fmt: skip
    ax.yaxis.set_major_formatter(_tick)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    name_lines(ax)
    fewest, runs = next(iter(best))
    return (
        f"No candidate is better than a coin, yet the best of {counts[-1]:,} scores "
        f"{percent(np.median(runs[:, -1]))} on {fewest['examples']} test examples (median of {len(runs)} "
        "runs)."
    )


def draw_nested(ax, *, runs, candidates, examples):
    """The winner's average and its nested estimate by the number of candidates, none better than a coin.

    `runs` is a sweep over candidates and examples; each run gives the accuracies ``winner`` and ``nested``.
    """
    by_count, here = runs.at(examples=examples), runs.at(candidates=candidates, examples=examples)
    counts, medians = by_count.axes["candidates"], {}
    for name, color in (("winner", "leak"), ("nested", "honest")):
        medians[name] = np.median(here[name])
        band(ax, counts, by_count[name].values.T, color=palette[color], label=name)
        ax.plot(candidates, medians[name], "o", color=palette[color], markersize=8)
    ax.axhline(0.5, color=palette["truth"], linewidth=1, linestyle="--")
    ax.set(
        xscale="log", xlabel="candidates", ylabel="accuracy", ylim=(0.3, 0.9), xlim=(0.9, counts[-1] * 1.6)
    )
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.yaxis.set_major_formatter(_tick)
    name_lines(ax)
    return (
        f"{capital(count(candidates, 'candidate'))}, {examples} examples, truth 50%: the winner's average is "
        f"{percent(medians['winner'])}, nested cross-validation says {percent(medians['nested'])} "
        f"(medians of {len(here['winner'])} data sets)."
    )
