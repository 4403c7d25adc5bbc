"""Outcomes: one number per run, computed from a variable over time."""

from __future__ import annotations

import dataclasses
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.core.arguments import choice, kind, number, refuse
from sdmodel.core.calendar import Year, counts_years, year
from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.core.expression import key
from sdmodel.core.labels import join_label, split_label

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    import xarray as xr

_WITH_LEVEL = ("first_above", "first_below", "duration_above", "duration_below")
_WAYS = ("final", "max", "min", "mean", "total", "time_of_max", "time_of_min", "present_value", *_WITH_LEVEL)
_ACROSS = ("sum", "mean", "max", "min")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One number per run: the value of a variable at a time, or a summary of its trajectory.

    Parameters
    ----------
    variable
        Name of a variable (an element is ``name[a]``).
    at
        A time (number or date), or ``"final"``, ``"max"``, ``"min"``, ``"mean"`` (over time), ``"total"`` (integral
        over time, unit times the unit of time), ``"first_above"`` or ``"first_below"`` (first time at which the
        variable is above or below `level`; NaN if never), ``"duration_above"`` or ``"duration_below"`` (time spent
        there, with linear interpolation), ``"time_of_max"`` or ``"time_of_min"`` (the first reported time of the
        peak), ``"present_value"`` (integral of the variable times ``(1 + rate)**(t0 - t)``, where t0 is the first time
        considered and the variable is interpolated linearly). Or a function, which is given the path as a pandas Series
        over time, and returns a number.
    level
        Level for ``"first_above"``, ``"first_below"``, ``"duration_above"`` and ``"duration_below"``.
    start, end
        First and last time considered (numbers or dates; default: the whole run), with linear interpolation between
        reported times.
    rate
        Discount rate of ``"present_value"``, per unit of time.
    across
        ``"sum"``, ``"mean"``, ``"max"`` or ``"min"`` over all subscripts of the variable, before anything else.
    reference
        A Run (or a number) whose value of this outcome is subtracted.
    relative
        Divide the difference to the reference by the absolute value of the reference.

    Examples
    --------
    >>> Outcome("trust", at=2034).label
    'trust at 2034'
    >>> Outcome("cost", "present_value", rate=0.03, across="sum").label
    'present value at 0.03 of sum of cost'
    >>> def swing(path):
    ...     return path.max() - path.min()
    >>> Outcome("trust", swing).label
    'swing of trust'
    """

    variable: str
    at: float | str | Callable[[pd.Series], float] = "final"
    level: float | None = None
    start: float | str = -np.inf
    end: float | str = np.inf
    rate: float | None = None
    across: str = ""
    reference: Any = None
    relative: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.at, str) and self.at not in _WAYS:
            try:
                object.__setattr__(self, "at", year(self.at))
            except ValueError:
                raise UnknownNameError(self.at, _WAYS, "way to judge a path", "A time is accepted too.") from None
        elif not isinstance(self.at, str) and not callable(self.at):
            object.__setattr__(self, "at", year(self.at))
        for bound in ("start", "end"):
            object.__setattr__(self, bound, year(getattr(self, bound)))
        kind("variable", self.variable, types=(str,), need="the name of a variable")
        if self.level is not None:
            number("level", self.level)
        if any(math.isnan(t) for t in (self.start, self.end, self.at) if isinstance(t, float)):
            raise DesignError(f"The times of the outcome of '{self.variable}' are not all numbers.")
        if (self.at in _WITH_LEVEL) != (self.level is not None):
            raise DesignError(
                "A level goes with at='first_above', 'first_below', 'duration_above' or 'duration_below'."
            )
        if (self.at == "present_value") != (self.rate is not None):
            raise DesignError("A rate goes with at='present_value', and with this only.")
        if self.rate is not None:
            number("rate", self.rate, above=-1.0)
        kind("across", self.across, types=(str,), need=f"one of {', '.join(_ACROSS)}")
        if self.across:
            choice("across", self.across, _ACROSS)
        if self.relative and self.reference is None:
            raise DesignError("relative=True needs a reference: a Run whose value is subtracted and divided by.")
        if isinstance(self.reference, (int, float)):
            number("reference", self.reference)
        elif self.reference is not None and not (
            hasattr(self.reference, "columns") and hasattr(self.reference, "scenario")
        ):
            raise refuse("reference", self.reference, "a Run, or a number")

    @classmethod
    def parse(cls, text: str) -> Outcome:
        """Parse an outcome from text such as ``"trust at 2034"`` or ``"max of trust"`` (for the command line).

        Raises
        ------
        DesignError
            If the text has neither form.
        """
        kind("outcome", text, types=(str,), need="text such as 'NAME at 2034'")
        if found := re.fullmatch(r"(.+) at (\S+)", text):
            try:
                return cls(found.group(1).strip(), float(found.group(2)))
            except ValueError:
                return cls(found.group(1).strip(), found.group(2))
        if found := re.fullmatch(rf"({'|'.join(_WAYS[:5])}) of (.+)", text):
            return cls(found.group(2).strip(), found.group(1))
        raise DesignError(
            f"'{text}' is no outcome. Write 'NAME at 2034' or 'max of NAME' (or min, mean, total, final)."
        )

    @property
    def label(self) -> str:
        """Description of the outcome."""
        if self.reference is not None:
            scenario = getattr(self.reference, "scenario", None)
            to = f"{self.reference:g}" if scenario is None else f"'{scenario.name}'"
            return f"{'relative ' * self.relative}difference of {self._bare.label} to {to}"
        name = f"{self.across} of {self.variable}" if self.across else self.variable
        if isinstance(self.at, float):
            return f"{name} at {self.at:g}"
        words = getattr(self.at, "__name__", str(self.at)).replace("_", " ")
        if self.level is not None and words.startswith("first"):
            return f"time when {name} is {words} {self.level:g}"
        if self.level is not None:
            return f"{words} {self.level:g} of {name}"
        return f"{words} at {self.rate:g} of {name}" if self.rate is not None else f"{words} of {name}"

    @property
    def _bare(self) -> Outcome:
        """The outcome without its reference."""
        return dataclasses.replace(self, reference=None, relative=False)

    def of(self, result: xr.Dataset | xr.DataArray | Any) -> xr.DataArray:
        """Compute the outcome for a sweep (result has dim `run`), a Run, or a DataArray with dim `time` and any others.

        Raises
        ------
        UnknownNameError
            If the result does not hold the variable.
        DesignError
            If the time lies outside the result.
        """
        import xarray as xr

        if not isinstance(result, (xr.Dataset, xr.DataArray)) and not hasattr(result, "columns"):
            raise refuse("result", result, "the Dataset of a sweep, a path over time, or a Run")
        if self.reference is not None:
            own, base = self._bare.of(result), self.reference
            if hasattr(base, "columns"):
                base = self._bare.of(base).drop_vars(own.dims, errors="ignore")
                if base.ndim:
                    raise DesignError(
                        f"'{self.variable}' has subscripts; give across= or one element for a difference."
                    )
            difference: xr.DataArray = (own - base) / abs(base) if self.relative else own - base
            return difference.rename(self.label)
        self._refuse_dates(result)
        if isinstance(result, xr.Dataset):
            path = self._path(result)
        elif isinstance(result, xr.DataArray):
            path = result
        else:
            series = result[self.variable]
            dims = ("time", "element")[: series.ndim]
            names = {"element": list(series.columns)} if series.ndim == 2 else {}
            path = xr.DataArray(series.to_numpy(), coords={"time": series.index.to_numpy(), **names}, dims=dims)
        if self.across:
            runs = result["status"].dims if hasattr(result, "coords") and "status" in result.coords else ("run",)
            ranges = [d for d in path.dims if d not in ("time", *runs)]
            path = getattr(path, self.across)(ranges, skipna=False)
        return self._judge(path).rename(self.label)

    def _refuse_dates(self, result: Any) -> None:
        """Raise an error for dates if the times of a result are not years."""
        if any(isinstance(t, Year) for t in (self.at, self.start, self.end)):
            if hasattr(result, "dims"):
                unit, first = str(result["time"].attrs.get("unit", "")), float(result["time"][0])
            else:
                unit, first = result.model.time_unit, float(result.time[0])
            if not counts_years(unit, first):
                raise DesignError(
                    f"'{self.label}' names a date, but the unit of time is {unit or 'not stated'}. Give a number in it."
                )

    def _path(self, result: xr.Dataset) -> xr.DataArray:
        """Variable of a sweep, or one of its elements for `name[a,b]`."""
        names = {key(str(name)): name for name in result.data_vars}
        stem, elements = split_label(self.variable, names)
        if key(stem) not in names:
            raise UnknownNameError(self.variable, map(str, result.data_vars), "output")
        path = result[names[key(stem)]]
        if not elements:
            return path
        runs = result["status"].dims if "status" in result.coords else ("run",)
        ranges = [d for d in path.dims if d not in ("time", *runs)]
        wanted = [key(e) for e in elements]
        for dim, element in zip(ranges, wanted, strict=False):
            known = {key(str(e)): e for e in path[dim].to_numpy()}
            if element not in known or len(wanted) != len(ranges):
                every = [join_label(stem, (str(e),)) for e in known.values()]
                raise UnknownNameError(self.variable, every, "element")
            path = path.sel({dim: known[element]}, drop=True)
        return path

    def _called(self, values: np.ndarray, times: np.ndarray) -> float:
        """What the user's function gives for one path; NaN for a run that failed."""
        import pandas as pd

        if np.isnan(values).any():
            return math.nan
        assert callable(self.at)
        try:
            return float(self.at(pd.Series(values, pd.Index(times, name="time"), name=self.variable)))
        except Exception as error:  # a user's function may raise anything
            raise DesignError(
                f"The function of the outcome '{self.label}' fails: {type(error).__name__}: {error}. It is given a "
                "pandas Series over time and returns a number."
            ) from error

    def _judge(self, path: xr.DataArray) -> xr.DataArray:
        import xarray as xr

        time = path["time"].to_numpy()
        if isinstance(self.at, float):
            if not time[0] - 1e-9 <= self.at <= time[-1] + 1e-9:
                raise DesignError(f"{self.at:g} lies outside the result, which goes from {time[0]:g} to {time[-1]:g}.")
            near = int(np.argmin(np.abs(time - self.at)))
            if abs(time[near] - self.at) < 1e-9 * max(1.0, abs(self.at)):
                return path.isel(time=near, drop=True)
            return path.interp(time=self.at).drop_vars("time")
        low, high = max(self.start, time[0]), min(self.end, time[-1])
        if low > high:
            raise DesignError(f"No reported time lies between {self.start:g} and {self.end:g}.")
        inside = time[(time >= low) & (time <= high)]
        wanted = np.union1d(inside, [low, high])
        window = path.sel(time=inside) if len(wanted) == len(inside) else path.interp(time=wanted)
        if callable(self.at):
            dims = [["time"]] * 2
            value: xr.DataArray = xr.apply_ufunc(
                self._called, window, window["time"], input_core_dims=dims, vectorize=True
            )
            return value
        if self.at == "final":
            return window.isel(time=-1, drop=True)
        if self.at in ("max", "min"):
            return window.max("time", skipna=False) if self.at == "max" else window.min("time", skipna=False)
        if self.at in ("mean", "total"):
            total = window.integrate("time")
            span = float(window["time"][-1] - window["time"][0])
            if not span:
                raise DesignError(f"'{self.label}' needs more than the one time {low:g}.")
            return total / span if self.at == "mean" else total
        if self.at in ("time_of_max", "time_of_min"):
            sign = 1.0 if self.at == "time_of_max" else -1.0
            place = (sign * window).fillna(-np.inf).argmax("time")
            return window["time"].isel(time=place).where(window.notnull().all("time")).drop_vars("time")
        if self.at == "present_value" or str(self.at).startswith("duration"):
            x = window.transpose(..., "time").to_numpy().astype(float)
            times = window["time"].to_numpy()
            sign = -1.0 if self.at == "duration_below" else 1.0
            level = sign * float(self.level or 0.0)
            if self.at == "present_value":
                found = _discounted(x, times, float(self.rate or 0.0))
            else:
                found = _duration(sign * x, times, level)
            return window.isel(time=0, drop=True).copy(data=found)
        level = float(self.level or 0.0)
        beyond = window > level if self.at == "first_above" else window < level
        first = window["time"].isel(time=beyond.argmax("time"))
        return first.where(beyond.any("time")).drop_vars("time", errors="ignore")


def _duration(x: np.ndarray, times: np.ndarray, level: float) -> np.ndarray:
    """Time that paths (..., times) spend above a level, interpolated linearly."""
    before, after = x[..., :-1] - level, x[..., 1:] - level
    above = np.maximum(before, 0) + np.maximum(after, 0)
    whole = np.abs(before) + np.abs(after)
    found: np.ndarray = (np.diff(times) * np.divide(above, whole, out=np.zeros_like(whole), where=whole != 0)).sum(-1)
    return found


def _discounted(x: np.ndarray, times: np.ndarray, rate: float) -> np.ndarray:
    """Integral of paths (..., times), interpolated linearly, over (1 + rate)**(t - first time); exact."""
    width = np.diff(times)
    w = np.log1p(rate) * width
    small = np.abs(w) < 1e-4
    safe = np.where(small, 1.0, w)
    # Integrals over u from 0 to 1 of exp(-w u) and of u exp(-w u), by their series where w is small.
    whole = np.where(small, 1 - w / 2 + w**2 / 6, -np.expm1(-safe) / safe)
    late = np.where(small, 0.5 - w / 3 + w**2 / 8, (-np.expm1(-safe) - safe * np.exp(-safe)) / safe**2)
    factor = width * (1 + rate) ** -(times[:-1] - times[0])
    found: np.ndarray = (factor * (x[..., :-1] * (whole - late) + x[..., 1:] * late)).sum(-1)
    return found
