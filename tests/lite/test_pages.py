"""The notebooks of lite: do they run in the browser, and tell a copy of an old edition?"""

import json
import re
from pathlib import Path

import pytest

from dlbook.lite import pages
from dlbook.notebooks import heading

COPIES = Path(__file__).parents[2] / "notebooks"


def written(target, copies, of="1 May 2026"):
    return pages.write(target, [(Path(name), json.dumps(copy)) for name, copy in copies.items()], of)


def notebook(*sources):
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "# A *title* of $x$"},
        *({"cell_type": "code", "metadata": {}, "source": source, "outputs": []} for source in sources),
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def test_a_notebook_asks_for_the_kernel_there_is_and_says_where_the_reader_is(tmp_path):
    live = pages.live(json.dumps(notebook("1")), "adam", "1 May 2026")
    assert live["metadata"]["kernelspec"]["name"] == "python"
    assert live["metadata"]["book"]["edition"] == "1 May 2026"
    assert "runs in your browser" in live["cells"][0]["source"] and live["cells"][0]["id"] == "live"
    assert live["cells"][2]["source"] == "1"


def test_a_slow_chapter_says_how_long_it_takes_and_begins_with_few_seeds(monkeypatch):
    measured = {"slow": (900, 4), "quick": (60, None), "calm": (900, None), "paced": (20, 4)}
    measured = {name: {"seconds": s, "seeds": k} for name, (s, k) in measured.items()}
    measured["stopped"] = {"seconds": None, "seeds": 4, "limit": 600}
    monkeypatch.setattr(pages, "MEASURED", measured)
    monkeypatch.setattr(pages, "ONE_SEED", ("heavy",))
    found = {
        name: pages.live(json.dumps(notebook(source)), name, "")["cells"]
        for name, source in {
            "slow": "runs = sweep(race)", "quick": "runs = sweep(race)", "new": "runs = sweep(race)",
            "exercises/slow": "runs = sweep(race)", "calm": "race()", "paced": "runs = sweep(race)",
            "stopped": "runs = sweep(race)", "heavy": "runs = sweep(race)",
        }.items()
    }  # fmt: skip
    first = {name: cells[0]["source"] for name, cells in found.items()}
    assert "about 15 minutes" in first["slow"] and "four seeds" in first["slow"]
    assert "several times slower" in first["new"] and "minutes" not in first["new"]
    assert "slower" not in first["quick"] and "slower" not in first["exercises/slow"]
    assert "about 15 minutes" in first["calm"] and "seeds" not in first["calm"]
    assert "four seeds" in first["paced"] and "minutes" not in first["paced"]
    assert "more than 10 minutes" in first["stopped"]
    assert "one seed," in first["heavy"]
    paced = {
        name: int(cells[1]["source"].partition("SWEEP_SEEDS=")[2])
        for name, cells in found.items()
        if "SWEEP_SEEDS=" in cells[1]["source"]
    }
    assert paced == {"slow": 4, "new": 4, "paced": 4, "stopped": 4, "heavy": 1}
    taken_out = '!["live", "pace"].includes(cell.id)'  # of a copy that is downloaded
    assert taken_out in (pages.Path(pages.__file__).parent / "assets" / "run.js").read_text()
    assert {cell.get("id") for cell in found["slow"][:2]} == {"live", "pace"}


def test_a_stored_text_is_whole_since_jupyterlite_would_show_its_lines_with_commas():
    copy = notebook("1", "2")
    copy["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["a\n", "b"]}]
    data = {"text/plain": ["c\n", "d"], "application/json": [1, 2]}
    copy["cells"][2]["outputs"] = [{"output_type": "display_data", "metadata": {}, "data": data}]
    said, shown = (c["outputs"][0] for c in pages.live(json.dumps(copy), "exercises/a", "")["cells"][2:4])
    assert said["text"] == "a\nb"
    assert shown["data"] == {"text/plain": "c\nd", "application/json": [1, 2]}


def test_a_change_of_the_book_changes_the_stamp_and_another_day_does_not(tmp_path):
    one = written(tmp_path / "a", {"adam.ipynb": notebook("1")}, of="1 May 2026")
    same = written(tmp_path / "b", {"adam.ipynb": notebook("1")}, of="2 May 2026")
    other = written(tmp_path / "c", {"adam.ipynb": notebook("2")}, of="2 May 2026")
    assert one["adam"]["copy"] == same["adam"]["copy"] != other["adam"]["copy"]
    assert one["adam"]["title"] == "A title of x"


def test_the_digest_of_the_sources_knows_no_outputs():
    one, other = notebook("α = 1", "2"), notebook("α = 1", "2")
    other["cells"][1]["outputs"] = [{"output_type": "stream", "text": "1"}]
    assert pages.sources_digest(one) == pages.sources_digest(other)
    assert pages.sources_digest(one) != pages.sources_digest(notebook("α = 2", "2"))
    in_lines = json.loads(json.dumps(one).replace('"2"', '["2"]'))
    assert pages.sources_digest(in_lines) == pages.sources_digest(one)


def test_the_listing_names_every_notebook_in_its_folder(tmp_path):
    found = written(tmp_path, {"adam.ipynb": notebook(), "exercises/adam.ipynb": notebook()})
    assert set(found) == {"adam", "exercises/adam"}
    top = json.loads((tmp_path / "api/contents/all.json").read_text())
    assert [(entry["path"], entry["type"]) for entry in top["content"]] == [
        ("adam.ipynb", "notebook"), ("exercises", "directory"),
    ]  # fmt: skip
    folder = json.loads((tmp_path / "api/contents/exercises/all.json").read_text())
    assert [entry["path"] for entry in folder["content"]] == ["exercises/adam.ipynb"]
    assert (tmp_path / "files/exercises/adam.ipynb").is_file()


@pytest.mark.parametrize(
    "path", sorted(COPIES.rglob("*.ipynb")), ids=lambda path: path.relative_to(COPIES).as_posix()
)
def test_every_copy_of_the_book_becomes_a_notebook(path):
    live = pages.live(
        path.read_text(encoding="utf-8"), path.relative_to(COPIES).with_suffix("").as_posix(), ""
    )
    assert all(isinstance(cell["source"], str) for cell in live["cells"])
    assert heading(live) != "Notebook"
    assert re.fullmatch("[0-9a-f]{8}", live["metadata"]["book"]["sources"])


def test_the_table_shows_what_was_measured():
    """`bench_lite.mjs` writes both; neither is typed."""
    table = (Path(pages.__file__).parent / "MEASURED.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\w+) \| \d+ \|(.*)\|$", table.partition("## Exercises")[0], re.MULTILINE))
    chapters = {name for name in pages.MEASURED if not name.startswith("exercises/")}
    assert set(rows) == chapters <= {path.stem for path in COPIES.glob("*.ipynb")}
    for name, row in rows.items():
        found = [part.strip() for part in row.split("|")]
        assert (
            str(pages.MEASURED[name]["seconds"] or f"stopped after {pages.MEASURED[name]['ran']}") in found[2]
        )
        assert found[-1] == str(pages.MEASURED[name]["differences"])
