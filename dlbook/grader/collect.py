"""Collect: how does what a platform delivers become one folder for each student?

``python -m dlbook.grader.collect ZIP SUBMISSIONS`` takes the archive (or the unpacked folder) that Moodle,
Canvas, nbgrader or GitHub Classroom gives out, and adds its files to ``SUBMISSIONS/<student>/<archive>/``. A
later download of the same assignment replaces what a student had handed in before.
Where each file came from is written to ``SUBMISSIONS/collected.csv``.
"""

import argparse
import os
import re
import sys
import time
import unicodedata
import zipfile
from pathlib import Path, PurePosixPath

from dlbook.grader import tables
from dlbook.grader.people import class_list, folders_by_student, person

COLUMNS = ("student", "platform", "id", "delivered", "file", "time")
_LARGEST = 200 * 2**20  # bytes of one file
_MOST = 50_000  # files
# Moodle's mod/assign/classes/downloader.php: "<full name>_<id>_assignsubmission_<file or onlinetext>" is a
# folder (before 4.0 with "_" at its end) or, if the teacher wants no folders, the beginning of a file's name.
# Under blind marking everybody's full name is "Participant".
_MOODLE = re.compile(r"(?P<student>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<file>.*)")
# Canvas' lib/content_zipper.rb: "<last name first name, in small letters>_LATE_<id>_<file's id>_<file>", and
# "<…>_<id>_text.html" for a text. An anonymous assignment has "anon_<letters and digits>" for both. Canvas
# puts "-1" behind the name of a file that is handed in again, and delivers only the last one.
_CANVAS_S_FILE = r"_(?:\d+_(?P<file>.+)|(?P<page>text|link)\.html)"
_CANVAS = re.compile(r"(?P<student>.+?)(?:_LATE|_late)?_(?P<id>\d+)" + _CANVAS_S_FILE)
_ANONYMOUS = re.compile(r"(?:LATE_)?(?P<student>(?P<id>anon_[A-Za-z0-9]+))" + _CANVAS_S_FILE)
# nbgrader's exchange/default/submit.py: "<login>+<assignment>+<time>+<random letters>", the last optional
_EXCHANGE = re.compile(r"(?P<student>.+)\+(?P<exercise>[^+]+)\+(?P<time>\d{4}-\d\d-\d\d[^+]*)(?:\+[^+]*)?")
# gh classroom clone student-repos: "<assignment>-submissions/<assignment>-<login>/"
_COPY = re.compile(r"\s?\(\d+\)$")  # what browsers add to the name of a second download
_ABOVE = ("submitted", "inbound", "submissions")  # folders that hold the students' folders


def collect(archive, submissions, students=None, exercises=()):
    """Add an archive's files to the students' folders.

    Parameters
    ----------
    archive : path
        A zip, or the folder that it was unpacked to.
    submissions : path
    students : sequence of str, optional
        The class list: names are matched with it, however the platform writes them.
    exercises : sequence of str
        By which GitHub Classroom's folders, ``<exercise>-<login>``, are recognized.

    Returns
    -------
    list of dict
        The rows that were added to ``collected.csv``.

    Raises
    ------
    ValueError
        If it is no zip and no folder, or holds no file of a student.
    """
    archive, submissions = Path(archive), Path(submissions)
    rows, found = [], []
    for name, when, data in _files(archive):
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if any(part in ("..", "/", "__MACOSX") or part.startswith(".") for part in parts):
            continue
        if whose := _whose(parts, exercises):
            found.append((whose, when, data))
    numbers = {}
    for (_, student, number, _, _), _, _ in found:
        numbers.setdefault(student, set()).add(number)
    top = _COPY.sub("", archive.stem) or archive.stem
    for (platform, student, number, delivered, rest), when, data in found:
        if len(numbers[student]) > 1:  # two people of one name, or all of them "Participant"
            student = f"{student} {number}"
        student = _on_the_list(student, students)
        path = submissions / student / top / Path(*rest)
        tables.replace(path, data)
        os.utime(path, (when, when))
        rows.append(
            {
                "student": student,
                "platform": platform,
                "id": number,
                "delivered": delivered,
                "file": str(Path(top, *rest)),
                "time": time.strftime("%Y-%m-%d %H:%M", time.localtime(when)),
            }
        )
    if not rows:
        raise ValueError(f"{archive} holds no file in a folder or with the name of a student")
    table = submissions / "collected.csv"
    before = [row for _, row in tables.read(table)] if table.exists() else []
    fresh = {(row["student"], row["file"]) for row in rows}
    again = {row["student"] for row in rows}
    kept = []
    for row in before:
        student, file = row.get("student"), row.get("file")
        if (student, file) in fresh:
            continue
        if student in again and Path(file).parts[:1] == (top,):  # handed in again, under another name
            (submissions / student / file).unlink(missing_ok=True)
            continue
        kept.append(row)
    tables.write(table, COLUMNS, kept + rows)
    return rows


def collected(submissions):
    """Return what was delivered: the rows of ``collected.csv``, none if nothing was collected."""
    table = Path(submissions) / "collected.csv"
    return [row for _, row in tables.read(table)] if table.exists() else []


def _files(archive):
    """Yield ``(name, time, bytes)`` of the files in a zip or a folder."""
    if archive.is_dir():
        for path in sorted(archive.rglob("*"))[:_MOST]:
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= _LARGEST:
                yield path.relative_to(archive).as_posix(), path.stat().st_mtime, path.read_bytes()
        return
    try:
        with zipfile.ZipFile(archive) as zipped:
            for one in sorted(zipped.infolist()[:_MOST], key=lambda one: one.filename):
                if not one.is_dir() and one.file_size <= _LARGEST:
                    when = time.mktime((*one.date_time, 0, 0, -1))
                    yield one.filename, when, zipped.read(one)
    except zipfile.BadZipFile:
        raise ValueError(f"{archive} is no zip") from None


def _whose(parts, exercises):
    """Return ``(platform, student, id, the name as delivered, the path below the student)``, or None."""
    while len(parts) > 2 and (parts[0].casefold() in _ABOVE or parts[0].endswith("-submissions")):
        parts = parts[1:]
    top, rest = parts[0], parts[1:]
    if found := _MOODLE.fullmatch(top):
        rest = rest or ((found["file"],) if found["file"] else ())
        return ("Moodle", found["student"], found["id"], top if parts[1:] else "", rest) if rest else None
    if not rest:
        found = _ANONYMOUS.fullmatch(top) or _CANVAS.fullmatch(top)
        file = found and (found["file"] or f"{found['page']}.html")
        return ("Canvas", found["student"], found["id"], top, (file,)) if found else None
    if found := _EXCHANGE.fullmatch(top):
        return "nbgrader", found["student"], "", top, (found["exercise"], *rest)
    for exercise in sorted(exercises, key=len, reverse=True):
        if top.startswith(f"{exercise}-"):
            return "GitHub Classroom", top.removeprefix(f"{exercise}-"), "", top, rest
    return "folders", top, "", top, rest


def _on_the_list(name, students):
    """The student on the list whom a platform means; the name itself if there is none."""
    name = person(name).replace("/", "-")
    if not students or name in students:
        return name
    meant = [student for student in students if _squeezed(name) in _orders(student)]
    return meant[0] if len(meant) == 1 else name


def _orders(student):
    """A name as platforms run it together: in its order, the last word first, and the words reversed."""
    words = student.replace(",", " ").split()
    orders = (words, words[-1:] + words[:-1], words[::-1])
    return {_squeezed("".join(order)) for order in orders}


def _squeezed(name):
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).casefold()
    return "".join(letter for letter in plain if letter.isalnum())


def main(arguments=None):
    """The command line."""
    parser = argparse.ArgumentParser(prog="collect", description="Sort a platform's archive by student.")
    parser.add_argument(
        "archive", help="the zip from Moodle, Canvas, nbgrader or GitHub Classroom, or its folder"
    )
    parser.add_argument("submissions", help="where the students' folders are, or will be")
    parser.add_argument("--students", help="the class list, one name on each line")
    parser.add_argument("--exercises", nargs="*", default=[], help="to know GitHub Classroom's folders by")
    options = parser.parse_args(arguments)
    try:
        students = class_list(options.students) if options.students else None
        rows = collect(options.archive, options.submissions, students, options.exercises)
        strangers = sorted(
            {row["student"] for row in rows} - set(students or [row["student"] for row in rows])
        )
    except (ValueError, OSError) as error:
        print(f"collect: {error}", file=sys.stderr)
        return 2
    platforms = ", ".join(sorted({row["platform"] for row in rows}))
    count = len({row["student"] for row in rows})
    print(f"{len(rows)} files of {count} students ({platforms}) in {options.submissions}")
    for name in strangers:
        print(
            f"not on the class list: {name} (rename the folder {options.submissions}/{name})", file=sys.stderr
        )
    there = folders_by_student(options.submissions, students)
    missing = [name for name in students or [] if name not in there]
    if missing:
        print(f"nothing from {len(missing)}: {', '.join(missing)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
