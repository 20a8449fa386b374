"""Rounds: when is each cell run, each test judged, and what is done when one of them does not end?

The first round runs the cells for what they show, the second the cells with the tests, and the third, if the
clock or a crash took tests, the same without the cells that the student added. A step that breaks the
student's process is left out, and the round begins again in a new one.
"""

import contextlib
import signal
import sys
import threading
import time

from dlbook.grader.cells import points_of, tests_of
from dlbook.grader.judge import hidden
from dlbook.grader.judge.job import Task, WrongLibraryError
from dlbook.grader.judge.student import Sandbox, Student, check_libraries
from dlbook.grader.rpc import DeadlineError, EndedError

_SHARES = (0.35, 0.65, 1.0)  # of all seconds: when the rounds end


class MemoryFullError(BaseException):
    """A cell has filled the memory."""


def run(job, source, steps, records):
    """Run the notebook for what it shows, then again with the tests. Return what became of each test."""
    tests = tests_of(source)
    trusted = hidden.trusted_of(source, job.variant)
    first, second, third = _SHARES
    clock = _Clock(job)
    broken, found = {("judge", name): ("timed out", "the grader could not end this") for name in job.skip}, {}

    def show(wire, what, which):
        records[which] |= _ran(wire, records[which]["source"])

    def test(wire, what, which):
        if what == "run":
            ran = _ran(wire, records[which]["source"])
            if not job.feedback:  # no earlier round has shown why a cell failed
                records[which]["error"] = ran["error"]
        elif which not in found:
            print(f"judging {which}", file=sys.stderr, flush=True)
            found[which] = hidden.judged(tests[which], wire, trusted, job)

    with Sandbox(job) as box:
        if job.feedback:
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
    """Take the steps, each by ``do(wire, what, which)``, and begin again after one that breaks the process.

    `broken` holds the steps to leave out, with a status and a reason, and gains those that break a process.
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
                check_libraries(job, places if isinstance(places, dict) else {}, "the sandbox")
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
