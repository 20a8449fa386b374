"""Report: what does a student read about a submission, and an instructor about a class?

Everything that students wrote is shown as text: no page runs or loads anything of theirs.
"""

import base64
import io
import warnings
from collections import Counter
from html import escape
from urllib.parse import quote

import matplotlib
import numpy as np
from jinja2 import Environment
from matplotlib.figure import Figure

from dlbook.explorer.style import palette

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{{ title }}</title>
<style>
:root { color-scheme: light dark; --line: #8886; --good: #1a7f37; --bad: #b3261e; --soft: #8881; }
@media (prefers-color-scheme: dark) { :root { --good: #6fd58a; --bad: #ff9b93; } }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
pre { background: var(--soft); padding: .6rem; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; margin: .3rem 0; }
pre.error, .lost { color: var(--bad); } .full { color: var(--good); }
img { max-width: 100%; background: #fff; }
td pre { background: none; padding: 0; font: inherit; }
</style>
</head>
<body>
{{ body }}
</body>
</html>
"""

_FEEDBACK = """<h1>{{ job.exercise }}: {{ job.student }}</h1>
<p><strong>{{ "%g" % total }} of {{ "%g" % maximum }} points</strong>
{%- if waiting %}, {{ "%g" % waiting }} more to be graded by a person{% endif %}.
{%- if status != "graded" %} <span class="lost">{{ status }}.</span>{% endif %}</p>
<div class="wide"><table>
<tr><th>task</th><th class="n">points</th><th>what happened</th></tr>
{% for task in tasks -%}
<tr><td>{{ task.title or task.task }}</td>
<td class="n {{ 'full' if task.points == task.maximum else 'lost' if task.points is not none else '' }}">
{{- "–" if task.points is none else "%g" % task.points }} / {{ "%g" % task.maximum }}</td>
<td>{{ task.status }}{% if task.message %}<pre>{{ task.message }}</pre>{% endif %}
{%- if task.comment %}<pre>{{ task.comment }}</pre>{% endif %}</td></tr>
{% endfor %}</table></div>
{% if cells %}<h2>Your notebook, as it was run</h2>{% endif %}
{% for cell in cells -%}
{%- if cell.kind == "test" %}<p><em>Checks of {{ cell.name }}.</em>
{%- if cell.changed %} <span class="lost">Yours differ from those that you were given; the original ones were used.</span>{% endif %}</p>
{% elif cell.type == "code" or cell.kind == "hand" -%}
<pre>{{ cell.source }}</pre>
{%- if cell.output %}<pre>{{ cell.output }}</pre>{% endif %}
{%- if cell.error %}<pre class="error">{{ cell.error }}</pre>{% endif %}
{%- for picture in cell.pictures %}<img alt="A picture that your notebook held" src="data:image/png;base64,{{ picture }}">{% endfor %}
{% endif %}
{%- endfor %}
"""

_SUMMARY = """<h1>Summary</h1>
<div class="wide"><table>
<tr><th>exercise</th><th class="n">students</th><th class="n">handed in</th><th class="n">median points</th><th class="n">of</th><th class="n">by hand, waiting</th></tr>
{% for e in exercises -%}
<tr><td>{{ e.name }}</td><td class="n">{{ e.students }}</td><td class="n">{{ e.handed_in }}</td><td class="n">{{ "–" if e.median is none else "%g" % e.median }}</td>
<td class="n">{{ "%g" % e.maximum }}</td><td class="n">{{ e.waiting }}</td></tr>
{% endfor %}</table></div>
<h2>Scores by task</h2>
{% if scores %}<p>The share of each task's points that was reached, one row for a task: a larger dot means more submissions. Waiting and
missing submissions are left out. The mark is the mean.</p>
<img alt="{{ scores_alt }}" src="data:image/svg+xml;base64,{{ scores }}">
{%- else %}<p>No task has been graded yet.</p>{% endif %}
<h2>Most missed checks</h2>
{% if missed %}<img alt="{{ missed_alt }}" src="data:image/svg+xml;base64,{{ missed }}">
{% else %}<p>None was missed.</p>{% endif %}
<h2>What happened</h2>
<div class="wide"><table>
<tr><th>status</th><th class="n">tasks</th></tr>
{% for status, count in statuses %}<tr><td>{{ status }}</td><td class="n">{{ count }}</td></tr>
{% endfor %}</table></div>
<h2>Submissions</h2>
<div class="wide"><table>
<tr><th>student</th><th>exercise</th><th class="n">points</th><th>status</th></tr>
{% for s in submissions -%}
<tr><td>{{ s.job.student }}</td><td><a href="{{ s.link }}">{{ s.job.exercise }}</a></td><td class="n">{{ "%g" % s.points }} / {{ "%g" % s.maximum }}</td><td>{{ s.status }}</td></tr>
{% endfor %}</table></div>
"""

_JINJA = Environment(autoescape=True)
_RAN = ("passed", "partly", "failed", "not attempted", "timed out", "process ended", "graded by hand")


def feedback(job, result, tasks):
    """Return a submission's page.

    Parameters
    ----------
    job, result
        What was judged, and what came of it: see `judge`.
    tasks : list of dict
        The result's tasks, with a person's points and comments.
    """
    given = [task for task in tasks if task["points"] is not None]
    body = _JINJA.from_string(_FEEDBACK).render(
        job=job, tasks=tasks, cells=result["cells"], status=result["status"],
        total=sum(task["points"] for task in given), maximum=sum(task["maximum"] for task in tasks),
        waiting=sum(task["maximum"] for task in tasks if task["points"] is None),
    )  # fmt: skip
    return _page(f"{job.exercise}: {job.student}", body)


def summary(graded):
    """Return the page of a class.

    Parameters
    ----------
    graded : list of (job, status, tasks)
    """
    exercises, shares, missed, submissions = {}, {}, Counter(), []
    for job, status, tasks in sorted(graded, key=lambda one: one[0].exercise):
        exercises.setdefault(job.exercise, []).append((status, tasks))
        for task in tasks:
            reached = shares.setdefault(f"{job.exercise}: {task['task']}", [])
            if task["points"] is not None and task["status"] in _RAN:
                reached.append(task["points"] / task["maximum"])
            lost = {line for line in task["message"].splitlines() if not line.startswith("killed: ")}
            if task["status"] in ("failed", "partly", "timed out"):
                missed.update(f"{task['task']}: {line}" for line in lost)
    for job, status, tasks in graded:
        place = quote(f"feedback/{job.student}/{job.exercise}.html".encode("utf-8", "surrogateescape"))
        submissions.append({"job": job, "status": status, "link": place, **_sums(tasks)})
    shares = {task: reached for task, reached in shares.items() if reached}
    missed = missed.most_common(12)
    body = _JINJA.from_string(_SUMMARY).render(
        exercises=[_exercise(name, here) for name, here in exercises.items()], submissions=submissions,
        statuses=Counter(task["status"] for _, _, tasks in graded for task in tasks).most_common(),
        scores=_picture(_draw_scores, shares) if shares else "", scores_alt=_scores_in_words(shares),
        missed=_picture(_draw_missed, missed) if missed else "",
        missed_alt="; ".join(f"{text}: {count}" for text, count in missed),
    )  # fmt: skip
    return _page("Summary", body)


def _sums(tasks):
    return {
        "points": sum(task["points"] or 0 for task in tasks),
        "maximum": sum(task["maximum"] for task in tasks),
    }


def _exercise(name, here):
    reached = [_sums(tasks)["points"] for status, tasks in here if status == "graded"]
    return {
        "name": name, "students": len(here), "handed_in": sum(status != "nothing submitted" for status, _ in here),
        "median": float(np.median(reached)) if reached else None, "maximum": _sums(here[0][1])["maximum"],
        "waiting": sum(task["status"] == "by hand" for _, tasks in here for task in tasks),
    }  # fmt: skip


def _page(title, body):
    page = _PAGE.replace("{{ title }}", escape(title)).replace("{{ body }}", body)
    return page.encode("utf-8", "replace").decode()


def _picture(draw, values):
    figure = Figure(figsize=(8, 0.8 + 0.28 * max(1, len(values))), layout="constrained")
    draw(figure.subplots(), values)
    file = io.BytesIO()
    with (
        matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": "summary"}),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", UserWarning)  # a letter that the font lacks
        figure.savefig(file, format="svg", metadata={"Date": None})
    return base64.b64encode(file.getvalue()).decode()


def _draw_scores(ax, shares):
    for place, values in enumerate(shares.values()):
        reached, counts = np.unique(values, return_counts=True)
        ax.scatter(
            reached,
            [place] * len(reached),
            color=palette["single"],
            s=12 + 160 * counts / len(values),
            linewidths=0,
        )
        ax.scatter(np.mean(values), place, color=palette["mean"], marker="|", s=160, linewidths=2.5)
    ax.set(
        xlim=(-0.03, 1.03),
        ylim=(len(shares) - 0.5, -0.5),
        yticks=range(len(shares)),
        xlabel="share of the points",
    )
    ax.set_yticklabels([_plain(name) for name in shares], fontsize=8)


def _draw_missed(ax, missed):
    counts = [count for _, count in missed]
    ax.barh(range(len(missed)), counts, color=palette["model"])
    ax.set(ylim=(len(missed) - 0.5, -0.5), yticks=range(len(missed)), xlabel="submissions")
    ax.set_yticklabels(
        [_plain(text if len(text) < 70 else text[:68] + "…") for text, _ in missed], fontsize=8
    )
    ax.xaxis.get_major_locator().set_params(integer=True)


def _plain(text):
    return text.replace("$", r"\$")  # no mathematics, whatever a student's error says


def _scores_in_words(shares):
    return "; ".join(
        f"{name}: mean {np.mean(values):.0%} of {len(values)}" for name, values in shares.items()
    )
