"""Crew: how are many submissions judged at a time, and what if a judge fails?"""

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path

from dlbook.grader import sandbox, tables
from dlbook.grader.cells import tests_of
from dlbook.grader.forks import Forks, ForksError
from dlbook.grader.grade import finished
from dlbook.grader.judge import Job, judge, unrun

_HOME = str(Path(__file__).parents[3])


class Crew:
    """Runs judges, each in a process of its own, and ends them all when the run is stopped."""

    def __init__(self, out, sources, attempts):
        self._out, self._sources, self._attempts = out, sources, attempts
        self._forks, self._stopped, self._lock = None, False, threading.Lock()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed with the crew
        self._rehearsed, self._locks = {}, {exercise: threading.Lock() for exercise in sources}
        self._said = set()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        with self._lock:
            self._stopped = True
            if self._forks:
                self._forks.close()
            self._errors.close()

    def result(self, case):
        """Judge a submission and keep what came of it, unless the very same has been judged before."""
        job = case.job
        place = finished.place(self._out, job)
        kept, content = finished.kept(place), finished.content(job)
        digest = finished.digest(job, content)
        if kept.get("digest") == digest and not finished.would_gain(kept, job):
            return
        tried = kept.get("attempts", [])
        if self._attempts and content and content not in tried and len(tried) >= self._attempts:
            limit = "1 attempt counts" if self._attempts == 1 else f"{self._attempts} attempts count"
            case.note(f"handed in again, and not judged: {limit}")
            return
        nothing = job.status or not os.path.lexists(job.submission)
        result = judge(job) if nothing else self._checked(job)
        if result is not None:
            fresh = {
                "digest": "" if result.pop("again", False) else digest,
                "limits": [getattr(job, one) for one in finished.LIMITS],
            }
            if content and content not in tried:
                tried = [*tried, content]
            tables.replace(place, json.dumps(result | fresh | {"attempts": tried}))

    def _checked(self, job):
        """Judge, if the solution earns all points on this machine."""
        with self._locks[job.exercise]:
            if job.exercise not in self._rehearsed:
                self._rehearsed[job.exercise] = self._rehearse(job)
        trouble, job.changes_inputs = self._rehearsed[job.exercise]
        if trouble is None:
            return None  # stopped
        return self._not_graded(job, trouble) if trouble else self._judge(job)

    def _rehearse(self, job):
        """Judge the solution. Return what is wrong with this machine, and the tasks that change inputs."""
        tests = [*tests_of(self._sources[job.exercise])]
        trial = Job(
            **asdict(job)
            | {
                "submission": job.source,
                "student": "(the solution)",
                "variant": "anyone",
                "changes_inputs": tests,
                "feedback": False,
                "cell_seconds": max(job.cell_seconds, Job.cell_seconds),
                "seconds": max(job.seconds, Job.seconds),
                "memory": max(job.memory, Job.memory),
            }
        )
        place = self._out / "results" / f".{job.exercise}.json"
        kept, digest = finished.kept(place), finished.digest(trial, finished.content(trial))
        if kept.get("digest") == digest:
            return "", kept["changes_inputs"]
        result = self._judge(trial)
        if result is None:
            return None, []
        lost = [
            f"{task['task']}: {task['status']}: {task['message']}"
            for task in result["tasks"]
            if task["task"] in tests and task["points"] != task["maximum"]
        ]
        if lost:
            trouble = f"the solution of {job.exercise} does not earn all points here: {'; '.join(lost)}"
            return trouble[:2000], []
        changes = [task["task"] for task in result["tasks"] if task["changes_inputs"]]
        tables.replace(place, json.dumps({"digest": digest, "changes_inputs": changes}))
        return "", changes

    def _judge(self, job):
        result = self._started(job)
        if isinstance(result, str):  # the judge did not end: leave out the task at which it stood, once
            last = result.rpartition("judging ")[2].split("\n")[0] if "judging " in result else ""
            job.skip = [*job.skip, *([last] if last else [])]
            result = self._started(job) if last else result
        if isinstance(result, str):
            why = "The grader did not end on this notebook; no points are lost."
            return unrun(self._sources[job.exercise], None, "not graded", why) | {"failure": "no end in time"}
        return result

    def _started(self, job):
        """Start a judge. Return its result, what it said if it did not end, or None if the run is stopped."""
        with tempfile.TemporaryFile("w+b") as given, tempfile.TemporaryFile("w+b") as errors:
            given.write(json.dumps(asdict(job)).encode())
            given.seek(0)
            reader, writer = os.pipe()
            try:
                number = self._judges().start([given.fileno(), writer, errors.fileno()])
            except ForksError:
                return None if self._stopped else self._not_graded(job, self._why())
            finally:
                os.close(writer)
            said = _read(reader, job.seconds + job.starting + 20)
            with contextlib.suppress(ForksError):
                self._forks.end(number)
            if self._stopped:
                return None
            errors.seek(0)
            complaint = errors.read().decode(errors="replace")
        if said is None:
            return complaint
        try:
            return json.loads(said)
        except ValueError:
            return self._not_graded(job, complaint)

    def _judges(self):
        """The process that the judges are forks of."""
        with self._lock:
            if self._stopped:
                raise ForksError("the run is stopped")
            if not self._forks or self._forks.process.poll() is not None:
                self._forks = Forks(self._popen)
            return self._forks

    def _popen(self, fd):
        environment = (
            os.environ
            | sandbox.ONE_THREAD
            | {
                "PYTHONPATH": os.pathsep.join(filter(None, [_HOME, os.environ.get("PYTHONPATH")])),
                "PYTHONSAFEPATH": "1",
                "PYTHONUTF8": "1",
            }
        )
        self._errors.truncate(0)
        return subprocess.Popen(
            [sys.executable, "-m", "dlbook.grader.judge", str(fd)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            pass_fds=[fd],
            start_new_session=True,
            env=environment,
        )

    def _why(self):
        """What the process of the judges said before it ended."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace") or "the judges' process has ended"

    def _not_graded(self, job, errors):
        """What is written when the machine fails: no points are taken, and the next run tries again."""
        if errors not in self._said:
            self._said.add(errors)
            print(f"\nthe judge failed on {job.submission}:\n{errors.strip()[-2000:]}", file=sys.stderr)
        why = "The grader failed on this notebook, and no points are lost: your instructor has been told."
        return unrun(self._sources[job.exercise], None, "not graded", why) | {"again": True}


def _read(reader, seconds):
    """Read a pipe to its end and close it. None if that takes too long."""
    until, parts = time.monotonic() + seconds, []
    with open(reader, "rb", buffering=0) as file:
        while select.select([file], [], [], max(0, until - time.monotonic()))[0]:
            part = file.read(2**20)
            if not part:
                return b"".join(parts)
            parts.append(part)
    return None
