"""The first page: what a reader sees in five seconds."""

import re

from dlbook.site import landing

LIST = (
    '<ul class="book-chapters simple"><li><p><a class="reference internal" href="adam.html">Adam</a>: why?'
    "</p></li></ul>"
)


def test_every_chapter_in_the_list_gets_the_first_picture_of_its_page_once():
    page = landing.with_pictures(f"<p>x</p>{LIST}", {"adam.html": "../a.svg"}.get)
    assert 'class="dark-light book-picture" loading="lazy" alt="" src="../a.svg">Adam</a>' in page
    again = landing.with_pictures(page, {"adam.html": "../b.svg"}.get)
    assert again.count("book-picture") == 1 and "../b.svg" in again and "../a.svg" not in again
    assert "<img" not in landing.with_pictures(LIST, {}.get)


def test_the_books_are_linked_once_they_exist_and_no_longer_when_they_are_gone(tmp_path):
    page, folder = tmp_path / "chapters" / "index.html", tmp_path / "downloads"
    folder.mkdir()
    page.parent.mkdir()
    page.write_text('<p class="book-doors"><a href="a">A</a></p><p>more</p>')
    (folder / "why-deep-networks-train.pdf").write_bytes(b"x" * 2_400_000)
    for _ in range(2):
        landing.offer_books(page, folder)
        html = page.read_text()
        assert html.count('href="../downloads/why-deep-networks-train.pdf"') == 1
        assert "(2 MB)" in html and ".epub" not in html
    (folder / "why-deep-networks-train.pdf").unlink()
    landing.offer_books(page, folder)
    assert page.read_text() == '<p class="book-doors"><a href="a">A</a></p><p>more</p>'


def test_the_first_screen_promises_says_for_whom_and_offers_three_doors_and_a_slider(visit):
    page = visit("chapters/index").page
    for name in (".book-promise", ".book-whom", ".book-doors", "figure.explorer input[type=range]"):
        box = page.locator(name).first.bounding_box()
        assert box and box["y"] + box["height"] < 900, name
    doors = page.locator(".book-doors a")
    assert doors.count() == 3 and "Start here" in doors.first.inner_text()


def test_no_code_stands_before_the_explorer_and_the_code_below_it_is_folded(visit):
    page = visit("chapters/index").page
    figure = page.locator("figure.explorer").first.bounding_box()
    code = page.locator(".cell_input, details.hide").first
    assert code.bounding_box()["y"] > figure["y"] + figure["height"]
    assert not page.locator(".bd-article pre").first.is_visible()


def test_every_chapter_is_shown_with_a_picture_that_loads(visit, site):
    page, errors, _ = visit("chapters/index")
    cards = page.locator(".book-chapters li")
    listed = set(re.findall(r'href="([a-z_]+)\.html"', page.locator("#the-chapters").inner_html()))
    assert cards.count() >= 16 and {"start", "adam", "bugs"} <= listed
    pictures = page.locator(".book-picture")
    assert pictures.count() >= cards.count() - 1
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
        picture.evaluate("image => image.decode()")
    assert errors == []


def test_a_symptom_leads_to_the_section_whose_heading_has_its_words():
    sections = (
        '<section id="a"><h2>Gradients<a class="headerlink"></section><section id="b">'
        '<h3>The other side: exploding gradients<a class="headerlink"></section>'
    )
    link = '<a class="reference internal" href="v.html{}"><em>Exploding gradient</em></a>'
    html = f'<ul class="book-symptoms">{link}</ul>'
    page = landing.with_sections(html.format("#old"), {"v.html": sections}.get)
    assert page == html.format("#b")
    assert landing.with_sections(html.format("#old"), {"v.html": "none"}.get) == html.format("")


def test_every_symptom_leads_somewhere_and_most_to_a_section(visit):
    page = visit("chapters/index").page
    symptoms = page.locator(".book-symptoms li")
    assert symptoms.count() >= 8
    assert all(symptom.locator("a").count() for symptom in symptoms.all())
    links = page.locator(".book-symptoms a")
    exact = [link for link in links.all() if "#" in link.get_attribute("href")]
    assert len(exact) >= links.count() / 3
