"""The machine's own pace: limits that a test gives to notebooks which never end.

A limit in seconds is right on one machine and wrong on another, or on the same one under load. So the tests
of what hangs are given a unit: how long this machine takes to judge a small notebook that is right.
"""

import tempfile
import time
from functools import cache
from pathlib import Path

import nbformat
from nbformat.v4 import new_notebook
from test_cells import cell

from dlbook.grader.judge import Job, judge

AMPLE = {"cell_seconds": 30, "seconds": 180}  # for notebooks that end by themselves
_LATER = 4  # how much more time a second try is given


@cache
def unit():
    """Return the seconds that this machine takes to judge a small solution, at least one."""
    test = cell("assert x == 1", "task", grade=True, locked=True, points=1)
    content = nbformat.writes(new_notebook(cells=[cell("x = 1", "answer", solution=True), test]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rehearsal.ipynb"
        path.write_text(content)
        start = time.monotonic()
        result = judge(Job(str(path), str(path), "rehearsal", "nobody", **AMPLE))
    assert [task["points"] for task in result["tasks"]] == [1]
    return max(1.0, time.monotonic() - start)


def at_the_machine_s_pace(check):
    """Call ``check(unit)`` with a unit of time in seconds, and once more with a longer one if that fails.

    A real fault fails at every pace; a moment in which the machine was busy with something else does not.
    """
    pace = unit()
    try:
        check(pace)
    except AssertionError:
        check(_LATER * pace)
