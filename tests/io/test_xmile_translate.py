"""XMILE files: formulas, arrays, graphical functions, settings, and what is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import sdmodel
from sdmodel.core.errors import ReadError, SdmodelError, UnsupportedError
from sdmodel.io.vensim.write import to_mdl

FILE = """<?xml version="1.0" encoding="utf-8"?>
<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0" xmlns:isee="http://iseesystems.com/XMILE">
<header><vendor>test</vendor></header>
<sim_specs {specs}><start>0</start><stop>8</stop><dt{reciprocal}>{dt}</dt></sim_specs>{more}
<dimensions><dim name="D"><elem name="a"/><elem name="b"/></dim><dim name="N" size="3"/></dimensions>
<model><variables>{variables}</variables></model></xmile>
"""
Make = Callable[..., sdmodel.Model]


@pytest.fixture
def xmile(tmp_path: Path) -> Make:
    def make(variables: str, suffix: str = ".xmile", **given: str) -> sdmodel.Model:
        settings = {"specs": 'method="Euler" time_units="Year"', "reciprocal": "", "dt": "1", "more": "", **given}
        path = tmp_path / f"model{suffix}"
        path.write_text(FILE.format(variables=variables, **settings), encoding="utf-8")
        return sdmodel.load(path)

    return make


def aux(equation: str, name: str = "x") -> str:
    escaped = equation.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f'<aux name="{name}"><eqn>{escaped}</eqn></aux>'


T = np.arange(9.0)


@pytest.mark.parametrize(
    ("equation", "expected"),
    [
        ("IF TIME > 3 THEN 1 ELSE IF TIME > 2 THEN 5 ELSE 7", np.where(T > 3, 1, np.where(T > 2, 5, 7))),
        ("1 + (if TIME>=6 or not (TIME>1) then 3 else 4)", 1 + np.where((T >= 6) | (T <= 1), 3, 4)),
        ("{ a note } 10 MOD 3 + TIME", 1 + T),
        ("-2^2 + INT(-1.5) + ROUND(2.5)", -4 - 2 + 3 + 0 * T),
        ("PULSE(10, 2) + PULSE(3, 1, 4)", 10 * (T == 2) + 3 * ((T == 1) | (T == 5))),
        ("RAMP(2, 3)", np.maximum(2 * (T - 3), 0)),
        ("STEP(2, 3)", 2 * (T >= 3)),
        ("SAFEDIV(1, TIME-2, 9)", np.where(T == 2, 9, 1 / np.where(T == 2, 1, T - 2))),
        ("MAX(TIME, 3, 5) + MIN(TIME, 2)", np.maximum(T, 5) + np.minimum(T, 2)),
        ("DELAY(TIME, 2, -1)", np.where(T >= 2, T - 2, -1)),
        ("INIT(TIME + 4)", 4 + 0 * T),
        ("INIT(PREVIOUS(TIME, 8)) + INIT(DELAY(TIME, 2, 7))", 15 + 0 * T),
        ("PREVIOUS(TIME, 9)", np.where(T > 0, T - 1, 9)),
        ("SINWAVE(2, 8)", 2 * np.sin(2 * np.pi * T / 8)),
        ("DT + STARTTIME + STOPTIME + PI - PI()", 9 + 0 * T),
        ("LOG10(100) + LN(EXP(2)) + PERCENT(0.5)", 54 + 0 * T),
        ("-7 MOD 3 + 100 * (7 MOD -3) + (TIME - 4) MOD 3", 2 - 200 + (T - 4) % 3),
        ("7 MOD 4 * 2 + 10 * (17 MOD 10 MOD 4)", 6 + 30 + 0 * T),
    ],
)
def test_a_formula_has_the_path_worked_out_by_hand(xmile: Make, equation: str, expected: np.ndarray) -> None:
    found = xmile(aux(equation)).run(method="euler")["x"]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_names_that_begin_or_look_like_words_of_the_language_are_names(xmile: Make) -> None:
    """PySD's grammar reads `notable` as NOT able; PI, INF and DT are constants only where no variable has the name."""
    words = ("notable", "order", "android", "modern", "iffy", "thenx", "elsewhere", "inf", "pi", "dt", "starttime")
    variables = "".join(aux(str(i + 2), word) for i, word in enumerate(words))
    total = aux(" + ".join(f"{word} * {10**i}" for i, word in enumerate(words)), "x")
    more = aux("IF NOT (notable = 3) THEN not_a ELSE 0", "y") + aux("NOT(notable=2)", "z") + aux("7", "not a")
    found = xmile(variables + total + more).run(method="euler")
    assert found["x"].iloc[0] == sum((i + 2) * 10**i for i in range(len(words)))
    assert (found["y"].iloc[0], found["z"].iloc[0]) == (7, 0)


def test_names_with_a_dot_and_variables_in_a_group(xmile: Make) -> None:
    group = f'<group name="Part"><entity name="x"/>{aux("3", "Temp.1")}</group>'
    model = xmile(group + aux("Temp.1 * 2"))
    assert model.run(method="euler")["x"].iloc[0] == 6
    assert {v.name: v.group for v in model.equations.values() if v.kind != "control"} == {"Temp.1": "Part", "x": "Part"}


def test_arrays_with_and_without_subscripts(xmile: Make) -> None:
    dims = "<dimensions><dim name='D'/></dimensions>"
    found = (
        xmile(
            f'<aux name="p">{dims}<eqn>1, 2</eqn></aux><aux name="q">{dims}<eqn>p*2 + TIME</eqn></aux>'
            '<aux name="m"><dimensions><dim name="D"/><dim name="N"/></dimensions><eqn>p[D]*N</eqn></aux>'
            f'<aux name="o">{dims}<element subscript="a"><eqn>5</eqn>'
            '</element><element subscript="b"><eqn>q[a]</eqn></element></aux>'
            f'<stock name="s">{dims}<eqn>10</eqn><inflow>f</inflow><outflow>o</outflow></stock>'
            f'<flow name="f">{dims}<eqn>q</eqn></flow>' + aux("SUM(m) + SUM(m[a,*]) + MAX(p) + m[b,2]", "t")
        )
        .run(method="euler")
        .to_dataframe()
    )
    np.testing.assert_allclose(found["q[b]"], 4 + T)
    np.testing.assert_allclose(found["o[b]"], 2 + T)
    np.testing.assert_allclose(found["s[a]"], 10 + np.concatenate([[0], np.cumsum(2 + T - 5)[:-1]]))
    assert found["t"].iloc[0] == 18 + 6 + 2 + 4


def test_whole_arrays_are_read_as_vensim_writes_them(xmile: Make) -> None:
    dims = "<dimensions><dim name='D'/><dim name='N'/></dimensions>"
    model = xmile(
        f"<aux name='y'>{dims}<eqn>TIME</eqn></aux>"
        + aux("SUM(y[*, *]) + MAX(y[a, *])", "s")
        + aux("SUM(y)", "t")
        + "<aux name='r'><dimensions><dim name='D'/></dimensions><eqn>MIN(y[D, *]) + SUM(y[*, 1])</eqn></aux>"
    )
    text = to_mdl(model)
    assert "SUM(y[D!, N!]) + VMAX(y[a, N!])" in text
    assert "VMIN(y[D, N!]) + SUM(y[D!, " in text
    found = model.run(method="euler")
    np.testing.assert_allclose(found["s"], 7 * T)
    np.testing.assert_allclose(found["t"], 6 * T)
    np.testing.assert_allclose(found["r[b]"], 3 * T)


def test_graphical_functions(xmile: Make) -> None:
    points = "<xpts>0,2,5,7</xpts><ypts>1,3,2,8</ypts>"
    found = (
        xmile(
            f'<aux name="c"><eqn>TIME</eqn><gf>{points}</gf></aux>'
            f'<aux name="d"><eqn>TIME</eqn><gf type="discrete">{points}</gf></aux>'
            f'<aux name="e"><eqn>TIME</eqn><gf type="extrapolate">{points}</gf></aux><gf name="g">{points}</gf>'
            '<aux name="s"><eqn>TIME</eqn><gf><xscale min="0" max="6"/><ypts sep=";">1;3;2;8</ypts></gf></aux>'
            + aux("g(TIME/2) + LOOKUP(g, TIME)", "l")
        )
        .run(method="euler")
        .to_dataframe()
    )
    lines = np.interp(T, [0, 2, 5, 7], [1, 3, 2, 8])
    np.testing.assert_allclose(found["c"], lines)
    assert found["d"].tolist() == [1, 1, 3, 3, 3, 2, 2, 8, 8]
    assert found["e"].iloc[-1] == 11
    np.testing.assert_allclose(found["s"], np.interp(T, [0, 2, 4, 6], [1, 3, 2, 8]))
    np.testing.assert_allclose(found["l"], np.interp(T / 2, [0, 2, 5, 7], [1, 3, 2, 8]) + lines)


STOCKS = (
    '<stock name="low"><eqn>3</eqn><outflow>out</outflow>{cut}</stock><flow name="out"><eqn>1</eqn></flow>'
    '<stock name="kept"><eqn>3</eqn><outflow>back</outflow></stock>'
    '<flow name="back"><eqn>TIME-4</eqn><non_negative/></flow>'
)


def test_non_negative_stocks_stop_at_zero_and_flows_do_not_turn(xmile: Make) -> None:
    model = xmile(STOCKS.format(cut="<non_negative/>"))
    found = model.run(method="euler").to_dataframe()
    assert found["low"].tolist() == [3, 2, 1, 0, 0, 0, 0, 0, 0]
    assert found["kept"].tolist() == [3, 3, 3, 3, 3, 3, 2, 0, -3]
    with pytest.raises(UnsupportedError, match=r"'low': the non-negative stock.*method=\"euler\""):
        model.run(method="LSODA")
    free = xmile(
        STOCKS.format(cut="<non_negative>false</non_negative>"),
        more="<behavior><stock><non_negative/></stock></behavior>",
    )
    assert free.run(method="euler")["low"].iloc[-1] == -5


def test_settings_are_kept(xmile: Make) -> None:
    model = xmile(
        aux("TIME"),
        specs='method="RK4" time_units="Year" isee:save_interval="2"',
        reciprocal=' reciprocal="true"',
        dt="4",
    )
    assert model.time == {"initial time": 0, "final time": 8, "time step": 0.25, "saveper": 2}
    assert model.method == "rk4"
    assert model["FINAL TIME"].unit == "Year"


def test_units_ranges_documentation_and_start_formulas_are_kept(xmile: Make) -> None:
    model = xmile(
        '<aux name="a\\nb"><eqn>2</eqn><units>firm</units><range min="0" max="5"/>'
        "<doc>How many. [lever P01]</doc></aux>"
        '<aux name="c"><eqn>TIME</eqn><init_eqn>7</init_eqn></aux><stock name="s"><eqn>c</eqn></stock>'
    )
    variable = model["a b"]
    assert (variable.unit, variable.limits, variable.role, variable.sentence) == ("firm", (0, 5), "lever", "How many.")
    assert model.run(method="euler")["s"].tolist() == [7] * 9


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ('<stock name="s"><eqn>1</eqn><conveyor><len>2</len></conveyor></stock>', "'s' is or has a conveyor"),
        ('<stock name="s"><eqn>1</eqn><queue/></stock>', "'s' is or has a queue"),
        ('<stock name="s"><eqn>1</eqn><oven/></stock>', "'s' is or has an oven"),
        ('<module name="m"/>', "module 'm' has no <model>"),
        ('<aux name="x"><eqn></eqn></aux>', "'x' has no equation"),
        (aux("???"), "'x': the equation cannot be read"),
        (aux("1 +"), "'x': the equation cannot be read"),
        (aux("IF 1 THEN 2"), "IF has no ELSE"),
        (aux("FACTORIAL(3)"), r"FACTORIAL is not supported: write EXP\(GAMMALN\(n \+ 1\)\)"),
        (aux("1") + aux("2"), "'x' is defined twice"),
        ('<aux name="x"><dimensions><dim name="Z"/></dimensions><eqn>1</eqn></aux>', "there is no dimension 'Z'"),
        ('<aux name="x"><eqn>TIME</eqn><gf type="odd"><xpts>0,1</xpts><ypts>0,1</ypts></gf></aux>', "type 'odd'"),
        ('<aux name="x"><eqn>TIME</eqn><gf><xpts>0,1</xpts><ypts>0</ypts></gf></aux>', "2 x and 1 y"),
        ("", "no stocks, flows or converters"),
    ],
)
def test_what_would_be_misread_is_refused_by_name(xmile: Make, variables: str, message: str) -> None:
    with pytest.raises(ReadError, match=message):
        xmile(variables)


def test_a_model_that_no_module_uses_is_refused(xmile: Make) -> None:
    with pytest.raises(UnsupportedError, match="2 models, and no module uses 'other'"):
        xmile(aux("1"), more=f'<model name="other"><variables>{aux("2")}</variables></model>')


def test_variables_straight_in_the_model_are_read_as_before_xmile_1(tmp_path: Path) -> None:
    text = FILE.format(variables="", specs="", reciprocal="", dt="1", more="")
    path = tmp_path / "old.stmx"
    path.write_text(text.replace("<variables></variables>", aux("TIME*2") + "<views/>"), encoding="utf-8")
    assert sdmodel.load(path).run(method="euler")["x"].iloc[-1] == 16


DOCTYPE = '<!DOCTYPE xmile [<!ENTITY x SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_document_types_and_entities_are_refused(tmp_path: Path, encoding: str) -> None:
    head, _, rest = FILE.format(variables=aux("&x;"), specs="", reciprocal="", dt="1", more="").partition("\n")
    path = tmp_path / "hostile.xmile"
    path.write_bytes(f"{head.replace('utf-8', encoding)}\n{DOCTYPE}\n{rest}".encode(encoding))
    with pytest.raises(UnsupportedError, match="document type"):
        sdmodel.load(path)


@pytest.mark.parametrize("text", ["", "<xmile", "<a/>", "<xmile/>", "no xml", "<xmile><model></xmile></model>"])
def test_what_is_no_xmile_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.xmile"
    path.write_text(text)
    with pytest.raises(SdmodelError):
        sdmodel.load(path)
