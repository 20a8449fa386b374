"""Notebooks that people have import from `dlcore.book`: it works, and says where the thing lives now."""

import importlib
import subprocess
import sys

import pytest

OLD_AND_NEW = [
    ("dlcore.book", "explore", "dlbook.explore"),
    ("dlcore.book", "show", "dlbook.show"),
    ("dlcore.book", "replicated", "dlbook.replicated"),
    ("dlcore.book", "style", "dlbook.explorer.style"),
    ("dlcore.book", "bugs", "dlbook.bugs"),
    ("dlcore.book.exercises", "expect", "dlbook.grader.expect"),
    ("dlcore.book.exercises", "kills", "dlbook.grader.kills"),
    ("dlcore.book.exercises", "variant", "dlbook.grader.variant"),
    ("dlcore.book.exercises", "seeded", "dlbook.grader.seeded"),
    ("dlcore.book.figures", "momentum", "dlbook.figures.momentum"),
]


@pytest.mark.parametrize("module, name, new", OLD_AND_NEW, ids=lambda value: value)
def test_an_old_name_leads_to_the_same_thing_and_says_where_it_lives_now(module, name, new):
    with pytest.warns(DeprecationWarning, match=rf"{module}.{name} has moved: use {new}$") as told:
        found = getattr(importlib.import_module(module), name)
    place, _, last = new.rpartition(".")
    expected = getattr(importlib.import_module(place), last, None) or importlib.import_module(new)
    assert found is expected
    assert told[0].filename == __file__  # the reader's own line is named, not the door's


@pytest.mark.parametrize("module", ["dlcore.book", "dlcore.book.exercises", "dlcore.book.figures"])
def test_a_name_that_never_was_is_refused_with_the_new_place(module):
    with pytest.raises(AttributeError, match=r"has no attribute 'nonsense'; .* dlbook"):
        _ = importlib.import_module(module).nonsense


def test_the_library_does_not_load_the_books_tools():
    code = "import sys, dlcore, dlcore.search, dlcore.training, dlcore.book; print('dlbook' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
