"""Designs: tables of runs. A design is a DataFrame with one row a run and one column a constant.

Columns `sample` and `setting` are labels; they travel with the results as coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from sdmodel.errors import DesignError
from sdmodel.scenario import year

if TYPE_CHECKING:
    import pandas as pd

LABELS = ("sample", "setting")
"""Columns of a design that are not constants of the model."""

_NINETY_FIVE = 2 * 1.959963984540054
"""Standard deviations between the ends of a range that holds 95 % of a normal distribution."""


def grid(levels: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """Every combination of the given values.

    Parameters
    ----------
    levels
        Values by name of a constant, in the unit of the model; dates are accepted for times.

    Returns
    -------
    pandas.DataFrame
        One row a combination; the last name varies fastest.

    Raises
    ------
    DesignError
        If a name has no values.

    Examples
    --------
    >>> import sdmodel
    >>> len(sdmodel.grid({"exit start": [2017, 2020, 2024], "exit duration": [0, 5]}))
    6
    """
    import pandas as pd

    axes = {name: [_number(v, name) for v in values] for name, values in levels.items()}
    empty = [name for name, values in axes.items() if not values]
    if not axes or empty:
        raise DesignError(f"A grid needs values for '{empty[0]}'." if empty else "A grid needs at least one constant.")
    return pd.DataFrame(list(product(*axes.values())), columns=list(axes))


def _number(value: object, name: str) -> float:
    number = float(value) if isinstance(value, (int, float, np.number)) else year(value)  # type: ignore[arg-type]
    if not math.isfinite(number):
        raise DesignError(f"'{name}' is given {number}; a design holds finite numbers.")
    return number


def latin_hypercube(
    parameters: pd.DataFrame, n: int, *, rng: int | np.random.Generator | None = None
) -> pd.DataFrame:
    """Samples that cover each parameter's distribution evenly.

    Parameters
    ----------
    parameters
        Index name; columns value, low, high, distribution, as `Model.uncertainties` gives it. Distributions: uniform,
        loguniform, triangular (mode at the value), normal (mean at the value, the range its 95 % interval, cut at
        the range), lognormal (median at the value, likewise), integer (every whole number equally likely).
    n
        Number of samples.
    rng
        Seed or generator; the same seed gives the same samples.

    Returns
    -------
    pandas.DataFrame
        One row a sample, in the parameters' units; column `sample` counts from 0. `attrs["rng"]` records the seed.

    Raises
    ------
    DesignError
        If a range is open or does not fit its distribution.

    References
    ----------
    .. [1] McKay, M. D., Beckman, R. J. and Conover, W. J. (1979). A comparison of three methods for selecting values of
       input variables in the analysis of output from a computer code. Technometrics 21(2), 239-245.
       https://doi.org/10.1080/00401706.1979.10489755

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("network")
    >>> sdmodel.latin_hypercube(model.uncertainties, 50, rng=1).shape[0]
    50
    """
    import pandas as pd
    from scipy.stats import qmc

    if n < 1:
        raise DesignError(f"{n} samples are asked for; ask for at least one.")
    if not len(parameters):
        raise DesignError("There are no parameters to sample. Mark constants as [uncertainty] in the model file.")
    unit = qmc.LatinHypercube(d=len(parameters), rng=rng).random(n)
    out = pd.DataFrame(
        {
            str(name): quantile(unit[:, j], str(name), row["distribution"], row["value"], row["low"], row["high"])
            for j, (name, row) in enumerate(parameters.iterrows())
        }
    )
    out.insert(0, "sample", np.arange(n))
    out.attrs["rng"] = rng if isinstance(rng, int) else "not recorded"
    out.attrs["sampler"] = "latin_hypercube"
    return out


def quantile(u: np.ndarray, name: str, kind: str, value: float, low: float, high: float) -> np.ndarray:
    """Values of a distribution at the probabilities `u`.

    Raises
    ------
    DesignError
        If the range is open, or does not fit the distribution.
    """
    from scipy import stats

    if not (math.isfinite(low) and math.isfinite(high)):
        raise DesignError(f"'{name}' has the open range {low:g} to {high:g} and cannot be sampled. Close it in the model file.")
    if low == high:
        return np.full(len(u), low)
    if not low <= value <= high or low > high:
        raise DesignError(f"'{name}' is {value:g}, which is outside its range {low:g} to {high:g}.")
    if kind in ("loguniform", "lognormal") and low <= 0:
        raise DesignError(f"'{name}' is {kind} but its range starts at {low:g}; it must start above zero.")
    if kind in ("", "uniform"):
        x = low + u * (high - low)
    elif kind == "loguniform":
        x = np.exp(math.log(low) + u * math.log(high / low))
    elif kind == "triangular":
        x = stats.triang.ppf(u, (value - low) / (high - low), loc=low, scale=high - low)
    elif kind == "normal":
        sd = (high - low) / _NINETY_FIVE
        x = stats.truncnorm.ppf(u, (low - value) / sd, (high - value) / sd, loc=value, scale=sd)
    elif kind == "lognormal":
        sd = math.log(high / low) / _NINETY_FIVE
        a, b = math.log(low / value) / sd, math.log(high / value) / sd
        x = np.exp(stats.truncnorm.ppf(u, a, b, loc=math.log(value), scale=sd))
    elif kind == "integer":
        x = np.floor(low + u * (high - low + 1))
    else:
        raise DesignError(f"'{name}' has the distribution '{kind}', which is not known.")
    return np.clip(x, low, high)


def pair(samples: pd.DataFrame, settings: pd.DataFrame) -> pd.DataFrame:
    """Every setting with every sample: the same samples for each setting.

    Parameters
    ----------
    samples
        One row a sample; a column `sample` is added if there is none.
    settings
        One row a setting; a column `setting` with labels is added if there is none. A constant in both is taken from
        the setting.

    Returns
    -------
    pandas.DataFrame
        `len(samples) * len(settings)` rows; the sample varies fastest.

    Examples
    --------
    >>> import pandas as pd, sdmodel
    >>> samples = pd.DataFrame({"trust time": [3.0, 5.0]})
    >>> sdmodel.pair(samples, sdmodel.grid({"exit start": [2017, 2020]}))["setting"].tolist()
    [0, 0, 1, 1]
    """
    import pandas as pd

    def labelled(table: pd.DataFrame, label: str) -> pd.DataFrame:
        return table if label in table else table.assign(**{label: np.arange(len(table))})

    left = labelled(samples, "sample")
    right = labelled(settings, "setting")
    shared = [c for c in left.columns if c in right.columns]
    out = right.merge(left.drop(columns=shared), how="cross")
    out.attrs = {**samples.attrs}
    front = [c for c in LABELS if c in out]
    return out[[*front, *(c for c in out.columns if c not in front)]]


def table(design: pd.DataFrame | Iterable[Mapping[str, float]]) -> pd.DataFrame:
    """A design as a DataFrame: a list of runs, each a mapping from constant to value, is accepted as well.

    Raises
    ------
    DesignError
        If it has no rows, a column twice, or a value that is no finite number.
    """
    import pandas as pd

    out = design if isinstance(design, pd.DataFrame) else pd.DataFrame(list(design))
    if not len(out):
        raise DesignError("The design has no rows; a sweep needs at least one run.")
    twice = out.columns[out.columns.duplicated()].tolist()
    if twice:
        raise DesignError(f"The design has the column '{twice[0]}' twice.")
    for name in out.columns:
        if name not in LABELS:
            column = pd.to_numeric(out[name], errors="coerce").to_numpy(float)
            bad = np.flatnonzero(~np.isfinite(column))
            if len(bad):
                raise DesignError(f"Row {bad[0]} of the design gives '{name}' the value {out[name].iloc[bad[0]]!r}, no finite number.")
    return out
