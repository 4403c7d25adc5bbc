"""Designs of sensitivity analyses: Sobol' blocks, and one parameter at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sdmodel.core.errors import DesignError
from sdmodel.design.samplers import Ranges, parameter_table, sobol_sequence, with_closed_ends

if TYPE_CHECKING:
    import pandas as pd


def sobol_blocks(
    parameters: Ranges,
    n: int,
    *,
    second: bool = False,
    rng: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Design for Sobol' indices: two samples A and B, and copies with one column exchanged.

    Parameters
    ----------
    parameters, rng
        As in `sdmodel.latin_hypercube`.
    n
        Number of blocks, a power of two. The design has ``n * (parameters + 2)`` rows.
    second
        Include the rows for second-order indices; the design then has ``n * (2 * parameters + 2)`` rows.

    Returns
    -------
    pandas.DataFrame
        One row per run, blocks together. Column `sample` numbers the blocks (rows of a block share their random draws)
        and `setting` the rows of a block.

    Raises
    ------
    DesignError
        If `n` is not a power of two, or a range does not fit its distribution.

    References
    ----------
    .. [1] Saltelli, A., Annoni, P., Azzini, I., Campolongo, F., Ratto, M. and Tarantola, S. (2010). Variance based
       sensitivity analysis of model output. Computer Physics Communications 181(2), 259-270.
       https://doi.org/10.1016/j.cpc.2009.09.018

    Examples
    --------
    >>> import sdmodel
    >>> parameters = sdmodel.load("network").uncertainties
    >>> len(sdmodel.sobol_blocks(parameters, 8, rng=1)) == 8 * (len(parameters) + 2)
    True
    """
    import pandas as pd

    parameters = parameter_table(parameters)
    names = [str(name) for name in parameters.index]
    k = len(names)
    both = pd.concat([parameters, parameters.rename(index=lambda name: f"{name} (second)")])
    drawn = sobol_sequence(both, n, rng=rng)
    points = drawn.drop(columns="sample").to_numpy(float)
    a, b = points[:, :k], points[:, k:]
    width = width_of(k, second)
    rows = np.empty((n, width, k))
    rows[:, :-1], rows[:, -1] = a[:, None, :], b
    for j in range(k):
        rows[:, 1 + j, j] = b[:, j]
        if second:
            rows[:, 1 + k + j] = b
            rows[:, 1 + k + j, j] = a[:, j]
    out = pd.DataFrame(rows.reshape(-1, k), columns=names)
    out.insert(0, "sample", np.repeat(np.arange(n), width))
    out.insert(1, "setting", np.tile(np.arange(width), n))
    out.attrs = {**drawn.attrs, "sampler": "sobol_blocks"}
    return out


def width_of(k: int, second: bool) -> int:
    """Rows of a Sobol' block of `k` parameters."""
    return 2 * k + 2 if second else k + 2


def one_at_a_time(parameters: Ranges) -> pd.DataFrame:
    """Design for a tornado diagram: the base case, then each parameter alone at both ends of its range.

    Parameters
    ----------
    parameters
        As in `sdmodel.latin_hypercube`. An open end of a distribution is its 2.5 % or 97.5 % quantile.

    Returns
    -------
    pandas.DataFrame
        ``2 * parameters + 1`` rows; column `sample` is 0 (equal random draws in all rows), `setting` names the row.

    Raises
    ------
    DesignError
        If there are no parameters, or a range is open.

    Examples
    --------
    >>> import sdmodel
    >>> parameters = sdmodel.load("network").uncertainties.loc[["contact rate"]]
    >>> sdmodel.one_at_a_time(parameters)["setting"].tolist()
    ['base', 'contact rate: low', 'contact rate: high']
    """
    import pandas as pd

    parameters = with_closed_ends(parameter_table(parameters))
    low, high = (parameters[c].to_numpy(float) for c in ("low", "high"))
    wide = np.flatnonzero(~np.isfinite(low + high))
    if len(wide):
        name = parameters.index[wide[0]]
        raise DesignError(f"'{name}' has the open range {low[wide[0]]:g} to {high[wide[0]]:g}. Close it in the table.")
    k = len(parameters)
    rows = np.tile(parameters["value"].to_numpy(float), (2 * k + 1, 1))
    rows[1::2][range(k), range(k)], rows[2::2][range(k), range(k)] = low, high
    names = [str(name) for name in parameters.index]
    out = pd.DataFrame(rows, columns=names)
    out.insert(0, "sample", 0)
    out.insert(1, "setting", ["base", *(f"{name}: {end}" for name in names for end in ("low", "high"))])
    out.attrs = {"rng": "none", "sampler": "one_at_a_time"}
    return out
