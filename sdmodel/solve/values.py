"""Values of a run as users write them: numbers, dates, text with a unit, and values over time."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from itertools import islice, product
from typing import Any

import numpy as np

from sdmodel.core.calendar import YEARS, year
from sdmodel.core.errors import OverrideError, ScenarioError, UnitsError
from sdmodel.core.expression import key
from sdmodel.core.labels import join_label, split_label
from sdmodel.core.schedule import Schedule, as_schedule, number
from sdmodel.core.structure import CONTROL, Structure, Variable, element_shape
from sdmodel.core.text import shorten
from sdmodel.core.units import parse

_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(%?)\s*([^\d\s,.:%_-].*)?")
MAX_POINTS = 100_000
"""Largest number of points at which a function of time is evaluated."""


def read_values(model: Structure, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by name as numbers and schedules.

    Parameters
    ----------
    model
        The model; the unit of a variable decides what text means, and its time settings where a function is evaluated.
    values
        By name: a number; a date; text such as ``"50%"`` or ``"3 Year"``; a Schedule; a pandas Series; points
        ``[(2010, 1), (2020, 3)]``, between which values are interpolated; or a function of time.

    Raises
    ------
    OverrideError
        If a text is neither a quantity nor a date, or has another unit than the variable.
    ScenarioError
        If points or a function have values that are not numbers.
    """
    control = {**model.time, **{key(n): float(v) for n, v in values.items() if key(n) in CONTROL and _plain(v)}}
    return {name: _value(model, name, value, control) for name, value in values.items()}


def _plain(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _value(model: Structure, name: str, value: Any, control: Mapping[str, float]) -> Any:
    variable = model.equations.get(key(split_label(name, model.equations)[0]))
    if variable is not None and key(name) == key(variable.name) and _by_element(value):
        _refuse_elements(model, variable)
    if isinstance(value, str):
        return _quantity(model, name, value)
    if isinstance(value, dt.date):
        return year(value)
    if callable(value) and not isinstance(value, Schedule):
        return _along(name, value, control)
    found = as_schedule(value)
    if found is not None and variable is not None and variable.kind in ("lookup", "data"):
        return Schedule(found.at, found.value, "linear")
    return value if found is None else found


def _by_element(value: Any) -> bool:
    """Whether a value is a table of numbers or has elements as its labels, so that it is no path over time."""
    if hasattr(value, "index") and hasattr(value, "to_numpy"):
        return any(isinstance(label, str) for label in value.index)
    points = isinstance(value, (list, tuple)) and all(isinstance(p, tuple) for p in value)
    return (isinstance(value, (list, tuple, Mapping)) and not points) or getattr(value, "ndim", 0) > 0


def _refuse_elements(model: Structure, variable: Variable) -> None:
    """Say how the elements of an array are given."""
    shape = element_shape(model, variable)
    if shape:
        labels = [join_label(variable.name, elements) for elements in islice(product(*shape), 2)]
        given = ", ".join(f'"{label}": ...' for label in labels)
        raise OverrideError(
            f"'{variable.name}' has {math.prod(map(len, shape))} elements; give each by its label: {{{given}}}."
        )


def holds_dates(model: Structure, constant: Variable) -> bool:
    """Whether the unit of a constant is that of time, or not known."""
    unit = constant.unit.strip().lower()
    return not unit or unit in YEARS or unit == model.time_unit.strip().lower()


def _quantity(model: Structure, name: str, text: str) -> float:
    """The number of a text such as ``"50%"``; a date becomes a year."""
    variable = model.owner(name)
    found = _QUANTITY.fullmatch(text)
    if found is None or not (found.group(2) or found.group(3)):
        try:
            return year(text)
        except ScenarioError:
            date = ", nor a date such as 2020-07-01" if model.in_years and holds_dates(model, variable) else ""
            plain = text.strip().replace(",", ".")
            near = f" Give {plain} as a number." if re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)", plain) else ""
            raise OverrideError(
                f"'{variable.name}' is given the text '{shorten(text, 40)}', which is not a number{date}.{near}"
            ) from None
    amount, percent, unit = float(found.group(1)), bool(found.group(2)), found.group(3) or ""
    own = variable.unit
    try:
        there = parse(own, model.synonyms)
        if percent and own.strip().lower() in ("%", "percent"):
            return amount
        if percent and not unit:
            fits = all(exponent < 0 for _, exponent in there.powers)
        else:
            fits = parse(f"1{unit}" if percent else unit, model.synonyms) == there
    except UnitsError:
        fits = False
    if not fits:
        raise OverrideError(
            f"'{variable.name}' is given '{shorten(text, 40)}', but its unit is {own or 'not stated'}; units are not "
            "converted. Give the number in that unit."
        )
    return amount / 100 if percent else amount


def _along(name: str, function: Any, control: Mapping[str, float]) -> Schedule:
    """A function of time at every TIME STEP of the run."""
    ends = [control.get(k) for k in ("initial time", "final time", "time step")]
    if any(x is None for x in ends) or not ends[2] > 0 or not ends[1] >= ends[0]:  # type: ignore[operator]  # the same
        raise ScenarioError(f"'{name}' is given a function, but the time settings of the model are no plain numbers.")
    start, end, step = map(float, ends)  # type: ignore[arg-type]  # none is None
    count = round((end - start) / step)
    if count > MAX_POINTS:
        raise ScenarioError(f"'{name}' is given a function of time, and the run has more than {MAX_POINTS:,} steps.")
    times = [start + i * step for i in range(count)] + [end]
    return Schedule(tuple(times), tuple(number(_at(name, function, t), f"'{name}'") for t in times), "linear")


def _at(name: str, function: Any, time: float) -> Any:
    """What a user's function gives at a time; its own errors name the constant and the time."""
    try:
        return function(time)
    except Exception as error:  # a user's function may raise anything
        raise ScenarioError(
            f"The function given for '{name}' fails at time {time:g}: {type(error).__name__}: {error}. It is "
            "called with the time, as in lambda t: 0.1 + 0.01*t."
        ) from error


def read_data(model: Structure, data: Any) -> tuple[Any, dict[str, Schedule]]:
    """Series of data variables by name, and schedules in place of those that have their values from a file.

    Parameters
    ----------
    model
        The model.
    data
        A mapping from names to series, or a DataFrame with a column for each and times as its index or in a column
        `time`; anything else is returned as it is.
    """
    if hasattr(data, "columns") and hasattr(data, "set_index"):
        times = [c for c in data.columns if str(c).strip().lower() == "time"]
        table = data.set_index(times[0]) if times else data
        data = {str(c): table[c].dropna() for c in table.columns}
    if not isinstance(data, Mapping):
        return data, {}
    own = {name: model.equations[key(name)] for name in data if isinstance(name, str) and key(name) in model.equations}
    there = {name: v for name, v in own.items() if v.kind == "data" and _in_file(model, v)}
    paths = {v.name: _linear(data[name]) for name, v in there.items()}
    return {name: series for name, series in data.items() if name not in there}, paths


def read_sweep_data(model: Structure, data: Any) -> tuple[Any, dict[str, Schedule]]:
    """Series of a sweep as a Dataset, and schedules in place of those that have their values from a file.

    `data` is a Dataset, or a mapping or table as of `read_data`, whose series may have times of their own.
    """
    import xarray as xr

    if isinstance(data, xr.Dataset):
        return _without_files(model, data)
    series, paths = read_data(model, data)
    if not isinstance(series, Mapping):
        return series, paths
    lines = {model[name].name: _linear(one) for name, one in series.items()}
    times = sorted({t for line in lines.values() for t in line.at})
    columns = {name: ("time", np.interp(times, line.at, line.value)) for name, line in lines.items()}
    return (xr.Dataset(columns, {"time": times}) if columns else None), paths


def _without_files(model: Structure, data: Any) -> tuple[Any, dict[str, Schedule]]:
    """A Dataset without the series of variables that have their values from a file, and these as schedules."""
    paths = {}
    for name in list(data.data_vars):
        variable = model.equations.get(key(str(name)))
        if variable is None or variable.kind != "data" or not _in_file(model, variable):
            continue
        if data[name].dims != ("time",):
            raise OverrideError(
                f"'{variable.name}' has its values from a file; a series in its place has the dimension time and is "
                "the same in all runs."
            )
        paths[variable.name] = _linear((data["time"].to_numpy(), data[name].to_numpy()))
        data = data.drop_vars(name)
    return data, paths


def _in_file(model: Structure, variable: Variable) -> bool:
    """Whether a data variable has its values from a file."""
    return any(label == variable.name or label.startswith(f"{variable.name}[") for label in model.external)


def _linear(series: Any) -> Schedule:
    at, value = (
        (series.index, series.to_numpy()) if hasattr(series, "index") and hasattr(series, "to_numpy") else series
    )
    return Schedule(tuple(at), tuple(value), "linear")
