import re

import numpy as np
import pytest
from matplotlib.figure import Figure

from dlcore.book.figures.initialization import draw_signals


def sentence(forward, backward):
    runs = np.ones((16, 20))
    signals = {("relu", 0.7): (runs * forward, runs * backward)}
    return draw_signals(Figure(), "relu", 0.7, signals=signals)


@pytest.mark.parametrize(
    "factor, words",
    [
        (1.04, "about as large as it was (1.0 times)"),
        (0.6, "about as large as it was (0.6 times)"),
        (1 / 8, "8 times smaller"),
        (1234.0, "1,000 times larger"),
        (1 / 87654, "90,000 times smaller"),
        (3.2e11, "10¹¹ times larger"),
    ],
)
def test_the_sentence_states_the_last_signal_and_the_first_gradient(factor, words):
    assert f"the signal is {words}" in sentence(factor, 1.0)
    assert sentence(1.0, factor).endswith(f"the gradient is {words}.")


def test_it_is_the_median_over_seeds_that_is_stated():
    runs = np.ones((3, 20)) * [[1e-9], [100.0], [1e9]]
    text = draw_signals(Figure(), "tanh", 1.0, signals={("tanh", 1.0): (runs, runs)})
    assert re.search("Tanh.*100 times larger.*100 times larger", text)


def test_signals_beyond_the_axes_are_drawn_at_their_edge_and_the_axes_do_not_move():
    figure = Figure()
    runs = np.zeros((4, 20))
    draw_signals(figure, "sigmoid", 0.25, signals={("sigmoid", 0.25): (runs + 1e-30, runs + 1e30)})
    assert all(ax.get_ylim() == (1e-7, 1e7) for ax in figure.axes)
