"""Le et al. (2011): are L-BFGS and conjugate gradients faster than SGD on an autoencoder?

An autoencoder of 64 sigmoid units on the 60,000 training images of Fashion-MNIST at half the resolution, the
squared error. L-BFGS and conjugate gradients, both with a line search, on all images; L-BFGS on large
mini-batches, several steps on each, as in the paper; SGD on batches of 100 at the best of four rates. What
counts are passes over the data: an evaluation of the loss on all images is one, those of line searches
included.
"""

import time
from functools import partial

import numpy as np

from dlbook.replications.verdicts import Rule, replicated
from dlcore.checks import NonFinite
from dlcore.initialization import xavier_uniform
from dlcore.layers import Dense, Sigmoid
from dlcore.network import Network
from dlcore.optimizers import LBFGS, SGD, strong_wolfe
from dlcore.optimizers.second_order import SecondOrder
from dlcore.training import minibatches

from ._images import full_fashion, halved

SGD_RATES = (0.01, 0.03, 0.1, 0.3)
AXES = {"arm": ["L-BFGS", "CG", "L-BFGS on 10,000", *(f"SGD {rate:g}" for rate in SGD_RATES)]}
SEEDS = 3  # the first chooses SGD's rate
CHECK = {"arm": "L-BFGS", "seed": 0}

PASSES, LOOKS, HIDDEN, IMAGES, LARGE, SMALL = 32, (1, 2, 4, 8, 16, 32), 64, 60_000, 10_000, 100


class ConjugateGradients(SecondOrder):
    """Polak and Ribière's nonlinear conjugate gradients: p = −g + β p, β = g·(g − g')/(g'·g'), at least 0.

    Nocedal and Wright (2006), algorithm 5.4 with their (5.45); the first length of a line search is the one
    that would change the loss as much as the last step did in first order, their (3.60).
    """

    def __init__(self):
        super().__init__(partial(strong_wolfe, c2=0.1))
        self.forget()

    def direction(self, f, theta, g):
        p = -g
        if self.g is not None:
            p = p + max(0.0, g @ (g - self.g) / (self.g @ self.g)) * self.p
            if p @ g >= 0:
                p = -g
        self.before, self.g, self.p = (self.g, self.p), g.copy(), p
        return p

    def first_length(self, g):
        before, p = self.before
        if before is None:
            return min(1.0, 1 / float(np.linalg.norm(g)))
        return self.alpha * float((before @ p) / (g @ self.p))

    def remember(self, s, y):
        self.alpha = float(np.linalg.norm(s) / np.linalg.norm(self.p))

    def forget(self):
        self.g, self.p, self.before, self.alpha = None, None, (None, None), 1.0


def images():
    """The first training images as 14 × 14 numbers from 0 to 1."""
    x, _, _, _ = full_fashion()
    return halved(x[:IMAGES])


def loss_and_gradient(net, x, theta):
    """½‖f(x) − x‖², the mean over images, and its gradient."""
    net.theta[:] = theta
    total, gradient = 0.0, np.zeros_like(net.grad)
    for begin in range(0, len(x), 5000):
        part = x[begin : begin + 5000]
        off = net.forward(part, training=True) - part
        net.backward(off / len(x), input_gradient=False)
        total += float(np.sum(off * off, dtype=np.float64))
        gradient += net.grad
    return total / (2 * len(x)), gradient


def run(seed, arm, passes=PASSES):
    """Return the loss on all images after each of LOOKS passes, and the CPU seconds it took until then."""
    x = images()
    rng = np.random.default_rng(seed)
    layers = [Dense(196, HIDDEN, init=xavier_uniform, rng=rng), Sigmoid()]
    net = Network(*layers, Dense(HIDDEN, 196, init=xavier_uniform, rng=rng), dtype=np.float32)
    looks, found, begun, looking = [one for one in LOOKS if one <= passes], {}, time.process_time(), 0.0

    def look(done):
        nonlocal looking
        if done in looks:
            now = time.process_time()
            found[f"loss_at_{done}"] = loss_and_gradient(net, x, net.theta.copy())[0]
            found[f"seconds_at_{done}"] = now - begun - looking
            looking += time.process_time() - now

    kind, _, rate = arm.partition(" ")
    if arm in ("L-BFGS", "CG"):
        optimizer = LBFGS() if arm == "L-BFGS" else ConjugateGradients()
        _descend(optimizer, partial(loss_and_gradient, net, x), net, passes, look)
    elif arm == "L-BFGS on 10,000":
        share = LARGE / len(x)
        for done, batch in zip(range(passes), _large(len(x), rng), strict=False):
            part = partial(loss_and_gradient, net, x[batch])
            _descend(LBFGS(), part, net, round(1 / share), lambda _: None)
            look(done + 1)
    elif kind == "SGD":
        optimizer = SGD(float(rate))
        try:
            for done in range(passes):
                for batch in minibatches(len(x), SMALL, rng):
                    part = x[batch]
                    net.backward((net.forward(part, training=True) - part) / SMALL, input_gradient=False)
                    optimizer.step(net.theta, net.grad)
                look(done + 1)
        except NonFinite:  # the rate is too large
            for one in looks:
                found.setdefault(f"loss_at_{one}", np.inf)
                found.setdefault(f"seconds_at_{one}", time.process_time() - begun)
    else:
        raise ValueError(f"arm must be one of {', '.join(AXES['arm'])}, or SGD with a rate, got {arm!r}")
    return found


def _descend(optimizer, f, net, evaluations, look):
    """At most so many evaluations of `f`; the network is at the best point when `look` is called."""
    point, done = optimizer.init(f, net.theta), 0
    while True:
        for count in range(done + 1, min(point.evaluations, evaluations) + 1):
            net.theta[:] = point.theta
            look(count)
        done = point.evaluations
        if done >= evaluations or point.stopped:
            break
        after = optimizer.step(point)
        if after.evaluations > evaluations and not after.stopped:
            break  # the step that would not be over in time
        point = after
    net.theta[:] = point.theta
    for count in range(done + 1, evaluations + 1):
        look(count)


def _large(n, rng):
    """Batches of LARGE images, shuffled afresh for each pass."""
    while True:
        yield from minibatches(n, LARGE, rng)


def probe(seed, arm):
    """The loss after the first two passes."""
    return {part: value for part, value in run(seed, arm, passes=2).items() if part.startswith("loss")}


def replications(runs):
    """Row 22, the published half: large batches and a line search against SGD."""
    arms = runs.axes["arm"]
    loss = {arm: np.array([runs[f"loss_at_{look}"].at(arm=arm) for look in LOOKS]) for arm in arms}
    spent = {arm: np.array([runs[f"seconds_at_{look}"].at(arm=arm) for look in LOOKS]) for arm in arms}
    rates = [arm for arm in arms if arm.startswith("SGD")]
    batch = [arm for arm in arms if arm not in rates]

    def race(place):
        """SGD's best rate by seed 0 at a look, and by how many judged seeds each other arm is below it."""
        rate = min(rates, key=lambda arm: np.nan_to_num(loss[arm][place, 0], nan=np.inf))
        return rate, {arm: loss[arm][place, 1:] < loss[rate][place, 1:] for arm in batch}

    rate, last = race(-1)
    early_rate, early = race(LOOKS.index(4))
    judged = len(runs.seeds) - 1
    # at equal seconds: the last look of L-BFGS on all images against SGD's at the time
    at_time = [
        loss["L-BFGS"][-1, seed]
        < np.interp(spent["L-BFGS"][-1, seed], spent[rate][:, seed], loss[rate][:, seed])
        for seed in range(1, judged + 1)
    ]
    told = ", ".join(f"{arm} {np.median(loss[arm][-1, 1:]):.2f}" for arm in [*batch, rate])
    told_early = ", ".join(
        f"{arm} {np.median(loss[arm][LOOKS.index(4), 1:]):.2f}" for arm in [*batch, early_rate]
    )
    inside = rates.index(rate) not in (0, len(rates) - 1)
    row = replicated(
        22,
        "Le et al. 2011, autoencoder",
        key="le2011",
        claim="L-BFGS and conjugate gradients with a line search make the pretraining of networks simpler and"
        " faster than SGD does, the more so with a sparsity penalty and on GPUs.",
        data=("MNIST, 60,000 images", f"Fashion-MNIST, {IMAGES:,} images of 14 × 14 pixels"),
        network=(
            "an autoencoder on 28 × 28 pixels, with and without a sparsity penalty",
            "196-64-196, sigmoid, without a sparsity penalty",
        ),
        optimizer=(
            "L-BFGS and conjugate gradients with a line search, on all images or large batches; SGD at tuned"
            " rates",
            f"the same; each batch of {LARGE:,} has {round(IMAGES / LARGE)} evaluations of L-BFGS, which"
            " begins with an empty memory",
        ),
        length=("counted in seconds", f"{PASSES} passes over the images"),
        measure=("objective by seconds, on CPUs and GPUs", "objective by passes, and by seconds of one core"),
        seeds=(None, judged),
        ours=f"losses after {LOOKS[-1]} passes: {told}; after 4: {told_early}; SGD's best rate is"
        f" {'inside' if inside else 'at the edge of'} its grid; in the CPU seconds of its"
        f" {LOOKS[-1]} passes L-BFGS is below SGD in {sum(at_time)} of {judged} seeds",
        rule=Rule(
            f"after {LOOKS[-1]} passes L-BFGS or conjugate gradients is below tuned SGD with every seed",
            any(bool(np.all(below)) for below in last.values()),
            fixed="2026-11-29",
        ),
        others=[
            Rule(
                "the same after 4 passes",
                any(bool(np.all(below)) for below in early.values()),
                fixed="2026-11-29",
            ),
            Rule(
                "L-BFGS on all images below tuned SGD with every seed, in equal CPU seconds",
                all(at_time),
                fixed="2026-11-29",
            ),
        ],
        run="python -m dlbook.replications.full lbfgs_batches",
    )
    return [("deeper/second_order_batches", row)]
