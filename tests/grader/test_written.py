"""Written: a person's marks stay whatever happens to the notebooks, and hidden names stay hidden."""

import pytest
from classes import SETUP, notebook
from test_sandbox import needs_sandbox

from dlbook.grader.grade.__main__ import main

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


def test_a_comment_is_read_by_the_student_and_too_many_points_are_refused(klass):
    klass.hand_in("ann")
    klass.grade()
    klass.mark("ann", "2,5", "No number, sadly")
    assert klass.grade()["ann"]["why"] == (2.5, "graded by hand")
    assert "No number, sadly" in (klass.out / "feedback" / "ann" / "small.html").read_text()
    assert '2.5,"No number, sadly"' in (klass.out / "by_hand.csv").read_text()
    klass.mark("ann", 5)
    with pytest.raises(ValueError, match=r"by_hand.csv, line 2: points must be between 0 and 4, got '5'"):
        klass.grade()


def test_any_task_is_regraded_with_a_comment_and_a_wrong_row_stops_the_run(klass, capsys):
    klass.hand_in("ann", notebook("mine = 1"))
    assert klass.grade()["ann"]["mine"] == (0, "failed")
    klass.mark("ann", 2, "", task="mine")
    with pytest.raises(ValueError, match="mine is graded by tests; say in the comment why"):
        klass.grade()
    klass.mark("ann", 2, "The text was unclear", task="mine")
    assert klass.grade()["ann"]["mine"] == (2, "graded by hand") == klass.grade()["ann"]["mine"]
    klass.mark("anne", 2)
    before = {path: path.read_bytes() for path in klass.out.rglob("*") if path.is_file()}
    arguments = [str(klass.folder / "in"), str(klass.out), "--source", str(klass.source)]
    assert main(arguments) == 2
    assert "there is no student 'anne'" in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in klass.out.rglob("*") if path.is_file()}


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
