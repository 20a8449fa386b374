"""People: one student is one row, however a system wrote the name."""

import os

import pytest

from dlbook.grader.people import class_list, decode, folders_by_student, nearest, person


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_class_list_reads_alike_in_every_encoding(tmp_path, encoding, end):
    path = tmp_path / "students.txt"
    path.write_bytes(end.join(["Anna", "Zoë Müller", "# gone: Bob", "", " José "]).encode(encoding))
    assert class_list(path) == ["Anna", "Zoë Müller", "José"]


def test_letters_are_composed_and_invisible_ones_left_out():
    assert person("Zoe\u0308\u200b \u00a0Lee\ufeff") == "Zoë Lee"
    assert decode("Zoe\u0308".encode()) != person(decode("Zoe\u0308".encode())) == "Zoë"


def test_one_person_in_two_writings_is_refused(tmp_path):
    path = tmp_path / "students.txt"
    path.write_text("Zoë\nZoe\u0308\n", encoding="utf-8")
    with pytest.raises(ValueError, match="more than once: Zoë"):
        class_list(path)


@pytest.mark.parametrize("name", ["../x", "a\\b", ".hidden", "a\x00b"])
def test_what_cannot_be_a_folder_is_refused(tmp_path, name):
    path = tmp_path / "students.txt"
    path.write_text(f"ann\n{name}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="cannot be the name of a folder"):
        class_list(path)


@pytest.mark.parametrize(
    "written",
    [
        "Zoë Müller".encode(),
        "Zoe\u0308 Mu\u0308ller".encode(),
        "zoë müller ".encode(),
        "Zoë Müller".encode("cp1252"),
        "Zoë Müller".encode("cp437"),
        "Zoë Müller".encode("mac_roman"),
        "Zoë Müller".encode().decode("cp437").encode(),
    ],
    ids=["composed", "decomposed", "small letters", "Windows", "DOS", "old Mac", "unpacked wrongly"],
)
def test_a_folder_belongs_to_the_student_on_the_list(tmp_path, written):
    os.mkdir(os.fsencode(tmp_path) + b"/" + written)
    assert list(folders_by_student(tmp_path, ["Anna", "Zoë Müller"])) == ["Zoë Müller"]


def test_two_folders_of_one_student_are_one_row_and_strangers_keep_their_names(tmp_path):
    for name in ("Zoë", "Zoe\u0308", "Eve", "__MACOSX", ".git"):
        (tmp_path / name).mkdir()
    (tmp_path / "a file").write_text("")
    found = folders_by_student(tmp_path, ["Zoë"])
    assert set(found) == {"Zoë", "Eve"} and len(found["Zoë"]) == 2
    assert set(folders_by_student(tmp_path)) == {"Zoë", "Eve"}


def test_a_slip_is_recognized_if_only_one_can_be_meant():
    assert nearest("731", ["00731", "0731"]) is None
    assert nearest("731.0", ["00731"]) == "00731" and nearest("ANN", ["ann"]) == "ann"
