"""Cache of parsed models: JSON files in the user's cache folder, by content hash.

An entry holds a model and its checksum. An entry that cannot be read, is damaged or belongs to another user is a cache
miss: the model is parsed again.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sdmodel.core import version
from sdmodel.core.expression import Array, Call, Expr, Number, Op, Ref, Table, Text
from sdmodel.core.structure import Component, Source, Structure, SubscriptRange, Variable

FORMAT = 10
"""Increase whenever files are read differently or the form of entries changes."""
_PLAIN = ("name", "kind", "unit", "sentence", "documentation", "role", "distribution", "origin", "outcome", "group",
          "sector", "file", "line")  # fmt: skip


def folder() -> Path:
    """Cache folder: the environment variable SDMODEL_CACHE, or the platform's default."""
    given = os.environ.get("SDMODEL_CACHE")
    if given:
        return Path(given)
    import platformdirs

    return Path(platformdirs.user_cache_dir("sdmodel", appauthor=False))


def entry_key(raw: bytes, file: str) -> str:
    """Hash of a file's contents and name, the version of sdmodel and the format of the cache."""
    head = f"{FORMAT}\0{version.__version__}\0{file}\0"
    return hashlib.sha256(head.encode("utf-8", "surrogateescape") + raw).hexdigest()


def _head(body: bytes) -> bytes:
    """Text before the model in an entry."""
    return b'{"sha256":"%s","model":' % hashlib.sha256(body).hexdigest().encode()


_HEAD = len(_head(b""))


def get(key: str, path: Path) -> Structure | None:
    """Look up a model; None if there is no valid entry."""
    try:
        with (folder() / f"{key}.json").open("rb") as file:
            if hasattr(os, "getuid") and os.fstat(file.fileno()).st_uid not in (os.getuid(), 0):
                return None  # a file of another user in a shared folder
            entry = file.read()
        head, body = entry[:_HEAD], entry[_HEAD:-1]
        if head != _head(body) or entry[-1:] != b"}":
            return None
        return from_json(json.loads(body), path)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def put(key: str, model: Structure) -> None:
    """Store a model; does nothing if the cache cannot be written."""
    try:
        body = json.dumps(to_json(model), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        place = folder()
        place.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=place, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_head(body) + body + b"}")
            Path(temporary).replace(place / f"{key}.json")
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except (OSError, RecursionError):
        return


def to_json(model: Structure) -> dict[str, Any]:
    """Convert a model to lists, numbers and strings."""
    return {
        "format": FORMAT,
        "name": model.name,
        "method": model.method,
        "sectors": model.sectors,
        "synonyms": model.synonyms,
        "ranges": {k: [r.name, r.elements, dict(r.mappings)] for k, r in model.ranges.items()},
        "equations": [_pack(v) for v in model.equations.values()],
    }


def from_json(data: dict[str, Any], path: Path) -> Structure:
    """The inverse of `to_json`."""
    if data["format"] != FORMAT:
        raise ValueError("another format")
    variables = [_unpack(row) for row in data["equations"]]
    return Structure(
        name=data["name"],
        equations=MappingProxyType({v.key: v for v in variables}),
        ranges=MappingProxyType(
            {
                k: SubscriptRange(name, tuple(elements), {t: tuple(m) for t, m in maps.items()})
                for k, (name, elements, maps) in data["ranges"].items()
            }
        ),
        path=path,
        sectors=tuple(data["sectors"]),
        synonyms=tuple(tuple(group) for group in data["synonyms"]),
        method=data["method"],
    )


def _pack(v: Variable) -> dict[str, Any]:
    row = {name: value for name in _PLAIN if (value := getattr(v, name))}
    row["c"] = [[c.subs, c.excepts, expr_to_json(c.expr)] for c in v.components]
    if v.limits:
        row["limits"] = v.limits
    if v.ids:
        row["ids"] = v.ids
    if v.sources:
        row["sources"] = [list(asdict(s).values()) for s in v.sources]
    return row


def _unpack(row: dict[str, Any]) -> Variable:
    components = tuple(Component(tuple(s), tuple(tuple(g) for g in e), expr_from_json(x)) for s, e, x in row.pop("c"))
    for name in ("limits", "ids"):
        row[name] = tuple(row.get(name, ()))
    row["sources"] = tuple(Source(*s) for s in row.get("sources", ()))
    return Variable(components=components, **row)


def expr_to_json(e: Expr) -> list[Any]:
    """Convert an expression to nested lists."""
    if isinstance(e, Ref):
        return ["r", e.name, e.subs]
    if isinstance(e, Number):
        return ["n", e.value]
    if isinstance(e, Op):
        return ["o", e.op, *map(expr_to_json, e.args)]
    if isinstance(e, Call):
        return ["c", e.name, e.subs, *map(expr_to_json, e.args)]
    if isinstance(e, Table):
        return ["t", e.x, e.y, e.kind, e.limits]
    if isinstance(e, Array):
        return ["a", e.values, e.shape]
    if isinstance(e, Text):
        return ["s", e.value]
    raise TypeError(f"not an expression node: {e!r}")


def expr_from_json(data: list[Any]) -> Expr:
    """The inverse of `expr_to_json`."""
    head = data[0]
    if head == "n":
        return Number(data[1])
    if head == "r":
        return Ref(data[1], tuple(data[2]))
    if head == "o":
        return Op(data[1], tuple(map(expr_from_json, data[2:])))
    if head == "c":
        return Call(data[1], tuple(map(expr_from_json, data[3:])), tuple(data[2]))
    if head == "t":
        return Table(tuple(data[1]), tuple(data[2]), data[3], tuple(data[4]))
    if head == "a":
        return Array(tuple(data[1]), tuple(data[2]))
    if head == "s":
        return Text(data[1])
    raise ValueError(f"unknown node {head!r}")
