"""The pictures of recurrent networks state medians over seeds, in axes that stay."""

import numpy as np
import pytest

from dlbook.figures import recurrent
from dlcore.search import sweep
from drawing import drawn, limits

RNN = sweep(
    lambda radius, inputs, seed: radius ** np.arange(11.0) * (1 + 0.1 * seed),
    radius=[0.5, 2],
    inputs=["tiny"],
    seeds=3,
)
LSTM = sweep(
    lambda forget_bias, inputs, seed: (1 + seed) * np.full(11, 1e-3 if forget_bias else 1e-30),
    forget_bias=[0, 1], inputs=["tiny"], seeds=3,
)  # fmt: skip


def memory(**setting):
    setting = {"radius": 0.5, "forget_bias": 1, "inputs": "tiny"} | setting
    return drawn(recurrent.draw_memory, **setting, rnn=RNN, lstm=LSTM)


def test_what_is_left_of_the_gradient_is_the_median_at_the_longest_lag():
    assert memory()[0] == (
        "10 steps back the RNN with radius 0.5 keeps 0.001 of the gradient, and 0.002 is left in the LSTM "
        "with forget bias 1 (medians of 3 seeds)."
    )
    assert "keeps 1,000 of the gradient" in memory(radius=2)[0]


@pytest.mark.parametrize("setting", [{"radius": 2}, {"forget_bias": 0}])
def test_the_axes_do_not_move(setting):
    assert limits(memory(**setting)[1]) == limits(memory()[1])


def test_a_seed_that_learned_the_longest_distance_is_counted_and_networks_may_differ_in_seeds():
    runs = {
        "RNN": {10: np.ones(4), 40: np.array([0.5, 0.95, 0.96, 1.0])},
        "LSTM 0": {10: np.ones(2), 40: np.full(2, 0.5)},
        "LSTM 1": {10: np.ones(2), 40: np.ones(2)},
    }
    assert drawn(recurrent.draw_learned, runs=runs)[0] == (
        "Seeds above 95% over 40 steps: RNN: 2 of 4; LSTM 0: 0 of 2; LSTM 1: 2 of 2 (lines: means)."
    )


def test_good_rates_are_those_whose_median_learns():
    runs = sweep(
        lambda radius, clip, lr, seed: 1.0 if radius > 1 and (clip or lr < 1) else 0.5,
        radius=[1.2, 0.8], clip={"no clipping": None, "norm 1": 1.0}, lr=[0.1, 1.0], seeds=2,
    )  # fmt: skip
    assert drawn(recurrent.draw_clipping, runs=runs)[0] == (
        "Learning rates with a median accuracy of at least 95%: no clipping at radius 1.2: 0.1; norm 1 at "
        "radius 1.2: 0.1 and 1; no clipping at radius 0.8: none; norm 1 at radius 0.8: none."
    )
