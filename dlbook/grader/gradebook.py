"""Gradebook: what do Moodle and Canvas take back?

Points and feedback go back under the numbers that the platforms gave out, which `collect` has kept: a sheet
for each exercise as Moodle's *Upload grading worksheet* takes it, one for all as Canvas' *Import grades*
does, and a zip of the feedback pages, in Moodle's own folders where the work came from there.
"""

import csv
import io
import zipfile
from pathlib import Path

from dlbook.grader import tables


def write(out, totals, delivered):
    """Write the sheets and the zip.

    Parameters
    ----------
    out : path
        The folder with ``feedback/``.
    totals : sequence of dict
        The rows of ``totals.csv``.
    delivered : sequence of dict
        The rows of ``collected.csv``.
    """
    out = Path(out)
    exercises = list(dict.fromkeys(row["exercise"] for row in totals))
    numbers = {}
    for row in delivered:
        if row.get("id"):
            numbers.setdefault((row["platform"], row["student"]), []).append(row)
    if any(platform == "Moodle" for platform, _ in numbers):
        for exercise in exercises:
            _moodle(out, exercise, [row for row in totals if row["exercise"] == exercise], numbers)
    _canvas(out, exercises, totals, numbers)
    _zip(out, totals, numbers)


def _moodle(out, exercise, totals, numbers):
    rows = []
    for row in totals:
        files = [one for one in numbers.get(("Moodle", row["student"]), []) if exercise in one["file"]]
        files = files or numbers.get(("Moodle", row["student"]), [])
        if files and not row["waiting"]:
            rows.append(
                {
                    "Identifier": f"Participant {files[-1]['id']}",
                    "Full name": row["student"],
                    "Grade": row["points"],
                    "Maximum Grade": row["maximum"],
                }
            )
    columns = ("Identifier", "Full name", "Grade", "Maximum Grade")
    tables.write(out / "gradebook" / f"moodle-{exercise}.csv", columns, rows)


def _canvas(out, exercises, totals, numbers):
    """Canvas wants five columns about the student and a row of points possible; what waits stays empty."""
    most = {row["exercise"]: row["maximum"] for row in totals}
    lines = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *exercises]]
    lines.append(["    Points Possible", "", "", "", "", *(f"{most[exercise]:g}" for exercise in exercises)])
    of_student = {}
    for row in totals:
        of_student.setdefault(row["student"], {})[row["exercise"]] = row
    for student, of in of_student.items():
        number = (numbers.get(("Canvas", student)) or [{"id": ""}])[-1]["id"]
        there = [of.get(exercise) for exercise in exercises]
        points = [f"{one['points']:g}" if one and not one["waiting"] else "" for one in there]
        lines.append([tables.safe(student), number, "", "", "", *points])
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n").writerows(lines)
    tables.replace(out / "gradebook" / "canvas.csv", file.getvalue())


def _zip(out, totals, numbers):
    """Write the zip anew if a page is newer than it."""
    path, pages = out / "feedback.zip", []
    for row in totals:
        page = out / "feedback" / row["student"] / f"{row['exercise']}.html"
        files = [one for one in numbers.get(("Moodle", row["student"]), []) if one["delivered"]]
        files = [one for one in files if row["exercise"] in one["file"]] or files
        pages.append((page, f"{files[-1]['delivered'] if files else row['student']}/{row['exercise']}.html"))
    newest = max((page.stat().st_mtime_ns for page, _ in pages), default=0)
    if path.exists() and path.stat().st_mtime_ns > newest:
        with zipfile.ZipFile(path) as archive:
            if set(archive.namelist()) == {name for _, name in pages}:
                return
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for page, name in pages:
            archive.write(page, name)
    tables.replace(path, data.getvalue())
