"""Averaging: must the last weights be the best ones?"""

import numpy as np

from dlcore import checks


class EMA:
    """An exponential moving average of the weights: average <- decay * average + (1 - decay) * theta.

    With a constant rate the last steps of a training go around the minimum; their average lies nearer to it.
    It remembers about ``1 / (1 - decay)`` steps. It starts at the first ``theta`` it is shown, not at 0, so
    it needs no correction, as in PyTorch's `swa_utils.AveragedModel` with `get_ema_multi_avg_fn`. (Polyak &
    Juditsky 1992 take the plain mean of all steps.)

    Parameters
    ----------
    decay : float in [0, 1)
        The share of the average that is kept.

    Attributes
    ----------
    average : ndarray
        Of theta's shape and dtype; None before the first update. ``net.theta[:] = ema.average`` to use it.
        The running averages of batch normalization belong to the weights that they were measured with.
    t : int
        The number of updates.

    Examples
    --------
    >>> ema = EMA(decay=0.5)
    >>> for value in (0.0, 4.0, 8.0):
    ...     ema.update(np.array([value]))
    >>> ema.average
    array([5.])
    """

    def __init__(self, decay=0.999):
        self.decay = checks.number("decay", decay, 0, below=1)
        self.reset()

    def reset(self):
        """Forget all updates."""
        self.t, self.average = 0, None

    def update(self, theta):
        """Take in the weights as they are now: call it after each step."""
        theta = checks.array("theta", theta)
        if self.average is None:
            self.average = theta.copy()
        else:
            checks.same_shape("theta", theta, self.average.shape)
            self.average += (1 - self.decay) * (theta - self.average)
        self.t += 1

    def state_dict(self):
        """What the next updates depend on, as `Optimizer.state_dict`."""
        return {"decay": self.decay, "t": self.t} | ({"average": self.average.copy()} if self.t else {})

    def load_state_dict(self, saved):
        """Go on as the average that `state_dict` described would."""
        t = checks.integer("t", np.asarray(saved["t"]).item(), 0)
        decay = checks.number("decay", np.asarray(saved["decay"]).item(), 0, below=1)
        average = checks.array("average", saved["average"]).copy() if t else None
        self.decay, self.t, self.average = decay, t, average

    def __repr__(self):
        return f"EMA(decay={self.decay:g})"
