"""The chapters in real JupyterLab and Notebook 7: does every cell read right, and is every figure live?"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytest.importorskip("jupyterlab_myst", reason="jupyterlab-myst is not installed")

CHROMIUM = Path("/usr/bin/chromium")
CHAPTERS = Path(__file__).parents[2] / "chapters"
NOTEBOOKS = [
    path.relative_to(CHAPTERS).as_posix()
    for folder in ("", "deeper", "exercises")
    for path in sorted((CHAPTERS / folder).glob("*.ipynb"))
]
PATIENCE = 120_000  # ms: a slow machine renders a long chapter in half a minute
LOOK = 200  # ms between two looks whether all is rendered: a look takes time from the rendering
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # all cells, not only those in sight
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
MARKUP = r":::|\{[a-zA-Z:-]+\}|^\s*\([\w-]+\)=|^\s*:[\w-]+:|\]\(|\$\$"

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")

OPEN = """async path => {
    const commands = window.jupyterapp.commands;
    window.opened = await commands.execute("docmanager:open", {path, factory: "Notebook"});
    await window.opened.context.ready;
}"""
# What is not rendered yet: cells of text, and sentences among the outputs
WAITING = """() => {
    const cells = window.opened.content.widgets;
    const rendered = node => node.querySelector(".myst, .jp-RenderedMarkdown")?.textContent.trim();
    return cells.length === window.opened.content.model.cells.length && cells.every(cell =>
        (cell.model.type !== "markdown" || rendered(cell.node)));
}"""
SHOWN = """() => window.opened.content.widgets.map(cell =>
    [...cell.node.querySelectorAll(".myst, .jp-RenderedMarkdown")].map(shown => {
        const copy = shown.cloneNode(true);
        const hidden = "code, pre, .katex, mjx-container, .jp-InternalAnchorLink, script, style";
        copy.querySelectorAll(hidden).forEach(node => node.remove());
        copy.querySelectorAll("p, li, h1, h2, h3, h4, td, summary, div").forEach(node => node.append("\\n"));
        return copy.textContent;
    }).join("\\n"))"""
FAULTY = """() => [...window.opened.node.querySelectorAll(".katex-error, .myst-error, .jp-RenderedError")]
    .map(node => node.textContent)"""


def live():
    """A notebook that takes no time to run: a value, a sentence that states it, a figure with a slider."""
    draw = (
        "def draw(ax, slope):\n    ax.plot([0, 1], [0, slope])\n    return f'It rises to {slope * height}.'"
    )
    folded = {"jupyter": {"source_hidden": True}, "tags": ["remove-input"]}
    return new_notebook(
        cells=[
            new_markdown_cell("# Live"),
            new_code_cell(f"from dlbook import explore, say\n\nheight = 3\n{draw}"),
            new_code_cell('say(f"The height is **{height}**.")', metadata=folded),
            new_code_cell("explore(draw, slope=[1, 2, 4])"),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a Jupyter server on a copy of the chapters."""
    folder = tmp_path_factory.mktemp("lab")
    skipped = shutil.ignore_patterns("source", ".ipynb_checkpoints")
    shutil.copytree(CHAPTERS, folder / "chapters", ignore=skipped)
    for name in (
        "live",
        "live-in-lab",
        "live-in-notebook",
    ):  # one for each test: Jupyter saves what it changes
        nbformat.write(live(), folder / "chapters" / f"{name}.ipynb")
    for name, settings in SETTINGS.items():
        path = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = {
        "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "runtime", "JUPYTER_DATA_DIR": "data",
        "IPYTHONDIR": "ipython",
    }  # fmt: skip
    environment = os.environ | {name: str(folder / place) for name, place in places.items()}
    environment |= {"PYTHONPATH": str(CHAPTERS.parent)}
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1",
        f"--port={port}",
        "--ServerApp.port_retries=0", "--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True",
        "--JupyterNotebookApp.expose_app_in_browser=True",
        f"--ServerApp.root_dir={folder / 'chapters'}",
    ]  # fmt: skip
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/api", timeout=5)
                break
            except OSError:
                assert process.poll() is None, (folder / "log").read_text()[-2000:]
                time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.fixture(scope="module")
def lab(server, browser):
    """JupyterLab, once for all chapters, with no kernel behind it: nothing has to run to be read."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{server}/lab?reset")
    page.wait_for_function("window.jupyterapp")
    page.evaluate("window.jupyterapp.restored")
    page.route(
        "**/api/sessions?*", lambda route: route.continue_() if route.request.method == "GET" else None
    )
    yield page
    page.close()


def read(page, name):
    """Return the markup that the opened notebook shows and its missing sentences, once all is drawn."""
    stored = nbformat.read(CHAPTERS / name, as_version=4).cells
    said = [i for i, cell in enumerate(stored) if re.match(r"(say|answer)\(", cell.source)]
    for _ in range(60):
        shown = page.evaluate(SHOWN)
        faults = [
            f"cell {i}: {found[0]!r} in {text[max(0, found.start() - 40) : found.end() + 40]!r}"
            for i, text in enumerate(shown)
            for found in re.finditer(MARKUP, text, re.MULTILINE)
        ]
        faults += [f"cell {i} shows no sentence" for i in said if not shown[i].strip()]
        if not faults:
            break
        page.wait_for_timeout(1000)  # JupyterLab fetches MathJax when it meets the first formula
    return faults


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_in_jupyterlab_is_rendered_and_shows_no_markup(lab, name):
    lab.evaluate(OPEN, name)
    try:
        lab.wait_for_function(WAITING, polling=LOOK)
        assert read(lab, name) == []
        assert lab.evaluate(FAULTY) == []
    finally:
        lab.evaluate("window.opened.dispose()")


def test_in_jupyterlab_plumbing_is_folded(lab):
    lab.evaluate(OPEN, "live.ipynb")
    lab.wait_for_function(WAITING, polling=LOOK)
    hidden = "window.opened.content.widgets.map(cell => cell.inputHidden)"
    assert lab.evaluate(hidden) == [False, False, True, False]
    lab.evaluate("window.opened.dispose()")


RUN_ALL = "window.jupyterapp.commands.execute('notebook:run-all-cells')"


def run(server, browser, place):
    """Open the live notebook with a kernel, run all of it, wait for its sentence; return the page."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{server}/{place}")
    page.wait_for_function("window.jupyterapp?.shell?.currentWidget?.content?.widgets?.length")
    page.evaluate("window.opened = window.jupyterapp.shell.currentWidget; window.opened.context.ready")
    page.evaluate("window.opened.sessionContext.ready")
    page.evaluate(RUN_ALL)
    told(page, "The height is 3.")
    return page


def told(page, text):
    """Wait until an output says a text."""
    page.locator(".jp-OutputArea-output").filter(has_text=text).first.wait_for()


def change_the_height(page):
    page.evaluate(
        """() => {
            const cell = window.opened.content.widgets[1].model.sharedModel;
            cell.setSource(cell.getSource().replace("height = 3", "height = 5"));
        }"""
    )
    page.evaluate(RUN_ALL)


def test_in_jupyterlab_a_slider_moves_and_a_sentence_follows_an_edit(server, browser):
    page = run(server, browser, "lab/workspaces/live/tree/live-in-lab.ipynb?reset")
    told(page, "It rises to 3.")
    page.locator(".jp-OutputArea .noUi-handle, .jp-OutputArea input[type=range]").first.press("ArrowRight")
    told(page, "It rises to 6.")
    change_the_height(page)
    told(page, "The height is 5.")
    page.close()


def drag_to_the_middle(page):
    """Drag the slider's handle by the mouse, as a reader does, to the second of its three values."""
    slider = page.locator(".jp-OutputArea .noUi-base").first
    width = slider.bounding_box()["width"]
    page.locator(".jp-OutputArea .noUi-handle").first.drag_to(
        slider, target_position={"x": width / 2, "y": 2}
    )


def test_in_notebook_7_a_slider_moves_and_a_sentence_follows_an_edit(server, browser):
    """By the mouse: Notebook 7.6, unlike JupyterLab, takes arrow keys before a widget hears them."""
    page = run(server, browser, "notebooks/live-in-notebook.ipynb")
    told(page, "It rises to 3.")
    drag_to_the_middle(page)
    told(page, "It rises to 6.")
    change_the_height(page)
    told(page, "The height is 5.")
    page.close()


def test_in_notebook_7_a_chapter_is_rendered_and_shows_no_markup(server, browser):
    name = "momentum.ipynb"
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE)
    page.route(
        "**/api/sessions?*", lambda route: route.continue_() if route.request.method == "GET" else None
    )
    page.goto(f"{server}/notebooks/{name}")
    page.wait_for_function("window.jupyterapp?.shell?.currentWidget?.content?.widgets?.length")
    page.evaluate("window.opened = window.jupyterapp.shell.currentWidget; window.opened.context.ready")
    page.wait_for_function(WAITING, polling=LOOK)
    faults = read(page, name)
    page.close()
    assert faults == []
