"""Reproducible: how do two CPUs print the same digits?

OpenBLAS and NumPy choose their instructions by the CPU, and each choice rounds the last bit differently;
after a few hundred steps of training that bit can be seen. `python -m dlbook.reproducible COMMAND`
runs COMMAND where all x86 machines since 2013 compute alike: OpenBLAS's Haswell kernels, no AVX-512 in NumPy,
one thread. Tests and the book build run their kernels in it; a reader's own session is left alone.

Where the home folder cannot be written (containers, hubs, build users) matplotlib would print a warning that
differs from run to run, so such a process also gets a folder for its settings.
"""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np

try:
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
except ImportError:  # NumPy 1.26
    from numpy.core._multiarray_umath import __cpu_dispatch__, __cpu_features__


def _pinned():
    pinned = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"} | _settings()
    features = {name for name, present in __cpu_features__.items() if present}
    # OpenBLAS would run Haswell's kernels on a CPU without AVX2 and die of an illegal instruction
    if {"AVX2", "X86_V3"} & features or "OPENBLAS_CORETYPE" in os.environ:
        pinned["OPENBLAS_CORETYPE"] = os.environ.get("OPENBLAS_CORETYPE", "Haswell")
    # NumPy warns about a feature that this CPU or this build does not have, so name only those that exist;
    # a process that runs pinned already no longer sees them, so it hands on what it was given
    wide = [name for name in __cpu_dispatch__ if name in features and _is_wide(name)]
    disabled = os.environ.get("NPY_DISABLE_CPU_FEATURES", " ".join(wide))
    if disabled:
        pinned["NPY_DISABLE_CPU_FEATURES"] = disabled
    return pinned


def _settings():
    """Return the variable that names a folder for matplotlib's settings, if its own cannot be written."""
    if "MPLCONFIGDIR" in os.environ:
        return {"MPLCONFIGDIR": os.environ["MPLCONFIGDIR"]}
    try:
        own = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "matplotlib"
        own.mkdir(parents=True, exist_ok=True)
        if os.access(own, os.W_OK):
            return {}
    except (OSError, RuntimeError):  # no such home, or nobody's
        pass
    folder = Path(tempfile.gettempdir()) / f"dlbook-matplotlib-{getattr(os, 'getuid', int)()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return {"MPLCONFIGDIR": str(folder)}


def _is_wide(name):
    return name.startswith("AVX512") or name == "X86_V4"  # NumPy 2.4 names the base group X86_V4


PINNED = _pinned()
"""The environment variables that pin the arithmetic of a process which starts with them."""

JUPYTER_BOOK = (sys.executable, "-c", "import dlbook; from jupyter_book.cli.main import main; main()")
"""The command `jupyter-book`, spared what `dlbook` spares all its processes."""


def main(arguments):
    """Replace this process by the command in `arguments`, in the pinned environment."""
    if not arguments:
        raise SystemExit("usage: python -m dlbook.reproducible COMMAND [ARGUMENT ...]")
    try:
        os.execvpe(arguments[0], arguments, os.environ | PINNED)
    except FileNotFoundError:
        raise SystemExit(f"no command {arguments[0]!r} (NumPy {np.__version__})") from None


if __name__ == "__main__":
    main(sys.argv[1:])
