"""Contents of the page: constants with their ranges, variables with their equations, scenarios, and the first page."""

from __future__ import annotations

import dataclasses
import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdmodel.compile.parameters import constant_values
from sdmodel.core.errors import ReadError, SdmodelError
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure, Variable
from sdmodel.core.units import DIMENSIONLESS_WORDS
from sdmodel.explorer.kernel import PageKernel, PageKernels
from sdmodel.solve.inputs import resolve_scenario

SAMPLED = frozenset({"", "uniform", "loguniform", "triangular", "normal", "lognormal", "integer"})
"""Distributions that `page/band.js` samples."""
_CHOICE = re.compile(r"([^(),;]+?)\s*\((\d+)\b[^)]*\)")
_MOST_CHOICES = 8
_ARM_KEYS = frozenset({"name", "text", "values", "question", "asks", "finding", "link"})
_FRONT_KEYS = frozenset({"levers", "outcomes", "money", "scenarios", "zh"})


def _unit(variable: Variable) -> str:
    """The unit as readers see it: nothing for a number without one."""
    return "" if variable.unit.lower() in DIMENSIONLESS_WORDS else variable.unit


def contents(kernels: PageKernels, findings: Mapping[str, tuple[str, str]] | None = None) -> dict[str, Any]:
    """Everything the page shows, as a JSON object; texts are plain and not escaped.

    `findings`: text and address of the finding of each question by its name.
    """
    structure, kernel = kernels.structure, kernels.main
    labels: dict[str, list[int]] = {}
    for i, label in enumerate(kernel.labels):
        labels.setdefault(structure.owner(label).name, []).append(i)
    parameters = _parameters(structure, kernel)
    table = structure.variables
    variables = [
        {
            "name": v.name,
            "kind": v.kind,
            "unit": _unit(v),
            "text": v.sentence,
            "equation": table["equation"][v.name],
            "source": table["source"][v.name],
            "sector": v.sector or v.group,
            "uses": list(structure.uses(v.name)),
            "causes": list(structure.causes(v.name)),
            "labels": labels.get(v.name, []),
        }
        for v in structure.equations.values()
        if v.kind != "control"
    ]
    stocks = [v.name for v in structure.equations.values() if v.kind == "stock"]
    outcomes = [kernel.labels[i] for name in structure.outcomes or stocks for i in labels.get(name, [])]
    front = _front(kernels, outcomes, parameters, findings or {})
    chosen = {s["name"] for s in front["scenarios"]}
    found = [_scenario(kernels, s) for s in structure.scenarios.values() if s.name not in chosen]
    return {
        "name": structure.name,
        "time": {"unit": structure.time_unit, "years": structure.in_years},
        "labels": kernel.labels,
        "defaults": [None if math.isnan(x) else x for x in kernel.program.defaults],
        "parameters": parameters,
        "variables": variables,
        "outcomes": outcomes or list(kernel.labels),
        "scenarios": [s for s in found if s],
        "front": front,
        "kernels": [k.spec for k in kernels.all],
    }


def _parameters(structure: Structure, kernel: PageKernel) -> list[dict[str, Any]]:
    """Constants that can be moved: levers, uncertainties and switches; all of them if none has a role."""
    constants = constant_values(structure)
    marked = any(v.role in ("lever", "uncertainty", "switch") for v, _ in constants.values())
    index = {name: i for i, name in enumerate(kernel.program.parameters)}
    out = []
    for name, (variable, value) in constants.items():
        wanted = variable.role in ("lever", "uncertainty", "switch") if marked else variable.kind == "constant"
        if not wanted or name not in index or name in kernel.fixed_parameters or not math.isfinite(value):
            continue
        out.append(
            {"name": name, "place": index[name], "value": value, **_range(structure, variable, value)}
            | {
                "unit": _unit(variable),
                "text": variable.sentence,
                "role": variable.role if marked else "lever",
                "group": variable.sector or variable.group,
                "ids": list(variable.ids),
                "sampled": variable.role == "uncertainty"
                and variable.distribution in SAMPLED
                and bool(variable.limits),
                "distribution": variable.distribution,
            }
        )
    return out


def _range(structure: Structure, variable: Variable, value: float) -> dict[str, Any]:
    """Range of a control; where the file leaves an end open, as far from zero as the value or twice of it."""
    low, high = variable.low, variable.high
    stated = math.isfinite(low) and math.isfinite(high)
    size = abs(value) or 1.0
    if not math.isfinite(low):
        low = min(0.0, value - size, high)
    if not math.isfinite(high):
        high = max(value + size, low + size)
    date = structure.in_years and variable.unit.lower() in ("year", "years") and low > 1000 and value > 1000
    choices: list[str] = []
    whole = low == int(low) and high == int(high) and 1 <= high - low < _MOST_CHOICES
    if whole and (variable.role == "switch" or variable.distribution == "integer"):
        found = {int(n): _phrase(text) for text, n in _CHOICE.findall(variable.sentence)}
        choices = [found.get(n, "") for n in range(int(low), int(high) + 1)]
    return {"low": low, "high": high, "stated": stated, "date": date, "choices": choices}


def _phrase(text: str) -> str:
    return re.sub(r"^(or|and)\s+", "", text.strip())


def _scenario(kernels: PageKernels, scenario: Scenario) -> dict[str, Any] | None:
    """A scenario by the places of its constants; None where it sets one that cannot change in the page."""
    main = kernels.main
    resolved = resolve_scenario(kernels.structure, None, scenario)
    index = {name: i for i, name in enumerate(main.program.parameters)}
    if any(n not in index for n in resolved.values) or main.fixed_parameters & {*resolved.values, *resolved.paths}:
        return None
    return {
        "name": scenario.name,
        "text": scenario.description,
        "values": {str(index[name]): value for name, value in resolved.values.items()},
        "kernel": kernels.place(resolved),
        "paths": [{"name": name, **dataclasses.asdict(path)} for name, path in resolved.paths.items()],
    }


def front_file(structure: Structure) -> Path | None:
    """The file of the first page beside the model's, `NAME.explorer.toml`; None if there is none."""
    path = structure.path and structure.path.with_name(f"{structure.path.stem}.explorer.toml")
    return path if path and path.is_file() else None


def _front(
    kernels: PageKernels,
    outcomes: list[str],
    parameters: list[dict[str, Any]],
    findings: Mapping[str, tuple[str, str]],
) -> dict[str, Any]:
    """The first page: chosen levers, outcomes and scenarios, each checked against the model."""
    structure, kernel = kernels.structure, kernels.main
    path = front_file(structure)
    if path is None:
        return {
            "levers": [],
            "outcomes": outcomes[:4] or list(kernel.labels[:4]),
            "money": "",
            "scenarios": [],
            "zh": {},
        }
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ReadError(f"{path.name}: {error}.") from error
    unknown = [name for name in given if name not in _FRONT_KEYS]
    if unknown:
        raise ReadError(f"{path.name}: '{unknown[0]}' is not known; there can be {', '.join(sorted(_FRONT_KEYS))}.")
    try:
        movable = {p["name"] for p in parameters}
        for name in given.get("levers", []):
            if name not in movable:
                raise ReadError(f"'{structure[name].name}' among the levers is not a constant that the page can move.")
        chosen = [_label(structure, kernel, name) for name in given.get("outcomes", [])]
        money = given.get("money", "")
        return {
            "levers": given.get("levers", []),
            "outcomes": chosen or outcomes[:4],
            "money": money and _label(structure, kernel, money),
            "scenarios": [_arm(kernels, findings, arm) for arm in given.get("scenarios", [])],
            "zh": given.get("zh", {}),
        }
    except SdmodelError as error:
        raise ReadError(f"{path.name}: {error}") from error


def _label(structure: Structure, kernel: PageKernel, name: str) -> str:
    """A reported label: the name of a variable, or of an element where it has several."""
    if name in kernel.labels:
        return name
    owner = structure[name].name
    found = [label for label in kernel.labels if structure.owner(label).name == owner]
    if not found:
        raise ReadError(f"'{owner}' is a {structure[name].kind} and has no path to draw.")
    if len(found) > 1:
        raise ReadError(f"'{owner}' has {len(found)} elements; name one, such as '{found[0]}'.")
    return found[0]


def _arm(kernels: PageKernels, findings: Mapping[str, tuple[str, str]], arm: Mapping[str, Any]) -> dict[str, Any]:
    """A scenario of the first page: its own values, or those of the model's scenario of that name."""
    unknown = [name for name in arm if name not in _ARM_KEYS]
    if unknown or "name" not in arm:
        wrong = f"knows no '{unknown[0]}'" if unknown else "needs a name"
        raise ReadError(f"a scenario {wrong}; it has {', '.join(sorted(_ARM_KEYS))}.")
    scenario = (
        Scenario(arm["name"], arm.get("text", ""), arm["values"])
        if "values" in arm
        else kernels.structure.scenario(arm["name"])
    )
    found = _scenario(kernels, scenario)
    if found is None:
        raise ReadError(f"the scenario '{arm['name']}' sets what cannot change in the page.")
    finding, link = findings.get(arm.get("question", ""), (arm.get("finding", ""), arm.get("link", "")))
    return found | {"asks": arm.get("asks", ""), "finding": finding, "link": link}
