"""Worker: the process in which a student's notebook runs, cell by cell, for the judge at the other end.

It knows neither tests nor solutions nor other students. ``python -m dlbook.grader.worker FD RULES`` imports
what a notebook needs and starts such processes, by `forks.serve`; see `sandbox.popen`.
"""

import importlib.util
import inspect
import io
import os
import sys
from functools import partial
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from dlbook.grader import forks, rpc, sandbox
from dlbook.grader.rpc import Wire

_WRITABLE = ("/tmp", "/dev/shm")
_LONGEST = 20_000  # characters that are kept of what a cell prints
_MOST_NAMES = 3  # of what an answer called
_PROGRAMS = ("pip", "conda", "mamba", "uv", "sx", "sc", "system")  # line magics that start a program
_SHELLS = ("bash", "sh", "script", "system", "cmd", "perl", "ruby")  # and cell magics


class Output(io.TextIOBase):
    """A stream that keeps the beginning of what is written."""

    def __init__(self):
        self.text = ""

    def writable(self):
        """It is."""
        return True

    def write(self, text):
        """Keep what still fits."""
        self.text += text[: max(0, _LONGEST - len(self.text))]
        return len(text)


class Notebook:
    """The student's notebook, as the judge sees it."""

    def __init__(self):
        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "NoColor"
        shell = self._shell = InteractiveShell.instance(config=config)
        shell.showtraceback = shell.showsyntaxerror = lambda *args, **named: None
        shell.enable_gui = lambda *args, **named: None  # %matplotlib inline
        shell.ask_exit = lambda: None  # exit()
        shell.displayhook.write_output_prompt = lambda: None
        shell.system = shell.system_raw = shell.system_piped = _skip
        shell.getoutput = lambda *args, **named: _skip() or []
        for name in _PROGRAMS:
            shell.register_magic_function(_skip, "line", name)
        for name in _SHELLS:
            shell.register_magic_function(_skip, "cell", name)

    def places(self, packages):
        """Return the file of each package that an import would find here."""
        specs = {name: importlib.util.find_spec(name) for name in packages}
        return {name: spec.origin if spec else None for name, spec in specs.items()}

    def run(self, source):
        """Run a cell. Return what it printed and, if it failed, the error in a line."""
        output = Output()
        streams, (sys.stdout, sys.stderr) = (sys.stdout, sys.stderr), (output, output)
        try:
            done = self._shell.run_cell(source)
            error = done.error_before_exec or done.error_in_exec
        except BaseException as raised:
            error = raised
        finally:
            sys.stdout, sys.stderr = streams
        return {"output": output.text, "error": f"{type(error).__name__}: {error}"[:2000] if error else ""}

    def look(self, name):
        """Return what the notebook calls by a name."""
        if name not in self._shell.user_ns:
            raise NameError(f"`{name}` is not defined")
        return self._shell.user_ns[name]

    def watch(self, packages):
        """Note from now on which functions and classes of these packages or modules the notebook calls.

        Names may be those of functions, in the module that defines them.
        """
        self._called = {}
        sys.setprofile(partial(_note, tuple(f"{name}." for name in packages), self._called))

    def watched(self):
        """Stop watching. Return the names of what was called."""
        sys.setprofile(None)
        return list(self._called)


def _note(packages, called, frame, event, argument):
    if event == "call" and frame.f_code.co_flags & inspect.CO_NEWLOCALS:  # a function's own code
        caller = frame.f_back
        if _belongs(frame, packages) and not (
            _belongs(caller, packages) or _is_packing(caller) or _is_import(caller)
        ):
            called[_name(frame, packages)] = True
            if len(called) == _MOST_NAMES:
                sys.setprofile(None)


def _belongs(frame, packages):
    if frame is None:
        return False
    return f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}.".startswith(packages)


def _is_packing(frame):
    """Whether the wire asks a value of a library for its numbers: that is none of the notebook's calls."""
    return (
        frame is not None
        and frame.f_globals.get("__name__") == rpc.__name__
        and frame.f_code.co_name != "_do"
    )


def _is_import(frame):
    """Whether this happens while a module is imported: its decorators are called by no notebook."""
    while frame is not None:
        if frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") != "__main__":
            return True
        frame = frame.f_back
    return False


def _name(frame, packages):
    kind = type(frame.f_locals.get("self"))
    if f"{kind.__module__}.".startswith(packages):
        return f"{kind.__module__}.{kind.__qualname__}"
    return f"{frame.f_globals['__name__']}.{frame.f_code.co_qualname.partition('.')[0]}"


def _skip(*args, **named):
    """Say that a program was left out: an answer below ``!pip install`` is judged all the same."""
    print("(no program can be started while a notebook is graded; this line was left out)")


def _left_behind():
    """What there is to read in the folders that can be written."""
    return {
        (path := os.path.join(folder, name), (about := os.lstat(path)).st_mtime_ns, about.st_size)
        for top in _WRITABLE
        for folder, below, files in os.walk(top)
        for name in (*below, *files)
    }


def main(control, rules=None):
    """Start processes for notebooks, until one of them leaves something behind that the next could read."""
    program = Path(f"/dev/fd/{rules}").read_bytes() if rules else b""
    notebook = Notebook()
    before = _left_behind() if rules else set()
    if rules:
        sandbox.hidden(True)

    def run(reader, writer):
        if rules:
            sandbox.hidden(False)
            sandbox.forbid(program)
        Wire(reader, writer, root=notebook).serve()

    forks.serve(int(control), run, usable=lambda: not rules or _left_behind() == before)


if __name__ == "__main__":
    main(*sys.argv[1:])
