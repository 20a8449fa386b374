"""Parts: what does a book consist of, and in which order is it read?

What the printed book and the EPUB need to know of the built site: the table of contents, and the text of
each page.
"""

import re
from html import unescape
from pathlib import Path

import yaml

NAME = "why-deep-networks-train"
CHROMIUM = "/usr/bin/chromium"


def order(book="."):
    """Return the parts of the book as pairs of caption and pages, in reading order; the first has no caption.

    Parameters
    ----------
    book : str or pathlib.Path
        The folder of `_toc.yml`.
    """
    toc = yaml.safe_load((Path(book) / "_toc.yml").read_text(encoding="utf-8"))

    def below(entry):
        yield entry["file"]
        for inner in entry.get("sections", []):
            yield from below(inner)

    parts = toc.get("parts", [{"chapters": toc.get("chapters", [])}])
    found = [("", [toc["root"]])]
    return found + [
        (part.get("caption", ""), [name for entry in part.get("chapters", []) for name in below(entry)])
        for part in parts
    ]


def article(html):
    """Return the text of a built page: what stands in its `<article>`.

    Raises
    ------
    ValueError
        If it has none, as of a page that the theme did not write.
    """
    found = re.search(r'<article class="bd-article">(.*?)</article>', html, re.DOTALL)
    if not found:
        raise ValueError('the page must have an <article class="bd-article">, got none')
    return found[1]


def title_of(html):
    """Return the heading of a page as text."""
    found = re.search(r"<h1>(.*?)</h1>", html, re.DOTALL)
    text = re.sub(r'<a class="headerlink".*?</a>', "", found[1]) if found else ""
    return unescape(re.sub(r"<[^>]*>", "", text)).strip()


def key(page):
    """Return the name of a page inside one document.

    Examples
    --------
    >>> key("chapters/exercises/adam")
    'exercises-adam'
    """
    return page.removeprefix("chapters/").replace("/", "-")
