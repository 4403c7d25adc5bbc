"""Runs and sweeps written to files and arrays: values as in the run, units with them, nothing that is a formula."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

import sdmodel
from sdmodel.core.errors import DesignError
from sdmodel.core.spreadsheet import write_columns, write_table

EQUATIONS = """
place: north, south ~~|
level[place] = INTEG(rate[place], 1) ~ firm ~ How many. [outcome] |
rate[north] = 2 ~ firm/Year ~ =1+1 |
rate[south] = Time ~ firm/Year ~ |
"=SUM(A1)" = 3 ~ Dmnl [0,5] ~ |
"""


@pytest.fixture
def run(model_from: Callable[..., sdmodel.Model]) -> sdmodel.Run:
    return model_from(EQUATIONS).run()


def test_to_xarray_has_every_value_and_unit(run: sdmodel.Run) -> None:
    data = run.to_xarray()
    assert data["time"].attrs["unit"] == "Year"
    assert data["level"].dims == ("time", "place")
    assert data["level"].attrs["unit"] == "firm"
    assert data["rate"].dims == ("time", "place")  # one element is a constant, the other is not
    assert data["=SUM(A1)"].dims == ()
    table = run.to_dataframe()
    for place in ("north", "south"):
        for name in ("level", "rate"):
            np.testing.assert_array_equal(data[name].sel(place=place), table[f"{name}[{place}]"])


def test_files_hold_the_run_and_no_formula(run: sdmodel.Run, tmp_path: Path) -> None:
    run.to_csv(tmp_path / "a.csv")
    table = pd.read_csv(tmp_path / "a.csv", index_col="time")
    np.testing.assert_allclose(table["level[north]"], run["level[north]"], rtol=1e-9)
    assert "'=SUM(A1)" in table
    run.to_excel(tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert book.sheetnames == ["values", "variables"]
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell.value for cell in cells if cell.data_type == "f"]
    units = {row[0]: row[1] for row in book["variables"].iter_rows(values_only=True)}
    assert units["level"] == "firm"


def test_columns_are_written_as_pandas_writes_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    numbers = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, 1e-300, 1e300, 0.1, 1 / 3, 123456789012.5, 2015.0]
    names = ["plain", "a,b", 'say "x"', "=SUM(A1)", "-x", "强度", " blank ", "x[a,b]", "two\nlines", "+1", "@x"]
    table = pd.DataFrame({name: rng.permutation(numbers) for name in names}, index=pd.Index(numbers, name="time"))
    write_table(table, tmp_path / "a.csv", index=True)
    write_columns(["time", *names], [np.array(numbers), *(table[n].to_numpy() for n in names)], tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


@pytest.mark.parametrize("name", ["a.txt", "a", "a.xls"])
def test_other_endings_are_refused(run: sdmodel.Run, name: str, tmp_path: Path) -> None:
    for write in (run.to_csv, run.to_excel):
        with pytest.raises(DesignError, match="a table is written to a file that ends with"):
            write(tmp_path / name)
    assert not (tmp_path / name).exists()


def test_a_folder_that_is_not_there_is_named(run: sdmodel.Run, tmp_path: Path) -> None:
    for write, name in ((run.to_csv, "a.csv"), (run.to_excel, "a.xlsx")):
        with pytest.raises(DesignError, match=r"there is no folder '.*away'"):
            write(tmp_path / "away" / name)


def test_a_sweep_as_a_table(run: sdmodel.Run, tmp_path: Path) -> None:
    sweep = sdmodel.Model.of(run.model).sweep([{"=SUM(A1)": 1.0}, {"=SUM(A1)": 2.0}], ["level"])
    table = sweep.sdmodel.to_dataframe()
    assert len(table) == sweep.sizes["run"] * sweep.sizes["time"]
    last = table[table["time"] == sweep["time"].to_numpy()[-1]]
    np.testing.assert_array_equal(last["level[south]"], sweep["level"].sel(place="south")[:, -1])
    sweep.sdmodel.to_csv(tmp_path / "s.csv")
    sweep.sdmodel.to_excel(tmp_path / "s.xlsx")
    assert openpyxl.load_workbook(tmp_path / "s.xlsx").sheetnames == ["values", "variables", "record"]
    assert "'=SUM(A1)" in pd.read_csv(tmp_path / "s.csv")


def test_short_texts(run: sdmodel.Run) -> None:
    texts = [repr(run), repr(run.scenario), repr(sdmodel.Scenario("late", values={"a": 1.0}))]
    assert all(len(text) < 120 and text.startswith("<") for text in texts)
    assert "a=1" in texts[-1]


def test_a_run_draws_its_outcomes(run: sdmodel.Run) -> None:
    _, axes = run.plot()
    assert [panel.get_title(loc="left") for panel in axes] == ["level[north]", "level[south]"]
    assert len(run.plot("level[south]").axes) == 1


def test_a_grid_and_policies_have_a_row_for_each_run_too(tmp_path: Path) -> None:
    model = sdmodel.load("adoption")
    grid = model.sweep({"support size": [0.0, 50.0], "time in use": [4.0, 5.0, 6.0]}, ["firms with"], every=10)
    assert "6 runs" in repr(grid.sdmodel)
    assert "support size" in grid.sdmodel._repr_html_()
    table = grid.sdmodel.to_dataframe()
    last = table[(table["support size"] == 50) & (table["time in use"] == 6) & (table["time"] == 2030)]
    assert last["firms with"].item() == float(
        grid["firms with"].sel({"support size": 50, "time in use": 6, "time": 2030})
    )
    samples = sdmodel.latin_hypercube(model.uncertainties, 3, rng=1)
    both = model.sweep(samples, ["firms with"], every=10, policies={"a": {}, "b": {"support size": 0}})
    assert "6 runs" in repr(both.sdmodel)
    both.sdmodel.to_csv(tmp_path / "both.csv")
    assert len(pd.read_csv(tmp_path / "both.csv")) == 6 * 3
