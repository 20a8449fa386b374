"""Publish: how does `lite/` get into the site, and a link to it onto every page that can run?

As a Sphinx extension it does so if the runtime is at hand (`make lite` fetches it). If it is not, the build
is what it was, and no page shows a link. What changes with the book has a digest in its address, so that
a browser never combines files of two editions:

    lite/index.html, run.js, run.css   our page around the notebook
    lite/pages.json                    the notebooks, their edition, what the first click costs; never cached
    lite/app/                          JupyterLite, and the notebooks in app/files
    lite/pyodide-<digest>/             Python, NumPy, Matplotlib
    lite/book/<digest>/                the wheel of dlcore and dlbook, and the lock file that names it
"""

import functools
import hashlib
import html
import json
import os
import re
import shutil
import sys
from importlib.metadata import PackageNotFoundError, metadata, version
from pathlib import Path

from dlbook.lite import pages, runtime
from dlbook.lite.runtime import ASSETS

# rooms of dlbook that no notebook of a reader imports
NOT_NEEDED = {"lite", "site", "plain.py", "references.py", "reproducible.py", "notebooks.py"}
GRADER = Path(__file__).parents[1] / "grader"
EXPLORER_NOT_NEEDED = {"extension.py", "renderer.py", "digest.py", "kept.py", "assets"}
# of the first click: the wheel of dlcore and dlbook, and what JupyterLite loads to show a notebook; the
# browser test fails if this is not what a browser loads
BOOK_BYTES, APP_BYTES = 3.3e6, 7.7e6
SETTINGS = {
    "@jupyterlab/docmanager-extension:plugin": {"autosave": True, "autosaveInterval": 5},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}


def setup(app):
    """Register the extension."""
    app.add_config_value("lite_runtime", "", "html")
    app.add_config_value("lite_measured", pages.MEASURED, "html", types=[dict])
    app.connect("config-inited", _look)
    app.connect("builder-inited", _style)
    app.connect("html-page-context", _link, priority=510)  # after the theme and the download button
    app.connect("build-finished", _publish, priority=700)  # after the plain copies are written
    return {"version": version("dlcore"), "parallel_read_safe": True, "parallel_write_safe": True}


@functools.cache
def grader_needed():
    """The files of the grader's room that an exercise imports: the first one's, and theirs."""
    needed, left = set(), ["__init__"]
    while left:
        name = f"{left.pop()}.py"
        if name not in needed:
            needed.add(name)
            text = (GRADER / name).read_text(encoding="utf-8")
            left += re.findall(r"^from dlbook\.grader\.(\w+) import", text, re.MULTILINE)
    return needed


def _look(app, config):
    found = runtime.at_hand()
    # a setting of the pages: where it changes, Sphinx writes them anew
    config.lite_runtime = str(found) if found else ""


def _style(app):
    # before the pages are written: each names its style sheets with a digest
    if app.config.lite_runtime and app.builder.name == "html":
        (Path(app.outdir) / "_static").mkdir(parents=True, exist_ok=True)
        shutil.copy(ASSETS / "run-here.css", Path(app.outdir) / "_static")


def _name(app, pagename):
    """Return the notebook of a page ("exercises/adam"), or None."""
    path = Path(app.srcdir) / f"{pagename}.ipynb"
    is_chapter = pagename.startswith("chapters/") and "/source/" not in pagename and path.exists()
    return pagename.removeprefix("chapters/") if is_chapter else None


def _link(app, pagename, templatename, context, doctree):
    name = _name(app, pagename)
    if name and app.config.lite_runtime and app.builder.name == "html" and context.get("body"):
        address = f"{context['pathto']('lite/index.html', 1)}?notebook="
        has_tasks = _name(app, f"chapters/exercises/{name}")  # many pages have exercises on paper only
        tasks = f"{address}exercises/{name}" if has_tasks else None
        megabytes = first_click(Path(app.config.lite_runtime)) / 1e6
        context["body"] = with_links(context["body"], address + name, megabytes, tasks, pages.minutes(name))
        app.add_css_file("run-here.css")


def with_links(body, address, megabytes, tasks=None, minutes=None):
    """Return a page's HTML with the link under its title, and one to `tasks` below its heading "Exercises".

    `tasks` is the address of the notebook whose exercises check themselves, if there is one. Under the title
    stands what the first click costs, and how many minutes all cells take, if they take more than one.

    Examples
    --------
    >>> with_links("<h1>Adam</h1>", "lite/", 24.6)
    '<h1>Adam</h1><p class="run-here-line"><a class="run-here" href="lite/">Run it here</a> in your browser, \
with nothing to install (the first time it loads 25 MB).</p>'
    """
    start = '<p class="run-here-line"><a class="run-here" href='
    long = f"; all its cells take up to about {minutes} minutes" if minutes and minutes > 1 else ""
    line = (
        f'{start}"{html.escape(address)}">Run it here</a> in your browser, with nothing to install '
        f"(the first time it loads {megabytes:.0f} MB{long}).</p>"
    )
    body = re.sub(r"</h1>", lambda found: found[0] + line, body, count=1)
    if tasks is None:
        return body
    beside = (
        f'{start}"{html.escape(tasks)}">Solve them here</a>: each check answers at once and names '
        "the likely mistake.</p>"
    )
    heading = r"<h2\b(?:(?!</h2>).)*Exercises<(?:(?!</h2>).)*</h2>"
    return re.sub(heading, lambda found: found[0] + beside, body, count=1, flags=re.DOTALL)


def first_click(found):
    """Return the bytes that the first click loads, before a server compresses them."""
    python = sum(path.stat().st_size for path in (Path(found) / "pyodide").iterdir())
    return python + BOOK_BYTES + APP_BYTES


def _publish(app, exception):
    chapters = Path(app.srcdir) / "chapters"
    if exception or app.builder.name != "html" or not (chapters / "references.bib").exists():
        return
    site = Path(app.outdir)
    if app.config.lite_runtime:
        write(site, Path(app.config.lite_runtime))
    else:
        shutil.rmtree(site / "lite", ignore_errors=True)


def write(site, found, of=None):
    """Write `lite/` into a built site.

    Parameters
    ----------
    site : path
        With the plain copies in `notebooks/`.
    found : path
        The runtime.
    of : str, optional
        The edition; by default today's.
    """
    site, found = Path(site), Path(found)
    target = site / "lite"
    there, kept = target / "ready.json", (found / "ready.json").read_bytes()
    python = f"pyodide-{hashlib.sha256(kept).hexdigest()[:8]}"
    if not there.is_file() or there.read_bytes() != kept:
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(found, target, copy_function=_linked)
        (target / "pyodide").rename(target / python)
    for part in ("book", "app/files", "app/api/contents"):
        shutil.rmtree(target / part, ignore_errors=True)
    copies = sorted((site / "notebooks").rglob("*.ipynb"))
    texts = [(path.relative_to(site / "notebooks"), path.read_text(encoding="utf-8")) for path in copies]
    of = of or pages.edition()
    listed = pages.write(target / "app", texts, of)
    lock = add_book(target, python)
    configure(target / "app", python, lock)
    about = {"edition": of, "pages": listed, "python": python, "lock": lock}
    (target / "pages.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
    shell = (ASSETS / "run.html").read_text(encoding="utf-8")
    for name in ("run.js", "run.css"):
        shutil.copy(ASSETS / name, target)
        digest = hashlib.sha256((ASSETS / name).read_bytes()).hexdigest()[:8]
        shell = shell.replace(f'"{name}"', f'"{name}?{digest}"')
    (target / "index.html").write_text(shell, encoding="utf-8")


def _linked(source, target):
    """Share a file of the runtime with the site where both are on one disk; it is never written to."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def book_files():
    """Yield the path in the wheel and the content of the files of dlcore and dlbook that a notebook needs."""
    for package in ("dlcore", "dlbook"):
        root = Path(__file__).parents[2] / package
        for path in sorted(root.rglob("*")):
            parts = path.relative_to(root).parts
            if not path.is_file() or "__pycache__" in parts or not _is_needed(package, parts):
                continue
            yield path.relative_to(root.parent).as_posix(), path.read_bytes()


def _is_needed(package, parts):
    if package == "dlcore":
        return True
    if parts[0] == "grader":
        return parts[1] in grader_needed()
    if parts[0] == "explorer":
        return parts[1] not in EXPLORER_NOT_NEEDED
    return parts[0] not in NOT_NEEDED


def add_book(target, python):
    """Write the wheel of dlcore and dlbook, and the lock file that names it; return the lock's address.

    `python` is the name of Pyodide's folder in `target`.
    """
    try:
        about = metadata("dlcore").as_string()
    except PackageNotFoundError:
        about = ""
    release = version("dlcore")
    work = target / "book"
    work.mkdir()
    wheel = runtime.write_wheel(
        work / f"dlcore-{release}-py3-none-any.whl", "dlcore", release, dict(book_files()), about
    )
    lock = json.loads((target / python / "pyodide-lock.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256(wheel.read_bytes() + json.dumps(lock).encode()).hexdigest()[:12]
    (work / digest).mkdir()
    wheel = wheel.rename(work / digest / wheel.name)
    needs = ["numpy", "joblib", "tqdm"]
    entry = runtime.lock_entry(wheel, f"../book/{digest}/{wheel.name}", needs)
    lock["packages"]["dlcore"] = entry
    (work / digest / "pyodide-lock.json").write_text(json.dumps(lock), encoding="utf-8")
    return f"book/{digest}/pyodide-lock.json"


def configure(app, python, lock):
    """Tell JupyterLite where Python and the book are, and to ask no other host."""
    path = app / "jupyter-lite.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    path.unlink()  # it may be a link to the runtime's own
    data = settings["jupyter-config-data"]
    data |= {
        "appName": "Why Deep Networks Train", "exposeAppInBrowser": True, "enableMemoryStorage": True,
        "showLoadingIndicator": True, "settingsOverrides": SETTINGS,
        "disabledExtensions": ["@jupyterlite/application-extension:service-worker-manager"],
    }  # fmt: skip
    kernel = data["litePluginSettings"]["@jupyterlite/pyodide-kernel-extension:kernel"]
    kernel |= {
        "pyodideUrl": f"./../{python}/pyodide.js",
        "disablePyPIFallback": True,
        "loadPyodideOptions": {"packages": list(runtime.PACKAGES), "lockFileURL": f"../{lock}"},
    }
    path.write_text(json.dumps(settings), encoding="utf-8")


def main(arguments):
    """Write lite/ into the site in a folder: `python -m dlbook.lite.publish [_build/html]`."""
    found = runtime.at_hand()
    if not found:
        print("the runtime is not at hand: run `make lite`", file=sys.stderr)
        return 1
    write(arguments[0] if arguments else "_build/html", found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
