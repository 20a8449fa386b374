"""How soon is a page there on a phone with a slow line, and how long does it keep the processor busy?

Measures what Lighthouse's mobile score is made of, by Chromium's own trace: seconds to the first and to the
largest text or picture, how far the layout moves (0 is not at all), and Total Blocking Time: what each task
of the page's thread takes over 50 ms. Tasks are measured in CPU time, so a busy machine does not count; they
and a line of 1.6 Mbit/s with 150 ms to and fro are four times slower than here. Prints the median of three
visits. `python tests/benchmarks/bench_phone.py [SITE] [PAGE ...]`.
"""

import functools
import http.server
import statistics
import sys
import threading

from bench_slow_line import SITE, Handler
from playwright.sync_api import sync_playwright

PAGES = ("chapters/index", "chapters/start", "chapters/adam")
LINE = {"offline": False, "latency": 150, "downloadThroughput": 204_800, "uploadThroughput": 93_750}
SLOWER = 4
SEEN = """() => {
    window.seen = { largest: 0, moved: 0 };
    const look = (type, act) => new PerformanceObserver(list => list.getEntries().forEach(act))
        .observe({ type, buffered: true });
    look("largest-contentful-paint", entry => { seen.largest = entry.startTime; });
    look("layout-shift", entry => { if (!entry.hadRecentInput) seen.moved += entry.value; });
}"""


def measure(browser, address):
    """Return seconds to the first and largest paint, milliseconds blocked and busy, the layout's shift."""
    context = browser.new_context(viewport={"width": 412, "height": 823}, device_scale_factor=2)
    page, events, ended = context.new_page(), [], []
    page.add_init_script(f"({SEEN})()")
    line = context.new_cdp_session(page)
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", LINE)
    line.on("Tracing.dataCollected", lambda part: events.extend(part["value"]))
    line.on("Tracing.tracingComplete", lambda event: ended.append(event))
    line.send(
        "Tracing.start", {"categories": "toplevel,devtools.timeline,disabled-by-default-devtools.timeline"}
    )
    page.goto(address, wait_until="load", timeout=120_000)
    page.wait_for_load_state("networkidle")  # formulas come once the page is there
    page.wait_for_timeout(3000)
    first = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    seen = page.evaluate("seen")
    line.send("Tracing.end")
    while not ended:
        page.wait_for_timeout(100)
    context.close()
    return first / 1000, seen["largest"] / 1000, *busy(events), seen["moved"]


def busy(events):
    """Return milliseconds of the page's thread that block a reader, and all that it works."""
    mains = {(e["pid"], e["tid"]) for e in events if e["name"] == "FrameStartedLoading"}
    tasks = [e for e in events if e["name"] == "RunTask" and (e["pid"], e["tid"]) in mains]
    taken = [SLOWER * e.get("tdur", 0) / 1000 for e in tasks]
    return sum(max(0, task - 50) for task in taken), sum(taken)


def main(arguments):
    site, pages = arguments[0] if arguments else SITE, arguments[1:] or PAGES
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(site))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("| page | first text | largest | blocked | busy | layout moves |\n|---|---|---|---|---|---|")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for name in pages:
            rows = [measure(browser, f"http://127.0.0.1:{server.server_port}/{name}.html") for _ in range(3)]
            first, largest, blocked, work, moved = map(statistics.median, zip(*rows, strict=True))
            times = f"{first:.1f} s | {largest:.1f} s | {blocked:.0f} ms | {work:.0f} ms"
            print(f"| {name} | {times} | {moved:.3f} |", flush=True)
    server.shutdown()


if __name__ == "__main__":
    main(sys.argv[1:])
