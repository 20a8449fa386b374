"""The desk: marks are saved at once, beside what is there, and only from this machine's own page."""

import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook
from test_cells import cell

from dlbook.grader import marks, tables
from dlbook.grader.desk import Desk, main, serve

CHROMIUM = Path("/usr/bin/chromium")
RUBRIC = (
    "## 2 Explain (4 points)\n\nWhy $x^2$?\n\n"
    "*Rubric.* One point each: the sign; the size $2^{-30}$; a number; a reason."
)


@pytest.fixture
def out(tmp_path):
    """Two students' results of an exercise with one task for a person."""
    source = [
        new_markdown_cell(RUBRIC),
        cell("Because.", "why", new_markdown_cell, grade=True, solution=True, points=4),
    ]
    (tmp_path / "source" / "small").mkdir(parents=True)
    path = tmp_path / "source" / "small" / "small.ipynb"
    path.write_text(nbformat.writes(new_notebook(cells=source)))
    for student in ("ann", "Zoë & <b>"):
        task = {
            "task": "why",
            "points": None,
            "maximum": 4.0,
            "status": "by hand",
            "answer": "so **so** <script>x</script>",
        }
        result = {"tasks": [task], "cells": [], "status": "graded"}
        tables.replace(tmp_path / "out" / "results" / student / "small.json", json.dumps(result))
    return tmp_path / "out"


@pytest.fixture
def desk(out):
    server, address = serve(Desk(out, out.parent / "source"))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield address
    server.shutdown()
    server.server_close()


def opened(address, form=None, **headers):
    data = urllib.parse.urlencode(form).encode() if form else None
    with urllib.request.urlopen(urllib.request.Request(address, data, headers)) as answer:
        return answer.read().decode(), answer


def test_the_page_shows_question_answer_and_rubric_and_runs_nothing_of_theirs(desk):
    overview, _ = opened(desk)
    assert "2 Explain" in overview and 'href="small/why/0"' in overview
    page, answer = opened(desk + "small/why/0")
    assert page.count('class="part" value="1"') == 4 and "<strong>so</strong>" in page
    assert "<script>x" not in page and "&lt;script&gt;x" in page and "data:image/svg+xml" in page
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "script-src 'nonce-" in answer.headers["Content-Security-Policy"]


def test_a_formula_in_a_rubric_is_a_picture(desk):
    page, _ = opened(desk + "small/why/0")
    line = next(one for one in page.splitlines() if "the size" in one)
    assert (
        "$" not in line.replace('alt="$2^{-30}$"', "") and "data:image/svg+xml" in line and "<p>" not in line
    )


def test_a_mark_is_written_at_once_and_nothing_else_is_lost(desk, out):
    tables.write(
        out / "by_hand.csv",
        marks.COLUMNS,
        [dict(zip(marks.COLUMNS, ("ann", "small", "why", 4, 1, "mine", "")))],
    )
    page, _ = opened(desk + "small/why/0", {"points": "2,5", "comment": "Good,\nbut =short"})
    assert "0 of" not in page
    rows = {row["student"]: row for _, row in tables.read(out / "by_hand.csv")}
    assert rows["Zoë & <b>"]["points"] == "2.5" and rows["Zoë & <b>"]["comment"] == "Good,\nbut =short"
    assert (rows["ann"]["points"], rows["ann"]["comment"]) == ("1", "mine")
    assert rows["Zoë & <b>"]["answer"] == marks.fingerprint("so **so** <script>x</script>")


def test_points_that_cannot_be_are_refused_and_the_comment_kept(desk, out):
    page, _ = opened(desk + "small/why/0", {"points": "5", "comment": "typed"})
    assert "points must be between 0 and 4" in page and "typed" in page and not (out / "by_hand.csv").exists()


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}])
def test_other_pages_cannot_mark(desk, out, headers):
    with pytest.raises(urllib.error.HTTPError, match="403"):
        opened(desk + "small/why/0", {"points": "4", "comment": ""}, **headers)
    assert not (out / "by_hand.csv").exists()


@pytest.mark.parametrize(
    "path, status", [("small/why/9", 404), ("small/no/0", 404), ("../x/", 403), ("", 200)]
)
def test_an_address_that_nobody_was_given_shows_nothing(desk, path, status):
    address = desk.rsplit("/", 2)[0] + "/x/" if path.startswith("..") else desk + path
    if status == 200:
        assert opened(address)[1].status == 200
    else:
        with pytest.raises(urllib.error.HTTPError, match=str(status)):
            opened(address)


def test_names_can_be_hidden(out):
    shown = Desk(out, out.parent / "source", anonymous=True).show("small", "why", 0)
    assert shown["student"] == "Answer 1" and "ann" not in str(
        {k: shown[k] for k in ("title", "student", "answer")}
    )


def test_nothing_to_grade_is_said(tmp_path, out, capsys):
    assert main([str(tmp_path / "empty"), "--source", str(out.parent / "source")]) == 2
    assert "no answer is there for a person to grade" in capsys.readouterr().err


@pytest.fixture
def page(desk):
    """The desk's first answer in a browser."""
    sync_api = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.goto(desk + "small/why/0")
        yield page
        browser.close()


def test_a_class_is_graded_with_the_keyboard_alone(page, out):
    press = page.keyboard.press
    press("1")
    press("3")
    assert page.locator("#points").input_value() == "2"
    press("3")  # taken back
    assert page.locator("#points").input_value() == "1"
    press("n")
    page.wait_for_url("**/small/why/1")
    assert page.locator("h1").inner_text() == "ann"
    press("p")
    page.wait_for_url("**/small/why/0")
    assert not (out / "by_hand.csv").exists()  # looking marks nothing
    press("2")
    page.locator("#comment").focus()
    page.keyboard.type("1 point: no number")  # digits and letters are text here
    press("Control+Enter")
    page.wait_for_url("**/small/why/1")
    assert page.locator("text=2 of 2, 1 waiting").count() == 1
    for key in ("1", "2", "3", "4", "Control+Enter"):
        press(key)
    page.wait_for_url(lambda url: url.count("/") == 4)  # the overview
    rows = {row["student"]: row for _, row in tables.read(out / "by_hand.csv")}
    assert (rows["Zoë & <b>"]["points"], rows["Zoë & <b>"]["comment"]) == ("1", "1 point: no number")
    assert rows["ann"]["points"] == "4"
    assert "0" in page.locator("td").last.inner_text()


def test_points_that_tests_gave_and_a_person_confirms_need_a_comment(tmp_path):
    code = "def step(x):\n    return x"
    source = [
        new_markdown_cell("## 1 Write it (2 points)\n\nWrite it."),
        cell(code, "step-answer", solution=True),
        cell("pass", "step", grade=True, locked=True, points=2),
    ]
    path = tmp_path / "source" / "small" / "small.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(nbformat.writes(new_notebook(cells=source)))
    task = {"task": "step", "points": None, "maximum": 2.0, "status": "calls dlcore.optimizers.Adam"}
    task |= {"message": "your code calls dlcore.optimizers.Adam", "answer": code}
    result = {"tasks": [task], "cells": [], "status": "graded"}
    tables.replace(tmp_path / "out" / "results" / "ann" / "small.json", json.dumps(result))
    desk = Desk(tmp_path / "out", tmp_path / "source")
    answer = desk.show("small", "step", 0)["answer"]
    assert "your code calls dlcore.optimizers.Adam" in answer and "<pre>" in answer
    with pytest.raises(ValueError, match="say in the comment why your points count"):
        desk.save("small", "step", 0, "2", " ")
    desk.save("small", "step", 0, "1", "half of it is yours")
    ((_, row),) = tables.read(tmp_path / "out" / "by_hand.csv")
    assert (row["points"], row["comment"]) == ("1", "half of it is yours")


def test_hidden_names_are_hidden_in_the_sheet_too_and_the_marks_come_back(out):
    hidden = Desk(out, out.parent / "source", anonymous=True)
    hidden.save("small", "why", 0, "3", "good")
    ((_, row), *_) = [one for one in tables.read(out / "by_hand.csv") if one[1]["points"]]
    assert row["student"].startswith("anon-") and "ann" not in (out / "by_hand.csv").read_text().replace(
        "anon-", ""
    )
    seen = Desk(out, out.parent / "source")
    marked = [seen.show("small", "why", i) for i in range(2)]
    assert sorted(str(one["points"]) for one in marked) == ["3.0", "None"]
