"""Explorers in a browser, from file://: can a reader share what she sees, and never see what is not true?"""

import io
import re
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image

from books import BUILDER, build, text, write_book

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.skipif(not BUILDER.exists(), reason="jupyter-book is not installed"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed"),
]
DUCKS = """
from ponds import draw_ducks
from dlbook.explorer import explore

explore(draw_ducks, ducks=[1, 2, 4], frozen=[False, True], default={"ducks": 2})
"""
DEPTH = """
def draw_pond(ax, *, depth, shore):
    ax.plot([0, depth])
    return f"It is {depth} deep, with a shore of {shore}."


explore(draw_pond, name="two-shores", title="How deep?", depth=[0.001, 0.01, 0.1],
        shore=["sand", "mud and sand", "reeds, or mud", "stone"], default={"depth": 0.01})
"""
SIDES = """
def draw_sides(figure, *, n):
    left, right = figure.subplots(1, 2)
    left.set(title="left", facecolor="#cc0000")
    right.set(title="right", facecolor="#0000cc")
    left.plot([0, n])
    return f"Two sides of {n}."


explore(draw_sides, n=[1, 2])
"""
GUESS = """
from dlbook.explorer import guess

guess("How much of the pond has each duck?", {n: 100 / n for n in (1, 2, 4, 8)}, xlabel="ducks",
      ylabel="share of the pond", unit="%", limits=(0, 100))
"""
LONG = "\n\n".join(["A pond has ducks."] * 40)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ponds")
    write_book(
        folder,
        ducks=[
            text("**Explorer 1. Sharing a pond.** More ducks?"),
            DUCKS,
            text(LONG),
            DEPTH,
            text(LONG),
            GUESS,
            SIDES,
        ],
    )
    done = build(folder)
    assert done.returncode == 0, done.stdout[-4000:]
    return folder / "_build" / "html"


Opened = namedtuple("Opened", "page errors")


@pytest.fixture
def visit(browser, site):
    """Open a page of the book; other hosts are refused, and what goes wrong is kept."""
    contexts = []

    def opened(name="ducks.html", width=1280, scheme="light", **options):
        viewport = {"width": width, "height": 700}
        context = browser.new_context(viewport=viewport, color_scheme=scheme, **options)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        contexts.append(context)
        context.set_default_timeout(30_000)
        page, errors = context.new_page(), []
        page.route("**/*", lambda r: r.continue_() if r.request.url.startswith("file:") else r.abort())
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto((site / name.split("#")[0]).as_uri() + "".join(re.findall("#.*", name)))
        return Opened(page, errors)

    yield opened
    for context in contexts:
        context.close()


def explorer(page, name="ducks"):
    return page.locator(f'figure.explorer[data-name="{name}"]')


def settled(figure):
    """The sentence, once the picture that belongs to it is there."""
    figure.page.wait_for_function("f => !f.ariaBusy", arg=figure.element_handle())
    said = figure.locator("output").inner_text()
    assert figure.locator("img").first.get_attribute("alt") == said
    return said


def press(figure, key):
    figure.locator("input[type=range]").first.press(key)


def note(figure):
    return figure.locator(".explorer-note").inner_text()


def faults(errors):
    return [error for error in errors if "thebe" not in error.lower()]


def test_every_explorer_has_a_number_a_title_and_a_name(visit):
    page, errors = visit()
    first, second, _ = page.locator("figure.explorer").all()
    assert first.locator(".explorer-title").inner_text().startswith("Explorer 1")
    assert not first.locator(".explorer-title span").evaluate("e => e.offsetWidth > 1"), "it stands above"
    assert second.locator(".explorer-title").inner_text() == "Explorer 2 How deep?"
    page.get_by_role("figure", name="Explorer 1 Sharing a pond", exact=True).wait_for()
    page.get_by_role("figure", name="Explorer 2 How deep?", exact=True).wait_for()
    assert second.get_attribute("id") == "two-shores"
    assert first.get_attribute("id") == "ducks-explorer", "the page has a heading of that name"
    assert faults(errors) == []


def test_a_state_is_in_the_address_survives_a_reload_and_is_reset(visit):
    page, _ = visit()
    figure = explorer(page, "two-shores")
    figure.locator("select").select_option("reeds, or mud")
    press(figure, "End")
    page.wait_for_function("location.hash === '#two-shores:depth=0.1,shore=reeds-or-mud'")
    page.reload()
    assert settled(figure) == "It is 0.1 deep, with a shore of reeds, or mud."
    assert figure.locator("input[type=range]").get_attribute("aria-valuetext") == "0.1"
    figure.get_by_role("button", name="Reset Explorer 2").click()
    assert settled(figure) == "It is 0.01 deep, with a shore of sand."
    assert not figure.get_by_role("button", name="Reset").is_visible()
    page.wait_for_function("location.hash === '#two-shores:depth=0.01,shore=sand'")


def test_a_link_opens_its_explorer_at_its_state_in_sight(visit):
    page, errors = visit("ducks.html#two-shores:shore=stone,depth=0.1")
    figure = explorer(page, "two-shores")
    assert settled(figure) == "It is 0.1 deep, with a shore of stone."
    page.wait_for_function("e => e.getBoundingClientRect().top >= 0 && e.getBoundingClientRect().top < 300",
                           arg=figure.element_handle())  # fmt: skip
    assert note(figure) == ""
    page.evaluate("location.hash = '#ducks:frozen=on,ducks=4'")
    assert settled(explorer(page)) == "With 4 ducks each gets 0.25 of the ice."
    page.wait_for_function("scrollY < 300")
    assert faults(errors) == []


@pytest.mark.parametrize(
    "state, said",
    [
        ("ducks=3", 2), ("ducks=", 2), ("geese=4", 2), ("ducks", 2), ("=", 2), ("%E0%A4%A", 2),
        ("ducks=4,geese=1", 4), ("<img src=x onerror=alert(1)>", 2), ("constructor=1,__proto__=2", 2),
    ],
)  # fmt: skip
def test_a_broken_link_shows_the_default_and_says_so_once(visit, state, said):
    page, errors = visit(f"ducks.html#ducks:{state}")
    assert f"With {said} ducks" in settled(explorer(page))
    spoken = page.locator(".explorer-note").all_inner_texts()
    assert [bool(text) for text in spoken] == [True, False, False]
    press(explorer(page), "Home")
    assert note(explorer(page)) == "" and faults(errors) == []


@pytest.mark.parametrize("end", ["#geese:ducks=4", "#", "#ducks", "#:", "#two-shores"])
def test_a_link_to_something_else_changes_nothing(visit, end):
    page, errors = visit(f"ducks.html{end}")
    assert "With 2 ducks" in settled(explorer(page))
    assert page.locator(".explorer-note").all_inner_texts() == ["", "", ""] and faults(errors) == []


def test_the_menu_copies_link_sentence_and_embed_code_by_keyboard(visit, site):
    page, errors = visit()
    figure = explorer(page)
    press(figure, "End")
    share = figure.get_by_text("Share", exact=True)
    assert share.get_attribute("aria-label") == "Share Explorer 1"
    pasted = {}
    for item in ("Copy the link", "Copy the sentence", "Copy the embed code"):
        share.press("Enter")
        figure.get_by_role("button", name=item).press("Enter")
        pasted[item] = page.evaluate("navigator.clipboard.readText()")
        page.wait_for_function("e => e.innerText.endsWith('copied.')",
                               arg=figure.locator(".explorer-note").element_handle())  # fmt: skip
        assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert pasted["Copy the link"] == (site / "ducks.html").as_uri() + "#ducks:ducks=4,frozen=off"
    assert pasted["Copy the sentence"] == "With 4 ducks each gets 0.25 of the pond."
    address = re.search('src="([^"]*)"', pasted["Copy the embed code"])[1]
    assert address == (site / "embed/ducks/ducks.html").as_uri() + "#ducks:ducks=4,frozen=off"
    share.press("Enter")
    picture = figure.get_by_text("Save the picture")
    assert picture.get_attribute("href") == figure.locator("img").first.evaluate("i => i.src")
    assert picture.get_attribute("download") == "ducks.svg"
    page.keyboard.press("Escape")
    assert not picture.is_visible() and faults(errors) == []


def test_a_link_of_a_closed_menu_leads_somewhere_too(visit):
    page, _ = visit("ducks.html")
    page.locator(".explorer-menu").first.wait_for()
    links = page.locator(".explorer-menu a")
    assert links.count() >= 2 and page.locator(".explorer-menu a:not([href])").count() == 0
    assert page.locator(".explorer-menu a[href$='embed/ducks/ducks.html#ducks:ducks=2,frozen=off']").count()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_explorer_alone_is_light_keeps_its_state_and_leads_back(visit, site, scheme):
    loaded = []
    page, errors = visit("embed/ducks/two-shores.html#two-shores:shore=stone", scheme=scheme)
    page.on("request", lambda request: loaded.append(request.url))
    page.reload()
    figure = page.locator("figure.explorer")
    assert settled(figure) == "It is 0.01 deep, with a shore of stone."
    assert figure.locator(".explorer-title").inner_text() == "Explorer 2 How deep?"
    page.wait_for_timeout(300)
    assert {Path(url.split("#")[0]).suffix for url in loaded} == {".html", ".css", ".js", ".svg"}
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(18, 18, 18)")
    press(figure, "Home")
    assert settled(figure) == "It is 0.001 deep, with a shore of stone."
    figure.get_by_text("Share", exact=True).click()
    figure.get_by_role("button", name="Copy the link").click()
    back = page.evaluate("navigator.clipboard.readText()")
    assert back == (site / "ducks.html").as_uri() + "#two-shores:depth=0.001,shore=stone"
    assert figure.get_by_text("Open it alone").count() == 0
    page.get_by_role("link", name="Ducks · Ponds").click()
    page.wait_for_url((site / "ducks.html").as_uri() + "#two-shores")
    assert faults(errors) == []


def test_a_late_picture_and_its_sentence_come_together_and_the_wait_is_marked(visit):
    page, _ = visit("search.html")
    asked = []
    page.route("**/frame-*.svg*", lambda route: asked.append(route))
    page.goto(page.url.replace("search", "ducks"), wait_until="commit")
    figure = explorer(page)
    figure.locator("form").wait_for()
    before = figure.locator("img").first.get_attribute("src")
    press(figure, "End")
    page.wait_for_timeout(400)
    assert figure.get_attribute("aria-busy") == "true"
    assert "explorer-late" in figure.get_attribute("class")
    assert figure.locator("output").inner_text() == "With 2 ducks each gets 0.50 of the pond."
    assert figure.locator("img").first.get_attribute("src") == before
    assert figure.locator(".explorer-value").inner_text() == "4", "the control itself moves at once"
    for route in asked:
        route.continue_()
    page.unroute("**/frame-*.svg*")
    assert settled(figure) == "With 4 ducks each gets 0.25 of the pond."
    assert figure.locator("img").first.get_attribute("src") != before
    assert "explorer-late" not in figure.get_attribute("class")


@pytest.mark.parametrize("failures", [1, 9])
def test_a_picture_that_fails_is_asked_for_once_more_and_then_reported(visit, site, failures):
    alone = site / "embed/ducks/ducks.html"
    default = re.search(r"<img[^>]*(frame-\w+\.svg)", alone.read_text())[1]
    page, _ = visit("search.html")
    asked, moved = [], []

    def refuse(route):
        name = route.request.url.rpartition("/")[2]
        asked.extend([name] * len(moved))
        refused = name != default and asked.count(name) <= failures
        return route.abort() if refused else route.continue_()

    page.route("**/frame-*.svg", refuse)
    page.goto(alone.as_uri())
    figure = explorer(page)
    figure.locator("input[type=range]").focus()
    page.wait_for_timeout(500)  # what is fetched ahead is refused too
    moved.append(True)
    press(figure, "End")
    assert settled(figure) == "With 4 ducks each gets 0.25 of the pond."
    picture = figure.locator("img").first
    if failures == 1:
        assert picture.evaluate("e => e.naturalWidth > 0") and note(figure) == ""
    else:
        assert "did not load" in note(figure)
        assert picture.evaluate("e => getComputedStyle(e).visibility") == "hidden"
        page.unroute("**/frame-*.svg")
        press(figure, "Home")
        assert settled(figure) == "With 1 ducks each gets 1.00 of the pond." and note(figure) == ""
        assert picture.evaluate("e => getComputedStyle(e).visibility") == "visible"


def test_a_slider_has_a_tick_for_every_value_under_the_thumb(visit):
    page, _ = visit()
    ticks = explorer(page).locator(".explorer-ticks")
    assert ticks.inner_text().split() == ["1", "4"] and ticks.get_attribute("aria-hidden") == "true"
    assert ticks.evaluate("e => getComputedStyle(e).getPropertyValue('--n')") == "2"
    track = explorer(page).locator("input[type=range]").bounding_box()
    drawn = ticks.bounding_box()
    assert abs(drawn["x"] - track["x"] - 8) < 2, "half a thumb"
    assert abs(track["width"] - drawn["width"] - 16) < 3


MEASURED = "Measured: it falls from 100% at 1 to 25% at 4 and 12% at 8."


def test_a_reader_draws_and_is_told_by_how_much_she_missed(visit):
    page, errors = visit()
    figure = page.locator("figure.guess")
    plot = figure.locator(".guess-plot")
    plot.scroll_into_view_if_needed()
    assert "to 25%" not in figure.inner_text(), "the answer waits"
    assert figure.get_by_role("button", name="Compare").is_disabled()
    box, axis = plot.bounding_box(), plot.locator(".guess-axis").bounding_box()
    assert box["width"] > 300

    def to(share, height):
        return axis["x"] + share * axis["width"], axis["y"] + (1 - height) * axis["height"]

    page.mouse.move(*to(0, 1))
    page.mouse.down()
    page.mouse.move(*to(1, 0.4), steps=9)
    page.mouse.up()
    figure.get_by_role("button", name="Compare").click()
    said = figure.locator("output").inner_text()
    # a straight line from 100% to 40% against 100, 50, 25, 12.5
    off = re.match(r"On average it is off by (\d+)%, most at 4: by (\d+)%[.] ", said)
    assert said.endswith(MEASURED) and abs(int(off[1]) - 23) <= 2 and abs(int(off[2]) - 35) <= 2
    points = figure.locator(".guess-measured").get_attribute("points").split()
    assert len(points) == 4 and MEASURED in plot.get_attribute("aria-label")
    figure.get_by_role("button", name="Guess again").click()
    assert figure.locator(".guess-measured").get_attribute("points") == ""
    assert MEASURED not in plot.get_attribute("aria-label") and faults(errors) == []


def test_a_reader_with_a_keyboard_chooses_among_three_curves(visit):
    page, errors = visit()
    figure = page.locator("figure.guess")
    figure.get_by_role("button", name="Choose among three curves").press("Enter")
    choices = figure.get_by_role("group", name="Which curve is it?").get_by_role("radio")
    names = [label.inner_text() for label in figure.locator(".guess-choice label").all()]
    assert choices.count() == 3 and [name[:3] for name in names] == ["A. ", "B. ", "C. "]
    right = next(i for i, name in enumerate(names) if "falls from 100% at 1 to 25% at 4" in name.lower())
    for _ in range(2):  # the focus is on the first; arrows go round
        page.keyboard.press("ArrowDown")
    assert figure.get_by_role("radio", name=names[2]).is_checked()
    figure.get_by_role("radio", name=names[right]).press("Space")
    figure.get_by_role("button", name="Compare").press("Enter")
    assert figure.locator("output").inner_text() == f"Right. {MEASURED}"
    assert page.evaluate("document.activeElement.textContent") == "Guess again"
    page.keyboard.press("Enter")
    figure.get_by_role("button", name="Show the answer").press("Enter")
    assert figure.locator("output").inner_text() == MEASURED and faults(errors) == []


def test_without_a_script_the_answer_of_a_guess_is_folded(visit):
    page, _ = visit(java_script_enabled=False)
    figure = page.locator("figure.guess")
    assert not figure.get_by_text(MEASURED).is_visible()
    figure.get_by_text("Answer", exact=True).click()
    assert figure.get_by_text(MEASURED).is_visible()


@pytest.mark.parametrize("javascript", [True, False])
def test_on_a_phone_two_panels_are_stacked_and_each_is_whole(visit, javascript):
    page, _ = visit(width=360, java_script_enabled=javascript)
    panels = explorer(page, "sides").locator(".explorer-panels > span")
    panels.first.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    left, right = [panel.bounding_box() for panel in panels.all()]
    assert right["y"] >= left["y"] + left["height"] - 1 and left["width"] > 230
    colours = [image.imread(io.BytesIO(panel.screenshot()), format="png")[..., :3] for panel in panels.all()]
    for shot, channel in zip(colours, (0, 2), strict=True):
        own = (shot[..., channel] > 0.7) & (np.delete(shot, channel, axis=2) < 0.1).all(axis=2)
        other = (shot[..., 2 - channel] > 0.7) & (shot[..., channel] < 0.1) & (shot[..., 1] < 0.1)
        assert own.mean() > 0.4 and other.mean() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_on_a_wide_screen_two_panels_are_one_picture(visit):
    page, _ = visit()
    pictures = explorer(page, "sides").locator("img").all()
    assert [picture.is_visible() for picture in pictures] == [True, False]


@pytest.mark.parametrize("width", [360, 390])
def test_a_moved_control_changes_every_panel(visit, width):
    page, _ = visit(width=width)
    figure = explorer(page, "sides")
    press(figure, "End")
    assert settled(figure) == "Two sides of 2."
    assert len({picture.get_attribute("src") for picture in figure.locator("img").all()}) == 1


@pytest.mark.parametrize("width", [360, 390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation_in_tools_menu_and_guess(visit, width, scheme):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing"
    )
    page, _ = visit(width=width, scheme=scheme)
    page.evaluate("document.querySelectorAll('.explorer-menu').forEach(menu => menu.open = true)")
    page.get_by_role("button", name="Choose among three curves").click()
    press(explorer(page), "End")
    page.wait_for_timeout(300)
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
    rules["rules"] = {"label-content-name-mismatch": {"enabled": True}}
    found = axe.Axe().run(page, context="figure", options=rules).response["violations"]
    assert [(v["id"], node["html"][:200]) for v in found for node in v["nodes"]] == []
