"""Gradebook: points and feedback in the form that Moodle and Canvas take back."""

import csv
import zipfile

from dlbook.grader import gradebook

TOTALS = [
    {"student": "Zoë", "exercise": "adam", "points": 17.5, "maximum": 20.0, "waiting": 0.0},
    {"student": "Zoë", "exercise": "momentum", "points": 3.0, "maximum": 17.0, "waiting": 3.0},
    {"student": "=Bob", "exercise": "adam", "points": 0.0, "maximum": 20.0, "waiting": 0.0},
    {"student": "=Bob", "exercise": "momentum", "points": 5.0, "maximum": 17.0, "waiting": 0.0},
]
MOODLE = {
    "platform": "Moodle",
    "student": "Zoë",
    "id": "4711",
    "delivered": "Zoë_4711_assignsubmission_file_",
}
DELIVERED = [
    MOODLE | {"file": "adam/adam.ipynb"},
    {
        "platform": "Canvas",
        "student": "=Bob",
        "id": "815",
        "delivered": "bob_815_1_adam.ipynb",
        "file": "adam/adam.ipynb",
    },
]


def written(tmp_path):
    for row in TOTALS:
        page = tmp_path / "feedback" / row["student"] / f"{row['exercise']}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f"{row['student']} {row['exercise']}")
    gradebook.write(tmp_path, TOTALS, DELIVERED)
    return tmp_path


def table(path):
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.reader(file))


def test_moodle_gets_a_worksheet_with_its_own_numbers(tmp_path):
    rows = table(written(tmp_path) / "gradebook" / "moodle-adam.csv")
    assert rows == [
        ["Identifier", "Full name", "Grade", "Maximum Grade"],
        ["Participant 4711", "Zoë", "17.5", "20"],
    ]


def test_canvas_gets_one_table_and_no_grade_for_what_waits(tmp_path):
    rows = table(written(tmp_path) / "gradebook" / "canvas.csv")
    assert rows[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "adam", "momentum"]
    assert rows[1] == ["    Points Possible", "", "", "", "", "20", "17"]
    assert rows[2][5:] == ["17.5", ""] and rows[3] == ["'=Bob", "815", "", "", "", "0", "5"]


def test_feedback_goes_back_in_moodle_s_folders_and_only_if_it_changed(tmp_path):
    path = written(tmp_path) / "feedback.zip"
    with zipfile.ZipFile(path) as archive:
        assert archive.read("Zoë_4711_assignsubmission_file_/adam.html").decode() == "Zoë adam"
        assert "=Bob/momentum.html" in archive.namelist()
    before = path.stat().st_mtime_ns
    gradebook.write(tmp_path, TOTALS, DELIVERED)
    assert path.stat().st_mtime_ns == before
