"""Non-negative stocks of XMILE, worked out by hand from Stella's rule (isee systems, "Flow prioritization").

An outflow is MIN(stock/DT + inflows - outflows of higher priority, its equation), in the order in which the stock
names its outflows: https://www.iseesystems.com/resources/help/v1-1/Content/08-Reference/05-Computational_Details/Flow_prioritization.htm
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import sdmodel
from sdmodel.core.errors import ReadWarning, UnsupportedError

Make = Callable[..., sdmodel.Model]
Paths = Callable[..., dict[str, list[float]]]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def model(variables: str, dt: str = "1", more: str = "") -> sdmodel.Model:
        path = tmp_path / "tank.stmx"
        path.write_text(
            f'<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><header/>{more}'
            f'<sim_specs method="Euler"><start>0</start><stop>4</stop><dt>{dt}</dt></sim_specs>'
            f"<model><variables>{variables}</variables></model></xmile>"
        )
        return sdmodel.load(path)

    return model


@pytest.fixture(params=["run", "sweep"])
def paths(request: pytest.FixtureRequest) -> Paths:
    """`paths(model, *names)`: values at each report, alone or in a sweep."""

    def values(model: sdmodel.Model, *names: str, method: str = "euler") -> dict[str, list[float]]:
        if request.param == "run":
            run = model.run(method=method)
            return {n: run[n].tolist() for n in names}
        swept = model.sweep([{}] * 2, list(names), method=method, workers=1)
        return {n: swept[n].to_numpy()[1].tolist() for n in names}

    return values


def stock(name: str, start: float | str, inflows: str = "", outflows: str = "", mark: str = "<non_negative/>") -> str:
    flows = "".join(f"<inflow>{f}</inflow>" for f in inflows.split())
    flows += "".join(f"<outflow>{f}</outflow>" for f in outflows.split())
    return f'<stock name="{name}"><eqn>{start}</eqn>{flows}{mark}</stock>'


def flow(name: str, equation: str | float, mark: str = "<non_negative/>") -> str:
    return f'<flow name="{name}"><eqn>{equation}</eqn>{mark}</flow>'


TWO = stock("a", 10, "", "move") + stock("b", 0, "move", mark="") + flow("move", "4 + 0*TIME")


def test_the_receiving_stock_gains_what_the_other_loses(make: Make, paths: Paths) -> None:
    assert paths(make(TWO), "a", "move", "b") == {
        "a": [10, 6, 2, 0, 0],
        "move": [4, 4, 2, 0, 0],
        "b": [0, 4, 8, 10, 10],
    }


@pytest.mark.parametrize(("method", "dt"), [("euler", "0.3"), ("rk4", "1"), ("rk4", "0.3")])
def test_nothing_is_lost_by_any_method(make: Make, paths: Paths, method: str, dt: str) -> None:
    found = paths(make(TWO.replace("4 + 0*TIME", "IF TIME &lt; 3 THEN 7 ELSE 1"), dt), "a", "b", method=method)
    np.testing.assert_allclose(np.add(found["a"], found["b"]), 10, rtol=1e-15)
    assert min(found["a"]) >= 0


def test_outflows_are_reduced_in_their_order(make: Make, paths: Paths) -> None:
    flows = flow("rain", 3) + flow("use", 6) + flow("loss", 8)
    first = paths(make(stock("a", 10, "rain", "use loss") + flows), "a", "use", "loss")
    assert first == {"a": [10, 0, 0, 0, 0], "use": [6, 3, 3, 3, 3], "loss": [7, 0, 0, 0, 0]}
    second = paths(make(stock("a", 10, "rain", "loss use") + flows), "use", "loss")
    assert second == {"use": [5, 0, 0, 0, 0], "loss": [8, 3, 3, 3, 3]}


def test_an_outflow_that_another_one_needs_comes_first(make: Make, paths: Paths) -> None:
    found = paths(
        make(stock("a", 10, "", "loss use") + flow("use", "6 + 0*TIME") + flow("loss", "use*2")), "a", "use", "loss"
    )
    assert found == {"a": [10, 0, 0, 0, 0], "use": [6, 0, 0, 0, 0], "loss": [4, 0, 0, 0, 0]}


def test_flows_in_both_directions_take_no_more_than_there_is(make: Make, paths: Paths) -> None:
    found = paths(
        make(stock("a", 6, "net", "") + stock("b", 0, "", "net", "") + flow("net", "-4", "")), "a", "net", "b"
    )
    assert found == {"a": [6, 2, 0, 0, 0], "net": [-4, -2, 0, 0, 0], "b": [0, 4, 6, 6, 6]}


def test_a_circle_of_stocks_loses_nothing(make: Make, paths: Paths) -> None:
    """One of the flows has to be computed first, without the other as an inflow."""
    stocks = stock("a", 5, "back", "there") + stock("b", 2, "there", "back")
    found = paths(make(stocks + flow("there", "4 + 0*TIME") + flow("back", "3")), "a", "b", "there", "back")
    assert found == {"a": [5, 3, 2, 1, 0], "b": [2, 4, 5, 6, 7], "there": [4, 4, 4, 4, 3], "back": [2, 3, 3, 3, 3]}


def test_what_comes_back_by_a_delay_counts_as_an_inflow(make: Make, paths: Paths) -> None:
    model = make(stock("a", 4, "back", "out") + flow("out", "6 + 0*TIME") + flow("back", "DELAY1(out, 2, 1)"))
    found = paths(model, "a", "out", "back")
    assert (found["a"][:2], found["out"][0], found["back"][0]) == ([4, 0], 5, 1)
    assert found["out"][1:] == found["back"][1:]


def test_every_element_of_an_array_is_limited(make: Make, paths: Paths) -> None:
    dims = '<dimensions><dim name="R"><elem name="x"/><elem name="y"/></dim></dimensions>'
    by = '<dimensions><dim name="R"/></dimensions>'
    found = paths(
        make(
            f'<stock name="a"><eqn>5</eqn><outflow>out</outflow><non_negative/>{by}</stock>'
            f'<stock name="b"><eqn>0</eqn><inflow>out</inflow>{by}</stock><flow name="out">{by}<element subscript="x">'
            '<eqn>2</eqn></element><element subscript="y"><eqn>TIME*3</eqn></element></flow>'
            '<aux name="bx"><eqn>b[x]</eqn></aux><aux name="by"><eqn>b[y]</eqn></aux>'
            '<aux name="oy"><eqn>out[y]</eqn></aux>',
            more=dims,
        ),
        "bx", "by", "oy",
    )  # fmt: skip
    assert found == {"bx": [0, 2, 4, 5, 5], "by": [0, 0, 3, 5, 5], "oy": [0, 3, 2, 0, 0]}


def test_a_stock_may_start_at_what_its_outflow_needs(make: Make, paths: Paths) -> None:
    found = paths(make(stock("a", "out*2", "", "out") + flow("out", "3 + 0*TIME")), "a", "out")
    assert found == {"a": [6, 3, 0, 0, 0], "out": [3, 3, 0, 0, 0]}


def test_a_stock_whose_flows_cannot_be_reduced_says_so_at_every_load(make: Make, paths: Paths) -> None:
    shared = stock("a", 3, "", "out") + stock("b", 9, "", "out", "") + flow("out", 2)
    for _ in range(2):
        with pytest.warns(ReadWarning, match=r"tank.stmx:1: the non-negative stock 'a' is cut off at zero"):
            model = make(shared)
    assert paths(model, "a", "b") == {"a": [3, 1, 0, 0, 0], "b": [9, 7, 5, 3, 1]}


def test_a_method_without_steps_is_refused(make: Make) -> None:
    with pytest.raises(UnsupportedError, match=r"'a': the non-negative stock needs.*method=\"euler\""):
        make(TWO).run(method="LSODA")


def test_a_flow_with_another_equation_is_limited_too(make: Make, paths: Paths) -> None:
    for given in (6, "6 + 0*Time"):
        changed = make(TWO).replace("move", given)
        assert paths(changed, "move", "b") == {"move": [6, 4, 0, 0, 0], "b": [0, 6, 10, 10, 10]}
    with pytest.warns(ReadWarning, match="'a' is cut off at zero"):
        make(TWO).replace("move", "INTEG(1, 0)")
