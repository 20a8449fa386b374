"""Numbers: how is a measured value written, so that the same value looks the same on every page?

Sentences, labels and sliders write their numbers here: the minus sign is −, thousands have a comma, a value
far from 1 is a power of ten, a share is "85%", and nothing is ever "-0.0" or "1 points".
"""

import math
import numbers

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def superscript(exponent):
    """Return a whole number as an exponent.

    Examples
    --------
    >>> "10" + superscript(-12)
    '10⁻¹²'
    """
    return str(int(exponent)).translate(_SUPERSCRIPTS)


def fixed(value, digits=1):
    """Return a value with a fixed number of decimals.

    Examples
    --------
    >>> fixed(-0.04), fixed(-1.25, 2), fixed(12345.6, 0)
    ('0.0', '−1.25', '12,346')
    """
    if not math.isfinite(value):
        return _unbounded(value)
    text = f"{value:,.{digits}f}"
    return (text[1:] if float(text.replace(",", "")) == 0 and text[0] == "-" else text).replace("-", "−")


def number(value, digits=2):
    """Return a value to `digits` significant digits, or its power of ten below 0.001 and from a million on.

    Examples
    --------
    >>> number(0.01234), number(1234, 2), number(0.5, 3), number(-3e-7), number(2.5e6)
    ('0.012', '1,200', '0.5', '−3·10⁻⁷', '2.5·10⁶')
    >>> number(float("inf"))
    'infinite'
    """
    if not math.isfinite(value):
        return _unbounded(value)
    rounded = float(f"{value:.{digits - 1}e}")
    if rounded == 0:
        return "0"
    if 1e-3 <= abs(rounded) < 1e6:
        places = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
        text = f"{rounded:,.{places}f}"
        return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")
    return scientific(value, digits)


def scientific(value, digits=1):
    """Return a value as a power of ten with `digits` significant digits.

    Examples
    --------
    >>> scientific(0.00314, 2), scientific(1e-8), scientific(30)
    ('3.1·10⁻³', '10⁻⁸', '30')
    """
    if not math.isfinite(value):
        return _unbounded(value)
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    if float(mantissa) == 0 or int(exponent) in (0, 1):  # from 1 to 99 nobody wants a power
        return f"{float(f'{mantissa}e{exponent}'):g}".replace("-", "−")
    mantissa, power = f"{float(mantissa):g}".replace("-", "−"), f"10{superscript(exponent)}"
    return {"1": power, "−1": f"−{power}"}.get(mantissa, f"{mantissa}·{power}")


def percent(share, digits=0):
    """Return a share of 1 in per cent.

    Examples
    --------
    >>> percent(0.853), percent(0.0049, 1), percent(-0.0001)
    ('85%', '0.5%', '0%')
    """
    return f"{fixed(100 * share, digits)}%"


def points(difference, digits=1):
    """Return a difference of two shares in percentage points.

    Examples
    --------
    >>> points(0.0123), points(0.01, 0), points(-0.0001)
    ('1.2 points', '1 point', '0.0 points')
    """
    text = fixed(100 * difference, digits)
    return f"{text} point{'' if text in ('1', '−1') else 's'}"


def count(n, thing, things=None):
    """Return how many things there are, in the singular or the plural.

    Examples
    --------
    >>> count(1, "run"), count(16, "run"), count(2, "batch", "batches"), count(12000, "step")
    ('1 run', '16 runs', '2 batches', '12,000 steps')
    """
    return f"{n:,} {thing if n == 1 else things or thing + 's'}"


def listed(names):
    """Return names as a list in a sentence.

    Examples
    --------
    >>> listed(["SGD", "Adam", "RMSprop"])
    'SGD, Adam and RMSprop'
    """
    *most, last = map(str, names)
    return f"{', '.join(most)} and {last}" if most else last


def each(values, digits=0, most=None):
    """Return a number for each run as a list, equal ones once; where one is infinite, that it is more than
    `most`, one number for all runs or one for each.

    Examples
    --------
    >>> each([541, 541]), each([4400, 4600]), each([0.5, 1.25], 1)
    ('541', '4,400 and 4,600', '0.5 and 1.2')
    >>> each([341, math.inf], most=3000), each([math.inf, math.inf], most=[8, 9])
    ('341 and more than 3,000', 'more than 8 and more than 9')
    """
    limits = [most] * len(values) if most is None or isinstance(most, numbers.Real) else most
    pairs = [
        ("more than ", limit) if value == math.inf and limit is not None else ("", value)
        for value, limit in zip(values, limits, strict=True)
    ]
    return listed(dict.fromkeys(f"{more}{fixed(value, digits)}" for more, value in pairs))


def capital(text):
    """Return text as a sentence begins: its first letter large, the others as they are.

    Examples
    --------
    >>> capital("tanh, 20 layers"), capital("leaky ReLU")
    ('Tanh, 20 layers', 'Leaky ReLU')
    """
    return text[:1].upper() + text[1:]


def plain(value):
    """Return any value as a label: a number as short as it goes, a switch as on or off, a function by its
    name.

    Examples
    --------
    >>> plain(0.0001), plain(1e-06), plain(2048), plain(True), plain(None), plain("he_normal")
    ('0.0001', '10⁻⁶', '2,048', 'on', 'none', 'he normal')
    """
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, numbers.Integral):
        return f"{value:,}".replace("-", "−")
    if isinstance(value, numbers.Real):
        text = f"{value:g}"
        if "e" not in text:
            return text.replace("-", "−")
        return scientific(value, len(text.partition("e")[0].replace(".", "").lstrip("-")))
    return getattr(value, "__name__", str(value)).replace("_", " ")


def _unbounded(value):
    return "undefined" if math.isnan(value) else "infinite" if value > 0 else "−infinite"
