"""EPUB: the whole book for a reading device.

The browser turns each page into well-formed XHTML and each formula into MathML, as MathJax has made it
for screen readers. What only a browser can use (scripts, sliders) goes; explorers show their default with
its sentence.
"""

import re
import zipfile
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from dlbook.site.parts import CHROMIUM, key, title_of

# In the browser: an article as well-formed XHTML, its formulas as MathML, without what only a browser can use
TO_XHTML = r"""async (names) => {
    if (window.MathJax?.startup) {
        await MathJax.startup.promise;
        await MathJax.startup.document.lazyTypesetAll?.();
        await MathJax.startup.promise;
    }
    const unwanted = new RegExp(
        "^(data-|aria-|on|role|loading|decoding|fetchpriority|tabindex|(style|for|align|border|valign|width|name)$)");
    const article = document.querySelector("article.bd-article");
    for (const formula of article.querySelectorAll("mjx-container")) {
        const math = formula.querySelector("mjx-assistive-mml > math");
        if (math) formula.replaceWith(math);
    }
    const gone = "script, form, button, style, .headerlink, .book-doors, .book-downloads, svg, mjx-lazy, "
        + ".explorer-tools, .explorer-note, .explorer-panels > span:not(:first-child)";  // a picture a panel
    article.querySelectorAll(gone).forEach(node => node.remove());
    for (const fold of article.querySelectorAll("details")) {
        const box = document.createElement("div");
        box.append(...fold.childNodes);
        box.className = "fold";
        const summary = box.querySelector("summary");
        if (summary) {
            const title = document.createElement("p");
            const text = summary.querySelector(".collapsed, .sd-summary-text") ?? summary;
            title.innerHTML = `<strong>${text.innerHTML}</strong>`;
            summary.replaceWith(title);
        }
        fold.replaceWith(box);
    }
    for (const output of article.querySelectorAll("output")) output.replaceWith(...output.childNodes);
    for (const node of article.querySelectorAll("*")) {
        for (const {name} of [...node.attributes]) {
            const kept = node.tagName === "IMG" && name === "width";
            if (unwanted.test(name) && !kept) node.removeAttribute(name);
        }
        if (node.id && !/^[A-Za-z_][\w.-]*$/.test(node.id)) node.removeAttribute("id");
    }
    const pictures = [...new Set([...article.querySelectorAll("img")].map(i => i.getAttribute("src")))];
    for (const image of article.querySelectorAll("img")) {
        image.setAttribute("src", "images/" + image.getAttribute("src").split("/").pop());
        image.setAttribute("alt", image.getAttribute("alt") ?? "");
    }
    const here = new URL(location.href);
    for (const link of article.querySelectorAll("a[href]")) {
        const to = new URL(link.href);
        if (to.protocol !== "file:") continue;
        const file = names[to.pathname];
        if (!file) { link.removeAttribute("href"); link.removeAttribute("target"); continue; }
        link.setAttribute("href", file + (to.pathname === here.pathname && !to.hash ? "" : to.hash));
    }
    const ids = [...article.querySelectorAll("[id]")].map(node => node.id);
    return {text: new XMLSerializer().serializeToString(article), pictures, ids};
}"""


def write_epub(site, parts, target, title, author, identifier):
    """Write the site as an EPUB 3."""
    from playwright.sync_api import sync_playwright

    pages = [page for _, names in parts for page in names if (site / f"{page}.html").exists()]
    names = {str((site / f"{page}.html").resolve()): f"{key(page)}.xhtml" for page in pages}
    texts, pictures, ids = {}, {}, {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for page in pages:
            tab = browser.new_page()
            path = (site / f"{page}.html").resolve()
            tab.goto(path.as_uri(), wait_until="load")
            if "data-formulas" in path.read_text(encoding="utf-8"):
                tab.wait_for_function("!!window.MathJax?.startup?.document?.lazyTypesetAll")
            found = tab.evaluate(TO_XHTML, names)
            tab.close()
            texts[page], ids[f"{key(page)}.xhtml"] = found["text"], set(found["ids"])
            pictures |= {Path(source).name: (path.parent / source).resolve() for source in found["pictures"]}
        browser.close()
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        book.writestr("META-INF/container.xml", CONTAINER)
        book.writestr("book/style.css", EPUB_STYLE)
        for page, text in texts.items():
            text = _without_dead_links(text, f"{key(page)}.xhtml", ids)
            book.writestr(f"book/{key(page)}.xhtml", _xhtml(title_of(text) or title, text))
        for name, path in pictures.items():
            if path.suffix == ".svg":
                book.writestr(f"book/images/{name}", _valid_svg(path.read_text(encoding="utf-8")))
            else:
                book.write(path, f"book/images/{name}")
        book.writestr("book/nav.xhtml", _navigation(parts, texts, title))
        book.writestr("book/book.opf", _package(texts, pictures, title, author, identifier))


CONTAINER = """<?xml version="1.0" encoding="utf-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
  <rootfiles><rootfile full-path="book/book.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>
"""
EPUB_STYLE = """
body { line-height: 1.45; }
img { max-width: 100%; }
pre { white-space: pre-wrap; font-size: 0.8em; overflow-wrap: anywhere; }
figure { margin: 1em 0; }
table { border-collapse: collapse; }
td, th { border: 1px solid #999; padding: 0.2em 0.5em; }
.admonition, .fold { border-left: 3px solid #17588f; padding-left: 0.8em; margin: 1em 0; }
.admonition-title { font-weight: bold; }
"""


def _valid_svg(text):
    """Return a picture whose paths all have `d`: the glyph of a space has none, which SVG 1.1 refuses."""
    return re.sub(r"<path(?=[ />])(?![^>]*\sd=)", '<path d=""', text)


def _without_dead_links(text, name, ids):
    def alive(found):
        file, _, place = found[1].partition("#")
        if re.match(r"[a-z]+:", file) or not place or place in ids.get(file or name, ()):
            return found[0]
        return f'href="{file}"' if file else ""

    return re.sub(r'\bhref="([^"]*)"', alive, text)


def _xhtml(title, body):
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n'
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" '
        f'lang="en" xml:lang="en"><head><title>{escape(title)}</title>'
        '<link rel="stylesheet" type="text/css" href="style.css"/></head>'
        f"<body>{body}</body></html>\n"
    )


def _navigation(parts, texts, title):
    rows = ""
    for caption, names in parts:
        inner = "".join(
            f'<li><a href="{key(page)}.xhtml">{escape(title_of(texts[page]) or key(page))}</a></li>'
            for page in names
            if page in texts
        )
        rows += f"<li><span>{escape(caption)}</span><ol>{inner}</ol></li>" if caption and inner else inner
    return _xhtml(title, f'<nav epub:type="toc"><h1>Contents</h1><ol>{rows}</ol></nav>')


def _package(texts, pictures, title, author, identifier):
    kinds = {".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp", ".jpg": "image/jpeg"}
    items = [
        '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>',
        '<item id="style" href="style.css" media-type="text/css"/>',
    ]
    for page, text in texts.items():
        formulas = ' properties="mathml"' if "<math" in text else ""
        items.append(
            f'<item id="p-{key(page)}" href="{key(page)}.xhtml" '
            f'media-type="application/xhtml+xml"{formulas}/>'
        )
    items += [
        f'<item id="i{i}" href="images/{name}" media-type="{kinds[Path(name).suffix]}"/>'
        for i, name in enumerate(pictures)
    ]
    spine = "".join(f'<itemref idref="p-{key(page)}"/>' for page in texts)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="en">'
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f'<dc:identifier id="id">{escape(identifier)}</dc:identifier><dc:title>{escape(title)}</dc:title>'
        f"<dc:language>en</dc:language><dc:creator>{escape(author)}</dc:creator>"
        f'<meta property="dcterms:modified">{now}</meta></metadata>'
        f"<manifest>{''.join(items)}</manifest><spine>{spine}</spine></package>\n"
    )
