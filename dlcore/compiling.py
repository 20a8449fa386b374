"""Compiling: how does a loop over memory become machine code, where Numba is installed?

``pip install dlcore[fast]`` brings Numba. The source of a loop and its machine code are kept in the user's
cache, so that the next process does not compile again. A loop is an addition: NumPy computes the same numbers
without it, to the last bit, and more slowly.
"""

import functools
import hashlib
import importlib.metadata
import importlib.util
import os
import sys
import tempfile
import types
import warnings
from pathlib import Path

HEAD = """import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy", nogil=True)
"""


@functools.cache
def available():
    """Whether Numba can be found; a folder that is only called `numba` is not it."""
    found = importlib.util.find_spec("numba")
    return found is not None and found.origin is not None


def usable():
    """Whether Numba can be found and has compiled all that it was given."""
    return available() and not _failed


_failed = []


def machine_code(source, name, arguments):
    """The function `name` of `source`, compiled and called once with `arguments`; or None.

    None without Numba and, with one warning, where Numba fails.
    """
    if not usable():
        return None
    try:
        function = getattr(_imported(HEAD + source), name)
        function(*arguments)  # compile now, where a failure is harmless
        return function
    except Exception as error:
        _give_up(error)
        return None


def _give_up(error):
    _failed.append(error)
    version = importlib.metadata.version("numba")
    first_line = (str(error).splitlines() or [""])[0]
    warnings.warn(
        f"numba {version} cannot compile dlcore's loops ({type(error).__name__}: {first_line}):"
        " NumPy runs them, more slowly and with the same results",
        RuntimeWarning,
        stacklevel=2,
    )


def _imported(text):
    """The module with this source, from a file in the user's cache: Numba keeps machine code beside it."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dlcore"
    path = folder / f"loop_{hashlib.sha256(text.encode()).hexdigest()[:16]}.py"
    try:
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=folder, delete=False, encoding="utf-8") as file:
                file.write(text)
            os.replace(file.name, path)
    except OSError:  # no place to write: compile in memory, in every process
        names = {}
        exec(text.replace("cache=True, ", ""), names)
        return types.SimpleNamespace(**names)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)  # Numba looks it up by its name
    spec.loader.exec_module(module)
    return module
