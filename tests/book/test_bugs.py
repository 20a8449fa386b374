"""The museum's exhibits differ from the library by their mistake only; the chapter's tests catch each."""

import numpy as np
import pytest

from dlbook import bugs
from dlcore.normalization import BatchNorm
from dlcore.optimizers import AdaDelta, Adam, Nesterov


def walk(optimizer, theta, steps=20):
    for _ in range(steps):
        optimizer.step(theta, np.cos(theta))
    return theta


@pytest.mark.parametrize(
    "wrong, right, settings",
    [(bugs.AdaDelta3, AdaDelta, {"lr": 1.0}), (bugs.Adam4, Adam, {"lr": 0.1, "eps": 1e-14})],
)
def test_where_the_mistake_cannot_show_the_exhibit_is_the_original(wrong, right, settings):
    start = np.linspace(-1, 1, 7)
    np.testing.assert_allclose(
        walk(wrong(**settings), start.copy()), walk(right(**settings), start.copy()), rtol=1e-9
    )


def test_the_restored_look_ahead_is_the_librarys_nesterov_seen_from_ahead():
    def slope(theta):
        return theta * [1.0, 10.0]

    path = bugs.nesterov(slope, np.array([1.0, 1.0]), lr=0.05, steps=30)
    v = -np.diff(path, axis=0) / 0.05
    ahead, optimizer = np.array([1.0, 1.0]), Nesterov(0.05)
    for step in range(29):
        optimizer.step(ahead, slope(ahead))
        np.testing.assert_allclose(ahead, path[step + 1] - 0.05 * 0.9 * v[step], rtol=1e-12)
    assert not np.allclose(bugs.nesterov2(slope, np.array([1.0, 1.0]), lr=0.05, steps=30), path)


def test_the_batch_norms_forward_pass_in_training_is_right():
    x = np.random.default_rng(0).normal(3, 2, (8, 4))
    for norm in (bugs.BatchNorm8, bugs.BatchNorm9):
        np.testing.assert_array_equal(
            norm(4).forward(x, training=True), BatchNorm(4).forward(x, training=True)
        )


def test_caught_tells_a_sharp_test_from_a_blind_one_and_refuses_one_that_fails_the_right_thing():
    def is_even(n):
        assert n % 2 == 0

    assert bugs.caught(is_even, 2, 3).endswith("catches the wrong one")
    assert bugs.caught(is_even, 2, 4) == "is_even: passes both"
    with pytest.raises(AssertionError):
        bugs.caught(is_even, 3, 2)
