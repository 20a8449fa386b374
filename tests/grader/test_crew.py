"""Crew: a machine or a judge that fails costs nobody a point, and is tried again."""

import os
import time

import nbformat
import pytest
from classes import SOURCE, Class, notebook
from clocks import at_the_machine_s_pace
from nbformat.v4 import new_code_cell
from test_cells import cell
from test_sandbox import needs_sandbox

from dlbook.grader.grade.__main__ import main
from dlbook.grader.judge import Job

pytestmark = needs_sandbox


@pytest.mark.usefixtures("warm_judges")
def test_a_machine_on_which_the_solution_fails_grades_nothing(klass, capsys):
    klass.hand_in("ann")
    wrong = [nbformat.from_dict(one) for one in SOURCE]
    wrong[1] = cell("### BEGIN SOLUTION\nmine = 3\n### END SOLUTION", "mine-answer", solution=True)
    klass.write_source(wrong)
    assert klass.grade()["ann"] == {"mine": (None, "not graded"), "why": (None, "not graded")}
    assert "the solution of small does not earn all points here: mine: failed" in capsys.readouterr().err
    wrong[1] = cell(
        "### BEGIN SOLUTION\nimport not_there\nmine = 2\n### END SOLUTION", "mine-answer", solution=True
    )
    klass.write_source(wrong)
    assert klass.grade()["ann"]["mine"] == (None, "not graded")
    assert "ended in ModuleNotFoundError: No module named 'not_there'" in capsys.readouterr().err
    klass.write_source(SOURCE)
    assert klass.grade()["ann"]["mine"] == (2, "passed")


def test_a_judge_that_fails_takes_no_points(tmp_path, monkeypatch, capsys):
    klass = Class(tmp_path)
    klass.hand_in("ann")
    monkeypatch.setenv("PYTHONPATH", os.fspath(tmp_path / "broken"))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "numpy.py").write_text("raise ImportError('no NumPy today')")
    arguments = [str(klass.folder / "in"), str(klass.out), "--source", str(klass.source)]
    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert "look at ann, small: not graded" in said and "no NumPy today" in said
    page = (klass.out / "feedback" / "ann" / "small.html").read_text()
    assert "no points are lost" in page and "NumPy today" not in page
    monkeypatch.delenv("PYTHONPATH")
    assert main(arguments) == 0  # tried again


@pytest.mark.usefixtures("warm_judges")
def test_what_the_judge_cannot_end_is_cut_once_and_not_tried_again(tmp_path):
    hard = [nbformat.from_dict(one) for one in SOURCE]
    test = "### BEGIN HIDDEN TESTS\nexpect(len(str(10 ** int(mine))), 3)\n### END HIDDEN TESTS"
    hard[1] = cell("### BEGIN SOLUTION\nmine = 2\n### END SOLUTION", "mine-answer", solution=True)
    hard[2] = cell(test, "mine", grade=True, locked=True, points=2)

    def check(unit):
        klass = Class(tmp_path / f"{unit}")
        klass.write_source(hard)
        klass.hand_in("ann", notebook(f"mine = {10**9}"))  # one product in C, which no signal interrupts
        klass.hand_in("bob", notebook("mine = 2"))
        limits = {"cell_seconds": 2 * unit, "seconds": 8 * unit}
        start = time.monotonic()
        table = klass.grade(**limits)
        assert time.monotonic() - start < 2 * (8 * unit + Job.starting + 20)
        assert table["bob"]["mine"] == (2, "passed") and not table["ann"]["mine"][0]
        kept = klass.out / "results" / "ann" / "small.json"
        before = kept.stat().st_mtime_ns
        klass.grade(**limits)
        assert kept.stat().st_mtime_ns == before

    at_the_machine_s_pace(check)


@pytest.mark.usefixtures("warm_judges")
def test_extra_cells_that_break_the_task_are_left_out_in_the_end(klass):
    broken = notebook()
    broken.cells.insert(
        2, new_code_cell("class Kill(int):\n    pass\nimport os\nmine = Kill(mine)\ndel mine\nos._exit(1)")
    )
    klass.hand_in("ann", broken)
    assert klass.grade()["ann"]["mine"][0] == 2
