"""The renderer: how does an explorer's output become part of a static page?

MyST-NB hands every output of our MIME type to `ExplorerRenderer`, which puts a node into the page;
`write_html` turns it into a `<figure>` with native controls, one picture and the sentence.
"""

import json
from html import escape

from docutils import nodes
from sphinx.util import logging

from dlbook.explorer.explorer import MIME
from dlbook.explorer.names import anchor, keys

logger = logging.getLogger(__name__)

EMBEDDING = ("html", "dirhtml", "readthedocs", "readthedocsdirhtml")
_BUILDERS = (*EMBEDDING, "singlehtml", "readthedocssinglehtml")


class Figure(nodes.General, nodes.Element):
    """An explorer or a plain figure on a page; `manifest` says what it shows.

    `key` is its name in links. An explorer has a `number`, and a `title`, which the text above it may have
    `announced`.
    """


class ExplorerRenderer:
    """The MyST-NB renderer of explorers, an entry point of this package."""

    mime_priority_overrides = tuple((builder, MIME, 1) for builder in _BUILDERS)

    @staticmethod
    def handle_mime(renderer, data, inline):
        """Return the page's node for an explorer, or None for any other output."""
        if data.mime_type != MIME:
            return None
        manifest = data.content if isinstance(data.content, dict) else json.loads(data.string)
        env = renderer.renderer.sphinx_env
        drawn = "frames" in manifest or "guess" in manifest
        if not hasattr(env, "explorer_pages"):
            logger.warning("add dlbook.explorer to the extensions in _config.yml", location=env.docname)
        elif not drawn:
            logger.warning(
                f"explorer {manifest['name']} has no frames, since the book's build did not run this page: "
                "set execute_notebooks to cache or force in _config.yml",
                location=env.docname,
            )
        if not drawn or not hasattr(env, "explorer_pages"):
            return [nodes.paragraph(text=manifest["sentence"], classes=["explorer-sentence"])]
        on_page = env.explorer_pages[env.docname]
        on_page["figures"] += 1
        on_page["files"].update(manifest.get("frames", ()))
        on_page["sliders"] += bool(manifest["controls"])
        on_page["guesses"] += "guess" in manifest
        # a draft has no sliders, and counts all the same
        on_page["explorers"] += bool(manifest["controls"] or manifest.get("draft"))
        key = f"guess-{on_page['guesses']}" if "guess" in manifest else anchor(manifest["name"])
        if manifest["controls"] and key in on_page["names"]:
            logger.warning(
                f"two explorers of this page are named {key}: give one of them a name=", location=env.docname
            )
        on_page["names"].add(key)
        numbered = manifest["controls"] or manifest.get("draft")
        return [
            Figure(
                manifest=manifest, key=key, number=on_page["explorers"] if numbered else None,
                title=manifest.get("title"), announced=False,
            )
        ]  # fmt: skip


def write_html(translator, node):
    """Write a `Figure` node as HTML; the pictures are in the builder's image folder."""
    builder = translator.builder
    if "guess" in node["manifest"]:
        translator.body.append(guess_html(node["manifest"], node["key"]))
        raise nodes.SkipNode
    # a heading of the page may have the name that its explorer has
    shared = node["key"] in translator.document.ids
    here = {name: node[name] for name in ("number", "title", "announced")}
    here["anchor"] = f"{node['key']}-explorer" if shared else node["key"]
    if builder.name in EMBEDDING:
        page = builder.current_docname
        here["embed"] = "../" * builder.get_target_uri(page).count("/") + embed_path(page, node["key"])
    translator.body.append(html(node["manifest"], node["key"], builder.imgpath, **here))
    raise nodes.SkipNode


def embed_path(page, key):
    """Return where the page of an explorer alone stands in the site."""
    return f"embed/{page}/{key}.html"


def write_text(translator, node):
    """Write a `Figure` node's sentence, for builders that have no pictures of ours."""
    translator.visit_paragraph(nodes.paragraph())
    translator.visit_Text(nodes.Text(node["manifest"]["sentence"]))
    translator.depart_paragraph(nodes.paragraph())
    raise nodes.SkipNode


def html(manifest, key, folder, *, number=1, title=None, announced=False, anchor=None, **links):
    """Return the `<figure>` of a manifest.

    Parameters
    ----------
    manifest : dict
        What the explorer's output says.
    key : str
        Its name, which makes the ids unique on the page.
    folder : str
        Of the pictures, as seen from the page.
    number : int
        Of the explorer on its page.
    title : str, optional
        Readers see it unless it was `announced`: it stands in the text above then.
    anchor : str, optional
        The id that links reach; the key if it is free.
    **links : str
        For the script: the page of the explorer alone (`embed`) or the page that it comes from (`page`).
    """
    start = manifest["start"]
    sentence = escape(manifest["sentences"][start])
    picture = _picture(manifest, f"{folder}/{manifest['frames'][start]}", sentence)
    if not manifest["controls"]:
        return f'<figure class="plot">{picture}<figcaption>{sentence}</figcaption></figure>\n'
    heading = f"<b>Explorer {number}</b>"
    if title:
        unseen = ' class="explorer-unseen"' if announced else ""
        heading += f" <span{unseen}>{escape(title)}</span>"
    controls = "".join(_control(control, f"{key}-{i}") for i, control in enumerate(manifest["controls"]))
    files = sorted(set(manifest["frames"]))
    table = {
        "folder": folder,
        "shape": [len(control["values"]) for control in manifest["controls"]],
        "start": [control["start"] for control in manifest["controls"]],
        "names": [control["name"] for control in manifest["controls"]],
        "keys": [keys(control["values"]) for control in manifest["controls"]],
        "values": [c["values"] if c["kind"] == "range" else None for c in manifest["controls"]],
        "files": files,
        "frames": [files.index(name) for name in manifest["frames"]],
        "sentences": manifest["sentences"],
        **links,
    }
    return (
        f'<figure class="explorer" id="{anchor or key}" data-name="{key}" aria-labelledby="{key}-title" '
        f'style="{_room(manifest["sentences"])}">\n'
        f'<div class="explorer-head"><p class="explorer-title" id="{key}-title">{heading}</p></div>\n'
        f'<form class="explorer-controls" autocomplete="off" hidden>{controls}{_play(manifest)}</form>\n'
        f"{picture}\n"
        f'<figcaption><output aria-live="polite" for="{_inputs(manifest, key)}">{sentence}</output>'
        "</figcaption>\n"
        f'<script type="application/json">{_json(table)}</script>\n'
        "</figure>\n"
    )


def guess_html(manifest, key):
    """Return the `<figure>` of a guess: the question, the folded answer, the data for the script."""
    question = escape(manifest["question"])
    return (
        f'<figure class="guess" id="{key}" aria-labelledby="{key}-title">\n'
        f'<div class="explorer-head"><p class="explorer-title" id="{key}-title"><b>Your guess</b> '
        f"<span>{question}</span></p></div>\n"
        f'<details class="answer"><summary>Answer</summary><p>{escape(manifest["sentence"])}</p></details>\n'
        f'<script type="application/json">{_json(manifest["guess"])}</script>\n'
        "</figure>\n"
    )


def _json(data):
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")


def _picture(manifest, source, sentence):
    """Return a picture; where panels stand side by side, once for each, since a phone stacks them."""
    width, height = manifest["size"]
    # the theme inverts pictures on dark pages unless they say that they suit both
    img = f'<img class="dark-light" src="{source}" width="{width}" height="{height}"'
    panels = manifest.get("panels")
    if not panels:
        return f'<div class="explorer-picture">{img} alt="{sentence}"></div>'
    first, *others = panels
    parts = [f'<span style="--x:{first[0]};--w:{first[1]}">{img} alt="{sentence}"></span>']
    again = f'{img} alt="" loading="lazy">'
    for x, w, *labels in others:
        part = f'<span style="--x:{x};--w:{w}">{again}</span>'
        if labels:  # those of the y-axis, which on a wide screen stand at another panel
            left, room = labels
            part = f'<span style="--x:{left};--w:{room}">{again}</span>{part}'
            part = f'<span class="explorer-beside" style="--w:{round(w + room, 4)}">{part}</span>'
        parts.append(part)
    return f'<div class="explorer-picture explorer-panels" style="--px:{width}">{"".join(parts)}</div>'


def _room(sentences):
    longest = max(map(len, sentences))
    return f"--lines:{-(-longest // 84)};--phone-lines:{-(-longest // 40)}"


def _inputs(manifest, key):
    return " ".join(f"{key}-{i}" for i, c in enumerate(manifest["controls"]) if c["kind"] != "radio")


def _control(control, key):
    label, values, start = escape(control["label"]), [escape(v) for v in control["values"]], control["start"]
    if control["kind"] == "range":
        return (
            f'<div class="explorer-control explorer-range"><label for="{key}">{label}</label>'
            f'<span class="explorer-value" aria-hidden="true">{values[start]}</span>'
            f'<input type="range" id="{key}" min="0" max="{len(values) - 1}" step="1" value="{start}" '
            f'aria-valuetext="{values[start]}">'
            f'<span class="explorer-ticks" aria-hidden="true" style="--n:{len(values) - 1}">'
            f"<span>{values[0]}</span><span>{values[-1]}</span></span></div>"
        )
    if control["kind"] == "select":
        options = "".join(
            f'<option value="{i}"{" selected" * (i == start)}>{text}</option>'
            for i, text in enumerate(values)
        )
        return (
            f'<div class="explorer-control explorer-select"><label for="{key}">{label}</label>'
            f'<select id="{key}">{options}</select></div>'
        )
    buttons = "".join(
        f'<label for="{key}-{i}"><input type="radio" id="{key}-{i}" name="{key}" value="{i}"'
        f"{' checked' * (i == start)}><span>{text}</span></label>"
        for i, text in enumerate(values)
    )
    return (
        f'<fieldset class="explorer-control explorer-radio" id="{key}"><legend>{label}</legend>'
        f"<div>{buttons}</div></fieldset>"
    )


def _play(manifest):
    if not manifest["play"]:
        return ""
    names = [control["name"] for control in manifest["controls"]]
    played = names.index(manifest["play"])
    label = escape(manifest["controls"][played]["label"])
    return (
        f'<div class="explorer-play" role="group" aria-label="Animate {label}" data-control="{played}">'
        '<button type="button" data-do="back" aria-label="Step back">◂</button>'
        '<button type="button" data-do="play">Play</button>'
        '<button type="button" data-do="forward" aria-label="Step forward">▸</button></div>'
    )
