"""Judge: how many points does one submission earn?

The student's notebook runs in a sandbox, cell by cell. When it reaches a task, the judge runs *the source's* test,
hidden part included, in its own process: what the locked cells define it defines itself, and every other name is
asked of the student's process and met as a `Remote`. So no test enters the sandbox, the student's copies of the tests
do not count, and the value that is compared has left the reach of the student's code.

A cell that does not end, or ends the process, costs its own task: the sandbox is started again without it.

``python -m dlcore.book.exercises.judge`` reads a job from standard input and writes the result, both JSON.
"""

import ast
import contextlib
import io
import json
import os
import signal
import sys
import time
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path

import nbformat
import numpy as np

from dlcore.book.exercises import format, sandbox
from dlcore.book.exercises.wire import Ended, TooLate, Wire

_LARGEST = 20 * 2**20  # bytes of a submission


@dataclass
class Job:
    """What to judge, and what it may cost."""

    source: str
    submission: str
    exercise: str
    student: str
    variant: str = "anyone"
    ids: dict = field(default_factory=dict)  # exercise: the names of its tasks
    cell_seconds: float = 30
    seconds: float = 150
    memory: int = 2 * 2**30
    unsafe: bool = False


@dataclass
class Task:
    """What became of a task."""

    task: str
    points: float | None
    maximum: float
    status: str
    message: str = ""


class Unusable(Exception):
    """This submission cannot be run at all; the text is its status."""


class Student:
    """The sandbox in which the student's notebook runs, and the wire to it."""

    def __init__(self, job):
        to_student, ours = os.pipe()
        theirs, from_student = os.pipe()
        ends = {"memory": job.memory, "seconds": job.seconds, "unsafe": job.unsafe}
        self._process = sandbox.popen(
            "dlcore.book.exercises.inside", [to_student, from_student], [to_student, from_student], **ends
        )
        os.close(to_student)
        os.close(from_student)
        self._ends = ours, theirs
        self.wire = Wire(theirs, ours, guarded=True)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()  # bubblewrap takes all that it started along
        self._process.wait()
        for end in self._ends:
            os.close(end)

    def why_it_ended(self):
        """Say how the process ended."""
        try:
            code = self._process.wait(timeout=2)
        except Exception:
            return "the process stopped talking"
        killed = -code if code < 0 else code - 128 if code > 128 else None
        return f"the process was killed ({signal.Signals(killed).name})" if killed else f"the process ended with code {code}"


def judge(job):
    """Run and judge a submission. Return its tasks, and its cells with what they gave."""
    source = nbformat.read(job.source, as_version=4)
    try:
        notebook = _read(job)
    except Unusable as refused:
        status = str(refused)
        found = [Task(format.name(cell), 0, format.points(cell), status) for cell, _ in format.tasks(source)]
        return {"tasks": [asdict(task) for task in found], "cells": [], "status": status}
    steps, cells = _steps(source, notebook, job)
    found = _run(job, source, steps, cells)
    texts = {format.name(cell): cell.source for cell in notebook.cells}
    tasks = []
    for cell, answers in format.tasks(source):
        task = found.get(format.name(cell)) or _by_hand(cell, texts, _rubric(source, cell))
        stubs = [format.STUB in texts.get(answer, "") for answer in answers]
        if format.kind(cell) == "test" and task.points == 0 and stubs and all(stubs):
            task.status, task.message = "not attempted", ""
        tasks.append(asdict(task))
    return {"tasks": tasks, "cells": cells, "status": "graded"}


def _read(job):
    path = Path(job.submission)
    if path.is_symlink() or any(parent.is_symlink() for parent in list(path.parents)[:2]):
        raise Unusable("a link, not followed")
    if not path.is_file():
        raise Unusable("nothing submitted")
    if path.stat().st_size > _LARGEST:
        raise Unusable("too large")
    try:
        notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
        for cell in notebook.cells:
            cell.source = "".join(cell.source)
            cell.metadata.get("nbgrader"), cell.cell_type  # noqa: B018  a cell without them is no cell
    except Exception:
        raise Unusable("not a notebook") from None
    here = {format.name(cell) for cell in notebook.cells}
    if not here & set(job.ids.get(job.exercise, [])):
        for exercise, ids in job.ids.items():
            if here & set(ids):
                raise Unusable(f"the notebook of another exercise: {exercise}")
    return notebook


def _steps(source, notebook, job):
    """The cells to run and the tests to judge, in order, and a record of each cell for the feedback."""
    ours = {format.name(cell): cell for cell in source.cells if format.name(cell)}
    steps, cells, met = [], [], set()
    for cell in notebook.cells:
        known = ours.get(format.name(cell))
        what = format.kind(known) if known is not None else "plain"
        met.add(format.name(cell))
        record = {"kind": what, "name": format.name(cell), "type": cell.cell_type, "source": cell.source}
        record |= {"output": "", "error": "", "pictures": _pictures(cell), "changed": False}
        if what == "test":
            steps = [step for step in steps if step != ("judge", format.name(cell))]
            steps.append(("judge", format.name(cell)))
            record["changed"] = cell.source.strip() != format.public(known.source).strip()
        elif cell.cell_type == "code":
            if what == "locked":
                record["source"] = format.for_student(known.source, job.variant)
            steps.append(("run", len(cells)))
        cells.append(record)
    for number, cell in enumerate(source.cells):
        if format.name(cell) in met:
            continue
        if format.kind(cell) == "test":  # deleted: it is judged all the same
            steps.append(("judge", format.name(cell)))
        elif format.kind(cell) == "locked" and number < 3:
            cells.append({"kind": "locked", "name": format.name(cell), "type": "code", "output": "", "error": "",
                          "pictures": [], "changed": True, "source": format.for_student(cell.source, job.variant)})  # fmt: skip
            steps.insert(0, ("run", len(cells) - 1))
    return steps, cells


def _pictures(cell):
    """The pictures that the student's own run left in the notebook."""
    kept = []
    for output in cell.get("outputs") or []:
        data = output.get("data") if isinstance(output, dict) else None
        picture = (data or {}).get("image/png")
        if isinstance(picture, str) and len(picture) < 2**20 and len(kept) < 4:
            kept.append(picture.replace("\n", ""))
    return kept


def _run(job, source, steps, cells):
    tests = {format.name(cell): cell for cell, _ in format.tasks(source) if format.kind(cell) == "test"}
    trusted = _trusted(source, job.variant)
    end = time.monotonic() + job.seconds
    found, skipped = {}, set()
    while True:
        with Student(job) as student:
            for number, (what, which) in enumerate(steps):
                if number in skipped or which in found:
                    continue
                student.wire.deadline = min(end, time.monotonic() + job.cell_seconds)
                try:
                    if what == "judge":
                        found[which] = _test(tests[which], student.wire, trusted)
                    else:
                        cells[which] |= _ran(student.wire, cells[which]["source"])
                        if cells[which]["error"].startswith("MemoryError"):  # what filled it is still there
                            skipped.add(number)
                            break
                    continue
                except TooLate:
                    over = time.monotonic() >= end
                    status, why = "timed out", f"no end after {job.seconds if over else job.cell_seconds:g} s"
                except Ended:
                    status, why = "process ended", student.why_it_ended()
                skipped.add(number)
                if what == "judge":
                    found[which] = Task(which, 0, format.points(tests[which]), status, why)
                else:
                    cells[which]["error"] = f"{status}: {why}"
                break
            else:
                return found
        if time.monotonic() >= end:
            for name, cell in tests.items():
                message = f"the whole notebook took more than {job.seconds:g} s"
                found.setdefault(name, Task(name, 0, format.points(cell), "timed out", message))
            return found


def _ran(wire, source):
    """Run a cell. Return what the other end says of it, whatever it says."""
    try:
        answer = wire.root.run(source)
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    answer = answer if isinstance(answer, dict) else {}
    return {key: str(answer.get(key, ""))[:20_000] for key in ("output", "error")}


def _trusted(source, student):
    """What the locked cells define without the student's help."""
    space = {"__name__": "judged"}
    with contextlib.redirect_stdout(io.StringIO()):
        for text in format.given(source)[0]:
            exec(compile(format.for_student(text, student), "<locked>", "exec"), space)
    return space


def _test(cell, wire, trusted):
    """Run a test, hidden part included, against the student's process."""
    task, most = format.name(cell), format.points(cell)
    space = {key: deepcopy(v) if isinstance(v, (np.ndarray, np.random.Generator, list, dict)) else v
             for key, v in trusted.items() if key != "__builtins__"}  # fmt: skip
    printed = io.StringIO()
    try:
        for name in sorted(format.names(cell.source)[1] - set(space)):
            space[name] = wire.root.look(name)
        tree = ast.parse(cell.source)
        last = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None
        with contextlib.redirect_stdout(printed):
            exec(compile(tree, "<test>", "exec"), space)
            value = eval(compile(last, "<test>", "eval"), space) if last else None
    except AssertionError as wrong:
        return Task(task, 0, most, "failed", _said(printed, str(wrong)))
    except Exception as error:
        return Task(task, 0, most, "failed", _said(printed, f"{type(error).__name__}: {error}"))
    if type(value) in (int, float) and 0 <= value < most:
        return Task(task, value, most, "partly" if value else "failed", _said(printed, ""))
    return Task(task, most, most, "passed", _said(printed, ""))


def _said(printed, message):
    return "\n".join(filter(None, [printed.getvalue().strip(), message]))[:4000]


def _rubric(source, cell):
    before = "".join(one.source for one in source.cells[: source.cells.index(cell)] if one.cell_type == "markdown")
    return before.rpartition("*Rubric.*")[2].strip()


def _by_hand(cell, texts, rubric):
    task, most = format.name(cell), format.points(cell)
    text = texts.get(task, "").strip()
    if text in ("", format.ANSWER_STUB):
        return Task(task, 0, most, "not attempted")
    return Task(task, None, most, "by hand", rubric)


if __name__ == "__main__":
    result = judge(Job(**json.load(sys.stdin)))
    json.dump(result, sys.stdout)
