"""A Vensim `.mdl` to a `Structure`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from sdmodel.core.errors import ReadError, UnsupportedError
from sdmodel.core.expression import NA, Array, Call, Expr, Number, Op, Ref, Table, Text, key
from sdmodel.core.structure import CONTROL, Component, Structure, Variable
from sdmodel.io.markers import parse_markers
from sdmodel.io.pysd_parser import parse_vensim
from sdmodel.io.vensim.clean import Entry, Tidy, decode, tidy
from sdmodel.io.vensim.macros import Macro, expanded
from sdmodel.io.vensim.ranges import ranges_of, refuse_large_ranges

MAX_DEPTH = 250


def read_vensim(raw: bytes, path: Path) -> Structure:
    """Read a `.mdl`.

    Parameters
    ----------
    raw
        The file's bytes.
    path
        Where it lies, for messages and for data files beside it.

    Raises
    ------
    ReadError
        If the file cannot be read right; the message names file, line and variable.
    """
    clean = tidy(decode(raw, path.name), path.name)
    if not clean.entries:
        raise ReadError(f"{path.name} holds no equations.")
    refuse_large_ranges(clean, path.name)
    try:
        abstract = parse_vensim(clean.text, path)
    except UnsupportedError:
        raise
    except ReadError as error:
        raise _locate(clean, path, error) from error
    section = abstract.sections[0]
    equations = _equations(section, clean.entries, path)
    macros = {
        key(s.name): Macro(
            s.name.replace("_", " "), tuple(map(key, s.params)), _equations(s, clean.inside.get(key(s.name), []), path)
        )
        for s in abstract.sections[1:]
    }
    if macros:
        equations = expanded(equations, macros, kind_of)
    if not equations:
        raise ReadError(f"{path.name} holds no equations.")
    return Structure(
        name=path.stem,
        equations=MappingProxyType(equations),
        ranges=MappingProxyType(ranges_of(section.subscripts, clean, path)),
        path=path,
        synonyms=clean.synonyms,
        method=clean.method,
    )


def _equations(section: Any, entries: Sequence[Entry], path: Path) -> dict[str, Variable]:
    told: dict[str, list[Entry]] = {}
    for entry in entries:
        told.setdefault(key(entry.name), []).append(entry)
    equations: dict[str, Variable] = {}
    for element in section.elements:
        variable = _variable(element, told.get(key(element.name), []), path)
        heads = [(tuple(map(key, c.subs)), c.excepts) for c in variable.components]
        if variable.key in equations or len(set(heads)) < len(heads):
            raise ReadError(f"{variable.where}: '{variable.name}' is defined twice.")
        equations[variable.key] = variable
    return equations


def _locate(clean: Tidy, path: Path, error: ReadError) -> ReadError:
    """Name the entry that PySD stumbled over, by parsing one at a time."""
    for entry in clean.entries:
        if entry.name.startswith("*"):
            continue
        try:
            parse_vensim(f"{{UTF-8}}\n{entry.equation}~~|\n", path)
        except ReadError as one:
            text = " ".join(entry.equation.split())
            detail = " ".join(str(one).split())
            return ReadError(
                f"{path.name}:{entry.line}: the equation of '{entry.name}' cannot be read: {text[:120]}"
                f"{' ...' if len(text) > 120 else ''}\n({detail[:200]})"
            )
    return ReadError(f"{path.name}: {' '.join(str(error).split())[:300]}")


def _unit(text: str, where: str) -> tuple[str, tuple[float | None, ...]]:
    """Unit and limits of a field such as `firm/Year [0,?,1]`; a bracket with one word is part of the unit."""
    found = re.fullmatch(r"(.*?)\s*\[([^\[\]]*,[^\[\]]*)\]", text, re.DOTALL)
    if found is None:
        return text, ()
    try:
        ends = [None if x.strip() == "?" else float(x) for x in found.group(2).split(",")]
    except ValueError:
        raise ReadError(f"{where}: '[{found.group(2)}]' is no range; write numbers such as [0,1] or [0,?].") from None
    limits = tuple(x if x is not None and math.isfinite(x) else None for x in ends)
    if not 2 <= len(limits) <= 3:
        raise ReadError(f"{where}: the range [{found.group(2)}] has {len(limits)} numbers; it can have 2 or 3.")
    return found.group(1).strip(), () if all(x is None for x in limits) else limits


def _variable(element: Any, entries: Sequence[Entry], path: Path) -> Variable:
    name = element.name.strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = name[1:-1]
    where = f"{path.name}:{entries[0].line if entries else 0}: '{name}'"
    components = tuple(_component(c, where) for c in element.components)
    documentation = next((e.documentation for e in reversed(entries) if e.documentation), "")
    marks = parse_markers(documentation, where)
    kind = kind_of(name, components)
    if marks.role and kind not in ("constant", "control", "lookup", "data"):
        raise ReadError(f"{where} is marked '{marks.role}', which only a constant can be; its formula is no number.")
    unit, limits = _unit(next((e.unit for e in reversed(entries) if e.unit), ""), where)
    return Variable(
        name=name,
        kind=kind,
        components=components,
        unit=unit,
        limits=limits,
        sentence=marks.sentence,
        documentation=documentation,
        role=marks.role,
        ids=marks.ids,
        distribution=marks.distribution,
        origin=marks.origin,
        outcome=marks.outcome,
        sources=tuple(marks.sources),
        group=entries[0].group if entries else "",
        file=path.name,
        line=entries[0].line if entries else 0,
    )


def kind_of(name: str, components: tuple[Component, ...]) -> str:
    """Constant | auxiliary | stock | lookup | data | control, from the name and the formulas."""
    if key(name) in CONTROL:
        return "control"
    exprs = [c.expr for c in components]
    if all(isinstance(e, (Number, Array)) or (isinstance(e, Call) and e.name == "get constants") for e in exprs):
        return "constant"
    if any(isinstance(e, Call) and e.name in ("integ", "integ non negative") for e in exprs):
        return "stock"
    if all(isinstance(e, Table) or (isinstance(e, Call) and e.name == "get lookups") for e in exprs):
        return "lookup"
    if all(isinstance(e, Call) and e.name in ("data", "get data") for e in exprs):
        return "data"
    return "auxiliary"


def _component(component: Any, where: str) -> Component:
    subs, excepts = component.subscripts
    expr = shallow(expression(component.ast, where), where)
    keyword = getattr(component, "keyword", None)
    if isinstance(expr, Call) and expr.name in ("data", "get data"):
        expr = Call(expr.name, (*expr.args, Text(keyword or "interpolate")))
    return Component(tuple(subs), tuple(tuple(group) for group in excepts), expr)


def expression(node: Any, where: str) -> Expr:
    """PySD's node as ours; a node that is not known is refused by name."""
    if isinstance(node, (int, float, np.integer, np.floating)):
        return Number(NA if node != node else float(node))
    if isinstance(node, np.ndarray):
        return Array(tuple(float(x) for x in node.ravel()), tuple(node.shape)) if node.ndim else Number(float(node))
    if isinstance(node, str):
        return Text(node)
    convert = _NODES.get(type(node).__name__)
    if convert is None:
        raise UnsupportedError(f"{where}: '{type(node).__name__}' is not a formula that can be read.")
    made: Expr = convert(node, where)
    return made


def shallow(expr: Expr, where: str) -> Expr:
    """The formula, refused if it is nested so deep that nobody can read it."""
    level: list[Expr] = [expr]
    for _ in range(MAX_DEPTH):
        level = [a for node in level if isinstance(node, (Op, Call)) for a in node.args]
        if not level:
            return expr
    raise UnsupportedError(f"{where}: the formula is more than {MAX_DEPTH} operations deep. Split it into variables.")


def _chain(operators: list[str], args: list[Expr], right: bool) -> Expr:
    """One n-ary PySD node as nested binary operators."""
    if right:
        out = args[-1]
        for op, left in zip(reversed(operators), reversed(args[:-1]), strict=True):
            out = Op(op, (left, out))
        return out
    out = args[0]
    for op, value in zip(operators, args[1:], strict=True):
        out = Op(op, (out, value))
    return out


def _arithmetic(node: Any, where: str) -> Expr:
    args = [expression(a, where) for a in node.arguments]
    operators = list(node.operators)
    if operators == ["negative"]:
        return Number(-args[0].value) if isinstance(args[0], Number) else Op("neg", (args[0],))
    return _chain(operators, args, right=all(op == "^" for op in operators))


def _logic(node: Any, where: str) -> Expr:
    args = [expression(a, where) for a in node.arguments]
    words = {":and:": "and", ":or:": "or", ":not:": "not"}
    operators = [words.get(op.lower(), op.lower()) for op in node.operators]
    if operators == ["not"]:
        return Op("not", (args[0],))
    if "and" in operators and "or" in operators:  # PySD keeps one flat chain; :AND: binds tighter
        parts: list[list[Expr]] = [[args[0]]]
        for op, value in zip(operators, args[1:], strict=True):
            if op == "or":
                parts.append([value])
            else:
                parts[-1].append(value)
        groups = [_chain(["and"] * (len(p) - 1), p, False) for p in parts]
        return _chain(["or"] * (len(groups) - 1), groups, False)
    return _chain(operators, args, right=False)


def _reference(node: Any, where: str) -> Ref:
    subs = tuple(node.subscripts.subscripts) if node.subscripts is not None else ()
    return Ref(key(node.reference), subs)


def _call(node: Any, where: str) -> Expr:
    function = expression(node.function, where)
    if not isinstance(function, Ref):
        raise UnsupportedError(f"{where}: a function must be called by its name.")
    args = tuple(expression(a, where) for a in node.arguments)
    if function.name == "pulse train" and len(args) == 4:  # PySD swaps width and interval
        args = (args[0], args[2], args[1], args[3])
    return Call(function.name, args, function.subs)


def _table(node: Any, where: str) -> Table:
    # PySD puts the reference points of Vensim's table editor behind the two corners.
    limits = tuple(float(v) for v in (*(node.x_limits or ())[:2], *(node.y_limits or ())[:2]))
    limits = () if any(v != v for v in limits) else limits
    return Table(tuple(float(v) for v in node.x), tuple(float(v) for v in node.y), node.type, limits)


def _levelled(base: str, node: Any, time: Any, where: str) -> Call:
    """SMOOTH and DELAY nodes back to the Vensim function that was written."""
    args = (expression(node.input, where), expression(time, where))
    initial, order = expression(node.initial, where), expression(node.order, where)
    if order not in (Number(1.0), Number(3.0)) or type(node).__name__.endswith("NStructure"):
        return Call(f"{base} n", (*args, initial, order))
    name = {"smooth": {1.0: "smooth", 3.0: "smooth3"}, "delay": {1.0: "delay1", 3.0: "delay3"}}[base][order.value]
    return Call(name, args) if initial == args[0] else Call(name + "i", (*args, initial))


def _integ(node: Any, where: str) -> Call:
    name = "integ non negative" if getattr(node, "non_negative", False) else "integ"
    return Call(name, (expression(node.flow, where), expression(node.initial, where)))


def _fields(name: str, *fields: str) -> Any:
    return lambda node, where: Call(name, tuple(expression(getattr(node, f), where) for f in fields))


_NODES: dict[str, Any] = {
    "ArithmeticStructure": _arithmetic,
    "LogicStructure": _logic,
    "ReferenceStructure": _reference,
    "CallStructure": _call,
    "LookupsStructure": _table,
    "InlineLookupsStructure": lambda n, w: Call("with lookup", (expression(n.argument, w), _table(n.lookups, w))),
    "IntegStructure": _integ,
    "SmoothStructure": lambda n, w: _levelled("smooth", n, n.smooth_time, w),
    "SmoothNStructure": lambda n, w: _levelled("smooth", n, n.smooth_time, w),
    "DelayStructure": lambda n, w: _levelled("delay", n, n.delay_time, w),
    "DelayNStructure": lambda n, w: _levelled("delay", n, n.delay_time, w),
    "DelayFixedStructure": _fields("delay fixed", "input", "delay_time", "initial"),
    "SampleIfTrueStructure": _fields("sample if true", "condition", "input", "initial"),
    "TrendStructure": _fields("trend", "input", "average_time", "initial_trend"),
    "ForecastStructure": _fields("forecast", "input", "average_time", "horizon", "initial_trend"),
    "InitialStructure": _fields("initial", "initial"),
    "GameStructure": _fields("game", "expression"),
    "AllocateAvailableStructure": _fields("allocate available", "request", "pp", "avail"),
    "AllocateByPriorityStructure": _fields("allocate by priority", "request", "priority", "size", "width", "supply"),
    "DataStructure": _fields("data"),
    "GetDataStructure": _fields("get data", "file", "tab", "time_row_or_col", "cell"),
    "GetLookupsStructure": _fields("get lookups", "file", "tab", "x_row_or_col", "cell"),
    "GetConstantsStructure": _fields("get constants", "file", "tab", "cell"),
}
