"""Sentences: how does a measured number get into the text, and stay true there?

A sentence with measured numbers is the output of a cell beside the experiment::

    say(f"One fit misses the truth by {single:.2f}, the mean of 400 fits by {together:.3f}.")

The cell carries the tag ``remove-input``: the site shows the sentence as text, Jupyter shows it under a
folded cell, it changes when the reader changes the experiment, and the notebook tests compare it. `answer`
makes the folded answer of a *Predict* box in the same way.
"""

import ast
import textwrap


class Sentence:
    """Markdown that states what was measured; made by `say` and `answer`.

    A cell shows it when it is the cell's last expression.
    """

    def __init__(self, text, markdown):
        self.text, self.markdown = text, markdown

    def __repr__(self):
        return self.text

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/markdown": self.markdown, "text/plain": self.text}


def say(text):
    r"""State what the experiment above measured, as text of the page.

    Parameters
    ----------
    text : str
        One or more paragraphs of plain Markdown with the measured values in it: an f-string. Mathematics
        (``rf"$\eta^{{2}}$"``) and links work; roles and directives do not (Jupyter does not know them here).
        Line breaks and a common indent are removed, a blank line begins a paragraph.

    Returns
    -------
    Sentence

    Examples
    --------
    >>> error = 0.2513
    >>> say(f"The error is {error:.2f}.")
    The error is 0.25.
    """
    text = _paragraphs("say", text)
    return Sentence(text, text)


def answer(text, summary="Answer"):
    """Fold an answer that states measured values below the question that it belongs to.

    Examples
    --------
    >>> answer(f"It moves {100 * 0.91:.0f} times as far.").markdown
    '<details class="answer"><summary>Answer</summary>\\n\\nIt moves 91 times as far.\\n\\n</details>'
    """
    text = _paragraphs("answer", text)
    return Sentence(text, f'<details class="answer"><summary>{summary}</summary>\n\n{text}\n\n</details>')


def _paragraphs(name, text):
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{name} must state something, got {text!r}")
    for markup in ("{cite", "{ref", "{eq", "{numref", "{term", "{glue", ":::", "```{"):
        if markup in text:
            raise ValueError(
                f"{name} must be plain Markdown, which Jupyter shows too; got {markup!r} in {text[:60]!r}"
            )
    parts = textwrap.dedent(text).strip().split("\n\n")
    return "\n\n".join(part if part.lstrip()[:1] in "-|1$" else " ".join(part.split()) for part in parts)


def unmeasured(code):
    """Return the calls of `say` and `answer` that state nothing from the run, each by its first words.

    Examples
    --------
    >>> unmeasured('say(f"The error is {error:.2f}.")')
    []
    >>> unmeasured('say("The error is 0.25.")')
    ['The error is 0.25.']
    """
    found = []
    for text in _said(code):
        measured = any(isinstance(part, ast.FormattedValue) for part in ast.walk(text))
        if not measured and not isinstance(text, ast.Name):
            words = [part.value for part in ast.walk(text) if isinstance(part, ast.Constant)]
            found.append(" ".join(str(words[0] if words else "").split())[:60])
    return found


def typed_words(code):
    """Return what the calls of `say` and `answer` say in words of their own, with … for each value.

    Examples
    --------
    >>> typed_words('say(f"The error is {error:.2f}, not 0.3.")')
    ['The error is …, not 0.3.']
    """
    found = []
    for text in _said(code):
        parts = [text.left, text.right] if isinstance(text, ast.BinOp) else [text]
        pieces = [piece for part in parts for piece in getattr(part, "values", [part])]
        found.append("".join(str(p.value) if isinstance(p, ast.Constant) else "…" for p in pieces))
    return found


def _said(code):
    """The first arguments of the calls of `say` and `answer` in Python code."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("say", "answer") and node.args:
            yield node.args[0]
