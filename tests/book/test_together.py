"""Seeds that train side by side do what each would have done alone."""

import numpy as np
import pytest

from dlbook.together import Together
from dlcore.layers import Dense, ReLU, Residual, Tanh
from dlcore.losses import softmax_cross_entropy
from dlcore.network import Network
from dlcore.normalization import BatchNorm
from dlcore.optimizers import SGD, Adam, Momentum
from dlcore.schedules import cosine
from dlcore.training import error_rate, evaluate, fit

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(30, 4)), RNG.integers(3, size=30)


def plain(rng):
    return Network(Dense(4, 5, rng=rng), Tanh(), Dense(5, 3, rng=rng))


def residual(rng):
    return Network(Dense(4, 5, rng=rng), Residual(Dense(5, 5, rng=rng), ReLU()), Dense(5, 3, rng=rng))


@pytest.mark.parametrize("build", [plain, residual])
@pytest.mark.parametrize("optimizer", [lambda: SGD(0.3), lambda: Momentum(0.1), lambda: Adam(0.01)])
def test_each_seed_trains_as_it_would_alone(build, optimizer):
    net = Together(build, [3, 4, 9], dtype=np.float64)
    how = {"epochs": 3, "batch_size": 7, "schedule": cosine(15)}
    net.fit(X, Y, optimizer(), **how)
    for i, seed in enumerate([3, 4, 9]):
        rng = np.random.default_rng(seed)
        alone = build(rng)
        fit(alone, X, Y, softmax_cross_entropy, optimizer(), rng=rng, **how)
        assert net.losses(X, Y)[i] == pytest.approx(evaluate(alone, X, Y, softmax_cross_entropy), rel=1e-9)
        assert net.errors(X, Y)[i] == pytest.approx(error_rate(alone, X, Y))


def test_the_gradient_is_that_of_each_seeds_own_loss():
    net, step = Together(plain, [0, 1], dtype=np.float64), 1e-6
    g = net.gradient(X, Y).copy()
    for at in (0, 11, 50):
        net.theta[at] += step
        up = net.losses(X, Y).sum()
        net.theta[at] -= 2 * step
        down = net.losses(X, Y).sum()
        net.theta[at] += step
        assert g[at] == pytest.approx((up - down) / (2 * step), abs=1e-8)


def test_on_step_sees_every_step_and_can_end_the_training():
    net, optimizer, seen = Together(plain, [0]), SGD(0.1), []

    def look(step):
        seen.append((step, optimizer.lr))
        return step == 4

    net.fit(X, Y, optimizer, epochs=9, batch_size=10, schedule=cosine(10), on_step=look)
    assert [step for step, _ in seen] == [0, 1, 2, 3, 4]
    assert seen[1][1] == pytest.approx(0.1 * cosine(10)(1)) and optimizer.lr == 0.1


def test_a_seed_that_diverges_is_infinite_and_leaves_the_others_alone():
    net = Together(plain, [0, 1], dtype=np.float64)
    net.layers[0].W[0] = np.inf
    net.fit(X, Y, SGD(0.1), epochs=2, batch_size=10)
    alone = Together(plain, [1], dtype=np.float64)
    alone.fit(X, Y, SGD(0.1), epochs=2, batch_size=10)
    lost, kept = net.losses(X, Y)
    assert np.isinf(lost) and net.errors(X, Y)[0] == 1
    assert kept == pytest.approx(alone.losses(X, Y)[0])


def test_a_wrong_shape_no_seeds_and_a_layer_that_learns_otherwise_are_refused():
    with pytest.raises(ValueError, match=r"seeds must have at least one seed, got none"):
        Together(plain, [])
    with pytest.raises(
        ValueError, match=r"x must have shape \(examples, features\) or \(2, 9, 4\), got \(3, 9, 4\)"
    ):
        Together(plain, [0, 1]).losses(np.zeros((3, 9, 4)), np.zeros(9, int))
    with pytest.raises(ValueError, match="build must make dense layers and functions without parameters"):
        Together(lambda rng: Network(Dense(4, 3, rng=rng), BatchNorm(3)), [0])
