"""A site of two pages, as the theme writes them, for the tests of the books."""

from dlbook.site.building import copy_mathjax

PAGE = """<html><body><article class="bd-article"><section class="tex2jax_ignore mathjax_ignore" id="lines">
<h1>Lines<a class="headerlink" href="#lines">#</a></h1>
<details><summary><span class="sd-summary-text">Answer</span></summary><p>Folded away</p></details>
<p>A formula: <span class="math notranslate nohighlight">\\(x^2\\)</span>,
<a href="index.html#why">why</a>, <a href="https://example.org">out</a>.<br></p>
<form><button>gone</button></form>
<figure class="explorer"><div class="explorer-panels">
<span><img src="../_images/frame-1.svg" loading="lazy" alt="a picture"></span>
<span><img src="../_images/frame-1.svg" alt=""></span></div><figcaption>One.</figcaption>
<p class="explorer-note"></p></figure></section></article></body></html>"""
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/>'
# the glyph of a space, as Matplotlib writes it
SVG += '<path id="space" transform="scale(0.1)"/></svg>'
PARTS = [("", ["chapters/index"]), ("Part", ["chapters/lines"])]


def small_site(tmp_path):
    """A site of two pages, as the theme writes them."""
    (tmp_path / "chapters").mkdir()
    (tmp_path / "_images").mkdir()
    (tmp_path / "_static").mkdir()
    (tmp_path / "_static" / "site.css").write_text("p { color: black }")
    copy_mathjax(tmp_path / "_static" / "mathjax")
    (tmp_path / "_images" / "frame-1.svg").write_text(SVG)
    (tmp_path / "chapters" / "lines.html").write_text(PAGE)
    index = (
        PAGE.replace("Lines", "Index")
        .replace('id="lines"', 'id="why"')
        .replace("index.html#why", "lines.html")
    )
    (tmp_path / "chapters" / "index.html").write_text(index)
    return tmp_path
