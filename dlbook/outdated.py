"""Outdated: which packages moved since the lock, and what would their newest releases break?

`make outdated` resolves `pyproject.toml` anew in a scratch environment, prints what moved against
`requirements.txt`, runs tests there that need no site and prints those that fail. Both tables are Markdown,
so that the weekly job of the workflow shows them as its summary. The book's own environment and the lock stay
as they are; `make lock` takes the new versions over.
"""

import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

EXTRAS = ".[book,teach,test]"
_UNREACHABLE = (
    r"NewConnectionError|Failed to establish|Name or service not known|ConnectTimeout|Read timed out"
)
_UNREACHABLE += (
    r"|Temporary failure in name resolution|ProxyError|SSLError|Connection refused|Network is unreach"
)


def pinned(text):
    """Return the versions in the output of `pip freeze`, by the package's normalized name.

    Examples
    --------
    >>> pinned("NumPy==2.4.6\\ntyping_extensions==4.12.2 ; python_version < '3.13'\\n-e .\\n")
    {'numpy': '2.4.6', 'typing-extensions': '4.12.2'}
    """
    found = re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}


def moved(locked, newest):
    """Return rows (package, locked, newest) of the packages whose versions differ; a dash where it is not.

    Examples
    --------
    >>> moved({"numpy": "2.4.5", "tqdm": "4.67"}, {"numpy": "2.4.6", "tqdm": "4.67", "pandas": "3.0"})
    [('numpy', '2.4.5', '2.4.6'), ('pandas', '–', '3.0')]
    """
    names = sorted(locked.keys() | newest.keys())
    rows = [(name, locked.get(name, "–"), newest.get(name, "–")) for name in names]
    return [row for row in rows if row[1] != row[2]]


def failed(report):
    """Return rows (test, first line of what it said) of the failures in a JUnit report of pytest."""
    rows = []
    for case in ElementTree.parse(report).iter("testcase"):
        for kind in ("failure", "error"):
            for fault in case.iter(kind):
                said = (fault.get("message") or fault.text or kind).strip().splitlines()[0]
                rows.append((f"{case.get('classname')}::{case.get('name')}", said[:160]))
    return rows


def table(head, rows):
    """Return a Markdown table.

    Examples
    --------
    >>> print(table(("package", "locked"), [("a|b", "1")]))
    | package | locked |
    |---|---|
    | a\\|b | 1 |
    """
    lines = [head, ["---"] * len(head), *rows]
    cells = [[str(cell).replace("|", "\\|") for cell in line] for line in lines]
    return (
        "\n".join(f"| {' | '.join(line)} |" for line in cells)
        .replace("| --- |", "|---|")
        .replace(" --- |", "---|")
    )


def installed(folder, root="."):
    """Make a scratch environment with the newest packages that `pyproject.toml` allows.

    Parameters
    ----------
    folder : path
        Where; what is there is removed.
    root : path
        The book's folder.

    Returns
    -------
    python : Path
        The environment's interpreter.
    versions : dict of str

    Raises
    ------
    RuntimeError
        If pip cannot reach its index, or finds no packages that fit together.
    """
    folder = Path(folder).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    command = [*pip, "install", "--quiet", "--retries", "2", "--editable", EXTRAS]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        if re.search(_UNREACHABLE, done.stderr):
            raise RuntimeError("pip cannot reach its index, so nothing is known about newer packages.")
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or [
            done.stderr[-500:]
        ]
        raise RuntimeError(f"pip finds no packages that fit pyproject.toml: {errors[0]}")
    freeze = subprocess.run(
        [*pip, "freeze", "--all", "--exclude", "dlcore", "--exclude", "pip"],
        capture_output=True,
        text=True,
        check=True,
    )
    return python, pinned(freeze.stdout)


def main(arguments):
    """Print what moved and what it breaks; `arguments` are pytest's. The return value is pytest's code."""
    try:
        python, newest = installed(Path("_build", "outdated"))
    except RuntimeError as error:
        print(error)
        return 1
    rows = moved(pinned(Path("requirements.txt").read_text(encoding="utf-8")), newest)
    print(f"### {len(rows)} of {len(newest)} packages differ from the lock\n")
    print(table(("package", "locked", "newest that pyproject.toml allows"), rows), flush=True)
    report = Path("_build", "outdated", "tests.xml")
    command = [
        python,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "--quiet",
        "--tb=short",
        f"--junitxml={report}",
    ]
    done = subprocess.run([*command, *arguments], stdout=subprocess.PIPE, text=True, encoding="utf-8")
    if not report.exists():
        print(f"\nThe tests did not start:\n\n{done.stdout[-2000:]}")
        return done.returncode or 1
    broken = failed(report)
    summary = done.stdout.strip().splitlines()[-1].strip("= ")
    print(f"\n### With these packages, {len(broken)} tests fail\n\n{summary}\n")
    if broken:
        print(table(("test", "what it says"), broken))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
