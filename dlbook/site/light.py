"""Light: what does a browser have to load before the reader sees text?

The theme links eleven style sheets and fifteen scripts, most of which no page uses. After the build,
every page gets one style sheet without the rules that match nothing in the site, and one script that
nothing waits for. Icons come from a font that holds only those that are used. MathJax is loaded where
there are formulas, once the page is there. Pictures wait until the reader comes near them.
"""

import base64
import hashlib
import io
import logging
import re
from pathlib import Path

import tinycss2

from dlbook.site.accessible import mended
from dlbook.site.lines import breakable, together

STYLES = (
    "basic.css", "styles/theme.css", "styles/pydata-sphinx-theme.css", "pygments.css",
    "styles/sphinx-book-theme.css",
    "togglebutton.css", "copybutton.css", "mystnb.*.css", "sphinx-design.min.css", "explorer.css",
    "guess.css", "book.css", "reading.css", "run-here.css",
)  # fmt: skip
SCRIPTS = (
    "documentation_options.js", "doctools.js", "sphinx_highlight.js", "clipboard.min.js", "copybutton.js",
    "scripts/sphinx-book-theme.js", "scripts/pydata-sphinx-theme.js", "formulas.js", "reading.js",
)  # fmt: skip
# scripts that only pages with such elements need
USED_WITH = {"togglebutton.js": r'class="[^"]*(?<![\w-])(toggle|dropdown admonition|admonition dropdown)[ "]',
             "design-tabs.js": r'class="[^"]*sd-tab-set'}  # fmt: skip
# what the theme loads and nothing here needs: tooltips for what has a title, and icons as a script
DROPPED = ("scripts/bootstrap.js", "scripts/fontawesome.js")
ALONE = ("explorer.js", "guess.js", "searchtools.js")  # scripts of single pages, which set classes too
FONTS = {"fa-solid-900": 900, "fa-brands-400": 400, "fa-regular-400": 400}


def connect(app):
    """Connect what this file does to a build."""
    app.connect(
        "build-finished", _pack, priority=900
    )  # after everything that writes pages, styles and scripts


def purged(css, words, variables=None):
    """Return a style sheet without the rules that match no element.

    Parameters
    ----------
    css : str
    words : set of str
        The classes and ids of the site; a selector with another one matches nothing.
    variables : set of str, optional
        The custom properties that are used; other declarations of custom properties go.

    Examples
    --------
    >>> purged(".a { color: red } .b, p { margin: 0 }", {"a"})
    '.a{color:red}p{margin:0}'
    """
    rules = tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True)
    return "".join(_rule(rule, words, variables) for rule in rules)


def _rule(rule, words, variables):
    if rule.type == "qualified-rule":
        kept = [s for s in _selectors(rule.prelude) if _names(s) <= words]
        body = _declarations(rule.content, variables)
        return f"{','.join(kept)}{{{body}}}" if kept and body else ""
    if rule.type != "at-rule":
        return ""
    name, prelude = rule.at_keyword.lower(), _text(rule.prelude)
    if name in ("charset", "font-face"):
        return ""  # the site's own fonts are added; there are no others
    if rule.content is None:  # @import: `_style` has put its sheet in place
        return ""
    if name in ("media", "supports", "layer", "container"):
        inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
        body = "".join(_rule(one, words, variables) for one in inner)
        return f"@{name} {prelude}{{{body}}}" if body else ""
    return f"@{name} {prelude}{{{_text(rule.content)}}}"


def _selectors(prelude):
    selector, found = [], []
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            found.append(selector)
            selector = []
        else:
            selector.append(token)
    return [_text(tokens) for tokens in [*found, selector] if _text(tokens)]


def _names(selector):
    # what stands in :not(), :is() and the like is not needed by every element that matches
    while (flat := re.sub(r"\([^()]*\)", "", selector)) != selector:
        selector = flat
    selector = re.sub(r"\[[^\]]*\]", "", selector).replace("\\", "")
    return set(re.findall(r"[.#](-?[A-Za-z_][\w-]*)", selector))


def _declarations(content, variables):
    found = []
    for part in tinycss2.parse_blocks_contents(content, skip_comments=True, skip_whitespace=True):
        if part.type == "declaration":
            if variables is not None and part.name.startswith("--") and part.name not in variables:
                continue
            important = "!important" if part.important else ""
            found.append(f"{part.name}:{_text(part.value)}{important}")
        elif part.type == "qualified-rule":
            found.append(f"{_text(part.prelude)}{{{_declarations(part.content, variables)}}}")
        elif part.type == "at-rule":
            return _text(content)  # nested at-rules are rare: kept as they are
    return ";".join(found)


def _text(tokens):
    kept = [token for token in tokens if token.type != "comment"]
    for token in kept:
        if token.type == "whitespace":
            token.value = " "
    return tinycss2.serialize(kept).strip()


def used_variables(css):
    """Return the custom properties that a style sheet reads, directly or through others it keeps."""
    return set(re.findall(r"var\(\s*(--[\w-]+)", css))


def words_of(pages, scripts):
    """Return the classes and ids of pages, and every word of the scripts, which may set them."""
    words = set()
    for page in pages:
        for value in re.findall(r'\b(?:class|id)="([^"]*)"', page):
            words.update(value.split())
    for script in scripts:
        words.update(re.findall(r"[A-Za-z_][\w-]*", script))
    return words


def icon_font(css, vendor):
    """Return `@font-face` rules with the icons that a style sheet uses, inside the sheet itself."""
    from fontTools import subset
    from fontTools.ttLib import TTFont

    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells every table that it prunes
    wanted = {ord(icon) for icon in re.findall(r"[\ue000-\uf8ff]", css)}  # the private characters
    rules = []
    for name, weight in FONTS.items():
        path = Path(vendor) / f"{name}.ttf"
        if not path.exists():
            continue
        font = TTFont(path)
        codes = wanted & set(font.getBestCmap())
        if not codes:
            continue
        cutter = subset.Subsetter(subset.Options(layout_features=[], hinting=False, notdef_outline=False))
        cutter.populate(unicodes=codes)
        cutter.subset(font)
        font.flavor = "woff"  # woff2 would need a package that the lock does not have
        packed = io.BytesIO()
        font.save(packed)
        data = base64.b64encode(packed.getvalue()).decode()
        family = "Brands" if "brands" in name else "Free"
        source = f"url(data:font/woff;base64,{data}) format('woff')"
        rules.append(
            f"@font-face{{font-family:'Font Awesome 6 {family}';font-style:normal;font-weight:{weight};"
            f"font-display:block;src:{source}}}"
        )
    return "".join(rules)


def packed(html, root, styles, scripts):
    """Return a page that links the site's one style sheet and one script in place of the theme's.

    Parameters
    ----------
    html : str
    root : str
        From the page to the site's top: "", "../", ...
    styles, scripts : str
        Digests, so that a browser never keeps an old one.
    """
    is_search = "searchtools.js" in html
    known = "|".join(re.escape(name).replace(r"\*", '[^/"]*') for name in (*STYLES, "site.css"))
    html = re.sub(rf'\s*<link\b[^>]*href="(?:\.\./)*_static/(?:{known})(?:\?[^"]*)?"[^>]*>', "", html)
    html = re.sub(r'\s*<link\b[^>]*\brel="preload"[^>]*>', "", html)
    html = re.sub(r"\s*<!-- (?:Loaded|So that|Pre-loaded|Scripts loaded)[^>]*-->", "", html)
    if is_search:  # its own scripts need the others at once
        html = re.sub(
            rf'\s*<script[^>]*src="[^"]*({"|".join(map(re.escape, DROPPED))})[^"]*"></script>', "", html
        )
    else:
        packable = (*SCRIPTS, *USED_WITH, *DROPPED, "site.js")
        names = "|".join(map(re.escape, packable))
        html = re.sub(
            rf'\s*<script[^>]*src="(?:\.\./)*_static/(?:{names})(?:\?[^"]*)?"[^>]*></script>', "", html
        )
        html = re.sub(
            r"\s*<script>(?:let toggle|var togglebuttonSelector|DOCUMENTATION_OPTIONS)[^<]*</script>",
            "",
            html,
        )
        html = html.replace(
            "</title>",
            '</title>\n    <script defer fetchpriority="low" '
            f'src="{root}_static/site.js?v={scripts}"></script>',
            1,
        )
    html = html.replace(
        "</title>", f'</title>\n    <link rel="stylesheet" href="{root}_static/site.css?v={styles}" />', 1
    )
    html = _formulas_later(_theme_at_once(html))
    html = re.sub(
        r'<script defer="defer" (src="[^"]*explorer\.js)', r'<script defer fetchpriority="low" \1', html
    )
    return _pictures_later(html)


def _theme_at_once(html):
    # the theme leaves "auto" until its script has come: a dark page is first painted light, and one without
    # scripts has no colours at all
    html = html.replace(' data-theme="auto">', ' data-theme="light">', 1)
    return html.replace(
        'document.documentElement.dataset.theme = localStorage.getItem("theme") || "auto";',
        "document.documentElement.dataset.theme = document.documentElement.dataset.mode.replace("
        '"auto", matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");',
        1,
    )


def _formulas_later(html):
    startup = re.search(r'\s*<script defer="defer" src="([^"]*mathjax/startup\.js[^"]*)"></script>', html)
    if not startup:
        return html
    html = html.replace(startup[0], "")
    if 'class="math' not in html and "tex2jax_process" not in html.replace("tex2jax_process|", ""):
        return re.sub(r"\s*<script>window\.MathJax = .*?</script>", "", html)
    return html.replace("<script>window.MathJax", f'<script data-formulas="{startup[1]}">window.MathJax')


def _pictures_later(html):
    def later(found):
        return found[0] if " loading=" in found[0] else found[0].replace("<img ", '<img loading="lazy" ', 1)

    return re.sub(r'<img [^>]*src="(?:\.\./)*_images/[^>]*>', later, html)


def _pack(app, exception):
    if exception or app.builder.name != "html":
        return
    out = Path(app.outdir)
    static = out / "_static"
    paths = [out / f"{name}.html" for name in (*app.env.found_docs, *app.config.html_additional_pages)]
    paths += [out / "genindex.html", out / "search.html"]
    written = {path: path.read_text(encoding="utf-8") for path in paths if path.exists()}
    pages = {path: breakable(together(mended(text))) for path, text in written.items()}
    texts = list(pages.values())
    needed = [name for name, form in USED_WITH.items() if any(re.search(form, text) for text in texts)]
    script = _script(static, needed)
    (static / "site.js").write_text(script, encoding="utf-8")
    others = [(static / name).read_text(encoding="utf-8") for name in ALONE if (static / name).exists()]
    style = _style(static, words_of(texts, [script, *others]))
    (static / "site.css").write_text(style, encoding="utf-8")
    for path, text in pages.items():
        root = "../" * len(path.relative_to(out).parts[:-1])
        new = packed(text, root, _digest(style), _digest(script))
        if new != written[path]:
            path.write_text(new, encoding="utf-8")


def _script(static, needed):
    parts = []
    for name in (*SCRIPTS, *needed):
        path = static / name
        if path.exists():
            parts.append(path.read_text(encoding="utf-8"))
        if name == "documentation_options.js":
            parts.append("DOCUMENTATION_OPTIONS.search_as_you_type = false;")
        if name == "doctools.js":
            parts.append("var togglebuttonSelector = '.toggle, .admonition.dropdown';")
            parts.append("var toggleHintShow = 'Click to show', toggleHintHide = 'Click to hide';")
            parts.append("var toggleOpenOnPrint = 'true';")
    return "\n;\n".join(parts)


def _style(static, words):
    css = ""
    for name in STYLES:
        css += "".join(path.read_text(encoding="utf-8") for path in sorted(static.glob(name)))
    style = purged(css, words)
    while True:  # a custom property that only a removed one read goes too
        used = used_variables(style)
        smaller = purged(style, words, used)
        if len(smaller) == len(style):
            break
        style = smaller
    return icon_font(style, static / "vendor" / "fontawesome" / "webfonts") + style


def _digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:8]
