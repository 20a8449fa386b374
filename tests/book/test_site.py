"""The whole site in a browser, from file:// with the network refused: is every page complete and usable?"""

import fcntl
import gzip
import html
import io
import json
import os
import re
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from matplotlib import image

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = Path("/usr/bin/chromium")
BOOK = Path(os.environ.get("DLCORE_BOOK", Path(__file__).parents[2]))
BUILDER = Path(sys.executable).with_name("jupyter-book")
FIRST_LOAD = 600  # kB gzip without fonts: the aim is 500 (MathJax and the theme are 270), never more than 900
FRAME = 20  # kB gzip, the median of a page

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed"),
    pytest.mark.skipif(not BUILDER.exists(), reason="jupyter-book is not installed"),
]


def toc_pages():
    toc = yaml.safe_load((BOOK / "_toc.yml").read_text())
    parts = toc.get("parts", [toc])
    files = [entry["file"] for part in parts for entry in part.get("chapters", [])]
    return [toc["root"], *files]


PAGES = toc_pages()
DRAWN = [
    name for name in PAGES if not name.startswith("chapters/exercises/")
]  # exercises wait for answers: no figures


@pytest.fixture(scope="session")
def site():
    """The built site: a build that finds nothing changed takes seconds."""
    (BOOK / "_build").mkdir(exist_ok=True)
    with open(BOOK / "_build" / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # pytest-xdist may have several of us
        done = subprocess.run(
            [BUILDER, "build", ".", "-W", "--keep-going"], cwd=BOOK, timeout=3600,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]
    return BOOK / "_build" / "html"


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield chromium
        chromium.close()


Opened = namedtuple("Opened", "page errors loaded")


@pytest.fixture
def visit(browser, site):
    """Open a page of the site as a reader; requests to other hosts are refused and kept as errors."""
    contexts = []

    def opened(name, width=1280, scheme="light", query="", **options):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, **options
        )
        contexts.append(context)
        context.set_default_timeout(10_000)
        page, errors, loaded = context.new_page(), [], []

        def route(route):
            if route.request.url.startswith(("file:", "data:", "blob:")):
                return route.continue_()
            errors.append(f"refused: {route.request.url}")
            return route.abort()

        context.route("**/*", route)
        page.on("request", lambda request: loaded.append(request.url))
        page.on("requestfailed", lambda request: errors.append(f"failed: {request.url}"))
        page.on("pageerror", lambda error: errors.append(f"script error: {error}"))
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.goto((site / f"{name}.html").as_uri() + query)
        return Opened(page, errors, loaded)

    yield opened
    for context in contexts:
        context.close()


def state(figure):
    picture = figure.locator("img")
    return picture.get_attribute("src"), picture.get_attribute("alt"), figure.locator("output").inner_text()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_complete_without_a_network(visit, name):
    page, errors, _ = visit(name)
    page.wait_for_timeout(500)
    assert errors == []
    assert name in DRAWN or page.locator("figure").count() == 0
    blank = page.evaluate("[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)")
    assert blank == []


@pytest.mark.parametrize("name", DRAWN)
def test_every_control_shows_a_new_picture_and_a_new_sentence(visit, name):
    page, errors, _ = visit(name, reduced_motion="reduce")
    for figure in page.locator("figure.explorer").all():
        figure.scroll_into_view_if_needed()
        assert figure.locator("img").count() == 1
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
    before = state(figure)
    for _ in range(moves):
        page.keyboard.press(forward)
        after = state(figure)
        where = f"{figure.get_attribute('id')}, {label.inner_text()}: {after[1]}"
        assert after[0] != before[0], f"the same picture at {where}"
        assert after[1] != before[1] and after[2] != before[2], f"the same sentence at {where}"
        assert after[1] == after[2], f"alt text and read-out differ at {where}"
        before = after
    page.wait_for_function(
        "e => e.complete && e.naturalWidth > 0", arg=figure.locator("img").element_handle(), timeout=5000
    )


@pytest.mark.parametrize("name", DRAWN)
def test_an_animation_is_off_at_first_can_be_stopped_and_respects_reduced_motion(visit, name):
    still = visit(name, reduced_motion="reduce").page
    for group in still.locator(".explorer-play").all():
        assert not group.locator("[data-do=play]").is_visible()
        assert group.locator("[data-do=forward]").is_visible()
    page, errors, _ = visit(name)
    for figure in page.locator("figure.explorer:has(.explorer-play)").all():
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
            "([e, alt]) => e.alt !== alt", arg=[figure.locator("img").element_handle(), first[1]]
        )
        page.keyboard.press("Enter")
        stopped = state(figure)
        page.wait_for_timeout(700)
        assert state(figure) == stopped
        figure.locator("[data-do=back]").press("Enter")
        assert state(figure) != stopped
    assert errors == []


@pytest.mark.parametrize("name", DRAWN)
def test_without_scripts_the_default_picture_and_its_sentence_stand(visit, name):
    page = visit(name, java_script_enabled=False).page
    for figure in page.locator("figure.explorer").all():
        assert not figure.locator("form").is_visible()
        _, alt, sentence = state(figure)
        assert alt == sentence and figure.locator("img").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_violation_of_wcag_2_1_a_and_aa(visit, name, scheme):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing"
    )
    page = visit(name, scheme=scheme).page
    page.wait_for_timeout(500)
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
    found = axe.Axe().run(page, options=rules).response["violations"]
    told = [
        f"{v['id']}: {node['html'][:150]} {node['failureSummary']}" for v in found for node in v["nodes"][:3]
    ]
    assert not told, "\n".join(told)


def test_a_wide_formula_can_be_scrolled_by_keyboard_and_a_narrow_one_is_no_stop(visit):
    page, _, _ = visit("chapters/batch_normalization", width=390)
    page.wait_for_selector("mjx-container[tabindex]")
    wide = """[...document.querySelectorAll('mjx-container[display="true"]')].map(
        formula => [formula.scrollWidth > formula.clientWidth, formula.tabIndex])"""
    found = page.evaluate(wide)
    assert all(tab == (0 if scrolls else -1) for scrolls, tab in found)
    assert {scrolls for scrolls, _ in found} == {True, False}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_phone(visit, name):
    page = visit(name, width=360).page
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("name", DRAWN)
def test_pictures_follow_the_theme(visit, name):
    page = visit(name).page
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    picture = page.locator("figure.explorer img, figure.plot img").first
    if picture.count():
        picture.scroll_into_view_if_needed()
        light = corner(picture)
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        page.wait_for_timeout(300)
        assert light > 200 and corner(picture) < 60


def corner(picture):
    shot = image.imread(io.BytesIO(picture.screenshot()), format="png")
    return 255 * float(shot[4, -6, :3].mean())


@pytest.mark.parametrize("name", PAGES)
def test_a_page_keeps_its_budget(visit, site, name):
    page, _, loaded = visit(name)
    first = [Path(unquote(urlsplit(url).path)) for url in dict.fromkeys(loaded) if url.startswith("file:")]
    pictures = page.locator("figure.explorer").count()
    kilobytes = sum(weight(path) for path in first if path.suffix not in (".woff", ".woff2"))
    assert kilobytes <= FIRST_LOAD, f"{kilobytes:.0f} kB"
    assert (
        sum(path.name.startswith("frame-") for path in first)
        <= pictures + page.locator("figure.plot").count()
    )
    frames = page.evaluate(
        """[...document.querySelectorAll("figure.explorer script")].flatMap(
            table => JSON.parse(table.textContent).files)"""
    )
    if frames:
        weights = sorted(weight(site / "_images" / frame) for frame in frames)
        assert weights[len(weights) // 2] <= FRAME


def weight(path):
    return len(gzip.compress(path.read_bytes())) / 1000


@pytest.mark.parametrize("name", PAGES)
def test_links_between_pages_lead_somewhere(visit, site, name):
    page = visit(name).page
    for url in page.evaluate("[...document.querySelectorAll('a[href]')].map(a => a.href)"):
        parts = urlsplit(url)
        if parts.scheme == "file":
            target = Path(unquote(parts.path))
            assert target.exists(), url
            if parts.fragment and target.suffix == ".html":
                assert f'id="{unquote(parts.fragment)}"' in target.read_text(), url


def test_no_solution_and_no_hidden_test_is_anywhere_in_the_site(site):
    """Neither on a page nor in its source, its download or the search index: whole lines of no chapter."""
    release = pytest.importorskip("dlbook.grader.release")
    chapters = "".join(path.read_text() for path in (BOOK / "chapters").glob("*.ipynb"))
    secret, sources = set(), BOOK / "chapters" / "exercises" / "source"
    for name in release.exercises(source=sources):
        source = release.read(name, sources)
        page = (BOOK / "chapters/exercises" / f"{name}.ipynb").read_text()
        for cell in source.cells:
            for block in re.findall(
                r"BEGIN (?:SOLUTION|HIDDEN TESTS)\n(.*?)### END", cell.source, flags=re.DOTALL
            ):
                secret |= {line.strip() for line in block.splitlines()}
            if cell.metadata.get("nbgrader", {}).get("solution") and cell.cell_type == "markdown":
                secret |= set(re.findall(r"[^.]{30,}\.", cell.source))
        secret -= {line for line in secret if json.dumps(line)[1:-1] in page}
    secret = {line for line in secret if len(line) > 30 and json.dumps(line)[1:-1] not in chapters}
    assert len(secret) > 500
    forms = {form: line for line in secret for form in (line, json.dumps(line)[1:-1], html.escape(line))}
    found, looked = set(), 0
    for path in site.rglob("*"):
        if (
            path.suffix in (".html", ".ipynb", ".txt", ".md", ".js", ".json", ".inv")
            and "mathjax" not in path.parts
        ):
            text, looked = path.read_text(errors="ignore"), looked + 1
            text = re.sub(r"<[^>]*>", "", text) if path.suffix == ".html" else text
            found |= {(path.name, forms[form]) for form in forms if form in text}
            if path.stem not in ("instructors", "searchindex"):  # which explain the words
                assert not re.search("(BEGIN|END) (SOLUTION|HIDDEN TESTS)", text), path
    assert looked > 50 and found == set()
    assert not list(site.rglob("*source/*/*.ipynb"))


def test_search_finds_a_page_from_file(visit):
    page, errors, _ = visit("search", query="?q=train")
    page.wait_for_selector("#search-results li a")
    assert errors == []
