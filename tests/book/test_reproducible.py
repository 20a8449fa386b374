"""Pinned arithmetic: two machines print the same digits, and a hub without a home too."""

import os
import subprocess
import sys

import pytest

from dlbook import reproducible

COUNT = (
    "import warnings; warnings.simplefilter('error'); import numpy as np; "
    "from dlbook.reproducible import __cpu_dispatch__, __cpu_features__, _is_wide; "
    "print([name for name in __cpu_dispatch__ if __cpu_features__[name] and _is_wide(name)])"
)


def run(*arguments, **environment):
    clean = {k: v for k, v in os.environ.items() if k not in reproducible.PINNED}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=clean | environment, timeout=60
    )


def test_a_pinned_process_has_no_avx512_and_numpy_does_not_complain():
    done = run("-W", "error", "-m", "dlbook.reproducible", sys.executable, "-W", "error", "-c", COUNT)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "[]", "")


def test_pinning_a_pinned_process_changes_nothing():
    command = "-m", "dlbook.reproducible"
    show = "-c", "from dlbook.reproducible import PINNED; print(PINNED)"
    once = run(*command, sys.executable, *show)
    twice = run(*command, sys.executable, *command, sys.executable, *show)
    assert once.stdout == twice.stdout and "OMP_NUM_THREADS" in once.stdout


def test_without_a_home_that_can_be_written_matplotlib_says_nothing():
    command = "-m", "dlbook.reproducible", sys.executable, "-c"
    homeless = {"HOME": "/proc/none", "XDG_CONFIG_HOME": "", "XDG_CACHE_HOME": ""}
    done = run(*command, "import matplotlib.pyplot; print(matplotlib.get_configdir())", **homeless)
    assert (done.returncode, done.stderr) == (0, "") and "dlbook-matplotlib" in done.stdout
    own = run(*command, "import os; print(os.environ.get('MPLCONFIGDIR'))", MPLCONFIGDIR="/mine")
    assert own.stdout.strip() == "/mine"


def test_a_home_that_can_be_written_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert reproducible._settings() == {}


@pytest.mark.parametrize(
    "name, wide",
    [("AVX512F", True), ("AVX512_SKX", True), ("X86_V4", True), ("X86_V3", False), ("AVX2", False)],
)
def test_wide_features_are_known_by_their_old_and_new_names(name, wide):
    assert reproducible._is_wide(name) is wide


def test_a_cpu_without_avx2_gets_no_haswell_kernels(monkeypatch):
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    monkeypatch.setattr(reproducible, "__cpu_features__", {"SSE3": True, "AVX2": False, "X86_V3": False})
    assert "OPENBLAS_CORETYPE" not in reproducible._pinned()


def test_a_command_is_needed():
    done = run("-m", "dlbook.reproducible")
    assert done.returncode == 1 and "usage: python -m dlbook.reproducible COMMAND" in done.stderr


def test_an_unknown_command_is_named():
    done = run("-m", "dlbook.reproducible", "no-such-command")
    assert done.returncode == 1 and "no command 'no-such-command'" in done.stderr
