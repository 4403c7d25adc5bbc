"""Mistakes about levers, dates and indices, held off by tests; those about money and firms: test_traps.py."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.model import Model
from sdmodel.study.measured import lever_settings

STEP = 0.125
END = 2034.0
SETTINGS = lever_settings()


@pytest.fixture(scope="module")
def whole() -> Model:
    return sdmodel.load("shandong")


# -- levers and their dates ----------------------------------------------------------------------------------------
def test_no_lever_by_itself_changes_history(whole: Model) -> None:
    levers = whole.levers
    given = levers["value"].to_dict()
    rows = [given, *({**given, name: row[end]} for name, row in levers.iterrows() for end in ("low", "high"))]
    design = pd.DataFrame(rows).assign(**{"FINAL TIME": 2014.875})
    stocks = [v.name for v in whole.equations.values() if v.kind == "stock"]
    model = whole.replace("FINAL TIME", 2014.875)
    found = model.sweep(design.drop(columns="FINAL TIME"), stocks, every=STEP, workers=1, progress=False, certificate=0)
    assert not found["status"].any()
    for name in stocks:
        values = found[name].isel(time=-1)
        off = np.abs(values - values.isel(run=0)).max() / max(float(np.abs(values).max()), 1e-9)
        assert float(off) < 1e-9, name


def test_dates_that_someone_can_set_lie_after_history(whole: Model) -> None:
    for name in ("exit start", "push start"):
        assert whole[name].low >= 2015
    for scenario in whole.scenarios.values():
        for name, path in scenario.paths.items():
            assert min(path.at) >= 2015, name
            assert path.value[0] == whole.parameters().loc[name, "value"], f"'{name}' is not what it was before 2015"


def test_nothing_compared_is_still_on_its_way_at_the_end(whole: Model) -> None:
    """What a verdict rests on has stood for five years, and so have the settings of the table of levers."""
    over = [start + 5.0 for start in (2020.0, 2016.0, 2024.0)]
    given = whole.parameters()["value"]
    states = [{**context, **acted} for acted, context in SETTINGS.values()]
    for values in (*states, *(s.values for s in whole.scenarios.values())):
        at = {n: values.get(n, given[n]) for n in given.index}
        over.append(2015 + at["policy ramp time"])
        if at["exit start"] < END:
            over.append(at["exit start"] + at["exit duration"])
        if at["push size"]:
            over.append(at["push start"] + at["push duration"])
    over += [max(path.at) for s in whole.scenarios.values() for path in s.paths.values()]
    assert max(over) <= END - 5


LAW = {
    "extra deduction rate[b1]": {"flat extra deduction": 0.5},
    "extra deduction rate[b5]": {"progressive deduction size": 1.0},
    "depreciation at once": {"extra depreciation speed": 0.4},
}


@pytest.mark.parametrize("name", LAW)
def test_a_tax_lever_adds_the_same_to_the_law_as_it_was_and_as_enacted(whole: Model, name: str) -> None:
    added = []
    for switch in (0, 1):
        plain, acted = (whole.run({**v, "law path switch": switch}, every=1)[name] for v in ({}, LAW[name]))
        added.append((acted - plain).loc[2016.0:])
    np.testing.assert_allclose(added[0], added[1], rtol=1e-9)
    assert (added[1] > 0.1).all()


def test_a_lever_that_ends_the_deduction_ends_that_of_later_law_as_well(whole: Model) -> None:
    run = whole.run({"law deduction kept": 0, "law path switch": 1}, every=1)
    for name in ("extra deduction rate", "deduction per claimant", "tax forgone"):
        assert np.abs(run[name].loc[2016.0:].to_numpy()).max() < 1e-9, name


def test_a_tax_lever_still_moves_rnd_under_the_law_as_enacted(whole: Model) -> None:
    for acted in LAW.values():
        plain, more = (whole.run({**v, "law path switch": 1}, every=5)["own RnD"].iloc[-1] for v in ({}, acted))
        assert float(np.abs(more / plain - 1).max()) > 1e-5, acted


# -- read-outs, samples --------------------------------------------------------------------------------------------
INDICES = (
    "intervention intensity", "intervention volume", "self organisation index", "loop gain", "selection mechanism",
    "competition mechanism", "cooperation mechanism",
)  # fmt: skip


@pytest.mark.parametrize("name", INDICES)
def test_an_index_reaches_no_stock(whole: Model, name: str) -> None:
    """An index that drove what it is judged by would make findings out of definitions."""
    reached, todo = set(), [name]
    while todo:
        for user in whole.uses(todo.pop()):
            if user not in reached:
                reached.add(user)
                todo.append(user)
    assert [n for n in reached if whole[n].kind == "stock"] == []
    assert reached <= set(INDICES)


def test_the_search_for_stocks_behind_an_index_finds_some_where_there_are(whole: Model) -> None:
    users = whole.uses("decided share of services")
    assert any(whole[n].kind == "stock" for n in users)


def test_a_sweep_of_the_uncertainties_moves_no_lever(whole: Model) -> None:
    """Random corners of all levers are no policy; samples differ in what the world is like."""
    assert not set(whole.uncertainties.index) & set(whole.levers.index)
