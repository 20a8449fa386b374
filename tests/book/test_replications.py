"""The ledger of published results says what the chapters measured, and nothing else."""

import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from dlbook.notebooks import chapters
from dlbook.replications import Replication, harvest, ledger, name_of, replicated, seconds

CHAPTERS = Path(__file__).parents[2] / "chapters"


def one(**changes):
    told = {
        "published": "148 steps",
        "ours": "150 (16 seeds)",
        "verdict": "shape only",
        "because": "one step of 50",
    }
    return replicated(7, "Notes 15.4", **(told | changes))


def notebook_of(found):
    def cell(source, second, outputs=()):
        clock = {
            "iopub.execute_input": "2026-01-01T00:00:00Z",
            "shell.execute_reply": f"2026-01-01T00:00:{second:02}Z",
        }
        return new_code_cell(source, outputs=list(outputs), metadata={"execution": clock})

    output = new_output("execute_result", {"text/plain": str(found)}, execution_count=1)
    return new_notebook(
        cells=[
            cell("import", 9),
            new_markdown_cell("Text\n\n### A section"),
            cell("run()", 5),
            new_markdown_cell("More"),
            cell("replicated(...)", 2, [output]),
        ]
    )


@pytest.mark.parametrize("found", [one(), one(verdict="reproduced", because=""), one(ours="a: b, “c” | d")])
def test_a_replication_is_read_back_from_its_text(found):
    assert Replication.parse(str(found)) == found
    assert list(harvest(notebook_of(found))) == [(found, 4)]


def test_other_texts_are_no_replication():
    assert Replication.parse("Replication of cells") is None
    assert Replication.parse(str(one()).replace("shape only", "splendid")) is None


def test_the_seconds_are_those_of_the_section():
    assert seconds(notebook_of(one()), 4) == 7.0


def test_the_box_shows_every_part_and_escapes_it():
    html = one(ours="a < b")._repr_html_()
    assert all(
        text in html for text in ("Notes 15.4", "148 steps", "a &lt; b", "shape only", "one step of 50")
    )
    assert f'id="{one().anchor}"' in html and one().anchor == "replication-7-notes-15-4"


def test_the_ledger_has_a_line_for_each_and_counts_the_verdicts():
    text = ledger([(one(), "adam", 3.4), (one(verdict="reproduced", because=""), "splits", 0.1)])
    assert "2 results in 1 rows: 1 reproduced, 1 shape only, 0 not reproducible." in text
    assert "| shape only | [adam](adam.ipynb#replication-7-notes-15-4) | 3 |" in text
    below = ledger([(one(), "deeper/adam_race", 3.4)])
    assert "| [adam race](deeper/adam_race.ipynb#replication-7-notes-15-4) | 3 |" in below
    assert "[Notes 15.4](replications.md#replication-7-notes-15-4)" in text and one()._repr_html_() in text


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            {"verdict": "splendid"},
            "verdict must be one of 'reproduced', 'shape only', 'not reproducible', got 'splendid'",
        ),
        ({"because": ""}, "because must say why the result is 'shape only'"),
        ({"ours": " "}, "ours must be one line of text"),
        ({"published": "a\nb"}, "published must be one line of text"),
    ],
)
def test_a_replication_without_its_parts_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        one(**changes)
    with pytest.raises(ValueError, match="number must be at least 1, got 0|number must be"):
        replicated(0, "x", published="a", ours="b", verdict="reproduced")


def test_the_ledger_is_what_the_stored_chapters_say():
    page = (CHAPTERS / "replications.md").read_text()
    clock = dict(re.findall(r"#(replication-[^)]+)\).*\| (\d+) \|$", page, re.MULTILINE))
    entries = [
        (found, name_of(path), float(clock.get(found.anchor, "nan")))
        for path in chapters(CHAPTERS)
        for found, _ in harvest(nbformat.read(path, as_version=4))
    ]
    assert ledger(entries) == page, "run `make replications`"
