"""The page on mutation testing, written from the measured figures."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
EQUIVALENT = ROOT / "tests" / "mutation" / "equivalent.toml"
FIGURES = ROOT / "docs" / "_generate" / "mutation.json"
PAGE = ROOT / "docs" / "numerics" / "mutation.md"
ROOMS = (
    *("core", "io", "edit", "compile", "design", "solve", "sweep"),
    *("analysis", "validation", "study", "cli", "models"),
)
AIM = 0.85

HEAD = """# Do the tests notice?

A test that cannot fail shows nothing. Here the code is changed at random, one small change at a time, and the tests run
on each changed copy: a change that no test notices is a gap. This page is written by
`python -m tests.mutation --page` from the figures that the runs leave; no figure is typed in.

## Method

Changes of code: one operator for another (`+` and `-`, `*` and `/`, `<` and `<=`, `==` and `!=`, `and` and `or`, `in`
and `not in`), a `not` or a minus left out, a number raised by one, a truth value turned, a condition that never holds,
a minimum for a maximum, a mean for a median, an `all` for an `any`. A sample of all such places in a room is drawn
with a fixed seed; text of messages, drawings, `strict=` of `zip` and `slots=` of data classes are left out. Lower seeds
were used to find gaps and to write tests; a figure is of changes drawn after that, whose gaps are listed below.

Changes of models: a sign, factor or exponent turned, two operands swapped, a term left out, a number raised by half, a
unit replaced, in the equations of a sector. The checks that `sdmodel check --all` makes of one sector alone run first,
then the tests of the shipped models. The stored ensemble is let pass for any model, since its mark would notice every
change whatever it does. A change is *equivalent* if no variable moves by more than a millionth of its largest value in
runs at all ends of the constants, in a hundred random corners and with a hundred random inputs from other sectors.

Tests are run in a copy, in a process of its own for each change, the quickest of those that run what a changed
condition guards first (recorded with [coverage](https://coverage.readthedocs.io)), then those that run the changed
statement, then its function, then the others of the same files, until one fails or {seconds} seconds of processor time
are used up; a change that makes the tests hang counts as noticed. Only recorded tests take part, and of the experiments
and the shipped models none or few: a figure is a lower bound of what the whole suite notices.

A change that leaves every result the same is *equivalent*: no test can notice it. Each was looked at, and each is
listed with the reason. The share is that of the others.

```bash
python -m tests.mutation --record                          # once: which test runs which line
python -m tests.mutation --room core --number 30 --seed 2  # one room
```

## Figures
"""


def equivalent() -> dict[tuple[str, str], str]:
    """Reason why a change leaves every result the same, by file and changed line."""
    rows = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["change"]
    return {(row["file"], row["change"]): row["reason"] for row in rows}


def load() -> dict[str, Any]:
    """Figures by room; each change has the test that notices it, and the reason where it changes nothing."""
    kept = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    reasons = equivalent()
    for room in kept.values():
        for row in room["changes"]:
            row["equivalent"] = "" if row["by"] else reasons.get((row["file"], row["change"]), row["equivalent"])
    return kept


def save(room: str, figures: dict[str, Any]) -> None:
    kept = load() | {room: figures}
    text = json.dumps(dict(sorted(kept.items())), indent=1, ensure_ascii=False)
    FIGURES.write_text(text + "\n", encoding="utf-8")


def code(text: str) -> str:
    """Inline code that may hold backticks and bars, for a table or a list."""
    fence = "``" if "`" in text else "`"
    pad = " " if fence == "``" else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def share(noticed: int, number: int) -> str:
    return f"{noticed / number:.0%}" if number else "–"


def _share(rows: list[dict[str, Any]]) -> float:
    return sum(bool(r["by"]) for r in rows) / max(sum(not r["equivalent"] for r in rows), 1)


def page() -> str:
    figures = load()
    seconds = max((f["seconds"] for f in figures.values()), default=0)
    lines = [
        HEAD.replace("{seconds}", f"{seconds:g}"),
        "| room | changes | equivalent | noticed | share | seed | commit | date |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for room, f in figures.items():
        rows = f["changes"]
        same = sum(bool(r["equivalent"]) for r in rows)
        noticed = sum(bool(r["by"]) for r in rows)
        lines.append(
            f"| {room} | {len(rows)} | {same} | {noticed} | {share(noticed, len(rows) - same)} "
            f"| {f['seed']} | {f['commit']} | {f['date']} |"
        )
    weak = [room for room, f in figures.items() if _share(f["changes"]) < AIM]
    lines += ["", f"The aim is {AIM:.0%}. Below it: {', '.join(weak) or 'none'}."]
    if missing := [room for room in ROOMS if room not in figures]:
        lines.append(f"Not measured yet: {', '.join(missing)}.")
    if "models" in figures:
        rows = figures["models"]["changes"]
        checked = sum(r["by"].startswith("check") for r in rows)
        lines += [
            "",
            f"Of the changes of the model files {checked} are noticed by what `sdmodel check --all` runs, "
            "so a user's model with a `checks.toml` gets the same care.",
        ]
    for title, wanted in (("Not noticed", False), ("Equivalent", True)):
        lines += ["", f"## {title}", ""]
        before = len(lines)
        for room, f in figures.items():
            for row in f["changes"]:
                if not row["by"] and bool(row["equivalent"]) == wanted:
                    reason = f": {row['equivalent']}" if wanted else ""
                    lines.append(f"- {room}, `{row['file']}`: {code(row['change'])}{reason}")
        if len(lines) == before:
            lines.append("None.")
    return "\n".join(lines) + "\n"


def write() -> None:
    PAGE.write_text(page(), encoding="utf-8")
