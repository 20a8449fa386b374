"""Deadlines: hours late, with the extensions that somebody was given."""

import os
from datetime import datetime
from types import SimpleNamespace

import pytest

from dlbook.grader.deadlines import Deadlines


def job(tmp_path, student, when, exercise="adam"):
    path = tmp_path / student / f"{exercise}.ipynb"
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    stamp = datetime.strptime(when, "%Y-%m-%d %H:%M").timestamp()
    os.utime(path, (stamp, stamp))
    return SimpleNamespace(student=student, exercise=exercise, submission=str(path))


def test_hours_are_counted_from_the_deadline_or_the_extension(tmp_path):
    (tmp_path / "extra.csv").write_text(
        "student,exercise,until,hours\nbob,,,24\neve,adam,2026-12-02 12:00,\n"
    )
    due = Deadlines.read("2026-11-30 23:59", tmp_path / "extra.csv", ["ann", "bob", "eve"])
    late = "2026-12-01 11:59"
    assert due.late(job(tmp_path, "ann", late)) == 12 and due.late(job(tmp_path, "bob", late)) is None
    assert due.late(job(tmp_path, "ann", "2026-11-30 23:59")) is None
    assert due.late(job(tmp_path, "eve", "2026-12-02 13:30")) == 1.5
    assert due.late(job(tmp_path, "eve", late, "momentum")) == 12


def test_nbgrader_s_time_stamp_counts_more_than_the_file_s(tmp_path):
    one = job(tmp_path, "ann", "2026-12-24 00:00")
    (tmp_path / "ann" / "timestamp.txt").write_text("2026-12-01 01:59:00\n")
    assert Deadlines.read("2026-11-30 23:59").late(one) == 2


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("student,hours\nbbo,3\n", "line 2: there is no student 'bbo'"),
        ("student,hours,until\nbob,3,2026-12-01 00:00\n", "line 2: say either"),
        ("student,until\nbob,soon\n", "'soon' is no time like"),
        ("student,hours\nbob,many\n", "line 2: could not convert"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, text, complaint):
    (tmp_path / "extra.csv").write_text(text)
    with pytest.raises(ValueError, match=complaint):
        Deadlines.read("2026-11-30 23:59", tmp_path / "extra.csv", ["bob"])
    with pytest.raises(ValueError, match="is no time like"):
        Deadlines.read("tomorrow")
