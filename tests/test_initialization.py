import math
from functools import partial

import numpy as np
import pytest

from dlcore import initialization as init
from dlcore.layers import ReLU, Tanh

RANDOM = [
    init.normal,
    init.uniform,
    init.xavier_normal,
    init.xavier_uniform,
    init.he_normal,
    init.he_uniform,
    init.lecun_normal,
    init.orthogonal,
]


def test_fans_of_a_dense_layer_are_its_two_sizes():
    assert init.fans((3, 5)) == (3, 5)


def test_fans_of_a_convolution_count_the_weights_of_one_output_and_one_input():
    assert init.fans((16, 3, 5, 7)) == (3 * 35, 16 * 35)


@pytest.mark.parametrize("shape", [(400, 300), (60, 20, 4, 5)])
@pytest.mark.parametrize(
    "scheme, variance",
    [
        (partial(init.normal, std=0.3), lambda fan_in, fan_out: 0.09),
        (partial(init.uniform, limit=0.3), lambda fan_in, fan_out: 0.03),
        (init.xavier_normal, lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
        (init.xavier_uniform, lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
        (partial(init.xavier_uniform, gain=3), lambda fan_in, fan_out: 18 / (fan_in + fan_out)),
        (partial(init.xavier_normal, gain=3), lambda fan_in, fan_out: 18 / (fan_in + fan_out)),
        (init.he_normal, lambda fan_in, fan_out: 2 / fan_in),
        (init.he_uniform, lambda fan_in, fan_out: 2 / fan_in),
        (init.lecun_normal, lambda fan_in, fan_out: 1 / fan_in),
    ],
)
def test_the_variance_is_the_formulas_within_five_standard_errors(scheme, variance, shape):
    W = scheme(shape, np.random.default_rng(1))
    expected = variance(*init.fans(shape))
    standard_error = expected * math.sqrt(2 / W.size)
    assert abs(W.var() - expected) < 5 * standard_error
    assert abs(W.mean()) < 5 * math.sqrt(expected / W.size)


@pytest.mark.parametrize("scheme", [init.uniform, init.xavier_uniform, init.he_uniform])
def test_uniform_schemes_fill_their_interval_and_stay_inside(scheme):
    W = scheme((200, 200), np.random.default_rng(2))
    limit = math.sqrt(3 * W.var())
    assert abs(W).max() < 1.02 * limit
    assert abs(np.histogram(W, bins=4)[0] / W.size - 0.25).max() < 0.02


@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (9, 4), (8, 2, 3, 3)])
def test_orthogonal_keeps_lengths_along_the_smaller_side(shape):
    W = init.orthogonal(shape, np.random.default_rng(3), gain=0.5).reshape(shape[0], -1)
    gram = W @ W.T if W.shape[0] <= W.shape[1] else W.T @ W
    np.testing.assert_allclose(gram, 0.25 * np.eye(len(gram)), atol=1e-12)


def test_orthogonal_is_drawn_uniformly_with_both_signs_of_the_determinant():
    rng = np.random.default_rng(4)
    matrices = [init.orthogonal((2, 2), rng) for _ in range(2000)]
    turned = np.mean([np.linalg.det(W) > 0 for W in matrices])
    assert abs(turned - 0.5) < 0.05  # LAPACK's Q alone is a reflection every time
    np.testing.assert_allclose(np.mean(matrices, axis=0), 0, atol=0.1)


@pytest.mark.parametrize(
    "scheme, activation, kept",
    [(init.he_normal, ReLU, 1.0), (init.xavier_normal, ReLU, 0.5)],
)
def test_he_keeps_relus_mean_square_through_depth_and_xavier_halves_it(scheme, activation, kept):
    rng = np.random.default_rng(5)
    x = rng.standard_normal((500, 500))
    before = (x @ scheme((500, 500), rng)).var()
    factors = []
    for _ in range(6):
        x = activation().forward(x @ scheme((500, 500), rng))
        after = (x @ scheme((500, 500), rng)).var()
        factors.append(after / before)
        before = after
    assert abs(np.mean(factors) - kept) < 0.05


def test_xavier_keeps_tanh_signals_alive_where_a_small_gaussian_loses_them():
    def last_std(scheme):
        rng = np.random.default_rng(6)
        x = rng.standard_normal((200, 256))
        for _ in range(10):
            x = Tanh().forward(x @ scheme((256, 256), rng))
        return x.std()

    assert last_std(init.xavier_normal) > 0.2
    assert last_std(partial(init.normal, std=0.01)) < 1e-6


@pytest.mark.parametrize("scheme", RANDOM)
def test_the_same_generator_state_gives_the_same_weights_in_both_precisions(scheme):
    double = scheme((7, 5), np.random.default_rng(7))
    single = scheme((7, 5), np.random.default_rng(7), dtype=np.float32)
    assert double.dtype == np.float64 and single.dtype == np.float32
    np.testing.assert_array_equal(single, double.astype(np.float32))
    assert single.flags.c_contiguous


def test_zeros_and_constant_need_no_generator():
    np.testing.assert_array_equal(init.zeros((2, 3), dtype=np.float32), np.zeros((2, 3), np.float32))
    np.testing.assert_array_equal(init.constant((2, 3), value=4), np.full((2, 3), 4.0))


@pytest.mark.parametrize("scheme", RANDOM)
@pytest.mark.parametrize("rng", [0, None, np.random.RandomState(0)])
def test_anything_but_a_generator_is_refused(scheme, rng):
    with pytest.raises(TypeError, match="rng must be a numpy.random.Generator"):
        scheme((2, 2), rng)


@pytest.mark.parametrize("shape", [(0, 3), (-1, 3), (2.5, 3)])
@pytest.mark.parametrize("scheme", [*RANDOM, init.zeros, init.constant])
def test_impossible_shapes_are_refused(scheme, shape):
    with pytest.raises((ValueError, TypeError), match="size in shape must be"):
        scheme(shape, np.random.default_rng(0))


@pytest.mark.parametrize("shape", [(3,), (2, 3, 4)])
def test_shapes_without_fans_are_refused(shape):
    with pytest.raises(ValueError, match="shape must be"):
        init.fans(shape)
    with pytest.raises(ValueError, match="shape must be"):
        init.orthogonal(shape, np.random.default_rng(0))


@pytest.mark.parametrize(
    "scheme, name",
    [
        (partial(init.normal, std=-1), "std"),
        (partial(init.uniform, limit=-1), "limit"),
        (partial(init.xavier_normal, gain=-1), "gain"),
        (partial(init.xavier_uniform, gain=np.nan), "gain"),
        (partial(init.orthogonal, gain=-1), "gain"),
        (partial(init.constant, value=np.inf), "value"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(scheme, name):
    with pytest.raises(ValueError, match=f"{name} must be"):
        scheme((2, 2), np.random.default_rng(0))


@pytest.mark.parametrize("scheme", [*RANDOM, init.zeros, init.constant])
@pytest.mark.parametrize("dtype", [int, np.uint8, bool, complex, object, str])
def test_weights_are_floats(scheme, dtype):
    with pytest.raises(TypeError, match=r"dtype must be a float dtype such as numpy.float32, got"):
        scheme((2, 2), np.random.default_rng(0), dtype=dtype)


@pytest.mark.parametrize(
    "scheme",
    [
        partial(init.constant, value=1e300),
        partial(init.normal, std=1e300),
        partial(init.uniform, limit=1e300),
        partial(init.xavier_normal, gain=1e300),
        partial(init.xavier_uniform, gain=1e300),
        partial(init.orthogonal, gain=1e300),
    ],
)
def test_weights_too_large_for_their_dtype_are_refused(scheme):
    with pytest.raises(ValueError, match="the weights must be finite in float32, got"):
        scheme((3, 3), np.random.default_rng(0), dtype=np.float32)
    assert np.isfinite(scheme((3, 3), np.random.default_rng(0))).all()


def test_a_spread_beyond_all_floats_is_refused():
    with pytest.raises(ValueError, match="the weights must be finite"):
        init.normal((9, 9), np.random.default_rng(0), std=1.7e308)
    with pytest.raises(ValueError, match="limit must be between 0 and"):
        init.uniform((3, 3), np.random.default_rng(0), limit=1e308)
