"""What students install holds neither solutions nor hidden tests nor keys."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import leaks

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel as `pip wheel` makes it, from a copy: building leaves folders behind."""
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    archive = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True)
    if archive.returncode:
        pytest.skip("this is no checkout")
    for name in filter(None, archive.stdout.split("\0")):
        if ((ROOT / name).is_file() and not name.startswith("chapters/")) or name.startswith(
            "chapters/exercises/"
        ):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    command = [
        sys.executable,
        "-c",
        "import setuptools.build_meta as b, sys; print(b.build_wheel(sys.argv[1]))",
        str(out),
    ]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return next(out.glob("*.whl"))


def test_a_wheel_holds_no_solution_and_no_hidden_test(wheel):
    secret = {line for line in leaks.secrets(longer_than=40) if not line.startswith("from ")}
    assert len(secret) > 300
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert not [
            name for name in names if name.endswith((".ipynb", ".csv", ".db")) or "exercises/" in name
        ]
        text = "\n".join(
            archive.read(name).decode("utf-8", "replace") for name in names if not name.endswith(".gz")
        )
    assert leaks.leaked(secret, text) == set()


def test_a_leak_is_found_wherever_it_stands():
    secret = "m_hat = m / (1 - beta1**t)  # corrected"
    texts = [f"a\n{secret}\nb", f"nn{secret}ed", f'["x = 1\\n{secret}"]', secret]
    assert all(leaks.leaked({secret, "n = o / (1 - beta)"}, text) == {secret} for text in texts)
    assert leaks.leaked({secret}, secret.replace("(1", "(2")) == set()


def test_a_wheel_holds_the_grader_s_templates(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {
            Path(name).name for name in archive.namelist() if name.startswith("dlbook/grader/templates/")
        }
    assert {"page.html", "feedback.html", "summary.html", "desk.html"} <= names
