"""Files of a store: atomic, durable writes of small files, the lock, and errors of writing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sdmodel.core.errors import MissingExtraError, StoreError

MOST_BYTES = 256_000_000
"""Larger JSON files are not read."""


def read_json(path: Path) -> Any:
    """Content of a JSON file; None if it does not exist, is not a regular file, too large or not JSON."""
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            return None
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file to a temporary name, flush it to disk, and rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.writing")
    with open(beside, "w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Flush a file, or the entries of a folder, to disk (fsync)."""
    if path.is_dir() and os.name == "nt":
        return  # Windows cannot open a folder for this
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def zarr_module() -> Any:
    """The zarr package.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import zarr
    except ImportError as error:
        raise MissingExtraError(
            'A sweep on disk needs zarr. Install it: python -m pip install "sdmodel[store]"'
        ) from error
    return zarr


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lock a store; the operating system releases the lock when its process ends.

    Raises
    ------
    StoreError
        If another sweep has locked the store, or its folder cannot be written.
    """
    try:
        from filelock import FileLock, Timeout
    except ImportError as error:
        raise MissingExtraError(
            'A sweep on disk needs filelock. Install it: python -m pip install "sdmodel[store]"'
        ) from error
    with writing(path):
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


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Convert an OSError while a store is written to a StoreError."""
    try:
        yield
    except (OSError, NotImplementedError) as error:  # filelock, on a file system without locks
        raise StoreError(
            f"Writing to {path.name} failed: {getattr(error, 'strerror', None) or error}. What was written stands; "
            "once the place can be written and has room, call the same sweep with the same store to resume."
        ) from error
