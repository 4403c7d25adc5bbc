"""Screening of parameters with few runs: Morris, and one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdmodel.analysis.inputs import Outcomes, Parameters, Seed, check, outcome_list
from sdmodel.analysis.outcomes import outcome_table, outcome_values
from sdmodel.analysis.sensitivity.designs import one_at_a_time
from sdmodel.analysis.sensitivity.evaluation import (
    BlockOutcomes,
    failure_message,
    salib_method,
    salib_seed,
    sweep_of,
    warn,
)
from sdmodel.core.errors import DesignError
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure
from sdmodel.design.samplers import morris_trajectories

if TYPE_CHECKING:
    import pandas as pd


def morris(
    of: Structure | xr.Dataset,
    parameters: Parameters,
    outcomes: Outcomes,
    *,
    n: int | None = None,
    levels: int = 4,
    rng: Seed = None,
    scenario: Scenario | str | None = None,
    every: float | None = None,
) -> pd.DataFrame:
    """Morris screening: identify the parameters without influence, with few runs.

    An elementary effect is the change of the outcome for one step of a parameter, divided by the step as a share of the
    parameter's range (in probability).

    Parameters
    ----------
    of
        A model, which is run; or the sweep of a design of `sdmodel.morris_trajectories`.
    parameters, outcomes, scenario, every
        As in `sdmodel.sobol`.
    n
        Number of trajectories, usually ten or more; a model is run ``n * (parameters + 1)`` times.
    levels
        Even number of levels of each parameter, that of the design.
    rng
        Seed or generator of the trajectories and of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        Index `outcome`, `time` (for paths) and `parameter`. Columns `mu` (mean effect), `mu_star` (mean absolute
        effect), `mu_star_low`, `mu_star_high` (95 % bootstrap interval) and `sigma` (standard deviation of the effect:
        large for nonlinearity or interaction), in the unit of the outcome. `attrs` hold `trajectories` and `dropped`.

    Raises
    ------
    MissingExtraError
        If SALib is not installed.
    DesignError
        If the design is malformed, a parameter has a single value, the sweep is not one of `morris_trajectories`, or
        more than half of the trajectories have a failed run.

    Warns
    -----
    ResultWarning
        If trajectories were dropped, an outcome is constant, or there are fewer than ten trajectories.

    References
    ----------
    .. [1] Morris, M. D. (1991). Factorial sampling plans for preliminary computational experiments. Technometrics
       33(2), 161-174. https://doi.org/10.1080/00401706.1991.10484804
    .. [2] Campolongo, F., Cariboni, J. and Saltelli, A. (2007). An effective screening design for sensitivity analysis
       of large models. Environmental Modelling & Software 22(10), 1509-1518.
       https://doi.org/10.1016/j.envsoft.2006.10.004

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("network")
    >>> table = sdmodel.morris(model, model.uncertainties, sdmodel.Outcome("trust", at=2034), n=10, rng=1)
    >>> bool((table["mu_star"] >= table["mu"].abs()).all())
    True
    """
    check(of=of, levels=levels, rng=rng, scenario=scenario, n=n)
    analyse = salib_method("morris")
    generator = np.random.default_rng(rng)

    def design(table: pd.DataFrame) -> pd.DataFrame:
        flat = table.index[table["low"] == table["high"]]
        if len(flat):
            raise DesignError(f"'{flat[0]}' has one value and cannot take a step. Drop it from the table.")
        return morris_trajectories(table, int(n or 0), levels=levels, rng=rng)

    sweep, names, x = sweep_of(of, parameters, outcomes, design, n, scenario=scenario, every=every)
    k = len(names)
    _check_trajectories(x, k, levels, str(sweep.attrs.get("sampler", "")))
    problem = {"num_vars": k, "names": names, "bounds": [[0.0, 1.0]] * k, "groups": None}
    seed = salib_seed(generator)
    rows: list[dict[str, object]] = []
    blocks_run = BlockOutcomes(sweep, outcomes, k + 1, "trajectory")
    for one, y in blocks_run.outcomes():
        mine = x.reshape(-1, k + 1, k)[blocks_run.retained].reshape(-1, k)
        found = None if y is None else analyse(problem, mine, y.reshape(-1), num_levels=levels, seed=seed)
        for i, name in enumerate(names):
            made: dict[str, object] = {"outcome": one.label, "time": one.time, "parameter": name}
            # A constant outcome has no effects.
            mu, star, half, sigma = (
                0.0 if found is None else float(found[c][i]) for c in ("mu", "mu_star", "mu_star_conf", "sigma")
            )
            made.update(mu=mu, mu_star=star, mu_star_low=star - half, mu_star_high=star + half, sigma=sigma)
            rows.append(made)
    blocks_run.report()
    count = len(x) // (k + 1)
    if count < 10:
        warn(f"{count} trajectories are few; ten or more are usual (n=10).")
    out = outcome_table(rows)
    out.attrs = {"trajectories": count, "dropped": blocks_run.most_dropped}
    return out


def _check_trajectories(x: np.ndarray, k: int, levels: int, sampler: str) -> None:
    """Refuse runs in which not exactly one parameter changes from row to row."""
    if sampler.startswith("morris_trajectories") and sampler != f"morris_trajectories, {levels} levels":
        raise DesignError(f"The design was made by {sampler}; give levels={sampler.split()[1]}.")
    fits = len(x) % (k + 1) == 0
    if fits:
        moved = np.diff(x.reshape(-1, k + 1, k), axis=1) != 0
        fits = bool((moved.sum(axis=1) == 1).all() and (moved.sum(axis=2) == 1).all())
    if not fits:
        raise DesignError(
            f"The {len(x):,} runs are no trajectories of these {k} parameters, in which each takes one step alone. "
            "Make the design with sdmodel.morris_trajectories(parameters, n) and sweep all of it."
        )


def tornado(
    of: Structure | xr.Dataset,
    parameters: Parameters,
    outcomes: Outcomes,
    *,
    scenario: Scenario | str | None = None,
    every: float | None = None,
) -> pd.DataFrame:
    """Effect of each parameter alone at both ends of its range, all others at their values.

    Interactions are not detected: use `sdmodel.morris` or `sdmodel.sobol` where they may matter.

    Parameters
    ----------
    of
        A model, which is run ``2 * parameters + 1`` times; or the sweep of a design of `sdmodel.one_at_a_time`.
    parameters, outcomes, scenario, every
        As in `sdmodel.sobol`.

    Returns
    -------
    pandas.DataFrame
        Index `outcome`, `time` (for paths) and `parameter`, largest swing first. Columns `low` and `high` (ends of the
        range, in the unit of the parameter), `at_low`, `base` and `at_high` (the outcome there) and `swing` (largest
        minus smallest of the three); NaN where a run failed.

    Raises
    ------
    DesignError
        If a range is open, the sweep is not one of `one_at_a_time`, or the base run failed.

    Warns
    -----
    ResultWarning
        If a run failed.

    References
    ----------
    .. [1] Eschenbach, T. G. (1992). Spiderplots versus tornado diagrams for sensitivity analysis. Interfaces 22(6),
       40-46. https://doi.org/10.1287/inte.22.6.40

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("network")
    >>> table = sdmodel.tornado(model, model.uncertainties, sdmodel.Outcome("trust", at=2034))
    >>> table.loc["trust at 2034"].index[0]
    'cost of contributing'
    """
    check(of=of, scenario=scenario)
    sweep, names, x = sweep_of(of, parameters, outcomes, one_at_a_time, scenario=scenario, every=every)
    moved = x != x[0]
    others = ~np.repeat(np.eye(len(names), dtype=bool), 2, axis=0)
    if len(x) != 2 * len(names) + 1 or (moved[1:] & others).any():
        raise DesignError(
            f"The {len(x):,} runs do not move one of these {len(names)} parameters at a time. Make the design with "
            "sdmodel.one_at_a_time(parameters) and sweep all of it."
        )
    rows = []
    lost: list[str] = []
    for one in outcome_values(outcome_list(outcomes), sweep):
        y = one.values
        if np.isnan(y[0]):
            raise DesignError(
                f"The base run gives no '{one.name}': {failure_message(sweep, 0) or 'the outcome is NaN'}"
            )
        lost += [
            f"'{names[(r - 1) // 2]}' at its {'low' if r % 2 else 'high'} end" for r in np.flatnonzero(np.isnan(y))
        ]
        for i, name in enumerate(names):
            low, high = y[2 * i + 1], y[2 * i + 2]
            ends = {"low": x[2 * i + 1, i], "high": x[2 * i + 2, i], "at_low": low, "base": y[0], "at_high": high}
            swing = max(low, high, y[0]) - min(low, high, y[0])
            rows.append({"outcome": one.label, "time": one.time, "parameter": name, **ends, "swing": swing})
    if lost:
        warn(f"There is no outcome with {', '.join(dict.fromkeys(lost))}; their rows are NaN.")
    order = {label: i for i, label in enumerate(dict.fromkeys(str(r["outcome"]) for r in rows))}
    rows.sort(key=lambda r: (order[str(r["outcome"])], r["time"] or 0.0, -np.nan_to_num(r["swing"])))
    return outcome_table(rows)
