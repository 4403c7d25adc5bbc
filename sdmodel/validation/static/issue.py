"""Issues found by the static checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sdmodel.core.structure import Variable


@dataclass(frozen=True, slots=True)
class Issue:
    """A problem, or possible problem, of a variable of a model.

    An error could make a number wrong or stops a run or a sweep; everything else is a warning.
    """

    level: Literal["error", "warning"]
    kind: str
    """units | names | equations | unused | range | sampling | role | source | sentence"""
    variable: str
    where: str
    """File and line."""
    message: str


def issue(level: Literal["error", "warning"], kind: str, variable: Variable, message: str) -> Issue:
    """Make an issue of `variable`, located by its file and line."""
    return Issue(level, kind, variable.name, variable.where, message)
