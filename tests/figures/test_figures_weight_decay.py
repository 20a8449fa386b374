"""The figures of "Weight decay": do they draw, and do their sentences follow the data?"""

import numpy as np
import pytest
from matplotlib.figure import Figure

from dlbook.figures import weight_decay as figures
from dlcore.search import sweep


def sentence(draw, *args, **kwargs):
    """Draw on axes of the size of the page, and return the sentence."""
    return draw(Figure(figsize=(7, 3.8), layout="constrained").subplots(), *args, **kwargs)


def decayed(left, strength=1.0):
    def path(method, lr, strength):
        return np.linspace([1.0, 1.0], left, 1001)

    paths = sweep(path, method=["AdamW", "SGD"], lr=[0.001], strength=[0.1, 1.0], seeds=None)
    return sentence(
        figures.draw_decayed, "AdamW", 0.001, strength, paths=paths, sizes=np.array([0.01, 10])
    )  # fmt: skip


def test_the_decayed_sentence_states_what_is_left_and_what_decay_alone_leaves():
    text = decayed([0.25, 0.9])
    assert "AdamW, η = 0.001, λ = 1: after 1,000 steps 0.25 and 0.90 are left" in text
    assert "gradients of 0.01 and 10" in text
    assert f"decay alone leaves {0.999**1000:.2f}" in text
    assert decayed([0.25, 0.9], strength=0.1).endswith(f"{0.9999**1000:.2f}.")


def test_a_method_that_was_not_run_is_refused():
    paths = sweep(
        lambda method, lr, strength: np.ones((2, 1)), method=["SGD"], lr=[1], strength=[1], seeds=None
    )
    with pytest.raises(ValueError, match="method"):
        sentence(figures.draw_decayed, "Adam", 1, 1, paths=paths, sizes=np.ones(1))


def test_powers_of_2_are_written_as_such():
    assert [figures.power_of_2(value) for value in (0.25, 1, 8)] == ["2⁻²", "2⁰", "2³"]


def test_the_decay_map_names_the_best_decay_and_how_far_it_moves():
    errors = np.array([[0.4, 0.35, 0.5], [0.5, np.nan, 0.45]])
    maps = {"AdamW": (np.array([2.0**-8, 2.0**-6]), 2.0 ** np.array([-6, -4, -2]), errors)}
    text = sentence(figures.draw_decay_map, "AdamW", 2.0**-6, maps=maps)
    assert "rate 2⁻⁶: the best decay is 2⁻², with 45% errors" in text and "moves by a factor of 4" in text
    level = {"AdamW": (*maps["AdamW"][:2], errors[[0, 0]])}
    assert "stays where it is" in sentence(figures.draw_decay_map, "AdamW", 2.0**-8, maps=level)
