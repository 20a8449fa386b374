"""Somebody else's book, with figures of its own: does it get sliders by naming the extension?"""

import io
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from matplotlib import image

from books import BUILDER, CELL, CONFIG, FIGURES, build, write_book
from dlbook.explorer import MIME, extension

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.skipif(not BUILDER.exists(), reason="jupyter-book is not installed")


def frame_times(folder):
    return {path: path.stat().st_mtime_ns for path in (folder / "_build/.executed").rglob("frame-*.svg")}


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ponds")
    write_book(folder)
    done = build(folder)
    assert done.returncode == 0, done.stdout[-4000:]
    return folder


@pytest.fixture
def copied(book, tmp_path):
    """A copy of the built book, as a second clone or a CI run finds it."""
    shutil.copytree(book, tmp_path / "copy")
    return tmp_path / "copy"


def page_of(folder, name="ducks"):
    return (folder / "_build" / "html" / f"{name}.html").read_text()


def test_a_plain_build_writes_every_frame_and_shows_the_default_one(book):
    frames = {path.name for path in (book / "_build/html/_images").glob("frame-*.svg")}
    page = page_of(book)
    assert len(frames) == 3, "a frozen pond looks like any other"
    assert set(re.findall(r"frame-\w+\.svg", page)) == frames
    assert re.search(
        r'<img[^>]*src="_images/frame-\w+\.svg"[^>]*alt="With 2 ducks each gets 0\.50 of the pond\."', page
    )


def test_script_and_style_are_loaded_only_where_there_is_an_explorer(book):
    page = page_of(book)
    assert page.count("explorer.js") == 1 and page.count("explorer.css") == 1
    assert "explorer." not in page_of(book, "index")
    for asset in extension.ASSETS.iterdir():
        assert (book / "_build/html/_static" / asset.name).read_bytes() == asset.read_bytes()


def test_a_second_build_runs_and_draws_nothing(copied):
    before = frame_times(copied)
    (copied / "ducks.ipynb").touch()
    done = build(copied)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "Using cached notebook" in done.stdout and "Executing notebook" not in done.stdout
    assert before and frame_times(copied) == before


@pytest.mark.parametrize("damage", ["a frame", "the outputs", "all frames"])
def test_what_is_kept_and_damaged_is_made_again(copied, damage):
    (kept,) = (path for path in (copied / "_build/.executed").iterdir() if path.is_dir())
    whole = {path.name: path.read_bytes() for path in (kept / "frames").iterdir()}
    if damage == "a frame":
        next((kept / "frames").iterdir()).write_text("<svg")
    elif damage == "the outputs":
        (kept / "cache" / "global.db").write_bytes(b"no database")
    else:
        shutil.rmtree(kept / "frames")
    shutil.rmtree(copied / "_build" / "html")
    shutil.rmtree(copied / "_build" / ".doctrees", ignore_errors=True)
    done = build(copied)
    assert done.returncode == 0, done.stdout[-4000:]
    assert {path.name: path.read_bytes() for path in (kept / "frames").iterdir()} == whole
    for name, content in whole.items():
        assert (copied / "_build/html/_images" / name).read_bytes() == content


def test_a_change_of_a_named_package_runs_the_chapter_that_imports_it_again(tmp_path):
    config = CONFIG + "  config: {explorer_packages: [ponds]}\n"
    config = config.replace(
        "sphinx: {extra_extensions: [dlbook.explorer]}", "sphinx:\n  extra_extensions: [dlbook.explorer]"
    )
    write_book(tmp_path, config, ducks=CELL, plain="1 + 1")
    assert build(tmp_path).returncode == 0
    (tmp_path / "ponds.py").write_text(FIGURES.replace("each gets", "each has"))
    done = build(tmp_path)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "With 2 ducks each has 0.50" in page_of(tmp_path)
    assert done.stdout.count("Using cached notebook") == 1, "the other page stays as it was"
    kept = [path for path in (tmp_path / "_build/.executed").iterdir() if path.is_dir()]
    assert sorted(path.name.rpartition("-")[0] for path in kept) == ["ducks", "plain"]


def test_a_package_that_is_nowhere_is_refused(tmp_path):
    write_book(tmp_path, CONFIG.replace("]}", "], config: {explorer_packages: [geese]}}"))
    done = build(tmp_path)
    assert done.returncode != 0
    assert "explorer_packages must name Python packages" in done.stdout and "'geese'" in done.stdout


def test_several_chapters_run_and_each_that_fails_is_named_with_its_cell_and_setting(tmp_path):
    bad = CELL.replace("[1, 2, 4]", "[2, 1, 0]")
    write_book(tmp_path, ducks=CELL, geese=bad, swans=bad.replace("[2, 1, 0]", "[2, 0, 1]"))
    done = build(tmp_path)
    assert done.returncode != 0
    assert "explore(draw_ducks, ducks=[2, 1, 0]" in done.stdout
    for name, frozen in {"geese": "on", "swans": "off"}.items():
        # the layout is measured at the last setting before the others are drawn in their order
        named = f"{name}: explorer draw_ducks at ducks=0, frozen={frozen}: ZeroDivisionError"
        assert named in done.stdout


def test_a_page_that_the_build_does_not_run_says_what_is_missing(tmp_path):
    write_book(tmp_path, CONFIG.replace("cache", "'off'"))
    bundle = {
        "text/plain": "A pond.",
        MIME: {"name": "draw_pond", "sentence": "A pond.", "controls": []},
    }
    notebook = nbformat.read(tmp_path / "ducks.ipynb", as_version=4)
    notebook.cells[1].outputs = [nbformat.v4.new_output("display_data", bundle)]
    nbformat.write(notebook, tmp_path / "ducks.ipynb")
    done = build(tmp_path)
    assert done.returncode != 0
    assert (
        "explorer draw_pond has no frames" in done.stdout and "set execute_notebooks to cache" in done.stdout
    )


def test_a_chapter_written_as_markdown_gets_its_frames(tmp_path):
    write_book(tmp_path)
    (tmp_path / "ducks.ipynb").unlink()
    jupytext = "jupytext: {text_representation: {format_name: myst}}"
    front = f"---\n{jupytext}\nkernelspec: {{name: python3, display_name: Python 3}}\n---\n"
    (tmp_path / "ducks.md").write_text(f"{front}# Ducks\n\n```{{code-cell}}\n{CELL.strip()}\n```\n")
    done = build(tmp_path)
    assert done.returncode == 0, done.stdout[-4000:]
    assert page_of(tmp_path).count("frame-") == 4 and len(frame_times(tmp_path)) == 3


@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_slider_of_the_foreign_book_moves_by_keyboard(book, scheme):
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = chromium.new_context(color_scheme=scheme).new_page()
        page.route("**/*", lambda r: r.continue_() if r.request.url.startswith("file:") else r.abort())
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto((book / "_build/html/ducks.html").as_uri())
        figure = page.locator("figure.explorer")
        slider, picture = figure.locator("input[type=range]"), figure.locator("img")
        assert slider.get_attribute("aria-valuetext") == "2"
        before = picture.get_attribute("src")
        slider.focus()
        page.keyboard.press("ArrowRight")
        assert slider.get_attribute("aria-valuetext") == "4"
        assert figure.locator("output").inner_text() == "With 4 ducks each gets 0.25 of the pond."
        assert picture.get_attribute("src") != before
        page.wait_for_function("i => i.complete && i.naturalWidth > 0", arg=picture.element_handle())
        page.wait_for_timeout(300)
        ground = corner(picture)
        form = figure.locator("form").evaluate("e => getComputedStyle(e).backgroundColor")
        assert (ground > 200) if scheme == "light" else (ground < 60)
        assert sum(map(int, re.findall(r"\d+", form)[:3])) > 600 if scheme == "light" else 150
        assert figure.evaluate("e => getComputedStyle(e).borderRadius") == "10px", (
            "the style sheet is missing"
        )
        assert [error for error in errors if "thebe" not in error.lower()] == []
        chromium.close()


def corner(picture):
    shot = image.imread(io.BytesIO(picture.screenshot()), format="png")
    return 255 * float(shot[4, -6, :3].mean())
