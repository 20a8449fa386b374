"""Equations: how does one line of a paper run fast over millions of coordinates?

The equation of a first-order method treats every coordinate alike: from the gradient and the memory of one
coordinate it gives the step and the new memory. `equation` marks such a function. It runs on numbers and on
arrays as it stands. On a long vector that would be slow, since each operation is a pass over memory, so the
equation is run once on symbols instead, which gives the list of its operations, a `Program`:

- NumPy runs the program in blocks that fit into the processor's cache, in buffers that are used again;
- where Numba is installed (``pip install dlcore[fast]``), `compiled` makes one loop of it.

Everything that holds no coordinate, such as ``1 - beta1**t``, is computed by Python while the program is
written, in double precision and once. All ways round every operation in the same manner, so they agree to the
last bit.
"""

import functools
import inspect
import operator

import numpy as np

BLOCK = 16_384


class equation:
    """A pure function of one coordinate: from its gradient and memory to the step and the new memory.

    Used as a decorator in the body of an `Optimizer`. The arguments are ``g``, the names in the optimizer's
    `state`, and then ``t`` and settings of the optimizer by their names. Or ``theta`` and settings, for a
    `decay`. It may use ``+ - * /``, squares and NumPy's functions of one or two numbers, and may branch on
    ``t`` and on settings, but not on coordinates.

    Examples
    --------
    >>> @equation
    ... def update(g, v, t, lr, momentum):
    ...     v = momentum * v + g
    ...     return lr * v, v
    >>> update(g=1.0, v=2.0, t=2, lr=0.5, momentum=0.5)
    (1.0, 2.0)
    """

    def __init__(self, function):
        self.function = function
        self.names = tuple(inspect.signature(function).parameters)
        functools.update_wrapper(self, function)

    def __call__(self, *arguments, **settings):
        return self.function(*arguments, **settings)

    def __get__(self, optimizer, owner=None):
        return self if optimizer is None else functools.partial(self._in_place, optimizer)

    def of(self, optimizer, *arrays):
        """The step and the list of the new memory, with the optimizer's settings."""
        result = self.function(*arrays, *self.settings(optimizer, len(arrays)))
        step, *memory = result if isinstance(result, tuple) else (result,)
        if len(memory) != len(arrays) - 1:
            raise ValueError(
                f"{self.function.__qualname__} must return the step and the new value of each memory,"
                f" {len(arrays) - 1}, got {len(memory)}"
            )
        return step, memory

    def settings(self, optimizer, arrays):
        """The values of the arguments after the first `arrays`."""
        return [getattr(optimizer, name) for name in self.names[arrays:]]

    def _in_place(self, optimizer, g, *memory):
        """``optimizer.update(g, m, v)``: the step; the memory is changed in place."""
        step, new = self.of(optimizer, g, *memory)
        if not memory:
            return step
        old = set(map(id, memory))
        if not old.isdisjoint(map(id, (step, *new))):
            step, *new = [np.copy(a) if id(a) in old else a for a in (step, *new)]
        for array, value in zip(memory, new):
            array[...] = value
        return step


class Program:
    """The operations that equations do on one coordinate, in their order.

    Values have numbers: the arrays ``theta``, ``g`` and the memory are 0, 1, 2, ...; results of operations go
    on from there, and -1, -2, ... are the constants. An operation is ``(ufunc, operands, result)``; one whose
    result is the number of an array writes into it.
    """

    def __init__(self, arrays):
        self.symbols = [Symbol(self, number) for number in range(arrays)]
        self.operations, self.constants, self.values = [], [], arrays

    def number(self, value):
        if type(value) is Symbol:
            return value.number
        self.constants.append(value)
        return -len(self.constants)

    def do(self, ufunc, *operands):
        """Append an operation and return the symbol of its result."""
        result = self.values
        self.values += 1
        self.operations.append((ufunc, tuple(map(self.number, operands)), result))
        return Symbol(self, result)

    def take_from_theta(self, value):
        theta = self.symbols[0]
        self.operations.append((np.subtract, (theta.number, self.number(value)), theta.number))


class Symbol:
    """A coordinate of which only the name is known: what is done with it is written into the program."""

    __slots__ = ("number", "program")

    def __init__(self, program, number):
        self.program, self.number = program, number

    def __array_ufunc__(self, ufunc, method, *operands, **options):
        if method != "__call__" or options or ufunc.nout != 1:
            raise TypeError(f"an equation must go coordinate by coordinate, got {ufunc.__name__}.{method}")
        return self.program.do(ufunc, *operands)

    def __add__(self, other):
        return self.program.do(np.add, self, other)

    def __radd__(self, other):
        return self.program.do(np.add, other, self)

    def __sub__(self, other):
        return self.program.do(np.subtract, self, other)

    def __rsub__(self, other):
        return self.program.do(np.subtract, other, self)

    def __mul__(self, other):
        return self.program.do(np.multiply, self, other)

    def __rmul__(self, other):
        return self.program.do(np.multiply, other, self)

    def __truediv__(self, other):
        return self.program.do(np.divide, self, other)

    def __rtruediv__(self, other):
        return self.program.do(np.divide, other, self)

    def __neg__(self):
        return self.program.do(np.negative, self)

    def __abs__(self):
        return self.program.do(np.absolute, self)

    def __pow__(self, exponent):
        if exponent == 2:  # as NumPy does it
            return self.program.do(np.square, self)
        return self.program.do(np.power, self, exponent)

    def __bool__(self):
        raise TypeError("an equation must not branch on a coordinate: it is run once for all of them")


def trace(optimizer):
    """The program of one step of `optimizer`: its arrays are theta, g and the memory.

    Returns
    -------
    structure, constants
        The structure is hashable and the same in every step in which the equations branch alike.
    """
    program = Program(2 + len(optimizer.names))
    theta, g, *memory = program.symbols
    if optimizer.decay is not None:
        shrinkage, _ = type(optimizer).decay.of(optimizer, theta)
        program.take_from_theta(shrinkage)
    step, new = type(optimizer).update.of(optimizer, g, *memory)
    results = tuple(program.number(value) for value in new)
    program.take_from_theta(step)
    return (len(program.symbols), tuple(program.operations), results), program.constants


@functools.lru_cache(maxsize=256)
def plan(structure):
    """Say where each result is kept: in the memory it is the new value of, or in a buffer.

    A result goes into its memory at once, unless the old value is used later on. (A memory in another
    precision than the gradient's then rounds it before it is used, as an update in place would.)

    Returns
    -------
    operations, buffers
        ``(ufunc, operands, place)``, where places are the arrays and after them so many buffers.
    """
    arrays, operations, results = structure
    place, kept, copies = {number: number for number in range(arrays)}, [], []
    values = arrays + len(operations)
    for array, value in enumerate(results, start=2):
        if value == array:
            continue
        if value < arrays:  # an old value takes another place: keep it from the start
            kept.append((np.positive, (value,), values + len(kept)))
            value = kept[-1][2]
        made = [i for i, (_, _, result) in enumerate(operations) if result == value]
        used_later = made and any(array in operands for _, operands, _ in operations[made[-1] + 1 :])
        if value in place or not made or used_later:
            copies.append((np.positive, (value,), array))
        else:
            place[value] = array
    operations = [*kept, *operations, *copies]
    last_use = {number: i for i, (_, operands, _) in enumerate(operations) for number in operands}
    free, buffers, placed = [], 0, []
    for i, (ufunc, operands, result) in enumerate(operations):
        where = tuple(place.get(number, number) for number in operands)
        done = {number for number in operands if number >= arrays and last_use[number] == i}
        free += [place[number] for number in done if place[number] >= arrays]
        if result not in place:
            if not free:
                free.append(arrays + buffers)
                buffers += 1
            place[result] = free.pop()
        placed.append((ufunc, where, place[result]))
    return placed, buffers


def run(structure, constants, arrays, block):
    """Run a program with NumPy, in buffers of the arrays' dtype.

    It goes by blocks of as many bytes as `block` coordinates take in float64.
    """
    operations, buffers = plan(structure)
    n, dtype = arrays[0].size, arrays[0].dtype
    block = max(1, block * 8 // dtype.itemsize)
    scratch = [np.empty(min(block, n), dtype) for _ in range(buffers)]
    calls = [(ufunc, operator.itemgetter(*operands, place)) for ufunc, operands, place in operations]
    # NumPy takes a while over each Python float, and none over an array in its own precision
    numbers = [value if type(value) is int else np.asarray(value, dtype) for value in constants]
    for start in range(0, n, block):
        places = [array[start : start + block] for array in arrays]
        places += [buffer[: places[0].size] for buffer in scratch]
        places += reversed(numbers)  # constant -1 is the last place
        for ufunc, operands_and_result in calls:
            ufunc(*operands_and_result(places))


def run_mixed(structure, constants, arrays, block):
    """Run a program whose arrays or constants differ in precision: NumPy chooses that of each result."""
    operations, buffers = plan(structure)
    for start in range(0, arrays[0].size, block):
        here = slice(start, start + block)
        places = [array[here] for array in arrays] + [None] * buffers
        for ufunc, operands, place in operations:
            values = [places[k] if k >= 0 else constants[-1 - k] for k in operands]
            if place < len(arrays):
                ufunc(*values, out=places[place], casting="same_kind")
            else:
                places[place] = ufunc(*values)
