"""The noun Run: what it hands out, under which name, and that nothing changes it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.core.errors import UnknownNameError
from sdmodel.core.scenario import Scenario
from sdmodel.core.schedule import Schedule

TEXT = """
place: north, south ~~|
sort: a, b ~~|
Stock Of[place] = INTEG(size[place], 0) ~ firm ~ |
size[place] = 1, 2 ~ firm/Year [0,9] ~ |
y[place, sort] = Stock Of[place]*weight[sort] ~ Dmnl ~ |
weight[sort] = 1, 10 ~ Dmnl ~ |
rate = 3 ~ 1/Year ~ |
table((0,0),(1,1)) ~ Dmnl ~ |
z = table(rate) ~ Dmnl ~ |
"""


@pytest.fixture
def run(model_from: Callable[..., sdmodel.Model]) -> sdmodel.Run:
    return model_from(TEXT).run(every=5)


def test_a_variable_is_a_series_or_a_frame(run: sdmodel.Run) -> None:
    z = run["z"]
    assert isinstance(z, pd.Series)
    assert z.name == "z"
    assert z.index.name == "time"
    assert z.index.tolist() == [0, 5, 10]
    stock = run["Stock Of"]
    assert isinstance(stock, pd.DataFrame)
    assert list(stock.columns) == ["north", "south"]
    assert stock["south"].tolist() == pytest.approx([0, 10, 20])
    assert list(run["y"].columns) == ["north,a", "north,b", "south,a", "south,b"]


def test_names_are_found_as_vensim_finds_them(run: sdmodel.Run) -> None:
    for name in ("y[south,b]", "Y[South, B]", "y [ south,b ]"):
        assert run[name].tolist() == pytest.approx([0, 100, 200])
    assert run["stock_of"]["north"].iloc[-1] == pytest.approx(10)
    assert run["STOCK OF[north]"].name == "Stock Of[north]"


def test_constants_have_a_path_as_well(run: sdmodel.Run) -> None:
    assert run["rate"].tolist() == [3, 3, 3]
    assert run["size"]["south"].tolist() == [2, 2, 2]
    assert run.constants["size[south]"] == 2
    assert run["FINAL TIME"].tolist() == [10, 10, 10]


def test_what_is_not_there_is_answered(run: sdmodel.Run) -> None:
    with pytest.raises(UnknownNameError, match="Nearest: Stock Of"):
        run["stock off"]
    with pytest.raises(UnknownNameError, match="A lookup has no value of its own"):
        run["table"]
    with pytest.raises(UnknownNameError):
        run["y[south,c]"]


def test_units_are_those_of_the_file(run: sdmodel.Run) -> None:
    assert run.unit("stock of") == "firm"
    assert run.unit("size[south]") == "firm/Year"


def test_the_table_holds_everything_in_file_order(run: sdmodel.Run) -> None:
    table = run.to_dataframe()
    assert table.index.name == "time"
    assert list(table.columns) == [
        "Stock Of[north]", "Stock Of[south]", "size[north]", "size[south]", "y[north,a]", "y[north,b]", "y[south,a]",
        "y[south,b]", "weight[a]", "weight[b]", "rate", "z", "INITIAL TIME", "FINAL TIME", "TIME STEP", "SAVEPER",
    ]  # fmt: skip
    assert np.isfinite(table.to_numpy()).all()


def test_a_run_is_frozen_and_keeps_what_it_was_asked(model_from: Callable[..., sdmodel.Model]) -> None:
    model = model_from(TEXT)
    scenario = Scenario("mine", values={"rate": 4}, paths={"size": Schedule((0, 5), (1, 2))})
    run = model.run({"rate": 5}, scenario=scenario, method="rk4")
    assert run.model is model
    assert run.scenario.name == "mine"
    assert dict(run.scenario.values) == {"rate": 5}
    assert list(run.scenario.paths) == ["size"]
    assert run["size"]["north"].iloc[-1] == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        run.time = run.time
    with pytest.raises((TypeError, AttributeError)):
        run.constants["rate"] = 1.0
    before = run["Stock Of"].to_numpy().copy()
    table = run["Stock Of"]
    table.loc[:] = 0
    model.run({"rate": 9})
    assert np.array_equal(run["Stock Of"].to_numpy(), before)


def test_the_report_says_how_it_was_solved(run: sdmodel.Run, model_from: Callable[..., sdmodel.Model]) -> None:
    assert run.report.method == "LSODA"
    assert run.report.rtol == 1e-8
    assert "LSODA (rtol 1e-08)" in run.report.sentence
    assert "'mini'" in repr(run)
    assert "LSODA" in repr(run)
    steps = model_from(TEXT, name="steps").run(method="euler").report
    assert steps.evaluations == 80
    assert "fixed step" in steps.sentence
    assert steps.seconds > 0


def test_a_list_of_variables_is_a_table() -> None:
    run = sdmodel.load("firms").run(every=5)
    table = run[["all firms", "firms by quality"]]
    assert list(table.columns) == ["all firms", "firms by quality[weak]", "firms by quality[strong]"]
    assert table["all firms"].equals(run["all firms"])


def test_values_of_a_run_cannot_be_written_over() -> None:
    run = sdmodel.load("network").run(every=25)
    for array in (run.time, run.values):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0.0
