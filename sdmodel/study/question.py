"""A policy question as data: its arms, measures and predictions; `Question.ask` runs and judges it.

All arms are run on the same samples, those that the history matching leaves; shares are also given for ranges that are
half and twice as wide as assumed (`sdmodel.study.sampling`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from sdmodel.study.arms import MONEY, Arms, Mix, Setting, last
from sdmodel.study.finding import Finding, status
from sdmodel.study.history_matching import samples_of
from sdmodel.study.judging import outcomes_table, paths_table, regret_table
from sdmodel.study.outcomes import STANDARD_MEASURES, Measure
from sdmodel.study.overlay import overlaid
from sdmodel.study.paired import PUBLIC, Effect, Paired
from sdmodel.study.results import ArmResults, joined, unscaled
from sdmodel.study.sampling import RANGE_FACTORS, wider_samples
from sdmodel.study.shared import Shared
from sdmodel.study.verdict import Verdict, counted, decided, judge, quantiles

if TYPE_CHECKING:
    import pandas as pd

    from sdmodel.model import Model

SAMPLES = 10_000
"""Samples of a finding."""
LOOP_SAMPLES = 250
"""Samples in which loops are cut, and of each other range and budget."""
CERTIFIED = 6
"""Runs that the certificate repeats, in questions of at least `LOOP_SAMPLES` samples."""
POINTS = "percentage points"
"""Unit in which a difference of two shares is multiplied by 100."""
ONE_BUDGET = "one budget for all samples"


@dataclass(frozen=True)
class Equal:
    """Arms that spend the public money of another arm, or a budget, sample by sample, by solving one size in each."""

    like: str
    """Arm whose public money is spent; empty with a `budget`."""
    lever: str | Mix
    """Lever or mix that is solved in each arm; empty with `mixes`."""
    arms: Mapping[str, Setting]
    """Constants of each arm."""
    start: float = 1.0
    """First guess."""
    low: float | None = None
    high: float | None = None
    """Bounds of the lever (`low`, `high`); default its range, for a mix 0 and 1."""
    size: str | Mix | None = None
    """Lever or mix that scales the arm whose money is spent, where one budget is given to all samples; without it this
    is left out."""
    budget: float | None = None
    """Present value in million CNY, beyond the reference, that is spent in every sample."""
    mixes: Mapping[str, Mix] = field(default_factory=dict)
    """A mix of its own for each arm, in place of the lever."""


@dataclass(frozen=True)
class Loop:
    """A link whose cause is held at its path in one arm: its loop is cut and levels are unchanged."""

    name: str
    cause: str
    effect: str
    held: str
    """Arm whose path it keeps."""
    arms: Sequence[str]
    """Arms that are repeated without the link."""


@dataclass(frozen=True)
class Prediction:
    """A prediction of the paper: two arms compared on one outcome, or a formula where it is of two differences."""

    hypothesis: str
    """Id, such as H07; one prediction of a question has the bare id, others add a word in brackets."""
    says: str
    """The prediction as a clause that begins with `that`."""
    unit: str
    least: float
    """Smallest effect that counts, above 0."""
    label: str
    """built in | conditional | emergent"""
    reason: str
    """Reason for the label; for `built in` the assumption."""
    arm: str = ""
    against: str = ""
    outcome: str = ""
    by: str = ""
    """percent | difference | per yuan"""
    expects: str = "more"
    """more | less"""
    formula: Effect | None = None
    """Effect, in place of the two arms."""

    def effect(self, paired: Paired) -> np.ndarray:
        """Effect by sample, signed so that what the paper says is positive; NaN where arms cannot be compared."""
        if self.formula is not None:
            return self.formula(paired)
        points = 100.0 if self.by == "difference" and self.unit == POINTS else 1.0
        effect = points * paired.compare(self.outcome, self.arm, self.against, self.by)
        return -effect if self.expects == "less" else effect


def verdict_of(
    p: Prediction,
    effect: np.ndarray,
    draws: pd.DataFrame,
    *,
    loops: tuple[tuple[str, float], ...] = (),
    elsewhere: tuple[tuple[str, int, int, int], ...] = (),
) -> Verdict:
    """The verdict on a prediction from its effect in each sample; `loops` and `elsewhere` as in `Verdict`."""
    side = judge(effect, p.least)
    deciding, region = decided(side, draws)
    return Verdict(
        p.hypothesis, p.says, p.arm, p.against, p.outcome, *counted(side), quantiles(effect), p.unit, p.least,
        p.label, p.reason, p.expects, p.by, deciding, region, loops, elsewhere,
    )  # fmt: skip


@dataclass(frozen=True)
class Question:
    """A policy question with everything that must be stated before its first run."""

    name: str
    asks: str
    """One sentence with a question mark."""
    arms: Mapping[str, Setting]
    """Constants by name of the arm; the first is the reference."""
    measures: Mapping[str, Measure]
    """Outcomes besides the standard ones."""
    predictions: Sequence[Prediction]
    headline: Callable[[Finding, Paired], str]
    """Main result in one sentence, from the verdicts and the arms."""
    equal: Sequence[Equal] = ()
    loops: Sequence[Loop] = ()
    paths: tuple[str, Sequence[str]] | None = None
    """A variable and the arms whose paths, in percent of the reference, the figure shows."""
    every: float = 0.5
    """Years between reported values."""
    notes: Callable[[Paired], list[str]] | None = None
    """Further results, in sentences with figures."""
    samples: int = SAMPLES
    plan: str = ""
    """The plan written before the first run: arms, outcomes, and the condition of each prediction."""
    overlays: Mapping[str, str] = field(default_factory=dict)
    """Equations that change the model for all arms (`overlay`), by the name of their file."""
    shared: Shared | None = None
    """Runs of the model as it is that further questions of the process find; None runs them each time."""
    digest: str = ""
    """Hash of the file that it was read from, by which a saved finding is known to answer it."""

    @property
    def reference(self) -> str:
        """Arm without the treatment."""
        return next(iter(self.arms))

    @property
    def shares_reference(self) -> bool:
        """Whether the reference is the model as it is."""
        return not self.arms[self.reference] and not self.overlays

    def measured(self, model: Model) -> dict[str, Measure]:
        """The standard outcomes that a model has, and those of the question."""
        return {**{name: m for name, m in STANDARD_MEASURES.items() if name in model}, **self.measures}

    def outputs(self, model: Model) -> list[str]:
        """Variables of a model to store in every run."""
        measured = [v for measure in self.measured(model).values() for v in measure.variables]
        held = [loop.cause for loop in self.loops]
        return list(dict.fromkeys([*measured, *([self.paths[0]] if self.paths else []), *held]))

    def ask(
        self,
        samples: int | None = None,
        seed: int = 1,
        *,
        workers: int | None = None,
        progress: bool | None = None,
        model: Model | None = None,
    ) -> Finding:
        """Run every arm on the same samples and judge each prediction.

        Parameters
        ----------
        samples
            Samples of the ensemble; default that of the question.
        seed
            1: the first samples of the ensemble; another: as many others drawn from it. It is also the seed of the
            samples with other ranges.
        workers, progress
            As in `Model.sweep`.
        model
            Another composition with the same names, which is sampled from its ranges as assumed; default the
            shipped one.

        Returns
        -------
        Finding
        """
        own, draws = samples_of(model, samples or self.samples, seed)
        for loop in self.loops:
            own.cut(loop.cause, loop.effect)  # fail before the runs, not minutes later
        arms = Arms(own, draws, self.outputs(own), every=self.every, workers=workers, progress=progress)
        results = self.run(arms, "1/3", certificate=CERTIFIED if len(draws) >= LOOP_SAMPLES else 0)
        loops = self._loops(arms, results)
        elsewhere = self._elsewhere(own, seed, arms, results)
        verdicts = [
            verdict_of(p, p.effect(results.paired), draws, loops=tuple(a), elsewhere=tuple(b))
            for p, a, b in zip(self.predictions, loops, elsewhere, strict=True)
        ]
        finding = Finding(
            self.name,
            self.asks,
            verdicts,
            results.paired.frame(),
            outcomes=outcomes_table(results.paired, {(v.arm, v.against) for v in verdicts}),
            regret=regret_table(results.paired, self._equal_arms()),
            paths=paths_table(self.paths, results, self.reference),
            status=status(own),
            notes=[*(self.notes(results.paired) if self.notes else ()), *results.unequal_money()],
            record=arms.record(self.name, seed, next(reversed(results.plain.values())))
            | {"sampler": draws.attrs.get("sampler", ""), "composition": own.fingerprint, "digest": self.digest},
            plan=self.plan,
        )
        finding.headline = self.headline(finding, results.paired)
        finding.notes.append(arms.summary)
        finding.record |= {"runs": arms.runs, "seconds": arms.seconds}
        return finding

    def run(self, arms: Arms, stage: str, *, certificate: int = 0, budget: float | None = None) -> ArmResults:
        """Run all arms, those with equal money last.

        `budget` is one sum that all arms of equal money spend in all samples; by default each spends the money of the
        arm that it names in that sample.
        """
        for name, text in self.overlays.items():
            arms.model = overlaid(arms.model, text, name)
        results, measured = ArmResults(Paired(self.reference), {}, {}), self.measured(arms.model)
        plain = dict(self.arms)
        if self.shared and self.shares_reference:
            del plain[self.reference]
            label = f"{stage} {self.reference}"
            results.add(self.shared.run(arms, label, self.reference), measured, arms.draws)
        if plain:
            results.add(arms.run(f"{stage} {self.name}", plain, certificate=certificate), measured, arms.draws)
        anyway = last(results.runs(self.reference), MONEY)
        for equal in self.equal:
            most = equal.budget if budget is None else budget
            spent = results.paired[PUBLIC, equal.like] if most is None else anyway + most
            able = spent - anyway > 0
            target = np.where(able, spent, anyway + 1)
            own = equal.mixes
            known = dict(arms.model.parameters()["value"])
            lever = joined([own[arm] for arm in equal.arms], known) if own else equal.lever
            groups: list[tuple[str | Mix, Mapping[str, Setting]]] = [(lever, equal.arms)]
            if budget is not None and equal.size is not None and equal.like not in results.solved:
                groups.append((equal.size, {equal.like: unscaled(self.arms[equal.like], equal.size)}))
            for lever, settings in groups:
                found = arms.equal(
                    f"{stage} {', '.join(settings)}"[:40],
                    settings,
                    target,
                    lever=lever,
                    start=equal.start,
                    low=equal.low if equal.like not in settings else None,
                    high=equal.high if equal.like not in settings else None,
                    base=anyway,
                )
                fine = found.spent & able
                results.paired.add(found.result, measured, arms.draws, fine)
                for i, (name, setting) in enumerate(settings.items()):
                    results.solved[name] = (setting, own.get(name, lever), found.lever[i], fine[i], found.result)
        return results

    # -- judging ------------------------------------------------------------------------------------------------
    def _equal_arms(self) -> list[str]:
        """Arms of equal money; all arms where no money is made equal."""
        if not self.equal:
            return list(self.arms)
        first = self.equal[0].like
        own = [first] if first else []
        return [*own, *(arm for equal in self.equal if equal.like == first for arm in equal.arms)]

    def _loops(self, arms: Arms, results: ArmResults) -> list[list[tuple[str, float]]]:
        """For each prediction its median effects with each link held in turn, in the first samples."""
        n = min(LOOP_SAMPLES, len(arms.draws))
        few = arms.first(n)
        left: list[list[tuple[str, float]]] = [[] for _ in self.predictions]
        for loop in self.loops:
            cut = results.paired.first(n).copy()
            settings = {name: results.setting(self.name, self.arms, name, n) for name in loop.arms}
            held = results.runs(loop.held).isel(sample=slice(n))
            found = few.without(f"2/3 without {loop.name}", (loop.cause, loop.effect), held, settings)
            able = np.array([results.able(name, n) for name in settings])
            cut.add(found, self.measured(few.model), few.draws, able)
            for entries, p in zip(left, self.predictions, strict=True):
                before, after = p.effect(results.paired.first(n)), p.effect(cut)
                good = np.isfinite(before) & np.isfinite(after)
                if np.allclose(before[good], after[good], rtol=1e-6, atol=1e-12):
                    continue  # the prediction does not use these arms
                entries.append((loop.name, quantiles(after[good])[0]))
        arms.runs += few.runs
        return left

    def _judged(self) -> Question:
        """The question with the arms that its predictions compare; with all of them where one is a formula."""
        if any(p.formula is not None for p in self.predictions):
            return self
        named = {self.reference, *(arm for p in self.predictions for arm in (p.arm, p.against))}
        equal = [replace(e, arms={arm: e.arms[arm] for arm in e.arms if arm in named}) for e in self.equal]
        equal = [e for e in equal if e.arms]
        named |= {e.like for e in equal}
        return replace(self, arms={arm: self.arms[arm] for arm in self.arms if arm in named}, equal=equal)

    def _elsewhere(
        self, model: Model, seed: int, arms: Arms, results: ArmResults
    ) -> list[list[tuple[str, int, int, int]]]:
        """For each prediction its counts with other ranges, and with one budget where money is made equal."""
        n = min(LOOP_SAMPLES, len(arms.draws))
        out: list[list[tuple[str, int, int, int]]] = [[] for _ in self.predictions]
        judged = self._judged()

        def count(label: str, paired: Paired) -> None:
            for entries, p in zip(out, self.predictions, strict=True):
                entries.append((label, *counted(judge(p.effect(paired), p.least))))

        for label, factor in RANGE_FACTORS.items():
            other, draws = wider_samples(model, factor, n, seed)
            few = Arms(
                other, draws, self.outputs(other), every=self.every, workers=arms.workers, progress=arms.progress
            )
            count(label, judged.run(few, f"3/3 {label}:").paired)
            arms.runs += few.runs
        if self.equal and all(equal.size is not None for equal in self.equal):
            few = arms.first(n)
            extra = results.paired[PUBLIC, self.equal[0].like] - results.paired[PUBLIC, self.reference]
            budget = float(np.nanmedian(extra))
            if budget > 0:
                count(ONE_BUDGET, judged.run(few, f"3/3 {ONE_BUDGET}:", budget=budget).paired)
            arms.runs += few.runs
        return out
