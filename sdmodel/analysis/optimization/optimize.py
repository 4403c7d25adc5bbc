"""Policies that optimise one outcome under constraints, for one or many samples of the uncertainties."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.analysis.evaluation import outcome_unit
from sdmodel.analysis.inputs import Limits, Parameters, check, one_outcome, variables_of
from sdmodel.analysis.optimization.policy_trials import (
    PolicyEvaluator,
    by_outcome,
    excess,
    first_policies,
    limited_columns,
    prepare,
    slack,
)
from sdmodel.core.arguments import choice
from sdmodel.core.errors import DesignError, FixedStepError
from sdmodel.core.outcome import Outcome
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure
from sdmodel.sweep.progress import progress_bar
from sdmodel.sweep.run_sweep import run_sweep

if TYPE_CHECKING:
    import pandas as pd

AIMS = ("max", "min")
ROBUST = ("expected", "worst", "regret")
_TOLERANCE = 1e-6
"""Relative spread of the goal within a generation below which the search ends."""
_CHECKED = 3
"""Number of samples in which the best policy is verified with scipy."""


def optimise(
    model: Structure,
    levers: Parameters,
    goal: Outcome | str,
    *,
    aim: str = "max",
    limits: Limits | None = None,
    samples: pd.DataFrame | None = None,
    robust: str = "expected",
    scenario: Scenario | str | None = None,
    every: float | None = None,
    population: int | None = None,
    generations: int = 100,
    rng: int | np.random.Generator | None = None,
    workers: int | None = None,
    progress: bool | str | None = None,
) -> pd.DataFrame:
    """Maximise or minimise an outcome over levers, with limits on other outcomes.

    Differential evolution [1]_; each generation is one sweep. Constraints are handled by the rule of Lampinen [2]_: a
    feasible policy beats any infeasible one.

    Parameters
    ----------
    model
        The model; it is not changed.
    levers
        Where each lever may go: ranges in any form of `sdmodel.latin_hypercube`, such as rows of `Model.levers` or
        ``{name: (low, high)}``, or names of constants for the ranges of the file. A constant marked `[switch]` takes
        integer numbers only, one with a list of choices these; of a distribution the range counts.
    goal
        The outcome to optimise; the name of a variable stands for its final value, here and in `limits`.
    aim
        ``"max"`` or ``"min"``.
    limits
        Bounds of other outcomes, such as a budget: ``{Outcome("money spent"): (None, 400)}``. With samples they must
        hold in every one of them.
    samples
        A design of uncertainties; each policy is run in every row. Default: the constants of the file.
    robust
        Criterion over samples: ``"expected"``, the mean; ``"worst"``, the worst sample [3]_; ``"regret"``, the largest
        difference over samples from the optimum of that sample alone [4]_, which is computed first.
    scenario
        Scenario of all runs.
    every
        Time between reported values; default SAVEPER.
    population
        Policies per generation; default 10 per lever, at least 16.
    generations
        Largest number of generations.
    rng
        Seed or generator; equal seeds give equal searches.
    workers
        As in `Model.sweep`.
    progress
        Show a progress bar; default: only on a terminal or in a notebook.

    Returns
    -------
    pandas.DataFrame
        The best policy of each generation; the last row is the optimum. Index ``generation``; columns: the levers; the
        goal under its label (mean or worst over samples); ``largest regret`` for that criterion; each limited outcome
        under its label, in the sample nearest to violating its limit; ``runs`` so far. The goal is NaN for a generation
        without a feasible policy. `attrs`: goal, aim, robust, units, message of the solver, and ``error``: the largest
        relative difference of the goal in the last row from scipy at a tight tolerance.

    Raises
    ------
    DesignError
        If no policy is feasible; the message names the one nearest to feasibility.
    UnknownNameError
        If a lever or an outcome is not in the model, or `aim` or `robust` is not one of the words above.

    References
    ----------
    .. [1] Storn, R. and Price, K. (1997). Differential evolution: a simple and efficient heuristic for global
       optimization over continuous spaces. Journal of Global Optimization 11, 341-359.
       https://doi.org/10.1023/A:1008202821328
    .. [2] Lampinen, J. (2002). A constraint handling approach for the differential evolution algorithm. Proceedings of
       the 2002 Congress on Evolutionary Computation, 1468-1473. https://doi.org/10.1109/CEC.2002.1004459
    .. [3] Ben-Tal, A., El Ghaoui, L. and Nemirovski, A. (2009). Robust Optimization. Princeton University Press.
       https://doi.org/10.1515/9781400831050
    .. [4] Savage, L. J. (1951). The theory of statistical decision. Journal of the American Statistical Association
       46(253), 55-67. https://doi.org/10.1080/01621459.1951.10500768

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("policy")
    >>> levers = model.levers.loc[["exit start"]].assign(high=2034.0)
    >>> cost = sdmodel.Outcome("present value of public money")
    >>> search = sdmodel.optimise(model, levers, cost, aim="min", generations=8, rng=1)
    >>> round(float(search["exit start"].iloc[-1]), 1)
    2015.0
    """
    goal = one_outcome("outcome", goal)
    check(generations=generations, rng=rng)
    choice("aim", aim, AIMS)
    choice("robust", robust, ROBUST)
    if robust != "expected" and samples is None:
        raise DesignError(f"robust={robust!r} compares samples; give some, such as latin_hypercube(...).")
    evaluator = prepare(model, levers, [goal], limits, samples, scenario, every, workers)
    limits = by_outcome(limits)
    count = max(10 * len(evaluator.levers), 16) if population is None else population
    check(population=count)
    generator = np.random.default_rng(rng)
    sign = 1.0 if aim == "max" else -1.0
    best_of: np.ndarray | None = None
    if robust == "regret":
        assert evaluator.samples is not None
        best_of, before = _best_of_each(evaluator, sign, limits, count, generations, generator, progress)
    search = _Search(evaluator, _summary(robust, sign, best_of), limits)
    message = search.run(count, generations, generator, progress)
    frame = search.frame(goal, sign, robust, best_of)
    if robust == "regret":
        frame["runs"] += before
    outcomes = (goal, *limits)
    frame.attrs.update(
        goal=goal.label,
        aim=aim,
        robust=robust if samples is not None else "",
        levers=list(evaluator.levers.index),
        units=evaluator.units(outcomes) | {"largest regret": outcome_unit(model, goal)},
        limits={o.label: bounds for o, bounds in limits.items()},
        message=message,
        error=_checked(evaluator, search.best, goal),
    )
    return frame


Summary = Callable[[np.ndarray], np.ndarray]
"""Goal, shape (policies, samples), to the objective to minimise, shape (policies,)."""


def _summary(robust: str, sign: float, best_of: np.ndarray | None) -> Summary:
    def expected(goal: np.ndarray) -> np.ndarray:
        return np.asarray(-(sign * goal).mean(axis=1))

    def worst(goal: np.ndarray) -> np.ndarray:
        return np.asarray(-(sign * goal).min(axis=1))

    def regret(goal: np.ndarray) -> np.ndarray:
        assert best_of is not None
        return np.asarray((best_of - sign * goal).max(axis=1))

    return {"expected": expected, "worst": worst, "regret": regret}[robust]


def _best_of_each(
    evaluator: PolicyEvaluator,
    sign: float,
    limits: Limits,
    count: int,
    generations: int,
    rng: np.random.Generator,
    progress: bool | str | None,
) -> tuple[np.ndarray, int]:
    """Optimum (times `sign`) of each sample alone, and the number of runs."""
    assert evaluator.samples is not None
    best, runs = [], 0
    for sample in range(len(evaluator.samples)):
        alone = _Search(evaluator.only(sample), _summary("expected", sign, None), limits)
        alone.run(count, generations, rng, progress)
        alone.keeps_limits()
        best.append(-alone.history[-1][1])
        runs += alone.evaluator.runs
    return np.array(best), runs


class _Search:
    """Differential evolution over the policies of `evaluator`."""

    def __init__(self, evaluator: PolicyEvaluator, summary: Summary, limits: Limits) -> None:
        self.evaluator, self.summary, self.limits = evaluator, summary, limits
        self.history: list[tuple[np.ndarray, float, int]] = []
        """Best policy of a generation, its objective (infinite if infeasible), and runs so far."""

    @property
    def best(self) -> np.ndarray:
        """The best policy, shape (levers,)."""
        return self.history[-1][0]

    def _goal(self, x: np.ndarray) -> np.ndarray:
        if not x.size:  # no feasible policy yet
            return np.empty(0)
        value = self.summary(self.evaluator(np.atleast_2d(x.T))[0])
        return np.asarray(np.where(np.isfinite(value), value, np.inf))

    def _violations(self, x: np.ndarray) -> np.ndarray:
        found = excess(self.evaluator(np.atleast_2d(x.T))[1:], self.limits)
        return np.asarray(np.minimum(found, 1e100))  # scipy sums them

    def run(self, count: int, generations: int, rng: np.random.Generator, progress: bool | str | None) -> str:
        """Search; returns the final message of the solver."""
        from scipy.optimize import NonlinearConstraint, differential_evolution

        first = first_policies(self.evaluator, count, rng)
        self.evaluator(first)  # errors of the model surface here, unwrapped by scipy
        retained = NonlinearConstraint(self._violations, -np.inf, 0.0) if self.limits else ()
        with progress_bar(generations, "policies", "generation", progress) as shown:

            def record(intermediate_result: Any) -> None:
                found = intermediate_result
                value = float(found.fun) if self._keeps(found.x) else np.inf
                self.history.append((found.x.copy(), value, self.evaluator.runs))
                shown.update(1)

            found = differential_evolution(
                self._goal,
                [tuple(b) for b in self.evaluator.bounds],
                vectorized=True,
                updating="deferred",
                polish=False,
                constraints=retained,
                init=first,
                integrality=self.evaluator.integer,
                maxiter=generations,
                tol=_TOLERANCE,
                rng=rng,
                callback=record,
            )
        last = (found.x.copy(), float(found.fun) if self._keeps(found.x) else np.inf, self.evaluator.runs)
        if not self.history or not np.array_equal(self.best, found.x):
            self.history.append(last)
        return str(found.message)

    def _keeps(self, policy: np.ndarray) -> bool:
        return not self.limits or bool((self._violations(policy[:, None]) <= 0).all())

    def keeps_limits(self) -> None:
        """Raise if no policy is feasible.

        Raises
        ------
        DesignError
            With the policy nearest to feasibility.
        """
        if np.isfinite(self.history[-1][1]):
            return
        at = ", ".join(f"{name} = {value[0]:g}" for name, value in self.evaluator.columns(self.best[None]).items())
        if self._keeps(self.best):
            raise DesignError(f"Every policy that was tried fails in some run, such as {at}. Narrow the ranges.")
        violation = excess(self.evaluator(self.best[None])[1:], self.limits)[:, 0]
        broken = int(np.argmax(violation))
        label = list(self.limits)[broken].label
        raise DesignError(
            f"No policy in {self.evaluator.runs:,} runs keeps the limits. The nearest ({at}) is {violation[broken]:g} "
            f"beyond the limit of '{label}'. Widen the ranges of the levers or the limit."
        )

    def frame(self, goal: Outcome, sign: float, robust: str, best_of: np.ndarray | None) -> pd.DataFrame:
        """The search as a table, one row per generation."""
        import pandas as pd

        self.keeps_limits()
        policies = np.array([policy for policy, _, _ in self.history])
        possible = np.isfinite([value for _, value, _ in self.history])
        found = self.evaluator(policies)
        goals = found[0] if robust == "expected" else np.sort(sign * found[0], axis=1)[:, :1] * sign
        columns = self.evaluator.columns(policies)
        columns[goal.label] = np.where(possible, goals.mean(axis=1), np.nan)
        if best_of is not None:
            # A policy of this search can beat the optimum found for one sample.
            reached = np.maximum(best_of, self._reached(sign))
            columns["largest regret"] = np.where(possible, (reached - sign * found[0]).max(axis=1), np.nan)
        columns |= limited_columns(found[1:], self.limits)
        columns["runs"] = np.array([runs for _, _, runs in self.history])
        return pd.DataFrame(columns, index=pd.RangeIndex(1, len(policies) + 1, name="generation"))

    def _reached(self, sign: float) -> np.ndarray:
        """Best goal (times `sign`) in each sample over the policies of this search that are feasible there."""
        goals = np.stack(list(self.evaluator.cache.values()))
        ok = np.isfinite(goals).all(axis=1)
        for i, limit in enumerate(self.limits.values(), start=1):
            ok &= slack(goals[:, i], limit) >= 0
        return np.asarray(np.where(ok, sign * goals[:, 0], -np.inf).max(axis=0))


def _checked(evaluator: PolicyEvaluator, policy: np.ndarray, goal: Outcome) -> float:
    """Largest relative difference of the goal of a policy from scipy over a few samples; NaN for grid models."""
    import pandas as pd

    from sdmodel.design.tables import pair

    design = pd.DataFrame(evaluator.admissible(policy[None]), columns=evaluator.levers.index)
    if evaluator.samples is not None:
        design = pair(evaluator.samples.iloc[:_CHECKED], design)
    try:
        again = run_sweep(
            evaluator.model,
            design,
            variables_of(evaluator.model, [goal]),
            scenario=evaluator.scenario,
            every=evaluator.every,
            method="LSODA",
            rtol=1e-9,
            workers=1,
            progress=False,
            certificate=0,
        )
    except FixedStepError:
        return float("nan")
    exact = goal.of(again).to_numpy().astype(float)
    ours = evaluator(policy[None])[0, 0, : len(exact)]
    scale = np.maximum(np.abs(exact), 1e-12)
    return float(np.max(np.abs(ours - exact) / scale))
