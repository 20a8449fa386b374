"""The judge: points for what the code does, whatever the notebook around it looks like."""

import json
import os
import time

import nbformat
import pytest
from clocks import AMPLE, at_the_machine_s_pace
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell
from test_cells import cell
from test_sandbox import needs_sandbox

from dlbook.grader import seeded
from dlbook.grader.cells import kind_of, name_of, public_part
from dlbook.grader.judge import Job, judge
from dlbook.grader.judge.student import Student

pytestmark = needs_sandbox


def test_cell(name, points, source):
    return cell(source, name, grade=True, locked=True, points=points)


test_cell.__test__ = False

SETUP = (
    'import numpy as np\nfrom dlbook.grader import expect, kills, variant\nSTUDENT = "anyone"\n'
    + 'my = variant("small", STUDENT, n=range(1000))'
)
SQUARE = "def square(x):\n    return x * x"
SOURCE = [
    cell(SETUP, "setup", locked=True),
    cell(SQUARE, "square-answer", solution=True),
    test_cell(
        "square",
        2,
        "expect(square(2), 4)\n### BEGIN HIDDEN TESTS\n"
        "expect(square(np.arange(3)), np.arange(3) ** 2)\n### END HIDDEN TESTS",
    ),
    cell("mine = 2 * my.n", "mine-answer", solution=True),
    test_cell("mine", 1, "assert mine\n### BEGIN HIDDEN TESTS\nexpect(mine, 2 * my.n)\n### END HIDDEN TESTS"),
    cell("def check(f):\n    assert f(3) == 9", "check-answer", solution=True),
    test_cell(
        "check",
        3,
        "### BEGIN HIDDEN TESTS\n"
        "kills(check, {'x * x': lambda x: x * x}, {'2x': lambda x: 2 * x, '4x': lambda x: 4 * x, "
        "'|x|': abs})\n### END HIDDEN TESTS",
    ),
    new_markdown_cell("## 4 Explain\n\nExplain.\n\n*Rubric.* One point for each reason."),
    cell("Because.", "why", new_markdown_cell, grade=True, solution=True, points=4),
]
FULL = {"square": 2, "mine": 1, "check": 3, "why": None}


def outcome(tmp_path, cells, **options):
    for name, content in (("source", SOURCE), ("submission", cells)):
        (tmp_path / f"{name}.ipynb").write_text(nbformat.writes(new_notebook(cells=content)))
    options = AMPLE | options
    job = Job(str(tmp_path / "source.ipynb"), str(tmp_path / "submission.ipynb"), "small", "ann", **options)
    result = judge(job)
    return {task["task"]: task for task in result["tasks"]}, result


def scores(tmp_path, cells, **options):
    return {name: task["points"] for name, task in outcome(tmp_path, cells, **options)[0].items()}


def changed(**sources):
    """The solution with some cells replaced, by name; None takes a cell away."""
    cells = []
    for one in SOURCE:
        source = sources.get((name_of(one) or "").replace("-", "_"), one.source)
        if source is not None:
            cells.append(nbformat.from_dict(one | {"source": source}))
    return cells


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


@pytest.mark.parametrize(
    "cells",
    [
        changed(square=None, check=None, mine=None),
        changed(square="pass", check="3", mine="raise ValueError"),
        [nbformat.from_dict({**one, "metadata": {}}) for one in SOURCE[:-1]] + [SOURCE[-1]],
        changed(setup=None),
        changed(setup='import numpy as np\nSTUDENT = "bob"'),
        [*SOURCE, nbformat.from_dict(SOURCE[2] | {"id": "again"})],
    ],
    ids=["tests deleted", "tests changed", "names lost", "setup deleted", "setup changed", "a test twice"],
)
def test_what_becomes_of_locked_cells_does_not_matter(tmp_path, cells):
    assert scores(tmp_path, cells) == FULL


def test_a_locked_cell_that_an_answer_needs_is_restored_wherever_it_stood(tmp_path):
    given = cell("TRUE_SQUARES = {3: 9}", "squares", locked=True)
    answer = cell("def check(f):\n    assert f(3) == TRUE_SQUARES[3]", "check-answer", solution=True)
    source = [*SOURCE[:5], given, answer, *SOURCE[6:]]
    for content, path in ((source, "source"), (source[:5] + source[6:], "submission")):
        (tmp_path / f"{path}.ipynb").write_text(nbformat.writes(new_notebook(cells=content)))
    result = judge(Job(str(tmp_path / "source.ipynb"), str(tmp_path / "submission.ipynb"), "small", "ann"))
    assert {task["task"]: task["points"] for task in result["tasks"]} == FULL


def test_a_bare_assert_that_refuses_right_code_is_quoted(tmp_path):
    tasks, _ = outcome(tmp_path, changed(check_answer="def check(f):\n    assert f(3) == 8"))
    assert tasks["check"]["message"].endswith(
        "refuses code that is right (x * x): AssertionError: assert f(3) == 8"
    )


def test_pictures_of_the_student_s_own_run_are_kept_and_strange_outputs_left(tmp_path):
    cells = changed()
    good = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "iVBOR\nw0K"}}
    for outputs in ([good], 3, [3], [{"data": [3]}], [{"data": {"image/png": 3}}]):
        text = nbformat.writes(new_notebook(cells=cells))
        stored = json.loads(text)
        stored["cells"][1]["outputs"] = outputs
        (tmp_path / "source.ipynb").write_text(text)
        (tmp_path / "submission.ipynb").write_text(json.dumps(stored))
        result = judge(
            Job(str(tmp_path / "source.ipynb"), str(tmp_path / "submission.ipynb"), "small", "ann")
        )
        assert result["status"] == "graded"
        assert result["cells"][1]["pictures"] == (
            [{"name": "", "kind": "image/png", "data": "iVBORw0K"}] if outputs == [good] else []
        )


def test_a_changed_test_is_pointed_out(tmp_path):
    _, result = outcome(tmp_path, changed(square="pass", check=None))
    assert {record["name"]: record["changed"] for record in result["cells"] if record["kind"] == "test"} == {
        "square": True,
        "mine": True,
    }
    students = [
        cell(public_part(one.source), **one.metadata["nbgrader"] | {"name": name_of(one)})
        if kind_of(one) == "test"
        else one
        for one in SOURCE
    ]
    _, result = outcome(tmp_path, students)
    assert not any(record["changed"] for record in result["cells"])


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
            changed(square_answer="def square(x):\n    while True: pass"),
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
    hanging = [new_code_cell("while True: pass") for _ in range(9)]

    def check(unit):
        start = time.monotonic()
        found = scores(
            tmp_path, [*SOURCE[:3], *hanging, *SOURCE[3:]], cell_seconds=2 * unit, seconds=10 * unit
        )
        assert found == FULL
        assert time.monotonic() - start < 18 * unit

    at_the_machine_s_pace(check)


def test_a_notebook_that_hangs_everywhere_keeps_what_it_has(tmp_path):
    never = "while True: pass"

    def check(unit):
        tasks, _ = outcome(
            tmp_path,
            changed(mine_answer=never, check_answer=never),
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


def test_a_notebook_that_starts_sandboxes_without_end_is_cut(tmp_path, monkeypatch):
    cells = [SOURCE[0], *[new_code_cell("import os; os._exit(0)") for _ in range(200)], *SOURCE[1:]]

    def check(unit):
        start = time.monotonic()
        _tasks, result = outcome(tmp_path, cells, cell_seconds=2 * unit, seconds=5 * unit, starting=unit)
        assert result["status"] == "graded" and "again" not in result
        assert time.monotonic() - start < 10 * unit

    at_the_machine_s_pace(check)


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


@pytest.mark.parametrize(
    "spoil, status",
    [
        (lambda path: path.unlink(), "nothing submitted"),
        (lambda path: path.write_bytes(b"\x89PNG\r\n"), "not a notebook"),
        (lambda path: path.write_text("[]"), "not a notebook"),
        (lambda path: path.write_text("[" * 100_000), "not a notebook"),
        (
            lambda path: path.write_text(
                '{"nbformat": 4, "cells": [3], "metadata": {}, "nbformat_minor": 5}'
            ),
            "not a notebook",
        ),
        (lambda path: path.write_bytes(b" " * (21 * 2**20)), "too large"),
        (
            lambda path: path.write_text(
                nbformat.writes(new_notebook(cells=[new_code_cell("") for _ in range(501)]))
            ),
            "too large",
        ),
        (lambda path: (path.unlink(), os.mkfifo(path)), "not a notebook"),
        (
            lambda path: path.write_text(
                path.read_text().replace('"nbgrader": {', '"nbgrader": [], "x": {', 1)
            ),
            "graded",
        ),
        (
            lambda path: path.write_text(
                path.read_text().replace('"nbgrader": {', '"nbgrader": [3], "x": {', 1)
            ),
            "graded",
        ),
        (lambda path: path.write_text(path.read_text().replace('"setup"', '["setup"]', 1)), "graded"),
        (
            lambda path: path.write_text(path.read_text().replace('"grade_id": "', '"grade_id": "other-')),
            "the notebook of another exercise: other",
        ),
        (
            lambda path: (path.rename(path.with_suffix(".kept")), path.symlink_to(path.with_suffix(".kept"))),
            "a link, not followed",
        ),
    ],
    ids=[
        "missing",
        "picture",
        "list",
        "deep",
        "no cells",
        "huge",
        "many cells",
        "pipe",
        "no names",
        "a list of names",
        "a name that is a list",
        "other",
        "link",
    ],
)
def test_what_cannot_be_run_says_so(tmp_path, spoil, status):
    for name in ("source", "submission"):
        (tmp_path / f"{name}.ipynb").write_text(nbformat.writes(new_notebook(cells=SOURCE)))
    path = tmp_path / "submission.ipynb"
    spoil(path)
    ids = [name_of(one) for one in SOURCE if name_of(one)]
    job = Job(
        str(tmp_path / "source.ipynb"),
        str(path),
        "small",
        "ann",
        ids={"small": ids, "other": [f"other-{i}" for i in ids]},
    )
    result = judge(job)
    assert result["status"] == status
    if status == "graded":
        return
    assert result["cells"] == []
    assert [(task["status"], task["points"]) for task in result["tasks"]] == [
        (status, 0 if status == "nothing submitted" else None)
    ] * 4


def again(name, source, after=True, **about):
    """The solution with a second cell of the same name."""
    cells = changed()
    place = next(i for i, one in enumerate(cells) if name_of(one) == name)
    cells.insert(place + after, nbformat.from_dict(cells[place] | {"source": source, "id": "second"} | about))
    return cells


STUB = 'raise NotImplementedError("not answered yet")'
WHY = "Because squares are never negative."
ODD = {
    "a text's cell copied, the copy left empty": again("why", "YOUR ANSWER HERE"),
    "a text's cell split": again("why", ""),
    "the text in a cell below": [*changed(why="YOUR ANSWER HERE"), new_markdown_cell(WHY)],
    "the text's cell deleted, a new one instead": [*changed(why=None), new_markdown_cell(WHY)],
    "the text's cell made code": [*changed(why=None), new_code_cell(WHY, metadata=SOURCE[-1].metadata)],
    "an untouched copy below the answer": again("square-answer", f"def square(x):\n    {STUB}"),
    "a leftover raise above": changed(mine_answer=f"# YOUR CODE HERE\n{STUB}\nmine = 2 * my.n"),
    "a leftover raise in a function": changed(square_answer=f"def square(x):\n    {STUB}\n    return x * x"),
    "pip above an answer": changed(square_answer="!pip install -q numpy\n%pip install numpy\n" + SQUARE),
    "a shell's cell": [*SOURCE[:1], new_code_cell("%%bash\nls"), *SOURCE[1:]],
    "an answer made raw": [SOURCE[0], new_raw_cell(SQUARE, metadata=SOURCE[1].metadata), *SOURCE[2:]],
    "another library's number": changed(
        square_answer="class Tensor:\n    def __init__(self, x): self.x = x\n"
        "    def __array__(self, *_, **__): return np.asarray(self.x)\ndef square(x):\n"
        "    return Tensor(x * x)"
    ),
    "a number of a class of one's own": changed(
        square_answer="class F(float): pass\ndef square(x):\n"
        "    return F(x * x) if np.ndim(x) == 0 else x * x"
    ),
    "a masked array": changed(square_answer="def square(x):\n"
    "    return np.ma.masked_array(x * x) if np.ndim(x) else x * x"),
    "a test that prints its subject's name": changed(
        check_answer="def check(f):\n    print(f.__name__, f.__qualname__)\n    assert f(3) == 9"
    ),
}  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
def test_what_students_really_hand_in_is_graded(tmp_path, odd):
    tasks, _ = outcome(tmp_path, ODD[odd])
    assert {name: task["points"] for name, task in tasks.items()} == FULL
    assert tasks["why"]["status"] == "by hand" and tasks["why"]["answer"]


def test_a_split_function_is_put_together_and_a_leftover_raise_is_told(tmp_path):
    cells = again("square-answer", "    return x * x")
    cells[1]["source"] = "def square(x):"
    assert scores(tmp_path, cells) == FULL
    tasks, _ = outcome(tmp_path, ODD["a leftover raise above"])
    assert "stood beside your answer in mine-answer; it was left out" in tasks["mine"]["message"]


def test_line_ends_of_windows_are_no_reproach(tmp_path):
    students = [
        nbformat.from_dict(one | {"source": public_part(one.source)}) if kind_of(one) == "test" else one
        for one in SOURCE
    ]
    text = nbformat.writes(new_notebook(cells=students))
    stored = json.loads(text)
    for one in stored["cells"]:
        one["source"] = "".join(one["source"]).replace("\n", "\r\n")
    (tmp_path / "source.ipynb").write_text(nbformat.writes(new_notebook(cells=SOURCE)))
    (tmp_path / "submission.ipynb").write_text(json.dumps(stored))
    result = judge(Job(str(tmp_path / "source.ipynb"), str(tmp_path / "submission.ipynb"), "small", "ann"))
    assert {task["task"]: task["points"] for task in result["tasks"]} == FULL
    assert not any(record["changed"] for record in result["cells"])


def test_a_cell_that_is_no_python_is_told(tmp_path):
    tasks, _ = outcome(tmp_path, changed(square_answer="def square(x)\n    return x * x"))
    assert "the cell square-answer ended in SyntaxError" in tasks["square"]["message"]


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
def test_what_keeps_the_judge_busy_costs_its_task_in_bounded_time(tmp_path, busy):
    def check(unit):
        start = time.monotonic()
        found = scores(tmp_path, changed(square_answer=BUSY[busy]), cell_seconds=2 * unit, seconds=10 * unit)
        assert found == FULL | {"square": 0}
        assert time.monotonic() - start < 16 * unit

    at_the_machine_s_pace(check)


def test_an_answer_that_overwrites_what_it_is_given_does_not_become_right(tmp_path):
    test = "a = np.array([1.0, 2.0])\n### BEGIN HIDDEN TESTS\nexpect(square(a), a * a)\n### END HIDDEN TESTS"
    source = [*SOURCE[:2], test_cell("square", 2, test), *SOURCE[3:]]
    for answer, points in (
        ("def square(x):\n    x[...] = 0\n    return 0 * x", 0),
        ("def square(x):\n    x *= 1\n    return x * x", 2),
    ):
        (tmp_path / "source.ipynb").write_text(nbformat.writes(new_notebook(cells=source)))
        cells = [
            one if name_of(one) != "square-answer" else cell(answer, "square-answer", solution=True)
            for one in source
        ]
        (tmp_path / "submission.ipynb").write_text(nbformat.writes(new_notebook(cells=cells)))
        result = judge(
            Job(str(tmp_path / "source.ipynb"), str(tmp_path / "submission.ipynb"), "small", "ann")
        )
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
    (tmp_path / "source.ipynb").write_text(nbformat.writes(new_notebook(cells=source)))
    cells = [
        one if name_of(one) != "check-answer" else cell(spy, "check-answer", solution=True) for one in source
    ]
    (tmp_path / "submission.ipynb").write_text(nbformat.writes(new_notebook(cells=cells)))
    result = judge(Job(str(tmp_path / "source.ipynb"), str(tmp_path / "submission.ipynb"), "small", "ann"))
    message = result["tasks"][2]["message"]
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
    name = {"answer": "square-answer", "task": "square"}
    for path, body in (("source", "return rng.normal(size=4 * 10**4).std()"), ("submission", answer)):
        cells = [
            SOURCE[0],
            cell(f"def spread(rng):\n    {body}", name["answer"], solution=True),
            test_cell(name["task"], 2, test),
        ]
        (tmp_path / f"{path}.ipynb").write_text(nbformat.writes(new_notebook(cells=cells)))
    job = Job(str(tmp_path / "source.ipynb"), str(tmp_path / "submission.ipynb"), "small", "ann", **AMPLE)
    job.measures = ["square"]
    (task,) = judge(job)["tasks"]
    assert (task["points"], task["status"]) == (points, status)


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
