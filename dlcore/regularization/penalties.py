"""Penalties: what do large weights cost?

A penalty Ω(w) is added to the loss, so its gradient is added to the loss's gradient::

    objective(w) = loss(w) + Ω(w)

L2 pulls every weight towards 0 in proportion to its size; L1 pulls with the same force whatever the
size, so that small weights arrive at 0 and stay.
"""

import math

import numpy as np

from dlcore import checks


class L1:
    """The lasso's penalty, Ω(w) = λ ‖w‖₁ = λ Σ|wᵢ|.

    Parameters
    ----------
    strength : float
        λ, at least 0.

    Notes
    -----
    At wᵢ = 0 every slope from -λ to λ is a subgradient; `gradient` returns the middle one, 0, which
    leaves a weight of exactly 0 to the loss alone. Plain gradient steps cross 0 rather than land on it:
    exact zeros take a proximal step.

    Source: Tibshirani, "Regression shrinkage and selection via the lasso", 1996.

    Examples
    --------
    >>> lasso = L1(0.5)
    >>> lasso.penalty([3.0, -4.0])
    3.5
    >>> lasso.gradient([3.0, -4.0, 0.0])
    array([ 0.5, -0.5,  0. ])
    """

    def __init__(self, strength):
        self.strength = float(checks.number("strength", strength, 0))

    def penalty(self, w):
        """Ω(w), a float; `w` is an array of any shape."""
        w = checks.array("w", w)
        return self.strength * _total(w, lambda w: np.sum(np.abs(w)))

    def gradient(self, w):
        """dΩ/dw = λ sign(w), a new array of the shape and dtype of `w`."""
        w = checks.array("w", w)
        return self.strength * np.sign(w)


class L2:
    """Ridge regression's penalty, Ω(w) = ½ λ ‖w‖₂² = ½ λ Σ wᵢ².

    Parameters
    ----------
    strength : float
        λ, at least 0.

    Notes
    -----
    With the factor ½ the gradient is λw, so a step of plain gradient descent multiplies the weights by
    1 - lr·λ: *weight decay*. With an adaptive optimizer the two differ; see `dlcore.optimizers.AdamW`.

    Source: Hoerl and Kennard, "Ridge regression", 1970; for networks Krogh and Hertz, "A simple weight
    decay can improve generalization", 1991.

    Examples
    --------
    >>> decay = L2(0.5)
    >>> decay.penalty([3.0, -4.0])
    6.25
    >>> decay.gradient([3.0, -4.0])
    array([ 1.5, -2. ])
    """

    def __init__(self, strength):
        self.strength = float(checks.number("strength", strength, 0))

    def penalty(self, w):
        """Ω(w), a float; `w` is an array of any shape."""
        w = checks.array("w", w)
        return 0.5 * self.strength * _total(w, lambda w: np.vdot(w, w))

    def gradient(self, w):
        """dΩ/dw = λ w, a new array of the shape and dtype of `w`."""
        w = checks.array("w", w)
        return self.strength * w


class Lq:
    """The family between and around the two, Ω(w) = (λ/q) Σ |wᵢ|^q.

    Parameters
    ----------
    strength : float
        λ, at least 0.
    q : float
        The power, above 0. Below 1 the penalty is not convex.

    Notes
    -----
    The factor 1/q makes `Lq(λ, 1)` equal `L1(λ)` and `Lq(λ, 2)` equal `L2(λ)`; Bishop (2006) writes
    λ/2 for every q, which is another strength and the same family (equation 3.29).

    For q < 1 the slope λ|w|^(q-1) grows without bound near 0. At exactly 0 the penalty has a sharp
    minimum, every number is a subgradient, and `gradient` returns 0, as for L1: a weight of 0 stays.
    Near 0 a gradient step overshoots: keep the learning rate small.

    Source: Bishop, "Pattern Recognition and Machine Learning", 2006, section 3.1.4.

    Examples
    --------
    >>> Lq(0.5, q=1).penalty([3.0, -4.0]) == L1(0.5).penalty([3.0, -4.0])
    True
    >>> Lq(0.5, q=0.5).gradient([4.0, -4.0, 0.0])
    array([ 0.25, -0.25,  0.  ])
    """

    def __init__(self, strength, q):
        self.strength = float(checks.number("strength", strength, 0))
        self.q = float(checks.number("q", q, above=0))

    def penalty(self, w):
        """Ω(w), a float; `w` is an array of any shape."""
        w = checks.array("w", w)
        return self.strength / self.q * _total(w, lambda w: np.sum(np.abs(w) ** self.q))

    def gradient(self, w):
        """dΩ/dw = λ |w|^(q-1) sign(w), and 0 where w is 0; a new array of the shape and dtype of `w`."""
        w = checks.array("w", w)
        size = np.abs(w)
        with np.errstate(over="ignore"):
            slope = np.power(size, self.q - 1, where=size > 0, out=np.zeros_like(size))
        return self.strength * checks.finite("|w|^(q - 1)", slope) * np.sign(w)


def norm(w, p):
    """Return ‖w‖ₚ = (Σ |wᵢ|^p)^(1/p), a float, for an array of any shape.

    Parameters
    ----------
    w : array
    p : float
        At least 0. `p=0` counts the weights that are not 0, `p=np.inf` is the largest absolute value.
        Below 1 the triangle inequality fails, so these are norms in name only. Near 0 the norm of two
        weights may be larger than any float, and is refused.

    Notes
    -----
    The largest |wᵢ| is taken out of the sum when the powers would overflow or vanish, so that an
    exploded float32 gradient still has its true norm. float16 is summed in float64.

    Examples
    --------
    >>> [norm([3.0, 0.0, -4.0], p) for p in (0, 1, 2, np.inf)]
    [2.0, 7.0, 5.0, 4.0]
    """
    w = checks.array("w", w)
    if p == np.inf:
        return float(np.max(np.abs(w)))
    p = checks.number("p", p, 0)
    if p == 0:
        return float(np.count_nonzero(w))
    if w.dtype == np.float16:
        w = w.astype(np.float64)
    with np.errstate(over="ignore", under="ignore"):
        total = float(np.vdot(w, w) if p == 2 else np.sum(np.abs(w) ** p))
        smallest = np.finfo(w.dtype).tiny / np.finfo(w.dtype).eps
        if smallest < total < np.inf:
            return _root(total, p, w)
        largest = float(np.max(np.abs(w)))
        if largest == 0:
            return 0.0
        total = float(np.sum(np.abs(w.astype(np.float64) / largest) ** p))
        return largest * _root(total, p, w)


def _root(total, p, w):
    try:
        root = total ** (1 / p)
    except OverflowError:
        root = math.inf
    if root == math.inf:
        raise ValueError(f"p must be larger for {w.size} weights, whose norm is beyond all floats, got {p}")
    return root


def _total(w, sum_of):
    """The sum as a float; in float64 where it overflows in the precision of w, and for float16."""
    with np.errstate(over="ignore"):
        total = np.inf if w.dtype == np.float16 else float(sum_of(w))
        return float(sum_of(w.astype(np.float64))) if np.isinf(total) else total


def ridge(Phi, t, strength):
    """Return the w that minimizes ½ ‖Φw - t‖² + ½ λ ‖w‖², in closed form.

    The gradient Φᵀ(Φw - t) + λw is zero at ::

        w = (ΦᵀΦ + λI)⁻¹ Φᵀt

    Parameters
    ----------
    Phi : array (m, n)
        One example a row, one feature a column.
    t : array (m,) or (m, k)
        The targets; k columns are k regressions at once.
    strength : float
        λ, at least 0. With 0 this is least squares; where that leaves w undetermined, the w of smallest
        norm is returned, which is the limit as λ falls to 0.

    Returns
    -------
    w : array (n,) or (n, k)

    Notes
    -----
    Nothing is inverted and ΦᵀΦ, which squares Φ's condition number, is never formed. The same w solves
    the least-squares problem with n examples added, each of which asks for one weight to be 0::

        ‖ ⎡  Φ  ⎤     ⎡t⎤ ‖²
        ‖ ⎣√λ I ⎦ w - ⎣0⎦ ‖

    Every column of Φ is shrunk: a column of ones would shrink the bias too. To leave the bias out, fit
    deviations from the mean, `w = ridge(Phi - Phi.mean(0), t - t.mean(0), strength)`, without a column
    of ones, and set `bias = t.mean(0) - Phi.mean(0) @ w`.

    The loss is a sum over examples. For the mean over m examples multiply `strength` by m.

    Source: Hoerl and Kennard, 1970; Bishop, "Pattern Recognition and Machine Learning", 2006, equation 3.28.

    Examples
    --------
    >>> ridge([[1.0, 0.0], [0.0, 2.0]], [1.0, 2.0], strength=1.0).round(3)
    array([0.5, 0.8])
    """
    Phi = checks.array("Phi", Phi, ndim=2)
    t = checks.array("t", t, ndim=(1, 2))
    strength = float(checks.number("strength", strength, 0))
    Phi, t = (a.astype(np.float64) if a.dtype == np.float16 else a for a in (Phi, t))
    m, n = Phi.shape
    if len(t) != m:
        raise ValueError(f"t must have one entry per row of Phi ({m}), got {len(t)}")

    A = np.concatenate([Phi, strength**0.5 * np.eye(n, dtype=Phi.dtype)])
    b = np.concatenate([t, np.zeros((n, *t.shape[1:]), dtype=t.dtype)])
    return np.linalg.lstsq(A, b, rcond=None)[0]
