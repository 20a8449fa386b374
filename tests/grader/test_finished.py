"""Finished: a second run judges what is new or could gain, and nothing else."""

import shutil
import signal
import subprocess
import sys
import time

import pytest
from classes import Class, notebook
from clocks import at_the_machine_s_pace
from test_sandbox import needs_sandbox

from dlbook.grader import tables
from dlbook.grader.grade import finished
from dlbook.grader.grade.crew import Crew

pytestmark = [needs_sandbox, pytest.mark.usefixtures("warm_judges")]


def times(klass):
    return {path: path.stat().st_mtime_ns for path in (klass.out / "results").glob("*/*.json")}


def test_a_second_run_repeats_nothing_and_a_new_submission_is_judged(klass, monkeypatch):
    for student in ("ann", "bob"):
        klass.hand_in(student)
    klass.grade()
    kept = times(klass)
    klass.hand_in("bob", notebook("mine = 1"))
    klass.hand_in("eve")
    judged, judge = [], Crew._judge
    monkeypatch.setattr(Crew, "_judge", lambda crew, job: judged.append(job.student) or judge(crew, job))
    table = klass.grade()
    assert sorted(judged) == ["bob", "eve"]
    assert [table[student]["mine"][0] for student in ("ann", "bob", "eve")] == [2, 0, 2]
    again = times(klass)
    assert [path.parent.name for path in kept if again[path] != kept[path]] == ["bob"]


def test_a_run_that_was_stopped_goes_on_where_it_was(klass):
    for i in range(12):
        klass.hand_in(f"student {i}")
    command = [sys.executable, "-m", "dlbook.grader.grade", str(klass.folder / "in"), str(klass.out)]
    command += ["--source", str(klass.source), "--jobs", "1"]
    run = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 600
    while len(times(klass)) < 2:
        assert time.monotonic() < deadline and run.poll() is None
        time.sleep(0.02)
    run.send_signal(signal.SIGINT)
    assert "the same command goes on from there" in run.communicate(timeout=600)[1]
    assert run.returncode == 130
    kept = times(klass)
    assert 2 <= len(kept) < 12
    subprocess.run(command, check=True, capture_output=True)
    again = times(klass)
    assert len(again) == 12 and {path: again[path] for path in kept} == kept
    assert len([*tables.read(klass.out / "grades.csv")]) == 12 * 2  # two tasks each


@pytest.mark.parametrize("file", ["judge/hidden.py", "judge/rounds.py", "worker.py", "marking.py"])
def test_a_result_is_not_kept_when_a_file_that_judges_has_changed(klass, monkeypatch, file):
    here = klass.folder / "grader"
    shutil.copytree(finished._GRADER, here, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(finished, "_GRADER", here)
    source = klass.source / "small" / "small.ipynb"
    before = finished._rules.__wrapped__(source, ())
    assert finished._rules.__wrapped__(source, ()) == before
    with open(here / file, "a", encoding="utf-8") as changed:
        changed.write("# changed\n")
    assert finished._rules.__wrapped__(source, ()) != before


def test_later_attempts_are_named_and_not_judged(klass):
    klass.hand_in("ann", notebook("mine = 1"))
    assert klass.grade(attempts=1)["ann"]["mine"] == (0, "failed")
    klass.hand_in("ann")
    assert klass.grade(attempts=1)["ann"]["mine"] == (0, "failed")
    assert "1 attempt counts" in (klass.out / "totals.csv").read_text()
    assert klass.grade(attempts=2)["ann"]["mine"] == (2, "passed")
    klass.hand_in("ann", notebook("mine = 1"))
    assert klass.grade(attempts=2)["ann"]["mine"] == (2, "passed")
    with pytest.raises(ValueError, match="attempts must be at least 1, got 0"):
        klass.grade(attempts=0)


def test_a_longer_clock_judges_again_what_was_cut_and_nothing_else(tmp_path):
    def check(unit):
        klass = Class(tmp_path / f"{unit}")
        klass.hand_in("slow", notebook(f"import time\ntime.sleep({3 * unit})\nmine = 2 * my.n"))
        klass.hand_in("fast")
        assert klass.grade(cell_seconds=unit, seconds=30 * unit)["slow"]["mine"][0] == 0
        fast = (klass.out / "results" / "fast" / "small.json").stat().st_mtime_ns
        assert klass.grade(cell_seconds=12 * unit, seconds=60 * unit)["slow"]["mine"] == (2, "passed")
        assert (klass.out / "results" / "fast" / "small.json").stat().st_mtime_ns == fast

    at_the_machine_s_pace(check)
