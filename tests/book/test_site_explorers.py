"""Every explorer of the site in a browser: does each control do what it promises?"""

import pytest
from browsing import BOOK, visitor

from dlbook.site import pages


def pages_with(code):
    sources = {name: BOOK / f"{name}.ipynb" for name in pages(BOOK)}
    return [name for name, path in sources.items() if path.exists() and code in path.read_text("utf-8")]


PICTURE = "img:not([alt=''])"  # a phone shows the panels of one picture below each other, described once

# What an explorer shows once the picture that a move asked for is there
SHOWN = """async (figure, selector) => {
    const limit = performance.now() + 30000;
    while (figure.ariaBusy) {
        if (performance.now() > limit) throw new Error(`${figure.id} is busy for ever`);
        await new Promise(requestAnimationFrame);
    }
    const picture = figure.querySelector(selector);
    return [picture.getAttribute("src"), picture.alt, figure.querySelector("output").innerText];
}"""


def state(figure):
    return figure.evaluate(SHOWN, PICTURE)


@pytest.fixture(scope="module", params=pages_with("explore("))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def still(browser, site, name):
    """A page as who wants no motion sees it."""
    for visit in visitor(browser, site):
        yield visit(name, reduced_motion="reduce")


def test_every_control_shows_a_new_picture_and_a_new_sentence(still):
    page, errors, _ = still
    figures = page.locator("figure.explorer").all()
    assert figures
    for figure in figures:
        figure.scroll_into_view_if_needed()
        assert figure.locator(PICTURE).count() == 1
        for control in figure.locator(".explorer-control").all():
            move_everywhere(page, figure, control)
    assert errors == []


def move_everywhere(page, figure, control):
    options = control.locator("input[type=range], input:checked, option:checked").first
    tag = control.locator("input, select").first.evaluate("e => e.type || e.tagName")
    label = control.locator("label, legend").first
    assert label.is_visible() and label.inner_text().strip()
    if tag == "range":
        options.focus()
        page.keyboard.press("Home")
        forward, moves = "ArrowRight", int(options.get_attribute("max"))
    elif tag == "radio":
        options.focus()
        forward, moves = "ArrowRight", control.locator("input").count()
    else:
        select = control.locator("select")
        select.focus()
        page.keyboard.press("Home")
        forward, moves = "ArrowDown", control.locator("option").count() - 1
    shown, name = figure.element_handle(), f"{figure.get_attribute('id')}, {label.inner_text()}"
    before = state(shown)
    for _ in range(moves):
        page.keyboard.press(forward)
        after = state(shown)
        where = f"{name}: {after[1]}"
        assert after[0] != before[0], f"the same picture at {where}"
        assert after[1] != before[1] and after[2] != before[2], f"the same sentence at {where}"
        assert after[1] == after[2], f"alt text and read-out differ at {where}"
        before = after
    page.wait_for_function(
        "e => e.complete && e.naturalWidth > 0", arg=figure.locator(PICTURE).element_handle(), timeout=5000
    )


def test_who_wants_no_motion_moves_in_steps(still):
    for group in still.page.locator(".explorer-play").all():
        assert not group.locator("[data-do=play]").is_visible()
        assert group.locator("[data-do=forward]").is_visible()


@pytest.mark.parametrize("animated", pages_with('play=\\"'))  # quoted, as in the notebook's file
def test_an_animation_is_off_at_first_and_can_be_stopped(visit, animated):
    page, errors, _ = visit(animated)
    figures = page.locator("figure.explorer:has(.explorer-play)").all()
    assert figures
    for figure in figures[:1]:  # one script moves them all
        figure.scroll_into_view_if_needed()
        first = state(figure)
        page.wait_for_timeout(700)
        assert state(figure) == first
        play = figure.locator("[data-do=play]")
        slider = figure.locator(".explorer-control").nth(
            int(figure.locator(".explorer-play").get_attribute("data-control"))
        )
        slider.locator("input").focus()
        page.keyboard.press("Home")
        first = state(figure)
        play.focus()
        page.keyboard.press("Enter")
        page.wait_for_function(
            "([e, alt]) => e.alt !== alt", arg=[figure.locator(PICTURE).element_handle(), first[1]]
        )
        page.keyboard.press("Enter")
        stopped = state(figure)
        page.wait_for_timeout(700)
        assert state(figure) == stopped
        figure.locator("[data-do=back]").press("Enter")
        assert state(figure) != stopped
    assert errors == []


def test_without_scripts_the_default_picture_and_its_sentence_stand(visit, name):
    page = visit(name, java_script_enabled=False).page
    for figure in page.locator("figure.explorer").all():
        assert not figure.locator("form").is_visible()
        _, alt, sentence = state(figure)
        assert alt == sentence and figure.locator(PICTURE).is_visible()
