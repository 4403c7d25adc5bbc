"""`Structure`: the frozen set of equations, subscript ranges and scenarios that a model consists of."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sdmodel.core.arguments import kind
from sdmodel.core.calendar import counts_years
from sdmodel.core.errors import EquationError, UnknownNameError
from sdmodel.core.expression import INTEGRALS, Array, Call, Expr, Number, Table, key, names_in
from sdmodel.core.frozen import FrozenDict
from sdmodel.core.labels import split_label
from sdmodel.core.notation import formula

if TYPE_CHECKING:
    import pandas as pd

    from sdmodel.core.scenario import Scenario

CONTROL = ("initial time", "final time", "time step", "saveper")


@dataclass(frozen=True, slots=True)
class Source:
    """Reference for a value or statement: a key of `models/sources.toml` and the location in that source."""

    key: str
    locator: str = ""


@dataclass(frozen=True, slots=True)
class Component:
    """One equation of a variable: its left-hand subscripts, the excepted ones, and the formula."""

    subs: tuple[str, ...]
    excepts: tuple[tuple[str, ...], ...]
    expr: Expr


@dataclass(frozen=True, slots=True)
class SubscriptRange:
    """A subscript range: its elements in order and the ranges it is mapped to.

    `mappings` gives for each range name the elements of that range in the order of `elements`.
    """

    name: str
    elements: tuple[str, ...]
    mappings: Mapping[str, tuple[str, ...]] = field(default_factory=FrozenDict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "mappings", FrozenDict(self.mappings))


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of a model, with all information from its file."""

    name: str
    """Spelling of the file, without quotes."""
    kind: str
    """constant | auxiliary | stock | lookup | data | control"""
    components: tuple[Component, ...]
    unit: str = ""
    limits: tuple[float | None, ...] = ()
    """Admissible range (low, high[, step]); None is open."""
    sentence: str = ""
    """Documentation without its markers."""
    documentation: str = ""
    """Documentation as written."""
    role: str = ""
    """lever | uncertainty | switch | fixed | input (boundary input), else empty"""
    ids: tuple[str, ...] = ()
    """Policy instruments that a lever represents (P01, ...)."""
    distribution: str = ""
    origin: str = ""
    """Sector that defines the variable of this boundary input."""
    outcome: bool = False
    sources: tuple[Source, ...] = ()
    group: str = ""
    sector: str = ""
    file: str = ""
    line: int = 0

    @property
    def key(self) -> str:
        """Normalised name that identifies the variable (see `sdmodel.core.expression.key`)."""
        return key(self.name)

    @property
    def low(self) -> float:
        """Lower end of the admissible range; minus infinity if open."""
        return -float("inf") if not self.limits or self.limits[0] is None else self.limits[0]

    @property
    def high(self) -> float:
        """Upper end of the admissible range; infinity if open."""
        return float("inf") if len(self.limits) < 2 or self.limits[1] is None else self.limits[1]

    @property
    def where(self) -> str:
        """File and line for messages."""
        return f"{self.file}:{self.line}" if self.line else self.file

    def reads(self) -> set[str]:
        """Keys of all names in its equations, including names of functions."""
        return set().union(*(names_in(c.expr) for c in self.components))


@dataclass(frozen=True, repr=False)
class Structure:
    """Immutable stock-and-flow structure: variables, subscript ranges and scenarios.

    The engine and the analyses work on a `Structure`; `sdmodel.Model` adds methods that call them.
    """

    name: str
    equations: Mapping[str, Variable]
    """Every variable by its key, in file order."""
    ranges: Mapping[str, SubscriptRange] = field(default_factory=FrozenDict)
    """Subscript ranges by their name in lower case."""
    scenarios: Mapping[str, Scenario] = field(default_factory=FrozenDict)
    sectors: tuple[str, ...] = ()
    path: Path | None = None
    synonyms: tuple[tuple[str, ...], ...] = ()
    """Unit synonyms of the file (Vensim's `22:` lines)."""
    method: str = ""
    """Integration method in the file, if any."""
    external: Mapping[str, float | Table] = field(default_factory=FrozenDict)
    """Values read by GET XLS/DIRECT functions and from data files: a number or a series by element label."""

    def __post_init__(self) -> None:
        for name in ("equations", "ranges", "scenarios", "external"):
            mapping = getattr(self, name)
            if not isinstance(mapping, FrozenDict):
                object.__setattr__(self, name, FrozenDict(mapping))

    def __hash__(self) -> int:
        return hash((self.name, self.equations))

    def __getitem__(self, name: str) -> Variable:
        kind("name", name, types=(str,), need="the name of one variable")
        found = self.equations.get(key(name))
        if found is None:
            raise UnknownNameError(name, (v.name for v in self.equations.values()))
        return found

    def owner(self, label: str) -> Variable:
        """Variable of a label: its name, or `name[a,b]` for an element.

        A quoted name may contain brackets (``cost [CNY]``), so the whole label is looked up first.
        """
        return self[split_label(label, self.equations)[0]]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and key(name) in self.equations

    def __repr__(self) -> str:
        kinds = [v.kind for v in self.equations.values()]
        return (
            f"<{type(self).__name__} {self.name!r}: {kinds.count('stock')} stocks, "
            f"{kinds.count('auxiliary')} auxiliaries, {kinds.count('constant')} constants>"
        )

    @property
    def variables(self) -> pd.DataFrame:
        """All variables: index name; columns kind, unit, low, high, role, sector, source, sentence, equation."""
        import pandas as pd

        spell = {"time": "Time", **{k: v.name for k, v in self.equations.items()}}
        rows = [
            {
                "name": v.name,
                "kind": v.kind,
                "unit": v.unit,
                "low": v.low,
                "high": v.high,
                "role": v.role,
                "sector": v.sector,
                "source": "; ".join(f"{s.key}, {s.locator}" if s.locator else s.key for s in v.sources),
                "sentence": v.sentence,
                "equation": "; ".join(formula(c.expr, v.file, spell) for c in v.components),
            }
            for v in self.equations.values()
        ]
        return pd.DataFrame(rows).set_index("name")

    @cached_property
    def fingerprint(self) -> str:
        """Short hash of the equations: equal for models with the same equations; documentation is ignored."""
        import hashlib

        equations = [(k, v.components) for k, v in self.equations.items()]
        text = repr(equations + list(self.ranges.items()) + list(self.external.items()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Names of the variables marked `[outcome]`."""
        return tuple(v.name for v in self.equations.values() if v.outcome)

    def causes(self, name: str) -> tuple[str, ...]:
        """Names of the variables that the equations of `name` read, in file order."""
        read = self[name].reads()
        return tuple(v.name for k, v in self.equations.items() if k in read)

    def uses(self, name: str) -> tuple[str, ...]:
        """Names of the variables whose equations read `name`, in file order."""
        return tuple(self._readers.get(self[name].key, ()))

    @cached_property
    def _readers(self) -> dict[str, list[str]]:
        """By key: names of the variables that read it, in file order."""
        out: dict[str, list[str]] = {}
        for variable in self.equations.values():
            for k in variable.reads():
                out.setdefault(k, []).append(variable.name)
        return out

    def with_variable(self, variable: Variable) -> Self:
        """Return a structure with `variable` added, or replaced if the name exists."""
        equations = dict(self.equations)
        equations[variable.key] = variable
        return dataclasses.replace(self, equations=FrozenDict(equations))

    def scenario(self, name: str) -> Scenario:
        """Scenario with the given name from the model's TOML files."""
        kind("scenario", name, types=(str,), need="the name of a scenario")
        if name not in self.scenarios:
            raise UnknownNameError(name, self.scenarios, "scenario", f"{self.name} has {len(self.scenarios)} of them.")
        return self.scenarios[name]

    @property
    def time_unit(self) -> str:
        """Unit of time, which is that of TIME STEP."""
        found = self.equations.get("time step")
        return found.unit if found is not None else ""

    @property
    def in_years(self) -> bool:
        """Whether times are years, so that a date is a time (see `sdmodel.core.calendar.counts_years`)."""
        return counts_years(self.time_unit, self.time.get("initial time", 0.0))

    @property
    def time(self) -> dict[str, float]:
        """Control constants by key: initial time, final time, time step, saveper (only those that are numbers)."""
        out: dict[str, float] = {}
        for name in CONTROL:
            variable = self.equations.get(name)
            if variable is not None and isinstance(variable.components[0].expr, Number):
                out[name] = variable.components[0].expr.value
        if "saveper" not in out and "time step" in out:
            out["saveper"] = out["time step"]
        return out


def kind_of(name: str, components: tuple[Component, ...]) -> str:
    """Kind of a variable by its name and equations: constant, auxiliary, stock, lookup, data or control."""
    if key(name) in CONTROL:
        return "control"
    exprs = [c.expr for c in components]
    if all(isinstance(e, (Number, Array)) or (isinstance(e, Call) and e.name == "get constants") for e in exprs):
        return "constant"
    if any(isinstance(e, Call) and e.name in INTEGRALS for e in exprs):
        return "stock"
    if all(isinstance(e, Table) or (isinstance(e, Call) and e.name == "get lookups") for e in exprs):
        return "lookup"
    if all(isinstance(e, Call) and e.name in ("data", "get data") for e in exprs):
        return "data"
    return "auxiliary"


def element_shape(structure: Structure, variable: Variable) -> tuple[tuple[str, ...], ...]:
    """Elements by dimension, merged over the equations of a variable."""
    dims: list[list[str]] = []
    for component in variable.components:
        for place, sub in enumerate(component.subs):
            found = structure.ranges.get(key(sub))
            if len(dims) <= place:
                dims.append([])
            dims[place].extend(e for e in (found.elements if found else (sub,)) if e not in dims[place])
    return tuple(tuple(d) for d in dims)


def dimensions(structure: Structure, variable: Variable) -> list[str]:
    """Names of the ranges of the variable, one per dimension."""
    out = []
    for place, elements in enumerate(element_shape(structure, variable)):
        written = [key(c.subs[place]) for c in variable.components]
        named = [w for w in written if w in structure.ranges and set(structure.ranges[w].elements) == set(elements)]
        named += [k for k, r in structure.ranges.items() if set(r.elements) == set(elements)]
        if not named:
            raise EquationError(f"No subscript range spans dimension {place + 1} of '{variable.name}'.")
        out.append(structure.ranges[named[0]].name)
    return out
