"""What the grader's tests share: processes that have started already, and a solution that was rehearsed."""

import shutil

import pytest
from classes import Class

from dlbook.grader.forks import Forks
from dlbook.grader.grade import crew
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


@pytest.fixture(scope="session")
def started_judges():
    """The process that judges are forks of, once a run has started it."""
    standing = []
    yield standing
    for forks in standing:
        Forks.close(forks)


@pytest.fixture
def warm_judges(started_judges, monkeypatch):
    """Let the judges of all runs be forks of one process."""

    class Warm(Forks):
        def close(self):
            """Stand by for the next run."""

    def forks(popen):
        if not started_judges or started_judges[0].process.poll() is not None:
            started_judges[:] = [Warm(popen)]
        return started_judges[0]

    monkeypatch.setattr(crew, "Forks", forks)


@pytest.fixture(scope="session")
def rehearsed(tmp_path_factory):
    """What a run keeps of the small exercise once its solution has earned all points on this machine."""
    klass = Class(tmp_path_factory.mktemp("rehearsed"))
    klass.hand_in("ann")
    klass.grade()
    return klass.out / "results" / ".small.json"


@pytest.fixture
def klass(tmp_path, rehearsed):
    """A class whose exercise need not be rehearsed again, as in the second run of a real one."""
    one = Class(tmp_path)
    (one.out / "results").mkdir(parents=True)
    shutil.copy(rehearsed, one.out / "results")
    return one
