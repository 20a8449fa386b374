"""The process of the judges: ``python -m dlbook.grader.judge FD`` starts a fork for each job.

See `forks.serve`. Another process of the class's run writes the job and reads the result, both JSON.
"""

import io
import json
import os
import sys
from pathlib import Path

from dlbook.grader import forks
from dlbook.grader.cells import parse
from dlbook.grader.judge import Job, judge, unrun


def run(given, out, errors):
    """Judge the job that one file descriptor holds and write the result to another, both JSON.

    An exception on the way is a result too, of this notebook alone.
    """
    import resource  # not on Windows

    os.dup2(errors, 2)
    os.environ.pop("GRADER_STUDENT", None)  # whose numbers are meant is said by the job
    with open(given, encoding="utf-8") as file:
        job = Job(**json.load(file))
    for kind, most in [
        (resource.RLIMIT_AS, job.memory + 2**30),
        (resource.RLIMIT_CPU, int(2 * job.seconds) + 30),
    ]:
        resource.setrlimit(kind, (most, most))  # what a student sends is read here
    sys.stdout = io.StringIO()
    try:
        result = judge(job)
    except Exception as error:
        warning = f"{type(error).__name__}: {error}"
        print(warning, file=sys.stderr)
        source = parse(Path(job.source).read_text(encoding="utf-8"))
        result = unrun(source, None, "not graded", "The grader failed on this notebook; no points are lost.")
        result["failure"] = warning[:2000]
    with open(out, "w", encoding="utf-8") as file:
        json.dump(_printable(result), file)


def _printable(value):
    """A copy in which every text can be written to a file, whatever a student's bytes were."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {key: _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list) else value


if __name__ == "__main__":
    forks.serve(int(sys.argv[1]), run)
