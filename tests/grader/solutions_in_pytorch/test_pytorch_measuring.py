"""What the exercises on measuring and choosing say of PyTorch is so."""

import math
import random
import re

import numpy as np
import pytest
from in_pytorch import script, solved, torch
from test_release import SOURCE
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

from dlbook.grader import release
from dlcore.regularization import ridge


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)
    random.seed(0)


def test_a_class_weight_is_divided_by_the_number_of_examples_and_multiplies_the_odds():
    given, rng = solved("metrics", "pytorch"), np.random.default_rng(0)
    z, y = np.r_[rng.normal(0, 5, 40), 1000, -1000], np.r_[rng.integers(0, 2, 40), 0, 1]
    w = given["balancing"](y[:30])
    loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(w))(torch.tensor(z), torch.tensor(y).double())
    assert given["weighted_loss"](z, y, w) == pytest.approx(loss.item(), rel=1e-12)

    two = torch.tensor(np.stack([0 * z, z], axis=1))  # the same logits, for a softmax over two classes
    divided = nn.CrossEntropyLoss(weight=torch.tensor([1.0, w], dtype=torch.float64))(two, torch.tensor(y))
    assert divided.item() == pytest.approx(loss.item() * len(y) / np.sum(np.where(y == 1, w, 1)), rel=1e-12)

    y = torch.tensor([1.0] * 30 + [0.0] * 970)  # nothing to see but the base rate, 3 %
    w, logit = given["balancing"](y.numpy()), torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([logit], lr=1.0)
    for _ in range(200):
        optimizer.zero_grad()
        nn.BCEWithLogitsLoss(pos_weight=torch.tensor(w))(logit.expand(1000) - 1, y).backward()
        optimizer.step()
    taught = logit.detach().numpy() - 1
    assert 1 / (1 + np.exp(-taught)) == pytest.approx(0.5, abs=1e-3)
    assert given["believable"](taught, w) == pytest.approx(0.03, abs=1e-3)


def test_the_steps_of_the_elastic_net_and_the_weights_of_ridge_are_those_of_the_loop():
    given, rng = solved("regularization", "pytorch"), np.random.default_rng(0)
    (loop,) = [
        found[1]
        for cell in release.read("regularization", SOURCE).cells
        if (found := re.search(r"```python\n(w = torch.*?)```", cell.source, flags=re.DOTALL))
    ]
    m, n = given["my"].m, 5
    X, t = rng.normal(size=(m, n)), rng.normal(size=m)
    torch.set_default_dtype(torch.float64)
    try:
        space = {"torch": torch, "nn": nn, "X": torch.tensor(X), "t": torch.tensor(t), "n": n}
        rate, decay, threshold = given["in_pytorch"](0.1, 0.05, 0.5)
        for steps in (1, 2, 30):
            here = space | {"steps": steps, "rate": rate, "decay": decay, "threshold": threshold}
            exec(loop, here)
            w = np.zeros(n)
            for _ in range(steps):
                w = w - 0.1 * (X.T @ (X @ w - t) / m + 0.5 * w)
                w = np.sign(w) * np.maximum(np.abs(w) - 0.1 * 0.05, 0)
            assert np.allclose(here["w"].detach().numpy(), w, rtol=1e-12, atol=1e-15)
        here = space | {"steps": 2000, "rate": 0.1, "decay": given["ridge_decay"], "threshold": 0.0}
        exec(loop, here)
    finally:
        torch.set_default_dtype(torch.float32)
    assert np.allclose(here["w"].detach().numpy(), ridge(X, t, given["my"].strength), rtol=1e-6)


def curve(**changed):
    """What the script on learning curves prints, and how many classes its network gives after each size."""
    generator = torch.Generator().manual_seed(1)
    centres, y = torch.randn(10, 10, generator=generator), torch.arange(10).repeat_interleave(5000)
    images = TensorDataset(centres[y] + torch.randn(50_000, 10, generator=generator), y)
    y = torch.arange(2000) % 10
    validation = TensorDataset(centres[y] + torch.randn(2000, 10, generator=generator), y)
    rows, classes = [], []

    def mean_loss(net, data):
        x, y = data[:]
        with torch.no_grad():
            z = net(x)
        classes.append(len(set(z.argmax(dim=1).tolist())))
        return F.cross_entropy(z, y).item()

    given = {
        "F": F,
        "torch": torch,
        "Subset": Subset,
        "DataLoader": DataLoader,
        "mean_loss": mean_loss,
        "TensorDataset": TensorDataset,
    }
    given |= {"images": images, "validation": validation, "print": lambda *row: rows.append(row)}
    given |= {"Net": lambda: nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 10))}
    torch.manual_seed(0)
    given["order"] = torch.randperm(50_000)
    exec(script("bias_variance", **changed), given)
    return np.array(rows), classes


def test_the_four_faults_of_a_learning_curve_in_pytorch_have_their_symptoms():
    rows, classes = curve()
    assert (np.diff(rows[:4, 1]) < 0).all() and rows[3, 1] < 0.01
    assert classes[1:4] == [1] * 3 and classes[4] > 1

    mixed = {"_3": "part = Subset(images, order[:size])"}
    backwards = {"_2": "for size in (8000, 500):"}
    anew = {"_1": "pass", "_4": "net = Net(); optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)"}
    kept, renewed = curve(**mixed, **backwards)[0], curve(**mixed, **backwards, **anew)[0]
    assert kept[1, 2] < 1.3 * kept[0, 2] and renewed[1, 2] > 2 * renewed[0, 2]

    assert renewed[1, 1] > 2 * renewed[0, 1]
    long = curve(**mixed, **anew, _2="for size in (500,):", _6="for epoch in range(100):")[0]
    assert long[0, 1] < 0.6 * renewed[1, 1]

    off = "training - mean_loss(net, TensorDataset(*images[order[:size]]))"
    alike = {"_16": f"training = total / size; training = {off}"}
    rows = curve(**mixed, **anew, **alike, _17="print(size, training)")[0]
    assert len(rows) == 5 and (rows[:, 1] > 0).all()


class Scans(Dataset):
    """Five scans of each patient, next to each other; a patient's label is a coin flip."""

    def __init__(self, folder, transform=None):
        self.person, self.label = folder
        self.transform = transform

    def __len__(self):
        return 5 * len(self.label)

    def __getitem__(self, i):
        x = self.person[i // 5] + 0.1 * torch.sin(torch.arange(40.0) * (1 + i % 5))
        return (self.transform(x) if self.transform else x), self.label[i // 5]


def clinic(patients):
    return torch.randn(patients, 40), torch.randint(0, 2, (patients,))


def augment(x):
    return x + 0.1 * torch.randn(40)


def train_one_epoch(net, optimizer, loader):
    net.train()
    for x, y in loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()


def error(net, loader):
    with torch.no_grad():
        return np.mean([wrong for x, y in loader for wrong in (net(x).argmax(dim=1) != y).tolist()])


def split(kept, upto=99, folder=None, **changed):
    """What the script on splits defines, run up to a line; `kept` is the cluster's disk."""

    def load_checkpoint():
        if not kept:
            net = nn.Sequential(nn.Linear(40, 200), nn.ReLU(), nn.Linear(200, 2))
            kept["net"] = net, torch.optim.Adam(net.parameters(), lr=0.01), 0
        return kept["net"]

    def save_checkpoint(net, optimizer, start):
        kept["net"] = net, optimizer, start

    given = {"torch": torch, "Subset": Subset, "DataLoader": DataLoader, "Scans": Scans, "augment": augment}
    given |= {"train_one_epoch": train_one_epoch, "error": error, "print": lambda *shown: None}
    given |= {"load_checkpoint": load_checkpoint, "save_checkpoint": save_checkpoint}
    given["folder"] = folder or clinic(400)
    exec("\n".join(script("splits", **changed).splitlines()[:upto]), given)
    return given


def test_the_four_faults_of_a_split_in_pytorch_have_their_symptoms():
    def patients(part):
        return set((np.array(part.indices) // 5).tolist())

    by_patient = {"_2": "order = (5 * torch.randperm(400)[:, None] + torch.arange(5)).flatten()"}
    found, mended = split({}, 3), split({}, 3, **by_patient)
    assert (
        len(patients(found["training"]) & patients(found["validation"])) > 250
    )  # of about 270 in validation
    assert not patients(mended["training"]) & patients(mended["validation"])

    disk, folder = {}, clinic(400)
    short = {"_6": "for epoch in range(start, 8):"}
    first = split(disk, folder=folder, **by_patient, **short)
    again = split(disk, folder=folder, **by_patient, _6="for epoch in range(start, 10):")
    assert min(first["errors"]) > 0.35 and max(again["errors"]) < 0.25
    seed = "torch.randperm(400, generator=torch.Generator().manual_seed(0))"
    stored = {"_2": by_patient["_2"].replace("torch.randperm(400)", seed)}
    disk = {}
    split(disk, folder=folder, **stored, **short)
    again = split(disk, folder=folder, **stored, _6="for epoch in range(start, 10):")
    assert min(again["errors"]) > 0.35

    once, twice = (error(first["net"], DataLoader(first["validation"], batch_size=32)) for _ in range(2))
    assert once != twice
    first["validation"].dataset = Scans(folder)
    once, twice = (error(first["net"], DataLoader(first["validation"], batch_size=32)) for _ in range(2))
    assert once == twice

    gaps = []
    for _ in range(4):
        found = split({}, **stored, **short)
        gaps.append(error(found["net"], DataLoader(Scans(clinic(200)), batch_size=32)) - min(found["errors"]))
    assert np.mean(gaps) > 0


def searched(**changed):
    """What the script of the search defines and prints."""
    x = torch.randn(1500, 10)
    y = (x @ torch.randn(10) + 0.5 * torch.randn(1500) > 0).long()
    parts = [TensorDataset(x[rows], y[rows]) for rows in (slice(200), slice(200, 240), slice(240, None))]
    shown = {}

    def train_one_epoch(net, optimizer, data):
        for x, y in DataLoader(data, batch_size=20, shuffle=True):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), y)
            if not math.isfinite(loss.item()):
                return
            loss.backward()
            optimizer.step()

    def mean_loss(net, data):
        with torch.no_grad():
            return F.cross_entropy(net(data[:][0]), data[:][1]).item()

    given = {"torch": torch, "random": random, "train_one_epoch": train_one_epoch, "mean_loss": mean_loss}
    given |= dict(zip(("training", "validation", "test"), parts, strict=True))
    given |= {
        "Net": lambda: nn.Sequential(
            *[part for _ in range(6) for part in (nn.Linear(10, 10), nn.ReLU())][:-1]
        )
    }
    given |= {"print": lambda what, value: shown.update({what: value})}
    exec(script("hyperparameter_search", **changed), given)
    return given, shown


def test_the_four_faults_of_a_search_in_pytorch_have_their_symptoms():
    found, shown = searched(_2="rates = [0.001] * 5 + [1e4] + [0.001] * 5")
    assert np.isfinite(found["losses"]).tolist() == [True] * 5 + [False] * 6
    assert shown["best rate"] == 1e4  # NaN is the minimum of torch

    anew = {
        "_1": "pass",
        "_5": "net = Net(); optimizer = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9)",
    }
    found, _ = searched(**anew)
    assert np.mean(np.array(found["rates"]) > 1) > 0.8

    log = {"_2": "rates = [10 ** random.uniform(-5, 1) for _ in range(40)]"}
    numbers = {"_9": "best = torch.nan_to_num(torch.tensor(losses), nan=float('inf')).argmin()"}
    found, shown = searched(**anew, **log, **numbers)
    assert shown["loss in use"] == np.nanmin(found["losses"])
