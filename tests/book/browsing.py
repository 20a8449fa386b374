"""How the tests of the site open it: as a reader, from file://, with the network refused."""

import functools
import os
from collections import namedtuple
from pathlib import Path

import pytest

CHROMIUM = Path("/usr/bin/chromium")
BOOK = Path(os.environ.get("DLCORE_BOOK", Path(__file__).parents[2]))

Opened = namedtuple("Opened", "page errors loaded")

# Scripts make boxes that scroll focusable, on a busy machine late; axe says if they never do
FOCUSABLE = """async () => {
    const fine = box => box.scrollWidth <= box.clientWidth || box.tabIndex >= 0;
    const ready = () => [...document.querySelectorAll("pre, mjx-container[display=true]")].every(fine);
    for (let i = 0; i < 50 && !ready(); i++) await new Promise(resolve => setTimeout(resolve, 200));
}"""

# Text of one colour, size, weight and ground is looked at once, of thousands of pieces
NEW_COLOURS = """known => {
    const met = new Set(), before = new Set(known);
    const grounds = new Map([[null, ""]]), clear = "rgba(0, 0, 0, 0)";
    const ground = element => {
        if (!grounds.has(element)) {
            const {backgroundColor, backgroundImage, opacity} = getComputedStyle(element);
            const below = ground(element.parentElement);
            const own = backgroundColor + (backgroundImage === "none" ? "" : backgroundImage) + opacity;
            grounds.set(element, own === clear + "1" ? below : below + own);
        }
        return grounds.get(element);
    };
    for (const element of document.querySelectorAll("body *")) {
        const text = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
        const {color, fontSize, fontWeight} = getComputedStyle(element);
        const kind = [color, fontSize, fontWeight, ground(element)].join();
        const first = text && element.checkVisibility() && !met.has(kind);
        if (first) met.add(kind);
        const fresh = first && !before.has(kind);
        element.toggleAttribute("data-new", fresh);
        element.toggleAttribute("data-met", !fresh && !element.children.length);
    }
    return [...met];
}"""
CONTRAST = {
    "rules": {"runOnly": {"type": "rule", "values": ["color-contrast"]}},
    "include": [["[data-new]"]], "exclude": [["[data-met]"]],
}  # fmt: skip

# What highlights code, most of a page's elements, has a class and a colour: other rules need the text alone
PLAIN_CODE = """() => {
    const coloured = e => e.localName === "span" && e.getAttributeNames().every(name => name === "class");
    for (const code of document.querySelectorAll("pre"))
        if ([...code.querySelectorAll("*")].every(coloured)) code.textContent = code.textContent;
}"""

# Of what axe finds, only the violations leave the browser, and of each where it is
RUN_AXE = """async ([looked, rules]) => {
    const quick = {resultTypes: ["violations"], selectors: false, preload: {assets: ["media"]}};
    const {violations} = await axe.run(looked ?? document, {...rules, ...quick});
    return violations.flatMap(({id, nodes}) => nodes.slice(0, 3).map(
        ({html, failureSummary}) => `${id}: ${html.slice(0, 150)} ${failureSummary}`));
}"""


@functools.cache
def axe_core():
    """The newest axe-core: npm's where it is installed (`make axe`), else a Python package's older one."""
    newest = BOOK / "node_modules" / "axe-core" / "axe.min.js"
    if newest.exists():
        return newest.read_text()
    package = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is missing")
    (path,) = Path(package.__file__).parent.rglob("axe.min.js")
    return path.read_text()


def faults(page, rules, **looked):
    """What these rules of axe find on a page, or in the part of it that ``include`` and ``exclude`` leave."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe_core())
    page.evaluate(FOCUSABLE)
    return page.evaluate(RUN_AXE, [looked or None, rules])


def visitor(browser, site):
    """Yield a function that opens a page of the site as a reader, and close what it has opened.

    Requests to other hosts are refused and kept as errors.
    """
    contexts = []

    def opened(name, width=1280, scheme="light", query="", **options):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, **options
        )
        contexts.append(context)
        context.set_default_timeout(30_000)
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
