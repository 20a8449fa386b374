"""Second-order methods: what does the curvature add to the gradient?

The gradient says which way is down; the Hessian says how soon that stops being true. Newton's method solves
for the step that would end at the minimum if the surface were a quadratic; L-BFGS guesses the same step from
how the gradient changed over the last few.

Both need the loss of *all* examples, not of a mini-batch: they compare values along a line and differences
of gradients, in which a mini-batch's noise is larger than what they look for.
"""

from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from dlcore import checks

from .first_order import NonFiniteGradient
from .line_search import Line, full_step, strong_wolfe


@dataclass(frozen=True, eq=False, repr=False)
class Path:
    """Where a minimization went: row 0 is the start, row k the point after k steps.

    Attributes
    ----------
    theta : (steps + 1, n)
        The points; ``theta[-1]`` is the answer.
    loss, gradient_norm : (steps + 1,)
        At these points; the norm is the Euclidean one.
    evaluations : (steps + 1,) of int
        The calls of ``f_and_grad`` made until each point was reached, those of line searches and of
        numerical Hessians included: what to plot ``loss`` against to compare methods.
    alpha : (steps,)
        The length that the line search gave each step.
    stopped : str
        Why it ended: "converged" (the gradient's norm is at most the tolerance), "finished" (all steps
        taken), "stuck" (no lower point along the direction: rounding, or a gradient that is not the loss's),
        "uphill" (the direction does not go down: Newton near a saddle or a maximum, with a line search),
        "interrupted" (Ctrl-C).
    """

    theta: np.ndarray
    loss: np.ndarray
    gradient_norm: np.ndarray
    evaluations: np.ndarray
    alpha: np.ndarray
    stopped: str

    def __repr__(self):
        return (
            f"Path({self.stopped} after {len(self.alpha)} steps, {self.evaluations[-1]} evaluations:"
            f" loss {self.loss[-1]:.3g}, gradient norm {self.gradient_norm[-1]:.3g})"
        )


@dataclass(frozen=True, eq=False)
class Point:
    """Where a minimization is.

    Losses may be of any size: where the squared norm of the first gradient is no normal number of theta's
    dtype, the methods work with the loss divided by 2**exponent, which changes no digit of the path.

    Attributes
    ----------
    theta : (n,)
    loss : float
    gradient : (n,)
    gradient_norm : float
    evaluations : int
        The calls of ``f_and_grad`` so far.
    alpha : float or None
        The length of the step that led here; None at the start.
    stopped : str or None
        Why no step leads on from here: "uphill" or "stuck", as in `Path`.
    """

    theta: np.ndarray
    scaled_loss: float
    scaled_gradient: np.ndarray
    evaluations: int
    exponent: int = 0
    alpha: float | None = None
    stopped: str | None = None

    @property
    def loss(self):
        return float(np.ldexp(self.scaled_loss, self.exponent)) if self.exponent else self.scaled_loss

    @property
    def gradient(self):
        return np.ldexp(self.scaled_gradient, self.exponent) if self.exponent else self.scaled_gradient

    @property
    def gradient_norm(self):
        norm = np.linalg.norm(self.scaled_gradient)
        return np.ldexp(np.float64(norm), self.exponent) if self.exponent else norm


def _exponent_out_of_range(g):
    """0 if the squared norm of `g` can be computed in its dtype, else the exponent of its largest element."""
    limits = np.finfo(g.dtype)
    with np.errstate(over="ignore", under="ignore"):
        square = g @ g
    if limits.tiny <= square <= limits.max or not g.any():
        return 0
    return int(np.frexp(np.abs(g).max())[1])


class SecondOrder:
    """Walk downhill: the base chooses lengths and keeps the path, a subclass writes the direction.

    A subclass writes ``direction(f, theta, g) -> p``, and may `remember` each step. `minimize` is a loop:
    `init`, then `step` until a stop rule says that it is enough.
    """

    def __init__(self, line_search):
        if not callable(line_search):
            raise TypeError(f"line_search must be a function such as strong_wolfe, got {line_search!r}")
        self.line_search = line_search

    def minimize(self, f_and_grad, theta0, *, steps, tolerance=1e-6):
        """Go from `theta0` towards a minimum.

        Parameters
        ----------
        f_and_grad : function of a vector, returning (loss, gradient)
            Without randomness. It is given a copy, and may return a view such as ``net.grad``.
        theta0 : array of n floats
            Unchanged afterwards, unless it is the ``net.theta`` that `f_and_grad` sets. Its dtype, float64 or
            float32, is that of the path.
        steps : int
            At most this many.
        tolerance : float
            Stop where the gradient's norm is at most this. A point with gradient 0 is never left, be it a
            saddle or a maximum.

        Returns
        -------
        Path
            After Ctrl-C too.

        Raises
        ------
        NonFinite
            If loss or gradient is NaN or infinite at `theta0`, or later at a point that no line search can
            avoid. The path so far is the error's ``path``.
        SingularHessian
            A ValueError of `Newton`, with a ``path`` as well.

        Examples
        --------
        All parameters of a network at once. Evaluations leave the network where the last one was, so the
        answer is put into it at the end.

        >>> from dlcore.layers import Dense, Tanh
        >>> from dlcore.losses import mse
        >>> from dlcore.network import Network
        >>> rng = np.random.default_rng(0)
        >>> x = np.linspace(-1, 1, 20)[:, None]
        >>> net = Network(Dense(1, 3, rng=rng), Tanh(), Dense(3, 1, rng=rng))
        >>> def f_and_grad(theta):
        ...     net.theta[:] = theta
        ...     loss, dy = mse(net.forward(x), np.sin(3 * x))
        ...     net.backward(dy, input_gradient=False)
        ...     return loss, net.grad
        >>> path = LBFGS().minimize(f_and_grad, net.theta, steps=200)
        >>> net.theta[:] = path.theta[-1]
        >>> bool(path.loss[0] > 0.1 and path.loss[-1] < 1e-3)
        True
        """
        steps = checks.integer("steps", steps, 1)
        checks.number("tolerance", tolerance, 0)
        points = [self.init(f_and_grad, theta0)]

        def path(stopped):
            columns = zip(*((p.theta, p.loss, p.gradient_norm, p.evaluations) for p in points))
            return Path(*map(np.array, columns), np.array([p.alpha for p in points[1:]]), stopped)

        try:
            while points[-1].gradient_norm > tolerance:
                if len(points) > steps:
                    return path("finished")
                point = self.step(points[-1])
                if point.stopped:
                    return path(point.stopped)
                points.append(point)
            return path("converged")
        except KeyboardInterrupt:
            return path("interrupted")
        except (checks.NonFinite, SingularHessian) as error:
            error.path = path("failed")
            error.add_note(f"in step {len(points)} of {self!r}")
            raise

    def init(self, f_and_grad, theta0):
        """Forget earlier steps, evaluate `f_and_grad` at `theta0`, and return that `Point`."""
        theta = checks.array("theta0", theta0, ndim=1).copy()
        self.forget()
        self._f = _Objective(f_and_grad)
        loss, g = self._f(theta)
        exponent = _exponent_out_of_range(g)
        if exponent:
            self._f.exponent = exponent
            loss, g = float(np.ldexp(loss, -exponent)), np.ldexp(g, -exponent)
        return Point(theta, loss, g, self._f.calls, exponent)

    def step(self, point):
        """Go one step on from `point`, the last that `init` or `step` has returned.

        Returns
        -------
        Point
            The next one; or the same with its `stopped` set, where there is none.

        Examples
        --------
        A stop rule of one's own:

        >>> def bowl(theta):
        ...     return theta @ theta, 2 * theta
        >>> lbfgs = LBFGS()
        >>> point = lbfgs.init(bowl, [3.0, -4.0])
        >>> while point.loss > 1e-3 and not point.stopped:
        ...     point = lbfgs.step(point)
        >>> point.loss < 1e-3, len(lbfgs.pairs)
        (True, 2)
        """
        f, theta, loss, g = self._f, point.theta, point.scaled_loss, point.scaled_gradient
        p = self.direction(f, theta, g)
        line = Line(f, theta, loss, g, p)
        alpha = self.line_search(line, self.first_length(g))
        if alpha is None:
            return replace(point, stopped="uphill" if line.slope >= 0 else "stuck")
        alpha = float(checks.number("the length that line_search returns", alpha, above=0))
        theta_next, loss, g_next = line.point(alpha)
        self.remember(theta_next - theta, g_next - g)
        return Point(theta_next, loss, g_next, f.calls, point.exponent, alpha)

    def direction(self, f, theta, g):
        """The step p to try from `theta`, where the gradient is `g`; further gradients cost calls of `f`."""
        raise NotImplementedError

    def first_length(self, g):
        """The share of p that the line search tries first."""
        return 1.0

    def remember(self, s, y):
        """The point moved by `s`, and the gradient changed by `y`."""

    def forget(self):
        """A new minimization begins."""


class SingularHessian(ValueError):
    """Newton's equation has no single solution: somewhere the surface does not bend at all."""


class Newton(SecondOrder):
    """Jump to where the local quadratic has its stationary point: (H + damping I) p = -g.

    theta <- theta + alpha p,   H the Hessian at theta,   alpha = 1 unless a line search says otherwise

    On a quadratic one step is enough, whatever its condition number; close to a minimum the number of right
    digits doubles in each step. But the quadratic's *stationary* point may be a maximum or a saddle: in a
    direction of negative curvature Newton goes uphill, and saddles, which push gradient descent away, attract
    it (Dauphin et al. 2014). With `damping` above minus H's smallest eigenvalue, H + damping I is positive
    definite and p goes downhill (Levenberg 1944; Marquardt 1963); far above it, p is a short step along -g.

    A step solves n equations in n unknowns, about n^3/3 multiplications, and stores n^2 numbers: for hundreds
    of parameters, not for millions.

    Parameters
    ----------
    damping : float
    line_search : function of (phi, alpha)
        `full_step`, Newton's own. `strong_wolfe` or `backtracking` cannot follow a p that goes uphill: the
        path then says "uphill".
    hessian : function of theta returning an (n, n) array, optional
        Without it, `numerical_hessian` builds one from 2 n gradients in each step.

    Examples
    --------
    >>> def ravine(theta):                      # condition number 1000, minimum at (1, 2)
    ...     g = [1.0, 1000.0] * (theta - [1, 2])
    ...     return 0.5 * g @ (theta - [1, 2]), g
    >>> path = Newton().minimize(ravine, [-5.0, 8.0], steps=10)
    >>> path.theta.round(6)
    array([[-5.,  8.],
           [ 1.,  2.]])
    >>> def saddle(theta):
    ...     return theta @ ([1, -1] * theta), [2, -2] * theta
    >>> Newton().minimize(saddle, [3.0, 0.1], steps=10).theta[-1].round(6) + 0.0
    array([0., 0.])
    """

    def __init__(self, damping=0.0, line_search=full_step, hessian=None):
        super().__init__(line_search)
        self.damping = checks.number("damping", damping, 0)
        if hessian is not None and not callable(hessian):
            raise TypeError(f"hessian must be a function of theta, got {hessian!r}")
        self.hessian = hessian

    def direction(self, f, theta, g):
        n = len(theta)
        if self.hessian is None:
            H = numerical_hessian(f, theta)
        else:
            dtype = None if f.exponent else theta.dtype
            H = checks.array("hessian(theta)", self.hessian(theta.copy()), shape=(n, n), dtype=dtype)
            H = np.ldexp(H, -f.exponent).astype(theta.dtype, copy=False) if f.exponent else H
        damping = float(np.ldexp(self.damping, -f.exponent)) if f.exponent else self.damping
        try:
            return np.linalg.solve(H + damping * np.eye(n, dtype=theta.dtype), -g)
        except np.linalg.LinAlgError:
            raise SingularHessian(
                f"the Hessian plus damping must be invertible, got a singular matrix with"
                f" damping={self.damping:g}: a larger damping makes it invertible"
            ) from None

    def __repr__(self):
        return f"Newton(damping={self.damping:g}, line_search={_name(self.line_search)})"


class LBFGS(SecondOrder):
    """Newton's step without a Hessian: p = -H g, where H is an inverse Hessian guessed from the last steps.

    A step s = theta_{k+1} - theta_k changed the gradient by y = g_{k+1} - g_k, so the inverse Hessian must
    map y to s. `two_loop` builds the product H g from the last `history` such pairs: 4 n multiplications for
    each of them, and no matrix. The first step, with nothing to go by, goes along -g and at most as far as 1
    (Nocedal 1980; Liu & Nocedal 1989; Nocedal & Wright 2006, algorithms 7.4 and 7.5).

    H is positive definite, and p downhill, as long as every pair obeys the *curvature condition* s'y > 0. The
    strong Wolfe line search ensures it, also where the surface curves downwards; with another search a pair
    that breaks it is left out, and H stays as it was.

    Parameters
    ----------
    history : int
        The number of pairs kept.
    line_search : function of (phi, alpha)

    Attributes
    ----------
    pairs : deque of (s, y)
        What it remembers, the oldest first.

    Examples
    --------
    >>> def rosenbrock(theta):
    ...     x, y = theta
    ...     g = [-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)]
    ...     return (1 - x) ** 2 + 100 * (y - x * x) ** 2, g
    >>> path = LBFGS().minimize(rosenbrock, [-1.2, 1.0], steps=100)
    >>> path.stopped, path.theta[-1].round(4)
    ('converged', array([1., 1.]))
    """

    def __init__(self, history=10, line_search=strong_wolfe):
        super().__init__(line_search)
        self.history = checks.integer("history", history, 1)
        self.forget()

    def direction(self, f, theta, g):
        return -two_loop(g, self.pairs)

    def first_length(self, g):
        return 1.0 if self.pairs else min(1.0, 1 / float(np.linalg.norm(g)))

    def remember(self, s, y):
        with np.errstate(over="ignore", under="ignore"):
            sy, yy = s @ y, y @ y
        if np.finfo(y.dtype).eps * yy < sy < np.inf and yy > 0:
            self.pairs.append((s, y))

    def forget(self):
        self.pairs = deque(maxlen=self.history)

    @property
    def _pairs(self):  # its older name, which notebooks use
        return self.pairs

    def __repr__(self):
        return f"LBFGS(history={self.history}, line_search={_name(self.line_search)})"


def two_loop(g, pairs):
    """The product H g of L-BFGS's inverse Hessian and a vector, from pairs (s, y), oldest first.

    Nocedal & Wright 2006, algorithm 7.4, in their letters; the scale gamma of the initial matrix
    H_0 = gamma I is that of the newest pair, their equation 7.20. Without pairs it is 1.

    Examples
    --------
    >>> s, y = np.array([1.0, 0.0]), np.array([4.0, 0.0])
    >>> two_loop(np.array([8.0, 8.0]), [(s, y)])
    array([2., 2.])
    """
    rho = [1 / (y @ s) for s, y in pairs]
    alpha = [0.0] * len(pairs)
    q = g.copy()
    for i in reversed(range(len(pairs))):
        s, y = pairs[i]
        alpha[i] = rho[i] * (s @ q)
        q -= alpha[i] * y
    r = q
    if pairs:
        s, y = pairs[-1]
        gamma = (s @ y) / (y @ y)
        r = gamma * q
    for i in range(len(pairs)):
        s, y = pairs[i]
        beta = rho[i] * (y @ r)
        r += s * (alpha[i] - beta)
    return r


def numerical_hessian(f_and_grad, theta):
    """The Hessian, one column from two gradients: central differences, made symmetric.

    H[:, i] = (g(theta + h e_i) - g(theta - h e_i)) / (2 h),   h = eps^(1/3) max(1, abs(theta_i))

    The eigenvalues say what a stationary point is: all positive, a minimum; of both signs, a saddle.

    Parameters
    ----------
    f_and_grad : function of a vector, returning (loss, gradient)
        Called 2 n times. For smooth functions the error is about 1e-10 in float64 and 1e-4 in float32.
    theta : array of n floats

    Examples
    --------
    >>> H = numerical_hessian(lambda theta: (theta[0] * theta[1], theta[::-1]), np.array([1.0, 2.0]))
    >>> np.linalg.eigvalsh(H).round(6)
    array([-1.,  1.])
    """
    theta = checks.array("theta", theta, ndim=1)
    f = f_and_grad if isinstance(f_and_grad, _Objective) else _Objective(f_and_grad)
    H = np.empty((len(theta), len(theta)), theta.dtype)
    step = float(np.finfo(theta.dtype).eps) ** (1 / 3)
    for i in range(len(theta)):
        right, left = theta.copy(), theta.copy()
        h = step * max(1.0, abs(float(theta[i])))
        right[i] += h
        left[i] -= h
        # not 2 h: the points that were reached differ from those aimed at by rounding
        H[:, i] = (f(right)[1] - f(left)[1]) / (right[i] - left[i])
    return (H + H.T) / 2


class _Objective:
    """`f_and_grad`, its results checked and its calls counted."""

    def __init__(self, f_and_grad):
        if not callable(f_and_grad):
            raise TypeError(f"f_and_grad must be a function of theta, got {f_and_grad!r}")
        self.f_and_grad = f_and_grad
        self.calls = 0
        self.exponent = 0  # what it returns is divided by 2**exponent

    def __call__(self, theta):
        self.calls += 1
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # refused below, or too far
            result = self.f_and_grad(theta.copy())
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError(f"f_and_grad must return (loss, gradient), got {result!r:.60}")
        loss, g = result
        if np.ndim(loss) != 0 or np.asarray(loss).dtype.kind not in "iuf":
            raise TypeError(f"the loss that f_and_grad returns must be one number, got {loss!r:.60}")
        try:
            given = np.asarray(g)
            if given.dtype.kind not in "iuf":
                raise TypeError
            with np.errstate(over="ignore"):
                g = given.astype(theta.dtype)  # a copy: a network overwrites its own
        except (TypeError, ValueError):
            message = f"the gradient that f_and_grad returns must be real numbers, got {g!r:.60}"
            raise TypeError(message) from None
        if g.shape != theta.shape:
            raise ValueError(
                f"the gradient that f_and_grad returns must have shape {theta.shape}, got {g.shape}"
            )
        if not np.isfinite(loss):
            raise checks.NonFinite(f"the loss that f_and_grad returns must be finite, got {float(loss)}")
        try:
            checks.finite("the gradient that f_and_grad returns", g)
        except checks.NonFinite as error:
            size = np.finfo(theta.dtype).max
            hint = f"; {theta.dtype} ends at {size:.2g}, so divide the loss by a constant"
            raise NonFiniteGradient(f"{error}{hint if np.isfinite(given).all() else ''}") from None
        if self.exponent:
            return float(np.ldexp(float(loss), -self.exponent)), np.ldexp(g, -self.exponent)
        return float(loss), g


def _name(function):
    return getattr(function, "__name__", repr(function))
