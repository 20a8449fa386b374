"""What the exercises say of PyTorch is so: solutions do what it does, and faults have their symptoms."""

import ast
import contextlib
import io

import numpy as np
import pytest
from test_release import SOURCE

from dlbook.grader import release
from dlbook.grader.cells import kind_of

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402


def answers(exercise):
    """What the locked cells and the solutions of an exercise define."""
    space = {"__name__": "answers"}
    for cell in release.read(exercise, SOURCE).cells:
        if kind_of(cell) in ("locked", "answer"):
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(ast.parse(cell.source), f"<{exercise}>", "exec"), space)
    return space


def arrays(state):
    return {name: value.numpy().copy() for name, value in state.items()}


def test_an_adam_of_pytorch_s_is_resumed_and_skips_a_gradient_of_none():
    rng, settings = np.random.default_rng(0), {"lr": 0.1, "beta1": 0.5, "beta2": 0.9, "eps": 1e-3}
    p = torch.zeros(3, dtype=torch.float64, requires_grad=True)

    def adam():
        return torch.optim.Adam([p], lr=0.1, betas=(0.5, 0.9), eps=1e-3)

    def step(optimizer, g):
        p.grad, before = None if g is None else torch.tensor(g), p.detach().numpy().copy()
        optimizer.step()
        return before - p.detach().numpy()

    first, second = adam(), adam()
    assert first.state_dict()["state"] == {}
    for g in rng.normal(size=(4, 3)):
        step(first, g)
    second.load_state_dict(first.state_dict())
    saved = {name: value.numpy().copy() for name, value in first.state_dict()["state"][0].items()}
    assert set(saved) == {"step", "exp_avg", "exp_avg_sq"} and saved["step"] == 4
    saved["step"] = 4
    gradients = [rng.normal(size=3), None, np.zeros(3), None, rng.normal(size=3)]
    for state, optimizer in ((saved, second), ({}, adam())):
        ours = answers("adam")["resumed"](state, gradients, **settings)
        assert np.allclose(ours, [step(optimizer, g) for g in gradients], rtol=1e-9, atol=1e-15)


def test_a_network_of_pytorch_s_is_started_anew():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 40, 3), nn.ReLU(), nn.Conv2d(40, 40, 5, groups=40), nn.ReLU(),
        nn.Conv2d(40, 64, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip
    space, before = answers("initialization"), arrays(net.state_dict())
    shapes = {layer: before[f"{layer}.weight"].shape for layer in "0248"}
    starts = space["pytorch_starts"](shapes, np.random.default_rng(0))
    ours = space["restarted"](before, np.random.default_rng(0))
    for layer in net:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    nn.init.zeros_(net[-1].weight)
    theirs = arrays(net.state_dict())
    assert list(before) == list(theirs) == list(ours) == list(starts)
    for name, array in theirs.items():
        assert ours[name].shape == starts[name].shape == array.shape
        assert np.std(ours[name]) == pytest.approx(np.std(array), rel=0.1)
        if array.ndim > 1:
            assert np.std(starts[name]) == pytest.approx(np.std(before[name]), rel=0.1)
            assert abs(before[name]).max() <= np.prod(array.shape[1:]) ** -0.5
    net.load_state_dict({name: torch.tensor(array) for name, array in ours.items()})
    loss = F.cross_entropy(net(torch.randn(20, 3, 16, 16)), torch.arange(20) % 10)
    assert loss.item() == pytest.approx(np.log(10), rel=1e-5)


@pytest.mark.parametrize("bias", [True, False])
def test_statistics_of_pytorch_s_are_computed_anew_and_a_normalization_is_folded(bias):
    torch.manual_seed(0)
    linear, bn = nn.Linear(3, 5, bias=bias).double(), nn.BatchNorm1d(5).double()
    with torch.no_grad():
        bn.weight.uniform_(-2, 2), bn.bias.uniform_(-1, 1)
    bn(torch.randn(9, 5).double())  # running averages that must be forgotten
    batches = [3 + torch.randn(m, 3).double() for m in (20, 20, 4)]
    torch.optim.swa_utils.update_bn(batches, nn.Sequential(linear, bn))
    space, state = answers("batch_normalization"), arrays(bn.state_dict())
    assert bn.momentum == 0.1 and set(state) - {"num_batches_tracked"} == {
        "weight", "bias", "running_mean", "running_var"
    }  # fmt: skip
    arriving = [linear(x).detach().numpy() for x in batches]
    assert np.allclose(
        space["recomputed"](arriving), [state["running_mean"], state["running_var"]], rtol=1e-9
    )
    theirs = torch.nn.utils.fusion.fuse_linear_bn_eval(linear.eval(), bn.eval())
    weights = arrays(linear.state_dict())
    ours = space["folded"](weights["weight"], weights.get("bias"), state)
    for one, other in zip(ours, (theirs.weight, theirs.bias), strict=True):
        assert np.allclose(one, other.detach().numpy(), rtol=1e-9)
    x = torch.randn(4, 3).double()
    assert np.allclose(x.numpy() @ ours[0].T + ours[1], bn(linear(x)).detach().numpy(), rtol=1e-9)
