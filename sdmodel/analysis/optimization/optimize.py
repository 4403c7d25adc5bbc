"""The best policy under limits, for one world or for many."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.analysis.evaluation import bar, unit_of
from sdmodel.analysis.inputs import Limits, Parameters, check, choice, variables_of
from sdmodel.analysis.optimization.policy_trials import (
    Trials,
    excess,
    first_policies,
    limited_columns,
    made_ready,
    slack,
)
from sdmodel.core.errors import DesignError, FixedStepError
from sdmodel.core.outcome import Outcome
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure
from sdmodel.sweep.run_sweep import run_sweep

if TYPE_CHECKING:
    import pandas as pd

AIMS = ("max", "min")
ROBUST = ("expected", "worst", "regret")
_TOLERANCE = 1e-6
"""The search ends when the policies of a generation differ less than this, as a share of their goal."""
_CHECKED = 3
"""Samples in which the best policy is run again with scipy."""


def optimise(
    model: Structure,
    levers: Parameters,
    goal: Outcome,
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
    """Find the values of levers that make an outcome largest or smallest, within limits on other outcomes.

    Differential evolution [1]_; each generation of policies is one sweep. Limits are kept by the rule of Lampinen [2]_:
    a policy that keeps them beats any that does not.

    Parameters
    ----------
    model
        The model; it is not changed.
    levers
        Where each lever may go: rows of `Model.levers` (columns low and high), a mapping from names to (low, high), or
        names of constants for the ranges of the file. A constant marked `[switch]` takes whole numbers only.
    goal
        What is judged.
    aim
        ``"max"`` or ``"min"``.
    limits
        Least and most of other outcomes, such as a budget: ``{Outcome("money spent"): (None, 400)}``. With samples a
        limit must be kept in every one of them.
    samples
        A design of uncertainties; every policy is run in each row. Default: the constants of the file alone.
    robust
        What of the samples is made best: ``"expected"``, the mean; ``"worst"``, the goal in the sample where it is
        worst [3]_; ``"regret"``, the largest difference over samples from the best that could have been done in that
        sample alone [4]_, which is searched for first, sample by sample.
    scenario
        Scenario under all runs.
    every
        Time between reported values; default SAVEPER.
    population
        Policies of a generation; default 10 for each lever, at least 16.
    generations
        Generations at most.
    rng
        Seed or generator; the same seed gives the same search.
    workers
        As in `Model.sweep`.
    progress
        Show a progress bar; default: only on a terminal or in a notebook.

    Returns
    -------
    pandas.DataFrame
        The best policy of each generation; the last row is the answer. Columns: the levers; the goal under its label
        (mean or worst over samples); ``largest regret`` if that was asked for; each limited outcome under its label, in
        the sample that comes nearest to breaking the limit; ``runs`` so far. Index ``generation``. A generation without
        a policy that keeps the limits is NaN in the goal. `attrs`: goal, aim, robust, units, message of the solver,
        and ``error``: the largest relative difference of the goal of the last row from scipy at a tight tolerance.

    Raises
    ------
    DesignError
        If no policy that was tried keeps the limits; the message says which comes nearest.
    UnknownNameError
        If a lever or an outcome is not in the model, or `aim` or `robust` is no such word.

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
    check(outcome=goal, generations=generations, rng=rng)
    choice("aim", aim, AIMS)
    choice("robust", robust, ROBUST)
    if robust != "expected" and samples is None:
        raise DesignError(f"robust={robust!r} compares samples; give some, such as latin_hypercube(...).")
    trials = made_ready(model, levers, [goal], limits, samples, scenario, every, workers)
    limits = dict(limits or {})
    count = max(10 * len(trials.levers), 16) if population is None else population
    check(population=count)
    generator = np.random.default_rng(rng)
    sign = 1.0 if aim == "max" else -1.0
    best_of: np.ndarray | None = None
    if robust == "regret":
        assert trials.samples is not None
        best_of, before = _best_of_each(trials, sign, limits, count, generations, generator, progress)
    search = _Search(trials, _summary(robust, sign, best_of), limits)
    message = search.run(count, generations, generator, progress)
    frame = search.frame(goal, sign, robust, best_of)
    if robust == "regret":
        frame["runs"] += before
    outcomes = (goal, *limits)
    frame.attrs.update(
        goal=goal.label,
        aim=aim,
        robust=robust if samples is not None else "",
        levers=list(trials.levers.index),
        units=trials.units(outcomes) | {"largest regret": unit_of(model, goal)},
        limits={o.label: bounds for o, bounds in limits.items()},
        message=message,
        error=_checked(trials, search.best, goal),
    )
    return frame


Summary = Callable[[np.ndarray], np.ndarray]
"""Goal in (policies, samples) to what is made smallest, (policies,)."""


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
    trials: Trials,
    sign: float,
    limits: Limits,
    count: int,
    generations: int,
    rng: np.random.Generator,
    progress: bool | str | None,
) -> tuple[np.ndarray, int]:
    """The goal (times `sign`) that could be reached in each sample alone, and the runs it took."""
    assert trials.samples is not None
    best, runs = [], 0
    for sample in range(len(trials.samples)):
        alone = _Search(trials.only(sample), _summary("expected", sign, None), limits)
        alone.run(count, generations, rng, progress)
        alone.keeps_limits()
        best.append(-alone.history[-1][1])
        runs += alone.trials.runs
    return np.array(best), runs


class _Search:
    """Differential evolution over the policies of `trials`."""

    def __init__(self, trials: Trials, summary: Summary, limits: Limits) -> None:
        self.trials, self.summary, self.limits = trials, summary, limits
        self.history: list[tuple[np.ndarray, float, int]] = []
        """Best policy of a generation, what was made smallest (infinite if no limit is kept), runs so far."""

    @property
    def best(self) -> np.ndarray:
        """The best policy, shape (levers,)."""
        return self.history[-1][0]

    def _goal(self, x: np.ndarray) -> np.ndarray:
        if not x.size:  # no policy keeps the limits yet
            return np.empty(0)
        value = self.summary(self.trials(np.atleast_2d(x.T))[0])
        return np.asarray(np.where(np.isfinite(value), value, np.inf))

    def _beyond(self, x: np.ndarray) -> np.ndarray:
        found = excess(self.trials(np.atleast_2d(x.T))[1:], self.limits)
        return np.asarray(np.minimum(found, 1e100))  # scipy adds them up

    def run(self, count: int, generations: int, rng: np.random.Generator, progress: bool | str | None) -> str:
        """Search; returns what the solver says at the end."""
        from scipy.optimize import NonlinearConstraint, differential_evolution

        first = first_policies(self.trials, count, rng)
        self.trials(first)  # what is wrong with the model is said here: scipy would put words of its own around it
        kept = NonlinearConstraint(self._beyond, -np.inf, 0.0) if self.limits else ()
        with bar(generations, "policies", "generation", progress) as shown:

            def note(intermediate_result: Any) -> None:
                found = intermediate_result
                value = float(found.fun) if self._keeps(found.x) else np.inf
                self.history.append((found.x.copy(), value, self.trials.runs))
                shown.update(1)

            found = differential_evolution(
                self._goal,
                [tuple(b) for b in self.trials.bounds],
                vectorized=True,
                updating="deferred",
                polish=False,
                constraints=kept,
                init=first,
                integrality=self.trials.whole,
                maxiter=generations,
                tol=_TOLERANCE,
                rng=rng,
                callback=note,
            )
        note_last = (found.x.copy(), float(found.fun) if self._keeps(found.x) else np.inf, self.trials.runs)
        if not self.history or not np.array_equal(self.best, found.x):
            self.history.append(note_last)
        return str(found.message)

    def _keeps(self, policy: np.ndarray) -> bool:
        return not self.limits or bool((self._beyond(policy[:, None]) <= 0).all())

    def keeps_limits(self) -> None:
        """Refuse a search that found nothing that can be done.

        Raises
        ------
        DesignError
            With the policy that comes nearest.
        """
        if np.isfinite(self.history[-1][1]):
            return
        at = ", ".join(f"{name} = {value[0]:g}" for name, value in self.trials.columns(self.best[None]).items())
        if self._keeps(self.best):
            raise DesignError(f"Every policy that was tried fails in some run, as at {at}. Narrow the ranges.")
        beyond = excess(self.trials(self.best[None])[1:], self.limits)[:, 0]
        broken = int(np.argmax(beyond))
        label = list(self.limits)[broken].label
        raise DesignError(
            f"No policy in {self.trials.runs:,} runs keeps the limits. The nearest ({at}) is {beyond[broken]:g} beyond "
            f"the limit of '{label}'. Widen the ranges of the levers or the limit."
        )

    def frame(self, goal: Outcome, sign: float, robust: str, best_of: np.ndarray | None) -> pd.DataFrame:
        """The search as a table, one row a generation."""
        import pandas as pd

        self.keeps_limits()
        policies = np.array([policy for policy, _, _ in self.history])
        possible = np.isfinite([value for _, value, _ in self.history])
        found = self.trials(policies)
        goals = found[0] if robust == "expected" else np.sort(sign * found[0], axis=1)[:, :1] * sign
        columns = self.trials.columns(policies)
        columns[goal.label] = np.where(possible, goals.mean(axis=1), np.nan)
        if best_of is not None:
            # A policy for all samples can beat the search for one.
            reached = np.maximum(best_of, self._reached(sign))
            columns["largest regret"] = np.where(possible, (reached - sign * found[0]).max(axis=1), np.nan)
        columns |= limited_columns(found[1:], self.limits)
        columns["runs"] = np.array([runs for _, _, runs in self.history])
        return pd.DataFrame(columns, index=pd.RangeIndex(1, len(policies) + 1, name="generation"))

    def _reached(self, sign: float) -> np.ndarray:
        """Best goal (times `sign`) in each sample over the policies of this search that keep the limits there."""
        goals = np.stack(list(self.trials.kept.values()))
        ok = np.isfinite(goals).all(axis=1)
        for i, limit in enumerate(self.limits.values(), start=1):
            ok &= slack(goals[:, i], limit) >= 0
        return np.asarray(np.where(ok, sign * goals[:, 0], -np.inf).max(axis=0))


def _checked(trials: Trials, policy: np.ndarray, goal: Outcome) -> float:
    """Largest relative difference of the goal of a policy from scipy, over a few samples; NaN if scipy cannot."""
    import pandas as pd

    from sdmodel.design import pair

    design = pd.DataFrame(trials.settled(policy[None]), columns=trials.levers.index)
    if trials.samples is not None:
        design = pair(trials.samples.iloc[:_CHECKED], design)
    try:
        again = run_sweep(
            trials.model,
            design,
            variables_of(trials.model, [goal]),
            scenario=trials.scenario,
            every=trials.every,
            method="LSODA",
            rtol=1e-9,
            workers=1,
            progress=False,
            certificate=0,
        )
    except FixedStepError:
        return float("nan")
    exact = goal.of(again).to_numpy().astype(float)
    ours = trials(policy[None])[0, 0, : len(exact)]
    scale = np.maximum(np.abs(exact), 1e-12)
    return float(np.max(np.abs(ours - exact) / scale))
