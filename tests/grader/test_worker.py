"""Inside: a notebook's cells run as in Jupyter, and what they print is kept within bounds."""

import subprocess
import sys

TRY = """
from dlbook.grader.worker import Notebook
notebook = Notebook()
{}
"""


def inside(code):
    """Run a few lines beside a notebook, in a process of its own: IPython's shell is one to a process."""
    done = subprocess.run(
        [sys.executable, "-c", TRY.format(code)], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_output_and_results_are_kept():
    assert inside("print(notebook.run('x = 2\\nprint(x)\\nx + 1'))") == "{'output': '2\\n3\\n', 'error': ''}"


def test_an_error_is_a_line_and_the_next_cell_runs():
    said = inside("print(notebook.run('1 / 0')); print(notebook.run('if')); print(notebook.run('3'))")
    assert (
        "ZeroDivisionError: division by zero" in said and "SyntaxError" in said and "'output': '3\\n'" in said
    )


def test_names_are_looked_up_and_missing_ones_named():
    assert inside("notebook.run('x = 2'); print(notebook.look('x'))") == "2"
    asked = "try:\n    notebook.look('he_std')\nexcept NameError as e:\n    print(e)"
    assert inside(asked) == "`he_std` is not defined"


def test_magic_and_leaving_do_no_harm():
    said = inside(
        "print(notebook.run('%matplotlib inline')); print(notebook.run('exit()'));"
        "print(notebook.run('%%time\\n4'))"
    )
    assert said.count("'error': ''") == 3


def test_a_flood_is_cut():
    assert int(inside("print(len(notebook.run('for i in range(10**5): print(i)')['output']))")) == 20_000
