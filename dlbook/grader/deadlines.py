"""Deadlines: how late was it, with the extensions that somebody was given?

The hours go into ``totals.csv``. What they cost is the instructor's to decide.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from dlbook.grader import tables
from dlbook.grader.people import nearest, person

_FORMS = ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M")


@dataclass
class Deadlines:
    """When work is due, and who has longer.

    Attributes
    ----------
    due : datetime
        For everybody.
    longer : dict of (student, exercise or ""): datetime
        For some.
    """

    due: datetime
    longer: dict = field(default_factory=dict)

    @classmethod
    def read(cls, due, extra=None, students=None):
        """Read a deadline and a table of extensions.

        Parameters
        ----------
        due : str
            ``2026-11-30 23:59``.
        extra : path, optional
            A table with the columns ``student``, ``exercise`` (empty for all) and ``until`` or ``hours``.
        students : sequence of str, optional
            All who could be meant.

        Raises
        ------
        ValueError
            With the line, if a row matches nobody or a time cannot be read.
        """
        made = cls(_time(due))
        for line, row in tables.read(extra) if extra else []:
            try:
                made._add(row, students)
            except ValueError as error:
                raise ValueError(f"{extra}, line {line}: {error}") from None
        return made

    def _add(self, row, students):
        student = person(row.get("student") or "")
        if students is not None and student not in students:
            meant = nearest(student, students)
            raise ValueError(f"there is no student {student!r}" + (f"; {meant!r} is meant?" if meant else ""))
        until, hours = (row.get("until") or "").strip(), (row.get("hours") or "").strip()
        if bool(until) == bool(hours):
            raise ValueError("say either `until` or `hours`")
        when = _time(until) if until else self.due + timedelta(hours=tables.number(hours))
        self.longer[student, (row.get("exercise") or "").strip()] = when

    def late(self, job):
        """Return by how many hours a submission was late, or None if it was in time."""
        due = self.longer.get((job.student, job.exercise)) or self.longer.get((job.student, "")) or self.due
        path = Path(job.submission)
        if not path.exists():
            return None
        hours = (_handed_in(path) - due).total_seconds() / 3600
        return round(hours, 1) if hours > 0 else None


def _handed_in(path):
    """When a notebook was handed in: nbgrader's ``timestamp.txt`` beside it, or else its file, says it."""
    stamp = path.with_name("timestamp.txt")
    if stamp.is_file() and (
        found := re.match(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", stamp.read_text(errors="replace"))
    ):
        when = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S")
        if "UTC" in stamp.read_text(errors="replace"):
            when += datetime.now().astimezone().utcoffset()
        return when
    return datetime.fromtimestamp(path.stat().st_mtime)


def _time(text):
    for form in _FORMS:
        try:
            return datetime.strptime(text.strip(), form)
        except ValueError:
            continue
    raise ValueError(f"{text!r} is no time like 2026-11-30 23:59")
