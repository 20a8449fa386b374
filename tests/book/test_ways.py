"""From a page to its source, to a term's meaning, and to where the reader stopped."""

import re

import pytest
from test_build import build, write_book

from dlbook.site import ways


def test_with_a_repository_every_page_links_to_it_to_its_source_and_to_a_form(tmp_path):
    write_book(tmp_path)
    done = build(tmp_path, repository_url="https://github.com/owner/book")
    assert done.returncode == 0, done.stdout[-4000:]
    page = (tmp_path / "_build/html/chapters/lines.html").read_text()
    links = set(re.findall(r'href="(https://github\.com/[^"]*)"', page))
    assert "https://github.com/owner/book" in links
    assert "https://github.com/owner/book/edit/main/chapters/lines.ipynb" in links
    assert any("/issues/new?title=Mistake%20on%20chapters/lines" in link for link in links)
    assert "Report a mistake on this page" in page


def test_without_a_repository_these_links_are_absent(site):
    page = (site / "chapters" / "adam.html").read_text()
    assert "Report a mistake" not in page and "/edit/" not in page and "source-buttons" not in page


def test_a_repository_that_is_no_address_is_refused(tmp_path):
    write_book(tmp_path)
    done = build(tmp_path, repository_url="owner/book")
    assert done.returncode != 0
    assert "repository_url: must be an address like https://host/owner/name, got 'owner/book'" in done.stdout


def test_a_preview_is_the_paragraph_that_opens_with_its_place():
    page = '<p><a id="a1"></a>A &amp; <em>B</em>\n(2020).</p><p>no</p><p><a id="b-2"></a>C</p>'
    assert ways.previews(page) == {"a1": "A & B (2020).", "b-2": "C"}


@pytest.mark.parametrize("how", ["hover", "focus"])
def test_a_link_to_a_source_shows_it_on_hover_and_on_focus_from_a_file(visit, how):
    page, errors, _ = visit("chapters/adam")
    link = page.locator('.bd-article a[href*="references.html#"]:visible').first
    link.scroll_into_view_if_needed()
    getattr(link, how)()
    box = page.locator("#book-preview")
    box.wait_for(state="visible")
    assert len(box.inner_text()) > 30 and link.get_attribute("aria-describedby") == "book-preview"
    page.keyboard.press("Escape")
    assert not box.is_visible()
    assert errors == []


def test_a_page_is_remembered_as_read_until_the_reader_makes_the_browser_forget(visit):
    page = visit("chapters/adam").page
    button = page.locator("[data-do=read]")
    assert not page.locator("[data-do=forget]").is_visible()
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    page.reload()
    assert page.locator("[data-do=read]").get_attribute("aria-pressed") == "true"
    assert page.locator(".bd-docs-nav a.book-was-read").count() == 1
    assert page.locator(".book-progress").inner_text().startswith("1 of ")
    page.locator("[data-do=forget]").click()
    assert page.evaluate("localStorage.getItem('book-read')") is None
    assert page.locator(".bd-docs-nav a.book-was-read").count() == 0


def test_checks_that_pass_in_the_live_notebook_are_told_beside_its_link_until_they_are_forgotten(visit):
    page, errors, _ = visit("chapters/exercises/adam")
    if not page.locator("a.run-here").count():
        pytest.skip("the site was built without lite/: run `make lite`")
    assert page.locator(".book-passed").first.inner_text() == ""
    page.evaluate("localStorage.setItem('book-passed', JSON.stringify({'exercises/adam': [3, 4]}))")
    page.wait_for_load_state("networkidle")  # a page that is left early breaks off its requests
    page.reload()
    assert page.locator(".book-passed").first.inner_text().strip() == "3 of 4 checks pass in this browser."
    page.locator("[data-do=forget]").click()
    assert page.locator(".book-passed").first.inner_text() == ""
    assert page.evaluate("localStorage.getItem('book-passed')") is None and errors == []


def test_the_download_menu_opens_and_closes_by_keyboard(visit):
    page = visit("chapters/adam").page
    button = page.locator(".dropdown-download-buttons [data-bs-toggle=dropdown]")
    menu = page.locator(".dropdown-download-buttons .dropdown-menu")
    assert not menu.is_visible()
    button.focus()
    page.keyboard.press("Enter")
    assert menu.is_visible() and button.get_attribute("aria-expanded") == "true"
    page.keyboard.press("Escape")
    assert not menu.is_visible() and page.evaluate("document.activeElement.dataset.bsToggle") == "dropdown"


def test_every_fold_is_open_on_paper_below_the_title(visit):
    page = visit("chapters/start").page
    page.emulate_media(media="print")
    assert page.locator(".bd-article h1").is_visible() and not page.locator(".book-footer").is_visible()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".bd-article details:not([open])").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator(".bd-article details:not([open])").count() > 0
