"""Handed in: what does a file hold that a student wrote?

It is read as data. Nothing in it is run here.
"""

import ast
import warnings
from pathlib import Path

from dlbook.grader.cells import ANSWER_STUB, is_untouched, kind_of, name_of, parse, stub_of
from dlbook.grader.submissions import LARGEST

_MOST_CELLS = 500


class UnusableError(Exception):
    """This submission cannot be run at all; the text is its status."""


def read(job):
    """Return the notebook that was handed in, or raise `UnusableError` with what is wrong with the file."""
    if job.status:
        raise UnusableError(job.status)
    path = Path(job.submission)
    if path.is_symlink() or any(parent.is_symlink() for parent in list(path.parents)[:2]):
        raise UnusableError("a link, not followed")
    if not path.exists():
        raise UnusableError("nothing submitted")
    if not path.is_file():
        raise UnusableError("not a notebook")
    if path.stat().st_size > LARGEST:
        raise UnusableError("too large")
    try:
        notebook = parse(path.read_bytes().decode("utf-8-sig"))
    except ValueError:
        raise UnusableError("not a notebook") from None
    if len(notebook["cells"]) > _MOST_CELLS:
        raise UnusableError("too large")
    here = {name_of(cell) for cell in notebook["cells"]}
    if not here & set(job.ids.get(job.exercise, [])):
        for exercise, ids in job.ids.items():
            if here & set(ids):
                raise UnusableError(f"the notebook of another exercise: {exercise}")
    return notebook


def whole(notebook, ours):
    """The cells, with answers that were copied or split put together again.

    An untouched copy beside an answered cell would undo the answer, and the halves of a split function are no
    Python by themselves.
    """
    by_name = {}
    for place, cell in enumerate(notebook):
        if kind_of(ours.get(name_of(cell), {"metadata": {}, "cell_type": "raw"})) == "answer":
            by_name.setdefault(name_of(cell), []).append(place)
    changed, dropped = {}, set()
    for name, places in by_name.items():
        if len(places) == 1:
            continue
        stub = stub_of(ours[name]["source"])
        answered = [place for place in places if not is_untouched(notebook[place]["source"], stub)]
        if answered:
            dropped |= set(places) - set(answered)
        joined = "\n".join(notebook[place]["source"] for place in answered)
        if (
            len(answered) > 1
            and _is_python(joined)
            and not all(_is_python(notebook[place]["source"]) for place in answered)
        ):
            changed[answered[0]] = joined
            dropped |= set(answered[1:])
    return [
        cell | {"source": changed.get(place, cell["source"])}
        for place, cell in enumerate(notebook)
        if place not in dropped
    ]


def texts_of(source, notebook):
    """What the student wrote, by task or answer cell: empty where it is as it was handed out.

    A text for a person may also stand in cells that the student added below the one that was meant for it.
    """
    ours = {name_of(cell): cell for cell in source["cells"] if name_of(cell)}
    given = {squeezed(cell["source"]) for cell in source["cells"]}
    texts, beside, last = {}, {}, None
    for cell in notebook["cells"]:
        name, text = name_of(cell), squeezed(cell["source"])
        if name in ours:
            known = texts.setdefault(name, "")
            if kind_of(ours[name]) == "hand":
                text = text.removeprefix(ANSWER_STUB).removesuffix(ANSWER_STUB).strip()
            elif is_untouched(text, stub_of(ours[name]["source"])):
                text = ""
            texts[name] = "\n\n".join(filter(None, [known, text]))
            last = name
        elif text and cell["cell_type"] != "code" and text not in given and not name:
            beside.setdefault(last, []).append(text)
    order = [name_of(cell) for cell in source["cells"] if name_of(cell)]
    for name in order:
        if kind_of(ours[name]) == "hand" and not texts.get(name):
            before = order[order.index(name) - 1] if order.index(name) else None
            texts[name] = "\n\n".join(beside.get(name) or beside.get(before) or [])
    return texts


def _is_python(source):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d" in a student's text
            ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def squeezed(text):
    """Return a text without spaces at its ends and at those of its lines."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
