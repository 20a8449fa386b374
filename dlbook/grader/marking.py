"""Marking: what does a student read when an answer is wrong?

An exercise's test cells call these two functions. Each raises an `AssertionError` whose message names the
likely mistake, so the same line serves as a check in the notebook and as a judgement when a class is graded.
"""

import contextlib
import random

import numpy as np

_TELLS = [True]  # whether messages hold the values that are wanted


@contextlib.contextmanager
def discreet():
    """Leave the wanted values out of `expect`'s messages.

    In a notebook they stand in the check itself. In the feedback on a hidden test they would answer the task:
    handing in a few times would do.
    """
    _TELLS.append(False)
    try:
        yield
    finally:
        _TELLS.pop()


def expect(value, wanted, what="your answer", *, mistakes=None, rtol=1e-6, atol=1e-12):
    """Compare an answer with the value that was wanted.

    Parameters
    ----------
    value : what the student's code gave.
    wanted : float, array, str, bool or None
        Numbers and arrays are compared by ``|value - wanted| <= atol + rtol |wanted|``, shapes included;
        everything else must be equal.
    what : str
        The subject of the message: ``"the std of a (100, 50) layer"``.
    mistakes : dict
        ``{"what went wrong": the value that this mistake gives}``. If the value is one of them, the message
        says so.

    Raises
    ------
    AssertionError
        With the likely mistake, or with what differs.

    Examples
    --------
    >>> expect(0.2, 0.14, "the std", mistakes={"this counts the outputs, not the inputs": 0.2}, rtol=0.01)
    Traceback (most recent call last):
    AssertionError: the std is 0.2: this counts the outputs, not the inputs
    >>> expect(np.zeros((3, 2)), np.zeros((2, 3)), "the gradient")
    Traceback (most recent call last):
    AssertionError: the gradient has the shape (3, 2), expected (2, 3)
    """
    if value is None and wanted is not None:
        _refuse(f"{what} is None: is a `return` missing, or a value never set?")
    if not _is_numeric(wanted):
        for mistake, wrong in (mistakes or {}).items():
            if _same(value, wrong):
                _refuse(f"{what} is {_short(value)}: {mistake}")
        if not _same(value, wanted):
            _refuse(f"{what} is {_short(value)}, which is not right")
        return
    if not _is_numeric(value):
        _refuse(f"{what} should be a number or an array of numbers, got {_kind(value)}")
    value, wanted = np.asarray(value), np.asarray(wanted)
    for mistake, wrong in (mistakes or {}).items():
        wrong = np.asarray(wrong)
        if _close(value, wrong, rtol, atol) and not _close(wrong, wanted, rtol, atol):
            _refuse(f"{what} is {_short(value)}: {mistake}")
    if value.shape != wanted.shape:
        _refuse(f"{what} has the shape {value.shape}, expected {wanted.shape}")
    if np.isfinite(wanted).all() and not np.isfinite(value).all():
        _refuse(f"{what} is not finite: it holds {value[~np.isfinite(value)].flat[0]}")
    if not _close(value, wanted, rtol, atol):
        if not value.ndim:
            _refuse(f"{what} is {_apart(value, wanted)}")
        off = np.abs(value.astype(float) - wanted.astype(float))
        place = tuple(int(i) for i in np.unravel_index(np.nanargmax(off), off.shape))
        _refuse(f"{what} is wrong, most at index {place}: {_apart(value[place], wanted[place])}")


def kills(test, correct, mutants):
    """Count the mutants that a student's test refuses: one point each, none if it refuses correct code.

    Parameters
    ----------
    test : callable
        Takes one implementation and raises an exception if it finds it wrong.
    correct : dict of name: implementation
        All of them must pass.
    mutants : dict of what is wrong: implementation
        Each has one fault.

    Returns
    -------
    int
        How many mutants were refused. What became of each is printed.

    Raises
    ------
    AssertionError
        If a correct implementation is refused.

    Examples
    --------
    >>> def test(square):
    ...     assert square(3) == 9
    >>> mutants = {"twice": lambda x: 2 * x, "cube of |x|/3": lambda x: abs(x) ** 3 / 3}
    >>> kills(test, {"x * x": lambda x: x * x}, mutants)
    killed: twice
    survived: cube of |x|/3
    1
    """
    everything = [*correct.values(), *mutants.values()]
    errors = [None] * len(everything)
    for i in random.sample(
        range(len(everything)), len(everything)
    ):  # a test that counts its calls learns nothing
        try:
            test(everything[i])
        except Exception as error:
            errors[i] = error
    for name, error in zip(correct, errors, strict=False):
        if isinstance(error, NotImplementedError):
            raise error
        if error is not None:
            reason = f"{type(error).__name__}: {error}".rstrip(": ")
            raise AssertionError(f"your test refuses code that is right ({name}): {reason}")
    refused = [error is not None for error in errors[len(correct) :]]
    for fault, killed in zip(mutants, refused, strict=True):
        print(f"{'killed' if killed else 'survived'}: {fault}")
    return sum(refused)


def _refuse(sentence):
    raise AssertionError(sentence)  # no `assert`: pytest would add lines of its own


def _is_numeric(value):
    if isinstance(value, (bool, str, bytes)) or value is None or callable(value):
        return False
    try:
        return np.asarray(value).dtype.kind in "biuf"
    except (TypeError, ValueError):
        return False


def _same(value, wanted):
    same = type(value) is type(wanted) and value == wanted
    if isinstance(wanted, bool):
        same = isinstance(value, (bool, np.bool_)) and bool(value) == wanted
    return isinstance(same, (bool, np.bool_)) and bool(same)


def _close(value, wanted, rtol, atol):
    return value.shape == wanted.shape and np.allclose(value, wanted, rtol=rtol, atol=atol)


def _short(value):
    if isinstance(value, (str, bytes)) or value is None or not _is_numeric(value):
        return repr(value)[:60]
    value = np.asarray(value)
    return (
        f"{value:.4g}" if not value.ndim else np.array2string(value, precision=4, threshold=6, separator=", ")
    )


def _apart(value, wanted):
    """Two numbers, with as many digits as tell them apart."""
    for digits in (4, 8, 17):
        one, other = f"{value:.{digits}g}", f"{wanted:.{digits}g}"
        if one != other:
            break
    hint = ": do not round" if digits == 8 else ""
    if not _TELLS[-1]:
        return f"{_short(value)}, which is {'nearly right' if digits > 4 else 'not right'}{hint}"
    return f"{one}, expected about {other}{hint}"


def _kind(value):
    if callable(value):
        return "a function"
    if type(value).__name__ == "Remote":
        return f"{repr(value)[:40]}, which cannot leave the notebook: give numbers, arrays, texts or lists"
    return f"{type(value).__name__} {repr(value)[:40]}"
