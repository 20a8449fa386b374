"""Release: students get everything but the answers, and the book shows what students get."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from dlbook.grader import release
from dlbook.grader.cells import (
    ANSWER_STUB,
    STUB,
    given_cells,
    holds_name,
    kind_of,
    name_of,
    names_in,
    points_of,
    public_part,
    tasks_of,
)

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "chapters" / "exercises" / "source"
PAGES = SOURCE.parent
CHAPTERS = {path.stem for path in (ROOT / "chapters").glob("*.ipynb")} - {"index"}

pytest.importorskip("nbgrader", reason="nbgrader is not installed: pip install 'dlcore[teach]'")


@pytest.fixture(scope="module", params=release.exercises(source=SOURCE))
def exercise(request):
    return request.param


def secrets(notebook):
    """The lines that students must not see."""
    found = set()
    for cell in notebook.cells:
        for what in ("SOLUTION", "HIDDEN TESTS"):
            for block in re.findall(
                rf"BEGIN {what}[^\n]*\n(.*?)### END {what}", cell.source, flags=re.DOTALL
            ):
                found |= {line.strip() for line in block.splitlines()}
        if kind_of(cell) == "hand":
            found |= {line.strip() for line in cell.source.splitlines()}
    return {line for line in found if len(line) > 3}


def test_every_chapter_has_its_exercises():
    assert set(release.exercises(source=SOURCE)) == CHAPTERS


def test_a_source_is_stored_clean_and_its_page_is_what_it_gives(exercise):
    source = release.read(exercise, SOURCE)
    assert (SOURCE / exercise / f"{exercise}.ipynb").read_text() == release.text(
        release.normalized(source)
    ), "run `make exercises`"
    page = PAGES / f"{exercise}.ipynb"
    assert page.read_text() == release.text(release.for_students(source)), "run `make exercises`"


def test_an_exercise_has_tasks_of_every_kind(exercise):
    notebook = release.read(exercise, SOURCE)
    kinds = [kind_of(cell) for cell, _ in tasks_of(notebook)]
    assert kinds.count("test") >= 4 and kinds.count("hand") >= 1
    title = notebook.cells[0].source
    total = sum(points_of(cell) for cell, _ in tasks_of(notebook))
    assert (
        title.startswith("# Exercises: ")
        and f"**Points** {total:g}" in title
        and f"(../{exercise}.ipynb)" in title
    )
    names = [name_of(cell) for cell in notebook.cells if name_of(cell)]
    assert len(names) == len(set(names))
    assert "*Rubric.*" in " ".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_points_are_announced_where_they_are_earned(exercise):
    notebook, announced = release.read(exercise, SOURCE), []
    for cell in notebook.cells:
        announced += (
            re.findall(r"^## .*\((\d+) points?\b", cell.source, flags=re.MULTILINE)
            if cell.cell_type == "markdown"
            else []
        )
    assert [float(number) for number in announced] == [points_of(cell) for cell, _ in tasks_of(notebook)]


def test_a_test_has_a_public_and_a_hidden_part_and_asks_only_for_answers(exercise):
    notebook = release.read(exercise, SOURCE)
    trusted = given_cells(notebook)[1]
    answers = set()
    for cell in notebook.cells:
        if kind_of(cell) == "answer":
            answers |= names_in(cell.source)[0]
        if kind_of(cell) == "test":
            assert "BEGIN HIDDEN TESTS" in cell.source
            assert re.search(r"\b(expect|assert|kills)\b", public_part(cell.source)), name_of(cell)
            assert names_in(cell.source)[1] - trusted <= answers, name_of(cell)


def test_the_notes_for_the_instructor_are_about_this_exercise(exercise):
    notebook = release.read(exercise, SOURCE)
    notes = (SOURCE / f"{exercise}.md").read_text()
    told = re.findall(r"^- \*\*([\w-]+)\*\* \((\d+), \d+", notes, flags=re.MULTILINE)
    assert told == [(name_of(cell), f"{points_of(cell):g}") for cell, _ in tasks_of(notebook)]


def test_the_instructors_page_has_each_exercise_s_minutes_and_points(exercise):
    notebook = release.read(exercise, SOURCE)
    minutes = re.search(r"\*\*Time\*\* about (\d+) minutes", notebook.cells[0].source)[1]
    tasks = [cell for cell, _ in tasks_of(notebook)]
    total = sum(map(points_of, tasks))
    by_hand = sum(points_of(cell) for cell in tasks if kind_of(cell) == "hand")
    page = (ROOT / "chapters" / "instructors.md").read_text()
    (row,) = re.findall(rf"^\| \[{exercise}\]\(exercises/{exercise}.ipynb\) \|.*$", page, flags=re.MULTILINE)
    assert [cell.strip() for cell in row.split("|")[3:6]] == [minutes, f"{total:g}", f"{by_hand:g}"]


def test_at_least_three_tasks_grade_students_tests():
    graded = [
        name_of(cell)
        for name in release.exercises(source=SOURCE)
        for cell, _ in tasks_of(release.read(name, SOURCE))
        if re.search(r"\bkills\(", cell.source)
    ]
    assert len(graded) >= 3


def test_nothing_secret_is_on_the_page(exercise):
    notebook = release.read(exercise, SOURCE)
    page = nbformat.read(PAGES / f"{exercise}.ipynb", as_version=4)
    shown = {line.strip() for cell in page.cells for line in cell.source.splitlines()}
    public = {
        line.strip()
        for cell in notebook.cells
        for line in public_part(cell.source).splitlines()
        if kind_of(cell) in ("test", "plain", "locked")
    }
    assert secrets(notebook) & shown <= public
    assert not re.search("BEGIN|END (SOLUTION|HIDDEN)", page.cells[0].source + " ".join(shown))
    stubs = [cell for cell in page.cells if kind_of(cell) in ("answer", "hand")]
    assert all(STUB in cell.source or cell.source == ANSWER_STUB for cell in stubs)


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """How the first two cells of each page end in a process of their own, without nbgrader."""
    pages = {}
    for path in PAGES.glob("*.ipynb"):
        locked = [c.source for c in nbformat.read(path, as_version=4).cells if kind_of(c) == "locked"]
        pages[path.stem] = "\n".join(locked[:2])
    path = tmp_path_factory.mktemp("pages") / "pages.json"
    path.write_text(json.dumps(pages))
    code = f"""
import json, os, sys
sys.modules["nbgrader"] = None
import dlbook.grader, dlcore
for name, source in json.load(open({str(path)!r})).items():
    number = os.fork()
    if not number:
        exec(source + "\\nassert my", {{}})
        os._exit(0)
    print(name, os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]), flush=True)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return dict(line.split() for line in done.stdout.splitlines()), done.stderr


def test_a_page_runs_without_nbgrader(exercise, begun):
    """The first two cells run as they are."""
    codes, errors = begun
    assert codes[exercise] == "0", errors


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    release.course(folder, ["initialization", "chapters/adam.ipynb"], ["ann", "Bob .. Lee"], SOURCE)
    return folder


def test_the_course_is_nbgrader_s(course):
    for name in ("initialization", "adam"):
        assert (course / "release" / name / f"{name}.ipynb").read_text() == (
            PAGES / f"{name}.ipynb"
        ).read_text()
        assert (course / "source" / name / f"{name}.ipynb").exists()
    assert (course / "gradebook.db").stat().st_size > 0
    assert not (course / "release" / "bugs").exists()


def test_nbgrader_alone_gives_the_solution_all_points_and_an_untouched_notebook_none(course):
    from nbgrader.api import Gradebook

    for student, part in (("solved", "source"), ("untouched", "release")):
        to = course / "submitted" / student / "initialization"
        to.mkdir(parents=True)
        (to / "initialization.ipynb").write_text(
            (course / part / "initialization" / "initialization.ipynb").read_text()
        )
    environment = os.environ | {"PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]}
    for command in ("autograde", "generate_feedback"):
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", command, "initialization"],
            cwd=course,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
    assert (course / "feedback" / "solved" / "initialization" / "initialization.html").exists()
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "why-deep-networks-train") as book:
        scores = {
            student: book.find_submission("initialization", student).score
            for student in ("solved", "untouched")
        }
    machine = sum(
        points_of(cell)
        for cell, _ in tasks_of(release.read("initialization", SOURCE))
        if kind_of(cell) == "test"
    )
    assert scores == {"solved": machine, "untouched": 0}


def test_every_student_has_a_notebook_with_their_name_and_no_solution(course):
    for student in ("ann", "Bob .. Lee"):
        notebook = nbformat.read(course / "variants" / student / "adam" / "adam.ipynb", as_version=4)
        setup = next(cell.source for cell in notebook.cells if kind_of(cell) == "locked")
        assert f'STUDENT = "{student}"' in setup
        assert "BEGIN SOLUTION" not in str(notebook)


def test_a_released_course_leaves_the_name_open(course):
    for path in ("release/adam/adam.ipynb", "variants/ann/adam/adam.ipynb"):
        cells = nbformat.read(course / path, as_version=4).cells
        assert [name_of(one) for one in cells if holds_name(one)] == ["name"]
        assert [one.metadata.get("editable", True) for one in cells if holds_name(one)] == [True]


def test_the_key_has_each_student_s_numbers_and_answers(course):
    with open(course / "key.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    ours = {
        row["name"]: row["value"]
        for row in rows
        if (row["student"], row["exercise"]) == ("ann", "initialization")
    }
    n_in, square = float(ours["n_in"]), float(ours["square"])
    assert float(ours["var_for_preactivation"]) == pytest.approx(1 / (n_in * square), rel=1e-5)
    theirs = {
        row["name"]: row["value"]
        for row in rows
        if (row["student"], row["exercise"]) == ("Bob .. Lee", "initialization")
    }
    assert ours != theirs and ours.keys() == theirs.keys()


def test_a_stale_page_is_noticed_and_mended(tmp_path):
    source, pages = tmp_path / "source", tmp_path
    (source / "adam").mkdir(parents=True)
    original = (SOURCE / "adam" / "adam.ipynb").read_text()
    (source / "adam" / "adam.ipynb").write_text(original)
    assert release.pages(source, pages) == [pages / "adam.ipynb"]
    assert release.pages(source, pages) == []
    (source / "adam" / "adam.ipynb").write_text(original.replace("# Exercises", "# Old exercises", 1))
    assert release.pages(source, pages) == [pages / "adam.ipynb"]
    assert "# Old exercises" in (pages / "adam.ipynb").read_text()


def said(capsys, *arguments):
    code = release.main([*arguments, "--source", str(SOURCE)])
    return code, capsys.readouterr().err


def test_bad_input_is_refused_before_anything_is_written(tmp_path, capsys):
    out = str(tmp_path / "course")
    assert said(capsys, "course", out, "--chapters", "adma") == (
        2,
        said(capsys, "course", out, "--chapters", "adma")[1],
    )
    assert "there is no exercise 'adma'" in said(capsys, "course", out, "--chapters", "adma")[1]
    for text, complaint in [
        ("ann\nann\n", "more than once: ann"),
        ("../x\n", "cannot be the name of a folder"),
        ("# nobody\n", "names no student"),
    ]:
        (tmp_path / "class.txt").write_text(text)
        code, error = said(capsys, "course", out, "--students", str(tmp_path / "class.txt"))
        assert code == 2 and complaint in error
    assert said(capsys, "course", out, "--students", "nowhere.txt")[0] == 2
    assert not (tmp_path / "course").exists()
