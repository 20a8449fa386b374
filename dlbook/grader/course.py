"""Course: which folder holds the sources, and what do they ask of the grader?

A course is a folder of exercises, ``<exercise>/<exercise>.ipynb`` each, with a file ``course.toml`` beside
them. Every setting is optional::

    name = "statistics-101"        # nbgrader's course id; the folder's name if there is none
    pages = "../pages"             # where `release pages` puts the students' versions
    libraries = ["ourlibrary"]     # packages that notebooks may import, besides what is installed
    shows = ["ourlibrary"]         # packages whose objects show their public attributes to students' tests

    [yourself]                     # tasks that ask to write something: what no answer may call, packages,
                                   # modules, or functions by the module that defines them
    regression = { least-squares = ["ourlibrary.fits", "sklearn"] }

    [measures]                     # tasks that ask to measure: an answer draws from the generator it is given
    regression = ["noise"]

An answer that passes its tests and does not keep to these is neither given points nor refused them: it is
listed for a person, with the names that it called.
"""

import importlib.util
import tomllib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

_FILE = "course.toml"


def _is_text(value):
    return isinstance(value, str)


def _are_texts(value):
    return isinstance(value, list) and all(map(_is_text, value))


def _is_table(value, fits):
    return isinstance(value, dict) and all(map(fits, value.values()))


_FITS = {
    "name": _is_text,
    "pages": _is_text,
    "libraries": _are_texts,
    "shows": _are_texts,
    "yourself": partial(_is_table, fits=partial(_is_table, fits=_are_texts)),
    "measures": partial(_is_table, fits=_are_texts),
}
_WANTED = dict.fromkeys(("name", "pages"), "a text") | dict.fromkeys(
    ("libraries", "shows"), "a list of texts"
)
_WANTED |= {
    "yourself": "a table like {exercise = { task = [package, ...] }}",
    "measures": "a table like {exercise = [task, ...]}",
}


@dataclass(frozen=True)
class Course:
    """The sources of a course and its settings.

    Attributes
    ----------
    source : Path
        The folder of the sources, absolute.
    name : str
        nbgrader's course id.
    pages : Path or None
        Where the students' versions are put as pages of a book.
    libraries, shows : tuple of str
        Packages; see the top of this file.
    yourself : dict of exercise: {task: packages}
    measures : dict of exercise: tasks
    """

    source: Path
    name: str
    pages: Path | None = None
    libraries: tuple = ()
    shows: tuple = ()
    yourself: dict = field(default_factory=dict)
    measures: dict = field(default_factory=dict)

    @classmethod
    def read(cls, source=None):
        """Read a course's settings.

        Parameters
        ----------
        source : path or Course, optional
            The folder of the sources. Without it, the only folder with a ``course.toml`` in the current
            directory or up to three levels below it.

        Raises
        ------
        ValueError
            If there is no such folder, or a setting that does not exist or is of the wrong type.
        """
        if isinstance(source, cls):
            return source
        source = Path(source).absolute() if source is not None else _only_course(Path.cwd())
        if not source.is_dir():
            raise ValueError(f"{source} is not a folder with the sources of a course")
        file = source / _FILE
        settings = {}
        if file.exists():
            try:
                settings = tomllib.loads(file.read_text(encoding="utf-8-sig"))
            except ValueError as error:
                raise ValueError(f"{file}: {error}") from None
        for key, value in settings.items():
            if key not in _FITS:
                raise ValueError(f"{file}: unknown setting {key!r}; there are {', '.join(_FITS)}")
            if not _FITS[key](value):
                raise ValueError(f"{file}: {key} must be {_WANTED[key]}, got {value!r}")
        pages = settings.get("pages")
        return cls(
            source=source,
            name=settings.get("name") or source.name,
            pages=(source / pages).resolve() if pages else None,
            libraries=tuple(settings.get("libraries", ())),
            shows=tuple(settings.get("shows", ())),
            yourself=settings.get("yourself", {}),
            measures=settings.get("measures", {}),
        )

    def check_tasks(self, tasks):
        """Refuse a rule for a task that does not exist.

        Parameters
        ----------
        tasks : dict of exercise: collection of task names

        Raises
        ------
        ValueError
            It names the exercise or the task.
        """
        for key in ("yourself", "measures"):
            for exercise, mine in getattr(self, key).items():
                if exercise not in tasks:
                    raise ValueError(f"{self.source / _FILE}: {key} names no exercise: {exercise!r}")
                for task in mine:
                    if task not in tasks[exercise]:
                        raise ValueError(f"{self.source / _FILE}: {exercise} has no task {task!r} ({key})")

    def places(self):
        """Return the folders of the libraries, by name.

        Raises
        ------
        ValueError
            If a library is not installed here.
        """
        found = {}
        for name in self.libraries:
            spec = importlib.util.find_spec(name)
            if spec is None or not spec.origin:
                raise ValueError(f"{self.source / _FILE}: the library {name!r} cannot be imported here")
            found[name] = str(Path(spec.origin).parent)
        return found


def _only_course(here):
    found = [path.parent for level in ("", "*/", "*/*/", "*/*/*/") for path in here.glob(level + _FILE)]
    if len(found) != 1:
        several = ": " + ", ".join(map(str, found)) if found else ""
        raise ValueError(
            f"{len(found)} folders with a {_FILE} in {here}{several}; name the folder of the sources"
        )
    return found[0]
