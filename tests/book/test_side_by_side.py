"""Networks side by side learn what each of them would learn alone."""

import numpy as np
import pytest

from dlbook.side_by_side import Side, cross_entropy, epoch, half_square
from dlcore.initialization import he_normal
from dlcore.layers import Dense, ReLU
from dlcore.losses import mse, softmax_cross_entropy
from dlcore.network import Network
from dlcore.optimizers import SGD


def side_and_alone(classes):
    """Three networks side by side, and the same three one by one."""
    rng = np.random.default_rng(0)
    together = Network(Side(3, 4, 5, he_normal, rng), ReLU(), Side(3, 5, classes, he_normal, rng))
    alone = [Network(Dense(4, 5, rng=rng), ReLU(), Dense(5, classes, rng=rng)) for _ in range(3)]
    for k, net in enumerate(alone):
        for (W, _), (W_side, _) in zip(net.weights(), together.weights(), strict=True):
            W[...] = W_side[k]
    return together, alone


def test_outputs_and_gradients_are_those_of_each_network_alone():
    rng = np.random.default_rng(1)
    x, t, labels = rng.standard_normal((3, 6, 4)), rng.standard_normal((3, 6, 1)), rng.integers(0, 2, (3, 6))
    for classes, target, slope, loss in (
        (1, t, half_square, lambda z, t: (0.5 * mse(z, t)[0], 0.5 * mse(z, t)[1])),
        (2, labels, cross_entropy, softmax_cross_entropy),
    ):
        together, alone = side_and_alone(classes)
        output = together.forward(x)
        dx = together.backward(slope(output, target))
        for k, net in enumerate(alone):
            np.testing.assert_allclose(output[k], net.forward(x[k]))
            np.testing.assert_allclose(dx[k], net.backward(loss(output[k], target[k])[1]))
            for (_, dW), (_, dW_side) in zip(net.weights(), together.weights(), strict=True):
                np.testing.assert_allclose(dW_side[k], dW)


def test_an_epoch_takes_the_steps_that_each_network_would_take_alone():
    rng = np.random.default_rng(2)
    x, t = rng.standard_normal((3, 4, 4)), rng.standard_normal((3, 4, 1))
    together, alone = side_and_alone(1)
    penalty = 0.1
    epoch(together, x, t, half_square, SGD(0.1), 4, rng, penalty=lambda W: penalty * W)
    for k, net in enumerate(alone):
        net.backward((net.forward(x[k]) - t[k]) / 4)
        for W, dW in net.weights():
            W -= 0.1 * (dW + penalty * W)
        for (W, _), (W_side, _) in zip(net.weights(), together.weights(), strict=True):
            np.testing.assert_allclose(W_side[k], W)


def test_every_network_sees_each_of_its_examples_once_an_epoch():
    seen = []
    together, _ = side_and_alone(1)
    x = np.repeat(np.arange(7.0)[None, :, None], 3, axis=0) * np.ones(4)

    def slope(output, target):
        seen.append(target[..., 0])
        return np.zeros_like(output)

    epoch(together, x, x[..., :1], slope, SGD(0.1), 3, np.random.default_rng(0))
    assert [part.shape[1] for part in seen] == [3, 3, 1]
    for order in np.concatenate(seen, axis=1):
        assert sorted(order) == list(range(7))


def test_label_smoothing_and_probabilities_reach_the_loss():
    logits, labels = (
        np.random.default_rng(3).standard_normal((2, 4, 3)),
        np.array([[0, 1, 2, 1], [2, 2, 0, 1]]),
    )
    smooth = 0.8 * np.eye(3)[labels] + 0.2 / 3
    np.testing.assert_allclose(cross_entropy(logits, labels, 0.2), cross_entropy(logits, smooth))


def test_what_does_not_fit_is_refused():
    layer = Side(3, 4, 5, he_normal, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"x must have the shape \(3, m, 4\), got \(6, 4\)"):
        layer.forward(np.ones((6, 4)))
    with pytest.raises(ValueError, match="networks must be at least 1, got 0|networks must be"):
        Side(0, 4, 5, he_normal, np.random.default_rng(0))
