"""Do the figures of the chapter on second-order methods say what their data say?"""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import drawing
from dlbook.explorer.style import themes
from dlbook.figures import second_order as figures
from dlcore.search import sweep
from drawing import said as drawn


def limits(draw, **values):
    return drawing.limits(drawing.drawn(draw, **values)[1])


def test_a_parabola_that_opens_downwards_leads_uphill():
    sentence = drawn(figures.draw_parabola, start=0.4)
    end = 0.4 - (0.4**3 - 0.4) / (3 * 0.4**2 - 1)
    assert f"opens downwards, its flat point is at −{-end:.2f}, and f goes up" in sentence
    assert "opens upwards" in drawn(figures.draw_parabola, start=1.3)
    assert "f stays" in drawn(figures.draw_parabola, start=1.0)


def paths():
    good = {
        "theta": np.array([[1.0, 1], [0.5, 0], [0, 0]]),
        "loss": [2.0, 0.25, 1e-20],
        "evaluations": [1, 6, 11],
        "end": "a minimum",
    }
    wild = {
        "theta": np.array([[1.0, 1], [9e5, 0]]),
        "loss": [2.0, np.inf],
        "evaluations": [1, 6],
        "end": "nowhere",
    }
    x = np.linspace(-2, 2, 5)
    run = {"x": x, "y": x, "z": x**2 + x[:, None] ** 2, "paths": {"Newton": good, "gradient descent": wild}}
    return {"bowl": run}


def test_a_path_says_its_loss_now_and_what_it_needs():
    values = {"function": "bowl", "method": "Newton", "runs": paths()}
    assert drawn(figures.draw_paths, steps=1, **values) == (
        "Bowl, Newton, after 1 step (6 evaluations): loss 0.25. It needs 11 evaluations to 10⁻⁶."
    )
    assert "after 2 of at most 5 steps (11 evaluations): loss below 10⁻¹²" in drawn(
        figures.draw_paths, steps=5, **values
    )


def test_a_path_that_leaves_the_map_is_drawn_at_the_edge_and_said():
    values = {"function": "bowl", "method": "gradient descent", "steps": 5, "runs": paths()}
    sentence = drawn(figures.draw_paths, **values)
    assert "loss beyond all bounds. It ends nowhere and never reaches 10⁻⁶" in sentence
    figure = Figure()
    figures.draw_paths(figure, **values)
    assert all(np.abs(line.get_xdata()).max() <= 2 for line in figure.axes[0].lines)


def test_the_axes_of_paths_stay_where_they_are():
    settings = [("Newton", 1), ("Newton", 5), ("gradient descent", 5)]
    seen = [limits(figures.draw_paths, function="bowl", method=m, steps=k, runs=paths()) for m, k in settings]
    assert seen[0] == seen[1] == seen[2]


def test_the_map_of_basins_counts_its_cells():
    runs = sweep(
        lambda damping: np.zeros((2, 2), int) if damping else [[0, 1], [2, 3]], damping=[0, 30], seeds=None
    )
    points = {"minimum": [(1, 1)], "saddle": [(0, 1)], "maximum": [(0, 0)]}
    values = {"runs": runs, "extent": (-6, 6, -6, 6), "points": points}
    assert (
        "25% of the starts are at a minimum, 25% at a saddle, 25% at the maximum and 25% nowhere yet"
        in drawn(figures.draw_basins, damping=0, **values)
    )
    assert "100% of the starts are at a minimum, 0% at a saddle" in drawn(
        figures.draw_basins, damping=30, **values
    )
    assert limits(figures.draw_basins, damping=0, **values) == limits(
        figures.draw_basins, damping=30, **values
    )


def test_the_map_and_its_legend_have_the_same_colours_in_both_themes():
    runs = sweep(lambda damping: [[0, 1], [2, 3]], damping=[0], seeds=None)
    points = {"minimum": [(1, 1)], "saddle": [(0, 1)], "maximum": [(0, 0)]}
    _, figure = drawing.drawn(figures.draw_basins, damping=0, runs=runs, extent=(-6, 6, -6, 6), points=points)
    ax = figure.axes[0]
    legend = [to_hex(patch.get_facecolor()) for patch in ax.get_legend().get_patches()]
    on_map = [to_hex(colour) for colour in ax.images[0].cmap(np.arange(4))]
    assert legend == on_map == list(figures.BASINS)
    assert not set(legend) & set(themes())  # a raster picture cannot follow the theme


def test_the_line_accepts_what_the_wolfe_conditions_accept():
    alpha = np.linspace(0, 2, 101)
    sentence = drawn(
        figures.draw_line, alpha=alpha, value=(alpha - 1) ** 2, slopes=2 * (alpha - 1), c1=0.5, c2=0.5
    )
    assert "50% go down enough, 51% end flat enough, and 26% do both" in sentence


def test_the_race_tells_medians_and_survives_divergence():
    loss = {"SGD": 0.5, "L-BFGS": 0.1, "Adam": np.nan}
    runs = sweep(
        lambda model, method: np.full((3, 3), loss[method]),
        model=["network", "line"], method=list(loss), seeds=None,
    )  # fmt: skip
    sentence = drawn(figures.draw_race, runs=runs, evaluations=2)
    assert "Network: SGD 0.5, L-BFGS 0.1, Adam beyond all bounds; line:" in sentence


def test_pairs_count_the_wrong_signs():
    new = {0.1: [-1.0, 3.0, 9.0, 11.0], 0.5: [1.0] * 4}
    runs = sweep(
        lambda share, length: {"new": new[share], "same": [1.0] * 4}, share=[0.1, 0.5], length=[1], seeds=None
    )
    sentence = drawn(figures.draw_pairs, share=0.1, length=1, runs=runs)
    assert "with two batches 25% of 4 pairs have s′y < 0" in sentence
    assert "with one batch at both ends 0% and 0.0" in sentence
    assert limits(figures.draw_pairs, share=0.1, length=1, runs=runs) == limits(
        figures.draw_pairs, share=0.5, length=1, runs=runs
    )


@pytest.fixture
def races():
    still = np.full((4, 3), 0.4)
    blown = np.array([[1.0, np.inf, np.inf], [1.0, np.nan, np.nan], [1.0, 0.9, 0.8], [1.0, 0.9, 0.8]])
    loss = {(1, "L-BFGS, new batches"): still / 2, (0.1, "L-BFGS, new batches"): blown}
    return sweep(
        lambda share, method: loss.get((share, method), still),
        share=[1, 0.1], method=["Adam", "L-BFGS, new batches"], seeds=None,
    )  # fmt: skip


def test_the_race_over_shares_names_the_lowest_and_counts_divergence(races):
    method = "L-BFGS, new batches"
    all_data = drawn(figures.draw_shares, share=1, method=method, runs=races)
    assert "median loss 0.2 after 2 passes; the lowest of all is L-BFGS with 0.2" in all_data
    tenth = drawn(figures.draw_shares, share=0.1, method=method, runs=races)
    assert "2 of 4 runs diverged; the lowest of all is Adam with 0.4" in tenth
    assert limits(figures.draw_shares, share=1, method="Adam", runs=races) == limits(
        figures.draw_shares, share=0.1, method=method, runs=races
    )


def test_adams_v_is_told_as_a_share_of_the_diagonal():
    h = np.array([0.1, 0.2, 0.4, -0.1])
    sentence = drawn(figures.draw_adam_v, runs={"all": (h, 0.25 * h)})
    assert sentence == "All: v is 0.25 of the diagonal entry in the median."
