import copy
import os
import pickle
import stat
import subprocess
import sys

import numpy as np
import pytest

from dlcore.gradient_check import check
from dlcore.layers import Dense, Flatten, ReLU, Residual, Sigmoid, Tanh
from dlcore.losses import softmax_cross_entropy
from dlcore.network import Network
from dlcore.normalization import BatchNorm, LayerNorm
from dlcore.optimizers import Adam
from dlcore.training import fit


def build(seed=0, dtype=np.float64, hidden=5):
    rng = np.random.default_rng(seed)
    return Network(
        Dense(4, hidden, rng=rng),
        BatchNorm(hidden),
        Tanh(),
        Residual(Dense(hidden, hidden, rng=rng), LayerNorm(hidden), Sigmoid()),
        Dense(hidden, 3, rng=rng),
        dtype=dtype,
    )


def batch(m=6, seed=1):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((m, 4)), rng.integers(0, 3, m)


def test_every_parameter_is_a_view_of_theta_in_the_layers_order():
    net = build()
    names = list(net.parameters())
    assert names == [
        "0.W",
        "0.b",
        "1.gamma",
        "1.beta",
        "3.0.W",
        "3.0.b",
        "3.1.gamma",
        "3.1.beta",
        "4.W",
        "4.b",
    ]
    np.testing.assert_array_equal(net.theta, np.concatenate([p.ravel() for p in net.parameters().values()]))
    net.theta[:] = np.arange(net.theta.size)
    np.testing.assert_array_equal(net.layers[0].W, np.arange(20).reshape(4, 5))
    net.layers[-1].b[...] = -1
    np.testing.assert_array_equal(net.theta[-3:], -1)
    net.layers[1].running_mean[...] = 7
    np.testing.assert_array_equal(net.running[:5], 7)


def test_the_gradient_of_the_loss_with_respect_to_theta_is_right():
    net, (x, labels) = build(), batch()

    def f(theta):
        net.theta[:] = theta
        value, dy = softmax_cross_entropy(net.forward(x, training=True), labels)
        net.backward(dy)
        return value, net.grad.copy()

    report = check(f, net.theta.copy())
    assert report.passed, report


def test_the_gradient_with_respect_to_the_input_is_right_and_can_be_left_out():
    net, (x, labels) = build(), batch()

    def f(flat):
        value, dy = softmax_cross_entropy(net.forward(flat.reshape(x.shape)), labels)
        return value, net.backward(dy).ravel()

    assert check(f, x.ravel()).passed
    _, dy = softmax_cross_entropy(net.forward(x), labels)
    net.backward(dy)
    kept = net.grad.copy()
    net.grad[:] = 0
    assert net.backward(dy, input_gradient=False) is None
    np.testing.assert_array_equal(net.grad, kept)


@pytest.mark.parametrize(
    "front",
    [
        lambda rng: [Flatten(), Dense(4, 3, rng=rng)],
        lambda rng: [BatchNorm(4), Dense(4, 3, rng=rng)],
        lambda rng: [Residual(Dense(4, 4, rng=rng)), Dense(4, 3, rng=rng)],
    ],
)
def test_leaving_out_the_inputs_gradient_leaves_out_no_parameter(front):
    net, (x, labels) = Network(*front(np.random.default_rng(0))), batch()
    _, dy = softmax_cross_entropy(net.forward(x, training=True), labels)
    net.backward(dy)
    kept = net.grad.copy()
    net.grad[:] = np.nan
    net.backward(dy, input_gradient=False)
    np.testing.assert_array_equal(net.grad, kept)


def test_gradients_have_the_parameters_names_and_weights_leave_out_the_vectors():
    net = build()
    assert list(net.gradients()) == list(net.parameters())
    assert [w.shape for w, _ in net.weights()] == [(4, 5), (5, 5), (5, 3)]
    w, dw = net.weights()[0]
    assert w is net.layers[0].W or np.shares_memory(w, net.layers[0].W)
    assert np.shares_memory(dw, net.layers[0].dW)


def test_float32_stays_float32_from_end_to_end():
    net, (x, labels) = build(dtype=np.float32), batch()
    out = net.forward(x, training=True)
    _, dy = softmax_cross_entropy(out, labels)
    dx = net.backward(dy)
    assert (
        out.dtype
        == dy.dtype
        == dx.dtype
        == net.theta.dtype
        == net.grad.dtype
        == net.running.dtype
        == np.float32
    )
    for layer in net.layers:
        memory = layer._memory if isinstance(layer._memory, tuple) else (layer._memory,)
        assert all(a.dtype == np.float32 for a in memory if isinstance(a, np.ndarray))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copy_is_whole_and_its_own(duplicate):
    net, (x, _) = build(), batch()
    net.forward(x, training=True)
    twin = duplicate(net)
    np.testing.assert_array_equal(twin.forward(x), net.forward(x))
    twin.theta[:] = 0
    assert not twin.layers[0].W.any() and net.layers[0].W.any()


def test_saving_and_loading_brings_back_parameters_and_running_averages(tmp_path):
    net, other, (x, _) = build(), build(seed=5), batch()
    net.forward(x, training=True)
    net.save(tmp_path / "net.npz")
    theta = other.theta
    other.load(tmp_path / "net.npz")
    np.testing.assert_array_equal(other.forward(x), net.forward(x))
    assert other.theta is theta
    assert [p.name for p in tmp_path.iterdir()] == ["net.npz"]


def test_a_crash_while_saving_leaves_the_old_file(tmp_path, monkeypatch):
    net, path = build(), tmp_path / "net.npz"
    net.save(path)
    before = path.read_bytes()

    def crash(file, **arrays):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", crash)
    with pytest.raises(KeyboardInterrupt):
        net.save(path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "damaged"),
        (lambda path: path.write_bytes(b""), "damaged"),
        (lambda path: path.write_text("no network"), "damaged"),
        (lambda path: np.save(path.open("wb"), np.ones(3)), "damaged"),
        (lambda path: np.savez(path.open("wb"), a=np.ones(3)), "0.W is missing.*a is not in this network"),
        (lambda path: build(hidden=6).save(path), r"0.W has shape \(4, 6\), here \(4, 5\)"),
        (lambda path: Network(Dense(4, 5, rng=np.random.default_rng(0))).save(path), "1.gamma is missing"),
    ],
)
def test_a_file_that_does_not_fit_changes_nothing_and_says_what_differs(tmp_path, damage, message):
    net, path = build(), tmp_path / "net.npz"
    net.save(path)
    damage(path)
    theta, running = net.theta.copy(), net.running.copy()
    with pytest.raises(ValueError, match=message):
        net.load(path)
    np.testing.assert_array_equal(net.theta, theta)
    np.testing.assert_array_equal(net.running, running)


def test_a_file_with_nan_is_refused_before_anything_changes(tmp_path):
    net, broken = build(), build()
    broken.theta[-1] = np.nan
    broken.save(tmp_path / "net.npz")
    theta = net.theta.copy()
    with pytest.raises(ValueError, match="4.b in .* must be finite"):
        net.load(tmp_path / "net.npz")
    np.testing.assert_array_equal(net.theta, theta)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.npz"):
        build().load(tmp_path / "nowhere.npz")


def test_wrong_input_names_the_layer():
    with pytest.raises(ValueError, match=r"x must have shape \(any, 4\), got \(2, 7\)") as caught:
        build().forward(np.ones((2, 7)))
    assert caught.value.__notes__ == ["in layer 0, Dense(4, 5)"]
    with pytest.raises(ValueError, match="x must be finite"):
        build().forward([[1.0, np.nan, 0.0, 0.0]])
    with pytest.raises(RuntimeError, match="call forward"):
        build().backward(np.ones((2, 3)))


def test_a_layer_belongs_to_one_network_once():
    layer = Dense(3, 3, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="one network, once"):
        Network(layer, layer)
    Network(layer)
    with pytest.raises(ValueError, match="one network, once"):
        Network(layer)


def test_what_is_no_layer_is_refused():
    with pytest.raises(ValueError, match="at least one layer"):
        Network()
    with pytest.raises(TypeError, match="must have forward and backward"):
        Network(np.tanh)
    with pytest.raises(ValueError, match="dtype must be"):
        Network(ReLU(), dtype=int)


def test_a_network_without_parameters_works():
    net = Network(ReLU())
    np.testing.assert_array_equal(net.forward([[-1.0, 2.0]]), [[0.0, 2.0]])
    np.testing.assert_array_equal(net.backward(np.ones((1, 2))), [[0.0, 1.0]])
    assert net.theta.size == 0


TRAIN = """
import numpy as np
from tests.test_network import build, batch
from dlcore.losses import softmax_cross_entropy
from dlcore.optimizers import Adam
from dlcore.training import fit
net, (x, y) = build(), batch(40)
fit(net, x, y, softmax_cross_entropy, Adam(0.01), epochs=5, batch_size=8, rng=np.random.default_rng(3))
print(net.theta.tobytes().hex())
"""


def test_the_same_seeds_give_the_same_weights_to_the_bit_in_two_processes():
    outputs = {
        subprocess.run([sys.executable, "-c", TRAIN], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(outputs) == 1 and len(outputs.pop()) > 100


# Frozen parameters


def train(net, steps=5, **settings):
    x, labels = batch(40)
    settings = {"epochs": steps, "batch_size": 40, "rng": np.random.default_rng(0)} | settings
    return fit(net, x, labels, softmax_cross_entropy, Adam(0.1), **settings)


def test_a_frozen_layer_stays_and_the_others_learn():
    net = build()
    net.freeze("0", "3.0.W", "1")
    assert net.frozen == ("0.W", "0.b", "1.gamma", "1.beta", "3.0.W")
    before = {name: p.copy() for name, p in net.parameters().items()}
    train(net)
    for name, p in net.parameters().items():
        assert (p == before[name]).all() == (name in net.frozen), name


def test_theta_is_what_learns_and_its_gradient_is_the_same_as_without_freezing():
    net, free, (x, labels) = build(), build(), batch()
    net.freeze("0", "3.1.gamma")
    assert net.theta.size == net.grad.size == free.theta.size - 25 - 5
    for each in (net, free):
        _, dy = softmax_cross_entropy(each.forward(x, training=True), labels)
        each.backward(dy, input_gradient=False)
    assert list(net.gradients()) == [n for n in free.gradients() if n not in net.frozen]
    for name, gradient in net.gradients().items():
        np.testing.assert_array_equal(gradient, free.gradients()[name])
    assert list(net.parameters()) == list(free.parameters())
    assert [w.shape for w, _ in net.weights()] == [(5, 5), (5, 3)]
    np.testing.assert_array_equal(net.backward(dy), free.backward(dy))


def test_the_way_back_goes_no_deeper_than_the_first_layer_that_learns():
    net, (x, labels) = build(), batch()
    net.freeze("0", "1")
    _, dy = softmax_cross_entropy(net.forward(x), labels)
    net.layers[0].dW[...] = net.layers[1].dgamma[...] = 7
    net.backward(dy, input_gradient=False)
    assert (net.layers[0].dW == 7).all() and (net.layers[1].dgamma == 7).all()
    assert (net.gradients()["3.0.W"] != 0).all()


def test_what_is_unfrozen_learns_again_from_where_it_was():
    net, (x, _) = build(), batch()
    y, theta = net.forward(x), net.theta.copy()
    net.freeze("0", "3")
    net.freeze("4.b")
    net.unfreeze("0.b", "3.0")
    assert net.frozen == ("0.W", "3.1.gamma", "3.1.beta", "4.b")
    np.testing.assert_array_equal(net.forward(x), y)
    net.unfreeze()
    assert net.frozen == ()
    np.testing.assert_array_equal(net.theta, theta)
    np.testing.assert_array_equal(net.forward(x), y)
    net.theta[:] = 0
    assert not any(p.any() for p in net.parameters().values())


def test_a_copy_and_a_file_keep_frozen_parameters(tmp_path):
    net, other, (x, _) = build(), build(seed=3), batch()
    net.freeze("0")
    twin = copy.deepcopy(net)
    assert twin.frozen == net.frozen and twin.theta.size == net.theta.size
    net.save(tmp_path / "net.npz")
    other.load(tmp_path / "net.npz")
    np.testing.assert_array_equal(other.forward(x), net.forward(x))
    net.load(tmp_path / "net.npz")
    assert net.frozen == ("0.W", "0.b")


def test_a_name_that_is_no_parameters_is_refused_and_nothing_is_frozen():
    net = build()
    for name in ("7", "0.V", "2", "", "3.0.W.x"):
        with pytest.raises(
            ValueError, match=f"names must be of parameters or of layers that learn, got '{name}'"
        ):
            net.freeze("0", name)
    with pytest.raises(ValueError, match="names must name what to freeze"):
        net.freeze()
    assert net.frozen == ()


# Activations in sight


def test_a_trace_holds_each_layers_output():
    net, (x, _) = build(), batch()
    trace = ["old"]
    y = net.forward(x, trace=trace)
    assert len(trace) == len(net.layers)
    h = x
    for layer, seen in zip(net.layers, trace):
        h = layer.forward(h)
        np.testing.assert_array_equal(h, seen)
    np.testing.assert_array_equal(trace[-1], y)
    with pytest.raises(TypeError, match="trace must be a list"):
        net.forward(x, trace=True)


# Files


def test_a_new_file_has_the_usual_mode_and_an_old_one_keeps_its_own(tmp_path):
    path, net = tmp_path / "net.npz", build()
    usual = tmp_path / "usual"
    usual.touch()
    net.save(path)
    assert path.stat().st_mode == usual.stat().st_mode
    path.chmod(0o640)
    net.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_goes_on_pointing_to_the_file(tmp_path):
    (tmp_path / "runs").mkdir()
    path, link = tmp_path / "runs" / "net.npz", tmp_path / "latest.npz"
    os.symlink(path, link)
    build(seed=1).save(link)  # also where there is no file yet
    build(seed=2).save(link)
    assert link.is_symlink() and not path.is_symlink()
    net = build()
    net.load(path)
    np.testing.assert_array_equal(net.theta, build(seed=2).theta)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["latest.npz", "net.npz", "runs"]


def test_a_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        build().save(tmp_path / "nowhere" / "net.npz")


def test_numbers_too_large_for_the_networks_dtype_are_refused_and_change_nothing(tmp_path):
    big, small = build(), build(seed=1, dtype=np.float32)
    big.theta[-1] = 1e300
    big.save(tmp_path / "net.npz")
    theta = small.theta.copy()
    with pytest.raises(ValueError, match=r"4.b in .* must be finite in float32, got 1e\+300 at index \(2,\)"):
        small.load(tmp_path / "net.npz")
    np.testing.assert_array_equal(small.theta, theta)


def test_a_sequence_goes_through_a_dense_layer_step_by_step():
    x = batch(6)[0]
    dense = Network(Dense(4, 3, rng=np.random.default_rng(0)))
    steps = x.reshape(2, 3, 4)
    np.testing.assert_array_equal(dense.forward(steps).reshape(6, 3), dense.forward(x))
    with pytest.raises(ValueError, match=r"x must have shape \(any, any, 4\), got \(2, 3, 5\)"):
        dense.forward(np.ones((2, 3, 5)))
    with pytest.raises(ValueError, match=r"dy must have shape \(2, 3, 3\), got \(6, 3\)"):
        dense.forward(steps)
        dense.backward(np.ones((6, 3)))
