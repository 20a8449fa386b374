"""Base: what do all first-order methods do with their one equation?"""

import copy
import math

import numpy as np

from dlcore import checks

from . import compiled
from .equation import BLOCK, equation, run, run_mixed, trace


class NonFiniteGradient(checks.NonFinite):
    """The gradient holds NaN or infinity, or squares to it: the error that a diverging network ends in."""


class Optimizer:
    """Move a point downhill: the base walks the vector, a subclass writes one equation.

    A subclass names what it remembers of each coordinate, ``state = ("m", "v")`` (0 at the start), and writes
    ``update(g, m, v, t, ...) -> step, m, v`` as an `equation`, where ``...`` are its settings by name. Short
    vectors are moved as the equation stands; long ones in blocks that fit into the processor's cache, or in
    one compiled loop where Numba is installed. All three agree to the last bit.

    (Without the decorator `update` is a method, ``update(self, g, m, v) -> step``, that changes the memory in
    place. It runs in blocks and is never compiled.)

    All arithmetic goes coordinate by coordinate, so independent runs can share one array: the rows of a
    ``theta`` of shape ``(seeds, d)`` move as they would alone.

    Attributes
    ----------
    lr : float
        The learning rate; a schedule may change it between steps.
    t : int
        The number of steps taken.
    state : dict from name to ndarray
        What it remembers, in theta's shape; empty before the first step.
    moved : bool
        Whether it has taken a step. It then remembers that vector's gradients and moves no vector of another
        shape until `reset`.
    """

    names = ()
    block = BLOCK
    decay = None
    _traced = None  # equations and settings, and the structure and constants of the program that they gave

    def __init_subclass__(cls):
        """A class says ``state = ("m", "v")``; its optimizers' ``state`` holds arrays of these names."""
        if isinstance(vars(cls).get("state"), tuple):
            cls.names = tuple(cls.state)
            del cls.state

    def __init__(self, lr):
        self.lr = checks.number("lr", lr, 0)
        self.reset()

    def reset(self):
        """Forget all steps: ``t = 0`` and every remembered array 0."""
        self.t = 0
        self._memory = None

    @property
    def moved(self):
        """Whether it has taken a step since `reset`."""
        return self.t > 0

    @property
    def state(self):
        """What it remembers, by name, in theta's shape."""
        return {name: a.reshape(self._shape) for name, a in zip(self.names, self._memory or ())}

    @property
    def memory(self):
        """The older name of `state`."""
        return self.state

    def step(self, theta, grad):
        """Change `theta` in place, once: the only place where parameters change.

        Parameters
        ----------
        theta : ndarray of floats
            The point, of any shape, contiguous in memory.
        grad : ndarray
            The gradient of the loss at that point, of the same shape. Whole numbers are taken as floats of
            theta's dtype.

        Raises
        ------
        NonFiniteGradient
            If `grad` holds NaN or infinity, or a number whose square is too large for theta's dtype where the
            method needs it. Like every refusal here, it leaves `theta` and the optimizer as they were.
        """
        theta, g, memory, large = self._checked(theta, grad)
        kept = [array.copy() for array in (theta, *memory)] if large else None
        self.t += 1
        self._move_all(theta, g, memory)
        if large and np.isfinite(theta).all() and not all(np.isfinite(array).all() for array in memory):
            for array, before in zip((theta, *memory), kept):
                array[...] = before
            self.t -= 1
            raise self._diverging(
                f"grad must have squares below {np.finfo(theta.dtype).max:.2g}, the largest number in"
                f" {theta.dtype}, got one of size {np.abs(g).max():.2g}"
            )

    def _move_all(self, theta, g, memory):
        """Choose the quickest of the ways that give the same bits."""
        if not isinstance(type(self).update, equation) or type(self).move is not Optimizer.move:
            for start in range(0, theta.size, self.block):
                here = slice(start, start + self.block)
                self.move(theta[here], g[here], *(array[here] for array in memory))
            return
        arrays = (theta, g, *memory)
        settings = self._settings_in_equations()
        if not _in_one_precision(settings, arrays):
            run_mixed(*trace(self), arrays, self.block)
        elif theta.size <= self.block:
            self.move(*arrays)
        else:
            equations = type(self).update, type(self).decay, settings
            if self._traced is None or self._traced[0] != equations:
                self._traced = equations, *trace(self)
            _, structure, constants = self._traced
            loop = compiled.loop(structure, theta.dtype)
            if loop is not None:
                loop(*arrays, np.array(constants or [0], theta.dtype))
            else:
                run(structure, constants, arrays, self.block)

    def _settings_in_equations(self):
        settings = type(self).update.settings(self, 1 + len(self.names))
        if self.decay is not None:
            settings += type(self).decay.settings(self, 1)
        return settings

    def move(self, theta, g, *memory):
        """Change one block of `theta` and of the memory in place."""
        if self.decay is not None:
            theta -= self.decay(theta)
        theta -= self.update(g, *memory)

    def update(self, g, *memory):
        """The method's equation: the step to subtract, from the gradient and the memory."""
        raise NotImplementedError

    def state_dict(self):
        """Everything that the next steps depend on, by name: settings, ``t``, and copies of the state.

        Numbers, arrays and the name of the class, so that NumPy can keep it: ``np.savez(path,
        **optimizer.state_dict())`` and later ``optimizer.load_state_dict(np.load(path))``.

        Examples
        --------
        >>> from dlcore.optimizers import Momentum
        >>> theta, ball = np.array([1.0]), Momentum(lr=0.1)
        >>> ball.step(theta, np.array([2.0]))
        >>> ball.state_dict()  # doctest: +NORMALIZE_WHITESPACE
        {'optimizer': 'Momentum', 'lr': 0.1, 'momentum': 0.9, 'dampening': 0.0, 't': 1,
         'shape': (1,), 'state.v': array([2.])}
        """
        saved = {"optimizer": type(self).__name__, **self._settings(), "t": self.t}
        saved |= {"shape": self._shape} if self.moved else {}
        return saved | {f"state.{name}": array.copy() for name, array in self.state.items()}

    def load_state_dict(self, saved):
        """Go on as the optimizer that `state_dict` described would: settings, ``t`` and state are taken over.

        Parameters
        ----------
        saved : mapping
            From `state_dict`, or what `numpy.load` makes of it.

        Raises
        ------
        ValueError
            If it is another optimizer's, or damaged; nothing has changed then.
        """
        fresh = copy.deepcopy(self)
        fresh._load({name: _plain(saved[name]) for name in saved})
        vars(self).update(vars(fresh))

    def _load(self, saved):
        kind = saved.pop("optimizer", None)
        if kind != type(self).__name__:
            raise ValueError(f"saved must be the state of {type(self).__name__}, got that of {kind}")
        t = checks.integer("t", saved.pop("t", None), 0)
        state = {name[6:]: saved.pop(name) for name in list(saved) if name.startswith("state.")}
        shape = saved.pop("shape", None)
        _same_names("saved", saved, self._settings())
        self.__init__(**saved, **self._structure())
        self.t = t
        if t:
            self._shape = tuple(checks.integer("every length in shape", n, 0) for n in np.atleast_1d(shape))
            self._restore(
                {name: checks.array(f"state.{name}", array).copy() for name, array in state.items()}
            )

    def _settings(self):
        """What the constructor was given, and schedules have changed since."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_") and name != "t"}

    def _structure(self):
        """What the constructor needs besides."""
        return {}

    def _restore(self, state):
        _same_names("state", state, self.names)
        for name, array in state.items():
            checks.same_shape(f"state.{name}", array, self._shape)
        self._memory = [state[name].reshape(-1) for name in self.names]

    def _checked(self, theta, grad):
        if not isinstance(theta, np.ndarray) or theta.dtype.kind != "f":
            raise TypeError(f"theta must be a NumPy array of floats, changed in place, got {theta!r:.60}")
        if not theta.flags.c_contiguous or not theta.flags.writeable:
            raise ValueError("theta must be contiguous and writeable: an optimizer changes it in place")
        grad = np.asarray(grad)
        if grad.dtype.kind != "f":
            if grad.dtype.kind not in "iub":
                raise TypeError(f"grad must be an array of real numbers, got {grad!r:.60}")
            grad = grad.astype(theta.dtype)
        if grad.shape != theta.shape:
            raise ValueError(f"grad must have theta's shape {theta.shape}, got {grad.shape}")
        if not math.isfinite(self.lr):
            raise ValueError(f"lr must be finite, got {self.lr!r}")
        g = grad.reshape(-1)
        large = not checks.finite_square(g)
        if large:
            try:
                checks.finite("grad", grad)
            except checks.NonFinite as error:
                raise self._diverging(error) from None
        if self._memory is None:
            self._check_precision(theta.dtype)
            self._memory = [np.zeros(theta.size, theta.dtype) for _ in self.names]
            self._shape = theta.shape
        if theta.shape != self._shape:
            raise ValueError(
                f"theta must keep the shape {self._shape} of the first step, got {theta.shape};"
                " reset() starts afresh"
            )
        return theta.reshape(-1), g, self._memory, large

    def _check_precision(self, dtype):
        """An eps that is 0 in theta's dtype would divide by 0."""
        with np.errstate(under="ignore"):
            if hasattr(self, "eps") and dtype.type(self.eps) == 0:
                raise ValueError(
                    f"eps must not be 0 in theta's {dtype}, got {self.eps!r}: take float32 for theta"
                )

    def _diverging(self, reason):
        return NonFiniteGradient(
            f"{reason}, in step {self.t + 1} of {self!r}. A smaller learning rate, another initialization or"
            " inputs scaled to mean 0 and variance 1 are the usual cures"
        )

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{k}={v:g}' for k, v in self._settings().items())})"


def _in_one_precision(settings, arrays):
    """Whether all is computed in theta's dtype: Python's numbers adapt to it, NumPy's do not."""
    dtype = arrays[0].dtype
    return {float, int}.issuperset(map(type, settings)) and all(a.dtype == dtype for a in arrays)


def _plain(value):
    """Numbers and texts as Python has them, from the arrays without axes that a file gives back."""
    return value.item() if isinstance(value, (np.ndarray, np.generic)) and np.ndim(value) == 0 else value


def _same_names(what, given, wanted):
    if set(given) != set(wanted):
        told = [", ".join(sorted(names)) or "nothing" for names in (wanted, given)]
        raise ValueError(f"{what} must have {told[0]}, got {told[1]}")
