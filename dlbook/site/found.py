"""Found: how do readers find a page, share it and cite it?

Every page gets a description, OpenGraph tags and what scholarly search engines read. The public address
of the site is one setting, `html: baseurl:` in `_config.yml`. With it, pages get their canonical address
and a card picture, and the site a `sitemap.xml` and a `robots.txt`; without it these are left out, since
they would be wrong anywhere else, and the build says so. `404.html` is what a web host shows for a wrong
address.
"""

import os
import re
import subprocess
import time
from html import escape
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

from docutils import nodes
from sphinx.util import logging

from dlbook.site.cards import draw_card

LENGTH = 200  # characters of a description that search engines show
logger = logging.getLogger(__name__)


def connect(app):
    """Connect what this file does to a build."""
    app.add_config_value("site_description", "", "html", types=[str])
    app.connect("config-inited", _wrong_address)
    app.connect("builder-inited", _say_what_is_left_out)
    app.connect("html-page-context", _describe)
    app.connect("build-finished", _list_addresses)


def description(doctree):
    """Return what a page is about: its first sentences that stand in no box and no list.

    Parameters
    ----------
    doctree : docutils.nodes.document

    Returns
    -------
    str
        At most 200 characters, whole sentences where one fits; empty if the page has no such paragraph.

    Examples
    --------
    >>> from docutils.core import publish_doctree
    >>> description(publish_doctree("A step goes downhill. How far is the question of this page."))
    'A step goes downhill. How far is the question of this page.'
    """
    for paragraph in doctree.findall(nodes.paragraph):
        above, inside = paragraph.parent, False
        while above is not None:
            inside = inside or isinstance(
                above, nodes.Admonition | nodes.list_item | nodes.entry | nodes.container
            )
            above = above.parent
        text = " ".join(paragraph.astext().split())
        has_formula = next(iter(paragraph.findall(nodes.math)), None) is not None
        if not inside and not has_formula and len(text) >= 40:
            return shortened(text)
    return ""


def shortened(text, length=LENGTH):
    """Return the first sentences of a text that fit into `length` characters.

    Examples
    --------
    >>> shortened("A step goes downhill. How far?", 25)
    'A step goes downhill.'
    >>> shortened("A step goes downhill", 12)
    'A step goes…'
    """
    if len(text) <= length:
        return text
    sentences = text[:length].rpartition(". ")[0]
    return f"{sentences}." if sentences else text[:length].rpartition(" ")[0] + "…"


def built(environment=os.environ, folder="."):
    """Return version, day and commit of this build; the day is `SOURCE_DATE_EPOCH`'s where it is set.

    Examples
    --------
    >>> built({"SOURCE_DATE_EPOCH": "0"}).day
    '1970-01-01'
    """
    seconds = environment.get("SOURCE_DATE_EPOCH")
    day = time.strftime("%Y-%m-%d", time.gmtime(float(seconds) if seconds else None))
    try:
        asked = ["git", "-C", str(folder), "rev-parse", "--short", "HEAD"]
        commit = subprocess.run(asked, capture_output=True, text=True).stdout.strip()
    except OSError:  # an archive on a machine without git
        commit = ""
    return SimpleNamespace(version=version("dlcore"), day=day, commit=commit)


def bibtex(title, book, author, build, address):
    """Return the BibTeX entry of a page.

    Examples
    --------
    >>> build = SimpleNamespace(version="1.0", day="2026-11-28", commit="")
    >>> print(bibtex("Adam: why?", "The Book", "The authors", build, ""))
    @incollection{adam2026,
      title = {Adam: why?},
      booktitle = {The Book},
      author = {{The authors}},
      year = {2026},
      note = {Version 1.0, built on 2026-11-28}
    }
    """
    year = build.day[:4]
    key = re.sub(r"\W", "", title.partition(":")[0].lower()) + year
    fields = {"title": title, "booktitle": book, "author": f"{{{author}}}", "year": year}
    if title == book:
        del fields["booktitle"]
    fields["note"] = f"Version {build.version}, built on {build.day}"
    if address:
        fields["url"] = address
    kind = "book" if title == book else "incollection"
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    return f"@{kind}{{{key},\n{lines}\n}}"


def tags(title, about, book, author, build, address="", card="", is_first=False):
    """Return a page's `<meta>` tags: description, OpenGraph, and what scholarly search engines read."""
    named = {"description": about, "author": author}
    named |= {"citation_title": title, "citation_author": author, "citation_inbook_title": book}
    named |= {"citation_publication_date": build.day.replace("-", "/")}
    graph = {"og:title": title, "og:type": "website" if is_first else "article", "og:site_name": book}
    graph |= {"og:description": about, "og:url": address, "og:image": card, "og:image:alt": card and title}
    named |= {"twitter:card": "summary_large_image" if card else "summary"}
    found = [f'<meta name="{name}" content="{escape(value)}" />' for name, value in named.items() if value]
    found += [
        f'<meta property="{name}" content="{escape(value)}" />' for name, value in graph.items() if value
    ]
    return "\n".join(found) + "\n"


def address_of(app):
    """Return the public address of the site without a slash at its end; empty if none is set."""
    return str(app.config.html_baseurl or "").rstrip("/")


def _wrong_address(app, config):
    address = str(config.html_baseurl or "")
    if address and not re.fullmatch(r"https?://[^/\s]+(/\S*)?", address):
        raise ValueError(f"html: baseurl: must be an address like https://example.org/book, got {address!r}")
    config.html_baseurl = address.rstrip("/") + "/" if address else ""
    config.html_additional_pages = config.html_additional_pages | {"404": "404.html"}


def _say_what_is_left_out(app):
    app.site_build = built(folder=app.srcdir)
    if app.builder.format == "html" and not address_of(app):
        logger.info(
            "html: baseurl: in _config.yml is empty: no canonical addresses, no card pictures, no sitemap.xml"
        )


def _describe(app, pagename, templatename, context, doctree):
    address, build = address_of(app), app.site_build
    context |= {"site_build": build, "site_address": address}
    if doctree is None:
        return
    book, author = app.config.html_title, app.config.author
    title = app.env.titles[pagename].astext() if pagename in app.env.titles else book
    about = description(doctree) or app.config.site_description
    here = f"{address}/{pagename}.html" if address else ""
    card = ""
    if address:
        name = f"_images/card-{pagename.replace('/', '-')}.png"
        draw_card(Path(app.outdir) / name, title, about, book)
        card = f"{address}/{name}"
    is_first = pagename == app.config.root_doc
    context["metatags"] = context.get("metatags", "") + tags(
        title, about, book, author, build, here, card, is_first
    )
    context["site_bibtex"] = bibtex(title, book, author, build, here)
    context["site_citation"] = cited(title, book, author, build, here)


def cited(title, book, author, build, address):
    """Return how a page is cited in a sentence.

    Examples
    --------
    >>> build = SimpleNamespace(version="1.0", day="2026-11-28", commit="")
    >>> cited("Adam: why?", "The Book", "The authors", build, "")
    'The authors (2026). Adam: why? In The Book, version 1.0.'
    """
    place = (
        f"{book}, version {build.version}."
        if title == book
        else f"{title}{'' if title[-1] in '?!.' else '.'} "
    )
    place += "" if title == book else f"In {book}, version {build.version}."
    return f"{author} ({build.day[:4]}). {place}" + (f" {address}" if address else "")


def _list_addresses(app, exception):
    out, address = Path(app.outdir), address_of(app)
    if exception or app.builder.format != "html":
        return
    listed = [out / "sitemap.xml", out / "robots.txt"]
    if not address:
        for path in listed:
            path.unlink(missing_ok=True)  # of an earlier build, with an address that is no longer ours
        return
    day = app.site_build.day
    places = "".join(
        f"  <url><loc>{escape(f'{address}/{name}.html')}</loc><lastmod>{day}</lastmod></url>\n"
        for name in sorted(app.env.found_docs)
    )
    listed[0].write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{places}</urlset>\n'
    )
    listed[1].write_text(f"User-agent: *\nAllow: /\n\nSitemap: {address}/sitemap.xml\n")
