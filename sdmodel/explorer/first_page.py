"""The first page: what `NAME.explorer.toml` beside a model chooses, checked against the model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sdmodel.core.arguments import kind, refuse
from sdmodel.core.errors import ReadError, SdmodelError
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure
from sdmodel.core.text import shorten
from sdmodel.explorer.kernel import PageKernel, PageKernels
from sdmodel.io.files import MAX_TOML_BYTES, parse_toml, read_bytes
from sdmodel.io.scenarios import scenarios_from
from sdmodel.solve.inputs import resolve_scenario

_Shapes = Mapping[str, tuple[type, type, str]]
_NAMES, _TEXT, _TABLE = (list, str, "a list of names"), (str, str, "a text"), (dict, object, "a table")
_PAGE: _Shapes = {
    "levers": _NAMES, "outcomes": _NAMES, "money": _TEXT,
    "scenarios": (list, dict, "tables [[scenarios]]"), "zh": (dict, str, "a table of texts"),
}  # fmt: skip
"""Type of each key, of the values inside, and what they are in words."""
_ARM: _Shapes = dict.fromkeys(("name", "text", "question", "asks", "finding", "link"), _TEXT) | dict.fromkeys(
    ("values", "paths"), _TABLE
)


def front_file(structure: Structure) -> Path | None:
    """The file of the first page; None if there is none."""
    path = structure.path and structure.path.with_name(f"{structure.path.stem}.explorer.toml")
    return path if path and path.is_file() else None


def first_page(
    kernels: PageKernels, outcomes: Sequence[str], movable: Sequence[str], findings: Mapping[str, tuple[str, str]]
) -> dict[str, Any]:
    """What the page shows first, as a JSON object.

    Parameters
    ----------
    kernels
        The model.
    outcomes
        Labels from which the charts are taken if the file chooses none.
    movable
        Constants that the page can move.
    findings
        Text and address of the finding of each question.
    """
    kind("findings", findings, types=(Mapping,), need="text and address by question")
    for given in findings.values():
        if not (isinstance(given, tuple) and len(given) == 2 and all(isinstance(part, str) for part in given)):
            raise refuse("findings", given, "a text and an address, both as strings")
    structure, kernel = kernels.structure, kernels.main
    path = front_file(structure)
    file = path.name if path else ""
    try:
        page = parse_toml(read_bytes(path, MAX_TOML_BYTES), file) if path else {}
        _check(page, _PAGE, "the first page")
        money = page.get("money", "")
        return {
            "levers": [_lever(structure, movable, name) for name in page.get("levers", [])],
            "outcomes": [_label(structure, kernel, name) for name in page.get("outcomes", [])] or outcomes[:4],
            "money": money and _label(structure, kernel, money),
            "scenarios": [_arm(kernels, findings, arm, file) for arm in page.get("scenarios", [])],
            "zh": page.get("zh", {}),
        }
    except SdmodelError as error:
        raise ReadError(str(error) if file in str(error) else f"{file}: {error}") from error


def in_places(kernels: PageKernels, scenario: Scenario) -> dict[str, Any] | None:
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


def _check(table: Mapping[str, Any], shapes: _Shapes, what: str) -> None:
    for name, value in table.items():
        if name not in shapes:
            raise ReadError(f"{what} knows no '{name}'; it has {', '.join(shapes)}.")
        whole, part, words = shapes[name]
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        if not isinstance(value, whole) or not all(isinstance(x, part) for x in inside):
            raise ReadError(f"{what}: '{name}' is {shorten(repr(value), 40)}; give {words}.")


def _lever(structure: Structure, movable: Sequence[str], name: str) -> str:
    found = name if name in movable else structure[name].name
    if found not in movable:
        raise ReadError(f"'{found}' among the levers is not a constant that the page can move.")
    return found


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


def _arm(
    kernels: PageKernels, findings: Mapping[str, tuple[str, str]], arm: Mapping[str, Any], file: str
) -> dict[str, Any]:
    """A scenario of the first page: its own values and schedules, or the model's scenario of that name."""
    _check(arm, _ARM, "a scenario")
    name = arm.get("name")
    if name is None:
        raise ReadError(f"a scenario needs a name; it has {', '.join(_ARM)}.")
    own = {key: arm[key] for key in ("values", "paths") if key in arm}
    scenario = (
        scenarios_from({name: own | {"description": arm.get("text", "")}}, file)[name]
        if own
        else kernels.structure.scenario(name)
    )
    found = in_places(kernels, scenario)
    if found is None:
        raise ReadError(f"the scenario '{name}' sets what cannot change in the page.")
    finding, link = findings.get(arm.get("question", ""), (arm.get("finding", ""), arm.get("link", "")))
    return found | {"asks": arm.get("asks", ""), "finding": finding, "link": link}
