"""Cohen et al. (2021): does full-batch gradient descent end at a sharpness of 2/η?

The paper's fully connected network, two hidden layers of 200 tanh units with the squared error, and gradient
descent on all of 5,000 images at a constant rate; they are of Fashion-MNIST at half the resolution instead of
CIFAR-10. The sharpness is the largest eigenvalue of the Hessian of the training loss.
"""

from itertools import pairwise

import numpy as np

from dlbook.replications.verdicts import Rule, replicated
from dlcore.initialization import uniform
from dlcore.layers import Dense, Tanh
from dlcore.network import Network

from ._images import halved_fashion

AXES = {"rate": [0.05, 0.08]}
SEEDS = 2
CHECK = {"rate": 0.05, "seed": 0}

IMAGES, STEPS, EVERY, FIRST = 5_000, 2_000, 50, 100


def network(rng):
    """784 pixels become 196 here; weights from U(±1/√n), as PyTorch draws them."""
    sizes, layers = (196, 200, 200, 10), []
    for n_in, n_out in pairwise(sizes):

        def init(shape, rng, limit=n_in**-0.5, **dtype):
            return uniform(shape, rng, limit=limit, **dtype)

        layers += [Dense(n_in, n_out, init=init, rng=rng), Tanh()]
    return Network(*layers[:-1], dtype=np.float32)


def loss_and_gradient(net, theta, x, target):
    """½‖f(x) − y‖², the mean over examples, and its gradient at `theta`."""
    net.theta[:] = theta
    off = net.forward(x, training=True) - target
    net.backward(off / len(x), input_gradient=False)
    return float(np.sum(off * off, dtype=np.float64) / (2 * len(x))), net.grad.copy()


def sharpness(net, theta, u, x, target, rounds, h=0.03):
    """The largest eigenvalue by power iteration from `u`, whose products Hu are differences of gradients."""
    for _ in range(rounds):
        u = u / np.linalg.norm(u)
        ahead, behind = (loss_and_gradient(net, theta + way * u, x, target)[1] for way in (h, -h))
        Hu = (ahead - behind) / (2 * h)
        largest, u = float(u @ Hu), Hu
    return largest, u


def run(seed, rate, steps=STEPS):
    """Return loss and sharpness every 50 steps, and the share of steps after the first half that rose.

    Where the loss has grown beyond all bounds the rest is infinite.
    """
    images, labels, _, _ = halved_fashion()
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(images))[:IMAGES]
    x, target = images[rows], np.eye(10, dtype=np.float32)[labels[rows]]
    net = network(rng)
    theta, u = net.theta.copy(), rng.normal(size=net.theta.size).astype(np.float32)
    rate, rounds = np.float32(rate), 30
    losses, sharp = np.full(steps + 1, np.inf), np.full(steps // EVERY + 1, np.inf)
    for t in range(steps + 1):
        losses[t], g = loss_and_gradient(net, theta, x, target)
        if not losses[t] < 100:
            losses[t] = np.inf
            break
        if t % EVERY == 0:
            sharp[t // EVERY], u = sharpness(net, theta, u, x, target, rounds)
            rounds = 4
        theta -= rate * g
    half = losses[steps // 2 :]
    rises = np.mean(half[1:] > half[:-1])
    return {
        "loss_at_100": losses[FIRST],
        "rises": rises,
        "loss": np.round(losses[::EVERY], 6),
        "sharpness": np.round(sharp, 4),
    }


def probe(seed, rate):
    """The loss after 100 steps."""
    return {"loss_at_100": run(seed, rate, steps=FIRST)["loss_at_100"]}


def replications(runs):
    """Row 29: the sharpness of the last third of each run, as a share of 2/η."""
    rates = runs.axes["rate"]
    shares, falls, swings = [], [], []
    for rate in rates:
        for sharp, loss in zip(runs["sharpness"].at(rate=rate), runs["loss"].at(rate=rate), strict=True):
            share = sharp * rate / 2
            shares.append(np.median(share[2 * len(share) // 3 :]))
            there = int(np.argmax(share >= 1)) if np.any(share >= 1) else len(share) - 1
            falls.append(bool(loss[-1] < loss[there]))
        swings.append(float(np.median(runs["rises"].at(rate=rate))))
    shares = np.array(shares).reshape(len(rates), -1)
    told = ", ".join(
        f"{np.median(share):.2f} at rate {rate:g}" for rate, share in zip(rates, shares, strict=True)
    )
    rising = ", ".join(f"{swing:.0%}" for swing in swings)
    starts = runs["sharpness"].at(rate=rates[0])[:, 0]
    at_edge = bool(np.all((shares >= 0.95) & (shares <= 1.2)))
    found = replicated(
        29,
        "Cohen et al. 2021, fully connected tanh",
        key="cohen2021",
        claim="Full-batch gradient descent raises the sharpness to 2/η, where it stays, at or just above;"
        " from there on the loss does not fall at every step, but goes on falling.",
        data=("5,000 images of CIFAR-10", f"{IMAGES:,} images of Fashion-MNIST, 14 × 14 pixels"),
        network="two hidden layers of 200 tanh units, squared error",
        optimizer="gradient descent on all data, several constant rates",
        length=("until 99% of the training images are right", f"{STEPS:,} steps"),
        seeds=(1, len(runs.seeds)),
        ours=f"from {np.median(starts):.0f} at the start the sharpness goes to this share of 2/η (median of"
        f" the last third): {told}; the loss rises in {rising} of the steps of the second half, and ends"
        f" below where the sharpness first reached 2/η in {sum(falls)} of {len(falls)} runs",
        rule=Rule(
            "in every run the median share of the last third is from 0.95 to 1.2, and the loss ends below"
            " where the sharpness reached 2/η; the order alone: every share from 0.8 to 1.25",
            at_edge and all(falls),
            order=bool(np.all((shares >= 0.8) & (shares <= 1.25))) or (at_edge and all(falls)),
            fixed="2026-11-29",
        ),
        others=[
            Rule(
                "the shares at both rates within 0.1 of each other",
                bool(np.ptp(np.median(shares, axis=1)) <= 0.1),
                fixed="2026-11-29",
            ),
            Rule(
                "at every rate the loss rises in 10% of the later steps or more",
                min(swings) >= 0.1,
                fixed="2026-11-29",
            ),
        ],
        run="python -m dlbook.replications.full edge_of_stability",
    )
    return [("landscape", found)]
