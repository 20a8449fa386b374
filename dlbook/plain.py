"""Plain copies: how does a chapter read right where nothing knows MyST?

The chapters' Markdown has boxes and folded answers. The site and JupyterLab (with jupyterlab-myst) show them;
GitHub, nbviewer, VS Code, Colab and an LMS do not know them. `make copies` derives a copy of every chapter,
exercise and page in `notebooks/`: CommonMark only, boxes as quotations, folded answers as `<details>`,
citations as links to the source, and a first cell that installs what is missing. Copies are never edited, and
a test says when they are stale.

Those copies hold texts only, and of a figure what it says. A build of the site writes its own with the
default picture of each figure into `_build/html/notebooks/`, and the download button serves them.
`make notebooks-zip` packs them with the wheel.
"""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from copy import deepcopy
from importlib.metadata import version
from pathlib import Path

import nbformat
import yaml

from dlbook.explorer.explorer import MIME
from dlbook.notebooks import METADATA
from dlbook.references import read

PAGES = ("glossary", "notation", "references", "replications")
BOXES = ("admonition", "dropdown", "note", "tip", "warning", "important")
START = """Why Deep Networks Train: the chapters as notebooks

1. You need Python {python} or newer. In this folder, in a terminal:

       python -m venv env
       env/bin/pip install jupyterlab "{wheel}[notebook]"        (on Windows: env\\Scripts\\pip)

2. Open the table of contents:

       env/bin/jupyter lab index.ipynb                   (on Windows: env\\Scripts\\jupyter)

A notebook opened elsewhere installs what it needs from the wheel beside it, in its first cell. The exercises
are in exercises/: write your answer, run the check below it, and it names the likely mistake.
"""
INSTALL = """# Install what this notebook imports, if it is not there yet
import importlib.util
from pathlib import Path

if not all(importlib.util.find_spec(name) for name in ("dlcore", "dlbook", "matplotlib", "ipywidgets")):
    beside = [path.resolve() for folder in (".", "..") for path in Path(folder).glob("dlcore-*.whl")]
    wheel = beside[-1].as_uri() if beside else "{address}"
    if not wheel:
        raise ImportError("put the file {wheel} beside this notebook, then run this cell again")
    requirement = f"dlcore[notebook] @ {{wheel}}"
    %pip install --quiet "{{requirement}}"
"""


def markdown(text, where="a page"):
    r"""Return MyST Markdown as CommonMark.

    Parameters
    ----------
    text : str
        Markdown with boxes (``:::{admonition} Title``) and folded answers (``:::{dropdown} Answer``).
    where : str
        Chapter and cell, for the message.

    Raises
    ------
    ValueError
        If it holds another directive, a role, a target, a definition list or a substitution.

    Examples
    --------
    >>> print(markdown(":::{admonition} Predict\n:class: predict\n\nHow far?\n:::"))
    > **Predict**
    >
    > How far?
    """
    return "\n".join(_blocks(text.split("\n"), where))


_FENCE = re.compile(r"\s*(:{3,}|`{3,}|~{3,})\s*(?:\{([^}]+)\})?(.*)$")


def _blocks(lines, where):
    out, at = [], 0
    while at < len(lines):
        opening = _FENCE.match(lines[at])
        if not opening:
            out.append(_inline(lines[at], where))
            at += 1
            continue
        fence, name, title = opening.groups()
        if name is None and fence[0] == ":":
            raise ValueError(f"{where}: a plain copy knows no directive in {lines[at].strip()!r}")
        end = _end(lines, at, where)
        if name is None:
            out += lines[at : end + 1]  # code stays as it is
        else:
            out += _directive(name, title.strip(), lines[at + 1 : end], where)
        at = end + 1
    return out


def _end(lines, begin, where):
    """Return the line that closes the fence which `begin` opens; a box may hold boxes with fences as long."""
    is_open = []
    for i, line in enumerate(lines[begin:], begin):
        found = _FENCE.match(line)
        if not found:
            continue
        fence, name, rest = found.groups()
        if is_open and not name and not rest.strip() and fence.startswith(is_open[-1][0]):
            is_open.pop()
        elif not is_open or is_open[-1][1]:  # what stands in a block of code opens nothing
            is_open.append((fence, name))
        if not is_open:
            return i
    raise ValueError(f"{where}: nothing closes {lines[begin].strip()!r}")


def _directive(name, title, lines, where):
    options = {}
    while lines and (option := re.match(r":([\w-]+):\s*(.*)$", lines[0])):
        options[option[1]] = option[2]
        lines = lines[1:]
    while lines and not lines[0].strip():
        lines = lines[1:]
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    if name not in BOXES or set(options) - {"class", "open"}:
        found = f"{{{name}}}" + (f" with the options {', '.join(options)}" if name in BOXES else "")
        raise ValueError(f"{where}: a plain copy knows no directive {found}")
    body = _blocks(lines, where)
    title = _inline(title, where) or name.capitalize()
    if name == "dropdown" or "dropdown" in options.get("class", ""):
        return [f"<details><summary>{title}</summary>", "", *body, "", "</details>"]
    return [f"> **{title}**", ">", *(f"> {line}".rstrip() for line in body)]


_UNKNOWN = {
    "role": r"(?<!`)\{[a-zA-Z][\w:+.-]*\}`[^`]*`",
    "target": r"^\s*\([\w-]+\)=\s*$|\$\$\s*\([\w-]+\)\s*$",
    "footnote": r"\[\^[^\]]+\]",
    "definition list": r"^:\s+\S",
    "substitution": r"\{\{[^}]*\}\}",
}


def _inline(line, where):
    prose = re.sub(r"`[^`]*`", "x", line)
    for kind, form in _UNKNOWN.items():
        shown = {"role": line, "target": prose}.get(kind, re.sub(r"\$[^$]+\$", "x", prose))
        found = re.search(form, shown)
        if found:
            raise ValueError(f"{where}: a plain copy knows no {kind} {found[0].strip()!r}")
    return line


def links(text, references=None, address=""):
    """Return Markdown whose links to the book's pages work outside of the book.

    A citation leads to the source itself where it has a DOI or an address. Other links to pages lead to the
    site, if its `address` is known, and else to the page beside the notebook.

    Examples
    --------
    >>> links("[rate](../glossary.md#learning-rate)", address="https://book.org")
    '[rate](https://book.org/chapters/glossary.html#learning-rate)'
    """

    def outside(found):
        up, name, place = found[1], found[2], found[3] or ""
        source = (references or {}).get(place[1:]) if name == "references" else None
        if source and source.link:
            return f"]({source.link})"
        return f"]({address}/chapters/{name}.html{place})" if address else f"]({up}{name}.md{place})"

    return re.sub(r"\]\(((?:\.\./)*)([\w-]+)\.md(#[\w-]+)?\)", outside, text)


def copied(notebook, where, references=None, address="", picture=None):
    """Return the plain copy of a notebook.

    Parameters
    ----------
    notebook : NotebookNode
    where : str
        The name for messages: "chapters/adam.ipynb".
    references : dict, optional
        The sources by key, as `dlbook.references.read` returns them.
    address : str
        Of the site, without a slash at its end; empty if it has none.
    picture : function, optional
        From the bundle of a figure to the text of its default picture, an SVG, or None.

    Raises
    ------
    ValueError
        If a cell holds markup that has no plain form; the message names notebook and cell.
    """
    notebook = deepcopy(notebook)
    for i, cell in enumerate(notebook.cells):
        place = f"{where}, cell {i}"
        if cell.cell_type == "markdown":
            cell.source = links(markdown(cell.source, place), references, address)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "text/markdown" in data:
                data["text/markdown"] = links(markdown(data["text/markdown"], place), references, address)
            bundle = data.pop(MIME, None)
            data.pop("application/vnd.jupyter.widget-view+json", None)
            if bundle and picture and (drawn := picture(bundle)):
                data["image/svg+xml"] = drawn
            elif bundle:  # as text that wraps: GitHub shows plain output as one long line of code
                data["text/markdown"] = f"*The figure says:* {_escaped(data['text/plain'])}"
    wheel = f"dlcore-{version('dlcore')}-py3-none-any.whl"
    source = INSTALL.format(wheel=wheel, address=f"{address}/notebooks/{wheel}" if address else "")
    first = nbformat.v4.new_code_cell(source.rstrip(), metadata={"jupyter": {"source_hidden": True}})
    notebook.cells.insert(0, first)
    for i, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{i:03d}"
    notebook.metadata = nbformat.from_dict(METADATA)
    return notebook


def _escaped(text):
    """Return Markdown that shows the text as it stands."""
    return re.sub(r"([\\`*_\[\]<>$|~#])", r"\\\1", text)


def copies(chapters, address="", executed=None, picture=None):
    """Yield the path below `notebooks/` and the text of every copy of the book in the folder `chapters`.

    `executed` is a function from such a path to the notebook as the build ran it, or None.
    """
    chapters = Path(chapters)
    references = read(chapters / "references.bib")
    for path in sorted(
        [*chapters.glob("*.ipynb"), *chapters.glob("deeper/*.ipynb"), *chapters.glob("exercises/*.ipynb")]
    ):
        name = path.relative_to(chapters)
        notebook = executed(name) if executed else None
        notebook = notebook or nbformat.read(path, as_version=4)
        copy = copied(notebook, f"chapters/{name.as_posix()}", references, address, picture)
        yield name, nbformat.writes(copy) + "\n"
    for name in PAGES:
        path = chapters / f"{name}.md"
        if path.exists():
            text = markdown(path.read_text(encoding="utf-8"), f"chapters/{name}.md")
            yield Path(f"{name}.md"), text if name == "references" else links(text, references, address)


def write(folder, found):
    """Write copies into a folder and remove from it what is none of them."""
    folder = Path(folder)
    kept = set()
    for name, text in found:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        kept.add(path)
    for path in folder.rglob("*"):
        if path.suffix in (".ipynb", ".md") and path not in kept:
            path.unlink()


def site_address(config="_config.yml"):
    """Return the address of the site: `html: baseurl:` of the book's settings, without a slash at its end."""
    settings = yaml.safe_load(Path(config).read_text(encoding="utf-8"))
    return str(settings.get("html", {}).get("baseurl") or "").rstrip("/")


def archive(target, copies_in, root="."):
    """Pack the copies in a folder with the wheel and `START.txt`; return the names in the archive.

    Raises
    ------
    RuntimeError
        If pip cannot build the wheel, with what it said.
    """
    target, copies_in = Path(target), Path(copies_in)
    target.parent.mkdir(parents=True, exist_ok=True)
    wheels = target.parent / "wheel"
    shutil.rmtree(wheels, ignore_errors=True)
    sources = target.parent / "wheel-sources"  # setuptools leaves folders where it builds
    shutil.rmtree(sources, ignore_errors=True)
    for name in ("dlcore", "dlbook"):
        shutil.copytree(Path(root) / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXT"):
        shutil.copy(Path(root) / name, sources)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command = [*pip, "--wheel-dir", str(wheels), str(sources)]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode:
        raise RuntimeError(f"pip could not build the wheel:\n{done.stdout[-2000:]}")
    (wheel,) = wheels.glob("*.whl")
    files = {
        path.relative_to(copies_in).as_posix(): path
        for path in sorted(copies_in.rglob("*"))
        if path.is_file()
    }
    files[wheel.name] = wheel
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("notebooks/START.txt", START.format(python="3.11", wheel=wheel.name))
        for name, path in files.items():
            packed.write(path, f"notebooks/{name}")
        return packed.namelist()


def setup(app):
    """Register the extension: a build writes plain copies, and the download button serves them."""
    app.connect("html-page-context", _download, priority=502)  # after the theme has made the button
    app.connect("build-finished", _publish, priority=600)  # after the frames are in place
    return {"version": version("dlcore"), "parallel_read_safe": True, "parallel_write_safe": True}


def _download(app, pagename, templatename, context, doctree):
    name = Path(f"{pagename}.ipynb")
    if name.parts[0] != "chapters" or not (Path(app.srcdir) / name).exists():
        return
    for group in context.get("header_buttons", []):
        for button in group.get("buttons", []):
            if button.get("label") == "download-source-button":
                button["url"] = context["pathto"](f"notebooks/{name.relative_to('chapters').as_posix()}", 1)


def _publish(app, exception):
    from jupyter_cache import get_cache

    chapters = Path(app.srcdir) / "chapters"
    if exception or app.builder.format != "html" or not (chapters / "references.bib").exists():
        return
    images = Path(app.outdir) / "_images"

    def picture(bundle):
        frame = images / bundle["frames"][bundle["start"]] if "frames" in bundle else None
        return frame.read_text(encoding="utf-8") if frame and frame.suffix == ".svg" else None

    def executed(name):
        read = Path(app.outdir).parent / "jupyter_execute" / "chapters" / name  # as MyST-NB has read it
        about = json.loads(read.read_text(encoding="utf-8"))["metadata"] if read.exists() else {}
        cache = about.get("mystnb", {}).get("execution_cache_path")
        notebook = nbformat.read(chapters / name, as_version=4)
        try:
            return get_cache(cache).merge_match_into_notebook(notebook)[1] if cache else None
        except KeyError:  # an exercise: it waits for answers and is never run
            return None

    address = str(app.config.html_baseurl or "").rstrip("/")
    write(Path(app.outdir) / "notebooks", copies(chapters, address, executed, picture))


def main(arguments):
    """Write the copies in `notebooks/`, or pack those of the built site: `dlbook.plain [ARCHIVE]`."""
    if arguments:
        print(f"{arguments[0]}: {len(archive(arguments[0], '_build/html/notebooks'))} files")
    else:
        write("notebooks", copies("chapters", site_address()))


if __name__ == "__main__":
    main(sys.argv[1:])
