"""Roll: whoever hands in, in whatever folder and letters, gets a row, and by the right numbers."""

import csv
import json
import zipfile

import nbformat
import pytest
from classes import SETUP, notebook
from test_sandbox import needs_sandbox

from dlbook.grader import tables
from dlbook.grader.collect import collect
from dlbook.grader.grade.__main__ import main

pytestmark = [needs_sandbox, pytest.mark.usefixtures("warm_judges")]


def test_a_list_of_windows_and_folders_of_a_mac_are_the_same_people(klass):
    own = SETUP.replace('"anyone"', '"Zoë"')
    klass.hand_in("Zoe\u0308", notebook(setup=own))
    klass.hand_in("eve", name="small (1).ipynb")
    (klass.folder / "in" / "__MACOSX").mkdir()
    table = klass.grade(students=["Anna", "Zoë"])
    assert list(table) == ["Anna", "Zoë", "eve"]
    assert table["Zoë"]["mine"] == (2, "passed") and table["Anna"]["mine"] == (0, "nothing submitted")
    with open(klass.out / "totals.csv", newline="", encoding="utf-8-sig") as file:
        notes = {row["student"]: row["note"] for row in csv.DictReader(file)}
    assert notes == {"Anna": "", "Zoë": "", "eve": "found as small (1).ipynb; not on the class list"}


def test_what_cannot_be_graded_waits_for_a_person_and_is_named(klass, capsys):
    klass.hand_in("ann", b"%PDF", "answer.pdf")
    klass.hand_in("bob", notebook("mine = 1"), "a.ipynb")
    klass.hand_in("bob", notebook("mine = 2"), "b.ipynb")
    klass.hand_in("eve")
    table = klass.grade()
    assert table["ann"]["mine"] == (None, "no notebook of this exercise, but answer.pdf")
    assert table["bob"]["mine"] == (None, "more than one notebook: a.ipynb, b.ipynb")
    assert main([str(klass.folder / "in"), str(klass.out), "--source", str(klass.source)]) == 0
    assert "look at ann, small: no notebook of this exercise, but answer.pdf" in capsys.readouterr().err
    klass.mark("ann", 2, "on paper", task="mine")
    assert klass.grade()["ann"]["mine"] == (2, "graded by hand")


def test_strange_metadata_and_letters_are_one_student_s_trouble(klass):
    klass.hand_in("good")
    text = nbformat.writes(notebook())
    strange = json.loads(text)
    strange["cells"][0]["metadata"]["nbgrader"]["grade_id"] = []
    strange["cells"][1]["outputs"] = [{"output_type": "display_data", "data": {"image/png": '\ud800"><b>'}}]
    strange["cells"][3]["attachments"] = {"x": {"image/png": ["a", "b"]}, "y": 3}
    klass.hand_in("strange", json.dumps(strange).encode())
    klass.hand_in(
        "no metadata", json.dumps({"nbformat": 4, "cells": [{"cell_type": "code", "source": "x"}]}).encode()
    )
    table = klass.grade()
    assert table["good"]["mine"] == table["strange"]["mine"] == (2, "passed")
    assert table["no metadata"]["mine"] == (0, "failed")
    assert "<b>" not in (klass.out / "feedback" / "strange" / "small.html").read_text(encoding="utf-8")


def test_where_a_platform_s_archive_was_put_is_no_news(klass):
    path = klass.folder / "week 6.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ann_1_assignsubmission_file/small.ipynb", nbformat.writes(notebook()))
        archive.writestr("bob_2_assignsubmission_file/small (1).ipynb", nbformat.writes(notebook()))
    collect(path, klass.folder / "in")
    assert klass.grade()["ann"]["mine"] == (2, "passed")
    notes = {row["student"]: row["note"] for _, row in tables.read(klass.out / "totals.csv")}
    assert notes == {"ann": "", "bob": "found as week 6/small (1).ipynb"}
