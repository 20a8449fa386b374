"""A search for a standard term shows the page that explains it first."""

import pytest
from browsing import BOOK
from docutils.core import publish_doctree

from dlbook import site
from dlbook.site import searching

TERMS = searching.terms()


def test_the_list_has_at_least_120_terms_and_every_page_exists():
    assert sum(len(listed) for listed in TERMS.values()) >= 120
    assert sum(any(ord(sign) > 0x3000 for sign in term) for listed in TERMS.values() for term in listed) >= 60
    pages = {page.rpartition("/")[2] for page in site.pages(BOOK)}
    assert set(TERMS) <= pages


def test_a_term_at_two_pages_is_refused(tmp_path):
    path = tmp_path / "terms.toml"
    path.write_text(
        '[adam]\nenglish = ["step"]\nchinese = []\n[momentum]\nenglish = ["Step"]\nchinese = []\n'
    )
    with pytest.raises(ValueError, match="'Step' must stand at one page, got adam and momentum"):
        searching.terms(path)


def test_a_term_leads_to_the_section_that_has_it_in_its_heading():
    text = "Page\n====\n\nDropouts\n--------\n\na\n\nInverted Dropout\n----------------\n\nb\n"
    tree = publish_doctree(text, settings_overrides={"doctitle_xform": False})
    assert searching.section_of(tree, "dropout") == "inverted-dropout"
    assert searching.section_of(tree, "lasso") == ""


ASK = """async queries => {
    const answers = [];
    for (const query of queries) {
        const found = Search._performSearch(...Search._parseQuery(query));
        answers.push(found.length ? found[found.length - 1][0] : null);
    }
    return answers;
}"""


def test_the_sites_own_search_ranks_the_page_of_every_term_first(visit):
    page = visit("search", query="?q=step").page
    page.wait_for_selector("#search-results li a")
    queries = {
        form: name for name, listed in TERMS.items() for term in listed for form in searching.spellings(term)
    }
    answers = page.evaluate(ASK, list(queries))
    missed = {
        query: answer
        for (query, name), answer in zip(queries.items(), answers, strict=True)
        if (answer or "").rpartition("/")[2] != name or "/exercises/" in answer
    }
    assert missed == {}
