"""The noun `Site`: a call of a function and where it stands."""

from __future__ import annotations

from dataclasses import dataclass

from sdmodel.compile.scalars import Env
from sdmodel.core.expression import Call
from sdmodel.core.structure import Variable


@dataclass(frozen=True, slots=True)
class Site:
    """A call and where it stands."""

    call: Call
    env: Env
    variable: Variable
    initial: bool
    where: str
