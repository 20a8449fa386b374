import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcore.gradient_check import check
from dlcore.normalization import BatchNorm, LayerNorm, MinMaxScaler, StandardScaler

SHAPES = [(6, 3), (4, 3, 2, 5)]


def draw(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape) * 2 + 1


def trained(layer, shape, seed=0):
    """The layer with parameters away from their start."""
    rng = np.random.default_rng(seed + 100)
    layer.gamma[...] = rng.uniform(0.5, 2, layer.gamma.shape)
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
    for name in ("gamma", "beta"):

        def of_parameter(value):
            getattr(layer, name)[...] = value.reshape(layer.gamma.shape)
            y = layer.forward(x, training)
            layer.backward(2 * weight * y)
            return (weight * y**2).sum(), getattr(layer, "d" + name).copy().ravel()

        assert check(of_parameter, getattr(layer, name).copy().ravel()).passed


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
