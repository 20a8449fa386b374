"""Release: what do students get, and what does the instructor keep?

The sources hold solutions and hidden tests. nbgrader's own preprocessors take them out; what remains is the
page of the book, the notebook that a reader does in Jupyter, and the assignment that students get.

``python -m dlbook.grader.release pages`` derives a book's pages, ``... course FOLDER`` an nbgrader course.
``--source`` names the folder of the sources (see `course.Course.read`).
"""

import argparse
import os
import shutil
import sys
from copy import deepcopy
from pathlib import Path

import nbformat
from joblib import Parallel, delayed

from dlbook.grader.cells import STUB, holds_name, kind_of, names_in, with_student
from dlbook.grader.course import Course
from dlbook.grader.people import class_list
from dlbook.grader.tables import replace, write

_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_STUBS = {"python": f"# YOUR CODE HERE\n{STUB}"}
_TAGS = {"answer": "answer", "test": "checks"}  # for the style sheet
_KEY = ("student", "exercise", "kind", "name", "value")


def exercises(wanted=None, source=None):
    """Return the names of the exercises there are, or of those wanted (``adam`` or ``chapters/adam.ipynb``).

    Parameters
    ----------
    wanted : sequence of str, optional
    source : path or Course, optional
        The folder of the sources; see `course.Course.read`.
    """
    folder = Course.read(source).source
    there = sorted(path.parent.name for path in folder.glob("*/*.ipynb") if path.stem == path.parent.name)
    if not wanted:
        return there
    wanted = [Path(name).stem for name in wanted]
    for name in wanted:
        if name not in there:
            raise ValueError(f"there is no exercise {name!r}; there are {', '.join(there)}")
    return wanted


def path_of(exercise, source=None):
    """Return where the source notebook of an exercise is."""
    return Course.read(source).source / exercise / f"{exercise}.ipynb"


def read(exercise, source=None):
    """Return the source notebook of an exercise."""
    return nbformat.read(path_of(exercise, source), as_version=4)


def for_students(notebook):
    """Return a copy of a source as nbgrader releases it: no solutions, no hidden tests, locked, checksums."""
    from nbgrader import preprocessors as nbgrader
    from traitlets.config import Config

    notebook, resources = deepcopy(notebook), {}
    config = Config({"ClearSolutions": {"code_stub": _STUBS}})
    for step in (
        "LockCells",
        "ClearSolutions",
        "ClearOutput",
        "CheckCellMetadata",
        "ClearHiddenTests",
        "ClearMarkScheme",
        "ComputeChecksums",
        "CheckCellMetadata",
    ):
        notebook, resources = getattr(nbgrader, step)(config=config).preprocess(notebook, resources)
    return _with_a_name_to_write(notebook)


def _with_a_name_to_write(notebook):
    """nbgrader locks every cell that the grader restores; into one of them students write their name."""
    for cell in notebook.cells:
        if holds_name(cell):
            cell.metadata.pop("editable", None)
    return notebook


def for_student(notebook, student):
    """Return a copy of a notebook with a student's name in it, and so with the student's own numbers."""
    from nbgrader.utils import compute_checksum

    notebook = deepcopy(notebook)
    for cell in notebook.cells:
        if kind_of(cell) == "locked":
            cell.source = with_student(cell.source, student)
            cell.metadata.nbgrader["checksum"] = compute_checksum(cell)
    return notebook


def normalized(notebook):
    """Return a copy of a source as it is stored: no outputs, no counts, nbgrader's metadata and a tag."""
    notebook = deepcopy(notebook)
    notebook.metadata = nbformat.from_dict(_METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:03d}"
        about = {key: cell.metadata[key] for key in ("nbgrader",) if key in cell.metadata}
        tags = [_TAGS[kind]] if (kind := kind_of(cell)) in _TAGS else []
        cell.metadata = nbformat.from_dict(about | ({"tags": tags} if tags else {}))
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def text(notebook):
    """Return what is written to a notebook's file."""
    return nbformat.writes(notebook) + "\n"


def pages(source=None, folder=None):
    """Normalize the sources and derive the students' versions as pages. Return the paths that changed.

    Parameters
    ----------
    source : path or Course, optional
        The folder of the sources.
    folder : path, optional
        Where the pages go; the course's ``pages`` if there is none.
    """
    course = Course.read(source)
    folder = folder or course.pages
    if folder is None:
        raise ValueError(f'{course.source}: course.toml does not say where the pages go: pages = "..."')
    changed = []
    for exercise in exercises(source=course):
        notebook = normalized(read(exercise, course))
        for path, content in [
            (path_of(exercise, course), text(notebook)),
            (Path(folder) / f"{exercise}.ipynb", text(for_students(notebook))),
        ]:
            if not path.exists() or path.read_text(encoding="utf-8") != content:
                replace(path, content)
                changed.append(path)
    return changed


def course(folder, wanted=None, students=(), source=None):
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
    source : path or Course, optional
        The folder of the sources.
    """
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    settings = Course.read(source)
    folder, names = Path(folder).absolute(), exercises(wanted, settings)
    if folder == settings.source or folder in settings.source.parents:
        raise ValueError(f"{folder} holds the sources: name another folder for the course")
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "nbgrader_config.py").exists():
        replace(folder / "nbgrader_config.py", _nbgrader_config(settings.name))
    here = os.path.dirname(sys.executable)
    if here not in os.environ["PATH"].split(os.pathsep):  # nbgrader calls alembic by its bare name
        os.environ["PATH"] = here + os.pathsep + os.environ["PATH"]
    config = Config({"ClearSolutions": {"code_stub": _STUBS}})
    config.CourseDirectory.root = str(folder)
    config.CourseDirectory.course_id = settings.name
    for exercise in names:
        shutil.copytree(settings.source / exercise, folder / "source" / exercise, dirs_exist_ok=True)
        done = NbGraderAPI(config=config).generate_assignment(exercise, force=True)
        if not done["success"]:
            raise RuntimeError(f"nbgrader could not make {exercise}:\n{done.get('error') or done.get('log')}")
        path = folder / "release" / exercise / f"{exercise}.ipynb"
        released = _with_a_name_to_write(nbformat.read(path, as_version=4))
        replace(path, text(released))
        for student in students:
            path = folder / "variants" / student / exercise / f"{exercise}.ipynb"
            replace(path, text(for_student(released, student)))
    if students:
        rows = Parallel(n_jobs=-1)(
            delayed(key)(read(exercise, settings), exercise, student)
            for exercise in names
            for student in students
        )
        write(folder / "key.csv", _KEY, [dict(zip(_KEY, row)) for part in rows for row in part])
    return names


def _nbgrader_config(name):
    return f"""# An nbgrader course: `nbgrader --help` here, or JupyterHub with this folder as its root.
c = get_config()
c.CourseDirectory.course_id = {name!r}
c.ClearSolutions.code_stub = {_STUBS!r}
c.ExecutePreprocessor.timeout = 60
c.ExecutePreprocessor.record_timing = False
"""


def key(notebook, exercise, student):
    """Run a solution with a student's numbers. Return the numbers and the plain answers as rows."""
    space = {"__name__": "key"}
    answers = set()
    for cell in notebook.cells:
        if kind_of(cell) in ("locked", "answer"):
            exec(compile(with_student(cell.source, student), f"<{exercise}>", "exec"), space)
        if kind_of(cell) == "answer":
            answers |= names_in(cell.source)[0]
    drawn = vars(space["my"]) if "my" in space else {}
    rows = [(student, exercise, "parameter", name, value) for name, value in drawn.items()]
    for name in sorted(answers & set(space)):
        if isinstance(space[name], (int, float, str)):
            value = space[name] if isinstance(space[name], (str, int)) else f"{space[name]:.6g}"
            rows.append((student, exercise, "answer", name, value))
    return rows


def main(arguments=None):
    """The command line."""
    parser = argparse.ArgumentParser(prog="release", description="Derive the students' notebooks.")
    which = parser.add_subparsers(dest="which", required=True)
    to_pages = which.add_parser("pages", help="normalize the sources and write the book's exercise pages")
    to = which.add_parser("course", help="write a course folder for nbgrader")
    to.add_argument("folder")
    to.add_argument("--chapters", nargs="*", default=[])
    to.add_argument(
        "--students", help="a file with one name on each line: notebooks with numbers of their own"
    )
    for one in (to_pages, to):
        one.add_argument("--source", help="the folder of the sources, with its course.toml")
    options = parser.parse_args(arguments)
    try:
        if options.which == "pages":
            for path in pages(options.source):
                print("written:", path)
            return 0
        students = class_list(options.students) if options.students else []
        names = course(options.folder, options.chapters, students, options.source)
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        print(f"release: {error}", file=sys.stderr)
        return 2
    print(f"{len(names)} exercises in {options.folder}/release: {', '.join(names)}")
    if students:
        print(f"{len(students)} students' own notebooks in {options.folder}/variants,")
        print(f"their numbers and answers, for you alone, in {options.folder}/key.csv")
    return 0


if __name__ == "__main__":
    sys.exit(main())
