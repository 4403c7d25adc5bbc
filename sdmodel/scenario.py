"""Scenarios: named values and dated paths for a model's constants, from TOML or from code."""

from __future__ import annotations

import dataclasses
import datetime as dt
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import Any, SupportsFloat

from sdmodel.errors import ScenarioError, UnknownNameError
from sdmodel.expression import key

_KEYS = ("description", "values", "paths")
_PATH_KEYS = ("at", "value", "between")
_BETWEEN = ("step", "linear")


def year(when: float | str | dt.date | dt.datetime) -> float:
    """A time as a number of years: 2014-07-01 is 2014 plus days gone over days in the year.

    Parameters
    ----------
    when
        A number is taken as it is; a date, a datetime or an ISO date string is converted.

    Raises
    ------
    ScenarioError
        If it is none of these.

    Examples
    --------
    >>> year("2015-07-02")
    2015.4986301369863
    """
    if isinstance(when, bool) or when is None:
        raise ScenarioError(f"{when!r} is no time. Give a number such as 2020.5 or a date such as 2020-07-01.")
    if isinstance(when, SupportsFloat):
        return float(when)
    if isinstance(when, str):
        try:
            when = dt.datetime.fromisoformat(when)
        except ValueError:
            raise ScenarioError(
                f"'{when}' is no time. Give a number such as 2020.5 or a date such as 2020-07-01."
            ) from None
    if isinstance(when, dt.date):
        if not isinstance(when, dt.datetime):
            when = dt.datetime(when.year, when.month, when.day)
        when = when.replace(tzinfo=None)
        start, end = dt.datetime(when.year, 1, 1), dt.datetime(when.year + 1, 1, 1)
        return when.year + (when - start) / (end - start)
    raise ScenarioError(f"{when!r} is no time. Give a number such as 2020.5 or a date such as 2020-07-01.")


@dataclass(frozen=True, slots=True)
class Path:
    """A value over time: `value[i]` holds from `at[i]` on (`step`), or knots are joined by lines (`linear`).

    Before the first date the path has its first value and after the last date its last.
    """

    at: tuple[float, ...]
    value: tuple[float, ...]
    between: str = "step"

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", tuple(year(t) for t in self.at))
        object.__setattr__(self, "value", tuple(_number(v, "a path") for v in self.value))
        if self.between not in _BETWEEN:
            raise ScenarioError(f"A path goes by '{self.between}'; it can go by 'step' or 'linear'.")
        if not self.at or len(self.at) != len(self.value):
            raise ScenarioError(
                f"A path needs as many values as dates, at least one: {len(self.at)} and {len(self.value)}."
            )
        if any(b <= a for a, b in zip(self.at, self.at[1:], strict=False)):
            raise ScenarioError(f"The dates of a path must rise: {', '.join(f'{t:g}' for t in self.at)}.")


@dataclass(frozen=True)
class Scenario:
    """Values and dated paths for constants of a model, under a name."""

    name: str = "base"
    description: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    """Constant by name; an element of a subscripted constant is `name[a,b]`."""
    paths: Mapping[str, Path] = field(default_factory=dict)
    """Dated path by constant."""

    def __post_init__(self) -> None:
        values = {name: _number(value, f"'{name}'") for name, value in self.values.items()}
        object.__setattr__(self, "values", MappingProxyType(values))
        object.__setattr__(self, "paths", MappingProxyType(dict(self.paths)))
        both = sorted(set(self.values) & set(self.paths))
        if both:
            raise ScenarioError(f"Scenario '{self.name}' gives '{both[0]}' both a value and a path.")

    def __reduce__(self) -> tuple[Any, ...]:
        return (Scenario, (self.name, self.description, dict(self.values), dict(self.paths)))

    def with_values(self, values: Mapping[str, float], name: str | None = None) -> Scenario:
        """The same scenario with further values on top; a value takes the place of a path of that name."""
        taken = {key(name) for name in values}
        paths = {name: p for name, p in self.paths.items() if key(name) not in taken}
        return dataclasses.replace(self, name=name or self.name, values={**self.values, **values}, paths=paths)

    def to_cin(self) -> str:
        """The values as a Vensim changes file (`.cin`).

        Returns
        -------
        str

        Raises
        ------
        ScenarioError
            If the scenario holds dated paths, which a changes file cannot say.

        Examples
        --------
        >>> print(Scenario(values={"exit start": 2019.5}).to_cin(), end="")
        exit start = 2019.5
        """
        from sdmodel.write import to_cin

        if self.paths:
            raise ScenarioError(
                f"Scenario '{self.name}' gives '{next(iter(self.paths))}' a path; a .cin file holds values only. "
                "Replace it in the model with model.replace and write that with model.write."
            )
        return to_cin(dict(self.values))


def _number(value: Any, what: str) -> float:
    if isinstance(value, (dt.date, dt.datetime)):
        return year(value)
    try:
        if isinstance(value, (bool, str)):
            raise TypeError
        return float(value)
    except (TypeError, ValueError):
        raise ScenarioError(f"{what} is given {value!r}, which is no number.") from None


def scenarios_from(table: Mapping[str, Any], file: str) -> dict[str, Scenario]:
    """Scenarios from the `[scenarios]` table of a TOML file.

    Raises
    ------
    ScenarioError
        If a key is unknown or an entry is not well formed; the message names file and scenario.
    """
    out: dict[str, Scenario] = {}
    _table(table, f"{file}: scenarios")
    for name, body in table.items():
        _table(body, f"{file}: scenario '{name}'")
        _known(body, _KEYS, f"{file}: scenario '{name}'")
        for part in ("values", "paths"):
            _table(body.get(part, {}), f"{file}: scenario '{name}': {part}")
        try:
            paths = {}
            for variable, given in body.get("paths", {}).items():
                _table(given, f"the path of '{variable}'")
                _known(given, _PATH_KEYS, f"the path of '{variable}'")
                if not {"at", "value"} <= set(given):
                    raise ScenarioError(f"the path of '{variable}' needs both at and value.")
                if not all(isinstance(given[part], list) for part in ("at", "value")):
                    raise ScenarioError(f"the path of '{variable}' needs a list of dates and a list of values.")
                paths[variable] = Path(tuple(given["at"]), tuple(given["value"]), given.get("between", "step"))
            out[name] = Scenario(name, str(body.get("description", "")), dict(body.get("values", {})), paths)
        except ScenarioError as error:
            raise ScenarioError(f"{file}: scenario '{name}': {error}") from error
    return out


def _table(body: Any, where: str) -> None:
    if not isinstance(body, Mapping):
        raise ScenarioError(f'{where} must be a table, such as {{ "exit start" = 2020 }}; it is {body!r}.')


def _known(body: Mapping[str, Any], keys: tuple[str, ...], where: str) -> None:
    for name in body:
        if name not in keys:
            raise ScenarioError(
                f"{where}: {UnknownNameError(name, keys, 'key', f'The keys are {chr(44).join(keys)}.')}"
            )


def load_scenarios(path: str | FilePath) -> dict[str, Scenario]:
    """Scenarios of a TOML file with tables `[scenarios.NAME]`.

    Parameters
    ----------
    path
        The file. Dates are accepted wherever a time is.

    Returns
    -------
    dict
        Scenario by name.

    Raises
    ------
    ScenarioError
        If the file is no TOML or an entry is not well formed.
    """
    file = FilePath(path)
    try:
        data = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ScenarioError(f"{file.name} cannot be opened: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{file.name} is no TOML: {error}.") from error
    _known(data, ("scenarios", "title", "description", "sectors", "stand_ins"), file.name)
    return scenarios_from(data.get("scenarios", {}), file.name)
