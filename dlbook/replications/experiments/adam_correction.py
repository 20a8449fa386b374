"""Kingma and Ba (2015), figure 4: what does bias correction change, at which β₁, β₂ and rate?

The paper trains a variational autoencoder (500 softplus units, 50 latent numbers) at β₁ = 0 and 0.9, β₂ =
0.99, 0.999 and 0.9999, and rates from 10⁻⁵ to 10⁻¹, with and without the correction, and looks after 10 and
100 passes. This one has β₁ = 0.9, 100 units and 10 latent numbers; it sees 5,000 images of 14 × 14 pixels,
and the looks are after 1 and 10 passes.
"""

import numpy as np

from dlbook.explorer.numbers import count
from dlbook.replications.verdicts import Rule, replicated
from dlcore.initialization import xavier_uniform

from ._images import full_fashion, halved

AXES = {
    "beta1": [0.9],
    "beta2": [0.99, 0.999, 0.9999],
    "rate": [1e-5, 1e-4, 1e-3, 1e-2, 1e-1],
    "correction": ["on", "off"],
}
SEEDS = 1
CHECK = {"beta1": 0.9, "beta2": 0.999, "rate": 0.001, "correction": "on", "seed": 0}

PIXELS, UNITS, LATENT = 196, 100, 10
SHAPES = ((PIXELS, UNITS), (UNITS, 2 * LATENT), (LATENT, UNITS), (UNITS, PIXELS))
SIZE = sum(n_in * n_out + n_out for n_in, n_out in SHAPES)


def parameters(theta):
    """Four pairs of weights and biases, as views into one vector."""
    pairs, at = [], 0
    for n_in, n_out in SHAPES:
        W = theta[at : at + n_in * n_out].reshape(n_in, n_out)
        at += n_in * n_out
        pairs.append((W, theta[at : at + n_out]))
        at += n_out
    return pairs


def loss_and_gradient(theta, x, noise):
    """The negative evidence lower bound of an image in nats, a mean over the batch, and its gradient.

    Parameters
    ----------
    theta : array
    x : (m, 196) array
        Pixels from 0 to 1, the probabilities of independent black points.
    noise : (m, 10) array
        From N(0, 1).
    """
    (W1, b1), (W2, b2), (W3, b3), (W4, b4) = parameters(theta)
    m = len(x)
    s1 = x @ W1 + b1
    h1 = np.logaddexp(0, s1)
    mean, logvar = np.split(h1 @ W2 + b2, 2, axis=1)
    std = np.exp(logvar / 2)
    z = mean + std * noise
    s3 = z @ W3 + b3
    h3 = np.logaddexp(0, s3)
    logits = h3 @ W4 + b4
    softplus = np.logaddexp(0, logits)
    loss = np.sum(softplus - x * logits) + 0.5 * np.sum(mean**2 + std**2 - 1 - logvar)
    g = np.empty_like(theta)
    (dW1, db1), (dW2, db2), (dW3, db3), (dW4, db4) = parameters(g)
    d4 = (np.exp(logits - softplus) - x) / m
    d3 = (d4 @ W4.T) * np.exp(s3 - h3)
    dz = d3 @ W3.T
    d2 = np.hstack([dz + mean / m, dz * noise * std / 2 + (std**2 - 1) / (2 * m)])
    d1 = (d2 @ W2.T) * np.exp(s1 - h1)
    for dW, db, a, d in ((dW1, db1, x, d1), (dW2, db2, h1, d2), (dW3, db3, z, d3), (dW4, db4, h3, d4)):
        dW[:], db[:] = a.T @ d, d.sum(axis=0)
    return loss / m, g


def run(seed, beta1, beta2, rate, correction, looks=(1, 10)):
    """Return the mean loss of the passes 1 and 10; infinity from where it is no longer finite."""
    if correction not in ("on", "off"):
        raise ValueError(f"correction must be 'on' or 'off', got {correction!r}")
    images, _, _, _ = full_fashion()
    rng = np.random.default_rng(seed)
    x = halved(images[rng.permutation(len(images))[:5000]])
    theta = np.zeros(SIZE, np.float32)
    for W, _ in parameters(theta):
        W[:] = xavier_uniform(W.shape, rng)
    m, v, t, found = np.zeros_like(theta), np.zeros_like(theta), 0, {}
    with np.errstate(all="ignore"):
        for epoch in range(1, max(looks) + 1):
            losses = []
            for batch in rng.permutation(len(x)).reshape(-1, 100):
                loss, g = loss_and_gradient(theta, x[batch], rng.standard_normal((100, LATENT), np.float32))
                losses.append(loss)
                t += 1
                m = beta1 * m + (1 - beta1) * g
                v = beta2 * v + (1 - beta2) * g**2
                fix1, fix2 = (1 - beta1**t, 1 - beta2**t) if correction == "on" else (1, 1)
                theta -= rate * (m / fix1) / (np.sqrt(v / fix2) + 1e-8)
            if epoch in looks:
                found[f"loss_at_{epoch}"] = np.mean(losses) if np.isfinite(losses).all() else np.inf
    return found


def probe(seed, **setting):
    """The mean loss of the first pass."""
    return run(seed, **setting, looks=(1,))


def replications(runs):
    """Row 19, figure 4."""
    looks = [np.median(runs[f"loss_at_{look}"].values, axis=-1) for look in (1, 10)]
    (first_on, first_off), (on, off) = (np.moveaxis(look, -1, 0) for look in looks)  # (β₁, β₂, rate)
    harmed = np.sum(first_off > 1.05 * first_on, axis=(0, 2))  # by β₂
    harmed_of = first_on[:, 0].size
    grows = bool(harmed[0] < harmed[-1])
    never_worse = bool(np.all(first_on <= 1.05 * first_off) and np.all(on <= 1.05 * off))
    at_best = bool(
        np.all(first_on.min(axis=2) <= 1.01 * first_off.min(axis=2))
        and np.all(on.min(axis=2) <= 1.01 * off.min(axis=2))
    )
    best = np.unravel_index(np.argmin(looks[1]), looks[1].shape)
    told = [values[place] for values, place in zip(runs.axes.values(), best, strict=True)]
    worse_at = np.stack([first_on > 1.05 * first_off, on > 1.05 * off])  # (look, β₁, β₂, rate)
    worse, of_rates = int(worse_at.sum()), np.array(runs.axes["rate"])[worse_at.any(axis=(0, 1, 2))]
    slow = f", all at rates up to {of_rates.max():g}, where steps without it are longer" if worse else ""
    counts = ", ".join(str(int(count)) for count in harmed)
    usual = int(on.min(axis=(0, 1)).argmin())  # the best rate with the correction
    start = ", ".join("infinite" if np.isinf(loss) else f"{loss:.0f}" for loss in first_off[0, :, usual])
    lead = abs(off.min() / on.min() - 1)
    beta2s = ", ".join(f"{beta2:g}" for beta2 in runs.axes["beta2"])
    found = replicated(
        19,
        "Kingma & Ba 2015, fig. 4 (longer)",
        key="kingma2015",
        claim="Without the correction a β₂ near 1 makes training unstable, most in the first passes; with it"
        " Adam is equal or better at every setting.",
        data=("images, the set is not named", "Fashion-MNIST, 5,000 images of 14 × 14 pixels"),
        network=(
            "variational autoencoder, 500 softplus units, 50 latent numbers",
            f"variational autoencoder, {UNITS} softplus units, {LATENT} latent numbers",
        ),
        optimizer=(
            "β₁ of 0 and 0.9; β₂ of 0.99, 0.999, 0.9999; rates from 10⁻⁵ to 10⁻¹",
            "the same, without β₁ of 0",
        ),
        length=("looks after 10 and 100 passes", "looks after 1 and 10 passes, 50 and 500 steps"),
        seeds=(None, len(runs.seeds)),
        ours=f"at the best rate, {runs.axes['rate'][usual]:g}, the loss of the first pass without the"
        f" correction is {start} for β₂ = {beta2s} (with it"
        f" {first_on[0, :, usual].max():.0f}). In the first pass {counts} of {harmed_of} rates are worse by"
        f" 5% without it; with it {worse} of {first_on.size + on.size} losses are{slow}. The lowest loss in"
        f" the end has β₁ = {told[0]:g}, β₂ = {told[1]:g}, rate {told[2]:g}, correction {told[3]} (by"
        f" {lead:.2%}, {count(len(runs.seeds), 'seed')})",
        rule=Rule(
            "without the correction more settings are worse by 5% in the first pass at β₂ = 0.9999 than at"
            " 0.99, and with it none is, at either look; the order alone: the first part",
            grows and never_worse,
            order=grows,
            fixed="2026-11-29",
        ),
        others=[
            Rule(
                "the same, where the second part asks for the best rate of each β₁ and β₂, within 1%",
                grows and at_best,
                order=grows,
                fixed="2026-11-29",
            ),
            Rule(
                "the lowest loss in the end has the correction and β₂ of at least 0.999",
                bool(told[3] == "on" and told[1] >= 0.999),
                fixed="2026-11-29",
            ),
        ],
        run="python -m dlbook.replications.full adam_correction",
    )
    return [("deeper/adam_relatives", found)]
