"""Lines: where may a line end, and where must it not?

A formula is a box to the browser, which may end a line on either side of it, even before its full stop. A
long name in code has no place to end a line, so that a narrow column of a table breaks it inside a word.
`light` mends both before it packs the pages.
"""

import re

_FORMULA = re.compile(
    r'(<span class="together">)?([(\[“‘]*)'
    r'(<span class="math notranslate nohighlight">[^<]*</span>)'
    r"((?:&#39;|&quot;|&gt;|[^\s<&])*)"
)
_CODE = re.compile(r'(?<=<span class="pre">)[^<]+(?=</span>)')
_PART = re.compile(r"(?<=\w)[(,=](?=[^)\]=])|(?<=[^\W_])[._](?=[^\W\d_])")


def together(html):
    r"""Return a page whose formulas stay on one line with the signs and letters that touch them.

    Examples
    --------
    >>> together(r'at <span class="math notranslate nohighlight">\(x\)</span>, and')
    'at <span class="together"><span class="math notranslate nohighlight">\\(x\\)</span>,</span> and'
    """

    def kept(found):
        done, before, formula, after = found.groups()  # done: by an earlier build
        if done or not (before or after):
            return found[0]
        return f'<span class="together">{before}{formula}{after}</span>'

    return _FORMULA.sub(kept, html)


def breakable(html):
    """Return a page whose code in sentences and tables may end a line after a dot, a bracket and the like.

    Examples
    --------
    >>> breakable('<span class="pre">sampler.set_epoch(epoch)</span>')
    '<span class="pre">sampler.<wbr>set_<wbr>epoch(<wbr>epoch)</span>'
    """
    return _CODE.sub(lambda code: _PART.sub(r"\g<0><wbr>", code[0]), html)
