"""Attention: does each step look where the formula says, and only where it may?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcore.attention import Embedding, Positions, SelfAttention
from dlcore.gradient_check import check
from dlcore.layers import GELU, Dense, ReLU, Residual
from dlcore.losses import softmax_cross_entropy
from dlcore.network import Network
from dlcore.normalization import LayerNorm, RMSNorm
from dlcore.optimizers import Adam
from dlcore.training import error_rate, fit

CLOSE = dict(rtol=1e-10, atol=1e-10)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def attention(d=6, heads=2, seed=0, **settings):
    return SelfAttention(d, heads, rng=np.random.default_rng(seed), **settings)


def written_out(layer, x):
    """Vaswani et al. (2017), eq. 1 and section 3.2.2, one head and one step at a time."""
    d_k = layer.d // layer.heads
    outputs = []
    for sequence in x:
        heads = []
        for h in range(layer.heads):
            part = slice(h * d_k, (h + 1) * d_k)
            Q, K, V = (sequence @ W[:, part] for W in (layer.W_q, layer.W_k, layer.W_v))
            rows = []
            for i, q in enumerate(Q):
                seen = i + 1 if layer.causal else len(K)
                weights = np.exp([q @ k / np.sqrt(d_k) for k in K[:seen]])
                rows.append(weights / weights.sum() @ V[:seen])
            heads.append(rows)
        outputs.append(np.concatenate(heads, axis=1) @ layer.W_o)
    return np.array(outputs)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("heads", [1, 2, 3, 6])
def test_attention_is_the_papers_formula(heads, causal):
    layer, x = attention(heads=heads, causal=causal), draw(3, 5, 6)
    np.testing.assert_allclose(layer.forward(x), written_out(layer, x), rtol=1e-12, atol=1e-14)


def test_the_weights_of_a_step_add_up_to_one_and_are_in_sight():
    layer = attention()
    layer.forward(draw(3, 5, 6))
    assert layer.attention.shape == (3, 2, 5, 5)
    np.testing.assert_allclose(layer.attention.sum(axis=3), 1, rtol=1e-14)
    assert not np.triu(layer.attention, 1).any() and (np.tril(layer.attention) + np.triu(np.ones(5), 1)).all()
    layer = attention(causal=False)
    layer.forward(draw(3, 5, 6))
    assert (layer.attention > 0).all()


def test_a_causal_step_does_not_see_the_future():
    layer, x, dy = attention(), draw(2, 6, 6), draw(2, 6, 6, seed=1)
    y = layer.forward(x)
    np.testing.assert_allclose(layer.forward(x[:, :4]), y[:, :4], rtol=1e-12)
    dy[:, 4:] = 0
    layer.forward(x)
    dx = layer.backward(dy)
    assert not dx[:, 4:].any() and dx[:, :4].all()


def test_without_the_mask_the_order_of_the_steps_makes_no_difference():
    layer, x, order = attention(causal=False), draw(2, 6, 6), np.array([3, 1, 5, 0, 2, 4])
    np.testing.assert_allclose(layer.forward(x[:, order]), layer.forward(x)[:, order], rtol=1e-10, atol=1e-12)
    layer = attention()
    assert np.abs(layer.forward(x[:, order]) - layer.forward(x)[:, order]).max() > 0.01


def test_logits_of_a_thousand_do_not_overflow():
    layer = attention()
    layer.W_q *= 1e3
    layer.W_k *= 1e3
    y = layer.forward(draw(2, 5, 6))
    assert np.isfinite(y).all() and np.isfinite(layer.backward(y)).all()


def test_an_embedding_is_a_dense_layer_on_one_hot_rows():
    rng = np.random.default_rng(0)
    layer, dense = Embedding(5, 3, rng=rng), Dense(5, 3, rng=rng, bias=False)
    dense.W[...] = layer.W
    tokens, dy = rng.integers(0, 4, (6, 7)), draw(6, 7, 3)  # token 4 never occurs
    np.testing.assert_array_equal(layer.forward(tokens), dense.forward(np.eye(5)[tokens]))
    assert layer.backward(dy) is None
    dense.backward(dy)
    np.testing.assert_allclose(layer.dW, dense.dW, rtol=1e-13)
    assert not layer.dW[4].any() and layer.dW[:4].all()


def test_tokens_may_come_as_the_floats_that_a_network_hands_on():
    layer = Embedding(5, 3, rng=np.random.default_rng(0))
    for tokens in ([[4, 0]], np.array([[4.0, 0.0]], np.float32), np.array([[4, 0]], np.int8)):
        np.testing.assert_array_equal(layer.forward(tokens), layer.W[[[4, 0]]])


def test_positions_are_added_and_collect_their_gradients_over_the_examples():
    layer, x, dy = Positions(6, 3, rng=np.random.default_rng(0)), draw(4, 5, 3), draw(4, 5, 3, seed=1)
    np.testing.assert_array_equal(layer.forward(x), x + layer.P[:5])
    layer.dP[...] = np.nan
    np.testing.assert_array_equal(layer.backward(dy), dy)
    np.testing.assert_array_equal(layer.dP[:5], dy.sum(axis=0))
    assert not layer.dP[5].any()


def test_embeddings_and_positions_begin_as_gpt_2s():
    W = Embedding(500, 40, rng=np.random.default_rng(0)).W
    P = Positions(500, 40, rng=np.random.default_rng(0)).P
    assert abs(W.std() - 0.02) < 1e-3 and abs(W.mean()) < 1e-3
    np.testing.assert_array_equal(W, P)


def pre_norm(d, rng, norm=LayerNorm):
    return [
        Residual(norm(d), SelfAttention(d, heads=2, rng=rng)),
        Residual(norm(d), Dense(d, 4 * d, rng=rng), GELU(), Dense(4 * d, d, rng=rng)),
    ]


def post_norm(d, rng, norm=LayerNorm):
    return [
        Residual(SelfAttention(d, heads=2, rng=rng)),
        norm(d),
        Residual(Dense(d, 4 * d, rng=rng), GELU(), Dense(4 * d, d, rng=rng)),
        norm(d),
    ]


def language_model(block, norm=LayerNorm, tokens=5, steps=4, d=4, dtype=np.float64):
    rng = np.random.default_rng(0)
    return Network(
        Embedding(tokens, d, rng=rng),
        Positions(steps, d, rng=rng),
        *block(d, rng, norm),
        Dense(d, tokens, rng=rng),
        dtype=dtype,
    )


@pytest.mark.parametrize("norm", [LayerNorm, RMSNorm])
@pytest.mark.parametrize("block", [pre_norm, post_norm])
def test_the_gradient_of_a_transformer_is_the_slope_of_its_loss(block, norm):
    net, tokens = language_model(block, norm), np.random.default_rng(1).integers(0, 5, (3, 5))
    net.theta[:] = np.random.default_rng(2).standard_normal(net.theta.size)

    def f_and_grad(theta):
        net.theta[:] = theta
        loss, dy = softmax_cross_entropy(net.forward(tokens[:, :-1]), tokens[:, 1:], label_smoothing=0.1)
        assert net.backward(dy, input_gradient=False) is None
        return loss, net.grad.copy()

    report = check(f_and_grad, net.theta.copy())
    assert report, report


def test_a_transformer_learns_to_repeat_what_stood_two_steps_before():
    """What only attention to another place can do: the token to come is the one before the last."""
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, 5, (400, 2))
    sequences = np.tile(pairs, 4)
    net = language_model(pre_norm, RMSNorm, tokens=5, steps=7, d=16, dtype=np.float32)
    x, y = sequences[:, :-1], sequences[:, 1:]
    fit(net, x, y, softmax_cross_entropy, Adam(0.01), epochs=20, batch_size=20, rng=rng)
    wrong = (net.forward(x).argmax(axis=2) != y)[:, 1:]  # nobody can know the second token
    assert wrong.mean() < 0.01
    assert 0 < error_rate(net, x, y) < 0.25


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    m=st.integers(1, 4),
    t=st.integers(1, 6),
    heads=st.integers(1, 3),
    d_k=st.integers(1, 4),
    causal=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_attention_equals_pytorchs(m, t, heads, d_k, causal, seed):
    torch = pytest.importorskip("torch")
    d = heads * d_k
    ours = attention(d, heads, seed, causal=causal)
    theirs = torch.nn.MultiheadAttention(d, heads, bias=False, batch_first=True).double()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.tensor(np.concatenate([ours.W_q.T, ours.W_k.T, ours.W_v.T])))
        theirs.out_proj.weight.copy_(torch.tensor(ours.W_o.T))
    x, dy = draw(m, t, d, seed=seed), draw(m, t, d, seed=seed + 1)
    tensor = torch.tensor(x, requires_grad=True)
    mask = torch.triu(torch.ones(t, t, dtype=torch.bool), 1) if causal else None
    y, weights = theirs(tensor, tensor, tensor, attn_mask=mask, average_attn_weights=False)
    y.backward(torch.tensor(dy))
    np.testing.assert_allclose(ours.forward(x), y.detach().numpy(), **CLOSE)
    np.testing.assert_allclose(ours.attention, weights.detach().numpy(), **CLOSE)
    np.testing.assert_allclose(ours.backward(dy), tensor.grad.numpy(), **CLOSE)
    dW = np.concatenate([ours.dW_q.T, ours.dW_k.T, ours.dW_v.T])
    np.testing.assert_allclose(dW, theirs.in_proj_weight.grad.numpy(), **CLOSE)
    np.testing.assert_allclose(ours.dW_o.T, theirs.out_proj.weight.grad.numpy(), **CLOSE)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(n=st.integers(1, 9), d=st.integers(1, 4), m=st.integers(1, 5), seed=st.integers(0, 2**32 - 1))
def test_an_embedding_equals_pytorchs(n, d, m, seed):
    torch = pytest.importorskip("torch")
    ours = Embedding(n, d, rng=np.random.default_rng(seed))
    theirs = torch.nn.Embedding(n, d, _weight=torch.tensor(ours.W.copy()))
    tokens, dy = np.random.default_rng(seed).integers(0, n, (m, 3)), draw(m, 3, d, seed=seed)
    y = theirs(torch.tensor(tokens))
    y.backward(torch.tensor(dy))
    np.testing.assert_array_equal(ours.forward(tokens), y.detach().numpy())
    ours.backward(dy)
    np.testing.assert_allclose(ours.dW, theirs.weight.grad.numpy(), **CLOSE)


@pytest.mark.parametrize("kind", [pre_norm, post_norm])
def test_a_transformers_block_equals_pytorchs(kind):
    torch = pytest.importorskip("torch")
    d, x, dy = 8, draw(3, 5, 8), draw(3, 5, 8, seed=1)
    net = Network(*kind(d, np.random.default_rng(0)))
    net.theta[:] = draw(net.theta.size, seed=2) / 2
    if kind is pre_norm:
        (norm_1, attention), (norm_2, up, _, down) = (residual.layers for residual in net.layers)
    else:
        (attention,), norm_1, (up, _, down), norm_2 = (
            getattr(layer, "layers", layer) for layer in net.layers
        )
    theirs = torch.nn.TransformerEncoderLayer(
        d, 2, 4 * d, 0.0, "gelu", batch_first=True, norm_first=kind is pre_norm, dtype=torch.float64
    )
    with torch.no_grad():
        W = np.concatenate([attention.W_q.T, attention.W_k.T, attention.W_v.T])
        for parameter, value in [
            (theirs.self_attn.in_proj_weight, W), (theirs.self_attn.in_proj_bias, np.zeros(3 * d)),
            (theirs.self_attn.out_proj.weight, attention.W_o.T),
            (theirs.self_attn.out_proj.bias, np.zeros(d)),
            (theirs.linear1.weight, up.W.T), (theirs.linear1.bias, up.b),
            (theirs.linear2.weight, down.W.T), (theirs.linear2.bias, down.b),
            (theirs.norm1.weight, norm_1.gamma), (theirs.norm1.bias, norm_1.beta),
            (theirs.norm2.weight, norm_2.gamma), (theirs.norm2.bias, norm_2.beta),
        ]:  # fmt: skip
            parameter.copy_(torch.tensor(value))
    tensor = torch.tensor(x, requires_grad=True)
    y = theirs(tensor, src_mask=torch.triu(torch.ones(5, 5, dtype=torch.bool), 1))
    y.backward(torch.tensor(dy))
    np.testing.assert_allclose(net.forward(x), y.detach().numpy(), **CLOSE)
    np.testing.assert_allclose(net.backward(dy), tensor.grad.numpy(), **CLOSE)
    np.testing.assert_allclose(up.dW.T, theirs.linear1.weight.grad.numpy(), **CLOSE)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda rng: Embedding(0, 3, rng=rng), "n must be at least 1, got 0"),
        (lambda rng: Embedding(3, 0, rng=rng), "d must be at least 1, got 0"),
        (lambda rng: Embedding(3, 3, "he", rng=rng), "init must be a function"),
        (lambda rng: Embedding(3, 3, rng=0), "rng must be a numpy.random.Generator"),
        (lambda rng: Positions(0, 3, rng=rng), "steps must be at least 1, got 0"),
        (lambda rng: Positions(3, 0, rng=rng), "d must be at least 1, got 0"),
        (lambda rng: SelfAttention(0, 1, rng=rng), "d must be at least 1, got 0"),
        (lambda rng: SelfAttention(6, 0, rng=rng), "heads must be between 1 and d=6, got 0"),
        (lambda rng: SelfAttention(6, 4, rng=rng), "heads must divide d=6, got 4"),
        (lambda rng: SelfAttention(6, 2, "yes", rng=rng), "causal must be True or False, got 'yes'"),
        (lambda rng: SelfAttention(6, 2, rng=None), "rng must be a numpy.random.Generator"),
        (
            lambda rng: Embedding(2, 2, lambda s, r: np.ones(s, "f2"), rng=rng),
            "float32 or float64, got float16",
        ),
    ],
)
def test_settings_out_of_range_are_refused_by_name(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make(np.random.default_rng(0))


def test_inputs_that_do_not_fit_are_refused():
    layer = Embedding(3, 2, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="x must be between 0 and 2, got 3 at index 1"):
        layer.forward([[0, 3]])
    with pytest.raises(ValueError, match="x must be between 0 and 2, got -1"):
        layer.forward([[0, -1]])
    with pytest.raises(TypeError, match="x must be whole numbers"):
        layer.forward([[0.5]])
    with pytest.raises(ValueError, match="at most 4 steps, got shape"):
        Positions(4, 2, rng=np.random.default_rng(0)).forward(np.ones((2, 5, 2)))
    for x in (np.ones((2, 5, 4)), np.ones((5, 6)), np.ones((2, 0, 6))):
        with pytest.raises(ValueError, match=r"x must have shape \(any, any, 6\)"):
            attention().forward(x)
    with pytest.raises(TypeError, match="x must be float32 or float64, got float16"):
        attention().forward(np.ones((2, 5, 6), np.float16))


@pytest.mark.parametrize("block", [pre_norm, post_norm])
def test_float32_stays_float32(block):
    net = language_model(block, dtype=np.float32)
    out = net.forward(np.zeros((2, 4)), training=True)
    assert out.dtype == np.float32 and net.layers[2].layers[-1].attention.dtype == np.float32
    net.backward(np.ones((2, 4, 5)))
    assert net.grad.dtype == np.float32 and net.grad.any()


def test_a_transformer_is_saved_and_loaded_as_any_network(tmp_path):
    net, other, x = language_model(pre_norm), language_model(pre_norm), [[1, 2, 3, 4]]
    net.theta += 0.1
    net.save(tmp_path / "net.npz")
    other.load(tmp_path / "net.npz")
    np.testing.assert_array_equal(net.forward(x), other.forward(x))
    assert "2.1.W_q" in net.parameters() and "0.W" in net.parameters() and "1.P" in net.parameters()


def test_relu_blocks_read_as_in_the_docstring():
    rng, d = np.random.default_rng(0), 4
    block = [Residual(SelfAttention(d, 2, rng=rng)), Residual(Dense(d, d, rng=rng), ReLU())]
    assert repr(block[0]) == "Residual(SelfAttention(4, 2))"
    assert repr(SelfAttention(4, 2, causal=False, rng=rng)) == "SelfAttention(4, 2, causal=False)"
    assert (
        repr(Embedding(3, 4, rng=rng)) == "Embedding(3, 4)"
        and repr(Positions(3, 4, rng=rng)) == "Positions(3, 4)"
    )
