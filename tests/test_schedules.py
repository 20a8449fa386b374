"""Schedules: is the factor at step t the one of the formula, and PyTorch's rate divided by its base?"""

import copy
import inspect
import math
import pickle

import pytest

from dlcore import schedules
from dlcore.schedules import (
    constant,
    cosine,
    cosine_restarts,
    exponential,
    inverse_time,
    natural_exponential,
    one_cycle,
    polynomial,
    step_decay,
    triangular,
    warmup,
    wsd,
)

EVERY = [
    constant(),
    step_decay(0.5, 7),
    inverse_time(0.1),
    exponential(0.9),
    natural_exponential(0.05),
    polynomial(20, 0.1, 2),
    cosine(20, 0.1),
    warmup(cosine(15), 5),
    triangular(6),
    cosine_restarts(6, 2),
    one_cycle(20),
    wsd(20, 4, 6, 0.1),
]


def close(a, b):
    return math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-15)


@pytest.mark.parametrize("t", [0, 1, 6, 7, 14, 100])
def test_each_formula_is_the_documented_one(t):
    assert constant()(t) == 1
    assert close(step_decay(0.5, 7)(t), 0.5 ** math.floor(t / 7))
    assert close(inverse_time(0.1)(t), 1 / (1 + 0.1 * t))
    assert close(exponential(0.9)(t), 0.9**t)
    assert close(exponential(0.9, every=7)(t), 0.9 ** (t / 7))
    assert close(natural_exponential(0.05)(t), math.exp(-0.05 * t))
    s = min(t / 20, 1)
    assert close(polynomial(20, 0.1, 2)(t), 0.1 + 0.9 * (1 - s) ** 2)
    assert close(cosine(20, 0.1)(t), 0.1 + 0.9 * (1 + math.cos(math.pi * s)) / 2)


@pytest.mark.parametrize("schedule", EVERY)
def test_every_factor_is_a_float_from_0_to_1_up_to_long_after_the_end(schedule):
    for t in [*range(60), 10**6]:
        f = schedule(t)
        assert type(f) is float and 0 <= f <= 1


def test_natural_and_plain_exponential_are_one_curve():
    for t in range(50):
        assert close(natural_exponential(0.1)(t), exponential(math.exp(-0.1))(t))


def test_descents_with_an_end_stay_there():
    for f in [polynomial(10, 0.2), cosine(10, 0.2), one_cycle(11, end=0.2)]:
        assert close(f(10), 0.2) and f(11) == f(10**9) == f(10)


def test_warmup_rises_in_equal_steps_to_the_first_factor_and_then_hands_over():
    inner = cosine(50)
    f = warmup(inner, 10)
    for t in range(10):
        assert close(f(t), (t + 1) / 10)
    for t in range(10, 80):
        assert f(t) == inner(t - 10)


def test_warmup_rises_to_where_its_schedule_starts_so_that_nothing_jumps():
    f = warmup(triangular(5, low=0.4), 4)
    assert [round(f(t), 12) for t in range(5)] == [0.1, 0.2, 0.3, 0.4, 0.4]


def test_a_warmup_of_no_steps_is_the_schedule_itself():
    assert [warmup(exponential(0.5), 0)(t) for t in range(5)] == [0.5**t for t in range(5)]


def test_warmups_can_be_nested():
    f = warmup(warmup(constant(), 2), 2)
    assert [f(t) for t in range(5)] == [0.25, 0.5, 0.5, 1, 1]


def test_restarts_come_after_descents_that_grow_by_the_multiple():
    f = cosine_restarts(5, multiply=3, end=0.1)
    peaks = [t for t in range(201) if f(t) == 1]
    assert peaks == [0, 5, 5 + 15, 5 + 15 + 45, 5 + 15 + 45 + 135]
    assert all(f(t) > 0.1 for t in range(200))


def test_many_restarts_of_equal_length_cost_no_time():
    assert cosine_restarts(10)(10**15 + 5) == 0.5


def test_a_triangle_is_straight_and_symmetric():
    f = triangular(8, low=0.2)
    for t in range(8):
        assert close(f(t), 0.2 + 0.8 * t / 8)
        assert close(f(16 - t), f(t)) and close(f(t + 16), f(t))
    assert f(8) == 1


def test_one_cycle_peaks_once_at_the_share_asked_for():
    f = one_cycle(100, rise=0.21, start=0.1, end=0.01)
    factors = [f(t) for t in range(100)]
    assert factors.index(max(factors)) == 20 and close(factors[20], 1)
    assert close(factors[0], 0.1) and close(factors[-1], 0.01)
    assert sorted(factors[:21]) == factors[:21]
    assert sorted(factors[20:], reverse=True) == factors[20:]


def pytorch_cases(S):
    yield step_decay(0.5, 7), lambda o: S.StepLR(o, 7, 0.5)
    yield exponential(0.9), lambda o: S.ExponentialLR(o, 0.9)
    yield inverse_time(0.1), lambda o: S.LambdaLR(o, lambda t: 1 / (1 + 0.1 * t))
    yield polynomial(40, power=2), lambda o: S.PolynomialLR(o, 40, 2)
    yield polynomial(40, end=0.25), lambda o: S.LinearLR(o, 1, 0.25, 40)
    yield cosine(50, end=0.1), lambda o: S.CosineAnnealingLR(o, 50, eta_min=0.1 * 0.3)
    yield cosine_restarts(7, 2, 0.1), lambda o: S.CosineAnnealingWarmRestarts(o, 7, 2, eta_min=0.1 * 0.3)
    yield cosine_restarts(7), lambda o: S.CosineAnnealingWarmRestarts(o, 7)
    yield triangular(6, 0.1), lambda o: S.CyclicLR(o, 0.03, 0.3, 6, cycle_momentum=False)
    yield one_cycle(50), lambda o: S.OneCycleLR(o, 0.3, 50, cycle_momentum=False)
    yield (
        one_cycle(50, 0.45, 0.1, 0.001),
        lambda o: S.OneCycleLR(
            o, 0.3, 50, pct_start=0.45, div_factor=10, final_div_factor=100, cycle_momentum=False
        ),
    )
    yield (
        wsd(40, 5, 12, 0.2),
        lambda o: S.SequentialLR(
            o, [S.LinearLR(o, 1 / 5, 1, 4), S.ConstantLR(o, 1), S.LinearLR(o, 1, 0.2, 12)], [5, 28]
        ),
    )
    yield (
        warmup(cosine(40), 5),
        lambda o: S.SequentialLR(o, [S.LinearLR(o, 1 / 5, 1, 4), S.CosineAnnealingLR(o, 40)], [5]),
    )


@pytest.mark.filterwarnings("ignore:.*epoch parameter.*:UserWarning")
def test_rates_equal_pytorchs():
    torch = pytest.importorskip("torch")
    cases = list(pytorch_cases(torch.optim.lr_scheduler))
    assert len(cases) == 13
    for schedule, make in cases:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
        scheduler = make(optimizer)
        for t in range(45):
            rate = optimizer.param_groups[0]["lr"]
            assert math.isclose(0.3 * schedule(t), rate, rel_tol=1e-9, abs_tol=1e-12), (schedule, t)
            optimizer.step()
            scheduler.step()


@pytest.mark.parametrize("schedule", EVERY)
def test_steps_that_are_no_count_are_refused(schedule):
    with pytest.raises(ValueError, match="step must be at least 0, got -1"):
        schedule(-1)
    with pytest.raises(TypeError, match="step must be a whole number, got 1.5"):
        schedule(1.5)


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        ("step_decay", (0, 5), "drop must be above 0 and at most 1, got 0"),
        ("step_decay", (1.5, 5), "drop must be above 0 and at most 1, got 1.5"),
        ("step_decay", (0.5, 0), "every must be at least 1, got 0"),
        ("inverse_time", (-1,), "decay must be at least 0, got -1"),
        ("exponential", (1.1,), "decay must be above 0 and at most 1, got 1.1"),
        ("exponential", (0.9, 0), "every must be at least 1, got 0"),
        ("natural_exponential", (-0.1,), "decay must be at least 0, got -0.1"),
        ("polynomial", (0,), "steps must be at least 1, got 0"),
        ("polynomial", (5, 2), "end must be between 0 and 1, got 2"),
        ("polynomial", (5, 0, 0), "power must be above 0, got 0"),
        ("cosine", (0,), "steps must be at least 1, got 0"),
        ("cosine", (5, -0.1), "end must be between 0 and 1, got -0.1"),
        ("triangular", (0,), "half_cycle must be at least 1, got 0"),
        ("triangular", (5, float("nan")), "low must be between 0 and 1, got nan"),
        ("cosine_restarts", (0,), "steps must be at least 1, got 0"),
        ("cosine_restarts", (5, 0), "multiply must be at least 1, got 0"),
        ("wsd", (0, 0, 1), "steps must be at least 1, got 0"),
        ("wsd", (10, -1, 1), "warmup must be at least 0, got -1"),
        ("wsd", (10, 0, 0), "decay must be at least 1, got 0"),
        ("wsd", (10, 0, 1, 1.5), "end must be between 0 and 1, got 1.5"),
        ("wsd", (10, 4, 7), "warmup + decay must be at most steps=10, got 4 + 7"),
        ("one_cycle", (1,), "steps must be at least 2, got 1"),
        ("one_cycle", (100, 1), "rise must be above 0 and below 1, got 1"),
        ("one_cycle", (100, 0.01), "rise must be above 1/steps=0.01, got 0.01"),
    ],
)
def test_settings_that_make_no_schedule_are_refused_when_it_is_made(make, arguments, message):
    with pytest.raises(ValueError) as refusal:
        getattr(schedules, make)(*arguments)
    assert str(refusal.value) == message


def test_a_warmup_needs_a_schedule_and_a_count():
    with pytest.raises(TypeError, match="schedule must be a function of the step"):
        warmup(0.5, 10)
    with pytest.raises(TypeError, match="steps must be a whole number, got 0.1"):
        warmup(constant(), 0.1)
    with pytest.raises(ValueError, match="steps must be at least 0, got -1"):
        warmup(constant(), -1)


def test_warm_up_stable_decay_has_three_straight_parts():
    f = wsd(20, warmup=4, decay=8, end=0.2)
    assert [f(t) for t in range(4)] == [0.25, 0.5, 0.75, 1]
    assert {f(t) for t in range(4, 13)} == {1.0}
    assert all(close(f(t), 1 - 0.8 * (t - 12) / 8) for t in range(12, 21)) and f(21) == f(10**9) == f(20)
    assert wsd(5, 0, 5)(0) == 1 and wsd(5, 1, 4)(3) == 0.5  # no warm-up; no stable part


def test_decays_of_different_length_leave_the_same_trunk():
    short, long = wsd(100, 10, 20), wsd(200, 10, 20)
    assert [short(t) for t in range(81)] == [long(t) for t in range(81)] and short(81) < long(81) == 1


@pytest.mark.parametrize("schedule", EVERY)
def test_every_schedule_can_start_in_its_middle(schedule):
    maker = getattr(schedules, schedule.formula.__name__)
    later = maker(**schedule.settings, start_step=9)
    assert [later(t) for t in range(40)] == [schedule(t + 9) for t in range(40)]
    assert repr(schedule).startswith(schedule.formula.__name__) and "start_step=9" in repr(later)
    for other in (pickle.loads(pickle.dumps(later)), copy.deepcopy(later)):
        assert repr(other) == repr(later) and other(3) == later(3)
    with pytest.raises(ValueError, match="start_step must be at least 0, got -1"):
        maker(**schedule.settings, start_step=-1)
    with pytest.raises(ValueError, match="step must be at least 0, got -3"):
        later(-3)


def test_signatures_show_the_settings_and_not_the_step():
    assert str(inspect.signature(cosine)) == "(steps, end=0.0, *, start_step=0)"
    assert repr(warmup(cosine(9), 2)) == "warmup(schedule=cosine(steps=9, end=0.0), steps=2)"
    with pytest.raises(TypeError, match="unexpected keyword argument 'length'"):
        cosine(9, length=3)
