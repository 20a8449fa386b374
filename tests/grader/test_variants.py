"""Variants: a name's own numbers, the same everywhere."""

import subprocess
import sys

import numpy as np
import pytest

from dlbook.grader import seeded, variant


def test_a_name_gives_the_same_numbers_in_another_process():
    code = "from dlbook.grader import variant; print(variant('adam', 'Zoë', n=range(10**6)).n)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(printed) == variant("adam", "Zoë", n=range(10**6)).n


def test_names_and_exercises_differ():
    draws = {(e, s): variant(e, s, n=range(10**9)).n for e in ("adam", "bugs") for s in ("ann", "bob", "")}
    assert len(set(draws.values())) == len(draws)


def test_every_choice_is_met_about_equally_often():
    drawn = [variant("adam", f"student {i}", depth=[5, 10, 20]).depth for i in range(600)]
    assert set(drawn) == {5, 10, 20}
    assert min(drawn.count(depth) for depth in (5, 10, 20)) > 150


def test_values_keep_their_type():
    my = variant("adam", "ann", rate=[0.1], name=["tanh"], width=range(3, 4))
    assert (type(my.rate), my.name, my.width) == (float, "tanh", 3)


def test_the_generator_is_the_student_s_own():
    assert np.array_equal(seeded("adam", "ann").normal(size=3), seeded("adam", "ann").normal(size=3))
    assert not np.array_equal(seeded("adam", "ann").normal(size=3), seeded("adam", "bob").normal(size=3))


def test_nothing_to_choose_from_is_refused():
    with pytest.raises(ValueError, match="width needs at least one value"):
        variant("adam", "ann", width=[])
