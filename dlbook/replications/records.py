"""Records: what is stored of the experiments that take longer than a page may?

Each experiment in `dlbook/replications/experiments` has a file of its records in
`dlbook/replications/results`, which `dlbook.replications.full` writes. Reading checks it: a file that is
damaged, or was made by other code than the experiment's, is refused.
"""

import ast
import hashlib
import importlib.util
import itertools
import json
import numbers
from datetime import date
from pathlib import Path

import numpy as np

from dlcore import checks
from dlcore.search import Sweep

EXPERIMENTS = Path(__file__).parent / "experiments"
RESULTS = Path(__file__).parent / "results"


class NotRunError(RuntimeError):
    """An experiment has no stored result, or not all of it."""


class StaleError(ValueError):
    """A stored result is damaged, or is not what its experiment computes."""


def names():
    """Return the names of all experiments, sorted."""
    return sorted(path.stem for path in EXPERIMENTS.glob("*.py") if not path.stem.startswith("_"))


def experiment(name):
    """Return the module of an experiment.

    Raises
    ------
    ValueError
        If there is none of this name, or it lacks a part.
    """
    if name not in names():
        raise ValueError(f"name must be one of {', '.join(names())}, got {name!r}")
    module = importlib.import_module(f"dlbook.replications.experiments.{name}")
    missing = [part for part in ("AXES", "SEEDS", "CHECK", "run") if not hasattr(module, part)]
    if missing:
        raise ValueError(f"experiment {name} must have AXES, SEEDS, CHECK and run; missing: {missing}")
    return module


def stored(name):
    """Return the stored result of an experiment.

    Parameters
    ----------
    name : str
        Of the file in `dlbook/replications/experiments`.

    Returns
    -------
    Sweep
        With the experiment's axes and seeds, as `dlcore.search.sweep` returns it:
        ``stored("adam_logistic")["loss"].at(method="Adam")`` has one entry for each seed.

    Raises
    ------
    NotRunError
        If records are missing; the message says how many, and the command that runs them.
    StaleError
        If the file is damaged, or was made by other code than the experiment's.
    """
    module, records = experiment(name), read(name)["records"]
    ended = {key_of(record["setting"], record["seed"]): record["result"] for record in records}
    settings, seeds = settings_of(module), seeds_of(module)
    left = sum(key_of(setting, seed) not in ended for setting in settings for seed in seeds)
    if left:
        raise NotRunError(
            f"{name}: {left} of {len(settings) * len(seeds)} records are missing; {command(name)}"
        )
    table = np.empty(len(settings), dtype=object)
    for i, setting in enumerate(settings):
        rows = [ended[key_of(setting, seed)] for seed in seeds]
        table[i] = {part: np.array([row[part] for row in rows]) for part in rows[0]}
    axes = {axis: tuple(values) for axis, values in module.AXES.items()}
    return Sweep(axes, seeds, table.reshape([len(values) for values in axes.values()]))


def cost(name):
    """Return what a stored result took and when it was made: seconds, first day, last day."""
    records = read(name)["records"]
    days = sorted(record["date"] for record in records)
    return sum(record["seconds"] for record in records), days[0], days[-1]


def is_stored(name):
    """Whether all records of an experiment are stored."""
    try:
        stored(name)
    except NotRunError:
        return False
    return True


def read(name, *, of_any_code=False):
    """Return the content of an experiment's result file, checked.

    With `of_any_code` it may have been made by other code than the experiment's.

    Raises
    ------
    NotRunError
        If there is no file.
    StaleError
        If it is no JSON, lacks a part, names settings that the experiment does not have, or was made by
        other code.
    """
    path = RESULTS / f"{name}.json"
    if not path.exists():
        raise NotRunError(f"{name} was not run yet; {command(name)}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        records = content["records"]
        for record in records:
            if set(record) != {"setting", "seed", "result", "seconds", "date"} or not record["result"]:
                raise KeyError(f"a record with {sorted(record)}")
            date.fromisoformat(record["date"])
            if not all(map(_is_numeric, record["result"].values())) or not record["seconds"] >= 0:
                raise ValueError(f"a record that holds other things than numbers: {record['setting']}")
        code, kept = content["code"], content["experiment"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StaleError(
            f"{path.name} is damaged ({type(error).__name__}: {error}); delete it and run it again"
        ) from error
    if kept != name:
        raise StaleError(f"{path.name} holds the result of {kept!r}")
    axes = set(experiment(name).AXES)
    for record in records:
        if set(record["setting"]) != axes:
            raise StaleError(
                f"{path.name} has the setting {record['setting']}, but the axes are {sorted(axes)}"
            )
    if code != digest(name) and not of_any_code:
        raise StaleError(
            f"{path.name} was made by other code than experiments/{name}.py; delete it and run it again, or,"
            f" where the change touches no number: python -m dlbook.replications.full --keep {name}"
        )
    return content


def digest(name):
    """Return a digest of the code that computes an experiment's records.

    It covers `run` (and `run_together`) and all that they use: the file's own names, and those that it takes
    with `from` out of other files of the experiments' folder, with what these use. What only says how much is
    run, what is compared and what is said about it does not count, nor do comments, docstrings, white space.
    """
    left, seen, trees, found = [(name, "run"), (name, "run_together")], set(), {}, {}
    while left:
        file, wanted = left.pop()  # None is all that the file holds
        if (file, wanted) in seen:
            continue
        seen.add((file, wanted))
        if file not in trees:
            tree = ast.parse((EXPERIMENTS / f"{file}.py").read_text(encoding="utf-8"))
            trees[file], found[file] = (tree, dict(_taken(tree))), []
        tree, taken = trees[file]
        left += [taken[wanted]] if wanted in taken else []
        for node in tree.body:
            if (wanted is None or wanted in _bound(node)) and node not in found[file]:
                found[file].append(node)
                left += _uses(node, file, taken)
    others = sorted(set(found) - {name})
    code = "".join(_code(file, trees[file][0], found[file]) for file in [name, *others])
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def _taken(tree):
    """Yield each name that a file takes out of the experiments' folder: ``(name, (file, its name there))``.

    The second name is None where the file itself is taken.

    Raises
    ------
    ValueError
        If it takes something in a way that is not followed.
    """
    package = f"{__package__}.experiments"
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(alias.name.startswith(package) for alias in node.names):
            raise ValueError(f"take files of {package} with `from ... import`, got {ast.unparse(node)!r}")
        if isinstance(node, ast.ImportFrom):
            source = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            for alias in node.names:
                if f"{source}.{alias.name}" == package or (source.startswith(package) and alias.name == "*"):
                    raise ValueError(f"name what is taken out of {package}, got {ast.unparse(node)!r}")
                if source == package:
                    yield alias.asname or alias.name, (alias.name, None)
                elif source.startswith(f"{package}."):
                    yield alias.asname or alias.name, (source.removeprefix(f"{package}."), alias.name)


def _uses(node, file, taken):
    """Yield what a piece of code uses, as pairs of a file and a name; of a file that it hands on, None."""
    at = node.value.id if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) else None
    if at in taken and taken[at][1] is None:
        yield taken[at][0], node.attr
        return
    if isinstance(node, ast.Name):
        yield file, node.id
    for child in ast.iter_child_nodes(node):
        yield from _uses(child, file, taken)


def _code(file, tree, found):
    """The text of statements at the top of a file, without comments, docstrings and white space."""
    lines, dropped = (EXPERIMENTS / f"{file}.py").read_text(encoding="utf-8").splitlines(), set()
    for node in ast.walk(tree):
        first = next(iter(body), None) if isinstance(body := getattr(node, "body", None), list) else None
        if isinstance(first, ast.Expr) and isinstance(getattr(first.value, "value", None), str):
            dropped |= set(range(first.lineno, first.end_lineno + 1))
    begins = {
        node: min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]) for node in found
    }
    kept = [
        lines[i - 1]
        for node in sorted(found, key=begins.get)
        for i in range(begins[node], node.end_lineno + 1)
        if i not in dropped and not lines[i - 1].lstrip().startswith("#")
    ]
    return "".join("".join(kept).split())


def _bound(node):
    """The names that a statement at the top of a file binds."""
    found = set()
    for part in ast.walk(node) if isinstance(node, (ast.Try, ast.If)) else [node]:
        if isinstance(part, (ast.FunctionDef, ast.ClassDef)):
            found.add(part.name)
        elif isinstance(part, (ast.Import, ast.ImportFrom)):
            found |= {alias.asname or alias.name.partition(".")[0] for alias in part.names}
        elif isinstance(part, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            targets = part.targets if isinstance(part, ast.Assign) else [part.target]
            parts = [name for target in targets for name in ast.walk(target)]
            found |= {name.id for name in parts if isinstance(name, ast.Name)}
    return found


def command(name):
    """The command that runs an experiment, as part of a message."""
    return f"run: python -m dlbook.replications.full {name}"


def seeds_of(module):
    """The seeds of an experiment, a tuple."""
    seeds = module.SEEDS
    return tuple(range(checks.integer("SEEDS", seeds, 1))) if isinstance(seeds, int) else tuple(seeds)


def settings_of(module):
    """All combinations of an experiment's axes, as dicts; the last axis moves fastest."""
    return [
        dict(zip(module.AXES, values, strict=True)) for values in itertools.product(*module.AXES.values())
    ]


def key_of(setting, seed):
    """What tells a record from the others, as text."""
    return json.dumps([dict(sorted(setting.items())), seed])


def _is_numeric(value):
    if isinstance(value, list):
        return all(map(_is_numeric, value))
    return isinstance(value, numbers.Real)
