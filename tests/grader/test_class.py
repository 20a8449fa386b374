"""A class over a term: marks by hand, late work, second attempts, and a machine that is not right."""

import csv
import json
import time
import zipfile

import nbformat
import pytest
from classes import SETUP, SOURCE, Class, notebook
from clocks import at_the_machine_s_pace
from nbformat.v4 import new_code_cell
from test_cells import cell
from test_sandbox import needs_sandbox

from dlbook.grader import tables
from dlbook.grader.collect import collect
from dlbook.grader.grade import main
from dlbook.grader.judge import Job

pytestmark = [needs_sandbox, pytest.mark.usefixtures("warm_judges")]


def test_marks_survive_absence_broken_uploads_and_new_answers(klass):
    for student in ("00731", "bob"):
        klass.hand_in(student)
    assert klass.grade()["bob"] == {"mine": (2, "passed"), "why": (None, "by hand")}
    klass.mark("bob", "3,5")
    klass.mark("00731", 1)
    assert klass.grade()["bob"]["why"] == (3.5, "graded by hand")
    (klass.folder / "in" / "bob").rename(klass.folder / "away")
    assert "bob" not in klass.grade() and klass.sheet()["bob", "why"]["points"] == "3.5"
    (klass.folder / "away").rename(klass.folder / "in" / "bob")
    assert klass.grade()["bob"]["why"] == (3.5, "graded by hand")
    klass.hand_in("bob", notebook(why="Something else."))
    changed = (3.5, "graded by hand, the answer has changed since")
    assert klass.grade()["bob"]["why"] == changed == klass.grade()["bob"]["why"]
    klass.hand_in("bob", b"\x89PNG")
    broken = klass.grade()["bob"]
    assert broken["mine"] == (None, "not a notebook") and broken["why"] == changed
    assert klass.sheet()["bob", "why"]["comment"] == klass.sheet()["00731", "why"]["comment"] == "marked"


def test_any_task_is_regraded_with_a_comment_and_a_wrong_row_stops_the_run(klass, capsys):
    klass.hand_in("ann", notebook("mine = 1"))
    assert klass.grade()["ann"]["mine"] == (0, "failed")
    klass.mark("ann", 2, "The text was unclear", task="mine")
    assert klass.grade()["ann"]["mine"] == (2, "graded by hand") == klass.grade()["ann"]["mine"]
    klass.mark("anne", 2)
    before = {path: path.read_bytes() for path in klass.out.rglob("*") if path.is_file()}
    arguments = [str(klass.folder / "in"), str(klass.out), "--source", str(klass.source)]
    assert main(arguments) == 2
    assert "there is no student 'anne'" in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in klass.out.rglob("*") if path.is_file()}


def test_a_list_of_windows_and_folders_of_a_mac_are_the_same_people(klass):
    own = SETUP.replace('"anyone"', '"Zoë"')
    klass.hand_in("Zoe\u0308", notebook(setup=own))
    klass.hand_in("eve", name="small (1).ipynb")
    (klass.folder / "in" / "__MACOSX").mkdir()
    table = klass.grade(students=["Anna", "Zoë"])
    assert list(table) == ["Anna", "Zoë", "eve"]
    assert table["Zoë"]["mine"] == (2, "passed") and table["Anna"]["mine"] == (0, "nothing submitted")
    with open(klass.out / "totals.csv", newline="", encoding="utf-8-sig") as file:
        notes = {row["student"]: row["note"] for row in csv.DictReader(file)}
    assert notes == {"Anna": "", "Zoë": "", "eve": "found as small (1).ipynb; not on the class list"}


def test_what_cannot_be_graded_waits_for_a_person_and_is_named(klass, capsys):
    klass.hand_in("ann", b"%PDF", "answer.pdf")
    klass.hand_in("bob", notebook("mine = 1"), "a.ipynb")
    klass.hand_in("bob", notebook("mine = 2"), "b.ipynb")
    klass.hand_in("eve")
    table = klass.grade()
    assert table["ann"]["mine"] == (None, "no notebook of this exercise, but answer.pdf")
    assert table["bob"]["mine"] == (None, "more than one notebook: a.ipynb, b.ipynb")
    assert main([str(klass.folder / "in"), str(klass.out), "--source", str(klass.source)]) == 0
    assert "look at ann, small: no notebook of this exercise, but answer.pdf" in capsys.readouterr().err
    klass.mark("ann", 2, "on paper", task="mine")
    assert klass.grade()["ann"]["mine"] == (2, "graded by hand")


def test_later_attempts_are_named_and_not_judged(klass):
    klass.hand_in("ann", notebook("mine = 1"))
    assert klass.grade(attempts=1)["ann"]["mine"] == (0, "failed")
    klass.hand_in("ann")
    assert klass.grade(attempts=1)["ann"]["mine"] == (0, "failed")
    assert "1 attempt counts" in (klass.out / "totals.csv").read_text()
    assert klass.grade(attempts=2)["ann"]["mine"] == (2, "passed")
    klass.hand_in("ann", notebook("mine = 1"))
    assert klass.grade(attempts=2)["ann"]["mine"] == (2, "passed")
    with pytest.raises(ValueError, match="attempts must be at least 1, got 0"):
        klass.grade(attempts=0)


def test_a_machine_on_which_the_solution_fails_grades_nothing(klass, capsys):
    klass.hand_in("ann")
    wrong = [nbformat.from_dict(one) for one in SOURCE]
    wrong[1] = cell("### BEGIN SOLUTION\nmine = 3\n### END SOLUTION", "mine-answer", solution=True)
    klass.write_source(wrong)
    assert klass.grade()["ann"] == {"mine": (None, "not graded"), "why": (None, "not graded")}
    assert "the solution of small does not earn all points here: mine: failed" in capsys.readouterr().err
    wrong[1] = cell(
        "### BEGIN SOLUTION\nimport not_there\nmine = 2\n### END SOLUTION", "mine-answer", solution=True
    )
    klass.write_source(wrong)
    assert klass.grade()["ann"]["mine"] == (None, "not graded")
    assert "ended in ModuleNotFoundError: No module named 'not_there'" in capsys.readouterr().err
    klass.write_source(SOURCE)
    assert klass.grade()["ann"]["mine"] == (2, "passed")


def test_what_the_judge_cannot_end_is_cut_once_and_not_tried_again(tmp_path):
    hard = [nbformat.from_dict(one) for one in SOURCE]
    test = "### BEGIN HIDDEN TESTS\nexpect(len(str(10 ** int(mine))), 3)\n### END HIDDEN TESTS"
    hard[1] = cell("### BEGIN SOLUTION\nmine = 2\n### END SOLUTION", "mine-answer", solution=True)
    hard[2] = cell(test, "mine", grade=True, locked=True, points=2)

    def check(unit):
        klass = Class(tmp_path / f"{unit}")
        klass.write_source(hard)
        klass.hand_in("ann", notebook(f"mine = {10**9}"))  # one product in C, which no signal interrupts
        klass.hand_in("bob", notebook("mine = 2"))
        limits = {"cell_seconds": 2 * unit, "seconds": 8 * unit}
        start = time.monotonic()
        table = klass.grade(**limits)
        assert time.monotonic() - start < 2 * (8 * unit + Job.starting + 20)
        assert table["bob"]["mine"] == (2, "passed") and not table["ann"]["mine"][0]
        kept = klass.out / "results" / "ann" / "small.json"
        before = kept.stat().st_mtime_ns
        klass.grade(**limits)
        assert kept.stat().st_mtime_ns == before

    at_the_machine_s_pace(check)


def test_strange_metadata_and_letters_are_one_student_s_trouble(klass):
    klass.hand_in("good")
    text = nbformat.writes(notebook())
    strange = json.loads(text)
    strange["cells"][0]["metadata"]["nbgrader"]["grade_id"] = []
    strange["cells"][1]["outputs"] = [{"output_type": "display_data", "data": {"image/png": '\ud800"><b>'}}]
    strange["cells"][3]["attachments"] = {"x": {"image/png": ["a", "b"]}, "y": 3}
    klass.hand_in("strange", json.dumps(strange).encode())
    klass.hand_in(
        "no metadata", json.dumps({"nbformat": 4, "cells": [{"cell_type": "code", "source": "x"}]}).encode()
    )
    table = klass.grade()
    assert table["good"]["mine"] == table["strange"]["mine"] == (2, "passed")
    assert table["no metadata"]["mine"] == (0, "failed")
    assert "<b>" not in (klass.out / "feedback" / "strange" / "small.html").read_text(encoding="utf-8")


def test_a_longer_clock_judges_again_what_was_cut_and_nothing_else(tmp_path):
    def check(unit):
        klass = Class(tmp_path / f"{unit}")
        klass.hand_in("slow", notebook(f"import time\ntime.sleep({3 * unit})\nmine = 2 * my.n"))
        klass.hand_in("fast")
        assert klass.grade(cell_seconds=unit, seconds=30 * unit)["slow"]["mine"][0] == 0
        fast = (klass.out / "results" / "fast" / "small.json").stat().st_mtime_ns
        assert klass.grade(cell_seconds=12 * unit, seconds=60 * unit)["slow"]["mine"] == (2, "passed")
        assert (klass.out / "results" / "fast" / "small.json").stat().st_mtime_ns == fast

    at_the_machine_s_pace(check)


def test_extra_cells_that_break_the_task_are_left_out_in_the_end(klass):
    broken = notebook()
    broken.cells.insert(
        2, new_code_cell("class Kill(int):\n    pass\nimport os\nmine = Kill(mine)\ndel mine\nos._exit(1)")
    )
    klass.hand_in("ann", broken)
    assert klass.grade()["ann"]["mine"][0] == 2


def test_hidden_names_stand_nowhere_that_a_marker_reads_and_their_marks_count(klass):
    for student in ("Zoe", "Robert"):
        klass.hand_in(student, notebook(setup=SETUP.replace('"anyone"', f'"{student}"')))
    students = ["Zoe", "Robert"]
    klass.grade(students=students, anonymous=True)
    pages = [path.read_text() for path in (klass.out / "feedback").rglob("*.html")]
    for text in [(klass.out / "by_hand.csv").read_text(), *pages]:
        assert "Zoe" not in text and "Robert" not in text and "anon-" in text
    (first, _), *_ = klass.sheet()
    klass.mark(first, 3)
    rows = klass.grade(students=students, anonymous=True)
    assert sorted(str(rows[student]["why"][0]) for student in students) == ["3.0", "None"]
    again = klass.grade(students=students)  # the names are back, and the mark is where it was
    assert again == rows and {student for student, _ in klass.sheet()} == set(students)


def test_where_a_platform_s_archive_was_put_is_no_news(klass):
    path = klass.folder / "week 6.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ann_1_assignsubmission_file/small.ipynb", nbformat.writes(notebook()))
        archive.writestr("bob_2_assignsubmission_file/small (1).ipynb", nbformat.writes(notebook()))
    collect(path, klass.folder / "in")
    assert klass.grade()["ann"]["mine"] == (2, "passed")
    notes = {row["student"]: row["note"] for _, row in tables.read(klass.out / "totals.csv")}
    assert notes == {"ann": "", "bob": "found as week 6/small (1).ipynb"}
