"""Books: the whole book on paper, on a reading device, and in an archive.

`python -m dlbook.site.books pdf` (or `epub`, or `zip`) makes it from the built site, in
`_build/html/downloads/`, and the landing page then links it. PDF and EPUB need Chromium and Playwright.
"""

import argparse
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import yaml

from dlbook.site.epub import write_epub
from dlbook.site.landing import offer_books, without_books
from dlbook.site.paper import write_pdf
from dlbook.site.parts import NAME, order


def write_archive(site, target):
    """Pack the site for reading without a network; return the number of files.

    The other books beside it stay out, and the links to them: they are larger than the site.
    """
    downloads = site / "downloads"
    files = [path for path in sorted(site.rglob("*")) if path.is_file() and downloads not in path.parents]
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in files:
            name = f"{NAME}/{path.relative_to(site).as_posix()}"
            if path.suffix == ".html" and b"book-downloads" in path.read_bytes():
                packed.writestr(name, without_books(path.read_text(encoding="utf-8")))
            else:
                packed.write(path, name)
    return len(files)


def main(arguments):
    """Write the PDF, the EPUB or the archive of the built site, and link it from the landing page."""
    parser = argparse.ArgumentParser(prog="python -m dlbook.site.books")
    parser.add_argument("kind", choices=["pdf", "epub", "zip"])
    parser.add_argument("--site", default="_build/html", type=Path)
    asked = parser.parse_args(arguments)
    settings = yaml.safe_load(Path("_config.yml").read_text(encoding="utf-8"))
    title, author = settings["title"], settings["author"]
    parts, site = order(), asked.site.resolve()  # a browser opens no relative path
    target = site / "downloads" / ("site.zip" if asked.kind == "zip" else f"{NAME}.{asked.kind}")
    if asked.kind == "pdf":
        write_pdf(site, parts, target, title)
    elif asked.kind == "epub":
        write_epub(site, parts, target, title, author, f"{NAME}-{version('dlcore')}")
    else:
        write_archive(site, target)
    offer_books(site / f"{parts[0][1][0]}.html", target.parent)
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
