"""Tables: what a spreadsheet opens and saves comes back as it was meant."""

import pytest

from dlbook.grader import tables

COLUMNS = ["name", "comment"]


@pytest.mark.parametrize(
    "text", ["=1+1", "+49", "-", "@x", "'=1", "''=", "'quoted'", "plain, with comma", "Zoë\nLee", ""]
)
def test_a_text_returns_as_it_was_written(tmp_path, text):
    path = tmp_path / "a.csv"
    tables.write(path, COLUMNS, [{"name": "x", "comment": text}])
    assert tables.read(path)[0][1]["comment"] == text


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@x", "\tx"])
def test_no_cell_begins_like_a_formula(tmp_path, text):
    path = tmp_path / "a.csv"
    tables.write(path, COLUMNS, [{"name": text, "comment": ""}])
    assert path.read_text(encoding="utf-8").splitlines()[1].strip('"').startswith("'")


def test_a_table_with_other_letters_carries_excel_s_mark(tmp_path):
    tables.write(tmp_path / "a.csv", COLUMNS, [{"name": "Zoë"}])
    tables.write(tmp_path / "b.csv", COLUMNS, [{"name": "Zoe"}])
    assert (tmp_path / "a.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert not (tmp_path / "b.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert [row["name"] for _, row in tables.read(tmp_path / "a.csv")] == ["Zoë"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_what_a_spreadsheet_saves_is_read(tmp_path, separator, encoding):
    text = f'name{separator}comment\r\nZoë{separator}"a{separator}b"\r\n{separator}\r\n'
    (tmp_path / "a.csv").write_bytes(text.encode(encoding))
    assert tables.read(tmp_path / "a.csv") == [(2, {"name": "Zoë", "comment": f"a{separator}b"})]


def test_numbers_are_read_with_dot_and_comma_and_nothing_else():
    assert tables.number(" 2,5 ") == tables.number("2.5") == 2.5 and tables.number("") is None
    for text in ("inf", "nan", "two", "1;5"):
        with pytest.raises(ValueError):
            tables.number(text)


def test_a_file_that_says_the_same_is_left_alone(tmp_path):
    tables.write(tmp_path / "a.csv", COLUMNS, [{"name": "x"}])
    before = (tmp_path / "a.csv").stat().st_mtime_ns
    tables.write(tmp_path / "a.csv", COLUMNS, [{"name": "x"}])
    assert (tmp_path / "a.csv").stat().st_mtime_ns == before
