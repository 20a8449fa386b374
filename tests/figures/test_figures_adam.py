"""The figures of "Adam": do they draw, and do their sentences follow the data?"""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

from dlbook.explorer.style import palette
from dlbook.figures import adam as figures
from dlcore.optimizers import SGD, AdaDelta, AdaGrad, Adam, Momentum, RMSprop
from dlcore.search import sweep


def sentence(draw, *args, **kwargs):
    """Draw on a figure of the size of the page, and return the sentence."""
    figure = Figure(figsize=(7, 3.8), layout="constrained")
    target = figure.subplots() if draw.__code__.co_varnames[0] == "ax" else figure
    text = draw(target, *args, **kwargs)
    return text


bowl = SimpleNamespace(
    f=lambda p: p[0] ** 2 / 10 + p[1] ** 2,
    gradient=lambda p: [p[0] / 5, 2 * p[1]],
    start=(-7, 2),
    window=(-8, 4, -3, 3),
    least=0,
)


def test_a_walk_takes_the_optimizers_steps_and_leaves_its_start_alone():
    start = np.array([-7.0, 2.0])
    path = figures.walk(SGD(lr=0.5), bowl.gradient, start, steps=3)
    assert np.allclose(path, [[-7 * 0.9**t, 2 * 0.0**t] for t in range(4)])
    assert start.tolist() == [-7, 2]


def test_a_walk_that_diverges_ends_early_and_finite():
    path = figures.walk(SGD(lr=1e200), bowl.gradient, (-7, 2), steps=20)
    assert 1 < len(path) < 21
    assert np.isfinite(path[:-1]).all()


def test_the_detour_of_a_straight_path_is_1():
    assert figures.detour(np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 6.0]])) == pytest.approx(1)


def test_every_optimizer_has_the_colour_of_the_palette():
    assert figures.colour("RMSprop") == palette["rmsprop"]
    with pytest.raises(KeyError, match="no colour means"):
        figures.colour("Unheard")


def rare(adagrad):
    error = {"SGD": np.full((100, 16, 3), 0.5) * [1, 0.5, 0.02], "AdaGrad": np.full((100, 16, 3), adagrad)}
    runs = sweep(lambda method: error[method], method=["SGD", "AdaGrad"], seeds=None)
    return sentence(figures.draw_rare, runs, np.array([1, 0.1, 0.01]), after=50)


def test_the_rare_features_sentence_states_what_is_left():
    assert "SGD has left 1% of the rarest" in rare(0.25)
    assert "50% of the commonest" in rare(0.25)
    assert rare(0.25) != rare(0.1)


def test_the_burst_sentence_compares_with_the_rate():
    steps = {"AdaGrad": np.r_[np.ones(10), np.full(290, 0.001)], "RMSprop": np.full(300, 0.1)}
    text = sentence(figures.draw_burst, steps, burst=10, after=200, rate=0.1)
    assert "AdaGrad's steps are 1.0% of the rate" in text
    assert "RMSprop's steps are 100.0% of the rate" in text


def test_the_correction_sentence_states_both_peaks():
    flat, hill = np.full(40, 0.5), np.full(40, 0.5)
    hill[5] = 8.0
    switch, beta2 = {"correction": ["on", "off"]}, [0.999]
    longest = {"on": 1.0, "off": 6.6}
    lengths = sweep(
        lambda beta2, correction: np.linspace(longest[correction], 1, 100), beta2=beta2, **switch, seeds=None
    )
    losses = sweep(
        lambda beta2, lr, correction, seed: flat if correction == "on" else hill,
        beta2=beta2, lr=[0.01], **switch,
    )  # fmt: skip
    text = sentence(figures.draw_correction, beta2=0.999, lr=0.01, lengths=lengths, losses=losses)
    assert "6.6 rates long" in text
    assert "peaks at 8 (with it: 0.5)" in text


def coordinate(**changes):
    setting = dict(gradient="tripling", beta1=0.9, beta2=0.999, eps=1e-8, correction=Adam) | changes
    return sentence(figures.draw_coordinate, **setting)


def test_adams_step_is_one_rate_whatever_the_size_until_the_gradient_triples():
    g = figures.coordinate_gradients("tripling")
    step, *_ = figures._averages(Adam(1.0), g)
    assert np.allclose(step[:50], -1)
    text = coordinate()
    assert f"move the weight by {-step.sum():.1f} rates" in text
    assert f"{np.sqrt(np.mean(step[50:] ** 2)):.2f} rates (root mean square)" in text
    assert "make the steps no longer" in text
    assert "first step is 1.00 rates long" in text


def test_each_beta_changes_the_sentence_of_every_kind_of_gradient():
    for kind in ("tripling", "noisy", "sparse"):
        moves = [
            coordinate(gradient=kind, beta1=beta1, beta2=beta2)
            for beta1 in (0.0, 0.9)
            for beta2 in (0.9, 0.99, 0.999)
        ]
        assert len(set(moves)) == 6


@pytest.mark.parametrize("kind", ["tripling", "noisy", "sparse"])
def test_a_large_epsilon_makes_the_gradients_size_matter(kind):
    assert "make the steps no longer" in coordinate(gradient=kind)
    assert "times longer" in coordinate(gradient=kind, eps=1e-2)


def test_the_factor_is_that_between_the_largest_and_the_smallest_gradients():
    assert "make the steps 1,000 times longer" in coordinate(
        gradient="sparse", beta1=0.0, beta2=0.0, eps=1.0
    )  # 1000 / (1000 + 1) over 0.001 / (0.001 + 1)


def test_without_correction_the_first_step_is_too_long():
    class Uncorrected(Adam):
        def update(self, g, m, v):
            m += (1 - self.beta1) * (g - m)
            v += (1 - self.beta2) * (g * g - v)
            return self.lr * m / (np.sqrt(v) + self.eps)

    assert f"first step is {0.1 / 0.001**0.5:.2f} rates long" in coordinate(correction=Uncorrected)


def test_the_averages_are_those_that_the_steps_are_made_of():
    step, m, v, g = figures._averages(Adam(1.0, eps=1e-12), np.array([1.0, -2.0, 3.0]))
    assert np.allclose(-step, m / np.sqrt(v))
    assert g.tolist() == [1, -2, 3]


def test_the_epsilon_sentence_names_the_size_at_half_a_rate():
    sizes = np.geomspace(1e-12, 1, 200)
    text = sentence(figures.draw_epsilon, sizes, {"outside": sizes / (sizes + 1e-8), "all": np.ones(200)})
    assert "outside at 10⁻⁸" in text
    assert "all at 10⁻¹²" in text


def test_the_paths_sentence_measures_detours():
    straight, bent = np.array([[-7.0, 2.0], [0.0, 0.0]]), np.array([[-7.0, 2.0], [-7.0, 0.0], [0.0, 0.0]])
    text = sentence(figures.draw_paths, bowl, {"Adam": straight, "SGD": bent})
    assert "Adam 1, SGD 1.2" in text


racers = [SGD, Momentum, AdaGrad, AdaDelta, RMSprop, Adam]
race = partial(sentence, figures.draw_race, surface=bowl, racers=racers, most=300)


def test_the_race_names_the_leader_and_the_last():
    path = figures.walk(Momentum(lr=0.01), bowl.gradient, bowl.start, 100)
    text = race(rate=0.01, steps=100)
    assert f"Momentum leads with a loss of {bowl.f(path[-1]):.2g}" in text
    assert "AdaGrad is last" in text


def test_the_race_says_who_diverged():
    text = race(rate=1e200, steps=20)
    assert "SGD" in text.split(";")[1]
    assert "diverged" in text


def test_the_race_changes_with_rate_and_steps():
    assert len({race(rate=rate, steps=steps) for rate in (0.01, 0.5) for steps in (5, 50)}) == 4


def test_the_rotation_sentence_counts_the_steps_of_the_path():
    steps = {"AdaGrad": {0: 24, 45: 240}, "SGD": {0: 173, 45: 173}}
    ways = sweep(
        lambda method, angle: np.zeros((steps[method][angle] + 1, 2)),
        method=["AdaGrad", "SGD"], angle=[0, 45], seeds=None,
    )  # fmt: skip
    draw = partial(sentence, figures.draw_rotation, valley=lambda angle: bowl, ways=ways)
    assert "AdaGrad needs 240 steps" in draw(method="AdaGrad", angle=45)
    assert "10 times as many" in draw(method="AdaGrad", angle=45)
    assert "just as many" in draw(method="SGD", angle=45)


def floor(goal):
    loss = {"SGD": np.linspace(0.1, 0.0301, 50)[:, None] * np.ones(16), "Adam": np.full((50, 16), 0.04)}
    loss["Adam"][9:, :5] = 0.031
    return sentence(figures.draw_floor, goal, loss=loss, floor=np.linspace(0.01, 0.03, 16))


def test_the_floor_sentence_states_the_least_possible_loss():
    assert "is 0.020 in the median over 16 data sets and never below 0.010" in floor(0.005)
    assert floor(0.005).endswith("no optimizer gets to 0.005.")


def test_a_goal_above_the_floor_is_counted_in_updates_or_in_data_sets_that_reach_it():
    first = np.argmax(np.linspace(0.1, 0.0301, 50) < 0.035) + 1
    assert floor(0.035).endswith(f"median updates to 0.035 are SGD {first}, Adam in 5 only.")
    assert floor(0.05).endswith("Adam 1, SGD 37.")


def test_the_rates_sentence_counts_good_rates_and_a_diverged_rate_is_none():
    loss = {"Adam": {0.01: 0.5, 0.1: 0.52, 1.0: np.nan}, "SGD": {0.01: 2.0, 0.1: 1.0, 1.0: 0.6}}
    runs = sweep(
        lambda method, rate, seed: [loss[method][rate]] * 2,
        method=["Adam", "SGD"], rate=[0.01, 0.1, 1.0], seeds=3,
    )  # fmt: skip
    draw = partial(sentence, figures.draw_rates, runs=runs)
    assert "Adam: 2 of 3 rates come within 10% of its best loss, 0.50, which stands at rate 0.01" in draw(
        method="Adam", epoch=2
    )
    assert "SGD: 1 of 3 rates" in draw(method="SGD", epoch=2)
    assert "best of all is 0.50 (Adam)" in draw(method="SGD", epoch=1)


def test_the_winners_sentence_gives_the_factor_between_names():
    final = {"SGD": np.full(16, 0.6), "Adam": np.full(16, 0.5)}
    text = sentence(figures.draw_winners, final, {"SGD": 0.3, "Adam": 0.01})
    assert "Adam ends lowest (0.50) and SGD highest (0.60): a factor of 1.20 between all 2 names" in text


def test_the_game_sentence_averages_the_end_of_the_method_that_was_chosen():
    ends = {"Adam": 1.0, "AMSGrad": -1.0}
    games = sweep(
        lambda method, beta1, beta2: np.full(1000, ends[method] * (1 - beta1)),
        method=list(ends), beta1=[0.0, 0.5], beta2=[0.1, 0.9], seeds=None,
    )  # fmt: skip
    draw = partial(sentence, figures.draw_game, games=games, sgd=np.zeros(1000), best=-1)
    assert "Adam with β₁ = 0 and β₂ = 0.1 ends at 1.00" in draw(method="Adam", beta1=0.0, beta2=0.1)
    assert "AMSGrad with β₁ = 0.5 and β₂ = 0.9 ends at −0.50" in draw(method="AMSGrad", beta1=0.5, beta2=0.9)


def test_the_spectrum_sentence_counts_the_directions_of_gradient_and_step():
    values = np.array([[[1.0, 0.5, 0.05, 0.01], [2.0, 1.9, 1.8, 0.3]]])
    spectrum = sweep(lambda method: values, method=["Muon", "Lion"], seeds=None)
    text = sentence(figures.draw_spectrum, "Muon", 1, spectrum=spectrum)
    assert "2 of 4 singular values of the gradient" in text and text.endswith("and 4 of the step's.")
    with pytest.raises(IndexError):
        sentence(figures.draw_spectrum, "Muon", 2, spectrum=spectrum)


def test_the_beyond_sentence_names_the_lowest_and_counts_good_rates():
    losses = {"Muon": [0.5, 0.2, 0.21, np.inf], "AdamW": [0.9, 0.4, 0.3, 0.8]}
    factors = [1.0, 3.0, 10.0, 30.0]

    def run(method, factor, seed):
        loss = losses[method][factors.index(factor)]
        return {"loss": loss, "error": min(0.9, loss)}

    tried = sweep(run, method=list(losses), factor=factors, seeds=2)
    draw = partial(sentence, figures.draw_beyond, tried=tried)
    assert draw(method="Muon", output="loss").startswith(
        "Muon: the lowest training loss over 4 rates is 0.2, and 2 of them"
    )
    assert "AdamW: the lowest test error over 4 rates is 30.0%, and 1 of them" in draw(
        method="AdamW", output="error"
    )
