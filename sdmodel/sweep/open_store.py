"""Open a stored sweep as an xarray.Dataset whose values are loaded and verified lazily."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from xarray.backends import BackendArray
from xarray.core import indexing

import sdmodel.sweep.accessor  # noqa: F401  gives datasets their `sdmodel`
from sdmodel.core.errors import ResultWarning, StoreError
from sdmodel.core.text import shorten
from sdmodel.sweep.result import MESSAGE_LENGTH, STATUS
from sdmodel.sweep.store import Store

if TYPE_CHECKING:
    import xarray as xr


def open_sweep(path: str | Path) -> xr.Dataset:
    """Open a sweep that was written to disk; values are loaded lazily.

    Parameters
    ----------
    path
        Path of the store.

    Returns
    -------
    xarray.Dataset
        As returned by `Model.sweep`. Rows that were not run yet have status 2 and NaN.

    Raises
    ------
    StoreError
        If there is no sweep at `path`, or it is damaged; values are verified when they are loaded.

    Warns
    -----
    ResultWarning
        If the sweep was finished but the mark of a chunk is lost, so that its runs count as not run.
    """
    import xarray as xr

    try:
        store = Store.opened(Path(path))
    except (TypeError, ValueError) as error:
        raise StoreError(f"{shorten(repr(path))} is not the path of a store.") from error
    time = store.manifest["time"]
    coords: dict[str, Any] = {
        "run": np.arange(store.runs),
        "time": ("time", store.small("time"), {"unit": time["unit"]}),
    }
    for key, column in store.manifest["design"].items():
        values = store.small(key)
        levels = column.get("levels")
        coords[column["name"]] = ("run", values if levels is None else np.array(levels, dtype=str)[values])
    lost = (
        [n for n in range(store.chunks) if store.mark(n) is None] if "certificate" in store.manifest["record"] else []
    )
    if lost:
        warnings.warn(
            f"{store.path.name} is damaged: of a finished sweep the marks of {len(lost)} of {store.chunks} chunks are "
            f"lost, the first with run {store.span(lost[0]).start}; their runs have status 2 and NaN. Call the same "
            "sweep with the same store to compute them again.",
            ResultWarning,
            stacklevel=2,
        )
    status = np.empty(store.runs, dtype=np.int8)
    messages = np.full(store.runs, "", dtype=object)
    for number in range(store.chunks):
        status[store.span(number)] = store.block("status", number)
        for row, message in (store.mark(number) or {"messages": {}})["messages"].items():
            messages[int(row)] = message[:MESSAGE_LENGTH]
    coords["status"] = ("run", status, STATUS)
    coords["message"] = ("run", messages)
    variables = {}
    for key, about in store.variables.items():
        attrs = {k: v for k, v in about.items() if k not in ("name", "elements", "shape")}
        coords.update({dim: list(elements) for dim, elements in about["elements"].items()})
        lazy: Any = indexing.LazilyIndexedArray(_Checked(store, key))
        cached: Any = indexing.MemoryCachedArray  # untyped
        data = cached(indexing.CopyOnWriteArray(lazy))
        variables[about["name"]] = xr.Variable(("run", "time", *about["elements"]), data, attrs)
    return xr.Dataset(variables, coords, store.manifest["record"])


class _Checked(BackendArray):
    """A stored variable that is read in whole chunks, each checked against its done-mark."""

    def __init__(self, store: Store, key: str) -> None:
        self.store, self.key = store, key
        self.shape = store.shape(key)
        self.dtype = np.dtype(float)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        wanted = np.arange(self.shape[0])[key[0]]
        rows = np.atleast_1d(wanted)
        out: np.ndarray | None = None
        for number in np.unique(rows // self.store.rows):
            here = rows // self.store.rows == number
            block = self.store.block(self.key, int(number))[rows[here] - int(number) * self.store.rows]
            for axis in range(len(key) - 1, 0, -1):
                block = block[(slice(None),) * axis + (key[axis],)]
            if out is None:
                out = np.empty((len(rows), *block.shape[1:]))
            out[here] = block
        if out is None:
            out = np.empty((0, *self.shape[1:]))[(slice(None), *key[1:])]
        return out if wanted.ndim else out[0]
