"""Every page of the site in a browser, from file:// with the network refused: is it complete and usable?

A page is opened once and stays open for all that is asked of it, of its explorers too: does each control do
what it promises?
"""

import contextlib
import functools
import gzip
import io
import json
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from browsing import BOOK, CONTRAST, NEW_COLOURS, PLAIN_CODE, faults, visitor
from matplotlib import image

from dlbook.site import pages

FIRST_LOAD = 600  # kB gzip without fonts: the aim is 500 (MathJax and the theme are 270), never more than 900
FRAME = 20  # kB gzip, the median of a page


@pytest.fixture(scope="module", params=pages(BOOK))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def opened(browser, site, name):
    """A page as it is a moment after it was opened on a wide light screen."""
    for visit in visitor(browser, site):
        found = visit(name)
        loaded = [*found.loaded]  # until the page was there: explorers in sight then fetch ahead
        found.page.wait_for_timeout(500)
        yield found._replace(loaded=loaded)


def test_a_page_is_complete_without_a_network(opened, name):
    assert opened.errors == []
    exercise = name.startswith("chapters/exercises/")  # they wait for answers: no figures
    assert not exercise or opened.page.locator("figure").count() == 0
    blank = "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
    assert opened.page.evaluate(blank) == []


# Which of the browser's own functions a script of the page has replaced, as a function of the same name does
REPLACED = """() => {
    const frame = document.body.appendChild(document.createElement("iframe"));
    const text = value => Function.prototype.toString.call(value);
    const own = (view, name) =>
        typeof view[name] === "function" && text(view[name]).includes("[native code]");
    const found = Object.getOwnPropertyNames(frame.contentWindow).filter(name =>
        own(frame.contentWindow, name) && !own(window, name));
    frame.remove();
    return found;
}"""


def test_no_script_replaces_a_function_of_the_browser(opened):
    assert opened.page.evaluate(REPLACED) == []


@pytest.fixture(scope="module")
def enough():
    """The kinds of text of each theme that have been found to have enough contrast."""
    return {"light": set(), "dark": set()}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_enough_contrast(opened, scheme, enough):
    with themed(opened.page, scheme):
        kinds = opened.page.evaluate(NEW_COLOURS, [*enough[scheme]])
        assert len(kinds) >= 5
        if enough[scheme].issuperset(kinds):
            return
        assert faults(opened.page, **CONTRAST) == []
        enough[scheme].update(kinds)


def test_pictures_follow_the_theme(opened):
    assert opened.page.evaluate("document.documentElement.dataset.theme") == "light"
    picture = opened.page.locator("figure.explorer img, figure.plot img").first
    if picture.count():
        picture.scroll_into_view_if_needed()
        light = corner(picture)
        with themed(opened.page, "dark"):
            dark = corner(picture)
        assert light > 200 and dark < 60


def test_a_page_fits_a_phone(opened):
    size = opened.page.viewport_size
    opened.page.set_viewport_size({"width": 360, "height": 900})
    opened.page.wait_for_timeout(300)
    width = opened.page.evaluate("document.documentElement.scrollWidth")
    opened.page.set_viewport_size(size)
    assert width <= 360


# What the explorers near the first screen can show after one move
IN_SIGHT = """() => [...document.querySelectorAll("figure.explorer")]
    .filter(figure => figure.getBoundingClientRect().top + scrollY < innerHeight + 200)
    .flatMap(figure => JSON.parse(figure.querySelector("script").textContent).shape)
    .reduce((sum, settings) => sum + settings - 1, 0)"""


def test_a_page_keeps_its_budget(opened, site):
    first = [
        Path(unquote(urlsplit(url).path)) for url in dict.fromkeys(opened.loaded) if url.startswith("file:")
    ]
    pictures = opened.page.locator("figure.explorer").count()
    kilobytes = sum(weight(path) for path in first if path.suffix not in (".woff", ".woff2"))
    assert kilobytes <= FIRST_LOAD, f"{kilobytes:.0f} kB"
    ahead = opened.page.evaluate(IN_SIGHT)  # fetched once the page is there
    pictures += opened.page.locator("figure.plot, .book-picture").count()
    assert sum(path.name.startswith("frame-") for path in first) <= pictures + ahead
    frames = opened.page.evaluate(
        """[...document.querySelectorAll("figure.explorer script")].flatMap(
            table => JSON.parse(table.textContent).files)"""
    )
    if frames:
        weights = sorted(weight(site / "_images" / frame) for frame in frames)
        assert weights[len(weights) // 2] <= FRAME


def test_links_between_pages_lead_somewhere(opened):
    for url in opened.page.evaluate("[...document.querySelectorAll('a[href]')].map(a => a.href)"):
        parts = urlsplit(url)
        if parts.scheme == "file":
            target = Path(unquote(parts.path))
            assert target.exists(), url
            name = unquote(parts.fragment).partition(":")[0]  # an explorer's state follows its name
            if name and target.suffix == ".html":
                assert f'id="{name}"' in text_of(target), url


def test_axe_finds_no_violation_of_wcag_2_1_a_and_aa(opened):
    opened.page.evaluate(PLAIN_CODE)
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
    assert faults(opened.page, rules | {"rules": {"color-contrast": {"enabled": False}}}) == []


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


def test_an_animation_is_off_at_first_and_can_be_stopped(opened, name):
    page = opened.page
    figures = page.locator("figure.explorer:has(.explorer-play)").all()
    assert bool(figures) == bool(re.search(r"\bplay=", code_of(name)))
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
    assert opened.errors == []


def test_who_wants_no_motion_moves_in_steps(opened):
    opened.page.emulate_media(reduced_motion="reduce")
    for group in opened.page.locator(".explorer-play").all():
        group.locator("[data-do=play]").wait_for(state="hidden")
        assert group.locator("[data-do=forward]").is_visible()


def test_every_control_shows_a_new_picture_and_a_new_sentence(opened, name):
    page = opened.page
    page.emulate_media(reduced_motion="reduce")
    figures = page.locator("figure.explorer").all()
    assert len(figures) == explored(name)
    for figure in figures:
        figure.scroll_into_view_if_needed()
        assert figure.locator(PICTURE).count() == 1
        for control in figure.locator(".explorer-control").all():
            move_everywhere(page, figure, control)
    assert opened.errors == []


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


@pytest.fixture(scope="module")
def without_scripts(browser):
    """A browser's page that runs no scripts."""
    context = browser.new_context(java_script_enabled=False, offline=True)
    yield context.new_page()
    context.close()


def test_without_scripts_the_default_picture_and_its_sentence_stand(without_scripts, site, name):
    if not explored(name):
        return
    without_scripts.goto((site / f"{name}.html").as_uri())
    figures = without_scripts.locator("figure.explorer").all()
    assert len(figures) == explored(name)
    for figure in figures:
        assert not figure.locator("form").is_visible()
        _, alt, sentence = state(figure)
        assert alt == sentence and figure.locator(PICTURE).is_visible()


@contextlib.contextmanager
def themed(page, scheme):
    """Show the page in a theme for a while."""
    page.evaluate("scheme => document.documentElement.dataset.theme = scheme", scheme)
    try:
        page.wait_for_timeout(300)
        yield
    finally:
        page.evaluate("document.documentElement.dataset.theme = 'light'")


def explored(name):
    """How many explorers the page's notebook asks for."""
    return len(re.findall(r"^explore\(", code_of(name), re.MULTILINE))


@functools.cache
def code_of(name):
    path = BOOK / f"{name}.ipynb"
    cells = json.loads(text_of(path))["cells"] if path.exists() else []
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


@functools.cache
def text_of(path):
    return path.read_text(encoding="utf-8")


def corner(picture):
    shot = image.imread(io.BytesIO(picture.screenshot()), format="png")
    return 255 * float(shot[4, -6, :3].mean())


@functools.cache
def weight(path):
    return len(gzip.compress(path.read_bytes())) / 1000
