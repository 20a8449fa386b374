"""Imports point downwards, no two files import each other, and every room of the house has its test."""

import ast
import functools
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARY = [
    {"checks", "base", "compiling"},
    {"initialization", "optimizers", "schedules", "losses", "metrics", "splits", "data", "gradient_check"},
    {"layers", "recurrent", "normalization", "regularization", "attention"},
    {"network"},
    {"training"},
    {"search"},
]
TOOLS = [
    {
        "explorer",
        "grader",
        "reproducible",
    },  # two tools that any other book or course can use, and pinned arithmetic
    {"sentences"},
    {"notebooks"},
    {"replications", "references", "bugs", "figures", "side_by_side"},
    {"plain", "regression", "outdated", "together"},
    {"lite"},
    {"site"},
    {"reading"},
]
FLOOR = {("dlcore", room): level for level, rooms in enumerate(LIBRARY) for room in rooms}
FLOOR |= {("dlbook", room): len(LIBRARY) + level for level, rooms in enumerate(TOOLS) for room in rooms}
DOORS = {"dlcore.book"}  # the old names of dlbook: they alone look upwards
ALLOWED_IN_THE_LIBRARY = {"numpy", "joblib", "tqdm"}
STANDARD = {
    "abc", "bisect", "collections", "contextlib", "copy", "dataclasses", "functools", "gzip", "hashlib",
    "heapq", "importlib", "inspect", "io", "itertools", "json", "math", "numbers", "operator", "os",
    "pathlib", "signal", "stat", "statistics", "struct", "sys", "tempfile", "time", "traceback", "types",
    "typing", "warnings", "weakref", "zipfile", "zlib",
}  # fmt: skip


def module_of(path):
    """``dlcore/search/__init__.py`` is ``dlcore.search``."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {
    module_of(path): path.read_text(encoding="utf-8")
    for package in ("dlcore", "dlbook")
    for path in sorted((ROOT / package).rglob("*.py"))
}


def imported(module, source, known):
    """Yield every module that a file imports, at its top or inside a function.

    ``from dlcore import checks`` is ``dlcore.checks``; a package's own file counts for itself only where
    nothing more exact is named.
    """
    package = module if any(name.startswith(f"{module}.") for name in known) else module.rpartition(".")[0]
    for node in imports_in(source):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        else:
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*above, node.module] if node.module else above)
            for alias in node.names:
                yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base


@functools.cache
def imports_in(source):
    """The import statements of a file, wherever in it; a planted one leaves the other files as they were."""
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.Import, ast.ImportFrom))]


def room_of(module):
    """The package and the room: ``dlcore.search.spaces`` is in ``search``, ``dlbook`` itself is the roof."""
    package, _, rest = module.partition(".")
    return package, rest.partition(".")[0]


def faults(sources):
    """What is wrong with the imports of a house, given as text by module."""
    wanted = {module: set(imported(module, source, sources)) for module, source in sources.items()}
    for module, names in wanted.items():
        package, room = room_of(module)
        if not room or f"{package}.{room}" in DOORS:
            continue
        if (package, room) not in FLOOR:
            yield f"{module} is in a room without a floor: add it to LIBRARY or TOOLS"
            continue
        for name in sorted(names):
            other, target = room_of(name)
            if other not in ("dlcore", "dlbook"):
                if package == "dlcore" and other not in ALLOWED_IN_THE_LIBRARY | STANDARD:
                    yield f"{module} imports {other}"
            elif name == "dlcore":  # where it is, not what is in it
                continue
            elif (other, target) not in FLOOR:
                yield f"{module} imports {name}, which no room may"
            elif (other, target) != (package, room) and FLOOR[other, target] >= FLOOR[package, room]:
                yield f"{module} imports {name}, which is not below it"
            elif module.startswith("dlbook.figures.") and name.startswith("dlbook.figures."):
                yield f"{module} imports {name}: what two chapters draw belongs into the explorer's style"
    yield from (f"a circle: {' -> '.join(circle)}" for circle in circles(wanted))


def circles(wanted):
    """Yield the circles in a graph of modules, each once."""
    done, path = set(), []

    def visit(module):
        if module in path:
            yield [*path[path.index(module) :], module]
        elif module not in done:
            path.append(module)
            for name in sorted(wanted.get(module, ())):
                if name in wanted:
                    yield from visit(name)
            path.pop()
            done.add(module)

    for module in sorted(wanted):
        yield from visit(module)


def test_imports_point_downwards_and_never_in_a_circle():
    assert list(faults(SOURCES)) == []


@pytest.mark.parametrize(
    "module, planted, complaint",
    [
        ("dlcore.layers", "from dlcore import network", "which is not below it"),
        ("dlcore.losses", "from dlcore.training import fit", "which is not below it"),
        (
            "dlcore.layers",
            "def f():\n    from dlcore.normalization import BatchNorm",
            "which is not below it",
        ),
        ("dlcore.layers", "def f():\n    import scipy.special", "imports scipy"),
        ("dlcore.training", "from dlbook.explorer import style", "which is not below it"),
        ("dlbook.explorer.style", "from dlbook.figures import adam", "which is not below it"),
        ("dlbook.explorer.style", "from dlbook.explorer import renderer", "a circle"),
        ("dlbook.explorer.frames", "def f():\n    from . import prerender", "a circle"),
        ("dlbook.grader.cells", "from dlbook.grader.judge import judge", "a circle"),
        ("dlbook.grader.rpc", "from dlbook.notebooks import METADATA", "which is not below it"),
        ("dlbook.figures.adam", "from dlbook.figures.momentum import draw_plane", "what two chapters draw"),
        ("dlbook.figures.adam", "from dlbook.site import setup", "which is not below it"),
        ("dlbook.cellar", "", "without a floor"),
    ],
)
def test_a_planted_import_would_be_found(module, planted, complaint):
    planted = SOURCES | {module: SOURCES.get(module, "") + "\n" + planted}
    found = list(faults(planted))
    assert found and any(complaint in fault for fault in found), found


TESTS = {path.stem for path in (ROOT / "tests").rglob("test_*.py")}


def rooms_to_test():
    """The library's rooms have a test each, the tools' files and each chapter's drawings too."""
    for module in SOURCES:
        package, room = room_of(module)
        if not room or f"{package}.{room}" in DOORS:
            continue
        last = module.rpartition(".")[2]
        if package == "dlcore":
            yield room
        elif room == "figures" and last != room:
            yield f"figures_{last}"
        elif room == "replications":
            yield room
        elif (
            module not in ("dlbook.explorer", "dlbook.grader", "dlbook.figures", "dlbook.lite")
            and last != "__main__"
        ):
            yield last


@pytest.mark.parametrize("room", sorted(set(rooms_to_test())))
def test_every_room_has_its_test(room):
    assert f"test_{room}" in TESTS


@pytest.mark.parametrize("chapter", sorted((ROOT / "chapters").glob("*.ipynb")), ids=lambda p: p.stem)
def test_every_chapter_keeps_its_drawing_code_in_the_room_of_its_name(chapter):
    if chapter.stem != "index":  # the first page borrows from a chapter
        assert (ROOT / "dlbook/figures" / f"{chapter.stem}.py").is_file()
    assert "matplotlib" not in chapter.read_text(encoding="utf-8")


@pytest.mark.parametrize("module", SOURCES)
def test_a_file_opens_with_what_it_is_for(module):
    assert (ast.get_docstring(ast.parse(SOURCES[module])) or "").strip()
