"""Questions from their files: arms, measures, predictions, loops and notes as data (TOML) with formulas.

The keys are explained in docs/contributing/add-an-experiment.md.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.study.arms import Setting
from sdmodel.study.finding import Finding
from sdmodel.study.outcomes import STANDARD, measure
from sdmodel.study.paired import Paired, effect, summary
from sdmodel.study.question import Equal, Loop, Prediction, Question
from sdmodel.study.shared import Shared
from sdmodel.study.translation import Say

Table = Mapping[str, Any]
_KEYS = ("asks", "plan", "samples", "every", "overlays", "paths", "headline", "arms", "measures", "equal",
         "prediction", "loop", "note")  # fmt: skip
_PAIR = ("arm", "against", "outcome", "by", "expects")
_BY = ("percent", "difference", "per yuan")


def question_of(
    name: str,
    table: Table,
    overlays: Mapping[str, str] | None = None,
    shared: Shared | None = None,
) -> Question:
    """Build a question from its file.

    Parameters
    ----------
    name
        Name of the experiment.
    table
        The file, as `table_of` reads it.
    overlays
        Texts of the overlays that the file names.
    shared
        As in `Question`.

    Raises
    ------
    DesignError
        If a key is missing, or a formula cannot be read.
    UnknownNameError
        If a key is not known.
    """
    known(table, _KEYS, name)
    try:
        measures = {label: measure(formula) for label, formula in table.get("measures", {}).items()}
        _own_names(measures, name)
        given: dict[str, Any] = {
            "asks": table["asks"],
            "plan": table["plan"],
            "arms": table["arms"],
            "measures": measures,
            "predictions": [_prediction(row, name) for row in table["prediction"]],
            "headline": _headline(table["headline"]),
            "equal": [_equal(row, name) for row in table.get("equal", ())],
            "loops": [_loop(row, name) for row in table.get("loop", ())],
            "paths": _paths(table["paths"], name) if "paths" in table else None,
            "notes": _notes(table.get("note", ())),
            "overlays": overlays or {},
            "digest": digest_of(table, overlays),
            **{k: table[k] for k in ("samples", "every") if k in table},
        }
    except KeyError as error:
        raise DesignError(f"{name}.toml lacks the key {error}.") from None
    return Question(name=name, shared=shared, **given)


def read_question(path: str | Path) -> Question:
    """Read a question from any file; its overlays are in the folder `overlays` beside it.

    Examples
    --------
    >>> import importlib.resources
    >>> read_question(importlib.resources.files("sdmodel.experiments") / "procurement.toml").reference
    'as it is'
    """
    path = Path(path)
    table = table_of(path.stem, path.read_text(encoding="utf-8"))
    overlays = {file: (path.parent / "overlays" / file).read_text("utf-8") for file in table.get("overlays", ())}
    return question_of(path.stem, table, overlays=overlays)


def table_of(name: str, text: str) -> dict[str, Any]:
    """Parse the file of an experiment."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DesignError(f"{name}.toml is not valid TOML: {error}.") from None


def known(row: Table, keys: Collection[str], where: str) -> None:
    """Raise for unknown keys."""
    for key in row:
        if key not in keys:
            raise UnknownNameError(key, keys, f"key of {where}.toml")


def digest_of(table: Table, overlays: Mapping[str, str] | None = None) -> str:
    """Hash of the file of an experiment and of its overlays."""
    parts = [json.dumps(table, sort_keys=True, default=str), *(overlays or {}).values()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _own_names(measures: Collection[str], name: str) -> None:
    """Raise for a measure with the name of a standard outcome."""
    for label in measures:
        if label in STANDARD:
            raise DesignError(
                f"{name}.toml: the measure '{label}' has the name of a standard outcome, which is its value in 2034. "
                f"Give it a name that says what it is, such as '{label} since 2015', or use the standard outcome."
            )


def _prediction(row: Table, name: str) -> Prediction:
    if "holds" in row:
        raise DesignError(
            f"{name}.toml: '{row.get('id')}' has 'holds'. A sample is for a prediction where the effect is above "
            "'least', and against it where it is below minus 'least'; sign the effect so that the paper's is positive."
        )
    known(row, ("id", "says", "effect", *_PAIR, "unit", "least", "label", "reason"), name)
    where = f"{name}.toml: '{row['id']}'"
    if not row["least"] > 0:
        raise DesignError(f"{where} needs a smallest effect that counts, 'least', above 0; it has {row['least']}.")
    if not row["says"].startswith("that "):
        raise DesignError(f"{where} must say a clause that begins with 'that'.")
    common = (row["id"], row["says"])
    rest = (row["least"], row["label"], row["reason"])
    if "effect" in row:
        if given := [key for key in _PAIR if key in row]:
            raise DesignError(f"{where} has both 'effect' and '{given[0]}'; give a formula or two arms.")
        return Prediction(*common, row["unit"], *rest, formula=effect(row["effect"]))
    if row["by"] not in _BY:
        raise UnknownNameError(row["by"], _BY, "way to compare", f"It is 'by' of {where}.")
    if row["expects"] not in ("more", "less"):
        raise DesignError(f"{where} expects '{row['expects']}'; it may expect 'more' or 'less'.")
    unit = "%" if row["by"] == "percent" else row["unit"]
    return Prediction(*common, unit, *rest, **{key: row[key] for key in _PAIR})


def _lever(given: str | Table) -> Any:
    return given if isinstance(given, str) else {name: (zero, unit) for name, (zero, unit) in given.items()}


def _equal(row: Table, name: str) -> Equal:
    known(row, ("like", "budget", "lever", "mixes", "arms", "start", "low", "high", "size"), name)
    mixes: Mapping[str, Any] = {arm: _lever(mix) for arm, mix in row.get("mixes", {}).items()}
    arms: Mapping[str, Setting] = {**{arm: {} for arm in mixes}, **row.get("arms", {})}
    for one, other in (("like", "budget"), ("lever", "mixes")):
        if (one in row) == (other in row):
            raise DesignError(f"{name}.toml: the arms {', '.join(arms)} need '{one}' or '{other}', not both or none.")
    for arm in arms if mixes else ():
        if arm not in mixes:
            raise UnknownNameError(arm, mixes, "arm", f"It has no mix in {name}.toml.")
    more = {k: row[k] for k in ("start", "low", "high", "budget") if k in row}
    size = _lever(row["size"]) if "size" in row else None
    return Equal(row.get("like", ""), _lever(row.get("lever", "")), arms, size=size, mixes=mixes, **more)


def _loop(row: Table, name: str) -> Loop:
    known(row, ("name", "cause", "effect", "held", "arms"), name)
    return Loop(row["name"], row["cause"], row["effect"], row["held"], row["arms"])


def _paths(row: Table, name: str) -> tuple[str, list[str]]:
    known(row, ("variable", "arms"), name)
    return row["variable"], row["arms"]


def _headline(row: Table) -> Callable[[Finding, Paired], str]:
    """A sentence whose figures are those of verdicts, by hypothesis, or formulas as in notes."""

    def say(finding: Finding, paired: Paired) -> str:
        of_verdicts = {
            "share_of": lambda hypothesis: finding.verdict(hypothesis).shares[0],
            "neither_of": lambda hypothesis: finding.verdict(hypothesis).shares[1],
            "against_of": lambda hypothesis: finding.verdict(hypothesis).shares[2],
            "median_of": lambda hypothesis: finding.verdict(hypothesis).effect[0],
        }
        formulas = {k: v for k, v in row.items() if k != "text"}
        return Say(row["text"], **{k: summary(v, paired, of_verdicts) for k, v in formulas.items()})

    return say


def _notes(rows: Sequence[Table]) -> Callable[[Paired], list[str]]:
    """Sentences of the file."""

    def say(paired: Paired) -> list[str]:
        return [Say(row["text"], **{k: summary(v, paired) for k, v in row.items() if k != "text"}) for row in rows]

    return say
