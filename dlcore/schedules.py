"""Schedules: how should the learning rate change while the network learns?

A schedule is a function of the step t = 0, 1, 2, ... that returns the factor by which the optimizer's
base rate is multiplied. `training.fit` asks it before every step, counted in mini-batches, not epochs::

    fit(..., optimizer=Momentum(lr=0.1), schedule=schedules.warmup(schedules.cosine(1000), 100))

Below, every schedule is its formula. Past its last step it keeps its last value. Each takes ``start_step=s``
as well and then begins in the middle, f(s), f(s + 1), ...: a training that was stopped after 400 steps
goes on with ``cosine(1000, start_step=400)``.
"""

import functools
import inspect
import math
from functools import partial

from dlcore import checks

# the checks of settings, by name and value
count, count_or_0 = partial(checks.integer, low=1), partial(checks.integer, low=0)
at_least_0, above_0 = partial(checks.number, low=0), partial(checks.number, above=0)
from_0_to_1, above_0_to_1 = partial(checks.number, low=0, high=1), partial(checks.number, above=0, high=1)
within_0_and_1 = partial(checks.number, above=0, below=1)


def a_schedule(name, value):
    if not callable(value):
        raise TypeError(f"{name} must be a function of the step such as cosine(1000), got {value!r}")
    return value


class Schedule:
    """A formula with its settings: a function of the step."""

    def __init__(self, formula, settings, start_step):
        self.formula, self.settings, self.start_step = formula, settings, start_step

    def __call__(self, step):
        t = checks.integer("step", step, 0) + self.start_step
        return float(self.formula(t, **self.settings))

    def __repr__(self):
        settings = self.settings | ({"start_step": self.start_step} if self.start_step else {})
        return f"{self.formula.__name__}({', '.join(f'{k}={v!r}' for k, v in settings.items())})"

    def __reduce__(self):
        return _made, (self.formula.__name__, self.settings | {"start_step": self.start_step})


def maker(formula):
    """Turn a formula of t and settings into a function of the settings that returns a `Schedule`.

    The annotation of each setting is the check that its value must pass when the schedule is made.
    """
    _, *settings = inspect.signature(formula).parameters.values()
    start_step = inspect.Parameter("start_step", inspect.Parameter.KEYWORD_ONLY, default=0)
    signature = inspect.Signature([*settings, start_step])

    @functools.wraps(formula)
    def make(*arguments, **named):
        given = signature.bind(*arguments, **named)
        given.apply_defaults()
        values = given.arguments
        start = checks.integer("start_step", values.pop("start_step"), 0)
        checked = {p.name: p.annotation(p.name, values[p.name]) for p in settings}
        formula(0, **checked)  # settings that do not go together are refused now
        return Schedule(formula, checked, start)

    make.__signature__ = signature.replace(
        parameters=[p.replace(annotation=p.empty) for p in signature.parameters.values()]
    )
    return make


def _made(name, settings):
    """For pickle: other processes find the maker by its name."""
    return globals()[name](**settings)


@maker
def constant(t):
    """f(t) = 1.

    Examples
    --------
    >>> constant()(1000)
    1.0
    """
    return 1.0


@maker
def step_decay(t, drop: above_0_to_1 = 0.1, every: count = 1000):
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
    return drop ** (t // every)


@maker
def inverse_time(t, decay: at_least_0):
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
    return 1 / (1 + decay * t)


@maker
def exponential(t, decay: above_0_to_1, every: count = 1):
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
    return decay ** (t / every)


@maker
def natural_exponential(t, decay: at_least_0):
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
    return math.exp(-decay * t)


@maker
def polynomial(t, steps: count, end: from_0_to_1 = 0.0, power: above_0 = 1.0):
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
    return end + (1 - end) * (1 - min(t, steps) / steps) ** power


@maker
def cosine(t, steps: count, end: from_0_to_1 = 0.0):
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
    return _half_cosine(1.0, end, min(t, steps) / steps)


@maker
def warmup(t, schedule: a_schedule, steps: count_or_0):
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
    return (t + 1) / steps * schedule(0) if t < steps else schedule(t - steps)


@maker
def wsd(t, steps: count, warmup: count_or_0, decay: count, end: from_0_to_1 = 0.0):
    """f(t) = (t + 1) / W for t < W, then 1, then in the last D of T steps 1 - (1 - end) (t - (T - D)) / D.

    Warm-up, stable, decay (Hu et al. 2024, MiniCPM). The rate stays high as long as the training may last;
    only the short decay must know the end, and several of them can start from one trunk. The straight line
    is one of two of Hägele et al. (2024), who find 1 - sqrt a little better; Hu et al. decay exponentially.

    Parameters
    ----------
    steps : int
        T, all steps of the training, at least warmup + decay.
    warmup : int
        W; 0 begins with the full rate.
    decay : int
        D, the steps from 1 down to `end`. A tenth or a fifth of T is common.
    end : float, 0 <= end <= 1

    Examples
    --------
    >>> f = wsd(100, warmup=4, decay=20)
    >>> f(0), f(3), f(50), f(80), f(90), f(100), f(1000)
    (0.25, 1.0, 1.0, 1.0, 0.5, 0.0, 0.0)
    """
    if warmup + decay > steps:
        raise ValueError(f"warmup + decay must be at most steps={steps}, got {warmup} + {decay}")
    if t < warmup:
        return (t + 1) / warmup
    return 1 - (1 - end) * max(0, min(t, steps) - (steps - decay)) / decay


@maker
def triangular(t, half_cycle: count, low: from_0_to_1 = 0.1):
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
    c = 1 + t // (2 * half_cycle)
    x = abs(t / half_cycle - 2 * c + 1)
    return low + (1 - low) * max(0, 1 - x)


@maker
def cosine_restarts(t, steps: count, multiply: count = 1, end: from_0_to_1 = 0.0):
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
    t_i, T_i = t, steps
    if multiply == 1:
        t_i %= steps
    while t_i >= T_i:
        t_i -= T_i
        T_i *= multiply
    return _half_cosine(1.0, end, t_i / T_i)


@maker
def one_cycle(
    t,
    steps: partial(checks.integer, low=2),
    rise: within_0_and_1 = 0.3,
    start: from_0_to_1 = 1 / 25,
    end: from_0_to_1 = 1 / 250_000,
):
    """Half a cosine from `start` up to 1, then half a cosine down to `end`. PyTorch's `OneCycleLR`.

    With the peak at t_p = rise · steps - 1 and the last step t_l = steps - 1, f is
    start + (1 - start) (1 - cos(π t / t_p)) / 2 up to t_p and
    end + (1 - end) (1 + cos(π (t - t_p) / (t_l - t_p))) / 2 after it. The idea is Smith and Topin's
    (2019), who draw straight lines; the cosines and the defaults are PyTorch's. Momentum is not cycled.

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
    t_p, t_l = rise * steps - 1, steps - 1
    if t_p <= 0:
        raise ValueError(f"rise must be above 1/steps={1 / steps:g}, got {rise!r}")
    if t <= t_p:
        return _half_cosine(start, 1.0, t / t_p)
    return _half_cosine(1.0, end, (min(t, t_l) - t_p) / (t_l - t_p))


def _half_cosine(first, last, share):
    """From `first` at share 0 to `last` at share 1."""
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2
