"""Locations of the shipped models and experiments: inside the installed package, or next to it in a checkout."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

_HERE = Path(__file__).resolve().parents[1]
_FOLDERS = ("experiments", "models")


def _beside(folder: str) -> Path | None:
    """Folder next to the package in a checkout, which is recognised by its `pyproject.toml`."""
    root = _HERE.parent
    return root / folder if (root / "pyproject.toml").is_file() and (root / folder).is_dir() else None


class CheckoutFinder:
    """Import finder for `sdmodel.experiments` and `sdmodel.models` in a checkout.

    In a checkout the two folders are next to the package; a wheel contains them, so this finder is not used. Appending
    the root to `sdmodel.__path__` would also make `sdmodel.tests` and `sdmodel.setup` importable.
    """

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Spec of one of the two folders; None for any other name, or outside a checkout."""
        package, _, folder = name.rpartition(".")
        if package != "sdmodel" or folder not in _FOLDERS or _beside(folder) is None:
            return None
        return PathFinder.find_spec(name, [str(_HERE.parent)], target)

    @classmethod
    def install(cls) -> None:
        """Append this finder to `sys.meta_path`."""
        if cls not in sys.meta_path:
            sys.meta_path.append(cls)


def shipped(folder: str) -> Path:
    """The folder `models` or `experiments`: inside the installed package, else next to it in a checkout."""
    inside = _HERE / folder
    found = inside if inside.is_dir() else _beside(folder)
    if found is None:
        raise FileNotFoundError(f"The folder '{folder}' of sdmodel is missing; install the package again.")
    return found


def named_models() -> dict[str, Path]:
    """All models that are loaded by name: the policy models and the small ones for teaching."""
    return teaching_models() | shipped_models()


def shipped_models() -> dict[str, Path]:
    """Shipped policy models by name; a composition (.toml) takes precedence over a sector of the same name."""
    place = shipped("models")
    out = {p.stem: p for p in sorted(place.glob("*.mdl"))}
    for p in sorted(place.glob("*.toml")):
        if any(line.startswith("sectors") for line in p.read_text("utf-8").splitlines()):
            out[p.stem] = p
    return out


def teaching_models() -> dict[str, Path]:
    """Small shipped models for teaching, by name: the `.mdl` files in the subfolders of `models`."""
    return {p.stem: p for p in sorted(shipped("models").glob("*/*.mdl"))}
