"""Collect: what Moodle, Canvas, nbgrader and GitHub Classroom deliver becomes one folder for each student."""

import os
import zipfile

import pytest

from dlbook.grader.collect import collect, collected, main

STUDENTS = ["Zoë Müller", "Ann Lee", "00731"]


def archive(tmp_path, *names, name="week 10.zip"):
    path = tmp_path / name
    with zipfile.ZipFile(path, "w") as zipped:
        for one in names:
            zipped.writestr(zipfile.ZipInfo(one, (2026, 11, 30, 23, 58, 0)), one)
    return path


@pytest.mark.parametrize(
    "names, platform, number",
    [
        (["Zoë Müller_4711_assignsubmission_file_/adam.ipynb"], "Moodle", "4711"),
        (["Zoë Müller_4711_assignsubmission_file_adam.ipynb"], "Moodle", "4711"),
        (["mullerzoe_815_99123_adam-1.ipynb"], "Canvas", "815"),
        (["mullerzoe_LATE_815_99123_adam.ipynb"], "Canvas", "815"),
        (["submitted/Zoe\u0308 Mu\u0308ller/adam/adam.ipynb"], "folders", ""),
        (["Zoë Müller+adam+2026-11-30 23:58:00 UTC+xyz/adam.ipynb"], "nbgrader", ""),
        (["adam-submissions/adam-ZoeMuller/adam.ipynb"], "GitHub Classroom", ""),
    ],
    ids=[
        "Moodle's folders",
        "Moodle's files",
        "Canvas",
        "Canvas, late",
        "nbgrader",
        "nbgrader's exchange",
        "Classroom",
    ],
)
def test_a_platform_s_archive_is_sorted_by_student(tmp_path, names, platform, number):
    rows = collect(archive(tmp_path, *names), tmp_path / "in", STUDENTS, ["adam"])
    assert [(row["student"], row["platform"], row["id"]) for row in rows] == [
        ("Zoë Müller", platform, number)
    ]
    (path,) = (tmp_path / "in" / "Zoë Müller").rglob("*.ipynb")
    assert path.read_text() == names[0] and path.name.startswith("adam")
    assert collected(tmp_path / "in")[0]["time"] == "2026-11-30 23:58"


def test_an_unpacked_folder_is_taken_too_and_a_second_archive_is_added(tmp_path):
    with zipfile.ZipFile(archive(tmp_path, "Ann Lee_1_assignsubmission_file_/a.ipynb")) as zipped:
        zipped.extractall(tmp_path / "adam")
    collect(tmp_path / "adam", tmp_path / "in", STUDENTS)
    collect(archive(tmp_path, "00731_2_assignsubmission_file_/b.ipynb"), tmp_path / "in", STUDENTS)
    collect(archive(tmp_path, "00731_2_assignsubmission_file_/b.ipynb"), tmp_path / "in", STUDENTS)
    assert sorted(row["student"] for row in collected(tmp_path / "in")) == ["00731", "Ann Lee"]


def test_nothing_is_written_outside_and_junk_is_left(tmp_path):
    names = [
        "../evil/adam.ipynb",
        "ann/../../evil",
        "__MACOSX/ann/._adam.ipynb",
        "ann/.git/config",
        "ann/adam.ipynb",
    ]
    collect(archive(tmp_path, *names), tmp_path / "in")
    assert not (tmp_path / "evil").exists()
    assert [os.fspath(p.relative_to(tmp_path / "in")) for p in (tmp_path / "in").rglob("*.ipynb")] == [
        "ann/week 10/adam.ipynb"
    ]


def test_strangers_and_missing_students_are_named(tmp_path, capsys):
    (tmp_path / "students.txt").write_text("ann\nbob\n")
    path = archive(tmp_path, "ann/adam.ipynb", "eve/adam.ipynb")
    assert main([str(path), str(tmp_path / "in"), "--students", str(tmp_path / "students.txt")]) == 0
    said = capsys.readouterr()
    assert "not on the class list: eve" in said.err and "nothing from 1: bob" in said.out


def test_what_is_no_archive_is_refused(tmp_path, capsys):
    (tmp_path / "x.zip").write_text("no zip")
    assert (
        main([str(tmp_path / "x.zip"), str(tmp_path / "in")]) == 2 and "is no zip" in capsys.readouterr().err
    )
    assert main([str(archive(tmp_path, "loose.txt")), str(tmp_path / "in")]) == 2
    assert "holds no file" in capsys.readouterr().err
