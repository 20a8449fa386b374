"""Explorer: how does a measurement become a figure that a reader can move, with a kernel or without?

`explore` makes sliders out of a drawing function and `show` a plain figure; `style` has the colours. In
Jupyter the sliders call the function; in a Jupyter Book every setting is drawn when the book is built.
"""

from dlbook.explorer.explorer import MIME, DrawingFailed, Explorer, explore, show

__all__ = ["MIME", "DrawingFailed", "Explorer", "explore", "show"]
