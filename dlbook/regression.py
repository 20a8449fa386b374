"""Regression: what of a chapter's run may differ from its stored text?

A pytest plugin beside nbval, named in the settings of pytest (`-p dlbook.regression`). It pins the arithmetic
of the kernels, and what another package says about the machine on stderr (`dlbook.notebooks.NOTICES`) does
not count as the chapter's text. A warning that the chapter's own numbers cause still fails the test.
"""

import os

from dlbook.notebooks import without_notices
from dlbook.reproducible import PINNED


def pytest_configure(config):
    """Let the kernels and processes that tests start compute alike on every machine."""
    os.environ.update(PINNED)
    os.environ["MPLBACKEND"] = "agg"


def pytest_itemcollected(item):
    """Compare a notebook's cell without the notices of packages."""
    compare = getattr(item, "compare_outputs", None)  # a cell of nbval's
    if compare is not None:
        item.compare_outputs = lambda test, ref, *more: compare(without_notices(test), ref, *more)
