"""Sobol' indices: shares of an outcome's variance by parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from sdmodel.analysis.inputs import Outcomes, Parameters, Seed, check
from sdmodel.analysis.outcomes import OutcomeValues, outcome_table
from sdmodel.analysis.sensitivity.designs import sobol_blocks, width_of
from sdmodel.analysis.sensitivity.evaluation import BlockOutcomes, salib_method, salib_seed, sweep_of, warn
from sdmodel.core.errors import DesignError
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure

if TYPE_CHECKING:
    import pandas as pd

_PRECISION = 0.1
"""Relative half-width of the interval of the largest index above which the sample counts as small."""


def sobol(
    of: Structure | xr.Dataset,
    parameters: Parameters,
    outcomes: Outcomes,
    *,
    n: int | None = None,
    second: bool = False,
    rng: Seed = None,
    scenario: Scenario | str | None = None,
    every: float | None = None,
) -> pd.DataFrame:
    """Sobol' indices: share of an outcome's variance due to each parameter.

    The first-order index is the share of variance removed by knowing the parameter, the total index the share left when
    all others are known; the difference is due to interactions. They depend on the ranges and distributions given.

    Parameters
    ----------
    of
        A model, which is run; or the sweep of a design of `sdmodel.sobol_blocks`.
    parameters
        Ranges in any form of `sdmodel.latin_hypercube`, such as `model.uncertainties` or ``{name: (low, high)}``, or
        names of constants for the ranges of the file. They are drawn independently of each other.
    outcomes
        One or several outcomes; the name of a variable stands for its path and gives indices over time. With a sweep
        also an `xarray.DataArray` of your own with a value for each run, or with the dimension time a path.
    n
        Number of blocks, a power of two; a model is run ``n * (parameters + 2)`` times.
    second
        Second-order indices as well; a model is then run ``n * (2 * parameters + 2)`` times.
    rng
        Seed or generator of the samples and of the bootstrap.
    scenario, every
        As in `Model.sweep`.

    Returns
    -------
    pandas.DataFrame
        Index `outcome`, `time` (for paths) and `parameter`; with `second` also `other`, empty for a single parameter.
        Columns `first`, `first_low`, `first_high`, `total`, `total_low`, `total_high` (dimensionless; 95 % bootstrap
        intervals), with `second` also `second`, `second_low`, `second_high`. Indices of a constant outcome are NaN.
        `attrs` hold `blocks` and `dropped`, the number of blocks dropped because a run failed.

    Raises
    ------
    MissingExtraError
        If SALib is not installed.
    DesignError
        If the design is malformed, the sweep is not one of `sobol_blocks`, more than half of the blocks have a failed
        run, or no parameter affects any outcome.

    Warns
    -----
    ResultWarning
        If blocks were dropped, an outcome is constant, or the sample is small: the half-width of the interval of the
        largest total index is more than a tenth of it.

    References
    ----------
    .. [1] Sobol', I. M. (2001). Global sensitivity indices for nonlinear mathematical models and their Monte Carlo
       estimates. Mathematics and Computers in Simulation 55(1-3), 271-280.
       https://doi.org/10.1016/S0378-4754(00)00270-6
    .. [2] Saltelli, A., Annoni, P., Azzini, I., Campolongo, F., Ratto, M. and Tarantola, S. (2010). Variance based
       sensitivity analysis of model output. Computer Physics Communications 181(2), 259-270.
       https://doi.org/10.1016/j.cpc.2009.09.018
    .. [3] Herman, J. and Usher, W. (2017). SALib: An open-source Python library for sensitivity analysis. Journal of
       Open Source Software 2(9), 97. https://doi.org/10.21105/joss.00097

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("network")
    >>> few = model.uncertainties.loc[["contact rate", "cost of contributing"]]
    >>> table = sdmodel.sobol(model, few, sdmodel.Outcome("trust", at=2034), n=1024, rng=1)
    >>> table.loc["trust at 2034", "total"].idxmax()
    'cost of contributing'
    """
    check(of=of, rng=rng, scenario=scenario, n=n)
    analyse = salib_method("sobol")
    generator = np.random.default_rng(rng)

    def design(table: pd.DataFrame) -> pd.DataFrame:
        return sobol_blocks(table, int(n or 0), second=second, rng=rng)

    sweep, names, x = sweep_of(of, parameters, outcomes, design, n, scenario=scenario, every=every)
    k, width = len(names), width_of(len(names), second)
    _check_blocks(x, k, width, second)
    problem = {"num_vars": k, "names": names, "bounds": [[0.0, 1.0]] * k}
    seed = salib_seed(generator)
    rows: list[dict[str, object]] = []
    small: list[tuple[float, str]] = []
    blocks_run = BlockOutcomes(sweep, outcomes, width, "block")
    for one, y in blocks_run.outcomes():
        if y is None:
            rows += _sobol_rows(one, names, None, second)
            continue
        found = analyse(problem, y.reshape(-1), calc_second_order=second, seed=seed)
        rows += _sobol_rows(one, names, found, second)
        top = int(np.argmax(found["ST"]))
        small.append((float(found["ST_conf"][top] / max(found["ST"][top], 1e-300)), one.name))
    blocks_run.report()
    if small and max(small)[0] > _PRECISION:
        share, name = max(small)
        blocks = sweep.sizes["run"] // width
        enough = 1 << int(np.ceil(np.log2(blocks * (share / _PRECISION) ** 2)))
        warn(
            f"{blocks:,} blocks are few: the interval of the largest total index of '{name}' reaches ±{share:.1%} of "
            f"it. About n={enough:,} would bring it to ±{_PRECISION:.0%}."
        )
    out = outcome_table(rows, ("parameter", "other") if second else ("parameter",))
    out.attrs = {"blocks": sweep.sizes["run"] // width, "dropped": blocks_run.most_dropped}
    return out


def _sobol_rows(one: OutcomeValues, names: list[str], found: Any, second: bool) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []

    def row(parameter: str, other: str, **indices: tuple[float, float]) -> None:
        made: dict[str, object] = {"outcome": one.label, "time": one.time, "parameter": parameter}
        if second:
            made["other"] = other
        for name, (value, half) in indices.items():
            made.update({name: value, f"{name}_low": value - half, f"{name}_high": value + half})
        rows.append(made)

    def of(kind: str, *place: int) -> tuple[float, float]:
        if found is None:
            return np.nan, np.nan
        return float(found[kind][place]), float(found[f"{kind}_conf"][place])

    for i, name in enumerate(names):
        row(name, "", first=of("S1", i), total=of("ST", i))
    if second:
        for i, name in enumerate(names):
            for j in range(i + 1, len(names)):
                row(name, names[j], second=of("S2", i, j))
    return rows


def _check_blocks(x: np.ndarray, k: int, width: int, second: bool) -> None:
    """Refuse runs that are not blocks of `sobol_blocks`."""
    fits = len(x) % width == 0
    if fits:
        blocks = x.reshape(-1, width, k)
        a, b = blocks[:, 0], blocks[:, -1]
        for j in range(k):
            mixed, back = a.copy(), b.copy()
            mixed[:, j], back[:, j] = b[:, j], a[:, j]
            fits = fits and np.array_equal(blocks[:, 1 + j], mixed)
            fits = fits and (not second or np.array_equal(blocks[:, 1 + k + j], back))
    if not fits:
        raise DesignError(
            f"The {len(x):,} runs are no Sobol' blocks of these {k} parameters in this order"
            f"{' with pairs' if second else ''}. Make the design with sdmodel.sobol_blocks(parameters, n"
            f"{', second=True' if second else ''}) and sweep all of it."
        )
