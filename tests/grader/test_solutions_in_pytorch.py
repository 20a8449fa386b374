"""What an exercise says of PyTorch is true there: its right answer, run in PyTorch itself."""

import contextlib
import copy
import io
import re
from types import SimpleNamespace

import numpy as np
import pytest
from test_release import SOURCE

from dlbook.grader import release
from dlbook.grader.cells import kind_of, name_of
from dlcore.schedules import cosine, warmup

torch = pytest.importorskip("torch")


def solved(exercise, upto):
    """The names that an exercise defines, with its solutions, up to one task's checks and without them."""
    space = {"__name__": "solved"}
    for cell in release.read(exercise, SOURCE).cells:
        if name_of(cell) == upto:
            return space
        if cell.cell_type == "code" and kind_of(cell) in ("locked", "answer"):
            with contextlib.redirect_stdout(io.StringIO()):
                exec(cell.source, space)
    raise ValueError(f"{exercise} has no task {upto}")


def walked(gradients, arguments):
    """The path of torch.optim.SGD from 0, for one parameter with these gradients."""
    w = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer, path = torch.optim.SGD([w], **arguments), [0.0]
    for g in gradients:
        w.grad = torch.full((1,), g, dtype=torch.float64)
        optimizer.step()
        path.append(w.item())
    return np.array(path)


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
