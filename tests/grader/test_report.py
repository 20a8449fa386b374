"""Report: pages that say what happened, and run nothing."""

import re
from types import SimpleNamespace

from dlbook.grader import report


def result(points, status="graded", message="", source="x = 1"):
    cells = [
        {
            "kind": "answer",
            "name": "std-answer",
            "type": "code",
            "source": source,
            "output": "7\n",
            "error": "",
            "pictures": [{"name": "", "kind": "image/png", "data": "iVBOR"}],
            "changed": False,
        },
        {
            "kind": "test",
            "name": "std",
            "type": "code",
            "source": "secret",
            "output": "",
            "error": "",
            "pictures": [],
            "changed": True,
        },
        {
            "kind": "plain",
            "name": None,
            "type": "markdown",
            "source": "notes",
            "output": "",
            "error": "",
            "pictures": [],
            "changed": False,
        },
    ]
    done = "passed" if points == 2 else "failed" if points is not None else "by hand"
    tasks = [
        {
            "task": "std",
            "points": points,
            "maximum": 2.0,
            "status": done if status == "graded" else status,
            "message": message,
            "title": "1 The std",
        }
    ]
    return {"tasks": tasks, "cells": cells if status == "graded" else [], "status": status}


def pages(results, comment=""):
    jobs = [SimpleNamespace(student=f"student {i}", exercise="adam") for i in range(len(results))]
    tasks = [[task | {"comment": comment} for task in one["tasks"]] for one in results]
    feedback = [report.feedback(*one) for one in zip(jobs, results, tasks, strict=True)]
    graded = [(job, one["status"], marked, []) for job, one, marked in zip(jobs, results, tasks, strict=True)]
    return report.summary(graded), feedback


def words(page):
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL).split())


def test_feedback_has_points_messages_code_and_pictures():
    _, (page,) = pages([result(0, message="this counts the outputs")], comment="See me.")
    text = words(page)
    assert (
        "0 of 2 points" in text
        and "1 The std" in text
        and "this counts the outputs" in text
        and "See me." in text
        and "x = 1 7" in text
    )
    assert "data:image/png;base64,iVBOR" in page and "secret" not in page and "notes" not in page
    assert "Yours differ from those that you were given" in text


def test_what_students_wrote_is_text():
    summary, (page,) = pages(
        [result(0, source="</pre><script>alert(1)</script>", message="<img src=x onerror=alert(1)>")]
    )
    for one in (page, summary):
        assert "<script" not in one and "<img src=x" not in one and "default-src 'none'" in one


def test_waiting_points_are_not_counted():
    _, (page,) = pages([result(None)])
    assert "0 of 2 points , 2 more to be graded by a person" in words(page)


def test_the_summary_counts_students_submissions_and_missed_checks():
    results = [
        result(2),
        result(2),
        result(0, message="this counts the outputs"),
        result(0, status="nothing submitted"),
        result(None),
    ]
    summary, _ = pages(results)
    text = words(summary)
    assert "adam 5 4 1 2 1" in text  # students, handed in, median of what was graded, of, waiting
    assert "nothing submitted 1" in text and "passed 2" in text
    assert "adam: std 3 67 % 2" in text and "std: this counts the outputs 1" in text
    assert 'href="feedback/student%200/adam.html"' in summary


def test_a_class_that_handed_in_nothing_has_a_summary_too():
    summary, _ = pages([result(0, status="nothing submitted")])
    assert "No task has been graded yet." in summary and "None was missed." in summary
