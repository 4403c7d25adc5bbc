"""What stands in files beside a model: workbooks, text tables, data files of the user."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from openpyxl.workbook.defined_name import DefinedName

import sdmodel
from sdmodel.core.errors import OverrideError, ReadError, ResultWarning, UnsupportedError

Make = Callable[..., sdmodel.Model]
T = np.arange(11.0)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A workbook: years in row 1 from B and in column A, series below and beside, a block of constants, names."""
    file = openpyxl.Workbook()
    sheet = file.active
    sheet.title = "Data"
    for row in (
        ["x", 0, 2, 4, 10],
        ["low", 1, 3, None, 7],
        ["high", 10, 30, 20, 70],
        [None, "text", None, None, None],
        [0, 5, 6, None, None],
        [5, 7, 8, None, None],
    ):
        sheet.append(row)
    file.defined_names["block"] = DefinedName("block", attr_text="Data!$B$5:$C$6")
    file.defined_names["years"] = DefinedName("years", attr_text="Data!$B$1:$E$1")
    file.defined_names["series"] = DefinedName("series", attr_text="Data!$B$3:$E$3")
    file.defined_names["outside"] = DefinedName("outside", attr_text="Other!$B$3:$E$3")
    path = tmp_path / "book.xlsx"
    file.save(path)
    return path


RANGES = "d: A, B ~~|\ne: E1, E2 ~~|\n"


@pytest.mark.usefixtures("book")
def test_constants_from_cells_names_and_turned(model_from: Make) -> None:
    model = model_from(
        RANGES + "one = GET XLS CONSTANTS('book.xlsx', 'Data', 'B2') ~ Dmnl [0,50] ~ |\n"
        "row[d] = GET DIRECT CONSTANTS('book.xlsx', 'data', 'B3') ~~|\n"
        "down[d] = GET DIRECT CONSTANTS('book.xlsx', 'Data', 'B2*') ~~|\n"
        "both[d, e] = GET_DIRECT_CONSTANTS('book.xlsx', 'Data', 'block') ~~|\n"
        "some[A] = 3 ~~|\nsome[B] = GET XLS CONSTANTS('book.xlsx', 'Data', 'C2') ~~|\ny = one*2 ~~|"
    )
    found = model.run(method="euler").to_dataframe().iloc[0]
    assert found[["one", "row[A]", "row[B]", "down[A]", "down[B]"]].tolist() == [1, 10, 30, 1, 10]
    assert found[["both[A,E1]", "both[A,E2]", "both[B,E1]", "both[B,E2]"]].tolist() == [5, 6, 7, 8]
    assert found[["some[A]", "some[B]"]].tolist() == [3, 3]
    assert model.run({"one": 4}, method="euler")["y"].iloc[0] == 8
    assert "one" in model.parameters().index


@pytest.mark.usefixtures("book")
def test_series_along_rows_and_columns_and_by_name_with_gaps(model_from: Make) -> None:
    model = model_from(
        RANGES + "line := GET XLS DATA('book.xlsx', 'Data', '1', 'B2') ~~|\n"
        "held :HOLD BACKWARD: := GET XLS DATA('book.xlsx', 'Data', '1', 'B2') ~~|\n"
        "ahead :LOOK FORWARD: := GET XLS DATA('book.xlsx', 'Data', '1', 'B2') ~~|\n"
        "raw :RAW: := GET XLS DATA('book.xlsx', 'Data', '1', 'B2') ~~|\n"
        "both[d] := GET DIRECT DATA('book.xlsx', 'Data', '1', 'B2') ~~|\n"
        "column[e] := GET DIRECT DATA('book.xlsx', 'Data', 'A', 'B5') ~~|\n"
        "named := GET DIRECT DATA('book.xlsx', 'Data', 'years', 'series') ~~|\n"
        "table( GET DIRECT LOOKUPS('book.xlsx', 'Data', '1', 'B3')) ~~|\nlooked = table(Time/2) ~~|",
        step=1,
    )
    found = model.run(method="euler").to_dataframe()
    x, low, high = [0, 2, 4, 10], [1, 3, 7], [10, 30, 20, 70]
    np.testing.assert_allclose(found["line"], np.interp(T, [0, 2, 10], low))
    assert found["held"].tolist() == [1, 1, *[3] * 8, 7]
    assert found["ahead"].tolist() == [1, 3, 3, *[7] * 8]
    assert found["raw"].dropna().to_dict() == {0.0: 1.0, 2.0: 3.0, 10.0: 7.0}
    np.testing.assert_allclose(found["both[B]"], np.interp(T, x, high))
    np.testing.assert_allclose(found["column[E2]"], np.interp(T, [0, 5], [6, 8]))
    np.testing.assert_allclose(found["named"], np.interp(T, x, high))
    np.testing.assert_allclose(found["looked"], np.interp(T / 2, x, high))


def test_data_is_exact_without_steps_and_raw_data_is_refused(model_from: Make, book: Path) -> None:
    model = model_from(
        "held :HOLD BACKWARD: := GET XLS DATA('book.xlsx', 'Data', '1', 'B3') ~~|\nstock = INTEG(held, 0) ~~|",
        step=0.7,
        end=7,
    )
    run = model.run(every=1)
    assert run["stock"].loc[7.0] == pytest.approx(2 * 10 + 2 * 30 + 3 * 20, rel=1e-9)
    assert run.report.breaks
    raw = model_from("x :RAW: := GET XLS DATA('book.xlsx', 'Data', '1', 'B3') ~~|\ny = x ~~|", name="raw")
    with pytest.raises(UnsupportedError, match=":RAW:"):
        raw.run(method="LSODA")


def test_subscripts_from_cells(model_from: Make, tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("k,one,two\n,three,\n")
    model = model_from("r: GET DIRECT SUBSCRIPT('names.csv', ',', 'B1', 'C2', 'p ') ~~|\nx[r] = r ~~|")
    assert model.ranges["r"].elements == ("p one", "p two", "p three")
    (tmp_path / "names.csv").write_text("k,one,two\n,four,\n")
    again = sdmodel.load(tmp_path / "mini.mdl")
    assert again.ranges["r"].elements[-1] == "p four"


@pytest.mark.usefixtures("book")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("CONSTANTS('bok.xlsx', 'Data', 'B2')", "no file 'bok.xlsx'. Nearest: book.xlsx"),
        ("CONSTANTS('book.xlsx', 'Dat', 'B2')", "no sheet 'Dat'. Nearest: Data"),
        ("CONSTANTS('book.xlsx', 'Data', 'blok')", "Nearest: block"),
        ("CONSTANTS('book.xlsx', 'Data', 'block')", "2 by 2 cells; 1 by 1"),
        ("CONSTANTS('book.xlsx', 'Data', 'B4')", "sheet 'Data', row 4, column B: 'text' is not a number"),
        ("CONSTANTS('book.xlsx', 'Data', 'Z99')", "row 99, column Z: the cell is empty"),
        ("CONSTANTS('../book.xlsx', 'Data', 'B2')", "outside the folder"),
        ("CONSTANTS('/etc/passwd.csv', 'Data', 'B2')", "outside the folder"),
        (r"CONSTANTS('..\..\book.xlsx', 'Data', 'B2')", "outside the folder"),
        ("CONSTANTS('?book', 'Data', 'B2')", "a tag, but the model's settings name no file for it"),
        ("CONSTANTS('mini.mdl', 'Data', 'B2')", "of a kind that cannot be read"),
        ("CONSTANTS('book.xlsx', 'Data')", "needs|cannot be read"),
    ],
)
def test_what_is_not_there_is_said_with_what_is_near(model_from: Make, call: str, message: str) -> None:
    with pytest.raises(ReadError, match=message):
        model_from(f"x = GET DIRECT {call} ~~|")


def test_a_link_out_of_the_folder_is_not_followed(
    model_from: Make, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.csv"
    secret.write_text("1\n")
    (tmp_path / "link.csv").symlink_to(secret)
    with pytest.raises(UnsupportedError, match="outside the folder"):
        model_from("x = GET DIRECT CONSTANTS('link.csv', ',', 'A1') ~~|")


@pytest.mark.parametrize(("name", "text"), [
    ("down.csv", 'Time,demand,"price[A]","price[B]"\n0,1,5,6\n5,3,,8\n10,2,7,9\n'),
    ("down.tab", "Time\tdemand\tprice[A]\tprice[B]\n0\t1\t5\t6\n5\t3\t\t8\n10\t2\t7\t9\n"),
    ("across.csv", 'Time,0,5,10\ndemand,1,3,2\n"price[A]",5,,7\n"price[B]",6,8,9\n'),
])  # fmt: skip
def test_data_variables_from_files_of_the_user(
    write_model: Callable[..., Path], tmp_path: Path, name: str, text: str
) -> None:
    path = write_model("d: A, B ~~|\ndemand ~~|\nprice[d] :HOLD BACKWARD: ~~|\nx[d] = demand*price[d] ~~|", step=1)
    file = tmp_path / name
    file.write_text(text)
    run = sdmodel.load(path, data_files=[file]).run(method="euler").to_dataframe()
    assert sdmodel.load(path, data_files=file).run(method="euler").to_dataframe().equals(run)
    np.testing.assert_allclose(run["demand"], np.interp(T, [0, 5, 10], [1, 3, 2]))
    assert run["price[A]"].tolist() == [5] * 10 + [7]
    assert run["price[B]"].tolist() == [6] * 5 + [8] * 5 + [9]
    with pytest.raises(OverrideError, match="'demand' has no series"):
        sdmodel.load(path).run(method="euler")
    other = tmp_path / "other.csv"
    other.write_text("Time,demandd\n0,1\n")
    with pytest.raises(ReadError, match="Nearest: demandd"):
        sdmodel.load(path, data_files=[other])


# -- only an empty cell is a gap ----------------------------------------------------------------------------------
BAD_CELLS = ["1,000", "2,5", "50%", "#REF!", "abc", "1_000", "\uff11\uff12", "nan", "inf", "1e999", "True",
             "2014-07-01", "- 5", "0x10", "1d3", "n/a"]  # fmt: skip


@pytest.mark.parametrize("bad", BAD_CELLS)
@pytest.mark.parametrize("place", ["value", "time"])
def test_a_cell_of_text_is_refused_with_its_place(
    write_model: Callable[..., Path], tmp_path: Path, bad: str, place: str
) -> None:
    """Only a word on the axis of a workbook is skipped, with a warning, as Vensim does in a public model."""
    rows = [["Time", "demand"], ["0", "1"], ["5", bad] if place == "value" else [bad, "2"], ["10", "3"]]
    at = "row 3, column " + ("B" if place == "value" else "A")
    user = write_model("demand ~~|\nx = demand ~~|", name="user")
    (tmp_path / "user.csv").write_text("\n".join(",".join(f'"{c}"' for c in r) for r in rows), encoding="utf-8")
    with pytest.raises(ReadError, match=f"^user.csv, {at}: "):
        sdmodel.load(user, data_files=tmp_path / "user.csv")
    (tmp_path / "user.tab").write_text("\n".join("\t".join(r) for r in rows), encoding="utf-8")
    with pytest.raises(ReadError, match=f"^user.tab, {at}: "):
        sdmodel.load(user, data_files=tmp_path / "user.tab")
    direct = write_model("x := GET DIRECT DATA('user.csv', ',', 'A', 'B2') ~~|", name="direct")
    with pytest.raises(ReadError, match=f"direct.mdl:2: 'x': user.csv, {at}: "):
        sdmodel.load(direct)
    file = openpyxl.Workbook()
    for row in rows:
        file.active.append(row)
    file.save(tmp_path / "book.xlsx")
    for call in ("DATA", "LOOKUPS"):
        head = "x := GET XLS DATA(" if call == "DATA" else "x( GET XLS LOOKUPS("
        text = f"{head}'book.xlsx', 'Sheet', 'A', 'B2') {')' if call == 'LOOKUPS' else ''} ~~|"
        path = write_model(text, name=call.lower())
        if place == "time" and bad in ("abc", "nan", "inf", "True", "n/a"):
            with pytest.warns(
                ResultWarning, match="row 3, column B: left out, for the cell on the axis holds no number"
            ):
                sdmodel.load(path)
            continue
        with pytest.raises(ReadError, match=f"book.xlsx, sheet 'Sheet', {at}: "):
            sdmodel.load(path)


@pytest.mark.parametrize("bad", [True, dt.datetime(2014, 7, 1), dt.time(12), "=1+1"])
def test_a_workbook_cell_that_is_no_number_is_refused(model_from: Make, tmp_path: Path, bad: object) -> None:
    file = openpyxl.Workbook()
    for row in ([0, 5, 10], [1, bad, 3]):
        file.active.append(row)
    file.save(tmp_path / "book.xlsx")
    with pytest.raises(ReadError, match=r"book.xlsx, sheet 'Sheet', row 2, column B: .* is not a number"):
        model_from("x := GET XLS DATA('book.xlsx', 'Sheet', '1', 'A2') ~~|")
    with pytest.raises(ReadError, match=r"row 2, column B: .* is not a number"):
        model_from("x = GET XLS CONSTANTS('book.xlsx', 'Sheet', 'B2') ~~|")


def test_a_value_without_a_time_is_refused_or_said(model_from: Make, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Time,y\n0,1\n,5\n10,3\n", encoding="utf-8")
    with pytest.warns(ResultWarning, match=r"a.csv, row 3, column B: left out"):  # Vensim leaves it out too
        model_from("x := GET DIRECT DATA('a.csv', ',', 'A', 'B2') ~~|")
    with pytest.raises(ReadError, match=r"a.csv, row 3, column B: a value without a time"):
        sdmodel.load(model_from("y ~~|", name="user").path, data_files=tmp_path / "a.csv")


def test_notes_beside_and_below_a_series_are_no_part_of_it(model_from: Make, tmp_path: Path) -> None:
    text = "Demand,,\nTime,y,note\n0,1,first\n5,,none taken\n10,3,last\nSource: yearbook,,\n"
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    model = model_from("x := GET DIRECT DATA('a.csv', ',', 'A', 'B3') ~~|", step=1)
    assert model.run(method="euler")["x"].tolist() == pytest.approx(np.interp(T, [0, 10], [1, 3]))


def test_an_empty_series_is_said(model_from: Make, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Time,y\n0,\n5,\n", encoding="utf-8")
    with pytest.warns(ResultWarning, match="'x': from B2: the series is empty; it is :NA: throughout"):
        model_from("x := GET DIRECT DATA('a.csv', ',', 'A', 'B2') ~~|")


@pytest.mark.parametrize(("text", "message"), [
    ("Time,demand,Demand\n0,1,2\n", "row 1, column C: 'Demand' is the name of two columns"),
    ("Time,demand\n0,1\n5,2,5\n", "row 3: 3 cells, but the first row has 2"),
    ("Time,demand\n0,1\n5\n", "row 3: 1 cells, but the first row has 2"),
    ("Time,demand,\n0,1,9\n", "row 2, column C: the cell holds a value, but its column has no name"),
    ("Time,demand\n0,1\n0,2\n", "the axis has the number 0 twice"),
    ('Time,demand\n0,"1\n', "row 2: the row cannot be split into cells"),
    ('Time,demand\n0,"1"5\n', "row 2: the row cannot be split into cells"),
    ("Time;demand\n0;2,5\n", "row 2, column B: '2,5' is not a number"),
    ("", "is empty"),
    ("Time,demand\n", "holds no series"),
])  # fmt: skip
def test_a_data_file_that_is_not_well_formed_is_refused(
    write_model: Callable[..., Path], tmp_path: Path, text: str, message: str
) -> None:
    path = write_model("demand ~~|\nx = demand ~~|")
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ReadError, match=message):
        sdmodel.load(path, data_files=tmp_path / "a.csv")


@pytest.mark.parametrize(("name", "raw"), [
    ("bom.csv", "\ufeffTime,demand\n0,1\n10,3\n".encode()),
    ("semicolon.csv", b"Time;demand\n0;1\n10;3\n"),
    ("tab.csv", b"Time\tdemand\n0\t1\n10\t3\n"),
    ("crlf.csv", b"Time,demand\r\n0,1\r\n10,3\r\n"),
    ("quoted.csv", b'"Time","demand"\n"0","1"\n"10","3"\n\n'),
    ("utf16.txt", "Time\tdemand\n0\t1\n10\t3\n".encode("utf-16")),
    ("blanks.tab", b"Time\t demand \n 0 \t+1.\n10\t.3e1\n"),
    ("across.csv", b"Time,0,10\ndemand,1,3\n"),
    ("series.dat", b"demand / CNY a year\n0 1\n\n10\t3 last one\nother\n0 7\n"),
    ("split.dat", b"Demand\n0 1\nother\n0 7\nDEMAND\n10 3\n"),
])  # fmt: skip
def test_data_files_as_programs_write_them(
    write_model: Callable[..., Path], tmp_path: Path, name: str, raw: bytes
) -> None:
    path = write_model("demand ~~|\nx = demand ~~|", step=1)
    (tmp_path / name).write_bytes(raw)
    found = sdmodel.load(path, data_files=tmp_path / name).run(method="euler")["x"]
    np.testing.assert_allclose(found, np.interp(T, [0, 10], [1, 3]))


@pytest.mark.parametrize("suffix", [".tab", ".dat", ".csv"])
def test_names_with_brackets_of_their_own(write_model: Callable[..., Path], tmp_path: Path, suffix: str) -> None:
    path = write_model('d: A, B ~~|\n"cost [CNY]"[d] ~~|\n"price [CNY]" ~~|\nx[d] = "cost [CNY]"[d]+"price [CNY]" ~~|')
    text = {
        ".tab": 'Time\t"cost [CNY]"[A]\t"cost [CNY]"[B]\t"price [CNY]"\n0\t1\t2\t10\n',
        ".csv": 'Time,cost [CNY][A],"""cost [CNY]""[B]",price [CNY]\n0,1,2,10\n',
        ".dat": '"cost [CNY]"[A]\n0 1\n"cost [CNY]"[B]\n0 2\n"price [CNY]"\n0 10\n',
    }
    (tmp_path / f"a{suffix}").write_text(text[suffix], encoding="utf-8")
    run = sdmodel.load(path, data_files=tmp_path / f"a{suffix}").run(method="euler").to_dataframe()
    assert run[["x[A]", "x[B]"]].iloc[-1].tolist() == [11, 12]


@pytest.mark.parametrize(("text", "message"), [
    ("0 1\n", "row 1: numbers before the first name"),
    ("demand\n0\n", "row 2: a time without a value"),
    ("demand\n0 2,5\n", "row 2: '2,5' is not a number"),
    ("demand\n0 1\n2 1 000\n", "row 3: '2 1 000' has more than a time and a value"),
    ("demand\n0 1\u00a0000\n", "row 2: .* has more than a time and a value"),
    ("demand\n0,5 2\n", "row 2: '0,5 2' is neither a name nor a time and a value"),
    ("demand <Months>\n0 1\n", "time base of its own"),
    ("demand\n0 1\n0 2\n", "the axis has the number 0 twice"),
    ("demand\nother\n0 1\n", "'demand': the series has no times"),
    ("", "holds no series"),
])  # fmt: skip
def test_a_dat_file_that_is_not_well_formed_is_refused(
    write_model: Callable[..., Path], tmp_path: Path, text: str, message: str
) -> None:
    path = write_model("demand ~~|\nx = demand ~~|")
    (tmp_path / "a.dat").write_text(text, encoding="utf-8")
    with pytest.raises(ReadError, match=message):
        sdmodel.load(path, data_files=tmp_path / "a.dat")


# -- files named by a tag -----------------------------------------------------------------------------------------
SETTINGS = "\\\\\\---/// Sketch information\n///---\\\\\\\n:L\x7f<%^E!@\n15:0,0,0,0,0,0\n"
SETTINGS += "30:?data=book.xlsx\n30:?other=none.xlsx\n"
TAGGED = """d: GET DIRECT SUBSCRIPT('?data', 'Data', 'A1', 'A3', '') ~~|
one = GET XLS CONSTANTS('?data', 'Data', 'B2') ~~|
line := GET XLS DATA('?DATA', 'Data', '1', 'B2') ~~|
table( GET DIRECT LOOKUPS('?data', 'Data', '1', 'B3')) ~~|
plain = GET DIRECT CONSTANTS('?book.xlsx', 'Data', 'B3') ~~|
x[d] = one+line+table(Time)+plain ~~|
"""


@pytest.mark.usefixtures("book")
def test_a_tag_stands_for_the_file_that_the_settings_name(write_model: Callable[..., Path]) -> None:
    path = write_model(TAGGED, step=1)
    with pytest.raises(ReadError, match=r"'.data' is a tag, but the model's settings name no file for it"):
        sdmodel.load(path)
    path.write_text(path.read_text(encoding="utf-8") + SETTINGS, encoding="utf-8")
    model = sdmodel.load(path)
    assert model.ranges["d"].elements == ("x", "low", "high")
    assert model.run(method="euler")["x"].iloc[0].tolist() == [1 + 1 + 10 + 10] * 3
    path.write_text(path.read_text(encoding="utf-8").replace("?DATA", "?other"), encoding="utf-8")
    with pytest.raises(ReadError, match=r"no file 'none.xlsx'"):
        sdmodel.load(path)


def test_a_tag_leads_to_no_file_outside_the_folder(write_model: Callable[..., Path]) -> None:
    path = write_model("one = GET XLS CONSTANTS('?data', 'Data', 'B2') ~~|")
    for file in ("../book.xlsx", "/etc/book.xlsx", "C:\\data\\book.xlsx"):
        text = path.read_text(encoding="utf-8") + SETTINGS.replace("book.xlsx", file)
        (path.parent / "tagged.mdl").write_text(text, encoding="utf-8")
        with pytest.raises(ReadError, match=r"outside the folder|no file"):
            sdmodel.load(path.parent / "tagged.mdl")
