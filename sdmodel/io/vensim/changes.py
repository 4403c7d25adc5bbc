"""Vensim changes files (`.cin`): values of constants, one `name = value` a line."""

from __future__ import annotations

from sdmodel.core.errors import ScenarioError
from sdmodel.core.expression import Number, to_text
from sdmodel.core.scenario import Scenario
from sdmodel.io.vensim.write import quoted


def to_cin(scenario: Scenario) -> str:
    """The values of a scenario as a Vensim changes file.

    Parameters
    ----------
    scenario
        Values only: a changes file cannot hold schedules.

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
        stem, bracket, subs = name.partition("[")
        lines.append(f"{quoted(stem)}{bracket}{subs} = {to_text(Number(value))}")
    return "\n".join([*lines, ""])
