"""Hidden tests: points for what the code does, and none for lying, looking or calling a library."""

import pytest
from nbformat.v4 import new_code_cell
from small import FULL, SOURCE, changed, outcome, scores, test_cell
from test_cells import cell
from test_sandbox import needs_sandbox

from dlbook.grader import seeded

pytestmark = [needs_sandbox, pytest.mark.usefixtures("warm")]

LIES = [
    "import numpy as np\nnp.allclose = np.isclose = np.array_equal = lambda *a, **k: True",
    "import dlbook.grader.marking as m\nm.expect = m._close = m._same = expect = lambda *a, **k: True",
    "import builtins\nbuiltins.AssertionError = ValueError\nbuiltins.abs = lambda x: 0",
    "class Yes:\n    __array_priority__ = 99\n    def __eq__(s, o): return True\n"
    "    def __getattr__(s, n): return lambda *a, **k: s\n"
    "    def __array__(s, *a): return np.arange(3) ** 2\ndef square(x): return Yes()",
    "class F(float):\n    def __eq__(s, o): return True\ndef square(x): return F(1)",
    "class A(np.ndarray):\n    def __eq__(s, o): return True\ndef square(x): return np.zeros(3).view(A)",
    "def square(x): raise SystemExit",
    "def square(x):\n    import sys\n    f = sys._getframe()\n    while f:\n"
    "        f.f_globals.update(expect=print)\n        f = f.f_back\n    return 0",
    "from dlbook.grader import rpc\n"
    "rpc.Wire._pack = lambda s, v, t: {'array': ['<f8', [3], 'x', 0]}\ndef square(x): return 0",
]


def test_what_a_test_asks_is_not_shown(tmp_path):
    spy = "asked = []\ndef square(x):\n    asked.append(x)\n    print(x)\n    return x * x"
    cells = [*changed(square_answer=spy), new_code_cell("print(asked)")]
    tasks, result = outcome(tmp_path, cells)
    assert tasks["square"]["points"] == 2
    assert result["cells"][-1]["output"] == "[]\n"


@pytest.mark.parametrize("lie", LIES)
def test_points_are_not_to_be_had_by_lying(tmp_path, lie):
    wrong = {
        "square_answer": f"def square(x):\n    return 0\n{lie}",
        "mine_answer": "mine = -1",
        "check_answer": "def check(f):\n    return True",
    }
    assert scores(tmp_path, changed(**wrong)) == {"square": 0, "mine": 0, "check": 0, "why": None}


def test_an_answer_that_overwrites_what_it_is_given_does_not_become_right(tmp_path):
    test = "a = np.array([1.0, 2.0])\n### BEGIN HIDDEN TESTS\nexpect(square(a), a * a)\n### END HIDDEN TESTS"
    source = [*SOURCE[:2], test_cell("square", 2, test), *SOURCE[3:]]
    for answer, points in (
        ("def square(x):\n    x[...] = 0\n    return 0 * x", 0),
        ("def square(x):\n    x *= 1\n    return x * x", 2),
    ):
        _, result = outcome(tmp_path, changed(source, square_answer=answer), source)
        assert result["tasks"][0]["points"] == points
        assert result["tasks"][0]["changes_inputs"] == (points == 0)


def test_feedback_does_not_tell_the_value_that_is_wanted(tmp_path):
    tasks, _ = outcome(
        tmp_path, changed(mine_answer="mine = 3", square_answer="def square(x):\n    return x * x + 0.25")
    )
    n = seeded("small", "anyone").integers(1000)
    assert (
        tasks["mine"]["message"] == "your answer is 3, which is not right"
        and str(2 * n) not in tasks["mine"]["message"]
    )
    assert "expected" not in tasks["square"]["message"]


def test_errors_do_not_name_the_mutants(tmp_path):
    spy = """told = set()
def check(f):
    for arguments in ((), (1, 2, 3), ("a", "b"), ([],)):
        try:
            f(*arguments)
        except Exception as error:
            told.add(f"{type(error).__name__}: {error}")
    told.add(str(f) + f.__name__ + repr(type(f)))
    assert f(3) == 9
    raise SystemExit(" | ".join(sorted(told)))"""
    mutants = (
        "def secret_twin(x):\n    return x + x\n"
        "kills(check, {'ok': lambda x: x * x}, {'2x': secret_twin, 'abs': abs})"
    )
    source = [*SOURCE[:6], test_cell("check", 2, mutants), *SOURCE[7:]]
    tasks, _ = outcome(tmp_path, changed(source, check_answer=spy), source)
    message = tasks["check"]["message"]
    assert "the arguments do not fit" in message and "implementation" in message
    assert "secret_twin" not in message and "abs" not in message and "lambda" not in message


WRAPPED = {
    "called": "import statistics\ndef square(x):\n    return x * x * statistics.fmean([1])",
    "by another name": "from statistics import mean as own\ndef square(x):\n    return x * x * int(own([1]))",
    "found at run time": "def square(x):\n    m = __import__('stat' + 'istics')\n"
    "    return x * x * m.fmean([1])",
    "inherited": "import statistics\nclass Mine(statistics.NormalDist):\n    pass\n"
    "def square(x):\n    return x * x * int(Mine(1, 1).mean)",
    "in a cell of their own": "from statistics import fmean\ndef square(x):\n    return helper(x * x)\n"
    "def helper(x):\n    return x * fmean([1])",
}
OWN = {
    "NumPy": "def square(x):\n    return np.multiply(x, x)",
    "a number of a library's class": "from fractions import Fraction\nclass F(Fraction):\n    pass\n"
    "def square(x):\n    return F(x * x) if np.ndim(x) == 0 else x * x",
    "imported and not called": "import statistics\ndef square(x):\n    return x * x",
    "imported while the test runs": "def square(x):\n    import statistics\n    return x * x",
    "compared outside of the answer": "import statistics\ndef square(x):\n    return x * x\n"
    "assert statistics.fmean([9]) == square(3)",
}


@pytest.mark.parametrize("how", WRAPPED)
def test_an_answer_that_calls_what_it_was_to_write_waits_for_a_person(tmp_path, how):
    yourself = {"square": ["statistics"]}
    tasks, _ = outcome(tmp_path, changed(square_answer=WRAPPED[how]), yourself=yourself)
    square = tasks.pop("square")
    assert square["points"] is None and square["status"].startswith("calls statistics.")
    assert "The tests give it 2 of 2 points; your instructor decides." in square["message"]
    assert {name: task["points"] for name, task in tasks.items()} == {n: FULL[n] for n in tasks}


def test_one_function_of_a_module_can_be_out_of_reach(tmp_path):
    for task, found in (("fmean", "calls statistics.fmean"), ("median", "passed")):
        yourself = {"square": [f"statistics.{task}"]}
        tasks, _ = outcome(tmp_path, changed(square_answer=WRAPPED["called"]), yourself=yourself)
        assert tasks["square"]["status"] == found


@pytest.mark.parametrize("how", OWN)
def test_an_answer_of_one_s_own_is_left_alone(tmp_path, how):
    tasks, _ = outcome(
        tmp_path, changed(square_answer=OWN[how]), yourself={"square": ["statistics", "numbers"]}
    )
    assert {name: task["points"] for name, task in tasks.items()} == FULL


def test_a_wrong_answer_that_calls_a_library_fails_and_nobody_need_look(tmp_path):
    wrong = WRAPPED["called"].replace("x * x", "x + x")
    tasks, _ = outcome(tmp_path, changed(square_answer=wrong), yourself={"square": ["statistics"]})
    assert (tasks["square"]["points"], tasks["square"]["status"]) == (0, "failed")


@pytest.mark.parametrize(
    "answer, points, status",
    [
        ("return rng.normal(size=4 * 10**4).std()", 2, "passed"),
        ("rng = np.random.default_rng(rng)\n    return rng.normal(size=4 * 10**4).std()", 2, "passed"),
        ("return 1.0", None, "measures nothing"),
        ("return 2.0", 0, "failed"),
    ],
)
def test_a_closed_form_where_the_task_asks_to_measure_waits_for_a_person(tmp_path, answer, points, status):
    test = (
        "### BEGIN HIDDEN TESTS\nassert abs(spread(np.random.default_rng(0)) - 1) < 0.1\n### END HIDDEN TESTS"
    )
    solution = "def spread(rng):\n    return rng.normal(size=4 * 10**4).std()"
    source = [SOURCE[0], cell(solution, "square-answer", solution=True), test_cell("square", 2, test)]
    mine = changed(source, square_answer=f"def spread(rng):\n    {answer}")
    tasks, _ = outcome(tmp_path, mine, source, measures=["square"])
    task = tasks["square"]
    assert (task["points"], task["status"]) == (points, status)
