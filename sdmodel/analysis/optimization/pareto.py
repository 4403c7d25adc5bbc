"""Policies under several goals: the Pareto front."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.analysis.evaluation import require
from sdmodel.analysis.inputs import Limits, Parameters, check, one_outcome
from sdmodel.analysis.optimization.policy_trials import (
    PolicyEvaluator,
    by_outcome,
    excess,
    first_policies,
    limited_columns,
    prepare,
)
from sdmodel.core.arguments import choice, refuse
from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.core.outcome import Outcome
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure
from sdmodel.sweep.progress import progress_bar

if TYPE_CHECKING:
    import pandas as pd

AIMS = ("max", "min")


def pareto(
    model: Structure,
    levers: Parameters,
    goals: Mapping[Outcome | str, str],
    *,
    limits: Limits | None = None,
    samples: pd.DataFrame | None = None,
    scenario: Scenario | str | None = None,
    every: float | None = None,
    population: int = 64,
    generations: int = 60,
    rng: int | None = None,
    workers: int | None = None,
    progress: bool | str | None = None,
) -> pd.DataFrame:
    """Approximate the Pareto front of several goals over levers.

    NSGA-II [1]_ of pymoo [2]_; each generation is one sweep. Needs the extra ``sdmodel[analysis]``.

    Parameters
    ----------
    model, levers, limits, scenario, every, workers, progress
        As in `optimise`.
    goals
        Two or more outcomes, each with ``"max"`` or ``"min"``; the name of a variable stands for its final value.
    samples
        A design of uncertainties; each policy is run in every row and a goal is its mean over them. Limits must hold in
        every row.
    population
        Policies per generation, and largest number of points of the front.
    generations
        Number of generations.
    rng
        Seed; equal seeds give equal fronts.

    Returns
    -------
    pandas.DataFrame
        One row per policy of the front, sorted by the first goal, without duplicates in the goals. Columns: the levers,
        the goals and the limited outcomes under their labels. `attrs`: goals, units, runs, and ``hypervolume`` of each
        generation, as a share of the box between the best and the worst values seen; it levels off when the search has
        converged [3]_.

    Raises
    ------
    DesignError
        If fewer than two goals are given, or no policy is feasible.
    UnknownNameError
        If a name is not in the model, or an aim is neither ``"max"`` nor ``"min"``.
    MissingExtraError
        If pymoo is not installed.

    References
    ----------
    .. [1] Deb, K., Pratap, A., Agarwal, S. and Meyarivan, T. (2002). A fast and elitist multiobjective genetic
       algorithm: NSGA-II. IEEE Transactions on Evolutionary Computation 6(2), 182-197.
       https://doi.org/10.1109/4235.996017
    .. [2] Blank, J. and Deb, K. (2020). pymoo: multi-objective optimization in Python. IEEE Access 8, 89497-89509.
       https://doi.org/10.1109/ACCESS.2020.2990567
    .. [3] Zitzler, E. and Thiele, L. (1999). Multiobjective evolutionary algorithms: a comparative case study and the
       strength Pareto approach. IEEE Transactions on Evolutionary Computation 3(4), 257-271.
       https://doi.org/10.1109/4235.797969
    """
    check(population=population, generations=generations, rng=rng)
    aims = _goals(goals)
    signs = np.array([1.0 if aim == "min" else -1.0 for aim in aims.values()])
    require("pymoo", "A Pareto front")
    evaluator = prepare(model, levers, aims, limits, samples, scenario, every, workers)
    limits = by_outcome(limits)
    with progress_bar(generations, "front", "generation", progress) as shown:
        policies, history = _search(evaluator, signs, limits, population, generations, rng, shown)
    found = evaluator(policies)
    broken = excess(found[len(aims) :], limits).sum(axis=0)
    failed = ~np.isfinite(found).all(axis=(0, 2))
    if (broken > 0).all() or failed.all():
        raise DesignError(
            f"No policy in {evaluator.runs:,} runs keeps the limits. Widen the ranges of the levers or the limits, or "
            "look at one goal alone with optimise, which says what comes nearest."
        )
    frame = _frame(evaluator, policies, found, aims, limits)[(broken == 0) & ~failed]
    frame = nondominated(frame, {o.label: aim for o, aim in aims.items()})
    frame = frame.drop_duplicates([o.label for o in aims]).sort_values(next(iter(aims)).label, ignore_index=True)
    outcomes = (*aims, *limits)
    frame.attrs = {
        "goals": {o.label: aim for o, aim in aims.items()},
        "levers": list(evaluator.levers.index),
        "units": evaluator.units(outcomes),
        "runs": evaluator.runs,
        "hypervolume": _volumes(history),
    }
    return frame


def nondominated(table: pd.DataFrame, goals: Mapping[str, str]) -> pd.DataFrame:
    """Rows of a table that no other row dominates [1]_.

    Parameters
    ----------
    table
        One row per policy; rows with NaN in a goal are dropped.
    goals
        Columns, each with ``"max"`` or ``"min"``.

    Returns
    -------
    pandas.DataFrame
        The nondominated rows, in their order.

    Raises
    ------
    UnknownNameError
        If a goal is no column, or an aim is neither ``"max"`` nor ``"min"``.

    References
    ----------
    .. [1] Deb, K., Pratap, A., Agarwal, S. and Meyarivan, T. (2002). A fast and elitist multiobjective genetic
       algorithm: NSGA-II. IEEE Transactions on Evolutionary Computation 6(2), 182-197.
       https://doi.org/10.1109/4235.996017

    Examples
    --------
    >>> import pandas as pd, sdmodel
    >>> table = pd.DataFrame({"firms": [10, 30, 20], "money": [1, 2, 3]})
    >>> sdmodel.nondominated(table, {"firms": "max", "money": "min"}).index.tolist()
    [0, 1]
    """
    if not hasattr(table, "columns"):
        raise refuse("table", table, "a pandas.DataFrame with one row a policy")
    if not isinstance(goals, Mapping) or not goals:
        raise refuse("goals", goals, "a mapping from columns to 'max' or 'min'")
    for name, aim in goals.items():
        if name not in table.columns:
            raise UnknownNameError(str(name), map(str, table.columns), "column")
        choice("aim", aim, AIMS)
    signs = np.array([1.0 if aim == "min" else -1.0 for aim in goals.values()])
    costs = table[list(goals)].to_numpy(dtype=float) * signs
    keep = np.isfinite(costs).all(axis=1)
    for i in np.flatnonzero(keep):
        rivals = costs[keep]
        keep[i] = not ((rivals <= costs[i]).all(axis=1) & (rivals < costs[i]).any(axis=1)).any()
    left: pd.DataFrame = table.loc[keep]
    return left


def _goals(goals: Any) -> dict[Outcome, str]:
    """Two or more outcomes, each with its aim."""
    if not isinstance(goals, Mapping) or len(goals) < 2 or not all(isinstance(g, (str, Outcome)) for g in goals):
        raise refuse("goals", goals, "a mapping from two Outcomes or more to 'max' or 'min' (optimise takes one)")
    for aim in goals.values():
        choice("aim", aim, AIMS)
    return {one_outcome("goals", goal): aim for goal, aim in goals.items()}


def _search(
    evaluator: PolicyEvaluator,
    signs: np.ndarray,
    limits: Limits,
    population: int,
    generations: int,
    rng: int | None,
    shown: Any,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Policies of the last generation, and the costs of the front after each."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.callback import Callback
    from pymoo.core.problem import Problem
    from pymoo.optimize import minimize

    low, high = evaluator.bounds.T
    goals = len(signs)

    class Policies(Problem):  # type: ignore[misc]  # pymoo has no types
        """Goals and constraints of policies, one generation at a time."""

        def __init__(self) -> None:
            super().__init__(n_var=len(low), n_obj=goals, n_ieq_constr=len(limits), xl=low, xu=high)

        def _evaluate(self, x: np.ndarray, out: dict[str, np.ndarray], *_: Any, **__: Any) -> None:
            found = evaluator(x)
            costs = found[:goals].mean(axis=2).T * signs
            out["F"] = np.where(np.isfinite(costs), costs, 1e100)
            if limits:
                out["G"] = np.minimum(excess(found[goals:], limits).T, 1e100)

    history: list[np.ndarray] = []

    class Recorder(Callback):  # type: ignore[misc]  # pymoo has no types
        """Records the front of each generation."""

        def notify(self, algorithm: Any) -> None:
            opt = algorithm.opt
            costs = opt.get("F")[opt.get("CV").ravel() <= 0]
            history.append(costs[(costs < 1e99).all(axis=1)])
            shown.update(1)

    first = first_policies(evaluator, population, np.random.default_rng(rng))
    method = NSGA2(pop_size=population, sampling=first)
    found = minimize(Policies(), method, ("n_gen", generations), seed=rng, callback=Recorder(), verbose=False)
    return found.pop.get("X").astype(float), history


def _frame(
    evaluator: PolicyEvaluator, policies: np.ndarray, found: np.ndarray, goals: Mapping[Outcome, str], limits: Limits
) -> pd.DataFrame:
    import pandas as pd

    columns = evaluator.columns(policies)
    for i, outcome in enumerate(goals):
        columns[outcome.label] = found[i].mean(axis=1)
    return pd.DataFrame(columns | limited_columns(found[len(goals) :], limits))


def _volumes(history: list[np.ndarray]) -> list[float]:
    """Hypervolume of each front, as a share of the box between the best and the worst costs of all of them."""
    from pymoo.indicators.hv import HV

    seen = np.concatenate(history)
    best, worst = seen.min(axis=0), seen.max(axis=0)
    size = np.where(worst > best, worst - best, 1.0)
    measure = HV(ref_point=np.ones(seen.shape[1]))
    return [float(measure((costs - best) / size)) if len(costs) else 0.0 for costs in history]
