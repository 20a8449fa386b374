"""A chapter is read in one sitting: its words and lines of code are bounded."""

import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from dlbook import reading
from dlbook.notebooks import chapters
from dlbook.reading import Length, length

CHAPTERS = Path(__file__).parents[2] / "chapters"


@pytest.mark.parametrize("path", chapters(CHAPTERS), ids=lambda path: path.stem)
def test_a_page_is_within_the_bounds(path):
    found = length(nbformat.read(path, as_version=4))
    assert found.within, found


@pytest.mark.parametrize("path", chapters(CHAPTERS), ids=lambda path: path.stem)
def test_a_page_states_its_minutes(path):
    notebook = nbformat.read(path, as_version=4)
    text = "".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    stated = re.findall(r"\*\*(\d+) minutes\*\* · ", text)
    assert stated == ([] if path.stem == "index" else [str(length(notebook).stated)])


def test_prose_is_counted_in_cells_and_sentences_and_code_where_it_is_open():
    said = new_output(
        "display_data", {"text/plain": "a", "text/markdown": "It is [**loss**](glossary.md#loss)."}
    )
    folded = {"tags": ["hide-input"]}
    cells = [
        new_markdown_cell(
            ":::{admonition} Predict\n:class: tip\nLet $x = yz$ be *small*:\n\n$$\na b c\n$$\n:::"
        ),
        new_code_cell("a = 1\n\nb = 2", outputs=[new_output("stream", name="stdout", text="not prose")]),
        new_code_cell("import numpy\nexplore(draw)", metadata=folded, outputs=[said]),
    ]
    assert length(new_notebook(cells=cells)) == Length(words=3 + 3, lines=2, explorers=1, terms=1)


@pytest.mark.parametrize("spare", [0, 1])
def test_one_word_or_one_line_too_many_is_out_of_bounds(spare):
    short = [
        new_markdown_cell("word " * (reading.WORDS - spare)),
        new_code_cell("x\n" * (reading.LINES - spare)),
    ]
    assert length(new_notebook(cells=short)).within
    assert not length(new_notebook(cells=[*short, new_markdown_cell("word " * (spare + 1))])).within
    assert not length(new_notebook(cells=[*short, new_code_cell("x\n" * (spare + 1))])).within


def test_the_table_has_a_row_for_each_page_and_a_number_for_each_column(tmp_path):
    (tmp_path / "deeper").mkdir()
    for name, words in {"adam": 360, "deeper/races": 180}.items():
        page = new_notebook(cells=[new_markdown_cell("word " * words), new_code_cell("x\n" * 15)])
        nbformat.write(page, tmp_path / f"{name}.ipynb")
    head, _, *rows = reading.table(tmp_path).splitlines()
    assert head == "| page | words | visible lines | explorers | terms introduced | minutes |"
    assert rows == ["| adam | 360 | 15 | 0 | 0 | 3 |", "| deeper/races | 180 | 15 | 0 | 0 | 2 |"]
