"""Running: how do many experiments run side by side, and lose nothing when they are stopped?"""

import inspect
import math
import numbers
import sys
import traceback
from contextlib import closing, nullcontext

import numpy as np
from joblib import Parallel, delayed
from tqdm import tqdm

from dlcore import checks
from dlcore.training import progress_bar

from .results_file import ResultsFile


class Results(list):
    """What the experiments returned, one entry per configuration, in the order of the configurations.

    A list, so ``results[0]`` and ``for loss in results`` are what they seem; and it knows more:

    Attributes
    ----------
    configurations : list of dict
    stopped : str
        "finished", or "interrupted" after Ctrl-C: only what was finished by then is here.

    Examples
    --------
    >>> results = run(lambda x: (x - 2) ** 2, [{"x": 1}, {"x": 2}, {"x": 3}])
    >>> results.best, results.best_score
    ({'x': 2}, 0.0)
    >>> results.best_so_far
    array([1., 0., 0.])
    """

    def __init__(self, outputs=(), configurations=(), stopped="finished"):
        super().__init__(outputs)
        self.configurations = list(configurations)
        self.stopped = stopped

    @property
    def scores(self):
        """The losses, shape (number of runs,): the outputs, or their "loss" where they are dicts."""
        return np.array([_score(output) for output in self], dtype=np.float64)

    @property
    def best(self):
        """The configuration with the lowest loss; of equals, the first."""
        return self.configurations[self._best()]

    @property
    def best_score(self):
        """The lowest loss."""
        return float(self.scores[self._best()])

    @property
    def best_so_far(self):
        """The lowest loss of this run and those before it, shape (number of runs,)."""
        return np.minimum.accumulate(self.scores)

    @property
    def spent(self):
        """The budget spent up to and with each run, shape (number of runs,).

        A run costs its configuration's "budget", or 1 without such an entry.
        """
        return np.cumsum([float(c.get("budget", 1)) for c in self.configurations])

    def _best(self):
        if not self:
            raise ValueError("there must be at least one result to have a best, got none")
        return int(np.argmin(self.scores))

    def _add(self, others):
        self.extend(others)
        self.configurations.extend(others.configurations)
        self.stopped = others.stopped


class ExperimentFailed(ValueError):
    """An experiment raised an error, left with `sys.exit`, lost its process, or returned no number.

    Attributes
    ----------
    results : Results
        Those of the other configurations.
    failed : list of the configurations that failed
    """

    def __init__(self, message, results, failed):
        super().__init__(message)
        self.results = results
        self.failed = failed


def run(experiment, configurations, n_jobs=None, results=None, progress=None):
    """Run the experiment once for each configuration.

    Parameters
    ----------
    experiment : function
        Called as ``experiment(**configuration)``. It returns a number, the loss, or a dict of numbers and
        lists of numbers, whose "loss" counts. Infinity says that the run diverged; NaN is refused.
    configurations : list of dict
        From `grid`, `random` or written by hand. Give an experiment that draws at random its seed as an
        entry, ``seed=3``, and let it make its own rng: then one process and many give the same results to
        the bit (as long as the linear algebra below uses the same number of threads).
    n_jobs : int, optional
        Processes at work; -1 for one per core. None leaves it to ``joblib.parallel_config``, and is one
        without it. ``with joblib.parallel_config(backend="dask"):`` around the call takes it to a cluster.
    results : path, optional
        Each result is appended to this file when it is finished, and what is in it is not run again. The file
        knows the experiment by its name: after changing what the experiment does, use another file.
    progress : bool, optional
        Show a progress bar.

    Returns
    -------
    Results
        In the order of the configurations. After Ctrl-C too: what was finished by then, with
        ``stopped == "interrupted"``. With a results file, the same call again does the rest.

    Raises
    ------
    ExperimentFailed
        When an experiment raised an error, left with `sys.exit`, or returned NaN or something that is no
        number. It names the configuration; the other configurations run first, and are in its `results` and
        in the file. Among several processes one that is killed is named too: what ran beside it is run
        again, one by one. (With one process the experiment runs in this one, and takes it along.)
    TypeError, ValueError
        Before anything runs: no configurations, names that the experiment does not have, or a foreign file.

    Examples
    --------
    A race of two learning rates with three seeds each:

    >>> def race(lr, seed):
    ...     theta = np.random.default_rng(seed).normal()
    ...     for step in range(10):
    ...         theta -= lr * theta             # the gradient of theta**2 / 2
    ...     return theta**2 / 2
    >>> from dlcore.search import grid
    >>> losses = run(race, grid({"lr": [0.1, 0.5], "seed": range(3)}))
    >>> np.median(np.reshape(losses, (2, 3)), axis=1)   # one row per learning rate
    array([2.17264662e-03, 1.70427233e-08])
    """
    configurations = _checked(experiment, configurations)
    if n_jobs is not None and checks.integer("n_jobs", n_jobs) == 0:
        raise ValueError("n_jobs must be a number of processes or -1, got 0")
    file = None if results is None else ResultsFile(results, experiment)
    outputs = {} if file is None else _known(file, configurations)
    waiting = [i for i in range(len(configurations)) if i not in outputs]
    failures, stopped = {}, "finished"
    with _bar(progress, len(configurations)) as bar:
        bar.update(len(outputs))
        try:
            # batch_size=1: no finished run waits for others to be handed over with them
            tasks = {i: configurations[i] for i in waiting}
            with closing(finished(experiment, tasks, n_jobs, convert=_plain, batch_size=1)) as ended:
                for i, output, failure in ended:
                    if failure is None:
                        if file is not None:
                            file.append(configurations[i], output)
                        outputs[i] = output
                    else:
                        failures[i] = failure
                    bar.update()
        except KeyboardInterrupt:
            stopped = "interrupted"
    done = sorted(outputs)
    found = Results([outputs[i] for i in done], [configurations[i] for i in done], stopped)
    if failures:
        failed = [configurations[i] for i in sorted(failures)]
        raise ExperimentFailed(
            f"experiment failed for {len(failed)} of {len(configurations)} configurations, the first with"
            f" {failed[0]}: {failures[min(failures)]}",
            found,
            failed,
        )
    return found


def search(experiment, proposals, total, n_jobs, results, progress):
    """Run what a search proposes, until it proposes no more.

    `proposals` is a generator: it yields configurations, and that ``yield`` has their scores as its value.
    """
    done = Results()
    with _bar(progress, total) as bar:
        try:
            configurations = next(proposals)
            while True:
                part = run(experiment, configurations, n_jobs, results, bar)
                done._add(part)
                if part.stopped == "interrupted":
                    break
                configurations = proposals.send(part.scores)
        except StopIteration:
            pass
        except KeyboardInterrupt:
            done.stopped = "interrupted"
        except ExperimentFailed as error:
            done._add(error.results)
            error.results = done
            raise
    return done


def finished(experiment, tasks, n_jobs, convert=None, batch_size="auto"):
    """Run the experiment for each task, and yield (name, output, failure) as they end, in any order.

    Parameters
    ----------
    tasks : dict from name to configuration
    convert : function of the output, optional
        Runs beside the experiment; its error is the experiment's.

    Yields
    ------
    name, output, failure
        The failure is None or a text. Where a process dies, joblib says neither whose it was nor what became
        of the others, so each of those that had begun is run again alone.
    """
    waiting = dict(tasks)
    while waiting:
        begun = []

        def calls(names, begun=begun):
            for name in names:
                begun.append(name)
                yield delayed(_attempt)(experiment, name, waiting[name], convert)

        try:
            with closing(_parallel(n_jobs, batch_size)(calls(list(waiting)))) as results:
                for result in results:
                    del waiting[result[0]]
                    yield result
        except Exception:
            suspects = [name for name in begun if name in waiting]
            if not suspects:
                raise
            for name in suspects:
                try:
                    (result,) = _parallel(n_jobs, 1)(calls([name]))
                except Exception as error:
                    result = name, None, _text_of(error)
                del waiting[name]
                yield result


def _parallel(n_jobs, batch_size):
    if sys.platform == "emscripten":
        n_jobs = 1  # a browser starts no process
    try:
        return Parallel(n_jobs=n_jobs, batch_size=batch_size, return_as="generator_unordered")
    except ValueError as error:
        if "return_as" not in str(error):
            raise
        raise ValueError(
            "joblib's backend must hand over each result when it is finished: 'loky', 'threading' or 'dask',"
            f" not the one that is set ({error})"
        ) from None


def _attempt(experiment, name, configuration, convert):
    """Run one experiment. Return its exception as text, since some cannot be pickled."""
    try:
        output = experiment(**configuration)
        return name, output if convert is None else convert(output), None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit as well
        return name, None, f"{_text_of(error)}\n\n{traceback.format_exc()}"


def _text_of(error):
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return type(error).__name__


def _plain(output):
    """What an experiment returned, in the types that a results file gives back."""
    if isinstance(output, dict):
        return {str(name): _plain_number(value, f"{name!r} of ") for name, value in output.items()}
    return _plain_number(output)


def _plain_number(value, where=""):
    if where and isinstance(value, (list, tuple, np.ndarray)):
        return [_plain_number(part, where) for part in value]
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(f"{where}experiment's result must be a number, got {value!r}")
    if math.isnan(value) or value == -math.inf:
        raise ValueError(f"{where}experiment's result must be a number or inf, got {value!r}")
    return int(value) if isinstance(value, numbers.Integral) else float(value)


def _score(output):
    if not isinstance(output, dict):
        return output
    if "loss" not in output or isinstance(output["loss"], list):
        raise ValueError(f"experiment must return a number or a dict with the number 'loss', got {output!r}")
    return output["loss"]


def _known(file, configurations):
    keys = [file.key(configuration) for configuration in configurations]
    return {i: file.found[key] for i, key in enumerate(keys) if key in file.found}


def _bar(progress, total):
    """A progress bar, or the one of the search that this run is a part of."""
    return nullcontext(progress) if isinstance(progress, tqdm) else progress_bar(total, progress)


def _checked(experiment, configurations):
    if not callable(experiment):
        raise TypeError(f"experiment must be a function, got {experiment!r}")
    if isinstance(configurations, (dict, str)):
        raise TypeError(f"configurations must be a list of dicts, got {configurations!r}")
    configurations = list(configurations)
    if not configurations:
        raise ValueError("configurations must not be empty")
    for configuration in configurations:
        check_configuration(experiment, configuration)
    return configurations


def check_configuration(experiment, configuration):
    if not isinstance(configuration, dict):
        raise TypeError(f"configurations must be a list of dicts, got {configuration!r} in it")
    for name, value in configuration.items():
        if isinstance(value, np.random.Generator):
            raise TypeError(
                f"configurations must carry seeds, got a Generator as {name!r}:"
                " each process would draw from a copy"
            )
    try:
        signature = inspect.signature(experiment)
    except ValueError:  # some functions written in C have none
        return
    try:
        signature.bind(**configuration)
    except TypeError as error:
        raise TypeError(
            f"experiment must take what configurations name, got {configuration}: {error}"
        ) from None
