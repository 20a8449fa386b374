"""The built site that the tests of this folder share."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest
from browsing import BOOK, visitor

BUILDER = Path(sys.executable).with_name("jupyter-book")


@pytest.fixture(scope="session")
def site():
    """The built site: a build that finds nothing changed takes seconds."""
    if not BUILDER.exists():
        pytest.skip("jupyter-book is not installed")
    (BOOK / "_build").mkdir(exist_ok=True)
    with open(BOOK / "_build" / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # pytest-xdist may have several of us
        done = subprocess.run(
            [BUILDER, "build", ".", "-W", "--keep-going"], cwd=BOOK, timeout=3600,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]
    return BOOK / "_build" / "html"


@pytest.fixture
def visit(browser, site):
    """Open a page of the site for one test."""
    yield from visitor(browser, site)
