"""Side by side: how are sixteen seeds of a small network trained in the time of a few?

One matrix product of a small network takes less time than Python needs to ask for it. So the pages that
compare many seeds of a small network give a layer one weight matrix for each network: `Side` is
`dlcore.layers.Dense` with an axis in front. `Network`, the activations, dropout and the optimizers work on
it as they are, because none of them mixes the entries of an array.
"""

import numpy as np

from dlcore import checks
from dlcore.layers import Dense
from dlcore.losses import softmax_cross_entropy


class Side(Dense):
    """Dense layers of several networks: y[k] = x[k] W[k] + b[k].

    Parameters
    ----------
    networks : int
        How many, at least 1.
    n_in, n_out : int
    init : callable
        ``init((n_in, n_out), rng)`` draws the weights of one network; the biases begin at 0.
    rng : numpy.random.Generator

    Notes
    -----
    Inputs have the shape ``(networks, m, n_in)``.

    Examples
    --------
    >>> layer = Side(16, 3, 2, lambda shape, rng: rng.standard_normal(shape), np.random.default_rng(0))
    >>> layer.forward(np.ones((16, 5, 3))).shape
    (16, 5, 2)
    """

    def __init__(self, networks, n_in, n_out, init, rng):
        networks = checks.integer("networks", networks, 1)
        super().__init__(n_in, n_out, init, rng=rng)
        self.W = np.array([init((n_in, n_out), rng) for _ in range(networks)])
        self.dW, self.b = np.zeros_like(self.W), np.zeros(networks * n_out)
        self.db = np.zeros_like(self.b)

    def forward(self, x, training=False):
        """Return x[k] W[k] + b[k] for every network k."""
        networks, n_in, _ = self.W.shape
        if np.ndim(x) != 3 or np.shape(x)[::2] != (networks, n_in):
            raise ValueError(f"x must have the shape ({networks}, m, {n_in}), got {np.shape(x)}")
        self.x = x
        return x @ self.W + self.b.reshape(networks, 1, -1)

    def backward(self, dy, input_gradient=True):
        """Store the gradients of W and b; return that of x, or None where nobody asks for it."""
        self.db[:] = dy.sum(axis=1).ravel()
        np.matmul(self.x.swapaxes(1, 2), dy, out=self.dW)
        return dy @ self.W.swapaxes(1, 2) if input_gradient else None


def epoch(net, x, y, slope, optimizer, batch, rng, penalty=None):
    """Train networks side by side for one epoch; each draws its own mini-batches.

    Parameters
    ----------
    net : dlcore.network.Network
        Of `Side` layers.
    x, y : arrays (networks, m, ...)
        The examples of each network.
    slope : callable
        ``slope(output, y)``: the gradient of each network's own loss with respect to its output.
    optimizer : dlcore.optimizers.Optimizer
    batch : int
    rng : numpy.random.Generator
    penalty : callable, optional
        ``penalty(W)``: what is added to the gradient of each weight matrix.
    """
    batch = checks.integer("batch", batch, 1)
    rows = np.arange(len(x))[:, None]
    order = rng.permuted(np.tile(np.arange(x.shape[1]), (len(x), 1)), axis=1)
    for start in range(0, x.shape[1], batch):
        at = rows, order[:, start : start + batch]
        output = net.forward(x[at], training=True)
        net.backward(slope(output, y[at]), input_gradient=False)
        for W, dW in net.weights() if penalty else ():
            dW += penalty(W)
        optimizer.step(net.theta, net.grad)


def half_square(output, target):
    """The slope of each network's ½·MSE, for outputs of shape ``(networks, m, 1)``.

    Examples
    --------
    >>> half_square(np.array([[[1.0], [2.0]]]), np.zeros((1, 2, 1))).ravel()
    array([0.5, 1. ])
    """
    return (output - target) / output.shape[1]


def cross_entropy(output, labels, label_smoothing=0.0):
    """The slope of each network's softmax cross-entropy, for logits of shape ``(networks, m, classes)``.

    `labels` are classes ``(networks, m)``, or probabilities with the shape of `output`.

    Examples
    --------
    >>> cross_entropy(np.zeros((1, 1, 2)), np.array([[0]])).ravel()
    array([-0.5,  0.5])
    """
    flat = output.reshape(-1, output.shape[-1])
    labels = labels.reshape(flat.shape) if labels.ndim == output.ndim else labels.ravel()
    _, dy = softmax_cross_entropy(flat, labels, label_smoothing)
    return len(output) * dy.reshape(output.shape)
