"""References: which sources does the book cite, and how does a chapter name one?

The sources are in `chapters/references.bib`; `make references` writes `references.md` from it:
plain Markdown with a target for each key, so it reads the same on the site, in Jupyter and on GitHub. A
chapter cites a source with a plain link, which `citation` and `parenthesis` write, and links a term alike::

    [Kohavi (1995)](references.md#kohavi1995)
    ([Kingma and Ba, 2015](references.md#kingma2015))
    [learning rate](glossary.md#learning-rate)

`dead_links` finds the links that lead nowhere.
"""

import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import nbformat
from pybtex.database import parse_string
from pybtex.richtext import Text

PAGE = "references.md"
INTRODUCTION = """# References

The sources that the chapters name, in the order of their authors. This page is derived from `references.bib`
by `make references`.
"""


@dataclass(frozen=True)
class Reference:
    """A source: key, authors' family names, year as cited ("2018a"), line on the page, address."""

    key: str
    families: tuple
    year: str
    line: str
    link: str = ""

    @property
    def authors(self):
        """The authors as a sentence names them: one, two with "and", or the first with "et al."."""
        first, *others = self.families
        if not others:
            return first
        return f"{first} and {others[0]}" if len(others) == 1 else f"{first} et al."


def read(path="chapters/references.bib"):
    """Return the references of a BibTeX file by key, in the order of authors, year and title.

    Raises
    ------
    ValueError
        If an entry lacks its author, title or year.
    """
    return parse(Path(path).read_text(encoding="utf-8"))


def parse(bibtex):
    """Return the references of BibTeX text as `read` does.

    Examples
    --------
    >>> entry = "@misc{kohavi1995, author={Kohavi, Ron}, title={A Study of Cross-Validation}, year={1995}}"
    >>> parse(entry)["kohavi1995"].line
    'Kohavi, Ron (1995). *A Study of Cross-Validation*.'
    """
    entries = parse_string(bibtex, "bibtex").entries
    for key, entry in entries.items():
        missing = [name for name in ("title", "year") if name not in entry.fields]
        missing += [] if entry.persons.get("author") else ["author"]
        if missing:
            raise ValueError(
                f"reference {key} must have author, title and year; missing: {', '.join(missing)}"
            )
    families = {
        key: tuple(_family(person) for person in entry.persons["author"]) for key, entry in entries.items()
    }
    order = sorted(
        entries, key=lambda key: (families[key], entries[key].fields["year"], entries[key].fields["title"])
    )
    label = {
        key: (Reference(key, families[key], "", "").authors, entries[key].fields["year"]) for key in order
    }
    alike = Counter(label.values())
    found, seen = {}, Counter()
    for key in order:
        year = label[key][1]
        if alike[label[key]] > 1:  # two papers of the same authors and year are told apart by a letter
            year += "abcdefgh"[seen[label[key]]]
            seen[label[key]] += 1
        address = next((url for _, url in _links(entries[key].fields)), "")
        found[key] = Reference(key, families[key], year, _line(entries[key], year), address)
    return found


def page(references):
    """Return the page `chapters/references.md`: each source with the target that citations link to."""
    lines = [f'<a id="{found.key}"></a>{found.line}' for found in references.values()]
    return "\n\n".join([INTRODUCTION.rstrip(), *lines]) + "\n"


def citation(reference, page=PAGE):
    """Return a citation that is part of the sentence.

    Examples
    --------
    >>> citation(Reference("kohavi1995", ("Kohavi",), "1995", ""))
    '[Kohavi (1995)](references.md#kohavi1995)'
    """
    return f"[{reference.authors} ({reference.year})]({page}#{reference.key})"


def parenthesis(references, page=PAGE):
    """Return a citation in parentheses, of one or more sources.

    Examples
    --------
    >>> parenthesis([Reference("kingma2015", ("Kingma", "Ba"), "2015", "")])
    '([Kingma and Ba, 2015](references.md#kingma2015))'
    """
    links = [f"[{found.authors}, {found.year}]({page}#{found.key})" for found in references]
    return f"({'; '.join(links)})"


def linked(text, references, page=PAGE):
    """Return Markdown with plain links in place of MyST's ``cite`` roles.

    Raises
    ------
    KeyError
        If a role names a source that is not among the references.

    Examples
    --------
    >>> linked("So {cite:t}`kohavi1995`.", {"kohavi1995": Reference("kohavi1995", ("Kohavi",), "1995", "")})
    'So [Kohavi (1995)](references.md#kohavi1995).'
    """

    def link(found):
        sources = [references[key.strip()] for key in found[2].split(",")]
        if found[1] == "p":
            return parenthesis(sources, page)
        *first, last = (citation(source, page) for source in sources)
        return f"{', '.join(first)} and {last}" if first else last

    return re.sub(r"\{cite:(t|p)\}`([^`]*)`", link, text)


def dead_links(path):
    """Yield the links of a page or notebook to other files that lead nowhere, each after its cell's index.

    A link leads somewhere if its file is there and, where it names a target, if that file has an HTML element
    with this id or a heading that becomes one. A page counts as one cell. The sentences in a notebook's
    outputs are read too.
    """
    path = Path(path)
    for i, text in _texts(path):
        for target in re.findall(r"\]\(([^()\s:]+\.(?:md|ipynb)(?:#[^()\s]*)?)\)", text):
            name, _, place = target.partition("#")
            file = path.parent / name
            if not file.exists():
                yield i, f"{target}: there is no file {name}"
            elif place and place not in _targets(file):
                yield i, f"{target}: {name} has no target {place}"


def _targets(path):
    from docutils.nodes import make_id

    found = set(re.findall(r'\bid=\\?"([^"\\]+)\\?"', path.read_text(encoding="utf-8")))
    for _, text in _texts(path):
        headings = re.findall(r"^#{1,6} +(.+?)\s*$", text, re.MULTILINE)
        found |= {make_id(re.sub(r"[*`$]|\]\([^)]*\)", "", heading)) for heading in headings}
    return found


def _texts(path):
    if path.suffix != ".ipynb":
        yield 0, path.read_text(encoding="utf-8")
        return
    for i, cell in enumerate(nbformat.read(path, as_version=4).cells):
        if cell.cell_type == "markdown":
            yield i, cell.source
        for output in cell.get("outputs", []):
            yield i, output.get("data", {}).get("text/markdown", "")


def _plain(latex):
    return " ".join(str(Text.from_latex(latex)).split()).replace("*", r"\*")


def _family(person):
    return _plain(" ".join(person.prelast_names + person.last_names + person.lineage_names))


def _person(person):
    given = _plain(" ".join(person.first_names + person.middle_names))
    return f"{_family(person)}, {given}" if given else _family(person)


def _line(entry, year):
    field = {
        name: _plain(text) for name, text in entry.fields.items() if name not in ("doi", "eprint", "url")
    }
    people = [_person(person) for person in entry.persons["author"]]
    authors = people[0] if len(people) == 1 else f"{'; '.join(people[:-1])}; {people[-1]}"
    mark = "" if field["title"].endswith(("?", "!")) else "."
    parts = [f"{authors} ({year}). *{field['title']}*{mark}"]
    place = field.get("journal") or field.get("booktitle") or field.get("howpublished", "")
    volume = field.get("volume", "") + (f"({field['number']})" if "number" in field else "")
    edition = f"edition {field['edition'].removesuffix('nd')}" if "edition" in field else ""
    pages = field.get("pages", "")
    where = [text for text in (place, volume, pages, edition, field.get("publisher", "")) if text]
    parts += [", ".join(where) + "."] if where else []
    parts += [f"[{name}]({url})." for name, url in _links(entry.fields)]
    return " ".join(parts)


def _links(fields):
    if "doi" in fields:
        yield f"doi:{fields['doi']}", f"https://doi.org/{fields['doi']}"
    if "eprint" in fields:
        yield f"arXiv:{fields['eprint']}", f"https://arxiv.org/abs/{fields['eprint']}"
    if "url" in fields:
        shown = re.sub(r"^https?://", "", fields["url"])
        yield (shown if len(shown) <= 60 else shown.partition("/")[0]), fields["url"]


def main(folder="chapters"):
    """Write the page of references from the BibTeX file beside it."""
    (Path(folder) / PAGE).write_text(page(read(Path(folder) / "references.bib")), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
