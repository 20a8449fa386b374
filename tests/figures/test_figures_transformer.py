"""The transformer's pictures show stored runs side by side, in axes that stay."""

import functools

import numpy as np
import pytest

from dlbook.figures import transformer as figures
from dlbook.replications.experiments.transformer import ARMS, AXES
from dlcore.search import sweep
from drawing import drawn, limits, said

STEPS = (0, 150, 300)


def result(end, seeds=4):
    """Curves that fall to `end`, a little higher for each seed."""
    ends = end + 0.01 * np.arange(seeds)
    groups = {group: ends * factor for group, factor in zip(figures.GROUPS, (0.5, 1, 2))}
    return {"curve": np.array([[2.0, (2 + e) / 2, e] for e in ends]), "excess": ends, **groups}


RUNS = {name: result(0.4 + 0.05 * i) for i, name in enumerate(ARMS)}
RUNS["no norm"] = result(0.3)
RUNS["Muon"] = {
    "curve": np.array([[2.0, np.inf, np.inf]] * 4), "excess": np.full(4, np.inf),
}  # fmt: skip


@functools.cache
def change(name):
    return drawn(figures.draw_change, change=name, runs=RUNS, steps=STEPS, alone=0.45)


def test_every_change_names_an_arm_and_every_arm_that_was_run_is_somebodys_change():
    run = {figures.split_arm(arm)[0] for arm in AXES["arm"]}
    elsewhere = {name for name in run if name.startswith(("flat ", "6 blocks")) or "148" in name}
    assert set(figures.CHANGES.values()) == run - elsewhere


def test_the_sentence_states_both_ends_and_how_many_seeds_are_worse():
    assert change("nothing")[0] == (
        "With the standard model and training the excess loss is 0.42 (0.40 to 0.43) after 300 steps (median "
        "of 4 seeds, and where the middle 80% lie)."
    )
    assert (
        "changed (normalization: none): 0.32 (0.30 to 0.33), worse in 0 of 4 seeds"
        in change("normalization: none")[0]
    )
    assert "worse in 4 of 4 seeds" in change("AdamW → SGD")[0]


def test_a_diverged_arm_is_drawn_at_the_edge_and_said():
    sentence, figure = change("AdamW → Muon")
    assert "changed (AdamW → Muon): infinite" in sentence
    assert max(figure.axes[0].get_lines()[1].get_ydata()) == figure.axes[0].get_ylim()[1]


@pytest.mark.parametrize("name", list(figures.CHANGES))
def test_the_axes_stay_and_the_chosen_change_is_marked(name):
    _, figure = change(name)
    assert limits(figure) == limits(change("nothing")[1])
    large = [line for line in figure.axes[1].get_lines() if line.get_markersize() == 7]
    assert [line.get_ydata()[0] for line in large] == [list(figures.CHANGES).index(name)]


def test_an_arm_is_a_name_and_a_rate():
    runs = sweep(lambda arm, seed: {"excess": seed + 1.0}, arm=["no norm 0.01", "b, c 2"], seeds=2)
    assert figures.by_name(runs)["b, c"]["excess"].tolist() == [1, 2]
    assert figures.by_rate(runs) == {"no norm": {0.01: 1.5}, "b, c": {2.0: 1.5}}


def test_the_best_rate_says_whether_its_grid_goes_on_beyond_it():
    assert figures.best_rate({0.1: 3.0, 0.2: 1.0, 0.4: 2.0}) == (0.2, True)
    assert figures.best_rate({0.4: 0.5, 0.1: 3.0, 0.2: 1.0}) == (0.4, False)


def test_groups_are_compared_between_the_optimizers():
    runs = {"AdamW": result(0.4), "SGD": result(0.5), "flat AdamW": result(0.3), "flat SGD": result(0.35)}
    heavy, figure = drawn(figures.draw_groups, tokens="like 1/rank", runs=runs)
    assert heavy == (
        "Token frequencies like 1/rank: excess loss of AdamW and SGD 0.21 and 0.26 at the 8 most frequent "
        "tokens, 0.83 and 1.03 at the 64 rarest (medians of 4 seeds)."
    )
    flat, other = drawn(figures.draw_groups, tokens="all alike", runs=runs)
    assert "0.16 and 0.18 at the first 8 tokens, 0.63 and 0.73 at the last 64" in flat
    assert limits(figure) == limits(other)


def test_the_loss_by_place_is_read_at_both_ends():
    entropy = np.linspace(3, 2, 16)
    sentence = said(figures.draw_places, losses={"one": entropy + 0.5, "two": entropy + 0.1}, entropy=entropy)
    assert sentence == (
        "Mean loss at the first and the last place: one 3.50 and 2.50; two 3.10 and 2.10; best possible 3.00 "
        "and 2.00."
    )


def test_attention_is_measured_in_the_second_half():
    A = np.tril(np.ones((8, 8)))
    A /= A.sum(axis=1, keepdims=True)
    attention, tokens = [A[None, None]], np.array([[0, 4, 8, 12, 1, 2, 3, 5]])
    sentence = said(
        figures.draw_attention, block=1, head=1, sequence=1, attention=attention, tokens=tokens, topics=[0]
    )
    itself, own = np.diag(A)[4:].mean(), (4 * A[4:, 0]).mean()
    assert f"{itself:.0%} of the attention goes to the step itself and {own:.0%} to words" in sentence
    assert "of topic 0" in sentence and "(4 tokens of 8)" in sentence
