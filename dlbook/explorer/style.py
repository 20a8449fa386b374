"""Style: what colour is Adam, on this page and on every other?

A colour is asked for by what it means, so it means the same in every chapter::

    ax.plot(epoch, loss, color=palette["validation"], label="validation")

Every colour has a second face for the dark theme. Figures are drawn with the light one; the book build
rewrites it into a CSS variable, and the reader's theme decides (`dlbook.explorer.frames`). A colour that is
not of the palette looks the same in both themes, so use the palette.
"""

from contextlib import contextmanager

import matplotlib
import numpy as np
from matplotlib.colors import to_hex

from dlcore.search import spread

# hue: (on the light ground, on the dark ground); at least 3:1 against it (WCAG 1.4.11), which a test measures
_HUES = {
    "ink": ("#24292f", "#dce1e7"),
    "muted": ("#5f6873", "#a3adb9"),
    "grid": ("#e3e6ea", "#33373d"),
    "ground": ("#ffffff", "#121212"),
    "grey": ("#767f8b", "#8f99a6"),
    "blue": ("#1f6fbf", "#64aaf5"),
    "orange": ("#cc5f00", "#ff9d42"),
    "green": ("#00845e", "#2fcf9b"),
    "red": ("#c4203b", "#ff7a85"),
    "purple": ("#5a2ca0", "#d0bcff"),
    "cyan": ("#0a8fb0", "#46d0ee"),
    "olive": ("#857000", "#dfc63c"),
    "pink": ("#d04a9d", "#ff9bd3"),
    "brown": ("#7a4a28", "#cfa078"),
}

_MEANINGS = {
    # paper and pencil
    "ink": "ink", "muted": "muted", "grid": "grid", "ground": "ground", "reference": "grey",
    # what is compared
    "truth": "ink", "train": "blue", "validation": "orange", "test": "purple", "model": "blue", "mean": "red",
    "single": "grey", "highlight": "red", "bias": "purple", "variance": "orange", "noise": "grey",
    "error": "red", "baseline": "grey", "honest": "green", "leak": "red",
    # optimizers
    "sgd": "grey", "momentum": "blue", "nesterov": "cyan", "adagrad": "olive", "adadelta": "brown",
    "rmsprop": "green", "adam": "red", "adamw": "purple", "newton": "orange", "lbfgs": "pink",
    # activations
    "sigmoid": "red", "tanh": "purple", "relu": "blue", "leaky_relu": "cyan", "elu": "green",
    "gelu": "orange",
    # cures and normalizations
    "none": "grey", "init": "olive", "he": "olive", "xavier": "cyan", "batch_norm": "blue",
    "layer_norm": "orange", "residual": "green", "clipping": "purple", "rnn": "red", "lstm": "blue",
    # regularizers
    "l1": "orange", "l2": "blue", "dropout": "green",
    # classes of a data set, in order
    "class_0": "blue", "class_1": "orange", "class_2": "green", "class_3": "red", "class_4": "purple",
    "class_5": "brown", "class_6": "pink", "class_7": "grey", "class_8": "olive", "class_9": "cyan",
}  # fmt: skip


class _Palette(dict):
    def __missing__(self, meaning):
        raise KeyError(f"no colour means {meaning!r}; the palette has {', '.join(self)}")


palette = _Palette({meaning: _HUES[hue][0] for meaning, hue in _MEANINGS.items()})
palette.update({hue: light for hue, (light, _) in _HUES.items() if hue not in palette})

# optimizers are drawn ten at a time: whose colours are close for some reader differ in their dashes
_DASHES = {"nesterov": "--", "adagrad": "-.", "adadelta": ":", "adamw": "-.", "lbfgs": ":"}


def look(meaning):
    """Return a line's colour and dashes by what it means: ``ax.plot(x, y, **look("nesterov"))``.

    Examples
    --------
    >>> look("nesterov")["linestyle"]
    '--'
    """
    return {"color": palette[meaning], "linestyle": _DASHES.get(meaning, "-")}


SEQUENTIAL = "viridis"
"""The colormap of a map from little to much (draw maps with `imshow` or `rasterized=True`)."""

DIVERGING = "RdBu_r"
"""The colormap of a map with a neutral middle (give `vmin=-v, vmax=v`)."""

_LEVELS = 32


def _levels():
    # plasma without the end that the ground would swallow: the yellow on white, the blue on black
    plasma = matplotlib.colormaps["plasma"]
    at = np.linspace(0, 1, _LEVELS)
    return [(to_hex(plasma(0.62 * a)), to_hex(plasma(0.46 + 0.54 * a))) for a in at]


def shades(n):
    """Return `n` colours in order, for lines that form a series (layers, degrees, epochs).

    Like the palette they have a face for each theme; more than 32 repeat.

    Examples
    --------
    >>> shades(2)
    ['#0d0887', '#e56a5d']
    """
    return [_levels()[i][0] for i in np.linspace(0, _LEVELS - 1, n).round().astype(int)]


def themes():
    """Return `{light colour: (variable name, dark colour)}` for every colour that follows the theme."""
    table = {light: (hue, dark) for hue, (light, dark) in _HUES.items()}
    table.update({light: (f"s{i}", dark) for i, (light, dark) in enumerate(_levels())})
    table["#000000"] = ("ink", _HUES["ink"][1])
    return table


RC = {
    "figure.facecolor": palette["ground"],
    "figure.dpi": 100,
    "savefig.facecolor": palette["ground"],
    "font.family": "DejaVu Sans",
    "font.size": 11.5,
    "axes.titlesize": 12.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 9,
    "axes.titlecolor": palette["ink"],
    "axes.labelsize": 11.5,
    "axes.labelcolor": palette["ink"],
    "axes.edgecolor": palette["muted"],
    "axes.facecolor": palette["ground"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.9,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.xmargin": 0.02,
    "axes.prop_cycle": matplotlib.cycler(color=[palette[f"class_{i}"] for i in range(10)]),
    "grid.color": palette["grid"],
    "grid.linewidth": 0.8,
    "xtick.color": palette["muted"],
    "ytick.color": palette["muted"],
    "xtick.labelcolor": palette["ink"],
    "ytick.labelcolor": palette["ink"],
    "xtick.labelsize": 10.5,
    "ytick.labelsize": 10.5,
    "xtick.minor.visible": False,
    "ytick.minor.visible": False,
    "text.color": palette["ink"],
    "lines.linewidth": 2.0,
    "lines.markersize": 5,
    "lines.solid_capstyle": "round",
    "patch.edgecolor": palette["ground"],
    "hatch.color": palette["muted"],
    "legend.frameon": False,
    "legend.fontsize": 10.5,
    "image.cmap": SEQUENTIAL,
    "path.simplify": True,
    "path.simplify_threshold": 0.5,
    "svg.fonttype": "path",
    "svg.hashsalt": "explorer",
    "mathtext.fontset": "dejavusans",
}


@contextmanager
def context():
    """Draw in this style inside the context; `explore` and `show` open it for their `draw`.

    Examples
    --------
    >>> with context():
    ...     matplotlib.rcParams["axes.spines.top"]
    False
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(RC)
        yield


def band(ax, x, runs, *, color, label=None, share=0.5, **line):
    """Draw the median over `runs` and a band that holds the middle `share` of them.

    Parameters
    ----------
    x : array, shape (n,)
    runs : array, shape (runs, n)
        One row per seed; NaN where a run has no value (it diverged) is left out of the median.
    color : colour
        From `palette`.
    share : float
        0.5 is the interquartile band, 0.8 goes from 10 % to 90 %.

    Returns
    -------
    matplotlib.lines.Line2D
        The line of medians; `name_lines` writes its label at its end.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> line = band(Figure().subplots(), [0, 1], [[1, 2], [3, 4], [5, 9]], color=palette["adam"])
    >>> line.get_ydata()
    array([3., 4.])
    """
    runs = np.asarray(runs, float)
    if runs.ndim != 2 or runs.shape[1] != len(x):
        raise ValueError(f"runs must have shape (runs, len(x)={len(x)}), got {runs.shape}")
    low, median, high = spread(runs, share)
    ax.fill_between(x, low, high, color=color, alpha=0.18, linewidth=0)
    return ax.plot(x, median, color=color, label=label, **line)[0]


def name_lines(ax, *, gap=1.25, pad=6):
    """Write each labelled line's name at its right end, in its colour, instead of a legend.

    Names that would overlap are moved apart (`gap` in lines of text). Set the axes' limits and scales first.
    """
    lines = [line for line in ax.get_lines() if not line.get_label().startswith("_")]
    ends = []
    for line in lines:
        x, y = (np.ma.filled(np.ma.asarray(v, float), np.nan) for v in line.get_data())
        seen = np.isfinite(x) & np.isfinite(y)
        if seen.any():
            at = np.flatnonzero(seen)[-1]
            ends.append((line, x[at], float(np.clip(y[at], *sorted(ax.get_ylim())))))
    if not ends:
        return
    if ax.figure.get_layout_engine() is not None:
        ax.figure.get_layout_engine().execute(ax.figure)
    size = ax.figure.dpi / 72
    height = RC["legend.fontsize"] * gap * size
    down = ax.transData.transform
    ends.sort(key=lambda end: down((end[1], end[2]))[1])
    wanted = np.array([down((x, y))[1] for _, x, y in ends])
    low, high = ax.bbox.y0 + height / 2, ax.bbox.y1 - height / 2
    for (line, x, y), was, now in zip(ends, wanted, _apart(wanted, height, low, high), strict=True):
        ax.annotate(
            line.get_label(), (x, y), xytext=(pad, (now - was) / size), textcoords="offset points",
            color=line.get_color(), fontsize=RC["legend.fontsize"], va="center",
            annotation_clip=False,
        )  # fmt: skip


def _apart(wanted, height, low, high):
    """Move sorted positions apart to at least `height`, each cluster about the mean of what it wanted."""

    def spread(cluster):
        half = height * (len(cluster) - 1) / 2
        middle = max(low + half, min(high - half, np.mean(cluster)))
        return np.linspace(middle - half, middle + half, len(cluster))

    clusters = []
    for position in wanted:
        clusters.append([position])
        while len(clusters) > 1 and spread(clusters[-1])[0] - spread(clusters[-2])[-1] < height - 1e-9:
            clusters[-2:] = [clusters[-2] + clusters[-1]]
    return np.concatenate([spread(cluster) for cluster in clusters])
