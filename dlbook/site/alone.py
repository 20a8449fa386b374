"""A chapter alone: how does its author build it in seconds, without the rest of the book?

`python -m dlbook.site adam` builds the chapter in its own folder, and uses what the full build has kept;
`python -m dlbook.site` is the full build, with warnings as errors.
"""

import argparse
import os
import shutil
import subprocess
from pathlib import Path

import yaml

from dlbook.reproducible import JUPYTER_BOOK


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
    """Build the pages in `arguments` alone, or the book; --draft draws the default setting of explorers only.

    What the full build keeps is used and stays as it is; from a page alone, links to others lead nowhere.
    """
    parser = argparse.ArgumentParser(prog="python -m dlbook.site")
    parser.add_argument("chapters", nargs="*", metavar="chapter", help="adam, momentum, ...; none: all")
    parser.add_argument("--draft", action="store_true", help="draw only what the page opens with")
    asked = parser.parse_args(arguments)
    if not asked.chapters:
        if asked.draft:
            parser.error("--draft is for single chapters: name them")
        strict = ["--warningiserror", "--nitpick", "--keep-going"]
        return subprocess.run([*JUPYTER_BOOK, "build", ".", *strict]).returncode
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
    done = subprocess.run(
        [*JUPYTER_BOOK, "build", ".", "--toc", folder / "_toc.yml", "--path-output", folder],
        env=os.environ | ({"EXPLORER_DRAFT": "1"} if asked.draft else {}),
    )
    if done.returncode == 0:
        print(f"{folder}/_build/html/{toc['root']}.html")
    return done.returncode
