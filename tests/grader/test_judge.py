"""The judge: points for what the code does, and nothing of the student's runs in the judge's process."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from small import FULL, SOURCE, changed, outcome, scores
from test_sandbox import needs_sandbox

from dlbook.grader import judge as room

pytestmark = [needs_sandbox, pytest.mark.usefixtures("warm")]
FILES = {path.stem: ast.parse(path.read_text()) for path in Path(room.__file__).parent.glob("*.py")}


def test_a_solution_gets_its_points_and_a_survivor_costs_one(tmp_path):
    tasks, _result = outcome(tmp_path, SOURCE)
    assert {name: task["points"] for name, task in tasks.items()} == FULL
    assert (tasks["why"]["status"], tasks["why"]["message"]) == ("by hand", "One point for each reason.")
    assert tasks["square"]["status"] == "passed"
    weak = changed(check_answer="def check(f):\n    assert f(3) != 6 and f(3) != 12")
    assert scores(tmp_path, weak)["check"] == 2


def test_stubs_are_not_attempted_and_get_nothing(tmp_path):
    stub = '# YOUR CODE HERE\nraise NotImplementedError("not answered yet")'
    tasks, _ = outcome(
        tmp_path,
        changed(
            square_answer=f"def square(x):\n    {stub.splitlines()[1]}",
            mine_answer=stub,
            check_answer=f"def check(f):\n    {stub.splitlines()[1]}",
            why="YOUR ANSWER HERE",
        ),
    )
    assert {task["points"] for task in tasks.values()} == {0}
    assert {task["status"] for task in tasks.values()} == {"not attempted"}


def test_the_message_names_the_mistake(tmp_path):
    tasks, _ = outcome(
        tmp_path, changed(square_answer="def square(x):\n    return 2 * x", mine_answer="min = 3")
    )
    assert (
        tasks["square"]["points"] == 0
        and "most at index (1,): 2, which is not right" in tasks["square"]["message"]
    )
    assert tasks["mine"]["message"] == "NameError: `mine` is not defined"


def test_a_bare_assert_that_refuses_right_code_is_quoted(tmp_path):
    tasks, _ = outcome(tmp_path, changed(check_answer="def check(f):\n    assert f(3) == 8"))
    assert tasks["check"]["message"].endswith(
        "refuses code that is right (x * x): AssertionError: assert f(3) == 8"
    )


def test_a_student_s_own_numbers_are_judged(tmp_path):
    assert scores(tmp_path, SOURCE, variant="bob")["mine"] == 1
    assert (
        scores(
            tmp_path,
            changed(mine_answer="mine = 2 * variant('small', 'ann', n=range(1000)).n"),
            variant="bob",
        )["mine"]
        == 0
    )


@pytest.mark.parametrize(
    "names, files",
    [({"exec", "eval", "compile", "__import__"}, {"hidden"}), ({"Wire", "Forks", "popen"}, {"student"})],
    ids=["code is run", "the student's process is started"],
)
def test_one_file_alone_is_where(names, files):
    """`hidden` runs the source's cells and no others; `student` holds the line to what runs the student's."""

    def called(tree):
        calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        return {one.id if isinstance(one, ast.Name) else getattr(one, "attr", "") for one in calls}

    assert {file for file, tree in FILES.items() if called(tree) & names} == files


def test_the_student_s_process_has_nothing_of_the_judge():
    code = "import sys, dlbook.grader.worker\nprint(*sorted(n for n in sys.modules if 'judge' in n))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
