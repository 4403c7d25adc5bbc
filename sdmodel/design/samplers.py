"""Samplers: Latin hypercube, Sobol' points and Morris trajectories of ranges of parameters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from sdmodel.core.arguments import count, seed
from sdmodel.core.distributions import closed_ends, quantile
from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.core.ranges import is_distribution, read_ranges

if TYPE_CHECKING:
    import pandas as pd

Ranges: TypeAlias = "pd.DataFrame | Mapping[str, Any] | Iterable[Any]"
"""Ranges of parameters; see `sdmodel.core.ranges.read_ranges`."""
MOST_SAMPLES = 10**8


def latin_hypercube(
    parameters: Ranges,
    n: int,
    *,
    rng: int | np.random.Generator | None = None,
    correlation: Mapping[tuple[str, str], float] | None = None,
) -> pd.DataFrame:
    """Latin hypercube sample of the parameters.

    Parameters
    ----------
    parameters
        Ranges of constants, in one of these forms:

        - a mapping from names to ``(low, high)``, uniformly distributed; to ``(low, high, distribution)``; to a list
          of choices, equally likely; or to a frozen distribution of `scipy.stats`;
        - a table with index name (or a column `name`) and columns low and high, and where it has them value and
          distribution, such as `Model.uncertainties`;
        - a SALib problem, or parameters of the EMA workbench.

        Distributions by name: uniform, loguniform, triangular (mode at the value), normal (mean at the value, 95 %
        interval equal to the range, truncated to it), lognormal (median at the value, likewise), integer (uniform on
        the integers). Any continuous distribution of `scipy.stats` can be used by name in a table, with its arguments
        as a mapping in a column `arguments`; it is truncated to the range if the range is closed.
    n
        Number of samples.
    rng
        Seed or generator; the same seed gives the same samples.
    correlation
        Rank correlations by pair of names, such as ``{("trust time", "institution time"): 0.5}``.

    Returns
    -------
    pandas.DataFrame
        One row per sample, in the parameters' units; column `sample` counts from 0. `attrs["rng"]` records the seed.

    Raises
    ------
    DesignError
        If a range is open or does not fit its distribution, or the correlations are inconsistent.

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
    >>> from scipy import stats
    >>> ranges = {"trust time": (2, 10), "imitation speed": [3, 6], "contact rate": stats.norm(0.1, 0.01)}
    >>> sdmodel.latin_hypercube(ranges, 50, rng=1).columns.tolist()
    ['sample', 'trust time', 'imitation speed', 'contact rate']
    """
    from scipy.stats import qmc

    parameters = parameter_table(parameters)
    _countable(n, rng)
    generator = np.random.default_rng(rng)
    unit = qmc.LatinHypercube(d=len(parameters), rng=generator).random(n)
    if correlation:
        unit = _correlated(unit, [str(name) for name in parameters.index], correlation, generator)
    return _sampled(parameters, unit, "latin_hypercube", rng)


def sobol_sequence(
    parameters: Ranges,
    n: int,
    *,
    rng: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Scrambled Sobol' points: low discrepancy in all parameters jointly, suited to means and quantiles.

    Parameters
    ----------
    parameters, rng
        As in `latin_hypercube`.
    n
        Number of samples; must be a power of two, for which the points are balanced.

    Returns
    -------
    pandas.DataFrame
        As returned by `latin_hypercube`.

    Raises
    ------
    DesignError
        If `n` is not a power of two, or a range does not fit its distribution.

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

    parameters = parameter_table(parameters)
    _countable(n, rng)
    if n & (n - 1):
        raise DesignError(f"Sobol' points come in powers of two; {n} is none. Ask for {1 << (n - 1).bit_length()}.")
    unit = qmc.Sobol(d=len(parameters), rng=np.random.default_rng(rng)).random(n)
    return _sampled(parameters, unit, "sobol_sequence", rng)


def morris_trajectories(
    parameters: Ranges,
    n: int,
    *,
    levels: int = 4,
    rng: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Trajectories for Morris screening, which change one parameter at a time.

    Parameters
    ----------
    parameters, rng
        As in `latin_hypercube`.
    n
        Number of trajectories; the design has ``n * (parameters + 1)`` rows.
    levels
        Number of levels of each parameter, even; a step spans half of the levels.

    Returns
    -------
    pandas.DataFrame
        As returned by `latin_hypercube`, but `sample` numbers the trajectories, whose rows are consecutive.

    Raises
    ------
    DesignError
        If `levels` is odd, or a range does not fit its distribution.

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
    parameters = with_closed_ends(parameter_table(parameters))
    _countable(n, rng)
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


def parameter_table(parameters: Any) -> pd.DataFrame:
    """Parameters as a table with the columns value, low, high and distribution, complete for sampling.

    Parameters
    ----------
    parameters
        Ranges in any form of `sdmodel.core.ranges.read_ranges`. A distribution that is not given is uniform, and a
        value that is not given the median of its distribution or the middle of its range.

    Raises
    ------
    DesignError
        If it has none of these forms.
    """
    out = read_ranges(parameters)
    out["distribution"] = [d if is_distribution(d) or d else "uniform" for d in out["distribution"]]
    middle = [
        float(d.ppf(0.5)) if is_distribution(d) else (low + high) / 2
        for d, low, high in zip(out["distribution"], out["low"], out["high"], strict=True)
    ]
    out["value"] = np.where(out["value"].isna(), middle, out["value"]) if "value" in out else middle
    return out


def with_closed_ends(parameters: pd.DataFrame) -> pd.DataFrame:
    """The table with the open ends of distributions at their 2.5 % and 97.5 % quantiles."""
    ends = [
        closed_ends(d, low, high)
        for d, low, high in zip(parameters["distribution"], parameters["low"], parameters["high"], strict=True)
    ]
    return parameters.assign(low=[low for low, _ in ends], high=[high for _, high in ends])


def _countable(n: int, rng: Any) -> None:
    count("n", n, high=MOST_SAMPLES)
    if not (rng is None or isinstance(rng, np.random.Generator)):
        seed("rng", rng)


def _sampled(
    parameters: pd.DataFrame, unit: np.ndarray, sampler: str, rng: int | np.random.Generator | None
) -> pd.DataFrame:
    """Transform points of the unit cube, (samples, parameters), to values of the parameters."""
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
    if dates := parameters.attrs.get("dates"):
        out.attrs["dates"] = dates
    out.attrs["rng"] = rng if isinstance(rng, int) else "not recorded"
    out.attrs["sampler"] = sampler
    return out


def _correlated(
    unit: np.ndarray, names: list[str], wanted: Mapping[tuple[str, str], float], generator: np.random.Generator
) -> np.ndarray:
    """Reorder the values within each column of `unit` to obtain the wanted rank correlations."""
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
