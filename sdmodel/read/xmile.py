"""An XMILE file (`.xmile`, `.stmx`) to a `Model`: the layout is read here, equations by PySD's grammar."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sdmodel.errors import ReadError, UnsupportedError
from sdmodel.expression import Call, Expr, Number, Op, Ref, Table, key
from sdmodel.model import CONTROL, Component, Model, SubscriptRange, Variable
from sdmodel.read.implied import with_subscripts
from sdmodel.read.markers import parse_markers
from sdmodel.read.parser import parse_equation
from sdmodel.read.smile import calls_for_choices, plain, sm_expr
from sdmodel.read.tidy import MAX_BYTES
from sdmodel.read.vensim import MAX_RANGE, kind_of

_KINDS = ("stock", "flow", "aux", "gf")
_REFUSED = {
    "conveyor": "a conveyor", "queue": "a queue", "oven": "an oven", "leak": "the leak of a conveyor",
    "overflow": "the overflow of a queue or conveyor", "leak_integers": "the leak of a conveyor",
}  # fmt: skip
_TYPES = {"continuous": "interpolate", "extrapolate": "extrapolate", "discrete": "hold_backward"}
_METHODS = {"euler": "euler", "rk4": "rk4", "rk2": "rk2"}


def read_xmile(raw: bytes, path: Path) -> Model:
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
    root = _root(raw, path.name)
    _refuse(root, path.name)
    models = [m for m in _all(root, "model") if _all(m, "variables") or any(_all(m, k) for k in _KINDS)]
    if len(models) > 1:
        raise UnsupportedError(f"{path.name} holds {len(models)} models; modules are not read. Save one model a file.")
    if not models:
        raise ReadError(f"{path.name} holds no stocks, flows or converters.")
    blocks = _all(models[0], "variables")
    # Before XMILE 1.0 the variables stood in <model> itself, among views and the like.
    nodes = list(blocks[0]) if blocks else [n for n in models[0] if _name(n) in _KINDS]
    nodes = [inner for n in nodes for inner in (n if _name(n) == "group" else [n]) if _name(inner) != "entity"]
    ranges = _ranges(root, models[0], path.name)
    names = frozenset(key(plain(n.get("name", ""))) for n in nodes if _name(n) in _KINDS)
    reader = _Reader(path, ranges, _behaviour(root, models[0]), _groups(models[0]), names)
    equations: dict[str, Variable] = {}
    for node in nodes:
        if not isinstance(node.tag, str) or (_name(node) not in _KINDS and not node.get("name")):
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
    return Model(
        name=path.stem,
        equations=MappingProxyType(equations),
        ranges=MappingProxyType(ranges),
        path=path,
        method=method,
    )


# -- XML --------------------------------------------------------------------------------------------------------
def _root(raw: bytes, file: str) -> Any:
    from lxml import etree

    if len(raw) > MAX_BYTES:
        raise ReadError(f"{file} has {len(raw):,} bytes; a model file has at most {MAX_BYTES:,}.")
    flat = raw.replace(b"\x00", b"").upper()
    if b"<!DOCTYPE" in flat or b"<!ENTITY" in flat:
        raise UnsupportedError(
            f"{file} declares a document type or entities, which a model does not need. It is not read."
        )
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ReadError(f"{file} is no XML: {error}.") from error
    harmless = ("NS_ERR_UNDEFINED_NAMESPACE", "WAR_NS_URI_RELATIVE", "WAR_NS_URI")  # prefixes nobody declared well
    faults = [e for e in parser.error_log if e.type_name not in harmless]
    if root is None or faults:
        line = f":{faults[0].line}" if faults else ""
        raise ReadError(f"{file}{line} is no well-formed XML{': ' + faults[0].message if faults else ''}.")
    if _name(root) != "xmile":
        raise ReadError(f"{file} is no XMILE file: its root is <{_name(root)}>.")
    return root


def _name(node: Any) -> str:
    tag = node.tag if isinstance(node.tag, str) else ""
    return tag.rpartition("}")[2].rpartition(":")[2]


def _all(node: Any, name: str) -> list[Any]:
    return [child for child in node if _name(child) == name]


def _text(node: Any, name: str) -> str | None:
    found = _all(node, name)
    return "".join(found[0].itertext()) if found else None


def _refuse(root: Any, file: str) -> None:
    """Refuse by name what would be misread."""
    for node in root.iter():
        name = _name(node)
        inside = {_name(a) for a in node.iterancestors()}
        if "views" in inside or "style" in inside:
            continue
        owner = next((a.get("name") for a in (node, *node.iterancestors()) if a.get("name")), "")
        where = f"{file}:{node.sourceline}: '{owner}'"
        if name in _REFUSED and inside & set(_KINDS):
            raise UnsupportedError(
                f"{where} is or has {_REFUSED[name]}, which is not read. Use stocks and DELAY functions."
            )
        if name == "module":
            raise UnsupportedError(f"{where} is a module, which is not read. Save one model a file and compose them.")
        if name == "macro":
            raise UnsupportedError(f"{where} is a macro, which is not read from XMILE. Write its equations out.")


def _ranges(root: Any, model: Any, file: str) -> dict[str, SubscriptRange]:
    out: dict[str, SubscriptRange] = {}
    for block in (*_all(root, "dimensions"), *_all(model, "dimensions")):
        for dim in _all(block, "dim"):
            name = dim.get("name", "")
            elements = tuple(plain(e.get("name", "")) for e in _all(dim, "elem"))
            size = dim.get("size", "").strip()
            if not elements and size.isdigit() and len(size) < 9 and 0 < int(size) <= MAX_RANGE:
                elements = tuple(str(i) for i in range(1, int(size) + 1))
            if not elements or not name:
                raise ReadError(f"{file}:{dim.sourceline}: the dimension '{name}' has no elements.")
            if len(elements) > MAX_RANGE:
                raise UnsupportedError(
                    f"{file}:{dim.sourceline}: the dimension '{name}' has more than {MAX_RANGE:,} elements."
                )
            out[key(name)] = SubscriptRange(plain(name), elements)
    return out


def _behaviour(root: Any, model: Any) -> tuple[bool, bool]:
    """Whether all stocks and all flows are cut off at zero."""
    stocks = flows = False
    for block in (*_all(root, "behavior"), *_all(model, "behavior")):
        everything = bool(_all(block, "non_negative"))
        stocks |= everything or any(_all(s, "non_negative") for s in _all(block, "stock"))
        flows |= everything or any(_all(f, "non_negative") for f in _all(block, "flow"))
    return stocks, flows


def _groups(model: Any) -> dict[str, str]:
    out: dict[str, str] = {}
    for group in (g for block in (model, *_all(model, "variables")) for g in _all(block, "group")):
        for entity in (e for e in group if _name(e) in ("entity", *_KINDS)):
            out[key(plain(entity.get("name", "")))] = group.get("name", "")
    return out


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
        tag = _name(node)
        name = plain(node.get("name", ""))
        where = f"{self.path.name}:{node.sourceline}: '{name}'"
        if tag not in _KINDS or not name:
            raise UnsupportedError(
                f"{where}: <{tag}> is no stock, flow, converter or graphical function that can be read."
            )
        components = tuple(self.components(node, tag, where))
        documentation = " ".join((_text(node, "doc") or "").split())
        marks = parse_markers(documentation, where)
        return Variable(
            name=name,
            kind=kind_of(name, components),
            components=components,
            unit=" ".join((_text(node, "units") or "").split()),
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
        found = _all(node, "range")
        if not found:
            return ()
        ends = [found[0].get("min"), found[0].get("max")]
        try:
            out = tuple(float(e) if e is not None else None for e in ends)
        except ValueError:
            raise ReadError(f"{where}: the range {ends} is no pair of numbers.") from None
        return () if all(e is None for e in out) else out

    def components(self, node: Any, tag: str, where: str) -> Iterator[Component]:
        dims = tuple(plain(d.get("name", "")) for block in _all(node, "dimensions") for d in _all(block, "dim"))
        for d in dims:
            if key(d) not in self.ranges:
                raise ReadError(f"{where}: there is no dimension '{d}'.")
        elements = _all(node, "element")
        if elements:
            for element in elements:
                subs = tuple(plain(s) for s in element.get("subscript", "").split(","))
                if dims and len(subs) != len(dims):
                    raise ReadError(
                        f"{where}: the element '{element.get('subscript')}' does not fit to {len(dims)} dimensions."
                    )
                yield Component(subs, (), self.formula(element, node, tag, where))
            return
        equations = _all(node, "eqn")
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
        equation = _text(node, "eqn")
        points = _all(node, "gf") or _all(owner, "gf")
        if tag == "gf":
            return self.points(node if _all(node, "ypts") else owner, where)
        if equation is None or not equation.strip():
            if points and tag == "aux":
                return self.points(points[0], where)
            raise ReadError(f"{where} has no equation.")
        expr = self.expr(equation, where)
        start = _text(node, "init_eqn")
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
            for flow in _all(owner, name):
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
        found = _all(node, "non_negative") or _all(owner, "non_negative")
        return "false" not in ("".join(found[0].itertext())).lower() if found else default

    def points(self, node: Any, where: str) -> Table:
        kind = node.get("type", "continuous")
        if kind not in _TYPES:
            raise UnsupportedError(f"{where}: a graphical function of type '{kind}' is not known.")
        y = self.numbers(node, "ypts", where)
        if _all(node, "xpts"):
            x = self.numbers(node, "xpts", where)
        elif _all(node, "xscale"):
            scale = _all(node, "xscale")[0]
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
        found = _all(node, name)
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
        found = _all(model, "sim_specs") or _all(root, "sim_specs")
        if not found:
            raise ReadError(f"{self.path.name} has no <sim_specs>, so it does not say when it starts and ends.")
        specs = found[0]
        unit = specs.get("time_units", "")
        values: dict[str, Expr] = {}
        for name, tag in (("INITIAL TIME", "start"), ("FINAL TIME", "stop"), ("TIME STEP", "dt")):
            text = _text(specs, tag)
            if text is None or not text.strip():
                raise ReadError(f"{self.path.name}:{specs.sourceline}: <sim_specs> has no <{tag}>.")
            values[name] = self.expr(text, f"{self.path.name}:{specs.sourceline}: '{name}'")
        if _all(specs, "dt")[0].get("reciprocal", "").lower() == "true":
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
