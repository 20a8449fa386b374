"""Cards: which picture stands for a page where its link is shared?

1200 × 630 pixels, the size that OpenGraph's readers expect: the topic, the question, the book's name.
"""

import hashlib
from textwrap import wrap

from matplotlib.figure import Figure

INK, ACCENT, GROUND = "#1d242c", "#17588f", "#ffffff"


def draw_card(path, title, about, book):
    """Draw the card of a page; one that is drawn already is not drawn again.

    Parameters
    ----------
    path : pathlib.Path
        Of the PNG.
    title : str
        "Topic: question".
    about : str
        The page's description.
    book : str
        The book's title.
    """
    said = hashlib.sha256("\n".join((title, about, book)).encode()).hexdigest()
    if path.exists() and said.encode() in path.read_bytes():
        return
    topic, _, question = title.partition(": ")
    figure = Figure(figsize=(12, 6.3), dpi=100, facecolor=GROUND)
    figure.patches.append(_bar(figure))
    lines = wrap(topic, 20)[:2]
    height = 0.84
    for line in lines:
        figure.text(0.07, height, line, size=52, weight="bold", color=INK, va="top")
        height -= 0.145
    for line in wrap(question[:1].upper() + question[1:], 40)[:2]:
        figure.text(0.07, height, line, size=30, color=ACCENT, va="top")
        height -= 0.09
    height -= 0.03
    for line in wrap(about, 74)[: max(0, int((height - 0.16) / 0.058))]:
        figure.text(0.07, height, line, size=18, color="#4a545f", va="top")
        height -= 0.058
    figure.text(0.07, 0.07, book, size=20, weight="bold", color=INK, va="bottom")
    path.parent.mkdir(parents=True, exist_ok=True)
    with_digest = {"Software": None, "Comment": said}
    figure.savefig(path, metadata=with_digest)


def _bar(figure):
    from matplotlib.patches import Rectangle

    return Rectangle((0, 0), 0.025, 1, transform=figure.transFigure, color=ACCENT)
