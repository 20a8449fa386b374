"""Course: which folder holds the sources, and what do they ask of the grader?

A course is a folder of exercises, ``<exercise>/<exercise>.ipynb`` each, with a file ``course.toml`` beside
them. Every setting is optional::

    name = "statistics-101"        # nbgrader's course id; the folder's name if there is none
    pages = "../pages"             # where `release pages` puts the students' versions
    libraries = ["ourlibrary"]     # packages that notebooks may import, besides what is installed
    shows = ["ourlibrary"]         # packages whose objects show their public attributes to students' tests
"""

import importlib.util
import tomllib
from dataclasses import dataclass
from pathlib import Path

_FILE = "course.toml"
_SETTINGS = {"name": str, "pages": str, "libraries": list, "shows": list}


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
    """

    source: Path
    name: str
    pages: Path | None = None
    libraries: tuple = ()
    shows: tuple = ()

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
            if key not in _SETTINGS:
                raise ValueError(f"{file}: unknown setting {key!r}; there are {', '.join(_SETTINGS)}")
            texts = value if isinstance(value, list) else [value]
            if not isinstance(value, _SETTINGS[key]) or not all(isinstance(text, str) for text in texts):
                wanted = "a list of texts" if _SETTINGS[key] is list else "a text"
                raise ValueError(f"{file}: {key} must be {wanted}, got {value!r}")
        pages = settings.get("pages")
        return cls(
            source=source,
            name=settings.get("name") or source.name,
            pages=(source / pages).resolve() if pages else None,
            libraries=tuple(settings.get("libraries", ())),
            shows=tuple(settings.get("shows", ())),
        )

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
