"""The whole site in a browser: search from a file, formulas by keyboard, and no solution anywhere."""

import html
import json
import re

from browsing import BOOK

import leaks
from dlbook.grader import release


def test_a_wide_formula_can_be_scrolled_by_keyboard_and_a_narrow_one_is_no_stop(visit):
    page, _, _ = visit("chapters/batch_normalization", width=390)
    page.wait_for_selector("mjx-container", state="attached")
    page.evaluate("MathJax.startup.document.lazyTypesetAll()")  # as if the reader had been everywhere
    page.wait_for_selector("mjx-container[tabindex]", state="attached")
    wide = """[...document.querySelectorAll('mjx-container[display="true"]')].map(
        formula => [formula.scrollWidth > formula.clientWidth, formula.tabIndex])"""
    found = page.evaluate(wide)
    assert all(tab == (0 if scrolls else -1) for scrolls, tab in found)
    assert {scrolls for scrolls, _ in found} == {True, False}
    # without a change of the page's elements, as when a font comes late
    larger = "() => { document.querySelector('.bd-article').style.fontSize = '300%' }"
    page.evaluate(f"({larger})(), new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve)))")
    larger = page.evaluate(wide)
    assert all(tab == (0 if scrolls else -1) for scrolls, tab in larger)
    assert sum(scrolls for scrolls, _ in larger) > sum(scrolls for scrolls, _ in found)


def test_no_table_of_the_ledger_scrolls_sideways_on_a_phone(visit):
    page, _, _ = visit("chapters/replications", width=360)
    tables = "document.querySelectorAll(':is(.ledger, .replication) .pst-scrollable-table-container')"
    beyond = page.evaluate(f"[...{tables}].map(table => table.scrollWidth - table.clientWidth)")
    assert len(beyond) > 40 and max(beyond) <= 0


def test_no_solution_and_no_hidden_test_is_anywhere_in_the_site(site):
    """Neither on a page nor in its source, its download or the search index: whole lines of no chapter."""
    chapters = "".join(
        path.read_text() for path in (BOOK / "chapters").glob("**/*.ipynb") if "exercises" not in path.parts
    )
    secret = set()
    for name in release.exercises(source=leaks.SOURCE):
        source = release.read(name, leaks.SOURCE)
        page = (BOOK / "chapters/exercises" / f"{name}.ipynb").read_text()
        secret |= leaks.hidden_lines(name)
        for cell in source.cells:
            if cell.metadata.get("nbgrader", {}).get("solution") and cell.cell_type == "markdown":
                secret |= set(re.findall(r"[^.]{30,}\.", cell.source))
        secret -= {line for line in secret if json.dumps(line)[1:-1] in page}
    secret = {line for line in secret if len(line) > 30 and json.dumps(line)[1:-1] not in chapters}
    assert len(secret) > 500
    forms = {form: line for line in secret for form in (line, json.dumps(line)[1:-1], html.escape(line))}
    found, looked = set(), 0
    for path in site.rglob("*"):
        if (
            path.suffix in (".html", ".ipynb", ".txt", ".md", ".js", ".json", ".inv")
            and "mathjax" not in path.parts
        ):
            text, looked = path.read_text(errors="ignore"), looked + 1
            text = re.sub(r"<[^>]*>", "", text) if path.suffix == ".html" else text
            found |= {(path.name, forms[form]) for form in leaks.leaked(forms, text)}
            if path.stem not in ("instructors", "searchindex"):  # which explain the words
                assert not re.search("(BEGIN|END) (SOLUTION|HIDDEN TESTS)", text), path
    assert looked > 50 and found == set()
    assert not list(site.rglob("*source/*/*.ipynb"))


def test_search_finds_a_page_from_file(visit):
    page, errors, _ = visit("search", query="?q=train")
    page.wait_for_selector("#search-results li a")
    assert errors == []
