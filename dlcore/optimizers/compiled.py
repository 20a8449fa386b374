"""Compiled: how does an equation become one loop over memory?

Where Numba is installed, the `Program` of an equation is written as the source of a loop and compiled.

Only operations that the standard of floating-point numbers (IEEE 754) rounds in one way are compiled: then
the loop and NumPy agree to the last bit.
"""

import functools

import numpy as np

from dlcore.compiling import machine_code

from .equation import plan

EXPRESSIONS = {
    np.add: "{} + {}",
    np.subtract: "{} - {}",
    np.multiply: "{} * {}",
    np.divide: "{} / {}",
    np.negative: "-{}",
    np.positive: "{}",
    np.square: "{0} * {0}",
    np.sqrt: "np.sqrt({})",
    np.absolute: "abs({})",
    np.sign: "np.sign({})",
}


@functools.cache
def loop(structure, dtype):
    """The compiled loop of a program, a function of the arrays and of an array of the constants; or None.

    None without Numba, for a dtype that it does not know and for operations that need not round alike.
    """
    operations, _ = plan(structure)
    if dtype not in (np.float32, np.float64) or any(ufunc not in EXPRESSIONS for ufunc, _, _ in operations):
        return None
    arrays = [np.zeros(1, dtype) for _ in range(structure[0])]
    constants = -min((k for _, operands, _ in operations for k in operands), default=0)
    return machine_code(source(structure), "loop", (*arrays, np.ones(max(constants, 1), dtype)))


def source(structure):
    """The loop of a program as Python source."""
    arrays, (operations, _) = structure[0], plan(structure)
    parameters = [f"a{k}" for k in range(arrays)]
    used = sorted({k for _, operands, _ in operations for k in operands if k < 0}, reverse=True)
    lines = [
        f"def loop({', '.join(parameters)}, constants):",
        *[f"    c{-k} = constants[{-1 - k}]" for k in used],
        "    for i in range(a0.size):",
        *[f"        x{k} = a{k}[i]" for k in range(arrays)],
    ]
    for ufunc, operands, place in operations:
        names = [f"x{k}" if k >= 0 else f"c{-k}" for k in operands]
        lines.append(f"        x{place} = {EXPRESSIONS[ufunc].format(*names)}")
    written = sorted({place for _, _, place in operations if place < arrays})
    lines += [f"        a{k}[i] = x{k}" for k in written]
    return "\n".join(lines) + "\n"
