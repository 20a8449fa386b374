"""Results file: how does a sweep that was stopped go on without repeating what it has done?

One line of JSON for each finished configuration, appended in one write as soon as it is finished:

    {"key": "6f1c...", "experiment": "races.race", "configuration": {"lr": 0.1, "seed": 3}, "result": 0.25}

The key is a digest of the experiment's name and the configuration, in which 1 and 1.0 are the same. Names
stand for functions, so that ``init=he_normal`` is found again. A crash can only cut the last line
short; that line is removed and its configuration runs again.
"""

import hashlib
import json
import numbers
from pathlib import Path

import numpy as np


class ResultsFile:
    """The results in the file at `path`; one file may hold several experiments.

    Attributes
    ----------
    found : dict from key to result
    """

    def __init__(self, path, experiment):
        self.path = Path(path)
        self.experiment = name_of(experiment)
        open(self.path, "ab").close()  # finds out that a folder is missing or read-only before anything runs
        self.found = _read(self.path)

    def key(self, configuration):
        return digest(self.experiment, canonical(configuration))

    def append(self, configuration, result):
        configuration = canonical(configuration)
        record = {
            "key": digest(self.experiment, configuration),
            "experiment": self.experiment,
            "configuration": configuration,
            "result": result,
        }
        line = json.dumps(record).encode() + b"\n"
        with open(self.path, "ab", buffering=0) as file:  # unbuffered: one write, whole or cut short
            if file.write(line) < len(line):
                raise OSError(f"{self.path} took only a part of a result: is the disk full?")


def digest(experiment, configuration):
    """A key that does not depend on the order in which a configuration names its values."""
    text = json.dumps([experiment, configuration], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def name_of(function):
    """The name under which another process finds the same function."""
    name = getattr(function, "__qualname__", None)
    if name is None or "<lambda>" in name:
        raise ValueError(
            f"only a function defined with def can be found again in a results file, got {function!r}"
        )
    return f"{function.__module__}.{name}"


def canonical(value):
    """`value` in plain JSON types, with names for functions; equal values give equal JSON."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return int(value) if float(value).is_integer() else float(value)
    if isinstance(value, (list, tuple, np.ndarray)):
        return [canonical(part) for part in value]
    if isinstance(value, dict):
        return {str(name): canonical(part) for name, part in value.items()}
    if callable(value):
        if getattr(value, "__closure__", None):
            raise ValueError(
                "a function in a results file is known by its name, so it must not carry values of its own,"
                f" got {value!r}"
            )
        return {"function": name_of(value)}
    raise TypeError(
        "a configuration in a results file must be made of numbers, texts, lists and functions,"
        f" got {value!r}"
    )


def _read(path):
    """The results in the file, once a last line that a crash has cut short is cut off."""
    found, length = {}, 0
    lines = path.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
        except ValueError:
            was_ours = found or line.startswith(b'{"key": ') or b'{"key": '.startswith(line)
            if number == len(lines) and was_ours:
                break
            raise _foreign(path, number) from None
        if not _is_ours(record):
            raise _foreign(path, number)
        found[digest(record["experiment"], canonical(record["configuration"]))] = record["result"]
        length += len(line)
    if length < sum(map(len, lines)) or (lines and not lines[-1].endswith(b"\n")):
        _repair(path, length)
    return found


def _repair(path, length):
    """Keep the first `length` bytes, and end them with a line end."""
    with open(path, "r+b") as file:
        kept = file.read(length)
        file.truncate(length)
        if kept and not kept.endswith(b"\n"):
            file.write(b"\n")


def _is_ours(record):
    return (
        isinstance(record, dict)
        and record.keys() == {"key", "experiment", "configuration", "result"}
        and record["key"] == digest(record["experiment"], record["configuration"])
    )


def _foreign(path, number):
    return ValueError(
        f"results must be a new file or one that dlcore.search has written, got {str(path)!r} with another"
        f" line {number}; nothing was changed"
    )
