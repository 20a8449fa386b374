"""Digest: has anything changed that decides what a chapter's code gives?

A chapter runs again when its own code changes (jupyter-cache sees that) or a module that it imports, directly
or through others, from the packages that the book's author names. So a change of one module runs the chapters
that use it and no other. So does a change of a package's JSON file that the chapter's code names, as in
`stored("notes_race")`.
"""

import ast
import hashlib
import importlib.util
import platform
import re
from importlib.metadata import version
from pathlib import Path

_HERE = Path(__file__).parent
# what decides a frame, whatever a chapter imports
_DRAWING = ("explorer", "controls", "prerender", "frames", "layout", "svg", "style", "numbers", "guessing")
_DRAWN_BY = [_HERE / f"{name}.py" for name in _DRAWING]
# what shows pictures and decides none
_SHOWN_BY = {
    f"{__package__}.{name}"
    for name in ("extension", "renderer", "names", "captions", "embed", "digest", "kept", "live")
}


def roots(packages, folder):
    """Return for each named package the folder that holds it: the book's own, or where it is installed.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    found = {}
    for package in packages:
        place = Path(folder, package)
        if place.is_dir() or place.with_suffix(".py").is_file():
            found[package] = Path(folder)
            continue
        spec = importlib.util.find_spec(package) if package.isidentifier() else None
        if spec is None or spec.origin in (None, "built-in", "frozen"):
            raise ValueError(
                "explorer_packages must name Python packages that are installed or in the book's folder, "
                f"got {package!r}"
            )
        origin = Path(spec.origin)
        found[package] = origin.parents[1] if origin.stem == "__init__" else origin.parent
    return found


def digest(code, roots):
    """Return a digest of all that decides the outputs of a chapter besides the chapter itself.

    Parameters
    ----------
    code : list of str
        The chapter's code cells.
    roots : dict
        The folder of each package that is looked into, from `roots`.
    """
    sums = hashlib.sha256(platform.python_version().encode())
    for package in ("numpy", "matplotlib"):
        sums.update(f"{package} {version(package)}\n".encode())
    files = {path.relative_to(_HERE.parent): path for path in _DRAWN_BY}
    behind = _files_behind(code, roots)
    files |= {path.relative_to(root): path for root, path in {*behind, *_data_behind(code, behind)}}
    for name, path in sorted(files.items()):
        sums.update(name.as_posix().encode() + b"\0" + path.read_bytes())
    return sums.hexdigest()[:16]


def _files_behind(code, roots):
    try:
        waiting = [name for cell in code for name in _imported(_without_magics(cell), roots)]
    except SyntaxError:  # the cell of another language, or one that will fail: any file may matter
        return {(root, path) for package, root in roots.items() for path in _all_of(root, package)}
    seen, files = set(), set()
    while waiting:
        name = waiting.pop()
        if name in seen or name in _SHOWN_BY:
            continue
        seen.add(name)
        root = roots[name.partition(".")[0]]
        place = root.joinpath(*name.split("."))
        found = [path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()]
        for path in found:
            files.add((root, path))
            package = name if path.stem == "__init__" else name.rpartition(".")[0]
            waiting += _imported(path.read_text(encoding="utf-8"), roots, package)
        package, _, attribute = name.rpartition(".")
        home = root.joinpath(*package.split("."), "__init__.py")
        if package and not found and home.is_file():  # `from package import attribute`
            waiting += _imported(home.read_text(encoding="utf-8"), roots, package, attribute)
    return files


def _data_behind(code, files):
    """The JSON files that the code names, in the packages that it imports and in their plain folders."""
    named = set(re.findall(r"\w+", "\n".join(code)))
    packages = [(root, path.parent) for root, path in files if path.stem == "__init__"]
    return {
        (root, data)
        for root, package in packages
        for data in [*package.glob("*.json"), *package.glob("*/*.json")]
        if data.stem in named
    }


def _all_of(root, package):
    return [*(root / package).rglob("*.py"), *root.glob(f"{package}.py")]


def _imported(code, packages, package="", attribute=None):
    """Return the modules of the named packages that source in `package` may import, with their parents.

    What `__getattr__` imports in `if name == "attribute":` counts only for who imports that attribute.
    """
    tree, names, branches = ast.parse(code), set(), []
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and function.name == "__getattr__":
            branches += [node for node in function.body if isinstance(node, ast.If)]
            function.body = [node for node in function.body if not isinstance(node, ast.If)]
    if attribute:
        asked = [node for node in branches if attribute in ("*", *_texts(node.test))]
        tree.body = [statement for node in asked for statement in node.body]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):  # any name may be asked of it later
            names.update(name for alias in node.names for name in (alias.name, f"{alias.name}.*"))
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: 1 - node.level or None] if node.level else []
            module = ".".join([*above, node.module] if node.module else above)
            names.update([module, *(f"{module}.{alias.name}" for alias in node.names)])
    parts = [name.split(".") for name in names if name.split(".")[0] in packages]
    return {".".join(part[:n]) for part in parts for n in range(1, len(part) + 1)}


def _texts(node):
    return [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]


def _without_magics(cell):
    """Return a cell's Python without IPython's % and ! lines, which keep their place in the indentation."""
    lines = cell.splitlines()
    return "\n".join(
        f"{line[: len(line) - len(line.lstrip())]}pass" if line.lstrip()[:1] in ("%", "!") else line
        for line in lines
    )
