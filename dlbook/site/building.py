"""Building: what does a build of this book need so that its pages work everywhere, also from a file?

Pins the arithmetic of the chapters' kernels, copies MathJax, makes the search page work from a file, lets
links reach every HTML id, and removes what no page needs.
"""

import importlib.util
import os
import re
import shutil
from pathlib import Path

from docutils import nodes

from dlbook.reproducible import PINNED

HERE = Path(__file__).parent


def connect(app):
    """Connect what this file does to a build."""
    app.connect("config-inited", _pin)
    app.connect("config-inited", _use_templates)
    app.connect("doctree-read", _targets)
    app.connect("html-page-context", _search_from_file)
    app.connect("build-finished", _finish)


def _pin(app, config):
    app.unpinned = {name: os.environ.get(name) for name in PINNED}
    os.environ.update(PINNED)


def _use_templates(app, config):
    # first, so that they come before the theme's own; Sphinx takes the paths as relative to the sources
    config.templates_path.insert(0, os.path.relpath(HERE / "templates", app.srcdir))


def _targets(app, doctree):
    """Let `[text](page.md#name)` reach every heading and every HTML element with an id."""
    known = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
    for section in doctree.findall(nodes.section):
        for name in section["ids"]:
            known.setdefault(name, (0, name, section[0].astext()))
    for node in doctree.findall(nodes.raw):
        for name in re.findall(r'\bid="([^"]+)"', node.astext()):
            known.setdefault(name, (0, name, name))


def _search_from_file(app, pagename, templatename, context, doctree):
    # the search page fetches every result for a summary, which a browser refuses on file://
    if pagename == "search":
        script = 'if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;'
        app.add_js_file(None, body=script)


def _finish(app, exception):
    for name, value in app.unpinned.items():
        if value is None:
            os.environ.pop(name, None)  # another handler may have put the environment back
        else:
            os.environ[name] = value
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    for path in app.config.html_static_path:
        # Sphinx copies these only when it writes a page, so an edited style sheet would stay behind
        if not Path(path).is_absolute():  # the book's own; extensions give absolute paths
            shutil.copytree(Path(app.srcdir) / path, static, dirs_exist_ok=True)
    shutil.copytree(HERE / "assets", static, dirs_exist_ok=True)
    copy_mathjax(static / "mathjax")
    for source_map in static.rglob("*.map"):
        source_map.unlink()


def copy_mathjax(target):
    """Copy the parts of MathJax that the pages ask for: the package's own extension would copy 24 MB."""
    package = Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
    for part in (
        "startup.js",
        "core.js",
        "input/tex.js",
        "output/chtml.js",
        "output/chtml/fonts",
        "a11y/assistive-mml.js",
        "ui/lazy.js",
    ):
        source, copy = package / part, target / part
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, copy)
