"""How fast is dlcore, compared with PyTorch eager and with the bare matrix products?

`make bench` prints a table of ratios. Every contender runs in turns, in one process and on the same threads,
so a noisy neighbour slows all of them alike; the medians over the turns are compared. A turn is some steps in
a row, of which the first does not count: the threads of the one before still spin then, and would be charged
to it. On one thread the seconds are the processor's, without those in which a neighbour had it. They are
printed for orientation only, and no test asserts them.
"""

import argparse
import itertools
import statistics
import time
from pathlib import Path

import numpy as np
import torch

from dlcore import compiling, data
from dlcore.layers import Dense, ReLU
from dlcore.losses import softmax_cross_entropy
from dlcore.network import Network
from dlcore.normalization import BatchNorm
from dlcore.optimizers import SGD, Adam
from dlcore.training import fit, minibatches

FULL_SET = Path("/usr/share/datasets/fashion-mnist")


def in_turns(contenders, turns, steps):
    """Return each contender's median seconds per step; a turn is one that does not count, and `steps`."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    seconds = {name: [] for name in contenders}
    for _ in range(turns):
        for name, run in contenders.items():
            run()
            for _ in range(steps):
                start = clock()
                run()
                seconds[name].append(clock() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


def dlcore_network(sizes, normalized):
    rng, layers = np.random.default_rng(0), []
    for n_in, n_out in itertools.pairwise(sizes[:-1]):
        layers += [Dense(n_in, n_out, rng=rng), *([BatchNorm(n_out)] if normalized else []), ReLU()]
    return Network(*layers, Dense(*sizes[-2:], rng=rng), dtype=np.float32)


def torch_network(sizes, normalized):
    layers = []
    for n_in, n_out in itertools.pairwise(sizes[:-1]):
        layers += [torch.nn.Linear(n_in, n_out)]
        layers += [torch.nn.BatchNorm1d(n_out)] if normalized else []
        layers += [torch.nn.ReLU()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(*sizes[-2:]))


def training_step(sizes, m, normalized, ours, theirs):
    """One step, forward to optimizer, as dlcore, as PyTorch, and as its matrix products alone."""
    rng = np.random.default_rng(0)
    x, y = rng.random((m, sizes[0]), dtype=np.float32), rng.integers(0, sizes[-1], m)
    net = dlcore_network(sizes, normalized)

    def dlcore_step():
        _, dy = softmax_cross_entropy(net.forward(x, training=True), y)
        net.backward(dy, input_gradient=False)
        ours.step(net.theta, net.grad)

    model, loss = torch_network(sizes, normalized), torch.nn.CrossEntropyLoss()
    optimizer, tx, ty = theirs(model.parameters()), torch.tensor(x), torch.tensor(y)

    def torch_step():
        optimizer.zero_grad()
        loss(model(tx), ty).backward()
        optimizer.step()

    shapes = list(itertools.pairwise(sizes))
    products = [
        (np.ones((m, i), np.float32), np.ones((i, o), np.float32), np.ones((m, o), np.float32))
        for i, o in shapes
    ]
    outs = [tuple(np.empty_like(a) for a in p) for p in products]

    def floor():
        for layer, ((a, W, dy), (da, dW, y)) in enumerate(zip(products, outs)):
            np.matmul(a, W, out=y)
            np.matmul(a.T, dy, out=dW)
            if layer:
                np.matmul(dy, W.T, out=da)

    return {"dlcore": dlcore_step, "torch": torch_step, "floor": floor}


def adam_on_ten_million(fused):
    n = 10_000_000
    g = np.random.default_rng(0).standard_normal(n, dtype=np.float32)
    theta, ours = np.zeros(n, np.float32), Adam()
    parameter = torch.zeros(n, requires_grad=True)
    parameter.grad = torch.tensor(g)
    theirs = torch.optim.Adam([parameter], fused=fused)
    return {"dlcore": lambda: ours.step(theta, g), "torch": theirs.step}


def tenth_of_an_epoch_of_fashion():
    """The next 6,000 images in each call: short, so that neighbours disturb both contenders alike."""
    sizes, m, tenth = (784, 128, 64, 32, 16, 10), 64, 6000
    images = data.idx_images(FULL_SET)
    x, y = images.x_train.reshape(-1, 784).astype(np.float32), images.y_train
    net, model, loss = dlcore_network(sizes, True), torch_network(sizes, True), torch.nn.CrossEntropyLoss()
    optimizer, tx, ty = torch.optim.SGD(model.parameters(), 0.1), torch.tensor(x), torch.tensor(y)
    starts = range(0, len(x), tenth)
    ours, theirs = itertools.cycle(starts), itertools.cycle(starts)

    def torch_tenth():
        start = next(theirs)
        for batch in minibatches(tenth, m, np.random.default_rng(0)):
            index = torch.from_numpy(start + batch)
            optimizer.zero_grad()
            loss(model(tx[index]), ty[index]).backward()
            optimizer.step()

    def dlcore_tenth():
        start = next(ours)
        here = slice(start, start + tenth)
        rng = np.random.default_rng(0)
        fit(net, x[here], y[here], softmax_cross_entropy, SGD(0.1), epochs=1, batch_size=m, rng=rng)

    return {"dlcore": dlcore_tenth, "torch": torch_tenth}


def cases():
    """Rows of the table: name, contenders, turns, steps in a turn, the aim with Numba (PyTorch is 1)."""
    deep = (784, 128, 64, 32, 16, 10)
    sgd, adam = torch.optim.SGD, torch.optim.Adam
    yield (
        "784-128-64-32-16-10 BN, 64, SGD",
        training_step(deep, 64, True, SGD(0.1), lambda p: sgd(p, 0.1)),
        20,
        20,
        2.0,
    )
    yield "784-128-64-32-16-10 BN, 64, Adam", training_step(deep, 64, True, Adam(), adam), 20, 20, 2.0
    yield (
        "784-256-256-10, 128, Adam",
        training_step((784, 256, 256, 10), 128, False, Adam(), adam),
        10,
        20,
        1.3,
    )
    wide = (784, 1024, 1024, 10)
    yield (
        "784-1024-1024-10, 128, SGD",
        training_step(wide, 128, False, SGD(0.1), lambda p: sgd(p, 0.1)),
        6,
        10,
        1.0,
    )
    yield "Adam, 10 million parameters", adam_on_ten_million(False), 5, 3, 4.0
    yield "the same, PyTorch's fused kernel", adam_on_ten_million(True), 5, 3, 0.9
    if FULL_SET.is_dir():
        yield "a tenth of an epoch of Fashion-MNIST", tenth_of_an_epoch_of_fashion(), 6, 4, 1.7


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1, help="how often to repeat the whole table")
    arguments = parser.parse_args()
    for _ in range(arguments.runs):
        print(
            f"{torch.get_num_threads()} PyTorch threads, NumPy {np.__version__}, PyTorch {torch.__version__},"
            f" {'with' if compiling.usable() else 'without'} Numba"
        )
        print(
            f"{'training step, batch, optimizer':36}{'dlcore':>10}{'PyTorch':>10}"
            f"{'ratio':>8}{'aim':>6}{'x floor':>9}"
        )
        for name, contenders, turns, steps, aim in cases():
            t = in_turns(contenders, turns, steps)
            floor = f"{t['dlcore'] / t['floor']:.2f}" if "floor" in t else ""
            print(
                f"{name:36}{1e3 * t['dlcore']:8.2f}ms{1e3 * t['torch']:8.2f}ms"
                f"{t['torch'] / t['dlcore']:8.2f}{aim:6.1f}{floor:>9}",
                flush=True,
            )


if __name__ == "__main__":
    main()
