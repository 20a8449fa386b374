"""Where a line may end, and where it must not."""

import re

import pytest

from dlbook.site.lines import breakable, together

FORMULA = r'<span class="math notranslate nohighlight">\(x\)</span>'


@pytest.mark.parametrize(
    "text, piece",
    [
        (f"at {FORMULA}.", f"{FORMULA}."),
        (f"all ({FORMULA}), and", f"({FORMULA}),"),
        (f"the {FORMULA}-axis and", f"{FORMULA}-axis"),
        (f"{FORMULA}: {FORMULA}", f"{FORMULA}:"),
    ],
)
def test_a_formula_stays_with_what_touches_it(text, piece):
    page = together(text)
    assert f'<span class="together">{piece}</span>' in page and page.count("together") == 1
    assert together(page) == page, "a second build changes nothing"
    assert re.sub(r'<span class="together">(.*?</span>[^<]*)</span>', r"\1", page) == text


def test_a_formula_between_words_is_left_alone():
    for text in (f"with {FORMULA} steps", f"<p>{FORMULA}</p>", "no formula. (None.)"):
        assert together(text) == text


@pytest.mark.parametrize(
    "code, parts",
    [
        ("sampler.set_epoch(epoch)", ["sampler.", "set_", "epoch(", "epoch)"]),
        ("BatchNorm1d(n,", ["BatchNorm1d(", "n,"]),
        ("optimizer.zero_grad()", ["optimizer.", "zero_", "grad()"]),
        ("momentum=0.99", ["momentum=", "0.99"]),
        ("a==b", ["a==b"]),
        ("__init__", ["__init__"]),
        ("...", ["..."]),
    ],
)
def test_long_code_may_end_a_line_between_its_parts(code, parts):
    page = breakable(f'<code><span class="pre">{code}</span></code>')
    assert page == f'<code><span class="pre">{"<wbr>".join(parts)}</span></code>'
    assert breakable(page) == page, "a second build changes nothing"


def test_code_in_its_own_box_is_left_alone():
    box = '<pre><span class="n">sampler.set_epoch(epoch)</span></pre>'
    assert breakable(box) == box


def test_no_formula_of_a_page_is_parted_from_its_full_stop(visit):
    page = visit("chapters/adam", width=390).page
    parted = page.evaluate(
        """() => [...document.querySelectorAll('.bd-article p span.math')].filter(formula => {
          const next = formula.nextSibling;
          if (next?.nodeType !== Node.TEXT_NODE || !/^[.,;:)]/.test(next.data)) return false;
          return getComputedStyle(formula.parentElement).whiteSpace !== 'nowrap';
        }).map(formula => formula.parentElement.textContent.slice(0, 80))"""
    )
    assert not parted
