"""Recurrent layers: how can a network remember, and how long does its gradient?

A recurrent layer reads a sequence step by step and keeps a state ``h`` that it changes with the same weights
in every step. The gradient goes the same way back, through time: from each step to the one before, multiplied
by the same matrix again and again, so that it vanishes or explodes with the distance (Bengio, Simard &
Frasconi 1994; Pascanu, Mikolov & Bengio 2013). The LSTM has a second state, passed on without that matrix.

Sequences are ``(m, steps, n)``: examples, time, features. Inside, time comes first, so that one step of all
examples lies together in memory. The states before the first step are 0.
"""

import numpy as np

from dlcore import checks
from dlcore.base import Layer
from dlcore.initialization import orthogonal, xavier_uniform


class _Recurrent(Layer):
    """What both layers share: their parameters, and the way into and out of time."""

    params = ("W_x", "W_h", "b")
    gates = 1
    dh = None

    def __init__(self, n_in, n_hidden, init=xavier_uniform, recurrent_init=orthogonal, *, rng):
        self.n_in = checks.integer("n_in", n_in, 1)
        self.n_hidden = checks.integer("n_hidden", n_hidden, 1)
        checks.generator(rng)
        for name, function in (("init", init), ("recurrent_init", recurrent_init)):
            if not callable(function):
                raise TypeError(
                    f"{name} must be a function of (shape, rng) such as orthogonal, got {function!r}"
                )
        self.W_x = self._drawn("init", init, (n_in, n_hidden), rng)
        self.W_h = self._drawn("recurrent_init", recurrent_init, (n_hidden, n_hidden), rng)
        self.b = np.zeros(self.gates * n_hidden, self.W_x.dtype)
        self.dW_x, self.dW_h, self.db = map(np.zeros_like, (self.W_x, self.W_h, self.b))

    def _drawn(self, name, init, shape, rng):
        """The gates' blocks side by side, each drawn by itself: its fans are those of n_hidden units."""
        blocks = [init(shape, rng) for _ in range(self.gates)]
        return checks.floats(f"the weights that {name} returns", np.hstack(blocks))

    def _time_first(self, x):
        x = checks.array("x", x, shape=(None, None, self.n_in))
        return np.ascontiguousarray(x.swapaxes(0, 1))

    def _dy(self, dy, like):
        steps, m, n = like.shape
        return checks.same_shape("dy", np.asarray(dy), (m, steps, n)).swapaxes(0, 1)

    def _sum_over_steps(self, x, h_before, dz, input_gradient):
        """dW_x = sum_t x_t' dz_t,  dW_h = sum_t h_{t-1}' dz_t,  db = sum_t dz_t,  dx_t = dz_t W_x'."""
        np.matmul(_rows(x).T, _rows(dz), out=self.dW_x)
        np.matmul(_rows(h_before).T, _rows(dz), out=self.dW_h)
        np.sum(dz, axis=(0, 1), out=self.db)
        return (dz @ self.W_x.T).swapaxes(0, 1) if input_gradient else None

    def __repr__(self):
        return f"{type(self).__name__}({self.n_in}, {self.n_hidden})"


class RNN(_Recurrent):
    """The simple recurrent layer (Elman 1990): h_t = tanh(x_t W_x + h_{t-1} W_h + b),  h_0 = 0.

    Parameters
    ----------
    n_in, n_hidden : int
    init, recurrent_init : functions of (shape, rng)
        How ``W_x: (n_in, n_hidden)`` and ``W_h: (n_hidden, n_hidden)`` begin; ``b`` begins at 0. An
        orthogonal ``W_h`` alone makes a gradient neither longer nor shorter; ``functools.partial(orthogonal,
        gain=1.1)`` sets its spectral radius.
    rng : numpy.random.Generator

    Attributes
    ----------
    dh : (steps, m, n_hidden)
        After `backward`: the gradient of the loss with respect to each h_t, all the later steps' share
        included. ``np.linalg.norm(layer.dh, axis=(1, 2))`` against time shows it vanish or explode.

    Notes
    -----
    Equal to ``torch.nn.RNN(n_in, n_hidden, batch_first=True)`` with ``W_x = weight_ih.T``,
    ``W_h = weight_hh.T`` and ``b = bias_ih + bias_hh``: one bias does what PyTorch's two do.

    Examples
    --------
    >>> rnn = RNN(2, 3, rng=np.random.default_rng(0))
    >>> h = rnn.forward(np.zeros((5, 7, 2)))    # 5 sequences of 7 steps
    >>> h.shape
    (5, 7, 3)
    >>> dy = np.zeros_like(h)
    >>> dy[:, -1] = 1.0                         # a loss that looks at the last step only
    >>> rnn.backward(dy).shape
    (5, 7, 2)
    >>> np.linalg.norm(rnn.dh, axis=(1, 2)).round(6)      # at h = 0 tanh' is 1, and W_h is orthogonal
    array([3.872983, 3.872983, 3.872983, 3.872983, 3.872983, 3.872983,
           3.872983])
    """

    def forward(self, x, training=False):
        """``x: (m, steps, n_in)`` to all hidden states, ``(m, steps, n_hidden)``."""
        x = self._time_first(x)
        W_x, W_h, b = self.W_x, self.W_h, self.b
        h, h_before = _states(x, self.n_hidden, np.result_type(x, W_x))
        z_x = x @ W_x + b  # of all steps at once; only the way through h must go step by step
        for t in range(len(x)):
            h[t] = np.tanh(z_x[t] + h_before[t] @ W_h)
        self._memory = x, h, h_before
        return h.swapaxes(0, 1).copy()

    def backward(self, dy, input_gradient=True):
        """Backpropagation through time: ``dy: (m, steps, n_hidden)`` to ``dx: (m, steps, n_in)``.

        dh_t = dy_t + dz_{t+1} W_h'         from the output, and from the step after
        dz_t = dh_t (1 - h_t^2)
        """
        x, h, h_before = checks.remembered(self, self._memory)
        dy = self._dy(dy, h)
        W_h = self.W_h
        dh, dz = np.empty_like(h), np.empty_like(h)
        slope = 1 - h**2
        from_later = 0
        for t in reversed(range(len(x))):
            dh[t] = dy[t] + from_later
            dz[t] = dh[t] * slope[t]
            from_later = dz[t] @ W_h.T
        self.dh = dh
        return self._sum_over_steps(x, h_before, dz, input_gradient)


class LSTM(_Recurrent):
    """Long short-term memory: a cell state ``c`` that gates protect.

    i, f, g, o = the four parts of x_t W_x + h_{t-1} W_h + b
    c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g)
    h_t = sigmoid(o) tanh(c_t),        h_0 = c_0 = 0

    The way from c_t back to c_{t-1} is a product with the forget gate, element by element: where the gate is
    open, close to 1, the gradient passes unchanged. This is the form with a forget gate and without peepholes
    (Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000).

    Parameters
    ----------
    n_in, n_hidden : int
    init, recurrent_init : functions of (shape, rng)
        How each gate's block of ``W_x: (n_in, 4 n_hidden)`` and ``W_h: (n_hidden, 4 n_hidden)`` begins. The
        blocks are, in this order: input gate i, forget gate f, candidate g, output gate o.
    forget_bias : float
        Where the forget gate's biases begin; all others begin at 0. At 1 the gate starts at 0.73 and the cell
        remembers from the start; at 0 it starts at 0.5, and half is forgotten in each step (Gers et al. 2000;
        Jozefowicz, Zaremba & Sutskever 2015 found the 1 to matter more than most other choices).
    rng : numpy.random.Generator

    Attributes
    ----------
    dh, dc : (steps, m, n_hidden)
        After `backward`: the gradients of the loss with respect to each h_t and each c_t, all the later
        steps' share included.

    Notes
    -----
    Equal to ``torch.nn.LSTM(n_in, n_hidden, batch_first=True)``, gates in the same order, with
    ``W_x = weight_ih.T``, ``W_h = weight_hh.T`` and ``b = bias_ih + bias_hh``.

    Examples
    --------
    >>> lstm = LSTM(2, 3, rng=np.random.default_rng(0))
    >>> lstm.b
    array([0., 0., 0., 1., 1., 1., 0., 0., 0., 0., 0., 0.])
    >>> lstm.forward(np.zeros((5, 7, 2))).shape
    (5, 7, 3)
    """

    gates = 4
    dc = None

    def __init__(
        self, n_in, n_hidden, init=xavier_uniform, recurrent_init=orthogonal, *, rng, forget_bias=1.0
    ):
        super().__init__(n_in, n_hidden, init, recurrent_init, rng=rng)
        self.b[n_hidden : 2 * n_hidden] = checks.number("forget_bias", forget_bias)

    def forward(self, x, training=False):
        """``x: (m, steps, n_in)`` to all hidden states, ``(m, steps, n_hidden)``."""
        x = self._time_first(x)
        W_x, W_h, b = self.W_x, self.W_h, self.b
        dtype = np.result_type(x, W_x)
        h, h_before = _states(x, self.n_hidden, dtype)
        c, c_before = _states(x, self.n_hidden, dtype)
        z_x = x @ W_x + b  # of all steps at once; only the way through h must go step by step
        gates = np.empty_like(z_x)
        i, f, g, o = np.split(gates, 4, axis=2)
        half = np.repeat(np.array([0.5, 0.5, 1, 0.5], dtype), self.n_hidden)
        for t in range(len(x)):
            z = z_x[t] + h_before[t] @ W_h
            gates[t] = half * np.tanh(half * z) + (1 - half)  # sigmoid(z) = tanh(z / 2) / 2 + 1 / 2
            c[t] = f[t] * c_before[t] + i[t] * g[t]
            h[t] = o[t] * np.tanh(c[t])
        self._memory = x, h_before, c, c_before, (i, f, g, o)
        return h.swapaxes(0, 1).copy()

    def backward(self, dy, input_gradient=True):
        """Backpropagation through time: ``dy: (m, steps, n_hidden)`` to ``dx: (m, steps, n_in)``.

        dh_t = dy_t + dz_{t+1} W_h'                              from the output, and from the step after
        dc_t = dh_t o_t (1 - tanh(c_t)^2) + dc_{t+1} f_{t+1}     from h_t, and from the cell after
        dz_t = dc_t and dh_t through each gate: sigmoid' = s (1 - s), tanh' = 1 - g^2
        """
        x, h_before, c, c_before, (i, f, g, o) = checks.remembered(self, self._memory)
        dy = self._dy(dy, c)
        W_h = self.W_h
        dh, dc = np.empty_like(c), np.empty_like(c)
        dz = np.empty((*c.shape[:2], 4 * self.n_hidden), c.dtype)
        tanh_c = np.tanh(c)
        into_c, into_o = o * (1 - tanh_c**2), tanh_c * o * (1 - o)  # factors of dh, for all steps at once
        into_ifg = np.stack([g * i * (1 - i), c_before * f * (1 - f), i * (1 - g**2)], axis=2)  # and of dc
        dz_ifg, dz_o = np.split(dz.reshape(*c.shape[:2], 4, self.n_hidden), [3], axis=2)
        dh_later = dc_later = 0
        for t in reversed(range(len(x))):
            dh[t] = dy[t] + dh_later
            dc[t] = dh[t] * into_c[t] + dc_later
            dz_ifg[t] = dc[t][:, None] * into_ifg[t]
            dz_o[t, :, 0] = dh[t] * into_o[t]
            dh_later = dz[t] @ W_h.T
            dc_later = dc[t] * f[t]
        self.dh, self.dc = dh, dc
        return self._sum_over_steps(x, h_before, dz, input_gradient)


class LastStep(Layer):
    """Keep what the last step says: ``(m, steps, n)`` to ``(m, n)``, for one answer per sequence.

    Examples
    --------
    >>> from dlcore.layers import Dense
    >>> from dlcore.network import Network
    >>> rng = np.random.default_rng(0)
    >>> net = Network(RNN(2, 8, rng=rng), LastStep(), Dense(8, 1, rng=rng))
    >>> net.forward(np.zeros((5, 7, 2))).shape
    (5, 1)
    """

    def forward(self, x, training=False):
        x = checks.array("x", x, ndim=3)
        self._memory = x.shape
        return x[:, -1].copy()

    def backward(self, dy, input_gradient=True):
        """dx is dy in the last step and 0 in all others."""
        m, steps, n = checks.remembered(self, self._memory)
        dy = checks.same_shape("dy", np.asarray(dy), (m, n))
        if not input_gradient:
            return None
        dx = np.zeros((m, steps, n), dy.dtype)
        dx[:, -1] = dy
        return dx


def _states(x, n_hidden, dtype):
    """Room for a state of every step, and the same memory one step earlier, which begins with 0.

    ``before[t]`` is the state at t - 1.
    """
    steps, m, _ = x.shape
    all_states = np.zeros((steps + 1, m, n_hidden), dtype)
    return all_states[1:], all_states[:-1]


def _rows(a):
    """All steps of all examples under one another."""
    return a.reshape(-1, a.shape[-1])
