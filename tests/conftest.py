"""The tests' surroundings: `dlbook.regression`, a plugin of pytest, pins what their processes compute."""

collect_ignore = ["benchmarks"]  # they time PyTorch, which the tests can do without
