"""Searching: which page does a standard term lead to first?

`terms.toml` names the page that explains each term, in English with its synonyms and in Chinese. The
build enters them into the search index as index entries, which the site's search ranks above every match
in a text. A term leads to the first section that has it in its heading, and else to the page.
"""

import hashlib
import re
import tomllib
from pathlib import Path

from docutils import nodes
from sphinx import addnodes

TERMS = Path(__file__).parent / "terms.toml"


def connect(app):
    """Connect what this file does to a build."""
    # a changed list makes Sphinx read all pages again
    app.add_config_value("site_terms", hashlib.sha256(TERMS.read_bytes()).hexdigest(), "env", types=[str])
    app.connect("doctree-read", _enter)
    app.connect("html-collect-pages", _complete)  # all pages are written, the search index is not


def terms(path=TERMS):
    """Return the terms of every page, by the page's name.

    Raises
    ------
    ValueError
        If a term stands at two pages.

    Examples
    --------
    >>> "重球法" in terms()["momentum"]
    True
    """
    found = {
        page: entry["english"] + entry["chinese"]
        for page, entry in tomllib.loads(Path(path).read_text(encoding="utf-8")).items()
    }
    pages = {}
    for page, listed in found.items():
        for term in listed:
            other = pages.setdefault(term.lower(), page)
            if other != page:
                raise ValueError(f"{term!r} must stand at one page, got {other} and {page}")
    return found


def spellings(term):
    """Return the ways in which readers write a term.

    Examples
    --------
    >>> spellings("k-fold cross-validation")
    ['k-fold cross-validation', 'k fold cross validation', 'kfold crossvalidation']
    """
    forms = [term, term.replace("-", " "), term.replace("-", "")]
    forms += [form.replace("'", "") for form in forms] + [form.replace("'", "’") for form in forms]
    return list(dict.fromkeys(forms))


def section_of(doctree, term):
    """Return the id of the first section whose heading has the term; empty for the page itself."""
    word = re.compile(rf"(?<!\w){re.escape(term)}(?!\w)", re.IGNORECASE)
    for section in doctree.findall(nodes.section):
        is_page = isinstance(section.parent, nodes.document)
        if not is_page and section.children and word.search(section[0].astext()):
            return section["ids"][0]
    return ""


def _enter(app, doctree):
    folder, _, page = app.env.docname.rpartition("/")
    if folder.rpartition("/")[2] == "exercises":
        return
    entries = [
        ("single", form, section_of(doctree, term), "main", None)
        for term in terms().get(page, [])
        for form in spellings(term)
    ]
    if entries:
        doctree.insert(0, addnodes.index(entries=entries))


def _complete(app):
    """Make the search index of a build that wrote only the changed pages equal to that of a cold build.

    Sphinx takes the other pages' titles and words from the last index, but not their index entries, and it
    keeps words that stand on no page any more.
    """
    indexer = getattr(app.builder, "indexer", None)
    if indexer is None:
        return []
    for mapping in (indexer._mapping, indexer._title_mapping):
        for word in [word for word, pages in mapping.items() if not pages]:
            del mapping[word]
    entries = _last_entries(Path(app.outdir) / app.builder.searchindex_filename, app)
    entries = {page: found for page, found in entries.items() if page in app.env.all_docs}
    entries |= indexer._index_entries  # of the pages that this build wrote
    indexer._index_entries = dict(sorted(entries.items()))
    return []


def _last_entries(path, app):
    """Return the index entries in the search index of the last build, by page; empty if there is none."""
    try:
        index = app.builder.indexer_format.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # Sphinx says so itself
        return {}
    if index.get("envversion") != app.env.version:
        return {}
    found = {}
    for entry, places in index["indexentries"].items():
        for number, anchor, is_main in places:
            page = found.setdefault(index["docnames"][number], [])
            page.append((entry, anchor, "main" if is_main else ""))
    return {page: sorted(entries) for page, entries in found.items()}
