"""How long does a reader on a slow line wait for the first text of a page, and for all of it?

Serves a built site with gzip, as web hosts do, to a Chromium on a line of 50 kB/s with 400 ms to and fro
(what browsers call slow 3G) and a processor four times slower than this one. Prints for each page:
seconds to the first text (First Contentful Paint) and to the end of loading, requests, kilobytes on the
line, and nodes of the document. `python tests/benchmarks/bench_slow_line.py [SITE] [PAGE ...]`.
"""

import functools
import gzip
import http.server
import sys
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

SITE = Path(__file__).parents[2] / "_build/html"
PAGES = ("chapters/index", "chapters/start", "chapters/adam", "chapters/batch_normalization")
TEXT = (".html", ".css", ".js", ".svg", ".json", ".ipynb", ".xml")
LINE = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files, texts compressed."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            return self.send_error(404)
        body, packed = path.read_bytes(), path.suffix in TEXT
        body = gzip.compress(body) if packed else body
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Length", str(len(body)))
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *values):
        pass


def measure(browser, address):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page, finished = context.new_page(), []
    line = context.new_cdp_session(page)
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", LINE)
    line.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    line.on("Network.loadingFinished", lambda event: finished.append(event["encodedDataLength"]))
    page.goto(address, wait_until="load", timeout=120_000)
    page.wait_for_timeout(1500)
    first = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime")
    whole = page.evaluate("performance.timing.loadEventEnd - performance.timing.navigationStart")
    nodes = page.evaluate("document.querySelectorAll('*').length")
    page.wait_for_load_state("networkidle")
    context.close()
    return first / 1000, whole / 1000, len(finished), sum(finished) / 1000, nodes


def main(arguments):
    site, pages = Path(arguments[0] if arguments else SITE), arguments[1:] or PAGES
    handler = functools.partial(Handler, directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"{'page':32}{'first text':>12}{'loaded':>10}{'requests':>10}{'on the line':>13}{'nodes':>8}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for name in pages:
            measured = measure(browser, f"http://127.0.0.1:{server.server_port}/{name}.html")
            first, whole, requests, kilobytes, nodes = measured
            print(f"{name:32}{first:10.1f} s{whole:8.1f} s{requests:10}{kilobytes:10.0f} kB{nodes:8}")
    server.shutdown()


if __name__ == "__main__":
    main(sys.argv[1:])
