"""The tests' surroundings: `dlbook.regression`, a plugin of pytest, pins what their processes compute."""

from pathlib import Path

import pytest

from dlcore import compiling

CHROMIUM = Path("/usr/bin/chromium")

collect_ignore = ["benchmarks"]  # they time PyTorch, which the tests can do without
collect_ignore_glob = ["conftest.py", "*/conftest.py"]  # two of one name; they hold no examples

# The files that take minutes begin, so that no worker waits for another's at the end
LONG = ("test_site_pages", "test_lite", "test_jupyterlab", "test_grade", "test_exercises", "test_accessible")


def pytest_configure(config):
    """Let pytest-xdist hand the files out in their order, not those of many tests first."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items):
    place = {stem: i for i, stem in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path.stem, len(LONG)))


@pytest.fixture
def failing_numba(monkeypatch):
    """A Numba 0.1 that compiles nothing; what the one warning about it must say."""

    def broken(text):
        raise RuntimeError("no such target\nand more")

    monkeypatch.setattr(compiling, "_failed", [])
    monkeypatch.setattr(compiling, "available", lambda: True)
    monkeypatch.setattr(compiling, "_imported", broken)
    monkeypatch.setattr(compiling.importlib.metadata, "version", lambda name: "0.1")
    return r"^numba 0.1 cannot compile .* \(RuntimeError: no such target\): NumPy runs them"


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
