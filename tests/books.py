"""What the tests of the explorer share: somebody else's book, on ponds, with figures of its own."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat

from dlbook.reproducible import JUPYTER_BOOK

BUILDER = Path(sys.executable).with_name("jupyter-book")
CONFIG = """
title: Ponds
only_build_toc_files: true
execute: {execute_notebooks: cache}
sphinx: {extra_extensions: [dlbook.explorer]}
"""
FIGURES = '''
"""What the book on ponds draws."""

from dlbook.explorer.style import palette


def draw_ducks(ax, ducks, frozen):
    ax.plot([0, 1], [0, 1 / ducks], color=palette["blue"])
    ax.set(ylim=(0, 1))
    return f"With {ducks} ducks each gets {1 / ducks:.2f} of the {'ice' if frozen else 'pond'}."
'''
CELL = """
from ponds import draw_ducks
from dlbook.explorer import explore

explore(draw_ducks, ducks=[1, 2, 4], frozen=[False, True], default={"ducks": 2})
"""


text = nbformat.v4.new_markdown_cell


def write_chapter(path, *cells):
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# Ducks"),
            *(c if isinstance(c, dict) else nbformat.v4.new_code_cell(c.strip()) for c in cells),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    nbformat.write(notebook, path)


def write_book(folder, config=CONFIG, **chapters):
    chapters = chapters or {"ducks": CELL}
    (folder / "_config.yml").write_text(config)
    names = "".join(f"- file: {name}\n" for name in chapters)
    (folder / "_toc.yml").write_text(f"format: jb-book\nroot: index\nchapters:\n{names}")
    (folder / "index.md").write_text("# Ponds\n\nNo figure here.\n")
    (folder / "ponds.py").write_text(FIGURES)
    for name, cells in chapters.items():
        write_chapter(folder / f"{name}.ipynb", *([cells] if isinstance(cells, str) else cells))


def build(folder, **environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("EXPLORER_")}
    return subprocess.run(
        [*JUPYTER_BOOK, "build", ".", "-W", "--keep-going"], cwd=folder, env=clean | environment, timeout=300,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
