"""Modules and macros of XMILE: join several <model>s to one set of equations."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sdmodel.core.errors import ReadError, UnsupportedError
from sdmodel.core.expression import Call, Expr, Op, Ref, key, walk
from sdmodel.core.structure import Component, SubscriptRange, Variable, kind_of
from sdmodel.io.vensim.macros import Macro
from sdmodel.io.xmile.arrays import Arrays
from sdmodel.io.xmile.dialects import parse_xmile, plain
from sdmodel.io.xmile.equations import resolve_references
from sdmodel.io.xmile.layout import attribute, every, text_of

MAX_DEPTH = 20
MAX_INSTANCES = 1_000


@dataclass
class Part:
    """Contents of one <model>, or of a whole file after its modules are joined."""

    variables: dict[str, Variable] = field(default_factory=dict)
    """By key, with references as they are written."""
    dims: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Range keys of every variable."""
    graphs: dict[str, tuple[Component, ...]] = field(default_factory=dict)
    """Points of variables that have an equation and a graphical function."""
    inputs: set[str] = field(default_factory=set)
    """Keys of variables that a connection replaces."""
    sources: dict[str, str] = field(default_factory=dict)
    """Key of the source of every connected input."""
    modules: list[Any] = field(default_factory=list)
    """<module> elements."""
    dotted: bool = False
    """Whether an equation names a variable of the main model by a dot."""
    saving: str = ""
    """Equation of SAVEPER, where the file has one."""
    sectors: tuple[str, ...] = ()
    """Names of the modules."""


def join_modules(
    parts: Mapping[str, Part], models: Sequence[Any], ranges: Mapping[str, SubscriptRange], file: str
) -> Part:
    """The equations of a file: those of its main model and, as `module.name`, those of its modules.

    Raises
    ------
    ReadError
        If a module has no model, a connection has no target, or modules contain each other.
    UnsupportedError
        If a model is used by no module, or a module is in another file.
    """
    main = "" if "" in parts else next(iter(parts))
    joiner = _Joiner(parts, ranges, file)
    joiner.place(main, "", "", 0)
    used = {i.model for i in joiner.instances}
    unused = [m for m in models if key(plain(m.get("name", ""))) not in used]
    if unused:
        raise UnsupportedError(
            f"{file}:{unused[0].sourceline} has {len(models)} models, and no module uses '{unused[0].get('name', '')}'."
            " Save one model a file, or add the module."
        )
    return joiner.joined()


@dataclass(frozen=True)
class _Instance:
    """One instance of a model."""

    model: str
    part: Part
    sector: str
    """Written name, empty for the main model."""
    prefix: str
    """Prefix of its keys."""


class _Joiner:
    def __init__(self, parts: Mapping[str, Part], ranges: Mapping[str, SubscriptRange], file: str) -> None:
        self.parts = parts
        self.words = frozenset((*ranges, *(key(e) for r in ranges.values() for e in r.elements)))
        self.file = file
        self.instances: list[_Instance] = []

    def place(self, model: str, sector: str, prefix: str, depth: int) -> None:
        """Find every instance of a model and of those that its modules name."""
        if depth > MAX_DEPTH or len(self.instances) > MAX_INSTANCES:
            raise ReadError(f"{self.file}: modules contain each other more than {MAX_DEPTH} deep.")
        part = self.parts[model]
        self.instances.append(_Instance(model, part, sector, prefix))
        for node in part.modules:
            name = plain(node.get("name", ""))
            where = f"{self.file}:{node.sourceline}: the module '{name}'"
            if node.get("resource"):
                raise UnsupportedError(
                    f"{where} stands in another file, '{node.get('resource')}'. Save it into this one."
                )
            names = [key(plain(attribute(node, a))) for a in ("model_name", "model", "name")]
            inner = next((n for n in names if n and n in self.parts), None)
            if inner is None:
                raise ReadError(f"{where} has no <model> of its name.")
            self.place(inner, f"{sector}.{name}" if sector else name, f"{prefix}{key(name)}.", depth + 1)

    def connections(self) -> dict[str, str]:
        """For the full key of every connected input that of its source."""
        known = {i.prefix + k for i in self.instances for k in i.part.variables}
        out: dict[str, str] = {}
        for instance in self.instances:
            for node in instance.part.modules:
                for connect in (*every(node, "connect"), *every(node, "connect2")):
                    to, source = (path_key(connect.get(end, "")) for end in ("to", "from"))
                    ends = [_found(path, instance.prefix, known) for path in (to, source)]
                    if ends[0] is None or ends[1] is None:
                        where = f"{self.file}:{connect.sourceline}: the module '{plain(node.get('name', ''))}'"
                        missing = connect.get("to" if ends[0] is None else "from", "")
                        raise ReadError(
                            f"{where} has a connection with '{missing}', which is not a variable of the file."
                        )
                    if ends[0] != ends[1]:
                        out.setdefault(ends[0], ends[1])
        return out

    def joined(self) -> Part:
        """All instances as one part."""
        whole = Part()
        whole.sectors = tuple(i.sector for i in self.instances if i.sector)
        given = whole.sources = self.connections()
        for instance in self.instances:
            whole.saving = whole.saving or instance.part.saving
            part, prefix = instance.part, instance.prefix
            if not prefix and not part.modules and not part.dotted:  # every name is already a full key
                whole.variables.update(part.variables)
                whole.dims.update(part.dims)
                whole.graphs.update(part.graphs)
                continue
            scope = _Scope(part, prefix, self.words)
            for k, variable in part.variables.items():
                full = prefix + k
                if full in given and self.is_table(given[full]):
                    continue  # read by LOOKUP only, which finds the source
                whole.variables[full] = self.variable(variable, instance, scope, given.get(full))
                whole.dims[full] = part.dims[k]
                if k in part.graphs and full not in given:
                    whole.graphs[full] = part.graphs[k]
        return whole

    def is_table(self, full: str) -> bool:
        """Whether a full key is that of a graphical function without an equation."""
        places = (i for i in self.instances if full.startswith(i.prefix) and full[len(i.prefix) :] in i.part.variables)
        return any(i.part.variables[full[len(i.prefix) :]].kind == "lookup" for i in places)

    def variable(self, variable: Variable, instance: _Instance, scope: _Scope, source: str | None) -> Variable:
        """A variable of an instance under its full name; a connected input reads its source."""
        if source is not None:
            components = tuple(replace(c, expr=Ref(source)) for c in variable.components)
        else:
            components = tuple(replace(c, expr=scope.qualified(c.expr)) for c in variable.components)
            if any(Call("unconnected", ()) in walk(c.expr) for c in components):
                of = f"of the module '{instance.sector}' " if instance.sector else ""
                raise ReadError(
                    f"{variable.where}: '{variable.name}' is an input {of}that is not connected and has no equation."
                )
        name = f"{instance.sector}.{variable.name}" if instance.sector else variable.name
        return replace(
            variable, name=name, components=components, sector=instance.sector, kind=kind_of(name, components)
        )


def path_key(path: str) -> str:
    """Key of a name with modules, such as `Lake."rain/month"`; the dot of the main model stays in front.

    Examples
    --------
    >>> path_key('Big_Lake."rain/month"'), path_key(".area")
    ('big lake.rain/month', '.area')
    """
    return key(re.sub(r'"((?:\\"|[^"])*+)"', r"\1", path.replace("\\n", " ")))


def _found(path: str, prefix: str, known: set[str]) -> str | None:
    """Full key of a path written in an instance."""
    if path.startswith("."):
        return path[1:] if path[1:] in known else None
    return next((k for k in (prefix + path, path) if k in known), None)


@dataclass
class _Scope:
    """Resolve names in the equations of one instance to full keys."""

    part: Part
    prefix: str
    words: frozenset[str]

    def __post_init__(self) -> None:
        self.modules = {key(plain(n.get("name", ""))) for n in self.part.modules}

    def full(self, name: str) -> str | None:
        """Full key of a name; None if the instance does not have it."""
        if name.startswith("."):
            return name[1:]
        if name in self.part.variables or name.partition(".")[0] in self.modules:
            return self.prefix + name
        return None

    def qualified(self, expr: Expr) -> Expr:
        """An expression with full keys."""
        match expr:
            case Op(op, args):
                return Op(op, tuple(map(self.qualified, args)))
            case Ref(name, subs):
                return Ref(self.full(name) or name, tuple(map(self.subscript, subs)))
            case Call(name, args, subs):
                return Call(
                    (self.full(name) or name) if len(args) == 1 else name,
                    tuple(map(self.qualified, args)),
                    tuple(map(self.subscript, subs)),
                )
            case _:
                return expr

    def subscript(self, sub: str) -> str:
        """A subscript, which is a variable only where it is not an element or a dimension."""
        k = key(sub)
        return self.prefix + k if k in self.part.variables and k not in self.words else sub


def macros_of(root: Any, read: Callable[[Any], Part], file: str) -> dict[str, Macro]:
    """Macros of a file, by key: parameters in <parm>, the result in <eqn>, other equations in <variables>.

    Raises
    ------
    ReadError
        If a macro has no equation.
    """
    out: dict[str, Macro] = {}
    for node in every(root, "macro"):
        name = plain(node.get("name", ""))
        where = f"{file}:{node.sourceline}: the macro '{name}'"
        equation = text_of(node, "eqn")
        if not name or equation is None or not equation.strip():
            raise ReadError(f"{where} has no equation.")
        parameters = tuple(key(plain("".join(p.itertext()))) for p in every(node, "parm"))
        part = read(node)
        names = {**{k: v.name for k, v in part.variables.items()}, **{p: p for p in parameters}}
        result = parse_xmile(equation, where, names)
        part.variables[key(name)] = Variable(
            name, "auxiliary", (Component((), (), result),), file=file, line=int(node.sourceline or 0)
        )
        arrays = Arrays({}, {}, names, {})
        out[key(name)] = Macro(name, parameters, {k: resolve_references(v, arrays) for k, v in part.variables.items()})
    return out
