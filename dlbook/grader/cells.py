"""Cells: what is what in an exercise notebook?

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

from dlbook.grader.variants import shown

STUB = 'raise NotImplementedError("not answered yet")'
ANSWER_STUB = "YOUR ANSWER HERE"
_MAGIC = re.compile(r"^\s*[%!?]")
_NAME = re.compile(r"""^STUDENT\s*=\s*(["'])(.*?)\1""", re.MULTILINE)


def parse(text):
    """Return the notebook of a file's text, as dictionaries and with each source in one piece.

    Only version 4 of the format. `nbformat` knows more, and takes a second to import. Line ends are those of
    Unix afterwards, and metadata that no tool writes (a name that is a list) are left out: such a cell is
    plain.

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
            cell["source"] = re.sub(r"\r\n?", "\n", "".join(cell["source"]))
            if not isinstance(cell["cell_type"], str):
                raise TypeError(cell["cell_type"])
            cell["metadata"] = _metadata(cell.get("metadata"))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a notebook: {type(error).__name__}: {error}") from None
    return notebook


def _metadata(found):
    found = found if isinstance(found, dict) else {}
    about = found.get("nbgrader")
    if not isinstance(about, dict) or not isinstance(about.get("grade_id"), str) or not about["grade_id"]:
        return {key: value for key, value in found.items() if key != "nbgrader"}
    return found


def kind_of(cell):
    """Return ``"locked"``, ``"answer"``, ``"test"``, ``"hand"`` or ``"plain"``."""
    about = cell["metadata"].get("nbgrader") or {}
    if about.get("grade"):
        return "hand" if about.get("solution") else "test"
    if about.get("solution"):
        return "answer"
    return "locked" if about.get("locked") and cell["cell_type"] == "code" else "plain"


def name_of(cell):
    """Return the cell's name, or None."""
    about = cell["metadata"].get("nbgrader") or {}
    return about.get("grade_id")


def points_of(cell):
    """Return the points of a test or hand-graded cell."""
    return float(cell["metadata"]["nbgrader"]["points"])


def tasks_of(notebook):
    """Return the tasks of a source in order: ``(its cell, the names of the answer cells before it)``."""
    found, answers = [], []
    for cell in notebook["cells"]:
        if kind_of(cell) == "answer":
            answers.append(name_of(cell))
        elif kind_of(cell) in ("test", "hand"):
            found.append((cell, answers if kind_of(cell) == "test" else [name_of(cell)]))
            answers = [] if kind_of(cell) == "test" else answers
    return found


def tests_of(notebook):
    """Return the tasks of a source that a test grades, in order: the tests' cells by their names."""
    return {name_of(cell): cell for cell, _ in tasks_of(notebook) if kind_of(cell) == "test"}


def heading_of(notebook, cell):
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


def question_of(notebook, cell):
    """Return the text above a task: from its heading to the cell itself, without the rubric."""
    before = notebook["cells"][: notebook["cells"].index(cell)]
    text = "\n" + "\n\n".join(one["source"] for one in before if one["cell_type"] == "markdown")
    _, heading, text = text.rpartition("\n## ")
    return text.partition("*Rubric.*")[0].strip() if heading else ""


def with_student(source, student, before="anyone"):
    """Return a cell's source with the student's name in place of ``"anyone"``, or of another name."""
    old, new = (f"STUDENT = {json.dumps(name, ensure_ascii=False)}" for name in (before, student))
    return re.sub(rf"^{re.escape(old)}$", lambda _: new, source, flags=re.MULTILINE)


def holds_name(cell):
    """Return whether this is the locked cell into which a student's name is written."""
    return kind_of(cell) == "locked" and re.search(r"^STUDENT = ", cell["source"], re.MULTILINE) is not None


def worked_as(notebook):
    """Return the name with whose numbers a student has worked, or None if nothing in a notebook says it.

    The numbers that were shown say whose they are. Where no output is left, the name counts that is written.
    """
    written = None
    for cell in notebook["cells"]:
        outputs = cell.get("outputs")
        for output in outputs if isinstance(outputs, list) else []:
            data = output.get("data") if isinstance(output, dict) else None
            text = data.get("text/plain") if isinstance(data, dict) else None
            text = "".join(text) if isinstance(text, list) and all(isinstance(s, str) for s in text) else text
            if isinstance(text, str) and (found := shown(text)):
                return found
        if cell["cell_type"] == "code" and (found := _NAME.findall(cell["source"])):
            written = found[-1][1]
    return written


def public_part(source):
    """Return a test's source without its hidden part."""
    pattern = r"^[^\n]*BEGIN HIDDEN TESTS.*?END HIDDEN TESTS[^\n]*(\n|\Z)"
    return re.sub(pattern, "", source, flags=re.MULTILINE | re.DOTALL).rstrip("\n")


def stub_of(source):
    """Return what students get of an answer cell: the lines of the solution replaced by one that raises."""
    lines, inside = [], False
    for line in source.splitlines():
        if "BEGIN SOLUTION" in line:
            indent = line[: len(line) - len(line.lstrip())]
            lines += [f"{indent}# YOUR CODE HERE", f"{indent}{STUB}"]
            inside = True
        elif "END SOLUTION" in line:
            inside = False
        elif not inside:
            lines.append(line)
    return "\n".join(lines)


def without_leftover(source, stub):
    """Return an answer without its stub's ``raise`` where code stands beside it, and whether it had one.

    A block (a function's body, or the cell) that is as it was handed out keeps its ``raise``: it is not
    answered.

    Examples
    --------
    >>> print(*without_leftover(f"x = 3\\n{STUB}", STUB), sep=" | ")
    x = 3
    pass | True
    >>> without_leftover(STUB, STUB)[1]
    False
    """
    if STUB not in source:
        return source, False
    given, mine = _blocks(stub), _blocks(source)
    lines = source.split("\n")
    untouched = {dump for dump, _ in given}
    for dump, raising in mine:
        if dump not in untouched:
            for node in raising:
                line = lines[node.lineno - 1]
                lines[node.lineno - 1] = line[: node.col_offset] + "pass" + line[node.end_col_offset :]
    changed = "\n".join(lines)
    return changed, changed != source


def is_untouched(source, stub):
    """Return whether an answer cell holds nothing but what was handed out, comments aside.

    Examples
    --------
    >>> is_untouched(f"{STUB}  ", STUB), is_untouched("x = 3", STUB), is_untouched("", STUB)
    (True, False, True)
    """
    given = {line.strip() for line in stub.split("\n")} | {STUB, ""}
    lines = (line.strip() for line in source.split("\n"))
    return all(line in given or line.startswith(("#", "def ")) for line in lines) and (
        STUB in source or not source.strip()
    )


def _blocks(source):
    """The blocks that hold the stub's ``raise`` beside other code: their content, and where it stands."""
    plain = "\n".join(
        re.sub(r"\S.*", "pass", line) if _MAGIC.match(line) else line for line in source.split("\n")
    )
    try:
        tree = ast.parse(plain)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    stub = ast.dump(ast.parse(STUB).body[0])
    found = []
    for node in ast.walk(tree):
        for block in (getattr(node, key, None) for key in ("body", "orelse", "finalbody")):
            if isinstance(block, list):
                raising = [one for one in block if ast.dump(one) == stub]
                if raising and any(ast.dump(one) != stub and not _is_docstring(one) for one in block):
                    found.append((" ".join(map(ast.dump, block)), raising))
    return found


def _is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def names_in(source):
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


def given_cells(notebook):
    """Return the locked cells that need no answer, and the names they bind: what a test can trust."""
    sources, trusted = [], {"STUDENT"}
    for cell in notebook["cells"]:
        if kind_of(cell) == "locked":
            bound, used = names_in(cell["source"])
            if used <= trusted:
                sources.append(cell["source"])
                trusted |= bound
    return sources, trusted
