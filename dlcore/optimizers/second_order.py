"""Second-order methods: what does the curvature add to the gradient?

The gradient says which way is down; the Hessian says how soon that stops being true. Newton's method solves
for the step that would end at the minimum if the surface were a quadratic; L-BFGS guesses the same step from
how the gradient changed over the last few.

Both need the loss of *all* examples, not of a mini-batch: they compare values along a line and differences
of gradients, in which a mini-batch's noise is larger than what they look for.
"""

from collections import deque

import numpy as np

from dlcore import checks

from .line_search import full_step, strong_wolfe
from .minimizing import Objective, SecondOrder, SingularHessian


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
    f = f_and_grad if isinstance(f_and_grad, Objective) else Objective(f_and_grad)
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


def _name(function):
    return getattr(function, "__name__", repr(function))
