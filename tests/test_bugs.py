"""The exhibits of the museum differ from the library by their mistake only; the chapter's tests catch each."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from dlcore.book import bugs
from dlcore.book.figures.bugs import draw_symptom
from dlcore.normalization import BatchNorm
from dlcore.optimizers import AdaDelta, Adam, Nesterov


def walk(optimizer, theta, steps=20):
    for _ in range(steps):
        optimizer.step(theta, np.cos(theta))
    return theta


@pytest.mark.parametrize(
    "wrong, right, settings",
    [(bugs.RatelessAdaDelta, AdaDelta, {"lr": 1.0}), (bugs.EarlyEpsAdam, Adam, {"lr": 0.1, "eps": 1e-14})],
)
def test_where_the_mistake_cannot_show_the_exhibit_is_the_original(wrong, right, settings):
    start = np.linspace(-1, 1, 7)
    np.testing.assert_allclose(walk(wrong(**settings), start.copy()), walk(right(**settings), start.copy()), rtol=1e-9)


def test_the_restored_look_ahead_is_the_librarys_nesterov_seen_from_ahead():
    def slope(theta):
        return theta * [1.0, 10.0]

    path = bugs.nesterov(slope, np.array([1.0, 1.0]), lr=0.05, steps=30)
    v = -np.diff(path, axis=0) / 0.05
    ahead, optimizer = np.array([1.0, 1.0]), Nesterov(0.05)
    for step in range(29):
        optimizer.step(ahead, slope(ahead))
        np.testing.assert_allclose(ahead, path[step + 1] - 0.05 * 0.9 * v[step], rtol=1e-12)
    assert not np.allclose(bugs.unrestored_nesterov(slope, np.array([1.0, 1.0]), lr=0.05, steps=30), path)


def test_the_batch_norms_forward_pass_in_training_is_right():
    x = np.random.default_rng(0).normal(3, 2, (8, 4))
    for norm in (bugs.SummedBatchNorm, bugs.TwiceEpsBatchNorm):
        np.testing.assert_array_equal(norm(4).forward(x, training=True), BatchNorm(4).forward(x, training=True))


def test_caught_tells_a_sharp_test_from_a_blind_one_and_refuses_one_that_fails_the_right_thing():
    def is_even(n):
        assert n % 2 == 0

    assert bugs.caught(is_even, 2, 3).endswith("catches the wrong one")
    assert bugs.caught(is_even, 2, 4) == "is_even: passes both"
    with pytest.raises(AssertionError):
        bugs.caught(is_even, 3, 2)


def test_the_symptoms_sentence_states_the_medians_and_the_correct_run_only_when_it_is_shown():
    wrong = np.tile([2.0, 0.5], (16, 1)), np.full(16, 0.3)
    right = np.tile([2.0, 0.25], (16, 1)), np.full(16, 0.2)
    curves = {"a bug": (wrong, right), "divergence": ((np.full((16, 2), np.nan), np.full(16, 0.9)), right)}
    alone = draw_symptom(Figure(), "a bug", "alone", curves=curves)
    assert alone == "A bug: the loss ends at 0.50, the test error is 30 % (medians of 16 seeds)."
    assert "the correct run has 0.25 and 20 %" in draw_symptom(Figure(), "a bug", "beside it", curves=curves)
    assert "the loss ends at infinity" in draw_symptom(Figure(), "divergence", "alone", curves=curves)


def test_the_axes_do_not_move_between_bugs():
    limits = set()
    for loss in (1e-3, 1.0, np.nan):
        figure, runs = Figure(), (np.full((16, 8), loss), np.full(16, 0.5))
        draw_symptom(figure, "x", "beside it", curves={"x": (runs, runs)})
        limits.add(tuple(ax.get_xlim() + ax.get_ylim() for ax in figure.axes))
    assert len(limits) == 1
