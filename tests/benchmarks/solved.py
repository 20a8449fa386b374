"""Solved: what does a student's notebook hold when every task is answered, and then some wrongly?

`python solved.py dropout page.ipynb solved.ipynb` fills the answers of an exercise's source into the page's
notebook. At its end the wrong answers of `tests/grader/test_wrong_answers.py`, and those below, come back one
by one, each with its check, whose metadata say what it `expects`: the sentence that names the mistake.
Mistakes that only a hidden test knows are left out, since no page has those.
"""

import ast
import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "chapters" / "exercises" / "source"

# of the exercises that test_wrong_answers.py does not list, one each: task, right, wrong, what is said
OTHERS = {
    "adam": ("adam-steps", "m / (1 - beta1**t), v / (1 - beta2**t)", "m, v", "not corrected for their start"),
    "batch_normalization": ("gradient", "if not training", "if True", "treats them as constants"),
    "bias_variance": (
        "shrunken",
        "(1 - c) ** 2 * mu**2",
        "(1 - c) * mu",
        "this is the bias; asked was its square",
    ),
    "bugs": ("error-rate", "wrong / len(x)", "1 - wrong / len(x)", "this is the share of right answers"),
    "gradient_descent": ("fall", " * (m - b) / (m - 1)", "", "this draws with replacement"),
    "hyperparameter_search": ("draws-needed", "np.ceil(", "np.floor(", "this rounds down"),
    "initialization": ("stds", "np.sqrt(2 * (1 - p) / n_in)", "2 * (1 - p) / n_in", "take its root"),
    "input_normalization": ("rate", "return 1 /", "return 2 /", "this is right for half the squared error"),
    "momentum": ("corrected-weights", "[::-1]", "", "this is the order newest first"),
    "regularization": ("elastic", "np.sign(c) * ", "", "negative c give negative weights"),
    "schedules": ("warm-cosine", "(t + 1) / rise", "t / rise", "the first step does not move"),
    "second_order": ("damped-step", "-g)", "g)", "this goes uphill"),
    "splits": ("paired", "np.sqrt((q - d**2) / len(a))", "(q - d**2) / len(a)", "this is the variance"),
    "vanishing_gradients": ("residual", "@ W.T", "@ W", "on the way back the matrix is transposed"),
    "weight_decay": (
        "equations",
        "return (1 - lr * decay) ** steps",
        "return (1 - decay) ** steps",
        "the learning rate",
    ),
}


def solved(exercise, notebook):
    """Return a copy of a student's notebook (a dict) with the answers of the source, and then wrong ones."""
    answers = {}
    for cell in json.loads((SOURCE / exercise / f"{exercise}.ipynb").read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code" and _about(cell).get("solution"):
            answers[_about(cell)["grade_id"]] = "".join(cell["source"])
    cells, checks = [], {}
    for cell in notebook["cells"]:
        name = _about(cell).get("grade_id")
        cells.append(cell | {"source": answers.get(name, "".join(cell["source"])), "outputs": []})
        if cell["cell_type"] == "code" and _about(cell).get("grade"):
            checks[name] = cells[-1]
    for task, right, wrong, said in _wrong(exercise):
        if said in checks[task]["source"]:
            answer, check = answers[f"{task}-answer"], checks[task]
            assert right in answer, f"{exercise}, {task}: no {right!r} in the answer"
            cells += [
                _code(answer.replace(right, wrong)),
                check | {"metadata": {"expects": said}},
                _code(answer),
            ]
    return notebook | {"cells": cells}


def _about(cell):
    return cell["metadata"].get("nbgrader", {})


def _code(source):
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}


def _wrong(exercise):
    """The task, the right text, the wrong one and what is said of each wrong answer of an exercise."""
    tree = ast.parse((ROOT / "tests" / "grader" / "test_wrong_answers.py").read_text(encoding="utf-8"))
    (table,) = [
        line.value for line in tree.body if isinstance(line, ast.Assign) and line.targets[0].id == "WRONG"
    ]
    for (name, task), answers in ast.literal_eval(table).items():
        if name == exercise:
            for right, wrong, said, _ in answers:
                yield task, right, wrong, said
    if exercise in OTHERS:
        yield OTHERS[exercise]


if __name__ == "__main__":
    page = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    Path(sys.argv[3]).write_text(json.dumps(solved(sys.argv[1], page)), encoding="utf-8")
