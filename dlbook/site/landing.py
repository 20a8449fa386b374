"""The landing page: what does a reader see in the first five seconds?

The first page of the book is a notebook like the others. The build gives its paragraphs their look, puts
the code of its explorer below the picture, and gives every chapter in its list the first picture of that
chapter, as the chapter's own page shows it. A link from a symptom goes to the section whose heading has
the link's words.
"""

import re
from pathlib import Path

from docutils import nodes


def connect(app):
    """Connect what this file does to a build."""
    app.connect("doctree-read", _arrange)
    app.connect("doctree-resolved", _put_code_below)  # once it is folded
    app.connect("build-finished", _show_pictures, priority=700)  # after the pages, before they are packed
    app.connect("build-finished", _link_books, priority=710)


def first_picture(html):
    """Return the address of the first figure on a page, as the page writes it; None if there is none.

    Examples
    --------
    >>> first_picture('<img src="logo.svg"><figure class="plot"><img class="dark-light" src="../a.svg">')
    '../a.svg'
    """
    found = re.search(r'<figure class="(?:explorer|plot)[^>]*>.*?<img\b[^>]*\bsrc="([^"]+)"', html, re.DOTALL)
    return found[1] if found else None


def with_pictures(html, picture):
    """Return the landing page with a picture at each chapter of its lists.

    Parameters
    ----------
    html : str
    picture : function
        From the address of a page ("adam.html") to that of its picture, or None.
    """
    html = re.sub(r'<img class="dark-light book-picture"[^>]*>', "", html)  # of an earlier build

    def shown(found):
        source = picture(found[2])
        image = (
            f'<img class="dark-light book-picture" loading="lazy" alt="" src="{source}">' if source else ""
        )
        return f"{found[1]}{image}"

    parts = re.split(r'(<ul class="book-chapters[^>]*>.*?</ul>)', html, flags=re.DOTALL)
    for i in range(1, len(parts), 2):
        parts[i] = re.sub(r'(<li>\s*<p>\s*<a class="reference internal" href="([^"#]+)">)', shown, parts[i])
    return "".join(parts)


def section_for(html, text):
    """Return "#id" of the first section of a page whose heading has the words of a text; empty if none has.

    Examples
    --------
    >>> section_for('<section id="side"><h2>Exploding gradients<a class="headerlink"', "exploding gradient")
    '#side'
    """
    words = {word.rstrip("s") for word in re.findall(r"[a-z]{4,}", text.lower())}
    for name, heading in re.findall(
        r'<section id="([^"]+)">\s*<h[2-6]>(.*?)<a class="headerlink"', html, re.DOTALL
    ):
        if words and all(word in heading.lower() for word in words):
            return f"#{name}"
    return ""


def with_sections(html, page):
    """Return the landing page whose links from symptoms lead to sections.

    Parameters
    ----------
    html : str
    page : function
        From the address of a page ("adam.html") to its HTML, empty if there is no such page.
    """

    def led(found):
        place = section_for(page(found[2]), re.sub(r"<[^>]*>", "", found[3]))
        return f'{found[1]}{place}">{found[3]}</a>'

    link = r'(<a class="reference internal" href="([^"#]+))(?:#[^"]*)?">(.*?)</a>'
    parts = re.split(r'(<ul class="book-symptoms[^>]*>.*?</ul>)', html, flags=re.DOTALL)
    for i in range(1, len(parts), 2):
        parts[i] = re.sub(link, led, parts[i], flags=re.DOTALL)
    return "".join(parts)


def _arrange(app, doctree):
    if app.env.docname != app.config.root_doc:
        return
    page = next(iter(doctree.findall(nodes.section)), None)
    if page is None:
        return
    paragraphs = [child for child in page.children if isinstance(child, nodes.paragraph)]
    for paragraph, name in zip(paragraphs, ("book-promise", "book-whom"), strict=False):
        paragraph["classes"].append(name)
    for paragraph in paragraphs[2:]:
        texts = [child for child in paragraph.children if isinstance(child, nodes.Text)]
        if len(paragraph.children) > 1 and all(not text.strip(" ·\n") for text in texts):
            paragraph["classes"].append("book-doors")
    for section in doctree.findall(nodes.section):
        name = {"the-chapters": "book-chapters", "i-have-a-symptom": "book-symptoms"}.get(section["ids"][0])
        for items in section.findall(nodes.bullet_list) if name else ():
            items["classes"].append(name)


def _put_code_below(app, doctree, docname):
    for cell in doctree.findall(nodes.container):
        if "tag_code-below" in cell.get("classes", []):
            cell.children.reverse()


def _show_pictures(app, exception):
    if exception or app.builder.name != "html":
        return
    page = Path(app.outdir) / f"{app.config.root_doc}.html"
    html = page.read_text(encoding="utf-8")

    def text(address):
        other = page.parent / address
        return other.read_text(encoding="utf-8") if other.exists() else ""

    new = with_sections(with_pictures(html, lambda address: first_picture(text(address))), text)
    if new != html:
        page.write_text(new, encoding="utf-8")


def _link_books(app, exception):
    """Offer the PDF, the EPUB and the archives on the landing page, those that have been made."""
    if exception or app.builder.name != "html":
        return
    page = Path(app.outdir) / f"{app.config.root_doc}.html"
    offer_books(page, Path(app.outdir) / "downloads")


BOOKS = {
    "why-deep-networks-train.pdf": "PDF, to print",
    "why-deep-networks-train.epub": "EPUB, for a reading device",
    "site.zip": "the site, to read without a network",
}


def without_books(html):
    """Return the landing page without its links to the books."""
    return re.sub(r'\n?<p class="book-downloads">.*?</p>', "", html, flags=re.DOTALL)


def offer_books(page, folder):
    """Write the links to the files of `folder` into the landing page, or take them away."""
    html = page.read_text(encoding="utf-8")
    new = without_books(html)
    found = [name for name in BOOKS if (folder / name).exists()]
    up = "../" * len(page.relative_to(folder.parent).parts[:-1])
    if found:
        links = " · ".join(
            f'<a href="{up}{folder.name}/{name}">{BOOKS[name]}</a> '
            f"({max(1, round((folder / name).stat().st_size / 1e6))} MB)"
            for name in found
        )
        links = f'\n<p class="book-downloads">The whole book: {links}</p>'
        new = re.sub(
            r'(<p class="book-doors[^>]*>.*?</p>)', lambda at: at[1] + links, new, count=1, flags=re.DOTALL
        )
    if new != html:
        page.write_text(new, encoding="utf-8")
