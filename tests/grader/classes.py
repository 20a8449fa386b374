"""A class that hands in a small exercise, and what its grades are."""

import nbformat
from clocks import AMPLE
from nbformat.v4 import new_markdown_cell, new_notebook
from test_cells import cell

from dlbook.grader import tables
from dlbook.grader.grade import grade

STUB = 'raise NotImplementedError("not answered yet")'
SETUP = (
    'from dlbook.grader import expect, variant\nSTUDENT = "anyone"\n'
    'my = variant("small", STUDENT, n=range(10**6))'
)
SOURCE = [
    cell(SETUP, "setup", locked=True),
    cell("### BEGIN SOLUTION\nmine = 2 * my.n\n### END SOLUTION", "mine-answer", solution=True),
    cell(
        "assert mine\n### BEGIN HIDDEN TESTS\nexpect(mine, 2 * my.n, 'mine')\n### END HIDDEN TESTS",
        "mine",
        grade=True,
        locked=True,
        points=2,
    ),
    new_markdown_cell("## 2 Why (4 points)\n\nWhy?\n\n*Rubric.* A point each."),
    cell("Because.", "why", new_markdown_cell, grade=True, solution=True, points=4),
]


def notebook(answer="mine = 2 * my.n", why="Because.", setup=SETUP):
    cells = [nbformat.from_dict(one) for one in SOURCE]
    cells[0] = cell(setup, "setup", locked=True)
    cells[1] = cell(answer, "mine-answer", solution=True)
    cells[4] = cell(why, "why", new_markdown_cell, grade=True, solution=True, points=4)
    return new_notebook(cells=cells)


class Class:
    def __init__(self, folder):
        self.folder, self.source, self.out = folder, folder / "source", folder / "out"
        self.write_source(SOURCE)

    def write_source(self, cells):
        path = self.source / "small" / "small.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(nbformat.writes(new_notebook(cells=cells)))

    def hand_in(self, student, content=None, name="small/small.ipynb"):
        path = self.folder / "in" / student / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(nbformat.writes(content or notebook()), encoding="utf-8")
        return path

    def grade(self, **options):
        options = {"progress": False} | AMPLE | options
        rows = grade(self.folder / "in", self.out, source=self.source, **options)
        table = {}
        for row in rows:
            table.setdefault(row["student"], {})[row["task"]] = (row["points"], row["status"])
        return table

    def sheet(self):
        return {(row["student"], row["task"]): row for _, row in tables.read(self.out / "by_hand.csv")}

    def mark(self, student, points, comment="marked", task="why"):
        rows = self.sheet()
        row = {"student": student, "exercise": "small", "task": task, "answer": ""}
        rows[student, task] = rows.get((student, task), row) | {"points": points, "comment": comment}
        columns = ("student", "exercise", "task", "maximum", "points", "comment", "answer")
        tables.write(self.out / "by_hand.csv", columns, list(rows.values()))
