"""Names: how does a link name an explorer and the state that it is in?

``momentum.html#plane:rate=1.9,momentum=0`` opens the explorer of ``draw_plane`` at that setting. The names
and the values are short, of plain letters, and the same in every build, so a link stays good.
"""

import re
import unicodedata

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_POWER = re.compile("(?:([0-9.]+)·)?10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
_PLAIN = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−×", "-0123456789-x")


def check_name(name):
    """Refuse a name that a link cannot carry as it stands."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"name must be of small letters, digits and hyphens, like 'two-rates', got {name!r}")


def anchor(name):
    """Return the name that links use, from the drawing function's.

    Examples
    --------
    >>> anchor("draw_rate_map"), anchor("two-rates"), anchor("<lambda>")
    ('rate-map', 'two-rates', 'lambda')
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower().removeprefix("draw_")).strip("-") or "explorer"


def keys(texts):
    """Return what a link writes for each value of a control, from how the reader sees the values.

    Where two would be alike, or one has no letter that a link can carry, their places stand for all of them.

    Examples
    --------
    >>> keys(["3·10⁻⁴", "10⁻²", "10,000", "−0.5"])
    ['3e-4', '1e-2', '10000', '-0.5']
    >>> keys(["AdamW, share λ", "N(0, 1)"]), keys(["碗", "谷"])
    (['adamw-share', 'n-0-1'], ['1', '2'])
    """
    found = [_key(text) for text in texts]
    return found if all(found) and len(set(found)) == len(found) else [str(i + 1) for i in range(len(found))]


def _key(text):
    text = _POWER.sub(lambda m: f"{m[1] or 1}e{m[2].translate(_PLAIN)}", text).translate(_PLAIN)
    text = unicodedata.normalize("NFKC", re.sub(r"(?<=\d),(?=\d{3})", "", text)).lower()
    sign = "-" if re.match(r"-[\d.]", text) else ""
    return sign + re.sub(r"[^a-z0-9.+-]+", "-", text).strip("-")
