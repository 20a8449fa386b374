"""Release: what do students get, and what does the instructor keep?

The sources hold solutions and hidden tests. nbgrader's own preprocessors take them out; what remains is the
page of the book, the notebook that a reader does in Jupyter, and the assignment that students get.

``python -m dlbook.grader.release pages`` derives the book's pages, ``... course FOLDER`` an nbgrader course.
"""

import argparse
import csv
import os
import shutil
import sys
from copy import deepcopy
from pathlib import Path

import nbformat
from joblib import Parallel, delayed

from dlbook.grader import cells
from dlbook.notebooks import METADATA

PAGES = Path(__file__).parents[2] / "chapters" / "exercises"
SOURCE = PAGES / "source"
COURSE = "why-deep-networks-train"
_STUBS = {"python": f"# YOUR CODE HERE\n{cells.STUB}"}
_TAGS = {"answer": "answer", "test": "checks"}  # for the style sheet
_CONFIG = f"""# An nbgrader course: `nbgrader --help` in this folder, or JupyterHub with this folder as the course's root.
c = get_config()
c.CourseDirectory.course_id = "{COURSE}"
c.ClearSolutions.code_stub = {_STUBS!r}
c.ExecutePreprocessor.timeout = 60
c.ExecutePreprocessor.record_timing = False
"""


def exercises(wanted=None, source=SOURCE):
    """Return the names of the exercises there are, or of those wanted (``adam`` or ``chapters/adam.ipynb``)."""
    there = sorted(
        path.parent.name for path in Path(source).glob("*/*.ipynb") if path.stem == path.parent.name
    )
    if not wanted:
        return there
    wanted = [Path(name).stem for name in wanted]
    for name in wanted:
        if name not in there:
            raise ValueError(f"there is no exercise {name!r}; there are {', '.join(there)}")
    return wanted


def read(exercise, source=SOURCE):
    """Return the source notebook of an exercise."""
    return nbformat.read(Path(source) / exercise / f"{exercise}.ipynb", as_version=4)


def for_students(notebook):
    """Return a copy of a source without solutions and hidden tests, locked and with checksums, as nbgrader makes it."""
    from nbgrader import preprocessors as nbgrader
    from traitlets.config import Config

    notebook, resources = deepcopy(notebook), {}
    config = Config({"ClearSolutions": {"code_stub": _STUBS}})
    for step in ("LockCells", "ClearSolutions", "ClearOutput", "CheckCellMetadata", "ClearHiddenTests",
                 "ClearMarkScheme", "ComputeChecksums", "CheckCellMetadata"):  # fmt: skip
        notebook, resources = getattr(nbgrader, step)(config=config).preprocess(notebook, resources)
    return notebook


def for_student(notebook, student):
    """Return a copy of a notebook with a student's name in it, and so with the student's own numbers."""
    from nbgrader.utils import compute_checksum

    notebook = deepcopy(notebook)
    for cell in notebook.cells:
        if cells.kind(cell) == "locked":
            cell.source = cells.for_student(cell.source, student)
            cell.metadata.nbgrader["checksum"] = compute_checksum(cell)
    return notebook


def normalized(notebook):
    """Return a copy of a source as it is stored: no outputs, no counts, nbgrader's metadata and a tag for the page."""
    notebook = deepcopy(notebook)
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:03d}"
        about = {key: cell.metadata[key] for key in ("nbgrader",) if key in cell.metadata}
        tags = [_TAGS[kind]] if (kind := cells.kind(cell)) in _TAGS else []
        cell.metadata = nbformat.from_dict(about | ({"tags": tags} if tags else {}))
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def text(notebook):
    """Return what is written to a notebook's file."""
    return nbformat.writes(notebook) + "\n"


def pages(source=SOURCE, folder=PAGES):
    """Normalize the sources and derive the book's pages. Return the paths that changed."""
    changed = []
    for exercise in exercises(source=source):
        notebook = normalized(read(exercise, source))
        for path, content in [
            (Path(source) / exercise / f"{exercise}.ipynb", text(notebook)),
            (Path(folder) / f"{exercise}.ipynb", text(for_students(notebook))),
        ]:
            if not path.exists() or path.read_text() != content:
                path.write_text(content)
                changed.append(path)
    return changed


def class_list(path):
    """Return the students of a file with one name on each line."""
    students = [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines()]
    students = [name for name in students if name and not name.startswith("#")]
    for name in students:
        if "/" in name or name in (".", ".."):
            raise ValueError(f"{path}: {name!r} cannot be the name of a folder")
    twice = {name for name in students if students.count(name) > 1}
    if twice:
        raise ValueError(f"{path}: more than once: {', '.join(sorted(twice))}")
    if not students:
        raise ValueError(f"{path} names no student")
    return students


def course(folder, wanted=None, students=(), source=SOURCE):
    """Write a course folder: sources, students' versions and gradebook by nbgrader, variants and their key.

    Parameters
    ----------
    folder : path
        Made if it is not there; sources and releases in it are replaced, everything else is left alone.
    wanted : sequence of str
        The exercises; all if there are none.
    students : sequence of str
        Each gets notebooks of their own in ``variants/<student>/``; ``key.csv`` has their numbers and
        answers.
    """
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    folder, names = Path(folder).absolute(), exercises(wanted, source)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "nbgrader_config.py").exists():
        (folder / "nbgrader_config.py").write_text(_CONFIG)
    here = os.path.dirname(sys.executable)
    if here not in os.environ["PATH"].split(os.pathsep):  # nbgrader calls alembic by its bare name
        os.environ["PATH"] = here + os.pathsep + os.environ["PATH"]
    config = Config({"ClearSolutions": {"code_stub": _STUBS}})
    config.CourseDirectory.root = str(folder)
    config.CourseDirectory.course_id = COURSE
    for exercise in names:
        shutil.copytree(Path(source) / exercise, folder / "source" / exercise, dirs_exist_ok=True)
        done = NbGraderAPI(config=config).generate_assignment(exercise, force=True)
        if not done["success"]:
            raise RuntimeError(f"nbgrader could not make {exercise}:\n{done.get('error') or done.get('log')}")
        released = nbformat.read(folder / "release" / exercise / f"{exercise}.ipynb", as_version=4)
        for student in students:
            path = folder / "variants" / student / exercise / f"{exercise}.ipynb"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text(for_student(released, student)))
    if students:
        rows = Parallel(n_jobs=-1)(
            delayed(key)(read(exercise, source), exercise, student)
            for exercise in names
            for student in students
        )
        with open(folder / "key.csv", "w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["student", "exercise", "kind", "name", "value"])
            table.writerows(row for part in rows for row in part)
    return names


def key(notebook, exercise, student):
    """Run an exercise's solution with a student's numbers. Return the numbers and the plain answers as rows."""
    space = {"__name__": "key"}
    answers = set()
    for cell in notebook.cells:
        if cells.kind(cell) in ("locked", "answer"):
            exec(compile(cells.for_student(cell.source, student), f"<{exercise}>", "exec"), space)
        if cells.kind(cell) == "answer":
            answers |= cells.names(cell.source)[0]
    rows = [(student, exercise, "parameter", name, value) for name, value in vars(space["my"]).items()]
    for name in sorted(answers & set(space)):
        if isinstance(space[name], (int, float, str)):
            value = space[name] if isinstance(space[name], (str, int)) else f"{space[name]:.6g}"
            rows.append((student, exercise, "answer", name, value))
    return rows


def main(arguments=None):
    """The command line."""
    parser = argparse.ArgumentParser(prog="release", description="Derive the students' notebooks.")
    which = parser.add_subparsers(dest="which", required=True)
    which.add_parser("pages", help="normalize the sources and write the book's exercise pages")
    to = which.add_parser("course", help="write a course folder for nbgrader")
    to.add_argument("folder")
    to.add_argument("--chapters", nargs="*", default=[])
    to.add_argument(
        "--students", help="a file with one name on each line: notebooks with numbers of their own"
    )
    options = parser.parse_args(arguments)
    try:
        if options.which == "pages":
            for path in pages():
                print("written:", path)
            return 0
        students = class_list(options.students) if options.students else []
        names = course(options.folder, options.chapters, students)
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        print(f"release: {error}", file=sys.stderr)
        return 2
    print(f"{len(names)} exercises in {options.folder}/release: {', '.join(names)}")
    if students:
        print(
            f"{len(students)} students' own notebooks in {options.folder}/variants, their key in {options.folder}/key.csv"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
