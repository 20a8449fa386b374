"""Yang et al. (2021), figure 3: does the best learning rate stay the same when a network is made wider?

Two hidden layers of ReLU units without biases and an output layer that starts at zero, SGD with momentum 0.9
in batches of 64, 20 epochs, and the factors of input and output that were tuned for these units and this
loss, all as in the authors' script for this figure; 2,000 images of Fashion-MNIST at half the resolution
instead of CIFAR-10. In the standard parametrization (SP) a layer's rate does not depend on the width n. In
the maximal update parametrization (μP) the input layer's rate grows with n and the output layer's shrinks
with it, which is their table 3 for SGD; at n = 64 the two are one.
"""

from itertools import chain, pairwise

import numpy as np

from dlbook.replications.verdicts import Rule, replicated
from dlcore.checks import NonFinite
from dlcore.initialization import lecun_normal, zeros
from dlcore.layers import Dense, ReLU
from dlcore.losses import softmax_cross_entropy
from dlcore.network import Network
from dlcore.optimizers import Momentum
from dlcore.training import evaluate, minibatches

from ._images import halved_fashion

BASE = 64
AXES = {"kind": ["SP", "μP"], "width": [64, 512], "power": [-13, -12, -11, -10, -9, -8, -7, -6, -5]}
SEEDS = 3
CHECK = {"kind": "μP", "width": 64, "power": -9, "seed": 0}

IMAGES, EPOCHS, BATCH = 2_000, 20, 64

FACTORS = 1 / 256, 1.0, 32.0**2
"""Multiples of the rates: the script trains w where the input layer is w/16 and the output layer 32w."""


def run(seed, kind, width, power):
    """Return the training loss at the end at the rate 2**power; infinite where it diverged."""
    if kind not in ("SP", "μP"):
        raise ValueError(f"kind must be 'SP' or 'μP', got {kind!r}")
    x, y, _, _ = halved_fashion()
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(x))[:IMAGES]
    x, y = x[rows], y[rows]
    layers = []
    for n_in, n_out in pairwise((196, width, width)):
        layers += [Dense(n_in, n_out, init=lecun_normal, rng=rng, bias=False), ReLU()]
    net = Network(*layers, Dense(width, 10, init=zeros, rng=rng, bias=False), dtype=np.float32)
    wider = width / BASE if kind == "μP" else 1.0
    rates = [2.0**power * a * b for a, b in zip(FACTORS, (wider, 1.0, 1 / wider), strict=True)]
    optimizers = [Momentum(rate, 0.9) for rate in rates]
    try:
        with np.errstate(all="ignore"):
            for batch in chain.from_iterable(minibatches(len(x), BATCH, rng) for _ in range(EPOCHS)):
                _, dz = softmax_cross_entropy(net.forward(x[batch], training=True), y[batch])
                net.backward(dz, input_gradient=False)
                for optimizer, (w, dw) in zip(optimizers, net.weights(), strict=True):
                    optimizer.step(w.reshape(-1), dw.reshape(-1))  # both are views
            return {"loss": evaluate(net, x, y, softmax_cross_entropy)}
    except (NonFinite, ValueError):
        return {"loss": np.inf}


def replications(runs):
    """Row 30: how far the best rate moves with the width, and what the small network's rate costs."""
    powers, widths = runs.axes["power"], runs.axes["width"]
    loss = {
        kind: np.nan_to_num(np.median(runs["loss"].at(kind=kind).values, axis=2), nan=np.inf)
        for kind in runs.axes["kind"]
    }
    best = {kind: one.argmin(axis=1) for kind, one in loss.items()}  # width
    moved = {kind: int(abs(places[-1] - places[0])) for kind, places in best.items()}
    fallen = int(best["SP"][0] - best["SP"][-1])  # steps of the grid, each a factor of 2
    kept = {kind: one[-1, best[kind][0]] / one[-1].min() - 1 for kind, one in loss.items()}
    inside = all(0 < place < len(powers) - 1 for places in best.values() for place in places)
    told = {
        kind: ", ".join(f"2^{powers[place]}" for place in places).replace("-", "−")
        for kind, places in best.items()
    }
    sizes = ", ".join(f"{width:,}" for width in widths)
    found = replicated(
        30,
        "Yang et al. 2021, fig. 3",
        key="yang2021",
        claim="In the standard parametrization (SP) the best learning rate falls by about an order of"
        " magnitude from 256 to 8,192 units; in μP it is more stable.",
        data=("CIFAR-10", f"Fashion-MNIST, {IMAGES:,} images of 14 × 14 pixels"),
        network=(
            "two hidden layers of 256 to 8,192 units; in the authors' script without biases, the output at"
            " zero, with tuned factors of input and output",
            f"as in the script with {sizes} units",
        ),
        optimizer="SGD with momentum 0.9, batches of 64",
        length=("20 epochs, 15,640 steps", f"{EPOCHS} epochs, {EPOCHS * -(-IMAGES // BATCH):,} steps"),
        seeds=(None, len(runs.seeds)),
        ours=f"best rates at widths {sizes}: {told['SP']} in SP, {told['μP']} in μP"
        f" ({'all inside' if inside else 'one at the edge of'} the grid); at width {widths[-1]:,} the best"
        f" rate of width {widths[0]} gives {_times(kept['SP'])} the lowest loss in SP and"
        f" {_times(kept['μP'])} in μP; an earlier run, of one epoch and without the tuned factors, did not"
        " show it",
        rule=Rule(
            f"from width {widths[0]} to {widths[-1]:,} the best rate falls 4-fold or more in SP, and moves at"
            " most 2-fold in μP; the order alone: it falls further in SP",
            fallen >= 2 and moved["μP"] <= 1,
            order=fallen > moved["μP"],
            seen="2026-11-29",
        ),
        others=[
            Rule(
                "the rule that was fixed first, which does not ask which way the rate moves: 4-fold or more"
                " in SP, at most 2-fold in μP; the order alone: further in SP",
                moved["SP"] >= 2 and moved["μP"] <= 1,
                order=moved["SP"] > moved["μP"],
                fixed="2026-11-29",
            ),
            Rule(
                "kept from the smallest to the largest width, the best rate costs 10% of the loss or more in"
                " SP, and less in μP",
                kept["SP"] >= 0.1 and kept["μP"] < 0.1,
                order=kept["SP"] > kept["μP"],
                fixed="2026-11-29",
            ),
            Rule(
                "in μP a wider network has the lower loss at every rate up to the best",
                bool(np.all(np.diff(loss["μP"][:, : best["μP"].min() + 1], axis=0) < 0)),
                fixed="2026-11-29",
            ),
        ],
        run="python -m dlbook.replications.full width_transfer",
    )
    return [("deeper/initialization_depth", found)]


def _times(more):
    return f"{1 + more:.1f} times" if np.isfinite(more) else "infinitely many times"
