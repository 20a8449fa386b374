"""A sweep runs every setting with the same seeds, and its table is the loops that one would have written."""

import os
import signal

import numpy as np
import pytest

from dlcore.search import ExperimentFailed, limited_seeds, spread, sweep


def noisy(lr, width, seed):
    return lr * width + np.random.default_rng(seed).normal(size=3)


def by_hand(lr, width, seeds):
    return np.array([noisy(lr, width, seed) for seed in seeds])


def test_a_sweep_is_the_loops_over_settings_and_seeds():
    runs = sweep(noisy, lr=[0.1, 0.2], width=[4, 8, 16], seeds=5)
    assert runs.axes == {"lr": (0.1, 0.2), "width": (4, 8, 16)} and runs.seeds == (0, 1, 2, 3, 4)
    assert runs.values.shape == (2, 3, 5, 3)
    for i, lr in enumerate(runs.axes["lr"]):
        for j, width in enumerate(runs.axes["width"]):
            expected = by_hand(lr, width, range(5))
            assert np.array_equal(runs.at(lr=lr, width=width), expected)
            assert np.array_equal(runs.values[i, j], expected)
            assert np.array_equal(runs.median[i, j], np.median(expected, axis=0))


def test_seeds_may_be_named_and_an_experiment_without_chance_needs_none():
    assert np.array_equal(
        sweep(noisy, lr=[1], width=[1], seeds=[7, 3]).at(lr=1, width=1), by_hand(1, 1, [7, 3])
    )
    squares = sweep(lambda x: x**2, x=range(4), seeds=None)
    assert np.array_equal(squares.values, [0, 1, 4, 9]) and np.array_equal(squares.median, [0, 1, 4, 9])


def test_a_sweep_without_axes_repeats_one_experiment():
    runs = sweep(lambda seed: seed, seeds=3)
    assert runs.at().tolist() == [0, 1, 2] == runs.values.tolist() and runs.median == 1


def test_some_axes_given_leave_a_sweep_over_the_others():
    runs = sweep(noisy, lr=[0.1, 0.2], width=[4, 8], seeds=2)
    rest = runs.at(width=8)
    assert rest.axes == {"lr": (0.1, 0.2)}
    assert np.array_equal(rest.values, runs.values[:, 1])
    assert [setting for setting, _ in rest] == [{"lr": 0.1}, {"lr": 0.2}] and len(rest) == 2


def test_named_values_reach_the_experiment_and_names_reach_the_reader():
    runs = sweep(lambda f, seed: f(4.0), f={"root": np.sqrt, "half": lambda x: x / 2}, seeds=1)
    assert runs.axes == {"f": ("root", "half")}
    assert runs.at(f="root").tolist() == [2.0] == runs.at(f="half").tolist()


def test_several_outputs_are_sweeps_by_name():
    def both(lr, seed):
        return {"loss": lr + seed, "curve": [lr, lr * 2]}

    runs = sweep(both, lr=[1, 2], seeds=2)
    assert runs["curve"].values.shape == (2, 2, 2) and runs["loss"].at(lr=2).tolist() == [2, 3]
    assert runs.at(lr=2)["loss"].tolist() == [2, 3]
    with pytest.raises(ValueError, match="take self\\[name\\] first, with one of loss, curve"):
        _ = runs.values
    with pytest.raises(KeyError, match="the outputs have 'loss', 'curve'; got 'error'"):
        _ = runs["error"]


def test_outputs_may_have_another_shape_at_another_setting_but_then_there_is_no_array_of_all():
    runs = sweep(lambda steps, seed: np.zeros(steps), steps=[2, 3], seeds=2)
    assert runs.at(steps=3).shape == (2, 3)
    with pytest.raises(ValueError, match=r"got \(2, 2\) at steps=2 and \(2, 3\) at steps=3: use at"):
        _ = runs.values


def test_two_processes_give_the_same_to_the_bit():
    one, two = (sweep(noisy, lr=[0.1, 0.2], width=[4], seeds=3, n_jobs=n).values for n in (1, 2))
    assert np.array_equal(one, two)


def test_the_best_setting_has_the_lowest_median_and_an_axis_that_ends_there_is_named():
    losses = sweep(lambda lr, init, seed: abs(lr - 0.3) + seed, lr=[0.1, 0.3, 1.0], init=["a", "b"], seeds=3)
    assert losses.best == {"lr": 0.3, "init": "a"} and losses.best_at_edge == []
    edge = sweep(lambda lr, seed: -lr, lr=[0.1, 0.3, 1.0], seeds=1)
    assert edge.best == {"lr": 1.0} and edge.best_at_edge == ["lr"]
    diverged = sweep(lambda lr, seed: np.nan if lr > 0.2 else lr, lr=[0.1, 0.3], seeds=2)
    assert diverged.best == {"lr": 0.1}
    with pytest.raises(ValueError, match="best needs one number from each run"):
        _ = sweep(noisy, lr=[1], width=[1], seeds=1).best


def test_spread_leaves_out_what_is_missing():
    low, median, high = spread([[1.0, np.nan], [2.0, np.nan], [4.0, np.nan]], share=1)
    assert (low[0], median[0], high[0]) == (1, 2, 4) and np.isnan(median[1])
    assert np.array_equal(spread([[1, 2, 9]], axis=1)[1], [2])


def test_a_run_that_diverged_counts_as_infinite():
    assert [float(x) for x in spread([0.5, np.inf, np.inf])] == [np.inf] * 3
    assert [float(x) for x in spread([0.5, 0.6, 0.7, 0.8, np.inf])] == [0.6, 0.7, 0.8]
    assert float(spread([0.5, np.inf])[1]) == np.inf == np.median([0.5, np.inf])
    runs = sweep(lambda lr, seed: lr if seed or lr < 1 else np.inf, lr=[0.1, 1.0], seeds=2)
    assert runs.median.tolist() == [0.1, np.inf]


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (dict(experiment=3), TypeError, "experiment must be a function, got 3"),
        (dict(lr=[]), ValueError, "lr must have at least one value, got none"),
        (dict(lr="abc"), TypeError, "lr must be a list of values, got 'abc'"),
        (dict(lr=0.1), TypeError, "lr must be a list of values, got 0.1"),
        (dict(lr=[0.1, 1, 0.1]), ValueError, "lr must have different values, got 0.1 twice"),
        (dict(lr=[1], seeds=0), ValueError, "seeds must be at least 1, got 0"),
        (dict(lr=[1], seeds=[]), ValueError, "seeds must have at least one seed, got none"),
        (dict(lr=[1], seeds=[3, 4, 3]), ValueError, "seeds must differ, got 3 twice"),
        (dict(lr=[1], seeds=[0.5]), TypeError, "seeds must be a whole number, got 0.5"),
        (dict(rate=[1]), TypeError, "experiment must take what configurations name"),
        (dict(lr=[1], seeds=None), TypeError, "missing a required argument: 'seed'"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_runs(arguments, error, message):
    asked = []

    def experiment(lr, seed):
        asked.append(lr)
        return 0.0

    with pytest.raises(error, match=message):
        sweep(**{"experiment": experiment} | arguments)
    assert asked == []


def test_seeds_that_return_different_shapes_are_refused_with_their_setting():
    with pytest.raises(ValueError, match=r"one shape for all seeds, got \(1,\) and \(2,\) at lr=0.3"):
        sweep(lambda lr, seed: np.zeros(1 + (lr == 0.3) * seed), lr=[0.1, 0.3], seeds=2)
    with pytest.raises(ValueError, match="the same names for all seeds at lr=1"):
        sweep(lambda lr, seed: {"a": 1} if seed else {"b": 1}, lr=[1], seeds=2)
    with pytest.raises(TypeError, match="must return numbers, arrays or a dict of them, got 'low' at lr=1"):
        sweep(lambda lr, seed: "low", lr=[1], seeds=2)


def test_a_setting_that_is_not_there_is_refused():
    runs = sweep(noisy, lr=[0.1, 0.2], width=[4], seeds=2)
    with pytest.raises(ValueError, match="lr must be one of 0.1, 0.2, got 0.3"):
        runs.at(lr=0.3)
    with pytest.raises(ValueError, match=r"a setting must name axes \(lr, width\), got 'depth'"):
        runs.at(depth=3)


def ends(x, seed):
    """Ends in the way that x names, with seed 1."""
    if seed == 1 and x == "error":
        raise ZeroDivisionError("nothing to divide by")
    if seed == 1 and x == "exit":
        raise SystemExit("no such data set")
    if seed == 1 and x == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    return np.full(2, seed)


@pytest.mark.filterwarnings("ignore:A worker stopped:UserWarning")  # joblib's
@pytest.mark.parametrize(
    "x, n_jobs, reason",
    [
        ("error", None, "ZeroDivisionError: nothing to divide by"),
        ("error", 2, "ZeroDivisionError: nothing to divide by"),
        ("exit", None, "SystemExit: no such data set"),
        ("exit", 2, "SystemExit: no such data set"),
        ("kill", 2, "TerminatedWorkerError"),
    ],
)
def test_an_experiment_that_ends_in_another_way_is_named_and_the_others_are_kept(x, n_jobs, reason):
    with pytest.raises(ExperimentFailed, match=f"1 of 4 runs, the first at x={x}, seed=1: {reason}") as error:
        sweep(ends, x=["fine", x], seeds=2, n_jobs=n_jobs)
    assert error.value.failed == [{"x": x, "seed": 1}]
    kept = error.value.results
    assert [(c["x"], c["seed"]) for c in kept.configurations] == [("fine", 0), ("fine", 1), (x, 0)]
    assert [output.tolist() for output in kept] == [[0, 0], [1, 1], [0, 0]]


def test_a_limit_takes_the_first_seeds_and_says_so(monkeypatch, capsys):
    whole = sweep(lambda lr, seed: lr + seed, lr=[1, 2], seeds=[5, 3, 4])
    monkeypatch.setenv("SWEEP_SEEDS", "2")
    part = sweep(lambda lr, seed: lr + seed, lr=[1, 2], seeds=[5, 3, 4])
    assert part.seeds == (5, 3)
    np.testing.assert_array_equal(part.values, whole.values[:, :2])
    assert capsys.readouterr().out == "2 of 3 seeds (SWEEP_SEEDS=2)\n"
    assert sweep(lambda lr, seed: lr, lr=[1], seeds=2).seeds == (0, 1)
    assert sweep(lambda lr: lr, lr=[1], seeds=None).seeds is None
    assert capsys.readouterr().out == ""


def test_networks_side_by_side_take_as_many_seeds_as_a_sweep(monkeypatch, capsys):
    monkeypatch.delenv("SWEEP_SEEDS", raising=False)
    assert limited_seeds(3) == (0, 1, 2) and limited_seeds([5, 3, 4]) == (5, 3, 4)
    monkeypatch.setenv("SWEEP_SEEDS", "2")
    assert limited_seeds([5, 3, 4]) == (5, 3) and limited_seeds(2) == (0, 1)
    assert capsys.readouterr().out == "2 of 3 seeds (SWEEP_SEEDS=2)\n"
    with pytest.raises(ValueError, match="seeds must differ, got 5 twice"):
        limited_seeds([5, 5])


def test_a_bar_shows_how_far_it_is_in_a_browser_only(monkeypatch, capsys):
    sweep(lambda seed: seed, seeds=3)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.platform", "emscripten")
    assert sweep(lambda seed: seed, seeds=3).seeds == (0, 1, 2)
    assert "3/3" in capsys.readouterr().err


@pytest.mark.parametrize("limit", ["0", "-1", "two", "1.5"])
def test_a_limit_that_is_no_number_of_seeds_is_refused(monkeypatch, limit):
    monkeypatch.setenv("SWEEP_SEEDS", limit)
    with pytest.raises(ValueError, match=f"SWEEP_SEEDS must be a number of seeds, at least 1, got '{limit}'"):
        sweep(lambda seed: seed, seeds=3)
