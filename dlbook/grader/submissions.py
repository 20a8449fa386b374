"""Submissions: where in a student's folder is the notebook of an exercise?

It should be ``<exercise>/<exercise>.ipynb``. Browsers add a number, students their name, platforms a zip, and
then it is somewhere else or called otherwise. What can only be meant is taken; everything else is named, for
a person to decide. Nothing that was handed in counts as nothing.
"""

import hashlib
import os
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from dlbook.grader.cells import ANSWER_STUB, is_untouched, kind_of, name_of, parse, stub_of
from dlbook.grader.tables import replace

LARGEST = 20 * 2**20  # bytes of a submission
_MOST_FILES = 2000
_JUNK = ("__MACOSX", "Thumbs.db", "desktop.ini", "timestamp.txt")


@dataclass
class Found:
    """Where a submission is.

    Attributes
    ----------
    path : Path
        The notebook; where it should be, if there is none.
    status : str
        Why it cannot be judged; a person has to look at it. Empty if it can, or if there is nothing.
    note : str
        What the instructor should know about it.
    """

    path: Path
    status: str = ""
    note: str = ""


@dataclass
class _File:
    name: str  # as it is shown to people
    folder: tuple  # the folders above it, below the student's
    path: Path
    data: bytes | None = None  # of a file in a zip

    def read(self):
        if self.data is not None:
            return self.data
        return self.path.read_bytes() if self.path.stat().st_size <= LARGEST else None


@dataclass
class Hand:
    """All that a student has handed in.

    Parameters
    ----------
    folders : sequence of Path
        The student's; several if they were written in different ways.
    ids : dict of exercise: names of cells
        By which a notebook is recognized whatever it is called; each name belongs to one exercise alone.
    """

    folders: list
    ids: dict
    notebooks: list = field(default_factory=list)
    others: list = field(default_factory=list)

    def __post_init__(self):
        for folder in self.folders:
            for file in _files(folder):
                if file.name.lower().endswith(".zip"):
                    inside = _unpacked(file)
                    self.notebooks += [one for one in inside if one.name.lower().endswith(".ipynb")]
                    if not inside:
                        self.others.append(file)
                elif file.name.lower().endswith(".ipynb"):
                    self.notebooks.append(file)
                else:
                    self.others.append(file)

    def exercises(self):
        """Return the exercises that something was handed in for."""
        usual = [folder / one / f"{one}.ipynb" for folder in self.folders for one in self.ids]
        found = {self._exercise(file) for file in self.notebooks if file.path not in usual}
        found |= {one for one in self.ids for folder in self.folders if os.path.lexists(folder / one)}
        return found - {None}

    def find(self, exercise, source, keep):
        """Return where the notebook of an exercise is.

        Parameters
        ----------
        exercise : str
        source : dict
            The exercise's source: an untouched copy of it is no answer beside an answered one.
        keep : Path
            Where a notebook is put that is in a zip.
        """
        usual = [folder / exercise / f"{exercise}.ipynb" for folder in self.folders]
        there = next((path for path in usual if os.path.lexists(path)), None)
        if there and len(self.notebooks) <= 1:
            return Found(there)
        mine = _distinct([file for file in self.notebooks if self._exercise(file) == exercise])
        answered = [file for file in mine if not _untouched(file, source)] or mine
        exact = [file for file in answered if file.path in usual and file.data is None]
        if exact and len(exact) < len(answered):
            names = ", ".join(file.name for file in answered if file not in exact)
            return Found(exact[0].path, note=f"also handed in, and not graded: {names}")
        if len(answered) == 1:
            (file,) = answered
            note = "" if exact else f"found as {file.name}"
            if file.data is not None:
                replace(keep, file.data)
                when = file.path.stat().st_mtime  # it was handed in when the zip was
                os.utime(keep, (when, when))
                return Found(keep, note=note)
            return Found(file.path, note=note)
        if len(answered) > 1:
            names = ", ".join(file.name for file in answered)
            return Found(answered[0].path, f"more than one notebook: {names}")
        if there:
            return Found(there)
        nearby = [file.name for file in [*self.notebooks, *self.others] if self._may_be(file, exercise)]
        expected = (self.folders or [Path()])[0] / exercise / f"{exercise}.ipynb"
        if nearby:
            more = f" and {len(nearby) - 5} more" if len(nearby) > 5 else ""
            return Found(expected, f"no notebook of this exercise, but {', '.join(nearby[:5])}{more}")
        return Found(expected)

    def _exercise(self, file):
        """Which exercise a notebook belongs to: by its cells, or else by its own name and its folders'."""
        data = file.read()
        if data is not None:
            try:
                here = {name_of(cell) for cell in parse(data.decode("utf-8-sig", "replace"))["cells"]}
                shared = {exercise: len(here & set(ids)) for exercise, ids in self.ids.items()}
                if shared and max(shared.values()):
                    return max(shared, key=shared.get)
            except ValueError:
                pass
        for name in (Path(file.name).stem, *reversed(file.folder)):
            found = [one for one in self.ids if re.search(rf"(?<![^\W_]){re.escape(one)}(?![^\W_])", name)]
            if found:
                return max(found, key=len)
        return None

    def _may_be(self, file, exercise):
        """Whether a file that is no recognized notebook could be meant for an exercise."""
        if file.name.lower().endswith(".ipynb") and self._exercise(file) not in (None, exercise):
            return False
        return not any(folder in self.ids and folder != exercise for folder in file.folder)


def _files(folder):
    """The files below a folder, links and what programs leave behind left out."""
    found = []
    for here, below, names in os.walk(folder):
        below[:] = sorted(one for one in below if not one.startswith(".") and one not in _JUNK)
        parts = Path(here).relative_to(folder).parts
        for name in sorted(names):
            path = Path(here, name)
            if name.startswith(".") or name in _JUNK or not path.is_file():
                continue
            if path.is_symlink():
                continue
            found.append(_File("/".join((*parts, name)), parts, path))
            if len(found) >= _MOST_FILES:
                return found
    return found


def _unpacked(file):
    """The files of a zip; none if it cannot be read."""
    found = []
    try:
        with zipfile.ZipFile(file.path) as archive:
            for one in archive.infolist()[:_MOST_FILES]:
                parts = [part for part in one.filename.split("/") if part]
                junk = any(part.startswith(".") or part in _JUNK for part in parts)
                if one.is_dir() or junk or not parts or one.file_size > LARGEST:
                    continue
                data = archive.read(one) if parts[-1].lower().endswith(".ipynb") else b""
                found.append(
                    _File(f"{file.name}: {one.filename}", (*file.folder, *parts[:-1]), file.path, data)
                )
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError, EOFError):
        return []
    return found


def _distinct(files):
    """Files of different content, those at the shortest place first."""
    seen, kept = set(), []
    for file in sorted(files, key=lambda file: (file.data is not None, len(file.folder), file.name)):
        content = _content(file)
        if content not in seen:
            seen.add(content)
            kept.append(file)
    return kept


def _content(file):
    """What somebody wrote: two copies that were saved at different times are one."""
    data = file.read()
    if data is None:
        return file.path
    try:
        cells = parse(data.decode("utf-8-sig", "replace"))["cells"]
    except ValueError:
        return hashlib.sha256(data).hexdigest()
    return tuple((cell["cell_type"], cell["source"]) for cell in cells)


def _untouched(file, source):
    """Whether a notebook is as it was handed out, or none at all."""
    data = file.read()
    try:
        notebook = parse((data or b"").decode("utf-8-sig", "replace"))
    except ValueError:
        return True
    given = {name_of(cell): cell for cell in source["cells"] if kind_of(cell) in ("answer", "hand")}
    plain = {cell["source"].strip() for cell in source["cells"]}
    for cell in notebook["cells"]:
        known = given.get(name_of(cell))
        if known is not None:
            if kind_of(known) == "hand":
                if cell["source"].strip() not in ("", ANSWER_STUB):
                    return False
            elif not is_untouched(cell["source"], stub_of(known["source"])):
                return False
        elif name_of(cell) is None and cell["source"].strip() and cell["source"].strip() not in plain:
            return False
    return True
