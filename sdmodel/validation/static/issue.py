"""What a checker says about a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sdmodel.core.structure import Variable


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is, or may be, wrong with a variable of a model.

    An error is a finding that could make a number wrong or that stops a run or a sweep; everything else is a
    warning.
    """

    level: Literal["error", "warning"]
    kind: str
    """units | names | equations | unused | range | sampling | role | source | sentence"""
    variable: str
    where: str
    """File and line."""
    message: str


def finding(level: Literal["error", "warning"], kind: str, variable: Variable, message: str) -> Finding:
    """Make a finding about `variable`, placed where its file says it stands."""
    return Finding(level, kind, variable.name, variable.where, message)
