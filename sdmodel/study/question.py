"""A policy question as data: its arms, measures, predictions and figure; `Question.ask` runs and judges it.

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
from sdmodel.study.outcomes import Measure
from sdmodel.study.overlay import overlaid
from sdmodel.study.paired import PUBLIC, Effect, Paired, Panel
from sdmodel.study.results import ArmResults, unscaled
from sdmodel.study.sampling import RANGE_FACTORS, wider_samples
from sdmodel.study.translation import Translation
from sdmodel.study.verdict import Verdict, judge, quantiles, ranked

if TYPE_CHECKING:
    import pandas as pd

    from sdmodel.model import Model

SAMPLES = 10_000
"""Samples of a finding."""
LOOP_SAMPLES = 500
"""Samples in which loops are cut, and of each other range."""
CERTIFIED = 4
"""Runs that the certificate repeats, in questions of at least `LOOP_SAMPLES` samples."""
ONE_BUDGET = "one budget for all samples"


@dataclass(frozen=True)
class Equal:
    """Arms that spend the public money of another arm, sample by sample, by solving one size in each."""

    like: str
    """Arm whose public money is spent."""
    lever: str | Mix
    """Lever or mix that is solved in each arm."""
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
    """A prediction of the paper, and how a sample is judged."""

    hypothesis: str
    """Id, such as H07; one prediction of a question has the bare id, others add a word in brackets."""
    says: str
    """The prediction as a clause that begins with `that`."""
    effect: Effect
    unit: str
    least: float
    """Smallest effect that counts; a tie is no support."""
    label: str
    """built in | conditional | emergent"""
    reason: str
    """Reason for the label; for `built in` the assumption."""
    holds: Callable[[Paired, np.ndarray], np.ndarray] | None = None
    """Whether it holds, from the measures and the effect; default: the effect is above the least."""

    def judge(self, paired: Paired) -> tuple[np.ndarray, np.ndarray]:
        """Effect and whether the prediction holds, one value per sample each."""
        effect = np.asarray(self.effect(paired), float)
        with np.errstate(invalid="ignore"):
            holds = effect > self.least if self.holds is None else self.holds(paired, effect)
        return effect, np.asarray(holds, bool)


@dataclass(frozen=True)
class Question:
    """A policy question with everything that must be stated before its first run."""

    name: str
    asks: str
    """One sentence with a question mark."""
    arms: Mapping[str, Setting]
    """Constants by name of the arm; the first is the reference."""
    measures: Mapping[str, Measure]
    predictions: Sequence[Prediction]
    panels: Sequence[Panel]
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
    extras: Callable[[Question, Finding, Paired, Arms], None] | None = None
    """More tables, notes and figures, added to the finding."""
    samples: int = SAMPLES
    small: Sequence[str] = ()
    """Small print of the figure."""
    plan: str = ""
    """The plan written before the first run: arms, outcomes, and the condition of each prediction."""
    overlays: Mapping[str, str] = field(default_factory=dict)
    """Equations that change the model for all arms (`overlay`), by the name of their file."""

    @property
    def reference(self) -> str:
        """Arm without the treatment."""
        return next(iter(self.arms))

    @property
    def outputs(self) -> list[str]:
        """Variables to store in every run."""
        measured = [v for measure in self.measures.values() for v in measure.variables]
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
        translation: Translation | None = None,
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
        translation
            Language of the figures; default English.

        Returns
        -------
        Finding
        """
        from sdmodel.study.figures import figure

        own, draws = samples_of(model, samples or self.samples, seed)
        for loop in self.loops:
            own.cut(loop.cause, loop.effect)  # fail before the runs, not minutes later
        arms = Arms(own, draws, self.outputs, every=self.every, workers=workers, progress=progress)
        results = self.run(arms, "1/3", certificate=CERTIFIED if len(draws) >= LOOP_SAMPLES else 0)
        verdicts = self._verdicts(results.paired, draws)
        verdicts = self._with_loops(verdicts, arms, results)
        verdicts = self._with_widths(verdicts, own, seed, arms, results)
        finding = Finding(
            self.name,
            self.asks,
            verdicts,
            results.paired.frame(),
            status=status(own),
            notes=[*(self.notes(results.paired) if self.notes else ()), *results.unequal_money()],
            record=arms.record(self.name, seed, results.plain)
            | {"sampler": draws.attrs.get("sampler", ""), "composition": own.fingerprint},
            plan=self.plan,
            translation=translation or Translation(),
        )
        finding.headline = self.headline(finding, results.paired)
        if self.extras:
            self.extras(self, finding, results.paired, arms)
        finding.notes.append(arms.summary)
        finding.record |= {"runs": arms.runs, "seconds": arms.seconds}
        finding.figures[self.name] = figure(self, finding, results)
        return finding

    def run(self, arms: Arms, stage: str, *, certificate: int = 0, budget: float | None = None) -> ArmResults:
        """Run all arms, those with equal money last.

        `budget` is one sum that all arms of equal money spend in all samples; by default each spends the money of the
        arm that it names in that sample.
        """
        for name, text in self.overlays.items():
            arms.model = overlaid(arms.model, text, name)
        plain = arms.run(f"{stage} {self.name}", self.arms, certificate=certificate)
        results = ArmResults(Paired(self.reference), plain, {})
        results.paired.add(plain, self.measures, arms.draws)
        anyway = last(plain.sel(setting=self.reference), MONEY)
        for equal in self.equal:
            spent = results.paired[PUBLIC, equal.like] if budget is None else anyway + budget
            able = spent - anyway > 0
            target = np.where(able, spent, anyway + 1)
            groups: list[tuple[str | Mix, Mapping[str, Setting]]] = [(equal.lever, equal.arms)]
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
                results.paired.add(found.result, self.measures, arms.draws, fine)
                for i, (name, setting) in enumerate(settings.items()):
                    results.solved[name] = (setting, lever, found.lever[i], fine[i], found.result)
        return results

    # -- judging ------------------------------------------------------------------------------------------------
    def _verdicts(self, paired: Paired, draws: pd.DataFrame) -> list[Verdict]:
        out, ranks = [], ranked(draws)
        for p in self.predictions:
            effect, holds = p.judge(paired)
            label = (p.label, p.reason)
            out.append(judge(p.hypothesis, p.says, holds, effect, p.unit, label, draws, ranks=ranks))
        return out

    def _with_loops(self, verdicts: list[Verdict], arms: Arms, results: ArmResults) -> list[Verdict]:
        """Median effects with each link held in turn, in the first samples."""
        n = min(LOOP_SAMPLES, len(arms.draws))
        few = arms.first(n)
        left: list[list[tuple[str, float]]] = [[] for _ in verdicts]
        for loop in self.loops:
            cut = results.paired.first(n).copy()
            settings = {name: results.setting(self.name, self.arms, name, n) for name in loop.arms}
            held = results.runs(loop.held).isel(sample=slice(n))
            found = few.without(f"2/3 without {loop.name}", (loop.cause, loop.effect), held, settings)
            able = np.array([results.able(name, n) for name in settings])
            cut.add(found, self.measures, few.draws, able)
            for entries, p in zip(left, self.predictions, strict=True):
                before, after = p.judge(results.paired.first(n))[0], p.judge(cut)[0]
                good = np.isfinite(before) & np.isfinite(after)
                if np.allclose(before[good], after[good], rtol=1e-6, atol=1e-12):
                    continue  # the prediction does not use these arms
                entries.append((loop.name, quantiles(after[good])[0]))
        arms.runs += few.runs
        return [replace(v, loops=tuple(entries)) for v, entries in zip(verdicts, left, strict=True)]

    def _with_widths(
        self, verdicts: list[Verdict], model: Model, seed: int, arms: Arms, results: ArmResults
    ) -> list[Verdict]:
        """Shares with other ranges, and with one budget for all samples where money is made equal."""
        n = min(LOOP_SAMPLES, len(arms.draws))
        elsewhere: list[list[tuple[str, int, int]]] = [[] for _ in verdicts]

        def judge(label: str, paired: Paired) -> None:
            for entries, p in zip(elsewhere, self.predictions, strict=True):
                effect, holds = p.judge(paired)
                good = np.isfinite(effect)
                entries.append((label, int(holds[good].sum()), int(good.sum())))

        for label, factor in RANGE_FACTORS.items():
            other, draws = wider_samples(model, factor, n, seed)
            few = Arms(other, draws, self.outputs, every=self.every, workers=arms.workers, progress=arms.progress)
            judge(label, self.run(few, f"3/3 {label}:").paired)
            arms.runs += few.runs
        if self.equal and all(equal.size is not None for equal in self.equal):
            few = arms.first(n)
            extra = results.paired[PUBLIC, self.equal[0].like] - results.paired[PUBLIC, self.reference]
            budget = float(np.nanmedian(extra))
            if budget > 0:
                judge(ONE_BUDGET, self.run(few, f"3/3 {ONE_BUDGET}:", budget=budget).paired)
            arms.runs += few.runs
        return [replace(v, elsewhere=tuple(entries)) for v, entries in zip(verdicts, elsewhere, strict=True)]
