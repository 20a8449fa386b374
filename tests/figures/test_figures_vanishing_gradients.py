"""Figures of the chapter vanishing_gradients: does each sentence say what the data say?"""

import numpy as np
import pytest
from matplotlib.figure import Figure

from dlbook.figures import vanishing_gradients as figures
from dlcore.layers import LeakyReLU, ReLU, Sigmoid, Tanh


def axes():
    return Figure().subplots()


def geometric(first, depth=20, seeds=3):
    """Norms by layer that fall by one factor from 1 at the last layer to `first` at the first."""
    return np.tile(np.geomspace(first, 1, depth), (seeds, 1))


def derivative(activation, spread):
    layers = {"sigmoid": Sigmoid(), "tanh": Tanh(), "relu": ReLU(), "leaky_relu": LeakyReLU()}
    return figures.draw_derivative(Figure(), activation, spread, layers)


def test_a_number_for_a_sentence_has_an_exponent_only_where_it_helps():
    assert [figures.scientific(v) for v in (6.1e-17, 0.052, 1, 19.3, 768, 1e4)] == [
        "6·10⁻¹⁷", "0.05", "1", "20", "800", "1·10⁴"
    ]  # fmt: skip
    assert figures.scientific(6.14e-17, 2) == "6.1·10⁻¹⁷"


def test_a_sigmoid_never_keeps_more_than_a_quarter_and_relu_half_of_the_square():
    assert "derivative is 0.25, and 20 layers of it leave 9·10⁻¹³" in derivative("sigmoid", 0.01)
    for spread in (0.1, 1, 4):
        assert "derivative is 0.71, and 20 layers of it leave 1·10⁻³" in derivative("relu", spread)


def test_the_share_of_tanh_falls_as_pre_activations_spread():
    assert "derivative is 1.00" in derivative("tanh", 0.01)
    narrow, wide = (float(derivative("tanh", spread).split("derivative is ")[1][:4]) for spread in (1, 4))
    assert wide < narrow < 1


def test_the_prediction_is_stated_beside_the_measured_factor():
    sentence = figures.draw_prediction(axes(), geometric(0.5**19), 0.4)
    assert sentence == (
        "The first of 20 layers receives 2·10⁻⁶ of the last one's gradient: a factor of 0.500 per layer,"
        " where 0.400 was predicted."
    )
    assert "0.300 per layer" in figures.draw_prediction(axes(), geometric(0.3**19), 0.4)


def test_the_gradients_by_layer_are_relative_to_the_last_layer():
    runs = {("tanh", 20, cure): (7 * geometric(0.5**19), 3 * geometric(0.1)) for cure in ("none", "residual")}
    ax = axes()
    sentence = figures.draw_gradients(ax, "tanh", 20, "residual", runs)
    assert sentence == (
        "tanh, 20 layers, residual: the gradient that arrives at the first layer is 1.9·10⁻⁶ of the last"
        " hidden layer's, a factor of 0.50 per layer; its weights' gradient is 0.1 of the last"
        " hidden layer's."
    )
    labels = [line.get_label() for line in ax.get_lines()]
    assert labels[:3] == ["no cure", "arrives at the layer", "of its weights"]


def test_the_update_ratios_name_the_first_and_the_last_layer():
    sentence = figures.draw_updates(axes(), {"sigmoid": geometric(1e-9), "relu": 1e-3 * geometric(1)})
    assert "sigmoid 1·10⁻⁹ in layer 1 and 1 in the output layer" in sentence
    assert "ReLU 1·10⁻³ in layer 1 and 1·10⁻³ in the output layer" in sentence


def test_accuracy_by_depth_names_the_deepest_that_learns():
    accuracy = {("sigmoid", "SGD"): [[0.8, 0.6, 0.1]], ("relu", "Adam"): [[0.1, 0.2, 0.1]]}
    sentence = figures.draw_depth(axes(), [1, 2, 4], accuracy)
    assert sentence == (
        "Median accuracy stays above one half for sigmoid with SGD up to depth 2;"
        " for ReLU with Adam at no depth."
    )


def test_the_replication_compares_the_first_with_the_fifth_layer():
    runs = {"standard": [geometric(0.1, 5)] * 3, "normalized": [geometric(0.8, 5)] * 3}
    figure = Figure()
    sentence = figures.draw_replication(figure, runs)
    assert "0.10 of the fifth's with the standard initialization and 0.80 with the normalized one" in sentence
    assert len(figure.axes) == 3


def test_the_cures_count_what_guesses_and_what_diverges():
    accuracy = {
        ("sigmoid", "none"): [0.1, 0.1], ("sigmoid", "init"): [0.6, 0.7],
        ("relu", "none"): [0.7, np.nan], ("relu", "init"): [0.8, 0.82],
    }  # fmt: skip
    ax = axes()
    sentence = figures.draw_cures(ax, accuracy)
    assert sentence == (
        "Of 4 networks, 2 guess or diverge; the best median is 0.81, ReLU with the cure 'initialization'."
    )
    assert [text.get_text() for text in ax.texts] == ["1\ndiverged"]


def test_the_explosion_states_a_factor_for_each_gain():
    sentence = figures.draw_explosion(axes(), {1: geometric(1), 2: geometric(2.0**19)})
    assert (
        sentence == "Per layer on the way back the gradient is multiplied by 1.00 at gain 1, 2.00 at gain 2."
    )


@pytest.fixture
def descents():
    w, b = np.meshgrid(np.linspace(0, 2, 5), np.linspace(0, 2, 5))
    inside = np.array([[1.0, 1], [1, 1.5]]), np.array([3.0, 0.2]), np.array([0.4, 0.1])
    outside = np.array([[1.0, 1], [40, 50]]), np.array([90.0, 0.0]), np.array([0.4, 0.3])
    return {"surface": (w, b, w * b), "paths": {"none": outside, "norm 1": inside}}


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
    assert sentence.startswith("Clipping by norm 1: after 1 steps the loss is 0.10, on the map")


def test_dead_units_and_the_accuracy_of_each_slope_are_stated():
    dead, accuracy = [[0, 0.75], [0, 0.75]], {0: [[0.7, 0.1]], 0.3: [[0.7, 0.6]]}
    sentence = figures.draw_dead(Figure(), [0, -2], dead, accuracy)
    assert "75% of the third layer's units are dead" in sentence
    assert "0.10 with slope 0, 0.60 with slope 0.3" in sentence


def test_clipping_scales_all_lags_and_keeps_their_shares():
    runs = {(1.05, "linear"): np.array([[1.0, 2.0, 4.0]])}
    raw = figures.draw_memory(axes(), 1.05, "linear", "none", runs)
    clipped = figures.draw_memory(axes(), 1.05, "linear", "norm 1", runs)
    assert "lag 2 has 2 times the gradient of lag 1; all lags together have norm 5." in raw
    assert "lag 2 has 2 times the gradient of lag 1; all lags together have norm 1." in clipped
