"""Forks: a process that has imported everything once starts others that need not.

Most of the time that a submission costs would go into importing NumPy and IPython, three times over. So the
judges of a run are forks of one process, and so are the rounds of one notebook within its sandbox.

`serve` is the loop of such a process. `Forks` is the other end of its socket: it starts a fork with file
descriptors of its own, and ends it.
"""

import contextlib
import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import traceback

_MESSAGE = struct.Struct("=cqd")  # command, number, seconds
_MOST = 8  # file descriptors of a fork
_PDEATHSIG = 1


class ForksError(Exception):
    """The process that starts others is gone, or does not answer."""


class Forks:
    """The process that starts others, as seen by who wants them.

    Parameters
    ----------
    popen : callable
        ``popen(fd)`` starts a process that calls `serve` with the socket ``fd``.
    """

    def __init__(self, popen):
        self._control, theirs = socket.socketpair()
        self._lock = threading.Lock()
        with theirs:
            self.process = popen(theirs.fileno())

    def start(self, fds, seconds=None):
        """Start a fork that holds these file descriptors, in this order. Return its number.

        The first fork waits for the process to be ready, `seconds` at most.
        """
        return self._asked(b"s", 0, 0.0, fds, seconds)

    def end(self, number, patience=0.0):
        """Give a fork so many seconds to end by itself, and then end it. Return its exit code.

        The code is negative if a signal has ended it, as in `subprocess`.
        """
        return self._asked(b"e", number, patience, [], patience + 10)

    def close(self):
        """End the process and all its forks."""
        self._control.close()  # then it ends its forks
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _asked(self, command, number, patience, fds, seconds):
        with self._lock:
            try:
                self._control.settimeout(seconds)
                socket.send_fds(self._control, [_MESSAGE.pack(command, number, patience)], fds)
                answer = self._control.recv(8)
            except OSError as error:
                raise ForksError(f"no answer: {error}") from None
        if len(answer) < 8:
            raise ForksError("the process has ended")
        return int.from_bytes(answer, "big", signed=True)


def serve(fd, run, *, usable=lambda: True):
    """Start and end forks until the other end is gone.

    Parameters
    ----------
    fd : int
        The socket.
    run : callable
        ``run(*fds)`` in a fork. What it returns is the exit code.
    usable : callable
        Asked after each end of a fork: whether this process may start another one. It ends if not.
    """
    control, forks = socket.socket(fileno=fd), {}
    try:
        while True:
            message, fds, _, _ = socket.recv_fds(control, _MESSAGE.size, _MOST)
            if len(message) < _MESSAGE.size:
                return
            command, number, patience = _MESSAGE.unpack(message)
            if command == b"s":
                number = os.fork()
                if not number:
                    _child(control, run, fds)
                for one in fds:
                    os.close(one)
                forks[number] = True
                answer = number
            elif forks.pop(number, False):
                answer = os.waitstatus_to_exitcode(_ended(number, patience))
            else:
                return
            control.sendall(answer.to_bytes(8, "big", signed=True))
            if command == b"e" and not usable():
                return
    finally:
        for number in forks:
            _ended(number, 0)


def _child(control, run, fds):
    code = 1
    try:
        control.close()
        os.setsid()
        with contextlib.suppress(OSError, AttributeError):  # Linux alone: ends with its parent
            ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        code = run(*fds) or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _ended(number, patience):
    """Wait for a fork, end what is left of its session, and return its status."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        done, status = os.waitpid(number, os.WNOHANG)
        if done:
            return status
        time.sleep(0.005)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(number, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(number, signal.SIGKILL)  # it may not have a session yet
    return os.waitpid(number, 0)[1]
