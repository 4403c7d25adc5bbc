"""Partial models: each sector alone, with inputs from others fixed, shows the behaviour stated for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sdmodel.core.expression import Op, Ref, key
from sdmodel.core.schedule import Schedule
from sdmodel.core.structure import Component, Structure, dimensions
from sdmodel.edit import schedule_expression
from sdmodel.solve.run import run
from sdmodel.validation.confidence.behaviour_modes import strength
from sdmodel.validation.confidence.result import Row, pass_or_miss
from sdmodel.validation.spec import Behaviour, Spec, Steps

if TYPE_CHECKING:
    import pandas as pd


def behaves(model: Structure, behaviour: Behaviour) -> tuple[float, bool]:
    """Strength of a behaviour relative to the size of the path, and whether it is sufficient.

    Parameters
    ----------
    model
        The model, run alone.
    behaviour
        The stated behaviour.
    """
    y = _path(model, behaviour, behaviour.set)
    size = np.abs(y).max()
    if behaviour.against is not None:
        other = _path(model, behaviour, behaviour.against, plain=True)
        size, y = np.abs(other).max() or size, y - other
    shown = strength(y, behaviour.expect) / (size or 1.0)
    enough = shown >= -behaviour.least if behaviour.expect == "stays" else shown >= behaviour.least
    return shown, bool(enough)


def _path(model: Structure, behaviour: Behaviour, values: Mapping[str, float], plain: bool = False) -> np.ndarray:
    steps = {} if plain else behaviour.steps
    given = {_before(n) if n in steps else n: v for n, v in values.items()}
    result = run(with_steps(model, steps), given, every=_every(model), method="exact")
    found: pd.Series | pd.DataFrame = result[behaviour.outcome]
    if behaviour.steps:  # the response starts with its cause
        first = min(at for points in behaviour.steps.values() for at, _ in points)
        after = int(np.searchsorted(found.index, first))
        # Including the time before the step would make any slow response S-shaped.
        found = found.iloc[after if behaviour.expect == "S-shaped" else max(after - 1, 0) :]
    path = np.asarray(found, float)
    return np.asarray(path.sum(axis=1) if path.ndim == 2 else path)


def with_steps(model: Structure, steps: Steps) -> Structure:
    """A model in which amounts are added to constants, in all elements, from dates on."""
    for name, points in steps.items():
        old = model[name]
        subs = tuple(dimensions(model, old))
        at, more = zip([model.time["initial time"], 0.0], *points, strict=True)
        added = Op("+", (Ref(key(_before(old.name)), subs), schedule_expression(Schedule(at, more, "step"))))
        model = model.with_variable(replace(old, name=_before(old.name)))
        now = replace(old, kind="auxiliary", components=(Component(subs, (), added),), role="", limits=())
        model = model.with_variable(now)
    return model


def _before(name: str) -> str:
    return f"{name} before steps"


def _every(model: Structure) -> float:
    return max(model.time["time step"], min(0.25, (model.time["final time"] - model.time["initial time"]) / 40))


def partial_models(models: Mapping[str, Structure], specs: Mapping[str, Spec]) -> list[Row]:
    """Test 4: stated behaviours of each sector; a sector without any is a miss."""
    out = []
    for name, model in models.items():
        rows = specs[name].behaviour
        if not rows:
            out.append(pass_or_miss(4, name, "behaviours", "0", "1 or more", False, "checks.toml states none."))
        for b in rows:
            shown, good = behaves(model, b)
            limit = f"{b.expect}, {b.least:g}"
            out.append(pass_or_miss(4, name, b.name, f"{shown:.3g}", limit, good, f"'{b.outcome}'."))
    return out
