"""What a build of this book needs so that its pages work everywhere."""

import os
import subprocess

from test_build import write_book

from dlbook.reproducible import JUPYTER_BOOK, PINNED
from dlbook.site import building


def test_a_link_can_reach_a_heading_and_an_html_id_of_another_page(tmp_path):
    write_book(tmp_path)
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: chapters/index\nchapters: [{file: chapters/other}]\n"
    )
    (tmp_path / "chapters" / "index.md").write_text(
        "# A book\n\n[a](other.md#a-heading) [b](other.md#spot)\n"
    )
    (tmp_path / "chapters" / "other.md").write_text('# Other\n\n## A heading\n\n<a id="spot"></a>here\n')
    done = subprocess.run([*JUPYTER_BOOK, "build", ".", "-W"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    page = (tmp_path / "_build/html/chapters/index.html").read_text()
    assert 'href="other.html#a-heading"' in page and 'href="other.html#spot"' in page


def test_the_arithmetic_is_pinned_for_the_kernels_and_given_back(monkeypatch):
    from types import SimpleNamespace

    name, value = next(iter(PINNED.items()))
    monkeypatch.setenv(name, "mine")
    app = SimpleNamespace(builder=SimpleNamespace(format="text"))
    building._pin(app, None)
    assert os.environ[name] == value
    building._finish(app, None)
    assert os.environ[name] == "mine"
