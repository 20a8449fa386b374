"""Curves: the runs whose numbers the exercises show, and the signs by which a reader tells them apart.

A function of an exercise's name makes its runs. Beside it, ``of_<exercise>`` takes the curves of one run and
gives for each name the signs of that run: they are there where they are above 1.
"""

from curves import descending, measuring, networks, signals

_ROOMS = (descending, measuring, networks, signals)
MEASURED = {name: make for room in _ROOMS for name, make in room.MEASURED.items()}
SIGNS = {name: signs for room in _ROOMS for name, signs in room.SIGNS.items()}
