"""Exercises: how does a notebook grade itself, and a class in an evening?

A student's notebook imports `expect`, `kills`, `variant` and `Curves` from here. The rest is the
instructor's: `release` makes the students' notebooks from the sources, `grade` runs and judges what comes
back.
"""

from dlbook.grader.curves import Curves
from dlbook.grader.marking import expect, kills
from dlbook.grader.variants import seeded, variant

__all__ = ["Curves", "expect", "kills", "seeded", "variant"]
