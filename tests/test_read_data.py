"""What stands in files beside a model: workbooks, text tables, data files of the user."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from openpyxl.workbook.defined_name import DefinedName

import sdmodel
from sdmodel.core.errors import OverrideError, ReadError, UnsupportedError

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
        raw.run()


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
        ("CONSTANTS('bok.xlsx', 'Data', 'B2')", "no file beside the model 'bok.xlsx'. Nearest: book.xlsx"),
        ("CONSTANTS('book.xlsx', 'Dat', 'B2')", "no sheet 'Dat'. Nearest: Data"),
        ("CONSTANTS('book.xlsx', 'Data', 'blok')", "Nearest: block"),
        ("CONSTANTS('book.xlsx', 'Data', 'block')", "2 by 2 cells; 1 by 1"),
        ("CONSTANTS('book.xlsx', 'Data', 'B4')", "holds no number"),
        ("CONSTANTS('book.xlsx', 'Data', 'Z99')", "holds no number"),
        ("CONSTANTS('../book.xlsx', 'Data', 'B2')", "outside the folder"),
        ("CONSTANTS('/etc/passwd.csv', 'Data', 'B2')", "outside the folder"),
        (r"CONSTANTS('..\..\book.xlsx', 'Data', 'B2')", "outside the folder"),
        ("CONSTANTS('?book', 'Data', 'B2')", "indirect name"),
        ("CONSTANTS('mini.mdl', 'Data', 'B2')", "of a kind that is not read"),
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
