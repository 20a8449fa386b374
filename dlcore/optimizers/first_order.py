"""First-order methods: given the gradient here, where should the parameters go next?

Every method is one `equation`, written in `update`: from the gradient ``g`` of one coordinate and what the
optimizer remembers of it (``m``, ``v``, ...) to the step that is subtracted from ``theta``, and the new
memory. With the same numbers each takes the same steps as PyTorch's optimizer, to rounding.
"""

import numpy as np

from dlcore import checks

from .base import Optimizer
from .equation import equation


class SGD(Optimizer):
    """Gradient descent: theta <- theta - lr * g.

    Called stochastic when ``g`` comes from a mini-batch (Robbins & Monro 1951).

    Examples
    --------
    >>> theta = np.array([3.0])
    >>> SGD(lr=0.1).step(theta, np.array([2.0]))
    >>> theta
    array([2.8])
    """

    @equation
    def update(g, lr):
        return lr * g


class Momentum(Optimizer):
    """Heavy ball: v <- momentum * v + (1 - dampening) * g,  theta <- theta - lr * v.

    The textbook form has ``dampening=0``: a steady gradient then moves ``1 / (1 - momentum)`` times as fast
    as in SGD. ``dampening=momentum`` makes ``v`` a weighted average of the gradients. The learning rate
    stands outside ``v``, and the first step sets ``v = g`` whatever the dampening, both as in PyTorch (Polyak
    1964; Sutskever et al. 2013, equations 1 and 2, and Keras put the rate inside).

    Parameters
    ----------
    lr : float
    momentum : float in [0, 1)
        The share of ``v`` that is kept.
    dampening : float in [0, 1]

    Examples
    --------
    >>> theta, ball = np.array([0.0]), Momentum(lr=1.0, momentum=0.5)
    >>> for _ in range(3):
    ...     ball.step(theta, np.array([-1.0]))
    >>> theta                                   # 1 + 1.5 + 1.75
    array([4.25])
    """

    state = ("v",)

    def __init__(self, lr, momentum=0.9, dampening=0.0):
        super().__init__(lr)
        self.momentum = checks.number("momentum", momentum, 0, below=1)
        self.dampening = checks.number("dampening", dampening, 0, 1)

    @equation
    def update(g, v, t, lr, momentum, dampening):
        v = v + g if t == 1 else momentum * v + (1 - dampening) * g
        return lr * v, v


class Nesterov(Optimizer):
    """Momentum that looks ahead: v <- momentum * v + g,  theta <- theta - lr * (g + momentum * v).

    Nesterov's method takes the gradient at the point where momentum is about to carry it. Here ``theta``
    *is* that point ahead, so the gradient is taken where the parameters stand and nothing has to be restored:
    the form of PyTorch. (In Sutskever et al. 2013, equations 3 and 4, theta is the point behind.)

    Examples
    --------
    >>> theta = np.array([1.0])
    >>> Nesterov(lr=0.1, momentum=0.9).step(theta, np.array([1.0]))
    >>> theta                                   # 1 - 0.1 * (1 + 0.9)
    array([0.81])
    """

    state = ("v",)

    def __init__(self, lr, momentum=0.9):
        super().__init__(lr)
        self.momentum = checks.number("momentum", momentum, 0, below=1)

    @equation
    def update(g, v, lr, momentum):
        v = momentum * v + g
        return lr * (g + momentum * v), v


class AdaGrad(Optimizer):
    """A rate for each coordinate: s <- s + g^2,  theta <- theta - lr * g / (sqrt(s) + eps).

    ``s`` only grows, so the steps only shrink: like 1/sqrt(t) under a steady gradient
    (Duchi, Hazan & Singer 2011, the diagonal form; eps outside the root, as there and in PyTorch).

    Examples
    --------
    >>> theta, adagrad = np.array([0.0]), AdaGrad(lr=1.0)
    >>> for _ in range(2):
    ...     adagrad.step(theta, np.array([-5.0]))
    >>> theta.round(4)                          # 1 + 1/sqrt(2), whatever the gradient's size
    array([1.7071])
    """

    state = ("s",)

    def __init__(self, lr=0.01, eps=1e-10):
        super().__init__(lr)
        self.eps = checks.number("eps", eps, above=0)

    @equation
    def update(g, s, lr, eps):
        s = s + g * g
        return lr * g / (np.sqrt(s) + eps), s


class AdaDelta(Optimizer):
    """Steps as long as the recent steps: the ratio of two running averages takes the place of a rate.

    s       <- rho * s + (1 - rho) * g^2
    delta    = sqrt(u + eps) / sqrt(s + eps) * g
    u       <- rho * u + (1 - rho) * delta^2
    theta   <- theta - lr * delta

    The paper has no learning rate: its ``lr`` is 1. With ``u = 0`` the first step has length about
    ``sqrt(eps / (1 - rho))``, so ``eps`` sets how slowly it starts (Zeiler 2012, algorithm 1; the paper's
    experiments have rho = 0.95, and the defaults here are PyTorch's).

    Examples
    --------
    >>> theta = np.array([1.0])
    >>> AdaDelta().step(theta, np.array([4.0]))
    >>> bool(np.isclose(1 - theta[0], (1e-6 / 0.1) ** 0.5, rtol=1e-3))
    True
    """

    state = ("s", "u")

    def __init__(self, lr=1.0, rho=0.9, eps=1e-6):
        super().__init__(lr)
        self.rho = checks.number("rho", rho, 0, below=1)
        self.eps = checks.number("eps", eps, above=0)

    @equation
    def update(g, s, u, lr, rho, eps):
        s = rho * s + (1 - rho) * (g * g)
        delta = np.sqrt(u + eps) / np.sqrt(s + eps) * g
        u = rho * u + (1 - rho) * (delta * delta)
        return lr * delta, s, u


class RMSprop(Optimizer):
    """AdaGrad that forgets: s <- rho * s + (1 - rho) * g^2,  theta <- theta - lr * g / (sqrt(s) + eps).

    ``s`` starts at 0 and is not corrected for it, so the first step is ``1 / sqrt(1 - rho)`` times too long
    (Tieleman & Hinton 2012, lecture 6e, with rho = 0.9 and no eps; the defaults, and eps outside the root,
    are PyTorch's, which calls rho alpha).

    Examples
    --------
    >>> theta = np.array([1.0])
    >>> RMSprop(lr=0.01, rho=0.99).step(theta, np.array([4.0]))
    >>> theta.round(6)                          # 0.01 / sqrt(0.01)
    array([0.9])
    """

    state = ("s",)

    def __init__(self, lr=0.01, rho=0.99, eps=1e-8):
        super().__init__(lr)
        self.rho = checks.number("rho", rho, 0, below=1)
        self.eps = checks.number("eps", eps, above=0)

    @equation
    def update(g, s, lr, rho, eps):
        s = rho * s + (1 - rho) * (g * g)
        return lr * g / (np.sqrt(s) + eps), s


class Adam(Optimizer):
    """Average gradient over average size, both corrected for their start at 0.

    m      <- beta1 * m + (1 - beta1) * g
    v      <- beta2 * v + (1 - beta2) * g^2
    m_hat   = m / (1 - beta1^t)
    v_hat   = v / (1 - beta2^t)
    theta  <- theta - lr * m_hat / (sqrt(v_hat) + eps)

    Kingma & Ba 2015, algorithm 1; eps is added to the root of the *corrected* v, as there and in PyTorch.

    Parameters
    ----------
    lr : float
        Close to the length of one step in each coordinate, in the parameters' own units.
    beta1, beta2 : float in [0, 1)
        The shares of the old averages that are kept.
    eps : float
        Keeps the quotient finite where all gradients were 0.

    Examples
    --------
    >>> theta = np.array([1.0, 1.0])
    >>> Adam(lr=0.1).step(theta, np.array([1e-3, -1e3]))
    >>> theta.round(4)                          # one rate long, whatever the gradient's size
    array([0.9, 1.1])
    """

    state = ("m", "v")

    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
        super().__init__(lr)
        self.beta1 = checks.number("beta1", beta1, 0, below=1)
        self.beta2 = checks.number("beta2", beta2, 0, below=1)
        self.eps = checks.number("eps", eps, above=0)

    @equation
    def update(g, m, v, t, lr, beta1, beta2, eps):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * (g * g)
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        return lr * m_hat / (np.sqrt(v_hat) + eps), m, v


class AdamW(Adam):
    """Adam with weight decay beside the gradient, not inside it.

    theta  <- theta - lr * weight_decay * theta, then Adam's step.

    L2 added to the gradient would be divided by sqrt(v_hat) with the rest of it, and so decay least the
    weights whose gradients are largest; decoupled, every weight shrinks at the same rate
    (Loshchilov & Hutter 2019, algorithm 2, where a schedule scales the decay and the base rate does not; here
    lr scales it, as in PyTorch).

    Examples
    --------
    >>> theta = np.array([1.0, 100.0])
    >>> AdamW(lr=0.1, weight_decay=0.5).step(theta, np.zeros(2))
    >>> theta
    array([ 0.95, 95.  ])
    """

    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
        super().__init__(lr, beta1, beta2, eps)
        self.weight_decay = checks.number("weight_decay", weight_decay, 0)

    @equation
    def decay(theta, lr, weight_decay):
        return lr * weight_decay * theta


class Lion(Optimizer):
    """Only the sign of an average counts: every coordinate moves by the same length.

    theta  <- theta - lr * weight_decay * theta - lr * sign(beta1 * m + (1 - beta1) * g)
    m      <- beta2 * m + (1 - beta2) * g

    The sign is taken of an average that leans more on the newest gradient than the one that is remembered.
    Steps are longer than Adam's at the same rate, whose quotient is seldom near 1: the paper takes rates 3 to
    10 times smaller, and so much more decay. One array of memory, where Adam has two (Chen et al. 2023,
    algorithm 2).

    Examples
    --------
    >>> theta = np.array([1.0, 1.0, 1.0])
    >>> Lion(lr=0.1).step(theta, np.array([1e-3, -1e3, 0.0]))
    >>> theta
    array([0.9, 1.1, 1. ])
    """

    state = ("m",)

    def __init__(self, lr=1e-4, beta1=0.9, beta2=0.99, weight_decay=0.0):
        super().__init__(lr)
        self.beta1 = checks.number("beta1", beta1, 0, below=1)
        self.beta2 = checks.number("beta2", beta2, 0, below=1)
        self.weight_decay = checks.number("weight_decay", weight_decay, 0)

    decay = AdamW.decay

    @equation
    def update(g, m, lr, beta1, beta2):
        c = beta1 * m + (1 - beta1) * g
        m = beta2 * m + (1 - beta2) * g
        return lr * np.sign(c), m
