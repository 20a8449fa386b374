"""Paper: the whole book as one PDF, printed by Chromium.

One document holds a cover, the contents and all pages with their folds open. It is printed twice: the
first PDF says on which page each chapter stands, the second has these numbers in its contents.
"""

import json
import re
from html import escape, unescape
from pathlib import Path

from dlbook.site.found import built
from dlbook.site.parts import CHROMIUM, article, key, title_of

PATIENCE = 600_000  # milliseconds: a thousand formulas in one document
# as the pages have it, whose text is marked as to be ignored but for its formulas; without the lazy mode
MATHJAX = {
    "loader": {"load": ["core", "input/tex", "output/chtml"]},
    "options": {"processHtmlClass": "tex2jax_process|mathjax_process|math|output_area"},
}
UNFORMATTED = """() => [...document.querySelectorAll(".math")]
    .filter(node => !node.querySelector("mjx-container") && !node.closest("mjx-container"))
    .map(node => node.textContent)"""
# two characters that look the same are both drawn as the box of a missing one
HAS_CHINESE = """() => {
    const drawn = text => {
        const canvas = document.createElement("canvas");
        const brush = canvas.getContext("2d");
        brush.font = "40px serif";
        brush.fillText(text, 0, 60);
        return canvas.toDataURL();
    };
    return drawn("中") !== drawn("文");
}"""
PRINT_STYLE = """
@page { size: A4; margin: 18mm 16mm 20mm; }
html { color-scheme: light; }
body { font: 10.5pt/1.5 "DejaVu Serif", Georgia, serif; margin: 0; }
.bd-article { font-size: 10.5pt; padding: 0; }
article.bd-article { break-before: page; }
.cover { break-after: page; padding-top: 38%; text-align: center; }
.cover h1 { font-size: 34pt; margin: 0 0 1rem; }
.book-contents li { display: flex; list-style: none; }
.book-contents li span { flex: 1; border-bottom: 1px dotted #999; margin: 0 0.5em 0.35em; }
.book-contents a, .bd-article a { color: #17588f; text-decoration: none; }
.book-contents h2 { font-size: 13pt; margin: 1rem 0 0.2rem; }
a.headerlink, .explorer-controls, form, button, .book-downloads, .book-doors { display: none !important; }
figure img { max-height: 18cm; }
.bd-article pre { font-size: 7.6pt; line-height: 1.35; padding: 0.5em 0.7em; }
.bd-article details.hide pre { font-size: 7pt; }
"""


def in_one_document(html, page, pages):
    """Return the text of a page for a document that holds all pages: ids and links carry the page's name.

    Examples
    --------
    >>> in_one_document('<h1 id="why">W</h1><a href="momentum.html#b">m</a>', "chapters/adam",
    ...                 ["chapters/adam", "chapters/momentum"])
    '<h1 id="adam--why">W</h1><a href="#momentum--b">m</a>'
    """
    keys = {name: key(name) for name in pages}
    mine, folder = keys[page], Path(page).parent

    def link(found):
        address, _, place = unescape(found[1]).partition("#")
        if re.match(r"[a-z]+:", address):
            return found[0]
        target = page if not address else _resolved(folder, address.removesuffix(".html"))
        if target not in keys:
            return 'href="#"' if address.endswith(".html") else found[0]
        return f'href="#{keys[target]}{f"--{place}" if place else ""}"'

    html = re.sub(r'\b(id|for|name|aria-labelledby|aria-describedby)="([^"]+)"', rf'\1="{mine}--\2"', html)
    html = re.sub(r'\bhref="([^"]*)"', link, html)
    return re.sub(r'\b(src)="(?:\.\./)*_images/', r'\1="_images/', html)


def _resolved(folder, address):
    parts = list(folder.parts)
    for part in address.split("/"):
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def document(site, parts, title, build):
    """Return the whole book as one HTML document: cover, contents with empty page numbers, all pages."""
    pages = [page for _, names in parts for page in names if (site / f"{page}.html").exists()]
    texts = {page: article((site / f"{page}.html").read_text(encoding="utf-8")) for page in pages}
    contents = ""
    for caption, names in parts:
        rows = "".join(
            f'<li><a href="#{key(page)}">{escape(title_of(texts[page]))}</a><span></span>'
            f'<b data-page="{key(page)}"></b></li>'
            for page in names
            if page in texts
        )
        contents += (f"<h2>{escape(caption)}</h2>" if caption else "") + f"<ul>{rows}</ul>"
    bodies = "".join(
        f'<article class="bd-article bd-content" id="{key(page)}">'
        f"{in_one_document(text, page, pages)}</article>\n"
        for page, text in texts.items()
    )
    bodies = re.sub(r"<details\b(?![^>]*\bopen\b)", "<details open", bodies)
    bodies = re.sub(r"<script\b.*?</script>", "", bodies, flags=re.DOTALL).replace(' loading="lazy"', "")
    return (
        '<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title>"
        f'<link rel="stylesheet" href="_static/site.css"><style>{PRINT_STYLE}</style>'
        f"<script>window.MathJax = {json.dumps(MATHJAX)}</script>"
        '<script defer src="_static/mathjax/startup.js"></script></head><body>'
        f'<section class="cover"><h1>{escape(title)}</h1>'
        f"<p>Version {build.version}, {build.day}</p></section>"
        f'<nav class="book-contents"><h1>Contents</h1>{contents}</nav>\n{bodies}</body></html>'
    )


def page_numbers(pdf):
    """Return the page on which each named place of a PDF stands, counted from 1.

    Parameters
    ----------
    pdf : bytes
        As Chromium writes it: its page tree and its names are plain objects.

    Examples
    --------
    >>> objects = b"2 0 obj\\n<</Type /Pages /Count 1 /Kids [5 0 R]>>\\nendobj\\n"
    >>> objects += b"5 0 obj\\n<</Type /Page>>\\nendobj\\n7 0 obj\\n<</adam [5 0 R /XYZ 0 1 0]>>\\nendobj"
    >>> page_numbers(objects)
    {'adam': 1}
    """
    objects = dict(re.findall(rb"(?:^|\n)(\d+) 0 obj\s*(.*?)endobj", pdf, re.DOTALL))
    numbers, last = {}, 0

    def count(name):
        nonlocal last
        kids = re.search(rb"/Kids\s*\[([^\]]*)\]", objects[name])
        if not kids:
            last += 1
            numbers[name] = last
            return
        for kid in re.findall(rb"(\d+) 0 R", kids[1]):
            count(kid)

    trees = {name for name, body in objects.items() if b"/Type /Pages" in body}
    inner = {
        kid
        for name in trees
        for kid in re.findall(rb"(\d+) 0 R", re.search(rb"/Kids\s*\[([^\]]*)\]", objects[name])[1])
    }
    for name in sorted(trees - inner, key=int):
        count(name)
    found = {}
    for body in objects.values():
        for place, target in re.findall(rb"/([^\s/<>\[\]()]+)\s*\[(\d+) 0 R\s*/XYZ", body):
            name = re.sub(rb"#([0-9A-Fa-f]{2})", lambda code: bytes([int(code[1], 16)]), place).decode(
                "utf-8", "replace"
            )
            if target in numbers:
                found[name] = numbers[target]
    return found


FOOT = (
    '<div style="width:100%;text-align:center;font-size:8pt;color:#555">'
    '<span class="pageNumber"></span></div>'
)


def write_pdf(site, parts, target, title):
    """Print the site into one PDF; return the page numbers of its places.

    Raises
    ------
    RuntimeError
        If a formula stays TeX.
    """
    from playwright.sync_api import sync_playwright

    whole = site / "print.html"
    whole.write_text(document(site, parts, title, built()), encoding="utf-8")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page()
            page.set_default_timeout(PATIENCE)
            page.goto(whole.as_uri(), wait_until="load", timeout=PATIENCE)
            page.wait_for_function("window.MathJax?.startup?.promise")
            page.evaluate("MathJax.startup.promise")
            if raw := page.evaluate(UNFORMATTED):
                raise RuntimeError(f"{len(raw)} formulas are not typeset, the first is {raw[0].strip()!r}")
            if not page.evaluate(HAS_CHINESE):
                print("no font has the Chinese terms, boxes stand for them: apt install fonts-wqy-zenhei")
            page.evaluate("Promise.all([...document.images].map(image => image.decode().catch(() => {})))")
            options = {
                "prefer_css_page_size": True, "print_background": True, "outline": True, "tagged": True,
                "display_header_footer": True, "header_template": "<span></span>", "footer_template": FOOT,
            }  # fmt: skip
            numbers = page_numbers(page.pdf(**options))
            page.evaluate(
                """numbers => document.querySelectorAll("b[data-page]").forEach(
                    place => { place.textContent = numbers[place.dataset.page] ?? ""; })""",
                numbers,
            )
            target.parent.mkdir(parents=True, exist_ok=True)
            page.pdf(path=target, **options)
            browser.close()
    finally:
        whole.unlink()
    return numbers
