"""Sandbox: what may a stranger's notebook do on the instructor's machine?

Compute, and nothing else. bubblewrap gives its process a system of its own: Python and `dlcore` read-only, a
small throw-away ``/tmp``, no network, no other processes, no home, no course. A seccomp filter lets it start
threads and no processes, and limits hold its memory, files and seconds.
"""

import errno
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import dlcore

_SYSTEM = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin", "/etc/ld.so.cache", "/etc/alternatives")
ONE_THREAD = {
    f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")
}  # submissions share the cores
_LIBRARIES = [
    Path(dlcore.__file__).parent,
    Path(__file__).parents[1],
]  # all of this checkout that a submission sees
_DISK = 64 * 2**20  # bytes of the throw-away /tmp


class Refused(Exception):
    """There is no sandbox to be had here."""


def check():
    """Start a sandbox once and raise `Refused`, with the remedy, if that does not work."""
    if not shutil.which("bwrap"):
        raise Refused("bubblewrap is not installed: `apt install bubblewrap`, or grade on Linux")
    try:
        with _filter() as rules:
            done = subprocess.run(
                [*_bwrap(rules.fileno()), sys.executable, "-c", "print('inside')"],
                pass_fds=[rules.fileno()], capture_output=True, text=True, timeout=60,
            )  # fmt: skip
    except (ImportError, RuntimeError, OSError) as error:
        raise Refused(
            f"no seccomp filter: {error}; `pip install pyseccomp`, `apt install libseccomp2`"
        ) from None
    if done.stdout != "inside\n":
        raise Refused(f"bubblewrap starts no sandbox here: {done.stderr.strip()[-300:]}")


def popen(module, arguments, fds, *, memory, seconds, unsafe=False):
    """Start ``python -m module arguments`` in a sandbox, with some file descriptors open.

    Parameters
    ----------
    module, arguments : str, sequence
    fds : sequence of int
        The descriptors that stay open.
    memory : int
        Bytes of address space.
    seconds : float
        Processor seconds, a second line behind the caller's own clock.
    unsafe : bool
        No sandbox: the limits alone.
    """

    def limit():
        for kind, most in [
            (resource.RLIMIT_AS, memory),
            (resource.RLIMIT_CPU, int(seconds) + 1),
            (resource.RLIMIT_FSIZE, _DISK),
            (resource.RLIMIT_NOFILE, 256),
            (resource.RLIMIT_CORE, 0),
        ]:
            resource.setrlimit(kind, (most, most))

    python = [sys.executable, "-m", module, *map(str, arguments)]
    common = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
        "preexec_fn": limit,
    }
    if unsafe:
        return subprocess.Popen(
            python,
            pass_fds=fds,
            env=_environment(),
            cwd=tempfile.gettempdir(),
            start_new_session=True,
            **common,
        )
    with _filter() as rules:
        return subprocess.Popen(
            [*_bwrap(rules.fileno()), *python], pass_fds=[*fds, rules.fileno()], env={}, **common
        )


def _environment():
    places = os.pathsep.join(dict.fromkeys(str(library.parent) for library in _LIBRARIES))
    return ONE_THREAD | {
        "HOME": "/tmp",
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": places,
        "MPLBACKEND": "agg",
        "LANG": "C.UTF-8",
    }


def _bwrap(rules):
    readable = [*_SYSTEM, sys.base_prefix, sys.prefix, *map(str, _LIBRARIES)]
    command = ["bwrap", "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--clearenv"]
    command += [
        "--cap-drop",
        "ALL",
        "--uid",
        "65534",
        "--gid",
        "65534",
        "--hostname",
        "sandbox",
        "--seccomp",
        str(rules),
    ]
    command += ["--proc", "/proc", "--dev", "/dev"]
    for folder in ("/tmp", "/dev/shm"):
        command += ["--size", str(_DISK), "--tmpfs", folder]
    for path in dict.fromkeys(readable):
        if os.path.islink(path):
            command += ["--symlink", os.readlink(path), path]
        elif os.path.exists(path):
            command += ["--ro-bind", path, path]
    command += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]
    for name, value in _environment().items():
        command += ["--setenv", name, value]
    return command


def _filter():
    """A file with the seccomp program: threads yes, processes, tracing and namespaces no."""
    import pyseccomp as seccomp

    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    thread = 0x00010000  # CLONE_THREAD
    rules.add_rule(seccomp.ERRNO(errno.EPERM), "clone", seccomp.Arg(0, seccomp.MASKED_EQ, thread, 0))
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")  # then libc falls back to clone
    memory = (
        "memfd_create",
        "memfd_secret",
        "shmget",
        "msgget",
        "semget",
        "mq_open",
    )  # of the system, past the limit
    keys = ("add_key", "request_key", "keyctl")
    others = (
        "fork",
        "vfork",
        "ptrace",
        "mount",
        "umount2",
        "unshare",
        "setns",
        "bpf",
        "io_uring_setup",
        "userfaultfd",
    )
    for name in (*others, *memory, *keys, "perf_event_open"):
        try:
            rules.add_rule(seccomp.ERRNO(errno.EPERM), name)
        except (RuntimeError, ValueError, OSError):  # a call that this machine does not have
            continue
    file = tempfile.TemporaryFile()
    rules.export_bpf(file)
    file.seek(0)
    return file
