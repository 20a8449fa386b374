"""Tables: how does a CSV file survive a spreadsheet?

Excel takes UTF-8 for another encoding unless a mark stands first, saves with semicolons where a comma is the
decimal sign, and runs a cell that begins like a formula. What is written here opens as it is meant, and what
comes back is read however it was saved.
"""

import csv
import io
import re
from pathlib import Path

from dlbook.grader.people import decode

_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def read(path):
    """Return a table's rows as ``(line, {column: text})``, whatever its encoding and separator.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(f"{folder}/a.csv", ["name", "points"], [{"name": "=1+1", "points": 2.5}])
    ...     Path(f"{folder}/a.csv").read_text(encoding="utf-8"), read(f"{folder}/a.csv")
    ("name,points\\n'=1+1,2.5\\n", [(2, {'name': '=1+1', 'points': '2.5'})])
    """
    text = decode(Path(path).read_bytes())
    text = text.removeprefix("\ufeff")
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    columns = [column.strip() for column in next(lines, [])]
    return [
        (lines.line_num, dict(zip(columns, map(_meant, cells))))
        for cells in lines
        if any(cell.strip() for cell in cells)
    ]


def write(path, columns, rows):
    """Write a table, or leave the file alone if it already says the same."""
    lines = [columns] + [[safe(row.get(column)) for column in columns] for row in rows]
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n").writerows(lines)
    text = file.getvalue().encode("utf-8", "replace")
    replace(path, text if text.isascii() else b"\xef\xbb\xbf" + text)  # the mark is for Excel


def replace(path, data):
    """Write a file so that it is whole or not there at all, and only if it changes."""
    path = Path(path)
    data = data.encode("utf-8", "replace") if isinstance(data, str) else data
    if path.is_file() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_bytes(data)
    new.replace(path)


def number(text):
    """Return a number that a person typed, with a dot or a comma, or None for an empty cell.

    Raises
    ------
    ValueError
        If it is no finite number.
    """
    text = text.strip().replace(",", ".")
    if not text:
        return None
    value = float(text)
    if value - value != 0:  # infinite, or no number
        raise ValueError(f"{text} is not a number")
    return value


def safe(value):
    """Return what is written to a cell: a text that begins like a formula gets an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.12g}"
    text = str(value)
    return "'" + text if _FORMULA.match(text) else text


def _meant(text):
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
