"""The sandbox: each thing that a stranger might try, tried."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from dlbook.grader import sandbox
from dlbook.grader.judge import Job
from dlbook.grader.judge.student import Sandbox, Student
from dlbook.grader.rpc import EndedError

ROOT = Path(__file__).parents[2]


def no_sandbox():
    try:
        sandbox.check()
    except sandbox.SandboxError as refused:
        return str(refused)
    return ""


needs_sandbox = pytest.mark.skipif(bool(no_sandbox()), reason=no_sandbox() or "there is one")


LIMITS = Job("", "", "", "", seconds=600, libraries={"dlcore": str(ROOT / "dlcore")})


class Inside(Student):
    """A notebook in the sandbox."""

    def run(self, source):
        self.wire.deadline = time.monotonic() + 600
        return self.wire.root.run(source)


@pytest.fixture(scope="module")
def box():
    """A sandbox for all tests. It is made anew after one that has left something in it."""
    with Sandbox(LIMITS) as one:
        yield one


@pytest.fixture
def inside(box):
    with Inside(LIMITS, box, 600) as one:
        yield one


def tried(inside, source):
    done = inside.run(source)
    return done["error"] or done["output"].strip()


@needs_sandbox
def test_it_computes(inside):
    assert tried(inside, "import numpy as np, dlcore\nnp.arange(4).sum()") in ("6", "np.int64(6)")
    assert (
        tried(
            inside,
            "%matplotlib inline\nfrom threading import Thread\n"
            "t = Thread(target=print, args=['ran'])\nt.start(); t.join()",
        )
        == "ran"
    )
    assert tried(inside, "open('/tmp/notes', 'w').write('kept')") == "4"


@needs_sandbox
def test_there_is_no_network(inside):
    inside.run("import socket")
    assert "unreachable" in tried(inside, "socket.create_connection(('192.0.2.1', 80), 3)")
    assert "gaierror" in tried(inside, "socket.gethostbyname('example.com')")


@needs_sandbox
def test_nothing_of_the_course_can_be_seen(inside):
    assert tried(inside, "import os; sorted(os.listdir('/'))") != tried(inside, "1")
    seen = tried(inside, f"import os; sorted(os.listdir({str(ROOT)!r}))")
    assert "chapters" not in seen and "tests" not in seen
    search = """
found = []
for folder, _, files in os.walk("/"):
    if not folder.startswith(("/proc", "/sys")):
        if "site-packages" not in folder:
            found += [os.path.join(folder, f) for f in files if f.endswith(".ipynb")]
found
"""
    assert tried(inside, search) == "[]"
    assert "BEGIN HIDDEN" not in tried(inside, "open('/proc/self/environ').read()")
    assert (
        len(tried(inside, "[p for p in os.listdir('/proc') if p.isdigit()]").split(",")) <= 3
    )  # itself, what it was forked from, and bubblewrap


@needs_sandbox
@pytest.mark.parametrize("path", ["/usr/x", "/x", "/dev/x", "/etc/x", str(ROOT / "dlcore" / "x")])
def test_nothing_but_tmp_can_be_written(inside, path):
    assert "Error" in tried(inside, f"open({path!r}, 'w')")


@needs_sandbox
def test_the_disk_ends(inside):
    fill = "for i in range(200):\n    with open(f'{folder}/big{i}', 'wb') as f: f.write(bytes(2**20))"
    for folder in ("/tmp", "/dev/shm"):
        assert "No space left" in tried(inside, f"folder = {folder!r}\n" + fill)


@needs_sandbox
def test_memory_ends(inside):
    assert "MemoryError" in tried(inside, "x = bytearray(3 * 2**30)")
    assert tried(inside, "1 + 1") == "2"


@needs_sandbox
@pytest.mark.parametrize(
    "attempt",
    [
        "os.fork()",
        "subprocess.run(['ls'])",
        "os.system('true') and 1 / 0",
        "os.posix_spawn('/bin/ls', ['ls'], {})",
    ],
)
def test_no_process_can_be_started(inside, attempt):
    inside.run("import os, subprocess")
    assert "Error" in tried(inside, attempt)


@needs_sandbox
def test_a_process_that_ends_is_noticed(inside):
    with pytest.raises(EndedError):
        inside.run("import os; os._exit(3)")
    assert inside.why_it_ended() == "the process ended with code 3"


@needs_sandbox
def test_all_ends_with_the_process():
    with Sandbox(LIMITS) as box, Inside(LIMITS, box, 600) as one:
        one.run("import threading, time\nthreading.Thread(target=time.sleep, args=[600]).start()")
        process = box._forks.process
    assert process.returncode is not None


def test_without_a_sandbox_the_limits_hold_still():
    with Sandbox(replace(LIMITS, unsafe=True)) as box, Inside(LIMITS, box, 600) as one:
        assert "MemoryError" in tried(one, "x = bytearray(3 * 2**30)")
        assert tried(one, "import os; os.environ.get('OMP_NUM_THREADS')") == "'1'"


def test_a_machine_without_bubblewrap_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(sandbox.SandboxError, match="apt install bubblewrap"):
        sandbox.check()


def test_a_bubblewrap_that_starts_nothing_is_no_sandbox(monkeypatch, tmp_path):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'no permission to make namespaces' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(sandbox.SandboxError, match="no permission to make namespaces"):
        sandbox.check()


@needs_sandbox
def test_a_sweep_on_two_processes_runs_one_after_the_other(inside):
    code = "from joblib import Parallel, delayed\nParallel(n_jobs=2)(delayed(abs)(i) for i in (-1, -2))"
    assert tried(inside, code) == "[1, 2]"


@needs_sandbox
@pytest.mark.parametrize("family", ["AF_VSOCK", "AF_ALG", "AF_PACKET", "AF_CAN"])
def test_sockets_that_lead_past_the_network_namespace_are_closed(inside, family):
    said = tried(
        inside,
        f"import socket\nsocket.socket(socket.{family}, socket.SOCK_RAW if '{family}' != 'AF_VSOCK' else 1)",
    )
    assert "Error" in said and "opened" not in said
    assert "Address family not supported" in tried(inside, "socket.socket(40, 1)")


@needs_sandbox
def test_programs_are_left_out_and_the_cell_goes_on(inside):
    for line in ("!ls", "%pip install x", "files = !ls", "%conda install x"):
        assert tried(inside, f"{line}\nprint('went on')").endswith("went on"), line


@needs_sandbox
def test_a_python_that_is_reached_through_links_is_found(tmp_path, monkeypatch):
    """A .venv that is a link to another disk, and a Python whose folder is a link, as uv makes them."""
    (tmp_path / "venv").symlink_to(sys.prefix)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "bin" / "python"))
    sandbox.check()
    folders = sandbox._python_folders()
    assert str(tmp_path / "venv") in folders and os.path.realpath(tmp_path / "venv") in folders


def test_apparmor_s_refusal_names_the_remedy(monkeypatch, tmp_path):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    broken.chmod(0o755)
    (tmp_path / "restricted").write_text("1\n")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(sandbox, "_APPARMOR", tmp_path / "restricted")
    with pytest.raises(
        sandbox.SandboxError, match=r"(?s)Permission denied.*AppArmor.*apparmor.d/bwrap.*userns,"
    ):
        sandbox.check()


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_other_systems_are_told_the_way(monkeypatch, system):
    monkeypatch.setattr(sys, "platform", system)
    with pytest.raises(sandbox.SandboxError, match=f"needs Linux, and this is {system}: grade in WSL"):
        sandbox.check()


@pytest.fixture(scope="module")
def imported():
    """The commands that a process without the limits of Unix can import, and what it says of the others."""
    code = (
        "import importlib, sys, traceback\nsys.modules['resource'] = sys.modules['fcntl'] = None\n"
        "for name in ('grade', 'release', 'collect', 'desk'):\n"
        "    try:\n        importlib.import_module(f'dlbook.grader.{name}')\n        print(name)\n"
        "    except ImportError:\n        traceback.print_exc()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return done.stdout.split(), done.stderr


@pytest.mark.parametrize("module", ["grade", "release", "collect", "desk"])
def test_a_system_without_limits_imports_the_commands(module, imported):
    """On Windows there is no `resource`: a message, not an ImportError."""
    names, errors = imported
    assert module in names, errors
