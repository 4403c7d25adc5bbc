"""Scenarios from TOML files and Vensim's changes files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdmodel.core.arguments import as_path
from sdmodel.core.errors import ReadError, ScenarioError, UnknownNameError, UnsupportedError
from sdmodel.core.scenario import Scenario
from sdmodel.core.schedule import Schedule
from sdmodel.core.text import shorten
from sdmodel.io.files import MAX_TOML_BYTES, decode, not_found, parse_toml, read_bytes
from sdmodel.io.vensim.changes import parse_cin

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
            out[name] = Scenario(name, body.get("description", ""), dict(body.get("values", {})), paths)
        except ScenarioError as error:
            raise ScenarioError(f"{file}: scenario '{name}': {error}") from error
    return out


def _table(body: Any, where: str) -> None:
    if not isinstance(body, Mapping):
        raise ScenarioError(
            f'{where} must be a table, such as {{ "exit start" = 2020 }}; it is {shorten(repr(body), 40)}.'
        )


def _known(body: Mapping[str, Any], keys: tuple[str, ...], where: str) -> None:
    for name in body:
        if name not in keys:
            raise ScenarioError(
                f"{where}: {UnknownNameError(name, keys, 'key', f'The keys are {chr(44).join(keys)}.')}"
            )


def load_scenarios(path: str | Path) -> dict[str, Scenario]:
    """Scenarios of a TOML file with tables `[scenarios.NAME]`, or of a Vensim changes file (`.cin`).

    Parameters
    ----------
    path
        The file. In TOML dates are accepted wherever a time is.

    Returns
    -------
    dict
        Scenarios by name; that of a changes file has the name of the file.

    Raises
    ------
    ScenarioError
        If the file cannot be read or an entry is not well formed.
    UnsupportedError
        If a changes file changes something other than constants.

    Examples
    --------
    >>> import pathlib, sdmodel, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "late.cin"
    >>> _ = path.write_text("exit start = 2022.5")
    >>> dict(sdmodel.load_scenarios(path)["late"].values)
    {'exit start': 2022.5}
    """
    file = as_path("path", path)
    try:
        raw = read_bytes(file, MAX_TOML_BYTES)
        if file.suffix.lower() == ".cin":
            return {file.stem: Scenario(file.stem, values=parse_cin(decode(raw, file.name), file.name))}
        data = parse_toml(raw, file.name)
    except FileNotFoundError:
        raise ScenarioError(f"{not_found(file, ('.toml', '.cin'))}") from None
    except UnsupportedError:
        raise
    except ReadError as error:
        raise ScenarioError(str(error)) from error
    _known(data, ("scenarios", "title", "description", "sectors", "stand_ins"), file.name)
    return scenarios_from(data.get("scenarios", {}), file.name)
