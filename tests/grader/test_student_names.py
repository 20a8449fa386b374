"""Names: a student is judged by the numbers that she saw, and the instructor reads whose they were."""

import csv
import json

import nbformat
import pytest
from classes import SOURCE as SMALL
from nbformat.v4 import new_output
from test_release import PAGES, SOURCE
from test_sandbox import needs_sandbox

from dlbook.grader import release, variant
from dlbook.grader.cells import holds_name, kind_of, name_of, with_student, worked_as
from dlbook.grader.grade import grade
from dlbook.grader.variants import shown

LIST = ["Ada Lovelace", "Bob"]
pytestmark = pytest.mark.usefixtures("warm_judges")


def by(name, saw=None, typed=None):
    """A notebook with a name in it, and an answer that was typed from the numbers of the name seen."""
    saw = saw or name
    my = variant("small", saw, n=range(10**6))
    cells = [nbformat.from_dict(one) for one in SMALL]
    cells[0].source = with_student(cells[0].source, name) + "\nmy"
    cells[0].outputs = [new_output("execute_result", {"text/plain": repr(my)}, execution_count=1)]
    cells[1].source = f"mine = {2 * my.n if typed is None else typed}"
    return nbformat.v4.new_notebook(cells=cells)


def notes(klass):
    with open(klass.out / "totals.csv", newline="", encoding="utf-8-sig") as file:
        return {row["student"]: row["note"] for row in csv.DictReader(file)}


CASES = {  # student: what is handed in, the points, what the instructor reads
    "Ada Lovelace": (by("Ada Lovelace"), 2, ""),
    "Zoë Lee": (by(" zoe\u0308  LEE"), 2, ""),
    "Left": (by("anyone"), 2, "worked with the numbers of 'anyone', and judged by them"),
    "Renamed": (by("Maiden Name"), 2, "worked with the numbers of 'Maiden Name', and judged by them"),
    "Hub": (by("anyone", saw="Hub"), 2, ""),
    "Copy": (by("Ada Lovelace"), 0, "worked with the numbers of 'Ada Lovelace', who is another student"),
    "New name": (by("New name", saw="Ada Lovelace"), 0, "'Ada Lovelace', who is another student"),
    "Wrong": (by("Wrong", typed=1), 0, ""),
}


@needs_sandbox
def test_typed_answers_are_judged_by_the_numbers_that_were_shown(klass):
    for student, (handed_in, _, _) in CASES.items():
        klass.hand_in(student, handed_in)
    table, found = klass.grade(students=list(CASES)), notes(klass)
    for student, (_, points, note) in CASES.items():
        assert table[student]["mine"][0] == points, student
        assert note in found[student] and bool(note) == bool(found[student]), student


@needs_sandbox
def test_a_written_name_counts_where_no_output_is_left_and_without_a_class_list(klass):
    for student, name in (("ada", "Ada"), ("bob", "anyone")):
        handed_in = by(name)
        handed_in.cells[0].outputs = []
        klass.hand_in(student, handed_in)
    table = klass.grade()
    assert table["ada"]["mine"] == table["bob"]["mine"] == (2, "passed")
    assert set(notes(klass).values()) == {""}


@needs_sandbox
def test_a_neighbour_s_name_is_told_to_the_instructor_and_not_to_the_student(klass):
    klass.hand_in("Ada Lovelace", by("Bob"))
    klass.grade(students=LIST, anonymous=True)
    page = (klass.out / "feedback" / "Ada Lovelace" / "small.html").read_text()
    assert "another student" in page and "Bob" not in page and "Lovelace" not in page.split("</title>")[1]
    assert "Bob" in notes(klass)["Ada Lovelace"]


def letters(exercise, name):
    """The solution, with what belongs to the name that a student saw typed as texts and numbers."""
    notebook, space = release.read(exercise, SOURCE), {}
    for one in notebook.cells:
        if kind_of(one) in ("locked", "answer"):
            exec(with_student(one.source, name), space)
        if kind_of(one) == "answer" and "my." in one.source:
            found = {"diagnosis", "network", "stack", "what"} & set(space)
            one.source += "".join(f"\n{which} = {space[which]!r}" for which in sorted(found))
    return notebook


@needs_sandbox
def test_letters_read_from_curves_count_for_whoever_saw_them(tmp_path):
    for student, name in (("Ada Lovelace", "anyone"), ("Bob", "Bob")):
        path = tmp_path / "in" / student / "start" / "start.ipynb"
        path.parent.mkdir(parents=True)
        notebook = letters("start", name)
        notebook.cells[1].source = with_student(notebook.cells[1].source, name)
        path.write_text(nbformat.writes(notebook))
    rows = grade(tmp_path / "in", tmp_path / "out", students=LIST, source=SOURCE, progress=False)
    assert {row["student"]: row["status"] for row in rows if row["task"] == "curves"} == dict.fromkeys(
        LIST, "passed"
    )


@pytest.mark.parametrize("exercise", release.exercises(source=SOURCE))
def test_a_student_can_write_the_name_and_reads_where(exercise):
    page = nbformat.read(PAGES / f"{exercise}.ipynb", as_version=4)
    (place,) = [number for number, one in enumerate(page.cells) if holds_name(one)]
    assert page.cells[place].source == 'STUDENT = "anyone"'
    assert page.cells[place].metadata.get("editable", True)
    assert "write your name into the next cell" in page.cells[place - 1].source
    setup = page.cells[place + 1]
    assert name_of(setup) == "setup" and not setup.metadata.editable
    assert "Leave the name as it is" not in "".join(one.source for one in page.cells)


def test_numbers_say_whose_they_are_and_hold_nothing_else(monkeypatch):
    my = variant("small", "Zoë", n=[3], order=["31402"])
    assert shown(f"hello\n{my!r}\n") == "Zoë" and vars(my) == {"n": 3, "order": "31402"}
    assert variant("small", "ZOE\u0308 ", n=range(10**6)).n == variant("small", "Zoë", n=range(10**6)).n
    monkeypatch.setenv("GRADER_STUDENT", "login7")
    assert shown(repr(variant("small", "anyone", n=[3]))) == "login7"


@pytest.mark.parametrize(
    "source, outputs, name",
    [
        ("STUDENT = 'Ada'", [], "Ada"),
        ("x = 1", [], None),
        ('STUDENT = "Ada"', [{"data": {"text/plain": ["numbers of ", "Bob: n = 1"]}}], "Bob"),
        ('STUDENT = "Ada"', "no list", "Ada"),
        ('STUDENT = "Ada"', [{"data": {"text/plain": [1]}}, "x", {"data": 3}], "Ada"),
    ],
)
def test_whatever_a_file_holds_a_name_is_found_or_none(source, outputs, name):
    assert worked_as({"cells": [{"cell_type": "code", "source": source, "outputs": outputs}]}) == name


@needs_sandbox
def test_a_name_that_is_none_is_no_name(klass):
    handed_in = json.loads(nbformat.writes(by("Ada Lovelace")))
    handed_in["cells"][0]["outputs"][0]["data"]["text/plain"] = "numbers of \ud800: n = 1"
    klass.hand_in("Ada Lovelace", json.dumps(handed_in).encode())
    assert klass.grade(students=LIST)["Ada Lovelace"]["mine"][0] == 2
