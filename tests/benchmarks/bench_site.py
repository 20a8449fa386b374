"""How heavy is each page of the built site, and how soon does a moved slider show its picture?

Prints for each page: kilobytes on first load (gzip, without fonts), explorers, settings, pictures, the median
kilobytes of a picture, and the median milliseconds from a key press to the painted picture, once loaded.
"""

import gzip
import json
import re
import statistics
from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.sync_api import sync_playwright

SITE = Path(__file__).parents[2] / "_build/html"
TIME_KEY_PRESSES = """async (figure) => {
    const input = figure.querySelector("input[type=range]");
    const img = figure.querySelector("img");
    const times = [];
    for (let i = 0; input && i <= Math.min(Number(input.max), 8); i++) {
        const start = performance.now();
        input.value = i;
        input.dispatchEvent(new Event("input", {bubbles: true}));
        await img.decode();
        await new Promise((painted) => requestAnimationFrame(() => setTimeout(painted)));
        times.push(performance.now() - start);
        await new Promise((rest) => setTimeout(rest, 150));
    }
    return times;
}"""


def weight(path):
    return len(gzip.compress(path.read_bytes())) / 1000


def measure(browser, path):
    page, loaded = browser.new_page(), []
    page.on("request", lambda request: loaded.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_timeout(1000)
    files = {Path(unquote(urlsplit(url).path)) for url in loaded if url.startswith("file:")}
    first_load = sum(weight(file) for file in files if file.suffix not in (".woff", ".woff2"))
    times, settings, frames = [], 0, set()
    for figure in page.locator("figure.explorer").all():
        table = json.loads(figure.locator("script").inner_text())
        settings += len(table["frames"])
        frames |= set(table["files"])
        figure.scroll_into_view_if_needed()
        page.wait_for_timeout(1500)
        times += figure.evaluate(TIME_KEY_PRESSES)
    page.close()
    return first_load, settings, [weight(SITE / "_images" / name) for name in frames], times


def main():
    pages = sorted(p for p in (SITE / "chapters").glob("*.html") if re.fullmatch(r"[a-z_]+", p.stem))
    print(f"{'page':26}{'first load':>12}{'settings':>10}{'pictures':>10}{'median':>10}{'key press':>11}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for path in pages:
            first_load, settings, pictures, times = measure(browser, path)
            median = f"{statistics.median(pictures):.1f} kB" if pictures else ""
            painted = f"{statistics.median(times):.0f} ms" if times else ""
            print(
                f"{path.stem:26}{first_load:9.0f} kB{settings:10}{len(pictures):10}{median:>10}{painted:>11}"
            )


if __name__ == "__main__":
    main()
