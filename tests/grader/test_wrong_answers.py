"""A typical wrong answer meets a sentence that names the mistake, and loses the points of its task alone."""

import ast
import contextlib
import io
from pathlib import Path

import pytest

from dlbook.grader import release
from dlbook.grader.cells import kind_of, name_of, points_of
from dlbook.grader.marking import discreet

SOURCE = Path(__file__).parents[2] / "chapters" / "exercises" / "source"

# exercise, task: right, wrong, what the student reads, points that are lost
WRONG = {
    ("start", "equations"): [
        ("return -np.log(", "return np.log(", "the minus is missing", 3),
        ("theta - lr * gradient", "theta - gradient", "the learning rate is missing", 3),
        ("!= labels", "== labels", "this is the share that is right", 3),
    ],
    ("start", "own"): [
        ("int(np.ceil(my.points / my.batch))", "(my.points // my.batch)", "the smaller mini-batch", 3),
        ("np.log(my.classes)", "1 / my.classes", "this is the probability", 3),
    ],
    ("start", "train"): [
        ("net.backward(dy)", "pass", "the parameters never move", 3),
        ("optimizer.step(net.theta, net.grad)", "pass", "the parameters never move", 3),
        ("net.theta, net.grad", "net.theta, -net.grad", "this goes uphill", 3),
        ("append(value)", "append((value, dy))", "a loss is one number", 3),
    ],
    ("start", "curves"): [
        (
            '"rate too small", "overfitting", "rate too large"',
            '"rate too large", "overfitting", "rate too small"',
            "where guessing puts them",
            2,
        ),
    ],
    ("start", "pytorch"): [
        ("BEDA", "BDEA", "nothing moves", 2),
        ("BEDA", "ECBD", "the softmax is left out", 2),
        ("BEDA", "EBAD", "backward comes before step", 2),
    ],
    ("recurrent", "equations"): [
        ("radius**steps", "1 - (1 - radius) * steps", "a share of what is left", 3),
        ("np.log(gate / (1 - gate))", "gate", "ask which bias opens it so far", 3),
    ],
    ("recurrent", "own"): [
        ("my.left ** (1 / my.lag)", "my.left / my.lag", "take a root", 2),
        ("RNN 0.95", "RNN 0.9", "its tenth root is the radius", 0.5),
    ],
    ("recurrent", "rnn-backward"): [
        ("W_h.T", "W_h", "transposed on the way back", 3),
        (" * (1 - h[t] ** 2)", "", "the slope of the tanh is missing", 3),
        ("dh[t - 1] +=", "dh[t - 1] =", "own `dy` is added", 3),
    ],
    ("recurrent", "pytorch"): [
        ('["bias_hh_l0"][n : 2 * n] = 0', '["bias_hh_l0"][n : 2 * n] = bias', "PyTorch adds them", 3),
        ('["weight_ih_l0"].T', '["weight_ih_l0"]', "transpose", 3),
    ],
    ("recurrent", "check-lstm"): [
        ("2 * rng.normal(size=n)", "np.zeros(n)", "survived: the old cell is kept in full", 1),
        ("rng.normal(size=4 * n)", "np.zeros(4 * n)", "survived: the biases count twice", 1),
        ("rtol=1e-9", "rtol=0, atol=0", "your test refuses code that is right", 5),
    ],
    ("layer_normalization", "equations"): [
        ("std / np.hypot(mean, std)", "1.0", "what layer normalization makes of it", 3),
        ("(2 * blocks + 1) * d", "2 * blocks * d", "at the end of the stream is missing", 3),
    ],
    ("layer_normalization", "own"): [
        ("1 + 2 * my.blocks", "1 + my.blocks", "a block has two parts", 2),
        ('"pre-norm", "no residual"', '"no residual", "pre-norm"', "grows like a root", 1),
    ],
    ("layer_normalization", "rms-backward"): [
        ("towards - along * x_hat", "towards", "taken for a constant", 3),
        ("np.sum(g * x_hat, axis=0)", "np.mean(g * x_hat, axis=0)", "they are not averaged", 3),
    ],
    ("layer_normalization", "pytorch"): [
        ("weight.mean(axis=0)", "weight.mean(axis=1, keepdims=True)", "the outputs stand in rows", 3),
        ("bias - bias.mean()", "bias", "the bias has a mean, too", 3),
    ],
    ("layer_normalization", "check-causal"): [
        ("range(6)", "[5]", "survived: all steps but the last", 1),
    ],
}
CASES = [(*where, *answer) for where, answers in WRONG.items() for answer in answers]


def graded(exercise, task=None, right="", wrong=""):
    """Every machine-graded task's points and messages, with one answer changed. Nothing is sandboxed."""
    space, found = {"__name__": "graded"}, {}
    for cell in release.read(exercise, SOURCE).cells:
        if cell.cell_type != "code":
            continue
        source = cell.source
        if name_of(cell) == f"{task}-answer":
            assert right in source
            source = source.replace(right, wrong)
        if kind_of(cell) == "test":
            found[name_of(cell)] = outcome_of(source, points_of(cell), dict(space))
        else:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(source, f"<{exercise}>", "exec"), space)
    return found


def outcome_of(source, most, space):
    tree, printed = ast.parse(source), io.StringIO()
    last = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None
    try:
        with contextlib.redirect_stdout(printed), discreet():
            exec(compile(tree, "<test>", "exec"), space)
            earned = eval(compile(last, "<test>", "eval"), space) if last else None
    except AssertionError as failed:
        return 0, f"{printed.getvalue()}{failed}"
    return (most if earned is None else earned), printed.getvalue()


@pytest.fixture(scope="module")
def full():
    return {exercise: graded(exercise) for exercise, _ in WRONG}


@pytest.mark.parametrize("exercise, task, right, wrong, said, lost", CASES)
def test_a_typical_mistake_is_named_and_costs_its_own_points(full, exercise, task, right, wrong, said, lost):
    found = graded(exercise, task, right, wrong)
    points = {name: earned for name, (earned, _) in full[exercise].items()}
    assert said in found[task][1]
    assert {name: earned for name, (earned, _) in found.items()} == points | {task: points[task] - lost}


def test_the_solutions_earn_everything(full):
    for exercise, found in full.items():
        most = {
            name_of(c): points_of(c) for c in release.read(exercise, SOURCE).cells if kind_of(c) == "test"
        }
        assert {name: earned for name, (earned, _) in found.items()} == most
