"""The format: what a cell of an exercise is, and which names a test can trust."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from dlbook.grader import cells
from dlbook.grader.cells import (
    given_cells,
    heading_of,
    kind_of,
    name_of,
    names_in,
    parse,
    public_part,
    question_of,
    tasks_of,
    with_student,
)


def cell(source, name=None, new=new_code_cell, **about):
    one = new(source)
    if name:
        one.metadata["nbgrader"] = {
            "grade_id": name,
            "grade": False,
            "solution": False,
            "locked": False,
        } | about
    return one


def small_exercise():
    return new_notebook(
        cells=[
            cell("# Title", new=new_markdown_cell),
            cell('import numpy as np\nSTUDENT = "anyone"\nn = len(STUDENT)', "setup", locked=True),
            cell("### BEGIN SOLUTION\ntwice = 2 * n\n### END SOLUTION", "twice-answer", solution=True),
            cell("plot = twice + 1", "picture", locked=True),
            cell(
                "assert twice\n### BEGIN HIDDEN TESTS\nassert twice == 2 * n\n### END HIDDEN TESTS",
                "twice",
                grade=True,
                locked=True,
                points=2,
            ),
            cell("Because.", "why", new=new_markdown_cell, grade=True, solution=True, points=3),
        ]
    )


def test_cells_are_told_apart():
    kinds = [kind_of(one) for one in small_exercise().cells]
    assert kinds == ["plain", "locked", "answer", "locked", "test", "hand"]
    assert kind_of(nbformat.from_dict({"cell_type": "code", "metadata": {"nbgrader": None}})) == "plain"


def test_a_notebook_is_read_and_anything_else_refused():
    text = nbformat.writes(small_exercise())
    assert [cell["source"] for cell in parse(text)["cells"]] == [
        cell.source for cell in small_exercise().cells
    ]
    wrong = [
        "",
        "{}",
        "[]",
        "[" * 10**5,
        '{"nbformat": 3, "worksheets": []}',
        '{"nbformat": 4, "cells": [3]}',
        '{"nbformat": 4, "cells": 3}',
    ]
    for other in wrong:
        with pytest.raises(ValueError, match="not a notebook"):
            parse(other)


def test_a_task_knows_its_answers():
    found = [(name_of(one), answers) for one, answers in tasks_of(small_exercise())]
    assert found == [("twice", ["twice-answer"]), ("why", ["why"])]


def test_the_tasks_that_a_test_grades_are_not_those_of_a_person():
    exercise = small_exercise()
    assert cells.tests_of(exercise) == {"twice": exercise.cells[4]}


def test_the_public_part_of_a_test_ends_before_the_hidden_one():
    source = small_exercise().cells[4].source
    assert public_part(source) == "assert twice"
    assert public_part(source + "\nassert n") == "assert twice\nassert n"


def test_a_student_s_name_enters_the_setup_whatever_it_is():
    for student in ("ann", 'O"Neil', "back\\slash", "Zoë"):
        space = {}
        exec(with_student('STUDENT = "anyone"', student), space)
        assert space["STUDENT"] == student
    assert with_student('x = "anyone"', "ann") == 'x = "anyone"'


def test_names_are_bound_or_used():
    bound, used = names_in(
        "import numpy as np\nfrom a import b as c\nfor i in range(n):\n    f(np.sum(i), c)\n"
        "def g(x): return x + y"
    )
    assert bound == {"np", "c", "i", "g", "x"} and used == {"n", "f", "y"}


def test_what_needs_an_answer_is_not_trusted():
    sources, trusted = given_cells(small_exercise())
    assert len(sources) == 1 and trusted == {"STUDENT", "np", "n"}


def test_a_task_has_the_heading_above_it_and_its_own_rubric():
    text = [
        cell("## 1 First (2 points)\n\nDo it.", new=new_markdown_cell),
        cell("x = 1", "x", grade=True, points=2),
        cell(
            "## 2 Second (3 points, graded by a person)\n\nWhy?\n\n*Rubric.* A point each.",
            new=new_markdown_cell,
        ),
        cell("Because.", "why", new=new_markdown_cell, grade=True, solution=True, points=3),
    ]
    notebook = new_notebook(cells=text)
    assert heading_of(notebook, text[1]) == ("1 First", "")
    assert heading_of(notebook, text[3]) == ("2 Second", "A point each.")
    assert question_of(notebook, text[3]) == "2 Second (3 points, graded by a person)\n\nWhy?"
    assert question_of(notebook, text[1]) == "1 First (2 points)\n\nDo it."
    assert heading_of(new_notebook(cells=text[1:2]), text[1]) == ("", "")
