"""Extension: what must a plain `jupyter-book build .` do so that the sliders work?

The Sphinx extension `dlbook.explorer`. It runs the chapters side by side, each with a folder for its frames,
keeps what they gave under a digest of the packages in `explorer_packages` (`dlbook.explorer.kept`: a second
build draws nothing), shows the progress of the drawing, and copies frames, script and style to the site.
"""

import json
import os
import shutil
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from sphinx.errors import ConfigError, SphinxError
from sphinx.util import logging

from dlbook.explorer import captions, embed, kept, renderer
from dlbook.explorer.digest import roots

logger = logging.getLogger(__name__)

ASSETS = Path(__file__).with_name("assets")
_VARIABLES = ("EXPLORER_CHAPTER", "EXPLORER_FRAMES", "EXPLORER_PROGRESS")


class ChapterError(SphinxError):
    """A chapter's code raised while it ran: the message has the cell and the traceback."""

    category = "Chapter failed"


def setup(app):
    """Register the extension; `explorer_packages` names the packages whose change runs chapters again."""
    app.add_config_value("explorer_packages", [], "env", [list])
    app.add_node(
        renderer.Figure,
        html=(renderer.write_html, None), text=(renderer.write_text, None), latex=(renderer.write_text, None),
    )  # fmt: skip
    app.connect("config-inited", _prepare)
    app.connect("builder-inited", _copy_assets)
    app.connect("env-get-outdated", _changed)
    app.connect("env-purge-doc", _forget)
    app.connect("env-before-read-docs", _run_ahead)
    app.connect("source-read", _before_chapter)
    app.connect("doctree-read", _name_explorers)
    app.connect("html-page-context", _load_assets)
    app.connect("html-page-context", embed.write)
    app.connect("build-finished", _finish)
    return {"env_version": 3, "parallel_read_safe": False, "parallel_write_safe": True}


def _prepare(app, config):
    folder = Path(app.outdir).parent / kept.FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    try:
        packages = roots(config.explorer_packages, app.srcdir)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    log = folder / "progress.log"
    log.write_text("")
    app.explorer = SimpleNamespace(kept=folder, roots=packages, done=threading.Event())
    os.environ["EXPLORER_PROGRESS"] = str(log)
    threading.Thread(target=_follow, args=(log, app.explorer.done), daemon=True).start()


def _follow(log, done):
    with open(log) as lines:
        while not done.wait(0.3):
            for line in lines:
                sys.stderr.write(f"  {line}")
                sys.stderr.flush()


def _copy_assets(app):
    if app.builder.format == "html":
        shutil.copytree(ASSETS, Path(app.outdir) / "_static", dirs_exist_ok=True)


def _load_assets(app, pagename, templatename, context, doctree):
    pages = _pages(app.env)
    shown = pages.values() if app.builder.name.endswith("singlehtml") else [pages.get(pagename, _page())]
    if any(page["figures"] for page in shown):
        app.add_css_file("explorer.css")
    if any(page["sliders"] for page in shown):
        app.add_js_file("explorer.js", defer="defer")
    if any(page["guesses"] for page in shown):
        app.add_css_file("guess.css")
        app.add_js_file("guess.js", defer="defer")


def _pages(env):
    """Return what is known of each page; Sphinx keeps it from build to build."""
    if not hasattr(env, "explorer_pages"):
        env.explorer_pages = {}
    return env.explorer_pages


def _page(key=None, folder=None):
    counts = {"figures": 0, "sliders": 0, "explorers": 0, "guesses": 0}
    return {"digest": key, "folder": folder, "files": set(), "names": set(), **counts}


def _digest_of(app, path):
    return kept.digest_of(path, app.explorer.roots)


def _changed(app, env, added, changed, removed):
    """Name the chapters whose packages have changed since they were read, or whose frames are gone."""
    return [
        name
        for name, page in _pages(env).items()
        if page["digest"] != _digest_of(app, env.doc2path(name))
        or not all((app.explorer.kept / page["folder"] / "frames" / file).exists() for file in page["files"])
    ]


def _forget(app, env, docname):
    _pages(env).pop(docname, None)


def _folder(app, docname, key):
    return kept.folder_of(app.explorer.kept, docname, key)


def _run_ahead(app, env, docnames):
    """Run the chapters that have to run, one on each core; MyST-NB then finds their outputs."""
    runs = []
    for name in docnames:
        path = env.doc2path(name)
        if not path.endswith(".ipynb") or not _is_run_ahead(app.config, path):
            continue
        notebook = nbformat.read(path, as_version=4)
        if notebook.metadata.get("mystnb", {}).get("execution_mode", "cache") != "cache":
            continue
        folder = _folder(app, name, _digest_of(app, path))
        if kept.outputs(folder, notebook) is None:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            runs.append(
                (name, path, folder, app.config.nb_execution_timeout, app.config.nb_execution_allow_errors)
            )
    failed = {run[0]: error for run, error in zip(runs, _side_by_side(runs), strict=True) if error}
    if failed and app.config.nb_execution_raise_on_error:
        raise ChapterError("\n".join(failed.values()))
    for name, error in failed.items():
        logger.warning(error, location=name)


def _is_run_ahead(config, path):
    never = any(Path(path).match(pattern) for pattern in config.nb_execution_excludepatterns)
    return config.nb_execution_mode == "cache" and not config.nb_execution_in_temp and not never


def _side_by_side(runs):
    from joblib import Parallel, cpu_count, delayed

    return Parallel(n_jobs=min(len(runs), cpu_count()) or 1)(delayed(_run)(*run) for run in runs)


def _run(docname, path, folder, seconds, allow_errors):
    """Run a chapter and keep its outputs; return its error as text, since some cannot be pickled."""
    os.environ.update(EXPLORER_CHAPTER=docname, EXPLORER_FRAMES=str(folder / "frames"))
    notebook = nbformat.read(path, as_version=4)
    done = single_nb_execution(
        notebook, cwd=str(Path(path).parent), timeout=seconds, allow_errors=allow_errors
    )
    if done.err is not None:
        return f"{path}: {done.err}"
    bundle = CacheBundleIn(notebook, path, data={"execution_seconds": done.time})
    get_cache(folder / "cache").cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    return None


def _before_chapter(app, docname, source):
    path = app.env.doc2path(docname)
    key = _digest_of(app, path)
    folder = _folder(app, docname, key)
    _pages(app.env)[docname] = _page(key, folder.name)
    os.environ.update(EXPLORER_CHAPTER=docname, EXPLORER_FRAMES=str(folder / "frames"))
    if key:
        notebook = json.loads(source[0])
        notebook["metadata"].setdefault("mystnb", {})["execution_cache_path"] = str(folder / "cache")
        source[0] = json.dumps(notebook)


def _name_explorers(app, doctree):
    captions.read(doctree, app.env.docname)
    known = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
    for figure in doctree.findall(renderer.Figure):
        if figure["number"]:  # [text](page.md#name) leads to it
            name = figure["key"]
            known.setdefault(name, (0, name, figure["title"] or f"Explorer {figure['number']}"))


def _finish(app, exception):
    app.explorer.done.set()
    for variable in _VARIABLES:
        os.environ.pop(variable, None)
    if exception or app.builder.format != "html":
        return
    pages = _pages(app.env).values()
    _copy_frames(app.explorer.kept, pages, Path(app.outdir) / app.builder.imagedir)
    embed.remove_old(app, {name for name, page in _pages(app.env).items() if page["sliders"]})
    for old in app.explorer.kept.iterdir():
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
