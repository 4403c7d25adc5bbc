"""Partial models: each sector alone, what comes from others held, does what its textbook says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sdmodel.check.book import Behaviour, Book, Steps
from sdmodel.check.rows import Row, judged
from sdmodel.check.shapes import strength
from sdmodel.composition import _dimensions, path_expression
from sdmodel.expression import Op, Ref, key
from sdmodel.model import Component, Model
from sdmodel.scenario import Path

if TYPE_CHECKING:
    import pandas as pd


def behaves(model: Model, behaviour: Behaviour) -> tuple[float, bool]:
    """How strongly a model shows a behaviour, as a share of the size of the path, and whether that is enough.

    Parameters
    ----------
    model
        The model, run alone.
    behaviour
        What it must do.
    """
    y = _path(model, behaviour, behaviour.set)
    size = np.abs(y).max()
    if behaviour.against is not None:
        other = _path(model, behaviour, behaviour.against, plain=True)
        size, y = np.abs(other).max() or size, y - other
    shown = strength(y, behaviour.expect) / (size or 1.0)
    enough = shown >= -behaviour.least if behaviour.expect == "stays" else shown >= behaviour.least
    return shown, bool(enough)


def _path(model: Model, behaviour: Behaviour, values: Mapping[str, float], plain: bool = False) -> np.ndarray:
    steps = {} if plain else behaviour.steps
    given = {_before(n) if n in steps else n: v for n, v in values.items()}
    run = stepped(model, steps).run(given, every=_every(model), method="exact")
    found: pd.Series | pd.DataFrame = run[behaviour.outcome]
    if behaviour.steps:  # an answer begins with its cause
        first = min(at for points in behaviour.steps.values() for at, _ in points)
        after = int(np.searchsorted(found.index, first))
        # what was there before shows a jump, and would make any slow answer S-shaped
        found = found.iloc[after if behaviour.expect == "S-shaped" else max(after - 1, 0) :]
    path = np.asarray(found, float)
    return np.asarray(path.sum(axis=1) if path.ndim == 2 else path)


def stepped(model: Model, steps: Steps) -> Model:
    """A model in which constants, all elements alike, have something added from dates on."""
    for name, points in steps.items():
        old = model[name]
        subs = tuple(_dimensions(model, old))
        at, more = zip([model.time["initial time"], 0.0], *points, strict=True)
        added = Op("+", (Ref(key(_before(old.name)), subs), path_expression(Path(at, more, "step"))))
        model = model.with_variable(replace(old, name=_before(old.name)))
        now = replace(old, kind="auxiliary", components=(Component(subs, (), added),), role="", limits=())
        model = model.with_variable(now)
    return model


def _before(name: str) -> str:
    return f"{name} before steps"


def _every(model: Model) -> float:
    return max(model.time["time step"], min(0.25, (model.time["final time"] - model.time["initial time"]) / 40))


def partial(models: Mapping[str, Model], books: Mapping[str, Book]) -> list[Row]:
    """Test 4: the behaviours of each sector; a sector without any shows nothing, which is a miss."""
    out = []
    for name, model in models.items():
        rows = books[name].behaviour
        if not rows:
            out.append(judged(4, name, "behaviours", "0", "1 or more", False, "checks.toml states none."))
        for b in rows:
            shown, good = behaves(model, b)
            limit = f"{b.expect}, {b.least:g}"
            out.append(judged(4, name, b.name, f"{shown:.3g}", limit, good, f"'{b.outcome}'."))
    return out
