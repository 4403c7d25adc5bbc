"""Contents of the page: constants with their ranges, variables with their equations, scenarios."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from sdmodel.compile.parameters import constant_values
from sdmodel.core.distributions import quantile
from sdmodel.core.errors import DesignError
from sdmodel.core.structure import Structure, Variable
from sdmodel.core.units import DIMENSIONLESS_WORDS
from sdmodel.explorer.first_page import first_page, in_places
from sdmodel.explorer.kernel import PageKernel, PageKernels

_CHOICE = re.compile(r"([^(),;]+?)\s*\((\d+)\b[^)]*\)")
_MOST_CHOICES = 8


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
    outcomes = outcomes or list(kernel.labels)
    front = first_page(kernels, outcomes, [p["name"] for p in parameters], findings or {})
    chosen = {s["name"] for s in front["scenarios"]}
    found = [in_places(kernels, s) for s in structure.scenarios.values() if s.name not in chosen]
    return {
        "name": structure.name,
        "time": {"unit": structure.time_unit, "years": structure.in_years},
        "labels": kernel.labels,
        "defaults": [None if math.isnan(x) else x for x in kernel.program.defaults],
        "parameters": parameters,
        "variables": variables,
        "outcomes": outcomes,
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
                "sampled": variable.role == "uncertainty" and _sampled(variable, value),
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


def _sampled(variable: Variable, value: float) -> bool:
    """Whether a constant has a distribution that fits its range; `page/band.js` then draws it in the same way."""
    try:
        quantile(np.array([0.5]), variable.name, variable.distribution, value, variable.low, variable.high)
    except DesignError:
        return False
    return True


def _phrase(text: str) -> str:
    return re.sub(r"^(or|and)\s+", "", text.strip())
