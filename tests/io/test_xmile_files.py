"""XMILE as programs write it: Stella Architect, Vensim's export, older layouts; names, modules, repairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import sdmodel
from sdmodel.core.errors import ReadError, ReadWarning, SdmodelError, UnsupportedError

HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0" '
    'xmlns:isee="http://iseesystems.com/XMILE">\n'
)
STELLA = (
    HEAD
    + """<header><smile version="1.0" namespace="std, isee"/><name>lake</name><uuid>0</uuid>
<vendor>isee systems, inc.</vendor>
<product version="3.5.2" isee:build_number="3147" isee:saved_by_v1="true" lang="en">Stella Architect</product></header>
<sim_specs isee:sim_duration="0" isee:simulation_delay="0.0015" isee:restore_on_start="false" method="Euler"
 time_units="Months" isee:instantaneous_flows="false" isee:ignore_module_errors="false" isee:strict_units="true"
 isee:loop_scores="false" isee:loop_exhaustive_allowed="1000"><start>0</start><stop>4</stop>{dt}</sim_specs>
<isee:prefs show_module_prefix="true" live_update_on_drag="true" layer="model" saved_runs="5" keep="false"/>
<isee:multiplayer_settings include_chat="true" observer_start_page="home_page" enabled="false"/>
<isee:time_formats default_format="Builtin"><isee:time_format name="Builtin" type="adaptive"/></isee:time_formats>
<default_format/><isee:spell_check/><model_units><unit name="people"><eqn>person</eqn><alias>persons</alias></unit>
</model_units>{more}
<model><variables>{variables}</variables>
<views><style color="black" background="white"><stock><shape type="rectangle"/></stock></style>
<view isee:page_cols="2" isee:show_pages="false" type="stock_flow"><stock x="300" y="200" name="Lake"/>
<aux x="1" y="2" name="rain" isee:label="rain"/>
<connector uid="1" angle="3"><from>rain</from><to>in_flow</to></connector>
<group name="Sector 1" x="0" y="0"/></view></views></model>{models}</xmile>
"""
)
Make = Callable[..., sdmodel.Model]


@pytest.fixture
def stella(tmp_path: Path) -> Make:
    def make(
        variables: str, *, dt: str = "<dt>1</dt>", more: str = "", models: str = "", name: str = "lake.stmx"
    ) -> sdmodel.Model:
        path = tmp_path / name
        path.write_text(STELLA.format(variables=variables, dt=dt, more=more, models=models), encoding="utf-8")
        return sdmodel.load(path)

    return make


def aux(name: str, equation: str) -> str:
    escaped = equation.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f'<aux name="{name}"><eqn>{escaped}</eqn></aux>'


def path_of(model: sdmodel.Model, name: str, **given: str) -> list[float]:
    return [float(x) for x in model.run(method=given.get("method", "euler"))[name]]


T = np.arange(5.0)


@pytest.mark.parametrize(
    ("equation", "expected"),
    [
        # signs, remainders and safe division: the remainder has the sign of the divisor
        ("-7 MOD 3", 2 + 0 * T),
        ("(-7) mod 3", 2 + 0 * T),
        ("(TIME - 3) MOD 3", [0, 1, 2, 0, 1]),
        ("-7.5 MOD 2", 0.5 + 0 * T),
        ("5 // 0", 0 * T),
        ("12 // (TIME - 2) + 1", [-5, -11, 1, 13, 7]),
        ("7//2*3", 10.5 + 0 * T),
        ("SAFEDIV(8, TIME, -1)", [-1, 8, 4, 8 / 3, 2]),
        ("SAFEDIV(1, 1e-7)", 1e7 + 0 * T),
        ("2^3^2 - 2^-1 + -2^2", 512 - 0.5 - 4 + 0 * T),
        # logic: NOT binds like a sign (XMILE 1.0, 3.3.1)
        ("IF NOT 0 = 3 THEN 1 ELSE 2", 2 + 0 * T),
        ("IF NOT (0 = 3) AND TIME >= 2 OR TIME = 0 THEN 1 ELSE 2", [1, 2, 1, 1, 1]),
        ("IF(TIME>1)THEN(IF(TIME>2)THEN(3)ELSE(2))ELSE(1)", [1, 1, 2, 3, 3]),
        ("2 * IF TIME > 1 THEN 1 ELSE 0 + 5", [10, 10, 2, 2, 2]),
        ("(2 > 1) + (2 <> 2) + NOT 0", 2 + 0 * T),
        # functions
        ("INT(-1.5) + ABS(-3) + SIGN(-2) + SIGN(0)", -2 + 3 - 1 + 0 * T),
        ("ROOT(8, 3) + SQRT(16) + PERCENT(0.5)", 56 + 0 * T),
        ("EXP(LN(5)) + LOG10(1000)", 8 + 0 * T),
        ("SIN(PI/2) + COS(0) + ARCTAN(TAN(0.5)) + ARCSIN(1) - PI/2 + ARCCOS(1)", 2.5 + 0 * T),
        ("MAX(TIME, 2, 1) + MIN(3, TIME)", [2, 3, 4, 6, 7]),
        ("ROUND(2.4) + ROUND(-2.6)", -1 + 0 * T),
        ("STEP(5, 2) + RAMP(2, 1) + RAMP(1, 1, 3)", [0, 0, 5 + 2 + 1, 5 + 4 + 2, 5 + 6 + 2]),
        ("PULSE(10, 1, 2) + PULSE(3, 2)", [0, 10, 3, 10, 0]),
        ("INIT(TIME + 3) + STARTTIME + STOPTIME + DT", 8 + 0 * T),
        ("PREVIOUS(TIME, -1)", [-1, 0, 1, 2, 3]),
        ("PREVIOUS(SELF, 0) + 1", [1, 2, 3, 4, 5]),
        ("PREVIOUS(SELF, 1) * 2", [2, 4, 8, 16, 32]),
        ("DELAY(TIME, 2)", [0, 0, 0, 1, 2]),
        ("DELAY(TIME, 2, 9)", [9, 9, 0, 1, 2]),
        ("SMTH1(TIME, 2)", [0, 0, 0.5, 1.25, 2.125]),
        ("SMTH1(TIME, 2, 5)", [5, 2.5, 1.75, 1.875, 2.4375]),
        ("SMTH3(6, 3, 0)", [0, 0, 0, 6, 6]),
        ("SMTHN(6, 4, 2, 0)", [0, 0, 1.5, 3, 4.125]),
        ("DELAY1(TIME, 2, 5)", [5, 2.5, 1.75, 1.875, 2.4375]),
        ("DELAY3(6, 3, 0)", [0, 0, 0, 6, 6]),
        ("DELAYN(6, 4, 2, 0)", [0, 0, 1.5, 3, 4.125]),
        ("TREND(TIME + 1, 2)", [0, 0.5, 0.5, 7 / 18, 0.3]),
        ("TREND(TIME + 1, 2, 0.5)", [0.5, 5 / 6, 13 / 22, 29 / 70, 61 / 198]),
        ("FORCST(TIME + 1, 2, 3)", [1, 5, 7.5, 26 / 3, 9.5]),
        ("SINWAVE(2, 8)", 2 * np.sin(np.pi * T / 4)),
        ("COSWAVE(2, 8)", 2 * np.cos(np.pi * T / 4)),
        ("GAMMALN(5)", np.log(24) + 0 * T),
        ("NPV(100, 0.1)", 100 * np.cumsum(1.1**-T)),
        ("NPV(100, 0.1, 50)", 50 + 100 * np.cumsum(1.1**-T)),
        ("MIN(TRIANGULAR(1, 2, 4), 1) + MAX(TRIANGULAR(1, 2, 4), 4)", 5 + 0 * T),
        # comments and white space
        ("{ first {braces} }1 + { a - b } 2 ", 3 + 0 * T),
        ("1\n\t+\n2", 3 + 0 * T),
        ("1e3 + .5 + 2.", 1002.5 + 0 * T),
        ("rain_fall + Rain Fall".replace(" F", "_f"), 8 + 0 * T),
        ('"Rain Fall" + "rain\\nfall" + RAIN_FALL', 12 + 0 * T),
    ],
)
def test_a_formula_of_stella(stella: Make, equation: str, expected: object) -> None:
    model = stella(aux("y", equation) + aux("Rain\\nfall", "4"))
    np.testing.assert_allclose(path_of(model, "y"), expected, rtol=1e-12, atol=1e-12)


def test_a_whole_file_of_stella(stella: Make) -> None:
    variables = (
        '<stock name="Lake"><doc>Water in the lake.</doc><eqn>100</eqn><inflow>in_flow</inflow>'
        "<outflow>evaporation\\nper\\nmonth</outflow><non_negative/><units>m3</units>"
        '<range min="0" max="500"/><scale min="0" max="400"/><format precision="1"/></stock>'
        '<flow name="in flow"><eqn>rain*2</eqn><non_negative/><units>m3/month</units></flow>'
        '<flow name="evaporation\\nper\\nmonth"><eqn>Lake/10</eqn><non_negative/></flow>'
        '<aux name="rain"><eqn>3 {mm}</eqn><doc>Rain. [uncertainty]</doc></aux>'
        '<group name="Water"><entity name="Lake"/><entity name="rain"/></group>'
    )
    model = stella(variables, dt='<dt reciprocal="true">4</dt>')
    level, seen = 100.0, []
    for _ in range(17):
        seen.append(level)
        level += (6 - level / 10) / 4
    np.testing.assert_allclose(path_of(model, "Lake"), seen, rtol=1e-12)
    assert (model["lake"].unit, model["lake"].limits, model["lake"].group) == ("m3", (0, 500), "Water")
    assert (model["rain"].role, model.time["time step"], model["TIME STEP"].unit) == ("uncertainty", 0.25, "Months")
    assert model["Evaporation per_month"].name == "evaporation per month"


def test_a_file_that_vensim_exported(tmp_path: Path) -> None:
    """White space around equations, blanks in <inflow>, Vensim's control variables, flows as <aux>."""
    text = (
        HEAD
        + '<header><product version="1.0" lang="en">Vensim</product><vendor>Ventana Systems, Inc.</vendor></header>'
        '<sim_specs method="RK4" time_units="Month"><start>0</start><stop>4</stop><dt>0.5</dt></sim_specs>'
        '<dimensions>\n<dim name="Region"><elem name="North"/><elem name="South"/></dim></dimensions>'
        '<model><variables><stock name="Open_Jobs"><eqn>\n\t8\n\t</eqn><inflow>\n\tnew jobs\n\t</inflow>'
        '<outflow>\n\t"jobs done (all)"\n\t</outflow><units>\n\tjob\n\t</units><doc>\n\t~\n\t</doc></stock>'
        '<aux name="new_jobs"><eqn>\n\tIF TIME &gt; 2 THEN 2 \nELSE 2\n\t</eqn></aux>'
        '<aux name="&quot;jobs_done_(all)&quot;"><eqn>\n\tOpen_Jobs/4\n\t</eqn></aux>'
        '<aux name="FINAL_TIME"><eqn>4</eqn></aux><aux name="INITIAL_TIME"><eqn>0</eqn></aux>'
        '<aux name="SAVEPER"><eqn>1</eqn></aux><aux name="TIME_STEP"><eqn>0.5</eqn></aux>'
        '<aux name="steps"><eqn>1/TIME_STEP + FINAL_TIME</eqn></aux>'
        '<aux name="share"><dimensions><dim name="Region"/></dimensions>'
        '<element subscript="North"><eqn>0.25</eqn></element>'
        '<element subscript="South"><eqn>1-share[North]</eqn></element></aux></variables></model></xmile>'
    )
    path = tmp_path / "exported.xmile"
    path.write_text(text, encoding="utf-8")
    model = sdmodel.load(path)
    assert model.method == "rk4"
    found = model.run(method="euler").to_dataframe()
    assert found["Open_Jobs"].tolist() == [8] * 5
    assert found["share[South]"].tolist() == [0.75] * 5
    assert found["steps"].iloc[0] == 6


def test_arrays_that_vensim_exported(tmp_path: Path) -> None:
    """The whole array as one <element> of its dimensions, numbers row by row, tags with blanks."""
    dims = '<dimensions>\n<dim name="Region" />\n<dim name="Age" />\n</dimensions>'
    text = (
        HEAD + '<sim_specs method="RK4" time_units="Month"><start>0</start><stop>2</stop><dt>1</dt></sim_specs>'
        '<dimensions><dim name="Age"><elem name="Young" /><elem name="Old" /></dim>'
        '<dim name="Region"><elem name="North" /><elem name="South" /></dim></dimensions><model><variables>'
        f'<stock name="Population"><units></units><doc></doc>{dims}<element subscript = "Region,Age"><eqn>\n\t'
        "init_pop[Region,Age]\n\t</eqn></element><inflow>\n\tNet growth\n\t</inflow></stock>"
        f'<aux name="Net_growth">{dims}<eqn>Population[Region,Age] * Growth_rate[Region,Age]\t\t</eqn></aux>'
        f'<aux name="Growth_rate">{dims}<eqn>0.01,0.1;0.05,0.5;\t\t</eqn></aux>'
        f'<aux name="init_pop">{dims}<element subscript="*,Young"><eqn>80</eqn></element>'
        '<element subscript="Region, Old"><eqn>20</eqn></element></aux></variables></model></xmile>'
    )
    path = tmp_path / "exported.xmile"
    path.write_text(text, encoding="utf-8")
    found = sdmodel.load(path).run(method="euler").to_dataframe()
    for element, start, growth in (
        ("North,Young", 80, 0.01),
        ("North,Old", 20, 0.1),
        ("South,Young", 80, 0.05),
        ("South,Old", 20, 0.5),
    ):
        np.testing.assert_allclose(found[f"Population[{element}]"], start * (1 + growth) ** np.arange(3), rtol=1e-12)


def test_a_file_of_bptk_and_old_ithink_layout(tmp_path: Path) -> None:
    """Variables straight in <model>, no dt, no method, upper-case functions, a graphical function with <yscale>."""
    text = (
        '<xmile version="1.0"><header><vendor>isee systems</vendor></header>'
        '<sim_specs><start>1</start><stop>4</stop></sim_specs><model name="">'
        '<stock name="cash"><eqn>100</eqn><inflow>earn</inflow></stock><flow name="earn"><eqn>effect*10</eqn></flow>'
        '<aux name="effect"><eqn>TIME</eqn><gf discrete="false"><yscale min="0" max="5"/><xscale min="1" max="4"/>'
        "<ypts>1,2,4,5</ypts></gf></aux><view/></model></xmile>"
    )
    path = tmp_path / "old.stmx"
    path.write_text(text, encoding="utf-8")
    assert path_of(sdmodel.load(path), "cash") == [100, 110, 130, 170]


# -- graphical functions ----------------------------------------------------------------------------------------
GRAPH = "<gf{kind}><xscale min='0' max='4'/><yscale min='0' max='40'/><ypts>0,10,20,20,40</ypts></gf>"


def test_a_graph_is_called_by_its_name_or_by_lookup(stella: Make) -> None:
    plan = f"<aux name='The Plan'><eqn>TIME</eqn>{GRAPH.format(kind='')}</aux>"
    bare = f"<aux name='bare'><eqn>0+0</eqn>{GRAPH.format(kind='')}</aux>"
    empty = f"<aux name='points'>{GRAPH.format(kind='')}</aux>"
    flow = f"<flow name='inflow'><eqn>TIME</eqn>{GRAPH.format(kind='')}<non_negative/></flow>"
    equation = "LOOKUP(The_plan, TIME + 1) + the_plan(0) + LOOKUP(bare, 4) + points(1) + LOOKUP(points, 2) + bare"
    model = stella(plan + bare + empty + flow + aux("y", equation) + aux("z", "LOOKUP(inflow, 1) + The_Plan"))
    assert path_of(model, "y") == [80, 90, 90, 110, 110]
    assert path_of(model, "z") == [10, 20, 30, 30, 50]
    assert path_of(model, "The Plan") == [0, 10, 20, 20, 40]
    assert model["The Plan graph"].kind == "lookup"


def test_graphs_that_extrapolate_hold_or_are_inverted(stella: Make) -> None:
    line = "<gf{kind}><xpts>0,2</xpts><ypts>10,14</ypts></gf>"
    variables = "".join(
        f"<aux name='{name}'><eqn>TIME</eqn>{line.format(kind=kind)}</aux>"
        for name, kind in (
            ("a", ""),
            ("b", ' type="extrapolate"'),
            ("c", ' type="discrete"'),
            ("d", ' discrete="true"'),
        )
    )
    model = stella(variables + aux("y", "LOOKUP(b, 5) + LOOKUPINV(a, 11)"))
    assert path_of(model, "a") == [10, 12, 14, 14, 14]
    assert path_of(model, "b") == [10, 12, 14, 16, 18]
    assert path_of(model, "c") == path_of(model, "d") == [10, 10, 14, 14, 14]
    assert path_of(model, "y") == [20.5] * 5


@pytest.mark.parametrize(
    ("equation", "whole"),
    [
        ("BETA(2, 3)", stats.beta(2, 3)),
        ("GAMMA(2.5, 3, 1)", stats.gamma(2.5, scale=3)),
        ("WEIBULL(1.5, 4)", stats.weibull_min(1.5, scale=4)),
        ("PARETO(3, 2)", stats.pareto(3, scale=2)),
        ("LOGISTIC(5, 2)", stats.logistic(5, 2)),
        ("TRIANGULAR(1, 2, 4)", stats.triang(1 / 3, 1, 3)),
    ],
)
def test_draws_have_their_distribution(stella: Make, equation: str, whole: stats.rv_continuous) -> None:
    """Arguments of https://www.iseesystems.com/resources/help/v10/Content/Reference/Builtins/Statisticall_builtins.htm."""
    drawn = path_of(stella(aux("x", equation), dt="<dt>0.002</dt>"), "x")
    assert len(drawn) == 2001
    assert stats.kstest(drawn, whole.cdf).pvalue > 0.01


def test_counts_have_their_distribution(stella: Make) -> None:
    drawn = np.array(path_of(stella(aux("x", "BINOMIAL(4, 0.3)"), dt="<dt>0.002</dt>"), "x"))
    found = [(drawn == k).sum() for k in range(5)]
    assert stats.chisquare(found, stats.binom(4, 0.3).pmf(range(5)) * 2001).pvalue > 0.01


# -- non-negative -----------------------------------------------------------------------------------------------
def test_what_a_file_says_of_non_negative_is_kept(stella: Make) -> None:
    stock = (
        "<stock name='{0}'><eqn>2</eqn><outflow>{0} out</outflow>{1}</stock><flow name='{0} out'><eqn>1</eqn></flow>"
    )
    variables = (
        stock.format("s", "<non_negative/>")
        + stock.format("f", "")
        + "<flow name='one way'><eqn>2-TIME</eqn><non_negative/></flow><flow name='both ways'><eqn>2-TIME</eqn></flow>"
    )
    model = stella(variables)
    assert path_of(model, "s") == [2, 1, 0, 0, 0]
    assert path_of(model, "f") == [2, 1, 0, -1, -2]
    assert path_of(model, "one way") == [2, 1, 0, 0, 0]
    assert path_of(model, "both ways") == [2, 1, 0, -1, -2]
    everywhere = stella(variables, more="<behavior><non_negative/></behavior>")
    assert path_of(everywhere, "f") == [2, 1, 0, 0, 0]
    assert path_of(everywhere, "both ways") == [2, 1, 0, 0, 0]


# -- modules and macros -----------------------------------------------------------------------------------------
HARES = (
    '<model name="Hares"><variables><stock name="Population"><eqn>50</eqn><inflow>births</inflow>'
    '<outflow>deaths</outflow></stock><flow name="births"><eqn>Population*rate</eqn></flow>'
    '<flow name="deaths"><eqn>eaten</eqn></flow><aux name="eaten" access="input"><eqn>0</eqn></aux>'
    '<aux name="rate" access="input"><eqn>0.2</eqn></aux><aux name="density" access="output">'
    "<eqn>Population/.area</eqn></aux></variables></model>"
)
LYNX = (
    '<model name="Lynx"><variables><aux name="hare density" access="input"/><aux name="hunt" access="output">'
    '<eqn>hare_density*number</eqn></aux><aux name="number"><eqn>5</eqn></aux></variables></model>'
)


def test_modules_are_composed(stella: Make) -> None:
    root = (
        aux("area", "10") + '<module name="Hares"><connect to="Hares.eaten" from="Lynx.hunt"/></module>'
        '<module name="Lynx"><connect to="Lynx.hare_density" from="Hares.density"/></module>'
        + aux("total", "Hares.Population + Lynx.number")
    )
    stella(root, models=HARES + LYNX)
    model = stella(root, models=HARES + LYNX)  # from the cache
    level, seen = 50.0, []
    for _ in range(5):
        seen.append(level)
        level += 0.2 * level - level / 10 * 5
    np.testing.assert_allclose(path_of(model, "Hares.Population"), seen, rtol=1e-12)
    np.testing.assert_allclose(path_of(model, "total"), np.array(seen) + 5, rtol=1e-12)
    assert model.sectors == ("Hares", "Lynx")
    assert model["hares.births"].sector == "Hares"


def test_modules_stand_inside_modules_and_take_the_main_model_s_variables(stella: Make) -> None:
    inner = '<model name="Inner"><variables><aux name="x" access="input"/><aux name="y"><eqn>x*2 + gain</eqn></aux>' + (
        '<aux name="gain"><eqn>1</eqn></aux></variables></model>'
    )
    outer = (
        '<model name="Outer"><variables><aux name="a" access="input"><eqn>7</eqn></aux><module name="Inner">'
        '<connect to="Outer.Inner.x" from="a"/></module><aux name="b"><eqn>Inner.y + a</eqn></aux></variables></model>'
    )
    root = aux("k", "3") + '<module name="Outer"><connect to="Outer.a" from=".k"/></module>' + aux("y", "Outer.b")
    model = stella(root, models=outer + inner)
    assert path_of(model, "y") == [10] * 5
    assert path_of(model, "Outer.Inner.y") == [7] * 5
    alone = stella(root.replace('<connect to="Outer.a" from=".k"/>', ""), models=outer + inner)
    assert path_of(alone, "y") == [22] * 5


@pytest.mark.parametrize(
    ("root", "models", "message"),
    [
        ('<module name="M"/>', "", "the module 'M' has no <model> of its name"),
        ('<module name="M" resource="m.stmx"/>', "", "the module 'M' stands in another file, 'm.stmx'"),
        (
            '<module name="Lynx"><connect to="Lynx.nobody" from="x"/></module>',
            LYNX,
            "the module 'Lynx' has a connection with 'Lynx.nobody', which is not a variable",
        ),
        ('<module name="Lynx"/>', LYNX, "'hare density' is an input of the module 'Lynx' that is not connected"),
        (
            '<module name="Loop"/>',
            '<model name="Loop"><variables><aux name="a"><eqn>1</eqn></aux><module name="Loop"/></variables></model>',
            "modules contain each other",
        ),
    ],
)
def test_modules_that_do_not_fit_are_refused_by_name(stella: Make, root: str, models: str, message: str) -> None:
    with pytest.raises(ReadError, match=message):
        stella(root + aux("x", "1"), models=models)


def test_macros_are_written_out(stella: Make) -> None:
    macro = (
        '<macro name="GROW"><parm>start</parm><parm>rate</parm><eqn>level + 0*offset</eqn><variables>'
        '<stock name="level"><eqn>start</eqn><inflow>gain</inflow></stock>'
        '<flow name="gain"><eqn>level*rate</eqn></flow>'
        '<aux name="offset"><eqn>MAX(start, rate)</eqn></aux></variables></macro>'
        '<macro name="TWICE"><parm>x</parm><eqn>2*x</eqn></macro>'
    )
    model = stella(aux("y", "GROW(10, 0.5) + TWICE(TIME)") + aux("z", "TWICE(TWICE(3))"), more=macro)
    np.testing.assert_allclose(path_of(model, "y"), 10 * 1.5**T + 2 * T, rtol=1e-12)
    assert path_of(model, "z") == [12] * 5


# -- names ------------------------------------------------------------------------------------------------------
def test_names_with_line_breaks_quotes_and_signs(stella: Make) -> None:
    variables = (
        aux("Unit\\ncost", "2") + '<aux name="R&amp;D, total (€/a)"><eqn>3</eqn></aux>'
        + '<aux name="&quot;a-b&quot;"><eqn>4</eqn></aux>' + '<aux name="two&#10;lines"><eqn>5</eqn></aux>'
        + aux("研发 投入", "6") + aux("Ünit_größe", "7") + aux("Cost_Of_Item", "8")
        + aux("y", '"Unit\\ncost" + unit_cost + "R&D, total (€/a)" + "a-b" + two_lines + "研发\\n投入" + Ünit_Größe')
        + aux("z", "cost_of_item + COST_OF__ITEM")
    )  # fmt: skip
    model = stella(variables)
    assert path_of(model, "y") == [2 + 2 + 3 + 4 + 5 + 6 + 7] * 5
    assert path_of(model, "z") == [16] * 5
    assert model["unit cost"].name == "Unit cost"


# -- repairs ----------------------------------------------------------------------------------------------------
GOOD = aux("a", "3") + aux("b", "a + 1") + '<stock name="s"><eqn>b</eqn><inflow>a</inflow><doc>Level.</doc></stock>'


@pytest.mark.parametrize(
    ("whole", "broken", "said"),
    [
        ("<doc>Level.</doc></stock>", "<doc>Level.</stock>", "</doc> was missing before </stock>"),
        ("<eqn>3</eqn></aux>", "<eqn>3</eqn>", "</aux> was missing before <aux>"),
        ("<eqn>3</eqn></aux>", "<eqn>3</aux>", "</eqn> was missing before </aux>"),
        ("<eqn>3</eqn></aux>", "<eqn>3</eqn></aux></aux>", "</aux> stood twice"),
        ("<eqn>3</eqn></aux>", "<eqn>3</eqn><doc>R&D</doc></aux>", "a '&' in text stood for itself"),
        ("<eqn>a + 1</eqn>", "<eqn>IF a < 5 THEN 4 ELSE 0</eqn>", "a '<' in text stood for itself"),
        ('<aux name="a">', '<aux name="a" isee:note="x & y">', "a '&' in a <aux> stood for itself"),
        ("</variables>", "", "</variables> was missing before </model>"),
        ("<?xml version", "\n  <?xml version", "blanks stood before the file began"),
    ],
)
def test_unbalanced_tags_are_repaired_and_said(
    stella: Make, tmp_path: Path, whole: str, broken: str, said: str
) -> None:
    stella(GOOD)
    path = tmp_path / "lake.stmx"
    text = path.read_text("utf-8")
    assert text.count(whole) == 1
    path.write_text(text.replace(whole, broken), encoding="utf-8")
    for _ in range(2):  # a cached model does not hide it
        with pytest.warns(ReadWarning, match=said):
            model = sdmodel.load(path)
    assert path_of(model, "s") == [4, 7, 10, 13, 16]


@pytest.mark.parametrize(
    ("whole", "broken", "message"),
    [
        ("</model></xmile>", "", "does not end with </xmile>. It may be cut off"),
        ("<eqn>a + 1</eqn>", "<eqn>IF a<b AND b>c THEN 1 ELSE 0</eqn>", "is not well-formed XML"),
        ('<aux name="a">', 'aux name="a">', "is not well-formed XML"),
    ],
)
def test_damage_that_may_lose_something_is_refused(
    stella: Make, tmp_path: Path, whole: str, broken: str, message: str
) -> None:
    stella(GOOD)
    path = tmp_path / "lake.stmx"
    path.write_text(path.read_text("utf-8").replace(whole, broken), encoding="utf-8")
    with pytest.raises(ReadError, match=message):
        sdmodel.load(path)


# -- refused by name --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            '<stock name="line"><eqn>1</eqn><conveyor><len>2</len></conveyor></stock>',
            "'line' is or has a conveyor, which is not modelled",
        ),
        ('<stock name="wait"><eqn>1</eqn><queue/></stock>', "'wait' is or has a queue"),
        ('<flow name="lost"><leak/></flow>', "'lost' is or has the leak of a conveyor"),
        (aux("y", "HISTORY(x, TIME-1)"), "'y': HISTORY is not supported"),
        (aux("y", "COUNTER(1, 5)"), "'y': COUNTER is not supported: .*MOD"),
        (aux("y", "LOGNORMAL(1, 2)"), "'y': LOGNORMAL is not supported"),
        (aux("y", "TIME MOD"), r"'y': the equation cannot be read: TIME MOD \("),
        (aux("y", "(TIME MOD 3"), r"'y': the equation cannot be read: \(TIME MOD 3"),
        (aux("y", "TIME % 3"), r"'y': the equation cannot be read: TIME % 3"),
        (aux("y", "IF TIME MOD 3 THEN 1"), "cannot be read: IF TIME MOD 3 THEN 1"),
        (aux("y", "SMTH1(3)"), "'y': SMTH1 takes 2 or 3 arguments, 1 are given"),
        ('<stock name="s"><eqn>1</eqn><inflow>no such flow</inflow></stock>', "'s' has the inflow 'no such flow'"),
        ('<aux name="y"><eqn>{later}</eqn></aux>', "'y' has no equation"),
        ('<aux name="y"/>', "'y' has no equation"),
    ],
)
def test_what_cannot_be_read_is_refused_in_the_words_of_the_file(stella: Make, variables: str, message: str) -> None:
    with pytest.raises(SdmodelError, match=message) as caught:
        stella(aux("x", "TIME") + variables)
    for foreign in ("INTEG", "floored", "DELAY FIXED", ":AND:", "IF THEN ELSE("):
        assert foreign not in str(caught.value)


def test_a_dimension_with_an_element_twice_is_refused(stella: Make) -> None:
    dims = '<dimensions><dim name="D"><elem name="a"/><elem name="A"/></dim></dimensions>'
    with pytest.raises(ReadError, match="the dimension 'D' has the element 'A' twice"):
        stella(aux("x", "1"), more=dims)
    with pytest.raises(UnsupportedError, match="document type"):
        stella(aux("x", "1"), more="<!DOCTYPE a>")


# -- the words of the file --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "equation",
    [
        "TIME MOD 3",
        "(a + TIME) MOD 3*a",
        "a MOD (3*a)",
        "IF a = 2 AND TIME > 1 OR NOT (a > 3) THEN -a^2 ELSE (1 - a)/2",
        "2*(IF a > 1 THEN 2 ELSE 3)",
        "SMTHN(a, 4, 2, 0) + DELAYN(a, 4, 3, 1)",
        "DELAY(a, 2, 0) + PREVIOUS(a, 1) + INT(a/2)",
        "PULSE(10, 1, 2) + PULSE(3, 2) + RAMP(2, 1) + RAMP(2, 1, 3)",
        "INIT(a) + FORCST(a, 2, 3, 0) + TREND(a, 2, 0)",
        "MAX(a, 3) + UNIFORM(0, a)",
    ],
)
def test_an_equation_is_shown_as_the_file_spells_it(stella: Make, equation: str) -> None:
    model = stella(aux("a", "2") + aux("y", equation))
    assert model.variables.loc["y", "equation"].replace("Time", "TIME") == equation


def test_messages_of_a_run_speak_the_language_of_the_file(stella: Make) -> None:
    model = stella(aux("a", "TIME") + aux("y", "DELAY(a, 2)"))
    with pytest.raises(SdmodelError, match=r"'y': DELAY needs values of past steps, .* on the DT grid only"):
        model.run(method="LSODA")
    with pytest.raises(SdmodelError, match="There is no function 'FORECASST'"):
        stella(aux("y", "FORECASST(1, 2)")).run(method="euler")


def test_what_vensim_has_a_word_for_is_written(stella: Make, tmp_path: Path) -> None:
    model = stella(aux("y", "PREVIOUS(SELF, 0) + 1") + aux("z", "SAFEDIV(6, TIME)"))
    again = sdmodel.load(model.write(tmp_path / "lake.mdl"))
    for name in ("y", "z"):
        assert path_of(again, name) == path_of(model, name)


def test_connections_as_stella_writes_them(stella: Make) -> None:
    """Every module lists the connections at both its ends, twice; inputs are ghosts, of stocks too."""
    note = "{Enter equation for use when not hooked up to other models}"
    root = """<module name="hares" isee:label=""><connect to="hares.area" from=".area"/>
        <connect2 to="hares.area" from="area"/>
        <connect to='lynxes."hare/density"' from='hares."hare/density"'/>
        <connect2 to='lynxes."hare/density"' from='hares."hare/density"'/>
        <connect to="hares.lynxes" from="lynxes.lynxes"/><connect2 to="hares.lynxes" from="lynxes.lynxes"/>
        <connect to=".killed_in_module" from="hares.killed"/>
        <connect2 to="killed_in_module" from="hares.killed"/></module>
        <module name="lynxes" isee:label=""><connect to="hares.lynxes" from="lynxes.lynxes"/>
        <connect to='lynxes."hare/density"' from='hares."hare/density"'/></module>
        <aux name="area" access="output"><eqn>10</eqn></aux>
        <aux name="killed in module" access="input"><eqn>hares</eqn></aux>""" + aux(
        "y", 'hares."hare/density" + Lynxes.lynxes + killed_in_module'
    )
    hares = f"""<model name="hares"><variables><stock name="hares"><eqn>50</eqn><outflow>killed</outflow><non_negative/>
        </stock><flow name="killed"><eqn>lynxes * 2</eqn><non_negative/></flow>
        <aux name="area" access="input"><eqn>{note}</eqn></aux>
        <stock name="lynxes" access="input"><eqn>{note}</eqn><non_negative/></stock>
        <aux name="hare/density" access="output"><eqn>hares / area</eqn></aux></variables></model>"""
    lynxes = f"""<model name="lynxes"><variables><stock name="lynxes" access="output"><eqn>3</eqn><inflow>born</inflow>
        </stock><flow name="born"><eqn>"hare/density" / 5</eqn></flow>
        <aux name="hare/density" access="input"><eqn>{note}</eqn></aux></variables></model>"""
    model = stella(root, models=hares + lynxes)
    hare, lynx, seen = 50.0, 3.0, []
    for _ in range(5):
        seen.append(hare / 10 + lynx + lynx * 2)
        hare, lynx = max(hare - lynx * 2, 0), lynx + hare / 50
    np.testing.assert_allclose(path_of(model, "y"), seen, rtol=1e-12)
    assert model["hares.lynxes"].kind == "auxiliary"


def test_what_converters_leave_of_vensim_is_read(stella: Make) -> None:
    """As xmutil writes: subranges as `*:Sub`, functions of Vensim under their names, blanks in them."""
    dims = (
        '<dimensions><dim name="SubX"><elem name="two"/><elem name="three"/></dim><dim name="DimX"><elem name="one"/>'
        '<elem name="two"/><elem name="three"/></dim></dimensions>'
    )
    over = "<dimensions><dim name='{}'/></dimensions>"
    x = f"<aux name='x'><eqn>DimX^2</eqn>{over.format('DimX')}</aux>"
    part = f"<aux name='part'><eqn>x[SubX] / SUM(x[*:SubX])</eqn>{over.format('SubX')}</aux>"
    order = f"<aux name='order'><eqn>VECTOR SORT ORDER(x[DimX], 0)</eqn>{over.format('DimX')}</aux>"
    gf = "<aux name='g'><eqn>0+0</eqn><gf><xpts>0,1,2</xpts><ypts>0,10,20</ypts></gf></aux>"
    graph = aux("z", "{Untranslated function used}LOOKUP BACKWARD(g, 1.5) + LOOKUP  FORWARD(g, 1.5)")
    assert path_of(stella(gf + graph), "z") == [30] * 5
    y = aux("y", "MAX(x[*:SubX]) + VECTOR SELECT(x[*], x[*], 0, 3, 0) + IF_THEN_ELSE(TIME > 1, 1, 0)")
    found = stella(x + part + order + y, more=dims).run(method="euler").to_dataframe()
    assert found["part[two]"].iloc[0] == pytest.approx(4 / 13)
    assert found[[f"order[{e}]" for e in ("one", "two", "three")]].iloc[0].tolist() == [2, 1, 0]
    assert found["y"].tolist() == [90, 90, 91, 91, 91]


@pytest.mark.parametrize("name", ["element_at", "array_rank", "non_negative", "unconnected", "integ", "xpulse"])
def test_functions_of_the_expression_tree_are_no_words_of_xmile(stella: Make, name: str) -> None:
    with pytest.raises(SdmodelError, match=f"'{name}' is called, which is not the name of a function"):
        stella(aux("y", f"{name}(1, 2)"))


def test_modules_take_graphical_functions(stella: Make) -> None:
    """An input may stand for a graphical function, with or without an equation, through two modules."""
    inner = (
        '<model name="Inner"><variables><aux name="plan" access="input"/><aux name="table" access="input"/>'
        + aux("z", "LOOKUP(plan, TIME + 1) + table(2) + plan")
        + "</variables></model>"
    )
    outer = (
        '<model name="Outer"><variables><aux name="p" access="input"/><module name="Inner">'
        '<connect to="Inner.plan" from="p"/><connect to="Inner.table" from=".bare"/></module></variables></model>'
    )
    root = (
        f"<aux name='plan'><eqn>TIME</eqn>{GRAPH.format(kind='')}</aux><aux name='bare'>{GRAPH.format(kind='')}</aux>"
        '<module name="Outer"><connect to="Outer.p" from=".plan"/></module>' + aux("y", "Outer.Inner.z")
    )
    assert path_of(stella(root, models=outer + inner), "y") == [30, 50, 60, 80, 100]


def test_a_range_may_have_one_end(stella: Make) -> None:
    model = stella('<aux name="y"><eqn>3</eqn><range min="1"/></aux><aux name="z"><eqn>3</eqn><range/></aux>')
    assert (model["y"].limits, model["z"].limits) == ((1, None), ())


def test_a_graph_may_have_the_name_of_a_function(stella: Make) -> None:
    """`sign` is a function of one argument; a graphical function of that name goes before it."""
    model = stella(f"<aux name='sign'><eqn>TIME</eqn>{GRAPH.format(kind='')}</aux>" + aux("y", "SIGN(1) + sign"))
    assert path_of(model, "y") == [10, 20, 30, 30, 50]
    assert path_of(stella(aux("y", "SIGN(-4)")), "y") == [-1] * 5


@pytest.mark.parametrize("subscript", ["c", "3", "0", "Other", "a, b", ""])
def test_elements_that_a_dimension_does_not_have_are_refused(stella: Make, subscript: str) -> None:
    dims = (
        '<dimensions><dim name="D"><elem name="a"/><elem name="b"/></dim><dim name="Other"><elem name="x"/></dim>'
        "</dimensions>"
    )
    array = (
        f'<aux name="y"><dimensions><dim name="D"/></dimensions><element subscript="{subscript}"><eqn>1</eqn></element>'
    )
    with pytest.raises(
        ReadError, match=f"'y': the (dimension 'D' has no element '{subscript}'|element '{subscript}' has)"
    ):
        stella(array + "</aux>", more=dims)
