"""Do the figures of the chapter on bugs say what their data say?"""

import numpy as np
from matplotlib.figure import Figure

from dlbook.figures.bugs import draw_symptom


def test_the_symptoms_sentence_states_the_medians_and_the_correct_run_only_when_it_is_shown():
    wrong, right, diverged = (
        {"loss": np.tile([2.0, loss], (16, 1)), "error": np.full(16, error)}
        for loss, error in ((0.5, 0.3), (0.25, 0.2), (np.nan, 0.9))
    )
    curves = {"a bug": (wrong, right), "divergence": (diverged, right)}
    alone = draw_symptom(Figure(), "a bug", "alone", curves=curves)
    assert alone == "A bug: the loss ends at 0.50, the test error is 30% (medians of 16 seeds)."
    assert "the correct run has 0.25 and 20%" in draw_symptom(Figure(), "a bug", "beside it", curves=curves)
    assert "the loss ends at infinity" in draw_symptom(Figure(), "divergence", "alone", curves=curves)


def test_the_axes_do_not_move_between_bugs():
    limits = set()
    for loss in (1e-3, 1.0, np.nan):
        figure, runs = Figure(), {"loss": np.full((16, 8), loss), "error": np.full(16, 0.5)}
        draw_symptom(figure, "x", "beside it", curves={"x": (runs, runs)})
        limits.add(tuple(ax.get_xlim() + ax.get_ylim() for ax in figure.axes))
    assert len(limits) == 1
