"""Judge: how many points does one submission earn?

The student's notebook runs in a sandbox, cell by cell, and then once more from the start. In the second
round, when it reaches a task, the judge runs *the source's* test, hidden part included, in its own process:
what the locked cells define it defines itself, and every other name is asked of the student's process and met
as a `Remote`. So no test enters the sandbox, the student's copies of the tests do not count, and the value
that is compared has left the reach of the student's code. What cells print is taken from the first round,
which knows nothing of the tests' questions.

A cell that does not end, or ends the process, costs its own task: the sandbox is started again without it.
Tasks that the clock took are judged in a third round, without the cells that the student added.

===========================  =======================================  =====================================
the judge's process          reads                                    runs
===========================  =======================================  =====================================
`handed_in`, `steps`         the student's file, as data              nothing of it
`hidden`                     the source, solutions and tests          its locked cells and its tests
`student`, `rounds`          what comes over the wire, as data        nothing of it
===========================  =======================================  =====================================

===========================  =======================================  =====================================
the student's process        reads                                    runs
===========================  =======================================  =====================================
`dlbook.grader.worker`       Python, the course's libraries, and      the cells that the judge sends, and
(in a sandbox of its own)    what tests ask, as values and calls      the functions that tests call
===========================  =======================================  =====================================

The wire of `student` is the only way from one to the other.
"""

from dataclasses import asdict
from pathlib import Path

from dlbook.grader.cells import heading_of, kind_of, name_of, parse, points_of, tasks_of
from dlbook.grader.judge import rounds
from dlbook.grader.judge.handed_in import UnusableError, read, texts_of
from dlbook.grader.judge.job import LOST, Job, Task, WrongLibraryError, unrun
from dlbook.grader.judge.steps import planned, shown
from dlbook.grader.judge.student import check_libraries, places_of

__all__ = ["LOST", "Job", "judge", "unrun"]
_LONGEST_ANSWER = 20_000  # characters


def judge(job):
    """Run and judge a submission. Return its tasks, and its cells with what they gave."""
    source = parse(Path(job.source).read_text(encoding="utf-8"))
    try:
        notebook = read(job)
    except UnusableError as refused:
        status = str(refused)
        return unrun(source, 0 if status == "nothing submitted" else None, status)
    try:
        check_libraries(job, places_of([*job.libraries]), "the judge")
        steps, records = planned(source, notebook, job)
        found = rounds.run(job, source, steps, records)
    except WrongLibraryError as wrong:
        return unrun(source, None, "not graded", str(wrong)) | {"again": True}
    texts, tasks = texts_of(source, notebook), []
    for cell, answers in tasks_of(source):
        title, rubric = heading_of(source, cell)
        if kind_of(cell) == "test":
            task = _with_reasons(found[name_of(cell)], answers, texts, records)
        else:
            task = _by_hand(cell, texts, rubric)
        tasks.append(asdict(task) | {"title": title})
    return {"tasks": tasks, "cells": shown(records), "status": "graded"}


def _with_reasons(task, answers, texts, records):
    """Add to a task what its answers' cells say: that nothing was written, or how one of them ended."""
    errors = {record["name"]: record["error"] for record in records if record["error"]}
    notes = {record["name"]: record["note"] for record in records if record["note"]}
    if not task.points:
        if answers and all(texts.get(answer) == "" for answer in answers):
            task.status, task.message = "not attempted", ""
        else:
            failed = [f"the cell {one} ended in {errors[one]}" for one in answers if one in errors]
            task.message = "\n".join(filter(None, [task.message, *failed]))
            lost = [status for one in answers if (status := errors.get(one, "").partition(":")[0]) in LOST]
            task.status = lost[0] if lost else task.status
    if task.status != "not attempted":
        told = [notes[one] for one in answers if one in notes]
        task.message = "\n".join(filter(None, [task.message, *told]))
    task.answer = "\n\n".join(texts[one] for one in answers if texts.get(one))[:_LONGEST_ANSWER]
    return task


def _by_hand(cell, texts, rubric):
    task, most = name_of(cell), points_of(cell)
    text = texts.get(task, "")
    if not text:
        return Task(task, 0, most, "not attempted")
    return Task(task, None, most, "by hand", rubric, answer=text[:_LONGEST_ANSWER])
