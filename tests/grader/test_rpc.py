"""Remote calls: values arrive, functions can be called, and nobody at the other end gains by lying."""

import collections
import enum
import json
import os
import threading
import time
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dlbook.grader.rpc import DeadlineError, EndedError, Remote, RemoteError, UnsendableError, Wire


class Other:
    """What the other end offers."""

    rate = 0.1
    _secret = 7

    def same(self, value):
        return value

    def add_in_place(self, arrays, amount):
        for array in arrays:
            array += amount

    def draw(self, rng):
        return rng.normal()

    def child(self, rng):
        return rng.spawn(1)[0].normal()

    def number(self, thing):
        return object.__getattribute__(thing, "_id")

    def odd(self, kind):
        class Number(float):
            __eq__ = None

        class Point(collections.namedtuple("Point", "x y")):
            pass

        class Array:
            def __array__(self, *_, **__):
                return np.array([1, 2])

        class Other:
            def __float__(self):
                return 2.5

        made = {"float": Number(1.5), "int": enum.IntEnum("Three", {"three": 3}).three, "tuple": Point(1, 2)}
        made |= {"dict": collections.defaultdict(int, a=1), "array": Array(), "number": Other()}
        return made[kind]

    def fail(self, kind):
        raise {"value": ValueError, "assertion": AssertionError, "own": OwnError, "exit": SystemExit}[kind](
            "so it goes"
        )

    def call(self, function, *arguments):
        return function(*arguments)

    def ask(self, thing, name):
        try:
            return repr(getattr(thing, name))
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    def make(self):
        return Other()

    def count(self):
        return (i for i in range(3))


class OwnError(Exception):
    pass


@pytest.fixture(scope="module")
def line():
    """A guarded end, and the other in a thread."""
    (a, b), (c, d) = os.pipe(), os.pipe()
    thread = threading.Thread(target=Wire(a, d, root=Other()).serve, daemon=True)
    thread.start()
    yield Wire(c, b, guarded=True, shows=["dlcore"])
    os.close(b)
    thread.join(5)


def alike(one, other):
    if isinstance(one, np.ndarray):
        return (
            isinstance(other, np.ndarray)
            and one.dtype == other.dtype
            and np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")
        )
    if isinstance(one, (list, tuple)):
        return type(one) is type(other) and len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(alike(one[key], other[key]) for key in one)
    return type(one) is type(other) and (one == other or one != one)


arrays = hnp.arrays(
    st.sampled_from(["f4", "f8", "i8", "u1", "?", "c16", "U3"]), hnp.array_shapes(min_dims=0, min_side=0)
)
plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | arrays
values = st.recursive(
    plain,
    lambda v: st.lists(v) | st.tuples(v, v) | st.dictionaries(st.text() | st.integers(), v),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a machine may be busy otherwise
@given(values)
def test_values_return_as_they_were_sent(line, value):
    assert alike(value, line.root.same(value))


def test_scalars_sets_and_slices_return_too(line):
    for value in (np.float32(0.1), np.int64(3), np.bool_(True), {1, 2}, slice(1, None, 2), range(3)):
        back = line.root.same(value)
        assert back == (list(value) if isinstance(value, range) else value)


def test_arrays_changed_in_place_are_changed_here(line):
    theta, same = np.zeros(3), np.ones((2, 2), dtype=np.float32)
    line.root.add_in_place([theta, same], 2)
    assert np.array_equal(theta, [2, 2, 2]) and np.array_equal(same, np.full((2, 2), 3))


def test_a_generator_that_was_drawn_from_has_moved_on(line):
    rng, twin = np.random.default_rng(3), np.random.default_rng(3)
    assert [line.root.draw(rng), line.root.draw(rng)] == [twin.normal(), twin.normal()]


def test_exceptions_arrive_by_their_kind(line):
    with pytest.raises(ValueError, match="so it goes"):
        line.root.fail("value")
    with pytest.raises(AssertionError, match="so it goes"):
        line.root.fail("assertion")
    with pytest.raises(RemoteError, match="OwnError: so it goes"):
        line.root.fail("own")
    with pytest.raises(RemoteError, match="SystemExit"):
        line.root.fail("exit")


def test_functions_travel_both_ways(line):
    assert line.root.call(lambda x, y: x + y, 2, np.ones(2)).tolist() == [3, 3]
    with pytest.raises(ZeroDivisionError):
        line.root.call(lambda: 1 / 0)
    assert line.root.call(line.root.same, 5) == 5  # theirs, sent back, is theirs


def test_objects_stay_where_they_are_and_can_be_asked(line):
    made = line.root.make()
    assert isinstance(made, Remote) and not callable(made) and callable(made.same)
    made.rate = 3
    assert made.rate == 3 and list(made.count()) == [0, 1, 2]
    with pytest.raises(AttributeError):
        _ = made._secret
    assert np.asarray(made).dtype == object


def test_the_judge_shows_nothing_but_calls(line):
    def implementation(x):
        return x

    for name in ("__globals__", "__code__", "real", "func_globals", "__self__"):
        assert "AttributeError" in line.root.ask(implementation, name)
    assert line.root.call(implementation, 4) == 4
    generator = (i for i in range(3))
    for name in ("gi_frame", "gi_code"):
        assert "AttributeError" in line.root.ask(generator, name)
    for value in (os, open("/dev/null"), Other()):  # noqa: SIM115
        with pytest.raises(UnsendableError, match="stays here"):
            line.root.same(value)
        with pytest.raises(TypeError, match="stays here"):
            line.root.call(lambda value=value: value)


def test_a_class_of_the_test_itself_can_be_used(line):
    space = {"__name__": "judged"}
    exec("class Mutant:\n    lr = 0.1\n    def step(self, theta):\n        theta -= self.lr", space)
    theta = np.zeros(2)
    line.root.call(space["Mutant"]().step, theta)
    assert theta.tolist() == [-0.1, -0.1] and line.root.ask(space["Mutant"](), "lr") == "0.1"


def test_the_judge_does_not_tell_what_it_sends(line):
    from dlcore.optimizers import Adam

    assert line.root.call(lambda: None) is None
    assert line.root.ask(Adam, "mro").startswith("AttributeError")  # `type` is not dlcore's
    assert line.root.ask(Adam(lr=0.5), "lr") == "0.5"
    (a, b), (c, d) = os.pipe(), os.pipe()
    judge = Wire(a, d, guarded=True, shows=["dlcore"])
    assert "Adam" not in json.dumps(judge._pack(Adam, [])) and "Adam" not in json.dumps(
        judge._pack(Adam(), [])
    )
    for end in (a, b, c, d):
        os.close(end)


@pytest.mark.parametrize(
    "reply",
    [
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x02{]",
        b"\x00\x00\x00\x02[]",
        b"\x00\x01\x00\x00" + b"[" * 65536,
        b"",
    ],
    ids=["too long", "no JSON", "no message", "too deep", "the end"],
)
def test_nonsense_ends_the_line(reply):
    with pytest.raises(EndedError):
        answered(reply)


@pytest.mark.parametrize(
    "message",
    [
        {"give": {"array": ["O", [1], "AAAAAAAAAAA=", False]}},
        {"give": {"array": ["<f8", [10**12], "AAAAAAAAAAA=", False]}},
        {"give": {"nonsense": 1}},
        {"give": {"array": 3}},
        {},
        {"raise": 3},
        {"raise": ["a", "b", "c"]},
        {"give": {"yours": 99}},
        {"give": {"generator": {"state": "x"}}},
        {"give": {"a": 1, "b": 2}},
    ],
)
def test_a_false_value_is_an_error_and_no_more(message):
    data = json.dumps(message).encode()
    with pytest.raises(Exception):  # noqa: B017  any, as long as it is one that a test's failure is made of
        answered(len(data).to_bytes(4, "big") + data)


def test_a_raised_name_that_is_no_exception_does_no_harm():
    for name in ("print", "exit", "SystemExit", "KeyboardInterrupt", "UnicodeDecodeError", "ExceptionGroup"):
        data = json.dumps({"raise": [name, "text"]}).encode()
        with pytest.raises(RemoteError, match=name):
            answered(len(data).to_bytes(4, "big") + data)


def answered(reply):
    (a, b), (c, d) = os.pipe(), os.pipe()
    wire = Wire(a, d, guarded=True)
    threading.Thread(target=lambda: (os.write(b, reply), os.close(b)), daemon=True).start()
    try:
        return wire.request("call", 0)
    finally:
        for end in (a, c, d):
            os.close(end)


def test_waiting_ends_at_the_deadline_even_while_the_other_end_keeps_talking():
    (a, b), (c, d) = os.pipe(), os.pipe()
    wire = Wire(a, d, guarded=True)
    wire.deadline = time.monotonic() + 0.3
    message = json.dumps({"do": "get", "on": 0, "with": ["x"]}).encode()
    stop = threading.Event()

    def chatter():
        while not stop.is_set():
            os.write(b, len(message).to_bytes(4, "big") + message)
            os.read(c, 4096)

    talker = threading.Thread(target=chatter, daemon=True)
    talker.start()
    with pytest.raises(DeadlineError):
        wire.request("call", 0)
    stop.set()
    os.write(d, b"x")
    talker.join(5)
    for end in (a, b, c, d):
        os.close(end)


def test_a_broken_line_is_not_taken_for_a_wrong_answer():
    for kind in (EndedError, DeadlineError, UnsendableError):
        assert not issubclass(kind, Exception)  # so `kills` does not count it as a refusal


@pytest.mark.parametrize("bits", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
def test_every_bit_generator_travels_and_moves_on_children_included(line, bits):
    rng, twin = (np.random.Generator(getattr(np.random, bits)(3)) for _ in range(2))
    assert [line.root.draw(rng), line.root.draw(rng)] == [twin.normal(), twin.normal()]
    assert line.root.draw(rng.spawn(1)[0]) == twin.spawn(1)[0].normal()
    assert line.root.child(rng) == twin.spawn(1)[0].normal()
    assert rng.spawn(1)[0].normal() == twin.spawn(1)[0].normal()


@pytest.mark.parametrize(
    "value",
    [3 + 4j, b"bytes", Fraction(1, 3), Decimal("0.1"), 10**40, -(2**70), np.datetime64("2026-11-30")],
    ids=repr,
)
def test_other_numbers_travel(line, value):
    assert line.root.same(value) == value and type(line.root.same(value)) is type(value)


def test_masks_objects_and_old_generators_travel(line):
    masked = line.root.same(np.ma.masked_array([1.0, 2.0], mask=[True, False]))
    assert masked.sum() == 2 and list(masked.mask) == [True, False]
    ragged = np.empty(2, dtype=object)
    ragged[:] = [np.ones(2), "x"]
    back = line.root.same(ragged)
    assert back.shape == (2,) and back[0].tolist() == [1, 1] and back[1] == "x"
    old, twin = np.random.RandomState(3), np.random.RandomState(3)
    assert line.root.draw(old) == twin.normal()


@pytest.mark.parametrize("kind", ["float", "int", "tuple", "dict", "array", "number"])
def test_what_a_student_returns_of_other_classes_arrives_as_plain_numbers(line, kind):
    value = line.root.odd(kind)
    assert {"float": 1.5, "int": 3, "tuple": (1, 2), "dict": {"a": 1}, "array": [1, 2], "number": 2.5}[
        kind
    ] == (value.tolist() if kind == "array" else value)


def test_functions_have_a_name_and_what_the_judge_sends_has_none_of_its_own(line):
    def he_fan_out(shape):
        return shape

    told = line.root.ask(he_fan_out, "__name__")
    assert told == "'implementation'" and line.root.same.__name__ == "same"
    with pytest.raises(TypeError, match="the arguments do not fit") as caught:
        line.root.call(he_fan_out)
    assert "he_fan_out" not in str(caught.value)


def test_the_same_function_sent_twice_is_not_recognized(line):
    def one():
        pass

    assert line.root.number(one) != line.root.number(one)


def test_copies_keep_what_the_judge_has(line):
    theta = np.zeros(3)
    line.copies, line.changed = True, False
    line.root.add_in_place([theta], 2)
    line.copies = False
    assert theta.tolist() == [0, 0, 0] and line.changed


@pytest.mark.parametrize(
    "message",
    [
        {"give": {"array": ["<f8", [10**12, 0], "", False]}},
        {"give": {"generator": {"dict": [["bit_generator", "os"]]}}},
        {"give": {"int": "zz"}},
        {"give": {"objects": [[10**12, 0], []]}},
    ],
)
def test_giant_and_false_values_are_errors(message):
    data = json.dumps(message).encode()
    with pytest.raises((ValueError, TypeError, KeyError)):
        answered(len(data).to_bytes(4, "big") + data)
