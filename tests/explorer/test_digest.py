import re
import shutil
from pathlib import Path

import pytest

from dlbook.explorer import digest as module
from dlbook.explorer.digest import _imported, _without_magics, digest, roots

CHAPTER = ["import numpy as np\nfrom figures.splits import draw_folds\n"]


@pytest.fixture
def library(tmp_path):
    rooms = {
        "ponds/__init__.py": "",
        "ponds/water.py": "import numpy\n",
        "ponds/ducks.py": "def build():\n    from ponds import water, weeds\n",
        "ponds/weeds/__init__.py": "from .lilies import Lily\n",
        "ponds/weeds/lilies.py": "from . import leaves\n",
        "ponds/weeds/leaves.py": "",
        "figures/__init__.py": "",
        "figures/adam.py": "",
        "figures/splits.py": "from ponds.ducks import build\n",
        "single.py": "",
    }
    for name, text in rooms.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    "room, runs_again",
    [
        ("ponds/__init__.py", True), ("ponds/ducks.py", True), ("ponds/water.py", True),
        ("ponds/weeds/lilies.py", True), ("ponds/weeds/leaves.py", True), ("figures/splits.py", True),
        ("figures/adam.py", False), ("single.py", False),
    ],
)  # fmt: skip
def test_a_chapter_runs_again_when_what_it_imports_has_changed(library, room, runs_again):
    packages = roots(["ponds", "figures", "single"], library)
    before = digest(CHAPTER, packages)
    (library / room).write_text((library / room).read_text() + "changed = 1\n")
    assert (digest(CHAPTER, packages) != before) is runs_again


@pytest.mark.parametrize("name, runs_again", [("race", True), ("walk", False)])
def test_a_chapter_runs_again_when_stored_data_that_it_names_has_changed(library, name, runs_again):
    data = library / "ponds" / "results" / f"{name}.json"
    data.parent.mkdir()
    data.write_text("[1]")
    packages, chapter = roots(["ponds"], library), ['from ponds import stored\nstored("race")\n']
    before = digest(chapter, packages)
    data.write_text("[2]")
    assert (digest(chapter, packages) != before) is runs_again


@pytest.mark.parametrize(
    "code", ["from fog import ducks", "import fog", "from fog import *", "from fog import weeds"]
)
def test_what_a_package_loads_when_asked_counts_for_who_asks(library, code):
    (library / "fog").mkdir()
    lines = [
        "def __getattr__(name):",
        "    if name in ('ducks', 'geese'):",
        "        from ponds import ducks",
        "        return ducks",
        "    if name == 'weeds':",
        "        from ponds import weeds",
        "        return weeds",
    ]
    (library / "fog" / "__init__.py").write_text("\n".join(lines))
    packages = roots(["ponds", "fog"], library)
    before = digest([code], packages)
    (library / "ponds" / "ducks.py").write_text("changed = 1\n")
    assert (digest([code], packages) != before) is not code.endswith("weeds")


def test_a_package_that_the_author_does_not_name_is_not_looked_into(library):
    packages = roots(["figures"], library)
    before = digest(CHAPTER, packages)
    (library / "ponds" / "ducks.py").write_text("changed = 1\n")
    assert digest(CHAPTER, packages) == before


def test_the_digest_is_the_same_in_another_clone(library, tmp_path_factory):
    clone = tmp_path_factory.mktemp("clone") / "book"
    shutil.copytree(library, clone)
    assert digest(CHAPTER, roots(["ponds"], clone)) == digest(CHAPTER, roots(["ponds"], library))


def test_every_file_of_the_explorer_either_decides_frames_or_shows_them():
    files = {path.stem for path in Path(module.__file__).parent.glob("*.py")} - {"__init__"}
    shown = {name.rpartition(".")[2] for name in module._SHOWN_BY}
    assert files == {path.stem for path in module._DRAWN_BY} | shown


def test_magics_do_not_hide_a_chapters_imports():
    cell = "%matplotlib inline\nif True:\n    !ls\nimport ponds.ducks"
    assert _imported(_without_magics(cell), ["ponds"]) == {"ponds", "ponds.ducks", "ponds.ducks.*"}


def test_a_cell_that_is_not_python_depends_on_every_file(library):
    packages = roots(["ponds", "single"], library)
    before = digest(["SELECT * FROM ponds"], packages)
    (library / "single.py").write_text("changed = 1\n")
    assert digest(["SELECT * FROM ponds"], packages) != before


def test_an_installed_package_is_found_and_the_books_own_comes_first(library):
    found = roots(["ponds", "nbformat"], library)
    assert found["ponds"] == library and (found["nbformat"] / "nbformat" / "__init__.py").is_file()


@pytest.mark.parametrize("name", ["no_such_package", "not a name", "sys"])
def test_a_name_without_files_is_refused(library, name):
    with pytest.raises(
        ValueError, match=f"explorer_packages must name Python packages .*got '{re.escape(name)}'"
    ):
        roots([name], library)
