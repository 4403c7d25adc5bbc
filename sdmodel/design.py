"""Designs: tables of runs. A design is a DataFrame with one row a run and one column a constant.

Columns `sample` and `setting` are labels; they travel with the results as coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from sdmodel.core.calendar import year
from sdmodel.core.distributions import quantile
from sdmodel.core.errors import DesignError, UnknownNameError

if TYPE_CHECKING:
    import pandas as pd

LABELS = ("sample", "setting")
"""Columns of a design that are not constants of the model."""


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
    number = float(value) if isinstance(value, (int, float, np.number)) else year(value)  # type: ignore[arg-type]  # refuses
    if not math.isfinite(number):
        raise DesignError(f"'{name}' is given {number}; a design holds finite numbers.")
    return number


def latin_hypercube(
    parameters: pd.DataFrame,
    n: int,
    *,
    rng: int | np.random.Generator | None = None,
    correlation: Mapping[tuple[str, str], float] | None = None,
) -> pd.DataFrame:
    """Samples that cover each parameter's distribution evenly.

    Parameters
    ----------
    parameters
        Index name; columns value, low, high, distribution, as `Model.uncertainties` gives it. Distributions: uniform,
        loguniform, triangular (mode at the value), normal (mean at the value, the range its 95 % interval, cut at
        the range), lognormal (median at the value, likewise), integer (every whole number equally likely). Any
        continuous distribution of `scipy.stats` goes by its name too, with its arguments as a mapping in a column
        `arguments`; it is cut at the range where the range is closed.
    n
        Number of samples.
    rng
        Seed or generator; the same seed gives the same samples.
    correlation
        Rank correlations by pair of names, such as ``{("trust time", "institution time"): 0.5}``.

    Returns
    -------
    pandas.DataFrame
        One row a sample, in the parameters' units; column `sample` counts from 0. `attrs["rng"]` records the seed.

    Raises
    ------
    DesignError
        If a range is open or does not fit its distribution, or the correlations contradict each other.

    References
    ----------
    .. [1] McKay, M. D., Beckman, R. J. and Conover, W. J. (1979). A comparison of three methods for selecting values of
       input variables in the analysis of output from a computer code. Technometrics 21(2), 239-245.
       https://doi.org/10.1080/00401706.1979.10489755
    .. [2] Iman, R. L. and Conover, W. J. (1982). A distribution-free approach to inducing rank correlation among input
       variables. Communications in Statistics B 11(3), 311-334. https://doi.org/10.1080/03610918208812265

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("network")
    >>> sdmodel.latin_hypercube(model.uncertainties, 50, rng=1).shape[0]
    50
    """
    from scipy.stats import qmc

    _countable(parameters, n)
    generator = np.random.default_rng(rng)
    unit = qmc.LatinHypercube(d=len(parameters), rng=generator).random(n)
    if correlation:
        unit = _correlated(unit, [str(name) for name in parameters.index], correlation, generator)
    return _sampled(parameters, unit, "latin_hypercube", rng)


def sobol_sequence(parameters: pd.DataFrame, n: int, *, rng: int | np.random.Generator | None = None) -> pd.DataFrame:
    """Scrambled Sobol' points: evenly spread over all parameters at once, best for means and quantiles.

    Parameters
    ----------
    parameters, rng
        As in `latin_hypercube`.
    n
        Number of samples; must be a power of two, which the balance of the points needs.

    Returns
    -------
    pandas.DataFrame
        As `latin_hypercube` gives it.

    Raises
    ------
    DesignError
        If `n` is no power of two, or a range does not fit.

    References
    ----------
    .. [1] Owen, A. B. (1998). Scrambling Sobol' and Niederreiter-Xing points. Journal of Complexity 14(4), 466-489.
       https://doi.org/10.1006/jcom.1998.0487

    Examples
    --------
    >>> import sdmodel
    >>> len(sdmodel.sobol_sequence(sdmodel.load("network").uncertainties, 64, rng=1))
    64
    """
    from scipy.stats import qmc

    _countable(parameters, n)
    if n & (n - 1):
        raise DesignError(f"Sobol' points come in powers of two; {n} is none. Ask for {1 << (n - 1).bit_length()}.")
    unit = qmc.Sobol(d=len(parameters), rng=np.random.default_rng(rng)).random(n)
    return _sampled(parameters, unit, "sobol_sequence", rng)


def morris_trajectories(
    parameters: pd.DataFrame, n: int, *, levels: int = 4, rng: int | np.random.Generator | None = None
) -> pd.DataFrame:
    """Trajectories for Morris screening: in each, one parameter after the other takes one step.

    Parameters
    ----------
    parameters, rng
        As in `latin_hypercube`.
    n
        Number of trajectories; the design has ``n * (parameters + 1)`` rows.
    levels
        Even number of levels of each parameter; a step goes half of the levels.

    Returns
    -------
    pandas.DataFrame
        As `latin_hypercube` gives it, but that `sample` counts trajectories, whose rows stand together.

    Raises
    ------
    DesignError
        If `levels` is odd, or a range does not fit.

    References
    ----------
    .. [1] Morris, M. D. (1991). Factorial sampling plans for preliminary computational experiments. Technometrics
       33(2), 161-174. https://doi.org/10.1080/00401706.1991.10484804

    Examples
    --------
    >>> import sdmodel
    >>> parameters = sdmodel.load("network").uncertainties
    >>> len(sdmodel.morris_trajectories(parameters, 3, rng=1)) == 3 * (len(parameters) + 1)
    True
    """
    _countable(parameters, n)
    if levels < 2 or levels % 2:
        raise DesignError(f"Morris screening needs an even number of levels, at least two; {levels} is none.")
    generator = np.random.default_rng(rng)
    k, step = len(parameters), levels // 2
    rows = []
    for _ in range(n):
        up = generator.random(k) < 0.5
        first = generator.integers(0, levels - step, k) + np.where(up, 0, step)
        point = first.copy()
        rows.append(point.copy())
        for j in generator.permutation(k):
            point[j] += step if up[j] else -step
            rows.append(point.copy())
    unit = np.array(rows, dtype=float) / (levels - 1)
    out = _sampled(parameters, unit, f"morris_trajectories, {levels} levels", rng)
    out["sample"] = np.repeat(np.arange(n), k + 1)  # rows of a trajectory share their random draws
    return out


def _countable(parameters: pd.DataFrame, n: int) -> None:
    if n < 1:
        raise DesignError(f"{n} samples are asked for; ask for at least one.")
    if not len(parameters):
        raise DesignError("There are no parameters to sample. Mark constants as [uncertainty] in the model file.")


def _sampled(
    parameters: pd.DataFrame, unit: np.ndarray, sampler: str, rng: int | np.random.Generator | None
) -> pd.DataFrame:
    """Points of the unit cube as values of the parameters."""
    import pandas as pd

    columns = {}
    for j, (name, row) in enumerate(parameters.iterrows()):
        given = row.get("arguments")
        arguments = given if isinstance(given, Mapping) else None
        columns[str(name)] = quantile(
            unit[:, j], str(name), row["distribution"], row["value"], row["low"], row["high"], arguments
        )
    out = pd.DataFrame(columns)
    out.insert(0, "sample", np.arange(len(unit)))
    out.attrs["rng"] = rng if isinstance(rng, int) else "not recorded"
    out.attrs["sampler"] = sampler
    return out


def _correlated(
    unit: np.ndarray, names: list[str], wanted: Mapping[tuple[str, str], float], generator: np.random.Generator
) -> np.ndarray:
    """The columns of `unit` put in an order that has the wanted rank correlations; each keeps its values."""
    from scipy import stats

    target = np.eye(len(names))
    for (a, b), r in wanted.items():
        for name in (a, b):
            if name not in names:
                raise UnknownNameError(name, names, "parameter")
        if a == b or not -1 < r < 1:
            raise DesignError(f"The correlation of '{a}' with '{b}' cannot be {r:g}; it lies between -1 and 1.")
        i, j = names.index(a), names.index(b)
        target[i, j] = target[j, i] = 2 * math.sin(math.pi * r / 6)  # rank to normal correlation
    try:
        wanted_root = np.linalg.cholesky(target)
    except np.linalg.LinAlgError:
        raise DesignError("The correlations contradict each other: no joint distribution has all of them.") from None
    scores = stats.norm.ppf((np.arange(len(unit)) + 0.5) / len(unit)) if len(unit) > 1 else np.zeros(1)
    mixed = np.column_stack([generator.permutation(scores) for _ in names])
    own = np.corrcoef(mixed, rowvar=False) if len(unit) > len(names) + 1 else np.eye(len(names))
    shaped = mixed @ np.linalg.inv(np.linalg.cholesky(own)).T @ wanted_root.T
    ranks = np.argsort(np.argsort(shaped, axis=0), axis=0)
    return np.take_along_axis(np.sort(unit, axis=0), ranks, axis=0)


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
    if not out.columns.is_unique:
        twice = out.columns[out.columns.duplicated()].tolist()
        raise DesignError(f"The design has the column '{twice[0]}' twice.")
    for name in out.columns:
        if name not in LABELS:
            column = out[name].to_numpy()
            if column.dtype.kind not in "iuf":
                column = pd.to_numeric(out[name], errors="coerce").to_numpy(float)
            bad = np.flatnonzero(~np.isfinite(column))
            if len(bad):
                raise DesignError(
                    f"Row {bad[0]} of the design gives '{name}' the value {out[name].iloc[bad[0]]!r}, no finite number."
                )
    return out
