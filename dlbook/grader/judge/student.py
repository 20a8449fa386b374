"""Student: the process in which a stranger's code runs, and the one line to it.

Everything that the judge learns of the code comes over the wire, and everything that the code learns of the
judge. The other end is `dlbook.grader.worker`; what it may do on this machine is `dlbook.grader.sandbox`'s.
"""

import importlib.util
import os
import signal

from dlbook.grader import sandbox
from dlbook.grader.forks import Forks, ForksError
from dlbook.grader.judge.job import WrongLibraryError
from dlbook.grader.rpc import EndedError, Wire

_SECONDS_TO_FORK = 10  # without an answer for so long, the sandbox is made anew


class Sandbox:
    """The sandbox of a submission. It is made anew when it has ended or something was left in it."""

    def __init__(self, job):
        self._job, self._forks = job, None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        """End the sandbox and all that runs in it."""
        if self._forks:
            self._forks.close()
            self._forks = None

    def start(self, fds, seconds):
        """Start a process for the notebook. Return its number."""
        if self._forks:
            try:
                return self._forks.start(fds, _SECONDS_TO_FORK)
            except ForksError:
                self.close()
        job = self._job
        options = {"memory": job.memory, "seconds": job.seconds, "unsafe": job.unsafe}
        self._forks = Forks(
            lambda fd: sandbox.popen(
                "dlbook.grader.worker", fd, libraries=list(job.libraries.values()), **options
            )
        )
        return self._forks.start(fds, seconds)

    def end(self, number, patience):
        """End a process. Return its exit code, or None if nobody knows it."""
        try:
            return self._forks.end(number, patience) if self._forks else None
        except ForksError:
            self.close()
            return None


class Student:
    """The process in which the student's notebook runs, and the wire to it."""

    def __init__(self, job, box, seconds):
        to_student, ours = os.pipe()
        theirs, from_student = os.pipe()
        self._box, self._ended, self._code, self._ends = box, False, None, (ours, theirs)
        try:
            self._number = box.start([to_student, from_student], seconds)
        except ForksError as error:
            for end in self._ends:
                os.close(end)
            raise EndedError(str(error)) from None
        finally:
            os.close(to_student)
            os.close(from_student)
        self.wire = Wire(theirs, ours, guarded=True, shows=job.shows)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._end(0)
        for end in self._ends:
            os.close(end)

    def _end(self, patience):
        if not self._ended:
            self._ended, self._code = True, self._box.end(self._number, patience)
        return self._code

    def why_it_ended(self):
        """Say how the process ended."""
        code = self._end(2)
        if code is None:
            return "the process stopped talking"
        if code < 0:
            return f"the process was killed ({signal.Signals(-code).name})"
        return f"the process ended with code {code}"


def places_of(names):
    """Return the file of each package that an import would find here."""
    specs = {name: importlib.util.find_spec(name) for name in names}
    return {name: spec.origin if spec else None for name, spec in specs.items()}


def check_libraries(job, places, where):
    """Raise `WrongLibraryError` if a process would import other copies of libraries than the course means."""
    for name, folder in job.libraries.items():
        found = places.get(name)
        if not found or os.path.realpath(os.path.dirname(found)) != os.path.realpath(folder):
            raise WrongLibraryError(
                f"{where} finds the library {name} in {found and os.path.dirname(found)}, not in {folder}: "
                "nothing was graded. Start the grader from another folder, or install one copy of it."
            )
