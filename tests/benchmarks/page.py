"""The speed page: its tables are written from the figures that the benchmark keeps."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from timing import lines

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE, FIGURES = DOCS / "numerics" / "speed.md", DOCS / "_generate" / "speed.json"


def keep(part: str, figures: dict[str, Any]) -> None:
    """Keep the figures of a part and write the page."""
    every = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    every[part] = figures
    FIGURES.write_text(json.dumps(every, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def filled(page: str) -> str:
    """The page with the figures between its `measured` comments."""
    every = json.loads(FIGURES.read_text(encoding="utf-8"))

    def block(found: re.Match[str]) -> str:
        return f"{found[1]}\n{_block(every[found[2]])}{found[3]}" if found[2] in every else found[0]

    return re.sub(r"(<!-- measured: (\w+) -->)\n.*?(<!-- end -->)", block, page, flags=re.S)


def _block(figures: dict[str, Any]) -> str:
    parts = []
    for title, *rest in figures["tables"]:
        parts.append(f"**{title}**\n\n{lines(*rest)}" if rest and title else lines(*rest) if rest else f"{title}\n")
    if figures["aims"]:
        parts.append(lines(("aim", "measured", "aimed at", "met"), figures["aims"]))
    return "\n".join([*parts, f"*{figures['machine']}*\n"])
