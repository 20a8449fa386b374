from functools import partial

import numpy as np
import pytest

from dlcore.gradient_check import check
from dlcore.initialization import he_normal, xavier_uniform, zeros
from dlcore.layers import ELU, GELU, Dense, Flatten, LeakyReLU, ReLU, Residual, Sigmoid, Tanh

ACTIVATIONS = [Sigmoid(), Tanh(), ReLU(), LeakyReLU(), LeakyReLU(0.3), ELU(), ELU(0.5), GELU()]
every_activation = pytest.mark.parametrize("layer", ACTIVATIONS, ids=repr)


def draw(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def dense(n_in=4, n_out=3, **settings):
    layer = Dense(n_in, n_out, rng=np.random.default_rng(0), **settings)
    if "b" in layer.params:
        layer.b[...] = draw(n_out, seed=9)
    return layer


def assert_gradient_of_x(layer, shape, x=None):
    x = draw(shape) if x is None else x
    weight = draw(layer.forward(x).shape, seed=1)

    def f(flat):
        y = layer.forward(flat.reshape(shape), training=True)
        return (weight * y**2).sum(), layer.backward(2 * weight * y).ravel()

    report = check(f, x.ravel())
    assert report.passed, report


def test_dense_is_x_w_plus_b():
    layer, x = dense(), draw((5, 4))
    expected = [
        [sum(x[m, i] * layer.W[i, j] for i in range(4)) + layer.b[j] for j in range(3)] for m in range(5)
    ]
    np.testing.assert_allclose(layer.forward(x), expected)


@pytest.mark.parametrize("bias", [True, False])
def test_denses_backward_is_the_gradient_of_its_forward(bias):
    layer, x, weight = dense(bias=bias), draw((5, 4)), draw((5, 3), seed=1)
    assert_gradient_of_x(layer, (5, 4))

    def f(array, gradient, flat):
        array[...] = flat.reshape(array.shape)
        y = layer.forward(x)
        layer.backward(2 * weight * y)
        return (weight * y**2).sum(), gradient.ravel().copy()

    for name in layer.params:
        array, gradient = getattr(layer, name), getattr(layer, "d" + name)
        assert check(partial(f, array, gradient), array.ravel().copy()).passed


def test_dense_writes_its_gradients_in_place_and_afresh():
    layer = dense()
    dW, db = layer.dW, layer.db
    for _ in range(2):
        layer.forward(np.ones((2, 4)))
        layer.backward(np.ones((2, 3)))
    assert layer.dW is dW and layer.db is db
    np.testing.assert_array_equal(dW, 2)
    np.testing.assert_array_equal(db, 2)


def test_dense_can_leave_out_the_inputs_gradient_and_only_that():
    with_dx, without = dense(), dense()
    for layer in (with_dx, without):
        layer.forward(draw((5, 4)))
    assert with_dx.backward(draw((5, 3))) is not None
    assert without.backward(draw((5, 3)), input_gradient=False) is None
    np.testing.assert_array_equal(with_dx.dW, without.dW)


def test_dense_begins_as_told():
    rng = np.random.default_rng(3)
    np.testing.assert_array_equal(
        Dense(4, 3, init=xavier_uniform, rng=np.random.default_rng(3)).W, xavier_uniform((4, 3), rng)
    )
    np.testing.assert_array_equal(
        Dense(4, 3, rng=np.random.default_rng(3)).W, he_normal((4, 3), np.random.default_rng(3))
    )
    assert not Dense(4, 3, init=zeros, rng=rng).W.any()


@every_activation
def test_an_activations_backward_is_the_gradient_of_its_forward(layer):
    assert_gradient_of_x(layer, (5, 4))


@every_activation
def test_activations_are_safe_at_a_thousand_and_keep_float32(layer):
    x = np.array([[-1000.0, -1.0, 0.0, 1.0, 1000.0]], np.float32)
    y = layer.forward(x)
    dx = layer.backward(np.ones_like(x))
    assert y.dtype == dx.dtype == np.float32
    assert np.isfinite(y).all() and np.isfinite(dx).all()


def test_derivatives_at_their_known_places():
    def slope(layer, at):
        layer.forward(np.array([at]))
        return layer.backward(np.ones(1))[0]

    assert slope(Sigmoid(), 0.0) == 0.25
    assert slope(Tanh(), 0.0) == 1
    assert (slope(ReLU(), 1e-9), slope(ReLU(), 0.0), slope(ReLU(), -1e-9)) == (1, 0, 0)
    assert (slope(LeakyReLU(0.2), 1.0), slope(LeakyReLU(0.2), -1.0)) == (1, 0.2)
    assert slope(ELU(), -50.0) == pytest.approx(0)
    assert slope(GELU(), 0.0) == 0.5


@pytest.mark.parametrize(
    "layer, name, settings",
    [
        (Sigmoid(), "sigmoid", {}),
        (Tanh(), "tanh", {}),
        (ReLU(), "relu", {}),
        (LeakyReLU(0.3), "leaky_relu", {"negative_slope": 0.3}),
        (ELU(0.5), "elu", {"alpha": 0.5}),
        (GELU(), "gelu", {}),
    ],
    ids=repr,
)
def test_activations_equal_pytorchs(layer, name, settings):
    torch = pytest.importorskip("torch")
    x, dy = np.linspace(-40, 40, 1601), draw(1601)
    tensor = torch.tensor(x, requires_grad=True)
    function = getattr(torch, name, None) or getattr(torch.nn.functional, name)
    y = (
        getattr(torch.nn.functional, name)(tensor, **settings)
        if settings or name == "gelu"
        else function(tensor)
    )
    y.backward(torch.tensor(dy))
    np.testing.assert_allclose(layer.forward(x), y.detach().numpy(), rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(layer.backward(dy), tensor.grad.numpy(), rtol=1e-10, atol=1e-15)


def test_flatten_gives_rows_and_takes_them_back():
    layer, x = Flatten(), draw((2, 3, 4, 5))
    y = layer.forward(x)
    assert y.shape == (2, 60)
    np.testing.assert_array_equal(layer.backward(y), x)


def test_residual_adds_its_input_and_lets_the_gradient_through():
    block = Residual(dense(4, 4), Tanh())
    x = draw((5, 4))
    inner = np.tanh(x @ block.layers[0].W + block.layers[0].b)
    np.testing.assert_allclose(block.forward(x), x + inner)
    assert_gradient_of_x(block, (5, 4))
    silent = Residual(Dense(4, 4, init=zeros, rng=np.random.default_rng(0)))
    silent.forward(x)
    np.testing.assert_array_equal(silent.backward(x), x)


@pytest.mark.parametrize("layer", [dense(), *ACTIVATIONS, Flatten(), Residual(Tanh())], ids=repr)
def test_backward_before_forward_is_refused(layer):
    fresh = type(layer)(4, 3, rng=np.random.default_rng(0)) if isinstance(layer, Dense) else layer
    fresh._memory = None
    with pytest.raises(RuntimeError, match="call forward"):
        fresh.backward(np.ones((5, 3)))


def test_wrong_shapes_are_refused_with_both_shapes():
    layer = dense()
    with pytest.raises(ValueError, match=r"x must have shape \(any, 4\), got \(5, 3\)"):
        layer.forward(np.ones((5, 3)))
    with pytest.raises(ValueError, match=r"x must have shape \(any, 4\), got \(4,\)"):
        layer.forward(np.ones(4))
    layer.forward(np.ones((5, 4)))
    with pytest.raises(ValueError, match=r"dy must have shape \(5, 3\), got \(1, 3\)"):
        layer.backward(np.ones((1, 3)))
    with pytest.raises(ValueError, match=r"keep the shape \(5, 4\) of x, got \(5, 3\)"):
        Residual(dense()).forward(np.ones((5, 4)))
    with pytest.raises(ValueError, match="at least one layer"):
        Residual()


@pytest.mark.parametrize(
    "make, name",
    [
        (lambda rng: Dense(0, 3, rng=rng), "n_in"),
        (lambda rng: Dense(3, 0, rng=rng), "n_out"),
        (lambda rng: Dense(3, 2.5, rng=rng), "n_out"),
        (lambda rng: Dense(3, 2, "he", rng=rng), "init"),
        (lambda rng: Dense(3, 2, rng=0), "rng"),
        (lambda rng: LeakyReLU(1.0), "slope"),
        (lambda rng: ELU(0), "alpha"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(make, name):
    with pytest.raises((ValueError, TypeError), match=f"{name} must be"):
        make(np.random.default_rng(0))


def test_a_dense_layer_takes_what_init_returns_as_floats_or_refuses_it():
    layer = Dense(2, 2, init=lambda shape, rng: np.ones(shape, int), rng=np.random.default_rng(0))
    assert layer.W.dtype == layer.dW.dtype == np.float64
    with pytest.raises(
        TypeError, match="the weights that init returns must be float32 or float64, got float16"
    ):
        Dense(2, 2, init=lambda shape, rng: np.ones(shape, np.float16), rng=np.random.default_rng(0))


def test_sequences_go_through_a_dense_layer_step_by_step():
    layer, x, dy = dense(), draw((2, 5, 4)), draw((2, 5, 3), seed=1)
    y, dx = layer.forward(x), layer.backward(dy)
    dW, db = layer.dW.copy(), layer.db.copy()
    np.testing.assert_array_equal(y.reshape(10, 3), layer.forward(x.reshape(10, 4)))
    np.testing.assert_array_equal(dx.reshape(10, 4), layer.backward(dy.reshape(10, 3)))
    np.testing.assert_array_equal(layer.dW, dW)
    np.testing.assert_array_equal(layer.db, db)
