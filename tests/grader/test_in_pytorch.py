"""What the exercises say of PyTorch is so: solutions do what it does, and faults have their symptoms."""

import ast
import contextlib
import io
import re

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


def script(exercise, **changed):
    """The numbered script of an exercise's task, with some lines (`_7="..."`) changed."""
    (block,) = [
        found[1]
        for cell in release.read(exercise, SOURCE).cells
        if (found := re.search(r"```python\n( 1 .*?)```", cell.source, flags=re.DOTALL))
    ]
    lines = [line[4:] for line in block.splitlines()]
    for name, line in changed.items():
        before = lines[int(name[1:]) - 1]
        lines[int(name[1:]) - 1] = before[: len(before) - len(before.lstrip())] + line
    return "\n".join(lines)


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


def scaled_by(tmp_path, monkeypatch, **changed):
    """What the script of input_normalization defines, and what entered `body` in training."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    entered = []

    def train(net, images, labels):
        net.body.register_forward_pre_hook(lambda _, given: entered.append(given[0].detach()))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for rows in torch.randperm(len(images)).split(20):
            optimizer.zero_grad()
            F.cross_entropy(net(images[rows]), labels[rows]).backward()
            optimizer.step()

    size = torch.tensor([20.0, 40, 60])[:, None, None]
    images = size * torch.randn(200, 3, 32, 32) + 120 + 20 * torch.randn(200, 1, 1, 1)
    images = images.clamp(0, 255).to(torch.uint8)
    labels = torch.randint(10, (200,))
    space = {"torch": torch, "nn": nn, "train": train, "train_images": images, "train_labels": labels}
    exec(script("input_normalization", **changed), space)
    return space, torch.cat(entered).std((0, 2, 3))


def same_in_any_batch(net, images):
    x = images.float() / 255
    return torch.allclose(net(x)[:1], net(x[:1]), atol=1e-5)


def test_the_four_faults_of_a_scaler_in_pytorch_have_their_symptoms(tmp_path, monkeypatch):
    space, entering = scaled_by(tmp_path, monkeypatch)
    images = space["train_images"]
    assert torch.allclose(entering, torch.full((3,), 0.0039), rtol=0.1)  # tiny
    assert not same_in_any_batch(space["later"], images)  # depends
    mended = {"_2": "pixels = images.float() / 255"}
    space, _ = scaled_by(tmp_path, monkeypatch, **mended)
    assert not torch.equal(space["net"].std.flatten(), space["statistics"](images)[1])  # wanders

    mended |= {
        "_9": 'self.register_buffer("std", std[:, None, None])',
        "_13": "x = (x - self.mean) / self.std",
    }
    space, entering = scaled_by(tmp_path, monkeypatch, **mended)
    x, true = images.float() / 255, space["statistics"](images)[1]
    assert torch.allclose(entering, torch.ones(3), rtol=0.05)
    assert same_in_any_batch(space["later"], images)
    assert torch.equal(space["net"].std.flatten(), true)
    assert not space["later"].mean.any()  # forgotten
    assert not torch.allclose(space["net"](x), space["later"](x), atol=0.01)

    mended["_8"] = 'self.register_buffer("mean", mean[:, None, None])'
    space, _ = scaled_by(tmp_path, monkeypatch, **mended)
    assert torch.equal(space["net"](x), space["later"](x))


def trained_by(**changed):
    """The network of vanishing_gradients' script after ten steps, as it began, and the first gradients."""
    torch.manual_seed(0)
    training = [(torch.randn(100, 49), torch.randint(10, (100,))) for _ in range(10)]
    space = {"torch": torch, "nn": nn, "F": F, "training": training}
    code = script("vanishing_gradients", **changed)
    exec(code.split("for x, y in training:")[0], space)
    net = space["net"]
    start = [layer.weight.detach().clone() for layer in net.middle]
    F.cross_entropy(net(training[0][0]), training[0][1]).backward()
    norms = [layer.weight.grad.norm().item() for layer in net.middle]
    first = net.first.weight.grad
    exec(code[code.index("for x, y in training:") :], space)
    moved = [not torch.equal(a, layer.weight) for a, layer in zip(start, net.middle, strict=True)]
    return first, np.array(norms), moved


def test_the_four_faults_of_a_deep_network_in_pytorch_have_their_symptoms():
    first, norms, moved = trained_by()
    assert first is None and not any(moved)
    assert 5 < (norms[-1] / norms[1]) ** (1 / 6) < 9
    mended = {"_9": "x = torch.relu(self.first(x))", "_11": "x = torch.relu(layer(x))"}
    mended["_5"] = "self.middle = nn.ModuleList(nn.Linear(100, 100) for _ in range(8))"
    first, norms, moved = trained_by(**mended)
    assert first.norm() > 0 and all(moved) and (norms[-1] / norms[1]) ** (1 / 6) < 2


def test_parameters_of_pytorch_s_that_are_clipped_one_by_one_make_another_direction():
    p, q = (torch.zeros(2, requires_grad=True) for _ in range(2))

    def clipped(together):
        p.grad, q.grad = torch.tensor([3.0, 4.0]), torch.tensor([0.03, 0.04])
        for group in [[p, q]] if together else [p, q]:
            torch.nn.utils.clip_grad_norm_(group, 0.1)
        return torch.cat([p.grad, q.grad])

    gradient = torch.tensor([3.0, 4.0, 0.03, 0.04])
    assert torch.cosine_similarity(clipped(True), gradient, dim=0).item() == pytest.approx(1)
    assert torch.cosine_similarity(clipped(False), gradient, dim=0) < 0.95
