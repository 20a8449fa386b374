"""The ledger: which published results did the book try again, and what came out?

`make replications` runs all pages that end an experiment with `replicated`, with a clock, and gathers the
boxes with the stored results of the experiments at full size into `chapters/replications.md`.
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path

from dlbook.replications import records
from dlbook.replications.verdicts import MIME, VERDICTS, Replication, anchor_of

FIRST = Path(__file__).parent / "first_edition.json"
"""The verdicts of the first edition, which rows they are now, and why one has another verdict."""


def harvest(notebook):
    """Yield every replication in an executed notebook, and the index of its cell."""
    for i, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if MIME in (data := output.get("data", {})):
                yield Replication.of_dict(data[MIME]), i


def seconds(notebook, last):
    """How long the code of a section took, from its heading to cell `last`, by the clock of `run`."""
    total = 0.0
    for cell in reversed(notebook.cells[: last + 1]):
        if cell.cell_type == "markdown" and re.search(r"^##+ ", cell.source, re.MULTILINE):
            break
        total += cell.metadata.get("seconds", 0.0)
    return total


def full_size():
    """Return the rows of the experiments whose results are stored, and the names of the others.

    Returns
    -------
    entries : list of (Replication, page, seconds)
    missing : list of str
    """
    entries, missing = [], []
    for name in records.names():
        module = records.experiment(name)
        if not records.is_stored(name):
            missing.append(name)
        elif hasattr(module, "replications"):
            try:
                rows = module.replications(records.stored(name))
            except records.NotRunError:  # it compares with another experiment, which is among the missing
                continue
            time = records.cost(name)[0]
            for page, found in rows:
                entries.append((found, page, time))
                time = 0.0  # one run serves all of its rows
    return entries, missing


def joined(pages, full):
    """The entries of pages and of stored results; a row that a page shows and an experiment runs is one.

    Raises
    ------
    ValueError
        If a page shows another text than the stored result gives.
    """
    shown = {found.anchor: (found, page) for found, page, _ in pages}
    for found, _, _ in full:
        if found.anchor in shown and shown[found.anchor][0] != found:
            raise ValueError(
                f"{shown[found.anchor][1]} shows an older result of {found.source}:"
                " python -m dlbook.replications.ledger --stored"
            )
    stored = {found.anchor for found, _, _ in full}
    return [entry for entry in pages if entry[0].anchor not in stored] + [
        (found, shown.get(found.anchor, (found, page))[1], time) for found, page, time in full
    ]


PAGE = """# Published results, tried again

Every line is a published result that the book tries again. The verdict is computed from what the run gave, by
a rule that stands in the row's box, and from what of the published protocol was made smaller or exchanged:

{scale}

{tally} A line that no longer holds fails the tests. Under each verdict stands when its rule was fixed, and
what every other rule that was considered would say. *By order only* marks a verdict whose rule failed while
the order or the sign in it held. *s* are the seconds that the code takes on one core.
Rows marked *full* have the published length or number of runs, on other data where the box says so. Rows
marked *longer* or *stored* ran for longer than a page may, and most are still far from the published size.
All of these take minutes, so their results are stored with their dates, and the tests compute one record of
each again.

## The rows by chapter

{table}

Seconds in all: {short} on the pages, {long} for those that are stored.

## Verdicts that changed since the first edition

The first edition had three verdicts: *reproduced*, *shape only*, *not reproducible*. It called
"not reproducible" what it had tried at a tenth of the published size. A *shape only* that is *direction* now,
and a *not reproducible* that is *refuted*, are no change. The changes are:

{changes}

{missing}

## Try it yourself

A row whose box names an experiment can be continued with a seed or a setting of your own:

```python
from dlbook.replications import again

again("notes_race", seed=99)  # a seed that is not among ours
again("notes_race", arm="Adam 0.02", seed=99)  # a setting that is not among ours
```

It runs the experiment once at its published length and says how many of our runs are above and below yours.
`python -m dlbook.replications.full notes_race` runs all of them, or what is missing of them.

## The boxes

{boxes}
"""


def ledger(entries, missing=(), chapters=(), boxed=None, headings=None):
    """The page `chapters/replications.md`.

    Parameters
    ----------
    entries : list of (Replication, page, seconds)
        A page is "adam" or, below a chapter, "deeper/adam_race".
    missing : sequence of str
        Experiments without a stored result.
    chapters : sequence of str
        The names of the chapters in the order of the book.
    boxed : set of str, optional
        The anchors of the boxes that the pages have; all, if not given.
    headings : dict of str: str, optional
        What the pages are called; by default their names.

    Raises
    ------
    ValueError
        If two rows have one name.
    """
    anchors = [found.anchor for found, _, _ in entries]
    twice = [anchor for anchor in anchors if anchors.count(anchor) > 1]
    if twice:
        raise ValueError(f"two rows have the name {twice[0]}: give their sources different figures or parts")
    entries = sorted(entries, key=lambda entry: (entry[0].number, entry[0].source))
    named = {verdict: sum(found.verdict == verdict for found, _, _ in entries) for verdict in VERDICTS}
    scale = "\n".join(f"- **{verdict}** ({named[verdict]}): {told}." for verdict, told in VERDICTS.items())
    plain = set(anchors) - boxed if boxed is not None else set()
    table = []
    for chapter in _ordered({chapter_of(page, chapters) for _, page, _ in entries}, chapters):
        title = _heading(chapter, headings).partition(": ")[0]
        table += [
            f"### [{title}]({chapter}.ipynb)",
            "",
            '<div class="ledger">',
            "",
            "| row | source | verdict | s |",
            "|--:|---|---|--:|",
        ]
        table += [
            f"| {found.number} | [{found.source}](replications.md#{found.anchor}){_full(found)}"
            f" | **{found.verdict}**{_by_order(found, found.rule)}{_by_rules(found)} | {time:.0f} |"
            for found, page, time in entries
            if chapter_of(page, chapters) == chapter
        ]
        table += ["", "</div>", ""]
    return PAGE.format(
        scale=scale,
        tally=f"{len(entries)} results in {len({found.number for found, _, _ in entries})} rows.",
        table="\n".join(table).rstrip(),
        short=f"{sum(round(time) for found, _, time in entries if not found.run):,}",
        long=f"{sum(round(time) for found, _, time in entries if found.run):,}",
        changes="\n".join(changes([found for found, _, _ in entries])),
        missing=_told_missing(missing),
        boxes="\n\n".join(
            found.markdown("", _link(page, "" if found.anchor in plain else found.anchor, headings))
            for found, page, _ in entries
        ),
    )


def _full(found):
    """The mark of a row at full size, where its name does not say it."""
    return " *(stored)*" if found.run and "(" not in found.source else ""


def _by_rules(found):
    """When a row's rule was fixed, and the verdicts of the others, as the end of a table's cell."""
    told = f"rule {found.rule.when}"
    others = Counter(found.under(rule) + _by_order(found, rule) for rule in found.others)
    if others:
        told += "; by other rules: " + ", ".join(
            verdict + (f" ({times})" if times > 1 else "") for verdict, times in others.items()
        )
    return f"<br><small>{told}</small>"


def _by_order(found, rule):
    """The mark of a verdict whose rule failed while its order held."""
    return " by order only" if found.by_order(rule) else ""


def _link(page, anchor, headings):
    """The line of a box that leads to its page, to the box there if it has one."""
    place = f"#{anchor}" if anchor else ""
    return f"**More in** [{_heading(page, headings)}]({page}.ipynb{place})."


def _heading(page, headings):
    return (headings or {}).get(page) or page.rpartition("/")[2].replace("_", " ").capitalize()


def now(row, found):
    """The rows that a row of the first edition is today.

    Those that its entry names, or those whose anchors begin with its own.
    """
    mine = row.get("now") or [anchor_of(row["number"], row["source"])]
    return [one for one in found if any(f"{one.anchor}-".startswith(f"{name}-") for name in mine)]


def changes(found, first=None):
    """Yield a line for each row of the first edition whose verdict is another one now, and why."""
    first = json.loads(FIRST.read_text(encoding="utf-8")) if first is None else first
    same = {"reproduced": "reproduced", "shape only": "direction", "not reproducible": "refuted"}
    for row in first:
        rows = now(row, found)
        if {one.verdict for one in rows} - {same[row["verdict"]]}:
            why = row.get("why") or f"Less or other than was published: {rows[-1].differences}."
            told = ", ".join(f"[{one.verdict}](replications.md#{one.anchor})" for one in rows)
            yield f"- **Row {row['number']}, {row['source']}**: {row['verdict']}, now {told}. {why}"


def _told_missing(missing):
    if not missing:
        return "Every stored experiment has been run to its end."
    names = ", ".join(f"`{name}`" for name in missing)
    return f"Not run yet at full size: {names} (`make replications FULL=1` runs them)."


def chapter_of(page, chapters):
    """The chapter that a page belongs to: "deeper/adam_races" belongs to "adam"."""
    stem = page.rpartition("/")[2]
    above = [name for name in chapters if stem == name or stem.startswith(f"{name}_")]
    return max(above, key=len, default=stem)


def _ordered(names, chapters):
    chapters = list(chapters)
    return sorted(names, key=lambda name: (chapters.index(name) if name in chapters else len(chapters), name))


def chapters_of(contents):
    """The names of the chapters in the order of a book's table of contents, as text."""
    return re.findall(r"file: chapters/([\w-]+)\s", contents + "\n")


def headings(folder="chapters"):
    """What the pages are called, by their names."""
    from dlbook.notebooks import chapters, heading

    return {name_of(path): heading(json.loads(path.read_text(encoding="utf-8"))) for path in chapters(folder)}


def name_of(path):
    """Return a page's name: "adam" or "deeper/adam_race"."""
    return f"deeper/{path.stem}" if path.parent.name == "deeper" else path.stem


def run(path):
    """Run a page, with a clock for each cell; return its replications as `ledger` takes them."""
    import nbformat  # here, since every chapter imports this package
    import psutil
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)

    def used():  # by the kernel and what it started: the machine may be shared
        kernel = psutil.Process(client.km.provisioner.pid)
        return sum(sum(one.cpu_times()[:2]) for one in [kernel, *kernel.children(recursive=True)])

    def begin(cell, cell_index):
        cell.metadata["seconds"] = -used()

    def end(cell, cell_index, execute_reply):
        cell.metadata["seconds"] += used()

    client = NotebookClient(
        notebook,
        timeout=600,
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_execute=begin,
        on_cell_executed=end,
    )
    client.execute()
    return [(found, name_of(path), seconds(notebook, i)) for found, i in harvest(notebook)]


def clock(page):
    """The seconds that a ledger's page has for each row, by anchor."""
    rows = re.findall(r"#(replication-[^)]+)\).*\| (\d+) \|$", page, re.MULTILINE)
    return {anchor: float(time) for anchor, time in rows}


def write(entries, folder="chapters"):
    """Write the ledger of entries and of what is stored at full size."""
    full, missing = full_size()
    contents = (Path(folder).parent / "_toc.yml").read_text(encoding="utf-8")
    boxed = {found.anchor for found, _, _ in entries}
    page = ledger(joined(entries, full), missing, chapters_of(contents), boxed, headings(folder))
    (Path(folder) / "replications.md").write_text(page, encoding="utf-8")


def as_stored(folder="chapters"):
    """The replications of the stored pages, with the seconds of the ledger that is there."""
    import nbformat

    from dlbook.notebooks import chapters

    there = clock((Path(folder) / "replications.md").read_text(encoding="utf-8"))
    return [
        (found, name_of(path), there.get(found.anchor, 0.0))
        for path in chapters(folder)
        for found, _ in harvest(nbformat.read(path, as_version=4))
    ]


def redraw(folder="chapters"):
    """Write the boxes of the stored pages anew from their facts; return the names of the pages that changed.

    The facts of a stored experiment's row are those that the experiment gives now. What a box says of its
    facts is no reason to run a page again.
    """
    import nbformat

    from dlbook.notebooks import chapters

    stored, changed = {found.anchor: found for found, _, _ in full_size()[0]}, []

    def box(facts, up):
        shown = Replication.of_dict(facts)
        return stored.get(shown.anchor, shown).output(up)

    for path in chapters(folder):
        notebook = nbformat.read(path, as_version=4)
        up = "../" if path.parent.name == "deeper" else ""
        boxes = [
            (data, box(data[MIME], up))
            for cell in notebook.cells
            for output in cell.get("outputs", [])
            if MIME in (data := output.get("data", {}))
        ]
        if any(data != new for data, new in boxes):
            for data, new in boxes:
                data.update(new)
            nbformat.write(notebook, path)
            changed.append(name_of(path))
    return changed


def main(arguments):
    """Run the pages that replicate something, one on each core, and write the ledger.

    With names of pages ("dropout deeper/adam_races") it runs those, and takes the others as they are stored.
    `--stored` runs none: it writes the boxes on the pages anew from their facts, those of a stored experiment
    from its result, and then the ledger.
    """
    from joblib import Parallel, delayed
    from tqdm import tqdm

    from dlbook.notebooks import chapters

    paths = [path for path in chapters() if "replicated(" in path.read_text(encoding="utf-8")]
    known = {name_of(path) for path in paths}
    unknown = [name for name in arguments if name not in known]
    if arguments == ["--stored"]:
        print("boxes written anew in", ", ".join(redraw()) or "no page")
    elif unknown:
        raise SystemExit(
            f"give --stored alone, or pages that replicate something ({', '.join(sorted(known))}),"
            f" not {' '.join(arguments)}"
        )
    kept = []
    if arguments:
        paths = [path for path in paths if name_of(path) in arguments]
        kept = [entry for entry in as_stored() if entry[1] not in arguments]
    runs = Parallel(n_jobs=-1, return_as="generator")(delayed(run)(path) for path in paths)
    write([*kept, *(entry for found in tqdm(runs, total=len(paths), disable=not paths) for entry in found)])


if __name__ == "__main__":
    main(sys.argv[1:])
