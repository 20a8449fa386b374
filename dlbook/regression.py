"""Regression: what of a chapter's run may differ from its stored text?

A pytest plugin beside nbval, named in the settings of pytest (`-p dlbook.regression`). It pins the arithmetic
of the kernels, and what another package says about the machine on stderr (`dlbook.notebooks.NOTICES`) does
not count as the chapter's text. A warning that the chapter's own numbers cause still fails the test.

A chapter that a build of the site has run already, with the same code, library, Python, NumPy and Matplotlib,
is not run twice: nbval then compares the stored text with what that run gave (`dlbook.explorer.kept`).
`make clean` forgets it.
"""

import os
from collections import deque
from functools import partial

from dlbook.notebooks import without_notices
from dlbook.reproducible import PINNED

SHARED = ("chapter", "run by the site's build")


class Replay:
    """In a kernel's place: what the cells of a notebook gave when it ran."""

    def __init__(self, notebook):
        self.cells = iter([cell for cell in notebook.cells if cell.cell_type == "code"])
        self.messages = deque()

    def is_alive(self):
        return True

    def execute_cell_input(self, source, allow_stdin=False):
        """Give the outputs of the next cell with this source as the messages of a kernel."""
        cell = next(cell for cell in self.cells if cell.source == source)
        self.messages += [self._message(output["output_type"], output) for output in cell.outputs]
        self.messages.append(self._message("status", {"execution_state": "idle"}))
        return "run"

    def await_reply(self, msg_id, timeout=None):
        """The cell has run."""

    await_idle = await_reply

    def get_message(self, stream, timeout=None):
        return self.messages.popleft()

    def stop(self):
        """There is nothing to stop."""

    def _message(self, kind, content):
        return {"msg_type": kind, "content": content, "parent_header": {"msg_id": "run"}}


def pytest_configure(config):
    """Let the kernels and processes that tests start compute alike on every machine."""
    os.environ.update(PINNED)
    os.environ["MPLBACKEND"] = "agg"


def pytest_itemcollected(item):
    """Compare a notebook's cell without the notices of packages, and with what a build gave."""
    compare = getattr(item, "compare_outputs", None)  # a cell of nbval's
    if compare is None:
        return
    item.compare_outputs = lambda test, ref, *more: compare(without_notices(test), ref, *more)
    notebook = item.parent
    if not isinstance(notebook.setup, partial):
        notebook.setup = partial(_setup, notebook, notebook.setup)


def pytest_runtest_call(item):
    if isinstance(getattr(item.parent, "kernel", None), Replay):
        item.user_properties.append(SHARED)


def pytest_terminal_summary(terminalreporter):
    """Say how many chapters did not run again."""
    reports = [report for group in terminalreporter.stats.values() for report in group]
    shared = {
        report.nodeid.partition("::")[0]
        for report in reports
        if SHARED in map(tuple, getattr(report, "user_properties", ()))
    }
    if shared:
        terminalreporter.write_line(f"{len(shared)} chapters were compared with what the site's build gave.")


def _setup(file, start_kernel):
    done = _kept(file)
    if done is None:
        start_kernel()
    else:
        file.kernel = Replay(done)
        file.setup_sanitize_files()


def _kept(file):
    """Return the chapter of an nbval file as the last build of the site has run it; None where it has not."""
    try:
        import yaml

        from dlbook.explorer import digest, kept
    except ImportError:  # without Jupyter Book there is no build
        return None
    root = file.config.rootpath
    folder, settings = root / "_build" / kept.FOLDER, root / "_config.yml"
    if not folder.is_dir() or not settings.is_file() or not file.path.is_relative_to(root):
        return None
    packages = yaml.safe_load(settings.read_text(encoding="utf-8"))["sphinx"]["config"]["explorer_packages"]
    key = kept.digest_of(file.path, digest.roots(packages, root))
    name = file.path.relative_to(root).with_suffix("").as_posix()
    done = kept.outputs(kept.folder_of(folder, name, key), file.nb)
    return done and kept.as_in_jupyter(done)
