"""Losses: are value and gradient those of the formula, also where a naive form overflows?"""

import numpy as np
import pytest

from dlcore.losses import binary_cross_entropy, mse, softmax_cross_entropy


def examples(dtype=np.float64):
    rng = np.random.default_rng(0)
    yield mse, rng.normal(size=(5, 3)).astype(dtype), rng.normal(size=(5, 3))
    yield mse, rng.normal(size=7).astype(dtype), rng.normal(size=7)
    yield binary_cross_entropy, rng.normal(size=6).astype(dtype), np.array([0, 1, 1, 0, 1, 0])
    yield binary_cross_entropy, rng.normal(size=(6, 1)).astype(dtype), rng.random((6, 1))
    yield softmax_cross_entropy, rng.normal(size=(6, 4)).astype(dtype), np.array([0, 1, 2, 3, 3, 0])
    yield softmax_cross_entropy, rng.normal(size=(2, 3, 4)).astype(dtype), np.array([[0, 1, 2], [3, 3, 0]])
    yield (
        softmax_cross_entropy,
        rng.normal(size=(3, 2)).astype(dtype),
        np.array([[1, 0], [0.25, 0.75], [0.5, 0.5]]),
    )


def central_differences(loss, z, target, h=1e-6):
    gradient = np.empty_like(z)
    for i in np.ndindex(z.shape):
        e = np.zeros_like(z)
        e[i] = h
        gradient[i] = (loss(z + e, target)[0] - loss(z - e, target)[0]) / (2 * h)
    return gradient


def test_mse_of_a_small_example_is_that_computed_by_hand():
    loss, gradient = mse(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [3.0, 8.0]]))
    assert loss == (4 + 16) / 4
    np.testing.assert_array_equal(gradient, [[0, 1], [0, -2]])


def test_equal_logits_cost_the_logarithm_of_the_number_of_classes():
    for classes in (2, 3, 10):
        loss, gradient = softmax_cross_entropy(np.full((4, classes), 7.0), [0, 1, 0, 1])
        assert np.isclose(loss, np.log(classes), rtol=1e-15)
        np.testing.assert_allclose(gradient[0, 1:], 1 / classes / 4, rtol=1e-15)
    assert np.isclose(binary_cross_entropy(np.zeros(3), [0, 1, 0.5])[0], np.log(2), rtol=1e-15)


def test_two_class_softmax_is_the_binary_cross_entropy_of_the_difference_of_the_logits():
    z, labels = np.random.default_rng(1).normal(size=(9, 2)), np.arange(9) % 2
    two, d_two = softmax_cross_entropy(z, labels)
    one, d_one = binary_cross_entropy(z[:, 1] - z[:, 0], labels)
    assert np.isclose(two, one, rtol=1e-14)
    np.testing.assert_allclose(d_two[:, 1], d_one, rtol=1e-12, atol=1e-16)


def test_a_softmax_gradient_sums_to_zero_in_each_row():
    z = np.random.default_rng(2).normal(size=(8, 5), scale=10)
    _, gradient = softmax_cross_entropy(z, np.arange(8) % 5)
    np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=1e-16)


def test_adding_a_number_to_all_logits_of_a_row_changes_nothing():
    z, labels = np.random.default_rng(3).normal(size=(8, 5)), np.arange(8) % 5
    loss, gradient = softmax_cross_entropy(z, labels)
    shifted, d_shifted = softmax_cross_entropy(z + 100 * np.arange(8)[:, None], labels)
    assert np.isclose(loss, shifted, rtol=1e-12)
    np.testing.assert_allclose(gradient, d_shifted, rtol=1e-11)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_losses_are_right_at_plus_and_minus_a_thousand(dtype):
    z = np.array([[1000, -1000, 0], [1000, -1000, 0]], dtype)
    loss, gradient = softmax_cross_entropy(z, [0, 1])
    assert loss == 1000
    np.testing.assert_array_equal(gradient, [[0, 0, 0], [0.5, -0.5, 0]])
    loss, gradient = binary_cross_entropy(np.array([1000, -1000, 1000, -1000], dtype), [1, 0, 0, 1])
    assert loss == 500
    np.testing.assert_array_equal(gradient, [0, 0, 0.25, -0.25])
    loss, gradient = mse(np.array([1000], dtype), [-1000])
    assert loss == 4e6 and gradient == 4000


def test_squares_that_overflow_are_infinite_and_their_gradient_is_still_right():
    loss, gradient = mse(np.array([1e200, 0]), [0, 0])
    assert loss == np.inf
    np.testing.assert_array_equal(gradient, [1e200, 0])


def test_a_sure_and_right_answer_costs_what_is_left_of_its_doubt():
    loss, gradient = binary_cross_entropy(np.array([-700.0]), [0])
    assert np.isclose(loss, np.exp(-700.0), rtol=1e-12, atol=0)
    assert np.isclose(gradient[0], np.exp(-700.0), rtol=1e-12, atol=0)


@pytest.mark.parametrize(("loss", "z", "target"), examples(), ids=lambda v: getattr(v, "__name__", None))
def test_gradients_equal_central_differences(loss, z, target):
    np.testing.assert_allclose(
        loss(z, target)[1], central_differences(loss, z, target), rtol=1e-7, atol=1e-10
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_gradient_has_shape_and_dtype_of_the_first_argument_and_arguments_stay_as_they_were(dtype):
    for loss, z, target in examples(dtype):
        z_before, target_before = z.copy(), target.copy()
        value, gradient = loss(z, target)
        assert type(value) is float
        assert gradient.shape == z.shape and gradient.dtype == dtype
        assert not np.shares_memory(gradient, z)
        np.testing.assert_array_equal(z, z_before)
        np.testing.assert_array_equal(target, target_before)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_losses_and_gradients_equal_pytorchs(dtype):
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    theirs = {
        mse: F.mse_loss,
        binary_cross_entropy: F.binary_cross_entropy_with_logits,
        softmax_cross_entropy: F.cross_entropy,
    }
    tolerance = dict(rtol=1e-12, atol=1e-15) if dtype == "float64" else dict(rtol=2e-5, atol=1e-7)
    for loss, z, target in examples(dtype):
        for scale in (1, 30):
            scaled = z * z.dtype.type(scale)
            value, gradient = loss(scaled, target)
            z_t = torch.tensor(scaled, requires_grad=True)
            t = torch.tensor(target if target.dtype.kind == "i" else target.astype(dtype))
            if z.ndim == 3:
                value_t = theirs[loss](z_t.reshape(-1, 4), t.ravel())
            elif loss is not softmax_cross_entropy:
                value_t = theirs[loss](z_t, t.to(z_t.dtype))
            else:
                value_t = theirs[loss](z_t, t)
            value_t.backward()
            np.testing.assert_allclose(value, value_t.item(), **tolerance)
            np.testing.assert_allclose(gradient, z_t.grad.numpy(), **tolerance)


@pytest.mark.parametrize("loss", [mse, binary_cross_entropy])
def test_shapes_that_would_broadcast_are_refused(loss):
    for a, b in [((4, 1), (4,)), ((4,), (4, 1)), ((4,), (1,)), ((4, 1), (1, 1))]:
        with pytest.raises(ValueError, match="must have the shape of"):
            loss(np.zeros(a), np.zeros(b))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_in_logits_and_targets(bad):
    z = np.zeros((3, 2))
    z[1, 1] = bad
    for loss, target in [(mse, np.zeros((3, 2))), (softmax_cross_entropy, [0, 0, 0])]:
        with pytest.raises(ValueError, match=r"(logits|prediction) must be finite, .* at index \(1, 1\)"):
            loss(z, target)
    with pytest.raises(ValueError, match="logits must be finite"):
        binary_cross_entropy(z[:, 1], np.zeros(3))
    with pytest.raises(ValueError, match="target must be finite"):
        mse(np.zeros((3, 2)), z)
    with pytest.raises(ValueError, match="y must be finite"):
        binary_cross_entropy(np.zeros(3), z[:, 1])


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([0, 3], ValueError, "labels must be between 0 and 2, got 3 at index 1"),
        ([0, -1], ValueError, "labels must be between 0 and 2, got -1 at index 1"),
        ([0], ValueError, r"labels must have one entry per example \(2\), got 1"),
        (np.eye(4)[:2], ValueError, "labels must be a non-empty one-dimensional array"),
        ([0.5, 1], TypeError, "labels must be whole numbers"),
    ],
)
def test_labels_that_name_no_class_are_refused(labels, error, message):
    with pytest.raises(error, match=message):
        softmax_cross_entropy(np.zeros((2, 3)), labels)


def test_logits_of_the_wrong_shape_are_refused():
    with pytest.raises(ValueError, match=r"logits must have 2 or 3 axes, got shape \(3,\)"):
        softmax_cross_entropy(np.zeros(3), [0])
    with pytest.raises(ValueError, match=r"logits must have shape \(m,\) or \(m, 1\), got \(3, 2\)"):
        binary_cross_entropy(np.zeros((3, 2)), np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"logits must have shape \(m,\) or \(m, 1\), got \(\)"):
        binary_cross_entropy(0.0, 0.0)


@pytest.mark.parametrize("y", [-0.01, 1.01, 2])
def test_a_target_that_is_no_probability_is_refused(y):
    with pytest.raises(ValueError, match=f"y must be between 0 and 1, got {y}"):
        binary_cross_entropy(np.zeros(2), [0, y])


# Label smoothing, sequences, probabilities as targets


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("shape", [(6, 4), (2, 3, 4)])
def test_label_smoothing_equals_pytorchs(shape, smoothing):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    z, labels = rng.normal(size=shape, scale=5), rng.integers(0, 4, shape[:-1])
    loss, gradient = softmax_cross_entropy(z, labels, label_smoothing=smoothing)
    z_t = torch.tensor(z, requires_grad=True)
    flat = torch.tensor(labels.ravel())
    loss_t = torch.nn.functional.cross_entropy(z_t.reshape(-1, 4), flat, label_smoothing=smoothing)
    loss_t.backward()
    np.testing.assert_allclose(loss, loss_t.item(), rtol=1e-10)
    np.testing.assert_allclose(gradient, z_t.grad.numpy(), rtol=1e-10, atol=1e-15)


def test_smoothed_labels_are_the_mixture_of_the_label_and_all_classes():
    rng = np.random.default_rng(0)
    z, labels = rng.normal(size=(6, 4)), rng.integers(0, 4, 6)
    q = 0.8 * np.eye(4)[labels] + 0.2 / 4
    for smoothed, mixture in zip(softmax_cross_entropy(z, labels, 0.2), softmax_cross_entropy(z, q)):
        np.testing.assert_allclose(smoothed, mixture, rtol=1e-14)
    twice = softmax_cross_entropy(z, q, label_smoothing=0.5)
    np.testing.assert_allclose(twice[0], softmax_cross_entropy(z, 0.5 * q + 0.5 / 4)[0], rtol=1e-14)


def test_one_hot_rows_cost_what_their_labels_cost():
    z, labels = np.random.default_rng(1).normal(size=(9, 3)), np.arange(9) % 3
    loss, gradient = softmax_cross_entropy(z, labels)
    for dtype in (float, np.float32, int, bool):
        loss_1, gradient_1 = softmax_cross_entropy(z, np.eye(3, dtype=dtype)[labels])
        assert np.isclose(loss_1, loss, rtol=1e-14)
        np.testing.assert_allclose(gradient_1, gradient, rtol=1e-12, atol=1e-16)


def test_all_steps_of_all_sequences_count_alike():
    rng = np.random.default_rng(0)
    z, labels = rng.normal(size=(2, 3, 4)), rng.integers(0, 4, (2, 3))
    loss, gradient = softmax_cross_entropy(z, labels)
    flat_loss, flat_gradient = softmax_cross_entropy(z.reshape(6, 4), labels.ravel())
    assert loss == flat_loss
    np.testing.assert_array_equal(gradient.reshape(6, 4), flat_gradient)


def test_smoothing_is_safe_where_a_probability_vanishes():
    loss, gradient = softmax_cross_entropy([[1000.0, -1000.0]], [0], label_smoothing=0.5)
    assert loss == 500  # a quarter of 2,000
    np.testing.assert_array_equal(gradient, [[0.25, -0.25]])
    loss, _ = softmax_cross_entropy(np.array([[3e38, -3e38]], np.float32), [[1.0, 0.0]])
    assert loss == 0


def test_a_difference_of_logits_that_overflows_costs_infinity():
    loss, gradient = softmax_cross_entropy(np.array([[3e38, -3e38]], np.float32), [1])
    assert loss == np.inf
    np.testing.assert_array_equal(gradient, [[1, -1]])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([[0.5, 0.4]], r"labels must be probabilities, .* got \[0.5, 0.4\] in row 0"),
        ([[1.5, -0.5]], "labels must be probabilities"),
        ([[np.nan, 1.0]], "labels must be finite"),
    ],
)
def test_targets_that_are_no_probabilities_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        softmax_cross_entropy(np.zeros((1, 2)), labels)


def test_labels_of_sequences_have_one_entry_per_step():
    for labels in (np.zeros(6, int), np.zeros((3, 2), int), np.zeros((2, 3, 1), int)):
        with pytest.raises(ValueError, match=r"labels must have one entry per step \(2, 3\)"):
            softmax_cross_entropy(np.zeros((2, 3, 4)), labels)
    with pytest.raises(ValueError, match="labels must be between 0 and 3, got 4"):
        softmax_cross_entropy(np.zeros((2, 3, 4)), np.full((2, 3), 4))
    with pytest.raises(ValueError, match="label_smoothing must be between 0 and 1, got 1.5"):
        softmax_cross_entropy(np.zeros((1, 2)), [0], label_smoothing=1.5)


def test_float16_losses_are_summed_where_they_do_not_overflow():
    """100,000 examples that cost 10 each: their sum is no float16, their mean is."""
    z = np.tile(np.array([[10, 0]], np.float16), (100_000, 1))
    loss, gradient = softmax_cross_entropy(z, np.ones(100_000, np.int8))
    assert loss == pytest.approx(10, rel=1e-4) and gradient.dtype == np.float16
    loss, gradient = binary_cross_entropy(z[:, 0], np.zeros(100_000))
    assert loss == pytest.approx(10, rel=1e-4) and gradient.dtype == np.float16
    loss, gradient = mse(z, np.zeros_like(z))
    assert loss == 50 and gradient.dtype == np.float16 and gradient[0, 0] == np.float16(20 / 200_000)
    loss, gradient = mse(np.full(4, 6e4, np.float16), np.full(4, -6e4, np.float16))
    assert loss == pytest.approx(1.2e5**2, rel=1e-3) and np.isfinite(gradient).all()


@pytest.mark.parametrize("classes", [3, 100])
def test_the_order_of_the_logits_in_memory_makes_no_difference(classes):
    rng = np.random.default_rng(11)
    z, y = rng.standard_normal((5, classes)), rng.integers(0, classes, 5)
    loss, gradient = softmax_cross_entropy(z, y)
    for other in (np.asfortranarray(z), np.repeat(z, 2, axis=1)[:, ::2], np.flip(np.flip(z).copy())):
        again, its_gradient = softmax_cross_entropy(other, y)
        assert again == loss
        np.testing.assert_array_equal(its_gradient, gradient)
