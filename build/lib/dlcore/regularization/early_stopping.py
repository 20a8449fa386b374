"""Early stopping: when has training gone on for long enough?

The training loss falls as long as we let it. The validation loss falls, then rises while the network
learns its training set by heart. So remember the best point, and stop when it has not been beaten for
`patience` looks in a row.
"""

import numbers

import numpy as np

from dlcore import checks


class EarlyStopping:
    """Remember the best value and the arrays it was reached with; say when to stop.

    Parameters
    ----------
    patience : int
        How many values in a row may fail to improve before `update` says stop, at least 1.
    min_delta : float
        A value improves if it is below best - min_delta, at least 0.

    Attributes
    ----------
    best : float
        The best value so far, infinity before the first.
    best_step : int or None
        Which `update` brought it, counted from 0: an index into `History.validation_loss`.
    waited : int
        How many values since then have failed to improve.

    Notes
    -----
    Lower is better: of an accuracy, pass the negative. A NaN fails to improve, so a diverged run stops after
    `patience` values with its best point still remembered.

    Source: Goodfellow, Bengio and Courville, "Deep Learning", 2016, algorithm 7.1; for other criteria
    Prechelt, "Early stopping - but when?", 1998.

    Examples
    --------
    >>> stopping = EarlyStopping(patience=2)
    >>> theta = np.zeros(1)
    >>> for loss in [3.0, 1.0, 2.0, 4.0, 0.0]:
    ...     theta += 1
    ...     if stopping.update(loss, theta):
    ...         break
    >>> stopping.best, stopping.best_step, stopping.waited
    (1.0, 1, 2)
    >>> stopping.restore(theta)
    >>> theta
    array([2.])
    """

    def __init__(self, patience=10, min_delta=0.0):
        self.patience = checks.integer("patience", patience, 1)
        self.min_delta = float(checks.number("min_delta", min_delta, 0))
        self.reset()

    def reset(self):
        """Forget everything, as before the first `update`."""
        self.best = np.inf
        self.best_step = None
        self.waited = 0
        self.step = 0
        self.best_arrays = ()

    def update(self, value, *arrays):
        """Take in one validation loss and copy `arrays` if it is the best so far.

        Parameters
        ----------
        value : float
        *arrays : numpy.ndarray
            What it takes to come back to this point, such as `net.theta, net.running`.

        Returns
        -------
        stop : bool
            True when `patience` values in a row have failed to improve on the best.
        """
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise TypeError(f"value must be a number, got {value!r}")
        _check_arrays(arrays)
        if value < self.best - self.min_delta:
            self.best = float(value)
            self.best_step = self.step
            self.waited = 0
            self.best_arrays = tuple(a.copy() for a in arrays)
        else:
            self.waited += 1
        self.step += 1
        return self.waited >= self.patience

    def restore(self, *arrays):
        """Copy the best arrays back into `arrays`, in place: pass what `update` was given, in that order."""
        _check_arrays(arrays)
        if self.best_step is None:
            raise RuntimeError("nothing to restore: no value has been an improvement yet, call update first")
        best = [(a.shape, a.dtype.name) for a in self.best_arrays]
        given = [(a.shape, a.dtype.name) for a in arrays]
        if given != best:
            raise ValueError(f"arrays must have the shapes and dtypes given to update, {best}, got {given}")
        for a, a_best in zip(arrays, self.best_arrays):
            a[...] = a_best


def _check_arrays(arrays):
    for a in arrays:
        if not isinstance(a, np.ndarray):
            raise TypeError(f"arrays must be numpy arrays, got {a!r}")
