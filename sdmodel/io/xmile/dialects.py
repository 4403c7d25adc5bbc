"""Map functions and constants of XMILE, Stella and Vensim's XMILE export to those of the expression tree."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Container
from dataclasses import replace

from sdmodel.core.errors import ReadError, UnsupportedError
from sdmodel.core.expression import NA, Call, Expr, Number, Op, Ref
from sdmodel.core.functions.table import FUNCTIONS as TABLE
from sdmodel.io.expression_parser import parse_formula
from sdmodel.io.expression_tokens import XMILE, ExpressionError

CONSTANTS: dict[str, Expr] = {
    "pi": Number(math.pi), "inf": Number(math.inf), "nan": Number(NA), "dt": Ref("time step"),
    "starttime": Ref("initial time"), "stoptime": Ref("final time"),
}  # fmt: skip
_COMMENT = re.compile(r'[{}]|"(?:\\.|[^"\\])*+"|[^{}"]++|"')
_OF_VENSIM = re.compile(
    r"(?<![\w.])(?:VECTOR\s+(?:SELECT|SORT\s+ORDER|ELM\s+MAP|RANK|REORDER)|SAMPLE\s+IF\s+TRUE|INVERT\s+MATRIX"
    r"|ALLOCATE\s+(?:AVAILABLE|BY\s+PRIORITY)|IF\s+THEN\s+ELSE|DELAY\s+(?:FIXED|N)|SMOOTH\s+N|ACTIVE\s+INITIAL"
    r"|PULSE\s+TRAIN|LOOKUP\s+(?:BACKWARD|FORWARD|EXTRAPOLATE|INVERT)|RANDOM\s+(?:NORMAL|UNIFORM|EXPONENTIAL|TRIANGULAR|WEIBULL|BETA|BINOMIAL|GAMMA|NEGATIVE\s+BINOMIAL|POISSON)|GAMMA\s+LN)(?=\s*\()",
    re.IGNORECASE,
)
"""Functions of Vensim that converters leave in an XMILE file as they are."""
Args = tuple[Expr, ...]
_ZERO = Number(0.0)
_UNBOUNDED = (Number(-math.inf), Number(math.inf))


def plain(name: str) -> str:
    r"""A name as XMILE spells it, with line breaks as blanks and without quotes.

    Examples
    --------
    >>> plain(r'"Births\nper year"')
    'Births per year'
    """
    text = name.replace("\\n", " ").strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1].replace('\\"', '"')
    return " ".join(text.split())


def parse_xmile(text: str, where: str, names: Container[str] = ()) -> Expr:
    """An XMILE equation as an expression whose functions are those of the expression tree.

    Parameters
    ----------
    text
        The equation.
    where
        File, line and variable, for messages.
    names
        Keys of variables, which take precedence over constants such as PI.

    Raises
    ------
    ReadError
        If the text is not an equation; the message shows it as it was written.
    UnsupportedError
        If it uses a function that is refused.
    """
    try:
        clean = _OF_VENSIM.sub(_one_word, without_comments(text.replace("\\n", " ")))
        expr = parse_formula(clean, XMILE, where)
    except ExpressionError as error:
        shown = " ".join(text.split())
        raise ReadError(
            f"{where}: the equation cannot be read: {shown[:120]}{' ...' if len(shown) > 120 else ''} ({error.reason})"
        ) from error
    return _translated(expr, where, names)


def _one_word(found: re.Match[str]) -> str:
    return "_".join(found.group().split())


def without_comments(text: str) -> str:
    """Replace `{comments}`, nested ones included, by blanks; braces in a quoted name are kept."""
    if "{" not in text:
        return text
    out: list[str] = []
    depth = 0
    for token in _COMMENT.findall(text):
        depth += (token == "{") - (token == "}" and depth > 0)
        out.append(" " if depth or token == "}" else token)
    return "".join(out)


def _translated(expr: Expr, where: str, names: Container[str]) -> Expr:
    if isinstance(expr, Ref):
        return CONSTANTS.get(expr.name, expr) if not expr.subs and expr.name not in names else expr
    if isinstance(expr, Op):
        made = tuple([_translated(a, where, names) for a in expr.args])
        if expr.op == "%":
            return Call("floored modulo", made)
        return _safe_division(made) if expr.op == "//" else Op(expr.op, made)
    if not isinstance(expr, Call):
        return expr
    name = expr.name
    made = tuple([_translated(a, where, names) for a in expr.args])
    if name in REFUSED and name not in names:
        raise UnsupportedError(f"{where}: {name.upper()} is not supported: {REFUSED[name]}.")
    if name in FUNCTIONS and not (name in names and len(made) == 1):
        counts, build = FUNCTIONS[name]
        if len(made) not in counts:
            wanted = " or ".join(map(str, counts))
            raise ReadError(f"{where}: {name.upper()} takes {wanted} arguments, {len(made)} are given.")
        return build(made)
    return replace(expr, args=made)


# -- functions --------------------------------------------------------------------------------------------------
def _safe_division(args: Args) -> Expr:
    """SAFEDIV and `//`: the third argument, or 0, where the divisor is 0."""
    a, b, *other = args
    return Call("if then else", (Op("=", (b, _ZERO)), other[0] if other else _ZERO, Op("/", (a, b))))


def _wave(shape: str) -> Callable[[Args], Expr]:
    def build(args: Args) -> Expr:
        size, period = args
        angle = Op("/", (Op("*", (Number(2 * math.pi), Ref("time"))), period))
        return Op("*", (size, Call(shape, (angle,))))

    return build


def _normal(args: Args) -> Expr:
    mean, spread, *rest = args
    low, high = (rest[1], rest[2]) if len(rest) == 3 else _UNBOUNDED
    return Call("random normal", (low, high, mean, spread))


def _drawn(name: str, *order: int) -> Callable[[Args], Expr]:
    """A draw without bounds; `order` gives the places of its parameters among the arguments."""
    return lambda args: Call(f"random {name}", (*_UNBOUNDED, *(args[i] for i in order), _ZERO, Number(1.0)))


def _gamma(args: Args) -> Expr:
    return Call("random gamma", (*_UNBOUNDED, args[0], _ZERO, args[1]))


def _weibull(args: Args) -> Expr:
    """WEIBULL(shape, scale); RANDOM WEIBULL has a mean of 1 before it is stretched."""
    shape, scale = args[:2]
    mean = Call("exp", (Call("gamma ln", (Op("+", (Number(1.0), Op("/", (Number(1.0), shape)))),)),))
    return Call("random weibull", (*_UNBOUNDED, shape, _ZERO, Op("*", (scale, mean))))


def _pareto(args: Args) -> Expr:
    """PARETO(shape, scale), by inversion."""
    return Op("*", (args[1], Op("^", (Call("random 0 1", ()), Op("/", (Number(-1.0), args[0]))))))


def _logistic(args: Args) -> Expr:
    """LOGISTIC(mean, scale), by inversion."""
    odds = Op("-", (Op("/", (Number(1.0), Call("random 0 1", ()))), Number(1.0)))
    return Op("-", (args[0], Op("*", (args[1], Call("ln", (odds,))))))


def _sign(args: Args) -> Expr:
    (x,) = args
    below = Call("if then else", (Op("<", (x, _ZERO)), Number(-1.0), _ZERO))
    return Call("if then else", (Op(">", (x, _ZERO)), Number(1.0), below))


def _of_order(name: str, order: int) -> Callable[[Args], Expr]:
    """A smooth or delay of a fixed order, with or without an initial value."""
    suffix = "" if order == 1 and name == "smooth" else str(order)
    return lambda args: Call(f"{name}{suffix}{'i' if len(args) > 2 else ''}", args)


def _of_any_order(name: str) -> Callable[[Args], Expr]:
    """(input, time, order[, initial]) as (input, time, initial, order)."""
    return lambda args: Call(name, (args[0], args[1], args[3] if len(args) > 3 else args[0], args[2]))


def _pulse(args: Args) -> Expr:
    """PULSE(magnitude, first[, interval]) as (first[, interval], magnitude)."""
    size, *times = args
    return Call("xpulse" if len(times) == 1 else "xpulse train", (*times, size))


def _renamed(name: str, *counts: int) -> tuple[tuple[int, ...], Callable[[Args], Expr]]:
    return counts, lambda args: Call(name, args)


FUNCTIONS: dict[str, tuple[tuple[int, ...], Callable[[Args], Expr]]] = {
    **{f.xmile.lower(): _renamed(f.name, f.arguments[0]) for f in TABLE.values() if f.renamed},
    "safediv": ((2, 3), _safe_division),
    "sign": ((1,), _sign),
    "root": ((2,), lambda a: Op("^", (a[0], Op("/", (Number(1.0), a[1]))))),
    "percent": ((1,), lambda a: Op("*", (a[0], Number(100.0)))),
    "not": ((1,), lambda a: Op("not", a)),
    "pi": ((0,), lambda a: Number(math.pi)),
    "sinwave": ((2,), _wave("sin")),
    "coswave": ((2,), _wave("cos")),
    "uniform": ((2, 3), lambda a: Call("random uniform", a[:2])),
    "random": ((2, 3), lambda a: Call("random uniform", a[:2])),
    "normal": ((2, 3, 5), _normal),
    "triangular": ((3, 4), lambda a: Call("random triangular", (a[0], a[2], *a[:3]))),
    "poisson": ((1, 2), lambda a: Call("poisson", a[:1])),
    "exprnd": ((1, 2), lambda a: Call("random exponential", (_ZERO, Number(math.inf), _ZERO, a[0]))),
    "beta": ((2, 3), _drawn("beta", 0, 1)),
    "binomial": ((2, 3), _drawn("binomial", 1, 0)),
    "gamma": ((2, 3), _gamma),
    "weibull": ((2, 3), _weibull),
    "pareto": ((2, 3), _pareto),
    "logistic": ((2, 3), _logistic),
    "smth1": ((2, 3), _of_order("smooth", 1)),
    "smth3": ((2, 3), _of_order("smooth", 3)),
    "smthn": ((3, 4), _of_any_order("smooth n")),
    "delay1": ((2, 3), _of_order("delay", 1)),
    "delay3": ((2, 3), _of_order("delay", 3)),
    "delayn": ((3, 4), _of_any_order("delay n")),
    "delay": ((2, 3), lambda a: Call("delay fixed", (*a, a[0])[:3])),
    "previous": _renamed("previous", 2),
    "trend": ((2, 3), lambda a: Call("trend", (*a, _ZERO)[:3])),
    "forcst": ((3, 4), lambda a: Call("forecast", (*a, _ZERO)[:4])),
    "npv": ((2, 3), lambda a: Call("npv", (*(*a, _ZERO)[:3], Number(1.0)))),
    "pulse": ((2, 3), _pulse),
    "ramp": ((2, 3), lambda a: Call("xramp" if len(a) == 2 else "ramp", a)),
}
"""XMILE functions that the expression tree has under another name or as a formula, with their numbers of arguments."""

_PAST_VALUES = "it needs values of any past time; use DELAY or PREVIOUS"
_FINANCE = "its discounting is not modelled; write the discounted flow into a stock"
_DISTRIBUTION = "its parameters are not defined without doubt; write it with UNIFORM or NORMAL"
_DISCRETE = "conveyors, queues and ovens are not modelled"
REFUSED = {
    "history": _PAST_VALUES,
    "counter": "its counting is not modelled; use TIME MOD interval",
    "derivn": "derivatives are not modelled; use (x - PREVIOUS(x, x0)) / DT",
    "endval": "it reads a run before this one",
    "montecarlo": "write UNIFORM(0, 100) < probability * DT",
    "irr": _FINANCE, "pmt": _FINANCE, "pv": _FINANCE, "fv": _FINANCE, "cgrowth": _FINANCE,
    "geometric": _DISTRIBUTION, "lognormal": _DISTRIBUTION, "negbinomial": _DISTRIBUTION,
    "factorial": "write EXP(GAMMALN(n + 1))",
    "combinations": "write EXP(GAMMALN(n + 1) - GAMMALN(r + 1) - GAMMALN(n - r + 1))",
    "permutations": "write EXP(GAMMALN(n + 1) - GAMMALN(n - r + 1))",
    "invnorm": "write it with NORMAL, or put its points into a graphical function",
    "normalcdf": "put its points into a graphical function",
    "cooktime": _DISCRETE, "cycletime": _DISCRETE, "ctflow": _DISCRETE, "ctmax": _DISCRETE, "ctmean": _DISCRETE,
    "ctmin": _DISCRETE, "ctstddev": _DISCRETE, "cap": _DISCRETE, "capacity": _DISCRETE, "oqueue": _DISCRETE,
    "oldest": _DISCRETE, "qelem": _DISCRETE, "quelem": _DISCRETE, "thruput": _DISCRETE, "throughput": _DISCRETE,
    "lookupxy": "put the points into one graphical function",
    "lookuparea": "areas under a graphical function are not modelled",
    "lookupmean": "means of a graphical function are not modelled",
    "lookupslope": "slopes of a graphical function are not modelled",
    "lookuprunavg": "means of a graphical function are not modelled",
    "lookupbandavg": "means of a graphical function are not modelled",
}  # fmt: skip
"""XMILE functions that are refused, and why or what to use."""
