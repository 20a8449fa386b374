import os
import subprocess
import sys

import numpy as np
import pytest

from dlcore import compiling

DOUBLED = """def doubled(x):
    for i in range(x.size):
        x[i] += x[i]
"""
COMPILE = f"""
import numpy as np
from dlcore.compiling import machine_code
x = np.ones(3, np.float32)
doubled = machine_code({DOUBLED!r}, "doubled", (x,))
print(sum(doubled.stats.cache_hits.values()), sum(doubled.stats.cache_misses.values()), x[2])
"""


def test_a_second_process_finds_the_compiled_loop_and_a_changed_source_is_written_again(tmp_path):
    pytest.importorskip("numba", reason="pip install dlcore[fast]")

    def printed():
        environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", COMPILE], env=environment, capture_output=True, text=True
        )
        assert done.stderr == ""
        return done.stdout.split()

    assert printed() == ["0", "1", "2.0"]
    assert printed() == ["1", "0", "2.0"]
    (source,) = (tmp_path / "dlcore").glob("loop_*.py")
    source.write_text("raise SystemExit('another program')")
    assert printed()[2] == "2.0"
    source.unlink(), source.mkdir()  # what cannot be written is compiled in memory
    assert printed()[::2] == ["0", "2.0"]


def test_without_numba_there_is_no_machine_code(monkeypatch):
    monkeypatch.setattr(compiling, "available", lambda: False)
    assert not compiling.usable()
    assert compiling.machine_code(DOUBLED, "doubled", (np.ones(3),)) is None


def test_a_folder_that_is_only_called_numba_is_not_numba(tmp_path, monkeypatch):
    (tmp_path / "numba").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    assert not compiling.available.__wrapped__()


def test_after_one_failure_nothing_is_compiled_and_one_warning_says_why(failing_numba):
    with pytest.warns(RuntimeWarning, match=failing_numba) as said:
        for _ in range(2):
            assert compiling.machine_code(DOUBLED, "doubled", (np.ones(3),)) is None
    assert len(said) == 1 and not compiling.usable()
