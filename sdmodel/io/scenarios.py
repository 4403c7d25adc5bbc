"""Scenarios from TOML files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdmodel.core.errors import ScenarioError, UnknownNameError
from sdmodel.core.scenario import Scenario
from sdmodel.core.schedule import Schedule

_KEYS = ("description", "values", "paths")


_PATH_KEYS = ("at", "value", "between")


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
                paths[variable] = Schedule(tuple(given["at"]), tuple(given["value"]), given.get("between", "step"))
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


def load_scenarios(path: str | Path) -> dict[str, Scenario]:
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
    file = Path(path)
    try:
        data = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ScenarioError(f"{file.name} cannot be opened: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{file.name} is no TOML: {error}.") from error
    _known(data, ("scenarios", "title", "description", "sectors", "stand_ins"), file.name)
    return scenarios_from(data.get("scenarios", {}), file.name)
