"""People: which student is this, however a system wrote the name?

A class list comes from a spreadsheet, folders come from a learning platform, a Mac or an unpacked zip. A name
is a person and not its bytes: it is decoded, composed (NFC) and stripped once, here, and everything else uses
that.
"""

import os
import unicodedata
from pathlib import Path

_ENCODINGS = ("utf-8", "cp1252", "cp850", "cp437", "mac_roman", "latin-1")
_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u200e\u200f\u2060"))
_NOBODY = ("__MACOSX", "System Volume Information", "$RECYCLE.BIN")


def decode(data):
    """Return the text of a file's bytes: UTF-8 or UTF-16, with or without a mark, else Windows-1252.

    Examples
    --------
    >>> [decode("Zoë".encode(encoding)) for encoding in ("utf-16", "cp1252", "utf-8-sig")]
    ['Zoë', 'Zoë', 'Zoë']
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    if data[:40].count(b"\0") > len(data[:40]) // 4:  # UTF-16 without a mark: every other byte is 0
        return data.decode("utf-16-be" if data[:1] == b"\0" else "utf-16-le", "replace")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def person(name):
    """Return a name as it is written everywhere: composed, without invisible letters and outer spaces.

    Examples
    --------
    >>> person(" Zoe\\u0308\\u00a0 Lee") == "Zoë Lee"
    True
    """
    return " ".join(unicodedata.normalize("NFC", name.translate(_INVISIBLE)).split())


def class_list(path):
    """Return the students of a file with one name on each line.

    Raises
    ------
    ValueError
        If a name cannot be a folder's, is there twice, or there is none.
    """
    lines = decode(Path(path).read_bytes()).splitlines()
    students = [name for name in map(person, lines) if name and not name.startswith("#")]
    for name in students:
        if "/" in name or "\\" in name or name.startswith(".") or not name.isprintable():
            raise ValueError(f"{path}: {name!r} cannot be the name of a folder")
    seen = {}
    for name in students:
        seen.setdefault(folded(name), []).append(name)
    twice = [" and ".join(dict.fromkeys(names)) for names in seen.values() if len(names) > 1]
    if twice:
        raise ValueError(f"{path}: more than once: {', '.join(sorted(twice))}")
    if not students:
        raise ValueError(f"{path} names no student")
    return students


def folders_by_student(submissions, students=None):
    """Return the folders of each student that has handed in, by the student's name.

    Parameters
    ----------
    submissions : path
        Folders that another system may have named in its own way. Hidden ones, and what an archive's maker
        left there, are no students.
    students : sequence of str, optional
        The class list. A folder belongs to the student whose name it is in any of the usual encodings,
        composed or not, in small letters or capitals.
    """
    known = {folded(name): name for name in students or ()}
    found = {}
    for path in sorted(Path(submissions).iterdir(), key=lambda path: os.fsencode(path.name)):
        if path.is_dir() and not path.name.startswith(".") and path.name not in _NOBODY:
            readings = _readings(path.name)
            name = next((known[key] for one in readings if (key := folded(one)) in known), readings[0])
            found.setdefault(name, []).append(path)
    return found


def nearest(name, names):
    """Return the name that a spreadsheet or a slip turned into this one, or None.

    Examples
    --------
    >>> nearest("731", ["00731", "00732"]), nearest("zoe\\u0308", ["Zoë"]), nearest("x", ["Zoë"])
    ('00731', 'Zoë', None)
    """
    for change in (folded, lambda text: folded(text).lstrip("0").removesuffix(".0")):
        meant = [other for other in names if change(other) == change(name)]
        if len(meant) == 1:
            return meant[0]
    return None


def folded(name):
    """Return what all ways to write a name have in common: no capitals, single spaces, composed letters.

    Examples
    --------
    >>> folded(" ada  LOVELACE") == folded("Ada Lovelace")
    True
    """
    return unicodedata.normalize("NFKC", person(name)).casefold()


def _readings(name):
    """What a folder's name may stand for, the likeliest first."""
    data, readings = os.fsencode(name), []
    for encoding in _ENCODINGS:
        try:
            readings.append(person(data.decode(encoding)))
        except UnicodeDecodeError:
            continue
    for encoding in ("cp437", "cp850", "cp1252"):  # UTF-8 that an unpacker took for an old encoding
        try:
            readings.append(person(readings[0].encode(encoding).decode("utf-8")))
        except UnicodeError:
            continue
    return [reading for reading in readings if reading] or ["(no name)"]
