"""A sentence with measured numbers is an output that the site, Jupyter and the tests read alike."""

import pytest

from dlbook import answer, say
from dlbook.sentences import unmeasured


def shown(sentence):
    return sentence._repr_mimebundle_()


def test_a_sentence_is_markdown_and_plain_text():
    assert shown(say(f"The error is {0.2513:.2f}.")) == {
        "text/markdown": "The error is 0.25.",
        "text/plain": "The error is 0.25.",
    }


def test_lines_are_joined_and_blank_lines_keep_paragraphs_and_lists_their_lines():
    told = say(
        f"""
        One fit misses
        by {0.5:.1f}.

        - rate {1}
        - rate {2}
        """
    )
    assert repr(told) == "One fit misses by 0.5.\n\n- rate 1\n- rate 2"


def test_an_answer_is_folded_and_its_markdown_is_read_inside():
    markdown = shown(answer(f"Ten times, **{10}**."))["text/markdown"]
    assert markdown == '<details class="answer"><summary>Answer</summary>\n\nTen times, **10**.\n\n</details>'
    assert shown(answer(f"Ten times, {10}."))["text/plain"] == "Ten times, 10."


@pytest.mark.parametrize("text", ["", "  ", None, 3])
def test_nothing_is_no_sentence(text):
    with pytest.raises(ValueError, match="say must state something"):
        say(text)


@pytest.mark.parametrize(
    "text", ["See {cite:t}`he2015`: 3.", "{glue:text}`loss`", ":::{note}\n3\n:::", "{eq}`loss`"]
)
def test_markup_that_jupyter_does_not_know_is_refused(text):
    with pytest.raises(ValueError, match="say must be plain Markdown"):
        say(text)


def test_a_call_without_a_measured_value_is_found():
    assert unmeasured("x = 3\nsay('It is 3.')\nanswer('So.')") == ["It is 3.", "So."]
    assert unmeasured("say(f'It is {x}.')\nsay(told)\nsay('It is ' + f'{x}.')\nprint('3')") == []
