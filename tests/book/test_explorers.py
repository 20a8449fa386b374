"""The chapters' explorers, as the notebooks state them: do text and page count alike, and are names free?"""

import ast
import re
from pathlib import Path

import nbformat
import pytest

from dlbook.explorer.names import anchor

CHAPTERS = Path(__file__).parents[2] / "chapters"
PAGES = sorted([*CHAPTERS.glob("*.ipynb"), *CHAPTERS.glob("deeper/*.ipynb")])
CAPTION = re.compile(r"^\*\*Explorer (\d+)[.:]", re.MULTILINE)


def explorers(code):
    """The names of the explorers that a cell makes, in order; None for one that only its run knows."""
    tree = ast.parse(re.sub(r"^\s*[%!].*$", "", code, flags=re.MULTILINE))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "explore":
            named = [ast.literal_eval(k.value) for k in node.keywords if k.arg == "name"]
            draw = node.args[0].args[0] if isinstance(node.args[0], ast.Call) else node.args[0]
            function = getattr(draw, "attr", getattr(draw, "id", ""))
            yield named[0] if named else anchor(function) if function.startswith("draw_") else None


def disagreements(notebook):
    """Where the numbers in the text are not those that the page counts, or two names are one."""
    announced, names = None, []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for number in map(int, CAPTION.findall(cell.source)):
                if announced:
                    yield f"Explorer {announced} is announced and does not follow"
                announced = number
        else:
            for name in explorers(cell.source):
                names.append(name)
                if announced not in (None, len(names)):
                    yield f"Explorer {announced} is announced where Explorer {len(names)} stands"
                announced = None
    if announced:
        yield f"Explorer {announced} is announced and does not follow"
    yield from (
        f"two explorers are named {name}" for name in sorted(set(names) - {None}) if names.count(name) > 1
    )


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_text_and_page_count_the_explorers_alike(path):
    assert list(disagreements(nbformat.read(path, as_version=4))) == []


def test_a_wrong_number_and_a_name_given_twice_are_found():
    def cells(*sources):
        made = [
            nbformat.v4.new_markdown_cell(s) if s.startswith("*") else nbformat.v4.new_code_cell(s)
            for s in sources
        ]
        return nbformat.v4.new_notebook(cells=made)

    one, two = "explore(draw_ducks, n=[1, 2])", "explore(partial(f.draw_geese, r=1), n=[1, 2], name='ducks')"
    assert list(disagreements(cells("**Explorer 1. Ducks.**", one))) == []
    assert list(disagreements(cells("**Explorer 2. Ducks.**", one))) == [
        "Explorer 2 is announced where Explorer 1 stands"
    ]
    assert list(disagreements(cells(one, two, "**Explorer 3: Geese.**"))) == [
        "Explorer 3 is announced and does not follow", "two explorers are named ducks"
    ]  # fmt: skip
