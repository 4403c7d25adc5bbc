"""Every function of XMILE as a formula of the expression tree, by hand, and how many arguments it takes."""

from __future__ import annotations

import pytest

from sdmodel.core.errors import ReadError, UnsupportedError
from sdmodel.core.expression import Call, Ref, to_text
from sdmodel.io.xmile.dialects import FUNCTIONS, REFUSED, parse_xmile, plain, without_comments

UNBOUNDED = "-1e308, 1e308"
FORMULAS = {
    "PI": "3.141592653589793", "INF": "1e308", "NAN": ":NA:", "DT": "time step", "STARTTIME": "initial time",
    "STOPTIME": "final time", "PI()": "3.141592653589793", "NOT(a)": ":NOT: a", "a // b": "IF THEN ELSE(b = 0, 0, a/b)",
    "a MOD b": "FLOORED MODULO(a, b)", "SAFEDIV(a, b)": "IF THEN ELSE(b = 0, 0, a/b)",
    "SAFEDIV(a, b, c)": "IF THEN ELSE(b = 0, c, a/b)", "INIT(a)": "INITIAL(a)", "INT(a)": "FLOOR(a)",
    "GAMMALN(a)": "GAMMA LN(a)", "LOOKUPINV(a, b)": "LOOKUP INVERT(a, b)", "PREVIOUS(a, b)": "PREVIOUS(a, b)",
    "SIGN(a)": "IF THEN ELSE(a > 0, 1, IF THEN ELSE(a < 0, -1, 0))", "ROOT(a, b)": "a^(1/b)", "PERCENT(a)": "a*100",
    "SINWAVE(a, b)": "a*SIN(6.283185307179586*time/b)", "COSWAVE(a, b)": "a*COS(6.283185307179586*time/b)",
    "UNIFORM(a, b, c)": "RANDOM UNIFORM(a, b)", "RANDOM(a, b)": "RANDOM UNIFORM(a, b)",
    "NORMAL(a, b)": f"RANDOM NORMAL({UNBOUNDED}, a, b)", "NORMAL(a, b, c)": f"RANDOM NORMAL({UNBOUNDED}, a, b)",
    "NORMAL(a, b, c, d, e)": "RANDOM NORMAL(d, e, a, b)", "TRIANGULAR(a, b, c)": "RANDOM TRIANGULAR(a, c, a, b, c)",
    "POISSON(a, b)": "POISSON(a)", "EXPRND(a)": "RANDOM EXPONENTIAL(0, 1e308, 0, a)",
    "BETA(a, b)": f"RANDOM BETA({UNBOUNDED}, a, b, 0, 1)",
    "BINOMIAL(a, b)": f"RANDOM BINOMIAL({UNBOUNDED}, b, a, 0, 1)",
    "GAMMA(a, b)": f"RANDOM GAMMA({UNBOUNDED}, a, 0, b)",
    "WEIBULL(a, b)": f"RANDOM WEIBULL({UNBOUNDED}, a, 0, b*EXP(GAMMA LN(1 + 1/a)))",
    "PARETO(a, b)": "b*RANDOM 0 1()^(-1/a)", "LOGISTIC(a, b)": "a - b*LN(1/RANDOM 0 1() - 1)",
    "SMTH1(a, b)": "SMOOTH(a, b)", "SMTH1(a, b, c)": "SMOOTHI(a, b, c)", "SMTH3(a, b)": "SMOOTH3(a, b)",
    "SMTH3(a, b, c)": "SMOOTH3I(a, b, c)", "SMTHN(a, b, c)": "SMOOTH N(a, b, a, c)",
    "SMTHN(a, b, c, d)": "SMOOTH N(a, b, d, c)", "DELAY1(a, b)": "DELAY1(a, b)", "DELAY1(a, b, c)": "DELAY1I(a, b, c)",
    "DELAY3(a, b)": "DELAY3(a, b)", "DELAY3(a, b, c)": "DELAY3I(a, b, c)", "DELAYN(a, b, c)": "DELAY N(a, b, a, c)",
    "DELAYN(a, b, c, d)": "DELAY N(a, b, d, c)", "DELAY(a, b)": "DELAY FIXED(a, b, a)",
    "DELAY(a, b, c)": "DELAY FIXED(a, b, c)", "TREND(a, b)": "TREND(a, b, 0)", "TREND(a, b, c)": "TREND(a, b, c)",
    "FORCST(a, b, c)": "FORECAST(a, b, c, 0)", "FORCST(a, b, c, d)": "FORECAST(a, b, c, d)",
    "NPV(a, b)": "NPV(a, b, 0, 1)", "NPV(a, b, c)": "NPV(a, b, c, 1)", "PULSE(a, b)": "XPULSE(b, a)",
    "PULSE(a, b, c)": "XPULSE TRAIN(b, c, a)", "RAMP(a, b)": "XRAMP(a, b)", "RAMP(a, b, c)": "RAMP(a, b, c)",
    "{ a {nested} note } a + { more } b": "a + b", "ABS(-a)": "ABS(-a)", "other(a)": "OTHER(a)",
    "sample if  true(a, b, c)": "SAMPLE IF TRUE(a, b, c)", "Pulse Train(a, b, c, d)": "PULSE TRAIN(a, b, c, d)",
}  # fmt: skip
COUNTS = {
    0: "pi", 1: "init, int, gammaln, sign, percent, not, poisson, exprnd",
    2: "lookupinv, safediv, root, sinwave, coswave, uniform, random, normal, poisson, exprnd, beta, binomial, gamma, "
    "weibull, pareto, logistic, smth1, smth3, delay1, delay3, delay, previous, trend, npv, pulse, ramp",
    3: "safediv, uniform, random, normal, triangular, beta, binomial, gamma, weibull, pareto, logistic, smth1, smth3, "
    "smthn, delay1, delay3, delayn, delay, trend, forcst, npv, pulse, ramp",
    4: "triangular, smthn, delayn, forcst", 5: "normal",
}  # fmt: skip


@pytest.mark.parametrize("written", FORMULAS)
def test_a_function_of_xmile_is_a_formula_of_the_tree(written: str) -> None:
    assert to_text(parse_xmile(written, "f.xmile:1: 'x'")) == FORMULAS[written]


def test_functions_take_so_many_arguments_and_no_other_number() -> None:
    taken = {count: set(map(str.strip, names.split(","))) for count, names in COUNTS.items()}
    assert set().union(*taken.values()) == set(FUNCTIONS)
    for name in FUNCTIONS:
        for count in range(7):
            text = f"{name.upper()}({', '.join('abcdefg'[:count])})"
            if name in taken.get(count, ()):
                parse_xmile(text, "x")
            elif name != "not":  # an operator, whose brackets hold one value
                with pytest.raises(ReadError, match=f"x: {name.upper()} takes .* arguments, {count} are given"):
                    parse_xmile(text, "x")


def test_names_of_variables_go_before_constants_and_functions() -> None:
    assert parse_xmile("pi", "x", {"pi"}) == Ref("pi")
    assert to_text(parse_xmile("pi[1] + inf", "x")) == "pi[1] + 1e308"
    assert parse_xmile("delay(a)", "x", {"delay"}) == Call("delay", (Ref("a"),))  # a graphical function
    assert to_text(parse_xmile("delay(a, b)", "x", {"delay"})) == "DELAY FIXED(a, b, a)"
    for name in REFUSED:
        with pytest.raises(UnsupportedError, match=f"x: {name.upper()} is not supported"):
            parse_xmile(f"{name}(a)", "x")
        assert parse_xmile(f"{name}(a)", "x", {name}) == Call(name, (Ref("a"),))


def test_names_and_comments_are_read_as_they_are_written() -> None:
    assert plain(' "Births\\nper  year" ') == "Births per year"
    assert plain('"a \\"b\\""') == 'a "b"'
    assert plain('"') == '"'
    assert without_comments("a {b {c} d} e").split() == ["a", "e"]
    assert without_comments("{c} a } b").split() == ["a", "b"]
    assert without_comments('"{kept}" + {gone} c').split() == ['"{kept}"', "+", "c"]
    with pytest.raises(ReadError, match="the equation cannot be read: a \\+ "):
        parse_xmile("a + ", "x")
    with pytest.raises(ReadError, match=r"a{60} \+ \+ a{55} \.\.\. \("):
        parse_xmile("a" * 60 + " + + " + "a" * 200 + " +", "x")
