"""The runtime: is what the browser gets whole, trimmed and named by its lock file?"""

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from dlbook.lite import runtime


@pytest.fixture
def distribution(tmp_path):
    """A Pyodide distribution in small: what the book needs, and something that it does not."""
    folder = tmp_path / "pyodide"
    folder.mkdir()
    for name in runtime.CORE:
        (folder / name).write_bytes(name.encode())
    packages = {}
    needs = {"matplotlib": ["numpy", "Pillow_x", "fonttools"], "ipython": ["jedi"]}
    for name in (*runtime.WANTED, "Pillow_x", "scipy", "fonttools", "jedi"):
        wheel = runtime.write_wheel(folder / f"{name}-1.0-py3-none-any.whl", name, "1.0", {f"{name}.py": b""})
        packages[name] = runtime.lock_entry(wheel, depends=needs.get(name, []))
    lock = {"info": {"version": "0.27.7"}, "packages": packages}
    (folder / "pyodide-lock.json").write_text(json.dumps(lock))
    return folder


def lock_of(folder):
    return json.loads((folder / "pyodide-lock.json").read_text())["packages"]


def test_the_lock_names_files_that_are_there_by_their_digests(distribution, tmp_path):
    extra = runtime.write_wheel(tmp_path / "tqdm-4.0-py3-none-any.whl", "tqdm", "4.0", {"tqdm/a.py": b"1"})
    runtime.trim(distribution, tmp_path / "trimmed", [extra])
    packages = lock_of(tmp_path / "trimmed")
    for package in packages.values():
        content = (tmp_path / "trimmed" / package["file_name"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == package["sha256"]
    assert packages["tqdm"]["imports"] == ["tqdm"]
    assert {name for package in packages.values() for name in package["depends"]} <= set(packages)


def test_what_the_book_does_not_need_is_left_out(distribution, tmp_path):
    runtime.trim(distribution, tmp_path / "trimmed")
    packages = lock_of(tmp_path / "trimmed")
    assert set(packages) == {*runtime.WANTED, "Pillow_x", *runtime.STUBS}
    assert packages["matplotlib"]["depends"] == ["numpy", "Pillow_x"]
    assert packages["jedi"]["version"] == "0" and packages["jedi"]["imports"] == []
    there = {path.name for path in (tmp_path / "trimmed").glob("*.whl")}
    assert there == {package["file_name"] for package in packages.values()}


def test_a_list_of_fonts_fits_its_matplotlib_and_names_no_font_that_was_left_out(tmp_path):
    fonts = {
        "_version": 390,
        "ttflist": [{"fname": "fonts/ttf/DejaVuSans.ttf"}, {"fname": "fonts/ttf/DejaVuSerif.ttf"}],
        "afmlist": [{"fname": "fonts/afm/pzdr.afm"}],
    }
    files = {
        "matplotlib/font_manager.py": b"class FontManager:\n    __version__ = 330\n",
        "matplotlib/fontlist.json": json.dumps(fonts).encode(),
        "matplotlib/mpl-data/fonts/ttf/DejaVuSans.ttf": b"a font",
        "matplotlib/mpl-data/fonts/ttf/DejaVuSerif.ttf": b"another",
        "matplotlib/mpl-data/fonts/afm/pzdr.afm": b"a third",
        "matplotlib/mpl-data/sample_data/a.csv": b"1",
    }
    wheel = runtime.write_wheel(tmp_path / "matplotlib-3-py3-none-any.whl", "matplotlib", "3", files)
    with zipfile.ZipFile(runtime.slim(wheel, runtime.NOT_NEEDED["matplotlib"])) as archive:
        assert json.loads(archive.read("matplotlib/fontlist.json")) == {
            "_version": 330, "ttflist": [{"fname": "fonts/ttf/DejaVuSans.ttf"}], "afmlist": [],
        }  # fmt: skip
        assert [name for name in archive.namelist() if "mpl-data" in name] == [
            "matplotlib/mpl-data/fonts/ttf/DejaVuSans.ttf"
        ]


def test_a_distribution_that_lacks_a_file_or_a_package_is_refused(distribution, tmp_path):
    (distribution / "numpy-1.0-py3-none-any.whl").unlink()
    with pytest.raises(
        runtime.MissingError, match=r"lacks numpy-1\.0-py3-none-any\.whl: take a full Pyodide"
    ):
        runtime.trim(distribution, tmp_path / "trimmed")
    lock = json.loads((distribution / "pyodide-lock.json").read_text())
    del lock["packages"]["joblib"]
    (distribution / "pyodide-lock.json").write_text(json.dumps(lock))
    with pytest.raises(runtime.MissingError, match="lacks joblib"):
        runtime.trim(distribution, tmp_path / "again")
    with pytest.raises(runtime.MissingError, match=r"it has no pyodide-lock\.json"):
        runtime.trim(tmp_path / "nowhere", tmp_path / "again")


def test_the_command_says_what_is_missing_and_leaves_nothing_behind(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LITE_RUNTIME", str(tmp_path / "cache" / "lite"))
    monkeypatch.setattr(runtime, "_app", lambda work, target: target.mkdir(parents=True))
    monkeypatch.setattr(runtime, "_download", lambda pins, target: [])
    assert runtime.main(["--pyodide", str(tmp_path)]) == 1
    assert "is no Pyodide distribution" in capsys.readouterr().err
    assert runtime.at_hand() is None and list((tmp_path / "cache").iterdir()) == []


def test_a_runtime_is_made_once_and_found_again(distribution, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LITE_RUNTIME", str(tmp_path / "cache" / "lite"))
    monkeypatch.setattr(runtime, "_app", lambda work, target: target.mkdir(parents=True))
    monkeypatch.setattr(runtime, "_download", lambda pins, target: [])
    assert runtime.main(["--pyodide", str(distribution)]) == 0
    assert runtime.at_hand() == tmp_path / "cache" / "lite"
    monkeypatch.setattr(runtime, "make", lambda pyodide: pytest.fail("made twice"))
    assert runtime.main([]) == 0
    assert str(runtime.at_hand()) in capsys.readouterr().out


def test_every_part_is_named_with_its_licence(tmp_path):
    about = "Metadata-Version: 2.1\nName: A\nVersion: 2\nClassifier: License :: OSI Approved :: MIT License\n"
    (tmp_path / "pyodide").mkdir()
    runtime.write_wheel(tmp_path / "pyodide" / "a-2-py3-none-any.whl", "a", "2", {}, about)
    assert "A 2: MIT License\n" in runtime.licences(tmp_path)


def test_the_same_files_give_the_same_wheel(tmp_path):
    one = runtime.write_wheel(tmp_path / "one.whl", "a", "1", {"a.py": b"x", "b.py": b"y"})
    other = runtime.write_wheel(tmp_path / "other.whl", "a", "1", {"b.py": b"y", "a.py": b"x"})
    assert zipfile.ZipFile(one).read("a.py") == b"x"
    assert {i.filename: i.CRC for i in zipfile.ZipFile(one).infolist() if "RECORD" not in i.filename} == {
        i.filename: i.CRC for i in zipfile.ZipFile(other).infolist() if "RECORD" not in i.filename
    }


@pytest.mark.parametrize("pins", ["tools.txt", "wheels.txt", "pyodide.txt"])
def test_every_download_is_pinned_to_a_digest(pins):
    lines = [line for line in (runtime.ASSETS / pins).read_text().splitlines() if line[:1] not in ("#", "")]
    assert lines and all("==" in line and " --hash=sha256:" in line for line in lines)


def test_an_edited_pin_asks_for_a_new_runtime(tmp_path, monkeypatch):
    monkeypatch.delenv("LITE_RUNTIME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    before = runtime.folder()
    assets = tmp_path / "assets"
    assets.mkdir()
    for name in ("tools.txt", "wheels.txt", "pyodide.txt"):
        (assets / name).write_text((runtime.ASSETS / name).read_text())
    monkeypatch.setattr(runtime, "ASSETS", assets)
    assert runtime.folder() == before
    (assets / "wheels.txt").write_text("tqdm==5\n")
    assert runtime.folder() != before and runtime.folder().is_relative_to(Path(tmp_path))
