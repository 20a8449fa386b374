import numpy as np
import pytest

from dlcore import schedules
from dlcore.layers import Dense, ReLU, Tanh
from dlcore.losses import mse, softmax_cross_entropy
from dlcore.network import Network
from dlcore.normalization import BatchNorm
from dlcore.optimizers import SGD, Adam
from dlcore.regularization import L2, EarlyStopping, clip_by_norm
from dlcore.training import Diverged, History, evaluate, fit, minibatches, predict


def line(m=64, seed=0):
    x = np.random.default_rng(seed).uniform(-1, 1, (m, 1))
    return x, 2 * x + 1


def linear(seed=0):
    return Network(Dense(1, 1, rng=np.random.default_rng(seed)))


def go(net, x, y, loss=mse, optimizer=None, *, seed=0, **settings):
    settings = {"epochs": 3, "batch_size": 8} | settings
    optimizer = SGD(0.1) if optimizer is None else optimizer
    return fit(net, x, y, loss, optimizer, rng=np.random.default_rng(seed), **settings)


def test_full_batch_descent_follows_the_closed_form():
    """w and b of a line under full-batch gradient descent: theta <- theta - lr * 2/m * X'(X theta - y)."""
    x, y = line()
    net = linear()
    X = np.column_stack([x, np.ones_like(x)])
    theta = net.theta.copy()
    for _ in range(7):
        theta -= 0.1 * 2 / len(x) * X.T @ (X @ theta - y[:, 0])
    go(net, x, y, epochs=7, batch_size=64)
    np.testing.assert_allclose(net.theta, theta, rtol=1e-12)


def test_a_line_is_learnt():
    x, y = line()
    net = linear()
    history = go(net, x, y, epochs=60)
    np.testing.assert_allclose(net.theta, [2, 1], atol=1e-3)
    assert history.stopped == "finished" and len(history.loss) == 60
    assert len(history.step_loss) == len(history.lr) == 60 * 8
    assert history.loss[-1] < 1e-4 < history.loss[0]


def test_minibatches_visit_every_example_once_in_an_order_of_the_generators():
    batches = list(minibatches(10, 4, np.random.default_rng(0)))
    assert [len(b) for b in batches] == [4, 4, 2]
    assert sorted(np.concatenate(batches)) == list(range(10))
    assert (np.concatenate(batches) != np.arange(10)).any()
    rng = np.random.default_rng(0)
    first, second = (np.concatenate(list(minibatches(50, 50, rng))) for _ in range(2))
    assert (first != second).any()


def test_the_epochs_loss_is_the_mean_over_all_examples_not_the_last_mini_batchs():
    x, y = line(10)
    history = go(linear(), x, y, optimizer=SGD(0.0), epochs=2, batch_size=4)
    expected = evaluate(linear(), x, y, mse)
    np.testing.assert_allclose(history.loss, expected)
    assert abs(history.step_loss[2] - expected) > 1e-3


def test_training_mode_while_training_and_evaluation_mode_in_evaluation():
    x, y = line()
    net = Network(BatchNorm(1), Dense(1, 1, rng=np.random.default_rng(0)))
    go(net, x, y)
    assert (net.layers[0].running_mean != 0).all()
    kept = net.running.copy()
    evaluate(net, x, y, mse)
    np.testing.assert_array_equal(net.running, kept)


def test_predict_in_pieces_is_predict_at_once():
    x, _ = line()
    np.testing.assert_allclose(predict(linear(), x, batch_size=7), linear().forward(x), rtol=1e-14)


def test_a_schedule_multiplies_the_rate_step_by_step_and_is_undone():
    x, y = line()
    optimizer = SGD(0.1)
    history = go(linear(), x, y, optimizer=optimizer, epochs=2, schedule=schedules.exponential(0.9))
    np.testing.assert_allclose(history.lr, 0.1 * schedules.exponential(0.9)(1) ** np.arange(16))
    assert optimizer.lr == 0.1


def test_a_penalty_shrinks_weights_and_not_biases():
    x, y = line()
    net = linear()
    go(net, x, np.zeros_like(y) + 1, epochs=200, penalty=L2(100.0), optimizer=SGD(0.005))
    assert abs(net.theta[0]) < 1e-3 and abs(net.theta[1] - 1) < 0.05


def test_the_penalty_counts_in_the_training_loss_and_not_in_the_validation_loss():
    x, y = line()
    net = linear()
    w = net.theta[0]
    plain = evaluate(net, x, y, mse)
    history = go(net, x, y, optimizer=SGD(0.0), epochs=1, batch_size=64, penalty=L2(3.0), validation=(x, y))
    assert history.loss[0] == pytest.approx(plain + 1.5 * w**2)
    assert history.validation_loss[0] == pytest.approx(plain)


def test_clipping_bounds_the_step():
    x, y = line()
    net = linear()
    before = net.theta.copy()
    go(net, x, 1e6 * y, epochs=1, batch_size=64, clip=lambda grad: clip_by_norm(grad, 0.5))
    assert np.linalg.norm(net.theta - before) == pytest.approx(0.1 * 0.5)


def test_early_stopping_hands_back_the_best_epochs_parameters():
    rng = np.random.default_rng(0)
    x, x_validation = rng.standard_normal((20, 3)), rng.standard_normal((200, 3))
    y, y_validation = (
        x[:, :1] + rng.standard_normal((20, 1)),
        x_validation[:, :1] + rng.standard_normal((200, 1)),
    )
    net = Network(Dense(3, 50, rng=rng), BatchNorm(50), Tanh(), Dense(50, 1, rng=rng))
    stopping = EarlyStopping(patience=5)
    history = go(
        net,
        x,
        y,
        optimizer=Adam(0.02),
        epochs=500,
        validation=(x_validation, y_validation),
        early_stopping=stopping,
    )
    best = min(history.validation_loss)
    assert history.stopped == "early"
    assert len(history.loss) == int(np.argmin(history.validation_loss)) + 1 + 5
    assert evaluate(net, x_validation, y_validation, mse) == pytest.approx(best, rel=1e-12)
    assert history.validation_loss[-1] > best


def test_labels_and_float32_work_together():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((90, 2))
    labels = (x[:, 0] > 0).astype(int)
    net = Network(Dense(2, 16, rng=rng), ReLU(), Dense(16, 2, rng=rng), dtype=np.float32)
    history = go(net, x, labels, softmax_cross_entropy, Adam(0.01), epochs=30)
    assert net.theta.dtype == np.float32 and history.loss[-1] < 0.2 * history.loss[0]


def test_ctrl_c_returns_the_history_so_far_with_the_weights_as_they_are():
    x, y = line()
    calls = []

    def interrupted(prediction, target):
        calls.append(1)
        if len(calls) == 20:
            raise KeyboardInterrupt
        return mse(prediction, target)

    net, reference = linear(), linear()
    history = go(net, x, y, interrupted, epochs=5)
    assert history.stopped == "interrupted"
    assert len(history.step_loss) == 19 and len(history.loss) == 2
    go(reference, x, y, epochs=2)
    assert (net.theta != reference.theta).any() and np.isfinite(net.theta).all()


def test_divergence_is_named_with_step_and_hint_and_the_history_is_kept():
    x, y = line()
    net, optimizer = linear(), SGD(1e50)
    with pytest.raises(Diverged, match=r"diverged in step \d+ \(epoch 1\) with SGD") as caught:
        go(net, x, y, optimizer=optimizer, schedule=schedules.constant())
    assert isinstance(caught.value, ValueError) and isinstance(caught.value.history, History)
    assert 1 <= len(caught.value.history.step_loss) < 8
    assert optimizer.lr == 1e50


def test_progress_is_shown_only_when_asked(capsys):
    x, y = line()
    go(linear(), x, y)
    assert capsys.readouterr().err == ""
    go(linear(), x, y, progress=True)
    assert "3/3" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(epochs=0), "epochs must be at least 1"),
        (dict(batch_size=0), "batch_size must be at least 1"),
        (dict(batch_size=2.5), "batch_size must be a whole number"),
        (dict(x=np.ones((3, 1))), r"y must have one entry per example \(3\), got 64"),
        (dict(x=np.full((64, 1), np.nan)), "x must be finite"),
        (dict(y=np.full((64, 1), np.inf)), "y must be finite"),
        (dict(early_stopping=EarlyStopping()), "validation must be given"),
        (dict(validation=(np.ones((2, 1)), np.ones((3, 1)))), "validation y must have one entry"),
    ],
)
def test_bad_input_is_refused_before_anything_changes(change, message):
    x, y = line()
    change = dict(change)
    x, y = change.pop("x", x), change.pop("y", y)
    net = linear()
    theta = net.theta.copy()
    with pytest.raises((ValueError, TypeError), match=message):
        go(net, x, y, **change)
    np.testing.assert_array_equal(net.theta, theta)


def test_an_integer_is_no_generator():
    x, y = line()
    with pytest.raises(TypeError, match="rng must be a numpy.random.Generator"):
        fit(linear(), x, y, mse, SGD(0.1), epochs=1, batch_size=8, rng=0)
    with pytest.raises(TypeError, match="rng must be"):
        list(minibatches(5, 2, 0))
