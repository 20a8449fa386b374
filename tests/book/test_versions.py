"""The newest state of the book and its published versions, side by side."""

import re

import pytest

from dlbook.site import versions


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    (folder / "chapters").mkdir(parents=True)
    (folder / "index.html").write_text("to the first page")
    (folder / "chapters" / "adam.html").write_text('<p class="book-build">Version 1</p>')
    return folder


def test_versions_stay_when_the_newest_state_is_published_and_what_is_gone_goes(site, tmp_path):
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / "CNAME").write_text("book.example.org")
    versions.publish(site, folder, "v1.2")
    versions.publish(site, folder, "main")
    (site / "chapters" / "adam.html").rename(site / "chapters" / "momentum.html")
    versions.publish(site, folder, "main")
    versions.publish(site, folder, "v1.10")
    found = {str(path.relative_to(folder)) for path in folder.rglob("*.html")}
    assert {"v1.2/chapters/adam.html", "v1.10/chapters/momentum.html", "chapters/momentum.html"} <= found
    assert (
        "chapters/adam.html" not in found and (folder / "CNAME").exists() and (folder / ".nojekyll").exists()
    )
    listed = re.findall(r'href="([^"]*)"', (folder / "versions.html").read_text())
    assert listed == ["index.html", "v1.10/index.html", "v1.2/index.html"]


def test_every_page_links_to_the_list_once_from_its_own_depth(site, tmp_path):
    folder = tmp_path / "published"
    versions.publish(site, folder, "main")
    versions.publish(site, folder, "v1.0")
    versions.publish(site, folder, "main")
    for name, link in (
        ("chapters/adam.html", "../versions.html"),
        ("v1.0/chapters/adam.html", "../../versions.html"),
    ):
        page = folder / name
        assert re.findall(r'href="([^"]*versions\.html)"', page.read_text()) == [link]
        assert (page.parent / link).resolve() == folder / "versions.html"


def test_a_folder_without_a_site_is_refused(tmp_path):
    with pytest.raises(
        ValueError, match="site must be the folder of a built site, got '.*' without index.html"
    ):
        versions.publish(tmp_path, tmp_path / "published", "main")
    assert versions.main(["only one"]) == 2
