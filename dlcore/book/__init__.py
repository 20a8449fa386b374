"""The book's own tools: how does a measurement become a figure that a reader can move?

`explore` makes sliders out of a drawing function, `show` a plain figure, `replicated` states what became of a
published result; `style` has the colours. This is the only part of `dlcore` that knows matplotlib, ipywidgets
and Sphinx.
"""

from dlcore.book.explorer import explore, show
from dlcore.book.replications import replicated

__all__ = ["explore", "replicated", "show"]
