"""Captions: does the text number its explorers as the page does, and give them the same titles?

The build counts the explorers of a page. A line **Explorer 2. A title.** above one is its title, unless
`explore` has a `title`; where the number or the title is another one, the build says so.
"""

import re

from docutils import nodes
from sphinx.util import logging

from dlbook.explorer.renderer import Figure

logger = logging.getLogger(__name__)

_CAPTION = re.compile(r"Explorer (\d+)[.:]?\s*(.*)", re.DOTALL)


def read(doctree, docname):
    """Give every explorer of a page the title that stands above it; warn where text and page disagree."""
    above = None
    for node in doctree.findall(lambda node: isinstance(node, (nodes.strong, Figure))):
        if isinstance(node, Figure):
            if node["number"]:
                _name(node, above, docname)
                above = None
            continue
        found = _CAPTION.fullmatch(node.astext())
        if found and isinstance(node.parent, nodes.paragraph) and _begins(node):
            if above:
                _warn(f"Explorer {above[0]} is announced and does not follow", docname)
            above = int(found[1]), " ".join(found[2].split()).removesuffix(".")
    if above:
        _warn(f"Explorer {above[0]} is announced and does not follow", docname)


def _begins(node):
    before = node.parent.children[: node.parent.index(node)]
    return not "".join(other.astext() for other in before).strip()


def _name(figure, above, docname):
    number, title = above or (figure["number"], "")
    if number != figure["number"]:
        _warn(f"the text announces Explorer {number} where Explorer {figure['number']} stands", docname)
    given = figure["manifest"].get("title")
    if title and given and title != given:
        _warn(f"Explorer {number} is {title!r} in the text and {given!r} in its call of explore", docname)
    figure["title"], figure["announced"] = given or title, bool(title)


def _warn(message, docname):
    logger.warning(message, location=docname)
