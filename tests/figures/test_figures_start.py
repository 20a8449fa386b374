"""The first chapter's pictures show one run, epoch by epoch, in axes that stay."""

import numpy as np
import pytest

from dlbook.figures import start
from dlcore.search import sweep
from drawing import drawn, limits

EPOCHS = (0, 1, 3)
GRID = np.linspace(-2, 3, 5)


def run(points, lr):
    """Losses that fall with the rate; a large one diverges."""
    falling = np.array([0.7, 0.4, 0.2]) if lr < 1 else np.array([0.7, 300.0, np.nan])
    rng = np.random.default_rng(0)
    return {
        "x": rng.normal(size=(points, 2)), "y": np.arange(points) % 2,
        "probability": np.broadcast_to(np.linspace(0, 1, 5), (3, 5, 5)),
        "train_loss": falling, "test_loss": falling + 0.1,
        "train_error": [0.5, 0.25, 0.0], "test_error": [0.5, 0.3, 0.2],
    }  # fmt: skip


RUNS = sweep(run, points=[4, 8], lr=[0.1, 3], seeds=None)


def picture(**setting):
    setting = {"points": 8, "lr": 0.1, "epoch": 3} | setting
    return drawn(start.draw_training, **setting, epochs=EPOCHS, runs=RUNS, grid=GRID)


def test_the_sentence_states_losses_and_errors_of_the_epoch():
    assert picture()[0] == (
        "8 training points, learning rate 0.1, after 3 epochs: training loss 0.20, test loss 0.30; 0% "
        "of the training points and 20% of the test points are wrong."
    )
    assert "after 1 epoch: training loss 0.40" in picture(epoch=1)[0]


def test_a_loss_that_left_the_picture_is_said_and_drawn_at_its_edge():
    sentence, figure = picture(lr=3, epoch=1)
    assert "training loss above 100" in sentence
    assert max(figure.axes[1].get_lines()[0].get_ydata()) == figure.axes[1].get_ylim()[1]
    assert "undefined" in picture(lr=3, epoch=3)[0]


@pytest.mark.parametrize("setting", [{"epoch": 0}, {"points": 4}, {"lr": 3}])
def test_the_axes_do_not_move(setting):
    assert limits(picture(**setting)[1]) == limits(picture()[1])


def test_only_the_epochs_so_far_are_drawn():
    assert len(picture(epoch=1)[1].axes[1].get_lines()[0].get_xdata()) == 2


def test_the_gap_between_the_errors_is_measured_by_the_median():
    sizes = sweep(
        lambda points, seed: {"train_error": 0.0, "test_error": [0.3, 0.2, 0.25][seed] / points * 10},
        points=[10, 100], seeds=3,
    )  # fmt: skip
    sentence, _ = drawn(start.draw_sizes, runs=sizes)
    assert sentence == (
        "With 10 training points the median test error is 25.0 percentage points above the training "
        "error, with 100 it is 2.5 (medians of 3 seeds)."
    )
