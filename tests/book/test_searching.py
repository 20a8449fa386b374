"""A search for a standard term shows the page that explains it first."""

import json
import shutil

import pytest
from browsing import BOOK
from docutils.core import publish_doctree
from test_build import BUILDER, build

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


def index_of(book):
    text = (book / "_build" / "html" / "searchindex.js").read_text()
    return json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))


@pytest.mark.skipif(not BUILDER.exists(), reason="jupyter-book is not installed")
def test_a_build_of_changed_pages_only_leaves_the_index_of_a_cold_build(tmp_path):
    chapters = tmp_path / "chapters"
    chapters.mkdir()
    shutil.copytree(BOOK / "chapters" / "assets", chapters / "assets")
    shutil.copy(BOOK / "_config.yml", tmp_path)
    toc = "format: jb-book\nroot: chapters/index\nchapters:\n"
    names = ("adam", "momentum", "dropout")
    (tmp_path / "_toc.yml").write_text(toc + "".join(f"- file: chapters/{name}\n" for name in names))
    (chapters / "index.md").write_text("# A book\n\nOf three pages.\n")
    for name in names:
        (chapters / f"{name}.md").write_text(f"# {name.title()}\n\nA page about {name}.\n")
    (chapters / "adam.md").write_text("# Adam\n\nThe word zyzzyva stands here, and only here.\n")
    assert build(tmp_path).returncode == 0
    assert "zyzzyva" in index_of(tmp_path)["terms"]
    (chapters / "adam.md").write_text("# Adam\n\n## Bias correction\n\nAnother word stands here.\n")
    (chapters / "dropout.md").unlink()
    (tmp_path / "_toc.yml").write_text(toc + "".join(f"- file: chapters/{name}\n" for name in names[:2]))
    done = build(tmp_path)
    assert done.returncode == 0 and "momentum" not in done.stdout.partition("writing output")[2]
    warm = index_of(tmp_path)
    shutil.rmtree(tmp_path / "_build")
    assert build(tmp_path).returncode == 0
    assert warm == index_of(tmp_path)
    assert "重球法" in warm["indexentries"] and "zyzzyva" not in warm["terms"]


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
