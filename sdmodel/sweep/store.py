"""Sweeps on disk: a zarr store written chunk by chunk, with a mark a chunk after all its outputs are there.

A sweep that was stopped (a crash, a full disk, Ctrl-C) goes on where it was and equals, bit for bit, one that was never
stopped. What makes results differ is recorded, and a store is refused to a sweep that differs in any of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.errors import MissingExtraError, StoreError
from sdmodel.model import Model
from sdmodel.sweep.engines import NOT_RUN, Chunk
from sdmodel.sweep.plan import Plan
from sdmodel.sweep.result import STATUS, Shape, time_unit

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

FORMAT = 1


def _zarr() -> Any:
    try:
        import zarr
    except ImportError as error:
        raise MissingExtraError(
            'A sweep on disk needs zarr. Install it: python -m pip install "sdmodel[store]"'
        ) from error
    return zarr


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a store; the lock is the operating system's, so it is gone when its holder is, however it ended."""
    try:
        from filelock import FileLock, Timeout
    except ImportError as error:
        raise MissingExtraError(
            'A sweep on disk needs filelock. Install it: python -m pip install "sdmodel[store]"'
        ) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(str(path.parent / f".{path.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise StoreError(
            f"Another sweep is writing to {path.name}. Wait until it is done, or give another store."
        ) from None
    try:
        yield
    finally:
        lock.release()


class Store:
    """A sweep's place on disk."""

    def __init__(self, path: Path, group: Any, shapes: Sequence[Shape], rows: int) -> None:
        self.path, self.group, self.shapes, self.rows = path, group, shapes, rows

    @classmethod
    def at(
        cls,
        path: Path,
        model: Model,
        plan: Plan,
        shapes: Sequence[Shape],
        design: pd.DataFrame,
        record: Mapping[str, Any],
        rows: int,
    ) -> Store:
        """Make a store, or take up one that a sweep with the same record has begun.

        Raises
        ------
        StoreError
            If something else lies there, or the sweep that wrote it differs from this one.
        """
        zarr = _zarr()
        if path.exists() and any(path.iterdir() if path.is_dir() else [path]):
            group = _opened(zarr, path)
            _same(path, dict(group.attrs), record)
            return cls(path, group, shapes, int(group.attrs["chunk_rows"]))
        # Made beside its place and moved there whole: a sweep killed here leaves nothing that looks like a store.
        making = path.parent / f".{path.name}.making"
        group = zarr.open_group(str(making), mode="w")
        runs, times = plan.runs, len(plan.times)
        _array(group, "run", np.arange(runs), ["run"])
        _array(group, "time", np.asarray(plan.times), ["time"], unit=time_unit(model))
        for i, column in enumerate(design.columns):
            values, extra = _plain(design[column].to_numpy())
            _array(group, f"p{i}", values, ["run"], name=str(column), **extra)
        chunks = -(-runs // rows)
        byte = {"dtype": "int8", "fill_value": NOT_RUN}
        group.create_array("status", shape=(runs,), chunks=(rows,), dimension_names=["run"], attributes=STATUS, **byte)
        group.create_array("done", shape=(chunks,), chunks=(1,), dtype="int8", fill_value=0, dimension_names=["chunk"])
        for i, shape in enumerate(shapes):
            group.create_array(
                f"v{i}",
                shape=(runs, times, *shape.sizes),
                chunks=(rows, times, *shape.sizes),
                dtype="float64",
                fill_value=math.nan,
                dimension_names=["run", "time", *shape.dims],
                attributes={
                    "name": shape.name,
                    **shape.attrs,
                    "elements": dict(zip(shape.dims, shape.axes, strict=True)),
                },
            )
        group.create_group("messages")
        group.attrs.update({"format": FORMAT, "chunk_rows": rows, **_plain_record(record)})
        if path.exists():
            path.rmdir()
        making.rename(path)
        return cls(path, _opened(zarr, path), shapes, rows)

    @classmethod
    def opened(cls, path: str, shapes: Sequence[Shape], rows: int) -> Store:
        """A store that was made by another process of the same sweep."""
        return cls(Path(path), _opened(_zarr(), Path(path)), shapes, rows)

    def missing(self) -> list[int]:
        """First rows of the chunks that are still to do."""
        return [int(i) * self.rows for i in np.flatnonzero(self.group["done"][:] == 0)]

    def write(self, chunk: Chunk) -> None:
        """Write a chunk, and its mark when all of it is there."""
        part = slice(chunk.start, chunk.stop)
        with self._on_disk():
            for i, shape in enumerate(self.shapes):
                self.group[f"v{i}"][part] = shape.block(chunk.values)
            self.group["status"][part] = chunk.status
            told = {str(chunk.start + i): m for i, m in enumerate(chunk.messages) if m}
            number = chunk.start // self.rows
            if told:
                self.group.create_group(f"messages/{number}", overwrite=True, attributes=told)
            self.group["done"][number] = 1

    def finish(self, notes: Mapping[str, Any]) -> None:
        """Add what is known only at the end, such as the error certificate."""
        with self._on_disk():
            self.group.attrs.update(_plain_record(notes))

    @contextmanager
    def _on_disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"Writing to {self.path.name} failed: {error.strerror or error}. What was written stands; make room "
                "and call the same sweep with the same store to go on."
            ) from error


def open_sweep(path: str | Path) -> xr.Dataset:
    """Open a sweep that was written to disk; values are read when they are asked for.

    Parameters
    ----------
    path
        The store.

    Returns
    -------
    xarray.Dataset
        As `Model.sweep` gives it. Rows that were not run yet have status 2 and NaN.

    Raises
    ------
    StoreError
        If there is no sweep in that place.
    """
    import xarray as xr

    place = Path(path)
    group = _opened(_zarr(), place)
    raw = xr.open_zarr(str(place), chunks=None, consolidated=False, drop_variables=["done"])
    names: dict[str, str] = {}
    coords: dict[str, Any] = {}
    for key, variable in raw.variables.items():
        name = variable.attrs.pop("name", None)
        if name is None:
            continue
        if str(key).startswith("p"):
            levels = variable.attrs.pop("levels", None)
            values = variable.to_numpy()
            coords[name] = ("run", np.array(levels)[values] if levels is not None else values)
        else:
            names[str(key)] = name
            coords.update({dim: list(e) for dim, e in variable.attrs.pop("elements", {}).items()})
    messages = np.full(raw.sizes["run"], "", dtype=object)
    for _, part in group["messages"].groups():
        for row, message in part.attrs.items():
            messages[int(row)] = message
    kept = raw.drop_vars([k for k in raw.variables if str(k).startswith("p")]).rename_vars(names)
    record = {k: v for k, v in group.attrs.items() if k not in ("format", "chunk_rows")}
    out = kept.assign_coords(coords).assign_coords(message=("run", messages.astype(str))).set_coords("status")
    opened: xr.Dataset = out.assign_attrs(record)
    return opened


def _opened(zarr: Any, path: Path) -> Any:
    try:
        group = zarr.open_group(str(path), mode="r+")
        if group.attrs.get("format") != FORMAT:
            raise KeyError
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise StoreError(
            f"{path} holds no sweep that can be gone on with. Give the path of a new store, or remove it first."
        ) from error
    return group


def _same(path: Path, kept: Mapping[str, Any], record: Mapping[str, Any]) -> None:
    for key, value in _plain_record(record).items():
        if kept.get(key) != value:
            raise StoreError(
                f"{path.name} was written by another sweep: its {key} is {kept.get(key)!r}, this one's is {value!r}. "
                "Give another store, or call the sweep that wrote it."
            )


def _plain_record(record: Mapping[str, Any]) -> dict[str, Any]:
    return {k: (None if isinstance(v, float) and math.isnan(v) else v) for k, v in record.items()}


def _plain(values: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """Numbers as they are; texts as codes with their levels."""
    if np.issubdtype(values.dtype, np.number) or values.dtype == bool:
        return values, {}
    levels, codes = np.unique(values.astype(str), return_inverse=True)
    return codes.astype("int32"), {"levels": levels.tolist()}


def _array(group: Any, key: str, values: np.ndarray, dims: Sequence[str], **attrs: Any) -> None:
    array = group.create_array(
        key, shape=values.shape, chunks=values.shape, dtype=values.dtype, dimension_names=list(dims), attributes=attrs
    )
    array[...] = values
