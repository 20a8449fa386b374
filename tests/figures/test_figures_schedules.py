"""Do the figures of the chapter on schedules say what their data say?"""

import numpy as np
from matplotlib.figure import Figure

import drawing
from dlbook.figures import schedules as figures
from drawing import said as drawn


def limits(draw, **values):
    return drawing.limits(drawing.drawn(draw, **values)[1])


def power(loss, left):
    return {
        "step": np.array([1, 10, 100]), "rate": [0.5, 0.05, 0.005], "loss": np.tile(loss, (8, 1)),
        "sum": 2.5, "sum_squares": 0.4, "left": left,
    }  # fmt: skip


def test_a_power_of_the_step_reports_its_sums_the_last_loss_and_who_stopped_short():
    results = {(2, 1): power([50, 20, 6.5], 3.6), (0, 0): power([50, np.nan, 1e-9], 0.0)}
    results[0, 1] = results[0, 0]
    sentence = drawn(figures.draw_power, power=2, noise=1, results=results)
    assert "Power 2, noise 1: the 100 rates add up to 2.5, their squares to 0.4" in sentence
    assert "ends at 6.5, and the runs stop 3.6 short" in sentence
    constant = drawn(figures.draw_power, power=0, noise=0, results=results)
    assert constant.startswith("A constant rate, noise 0")
    assert "ends at 1e−9, and the runs are about the minimum" in constant


def test_the_axes_of_the_powers_stay_where_they_are():
    results = {(2, 1): power([50, 20, 6.5], 3.6), (0, 1): power([50, np.inf, 1e-9], 0.0)}
    here = [limits(figures.draw_power, power=p, noise=n, results=results) for p, n in results]
    assert here[0] == here[1]


def gallery(last=0.6):
    def run(end, label):
        return {
            "label": label,
            "factor": np.linspace(1, 0.25, 4),
            "step": [0, 2, 4],
            "loss": np.tile([3, 1, end], (16, 1)),
        }

    return {"constant": {"high": run(0.8, "rate × 1")}, "cosine": {"low": run(last, "end 0")}}


def test_the_gallery_compares_a_schedule_with_the_constant_rate():
    sentence = drawn(figures.draw_gallery, schedule="cosine", parameter="low", results=gallery())
    assert "Cosine, end 0: the last factor is 0.25, the mean one 0.62" in sentence
    assert "after 4 steps the loss is 0.60, its middle half 0.60 to 0.60 over 16 seeds" in sentence
    assert "the constant rate ends at 0.80." in sentence
    constant = drawn(figures.draw_gallery, schedule="constant", parameter="high", results=gallery())
    assert "the constant rate ends" not in constant


def test_a_diverged_schedule_is_said_and_the_axes_stay():
    bad = gallery(np.nan)
    assert "the loss is off the scale" in drawn(
        figures.draw_gallery, schedule="cosine", parameter="low", results=bad
    )
    values = {"schedule": "cosine", "parameter": "low"}
    assert limits(figures.draw_gallery, results=bad, **values) == limits(
        figures.draw_gallery, results=gallery(), **values
    )


def test_the_range_test_gives_its_readings_and_the_sweeps_best_rate():
    rate = np.geomspace(0.001, 10, 5)
    loss = np.array([[3, 2, 1, 2, np.nan], [3, 2, 1.5, 1.2, np.inf]])
    test = {"rate": rate, "loss": loss, "reading": np.array([0.1, 0.3])}
    sweep = {0.1: [0.8, 0.9], 0.2: [0.6, 0.7], 0.4: [np.nan, np.nan]}
    results = {20: {"sweep": sweep, "tests": {5: test}}}
    sentence = drawn(figures.draw_range_test, batch=20, steps=5, results=results)
    assert "Batches of 20, a test of 5 steps" in sentence
    assert "is 0.2 in the median, 0.1 to 0.3 over 2 seeds; the sweep's best constant rate is 0.2." in sentence


def warm(last):
    def run(loss, peak):
        return {"rate": [peak] * 4, "step": [0, 2, 4], "loss": np.array(loss)}

    bad = [[100, np.nan, np.nan], [100, 3, 2.3]]
    return {
        ("cosine", 0, 0.01): run([[100, 3, 1.2], [100, 3, 1.2]], 0.01),
        ("cosine", 0, 0.08): run(bad, 0.08),
        ("cosine", 10, 0.08): run([[100, 3, last], [100, 3, last]], 0.08),
        ("constant", 0, 0.01): run([[100, 3, 0.1], [100, 3, 0.1]], 0.01),
    }


def test_the_warm_up_counts_failed_seeds_and_names_the_best_rate_without_it():
    sentence = drawn(figures.draw_warmup, schedule="cosine", steps=10, rate=0.08, results=warm(0.5))
    assert "Peak rate 0.08, 10 warm-up steps, then cosine: 0 of 2 seeds fail" in sentence
    assert "after 4 steps is 0.50; without warm-up the best rate, 0.01, reaches 1.2." in sentence
    without = drawn(figures.draw_warmup, schedule="cosine", steps=0, rate=0.08, results=warm(0.5))
    assert (
        "no warm-up, then cosine: 2 of 2 seeds fail, and the median loss after 4 steps is off the scale"
        in without
    )


def test_the_axes_of_the_warm_up_do_not_move_when_runs_diverge():
    here = [
        limits(figures.draw_warmup, schedule="cosine", steps=w, rate=0.08, results=warm(0.5)) for w in (0, 10)
    ]
    assert here[0] == here[1]


def test_a_diverged_run_is_drawn_at_the_edge_of_the_axes_in_red():
    figure = Figure()
    figures.draw_warmup(figure, schedule="cosine", steps=0, rate=0.08, results=warm(0.5))
    runs = [line for line in figure.axes[1].lines if len(line.get_ydata()) == 3]
    assert [line.get_color() for line in runs] == [figures.FAILED] * 2
    top = figure.axes[1].get_ylim()[1]
    assert all(np.isfinite(line.get_ydata()).all() and line.get_ydata().max() < top for line in runs)


def test_a_run_has_failed_when_it_guesses_or_diverged():
    ends = [[3, 1.9], [3, 2.3], [3, np.nan], [3, np.inf]]
    assert figures.failed(ends).tolist() == [False, True, True, True]


def test_the_sharpness_is_compared_with_the_limit_at_the_full_rate():
    values = {
        "step": [0, 2],
        "sharpness": np.tile([800.0, 10.0], (16, 1)),
        "limit": np.array([120.0, 60.0, 40.0]),
    }
    sentence = drawn(figures.draw_sharpness, **values)
    assert "over 16 seeds is 800, 20 times the limit of 40 at the full rate; at step 2" in sentence
    assert sentence.endswith("it is 10.")


def test_a_race_reports_every_ending_and_survives_divergence():
    losses = {"SGDR": np.tile([1, 0.6], (4, 1)), "constant": np.full((4, 2), np.nan)}
    colours = {"SGDR": "blue", "constant": "baseline"}
    sentence = drawn(figures.draw_race, step=range(0, 101, 100), losses=losses, colours=colours)
    assert sentence == "Median loss after 100 steps: SGDR 0.60, constant off the scale."
    both = drawn(figures.draw_race, step=[0, 100], losses=losses, colours=colours, marks=(0, 100))
    assert both.startswith(
        "Median loss after 0 steps: SGDR 1.00, constant off the scale; after 100 steps: SGDR 0.60"
    )
