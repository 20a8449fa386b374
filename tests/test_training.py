import copy
import gc

import numpy as np
import pytest

from dlcore import schedules
from dlcore.layers import Dense, ReLU, Tanh
from dlcore.losses import mse, softmax_cross_entropy
from dlcore.network import Network
from dlcore.normalization import BatchNorm
from dlcore.optimizers import SGD, Adam
from dlcore.regularization import L2, EarlyStopping, clip_by_norm
from dlcore.training import Diverged, History, error_rate, evaluate, fit, minibatches, predict


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


# The loss is checked


def overflowing():
    return line(20)[0].astype(np.float32), np.full((20, 1), 1e20, np.float32)


@pytest.mark.parametrize("stopping", [None, EarlyStopping(patience=2)])
def test_an_infinite_loss_is_divergence_with_its_history(stopping):
    x, y = overflowing()
    net = Network(Dense(1, 1, rng=np.random.default_rng(0)), dtype=np.float32)
    with pytest.raises(Diverged, match=r"step 1 \(epoch 1\) .* the loss must be finite, got inf") as caught:
        go(net, x, y, validation=(x, y), early_stopping=stopping)
    assert caught.value.history.step_loss == []


def test_a_penalty_that_overflows_is_divergence():
    x, y = line()
    net = linear()
    net.theta[0] = 1e200
    with pytest.raises(Diverged, match="the loss must be finite, got inf"):
        go(net, 0 * x, y, penalty=L2(1.0))


def test_early_stopping_without_a_best_is_no_error():
    """Every validation loss is infinite: there is nothing to put back, and patience ends the training."""
    x, y = line(20)
    far = np.full((3, 1), 1e20, np.float32)
    net = Network(Dense(1, 1, rng=np.random.default_rng(0)), dtype=np.float32)
    history = go(
        net, x, y, epochs=9, validation=(far[:, :1] * 0, far), early_stopping=EarlyStopping(patience=3)
    )
    assert history.stopped == "early" and history.validation_loss == [np.inf] * 3
    assert np.isfinite(net.theta).all()


# on_step and start_step


def test_on_step_is_called_after_each_step_with_its_number():
    x, y = line()
    net, seen = linear(), []
    before = net.theta.copy()
    go(net, x, y, epochs=2, on_step=lambda step: seen.append((step, net.theta.copy())))
    assert [step for step, _ in seen] == list(range(16))
    assert (seen[0][1] != before).all()
    np.testing.assert_array_equal(seen[-1][1], net.theta)


def test_watching_changes_nothing():
    x, y = line()
    watched, plain = linear(), linear()
    go(watched, x, y, on_step=lambda step: None)
    go(plain, x, y)
    np.testing.assert_array_equal(watched.theta, plain.theta)


@pytest.mark.parametrize("last, epochs", [(10, 1), (7, 1), (15, 2)])
def test_on_step_ends_the_training_by_returning_true(last, epochs):
    x, y = line()
    net, reference = linear(), linear()
    history = go(net, x, y, epochs=5, on_step=lambda step: step == last, validation=(x, y))
    assert history.stopped == "on_step"
    assert len(history.step_loss) == len(history.lr) == last + 1
    assert len(history.loss) == len(history.validation_loss) == epochs  # whole ones only
    if last % 8 == 7:
        go(reference, x, y, epochs=epochs)
        np.testing.assert_array_equal(net.theta, reference.theta)


def test_on_step_changes_the_rate_until_the_end_of_the_training():
    x, y = line()
    optimizer = SGD(0.1)

    def drop(step):
        if step == 4:
            optimizer.lr = 0.01

    history = go(linear(), x, y, optimizer=optimizer, epochs=1, on_step=drop)
    assert history.lr == [0.1] * 5 + [0.01] * 3 and optimizer.lr == 0.1


def test_early_stopping_keeps_its_best_when_on_step_ends_the_training():
    x, y = line()
    net, stopping = linear(), EarlyStopping()
    history = go(net, x, y, epochs=5, validation=(x, y), early_stopping=stopping, on_step=lambda s: s == 20)
    assert history.stopped == "on_step" and len(history.loss) == 2
    assert evaluate(net, x, y, mse) == min(history.validation_loss) == stopping.best


def test_a_run_that_goes_on_takes_up_the_schedule_where_it_was():
    x, y = line()
    steps, schedule = [], schedules.exponential(0.9)
    history = go(linear(), x, y, epochs=1, schedule=schedule, start_step=100, on_step=steps.append)
    assert steps == list(range(100, 108))
    np.testing.assert_allclose(history.lr, [0.1 * schedule(step) for step in steps])
    with pytest.raises(Diverged, match=r"in step 10\d \(epoch 1\)"):
        go(linear(), x, y, optimizer=SGD(1e50), start_step=100)


@pytest.mark.parametrize(
    "change, error, message",
    [
        (dict(on_step=5), TypeError, "on_step must be a function of the step's number, got 5"),
        (dict(on_step=lambda step: step), TypeError, "on_step must return True to stop, .* got 0"),
        (dict(start_step=-1), ValueError, "start_step must be at least 0, got -1"),
        (dict(start_step=1.5), TypeError, "start_step must be a whole number"),
    ],
)
def test_wrong_watchers_are_refused(change, error, message):
    x, y = line()
    optimizer = SGD(0.1)
    with pytest.raises(error, match=message):
        go(linear(), x, y, optimizer=optimizer, schedule=schedules.exponential(0.5), **change)
    assert optimizer.lr == 0.1


# One optimizer, one network


def test_an_optimizer_does_not_carry_one_networks_memory_to_another():
    x, y = line()
    adam, first, second = Adam(0.1), linear(), linear(1)
    go(first, x, y, optimizer=adam)
    go(first, x, y, optimizer=adam)  # the same network goes on
    theta = second.theta.copy()
    with pytest.raises(ValueError, match=r"optimizer must not carry the memory of another .* after 48 steps"):
        go(second, x, y, optimizer=adam)
    np.testing.assert_array_equal(second.theta, theta)
    adam.reset()
    go(second, x, y, optimizer=adam)
    go(copy.deepcopy(first), x, y, optimizer=copy.deepcopy(adam))
    del second
    gc.collect()
    with pytest.raises(ValueError, match="optimizer must not carry the memory"):
        go(linear(1), x, y, optimizer=adam)


def test_an_optimizer_without_memory_moves_any_network():
    x, y = line()
    sgd, twin = SGD(0.1), linear()
    for net in (linear(), linear()):
        go(net, x, y, optimizer=sgd)
    go(twin, x, y)
    np.testing.assert_array_equal(net.theta, twin.theta)


# predict and error_rate


@pytest.mark.parametrize("x", [np.empty((0, 1)), [], 3.0])
def test_no_examples_are_refused_by_name(x):
    with pytest.raises(ValueError, match="x must hold at least one example, got shape"):
        predict(linear(), x)


def test_the_error_rate_of_sequences_counts_every_step():
    net = Network(Dense(2, 2, rng=np.random.default_rng(0)))
    net.theta[:] = [1, 0, 0, 1, 0, 0]
    x = np.eye(2)[[[0, 1, 1], [1, 0, 0]]]
    assert error_rate(net, x, [[0, 1, 0], [1, 0, 0]]) == pytest.approx(1 / 6)
    assert error_rate(net, x[:, 0], np.array([0, 0], np.int8)) == 0.5
    with pytest.raises(ValueError, match="y must be between 0 and 1, got 2"):  # two classes, three steps
        error_rate(net, x, [[0, 1, 2], [1, 0, 0]])


@pytest.mark.parametrize(
    "y, error, message",
    [
        ([0], ValueError, r"one label per example, shape \(2,\), got \(1,\)"),
        ([[0], [1]], ValueError, "one label per example"),
        ([0, 2], ValueError, "y must be between 0 and 1, got 2"),
        (["0", "1"], TypeError, "y must be whole numbers"),
        ([0.5, 1.0], TypeError, "y must be whole numbers"),
    ],
)
def test_the_error_rate_refuses_what_are_no_labels(y, error, message):
    net = Network(Dense(1, 2, rng=np.random.default_rng(0)))
    with pytest.raises(error, match=message):
        error_rate(net, np.ones((2, 1)), y)


def test_the_error_rate_needs_an_output_for_each_class():
    with pytest.raises(
        ValueError, match=r"net must have an output for each class, got outputs of shape \(2, 1\)"
    ):
        error_rate(linear(), np.ones((2, 1)), [0, 1])
