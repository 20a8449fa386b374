"""Do penalties, dropout, early stopping, clipping and augmentation do what their papers say?"""

import numpy as np
import pytest

from dlcore.initialization import he_normal
from dlcore.layers import Dense
from dlcore.losses import softmax_cross_entropy
from dlcore.network import Network
from dlcore.regularization import (
    L1,
    L2,
    Dropout,
    EarlyStopping,
    GaussianDropout,
    Lq,
    UniformDropout,
    add_noise,
    clip_by_norm,
    clip_by_value,
    crop,
    flip,
    mixup,
    norm,
    ridge,
    rotate,
    shift,
)

FLOATS = [np.float32, np.float64]
PENALTIES = [L1(0.3), L2(0.3), Lq(0.3, 0.5), Lq(0.3, 1.5), Lq(0.3, 3)]
NOISES = [Dropout, GaussianDropout, UniformDropout]
AUGMENTATIONS = {
    "flip": lambda images, rng: flip(images, rng, p=0.5),
    "shift": lambda images, rng: shift(images, rng, limit=2),
    "crop": lambda images, rng: crop(images, rng, size=(5, 4)),
    "rotate": lambda images, rng: rotate(images, rng, degrees=30),
    "add_noise": lambda images, rng: add_noise(images, rng, std=0.1),
}


def generator(seed=0):
    return np.random.default_rng(seed)


def refuses(error, message, call, *args, **kwargs):
    with pytest.raises(error, match=message):
        call(*args, **kwargs)


def name(value):
    return " ".join(map(str, [type(value).__name__, *vars(value).values()]))


def paper_dropout(p, rng):
    return Dropout(p, rng, inverted=False)


# Penalties


def test_penalties_of_a_known_vector():
    w = np.array([3.0, 0.0, -4.0])
    assert L1(0.5).penalty(w) == 0.5 * 7
    assert L2(0.5).penalty(w) == 0.5 * 0.5 * 25
    assert Lq(0.5, 3).penalty(w) == pytest.approx(0.5 / 3 * (27 + 64))
    np.testing.assert_array_equal(L1(0.5).gradient(w), [0.5, 0, -0.5])
    np.testing.assert_array_equal(L2(0.5).gradient(w), [1.5, 0, -2])
    np.testing.assert_allclose(Lq(0.5, 3).gradient(w), [4.5, 0, -8])


@pytest.mark.parametrize("q, special_case", [(1, L1(0.3)), (2, L2(0.3))])
def test_lq_contains_l1_and_l2(q, special_case):
    w = generator().normal(size=20)
    assert Lq(0.3, q).penalty(w) == pytest.approx(special_case.penalty(w))
    np.testing.assert_allclose(Lq(0.3, q).gradient(w), special_case.gradient(w))


@pytest.mark.parametrize("penalty", PENALTIES, ids=name)
def test_a_penaltys_gradient_is_its_slope(penalty):
    w = generator().normal(size=(3, 4))
    w += 0.1 * np.sign(w)
    h = 1e-6
    for i in np.ndindex(w.shape):
        up, down = w.copy(), w.copy()
        up[i] += h
        down[i] -= h
        slope = (penalty.penalty(up) - penalty.penalty(down)) / (2 * h)
        assert penalty.gradient(w)[i] == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("penalty", PENALTIES, ids=name)
def test_the_gradient_at_zero_is_zero_even_where_the_slope_is_infinite(penalty):
    np.testing.assert_array_equal(penalty.gradient(np.zeros(3)), 0)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("penalty", [*PENALTIES, L2(np.float64(0.3))], ids=name)
def test_a_penalty_keeps_the_dtype_and_leaves_the_weights_alone(penalty, dtype):
    w = generator().normal(size=(3, 4)).astype(dtype)
    before = w.copy()
    assert penalty.gradient(w).dtype == dtype
    assert penalty.gradient(w).shape == w.shape
    assert type(penalty.penalty(w)) is float
    np.testing.assert_array_equal(w, before)


def test_a_step_of_gradient_descent_on_l2_is_weight_decay():
    w = generator().normal(size=5)
    np.testing.assert_allclose(w - 0.1 * L2(0.3).gradient(w), (1 - 0.1 * 0.3) * w)


def test_penalties_refuse_what_makes_no_sense():
    for make in (L1, L2, lambda strength: Lq(strength, 1)):
        refuses(ValueError, "strength must be at least 0, got -1", make, -1)
        refuses(ValueError, "strength", make, np.nan)
        refuses(TypeError, "strength must be a number", make, "strong")
    refuses(ValueError, "q must be above 0, got 0", Lq, 1.0, 0)
    for penalty in PENALTIES:
        refuses(ValueError, "w must be finite", penalty.penalty, [1.0, np.nan])
        refuses(ValueError, "w must be finite", penalty.gradient, [1.0, np.inf])


# Norms


@pytest.mark.parametrize("p", [0, 0.5, 1, 2, 3.5, np.inf])
def test_norms_equal_numpys(p):
    w = generator().normal(size=12)
    w[3] = 0
    assert norm(w, p) == pytest.approx(np.linalg.norm(w, p), rel=1e-13)
    assert norm(w.reshape(3, 4), p) == norm(w, p)
    assert type(norm(w, p)) is float


@pytest.mark.parametrize("p", [0, 0.5, 1, 2, 3, np.inf])
def test_the_norm_of_nothing_but_zeros_is_zero(p):
    assert norm(np.zeros(3), p) == 0


@pytest.mark.parametrize("size", [1e-30, 1e-21, 1e30])
@pytest.mark.parametrize("p", [2, 3])
def test_powers_that_leave_float32s_range_do_not_spoil_the_norm(p, size):
    w = np.array([3, 4, -5], dtype=np.float32) * np.float32(size)
    assert norm(w, p) == pytest.approx(norm([3, 4, -5], p) * size, rel=1e-6)


def test_norms_refuse_what_makes_no_sense():
    refuses(ValueError, "p must be at least 0, got -1", norm, [1.0], -1)
    refuses(TypeError, "p must be a number", norm, [1.0], "fro")
    refuses(ValueError, "w must be finite", norm, [np.nan], 2)


# Ridge regression


@pytest.fixture
def regression():
    rng = generator()
    return rng.normal(size=(30, 4)) + [0, 1, 2, 3], rng.normal(size=30)


def test_ridge_is_the_closed_form(regression):
    Phi, t = regression
    w = np.linalg.inv(Phi.T @ Phi + 0.7 * np.eye(4)) @ Phi.T @ t
    np.testing.assert_allclose(ridge(Phi, t, 0.7), w)


def test_ridge_is_where_the_gradient_of_loss_plus_l2_vanishes(regression):
    Phi, t = regression
    w = ridge(Phi, t, 0.7)
    np.testing.assert_allclose(Phi.T @ (Phi @ w - t) + L2(0.7).gradient(w), 0, atol=1e-12)


def test_ridge_equals_scikit_learns_with_and_without_a_bias(regression):
    linear_model = pytest.importorskip("sklearn.linear_model")
    Phi, t = regression
    oracle = linear_model.Ridge(alpha=0.7, fit_intercept=False).fit(Phi, t)
    np.testing.assert_allclose(ridge(Phi, t, 0.7), oracle.coef_)

    oracle = linear_model.Ridge(alpha=0.7).fit(Phi, t)
    w = ridge(Phi - Phi.mean(0), t - t.mean(0), 0.7)
    bias = t.mean(0) - Phi.mean(0) @ w
    np.testing.assert_allclose(w, oracle.coef_)
    assert bias == pytest.approx(oracle.intercept_)


def test_ridge_takes_several_targets_at_once(regression):
    Phi, t = regression
    both = ridge(Phi, np.stack([t, 2 * t], axis=1), 0.7)
    np.testing.assert_allclose(both[:, 0], ridge(Phi, t, 0.7))
    np.testing.assert_allclose(both[:, 1], ridge(Phi, 2 * t, 0.7))


def test_ridge_without_strength_is_least_squares_even_where_many_weights_fit():
    Phi = generator().normal(size=(3, 5))
    t = np.arange(3.0)
    w = ridge(Phi, t, 0)
    np.testing.assert_allclose(w, np.linalg.pinv(Phi) @ t)
    np.testing.assert_allclose(w, ridge(Phi, t, 1e-9), rtol=1e-6)


def test_ridge_passes_through_ten_points_with_a_polynomial_of_degree_nine():
    # the normal equations lose this one: the condition number of their matrix is beyond 1e13
    x = np.linspace(0, 1, 10)
    Phi = x[:, None] ** np.arange(10)
    w = ridge(Phi, np.sin(2 * np.pi * x), 0)
    np.testing.assert_allclose(Phi @ w, np.sin(2 * np.pi * x), atol=1e-9)


def test_ridge_keeps_float32(regression):
    Phi, t = regression
    w = ridge(Phi.astype(np.float32), t.astype(np.float32), np.float64(0.7))
    assert w.dtype == np.float32
    np.testing.assert_allclose(w, ridge(Phi, t, 0.7), rtol=1e-4)


def test_ridge_refuses_what_makes_no_sense(regression):
    Phi, t = regression
    refuses(ValueError, "strength must be at least 0, got -0.1", ridge, Phi, t, -0.1)
    refuses(ValueError, r"t must have one entry per row of Phi \(30\), got 29", ridge, Phi, t[1:], 1.0)
    refuses(ValueError, "Phi must have 2 axes", ridge, Phi[0], t, 1.0)
    refuses(ValueError, "t must be finite", ridge, Phi, np.full(30, np.nan), 1.0)


# Dropout


@pytest.mark.parametrize("p", [0.1, 0.25, 0.5, 0.8])
@pytest.mark.parametrize("Noise", NOISES)
def test_noise_has_mean_one_and_the_variance_of_dropout(Noise, p):
    n = 400_000
    r = Noise(p, generator()).forward(np.ones(n), training=True)
    variance = p / (1 - p)
    assert abs(r.mean() - 1) < 5 * np.sqrt(variance / n)
    # the variance of a sample variance, from the noise's own fourth moment
    spread = np.sqrt((np.mean((r - 1) ** 4) - variance**2) / n)
    assert abs(r.var() - variance) < 5 * spread + 10 / n


def test_dropout_drops_a_share_p_and_scales_up_the_rest():
    n = 100_000
    y = Dropout(0.3, generator()).forward(np.ones(n), training=True)
    assert set(np.unique(y)) == {0, np.float32(1) / np.float32(0.7)}
    assert abs(np.mean(y == 0) - 0.3) < 5 * np.sqrt(0.3 * 0.7 / n)


def test_dropout_as_in_the_paper_only_drops_and_evaluation_scales_down():
    layer = Dropout(0.3, generator(), inverted=False)
    x = generator(1).normal(size=1000)
    y = layer.forward(x, training=True)
    np.testing.assert_array_equal(y[y != 0], x[y != 0])
    assert np.any(y == 0)
    np.testing.assert_allclose(layer.forward(x), 0.7 * x, rtol=1e-15)
    np.testing.assert_allclose(layer.backward(x), 0.7 * x, rtol=1e-15)


def test_both_forms_of_dropout_drop_the_same_units():
    x = generator(1).normal(size=1000)
    inverted = Dropout(0.3, generator()).forward(x, training=True)
    paper = Dropout(0.3, generator(), inverted=False).forward(x, training=True)
    np.testing.assert_allclose(inverted, paper / 0.7, rtol=1e-6)


def test_uniform_dropout_with_p_a_quarter_fills_the_interval_from_zero_to_two():
    r = UniformDropout(0.25, generator()).forward(np.ones(100_000), training=True)
    assert 0 <= r.min() < 0.001 and 1.999 < r.max() <= 2
    share = np.histogram(r, bins=10, range=(0, 2))[0] / len(r)
    np.testing.assert_allclose(share, 0.1, atol=5 * np.sqrt(0.09 / len(r)))


def test_gaussian_dropout_is_gaussian():
    stats = pytest.importorskip("scipy.stats")
    r = GaussianDropout(0.2, generator()).forward(np.ones(10_000), training=True)
    assert stats.kstest((r - 1) / 0.5, "norm").pvalue > 0.01


@pytest.mark.parametrize("Noise", NOISES)
def test_every_element_gets_noise_of_its_own(Noise):
    r = Noise(0.5, generator()).forward(np.ones((200, 300)), training=True)
    for a, b in [(r[1:], r[:-1]), (r[:, 1:], r[:, :-1])]:
        correlation = np.corrcoef(a.ravel(), b.ravel())[0, 1]
        assert abs(correlation) < 5 / np.sqrt(a.size)


@pytest.mark.parametrize("Noise", NOISES)
def test_each_training_pass_draws_new_noise_and_evaluation_draws_none(Noise):
    layer = Noise(0.5, generator())
    x = np.ones(50)
    assert not np.array_equal(layer.forward(x, training=True), layer.forward(x, training=True))
    state = layer.rng.bit_generator.state
    np.testing.assert_array_equal(layer.forward(x), x)
    np.testing.assert_array_equal(layer.backward(2 * x), 2 * x)
    assert layer.rng.bit_generator.state == state


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("Noise", [*NOISES, paper_dropout])
def test_backward_of_noise_is_the_gradient_with_the_noise_held_fixed(Noise, training):
    x = generator(1).normal(size=(4, 3))
    dy = generator(2).normal(size=(4, 3))
    layer = Noise(0.4, generator())
    layer.forward(x, training)
    dx = layer.backward(dy)
    h = 1e-6
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += h
        down[i] -= h
        # the same seed draws the same noise
        y_up = Noise(0.4, generator()).forward(up, training)
        y_down = Noise(0.4, generator()).forward(down, training)
        assert dx[i] == pytest.approx(np.sum(dy * (y_up - y_down)) / (2 * h), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("Noise", [*NOISES, paper_dropout])
def test_noise_keeps_dtype_shape_and_input(Noise, training):
    for dtype in FLOATS:
        x = generator().normal(size=(2, 3, 4, 5)).astype(dtype)
        before = x.copy()
        layer = Noise(np.float64(0.4), generator())
        y = layer.forward(x, training)
        dx = layer.backward(y)
        assert y.dtype == dx.dtype == dtype
        assert y.shape == dx.shape == x.shape
        y[...] = 7
        np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("Noise", NOISES)
def test_float32_and_float64_meet_the_same_noise(Noise):
    x = np.ones(100)
    double = Noise(0.4, generator()).forward(x, training=True)
    single = Noise(0.4, generator()).forward(x.astype(np.float32), training=True)
    np.testing.assert_array_equal(single, double.astype(np.float32))


@pytest.mark.parametrize("Noise", NOISES)
def test_no_share_dropped_means_no_noise(Noise):
    x = generator().normal(size=50)
    np.testing.assert_array_equal(Noise(0, generator()).forward(x, training=True), x)


def test_dropout_on_a_linear_model_is_ridge_with_a_strength_of_its_own_for_each_feature():
    # E ‖t - (r ∘ Φ) w‖² = ‖t - Φw‖² + p/(1-p) Σⱼ (ΦᵀΦ)ⱼⱼ wⱼ²   (Srivastava et al., 2014, section 9.1)
    rng = generator()
    Phi, t, w, p = rng.normal(size=(20, 3)), rng.normal(size=20), rng.normal(size=3), 0.3
    layer = Dropout(p, rng)
    losses = [np.sum((t - layer.forward(Phi, training=True) @ w) ** 2) for _ in range(4000)]
    expected = np.sum((t - Phi @ w) ** 2) + p / (1 - p) * np.sum(Phi**2, axis=0) @ w**2
    assert abs(np.mean(losses) - expected) < 5 * np.std(losses) / np.sqrt(len(losses))


def test_dropout_draws_as_many_zeros_as_pytorchs():
    torch = pytest.importorskip("torch")
    n, p = 100_000, 0.3
    torch.manual_seed(0)
    theirs = torch.nn.functional.dropout(torch.ones(n), p, training=True).numpy()
    ours = Dropout(p, generator()).forward(np.ones(n, dtype=np.float32), training=True)
    np.testing.assert_allclose(np.unique(ours), np.unique(theirs), rtol=1e-6)
    assert abs(np.mean(ours == 0) - np.mean(theirs == 0)) < 5 * np.sqrt(2 * p * (1 - p) / n)


@pytest.mark.parametrize("Noise", NOISES)
def test_noise_layers_refuse_what_makes_no_sense(Noise):
    refuses(ValueError, "p must be at least 0 and below 1, got 1", Noise, 1, generator())
    refuses(ValueError, "p must be at least 0 and below 1, got -0.1", Noise, -0.1, generator())
    refuses(TypeError, "rng must be a numpy.random.Generator", Noise, 0.5, 0)
    layer = Noise(0.5, generator())
    assert layer.params == layer.buffers == ()
    refuses(RuntimeError, f"{Noise.__name__}.backward needs the values of", layer.backward, np.ones(3))
    refuses(ValueError, "x must be finite", layer.forward, [1.0, np.nan])
    layer.forward(np.ones((2, 3)), training=True)
    refuses(ValueError, r"dy must have shape \(2, 3\), got \(3,\)", layer.backward, np.ones(3))


def test_dropout_works_as_a_layer_of_a_network_wherever_it_stands():
    rng = generator()
    x = generator(1).normal(size=(20, 6)).astype(np.float32)
    first, second = Dense(6, 5, init=he_normal, rng=rng), Dense(5, 2, init=he_normal, rng=rng)
    net = Network(Dropout(0.2, rng), first, Dropout(0.5, rng), second, dtype=np.float32)
    np.testing.assert_array_equal(net.forward(x), second.forward(first.forward(x)))
    y = net.forward(x, training=True)
    assert y.dtype == np.float32 and not np.allclose(y, net.forward(x, training=True))
    assert net.backward(np.ones_like(y)).dtype == np.float32


def test_dropout_refuses_an_inverted_that_is_no_truth_value():
    refuses(TypeError, "inverted must be True or False, got 'no'", Dropout, 0.5, generator(), "no")


# Early stopping


def test_early_stopping_is_algorithm_7_1_of_goodfellow_bengio_and_courville():
    for seed in range(20):
        losses = generator(seed).random(60)
        p = 1 + seed % 7

        i, j, v, i_star = 0, 0, np.inf, 0
        while j < p and i < len(losses):
            v_new = losses[i]
            if v_new < v:
                j, i_star, v = 0, i, v_new
            else:
                j += 1
            i += 1

        stopping = EarlyStopping(patience=p)
        steps = next((k + 1 for k, loss in enumerate(losses) if stopping.update(loss)), len(losses))
        assert (steps, stopping.waited, stopping.best_step, stopping.best) == (i, j, i_star, v)


def test_early_stopping_brings_back_the_best_point():
    stopping = EarlyStopping(patience=2)
    theta, running = np.zeros(3), np.zeros(2, dtype=np.float32)
    view = theta[1:]
    for loss in [3.0, 1.0, 2.0, 1.5]:
        theta += loss
        running += 1
        stop = stopping.update(loss, theta, running)
    assert stop is True
    stopping.restore(theta, running)
    np.testing.assert_array_equal(theta, 4)
    np.testing.assert_array_equal(running, 2)
    np.testing.assert_array_equal(view, 4)


def test_what_early_stopping_remembers_is_a_copy_before_and_after_restoring():
    stopping = EarlyStopping()
    theta = np.ones(2)
    stopping.update(1.0, theta)
    for _ in range(2):
        theta[...] = 7
        stopping.restore(theta)
        np.testing.assert_array_equal(theta, 1)


def test_an_improvement_must_exceed_min_delta():
    stopping = EarlyStopping(patience=3, min_delta=0.5)
    for value in [2.0, 1.75, 1.5]:
        stopping.update(value)
    assert (stopping.best, stopping.waited) == (2.0, 2)
    stopping.update(1.25)
    assert (stopping.best, stopping.best_step, stopping.waited) == (1.25, 3, 0)


def test_an_equal_value_is_no_improvement():
    stopping = EarlyStopping(patience=1)
    assert [stopping.update(1.0), stopping.update(1.0)] == [False, True]


def test_nan_fails_to_improve_and_the_best_point_survives_it():
    stopping = EarlyStopping(patience=2)
    theta = np.ones(2)
    assert not stopping.update(1.0, theta)
    theta[...] = np.nan
    assert not stopping.update(np.nan, theta)
    assert stopping.update(np.float32("nan"), theta)
    assert (stopping.best, stopping.best_step) == (1.0, 0)
    stopping.restore(theta)
    np.testing.assert_array_equal(theta, 1)


def test_a_run_that_starts_with_nan_stops_too():
    stopping = EarlyStopping(patience=2)
    assert [stopping.update(np.nan), stopping.update(np.nan)] == [False, True]
    assert stopping.best_step is None
    refuses(RuntimeError, "nothing to restore", stopping.restore)


def test_reset_forgets():
    stopping = EarlyStopping(patience=1)
    stopping.update(0.0, np.ones(2))
    stopping.update(1.0, np.ones(2))
    stopping.reset()
    assert vars(stopping) == vars(EarlyStopping(patience=1))
    assert not stopping.update(5.0)
    assert (stopping.best, stopping.best_step) == (5.0, 0)


def test_early_stopping_refuses_what_makes_no_sense():
    refuses(ValueError, "patience must be at least 1, got 0", EarlyStopping, 0)
    refuses(TypeError, "patience must be a whole number", EarlyStopping, 2.5)
    refuses(ValueError, "min_delta must be at least 0", EarlyStopping, 1, -1)
    stopping = EarlyStopping()
    refuses(RuntimeError, "nothing to restore", stopping.restore, np.ones(2))
    before = dict(vars(stopping))
    refuses(TypeError, "value must be a number", stopping.update, "low")
    refuses(TypeError, "arrays must be numpy arrays", stopping.update, 1.0, [1.0])
    assert vars(stopping) == before

    stopping.update(1.0, np.ones(2), np.ones(3))
    first = np.zeros(2)
    refuses(ValueError, "arrays must have the shapes", stopping.restore, first)
    refuses(ValueError, "arrays must have the shapes", stopping.restore, first, np.zeros(4))
    refuses(ValueError, "arrays must have the shapes", stopping.restore, first, np.zeros(3, dtype=np.float32))
    np.testing.assert_array_equal(first, 0)


# Clipping


def test_clipping_by_value_bounds_every_element_in_place_and_counts_them():
    g = np.array([[0.5, -3.0], [2.0, -1.0]])
    view = g[0]
    assert clip_by_value(g, 1) == 0.5
    np.testing.assert_array_equal(g, [[0.5, -1], [1, -1]])
    np.testing.assert_array_equal(view, [0.5, -1])


def test_clipping_by_norm_keeps_the_direction_in_place_and_returns_the_old_norm():
    g = np.array([[3.0, 0.0], [0.0, -4.0]])
    view = g[0]
    assert clip_by_norm(g, 2.5) == 5
    np.testing.assert_allclose(g, [[1.5, 0], [0, -2]])
    np.testing.assert_allclose(view, [1.5, 0])


@pytest.mark.parametrize("g", [[3.0, 4.0], [0.1, 0.2], [0.0, 0.0]])
def test_a_gradient_within_the_limit_is_untouched(g):
    after = np.array(g)
    assert clip_by_norm(after, 5) == pytest.approx(np.linalg.norm(g))
    np.testing.assert_array_equal(after, g)
    assert clip_by_value(after, 4) == 0
    np.testing.assert_array_equal(after, g)


@pytest.mark.parametrize("size", [0.01, 1, 1e6, 1e25])
def test_even_an_exploded_float32_gradient_is_clipped_to_the_norm(size):
    g = (generator().normal(size=1000) * size).astype(np.float32)
    direction = g.astype(float) / np.linalg.norm(g.astype(float))
    assert clip_by_norm(g, np.float64(0.1)) == pytest.approx(size * np.sqrt(1000), rel=0.1)
    assert g.dtype == np.float32
    np.testing.assert_allclose(g, 0.1 * direction, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("limit", [0.1, 1.0, 1e3])
def test_clipping_equals_pytorchs(limit, dtype):
    torch = pytest.importorskip("torch")
    g = (3 * generator().normal(size=50)).astype(dtype)

    theirs = torch.nn.Parameter(torch.zeros(50, dtype=getattr(torch, dtype)))
    theirs.grad = torch.tensor(g)
    ours = g.copy()
    their_norm = torch.nn.utils.clip_grad_norm_([theirs], limit)
    assert clip_by_norm(ours, limit) == pytest.approx(float(their_norm), rel=1e-6)
    # theirs divides by ‖g‖ + 1e-6
    np.testing.assert_allclose(ours, theirs.grad.numpy(), rtol=1.1e-6 / float(their_norm) + 5e-7)

    theirs.grad = torch.tensor(g)
    ours = g.copy()
    torch.nn.utils.clip_grad_value_([theirs], limit)
    share = clip_by_value(ours, limit)
    np.testing.assert_array_equal(ours, theirs.grad.numpy())
    assert share == np.mean(np.abs(g) > limit)


@pytest.mark.parametrize("clip, limit", [(clip_by_value, "limit"), (clip_by_norm, "max_norm")])
def test_clipping_refuses_what_makes_no_sense_and_changes_nothing(clip, limit):
    g = np.array([1.0, 2.0])
    refuses(ValueError, f"{limit} must be above 0, got 0", clip, g, 0)
    refuses(ValueError, f"{limit} must be above 0", clip, g, np.nan)
    np.testing.assert_array_equal(g, [1, 2])
    refuses(TypeError, "grad must be a float numpy array", clip, [1.0, 2.0], 1.0)
    refuses(TypeError, "grad must be a float numpy array", clip, np.array([1, 2]), 1.0)
    g = np.array([5.0, np.nan, np.inf])
    refuses(ValueError, "grad must be finite, got 2", clip, g, 1.0)
    np.testing.assert_array_equal(g, [5, np.nan, np.inf])


# Augmentation


@pytest.fixture
def images():
    return generator(9).random((64, 8, 7))


@pytest.mark.parametrize("augment", AUGMENTATIONS.values(), ids=AUGMENTATIONS)
def test_augmentation_keeps_dtype_and_shape_and_never_changes_its_input(augment, images):
    for dtype in FLOATS:
        for x in (images.astype(dtype), images.reshape(32, 2, 8, 7).astype(dtype)):
            before = x.copy()
            y = augment(x, generator())
            assert y.dtype == dtype
            cut = augment is AUGMENTATIONS["crop"]
            assert y.shape == (x.shape[:-2] + (5, 4) if cut else x.shape)
            y[...] = 7
            np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("augment", AUGMENTATIONS.values(), ids=AUGMENTATIONS)
def test_augmentation_repeats_itself_with_the_same_seed_only(augment, images):
    np.testing.assert_array_equal(augment(images, generator(3)), augment(images, generator(3)))
    assert not np.array_equal(augment(images, generator(3)), augment(images, generator(4)))


@pytest.mark.parametrize("augment", AUGMENTATIONS.values(), ids=AUGMENTATIONS)
def test_every_image_gets_a_draw_of_its_own(augment, images):
    same = np.repeat(images[:1], 64, axis=0)
    different = {y.tobytes() for y in np.ascontiguousarray(augment(same, generator()))}
    assert len(different) >= 2


@pytest.mark.parametrize("which", ["flip", "shift", "crop", "rotate"])
def test_the_channels_of_an_image_move_together(which, images):
    augment = AUGMENTATIONS[which]
    channels = np.stack([images, 2 * images, 1 - images], axis=1)
    y = augment(channels, generator())
    np.testing.assert_allclose(y[:, 0], augment(images, generator()), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(y[:, 1], 2 * y[:, 0])
    np.testing.assert_allclose(y[:, 2], augment(1 - images, generator()), rtol=1e-12, atol=1e-15)


def test_noise_differs_between_channels():
    y = add_noise(np.full((1, 2, 8, 8), 0.5), generator(), std=0.1)
    assert not np.allclose(y[0, 0], y[0, 1])


def test_a_flipped_image_is_its_mirror_image_and_a_share_p_is_flipped(images):
    np.testing.assert_array_equal(flip(images, generator(), p=1), images[:, :, ::-1])
    np.testing.assert_array_equal(flip(images, generator(), p=0), images)
    many = np.tile([0.0, 1.0], (10_000, 1, 1))
    share = np.mean(flip(many, generator(), p=0.3)[:, 0, 0])
    assert abs(share - 0.3) < 5 * np.sqrt(0.3 * 0.7 / 10_000)


def test_a_shift_moves_a_pixel_to_every_place_within_the_limit_equally_often():
    n = 9000
    one = np.zeros((n, 5, 7))
    one[:, 2, 3] = 1
    y = shift(one, generator(), limit=1)
    np.testing.assert_array_equal(y.sum(axis=(1, 2)), 1)
    share = y.mean(axis=0)
    np.testing.assert_allclose(share[1:4, 2:5], 1 / 9, atol=5 * np.sqrt(1 / 9 * 8 / 9 / n))


def test_a_shift_brings_in_zeros_and_not_the_other_edge():
    y = shift(np.ones((500, 5, 6)), generator(), limit=2)
    assert {(int(rows), int(columns)) for rows, columns in zip(y.max(2).sum(1), y.max(1).sum(1))} == {
        (rows, columns) for rows in (3, 4, 5) for columns in (4, 5, 6)
    }
    np.testing.assert_array_equal(shift(np.ones((3, 5, 6)), generator(), limit=0), 1)


def test_a_crop_is_a_window_of_the_image_and_every_window_comes_up():
    image = np.arange(30.0).reshape(1, 5, 6)
    y = crop(np.repeat(image, 500, axis=0), generator(), size=(3, 4))
    corners = y[:, 0, 0]
    assert set(corners) == {6.0 * top + left for top in range(3) for left in range(3)}
    window = np.arange(3)[:, None] * 6 + np.arange(4)
    np.testing.assert_array_equal(y, corners[:, None, None] + window)


def test_a_crop_of_full_size_is_the_image(images):
    np.testing.assert_array_equal(crop(images, generator(), size=(8, 7)), images)
    assert crop(images, generator(), size=3).shape == (64, 3, 3)


class _Angle(np.random.Generator):
    """A generator that draws the same angle for every image."""

    def __init__(self, degrees):
        super().__init__(np.random.PCG64(0))
        self.degrees = degrees

    def uniform(self, low, high, size):
        assert low <= self.degrees <= high
        return np.full(size, float(self.degrees))


@pytest.mark.parametrize("quarters", [-2, -1, 0, 1, 2])
def test_a_quarter_turn_of_a_square_is_rot90(quarters, images):
    square = images[:, :7, :]
    y = rotate(square, _Angle(90 * quarters), 180)
    np.testing.assert_allclose(y, np.rot90(square, quarters, axes=(1, 2)), atol=1e-12)


def test_rotation_by_nothing_changes_nothing(images):
    np.testing.assert_array_equal(rotate(images, generator(), 0), images)


def test_rotation_far_from_the_edge_keeps_a_plane_a_plane():
    # bilinear interpolation is exact on a + b·down + c·right, whose rotation is known
    down, right = np.mgrid[-10:11, -10:11].astype(float)
    angle = np.deg2rad(25)
    y = rotate((3 + 2 * down - right)[None], _Angle(25), 30)[0]
    expected = (
        3
        + 2 * (np.cos(angle) * down + np.sin(angle) * right)
        - (np.cos(angle) * right - np.sin(angle) * down)
    )
    inside = np.hypot(down, right) < 10
    np.testing.assert_allclose(y[inside], expected[inside])


@pytest.mark.parametrize("degrees", [7, 45, 120, -33])
def test_rotation_equals_pytorchs_grid_sample_edges_included(degrees):
    torch = pytest.importorskip("torch")
    x = generator().random((4, 3, 9, 6))
    h, w = 9, 6
    a = np.deg2rad(degrees)
    down, right = np.mgrid[:h, :w] - np.array([(h - 1) / 2, (w - 1) / 2])[:, None, None]
    row = np.cos(a) * down + np.sin(a) * right
    column = np.cos(a) * right - np.sin(a) * down
    grid = torch.tensor(np.stack([column / ((w - 1) / 2), row / ((h - 1) / 2)], axis=-1))
    grid = grid.expand(4, h, w, 2)
    theirs = torch.nn.functional.grid_sample(
        torch.tensor(x), grid, mode="bilinear", padding_mode="zeros", align_corners=True
    )
    np.testing.assert_allclose(rotate(x, _Angle(degrees), 180), theirs.numpy(), atol=1e-12)


def test_angles_fill_the_range_and_no_more():
    # one bright pixel far from the middle betrays the angle
    n, size = 1000, 41
    x = np.zeros((n, size, size))
    x[:, 20, 38:41] = 1
    y = rotate(x, generator(), degrees=30)
    down, right = np.mgrid[-20:21, -20:21]
    angle = np.rad2deg(np.arctan2(-(y * down).sum((1, 2)), (y * right).sum((1, 2))))
    assert -30.5 < angle.min() < -29 and 29 < angle.max() < 30.5
    assert abs(angle.mean()) < 5 * 30 / np.sqrt(3 * n)
    assert angle.std() == pytest.approx(30 / np.sqrt(3), rel=0.05)


def test_added_noise_has_mean_zero_and_the_given_deviation():
    n = 100_000
    x = np.full((10, 100, 100), 0.5)
    noise = add_noise(x, generator(), std=0.05) - x
    assert abs(noise.mean()) < 5 * 0.05 / np.sqrt(n)
    assert abs(noise.std() - 0.05) < 5 * 0.05 / np.sqrt(2 * n)
    np.testing.assert_array_equal(add_noise(x, generator(), std=0), x)


def test_noisy_pixels_stay_in_their_range_unless_told_otherwise(images):
    y = add_noise(images, generator(), std=1)
    assert y.min() == 0 and y.max() == 1
    y = add_noise(images, generator(), std=np.float64(1), low=-np.inf, high=np.inf)
    assert y.min() < -1 and y.max() > 2


@pytest.mark.parametrize("augment", AUGMENTATIONS.values(), ids=AUGMENTATIONS)
def test_augmentation_refuses_what_are_no_images(augment, images):
    refuses(ValueError, "images must have 3 or 4 axes", augment, images[0], generator())
    refuses(ValueError, "images must be finite", augment, np.full((1, 8, 7), np.nan), generator())
    refuses(ValueError, "images must not be empty", augment, images[:0], generator())
    refuses(TypeError, "rng must be a numpy.random.Generator", augment, images, 0)


def test_augmentation_refuses_settings_that_make_no_sense(images):
    rng = generator()
    state = rng.bit_generator.state
    refuses(ValueError, "p must be between 0 and 1, got 1.5", flip, images, rng, 1.5)
    refuses(ValueError, "limit must be between 0 and 6, got 7", shift, images, rng, 7)
    refuses(TypeError, "limit must be a whole number", shift, images, rng, 0.5)
    refuses(ValueError, "size must be between 1 and w=7, got 8", crop, images, rng, 8)
    refuses(ValueError, "size must be between 1 and h=8, got 0", crop, images, rng, (0, 3))
    refuses(TypeError, "size must be a whole number", crop, images, rng, (1, 2, 3))
    refuses(ValueError, "degrees must be between 0 and 180, got -1", rotate, images, rng, -1)
    refuses(ValueError, "std must be at least 0, got -0.1", add_noise, images, rng, -0.1)
    refuses(ValueError, "low must be below high=0, got 1", add_noise, images, rng, 0.1, 1, 0)
    refuses(ValueError, "images must be between low=0 and high=1", add_noise, 255 * images, rng, 0.1)
    assert rng.bit_generator.state == state


# mixup


def test_mixup_mixes_example_and_target_by_one_share_for_each_pair():
    rng = generator()
    x, labels = rng.standard_normal((50, 2, 3)), rng.integers(0, 4, 50)
    targets = np.eye(4)[labels]
    x_mixed, y_mixed = mixup(x, targets, generator(1), alpha=1.0)
    draws = generator(1)
    share, partner = draws.beta(1.0, 1.0, 50), draws.permutation(50)
    for i, (lam, j) in enumerate(zip(share, partner)):
        np.testing.assert_allclose(x_mixed[i], lam * x[i] + (1 - lam) * x[j], rtol=1e-12)
        np.testing.assert_allclose(y_mixed[i], lam * targets[i] + (1 - lam) * targets[j], rtol=1e-12)
    np.testing.assert_allclose(y_mixed.sum(axis=1), 1, rtol=1e-12)
    assert x_mixed.shape == x.shape and y_mixed.shape == targets.shape


def test_mixups_shares_are_betas_with_mean_one_half():
    """With x = 1 for one example and 0 for all others the mixed value is the share itself."""
    rng, shares = generator(), []
    x = np.zeros((2, 1))
    x[0] = 1
    for _ in range(4000):
        mixed, _ = mixup(x, x, rng, alpha=0.5)
        if 0 < mixed[0, 0] < 1:
            shares.append(mixed[0, 0])
    expected_variance = 1 / (4 * (2 * 0.5 + 1))
    assert abs(np.mean(shares) - 0.5) < 0.05 and abs(np.var(shares) - expected_variance) < 0.02


@pytest.mark.parametrize("dtype", [np.float16, *FLOATS])
def test_mixup_keeps_dtypes_and_what_it_was_given(dtype):
    x, y = np.ones((4, 1, 2, 2), dtype), np.eye(4, dtype=np.float32)
    x_mixed, y_mixed = mixup(x, y, generator())
    assert x_mixed.dtype == dtype and y_mixed.dtype == np.float32
    assert (x == 1).all() and (y == np.eye(4)).all() and not np.shares_memory(x, x_mixed)


def test_mixed_targets_can_be_learnt_from():
    _, y = mixup(np.zeros((6, 2)), np.eye(3)[[0, 1, 2, 0, 1, 2]], generator(), alpha=1.0)
    loss, gradient = softmax_cross_entropy(np.zeros((6, 3)), y)
    assert loss == pytest.approx(np.log(3))
    np.testing.assert_allclose(gradient, (1 / 3 - y) / 6, rtol=1e-12)


def test_mixup_refuses_what_cannot_be_averaged():
    refuses(TypeError, "y must be numbers that can be averaged", mixup, np.ones((2, 2)), [0, 1], generator())
    refuses(TypeError, "y must be numbers", mixup, np.ones((2, 2)), ["a", "b"], generator())
    refuses(
        ValueError, "y must have one entry per example of x", mixup, np.ones((2, 2)), np.eye(3), generator()
    )
    refuses(ValueError, "alpha must be above 0, got 0", mixup, np.ones((2, 2)), np.eye(2), generator(), 0)
    refuses(TypeError, "rng must be", mixup, np.ones((2, 2)), np.eye(2), 0)
    refuses(ValueError, "x must be finite", mixup, [[np.nan]], [[1.0]], generator())
    refuses(ValueError, "one entry per example", mixup, 1.0, 1.0, generator())


# Numbers that once came out wrong


def test_a_float16_gradient_is_clipped_by_its_true_norm():
    g = np.ones(100_000, np.float16)
    assert clip_by_norm(g, 1.0) == pytest.approx(316.2278, rel=1e-6)
    np.testing.assert_allclose(g, 0.00316, rtol=1e-2)


@pytest.mark.parametrize(
    "size, max_norm, dtype",
    [(3e38, 1e-8, np.float32), (1e300, 1e-20, np.float64), (1.7e308, 1e-9, np.float64)],
)
def test_clipping_by_a_factor_that_underflows_keeps_the_direction(size, max_norm, dtype):
    g = np.array([size, -size, 0], dtype)
    clip_by_norm(g, max_norm)
    np.testing.assert_allclose(g, max_norm / np.sqrt(2) * np.array([1, -1, 0]), rtol=1e-6)


def test_a_bound_that_is_zero_in_the_gradients_dtype_is_refused():
    for clip, word in ((clip_by_norm, "max_norm"), (clip_by_value, "limit")):
        g = np.ones(3, np.float32)
        refuses(ValueError, f"{word} must be above 0 in float32, got 1e-50", clip, g, 1e-50)
        assert (g == 1).all()
        clip(np.ones(3), 1e-50)


def test_a_bound_beyond_the_gradients_dtype_clips_nothing():
    g = np.array([1.0, -6e4], np.float16)
    assert clip_by_value(g, 1e6) == 0 and g.tolist() == [1.0, np.float16(-6e4)]
    assert clip_by_norm(g, 1e6) == pytest.approx(6e4, rel=1e-3) and g[0] == 1


@pytest.mark.parametrize("penalty", [L1(0.5), L2(0.5), Lq(0.5, 1.5)], ids=name)
def test_penalties_are_summed_where_they_do_not_overflow(penalty):
    exact = penalty.penalty(np.full(30_000, 100.0))
    assert penalty.penalty(np.full(30_000, 100, np.float16)) == pytest.approx(exact, rel=1e-12)
    large = penalty.penalty(np.full(3, 2.0**100, np.float32))
    assert large == pytest.approx(penalty.penalty(np.full(3, 2.0**100)), rel=1e-6)


def test_norms_of_float16_and_of_large_float32_are_true():
    assert norm(np.ones(100_000, np.float16), 2) == pytest.approx(np.sqrt(100_000), rel=1e-12)
    assert norm(np.full(100_000, 2, np.float16), 1) == 200_000
    assert norm(np.full(4, 3e38, np.float32), 3) == pytest.approx(3e38 * 4 ** (1 / 3), rel=1e-6)
    assert norm(np.full(4, 1e-200), 2) == pytest.approx(2e-200, rel=1e-12)


def test_a_norm_beyond_all_floats_is_refused():
    refuses(
        ValueError,
        "p must be larger for 3 weights, whose norm is beyond all floats, got 0.001",
        norm,
        np.ones(3),
        1e-3,
    )
    refuses(ValueError, "p must be larger for 2 weights", norm, np.ones(2), 5e-324)
    assert norm([2.0], 1e-3) == pytest.approx(2.0, rel=1e-9)


def test_a_slope_beyond_all_floats_is_refused():
    refuses(ValueError, r"\|w\|\^\(q - 1\) must be finite", Lq(1.0, 0.01).gradient, [5e-324])


def test_ridge_takes_float16():
    np.testing.assert_allclose(
        ridge(np.eye(2, dtype=np.float16), np.ones(2, np.float16), 1.0), 0.5, rtol=1e-12
    )


@pytest.mark.parametrize("kind", NOISES)
def test_a_share_that_is_one_in_the_noises_float32_is_refused(kind):
    refuses(ValueError, "p must be below 1 in float32", kind, 1 - 1e-10, generator())
    kind(1 - 1e-6, generator())


def test_dropouts_factors_must_fit_float16():
    x = np.ones(2_000_000, np.float16)
    dropout = Dropout(0.99999, generator())
    refuses(
        ValueError, "the factors of dropout in float16, .* must be finite", dropout.forward, x, training=True
    )


def test_noise_that_overflows_is_clipped_or_refused():
    images = np.full((1, 2, 2), 0.5, np.float32)
    y = add_noise(images, generator(), 1e300)
    assert set(np.unique(y)) <= {0.0, 1.0}
    refuses(
        ValueError, "images with noise must be finite", add_noise, images, generator(), 1e300, -np.inf, np.inf
    )
