"""What a model holds, in groups: levers, uncertainties and outcomes, or all variables of a file without markers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields

from sdmodel.compile.parameters import constant_values
from sdmodel.core.structure import Structure, Variable

KINDS = {"stock": "Stocks", "constant": "Constants", "auxiliary": "Auxiliaries", "lookup": "Lookups", "data": "Data"}
UNGROUPED = "Others"
UNCERTAINTIES = "Uncertainties and switches"


@dataclass(frozen=True)
class Entry:
    """One variable: its value (constants only), unit, admissible range and meaning, as text."""

    name: str
    value: str
    unit: str
    range: str
    meaning: str


@dataclass(frozen=True)
class Section:
    """Variables with one role, by sector, or by group of the file where all are of one sector."""

    title: str
    groups: Mapping[str, Sequence[Entry]] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """Names of the parts of an entry that some entry of the section has."""
        every = [entry for entries in self.groups.values() for entry in entries]
        return [one.name for one in fields(Entry) if any(getattr(entry, one.name) for entry in every)]

    def rows(self, entries: Sequence[Entry]) -> list[tuple[str, ...]]:
        """Entries as rows below these columns."""
        return [tuple(getattr(entry, name) for name in self.columns) for entry in entries]

    @property
    def size(self) -> int:
        """Number of variables."""
        return sum(map(len, self.groups.values()))


def overview(model: Structure) -> list[Section]:
    """Sections of a model: levers, uncertainties with switches, outcomes; without roles every variable by kind."""
    every = [v for v in model.equations.values() if v.kind != "control"]
    found = {
        "Levers": [v for v in every if v.role == "lever"],
        UNCERTAINTIES: [v for v in every if v.role in ("uncertainty", "switch")],
        "Outcomes": [v for v in every if v.outcome],
    }
    if not any(found.values()):
        found = {title: [v for v in every if v.kind == kind] for kind, title in KINDS.items()}
    return [section(model, title, variables) for title, variables in found.items() if variables]


def section(model: Structure, title: str, variables: Iterable[Variable]) -> Section:
    """A section of some variables."""
    values: dict[str, list[float]] = {}
    for variable, value in constant_values(model).values():
        values.setdefault(variable.key, []).append(value)
    some = list(variables)
    by_sector = len(model.sectors) > 1 and len({v.sector for v in some}) > 1
    groups: dict[str, list[Entry]] = {}
    for v in some:
        group = (v.sector if by_sector else v.group) or UNGROUPED
        entry = Entry(v.name, _numbers(values.get(v.key, [])), v.unit, _range(v), v.sentence or v.documentation)
        groups.setdefault(group, []).append(entry)
    return Section(title, groups)


def _numbers(values: Sequence[float]) -> str:
    known = [value for value in values if value == value]  # NaN: not a literal
    if not known:
        return ""
    if len(set(known)) == 1:
        return f"{known[0]:g}"
    return f"{min(known):g} to {max(known):g}"


def _range(variable: Variable) -> str:
    low, high = variable.low, variable.high
    if low == -float("inf") and high == float("inf"):
        return ""
    if high == float("inf"):
        return f"from {low:g}"
    return f"up to {high:g}" if low == -float("inf") else f"{low:g} to {high:g}"
