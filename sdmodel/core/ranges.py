"""Ranges of parameters: every form in which they can be given, read into one table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.core.arguments import interval, refuse
from sdmodel.core.calendar import Year, year
from sdmodel.core.errors import DesignError, SdmodelError
from sdmodel.core.expression import key

if TYPE_CHECKING:
    import pandas as pd

NEED = (
    "a mapping from names to (low, high), to a list of choices or to a distribution of scipy.stats; a table such as "
    "model.uncertainties; a SALib problem; or parameters of the EMA workbench"
)
_ONE = "(low, high), (low, high, 'loguniform'), a list of choices, or a distribution such as scipy.stats.norm(3, 1)"
_INDEX = ("name", "parameter")
"""Columns that hold the names of a table whose index does not."""


@dataclass(frozen=True, slots=True)
class Choices:
    """Equally likely values, with the methods of a frozen distribution of scipy.stats that sampling uses.

    Examples
    --------
    >>> Choices((1.0, 2.0, 5.0)).ppf(np.array([0.0, 0.5, 1.0])).tolist()
    [1.0, 2.0, 5.0]
    """

    values: tuple[float, ...]

    def ppf(self, u: np.ndarray) -> np.ndarray:
        """Values at the probabilities `u`."""
        place = np.minimum((np.asarray(u) * len(self.values)).astype(int), len(self.values) - 1)
        found: np.ndarray = np.array(self.values)[place]
        return found

    def support(self) -> tuple[float, float]:
        """Smallest and largest value."""
        return min(self.values), max(self.values)

    def nearest(self, x: np.ndarray) -> np.ndarray:
        """The value nearest to each of `x`."""
        values = np.array(self.values)
        found: np.ndarray = values[np.abs(np.asarray(x)[..., None] - values).argmin(axis=-1)]
        return found


def is_distribution(given: object) -> bool:
    """Whether it is a frozen distribution of scipy.stats, or `Choices`."""
    return hasattr(given, "ppf") and hasattr(given, "support")


def read_ranges(given: Any) -> pd.DataFrame:
    """Read ranges of parameters in any form into a table.

    Parameters
    ----------
    given
        One of:

        - a mapping from names to ``(low, high)`` or ``(low, high, distribution)``, ends being numbers or dates; to a
          list of choices; to a frozen distribution of `scipy.stats`; or to a parameter of the EMA workbench;
        - a table with columns `low` and `high` and names as its index, or in a column `name` or `parameter`; its other
          columns (`value`, `distribution`, `arguments`) are kept;
        - a SALib problem: `names`, `bounds` and, where they are not uniform, `dists` [1]_;
        - parameters of the EMA workbench [2]_: real, integer, categorical or boolean.

    Returns
    -------
    pandas.DataFrame
        Index: names. Columns `low` and `high`, and `distribution`: a name, an object with the method `ppf`, or empty
        where none is given. `attrs["dates"]` names the parameters given by dates.

    Raises
    ------
    DesignError
        If it has none of these forms, or a range is not valid.

    References
    ----------
    .. [1] Herman, J. and Usher, W. (2017). SALib: An open-source Python library for sensitivity analysis. Journal of
       Open Source Software 2(9), 97. https://doi.org/10.21105/joss.00097
    .. [2] Kwakkel, J. H. (2017). The Exploratory Modeling Workbench. Environmental Modelling & Software 96, 239-250.
       https://doi.org/10.1016/j.envsoft.2017.06.054

    Examples
    --------
    >>> read_ranges({"birth rate": (0.01, 0.05), "method": [1, 2, 3]})["high"].tolist()
    [0.05, 3.0]
    """
    import pandas as pd

    if isinstance(given, pd.DataFrame):
        return _from_table(given)
    dates: list[str] = []
    if _is_problem(given):
        pairs = _of_problem(given)
    elif isinstance(given, Mapping):
        pairs = list(given.items())
    elif isinstance(given, Iterable) or _is_workbench(given):
        members = [given] if _is_workbench(given) else list(given)
        if not members or not all(map(_is_workbench, members)):
            raise refuse("parameters", given, NEED)
        pairs = [_named(one) for one in members]
    else:
        raise refuse("parameters", given, NEED)
    _check_names([name for name, _ in pairs])
    rows = {name: _row(name, value, dates) for name, value in pairs}
    out = pd.DataFrame.from_dict(rows, orient="index", columns=["low", "high", "distribution"])
    if dates:
        out.attrs["dates"] = dates
    return out


def has_ranges(given: Any) -> bool:
    """Whether parameters are given with ranges, not by their names only."""
    import pandas as pd

    if isinstance(given, (pd.DataFrame, Mapping)) or _is_workbench(given):
        return True
    return not isinstance(given, str) and isinstance(given, Iterable) and any(map(_is_workbench, given))


def _check_names(names: list[Any]) -> None:
    for name in names:
        if not isinstance(name, str):
            raise DesignError(f"The parameter {name!r} is no name: give {NEED}.")
    if not names:
        raise DesignError(f"There are no parameters. Mark constants as [uncertainty] or [lever], or give {NEED}.")
    keys = [key(name) for name in names]
    twice = [name for name in names if keys.count(key(name)) > 1]
    if twice:
        raise DesignError(f"The parameter '{twice[0]}' is given twice.")


def _row(name: str, given: Any, dates: list[str]) -> tuple[float, float, Any]:
    """Low, high and distribution of one parameter."""
    if is_distribution(given):
        if not hasattr(given, "dist") and not isinstance(given, Choices):
            raise refuse(
                f"range of '{name}'", given, "a distribution with its arguments, such as scipy.stats.norm(3, 1)"
            )
        low, high = map(float, given.support())
        return low, high, given
    if _is_workbench(given):
        return _row(name, _of_workbench(given), dates)
    if isinstance(given, tuple) and (len(given) == 2 or (len(given) == 3 and isinstance(given[2], str))):
        low, high = interval(name, given[:2])
        if any(isinstance(_time(end), Year) for end in given[:2]):
            dates.append(name)
        return low, high, given[2] if len(given) == 3 else ""
    if isinstance(given, (str, bytes, tuple, Mapping)) or not isinstance(given, Iterable):
        raise refuse(f"range of '{name}'", given, _ONE)
    values = tuple(_choice(name, value) for value in given)
    if not values:
        raise refuse(f"range of '{name}'", given, _ONE)
    return min(values), max(values), Choices(values)


def _time(end: Any) -> float:
    try:
        return year(end)
    except SdmodelError:
        return math.nan


def _choice(name: str, value: Any) -> float:
    number = float(value) if isinstance(value, (bool, np.bool_)) else _time(value)
    if not math.isfinite(number):
        raise refuse(f"choice of '{name}'", value, "a finite number")
    return float(number)


# -- tables -------------------------------------------------------------------------------------------------------
def _from_table(table: pd.DataFrame) -> pd.DataFrame:
    out = table.copy()
    named = [column for column in _INDEX if column in out]
    if named and not all(isinstance(name, str) for name in out.index):
        out = out.set_index(named[0])
    missing = [column for column in ("high", "low") if column not in out]
    _check_names(list(out.index))
    if missing:
        raise DesignError(
            f"The table of parameters has no column '{missing[0]}'. It needs names as index and columns low and "
            "high, as model.parameters() has them."
        )
    for name, low, high in zip(out.index, out["low"], out["high"], strict=True):
        interval(name, (low, high))
    if "distribution" not in out:
        out["distribution"] = ""
    given = ["" if isinstance(d, float) and math.isnan(d) else d for d in out["distribution"].astype(object)]
    out["distribution"] = np.array(given, dtype=object)
    return out


# -- SALib --------------------------------------------------------------------------------------------------------
def _is_problem(given: Any) -> bool:
    return isinstance(given, Mapping) and {"names", "bounds"} <= set(given)


def _of_problem(problem: Mapping[str, Any]) -> list[tuple[str, Any]]:
    names, bounds = list(problem["names"]), list(problem["bounds"])
    dists = list(problem.get("dists") or ["unif"] * len(names))
    if not len(names) == len(bounds) == len(dists):
        raise DesignError(
            f"The SALib problem has {len(names)} names, {len(bounds)} bounds and {len(dists)} distributions."
        )
    groups = list(problem.get("groups") or names)
    if len(set(groups)) < len(groups):
        raise DesignError("The SALib problem has groups, whose members move together; give each parameter alone.")
    return [(name, _of_salib(name, kind, end)) for name, kind, end in zip(names, dists, bounds, strict=True)]


def _of_salib(name: str, kind: str, bounds: Any) -> Any:
    """A range or distribution from the bounds of SALib, whose meaning depends on the distribution."""
    from scipy import stats

    need = "bounds as SALib documents them for this distribution"
    try:
        ends = tuple(float(x) for x in bounds)
        match kind, ends:
            case ("unif", (low, high)):
                return low, high
            case ("logunif", (low, high)):
                return low, high, "loguniform"
            case ("triang", (low, high, peak)):
                return _valid(stats.triang(peak, loc=low, scale=high - low))
            case ("norm", (mean, sd)):
                return _valid(stats.norm(mean, sd))
            case ("truncnorm", (low, high, mean, sd)):
                return _valid(stats.truncnorm((low - mean) / sd, (high - mean) / sd, loc=mean, scale=sd))
            case ("lognorm", (mean, sd)):
                return _valid(stats.lognorm(sd, scale=math.exp(mean)))
            case ("weibull", (shape, scale, *start)) if len(start) < 2:
                return _valid(stats.weibull_min(shape, scale=scale, loc=sum(start)))
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        pass
    raise refuse(f"'{name}' with the distribution {kind!r}", bounds, need)


def _valid(frozen: Any) -> Any:
    """The distribution, unless its arguments have no meaning."""
    if np.isnan(frozen.ppf(0.5)):
        raise ValueError
    return frozen


# -- EMA workbench ------------------------------------------------------------------------------------------------
def _is_workbench(given: Any) -> bool:
    return hasattr(given, "name") and (hasattr(given, "categories") or hasattr(given, "lower_bound"))


def _named(parameter: Any) -> tuple[str, Any]:
    """Name of the constant that a parameter of the workbench stands for, and the parameter."""
    names = getattr(parameter, "variable_name", None) or parameter.name
    names = [names] if isinstance(names, str) else list(names)
    if len(names) != 1:
        raise DesignError(f"The parameter '{parameter.name}' stands for {len(names)} constants; give each its own.")
    return names[0], parameter


def _of_workbench(parameter: Any) -> Any:
    """A range, choices or distribution from a parameter of the workbench."""
    if hasattr(parameter, "categories"):
        return [getattr(category, "value", category) for category in parameter.categories]
    dist = getattr(parameter, "dist", None)
    kind = getattr(getattr(dist, "dist", None), "name", "uniform")
    if kind not in ("uniform", "randint"):
        return dist
    ends = (parameter.lower_bound, parameter.upper_bound)
    return (*ends, "integer") if kind == "randint" else ends
