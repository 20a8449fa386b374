"""The book's own tools: how does a measurement become a figure that a reader can move?

`explore` makes sliders out of a drawing function, `show` a plain figure, `replicated` states what became of a
published result; `style` has the colours. matplotlib, ipywidgets and Sphinx are loaded when
first asked for, since an exercise needs none of them.
"""

__all__ = ["explore", "replicated", "show"]


def __getattr__(name):
    if name in ("explore", "show"):
        from dlbook import explorer

        return getattr(explorer, name)
    if name == "replicated":
        from dlbook.replications import replicated

        return replicated
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
