"""A new store: the layout of its arrays and its root attributes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sdmodel.core.shape import Shape
from sdmodel.core.structure import Structure
from sdmodel.design.tables import Rows
from sdmodel.sweep.engines import NOT_RUN
from sdmodel.sweep.files import read_json, sync, write_json, zarr_module
from sdmodel.sweep.identity import digest
from sdmodel.sweep.plan import Plan
from sdmodel.sweep.result import STATUS

FORMAT = 2
"""Version of the layout."""


def make_store(
    making: Path,
    model: Structure,
    plan: Plan,
    shapes: Sequence[Shape],
    design: Rows,
    record: Mapping[str, Any],
    rows: int,
) -> None:
    """Create the arrays of a new store, empty except for times and design, and its root attributes."""
    zarr = zarr_module()
    group = zarr.open_group(str(making), mode="w")
    runs, times = plan.runs, len(plan.times)
    group.create_group("marks")
    small: dict[str, dict[str, Any]] = {}

    def put(key: str, values: np.ndarray, dim: str, name: str, **more: Any) -> None:
        array = group.create_array(
            key, shape=values.shape, chunks=values.shape, dtype=values.dtype, dimension_names=[dim]
        )
        array.attrs.update({"name": name, **more})
        array[...] = values
        small[key] = {"name": name, "size": len(values), "digest": digest(values), **more}

    put("time", np.asarray(plan.times), "time", "time", unit=model.time_unit)
    for i, (column, given) in enumerate(design.columns.items()):
        values, extra = _plain(given)
        put(f"p{i}", values, "run", column, **extra)
    group.create_array(
        "status", shape=(runs,), chunks=(rows,), dimension_names=["run"], attributes=STATUS, dtype="int8",
        fill_value=NOT_RUN,
    )  # fmt: skip
    variables: dict[str, dict[str, Any]] = {}
    for i, shape in enumerate(shapes):
        whole = (runs, times, *shape.sizes)
        about: dict[str, Any] = {
            "name": shape.name,
            **shape.attrs,
            "elements": {dim: list(axis) for dim, axis in zip(shape.dims, shape.axes, strict=True)},
        }
        group.create_array(
            f"v{i}", shape=whole, chunks=(rows, *whole[1:]), dtype="float64", fill_value=math.nan,
            dimension_names=["run", "time", *shape.dims], attributes=about,
        )  # fmt: skip
        variables[f"v{i}"] = {**about, "shape": list(whole)}
    content = {
        "sdmodel_format": FORMAT,
        "runs": runs,
        "chunk_rows": rows,
        "time": small.pop("time"),
        "design": small,
        "variables": variables,
        "record": plain_record(record),
        "metadata": {key: read_json(making / key / "zarr.json") for key in ("status", *variables)},
    }
    content["made"] = digest(content)
    for file in making.rglob("*"):
        if file.is_file():
            sync(file)
    write_root(making, content)


def write_root(path: Path, content: Mapping[str, Any]) -> None:
    """Write the root attributes, with a digest of themselves."""
    root = read_json(path / "zarr.json")
    assert isinstance(root, dict)
    write_json(path / "zarr.json", {**root, "attributes": {**content, "digest": digest(content)}})


def plain_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record as JSON holds it: NaN is null."""
    return {k: (None if isinstance(v, float) and math.isnan(v) else v) for k, v in record.items()}


def _plain(values: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """Numbers unchanged; strings as integer codes, with their levels as attributes."""
    if np.issubdtype(values.dtype, np.number) or values.dtype == bool:
        return values, {}
    levels, codes = np.unique(values.astype(str), return_inverse=True)
    return codes.astype("int32"), {"levels": levels.tolist()}
