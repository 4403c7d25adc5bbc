"""Arrays of XMILE: what a subscript may be, array functions of expressions, and messages in the words of the file.

Values are worked out by hand from v = 2, 4, 9 and u = 5, 1, 3 over Zone, h = 10, 20 over Age, m = v * h, and
w[i, j] = 10 i + j over Zone twice. The words of Stella's help: iseesystems.com/resources/help, Array builtins and
Specialized Array Manipulation.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import sdmodel
from sdmodel.core.errors import SdmodelError

FILE = """<?xml version="1.0" encoding="utf-8"?>
<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0" xmlns:isee="http://iseesystems.com/XMILE">
<header><options>{options}</options><vendor>isee systems, inc.</vendor>
<product version="3.0" lang="en">Stella Architect</product></header>
<sim_specs method="Euler" time_units="Months"><start>0</start><stop>4</stop><dt>1</dt></sim_specs>
<dimensions><dim name="Zone" size="3"><elem name="n"/><elem name="s"/><elem name="w"/></dim>
<dim name="Age"><elem name="young"/><elem name="old"/></dim><dim name="Idx" size="3"/>
<dim name="Size"><elem name="small"/><elem name="medium"/><elem name="large"/></dim>
<dim name="Grill"><elem name="rare"/><elem name="medium"/></dim><dim name="Long" size="5"/></dimensions>
<model><variables>
<aux name="v"><dimensions><dim name="Zone"/></dimensions><element subscript="n"><eqn>2</eqn></element>
<element subscript="s"><eqn>4</eqn></element><element subscript="w"><eqn>9</eqn></element></aux>
<aux name="u"><dimensions><dim name="Zone"/></dimensions><element subscript="1"><eqn>5</eqn></element>
<element subscript="2"><eqn>1</eqn></element><element subscript="3"><eqn>3</eqn></element></aux>
<aux name="q"><dimensions><dim name="Idx"/></dimensions><eqn>10^(Idx-1)</eqn></aux>
<aux name="h"><dimensions><dim name="Age"/></dimensions><eqn>10*Age</eqn></aux>
<aux name="m"><dimensions><dim name="Zone"/><dim name="Age"/></dimensions><eqn>v*h</eqn></aux>
<aux name="w"><dimensions><dim name="Zone"/><dim name="Zone"/></dimensions>{cells}</aux>
<aux name="i"><eqn>2</eqn></aux>
{variables}</variables></model></xmile>
"""
CELLS = "".join(
    f'<element subscript="{a}, {b}"><eqn>{10 * i + j}</eqn></element>'
    for i, a in enumerate("nsw", 1)
    for j, b in enumerate("nsw", 1)
)
Make = Callable[..., sdmodel.Model]


@pytest.fixture
def model(tmp_path: Path) -> Make:
    def make(equation: str, *dims: str, more: str = "", options: str = "") -> sdmodel.Model:
        escaped = equation.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        over = "".join(f'<dim name="{d}"/>' for d in dims)
        block = f"<dimensions>{over}</dimensions>" if dims else ""
        variables = f'{more}<aux name="y">{block}<eqn>{escaped}</eqn></aux>'
        path = tmp_path / "arrays.stmx"
        path.write_text(FILE.format(variables=variables, options=options, cells=CELLS), "utf-8")
        return sdmodel.load(path)

    return make


def values(model: sdmodel.Model) -> list[list[float]]:
    """Paths of y, element by element."""
    found = model.run(method="euler").to_dataframe()
    return [found[c].tolist() for c in found.columns if c == "y" or c.startswith("y[")]


NAN = float("nan")
T = np.arange(5.0)


@pytest.mark.parametrize(
    ("equation", "value"),
    [
        # by position, by name, by expression
        ("v[2]", 4), ("v[1+1]", 4), ("v[3-2*1]", 2), ("v[Zone.s]", 4), ("v[S]", 4), ('v["s"]', 4), ("v[i]", 4),
        ("v[i+1]", 9), ("v[1.6]", 2), ("v[u[w]]", 9), ("v[u[2]]", 2), ("m[3, 2]", 180), ("m[w, young]", 90),
        ("m[i, i]", 80), ("m[i, old]", 80), ("m[i, Age.young]", 40), ("w[2, 3]", 23), ("q[Idx.2]", 10),
        ("v[IF i = 2 THEN 3 ELSE 1]", 9), ("v[MAX(u)-4]", 2), ("v[SIZE(v)]", 9),
        # names of dimensions and elements as numbers
        ("Zone.w", 3), ("Zone.w - Zone.n", 2), ("Size.medium + 10*Grill.medium", 22),
        # outside the dimension: 0 (uses_arrays, invalid_index_value)
        ("v[i-2]", 0), ("v[i*2]", 0), ("m[Zone.w+1, i]", 0), ("m[Zone.w+1, 1]", 0), ("m[i, Zone.w]", 0),
        # whole arrays
        ("SUM(v)", 15), ("SUM(v[*])", 15), ("SUM(m)", 450), ("SUM(m[*, *])", 450), ("SUM(m[*, 1])", 150),
        ("SUM(m[*, young])", 150), ("SUM(m[s, *])", 120), ("SUM(m[i, *])", 120), ("SUM(w)", 198), ("SUM(w[*, 2])", 66),
        ("MEAN(v)", 5), ("PROD(v)", 72), ("MIN(v)", 2), ("MAX(m)", 180), ("SIZE(v)", 3), ("SIZE(Age)", 2),
        ("SIZE(m)", 6), ("SIZE(m[*, 1])", 3), ("STDDEV(v)", (26 / 3) ** 0.5), ("STDDEV(h)", 5), ("SUM(i)", 2),
        ("MEAN(3)", 3), ("SIZE(i)", 1),
        # slices
        ("SUM(v[1:2])", 6), ("SUM(v[n:s])", 6), ("MEAN(v[2:3])", 6.5), ("SUM(v[Zone.s:Zone.w])", 13),
        ("SIZE(v[2:3])", 2), ("SUM(w[1:2, 2:3])", 12 + 13 + 22 + 23), ("MAX(m[1:2, *])", 80), ("SUM(v[2:2])", 4),
        # expressions of arrays
        ("SUM(v*u)", 41), ("SUM(v[*]*u[*])", 41), ("MAX(v*u)", 27), ("MEAN(v*u)", 41 / 3), ("SUM(v+1)", 18),
        ("SUM(v*h)", 450), ("SUM(v[*]*h[*])", 450), ("SUM(v+h)", 120), ("SUM(v*m)", 3030), ("SUM(v[1:2]*u[1:2])", 14),
        ("SUM(IF v > 3 THEN v ELSE 0)", 13), ("SUM(v)/SIZE(v) - MEAN(v)", 0), ("SUM(MAX(v, 3))", 16),
        ("SUM(v - MEAN(v))", 0), ("MEAN((v - MEAN(v))^2)^0.5 - STDDEV(v)", 0), ("MAX(SUM(v), 20)", 20),
        ("SUM(v MOD 2)", 1), ("SUM(v // (u-1))", 5), ("SUM(w*w) - SUM(w^2)", 0),
        # MIN and MAX of several arguments
        ("MAX(v, u)", 9), ("MAX(v, 20)", 20), ("MIN(v, u, 3)", 1), ("MAX(3, MIN(v))", 3), ("MAX(m[*, 1], 100)", 100),
        ("MAX(m[*, 2], 100)", 180), ("MIN(v[2:3], 5)", 4),
        # ranks, rising: u is 5, 1, 3
        ("RANK(u, 1)", 2), ("RANK(u, 2)", 3), ("RANK(u, 3)", 1), ("RANK(-u, 1)", 1), ("u[RANK(u, 2)]", 3),
        ("RANK(h[*]*0, 2)", 2), ("RANK(v*0, 1, u)", 2), ("RANK(m[2, *], 2)", 2),
        # between elements
        ("INTERPOLATE(v, 0)", 2), ("INTERPOLATE(v, 0.25)", 3), ("INTERPOLATE(v, 0.75)", 6.5), ("INTERPOLATE(v, 9)", 9),
        ("INTERPOLATE(v, -1)", 2), ("INTERPOLATE(m, 0.5, 0.5)", 60), ("INTERPOLATE(m[2, *], 0.5)", 60),
        ("INTERPOLATE(m[*, 2], 0.5)", 80),
    ],
)  # fmt: skip
def test_one_number(model: Make, equation: str, value: float) -> None:
    assert values(model(equation)) == [pytest.approx([value] * 5, rel=1e-14, abs=1e-12)]


@pytest.mark.parametrize(
    ("equation", "dims", "expected"),
    [
        ("v", ["Zone"], [2, 4, 9]),
        ("v[*]", ["Zone"], [2, 4, 9]),
        ("v[@1]", ["Zone"], [2, 4, 9]),
        ("v[Zone]*2 + i", ["Zone"], [6, 10, 20]),
        ("Zone", ["Zone"], [1, 2, 3]),
        ("v/SUM(v)", ["Zone"], [2 / 15, 4 / 15, 9 / 15]),
        ("SUM(m[Zone, *])", ["Zone"], [60, 120, 270]),
        ("SUM(m[*, Age])", ["Age"], [150, 300]),
        ("SUM(v[*]*m[*, Age])", ["Age"], [1010, 2020]),
        ("MAX(v, 3)", ["Zone"], [3, 4, 9]),
        ("MIN(v, u)", ["Zone"], [2, 1, 3]),
        ("MAX(v, SUM(h))", ["Zone"], [30, 30, 30]),
        ("v[Zone-1]", ["Zone"], [0, 2, 4]),
        ("v[4-Zone]", ["Zone"], [9, 4, 2]),
        ("q[Zone]", ["Zone"], [1, 10, 100]),
        ("v[Idx]", ["Idx"], [2, 4, 9]),
        ("v[n:s]", ["Zone"], [2, 4, 0]),
        ("q[2:3]", ["Idx"], [0, 10, 100]),
        ("q", ["Long"], "is an array over Long"),
        ("IF Zone = 1 THEN v ELSE y[Zone-1] + v", ["Zone"], [2, 6, 15]),
        ("IF v = MAX(v) THEN 1 ELSE 0", ["Zone"], [0, 0, 1]),
        ("m", ["Age", "Zone"], [20, 40, 90, 40, 80, 180]),
        ("m'", ["Age", "Zone"], [20, 40, 90, 40, 80, 180]),
        ("m[@2, @1]", ["Age", "Zone"], [20, 40, 90, 40, 80, 180]),
        ("w", ["Zone", "Zone"], [11, 12, 13, 21, 22, 23, 31, 32, 33]),
        ("w'", ["Zone", "Zone"], [11, 21, 31, 12, 22, 32, 13, 23, 33]),
        ("w[@2, @1]", ["Zone", "Zone"], [11, 21, 31, 12, 22, 32, 13, 23, 33]),
        ("SUM(w[*, Zone])", ["Zone"], [63, 66, 69]),
        ("w[Zone, Zone]", ["Zone"], [11, 22, 33]),
        ("SMTH1(v, 2) + DELAY1(v, 2)", ["Zone"], [4, 8, 18]),
        ("SIZE(SELF)", ["Zone", "Age"], [6] * 6),
        ("Size", ["Size"], [1, 2, 3]),
        ("IF Size < Size.large THEN 1 ELSE 0", ["Size"], [1, 1, 0]),
        ("10*Size + Grill", ["Size", "Grill"], [11, 12, 21, 22, 31, 32]),
        ("RANK(u, Zone)", ["Zone"], [2, 3, 1]),
        ("u[RANK(u, Zone)]", ["Zone"], [1, 3, 5]),
    ],
)
def test_an_equation_for_every_element(
    model: Make, equation: str, dims: list[str], expected: list[float] | str
) -> None:
    if isinstance(expected, str):
        with pytest.raises(SdmodelError, match=expected):
            model(equation, *dims)
        return
    assert values(model(equation, *dims)) == [pytest.approx([x] * 5, rel=1e-14) for x in expected]


def test_an_index_that_moves(model: Make) -> None:
    assert values(model("v[TIME]")) == [[0, 2, 4, 9, 0]]
    assert values(model("m[TIME, TIME-1]")) == [[0, 0, 40, 180, 0]]
    assert values(model("q[INT(TIME/2)+1]")) == [[1, 1, 10, 10, 100]]
    missing = values(model("v[TIME]", options='<uses_arrays maximum_dimensions="2" invalid_index_value="NaN"/>'))
    np.testing.assert_array_equal(missing, [[NAN, 2, 4, 9, NAN]])


def test_equations_for_single_elements_may_name_the_array_without_subscripts(model: Make) -> None:
    more = (
        '<aux name="a"><dimensions><dim name="Zone"/></dimensions><element subscript="n"><eqn>v*Zone</eqn></element>'
        '<element subscript="s"><eqn>v*Zone</eqn></element><element subscript="w"><eqn>a[n]+SUM(v)</eqn></element>'
        "</aux>"
        '<aux name="b"><dimensions><dim name="Zone"/></dimensions><element subscript="n"><eqn>q[Zone]</eqn></element>'
        '<element subscript="s"><eqn>q[Zone]+q[@1]</eqn></element><element subscript="w"><eqn>q[Zone-1]</eqn></element>'
        "</aux>"
    )
    assert values(model("b", "Zone", more=more)) == [[1] * 5, [20] * 5, [10] * 5]
    assert values(model("a", "Zone", more=more)) == [[2] * 5, [8] * 5, [17] * 5]


def test_graphs_of_single_elements_are_tables_too(model: Make) -> None:
    points = "<gf><xscale min='0' max='4'/><ypts>{}</ypts></gf>"
    more = (
        '<aux name="g"><dimensions><dim name="Age"/></dimensions><eqn>TIME</eqn>'
        f'<element subscript="young">{points.format("0,10,20,20,40")}</element>'
        f'<element subscript="old"><eqn>TIME+1</eqn>{points.format("5,4,3,2,1")}</element></aux>'
    )
    assert values(model("g", "Age", more=more)) == [[0, 10, 20, 20, 40], [4, 3, 2, 1, 1]]
    assert values(model("LOOKUP(g, 1)", "Age", more=more)) == [[10] * 5, [4] * 5]
    assert values(model("LOOKUP(g[young], TIME+1) + g[old](0)", more=more)) == [[15, 25, 25, 45, 45]]
    assert values(model("LOOKUPINV(g[2], 2.5)", more=more)) == [[2.5] * 5]
    assert values(model("SUM(g) + MAX(g)", more=more)) == [[8, 23, 42, 41, 81]]


def test_stocks_and_flows_over_an_array(model: Make) -> None:
    more = (
        '<stock name="Store"><dimensions><dim name="Zone"/></dimensions><eqn>v</eqn><inflow>in flow</inflow>'
        "<outflow>out_flow</outflow></stock>"
        '<flow name="in flow"><dimensions><dim name="Zone"/></dimensions><eqn>u</eqn></flow>'
        '<flow name="out\\nflow"><dimensions><dim name="Zone"/></dimensions><eqn>Store/2</eqn></flow>'
    )
    level = np.array([2.0, 4.0, 9.0])
    steps = []
    for _ in range(5):
        steps.append(level)
        level = level + np.array([5.0, 1.0, 3.0]) - level / 2
    np.testing.assert_allclose(values(model("Store", "Zone", more=more)), np.transpose(steps))


@pytest.mark.parametrize(
    ("equation", "dims", "message"),
    [
        ("v", [], r"'y' is not an array, so it does not say which element of 'Zone' is meant in 'v'.*v\[n\].*SUM\(v\)"),
        ("h", ["Zone"], "'y' is an array over Zone, so it does not say which element of 'Age' is meant in 'h'"),
        ("v[north]", [], "the dimension 'Zone' has no element 'north' .it has n, s, w."),
        ("v[Zone.north]", [], "the dimension 'Zone' has no element 'north'"),
        ("m[1]", [], "'m' has 2 dimensions .Zone, Age., but 1 subscripts"),
        ("i[1]", [], "'i' is not an array, but it has a subscript"),
        ("Zone", [], "the dimension 'Zone' stands for the number of an element"),
        ("v[*]", [], "does not say which element of 'Zone' is meant"),
        ("v[2:5]", ["Zone"], "the slice 2:5 of 'v' does not lie in 1:3"),
        ("SUM(v[1:i])", [], "both ends of a slice of 'v' must be numbers or elements"),
        ("v[0]", [], "the index 0 of 'v' does not lie in 1:3, the elements of 'Zone'"),
        ("v[4] + 1", ["Zone"], "the index 4 of 'v' does not lie in 1:3"),
        ("v[1 - 2]", [], "the index -1 of 'v' does not lie in 1:3"),
        ("v[@2]", ["Zone"], "'@2' stands for dimension 2 of the left-hand side, which has 1"),
        ("2 * *", [], r"cannot be read: 2 \* \*"),
        ("SUM(v, u)", [], "SUM takes one argument, 2 are given"),
        ("RANK(u)", [], "RANK takes 2 or 3 arguments"),
        ("INTERPOLATE()", [], "the first argument of INTERPOLATE is an array"),
        ("INTERPOLATE(v, 0.5, 0.5)", [], "INTERPOLATE takes one number for each whole dimension"),
        ("LOOKUP(v, 1)", ["Zone"], "'v' has no graphical function that LOOKUP could read"),
    ],
)
def test_messages_speak_the_language_of_the_file(model: Make, equation: str, dims: list[str], message: str) -> None:
    with pytest.raises(SdmodelError, match=message) as caught:
        model(equation, *dims)
    assert "arrays.stmx:" in str(caught.value)
    assert "'y'" in str(caught.value)
    assert "!" not in str(caught.value)


def test_the_kernel_and_one_run_agree(model: Make) -> None:
    """Computed indices, ranks and gathered expressions in lanes: a sweep over `i`."""
    import pandas as pd

    made = model("v[i] + SUM(v*u)*RANK(u, i) + STDDEV(v*i) + m[i, 1] + v[TIME]")
    sweep = made.sweep(pd.DataFrame({"i": [0.0, 1.0, 2.0, 3.0, 4.0]}), ["y"], method="euler", progress=False)
    for run, i in enumerate([0.0, 1.0, 2.0, 3.0, 4.0]):
        np.testing.assert_allclose(sweep["y"].isel(run=run), made.run({"i": i}, method="euler")["y"], rtol=1e-12)
