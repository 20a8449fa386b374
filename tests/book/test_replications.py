"""The ledger of published results says what was measured, and a verdict is computed from facts."""

import json
import os
import re
import subprocess
import sys
import types
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from sklearn.naive_bayes import GaussianNB

from dlbook import references
from dlbook.replications import NotRunError, Replication, Rule, StaleError, again, full, records, stored
from dlbook.replications.experiments import (
    adam_correction,
    adam_dropout,
    adam_logistic,
    batchnorm_sigmoid,
    dropout_size,
    heavy_tails,
    kohavi_folds,
    notes_race,
    notes_regularizers,
    transformer,
)
from dlbook.replications.ledger import (
    FIRST,
    as_stored,
    changes,
    chapter_of,
    chapters_of,
    clock,
    full_size,
    harvest,
    headings,
    joined,
    ledger,
    main,
    now,
    redraw,
    run,
    seconds,
)
from dlbook.replications.verdicts import MIME, PARTS, VERDICTS, replicated, verdict_of
from dlbook.reproducible import PINNED
from dlcore import optimizers
from dlcore.gradient_check import check
from dlcore.layers import Dense, Sigmoid, Tanh
from dlcore.losses import mse
from dlcore.network import Network
from dlcore.search import Sweep

ROOT = Path(__file__).parents[2]
CHAPTERS = ROOT / "chapters"


def rule(holds, **more):
    return Rule("ahead in 12 of 16 seeds", holds, **({"fixed": "2026-11-21"} | more))


def one(number=7, source="Kohavi 1995, table 2", **changes):
    told = {
        "key": "kohavi1995",
        "claim": "Ten folds choose better than more folds.",
        "data": "one set",
        "network": "C4.5",
        "length": (50, 50, "runs"),
        "seeds": (1, 16),
        "ours": "ahead in 14 of 16 sets",
        "rule": rule(True),
    }
    return replicated(number, source, **(told | changes))


def notebook_of(found):
    def cell(source, seconds, outputs=()):
        return new_code_cell(source, outputs=list(outputs), metadata={"seconds": seconds})

    data = json.loads(json.dumps(found._repr_mimebundle_()))
    output = new_output("execute_result", data, execution_count=1)
    return new_notebook(
        cells=[
            cell("import", 9),
            new_markdown_cell("Text\n\n### A section"),
            cell("run()", 5),
            new_markdown_cell("More"),
            cell("replicated(...)", 2, [output]),
        ]
    )


# The verdict ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "holds, order, at_size, unknown, verdict",
    [
        (True, True, True, (), "reproduced"),
        (True, True, False, (), "direction"),
        (False, True, True, (), "direction"),
        (False, True, False, (), "direction"),
        (False, False, False, (), "not seen at our size"),
        (False, False, True, (), "refuted"),
        (True, True, True, ("data",), "not tried"),
        (False, False, True, ("length",), "not tried"),
    ],
)
def test_the_verdict_follows_from_the_facts(holds, order, at_size, unknown, verdict):
    assert verdict_of(rule(holds, order=order), at_size=at_size, unknown=unknown) == verdict


def test_every_verdict_can_come_about():
    smaller = {"data": ("MNIST", "Fashion-MNIST")}
    found = [
        one(),
        one(**smaller),
        one(rule=rule(False), **smaller),
        one(rule=rule(False)),
        one(data=(None, "ours")),
    ]
    assert [each.verdict for each in found] == list(VERDICTS)


@pytest.mark.parametrize(
    "changes, at_size",
    [
        ({}, True),
        ({"length": (50, 49, "runs")}, False),
        ({"length": (50, 500, "runs")}, True),
        ({"seeds": (50, 16)}, False),
        ({"seeds": (None, 2)}, True),
        ({"seeds": (None, 1)}, False),
        ({"network": ("C4.5", "a tree of ours")}, False),
        ({"network": ("C4.5", "C4.5")}, True),
    ],
)
def test_less_or_other_than_published_is_never_reproduced(changes, at_size):
    found = one(**changes)
    assert found.at_size is at_size
    assert found.verdict == ("reproduced" if at_size else "direction")
    assert one(rule=rule(False), **changes).verdict == ("refuted" if at_size else "not seen at our size")


def test_the_number_of_seeds_is_no_unknown_part():
    assert one(seeds=(None, 4)).verdict == "reproduced"
    assert one(seeds=(1, 1)).verdict == "reproduced"
    assert one(optimizer=(None, "SGD 0.1")).unknown == ("optimizer",)


def test_a_verdict_cannot_be_given():
    with pytest.raises(ValueError, match="a protocol has the parts .*, got 'verdict'"):
        one(verdict="refuted")
    with pytest.raises(AttributeError):
        one().verdict = "reproduced"


def test_another_rule_has_a_verdict_of_its_own_and_says_that_it_came_later():
    found = one(others=[Rule("ahead in all seeds", False, order=True, seen="2026-11-29")])
    told = "ahead in all seeds (chosen after looking, 2026-11-29)"
    assert f"under another rule: {told}: it does not hold, its order does: direction" in str(found)
    assert "(fixed before looking, 2026-11-21)" in str(found)
    assert f"{told}: *it does not hold, its order does: direction*" in found.markdown()
    held = one(others=[Rule("ahead in all seeds", True, seen="2026-11-29")])
    assert f"{told}: *reproduced*" in held.markdown()


@pytest.mark.parametrize(
    "holds, changes, verdict, meaning",
    [
        (True, {"seeds": (16, 1)}, "direction", "(it holds; not as published: seeds)"),
        (
            True,
            {"data": ("a", "b"), "optimizer": ("Newton, SGD", "SGD"), "length": (50, 49, "runs")},
            "direction",
            "(it holds; not as published: data, optimizer and length)",
        ),
        (False, {}, "direction", "(the rule fails, its order or its sign holds)"),
        (
            False,
            {"data": ("a", "b")},
            "direction",
            "(the rule fails, its order or its sign holds; not as published: data)",
        ),
        (
            None,
            {"data": ("a", "b"), "seeds": (16, 1)},
            "not seen at our size",
            "(the rule failed in what we tried, which says nothing against the published result;"
            " not as published: data and seeds)",
        ),
        (True, {}, "reproduced", f"({VERDICTS['reproduced']})"),
        (True, {"seeds": (None, 1)}, "direction", "(it holds; one seed)"),
        (
            None,
            {"data": ("a", "b"), "seeds": (None, 1)},
            "not seen at our size",
            "(the rule failed in what we tried, which says nothing against the published result;"
            " not as published: data; one seed)",
        ),
    ],
)
def test_a_verdict_says_which_part_of_the_protocol_it_depends_on(holds, changes, verdict, meaning):
    found = one(rule=rule(bool(holds), order=holds is not None), **changes)
    assert found.verdict == verdict and f"**Verdict: {verdict}** {meaning}." in found.markdown()


def test_a_trial_that_decides_nothing_says_why_and_cannot_hold():
    why, smaller = "neither network trains", {"data": ("a", "b")}
    found = one(rule=rule(False, order=False), undecided=why, **smaller)
    assert found.verdict == "not seen at our size"
    assert f"(the trial decides nothing, since {why}; not as published: data)" in found.markdown()
    assert Replication.of_dict(json.loads(json.dumps(found.as_dict()))) == found
    assert "undecided" not in one().as_dict()
    for verdict, facts in {
        "direction": {"rule": rule(False, order=True), **smaller},
        "refuted": {"rule": rule(False)},
        "not tried": {"rule": rule(False), "data": (None, "b")},
    }.items():
        with pytest.raises(ValueError, match=f"undecided must be empty where the row is {verdict}"):
            one(undecided=why, **facts)
    with pytest.raises(ValueError, match="undecided must be one line of text"):
        one(rule=rule(False, order=False), undecided="two\nlines", **smaller)


def test_a_failed_rule_says_whether_another_one_of_before_holds():
    smaller, before, after = {"data": ("a", "b")}, rule(True), rule(True, fixed=None, seen="2026-11-29")
    told = "; another rule that was fixed before looking was met;"
    assert told in one(rule=rule(False), others=[before], **smaller).meaning
    assert told not in one(rule=rule(False), others=[after, rule(False)], **smaller).meaning


@pytest.mark.parametrize(
    "unit, told", [("epochs", "1 epoch"), ("batches of 100", "1 batch of 100"), ("passes", "1 pass")]
)
def test_one_of_a_unit_is_told_in_the_singular(unit, told):
    found = one(length=(20, 1, unit))
    assert f"| length | 20 {unit} | {told} |" in found.markdown()


def test_a_rule_chosen_after_looking_can_lower_a_verdict_and_not_raise_it():
    before = rule(False)
    after = Rule("ahead in the median", True, seen="2026-11-29")
    with pytest.raises(
        ValueError, match="can lower the verdict of row .*, not raise it from 'refuted' to 'repr"
    ):
        one(rule=after, others=[before])
    assert one(rule=before, others=[after]).verdict == "refuted"
    stricter = Rule("ahead in all seeds", False, seen="2026-11-29")
    assert one(rule=stricter, others=[rule(True)]).verdict == "refuted"


@pytest.mark.parametrize(
    "given, message",
    [
        ({"holds": True}, "a rule must have one day: fixed= .* or seen="),
        ({"holds": True, "fixed": "2026-11-21", "seen": "2026-11-29"}, "a rule must have one day"),
        ({"holds": True, "fixed": "yesterday"}, "fixed must be a day such as '2026-11-21', got 'yesterday'"),
        (
            {"holds": "yes", "fixed": "2026-11-21"},
            "holds must be True or False, computed from the run, got 'yes'",
        ),
        ({"holds": 1, "fixed": "2026-11-21"}, "holds must be True or False"),
        (
            {"holds": True, "order": False, "fixed": "2026-11-21"},
            "order must be True where the whole statement",
        ),
    ],
)
def test_a_rule_without_its_parts_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Rule("ahead", **given)
    assert Rule("ahead", np.True_, fixed="2026-11-21").holds is True


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"ours": " "}, "ours must be one line of text"),
        ({"claim": "a\nb"}, "claim must be one line of text"),
        ({"claim": "a | b"}, "claim must be without '|'"),
        ({"rule": True}, "rule must be a Rule, from which the verdict is computed, got True"),
        ({"others": [True]}, "others must be Rules, got True"),
        ({"key": "Kohavi"}, "key must be a source of references.bib, such as 'kohavi1995', got 'Kohavi'"),
        (
            {"nodes": "3"},
            "a protocol has the parts data, network, optimizer, length, measure, seeds, got 'nodes'",
        ),
        ({"seeds": 16}, r"seeds must be two numbers, \(published or None, ours\), got 16"),
        ({"number": 0}, "number must be at least 1, got 0"),
    ],
)
def test_a_replication_without_its_parts_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        one(**changes)


def test_a_protocol_must_tell_the_data():
    with pytest.raises(ValueError, match="a protocol must tell data, published and ours"):
        replicated(1, "x", key="kohavi1995", claim="a", ours="b", rule=rule(True), seeds=(1, 2))


# What a page shows, and what is read from it ---------------------------------------------------------------


@pytest.mark.parametrize(
    "found", [one(), one(others=[rule(False)]), one(ours="a: b, “c”"), one(data=(None, "x"))]
)
def test_a_replication_is_read_back_from_its_cell(found):
    assert list(harvest(notebook_of(found))) == [(found, 4)]


def test_the_box_shows_every_part(monkeypatch, tmp_path):
    (tmp_path / "deeper").mkdir()
    (tmp_path / "references.md").touch()
    found = one(data=("UCI", "drawn data"))
    monkeypatch.chdir(tmp_path / "deeper")
    box = found._repr_mimebundle_()["text/markdown"]
    for text in (
        "[Kohavi 1995, table 2](../references.md#kohavi1995)",
        "| data | UCI | drawn data |",
        "| network | C4.5 | the same |",
        "**Verdict: direction**",
        "ahead in 14 of 16 sets",
        f'id="{found.anchor}"',
        f"](../replications.md#{found.anchor})",
    ):
        assert text in box
    monkeypatch.chdir(tmp_path.parent)
    assert "](" not in found._repr_mimebundle_()["text/markdown"]


def test_the_seconds_are_those_of_the_section():
    assert seconds(notebook_of(one()), 4) == 7.0


def test_a_page_is_run_with_a_clock_that_counts_work_and_not_waiting(tmp_path):
    work = "import time\nwhile time.process_time() < 2: pass\ntime.sleep(3)"
    state = """from dlbook.replications import Rule, replicated
replicated(1, "Notes 1", key="aiedu", claim="a", data="b", seeds=(1, 1), ours="c",
           rule=Rule("d", True, fixed="2026-11-29"))"""
    cells = [new_code_cell("import dlbook.replications"), new_markdown_cell("## A section")]
    nbformat.write(new_notebook(cells=[*cells, *map(new_code_cell, (work, state))]), tmp_path / "page.ipynb")
    ((found, page, time),) = run(tmp_path / "page.ipynb")
    assert found.verdict == "reproduced" and page == "page"
    assert 0 < time < 3


def test_the_ledger_has_a_line_for_each_and_counts_the_verdicts():
    other = one(9, "Ioffe 2015", data=("a", "b"))
    text = ledger(
        [(one(), "splits", 3.4), (other, "deeper/adam_race", 0.1)], ["grokking"], ["adam", "splits"]
    )
    assert "- **reproduced** (1)" in text and "- **direction** (1)" in text and "- **refuted** (0)" in text
    assert text.index("### [Adam](adam.ipynb)") < text.index("### [Splits](splits.ipynb)")
    line = f"| 7 | [Kohavi 1995, table 2](replications.md#{one().anchor}) | **reproduced**<br>"
    assert f"{line}<small>rule fixed before looking, 2026-11-21</small> | 3 |" in text
    assert f"**More in** [Adam race](deeper/adam_race.ipynb#{other.anchor})." in text
    assert "[Adam race](deeper/adam_race.ipynb)." in ledger([(other, "deeper/adam_race", 1.0)], boxed=set())
    named = {"deeper/adam_race": "Races: who wins?", "adam": "Adam: why?"}
    called = ledger([(other, "deeper/adam_race", 1.0)], chapters=["adam"], headings=named)
    assert "### [Adam](adam.ipynb)" in called
    assert f"**More in** [Races: who wins?](deeper/adam_race.ipynb#{other.anchor})." in called
    assert "Not run yet at full size: `grokking`" in text
    assert clock(text) == {one().anchor: 3.0, other.anchor: 0.0}
    with pytest.raises(ValueError, match="two rows have the name replication-7-kohavi-1995-table-2"):
        ledger([(one(), "splits", 1), (one(), "adam", 1)])


def test_a_row_that_a_page_shows_and_an_experiment_runs_is_one():
    page, full = (one(), "deeper/splits_folds", 2.0), (one(), "splits", 60.0)
    assert joined([page], [full]) == [(one(), "deeper/splits_folds", 60.0)]
    assert joined([page], []) == [page] and joined([], [full]) == [full]
    with pytest.raises(ValueError, match="deeper/splits_folds shows an older result of Kohavi 1995, table 2"):
        joined([page], [(one(ours="ahead in 15 of 16 sets"), "splits", 60.0)])


def test_the_ledger_says_what_every_other_rule_would_give():
    found = one(others=[rule(False, order=True), rule(False, seen="2026-11-29", fixed=None), rule(False)])
    told = "2026-11-21; by other rules: direction by order only, refuted (2)</small> |"
    assert told in ledger([(found, "splits", 1.0)])


def test_the_ledger_marks_a_verdict_whose_rule_failed_while_its_order_held():
    smaller, weak = {"data": ("MNIST", "Fashion-MNIST")}, rule(False, order=True)
    for found, mark in [(one(**smaller), ""), (one(rule=weak, **smaller), " by order only")]:
        assert f"| **direction**{mark}<br>" in ledger([(found, "splits", 1.0)])
    lost = one(rule=weak, data=(None, "ours"))  # "not tried" says nothing about an order
    assert "| **not tried**<br>" in ledger([(lost, "splits", 1.0)])


def test_a_changed_verdict_is_told_with_its_reason():
    first = [{"number": 7, "source": "Kohavi 1995, table 2", "verdict": "shape only", "why": "More seeds."}]
    (line,) = changes([one()], first)
    assert line.startswith("- **Row 7, Kohavi 1995, table 2**: shape only, now [reproduced]")
    assert line.endswith(". More seeds.")
    del first[0]["why"]
    (line,) = changes([one(data=("a", "b"), rule=rule(False))], first)
    assert line.endswith("Less or other than was published: data: b, not a.")
    assert list(changes([one(data=("a", "b"))], first)) == []  # "shape only" is "direction" now
    assert list(changes([one(rule=rule(False))], [first[0] | {"verdict": "not reproducible"}])) == []


def test_a_row_of_the_first_edition_is_every_row_whose_name_continues_its_own():
    found = [one(source=f"Kohavi 1995, {part}") for part in ("fig. 1", "fig. 1 (full)", "fig. 10", "bias")]
    row = {"number": 7, "source": "Kohavi 1995, fig. 1"}
    assert now(row, found) == found[:2]
    assert now(row | {"now": [found[3].anchor]}, found) == [found[3]]


def test_a_page_belongs_to_the_chapter_whose_name_it_continues():
    chapters = ["adam", "bias", "bias_variance"]
    assert chapter_of("deeper/adam_races", chapters) == "adam"
    assert chapter_of("deeper/bias_variance_peak", chapters) == "bias_variance"
    assert chapter_of("landscape", chapters) == "landscape"
    assert chapters_of(
        "- file: chapters/start\n  - file: chapters/deeper/adam_races\n- file: chapters/adam"
    ) == [
        "start",
        "adam",
    ]


ENTRIES = as_stored(CHAPTERS)


def test_the_ledger_is_what_the_pages_and_the_stored_results_say():
    full, missing = full_size()
    contents = chapters_of((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    page = (CHAPTERS / "replications.md").read_text(encoding="utf-8")
    boxed = {found.anchor for found, _, _ in ENTRIES}
    assert ledger(joined(ENTRIES, full), missing, contents, boxed, headings(ROOT / "chapters")) == page, (
        "run `python -m dlbook.replications.ledger --stored`, or `make replications`"
    )


def test_every_row_names_a_source_of_the_book():
    known = references.read(CHAPTERS / "references.bib")
    for found, page, _ in [*ENTRIES, *full_size()[0]]:
        assert found.key in known, (page, found.source)
        assert {part for part, *_ in found.protocol} <= set(PARTS)


def test_every_row_of_the_first_edition_is_still_told():
    there = [found for found, _, _ in [*ENTRIES, *full_size()[0]]]
    for row in json.loads(FIRST.read_text(encoding="utf-8")):
        assert now(row, there), row["source"]


# Experiments at full size ----------------------------------------------------------------------------------

EXPERIMENT = '''"""Does a coin fall on its head?"""
AXES = {"sides": [2, 3]}
SEEDS = 2
CHECK = {"sides": 2, "seed": 1}


def run(seed, sides):
    """Throw."""
    # once
    return {"side": (seed * 7 + 3) % sides, "path": [seed, sides]}
'''


@pytest.fixture
def coin(tmp_path, monkeypatch):
    """An experiment that is in a folder of its own."""
    (tmp_path / "results").mkdir()
    path = tmp_path / "coin.py"
    path.write_text(EXPERIMENT)
    monkeypatch.setattr(records, "EXPERIMENTS", tmp_path)
    monkeypatch.setattr(records, "RESULTS", tmp_path / "results")

    def experiment(name):
        module = types.ModuleType(name)
        exec(path.read_text(), module.__dict__)
        return module

    monkeypatch.setattr(records, "experiment", experiment)
    return path


def test_a_stored_result_is_a_sweep(coin):
    told = []
    full.complete("coin", told.append)
    runs = stored("coin")
    assert list(runs["side"].at(sides=2)) == [1, 0] and runs["path"].values.shape == (2, 2, 2)
    assert len(told) == 4 and "4 of 4  sides=3" in told[-1]
    assert records.cost("coin")[0] >= 0 and records.is_stored("coin") and full.recompute("coin") == []


def test_a_run_that_was_ended_goes_on_where_it_was(coin):
    def end(line):
        if "2 of 4" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        full.complete("coin", end)
    with pytest.raises(NotRunError, match="coin: 2 of 4 records are missing; run: python -m dlbook"):
        stored("coin")
    told = []
    full.complete("coin", told.append)
    assert len(told) == 2 and stored("coin")["side"].values.shape == (2, 2)
    coin.write_text(EXPERIMENT.replace("SEEDS = 2", "SEEDS = 3"))  # more seeds make no record stale
    full.complete("coin", told.append)
    assert len(told) == 4


def test_an_experiment_that_can_runs_all_of_its_records_together(coin):
    more = "\n\ndef run_together(runs):\n    return [run(**setting) for setting in runs]\n"
    coin.write_text(EXPERIMENT + more)
    told = []
    full.complete("coin", told.append)
    assert len(told) == 1 and list(stored("coin")["side"].at(sides=3)) == [0, 1]


def test_an_altered_result_is_found_by_computing_it_again(coin):
    full.complete("coin", print)
    file = records.RESULTS / "coin.json"
    file.write_text(
        file.read_text().replace('"seed": 1, "result": {"side": 0', '"seed": 1, "result": {"side": 1')
    )
    assert full.recompute("coin") == [("side", 1, 0)]


@pytest.mark.parametrize(
    "before, after, message",
    [
        ("{", "", "damaged"),
        ('"records"', '"record"', "damaged"),
        ('"seconds"', '"second"', "damaged"),
        ('"path": [0', '"path": ["x"', "damaged"),
        ('"date": "20', '"date": "x', "damaged"),
        ('"experiment": "coin"', '"experiment": "dice"', "holds the result of 'dice'"),
        ('{"sides": 2}', '{"edges": 2}', "the axes are"),
    ],
)
def test_a_damaged_result_is_refused(coin, before, after, message):
    full.complete("coin", print)
    file = records.RESULTS / "coin.json"
    assert before in file.read_text()
    file.write_text(file.read_text().replace(before, after, 1))
    with pytest.raises(StaleError, match=message):
        stored("coin")


def test_a_result_of_other_code_is_refused_and_comments_are_no_code(coin):
    full.complete("coin", print)
    coin.write_text(EXPERIMENT.replace("# once", "# now and then").replace("Throw.", "Throw it."))
    stored("coin")
    coin.write_text(EXPERIMENT.replace("* 7", "* 5"))
    with pytest.raises(StaleError, match=r"made by other code than experiments/coin\.py"):
        stored("coin")


def test_a_result_whose_code_was_rewritten_is_kept_where_it_computes_the_same(coin):
    full.complete("coin", print)
    coin.write_text(EXPERIMENT.replace("(seed * 7 + 3) % sides", "(3 + 7 * seed) % sides"))
    with pytest.raises(StaleError, match="--keep coin"):
        stored("coin")
    full.keep("coin")
    assert list(stored("coin")["side"].at(sides=2)) == [1, 0]
    coin.write_text(EXPERIMENT.replace("* 7", "* 4"))
    with pytest.raises(StaleError, match="coin computes another side"):
        full.keep("coin")


def test_code_that_no_run_uses_makes_no_result_stale(coin):
    coin.write_text(EXPERIMENT + "\n\nWORDS = 1\n\n\ndef replications(runs):\n    return WORDS\n")
    full.complete("coin", print)
    coin.write_text(EXPERIMENT + "\n\nWORDS = 2\n")
    assert stored("coin")
    coin.write_text(
        EXPERIMENT.replace("def run", "FACES = 2\n\n\ndef run").replace("% sides", "% (sides + FACES)")
    )
    with pytest.raises(StaleError, match="made by other code"):
        stored("coin")


DICE = """from ._cup import shaken as thrown

FACES = 6


def run(seed, sides):
    return {"side": thrown(seed) % sides}


def replications(runs):
    return "a rule"
"""
CUP = """TURNS = 3


def shaken(seed):
    return seed * 7 + TURNS


def broken(seed):
    return seed
"""


@pytest.mark.parametrize(
    "line, called",
    [
        ("from dlbook.replications.experiments import dice", "dice.run"),
        ("from dlbook.replications.experiments import dice as other", "other.run"),
        ("from dlbook.replications.experiments.dice import run as throw", "throw"),
        ("from . import dice", "dice.run"),
        ("from .dice import run as throw", "throw"),
        ("from . import dice", "partial(getattr, dice)('run')"),
        ("from . import dice\n\nTHROW: object = dice.run", "THROW"),
    ],
)
def test_a_result_is_stale_when_the_file_that_its_code_comes_from_is_changed(coin, line, called):
    files = {"dice": DICE, "_cup": CUP}

    def digest(before="", after=""):
        for name, text in files.items():
            coin.with_name(f"{name}.py").write_text(text.replace(before, after) if before else text)
        return records.digest("coin")

    coin.write_text(f"{line}\n\n\ndef run(seed, sides):\n    return {called}(seed, sides)\n")
    there = digest()
    for before, after in {"% sides": "// sides", "seed * 7": "seed * 5", "TURNS = 3": "TURNS = 4"}.items():
        assert digest(before, after) != there, before
    assert digest("broken", "whole") == there
    if "getattr" not in called:  # where the file is handed on, all of it counts
        assert digest("a rule", "another") == digest("FACES = 6", "FACES = 8") == there


@pytest.mark.parametrize(
    "line",
    ["import dlbook.replications.experiments.dice", "from dlbook.replications import experiments",
     "from .dice import *"],
)  # fmt: skip
def test_what_is_taken_in_a_way_that_nobody_follows_is_refused(coin, line):
    coin.with_name("dice.py").write_text(DICE)
    coin.write_text(f"{line}\n\n\ndef run(seed, sides):\n    return {{}}\n")
    with pytest.raises(ValueError, match=f"got '{re.escape(line)}'"):
        records.digest("coin")


@pytest.mark.parametrize(
    "name, other",
    [("grokking_incomplete", "grokking"), ("transformer_tuning", "transformer"), ("hyperband", "_images")],
)
def test_the_experiments_that_share_code_are_stale_together(name, other, tmp_path, monkeypatch):
    for path in records.EXPERIMENTS.glob("*.py"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    there, text = records.digest(name), (tmp_path / f"{other}.py").read_text(encoding="utf-8")
    monkeypatch.setattr(records, "EXPERIMENTS", tmp_path)
    said = text.replace('fixed="', 'fixed="1')
    (tmp_path / f"{other}.py").write_text(said, encoding="utf-8")
    assert records.digest(name) == there and (said != text or other == "_images")
    (tmp_path / f"{other}.py").write_text(text.replace("np.", "numpy."), encoding="utf-8")
    assert records.digest(name) != there


def test_an_experiment_that_returns_words_is_refused(coin):
    coin.write_text(EXPERIMENT.replace("(seed * 7 + 3) % sides", "'head'"))
    with pytest.raises(TypeError, match="coin must return numbers and lists of them, got 'head' for 'side'"):
        full.complete("coin", print)


def test_a_seed_or_a_setting_of_one_s_own_is_placed_among_ours(coin):
    full.complete("coin", print)
    assert "- side 1: above 1, below 0 of our 2 seeds (0 to 1, median 0.5)" in str(again("coin", seed=2))
    assert "of the medians of our 2 settings" in str(again("coin", seed=2, sides=5))
    assert "this record is among ours" in str(again("coin", seed=1))
    with pytest.raises(ValueError, match="a setting of coin has the axes sides, got 'edges'"):
        again("coin", edges=3)
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        again("coin", seed=-1)


def test_an_unknown_experiment_is_refused():
    with pytest.raises(ValueError, match=r"name must be one of .*notes_race.*, got 'notes'"):
        stored("notes")
    with pytest.raises(ValueError, match="arm must be one of SGD, .* got 'Adamant 0.1'"):
        records.experiment("notes_race").run(0, "Adamant 0.1")


# The experiments -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place, method", enumerate(notes_race.METHODS))
def test_the_compiled_race_takes_the_steps_of_the_library(place, method):
    optimizer = {"RMSprop": partial(optimizers.RMSprop, rho=0.9)}.get(method) or getattr(optimizers, method)
    x, y, theta, rng = notes_race.start(3)
    net = Network(Dense(1, 3, rng=rng), Sigmoid(), Dense(3, 1, rng=rng))
    net.theta[:], ours = theta, theta.copy()
    optimizer, m, v = optimizer(0.01), np.zeros(10), np.zeros(10)
    for i in range(0, 200, 10):
        _, dy = mse(net.forward(x[i : i + 10, None]), y[i : i + 10, None])
        net.backward(dy / 2)
        optimizer.step(net.theta, net.grad)
    assert notes_race.train_epoch(ours, m, v, 0, x[:200], y[:200], place, 0.01) == 20
    np.testing.assert_allclose(ours, net.theta, rtol=1e-8, atol=1e-12)
    at_200 = mse(net.forward(x[:, None]), y[:, None])[0] / 2
    assert notes_race.loss(ours, x, y) == pytest.approx(at_200)


def raced(loss=None, **epochs):
    """The stored race with other epochs for some arms, or another last loss for all."""
    there = stored("notes_race")
    arms = there.axes["arm"]
    table = np.empty(len(arms), dtype=object)
    for i, arm in enumerate(arms):
        told = epochs.get(arm.replace(" ", "_").replace(".", "_"))
        table[i] = {"epochs": there["epochs"].at(arm=arm) if told is None else np.full(16, told)}
        table[i]["loss"] = there["loss"].at(arm=arm) if loss is None else np.full(16, loss)
    return Sweep(there.axes, there.seeds, table)


@pytest.mark.parametrize(
    "epochs, verdict",
    [
        ({"Momentum_0_19": 1400, "Momentum_0_1": 2000, "SGD_0_3": 5000, "SGD_0_1": np.inf}, "reproduced"),
        ({"Momentum_0_19": 100, "Momentum_0_1": 2000, "SGD_0_3": 5000, "SGD_0_1": np.inf}, "direction"),
        ({"Momentum_0_19": 6000, "Momentum_0_1": 2000, "SGD_0_3": 5000, "SGD_0_1": np.inf}, "refuted"),
        ({"Momentum_0_19": 1400, "Momentum_0_1": 2000, "SGD_0_3": 5000, "SGD_0_1": 4000}, "refuted"),
    ],
)
def test_row_5_follows_the_stored_epochs(epochs, verdict):
    assert notes_race.row_5(raced(**epochs)).verdict == verdict


@pytest.mark.parametrize(
    "epochs, verdict",
    [
        ({"AdaGrad_0_3": 8000, "AdaGrad_0_5": 3000, "AdaGrad_0_7": 1750}, "direction"),
        ({"AdaGrad_0_3": 9000, "AdaGrad_0_5": 8000, "AdaGrad_0_7": 1750}, "direction by order"),
        ({"AdaGrad_0_3": 1000}, "not seen at our size"),
        ({"RMSprop_0_1": 5000}, "not seen at our size"),
    ],
)
def test_row_6_follows_the_stored_epochs(epochs, verdict):
    found = notes_race.row_6(raced(**epochs))
    assert found.verdict + " by order" * found.by_order(found.rule) == verdict


def test_row_6_needs_the_published_loss_at_which_rmsprop_stays():
    found = notes_race.row_6(raced(loss=0.02, AdaGrad_0_3=8000, AdaGrad_0_5=3000, AdaGrad_0_7=1750))
    assert found.by_order(found.rule)


def test_the_notes_nesterov_tests_weights_that_are_momentums_at_1_9_times_the_rate():
    x, y, theta, _ = notes_race.start(3)
    momentum, notes = theta.copy(), theta.copy()
    m, v, ahead = np.zeros(10), np.zeros(10), np.zeros(10)
    for i in range(0, 200, 10):
        notes -= 0.9 * v  # and it stays there
        ahead[:], step = notes, np.zeros(10)
        notes_race.train_epoch(ahead, step, np.zeros(10), 0, x[i : i + 10], y[i : i + 10], 0, 0.1)
        np.testing.assert_allclose(momentum, notes, rtol=1e-10, atol=1e-14)
        v = 0.9 * v + (notes - ahead)  # η times the gradient
        notes = notes - v
        method = notes_race.METHODS.index("Momentum")
        notes_race.train_epoch(momentum, m, np.zeros(10), i, x[i : i + 10], y[i : i + 10], method, 0.19)


def test_heavy_tails_have_as_many_examples_of_rare_classes_as_of_frequent_ones():
    counts = np.bincount(heavy_tails.classes("heavy"))
    assert counts.sum() == 6 * 2**6 and len(counts) == 63
    assert [int(n) for n in np.unique(counts)[::-1]] == [64, 32, 16, 8, 4, 2]
    assert all(counts[counts == n].sum() == 64 for n in np.unique(counts))
    assert np.ptp(np.bincount(heavy_tails.classes("balanced"))) == 1
    for arm in ("light GD 0.1", "heavy SGD 0.1", "heavy"):
        with pytest.raises(ValueError, match=f"heavy or balanced, GD or Adam and a rate, got '{arm}'"):
            heavy_tails.run(0, arm)


def test_heavy_tails_start_at_the_loss_of_guessing_and_go_down(monkeypatch):
    monkeypatch.setattr(heavy_tails, "STEPS", 0)
    assert heavy_tails.run(0, "heavy GD 0.03")["loss"] == pytest.approx(np.log(63))
    monkeypatch.setattr(heavy_tails, "STEPS", 5)
    assert heavy_tails.run(0, "heavy GD 0.03")["loss"] < np.log(63)


def tails(alike=False, **losses):
    """Heavy-tail runs in which GD is slow on rare classes, with other losses for some methods.

    The rate 0.1 is the best for GD and 0.01 for Adam, if not all are alike.
    """
    table = np.empty(len(heavy_tails.AXES["arm"]), dtype=object)
    for i, arm in enumerate(heavy_tails.AXES["arm"]):
        labels, method, rate = arm.split(" ")
        loss, frequent, rare = losses.get(
            f"{labels}_{method}", (2.0, 0.5, 4.0) if method == "GD" else (0.1,) * 3
        )
        worse = 0 if alike else abs(np.log(float(rate) / (0.1 if method == "GD" else 0.01)))
        values = {"loss": loss, "frequent": frequent, "rare": rare}
        table[i] = {part: np.full(4, value + worse) for part, value in values.items()}
    return Sweep(heavy_tails.AXES, range(4), table)


@pytest.mark.parametrize(
    "losses, verdict, other",
    [
        ({}, "direction", "direction"),
        ({"balanced_Adam": (2.0,) * 3}, "direction", "direction"),
        ({"heavy_GD": (0.05, 0.01, 0.1)}, "not seen at our size", "not seen at our size"),
    ],
)
def test_row_25_follows_the_losses(losses, verdict, other):
    ((page, found),) = heavy_tails.replications(tails(**losses))
    assert (page, found.verdict, found.under(found.others[0])) == ("transformer", verdict, other)


def test_row_25_needs_rare_classes_to_be_slow_with_gradient_descent_alone():
    slow = heavy_tails.replications(tails())[0][1]
    assert not slow.undecided
    both = heavy_tails.replications(tails(heavy_Adam=(0.1, 0.05, 0.2)))[0][1]
    assert slow.rule.holds and both.rule.order and not both.rule.holds
    assert not slow.others[1].holds and "inside the grid" in slow.ours
    assert heavy_tails.replications(tails(balanced_Adam=(1.9,) * 3))[0][1].others[1].holds


@pytest.mark.parametrize(
    "adam, last", [(0.1, "the last rate of the grid is the best for gradient descent"),
                   (0.01, "the last rate of the grid is the best for both")],
)  # fmt: skip
@pytest.mark.parametrize(
    "wrong, told", [(1.01, ""), (0.99, ", and at its best rate each method tells the 63")]
)
def test_row_25_ranks_nothing_where_larger_rates_go_on_helping(monkeypatch, adam, last, wrong, told):
    most = {"GD": 0.1, "Adam": adam}
    short = [arm for arm in heavy_tails.AXES["arm"] if float(arm.split(" ")[2]) <= most[arm.split(" ")[1]]]
    monkeypatch.setitem(heavy_tails.AXES, "arm", short)
    loss = wrong * np.log(2) / 384  # of 384 examples: one may be wrong, or none
    ((_, found),) = heavy_tails.replications(tails(heavy_GD=(loss,) * 3, heavy_Adam=(0.0001,) * 3))
    assert not found.rule.holds and not found.rule.order and "at the edge of the grid" in found.ours
    assert f"| the same, but {last}: not tuned |" in found.markdown()
    assert f"the trial decides nothing, since {last}{told}" in found.meaning
    assert ("without error" in found.meaning) == bool(told)


@pytest.mark.parametrize(
    "rates, edge",
    [
        ({"GD": (0.01, 10), "Adam": (0.001, 1)}, ""),
        ({"GD": (0.01, 0.1), "Adam": (0.001, 0.01)}, "the largest rate of the grid is the best for both"),
        ({"GD": (0.1, 10), "Adam": (0.01, 1)}, "the smallest rate of the grid is the best for both"),
        ({"GD": (0.01, 10), "Adam": (0.01, 1)}, "the smallest rate of the grid is the best for Adam"),
    ],
)
@pytest.mark.parametrize(
    "gd, adam, ends",
    [
        (1.01 * np.log(2) / 384, 0.0001, ""),
        (
            0.99 * np.log(2) / 384,
            0.0001,
            ", and both end at a loss below 10⁻²: so many inputs tell 63 classes",
        ),
        (0.0, 0.0005, ", and both end at a loss below 10⁻³: so many inputs tell"),
        (0.0, 0.0, ", and both end at a loss of 0: so many inputs tell"),
    ],
)
def test_the_page_ranks_nothing_exactly_where_row_25_does_not(monkeypatch, rates, edge, gd, adam, ends):
    arms = [arm.split(" ") for arm in heavy_tails.AXES["arm"]]
    some = [" ".join(arm) for arm in arms if rates[arm[1]][0] <= float(arm[2]) <= rates[arm[1]][1]]
    monkeypatch.setitem(heavy_tails.AXES, "arm", some)
    runs = tails(heavy_GD=(gd, 0.5, 4.0), heavy_Adam=(adam,) * 3)
    ((_, row),), said = heavy_tails.replications(runs), heavy_tails.in_words(runs)
    assert ("without error" in said) == ("without error" in row.undecided) == bool(edge and ends)
    if edge:
        told = f"{edge} methods{ends}" if edge.endswith("both") else f"{edge}{ends}"
        assert row.undecided
        assert said.startswith(
            f"At this size the control decides nothing. On the heavy-tailed classes {told}"
        )
    else:
        assert not row.undecided and said.startswith("On the heavy-tailed classes gradient descent ends at")


@pytest.mark.parametrize(
    "alike, frequent, rare, slow, adam",
    [
        (
            False,
            0.5,
            4.0,
            "1.7 to 8.0 times that on the most frequent one",
            "at most 8.0 times, at every rate",
        ),
        (
            True,
            0.5,
            0.0,
            "0.0 times that on the most frequent one",
            "at most 0.0 times, at every rate",
        ),
        (True, 0.0, 0.0, "0, as on the most frequent one", "0 on both at every rate"),
        (
            False,
            0.0,
            0.0,
            "1.0 times that on the most frequent one, where it is not 0 on both",
            "at most 1.0 times, at every rate at which it is not 0 on both",
        ),
    ],
)
def test_a_loss_of_0_on_the_rarest_classes_is_0_times_another_one_and_nothing_times_0(
    alike, frequent, rare, slow, adam
):
    runs = tails(alike, heavy_GD=(2.0, frequent, rare), heavy_Adam=(0.0, frequent, rare))
    ((_, row),) = heavy_tails.replications(runs)
    assert row.ours.endswith(f"its loss on the rarest classes is {slow}; Adam's is {adam}")
    if row.undecided:
        assert heavy_tails.in_words(runs).endswith(f"on the rarest classes is {slow}. Adam's is {adam}.")


def test_row_25_bears_losses_that_are_0_to_rounding():
    with np.errstate(all="raise"):
        both = heavy_tails.replications(tails(heavy_GD=(0.5, 0.0, 4.0), heavy_Adam=(0.0, 0.0, 0.0)))[0][1]
    assert "to infinitely many times that on the most frequent one" in both.ours
    assert "Adam's is at most 1.0 times, at every rate at which it is not 0 on both" in both.ours


def test_row_25_tells_which_classes_are_behind_where_training_is_not_over():
    found = heavy_tails.rare_by_frequent(tails(heavy_GD=(2.0, 0.5, 4.0)), "GD")
    loss, ratio = found[0.1]
    assert (loss, ratio) == (2.0, 8.0) and list(found) == [0.01, 0.03, 0.1, 0.3, 1, 3, 10]
    told = heavy_tails.replications(tails())[0][1].ours
    assert "(a loss above 0.1: rates 0.01 to 10)" in told and "1.7 to 8.0 times" in told
    over = heavy_tails.replications(tails(heavy_GD=(-9.0, 0.5, 4.0)))[0][1].ours
    assert "Gradient descent's training is over at every rate" in over


@pytest.mark.parametrize("name", records.names())
def test_one_record_of_every_stored_result_is_computed_again(name):
    if not records.is_stored(name):
        pytest.skip("not run yet; the ledger says so")
    command = [sys.executable, "-m", "dlbook.replications.full", "--check", name]
    environment = os.environ | PINNED | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode == full.NO_DATA:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("below, up", [("", ""), ("deeper", "../")])
def test_the_pages_boxes_say_what_their_facts_say(below, up):
    found = 0
    for path in (CHAPTERS / below).glob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", []):
                data = output.get("data", {})
                if MIME in data:
                    box, found = Replication.of_dict(data[MIME]).output(up), found + 1
                    assert box["text/plain"] == data["text/plain"]
                    assert box["text/markdown"] == data["text/markdown"], (
                        f"{path.name}: run `python -m dlbook.replications.ledger --stored`"
                    )
    assert found > 3


def test_a_box_is_written_anew_from_its_facts_and_the_rest_of_its_page_stays(tmp_path):
    (tmp_path / "deeper").mkdir()
    for name, text in [("deeper/old", "an older text"), ("new", None)]:
        page = notebook_of(one())
        data = page.cells[-1].outputs[0].data
        data.update(json.loads(json.dumps(one().output("../" if "/" in name else ""))))
        if text:
            data["text/markdown"] = text
        nbformat.write(page, tmp_path / f"{name}.ipynb")
    before = (tmp_path / "new.ipynb").read_bytes()
    assert redraw(tmp_path) == ["deeper/old"] and (tmp_path / "new.ipynb").read_bytes() == before
    page = nbformat.read(tmp_path / "deeper/old.ipynb", as_version=4)
    assert page.cells[-1].outputs[0].data["text/markdown"] == one().output("../")["text/markdown"]
    assert list(harvest(page)) == [(one(), 4)] and page.cells[2].source == "run()"
    assert redraw(tmp_path) == []


def test_a_stored_row_s_new_facts_come_to_the_page_that_shows_it(tmp_path, monkeypatch):
    older, now = one(), one(ours="ahead in 15 of 16 sets")
    monkeypatch.setattr("dlbook.replications.ledger.full_size", lambda: ([(now, "splits", 60.0)], []))
    other = notebook_of(one(source="Kohavi 1995, table 3"))  # of no stored experiment
    for name, page in [("shown", notebook_of(older)), ("other", other)]:
        data = page.cells[-1].outputs[0].data
        data.update(json.loads(json.dumps(Replication.of_dict(data[MIME]).output(""))))
        nbformat.write(page, tmp_path / f"{name}.ipynb")
    assert redraw(tmp_path) == ["shown"]
    page = nbformat.read(tmp_path / "shown.ipynb", as_version=4)
    assert page.cells[-1].outputs[0].data == now.output("") and list(harvest(page)) == [(now, 4)]
    assert redraw(tmp_path) == []


def test_a_row_whose_other_experiment_is_missing_is_left_out(monkeypatch):
    def stored(name, whole=records.stored):
        if name == "grokking_incomplete":
            raise records.NotRunError(name)
        return whole(name)

    monkeypatch.setattr(records, "stored", stored)
    monkeypatch.setattr(
        records,
        "is_stored",
        lambda name, there=records.is_stored: name != "grokking_incomplete" and there(name),
    )
    entries, missing = full_size()
    assert missing == ["grokking_incomplete"] and 31 not in {found.number for found, _, _ in entries}


@pytest.mark.parametrize("given", [["--boxes"], ["--stored", "dropout"], ["deeper/nothing"], ["index"]])
def test_the_ledger_is_written_of_pages_that_replicate_something(given):
    with pytest.raises(SystemExit, match=f"give --stored alone, or pages .*, not {' '.join(given)}"):
        main(given)


def test_a_page_shows_the_box_and_nothing_of_the_facts():
    renderers = {one.name: one.load() for one in entry_points(group="myst_nb.mime_renderers")}
    facts, box = types.SimpleNamespace(mime_type=MIME), types.SimpleNamespace(mime_type="text/markdown")
    told = [one.handle_mime(None, facts, False) for one in renderers.values()]
    assert [] in told, "no renderer takes the facts: pip install --editable ."
    assert all(one.handle_mime(None, box, False) is None for one in renderers.values())


@pytest.mark.parametrize("method", ["none", "dropout"])
def test_a_network_of_the_regularizers_trained_alone_is_as_trained_beside_others(method):
    runs = [{"method": other, "seed": seed} for other in ("L1", method) for seed in (3, 4)]
    beside = notes_regularizers.run_together(runs, epochs=100)
    assert notes_regularizers.run(4, method, epochs=100) == beside[3]
    assert beside[0] != beside[1] and beside[1] != beside[3]


def test_the_regularizers_network_has_the_gradients_of_the_library():
    rng = np.random.default_rng(0)
    layers = [Dense(n_in, n_out, rng=rng) for n_in, n_out in notes_regularizers.SIZES]
    net = Network(layers[0], Sigmoid(), layers[1], Tanh(), layers[2], Tanh(), layers[3])
    x, y = rng.normal(size=(2, 5, 1))
    _, dy = mse(net.forward(x), y)
    net.backward(dy / 2)
    dW, db = notes_regularizers.gradients(
        x[None], y[None], [one.W[None] for one in layers], [one.b[None, None] for one in layers]
    )
    for layer, slope, offset in zip(layers, dW, db, strict=True):
        np.testing.assert_allclose(slope[0], layer.dW)
        np.testing.assert_allclose(offset[0, 0], layer.db)


def test_the_regularizers_dropout_is_scaled_in_evaluation_as_in_the_notes():
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(1, *shape)) for shape in notes_regularizers.SIZES]
    biases = [rng.normal(size=(1, 1, shape[1])) for shape in notes_regularizers.SIZES]
    kept1, kept3 = (1 - p for p in notes_regularizers.DROPPED)
    dropped = notes_regularizers.measured(weights, biases, kept1, kept3)[0]
    smaller = [weights[0], kept1 * weights[1], weights[2], kept3 * weights[3]]
    np.testing.assert_allclose(dropped, notes_regularizers.measured(smaller, biases, 1.0, 1.0)[0])
    assert not np.allclose(dropped, notes_regularizers.measured(weights, biases, 1.0, 1.0)[0])


def test_naive_bayes_answers_as_scikit_learn_s():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(90, 4)), rng.integers(0, 3, 90)
    x += y[:, None]
    ours = kohavi_folds.bayes(x, *kohavi_folds.sums(x, y, 3))
    theirs = GaussianNB(var_smoothing=0.01 / x.var(axis=0).max()).fit(x, y).predict(x)
    assert np.array_equal(ours, theirs) and 0.5 < np.mean(ours == y) < 1


def test_the_autoencoder_s_gradient_is_right():
    rng = np.random.default_rng(2)
    x, noise = rng.uniform(size=(3, adam_correction.PIXELS)), rng.normal(size=(3, adam_correction.LATENT))
    theta = 0.1 * rng.normal(size=adam_correction.SIZE)
    some = rng.choice(theta.size, 60, replace=False)
    f_and_grad = partial(adam_correction.loss_and_gradient, x=x, noise=noise)
    assert check(f_and_grad, theta, coordinates=some).passed


def test_the_autoencoder_of_zeros_knows_nothing():
    x = np.random.default_rng(0).uniform(size=(2, adam_correction.PIXELS))
    loss, _ = adam_correction.loss_and_gradient(
        np.zeros(adam_correction.SIZE), x, np.zeros((2, adam_correction.LATENT))
    )
    assert loss == pytest.approx(adam_correction.PIXELS * np.log(2))


def swept(module, seeds, result):
    """A result for each setting of an experiment; `result` takes the setting and gives lists by seed."""
    shape = [len(values) for values in module.AXES.values()]
    table = np.empty(len(records.settings_of(module)), dtype=object)
    for i, setting in enumerate(records.settings_of(module)):
        table[i] = {part: np.array(values) for part, values in result(**setting).items()}
    axes = {axis: tuple(values) for axis, values in module.AXES.items()}
    return Sweep(axes, tuple(range(seeds)), table.reshape(shape))


@pytest.mark.parametrize(
    "gains, holds, order",
    [
        ([-1, 0, 1, 2, 2, 1], True, True),
        ([1, 2, 3, 1, 1, 1], False, True),
        ([3, 2, 1, 1, 1, 1], False, False),
    ],
)
def test_row_14_asks_for_a_gain_that_comes_with_the_data(gains, holds, order):
    def error(arm, size, rate):
        gain = gains[dropout_size.AXES["size"].index(size)] / 100
        chosen = (rate == 0.001) == (arm == "half")  # each arm has a rate of its own
        test = 0.2 - gain * (arm == "half") if chosen else 0.1
        return {"test": [test], "train": [0.0], "held": [0.2 if chosen else 0.3]}

    ((page, found),) = dropout_size.replications(swept(dropout_size, 1, error))
    assert page == "dropout" and (found.rule.holds, found.rule.order) == (holds, order)


def test_row_14_tells_the_rates_and_sizes_that_it_is_given(monkeypatch):
    monkeypatch.setitem(dropout_size.AXES, "rate", [0.01, 0.1])
    monkeypatch.setitem(dropout_size.AXES, "size", [500, 1000, 5000])
    errors = {part: [0.2] for part in ("test", "train", "held")}
    ((_, found),) = dropout_size.replications(swept(dropout_size, 1, lambda **setting: errors))
    box = found.markdown()
    assert "| Fashion-MNIST, 500 to 5,000 images |" in box and "at 500, 1,000, 5,000 images" in box
    assert "| Adam at the best of 0.01 and 0.1, 1,000 to 3,000 batches of 128;" in box


def twice(runs):
    """A stored sweep with each seed once more."""
    table = [{part: np.concatenate([rows] * 2) for part, rows in outputs.items()} for _, outputs in runs]
    cells = np.empty(len(table), dtype=object)
    cells[:] = table
    more = tuple(max(runs.seeds) + 1 + seed for seed in range(len(runs.seeds)))
    return Sweep(runs.axes, (*runs.seeds, *more), cells.reshape([len(axis) for axis in runs.axes.values()]))


@pytest.mark.parametrize(
    "name", [name for name in records.names() if hasattr(records.experiment(name), "replications")]
)
def test_a_row_tells_no_other_number_of_seeds_than_it_is_given(name):
    module, runs = records.experiment(name), stored(name)
    seeds = len(runs.seeds)
    words = {1: "one", 2: "two", 3: "three"}.get(seeds, seeds)
    for _, row in module.replications(twice(runs)):
        told = " ".join([row.ours, *(rule.text for rule in (row.rule, *row.others))])
        assert not re.search(rf"\b({seeds}|{words}) (seeds?|pairs)\b", told), told
        assert {part: ours for part, _, ours, _ in row.protocol}["seeds"] != f"{seeds:,}"


def test_the_rows_of_the_transformer_tell_the_steps_that_are_set(monkeypatch):
    monkeypatch.setitem(transformer.SETTINGS, "steps", 150)
    rows = [row for _, row in transformer.replications(stored("transformer"))]
    told = [" ".join([row.ours, row.undecided, *(ours for *_, ours, _ in row.protocol)]) for row in rows]
    assert all(re.search(r"\b150\b", text) and not re.search(r"\b200\b", text) for text in told)


def test_row_26_counts_the_seeds_of_the_tuning(monkeypatch):
    tuned = twice(stored("transformer_tuning"))
    monkeypatch.setattr(transformer.records, "stored", lambda name: tuned)
    found = transformer.replications(stored("transformer"))[0][1]
    assert re.search(
        r"4 seeds of post-norm have [\d.]+, [\d.]+, [\d.]+ and [\d.]+ with a warm-up", found.ours
    )


@pytest.mark.parametrize(
    "with_it, moves, verdict",
    [(0.9, 0.1, "direction"), (0.9, 9.0, "direction"), (0.5, 0.1, "not seen at our size")],
)
def test_row_10_asks_for_accuracy_and_steady_inputs(with_it, moves, verdict):
    def result(norm, rate):
        looks = len(batchnorm_sigmoid.LOOKS)
        middle = np.linspace(0, moves if norm == "batch" else 5, looks)
        quantiles = np.stack([middle - 1, middle, middle + 1], axis=1)[..., None]
        accuracy = np.full(looks, with_it if norm == "batch" else 0.8)
        return {"accuracy": [accuracy], "quantiles": [quantiles]}

    ((_, found),) = batchnorm_sigmoid.replications(swept(batchnorm_sigmoid, 1, result))
    assert found.verdict == verdict
    assert found.rule.holds == (with_it > 0.8 and moves < 2.5)


@pytest.mark.parametrize("adam, holds, order", [(0.3, True, True), (0.4, False, True), (0.6, False, False)])
def test_row_19_asks_whether_adam_is_as_fast_as_nesterov(adam, holds, order):
    losses = {"Adam": adam, "Nesterov": 0.3, "AdaGrad": 0.9, "AdaGrad-constant": 0.5}
    losses |= {"Adam-constant": 0.7, "Nesterov-constant": 0.7}
    runs = swept(
        adam_logistic, 1, lambda arm: {"loss": [losses[arm.split()[0]] + float(arm.split()[1]) / 1e9]}
    )
    ((_, found),) = adam_logistic.replications(runs)
    assert (found.rule.holds, found.rule.order) == (holds, order)
    assert "at the edge of its grid: Adam, AdaGrad, AdaGrad-constant, Nesterov" in found.ours


def test_row_19_takes_each_method_with_its_better_schedule():
    losses = {"Adam": 0.7, "Nesterov": 0.7, "AdaGrad": 0.9, "AdaGrad-constant": 0.5}
    losses |= {"Adam-constant": 0.3, "Nesterov-constant": 0.4}
    ((_, found),) = adam_logistic.replications(
        swept(adam_logistic, 1, lambda arm: {"loss": [losses[arm.split()[0]]]})
    )
    falling, as_run_first, *_ = found.others
    assert found.rule.holds and found.rule.fixed
    assert falling.holds and not as_run_first.holds


@pytest.mark.parametrize("adam, verdict", [(0.1, "direction"), (0.6, "not seen at our size")])
def test_row_19_asks_whether_adam_is_lowest_with_dropout(adam, verdict):
    def result(method, factor):
        return {"curve": [[0.9, adam if method == "Adam" else 0.5]]}

    ((_, found),) = adam_dropout.replications(swept(adam_dropout, 1, result))
    assert found.verdict == verdict


@pytest.mark.parametrize(
    "off, holds, order",
    [
        (lambda beta2: 2 if beta2 == 0.9999 else 1, True, True),
        (lambda beta2: 2 if beta2 == 0.99 else 1, False, False),
        (lambda beta2: {0.99: 0.5, 0.999: 1, 0.9999: 2}[beta2], False, True),  # ahead without it somewhere
    ],
)
def test_row_19_asks_where_the_correction_helps(off, holds, order):
    def result(beta1, beta2, rate, correction):
        loss = off(beta2) if correction == "off" else 1
        return {"loss_at_1": [loss], "loss_at_10": [loss]}

    ((_, found),) = adam_correction.replications(swept(adam_correction, 1, result))
    assert (found.rule.holds, found.rule.order) == (holds, order)


@pytest.mark.parametrize(
    "experiment, given, message",
    [
        (
            dropout_size,
            {"arm": "third", "size": 100, "rate": 0.001},
            "arm must be one of none, fifth, half, .*, got 'third'",
        ),
        (notes_regularizers, {"method": "L3"}, "method must be one of none, L2, L1, dropout, got 'L3'"),
        (kohavi_folds, {"task": "hats"}, "task must be one of T-shirt or shirt, .*, got 'hats'"),
        (adam_logistic, {"arm": "Adam"}, "arm must be one of Adam, .* and a rate, .*, got 'Adam'"),
        (adam_logistic, {"arm": "Adam-linear 0.1"}, "arm must be one of .*, got 'Adam-linear 0.1'"),
        (adam_dropout, {"method": "SGD", "factor": 1.0}, "method must be one of Adam, .*, got 'SGD'"),
        (batchnorm_sigmoid, {"norm": "layer", "rate": 1.0}, "norm must be 'none' or 'batch', got 'layer'"),
        (
            adam_correction,
            {"beta1": 0.9, "beta2": 0.99, "rate": 0.1, "correction": "half"},
            "correction must be 'on' or 'off', got 'half'",
        ),
    ],
)
def test_an_unknown_setting_is_refused(experiment, given, message):
    with pytest.raises(ValueError, match=message):
        experiment.run(0, **given)
