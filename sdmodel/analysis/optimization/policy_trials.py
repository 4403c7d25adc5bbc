"""Evaluation of policies, values of levers, over samples, with a cache of their outcomes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from sdmodel.analysis.evaluation import evaluate, outcome_unit
from sdmodel.analysis.inputs import Limits, Parameters, check, constants_to_vary, one_outcome
from sdmodel.core.errors import DesignError
from sdmodel.core.outcome import Outcome
from sdmodel.core.ranges import Choices
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure
from sdmodel.design.tables import LABELS, pair
from sdmodel.design.tables import table as design_table

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class PolicyEvaluator:
    """Evaluate policies, shape (policies, levers); outcomes are cached."""

    model: Structure
    levers: pd.DataFrame
    outcomes: tuple[Outcome, ...]
    """The goals, then the limited outcomes."""
    samples: pd.DataFrame | None
    scenario: Scenario | str | None = None
    every: float | None = None
    workers: int | None = None
    runs: int = 0
    cache: dict[bytes, np.ndarray] = field(default_factory=dict)
    """Outcomes of a policy, shape (outcomes, samples), by the bytes of its levers."""

    @property
    def bounds(self) -> np.ndarray:
        """Lowest and highest value of each lever, shape (levers, 2)."""
        return self.levers[["low", "high"]].to_numpy(dtype=float)

    @property
    def integer(self) -> np.ndarray:
        """Whether each lever takes integers only."""
        integer = (self.levers["role"] == "switch") | (self.levers["distribution"] == "integer")
        return integer.to_numpy(dtype=bool)

    def admissible(self, policies: np.ndarray) -> np.ndarray:
        """Policies clipped to the ranges, and rounded where a lever is an integer or has choices."""
        low, high = self.bounds.T
        inside = np.clip(policies, low, high)
        for i, kind in enumerate(self.levers["distribution"]):
            if isinstance(kind, Choices):
                inside[:, i] = kind.nearest(inside[:, i])
        return np.asarray(np.where(self.integer, np.clip(np.round(inside), np.ceil(low), np.floor(high)), inside))

    def __call__(self, policies: np.ndarray) -> np.ndarray:
        """Outcomes, shape (outcomes, policies, samples); cached policies are not run again."""
        policies = np.ascontiguousarray(self.admissible(policies))
        marks = [row.tobytes() for row in policies]
        new = {mark: i for i, mark in enumerate(marks) if mark not in self.cache}
        if new:
            found = self._run(policies[list(new.values())])
            for i, mark in enumerate(new):
                self.cache[mark] = found[:, i]
        return np.stack([self.cache[mark] for mark in marks], axis=1)

    def _run(self, policies: np.ndarray) -> np.ndarray:
        import pandas as pd

        design = pd.DataFrame(policies, columns=self.levers.index)
        if self.samples is not None:
            design = pair(self.samples, design)
        found = evaluate(
            self.model, design, self.outcomes, scenario=self.scenario, every=self.every, workers=self.workers
        )
        self.runs += len(design)
        return found.reshape(len(self.outcomes), len(policies), -1)

    def only(self, sample: int) -> PolicyEvaluator:
        """The same evaluator for one sample."""
        assert self.samples is not None
        return replace(self, samples=self.samples.iloc[[sample]], runs=0, cache={})

    def units(self, outcomes: Iterable[Outcome]) -> dict[str, str]:
        """Units of levers and outcomes, by name and label."""
        own = {str(name): str(unit) for name, unit in self.levers["unit"].items()}
        return own | {outcome.label: outcome_unit(self.model, outcome) for outcome in outcomes}

    def columns(self, policies: np.ndarray) -> dict[str, np.ndarray]:
        """Values of the levers by name, as run."""
        return dict(zip(self.levers.index, self.admissible(policies).T, strict=True))


def prepare(
    model: Structure,
    levers: Parameters,
    goals: Iterable[Outcome],
    limits: Limits | None,
    samples: pd.DataFrame | None,
    scenario: Scenario | str | None,
    every: float | None,
    workers: int | None,
) -> PolicyEvaluator:
    """Check the arguments of a search and make its evaluator."""
    check(model=model, limits=limits, samples=samples, scenario=scenario)
    table = constants_to_vary(model, levers, closed=True)
    if samples is not None:
        samples = design_table(samples)
        # A lever among the samples follows the policy.
        retained = [c for c in samples.columns if c not in table.index and c != "setting"]
        if not [c for c in retained if c not in LABELS]:
            raise DesignError("The samples hold no constant besides the levers. Leave samples out, or add columns.")
        samples = samples[retained]
    return PolicyEvaluator(model, table, (*goals, *by_outcome(limits)), samples, scenario, every, workers)


def by_outcome(limits: Limits | None) -> dict[Outcome, tuple[float | None, float | None]]:
    """Limits by outcome; the name of a variable stands for its final value."""
    return {one_outcome("limits", outcome): ends for outcome, ends in (limits or {}).items()}


def slack(values: np.ndarray, limit: tuple[float | None, float | None]) -> np.ndarray:
    """Distance of values from the nearer end of a limit; negative beyond it, NaN where a run failed."""
    least, most = limit
    return np.minimum(values - (-np.inf if least is None else least), (np.inf if most is None else most) - values)


def excess(found: np.ndarray, limits: Limits) -> np.ndarray:
    """Largest violation of each limit over samples, shape (limits, policies); 0 is feasible, a failed run infinite."""
    out = np.zeros(found.shape[:2])
    for i, limit in enumerate(limits.values()):
        out[i] = np.where(np.isfinite(found[i]), np.maximum(-slack(found[i], limit), 0.0), np.inf).max(axis=1)
    return out


def limited_columns(found: np.ndarray, limits: Limits) -> dict[str, np.ndarray]:
    """By label: each limited outcome of each policy in the sample nearest to violating its limit."""
    out = {}
    for values, (outcome, limit) in zip(found, limits.items(), strict=True):
        nearest = np.argmin(slack(values, limit), axis=1)  # a NaN counts as the least
        out[outcome.label] = values[np.arange(len(values)), nearest]
    return out


def first_policies(evaluator: PolicyEvaluator, count: int, rng: np.random.Generator) -> np.ndarray:
    """Initial policies: the values of the file and a Latin hypercube over the ranges."""
    from scipy.stats import qmc

    low, high = evaluator.bounds.T
    unit = qmc.LatinHypercube(d=len(low), rng=rng).random(count)
    policies = low + unit * (high - low)
    policies[0] = np.clip(evaluator.levers["value"].to_numpy(dtype=float), low, high)
    return np.asarray(policies)
