"""What experiments share: intervals, verdict words, equal money, the files that are left."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.errors import DesignError
from sdmodel.experiments.finding import Finding, Verdict, deciding, equal_money, spread, wilson


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
    with pytest.raises(DesignError, match="'certain' is no label"):
        verdict(1, 1, "certain")


def test_spread_is_median_and_ninety_percent() -> None:
    assert spread(np.array([*range(101), np.nan, np.inf])) == (50, 5, 95)
    assert all(map(math.isnan, spread(np.array([np.nan]))))


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


# -- equal money ------------------------------------------------------------------------------------------------
MONEY = """
money = INTEG(size^2*price*IF THEN ELSE(Time >= leave, 0, 1), 0) ~ million CNY ~ |
size = 1 ~ Dmnl [0,3] ~ |
price = 1 ~ Dmnl [0,9] ~ |
leave = 10 ~ Year [0,10] ~ |
"""


def solve(model: sdmodel.Model, design: pd.DataFrame, target: list[float], **more: object) -> object:
    given = {"lever": "size", "money": "money", "outputs": ["money"], "every": 5, "start": 1.0, "low": 0.0, "high": 3.0}
    return equal_money(model, design, np.array(target), workers=1, progress=False, **{**given, **more})


def test_equal_money_finds_known_roots(model_from: Callable[..., sdmodel.Model]) -> None:
    design = pd.DataFrame({"price": [1.0, 2.0, 4.0, 1.0, 1.0], "sample": range(5)})
    found = solve(model_from(MONEY), design, [10, 45, 2.5, 40, 1000], tolerance=1e-6, rounds=40)
    assert found.lever[:4] == pytest.approx([1, 1.5, 0.25, 2], rel=1e-6)
    assert found.spent.tolist() == [True, True, True, True, False]  # 1000 takes a size of 10
    assert np.abs(found.residual[:4]).max() <= 1e-6
    assert found.lever[4] == 3
    assert found.residual[4] == pytest.approx(90 / 1000 - 1)
    # The runs belong to the rows, in their order, at the lever found.
    assert found.result["sample"].to_numpy().tolist() == [0, 1, 2, 3, 4]
    assert found.result["size"].to_numpy() == pytest.approx(found.lever)
    assert found.result["money"].isel(time=-1).to_numpy()[:4] == pytest.approx([10, 45, 2.5, 40], rel=1e-6)


def test_equal_money_by_a_date(model_from: Callable[..., sdmodel.Model]) -> None:
    design = pd.DataFrame({"price": [1.0, 2.0], "sample": range(2)})
    found = solve(
        model_from(MONEY),
        design,
        [3.25, 3.25],
        lever="leave",
        start=np.array([9.0, 1.0]),
        high=10.0,
        tolerance=1e-5,
        rounds=40,
    )
    assert found.lever == pytest.approx([3.25, 1.625], rel=1e-5)
    assert found.spent.all()


def test_the_first_guess_does_not_matter(model_from: Callable[..., sdmodel.Model]) -> None:
    design = pd.DataFrame({"price": [2.0]})
    for start in (0.0, 0.01, 1.0, 3.0, 99.0):
        found = solve(model_from(MONEY), design, [45], start=start, tolerance=1e-4, rounds=40)
        assert found.lever[0] == pytest.approx(1.5, rel=1e-3), start


def test_a_failed_run_is_not_spent_and_does_not_stop_the_others(model_from: Callable[..., sdmodel.Model]) -> None:
    text = MONEY.replace("size^2*price", "size^2*price/price")
    found = solve(model_from(text), pd.DataFrame({"price": [0.0, 2.0]}), [10, 10])
    assert found.spent.tolist() == [False, True]


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
