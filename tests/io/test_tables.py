"""Cells of text tables and workbooks: what is read, what is refused, and that a small file stays small."""

from __future__ import annotations

import datetime as dt
import io
import os
import time
import tracemalloc
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdmodel.core.errors import DesignError, ReadError, UnsupportedError
from sdmodel.io import workbooks
from sdmodel.io.designs import read_design
from sdmodel.io.files import MAX_KEY_PARTS, parse_toml, read_bytes
from sdmodel.io.tables import column_letters, is_word, number, read_columns, read_sheet


# -- cells --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("cell", "value"), [
    ("1", 1), (" 1.5 ", 1.5), ("-.5", -0.5), ("+2.", 2), ("1e3", 1000), ("1E-3", 0.001), ("\u22125", -5), (3, 3),
    (2.5, 2.5), ("007", 7),
])  # fmt: skip
def test_numbers_are_read(cell: str | float, value: float) -> None:
    assert number(cell, "here") == value


@pytest.mark.parametrize("cell", [
    "1,000", "2,5", "1 000", "1'000", "1_000", "50%", "abc", "1a", "--1", "1e", ".", "-", "nan", "inf", "Infinity",
    "1e999", "TRUE", "#N/A", "#DIV/0!", "\uff11", "\u0661", "\u00b2", "1/2", "0x1", "$5", "2014-07-01", True, False,
    dt.date(2014, 7, 1), dt.time(1), dt.timedelta(1), float("inf"), float("nan"), 1e400,
])  # fmt: skip
def test_anything_else_is_refused(cell: object) -> None:
    with pytest.raises(ReadError, match=r"^here: .* is not a number\. [A-Z].*\.$"):
        number(cell, "here")


@pytest.mark.parametrize(
    ("cell", "advice"),
    [
        (True, "Write 1 for true and 0 for false"),
        (dt.date(2020, 1, 1), "formatted as a date or a time"),
        (dt.timedelta(1), "formatted as a date or a time"),
        ("#DIV/0!", "an error in this cell"),
        ("Err:502", "an error in this cell"),
        ("=A1", "A formula without a stored result"),
        ("5%", "Write a percentage as a fraction"),
        ("1,5", "without thousands separators"),
        ("1 000", "without thousands separators"),
        ("1'000", "without thousands separators"),
        ("a, b", "Leave a cell empty"),
        ("\uff11x", "Write numbers with the digits 0 to 9"),
        ("x1", "Leave a cell empty"),
        ("1e999", "too large for a floating-point number"),
        ("word", "Leave a cell empty"),
        (float("inf"), "Leave a cell empty"),
    ],
)
def test_what_is_no_number_is_advised_on(cell: object, advice: str) -> None:
    with pytest.raises(ReadError, match=f"A1: .* is not a number. .*{advice}"):
        number(cell, "A1")


def test_words_are_told_from_numbers_and_errors() -> None:
    assert [is_word(cell) for cell in ("word", " word", "a1", "#REF", "", 3, None)] == [True] * 2 + [False] * 5


@pytest.mark.parametrize("cell", [None, "", "  ", "\t"])
def test_an_empty_cell_is_a_gap(cell: str | None) -> None:
    assert number(cell, "here") != number(cell, "here")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_comes_back_from_its_text(value: float) -> None:
    assert number(repr(value), "here") == value


def test_letters_of_columns() -> None:
    assert [column_letters(i) for i in (0, 25, 26, 701, 702, 16383)] == ["A", "Z", "AA", "ZZ", "AAA", "XFD"]


# -- workbooks ----------------------------------------------------------------------------------------------------
CELLS = [["name", 1.5, None, True], [dt.datetime(2014, 7, 1), "2", None, None], [None] * 4, [None, 3, None, None]]


@pytest.mark.parametrize("suffix", [".xlsx", ".ods"])
def test_cells_of_workbooks(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"book{suffix}"
    engine = {".xlsx": "openpyxl", ".ods": "odf"}[suffix]
    pd.DataFrame(CELLS).to_excel(path, header=False, index=False, engine=engine, sheet_name="Data")
    sheet = read_sheet(path, "data")
    assert sheet.name == f"book{suffix}, sheet 'Data'"
    rows = [list(row) for row in sheet.rows]
    assert rows == [["name", 1.5, None, True], [dt.datetime(2014, 7, 1), "2"], [], [None, 3]]
    assert sheet.cell(9, 9) is None
    assert sheet.shape == (4, 4)
    with pytest.raises(ReadError, match=r"no sheet 'Dat'. Nearest: Data"):
        read_sheet(path, "Dat")


def packed(path: Path, name: str, old: str, new: str) -> None:
    """Change the text of one part of a workbook."""
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as whole:
        parts = {item: whole.read(item) for item in whole.namelist()}
    assert old in parts[name].decode(), parts[name][:3000]
    parts[name] = parts[name].decode().replace(old, new, 1).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for item, raw in parts.items():
            out.writestr(item, raw)


def bounded(path: Path, megabytes: float = 60) -> None:
    """Reading ends soon, within the memory given, with cells or a typed error."""
    tracemalloc.start()
    begun = time.perf_counter()
    try:
        read_columns(path)
    except ReadError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
    assert time.perf_counter() - begun < 20
    assert peak < megabytes, peak


@pytest.mark.parametrize("bomb", ["corner", "far row", "far column", "wide rows", "dimension"])
def test_a_small_xlsx_stays_small(tmp_path: Path, bomb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MAX_CELLS", 500_000)
    path = tmp_path / "book.xlsx"
    file = openpyxl.Workbook()
    file.active["A1"] = "a"
    file.active["B2"] = 5
    if bomb == "corner":
        file.active["XFD1"], file.active["A40000"] = "z", 1
    if bomb == "wide rows":
        for row in range(1, 100):
            file.active.cell(row, 16384, 1)
    file.save(path)
    part = "xl/worksheets/sheet1.xml"
    if bomb == "far row":
        packed(path, part, '<row r="2"', '<row r="2000000000"')
    if bomb == "far column":
        packed(path, part, 'r="B2"', 'r="AAAAAAA2"')
    if bomb == "dimension":
        packed(path, part, 'ref="A1:B2"', 'ref="A1:XFD1048576"')
    bounded(path)
    if bomb in ("far row", "far column", "wide rows"):
        with pytest.raises(ReadError, match="has more than"):
            read_sheet(path)


@pytest.mark.parametrize("bomb", ["rows", "columns", "empty rows between", "empty rows behind"])
def test_a_small_ods_stays_small(tmp_path: Path, bomb: str) -> None:
    path = tmp_path / "book.ods"
    pd.DataFrame([["a", "b"], [1, 2], [3, 4]]).to_excel(path, header=False, index=False, engine="odf")
    row, cell = "<table:table-row", "<table:table-cell"
    if bomb == "rows":
        packed(path, "content.xml", row, f'{row} table:number-rows-repeated="2000000000"')
    elif bomb == "columns":
        packed(path, "content.xml", cell, f'{cell} table:number-columns-repeated="2000000000"')
    else:
        empty = '<table:table-row table:number-rows-repeated="2000000000"><table:table-cell/></table:table-row>'
        where = row if bomb == "empty rows between" else "</table:table>"
        packed(path, "content.xml", where, empty + where)
    bounded(path)
    if bomb == "empty rows behind":
        assert read_sheet(path).shape == (3, 2)
    else:
        with pytest.raises(ReadError, match="has more than"):
            read_sheet(path)


def test_entities_and_large_archives_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "book.xlsx"
    openpyxl.Workbook().save(path)
    with monkeypatch.context() as patch:
        patch.setattr(workbooks, "MAX_UNPACKED", 1000)
        with pytest.raises(ReadError, match="unpacks to"):
            read_sheet(path)
    packed(path, "xl/workbook.xml", "<workbook", '<!DOCTYPE x [<!ENTITY a "b">]><workbook')
    with pytest.raises(ReadError, match="document type declaration"):
        read_sheet(path)


@pytest.mark.parametrize("suffix", [".xlsx", ".xlsm", ".xls", ".ods"])
@pytest.mark.parametrize(
    "raw", [b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, b"<html/>", b"a,b\n1,2\n"]
)
def test_a_damaged_workbook_is_a_typed_error(tmp_path: Path, suffix: str, raw: bytes) -> None:
    path = tmp_path / f"book{suffix}"
    path.write_bytes(raw)
    with pytest.raises(ReadError, match=r"book\.\w+"):
        read_sheet(path)


# -- text tables --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("raw", "message"), [
    (b"", "is empty"),
    (b"\n\n", "is empty"),
    (b"\na,b\n1,2\n", "the first row is empty"),
    (b"a,b\n1\n", "row 2: 1 cells, but the first row has 2"),
    (b"a,b\n1,2,3\n", "row 2: 3 cells, but the first row has 2"),
    (b"a\n0,3\n0,6\n", "row 2: 2 cells, but the first row has 1"),
    (b"a,b\n1,\xff\n", "not UTF-8 text .line 2."),
    (b'a,b\n1,"2\n', "cannot be split into cells"),
    (b"a," + b"b" * 131_073 + b"\n1,2\n", "cannot be split into cells: field larger than"),
    (b"a,b,a\n1,2,3\n", "row 1, column C: 'a' is the name of two columns"),
    (b"a,b,\n1,2,3\n", "row 2, column C: the cell holds a value, but its column has no name"),
])  # fmt: skip
def test_a_text_table_that_is_not_well_formed_is_refused(tmp_path: Path, raw: bytes, message: str) -> None:
    (tmp_path / "a.csv").write_bytes(raw)
    with pytest.raises(ReadError, match=f"a.csv.*{message}"):
        read_columns(tmp_path / "a.csv")


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    for name, message in (("pipe.csv", "a named pipe"), ("folder.csv", "a folder"), ("none.csv", "no file 'none.csv'")):
        with pytest.raises(ReadError, match=message):
            read_sheet(tmp_path / name)
    with pytest.raises(ReadError, match="a device, not a file"):
        read_bytes(Path("/dev/zero"))
    with pytest.raises(ReadError, match="cannot be opened"):
        read_sheet(tmp_path / "a\0b.csv")
    with pytest.raises(UnsupportedError, match="of a kind that cannot be read"):
        read_sheet(tmp_path / "a.docx")


# -- designs ------------------------------------------------------------------------------------------------------
def test_a_design_keeps_every_column(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("setting,x,'=y\nlow,1,2\nhigh,3,4\n", encoding="utf-8")
    found = read_design(tmp_path / "a.csv", labels=("sample", "setting"))
    assert found.to_dict("list") == {"setting": ["low", "high"], "x": [1, 3], "=y": [2, 4]}
    assert isinstance(found.index, pd.RangeIndex)
    found[["setting", "x"]].to_excel(tmp_path / "a.xlsx", index=False, engine="openpyxl")
    assert read_design(tmp_path / "a.xlsx", labels=("setting",)).equals(found[["setting", "x"]])


@pytest.mark.parametrize(("text", "error", "message"), [
    ("x,y\n1,2,5\n", ReadError, "row 2: 3 cells"),
    ("x\n0,5\n", ReadError, "row 2: 2 cells"),
    ("x;y\n0,5;1\n", ReadError, "row 2, column A: '0,5' is not a number"),
    ("x,y\n1,\n", DesignError, "row 2, column B: the cell is empty"),
    (",x\n0,1\n", DesignError, "row 1, column A: the column has no name"),
    ("x,y\n", DesignError, "no rows"),
    ("x,setting\nlow,1\n", ReadError, "row 2, column A: 'low' is not a number"),
    ("x,x\n1,2\n", ReadError, "the name of two columns"),
])  # fmt: skip
def test_a_design_that_is_not_well_formed_is_refused(
    tmp_path: Path, text: str, error: type[Exception], message: str
) -> None:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    with pytest.raises(error, match=message):
        read_design(tmp_path / "a.csv", labels=("setting",))


# -- TOML ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("text", [
    "x = " + "9" * 5000,
    "x = " + "[" * 100_000,
    "x = " + "[" * 50_000 + "]" * 50_000,
    "x = " + "{a=" * 5000 + "1" + "}" * 5000,
    ".".join(["a"] * 50_000) + " = 1",
    "[" + ".".join(["a"] * 50_000) + "]",
    "x = {" + ".".join(["a"] * 50_000) + " = 1}",
    "x = ", "= 1", "x = 1\nx = 2", "\x00", "x = 1979-13-01",
])  # fmt: skip
def test_toml_that_is_not_well_formed_is_refused_soon(text: str) -> None:
    tracemalloc.start()
    begun = time.perf_counter()
    with pytest.raises(ReadError, match=r"'a\.toml'"):
        parse_toml(text.encode(), "a.toml")
    assert time.perf_counter() - begun < 10
    assert tracemalloc.get_traced_memory()[1] < 60e6
    tracemalloc.stop()


def test_toml_is_read() -> None:
    key = ".".join(["a"] * MAX_KEY_PARTS)
    text = f"\ufeff{key} = '{'.' * 500}'\n# {'. ' * 50}\nx = [{'1.5, ' * 500}]"
    assert list(parse_toml(text.encode(), "a.toml")) == ["a", "x"]
    with pytest.raises(ReadError, match="not UTF-8"):
        parse_toml(b"x = '\xff'", "a.toml")
    with pytest.raises(ReadError, match=rf"'a.toml', line 2: a key has more than {MAX_KEY_PARTS} parts"):
        parse_toml(f"y = 1\n{key}.a.a = 1\n".encode(), "a.toml")


def test_a_file_of_the_largest_size_is_read_and_no_larger_one(tmp_path: Path) -> None:
    path = tmp_path / "three.csv"
    path.write_bytes(b"a,b")
    assert read_bytes(path, 3) == b"a,b"
    with pytest.raises(ReadError, match=r"'three.csv' has 3 bytes; a file of this kind has at most 2\."):
        read_bytes(path, 2)


@pytest.mark.parametrize(
    ("name", "tab", "text", "first"),
    [
        ("a.csv", None, "a,b\n1,2", ["a", "b"]),
        ("a.csv", None, "a;b,c\n1;2", ["a", "b,c"]),
        ("a.csv", None, "a\tb;c\n1\t2", ["a", "b;c"]),
        ("a.csv", None, '"a;b",c\n1,2', ["a;b", "c"]),
        ("a.csv", None, "\n a\n1", [" a"]),
        ("a.tab", None, "a,b\n1,2", ["a", "b"]),
        ("a.tab", None, "one\ttwo", ["one", "two"]),
        ("a.csv", "Data", "a;b,c\n1;2,3", ["a;b", "c"]),
        ("a.tab", "Data", "a,b\tc\n1\t2", ["a,b", "c"]),
        ("a.csv", ";", "a,b;c\n1;2", ["a,b", "c"]),
        ("a.csv", "x", "a,b\n1,2", ["a", "b"]),
    ],
)
def test_cells_of_a_text_are_told_by_its_first_line_or_as_given(
    tmp_path: Path, name: str, tab: str | None, text: str, first: list[str]
) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert next(row for row in read_sheet(path, tab).rows if row) == first
