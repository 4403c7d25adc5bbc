"""A temporary shortfall of money: a part of the cash margin of all firms is gone for some years."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.core.expression import Call, Op, Ref, key
from sdmodel.core.structure import Component
from sdmodel.experiments.beyond import Beyond
from sdmodel.study.effects import Measure

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from sdmodel.model import Model
    from sdmodel.study.answer import Answer
    from sdmodel.study.arms import Arms

KEPT = "kept part of the margin"
LEFT, BEGINS, LENGTH, EDGE, AFTER = 0.5, 2018.0, 3.0, 0.25, 2.0
"""Part of the cash margin that a shortfall leaves, its start, its length, the time over which it comes and goes, and
the years after it that are looked at as well."""


def shortened(model: Model) -> Model:
    """The model with a part of the cash margin, over time, that firms keep."""
    kept = replace(
        model["demand index"],
        name=KEPT,
        kind="data",
        components=(Component((), (), Call("data", ())),),
        documentation="Part of the cash margin that firms keep.",
        sentence="Part of the cash margin that firms keep.",
    )
    surplus = model["operating surplus"]
    parts = tuple(replace(c, expr=Op("*", (c.expr, Ref(key(KEPT))))) for c in surplus.components)
    return model.with_variable(kept).with_variable(replace(surplus, components=parts))


def shortfalls(lengths: np.ndarray) -> xr.Dataset:
    """The part kept in each run, for shortfalls of some lengths in years; none where the length is nil."""
    import xarray as xr

    time = np.unique([2009.0, *(BEGINS + d + e for d in (0.0, *lengths) for e in (0.0, EDGE)), 2034.0])
    rows = np.ones((len(lengths), len(time)))
    for row, length in zip(rows, lengths, strict=True):
        if length > 0:
            row[:] = np.interp(
                time, [BEGINS, BEGINS + EDGE, BEGINS + length, BEGINS + length + EDGE], [1.0, LEFT, LEFT, 1.0]
            )
    return xr.Dataset({KEPT: (("run", "time"), rows)}, {"time": time})


def during(name: str) -> Measure:
    """Mean of a variable from the start of the shortfall to two years after it."""

    def of(found: xr.Dataset, _: pd.DataFrame) -> xr.DataArray:
        return found[name].sel(time=slice(BEGINS, BEGINS + LENGTH + AFTER)).mean("time")

    return Measure((name,), of)


@dataclass(frozen=True)
class Shortfalls(Beyond):
    """A question some of whose arms are run again with the shortfall."""

    hit: Mapping[str, str] = field(default_factory=dict)
    """Name of the arm with the shortfall, by the arm without it."""

    def run(self, arms: Arms, stage: str, **how: Any) -> Answer:
        """As `Question.run`, with the arms that are hit."""
        answer = super().run(arms, stage, **how)
        settings = {name: self.arms[arm] for arm, name in self.hit.items()}
        paths = shortfalls(np.full(len(settings) * len(arms.draws), LENGTH))
        found = arms.run(f"{stage} shortfall", settings, model=shortened(arms.model), data=paths)
        answer.paired.add(found, self.measures, arms.draws)
        return answer
