"""Explorer: how does a measurement become a figure that a reader can move, with a kernel or without?

`explore` makes sliders out of a drawing function and `show` a plain figure; `guess` lets the reader draw a
curve before she sees it; `style` has the colours. In
Jupyter the sliders call the function; in a Jupyter Book every setting is drawn when the book is built. A book
asks for that by the name of this package in its `_config.yml`::

    sphinx:
      extra_extensions: [dlbook.explorer]
      config:
        explorer_packages: [mylibrary]   # a change in these runs the chapters that import them again
"""

from dlbook.explorer.explorer import MIME, Explorer, explore, show
from dlbook.explorer.frames import DrawingError, NoSentenceError
from dlbook.explorer.guessing import guess

__all__ = ["MIME", "DrawingError", "Explorer", "NoSentenceError", "explore", "guess", "setup", "show"]


def setup(app):
    """Register the Sphinx extension."""
    from dlbook.explorer import extension  # here, since a notebook needs no Sphinx

    return extension.setup(app)
