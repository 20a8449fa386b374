"""The site in a browser with all other hosts refused: does a notebook run where it is read?"""

import contextlib
import functools
import http.server
import json
import os
import shutil
import threading
import time
from collections import namedtuple
from pathlib import Path

import pytest

from dlbook.grader import release
from dlbook.grader.cells import name_of
from dlbook.grader.grade.__main__ import main as grade
from dlbook.lite import publish, runtime

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "chapters" / "exercises" / "source"
CHROMIUM = Path("/usr/bin/chromium")
PATIENCE = 300_000  # ms: a busy machine starts Python in a minute

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed"),
    pytest.mark.skipif(not runtime.at_hand(), reason="the browser's Python is not at hand: run `make lite`"),
]

WRONG = """def adam_steps(gradients, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    m = v = np.zeros(gradients.shape[1])
    steps = []
    for t, g in enumerate(gradients, 1):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        steps.append(lr * m / (np.sqrt(v) + eps))
    return np.array(steps)
"""
RIGHT = WRONG.replace(
    "lr * m / (np.sqrt(v) + eps)", "lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)"
)


class Handler(http.server.SimpleHTTPRequestHandler):
    sent = 0  # bytes of files, by all handlers; what a browser has kept is not sent again

    def log_message(self, *arguments):
        """Say nothing."""

    def copyfile(self, source, outputfile):
        super().copyfile(source, outputfile)
        Handler.sent += source.tell()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site in small: the plain copies, and for each a page with its link."""
    site = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "notebooks", site / "notebooks")
    found = runtime.at_hand()
    publish.write(site, found, "1 May 2026")
    for copy in (ROOT / "notebooks").rglob("*.ipynb"):
        name = copy.relative_to(ROOT / "notebooks").with_suffix("").as_posix()
        page = site / "chapters" / f"{name}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        address = f"{'../' * (name.count('/') + 1)}lite/index.html?notebook={name}"
        page.write_text(publish.with_links(f"<h1>{name}</h1>", address, publish.first_click(found) / 1e6))
    return site


@pytest.fixture(scope="module")
def address(site):
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(site))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


Reader = namedtuple("Reader", "page refused loaded errors")


def readers(browser, address):
    """Yield a function that gives a reader's browser: other hosts are refused and kept.

    Without `python` its code never arrives: where only the notebook is looked at, starting it costs most.
    """
    contexts = []

    def arrives(script=None, python=True, **options):
        context = browser.new_context(
            viewport={"width": 1280, "height": 900}, accept_downloads=True, **options
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        if script:
            context.add_init_script(script)
        refused, loaded, errors = [], {}, []

        def route(route):
            if not python and route.request.url.endswith(".wasm"):
                return None
            if route.request.url.startswith((address, "data:", "blob:", "file:")):
                return route.continue_()
            refused.append(route.request.url)
            return route.abort()

        context.route("**/*", route)
        context.on("response", lambda answer: loaded.update({answer.url: answer}))
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        return Reader(page, refused, loaded, errors)

    yield arrives
    for context in contexts:
        context.close()


@pytest.fixture
def reader(browser, address):
    yield from readers(browser, address)


# as if each wait of the page for a minute or more were over at once
IMPATIENT = """if (window === top) {
    const real = setTimeout;
    window.setTimeout = (act, ms) => real(act, ms >= 60000 ? 0 : ms);
}"""


TAKES_LONG = ("The notebook is taking long to open.", "Python is taking long to start.")


@pytest.fixture(scope="module")
def notes():
    """What the reader below was told, while the notebook opened and Python started."""
    return []


@pytest.fixture(scope="module")
def at_work(browser, address, notes):
    """A reader whose Python is ready, in front of an exercise: it takes half a minute to start."""
    for arrives in readers(browser, address):
        one = arrives(IMPATIENT)
        one.page.goto(f"{address}/lite/index.html?notebook=exercises/dropout")
        note = one.page.get_by_role("alert")
        for text in TAKES_LONG:
            with contextlib.suppress(playwright.TimeoutError):
                note.get_by_text(text).wait_for()
                notes.append(text)
        ready(one.page)
        note.wait_for(state="hidden")
        yield one


def ready(page):
    """Wait until Python is there; return the seconds that it took."""
    begun = time.perf_counter()
    page.get_by_text("Python is ready", exact=True).wait_for()
    return time.perf_counter() - begun


def cells(page):
    return page.evaluate("opened.panel.context.model.toJSON().cells")


def number_of_checks(page):
    return sum(
        cell["cell_type"] == "code" and cell["metadata"].get("nbgrader", {}).get("grade", False)
        for cell in cells(page)
    )


def answer(page, task, source):
    """Write an answer into its cell, as typing does."""
    page.evaluate(
        """([task, source]) => {
            for (const cell of opened.panel.content.model.cells) {
                if ((cell.getMetadata("nbgrader") || {}).grade_id === task)
                    cell.sharedModel.setSource(source);
            }
        }""",
        [task, source],
    )


def run(page, task):
    """Run a cell; return its outputs as one text."""
    return page.evaluate(
        """async task => {
            const { app, panel } = opened, cells = panel.content.widgets;
            panel.content.activeCellIndex = cells.findIndex(
                cell => (cell.model.getMetadata("nbgrader") || {}).grade_id === task);
            await app.commands.execute("notebook:run-cell");
            return JSON.stringify(panel.content.activeCell.model.toJSON().outputs);
        }""",
        task,
    )


def run_all(page):
    page.evaluate("opened.app.commands.execute('notebook:run-all-cells')")


def test_an_exercise_is_solved_kept_downloaded_and_graded(reader, address, tmp_path):
    page, refused, loaded, errors = reader()
    page.goto(f"{address}/chapters/exercises/adam.html")
    page.wait_for_timeout(500)
    assert not [url for url in loaded if "/lite/" in url]  # nothing before the click
    said = page.locator(".run-here-line").first.inner_text()
    page.locator("a.run-here").first.click()
    ready(page)
    megabytes = sum(int(part.headers.get("content-length", 0)) for part in loaded.values()) / 1e6
    assert f"loads {publish.first_click(runtime.at_hand()) / 1e6:.0f} MB" in said
    assert megabytes == pytest.approx(publish.first_click(runtime.at_hand()) / 1e6, rel=0.05)

    run(page, "name")
    run(page, "setup")
    answer(page, "adam-steps-answer", WRONG)
    run(page, "adam-steps-answer")
    assert "the averages are not corrected for their start at 0" in run(page, "adam-steps")
    answer(page, "adam-steps-answer", RIGHT)
    run(page, "adam-steps-answer")
    assert run(page, "adam-steps") == "[]"
    checks = number_of_checks(page)
    page.get_by_text(f"1 of {checks} checks pass", exact=True).wait_for()
    assert page.evaluate("localStorage.getItem('book-passed')") == f'{{"exercises/adam":[1,{checks}]}}'

    page.wait_for_function("!opened.panel.context.model.dirty")
    page.reload()
    ready(page)
    (kept,) = [
        c for c in cells(page) if c["metadata"].get("nbgrader", {}).get("grade_id") == "adam-steps-answer"
    ]
    assert kept["source"] == RIGHT
    page.get_by_text(f"1 of {checks} checks pass", exact=True).wait_for()

    with page.expect_download() as begun:
        page.get_by_role("button", name="Download notebook").click()
    begun.value.save_as(tmp_path / "in" / "ada" / "adam" / begun.value.suggested_filename)
    (handed_in,) = (tmp_path / "in").rglob("*.ipynb")
    assert handed_in.name == "adam.ipynb"
    assert "Install what this notebook imports" in handed_in.read_text().partition("cell_type")[2][:2000]
    given = [str(tmp_path / "in"), str(tmp_path / "out"), "--source", str(SOURCE)]
    grade([*given, "--chapters", "adam", "--unsafe"])
    rows = (tmp_path / "out" / "grades.csv").read_text().splitlines()
    assert "ada,adam,adam-steps,3,3,passed" in rows

    page.get_by_role("button", name="Start again").click()
    page.get_by_role("button", name="Delete and start again").click()
    page.get_by_text(f"0 of {checks} checks pass", exact=True).wait_for()
    assert page.evaluate("localStorage.getItem('book-passed')") == "{}"
    (book,) = [
        c for c in cells(page) if c["metadata"].get("nbgrader", {}).get("grade_id") == "adam-steps-answer"
    ]
    assert "YOUR CODE HERE" in book["source"]
    page.get_by_role("link", name="Back to the page").click()
    page.wait_for_url("**/chapters/exercises/adam.html")
    assert refused == [] and errors == []


def test_a_new_exercise_is_solved_with_every_check_passed(at_work):
    page, refused, _, errors = at_work
    for cell in release.read("dropout", SOURCE).cells:
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution"):
            answer(page, cell.metadata.nbgrader.grade_id, cell.source)
    checks = number_of_checks(page)
    run_all(page)
    page.get_by_text(f"{checks} of {checks} checks pass", exact=True).wait_for()
    (right,) = [
        cell.source for cell in release.read("dropout", SOURCE).cells if name_of(cell) == "drop-answer"
    ]
    answer(page, "drop-answer", right.replace(">= p) / (1 - p)", ">= p) * 1.0"))
    run(page, "drop-answer")
    assert "inverted dropout divides by 1 − p in training" in run(page, "drop")
    page.get_by_text(f"{checks - 1} of {checks} checks pass", exact=True).wait_for()
    assert checks > 3 and refused == [] and errors == []


def test_a_loop_that_never_ends_can_be_stopped(at_work):
    page = at_work.page
    answer(page, "drop-answer", "while True:\n    pass")
    page.evaluate("""() => { opened.panel.content.activeCellIndex = opened.panel.content.widgets.findIndex(
        cell => (cell.model.getMetadata("nbgrader") || {}).grade_id === "drop-answer");
        opened.app.commands.execute("notebook:run-cell"); }""")
    page.get_by_text("Python is running …").wait_for()
    page.get_by_role("button", name="Stop").click()
    ready(page)
    answer(page, "drop-answer", "40 + 2")
    assert "42" in run(page, "drop-answer")


def test_a_second_visit_loads_again_only_what_may_have_changed(browser, address, tmp_path):
    # with the profile of a reader, since a route through the test, as above, switches a browser's cache off
    context = browser.browser_type.launch_persistent_context(
        tmp_path, executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
    )
    context.set_default_timeout(PATIENCE)
    try:
        page, visits = context.new_page(), []
        for _ in range(2):
            before = Handler.sent
            page.goto(f"{address}/chapters/exercises/adam.html")
            page.locator("a.run-here").first.click()
            visits.append((ready(page), (Handler.sent - before) / 1e6))
    finally:
        context.close()
    (first, loaded), (second, again) = visits
    load = os.getloadavg()[0]
    print(
        f"first visit {first:.0f} s, {loaded:.1f} MB; second {second:.0f} s, {again:.2f} MB; load {load:.1f}"
    )
    assert again < loaded / 10


# the cell that gives each experiment few seeds: the book's numbers are of all
WITHOUT_PACE = """() => {
    const { model } = opened.panel.context, at = model.toJSON().cells.findIndex(cell => cell.id === "pace");
    if (at >= 0) model.sharedModel.deleteCell(at);
}"""


@pytest.mark.parametrize("name", ["index", "metrics"])
def test_a_chapter_runs_with_its_stored_texts_and_its_slider_moves(reader, address, name):
    page, refused, _, errors = reader(color_scheme="dark")
    page.goto(f"{address}/chapters/{name}.html")
    page.locator("a.run-here").first.click()
    ready(page)
    page.evaluate(WITHOUT_PACE)
    before = [texts(cell) for cell in cells(page)]
    run_all(page)
    page.wait_for_function(
        "opened.panel.content.widgets.every(c => c.model.type !== 'code' || c.model.executionCount)"
    )
    page.get_by_text("Python is ready", exact=True).wait_for()
    after = [texts(cell) for cell in cells(page)]
    kinds = {output["output_type"] for cell in cells(page) for output in cell.get("outputs", [])}
    assert "error" not in kinds
    assert after == before and any(before)
    if name == "index":
        live = page.frame_locator("iframe").locator(".jp-OutputArea .jupyter-widgets.widget-vbox").first
        picture, sentence = live.locator("img").first, live.locator(".widget-html").last
        shown, said = picture.get_attribute("src"), sentence.inner_text()
        track = live.locator(".noUi-base").first  # by mouse: Notebook 7 keeps the arrow keys for itself
        track.click(position={"x": 0.8 * track.bounding_box()["width"], "y": 1}, force=True)
        playwright.expect(picture).not_to_have_attribute("src", shown, timeout=PATIENCE)
        playwright.expect(sentence).not_to_have_text(said, timeout=PATIENCE)
        assert sentence.inner_text()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert refused == [] and errors == []


def texts(cell):
    """What a cell's outputs say, without the bar that shows how far an experiment is."""
    said = []
    for output in cell.get("outputs", []):
        if output.get("name") == "stderr":
            continue
        data = output.get("data", {})
        said.append("".join(data.get("text/plain", output.get("text", ""))))
    return said


def test_a_new_edition_renews_an_unchanged_copy_and_never_hides_behind_a_changed_one(reader, address, site):
    page, *_ = reader(python=False)
    there = f"{address}/lite/index.html?notebook=exercises/adam"
    copy = site / "notebooks" / "exercises" / "adam.ipynb"
    book = copy.read_text()
    try:
        page.goto(there)
        loaded(page)
        page.evaluate("opened.panel.context.save()")  # a copy that the reader has not changed
        copy.write_text(book.replace("**Time** about 90 minutes", "**Time** about 80 minutes"))
        publish.write(site, runtime.at_hand(), "2 May 2026")
        page.reload()
        loaded(page)
        assert any("about 80 minutes" in cell["source"] for cell in cells(page))

        answer(page, "adam-steps-answer", RIGHT)
        page.evaluate("opened.panel.context.save()")
        copy.write_text(book.replace("**Time** about 90 minutes", "**Time** about 70 minutes"))
        publish.write(site, runtime.at_hand(), "3 May 2026")
        page.reload()
        loaded(page)
        note = page.get_by_role("alert")
        note.get_by_text("of the edition of 2 May 2026").wait_for()
        assert "3 May 2026" in note.inner_text()
        assert RIGHT in [cell["source"] for cell in cells(page)]  # the answers are still there
        note.get_by_role("button", name="Start again").click()
        page.get_by_role("button", name="Delete and start again").click()
        page.wait_for_function(
            "JSON.stringify(opened.panel.context.model.toJSON()).includes('about 70 minutes')"
        )
        note.wait_for(state="hidden")
    finally:
        copy.write_text(book)
        publish.write(site, runtime.at_hand(), "1 May 2026")


def loaded(page):
    """Wait until the notebook is open; Python may still be starting."""
    page.get_by_role("button", name="Download notebook").wait_for()


def test_a_second_tab_on_the_same_notebook_is_told_so(reader, address):
    page, *_ = reader(python=False)
    page.goto(f"{address}/lite/index.html?notebook=exercises/adam")
    page.locator("iframe").wait_for()
    other = page.context.new_page()
    other.goto(f"{address}/lite/index.html?notebook=exercises/adam")
    other.get_by_role("alert").get_by_text("is open in another tab").wait_for()
    assert other.locator("iframe").count() == 0
    page.close()
    other.get_by_role("button", name="Open it here").click()
    other.locator("iframe").wait_for()


@pytest.mark.parametrize(
    "script, sentence",
    [
        ("delete window.WebAssembly", "This browser cannot run Python"),
        ("delete window.Worker", "This browser cannot run Python"),
    ],
)
def test_a_browser_that_cannot_run_python_is_told_what_to_do(reader, address, script, sentence):
    page, _, loaded, errors = reader(script)
    page.goto(f"{address}/lite/index.html?notebook=adam")
    assert sentence in page.get_by_role("alert").inner_text()
    assert page.get_by_role("link", name="Back").get_attribute("href") == "../chapters/adam.html"
    assert errors == [] and not [url for url in loaded if "/app/" in url]


NO_DATABASE = "IDBFactory.prototype.open = () => { throw new DOMException('refused', 'SecurityError'); };"
# as where a reader blocks all cookies
NOTHING_KEPT = f"""{NO_DATABASE} Object.defineProperty(window, "localStorage", {{
    get() {{ throw new DOMException("refused", "SecurityError"); }} }});"""


def test_a_browser_that_keeps_no_answers_says_so(reader, address):
    page, *_ = reader(NO_DATABASE, python=False)
    page.goto(f"{address}/lite/index.html?notebook=exercises/adam")
    page.get_by_role("alert").get_by_text("refuses to keep your answers").wait_for()
    assert len(cells(page)) > 5


def test_a_slow_start_is_told_so_until_it_is_there(at_work, notes):
    assert tuple(notes) == TAKES_LONG and at_work.errors == []


def test_a_browser_that_keeps_nothing_at_all_says_what_to_allow(reader, address):
    page, _, loaded, errors = reader(NOTHING_KEPT)
    page.goto(f"{address}/lite/index.html?notebook=exercises/adam")
    assert "Allow its cookies and site data" in page.get_by_role("alert").inner_text()
    assert page.get_by_role("link", name="Back").get_attribute("href") == "../chapters/exercises/adam.html"
    assert errors == [] and not [url for url in loaded if "/app/" in url]


def test_from_a_file_it_says_how_to_serve_the_site(reader, site):
    page, _, _, errors = reader()
    page.goto((site / "lite" / "index.html").as_uri() + "?notebook=adam")
    assert "python -m http.server" in page.get_by_role("alert").inner_text()
    assert errors == []
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
    for scheme in ("light", "dark"):
        page.evaluate("scheme => { document.documentElement.dataset.theme = scheme; }", scheme)
        assert axe.Axe().run(page, options=rules).response["violations"] == []


def test_a_notebook_that_is_not_in_the_book_leads_to_those_that_are(reader, address):
    page, *_ = reader()
    page.goto(f"{address}/lite/index.html?notebook=cooking")
    page.get_by_role("alert").get_by_text("has no notebook “cooking”").wait_for()
    assert page.locator("main a").count() == len(list((ROOT / "notebooks").rglob("*.ipynb")))


def test_a_site_that_lacks_a_file_says_which(reader, address, site):
    lock = site / "lite" / json.loads((site / "lite" / "pages.json").read_text())["lock"]
    content = lock.read_bytes()
    lock.unlink()
    try:
        page, *_ = reader(python=False)
        page.goto(f"{address}/lite/index.html?notebook=adam")
        page.get_by_role("alert").get_by_text("A part of this site is missing (book/").wait_for()
    finally:
        lock.write_bytes(content)


def test_a_site_that_lacks_a_wheel_says_which(reader, address, site):
    about = json.loads((site / "lite" / "pages.json").read_text())
    (wheel,) = (site / "lite" / about["python"]).glob("numpy-*.whl")
    away = wheel.rename(wheel.with_suffix(".away"))
    try:
        page, *_ = reader()
        page.goto(f"{address}/lite/index.html?notebook=exercises/adam")
        page.get_by_role("alert").get_by_text(f"A part of this site is missing ({wheel.name})").wait_for()
    finally:
        away.rename(wheel)


def test_a_link_to_another_page_opens_it_with_the_way_back(reader, address):
    page, *_ = reader(python=False)
    page.goto(f"{address}/lite/index.html?notebook=exercises/adam")
    loaded(page)
    with page.context.expect_page() as opened:
        page.frame_locator("iframe").get_by_role("link", name="Adam: why a learning rate").click()
    opened.value.wait_for_url(f"{address}/lite/index.html?notebook=adam")
    assert opened.value.get_by_role("link", name="Back").get_attribute("href") == "../chapters/adam.html"
