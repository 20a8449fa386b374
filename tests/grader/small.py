"""A small exercise with one task of each kind, and what the judge makes of a notebook of it."""

import nbformat
from clocks import AMPLE
from nbformat.v4 import new_markdown_cell, new_notebook
from test_cells import cell

from dlbook.grader.cells import name_of
from dlbook.grader.judge import Job, judge


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


def handed_in(tmp_path, submission, source=SOURCE, **options):
    """The job of judging a notebook's cells, or the text of its file."""
    text = submission if isinstance(submission, str) else nbformat.writes(new_notebook(cells=submission))
    (tmp_path / "source.ipynb").write_text(nbformat.writes(new_notebook(cells=source)))
    (tmp_path / "submission.ipynb").write_text(text)
    files = (str(tmp_path / f"{name}.ipynb") for name in ("source", "submission"))
    return Job(*files, "small", "ann", **AMPLE | options)


def outcome(tmp_path, submission, source=SOURCE, **options):
    """What became of each task, by name, and all that the judge says."""
    result = judge(handed_in(tmp_path, submission, source, **options))
    return {task["task"]: task for task in result["tasks"]}, result


def scores(tmp_path, submission, source=SOURCE, **options):
    """The points of each task, by name."""
    tasks, _ = outcome(tmp_path, submission, source, **options)
    return {name: task["points"] for name, task in tasks.items()}


def changed(source=SOURCE, **sources):
    """The solution with some cells replaced, by name; None takes a cell away."""
    cells = []
    for one in source:
        text = sources.get((name_of(one) or "").replace("-", "_"), one.source)
        if text is not None:
            cells.append(nbformat.from_dict(one | {"source": text}))
    return cells
