"""Mutants of a testing task compute something wrong. None of them crashes, which any test would notice."""

import ast
import contextlib
import io

import pytest
from test_release import SOURCE

from dlbook.grader import kills, release
from dlbook.grader.cells import kind_of, name_of, tasks_of

TASKS = [
    (exercise, name_of(cell), *answers)
    for exercise in release.exercises(source=SOURCE)
    for cell, answers in tasks_of(release.read(exercise, SOURCE))
    if kind_of(cell) == "test" and "kills(" in cell["source"]
]


class WithoutAsserts(ast.NodeTransformer):
    """What was asserted is still computed."""

    def visit_Assert(self, node):
        return ast.Expr(node.test)


def counted(exercise, task, answer):
    """How many mutants each call of `kills` counts for the solution's test without its asserts."""
    space, found = {"__name__": "graded"}, []

    def counting(test, correct, mutants):
        found.append(kills(test, correct, mutants))
        return len(mutants)

    for cell in release.read(exercise, SOURCE).cells:
        tree = ast.parse(cell.source) if cell.cell_type == "code" else ast.Module([], [])
        if name_of(cell) == answer:
            tree = ast.fix_missing_locations(WithoutAsserts().visit(tree))
        if name_of(cell) == task:
            exec(compile(tree, "<test>", "exec"), space | {"kills": counting})
            return found
        if kind_of(cell) in ("locked", "answer"):
            exec(compile(tree, "<cell>", "exec"), space)
    raise ValueError(f"{exercise} has no task {task}")


@pytest.mark.parametrize("exercise, task, answer", TASKS)
def test_a_test_that_takes_every_step_and_asserts_nothing_kills_no_mutant(exercise, task, answer):
    with contextlib.redirect_stdout(io.StringIO()) as said:
        found = counted(exercise, task, answer)
    assert found == [0, 0], said.getvalue()  # the visible check's and the hidden tests'


def test_a_mutant_that_crashes_would_be_counted():
    def step(square):
        square(3)

    with contextlib.redirect_stdout(io.StringIO()):
        assert kills(step, {"x * x": lambda x: x * x}, {"2x": lambda x: 2 * x, "crash": lambda x: x[0]}) == 1
