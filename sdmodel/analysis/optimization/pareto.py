"""Policies under several goals: those that no other policy beats in all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.analysis.evaluation import bar, require
from sdmodel.analysis.inputs import Limits, Parameters, check, choice, refuse
from sdmodel.analysis.optimization.policy_trials import Trials, excess, first_policies, limited_columns, made_ready
from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.core.outcome import Outcome
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure

if TYPE_CHECKING:
    import pandas as pd

AIMS = ("max", "min")


def pareto(
    model: Structure,
    levers: Parameters,
    goals: Mapping[Outcome, str],
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
    """Find policies that cannot be made better in one goal without losing in another: the Pareto front.

    NSGA-II [1]_ of pymoo [2]_; each generation is one sweep. Needs the extra ``sdmodel[analysis]``.

    Parameters
    ----------
    model, levers, limits, scenario, every, workers, progress
        As in `optimise`.
    goals
        Two or more outcomes, each with ``"max"`` or ``"min"``.
    samples
        A design of uncertainties; every policy is run in each row and a goal is its mean over them. Limits must be kept
        in every row.
    population
        Policies of a generation, and most points of the front.
    generations
        Generations.
    rng
        Seed; the same seed gives the same front.

    Returns
    -------
    pandas.DataFrame
        One row a policy of the front, sorted by the first goal, which differ in at least one goal. Columns: the levers,
        the goals under their labels, the limited outcomes under theirs. `attrs`: goals, units, runs, and
        ``hypervolume``: the part of the box between the best and the worst that was seen which each generation
        dominates, whose last entries are level when the search has come to rest [3]_.

    Raises
    ------
    DesignError
        If fewer than two goals are given, or no policy that was tried keeps the limits.
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
    goals = _goals(goals)
    signs = np.array([1.0 if aim == "min" else -1.0 for aim in goals.values()])
    require("pymoo", "A Pareto front")
    trials = made_ready(model, levers, goals, limits, samples, scenario, every, workers)
    limits = dict(limits or {})
    with bar(generations, "front", "generation", progress) as shown:
        policies, history = _search(trials, signs, limits, population, generations, rng, shown)
    found = trials(policies)
    broken = excess(found[len(goals) :], limits).sum(axis=0)
    failed = ~np.isfinite(found).all(axis=(0, 2))
    if (broken > 0).all() or failed.all():
        raise DesignError(
            f"No policy in {trials.runs:,} runs keeps the limits. Widen the ranges of the levers or the limits, or "
            "look at one goal alone with optimise, which says what comes nearest."
        )
    frame = _frame(trials, policies, found, goals, limits)[(broken == 0) & ~failed]
    frame = nondominated(frame, {o.label: aim for o, aim in goals.items()})
    frame = frame.drop_duplicates([o.label for o in goals]).sort_values(next(iter(goals)).label, ignore_index=True)
    outcomes = (*goals, *limits)
    frame.attrs = {
        "goals": {o.label: aim for o, aim in goals.items()},
        "levers": list(trials.levers.index),
        "units": trials.units(outcomes),
        "runs": trials.runs,
        "hypervolume": _volumes(history),
    }
    return frame


def nondominated(table: pd.DataFrame, goals: Mapping[str, str]) -> pd.DataFrame:
    """Rows of a table that no other row beats: as good in every goal and better in one [1]_.

    Parameters
    ----------
    table
        One row a policy; the rows that hold a NaN in a goal are left out.
    goals
        Columns, each with ``"max"`` or ``"min"``.

    Returns
    -------
    pandas.DataFrame
        The rows that are left, in their order.

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
    if not isinstance(goals, Mapping) or len(goals) < 2 or not all(isinstance(g, Outcome) for g in goals):
        raise refuse("goals", goals, "a mapping from two Outcomes or more to 'max' or 'min' (optimise takes one)")
    for aim in goals.values():
        choice("aim", aim, AIMS)
    return dict(goals)


def _search(
    trials: Trials, signs: np.ndarray, limits: Limits, population: int, generations: int, rng: int | None, shown: Any
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Policies of the last generation, and the costs of the front after each."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.callback import Callback
    from pymoo.core.problem import Problem
    from pymoo.optimize import minimize

    low, high = trials.bounds.T
    goals = len(signs)

    class Policies(Problem):  # type: ignore[misc]  # pymoo has no types
        """Goals and limits of policies, a generation at a time."""

        def __init__(self) -> None:
            super().__init__(n_var=len(low), n_obj=goals, n_ieq_constr=len(limits), xl=low, xu=high)

        def _evaluate(self, x: np.ndarray, out: dict[str, np.ndarray], *_: Any, **__: Any) -> None:
            found = trials(x)
            costs = found[:goals].mean(axis=2).T * signs
            out["F"] = np.where(np.isfinite(costs), costs, 1e100)
            if limits:
                out["G"] = np.minimum(excess(found[goals:], limits).T, 1e100)

    history: list[np.ndarray] = []

    class Note(Callback):  # type: ignore[misc]  # pymoo has no types
        """Keeps the front of each generation."""

        def notify(self, algorithm: Any) -> None:
            opt = algorithm.opt
            costs = opt.get("F")[opt.get("CV").ravel() <= 0]
            history.append(costs[(costs < 1e99).all(axis=1)])
            shown.update(1)

    first = first_policies(trials, population, np.random.default_rng(rng))
    method = NSGA2(pop_size=population, sampling=first)
    found = minimize(Policies(), method, ("n_gen", generations), seed=rng, callback=Note(), verbose=False)
    return found.pop.get("X").astype(float), history


def _frame(
    trials: Trials, policies: np.ndarray, found: np.ndarray, goals: Mapping[Outcome, str], limits: Limits
) -> pd.DataFrame:
    import pandas as pd

    columns = trials.columns(policies)
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
