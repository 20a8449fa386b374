"""The tests' surroundings: `dlbook.regression`, a plugin of pytest, pins what their processes compute."""

collect_ignore = ["benchmarks"]  # they time PyTorch, which the tests can do without
collect_ignore_glob = ["conftest.py", "*/conftest.py"]  # two of one name; they hold no examples
