"""Metrics: what does each number say about a classifier?"""

import numpy as np

from dlbook.explorer.numbers import percent
from dlbook.explorer.style import name_lines, palette
from dlcore import metrics


def draw_threshold(figure, *, runs, positives, threshold):
    """Two classes' probabilities with a threshold, the confusion matrix, and precision against recall.

    `runs` is a sweep over the share of positives, without seeds: ``scores``, the probability of "yes" given
    to each example, and ``labels``, the truth.
    """
    p, y = runs.at(positives=positives).values()
    called = p >= threshold
    tp, fp = np.sum(called & (y == 1)), np.sum(called & (y == 0))
    fn, tn = np.sum(~called & (y == 1)), np.sum(~called & (y == 0))
    histogram, curve = figure.subplots(1, 2, width_ratios=[1.3, 1])
    edges = np.linspace(0, 1, 41)
    for label, name in ((0, "class_0"), (1, "class_1")):
        height = np.maximum(np.histogram(p[y == label], edges)[0], 0.5)
        histogram.stairs(height, edges, baseline=0.5, fill=True, color=palette[name], alpha=0.55)
    histogram.axvline(threshold, ymax=0.75, color=palette["highlight"])
    histogram.set(
        yscale="log", ylim=(0.5, 1e5), xlim=(0, 1), xlabel="probability of “yes”", ylabel="examples"
    )
    histogram.set_yticks([1, 10, 100, 1000])
    for x, called_as, no, yes in ((0.02, "no", tn, fn), (0.52, "yes", fp, tp)):
        histogram.text(x, 4.5e4, f"predicted {called_as}", fontweight="bold")
        histogram.text(x, 1.7e4, f"{no:,} are no", color=palette["class_0"])
        histogram.text(x, 6.5e3, f"{yes:,} are yes", color=palette["class_1"])
    order = np.argsort(-p, kind="stable")
    hits = np.cumsum(y[order])
    every = np.unique(np.linspace(5, len(y), 300).astype(int))
    curve.plot(hits[every - 1] / hits[-1], hits[every - 1] / every, color=palette["model"])
    curve.axhline(positives, color=palette["baseline"], linestyle=":")
    precision = tp / (tp + fp) if tp + fp else np.nan
    recall = tp / (tp + fn)
    f1 = 2 * tp / (2 * tp + fp + fn)
    curve.plot(recall, np.nan_to_num(precision), "o", markersize=9, color=palette["highlight"], clip_on=False)
    curve.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    precise = f"precision {percent(precision)}" if tp + fp else "nobody is predicted “yes”, precision is 0/0"
    return (
        f"{percent(positives)} positives, threshold {threshold:g}: {precise}, recall {percent(recall, 1)}, "
        f"F1 {f1:.2f}, accuracy {percent((tp + tn) / len(y), 1)}; always “no” has accuracy "
        f"{percent(np.mean(y == 0), 1)}."
    )


def draw_roc(figure, *, labels, scores, threshold, positives):
    """The ROC and the precision-recall curve of one classifier, with a threshold marked on both.

    `labels` and `scores` are dicts by the share of positives: one classifier on test sets of other mixes.
    """
    left, right = figure.subplots(1, 2)
    for share in labels:
        here = share == positives
        false, true, _ = metrics.roc_curve(labels[share], scores[share])
        style = {"color": palette["model"], "alpha": 1 if here else 0.5, "linewidth": 2 if here else 1}
        left.plot(false, true, **style)
        order = np.argsort(-scores[share], kind="stable")
        hits = np.cumsum(labels[share][order])
        every = np.unique(np.linspace(20, len(order), 300).astype(int))
        right.plot(hits[every - 1] / hits[-1], hits[every - 1] / every, **style)
    y, called = labels[positives] == 1, scores[positives] >= threshold
    tpr, fpr = np.mean(called[y]), np.mean(called[~y])
    precision = np.sum(called & y) / called.sum() if called.any() else np.nan
    left.plot([0, 1], [0, 1], color=palette["baseline"], linestyle=":")
    left.plot(fpr, tpr, "o", markersize=9, color=palette["highlight"], clip_on=False)
    right.plot(tpr, np.nan_to_num(precision), "o", markersize=9, color=palette["highlight"], clip_on=False)
    right.axhline(positives, color=palette["baseline"], linestyle=":")
    left.set(
        xlim=(0, 1), ylim=(0, 1.02), xlabel="false positive rate", ylabel="true positive rate", title="ROC"
    )
    right.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision", title="precision and recall")
    precise = f"precision {percent(precision)}" if called.any() else "nobody is predicted “yes”"
    return (
        f"{percent(positives)} positives, threshold {threshold:g}: true positive rate {percent(tpr)}, false "
        f"positive rate {percent(fpr, 1)}, {precise}; AUC "
        f"{metrics.roc_auc(labels[positives], scores[positives]):.2f}."
    )


def draw_reliability(figure, *, runs, labels, epochs, temperature):
    """Share that is right against confidence, and how many examples have which confidence.

    `runs` is a sweep over epochs, without seeds: the logits (m, 2) of the test examples.
    """
    z = runs.at(epochs=epochs) / temperature
    z = z - z.max(axis=1, keepdims=True)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    right, confidence = z.argmax(axis=1) == labels, p.max(axis=1)
    loss = -np.mean(np.log(np.maximum(p[np.arange(len(labels)), labels], 1e-300)))
    mean, share, count = metrics.reliability(right, confidence, bins=20)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    above.plot([0.5, 1], [0.5, 1], color=palette["truth"], linestyle="--", linewidth=1, label="calibrated")
    above.vlines(mean, share, mean, color=palette["error"], alpha=0.4, linewidth=2)
    above.plot(mean, share, "o-", color=palette["model"], label="this network")
    above.set(ylabel="share that is right", ylim=(0.3, 1.02), xlim=(0.5, 1.005))
    above.legend(loc="upper left")
    below.bar(mean, count / count.sum(), width=0.02, color=palette["model"])
    below.set(xlabel="confidence", ylabel="examples", ylim=(0, 1))
    below.yaxis.set_major_formatter(lambda value, _: percent(value))
    error = metrics.expected_calibration_error(right, confidence, bins=20)
    return (
        f"{epochs:,} epochs, temperature {temperature:g}: {percent(right.mean(), 1)} right, mean confidence "
        f"{percent(confidence.mean(), 1)}, calibration error (ECE) {percent(error, 1)}, loss {loss:.2f}."
    )


def draw_coverage(ax, *, p, wald, wilson, n):
    """How often two intervals of 95% hold the truth, by the true accuracy."""
    ax.plot(p, wald, color=palette["leak"], label="± 1.96 SE")
    ax.plot(p, wilson, color=palette["honest"], label="Wilson")
    ax.axhline(0.95, color=palette["truth"], linestyle="--", linewidth=1)
    ax.set(xlabel="true accuracy", ylabel="holds the truth", ylim=(0.3, 1.02), xlim=(p[0], p[-1] + 0.05))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(lambda value, _: percent(value) if value <= 1 else "")
    name_lines(ax)
    return (
        f"{n} test examples, true accuracies from {percent(p[0])} to {percent(p[-1], 1)}: an interval of "
        f"± 1.96 standard errors holds the truth at worst in {percent(wald.min())}, Wilson's in "
        f"{percent(wilson.min())}."
    )
