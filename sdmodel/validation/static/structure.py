"""Checks of names, ranges and markers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sdmodel.core.errors import UnitsError, nearest
from sdmodel.core.expression import Array, Call, Number, Op, Ref, Table, key, walk
from sdmodel.core.structure import Component, Structure, Variable
from sdmodel.core.units import parse
from sdmodel.validation.static.issue import Issue, issue

PROPORTIONS = frozenset({"fraction", "share", "probability"})
"""Last words of names of variables that lie between 0 and 1 if they have no unit."""
_VARIED = ("lever", "uncertainty", "switch")
_SHOWN = 5


def check_names(model: Structure, functions: Iterable[str], refused: Mapping[str, str] | None = None) -> list[Issue]:
    """Undefined names and subscripts.

    Parameters
    ----------
    model
        The model.
    functions
        Names of the known functions (lower case, with blanks).
    refused
        Functions of the language that are not supported, and why.

    Returns
    -------
    list of Issue
        One error for each name that an equation reads, or subscript that it uses, and the model does not
        have.
    """
    builtin = frozenset(functions)
    refused = refused or {}
    subscripts = {k: r.name for k, r in model.ranges.items()}
    subscripts |= {key(e): e for r in model.ranges.values() for e in r.elements}
    spelling = [v.name for v in model.equations.values()]
    out: dict[Issue, None] = {}
    for variable in model.equations.values():
        for component in variable.components:
            for node in walk(component.expr):
                if isinstance(node, Ref) and not (
                    node.name in model.equations or node.name in subscripts or node.name == "time"
                ):
                    message = f"It reads '{node.name}', which is not defined.{_near(node.name, spelling)}"
                    out[issue("error", "names", variable, message)] = None
                elif isinstance(node, Call) and not (node.name in model.equations or node.name in builtin):
                    why = f" ({refused[node.name]})" if node.name in refused else ""
                    message = (
                        f"It calls '{node.name}', which is neither a supported function{why} nor a lookup."
                        f"{'' if why else _near(node.name, [*spelling, *builtin])}"
                    )
                    out[issue("error", "names", variable, message)] = None
            for sub in _subscripts(component):
                if key(sub) not in subscripts and sub != "*":  # "*" is a computed index
                    message = f"The subscript '{sub}' is not in any range.{_near(sub, subscripts.values())}"
                    out[issue("error", "names", variable, message)] = None
    return list(out)


def check_unused(model: Structure) -> list[Issue]:
    """Variables that no other equation reads.

    Returns
    -------
    list of Issue
        One warning for each, except outcomes and control variables.
    """
    read: set[str] = set()
    for k, variable in model.equations.items():
        read |= variable.reads() - {k}
    message = (
        "No equation reads it. Mark it [outcome] if it is a result; if only other sectors read it, check "
        "the composition; otherwise remove it."
    )
    return [
        issue("warning", "unused", v, message)
        for k, v in model.equations.items()
        if k not in read and not v.outcome and v.kind != "control"
    ]


def proportion(model: Structure, variable: Variable) -> bool:
    """Whether a variable is a dimensionless fraction by its name and states no range of its own."""
    if variable.limits or key(variable.name).rpartition(" ")[2] not in PROPORTIONS or not variable.unit.strip():
        return False
    try:
        return parse(variable.unit, model.synonyms).dimensionless
    except UnitsError:
        return False


def check_ranges(model: Structure) -> list[Issue]:
    """Values outside the range of their variable, and ranges that are empty or cannot be sampled.

    Returns
    -------
    list of Issue
        Errors only.
    """
    out = []
    for variable in model.equations.values():
        low, high = (0.0, 1.0) if proportion(model, variable) else (variable.low, variable.high)
        if low > high:
            out.append(issue("error", "range", variable, f"The range [{low:g}, {high:g}] ends below its start."))
            continue
        beyond = [x for c in variable.components for x in _values(c) if x < low or x > high]
        if beyond:
            listed = ", ".join(f"{x:g}" for x in beyond[:_SHOWN]) + (", …" if len(beyond) > _SHOWN else "")
            why = (
                "that the variable states"
                if variable.limits
                else "of what its name calls it; state another if it is one"
            )
            message = f"The value {listed} lies outside the range [{low:g}, {high:g}] {why}."
            out.append(issue("error", "range", variable, message))
        why = _not_sampled(variable)
        if why:
            out.append(issue("error", "sampling", variable, why))
    return out


def check_markers(model: Structure) -> list[Issue]:
    """Constants and tables without role, source or sentence.

    In a model that marks the role of any constant, each constant must have a role, a source and a sentence, each lever,
    uncertainty and switch a range, and each table a source and a sentence. A boundary input needs no source (its sector
    is one) and a fixed constant no range.

    Returns
    -------
    list of Issue
        Errors for a model with role markers; for any other model one warning for each constant without a
        source.
    """
    marked = any(v.role for v in model.equations.values())
    out = []
    for variable in model.equations.values():
        constant = variable.kind == "constant"
        table = variable.kind == "lookup" or any(
            isinstance(n, Table) for c in variable.components for n in walk(c.expr)
        )
        if not (constant or table) or (table and not marked):
            continue
        sourced = bool(variable.sources) or variable.role == "input"
        if not marked:
            if not sourced:
                out.append(issue("warning", "source", variable, "No source is given. Write [@key, place]."))
            continue
        if constant and not variable.role:
            message = (
                "The constant has no role. Write [lever], [uncertainty], [switch], [fixed] or [from sector] "
                "in its documentation."
            )
            out.append(issue("error", "role", variable, message))
        if not sourced:
            message = "No source is given. Write [@key, place], or [@guess] and say why, in its documentation."
            out.append(issue("error", "source", variable, message))
        if not variable.sentence:
            out.append(issue("error", "sentence", variable, "Its documentation has no sentence that describes it."))
        if variable.role in _VARIED and not variable.limits:
            message = f"A constant that varies ({variable.role}) needs a range after its unit, such as Dmnl [0,1]."
            out.append(issue("error", "range", variable, message))
    return out


def check_lookups(model: Structure) -> list[Issue]:
    """Lookups whose points are out of order or share an x.

    Returns
    -------
    list of Issue
        One warning for each such lookup; runs use the points in the order of x.
    """
    out = []
    for variable in model.equations.values():
        for component in variable.components:
            for table in (n for n in walk(component.expr) if isinstance(n, Table)):
                reason, _ = table.disorder()
                if reason:
                    out.append(issue("warning", "lookup", variable, f"{reason[0].upper()}{reason[1:]}."))
    return out


def _not_sampled(variable: Variable) -> str:
    """Why the range of an uncertainty or a switch cannot be sampled; empty if it can."""
    if variable.role not in ("uncertainty", "switch") or not variable.limits:
        return ""
    low, high = variable.low, variable.high
    if low == -float("inf") or high == float("inf"):
        return (
            f"The range of this {variable.role} is open ([{low:g}, {high:g}]), so it cannot be sampled. Give both ends."
        )
    if variable.role == "switch" and (low != round(low) or high != round(high)):
        return f"A switch takes whole numbers; its range is [{low:g}, {high:g}]."
    if variable.distribution == "loguniform" and low <= 0:
        return f"A loguniform range must lie above 0; it starts at {low:g}."
    if variable.distribution == "lognormal" and any(x <= 0 for c in variable.components for x in _values(c)):
        return "The median of a lognormal uncertainty (the value in the file) must lie above 0."
    return ""


def _values(component: Component) -> tuple[float, ...]:
    """The numbers of a component that consists of numbers only."""
    match component.expr:
        case Number(value):
            return (value,)
        case Op("neg", (Number(value),)):
            return (-value,)
        case Array(values, _):
            return values
    return ()


def _subscripts(component: Component) -> Iterator[str]:
    yield from component.subs
    for group in component.excepts:
        yield from group
    for node in walk(component.expr):
        if isinstance(node, (Ref, Call)):
            yield from (s.removesuffix("!") for s in node.subs)


def _near(name: str, known: Iterable[str]) -> str:
    near = nearest(name, known)
    return f" Nearest: {', '.join(near)}." if near else ""
