"""Translate an XMILE file (`.xmile`, `.stmx`, `.xml`) to a `Structure`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sdmodel.core.errors import ReadError, UnsupportedError
from sdmodel.core.expression import Call, Expr, Number, Op, Ref, key
from sdmodel.core.structure import CONTROL, Component, Structure, SubscriptRange, Variable, kind_of
from sdmodel.io.markers import parse_markers
from sdmodel.io.number_lists import parse_array
from sdmodel.io.vensim.macros import expand_macros
from sdmodel.io.xmile.arrays import Arrays
from sdmodel.io.xmile.dialects import parse_xmile, plain, without_comments
from sdmodel.io.xmile.equations import resolve_references
from sdmodel.io.xmile.graphical_functions import points_of
from sdmodel.io.xmile.layout import (
    attribute,
    every,
    groups_of,
    non_negative_defaults,
    ranges_of,
    refuse,
    root_of,
    tag_of,
    text_of,
    value_out_of_range,
    variables_of,
)
from sdmodel.io.xmile.modules import Part, join_modules, macros_of
from sdmodel.io.xmile.non_negative import limit_outflows
from sdmodel.io.xmile.repair import KINDS
from sdmodel.io.xmile.settings import settings_of

_MAIN_MODEL = re.compile(r"(?<![\w.])\.[^\W\d]")
"""A name that begins with a dot is one of the main model."""


def read_xmile(raw: bytes, path: Path) -> Structure:
    """Read an XMILE file.

    Parameters
    ----------
    raw
        The file's bytes.
    path
        Path of the file, for messages.

    Returns
    -------
    Structure
        One model; the variables of a module `m` are called `m.name`.

    Raises
    ------
    ReadError
        If the file cannot be read correctly; the message names file, line and variable.
    UnsupportedError
        If it uses conveyors, queues or ovens, or declares a document type.

    Warns
    -----
    ReadWarning
        If the file is not well-formed XML and was repaired.
    """
    root = root_of(raw, path.name)
    refuse(root, path.name)
    models = [m for m in every(root, "model") if variables_of(m)]
    if not models:
        raise ReadError(f"{path.name} has no stocks, flows or converters.")
    ranges = ranges_of(root, models, path.name)
    parts = {}
    for model in models:
        name = key(plain(model.get("name", "")))
        if name in parts:
            raise ReadError(
                f"{path.name}:{model.sourceline}: there are two models of the name '{model.get('name', '')}'."
            )
        parts[name] = _Reader(path, ranges, root, model).part()
    whole = join_modules(parts, models, ranges, path.name)
    if not whole.variables:
        raise ReadError(f"{path.name} has no equations.")
    macros = macros_of(root, lambda node: _Reader(path, {}, root, node).part(), path.name)
    equations = _explicit(whole, ranges, value_out_of_range(root))
    if macros:
        equations = expand_macros(equations, macros, kind_of)
    main = next((m for m in models if not m.get("name")), models[0])
    control, method = settings_of(root, main, whole.saving, whole.variables, path.name)
    for variable in control:
        equations.setdefault(variable.key, variable)
    return Structure(
        name=path.stem,
        equations=MappingProxyType(limit_outflows(equations)),
        ranges=MappingProxyType(ranges),
        sectors=whole.sectors,
        path=path,
        method=method,
    )


def _explicit(whole: Part, ranges: dict[str, SubscriptRange], invalid: float) -> dict[str, Variable]:
    """Equations with every subscript explicit, and the lookups that they call."""
    names = {k: v.name for k, v in whole.variables.items()}
    graphs: dict[str, str] = {}
    for k in whole.graphs:
        name = f"{names[k]} graph"
        while key(name) in names:
            name += " again"
        graphs[k] = key(name)
    tables = frozenset(k for k, v in whole.variables.items() if v.kind == "lookup")
    arrays = Arrays(ranges, whole.dims, names, graphs, whole.sources, tables, invalid)
    out: dict[str, Variable] = {}
    for k, variable in whole.variables.items():
        out[k] = resolve_references(variable, arrays)
    for k in sorted(arrays.used, key=list(names).index):
        owner = whole.variables[k]
        name = owner.name + f" graph{graphs[k].removeprefix(k + ' graph')}"
        components = tuple(replace(c, subs=arrays.left_side(c.subs)) for c in whole.graphs[k])
        out[graphs[k]] = Variable(
            name, "lookup", components, group=owner.group, sector=owner.sector, file=owner.file, line=owner.line
        )
    return out


# -- variables --------------------------------------------------------------------------------------------------
@dataclass
class _Reader:
    """One <model>: its variables with the references as they are written."""

    path: Path
    ranges: Mapping[str, SubscriptRange]
    root: Any
    model: Any
    names: Mapping[str, str] = field(default_factory=dict)
    dotted: bool = False
    """Whether an equation names a variable of the main model by a dot."""

    def part(self) -> Part:
        """Read the contents of the model."""
        nodes = variables_of(self.model)
        self.names = {key(n): n for n in (plain(node.get("name", "")) for node in nodes if tag_of(node) in KINDS) if n}
        self.cut = non_negative_defaults(self.root, self.model)
        groups = groups_of(self.model)
        part = Part()
        for node in nodes:
            name = plain(node.get("name", ""))
            where = f"{self.path.name}:{node.sourceline}: '{name}'"
            if tag_of(node) == "module":
                part.modules.append(node)
                continue
            if key(name) in CONTROL:
                if key(name) == "saveper":
                    part.saving = text_of(node, "eqn") or ""
                continue
            if tag_of(node) not in KINDS or not name:
                raise UnsupportedError(
                    f"{where}: <{tag_of(node)}> is not a stock, flow, converter or graphical function."
                )
            if key(name) in part.variables:
                raise ReadError(f"{where} is defined twice.")
            self.variable(node, name, where, groups.get(key(name), ""), part)
        part.dotted = self.dotted
        return part

    def variable(self, node: Any, name: str, where: str, group: str, part: Part) -> None:
        """One <stock>, <flow>, <aux> or <gf>."""
        k = key(name)
        dims = self.dimensions(node, where)
        graphs: list[Component] = []
        components = tuple(self.components(node, dims, where, graphs))
        part.dims[k] = dims or self.inferred(components, where)
        if graphs:
            part.graphs[k] = tuple(graphs)
        if attribute(node, "access").lower() == "input":
            part.inputs.add(k)
        documentation = " ".join((text_of(node, "doc") or "").split())
        marks = parse_markers(documentation, where)
        part.variables[k] = Variable(
            name=name,
            kind=kind_of(name, components),
            components=components,
            unit=" ".join((text_of(node, "units") or "").split()),
            limits=self.limits(node, where),
            sentence=marks.sentence,
            documentation=documentation,
            role=marks.role,
            ids=marks.ids,
            distribution=marks.distribution,
            origin=marks.origin,
            outcome=marks.outcome,
            sources=tuple(marks.sources),
            group=group,
            file=self.path.name,
            line=int(node.sourceline or 0),
        )

    def limits(self, node: Any, where: str) -> tuple[float | None, ...]:
        found = every(node, "range")
        if not found:
            return ()
        ends = [found[0].get("min"), found[0].get("max")]
        try:
            out = tuple(float(e) if e is not None else None for e in ends)
        except ValueError:
            raise ReadError(f"{where}: the range {ends} is not a pair of numbers.") from None
        return () if all(e is None for e in out) else out

    def dimensions(self, node: Any, where: str) -> tuple[str, ...]:
        """Keys of the ranges in <dimensions>."""
        names = [plain(d.get("name", "")) for block in every(node, "dimensions") for d in every(block, "dim")]
        for name in names:
            if key(name) not in self.ranges:
                known = ", ".join(r.name for r in self.ranges.values())
                raise ReadError(
                    f"{where}: there is no dimension '{name}'. {'The file has ' + known if known else 'It has none'}."
                )
        return tuple(map(key, names))

    def inferred(self, components: tuple[Component, ...], where: str) -> tuple[str, ...]:
        """Range keys of an array whose elements are given without <dimensions>: the smallest ranges that hold them."""
        out = []
        for place in range(len(components[0].subs)):
            written = {key(c.subs[place]) for c in components if place < len(c.subs)}
            holding = [k for k, r in self.ranges.items() if written <= set(map(key, r.elements))]
            if not holding:
                raise ReadError(f"{where}: no dimension has the elements {', '.join(sorted(written)[:6])}.")
            out.append(min(holding, key=lambda k: len(self.ranges[k].elements)))
        return tuple(out)

    def components(self, node: Any, dims: tuple[str, ...], where: str, graphs: list[Component]) -> Iterator[Component]:
        """Equations of a variable; its graphical functions are added to `graphs`."""
        elements = every(node, "element")
        if elements:
            for element in elements:
                yield self.component(self.element(element, dims, where), element, node, where, graphs)
            return
        spoken = tuple(self.ranges[d].name for d in dims)
        equations = every(node, "eqn")
        if len(equations) > 1:
            members = self.ranges[dims[0]].elements if len(dims) == 1 else ()
            if len(members) != len(equations):
                raise ReadError(f"{where} has {len(equations)} equations without subscripts.")
            for member, equation in zip(members, equations, strict=True):
                yield Component((member,), (), self.expr("".join(equation.itertext()), where))
            return
        text = text_of(node, "eqn") or ""
        if dims and ("," in text or ";" in text) and not set(text) - set("0123456789+-.,;eE \t\r\n"):
            yield Component(spoken, (), parse_array(text) or self.expr(text, where))
            return
        yield self.component(spoken, node, node, where, graphs)

    def element(self, node: Any, dims: tuple[str, ...], where: str) -> tuple[str, ...]:
        """Subscripts of one <element>: names of elements or of dimensions, or positions in their dimensions."""
        written = node.get("subscript", "")
        subs = tuple(plain(s) for s in written.split(","))
        if dims and len(subs) != len(dims):
            raise ReadError(f"{where}: the element '{written}' has {len(subs)} subscripts; the array has {len(dims)}.")
        out = []
        for sub, dim in zip(subs, dims, strict=False):
            elements = self.ranges[dim].elements
            found = next((e for e in elements if key(e) == key(sub.removeprefix(f"{self.ranges[dim].name}."))), "")
            part = self.ranges.get(key(sub))  # Vensim names the dimension itself
            if not found and (sub == "*" or (part is not None and set(part.elements) <= set(elements))):
                found = self.ranges[dim].name if part is None else part.name
            if not found and sub.isascii() and sub.isdigit() and len(sub) < 9 and 0 < int(sub) <= len(elements):
                found = elements[int(sub) - 1]
            if not found:
                raise ReadError(f"{where}: the dimension '{self.ranges[dim].name}' has no element '{sub}'.")
            out.append(found)
        return tuple(out) or subs

    def component(self, subs: tuple[str, ...], node: Any, owner: Any, where: str, graphs: list[Component]) -> Component:
        """The equation of a variable, or of one of its elements."""
        tag = tag_of(owner)
        found = every(node, "gf") or every(owner, "gf")
        if tag == "gf":
            return Component(subs, (), points_of(node if every(node, "ypts") else owner, where))
        table = points_of(found[0], where) if found and tag != "stock" else None
        equation = text_of(node, "eqn") or text_of(owner, "eqn")
        if equation is None or not without_comments(equation).strip():
            if table is not None:
                return Component(subs, (), table)
            if attribute(owner, "access").lower() != "input":
                raise ReadError(f"{where} has no equation.")
            expr: Expr = Call("unconnected", ())
        else:
            expr = self.expr(equation, where)
        start = text_of(node, "init_eqn") or text_of(owner, "init_eqn")
        if start is not None and start.strip() and tag != "stock":
            expr = Call("active initial", (expr, self.expr(start, where)))
        if table is not None:
            expr = Call("with lookup", (expr, table))
            graphs.append(Component(subs, (), table))
        if tag == "stock":
            expr = self.stock(expr, node, owner, where)
        elif tag == "flow" and self.cut_off(node, owner, self.cut[1]):
            expr = Call("non negative", (expr,))
        return Component(subs, (), expr)

    def stock(self, start: Expr, node: Any, owner: Any, where: str) -> Expr:
        net: Expr | None = None
        for sign, name in (("+", "inflow"), ("-", "outflow")):
            for flow in every(owner, name):
                term = self.flow("".join(flow.itertext()), name, where)
                if net is not None:
                    net = Op(sign, (net, term))
                elif sign == "+":
                    net = term
                else:
                    net = Op("neg", (term,))
        cut = self.cut_off(node, owner, self.cut[0])
        return Call("integ non negative" if cut else "integ", (net or Number(0.0), start))

    def flow(self, text: str, name: str, where: str) -> Expr:
        """The flow that an <inflow> or <outflow> names; blanks in a name may be written as they are."""
        if key(plain(text)) in self.names:
            return Ref(key(plain(text)))
        try:
            return self.expr(text, where)
        except ReadError:
            raise ReadError(f"{where} has the {name} '{plain(text)[:120]}', which the model does not have.") from None

    @staticmethod
    def cut_off(node: Any, owner: Any, default: bool) -> bool:
        """Whether a stock or flow is non-negative; `<non_negative>false</non_negative>` says no."""
        found = every(node, "non_negative") or every(owner, "non_negative")
        return "false" not in ("".join(found[0].itertext())).lower() if found else default

    def expr(self, text: str, where: str) -> Expr:
        """An equation, with references as they are written."""
        if "." in text and _MAIN_MODEL.search(text):
            self.dotted = True
        return parse_xmile(text, where, self.names)
