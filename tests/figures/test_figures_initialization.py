"""Figures of the chapter initialization: does each sentence say what the data say?"""

import inspect
import re

import numpy as np
import pytest
from matplotlib.figure import Figure

from dlbook.figures import initialization as figures
from dlbook.figures.initialization import draw_signals
from dlcore.search import sweep


def signals(forward, backward, activation="ReLU", scale=0.7):
    """A sweep in which seed i has `forward[i]` and `backward[i]` in all of 20 layers."""

    def run(scale, activation, seed):
        return {"forward": np.full(20, forward[seed]), "backward": np.full(20, backward[seed])}

    return sweep(run, scale=[scale], activation=[activation], seeds=len(forward))


def sentence(forward, backward):
    return draw_signals(Figure(), "ReLU", 0.7, signals=signals([forward], [backward]))


@pytest.mark.parametrize(
    "factor, words",
    [
        (1.04, "about as large as it was (1.0 times)"),
        (0.6, "about as large as it was (0.6 times)"),
        (1 / 8, "8 times smaller"),
        (1234.0, "1,000 times larger"),
        (1 / 87654, "90,000 times smaller"),
        (3.2e11, "3·10¹¹ times larger"),
    ],
)
def test_the_sentence_states_the_last_signal_and_the_first_gradient(factor, words):
    assert f"the signal is {words}" in sentence(factor, 1.0)
    assert sentence(1.0, factor).endswith(f"the gradient is {words}.")


def test_it_is_the_median_over_seeds_that_is_stated():
    runs = [1e-9, 100.0, 1e9]
    text = draw_signals(Figure(), "tanh", 1.0, signals=signals(runs, runs, "tanh", 1.0))
    assert re.search("^Tanh.*100 times larger.*100 times larger", text)


def test_signals_beyond_the_axes_are_drawn_at_their_edge_and_the_axes_do_not_move():
    figure = Figure()
    draw_signals(figure, "sigmoid", 0.25, signals=signals([1e-30], [1e30], "sigmoid", 0.25))
    assert all(ax.get_ylim() == (1e-7, 1e7) for ax in figure.axes)
    assert [ax.get_lines()[1].get_ydata().tolist() for ax in figure.axes] == [[1e-8] * 20, [1e8] * 20]


def drawn(draw, *args, **values):
    figure = Figure()
    first = next(iter(inspect.signature(draw).parameters))
    sentence = draw(figure.subplots() if first == "ax" else figure, *args, **values)
    figure.canvas.draw()
    return sentence, figure


def test_the_bars_leave_out_a_relus_zeros_and_pile_up_what_lies_beyond():
    layer = np.array([0.0, 0.0, 0.05, -7.0, 1e9])
    counts = figures.bars([layer] * 10 + [layer[:3]])
    assert [bars.sum() for bars in counts] == [3, 3, 3, 3, 3, 1]  # of layers 1, 3, 5, 7, 9, 11
    assert counts[0][0] == 1 and counts[0][-1] == 1
    assert len(figures.bars([layer, layer])) == 2


def test_units_that_never_part_are_called_exactly_equal():
    w = np.linspace(0, 1, 5)
    paths = {"constant": np.column_stack([w, w, w]), "random": np.column_stack([w, -w, 0 * w])}
    sentence, _ = drawn(figures.draw_units, paths=paths)
    assert "After 4 steps" in sentence
    assert "exactly equal (constant) and 2.0 apart (random)" in sentence


def test_the_layers_sentence_has_the_last_signal_and_the_first_gradient():
    ends = {6: (0.5, 3e-7), 24: (np.inf, np.nan)}

    def run(scheme, activation, depth, seed):
        forward, backward = np.ones(depth), np.ones(depth)
        forward[-1], backward[0] = ends[depth]
        bars = figures.bars([np.linspace(-1, 1, 50)] * depth)
        return {"bars": bars, "forward": forward, "backward": backward}

    results = sweep(run, scheme=["He"], activation=["ReLU"], depth=[6, 24])
    sentence, short = drawn(figures.draw_layers, "He", "ReLU", 6, results=results)
    assert "He, ReLU, 6 layers" in sentence
    assert "root mean square of 0.5;" in sentence and "arrives at layer 1 with size 3·10⁻⁷" in sentence
    sentence, deep = drawn(figures.draw_layers, "He", "ReLU", 24, results=results)
    assert "beyond all numbers" in sentence
    for a, b in zip(short.axes, deep.axes, strict=True):
        assert a.get_xlim() == b.get_xlim() and a.get_ylim() == b.get_ylim()


def test_training_curves_state_the_median_of_the_last_fifty_steps():
    runs = {"He": np.r_[np.full(50, 2.0), np.full(50, 1.4)], "Xavier": np.full(100, 2.3)}
    curves = sweep(lambda init, seed: runs[init], init=list(runs))
    sentence, _ = drawn(figures.draw_curves, curves)
    assert "over 16 seeds in the last 50 steps: He 1.4, Xavier 2.3" in sentence
    runs["Xavier"] = np.full(100, np.nan)
    assert (
        "Xavier diverged"
        in drawn(figures.draw_curves, sweep(lambda init, seed: runs[init], init=list(runs)))[0]
    )


def edge(loss, signal=1.0, multiplier=1.0):
    def signals(activation, multiplier, seed):
        return np.r_[np.ones(28), signal if multiplier == at else 1.0]

    def losses(activation, multiplier, seed):
        return loss[seed] if multiplier == at else 2.3

    at, axes = multiplier, {"activation": ["ReLU"], "multiplier": [0.5, 1.0, 2.0]}
    runs = {"signals": sweep(signals, **axes), "losses": sweep(losses, seeds=8, **axes)}
    return drawn(figures.draw_edge, "ReLU", multiplier, **runs)


def test_the_edge_states_signal_and_loss_and_counts_what_diverged():
    sentence, calm = edge([1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.2, np.nan], signal=4e-5)
    assert "layer 29's signal is 4·10⁻⁵ of layer 1's" in sentence
    assert "median loss after training is 1.6, 1 of 8 runs diverged" in sentence
    sentence, wild = edge([np.nan] * 8, signal=np.inf, multiplier=2.0)
    assert "8 of 8 runs diverge (" in sentence and "beyond all numbers" in sentence
    marks = [line.get_ydata() for line in wild.axes[1].get_lines() if line.get_marker() == "_"]
    assert len(marks) == 3 and np.all(np.isfinite(marks)) and np.allclose(marks[2], 3.1)
    for a, b in zip(calm.axes, wild.axes, strict=True):
        assert a.get_xlim() == b.get_xlim() and a.get_ylim() == b.get_ylim()


def first_steps(small, large):
    curves = {0: np.r_[np.full(30, 2.3), small], 10: np.r_[np.full(30, 22.0), large]}
    return drawn(figures.draw_first_steps, sweep(lambda scale, seed: curves[scale], scale=[0, 10]))[0]


def test_the_first_steps_compare_the_largest_last_layer_with_the_smallest():
    sentence = first_steps(np.full(10, 1.0), np.full(10, 1.5))
    assert "First loss 22.0 with a last layer of 10 times He's, 2.3 with 0" in sentence
    assert "in the last ten of 40 steps 1.5 and 1.0" in sentence
    assert "steps diverged and 1.0" in first_steps(np.full(10, 1.0), np.full(10, np.inf))


@pytest.mark.parametrize(
    "error, words", [(3e-10, "9 digits"), (0.02, "1 digit."), (0.9, "no digit"), (7.0, "no digit")]
)
def test_the_difference_counts_the_digits_that_agree(error, words):
    steps, s = (1.0, 1e-5), np.linspace(-3, 3, 7)
    ways, rises = ["central", "one-sided"], {1.0: s + s**2, 1e-5: np.full(7, np.nan)}
    errors = sweep(lambda difference, step, seed: error if step < 1 else 0.3, difference=ways, step=steps)
    slices = sweep(lambda step: [s, rises[step]], step=steps, seeds=None)
    sentence, chosen = drawn(figures.draw_difference, "central", steps[1], errors=errors, slices=slices)
    assert words in sentence and "step 10⁻⁵:" in sentence
    _, other = drawn(figures.draw_difference, "one-sided", steps[0], errors=errors, slices=slices)
    for a, b in zip(chosen.axes, other.axes, strict=True):
        assert a.get_xlim() == b.get_xlim() and a.get_ylim() == b.get_ylim()


def test_the_transfer_states_the_medians_at_the_fewest_and_the_most_examples():
    values = {"from scratch": (0.6, 0.8), "all layers": (0.7, 0.9), "last layer only": (0.65, 0.75)}
    accuracy = {name: np.tile(pair, (16, 1)) for name, pair in values.items()}
    sentence, _ = drawn(figures.draw_transfer, examples=(1, 100), accuracy=accuracy)
    start = "Points above scratch, medians of 16 seeds: with 1 example of each new class "
    assert sentence.startswith(start + "all layers +10, last layer only +5;")
    assert "with 100: all layers +10, last layer only −5." in sentence
