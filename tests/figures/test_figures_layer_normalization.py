"""Do the figures of the chapter on layer normalization say what their data say?"""

import numpy as np
import pytest

from dlbook.explorer import style
from dlbook.figures import layer_normalization as figures
from dlcore.search import sweep
from drawing import drawn, limits, said


def reached(where):
    """A sweep whose every setting changes the tokens `where`, among them or not the changed one, (1, 3)."""
    moved = np.zeros((4, 6))
    for token in where:
        moved[token] = 0.25
    return sweep(lambda norm, change: moved, norm=["batch", "RMS"], change=["one feature + 1"], seeds=None)


def test_the_reach_counts_earlier_and_later_steps_and_other_sequences():
    changes = reached([(1, 3), (1, 0), (1, 1), (1, 5), (0, 0), (3, 5), (2, 3)])
    sentence = said(figures.draw_reach, changes=changes, norm="batch", change="one feature + 1")
    assert sentence.startswith("Batch normalization, one token's input changed (one feature + 1)")
    assert "its own output changes by 0.25" in sentence
    assert "at 2 earlier steps and 1 later step of the same sequence, and at 3 tokens of other" in sentence


def test_a_token_that_ignores_its_own_change_is_told():
    sentence = said(figures.draw_reach, changes=reached([]), norm="RMS", change="one feature + 1")
    assert sentence.startswith("RMS normalization") and "its own output does not change" in sentence
    assert "0 earlier steps and 0 later steps" in sentence and "0 tokens of other" in sentence


def test_a_number_on_the_map_keeps_its_colour_in_the_dark_as_its_cell_does():
    changes = reached([(1, 3), (0, 0)])
    _, figure = drawn(figures.draw_reach, changes=changes, norm="batch", change="one feature + 1")
    numbers = [text for text in figure.axes[0].texts if text.get_text() != "0"]
    assert len(numbers) == 2 and not {text.get_color() for text in numbers} & set(style.themes())


def stacks():
    def run(norm, placement, depth, seed):
        value = {"none": 1e12, "pre": 2.0, "post": 8.0}[placement]
        stream, gradient = np.full(24, np.nan), np.full(24, np.nan)
        stream[:depth], gradient[:depth] = np.linspace(1, value, depth), np.linspace(4, value / 2, depth)
        return {"stream": stream, "gradient": gradient}

    return sweep(run, norm=["layer"], placement=["none", "pre", "post"], depth=[2, 24], seeds=3)


def test_the_stack_compares_the_last_block_with_the_first():
    runs = stacks()
    sentence, figure = drawn(figures.draw_stack, runs=runs, placement="pre", norm="layer", depth=24)
    assert sentence.startswith("Pre-norm with layer normalization, 24 blocks")
    assert "is 1 after the first block and 2 after the last" in sentence
    assert "has the norm 1, 25% of the first's (medians of 3 seeds)" in sentence
    other, same_axes = drawn(figures.draw_stack, runs=runs, placement="none", norm="layer", depth=2)
    assert other.startswith("No normalization") and "2 blocks" in other and "10¹² after the last" in other
    assert limits(figure) == limits(same_axes)


def test_batch_sizes_name_each_error_at_the_smallest():
    def error(norm, batch_size, seed):
        return {"batch": 0.5, "layer": 0.4}[norm] / batch_size

    runs = sweep(error, norm=["batch", "layer"], batch_size=[2, 8], seeds=3)
    sentence = said(figures.draw_batch_sizes, runs=runs)
    assert (
        "in batches of 2, each at its best rate: batch normalization 25%, layer normalization 20%" in sentence
    )


def test_a_setting_that_was_not_run_is_refused():
    with pytest.raises(ValueError, match="depth must be one of 2, 24, got 6"):
        said(figures.draw_stack, runs=stacks(), placement="pre", norm="layer", depth=6)


def test_the_name_of_a_curve_that_is_off_the_scale_points_upwards():
    _, figure = drawn(figures.draw_stack, runs=stacks(), placement="pre", norm="layer", depth=24)
    names = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert names[1] == ["no normalization ↑", "pre-norm", "post-norm"]
