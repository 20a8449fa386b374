"""Ways back: how does a reader get from a page to its source, to a term's meaning, and to where she stopped?

The repository's address is one setting, `repository_url:` in `_config.yml`. With it, every page links to
the repository, to its own source and to a form for a mistake; without it, these links are absent.

A link to a source or to a term of the glossary shows what stands there, on hover and on focus. The texts
are in a script that the page loads with the first such link, so it works from a file too. What has been
read is remembered in the browser alone.
"""

import json
import re
from html import unescape
from pathlib import Path
from urllib.parse import quote

PREVIEWED = ("references", "glossary")
_PLACE = re.compile(r'<p>\s*<a id="([\w-]+)"></a>(.*?)</p>', re.DOTALL)


def connect(app):
    """Connect what this file does to a build."""
    app.connect("config-inited", _offer_buttons)
    app.connect("html-page-context", _link_back)
    app.connect("build-finished", _write_previews)


def report_address(repository, pagename, version):
    """Return the address of a form to report a mistake on a page; empty without a repository.

    Examples
    --------
    >>> report_address("https://example.org/a/book", "chapters/adam", "1.0")
    'https://example.org/a/book/issues/new?title=Mistake%20on%20chapters/adam&body=Version%201.0.%20What%20is%20wrong%3A%20'
    """
    if not repository:
        return ""
    body = quote(f"Version {version}. What is wrong: ")
    return f"{repository.rstrip('/')}/issues/new?title={quote(f'Mistake on {pagename}')}&body={body}"


def previews(html):
    """Return the texts of a page's places by their ids: paragraphs that open with `<a id="...">`.

    Examples
    --------
    >>> previews('<p><a id="adam"></a><strong>Adam</strong>: an\\noptimizer</p>')
    {'adam': 'Adam: an optimizer'}
    """
    return {
        name: " ".join(unescape(re.sub(r"<[^>]*>", "", text)).split()) for name, text in _PLACE.findall(html)
    }


def _offer_buttons(app, config):
    options = config.html_theme_options
    repository = str(options.get("repository_url") or "")
    if repository and not re.fullmatch(r"https?://[^/\s]+/\S+", repository):
        raise ValueError(
            f"repository_url: must be an address like https://host/owner/name, got {repository!r}"
        )
    app.site_repository = repository
    if config.html_theme != "sphinx_book_theme":  # another theme has other options
        return
    for button in ("use_repository_button", "use_edit_page_button", "use_issues_button"):
        options[button] = bool(repository)
    if repository:
        options["repository_branch"] = options.get("repository_branch") or "main"


def _link_back(app, pagename, templatename, context, doctree):
    if doctree is not None:
        context["site_report"] = report_address(app.site_repository, pagename, app.site_build.version)


def _write_previews(app, exception):
    if exception or app.builder.format != "html":
        return
    texts = {}
    for name in sorted(app.env.found_docs):
        page, path = name.rpartition("/")[2], Path(app.outdir) / f"{name}.html"
        if page in PREVIEWED and path.exists():
            html = path.read_text(encoding="utf-8")
            texts |= {f"{page}#{place}": text for place, text in previews(html).items()}
    data = json.dumps(texts, ensure_ascii=False, separators=(",", ":"))
    (Path(app.outdir) / "_static" / "previews.js").write_text(
        f"window.bookPreviews={data};\n", encoding="utf-8"
    )
