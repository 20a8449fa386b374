"""Reading: how long is a page, and is it within the bounds of a chapter?

`python -m dlbook.reading` prints a table of all pages, as Markdown. `python -m dlbook.reading _build/html`
adds how many screens each is on a desktop and on a phone, and the screen on which the first explorer stands,
as Chromium lays out the built site.

Minutes are an estimate, made of what a reader does: 180 words of technical text a minute, 15 lines of code
a minute, and one minute at each explorer.
"""

import math
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat

from dlbook.notebooks import FOLDED, chapters
from dlbook.site.parts import CHROMIUM

WORDS, LINES, SCREENS = 2800, 220, 20
"""The most that a chapter may have: words of prose, visible lines of code, screens of 1280 × 900."""

_WORD = re.compile(r"[A-Za-z][\w'’-]*")
_FORMULA = re.compile(r"\$\$.*?\$\$|\$[^$]*\$", re.DOTALL)
_MARKUP = re.compile(r"^:.*$|\]\([^)]*\)|<[^>]*>", re.MULTILINE)  # fences of boxes, links' targets, HTML
_TERM = re.compile(r"\[\*\*[^\]]+\]\((?:\.\./)?glossary\.md#([\w-]+)\)")


@dataclass(frozen=True)
class Length:
    """How much there is to read on a page."""

    words: int
    lines: int
    explorers: int
    terms: int

    @property
    def minutes(self):
        return round(self.words / 180 + self.lines / 15 + self.explorers)

    @property
    def stated(self):
        """The minutes that a page states at its top: up to the next five."""
        return 5 * math.ceil(self.minutes / 5)

    @property
    def within(self):
        """Whether a chapter may be that long."""
        return self.words <= WORDS and self.lines <= LINES


def length(notebook):
    """Count the words of an executed notebook's prose, its visible lines of code, explorers and new terms.

    Prose is what the Markdown cells say and what the cells' sentences say, formulas left out. A line is
    visible if its cell is not folded and it is not empty. A term counts where it stands in bold, linked to
    the glossary.

    Examples
    --------
    >>> from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
    >>> cells = [new_markdown_cell("Let $x$ be small."), new_code_cell("x = 1\\n\\ny = 2")]
    >>> length(new_notebook(cells=cells))
    Length(words=3, lines=2, explorers=0, terms=0)
    """
    prose, lines, explorers = [], 0, 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            prose.append(cell.source)
            continue
        if not FOLDED & set(cell.metadata.get("tags", [])):
            lines += sum(bool(line.strip()) for line in cell.source.splitlines())
        explorers += len(re.findall(r"^explore\(", cell.source, re.MULTILINE))
        prose += [
            output.data["text/markdown"]
            for output in cell.outputs
            if "text/markdown" in output.get("data", {})
        ]
    text = "\n\n".join(prose)
    words = _WORD.findall(_MARKUP.sub("", _FORMULA.sub("", text)))
    return Length(len(words), lines, explorers, len(set(_TERM.findall(text))))


def screens(site, pages, sizes=((1280, 900), (390, 844))):
    """Return each page's number of screens at each size, and its first explorer's place at the first size."""
    from playwright.sync_api import sync_playwright

    found = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for page in pages:
            told = []
            for width, height in sizes:
                tab = browser.new_page(viewport={"width": width, "height": height}, reduced_motion="reduce")
                tab.goto((Path(site) / "chapters" / f"{page}.html").resolve().as_uri())
                tab.wait_for_load_state("load")
                told.append(tab.evaluate("document.documentElement.scrollHeight") / height)
                if width == sizes[0][0]:
                    first = tab.locator("figure.explorer").first
                    top = first.bounding_box()["y"] / height if first.count() else None
                tab.close()
            found[page] = (*told, top)
        browser.close()
    return found


def table(folder, site=None):
    """Return the table as Markdown, a row for each page."""
    paths = {str(path.relative_to(folder).with_suffix("")): path for path in chapters(folder)}
    laid_out = screens(site, paths) if site else {}
    head = ["page", "words", "visible lines", "explorers", "terms introduced", "minutes"]
    head += ["screens at 1280", "at 390", "first explorer on screen"] if site else []
    rows = [head, ["---"] * len(head)]
    for page, path in paths.items():
        found = length(nbformat.read(path, as_version=4))
        row = [page, found.words, found.lines, found.explorers, found.terms, found.minutes]
        if site:
            desktop, phone, top = laid_out[page]
            row += [f"{desktop:.1f}", f"{phone:.1f}", "–" if top is None else int(top) + 1]
        rows.append(row)
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


if __name__ == "__main__":
    print(table(Path("chapters"), *sys.argv[1:2]))
