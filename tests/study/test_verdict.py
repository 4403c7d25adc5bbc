"""Verdicts in words, what decides and where it goes the other way, each at its edges."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sdmodel.analysis.discovery.discover import discover
from sdmodel.study import conditions as deciding
from sdmodel.study.conditions import Condition, Region, conditions, exception
from sdmodel.study.phrases import Phrases
from sdmodel.study.question import Prediction, verdict_of
from sdmodel.study.translation import Translation
from sdmodel.study.verdict import Verdict, decided, shares_of

PHRASES = Phrases({"t": {"high": "where t", "zh_high": "t时", "zh_low": "非t时"}})
TRUST = Condition("t", "high", (0.9, 0.06, 0.04), (0.2, 0.3, 0.5))


def verdict(**more: Any) -> Verdict:
    given = {"hypothesis": "H01", "says": "that it works", "arm": "b", "against": "a", "outcome": "o", "favour": 50,
             "neither": 20, "opposite": 30, "effect": (1.234, -2.0, 3.0), "unit": "firms", "least": 1.0,
             "label": "emergent", "reason": "it is so"}  # fmt: skip
    return Verdict(**{**given, **more})


def test_reasons_say_what_decides_what_loops_do_and_what_other_ranges_show() -> None:
    region = Region("against", (("t", 0.5, math.inf), ("u", 0.0, 1.0)), (("high",), ("1", "2")), 0.8, 0.9, 0.31)
    whole = verdict(
        deciding=(TRUST,), region=region, loops=(("R1", 2.46), ("R2", -0.5)),
        elsewhere=(("half as wide", 1, 2, 5), ("none", 0, 0, 0)),
    )  # fmt: skip
    assert whole.reasons(PHRASES) == [
        "This is emergent, since it is so.",
        "Right in 90% of samples where t, in 20% elsewhere (the opposite in 4% and 50%).",
        "The opposite most often where t and where u is 1 and where u is 2: in 90% of samples there against 31% of "
        "all.",
        "Without the loop R1 the effect is +2.5 firms instead of +1.2 (medians).",
        "Without the loop R2 the effect is −0.5 firms instead of +1.2 (medians).",
        "With half as wide: right in 12%, no difference in 25%, the opposite in 62%.",
    ]
    assert dataclasses.replace(region, of="for").sentence(PHRASES) == (
        "Right most often where t and where u is 1 and where u is 2: in 90% of samples there against 31% of all."
    )
    chinese = Region("for", (("t", 0.5, 1.0), ("t", 0.0, 1.0)), (("high",), ("low",)), 0.8, 0.9, 0.3)
    assert chinese.sentence(PHRASES, "zh").values["where"] == "t时，非t时"
    assert TRUST.sentence(PHRASES, "zh").values["where"] == "t时"


def test_a_verdict_is_told_with_what_it_depends_on() -> None:
    assert verdict(deciding=(TRUST,)).told(PHRASES) == "depends: right in 90% of samples where t, in 20% elsewhere"
    assert verdict().told(PHRASES) == "depends on many things at once"
    assert verdict(favour=95, neither=5, opposite=0, deciding=(TRUST,)).told(PHRASES) == "holds"
    assert verdict(favour=0, neither=0, opposite=0).told(PHRASES) == "cannot be asked here"
    whole = verdict(favour=1234, neither=0, opposite=0)
    assert whole.sentence == (
        "H01: that it works: holds. Right in 100% of 1,234 samples, no difference that counts in 0%, the opposite in "
        "0%; effect +1.2 firms (5 to 95 %: −2 to +3)."
    )
    zh = Translation("zh", {whole.sentence.template: "{middle}|{word}", "holds": "成立",
                            "{figure} {unit}": "{figure}{unit}",
                            "firms": "家"})  # fmt: skip
    assert zh(whole.sentence) == "+1.2家|成立"
    assert shares_of((1, 2, 5)) == (0.125, 0.25, 0.625)


def test_a_prediction_and_its_effects_make_a_verdict() -> None:
    draws = pd.DataFrame({"t": np.arange(200.0), "sample": range(200)})
    effect = np.where(draws["t"] > 99.5, 3.0, -2.0)
    p = Prediction("H01", "that", "%", 2.5, "conditional", "why", "b", "a", "o", "percent", "less")
    found = verdict_of(p, effect, draws, loops=(("R", 1.0),), elsewhere=(("x", 1, 0, 0),))
    assert found.counts == (100, 100, 0)
    assert (found.hypothesis, found.arm, found.against, found.outcome, found.unit) == ("H01", "b", "a", "o", "%")
    assert (found.least, found.label, found.reason, found.expects, found.by) == (
        2.5,
        "conditional",
        "why",
        "less",
        "percent",
    )
    assert (found.loops, found.elsewhere) == ((("R", 1.0),), (("x", 1, 0, 0),))
    assert found.deciding == (Condition("t", "high", (1, 0, 0), (0, 1, 0)),)
    assert (found.deciding, found.region) == decided(np.where(effect > 2.5, 1.0, 0.0), draws)


# -- what decides ---------------------------------------------------------------------------------------------------
def test_parts_are_by_value_or_by_median_and_labels_and_constants_are_none() -> None:
    draws = pd.DataFrame({
        "sample": np.arange(140.0), "setting": np.arange(140.0), "same": 3.0, "many": np.tile(np.arange(7.0), 20),
        "three": np.tile([1.0, 2.0, 1.0, 5.0, 2.0, 5.0, 1.0], 20), "two": np.tile([0.0, 0.5, 0, 0, 0, 0.5, 0], 20),
    })  # fmt: skip
    parts = deciding._parted(draws)
    assert parts.words == [
        ("many", "high", "low"), ("three", "1", ""), ("three", "2", ""), ("three", "5", ""), ("two", "0.5", "0"),
    ]  # fmt: skip
    assert parts.inside.sum(axis=1).tolist() == [60, 60, 40, 40, 40]
    assert conditions(np.full(140, np.nan), draws) == ()
    none = deciding._parted(draws[["sample", "same"]])
    assert none.inside.shape == (0, 140)
    assert conditions(np.ones(140), draws[["sample", "same"]]) == ()


def test_of_a_switch_with_several_values_the_one_where_it_is_right_is_named() -> None:
    three = np.tile([1.0, 2.0, 3.0, 3.0], 50)
    draws = pd.DataFrame({"way": three})
    (one,) = conditions(np.where(three == 3, -1.0, 1.0), draws)
    assert (one.side, one.inside, one.outside) == ("1", (1, 0, 0), (pytest.approx(1 / 3), 0, pytest.approx(2 / 3)))
    (both,) = conditions(
        np.where(np.tile([0.0, 1.0], 100) == 1, -1.0, 1.0), pd.DataFrame({"law": np.tile([0.0, 1.0], 100)})
    )
    assert (both.side, both.inside, both.outside) == ("0", (1, 0, 0), (0, 0, 1))


def test_samples_that_cannot_be_judged_are_in_neither_part() -> None:
    values = np.arange(120.0)
    side = np.where(values >= 60, 1.0, -1.0)
    side[:20] = np.nan
    (one,) = conditions(side, pd.DataFrame({"a": values}))
    assert (one.side, one.inside, one.outside) == ("high", (1, 0, 0), (0, 0, 1))
    side[20:41] = np.nan  # nineteen are left on the low side
    assert conditions(side, pd.DataFrame({"a": values})) == ()


def test_the_rarer_side_is_where_it_goes_the_other_way() -> None:
    values = np.arange(400.0)
    draws = pd.DataFrame({"a": values, "sample": range(400)})
    half = exception(np.where(values < 200, 1.0, -1.0), draws)
    assert half is not None
    assert half.of == "against"  # of as many on both sides
    for few, of in ((150, "for"), (250, "against")):
        region = exception(np.where(values < few, 1.0, -1.0), draws)
        assert region is not None
        assert region.of == of
        ((name, low, high),) = region.limits
        assert name == "a"
        assert (math.isinf(high), math.isinf(low)) == ((True, False) if of == "against" else (False, True))
        assert (high if of == "for" else low) == pytest.approx(few, abs=40)  # a region may be wider
        assert region.sides == (("high",),) if of == "against" else (("low",),)
        assert region.overall == min(few, 400 - few) / 400
        assert region.density > 0.8
        assert region.coverage > 0.9
    with_nan = np.where(values < 150, 1.0, -1.0)
    with_nan[300:] = np.nan
    region = exception(with_nan, draws)
    assert region is not None
    assert (region.of, region.overall) == ("against", 0.5)  # as many on both sides again


def test_a_region_is_looked_for_in_the_first_rows_and_must_be_denser(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    draws = pd.DataFrame({"a": rng.random(600), "sample": range(600)})
    side = np.where(draws["a"] < 0.5, 1.0, -1.0)
    side[:300] = 1.0
    monkeypatch.setattr(deciding, "ROWS", 300)
    assert exception(side, draws) is None  # none of the first goes the other way
    monkeypatch.setattr(deciding, "ROWS", 600)
    found = exception(side, draws)
    assert found is not None
    side_a = side == -1
    of = discover(draws, side_a if found.of == "against" else ~side_a, parameters=["a"], most=1, resamples=4, rng=1)
    assert (found.coverage, found.density) == tuple(of.quality[["coverage elsewhere", "density elsewhere"]].iloc[0])
    for denser, there in ((found.density - found.overall - 1e-9, True), (found.density - found.overall + 1e-9, False)):
        monkeypatch.setattr(deciding, "DENSER", denser)
        assert (exception(side, draws) is not None) == there
