"""The book's own tools: how does a measurement become a figure that a reader can move?

`explore` makes sliders out of a drawing function, `show` a plain figure, `guess` asks for a curve; `say` and
`answer` put measured numbers into the text, `replicated` states what became of a published result.
matplotlib, ipywidgets and Sphinx are loaded when first asked for, since an exercise needs none of them.
"""

import sys

# jsonschema, which nbformat imports, would build a grammar of international web addresses, for a format that
# no notebook has: more than a second in every process
sys.modules.setdefault("rfc3987_syntax", None)

__all__ = ["answer", "explore", "guess", "replicated", "say", "show"]


def __getattr__(name):
    if name in ("explore", "guess", "show"):
        from dlbook import explorer

        return getattr(explorer, name)
    if name in ("answer", "say"):
        from dlbook import sentences

        return getattr(sentences, name)
    if name == "replicated":
        from dlbook.replications import replicated

        return replicated
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
