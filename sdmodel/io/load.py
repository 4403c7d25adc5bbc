"""Read models by name or path: Vensim, XMILE and compositions, with the cache of parsed models."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

from sdmodel.core import resources as paths
from sdmodel.core.arguments import kind
from sdmodel.core.errors import CompositionError, ReadError, UnknownNameError, UnsupportedError
from sdmodel.core.expression import Call, Expr
from sdmodel.core.structure import Structure
from sdmodel.core.text import shorten
from sdmodel.io import parse_cache
from sdmodel.io.composition import compose_structure
from sdmodel.io.files import MAX_MODEL_BYTES, not_found, parse_toml, read_bytes
from sdmodel.io.scenarios import load_scenarios, scenarios_from
from sdmodel.io.xmile.non_negative import warn_of_cuts

_SUFFIXES = (".mdl", ".xmile", ".stmx", ".itmx", ".xml", ".toml")
_KEYS = ("title", "description", "sectors", "stand_ins", "scenarios")


def read_model(name: str | Path, *, data_files: str | Path | Sequence[str | Path] = ()) -> Structure:
    """Read a model file, or a shipped model by its name; see `sdmodel.load`."""
    kind("name", name, types=(str, Path), need="a shipped name, or a path")
    text = str(name)
    path = Path(name)
    if not path.suffix and "/" not in text and "\\" not in text:
        known = paths.named_models()
        if text not in known:
            raise UnknownNameError(text, known, "shipped model", f"Shipped are {', '.join(known)}; or give a path.")
        path = known[text]
    if path.suffix.lower() not in _SUFFIXES:
        raise UnsupportedError(f"'{path.name}' ends with '{path.suffix}'; models end with {' or '.join(_SUFFIXES)}.")
    try:
        raw = read_bytes(path, MAX_MODEL_BYTES)
    except FileNotFoundError:
        hint = f"The shipped model is read by name: load('{path.stem}')." if path.stem in paths.named_models() else ""
        raise not_found(path, _SUFFIXES, hint=hint) from None
    model = _composition(raw, path) if path.suffix.lower() == ".toml" else _sector(raw, path)
    kind("data_files", data_files, types=(str, Path, list, tuple), need="a path, or a list of paths")
    if data_files:
        from sdmodel.io.data import attach

        model = attach(model, [data_files] if isinstance(data_files, (str, Path)) else data_files)
    return model


def _sector(raw: bytes, path: Path) -> Structure:
    entry = parse_cache.entry_key(raw, path.name)
    model = parse_cache.get(entry, path)
    if model is None:
        if path.suffix.lower() == ".mdl":
            from sdmodel.io.vensim.translate import read_vensim as read
        else:
            from sdmodel.io.xmile.translate import read_xmile as read
        model = read(raw, path)
        if not _has_external_ranges(raw) and not _repaired(raw, path):
            parse_cache.put(entry, model)
    warn_of_cuts(model.equations.values())
    if any(_is_external(c.expr) for v in model.equations.values() for c in v.components):
        from sdmodel.io.data import attach

        model = attach(model)
    beside = path.with_suffix(".toml")
    if beside.is_file() and "sectors" not in parse_toml(read_bytes(beside), beside.name):
        model = dataclasses.replace(model, scenarios=MappingProxyType(load_scenarios(beside)))
    return model


def _is_external(expr: Expr) -> bool:
    return isinstance(expr, Call) and expr.name in ("get constants", "get data", "get lookups")


def _repaired(raw: bytes, path: Path) -> bool:
    """Whether the XML was repaired; such a model is not cached, so that every load warns."""
    if path.suffix.lower() == ".mdl":
        return False
    from sdmodel.io.xmile.layout import is_well_formed

    return not is_well_formed(raw)


def _has_external_ranges(raw: bytes) -> bool:
    """Whether ranges are read from another file, so that the contents of this file do not determine the model."""
    return re.search(rb"GET[ _](XLS|DIRECT)[ _]SUBSCRIPT", raw, re.IGNORECASE) is not None


def _composition(raw: bytes, path: Path) -> Structure:
    data = parse_toml(raw, path.name)
    for k in data:
        if k not in _KEYS:
            raise CompositionError(f"{path.name}: {UnknownNameError(k, _KEYS, 'key')}")
    files = data.get("sectors")
    if not isinstance(files, list) or not files or not all(isinstance(f, str) for f in files):
        raise CompositionError(f"{path.name} needs a list: sectors = ['a.mdl', 'b.mdl'].")
    stand_ins = data.get("stand_ins", [])
    if not isinstance(stand_ins, list) or not all(isinstance(name, str) for name in stand_ins):
        raise CompositionError(f"{path.name}: stand_ins must be a list of sector names, such as ['culture'].")
    sectors: dict[str, Structure] = {}
    for file in files:
        place = _sector_file(file, path)
        if place.stem in sectors:
            raise CompositionError(f"{path.name}: two sectors are called '{place.stem}'; each needs a name of its own.")
        sectors[place.stem] = _sector(_bytes_of_sector(file, place, path), place)
    model = compose_structure(
        path.stem,
        sectors,
        stand_ins=stand_ins,
        scenarios=scenarios_from(data.get("scenarios", {}), path.name),
    )
    return dataclasses.replace(model, path=path)


def _sector_file(file: str, composition: Path) -> Path:
    """The path of a sector, which must be a model file in the folder of the composition."""
    try:
        place = (composition.parent / file).resolve()
    except (OSError, ValueError, RuntimeError):
        raise CompositionError(f"{composition.name}: '{shorten(file)}' is not a file name.") from None
    if composition.parent.resolve() not in place.parents:
        raise CompositionError(f"{composition.name}: '{shorten(file)}' lies outside the folder of the composition.")
    if place.suffix.lower() not in _SUFFIXES[:-1]:
        kinds = " or ".join(_SUFFIXES[:-1])
        raise CompositionError(f"{composition.name}: '{shorten(file)}' is not a sector; a sector ends with {kinds}.")
    return place


def _bytes_of_sector(file: str, place: Path, composition: Path) -> bytes:
    try:
        return read_bytes(place, MAX_MODEL_BYTES)
    except FileNotFoundError:
        raise CompositionError(f"{composition.name}: {not_found(place, _SUFFIXES[:-1])}") from None
    except ReadError as error:
        raise CompositionError(f"{composition.name}: sector '{shorten(file)}': {error}") from error
