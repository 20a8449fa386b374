"""Schedules: how should the learning rate change while the network learns?

A schedule is a function of the step t = 0, 1, 2, ... that returns the factor by which the optimizer's
base rate is multiplied. `training.fit` asks it before every step, counted in mini-batches, not epochs::

    fit(..., optimizer=Momentum(lr=0.1), schedule=schedules.warmup(schedules.cosine(1000), 100))

Below, every maker of a schedule states its formula. Past its last step a schedule keeps its last value.
"""

import math

from dlcore import checks


def constant():
    """f(t) = 1.

    Examples
    --------
    >>> constant()(1000)
    1.0
    """

    def schedule(step):
        _step(step)
        return 1.0

    return schedule


def step_decay(drop=0.1, every=1000):
    """f(t) = drop^⌊t / every⌋: a staircase. PyTorch's `StepLR`.

    Parameters
    ----------
    drop : float, 0 < drop <= 1
        The share of the rate that is left after each stair.
    every : int
        Steps per stair.

    Examples
    --------
    >>> f = step_decay(drop=0.5, every=10)
    >>> f(9), f(10), f(25)
    (1.0, 0.5, 0.25)
    """
    checks.number("drop", drop, above=0, high=1)
    checks.integer("every", every, 1)

    def schedule(step):
        t = _step(step)
        return float(drop ** (t // every))

    return schedule


def inverse_time(decay):
    """f(t) = 1 / (1 + decay · t): Robbins and Monro's rate, whose sum diverges while its squares' converges.

    Parameters
    ----------
    decay : float >= 0
        Per step; the rate has halved after 1 / decay steps.

    Examples
    --------
    >>> inverse_time(0.01)(100)
    0.5
    """
    checks.number("decay", decay, 0)

    def schedule(step):
        t = _step(step)
        return float(1 / (1 + decay * t))

    return schedule


def exponential(decay, every=1):
    """f(t) = decay^(t / every): the same share is kept at each step. PyTorch's `ExponentialLR`.

    Parameters
    ----------
    decay : float, 0 < decay <= 1
        The share of the rate that is left after `every` steps.
    every : int

    Examples
    --------
    >>> exponential(0.25, every=100)(50)
    0.5
    """
    checks.number("decay", decay, above=0, high=1)
    checks.integer("every", every, 1)

    def schedule(step):
        t = _step(step)
        return float(decay ** (t / every))

    return schedule


def natural_exponential(decay):
    """f(t) = e^(-decay · t): `exponential` with another letter, ``exponential(math.exp(-decay))``.

    Parameters
    ----------
    decay : float >= 0
        Per step; the rate has halved after ln 2 / decay steps.

    Examples
    --------
    >>> f"{natural_exponential(0.01)(100):.4f}"
    '0.3679'
    """
    checks.number("decay", decay, 0)

    def schedule(step):
        t = _step(step)
        return math.exp(-decay * t)

    return schedule


def polynomial(steps, end=0.0, power=1.0):
    """f(t) = end + (1 - end) (1 - t/T)^power up to T = steps, then end. PyTorch's `PolynomialLR` has end = 0.

    Parameters
    ----------
    steps : int
        T, the steps from 1 down to `end`.
    end : float, 0 <= end <= 1
    power : float > 0
        1 is a straight line.

    Examples
    --------
    >>> f = polynomial(100, end=0.5)
    >>> f(0), f(50), f(100), f(1000)
    (1.0, 0.75, 0.5, 0.5)
    """
    T = checks.integer("steps", steps, 1)
    checks.number("end", end, 0, 1)
    checks.number("power", power, above=0)

    def schedule(step):
        t = min(_step(step), T)
        return float(end + (1 - end) * (1 - t / T) ** power)

    return schedule


def cosine(steps, end=0.0):
    """f(t) = end + (1 - end) (1 + cos(π t/T)) / 2 up to T = steps, then end. PyTorch's `CosineAnnealingLR`.

    That is one descent of Loshchilov and Hutter's SGDR (2017), without the restarts. PyTorch's climbs
    again after T; this one stays down.

    Parameters
    ----------
    steps : int
        T, the steps from 1 down to `end`.
    end : float, 0 <= end <= 1

    Examples
    --------
    >>> f = cosine(100)
    >>> f(0), f(50), f(100), f(1000)
    (1.0, 0.5, 0.0, 0.0)
    """
    T = checks.integer("steps", steps, 1)
    checks.number("end", end, 0, 1)

    def schedule(step):
        t = min(_step(step), T)
        return _cosine(1.0, end, t / T)

    return schedule


def warmup(schedule, steps):
    """f(t) = (t + 1) / W · schedule(0) for t < W = steps, then schedule(t - W): a linear rise first.

    The first step already moves (a rise that starts at 0 wastes it), and the last step of the rise has
    the full rate. `schedule` starts its own count after the rise, so ``warmup(cosine(1000), 100)`` takes
    1,100 steps. Goyal et al. (2017) and Vaswani et al. (2017) made it common.

    Parameters
    ----------
    schedule : function of the step
    steps : int
        W; 0 gives `schedule` itself.

    Examples
    --------
    >>> f = warmup(cosine(100), 4)
    >>> f(0), f(1), f(3), f(4), f(54), f(104)
    (0.25, 0.5, 1.0, 1.0, 0.5, 0.0)
    """
    if not callable(schedule):
        raise TypeError(f"schedule must be a function of the step such as cosine(1000), got {schedule!r}")
    W = checks.integer("steps", steps, 0)
    after = schedule

    def schedule(step):
        t = _step(step)
        return float((t + 1) / W * after(0)) if t < W else after(t - W)

    return schedule


def triangular(half_cycle, low=0.1):
    """Rise from `low` to 1 in `half_cycle` steps, fall back in as many, and again. PyTorch's `CyclicLR`.

    With Smith's (2017) c = ⌊1 + t / 2H⌋ and x = |t/H - 2c + 1|: f(t) = low + (1 - low) max(0, 1 - x). The
    optimizer's base rate is the *top* of the triangle here, and the bottom in Smith's paper.

    Parameters
    ----------
    half_cycle : int
        H, Smith's "stepsize".
    low : float, 0 <= low <= 1

    Examples
    --------
    >>> f = triangular(10, low=0.5)
    >>> f(0), f(5), f(10), f(15), f(20), f(30)
    (0.5, 0.75, 1.0, 0.75, 0.5, 1.0)
    """
    H = checks.integer("half_cycle", half_cycle, 1)
    checks.number("low", low, 0, 1)

    def schedule(step):
        t = _step(step)
        c = 1 + t // (2 * H)
        x = abs(t / H - 2 * c + 1)
        return float(low + (1 - low) * max(0, 1 - x))

    return schedule


def cosine_restarts(steps, multiply=1, end=0.0):
    """f(t) = end + (1 - end) (1 + cos(π t_i/T_i)) / 2: SGDR. PyTorch's `CosineAnnealingWarmRestarts`.

    t_i counts the steps since the last restart, T_i = steps · multiply^i is the length of the i-th
    descent. At t_i = T_i the rate jumps back to 1, so `end` itself is never reached.
    Loshchilov and Hutter (2017).

    Parameters
    ----------
    steps : int
        T_0, the length of the first descent.
    multiply : int
        How much longer each descent is than the one before.
    end : float, 0 <= end <= 1

    Examples
    --------
    >>> f = cosine_restarts(10, multiply=2)
    >>> f(0), f(5), f(10), f(20), f(30)
    (1.0, 0.5, 1.0, 0.5, 1.0)
    """
    T_0 = checks.integer("steps", steps, 1)
    checks.integer("multiply", multiply, 1)
    checks.number("end", end, 0, 1)

    def schedule(step):
        t_i, T_i = _step(step), T_0
        if multiply == 1:
            t_i %= T_0
        while t_i >= T_i:
            t_i -= T_i
            T_i *= multiply
        return _cosine(1.0, end, t_i / T_i)

    return schedule


def one_cycle(steps, rise=0.3, start=1 / 25, end=1 / 250_000):
    """Half a cosine from `start` up to 1, then half a cosine down to `end`. PyTorch's `OneCycleLR`.

    With the peak at t_p = rise · steps - 1 and the last step t_l = steps - 1, f is
    start + (1 - start) (1 - cos(π t / t_p)) / 2 up to t_p and
    end + (1 - end) (1 + cos(π (t - t_p) / (t_l - t_p))) / 2 after it. The idea is Smith and Topin's
    (2018), who draw straight lines; the cosines and the defaults are PyTorch's. Momentum is not cycled.

    Parameters
    ----------
    steps : int
        All steps of the training.
    rise : float, 0 < rise < 1
        The share of the steps before the peak; ``rise · steps`` must be above 1.
    start, end : float, from 0 to 1
        First and last factor.

    Examples
    --------
    >>> f = one_cycle(100, rise=0.31, start=0.5, end=0.0)
    >>> f(0), f(15), f(30), f(99), f(1000)
    (0.5, 0.75, 1.0, 0.0, 0.0)
    """
    T = checks.integer("steps", steps, 2)
    checks.number("rise", rise, above=0, below=1)
    checks.number("start", start, 0, 1)
    checks.number("end", end, 0, 1)
    t_p, t_l = rise * T - 1, T - 1
    if t_p <= 0:
        raise ValueError(f"rise must be above 1/steps={1 / T:g}, got {rise!r}")

    def schedule(step):
        t = min(_step(step), t_l)
        if t <= t_p:
            return _cosine(start, 1.0, t / t_p)
        return _cosine(1.0, end, (t - t_p) / (t_l - t_p))

    return schedule


def _step(step):
    return checks.integer("step", step, 0)


def _cosine(first, last, share):
    """Half a cosine from `first` at share 0 to `last` at share 1."""
    return float(last + (first - last) * (1 + math.cos(math.pi * share)) / 2)
