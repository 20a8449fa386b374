"""Grade: what has a whole class earned?

``python -m dlbook.grader.grade SUBMISSIONS OUT`` takes ``SUBMISSIONS/<student>/<exercise>/<exercise>.ipynb``,
judges each in a sandbox of its own, as many at a time as there are cores, and writes

=============================================  ===============================================================
``OUT/grades.csv``                             student, exercise, task, points, maximum, status
``OUT/by_hand.csv``                            what a person has to grade: fill in points and comment, run
again ``OUT/feedback/<student>/<exercise>.html``     a page for each submission ``OUT/summary.html``
scores by task, most missed checks ``OUT/results/``                               what is finished, so that a
run that was stopped goes on where it was =============================================
===============================================================
"""

import argparse
import contextlib
import csv
import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path

from joblib import Parallel, delayed
from tqdm import tqdm

from dlbook.grader import cells, release, report, sandbox
from dlbook.grader.judge import LARGEST, Job, judge, unrun

GRADES = ("student", "exercise", "task", "points", "maximum", "status")
BY_HAND = ("student", "exercise", "task", "maximum", "points", "comment")
_RULES = ("judge.py", "rpc.py", "worker.py", "sandbox.py", "marking.py", "variants.py", "cells.py")


def grade(submissions, out, *, students=None, wanted=None, source=release.SOURCE, n_jobs=-1, unsafe=False,
          progress=True, **limits):  # fmt: skip
    """Judge a class and write everything that ``OUT`` holds.

    Parameters
    ----------
    submissions, out : path
    students : sequence of str, optional
        The class list that `release` wrote variants for: each student's answers are judged by their own
        numbers, and who is missing gets a row. Without it the students are the folders, and all have the
        numbers of "anyone".
    wanted : sequence of str, optional
        The exercises; those that anyone has handed in if there are none.
    source : path
        The folder of the sources.
    n_jobs : int
        Submissions at a time, as in joblib.
    unsafe : bool
        Without a sandbox. Only for notebooks that you wrote yourself.
    progress : bool
        Whether to show a bar.
    **limits
        ``cell_seconds``, ``seconds`` (a submission's in all), ``memory`` (bytes): see `judge.Job`.

    Returns
    -------
    list of dict
        The rows of ``grades.csv``.

    Raises
    ------
    sandbox.Refused
        If there is no sandbox to be had.
    ValueError
        If there is nothing to grade, or ``by_hand.csv`` holds points that cannot be.
    """
    submissions, out = Path(submissions), Path(out)
    if not submissions.is_dir():
        raise ValueError(f"{submissions} is not a folder")
    folders = sorted(
        path.name for path in submissions.iterdir() if path.is_dir() and not path.name.startswith(".")
    )
    everyone = [*(students or []), *(name for name in folders if name not in (students or []))]
    wanted = _handed_in(submissions, folders, wanted, source)
    by_hand = _read_by_hand(out / "by_hand.csv")
    if not unsafe:
        sandbox.check()
    ids = _ids(source)
    jobs = [
        Job(source=str(Path(source).absolute() / exercise / f"{exercise}.ipynb"),
            submission=str(submissions.absolute() / student / exercise / f"{exercise}.ipynb"),
            exercise=exercise, student=student, variant=student if students else "anyone", ids=ids, unsafe=unsafe, **limits)
        for student in everyone for exercise in wanted
    ]  # fmt: skip
    crew = _Crew()
    with crew, tqdm(total=len(jobs), unit="submission", disable=not progress) as bar:
        for _ in Parallel(n_jobs=n_jobs, backend="threading", return_as="generator_unordered")(
            delayed(crew.result)(job, _place(out, job)) for job in jobs
        ):
            bar.update()
    rows, graded = [], []
    for job in jobs:  # one result at a time: a class's notebooks need not fit into memory
        result = json.loads(_place(out, job).read_text())
        tasks = [_marked(job, task, by_hand) for task in result["tasks"]]
        rows += [
            {"student": job.student, "exercise": job.exercise} | {key: task[key] for key in GRADES[2:]}
            for task in tasks
        ]
        graded.append((job, result["status"], tasks))
        _write_text(
            out / "feedback" / job.student / f"{job.exercise}.html", report.feedback(job, result, tasks)
        )
    _write(out / "grades.csv", GRADES, rows)
    _write(out / "by_hand.csv", BY_HAND, _to_grade(rows, by_hand))
    _write_text(out / "summary.html", report.summary(graded))
    return rows


class _Crew:
    """Runs judges, each in a process of its own, and ends them all when the run is stopped."""

    def __init__(self):
        self._running, self._stopped, self._lock = set(), False, threading.Lock()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        with self._lock:
            self._stopped = True
            for process in self._running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def result(self, job, place):
        """Judge a submission and keep what came of it, unless the very same has been judged before."""
        digest = _digest(job)
        with contextlib.suppress(OSError, ValueError, KeyError):
            if json.loads(place.read_text())["digest"] == digest:
                return
        missing = not os.path.lexists(job.submission)  # then there is nothing to run
        result = judge(job) if missing else self._judge(job)
        if result is not None:
            _write_text(
                place, json.dumps(result | {"digest": digest if result["status"] != "not graded" else ""})
            )

    def _judge(self, job):
        with self._lock:
            if self._stopped:
                return None
            process = subprocess.Popen(
                [sys.executable, "-m", "dlbook.grader.judge"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                start_new_session=True, env=os.environ | sandbox.ONE_THREAD,
            )  # fmt: skip
            self._running.add(process)
        try:
            said, errors = process.communicate(json.dumps(asdict(job)), timeout=2 * job.seconds + 60)
            return json.loads(said)
        except (subprocess.TimeoutExpired, ValueError):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            errors = process.communicate()[1]
            return None if self._stopped else _not_graded(job, errors)
        finally:
            self._running.discard(process)


def _not_graded(job, errors):
    """What is written when the judge itself fails: no points are taken, and the next run tries again."""
    source = release.read(job.exercise, Path(job.source).parents[1])
    print(f"\nthe judge failed on {job.submission}:\n{errors.strip()[-2000:]}", file=sys.stderr)
    why = "The grader failed on this notebook, and no points are lost: your instructor has been told."
    return unrun(source, None, "not graded", why)


def _handed_in(submissions, folders, wanted, source):
    if wanted:
        return release.exercises(wanted, source)
    there = [name for name in release.exercises(source=source)
             if any(os.path.lexists(submissions / student / name) for student in folders)]  # fmt: skip
    if not there:
        raise ValueError(
            f"nobody has handed in an exercise: {submissions}/<student>/<exercise>/<exercise>.ipynb"
        )
    return there


def _ids(source):
    """The cells' names of each exercise that no other exercise has."""
    ids = {}
    for exercise in release.exercises(source=source):
        names = {cells.name(cell) for cell in release.read(exercise, source).cells}
        ids[exercise] = names - {None, ""}
    return {
        exercise: sorted(names - set().union(*(other for key, other in ids.items() if key != exercise)))
        for exercise, names in ids.items()
    }


def _place(out, job):
    return Path(out) / "results" / job.student / f"{job.exercise}.json"


def _digest(job):
    what = {name: value for name, value in asdict(job).items() if name != "ids"}
    sums = hashlib.sha256(json.dumps(what, sort_keys=True).encode())
    here = Path(__file__).parent
    for path in [Path(job.source), Path(job.submission), *(here / name for name in _RULES)]:
        with contextlib.suppress(OSError):
            about = path.lstat()
            plain = stat.S_ISREG(about.st_mode) and about.st_size <= LARGEST  # a pipe or a giant is not read
            sums.update(path.read_bytes() if plain else f"{about.st_mode} {about.st_size}".encode())
    return sums.hexdigest()


def _marked(job, task, by_hand):
    """A task with what a person gave for it."""
    mark = by_hand.get((job.student, job.exercise, task["task"])) or {"points": None, "comment": ""}
    task = task | {"comment": mark["comment"]}
    if task["status"] == "by hand" and mark["points"] is not None:
        task |= {"points": mark["points"], "status": "graded by hand"}
    return task


def _to_grade(rows, by_hand):
    for row in rows:
        if row["status"] in ("by hand", "graded by hand"):
            mark = by_hand.get((row["student"], row["exercise"], row["task"]), {})
            yield {key: row.get(key) for key in BY_HAND} | {"comment": mark.get("comment", "")}


def _read_by_hand(path):
    if not path.exists():
        return {}
    marks = {}
    with open(path, newline="", encoding="utf-8-sig") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            missing = [key for key in BY_HAND if row.get(key) is None]
            if missing:
                raise ValueError(f"{path}, line {number}: the column {missing[0]!r} is missing")
            points = row["points"].strip().replace(",", ".")
            try:
                points = float(points) if points else None
                fits = points is None or 0 <= points <= float(row["maximum"])
            except ValueError:
                fits = False
            if not fits:
                raise ValueError(
                    f"{path}, line {number}: points must be between 0 and {row['maximum']}, got {row['points']!r}"
                )
            marks[row["student"], row["exercise"], row["task"]] = {
                "points": points,
                "comment": row["comment"],
            }
    return marks


def _write(path, columns, rows):
    lines = []
    for row in rows:
        numbers = {key: f"{row[key]:g}" for key in ("points", "maximum") if row[key] is not None}
        lines.append({key: row[key] for key in columns} | numbers)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    with open(new, "w", newline="", encoding="utf-8", errors="replace") as file:
        table = csv.DictWriter(file, columns)
        table.writeheader()
        table.writerows(lines)
    new.replace(path)


def _write_text(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_text(content, encoding="utf-8", errors="replace")
    new.replace(path)


def main(arguments=None):
    """The command line."""
    parser = argparse.ArgumentParser(prog="grade", description="Grade a class.")
    parser.add_argument("submissions", help="a folder with <student>/<exercise>/<exercise>.ipynb")
    parser.add_argument("out", help="where the grades go")
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
    parser.add_argument("--seconds", type=float, default=Job.seconds, help="for one submission")
    parser.add_argument("--memory-mb", type=int, default=Job.memory // 2**20)
    parser.add_argument(
        "--unsafe", action="store_true", help="without a sandbox: for notebooks that you trust"
    )
    o = parser.parse_args(arguments)
    try:
        students = release.class_list(o.students) if o.students else None
        if o.unsafe:
            print("grade: UNSAFE: the submissions run with all your rights", file=sys.stderr)
        rows = grade(o.submissions, o.out, students=students, wanted=o.chapters, n_jobs=o.jobs, unsafe=o.unsafe,
                     cell_seconds=o.cell_seconds, seconds=o.seconds, memory=o.memory_mb * 2**20)  # fmt: skip
    except sandbox.Refused as refused:
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
    waiting = sum(row["status"] == "by hand" for row in rows)
    failed = sorted({(row["student"], row["exercise"]) for row in rows if row["status"] == "not graded"})
    print(f"{o.out}/grades.csv: {len(rows)} tasks of {len({row['student'] for row in rows})} students")
    print(f"{o.out}/summary.html, {o.out}/feedback/")
    if waiting:
        print(f"{o.out}/by_hand.csv: {waiting} answers wait for you; fill in the points and run this again")
    for student, exercise in failed:
        print(f"not graded, the judge failed: {student}, {exercise}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
