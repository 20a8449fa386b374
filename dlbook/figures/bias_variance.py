"""Bias and variance: what does redrawing the training set do to a fit?"""

import numpy as np

from dlbook.explorer.numbers import count, fixed, number, percent, scientific
from dlbook.explorer.style import band, name_lines, palette
from dlcore.search import spread

_FIT_LIMIT = 3.0


def draw_errors_by_degree(ax, *, degrees, training, fresh, floor):
    """Training error and error on fresh examples by degree; both arrays ``(training sets, degrees)``."""
    band(ax, degrees, fresh, color=palette["test"], label="fresh examples")
    band(ax, degrees, training, color=palette["train"], label="training set")
    _floor(ax, floor)
    ax.set(xlabel="degree", ylabel="mean squared error", yscale="log", ylim=(0.02, 3))
    ax.set_xlim(degrees[0], degrees[-1] * 1.22)
    name_lines(ax)
    best = int(np.argmin(np.median(fresh, axis=0)))
    last = np.median(training[:, -1])
    return (
        f"On fresh examples degree {degrees[best]} is best, with a median error of "
        f"{np.median(fresh[:, best]):.2f} over {len(fresh)} training sets; the training error falls all the "
        f"way to {last:.2f}, {'below' if last < floor else 'not below'} the noise floor of {floor:.2f}."
    )


def draw_fits(figure, *, results, x, truth, degree, points, noise):
    """Thirty fits from redrawn training sets, their mean and the truth; below them the parts by degree.

    `results` is a sweep over all three, without seeds. Each has ``fits`` (some, one a row), ``mean`` (of all
    sets), ``bias``, ``variance`` and ``miss``, the root mean square distance of each set's fit from the
    truth.
    """
    by_degree = results.at(points=points, noise=noise)
    at, degrees = by_degree.at(degree=degree), by_degree.axes["degree"]
    above, below = figure.subplots(2, 1, height_ratios=(1.25, 1))
    _fits(above, x, truth, at)
    above.set_title(f"degree {degree}")

    below.plot(degrees, _resolved(by_degree), color=palette["bias"], label="bias²")
    below.plot(degrees, by_degree["variance"].values, color=palette["variance"], label="variance")
    below.axhline(noise**2, color=palette["noise"], linestyle="--", linewidth=1.3, label="noise")
    below.plot(degree, _resolved(by_degree)[degrees.index(degree)], "o", color=palette["bias"])
    below.plot(degree, at["variance"], "o", color=palette["variance"])
    below.axvline(degree, color=palette["muted"], linewidth=0.8)
    below.set(xlabel="degree", yscale="log", ylim=(1e-4, 100), title="its parts")
    below.minorticks_off()
    _legend_above(below)
    return (
        f"Degree {degree}, {points} points, noise {noise:g}: a single fit misses the truth by "
        f"{number(np.median(at['miss']))}, the mean of {len(at['miss'])} fits by "
        f"{number(np.sqrt(np.mean((at['mean'] - truth) ** 2)))}; bias² is {_bias(at)}, "
        f"variance {number(at['variance'])}, noise {number(noise**2)}."
    )


def draw_decomposition(ax, *, degrees, bias, variance, noise, measured, standard_error):
    """Bias², variance and noise stacked by degree, and the error that was measured independently."""
    bias, variance = np.asarray(bias), np.asarray(variance)
    floor = np.full(len(degrees), noise)
    style = {"width": 0.74, "linewidth": 0}
    ax.bar(degrees, floor, color=palette["noise"], label="noise", **style)
    ax.bar(degrees, bias, bottom=floor, color=palette["bias"], label="bias²", **style)
    ax.bar(degrees, variance, bottom=floor + bias, color=palette["variance"], label="variance", **style)
    ax.errorbar(
        degrees, measured, yerr=2 * np.asarray(standard_error), color=palette["ink"], fmt="o",
        markersize=4, capsize=3, linewidth=1.2, label="measured test error",
    )  # fmt: skip
    ax.set(xlabel="degree", ylabel="mean squared error", ylim=(0, 0.85), xticks=list(degrees))
    ax.grid(axis="x", visible=False)
    ax.legend(loc="upper center", ncols=2)
    total = floor + bias + variance
    best = int(np.argmin(total))
    apart = np.max(np.abs(total - measured) / measured)
    return (
        f"Bias² + variance + noise is smallest at degree {degrees[best]}: {bias[best]:.3f} + "
        f"{variance[best]:.3f} + {noise:.3f} = {total[best]:.3f}; over all degrees the sum and the "
        f"measured error differ by at most {percent(apart)}."
    )


def draw_optimism(ax, *, runs, sigma, degree, points):
    """How far the training error of least squares is too low, by degree, beside 2σ²n/m.

    `runs` is a sweep over points, without seeds. Each has ``same`` and ``fresh``, both (sets, degrees): the
    error at the training inputs with new noise, and at fresh inputs, minus the training error.
    """
    same, fresh = runs.at(points=points).values()
    degrees = np.arange(same.shape[1])
    formula, mean = 2 * sigma**2 * (degrees + 1) / points, same.mean(axis=0)
    error = same.std(axis=0) / len(same) ** 0.5
    ax.plot(degrees, np.median(fresh, axis=0), color=palette["test"], linestyle="--", label="fresh inputs")
    ax.plot(degrees, formula, color=palette["truth"], linewidth=1.2, label="2σ²n/m")
    ax.errorbar(
        degrees, mean, yerr=2 * error, fmt="o", color=palette["train"], markersize=4, label="same inputs"
    )
    ax.plot(degree, mean[degree], "o", color=palette["train"], markersize=10, fillstyle="none")
    ax.set(xlabel="degree", ylabel="gap to the training error", ylim=(-0.02, 0.35), xticks=degrees)
    ax.legend(loc="upper left", ncols=3)
    return (
        f"Degree {degree}, {points} points: with new noise at the same inputs the error is "
        f"{fixed(mean[degree], 3)} ± {error[degree]:.3f} above the training error, 2σ²n/m is "
        f"{formula[degree]:.3f}; at fresh inputs the median gap is {number(np.median(fresh[:, degree]))}."
    )


def draw_learning_curves(ax, *, curves, sizes, degree, noise):
    """Training and test error by training-set size; `curves` is a sweep without seeds, each (sets, sizes)."""
    training, test = curves.at(degree=degree, noise=noise).values()
    floor = noise**2
    band(ax, sizes, test, color=palette["test"], label="test")
    band(ax, sizes, training, color=palette["train"], label="training")
    ends = [sizes[0], sizes[-1]]
    ax.plot(ends, [floor, floor], color=palette["noise"], linestyle="--", linewidth=1.3, label="noise floor")
    ax.set(xlabel="training examples", ylabel="mean squared error", xscale="log", yscale="log")
    ax.set(ylim=(2e-3, 300), xlim=(sizes[0] * 0.95, sizes[-1] * 2.6), xticks=sizes)
    ax.set_xticklabels(sizes)
    ax.minorticks_off()
    name_lines(ax)
    first, last = (_gap(test[:, i] - training[:, i]) for i in (0, -1))
    above = np.median(test[:, -1]) - floor
    return (
        f"Degree {degree}, noise {noise:g}: from {sizes[0]} to {sizes[-1]} examples the gap between test and "
        f"training error goes from {first} to {last}, and the test error ends "
        f"{number(above)} above the floor of {number(floor)}."
    )


def draw_remedies(ax, *, runs, floor, network, remedy):
    """A network's learning curves before and after one remedy.

    `runs` is a sweep over both. Each run has ``steps``, ``training`` and ``validation`` (NaN after an early
    stop), and ``final``, its training and test error in the end; remedy "none" is the network as found.
    """
    found, treated = runs.at(network=network, remedy="none"), runs.at(network=network, remedy=remedy)
    for kind, color in ("training", palette["train"]), ("validation", palette["validation"]):
        if remedy != "none":
            before = np.median(found[kind], axis=0)
            ax.plot(found["steps"][0], before, color=color, linestyle=":", linewidth=1.4)
        line = band(ax, treated["steps"][0], treated[kind], color=color, label=kind)
        line.set_zorder(3)
    _floor(ax, floor)
    ax.set(xlabel="step", ylabel="mean squared error", xscale="log", yscale="log", ylim=(1e-3, 3))
    ax.set_xlim(5, 12_000)
    ax.minorticks_off()
    name_lines(ax)
    train, test = np.median(treated["final"], axis=0)
    if remedy == "none":
        numbers = f"training error {_hundredths(train)}, test error {test:.2f}, floor {floor:.2f}"
        return f"Network {network} as found: {numbers}."
    was = np.median(found["final"], axis=0)
    if np.array_equal(treated["final"], found["final"]):
        return (
            f"Network {network}, {remedy}: the network has that already, so nothing changes; training error "
            f"{_hundredths(train)}, test error {test:.2f}."
        )
    change = test - was[1]
    effect = "hardly moves" if abs(change) < 0.1 * (was[1] - floor) else "falls" if change < 0 else "rises"
    return (
        f"Network {network}, {remedy}: training error {_hundredths(was[0])} → {_hundredths(train)}; "
        f"test error {effect}, {was[1]:.2f} → {test:.2f}, with the floor at {floor:.2f} (dotted: as found)."
    )


def draw_ridge(figure, *, results, x, truth, noise, strength):
    """Fits at one ridge strength; below them bias² and variance against all strengths.

    `results` is a sweep over strengths and noises, each with what `draw_fits` takes.
    """
    by_strength = results.at(noise=noise)
    at, strengths = by_strength.at(strength=strength), by_strength.axes["strength"]
    variance = by_strength["variance"].values
    total = by_strength["bias"].values + variance
    above, below = figure.subplots(2, 1, height_ratios=(1.25, 1))
    _fits(above, x, truth, at)
    above.set_title(f"λ = {scientific(strength)}")

    below.plot(strengths, _resolved(by_strength), color=palette["bias"], label="bias²")
    below.plot(strengths, variance, color=palette["variance"], label="variance")
    below.plot(strengths, total, color=palette["error"], linewidth=1.2, label="sum")
    below.axvline(strength, color=palette["muted"], linewidth=0.8)
    here = at["bias"] + at["variance"]
    below.plot(strength, here, "o", color=palette["error"])
    below.set(xlabel="strength λ", xscale="log", yscale="log", ylim=(1e-4, 30), title="the trade")
    below.minorticks_off()
    _legend_above(below)
    best = int(np.argmin(total))
    against = f"{here / total[best]:.1f} times the best, at λ = {scientific(strengths[best])}"
    place = "the best here" if strengths[best] == strength else against
    return (
        f"λ = {scientific(strength)}, noise {noise:g}: bias² {_bias(at)} + variance {number(at['variance'])} "
        f"make {number(here)}, {place}."
    )


def draw_double_descent(figure, *, results, floor, threshold, features, ridge):
    """Error against the number of random features; below it bias² and variance.

    `results` is a sweep over features and ridges, without seeds. Each has ``bias``, ``variance``, ``miss``
    (each training set's root mean square distance from the truth) and ``training`` (each one's training
    error).
    """
    by_count = results.at(ridge=ridge)
    at, n = by_count.at(features=features), by_count.axes["features"]
    runs = by_count["miss"].values.T ** 2 + floor
    training = np.median(by_count["training"].values, axis=1)
    test = np.median(runs, axis=0)
    here = np.median(at["miss"] ** 2 + floor)
    above, below = figure.subplots(2, 1, sharex=True, sharey=True)
    for ax in (above, below):
        ax.set(xscale="log", yscale="log", xlim=(0.9 * n[0], 1.1 * n[-1]))
        ax.minorticks_off()
        ax.axvline(threshold, color=palette["highlight"], linewidth=0.9, linestyle=":")
        ax.axhline(floor, color=palette["noise"], linewidth=1.3, linestyle="--", label="noise floor")
    band(above, n, runs, color=palette["test"], label="test")
    above.plot(n, np.maximum(training, 1e-9), color=palette["train"], label="training")
    above.plot(features, here, "o", color=palette["test"], markersize=8)
    above.set(ylim=(2e-2, 300), title="mean squared error")
    below.plot(n, _resolved(by_count), color=palette["bias"], label="bias²")
    below.plot(n, by_count["variance"].values, color=palette["variance"], label="variance")
    below.plot(features, at["variance"], "o", color=palette["variance"])
    below.set(xlabel="random features", title="its parts")
    for ax in (above, below):
        _legend_above(ax)
    best = int(np.argmin(test))
    against = f"{here / test[best]:.1f} times the lowest, at {n[best]:,}"
    compared = "the lowest" if n[best] == features else against
    return (
        f"{features:,} features, {threshold} examples, ridge {ridge:g}: median test error {number(here)}, "
        f"{compared}; bias² {_bias(at)}, variance {number(at['variance'])}."
    )


def draw_image_descent(ax, *, features, test, ridged, threshold):
    """Double descent on images: error rate by random features, without and with ridge; (sets, features)."""
    ax.axvline(threshold, color=palette["highlight"], linewidth=0.9, linestyle=":")
    band(ax, features, 100 * test, color=palette["test"], label="no ridge")
    band(ax, features, 100 * ridged, color=palette["l2"], label="ridge")
    ax.set(xscale="log", xlabel="random features", ylabel="test error, %", ylim=(0, 100))
    ax.set_xlim(features[0], features[-1] * 2.4)
    name_lines(ax)
    median = 100 * np.median(test, axis=0)
    peak = int(np.argmax(np.where(np.asarray(features) > threshold / 3, median, 0)))
    before = median[np.asarray(features) < threshold].min()
    return (
        f"Without ridge the error falls to {before:.0f}%, rises to {median[peak]:.0f}% at "
        f"{features[peak]:,} features ({threshold} examples) and falls to {median[-1]:.0f}% at "
        f"{features[-1]:,}; with ridge it is {percent(np.median(ridged[:, peak]))} at the peak's place."
    )


def draw_grokking(figure, *, steps, curves, reached):
    """Training and validation accuracy on the way, a panel for each weight decay and a line for each seed.

    `curves` is a dict by weight decay of dicts with ``training`` and ``validation``, ``(seeds, steps)``; what
    was not run is NaN. `reached` says in words, by weight decay, after how many steps each half is at 99%.
    """
    told = []
    for ax, (decay, run) in zip(figure.subplots(1, 2, sharey=True), curves.items(), strict=True):
        for part, colour in (("training", "train"), ("validation", "validation")):
            label = {"label": part} if ax.get_subplotspec().is_last_col() else {}
            ax.plot(steps, 100 * run[part][0], color=palette[colour], **label)
            ax.plot(steps, 100 * run[part][1:].T, color=palette[colour])
        name = f"with weight decay {decay:g}" if decay else "without weight decay"
        ax.set(xscale="log", xlabel="step", ylim=(0, 104), title=name)
        ax.minorticks_off()
        if label:
            ax.set_xlim(steps[0], steps[-1] * 12)
            ax.set_xticks([at for at in 10 ** np.arange(1, 7) if steps[0] <= at <= steps[-1]])
            name_lines(ax)
        else:
            ax.set(ylabel="right answers, %")
        training, validation = reached[decay]
        told.append(f"{name} training reaches 99% after {training} and validation after {validation}")
    seeds = len(next(iter(curves.values()))["training"])
    return f"Accuracy by steps: {'; '.join(told)} steps ({count(seeds, 'seed')})."


def _floor(ax, floor):
    ax.axhline(floor, color=palette["noise"], linestyle="--", linewidth=1.3)
    ax.annotate(
        "noise floor", (1, floor), xycoords=("axes fraction", "data"), xytext=(-2, 3),
        textcoords="offset points", ha="right", color=palette["noise"], fontsize=10,
    )  # fmt: skip


def _fits(ax, x, truth, r):
    ax.plot(x, np.transpose(r["fits"]), color=palette["single"], linewidth=0.7, alpha=0.55)
    ax.plot(x, truth, color=palette["truth"], linestyle="--", label="truth")
    ax.plot(x, r["mean"], color=palette["mean"], label="mean of the fits")
    ax.plot([], [], color=palette["single"], linewidth=1, label="single fits")
    ax.set(xlabel="x", ylim=(-_FIT_LIMIT, _FIT_LIMIT))
    _legend_above(ax)


def _legend_above(ax):
    """The legend beside the title: inside, some setting of the sliders would always run a line through it."""
    ax.legend(
        loc="lower right", bbox_to_anchor=(1, 1), ncols=3, borderaxespad=0.2, borderpad=0,
        columnspacing=1, handlelength=1.4,
    )  # fmt: skip


def _resolution(parts):
    """The least bias² that can be told from the wobble that is left in a mean of finitely many fits."""
    return parts["variance"] / len(parts["miss"])


def _resolved(sweep):
    """Bias² as a line that has gaps where it is too small to be seen beside the variance."""
    return np.array([parts["bias"] if parts["bias"] > _resolution(parts) else np.nan for _, parts in sweep])


def _bias(parts):
    least = _resolution(parts)
    return number(parts["bias"]) if parts["bias"] > least else f"below {number(least)}"


def _hundredths(value):
    return f"{value:.2f}" if value >= 0.005 else "below 0.01"


def _gap(gaps):
    """The median gap, or a bound where the median of so few training sets cannot be told from zero.

    The bound is two standard errors of a median, 1.25 σ/√n each, with σ from the middle half: at few examples
    the mean square is one wild training set's.
    """
    low, gap, high = spread(gaps)
    least = 2 * 1.25 * ((high - low) / 1.35) / len(gaps) ** 0.5
    return number(gap) if gap > least else f"below {number(max(least, abs(gap)))}"
