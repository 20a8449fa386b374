"""Curves: an exercise shows its curves with no plotting library, as a picture and as a table."""

import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from dlbook.grader import Curves

RUNS = {
    "A": {"training loss": [2.0, 0.5, 0.1], "validation <loss>": [2.2, 1.0, 1.5]},
    "B": {"training loss": [2.0, 20.0, float("nan")], "validation <loss>": [2.2, 30.0, float("inf")]},
}


def lines(svg):
    """The points of a panel's curves, which are the lines that have a colour of their own."""
    return [
        [tuple(map(float, point.split(","))) for point in line.get("points").split()]
        for line in svg.iter("polyline")
        if line.get("stroke") != "currentColor"
    ]


def panels(found):
    text = re.sub(r"^.*?</div>", "", found._repr_html_(), flags=re.DOTALL)  # without the key
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]


def test_each_run_has_a_panel_and_each_curve_a_line_on_one_axis():
    found = Curves(RUNS, [10, 100, 1000])
    first, second = panels(found)
    assert [len(line) for line in lines(first)] == [3, 3]
    assert [len(line) for line in lines(second)] == [2, 2]  # what is not finite is left out
    (start, *_), (other, *_) = lines(first)[0], lines(second)[0]
    assert start == other  # 2.0 at step 10 in both
    falls = [y for _, y in lines(first)[0]]
    assert falls == sorted(falls)  # SVG counts downwards
    y = {
        value: line[1][1] for value, line in zip((0.5, 1.0, 20.0), lines(first) + lines(second), strict=False)
    }
    per_decade = y[0.5] - y[20.0]
    assert (y[0.5] - y[1.0]) / per_decade == pytest.approx(0.30103 / 1.60206, abs=0.01)


def test_values_below_the_floor_are_drawn_at_it_and_told_as_they_are():
    found = Curves({"A": {"loss": [1.0, 0.1, 1e-9]}}, [1, 2, 3], floor=0.1)
    ((_, (_, at_floor), (_, below)),) = lines(panels(found)[0])
    assert below == at_floor and "1e-09" in repr(found)


@pytest.mark.parametrize("smallest, labels", [(0.1, 4), (1e-3, 4), (1e-8, 9), (1e-16, 9)])
def test_the_labels_of_the_axis_stand_apart(smallest, labels):
    (panel,) = panels(Curves({"A": {"loss": [1.0, smallest]}}, [1, 2]))
    heights = [float(text.get("y")) for text in panel.iter("text") if text.get("text-anchor") == "end"][:-1]
    assert len(heights) == labels
    assert min(-np.diff(heights)) >= 11  # the size of the letters


def test_names_are_text_and_the_table_stands_below():
    page = Curves(RUNS, [10, 100, 1000])._repr_html_()
    assert "validation &lt;loss&gt;" in page and "<loss>" not in page
    assert "B training loss" in page and "nan" in page


@pytest.mark.parametrize(
    "runs, at, complaint",
    [
        ({}, [1], "must have 1 to 3 curves, got 0"),
        ({"A": {str(i): [1.0] for i in range(4)}}, [1], "got 4"),
        ({"A": {"loss": [1.0]}, "B": {"error": [1.0]}}, [1], "run B must have the curves"),
        ({"A": {"loss": [1.0, 2.0]}}, [1], "A loss must have 1 values, got 2"),
        ({"A": {"loss": [float("nan")]}}, [1], "a positive value"),
    ],
)
def test_what_cannot_be_drawn_is_refused(runs, at, complaint):
    with pytest.raises(ValueError, match=complaint):
        Curves(runs, at)


def test_it_loads_no_plotting_library():
    code = (
        "import sys; from dlbook.grader import Curves; Curves({'A': {'x': [1.0]}}, [1])._repr_html_(); "
        "assert 'matplotlib' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
