"""Write the tables of functions on the page of the language from the table in `sdmodel.core.functions`.

``python docs/_generate/language_page.py`` brings ``docs/language.md`` up to date; a test fails while it is not.
"""

from __future__ import annotations

import re
import sys
from itertools import groupby
from pathlib import Path

from sdmodel.core.functions.entry import Function
from sdmodel.core.functions.refused import REFUSED
from sdmodel.core.functions.table import CHAPTERS

PAGE = Path(__file__).parents[1] / "language.md"


def row(entry: Function) -> str:
    """A row of a table: name, meaning, units, XMILE's word, what it needs steps for."""
    unit = entry.unit.replace("->", "→").strip() or "depends on its values"
    cells = (f"`{entry.name}`", entry.sentence, unit, entry.xmile, "steps" if entry.steps else "")
    return "| " + " | ".join(cells) + " |"


def chapters() -> str:
    """A table for each chapter of functions."""
    out = []
    for title, entries in CHAPTERS.items():
        out += [f"### {title}", "", "| function | meaning | units | in XMILE | |", "|---|---|---|---|---|"]
        out += [*map(row, entries), ""]
    return "\n".join(out).strip()


def refused() -> str:
    """A table of the functions that are refused, by reason."""
    out = ["| function | reason |", "|---|---|"]
    pairs = sorted(REFUSED.items(), key=lambda pair: pair[1])
    for reason, group in groupby(pairs, key=lambda pair: pair[1]):
        out.append(f"| {', '.join(f'`{name}`' for name, _ in group)} | {reason} |")
    return "\n".join(out)


def written(text: str) -> str:
    """The page with the parts between its marks made anew."""
    for mark, part in (("functions", chapters()), ("refused", refused())):
        pattern = re.compile(rf"(<!-- {mark}: made by language_page.py -->\n).*?(<!-- end -->)", re.DOTALL)
        text, count = pattern.subn(lambda found, part=part: f"{found[1]}{part}\n{found[2]}", text)  # type: ignore[misc]
        if count != 1:
            sys.exit(f"The page has {count} places marked '{mark}'.")
    return text


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), encoding="utf-8")
