"""Search: which learning rate, which width, which depth, and how little may finding out cost?

An *experiment* is a function of its hyperparameters that returns a loss (lower is better, everywhere in this
room); a *configuration* is a dict with one value for each of them. `run` runs an experiment for many
configurations, here or on a cluster. Where the configurations come from is the art:

- `grid`, `random`: all chosen beforehand;
- `coarse_to_fine`: random, then random again around the best;
- `successive_halving`, `hyperband`, `asha`: many short runs, and only the best of them go on;
- `bayesian`: where a model of the loss, fitted to what was seen, expects the largest improvement.

The first two return configurations to `run`; the others run them, and return the same `Results`.

`sweep` chooses nothing: it runs every combination of settings with the same seeds, and returns a table of it
all.
"""

from .bayes import bayesian
from .gaussian_process import GaussianProcess, expected_improvement
from .halving import asha, brackets, hyperband, successive_halving
from .narrowing import coarse_to_fine
from .running import ExperimentFailed, Results, run
from .spaces import grid, integers, log_uniform, random, uniform
from .sweeping import Sweep, limited_seeds, spread, sweep

__all__ = [
    "ExperimentFailed",
    "GaussianProcess",
    "Results",
    "Sweep",
    "asha",
    "bayesian",
    "brackets",
    "coarse_to_fine",
    "expected_improvement",
    "grid",
    "hyperband",
    "integers",
    "limited_seeds",
    "log_uniform",
    "random",
    "run",
    "spread",
    "successive_halving",
    "sweep",
    "uniform",
]
