"""Versions: how do the newest state of the book and its published versions stand side by side?

`python -m dlbook.site.versions SITE FOLDER NAME` copies a built site into a folder that a web host shows:
a version ("v1.2") goes into a folder of its name, every other name ("main") is the newest state and goes
to the top. Every page links to `versions.html`, which lists them.
"""

import re
import shutil
import sys
from html import escape
from pathlib import Path

VERSION = re.compile(r"v\d+(\.\d+)*")
KEPT = {".git", "CNAME"}  # the host's own
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Versions</title>
<style>:root {{ color-scheme: light dark }}
body {{ font: 1.05rem/1.6 sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }}</style></head>
<body><main><h1>Versions of this book</h1><ul>{rows}</ul></main></body></html>
"""


def publish(site, folder, name):
    """Copy a built site into the folder of all versions; return where it is now.

    Parameters
    ----------
    site, folder : pathlib.Path
    name : str
        "v1.2" for a version, anything else for the newest state.

    Raises
    ------
    ValueError
        If `site` holds no built site.
    """
    site, folder = Path(site), Path(folder)
    if not (site / "index.html").exists():
        raise ValueError(f"site must be the folder of a built site, got {str(site)!r} without index.html")
    folder.mkdir(parents=True, exist_ok=True)
    is_version = VERSION.fullmatch(name) is not None
    target = folder / name if is_version else folder
    if is_version:
        shutil.rmtree(target, ignore_errors=True)
    else:
        for old in folder.iterdir():
            if old.name not in KEPT and not VERSION.fullmatch(old.name):
                shutil.rmtree(old) if old.is_dir() else old.unlink()
    shutil.copytree(site, target, dirs_exist_ok=True)
    for path in target.rglob("*.html"):
        inside = path.relative_to(target).parts
        if is_version or not VERSION.fullmatch(inside[0]):
            up = "../" * (len(inside) - 1 + is_version)
            path.write_text(linked(path.read_text(encoding="utf-8"), up), encoding="utf-8")
    (folder / ".nojekyll").touch()  # GitHub Pages would leave out _static and _images
    (folder / "versions.html").write_text(listing(folder), encoding="utf-8")
    return target


def linked(html, up):
    """Return a page whose foot links to the list of versions, `up` from it.

    Examples
    --------
    >>> linked('<p class="book-build">Version 1</p>', "../")
    '<p class="book-build"><a href="../versions.html">Other versions</a> · Version 1</p>'
    """
    link = f'<a href="{up}versions.html">Other versions</a> · '
    return html.replace('<p class="book-build">', f'<p class="book-build">{link}', 1)


def listing(folder):
    """Return the page that lists the versions in a folder, the newest first."""

    def number(path):
        return [int(part) for part in path.name[1:].split(".")]

    versions = [path for path in Path(folder).iterdir() if path.is_dir() and VERSION.fullmatch(path.name)]
    rows = '<li><a href="index.html">The newest state</a></li>' * (Path(folder) / "index.html").exists()
    for path in sorted(versions, key=number, reverse=True):
        rows += f'<li><a href="{path.name}/index.html">{escape(path.name)}</a></li>'
    return PAGE.format(rows=rows)


def main(arguments):
    """Publish `SITE` in `FOLDER` as `NAME`."""
    if len(arguments) != 3:
        print("python -m dlbook.site.versions SITE FOLDER NAME", file=sys.stderr)
        return 2
    print(publish(*arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
