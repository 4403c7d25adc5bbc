"""Identity of a sweep: all inputs and versions on which its numbers depend, and nothing else.

A store accepts only a sweep with its own identity, and the run record of every result contains the identity.
"""

from __future__ import annotations

import hashlib
import platform
import struct
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np

from sdmodel.compile.program import Program
from sdmodel.core.cache import Cache
from sdmodel.design.tables import Rows
from sdmodel.sweep.plan import Plan

MEANING = {
    "method": "method",
    "rtol": "relative tolerance",
    "engine": "engine",
    "draw_seed": "seed of the random functions",
    "equations_hash": "equations, with the scenario's paths and the files' data,",
    "base_hash": "constants under all rows",
    "outputs_hash": "outputs, reported times or stops",
    "series_hash": "data series",
    "design_hash": "design",
    "instructions": "instruction set",
    "versions": "versions of what computes",
}
"""Parts of the identity, in the order of comparison, with their descriptions."""

_digests: Cache[str] = Cache()
_outputs: Cache[str] = Cache()
"""By the tuple of times itself, which sweeps with one layout share."""


def identity(plan: Plan, design: Rows, instructions: str) -> dict[str, Any]:
    """Parts of a sweep's identity, by the keys of `MEANING`; equal parts give bitwise equal results.

    Parameters
    ----------
    plan
        The sweep.
    design
        Its table of runs, with the labels that are stored beside the results.
    instructions
        Processor features on which the bits of the results depend.
    """
    return {
        "equations_hash": program_digest(plan.program),
        "base_hash": digest((plan.base, plan.past)),
        "design_hash": design_digest(design),
        "series_hash": digest((plan.series_times, plan.series)),
        "outputs_hash": digest((plan.labels, plan.times, plan.grid))
        if plan.grid is not None
        else _outputs.get(plan.times, plan.labels)
        or _outputs.put(plan.times, plan.labels, digest((plan.labels, plan.times))),
        "draw_seed": plan.seed,
        "method": plan.method,
        "rtol": plan.rtol if plan.rtol is not None and (plan.grid is not None or plan.engine == "scipy") else "none",
        "engine": plan.engine,
        "instructions": instructions,
        "versions": _versions(plan.engine),
    }


def design_digest(design: Rows) -> str:
    """Digest of the columns of a design and their names."""
    return digest([(name, _column(values)) for name, values in design.columns.items()])


def program_digest(program: Program) -> str:
    """Digest of the equations of a program, cached while it is in use."""
    return _digests.get(program, "digest") or _digests.put(program, "digest", digest(program))


def difference(mine: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Key of the first part in which two identities differ; empty if they are equal."""
    return next((key for key in MEANING if mine.get(key) != other.get(key)), "")


@cache
def _versions(engine: str) -> str:
    """Versions by engine on which the bits of a result depend; not patch releases of Python, pandas or zarr."""
    from sdmodel.core.version import __version__

    parts = {"kernel": ("llvmlite",), "scipy": ("numpy", "scipy")}.get(engine, ())
    system = "" if engine == "kernel" else f", {platform.system()}"  # the system's libm computes exp, log and the like
    return f"sdmodel {__version__}" + "".join(f", {name} {version(name)}" for name in parts) + system


def _column(values: np.ndarray) -> np.ndarray:
    """A column of a design as doubles, or as text if it contains labels."""
    return values.astype(float) if values.dtype.kind in "biuf" else values.astype(str)


def digest(thing: Any) -> str:
    """Digest (16 hexadecimal digits) of numbers, texts, arrays, and sequences, mappings and dataclasses of them.

    Two objects have the same digest if they are bitwise equal: -0.0 differs from 0.0, and 1 from 1.0.

    Examples
    --------
    >>> digest((1.0, "a")) == digest((1.0, "a")), digest((1.0, "a")) == digest((1, "a"))
    (True, False)
    """
    found = hashlib.blake2b(digest_size=8)
    _feed(found, thing)
    return found.hexdigest()


def _feed(into: Any, thing: Any) -> None:
    if isinstance(thing, str):
        raw = thing.encode("utf-8", "surrogatepass")
        into.update(b"s%d:" % len(raw) + raw)
    elif isinstance(thing, float):
        into.update(b"f" + struct.pack("<d", thing))
    elif thing is None or isinstance(thing, (bool, int)):
        into.update(f"i{thing!r};".encode())
    elif isinstance(thing, np.ndarray):
        if thing.dtype.kind == "U":
            return _feed(into, (thing.shape, np.char.str_len(thing), "".join(thing.ravel().tolist())))
        data = np.ascontiguousarray(thing, thing.dtype.newbyteorder("<"))
        into.update(f"a{data.dtype.str}{data.shape}".encode() + data.tobytes())
    elif isinstance(thing, Mapping):
        into.update(b"m%d:" % len(thing))
        for key, value in thing.items():
            _feed(into, key)
            _feed(into, value)
    elif isinstance(thing, (tuple, list)):
        into.update(b"t%d:" % len(thing))
        for part in thing:
            _feed(into, part)
    elif is_dataclass(thing) and not isinstance(thing, type):
        into.update(f"d{type(thing).__name__}:".encode())
        for one in fields(thing):
            _feed(into, getattr(thing, one.name))
    else:
        raise TypeError(f"no digest of a {type(thing).__name__}")
    return None
