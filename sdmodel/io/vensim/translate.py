"""Translate a Vensim `.mdl` into a `Structure`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from sdmodel.core.errors import ReadError, UnsupportedError
from sdmodel.core.expression import Call, Expr, Number, Ref, Text, key, names_in, walk
from sdmodel.core.structure import Component, Structure, Variable, kind_of
from sdmodel.core.text import printable, shorten
from sdmodel.io.expression_parser import parse_equation
from sdmodel.io.expression_tokens import ExpressionError
from sdmodel.io.markers import parse_markers
from sdmodel.io.number_lists import parse_lookup
from sdmodel.io.operator_stack import OUTPUTS
from sdmodel.io.vensim.clean import Entry, MacroText, clean, decode
from sdmodel.io.vensim.definitions import Definition, parse_definition, unquoted
from sdmodel.io.vensim.macros import Macro, expand_macros
from sdmodel.io.vensim.ranges import RangeText, parse_range, ranges_of

_EXTERNAL_LOOKUP = re.compile(r"\s*+GET[\s_]++(?:XLS|DIRECT)[\s_]++LOOKUPS\s*+\(", re.IGNORECASE)

_DELAYP = """:MACRO: DELAYP(input, delay time : pipeline)
DELAYP = third / part ~~|
pipeline = third + second + first ~~|
third = INTEG(second / part - DELAYP, part * input) ~~|
second = INTEG(first / part - second / part, third) ~~|
first = INTEG(input - first / part, third) ~~|
part = delay time / 3 ~~|
:END OF MACRO:
"""
"""The function with two results, as it is defined at https://vensim.com/documentation/fn_delayp.html."""


def read_vensim(raw: bytes, path: Path) -> Structure:
    """Read a Vensim model file.

    Parameters
    ----------
    raw
        Contents of the file.
    path
        Its path, for messages and for data files beside it.

    Returns
    -------
    Structure

    Raises
    ------
    ReadError
        If the file cannot be read correctly; the message names file, line and variable.
    """
    text = clean(decode(raw, path.name), path.name)
    section = _Section(path)
    section.read(text.entries)
    macros: dict[str, Macro] = {}
    for found in text.macros:
        if key(found.name) in macros:
            raise ReadError(f"{path.name}:{found.line}: the macro '{found.name}' is defined twice.")
        macros[key(found.name)] = _macro(found, path)
    if section.names_outputs and "delayp" not in macros:
        known = clean(_DELAYP, path.name).macros[0]
        macros["delayp"] = _macro(replace(known, entries=[replace(e, line=0) for e in known.entries]), path)
    equations = section.equations()
    if macros or section.names_outputs:
        equations = expand_macros(equations, macros, kind_of)
    if not equations:
        raise ReadError(f"{path.name} holds no equations.")
    _refuse_texts(equations.values(), section.texts)
    return Structure(
        name=path.stem,
        equations=MappingProxyType(equations),
        ranges=MappingProxyType(ranges_of(section.ranges, path)),
        path=path,
        synonyms=text.synonyms,
        method=text.method,
    )


def _macro(text: MacroText, path: Path) -> Macro:
    section = _Section(path)
    section.read(text.entries)
    if section.ranges:
        found = next(iter(section.ranges.values()))
        raise UnsupportedError(f"{found.where} is defined inside the macro {text.name}. Define it in the model.")
    return Macro(text.name.replace("_", " "), text.inputs, section.equations(), text.outputs)


class _Section:
    """Definitions of the model, or of one macro, collected entry by entry."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.found: dict[str, list[tuple[Entry, Component]]] = {}
        """Entries and components of each variable in file order, by key."""
        self.names: dict[str, str] = {}
        self.ranges: dict[str, RangeText] = {}
        self.texts: dict[str, str] = {}
        """Location of each string variable, by key; string variables have no numeric value and are left out."""
        self.names_outputs = False

    def read(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            where = f"{self.path.name}:{entry.line}"
            definition = None
            try:
                definition = parse_definition(entry.equation, where)
                self.enter(entry, definition, f"{where}: '{unquoted(definition.name)}'")
            except ExpressionError as error:
                name = unquoted(definition.name) if definition else re.split(r"[\[=(:<]", entry.equation)[0].strip()
                name, text = printable(name), printable(" ".join(entry.equation[:300].split()))
                raise ReadError(
                    f"{where}: the equation of '{name[:60]}' cannot be read: {text[:120]}"
                    f"{' ...' if len(text) > 120 else ''}\n({printable(error.reason)})"
                ) from error

    def enter(self, entry: Entry, definition: Definition, where: str) -> None:
        name = key(definition.name)
        match definition.kind:
            case "range" | "copy":
                if name in self.ranges:
                    raise ReadError(f"{where} is defined twice as a range.")
                self.ranges[name] = parse_range(definition, where.replace(": '", ": the range '", 1))
            case "text":
                self.texts[name] = where
            case "check":
                pass  # reality checks are not part of a simulation
            case _:
                if name == "time":
                    raise ReadError(f"{where} is the simulation time and cannot be defined.")
                component = Component(definition.subscripts, definition.exceptions, formula_of(definition, where))
                if ":" in definition.body and not self.names_outputs:
                    self.names_outputs = OUTPUTS in names_in(component.expr)
                self.names.setdefault(name, unquoted(definition.name))
                self.found.setdefault(name, []).append((entry, component))

    def equations(self) -> dict[str, Variable]:
        return {name: self.variable(name) for name in self.found}

    def variable(self, name: str) -> Variable:
        entries = [entry for entry, _ in self.found[name]]
        components = tuple(component for _, component in self.found[name])
        where = f"{self.path.name}:{entries[0].line}: '{self.names[name]}'"
        if len(components) > 1:
            heads = {(tuple(map(key, c.subs)), c.excepts) for c in components}
            if len(heads) < len(components):
                raise ReadError(f"{where} is defined twice.")
        documentation = next((e.documentation for e in reversed(entries) if e.documentation), "")
        marks = parse_markers(documentation, where)
        kind = kind_of(name, components)
        if kind == "control" and any(name in names_in(c.expr) for c in components):
            raise ReadError(f"{where} is defined by itself. Give a number, or a formula of other variables.")
        if marks.role and kind not in ("constant", "control", "lookup", "data"):
            raise ReadError(f"{where} is marked '{marks.role}', which only a constant can be; it has a formula.")
        unit, limits = _unit(next((e.unit for e in reversed(entries) if e.unit), ""), where)
        return Variable(
            name=self.names[name],
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
            group=entries[0].group,
            file=self.path.name,
            line=entries[0].line,
        )


def formula_of(definition: Definition, where: str) -> Expr:
    """Expression tree of the right-hand side."""
    body = definition.body
    if definition.kind == "lookup" and not _EXTERNAL_LOOKUP.match(body):
        return parse_lookup(body)
    expr = parse_equation(body, where) if body else Call("data", ())
    match expr:
        case Call("data" | "get data" as name, args):
            return Call(name, (*args, Text(definition.keyword or "interpolate")))
        case Call("forecast", args) if len(args) == 3:
            return Call("forecast", (*args, Number(0.0)))
    return expr


def _refuse_texts(variables: Iterable[Variable], texts: dict[str, str]) -> None:
    """Raise if an equation reads a string variable."""
    if not texts:
        return
    for variable in variables:
        for component in variable.components:
            for node in walk(component.expr):
                if isinstance(node, (Ref, Call)) and node.name in texts:
                    raise UnsupportedError(
                        f"{variable.where}: '{variable.name}' reads the string variable '{node.name}' "
                        f"({texts[node.name]}), which has no numeric value."
                    )


def _unit(text: str, where: str) -> tuple[str, tuple[float | None, ...]]:
    """Split a field such as `firm/Year [0,?,1]` into unit and limits; a bracket without a comma is part of the unit."""
    found = re.fullmatch(r"(.*?)\s*\[([^\[\]]*,[^\[\]]*)\]", text, re.DOTALL)
    if found is None:
        return text, ()
    try:
        ends = [None if x.strip() == "?" else float(x) for x in found.group(2).split(",")]
    except ValueError:
        raise ReadError(
            f"{where}: '[{shorten(found.group(2))}]' is not a range; write numbers such as [0,1] or [0,?]."
        ) from None
    limits = tuple(x if x is not None and math.isfinite(x) else None for x in ends)
    if not 2 <= len(limits) <= 3:
        raise ReadError(
            f"{where}: the range [{shorten(found.group(2))}] has {len(limits)} numbers; it can have 2 or 3."
        )
    return found.group(1).strip(), () if all(x is None for x in limits) else limits
