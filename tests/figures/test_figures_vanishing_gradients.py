"""Figures of the chapter vanishing_gradients: does each sentence say what the data say?"""

import numpy as np
import pytest
from matplotlib.figure import Figure

from dlbook.figures import vanishing_gradients as figures
from dlcore.layers import LeakyReLU, ReLU, Sigmoid, Tanh
from dlcore.search import sweep


def axes():
    return Figure().subplots()


def geometric(first, depth=20, seeds=3):
    """Norms by layer that fall by one factor from 1 at the last layer to `first` at the first."""
    return np.tile(np.geomspace(first, 1, depth), (seeds, 1))


def table(runs, *names):
    """A sweep whose axes have these names, and at each setting, a key of `runs`, the runs given there."""
    values = zip(*runs, strict=True) if len(names) > 1 else [runs]
    axes = {name: list(dict.fromkeys(labels)) for name, labels in zip(names, values, strict=True)}

    def run(seed, **setting):
        return runs[tuple(setting.values()) if len(names) > 1 else setting[names[0]]][seed]

    return sweep(run, seeds=len(next(iter(runs.values()))), **axes)


def derivative(activation, spread):
    layers = {"sigmoid": Sigmoid(), "tanh": Tanh(), "ReLU": ReLU(), "leaky ReLU": LeakyReLU()}
    return figures.draw_derivative(Figure(), activation, spread, layers)


def test_a_sigmoid_never_keeps_more_than_a_quarter_and_relu_half_of_the_square():
    assert "derivative is 0.25, and 20 layers of it leave 9·10⁻¹³" in derivative("sigmoid", 0.01)
    for spread in (0.1, 1, 4):
        assert "derivative is 0.71, and 20 layers of it leave 0.001" in derivative("ReLU", spread)


def test_the_share_of_tanh_falls_as_pre_activations_spread():
    assert "derivative is 1.00" in derivative("tanh", 0.01)
    narrow, wide = (float(derivative("tanh", spread).split("derivative is ")[1][:4]) for spread in (1, 4))
    assert wide < narrow < 1


def test_the_gradients_by_layer_are_relative_to_the_last_layer():
    norms = {"arrives": 7 * geometric(0.5**19), "weights": 3 * geometric(0.1)}
    seeds = [{name: array[seed] for name, array in norms.items()} for seed in range(3)]
    runs = table(
        {("tanh", 20, cure): seeds for cure in ("no cure", "residual")}, "activation", "depth", "cure"
    )
    ax = axes()
    sentence = figures.draw_gradients(ax, "tanh", 20, "residual", runs)
    assert sentence == (
        "Tanh, 20 layers, residual: the gradient that arrives at the first layer is 1.9·10⁻⁶ of the last"
        " hidden layer's, a factor of 0.50 per layer; its weights' gradient is 0.1 of the last"
        " hidden layer's."
    )
    labels = [line.get_label() for line in ax.get_lines()]
    assert labels[:3] == ["no cure", "arrives at the layer", "of its weights"]


def test_the_update_ratios_name_the_first_and_the_last_layer():
    ratios = table({"sigmoid": geometric(1e-9), "ReLU": 1e-3 * geometric(1)}, "start")
    sentence = figures.draw_updates(axes(), ratios)
    assert "sigmoid 10⁻⁹ in layer 1 and 1 in the output layer" in sentence
    assert "ReLU 0.001 in layer 1 and 0.001 in the output layer" in sentence


def test_accuracy_by_depth_names_the_deepest_that_learns():
    accuracy = {"sigmoid, SGD": (0.8, 0.6, 0.1), "ReLU, Adam": (0.1, 0.2, 0.1)}
    runs = {
        (case, depth): [a] for case, row in accuracy.items() for depth, a in zip([1, 2, 4], row, strict=True)
    }
    assert figures.draw_depth(axes(), table(runs, "case", "depth")) == (
        "Median accuracy stays above one half for sigmoid with SGD up to depth 2;"
        " for ReLU with Adam at no depth."
    )


def test_the_replication_compares_the_first_with_the_fifth_layer():
    names = ("activations", "gradients", "weights")
    runs = {
        init: [dict.fromkeys(names, row) for row in geometric(first, 5)]
        for init, first in {"standard": 0.1, "normalized": 0.8}.items()
    }
    figure = Figure()
    sentence = figures.draw_replication(figure, table(runs, "init"))
    assert "0.10 of the fifth's with the standard initialization and 0.80 with the normalized one" in sentence
    assert len(figure.axes) == 3
    assert figure.axes[0].get_lines()[0].get_ydata()[0] == 1 == figure.axes[1].get_lines()[0].get_ydata()[-1]


def test_the_cures_count_what_guesses_and_what_diverges():
    accuracy = {
        ("sigmoid", "no cure"): [0.1, 0.1], ("sigmoid", "initialization"): [0.6, 0.7],
        ("ReLU", "no cure"): [0.7, np.nan], ("ReLU", "initialization"): [0.8, 0.82],
    }  # fmt: skip
    ax = axes()
    sentence = figures.draw_cures(ax, table(accuracy, "activation", "cure"))
    assert sentence == (
        "Of 4 networks, 2 guess or diverge; the best median is 0.81, ReLU with the cure 'initialization'."
    )
    assert [text.get_text() for text in ax.texts] == ["1\ndiverged"]


def test_the_explosion_states_a_factor_for_each_gain():
    sentence = figures.draw_explosion(axes(), table({1: geometric(1), 2: geometric(2.0**19)}, "gain"))
    assert (
        sentence
        == "Per layer on the way back the gradient is multiplied by 1.00 at gain 1 and 2.00 at gain 2."
    )


@pytest.fixture
def descents():
    w, b = np.meshgrid(np.linspace(0, 2, 5), np.linspace(0, 2, 5))
    inside = {"points": [[1.0, 1], [1, 1.5]], "norms": [3.0, 0.2], "losses": [0.4, 0.1]}
    outside = {"points": [[1.0, 1], [40, 50]], "norms": [90.0, 0.0], "losses": [0.4, 0.3]}
    paths = sweep(lambda clip: clip, clip={"none": outside, "norm 1": inside}, seeds=None)
    return {"surface": (w, b, w * b), "paths": paths}


def test_the_cliff_says_when_the_path_has_left_the_map(descents):
    sentence = figures.draw_cliff(Figure(), "none", 1, **descents)
    assert "far outside the map, at w = 40, b = 50; the largest gradient met so far has norm 90" in sentence
    assert "after 0 steps the loss is 0.40, on the map" in figures.draw_cliff(Figure(), "none", 0, **descents)


def test_the_cliff_marks_the_step_and_the_bound_so_that_no_two_settings_look_alike(descents):
    def side(clip, steps):
        figure = Figure()
        figures.draw_cliff(figure, clip, steps, **descents)
        return figure.axes[1]

    bound, _, marker = side("norm 1", 1).get_lines()
    assert list(bound.get_ydata()) == [1, 1]
    assert marker.get_xdata() == [1] and marker.get_ydata() == [0.2] and marker.get_marker() == "o"
    _, marker = side("none", 1).get_lines()
    assert marker.get_marker() == "v"


def test_the_cliff_names_the_clip_and_the_loss(descents):
    sentence = figures.draw_cliff(Figure(), "norm 1", 1, **descents)
    assert sentence.startswith("Clipping by norm 1: after 1 step the loss is 0.10, on the map")


def test_dead_units_and_the_accuracy_of_each_slope_are_stated():
    dead = table({0: [0, 0], -2: [0.75, 0.75]}, "bias")
    accuracy = {(0, 0): [0.7], (0, -2): [0.1], (0.3, 0): [0.7], (0.3, -2): [0.6]}
    sentence = figures.draw_dead(Figure(), dead, table(accuracy, "slope", "bias"))
    assert sentence.startswith("With biases at −2, 75% of the third layer's units are dead")
    assert "0.10 with slope 0 and 0.60 with slope 0.3" in sentence


def test_clipping_scales_all_lags_and_keeps_their_shares():
    runs = table({(1.05, "linear"): [[1.0, 2.0, 4.0]]}, "radius", "drive")
    raw = figures.draw_memory(axes(), 1.05, "linear", "none", runs)
    clipped = figures.draw_memory(axes(), 1.05, "linear", "norm 1", runs)
    assert "lag 2 has 2 times the gradient of lag 1; all lags together have norm 5." in raw
    assert "lag 2 has 2 times the gradient of lag 1; all lags together have norm 1." in clipped
