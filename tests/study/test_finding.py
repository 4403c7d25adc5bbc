"""What experiments leave: intervals, verdict words, where a prediction fails, files."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.core.errors import DesignError
from sdmodel.study.finding import Finding, status
from sdmodel.study.verdict import Verdict, deciding, failure_region, judge, quantiles, wilson


def verdict(holds: int, samples: int, label: str = "conditional") -> Verdict:
    return Verdict("H1", "that it works", holds, samples, (1.0, 0.5, 2.0), "%", label, "it is assumed")


# -- shares -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        # Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3 (score, no continuity correction).
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_against_published_intervals(k: int, n: int, low: float, high: float) -> None:
    assert wilson(k, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_is_symmetric_and_stays_in_range() -> None:
    for k in range(21):
        low, high = wilson(k, 20)
        assert 0 <= low <= k / 20 <= high <= 1
        assert wilson(20 - k, 20) == pytest.approx((1 - high, 1 - low))
    assert all(map(math.isnan, wilson(0, 0)))


@pytest.mark.parametrize(
    ("holds", "word"),
    [
        (100, "supported"),
        (95, "supported"),
        (94, "mostly"),
        (75, "mostly"),
        (74, "depends"),
        (25, "depends"),
        (24, "not supported"),
        (0, "not supported"),
    ],
)
def test_words_of_a_verdict(holds: int, word: str) -> None:
    assert verdict(holds, 100).word == word
    assert f"{holds}% of 100 samples" in verdict(holds, 100).sentence
    assert verdict(holds, 100).sentence.endswith(f": {word}.")


def test_what_is_built_in_is_never_supported() -> None:
    assert verdict(100, 100, "built in").word == "built in"
    assert "supported" not in verdict(100, 100, "built in").sentence
    assert verdict(0, 0).word == "not testable here"
    with pytest.raises(DesignError, match="'certain' is not a label"):
        verdict(1, 1, "certain")


def test_spread_is_median_and_ninety_percent() -> None:
    assert quantiles(np.array([*range(101), np.nan, np.inf])) == (50, 5, 95)
    assert all(map(math.isnan, quantiles(np.array([np.nan]))))


def test_deciding_finds_what_goes_with_an_effect() -> None:
    rng = np.random.default_rng(1)
    samples = pd.DataFrame({"a": rng.random(200), "b": rng.random(200), "c": 1.0, "sample": np.arange(200)})
    effect = np.exp(3 * samples["a"].to_numpy()) - 0.2 * samples["b"].to_numpy()
    effect[7] = np.nan
    found = deciding(effect, samples)
    assert [name for name, _ in found] == ["a", "b"]
    assert found[0][1] > 0.95
    assert deciding(np.zeros(200), samples) == ()
    assert deciding(effect[:5], samples.iloc[:5]) == ()


# -- where it fails ---------------------------------------------------------------------------------------------
def drawn(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    columns = {name: rng.random(n) for name in "abcdefgh"}
    return pd.DataFrame({**columns, "way": rng.integers(0, 3, n), "sample": np.arange(n)})


@pytest.mark.parametrize(("few", "found"), [(20, True), (19, False)])
def test_a_region_needs_twenty_failures(few: int, found: bool) -> None:
    samples = drawn(100)
    holds = samples["a"].rank().to_numpy() > few
    assert (failure_region(holds, samples) is not None) == found


def test_a_region_of_failure_is_found() -> None:
    samples = drawn(2000)
    fails = (samples["b"] < 0.3) & (samples["way"] >= 1)
    found = failure_region(~fails.to_numpy(), samples)
    assert found is not None
    limits = {name: (low, high) for name, low, high in found.limits}
    assert limits["way"] == (0.5, math.inf)
    low, high = limits["b"]
    assert low == -math.inf
    assert 0.29 < high < 0.3 / 0.8 + 0.02  # a region may be wider as long as 0.8 of it fails
    assert found.density > 0.8
    assert found.coverage > 0.8
    assert found.overall == pytest.approx(0.2, abs=0.03)
    assert "way above 0.5" in str(found)
    assert f"b below {high:.3g}" in str(found)


def test_no_region_is_read_into_noise() -> None:
    samples = drawn(400)
    for seed in range(10, 15):
        fails = np.random.default_rng(seed).random(400) < 0.5
        assert failure_region(~fails, samples) is None
    assert failure_region(np.ones(400, dtype=bool), samples) is None
    assert failure_region(np.zeros(400, dtype=bool), samples) is None


def test_judging_leaves_out_what_cannot_be_compared() -> None:
    samples = drawn(100)
    effect = samples["a"].to_numpy() - 0.5
    effect[:10] = np.nan
    found = judge("H1", "that it works", effect > 0.1, effect, "%", ("emergent", "nothing is assumed"), samples)
    assert found.samples == 90
    assert found.holds == (effect > 0.1).sum()
    assert found.effect == quantiles(effect)
    assert found.deciding[0] == ("a", 1.0)
    assert found.region is not None
    assert [name for name, _, _ in found.region.limits] == ["a"]
    assert found.reasons.startswith("H1: emergent, since nothing is assumed; goes with a (+1.00), ")
    assert "fails most where a below" in found.reasons


def test_a_whole_model_makes_no_provisional_finding() -> None:
    model = sdmodel.load("shandong")
    assert status(model) == ""
    fewer = dataclasses.replace(model, sectors=model.sectors[:2])
    assert status(fewer).startswith("The model has 2 of 8 sectors (RnD investment, financing)")


# -- files ------------------------------------------------------------------------------------------------------
def test_a_finding_leaves_table_record_and_sentence(tmp_path: Path) -> None:
    table = pd.DataFrame({"setting": ["a, b", "c"], "value": [0.1, float("nan")]})
    finding = Finding(
        "small",
        "Does it?",
        [verdict(9, 10)],
        table,
        record={"seed": 3, "rtol": np.float64(1e-6)},
        status="not all there",
        notes=["one note"],
    )
    assert finding.sentence.startswith("Provisional: H1 (conditional): that it works holds in 90% of 10 samples")
    files = finding.save(tmp_path / "new" / "folder")
    assert [f.name for f in files] == ["small.csv", "small.json", "small.txt"]
    pd.testing.assert_frame_equal(pd.read_csv(files[0]), table)
    record = json.loads(files[1].read_text(encoding="utf-8"))
    assert record["record"]["seed"] == 3
    assert record["verdicts"][0]["share"] == 0.9
    assert record["verdicts"][0]["word"] == "mostly"
    assert record["status"] == "not all there"
    assert "one note" in files[2].read_text(encoding="utf-8")
    done = Finding("small", "Does it?", [verdict(9, 10)], table)
    assert done.sentence.startswith("H1")
