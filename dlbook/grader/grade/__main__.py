"""The command line of `dlbook.grader.grade`."""

import argparse
import sys

from dlbook.grader import marks, sandbox
from dlbook.grader.deadlines import Deadlines
from dlbook.grader.grade import grade
from dlbook.grader.judge import Job
from dlbook.grader.people import class_list

_TO_CONFIRM = ("calls ", "measures nothing")  # what tests gave points for and a person decides


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
