"""The site: what must a plain `jupyter-book build .` do so that the sliders work?

A Sphinx extension. It runs the chapters, one on each core, with a folder for the frames and in pinned
arithmetic, keeps what they gave under a digest of the library (so a second build draws nothing, and a change
of the library runs the chapters that use it), shows the drawing's progress, and copies frames and MathJax to
the site.
"""

import ast
import hashlib
import importlib.util
import json
import os
import platform
import re
import shutil
import sys
import threading
from importlib.metadata import version
from pathlib import Path

import nbformat
from docutils import nodes
from joblib import Parallel, delayed
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from sphinx.writers.html5 import HTML5Translator

from dlbook.explorer import renderer
from dlbook.reproducible import PINNED

_ROOT = Path(__file__).parents[1]
_PACKAGES = ("dlcore", "dlbook")
_DRAWN_BY = (
    "dlbook.explorer.explorer",
    "dlbook.explorer.prerender",
)  # what decides a frame, whatever the chapter imports


def setup(app):
    """Register the extension."""
    app.add_node(
        renderer.Figure,
        html=(renderer.write_html, None), text=(renderer.write_text, None), latex=(renderer.write_text, None),
    )  # fmt: skip
    app.add_node(nodes.citation, override=True, html=(_visit_citation, HTML5Translator.depart_citation))
    app.config.html_static_path.append(str(_ROOT / "dlbook/explorer/assets"))
    app.connect("config-inited", _prepare)
    app.connect("env-get-outdated", _changed)
    app.connect("env-purge-doc", _forget)
    app.connect("env-before-read-docs", _run_ahead)
    app.connect("source-read", _before_chapter)
    app.connect("doctree-read", _targets)
    app.connect("html-page-context", _search_from_file)
    app.connect("build-finished", _finish)
    return {"version": version("dlcore"), "parallel_read_safe": False, "parallel_write_safe": True}


def digest(code, root=_ROOT):
    """Return a digest of all that decides the outputs of a chapter's `code` besides the code itself.

    These are the modules of the library that it imports, directly or through others, so a change of one
    chapter's figures runs that chapter again and no other.
    """
    sums = hashlib.sha256(platform.python_version().encode())
    for package in ("numpy", "matplotlib"):
        sums.update(f"{package} {version(package)}\n".encode())
    for path in sorted(_files_behind(code, Path(root))):
        sums.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return sums.hexdigest()[:16]


def _files_behind(code, root):
    waiting, seen = [*_imported(code), *_DRAWN_BY], set()
    files = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        place = root.joinpath(*name.split("."))
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            if path.is_file():
                files.add(path)
                package = name if path.stem == "__init__" else name.rpartition(".")[0]
                waiting += _imported(path.read_text(), package)
    return files


def _imported(code, package=""):
    """Return the modules of dlcore and dlbook that Python source in a package may import, their packages included."""
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: 1 - node.level or None] if node.level else []
            module = ".".join([*above, node.module] if node.module else above)
            names.update([module, *(f"{module}.{alias.name}" for alias in node.names)])
    parts = [name.split(".") for name in names if name.split(".")[0] in _PACKAGES]
    return {".".join(part[:n]) for part in parts for n in range(1, len(part) + 1)}


def _code(notebook):
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    lines = "\n".join(cells).splitlines()
    return "\n".join("pass" if line.lstrip()[:1] in ("%", "!") else line for line in lines)


def _prepare(app, config):
    app.explorer_kept = Path(app.outdir).parent / ".executed"
    app.explorer_kept.mkdir(parents=True, exist_ok=True)
    app.explorer_before = dict(os.environ)
    log = app.explorer_kept / "progress.log"
    log.write_text("")
    os.environ.update(PINNED | {"DLCORE_PROGRESS": str(log)})
    app.explorer_done = threading.Event()
    threading.Thread(target=_follow, args=(log, app.explorer_done), daemon=True).start()


def _changed(app, env, added, changed, removed):
    """Name the chapters whose part of the library has changed since they were read."""
    if not hasattr(env, "explorer_pages"):
        env.explorer_pages = {}
    return [
        name for name, page in env.explorer_pages.items() if page["digest"] != _digest_of(env.doc2path(name))
    ]


def _digest_of(path):
    return digest(_code(json.loads(Path(path).read_text()))) if Path(path).exists() else None


def _kept(app, docname, key):
    """The folder of what a chapter's run gave: its outputs and its frames."""
    folder = app.explorer_kept / f"{docname.replace('/', '-')}-{key}"
    folder.mkdir(exist_ok=True)
    return folder


def _run_ahead(app, env, docnames):
    """Run the chapters that have to run at the same time, one on each core; MyST-NB then finds their outputs."""
    if app.config.nb_execution_mode != "cache":
        return
    chapters = [(name, env.doc2path(name)) for name in docnames if env.doc2path(name).endswith(".ipynb")]
    never = app.config.nb_execution_excludepatterns
    chapters = [
        (name, path) for name, path in chapters if not any(Path(path).match(pattern) for pattern in never)
    ]
    runs = [(name, path, _kept(app, name, _digest_of(path))) for name, path in chapters]
    runs = [(name, path, folder) for name, path, folder in runs if not (folder / "cache").exists()]
    if len(runs) > 1:
        seconds = app.config.nb_execution_timeout
        Parallel(n_jobs=-1)(delayed(_run)(name, path, folder, seconds) for name, path, folder in runs)


def _run(docname, path, folder, seconds):
    os.environ.update(PINNED | {"DLCORE_CHAPTER": docname, "DLCORE_FRAMES": str(folder / "frames")})
    notebook = nbformat.read(path, as_version=4)
    done = single_nb_execution(notebook, cwd=str(Path(path).parent), timeout=seconds, allow_errors=False)
    if done.err is None:  # else MyST-NB runs it again, and says what failed
        bundle = CacheBundleIn(notebook, path, data={"execution_seconds": done.time})
        get_cache(folder / "cache").cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def _before_chapter(app, docname, source):
    path = app.env.doc2path(docname)
    if not path.endswith(".ipynb"):
        return
    notebook = json.loads(source[0])
    key = digest(_code(notebook))
    folder = _kept(app, docname, key)
    app.env.explorer_pages[docname] = {"digest": key, "folder": folder.name, "figures": 0, "files": set()}
    os.environ["DLCORE_CHAPTER"] = docname
    os.environ["DLCORE_FRAMES"] = str(folder / "frames")
    notebook["metadata"].setdefault("mystnb", {})["execution_cache_path"] = str(folder / "cache")
    source[0] = json.dumps(notebook)


def _forget(app, env, docname):
    getattr(env, "explorer_pages", {}).pop(docname, None)


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


def _follow(log, done):
    with open(log) as lines:
        while not done.wait(0.3):
            for line in lines:
                sys.stderr.write(f"  {line}")
                sys.stderr.flush()


def _finish(app, exception):
    app.explorer_done.set()
    os.environ.clear()
    os.environ.update(app.explorer_before)
    if exception or app.builder.format != "html":
        return
    pages = getattr(app.env, "explorer_pages", {}).values()
    _copy_frames(app.explorer_kept, pages, Path(app.outdir) / "_images")
    static = Path(app.outdir) / "_static"
    for path in app.config.html_static_path:
        # Sphinx copies these only when it writes a page, so an edited style sheet would stay behind
        if not Path(path).is_absolute():  # the book's own; extensions give absolute paths
            shutil.copytree(Path(app.srcdir) / path, static, dirs_exist_ok=True)
    _copy_mathjax(static / "mathjax")
    _slim(static)
    for old in app.explorer_kept.iterdir():
        if old.is_dir() and old.name not in {page["folder"] for page in pages}:
            shutil.rmtree(old)


def _copy_frames(kept, pages, images):
    images.mkdir(exist_ok=True)
    wanted = {name: kept / page["folder"] / "frames" / name for page in pages for name in page["files"]}
    for old in images.glob("frame-*.svg"):
        if old.name not in wanted:
            old.unlink()
    for name, source in sorted(wanted.items()):
        if not (images / name).exists():
            shutil.copyfile(source, images / name)


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
