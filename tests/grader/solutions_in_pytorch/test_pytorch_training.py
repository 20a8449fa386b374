"""What the exercises on training say of PyTorch is so: right answers agree, faults have their symptoms."""

import copy
import re
from types import SimpleNamespace

import numpy as np
import pytest
from in_pytorch import arrays, script, solved, torch, walked
from test_release import SOURCE

from dlbook.grader import release
from dlcore.schedules import cosine, warmup

nn = torch.nn


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
        ours = solved("adam", "resumed")["resumed"](state, gradients, **settings)
        assert np.allclose(ours, [step(optimizer, g) for g in gradients], rtol=1e-9, atol=1e-15)


def test_a_network_of_pytorch_s_is_started_anew():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 40, 3), nn.ReLU(), nn.Conv2d(40, 40, 5, groups=40), nn.ReLU(),
        nn.Conv2d(40, 64, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip
    space, before = solved("initialization", "restarted"), arrays(net.state_dict())
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
    loss = nn.functional.cross_entropy(net(torch.randn(20, 3, 16, 16)), torch.arange(20) % 10)
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
    space, state = solved("batch_normalization", "after"), arrays(bn.state_dict())
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
            nn.functional.cross_entropy(net(images[rows]), labels[rows]).backward()
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
    space = {"torch": torch, "nn": nn, "F": nn.functional, "training": training}
    code = script("vanishing_gradients", **changed)
    exec(code.split("for x, y in training:")[0], space)
    net = space["net"]
    start = [layer.weight.detach().clone() for layer in net.middle]
    nn.functional.cross_entropy(net(training[0][0]), training[0][1]).backward()
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


def test_momentum_s_steps_are_those_of_torch_optim_sgd():
    space, slopes = solved("momentum", "pytorch"), np.random.default_rng(0).normal(size=30)
    for form in ("averaged", "Polyak", "Keras"):
        arguments = space["in_pytorch"](form, 0.1, 0.8)
        assert np.allclose(walked(slopes, arguments), space["pytorch_sgd"](slopes, **arguments), rtol=1e-12)
    damped = {"lr": 0.1, "momentum": 0.8, "dampening": 0.8}
    assert np.allclose(walked(slopes, damped), space["pytorch_sgd"](slopes, **damped), rtol=1e-12)
    right = walked(slopes, space["in_pytorch"]("averaged", 0.1, 0.8))
    assert walked(slopes, damped)[1] == pytest.approx(5 * right[1])  # the first step takes the whole gradient
    with pytest.raises(ValueError, match="Nesterov momentum requires a momentum and zero dampening"):
        torch.optim.SGD([torch.zeros(1)], lr=0.1, nesterov=True)


def test_equal_effective_rates_and_the_first_step_of_a_new_optimizer_are_torch_s():
    space = solved("momentum", "pytorch")
    my = space["my"]
    long = [
        np.diff(walked(np.ones(3000), {"lr": lr, "momentum": momentum}))
        for lr, momentum in ((my.lr, my.beta), (space["lr_for_99"], 0.99))
    ]
    assert long[0][-1] == pytest.approx(long[1][-1], rel=1e-6)
    assert long[0][0] / long[0][-1] == pytest.approx(space["first_step"], rel=1e-6)


def test_the_groups_of_weight_decay_s_exercise_decay_matrices_alone_and_by_their_share():
    nn, groups = torch.nn, solved("weight_decay", "groups")["groups"]
    layers = nn.Embedding(5, 4), nn.Conv1d(4, 4, 3), nn.LayerNorm(4), nn.Linear(4, 2)
    named = dict(nn.Sequential(*layers).named_parameters())
    found = groups({name: tuple(p.shape) for name, p in named.items()}, 0.01, 0.002)
    optimizer = torch.optim.AdamW(
        [group | {"params": [named[name] for name in group["params"]]} for group in found], lr=0.01
    )
    before = {name: p.detach().clone() for name, p in named.items()}
    for p in named.values():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    for name, p in named.items():
        kept = 0.998 if p.ndim >= 2 else 1.0
        assert torch.allclose(p, kept * before[name], rtol=1e-6), name
    assert torch.optim.AdamW([torch.zeros(1)]).defaults["weight_decay"] == 0.01


def test_the_schedule_of_the_exercise_has_torch_s_rates():
    space, classes = solved("schedules", "pytorch"), torch.optim.lr_scheduler
    my = space["my"]
    batches = my.examples // my.batch
    for epochs, per_epoch, rise in ((5, 4, 5), (6, 25, 30), (my.epochs, batches, batches)):
        typed, steps = space["arguments"](epochs, per_epoch, rise), (epochs + 1) * per_epoch
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
        rising = classes.LinearLR(
            optimizer, start_factor=typed["start_factor"], total_iters=typed["total_iters"]
        )
        falling = classes.CosineAnnealingLR(optimizer, T_max=typed["T_max"])
        scheduler = classes.SequentialLR(optimizer, [rising, falling], milestones=[typed["milestone"]])
        rates = []
        for _ in range(steps):
            rates.append(scheduler.get_last_lr()[0])
            optimizer.step()
            scheduler.step()
        assert np.allclose(rates, space["pytorch_rates"](steps, 0.3, **typed), rtol=1e-9, atol=1e-12)
        ours = warmup(cosine(epochs * per_epoch - rise), rise)
        planned = [0.3 * ours(t) for t in range(epochs * per_epoch)]
        assert np.allclose(rates[: epochs * per_epoch], planned, rtol=1e-9, atol=1e-12)
    assert rates[-1] / 0.3 == pytest.approx(space["again"], rel=1e-6)
    with pytest.raises(ValueError, match="multiplicative factor"):
        classes.LinearLR(optimizer, start_factor=0)


def test_accumulated_gradients_are_those_of_the_whole_batch_in_torch():
    space, sizes = solved("gradient_descent", "pytorch"), [7, 1, 4, 4, 2]
    model, loss_of = torch.nn.Linear(3, 2).double(), torch.nn.functional.cross_entropy
    x, y = torch.randn(sum(sizes), 3, dtype=torch.float64), torch.randint(0, 2, (sum(sizes),))
    parts, waiting, steps = list(zip(x.split(sizes), y.split(sizes), strict=True)), [], 0

    def whole(group):
        inputs, labels = (torch.cat(part) for part in zip(*group, strict=True))
        return torch.autograd.grad(loss_of(model(inputs), labels), model.weight)[0]

    for part, (factor, step) in zip(parts, space["plan"](sizes, 3), strict=True):
        (factor * loss_of(model(part[0]), part[1])).backward()
        waiting.append(part)
        if step:
            assert torch.allclose(model.weight.grad, whole(waiting), rtol=1e-9)
            model.zero_grad()
            waiting, steps = [], steps + 1
    assert steps == 2 and not waiting
    gradients = [
        torch.autograd.grad(factor * loss_of(model(a), b), model.weight)[0]
        for factor, (a, b) in zip(space["on_machines"](sizes), parts, strict=True)
    ]
    assert torch.allclose(
        sum(gradients) / len(sizes), whole(parts), rtol=1e-9
    )  # DDP's mean over the machines


def symptoms(script):
    """Run the script of the exercise on bugs on small data. Which of its five symptoms does it show?"""
    x, orders = torch.randn(200, 784, generator=torch.Generator().manual_seed(0)), []
    y, losses, starts = x[:, :10].argmax(1), [], []
    y[150:] = y[150:].flip(0)  # nothing to learn for the validation set, so its loss is lowest early

    class Loader(torch.utils.data.DataLoader):
        def __iter__(self):
            orders.append([])
            for batch in super().__iter__():
                orders[-1].append(batch[0][0, 0].item())
                yield batch

    def cross_entropy(scores, labels):
        starts.append(space["model"][1].weight.detach().clone())
        losses.append(torch.nn.functional.cross_entropy(scores, labels))
        return losses[-1]

    sets = [torch.utils.data.TensorDataset(x[part], y[part]) for part in (slice(150), slice(150, 200))]
    space = {"torch": torch, "nn": torch.nn, "copy": copy, "DataLoader": Loader, "kept": []}
    space |= {"training": sets[0], "validation": sets[1], "F": SimpleNamespace(cross_entropy=cross_entropy)}
    torch.manual_seed(7)
    exec(script, space)
    model, bests = space["model"], [w for w, lowest in space["kept"] if lowest == space["lowest"]]
    weights = model[4].weight.detach().clone()
    return {
        "high_floor": min(losses).item() > 1.46,
        "not_trained": torch.equal(model[1].weight, starts[0]),
        "same_batches": orders[0] == orders[2],
        "neighbours": not torch.allclose(model(x[150:160])[0], model(x[150:200])[0], atol=1e-4),
        "not_the_best": not torch.equal(weights, bests[0]),
    }


def test_the_faults_of_the_script_on_bugs_show_in_torch_and_each_repair_mends_its_own():
    (text,) = [cell.source for cell in release.read("bugs", SOURCE).cells if "best = loss" in cell.source]
    lines = [line[4:] for line in re.search(r"```python\n(.*?)```", text, re.DOTALL)[1].splitlines()]
    watched = "    kept.append((model[4].weight.detach().clone(), loss))"
    lines[13] += f"\n{watched}"
    faulty = symptoms("\n".join(lines))
    assert all(faulty.values()), faulty
    repairs = {
        "high_floor": {1: lines[1].replace(", nn.Softmax(dim=1)", "")},
        "not_trained": {2: lines[3], 3: lines[2]},
        "same_batches": {7: ""},
        "neighbours": {12: f"    model.eval()\n{lines[12]}"},
        "not_the_best": {15: lines[15].replace("model.state_dict()", "copy.deepcopy(model.state_dict())")},
    }
    for symptom, changes in repairs.items():
        found = symptoms("\n".join(changes.get(at, line) for at, line in enumerate(lines)))
        assert not found[symptom], symptom
    every = {at: line for changes in repairs.values() for at, line in changes.items()}
    assert not any(symptoms("\n".join(every.get(at, line) for at, line in enumerate(lines))).values())
