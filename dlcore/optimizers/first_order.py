"""First-order methods: given the gradient here, where should the parameters go next?

Every method is one equation, written in `update`: from the gradient ``g`` and what the optimizer
remembers (``v``, ``m``, ...) to the step that is subtracted from ``theta``. With the same numbers each takes
the same steps as PyTorch's optimizer, to rounding.
"""

import numpy as np

from dlcore import checks


class NonFiniteGradient(checks.NonFinite):
    """The gradient holds NaN or infinity: the error that a diverging network ends in."""


class Optimizer:
    """Move a point downhill: the base walks the vector in cache-sized blocks, a subclass writes one equation.

    A subclass names what it remembers in `state` (arrays like ``theta``, 0 at the start) and writes
    ``update(g, *state) -> step``, changing its state in place. Blocks of 16,384 numbers keep the temporaries
    of that equation in the processor's cache, three times as fast as one pass over a long vector.

    All arithmetic goes coordinate by coordinate, so independent runs can share one array: the rows of a
    ``theta`` of shape ``(seeds, d)`` move as they would alone.

    Attributes
    ----------
    lr : float
        The learning rate; a schedule may change it between steps.
    t : int
        The number of steps taken.
    """

    state = ()
    block = 16_384

    def __init__(self, lr):
        self.lr = checks.number("lr", lr, 0)
        self.reset()

    def reset(self):
        """Forget all steps: ``t = 0`` and every remembered array 0."""
        self.t = 0
        self._memory = None

    @property
    def memory(self):
        """What it remembers, by the names in `state`, as arrays of theta's shape; nothing before the first step."""
        arrays = self._memory or ()
        return {name: array.reshape(self._shape) for name, array in zip(self.state, arrays)}

    def step(self, theta, grad):
        """Change `theta` in place, once: the only place where parameters change.

        Parameters
        ----------
        theta : ndarray of floats
            The point, of any shape, contiguous in memory.
        grad : ndarray
            The gradient of the loss at that point, of the same shape.

        Raises
        ------
        NonFiniteGradient
            If `grad` holds NaN or infinity. Like every refusal here, it leaves `theta` and the optimizer as
            they were.
        """
        theta, g, memory = self._checked(theta, grad)
        self.t += 1
        for start in range(0, theta.size, self.block):
            here = slice(start, start + self.block)
            self.move(theta[here], g[here], *(array[here] for array in memory))

    def move(self, theta, g, *memory):
        """Subtract the update from one block of `theta`."""
        theta -= self.update(g, *memory)

    def update(self, g, *memory):
        """The method's equation: the step to subtract, from the gradient and the memory of one block."""
        raise NotImplementedError

    def _checked(self, theta, grad):
        if not isinstance(theta, np.ndarray) or theta.dtype.kind != "f":
            raise TypeError(f"theta must be a NumPy array of floats, changed in place, got {theta!r:.60}")
        if not theta.flags.c_contiguous or not theta.flags.writeable:
            raise ValueError("theta must be contiguous and writeable: an optimizer changes it in place")
        grad = np.asarray(grad)
        if grad.shape != theta.shape:
            raise ValueError(f"grad must have theta's shape {theta.shape}, got {grad.shape}")
        try:
            checks.finite("grad", grad)
        except checks.NonFinite as error:
            raise NonFiniteGradient(
                f"{error}, in step {self.t + 1} of {self!r}. A smaller learning rate, another initialization or"
                " inputs scaled to mean 0 and variance 1 are the usual cures"
            ) from None
        if self._memory is None:
            self._memory = [np.zeros(theta.size, theta.dtype) for _ in self.state]
            self._shape = theta.shape
        if theta.shape != self._shape:
            raise ValueError(
                f"theta must keep the shape {self._shape} of the first step, got {theta.shape};"
                " reset() starts afresh"
            )
        return theta.reshape(-1), grad.reshape(-1), self._memory

    def __repr__(self):
        settings = ((k, v) for k, v in vars(self).items() if not k.startswith("_") and k != "t")
        return f"{type(self).__name__}({', '.join(f'{k}={v:g}' for k, v in settings)})"


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

    def update(self, g):
        return self.lr * g


class Momentum(Optimizer):
    """Heavy ball: v <- momentum * v + (1 - dampening) * g,  theta <- theta - lr * v.

    The textbook form has ``dampening=0``: a steady gradient then moves ``1 / (1 - momentum)`` times as fast
    as in SGD. ``dampening=momentum`` makes ``v`` a weighted average of the gradients. The learning rate
    stands outside ``v``, and the first step sets ``v = g`` whatever the dampening, both as in PyTorch (Polyak
    1964; Sutskever et al. 2013 put the rate inside).

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

    def update(self, g, v):
        if self.t == 1:
            v += g
        else:
            v *= self.momentum
            v += (1 - self.dampening) * g
        return self.lr * v


class Nesterov(Optimizer):
    """Momentum that looks ahead: v <- momentum * v + g,  theta <- theta - lr * (g + momentum * v).

    Nesterov's method takes the gradient at the point where momentum is about to carry it. Here ``theta``
    *is* that point ahead, so the gradient is taken where the parameters stand and nothing has to be restored
    (Sutskever et al. 2013; the form of PyTorch).

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

    def update(self, g, v):
        v *= self.momentum
        v += g
        return self.lr * (g + self.momentum * v)


class AdaGrad(Optimizer):
    """A rate for each coordinate: s <- s + g^2,  theta <- theta - lr * g / (sqrt(s) + eps).

    ``s`` only grows, so the steps only shrink: like 1/sqrt(t) under a steady gradient
    (Duchi, Hazan & Singer 2011; eps outside the root, as in PyTorch).

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

    def update(self, g, s):
        s += g * g
        return self.lr * g / (np.sqrt(s) + self.eps)


class AdaDelta(Optimizer):
    """Steps as long as the recent steps: the ratio of two running averages takes the place of a rate.

    s       <- rho * s + (1 - rho) * g^2
    delta    = sqrt(u + eps) / sqrt(s + eps) * g
    u       <- rho * u + (1 - rho) * delta^2
    theta   <- theta - lr * delta

    The paper has no learning rate: its ``lr`` is 1. With ``u = 0`` the first step has length about
    ``sqrt(eps / (1 - rho))``, so ``eps`` sets how slowly it starts (Zeiler 2012, algorithm 1).

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

    def update(self, g, s, u):
        s *= self.rho
        s += (1 - self.rho) * (g * g)
        delta = np.sqrt(u + self.eps) / np.sqrt(s + self.eps) * g
        u *= self.rho
        u += (1 - self.rho) * (delta * delta)
        return self.lr * delta


class RMSprop(Optimizer):
    """AdaGrad that forgets: s <- rho * s + (1 - rho) * g^2,  theta <- theta - lr * g / (sqrt(s) + eps).

    ``s`` starts at 0 and is not corrected for it, so the first step is ``1 / sqrt(1 - rho)`` times too long
    (Tieleman & Hinton 2012, lecture 6e; eps outside the root, as in PyTorch).

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

    def update(self, g, s):
        s *= self.rho
        s += (1 - self.rho) * (g * g)
        return self.lr * g / (np.sqrt(s) + self.eps)


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

    def update(self, g, m, v):
        m *= self.beta1
        m += (1 - self.beta1) * g
        v *= self.beta2
        v += (1 - self.beta2) * (g * g)
        m_hat = m / (1 - self.beta1**self.t)
        v_hat = v / (1 - self.beta2**self.t)
        return self.lr * m_hat / (np.sqrt(v_hat) + self.eps)


class AdamW(Adam):
    """Adam with weight decay beside the gradient, not inside it.

    theta  <- theta - lr * weight_decay * theta, then Adam's step.

    L2 added to the gradient would be divided by sqrt(v_hat) with the rest of it, and so decay least the
    weights whose gradients are largest; decoupled, every weight shrinks at the same rate
    (Loshchilov & Hutter 2019, algorithm 2; the decay is scaled by lr, as in PyTorch).

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

    def move(self, theta, g, m, v):
        theta -= self.lr * self.weight_decay * theta
        super().move(theta, g, m, v)
