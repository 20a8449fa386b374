"""Variants: how do eighty students get eighty exercises, and the instructor one key?

A student's name seeds the numbers of the exercise. The name stands in the notebook's first cell, where `make
release` writes it; a reader's own copy says ``"anyone"``. Where all students get the same file (a hub with
nbgrader's exchange), the environment variable ``GRADER_STUDENT`` names the student instead.
"""

import hashlib
import os
import unicodedata
from types import SimpleNamespace

import numpy as np


def seeded(exercise, student):
    """Return the generator that belongs to a student and an exercise: the same on every machine."""
    if student == "anyone":
        student = os.environ.get("GRADER_STUDENT", student)
    student = unicodedata.normalize("NFC", student)  # one name, however a system composes its letters
    digest = hashlib.sha256(f"{exercise}\n{student}".encode()).digest()
    return np.random.default_rng(list(digest))


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
    SimpleNamespace
        One value for each parameter. Its repr can be shown to the student, and is what the instructor's key
        records.

    Examples
    --------
    >>> variant("initialization", "anyone", width=range(100, 300), depth=[5, 10, 20])
    namespace(width=113, depth=10)
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
    return SimpleNamespace(**drawn)
