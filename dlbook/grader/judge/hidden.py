"""Hidden: how is a test run that the student's process must not see, on values that only it has?

The test and the locked cells are the source's and run here, in the judge's process. Every other name is asked
of the student's process and met as a `Remote`. So what is compared has left the reach of the student's code.
No source of the student's is run in this file.
"""

import ast
import contextlib
import io
from copy import deepcopy

import numpy as np

from dlbook.grader.cells import given_cells, name_of, names_in, points_of, with_student
from dlbook.grader.judge.job import Task, WrongLibraryError
from dlbook.grader.marking import discreet


def trusted_of(source, student):
    """Return what the locked cells define without the student's help."""
    space = {"__name__": "judged"}
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            for text in given_cells(source)[0]:
                exec(compile(with_student(text, student), "<locked>", "exec"), space)
    except Exception as error:
        raise WrongLibraryError(
            f"the exercise's own cells fail here: {type(error).__name__}: {error}"
        ) from None
    return space


def judged(cell, wire, trusted, job):
    """Return what a test finds, and whether the answer did what the task asks.

    Parameters
    ----------
    cell : dict
        The source's test, hidden part included.
    wire : Wire
        The line to the student's process.
    trusted : dict
        What the locked cells define: see `trusted_of`.
    job : Job
        Its `yourself`, `measures` and `changes_inputs` are about what tests cannot see.
    """
    name = name_of(cell)
    wire.lent = wire.drew = False
    with _watched(wire, job.yourself.get(name, [])) as called:
        result = _test(cell, wire, trusted, copies=name not in job.changes_inputs)
    result.changes_inputs = wire.changed
    if called:
        names = ", ".join(called)
        why = f"your code calls {names}, and the task asks you to write this yourself"
        _to_a_person(result, f"calls {names}", why)
    elif name in job.measures and wire.lent and not wire.drew:
        why = "your code draws nothing from the generator that it is given, and the task asks you to measure"
        _to_a_person(result, "measures nothing", why)
    return result


def _test(cell, wire, trusted, copies):
    """Run a test against the student's process.

    Where the solution changes nothing that it is given, an answer that does is judged a second time, with
    copies: a test that computes the right value from what the answer has left would be fooled.
    """
    wire.changed = wire.copies = False
    result = _test_once(cell, wire, trusted)
    if result.points and wire.changed and copies:
        wire.copies = True
        again = _test_once(cell, wire, trusted)
        wire.copies = False
        if again.points < result.points:
            again.message = f"your code changes the arrays that it is given\n{again.message}".strip()
            return again
    return result


def _test_once(cell, wire, trusted):
    task, most = name_of(cell), points_of(cell)
    space = {
        key: deepcopy(v) if isinstance(v, (np.ndarray, np.random.Generator, list, dict)) else v
        for key, v in trusted.items()
        if key != "__builtins__"
    }
    printed = io.StringIO()
    try:
        for name in sorted(names_in(cell["source"])[1] - set(space)):
            space[name] = wire.root.look(name)
        tree = ast.parse(cell["source"])
        last = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None
        with contextlib.redirect_stdout(printed), discreet():
            exec(compile(tree, "<test>", "exec"), space)
            value = eval(compile(last, "<test>", "eval"), space) if last else None
    except AssertionError as wrong:
        return Task(task, 0, most, "failed", _said(printed, str(wrong)))
    except Exception as error:
        return Task(task, 0, most, "failed", _said(printed, f"{type(error).__name__}: {error}{_hint(error)}"))
    if type(value) in (int, float) and 0 <= value < most:
        return Task(task, value, most, "partly" if value else "failed", _said(printed, ""))
    return Task(task, most, most, "passed", _said(printed, ""))


@contextlib.contextmanager
def _watched(wire, packages):
    """Yield a list that holds in the end which names of these packages the student's code has called."""
    called = []
    if not packages:
        yield called
        return
    wire.root.watch(packages)
    yield called
    with contextlib.suppress(Exception):  # the other end may say anything
        called += [str(name)[:100] for name in list(wire.root.watched())[:3]]


def _to_a_person(result, status, why):
    """Leave it to a person what an answer earns that passes its tests and does not do what the task asks."""
    if result.points:
        earned = f"The tests give it {result.points:g} of {result.maximum:g} points; your instructor decides."
        result.message = "\n".join(filter(None, [f"{why}. {earned}", result.message]))
        result.points, result.status = None, status


def _hint(error):
    if isinstance(error, TypeError) and "Remote" in str(error):
        return (
            " (a value of this kind stays in your notebook: give numbers, arrays, texts, lists, dictionaries "
            "or functions of them)"
        )
    return ""


def _said(printed, message):
    lines = dict.fromkeys([*printed.getvalue().strip().splitlines(), *message.splitlines()])  # each once
    return "\n".join(filter(None, lines))[:4000]
