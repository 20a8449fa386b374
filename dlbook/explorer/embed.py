"""Embed: what does an explorer need to stand alone, on a slide or in a course's own pages?

Beside every page with explorers the build writes one small page for each of them:
``embed/<page>/<name>.html``. It shows the pictures of the page itself and has no theme; it follows the
reader's colours, and a link's state works there too.
"""

import re
import shutil
from html import escape, unescape
from pathlib import Path

from dlbook.explorer.renderer import EMBEDDING, Figure, embed_path, html

_FOLDER = "embed"

_PAGE = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<link rel="stylesheet" href="{up}_static/explorer.css">
<script src="{up}_static/explorer.js" defer></script>
</head>
<body class="bd-content explorer-alone">
<main class="bd-article"><div class="cell_output">
{figure}</div>
<p><a href="{page}" target="_top">{book}</a></p></main>
</body>
</html>
"""


def write(app, pagename, templatename, context, doctree):
    """Write the pages of a page's explorers; a handler of Sphinx's html-page-context."""
    if doctree is None or app.builder.name not in EMBEDDING:
        return
    figures = [figure for figure in doctree.findall(Figure) if figure["manifest"]["controls"]]
    wanted = {Path(app.outdir, embed_path(pagename, figure["key"])): figure for figure in figures}
    for old in Path(app.outdir, embed_path(pagename, "any")).parent.glob("*.html"):
        if old not in wanted:
            old.unlink()
    for path, figure in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_page(app, pagename, figure, context), encoding="utf-8")


def _page(app, pagename, figure, context):
    up, page = "../" * embed_path(pagename, "").count("/"), app.builder.get_target_uri(pagename)
    title = figure["title"] or f"Explorer {figure['number']}"
    book = f"{_words(context.get('title', ''))} · {app.config.html_title or app.config.project}".strip(" ·")
    shown = html(
        figure["manifest"], figure["key"], f"{up}{app.builder.imagedir}",
        number=figure["number"], title=figure["title"], page=f"{up}{page}",
    )  # fmt: skip
    return _PAGE.format(
        language=app.config.language or "en", title=escape(title), book=escape(book), up=up,
        page=escape(f"{up}{page}#{figure['key']}"), figure=shown,
    )  # fmt: skip


def _words(html):
    return unescape(re.sub(r"<[^>]*>", "", html))


def remove_old(app, pages):
    """Remove the pages of explorers whose page is gone or has none any more."""
    if app.builder.name not in EMBEDDING:
        return
    root = Path(app.outdir, _FOLDER)
    wanted = {Path(app.outdir, embed_path(name, "any")).parent for name in pages}
    for folder in sorted((path for path in root.rglob("*") if path.is_dir()), reverse=True):
        if folder not in wanted and not any(folder in other.parents for other in wanted):
            shutil.rmtree(folder)
