"""Do the figures of the chapter on hyperparameter search say what their data say?"""

import numpy as np
import pytest

from dlbook.figures import hyperparameter_search as figures
from dlcore.search import sweep
from drawing import drawn, limits, said

SQUARE = np.array([[a, b] for a in (0.25, 0.75) for b in (0.25, 0.75)])
LOOSE = np.array([[0.1, 0.2], [0.3, 0.9], [0.5, 0.5], [0.8, 0.1]])


def shadows(grid, random, matters):
    """The figure of searches of four points; `grid` and `random` map what matters to every search's best."""
    runs = sweep(
        lambda budget, matters: {"lattice": SQUARE, "grid": np.full(100, grid[matters]),
                                 "drawn": LOOSE, "random": np.full(100, random[matters])},
        budget=[4], matters=list(grid), seeds=None,
    )  # fmt: skip
    return drawn(figures.draw_shadows, budget=4, matters=matters, runs=runs)


def test_the_shadows_count_values_and_compare_the_medians():
    best = {"x only": 0.08, "x and y alike": 0.05}, {"x only": 0.02, "x and y alike": 0.1}
    alone, _ = shadows(*best, matters="x only")
    assert "the grid tries 2 values of x, random search 4" in alone
    assert "0.080 from the optimum with a grid and 0.020 at random: the grid's distance is 4.0 times" in alone
    both, _ = shadows(*best, matters="x and y alike")
    assert "4 runs, x and y matter alike: " in both
    assert "only 0.5 times the random one's" in both


def test_the_axes_of_the_shadows_do_not_move():
    best = {"x only": 0.08, "x and y alike": 0.2}, {"x only": 0.02, "x and y alike": 0.02}
    first, second = (shadows(*best, matters=m)[1] for m in ("x only", "x and y alike"))
    assert limits(first) == limits(second)


def test_the_importance_names_the_first_and_the_second():
    values = {"rates": np.geomspace(1e-3, 1, 5), "errors": np.linspace(0.2, 0.9, 5)}
    shares, shuffled = {"width": 0.1, "lr": 0.5, "batch": 0.02}, {"width": 0.03, "lr": 0.04, "batch": 0.01}
    sentence = said(figures.draw_matters, shares=shares, shuffled=shuffled, **values)
    assert "over 5 networks the learning rate alone explains 50%, the next one, width, 10%" in sentence
    assert "would give the learning rate 4%" in sentence


def test_the_process_says_where_the_next_run_goes():
    at = np.linspace(-4, 1, 11)
    seen = {"x": np.array([-3.0, -1.0]), "y": np.array([0.9, 0.3]), "next": 0.0}
    flat = {"mean": np.full(11, 0.5), "std": np.full(11, 0.1), "improvement": np.linspace(0, 0.04, 11)}
    values = {"states": {2: seen | flat}, "at": at, "truth": np.full(11, 0.5), "truth_at": at}
    sentence = said(figures.draw_process, runs=2, **values)
    assert "After 2 runs the best error is 30%, at a rate of 0.1" in sentence
    assert "4.0 points, sends run 3 to 1." in sentence


def halving(eta, regret, survivor=0):
    """The figure of a search of four, each with its mean `regret`; the last starter is the best."""
    curves = np.tile(np.linspace(0.9, 0.3, 7), (4, 1)) + np.array([[0.0], [0.01], [0.02], [-0.1]])
    curves[1, 0] = 0.2  # the best at first is not the best in the end
    rungs = np.array([0, 0, 0, 3])
    rungs[survivor] = 6

    def replay(eta, budget, noise):
        run = {"n": 4, "dropped": 0.5, "curves": curves, "rungs": rungs}
        return run | {"regret": np.full(200, regret[eta])}

    runs = sweep(replay, eta=list(regret), budget=[8], noise=[0.1], seeds=None)
    by_chance = {8: np.full(200, 0.07)}
    return drawn(figures.draw_halving, eta=eta, budget=8, noise=0.1, runs=runs, by_chance=by_chance)


def test_halving_reports_its_regret_and_random_searchs():
    sentence, _ = halving(2, regret={2: 0.03, 4: 0.05})
    assert "the cost of 8 full runs, early noise 10 points: 4 configurations start" in sentence
    assert "50% of 200 searches drop the best" in sentence
    assert "Mean regret 3 points; random search with 8 full runs 7." in sentence
    assert "Mean regret 5 points" in halving(4, regret={2: 0.03, 4: 0.05})[0]


def test_every_eta_has_a_dot_at_its_own_mean_regret():
    _, figure = halving(2, regret={2: 0.03, 4: 0.05})
    dots = [line.get_ydata()[0] for line in figure.axes[1].get_lines() if line.get_marker() == "o"]
    assert dots == pytest.approx([3, 5])


def test_a_best_starter_that_was_dropped_is_marked_and_one_that_survived_is_not():
    dropped, kept = (halving(2, regret={2: 0.03}, survivor=i)[1].axes[0] for i in (0, 3))
    assert [text.get_text() for text in dropped.texts] == ["best, dropped"]
    assert not kept.texts


def test_a_regret_beyond_the_axis_is_drawn_at_its_edge_and_said():
    sentence, figure = halving(2, regret={2: 0.6, 4: 0.03})
    low, high = figure.axes[1].get_ylim()
    assert all(low <= y <= high for line in figure.axes[1].get_lines() for y in line.get_ydata())
    assert "Mean regret 60 points" in sentence


def test_the_budget_figure_reports_the_last_medians():
    ends = {"random": [0.5, 0.3], "hyperband": [0.6, 0.25], "ASHA": [0.4, 0.27]}
    best = {name: np.tile(losses, (9, 1)) for name, losses in ends.items()}
    sentence = said(figures.draw_spent, spent=np.array([1.0, 16.0]), best=best)
    assert "of 9 searches after 16 full runs: random 30.0%, hyperband 25.0%, ASHA 27.0%" in sentence


@pytest.mark.parametrize(("trials", "ranking"), [(1, "b 30%, a 40%"), (4, "a 20%, b 25%")])
def test_the_ranking_is_that_of_the_chosen_number_of_trials(trials, ranking):
    results = {"a": ([0.4, 0.2], np.full((5, 2), 0.5)), "b": ([0.3, 0.25], np.full((5, 2), 0.1))}
    lines = {"a": {"color": "red"}, "b": {"color": "blue"}}
    sentence = said(figures.draw_tuning, trials=trials, ks=[1, 4], results=results, lines=lines)
    assert sentence.endswith(f"expected: {ranking}.")


def test_the_curse_is_fresh_minus_validation_of_the_same_search():
    validation, fresh = np.tile([0.4, 0.2], (7, 1)), np.tile([0.41, 0.23], (7, 1))
    sentence = said(figures.draw_curse, tried=[1, 256], validation=validation, fresh=fresh)
    assert (
        "The best of 256 has a median validation error of 20.0% and is 3.0 points worse on fresh data"
        in sentence
    )
    assert "with 1 tried the median gap is 1.0" in sentence
