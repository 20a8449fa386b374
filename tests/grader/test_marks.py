"""Marks: nothing that a person typed vanishes, and nothing is taken for somebody else's."""

import pytest

from dlbook.grader import marks, tables

TASKS = {"adam": {"why": 4, "steps": 3}}
ANSWER = {
    "task": "why",
    "points": None,
    "maximum": 4.0,
    "status": "by hand",
    "answer": "Because.",
    "message": "",
}
PRINT = marks.fingerprint("Because.")


def sheet(tmp_path, *rows):
    path = tmp_path / "by_hand.csv"
    columns = marks.COLUMNS
    tables.write(path, columns, [dict(zip(columns, row)) for row in rows])
    return path


def given(tmp_path, *rows, students=("00731", "ann")):
    return marks.read(sheet(tmp_path, *rows), set(students), TASKS)


def test_a_mark_is_read_and_enters(tmp_path):
    found = given(tmp_path, ("ann", "adam", "why", 4, "2,5", "See me.", PRINT))
    task = marks.marked(ANSWER, found["ann", "adam", "why"], by_machine=False)
    assert (task["points"], task["status"], task["comment"]) == (2.5, "graded by hand", "See me.")


def test_a_mark_on_an_answer_that_changed_is_marked(tmp_path):
    found = given(tmp_path, ("ann", "adam", "why", 4, 3, "", marks.fingerprint("Before.")))
    task = marks.marked(ANSWER, found["ann", "adam", "why"], by_machine=False)
    assert task["points"] == 3 and task["status"] == "graded by hand, the answer has changed since"
    confirmed = given(tmp_path, ("ann", "adam", "why", 4, 3, "", ""))
    assert (
        marks.marked(ANSWER, confirmed["ann", "adam", "why"], by_machine=False)["status"] == "graded by hand"
    )


def test_any_task_is_graded_anew_with_a_reason(tmp_path):
    test = ANSWER | {"task": "steps", "points": 0, "status": "failed"}
    found = given(tmp_path, ("ann", "adam", "steps", 3, 3, "A typo in the check", ""))
    assert marks.marked(test, found["ann", "adam", "steps"], by_machine=True)["points"] == 3
    silent = given(tmp_path, ("ann", "adam", "steps", 3, 3, " ", ""))
    with pytest.raises(
        ValueError, match="by_hand.csv, line 2: steps is graded by tests; say in the comment why"
    ):
        marks.marked(test, silent["ann", "adam", "steps"], by_machine=True)


@pytest.mark.parametrize(
    "row, complaint",
    [
        (("731", "adam", "why", 4, 3, "", ""), "line 2: there is no student '731'; '00731' is meant"),
        (("bob", "adam", "why", 4, 3, "", ""), "line 2: there is no student 'bob'"),
        (("ann", "adma", "why", 4, 3, "", ""), "line 2: there is no task 'why' in an exercise 'adma'"),
        (("ann", "adam", "wy", 4, 3, "", ""), "there is no task 'wy'"),
        (("ann", "adam", "why", 9, 5, "", ""), "points must be between 0 and 4, got '5'"),
        (("ann", "adam", "why", 4, "three", "", ""), "points must be between 0 and 4, got 'three'"),
        (("ann", "adam", "why", 4, "nan", "", ""), "points must be between 0 and 4"),
    ],
)
def test_a_row_that_cannot_be_is_refused_by_line(tmp_path, row, complaint):
    path = sheet(tmp_path, row)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=complaint):
        marks.read(path, {"00731", "ann"}, TASKS)
    assert path.read_bytes() == before


def test_all_wrong_lines_are_named_and_two_marks_for_one_answer_refused(tmp_path):
    with pytest.raises(ValueError, match=r"(?s)line 2: .*line 3: "):
        given(tmp_path, ("x", "adam", "why", 4, 3, "", ""), ("y", "adam", "why", 4, 3, "", ""))
    with pytest.raises(ValueError, match="line 3: a second mark for ann, adam, why; the first is in line 2"):
        given(tmp_path, ("ann", "adam", "why", 4, 3, "", ""), ("ann", "adam", "why", 4, 2, "", ""))
    (tmp_path / "by_hand.csv").write_text("student,task\nann,why\n")
    with pytest.raises(ValueError, match="the column 'exercise' is missing"):
        marks.read(tmp_path / "by_hand.csv", {"ann"}, TASKS)


def test_what_waits_and_what_was_typed_is_written_again(tmp_path):
    found = given(
        tmp_path,
        ("ann", "adam", "steps", 3, 3, "Regraded", ""),
        ("00731", "adam", "why", 4, 2, "absent today", "a-12345678"),
    )
    now = {("ann", "adam", "why"): ANSWER, ("ann", "adam", "steps"): ANSWER | {"points": 0, "maximum": 3.0}}
    rows = {(row["student"], row["task"]): row for row in marks.rows(now, found, TASKS)}
    assert list(rows) == [("ann", "why"), ("ann", "steps"), ("00731", "why")]
    assert rows["ann", "why"]["points"] is None and rows["ann", "why"]["answer"] == PRINT
    assert rows["00731", "why"]["points"] == 2 and rows["00731", "why"]["answer"] == "a-12345678"
    assert rows["ann", "steps"]["comment"] == "Regraded"


def test_points_typed_for_an_answer_that_was_replaced_meanwhile_keep_the_old_answer(tmp_path):
    found = given(
        tmp_path,
        ("ann", "adam", "why", 4, 2, "", "a-12345678"),
        ("00731", "adam", "why", 4, "", "", "a-12345678"),
    )
    now = {("ann", "adam", "why"): ANSWER, ("00731", "adam", "why"): ANSWER}
    assert [row["answer"] for row in marks.rows(now, found, TASKS)] == ["a-12345678", PRINT]
