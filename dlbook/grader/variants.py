"""Variants: how do eighty students get eighty exercises, and the instructor one key?

A student's name seeds the numbers of the exercise. The name stands in the notebook's first code cell, where
`make release` or the student writes it; a reader's own copy says ``"anyone"``. Capitals and spaces do not
matter. Where all students get the same file (a hub with nbgrader's exchange), the environment variable
``GRADER_STUDENT`` names the student instead. A student's numbers say whose they are when they are shown, so
what a student saw can be read in what was handed in: see `shown`.
"""

import hashlib
import os
import re
from types import SimpleNamespace

import numpy as np

from dlbook.grader.people import folded

_SHOWN = re.compile(r"^numbers of (.+?): \w+ = ", re.MULTILINE)


def seeded(exercise, student):
    """Return the generator that belongs to a student and an exercise: the same on every machine."""
    digest = hashlib.sha256(f"{exercise}\n{folded(_meant(student))}".encode()).digest()
    return np.random.default_rng(list(digest))


def _meant(student):
    return os.environ.get("GRADER_STUDENT", student) if student == "anyone" else student


class Numbers(SimpleNamespace):
    """A student's own numbers. They say whose they are."""

    __slots__ = ("_student",)  # not among the numbers

    def __init__(self, student, **drawn):
        super().__init__(**drawn)
        self._student = student

    def __repr__(self):
        drawn = ", ".join(f"{name} = {value!r}" for name, value in vars(self).items())
        return f"numbers of {self._student}: {drawn}"


def shown(text):
    """Return whose numbers a cell's output shows, or None.

    Examples
    --------
    >>> shown(repr(variant("adam", "Ada Lovelace", n=[3])))
    'Ada Lovelace'
    """
    found = _SHOWN.findall(text)
    return found[-1] if found else None


def variant(exercise, student, **choices):
    """Draw a student's own parameters.

    Parameters
    ----------
    exercise, student : str
        They seed the draw.
    **choices : sequence
        Each parameter's possible values, all equally likely.

    Returns
    -------
    Numbers
        One value for each parameter. Its repr is shown to the student.

    Examples
    --------
    >>> variant("initialization", "anyone", width=range(100, 300), depth=[5, 10, 20])
    numbers of anyone: width = 113, depth = 10
    >>> variant("initialization", "anyone", width=[])
    Traceback (most recent call last):
    ValueError: width needs at least one value to choose from
    """
    rng = seeded(exercise, student)
    drawn = {}
    for name, values in choices.items():
        if len(values) == 0:
            raise ValueError(f"{name} needs at least one value to choose from")
        drawn[name] = values[int(rng.integers(len(values)))]
    return Numbers(_meant(student), **drawn)
