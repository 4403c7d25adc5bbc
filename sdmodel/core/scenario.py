"""Scenarios: named sets of values and schedules for the constants of a model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sdmodel.core import html
from sdmodel.core.errors import ScenarioError
from sdmodel.core.expression import key
from sdmodel.core.frozen import FrozenDict
from sdmodel.core.schedule import Schedule, as_schedule, number
from sdmodel.core.text import shorten

MOST_SHOWN = 6
"""Values, or points of a schedule, that a short form lists."""


@dataclass(frozen=True, repr=False)
class Scenario:
    """Named values and schedules for constants of a model."""

    name: str = "base"
    description: str = ""
    values: Mapping[str, float] = field(default_factory=FrozenDict)
    """Values by name of a constant; an element of a subscripted constant is `name[a,b]`. A value over time (a Schedule,
    a pandas Series, points) becomes a path."""
    paths: Mapping[str, Schedule] = field(default_factory=FrozenDict)
    """Schedules by name of a constant."""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not isinstance(self.description, str):
            raise ScenarioError(
                f"A scenario's name and description are texts, not {self.name!r}, {self.description!r}."
            )
        for part, kind in (("values", "numbers"), ("paths", "schedules")):
            given = getattr(self, part)
            if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
                raise ScenarioError(
                    f"The {part} of a scenario are a mapping from names to {kind}, not {shorten(repr(given), 60)}."
                )
        over_time = {name: path for name, given in self.values.items() if (path := as_schedule(given)) is not None}
        if over_time:
            object.__setattr__(self, "values", {n: v for n, v in self.values.items() if n not in over_time})
            object.__setattr__(self, "paths", {**self.paths, **over_time})
        for name, path in self.paths.items():
            if not isinstance(path, Schedule):
                raise ScenarioError(f"The path of '{name}' is {path!r:.60}; give a Schedule.")
        values = {name: number(value, f"'{name}'") for name, value in self.values.items()}
        object.__setattr__(self, "values", FrozenDict(values))
        object.__setattr__(self, "paths", FrozenDict(self.paths))
        seen: dict[str, tuple[str, str]] = {}
        for part, name in (*(("value", n) for n in self.values), *(("path", n) for n in self.paths)):
            before, first = seen.setdefault(key(name), (part, name))
            if before != part:
                raise ScenarioError(f"Scenario '{self.name}' gives '{first}' both a value and a path.")
            if first != name:
                raise ScenarioError(
                    f"Scenario '{self.name}' gives '{first}' a {part} twice, the second time as '{name}'. Keep one."
                )

    def __repr__(self) -> str:
        parts = [f"{name}={value:g}" for name, value in self.values.items()] + [f"{name}=..." for name in self.paths]
        shown = ", ".join(parts[:MOST_SHOWN]) + (", ..." if len(parts) > MOST_SHOWN else "")
        return f"<Scenario {self.name!r}: {shown or 'as in the file'}>"

    def _repr_html_(self) -> str:
        rows: list[tuple[str, object]] = list(self.values.items())
        for name, path in self.paths.items():
            points = list(zip(path.at, path.value, strict=True))
            steps = ", ".join(f"{value:g} from {time:g}" for time, value in points[:MOST_SHOWN])
            rows.append((name, steps + (", ..." if len(points) > MOST_SHOWN else "")))
        table = html.table(["constant", "value"], rows) if rows else html.paragraph("All values as in the file.")
        return html.block(f"Scenario {self.name}", html.paragraph(self.description), table)

    def with_values(self, values: Mapping[str, Any], name: str | None = None) -> Scenario:
        """Return a copy of the scenario with values added or replaced.

        Parameters
        ----------
        values
            By name of a constant: a number; a Schedule; a pandas Series (a schedule that steps at each of its times);
            or points ``[(2010, 1), (2020, 3)]``, between which values are interpolated. It replaces the value or
            schedule of that constant in the scenario.
        name
            Name of the new scenario; default that of this one.
        """
        taken = {key(name) for name in values}
        numbers = {name: value for name, value in self.values.items() if key(name) not in taken}
        paths = {name: path for name, path in self.paths.items() if key(name) not in taken}
        for constant, value in values.items():
            path = as_schedule(value)
            if path is None:
                numbers[constant] = value
            else:
                paths[constant] = path
        return dataclasses.replace(self, name=name or self.name, values=numbers, paths=paths)
