"""The built site that the tests of this folder share."""

import fcntl
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from browsing import BOOK, visitor

BUILDER = Path(sys.executable).with_name("jupyter-book")


@pytest.fixture(scope="session")
def site():
    """The built site: a build that finds nothing changed takes seconds, and one worker is enough for it."""
    if not BUILDER.exists():
        pytest.skip("jupyter-book is not installed")
    (BOOK / "_build").mkdir(exist_ok=True)
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(uuid.uuid4()))
    with open(BOOK / "_build" / ".lock", "a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        if lock.read() != run:
            done = subprocess.run(
                [sys.executable, "-m", "dlbook.site"], cwd=BOOK, timeout=3600,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout[-6000:]
            lock.truncate(0)
            lock.write(run)
    return BOOK / "_build" / "html"


@pytest.fixture
def visit(browser, site):
    """Open a page of the site for one test."""
    yield from visitor(browser, site)
