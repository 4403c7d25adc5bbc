"""Change code or model equations at random, run the tests that touch the change, and count what they notice.

Not part of the suite. The changes are made in a copy; the checkout stays as it is.

    python -m tests.mutation --record [tests/core ...]
    python -m tests.mutation --room analysis --number 30 --seed 1
    python -m tests.mutation --room models --number 30
    python -m tests.mutation --page
"""

from __future__ import annotations

import argparse
import random
import subprocess
import time
from functools import partial
from pathlib import Path

from tests.mutation import models, page, trials
from tests.mutation.changes import Mutant, code_mutants, kind_of, model_mutants

say = partial(print, flush=True)


def mutants(room: str) -> list[tuple[Mutant, str]]:
    """Every change of a room, with the text of its file."""
    if room == "models":
        files = sorted((trials.ROOT / "models").glob("*.mdl"))
    else:
        place = trials.ROOT / "sdmodel" / room
        files = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    files = [f for f in files if not f.stem.endswith("figures")]  # drawings, which tests look at as a whole
    make = model_mutants if room == "models" else code_mutants
    texts = {f.relative_to(trials.ROOT): f.read_text("utf-8") for f in files}
    return [(m, text) for path, text in texts.items() for m in make(path, text)]


def commit() -> tuple[str, str]:
    """Short name and date of the commit that is measured."""
    told = subprocess.run(
        ["git", "log", "-1", "--format=%h %cs"], cwd=trials.ROOT, capture_output=True, text=True, check=True
    )
    name, date = told.stdout.split()
    return name, date


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.splitlines()[0])
    parser.add_argument("--record", nargs="*", metavar="TESTS", help="record which test runs which line (all tests)")
    parser.add_argument("--room", help="a folder or module of sdmodel, such as analysis, or models")
    parser.add_argument("--number", type=int, default=30, help="changes to try (30)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the choice (1)")
    parser.add_argument("--seconds", type=float, default=20, help="processor time of the tests of one change (20)")
    parser.add_argument("--samples", type=int, default=200, help="random corners of the tests of models (200)")
    parser.add_argument("--save", action="store_true", help="keep the figures for the page")
    parser.add_argument("--page", action="store_true", help="write docs/numerics/mutation.md from the kept figures")
    given = parser.parse_args()
    if given.page:
        page.write()
    if given.record is None and given.room is None:
        return
    trials.warm()
    trials.refresh_copy()
    if given.record is not None:
        trials.record(given.record, say)
    if given.room is None:
        return
    if given.room == "models":
        models.warm()
    every = mutants(given.room)
    chosen = random.Random(given.seed).sample(every, min(given.number, len(every)))
    touched, reasons = trials.Touched(), page.equivalent()
    before: dict[Path, set[str]] = {}  # what a model misses unchanged
    rows: list[dict[str, str]] = []
    for i, (mutant, text) in enumerate(chosen, 1):
        begun, by = time.monotonic(), ""
        if given.room == "models":
            if mutant.path not in before:
                before[mutant.path] = models.checked(None, mutant.path, set(), given.samples, 600)
            found = models.checked(mutant, mutant.path, before[mutant.path], given.samples, 600)
            by = f"check: {min(found)}" if found else ""
        order = touched.order(mutant, text, given.seconds) if not by else []
        by = by or trials.failed_with(mutant, order, given.seconds, trials.HOME / "failed")
        shown = mutant.shown(text)
        same = "" if by else reasons.get((mutant.path.as_posix(), shown), "")
        judged = by or same or given.room != "models" or kind_of(mutant, text) == "units"
        if not judged and models.moves_nothing(mutant, 600):
            same = f"every variable stays within {models.SAME:g} of its largest value, at all ends and in corners"
        row = {"file": mutant.path.as_posix(), "change": shown, "by": by, "equivalent": same}
        if given.room == "models":
            row["kind"] = kind_of(mutant, text)
        rows.append(row)
        word = "noticed" if by else "equivalent" if same else "NOT NOTICED"
        took = time.monotonic() - begun
        say(f"{i:3} {word:11} {took:4.0f} s  {row['file']}:{mutant.number(text)}: {shown}  {by}".rstrip())
    seen, same = sum(bool(r["by"]) for r in rows), sum(bool(r["equivalent"]) for r in rows)
    name, date = commit()
    say(f"{given.room}: {seen} of {len(rows) - same} noticed ({page.share(seen, len(rows) - same)}), {same} equivalent")
    if given.save:
        figures = {"seed": given.seed, "seconds": given.seconds, "commit": name, "date": date, "changes": rows}
        page.save(given.room, figures)


if __name__ == "__main__":
    main()
