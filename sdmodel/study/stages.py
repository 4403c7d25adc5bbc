"""Classify runs by the stages that the paper names for its three levels.

The conditions are data, `models/stages.toml`: most thresholds are guesses with a range, and marked as such. No
model reads a stage; stages are computed from runs only.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sdmodel.core.errors import UnknownNameError
from sdmodel.core.resources import shipped
from sdmodel.core.run import Run

if TYPE_CHECKING:
    import xarray as xr

SIGNS = {"at least": np.greater_equal, "at most": np.less_equal, "above": np.greater}
LEVELS = ("micro", "meso", "macro")


@dataclass(frozen=True, slots=True)
class Condition:
    """One threshold: the sum of `variables`, over the sum of `per` where given, against `value` in `unit`."""

    variables: tuple[str, ...]
    sign: str
    value: float
    unit: str
    source: str
    per: tuple[str, ...] = ()
    element: str = ""
    range: tuple[float, float] | None = None

    def threshold(self, end: str) -> float:
        """The threshold (`value`), or the end of its range that is harder or easier to meet."""
        if end == "value" or self.range is None:
            return self.value
        return self.range[int((end == "harder") == (self.sign != "at most"))]

    @property
    def text(self) -> str:
        """The condition in words."""
        of = " plus ".join(self.variables) + (f" of {self.element} firms" if self.element else "")
        over = f" over {' plus '.join(self.per)}" if self.per else ""
        return f"{of}{over} {self.sign} {self.value:g}{'' if self.unit == 'Dmnl' else ' ' + self.unit}"


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a level, with the conditions of its own."""

    level: str
    number: int
    name: str
    anchor: str
    once: bool
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """The author's assessment: the year, and for each level the first and last stage."""

    year: int
    source: str
    stages: dict[str, tuple[int, int]]


@cache
def shipped_stages() -> tuple[Stage, ...]:
    """The stages of `models/stages.toml`, level by level in their order."""
    return tuple(_stage(entry) for entry in _file()["stage"])


@cache
def placed() -> Placed:
    """The paper's assessment of the population that it describes."""
    entry = _file()["placed"]
    return Placed(entry["year"], entry["source"], {level: tuple(entry[level]) for level in LEVELS})


def outputs() -> list[str]:
    """Variables that a sweep must store so that its stages can be computed.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from sdmodel.study import stages
    >>> "trust" in stages.outputs()
    True
    """
    return list(dict.fromkeys(name for s in shipped_stages() for c in s.conditions for name in (*c.variables, *c.per)))


def stages(found: Run | xr.Dataset) -> pd.DataFrame:
    """The stage of each level over time, for a run or each run of a sweep.

    A stage in the paper's order is reached where its conditions hold and those of every stage before it do; a stage
    marked `once` (a passage, such as a push) counts as passed from the first time it was reached.

    Parameters
    ----------
    found
        A run, or a sweep that kept the variables `outputs()` names.

    Returns
    -------
    pandas.DataFrame
        Columns `run` (sweeps only), `time`, `level`; `stage`, the number reached in the paper's order, 0 to 5; `least`
        and `most`, the same with every guessed threshold at the end of its range that is harder or easier to meet;
        `highest`, the highest stage whose own conditions hold, whatever comes before; `waits for`, the first condition
        of the next stage that does not hold. Missing where a run failed.

    Raises
    ------
    UnknownNameError
        If a variable was not kept.

    Examples
    --------
    >>> import sdmodel
    >>> from sdmodel.study import stages
    >>> table = stages.stages(sdmodel.load("shandong").run(every=5))
    >>> table.columns.to_list()
    ['time', 'level', 'stage', 'least', 'most', 'highest', 'waits for']
    """
    runs, time = _axes(found)
    blocks = []
    for level in LEVELS:
        own = [s for s in shipped_stages() if s.level == level]
        values = [[_value(found, c) for c in s.conditions] for s in own]
        good = np.all([np.isfinite(v) for row in values for v in row], axis=0)
        holds = {end: [_holds(s, row, end, good.shape) for s, row in zip(own, values, strict=True)] for end in _ENDS}
        numbers = {end: _in_order(own, holds[end]) for end in _ENDS}
        highest = np.max([s.number * h for s, h in zip(own, holds["value"], strict=True)], axis=0)
        waits = np.full(good.shape, "", dtype=object)
        for s, row in zip(own, values, strict=True):
            for c, v in reversed(list(zip(s.conditions, row, strict=True))):
                waits[(numbers["value"] == s.number - 1) & ~SIGNS[c.sign](v, c.value)] = c.text
        block = {
            "run": np.repeat(runs, len(time)),
            "time": np.tile(time, len(runs)),
            "level": level,
            "stage": numbers["value"].ravel(),
            "least": numbers["harder"].ravel(),
            "most": numbers["easier"].ravel(),
            "highest": highest.ravel(),
            "waits for": waits.ravel(),
        }
        table = pd.DataFrame(block)
        counts = ["stage", "least", "most", "highest"]
        table[counts] = table[counts].astype("Int64")
        table.loc[~good.ravel(), [*counts, "waits for"]] = pd.NA
        blocks.append(table)
    out = pd.concat(blocks, ignore_index=True)
    return out.drop(columns="run") if isinstance(found, Run) else out


def conditions(found: Run | xr.Dataset) -> pd.DataFrame:
    """Every condition of every stage over time.

    Parameters
    ----------
    found
        A run, or a sweep that kept the variables `outputs()` names.

    Returns
    -------
    pandas.DataFrame
        Columns `run` (sweeps only), `time`, `level`, `number`, `stage`, `condition`, `value`, `threshold`, `holds`,
        `source`.

    Raises
    ------
    UnknownNameError
        If a variable was not kept.
    """
    runs, time = _axes(found)
    blocks = []
    for s in shipped_stages():
        for c in s.conditions:
            value = _value(found, c)
            block = {
                "run": np.repeat(runs, len(time)),
                "time": np.tile(time, len(runs)),
                "level": s.level,
                "number": s.number,
                "stage": s.name,
                "condition": c.text,
                "value": value.ravel(),
                "threshold": c.value,
                "holds": SIGNS[c.sign](value, c.value).ravel(),
                "source": c.source,
            }
            blocks.append(pd.DataFrame(block))
    out = pd.concat(blocks, ignore_index=True)
    return out.drop(columns="run") if isinstance(found, Run) else out


def against_the_paper(run: Run) -> pd.DataFrame:
    """Compare the stages of a run in the year of the paper with its author's assessment.

    Parameters
    ----------
    run
        A run that reports the year.

    Returns
    -------
    pandas.DataFrame
        Index `level`; `paper from`, `paper to`, `model`, `least`, `most`, `waits for`, and `agrees`: whether the stage
        at the thresholds as they stand lies where the paper has it.

    Examples
    --------
    >>> import sdmodel
    >>> from sdmodel.study import stages
    >>> stages.against_the_paper(sdmodel.load("shandong").run(every=1)).index.to_list()
    ['micro', 'meso', 'macro']
    """
    said = placed()
    table = stages(run)
    table = table[table["time"] == float(said.year)].set_index("level")
    if table.empty:
        raise UnknownNameError(str(said.year), (f"{t:g}" for t in run.time), "report of the year")
    ends = pd.DataFrame(said.stages, index=["paper from", "paper to"]).T
    out = ends.join(table.rename(columns={"stage": "model"})[["model", "least", "most", "waits for"]])
    out["agrees"] = (out["model"] >= out["paper from"]) & (out["model"] <= out["paper to"])
    out.index.name = "level"
    return out


# -- inside -------------------------------------------------------------------------------------------------------
_ENDS = ("value", "harder", "easier")


def _file() -> dict[str, Any]:
    return tomllib.loads((shipped("models") / "stages.toml").read_text("utf-8"))


def _stage(entry: dict[str, Any]) -> Stage:
    held = tuple(_condition(c) for c in entry["conditions"])
    return Stage(entry["level"], entry["number"], entry["name"], entry["anchor"], entry.get("once", False), held)


def _condition(entry: dict[str, Any]) -> Condition:
    (sign,) = entry.keys() & SIGNS.keys()
    ends = tuple(entry["range"]) if "range" in entry else None
    return Condition(
        _names(entry["variable"]),
        sign,
        entry[sign],
        entry["unit"],
        entry["source"],
        _names(entry.get("per", ())),
        entry.get("element", ""),
        ends,
    )


def _names(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _axes(found: Run | xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(found, Run):
        return np.zeros(1, dtype=int), found.time
    return found["run"].to_numpy(), found["time"].to_numpy()


def _value(found: Run | xr.Dataset, condition: Condition) -> np.ndarray:
    """The quantity of a condition, shape (runs, times)."""
    total: np.ndarray = np.sum([_read(found, name, condition.element) for name in condition.variables], axis=0)
    if condition.per:
        total = total / np.sum([_read(found, name, "") for name in condition.per], axis=0)
    return total


def _read(found: Run | xr.Dataset, name: str, element: str) -> np.ndarray:
    if isinstance(found, Run):
        return found[f"{name}[{element}]" if element else name].to_numpy()[None]
    if name not in found:
        raise UnknownNameError(name, map(str, found), hint="Sweep with outputs=stages.outputs() to keep all it takes.")
    array = found[name]
    if element:
        (axis,) = set(array.dims) - {"run", "time"}
        array = array.sel({axis: element})
    return array.transpose("run", "time").to_numpy()


def _holds(stage: Stage, values: list[np.ndarray], end: str, shape: tuple[int, ...]) -> np.ndarray:
    out = np.ones(shape, dtype=bool)
    for c, v in zip(stage.conditions, values, strict=True):
        out &= SIGNS[c.sign](v, c.threshold(end))
    return out


def _in_order(own: list[Stage], holds: list[np.ndarray]) -> np.ndarray:
    """Number of the last stage reached in the paper's order, shape (runs, times)."""
    before, number = np.ones(holds[0].shape, dtype=bool), np.zeros(holds[0].shape, dtype=int)
    for stage, h in zip(own, holds, strict=True):
        before = before & h
        if stage.once:
            before = np.logical_or.accumulate(before, axis=-1)
        number[before] = stage.number
    return number
