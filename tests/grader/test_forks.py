"""Forks: processes that need not import again, and an end for each of them."""

import os
import subprocess
import sys
import time

import pytest

from dlbook.grader.forks import Forks, ForksError

SERVE = """
import os, signal, sys, time
from dlbook.grader.forks import serve
def run(reader, writer):
    said = os.read(reader, 100).decode()
    if said == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if said == "raise":
        raise ValueError("planted")
    if said == "sleep":
        time.sleep(600)
    os.write(writer, f"{said} {os.getppid()}".encode())
    return len(said)
serve(int(sys.argv[1]), run, usable=lambda: not os.path.exists(sys.argv[2]))
"""


@pytest.fixture
def forks(tmp_path):
    def popen(fd):
        code = [sys.executable, "-c", SERVE, str(fd), str(tmp_path / "left")]
        return subprocess.Popen(code, pass_fds=[fd], stderr=subprocess.DEVNULL)

    one = Forks(popen)
    yield one
    one.close()
    assert one.process.returncode == 0


def started(forks, said):
    (ours, theirs), (back, answer) = os.pipe(), os.pipe()
    number = forks.start([ours, answer])
    os.close(ours)
    os.close(answer)
    os.write(theirs, said.encode())
    os.close(theirs)
    return number, back


def test_a_fork_gets_its_descriptors_and_its_code_comes_back(forks):
    first, second = started(forks, "one"), started(forks, "three")
    for (number, back), said in ((second, "three"), (first, "one")):
        assert os.read(back, 100).decode() == f"{said} {forks.process.pid}"
        assert forks.end(number, 600) == len(said)
        os.close(back)


@pytest.mark.parametrize("said, code", [("crash", -11), ("raise", 1)])
def test_a_fork_that_fails_does_not_end_the_others(forks, said, code):
    number, back = started(forks, said)
    assert forks.end(number, 600) == code
    os.close(back)
    number, back = started(forks, "next")
    assert forks.end(number, 600) == 4
    os.close(back)


def test_a_fork_that_does_not_end_is_ended(forks):
    number, back = started(forks, "sleep")
    assert forks.end(number, 0.05) == -9
    assert os.read(back, 100) == b""  # nobody holds the other end
    os.close(back)


def test_closing_ends_all_forks(tmp_path):
    one = Forks(
        lambda fd: subprocess.Popen([sys.executable, "-c", SERVE, str(fd), str(tmp_path)], pass_fds=[fd])
    )
    backs = [started(one, "sleep")[1] for _ in range(3)]
    one.close()
    for back in backs:
        assert os.read(back, 100) == b""
        os.close(back)


def test_a_process_that_is_not_usable_any_more_starts_no_other(forks, tmp_path):
    number, back = started(forks, "one")
    (tmp_path / "left").touch()
    assert forks.end(number, 600) == 3
    os.close(back)
    with pytest.raises(ForksError):
        started(forks, "two")


def test_a_process_that_does_not_answer_is_noticed():
    one = Forks(lambda fd: subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]))
    start = time.monotonic()
    with pytest.raises(ForksError):
        one.start([], 0.1)
    one.process.kill()
    one.close()
    assert time.monotonic() - start < 300
