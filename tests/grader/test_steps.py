"""Steps: the source says what counts, wherever its cells stand in a student's notebook."""

import json

import nbformat
import pytest
from nbformat.v4 import new_notebook
from small import FULL, SOURCE, changed, outcome, scores
from test_cells import cell
from test_sandbox import needs_sandbox

from dlbook.grader.cells import kind_of, name_of, public_part

pytestmark = [needs_sandbox, pytest.mark.usefixtures("warm")]


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
    assert scores(tmp_path, source[:5] + source[6:], source) == FULL


def test_pictures_of_the_student_s_own_run_are_kept_and_strange_outputs_left(tmp_path):
    good = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "iVBOR\nw0K"}}
    for outputs in ([good], 3, [3], [{"data": [3]}], [{"data": {"image/png": 3}}]):
        stored = json.loads(nbformat.writes(new_notebook(cells=SOURCE)))
        stored["cells"][1]["outputs"] = outputs
        _, result = outcome(tmp_path, json.dumps(stored))
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
