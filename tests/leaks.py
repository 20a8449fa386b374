"""What the tests of all that is published share: what only teachers may see, and whether a text holds it."""

import re
from pathlib import Path

from dlbook.grader import release

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "chapters" / "exercises" / "source"


def hidden_blocks(exercise, kind="(?:SOLUTION|HIDDEN TESTS)"):
    """Yield the lines between each two marks in the source of an exercise, without those that are empty."""
    for cell in release.read(exercise, SOURCE).cells:
        for block in re.findall(rf"BEGIN {kind}\n(.*?)### END", cell.source, flags=re.DOTALL):
            yield [line.strip() for line in block.splitlines() if line.strip()]


def hidden_lines(exercise):
    """The lines of an exercise's solutions and hidden tests."""
    return {line for block in hidden_blocks(exercise) for line in block}


def secrets(longer_than):
    """All hidden lines of some length which are none of the library's, as a formula may be."""
    library = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "dlcore").rglob("*.py"))
    found = set().union(*map(hidden_lines, release.exercises(source=SOURCE)))
    return {line for line in found if len(line) > longer_than and line not in library}


def leaked(secrets, text):
    """Which of `secrets` are in `text`.

    Only those are looked for whose words, but the first and the last, are all in it: that is quicker.
    """
    words = set(re.findall(r"\w+", text))
    return {line for line in secrets if words.issuperset(re.findall(r"\w+", line)[1:-1]) and line in text}
