"""Imports point downwards, and every room of the house has its test."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = [
    {"checks"},
    {"initialization", "optimizers", "schedules", "losses", "metrics", "splits", "data", "gradient_check"},
    {"layers", "recurrent", "normalization", "regularization"},
    {"network"},
    {"training"},
    {"search"},
    {"book"},
]
FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
ALLOWED_BELOW_THE_BOOK = {"numpy", "joblib", "tqdm"}
STANDARD = {
    "abc", "bisect", "collections", "contextlib", "dataclasses", "functools", "gzip", "hashlib", "heapq",
    "inspect", "io", "itertools", "json", "math", "numbers", "os", "pathlib", "signal", "struct", "sys",
    "tempfile", "time", "traceback", "typing", "warnings", "zipfile", "zlib",
}  # fmt: skip
SOURCES = sorted(p for p in (ROOT / "dlcore").rglob("*.py") if p != ROOT / "dlcore/__init__.py")


def room_of(path):
    return path.relative_to(ROOT / "dlcore").parts[0].removesuffix(".py")


def imported(room, source):
    """Every module that a file of a room imports: ``from dlcore import checks`` is ``dlcore.checks``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield f"dlcore.{room}"
            elif node.module == "dlcore":
                yield from (f"dlcore.{alias.name}" for alias in node.names)
            else:
                yield node.module


def faults(room, source):
    """What is wrong with the imports of one file of a room."""
    for name in imported(room, source):
        package, *rest = name.split(".")
        if package == "dlcore":
            target = rest[0]
            if target != room and FLOOR[target] >= FLOOR[room]:
                yield f"{room} imports {target}, which is not below it"
        elif room != "book" and package not in ALLOWED_BELOW_THE_BOOK | STANDARD:
            yield f"{room} imports {package}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_downwards(path):
    assert room_of(path) in FLOOR, "a room without a floor: add it to FLOORS"
    assert list(faults(room_of(path), path.read_text())) == []


def test_an_upward_or_foreign_import_would_be_found():
    assert list(faults("layers", "from dlcore import network")) == ["layers imports network, which is not below it"]
    assert list(faults("losses", "from dlcore.training import fit")) != []
    assert list(faults("layers", "from dlcore.normalization import BatchNorm")) != []
    assert list(faults("layers", "def f():\n    import scipy.special")) == ["layers imports scipy"]
    assert list(faults("book", "import matplotlib")) == []


def rooms_to_test():
    for path in SOURCES:
        parts = path.relative_to(ROOT / "dlcore").parts
        if parts[0] != "book":
            yield parts[0].removesuffix(".py")
        elif parts[1:2] == ("figures",) and path.stem != "__init__":
            yield f"figures_{path.stem}"
        elif path.stem not in ("__init__", "figures"):
            yield path.stem


@pytest.mark.parametrize("room", sorted(set(rooms_to_test())))
def test_every_room_has_its_test(room):
    assert (ROOT / "tests" / f"test_{room}.py").is_file()


@pytest.mark.parametrize("chapter", sorted((ROOT / "chapters").glob("*.ipynb")), ids=lambda p: p.stem)
def test_every_chapter_keeps_its_drawing_code_in_the_room_of_its_name(chapter):
    if chapter.stem != "index":  # the first page borrows from a chapter
        assert (ROOT / "dlcore/book/figures" / f"{chapter.stem}.py").is_file()
    assert "matplotlib" not in chapter.read_text()


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_opens_with_what_it_is_for(path):
    assert (ast.get_docstring(ast.parse(path.read_text())) or "").strip()
