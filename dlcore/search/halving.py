"""Halving: how early can you give up on a run?

All searches here call the experiment with a ``budget``: epochs, steps, examples, whatever a run costs more
of. On each *rung* all the configurations that are left run with the same budget; the best 1/eta of them go on
to the next rung, with eta times the budget. The experiment starts anew on each rung, and `Results.spent`
counts all of it, as Li et al. do; one that goes on from a checkpoint of its own costs less.
"""

import math

import numpy as np

from dlcore import checks

from . import spaces
from .running import search


def successive_halving(
    experiment,
    configurations,
    min_budget,
    max_budget,
    eta=3,
    *,
    n_jobs=None,
    results=None,
    progress=None,
):
    """Run all configurations with a small budget, the best 1/eta of them with eta times as much, and so on.

    The inner loop of Algorithm 1 of Li et al.: with n configurations and
    s = ⌊log_η(max_budget / min_budget)⌋, rung i = 0, ..., s runs n_i = ⌊n η⁻ⁱ⌋ configurations with the budget
    r_i = max_budget ηⁱ⁻ˢ and keeps the best ⌊n_i / η⌋. So the last rung has the whole `max_budget`, and the
    first at least `min_budget`. (Jamieson and Talwalkar, who brought the algorithm to this use, halve: η = 2;
    and they divide a given budget evenly over the rungs, where here a rung's n_i r_i is about the same.)

    Parameters
    ----------
    experiment : function
        Called as ``experiment(budget=r_i, **configuration)``; lower is better.
    configurations : list of dict
        At least ηˢ, so that the last rung has one.
    min_budget, max_budget : number
        Of one run. A whole r_i is an int: where budgets are epochs, take max_budget = η**k * min_budget.
    eta : number
        Above 1. The larger, the sooner a run is given up.
    n_jobs, results, progress
        As in `run`.

    Returns
    -------
    Results
        All runs, rung by rung; the configurations have their "budget", so
        ``experiment(**results.best)`` repeats the best.

    References
    ----------
    Jamieson and Talwalkar (2016), Non-stochastic best arm identification and hyperparameter optimization.
    Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar (2018), Hyperband: a novel bandit-based approach to
    hyperparameter optimization, Algorithm 1.

    Examples
    --------
    >>> def experiment(lr, budget):
    ...     return (1 - lr) ** (2 * budget)         # gradient descent on theta**2 from 1
    >>> found = successive_halving(experiment, [{"lr": i / 10} for i in range(1, 10)], 1, 9)
    >>> [c["budget"] for c in found.configurations]
    [1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 3, 9]
    >>> found.best
    {'lr': 0.9, 'budget': 9}
    """
    eta, s = _rungs_between(min_budget, max_budget, eta)
    configurations = list(configurations)
    for configuration in configurations:
        if "budget" in configuration:
            raise ValueError(f"configurations must leave 'budget' to the search, got {configuration}")
    if len(configurations) < eta**s:
        raise ValueError(
            f"configurations must be at least {math.ceil(eta**s)} to leave one for the last of {s + 1} rungs,"
            f" got {len(configurations)}"
        )
    rungs = _rungs(len(configurations), max_budget, eta, s)
    total = sum(n_i for n_i, _ in rungs)
    return search(experiment, _climb(configurations, rungs, eta), total, n_jobs, results, progress)


def hyperband(experiment, space, max_budget, rng, *, eta=3, n_jobs=None, results=None, progress=None):
    """Successive halving with every trade between many configurations and long runs.

    Whether early losses tell the winners is not known beforehand; so each bracket s = s_max, ..., 0 halves
    s times: from many configurations that start with R η⁻ˢ in the first to plain random search with R in the
    last. Each bracket costs about the same, (s_max + 1) R. `brackets` has the numbers.

    Parameters
    ----------
    experiment : function
        Called as ``experiment(budget=r_i, **configuration)``; lower is better.
    space : dict from name to list or distribution
        As in `random`.
    max_budget : number
        At least 1: R, the most that one run may cost, in units of the least that says anything.
    rng : numpy.random.Generator
    eta : number
        Above 1; the paper's default is 3.
    n_jobs, results, progress
        As in `run`.

    Returns
    -------
    Results
        All runs, bracket by bracket and rung by rung. The best is the smallest loss seen on any rung, as in
        the paper.

    References
    ----------
    Li et al. (2018), Hyperband: a novel bandit-based approach to hyperparameter optimization, Algorithm 1.

    Examples
    --------
    >>> from dlcore.search import uniform
    >>> def experiment(lr, budget):
    ...     return (1 - lr) ** (2 * budget)
    >>> found = hyperband(experiment, {"lr": uniform(0, 1)}, 9, np.random.default_rng(0))
    >>> len(found), int(found.spent[-1])
    (22, 78)
    """
    space = spaces.checked(space, without=("budget",))
    checks.generator(rng)
    plan = brackets(max_budget, eta)
    total = sum(n_i for rungs in plan for n_i, _ in rungs)
    return search(experiment, _brackets(space, plan, eta, rng), total, n_jobs, results, progress)


def asha(
    experiment,
    space,
    n,
    min_budget,
    max_budget,
    rng,
    *,
    eta=3,
    workers=1,
    n_jobs=None,
    results=None,
    progress=None,
):
    """Successive halving that never waits for a rung to fill up (ASHA).

    Whoever is free looks, from the second-highest rung down, for a configuration among the best 1/eta of its
    rung that has not been promoted yet, and runs it on the next rung; if there is none, a new configuration
    starts on the lowest. So a rung needs no size in advance, and early on some are promoted that a full rung
    would have stopped.

    In the paper each worker takes a job as soon as it is free, so what is tried depends on who is faster.
    Here `workers` jobs are taken at a time and run side by side: the same seed gives the same runs on every
    machine, at the price of waiting for the longest of them. With one worker it is the paper's algorithm.

    Parameters
    ----------
    experiment : function
        Called as ``experiment(budget=r_k, **configuration)``; lower is better.
    space : dict from name to list or distribution
        As in `random`.
    n : int
        Runs in all.
    min_budget, max_budget : number
        Rung k = 0, ..., K runs with r_k = max_budget eta^(k - K), K = ⌊log_eta(max_budget / min_budget)⌋.
    rng : numpy.random.Generator
    eta : number
        Above 1.
    workers : int
        Jobs taken at a time.
    n_jobs, results, progress
        As in `run`.

    Returns
    -------
    Results
        All runs in the order in which they were taken.

    References
    ----------
    Li, Jamieson, Rostamizadeh, Gonina, Ben-Tzur, Hardt, Recht and Talwalkar (2020), A system for massively
    parallel hyperparameter tuning, Algorithm 2 (with s = 0).

    Examples
    --------
    >>> from dlcore.search import uniform
    >>> def experiment(lr, budget):
    ...     return (1 - lr) ** (2 * budget)
    >>> found = asha(experiment, {"lr": uniform(0, 1)}, 13, 1, 9, np.random.default_rng(0))
    >>> [c["budget"] for c in found.configurations]
    [1, 1, 1, 3, 1, 1, 3, 1, 3, 9, 1, 1, 1]
    """
    space = spaces.checked(space, without=("budget",))
    n = checks.integer("n", n, 1)
    checks.generator(rng)
    workers = checks.integer("workers", workers, 1)
    eta, K = _rungs_between(min_budget, max_budget, eta)
    budgets = [_whole(max_budget / eta ** (K - k)) for k in range(K + 1)]
    return search(experiment, _promotions(space, n, budgets, eta, workers, rng), n, n_jobs, results, progress)


def brackets(max_budget, eta=3):
    """The runs of Hyperband: for each bracket s = s_max, ..., 0 the pairs (n_i, r_i) of its rungs.

    s_max = ⌊log_η R⌋, B = (s_max + 1) R; a bracket starts with n = ⌈(B / R) ηˢ / (s + 1)⌉ configurations and
    r = R η⁻ˢ; its rung i has n_i = ⌊n η⁻ⁱ⌋ and r_i = r ηⁱ.

    Parameters
    ----------
    max_budget : number
        R, at least 1.
    eta : number
        η, above 1.

    Returns
    -------
    list of list of (n_i, r_i)

    Examples
    --------
    >>> for bracket in brackets(9, eta=3):
    ...     print(bracket)
    [(9, 1), (3, 3), (1, 9)]
    [(5, 3), (1, 9)]
    [(3, 9)]
    """
    R = checks.number("max_budget", max_budget, 1)
    eta = checks.number("eta", eta, above=1)
    s_max = _log_floor(R, eta)
    # n = ceil((B/R) eta^s / (s+1)), in integers where eta is one: a rounded quotient could be the next ceil
    return [_rungs(-int(-(s_max + 1) * eta**s // (s + 1)), R, eta, s) for s in range(s_max, -1, -1)]


def _rungs_between(min_budget, max_budget, eta):
    """Check them; return eta and the number of the last rung."""
    eta = checks.number("eta", eta, above=1)
    max_budget = checks.number("max_budget", max_budget, above=0)
    min_budget = checks.number("min_budget", min_budget, above=0)
    if min_budget > max_budget:
        raise ValueError(f"min_budget must be at most max_budget={max_budget}, got {min_budget}")
    return eta, _log_floor(max_budget / min_budget, eta)


def _promotions(space, n, budgets, eta, workers, rng):
    """The jobs of ASHA, `workers` at a time."""
    rungs = [[] for _ in budgets]  # of each rung, the losses and configurations in the order of their runs
    promoted = [set() for _ in budgets]

    def job():
        for k in reversed(range(len(budgets) - 1)):
            ranked = sorted(range(len(rungs[k])), key=lambda i, k=k: rungs[k][i][0])
            for i in ranked[: int(len(ranked) // eta)]:
                if i not in promoted[k]:
                    promoted[k].add(i)
                    return k + 1, rungs[k][i][1]
        return 0, spaces.random(space, 1, rng)[0]

    while n > 0:
        jobs = [job() for _ in range(min(workers, n))]
        losses = yield [{**configuration, "budget": budgets[k]} for k, configuration in jobs]
        for (k, configuration), loss in zip(jobs, losses):
            rungs[k].append((loss, configuration))
        n -= len(jobs)


def _brackets(space, plan, eta, rng):
    for rungs in plan:
        n, _ = rungs[0]
        yield from _climb(spaces.random(space, n, rng), rungs, eta)


def _climb(configurations, rungs, eta):
    """Run each rung, and let the best n_i / eta go on to the next."""
    for _, r_i in rungs:
        scores = yield [{**configuration, "budget": r_i} for configuration in configurations]
        top = np.argsort(scores, kind="stable")[: int(len(configurations) // eta)]
        configurations = [configurations[k] for k in top]


def _rungs(n, max_budget, eta, s):
    """(n_i, r_i) of the rungs i = 0, ..., s."""
    return [(int(n // eta**i), _whole(max_budget / eta ** (s - i))) for i in range(s + 1)]


def _whole(r):
    return int(r) if r == int(r) else float(r)


def _log_floor(x, base):
    """⌊log_base x⌋ by multiplication: math.log(243, 3) is 4.999..."""
    k = 0
    while base ** (k + 1) <= x:
        k += 1
    return k
