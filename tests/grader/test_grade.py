"""Grade: a whole class, the honest and the hostile, and nobody's result depends on another's."""

import csv
import os
from pathlib import Path

import nbformat
import pytest
from clocks import unit
from nbformat.v4 import new_code_cell
from test_sandbox import needs_sandbox

from dlbook.grader import release, sandbox
from dlbook.grader.cells import kind_of, name_of, points_of, tasks_of
from dlbook.grader.grade import grade
from dlbook.grader.grade.__main__ import main

pytestmark = needs_sandbox
ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "chapters" / "exercises" / "source"
EXERCISE = "weight_decay"  # a short one: what a class hands in is the point, not what the answers compute
LIMITS = {"cell_seconds": 30, "seconds": 180, "memory": 2**30, "progress": False, "source": SOURCE}


def solved(exercise, first=None):
    """A student's notebook with the answers to the first tasks, or to all."""
    source = release.read(exercise, SOURCE)
    page = release.for_students(source)
    wanted = {name for _, answers in tasks_of(source)[:first] for name in answers}
    for cell, answered in zip(page.cells, source.cells, strict=True):
        if name_of(cell) in wanted:
            cell.source = "\n".join(line for line in answered.source.splitlines() if " SOLUTION" not in line)
    return page


def hand_in(folder, student, exercise, notebook):
    path = folder / student / exercise / f"{exercise}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(notebook, bytes):
        path.write_bytes(notebook)
    else:
        nbformat.write(notebook, path)
    return path


def with_cell(notebook, source, at=3):
    notebook.cells.insert(at, new_code_cell(source))
    return notebook


def points(rows, student, exercise=None):
    return [
        row["points"] for row in rows if row["student"] == student and exercise in (None, row["exercise"])
    ]


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    folder = tmp_path_factory.mktemp("honest")
    for exercise in release.exercises(source=SOURCE):
        hand_in(folder / "whole", "solved", exercise, solved(exercise))
        hand_in(folder / "part", "untouched", exercise, solved(exercise, first=0))
        hand_in(folder / "part", "half", exercise, solved(exercise, first=2))
    # what the cells print is looked at in the solved ones
    rows = grade(folder / "whole", folder / "out", **LIMITS)
    return rows + grade(folder / "part", folder / "out", **LIMITS, feedback=False)


@pytest.mark.parametrize("exercise", release.exercises(source=SOURCE))
def test_the_solution_the_untouched_release_and_half_of_the_work(honest, exercise):
    tasks = [cell for cell, _ in tasks_of(release.read(exercise, SOURCE))]
    full = [points_of(cell) if kind_of(cell) == "test" else None for cell in tasks]
    assert points(honest, "solved", exercise) == full
    assert points(honest, "untouched", exercise) == [0] * len(tasks)
    assert {row["status"] for row in honest if row["student"] == "untouched"} == {"not attempted"}
    assert points(honest, "half", exercise) == full[:2] + [0] * (len(tasks) - 2)


NETWORK = "import socket\nsocket.create_connection(('192.0.2.1', 80), 3)"
SOLUTIONS = """
import os
hits = []
for folder, below, files in os.walk("/"):
    below[:] = [name for name in below if name not in ("proc", "usr", "site-packages")]
    hits += [f for f in files if f.endswith((".ipynb", ".csv", ".db"))]
print("hits:", hits)
"""
FOOL = """
import numpy as np
np.allclose = np.isclose = np.array_equal = lambda *a, **k: True
expect = lambda *a, **k: None
kills = lambda *a, **k: 6
def left(*a, **k): return 0.5
ceiling = memory = left
constant, falling, plain = 0.4, 0.5, 0.6
def adamw_step(theta, g, m, v, *a, **k): return theta, m, v
what = dict.fromkeys("ABCDE", "AdamW")
def check_adamw(make): pass
def groups(*a, **k): return []
"""
ATTACKS = {
    "endless loop": "while True: pass",
    "exit": "import os; os._exit(0)",
    "fork bomb": "import os\nwhile True: os.fork()",
    "memory hog": "hog = []\nwhile True: hog.append(bytearray(2**26))",
    "disk filler": "for i in range(10**4): open(f'/tmp/{i}', 'wb').write(bytes(2**20))",
    "network call": NETWORK,
    "strange letters": "print('\\ud800'); raise ValueError('\\ud800')",
    "long pages": "for _ in range(200): get_ipython().run_cell('1')\nprint('\\U0001F600' * 10**6)",
    "reads solutions": SOLUTIONS,
    "Zoë .. O'Neil & <b>bold": "print('<script>alert(1)</script>')",
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    handed, out = folder / "handed in", folder / "out"
    name = EXERCISE
    hand_in(handed, "honest", name, solved(name))
    for student, attack in ATTACKS.items():
        hand_in(handed, student, name, with_cell(solved(name), attack))
    hand_in(handed, "patched np.allclose", name, with_cell(solved(name, first=0), FOOL, at=99))
    deleted, altered = solved(name), solved(name, first=0)
    deleted.cells = [cell for cell in deleted.cells if kind_of(cell) != "test"]
    for cell in altered.cells:
        cell.source = "pass" if kind_of(cell) == "test" else cell.source
    hand_in(handed, "deleted tests", name, deleted)
    hand_in(handed, "altered tests", name, altered)
    hand_in(handed, "no notebook", name, b"\x89PNG")
    hand_in(handed, "another exercise", name, solved("adam"))
    (handed / "empty folder").mkdir()
    (handed / "empty exercise" / name).mkdir(parents=True)
    (handed / "copies" / name).mkdir(parents=True)
    (handed / "copies" / name / f"{name}.ipynb").symlink_to(handed / "honest" / name / f"{name}.ipynb")
    (handed / "a pipe" / name).mkdir(parents=True)
    os.mkfifo(handed / "a pipe" / name / f"{name}.ipynb")
    giant = hand_in(handed, "a giant", name, b"")
    os.truncate(giant, 2**40)
    (handed / "a stray file.txt").write_text("notes")
    pace = unit()
    limits = LIMITS | {"cell_seconds": 6 * pace, "seconds": 60 * pace}  # two of the attacks never end
    return grade(handed, out, **limits), out


FULL = [3, 3, 3, 2, 5, 3, None]


@pytest.mark.parametrize("student", ["honest", "deleted tests", *ATTACKS])
def test_an_attack_that_fails_neither_gains_nor_loses_points(hostile, student):
    assert points(hostile[0], student) == FULL


@pytest.mark.parametrize(
    "student, status",
    [
        ("patched np.allclose", None),
        ("altered tests", "not attempted"),
        ("no notebook", "not a notebook"),
        ("another exercise", "the notebook of another exercise: adam"),
        ("empty folder", "nothing submitted"),
        ("empty exercise", "nothing submitted"),
        ("copies", "a link, not followed"),
        ("a pipe", "not a notebook"),
        ("a giant", "too large"),
    ],
)
def test_what_earns_nothing_says_why(hostile, student, status):
    rows = [row for row in hostile[0] if row["student"] == student]
    assert sum(row["points"] or 0 for row in rows) == 0 and len(rows) == len(FULL)
    if status:
        assert {row["status"] for row in rows} == {status}


@pytest.mark.parametrize(
    "student, seen",
    [
        ("endless loop", "timed out: no end after "),
        ("exit", "process ended: the process ended with code 0"),
        ("fork bomb", "PermissionError"),
        ("memory hog", "MemoryError"),
        ("disk filler", "No space left on device"),
        ("network call", "Network is unreachable"),
        ("reads solutions", "hits: []"),
    ],
)
def test_feedback_says_what_became_of_an_attack(hostile, student, seen):
    page = (hostile[1] / "feedback" / student / f"{EXERCISE}.html").read_text()
    assert seen in page


def test_feedback_runs_nothing_that_a_student_wrote(hostile):
    page = (hostile[1] / "feedback" / "Zoë .. O'Neil & <b>bold" / f"{EXERCISE}.html").read_text()
    assert "<script" not in page and "<b>bold" not in page and "&lt;script&gt;" in page
    assert "default-src 'none'" in page


def test_the_table_holds_every_student_and_task(hostile):
    rows, out = hostile
    with open(out / "grades.csv", newline="", encoding="utf-8-sig") as file:
        table = list(csv.DictReader(file))
    assert list(table[0]) == ["student", "exercise", "task", "points", "maximum", "status"]
    assert len(table) == len(rows) == len(FULL) * (1 + len(ATTACKS) + 10)
    honest = [row["points"] for row in table if row["student"] == "honest"]
    assert honest == ["3", "3", "3", "2", "5", "3", ""]


def test_without_a_sandbox_nothing_runs_unless_it_is_asked_for(tmp_path, monkeypatch, capsys):
    def refuse():
        raise sandbox.SandboxError("bubblewrap is not installed")

    monkeypatch.setattr(sandbox, "check", refuse)
    hand_in(tmp_path / "in", "ann", EXERCISE, solved(EXERCISE))
    arguments = [str(tmp_path / "in"), str(tmp_path / "out"), "--source", str(SOURCE)]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert "no sandbox, so nothing was run" in said and "UNSAFE=1" in said and not (tmp_path / "out").exists()
    assert main([*arguments, "--unsafe"]) == 0
    assert "UNSAFE" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (["nowhere"], "nowhere is not a folder"),
        (["."], "nobody has handed in an exercise"),
        ([".", "--chapters", "adma"], "there is no exercise 'adma'"),
        ([".", "--students", "nowhere.txt"], "nowhere.txt"),
    ],
)
def test_bad_input_is_refused(tmp_path, monkeypatch, capsys, arguments, complaint):
    monkeypatch.chdir(tmp_path)
    assert main([arguments[0], "out", "--source", str(SOURCE), *arguments[1:]]) == 2
    assert complaint in capsys.readouterr().err and not (tmp_path / "out").exists()
