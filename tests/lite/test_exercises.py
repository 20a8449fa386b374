"""Exercises under Pyodide: is every right answer accepted there, and every named mistake named?

In Node, all in one process; `test_lite.py` solves one in a browser. `-s` prints the CPU seconds of each.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dlbook.lite import publish, runtime

ROOT = Path(__file__).parents[2]
EXERCISES = sorted(path.stem for path in (ROOT / "notebooks" / "exercises").glob("*.ipynb"))
BENCHMARKS = ROOT / "tests" / "benchmarks"

pytestmark = [
    pytest.mark.skipif(not shutil.which("node"), reason="node is not installed"),
    pytest.mark.skipif(not runtime.at_hand(), reason="the browser's Python is not at hand: run `make lite`"),
]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Of each exercise what its cells said, with every task answered, and then some answered wrongly."""
    site = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "notebooks", site / "notebooks")
    publish.write(site, runtime.at_hand(), "1 May 2026")
    solved = []
    for name in EXERCISES:
        page = site / "lite" / "app" / "files" / "exercises" / f"{name}.ipynb"
        solved.append(site / f"{name}.ipynb")
        subprocess.run([sys.executable, BENCHMARKS / "solved.py", name, page, solved[-1]], check=True)
    done = subprocess.run(
        ["node", BENCHMARKS / "bench_lite.mjs", site, *solved],
        env=os.environ | {"LITE_ONE": "1"}, stdout=subprocess.PIPE, check=True, text=True,
    )  # fmt: skip
    found = {name: [] for name in EXERCISES}
    for line in done.stdout.splitlines():
        row = json.loads(line)
        found[Path(row["file"]).stem].append(row)
    return found


@pytest.mark.parametrize("name", EXERCISES)
def test_every_right_answer_is_accepted_and_every_mistake_named(ran, name):
    rows = ran[name]
    print(f"{name}: {len(rows)} cells, {sum(row['seconds'] for row in rows):.0f} s")
    assert len(rows) > 5
    assert [row["error"] for row in rows if row["error"] and not row["expects"]] == []
    unnamed = [row for row in rows if row["expects"] and row["expects"] not in f"{row['error']}{row['said']}"]
    assert unnamed == []


def test_some_mistakes_are_tried(ran):
    tried = {name: sum(bool(row["expects"]) for row in rows) for name, rows in ran.items()}
    assert sum(tried.values()) > 50
