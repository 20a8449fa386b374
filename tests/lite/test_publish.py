"""Publishing: does the site get lite/ and its links when the runtime is there, and nothing when it is not?"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

import leaks
from dlbook.lite import publish, runtime
from dlbook.reproducible import JUPYTER_BOOK

ROOT = Path(__file__).parents[2]
BUILDER = Path(sys.executable).with_name("jupyter-book")
TEXTS = {".ipynb", ".json", ".js", ".html"}
AUTHORS = "nbformat docutils sphinx resource yaml nbgrader myst_nb"
BODY = (
    '<h1>Adam<a class="headerlink" href="#adam">#</a></h1><h2>Exercises<a href="#e">#</a></h2><p>Three.</p>'
)


@pytest.fixture
def found(tmp_path):
    """A runtime in small."""
    folder = tmp_path / "runtime"
    (folder / "app").mkdir(parents=True)
    kernel = {"@jupyterlite/pyodide-kernel-extension:kernel": {"pipliteUrls": ["./a.json"]}}
    settings = {"jupyter-config-data": {"litePluginSettings": kernel}}
    (folder / "app" / "jupyter-lite.json").write_text(json.dumps(settings))
    (folder / "pyodide").mkdir()
    (folder / "pyodide" / "pyodide-lock.json").write_text(json.dumps({"packages": {}}))
    (folder / "pyodide" / "pyodide.asm.wasm").write_bytes(bytes(3_000_000))
    (folder / "ready.json").write_text("{}")
    return folder


@pytest.fixture
def site(tmp_path):
    """The copies that a build has written."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "html" / "notebooks")
    return tmp_path / "html"


def test_the_site_gets_every_notebook_and_the_lock_names_the_books_wheel(site, found):
    publish.write(site, found)
    about = json.loads((site / "lite" / "pages.json").read_text())
    copies = {
        path.relative_to(ROOT / "notebooks").with_suffix("").as_posix()
        for path in ROOT.glob("notebooks/**/*.ipynb")
    }
    assert set(about["pages"]) == copies
    lock = json.loads((site / "lite" / about["lock"]).read_text())["packages"]["dlcore"]
    wheel = site / "lite" / about["python"] / lock["file_name"]
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() == lock["sha256"]
    assert lock["imports"] == ["dlbook", "dlcore"]
    data = json.loads((site / "lite/app/jupyter-lite.json").read_text())["jupyter-config-data"]
    options = data["litePluginSettings"]["@jupyterlite/pyodide-kernel-extension:kernel"]["loadPyodideOptions"]
    assert (site / "lite" / "app" / options["lockFileURL"]).resolve() == (
        site / "lite" / about["lock"]
    ).resolve()


def test_a_second_build_changes_no_byte_and_the_runtime_stays_as_it_is(site, found):
    kept = {path: path.read_bytes() for path in found.rglob("*") if path.is_file()}
    publish.write(site, found, "1 May 2026")
    first = {path: path.read_bytes() for path in (site / "lite").rglob("*") if path.is_file()}
    publish.write(site, found, "1 May 2026")
    assert {path: path.read_bytes() for path in (site / "lite").rglob("*") if path.is_file()} == first
    assert {path: path.read_bytes() for path in found.rglob("*") if path.is_file()} == kept


def test_a_notebook_that_left_the_book_leaves_the_site(site, found):
    publish.write(site, found)
    (site / "notebooks" / "adam.ipynb").unlink()
    publish.write(site, found)
    assert not (site / "lite/app/files/adam.ipynb").exists()


def test_no_solution_and_no_hidden_test_is_in_lite(site, found):
    publish.write(site, found)
    pages = "".join(path.read_text() for path in (ROOT / "notebooks").rglob("*.ipynb"))
    library = "".join(content.decode(errors="ignore") for _, content in publish.book_files())
    # what the student's page or the library itself says anyway is no secret
    secret = {line for line in leaks.secrets(longer_than=30) if json.dumps(line)[1:-1] not in pages}
    secret = {line for line in secret if line not in library}
    assert len(secret) > 300
    texts = [path.read_text(errors="ignore") for path in (site / "lite").rglob("*") if path.suffix in TEXTS]
    assert len(texts) > 30
    forms = {form for line in secret for form in (line, json.dumps(line)[1:-1])}
    assert [leaked for text in texts if (leaked := leaks.leaked(forms, text))] == []
    assert not any(re.search("BEGIN (SOLUTION|HIDDEN TESTS)", text) for text in [*texts, library])
    assert not [name for name, _ in publish.book_files() if "/source/" in name]


def test_what_a_notebook_imports_needs_no_tool_of_the_books_author(site, found, tmp_path):
    """The wheel alone, without Sphinx, nbformat, docutils and the like, imports what the chapters import."""
    publish.write(site, found)
    lock = json.loads((site / "lite" / "pages.json").read_text())["lock"]
    (wheel,) = (site / "lite" / lock).parent.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "wheel")
    code = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[3].split():
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Refuse())
import json
from pathlib import Path
lines = set()
for path in Path(sys.argv[1]).rglob("*.ipynb"):
    for cell in json.loads(path.read_text())["cells"][1:]:
        if cell["cell_type"] == "code":
            text = "".join(cell["source"]) if isinstance(cell["source"], list) else cell["source"]
            imports = [line for line in text.splitlines() if line.startswith(("from dl", "import dl"))]
            lines |= {line for line in imports if not line.endswith("(")}
for line in sorted(lines):
    exec(line)
import dlbook
assert dlbook.__file__.startswith(sys.argv[2]), dlbook.__file__
print(len(lines))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT / "notebooks"), str(tmp_path / "wheel"), AUTHORS],
        env={"PYTHONPATH": str(tmp_path / "wheel"), "PATH": "/usr/bin:/bin"}, cwd=tmp_path,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 30


def test_a_page_gets_its_link_under_the_title_and_beside_the_exercises():
    body = publish.with_links(BODY, "../lite/index.html?notebook=adam", 24.6, "../lite/tasks", minutes=3)
    assert "(the first time it loads 25 MB; all its cells take up to about 3 minutes)" in body
    assert "minutes" not in publish.with_links(BODY, "", 24.6, minutes=1)
    assert 'href="../lite/tasks">Solve them here' in body[body.index("</h2>") :]
    assert body.count('class="run-here"') == 2 and "25 MB" in body
    elsewhere = "<h1>Adam</h1><p><em>Exercises</em></p><h2>Rates</h2>"
    assert publish.with_links(elsewhere, "lite/", 24.6, "lite/tasks").count("run-here-line") == 1
    assert publish.with_links(BODY, "lite/", 24.6).count("run-here-line") == 1  # exercises on paper only
    assert body.index("</h1>") < body.index("run-here") < body.index("<h2>")
    assert body.rindex("run-here") > body.index("</h2>") and body.endswith("<p>Three.</p>")


def pretend(tmp_path, runtime_folder, name="chapters/adam"):
    (tmp_path / "chapters").mkdir(exist_ok=True)
    (tmp_path / f"{name}.ipynb").write_text("{}")
    app = SimpleNamespace(
        srcdir=tmp_path, builder=SimpleNamespace(name="html"), add_css_file=lambda name: None,
        config=SimpleNamespace(lite_runtime=runtime_folder),
    )  # fmt: skip
    context = {"body": BODY, "pathto": lambda address, resource: f"../{address}"}
    publish._link(app, name, "page.html", context, None)
    return context["body"]


def test_without_a_runtime_a_page_shows_no_link(tmp_path, found):
    assert "run-here" not in pretend(tmp_path, "")
    assert pretend(tmp_path, str(found)).count('"../lite/index.html?notebook=adam"') == 1
    (tmp_path / "chapters" / "exercises").mkdir()
    (tmp_path / "chapters" / "exercises" / "adam.ipynb").write_text("{}")
    assert '"../lite/index.html?notebook=exercises/adam">Solve' in pretend(tmp_path, str(found))


def test_the_extension_looks_for_the_runtime_when_the_build_begins(tmp_path, found, monkeypatch):
    config = SimpleNamespace()
    monkeypatch.setenv("LITE_RUNTIME", str(found))
    publish._look(None, config)
    assert config.lite_runtime == str(found)
    monkeypatch.setenv("LITE_RUNTIME", str(tmp_path / "nowhere"))
    publish._look(None, config)
    assert config.lite_runtime == ""


def test_a_runtime_that_went_away_takes_lite_from_the_site(site, found, tmp_path):
    publish.write(site, found)
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters" / "references.bib").write_text("")
    app = SimpleNamespace(
        srcdir=tmp_path, outdir=site, builder=SimpleNamespace(name="html"),
        config=SimpleNamespace(lite_runtime=""),
    )  # fmt: skip
    publish._publish(app, None)
    assert not (site / "lite").exists()


def test_the_command_says_what_to_do_without_a_runtime(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LITE_RUNTIME", str(tmp_path / "nowhere"))
    assert publish.main([str(tmp_path)]) == 1
    assert "run `make lite`" in capsys.readouterr().err


def test_the_wheel_holds_what_the_grader_imports_and_no_more():
    needed = {"__init__.py", "curves.py", "marking.py", "people.py", "variants.py"}
    assert publish.grader_needed() == needed


def test_the_wheel_holds_what_the_kernel_asks_for():
    names = dict(publish.book_files())
    assert "dlcore/fashion_mnist/train-images-idx3-ubyte.gz" in names and "dlbook/explorer/live.py" in names
    assert "dlbook/grader/marking.py" in names
    assert not [name for name in names if name.startswith("dlbook/grader/judge")]
    assert not [name for name in names if "/source/" in name]
    assert "dlcore" in runtime.PACKAGES


@pytest.mark.skipif(not BUILDER.exists(), reason="jupyter-book is not installed")
def test_a_build_adds_lite_when_the_runtime_comes_and_takes_it_away_when_it_goes(found, tmp_path):
    """Twice the same book: a page that has not changed gets its link, and loses it, all the same."""
    book = tmp_path / "book"
    shutil.copytree(ROOT / "chapters" / "assets", book / "chapters" / "assets")
    shutil.copy(ROOT / "_config.yml", book)
    (book / "_toc.yml").write_text("format: jb-book\nroot: chapters/index\n")
    (book / "chapters" / "references.bib").write_text("")
    cells = [nbformat.v4.new_markdown_cell("# Lines\n\n## Exercises\n\nDraw one.")]
    python = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": python}),
        book / "chapters" / "index.ipynb",
    )
    for place, there in ((found, True), (tmp_path / "nowhere", False)):
        done = subprocess.run(
            [*JUPYTER_BOOK, "build", ".", "-W"], cwd=book, env=os.environ | {"LITE_RUNTIME": str(place)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:]
        html = book / "_build" / "html"
        page = (html / "chapters" / "index.html").read_text()
        assert page.count('href="../lite/index.html?notebook=index"') == there
        style = (html / "_static" / "site.css").read_text()  # where the build packs all style sheets
        assert ("run-here" in style) == (html / "lite").exists() == there
        if there:
            assert list(json.loads((html / "lite" / "pages.json").read_text())["pages"]) == ["index"]
            assert (html / "_static" / "run-here.css").is_file()
