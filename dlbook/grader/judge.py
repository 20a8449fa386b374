"""Judge: how many points does one submission earn?

The student's notebook runs in a sandbox, cell by cell, and then once more from the start. In the second
round, when it reaches a task, the judge runs *the source's* test, hidden part included, in its own process:
what the locked cells define it defines itself, and every other name is asked of the student's process and met
as a `Remote`. So no test enters the sandbox, the student's copies of the tests do not count, and the value
that is compared has left the reach of the student's code. What cells print is taken from the first round,
which knows nothing of the tests' questions.

A cell that does not end, or ends the process, costs its own task: the sandbox is started again without it.
Tasks that the clock took are judged in a third round, without the cells that the student added.

``python -m dlbook.grader.judge FD`` starts a process for each job; see `forks.serve` and `run`.
"""

import ast
import contextlib
import importlib.util
import io
import json
import os
import signal
import sys
import threading
import time
import warnings
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from dlbook.grader import forks, sandbox
from dlbook.grader.cells import (
    ANSWER_STUB,
    STUB,
    given_cells,
    heading_of,
    is_untouched,
    kind_of,
    name_of,
    names_in,
    parse,
    points_of,
    public_part,
    stub_of,
    tasks_of,
    with_student,
    without_leftover,
)
from dlbook.grader.forks import Forks, ForksError
from dlbook.grader.marking import discreet
from dlbook.grader.rpc import DeadlineError, EndedError, Wire
from dlbook.grader.submissions import LARGEST

LOST = ("timed out", "process ended", "MemoryError")  # what the clock, a crash or a full memory took
_MOST_CELLS = 500
_SECONDS_TO_FORK = 10  # without an answer for so long, the sandbox is made anew
_SHARES = (0.35, 0.65, 1.0)  # of all seconds: when the rounds end
_SHOWN = {
    "source": 10_000,
    "output": 10_000,
    "error": 2_000,
}  # characters of a cell that are kept for the feedback
_SHOWN_IN_ALL = 500_000
_LONGEST_PICTURE = 2**20  # characters


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


class UnusableError(Exception):
    """This submission cannot be run at all; the text is its status."""


class WrongLibraryError(Exception):
    """This machine cannot run the exercise: another copy of a library, or none. No student's fault."""


class MemoryFullError(BaseException):
    """A cell has filled the memory."""


class _Clock:
    """The time that a notebook has. Starting sandboxes costs none of it, up to an allowance."""

    def __init__(self, job):
        self._job, self._start, self._excused, self.starts = job, time.monotonic(), 0.0, 0

    def end(self, share):
        """Return when the round ends that may use up to this share of all seconds."""
        return self._start + self._excused + share * self._job.seconds

    @contextlib.contextmanager
    def starting(self, share):
        """Yield by when a sandbox must have started, and take what it needs off the notebook's account."""
        begun, left = time.monotonic(), self._job.starting - self._excused
        try:
            yield self.end(share) + left
            self.starts += 1
        finally:
            self._excused += min(left, time.monotonic() - begun)


class Sandbox:
    """The sandbox of a submission. It is made anew when it has ended or something was left in it."""

    def __init__(self, job):
        self._job, self._forks = job, None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self._forks:
            self._forks.close()
            self._forks = None

    def start(self, fds, seconds):
        """Start a process for the notebook. Return its number."""
        if self._forks:
            try:
                return self._forks.start(fds, _SECONDS_TO_FORK)
            except ForksError:
                self.__exit__()
        job = self._job
        options = {"memory": job.memory, "seconds": job.seconds, "unsafe": job.unsafe}
        self._forks = Forks(
            lambda fd: sandbox.popen(
                "dlbook.grader.worker", fd, libraries=list(job.libraries.values()), **options
            )
        )
        return self._forks.start(fds, seconds)

    def end(self, number, patience):
        """End a process. Return its exit code, or None if nobody knows it."""
        try:
            return self._forks.end(number, patience) if self._forks else None
        except ForksError:
            self.__exit__()
            return None


class Student:
    """The process in which the student's notebook runs, and the wire to it."""

    def __init__(self, job, box, seconds):
        to_student, ours = os.pipe()
        theirs, from_student = os.pipe()
        self._box, self._ended, self._code, self._ends = box, False, None, (ours, theirs)
        try:
            self._number = box.start([to_student, from_student], seconds)
        except ForksError as error:
            for end in self._ends:
                os.close(end)
            raise EndedError(str(error)) from None
        finally:
            os.close(to_student)
            os.close(from_student)
        self.wire = Wire(theirs, ours, guarded=True, shows=job.shows)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._end(0)
        for end in self._ends:
            os.close(end)

    def _end(self, patience):
        if not self._ended:
            self._ended, self._code = True, self._box.end(self._number, patience)
        return self._code

    def why_it_ended(self):
        """Say how the process ended."""
        code = self._end(2)
        if code is None:
            return "the process stopped talking"
        if code < 0:
            return f"the process was killed ({signal.Signals(-code).name})"
        return f"the process ended with code {code}"


def judge(job):
    """Run and judge a submission. Return its tasks, and its cells with what they gave."""
    source = parse(Path(job.source).read_text(encoding="utf-8"))
    try:
        notebook = _read(job)
    except UnusableError as refused:
        status = str(refused)
        return unrun(source, 0 if status == "nothing submitted" else None, status)
    try:
        _check_libraries(job, _places([*job.libraries]), "the judge")
        steps, records = _steps(source, notebook, job)
        found = _run(job, source, steps, records)
    except WrongLibraryError as wrong:
        return unrun(source, None, "not graded", str(wrong)) | {"again": True}
    texts = _texts(source, notebook)
    errors = {record["name"]: record["error"] for record in records if record["error"]}
    notes = {record["name"]: record["note"] for record in records if record["note"]}
    tasks = []
    for cell, answers in tasks_of(source):
        heading, rubric = heading_of(source, cell)
        task = found.get(name_of(cell)) or _by_hand(cell, texts, rubric)
        if kind_of(cell) == "test" and not task.points:
            if all(texts.get(answer) == "" for answer in answers) and answers:
                task.status, task.message = "not attempted", ""
            else:
                failed = [f"the cell {one} ended in {errors[one]}" for one in answers if one in errors]
                task.message = "\n".join(filter(None, [task.message, *failed]))
                lost = [
                    status for one in answers if (status := errors.get(one, "").partition(":")[0]) in LOST
                ]
                task.status = lost[0] if lost else task.status
        if kind_of(cell) == "test" and task.status != "not attempted":
            task.message = "\n".join(
                filter(None, [task.message, *(notes[one] for one in answers if one in notes)])
            )
        task.title = heading
        if kind_of(cell) == "test":
            task.answer = "\n\n".join(texts[one] for one in answers if texts.get(one))[:20_000]
        tasks.append(asdict(task))
    return {"tasks": tasks, "cells": _shown(records), "status": "graded"}


def unrun(source, points, status, message=""):
    """Return the result of a submission of which no cell was run: the same for every task."""
    tasks = [
        Task(name_of(cell), points, points_of(cell), status, message, heading_of(source, cell)[0])
        for cell, _ in tasks_of(source)
    ]
    return {"tasks": [asdict(task) for task in tasks], "cells": [], "status": status}


def _places(names):
    specs = {name: importlib.util.find_spec(name) for name in names}
    return {name: spec.origin if spec else None for name, spec in specs.items()}


def _check_libraries(job, places, where):
    for name, folder in job.libraries.items():
        found = places.get(name)
        if not found or os.path.realpath(os.path.dirname(found)) != os.path.realpath(folder):
            raise WrongLibraryError(
                f"{where} finds the library {name} in {found and os.path.dirname(found)}, not in {folder}: "
                "nothing was graded. Start the grader from another folder, or install one copy of it."
            )


def _shown(records):
    """The cells cut to a size that a page can show."""
    left = _SHOWN_IN_ALL
    for cell in records:
        for key, most in _SHOWN.items():
            cell[key] = cell[key][: min(most, max(0, left))]
            left -= len(cell[key])
        cell["pictures"] = [
            picture for picture in cell["pictures"] if (left := left - len(picture["data"]) // 10) > 0
        ]
    return records


def _read(job):
    if job.status:
        raise UnusableError(job.status)
    path = Path(job.submission)
    if path.is_symlink() or any(parent.is_symlink() for parent in list(path.parents)[:2]):
        raise UnusableError("a link, not followed")
    if not path.exists():
        raise UnusableError("nothing submitted")
    if not path.is_file():
        raise UnusableError("not a notebook")
    if path.stat().st_size > LARGEST:
        raise UnusableError("too large")
    try:
        notebook = parse(path.read_bytes().decode("utf-8-sig"))
    except ValueError:
        raise UnusableError("not a notebook") from None
    if len(notebook["cells"]) > _MOST_CELLS:
        raise UnusableError("too large")
    here = {name_of(cell) for cell in notebook["cells"]}
    if not here & set(job.ids.get(job.exercise, [])):
        for exercise, ids in job.ids.items():
            if here & set(ids):
                raise UnusableError(f"the notebook of another exercise: {exercise}")
    return notebook


def _steps(source, notebook, job):
    """The cells to run and the tests to judge, in order, and a record of each cell for the feedback."""
    ours = {name_of(cell): cell for cell in source["cells"] if name_of(cell)}
    given = {cell["source"].strip() for cell in source["cells"] if not name_of(cell)}
    needs_no_answer = given_cells(source)[0]
    steps, records, met, restored = [], [], set(), []
    for cell in _whole(notebook["cells"], ours):
        name = name_of(cell)
        known = ours.get(name)
        what = kind_of(known) if known is not None else "plain"
        met.add(name)
        record = _record(what, cell, cell["source"])
        record["added"] = known is None and cell["source"].strip() not in given
        if what == "test":
            steps = [step for step in steps if step != ("judge", name)]
            steps.append(("judge", name))
            record["changed"] = _squeezed(cell["source"]) != _squeezed(public_part(known["source"]))
        elif what in ("locked", "answer") or cell["cell_type"] == "code":
            if what == "locked":
                record["source"] = with_student(known["source"], job.variant)
            if what == "answer":
                record["source"], left_out = without_leftover(cell["source"], stub_of(known["source"]))
                if left_out:
                    record["note"] = f"a line `{STUB}` stood beside your answer in {name}; it was left out"
            steps.append(("run", len(records)))
        records.append(record)
    for name, cell in ours.items():  # what was deleted
        if name in met:
            continue
        if kind_of(cell) == "test":  # it is judged all the same
            steps.append(("judge", name))
        elif cell["source"] in needs_no_answer:
            restored.append(("run", len(records)))
            records.append(
                _record("locked", cell, with_student(cell["source"], job.variant)) | {"changed": True}
            )
    return restored + steps, records


def _whole(notebook, ours):
    """The cells, with answers that were copied or split put together again.

    An untouched copy beside an answered cell would undo the answer, and the halves of a split function are no
    Python by themselves.
    """
    by_name = {}
    for place, cell in enumerate(notebook):
        if kind_of(ours.get(name_of(cell), {"metadata": {}, "cell_type": "raw"})) == "answer":
            by_name.setdefault(name_of(cell), []).append(place)
    changed, dropped = {}, set()
    for name, places in by_name.items():
        if len(places) == 1:
            continue
        stub = stub_of(ours[name]["source"])
        answered = [place for place in places if not is_untouched(notebook[place]["source"], stub)]
        if answered:
            dropped |= set(places) - set(answered)
        joined = "\n".join(notebook[place]["source"] for place in answered)
        if (
            len(answered) > 1
            and _is_python(joined)
            and not all(_is_python(notebook[place]["source"]) for place in answered)
        ):
            changed[answered[0]] = joined
            dropped |= set(answered[1:])
    return [
        cell | {"source": changed.get(place, cell["source"])}
        for place, cell in enumerate(notebook)
        if place not in dropped
    ]


def _is_python(source):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d" in a student's text
            ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _squeezed(text):
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def _texts(source, notebook):
    """What the student wrote, by task or answer cell: empty where it is as it was handed out.

    A text for a person may also stand in cells that the student added below the one that was meant for it.
    """
    ours = {name_of(cell): cell for cell in source["cells"] if name_of(cell)}
    given = {_squeezed(cell["source"]) for cell in source["cells"]}
    texts, beside, last = {}, {}, None
    for cell in notebook["cells"]:
        name, text = name_of(cell), _squeezed(cell["source"])
        if name in ours:
            known = texts.setdefault(name, "")
            if kind_of(ours[name]) == "hand":
                text = text.removeprefix(ANSWER_STUB).removesuffix(ANSWER_STUB).strip()
            elif is_untouched(text, stub_of(ours[name]["source"])):
                text = ""
            texts[name] = "\n\n".join(filter(None, [known, text]))
            last = name
        elif text and cell["cell_type"] != "code" and text not in given and not name:
            beside.setdefault(last, []).append(text)
    order = [name_of(cell) for cell in source["cells"] if name_of(cell)]
    for name in order:
        if kind_of(ours[name]) == "hand" and not texts.get(name):
            before = order[order.index(name) - 1] if order.index(name) else None
            texts[name] = "\n\n".join(beside.get(name) or beside.get(before) or [])
    return texts


def _record(kind, cell, source):
    """What the feedback shows of a cell; running it adds its output and error."""
    return {
        "kind": kind,
        "name": name_of(cell),
        "type": cell["cell_type"],
        "source": source,
        "output": "",
        "error": "",
        "pictures": _pictures(cell),
        "changed": False,
        "added": False,
        "note": "",
    }


def _pictures(cell):
    """The pictures that the student's own run left, and those that were pasted into a text."""
    kept = []
    outputs = cell.get("outputs")
    for output in outputs if isinstance(outputs, list) else []:
        kept += _pictures_in("", output.get("data") if isinstance(output, dict) else None)
    attachments = cell.get("attachments")
    for name, data in attachments.items() if isinstance(attachments, dict) else []:
        kept += _pictures_in(name, data)
    return kept[:4]


def _pictures_in(name, data):
    for kind in ("image/png", "image/jpeg"):
        picture = data.get(kind) if isinstance(data, dict) else None
        picture = "".join(picture) if isinstance(picture, list) and all(map(_is_text, picture)) else picture
        if _is_text(picture) and len(picture) < _LONGEST_PICTURE:
            yield {"name": name, "kind": kind, "data": picture.replace("\n", "")}


def _is_text(value):
    return isinstance(value, str)


def _run(job, source, steps, records):
    """Run the notebook for what it shows, then again with the tests. Return what became of each test."""
    tests = {name_of(cell): cell for cell, _ in tasks_of(source) if kind_of(cell) == "test"}
    trusted = _trusted(source, job.variant)
    first, second, third = _SHARES
    clock = _Clock(job)
    broken, found = {("judge", name): ("timed out", "the grader could not end this") for name in job.skip}, {}

    def show(wire, what, which):
        records[which] |= _ran(wire, records[which]["source"])

    def test(wire, what, which):
        if what == "run":
            _ran(wire, records[which]["source"])
        elif which not in found:
            print(f"judging {which}", file=sys.stderr, flush=True)
            out_of_reach = job.yourself.get(which, [])
            wire.lent = wire.drew = False
            with _watched(wire, out_of_reach) as called:
                result = _test(tests[which], wire, trusted, copies=which not in job.changes_inputs)
            result.changes_inputs = wire.changed
            found[which] = result
            if called:
                _to_a_person(
                    result,
                    f"calls {', '.join(called)}",
                    f"your code calls {', '.join(called)}, and the task asks you to write this yourself",
                )
            elif which in job.measures and wire.lent and not wire.drew:
                _to_a_person(
                    result,
                    "measures nothing",
                    "your code draws nothing from the generator that it is given, and the task asks you to "
                    "measure",
                )

    with Sandbox(job) as box:
        _play(job, box, [step for step in steps if step[0] == "run"], show, broken, clock, first)
        for (what, which), (status, why) in broken.items():
            if what == "run":
                records[which]["error"] = f"{status}: {why}"
        _play(job, box, steps, test, broken, clock, second)
        mine = [step for step in steps if step[0] == "judge" or not records[step[1]]["added"]]
        if set(tests) - set(found) and (len(mine) < len(steps) or time.monotonic() >= clock.end(second)):
            # what the tests ask for may have ended the process because of a cell that the student added
            helps = len(mine) < len(steps)
            again = {
                step: why
                for step, why in broken.items()
                if step[0] == "run" or step[1] in job.skip or not helps
            }
            _play(job, box, mine, test, again, clock, third)
            broken |= again
    for (what, which), (status, why) in broken.items():
        if what == "run" and not records[which]["error"]:
            records[which]["error"] = f"{status}: {why}"
    late = "timed out", f"the whole notebook took more than {job.seconds:g} s"
    lost = {
        name: Task(name, 0, points_of(cell), *broken.get(("judge", name), late))
        for name, cell in tests.items()
    }
    return lost | found


def _play(job, box, steps, do, broken, clock, share):
    """Take the steps, each by ``do(wire, what, which)``, and begin again in a new sandbox after one that
    breaks it.

    `broken` holds the steps to leave out, with a status and a reason, and gains those that break a sandbox.
    """
    while time.monotonic() < clock.end(share):
        with contextlib.ExitStack() as started:
            with clock.starting(share) as latest:
                student = None
                try:
                    left = max(0.1, latest - time.monotonic())
                    student = started.enter_context(Student(job, box, left))
                    student.wire.deadline = latest
                    places = student.wire.root.places([*job.libraries])
                except (EndedError, DeadlineError) as error:
                    if clock.starts and time.monotonic() >= latest:
                        return  # so many were started that the time is over
                    why = student.why_it_ended() if student else str(error)
                    raise WrongLibraryError(f"no notebook could be started: {why}") from None
                _check_libraries(job, places if isinstance(places, dict) else {}, "the sandbox")
            end = clock.end(share)
            for step in steps:
                if step in broken:
                    continue
                student.wire.deadline = min(end, time.monotonic() + job.cell_seconds)
                try:
                    with _alarm(student.wire.deadline):
                        do(student.wire, *step)
                    continue
                except DeadlineError:
                    over = time.monotonic() >= end
                    broken[step] = (
                        "timed out",
                        f"no end after {job.cell_seconds:g} s"
                        if not over
                        else "the time for the whole notebook is over",
                    )
                except MemoryFullError:
                    broken[step] = "MemoryError", f"more than {job.memory / 2**30:.2g} GB"
                except EndedError:
                    broken[step] = "process ended", student.why_it_ended()
                break
            else:
                return


@contextlib.contextmanager
def _alarm(deadline):
    """Raise `DeadlineError` in this process too: what a student sends can keep the judge itself busy."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_):
        raise DeadlineError("no end in time")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(0.01, deadline - time.monotonic() + 0.5))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _ran(wire, source):
    """Run a cell. Return what the other end says of it, whatever it says."""
    try:
        answer = wire.root.run(source)
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    answer = answer if isinstance(answer, dict) else {}
    if str(answer.get("error", "")).startswith("MemoryError"):
        raise MemoryFullError  # what filled the memory is still there
    return {key: str(answer.get(key, ""))[:20_000] for key in ("output", "error")}


def _trusted(source, student):
    """What the locked cells define without the student's help."""
    space = {"__name__": "judged"}
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            for text in given_cells(source)[0]:
                exec(compile(with_student(text, student), "<locked>", "exec"), space)
    except Exception as error:
        raise WrongLibraryError(
            f"the exercise's own cells fail here: {type(error).__name__}: {error}"
        ) from None
    return space


def _test(cell, wire, trusted, copies):
    """Run a test against the student's process.

    Where the solution changes nothing that it is given, an answer that does is judged a second time, with
    copies: a test that computes the right value from what the answer has left would be fooled.
    """
    wire.changed = wire.copies = False
    result = _test_once(cell, wire, trusted)
    if result.points and wire.changed and copies:
        wire.copies = True
        again = _test_once(cell, wire, trusted)
        wire.copies = False
        if again.points < result.points:
            again.message = f"your code changes the arrays that it is given\n{again.message}".strip()
            return again
    return result


def _test_once(cell, wire, trusted):
    task, most = name_of(cell), points_of(cell)
    space = {
        key: deepcopy(v) if isinstance(v, (np.ndarray, np.random.Generator, list, dict)) else v
        for key, v in trusted.items()
        if key != "__builtins__"
    }
    printed = io.StringIO()
    try:
        for name in sorted(names_in(cell["source"])[1] - set(space)):
            space[name] = wire.root.look(name)
        tree = ast.parse(cell["source"])
        last = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None
        with contextlib.redirect_stdout(printed), discreet():
            exec(compile(tree, "<test>", "exec"), space)
            value = eval(compile(last, "<test>", "eval"), space) if last else None
    except AssertionError as wrong:
        return Task(task, 0, most, "failed", _said(printed, str(wrong)))
    except Exception as error:
        return Task(task, 0, most, "failed", _said(printed, f"{type(error).__name__}: {error}{_hint(error)}"))
    if type(value) in (int, float) and 0 <= value < most:
        return Task(task, value, most, "partly" if value else "failed", _said(printed, ""))
    return Task(task, most, most, "passed", _said(printed, ""))


@contextlib.contextmanager
def _watched(wire, packages):
    """Yield a list that holds in the end which names of these packages the student's code has called."""
    called = []
    if not packages:
        yield called
        return
    wire.root.watch(packages)
    yield called
    with contextlib.suppress(Exception):  # the other end may say anything
        called += [str(name)[:100] for name in list(wire.root.watched())[:3]]


def _to_a_person(result, status, why):
    """Leave it to a person what an answer earns that passes its tests and does not do what the task asks."""
    if result.points:
        earned = f"The tests give it {result.points:g} of {result.maximum:g} points; your instructor decides."
        result.message = "\n".join(filter(None, [f"{why}. {earned}", result.message]))
        result.points, result.status = None, status


def _hint(error):
    if isinstance(error, TypeError) and "Remote" in str(error):
        return (
            " (a value of this kind stays in your notebook: give numbers, arrays, texts, lists, dictionaries "
            "or functions of them)"
        )
    return ""


def _said(printed, message):
    lines = dict.fromkeys([*printed.getvalue().strip().splitlines(), *message.splitlines()])  # each once
    return "\n".join(filter(None, lines))[:4000]


def _by_hand(cell, texts, rubric):
    task, most = name_of(cell), points_of(cell)
    text = texts.get(task, "")
    if not text:
        return Task(task, 0, most, "not attempted")
    return Task(task, None, most, "by hand", rubric, answer=text[:20_000])


def _printable(value):
    """A copy in which every text can be written to a file, whatever a student's bytes were."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {key: _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list) else value


def run(given, out, errors):
    """Judge the job that one file descriptor holds and write the result to another, both JSON.

    An exception on the way is a result too, of this notebook alone.
    """
    import resource  # not on Windows

    os.dup2(errors, 2)
    os.environ.pop("GRADER_STUDENT", None)  # whose numbers are meant is said by the job
    with open(given, encoding="utf-8") as file:
        job = Job(**json.load(file))
    for kind, most in [
        (resource.RLIMIT_AS, job.memory + 2**30),
        (resource.RLIMIT_CPU, int(2 * job.seconds) + 30),
    ]:
        resource.setrlimit(kind, (most, most))  # what a student sends is read here
    sys.stdout = io.StringIO()
    try:
        result = judge(job)
    except Exception as error:
        warning = f"{type(error).__name__}: {error}"
        print(warning, file=sys.stderr)
        source = parse(Path(job.source).read_text(encoding="utf-8"))
        result = unrun(source, None, "not graded", "The grader failed on this notebook; no points are lost.")
        result["failure"] = warning[:2000]
    with open(out, "w", encoding="utf-8") as file:
        json.dump(_printable(result), file)


if __name__ == "__main__":
    forks.serve(int(sys.argv[1]), run)
