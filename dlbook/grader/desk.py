"""Desk: how does a person grade the same task of everybody, one answer after the other?

``python -m dlbook.grader.desk OUT`` shows on one local page what `grade` has left for a person: the question,
an answer, the rubric with points to tick, a comment, the next one. Each mark is written to ``by_hand.csv`` at
once. The page is served to this machine alone, and only under an address that nobody can guess.
"""

import argparse
import hashlib
import json
import re
import secrets
import sys
import threading
import webbrowser
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from dlbook.grader import marks, release, tables
from dlbook.grader.cells import heading_of, kind_of, name_of, parse, points_of, question_of, tasks_of
from dlbook.grader.course import Course
from dlbook.grader.report import markdown

_JINJA = Environment(loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True)
_LONGEST = 100_000  # bytes of a form


class Desk:
    """The answers that a person grades, and the file with the marks.

    Parameters
    ----------
    out : path
        What `grade` has written.
    source : path or Course, optional
        The folder of the sources.
    anonymous : bool
        Whether the students' names stay hidden; the order is another one then.

    Raises
    ------
    ValueError
        If there is nothing to grade.
    """

    def __init__(self, out, source=None, anonymous=False):
        course = Course.read(source)
        self._sheet, self._anonymous, self._lock = Path(out) / "by_hand.csv", anonymous, threading.Lock()
        self._sources = {
            name: parse(release.path_of(name, course).read_text(encoding="utf-8"))
            for name in release.exercises(source=course)
        }
        self._most = {
            exercise: {name_of(cell): points_of(cell) for cell, _ in tasks_of(one)}
            for exercise, one in self._sources.items()
        }
        self._results, self._students = {}, set()
        for path in sorted(Path(out).glob("results/*/*.json")):
            self._students.add(path.parent.name)
            if path.stem in self._sources:
                self._results[path.parent.name, path.stem] = json.loads(path.read_text(encoding="utf-8"))
        self._tasks = {
            (student, exercise, task["task"]): task
            for (student, exercise), result in self._results.items()
            for task in result["tasks"]
        }
        self._queues = {}
        for key, task in self._tasks.items():
            if task["points"] is None and self._results[key[:2]]["status"] == "graded":
                self._queues.setdefault(key[1:], []).append(key[0])
        self._hidden = marks.aliases(Path(out), self._students, make=anonymous)
        if anonymous:
            for students in self._queues.values():
                students.sort(key=_shuffled)
        if not self._queues:
            raise ValueError(f"{out}: no answer is there for a person to grade")

    def overview(self):
        """Return the tasks with the number of answers, and of those that wait."""
        given = self._given()
        return [
            {
                "exercise": exercise,
                "title": self._title(exercise, task),
                "count": len(students),
                "link": f"{quote(exercise)}/{quote(task)}/{self._first(students, exercise, task, given)}",
                "waiting": sum(not _is_marked(given, student, exercise, task) for student in students),
            }
            for (exercise, task), students in sorted(self._queues.items())
        ]

    def show(self, exercise, task, number):
        """Return what the page of an answer shows."""
        students = self._queues[exercise, task]
        student, given = students[number], self._given()
        mark = given.get((student, exercise, task)) or marks.Mark(None, "", "")
        source, cell = self._sources[exercise], self._cell(exercise, task)
        records = self._results[student, exercise]["cells"]
        return {
            "exercise": exercise,
            "task": task,
            "number": number,
            "count": len(students),
            "title": self._title(exercise, task),
            "maximum": self._most[exercise][task],
            "student": f"Answer {number + 1}" if self._anonymous else student,
            "question": markdown("## " + question_of(source, cell)),
            "answer": markdown(_readable(self._tasks[student, exercise, task])),
            "pictures": _pictures(records),
            "parts": [_inline(part) for part in parts_of(heading_of(source, cell)[1])],
            "points": mark.points,
            "comment": mark.comment,
            "before": number - 1 if number else None,
            "after": number + 1 if number + 1 < len(students) else None,
            "waiting": sum(not _is_marked(given, one, exercise, task) for one in students),
        }

    def save(self, exercise, task, number, points, comment):
        """Write a mark into ``by_hand.csv``, which keeps everything else that is in it.

        Raises
        ------
        ValueError
            If the points cannot be, or the file holds a row that matches nobody.
        """
        student, most = self._queues[exercise, task][number], self._most[exercise][task]
        try:
            value = tables.number(points)
        except ValueError:
            value = -1
        if value is not None and not 0 <= value <= most:
            raise ValueError(f"points must be between 0 and {most:g}, got {points!r}")
        by_tests = kind_of(self._cell(exercise, task)) == "test"
        if by_tests and value is not None and not comment.strip():
            raise ValueError("tests grade this task: say in the comment why your points count")
        with self._lock:
            given = self._given()
            answer = marks.fingerprint(self._tasks[student, exercise, task]["answer"])
            given[student, exercise, task] = marks.Mark(value, comment.replace("\r\n", "\n"), answer)
            tables.write(
                self._sheet,
                marks.COLUMNS,
                marks.rows(self._tasks, given, self._most, self._hidden if self._anonymous else {}),
            )

    def _given(self):
        return marks.read(self._sheet, self._students, self._most, self._hidden)

    def _first(self, students, exercise, task, given):
        waiting = (i for i, one in enumerate(students) if not _is_marked(given, one, exercise, task))
        return next(waiting, 0)

    def _cell(self, exercise, task):
        return next(
            cell
            for cell in self._sources[exercise]["cells"]
            if name_of(cell) == task and kind_of(cell) in ("test", "hand")
        )

    def _title(self, exercise, task):
        return heading_of(self._sources[exercise], self._cell(exercise, task))[0] or task


def _inline(text):
    """A line as HTML, formulas as pictures, without a paragraph around it."""
    html = str(markdown(text)).strip()
    return Markup(html.removeprefix("<p>").removesuffix("</p>"))


def _readable(task):
    """An answer as Markdown: code in a block, below what the judge says about it."""
    if task["status"] == "by hand":
        return task["answer"]
    return f"{task.get('message', '')}\n\n~~~~~~~~~~\n{task['answer']}\n~~~~~~~~~~"


def parts_of(rubric):
    """Return what a rubric gives a point each for.

    Examples
    --------
    >>> parts_of("One point each: the sign; a number that was measured; the reason.")
    ['the sign', 'a number that was measured', 'the reason.']
    >>> parts_of("")
    []
    """
    text = re.sub(r"^[^:;.]*\beach:\s*", "", rubric)
    return [part.strip() for part in text.split(";") if part.strip()]


def _pictures(records):
    """The pictures in what a student wrote: in the cell for it, and in cells of the student's own."""
    mine = (record for record in records if record["kind"] == "hand" or record.get("added"))
    return [picture for record in mine for picture in record["pictures"]]


def _is_marked(given, student, exercise, task):
    mark = given.get((student, exercise, task))
    return bool(mark) and mark.points is not None


def _shuffled(student):
    return hashlib.sha256(f"desk {student}".encode()).digest()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self._answer(None)

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        if length > _LONGEST:
            return self._send(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too long")
        form = parse_qs(self.rfile.read(length).decode("utf-8", "replace"), keep_blank_values=True)
        return self._answer({key: form.get(key, [""])[0] for key in ("points", "comment")})

    def _answer(self, form):
        server, parts = self.server, [unquote(part) for part in urlsplit(self.path).path.split("/")[1:]]
        port = server.server_address[1]
        host = self.headers.get("Host") in (f"127.0.0.1:{port}", f"localhost:{port}")
        origin = self.headers.get("Origin")
        if (
            not host
            or not secrets.compare_digest(parts[0].encode(), server.token.encode())
            or (
                form is not None
                and origin not in (None, f"http://127.0.0.1:{port}", f"http://localhost:{port}")
            )
        ):
            return self._send(
                HTTPStatus.FORBIDDEN, "The address is another one: see where the desk was started."
            )
        if parts[1:] in ([], [""]):
            return self._page(title="Grade by hand", task=None, overview=server.desk.overview())
        try:
            exercise, task, number = parts[1], parts[2], int(parts[3])
            shown = server.desk.show(exercise, task, max(0, number))
        except (KeyError, ValueError, IndexError):
            return self._send(HTTPStatus.NOT_FOUND, "There is no such answer.")
        if form is None:
            return self._page(**shown)
        try:
            server.desk.save(exercise, task, number, form["points"], form["comment"])
        except (ValueError, OSError) as error:
            return self._page(**shown | {"said": str(error), "comment": form["comment"]})
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", str(number + 1) if shown["after"] is not None else "../../")
        self.end_headers()
        return None

    def _page(self, **values):
        nonce = secrets.token_urlsafe(12)
        page = _JINJA.get_template("desk.html").render(nonce=nonce, **values)
        self._send(HTTPStatus.OK, page, nonce)

    def _send(self, status, text, nonce=""):
        data = text.encode("utf-8", "replace")
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.send_header(
            "Content-Security-Policy",
            f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
            f"script-src 'nonce-{nonce}'; form-action 'self'",
        )
        self.send_header("Referrer-Policy", "same-origin")  # "no-referrer" makes a form's Origin null
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """Print nothing for each request."""


def serve(desk, port=0):
    """Return a server for the desk on this machine, and the address of its first page."""
    server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
    server.desk, server.token = desk, secrets.token_urlsafe(24)
    return server, f"http://127.0.0.1:{server.server_address[1]}/{server.token}/"


def main(arguments=None):
    """The command line."""
    parser = argparse.ArgumentParser(prog="desk", description="Grade by hand, task by task.")
    parser.add_argument("out", help="the folder that the grading has written")
    parser.add_argument("--source", help="the folder of the sources, with its course.toml")
    parser.add_argument("--anonymous", action="store_true", help="hide the students' names")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args(arguments)
    try:
        server, address = serve(Desk(options.out, options.source, options.anonymous), options.port)
    except (ValueError, OSError) as error:
        print(f"desk: {error}", file=sys.stderr)
        return 2
    print(f"{address}\nfor this machine alone; Ctrl-C ends it")
    webbrowser.open(address)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print(f"\nThe marks are in {options.out}/by_hand.csv: run the grading again.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
