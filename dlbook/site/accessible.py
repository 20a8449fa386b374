"""Accessible: what does the theme write that a screen reader or a voice command stumbles over?

The theme and the notebooks' renderer leave faults on every page that no template reaches. `light` mends the
pages before it packs them.
"""

import re
from html import escape, unescape


def mended(html):
    """Return a page whose folds, tables and sidebar have the names that readers see.

    Examples
    --------
    >>> mended('<summary aria-label="Toggle hidden content"><span>Show code</span></summary>')
    '<summary><span>Show code</span></summary>'
    >>> mended('<tr><th class="head"><p></p></th><th>loss</th></tr>')
    '<tr><td class="head"></td><th>loss</th></tr>'
    """
    # a fold is called what its text says; a voice command says what it sees
    html = re.sub(r'<summary aria-label="[^"]*">', "<summary>", html)
    # the arrow that unfolds the pages below a chapter has no text
    html = re.sub(
        r'(>([^<]*)</a><details(?: open="open")?><summary)(?=><span class="toctree-toggle")',
        lambda found: f'{found[1]} aria-label="Pages below {escape(unescape(found[2].strip()))}"',
        html,
    )
    # the corner of a table heads nothing
    html = re.sub(r"<th(\b[^>]*)>\s*(?:<p>\s*</p>)?\s*</th>", r"<td\1></td>", html)
    # logo and search stand in no landmark
    html = html.replace(
        '<div id="pst-primary-sidebar" class',
        '<div id="pst-primary-sidebar" role="complementary" aria-label="Book" class',
    )
    # icons say nothing; their buttons have names
    return re.sub(
        r'<(i|span) class="((?:fa|fas|fab|far|fa-solid|theme-switch) [^"]*)"(?! aria)',
        r'<\1 aria-hidden="true" class="\2"',
        html,
    )
