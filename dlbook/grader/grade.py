"""Grade: what has a whole class earned?

``python -m dlbook.grader.grade SUBMISSIONS OUT`` takes ``SUBMISSIONS/<student>/<exercise>/<exercise>.ipynb``,
judges each in a sandbox of its own, as many at a time as there are cores, and writes into ``OUT``

===============================================  ===========================================================
``grades.csv``                                   student, exercise, task, points, maximum, status
``totals.csv``                                   a row for each submission, with hours late and notes
``by_hand.csv``                                  what a person grades: fill in points and comment, run again
``feedback/<student>/<exercise>.html``           a page for each submission
``summary.html``                                 scores by task, most missed checks, what to look at
``results/``                                     what is finished: a run that was stopped goes on there
===============================================  ===========================================================
"""

import argparse
import contextlib
import hashlib
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from functools import cache
from pathlib import Path

from joblib import Parallel, delayed
from tqdm import tqdm

from dlbook.grader import gradebook, marks, release, report, sandbox, tables
from dlbook.grader.cells import kind_of, name_of, parse, points_of, tasks_of, worked_as
from dlbook.grader.collect import collected
from dlbook.grader.course import Course
from dlbook.grader.deadlines import Deadlines
from dlbook.grader.forks import Forks, ForksError
from dlbook.grader.judge import LOST, Job, judge, unrun
from dlbook.grader.people import class_list, folded, folders_by_student
from dlbook.grader.submissions import LARGEST, Hand

GRADES = ("student", "exercise", "task", "points", "maximum", "status")
TOTALS = ("student", "exercise", "points", "maximum", "waiting", "late", "status", "note")
_RULES = (
    "rpc.py",
    "worker.py",
    "sandbox.py",
    "marking.py",
    "variants.py",
    "cells.py",
    "forks.py",
    "submissions.py",
    "curves.py",
)
_TO_CONFIRM = ("calls ", "measures nothing")  # what tests gave points for and a person decides
_LONGEST_NAME = 200
_LIMITS = ("cell_seconds", "seconds", "memory")


def grade(
    submissions,
    out,
    *,
    students=None,
    wanted=None,
    source=None,
    n_jobs=-1,
    unsafe=False,
    progress=True,
    attempts=None,
    deadlines=None,
    anonymous=False,
    **limits,
):
    """Judge a class and write everything that ``OUT`` holds.

    Parameters
    ----------
    submissions, out : path
    students : sequence of str, optional
        The class list that `release` wrote variants for: who is missing gets a row, and who has worked with
        another name's numbers is named. Answers are judged by the numbers that the student saw, but by the
        student's own where those were another student's on the list. Without it the students are the folders.
    wanted : sequence of str, optional
        The exercises; those that anyone has handed in if there are none.
    source : path or Course, optional
        The folder of the sources; see `course.Course.read`.
    n_jobs : int
        Submissions at a time, as in joblib.
    unsafe : bool
        Without a sandbox. Only for notebooks that you wrote yourself.
    progress : bool
        Whether to show a bar.
    attempts : int, optional
        How many different submissions of a student to an exercise count; later ones are not judged.
    deadlines : deadlines.Deadlines, optional
        By which ``totals.csv`` says how many hours a submission was late.
    anonymous : bool
        Whether ``by_hand.csv`` and the feedback's pages show an alias for each student and no name.
    **limits
        ``cell_seconds``, ``seconds`` (a submission's in all), ``memory`` (bytes): see `judge.Job`.

    Returns
    -------
    list of dict
        The rows of ``grades.csv``.

    Raises
    ------
    sandbox.SandboxError
        If there is no sandbox to be had.
    ValueError
        If there is nothing to grade, or ``by_hand.csv`` holds what cannot be. Nothing is written then.
    """
    submissions, out, course = Path(submissions), Path(out), Course.read(source)
    if not submissions.is_dir():
        raise ValueError(f"{submissions} is not a folder")
    if attempts is not None and attempts < 1:
        raise ValueError(f"attempts must be at least 1, got {attempts}")
    ids, sources = _sources(course)
    folders = folders_by_student(submissions, students)
    hands = {name: Hand(paths, ids) for name, paths in folders.items()}
    everyone = list(dict.fromkeys([*(students or []), *hands]))
    wanted = release.exercises(wanted, course) if wanted else _handed_in(submissions, hands, course)
    most = {
        exercise: {name_of(cell): points_of(cell) for cell, _ in tasks_of(one)}
        for exercise, one in sources.items()
    }
    course.check_tasks(most)
    known = {*everyone, *(path.name for path in (out / "results").glob("*") if path.is_dir())}
    marks.read(out / "by_hand.csv", known, most, marks.aliases(out, known))  # refused before anything runs
    if not unsafe:
        sandbox.check()
    places = course.places()
    jobs, notes, discreet, rows = [], {}, {}, collected(submissions)
    delivered = {submissions / row["student"] / row["file"] for row in rows}  # where `collect` puts things
    for student in everyone:
        hand = hands.get(student) or Hand([submissions / student], ids)
        for exercise in wanted:
            found = hand.find(exercise, sources[exercise], out / "unpacked" / student / f"{exercise}.ipynb")
            variant, whose, told = _numbers(found, student, students)
            jobs.append(
                Job(
                    source=str(release.path_of(exercise, course)),
                    submission=str(found.path.absolute()),
                    exercise=exercise,
                    student=student,
                    variant=variant,
                    ids=ids,
                    unsafe=unsafe,
                    libraries=places,
                    shows=list(course.shows),
                    yourself=course.yourself.get(exercise, {}),
                    measures=course.measures.get(exercise, []),
                    status=found.status,
                    **limits,
                )
            )
            as_delivered = found.path.name == f"{exercise}.ipynb" and found.path in delivered
            notes[student, exercise] = [found.note] if found.note and not as_delivered else []
            notes[student, exercise] += whose
            discreet.update(zip(whose, told, strict=True))
    crew = _Crew(out, sources, attempts)
    with crew, tqdm(total=len(jobs), unit="submission", disable=not progress) as bar:
        for _ in Parallel(n_jobs=n_jobs, backend="threading", return_as="generator_unordered")(
            delayed(crew.result)(job) for job in jobs
        ):
            bar.update()
    for key, note in crew.notes.items():
        notes[key].append(note)
    return _written(
        jobs,
        out,
        sources,
        most,
        known,
        notes,
        deadlines,
        bool(students) and set(students),
        rows,
        anonymous,
        discreet,
    )


def _numbers(found, student, students):
    """Return the name by whose numbers to judge, and what to tell the instructor and the student of it."""
    name = _worked_as(found)
    if not students:
        return "anyone" if name is None else name, [], []
    mine, worked = folded(student), folded(name or "")
    if name is None or worked == mine:
        return student, [], []
    whose = f"worked with the numbers of {name!r}"
    if worked in map(folded, students):
        told = "This notebook has another student's numbers. It was judged by your own."
        return student, [f"{whose}, who is another student; judged by the student's own"], [told]
    if student not in students:
        return name, [], []
    told = "This notebook does not have the name that the class list has. It was judged by the numbers in it."
    return name, [f"{whose}, and judged by them: not the name on the class list"], [told]


def _worked_as(found):
    """Return the name with whose numbers the student worked, or None."""
    path, name = found.path, None
    with contextlib.suppress(OSError, ValueError):
        if not found.status and path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST:
            name = worked_as(parse(path.read_bytes().decode("utf-8-sig")))
    return name if name is not None and name.isprintable() and len(name) <= _LONGEST_NAME else None


def _written(jobs, out, sources, most, known, notes, deadlines, on_the_list, delivered, anonymous, discreet):
    """Put results and marks together and write what ``OUT`` holds. Return the rows of ``grades.csv``."""
    sheet = out / "by_hand.csv"
    hidden = marks.aliases(out, known, make=anonymous)
    given = marks.read(sheet, known, most, hidden)  # again: somebody may have typed while the judges ran
    shown = hidden if anonymous else {}
    rows, totals, graded, all_tasks = [], [], [], {}
    machine = {
        (exercise, name_of(cell))
        for exercise, one in sources.items()
        for cell, _ in tasks_of(one)
        if kind_of(cell) == "test"
    }
    for job in jobs:  # one result at a time: a class's notebooks need not fit into memory
        result = json.loads(_place(out, job).read_text(encoding="utf-8"))
        tasks = []
        for task in result["tasks"]:
            key = job.student, job.exercise, task["task"]
            all_tasks[key] = {name: task[name] for name in ("points", "maximum", "answer", "status")}
            tasks.append(marks.marked(task, given.get(key), (job.exercise, task["task"]) in machine))
        rows += [
            {"student": job.student, "exercise": job.exercise} | {key: task[key] for key in GRADES[2:]}
            for task in tasks
        ]
        note = notes[job.student, job.exercise]
        if on_the_list and job.student not in on_the_list and result["status"] != "nothing submitted":
            note.append("not on the class list")
        hours = deadlines.late(job) if deadlines and result["status"] != "nothing submitted" else None
        totals.append(_total(job, result, tasks, hours, note))
        graded.append((job, result["status"], tasks, note))
        alias = shown.get(job.student, "")
        told = [discreet.get(one, one) for one in note]
        report.write_feedback(out, job, result, tasks, sources[job.exercise], told, alias)
    tables.write(out / "grades.csv", GRADES, rows)
    tables.write(out / "totals.csv", TOTALS, totals)
    tables.write(sheet, marks.COLUMNS, marks.rows(all_tasks, given, most, shown))
    tables.replace(out / "summary.html", report.summary(graded))
    gradebook.write(out, totals, delivered)
    return rows


def _total(job, result, tasks, hours, note):
    return {
        "student": job.student,
        "exercise": job.exercise,
        "late": hours,
        "status": result["status"],
        "points": float(sum(task["points"] or 0 for task in tasks)),
        "note": "; ".join(note),
        "maximum": float(sum(task["maximum"] for task in tasks)),
        "waiting": float(sum(task["maximum"] for task in tasks if task["points"] is None)),
    }


class _Crew:
    """Runs judges, each in a process of its own, and ends them all when the run is stopped."""

    def __init__(self, out, sources, attempts):
        self._out, self._sources, self._attempts = out, sources, attempts
        self._forks, self._stopped, self._lock = None, False, threading.Lock()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed with the crew
        self._rehearsed, self._locks = {}, {exercise: threading.Lock() for exercise in sources}
        self.notes, self._said = {}, set()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        with self._lock:
            self._stopped = True
            if self._forks:
                self._forks.close()
            self._errors.close()

    def result(self, job):
        """Judge a submission and keep what came of it, unless the very same has been judged before."""
        place = _place(self._out, job)
        kept, content = _kept(place), _content(job)
        digest = _digest(job, content)
        if kept.get("digest") == digest and not _would_gain(kept, job):
            return
        tried = kept.get("attempts", [])
        if self._attempts and content and content not in tried and len(tried) >= self._attempts:
            limit = "1 attempt counts" if self._attempts == 1 else f"{self._attempts} attempts count"
            self.notes[job.student, job.exercise] = f"handed in again, and not judged: {limit}"
            return
        nothing = job.status or not os.path.lexists(job.submission)
        result = judge(job) if nothing else self._checked(job)
        if result is not None:
            fresh = {
                "digest": "" if result.pop("again", False) else digest,
                "limits": [getattr(job, one) for one in _LIMITS],
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
        tests = [
            name_of(cell) for cell, _ in tasks_of(self._sources[job.exercise]) if kind_of(cell) == "test"
        ]
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
        kept, digest = _kept(place), _digest(trial, _content(trial))
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
            return f"the solution of {job.exercise} does not earn all points here: {'; '.join(lost)}"[
                :2000
            ], []
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
                "PYTHONPATH": os.pathsep.join(filter(None, [_home(), os.environ.get("PYTHONPATH")])),
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


def _home():
    return str(Path(__file__).parents[2])


def _kept(place):
    with contextlib.suppress(OSError, ValueError):
        kept = json.loads(place.read_text(encoding="utf-8"))
        if isinstance(kept, dict) and "digest" in kept:
            return kept
    return {}


def _would_gain(kept, job):
    """Whether a longer limit could change what was lost to the clock."""
    grown = any(getattr(job, one) > before for one, before in zip(_LIMITS, kept.get("limits", [0] * 3)))
    return grown and any(task["status"] in LOST for task in kept["tasks"])


def _sources(course):
    """The cells' names of each exercise that no other exercise has, and each exercise's source."""
    sources = {
        name: parse(release.path_of(name, course).read_text(encoding="utf-8"))
        for name in release.exercises(source=course)
    }
    names = {
        exercise: {name_of(cell) for cell in notebook["cells"]} - {None}
        for exercise, notebook in sources.items()
    }
    ids = {
        exercise: sorted(mine - set().union(*(other for key, other in names.items() if key != exercise)))
        for exercise, mine in names.items()
    }
    return ids, sources


def _handed_in(submissions, hands, course):
    found = set().union(*(hand.exercises() for hand in hands.values())) if hands else set()
    there = [name for name in release.exercises(source=course) if name in found]
    if not there:
        raise ValueError(
            f"nobody has handed in an exercise: {submissions}/<student>/<exercise>/<exercise>.ipynb"
        )
    return there


def _place(out, job):
    return Path(out) / "results" / job.student / f"{job.exercise}.json"


def _content(job):
    """What tells a submission from another one, or nothing if there is none."""
    path = Path(job.submission)
    with contextlib.suppress(OSError):
        about = path.lstat()
        if (
            path.is_symlink() or not path.is_file() or about.st_size > LARGEST
        ):  # a pipe or a giant is not read
            return f"{about.st_mode} {about.st_size}"
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return ""


@cache
def _rules(source, libraries):
    here, sums = Path(__file__).parent, hashlib.sha256()
    judge = sorted((here / "judge").glob("*.py"))
    for path in [Path(source), *judge, *(here / name for name in _RULES)]:
        sums.update(path.read_bytes())
    for folder in libraries:  # a library that changed may change what is right
        for path in sorted(Path(folder).rglob("*.py")):
            sums.update(path.read_bytes())
    return sums.hexdigest()


def _digest(job, content):
    parts = [job.exercise, job.student, job.variant, job.unsafe, job.status, job.shows, content]
    parts += [job.yourself, job.measures]
    parts.append(_rules(job.source, tuple(job.libraries.values())))
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def main(arguments=None):
    """The command line."""
    parser = argparse.ArgumentParser(prog="grade", description="Grade a class.")
    parser.add_argument("submissions", help="a folder with <student>/<exercise>/<exercise>.ipynb")
    parser.add_argument("out", help="where the grades go")
    parser.add_argument("--source", help="the folder of the sources, with its course.toml")
    parser.add_argument(
        "--chapters", nargs="*", default=[], help="the exercises; all that were handed in if none"
    )
    parser.add_argument(
        "--students", help="the class list that the variants were made for, one name on each line"
    )
    parser.add_argument(
        "--jobs", type=int, default=-1, help="submissions at a time; as many as there are cores"
    )
    parser.add_argument("--cell-seconds", type=float, default=Job.cell_seconds, help="for one cell or task")
    parser.add_argument("--seconds", type=float, help="for one submission; four times a cell's if not given")
    parser.add_argument("--memory-mb", type=int, default=Job.memory // 2**20)
    parser.add_argument(
        "--late", help="when it was due, like '2026-11-30 23:59': totals.csv says how late it came"
    )
    parser.add_argument("--extra", help="a table of extensions: student, exercise, until (or hours)")
    parser.add_argument("--attempts", type=int, help="how many submissions of a student to an exercise count")
    parser.add_argument("--anonymous", action="store_true", help="no names in by_hand.csv and the feedback")
    parser.add_argument(
        "--unsafe", action="store_true", help="without a sandbox: for notebooks that you trust"
    )
    o = parser.parse_args(arguments)
    try:
        students = class_list(o.students) if o.students else None
        if o.extra and not o.late:
            raise ValueError("extensions need a deadline: --late '2026-11-30 23:59'")
        deadlines = Deadlines.read(o.late, o.extra, students) if o.late else None
        if o.unsafe:
            print("grade: UNSAFE: the submissions run with all your rights", file=sys.stderr)
        rows = grade(
            o.submissions,
            o.out,
            students=students,
            wanted=o.chapters,
            source=o.source,
            n_jobs=o.jobs,
            unsafe=o.unsafe,
            attempts=o.attempts,
            deadlines=deadlines,
            anonymous=o.anonymous,
            cell_seconds=o.cell_seconds,
            seconds=o.seconds or 4 * o.cell_seconds,
            memory=o.memory_mb * 2**20,
        )
    except sandbox.SandboxError as refused:
        print(
            f"grade: no sandbox, so nothing was run. {refused}. UNSAFE=1 grades without one.", file=sys.stderr
        )
        return 2
    except (ValueError, OSError) as error:
        print(f"grade: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "\ngrade: stopped. What is finished is kept: the same command goes on from there.",
            file=sys.stderr,
        )
        return 130
    return _told(o, rows)


def _told(o, rows):
    """Say what was written, and what a person should look at. Return the exit status."""
    print(f"{o.out}/grades.csv: {len(rows)} tasks of {len({row['student'] for row in rows})} students")
    print(f"{o.out}/totals.csv, {o.out}/summary.html, {o.out}/feedback/")
    waits = ("by hand", *_TO_CONFIRM)
    waiting = sum(row["points"] is None and row["status"].startswith(waits) for row in rows)
    if waiting:
        print(f"{o.out}/by_hand.csv: answers that wait for you: {waiting}. Give points and run this again")
    changed = [row for row in rows if row["status"] == marks.CHANGED]
    for row in changed:
        print(
            f"changed since it was marked: {row['student']}, {row['exercise']}, {row['task']} "
            f"(to confirm the mark, empty its cell `answer` in {o.out}/by_hand.csv)"
        )
    look = {}
    for row in rows:
        if row["points"] is None and row["status"] != "by hand":
            look[row["student"], row["exercise"]] = row["status"]
    for (student, exercise), status in look.items():
        print(f"look at {student}, {exercise}: {status}", file=sys.stderr)
    return 1 if "not graded" in look.values() else 0


if __name__ == "__main__":
    sys.exit(main())
