"""Report: what does a student read about a submission, and an instructor about a class?

The pages are made from the files in ``templates/``. Everything that students wrote is shown as text or as
Markdown without HTML: no page runs or loads anything of theirs.
"""

import base64
import hashlib
import io
import json
import keyword
import re
import tokenize
from collections import Counter
from functools import cache, lru_cache
from pathlib import Path
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from dlbook.grader.cells import kind_of, name_of, with_student
from dlbook.grader.tables import replace

_TEMPLATES = Path(__file__).with_name("templates")
_JINJA = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True)
_RAN = ("passed", "partly", "failed", "not attempted", "timed out", "process ended", "MemoryError")
_LONG = 40  # tokens of an answer that is worth comparing with others
_LONGEST_FORMULA = 300


def feedback(job, result, tasks, source=None, note=(), alias=""):
    """Return a submission's page.

    Parameters
    ----------
    job, result
        What was judged, and what came of it: see `judge`.
    tasks : list of dict
        The result's tasks, with a person's points and comments.
    source : dict, optional
        The exercise's source, for the questions.
    note : sequence of str
        What else the student should know, about the place where the notebook was found.
    alias : str
        What stands for the student's name, if it is not to be read.
    """
    given = [task for task in tasks if task["points"] is not None]
    questions = _questions(source) if source else {}
    cells = []
    for cell in result["cells"]:
        is_text = cell["kind"] == "hand" or (cell.get("added") and cell["type"] != "code")
        shown = cell | {"text": markdown(cell["source"]) if is_text else ""}
        if alias and cell["kind"] == "locked":
            shown["source"] = with_student(cell["source"], "anyone", job.variant)
            shown["output"] = cell["output"].replace(f"numbers of {job.variant}:", "numbers of anyone:")
        shown["question"] = markdown(questions[cell["name"]]) if cell["name"] in questions else ""
        cells.append(shown)
    return _page(
        "feedback.html",
        digest=_digest_of(job, result, tasks, note, alias),
        job=job,
        student=alias or job.student,
        tasks=tasks,
        cells=cells,
        status=result["status"],
        total=sum(task["points"] for task in given),
        maximum=sum(task["maximum"] for task in tasks),
        note="; ".join(note),
        waiting=sum(task["maximum"] for task in tasks if task["points"] is None),
    )


def write_feedback(out, job, result, tasks, source, note, alias=""):
    """Write a submission's page, unless it is there and says the same."""
    path = Path(out) / "feedback" / job.student / f"{job.exercise}.html"
    mark = f'<meta name="content-digest" content="{_digest_of(job, result, tasks, note, alias)}">'
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            if mark in file.read(400):
                return
    except OSError:
        pass
    replace(path, feedback(job, result, tasks, source, note, alias))


def summary(graded):
    """Return the page of a class.

    Parameters
    ----------
    graded : list of (job, status, tasks, notes)
    """
    exercises, students, look = {}, {}, []
    for job, status, tasks, notes in graded:
        exercises.setdefault(job.exercise, []).append((status, tasks))
        link = quote(f"feedback/{job.student}/{job.exercise}.html".encode("utf-8", "surrogateescape"))
        waiting = any(task["points"] is None for task in tasks)
        students.setdefault(job.student, {})[job.exercise] = {
            "link": link,
            "waiting": waiting,
            **_sums(tasks),
        }
        why = [status] if status not in ("graded", "nothing submitted") else []
        why += [
            *notes,
            *(
                f"{task['task']}: {task['status']}"
                for task in tasks
                if task["status"].endswith("changed since") or (status == "graded" and _is_flagged(task))
            ),
        ]
        if why:
            look.append({"student": job.student, "exercise": job.exercise, "why": "; ".join(why)})
    missed = _missed(graded).most_common(15)
    return _page(
        "summary.html",
        digest="",
        exercises=[_exercise(name, here) for name, here in sorted(exercises.items())],
        look=look,
        items=_items(exercises),
        missed=missed,
        most_missed=max((count for _, count in missed), default=1),
        alike=_alike(graded),
        students=[_student(name, of, sorted(exercises)) for name, of in students.items()],
        statuses=Counter(task["status"] for _, _, tasks, _ in graded for task in tasks).most_common(),
    )


def markdown(text):
    """Return a text as HTML that runs and loads nothing: Markdown without HTML, formulas as pictures."""
    render = _markdown()
    return Markup(render(text)) if render else Markup("<pre>%s</pre>") % text


@cache
def _markdown():
    try:
        import mistune
    except ImportError:
        return None

    class Renderer(mistune.HTMLRenderer):
        def image(self, text, url, title=None):
            """Name a picture from elsewhere; what was pasted is shown below the text."""
            return str(escape(f"[{text or url}]"))

    render = mistune.create_markdown(
        renderer=Renderer(escape=True), plugins=["math", "table", "strikethrough"]
    )
    render.renderer.register("inline_math", lambda renderer, text: _formula(text))
    render.renderer.register("block_math", lambda renderer, text: f"<p>{_formula(text)}</p>\n")
    return render


@lru_cache(maxsize=2000)
def _formula(text):
    """A formula as a picture, or as it was typed where matplotlib does not know its words."""
    plain = f"<code>{escape(text.strip())}</code>"
    if len(text) > _LONGEST_FORMULA:
        return plain
    try:
        import matplotlib
        from matplotlib.mathtext import math_to_image

        known = re.sub(r"\\(text|operatorname|mathrm)\b", r"\\mathrm", " ".join(text.split()))
        known = known.replace(r"\tfrac", r"\frac").replace(r"\dfrac", r"\frac")
        file = io.BytesIO()
        with matplotlib.rc_context(
            {"svg.fonttype": "path", "svg.hashsalt": "formula", "mathtext.fontset": "cm"}
        ):
            depth = math_to_image(f"${known}$", file, dpi=72, format="svg")
    except Exception:  # matplotlib has several kinds, and none of them should cost a student's page
        return plain
    data = base64.b64encode(file.getvalue()).decode()
    style = f"vertical-align: -{depth:.1f}px; zoom: 1.4"
    alt = escape(text.strip())
    return f'<img class="math" style="{style}" alt="{alt}" src="data:image/svg+xml;base64,{data}">'


def _page(template, **values):
    return _JINJA.get_template(template).render(**values).encode("utf-8", "replace").decode()


@cache
def _version():
    files = [*sorted(_TEMPLATES.glob("*.html")), Path(__file__)]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _digest_of(job, result, tasks, note, alias):
    """What a page depends on."""
    parts = [
        _version(),
        job.student,
        job.exercise,
        result.get("digest") or result["cells"],
        tasks,
        list(note),
        alias,
    ]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:32]


def _questions(source):
    """The text that leads to each answer, by the answer's name: from the last answer on, without rubrics."""
    found, before = {}, []
    for cell in source["cells"]:
        if cell["cell_type"] == "markdown" and kind_of(cell) == "plain":
            before.append(cell["source"].partition("*Rubric.*")[0])
        elif kind_of(cell) in ("answer", "hand"):
            text = "\n\n".join(before)
            heading = text.find("\n## ")
            found[name_of(cell)] = text[heading + 1 :] if heading >= 0 else text
            before = []
        else:
            before = before if kind_of(cell) == "locked" else []
    return found


def _sums(tasks):
    return {
        "points": sum(task["points"] or 0 for task in tasks),
        "maximum": sum(task["maximum"] for task in tasks),
    }


def _exercise(name, here):
    reached = [_sums(tasks)["points"] for status, tasks in here if status == "graded"]
    return {
        "name": name,
        "students": len(here),
        "handed_in": sum(status != "nothing submitted" for status, _ in here),
        "median": float(np.median(reached)) if reached else None,
        "maximum": _sums(here[0][1])["maximum"],
        "waiting": sum(
            task["points"] is None for status, tasks in here if status == "graded" for task in tasks
        ),
    }


def _student(name, of, exercises):
    there = [of.get(exercise) for exercise in exercises]
    sums = {key: sum(one[key] for one in there if one) for key in ("points", "maximum")}
    return {"name": name, "exercises": there, **sums}


def _counts(task):
    return task["points"] is not None and (
        task["status"] in _RAN or task["status"].startswith("graded by hand")
    )


def _is_flagged(task):
    """Whether the tests gave points that a person has to confirm."""
    return task["points"] is None and task["status"] != "by hand"


def _items(exercises):
    """The analysis of each task: how hard it was, and whether it goes with the rest of its exercise."""
    items = []
    for exercise, here in sorted(exercises.items()):
        of_task = {}
        for _, tasks in here:
            total = sum(task["points"] for task in tasks if _counts(task))
            for task in tasks:
                if _counts(task):
                    of_task.setdefault(task["task"], []).append(
                        (task["points"], task["maximum"], total - task["points"])
                    )
        for task, values in of_task.items():
            points, most, rest = np.array(values).T
            spread = np.std(points) > 0 and np.std(rest) > 0 and len(points) > 2
            items.append(
                {
                    "name": f"{exercise}: {task}",
                    "count": len(points),
                    "mean": float(np.mean(points / most)),
                    "full": int(np.sum(points == most)),
                    "correlation": float(np.corrcoef(points, rest)[0, 1]) if spread else None,
                }
            )
    return items


def _missed(graded):
    """How many submissions made each kind of mistake: messages that differ in numbers only are one kind."""
    missed = Counter()
    for _, _, tasks, _ in graded:
        kinds = set()
        for task in tasks:
            if task["status"] in ("failed", "partly", "timed out"):
                lines = (line for line in task["message"].splitlines() if not line.startswith("killed: "))
                kinds |= {f"{task['task']}: {_kind_of_mistake(line)}" for line in lines}
        missed.update(kinds)
    return missed


def _kind_of_mistake(line):
    return re.sub(r"(?<![\w.])-?\d+(\.\d+)?(e[-+]?\d+)?(?![\w.])", "…", line)


def _alike(graded):
    """Students whose answers to a task are the same code but for the names."""
    same = {}
    for job, _, tasks, _ in graded:
        for task in tasks:
            shape = _shape(task.get("answer", ""))
            if shape:
                same.setdefault((f"{job.exercise}: {task['task']}", shape), []).append(job.student)
    return sorted((task, names) for (task, _), names in same.items() if len(names) > 1)


@lru_cache(maxsize=100_000)
def _shape(source):
    """A code's tokens with each name replaced by its place; empty for what is short or no Python."""
    places, tokens = {}, []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.NAME and not keyword.iskeyword(token.string):
                tokens.append(f"n{places.setdefault(token.string, len(places))}")
            elif token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENCODING):
                tokens.append("" if token.string.startswith(('"""', "'''")) else token.string.strip())
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError):
        return ""
    return (
        hashlib.sha256("\n".join(tokens).encode("utf-8", "replace")).hexdigest()
        if len(tokens) > _LONG
        else ""
    )
