"""A job and its result pass between two processes as JSON."""

import json
from dataclasses import asdict

from nbformat.v4 import new_notebook
from small import FULL, SOURCE

from dlbook.grader.judge.job import Job, Task, unrun


def test_a_job_is_the_same_at_the_other_end():
    job = Job("a.ipynb", "b.ipynb", "small", "Zoë", ids={"small": ["one"]}, cell_seconds=2.5, skip=["one"])
    assert Job(**json.loads(json.dumps(asdict(job)))) == job


def test_what_was_not_run_has_the_same_status_and_points_for_every_task():
    result = unrun(new_notebook(cells=SOURCE), None, "too large", "read it by hand")
    tasks = [Task(**task) for task in result["tasks"]]
    assert [task.task for task in tasks] == list(FULL) and [task.maximum for task in tasks] == [2, 1, 3, 4]
    assert {(task.points, task.status, task.message) for task in tasks} == {
        (None, "too large", "read it by hand")
    }
    assert (result["status"], result["cells"]) == ("too large", [])
