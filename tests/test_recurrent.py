from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcore.gradient_check import check
from dlcore.initialization import constant, normal, orthogonal, xavier_uniform, zeros
from dlcore.layers import Dense
from dlcore.losses import mse, softmax_cross_entropy
from dlcore.network import Network
from dlcore.optimizers import Adam
from dlcore.recurrent import LSTM, RNN, LastStep
from dlcore.training import fit

LAYERS = {"RNN": RNN, "LSTM": LSTM}
every_layer = pytest.mark.parametrize("kind", LAYERS.values(), ids=LAYERS)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def build(kind, n_in=3, n_hidden=4, seed=0, **settings):
    rng = np.random.default_rng(seed)
    layer = kind(n_in, n_hidden, rng=rng, **settings)
    layer.b[...] = rng.standard_normal(layer.b.shape)
    return layer


def papers_rnn(layer, x):
    h = np.zeros((len(x), layer.n_hidden))
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ layer.W_x + h @ layer.W_h + layer.b)
        yield h


def papers_lstm(layer, x):
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    def gate(k, x_t, h):
        part = slice(k * layer.n_hidden, (k + 1) * layer.n_hidden)
        return x_t @ layer.W_x[:, part] + h @ layer.W_h[:, part] + layer.b[part]

    h = c = np.zeros((len(x), layer.n_hidden))
    for t in range(x.shape[1]):
        i, f, g, o = (gate(k, x[:, t], h) for k in range(4))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        yield h


@pytest.mark.parametrize("kind, papers", [(RNN, papers_rnn), (LSTM, papers_lstm)])
def test_forward_is_the_papers_recursion(kind, papers):
    layer, x = build(kind), draw(2, 6, 3)
    expected = np.stack(list(papers(layer, x)), axis=1)
    np.testing.assert_allclose(layer.forward(x), expected, rtol=1e-12)


@every_layer
def test_the_past_cannot_see_the_future(kind):
    layer, x = build(kind), draw(2, 6, 3)
    h = layer.forward(x)
    np.testing.assert_array_equal(layer.forward(x[:, :4]), h[:, :4])
    dy = draw(2, 6, 4)
    dy[:, 4:] = 0
    layer.forward(x)
    dx = layer.backward(dy)
    assert (dx[:, 4:] == 0).all() and (dx[:, :4] != 0).all()


@every_layer
def test_examples_do_not_see_each_other(kind):
    layer, x, dy = build(kind), draw(5, 6, 3), draw(5, 6, 4)
    h, dx = layer.forward(x), layer.backward(dy)
    for k in range(5):
        np.testing.assert_allclose(layer.forward(x[[k]]), h[[k]], rtol=1e-12)
        np.testing.assert_allclose(layer.backward(dy[[k]]), dx[[k]], rtol=1e-10, atol=1e-14)


@every_layer
@settings(max_examples=10, deadline=None, derandomize=True)
@given(
    m=st.integers(1, 3),
    steps=st.integers(1, 5),
    n_in=st.integers(1, 3),
    n=st.integers(1, 3),
    seed=st.integers(0, 999),
)
def test_backward_is_the_gradient_of_forward(kind, m, steps, n_in, n, seed):
    net = Network(build(kind, n_in, n, seed))
    x, weight = draw(m, steps, n_in, seed=seed), draw(m, steps, n, seed=seed + 1)

    def of_theta(theta):
        net.theta[:] = theta
        h = net.forward(x)
        net.backward(2 * weight * h)
        return (weight * h**2).sum(), net.grad.copy()

    def of_x(x):
        h = net.forward(x)
        return (weight * h**2).sum(), net.backward(2 * weight * h)

    report = check(of_theta, net.theta.copy())
    assert report, report
    report = check(of_x, x)
    assert report, report


@every_layer
def test_dh_is_the_gradient_with_respect_to_each_hidden_state(kind):
    """The slope of the loss when h_3, or c_3, itself is shifted and the recursion goes on from there."""
    layer, x, dy = build(kind), draw(2, 6, 3), draw(2, 6, 4)
    layer.forward(x)
    layer.backward(dy)
    dh = layer.dh
    assert dh.shape == (6, 2, 4)
    np.testing.assert_array_equal(dh[-1], dy[:, -1])
    shift = 1e-6 * draw(2, 4, seed=5)
    if kind is RNN:
        later = partial(_rest_of_an_rnn, layer, x, dy, 3)
        h = layer.forward(x)[:, 3]
        slope = (later(h + shift) - later(h - shift)) / 2
        np.testing.assert_allclose(np.sum(dh[3] * shift), slope, rtol=1e-6)
    else:
        later = partial(_rest_of_an_lstm, layer, x, dy, 3)
        slope = (later(shift, 0) - later(-shift, 0)) / 2
        np.testing.assert_allclose(np.sum(dh[3] * shift), slope, rtol=1e-6)
        slope = (later(0, shift) - later(0, -shift)) / 2
        np.testing.assert_allclose(np.sum(layer.dc[3] * shift), slope, rtol=1e-6)


def _rest_of_an_rnn(layer, x, dy, t, h):
    loss = np.sum(dy[:, t] * h)
    for s in range(t + 1, x.shape[1]):
        h = np.tanh(x[:, s] @ layer.W_x + h @ layer.W_h + layer.b)
        loss += np.sum(dy[:, s] * h)
    return loss


def _rest_of_an_lstm(layer, x, dy, t, h_shift, c_shift):
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    h = c = np.zeros((len(x), layer.n_hidden))
    loss = 0.0
    for s in range(x.shape[1]):
        i, f, g, o = np.split(x[:, s] @ layer.W_x + h @ layer.W_h + layer.b, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        if s == t:
            c = c + c_shift
        h = sigmoid(o) * np.tanh(c)
        if s == t:
            h = h + h_shift
        if s >= t:
            loss += np.sum(dy[:, s] * h)
    return loss


def test_at_zero_an_rnns_gradient_is_multiplied_by_its_matrix_in_every_step():
    """tanh' = 1 there, so dh_t = dh_T (W_h')^(T-t): gains of 0.5 and 2 vanish and explode by these."""
    for gain in (0.5, 1.0, 2.0):
        rnn = RNN(1, 8, recurrent_init=partial(orthogonal, gain=gain), rng=np.random.default_rng(0))
        rnn.forward(np.zeros((1, 20, 1)))
        dy = np.zeros((1, 20, 8))
        dy[0, -1] = 1
        rnn.backward(dy)
        norms = np.linalg.norm(rnn.dh, axis=(1, 2))
        np.testing.assert_allclose(norms, np.sqrt(8) * gain ** np.arange(19.0, -1, -1), rtol=1e-10)


def test_an_open_forget_gate_passes_the_cells_gradient_unchanged():
    lstm = LSTM(1, 4, recurrent_init=zeros, forget_bias=50.0, rng=np.random.default_rng(0))
    lstm.forward(np.zeros((1, 100, 1)))
    dy = np.zeros((1, 100, 4))
    dy[0, -1] = 1
    lstm.backward(dy)
    np.testing.assert_allclose(lstm.dc, 0.5)  # the output gate's sigmoid(0) in the last step


@every_layer
def test_gradients_are_written_in_place_and_afresh(kind):
    layer, x, dy = build(kind), draw(2, 5, 3), draw(2, 5, 4)
    arrays = [layer.dW_x, layer.dW_h, layer.db]
    layer.forward(x)
    layer.backward(dy)
    first = [a.copy() for a in arrays]
    layer.backward(dy)
    for array, name, before in zip(arrays, ("dW_x", "dW_h", "db"), first):
        assert getattr(layer, name) is array and array.any()
        np.testing.assert_array_equal(array, before)


@every_layer
def test_an_output_changed_in_place_does_not_change_the_memory(kind):
    for m, steps in ((1, 5), (5, 1)):
        layer, x, dy = build(kind), draw(m, steps, 3), draw(m, steps, 4)
        layer.forward(x)
        dx = layer.backward(dy)
        layer.forward(x)[...] = 99
        np.testing.assert_array_equal(layer.backward(dy), dx)


@every_layer
def test_float32_is_kept(kind):
    net = Network(build(kind), LastStep(), Dense(4, 2, rng=np.random.default_rng(0)), dtype=np.float32)
    y = net.forward(draw(5, 6, 3))
    dx = net.backward(np.ones((5, 2)))
    assert y.dtype == dx.dtype == net.grad.dtype == net.layers[0].dh.dtype == np.float32
    assert dx.shape == (5, 6, 3)
    wide = Network(build(kind), LastStep(), Dense(4, 2, rng=np.random.default_rng(0)))
    np.testing.assert_allclose(y, wide.forward(draw(5, 6, 3)), rtol=1e-4, atol=1e-5)


def test_large_inputs_saturate_without_a_warning():
    lstm = LSTM(1, 2, init=partial(constant, value=1.0), rng=np.random.default_rng(0))
    h = lstm.forward(np.full((1, 3, 1), 1e4))
    np.testing.assert_allclose(h[0, :, 0], np.tanh([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(lstm.backward(np.ones((1, 3, 2))), 0)
    np.testing.assert_array_equal(lstm.forward(np.full((1, 3, 1), -1e4)), 0)


def test_every_gate_begins_as_if_it_were_alone():
    lstm = LSTM(300, 200, rng=np.random.default_rng(0))
    for k in range(4):
        gate = slice(200 * k, 200 * (k + 1))
        np.testing.assert_allclose(lstm.W_h[:, gate].T @ lstm.W_h[:, gate], np.eye(200), atol=1e-12)
        assert abs(lstm.W_x[:, gate]).max() <= np.sqrt(6 / 500)
    assert lstm.W_x.var() == pytest.approx(2 / 500, rel=0.02)
    for W in (lstm.W_x, lstm.W_h):
        assert len({gate.tobytes() for gate in np.split(W, 4, axis=1)}) == 4  # and each drawn by itself


def test_layers_begin_as_told():
    W_x = xavier_uniform((3, 4), np.random.default_rng(1))
    rnn = RNN(3, 4, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(rnn.W_x, W_x)
    np.testing.assert_array_equal(rnn.b, 0)
    np.testing.assert_array_equal(
        RNN(3, 4, init=normal, recurrent_init=zeros, rng=np.random.default_rng(1)).W_h, 0
    )
    np.testing.assert_array_equal(LSTM(1, 2, rng=np.random.default_rng(1)).b, [0, 0, 1, 1, 0, 0, 0, 0])
    np.testing.assert_array_equal(LSTM(1, 1, rng=np.random.default_rng(1), forget_bias=-2).b, [0, -2, 0, 0])
    assert repr(rnn) == "RNN(3, 4)" and repr(LSTM(1, 2, rng=np.random.default_rng(1))) == "LSTM(1, 2)"


def test_the_last_step_is_the_last_step_and_its_gradient_goes_there():
    last, x = LastStep(), draw(2, 5, 3)
    np.testing.assert_array_equal(last.forward(x), x[:, -1])
    dx = last.backward(np.ones((2, 3)))
    np.testing.assert_array_equal(dx[:, -1], 1)
    np.testing.assert_array_equal(dx[:, :-1], 0)


@pytest.mark.parametrize("kind, goal", [(RNN, 0.15), (LSTM, 0.15)])
def test_a_network_learns_to_remember_the_first_step(kind, goal):
    """The label is the sign of the first input; the others are noise."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 6, 1))
    y = (x[:, 0, 0] > 0).astype(int)
    net = Network(kind(1, 12, rng=rng), LastStep(), Dense(12, 2, rng=rng))
    history = fit(net, x, y, softmax_cross_entropy, Adam(0.02), epochs=30, batch_size=50, rng=rng)
    assert history.loss[0] > 0.5 and history.loss[-1] < goal


def test_every_step_can_have_its_target():
    rng = np.random.default_rng(0)
    x = rng.uniform(-0.5, 0.5, (200, 8, 1))
    y = np.concatenate([np.zeros((200, 1, 1)), x[:, :-1]], axis=1)  # what came before
    net = Network(RNN(1, 8, rng=rng), RNN(8, 8, rng=rng), RNN(8, 1, rng=rng))
    history = fit(net, x, y, mse, Adam(0.01), epochs=40, batch_size=20, rng=rng)
    assert history.loss[-1] < 0.02 * history.loss[0]


def torch_twin(torch, layer):
    twin = getattr(torch.nn, type(layer).__name__)(layer.n_in, layer.n_hidden, batch_first=True).double()
    with torch.no_grad():
        twin.weight_ih_l0[:] = torch.tensor(layer.W_x.T.copy())
        twin.weight_hh_l0[:] = torch.tensor(layer.W_h.T.copy())
        twin.bias_ih_l0[:] = torch.tensor(layer.b)
        twin.bias_hh_l0[:] = 0
    return twin


@every_layer
@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    m=st.integers(1, 4),
    steps=st.integers(1, 12),
    n_in=st.integers(1, 5),
    n=st.integers(1, 6),
    scale=st.sampled_from([0.1, 1.0, 10.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_forward_and_all_gradients_equal_pytorchs(kind, m, steps, n_in, n, scale, seed):
    torch = pytest.importorskip("torch")
    layer, rng = build(kind, n_in, n, seed), np.random.default_rng(seed)
    x, dy = scale * rng.standard_normal((m, steps, n_in)), rng.standard_normal((m, steps, n))
    twin, their_x = torch_twin(torch, layer), torch.tensor(x, requires_grad=True)
    their_h, _ = twin(their_x)
    their_h.backward(torch.tensor(dy))
    close = partial(np.testing.assert_allclose, rtol=1e-10, atol=1e-10)
    close(layer.forward(x), their_h.detach().numpy())
    close(layer.backward(dy), their_x.grad.numpy())
    close(layer.dW_x, twin.weight_ih_l0.grad.numpy().T)
    close(layer.dW_h, twin.weight_hh_l0.grad.numpy().T)
    close(layer.db, twin.bias_ih_l0.grad.numpy())


@every_layer
def test_wrong_inputs_are_refused(kind):
    layer, x = build(kind), draw(2, 5, 3)
    with pytest.raises(RuntimeError, match=f"{kind.__name__}.backward needs .* call forward"):
        layer.backward(np.ones((2, 5, 4)))
    for wrong in (draw(2, 5, 4), draw(2, 3), draw(3)):
        with pytest.raises(ValueError, match=r"x must have shape \(any, any, 3\), got"):
            layer.forward(wrong)
    for empty in (draw(2, 0, 3), draw(0, 5, 3)):
        with pytest.raises(ValueError, match="x must not be empty"):
            layer.forward(empty)
    with pytest.raises(ValueError, match="x must be finite"):
        layer.forward(np.full((2, 5, 3), np.nan))
    with pytest.raises(TypeError, match="x must be an array of real numbers"):
        layer.forward([[["a", "b", "c"]]])
    layer.forward(x)
    for wrong in (draw(5, 2, 4), draw(2, 4), draw(2, 5, 3)):
        with pytest.raises(ValueError, match=r"dy must have shape \(2, 5, 4\), got"):
            layer.backward(wrong)


@every_layer
def test_wrong_settings_are_refused(kind):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="n_in must be at least 1, got 0"):
        kind(0, 4, rng=rng)
    with pytest.raises(TypeError, match="n_hidden must be a whole number, got 4.0"):
        kind(3, 4.0, rng=rng)
    with pytest.raises(TypeError, match="rng must be a numpy.random.Generator"):
        kind(3, 4, rng=0)
    with pytest.raises(TypeError, match="init must be a function"):
        kind(3, 4, init="xavier", rng=rng)
    with pytest.raises(TypeError, match="recurrent_init must be a function"):
        kind(3, 4, recurrent_init=None, rng=rng)


def test_a_forget_bias_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="forget_bias must be finite, got nan"):
        LSTM(3, 4, rng=np.random.default_rng(0), forget_bias=np.nan)


def test_the_last_step_refuses_what_is_no_sequence():
    with pytest.raises(ValueError, match="x must have 3 axes"):
        LastStep().forward(draw(2, 3))
    with pytest.raises(RuntimeError, match="LastStep.backward needs"):
        LastStep().backward(draw(2, 3))
    last = LastStep()
    last.forward(draw(2, 5, 3))
    with pytest.raises(ValueError, match=r"dy must have shape \(2, 3\), got \(2, 5, 3\)"):
        last.backward(draw(2, 5, 3))


@every_layer
def test_weights_that_are_no_floats_to_be_summed_are_refused(kind):
    with pytest.raises(
        TypeError, match="the weights that init returns must be float32 or float64, got float16"
    ):
        kind(2, 2, init=lambda shape, rng: np.ones(shape, np.float16), rng=np.random.default_rng(0))
