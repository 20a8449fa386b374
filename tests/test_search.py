import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
from tqdm import tqdm

from dlcore import search
from dlcore.search import (
    ExperimentFailed,
    GaussianProcess,
    Results,
    brackets,
    expected_improvement,
    grid,
    integers,
    log_uniform,
    run,
    uniform,
)
from dlcore.search.running import finished

SPACE = {"lr": log_uniform(1e-4, 1), "width": integers(1, 8), "init": ["he", "xavier"]}


def rng():
    return np.random.default_rng(0)


def square(x):
    return (x - 2) ** 2


def race(lr, seed, steps=200):
    """Noisy descent whose rounding errors depend on every step: equal to the bit or not at all."""
    noise = np.random.default_rng(seed)
    theta = noise.normal(size=5)
    for _ in range(steps):
        theta -= lr * (np.sin(theta) + noise.normal(size=5))
    return {"loss": float(theta @ theta), "curve": theta}


def logged(x, log, results=None, others=0):
    """An experiment that writes down that it ran, and ends after others whose results stand in a file."""
    with open(log, "a") as file:
        file.write(f"{x}\n")
    for _ in range(600 if others else 0):
        if Path(results).exists() and len(Path(results).read_text().splitlines()) >= others:
            break
        time.sleep(0.1)
    return square(x)


def dies_once(x, folder):
    """Kills its process at x = 2, the first time."""
    met = Path(folder) / "met"
    if x == 2 and not met.exists():
        time.sleep(1)
        met.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return x / 7


def process(x):
    time.sleep(0.05)
    return os.getpid()


def initialised(init):
    return len(init.__name__)


def valley(lr, width, init):
    return (math.log10(lr) + 2) ** 2 + 0.1 * abs(width - 5) + 0.3 * (init == "he")


def short_runs(lr, width, init, budget):
    return valley(lr, width, init) + 1 / budget


RACES = grid({"lr": [0.1, 0.3], "seed": range(3)})


# Spaces


def test_a_grid_has_every_combination_once_and_the_last_name_changes_fastest():
    configurations = grid({"a": [1, 2], "b": np.array([3, 4]), "c": (5,)})
    assert configurations == [{"a": a, "b": b, "c": 5} for a in (1, 2) for b in (3, 4)]


def test_random_configurations_follow_their_distributions():
    space = {
        "u": uniform(-1, 3),
        "l": log_uniform(1e-4, 1),
        "k": integers(2, 4),
        "c": ["a", "b"],
        "f": lambda r: r.normal(),
    }
    drawn = search.random(space, 4000, rng())
    u, log_l = np.array([c["u"] for c in drawn]), np.log10([c["l"] for c in drawn])
    assert u.min() >= -1 and u.max() <= 3
    assert u.mean() == pytest.approx(1, abs=0.1) and u.var() == pytest.approx(16 / 12, abs=0.1)
    assert log_l.min() >= -4 and log_l.max() <= 0
    assert log_l.mean() == pytest.approx(-2, abs=0.1) and log_l.var() == pytest.approx(16 / 12, abs=0.1)
    shares = np.unique([c["k"] for c in drawn], return_counts=True)
    np.testing.assert_array_equal(shares[0], [2, 3, 4])
    np.testing.assert_allclose(shares[1] / 4000, 1 / 3, atol=0.03)
    assert np.mean([c["c"] == "a" for c in drawn]) == pytest.approx(0.5, abs=0.03)
    assert np.std([c["f"] for c in drawn]) == pytest.approx(1, abs=0.05)


def test_drawn_values_are_plain_numbers_and_the_same_seed_draws_the_same():
    assert search.random(SPACE, 5, rng()) == search.random(SPACE, 5, rng())
    assert [type(v) for v in search.random(SPACE, 1, rng())[0].values()] == [float, int, str]


@pytest.mark.parametrize("values", [uniform(-3, 5), log_uniform(1e-7, 0.3), integers(-2, 9)], ids=repr)
def test_position_is_the_inverse_of_at_and_the_ends_are_inside(values):
    for u in np.linspace(0, 1, 23):
        assert values.low <= values.at(u) <= values.high
        assert values.at(values.position(values.at(u))) == pytest.approx(values.at(u), rel=1e-12)
    assert (values.at(0), values.at(1)) == (values.low, values.high)
    assert 0 <= values.position(values.low) < values.position(values.high) <= 1


def test_positions_are_fractions_of_the_scale():
    assert uniform(2, 6).position(3) == 0.25
    assert log_uniform(1e-4, 1).position(1e-3) == pytest.approx(0.25)
    assert [integers(0, 3).position(k) for k in range(4)] == [0.125, 0.375, 0.625, 0.875]
    assert [integers(0, 3).at(u) for u in (0.24, 0.26, 0.99)] == [0, 1, 3]


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: grid({}), ValueError, "space must name at least one hyperparameter"),
        (lambda: grid({"lr": []}), ValueError, r"space\['lr'\] must have at least one value, got \[\]"),
        (lambda: grid({"lr": 0.1}), TypeError, r"space\['lr'\] must be a list or a distribution, got 0.1"),
        (
            lambda: grid({"lr": "abc"}),
            TypeError,
            r"space\['lr'\] must be a list or a distribution, got 'abc'",
        ),
        (
            lambda: grid({"lr": uniform(0, 1)}),
            TypeError,
            r"must be a list of values for a grid, got uniform\(0, 1\)",
        ),
        (lambda: grid([0.1]), TypeError, "space must be a dict"),
        (lambda: grid({1: [0.1]}), TypeError, "names of hyperparameters as keys, got 1"),
        (lambda: search.random(SPACE, 0, rng()), ValueError, "n must be at least 1, got 0"),
        (lambda: search.random(SPACE, 2.0, rng()), TypeError, "n must be a whole number, got 2.0"),
        (lambda: search.random(SPACE, 2, 7), TypeError, "rng must be a numpy.random.Generator .* got 7"),
        (lambda: uniform(1, 1), ValueError, "high must be above 1, got 1"),
        (lambda: uniform(0, np.inf), ValueError, "high must be above 0, got inf"),
        (lambda: log_uniform(0, 1), ValueError, "low must be above 0, got 0"),
        (lambda: integers(1.5, 3), TypeError, "low must be a whole number, got 1.5"),
        (lambda: integers(3, 2), ValueError, "high must be above 3, got 2"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


# Running


def test_results_come_in_the_order_of_the_configurations_whatever_finishes_first(tmp_path):
    log, path = tmp_path / "log", tmp_path / "results.jsonl"
    configurations = [{"x": 0, "log": str(log), "results": str(path), "others": 3}]
    configurations += [{"x": x, "log": str(log)} for x in (1, 2, 3)]
    results = run(logged, configurations, n_jobs=2, results=path)
    assert results == [4, 1, 0, 1] and results.configurations == configurations
    finished = [json.loads(line)["configuration"]["x"] for line in path.read_text().splitlines()]
    assert finished[-1] == 0 and results.stopped == "finished"


def test_one_process_and_many_give_the_same_to_the_bit():
    alone = run(race, RACES)
    assert run(race, RACES, n_jobs=2) == alone
    with joblib.parallel_config(backend="threading", n_jobs=2):
        assert run(race, RACES) == alone


def test_results_know_the_best_and_the_way_to_it():
    results = Results(
        [3, {"loss": 1.0, "accuracy": 0.5}, 2, 1], [{"x": 0, "budget": b} for b in (1, 3, 9, 1)]
    )
    np.testing.assert_array_equal(results.scores, [3, 1, 2, 1])
    np.testing.assert_array_equal(results.best_so_far, [3, 1, 1, 1])
    np.testing.assert_array_equal(results.spent, [1, 4, 13, 14])
    assert results.best == {"x": 0, "budget": 3} and results.best_score == 1
    np.testing.assert_array_equal(run(square, grid({"x": [1, 2, 3]})).spent, [1, 2, 3])


def test_nothing_has_no_best_and_a_dict_without_a_loss_no_score():
    with pytest.raises(ValueError, match="at least one result to have a best"):
        _ = Results().best
    with pytest.raises(ValueError, match="a dict with the number 'loss', got {'accuracy': 1}"):
        _ = Results([{"accuracy": 1}], [{}]).scores


def test_outputs_are_plain_numbers_and_lists_as_a_results_file_gives_them_back(tmp_path):
    def experiment(x):
        return {
            "loss": np.float32(0.1),
            "epochs": np.int64(3),
            "curve": np.array([0.1, np.inf]),
            "pairs": ((1, 2),),
        }

    path = tmp_path / "results.jsonl"
    expected = {"loss": float(np.float32(0.1)), "epochs": 3, "curve": [0.1, math.inf], "pairs": [[1, 2]]}
    for _ in range(2):
        (output,) = run(experiment, [{"x": 1}], results=path)
        assert output == expected and type(output["epochs"]) is int and type(output["loss"]) is float


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_failing_experiment_is_named_and_the_others_are_kept(tmp_path, n_jobs):
    def reciprocal(x):
        return 1 / x

    path = tmp_path / "results.jsonl"
    with pytest.raises(
        ExperimentFailed, match=r"(?s)failed for 1 of 3 .*{'x': 0}: ZeroDivisionError.*in reciprocal"
    ) as error:
        run(reciprocal, grid({"x": [1, 0, 2]}), n_jobs, path)
    assert error.value.results == [1, 0.5] and error.value.failed == [{"x": 0}]
    assert error.value.results.configurations == [{"x": 1}, {"x": 2}]
    assert len(path.read_text().splitlines()) == 2


@pytest.mark.parametrize(
    "output, message",
    [
        (math.nan, "a number or inf, got nan"),
        (-math.inf, "a number or inf, got -inf"),
        (None, "must be a number, got None"),
        ("0.5", "must be a number, got '0.5'"),
        (True, "must be a number, got True"),
        ([1.0], r"must be a number, got \[1.0\]"),
        ({"loss": math.nan}, "'loss' of experiment's result must be a number or inf, got nan"),
        ({"loss": 1, "curve": [1, None]}, "'curve' of experiment's result must be a number, got None"),
    ],
)
def test_an_output_that_is_no_number_is_refused_with_its_configuration(output, message):
    with pytest.raises(ExperimentFailed, match="{'x': 3}: .*" + message):
        run(lambda x: output if x == 3 else 0.0, grid({"x": [1, 3]}))


def test_a_run_that_diverged_counts_as_the_worst():
    results = run(lambda x: math.inf if x == 0 else x, grid({"x": [0, 5]}))
    assert results == [math.inf, 5] and results.best == {"x": 5}


def test_progress_is_shown_on_request_only(capsys, tmp_path):
    run(square, grid({"x": [1, 2]}))
    assert capsys.readouterr().err == ""
    run(square, grid({"x": [1, 2]}), progress=True)
    assert "2/2" in capsys.readouterr().err
    for _ in range(2):
        run(square, grid({"x": [1, 2]}), results=tmp_path / "results.jsonl", progress=True)
        assert "2/2" in capsys.readouterr().err
    search.hyperband(short_runs, SPACE, 9, rng(), progress=True)
    shown = capsys.readouterr().err
    assert "22/22" in shown and "9/9" not in shown


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ((square, []), ValueError, "configurations must not be empty"),
        ((square, {"x": 1}), TypeError, r"configurations must be a list of dicts, got {'x': 1}"),
        ((square, [1]), TypeError, "configurations must be a list of dicts, got 1 in it"),
        (
            (square, [{"x": 1}, {"y": 1}]),
            TypeError,
            "must take what configurations name, got {'y': 1}: .*'x'",
        ),
        ((square, [{"x": 1, "z": 1}]), TypeError, "{'x': 1, 'z': 1}: .*unexpected keyword argument 'z'"),
        ((square, [{"x": rng()}]), TypeError, "must carry seeds, got a Generator as 'x'"),
        ((0.5, [{"x": 1}]), TypeError, "experiment must be a function, got 0.5"),
        ((square, [{"x": 1}], 0), ValueError, "n_jobs must be a number of processes or -1, got 0"),
        ((square, [{"x": 1}], 1.5), TypeError, "n_jobs must be a whole number, got 1.5"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_runs(arguments, error, message):
    with pytest.raises(error, match=message):
        run(*arguments)


# Stopping and resuming


def stopping(x, log):
    if x == 2 and len(Path(log).read_text().split()) == 2:
        raise KeyboardInterrupt
    return logged(x, log)


def test_ctrl_c_returns_what_is_finished_and_the_same_call_does_the_rest(tmp_path):
    log, path = tmp_path / "log", tmp_path / "results.jsonl"
    configurations = [{"x": x, "log": str(log)} for x in range(4)]
    log.write_text("")
    first = run(stopping, configurations, results=path)
    assert first == [4, 1] and first.stopped == "interrupted" and first.configurations == configurations[:2]
    log.write_text("again\n" + log.read_text())
    second = run(stopping, configurations, results=path)
    assert second == [4, 1, 0, 1] and second.stopped == "finished"
    assert log.read_text().split() == ["again", "0", "1", "2", "3"]


def test_ctrl_c_in_a_search_returns_the_rungs_so_far(tmp_path):
    def experiment(lr, width, init, budget):
        if budget == 9:
            raise KeyboardInterrupt
        return short_runs(lr, width, init, budget)

    found = search.successive_halving(experiment, search.random(SPACE, 9, rng()), 1, 9)
    assert found.stopped == "interrupted" and found.spent.tolist() == [*range(1, 10), 12, 15, 18]


def test_a_failure_in_a_search_keeps_the_rungs_before_it_and_the_others_of_its_own():
    def experiment(x, budget):
        return x / (budget < 3 or x > 0)

    with pytest.raises(ExperimentFailed, match="'x': 0, 'budget': 3}: ZeroDivisionError") as error:
        search.successive_halving(experiment, grid({"x": range(9)}), 1, 9)
    kept = error.value.results
    assert list(kept) == [*range(9), 1, 2] and [c["x"] for c in kept.configurations] == list(kept)


SWEEP = """
import sys, time
from dlcore.search import grid, run
def slow(x):
    time.sleep(0.2 if x < 2 else 60)
    return x
if __name__ == "__main__":
    print("finished", run(slow, grid({"x": range(6)}), n_jobs=2, results=sys.argv[1]), flush=True)
"""


def test_ctrl_c_in_the_terminal_stops_all_processes_and_keeps_the_results(tmp_path):
    script, path = tmp_path / "sweep.py", tmp_path / "results.jsonl"
    script.write_text(SWEEP)
    sweep = subprocess.Popen(
        [sys.executable, script, path],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.default_int_handler
        ),  # a background job ignores it
    )
    try:
        wait_until(lambda: path.exists() and path.read_text().count("\n") == 2)
        os.killpg(sweep.pid, signal.SIGINT)  # what a terminal does: every process of the group hears it
        assert sweep.communicate(timeout=30)[0] == "finished [0, 1]\n"
    finally:
        sweep.kill()


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.filterwarnings("ignore:A worker stopped:UserWarning")  # joblib's
def test_what_ran_beside_a_worker_that_was_killed_once_runs_again(tmp_path):
    path = tmp_path / "results.jsonl"
    configurations = [{"x": x, "folder": str(tmp_path)} for x in range(4)]
    assert run(dies_once, configurations, 2, path) == [x / 7 for x in range(4)]
    assert (tmp_path / "met").exists() and len(path.read_text().splitlines()) == 4


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no text")


def ends(x):
    """Ends in the way that x names; the even ones return."""
    if x == 1:
        raise SystemExit("no such data set")
    if x == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    if x == 5:
        os._exit(0)
    if x == 7:
        raise Mute
    if x == 9:
        raise BaseException("very base")
    return x / 7


@pytest.mark.filterwarnings("ignore:A worker stopped:UserWarning")  # joblib's
@pytest.mark.parametrize(
    "x, n_jobs, reason",
    [
        (1, 1, "SystemExit: no such data set"),
        (1, 2, "SystemExit: no such data set"),
        (3, 2, "TerminatedWorkerError: .*SIGKILL"),
        (5, 2, "TerminatedWorkerError"),
        (7, 1, "Mute"),
        (9, 2, "BaseException: very base"),
    ],
)
def test_however_an_experiment_ends_it_is_named_and_the_others_are_kept(tmp_path, x, n_jobs, reason):
    path, xs = tmp_path / "results.jsonl", [0, 2, x, 4, 6, 8]
    with pytest.raises(
        ExperimentFailed, match=rf"(?s)failed for 1 of 6 .*the first with {{'x': {x}}}: {reason}"
    ) as error:
        run(ends, grid({"x": xs}), n_jobs, path)
    others = [y / 7 for y in xs if y != x]
    assert error.value.results == others and error.value.failed == [{"x": x}]
    assert sorted(json.loads(line)["result"] for line in path.read_text().splitlines()) == others


def test_a_configuration_that_cannot_be_sent_to_a_process_is_named():
    configurations = [{"x": 1}, {"x": threading.Lock()}, {"x": 2}]
    with pytest.raises(ExperimentFailed, match="1 of 3 .*PicklingError") as error:
        run(square_or_0, configurations, 2)
    assert error.value.results == [1, 0] and error.value.failed == configurations[1:2]


def square_or_0(x):
    return square(x) if isinstance(x, int) else 0


def test_a_backend_that_hands_results_over_at_the_end_is_refused_with_those_to_use():
    with joblib.parallel_config(backend="multiprocessing", n_jobs=2):
        for call in (
            lambda: run(square, grid({"x": [1, 2]})),
            lambda: search.sweep(square, x=[1, 2], seeds=None),
        ):
            with pytest.raises(ValueError, match="'loky', 'threading' or 'dask', not the one .*Multiproc"):
                call()
    with pytest.raises(ValueError, match="batch_size"):
        list(finished(square, {0: {"x": 1}}, 1, batch_size=0))


def test_an_error_of_the_backend_before_anything_began_is_its_own(monkeypatch):
    class Broken:
        def __call__(self, tasks):
            raise OSError("no cluster")

    monkeypatch.setattr("dlcore.search.running._parallel", lambda *arguments: Broken())
    with pytest.raises(OSError, match="no cluster"):
        run(square, grid({"x": [1, 2]}))


def test_1_and_1_point_0_are_one_configuration(tmp_path):
    log, path = str(tmp_path / "log"), tmp_path / "results.jsonl"
    for x in (1, 1.0, np.float32(1), np.int8(1), np.float64(1)):
        assert run(logged, [{"x": x, "log": log}], results=path) == [1]
    assert run(logged, [{"x": 1.5, "log": log}], results=path) == [0.25]
    assert Path(log).read_text().split() == ["1", "1.5"] and len(path.read_text().splitlines()) == 2


def test_a_file_that_told_1_and_1_point_0_apart_is_read(tmp_path):
    from dlcore.search.results_file import digest, name_of

    path, configuration = tmp_path / "results.jsonl", {"x": 1.0}
    name = name_of(square)
    record = {
        "key": digest(name, configuration),
        "experiment": name,
        "configuration": configuration,
        "result": 77,
    }
    path.write_text(json.dumps(record) + "\n")
    assert run(square, [{"x": 1}, {"x": 1.0}], results=path) == [77, 77]


def test_functions_that_carry_values_are_refused_in_a_results_file(tmp_path):
    def scaled(gain):
        def init():
            return gain

        return init

    with pytest.raises(ValueError, match="must not carry values of its own, got <function"):
        run(initialised, grid({"init": [scaled(1), scaled(2)]}), results=tmp_path / "results.jsonl")
    assert run(initialised, grid({"init": [scaled(1), scaled(2)]})) == [4, 4]


def test_a_results_file_has_a_line_for_each_run_and_keys_that_any_order_finds(tmp_path):
    log, path = str(tmp_path / "log"), tmp_path / "results.jsonl"
    run(logged, [{"x": 1, "log": log}, {"x": np.int64(3), "log": log}], results=path)
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert [record["result"] for record in records] == [1, 1]
    assert records[0]["experiment"] == f"{__name__}.logged" and records[0]["configuration"] == {
        "x": 1,
        "log": log,
    }
    assert run(logged, [{"log": log, "x": 3}, {"log": log, "x": 0}], results=path) == [1, 4]
    assert Path(log).read_text().split() == ["1", "3", "0"]


def test_functions_in_a_configuration_are_known_by_their_names(tmp_path):
    path = tmp_path / "results.jsonl"
    for _ in range(2):
        assert run(initialised, grid({"init": [square, race]}), results=path) == [6, 4]
    assert len(path.read_text().splitlines()) == 2
    assert json.loads(path.read_text().splitlines()[0])["configuration"] == {
        "init": {"function": f"{__name__}.square"}
    }


def test_experiments_share_a_file_without_mixing_their_results(tmp_path):
    def cube(x):
        return x**3

    path = tmp_path / "results.jsonl"
    assert run(square, [{"x": 5}], results=path) + run(cube, [{"x": 5}], results=path) == [9, 125]
    assert run(square, [{"x": 5}], results=path) + run(cube, [{"x": 5}], results=path) == [9, 125]
    assert len(path.read_text().splitlines()) == 2


@pytest.mark.parametrize("damage", ["half", "all but the line end", "first", "zeros", "garbage line"])
def test_a_last_line_that_a_crash_cut_short_is_removed_and_its_run_repeated(tmp_path, damage):
    log, path = tmp_path / "log", tmp_path / "results.jsonl"
    configurations = [{"x": x, "log": str(log)} for x in range(3)]
    run(logged, configurations, results=path)
    whole = path.read_bytes()
    first, second, third = whole.splitlines(keepends=True)
    path.write_bytes(
        {
            "half": first + second + third[:40],
            "all but the line end": whole[:-1],
            "first": first[:5],
            "zeros": first + second + b"\0" * 20,
            "garbage line": first + second + b'{"ke\n',
        }[damage]
    )
    repeated = {"all but the line end": [], "first": ["0", "1", "2"]}.get(damage, ["2"])
    log.write_text("")
    assert run(logged, configurations, results=path) == [4, 1, 0]
    assert log.read_text().split() == repeated
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "text",
    [
        "x,y\n1,2\n",
        "hello",
        '{"x": 1}\n',
        "[1]\n",
        "{FIRST}note\n{FIRST}",
        '{FIRST}{"note": 1}\n',
        "{EDITED}",
    ],
)
def test_a_foreign_file_is_refused_and_left_as_it_is(tmp_path, text):
    path = tmp_path / "results.jsonl"
    run(square, [{"x": 1}], results=path)
    first = path.read_text()
    path.write_text(text.replace("{FIRST}", first).replace("{EDITED}", first.replace('"x": 1', '"x": 7')))
    before = path.read_bytes()
    with pytest.raises(
        ValueError,
        match="results must be a new file or one that dlcore.search has written, got .* line [12];",
    ):
        run(square, [{"x": 2}], results=path)
    assert path.read_bytes() == before


def test_what_a_results_file_could_not_find_again_is_refused_before_anything_runs(tmp_path):
    def never(x):
        raise AssertionError

    path = tmp_path / "results.jsonl"
    with pytest.raises(ValueError, match="only a function defined with def can be found again"):
        run(lambda x: x, [{"x": 1}], results=path)
    with pytest.raises(ValueError, match="only a function defined with def can be found again"):
        run(never, [{"x": lambda: 1}], results=path)
    with pytest.raises(TypeError, match="must be made of numbers, texts, lists and functions, got {1}"):
        run(never, [{"x": {1}}], results=path)
    with pytest.raises(FileNotFoundError):
        run(never, [{"x": 1}], results=tmp_path / "missing" / "results.jsonl")


@pytest.mark.parametrize("name", ["coarse_to_fine", "hyperband", "bayesian"])
def test_a_search_resumes_from_its_file_and_is_the_same_in_many_processes(tmp_path, name):
    path = tmp_path / "results.jsonl"
    experiment = short_runs if name == "hyperband" else valley
    found = getattr(search, name)(experiment, SPACE, 9, rng(), results=path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:4]))
    again = getattr(search, name)(experiment, SPACE, 9, rng(), n_jobs=2, results=path)
    assert again == found and again.configurations == found.configurations
    assert sorted(path.read_bytes().splitlines(keepends=True)) == sorted(lines)


# Dask


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes on this machine, reached over the network as those of a big cluster are."""
    distributed = pytest.importorskip("distributed", reason="pip install distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster),
    ):
        yield cluster


def test_a_cluster_gives_the_same_to_the_bit(cluster):
    alone = run(race, RACES)
    with joblib.parallel_config(backend="dask"):
        assert run(race, RACES) == alone
        processes = set(run(process, grid({"x": range(8)})))
    assert len(processes) == 2 and os.getpid() not in processes


def test_a_cluster_that_loses_a_worker_midway_finishes_the_sweep(cluster, tmp_path):
    configurations = [{"x": x, "folder": str(tmp_path)} for x in range(8)]
    path = tmp_path / "results.jsonl"
    with joblib.parallel_config(backend="dask"):
        results = run(dies_once, configurations, results=path)
    assert (tmp_path / "met").exists()
    assert results == [x / 7 for x in range(8)]
    assert len(path.read_text().splitlines()) == 8


# Coarse to fine


def test_each_round_searches_a_smaller_window_about_the_best_on_its_own_scale():
    found = search.coarse_to_fine(valley, SPACE, 31, rng(), rounds=3, shrink=0.25)
    lrs = [c["lr"] for c in found.configurations]
    sizes, widths = (11, 10, 10), (1, 0.25, 0.0625)
    end = 0
    for size, width in zip(sizes, widths):
        u = np.array([SPACE["lr"].position(lr) for lr in lrs[end : end + size]])
        assert width / 2 < np.ptp(u) <= width
        if end:
            best = SPACE["lr"].position(found.configurations[int(np.argmin(found.scores[:end]))]["lr"])
            assert np.abs(u - best).max() <= width / 2 + 1e-12
        end += size
    assert end == len(found)
    assert {c["init"] for c in found.configurations[-10:]} == {"he", "xavier"}


@pytest.mark.parametrize("edge", [0, 1])
def test_a_window_at_the_edge_is_moved_not_cut(edge):
    found = search.coarse_to_fine(
        lambda x: abs(x - edge), {"x": uniform(0, 1)}, 400, rng(), rounds=2, shrink=0.2
    )
    x = np.array([c["x"] for c in found.configurations[200:]])
    assert np.abs(x - edge).max() == pytest.approx(0.2, abs=0.01) and x.min() >= 0 and x.max() <= 1


def test_coarse_to_fine_keeps_to_the_best_of_all_rounds():
    losses = iter([5, 1, 9, 9, 9, 9])
    found = search.coarse_to_fine(
        lambda x: next(losses), {"x": uniform(0, 1)}, 6, rng(), rounds=3, shrink=0.1
    )
    x = [c["x"] for c in found.configurations]
    assert max(abs(x[4] - x[1]), abs(x[5] - x[1])) <= 0.01


# Halving


@pytest.mark.parametrize("s, rungs", enumerate([
    [(5, 81)],
    [(8, 27), (2, 81)],
    [(15, 9), (5, 27), (1, 81)],
    [(34, 3), (11, 9), (3, 27), (1, 81)],
    [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
]))  # fmt: skip
def test_the_brackets_are_those_of_the_table_for_81_and_3(s, rungs):
    assert brackets(81, 3)[4 - s] == rungs


def test_brackets_are_exact_where_logarithms_round():
    assert [len(rungs) for rungs in brackets(243, 3)] == [6, 5, 4, 3, 2, 1]
    assert brackets(1000, 10)[0] == [(1000, 1), (100, 10), (10, 100), (1, 1000)]
    assert brackets(1, 3) == [[(1, 1)]]
    assert brackets(10, 2.5) == [
        [(7, 10 / 2.5**2), (2, 4), (1, 10)],
        [(4, 4), (1, 10)],
        [(3, 10)],
    ]
    assert all(type(r) is int for rungs in brackets(81, 3) for _, r in rungs)


def test_successive_halving_is_the_inner_loop_of_the_algorithm():
    def experiment(x, budget):
        return (x * 7 + budget) % 11 + x / 100

    n, R, eta, s = 20, 18, 3, 2
    T, expected = [{"x": x} for x in range(n)], []
    for i in range(s + 1):
        n_i, r_i = math.floor(n * eta**-i), R * eta ** (i - s)
        assert len(T) == n_i
        L = [experiment(**t, budget=r_i) for t in T]
        expected += [({**t, "budget": r_i}, loss) for t, loss in zip(T, L)]
        T = [t for _, t in sorted(zip(L, T), key=lambda pair: pair[0])][: math.floor(n_i / eta)]
    found = search.successive_halving(experiment, [{"x": x} for x in range(n)], 2, R, eta)
    assert list(zip(found.configurations, found)) == expected
    assert experiment(**found.best) == found.best_score == min(found)


def test_the_first_rung_has_at_least_the_smallest_budget_and_the_last_the_largest():
    found = search.successive_halving(lambda x, budget: x, grid({"x": range(4)}), 3, 10, 2)
    assert [c["budget"] for c in found.configurations] == [5, 5, 5, 5, 10, 10]
    found = search.successive_halving(lambda x, budget: x, grid({"x": range(4)}), 2.5, 10, 2)
    assert [c["budget"] for c in found.configurations] == [2.5] * 4 + [5, 5, 10]
    assert [type(c["budget"]) for c in found.configurations[3:5]] == [float, int]


def test_halving_keeps_the_lowest_losses_and_the_first_of_equals():
    losses = {0: 1.0, 1: math.inf, 2: 1.0, 3: 0.5, 4: 1.0, 5: 2.0}
    found = search.successive_halving(lambda x, budget: losses[x], grid({"x": range(6)}), 1, 2, 2)
    assert [c["x"] for c in found.configurations[6:]] == [3, 0, 2]


def test_of_many_equals_the_first_go_on():
    found = search.successive_halving(lambda x, budget: x % 2, grid({"x": range(200)}), 1, 4, 4)
    assert [c["x"] for c in found.configurations[200:]] == list(range(0, 100, 2))


def test_hyperband_runs_its_brackets_with_fresh_configurations_and_keeps_the_lowest_loss():
    found = search.hyperband(short_runs, SPACE, 27, rng(), eta=3)
    plan = [(n_i, r_i) for rungs in brackets(27, 3) for n_i, r_i in rungs]
    budgets = [c["budget"] for c in found.configurations]
    assert budgets == [r_i for n_i, r_i in plan for _ in range(n_i)]
    assert found.spent[-1] == sum(n_i * r_i for n_i, r_i in plan)
    starts = np.cumsum([0] + [sum(n_i for n_i, _ in rungs) for rungs in brackets(27, 3)])
    drawn = [
        found.configurations[i]["lr"]
        for start, rungs in zip(starts, brackets(27, 3))
        for i in range(start, start + rungs[0][0])
    ]
    assert drawn == [c["lr"] for c in search.random(SPACE, len(drawn), rng())]
    assert short_runs(**found.best) == found.best_score == min(found)


def test_a_bracket_costs_about_what_the_others_cost():
    cost = [sum(n_i * r_i for n_i, r_i in rungs) for rungs in brackets(81, 3)]
    assert all(0.7 * 5 * 81 <= c <= 1.01 * 5 * 81 for c in cost)


def papers_asha(experiment, draw, n, r, R, eta):
    """Algorithm 2 of Li et al. 2020 with one worker and s = 0."""
    K = round(math.log(R / r, eta))
    rung = {k: {} for k in range(K + 1)}  # name of a configuration: its loss
    promoted, configurations, runs = {k: [] for k in range(K + 1)}, [], []

    def get_job():
        for k in range(K - 1, -1, -1):
            candidates = sorted(rung[k], key=rung[k].get)[: math.floor(len(rung[k]) / eta)]
            promotable = [t for t in candidates if t not in promoted[k]]
            if promotable:
                promoted[k].append(promotable[0])
                return promotable[0], k + 1
        configurations.append(draw())
        return len(configurations) - 1, 0

    for _ in range(n):
        t, k = get_job()
        runs.append({**configurations[t], "budget": r * eta**k})
        rung[k][t] = experiment(**runs[-1])
    return runs


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("eta, R", [(2, 8), (3, 27), (4, 16)])
def test_asha_is_the_papers_algorithm(seed, eta, R):
    def noisy_runs(lr, width, init, budget):
        return short_runs(lr, width, init, budget) + np.random.default_rng(int(1e6 * lr)).normal() / budget

    generator = np.random.default_rng(seed)
    expected = papers_asha(noisy_runs, lambda: search.random(SPACE, 1, generator)[0], 90, 1, R, eta)
    found = search.asha(noisy_runs, SPACE, 90, 1, R, np.random.default_rng(seed), eta=eta)
    assert found.configurations == expected and max(c["budget"] for c in expected) == R
    assert noisy_runs(**found.best) == found.best_score


def test_asha_promotes_the_best_first_the_highest_rung_first_and_each_once():
    losses = iter([3.0, 1.0, 2.0, 0.5, 0.7, 0.1, 0.2, 0.3])
    found = search.asha(lambda x, budget: next(losses), {"x": integers(0, 10**6)}, 8, 1, 4, rng(), eta=2)
    x = [c["x"] for c in found.configurations]
    assert [c["budget"] for c in found.configurations] == [1, 1, 2, 1, 2, 4, 1, 2]
    assert x[2] == x[1] and x[4] == x[3] and x[5] == x[4] and x[7] == x[6]


def test_asha_runs_its_workers_side_by_side_and_is_the_same_in_many_processes(tmp_path):
    one = search.asha(short_runs, SPACE, 30, 1, 9, rng(), workers=4)
    path = tmp_path / "results.jsonl"
    two = search.asha(short_runs, SPACE, 30, 1, 9, rng(), workers=4, n_jobs=2, results=path)
    assert two == one and two.configurations == one.configurations and len(one) == 30
    assert one.configurations[:4] == [{**c, "budget": 1} for c in search.random(SPACE, 4, rng())]


# Bayesian search


def draw_points(n, d=2):
    x = rng().random((n, d))
    return x, np.sin(5 * x[:, 0]) + x.sum(axis=1)


def test_a_process_without_noise_passes_through_what_it_saw():
    x, y = draw_points(12)
    mean, std = GaussianProcess(x, y, 0.3, 1e-10).predict(x)
    np.testing.assert_allclose(mean, y, atol=1e-6)
    np.testing.assert_allclose(std, 0, atol=2e-5)


def test_a_process_far_from_what_it_saw_knows_nothing():
    x, y = draw_points(12)
    mean, std = GaussianProcess(x, y, 0.3, 1e-3).predict(x + 100)
    np.testing.assert_allclose(mean, 0, atol=1e-12)
    np.testing.assert_allclose(std, 1, atol=1e-12)


def test_one_point_seen_with_noise_gives_the_posterior_of_two_normal_variables():
    noise, k = 0.25, 1 / 3 * (3 + 3 * math.sqrt(5) * 0.5 + 5 * 0.25) * math.exp(-math.sqrt(5) * 0.5)
    process = GaussianProcess(np.array([[0.0]]), np.array([2.0]), 2.0, noise)
    mean, std = process.predict(np.array([[1.0]]))
    assert mean[0] == pytest.approx(k / (1 + noise) * 2, rel=1e-12)
    assert std[0] == pytest.approx(math.sqrt(1 - k**2 / (1 + noise)), rel=1e-12)
    expected = -(2.0**2) / (2 * (1 + noise)) - math.log(2 * math.pi * (1 + noise)) / 2
    assert process.log_marginal_likelihood == pytest.approx(expected, rel=1e-12)


def test_processes_agree_with_scikit_learn():
    gp = pytest.importorskip("sklearn.gaussian_process")
    x, y = draw_points(15)
    oracle = gp.GaussianProcessRegressor(gp.kernels.Matern(0.4, nu=2.5), alpha=0.01, optimizer=None).fit(x, y)
    process = GaussianProcess(x, y, 0.4, 0.01)
    new = np.random.default_rng(1).random((30, 2))
    for ours, theirs in zip(process.predict(new), oracle.predict(new, return_std=True)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
    assert process.log_marginal_likelihood == pytest.approx(oracle.log_marginal_likelihood_value_, rel=1e-10)


def test_the_marginal_likelihood_finds_the_length_scale_and_the_noise_of_the_data():
    from dlcore.search.gaussian_process import matern52, most_likely

    x = rng().random((150, 1)) * 4
    f = np.linalg.cholesky(matern52(x, x, 0.3) + 1e-9 * np.eye(150)) @ rng().normal(size=150)
    y = f + 0.3 * np.random.default_rng(1).normal(size=150)
    process = most_likely(x, y, [0.01, 0.3, 10], [1e-4, 0.09, 2])
    assert (process.length_scale, process.noise) == (0.3, 0.09)


@pytest.mark.parametrize("mean, std", [(0.3, 1.0), (1.5, 0.5), (-2.0, 0.7)])
def test_expected_improvement_is_the_mean_of_the_improvements_drawn(mean, std):
    drawn = np.maximum(0.5 - (mean + std * rng().normal(size=400_000)), 0)
    formula = expected_improvement(np.array([mean]), np.array([std]), 0.5)[0]
    assert formula == pytest.approx(drawn.mean(), abs=5 * drawn.std() / math.sqrt(drawn.size))


def test_without_doubt_the_improvement_is_the_difference():
    improvement = expected_improvement(
        np.array([0.0, 2.0, 0.0, 2.0]), np.array([0.0, 0.0, 1e-300, 1e-300]), 1.0
    )
    np.testing.assert_array_equal(improvement, [1, 0, 1, 0])


def test_bayesian_search_beats_random_search_on_a_smooth_loss():
    space = {"lr": log_uniform(1e-4, 1), "x": uniform(-1, 1), "init": ["he", "xavier"]}

    def experiment(lr, x, init):
        return (math.log10(lr) + 1.5) ** 2 + (x - 0.3) ** 2 + 0.2 * (init == "he")

    bayes = [search.bayesian(experiment, space, 20, np.random.default_rng(s)).best_score for s in range(3)]
    chance = [
        run(experiment, search.random(space, 20, np.random.default_rng(s))).best_score for s in range(3)
    ]
    assert max(bayes) < 0.01 < np.median(chance)


def test_bayesian_search_starts_with_random_configurations():
    found = search.bayesian(valley, SPACE, 6, rng(), initial=4)
    assert len(found) == 6 and found.configurations[:4] == search.random(SPACE, 4, rng())
    assert search.bayesian(valley, SPACE, 3, rng(), initial=4).configurations == found.configurations[:3]


def test_bayesian_search_survives_runs_that_diverge_and_losses_that_are_all_equal():
    found = search.bayesian(
        lambda x: math.inf if x > 0.5 else (x - 0.2) ** 2, {"x": uniform(0, 1)}, 15, rng()
    )
    assert found.best_score < 1e-3 and np.isinf(found.scores).any()
    for loss in (math.inf, 1.0):
        assert len(search.bayesian(lambda x, loss=loss: loss, {"x": uniform(0, 1)}, 7, rng())) == 7


def test_an_infinite_loss_counts_as_the_worst_finite_one():
    from dlcore.search.bayes import _standardized

    root = math.sqrt(2)
    np.testing.assert_allclose(_standardized(np.array([0.0, 3.0, np.inf])), [-root, 1 / root, 1 / root])


@pytest.mark.parametrize("huge", [1e30, 1e200, 1e308, math.inf])
def test_a_search_is_not_blind_beside_a_huge_loss(huge):
    found = search.bayesian(lambda x: huge if x > 0.5 else (x - 0.2) ** 2, {"x": uniform(0, 1)}, 25, rng())
    assert found.best_score < 1e-5
    assert len(search.bayesian(lambda x: 1e308 + x, {"x": uniform(0, 1)}, 7, rng())) == 7


def test_losses_beyond_a_gap_of_a_million_count_as_the_worst_below_it():
    from dlcore.search.bayes import _standardized

    root = math.sqrt(2)
    np.testing.assert_allclose(_standardized(np.array([0.0, 3.0, 1e200])), [-root, 1 / root, 1 / root])
    np.testing.assert_allclose(_standardized(np.array([-1e308, 1e308])), [-1, 1])
    ordinary = np.array([0.0, 3.0, 2.9e6])
    np.testing.assert_array_equal(
        _standardized(ordinary), (ordinary - ordinary.mean()) / (ordinary - ordinary.mean()).std()
    )
    np.testing.assert_allclose(_standardized(np.array([0.0, 0.0, 5.0])), [-1 / root, -1 / root, root])


def test_every_value_of_a_list_is_tried_before_one_is_tried_again():
    losses = {"a": 1.0, "b": 0.0, "c": 3.0, "d": 2.0, "e": 5.0}
    found = search.bayesian(lambda x: losses[x], {"x": list(losses)}, 5, rng(), initial=1)
    assert sorted(c["x"] for c in found.configurations) == list(losses)


def test_the_next_run_is_far_away_where_nothing_is_known():
    found = search.bayesian(lambda x: 1.0, {"x": uniform(0, 1)}, 2, rng(), initial=1)
    first, second = (c["x"] for c in found.configurations)
    assert abs(first - second) > 0.95 * max(first, 1 - first)


def test_the_unit_cube_has_one_column_for_a_scale_and_equal_distances_for_a_list():
    from dlcore.search.bayes import _to_cube

    space = {"lr": log_uniform(1e-4, 1), "init": ["a", "b", "c"]}
    rows = _to_cube(space, [{"lr": 1e-2, "init": init} for init in "abc"])
    np.testing.assert_allclose(rows[:, 0], 0.5)
    for i, j in [(0, 1), (0, 2), (1, 2)]:
        assert np.linalg.norm(rows[i] - rows[j]) == pytest.approx(1)


# Refused input


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: search.coarse_to_fine(valley, {}, 9, rng()), ValueError, "space must name at least one"),
        (lambda: search.coarse_to_fine(valley, SPACE, 0, rng()), ValueError, "n must be at least 1, got 0"),
        (
            lambda: search.coarse_to_fine(valley, SPACE, 9, 0),
            TypeError,
            "rng must be a numpy.random.Generator",
        ),
        (
            lambda: search.coarse_to_fine(valley, SPACE, 2, rng()),
            ValueError,
            "rounds must be between 1 and n=2, got 3",
        ),
        (
            lambda: search.coarse_to_fine(valley, SPACE, 9, rng(), shrink=1),
            ValueError,
            "shrink must be above 0 and below 1, got 1",
        ),
        (
            lambda: search.coarse_to_fine(valley, {"lr": np.random.Generator.normal}, 9, rng()),
            TypeError,
            r"space\['lr'\] must be a list, uniform",
        ),
        (
            lambda: search.coarse_to_fine(valley, {"lrr": [1]}, 9, rng()),
            TypeError,
            "experiment must take .* {'lrr': 1}",
        ),
        (
            lambda: search.successive_halving(short_runs, [], 1, 9),
            ValueError,
            "configurations must be at least 9 .* of 3 rungs, got 0",
        ),
        (
            lambda: search.successive_halving(square, grid({"x": range(8)}), 1, 9),
            ValueError,
            "at least 9 .*, got 8",
        ),
        (
            lambda: search.successive_halving(square, grid({"x": range(9)}), 1, 9),
            TypeError,
            "unexpected keyword argument 'budget'",
        ),
        (
            lambda: search.successive_halving(square, grid({"x": range(9)}), 1, 9, eta=1),
            ValueError,
            "eta must be above 1, got 1",
        ),
        (
            lambda: search.successive_halving(square, grid({"x": range(9)}), 0, 9),
            ValueError,
            "min_budget must be above 0, got 0",
        ),
        (
            lambda: search.successive_halving(square, grid({"x": range(9)}), 10, 9),
            ValueError,
            "min_budget must be at most max_budget=9, got 10",
        ),
        (
            lambda: search.successive_halving(square, [{"budget": 1}], 1, 9),
            ValueError,
            "must leave 'budget' to the search",
        ),
        (lambda: search.hyperband(short_runs, {}, 9, rng()), ValueError, "space must name at least one"),
        (
            lambda: search.hyperband(short_runs, SPACE, 0.5, rng()),
            ValueError,
            "max_budget must be at least 1, got 0.5",
        ),
        (
            lambda: search.hyperband(short_runs, SPACE, 9, rng(), eta=1),
            ValueError,
            "eta must be above 1, got 1",
        ),
        (
            lambda: search.hyperband(short_runs, SPACE, 9, 3),
            TypeError,
            "rng must be a numpy.random.Generator",
        ),
        (lambda: search.asha(short_runs, {"budget": [1]}, 9, 1, 9, rng()), ValueError, "must leave 'budget'"),
        (lambda: search.asha(short_runs, SPACE, 0, 1, 9, rng()), ValueError, "n must be at least 1, got 0"),
        (lambda: search.asha(short_runs, SPACE, 9, 10, 9, rng()), ValueError, "min_budget must be at most"),
        (lambda: search.asha(short_runs, SPACE, 9, 0, 9, rng()), ValueError, "min_budget must be above 0"),
        (lambda: search.asha(short_runs, SPACE, 9, 1, 9, 0), TypeError, "rng must be a numpy.random.Gen"),
        (lambda: search.asha(short_runs, SPACE, 9, 1, 9, rng(), eta=1), ValueError, "eta must be above 1"),
        (
            lambda: search.asha(short_runs, SPACE, 9, 1, 9, rng(), workers=0),
            ValueError,
            "workers must be at least 1",
        ),
        (
            lambda: search.hyperband(short_runs, {"budget": [1]}, 9, rng()),
            ValueError,
            "space must leave 'budget' to the search",
        ),
        (lambda: search.bayesian(valley, {}, 9, rng()), ValueError, "space must name at least one"),
        (lambda: search.bayesian(valley, SPACE, 0, rng()), ValueError, "n must be at least 1, got 0"),
        (lambda: search.bayesian(valley, SPACE, 9, 0), TypeError, "rng must be a numpy.random.Generator"),
        (
            lambda: search.bayesian(valley, SPACE, 9, rng(), initial=0),
            ValueError,
            "initial must be at least 1, got 0",
        ),
        (
            lambda: search.bayesian(lambda x: {"accuracy": 1}, {"x": [1]}, 2, rng()),
            ValueError,
            "a dict with the number 'loss'",
        ),
        (
            lambda: GaussianProcess([[0.0]], [1.0, 2.0], 1, 1),
            ValueError,
            r"y must have shape \(1,\), got \(2,\)",
        ),
        (lambda: GaussianProcess([[0.0]], [1.0], 0, 1), ValueError, "length_scale must be above 0, got 0"),
        (lambda: GaussianProcess([[0.0]], [1.0], 1, 0), ValueError, "noise must be above 0, got 0"),
        (
            lambda: GaussianProcess([[0.0]], [1.0], 1, 1).predict([[0.0, 1.0]]),
            ValueError,
            r"x must have shape \(any, 1\)",
        ),
        (lambda: expected_improvement([0.0], [-1.0], 0), ValueError, "std must be at least 0, got -1.0"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_in_a_browser_a_search_starts_no_process_and_no_thread(monkeypatch):
    monkeypatch.setattr("dlcore.search.running.sys", SimpleNamespace(platform="emscripten"))
    monkeypatch.setattr("dlcore.training.sys", SimpleNamespace(platform="emscripten"))
    monkeypatch.setattr(tqdm, "monitor_interval", 10)
    assert set(run(lambda x: os.getpid(), grid({"x": [1, 2, 3]}), n_jobs=2)) == {os.getpid()}
    assert tqdm.monitor_interval == 0
