"""Scalers: what brings features with different units to one scale?"""

import numpy as np

from dlcore import checks


class _Scaler:
    """An affine map of each feature, (x - shift) / scale, whose numbers come from the training set."""

    shift = scale = None

    def fit(self, x):
        """Take shift and scale of each feature from ``x: (m, n)``, the training set; return the scaler."""
        x = checks.array("x", x, ndim=2)
        smallest, largest = x.min(axis=0), x.max(axis=0)
        with np.errstate(over="ignore"):
            span = largest.astype(np.float64) - smallest
        if not np.isfinite(span).all():
            i = int(np.argmin(np.isfinite(span)))
            raise ValueError(
                f"x must span less than the largest float in each feature, got {smallest[i]} to {largest[i]}"
                f" in feature {i}"
            )
        varies = largest > smallest
        with np.errstate(over="ignore", invalid="ignore"):
            shift, scale = self._fitted(x, varies)
            lost = not np.isfinite(shift + scale).all() or (scale[varies] < self._reliable(x)).any()
        if lost or x.dtype == np.float16:
            shift, scale = self._fitted_in_units(x.astype(np.float64), varies)
        self.shift, self.scale = shift, scale
        return self

    def transform(self, x):
        """Scale ``x: (m, n)`` with the numbers that `fit` found."""
        x = self._checked(x)
        with np.errstate(over="ignore"):
            z = ((x - self.shift) / self.scale).astype(x.dtype, copy=False)
        return checks.finite("x after scaling", z)

    def fit_transform(self, x):
        """`fit`, then `transform` the same examples."""
        return self.fit(x).transform(x)

    def inverse_transform(self, x):
        """Undo `transform`: back to the features' own units."""
        z = self._checked(x)
        with np.errstate(over="ignore"):
            x = (z * self.scale + self.shift).astype(z.dtype, copy=False)
        return checks.finite("x in its own units", x)

    def _reliable(self, x):
        """The smallest scale that the sums in the precision of x find with all its digits."""
        return np.finfo(x.dtype).smallest_subnormal

    def _fitted_in_units(self, x, varies):
        """Fit in float64 and in units of each feature's largest value: no square overflows or vanishes."""
        unit = np.where(varies, np.abs(x).max(axis=0), 1.0)
        shift, scale = self._fitted(x / unit, varies)
        return shift * unit, np.maximum(scale * unit, np.finfo(x.dtype).smallest_subnormal)

    def _checked(self, x):
        if self.scale is None:
            raise RuntimeError(f"{type(self).__name__} is not fitted: call fit(x_train) first")
        return checks.array("x", x, shape=(None, len(self.scale)))


class StandardScaler(_Scaler):
    """Each feature to mean 0 and standard deviation 1: z = (x - mean) / std.

    The standard deviation divides by m, as scikit-learn's. A constant feature becomes 0, not NaN.

    Examples
    --------
    >>> StandardScaler().fit_transform([[1.0, 7.0], [3.0, 7.0]])
    array([[-1.,  0.],
           [ 1.,  0.]])
    """

    def _fitted(self, x, varies):
        return x.mean(axis=0), np.where(varies, x.std(axis=0), 1.0)

    def _reliable(self, x):
        machine = np.finfo(x.dtype)
        if len(x) * machine.eps > 0.01:  # so many terms that the last of them are rounded away
            return np.inf
        return np.sqrt(machine.tiny / machine.eps)  # below it, squares lose digits or vanish


class MinMaxScaler(_Scaler):
    """Each feature to [low, high]: low + (x - min) / (max - min) * (high - low).

    New examples may fall outside: nothing is clipped. A constant feature becomes `low`.

    Examples
    --------
    >>> MinMaxScaler(-1, 1).fit([[0.0], [10.0]]).transform([[5.0], [20.0]])
    array([[0.],
           [3.]])
    """

    def __init__(self, low=0, high=1):
        self.low = checks.number("low", low)
        self.high = checks.number("high", high, above=low)

    def _fitted(self, x, varies):
        smallest, largest = x.min(axis=0), x.max(axis=0)
        scale = np.where(varies, largest - smallest, 1.0) / (self.high - self.low)
        return smallest - self.low * scale, scale
