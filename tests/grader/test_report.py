"""Report: pages that say what happened, and run nothing."""

import re
from types import SimpleNamespace

from nbformat.v4 import new_markdown_cell
from test_cells import cell

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


def test_a_text_is_markdown_with_formulas_and_without_html():
    page = report.markdown(
        r"**Why** $\frac{1}{n}$ <script>x</script> ![p](http://e.org/p.png) $\unknown{x}$ [l](javascript:x)"
    )
    assert "<strong>Why</strong>" in page and 'alt="\\frac{1}{n}" src="data:image/svg+xml' in page
    assert "<script" not in page and "<img src=" not in page and "[p]" in page and "javascript" not in page
    assert r"<code>\unknown{x}</code>" in page


def source_of_adam():
    question = cell("# Adam\n\nHello.\n\n## 1 The std (2 points)\n\nCompute $x^2$.", new=new_markdown_cell)
    return {
        "cells": [
            question,
            cell("x = 1", "std-answer", solution=True),
            cell("secret", "std", grade=True, points=2),
        ]
    }


def test_feedback_shows_questions_new_cells_and_pasted_pictures():
    one = result(0)
    pasted = {"name": "plot.png", "kind": "image/jpeg", "data": "AAAA"}
    one["cells"][2] |= {"added": True, "pictures": [pasted], "source": "My *own* notes"}
    job = SimpleNamespace(student="ann", exercise="adam")
    page = report.feedback(
        job, one, [task | {"comment": ""} for task in one["tasks"]], source_of_adam(), ["found as x.ipynb"]
    )
    assert "<h2>1 The std (2 points)</h2>" in page and "Hello." not in page and "data:image/svg+xml" in page
    assert (
        "My <em>own</em> notes" in page
        and 'src="data:image/jpeg;base64,AAAA"' in page
        and "found as x.ipynb" in page
    )


def test_a_page_that_says_the_same_is_not_written_again(tmp_path):
    one, job = result(2) | {"digest": "d"}, SimpleNamespace(student="ann", exercise="adam")
    tasks = [task | {"comment": ""} for task in one["tasks"]]
    path = tmp_path / "feedback" / "ann" / "adam.html"
    report.write_feedback(tmp_path, job, one, tasks, source_of_adam(), [])
    before = path.stat().st_mtime_ns
    report.write_feedback(tmp_path, job, one, tasks, source_of_adam(), [])
    assert path.stat().st_mtime_ns == before
    report.write_feedback(
        tmp_path, job, one, [task | {"comment": "New"} for task in tasks], source_of_adam(), []
    )
    assert path.stat().st_mtime_ns != before and "New" in path.read_text()


def several(answers, points=(2, 2, 0), messages=("", "", "is 3, not 4")):
    graded = []
    for i, (answer, earned, message) in enumerate(zip(answers, points, messages, strict=True)):
        task = {"task": "std", "points": earned, "maximum": 2, "status": "passed" if earned else "failed"}
        other = {
            "task": "more",
            "points": earned / 2,
            "maximum": 1,
            "status": "passed",
            "message": "",
            "answer": "",
        }
        tasks = [task | {"message": message, "answer": answer, "comment": ""}, other]
        graded.append((SimpleNamespace(student=f"student {i}", exercise="adam"), "graded", tasks, []))
    return report.summary(graded)


LONG = (
    "def f(x, y):\n    total = 0\n    for i in range(len(x)):\n"
    "        total += x[i] * y[i] - x[i] / (1 + y[i])\n    return total"
)


def test_code_that_is_alike_but_for_the_names_is_pointed_out_and_short_code_is_not():
    renamed = LONG.replace("total", "summe").replace("x", "a").replace("    return", "    # mine\n    return")
    page = several([LONG, renamed, LONG.replace("1 +", "2 +")])
    assert (
        "accuses nobody" in page
        and "adam: std: student 0, student 1" in page
        and "student 1, student 2" not in page
    )
    assert "accuses nobody" not in several(["x = 1", "y = 1", "z = 1"])


def test_mistakes_are_counted_by_kind_and_tasks_correlated():
    page = words(several(["", "", ""], points=(0, 2, 0), messages=("is 3.5, not 4", "", "is 12, not 4")))
    assert "std: is …, not … 2" in page and "adam: std 3 33 % 1 1.00" in page


def test_what_a_person_should_look_at_comes_first():
    job = SimpleNamespace(student="ann", exercise="adam")
    task = {
        "task": "std",
        "points": None,
        "maximum": 2,
        "status": "not a notebook",
        "message": "",
        "comment": "",
        "answer": "",
    }
    page = words(report.summary([(job, "not a notebook", [task], ["found as x"])]))
    assert "For you to look at student exercise why ann adam not a notebook; found as x" in page
