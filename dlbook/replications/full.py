"""Full: how does an experiment that takes minutes become a row that a page can show?

A page may compute for seconds. What a source did for longer is an experiment of its own, in
`dlbook/replications/experiments/<name>.py`::

    AXES = {"method": ["Adam", "AdaGrad"]}      # every combination of settings
    SEEDS = 8                                   # 0, ..., 7; or the seeds themselves
    CHECK = {"method": "Adam", "seed": 0}       # the record that the tests compute again

    def run(seed, method):                      # at the published length
        return {"loss": ...}                    # numbers, or lists of numbers such as a curve

`make replications FULL=1` (``python -m dlbook.replications.full NAME ...``) runs what is missing, says how
far it is, and keeps each record in `dlbook/replications/results/<name>.json` as soon as it is there: end it
at any time, the next call goes on. Pages and the ledger read the file with `stored`.

Three names more, where they help:

- ``run_together(runs)`` takes a list of settings with their seeds and returns a dict for each, where one
  array can hold them all;
- ``probe(seed, **setting)`` returns some of a record's numbers from a shorter run (the loss after the first
  pass), so that the tests can compare a record that takes a minute;
- ``replications(runs)`` says what the rows are: pairs of a page ("deeper/adam_races") and a `Replication`,
  computed from the stored `Sweep`.
"""

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import time
from datetime import date

import numpy as np

from dlbook.replications import records
from dlbook.replications.records import NotRunError, StaleError
from dlbook.reproducible import PINNED
from dlbook.sentences import say
from dlcore import checks

NO_DATA = 77
"""The exit code of a call that needs data which are not installed."""


def complete(name, progress=print):
    """Run what is missing of an experiment, and store every record as soon as it is there.

    Parameters
    ----------
    name : str
    progress : function
        Called with a line of text after each record.
    """
    module = records.experiment(name)
    try:
        content = records.read(name)
    except NotRunError:
        content = {"experiment": name, "code": records.digest(name), "versions": _versions(), "records": []}
    content["versions"] = _versions()
    ended = {records.key_of(record["setting"], record["seed"]) for record in content["records"]}
    settings, seeds = records.settings_of(module), records.seeds_of(module)
    total = len(settings) * len(seeds)
    left = [
        (setting, seed)
        for seed in seeds  # so that what is there when a run is ended is whole for the first seeds
        for setting in settings
        if records.key_of(setting, seed) not in ended
    ]
    together = hasattr(module, "run_together")
    for group in [left] if together and left else [[one] for one in left]:
        begun = time.process_time()  # the machine may be shared
        if together:
            results = module.run_together([setting | {"seed": seed} for setting, seed in group])
        else:
            (setting, seed), *_ = group
            results = [module.run(seed, **setting)]
        seconds = (time.process_time() - begun) / len(group)
        for (setting, seed), result in zip(group, results, strict=True):
            content["records"].append(
                {
                    "setting": setting,
                    "seed": seed,
                    "result": {part: _plain(name, part, value) for part, value in result.items()},
                    "seconds": round(seconds, 2),
                    "date": date.today().isoformat(),
                }
            )
        _write(name, content)
        told = ", ".join(f"{axis}={value}" for axis, value in group[-1][0].items())
        progress(f"{name}: {len(content['records'])} of {total}  {told}  {seconds * len(group):.1f} s")


def recompute(name):
    """Compute an experiment's CHECK record again; return pairs (part, stored, computed) that differ.

    The process must compute in pinned arithmetic, as the run did.
    """
    module = records.experiment(name)
    check = dict(module.CHECK)
    seed = check.pop("seed")
    there = [
        r["result"]
        for r in records.read(name, of_any_code=True)["records"]
        if r["seed"] == seed and r["setting"] == check
    ]
    if not there:
        raise NotRunError(f"{name} has no record of seed {seed} at {check}; {records.command(name)}")
    again = getattr(module, "probe", module.run)(seed, **check)
    found = []
    for part, value in again.items():
        ours, kept = np.asarray(value, float), np.asarray(there[0].get(part, math.nan), float)
        if ours.shape != kept.shape or not np.allclose(ours, kept, rtol=1e-5, atol=1e-9, equal_nan=True):
            found.append((part, there[0].get(part), _plain(name, part, value)))
    return found


def keep(name):
    """Mark a stored result as made by the code that is there, if its CHECK record comes out the same.

    Raises
    ------
    StaleError
        If it does not.
    """
    changed = recompute(name)
    if changed:
        raise StaleError(f"{name} computes another {changed[0][0]}: delete the result and run it again")
    _write(name, records.read(name, of_any_code=True) | {"code": records.digest(name)})


def again(name, seed=None, **setting):
    """Run one more record of a stored experiment, and say where it falls among ours.

    Parameters
    ----------
    name : str
        Of the experiment: "notes_race".
    seed : int, optional
        One that is not stored, or one that is, to see it again. The first free one, if not given.
    **setting
        A value for each axis of the experiment. An axis that is left out has the value of the record that the
        tests compute again. A new value is compared with the medians of ours.

    Returns
    -------
    Sentence

    Raises
    ------
    ValueError
        For an unknown experiment, axis or value; the message names it.
    NotRunError
        Where nothing is stored to compare with.

    Examples
    --------
    >>> again("notes_race", seed=3, rate=0.1)
    Traceback (most recent call last):
        ...
    ValueError: a setting of notes_race has the axes arm, got 'rate'
    """
    module = records.experiment(name)
    strange = [axis for axis in setting if axis not in module.AXES]
    if strange:
        raise ValueError(f"a setting of {name} has the axes {', '.join(module.AXES)}, got {strange[0]!r}")
    runs = records.stored(name)
    seed = max(runs.seeds) + 1 if seed is None else checks.integer("seed", seed, 0)
    setting = {axis: setting.get(axis, module.CHECK[axis]) for axis in module.AXES}
    result = module.run(seed, **setting)
    ours = [outputs for at, outputs in runs if at == setting]
    told = ", ".join([*(f"{axis}={value}" for axis, value in setting.items()), f"seed={seed}"])
    known = " (this record is among ours)" if ours and seed in runs.seeds else ""
    lines = [
        f"- {part} {value:.4g}: {_place(value, part, ours, runs)}"
        for part, value in result.items()
        if np.ndim(value) == 0
    ]
    return say(f"{name}, {told}{known}:\n\n" + "\n".join(lines))


def _place(value, part, ours, runs):
    """Where a number falls among those that are stored for its setting, or for the others."""
    if ours:
        among, whose = ours[0][part], f"of our {len(runs.seeds)} seeds"
    else:
        among = np.array([np.median(outputs[part]) for _, outputs in runs])
        whose = f"of the medians of our {len(runs)} settings"
    return (
        f"above {np.sum(among < value)}, below {np.sum(among > value)} {whose}"
        f" ({among.min():.4g} to {among.max():.4g}, median {np.median(among):.4g})"
    )


def main(arguments=None):
    """Run experiments by name, all by default; `--check` compares one stored record of each instead."""
    parser = argparse.ArgumentParser(
        prog="python -m dlbook.replications.full", description=__doc__.split("\n")[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(records.names())}")
    parser.add_argument("--check", action="store_true", help="compute one record of each again and compare")
    parser.add_argument(
        "--keep",
        action="store_true",
        help="keep a result whose code was changed, if a record comes out the same",
    )
    parser.add_argument("--list", action="store_true", help="say what is stored")
    told = parser.parse_args(arguments)
    unknown = [name for name in told.names if name not in records.names()]
    if unknown:
        parser.error(f"no experiment {unknown[0]!r}; there are {', '.join(records.names())}")
    if any(os.environ.get(key) != value for key, value in PINNED.items()):
        command = [
            sys.executable,
            "-m",
            "dlbook.replications.full",
            *(sys.argv[1:] if arguments is None else arguments),
        ]
        return subprocess.run(command, env=os.environ | PINNED).returncode
    failed = 0
    for name in told.names or records.names():
        try:
            if told.list:
                print(name, "stored" if records.is_stored(name) else "not complete", flush=True)
            elif told.keep:
                keep(name)
            elif told.check:
                records.read(name)
                for part, kept, ours in recompute(name):
                    print(f"{name}: {part} is stored as {kept}, computed as {ours}", flush=True)
                    failed = 1
            else:
                complete(name, lambda line: print(line, flush=True))
        except FileNotFoundError as error:
            print(f"{name}: {error}", flush=True)
            failed = failed or NO_DATA
        except (NotRunError, StaleError) as error:
            print(f"{name}: {error}", flush=True)
            failed = 1
    return failed


def _versions():
    return {"python": platform.python_version(), "numpy": np.__version__}


def _plain(name, part, value):
    """A number or list that JSON can hold, rounded to what a result is known by: 10 digits."""
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must return numbers and lists of them, got {value!r} for {part!r}")
    if array.ndim:
        return [_plain(name, part, item) for item in array]
    item = array.item()
    return float(f"{item:.10g}") if isinstance(item, float) else item


def _write(name, content):
    """One record a line, so that a change can be read; replaced in one step, so that none is half written."""
    records.RESULTS.mkdir(exist_ok=True)
    head = {key: value for key, value in content.items() if key != "records"}
    lines = ",\n".join(json.dumps(record) for record in content["records"])
    text = json.dumps(head)[:-1] + ', "records": [\n' + lines + "\n]}\n"
    beside = records.RESULTS / f"{name}.json.part"
    beside.write_text(text, encoding="utf-8")
    beside.replace(records.RESULTS / f"{name}.json")


if __name__ == "__main__":
    raise SystemExit(main())
