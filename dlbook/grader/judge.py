"""Judge: how many points does one submission earn?

The student's notebook runs in a sandbox, cell by cell, and then once more from the start. In the second
round, when it reaches a task, the judge runs *the source's* test, hidden part included, in its own process:
what the locked cells define it defines itself, and every other name is asked of the student's process and met
as a `Remote`. So no test enters the sandbox, the student's copies of the tests do not count, and the value
that is compared has left the reach of the student's code. What cells print is taken from the first round,
which knows nothing of the tests' questions.

A cell that does not end, or ends the process, costs its own task: the sandbox is started again without it.

``python -m dlbook.grader.judge`` reads a job from standard input and writes the result, both JSON.
"""

import ast
import contextlib
import io
import json
import os
import resource
import signal
import sys
import time
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from dlbook.grader import cells, sandbox
from dlbook.grader.rpc import Ended, TooLate, Wire

LARGEST = 20 * 2**20  # bytes of a submission
_MOST_CELLS = 500
_SHOWN = {
    "source": 10_000,
    "output": 10_000,
    "error": 2_000,
}  # characters of a cell that are kept for the feedback
_SHOWN_IN_ALL = 500_000


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
    title: str = ""


class Unusable(Exception):
    """This submission cannot be run at all; the text is its status."""


class Full(BaseException):
    """A cell has filled the memory."""


class Student:
    """The sandbox in which the student's notebook runs, and the wire to it."""

    def __init__(self, job):
        to_student, ours = os.pipe()
        theirs, from_student = os.pipe()
        ends = {"memory": job.memory, "seconds": job.seconds, "unsafe": job.unsafe}
        self._process = sandbox.popen(
            "dlbook.grader.worker", [to_student, from_student], [to_student, from_student], **ends
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
        killed = -code if code < 0 else code - 128
        names = {number.value: number.name for number in signal.Signals}
        return (
            f"the process was killed ({names[killed]})"
            if killed in names
            else f"the process ended with code {code}"
        )


def judge(job):
    """Run and judge a submission. Return its tasks, and its cells with what they gave."""
    source = cells.read(Path(job.source).read_text(encoding="utf-8"))
    try:
        notebook = _read(job)
    except Unusable as refused:
        return unrun(source, 0, str(refused))
    steps, records = _steps(source, notebook, job)
    found = _run(job, source, steps, records)
    texts = {cells.name(cell): cell["source"] for cell in notebook["cells"]}
    tasks = []
    for cell, answers in cells.tasks(source):
        heading, rubric = cells.heading(source, cell)
        task = found.get(cells.name(cell)) or _by_hand(cell, texts, rubric)
        stubs = [cells.STUB in texts.get(answer, "") for answer in answers]
        if cells.kind(cell) == "test" and task.points == 0 and stubs and all(stubs):
            task.status, task.message = "not attempted", ""
        task.title = heading
        tasks.append(asdict(task))
    return {"tasks": tasks, "cells": _shown(records), "status": "graded"}


def unrun(source, points, status, message=""):
    """Return the result of a submission of which no cell was run: the same for every task."""
    tasks = [
        Task(cells.name(cell), points, cells.points(cell), status, message, cells.heading(source, cell)[0])
        for cell, _ in cells.tasks(source)
    ]
    return {"tasks": [asdict(task) for task in tasks], "cells": [], "status": status}


def _shown(records):
    """The cells cut to a size that a page can show."""
    left = _SHOWN_IN_ALL
    for cell in records:
        for key, most in _SHOWN.items():
            cell[key] = cell[key][: min(most, max(0, left))]
            left -= len(cell[key])
        cell["pictures"] = [
            picture for picture in cell["pictures"] if (left := left - len(picture) // 10) > 0
        ]
    return records


def _read(job):
    path = Path(job.submission)
    if path.is_symlink() or any(parent.is_symlink() for parent in list(path.parents)[:2]):
        raise Unusable("a link, not followed")
    if not path.is_file():
        raise Unusable("nothing submitted")
    if path.stat().st_size > LARGEST:
        raise Unusable("too large")
    try:
        notebook = cells.read(path.read_text(encoding="utf-8"))
    except ValueError:
        raise Unusable("not a notebook") from None
    if len(notebook["cells"]) > _MOST_CELLS:
        raise Unusable("too large")
    here = {cells.name(cell) for cell in notebook["cells"]}
    if not here & set(job.ids.get(job.exercise, [])):
        for exercise, ids in job.ids.items():
            if here & set(ids):
                raise Unusable(f"the notebook of another exercise: {exercise}")
    return notebook


def _steps(source, notebook, job):
    """The cells to run and the tests to judge, in order, and a record of each cell for the feedback."""
    ours = {cells.name(cell): cell for cell in source["cells"] if cells.name(cell)}
    needs_no_answer = cells.given(source)[0]
    steps, records, met, restored = [], [], set(), []
    for cell in notebook["cells"]:
        known = ours.get(cells.name(cell))
        what = cells.kind(known) if known is not None else "plain"
        met.add(cells.name(cell))
        record = _record(what, cell, cell["source"])
        if what == "test":
            steps = [step for step in steps if step != ("judge", cells.name(cell))]
            steps.append(("judge", cells.name(cell)))
            record["changed"] = cell["source"].strip() != cells.public(known["source"]).strip()
        elif cell["cell_type"] == "code":
            if what == "locked":
                record["source"] = cells.for_student(known["source"], job.variant)
            steps.append(("run", len(records)))
        records.append(record)
    for name, cell in ours.items():  # what was deleted
        if name in met:
            continue
        if cells.kind(cell) == "test":  # it is judged all the same
            steps.append(("judge", name))
        elif cell["source"] in needs_no_answer:
            restored.append(("run", len(records)))
            records.append(
                _record("locked", cell, cells.for_student(cell["source"], job.variant)) | {"changed": True}
            )
    return restored + steps, records


def _record(kind, cell, source):
    """What the feedback shows of a cell; running it adds its output and error."""
    return {"kind": kind, "name": cells.name(cell), "type": cell["cell_type"], "source": source, "output": "", "error": "",
            "pictures": _pictures(cell), "changed": False}  # fmt: skip


def _pictures(cell):
    """The pictures that the student's own run left in the notebook."""
    kept = []
    outputs = cell.get("outputs")
    for output in outputs if isinstance(outputs, list) else []:
        data = output.get("data") if isinstance(output, dict) else None
        picture = data.get("image/png") if isinstance(data, dict) else None
        if isinstance(picture, str) and len(picture) < 2**20 and len(kept) < 4:
            kept.append(picture.replace("\n", ""))
    return kept


def _run(job, source, steps, records):
    """Run the notebook for what it shows, then again with the tests. Return what became of each test."""
    tests = {cells.name(cell): cell for cell, _ in cells.tasks(source) if cells.kind(cell) == "test"}
    trusted = _trusted(source, job.variant)
    broken, found = {}, {}

    def show(wire, what, which):
        records[which] |= _ran(wire, records[which]["source"])

    def test(wire, what, which):
        if what == "run":
            _ran(wire, records[which]["source"])
        elif which not in found:
            found[which] = _test(tests[which], wire, trusted)

    _play(job, [step for step in steps if step[0] == "run"], show, broken)
    for (_, which), (status, why) in broken.items():
        records[which]["error"] = f"{status}: {why}"
    _play(job, steps, test, broken)
    late = "timed out", f"the whole notebook took more than {job.seconds:g} s"
    lost = {
        name: Task(name, 0, cells.points(cell), *broken.get(("judge", name), late))
        for name, cell in tests.items()
    }
    return lost | found


def _play(job, steps, do, broken):
    """Take the steps, each by ``do(wire, what, which)``, and begin again in a new sandbox after one that
    breaks it.

    `broken` holds the steps to leave out, with a status and a reason, and gains those that break a sandbox.
    """
    end = time.monotonic() + job.seconds
    while time.monotonic() < end:
        with Student(job) as student:
            for step in steps:
                if step in broken:
                    continue
                student.wire.deadline = min(end, time.monotonic() + job.cell_seconds)
                try:
                    do(student.wire, *step)
                    continue
                except TooLate:
                    over = time.monotonic() >= end
                    broken[step] = (
                        "timed out",
                        f"no end after {job.seconds if over else job.cell_seconds:g} s",
                    )
                except Full:
                    broken[step] = "MemoryError", f"more than {job.memory / 2**30:.2g} GB"
                except Ended:
                    broken[step] = "process ended", student.why_it_ended()
                break
            else:
                return


def _ran(wire, source):
    """Run a cell. Return what the other end says of it, whatever it says."""
    try:
        answer = wire.root.run(source)
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    answer = answer if isinstance(answer, dict) else {}
    if str(answer.get("error", "")).startswith("MemoryError"):
        raise Full  # what filled the memory is still there
    return {key: str(answer.get(key, ""))[:20_000] for key in ("output", "error")}


def _trusted(source, student):
    """What the locked cells define without the student's help."""
    space = {"__name__": "judged"}
    with contextlib.redirect_stdout(io.StringIO()):
        for text in cells.given(source)[0]:
            exec(compile(cells.for_student(text, student), "<locked>", "exec"), space)
    return space


def _test(cell, wire, trusted):
    """Run a test, hidden part included, against the student's process."""
    task, most = cells.name(cell), cells.points(cell)
    space = {key: deepcopy(v) if isinstance(v, (np.ndarray, np.random.Generator, list, dict)) else v
             for key, v in trusted.items() if key != "__builtins__"}  # fmt: skip
    printed = io.StringIO()
    try:
        for name in sorted(cells.names(cell["source"])[1] - set(space)):
            space[name] = wire.root.look(name)
        tree = ast.parse(cell["source"])
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
    lines = dict.fromkeys([*printed.getvalue().strip().splitlines(), *message.splitlines()])  # each once
    return "\n".join(filter(None, lines))[:4000]


def _by_hand(cell, texts, rubric):
    task, most = cells.name(cell), cells.points(cell)
    text = texts.get(task, "").strip()
    if text in ("", cells.ANSWER_STUB):
        return Task(task, 0, most, "not attempted")
    return Task(task, None, most, "by hand", rubric)


def _printable(value):
    """A copy in which every text can be written to a file, whatever a student's bytes were."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {key: _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list) else value


if __name__ == "__main__":
    job = Job(**json.load(sys.stdin))
    for kind, most in [
        (resource.RLIMIT_AS, job.memory + 2**30),
        (resource.RLIMIT_CPU, int(2 * job.seconds) + 30),
    ]:
        resource.setrlimit(kind, (most, most))  # what a student sends is read here
    json.dump(_printable(judge(job)), sys.stdout)
