"""What the grader's tests share: sandboxes that have started already."""

import pytest

from dlbook.grader.judge import rounds
from dlbook.grader.judge.student import Sandbox


@pytest.fixture(scope="session")
def started_sandboxes():
    """The sandboxes that stand by, by the limits that they were started with."""
    standing = {}
    yield standing
    for box in standing.values():
        box.close()


@pytest.fixture
def warm(started_sandboxes, monkeypatch):
    """Let notebooks with the same limits be run by forks of one sandbox, one notebook after the other.

    A sandbox is made anew after a notebook that left something in it: see test_student, which does without.
    """

    class Warm(Sandbox):
        def __init__(self, job):
            super().__init__(job)
            self._limits = job.memory, job.seconds, job.unsafe, *job.libraries.values()
            if self._limits in started_sandboxes:
                self._forks = started_sandboxes.pop(self._limits)._forks

        def __exit__(self, *error):
            if self._forks:
                started_sandboxes[self._limits] = self

    monkeypatch.setattr(rounds, "Sandbox", Warm)
