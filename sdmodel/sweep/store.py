"""Sweeps on disk: a zarr store written chunk by chunk, with a done-mark per chunk after all its outputs are on disk.

An interrupted sweep (a crash, a full disk, Ctrl-C) can be resumed; the result is bitwise equal to an uninterrupted one.
A store accepts only a sweep with its own identity. All data read are verified: the root attributes contain a digest of
themselves and of the small arrays, a done-mark the digests of its chunk. A damaged chunk is computed again
when the sweep is resumed, and raises StoreError when it is read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sdmodel.core.errors import MissingExtraError, StoreError
from sdmodel.core.shape import Shape
from sdmodel.core.structure import Structure
from sdmodel.design.tables import Rows
from sdmodel.sweep.engines import NOT_RUN, Chunk
from sdmodel.sweep.files import read_json, sync, write_json, writing, zarr_module
from sdmodel.sweep.identity import MEANING, difference, digest
from sdmodel.sweep.new_store import FORMAT, make_store, plain_record, write_root
from sdmodel.sweep.plan import Plan
from sdmodel.sweep.result import MESSAGE_LENGTH


class Store:
    """A stored sweep: its path and the verified contents of its root attributes."""

    def __init__(self, path: Path, manifest: Mapping[str, Any]) -> None:
        self.path, self.manifest = path, manifest
        self.rows: int = manifest["chunk_rows"]
        self.runs: int = manifest["runs"]
        self.variables: dict[str, dict[str, Any]] = manifest["variables"]
        self._arrays: dict[str, Any] = {}

    # -- creating and opening -----------------------------------------------------------------------------------
    @classmethod
    def at(
        cls,
        path: Path,
        model: Structure,
        plan: Plan,
        shapes: Sequence[Shape],
        design: Rows,
        record: Mapping[str, Any],
        rows: int,
    ) -> Store:
        """Create a store, or open an unfinished one of a sweep with the same identity.

        Raises
        ------
        StoreError
            If the path contains something else, or the sweep that wrote it differs from this one.
        """
        with writing(path):
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                store = cls.opened(path)
                store.refuse_another(record)
                return store
            # Created under a temporary name and renamed: a sweep killed here leaves no partial store.
            making = path.parent / f".{path.name}.making"
            make_store(making, model, plan, shapes, design, record, rows)
            if path.exists():
                path.rmdir()
            making.rename(path)
            sync(path.parent)
        return cls.opened(path)

    @classmethod
    def opened(cls, path: Path) -> Store:
        """Open an existing store; only its root attributes are read and verified.

        Raises
        ------
        StoreError
            If there is no sweep at that path, or its root attributes are damaged.
        """
        root = read_json(path / "zarr.json")
        manifest = root.get("attributes") if isinstance(root, dict) else None
        if not isinstance(manifest, dict) or "sdmodel_format" not in manifest:
            raise StoreError(f"{path} holds no sweep. Give the path of a new store, or remove what is there first.")
        if manifest["sdmodel_format"] != FORMAT:
            raise StoreError(f"{path.name} was written by another version of sdmodel. Give another store.")
        content = {k: v for k, v in manifest.items() if k != "digest"}
        if manifest.get("digest") != digest(content):
            raise StoreError(f"{path.name} is damaged: its root attributes were changed. Remove it and run again.")
        return cls(path, manifest)

    def refuse_another(self, record: Mapping[str, Any]) -> None:
        """Raise StoreError, naming the difference, unless `record` is that of the sweep that wrote the store."""
        retained, mine = self.manifest["record"], plain_record(record)
        key = difference(retained, mine)
        if key:
            raise StoreError(
                f"{self.path.name} was written by another sweep: its {MEANING[key]} ({key} {retained.get(key)!r}) "
                f"differs from this one's ({mine.get(key)!r}). Give another store, or call the sweep that wrote it."
            )

    # -- chunks -------------------------------------------------------------------------------------------------
    @property
    def chunks(self) -> int:
        """Number of chunks."""
        return -(-self.runs // self.rows)

    def span(self, number: int) -> slice:
        """Rows of a chunk."""
        return slice(number * self.rows, min((number + 1) * self.rows, self.runs))

    def missing(self) -> list[int]:
        """First rows of the unfinished chunks: those without a done-mark, or with data that do not match it."""
        return [n * self.rows for n in range(self.chunks) if not self._sound(n)]

    def _sound(self, number: int) -> bool:
        if self.mark(number) is None:
            return False
        try:
            for key in ("status", *self.variables):
                self.block(key, number)
        except StoreError:
            return False
        return True

    def mark(self, number: int) -> dict[str, Any] | None:
        """The done-mark of a chunk: digests by array and messages by row; None if it is missing or invalid."""
        found = read_json(self._mark(number))
        marks = found.get("attributes") if isinstance(found, dict) else None
        if not isinstance(marks, dict) or set(marks) != {"digests", "messages", "solved", "digest"}:
            return None
        fits = marks["digest"] == self._mark_digest(number, marks)
        return marks if fits else None

    def _mark(self, number: int) -> Path:
        return self.path / "marks" / str(number) / "zarr.json"

    def _mark_digest(self, number: int, marks: Mapping[str, Any]) -> str:
        content = {key: value for key, value in marks.items() if key != "digest"}
        return digest((number, self.manifest["made"], content))

    def solved(self) -> dict[int, int]:
        """Rows that were solved again, and how (see `sdmodel.sweep.refinement`)."""
        marks = (self.mark(number) for number in range(self.chunks))
        return {int(row): how for mark in marks if mark for row, how in mark["solved"].items()}

    def block(self, key: str, number: int) -> np.ndarray:
        """Values of an array in a chunk, verified against its done-mark; fill values if the chunk is unfinished.

        Raises
        ------
        StoreError
            If the digest does not match.
        """
        span = self.span(number)
        marks = self.mark(number)
        shape = (span.stop - span.start, *self.shape(key)[1:])
        if marks is None:
            return np.full(shape, NOT_RUN, np.int8) if key == "status" else np.full(shape, math.nan)
        values = self.read(key, span, shape)
        if marks["digests"].get(key) != digest(values):
            raise self.damaged(f"runs {span.start} to {span.stop - 1} of '{self.name(key)}'")
        return values

    def shape(self, key: str) -> tuple[int, ...]:
        """Shape of the status or of a variable."""
        return (self.runs,) if key == "status" else tuple(self.variables[key]["shape"])

    def name(self, key: str) -> str:
        """Name of the status or of a variable."""
        return key if key == "status" else str(self.variables[key]["name"])

    def read(self, key: str, span: slice, shape: tuple[int, ...]) -> np.ndarray:
        """Rows of an array as read by zarr, with a check of their shape."""
        try:
            array = self._arrays.get(key)
            if array is None:
                array = zarr_module().open_array(str(self.path / key), mode="r")
                if array.shape != (self.runs, *shape[1:]):
                    raise ValueError(f"shape {array.shape}")
                self._arrays[key] = array
            found = np.asarray(array[span])
        except MissingExtraError:
            raise
        except Exception as error:  # for a damaged file, zarr and its codecs raise various exceptions
            raise self.damaged(f"'{self.name(key)}' ({type(error).__name__})") from error
        return found

    def small(self, key: str) -> np.ndarray:
        """An array that is read as a whole: `time` or a column of the design.

        Raises
        ------
        StoreError
            If its digest does not match.
        """
        about = self.manifest["time"] if key == "time" else self.manifest["design"][key]
        try:
            array = zarr_module().open_array(str(self.path / key), mode="r")
            if array.ndim != 1 or array.shape[0] != about["size"]:
                raise ValueError(f"shape {array.shape}")
            values = np.asarray(array[:])
        except MissingExtraError:
            raise
        except Exception as error:  # as in `read`
            raise self.damaged(f"'{about['name']}' ({type(error).__name__})") from error
        if digest(values) != about["digest"]:
            raise self.damaged(f"'{about['name']}'")
        return values

    def damaged(self, what: str) -> StoreError:
        """Create the error that names the damaged part of the store."""
        return StoreError(
            f"{self.path.name} is damaged: {what} is not what was written. Call the same sweep with the same store: "
            "damaged runs are computed again. If that does not help, remove the store."
        )

    # -- writing ------------------------------------------------------------------------------------------------
    def write(self, chunk: Chunk, shapes: Sequence[Shape]) -> None:
        """Write a chunk and then, once it is on disk, its done-mark."""
        number = chunk.start // self.rows
        span = slice(chunk.start, chunk.stop)
        with writing(self.path):
            zarr = zarr_module()
            self._mark(number).unlink(missing_ok=True)
            digests = {}
            parts = {"status": chunk.status}
            parts.update((f"v{i}", shape.block(chunk.values)) for i, shape in enumerate(shapes))
            for key, values in parts.items():
                self._arrays.pop(key, None)
                self._mend(key)
                array = zarr.open_array(str(self.path / key), mode="r+")
                array[span] = values
                place = self.path / key / array.metadata.encode_chunk_key((number, *(0 for _ in values.shape[1:])))
                if place.exists():  # zarr writes no file for a chunk of fill values
                    sync(place)
                    sync(place.parent)
                digests[key] = digest(np.ascontiguousarray(values))
            messages = {str(chunk.start + i): m[:MESSAGE_LENGTH] for i, m in enumerate(chunk.messages) if m}
            marks: dict[str, Any] = {
                "digests": digests,
                "messages": messages,
                "solved": {str(row): how for row, how in chunk.solved.items()},
            }
            marks["digest"] = self._mark_digest(number, marks)
            write_json(self._mark(number), {"attributes": marks, "zarr_format": 3, "node_type": "group"})

    def _mend(self, key: str) -> None:
        """Restore damaged metadata of an array."""
        place = self.path / key / "zarr.json"
        wanted = self.manifest["metadata"][key]
        if read_json(place) != wanted:
            write_json(place, wanted)

    def finish(self, notes: Mapping[str, Any]) -> Store:
        """Add values known only at the end of the sweep, such as the error certificate, to the record."""
        with writing(self.path):
            content = {k: v for k, v in self.manifest.items() if k != "digest"}
            content["record"] = {**content["record"], **plain_record(notes)}
            write_root(self.path, content)
        return Store.opened(self.path)
