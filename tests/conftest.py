"""The tests' surroundings: kernels and processes that tests start compute alike on every machine."""

import os

from dlbook.reproducible import PINNED

os.environ.update(PINNED)
os.environ["MPLBACKEND"] = "agg"

collect_ignore = ["benchmarks"]  # they time PyTorch, which the tests can do without
