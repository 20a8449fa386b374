"""The site: what does this book's site need besides what every book with explorers does?

A Sphinx extension over `dlbook.explorer`, one file for each need:

- `building`: links that reach every HTML id, the pinned arithmetic of the chapters' kernels, MathJax;
- `found`: description, card, address, date, citation, the page for a wrong address;
- `searching`: the standard terms of the field lead to the page that explains them;
- `landing`: the first page, with a picture for each chapter;
- `accessible`: names and landmarks that the theme leaves out;
- `light`: one style sheet and one script, with only what the pages use;
- `ways`: links to the repository, previews, what the reader has read;
- `alone`: `python -m dlbook.site adam` builds a chapter alone, and without a name the whole book;
- `books`: the whole book as PDF (`paper`), as EPUB (`epub`) and as an archive.
"""

from importlib.metadata import version

from dlbook.site import building, found, landing, light, searching, ways
from dlbook.site.alone import pages, pick

__all__ = ["pages", "pick", "setup"]


def setup(app):
    """Register the extension."""
    app.setup_extension("dlbook.explorer")
    for need in (building, found, searching, landing, ways, light):
        need.connect(app)
    return {
        "version": version("dlcore"),
        "env_version": 2,  # raised when what is read from a page changes: Sphinx then reads all again
        "parallel_read_safe": False,
        "parallel_write_safe": True,
    }
