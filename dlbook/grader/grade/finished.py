"""Finished: what of an earlier run need not be judged again?

A result is kept under ``OUT/results`` with a digest of everything that it depends on: the submission, the
student's numbers, the source, the files that judge, and the course's libraries.
"""

import contextlib
import hashlib
import json
from functools import cache
from pathlib import Path

from dlbook.grader.judge import LOST
from dlbook.grader.submissions import LARGEST

_GRADER = Path(__file__).parents[1]
_RULES = (
    "rpc.py",
    "worker.py",
    "sandbox.py",
    "marking.py",
    "variants.py",
    "cells.py",
    "forks.py",
    "submissions.py",
    "curves.py",
)
LIMITS = ("cell_seconds", "seconds", "memory")


def place(out, job):
    """Where the result of a submission is kept."""
    return Path(out) / "results" / job.student / f"{job.exercise}.json"


def content(job):
    """What tells a submission from another one, or nothing if there is none."""
    path = Path(job.submission)
    with contextlib.suppress(OSError):
        about = path.lstat()
        if (
            path.is_symlink() or not path.is_file() or about.st_size > LARGEST
        ):  # a pipe or a giant is not read
            return f"{about.st_mode} {about.st_size}"
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return ""


def digest(job, content):
    """What a result depends on, in one text."""
    parts = [job.exercise, job.student, job.variant, job.unsafe, job.status, job.shows, content]
    parts += [job.yourself, job.measures]
    parts.append(_rules(job.source, tuple(job.libraries.values())))
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def kept(place):
    """The result that an earlier run left there; empty if there is none, or it is damaged."""
    with contextlib.suppress(OSError, ValueError):
        result = json.loads(place.read_text(encoding="utf-8"))
        if isinstance(result, dict) and "digest" in result:
            return result
    return {}


def would_gain(result, job):
    """Whether a longer limit could change what was lost to the clock."""
    grown = any(getattr(job, one) > before for one, before in zip(LIMITS, result.get("limits", [0] * 3)))
    return grown and any(task["status"] in LOST for task in result["tasks"])


@cache
def _rules(source, libraries):
    sums = hashlib.sha256()
    judge = sorted((_GRADER / "judge").glob("*.py"))
    for path in [Path(source), *judge, *(_GRADER / name for name in _RULES)]:
        sums.update(path.read_bytes())
    for folder in libraries:  # a library that changed may change what is right
        for path in sorted(Path(folder).rglob("*.py")):
            sums.update(path.read_bytes())
    return sums.hexdigest()
