"""Rounds: what does not end, or ends the process, costs its own task in bounded time."""

import time

import pytest
from clocks import at_the_machine_s_pace
from nbformat.v4 import new_code_cell
from small import FULL, SOURCE, changed, outcome, scores
from test_sandbox import needs_sandbox

from dlbook.grader.judge.student import Student

pytestmark = needs_sandbox
NEVER = "import threading; threading.Event().wait()"  # takes no processor from the clock that it must beat


@pytest.mark.parametrize(
    "attack, lost",
    [
        ("import os; os._exit(0)", {}),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", {}),
        ("raise SystemExit", {}),
        (
            "import os\nfor i in range(3, 30):\n    try: os.write(i, b'\\xff' * 9)\n    except OSError: pass",
            {},
        ),
        ("import os\nfor i in range(3, 30):\n    try: os.close(i)\n    except OSError: pass", {}),
        ("import sys; sys.stdout.close(); del sys.stdout", {}),
        ("get_ipython().run_cell = None", {"mine": 0, "check": 0}),
        ("x = [0] * 10**10", {}),
        ("print('x' * 10**8)", {}),
        ("import os; os._exit(255)", {}),
        ("print('\\ud800'); raise ValueError('\\ud800')", {}),
        ("import os, mmap\nos.memfd_create('x')", {}),
    ],
)
@pytest.mark.usefixtures("warm")
def test_a_cell_that_breaks_the_process_costs_no_more_than_itself(tmp_path, attack, lost):
    cells = [*SOURCE[:3], new_code_cell(attack), *SOURCE[3:]]
    assert scores(tmp_path, cells) == FULL | lost


def test_a_cell_that_never_ends_costs_no_more_than_itself(tmp_path):
    cells = [*SOURCE[:3], new_code_cell("while True: pass"), *SOURCE[3:]]

    def check(unit):
        assert scores(tmp_path, cells, cell_seconds=2 * unit, seconds=20 * unit) == FULL

    at_the_machine_s_pace(check)


def test_a_function_that_never_returns_costs_its_task(tmp_path):
    def check(unit):
        tasks, _ = outcome(
            tmp_path,
            changed(square_answer=f"def square(x):\n    {NEVER}"),
            cell_seconds=2 * unit,
            seconds=20 * unit,
        )
        assert (tasks["square"]["status"], tasks["square"]["points"]) == ("timed out", 0)
        assert tasks["mine"]["points"] == 1 and tasks["check"]["points"] == 3

    at_the_machine_s_pace(check)


def test_a_function_that_ends_the_process_costs_its_task(tmp_path):
    tasks, _ = outcome(tmp_path, changed(check_answer="import os\ndef check(f):\n    os._exit(7)"))
    assert (tasks["check"]["status"], tasks["check"]["message"]) == (
        "process ended",
        "the process ended with code 7",
    )


def test_a_notebook_whose_extra_cells_hang_is_judged_without_them_in_bounded_time(tmp_path):
    hanging = [new_code_cell(NEVER) for _ in range(9)]

    def check(unit):
        start = time.monotonic()
        found = scores(
            tmp_path, [*SOURCE[:3], *hanging, *SOURCE[3:]], cell_seconds=2 * unit, seconds=10 * unit
        )
        assert found == FULL
        assert time.monotonic() - start < 18 * unit

    at_the_machine_s_pace(check)


def test_a_notebook_that_hangs_everywhere_keeps_what_it_has(tmp_path):
    def check(unit):
        tasks, _ = outcome(
            tmp_path,
            changed(mine_answer=NEVER, check_answer=NEVER),
            cell_seconds=2 * unit,
            seconds=15 * unit,
        )
        assert tasks["square"]["points"] == 2
        assert {(tasks[name]["status"], tasks[name]["points"]) for name in ("mine", "check")} <= {
            ("timed out", 0),
            ("failed", 0),
        }

    at_the_machine_s_pace(check)


def slow_starts(monkeypatch, seconds):
    """Let each sandbox need so long before it answers."""

    class Slow(Student):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            time.sleep(seconds)

    monkeypatch.setattr("dlbook.grader.judge.rounds.Student", Slow)


def test_a_sandbox_that_is_slow_to_start_costs_no_answer(tmp_path, monkeypatch):
    cells = [*SOURCE[:3], new_code_cell("import os; os._exit(0)"), *SOURCE[3:]]

    def check(unit):
        limits = {"cell_seconds": 2 * unit, "seconds": 6 * unit, "starting": 60 * unit}
        slow_starts(monkeypatch, 3 * unit)  # all the seconds of the first round, at every start
        assert scores(tmp_path, cells, **limits) == FULL

    at_the_machine_s_pace(check)


def test_a_notebook_that_starts_sandboxes_without_end_is_cut(tmp_path, monkeypatch):
    cells = [SOURCE[0], *[new_code_cell("import os; os._exit(0)") for _ in range(200)], *SOURCE[1:]]

    def check(unit):
        start = time.monotonic()
        _tasks, result = outcome(tmp_path, cells, cell_seconds=2 * unit, seconds=5 * unit, starting=unit)
        assert result["status"] == "graded" and "again" not in result
        assert time.monotonic() - start < 10 * unit

    at_the_machine_s_pace(check)


BUSY = {
    "colliding integers": "class Many(dict): pass\nmany = [[i * (2**61 - 1), 0] for i in range(60_000)]\n"
    "from dlbook.grader import rpc\nold = rpc.Wire._pack\n"
    "rpc.Wire._pack = lambda s, v, t: {'dict': many} if v is many else old(s, v, t)\n"
    "def square(x):\n    return many",
    "giant empty array": "def square(x):\n    return np.empty((10**12, 0))",
    "giant integer": "def square(x):\n    return 10**10000",
    "a child for every number": "def square(x):\n    import numpy.random as r\n"
    "    return r.SeedSequence(0).spawn(10)",
    "a list in itself": "def square(x):\n    a = []\n    a.append(a)\n    return a",
    "structured array": "def square(x):\n    return np.zeros(3, dtype=[('a', 'f8')])",
}


@pytest.mark.parametrize("busy", BUSY)
@pytest.mark.usefixtures("warm")
def test_what_keeps_the_judge_busy_costs_its_task_in_bounded_time(tmp_path, busy):
    def check(unit):
        start = time.monotonic()
        found = scores(tmp_path, changed(square_answer=BUSY[busy]), cell_seconds=2 * unit, seconds=10 * unit)
        assert found == FULL | {"square": 0}
        assert time.monotonic() - start < 16 * unit

    at_the_machine_s_pace(check)


@pytest.mark.usefixtures("warm")
def test_where_nobody_reads_what_cells_print_the_first_round_is_left_out(tmp_path):
    cells = [*SOURCE, new_code_cell("print('printed')")]
    for feedback, printed in ((True, "printed\n"), (False, "")):
        tasks, result = outcome(tmp_path, cells, feedback=feedback)
        assert {name: task["points"] for name, task in tasks.items()} == FULL
        assert result["cells"][-1]["output"] == printed
