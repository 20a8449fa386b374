"""The student's process: each is like the first, and sees neither the judge nor its own parent."""

import os

import pytest
from nbformat.v4 import new_code_cell
from small import FULL, SETUP, SOURCE, changed, outcome, scores
from test_sandbox import needs_sandbox

pytestmark = needs_sandbox

TRACES = {
    "a file": "open('/tmp/left', 'w').write('x')",
    "shared memory": "open('/dev/shm/left', 'w').write('x')",
    "what the next process is a fork of, ended": "os.kill(os.getppid(), 9)",
    "what the next process is a fork of, stopped": "os.kill(os.getppid(), 19)",
}
SEEN = "import os\nseen = [n for f in ('/tmp', '/dev/shm') for n in os.listdir(f) if n == 'left']\n"


@pytest.mark.parametrize("trace", TRACES)
def test_a_second_run_meets_nothing_of_the_first(tmp_path, trace):
    """The judge runs a notebook twice in one sandbox. An answer must not learn which run it is in."""
    cells = changed(mine_answer=f"{SEEN}mine = 2 * my.n + len(seen)")
    assert scores(tmp_path, [*cells, new_code_cell(TRACES[trace])]) == FULL


def test_a_notebook_cannot_look_into_the_process_that_it_is_a_fork_of(tmp_path):
    look = (
        "import os\ntry:\n    open(f'/proc/{os.getppid()}/mem', 'r+b')\n    print('opened')\n"
        "except OSError as error:\n    print(type(error).__name__)\n"
        "print(len(open('/proc/self/maps').read()) > 0)"
    )
    _, result = outcome(tmp_path, [*SOURCE, new_code_cell(look)])
    assert result["cells"][-1]["output"] == "PermissionError\nTrue\n"


def test_another_copy_of_a_library_is_not_graded(tmp_path):
    (tmp_path / "elsewhere" / "dlcore").mkdir(parents=True)
    tasks, result = outcome(tmp_path, SOURCE, libraries={"dlcore": str(tmp_path / "elsewhere" / "dlcore")})
    assert {(task["points"], task["status"]) for task in tasks.values()} == {(None, "not graded")}
    assert result["again"] and "finds the library dlcore in" in tasks["square"]["message"]


def test_notebooks_with_the_old_import_run_in_the_sandbox(tmp_path):
    import dlcore

    old = changed(setup=SETUP.replace("dlbook.grader", "dlcore.book.exercises"))
    old.insert(
        1,
        new_code_cell(
            "from dlcore.book.exercises import expect, kills, seeded, variant\nexpect(1, 1)\n"
            "print('old door')"
        ),
    )
    tasks, result = outcome(tmp_path, old, libraries={"dlcore": os.path.dirname(dlcore.__file__)})
    assert {name: task["points"] for name, task in tasks.items()} == FULL
    assert (result["cells"][1]["error"], result["cells"][1]["output"].splitlines()[-1]) == ("", "old door")
