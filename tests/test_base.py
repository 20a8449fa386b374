"""Base: does every layer keep the promises that a network relies on?"""

import numpy as np
import pytest

from dlcore.attention import Embedding, Positions, SelfAttention
from dlcore.base import Layer, backward_through, learns
from dlcore.gradient_check import check
from dlcore.layers import ELU, GELU, Dense, Flatten, LeakyReLU, ReLU, Residual, Sigmoid, Tanh
from dlcore.normalization import BatchNorm, GroupNorm, LayerNorm, RMSNorm
from dlcore.recurrent import LSTM, RNN, LastStep
from dlcore.regularization import Dropout, GaussianDropout, UniformDropout


def rng():
    return np.random.default_rng(0)


LAYERS = {
    "Dense": (lambda: Dense(4, 3, rng=rng()), (5, 4)),
    "Dense without bias": (lambda: Dense(4, 3, rng=rng(), bias=False), (5, 4)),
    "Dense on sequences": (lambda: Dense(4, 3, rng=rng()), (5, 2, 4)),
    "Sigmoid": (Sigmoid, (5, 4)),
    "Tanh": (Tanh, (5, 2, 4)),
    "ReLU": (ReLU, (5, 4)),
    "LeakyReLU": (LeakyReLU, (5, 4)),
    "ELU": (ELU, (5, 4)),
    "GELU": (GELU, (5, 4)),
    "Flatten": (Flatten, (5, 1, 2, 2)),
    "Residual": (lambda: Residual(LayerNorm(4), Dense(4, 4, rng=rng()), Tanh()), (5, 4)),
    "Residual that learns nothing": (lambda: Residual(Tanh()), (5, 4)),
    "BatchNorm": (lambda: BatchNorm(4), (5, 4)),
    "BatchNorm of sequences": (lambda: BatchNorm(4), (5, 3, 4)),
    "BatchNorm of images": (lambda: BatchNorm(4), (5, 4, 3, 2)),
    "LayerNorm": (lambda: LayerNorm(4), (5, 4)),
    "LayerNorm of sequences": (lambda: LayerNorm(4), (5, 3, 4)),
    "LayerNorm of images": (lambda: LayerNorm((4, 3, 2)), (5, 4, 3, 2)),
    "RMSNorm": (lambda: RMSNorm(4), (5, 4)),
    "RMSNorm of sequences": (lambda: RMSNorm(4), (5, 3, 4)),
    "GroupNorm": (lambda: GroupNorm(2, 4), (5, 4)),
    "GroupNorm of sequences": (lambda: GroupNorm(2, 4), (5, 3, 4)),
    "GroupNorm of images": (lambda: GroupNorm(2, 4), (5, 4, 3, 2)),
    "RNN": (lambda: RNN(4, 3, rng=rng()), (5, 3, 4)),
    "LSTM": (lambda: LSTM(4, 3, rng=rng()), (5, 3, 4)),
    "LastStep": (LastStep, (5, 3, 4)),
    "Dropout": (lambda: Dropout(0.5, rng()), (5, 4)),
    "GaussianDropout": (lambda: GaussianDropout(0.5, rng()), (5, 4)),
    "UniformDropout": (lambda: UniformDropout(0.5, rng()), (5, 4)),
    "Embedding": (lambda: Embedding(6, 4, rng=rng()), (5, 3)),
    "Positions": (lambda: Positions(4, 4, rng=rng()), (5, 3, 4)),
    "SelfAttention": (lambda: SelfAttention(4, 2, rng=rng()), (5, 3, 4)),
    "SelfAttention that sees all": (lambda: SelfAttention(4, 2, causal=False, rng=rng()), (5, 3, 4)),
}
every_layer = pytest.mark.parametrize("make, shape", LAYERS.values(), ids=LAYERS)
NOISY = (Dropout, GaussianDropout, UniformDropout)


def values(layer, shape):
    """An input for the layer, and the layer with parameters away from their start."""
    draws = np.random.default_rng(1)
    for part in (layer, *getattr(layer, "layers", ())):
        for name in part.params:
            getattr(part, name)[...] = draws.uniform(0.5, 1.5, getattr(part, name).shape)
    return draws.integers(0, 6, shape) if isinstance(layer, Embedding) else draws.standard_normal(shape)


@every_layer
def test_a_layer_is_a_layer_and_says_what_it_is(make, shape):
    layer = make()
    assert isinstance(layer, Layer)
    assert repr(layer).startswith(type(layer).__name__ + "(")
    assert learns(layer) == any(part.params for part in (layer, *getattr(layer, "layers", ())))
    for name in layer.params:
        assert getattr(layer, "d" + name).shape == getattr(layer, name).shape


@every_layer
def test_the_input_gradient_can_be_left_out_and_the_parameters_gradients_stay(make, shape):
    layer = make()
    x = values(layer, shape)
    dy = np.random.default_rng(2).standard_normal(layer.forward(x, training=True).shape)
    layer.backward(dy)
    parts = [(part, name) for part in (layer, *getattr(layer, "layers", ())) for name in part.params]
    kept = [getattr(part, "d" + name).copy() for part, name in parts]
    for part, name in parts:
        getattr(part, "d" + name)[...] = np.nan
    assert layer.backward(dy, input_gradient=False) is None
    for (part, name), before in zip(parts, kept):
        np.testing.assert_array_equal(getattr(part, "d" + name), before)


def factors_in_place_of_noise(layer):
    """In a gradient check a dropout must draw the same factors each time."""
    if isinstance(layer, NOISY):
        layer.rng = np.random.default_rng(3)


@every_layer
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_backward_is_the_gradient_of_forward(make, shape, training):
    layer = make()
    x = values(layer, shape)
    weight = np.random.default_rng(2).standard_normal(layer.forward(x, training=True).shape)

    def loss():
        factors_in_place_of_noise(layer)
        y = layer.forward(x, training)
        return (weight * y**2).sum(), layer.backward(2 * weight * y)

    def of(array, gradient):
        def f_and_grad(moved):
            array[...] = moved
            value, dx = loss()
            return value, (dx if gradient is None else gradient).copy()

        return check(f_and_grad, array.copy())

    if not isinstance(layer, Embedding):
        report = of(x, None)
        assert report, report
    for part in (layer, *getattr(layer, "layers", ())):
        for name in part.params:
            report = of(getattr(part, name), getattr(part, "d" + name))
            assert report, report


@every_layer
def test_whole_numbers_are_taken_as_the_floats_that_they_are(make, shape):
    layer, twin = make(), make()
    values(layer, shape), values(twin, shape)
    x = np.random.default_rng(4).integers(0, 5, shape)
    y = layer.forward(x, training=True)
    factors_in_place_of_noise(layer)
    factors_in_place_of_noise(twin)
    y, expected = layer.forward(x, training=True), twin.forward(x.astype(float), training=True)
    np.testing.assert_array_equal(y, expected)
    assert isinstance(layer, Flatten) or y.dtype == np.float64
    dy = np.random.default_rng(5).integers(-3, 4, y.shape)
    dx, expected = layer.backward(dy), twin.backward(dy.astype(float))
    if expected is not None:
        np.testing.assert_array_equal(dx, expected)
    for part, other in zip((layer, *getattr(layer, "layers", ())), (twin, *getattr(twin, "layers", ()))):
        for name in part.params:
            np.testing.assert_array_equal(getattr(part, "d" + name), getattr(other, "d" + name))


@every_layer
def test_backward_before_forward_is_refused(make, shape):
    with pytest.raises(RuntimeError, match="call forward"):
        make().backward(np.ones(shape))


@every_layer
def test_a_gradient_of_another_shape_is_refused(make, shape):
    layer = make()
    y = layer.forward(values(layer, shape), training=True)
    with pytest.raises(ValueError, match=r"dy must have shape|cannot reshape"):
        layer.backward(np.ones((y.shape[0] + 1, *y.shape[1:])))


def test_the_base_itself_computes_nothing():
    with pytest.raises(NotImplementedError):
        Layer().forward(np.ones((1, 1)))
    with pytest.raises(NotImplementedError):
        Layer().backward(np.ones((1, 1)))
    assert repr(Layer()) == "Layer()"


class Watched(Layer):
    """Counts what it is asked for."""

    def __init__(self, *params):
        self.params, self.asked = params, []

    def backward(self, dy, input_gradient=True):
        self.asked.append(input_gradient)
        return 2 * dy if input_gradient else None


class WithoutTheArgument(Layer):
    params = ("W",)

    def backward(self, dy):
        return 3 * dy


def test_the_way_back_ends_at_the_first_layer_that_learns():
    below, first, above = Watched(), Watched("W"), Watched()
    assert backward_through((below, first, above), 1.0, input_gradient=False) is None
    assert (below.asked, first.asked, above.asked) == ([], [False], [True])
    assert backward_through((below, first, above), 1.0) == 8.0
    assert below.asked == [True]
    only = Watched()
    assert backward_through((only,), 1.0, input_gradient=False) is None
    assert only.asked == []


def test_a_layer_written_without_the_argument_works_where_it_learns_first():
    assert backward_through((WithoutTheArgument(),), 1.0, input_gradient=False) is None
    assert backward_through((WithoutTheArgument(), Watched()), 1.0) == 6.0


def test_a_frozen_layer_does_not_learn():
    layer = Watched("W", "b")
    layer._frozen = frozenset({"W"})
    assert learns(layer)
    layer._frozen = frozenset({"W", "b"})
    assert not learns(layer) and not learns(Residual(layer)) and learns(Residual(layer, Watched("W")))
