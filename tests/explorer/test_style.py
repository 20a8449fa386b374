import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from dlbook.explorer import style


def linear(colour):
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(a, b):
    a, b = (linear(c) @ [0.2126, 0.7152, 0.0722] for c in (a, b))
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)


def lab(rgb):
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb
    f = np.cbrt(np.maximum(xyz / [0.9505, 1, 1.089], 1e-6))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB
PROTAN = np.array(
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
)
DEUTAN = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)

MEANT = [hue for hue in style._HUES if hue not in ("ground", "grid")]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("hue", MEANT)
def test_every_colour_stands_out_from_its_ground(hue, theme):
    assert contrast(style._HUES[hue][theme], style._HUES["ground"][theme]) >= 3


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_colours_reach_the_contrast_of_text(theme):
    for hue in ("ink", "muted"):
        assert contrast(style._HUES[hue][theme], style._HUES["ground"][theme]) >= 4.5


@pytest.mark.parametrize("level", range(0, 32, 5))
def test_every_shade_stands_out_from_both_grounds(level):
    light, dark = style._levels()[level]
    assert contrast(light, style._HUES["ground"][0]) >= 3
    assert contrast(dark, style._HUES["ground"][1]) >= 3


COMPARED = [
    ("train", "validation", "test"), ("bias", "variance", "noise", "error"), ("truth", "single", "mean"),
    ("sigmoid", "tanh", "relu"), ("none", "init", "batch_norm", "residual"),
    ("none", "batch_norm", "layer_norm"), ("rnn", "lstm"), ("honest", "leak"),
    ("l1", "l2"), ("class_0", "class_1", "class_2"),
]  # fmt: skip


@pytest.mark.parametrize("sight", [np.eye(3), PROTAN, DEUTAN], ids=["all", "protan", "deutan"])
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("names", COMPARED, ids=" ".join)
def test_what_is_compared_differs_for_every_reader(names, theme, sight):
    for a, b in itertools.combinations(names, 2):
        assert difference(a, b, theme, sight) >= 10, (a, b)


def difference(a, b, theme, sight):
    seen = [lab(np.clip(sight @ linear(style._HUES[style._MEANINGS[n]][theme]), 0, 1)) for n in (a, b)]
    return np.linalg.norm(seen[0] - seen[1])


def test_optimizers_differ_in_colour_for_every_reader_or_in_dashes():
    names = [
        "sgd",
        "momentum",
        "nesterov",
        "adagrad",
        "adadelta",
        "rmsprop",
        "adam",
        "adamw",
        "newton",
        "lbfgs",
    ]
    for a, b in itertools.combinations(names, 2):
        least = min(difference(a, b, theme, s) for theme in (0, 1) for s in (np.eye(3), PROTAN, DEUTAN))
        assert least >= 10 or style.look(a)["linestyle"] != style.look(b)["linestyle"], (a, b)


def test_a_colour_that_means_nothing_is_refused_with_the_names():
    with pytest.raises(KeyError, match="no colour means 'adamm'; the palette has .*adam"):
        style.palette["adamm"]


def test_every_colour_of_the_palette_follows_the_theme():
    assert set(style.palette.values()) | set(style.shades(32)) <= set(style.themes())


def test_a_band_is_the_median_and_the_middle_half_of_the_runs():
    ax = Figure().subplots()
    runs = np.arange(5.0)[:, None] * [1, 10]
    line = style.band(ax, [0, 1], runs, color=style.palette["adam"], label="Adam")
    np.testing.assert_array_equal(line.get_ydata(), [2, 20])
    edge = ax.collections[0].get_paths()[0].vertices
    assert (edge[:, 1].min(), edge[:, 1].max()) == (1, 30)


def test_a_band_leaves_out_runs_that_diverged():
    line = style.band(Figure().subplots(), [0, 1], [[1, 1], [2, np.nan], [3, 3]], color="red")
    np.testing.assert_array_equal(line.get_ydata(), [2, 2])


def test_a_band_refuses_runs_that_do_not_fit_x():
    with pytest.raises(ValueError, match=r"runs must have shape \(runs, len\(x\)=3\), got \(2, 2\)"):
        style.band(Figure().subplots(), [0, 1, 2], np.ones((2, 2)), color="red")


def test_names_at_line_ends_do_not_overlap_and_stay_inside():
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    for i in range(6):
        ax.plot([0, 1], [0, i / 1000], label=f"line {i}")
    ax.plot([0, 1], [1, 1], label="_hidden")
    ax.set_ylim(0, 1)
    with style.context():
        style.name_lines(ax)
    figure.draw_without_rendering()
    boxes = sorted((text.get_window_extent() for text in ax.texts), key=lambda box: box.y0)
    assert len(boxes) == 6
    assert all(below.y1 <= above.y0 + 1 for below, above in itertools.pairwise(boxes))
    assert boxes[0].y0 > ax.bbox.y0 - 5


def test_names_leave_out_a_line_without_points():
    ax = Figure().subplots()
    ax.plot([0, 1], [np.nan, np.nan], label="diverged")
    with style.context():
        style.name_lines(ax)
    assert not ax.texts
