"""Together: how do many seeds of one small network train in the time of a few?

In a network of a thousand weights most of a step's time is Python's, not the arithmetic's. So a chapter that
trains many settings from sixteen seeds each trains the seeds as one network, whose dense layers hold a weight
matrix for each of them::

    net = Together(build, range(16))
    net.fit(x, y, SGD(0.1), epochs=3, batch_size=20)
    net.losses(x, y)                                        # 16 numbers

Each seed does what `dlcore.training.fit` would do with it: the same first weights, the same mini-batches.
"""

import numpy as np

from dlbook.side_by_side import Side
from dlcore.layers import Dense, Residual
from dlcore.network import Network
from dlcore.training import minibatches


class Together(Network):
    """The same network begun from several seeds, trained side by side; no seed sees another.

    Parameters
    ----------
    build : function of a generator
        Returns an ordinary `Network` of dense layers, activation functions and residual blocks of them.
    seeds : sequence of int
        One network for each.
    dtype : numpy dtype

    Examples
    --------
    >>> from dlcore.layers import ReLU
    >>> def build(rng):
    ...     return Network(Dense(4, 3, rng=rng), ReLU(), Dense(3, 2, rng=rng))
    >>> net = Together(build, range(5), dtype=np.float64)
    >>> x = np.random.default_rng(0).normal(size=(5, 10, 4))      # ten examples for each seed
    >>> net.gradient(x, np.zeros((5, 10), int)).shape == net.theta.shape
    True
    >>> net.losses(x[0], np.zeros(10, int)).shape                 # all seeds on the same ten examples
    (5,)
    """

    def __init__(self, build, seeds, dtype=np.float32):
        self.seeds = tuple(seeds)
        if not self.seeds:
            raise ValueError("seeds must have at least one seed, got none")
        self._rngs = [np.random.default_rng(seed) for seed in self.seeds]
        built = [build(rng) for rng in self._rngs]
        layers = [_stacked(alike) for alike in zip(*(net.layers for net in built), strict=True)]
        super().__init__(*layers, dtype=dtype)

    def fit(self, x, labels, optimizer, *, epochs, batch_size, schedule=None, on_step=None):
        """Train every seed by mini-batch descent, its examples shuffled by its own generator.

        `schedule` and `on_step` are those of `dlcore.training.fit`. Returns nothing: ask for the `losses`.
        """
        x, labels, base_lr, step = np.asarray(x, self.dtype), np.asarray(labels), optimizer.lr, 0
        try:
            for _ in range(epochs):
                for rows in zip(*(minibatches(len(x), batch_size, rng) for rng in self._rngs), strict=True):
                    rows = np.array(rows)
                    if schedule is not None:
                        optimizer.lr = base_lr * schedule(step)
                    with np.errstate(all="ignore"):
                        optimizer.step(self.theta, self.gradient(x[rows], labels[rows]))
                    if on_step is not None and on_step(step):
                        return
                    step += 1
        finally:
            optimizer.lr = base_lr

    def losses(self, x, labels):
        """Return each seed's mean cross-entropy; infinite where a seed has diverged.

        ``x`` is ``(m, n)``, the same for all seeds, or ``(seeds, m, n)``, and `labels` ``(m,)`` or
        ``(seeds, m)``.
        """
        with np.errstate(all="ignore"):
            z = self._logits(x)
            labels = np.broadcast_to(labels, z.shape[:2])[..., None]
            z = z - z.max(axis=2, keepdims=True)
            right = np.take_along_axis(z, labels, axis=2)[..., 0]
            loss = (np.log(np.exp(z).sum(axis=2)) - right).mean(axis=1)
        return np.where(np.isfinite(loss), loss, np.inf)

    def errors(self, x, labels):
        """Return each seed's share of wrong answers; 1 where a seed has diverged."""
        with np.errstate(all="ignore"):
            z = self._logits(x)
        wrong = np.mean(z.argmax(axis=2) != labels, axis=1)
        return np.where(np.isfinite(z).all(axis=(1, 2)), wrong, 1.0)

    def gradient(self, x, labels):
        """Return the gradient of each seed's mean cross-entropy.

        It is 0 where a seed has diverged, so that the seed stands still and the others go on.
        Shapes as for `losses`. The array is the network's own ``grad``.
        """
        with np.errstate(all="ignore"):
            z = self._logits(x)
            labels = np.broadcast_to(labels, z.shape[:2])[..., None]
            p = np.exp(z - z.max(axis=2, keepdims=True))
            p /= p.sum(axis=2, keepdims=True)
            np.put_along_axis(p, labels, np.take_along_axis(p, labels, axis=2) - 1, axis=2)
            self.backward(p / z.shape[1], input_gradient=False)
        return np.nan_to_num(self.grad, copy=False, nan=0, posinf=0, neginf=0)

    def _logits(self, x):
        x = np.asarray(x, self.dtype)
        shape = (len(self.seeds), *x.shape[-2:])
        if x.ndim not in (2, 3) or (x.ndim == 3 and x.shape != shape):
            raise ValueError(f"x must have shape (examples, features) or {shape}, got {x.shape}")
        return self.forward(np.broadcast_to(x, shape))


def _stacked(layers):
    """One layer for many alike."""
    first = layers[0]
    if isinstance(first, Dense):
        drawn = iter([first.W, *(layer.W for layer in layers)])
        side = Side(
            len(layers), first.n_in, first.n_out, lambda shape, rng: next(drawn), np.random.default_rng(0)
        )
        side.b[:] = np.concatenate([layer.b for layer in layers])
        return side
    if isinstance(first, Residual):
        return Residual(*(_stacked(inner) for inner in zip(*(one.layers for one in layers), strict=True)))
    if getattr(first, "params", ()):
        raise ValueError(f"build must make dense layers and functions without parameters, got {first!r}")
    return type(first)()
