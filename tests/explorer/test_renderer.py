import json
import re

import pytest

from dlbook import explore, explorer, show
from dlbook.explorer import renderer


def draw(ax, depth, bias, name):
    ax.plot([0, depth])
    return f'Depth {depth} < {name}, bias {bias}: </script> & "quotes".'


@pytest.fixture
def manifest(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_FRAMES", str(tmp_path))
    figure = explore(
        draw, depth=[1, 2], bias=[False, True], name=list("abcd"), default={"name": "c"}, play="depth"
    )
    return figure._repr_mimebundle_()[explorer.MIME]


@pytest.fixture
def html(manifest):
    return renderer.html(manifest, "adam-1", "../_images")


def test_an_explorer_is_a_figure_with_one_picture_and_the_sentence_twice(html):
    assert html.startswith('<figure class="explorer"') and html.count("<img") == 1
    sentence = "Depth 1 &lt; c, bias False: &lt;/script&gt; &amp; &quot;quotes&quot;."
    assert f'alt="{sentence}"' in html
    assert re.search(rf'<output aria-live="polite"[^>]*>{re.escape(sentence)}</output>', html)
    assert re.search(r'src="\.\./_images/frame-\w+\.svg" .*width="\d+" height="\d+"', html)


def test_every_control_has_a_label_and_its_value(html):
    assert '<label for="adam-1-0">depth</label>' in html and 'aria-valuetext="1"' in html
    assert "<legend>bias</legend>" in html and html.count('type="radio"') == 2
    assert '<label for="adam-1-2">name</label><select id="adam-1-2">' in html
    assert '<option value="2" selected>c</option>' in html


def test_labels_and_references_point_at_ids_that_exist_once(html):
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'<label for="([^"]+)"', html)) <= set(ids)


def test_the_table_has_a_picture_and_a_sentence_for_every_setting(html):
    data = re.search(r'<script type="application/json">(.*?)</script>', html, re.S)[1]
    table = json.loads(data)
    assert table["shape"] == [2, 2, 4]
    assert len(table["frames"]) == len(table["sentences"]) == 16
    assert table["sentences"][2].endswith('</script> & "quotes".')
    assert table["files"][table["frames"][2]] in html


def test_controls_wait_hidden_for_the_script(html):
    assert re.search(r'<form class="explorer-controls"[^>]* hidden>', html)


def test_only_a_played_control_has_buttons(html, manifest):
    assert html.count("<button") == 3 and 'data-control="0"' in html
    assert "<button" not in renderer.html(manifest | {"play": None}, "adam-1", "x")


def test_a_plain_figure_has_no_controls_and_no_script(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_FRAMES", str(tmp_path))
    data = show(draw, 1, True, "x")._repr_mimebundle_()[explorer.MIME]
    html = renderer.html(data, "adam-2", "../_images")
    assert html.startswith('<figure class="plot">') and html.count("<img") == 1
    assert "<script" not in html and "<form" not in html


def test_the_renderer_is_installed_for_every_html_builder():
    from importlib.metadata import entry_points

    found = entry_points(group="myst_nb.mime_renderers", name="explorer")
    assert [entry.load() for entry in found] == [renderer.ExplorerRenderer]
    assert ("html", explorer.MIME, 1) in renderer.ExplorerRenderer.mime_priority_overrides


def test_a_picture_of_two_panels_stands_twice_and_is_described_once(manifest):
    page = renderer.html(manifest | {"panels": [[0.0, 0.55], [0.55, 0.45]]}, "adam-1", "x")
    pictures = re.findall("<img[^>]*>", page)
    assert len(pictures) == 2 and len({re.search('src="([^"]*)"', p)[1] for p in pictures}) == 1
    assert 'alt="Depth' in pictures[0] and 'alt=""' in pictures[1]
    assert "--x:0.55;--w:0.45" in page


def test_a_panel_without_labels_of_its_own_has_those_of_the_other_beside_it(manifest):
    page = renderer.html(manifest | {"panels": [[0.0, 0.55], [0.55, 0.45, 0.02, 0.1]]}, "adam-1", "x")
    assert len(re.findall("<img", page)) == 3
    beside = page[page.index("explorer-beside") :]
    assert "--w:0.55" in beside
    assert beside.index("--x:0.02;--w:0.1") < beside.index("--x:0.55;--w:0.45")


def test_an_explorer_has_its_number_and_its_title(manifest):
    page = renderer.html(manifest, "adam", "x", number=3, title="A <b> title")
    assert "<b>Explorer 3</b> <span>A &lt;b&gt; title</span>" in page
    assert 'id="adam" data-name="adam" aria-labelledby="adam-title"' in page
    unseen = renderer.html(manifest, "adam", "x", title="Above", announced=True, anchor="adam-explorer")
    assert '<span class="explorer-unseen">Above</span>' in unseen and 'id="adam-explorer"' in unseen


def test_the_table_has_what_a_link_needs(manifest):
    page = renderer.html(manifest, "adam", "x", embed="../embed/adam/adam.html")
    table = json.loads(re.search(r'<script type="application/json">(.*?)</script>', page, re.S)[1])
    assert table["names"] == ["depth", "bias", "name"] and table["start"] == [0, 0, 2]
    assert table["keys"] == [["1", "2"], ["off", "on"], ["a", "b", "c", "d"]]
    assert table["embed"] == "../embed/adam/adam.html"
