"""Checks of what the functions of this room are given: an argument of one name means the same in all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from sdmodel.compile.parameters import constants_table
from sdmodel.core.arguments import count, interval, kind, number, refuse
from sdmodel.core.calendar import Year, year
from sdmodel.core.errors import DesignError, OverrideError, RangeError
from sdmodel.core.expression import key
from sdmodel.core.outcome import Outcome
from sdmodel.core.ranges import NEED, Choices, has_ranges, is_distribution, read_ranges
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure
from sdmodel.design.tables import LABELS, table
from sdmodel.solve.inputs import constants_named, inputs_named, refuse_dates, starts_of, variable_of

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Seed = int | np.random.Generator | None
Outcomes: TypeAlias = "str | Outcome | xr.DataArray | Sequence[str | Outcome | xr.DataArray]"
Parameters: TypeAlias = "pd.DataFrame | Mapping[str, Any] | Iterable[Any] | str"
"""Ranges of constants in any form of `sdmodel.latin_hypercube`, or names for the ranges of the file."""
Lever: TypeAlias = "str | pd.DataFrame | Mapping[str, Any]"
"""A constant by its name, or with its range."""
Limits = Mapping[Any, tuple[float | None, float | None]]
"""Least and most by Outcome, or by the name of a variable for its final value."""


# -- kinds ------------------------------------------------------------------------------------------------------
def _optional(check: Callable[[str, object], None]) -> Callable[[str, object], None]:
    return lambda name, value: None if value is None else check(name, value)


def _seed(name: str, value: object) -> None:
    if not (value is None or isinstance(value, np.random.Generator)):
        count(name, value, low=0)


def _time(name: str, value: object) -> None:
    number(name, year(value))


def _limits(name: str, value: object) -> None:
    need = "a mapping from Outcome to (least, most), one of which may be None: {sdmodel.Outcome('cost'): (None, 400)}"
    kind(name, value, types=(Mapping,), need=need)
    for outcome, ends in value.items():  # type: ignore[attr-defined]
        if not isinstance(outcome, (str, Outcome)) or not isinstance(ends, (tuple, list)) or len(ends) != 2:
            raise refuse(name, value, need)
        label = outcome if isinstance(outcome, str) else outcome.label
        given = [end for end in ends if end is not None]
        for end in given:
            number(f"limit of '{label}'", end)
        if not given or given[0] > given[-1]:
            raise refuse(f"limit of '{label}'", ends, "(least, most) in rising order, at least one of them")


_NAME = partial(kind, types=(str,), need="one name, as a string")
_TABLE = partial(kind, types=(Iterable,), need="a pandas.DataFrame with one row a case")
_CHECKS: dict[str, Callable[[str, object], None]] = {
    "model": partial(kind, types=(Structure,), need="a model, such as sdmodel.load('shandong')"),
    "of": lambda name, value: None if hasattr(value, "data_vars") else _CHECKS["model"](name, value),
    "variable": _NAME,
    "low": _optional(number),
    "high": _optional(number),
    "above": _optional(number),
    "below": _optional(number),
    "level": number,
    "tolerance": partial(number, low=0),
    "cut": partial(number, above=0),
    "density": partial(number, above=0, high=1),
    "points": partial(count, low=2),
    "levels": partial(count, low=2),
    "n": _optional(count),
    "starts": count,
    "generations": count,
    "most": count,
    "resamples": partial(count, low=0),
    "population": partial(count, low=5),
    "rng": _seed,
    "at": _optional(_time),
    "start": _optional(_time),
    "limits": _optional(_limits),
    "design": _optional(_TABLE),
    "samples": _optional(_TABLE),
    "values": _optional(partial(kind, types=(Mapping, Scenario), need="a mapping from constants to numbers")),
    "scenario": _optional(partial(kind, types=(str, Scenario), need="the name of a scenario, or a Scenario")),
    "errors": _optional(partial(kind, types=(Mapping,), need="a mapping from series to standard deviations")),
    "discrepancy": _optional(partial(kind, types=(Mapping,), need="a mapping from series to standard deviations")),
    "within": _optional(partial(kind, types=(Mapping,), need="a mapping from states to (least, most)")),
    "units": _optional(partial(kind, types=(Mapping,), need="a mapping from parameters to units")),
    "data": _optional(partial(kind, types=(Mapping,), need="a mapping from data variables to series")),
}
"""By name of an argument: what refuses a value of a wrong kind."""


def check(**arguments: object) -> None:
    """Refuse arguments of a wrong kind, each by the rule for its name.

    Raises
    ------
    DesignError
        With the argument, what was given, and what to give instead.
    """
    for name, value in arguments.items():
        _CHECKS[name](name, value)


# -- outcomes ---------------------------------------------------------------------------------------------------
def outcome_list(outcomes: Outcomes) -> list[Any]:
    """One or several outcomes as a list.

    Raises
    ------
    DesignError
        If there is none, one is neither a name, an Outcome nor a DataArray, or whole paths (names, and DataArrays with
        the dimension time) are mixed with outcomes of one number a run.
    """
    need = (
        "the name of a variable (its whole path), an Outcome (one number a run), a DataArray of values of the sweep, "
        "or a list of them"
    )
    if not is_outcome(outcomes) and (not isinstance(outcomes, Iterable) or isinstance(outcomes, Mapping)):
        raise refuse("outcomes", outcomes, need)
    out: list[Any] = [outcomes] if is_outcome(outcomes) else list(outcomes)  # type: ignore[arg-type]  # iterable
    if not out or not all(map(is_outcome, out)):
        raise refuse("outcomes", outcomes, need)
    if len({isinstance(o, str) or "time" in getattr(o, "dims", ()) for o in out}) > 1:
        raise DesignError("Names (whole paths) and Outcomes (one number a run) do not fit into one table; ask twice.")
    return out


def is_outcome(given: object) -> bool:
    """Whether it is one outcome: a name, an Outcome, or a DataArray."""
    return isinstance(given, (str, Outcome)) or (hasattr(given, "dims") and hasattr(given, "to_numpy"))


def one_outcome(name: str, given: Any) -> Outcome:
    """An outcome of one number a run; the name of a variable is its final value.

    Raises
    ------
    DesignError
        If it is neither.
    """
    if not isinstance(given, (str, Outcome)):
        raise refuse(name, given, "an Outcome, such as sdmodel.Outcome('trust', at=2034), or the name of a variable")
    return Outcome(given) if isinstance(given, str) else given


def variables_of(model: Structure, outcomes: Iterable[str | Outcome]) -> list[str]:
    """Names of the variables that outcomes are taken from, without elements."""
    arrays = [o for o in outcomes if not isinstance(o, (str, Outcome))]
    if arrays:
        raise DesignError("A DataArray holds values of a sweep; give that sweep in place of the model.")
    names = [o if isinstance(o, str) else o.variable for o in outcomes]
    return list(dict.fromkeys(model.owner(name).name for name in names))


# -- parameters -------------------------------------------------------------------------------------------------
def parameter_names(parameters: Any) -> list[str]:
    """Names of parameters that are given with ranges, as a list of names, or as one name.

    Raises
    ------
    DesignError
        If there is none, one is no string, or one is given twice.
    """
    need = f"a list of names, or {NEED}"
    if has_ranges(parameters):
        import pandas as pd

        if isinstance(parameters, pd.DataFrame) and not {"low", "high"} & set(parameters.columns):
            parameters = parameters.assign(low=0.0, high=0.0)  # a table of names alone
        return [str(name) for name in read_ranges(parameters).index]
    if not isinstance(parameters, Iterable):
        raise refuse("parameters", parameters, need)
    names = [parameters] if isinstance(parameters, str) else list(parameters)
    wrong = [name for name in names if not isinstance(name, str)]
    if wrong:
        raise DesignError(f"The parameter {wrong[0]!r} is no name: give {need}.")
    if not names:
        raise DesignError(f"No parameters are given: give {need}, or mark constants as [lever] or [uncertainty].")
    keys = [key(name) for name in names]
    twice = [name for name in names if keys.count(key(name)) > 1]
    if twice:
        raise DesignError(f"The parameter '{twice[0]}' is given twice.")
    return names


def constants_to_vary(model: Structure, parameters: Any, *, closed: bool = False, continuous: str = "") -> pd.DataFrame:
    """Parameters as rows of `Model.parameters`, with the ranges that are given.

    Parameters
    ----------
    model
        The model whose constants they are.
    parameters
        Ranges in any form of `sdmodel.core.ranges.read_ranges`; or names, or one name, for the ranges of the file. What
        a table leaves out is taken from the model; a range without a distribution is uniform, or of whole numbers where
        the file says so. The name of a constant with subscripts stands for all elements: moved together where a range
        is given, else one by one.
    closed
        Refuse ranges that are open or have one value only.
    continuous
        What needs a continuous range, for the message that refuses a list of choices; empty if nothing does.

    Raises
    ------
    UnknownNameError, OverrideError
        If a name is no constant.
    DesignError
        If a range is none.
    RangeError
        If a range reaches beyond that of the file.
    """
    import pandas as pd

    ranges = read_ranges(parameters) if has_ranges(parameters) else None
    names = parameter_names(parameters) if ranges is None else list(ranges.index)
    labels: list[str] = []
    first: list[str] = []
    for name in names:
        elements = inputs_named(model, name)
        together = ranges is not None and len(elements) > 1
        labels += [name] if together else elements
        first += elements[:1] if together else elements
    out = constant_rows(model, first).set_axis(labels)
    if ranges is not None:
        own = out["distribution"].to_numpy(dtype=object)
        whole = not isinstance(parameters, pd.DataFrame)
        for column in ranges.columns:
            given = ranges[column].to_numpy()
            out[column] = np.where(ranges[column].isna(), out[column], given) if column in out else given
        out["distribution"] = [
            given if is_distribution(given) or given else ("uniform" if whole and file != "integer" else file)
            for given, file in zip(ranges["distribution"], own, strict=True)
        ]
        for name in ranges.attrs.get("dates", ()):
            refuse_dates(model, [Year()], f"the range of '{name}'", model.owner(name))
    for label in labels:
        least, most = interval(label, tuple(out.loc[label, ["low", "high"]]), closed=closed)
        if continuous and isinstance(out.loc[label, "distribution"], Choices):
            raise DesignError(f"'{label}' has a list of choices, but {continuous} needs a range: (low, high).")
        variable = variable_of(model, label)
        # Of a distribution with open ends the values count, which the sweep checks.
        tails = is_distribution(out.loc[label, "distribution"])
        ends = [end for end in (least, most) if not (tails and np.isinf(end))]
        if variable and not all(variable.low <= end <= variable.high for end in ends):
            raise RangeError(
                f"The range {least:g} to {most:g} of '{label}' reaches beyond that of {variable.file}, "
                f"{variable.low:g} to {variable.high:g}. Give a range inside, or widen it: "
                f"model.with_ranges({{{variable.name!r}: ({least:g}, {most:g})}})."
            )
    return out


def constant_rows(model: Structure, labels: list[str]) -> pd.DataFrame:
    """Rows of `Model.parameters` for labels of constants; of states, the initial value without one of its own."""
    import pandas as pd

    known = constants_table(model)
    starts = starts_of(model, labels)
    if starts:
        rows = {label: _start_row(model, label) for label in labels if label in starts}
        known = pd.concat([known, pd.DataFrame.from_dict(rows, orient="index", columns=known.columns)])
    for label in labels:
        if label not in known.index:
            raise OverrideError(f"'{label}' is a setting of the run and no parameter of the model.")
    return known.loc[labels]


def _start_row(model: Structure, label: str) -> list[object]:
    """Row of `Model.parameters` for the initial value of a stock or hidden state."""
    variable = variable_of(model, label)
    low, high, unit, sector = (-np.inf, np.inf, "", "") if variable is None else (
        variable.low, variable.high, variable.unit, variable.sector
    )  # fmt: skip
    return [np.nan, low, high, unit, "", "", "", sector, f"Initial value of {label}."]


def one_constant(model: Structure, name: str) -> str:
    """The label of the one constant, or element of a constant, that a name means."""
    labels = constants_named(model, name)
    if len(labels) > 1:
        raise DesignError(f"'{name}' has {len(labels)} elements; take one of them, such as '{labels[0]}'.")
    constant_rows(model, labels)
    return labels[0]


def lever_range(model: Structure, lever: Any, low: float | None, high: float | None) -> tuple[str, tuple[float, float]]:
    """The constant that is varied, and the closed range in which: that of the file where an end is not given."""
    name, ends = named_lever(model, lever)
    ends = (ends[0] if low is None else float(low), ends[1] if high is None else float(high))
    constants_to_vary(model, {name: ends}, closed=True)
    return name, ends


def named_lever(model: Structure, lever: Any) -> tuple[str, tuple[float, float]]:
    """The constant that is varied, given by its name or with its range, and the range; that of the file by default."""
    if isinstance(lever, str):
        name = one_constant(model, lever)
        own = model.owner(name)
        return name, (own.low, own.high)
    if not has_ranges(lever):
        raise refuse("lever", lever, "the name of one constant, or its range: {name: (low, high)}")
    table = constants_to_vary(model, lever, closed=True, continuous="one lever")
    if len(table) > 1:
        raise DesignError(f"{len(table)} levers are given; take one, such as '{table.index[0]}'.")
    low, high = table[["low", "high"]].to_numpy(dtype=float)[0]
    return one_constant(model, str(table.index[0])), (low, high)


def design_rows(model: Structure, design: Any, solved: str) -> pd.DataFrame:
    """A design, or one row without constants, that must leave out the constant `solved`."""
    import pandas as pd

    if design is None:
        return pd.DataFrame(index=[0])
    rows = table(design)
    for column in rows.columns:
        if column not in LABELS and solved in constants_named(model, column):
            raise DesignError(f"The design holds '{solved}', which is solved for. Drop the column.")
    return rows


# -- sweeps -----------------------------------------------------------------------------------------------------
def points_of(sweep: xr.Dataset, names: list[str]) -> np.ndarray:
    """Values of the parameters in every run of a sweep, shape (runs, parameters).

    Raises
    ------
    DesignError
        If the sweep did not vary one of them.
    """
    names = [f"initial {name}" if f"initial {name}" in sweep.coords else name for name in names]
    missing = [name for name in names if name not in sweep.coords or sweep.coords[name].dims != ("run",)]
    if missing:
        raise DesignError(f"The sweep has no column '{missing[0]}'; its design did not set it.")
    return np.column_stack([sweep.coords[name].to_numpy().astype(float) for name in names])
