"""Compiled: how does an equation become one loop over memory?

Where Numba is installed, the `Program` of an equation is written as the source of a loop and compiled. The
source and its machine code are kept in the user's cache, so that the next process does not compile again.

Only operations that the standard of floating-point numbers (IEEE 754) rounds in one way are compiled: then
the loop and NumPy agree to the last bit.
"""

import functools
import hashlib
import importlib.metadata
import importlib.util
import os
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

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
def available():
    """Whether Numba can be found."""
    return importlib.util.find_spec("numba") is not None


@functools.cache
def loop(structure, dtype):
    """The compiled loop of a program, a function of the arrays and of an array of the constants; or None.

    None without Numba, for a dtype that it does not know, for operations that need not round alike, and, with
    one warning, where Numba fails.
    """
    if not usable() or dtype not in (np.float32, np.float64):
        return None
    operations, _ = plan(structure)
    if any(ufunc not in EXPRESSIONS for ufunc, _, _ in operations):
        return None
    try:
        function = _imported(source(structure)).loop
        arrays = [np.zeros(1, dtype) for _ in range(structure[0])]
        constants = -min((k for _, operands, _ in operations for k in operands), default=0)
        function(*arrays, np.ones(max(constants, 1), dtype))  # compile now, where a failure is harmless
        return function
    except Exception as error:
        _give_up(error)
        return None


def usable():
    return available() and not _failed


_failed = []


def _give_up(error):
    _failed.append(error)
    version = importlib.metadata.version("numba")
    first_line = (str(error).splitlines() or [""])[0]
    warnings.warn(
        f"numba {version} cannot compile dlcore's optimizers ({type(error).__name__}: {first_line}):"
        " NumPy runs them, more slowly and with the same results",
        RuntimeWarning,
        stacklevel=2,
    )


def source(structure):
    """The loop of a program as Python source."""
    arrays, (operations, _) = structure[0], plan(structure)
    parameters = [f"a{k}" for k in range(arrays)]
    used = sorted({k for _, operands, _ in operations for k in operands if k < 0}, reverse=True)
    lines = [
        "import numpy as np",
        "from numba import njit",
        "",
        "",
        '@njit(cache=True, error_model="numpy", nogil=True)',
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


def _imported(text):
    """The module with this source, from a file in the user's cache: Numba keeps machine code beside it."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dlcore"
    path = folder / f"equation_{hashlib.sha256(text.encode()).hexdigest()[:16]}.py"
    try:
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=folder, delete=False, encoding="utf-8") as file:
                file.write(text)
            os.replace(file.name, path)
    except OSError:  # no place to write: compile in memory, in every process
        names = {}
        exec(text.replace("cache=True, ", ""), names)
        return type("Module", (), {"loop": staticmethod(names["loop"])})
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)  # Numba looks it up by its name
    spec.loader.exec_module(module)
    return module
