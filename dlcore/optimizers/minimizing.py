"""Minimizing: how do full-batch methods walk, from a direction to a path of points?"""

from dataclasses import dataclass, replace

import numpy as np

from dlcore import checks

from .base import NonFiniteGradient
from .line_search import Line


class SingularHessian(ValueError):
    """Newton's equation has no single solution: somewhere the surface does not bend at all."""


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
        >>> from dlcore.optimizers import LBFGS
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
        self._f = Objective(f_and_grad)
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
        >>> from dlcore.optimizers import LBFGS
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


class Objective:
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
