"""Written: how do results, marks and notes become what an instructor and her students read?"""

import json

from dlbook.grader import gradebook, marks, report, tables
from dlbook.grader.grade import finished

GRADES = ("student", "exercise", "task", "points", "maximum", "status")
TOTALS = ("student", "exercise", "points", "maximum", "waiting", "late", "status", "note")


def write(out, roll, cases, *, deadlines=None, anonymous=False):
    """Put results and marks together and write what ``OUT`` holds. Return the rows of ``grades.csv``."""
    given, aliases = roll.marks(anonymous=anonymous)  # again: somebody may have typed while the judges ran
    shown, tests = aliases if anonymous else {}, roll.tests()
    rows, totals, graded, all_tasks = [], [], [], {}
    for case in cases:  # one result at a time: a class's notebooks need not fit into memory
        job = case.job
        result = json.loads(finished.place(out, job).read_text(encoding="utf-8"))
        tasks = []
        for task in result["tasks"]:
            key = job.student, job.exercise, task["task"]
            all_tasks[key] = {name: task[name] for name in ("points", "maximum", "answer", "status")}
            tasks.append(marks.marked(task, given.get(key), (job.exercise, task["task"]) in tests))
        rows += [
            {"student": job.student, "exercise": job.exercise} | {key: task[key] for key in GRADES[2:]}
            for task in tasks
        ]
        submitted = result["status"] != "nothing submitted"
        if roll.students and job.student not in roll.students and submitted:
            case.note("not on the class list")
        notes, told = [text for text, _ in case.notes], [text for _, text in case.notes]
        totals.append(
            _total(job, result, tasks, deadlines.late(job) if deadlines and submitted else None, notes)
        )
        graded.append((job, result["status"], tasks, notes))
        source, alias = roll.sources[job.exercise], shown.get(job.student, "")
        report.write_feedback(out, job, result, tasks, source, told, alias)
    tables.write(out / "grades.csv", GRADES, rows)
    tables.write(out / "totals.csv", TOTALS, totals)
    tables.write(out / "by_hand.csv", marks.COLUMNS, marks.rows(all_tasks, given, roll.points, shown))
    tables.replace(out / "summary.html", report.summary(graded))
    gradebook.write(out, totals, roll.collected)
    return rows


def _total(job, result, tasks, hours_late, notes):
    return {
        "student": job.student,
        "exercise": job.exercise,
        "late": hours_late,
        "status": result["status"],
        "points": float(sum(task["points"] or 0 for task in tasks)),
        "note": "; ".join(notes),
        "maximum": float(sum(task["maximum"] for task in tasks)),
        "waiting": float(sum(task["maximum"] for task in tasks if task["points"] is None)),
    }
