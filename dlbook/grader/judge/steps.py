"""Steps: which cells are run and which tests judged, in which order, and what is kept of each cell?

Which cell is locked and which test counts is said by the source. The student's file gives the order, the
answers and the cells that were added.
"""

from dlbook.grader.cells import (
    STUB,
    given_cells,
    kind_of,
    name_of,
    public_part,
    stub_of,
    with_student,
    without_leftover,
)
from dlbook.grader.judge.handed_in import squeezed, whole

_SHOWN = {
    "source": 10_000,
    "output": 10_000,
    "error": 2_000,
}  # characters of a cell that are kept for the feedback
_SHOWN_IN_ALL = 500_000
_LONGEST_PICTURE = 2**20  # characters


def planned(source, notebook, job):
    """Return the cells to run and the tests to judge, in order, and a record of each cell."""
    ours = {name_of(cell): cell for cell in source["cells"] if name_of(cell)}
    given = {cell["source"].strip() for cell in source["cells"] if not name_of(cell)}
    needs_no_answer = given_cells(source)[0]
    steps, records, met, restored = [], [], set(), []
    for cell in whole(notebook["cells"], ours):
        name = name_of(cell)
        known = ours.get(name)
        what = kind_of(known) if known is not None else "plain"
        met.add(name)
        record = _record(what, cell, cell["source"])
        record["added"] = known is None and cell["source"].strip() not in given
        if what == "test":
            steps = [step for step in steps if step != ("judge", name)]
            steps.append(("judge", name))
            record["changed"] = squeezed(cell["source"]) != squeezed(public_part(known["source"]))
        elif what in ("locked", "answer") or cell["cell_type"] == "code":
            if what == "locked":
                record["source"] = with_student(known["source"], job.variant)
            if what == "answer":
                record["source"], left_out = without_leftover(cell["source"], stub_of(known["source"]))
                if left_out:
                    record["note"] = f"a line `{STUB}` stood beside your answer in {name}; it was left out"
            steps.append(("run", len(records)))
        records.append(record)
    for name, cell in ours.items():  # what was deleted
        if name in met:
            continue
        if kind_of(cell) == "test":  # it is judged all the same
            steps.append(("judge", name))
        elif cell["source"] in needs_no_answer:
            restored.append(("run", len(records)))
            records.append(
                _record("locked", cell, with_student(cell["source"], job.variant)) | {"changed": True}
            )
    return restored + steps, records


def _record(kind, cell, source):
    """What the feedback shows of a cell; running it adds its output and error."""
    return {
        "kind": kind,
        "name": name_of(cell),
        "type": cell["cell_type"],
        "source": source,
        "output": "",
        "error": "",
        "pictures": _pictures(cell),
        "changed": False,
        "added": False,
        "note": "",
    }


def _pictures(cell):
    """The pictures that the student's own run left, and those that were pasted into a text."""
    kept = []
    outputs = cell.get("outputs")
    for output in outputs if isinstance(outputs, list) else []:
        kept += _pictures_in("", output.get("data") if isinstance(output, dict) else None)
    attachments = cell.get("attachments")
    for name, data in attachments.items() if isinstance(attachments, dict) else []:
        kept += _pictures_in(name, data)
    return kept[:4]


def _pictures_in(name, data):
    for kind in ("image/png", "image/jpeg"):
        picture = data.get(kind) if isinstance(data, dict) else None
        picture = "".join(picture) if isinstance(picture, list) and all(map(_is_text, picture)) else picture
        if _is_text(picture) and len(picture) < _LONGEST_PICTURE:
            yield {"name": name, "kind": kind, "data": picture.replace("\n", "")}


def _is_text(value):
    return isinstance(value, str)


def shown(records):
    """Return the records, cut to a size that a page can show."""
    left = _SHOWN_IN_ALL
    for cell in records:
        for key, most in _SHOWN.items():
            cell[key] = cell[key][: min(most, max(0, left))]
            left -= len(cell[key])
        cell["pictures"] = [
            picture for picture in cell["pictures"] if (left := left - len(picture["data"]) // 10) > 0
        ]
    return records
