from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dlcore.gradient_check import check
from dlcore.normalization import (
    BatchNorm,
    GroupNorm,
    LayerNorm,
    MinMaxScaler,
    RMSNorm,
    StandardScaler,
    columns,
)

SHAPES = [(6, 3), (4, 3, 2, 5)]


def draw(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape) * 2 + 1


def trained(layer, shape, seed=0):
    """The layer with parameters away from their start."""
    rng = np.random.default_rng(seed + 100)
    layer.gamma[...] = rng.uniform(0.5, 2, layer.gamma.shape)
    if "beta" in layer.params:
        layer.beta[...] = rng.standard_normal(layer.beta.shape)
    return layer


def layer_norm(shape):
    return LayerNorm(shape[1:])


def batch_norm(shape):
    return BatchNorm(shape[1])


# Scalers


def test_standard_scaler_gives_mean_0_and_standard_deviation_1():
    z = StandardScaler().fit_transform(draw((50, 4)) * [1, 10, 100, 1e-3])
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-13)
    np.testing.assert_allclose(z.std(axis=0), 1)


@pytest.mark.parametrize("low, high", [(0, 1), (-1, 1), (5, 7)])
def test_min_max_scaler_reaches_both_ends_and_no_further(low, high):
    z = MinMaxScaler(low, high).fit_transform(draw((50, 4)))
    np.testing.assert_allclose(z.min(axis=0), low)
    np.testing.assert_allclose(z.max(axis=0), high)


@pytest.mark.parametrize("scaler, constant", [(StandardScaler(), 0.0), (MinMaxScaler(-1, 1), -1.0)])
@pytest.mark.parametrize("value", [0.1, 7.0, -3e8])
def test_a_constant_feature_is_no_division_by_zero(scaler, constant, value):
    x = np.column_stack([np.full(7, value), np.arange(7)])
    z = scaler.fit_transform(x)
    np.testing.assert_allclose(z[:, 0], constant, atol=1e-6)
    assert np.isfinite(z).all()


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(-1, 1)])
def test_new_examples_are_scaled_by_the_training_sets_numbers_and_back(scaler):
    train, new = draw((20, 3)), draw((5, 3), seed=1)
    scaler.fit(train)
    z = scaler.transform(new)
    np.testing.assert_allclose(z, (new - scaler.shift) / scaler.scale)
    np.testing.assert_allclose(scaler.inverse_transform(z), new)
    assert scaler.transform(new.astype(np.float32)).dtype == np.float32


def test_scalers_agree_with_scikit_learn():
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    train, new = draw((20, 3)), draw((5, 3), seed=1)
    train[:, 1] = 4.0
    for ours, theirs in [
        (StandardScaler(), preprocessing.StandardScaler()),
        (MinMaxScaler(-1, 2), preprocessing.MinMaxScaler((-1, 2))),
    ]:
        np.testing.assert_allclose(
            ours.fit(train).transform(new), theirs.fit(train).transform(new), atol=1e-12
        )


@pytest.mark.parametrize("scaler", [StandardScaler, MinMaxScaler])
def test_scalers_refuse_what_they_cannot_scale(scaler):
    with pytest.raises(RuntimeError, match="not fitted: call fit"):
        scaler().transform(np.ones((2, 2)))
    with pytest.raises(ValueError, match="x must be finite"):
        scaler().fit([[1.0, np.nan]])
    with pytest.raises(ValueError, match="x must have 2 axes"):
        scaler().fit([1.0, 2.0])
    with pytest.raises(ValueError, match=r"x must have shape \(any, 3\), got \(2, 2\)"):
        scaler().fit(np.ones((4, 3))).transform(np.ones((2, 2)))
    with pytest.raises(ValueError, match="x must not be empty"):
        scaler().fit(np.empty((0, 3)))


def test_min_max_scaler_refuses_an_empty_interval():
    with pytest.raises(ValueError, match="high must be above 1"):
        MinMaxScaler(1, 1)


# Batch and layer normalization


@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm_gives_each_feature_betas_mean_and_gammas_spread(shape):
    bn = trained(BatchNorm(3, eps=1e-12), shape)
    y = bn.forward(draw(shape), training=True)
    others = tuple(i for i in range(len(shape)) if i != 1)
    np.testing.assert_allclose(y.mean(axis=others), bn.beta, atol=1e-10)
    np.testing.assert_allclose(y.std(axis=others), bn.gamma, rtol=1e-8)


@pytest.mark.parametrize("shape", SHAPES)
def test_layer_norm_gives_each_example_mean_0_and_spread_1(shape):
    y = LayerNorm(shape[1:], eps=1e-12).forward(draw(shape))
    features = tuple(range(1, len(shape)))
    np.testing.assert_allclose(y.mean(axis=features), 0, atol=1e-10)
    np.testing.assert_allclose(y.std(axis=features), 1, rtol=1e-8)


def test_an_examples_layer_norm_does_not_depend_on_its_neighbours_and_its_batch_norm_does():
    x, other = draw((6, 3)), draw((6, 3))
    other[1:] = draw((5, 3), seed=9)
    ln, bn = LayerNorm(3), BatchNorm(3)
    np.testing.assert_array_equal(ln.forward(x, True)[0], ln.forward(other, True)[0])
    assert np.abs(bn.forward(x, True)[0] - bn.forward(other, True)[0]).max() > 0.01
    np.testing.assert_array_equal(bn.forward(x)[0], bn.forward(other)[0])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("make, training", [(batch_norm, True), (batch_norm, False), (layer_norm, True)])
def test_backward_is_the_gradient_of_forward(make, training, shape):
    layer, weight = trained(make(shape), shape), draw(shape, seed=5)
    x = draw(shape)
    if make is batch_norm:
        layer.forward(draw(shape, seed=6), training=True)

    def of_x(flat):
        y = layer.forward(flat.reshape(shape), training)
        return (weight * y**2).sum(), layer.backward(2 * weight * y).ravel()

    assert check(of_x, x.ravel()).passed

    def of_parameter(name, value):
        getattr(layer, name)[...] = value.reshape(layer.gamma.shape)
        y = layer.forward(x, training)
        layer.backward(2 * weight * y)
        return (weight * y**2).sum(), getattr(layer, "d" + name).copy().ravel()

    for name in ("gamma", "beta"):
        assert check(partial(of_parameter, name), getattr(layer, name).copy().ravel()).passed


def test_the_running_averages_keep_momentums_share_and_the_variance_is_unbiased():
    x, bn = draw((5, 2)), BatchNorm(2, momentum=0.75)
    bn.forward(x, training=True)
    np.testing.assert_allclose(bn.running_mean, 0.25 * x.mean(axis=0))
    np.testing.assert_allclose(bn.running_var, 0.75 * 1 + 0.25 * x.var(axis=0, ddof=1))


def test_evaluation_uses_the_running_averages_and_eps_once_and_moves_neither():
    bn = BatchNorm(1, eps=0.5)
    bn.running_mean[:], bn.running_var[:] = 2.0, 3.5
    assert bn.forward(np.array([[4.0]])) == (4 - 2) / np.sqrt(3.5 + 0.5)
    assert bn.running_mean == 2.0 and bn.running_var == 3.5


def test_scaling_the_input_changes_no_output_of_batch_norm():
    x, bn = draw((8, 3)), BatchNorm(3, eps=1e-14)
    np.testing.assert_allclose(bn.forward(1000 * x, True), bn.forward(x, True), rtol=1e-9, atol=1e-9)


def test_the_gradient_through_batch_norm_has_no_mean_and_no_part_along_x_hat():
    bn, x = BatchNorm(3, eps=1e-14), draw((8, 3))
    x_hat = bn.forward(x, training=True)
    dx = bn.backward(draw((8, 3), seed=3))
    np.testing.assert_allclose(dx.mean(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose((dx * x_hat).mean(axis=0), 0, atol=1e-12)


@pytest.mark.parametrize("make", [batch_norm, layer_norm])
@pytest.mark.parametrize("shape", SHAPES)
def test_float32_stays_float32_and_inputs_stay_as_they_were(make, shape):
    layer, x, dy = make(shape), draw(shape).astype(np.float32), draw(shape, 1).astype(np.float32)
    x0, dy0 = x.copy(), dy.copy()
    assert layer.forward(x, training=True).dtype == np.float32
    assert layer.backward(dy).dtype == np.float32
    np.testing.assert_array_equal(x, x0)
    np.testing.assert_array_equal(dy, dy0)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    m=st.integers(2, 9),
    n=st.integers(1, 5),
    size=st.one_of(st.none(), st.tuples(st.integers(1, 4), st.integers(1, 4))),
    momentum=st.floats(0, 1),
    steps=st.integers(1, 4),
    seed=st.integers(0, 2**32 - 1),
)
def test_batch_norm_equals_pytorchs(m, n, size, momentum, steps, seed):
    torch = pytest.importorskip("torch")
    shape = (m, n) if size is None else (m, n, *size)
    ours = BatchNorm(n, momentum=momentum)
    theirs = (torch.nn.BatchNorm1d if size is None else torch.nn.BatchNorm2d)(
        n, momentum=1 - momentum
    ).double()
    same_parameters(torch, ours, theirs, seed)
    for step in range(steps):
        same_both_ways(torch, ours, theirs, shape, seed + step, training=True)
    np.testing.assert_allclose(ours.running_mean, theirs.running_mean.numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ours.running_var, theirs.running_var.numpy(), rtol=1e-10)
    theirs.eval()
    same_both_ways(torch, ours, theirs, shape, seed + steps, training=False)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    m=st.integers(1, 9),
    features=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    seed=st.integers(0, 2**32 - 1),
)
def test_layer_norm_equals_pytorchs(m, features, seed):
    torch = pytest.importorskip("torch")
    ours, theirs = LayerNorm(features), torch.nn.LayerNorm(features).double()
    same_parameters(torch, ours, theirs, seed)
    same_both_ways(torch, ours, theirs, (m, *features), seed, training=True)


def same_parameters(torch, ours, theirs, seed):
    trained(ours, None, seed)
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(ours.gamma))
        if "beta" in ours.params:
            theirs.bias.copy_(torch.tensor(ours.beta))


def same_both_ways(torch, ours, theirs, shape, seed, training):
    x, dy = draw(shape, seed), draw(shape, seed + 1)
    tensor = torch.tensor(x, requires_grad=True)
    theirs.zero_grad()
    y = theirs(tensor)
    y.backward(torch.tensor(dy))
    close = dict(rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(ours.forward(x, training), y.detach().numpy(), **close)
    np.testing.assert_allclose(ours.backward(dy), tensor.grad.numpy(), **close)
    np.testing.assert_allclose(ours.dgamma, theirs.weight.grad.numpy(), **close)
    if "beta" in ours.params:
        np.testing.assert_allclose(ours.dbeta, theirs.bias.grad.numpy(), **close)


@pytest.mark.parametrize("make", [batch_norm, layer_norm])
def test_layers_refuse_other_shapes_and_backward_before_forward(make):
    layer = make((6, 3))
    with pytest.raises(RuntimeError, match="call forward"):
        layer.backward(np.ones((6, 3)))
    with pytest.raises(ValueError, match="x must have shape"):
        layer.forward(np.ones((6, 4)))
    layer.forward(np.ones((6, 3)) * np.arange(6)[:, None], training=True)
    with pytest.raises(ValueError, match=r"dy must have shape \(6, 3\), got \(3, 3\)"):
        layer.backward(np.ones((3, 3)))


def test_training_on_one_value_per_feature_is_refused_and_evaluation_is_not():
    bn = BatchNorm(3)
    with pytest.raises(ValueError, match="at least 2 values per feature in training, got 1"):
        bn.forward(np.ones((1, 3)), training=True)
    bn.forward(np.ones((1, 3)))
    bn.forward(draw((1, 3, 2, 2)), training=True)


def test_nan_does_not_reach_the_running_averages():
    bn = BatchNorm(2)
    with pytest.raises(ValueError, match="finite"):
        bn.forward(np.array([[1.0, 2.0], [np.nan, 1.0]]), training=True)
    np.testing.assert_array_equal(bn.running_mean, 0)
    np.testing.assert_array_equal(bn.running_var, 1)


@pytest.mark.parametrize(
    "make, name",
    [
        (lambda: BatchNorm(0), "n"),
        (lambda: BatchNorm(3, momentum=1.5), "momentum"),
        (lambda: BatchNorm(3, eps=0), "eps"),
        (lambda: LayerNorm(0), "n"),
        (lambda: LayerNorm(3, eps=-1), "eps"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(make, name):
    with pytest.raises(ValueError, match=f"{name} must be"):
        make()


# RMSNorm and GroupNorm, and sequences


def test_rms_norm_gives_each_example_a_root_mean_square_of_gamma():
    layer, x = trained(RMSNorm(5, eps=1e-12), None), draw((4, 3, 5))
    y = layer.forward(x) / layer.gamma
    np.testing.assert_allclose(np.sqrt((y**2).mean(axis=-1)), 1, rtol=1e-10)
    np.testing.assert_allclose(y / x, (y / x)[..., :1] * np.ones(5), rtol=1e-12)  # directions are kept


def test_rms_norm_of_what_has_no_mean_is_layer_norm():
    x = draw((6, 4))
    x -= x.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(RMSNorm(4).forward(x), LayerNorm(4).forward(x), rtol=1e-12)


def test_one_group_is_layer_norm_and_a_group_per_channel_is_instance_norm():
    x = draw((4, 6, 2, 5))
    np.testing.assert_allclose(GroupNorm(1, 6).forward(x), LayerNorm((6, 2, 5)).forward(x), rtol=1e-12)
    y = GroupNorm(6, 6, eps=1e-12).forward(x)
    np.testing.assert_allclose(y.mean(axis=(2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose(y.std(axis=(2, 3)), 1, rtol=1e-9)


def test_the_steps_of_a_sequence_are_normalized_one_by_one_but_by_batch_and_group_norm_together():
    x = draw((4, 3, 6))
    for layer in (LayerNorm(6), RMSNorm(6)):
        np.testing.assert_array_equal(layer.forward(x)[:, 1], layer.forward(x[:, 1]))
    np.testing.assert_allclose(
        BatchNorm(6).forward(x, True).reshape(12, 6), BatchNorm(6).forward(x.reshape(12, 6), True), rtol=1e-12
    )
    images = x.swapaxes(1, 2)[..., None]
    np.testing.assert_allclose(
        GroupNorm(2, 6).forward(x), GroupNorm(2, 6).forward(images)[..., 0].swapaxes(1, 2), rtol=1e-12
    )


@settings(max_examples=40, deadline=None, derandomize=True)
@given(m=st.integers(1, 9), t=st.integers(1, 4), n=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
def test_rms_norm_equals_pytorchs(m, t, n, seed):
    torch = pytest.importorskip("torch")
    ours, theirs = RMSNorm(n, eps=1e-4), torch.nn.RMSNorm(n, eps=1e-4).double()
    same_parameters(torch, ours, theirs, seed)
    same_both_ways(torch, ours, theirs, (m, t, n), seed, training=True)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    m=st.integers(1, 5),
    groups=st.integers(1, 3),
    each=st.integers(1, 3),
    size=st.one_of(st.none(), st.tuples(st.integers(1, 4), st.integers(1, 4))),
    seed=st.integers(0, 2**32 - 1),
)
def test_group_norm_equals_pytorchs(m, groups, each, size, seed):
    torch = pytest.importorskip("torch")
    n = groups * each
    ours, theirs = GroupNorm(groups, n, eps=1e-3), torch.nn.GroupNorm(groups, n, eps=1e-3).double()
    same_parameters(torch, ours, theirs, seed)
    shape = (m, n) if size is None else (m, n, *size)
    assume(m * each * np.prod(size or 1) > 1)  # PyTorch takes no single number
    same_both_ways(torch, ours, theirs, shape, seed, training=True)


@pytest.mark.parametrize("make", [lambda: BatchNorm(6), lambda: GroupNorm(3, 6)], ids=["batch", "group"])
def test_norms_of_sequences_equal_pytorchs_with_the_features_last(make):
    torch = pytest.importorskip("torch")
    ours = make()
    theirs = torch.nn.BatchNorm1d(6) if isinstance(ours, BatchNorm) else torch.nn.GroupNorm(3, 6)
    same_parameters(torch, ours, theirs.double(), 0)
    x, dy = draw((4, 5, 6)), draw((4, 5, 6), 1)
    tensor = torch.tensor(x, requires_grad=True)
    y = theirs(tensor.transpose(1, 2)).transpose(1, 2)
    y.backward(torch.tensor(dy))
    close = dict(rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(ours.forward(x, True), y.detach().numpy(), **close)
    np.testing.assert_allclose(ours.backward(dy), tensor.grad.numpy(), **close)
    np.testing.assert_allclose(ours.dgamma, theirs.weight.grad.numpy(), **close)
    np.testing.assert_allclose(ours.dbeta, theirs.bias.grad.numpy(), **close)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: RMSNorm(0), "n must be at least 1, got 0"),
        (lambda: RMSNorm(3, eps=0), "eps must be above 0, got 0"),
        (lambda: GroupNorm(0, 4), "groups must be between 1 and n=4, got 0"),
        (lambda: GroupNorm(3, 4), "groups must divide n=4, got 3"),
        (lambda: GroupNorm(5, 4), "groups must be between 1 and n=4, got 5"),
        (lambda: GroupNorm(1, 0), "n must be at least 1, got 0"),
    ],
)
def test_settings_of_the_new_norms_are_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "layer", [BatchNorm(4), LayerNorm(4), RMSNorm(4), GroupNorm(2, 4)], ids=lambda layer: repr(layer)
)
def test_shapes_and_kinds_that_a_norm_cannot_take_are_refused(layer):
    for shape in [(4,), (5, 3), (2, 4, 5), (2, 3, 4, 5)]:
        with pytest.raises(ValueError, match=rf"x must have shape \(any, 4\).*got \({shape[0]},"):
            layer.forward(np.ones(shape))
    with pytest.raises(TypeError, match="x must be float32 or float64, got float16"):
        layer.forward(np.ones((5, 4), np.float16))
    with pytest.raises(TypeError, match="x must be an array of real numbers"):
        layer.forward([["a", "b", "c", "d"]])
    layer.forward(draw((5, 4)), training=True)
    with pytest.raises(TypeError, match="dy must be float32 or float64, got float16"):
        layer.backward(np.ones((5, 4), np.float16))


# Numbers that once came out wrong


@pytest.mark.parametrize("size, dtype", [
    (1e-200, np.float64), (1e-300, np.float64), (1e160, np.float64), (1e307, np.float64),
    (1e-22, np.float32), (1e-30, np.float32), (1e20, np.float32), (1e38, np.float32), (1e-4, np.float16),
    (2e4, np.float16),
])  # fmt: skip
@pytest.mark.parametrize("scaler, expected", [(StandardScaler(), [-1, 1, 0]), (MinMaxScaler(), [0, 1, 0.5])])
def test_scalers_take_features_of_any_size(scaler, expected, size, dtype):
    x = np.array([[1, 7], [3, 7], [2, 7]]) * [size, 1]
    z = scaler.fit(x[:2].astype(dtype)).transform(x.astype(dtype))
    assert z.dtype == dtype
    tolerance = {np.float16: 0.02, np.float32: 1e-6, np.float64: 1e-12}[dtype]
    np.testing.assert_allclose(z[:, 0], expected, atol=tolerance)
    np.testing.assert_allclose(z[:, 1], 0, atol=tolerance)
    np.testing.assert_allclose(scaler.inverse_transform(z), x.astype(dtype), rtol=10 * tolerance)


def test_the_cases_of_scalers_that_lost_their_numbers():
    np.testing.assert_array_equal(StandardScaler().fit_transform([[0.0], [1e-200]]), [[-1], [1]])
    assert np.isfinite(StandardScaler().fit_transform([[0.0], [5e-324]])).all()
    assert np.isfinite(MinMaxScaler(0, 3).fit_transform([[0.0], [5e-324]])).all()
    images = np.random.default_rng(0).integers(0, 256, (20_000, 1)).astype(np.float16)
    z = StandardScaler().fit_transform(images)
    assert z.dtype == np.float16 and abs(float(z.std(dtype=np.float64)) - 1) < 1e-3


def test_the_mean_of_many_float32_numbers_is_summed_in_float64():
    """A float32 sum of 300,000 numbers has lost their third digit."""
    x = np.full((300_000, 2), 0.1, np.float32)
    x[::2] = 0.3
    assert abs(x.mean(axis=0)[0] / 0.2 - 1) > 1e-4
    scaler = StandardScaler().fit(x)
    np.testing.assert_allclose(scaler.shift, 0.2, rtol=1e-6)
    np.testing.assert_allclose(scaler.scale, 0.1, rtol=1e-6)


def test_a_scaler_refuses_what_spans_more_than_the_largest_float():
    for scaler in (StandardScaler(), MinMaxScaler()):
        with pytest.raises(
            ValueError, match=r"span less than the largest float .* -1e\+308 to 1.7e\+308 in feature 1"
        ):
            scaler.fit([[0.0, -1e308], [1.0, 0.0], [2.0, 1.7e308]])
        scaler.fit([[0.0], [1e-10]])
        with pytest.raises(ValueError, match="x after scaling must be finite"):
            scaler.transform([[1e300]])
        scaler.fit([[0.0], [1e10]])
        with pytest.raises(ValueError, match="x in its own units must be finite"):
            scaler.inverse_transform([[1e300]])
    z = MinMaxScaler().fit_transform(np.array([[-3e38], [0], [3e38]], np.float32))
    np.testing.assert_allclose(z[:, 0], [0, 0.5, 1], atol=1e-6)


EXAMPLE_NORMS = [LayerNorm(50), GroupNorm(1, 50), GroupNorm(5, 50)]


@pytest.mark.parametrize("layer", EXAMPLE_NORMS, ids=repr)
@pytest.mark.parametrize(
    "dtype, value", [(np.float32, 1e5 + 0.3), (np.float32, 0.1), (np.float64, 1e13 + 0.3)]
)
def test_a_constant_row_is_zero_whatever_its_value(layer, dtype, value):
    x = np.full((3, 50), value, dtype)
    np.testing.assert_allclose(layer.forward(x), 0, atol=1e-3)
    if value > 1:
        assert not layer.forward(x).any()


@pytest.mark.parametrize("value", [1e5 + 0.3, 3e7 + 1])
def test_a_constant_feature_is_zero_for_batch_norm(value):
    for shape in [(50, 2), (10, 5, 2), (10, 2, 5, 3)]:
        bn = BatchNorm(2)
        assert not bn.forward(np.full(shape, value, np.float32), training=True).any()
        np.testing.assert_allclose(bn.running_var, 0.9)


@pytest.mark.parametrize("layer", [*EXAMPLE_NORMS[:2], BatchNorm(50)], ids=repr)
def test_a_small_spread_about_a_large_mean_is_seen(layer):
    """Float32 holds 1e6 + k/16 exactly; its mean is rounded to 1/16, as large as the spread."""
    steps = np.random.default_rng(0).integers(0, 2, (50, 50)) / 16
    x = (1e6 + steps).astype(np.float32)
    exact = type(layer)(*((1, 50) if isinstance(layer, GroupNorm) else (50,))).forward(steps, training=True)
    np.testing.assert_allclose(layer.forward(x, training=True), exact, rtol=1e-4, atol=1e-4)


def test_rows_with_a_moderate_mean_keep_their_bits_beside_one_with_a_large_one():
    x = draw((4, 50)).astype(np.float32)
    y = LayerNorm(50).forward(x)
    x[2] = 1e6
    beside = LayerNorm(50).forward(x)
    np.testing.assert_array_equal(beside[[0, 1, 3]], y[[0, 1, 3]])
    assert not beside[2].any()


@pytest.mark.parametrize("layer", [*EXAMPLE_NORMS, RMSNorm(50)], ids=repr)
@pytest.mark.parametrize("size, dtype", [(1e20, np.float32), (1e36, np.float32), (1e160, np.float64)])
def test_squares_that_overflow_do_not_make_the_output_zero(layer, size, dtype):
    x = draw((3, 50))
    large = (x * size).astype(dtype)
    large[1] = x[1]
    y, expected = layer.forward(large), type(layer)(*settings_of(layer), eps=1e-30).forward(x)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)
    dx = layer.backward(np.ones_like(large))
    assert np.isfinite(dx).all()


def test_squares_whose_sum_is_at_the_largest_number_are_not_taken_for_ordinary():
    """Where x·x, as BLAS adds it up, is still finite, and the sum of the squares is not."""
    x = np.random.default_rng(14).standard_normal((16, 1)).astype(np.float32)
    x -= x.mean()
    largest = float(np.finfo(np.float32).max)
    x *= np.float32(np.sqrt(largest / np.sum(x.astype(float) ** 2)) * (1 - 3e-8))
    with pytest.raises(ValueError, match=r"x \(by its variance over the mini-batch\) must be finite"):
        BatchNorm(1).forward(x, training=True)
    np.testing.assert_allclose(np.square(LayerNorm(16).forward(x.T)).mean(), 1, rtol=1e-4)


def settings_of(layer):
    return (layer.groups, layer.n) if isinstance(layer, GroupNorm) else (layer.n,)


def test_batch_norm_refuses_a_variance_that_its_running_average_cannot_hold():
    bn = BatchNorm(1)
    with pytest.raises(ValueError, match=r"x \(by its variance over the mini-batch\) must be finite"):
        bn.forward(np.array([[1e20], [3e20]], np.float32), training=True)
    assert bn.running_mean == 0 and bn.running_var == 1


@pytest.mark.parametrize(
    "make", [BatchNorm, LayerNorm, RMSNorm, lambda n, eps: GroupNorm(1, n, eps)], ids=["B", "L", "R", "G"]
)
def test_an_eps_that_is_zero_in_the_arrays_dtype_is_refused(make):
    layer = make(4, eps=1e-50)
    with pytest.raises(ValueError, match="eps must be above 0 in float32, got 1e-50"):
        layer.forward(np.ones((4, 4), np.float32), training=True)
    y = layer.forward(np.ones((4, 4)), training=True)
    assert np.isfinite(y).all()


def test_gamma_and_beta_are_not_rounded_for_whole_numbers():
    """Whole-number inputs once made gamma = 1.5 a 1."""
    for layer in (BatchNorm(4), LayerNorm(4), RMSNorm(4), GroupNorm(2, 4)):
        trained(layer, None)
        x, dy = np.arange(20).reshape(5, 4) % 7, np.arange(20).reshape(5, 4) % 3
        y, dx = layer.forward(x, True), layer.backward(dy)
        np.testing.assert_array_equal(y, layer.forward(x.astype(float), True))
        np.testing.assert_array_equal(dx, layer.backward(dy.astype(float)))


# Compiled


def steps(layer, x, dy):
    """What three training steps and an evaluation give, as bytes."""
    given = []
    for k in range(3):
        given += [layer.forward(x * (k + 1), training=True), layer.backward(dy), layer.dgamma, layer.dbeta]
        given = [*map(np.copy, given)]
    given += [layer.running_mean, layer.running_var, layer.forward(x), layer.backward(dy)]
    return [(array.dtype, array.tobytes()) for array in given]


@pytest.mark.parametrize("own", [np.float32, np.float64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "scale, shift", [(1, 0), (2, 1), (1e-20, 0), (1, 1e6), (1e17, 0)], ids=lambda number: f"{number:g}"
)
@pytest.mark.parametrize(
    "shape", [(2, 2), (3, 5), (64, 128), (257, 33), (7, 1), (5, 4, 6), (5, 4, 1), (3, 4, 2, 5)]
)
def test_the_compiled_batch_norm_gives_numpys_bits(shape, scale, shift, dtype, own, monkeypatch):
    pytest.importorskip("numba", reason="pip install dlcore[fast]")
    rng = np.random.default_rng(1)
    x = (scale * rng.standard_normal(shape) + shift).astype(dtype)
    x[0] = -0.0
    dy = rng.standard_normal(shape).astype(dtype)

    def layer():
        n = shape[1] if len(shape) == 4 else shape[-1]
        layer = trained(BatchNorm(n), shape)
        for name in ("gamma", "beta", "dgamma", "dbeta", "running_mean", "running_var"):
            setattr(layer, name, getattr(layer, name).astype(own))
        return layer

    loops = []

    def watched(*arguments, compiled=columns._compiled):
        loops.append(compiled(*arguments))
        return loops[-1]

    monkeypatch.setattr(columns, "_compiled", watched)
    fast = steps(layer(), x, dy)
    assert None not in loops
    # Images, a single feature and two precisions are NumPy's.
    assert bool(loops) == (len(shape) < 4 and shape[-1] > 1 and own == dtype)
    monkeypatch.setattr(columns, "_compiled", lambda *arguments: None)
    assert fast == steps(layer(), x, dy)


def test_a_numba_that_cannot_compile_leaves_batch_norm_to_numpy(request):
    x, dy = draw((64, 8)), draw((64, 8), 1)
    slow = steps(BatchNorm(8), x, dy)
    columns._compiled.cache_clear()
    with pytest.warns(RuntimeWarning, match=request.getfixturevalue("failing_numba")) as said:
        assert steps(BatchNorm(8), x, dy) == slow
    assert len(said) == 1
    columns._compiled.cache_clear()
