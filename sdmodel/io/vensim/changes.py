"""Read and write Vensim's changes files (`.cin`): constants and their values, one per line.

The format is described at https://vensim.com/documentation/cin_files.html.
"""

from __future__ import annotations

import re
from collections.abc import Container

from sdmodel.core.errors import ScenarioError, UnsupportedError
from sdmodel.core.expression import Number, key, to_text
from sdmodel.core.labels import join_label, split_label
from sdmodel.core.scenario import Scenario
from sdmodel.core.text import shorten
from sdmodel.io.tables import is_number, number
from sdmodel.io.vensim.write import quoted

_ENTRY = re.compile(r'("(?:[^"\\]|\\.)*"|[^"=<>\[\](:]+?)\s*(\[[^\]=]*\])?\s*(=|\(|:IS:)(.*)', re.IGNORECASE)
_LOW = re.compile(r"\s*[-+.\deE]+\s*<=")


def to_cin(scenario: Scenario, known: Container[str] = ()) -> str:
    """The values of a scenario as a Vensim changes file.

    Parameters
    ----------
    scenario
        Values only: a changes file cannot hold schedules.
    known
        Keys of the model's variables (``model.equations``), needed for names that contain brackets.

    Returns
    -------
    str

    Raises
    ------
    ScenarioError
        If the scenario holds schedules.

    Examples
    --------
    >>> from sdmodel.core.scenario import Scenario
    >>> print(to_cin(Scenario(values={"exit start": 2019.5})), end="")
    exit start = 2019.5
    """
    if scenario.paths:
        raise ScenarioError(
            f"Scenario '{scenario.name}' gives '{next(iter(scenario.paths))}' a schedule; a .cin file holds values "
            "only. Replace the constant in the model with model.replace and write that with model.write."
        )
    lines = []
    for name, value in scenario.values.items():
        stem, elements = split_label(name, known)
        lines.append(f"{join_label(quoted(stem), [quoted(e) for e in elements])} = {to_text(Number(value))}")
    return "\n".join([*lines, ""])


def parse_cin(text: str, file: str) -> dict[str, float]:
    """Values by label (`name` or `name[a,b]`); the last line for a constant counts.

    The notation of optimization control files, ``low <= name = value <= high``, is read too; its bounds and the
    settings of the optimizer (lines that begin with a colon) change no constant.

    Raises
    ------
    UnsupportedError
        If a line changes a lookup or a string variable, or gives several elements at once.
    ScenarioError
        If a line is not ``name = number``.
    """
    out: dict[str, float] = {}
    spelling: dict[str, str] = {}
    for at, line in enumerate(text.splitlines(), 1):
        where = f"{file}, line {at}"
        if not line.strip() or line.lstrip().startswith(":"):
            continue
        found = _ENTRY.fullmatch(_LOW.sub("", line, count=1).strip())
        if found is None:
            raise ScenarioError(f"{where}: '{shorten(line.strip(), 40)}' is not of the form NAME = NUMBER.")
        name, subscripts, sign, rest = found.groups()
        name = name.strip()
        if sign != "=":
            kind = "a lookup" if sign == "(" else "a string variable"
            raise UnsupportedError(f"{where}: '{name}' is {kind}; a scenario holds constants. Use Model.replace.")
        value = rest.partition("<=")[0].strip()
        if "," in value and all(is_number(part) for part in value.split(",")):
            raise UnsupportedError(f"{where}: several values for '{name}'; write one line for each element.")
        if not is_number(value):
            raise ScenarioError(f"{where}: '{name}' is given '{shorten(value, 40)}', which is not a number.")
        elements = [part.strip() for part in (subscripts or "")[1:-1].split(",")] if subscripts else []
        label = join_label(name.strip('"').replace('\\"', '"'), elements)
        out.pop(spelling.get(key(label), ""), None)
        spelling[key(label)] = label
        out[label] = number(value, where)
    return out
