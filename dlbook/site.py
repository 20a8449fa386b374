"""The site: what does this book's site need besides what every book with explorers does?

A Sphinx extension over `dlbook.explorer`. It pins the arithmetic of the chapters' kernels, copies MathJax,
makes the search page work from a file, lets links reach every HTML id, and removes what no page needs.
`python -m dlbook.site adam` builds a chapter alone, in its own folder, for the author who is writing it.
"""

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import yaml
from docutils import nodes

from dlbook.reproducible import PINNED


def setup(app):
    """Register the extension."""
    app.setup_extension("dlbook.explorer")
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
        script.write_text("// the icons come from the style sheet's font\n", encoding="utf-8")
    for source_map in static.rglob("*.map"):
        source_map.unlink()


def pages(book):
    """Return the files in the table of contents of a book, from its root on; a chapter precedes its pages."""
    toc = yaml.safe_load((Path(book) / "_toc.yml").read_text(encoding="utf-8"))

    def files(entries):
        for entry in entries:
            yield entry["file"]
            yield from files(entry.get("sections", []))

    return [
        toc["root"],
        *files(entry for part in toc.get("parts", [toc]) for entry in part.get("chapters", [])),
    ]


def pick(book, names):
    """Return the table of contents of a book of the named pages only, the first as its root.

    Raises
    ------
    ValueError
        If the book has no page of that name.
    """
    known = {
        Path(file).stem: file for file in reversed(pages(book))
    }  # of a chapter and its exercise the chapter
    for name in names:
        if name not in known:
            raise ValueError(f"chapters must be among {', '.join(sorted(known))}, got {name!r}")
    root, *others = [known[name] for name in names]
    chosen = {"format": "jb-book", "root": root}
    return chosen | ({"chapters": [{"file": file} for file in others]} if others else {})


def main(arguments):
    """Build the pages in `arguments` alone; with --draft draw the default setting of their explorers only.

    What the full build keeps is used and stays as it is. Links to the other pages lead nowhere here.
    """
    parser = argparse.ArgumentParser(prog="python -m dlbook.site")
    parser.add_argument("chapters", nargs="+", metavar="chapter", help="adam, momentum, ...")
    parser.add_argument("--draft", action="store_true", help="draw only what the page opens with")
    asked = parser.parse_args(arguments)
    names = [Path(name).stem for name in asked.chapters]
    try:
        toc = pick(".", names)
    except ValueError as error:
        parser.error(str(error))
    folder = Path("_build", "draft" if asked.draft else "alone", "+".join(names))
    kept = folder / "_build" / ".executed"
    kept.mkdir(parents=True, exist_ok=True)
    for file in [toc["root"], *(entry["file"] for entry in toc.get("chapters", []))]:
        for whole in Path("_build", ".executed").glob(f"{file.replace('/', '-')}-*"):
            shutil.copytree(whole, kept / whole.name, dirs_exist_ok=True)
    (folder / "_toc.yml").write_text(yaml.safe_dump(toc), encoding="utf-8")
    builder = Path(sys.executable).with_name("jupyter-book")
    done = subprocess.run(
        [builder, "build", ".", "--toc", folder / "_toc.yml", "--path-output", folder],
        env=os.environ | ({"EXPLORER_DRAFT": "1"} if asked.draft else {}),
    )
    if done.returncode == 0:
        print(f"{folder}/_build/html/{toc['root']}.html")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
