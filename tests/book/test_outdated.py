"""What moved since the lock: the tables, and what is said without an index."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dlbook import outdated

ROOT = Path(__file__).parents[2]


def test_the_lock_is_read_whole():
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert len(outdated.pinned(lock)) == len([line for line in lock.splitlines() if "==" in line]) > 100


def test_names_are_the_same_however_they_are_spelled():
    assert outdated.moved(
        outdated.pinned("Jinja2==3.1\njupyter_core==5"), {"jinja2": "3.1", "jupyter-core": "6"}
    ) == [("jupyter-core", "5", "6")]


def test_failures_and_errors_are_read_from_a_run_of_pytest(tmp_path):
    tests = "import pytest\n@pytest.fixture\ndef broken():\n    raise OSError('no | disk')\n"
    tests += "def test_a(): assert 1 == 2, 'one is\\nnot two'\ndef test_b(broken): pass\ndef test_c(): pass\n"
    (tmp_path / "test_it.py").write_text(tests)
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", ".", "--junitxml=out.xml"]
    subprocess.run([*command, "test_it.py"], cwd=tmp_path, capture_output=True)
    rows = outdated.failed(tmp_path / "out.xml")
    assert [name for name, _ in rows] == ["test_it::test_a", "test_it::test_b"]
    assert rows[0][1].startswith("AssertionError: one is") and "no | disk" in rows[1][1]
    assert outdated.table(("test", "said"), rows).count("\n") == 3 and r"no \| disk" in outdated.table(
        (), rows
    )


@pytest.fixture
def no_index(monkeypatch):
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # nobody listens there


def test_without_an_index_one_sentence_says_so(tmp_path, monkeypatch, capsys, no_index):
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    monkeypatch.chdir(tmp_path)
    assert outdated.main([]) == 1
    assert (
        capsys.readouterr().out == "pip cannot reach its index, so nothing is known about newer packages.\n"
    )
