"""A course: any folder of exercises is graded, whatever book or lecture it belongs to."""

import csv
import itertools
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from test_cells import cell as named_cell
from test_sandbox import needs_sandbox

from dlbook.grader import release
from dlbook.grader.cells import name_of, tasks_of
from dlbook.grader.course import Course
from dlbook.grader.grade import grade

ROOT = Path(__file__).parents[2]


def cell(source, name, **about):
    return named_cell(source, name, schema_version=3, task=False, **about)


SOURCE = [
    cell("from dlbook.grader import expect\nfrom ownlib import Counter", "start", locked=True),
    cell(
        "def mean(values):\n    ### BEGIN SOLUTION\n    return sum(values) / len(values)\n"
        "    ### END SOLUTION",
        "mean-answer",
        solution=True,
    ),
    cell(
        "expect(mean([1, 2, 6]), 3, 'the mean', mistakes={'this is the sum': 9})\n"
        "### BEGIN HIDDEN TESTS\nexpect(mean([-1, 1]), 0, 'the mean')\n### END HIDDEN TESTS",
        "mean",
        grade=True,
        locked=True,
        points=4,
    ),
    cell(
        "def count(counter, times):\n    ### BEGIN SOLUTION\n    for _ in range(times):\n"
        "        counter.add()\n"
        "    return counter.total\n    ### END SOLUTION",
        "count-answer",
        solution=True,
    ),
    cell(
        "expect(count(Counter(), 3), 3, 'the count')\n### BEGIN HIDDEN TESTS\n"
        "expect(count(Counter(), 0), 0, 'the count')\n"
        "### END HIDDEN TESTS",
        "count",
        grade=True,
        locked=True,
        points=1,
    ),
]
LIBRARY = "class Counter:\n    total = 0\n\n    def add(self):\n        self.total += 1\n"


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """A statistics course that has nothing of this book, with a library of its own."""
    (tmp_path / "lib" / "ownlib").mkdir(parents=True)
    (tmp_path / "lib" / "ownlib" / "__init__.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(tmp_path / "lib")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lib"), prepend=":")
    folder = tmp_path / "exercises" / "averages"
    folder.mkdir(parents=True)
    (folder / "averages.ipynb").write_text(nbformat.writes(new_notebook(cells=SOURCE)))
    (folder.parent / "course.toml").write_text(
        'name = "statistics-101"\npages = "../pages"\nlibraries = ["ownlib"]\nshows = ["ownlib"]\n'
    )
    (tmp_path / "pages").mkdir()
    return tmp_path


def answered(released, mean, count):
    notebook = nbformat.read(released, as_version=4)
    for one in notebook.cells:
        name = one.metadata.get("nbgrader", {}).get("grade_id")
        one.source = {"mean-answer": mean, "count-answer": count}.get(name, one.source)
    return notebook


RIGHT = "def mean(values):\n    return sum(values) / len(values)"
COUNT = "def count(counter, times):\n    [counter.add() for _ in range(times)]\n    return counter.total"


@needs_sandbox
def test_a_foreign_course_is_released_and_graded(foreign):
    pytest.importorskip("nbgrader")
    source = foreign / "exercises"
    assert release.course(foreign / "course", source=source) == ["averages"]
    assert "statistics-101" in (foreign / "course" / "nbgrader_config.py").read_text()
    released = foreign / "course" / "release" / "averages" / "averages.ipynb"
    assert "HIDDEN" not in released.read_text() and "sum(values)" not in released.read_text()
    hostile = answered(released, "def mean(values):\n    return 0", COUNT)
    attack = (
        "import os, builtins\nbuiltins.sum = lambda v: 0\n"
        "found = [f for _, _, fs in os.walk('/') for f in fs]\n"
    )
    hostile.cells.insert(
        1, new_code_cell(attack + "print([f for f in found if 'averages' in f])\nos._exit(0)")
    )
    hand_in = {
        "right": answered(released, RIGHT, COUNT),
        "wrong": answered(
            released, "def mean(values):\n    return sum(values)", "def count(c, n):\n    return n"
        ),
        "hostile": hostile,
    }
    for student, notebook in hand_in.items():
        path = foreign / "in" / student / "averages" / "averages.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)
    rows = grade(foreign / "in", foreign / "out", source=source, progress=False)
    points = {(row["student"], row["task"]): row["points"] for row in rows}
    assert points == {
        ("right", "mean"): 4,
        ("right", "count"): 1,
        ("wrong", "mean"): 0,
        ("wrong", "count"): 1,
        ("hostile", "mean"): 0,
        ("hostile", "count"): 1,
    }
    assert "this is the sum" in (foreign / "out" / "feedback" / "wrong" / "averages.html").read_text()
    with open(foreign / "out" / "grades.csv", newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 6


def test_pages_are_derived_where_the_course_says(foreign):
    pytest.importorskip("nbgrader")
    changed = release.pages(foreign / "exercises")
    assert [path.parent.name for path in changed] == ["averages", "pages"]
    page = json.loads((foreign / "pages" / "averages.ipynb").read_text(encoding="utf-8"))
    assert "not answered yet" in "".join(page["cells"][1]["source"])
    assert release.pages(foreign / "exercises") == []


def test_the_grader_imports_without_the_rest_of_the_book(tmp_path):
    blocked = (
        "import sys\n"
        "for name in ('explorer', 'figures', 'notebooks', 'sentences', 'site', 'bugs', 'replications'):\n"
        "    sys.modules[f'dlbook.{name}'] = None\nsys.modules['dlcore'] = None\n"
    )
    code = (
        blocked
        + "import dlbook.grader.grade, dlbook.grader.release, dlbook.grader.judge, dlbook.grader.worker"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_course_is_found_from_where_one_works(foreign, monkeypatch):
    monkeypatch.chdir(foreign)
    assert Course.read().name == "statistics-101" and Course.read().source == foreign / "exercises"
    monkeypatch.chdir(foreign / "lib")
    with pytest.raises(ValueError, match="0 folders with a course.toml in .*name the folder of the sources"):
        Course.read()


@pytest.mark.parametrize(
    "settings, complaint",
    [
        ('nmae = "x"', "unknown setting 'nmae'; there are name, pages, libraries, shows"),
        ("name = 3", "name must be a text, got 3"),
        ("libraries = [1]", r"libraries must be a list of texts, got \[1\]"),
        ("name =", "course.toml"),
        ('[yourself]\nadam = ["dlcore"]', "yourself must be a table like {exercise = { task ="),
        ("[measures]\nadam = 3", r"measures must be a table like {exercise = \[task"),
    ],
)
def test_a_wrong_setting_is_refused(tmp_path, settings, complaint):
    (tmp_path / "course.toml").write_text(settings)
    with pytest.raises(ValueError, match=complaint):
        Course.read(tmp_path)


def test_a_folder_without_settings_is_a_course_too(tmp_path):
    course = Course.read(tmp_path)
    assert (course.name, course.pages, course.libraries) == (tmp_path.name, None, ())
    with pytest.raises(ValueError, match="is not a folder"):
        Course.read(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="cannot be imported here"):
        Course(tmp_path, "x", libraries=("no_such_library",)).places()


def test_a_rule_for_a_task_that_does_not_exist_is_refused(tmp_path):
    there = {"adam": ["steps"]}
    Course(tmp_path, "x", yourself={"adam": {"steps": ["torch"]}}, measures={"adam": ["steps"]}).check_tasks(
        there
    )
    with pytest.raises(ValueError, match="yourself names no exercise: 'adma'"):
        Course(tmp_path, "x", yourself={"adma": {}}).check_tasks(there)
    with pytest.raises(ValueError, match=r"adam has no task 'step' \(measures\)"):
        Course(tmp_path, "x", measures={"adam": ["step"]}).check_tasks(there)


def test_the_rules_of_this_course_name_tasks_and_things_that_exist():
    course = Course.read(ROOT / "chapters" / "exercises" / "source")
    course.check_tasks(
        {
            name: [name_of(cell) for cell, _ in tasks_of(release.read(name, course))]
            for name in release.exercises(source=course)
        }
    )
    for rules in course.yourself.values():
        for name in itertools.chain(*rules.values()):
            if name.startswith("dlcore"):
                assert pkgutil.resolve_name(name)
