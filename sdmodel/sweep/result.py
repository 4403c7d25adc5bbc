"""Results of a sweep as an xarray.Dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.core.cache import Cache
from sdmodel.core.structure import Structure
from sdmodel.sweep.plan import Plan

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

MESSAGE_LENGTH = 1000
"""Maximum length of the stored message of a failed run."""
STATUS = {"meaning": "0 fine, 1 failed, 2 not run"}


class Shape:
    """Layout of an output variable: its subscript dimensions and the position of each element."""

    def __init__(self, model: Structure, name: str, labels: Sequence[str]) -> None:
        self.name = name
        variable = model[name]
        self.attrs = {"unit": variable.unit, "sentence": variable.sentence}
        self.columns = [i for i, c in enumerate(labels) if c == name or c.startswith(name + "[")]
        members = [tuple(labels[i][len(name) + 1 : -1].split(",")) if labels[i] != name else () for i in self.columns]
        self.axes = [list(dict.fromkeys(m[d] for m in members)) for d in range(len(members[0]))]
        self.dims: list[str] = []
        for axis in self.axes:
            self.dims.append(_range_name(model, axis, self.dims))
        self.places = [tuple(a.index(m) for a, m in zip(self.axes, member, strict=True)) for member in members]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Lengths of the subscript dimensions."""
        return tuple(len(a) for a in self.axes)

    def block(self, values: np.ndarray) -> np.ndarray:
        """Values of the variable (rows, times, *subscripts), from those of all outputs (rows, outputs, times)."""
        if not self.dims:
            return values[:, self.columns[0], :]
        out = np.full((values.shape[0], values.shape[2], *self.sizes), np.nan)
        for column, place in zip(self.columns, self.places, strict=True):
            where: Any = (slice(None), slice(None), *place)
            out[where] = values[:, column, :]
        return out


def _range_name(model: Structure, members: Sequence[str], taken: Sequence[str]) -> str:
    """Name of a dimension: a range with these elements that no earlier dimension uses."""
    exact = [r.name for r in model.ranges.values() if list(r.elements) == list(members) and r.name not in taken]
    return exact[0] if exact else f"dimension {len(taken) + 1} of {'+'.join(members)}"


def dataset(
    model: Structure,
    plan: Plan,
    shapes: Sequence[Shape],
    values: np.ndarray,
    design: pd.DataFrame,
    status: np.ndarray,
    messages: Sequence[str],
    record: Mapping[str, Any],
) -> xr.Dataset:
    """The Dataset of a sweep in memory."""
    import xarray as xr

    # Indexes are the most expensive part of a small Dataset, and equal for all sweeps over the same times.
    axes, indexes = _axes.get(plan.program, (plan.runs, plan.times)) or _axes.put(
        plan.program, (plan.runs, plan.times), _make_axes(model, plan)
    )
    coords: dict[str, Any] = dict(axes)
    coords.update({str(c): ("run", design[c].to_numpy()) for c in design.columns})
    coords["status"] = ("run", status, STATUS)
    coords["message"] = ("run", np.array([m[:MESSAGE_LENGTH] for m in messages], dtype=object))
    ranges: dict[str, Any] = {}
    variables: dict[str, Any] = {}
    for shape in shapes:
        ranges.update(dict(zip(shape.dims, shape.axes, strict=True)))
        variables[shape.name] = xr.Variable(("run", "time", *shape.dims), shape.block(values), shape.attrs)
    found = xr.Dataset(variables, xr.Coordinates(coords, indexes), dict(record))
    return found.assign_coords(ranges) if ranges else found


_axes: Cache[tuple[dict[str, Any], dict[str, Any]]] = Cache(8)


def _make_axes(model: Structure, plan: Plan) -> tuple[dict[str, Any], dict[str, Any]]:
    import xarray as xr
    from xarray.indexes import PandasIndex

    axes = {
        "run": xr.Variable("run", np.arange(plan.runs)).to_index_variable(),
        "time": xr.Variable("time", np.asarray(plan.times), {"unit": model.time_unit}).to_index_variable(),
    }
    return axes, {name: PandasIndex(axis.to_index(), name) for name, axis in axes.items()}
