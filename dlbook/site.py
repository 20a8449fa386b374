"""The site: what does this book's site need besides what every book with explorers does?

A Sphinx extension over `dlbook.explorer`. It pins the arithmetic of the chapters' kernels, copies MathJax,
makes the search page work from a file, mends ARIA roles of the bibliography and removes what no page needs.
"""

import importlib.util
import os
import re
import shutil
from importlib.metadata import version
from pathlib import Path

from docutils import nodes
from sphinx.writers.html5 import HTML5Translator

from dlbook.reproducible import PINNED


def setup(app):
    """Register the extension."""
    app.setup_extension("dlbook.explorer")
    app.add_node(nodes.citation, override=True, html=(_visit_citation, HTML5Translator.depart_citation))
    app.connect("config-inited", _pin)
    app.connect("doctree-read", _targets)
    app.connect("html-page-context", _search_from_file)
    app.connect("build-finished", _finish)
    return {"version": version("dlcore"), "parallel_read_safe": False, "parallel_write_safe": True}


def _pin(app, config):
    app.unpinned = {name: os.environ.get(name) for name in PINNED}
    os.environ.update(PINNED)


def _targets(app, doctree):
    """Let `[text](page.md#name)` reach every HTML element with an id; MyST alone knows headings only."""
    known = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
    for node in doctree.findall(nodes.raw):
        for name in re.findall(r'\bid="([^"]+)"', node.astext()):
            known.setdefault(name, (0, name, name))


def _visit_citation(translator, node):
    # docutils gives a bibliography ARIA roles that are deprecated and do not fit together
    begin = len(translator.body)
    HTML5Translator.visit_citation(translator, node)
    for role in (' role="doc-biblioentry"', ' role="list"'):
        translator.body[begin:] = [part.replace(role, "") for part in translator.body[begin:]]


def _search_from_file(app, pagename, templatename, context, doctree):
    # the search page fetches every result for a summary, which a browser refuses on file://
    if pagename == "search":
        script = 'if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;'
        app.add_js_file(None, body=script)


def _finish(app, exception):
    for name, value in app.unpinned.items():
        if value is None:
            os.environ.pop(name)
        else:
            os.environ[name] = value
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    for path in app.config.html_static_path:
        # Sphinx copies these only when it writes a page, so an edited style sheet would stay behind
        if not Path(path).is_absolute():  # the book's own; extensions give absolute paths
            shutil.copytree(Path(app.srcdir) / path, static, dirs_exist_ok=True)
    _copy_mathjax(static / "mathjax")
    _slim(static)


def _copy_mathjax(target):
    # the package's own extension would copy 24 MB; a page asks for a few parts and some fonts
    package = Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
    for part in (
        "startup.js",
        "core.js",
        "input/tex.js",
        "output/chtml.js",
        "output/chtml/fonts",
        "a11y/assistive-mml.js",
    ):
        source, copy = package / part, target / part
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, copy, dirs_exist_ok=True) if source.is_dir() else shutil.copyfile(
            source, copy
        )


def _slim(static):
    # the theme has every icon twice, as a font (150 kB) and as a script (540 kB gzip, on every page)
    script = static / "scripts" / "fontawesome.js"
    if script.exists():
        script.write_text("// the icons come from the style sheet's font\n")
    for source_map in static.rglob("*.map"):
        source_map.unlink()
