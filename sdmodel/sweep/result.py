"""Results of a sweep as an xarray.Dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.core.cache import Cache
from sdmodel.core.errors import DesignError
from sdmodel.core.shape import Shape
from sdmodel.core.structure import Structure
from sdmodel.design.tables import Rows
from sdmodel.sweep.plan import Plan

if TYPE_CHECKING:
    import xarray as xr

MESSAGE_LENGTH = 1000
"""Maximum length of the stored message of a failed run."""
STATUS = {"meaning": "0 fine, 1 failed, 2 not run"}


def dataset(
    model: Structure,
    plan: Plan,
    shapes: Sequence[Shape],
    values: np.ndarray,
    design: Rows,
    status: np.ndarray,
    messages: Sequence[str],
    record: Mapping[str, Any],
) -> xr.Dataset:
    """The Dataset of a sweep in memory."""
    import xarray as xr

    # Indexes are the most expensive part of a small Dataset, and equal for all sweeps over the same times.
    ranges = {dim: tuple(axis) for shape in shapes for dim, axis in zip(shape.dims, shape.axes, strict=True)}
    key = plan.runs, model.time_unit, *ranges.items()
    axes, indexes = _axes.get(plan.times, key) or _axes.put(plan.times, key, _make_axes(plan, model.time_unit, ranges))
    given = {**design.columns, "message": np.array([m[:MESSAGE_LENGTH] for m in messages], dtype=object)}
    # Arrays as they are: xarray would look for dates among the messages, which takes longer than a short run.
    coords: dict[str, Any] = {**axes, **{n: xr.Variable("run", column, fastpath=True) for n, column in given.items()}}
    coords["status"] = xr.Variable("run", status, STATUS, fastpath=True)
    variables: dict[str, Any] = {}
    for shape in shapes:
        dims = ("run", "time", *shape.dims)
        variables[shape.name] = xr.Variable(dims, shape.block(values), shape.attrs, fastpath=True)
    taken = sorted(coords.keys() & variables.keys())
    if taken:
        raise DesignError(f"'{taken[0]}' names a coordinate of a sweep and cannot be one of its outputs.")
    # The parts fit together by construction; the public constructor would spend half of the time of a small sweep on
    # merging and aligning them.
    sizes = {"run": plan.runs, "time": len(plan.times), **{dim: len(axis) for dim, axis in ranges.items()}}
    return xr.Dataset._construct_direct(
        {**variables, **coords}, set(coords), sizes, attrs=dict(record), indexes=dict(indexes)
    )


_axes: Cache[tuple[dict[str, Any], dict[str, Any]]] = Cache(8)


def _make_axes(plan: Plan, unit: str, ranges: Mapping[str, tuple[str, ...]]) -> tuple[dict[str, Any], dict[str, Any]]:
    import xarray as xr
    from xarray.indexes import PandasIndex

    axes = {
        "run": xr.Variable("run", np.arange(plan.runs)).to_index_variable(),
        "time": xr.Variable("time", np.asarray(plan.times), {"unit": unit}).to_index_variable(),
        **{dim: xr.Variable(dim, np.array(axis)).to_index_variable() for dim, axis in ranges.items()},
    }
    return axes, {name: PandasIndex(axis.to_index(), name) for name, axis in axes.items()}
