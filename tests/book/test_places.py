"""Folders, files and names that are not ASCII, in a plain locale: does all that touches a file work there?"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from dlbook.grader import release, sandbox
from dlbook.grader.cells import name_of, tasks_of

ROOT = Path(__file__).parents[2]
PLACE = "a b ü"
BUILDER = Path(sys.executable).with_name("jupyter-book")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the book's two packages, its settings and one exercise, below a name with spaces."""
    folder = tmp_path_factory.mktemp("places") / PLACE
    for name in ("dlcore", "dlbook"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    source = Path("chapters", "exercises", "source")
    shutil.copytree(ROOT / source, folder / source)
    for name in ("tmp ö", "home é"):
        (folder / name).mkdir()
    return folder


def run(place, *command):
    """Run a command in the place, with nothing of this process's environment, and return what it prints."""
    environment = {
        "LANG": "C", "PATH": os.environ["PATH"], "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(place / "home é"), "TMPDIR": str(place / "tmp ö"),
    }  # fmt: skip
    done = subprocess.run(
        command, cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300
    )
    said = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, said[-4000:]
    return said


LIBRARY = """
from pathlib import Path

import numpy as np

import dlcore
from dlcore import data
from dlcore.layers import Dense
from dlcore.network import Network
from dlcore.search import grid, run

assert "a b ü" in dlcore.__file__, dlcore.__file__
folder = Path("größen µ")
folder.mkdir()
for path in data.SUBSET_FOLDER.glob("*.gz"):
    (folder / path.name).write_bytes(path.read_bytes())
assert len(data.idx_images(folder, data.FASHION_SUBSET).x_test) == 1000

net = Network(Dense(2, 3, rng=np.random.default_rng(0)))
net.save(folder / "netz ä.npz")
Network(Dense(2, 3, rng=np.random.default_rng(1))).load(folder / "netz ä.npz")


def experiment(größe, wort):
    return größe


configurations = grid({"größe": [1, 2], "wort": ["schön", "naïf"]})
for _ in range(2):
    assert run(experiment, configurations, results=folder / "läufe ö.jsonl") == [1, 1, 2, 2]
assert len((folder / "läufe ö.jsonl").read_bytes().splitlines()) == 4
try:
    data.idx_images(folder / "nicht da ß")
except FileNotFoundError as error:
    print(error)
"""


def test_the_library_reads_and_writes_there(place):
    (place / "versuch ü.py").write_text(LIBRARY, encoding="utf-8")
    assert "nicht da ß" in run(place, sys.executable, "versuch ü.py")


def test_a_class_is_released_and_graded_there(place):
    try:
        sandbox.check()
    except sandbox.SandboxError as refused:
        pytest.skip(str(refused))
    (place / "klasse ü.txt").write_text("Zoë Łukasz\n王芳\n", encoding="utf-8")
    source = ["--source", "chapters/exercises/source", "--students", "klasse ü.txt"]
    source += ["--chapters", "initialization"]
    said = run(place, sys.executable, "-m", "dlbook.grader.release", "course", "kurs ü", *source)
    assert "initialization" in said
    handed_in = place / "abgaben ö" / "Zoë Łukasz" / "initialization" / "initialization.ipynb"
    handed_in.parent.mkdir(parents=True)
    (released,) = (place / "kurs ü").rglob("*Zo*/**/initialization.ipynb")
    notebook = nbformat.read(released, as_version=4)
    answers = release.read("initialization", place / "chapters" / "exercises" / "source")
    solved = {name_of(cell): cell.source for cell in answers.cells if name_of(cell)}
    for cell in notebook.cells:
        if name_of(cell) in tasks_of(answers)[0][1]:
            cell.source = solved[name_of(cell)]
    nbformat.write(notebook, handed_in)
    run(place, sys.executable, "-m", "dlbook.grader.grade", "abgaben ö", "noten é", *source)
    grades = (place / "noten é" / "grades.csv").read_text(encoding="utf-8-sig")
    rows = [line for line in grades.splitlines() if line.startswith("Zoë Łukasz")]
    assert "stds,3,3," in rows[0] and "not attempted" in rows[1] and "王芳" in grades, grades
    assert list((place / "noten é").rglob("*Zoë*"))


FIGURE = """
from dlbook import explore, say
def draw_line(ax, größe):
    ax.plot([0, 1], [0, 1 / größe])
    ax.set_title("Länge µ")
    return f"Die Länge fällt auf {1 / größe:.2f} ß."
explore(draw_line, größe=[1, 2, 4])
"""


@pytest.mark.skipif(not BUILDER.exists(), reason="jupyter-book is not installed")
def test_a_page_is_built_and_copied_there(place):
    book = place / "buch ü"
    (book / "chapters").mkdir(parents=True)
    shutil.copytree(ROOT / "chapters" / "assets", book / "chapters" / "assets")
    shutil.copy(ROOT / "_config.yml", book)
    (book / "_toc.yml").write_text("format: jb-book\nroot: chapters/übung eins\n", encoding="utf-8")
    (book / "chapters" / "references.bib").write_text("", encoding="utf-8")
    cells = [new_markdown_cell("# Übung eins"), new_code_cell(FIGURE.strip())]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, book / "chapters" / "übung eins.ipynb")
    run(place, sys.executable, str(BUILDER), "build", str(book), "-W", "--keep-going")
    html = book / "_build" / "html"
    page = (html / "chapters" / "übung eins.html").read_text(encoding="utf-8")
    assert len(list((html / "_images").glob("frame-*.svg"))) == 3 and "Die Länge fällt auf 1.00 ß." in page
    copy = nbformat.read(html / "notebooks" / "übung eins.ipynb", as_version=4)
    assert copy.cells[1].source == "# Übung eins"
    assert "image/svg+xml" in copy.cells[2].outputs[0].data
