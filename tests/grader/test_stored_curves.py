"""Curves that an exercise shows were measured: the runs are made again here, not on the student's page.

The code that makes them would tell which run is which. An exercise keeps their numbers in its second cell,
under the name `measured`.
"""

import ast
import re

import numpy as np
import pytest
from curves import MEASURED, SIGNS
from test_release import SOURCE

from dlbook.grader import release
from dlbook.grader.cells import kind_of


def numbers_of(exercise):
    """What an exercise's first two locked cells define: the name, then the numbers."""
    notebook, space = release.read(exercise, SOURCE), {}
    for cell in [one for one in notebook.cells if kind_of(one) == "locked"][:2]:
        exec(cell.source, space)
    return space


@pytest.mark.parametrize("exercise", MEASURED)
def test_the_stored_curves_are_those_of_the_runs(exercise):
    runs = zip(numbers_of(exercise)["measured"], MEASURED[exercise](), strict=True)
    for row, (stored, found) in enumerate(runs):
        exact = exercise in ("momentum", "weight_decay")  # neither chaotic nor trained
        alike = np.isclose(stored, found, rtol=0.02 if exact else 0.1, atol=1e-9 if exact else 0.05)
        assert np.shape(stored) == found.shape
        if alike.mean() <= (0.99 if exact else 0.8):
            # at too large a rate a run is chaotic: elsewhere only its beginning is the same, and its signs
            signs = list(SIGNS[exercise](*found).values())[row] if exercise in SIGNS else [0]
            assert not exact and alike[:, : found.shape[-1] // 5].all() and min(signs) >= 1, (
                f"{stored}\n{found}"
            )


@pytest.mark.parametrize("exercise", SIGNS)
def test_the_curves_of_each_run_have_its_own_signs_with_a_margin_and_no_other_run_has_them(exercise):
    space = numbers_of(exercise)
    for row, curves in enumerate(space["measured"]):
        signs = SIGNS[exercise](*np.array(curves))
        for at, (name, found) in enumerate(signs.items()):
            if at == row:
                assert min(found) >= 2, f"{name} is hard to tell: {found}"
            else:
                assert min(found) <= 0.5, f"run {row} could be taken for {name}: {found}"


@pytest.mark.parametrize("exercise", release.exercises(source=SOURCE))
def test_the_names_to_choose_from_do_not_stand_in_the_order_in_which_the_runs_are_stored(exercise):
    """Else the student's own order, which the page shows, would give the answer."""
    cells = release.read(exercise, SOURCE).cells
    hidden = "\n".join(cell.source.partition("BEGIN HIDDEN")[2] for cell in cells if kind_of(cell) == "test")
    stored = re.search(r"\b(?:kinds|wanted) = (\[\"[^\]]*\])", hidden)
    if stored is None:
        pytest.skip("no names of runs")
    stored = ast.literal_eval(stored[1])
    lists = [re.findall(r'(?m)^- `"([^"]*)"`', cell.source) for cell in cells if cell.cell_type == "markdown"]
    literals = [
        re.findall(r'"([^"]*)"', literal)
        for cell in cells
        if cell.cell_type == "code"
        for literal in re.findall(r"= [{\[](\"[^}\]]*)[}\]]", cell.source.partition("### BEGIN")[0])
    ]
    shown = [[name for name in names if name in stored] for names in (*lists, *literals)]
    shown = [names for names in shown if sorted(names) == sorted(stored)]
    assert shown and stored not in shown and stored[::-1] not in shown
