from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcore import checks, compiling
from dlcore import optimizers as opt
from dlcore.gradient_check import check
from dlcore.layers import Dense, Tanh
from dlcore.losses import mse
from dlcore.network import Network
from dlcore.optimizers import compiled
from dlcore.optimizers.equation import trace
from dlcore.optimizers.line_search import Line

ALL = {
    "sgd": lambda lr: opt.SGD(lr),
    "momentum": lambda lr: opt.Momentum(lr, 0.8),
    "averaged momentum": lambda lr: opt.Momentum(lr, 0.8, dampening=0.8),
    "nesterov": lambda lr: opt.Nesterov(lr, 0.8),
    "adagrad": lambda lr: opt.AdaGrad(lr),
    "adadelta": lambda lr: opt.AdaDelta(lr),
    "rmsprop": lambda lr: opt.RMSprop(lr, 0.9),
    "adam": lambda lr: opt.Adam(lr),
    "adamw": lambda lr: opt.AdamW(lr, weight_decay=0.1),
    "lion": lambda lr: opt.Lion(lr, weight_decay=0.1),
}
every_optimizer = pytest.mark.parametrize("make", ALL.values(), ids=ALL)


def run(optimizer, theta, gradients):
    for g in gradients:
        optimizer.step(theta, g)
    return theta


def papers_adam(theta, gradients, lr, beta1, beta2, eps):
    """Algorithm 1 of Kingma & Ba, in their order and letters."""
    m, v = 0, 0
    for t, g in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        theta = theta - lr * m_hat / (np.sqrt(v_hat) + eps)
    return theta


def test_adam_is_algorithm_1():
    gradients = np.random.default_rng(0).standard_normal((30, 5))
    expected = papers_adam(np.ones(5), gradients, 0.1, 0.8, 0.95, 1e-3)
    np.testing.assert_allclose(
        run(opt.Adam(0.1, 0.8, 0.95, 1e-3), np.ones(5), gradients), expected, rtol=1e-13
    )


def test_momentum_under_a_steady_gradient_moves_by_the_geometric_series():
    ball, theta, moved = opt.Momentum(0.1, 0.5), np.zeros(1), []
    for _ in range(20):
        before = theta.copy()
        ball.step(theta, np.array([-1.0]))
        moved.append((theta - before)[0])
    np.testing.assert_allclose(moved, 0.1 * (1 - 0.5 ** np.arange(1, 21)) / (1 - 0.5))


def test_averaged_momentum_is_the_textbook_form_at_a_smaller_rate_once_the_start_is_forgotten():
    gradients = np.random.default_rng(1).standard_normal((200, 3))
    averaged, textbook = opt.Momentum(1.0, 0.5, dampening=0.5), opt.Momentum(0.5, 0.5)
    run(averaged, np.zeros(3), gradients[:-1]), run(textbook, np.zeros(3), gradients[:-1])
    last_averaged, last_textbook = np.zeros(3), np.zeros(3)
    averaged.step(last_averaged, gradients[-1]), textbook.step(last_textbook, gradients[-1])
    np.testing.assert_allclose(last_averaged, last_textbook)


def test_nesterov_equals_look_ahead_then_step_back():
    """The paper keeps theta and takes the gradient at theta - lr * momentum * v; ours keeps theta ahead."""
    A, lr, mu = np.diag([1.0, 10.0]), 0.05, 0.9
    theta, v = np.array([3.0, 2.0]), np.zeros(2)
    ahead, nesterov = theta.copy(), opt.Nesterov(lr, mu)
    for _ in range(25):
        v = mu * v + A @ (theta - lr * mu * v)
        theta = theta - lr * v
        nesterov.step(ahead, A @ ahead)
        np.testing.assert_allclose(ahead, theta - lr * mu * v, atol=1e-12)


def test_adagrads_steps_shrink_like_one_over_the_root_of_t():
    theta = run(opt.AdaGrad(1.0), np.zeros(1), -np.full((50, 1), 3.0))
    np.testing.assert_allclose(theta, np.sum(1 / np.sqrt(np.arange(1, 51))))


@every_optimizer
def test_each_coordinate_moves_as_if_it_were_alone(make):
    gradients = np.random.default_rng(2).standard_normal((10, 3))
    together = run(make(0.1), np.ones(3), gradients)
    alone = [run(make(0.1), np.ones(1), gradients[:, [i]])[0] for i in range(3)]
    np.testing.assert_allclose(together, alone, rtol=1e-14)


@pytest.mark.parametrize("name", ["adagrad", "rmsprop", "adam"])
def test_adaptive_steps_do_not_depend_on_the_gradients_unit(name):
    gradients = np.random.default_rng(3).standard_normal((20, 4))
    plain, scaled = (run(ALL[name](0.1), np.ones(4), c * gradients) for c in (1.0, 1e3))
    np.testing.assert_allclose(plain, scaled, rtol=1e-5)


@every_optimizer
def test_every_method_goes_down_a_bowl(make):
    theta = np.array([1.0, -1.0])
    optimizer = make(0.05)
    for _ in range(300):
        optimizer.step(theta, theta * [1.0, 3.0])
    assert 0.5 * (theta * [1.0, 3.0]) @ theta < (1.9 if isinstance(optimizer, opt.AdaDelta) else 0.05)


@every_optimizer
def test_blocks_change_no_bit(make):
    gradients = np.random.default_rng(4).standard_normal((5, 1000))
    blocked = make(0.1)
    blocked.block = 64
    np.testing.assert_array_equal(
        run(blocked, np.ones(1000), gradients), run(make(0.1), np.ones(1000), gradients)
    )


@every_optimizer
def test_any_shape_and_float32_are_kept_and_the_array_itself_is_changed(make):
    theta = np.ones((3, 4), np.float32)
    view = theta[1]
    make(0.1).step(theta, np.ones((3, 4), np.float32))
    assert theta.dtype == np.float32 and (view != 1).all()


def test_the_memory_can_be_read_by_name_in_thetas_shape():
    adam = opt.Adam(beta1=0.5, beta2=0.75)
    assert adam.memory == {}
    adam.step(np.zeros((2, 2)), np.full((2, 2), 4.0))
    assert list(adam.memory) == ["m", "v"]
    np.testing.assert_array_equal(adam.memory["m"], np.full((2, 2), 2.0))
    np.testing.assert_array_equal(adam.memory["v"], np.full((2, 2), 4.0))


@every_optimizer
def test_reset_makes_it_new(make):
    gradients = np.random.default_rng(5).standard_normal((6, 3))
    optimizer = make(0.1)
    first = run(optimizer, np.ones(3), gradients)
    assert optimizer.t == 6
    optimizer.reset()
    assert optimizer.t == 0
    np.testing.assert_array_equal(run(optimizer, np.ones(3), gradients), first)


@every_optimizer
def test_a_nan_gradient_is_refused_with_step_and_hint_and_nothing_changes(make):
    optimizer, theta = make(0.1), np.ones(3)
    optimizer.step(theta, np.ones(3))
    kept = theta.copy()
    with pytest.raises(opt.NonFiniteGradient, match=r"index \(1,\), in step 2 of .*smaller learning rate"):
        optimizer.step(theta, np.array([1.0, np.nan, 1.0]))
    np.testing.assert_array_equal(theta, kept)
    assert optimizer.t == 1
    optimizer.step(theta, np.ones(3))
    np.testing.assert_array_equal(theta, run(make(0.1), np.ones(3), np.ones((2, 3))))


@every_optimizer
def test_a_vector_of_another_size_is_refused_until_reset(make):
    optimizer = make(0.1)
    optimizer.step(np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match=r"shape \(3,\) of the first step, got \(4,\)"):
        optimizer.step(np.ones(4), np.ones(4))
    optimizer.reset()
    optimizer.step(np.ones(4), np.ones(4))


@every_optimizer
def test_what_cannot_be_changed_in_place_is_refused(make):
    for theta in ([1.0, 2.0], np.array([1, 2]), 3.0):
        with pytest.raises(TypeError, match="theta must be a NumPy array of floats"):
            make(0.1).step(theta, np.ones(2))
    with pytest.raises(ValueError, match="grad must have theta's shape"):
        make(0.1).step(np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match="contiguous"):
        make(0.1).step(np.ones((4, 2))[:, 0], np.ones(4))


@pytest.mark.parametrize(
    "make, name",
    [
        (lambda: opt.SGD(-0.1), "lr"),
        (lambda: opt.SGD(np.nan), "lr"),
        (lambda: opt.Momentum(0.1, 1.0), "momentum"),
        (lambda: opt.Momentum(0.1, 0.9, 1.5), "dampening"),
        (lambda: opt.Nesterov(0.1, -0.1), "momentum"),
        (lambda: opt.AdaGrad(0.1, eps=0), "eps"),
        (lambda: opt.AdaDelta(rho=1.0), "rho"),
        (lambda: opt.RMSprop(rho=-1), "rho"),
        (lambda: opt.Adam(beta1=1.0), "beta1"),
        (lambda: opt.Adam(beta2=1.5), "beta2"),
        (lambda: opt.Adam(eps=-1e-8), "eps"),
        (lambda: opt.AdamW(weight_decay=-1), "weight_decay"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(make, name):
    with pytest.raises(ValueError, match=f"{name} must be"):
        make()


def test_an_optimizer_prints_its_settings():
    assert repr(opt.Adam(0.01)) == "Adam(lr=0.01, beta1=0.9, beta2=0.999, eps=1e-08)"


def torch_pairs(torch):
    o = torch.optim
    return {
        "SGD": (lambda lr, a, b: opt.SGD(lr), lambda p, lr, a, b: o.SGD(p, lr)),
        "Momentum": (
            lambda lr, a, b: opt.Momentum(lr, a, b),
            lambda p, lr, a, b: o.SGD(p, lr, momentum=a, dampening=b),
        ),
        "Nesterov": (
            lambda lr, a, b: opt.Nesterov(lr, a + 0.01),
            lambda p, lr, a, b: o.SGD(p, lr, momentum=a + 0.01, nesterov=True),
        ),
        "AdaGrad": (lambda lr, a, b: opt.AdaGrad(lr), lambda p, lr, a, b: o.Adagrad(p, lr)),
        "AdaDelta": (
            lambda lr, a, b: opt.AdaDelta(lr, rho=a),
            lambda p, lr, a, b: o.Adadelta(p, lr, rho=a),
        ),
        "RMSprop": (lambda lr, a, b: opt.RMSprop(lr, rho=b), lambda p, lr, a, b: o.RMSprop(p, lr, alpha=b)),
        "Adam": (lambda lr, a, b: opt.Adam(lr, a, b), lambda p, lr, a, b: o.Adam(p, lr, betas=(a, b))),
        "AdamW": (
            lambda lr, a, b: opt.AdamW(lr, a, b, weight_decay=0.1),
            lambda p, lr, a, b: o.AdamW(p, lr, betas=(a, b), weight_decay=0.1),
        ),
    }


DEFAULTS = {"SGD", "Momentum", "Nesterov", "AdaGrad", "AdaDelta", "RMSprop", "Adam", "AdamW"}


@pytest.mark.parametrize("name", sorted(DEFAULTS))
@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    lr=st.floats(1e-4, 1.0),
    a=st.floats(0.0, 0.98),
    b=st.floats(0.0, 0.98),
    scale=st.sampled_from([1e-3, 1.0, 1e3]),
    seed=st.integers(0, 2**32 - 1),
)
def test_forty_steps_equal_pytorchs(name, lr, a, b, scale, seed):
    torch = pytest.importorskip("torch")
    ours_of, theirs_of = torch_pairs(torch)[name]
    rng = np.random.default_rng(seed)
    theta, gradients = rng.standard_normal(7), scale * rng.standard_normal((40, 7))
    parameter = torch.tensor(theta, requires_grad=True)
    ours, theirs = ours_of(lr, a, b), theirs_of([parameter], lr, a, b)
    for g in gradients:
        ours.step(theta, g)
        parameter.grad = torch.tensor(g)
        theirs.step()
    np.testing.assert_allclose(theta, parameter.detach().numpy(), rtol=1e-10, atol=1e-10 * max(scale * lr, 1))


def test_defaults_are_pytorchs():
    torch = pytest.importorskip("torch")
    p = [torch.zeros(1, requires_grad=True)]
    adam, adagrad = torch.optim.Adam(p).defaults, torch.optim.Adagrad(p).defaults
    adadelta, rmsprop = torch.optim.Adadelta(p).defaults, torch.optim.RMSprop(p).defaults
    ours = opt.Adam()
    assert (ours.lr, (ours.beta1, ours.beta2), ours.eps) == (adam["lr"], adam["betas"], adam["eps"])
    assert (opt.AdaGrad().lr, opt.AdaGrad().eps) == (adagrad["lr"], adagrad["eps"])
    ours = opt.AdaDelta()
    assert (ours.lr, ours.rho, ours.eps) == (adadelta["lr"], adadelta["rho"], adadelta["eps"])
    ours = opt.RMSprop()
    assert (ours.lr, ours.rho, ours.eps) == (rmsprop["lr"], rmsprop["alpha"], rmsprop["eps"])
    assert opt.AdamW().weight_decay == torch.optim.AdamW(p).defaults["weight_decay"]


def quadratic(A, minimum):
    """f = 1/2 (theta - minimum)' A (theta - minimum)."""

    def f_and_grad(theta):
        g = A @ (theta - minimum)
        return 0.5 * g @ (theta - minimum), g

    return f_and_grad


def bowl(n, seed=0, condition=100.0):
    """A quadratic with eigenvalues from 1 to `condition`, its matrix, its minimum."""
    rng = np.random.default_rng(seed)
    Q, _ = np.linalg.qr(rng.standard_normal((n, n)))
    A, minimum = Q @ np.diag(np.geomspace(1, condition, n)) @ Q.T, rng.standard_normal(n)
    return quadratic(A, minimum), A, minimum


def rosenbrock(theta):
    """Any even number of dimensions, minimum 0 at (1, ..., 1)."""
    x, y = theta[::2], theta[1::2]
    g = np.empty_like(theta)
    g[::2], g[1::2] = -2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)
    return np.sum((1 - x) ** 2 + 100 * (y - x * x) ** 2), g


def saddle(theta):
    """x^2 - y^2 + y^4 / 2: a saddle at 0, minima at y = +-1."""
    x, y = theta
    return x * x - y * y + y**4 / 2, np.array([2 * x, -2 * y + 2 * y**3])


def logistic(seed=0, strength=0.01):
    """Logistic regression on 60 examples with 5 features, and a penalty that makes its minimum unique."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((60, 5))
    t = np.where(X @ rng.standard_normal(5) + rng.standard_normal(60) > 0, 1.0, -1.0)

    def f_and_grad(theta):
        z = t * (X @ theta)
        loss = np.mean(np.logaddexp(0, -z)) + 0.5 * strength * theta @ theta
        return loss, -(t / (1 + np.exp(z))) @ X / 60 + strength * theta

    return f_and_grad


def network_loss():
    """The full-batch loss of a small network as a function of its vector, and the network."""
    rng = np.random.default_rng(0)
    x = np.linspace(-1, 1, 20)[:, None]
    net = Network(Dense(1, 4, rng=rng), Tanh(), Dense(4, 1, rng=rng))

    def f_and_grad(theta):
        net.theta[:] = theta
        loss, dy = mse(net.forward(x), np.sin(3 * x))
        net.backward(dy, input_gradient=False)
        return loss, net.grad

    return f_and_grad, net


SECOND_ORDER = {
    "newton": lambda: opt.Newton(),
    "damped newton": lambda: opt.Newton(damping=0.1, line_search=opt.strong_wolfe),
    "newton, backtracking": lambda: opt.Newton(line_search=opt.backtracking),
    "lbfgs": lambda: opt.LBFGS(),
    "lbfgs, one pair": lambda: opt.LBFGS(history=1),
    "lbfgs, backtracking": lambda: opt.LBFGS(line_search=opt.backtracking),
}
every_second_order = pytest.mark.parametrize("make", SECOND_ORDER.values(), ids=SECOND_ORDER)


@pytest.mark.parametrize("own_hessian", [True, False])
def test_newton_solves_a_quadratic_in_one_step(own_hessian):
    f_and_grad, A, minimum = bowl(6, condition=1e3)
    path = opt.Newton(hessian=(lambda theta: A) if own_hessian else None).minimize(
        f_and_grad, np.ones(6), steps=1, tolerance=1e-12
    )
    np.testing.assert_allclose(path.theta[1], minimum, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(path.evaluations, [1, 2 if own_hessian else 2 + 2 * 6])


def test_near_a_minimum_newtons_right_digits_double():
    path = opt.Newton(hessian=lambda theta: np.diag(np.exp(theta))).minimize(
        lambda theta: (np.sum(np.exp(theta) - theta), np.exp(theta) - 1), [0.5], steps=4, tolerance=0.0
    )
    error = abs(path.theta[:, 0])
    np.testing.assert_allclose(error[1:] / error[:-1] ** 2, 0.5, rtol=0.2)


def test_newton_walks_into_the_saddle_that_damping_and_lbfgs_leave():
    start = [0.5, 0.1]
    assert opt.Newton().minimize(saddle, start, steps=20).stopped == "converged"
    np.testing.assert_allclose(opt.Newton().minimize(saddle, start, steps=20).theta[-1], 0, atol=1e-6)
    for method in (opt.Newton(damping=3.0, line_search=opt.strong_wolfe), opt.LBFGS()):
        np.testing.assert_allclose(method.minimize(saddle, start, steps=200).theta[-1], [0, 1], atol=1e-5)


def test_newton_with_a_line_search_says_that_it_would_go_uphill():
    for search in (opt.strong_wolfe, opt.backtracking):
        path = opt.Newton(line_search=search).minimize(saddle, [0.0, 0.1], steps=20)
        assert path.stopped == "uphill" and len(path.theta) == 1


def test_strong_damping_is_a_short_step_along_the_gradient():
    f_and_grad, _, _ = bowl(4)
    path = opt.Newton(damping=1e8).minimize(f_and_grad, np.ones(4), steps=1)
    np.testing.assert_allclose(path.theta[1] - path.theta[0], -f_and_grad(np.ones(4))[1] / 1e8, rtol=1e-4)


def test_damped_newton_solves_its_equation():
    f_and_grad, A, _ = bowl(4)
    path = opt.Newton(damping=2.0, hessian=lambda theta: A).minimize(f_and_grad, np.ones(4), steps=1)
    p = path.theta[1] - path.theta[0]
    np.testing.assert_allclose(A @ p + 2 * p, -f_and_grad(np.ones(4))[1], rtol=1e-10)


def test_a_numerical_hessian_is_the_hessian():
    x, y = 1.3, 0.7
    expected = [[2 - 400 * (y - x * x) + 800 * x * x, -400 * x], [-400 * x, 200]]
    H = opt.numerical_hessian(rosenbrock, np.array([x, y]))
    np.testing.assert_allclose(H, expected, rtol=1e-8)
    np.testing.assert_array_equal(H, H.T)
    far = opt.numerical_hessian(lambda theta: (np.sum(theta**3), 3 * theta**2), np.array([1e6, -1e-6]))
    np.testing.assert_allclose(far, np.diag([6e6, -6e-6]), rtol=1e-6, atol=1e-8)


def exact_on_a_quadratic(phi, alpha):
    """The slope along a line is linear there: two of them give its zero."""
    slope_0, slope_1 = phi(0.0)[1], phi(1.0)[1]
    return slope_0 / (slope_0 - slope_1)


def test_lbfgs_with_exact_line_searches_walks_the_conjugate_gradients_path_and_ends_after_n_steps():
    n = 6
    f_and_grad, A, minimum = bowl(n, condition=30.0)
    theta, expected = np.ones(n), [np.ones(n)]
    r = p = -f_and_grad(theta)[1]
    for _ in range(n):
        alpha = r @ r / (p @ A @ p)
        theta = theta + alpha * p
        r_next = r - alpha * A @ p
        p = r_next + (r_next @ r_next) / (r @ r) * p
        r = r_next
        expected.append(theta)
    path = opt.LBFGS(line_search=exact_on_a_quadratic).minimize(
        f_and_grad, np.ones(n), steps=n, tolerance=1e-9
    )
    np.testing.assert_allclose(path.theta, expected, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(path.theta[-1], minimum, rtol=1e-8)


def papers_bfgs_matrix(pairs, n):
    """Nocedal & Wright's equation 6.17 in dense matrices, from H_0 = gamma I."""
    s, y = pairs[-1]
    H = (s @ y) / (y @ y) * np.eye(n)
    for s, y in pairs:
        rho = 1 / (y @ s)
        V = np.eye(n) - rho * np.outer(y, s)
        H = V.T @ H @ V + rho * np.outer(s, s)
    return H


@settings(max_examples=25, deadline=None, derandomize=True)
@given(n=st.integers(1, 6), count=st.integers(1, 5), seed=st.integers(0, 2**32 - 1))
def test_two_loops_are_the_product_with_the_bfgs_matrix(n, count, seed):
    rng = np.random.default_rng(seed)
    _, A, _ = bowl(n, seed)
    pairs = [(s, A @ s) for s in rng.standard_normal((count, n))]
    g = rng.standard_normal(n)
    kept = g.copy()
    H = papers_bfgs_matrix(pairs, n)
    np.testing.assert_allclose(opt.two_loop(g, pairs), H @ g, rtol=1e-7, atol=1e-8 * np.linalg.norm(H))
    np.testing.assert_array_equal(g, kept)
    s, y = pairs[-1]
    np.testing.assert_allclose(opt.two_loop(y, pairs), s, rtol=1e-7, atol=1e-8)  # the secant equation


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    first=st.sampled_from([1e-3, 0.1, 1.0, 30.0, 1e3]),
    constants=st.sampled_from([(1e-4, 0.01), (1e-4, 0.9), (0.3, 0.4)]),
    waves=st.sampled_from([0.0, 3.0, 12.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_step_that_strong_wolfe_accepts_obeys_both_conditions_and_is_the_lowest_it_tried(
    first, constants, waves, seed
):
    c1, c2 = constants
    a, b, height = np.random.default_rng(seed).uniform(0.2, 3.0, 3)
    tried = {}

    def phi(alpha):
        """A bowl with waves that goes down at 0."""
        tried[alpha] = a * (alpha - b) ** 2 - height * np.sin(waves * alpha)
        return tried[alpha], 2 * a * (alpha - b) - height * waves * np.cos(waves * alpha)

    alpha = opt.strong_wolfe(phi, first, c1=c1, c2=c2)
    (phi_0, slope_0), (value, slope) = phi(0.0), phi(alpha)
    assert slope_0 < 0 < alpha
    assert value <= phi_0 + c1 * alpha * slope_0
    assert abs(slope) <= c2 * abs(slope_0)
    assert value == min(v for length, v in tried.items() if v <= phi_0 + c1 * length * slope_0)


def test_strong_wolfe_does_not_run_past_a_dip_that_its_doubling_crossed():
    """At 1 and 2 the line falls steeply, and 2 has sufficient decrease, but is higher: a dip lies between."""

    def phi(alpha):
        u = np.clip((alpha - 1.2) / 0.6, 0, 1)
        return -alpha + 1.1 * (3 * u**2 - 2 * u**3), -1 + 1.1 * 6 * u * (1 - u) / 0.6

    assert 1 < opt.strong_wolfe(phi, 1.0, c2=0.5) < 2


def test_strong_wolfe_takes_the_first_length_if_it_will_do_and_searches_with_few_evaluations():
    seen = []

    def phi(alpha):
        seen.append(alpha)
        return (alpha - 3) ** 2, 2 * (alpha - 3)

    assert opt.strong_wolfe(phi, 2.5) == 2.5 and set(seen) == {0.0, 2.5}
    seen.clear()
    assert opt.strong_wolfe(phi, 100.0, c2=0.01) == pytest.approx(3.0)
    assert (
        len(set(seen)) <= 5
    )  # a cubic through the ends is exact on a parabola, once the ends are near enough
    seen.clear()
    assert opt.strong_wolfe(phi, 0.01, c2=0.01) == pytest.approx(3.0)
    assert sorted(set(seen))[:4] == [0.0, 0.01, 0.02, 0.04]
    seen.clear()
    assert opt.strong_wolfe(phi, 1.75, c2=0.01) == pytest.approx(3.0)
    assert sorted(set(seen)) == pytest.approx([0.0, 1.75, 3.0, 3.5])  # also backwards, from the lower end 3.5


def test_a_flat_shelf_above_a_point_already_found_is_not_accepted():
    """Doubling finds -1 at 1, and -3 past the bottom at 2: the shelf at -1.5 is flat, the bottom near 2."""

    def phi(alpha):
        if alpha in (0, 1):
            return -alpha, -1.0
        return (-3.0, 1.0) if alpha == 2 else (-1.5, 0.0) if alpha < 1.9 else (-3.1, 0.0)

    assert 1.9 <= opt.strong_wolfe(phi, 1.0, c2=0.5) < 2


def test_at_a_kink_the_lowest_point_is_taken_although_no_point_is_flat():
    bottom = opt.strong_wolfe(lambda alpha: (abs(alpha - 1.3), 1.0 if alpha > 1.3 else -1.0), 1.0, c2=0.5)
    assert bottom == pytest.approx(1.3, abs=1e-3)


def test_zoom_halves_where_a_cubic_would_only_creep():
    """A wall on one side pulls the cubic's minimum to the other end: without halving the trials run out."""

    def phi(alpha):
        """Slope -1 before 1.3, slope 100 after it, and a narrow bend between."""
        x, root = alpha - 1.3, np.hypot(alpha - 1.3, 1e-3)
        return 50.5 * root + 49.5 * x, 50.5 * x / root + 49.5

    assert abs(phi(opt.strong_wolfe(phi, 2.0, c2=0.1))[1]) <= 0.1


def test_a_search_shortens_steps_that_leave_the_domain():
    def barrier(theta):
        """x - log(x), not a number for x < 0."""
        return np.sum(theta - np.log(theta)), 1 - 1 / theta

    for search in (opt.strong_wolfe, opt.backtracking):
        path = opt.LBFGS(line_search=search).minimize(barrier, [100.0, 0.01], steps=100)
        np.testing.assert_allclose(path.theta[-1], 1, atol=1e-5)
        assert (path.theta > 0).all()


def test_on_a_slope_without_end_strong_wolfe_takes_the_longest_step_it_tried():
    assert opt.strong_wolfe(lambda alpha: (-alpha, -1.0), 1.0, trials=5) == 16.0
    assert opt.strong_wolfe(lambda alpha: (alpha, 1.0), 1.0) is None
    assert (
        opt.strong_wolfe(lambda alpha: (float(alpha > 0), -1.0), 1.0) is None
    )  # a slope that the values deny


def test_backtracking_halves_until_the_decrease_is_sufficient():
    seen = []

    def phi(alpha):
        seen.append(alpha)
        return (alpha - 1) ** 2, 2 * (alpha - 1)

    assert opt.backtracking(phi, 8.0) == 1.0
    assert seen == [0.0, 8.0, 4.0, 2.0, 1.0]
    assert opt.backtracking(phi, 8.0, shrink=0.2, c1=0.5) == pytest.approx(0.32)
    assert opt.backtracking(lambda alpha: (0.0, 0.0), 1.0) is None
    assert opt.backtracking(lambda alpha: (float(alpha > 0), -1.0), 1.0) is None


def test_a_pair_against_the_curvature_condition_is_left_out():
    """Where a surface curves downwards full steps bring s'y < 0; with that pair p would go uphill."""
    hill = quadratic(np.diag([-1.0, -4.0]), np.zeros(2))
    lbfgs = opt.LBFGS(line_search=opt.full_step)
    path = lbfgs.minimize(hill, [0.1, 0.1], steps=5)
    for k in range(5):
        p, g = path.theta[k + 1] - path.theta[k], hill(path.theta[k])[1]
        assert p @ g < 0
        np.testing.assert_allclose(p, -g * path.alpha[k])  # no pair was ever kept
    assert (np.diff(path.loss) < 0).all()


def test_only_the_last_pairs_are_kept():
    f_and_grad, _, _ = bowl(8)
    short, long = (
        opt.LBFGS(history=h).minimize(f_and_grad, np.ones(8), steps=6, tolerance=0.0).theta for h in (2, 20)
    )
    np.testing.assert_array_equal(short[:4], long[:4])  # until a third pair would be used
    assert (short[4] != long[4]).any()


def test_lbfgs_begins_along_the_gradient_with_a_step_no_longer_than_1_and_goes_on_with_1():
    f_and_grad, _, _ = bowl(5, condition=1.5)
    path = opt.LBFGS(line_search=opt.full_step).minimize(lambda t: f_and_grad(t), 100 * np.ones(5), steps=4)
    g = f_and_grad(path.theta[0])[1]
    np.testing.assert_allclose(path.theta[1] - path.theta[0], -g / np.linalg.norm(g))
    np.testing.assert_array_equal(path.alpha[1:], 1)
    near = opt.LBFGS(line_search=opt.full_step).minimize(
        f_and_grad, bowl(5, condition=1.5)[2] + 0.01, steps=1
    )
    assert near.alpha[0] == 1


@every_second_order
def test_every_second_order_method_finds_the_bottom(make):
    f_and_grad, _, minimum = bowl(5, condition=20.0)
    path = make().minimize(f_and_grad, np.ones(5), steps=300, tolerance=1e-6)
    assert path.stopped == "converged"
    np.testing.assert_allclose(path.theta[-1], minimum, atol=2e-6)


@every_second_order
def test_the_path_holds_what_f_and_grad_says_at_its_points(make):
    calls = []

    def f_and_grad(theta):
        calls.append(theta.copy())
        return logistic()(theta)

    start = np.full(5, 0.5)
    path = make().minimize(f_and_grad, start, steps=4, tolerance=1e-12)
    steps = len(path.alpha)
    assert steps == 4 and path.stopped == "finished"
    assert path.theta.shape == (5, 5)
    np.testing.assert_array_equal(path.theta[0], start)
    for theta, loss, norm, evaluations in zip(path.theta, path.loss, path.gradient_norm, path.evaluations):
        expected, g = logistic()(theta)
        assert loss == expected and norm == pytest.approx(np.linalg.norm(g))
        np.testing.assert_array_equal(calls[evaluations - 1], theta)
    assert path.evaluations[0] == 1 and path.evaluations[-1] == len(calls)


@every_second_order
def test_a_second_minimization_remembers_nothing_of_the_first(make):
    method = make()
    first = method.minimize(logistic(), np.ones(5), steps=5)
    method.minimize(bowl(5)[0], np.zeros(5), steps=5)
    np.testing.assert_array_equal(method.minimize(logistic(), np.ones(5), steps=5).theta, first.theta)


@every_second_order
def test_a_start_without_slope_is_where_it_ends(make):
    path = make().minimize(saddle, np.zeros(2), steps=5)
    assert path.stopped == "converged" and path.theta.shape == (1, 2) and path.alpha.shape == (0,)
    assert "converged after 0 steps, 1 evaluations" in repr(path)


@every_second_order
def test_a_path_in_float32_stays_in_float32(make):
    f_and_grad, _, minimum = bowl(3, condition=5.0)
    seen = set()

    def in_float32(theta):
        seen.add(theta.dtype)
        return f_and_grad(theta)

    path = make().minimize(in_float32, np.ones(3, np.float32), steps=100, tolerance=1e-3)
    assert path.theta.dtype == np.float32 and seen == {np.dtype(np.float32)}
    np.testing.assert_allclose(path.theta[-1], minimum, atol=2e-3)


@pytest.mark.parametrize("make", [opt.LBFGS, partial(opt.Newton, 0.1, opt.strong_wolfe)])
def test_a_network_is_minimized_through_its_vector(make):
    f_and_grad, net = network_loss()
    assert check(f_and_grad, net.theta)
    start = net.theta.copy()
    path = make().minimize(f_and_grad, net.theta, steps=150)
    np.testing.assert_array_equal(path.theta[0], start)
    assert path.loss[0] > 0.1 and path.loss[-1] < 2e-3
    assert len({g.tobytes() for g in path.theta}) == len(path.theta)


@pytest.mark.parametrize("f_and_grad, start", [(rosenbrock, [-1.2, 1.0]), (rosenbrock, [-1.2, 1.0] * 5)])
def test_strong_wolfe_never_goes_up_and_ends_each_step_flatter(f_and_grad, start):
    path = opt.LBFGS().minimize(f_and_grad, start, steps=200)
    assert path.stopped == "converged" and (np.diff(path.loss) < 0).all()
    for here, there in zip(path.theta[:-1], path.theta[1:]):
        p = there - here
        assert abs(p @ f_and_grad(there)[1]) <= 0.9 * abs(p @ f_and_grad(here)[1]) * (1 + 1e-6)
        assert p @ (f_and_grad(there)[1] - f_and_grad(here)[1]) > 0


@pytest.mark.parametrize(
    "f_and_grad, start",
    [(rosenbrock, [-1.2, 1.0]), (rosenbrock, [-1.2, 1.0] * 5), (bowl(20, condition=1e3)[0], [1.0] * 20)]
    + [(logistic(seed), [0.0] * 5) for seed in range(3)],
)
def test_lbfgs_answers_are_scipys_at_a_similar_cost(f_and_grad, start):
    optimize = pytest.importorskip("scipy.optimize")
    ours = opt.LBFGS().minimize(f_and_grad, start, steps=1000, tolerance=1e-7)
    assert ours.stopped == "converged"
    for method, tolerances in (
        ("BFGS", {"gtol": 1e-7}),
        ("L-BFGS-B", {"gtol": 1e-7, "ftol": 0.0, "maxcor": 10}),
    ):
        theirs = optimize.minimize(f_and_grad, start, jac=True, method=method, options=tolerances)
        np.testing.assert_allclose(ours.theta[-1], theirs.x, rtol=1e-5, atol=1e-5)
    assert ours.evaluations[-1] <= 1.2 * theirs.nfev


def test_newtons_answer_on_logistic_regression_is_scipys():
    optimize = pytest.importorskip("scipy.optimize")
    theirs = optimize.minimize(logistic(), np.zeros(5), jac=True, tol=1e-10).x
    ours = opt.Newton().minimize(logistic(), np.zeros(5), steps=20, tolerance=1e-10)
    assert ours.stopped == "converged" and len(ours.alpha) < 10
    np.testing.assert_allclose(ours.theta[-1], theirs, atol=1e-6)


@every_second_order
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_start_where_loss_or_gradient_is_not_finite_is_refused(make, wrong):
    with pytest.raises(
        opt.NonFiniteGradient, match=r"gradient that f_and_grad returns must be finite.* index \(1,\)"
    ):
        make().minimize(lambda theta: (1.0, np.array([1.0, wrong])), np.ones(2), steps=5)
    with pytest.raises(checks.NonFinite, match="loss that f_and_grad returns must be finite, got (nan|inf)"):
        make().minimize(lambda theta: (wrong, np.ones(2)), np.ones(2), steps=5)


def test_full_steps_into_infinity_are_refused_and_the_path_so_far_is_kept():
    def root(theta):
        """sqrt(1 + x^2), where Newton's step is x -> -x^3."""
        return np.sqrt(1 + theta @ theta), theta / np.sqrt(1 + theta @ theta)

    newton = opt.Newton(hessian=lambda theta: np.diag((1 + theta**2) ** -1.5))
    with pytest.raises(checks.NonFinite, match="must be finite") as caught:
        newton.minimize(root, [2.0], steps=50)
    path = caught.value.path
    np.testing.assert_allclose(path.theta[:4, 0], [2, -8, 512, -(512.0**3)], rtol=1e-6)
    assert path.stopped == "failed" and f"in step {len(path.theta)} of Newton" in caught.value.__notes__[0]
    assert opt.LBFGS().minimize(root, [2.0], steps=50).stopped == "converged"


def test_a_network_that_refuses_a_far_point_only_shortens_the_step():
    def f_and_grad(theta):
        checks.finite("prediction", np.where(abs(theta) > 2, np.nan, theta))
        return theta @ theta, 2 * theta

    path = opt.LBFGS(line_search=partial(opt.strong_wolfe, c2=0.1)).minimize(
        f_and_grad, [-1.9, 0.3], steps=20
    )
    assert path.stopped == "converged"
    with pytest.raises(checks.NonFinite, match="prediction must be finite"):
        opt.LBFGS().minimize(f_and_grad, [3.0, 0.0], steps=20)


def test_a_gradient_that_is_not_the_losss_gets_stuck():
    path = opt.LBFGS().minimize(lambda theta: (theta @ theta, -2 * theta), [1.0, 2.0], steps=20)
    assert path.stopped == "stuck" and path.theta.shape == (1, 2)


def test_a_singular_hessian_is_refused_until_it_is_damped():
    def valley(theta):
        return (theta[0] + theta[1]) ** 2, 2 * (theta[0] + theta[1]) * np.ones(2)

    exact = {"hessian": lambda theta: 2 * np.ones((2, 2))}
    with pytest.raises(opt.SingularHessian, match="damping=0: a larger damping") as caught:
        opt.Newton(**exact).minimize(valley, [1.0, 2.0], steps=5)
    assert len(caught.value.path.theta) == 1
    assert opt.Newton(1e-3, **exact).minimize(valley, [1.0, 2.0], steps=5).loss[-1] < 1e-6


def test_ctrl_c_returns_the_path_so_far():
    calls = []

    def f_and_grad(theta):
        calls.append(1)
        if len(calls) == 12:
            raise KeyboardInterrupt
        return rosenbrock(theta)

    path = opt.LBFGS().minimize(f_and_grad, [-1.2, 1.0], steps=100)
    assert path.stopped == "interrupted" and 2 <= len(path.theta) <= 11
    np.testing.assert_array_equal(
        path.theta, opt.LBFGS().minimize(rosenbrock, [-1.2, 1.0], steps=100).theta[: len(path.theta)]
    )


@every_second_order
@pytest.mark.parametrize(
    "answer, error, message",
    [
        (1.0, TypeError, r"f_and_grad must return \(loss, gradient\), got 1.0"),
        ((1.0, np.ones(2), 3), TypeError, r"must return \(loss, gradient\)"),
        ((np.ones(2), np.ones(2)), TypeError, "loss that f_and_grad returns must be one number"),
        (("low", np.ones(2)), TypeError, "loss .* must be one number, got 'low'"),
        ((1j, np.ones(2)), TypeError, "loss .* must be one number"),
        ((1.0, np.ones(3)), ValueError, r"gradient .* must have shape \(2,\), got \(3,\)"),
        ((1.0, np.ones((2, 1))), ValueError, r"gradient .* must have shape \(2,\), got \(2, 1\)"),
        ((1.0, ["a", "b"]), TypeError, "gradient .* must be real numbers"),
        ((1.0, np.array([1j, 2])), TypeError, "gradient .* must be real numbers"),
        ((1.0, [[1.0], [1.0, 2.0]]), TypeError, "gradient .* must be real numbers"),
    ],
)
def test_answers_of_the_wrong_kind_or_shape_are_refused(make, answer, error, message):
    with pytest.raises(error, match=message):
        make().minimize(lambda theta: answer, np.ones(2), steps=5)


@every_second_order
@pytest.mark.parametrize(
    "theta0, error, message",
    [
        ([1j, 2.0], TypeError, "theta0 must be an array of real numbers"),
        (["a"], TypeError, "theta0 must be an array of real numbers"),
        ([[1.0, 2.0]], ValueError, "theta0 must have 1 axes"),
        (3.0, ValueError, "theta0 must have 1 axes"),
        ([], ValueError, "theta0 must not be empty"),
        ([1.0, np.nan], ValueError, "theta0 must be finite"),
    ],
)
def test_starts_that_are_no_vector_are_refused(make, theta0, error, message):
    with pytest.raises(error, match=message):
        make().minimize(rosenbrock, theta0, steps=5)


def test_whole_numbers_are_a_start_in_float64():
    assert opt.LBFGS().minimize(rosenbrock, [2, 2], steps=100).theta.dtype == np.float64


@pytest.mark.parametrize(
    "call, error, message",
    [
        (
            lambda: opt.LBFGS().minimize(rosenbrock, [1.0, 2.0], steps=0),
            ValueError,
            "steps must be at least 1, got 0",
        ),
        (
            lambda: opt.LBFGS().minimize(rosenbrock, [1.0, 2.0], steps=5, tolerance=-1),
            ValueError,
            "tolerance must be at least 0, got -1",
        ),
        (lambda: opt.LBFGS().minimize("f", [1.0, 2.0], steps=5), TypeError, "f_and_grad must be a function"),
        (lambda: opt.LBFGS(history=0), ValueError, "history must be at least 1, got 0"),
        (
            lambda: opt.LBFGS(line_search="wolfe"),
            TypeError,
            "line_search must be a function such as strong_wolfe",
        ),
        (lambda: opt.Newton(damping=-1.0), ValueError, "damping must be at least 0, got -1.0"),
        (lambda: opt.Newton(hessian=np.eye(2)), TypeError, "hessian must be a function of theta"),
        (
            lambda: opt.Newton(hessian=lambda theta: np.eye(3)).minimize(rosenbrock, [1.0, 2.0], steps=5),
            ValueError,
            r"hessian\(theta\) must have shape \(2, 2\), got \(3, 3\)",
        ),
        (
            lambda: opt.LBFGS(line_search=lambda phi, alpha: -alpha).minimize(
                rosenbrock, [1.0, 2.0], steps=5
            ),
            ValueError,
            "the length that line_search returns must be above 0",
        ),
        (
            lambda: opt.strong_wolfe(lambda a: (0, -1), 1.0, c1=0.5, c2=0.4),
            ValueError,
            "c2 must be above 0.5",
        ),
        (lambda: opt.strong_wolfe(lambda a: (0, -1), 1.0, c1=0), ValueError, "c1 must be above 0"),
        (lambda: opt.strong_wolfe(lambda a: (0, -1), 1.0, trials=0), ValueError, "trials must be at least 1"),
        (
            lambda: opt.backtracking(lambda a: (0, -1), 1.0, shrink=1),
            ValueError,
            "shrink must be above 0 and below 1",
        ),
        (lambda: opt.numerical_hessian(rosenbrock, [[1.0]]), ValueError, "theta must have 1 axes"),
    ],
)
def test_second_order_settings_out_of_range_are_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_second_order_methods_print_their_settings():
    assert repr(opt.Newton(0.1)) == "Newton(damping=0.1, line_search=full_step)"
    assert repr(opt.LBFGS(5)) == "LBFGS(history=5, line_search=strong_wolfe)"


def test_state_holds_what_the_class_names():
    assert opt.Adam.names == ("m", "v") and opt.Adam().state == {}
    adam = opt.Adam(beta1=0.5)
    adam.step(np.zeros((2, 2)), np.full((2, 2), 4.0))
    assert list(adam.state) == ["m", "v"] and (adam.state["m"] == 2).all() and adam.state["v"].shape == (2, 2)


# Equations: one form, three ways to run it


def run_long(make, dtype, block=None, n=20_000, steps=12):
    """Steps over a long vector whose gradients have all sizes and signs, zeros included."""
    optimizer, rng = make(0.1), np.random.default_rng(6)
    optimizer.block = block or optimizer.block
    theta = rng.standard_normal(n).astype(dtype)
    for _ in range(steps):
        g = (rng.standard_normal(n) * 10.0 ** rng.integers(-25, 12, n)).astype(dtype)
        g[::7], g[1::11] = 0, -0.0
        optimizer.step(theta, g)
    return theta, *optimizer.state.values()


def same_bits(ours, theirs):
    assert len(ours) == len(theirs)
    return all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in zip(ours, theirs))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every_optimizer
def test_a_program_in_blocks_gives_the_bits_of_the_equation_as_it_stands(make, dtype, monkeypatch):
    monkeypatch.setattr(compiled, "loop", lambda structure, dtype: None)
    assert same_bits(run_long(make, dtype, block=1000), run_long(make, dtype, block=10**6))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every_optimizer
def test_the_compiled_loop_gives_numpys_bits(make, dtype, monkeypatch):
    pytest.importorskip("numba", reason="pip install dlcore[fast]")
    loops = []

    def watched(structure, dtype, loop=compiled.loop):
        loops.append(loop(structure, dtype))
        return loops[-1]

    monkeypatch.setattr(compiled, "loop", watched)
    fast = run_long(make, dtype)
    assert len(loops) == 12 and None not in loops
    monkeypatch.setattr(compiled, "loop", lambda structure, dtype: None)
    assert same_bits(fast, run_long(make, dtype))


@pytest.fixture
def fresh_compiler(monkeypatch):
    monkeypatch.setattr(compiling, "_failed", [])
    loop = compiled.loop
    loop.cache_clear()
    yield
    loop.cache_clear()


def test_a_numba_that_cannot_compile_is_named_once_and_numpy_goes_on(
    fresh_compiler, failing_numba, monkeypatch
):
    with pytest.warns(RuntimeWarning, match=failing_numba) as said:
        slow = run_long(ALL["adam"], np.float32), run_long(ALL["sgd"], np.float64)
    assert len(said) == 1
    monkeypatch.setattr(compiled, "loop", lambda structure, dtype: None)
    assert same_bits(slow[0], run_long(ALL["adam"], np.float32))


def test_without_numba_nothing_is_compiled(fresh_compiler, monkeypatch):
    monkeypatch.setattr(compiling, "available", lambda: False)
    monkeypatch.setattr(compiling, "_imported", None)
    run_long(ALL["adam"], np.float32)


def test_what_need_not_round_alike_is_left_to_numpy(fresh_compiler, monkeypatch):
    class Cubic(opt.Optimizer):
        @opt.equation
        def update(g, lr):
            return lr * g**3

    monkeypatch.setattr(compiling, "available", lambda: True)
    cubic = Cubic(0.5)
    theta, g = np.zeros(20_000), np.linspace(-1, 1, 20_000)
    assert compiled.loop(trace(cubic)[0], theta.dtype) is None
    cubic.step(theta, g)
    np.testing.assert_array_equal(theta, -0.5 * g**3)
    assert compiled.loop(trace(opt.SGD(0.1))[0], np.dtype(np.float16)) is None


def test_long_vectors_follow_a_setting_that_changes_between_steps(monkeypatch):
    monkeypatch.setattr(compiled, "loop", lambda structure, dtype: None)
    g = np.linspace(-1, 1, 40_000)
    for make in (opt.SGD, opt.AdamW):
        long, short = np.ones(40_000), np.ones(100)
        pair = make(0.1), make(0.1)
        for lr in (0.1, 0.1, 0.3, 0.3, 0.0):
            for optimizer, theta in zip(pair, (long, short)):
                optimizer.lr = lr
                optimizer.step(theta, g[: theta.size])
        np.testing.assert_array_equal(long[:100], short)


@pytest.mark.parametrize("n", [10, 40_000])
def test_an_equation_may_use_whole_numbers_and_returns_only_the_memory_that_its_class_names(n, monkeypatch):
    monkeypatch.setattr(compiled, "loop", lambda structure, dtype: None)

    class Eighth(opt.Optimizer):
        @opt.equation
        def update(g, lr):
            return lr * np.ldexp(g, -3)

    theta = np.ones(n)
    Eighth(0.1).step(theta, np.ones(n))
    np.testing.assert_array_equal(theta, 1 - 0.1 / 8)

    @opt.equation
    def twice(g, lr):
        return 2 * lr * g

    eighth = Eighth(0.1)
    eighth.step(theta, np.zeros(n))
    monkeypatch.setattr(Eighth, "update", twice)  # as when a notebook's cell is run again
    eighth.step(theta, np.ones(n))
    np.testing.assert_array_equal(theta, (1 - 0.1 / 8) - 0.2)

    class Greedy(opt.Optimizer):
        @opt.equation
        def update(g, lr):
            return lr * g, g

    with pytest.raises(ValueError, match="must return the step and the new value of each memory, 0, got 1"):
        Greedy(0.1).step(np.ones(n), np.ones(n))


def test_the_source_of_a_loop_is_one_line_per_operation():
    assert compiled.source(trace(opt.Momentum(0.1, 0.5, 0.2))[0]).splitlines() == [
        "def loop(a0, a1, a2, constants):",
        "    c1 = constants[0]",
        "    c2 = constants[1]",
        "    c3 = constants[2]",
        "    for i in range(a0.size):",
        "        x0 = a0[i]",
        "        x1 = a1[i]",
        "        x2 = a2[i]",
        "        x3 = c1 * x2",
        "        x4 = c2 * x1",
        "        x2 = x3 + x4",
        "        x4 = c3 * x2",
        "        x0 = x0 - x4",
        "        a0[i] = x0",
        "        a2[i] = x2",
    ]


class Odd(opt.Optimizer):
    """Every operation that a symbol has, old values used late, memories that swap or are kept as they are."""

    state = ("a", "b", "c", "d")

    @opt.equation
    def update(g, a, b, c, d, t, lr):
        new = 1 - (2 + abs(-g)) / (3 + c**2)
        step = lr * (new + a - np.sign(b) + (1 / (2 + g * g) - 0.5))
        return step + c, new, a, new, d


@pytest.mark.parametrize("compiling", [False, True])
def test_a_program_keeps_old_values_as_long_as_they_are_used(compiling, monkeypatch):
    if compiling:
        pytest.importorskip("numba", reason="pip install dlcore[fast]")
    else:
        monkeypatch.setattr(compiled, "loop", lambda structure, dtype: None)
    straight, blocks = Odd(0.1), Odd(0.1)
    straight.block = 10**6
    thetas = np.ones(40_000), np.ones(40_000)
    for _ in range(4):
        g = np.random.default_rng(7).standard_normal(40_000)
        for optimizer, theta in zip((straight, blocks), thetas):
            optimizer.step(theta, g)
    assert same_bits((thetas[0], *straight.state.values()), (thetas[1], *blocks.state.values()))


def expected_odd(theta, a, b, c, d, g, lr):
    new = 1 - (2 + abs(-g)) / (3 + c**2)
    step = lr * (new + a - np.sign(b) + (1 / (2 + g * g) - 0.5))
    return theta - (step + c), new, a, new, d


def test_memories_that_take_each_others_place_do_so_at_once():
    theta, odd, expected = np.ones(3), Odd(0.1), (np.ones(3), *np.zeros((4, 3)))
    for g in np.random.default_rng(8).standard_normal((5, 3)):
        odd.step(theta, g)
        expected = expected_odd(*expected, g, 0.1)
    np.testing.assert_array_equal([theta, *odd.state.values()], expected)


def test_an_equation_that_is_no_formula_of_one_coordinate_is_refused():
    class Branching(opt.Optimizer):
        @opt.equation
        def update(g, lr):
            return lr if g else g

    class Summing(opt.Optimizer):
        @opt.equation
        def update(g, lr):
            return lr * np.add.reduce(g)

    theta = np.ones(20_000)
    with pytest.raises(TypeError, match="must not branch on a coordinate"):
        Branching(0.1).step(theta, theta)
    with pytest.raises(TypeError, match="coordinate by coordinate, got add.reduce"):
        Summing(0.1).step(theta, theta)


def test_a_method_that_changes_its_memory_in_place_is_an_optimizer_too():
    class OldAdam(opt.Adam):
        def update(self, g, m, v):
            m *= self.beta1
            m += (1 - self.beta1) * g
            v *= self.beta2
            v += (1 - self.beta2) * (g * g)
            m_hat, v_hat = m / (1 - self.beta1**self.t), v / (1 - self.beta2**self.t)
            return self.lr * m_hat / (np.sqrt(v_hat) + self.eps)

    assert same_bits(run_long(OldAdam, np.float32), run_long(opt.Adam, np.float32))

    class Halved(opt.Adam):
        def update(self, g, m, v):
            return super().update(g, m, v) / 2

    whole, half = np.zeros(2), np.zeros(2)
    opt.Adam(0.1).step(whole, np.ones(2)), Halved(0.1).step(half, np.ones(2))
    np.testing.assert_array_equal(half, whole / 2)
    with pytest.raises(NotImplementedError):
        opt.Optimizer(0.1).step(whole, half)


@pytest.mark.parametrize("n", [50, 20_000])
def test_a_gradient_or_a_rate_in_another_precision_is_rounded_where_the_memory_is(n):
    """What NumPy does with the in-place form: the memory keeps float32, the rest of the step is float64."""
    theta = expected = np.random.default_rng(9).standard_normal(n).astype(np.float32)
    theta, v = theta.copy(), np.zeros(n, np.float32)
    ball = opt.Momentum(np.float64(0.013), 0.9)
    for t in range(1, 6):
        g = np.random.default_rng(t).standard_normal(n)
        ball.step(theta, g)
        v = (v + g if t == 1 else np.float32(0.9) * v + g).astype(np.float32)
        expected = (expected - np.float64(0.013) * v).astype(np.float32)
    assert same_bits((theta, ball.state["v"]), (expected, v))


# Gradients that a dtype cannot hold


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8, np.int8, bool])
@every_optimizer
def test_a_gradient_of_whole_numbers_is_taken_as_floats(make, dtype):
    whole = np.array([100, 16, 1]).astype(dtype)
    ours, theirs = np.zeros(3), np.zeros(3)
    optimizer, other = make(0.1), make(0.1)
    for _ in range(3):
        optimizer.step(ours, whole)
        other.step(theirs, whole.astype(float))
    np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(TypeError, match="grad must be an array of real numbers"):
        optimizer.step(ours, np.array([1j, 0, 0]))


@pytest.mark.parametrize("make, right", [(opt.Adam, 0.001), (opt.AdaGrad, 0.01), (opt.RMSprop, 0.1)])
def test_squares_of_whole_numbers_do_not_wrap_around(make, right):
    theta = np.zeros(1)
    make().step(theta, np.array([50_000], np.int32))
    np.testing.assert_allclose(theta, -right, rtol=1e-9)


def test_an_eps_that_is_0_in_float16_is_refused_and_one_that_is_not_is_taken():
    theta = np.array([1.0, -2.0], np.float16)
    for make in (opt.Adam, opt.AdamW, opt.AdaGrad, opt.RMSprop):
        with pytest.raises(ValueError, match="eps must not be 0 in theta's float16, got 1e-.*: take float32"):
            make().step(theta, np.zeros(2, np.float16))
    opt.Adam(eps=1e-4).step(theta, np.zeros(2, np.float16))
    opt.SGD(0.1).step(theta, np.zeros(2, np.float16))
    np.testing.assert_array_equal(theta, [1, -2])


@pytest.mark.parametrize("size, dtype", [(1e25, np.float32), (1e160, np.float64)])
@pytest.mark.parametrize("name", ["adagrad", "adadelta", "rmsprop", "adam", "adamw"])
def test_a_gradient_whose_square_is_infinite_is_refused_and_nothing_changes(name, size, dtype):
    """The memory would be infinite, and every later step 0."""
    optimizer, theta = ALL[name](0.1), np.ones(3, dtype)
    optimizer.step(theta, np.ones(3, dtype))
    kept = theta.copy(), *(array.copy() for array in optimizer.state.values())
    with (
        np.errstate(over="ignore"),
        pytest.raises(opt.NonFiniteGradient, match=r"squares below .*, got one of size 1e\+.*, in step 2 of"),
    ):
        optimizer.step(theta, np.array([1, size, 1], dtype))
    assert same_bits((theta, *optimizer.state.values()), kept) and optimizer.t == 1


@pytest.mark.parametrize("make", [lambda: opt.SGD(1e-30), lambda: opt.Momentum(1e-30), lambda: opt.Lion(0.1)])
def test_a_method_without_squares_takes_any_finite_gradient(make):
    theta = np.ones(2, np.float32)
    make().step(theta, np.array([1e25, -1e25], np.float32))
    assert np.isfinite(theta).all() and theta[0] < 1 < theta[1]


def test_a_rate_that_a_schedule_made_nan_or_infinite_is_refused():
    for lr in (np.nan, np.inf):
        sgd, theta = opt.SGD(0.1), np.ones(2)
        sgd.lr = lr
        with pytest.raises(ValueError, match="lr must be finite, got"):
            sgd.step(theta, np.ones(2))
        assert (theta == 1).all()


# Saving and going on


MATRIX = {
    "muon": lambda lr: opt.Muon(lr, shapes=[(3, 2), (2,), (2, 2)], vectors=opt.AdamW(lr / 2)),
    "shampoo": lambda lr: opt.Shampoo(lr, shapes=[(3, 2), (2,), (2, 2)]),
}
every_resumed = pytest.mark.parametrize("make", (ALL | MATRIX).values(), ids=ALL | MATRIX)


@every_resumed
def test_a_saved_optimizer_goes_on_as_if_it_had_never_stopped(make, tmp_path):
    gradients = np.random.default_rng(10).standard_normal((8, 12))
    whole = run(make(0.1), np.ones(12), gradients)
    first = make(0.1)
    theta = run(first, np.ones(12), gradients[:5])
    np.savez(tmp_path / "optimizer.npz", **first.state_dict())
    second = make(0.3)
    second.load_state_dict(np.load(tmp_path / "optimizer.npz"))
    assert second.t == 5 and second.moved and second.lr == 0.1 and repr(second) == repr(first)
    np.testing.assert_array_equal(run(second, theta.copy(), gradients[5:]), whole)
    third = make(0.2)
    third.load_state_dict(first.state_dict())
    np.testing.assert_array_equal(run(third, theta.copy(), gradients[5:]), whole)
    saved = third.state_dict()
    before = {name: np.copy(value) for name, value in saved.items()}
    np.testing.assert_array_equal(run(first, theta, gradients[5:]), whole)
    run(third, theta, gradients[:1])
    assert all(np.array_equal(before[name], saved[name]) for name in saved)  # what was saved stays


@every_resumed
def test_an_optimizer_that_has_not_moved_is_saved_and_loaded_too(make, tmp_path):
    used, g = make(0.1), np.ones(12)
    run(used, np.ones(12), [g])
    assert used.moved and not make(0.1).moved
    used.load_state_dict(make(0.1).state_dict())
    assert not used.moved and used.t == 0
    np.testing.assert_array_equal(run(used, np.ones(12), [g, g]), run(make(0.1), np.ones(12), [g, g]))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"optimizer": "AdamW"}, "saved must be the state of Adam, got that of AdamW"),
        ({"t": -1}, "t must be at least 0, got -1"),
        ({"beta1": 1.0}, "beta1 must be at least 0 and below 1, got 1.0"),
        ({"rho": 0.9}, "saved must have beta1, beta2, eps, lr, got beta1, beta2, eps, lr, rho"),
        ({"state.w": np.ones(3)}, "state must have m, v, got m, v, w"),
        ({"state.v": np.ones(4)}, r"state.v must have shape \(3,\), got \(4,\)"),
        ({"state.v": np.array([1, np.nan, 1])}, "state.v must be finite"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(change, message):
    adam = opt.Adam(0.1)
    run(adam, np.ones(3), np.ones((2, 3)))
    before = {name: np.copy(value) for name, value in adam.state_dict().items()}
    with pytest.raises(ValueError, match=message):
        adam.load_state_dict(adam.state_dict() | change)
    after = adam.state_dict()
    assert before.keys() == after.keys() and all((before[name] == after[name]).all() for name in before)


# Lion, Muon, Shampoo, EMA


def test_lion_is_algorithm_2():
    rng = np.random.default_rng(11)
    gradients, eta, beta1, beta2, lam = rng.standard_normal((30, 5)), 0.02, 0.8, 0.95, 0.3
    theta, m = np.ones(5), np.zeros(5)
    for g in gradients:
        c = beta1 * m + (1 - beta1) * g
        theta = theta - eta * (np.sign(c) + lam * theta)
        m = beta2 * m + (1 - beta2) * g
    np.testing.assert_allclose(
        run(opt.Lion(eta, beta1, beta2, lam), np.ones(5), gradients), theta, rtol=1e-13
    )


SHAPES = [(4, 7), (7,), (7, 3), (3,), (2, 3, 2, 2)]


def matrices_and_gradients(steps=25):
    rng, n = np.random.default_rng(12), sum(int(np.prod(shape)) for shape in SHAPES)
    return rng.standard_normal(n), rng.standard_normal((steps, n))


def pieces(theta):
    ends = np.cumsum([int(np.prod(shape)) for shape in SHAPES])
    return [part.reshape(shape) for part, shape in zip(np.split(theta, ends[:-1]), SHAPES)]


def test_muon_is_pytorchs_on_matrices_and_adamw_on_vectors(monkeypatch):
    torch = pytest.importorskip("torch")
    if not hasattr(torch.optim, "Muon"):
        pytest.skip("this PyTorch has no Muon")
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda tensor: tensor.clone())  # theirs rounds to 8 bits
    theta, gradients = matrices_and_gradients()

    def theirs_of(piece):
        """PyTorch's shape (out, in) of a weight matrix; a convolution as a matrix."""
        return piece.T if piece.ndim == 2 else piece.reshape(len(piece), -1) if piece.ndim > 2 else piece

    parameters = [torch.tensor(theirs_of(piece).copy(), requires_grad=True) for piece in pieces(theta)]
    vectors = [p for p in parameters if p.ndim == 1]
    theirs = [
        torch.optim.Muon([p for p in parameters if p.ndim > 1], lr=0.02, weight_decay=0.3, momentum=0.8),
        torch.optim.AdamW(vectors, lr=0.005, betas=(0.9, 0.95)),
    ]
    ours = opt.Muon(0.02, 0.8, 0.3, shapes=SHAPES, vectors=opt.AdamW(0.005, 0.9, 0.95))
    for g in gradients:
        ours.step(theta, g)
        for parameter, piece in zip(parameters, pieces(g)):
            parameter.grad = torch.tensor(theirs_of(piece).copy())
        for optimizer in theirs:
            optimizer.step()
    for piece, parameter in zip(pieces(theta), parameters):
        np.testing.assert_allclose(theirs_of(piece), parameter.detach().numpy(), rtol=1e-10, atol=1e-10)
    ours = opt.Muon()
    theirs = torch.optim.Muon([torch.zeros(2, 2)]).defaults
    assert (ours.lr, ours.momentum, ours.weight_decay, ours.steps) == (
        theirs["lr"],
        theirs["momentum"],
        theirs["weight_decay"],
        theirs["ns_steps"],
    )


@pytest.mark.parametrize("shape", [(5, 5), (3, 8), (8, 3)])
def test_orthogonalized_keeps_the_directions_and_brings_all_singular_values_near_1(shape):
    U, s, Vt = np.linalg.svd(np.random.default_rng(13).standard_normal(shape), full_matrices=False)
    ours = opt.orthogonalized(1e3 * (U * s) @ Vt)
    inner = U.T @ ours @ Vt.T
    np.testing.assert_allclose(inner, np.diag(np.diag(inner)), atol=1e-10)
    assert (np.diag(inner) > 0.6).all() and (np.diag(inner) < 1.25).all()
    np.testing.assert_array_equal(opt.orthogonalized(np.zeros(shape)), 0)


def test_a_schedule_moves_the_rate_of_muons_vectors_with_its_own():
    muon, theta = (
        opt.Muon(0.2, weight_decay=0.0, shapes=[(2, 2), (3,)], vectors=opt.AdamW(0.1, weight_decay=0)),
        np.zeros(7),
    )
    muon.lr = 0.02
    muon.step(theta, np.ones(7))
    np.testing.assert_allclose(theta[4:], -0.01, rtol=1e-6)
    muon.reset()
    assert not muon.moved and not muon._vectors.moved
    before = theta.copy()
    muon.step(theta, np.ones(7))
    np.testing.assert_allclose(theta[4:] - before[4:], -0.01, rtol=1e-6)


def papers_shampoo(W, gradients, lr, eps):
    """Algorithm 1 of Gupta, Koren & Singer, with matrix powers by their definition."""

    def power(A, p):
        values, vectors = np.linalg.eigh(A)
        return vectors @ np.diag(values**p) @ vectors.T

    L, R = eps * np.eye(W.shape[0]), eps * np.eye(W.shape[1])
    for G in gradients:
        L, R = L + G @ G.T, R + G.T @ G
        W = W - lr * power(L, -1 / 4) @ G @ power(R, -1 / 4)
    return W


def test_shampoo_is_algorithm_1_on_every_matrix_and_adagrad_with_a_full_matrix_on_vectors():
    theta, gradients = matrices_and_gradients()
    start = theta.copy()
    run(opt.Shampoo(0.1, 1e-3, shapes=SHAPES), theta, gradients)
    for i in (0, 2):
        expected = papers_shampoo(pieces(start)[i], [pieces(g)[i] for g in gradients], 0.1, 1e-3)
        np.testing.assert_allclose(pieces(theta)[i], expected, rtol=1e-10, atol=1e-10)
    w, H = pieces(start)[1], 1e-3 * np.eye(7)
    for g in gradients:
        g = pieces(g)[1]
        H += np.outer(g, g)
        values, vectors = np.linalg.eigh(H)
        w = w - 0.1 * vectors @ np.diag(values**-0.5) @ vectors.T @ g
    np.testing.assert_allclose(pieces(theta)[1], w, rtol=1e-10, atol=1e-10)


def test_shampoo_of_a_tensor_is_algorithm_2_written_with_einsum():
    rng = np.random.default_rng(14)
    theta, gradients = rng.standard_normal((2, 3, 4)), rng.standard_normal((6, 2, 3, 4))
    expected, H = theta.copy(), [1e-3 * np.eye(n) for n in theta.shape]
    for G in gradients:
        H[0] += np.einsum("iab,jab->ij", G, G)
        H[1] += np.einsum("aib,ajb->ij", G, G)
        H[2] += np.einsum("abi,abj->ij", G, G)
        P = []
        for matrix in H:
            values, Q = np.linalg.eigh(matrix)
            P.append(Q @ np.diag(values ** (-1 / 6)) @ Q.T)
        expected = expected - 0.1 * np.einsum("ai,bj,ck,ijk->abc", *P, G)
    shampoo = opt.Shampoo(0.1, 1e-3)
    run(shampoo, theta, gradients)
    np.testing.assert_allclose(theta, expected, rtol=1e-10)
    assert list(shampoo.state) == ["0.0", "0.1", "0.2"]
    np.testing.assert_allclose(shampoo.state["0.1"], H[1])


@pytest.mark.parametrize("make", [lambda: opt.Muon(0.1), lambda: opt.Shampoo(0.1)])
def test_without_shapes_theta_is_the_matrix(make):
    rng = np.random.default_rng(15)
    W, gradients = rng.standard_normal((4, 3)), rng.standard_normal((3, 4, 3))
    flat, told = W.ravel().copy(), make()
    told._shapes = [(4, 3)]
    run(make(), W, gradients), run(told, flat, gradients.reshape(3, 12))
    np.testing.assert_array_equal(W.ravel(), flat)


def test_matrices_of_a_network_are_trained_by_their_shapes():
    for make, lr in ((opt.Muon, 0.05), (opt.Shampoo, 0.3)):
        f_and_grad, net = network_loss()
        optimizer = make(lr, shapes=[array.shape for array in net.parameters().values()])
        first, _ = f_and_grad(net.theta)
        for _ in range(100):
            optimizer.step(net.theta, f_and_grad(net.theta)[1])
        assert f_and_grad(net.theta)[0] < first / 5


@pytest.mark.parametrize(
    "call, error, message",
    [
        (
            lambda: opt.Muon(shapes=[(2, 2)]).step(np.ones(5), np.ones(5)),
            ValueError,
            "as many numbers as theta, 5, got 4",
        ),
        (
            lambda: opt.Shampoo(shapes=[(2, 0)]),
            ValueError,
            "every length in shapes must be at least 1, got 0",
        ),
        (
            lambda: opt.Muon(shapes=[4]),
            TypeError,
            r"shapes must be a list of shapes such as \(784, 128\), got 4 in it",
        ),
        (lambda: opt.Muon(vectors=opt.SGD(0.1)), TypeError, "vectors must be an AdamW, got SGD"),
        (lambda: opt.Muon(momentum=1.0), ValueError, "momentum must be"),
        (lambda: opt.Muon(weight_decay=-1), ValueError, "weight_decay must be"),
        (lambda: opt.Muon(steps=0), ValueError, "steps must be at least 1"),
        (lambda: opt.Shampoo(eps=0), ValueError, "eps must be above 0"),
        (lambda: opt.Lion(beta1=1), ValueError, "beta1 must be"),
        (lambda: opt.Lion(beta2=-1), ValueError, "beta2 must be"),
        (lambda: opt.Lion(weight_decay=-1), ValueError, "weight_decay must be"),
        (lambda: opt.EMA(1.0), ValueError, "decay must be at least 0 and below 1"),
        (
            lambda: opt.Muon().step(np.ones((2, 2), np.float32), np.full((2, 2), 1e25, np.float32)),
            ValueError,
            "sum of squares below 3.4e",
        ),
        (lambda: opt.Shampoo().step(np.ones(2), np.full(2, 1e200)), ValueError, "sum of squares below 1.8e"),
    ],
)
def test_matrix_methods_refuse_what_they_cannot_use(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_an_ema_is_pytorchs():
    torch = pytest.importorskip("torch")
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    model = torch.nn.Linear(3, 1, bias=False).double()
    theirs, ours = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9)), opt.EMA(0.9)
    for theta in np.random.default_rng(16).standard_normal((20, 3)):
        model.weight.data = torch.tensor(theta[None])
        theirs.update_parameters(model), ours.update(theta)
    np.testing.assert_allclose(ours.average, theirs.module.weight.detach().numpy()[0], rtol=1e-12)


def test_an_ema_is_saved_and_refuses_another_shape(tmp_path):
    ema, theta = opt.EMA(0.5), np.array([1.0, 2.0])
    ema.update(theta)
    theta[:] = 0
    np.testing.assert_array_equal(ema.average, [1, 2])  # a copy
    np.savez(tmp_path / "ema.npz", **ema.state_dict())
    other = opt.EMA()
    other.load_state_dict(np.load(tmp_path / "ema.npz"))
    ema.update(theta), other.update(theta)
    assert other.t == 2 and repr(other) == "EMA(decay=0.5)"
    np.testing.assert_array_equal(other.average, ema.average)
    with pytest.raises(ValueError, match=r"theta must have shape \(2,\), got \(3,\)"):
        ema.update(np.ones(3))
    with pytest.raises(ValueError, match="theta must be finite"):
        ema.update(np.array([np.nan, 1]))
    other.load_state_dict(opt.EMA(0.9).state_dict())
    assert other.average is None and other.decay == 0.9


# Steps of second-order methods, and losses of any size


@every_second_order
def test_minimize_is_the_loop_over_step(make):
    path, method = make().minimize(logistic(), np.ones(5), steps=6), make()
    point = method.init(logistic(), np.ones(5))
    points = [point]
    while point.gradient_norm > 1e-6 and len(points) <= 6:
        point = method.step(point)
        points.append(point)
    np.testing.assert_array_equal([p.theta for p in points], path.theta)
    assert [p.loss for p in points] == path.loss.tolist()
    assert [p.evaluations for p in points] == path.evaluations.tolist()
    assert [p.alpha for p in points[1:]] == path.alpha.tolist() and points[0].alpha is None
    np.testing.assert_array_equal(points[1].gradient, logistic()(points[1].theta)[1])


def test_a_point_without_a_way_on_says_why_and_stays():
    newton = opt.Newton(line_search=opt.strong_wolfe)
    point = newton.step(newton.init(saddle, [0.0, 0.1]))
    assert point.stopped == "uphill" and point.theta.tolist() == [0.0, 0.1] and point.alpha is None
    lbfgs = opt.LBFGS()
    assert lbfgs.step(lbfgs.init(lambda theta: (theta @ theta, -2 * theta), [1.0, 2.0])).stopped == "stuck"


def test_the_pairs_of_lbfgs_are_in_sight_and_forgotten_by_init():
    f_and_grad, A, _ = bowl(4)
    lbfgs = opt.LBFGS(history=2)
    point = lbfgs.init(f_and_grad, np.ones(4))
    for k in range(3):
        before, point = point, lbfgs.step(point)
        s, y = lbfgs.pairs[-1]
        np.testing.assert_array_equal(s, point.theta - before.theta)
        np.testing.assert_allclose(y, A @ s, rtol=1e-8, atol=1e-10)
        assert len(lbfgs.pairs) == min(k + 1, 2) and lbfgs._pairs is lbfgs.pairs
    lbfgs.init(f_and_grad, np.ones(4))
    assert not lbfgs.pairs


SIZES = [(2.0**70, np.float32), (2.0**-90, np.float32), (2.0**515, np.float64), (2.0**1000, np.float64)]
SIZES += [(2.0**-700, np.float64)]


@pytest.mark.parametrize("size, dtype", SIZES)
@pytest.mark.parametrize("name", ["newton", "lbfgs", "lbfgs, backtracking", "hessian", "damped"])
def test_a_loss_of_any_size_is_minimized_as_one_of_ordinary_size(name, size, dtype):
    """A power of 2 changes no digit, as long as the first step does not depend on the unit: here norm 1."""
    A = np.diag([1.0, 3.0])

    def make(size):
        extra = {"hessian": lambda theta: size * A} if name == "hessian" else {}
        return (
            opt.Newton(damping=size / 2, **extra) if name in ("damped", "hessian") else SECOND_ORDER[name]()
        )

    def f_and_grad(size):
        def scaled(theta):
            g = A @ theta.astype(float)
            return size * float(theta.astype(float) @ g) / 2, size * g

        return scaled

    start = np.array([0.6, 0.8 / 3], dtype)  # the gradient there has norm 1
    ours = make(size).minimize(f_and_grad(size), start, steps=6, tolerance=1e-3 * size)
    plain = make(1.0).minimize(f_and_grad(1.0), start, steps=6, tolerance=1e-3)
    assert len(ours.alpha) == len(plain.alpha) > 0 and ours.stopped == plain.stopped
    np.testing.assert_allclose(ours.theta, plain.theta, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(ours.loss / size, plain.loss, rtol=1e-2, atol=1e-8)
    np.testing.assert_allclose(ours.gradient_norm / size, plain.gradient_norm, rtol=1e-2, atol=1e-5)
    assert ours.theta.dtype == dtype


@pytest.mark.parametrize("size, dtype", [(1e20, np.float32), (1e155, np.float64)])
def test_a_huge_bowl_has_a_path_to_its_bottom(size, dtype):
    def f_and_grad(theta):
        return size * float((theta.astype(float) ** 2).sum()), 2 * size * theta

    path = opt.LBFGS().minimize(f_and_grad, np.array([3.0, -2.0], dtype), steps=20)
    assert (abs(path.theta[-1]) < 1e-12).all() and (np.diff(path.loss) < 0).all()
    assert path.loss[0] == 13 * size and path.gradient_norm[0] == pytest.approx(2 * size * 13**0.5)


def test_a_gradient_beyond_float32_is_refused_with_the_losss_size():
    with pytest.raises(opt.NonFiniteGradient, match=r"float32 ends at 3.4e\+38, so divide the loss"):
        opt.LBFGS().minimize(lambda theta: (1.0, np.full(2, 1e40)), np.ones(2, np.float32), steps=5)


def test_a_slope_that_overflows_is_too_far():
    line = Line(
        lambda theta: (0.0, np.full(2, 1e30, np.float32)), np.zeros(2), 1.0, np.ones(2), np.full(2, 1e30)
    )
    line.p = np.full(2, 1e30, np.float32)
    assert line(1.0) == (np.inf, np.inf) == line(1.0)


@pytest.mark.parametrize(
    "s, y", [([1e-30, 0], [1e-30, 0]), ([1e30, 0], [1e30, 0]), ([1e30, 0], [1e15, 0]), ([1.0, 0], [0.0, 1.0])]
)
def test_a_pair_whose_products_leave_the_dtype_is_left_out(s, y):
    lbfgs = opt.LBFGS()
    lbfgs.remember(np.array(s, np.float32), np.array(y, np.float32))
    assert not lbfgs.pairs


def test_a_momentum_that_overflows_takes_theta_along_where_the_next_forward_pass_finds_it():
    ball, theta = opt.Momentum(1.0, 0.9), np.zeros(1, np.float32)
    with np.errstate(over="ignore"):
        for _ in range(3):
            ball.step(theta, np.array([3e38], np.float32))
    assert np.isinf(theta).all() and ball.t == 3


def test_a_square_is_compiled_as_a_product():
    class Squared(opt.Optimizer):
        @opt.equation
        def update(g, lr):
            return lr * g**2

    assert "x2 = x1 * x1" in compiled.source(trace(Squared(0.1))[0])
