"""Sandbox: what may a stranger's notebook do on the instructor's machine?

Compute, and nothing else. bubblewrap gives its process a system of its own: Python and the course's libraries
read-only, a small throw-away ``/tmp``, no network, no other processes, no home, no course. A seccomp filter
lets it start threads and no processes, and limits hold its memory, files and seconds.

Inside, a process that has imported everything starts a fork for each round of a notebook (see `forks`). It
runs no stranger's code itself; the filter is put on each fork.
"""

import ctypes
import errno
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

_SYSTEM = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin", "/etc/ld.so.cache", "/etc/alternatives")
ONE_THREAD = {
    f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")
}  # submissions share the cores
_TOOL = Path(__file__).parents[1]  # the package that the grader is a part of: the worker is imported from it
_DISK = 64 * 2**20  # bytes of the throw-away /tmp
_NETLINK = 16  # families of sockets above it (vsock, Bluetooth, CAN, the kernel's cryptography) are closed
_SET_DUMPABLE, _SET_NO_NEW_PRIVS, _SET_SECCOMP, _SECCOMP_MODE_FILTER = 4, 38, 22, 2  # of prctl
_APPARMOR = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
_PROFILE = """sudo tee /etc/apparmor.d/bwrap <<'END'
abi <abi/4.0>,
include <tunables/global>
profile bwrap /usr/bin/bwrap flags=(unconfined) {
  userns,
}
END
sudo systemctl reload apparmor"""


class SandboxError(Exception):
    """There is no sandbox to be had here."""


def check():
    """Start a sandbox once and raise `SandboxError`, with the remedy, if that does not work."""
    if not sys.platform.startswith("linux"):
        raise SandboxError(
            f"bubblewrap needs Linux, and this is {sys.platform}: grade in WSL (Windows: `wsl --install`) "
            "or in a Linux container or virtual machine"
        )
    if not shutil.which("bwrap"):
        raise SandboxError("bubblewrap is not installed: `apt install bubblewrap`")
    try:
        with _filter() as rules:
            done = subprocess.run(
                [*_bwrap((), rules.fileno()), sys.executable, "-c", "print('inside')"],
                pass_fds=[rules.fileno()],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=60,
            )
    except (ImportError, RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        raise SandboxError(
            f"no seccomp filter: {error}; `pip install pyseccomp`, `apt install libseccomp2`"
        ) from None
    if done.stdout != "inside\n":
        raise SandboxError(f"bubblewrap starts no sandbox here: {done.stderr.strip()[-300:]}{_remedy()}")


def _remedy():
    """What to do where the system forbids bubblewrap to make a sandbox."""
    try:
        forbidden = _APPARMOR.read_text().strip() == "1"
    except OSError:
        forbidden = False
    if forbidden:
        return f"\nAppArmor forbids it (Ubuntu 23.10 and newer). Allow it for bubblewrap alone:\n{_PROFILE}\n"
    return ". A container must be allowed to make namespaces (Docker: --security-opt seccomp=unconfined)"


def popen(module, fd, *, memory, seconds, libraries=(), unsafe=False):
    """Start ``python -m module FD RULES`` in a sandbox, where FD and RULES are file descriptors.

    The process imports what it needs and starts forks that call `forbid` with what RULES holds, before they
    run a stranger's code.

    Parameters
    ----------
    module : str
    fd : int
        The descriptor that stays open.
    memory : int
        Bytes of address space.
    seconds : float
        Processor seconds, a second line behind the caller's own clock.
    libraries : sequence of path
        Folders of packages that can be imported, besides what is installed.
    unsafe : bool
        No sandbox and no RULES: the limits alone.
    """
    import resource  # not on Windows

    def limit():
        for kind, most in [
            (resource.RLIMIT_AS, memory),
            (resource.RLIMIT_CPU, int(seconds) + 1),
            (resource.RLIMIT_FSIZE, _DISK),
            (resource.RLIMIT_NOFILE, 256),
            (resource.RLIMIT_CORE, 0),
        ]:
            resource.setrlimit(kind, (most, most))

    python = [sys.executable, "-m", module, str(fd)]
    common = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
        "preexec_fn": limit,
    }
    if unsafe:
        return subprocess.Popen(
            python,
            pass_fds=[fd],
            env=_environment(libraries),
            cwd=tempfile.gettempdir(),
            start_new_session=True,
            **common,
        )
    with _filter() as rules:
        command = [*_bwrap(libraries), *python, str(rules.fileno())]
        return subprocess.Popen(command, pass_fds=[fd, rules.fileno()], env={}, **common)


def hidden(is_hidden):
    """Let no other process of this user look into this one, or let them again."""
    _prctl(_SET_DUMPABLE, 0 if is_hidden else 1)


def forbid(program):
    """Put this process, which has one thread, under the seccomp program, for ever."""
    size = len(program) // 8  # each instruction has 8 bytes
    filled = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HP", size, ctypes.addressof(filled))
    _prctl(_SET_NO_NEW_PRIVS, 1)
    _prctl(_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.create_string_buffer(header, len(header)))


def _prctl(option, *values):
    values = [value if isinstance(value, ctypes.Array) else ctypes.c_ulong(value) for value in values]
    values += [ctypes.c_ulong(0)] * (4 - len(values))
    if ctypes.CDLL(None, use_errno=True).prctl(option, *values):
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def _environment(libraries):
    places = os.pathsep.join(dict.fromkeys(str(Path(library).parent) for library in (_TOOL, *libraries)))
    return ONE_THREAD | {
        "HOME": "/tmp",
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": places,
        "PYTHONSAFEPATH": "1",  # nothing that a notebook writes into its folder is taken for a library
        "PYTHONUTF8": "1",
        "MPLBACKEND": "agg",
        "LANG": "C.UTF-8",
        "JOBLIB_MULTIPROCESSING": "0",  # n_jobs=2 runs one after the other
    }


def _python_folders():
    """The folders that Python is made of, and those that links on the way to them lead through."""
    folders = [sys.prefix, sys.base_prefix]
    program = sys.executable
    for _ in range(20):  # a virtual environment's Python is a link to a link
        folders.append(os.path.dirname(os.path.dirname(program)))
        if not os.path.islink(program):
            break
        program = os.path.join(os.path.dirname(program), os.readlink(program))
    folders += [os.path.realpath(folder) for folder in folders]
    return [folder for folder in dict.fromkeys(map(os.path.normpath, folders)) if folder not in ("/", "/usr")]


def _bwrap(libraries, rules=None):
    command = ["bwrap", "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--clearenv"]
    command += ["--cap-drop", "ALL", "--uid", "65534", "--gid", "65534", "--hostname", "sandbox"]
    command += ["--seccomp", str(rules)] if rules is not None else []
    command += ["--proc", "/proc", "--dev", "/dev"]
    for folder in ("/tmp", "/dev/shm"):
        command += ["--size", str(_DISK), "--tmpfs", folder]
    for path in _SYSTEM:
        if os.path.islink(path):
            command += ["--symlink", os.readlink(path), path]
        elif os.path.exists(path):
            command += ["--ro-bind", path, path]
    for path in dict.fromkeys([*_python_folders(), *(os.fspath(library) for library in (_TOOL, *libraries))]):
        if os.path.exists(path):
            command += ["--ro-bind", path, path]
    command += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]
    for name, value in _environment(libraries).items():
        command += ["--setenv", name, value]
    return command


def _filter():
    """A file with the seccomp program: threads yes, processes, tracing, namespaces and strange sockets no."""
    import pyseccomp as seccomp

    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    thread = 0x00010000  # CLONE_THREAD
    rules.add_rule(seccomp.ERRNO(errno.EPERM), "clone", seccomp.Arg(0, seccomp.MASKED_EQ, thread, 0))
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")  # then libc falls back to clone
    # a virtual machine's host is reached through a vsock, and no network namespace holds that back
    for call in ("socket", "socketpair"):
        rules.add_rule(seccomp.ERRNO(errno.EAFNOSUPPORT), call, seccomp.Arg(0, seccomp.GT, _NETLINK))
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
    file = tempfile.TemporaryFile()  # noqa: SIM115  the caller closes it
    rules.export_bpf(file)
    file.seek(0)
    return file
