"""An XMILE file (`.xmile`, `.stmx`) to a `Structure`: the layout is read here, equations by PySD's grammar."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sdmodel.core.errors import ReadError, UnsupportedError
from sdmodel.core.expression import Call, Expr, Number, Op, Ref, Table, key
from sdmodel.core.structure import CONTROL, Component, Structure, SubscriptRange, Variable
from sdmodel.io.markers import parse_markers
from sdmodel.io.pysd_parser import parse_equation
from sdmodel.io.vensim.translate import kind_of
from sdmodel.io.xmile.dialects import calls_for_choices, plain, sm_expr
from sdmodel.io.xmile.layout import KINDS, behaviour, every, groups_of, ranges_of, refuse, root_of, tag_of, text_of
from sdmodel.io.xmile.subscripts import with_subscripts

_TYPES = {"continuous": "interpolate", "extrapolate": "extrapolate", "discrete": "hold_backward"}
_METHODS = {"euler": "euler", "rk4": "rk4", "rk2": "rk2"}


def read_xmile(raw: bytes, path: Path) -> Structure:
    """Read an XMILE file.

    Parameters
    ----------
    raw
        The file's bytes.
    path
        Where it lies, for messages.

    Raises
    ------
    ReadError
        If the file cannot be read right; the message names file, line and variable.
    UnsupportedError
        If it uses conveyors, queues, ovens, modules or macros, or declares a document type.
    """
    root = root_of(raw, path.name)
    refuse(root, path.name)
    models = [m for m in every(root, "model") if every(m, "variables") or any(every(m, k) for k in KINDS)]
    if len(models) > 1:
        raise UnsupportedError(f"{path.name} holds {len(models)} models; modules are not read. Save one model a file.")
    if not models:
        raise ReadError(f"{path.name} holds no stocks, flows or converters.")
    blocks = every(models[0], "variables")
    # Before XMILE 1.0 the variables stood in <model> itself, among views and the like.
    nodes = list(blocks[0]) if blocks else [n for n in models[0] if tag_of(n) in KINDS]
    nodes = [inner for n in nodes for inner in (n if tag_of(n) == "group" else [n]) if tag_of(inner) != "entity"]
    ranges = ranges_of(root, models[0], path.name)
    names = frozenset(key(plain(n.get("name", ""))) for n in nodes if tag_of(n) in KINDS)
    reader = _Reader(path, ranges, behaviour(root, models[0]), groups_of(models[0]), names)
    equations: dict[str, Variable] = {}
    for node in nodes:
        if not isinstance(node.tag, str) or (tag_of(node) not in KINDS and not node.get("name")):
            continue  # comments, and notes of the program that wrote the file, such as <dependencies>
        if key(node.get("name", "").replace("\\n", " ")) in CONTROL:
            continue
        variable = reader.variable(node)
        if variable.key in equations:
            raise ReadError(f"{variable.where}: '{variable.name}' is defined twice.")
        equations[variable.key] = variable
    if not equations:
        raise ReadError(f"{path.name} holds no equations.")
    equations = with_subscripts(equations, ranges)
    control, method = reader.control(root, models[0])
    for variable in control:
        equations.setdefault(variable.key, variable)
    return Structure(
        name=path.stem,
        equations=MappingProxyType(equations),
        ranges=MappingProxyType(ranges),
        path=path,
        method=method,
    )


# -- variables --------------------------------------------------------------------------------------------------
@dataclass
class _Reader:
    path: Path
    ranges: dict[str, SubscriptRange]
    behaviour: tuple[bool, bool]
    groups: dict[str, str]
    names: frozenset[str]

    def variable(self, node: Any) -> Variable:
        """One <stock>, <flow>, <aux> or <gf>."""
        tag = tag_of(node)
        name = plain(node.get("name", ""))
        where = f"{self.path.name}:{node.sourceline}: '{name}'"
        if tag not in KINDS or not name:
            raise UnsupportedError(
                f"{where}: <{tag}> is no stock, flow, converter or graphical function that can be read."
            )
        components = tuple(self.components(node, tag, where))
        documentation = " ".join((text_of(node, "doc") or "").split())
        marks = parse_markers(documentation, where)
        return Variable(
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
            group=self.groups.get(key(name), ""),
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
            raise ReadError(f"{where}: the range {ends} is no pair of numbers.") from None
        return () if all(e is None for e in out) else out

    def components(self, node: Any, tag: str, where: str) -> Iterator[Component]:
        dims = tuple(plain(d.get("name", "")) for block in every(node, "dimensions") for d in every(block, "dim"))
        for d in dims:
            if key(d) not in self.ranges:
                raise ReadError(f"{where}: there is no dimension '{d}'.")
        elements = every(node, "element")
        if elements:
            for element in elements:
                subs = tuple(plain(s) for s in element.get("subscript", "").split(","))
                if dims and len(subs) != len(dims):
                    raise ReadError(
                        f"{where}: the element '{element.get('subscript')}' does not fit to {len(dims)} dimensions."
                    )
                yield Component(subs, (), self.formula(element, node, tag, where))
            return
        equations = every(node, "eqn")
        if len(equations) > 1:
            members = self.ranges[key(dims[0])].elements if len(dims) == 1 else ()
            if len(members) != len(equations):
                raise ReadError(f"{where} has {len(equations)} equations without subscripts.")
            for member, equation in zip(members, equations, strict=True):
                yield Component((member,), (), self.expr("".join(equation.itertext()), where))
            return
        yield Component(dims, (), self.formula(node, node, tag, where))

    def formula(self, node: Any, owner: Any, tag: str, where: str) -> Expr:
        """The formula of a variable, or of one of its elements."""
        equation = text_of(node, "eqn")
        points = every(node, "gf") or every(owner, "gf")
        if tag == "gf":
            return self.points(node if every(node, "ypts") else owner, where)
        if equation is None or not equation.strip():
            if points and tag == "aux":
                return self.points(points[0], where)
            raise ReadError(f"{where} has no equation.")
        expr = self.expr(equation, where)
        start = text_of(node, "init_eqn")
        if start is not None and start.strip() and tag != "stock":
            expr = Call("active initial", (expr, self.expr(start, where)))
        if points and tag != "stock":
            expr = Call("with lookup", (expr, self.points(points[0], where)))
        if tag == "stock":
            return self.stock(expr, node, owner, where)
        if tag == "flow" and self.cut_off(node, owner, self.behaviour[1]):
            expr = Call("max", (expr, Number(0.0)))
        return expr

    def stock(self, start: Expr, node: Any, owner: Any, where: str) -> Expr:
        net: Expr | None = None
        for sign, name in (("+", "inflow"), ("-", "outflow")):
            for flow in every(owner, name):
                term = self.expr("".join(flow.itertext()), where)
                if net is not None:
                    net = Op(sign, (net, term))
                elif sign == "+":
                    net = term
                else:
                    net = Op("neg", (term,))
        cut = self.cut_off(node, owner, self.behaviour[0])
        return Call("integ non negative" if cut else "integ", (net or Number(0.0), start))

    @staticmethod
    def cut_off(node: Any, owner: Any, default: bool) -> bool:
        """Whether a stock or flow is non-negative; `<non_negative>false</non_negative>` says no."""
        found = every(node, "non_negative") or every(owner, "non_negative")
        return "false" not in ("".join(found[0].itertext())).lower() if found else default

    def points(self, node: Any, where: str) -> Table:
        kind = node.get("type", "continuous")
        if kind not in _TYPES:
            raise UnsupportedError(f"{where}: a graphical function of type '{kind}' is not known.")
        y = self.numbers(node, "ypts", where)
        if every(node, "xpts"):
            x = self.numbers(node, "xpts", where)
        elif every(node, "xscale"):
            scale = every(node, "xscale")[0]
            try:
                low, high = float(scale.get("min", "nan")), float(scale.get("max", "nan"))
            except ValueError:
                raise ReadError(f"{where}: the scale of the graphical function is no number.") from None
            last = max(len(y) - 1, 1)
            x = [low + (high - low) * i / last for i in range(len(y))]
        else:
            raise ReadError(f"{where}: the graphical function has neither <xscale> nor <xpts>.")
        if len(x) != len(y) or not all(map(math.isfinite, (*x, *y))):
            raise ReadError(
                f"{where}: the graphical function has {len(x)} x and {len(y)} y values, which must be numbers."
            )
        pairs = sorted(zip(x, y, strict=True), key=lambda p: p[0])
        return Table(tuple(p[0] for p in pairs), tuple(p[1] for p in pairs), _TYPES[kind])

    @staticmethod
    def numbers(node: Any, name: str, where: str) -> list[float]:
        found = every(node, name)
        if not found:
            raise ReadError(f"{where}: the graphical function has no <{name}>.")
        text = "".join(found[0].itertext())
        separator = found[0].get("sep", ",")
        try:
            return [
                float(part)
                for part in re.split(re.escape(separator) if separator.strip() else r"\s+", text.strip())
                if part.strip()
            ]
        except ValueError:
            raise ReadError(f"{where}: '{text.strip()[:60]}' is no list of numbers.") from None

    def expr(self, text: str, where: str) -> Expr:
        return sm_expr(parse_equation(calls_for_choices(text, where), where), where, self.names)

    def control(self, root: Any, model: Any) -> tuple[list[Variable], str]:
        """Control variables and integration method from <sim_specs>."""
        found = every(model, "sim_specs") or every(root, "sim_specs")
        if not found:
            raise ReadError(f"{self.path.name} has no <sim_specs>, so it does not say when it starts and ends.")
        specs = found[0]
        unit = specs.get("time_units", "")
        values: dict[str, Expr] = {}
        for name, tag in (("INITIAL TIME", "start"), ("FINAL TIME", "stop"), ("TIME STEP", "dt")):
            text = text_of(specs, tag)
            if text is None or not text.strip():
                raise ReadError(f"{self.path.name}:{specs.sourceline}: <sim_specs> has no <{tag}>.")
            values[name] = self.expr(text, f"{self.path.name}:{specs.sourceline}: '{name}'")
        if every(specs, "dt")[0].get("reciprocal", "").lower() == "true":
            step = values["TIME STEP"]
            values["TIME STEP"] = (
                Number(1 / step.value) if isinstance(step, Number) and step.value else Op("/", (Number(1.0), step))
            )
        interval = [
            v for k, v in specs.attrib.items() if str(k).rpartition("}")[2].rpartition(":")[2] == "save_interval"
        ]
        values["SAVEPER"] = Ref("time step")
        if interval:
            values["SAVEPER"] = self.expr(interval[0], f"{self.path.name}:{specs.sourceline}: 'SAVEPER'")
        variables = [
            Variable(
                n, "control", (Component((), (), e),), unit=unit, file=self.path.name, line=int(specs.sourceline or 0)
            )
            for n, e in values.items()
        ]
        method = (specs.get("method") or "").strip().lower()
        return variables, _METHODS.get(method, method)
