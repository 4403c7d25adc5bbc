"""Files to `Structure`: the only room that knows PySD, the cache and the layout of model files."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sdmodel.core import resources as paths
from sdmodel.core.errors import CompositionError, ReadError, UnknownNameError, UnsupportedError
from sdmodel.core.expression import Call, Expr
from sdmodel.core.structure import Structure
from sdmodel.io import parse_cache as cache
from sdmodel.io.composition import compose_structure
from sdmodel.io.scenarios import load_scenarios, scenarios_from

_SUFFIXES = (".mdl", ".xmile", ".stmx", ".xml", ".toml")
_KEYS = ("title", "description", "sectors", "stand_ins", "scenarios")


def read_model(name: str | Path, *, data_files: str | Path | Sequence[str | Path] = ()) -> Structure:
    """Read a model file, or a shipped model by its name; see `sdmodel.load`."""
    text = str(name)
    path = Path(name)
    if not path.suffix and "/" not in text and "\\" not in text:
        known = paths.shipped_models()
        if text not in known:
            raise UnknownNameError(text, known, "shipped model", f"Shipped are {', '.join(known)}; or give a path.")
        path = known[text]
    if path.suffix.lower() not in _SUFFIXES:
        raise UnsupportedError(f"'{path.name}' ends with '{path.suffix}'; models end with {' or '.join(_SUFFIXES)}.")
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        beside = [p.name for p in path.parent.glob("*") if p.suffix in _SUFFIXES] if path.parent.is_dir() else []
        raise UnknownNameError(text, beside, "file", f"Looked in {path.parent}.") from None
    except OSError as error:
        raise ReadError(f"{path.name} cannot be opened: {error.strerror}.") from error
    model = _composition(raw, path) if path.suffix.lower() == ".toml" else _sector(raw, path)
    if data_files:
        from sdmodel.io.data import attach

        model = attach(model, [data_files] if isinstance(data_files, (str, Path)) else data_files)
    return model


def _sector(raw: bytes, path: Path) -> Structure:
    mark = cache.digest(raw, path.name)
    model = cache.fetch(mark, path)
    if model is None:
        if path.suffix.lower() == ".mdl":
            from sdmodel.io.vensim.translate import read_vensim as read
        else:
            from sdmodel.io.xmile.translate import read_xmile as read
        model = read(raw, path)
        if not _ranges_outside(raw) and not _repaired(raw, path):
            cache.keep(mark, model)
    if any(_outside(c.expr) for v in model.equations.values() for c in v.components):
        from sdmodel.io.data import attach

        model = attach(model)
    beside = path.with_suffix(".toml")
    if beside.is_file() and "sectors" not in _toml(beside.read_bytes(), beside):
        model = dataclasses.replace(model, scenarios=MappingProxyType(load_scenarios(beside)))
    return model


def _outside(expr: Expr) -> bool:
    return isinstance(expr, Call) and expr.name in ("get constants", "get data", "get lookups")


def _repaired(raw: bytes, path: Path) -> bool:
    """Whether a file was repaired, of which every load warns."""
    if path.suffix.lower() == ".mdl":
        return False
    from sdmodel.io.xmile.layout import is_well_formed

    return not is_well_formed(raw)


def _ranges_outside(raw: bytes) -> bool:
    """Whether ranges stand in another file, so that the model is not settled by its own bytes."""
    return re.search(rb"GET[ _](XLS|DIRECT)[ _]SUBSCRIPT", raw, re.IGNORECASE) is not None


def _toml(raw: bytes, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ReadError(f"{path.name} is no TOML: {error}.") from error


def _composition(raw: bytes, path: Path) -> Structure:
    data = _toml(raw, path)
    for k in data:
        if k not in _KEYS:
            raise CompositionError(f"{path.name}: {UnknownNameError(k, _KEYS, 'key')}")
    files = data.get("sectors")
    if not isinstance(files, list) or not files or not all(isinstance(f, str) for f in files):
        raise CompositionError(f"{path.name} needs a list: sectors = ['a.mdl', 'b.mdl'].")
    sectors: dict[str, Structure] = {}
    for file in files:
        place = (path.parent / file).resolve()
        if path.parent.resolve() not in place.parents:
            raise CompositionError(f"{path.name}: '{file}' lies outside the folder of the composition.")
        try:
            sectors[place.stem] = _sector(place.read_bytes(), place)
        except FileNotFoundError:
            known = sorted(p.name for p in path.parent.glob("*.mdl"))
            raise CompositionError(f"{path.name}: {UnknownNameError(file, known, 'file')}") from None
    model = compose_structure(
        path.stem,
        sectors,
        stand_ins=data.get("stand_ins", ()),
        scenarios=scenarios_from(data.get("scenarios", {}), path.name),
    )
    return dataclasses.replace(model, path=path)
