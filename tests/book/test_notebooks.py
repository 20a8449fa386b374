"""The stored chapters are references: executed, and with nothing in them that another run would change."""

import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from dlbook.notebooks import KeepText, chapters, faults, normalized, typed_figures, without_notices

CHAPTERS = chapters(Path(__file__).parents[2] / "chapters")


def executed():
    """A small notebook as Jupyter leaves it."""
    picture = new_output(
        "display_data",
        {"text/plain": "The line ends at 3.", "image/png": "iVBORw0KGgo=",
         "application/vnd.jupyter.widget-view+json": {"model_id": "81f7"}},
        metadata={"image/png": {"width": 600}},
    )  # fmt: skip
    said = new_output("display_data", {"text/plain": "It is 3.", "text/markdown": "It is **3**."})
    result = new_output("execute_result", {"text/plain": "3"}, execution_count=41)
    cells = [
        new_markdown_cell("# Title", metadata={"editable": True}),
        new_code_cell(
            "1 + 2", execution_count=41, outputs=[result], metadata={"execution": {"iopub": "now"}}
        ),
        new_code_cell(
            "show(line)", execution_count=43, outputs=[picture, said], metadata={"tags": ["hide-input"]}
        ),
    ]
    return new_notebook(
        cells=cells,
        metadata={"widgets": {"state": {}}, "kernelspec": {"display_name": "mine", "name": "my-env"}},
    )


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_stored_chapter_is_a_reference(path):
    assert faults(nbformat.read(path, as_version=4)) == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_stored_chapters_file_is_what_make_notebooks_would_write(path):
    assert nbformat.writes(normalized(nbformat.read(path, as_version=4))) + "\n" == path.read_text()


def test_a_chapter_run_twice_in_one_kernel_and_from_another_folder_says_the_same(tmp_path):
    stored = nbformat.read(CHAPTERS[0].parent / "index.ipynb", as_version=4)  # it runs in seconds
    twice = deepcopy(stored)
    twice.cells = deepcopy(stored.cells) + deepcopy(stored.cells)
    NotebookClient(twice, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    begun = len(stored.cells)
    told = [normalized(new_notebook(cells=cells)) for cells in (twice.cells[:begun], twice.cells[begun:])]
    outputs = [[cell.get("outputs") for cell in run.cells] for run in (stored, *told)]
    assert outputs[0] == outputs[1] == outputs[2]


def test_a_tool_of_the_book_starts_without_a_grammar_of_web_addresses():
    code = "import dlbook.notebooks, nbformat, sys; print('lark' in sys.modules, 'nbformat' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert said.split() == ["False", "True"]


def test_normalizing_keeps_texts_and_drops_what_changes():
    notebook, _ = KeepText().preprocess(executed(), {})
    text, (picture, said) = notebook.cells[1].outputs[0], notebook.cells[2].outputs
    assert text.data == {"text/plain": "3"} and text.execution_count == notebook.cells[1].execution_count == 1
    assert picture.data == {"text/plain": "The line ends at 3."} and picture.metadata == {}
    assert said.data == {"text/plain": "It is 3.", "text/markdown": "It is **3**."}
    assert notebook.metadata.kernelspec.name == "python3" and "widgets" not in notebook.metadata
    assert [cell.metadata for cell in notebook.cells] == [
        {},
        {},
        {"tags": ["hide-input"], "jupyter": {"source_hidden": True}},
    ]


def test_where_a_slow_print_was_cut_does_not_matter():
    notebook = executed()
    printed = [new_output("stream", name="stdout", text=text) for text in ("one\n", "two\n", "three\n")]
    notebook.cells[1].outputs = [printed[0], printed[1], notebook.cells[1].outputs[0], printed[2]]
    first, result, last = normalized(notebook).cells[1].outputs
    assert (first.text, last.text) == ("one\ntwo\n", "three\n") and result.output_type == "execute_result"


def test_normalizing_twice_changes_nothing_and_the_argument_stays_as_it_was():
    before = executed()
    kept = deepcopy(before)
    once = normalized(before)
    assert normalized(once) == once and before == kept
    assert faults(once) == []


def spoil(change):
    notebook = normalized(executed())
    change(notebook.cells[1])
    return " ".join(faults(notebook))


def test_a_notebook_that_is_no_reference_is_refused_and_told_why():
    assert "pictures, widget state or metadata" in " ".join(faults(executed()))
    assert "was not executed" in spoil(lambda cell: cell.update(execution_count=None, outputs=[]))
    assert "states nothing that the run measured: 'It is 3.'" in spoil(
        lambda cell: cell.update(source="say('It is 3.')")
    )
    assert "semicolon" in spoil(lambda cell: cell.update(source="plot();"))
    error = new_output("error", ename="ValueError", evalue="k must be", traceback=[])
    assert "ended in ValueError: k must be" in spoil(lambda cell: cell.outputs.append(error))
    warning = new_output("stream", name="stderr", text="RuntimeWarning: overflow")
    assert "wrote to stderr: RuntimeWarning" in spoil(lambda cell: cell.outputs.append(warning))
    empty = normalized(executed())
    for cell in empty.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    assert "no outputs" in " ".join(faults(empty))


NOTICE = (
    "mkdir -p failed for path /proc/none/.config/matplotlib: [Errno 2] No such file or directory\n"
    "Matplotlib created a temporary cache directory at /tmp/matplotlib-ab12 because there was an issue with "
    "the default path (/proc/none/.config/matplotlib); it is highly recommended to set the MPLCONFIGDIR "
    "environment variable to a writable directory.\n"
    "Matplotlib is building the font cache; this may take a moment.\n"
    "/env/joblib/_multiprocessing_helpers.py:44: UserWarning: [Errno 13] Permission denied.  joblib will "
    "operate in serial mode\n  warnings.warn('%s.  joblib will operate in serial mode' % (e,))\n"
    "0.00s - Debugger warning: It seems that frozen modules are being used, which may\n"
    "0.00s - make the debugger miss breakpoints. Please pass -Xfrozen_modules=off\n"
    "0.00s - to python to disable frozen modules.\n"
    "0.00s - Note: Debugging will proceed. Set PYDEVD_DISABLE_FILE_VALIDATION=1 to disable this validation.\n"
)
WARNING = "/env/numpy/f.py:3: RuntimeWarning: overflow encountered in exp\n  return np.exp(x)\n"


def test_what_packages_say_about_the_machine_is_not_stored_and_a_chapters_warning_is():
    notebook = executed()
    clean = normalized(notebook)
    notebook.cells[1].outputs.insert(0, new_output("stream", name="stderr", text=NOTICE))
    assert normalized(notebook) == clean
    notebook.cells[1].outputs[0].text = NOTICE + WARNING
    assert normalized(notebook).cells[1].outputs[0].text == WARNING
    assert notebook.cells[1].outputs[0].text == NOTICE + WARNING
    printed = new_output("stream", name="stdout", text="Fontconfig error: none\n")
    assert without_notices([printed]) == [printed]  # what a chapter prints is its text


@pytest.mark.parametrize(
    "text, path",
    [
        ("saved to /tmp/tmpx1/a.npz", "/tmp/tmpx1/a.npz"),
        ("File '/home/ann/book/a.py'", "/home/ann/book/a.py"),
        ("/var/folders/zz/T/x", "/var/folders/zz/T/x"),
        (r"C:\Users\Ann\AppData\Local\Temp\x", r"C:\Users\Ann\AppData\Local\Temp\x"),
    ],
)
def test_a_path_that_only_one_machine_has_keeps_a_notebook_from_being_a_reference(text, path):
    said = f"cell 1 names a path that only one machine has: {path}"
    assert said in spoil(lambda cell: cell.outputs.append(new_output("stream", name="stdout", text=text)))
    data = {"text/plain": text}
    found = spoil(lambda cell: cell.outputs.append(new_output("display_data", data)))
    assert said.replace("\\", "") in found.replace("\\", "")
    addresses = "see https://a.org/home/x/ and /root, a share of 1/tmp/2"
    assert "names a path" not in spoil(
        lambda cell: cell.outputs.append(new_output("stream", name="stdout", text=addresses))
    )


# Numbers that look measured and are not: published, derived on the page, or chosen for a question
GIVEN = {
    "adam_races": {"0.001"},
    "batch_normalization": {"95"},
    "batch_normalization_compared": {"19.4", "17.5", "97.0"},
    "hyperparameter_search": {"0.002", "0.001"},
    "hyperparameter_search_bayes": {"0.3"},
    "hyperparameter_search_halving": {"15.6"},
    "hyperparameter_search_random": {"0.99"},
    "initialization": {"2.30"},
    "momentum": {"19"},
    "momentum_race": {"0.19", "0.7"},
    "regularization": {"0.02"},
    "regularization_compared": {"0.0001", "0.05"},
    "schedules": {"0.8"},
    "schedules_warmup": {"0.9"},
    "second_order_lbfgs": {"0.9"},
    "splits": {"88", "95", "1.96", "0.84"},
    "transformer": {"2.9", "80"},
    "vanishing_gradients": {"1.13"},
}


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_measured_numbers_are_said_not_typed(path):
    typed = dict(typed_figures(nbformat.read(path, as_version=4)))
    assert {number: words for number, words in typed.items() if number not in GIVEN.get(path.stem, ())} == {}


def test_a_typed_measurement_is_found_and_a_told_one_is_not():
    text = (
        "He's loss is 0.37. At rate 0.1 it is 12 % lower. [He](references.md#he2015) had 4.94 %."
        " And $x = 0.5$."
    )
    notebook = new_notebook(cells=[new_markdown_cell(text), new_code_cell("SGD(lr=0.1)")])
    assert [number for number, _ in typed_figures(notebook)] == ["0.37", "12"]


def test_a_measurement_that_was_typed_between_the_braces_of_a_sentence_is_found():
    text = (
        'say(f"The loss is {loss:.2f}, half of 0.74. At rate 0.1 it is lower. $x = 0.5$, '
        '[He (2015)](references.md#he2015) 4.94.")'
    )
    notebook = new_notebook(cells=[new_code_cell(text), new_code_cell("SGD(lr=0.1)")])
    assert [number for number, _ in typed_figures(notebook)] == ["0.74"]
