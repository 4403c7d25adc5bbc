"""Where the shipped models, experiments and their data lie, installed or in a checkout."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent


def shipped(folder: str) -> Path:
    """The folder `models` or `experiments`: inside the installed package, else beside it in a checkout.

    The folder beside the package counts only where a `pyproject.toml` lies next to it, so that a stranger's
    `site-packages/models` is never taken for ours.
    """
    inside = _HERE / folder
    if inside.is_dir():
        return inside
    root = _HERE.parent
    if (root / "pyproject.toml").is_file() and (root / folder).is_dir():
        return root / folder
    raise FileNotFoundError(f"The folder '{folder}' of sdmodel is missing; install the package again.")


def shipped_models() -> dict[str, Path]:
    """Shipped models by name; a composition (.toml with sectors) comes before a sector of the same name."""
    place = shipped("models")
    out = {p.stem: p for p in sorted(place.glob("*.mdl"))}
    for p in sorted(place.glob("*.toml")):
        if any(line.startswith("sectors") for line in p.read_text("utf-8").splitlines()):
            out[p.stem] = p
    return out
