"""The tests' surroundings: `dlbook.regression`, a plugin of pytest, pins what their processes compute."""

from pathlib import Path

import pytest

CHROMIUM = Path("/usr/bin/chromium")

collect_ignore = ["benchmarks"]  # they time PyTorch, which the tests can do without
collect_ignore_glob = ["conftest.py", "*/conftest.py"]  # two of one name; they hold no examples


@pytest.fixture(scope="module")
def browser():
    """Chromium, with nothing that it would ask of the network by itself."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    with sync_api.sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield chromium
        chromium.close()
