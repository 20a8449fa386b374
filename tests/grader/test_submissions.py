"""Submissions: what students hand in is found, or named for a person."""

import io
import json
import os
import zipfile

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from test_cells import cell

from dlbook.grader.submissions import Hand

IDS = {"adam": ["adam-answer", "adam"], "momentum": ["momentum-answer", "momentum"]}
STUB = 'raise NotImplementedError("not answered yet")'
SOURCE = {
    "cells": [cell("### BEGIN SOLUTION\nx = 3\n### END SOLUTION", "adam-answer", solution=True)],
}


def notebook(exercise="adam", answer="x = 3"):
    return nbformat.writes(new_notebook(cells=[cell(answer, f"{exercise}-answer", solution=True)]))


def found(folder, **files):
    """What is found of `adam` in a folder with these files (dots stand for slashes' underscores)."""
    return put(folder, files).find("adam", SOURCE, folder.parent / "unpacked.ipynb")


def put(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Hand([folder], IDS)


def zipped(files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "ann").mkdir()
    return tmp_path / "ann"


def test_the_usual_place_needs_no_note(folder):
    one = found(folder, **{"adam/adam.ipynb": notebook()})
    assert (one.path, one.status, one.note) == (folder / "adam/adam.ipynb", "", "")


@pytest.mark.parametrize(
    "place",
    [
        "adam/adam (1).ipynb",
        "adam/adam_meier.ipynb",
        "adam/adam/adam.ipynb",
        "adam.ipynb",
        "Untitled.ipynb",
        "Adam.IPYNB",
        "momentum/adam.ipynb",
        "submission/week 10/final.ipynb",
    ],
)
def test_a_notebook_in_another_place_is_found_by_its_cells(folder, place):
    one = found(folder, **{place: notebook()})
    assert (one.path, one.status, one.note) == (folder / place, "", f"found as {place}")


def test_a_notebook_that_lost_its_cells_names_is_found_by_its_own(folder):
    plain = nbformat.writes(new_notebook(cells=[new_code_cell("x = 3")]))
    assert found(folder, **{"my adam.ipynb": plain}).note == "found as my adam.ipynb"
    assert found(folder, **{"madam.ipynb": plain}).note == "found as my adam.ipynb"  # another word


@pytest.mark.parametrize("inside", ["adam.ipynb", "adam/adam.ipynb", "homework/Untitled.ipynb"])
def test_a_notebook_in_a_zip_is_found(folder, inside):
    one = found(folder, **{"hand in.zip": zipped({inside: notebook(), "__MACOSX/._adam.ipynb": "x"})})
    assert one.status == "" and one.note == f"found as hand in.zip: {inside}"
    assert json.loads(one.path.read_text())["cells"][0]["source"] in ("x = 3", ["x = 3"])


def test_copies_of_one_content_are_one(folder):
    assert found(folder, **{"adam (1).ipynb": notebook(), "adam (2).ipynb": notebook()}).status == ""


def test_the_answered_one_is_taken_beside_an_untouched_one(folder):
    one = found(folder, **{"adam/adam.ipynb": notebook(answer=STUB), "adam/adam-Copy1.ipynb": notebook()})
    assert one.path.name == "adam-Copy1.ipynb" and one.status == ""


def test_two_answered_ones_are_for_a_person_unless_one_is_in_its_place(folder):
    one = found(folder, **{"a.ipynb": notebook(), "b.ipynb": notebook(answer="x = 4")})
    assert one.status == "more than one notebook: a.ipynb, b.ipynb"
    one = found(folder, **{"adam/adam.ipynb": notebook(answer="x = 5")})
    assert one.status == "" and one.note == "also handed in, and not graded: a.ipynb, b.ipynb"


@pytest.mark.parametrize("name", ["answer.pdf", "adam.py", "adam/adam.docx", "adam.rar", "broken.zip"])
def test_what_is_no_notebook_is_named(folder, name):
    assert found(folder, **{name: b"%PDF"}).status == f"no notebook of this exercise, but {name}"


def test_another_exercise_s_files_are_not_meant(folder):
    one = found(folder, **{"momentum/momentum.ipynb": notebook("momentum"), "momentum/picture.png": b""})
    assert (one.status, one.note) == ("", "") and not one.path.exists()


def test_what_programs_leave_behind_is_nothing(folder):
    junk = {
        ".ipynb_checkpoints/adam-checkpoint.ipynb": notebook(),
        "__MACOSX/._adam.ipynb": "x",
        ".DS_Store": "x",
    }
    assert found(folder, **junk).status == "" and put(folder, {}).exercises() == set()


def test_a_link_is_not_followed_and_a_bomb_not_unpacked(folder, tmp_path):
    (tmp_path / "secret.ipynb").write_text(notebook())
    os.symlink(tmp_path / "secret.ipynb", folder / "adam.ipynb")
    assert not found(folder).path.exists()
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("adam.ipynb", b" " * (21 * 2**20))
    assert (
        found(folder, **{"bomb.zip": bomb.getvalue()}).status == "no notebook of this exercise, but bomb.zip"
    )


def test_which_exercises_were_handed_in(folder):
    assert put(folder, {"x.ipynb": notebook("momentum"), "adam/readme.pdf": b""}).exercises() == {
        "adam",
        "momentum",
    }


def test_a_notebook_in_a_zip_was_handed_in_when_the_zip_was(folder):
    hand = put(folder, {"hand in.zip": zipped({"adam.ipynb": notebook()})})
    os.utime(folder / "hand in.zip", (10**9, 10**9))
    assert hand.find("adam", SOURCE, folder.parent / "unpacked.ipynb").path.stat().st_mtime == 10**9
