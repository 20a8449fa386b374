"""A citation is a plain link: it leads to the source on the site, and reads as text everywhere else."""

import re
from pathlib import Path

import nbformat
import pytest

from dlbook.references import Reference, citation, dead_links, linked, page, parenthesis, parse, read

CHAPTERS = Path(__file__).parents[2] / "chapters"
SOURCES = sorted([*CHAPTERS.glob("*.ipynb"), *CHAPTERS.glob("*.md"), *CHAPTERS.glob("exercises/*.ipynb")])
SOURCES += sorted(CHAPTERS.glob("deeper/*.ipynb"))

KOHAVI = Reference("kohavi1995", ("Kohavi",), "1995", "")
ADAM = Reference("kingma2015", ("Kingma", "Ba"), "2015", "")
DROPOUT = Reference("srivastava2014", ("Srivastava", "Hinton", "Krizhevsky"), "2014", "")


def entry(key="li2018", author="Li, Lisha and Jamieson, Kevin", title="{Hyperband}", year="2018", more=""):
    return f"@article{{{key}, author = {{{author}}}, title = {{{title}}}, year = {{{year}}}{more}}}\n"


def test_the_page_is_what_the_bibtex_file_says():
    stored = (CHAPTERS / "references.md").read_text(encoding="utf-8")
    assert page(read(CHAPTERS / "references.bib")) == stored, "run `make references`"


def test_one_author_two_and_more_are_named_as_a_sentence_names_them():
    assert citation(KOHAVI) == "[Kohavi (1995)](references.md#kohavi1995)"
    assert citation(ADAM) == "[Kingma and Ba (2015)](references.md#kingma2015)"
    assert (
        citation(DROPOUT, "../references.md") == "[Srivastava et al. (2014)](../references.md#srivastava2014)"
    )


def test_a_parenthesis_holds_several_sources():
    assert parenthesis([ADAM]) == "([Kingma and Ba, 2015](references.md#kingma2015))"
    assert parenthesis([KOHAVI, DROPOUT]) == (
        "([Kohavi, 1995](references.md#kohavi1995); [Srivastava et al., 2014](references.md#srivastava2014))"
    )


def test_roles_of_sphinx_become_plain_links():
    references = {source.key: source for source in (KOHAVI, ADAM, DROPOUT)}
    assert (
        linked("See {cite:p}`kohavi1995`.", references) == "See ([Kohavi, 1995](references.md#kohavi1995))."
    )
    assert linked("{cite:t}`kohavi1995,kingma2015` and `{x}`", references, "../references.md") == (
        "[Kohavi (1995)](../references.md#kohavi1995) and "
        "[Kingma and Ba (2015)](../references.md#kingma2015) and `{x}`"
    )
    with pytest.raises(KeyError, match="gone"):
        linked("{cite:t}`gone`", references)


def test_latex_becomes_text_and_particles_stay_with_the_family_name():
    found = parse(
        entry(author=r"van Laarhoven, Twan and M{\k{a}}dry, A.", title=r"{L2} and ``Batch'' -- {$C_p$}")
    )
    assert found["li2018"].families == ("van Laarhoven", "Mądry")
    assert found["li2018"].line.startswith("van Laarhoven, Twan; Mądry, A. (2018). *L2 and")
    assert "{" not in found["li2018"].line and "\\k" not in found["li2018"].line


def test_a_source_has_its_links():
    more = ", journal = {JMLR}, volume = {18}, number = {2}, doi = {10.1/x}, eprint = {1603.06560}"
    line = parse(entry(more=more))["li2018"].line
    assert line == (
        "Li, Lisha; Jamieson, Kevin (2018). *Hyperband*. JMLR, 18(2). [doi:10.1/x](https://doi.org/10.1/x). "
        "[arXiv:1603.06560](https://arxiv.org/abs/1603.06560)."
    )


def test_a_long_address_is_shown_by_its_host():
    for address, shown in [
        ("http://a.org/paper.pdf", "a.org/paper.pdf"),
        (f"https://a.org/{60 * 'x'}", "a.org"),
    ]:
        found = parse(entry(more=f", url = {{{address}}}"))["li2018"]
        assert found.line.endswith(f"[{shown}]({address}).") and found.link == address


def test_two_papers_of_the_same_authors_and_year_get_letters():
    found = parse(entry("a", title="Second") + entry("b", title="First") + entry("c", year="2019"))
    assert {key: source.year for key, source in found.items()} == {"b": "2018a", "a": "2018b", "c": "2019"}


def test_a_source_without_its_parts_is_refused():
    with pytest.raises(ValueError, match="reference li2018 must have author, title and year; missing: year"):
        parse("@misc{li2018, author = {Li, Lisha}, title = {Hyperband}}")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(CHAPTERS).as_posix())
def test_every_link_within_the_book_leads_somewhere(path):
    assert [f"cell {i}: {fault}" for i, fault in dead_links(path)] == []


def test_a_link_that_leads_nowhere_is_named_with_its_cell(tmp_path):
    (tmp_path / "page.md").write_text(
        '# The winner\'s *curse*\n\n<a id="here"></a>Here.\n[out](https://example.org/x.md#y)'
    )
    output = nbformat.v4.new_output(
        "execute_result", {"text/markdown": "[b](page.md#there)"}, execution_count=1
    )
    cells = [
        nbformat.v4.new_markdown_cell("[a](page.md#here), [d](page.md#the-winner-s-curse) and [c](gone.md)"),
        nbformat.v4.new_code_cell("say(...)", outputs=[output]),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "one.ipynb")
    assert list(dead_links(tmp_path / "page.md")) == []
    assert list(dead_links(tmp_path / "one.ipynb")) == [
        (0, "gone.md: there is no file gone.md"),
        (1, "page.md#there: page.md has no target there"),
    ]


def test_every_term_of_the_glossary_has_a_target_a_translation_and_a_meaning():
    terms = (CHAPTERS / "glossary.md").read_text(encoding="utf-8").split('\n\n<a id="')[1:]
    form = (
        r'[a-z0-9-]+"></a>(?:<a id="[a-z0-9-]+"></a>)*\*\*([^*]+)\*\* \(([^()]+(?:\([^)]*\)[^()]*)?)\): .+\.'
    )
    read_terms = [re.fullmatch(form, " ".join(term.split())) for term in terms]
    assert [term for term, found in zip(terms, read_terms) if not found] == []
    initials = [found[1][0].lower() for found in read_terms]
    assert initials == sorted(initials)
    targets = re.findall(r'id="([^"]+)"', '\n<a id="'.join(terms))
    assert len(targets) == len(set(targets))


def test_the_site_resolves_links_to_every_html_id(tmp_path):
    sphinx = pytest.importorskip("sphinx.application", reason="jupyter-book is not installed")
    (tmp_path / "index.md").write_text(
        "# A\n\nSee [Kohavi (1995)](b.md#kohavi1995), [box](b.md#box), [no](b.md#no).\n"
    )
    (tmp_path / "b.md").write_text('# B\n\n<a id="kohavi1995"></a>Kohavi.\n\n<div id="box">A box</div>\n')
    warnings = (tmp_path / "warnings").open("w+")
    book = sphinx.Sphinx(
        tmp_path, None, tmp_path / "out", tmp_path / "out", "html", status=None, warning=warnings,
        confoverrides={"extensions": ["myst_nb", "dlbook.site"], "master_doc": "index", "root_doc": "index"},
    )  # fmt: skip
    book.build()
    warnings.seek(0)
    told = [line for line in warnings if "toctree" not in line]
    assert len(told) == 1 and "local id not found in doc 'b': 'no'" in told[0]
    html = (tmp_path / "out" / "index.html").read_text()
    assert 'href="b.html#kohavi1995"' in html and 'href="b.html#box"' in html
    assert 'id="kohavi1995"' in (tmp_path / "out" / "b.html").read_text()
