"""Format: what is what in an exercise notebook?

nbgrader's metadata say it, and these few functions read them, so that a reader's or a grader's machine needs
no nbgrader. A cell has a name (``grade_id``) and is one of

========  ==========================================================================
locked    code that the student runs and cannot change: imports, data
answer    code that the student writes
test      checks of the answers before it, with points: a *task* has the test's name
hand      text that the student writes and a person grades, with points
========  ==========================================================================

and everything else is plain.
"""

import ast
import builtins
import json
import re

STUB = 'raise NotImplementedError("not answered yet")'
ANSWER_STUB = "YOUR ANSWER HERE"


def read(text):
    """Return the notebook of a file's text, as dictionaries and with each source in one piece.

    Only version 4 of the format. `nbformat` knows more, and takes a second to import.

    Raises
    ------
    ValueError
        If the text is no such notebook.
    """
    try:
        notebook = json.loads(text)
        if notebook["nbformat"] != 4:
            raise TypeError(notebook["nbformat"])
        for cell in notebook["cells"]:
            cell["source"] = "".join(cell["source"])
            about = cell["metadata"].get("nbgrader") or {}
            texts = [cell["cell_type"], about.get("grade_id") or ""]
            if not isinstance(about, dict) or not all(isinstance(text, str) for text in texts):
                raise TypeError(about)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a notebook: {type(error).__name__}: {error}") from None
    return notebook


def kind(cell):
    """Return ``"locked"``, ``"answer"``, ``"test"``, ``"hand"`` or ``"plain"``."""
    about = cell["metadata"].get("nbgrader") or {}
    if about.get("grade"):
        return "hand" if about.get("solution") else "test"
    if about.get("solution"):
        return "answer"
    return "locked" if about.get("locked") and cell["cell_type"] == "code" else "plain"


def name(cell):
    """Return the cell's name, or None."""
    about = cell["metadata"].get("nbgrader") or {}
    return about.get("grade_id")


def points(cell):
    """Return the points of a test or hand-graded cell."""
    return float(cell["metadata"]["nbgrader"]["points"])


def tasks(notebook):
    """Return the tasks of a source in order: ``(its cell, the names of the answer cells before it)``."""
    found, answers = [], []
    for cell in notebook["cells"]:
        if kind(cell) == "answer":
            answers.append(name(cell))
        elif kind(cell) in ("test", "hand"):
            found.append((cell, answers if kind(cell) == "test" else [name(cell)]))
            answers = [] if kind(cell) == "test" else answers
    return found


def heading(notebook, cell):
    """Return the heading above a task, and the rubric in its text, if there is one."""
    before = [
        one["source"]
        for one in notebook["cells"][: notebook["cells"].index(cell)]
        if one["cell_type"] == "markdown"
    ]
    headings = re.findall(r"^## (.*)$", "\n".join(before), flags=re.MULTILINE)
    rubric = before[-1].rpartition("*Rubric.*")[2].strip() if before and "*Rubric.*" in before[-1] else ""
    title = re.sub(r" \(\d+ points?[^)]*\)$", "", headings[-1]) if headings else ""
    return title, rubric


def for_student(source, student):
    """Return a cell's source with the student's name in place of ``"anyone"``."""
    return re.sub(
        r'^STUDENT = "anyone"$',
        lambda _: f"STUDENT = {json.dumps(student, ensure_ascii=False)}",
        source,
        flags=re.MULTILINE,
    )


def public(source):
    """Return a test's source without its hidden part."""
    pattern = r"^[^\n]*BEGIN HIDDEN TESTS.*?END HIDDEN TESTS[^\n]*(\n|\Z)"
    return re.sub(pattern, "", source, flags=re.MULTILINE | re.DOTALL).rstrip("\n")


def names(source):
    """Return the names that a cell binds, and those it uses without binding them."""
    bound, used = set(), set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            bound.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
    return bound, used - bound - set(dir(builtins))


def given(notebook):
    """Return the sources of the locked cells that need no answer, and the names they bind: what a test can trust."""
    sources, trusted = [], {"STUDENT"}
    for cell in notebook["cells"]:
        if kind(cell) == "locked":
            bound, used = names(cell["source"])
            if used <= trusted:
                sources.append(cell["source"])
                trusted |= bound
    return sources, trusted
