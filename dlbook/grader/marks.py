"""Marks: how does a person's mark get into the grades, and never out of them by accident?

``by_hand.csv`` has a row for each answer that waits, and keeps every row that somebody has filled in: for a
student who is missing today, for a notebook that was handed in again and cannot be read. A row that matches
nobody is refused before anything is written. Any other task can be graded anew in the same file: add a row
with the points and a comment that says why.
"""

import hashlib
import secrets
from dataclasses import dataclass

from dlbook.grader import tables
from dlbook.grader.people import nearest, person

COLUMNS = ("student", "exercise", "task", "maximum", "points", "comment", "answer")
CHANGED = "graded by hand, the answer has changed since"


@dataclass
class Mark:
    """What a person has typed about a task.

    Attributes
    ----------
    points : float or None
    comment : str
    answer : str
        The `fingerprint` of the answer that was marked, empty for whatever answer is there.
    line : int
        Where it stands in the file.
    """

    points: float | None
    comment: str
    answer: str
    line: int = 0


def fingerprint(text):
    """Return a short text that tells an answer from another one.

    Examples
    --------
    >>> fingerprint("Because."), fingerprint("")
    ('a-8e18bd2e', '')
    """
    return "a-" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:8] if text else ""


def aliases(out, students, make=False):
    """Return what stands for each student's name where names are hidden, in a sheet or on a page.

    It is drawn from the name and a key that ``OUT`` keeps, so it stays the same from run to run, and nobody
    computes it from a class list.

    Parameters
    ----------
    out : Path
        What `grade` has written.
    students : collection of str
    make : bool
        Whether a key is made if there is none. Without a key there are no aliases.
    """
    place = out / "results" / ".aliases"
    if not place.exists():
        if not make:
            return {}
        tables.replace(place, secrets.token_hex(16))
    key = place.read_bytes()
    names = ((student, student.encode("utf-8", "surrogateescape")) for student in students)
    return {student: f"anon-{hashlib.sha256(key + name).hexdigest()[:10]}" for student, name in names}


def read(path, students, tasks, hidden=()):
    """Return the marks of a file by ``(student, exercise, task)``.

    Parameters
    ----------
    path : Path
    students : set of str
        All who could be meant.
    tasks : dict of exercise: {task: its most points}
    hidden : dict of student: alias, optional
        Aliases that may stand in the file for names; see `aliases`.

    Raises
    ------
    ValueError
        If a row matches no student or task, is there twice, or has points that cannot be. It names all such
        lines. Nothing is changed.
    """
    if not path.exists():
        return {}
    marks, wrong = {}, []
    meant = {alias: student for student, alias in dict(hidden).items()}
    for line, row in tables.read(path):
        try:
            name = (row.get("student") or "").strip()
            key, mark = _mark(row | {"student": meant.get(name, row.get("student"))}, students, tasks)
            if key in marks and (marks[key].points, marks[key].comment) != (mark.points, mark.comment):
                raise ValueError(
                    f"a second mark for {', '.join(key)}; the first is in line {marks[key].line}"
                )
        except ValueError as error:
            wrong.append(f"{path}, line {line}: {error}")
            continue
        mark.line = line
        marks.setdefault(key, mark)
    if wrong:
        more = f"\nand {len(wrong) - 10} more" if len(wrong) > 10 else ""
        raise ValueError(
            "\n".join(wrong[:10]) + more + "\nNothing was changed; mend these lines and run it again."
        )
    return marks


def _mark(row, students, tasks):
    for column in COLUMNS[:3] + COLUMNS[4:6]:
        if row.get(column) is None:
            raise ValueError(f"the column {column!r} is missing")
    student, exercise, task = person(row["student"]), row["exercise"].strip(), row["task"].strip()
    if student not in students:
        meant = nearest(student, students)
        hint = f"; {meant!r} is meant? Type it so (a spreadsheet may take zeros away)" if meant else ""
        raise ValueError(f"there is no student {student!r}{hint}")
    if task not in tasks.get(exercise, ()):
        raise ValueError(f"there is no task {task!r} in an exercise {exercise!r}")
    most = tasks[exercise][task]
    try:
        points = tables.number(row["points"])
    except ValueError:
        points = -1
    if points is not None and not 0 <= points <= most:
        raise ValueError(f"points must be between 0 and {most:g}, got {row['points']!r}")
    return (student, exercise, task), Mark(points, row["comment"], (row.get("answer") or "").strip())


def marked(task, mark, by_machine):
    """Return a task with what a person gave for it.

    Parameters
    ----------
    task : dict
        A task of a result; see `judge.Task`.
    mark : Mark or None
    by_machine : bool
        Whether tests grade this task: then a mark needs a comment.
    """
    task = task | {"comment": mark.comment if mark else ""}
    if mark is None or mark.points is None:
        return task
    if by_machine and not mark.comment.strip():
        raise ValueError(
            f"by_hand.csv, line {mark.line}: {task['task']} is graded by tests; say in the comment why "
            "a person's points count instead"
        )
    changed = mark.answer and mark.answer != fingerprint(task["answer"])
    return task | {"points": mark.points, "status": CHANGED if changed else "graded by hand"}


def rows(tasks, marks, most, hidden=()):
    """Return the rows of ``by_hand.csv``: those that wait, and every one that somebody has filled in.

    Parameters
    ----------
    tasks : dict of (student, exercise, task): dict
        What the results say now.
    marks : dict of (student, exercise, task): Mark
        What the file says now.
    most : dict of exercise: {task: its most points}
    hidden : dict of student: alias, optional
        What is written in place of names. The rows are in the aliases' order then.
    """
    kept, hidden = [], dict(hidden)
    for key, task in tasks.items():
        mark = marks.get(key) or Mark(None, "", "")
        filled = mark.points is not None or mark.comment.strip()
        if task["points"] is None or filled:
            # points stay with the answer that they were given for; a row that waits has today's
            answer = mark.answer if mark.points is not None and mark.answer else fingerprint(task["answer"])
            kept.append(_row(key, task["maximum"], mark, answer))
    absent = [key for key, mark in marks.items() if key not in tasks]
    kept += [_row(key, most[key[1]][key[2]], marks[key], marks[key].answer) for key in absent]
    for row in kept:
        row["student"] = hidden.get(row["student"], row["student"])
    return sorted(kept, key=lambda row: row["student"]) if hidden else kept


def _row(key, maximum, mark, answer):
    return dict(zip(COLUMNS, (*key, maximum, mark.points, mark.comment, answer)))
