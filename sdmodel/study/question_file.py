"""Questions from their files: arms, measures, predictions, loops and panels as data (TOML) with formulas.

The keys are explained in docs/contributing/add-an-experiment.md. A module of the same name beside the file may
define functions that formulas call, with the `Paired` as their first argument, `MEASURES` that no formula can express,
`notes` and `extras`.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from inspect import getsource, isfunction
from pathlib import Path
from types import ModuleType
from typing import Any

from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.study.arms import Setting
from sdmodel.study.finding import Finding
from sdmodel.study.outcomes import STANDARD, measure
from sdmodel.study.paired import Paired, effect, summary
from sdmodel.study.question import Equal, Loop, Prediction, Question
from sdmodel.study.translation import Say

Functions = Mapping[str, Callable[..., Any]]
Table = Mapping[str, Any]
_KEYS = ("asks", "plan", "samples", "every", "overlays", "paths", "headline", "arms", "measures", "equal",
         "prediction", "loop", "panel", "note")  # fmt: skip
_PAIR = ("arm", "against", "outcome", "by", "expects")
_BY = ("percent", "difference", "per yuan")


def question_of(
    name: str,
    table: Table,
    module: ModuleType | None = None,
    overlays: Mapping[str, str] | None = None,
    more: Table | None = None,
) -> Question:
    """Build a question from its file.

    Parameters
    ----------
    name
        Name of the experiment.
    table
        The file, as `table_of` reads it.
    module
        Module beside the file, if there is one.
    overlays
        Texts of the overlays that the file names.
    more
        Fields of the `Question` that are not in the file.

    Raises
    ------
    DesignError
        If a key is missing, or a formula cannot be read.
    UnknownNameError
        If a key is not known.
    """
    known(table, _KEYS, name)
    own = vars(module) if module else {}
    functions = {k: v for k, v in own.items() if isfunction(v) and v.__module__ == own["__name__"]}
    try:
        measures = {
            label: own["MEASURES"][label] if formula == "module" else measure(formula)
            for label, formula in table.get("measures", {}).items()
        }
        _own_names(measures, name)
        given: dict[str, Any] = {
            "asks": table["asks"],
            "plan": table["plan"],
            "arms": table["arms"],
            "measures": measures,
            "predictions": [_prediction(row, functions, name) for row in table["prediction"]],
            "headline": _headline(table["headline"], functions),
            "equal": [_equal(row, name) for row in table.get("equal", ())],
            "loops": [_loop(row, name) for row in table.get("loop", ())],
            "paths": _paths(table["paths"], name) if "paths" in table else None,
            "notes": _notes(table.get("note", ()), functions),
            "extras": functions.get("extras"),
            "overlays": overlays or {},
            "digest": _digest(table, module, overlays),
            **{k: table[k] for k in ("samples", "every") if k in table},
        }
    except KeyError as error:
        raise DesignError(f"{name}.toml lacks the key {error}.") from None
    return Question(name=name, **{**given, **(more or {})})


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


def _digest(table: Table, module: ModuleType | None, overlays: Mapping[str, str] | None) -> str:
    parts = [
        json.dumps(table, sort_keys=True, default=str),
        getsource(module) if module else "",
        *(overlays or {}).values(),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _own_names(measures: Collection[str], name: str) -> None:
    """Raise for a measure with the name of a standard outcome."""
    for label in measures:
        if label in STANDARD:
            raise DesignError(
                f"{name}.toml: the measure '{label}' has the name of a standard outcome, which is its value in 2034. "
                f"Give it a name that says what it is, such as '{label} since 2015', or use the standard outcome."
            )


def _prediction(row: Table, functions: Functions, name: str) -> Prediction:
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
        return Prediction(*common, row["unit"], *rest, formula=effect(row["effect"], functions))
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


def _headline(row: Table, functions: Functions) -> Callable[[Finding, Paired], str]:
    """A sentence whose figures are those of verdicts, by hypothesis, or formulas as in notes."""

    def say(finding: Finding, paired: Paired) -> str:
        known_by_id: Functions = {
            "share_of": lambda _, hypothesis: finding.verdict(hypothesis).shares[0],
            "neither_of": lambda _, hypothesis: finding.verdict(hypothesis).shares[1],
            "against_of": lambda _, hypothesis: finding.verdict(hypothesis).shares[2],
            "median_of": lambda _, hypothesis: finding.verdict(hypothesis).effect[0],
        }
        formulas = {k: v for k, v in row.items() if k != "text"}
        return Say(row["text"], **{k: summary(v, paired, {**functions, **known_by_id}) for k, v in formulas.items()})

    return say


def _notes(rows: Sequence[Table], functions: Functions) -> Callable[[Paired], list[str]]:
    """Sentences of the file, one for each of the `arms` of a row where it has some; then those of the module."""

    def one(row: Table, paired: Paired, arm: str) -> Say:
        formulas = {k: v for k, v in row.items() if k not in ("text", "arms")}
        return Say(row["text"], **{k: summary(v, paired, functions, arm) for k, v in formulas.items()})

    def say(paired: Paired) -> list[str]:
        more = functions.get("notes")
        entries: list[str] = [one(row, paired, arm) for row in rows for arm in row.get("arms", [""])]
        return [*entries, *(more(paired) if more else ())]

    return say
