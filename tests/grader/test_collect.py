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
        (["Zoë Müller_4711_assignsubmission_file/adam.ipynb"], "Moodle", "4711"),
        (["Zoë Müller_4711_assignsubmission_file_/adam.ipynb"], "Moodle", "4711"),
        (["Zoë Müller_4711_assignsubmission_file_adam.ipynb"], "Moodle", "4711"),
        (["müllerzoë_815_99123_adam-1.ipynb"], "Canvas", "815"),
        (["mullerzoe_LATE_815_99123_adam.ipynb"], "Canvas", "815"),
        (["submitted/Zoe\u0308 Mu\u0308ller/adam/adam.ipynb"], "folders", ""),
        (["Zoë Müller+adam+2026-11-30 23:58:00.000000 UTC+xyz/adam.ipynb"], "nbgrader", ""),
        (["inbound/Zoë Müller+adam+2026-11-30 23:58:00.000000 UTC/adam.ipynb"], "nbgrader", ""),
        (["adam-submissions/adam-ZoeMuller/adam.ipynb"], "GitHub Classroom", ""),
    ],
    ids=[
        "Moodle's folders",
        "Moodle's folders before 4.0",
        "Moodle's files",
        "Canvas, handed in again",
        "Canvas, late",
        "nbgrader",
        "nbgrader's exchange",
        "nbgrader's exchange, without random letters",
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


def files(tmp_path):
    return sorted(
        path.relative_to(tmp_path / "in").as_posix()
        for path in (tmp_path / "in").rglob("*")
        if path.is_file() and path.name != "collected.csv"
    )


@pytest.mark.parametrize(
    "first, second",
    [
        ("mullerzoe_815_99123_adam.ipynb", "mullerzoe_LATE_815_99201_adam-1.ipynb"),
        (
            "Zoë Müller_4711_assignsubmission_file/adam.ipynb",
            "Zoë Müller_4711_assignsubmission_file/adam final.ipynb",
        ),
    ],
    ids=["Canvas", "Moodle"],
)
@pytest.mark.parametrize("name", ["week 10.zip", "week 10 (1).zip", "week 10(1).zip"])
def test_what_is_handed_in_again_takes_the_place_of_what_was_there(tmp_path, first, second, name):
    collect(archive(tmp_path, first, "leeann_7_1_adam.ipynb"), tmp_path / "in", STUDENTS)
    notes = tmp_path / "in" / "Zoë Müller" / "week 10" / "notes.txt"
    notes.write_text("mine")
    collect(archive(tmp_path, second, name=name), tmp_path / "in", STUDENTS)
    (fresh,) = (tmp_path / "in" / "Zoë Müller").rglob("*.ipynb")
    assert fresh.read_text() == second and notes.read_text() == "mine"
    assert "Ann Lee/week 10/adam.ipynb" in files(tmp_path)
    assert len(collected(tmp_path / "in")) == 2


def test_of_several_submissions_in_nbgrader_s_exchange_the_last_counts(tmp_path):
    names = [f"ann+adam+2026-11-{day} 10:00:00.000000 UTC+x{day}/adam.ipynb" for day in (28, 30, 29)]
    collect(archive(tmp_path, *names), tmp_path / "in")
    (path,) = (tmp_path / "in" / "ann").rglob("*.ipynb")
    assert "11-30" in path.read_text()


@pytest.mark.parametrize(
    "names, students",
    [
        (
            [f"Participant_{i}_assignsubmission_file/adam.ipynb" for i in (1, 2)],
            ["Participant 1", "Participant 2"],
        ),
        (["Ann Lee_1_assignsubmission_file/a.ipynb", "Ann Lee_2_assignsubmission_file/a.ipynb"],
         ["Ann Lee 1", "Ann Lee 2"]),
        (["anon_Ab3cD_99_adam.ipynb", "LATE_anon_x9Zq1_98_adam.ipynb"], ["anon_Ab3cD", "anon_x9Zq1"]),
    ],
    ids=["Moodle's blind marking", "two people of one name", "anonymous in Canvas"],
)  # fmt: skip
def test_two_people_never_become_one(tmp_path, names, students):
    rows = collect(archive(tmp_path, *names), tmp_path / "in")
    assert sorted(row["student"] for row in rows) == students
    assert len(files(tmp_path)) == len(names)


def test_texts_typed_into_the_platform_are_kept_beside_the_notebook(tmp_path):
    names = [
        "Ann Lee_1_assignsubmission_file/adam.ipynb",
        "Ann Lee_1_assignsubmission_onlinetext/onlinetext.html",
        "Ann Lee_1_assignsubmission_file/plots/loss.png",
    ]
    collect(archive(tmp_path, *names), tmp_path / "in", STUDENTS)
    collect(archive(tmp_path, "leeann_7_text.html", name="essay.zip"), tmp_path / "in", STUDENTS)
    assert files(tmp_path) == [
        f"Ann Lee/{name}"
        for name in (
            "essay/text.html",
            "week 10/adam.ipynb",
            "week 10/onlinetext.html",
            "week 10/plots/loss.png",
        )
    ]


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
