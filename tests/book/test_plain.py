"""A plain copy reads right where nothing knows MyST: CommonMark, pictures, and a cell that installs."""

import html
import os
import re
import shutil
import subprocess
import sys
import zipfile
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from markdown_it import MarkdownIt
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import leaks
from dlbook import plain
from dlbook.explorer.explorer import MIME
from dlbook.grader import release
from dlbook.notebooks import normalized
from dlbook.references import Reference
from dlbook.reproducible import PINNED

ROOT = Path(__file__).parents[2]
CHAPTERS = ROOT / "chapters"
SOURCES = [
    path for folder in ("", "deeper", "exercises") for path in sorted((CHAPTERS / folder).glob("*.ipynb"))
]
BOX = """::::{admonition} Predict
:class: predict

How far?

:::{dropdown} Answer
Twice.
:::
::::

And on."""
QUOTED = """> **Predict**
>
> How far?
>
> <details><summary>Answer</summary>
>
> Twice.
>
> </details>

And on."""


def shown(text):
    """What a renderer of CommonMark and of tables shows of Markdown, without code and formulas."""
    page = (
        MarkdownIt("commonmark", {"html": True})
        .enable("table")
        .render(re.sub(r"\$\$.*?\$\$|\$[^$]+\$", "", text, flags=re.DOTALL))
    )
    page = re.sub(r"<(pre|code)\b.*?</\1>", "", page, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", "", page))


MARKUP = r":::|\{[a-zA-Z:-]+\}|^\([\w-]+\)=|^:[\w-]+:|\]\(|\{\{"


def texts(notebook):
    for i, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            yield i, cell.source
        for output in cell.get("outputs", []):
            yield i, output.get("data", {}).get("text/markdown", "")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(CHAPTERS).as_posix())
def test_a_copy_shows_nothing_of_myst(path):
    notebook = nbformat.read(path, as_version=4)
    copy = plain.copied(notebook, path.relative_to(ROOT).as_posix())
    seen = {i: re.findall(MARKUP, shown(text), re.MULTILINE) for i, text in texts(copy)}
    assert {i: found for i, found in seen.items() if found} == {}


def test_the_copies_in_the_repository_are_what_the_chapters_say():
    folder = ROOT / "notebooks"
    stored = {
        path.relative_to(folder): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.suffix in (".ipynb", ".md") and ".ipynb_checkpoints" not in path.parts
    }
    derived = dict(plain.copies(CHAPTERS, plain.site_address(ROOT / "_config.yml")))
    stale = [name.as_posix() for name in {*stored, *derived} if stored.get(name) != derived.get(name)]
    assert sorted(stale) == [], "run `make copies`"


def test_boxes_become_quotations_and_answers_fold():
    assert plain.markdown(BOX) == QUOTED
    assert plain.markdown(BOX.replace("::::", ":::")) == QUOTED
    page = MarkdownIt("commonmark", {"html": True}).render(QUOTED)
    assert page.startswith("<blockquote>") and "<summary>Answer</summary>" in page and "<p>Twice.</p>" in page
    assert plain.markdown(":::{admonition} Why?\n:class: dropdown\nSo.\n:::").startswith(
        "<details><summary>Why?"
    )


def test_code_and_formulas_stay_as_they_are():
    text = "```python\n:::{odd}\nx = {1}\n```\n\n$a_{t}$ and `{cite:t}`, `a`: `b`\n\n$$\\frac{1}{2}$$"
    assert plain.markdown(text) == text


@pytest.mark.parametrize(
    "text, message",
    [
        (":::{figure} a.png\n:::", "knows no directive {figure}"),
        (":::{admonition} A\n:name: x\n:::", "knows no directive {admonition} with the options name"),
        (":::{dropdown} A\nB", "nothing closes ':::{dropdown} A'"),
        ("```{note}\n:::{math}\n:::\n```", "knows no directive {math}"),
        ("See {cite:t}`he2015`.", "knows no role '{cite:t}`he2015`'"),
        ("It is {glue:text}`loss`.", "knows no role '{glue:text}`loss`'"),
        ("(here)=\n# A", "knows no target '(here)='"),
        ("$$x$$ (eq-x)", "knows no target '$$ (eq-x)'"),
        ("So.[^1]", "knows no footnote"),
        ("term\n: meaning", "knows no definition list"),
        ("{{ name }}", "knows no substitution"),
    ],
)
def test_what_has_no_plain_form_is_refused_with_chapter_and_cell(text, message):
    notebook = new_notebook(cells=[new_markdown_cell("# Title"), new_markdown_cell(text)])
    with pytest.raises(ValueError, match=re.escape("chapters/adam.ipynb, cell 1: ")) as refused:
        plain.copied(notebook, "chapters/adam.ipynb")
    assert message in str(refused.value)


def test_raw_markup_in_a_sentence_is_refused_with_chapter_and_cell():
    said = new_output(
        "execute_result", {"text/markdown": "As {cite:t}`he2015` has it: 3."}, execution_count=1
    )
    notebook = new_notebook(cells=[new_code_cell("say(...)", outputs=[said])])
    with pytest.raises(ValueError, match="chapters/adam.ipynb, cell 0: a plain copy knows no role"):
        plain.copied(notebook, "chapters/adam.ipynb")


def test_a_citation_leads_to_its_source_and_a_term_to_the_site():
    references = {
        "he2015": Reference("he2015", ("He",), "2015", "", "https://arxiv.org/abs/1502.01852"),
        "ng2018": Reference("ng2018", ("Ng",), "2018", ""),
    }
    text = "[He](../references.md#he2015) [Ng](references.md#ng2018) [rate](glossary.md#learning-rate)"
    site = "https://book.org/chapters"
    assert plain.links(text, references, "https://book.org") == (
        f"[He](https://arxiv.org/abs/1502.01852) [Ng]({site}/references.html#ng2018) "
        f"[rate]({site}/glossary.html#learning-rate)"
    )
    assert plain.links("[rate](../glossary.md#learning-rate) [Adam](adam.ipynb)") == (
        "[rate](../glossary.md#learning-rate) [Adam](adam.ipynb)"
    )


def drawn(source="explore(draw)", sentence="It falls."):
    data = {
        "text/plain": sentence,
        MIME: {"frames": ["frame-1.svg"], "start": 0, "sentences": ["It falls."]},
    }
    return new_notebook(
        cells=[
            new_markdown_cell("# Title"),
            new_code_cell(source, outputs=[new_output("display_data", data)]),
        ]
    )


def test_a_figure_without_a_picture_says_its_sentence_as_text_that_wraps():
    notebook = drawn()
    notebook.cells[-1].outputs[0].data["text/plain"] = "It_falls by 3 * 4 <= 12 $ or [so]."
    (output,) = (output for cell in plain.copied(notebook, "x").cells for output in cell.get("outputs", []))
    page = MarkdownIt("commonmark").render(output.data["text/markdown"])
    said = html.unescape(re.sub(r"<[^>]+>", "", page)).strip()
    assert said == "The figure says: It_falls by 3 * 4 <= 12 $ or [so]."


def test_a_figure_becomes_its_default_picture():
    copy = plain.copied(drawn(), "x", picture=lambda bundle: f"<svg>{bundle['frames'][0]}</svg>")
    assert copy.cells[2].outputs[0].data == {
        "text/plain": "It falls.",
        "image/svg+xml": "<svg>frame-1.svg</svg>",
    }
    nbformat.validate(copy)


def run(cell, here, **names):
    """Run the first cell of a copy where dlcore is missing; return what it would install."""
    asked = []
    source = re.sub(r"^( *)%pip (.*)$", r"\1pip(f'''\2''')", cell.source, flags=re.MULTILINE)
    source = source.replace("Path(folder)", f"(Path({str(here)!r}) / folder)")
    source = source.replace("importlib.util.find_spec(name)", "name in there")
    exec(source, {"pip": asked.append, "there": (), **names})
    return asked


def test_the_first_cell_installs_from_the_wheel_beside_it_or_from_the_address(tmp_path):
    there = ("dlcore", "dlbook", "matplotlib", "ipywidgets")
    cell = plain.copied(drawn(), "x", address="https://book.org").cells[0]
    assert run(cell, tmp_path, there=there) == []
    (asked,) = run(cell, tmp_path)
    assert re.fullmatch(
        r'install --quiet "dlcore\[notebook\] @ https://book.org/notebooks/dlcore-[\d.]+-py3-none-any.whl"',
        asked,
    )
    wheel = tmp_path / "dlcore-0.1.0-py3-none-any.whl"
    wheel.touch()
    assert run(cell, tmp_path) == [f'install --quiet "dlcore[notebook] @ {wheel.as_uri()}"']
    (tmp_path / "exercises").mkdir()
    assert run(cell, tmp_path / "exercises") == [f'install --quiet "dlcore[notebook] @ {wheel.as_uri()}"']
    wheel.unlink()
    with pytest.raises(
        ImportError, match=r"put the file dlcore-[\d.]+-py3-none-any.whl beside this notebook"
    ):
        run(plain.copied(drawn(), "x").cells[0], tmp_path)


@pytest.fixture
def book(tmp_path):
    """What a build has left of a book with one chapter, one exercise and a page."""
    for name in ("book/chapters/exercises", "build/html/_images", "build/jupyter_execute/chapters"):
        (tmp_path / name).mkdir(parents=True)
    chapters = tmp_path / "book" / "chapters"
    (chapters / "references.bib").write_text("")
    (chapters / "notation.md").write_text("# Notation\n")
    nbformat.write(drawn("stored"), chapters / "lines.ipynb")
    nbformat.write(drawn("task"), chapters / "exercises" / "lines.ipynb")
    ran = drawn("stored", "It ran.")
    get_cache(tmp_path / "cache").cache_notebook_bundle(
        CacheBundleIn(ran, "lines.ipynb"), check_validity=False
    )
    for name in ("lines", "exercises/lines"):
        read = drawn("stored")
        read.metadata["mystnb"] = {"execution_cache_path": str(tmp_path / "cache")}
        path = tmp_path / "build/jupyter_execute/chapters" / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        nbformat.write(read, path)
    (tmp_path / "build/html/_images/frame-1.svg").write_text("<svg/>")
    return SimpleNamespace(
        srcdir=tmp_path / "book", outdir=tmp_path / "build/html", builder=SimpleNamespace(format="html"),
        config=SimpleNamespace(html_baseurl=None),
    )  # fmt: skip


def test_a_build_writes_copies_with_pictures_and_removes_old_ones(book):
    old = book.outdir / "notebooks" / "gone.ipynb"
    old.parent.mkdir()
    old.touch()
    plain._publish(book, None)
    names = {path.relative_to(old.parent).as_posix() for path in old.parent.rglob("*.*")}
    assert names == {"lines.ipynb", "exercises/lines.ipynb", "notation.md"}
    chapter = nbformat.read(old.parent / "lines.ipynb", as_version=4)
    assert chapter.cells[2].outputs[0].data == {"text/plain": "It ran.", "image/svg+xml": "<svg/>"}
    assert "mystnb" not in chapter.metadata


def test_the_download_button_serves_the_copy(book):
    button = {"label": "download-source-button", "url": "../_sources/chapters/lines.ipynb"}
    context = {"header_buttons": [{"buttons": [button]}], "pathto": lambda name, resource: f"../{name}"}
    plain._download(book, "chapters/lines", None, context, None)
    assert button["url"] == "../notebooks/lines.ipynb"
    plain._download(book, "chapters/exercises/lines", None, context, None)
    assert button["url"] == "../notebooks/exercises/lines.ipynb"
    plain._download(book, "search", None, context, None)
    assert button["url"] == "../notebooks/exercises/lines.ipynb"


def test_windows_line_ends_make_the_same_copy(book):
    chapter = book.srcdir / "chapters" / "lines.ipynb"
    before = dict(plain.copies(chapter.parent))
    chapter.write_bytes(chapter.read_bytes().replace(b"\n", b"\r\n"))
    assert dict(plain.copies(chapter.parent)) == before


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive")
    (folder / "copies" / "exercises").mkdir(parents=True)
    (folder / "copies" / "exercises" / "lines.ipynb").write_text("{}")
    try:
        plain.archive(folder / "notebooks.zip", folder / "copies", ROOT)
    except RuntimeError as error:  # pip builds a wheel with a setuptools that it must fetch
        pytest.skip(str(error)[-200:])
    with zipfile.ZipFile(folder / "notebooks.zip") as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked" / "notebooks"


def test_the_archive_holds_copies_a_wheel_and_where_to_start(packed):
    (wheel,) = packed.glob("dlcore-*.whl")
    assert (packed / "exercises" / "lines.ipynb").read_text() == "{}"
    assert wheel.name in (packed / "START.txt").read_text()
    names = zipfile.ZipFile(wheel).namelist()
    assert "dlcore/optimizers.py" in names or any(name.startswith("dlcore/optimizers/") for name in names)
    assert any(name.startswith("dlbook/explorer/assets/") for name in names)


def test_a_chapter_runs_in_an_empty_environment_as_start_txt_says(packed, tmp_path):
    """With a kernel and nbclient in place of the JupyterLab that would start them."""
    (wheel,) = packed.glob("dlcore-*.whl")
    assert f'env/bin/pip install jupyterlab "{wheel.name}[notebook]"' in (packed / "START.txt").read_text()
    shutil.copy(ROOT / "notebooks" / "index.ipynb", tmp_path)
    python = tmp_path / "env" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--retries", "1", "nbclient", "ipykernel"]
    done = subprocess.run([*pip, f"{wheel}[notebook]"], capture_output=True, text=True)
    if "No matching distribution" in done.stderr and "connection" in done.stderr.lower():
        pytest.skip("pip cannot reach its index")
    assert done.returncode == 0, done.stderr[-2000:]
    clean = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C"} | PINNED
    execute = [
        python.parent / "jupyter-execute",
        "--timeout",
        "300",
        "--output",
        "{notebook_name}-run",
        "index.ipynb",
    ]
    done = subprocess.run(execute, cwd=tmp_path, env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    told = [
        [(output.get("text"), output.get("data", {}).get("text/plain")) for output in cell.outputs]
        for name in ("index-run.ipynb", "index.ipynb")
        for cell in normalized(nbformat.read(tmp_path / name, as_version=4)).cells
        if cell.cell_type == "code"
    ]
    half = len(told) // 2
    assert any(told) and told[:half] == told[half:]


def test_the_wheel_holds_no_solution_and_no_hidden_test(packed):
    """It is built of the working tree, untracked files and all."""
    (wheel,) = packed.glob("dlcore-*.whl")
    with zipfile.ZipFile(wheel) as files:
        names = files.namelist()
        held = "\n".join(files.read(name).decode("utf-8", "replace") for name in names)
    held = "\n".join(line.strip() for line in held.splitlines() if line.strip())
    exercises = release.exercises(source=leaks.SOURCE)
    hidden, solved = (
        [block for exercise in exercises for block in leaks.hidden_blocks(exercise, kind)]
        for kind in ("HIDDEN TESTS", "SOLUTION")
    )
    tests = [line for block in hidden for line in block if len(line) > 50]
    # one line of a solution may be one of the library's
    solutions = ["\n".join(pair) for block in solved for pair in pairwise(block)]
    solutions = [pair for pair in solutions if len(pair) > 80]
    assert len(tests) > 100 and len(solutions) > 100
    assert leaks.leaked(tests + solutions, held) == set()
    assert not [name for name in names if name.endswith(".ipynb")]


def test_the_unpacked_library_imports_alone(packed, tmp_path):
    (wheel,) = packed.glob("dlcore-*.whl")
    code = f"import sys; sys.path.insert(0, {str(wheel)!r}); import dlbook, dlcore; print(dlbook.__file__)"
    done = subprocess.run([sys.executable, "-Ic", code], cwd=tmp_path, capture_output=True, text=True)
    assert wheel.name in done.stdout, done.stderr
