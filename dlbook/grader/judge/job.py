"""Job: what is the judge asked, and what does it answer?

Both are written as JSON between the process that grades a class and that of a judge.
"""

from dataclasses import asdict, dataclass, field

from dlbook.grader.cells import heading_of, name_of, points_of, tasks_of

LOST = ("timed out", "process ended", "MemoryError")  # what the clock, a crash or a full memory took


@dataclass
class Job:
    """What to judge, and what it may cost."""

    source: str
    submission: str
    exercise: str
    student: str
    variant: str = "anyone"
    ids: dict = field(default_factory=dict)  # exercise: the names of its tasks
    cell_seconds: float = 20
    seconds: float = 80
    starting: float = 30  # seconds that the sandboxes may take to start, which count against no answer
    memory: int = 2 * 2**30
    unsafe: bool = False
    libraries: dict = field(default_factory=dict)  # name: the folder that the course means
    shows: list = field(default_factory=list)
    changes_inputs: list = field(default_factory=list)  # tasks whose solutions change what they are given
    yourself: dict = field(default_factory=dict)  # task: the packages that its answer may not call
    measures: list = field(default_factory=list)  # tasks whose answers draw from the generator they are given
    skip: list = field(default_factory=list)  # tasks that the judge itself could not end
    feedback: bool = True  # whether anybody reads what the cells print
    status: str = ""  # why this cannot be judged, if it is known before


@dataclass
class Task:
    """What became of a task."""

    task: str
    points: float | None
    maximum: float
    status: str
    message: str = ""
    title: str = ""
    answer: str = ""  # what the student wrote
    changes_inputs: bool = False  # whether the answer changed what it was given


class WrongLibraryError(Exception):
    """This machine cannot run the exercise: another copy of a library, or none. No student's fault."""


def unrun(source, points, status, message=""):
    """Return the result of a submission of which no cell was run: the same for every task."""
    tasks = [
        Task(name_of(cell), points, points_of(cell), status, message, heading_of(source, cell)[0])
        for cell, _ in tasks_of(source)
    ]
    return {"tasks": [asdict(task) for task in tasks], "cells": [], "status": status}
