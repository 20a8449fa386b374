"""Do the figures of the chapter on regularization say what their data say?"""

import numpy as np
import pytest

from dlbook.figures import regularization as figures
from dlcore.search import sweep
from drawing import drawn, limits


@pytest.mark.parametrize("q", [0.5, 1, 2, 4, np.inf])
def test_a_ball_holds_the_points_of_one_length_and_its_corners(q):
    edge = figures.ball(q, 2.0)
    size = abs(edge).max(axis=1) if q == np.inf else np.sum(abs(edge) ** q, axis=1) ** (1 / q)
    assert size == pytest.approx(2.0)
    for corner in ([2, 0], [0, 2], [-2, 0], [0, -2]):
        assert np.any(np.all(np.isclose(edge, corner), axis=1))


def test_the_shrinkage_sentence_names_the_factor_of_least_error():
    measured = np.array([1.0, 0.4, 0.25, 0.49])
    sentence, _ = drawn(
        figures.draw_shrinkage, factor=np.array([0.0, 0.5, 0.7, 1.0]), theory=measured, measured=measured
    )
    assert "error 0.49; multiplied by 0.7 it has 0.25" in sentence


def corner(path, **setting):
    """The figure of two solutions, at the strengths 0.1 and 1, which are the same for both angles."""
    path = dict(zip((0.1, 1.0), path, strict=True))
    curvatures = {0: np.diag([1.5, 0.5]), 30: np.eye(2)}
    solutions = sweep(
        lambda q, strength, angle: {"H": curvatures[angle], "w": path[strength]},
        q=[1], strength=list(path), angle=list(curvatures), seeds=None,
    )  # fmt: skip
    return drawn(figures.draw_corner, q=1, solutions=solutions, target=[1.5, 0.6], **setting)


@pytest.mark.parametrize(
    "w, ending",
    [([1.2, 0.4], "neither weight is 0, the smaller is 0.40."), ([1.2, 0.0], "one weight is exactly 0."),
     ([0.0, 0.0], "both weights are exactly 0.")],
)  # fmt: skip
def test_the_corner_sentence_counts_exact_zeros_only(w, ending):
    sentence, _ = corner([[1.4, 0.5], w], strength=1.0, angle=0)
    assert sentence.endswith(ending)


def test_almost_zero_is_not_zero():
    sentence, _ = corner([[1.0, 1.0], [1.2, -1e-9]], strength=1.0, angle=0)
    assert "(1.20, 0.00); neither weight is 0, the smaller is 0.00." in sentence


def test_the_corners_axes_do_not_move():
    path = [[1.4, 0.5], [-0.3, 0.0]]
    views = [limits(corner(path, strength=s, angle=a)[1]) for s, a in ((0.1, 0), (1.0, 30))]
    assert views[0] == views[1]


def pull(last):
    path = np.array([1.0, 0.5, last])
    return {"strength": 0.1, "target": 0.05, "w": {"L2": path, "subgradient": -path, "proximal": np.zeros(3)}}


def test_the_pull_tells_all_three_weights_at_the_step_shown():
    sentence, figure = drawn(figures.draw_pull, steps=1, results=pull(0.25))
    assert "After 1 step: with L2 the weight is 0.500" in sentence
    assert "subgradient steps −0.500, with proximal steps exactly 0." in sentence
    assert limits(figure) == limits(drawn(figures.draw_pull, steps=2, results=pull(0.25))[1])


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e9])
def test_a_diverged_pull_is_said(value):
    assert "diverged" in drawn(figures.draw_pull, steps=2, results=pull(value))[0]


def test_the_share_of_small_weights_is_a_median_over_seeds():
    x = np.linspace(0, 6, 5)
    none, l1 = np.full((3, 4), 1.0), np.array([[0, 0, 0, 1.0], [0, 0, 1, 1], [0, 0, 0, 0]])
    fits = {"none": np.full(5, np.nan), "L1": x}
    sentence, _ = drawn(
        figures.draw_wave, x=x, y=x, grid=x, wave=x, fits=fits, sizes={"none": none, "L1": l1}
    )
    assert "median over 3 seeds: no penalty 0%, L1 75%." in sentence


def test_patience_waits_for_so_many_looks_without_a_best():
    validation = [3.0, 2.0, 2.5, 1.0, 1.5, 1.5, 0.5]
    assert figures.stopped(validation, 1) == (2, 1)
    assert figures.stopped(validation, 2) == (5, 3)
    assert figures.stopped(validation, 9) == (6, 6)


def curves():
    validation = np.array([[3.0, 2.0, 2.5, 1.0], [3.0, 2.0, 1.0, np.nan]])
    test = np.array([[0.4, 0.2, 0.9, 0.1], [0.4, 0.3, 0.6, 0.5]])
    run = {"train": validation, "validation": validation, "test": test, "x": [0.0], "y": [0.0]}
    run["fits"] = np.zeros((4, 3))
    return {0.1: run, "grid": np.arange(3.0), "truth": np.zeros(3), "epochs": [5, 10, 15, 20]}


def test_the_test_error_is_that_of_the_weights_handed_back():
    sentence, figure = drawn(figures.draw_stopping, patience=1, noise=0.1, results=curves())
    assert "stops at epoch 15 and hands back epoch 10" in sentence
    assert "over 2 seeds: 0.400 handed back, 0.300 at the end" in sentence
    later, figure_later = drawn(figures.draw_stopping, patience=2, noise=0.1, results=curves())
    assert "runs to epoch 20 and hands back epoch 20" in later
    assert limits(figure) == limits(figure_later)
