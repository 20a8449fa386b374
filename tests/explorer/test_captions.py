import logging

import pytest
from docutils import nodes

from dlbook.explorer import captions
from dlbook.explorer.renderer import Figure


def page(*parts):
    """A page of bold lines (text) and explorers (their numbers, or a number and a title)."""
    document = nodes.section()
    for part in parts:
        if isinstance(part, str):
            document += nodes.paragraph("", "", nodes.Text(""), nodes.strong(text=part), nodes.Text(" More."))
        else:
            number, title = part if isinstance(part, tuple) else (part, None)
            manifest = {"title": title} if title else {}
            document += nodes.container(
                "", Figure(manifest=manifest, number=number, title=title, announced=False)
            )
    return document


def told(caplog, *parts):
    document = page(*parts)
    with caplog.at_level(logging.WARNING), pytest.MonkeyPatch.context() as patch:
        patch.setattr(captions.logger, "warning", lambda text, location: logging.warning(text))
        captions.read(document, "ponds")
    return caplog.messages, [(f["title"], f["announced"]) for f in document.findall(Figure)]


def test_the_line_above_an_explorer_is_its_title(caplog):
    parts = ["Explorer 1. How many ducks?", 1, "A box", "Explorer 2. Two shores.", 2, 3]
    messages, titles = told(caplog, *parts)
    assert messages == []
    assert titles == [("How many ducks?", True), ("Two shores", True), ("", False)]


def test_a_plain_figure_between_them_has_no_number(caplog):
    messages, titles = told(caplog, "Explorer 1. Ducks.", None, 1)
    assert messages == [] and titles == [(None, False), ("Ducks", True)]


@pytest.mark.parametrize(
    "parts, message",
    [
        (["Explorer 2. Ducks.", 1], "announces Explorer 2 where Explorer 1 stands"),
        (["Explorer 1. Ducks.", (1, "Geese")], "'Ducks' in the text and 'Geese' in its call"),
        ([1, "Explorer 2. Ducks."], "Explorer 2 is announced and does not follow"),
        (["Explorer 1. Ducks.", "Explorer 2. Geese.", 1], "Explorer 1 is announced and does not follow"),
    ],
)
def test_a_text_that_disagrees_with_its_page_is_named(caplog, parts, message):
    messages, _ = told(caplog, *parts)
    assert message in messages[0]


def test_the_same_title_twice_is_no_disagreement(caplog):
    assert told(caplog, "Explorer 1. Ducks.", (1, "Ducks")) == ([], [("Ducks", True)])


def test_bold_words_inside_a_paragraph_announce_nothing(caplog):
    document = page(1)
    document.insert(0, nodes.paragraph("", "", nodes.Text("See "), nodes.strong(text="Explorer 7.")))
    captions.read(document, "ponds")
    assert [figure["announced"] for figure in document.findall(Figure)] == [False]
