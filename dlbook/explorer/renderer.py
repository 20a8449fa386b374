"""The renderer: how does an explorer's output become part of a static page?

MyST-NB hands every output of our MIME type to `ExplorerRenderer`, which puts a node into the page;
`write_html` turns it into a `<figure>` with native controls, one picture and the sentence.
"""

import json
from html import escape

from docutils import nodes
from sphinx.util import logging

from dlbook.explorer.explorer import MIME

logger = logging.getLogger(__name__)

_BUILDERS = ("html", "dirhtml", "singlehtml", "readthedocs", "readthedocsdirhtml", "readthedocssinglehtml")


class Figure(nodes.General, nodes.Element):
    """An explorer or a plain figure on a page; `manifest` says what it shows."""


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
        if not hasattr(env, "explorer_pages"):
            logger.warning("add dlbook.explorer to the extensions in _config.yml", location=env.docname)
        elif "frames" not in manifest:
            logger.warning(
                f"explorer {manifest['name']} has no frames, since the book's build did not run this page: "
                "set execute_notebooks to cache or force in _config.yml",
                location=env.docname,
            )
        if "frames" not in manifest or not hasattr(env, "explorer_pages"):
            return [nodes.paragraph(text=manifest["sentence"], classes=["explorer-sentence"])]
        on_page = env.explorer_pages[env.docname]
        on_page["figures"] += 1
        on_page["files"].update(manifest["frames"])
        on_page["sliders"] += bool(manifest["controls"])
        return [Figure(manifest=manifest, key=f"{env.docname.rpartition('/')[2]}-{on_page['figures']}")]


def write_html(translator, node):
    """Write a `Figure` node as HTML; the pictures are in the builder's image folder."""
    translator.body.append(html(node["manifest"], node["key"], translator.builder.imgpath))
    raise nodes.SkipNode


def write_text(translator, node):
    """Write a `Figure` node's sentence, for builders that have no pictures of ours."""
    translator.visit_paragraph(nodes.paragraph())
    translator.visit_Text(nodes.Text(node["manifest"]["sentence"]))
    translator.depart_paragraph(nodes.paragraph())
    raise nodes.SkipNode


def html(manifest, key, folder):
    """Return the `<figure>` of a manifest; `key` makes its ids unique on the page."""
    start = manifest["start"]
    sentence = escape(manifest["sentences"][start])
    width, height = manifest["size"]
    # the theme inverts pictures on dark pages unless they say that they suit both
    picture = (
        f'<img class="dark-light" src="{folder}/{manifest["frames"][start]}" alt="{sentence}" '
        f'width="{width}" height="{height}">'
    )
    if not manifest["controls"]:
        return f'<figure class="plot">{picture}<figcaption>{sentence}</figcaption></figure>\n'
    controls = "".join(_control(control, f"{key}-{i}") for i, control in enumerate(manifest["controls"]))
    files = sorted(set(manifest["frames"]))
    table = {
        "folder": folder,
        "shape": [len(control["values"]) for control in manifest["controls"]],
        "values": [c["values"] if c["kind"] == "range" else None for c in manifest["controls"]],
        "files": files,
        "frames": [files.index(name) for name in manifest["frames"]],
        "sentences": manifest["sentences"],
    }
    data = json.dumps(table, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    return (
        f'<figure class="explorer" id="{key}" style="{_room(manifest["sentences"])}">\n'
        f'<form class="explorer-controls" autocomplete="off" hidden>{controls}{_play(manifest)}</form>\n'
        f"{picture}\n"
        f'<figcaption><output aria-live="polite" for="{_inputs(manifest, key)}">{sentence}</output>'
        "</figcaption>\n"
        f'<script type="application/json">{data}</script>\n'
        "</figure>\n"
    )


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
            f'aria-valuetext="{values[start]}"></div>'
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
