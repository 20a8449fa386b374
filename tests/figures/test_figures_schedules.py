"""Do the figures of the chapter on schedules say what their data say?"""

import numpy as np
from matplotlib.figure import Figure

import drawing
from dlbook.figures import schedules as figures
from dlcore.search import sweep
from drawing import said as drawn


def limits(draw, **values):
    return drawing.limits(drawing.drawn(draw, **values)[1])


def power(power, noise):
    short = {"loss": np.tile([50, 20, 6.5], (8, 1)), "left": 3.6}
    there = {"loss": np.tile([50, np.inf if noise else np.nan, 1e-9], (8, 1)), "left": 0.0}
    sums = {"step": [1, 10, 100], "rate": [0.5, 0.05, 0.005], "sum": 2.5, "sum_squares": 0.4}
    return sums | (short if power else there)


POWERS = sweep(power, power=[0, 2], noise=[0, 1], seeds=None)


def test_a_power_of_the_step_reports_its_sums_the_last_loss_and_who_stopped_short():
    sentence = drawn(figures.draw_power, power=2, noise=1, runs=POWERS)
    assert "Power 2, noise 1: the 100 rates add up to 2.5, their squares to 0.4" in sentence
    assert "ends at 6.5, and the runs stop 3.6 short" in sentence
    constant = drawn(figures.draw_power, power=0, noise=0, runs=POWERS)
    assert constant.startswith("A constant rate, noise 0")
    assert "ends at 10⁻⁹, and the runs are about the minimum" in constant


def test_the_axes_of_the_powers_stay_where_they_are():
    here = [limits(figures.draw_power, power=p, noise=1, runs=POWERS) for p in (0, 2)]
    assert here[0] == here[1]


def gallery(last=0.6):
    def run(schedule, rate):
        end = last if schedule == "cosine" else {0.1: 0.8, 0.4: 0.9}[rate]
        return {"factor": np.linspace(1, 0.25, 4), "loss": np.tile([3, 1, end], (16, 1))}

    return {"runs": sweep(run, schedule=["constant", "cosine"], rate=[0.1, 0.4], seeds=None), "every": 2}


def test_the_gallery_compares_a_schedule_with_the_best_constant_rate():
    sentence = drawn(figures.draw_gallery, schedule="cosine", rate=0.4, **gallery())
    assert "Cosine, base rate 0.4: the last factor is 0.25, the mean one 0.62" in sentence
    assert "after 4 steps the loss is 0.60, its middle half 0.60 to 0.60 over 16 seeds" in sentence
    assert "the best constant rate, 0.1, ends at 0.80." in sentence
    assert "best constant" in drawn(figures.draw_gallery, schedule="constant", rate=0.4, **gallery())
    assert "best constant" not in drawn(figures.draw_gallery, schedule="constant", rate=0.1, **gallery())


def test_a_diverged_schedule_is_said_and_the_axes_stay():
    bad, values = gallery(np.nan), {"schedule": "cosine", "rate": 0.4}
    assert "the loss is off the scale" in drawn(figures.draw_gallery, **bad, **values)
    assert limits(figures.draw_gallery, **bad, **values) == limits(
        figures.draw_gallery, **gallery(), **values
    )


def test_the_range_test_gives_its_readings_and_the_sweeps_best_rate():
    rate = np.geomspace(0.001, 10, 5)
    loss = np.array([[3, 2, 1, 2, np.nan], [3, 2, 1.5, 1.2, np.inf]])
    test = {"rate": rate, "loss": loss, "reading": np.array([0.1, 0.3])}
    final = {0.1: [0.8, 0.9], 0.2: [0.6, 0.7], 0.4: [np.nan, np.nan]}
    full = sweep(lambda batch, lr: final[lr], batch=[20], lr=list(final), seeds=None)
    tests = sweep(lambda batch, steps: test, batch=[20], steps=[5], seeds=None)
    sentence = drawn(figures.draw_range_test, batch=20, steps=5, full=full, tests=tests)
    assert "Batches of 20, a test of 5 steps" in sentence
    assert "is 0.2 in the median, 0.1 to 0.3 over 2 seeds; the sweep's best constant rate is 0.2." in sentence


def warm(last):
    def run(steps, rate):
        good = [100, 3, last if steps else 1.2]
        bad = [[100, np.nan, np.nan], [100, 3, 2.3]]
        return {"rate": [rate] * 4, "loss": bad if (steps, rate) == (0, 0.08) else [good, good]}

    runs = sweep(run, steps=[0, 10], rate=[0.01, 0.08], seeds=None)
    return {"runs": runs, "every": 2}


def test_the_warm_up_counts_failed_seeds_and_names_the_best_rate_without_it():
    sentence = drawn(figures.draw_warmup, steps=10, rate=0.08, **warm(0.5))
    assert "Peak rate 0.08, 10 warm-up steps, then a cosine: 0 of 2 seeds fail" in sentence
    assert "after 4 steps is 0.50; without warm-up the best rate, 0.01, reaches 1.2." in sentence
    without = drawn(figures.draw_warmup, steps=0, rate=0.08, **warm(0.5))
    assert (
        "no warm-up, then a cosine: 2 of 2 seeds fail, and the median loss after 4 steps is off the scale"
        in without
    )


def test_the_axes_of_the_warm_up_do_not_move_when_runs_diverge():
    here = [limits(figures.draw_warmup, steps=w, rate=0.08, **warm(0.5)) for w in (0, 10)]
    assert here[0] == here[1]


def test_a_diverged_run_is_drawn_at_the_edge_of_the_axes_in_red():
    figure = Figure()
    figures.draw_warmup(figure, steps=0, rate=0.08, **warm(0.5))
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
