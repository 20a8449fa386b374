"""What students hand in: whatever the file holds, it is read as data and graded or named."""

import json
import os

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell
from small import FULL, SOURCE, SQUARE, changed, handed_in, outcome, scores
from test_sandbox import needs_sandbox

from dlbook.grader.cells import kind_of, name_of, public_part
from dlbook.grader.judge import judge

pytestmark = [needs_sandbox, pytest.mark.usefixtures("warm")]


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
    ids = [name_of(one) for one in SOURCE if name_of(one)]
    job = handed_in(tmp_path, SOURCE, ids={"small": ids, "other": [f"other-{i}" for i in ids]})
    spoil(tmp_path / "submission.ipynb")
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
    tasks, result = outcome(tmp_path, json.dumps(stored))
    assert {name: task["points"] for name, task in tasks.items()} == FULL
    assert not any(record["changed"] for record in result["cells"])


def test_a_cell_that_is_no_python_is_told(tmp_path):
    tasks, _ = outcome(tmp_path, changed(square_answer="def square(x)\n    return x * x"))
    assert "the cell square-answer ended in SyntaxError" in tasks["square"]["message"]
