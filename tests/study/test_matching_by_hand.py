"""History matching of a model whose level is its constant: which draws are kept, counted and told, all by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import sdmodel
from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.study import history_matching as matching
from sdmodel.study import identifiability, targets
from sdmodel.study.targets import Target

LEVEL = """
level = INTEG(0*first, first) ~ firm ~ |
first = 5 ~ firm [0,10] ~ F. [uncertainty] [@guess] |
other = 5 ~ firm [0,10] ~ O. [uncertainty] [@guess] |
late = INTEG(STEP(other, 2012), 0) ~ firm ~ |
"""
Make = Callable[..., sdmodel.Model]


def target(name: str, low: float, high: float, use: str = "match", of: str = "level", **more: object) -> Target:
    return Target(name, of, of, **{"at": 2010.0, "error": 0.3, "discrepancy": 0.4, "use": use, "source": "s",
                                   "why": "", "low": low, "high": high, **more})  # fmt: skip


KNOWN = {
    "match": [target("A", 4.0, 5.0), target("B", 3.0, 9.0)],  # kept within three times 0.5: 2.5 to 6.5
    "check": [target("C", 4.0, 5.0, "check", "late", at=2013.3)],
}


@pytest.fixture
def model(model_from: Make, monkeypatch: pytest.MonkeyPatch) -> sdmodel.Model:
    for module in (matching, identifiability):
        monkeypatch.setattr(module, "targets", lambda use="match": KNOWN[use])
    monkeypatch.setattr(matching, "correlations", lambda: {("first", "gone"): 0.9})  # of which the model has but one
    monkeypatch.setattr(matching, "BLOCK", 16)
    return model_from(LEVEL, start=2009, end=2034, step=0.5)


def drawn(model: sdmodel.Model, rows: int, seed: int) -> np.ndarray:
    return matching.drawn(model, np.arange(rows), seed)[1]["first"].to_numpy()


def test_draws_go_on_in_blocks_until_enough_are_kept(model: sdmodel.Model) -> None:
    """Of blocks of 16 as many are drawn as are needed, at least `least`, and the last one is cut at the end."""
    first = drawn(model, 96, 3)
    fits = (first >= 2.5) & (first <= 6.5)
    in_two = int(fits[:32].sum())
    for least, most, enough, rows in (
        (16, 96, 1, 16), (40, 96, 1, 48), (40, 20, 1, 40), (16, 96, in_two, 32), (16, 96, in_two + 1, 48),
    ):  # fmt: skip
        numbers, stored = matching.match(model, seed=3, least=least, most=most, enough=enough, workers=1,
                                         progress=False)  # fmt: skip
        assert stored["drawn"] == rows
        np.testing.assert_array_equal(numbers, np.flatnonzero(fits[:rows]))
        assert (stored["kept"], stored["seed"]) == (len(numbers), 3)
    with pytest.raises(DesignError, match=rf"{fits[:20].sum()} of 20 draws are plausible, 21 are needed.*'[AB] level'"):
        matching.match(model, seed=3, least=16, most=20, enough=21, workers=1, progress=False)
    few, told = matching.match(model, seed=3, least=20, most=20, enough=int(fits[:20].sum()), workers=1, progress=False)
    assert len(few) == told["kept"] == fits[:20].sum()


def test_the_record_says_what_each_target_rules_out_and_what_it_alone_does(
    model: sdmodel.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rules out below 2.5 and above 6.5, B below 1.5 and above 10.5: all that B rules out A does as well."""
    monkeypatch.setattr(matching, "MOST_KEPT", 5)
    numbers, stored = matching.match(model, seed=3, least=64, most=64, enough=5, workers=1, progress=False)
    first = drawn(model, 64, 3)
    a, b = (first < 2.5) | (first > 6.5), first < 1.5
    assert 0 < b.sum() < a.sum() < 64
    assert stored["targets"] == {
        "A level": {"out": round(a.mean(), 5), "alone": round((a & ~b).mean(), 5)},
        "B level": {"out": round(b.mean(), 5), "alone": 0.0},
    }
    assert (len(numbers), stored["stored"]) == (5, 5)
    assert stored["kept"] == (~a).sum() > 5
    assert stored["cut"] == 3.0
    assert (stored["mark"], stored["model"]) == (matching.mark(model), model.fingerprint)


def test_a_matching_ends_with_its_last_target(model: sdmodel.Model) -> None:
    assert matching.until(model, KNOWN["match"]).time["final time"] == 2010.0
    assert matching.until(model, [*KNOWN["match"], *KNOWN["check"]]).time["final time"] == 2013.5  # on the grid


def test_what_is_written_is_read_again(model: sdmodel.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "ensemble_path", lambda: tmp_path / "ensemble")
    numbers, stored = matching.match(model, seed=3, least=64, most=64, enough=5, workers=1, progress=False)
    matching.write(numbers, stored)
    try:
        assert matching.record() == stored
        np.testing.assert_array_equal(matching.kept_rows(), numbers)
        kept = matching.ensemble(model)
        np.testing.assert_array_equal(kept["first"], drawn(model, 64, 3)[numbers])
        assert kept.attrs["rng"] == 3
        assert len(matching.ensemble(model, 1)) == 1
        assert len(matching.ensemble(model, len(numbers))) == len(numbers)
        for n in (0, len(numbers) + 1):
            with pytest.raises(DesignError, match=f"Ask for 1 to {len(numbers)}"):
                matching.ensemble(model, n)
        monkeypatch.setattr(matching, "_shipped", lambda: model)
        matching._first.cache_clear()
        some = matching.samples_of(None, len(numbers), 2)[1]  # all of them, in another order
        assert sorted(some["first"]) == sorted(kept["first"])
        assert some["first"].tolist() != kept["first"].tolist()
        assert some.index.tolist() == list(range(len(numbers)))
        assert some.attrs == kept.attrs
        with pytest.raises(DesignError, match=f"Ask for 1 to {len(numbers)}"):
            matching.samples_of(None, len(numbers) + 1, 2)
        found = identifiability.identified(model)
        assert found.eigenvalues.shape == (identifiability.POINTS, 2)
        assert found.moved.index[0] == "first"  # the other constant is in no target
    finally:
        matching.record.cache_clear()
        matching._first.cache_clear()


def test_the_mark_is_that_of_what_decides_and_not_of_its_words(
    model: sdmodel.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"id": "A", "name": "a", "why": "so", "source": "s", "use": "match", "low": 1.0}

    def mark(*rows: dict[str, object]) -> str:
        monkeypatch.setattr(matching, "data", lambda: {"target": list(rows)})
        return matching.mark(model)

    same = mark(row)
    assert len(same) == 16
    assert mark({**row, "why": "therefore", "name": "b"}) == same
    assert mark(row, {**row, "use": "check", "low": 3.0}) == same
    assert mark({**row, "low": 2.0}) != same
    assert matching.mark(model.with_ranges({"first": (0, 9)})) != mark(row)


def test_a_check_is_told_with_its_spread(model: sdmodel.Model) -> None:
    samples = pd.DataFrame({"first": [4.0, 4.5, 6.5, 6.6], "other": [3.0, 3.5, 5.0, 9.0], "sample": range(4)})
    rows = {row[0]: row[1:] for row in matching.check(model, samples)}
    assert rows["A level"][:3] == (0.75, "within 3 sd of 4 to 5", "miss")
    assert rows["A level"][3] == "median 5.5, 5 to 95 % 4.075 to 6.585; match"
    late = rows["C late"]  # the level grows by `other` a year from 2012 on
    assert late[:3] == (0.25, "4 to 5", "miss")  # 3.9, 4.55, 6.5 and 11.7
    assert late[3].startswith("median 5.525, ")
    assert late[3].endswith("; check")


# -- targets --------------------------------------------------------------------------------------------------------
def test_published_figures_in_words() -> None:
    told = [target("A", low, high).published for low, high in (
        (1234.5678, 1234.5678), (1234.5678, math.inf), (-math.inf, 1234.56789), (1.0, 2000.0))]  # fmt: skip
    assert told == ["1,235", "at least 1,235", "at most 1,234.57", "1 to 2,000"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"form": "median"}, "no form of the target 'level' 'median'"), ({"scale": "root"}, "no scale of the target"),
        ({"use": "hope"}, "no use of the target"), ({"low": 2.0, "high": 1.0}, "needs low <= high"),
        ({"low": -math.inf, "high": math.inf}, "one of them at least"),
        ({"error": 0.0, "discrepancy": 0.0}, "an error above zero"), ({"low": math.nan}, "needs low <= high"),
    ],
)  # fmt: skip
def test_a_faulty_target_is_refused_by_name(more: dict[str, object], message: str) -> None:
    with pytest.raises((DesignError, UnknownNameError), match=message):
        target("A", **{"low": 1.0, "high": 2.0, **more})


def test_a_target_may_be_one_number_or_open_on_a_side() -> None:
    one = target("A", 2.0, 2.0, error=3.0, discrepancy=4.0)
    assert one.spread == 5
    assert one.distance(np.array([1.0, 2.0, 4.0])).tolist() == [-1, 0, 2]
    assert target("A", -math.inf, 2.0).distance(np.array([-9.0, 3.0])).tolist() == [0, 1]
    log = target("A", -1.0, 2.0, scale="log")  # in logarithms what is below zero is no bound
    assert log.distance(np.array([1e-9, 2.0, 2 * math.e])).tolist() == pytest.approx([0, 0, 1])


def test_a_figure_is_over_and_times_others_and_a_failed_run_has_none() -> None:
    values = {"a": [[[1.0, 3.0]], [[math.nan, 3.0]]], "b": [[[2.0, 6.0]], [[1.0, 1.0]]]}
    found = xr.Dataset({n: (("run", "time", "q"), v) for n, v in values.items()}, {"time": [2010.0], "q": ["x", "y"]})
    assert target("A", 0, 1, of="a", over="b", times="b[y]").value(found)[0] == pytest.approx(4 / 8 * 6)
    for form in ("value", "mean"):
        assert target("A", 0, 1, of="a", form="value").variables == ("a",)
        assert np.isnan(target("A", 0, 1, of="a", form="value").value(found)).tolist() == [False, True], form
    mean = target("A", 0, 1, of="a", form="mean", over="b")
    assert mean.value(found)[0] == pytest.approx(2 / 4)
    assert mean.variables == ("a", "b")
    hazard = target("A", 0, 1, of="a[x]", over="b[x]", form="hazard", years=3.0)
    assert hazard.value(found)[0] == pytest.approx(1 - 0.5 ** (1 / 3))
    assert targets.variables([hazard, mean, target("B", 0, 1, of="c")]) == ["a", "b", "c"]


def test_distances_keep_what_belongs_to_a_run() -> None:
    found = xr.Dataset({"level": (("run", "time"), [[1.0], [5.5]])},
                       {"time": [2010.0], "p": ("run", [7.0, 8.0])})  # fmt: skip
    away = targets.distances(found, KNOWN["match"])
    assert away["A level"].to_numpy().tolist() == [[-3, -3], [0.5, 0.5]]
    told = targets.implausible(found, KNOWN["match"], ["p"])
    assert told["A level"].tolist() == [-6, 1]
    assert told["implausibility"].tolist() == [6, 1]
    assert told["series"].tolist() == ["A level", "A level"]
    assert told["plausible"].tolist() == [False, True]


# -- what is identified ---------------------------------------------------------------------------------------------
def test_shifts_are_distances_from_the_diagonal_and_clear_beyond_chance() -> None:
    n = 50
    even = (np.arange(n) + 0.5) / n
    by_chance = math.sqrt(-math.log(0.05 / 3 / 2) / (2 * n))  # Massart's bound for three at five percent
    up, down = even + by_chance - 0.5 / n + 1e-6, even - by_chance + 0.5 / n + 1e-6
    moved = identifiability.shifts(np.column_stack([even, up, down])[::-1], ["even", "up", "down"])
    assert moved.index.tolist() == ["up", "down", "even"]
    assert moved["distance"].tolist() == pytest.approx([by_chance + 1e-6, by_chance - 1e-6, 0.5 / n])
    assert moved["clear"].tolist() == [True, False, False]
    assert moved["shift"].tolist() == pytest.approx([by_chance - 0.01, 0.01 - by_chance, 0], abs=1e-5)


def test_the_slope_is_taken_at_the_point_and_a_switch_stays_where_it_is(
    model_from: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the switch on the level is the square of the constant, so that its slope tells where it was taken."""
    text = """
level = INTEG(0*first, IF THEN ELSE(way = 1, first^2, 0*first)) ~ firm ~ |
first = 5 ~ firm [0,10] ~ F. [uncertainty] [@guess] |
second = 5 ~ firm [0,10] ~ S. [uncertainty] [@guess] |
way = 1 ~ Dmnl [0,1] ~ W. [switch] |
"""
    from scipy import stats

    monkeypatch.setattr(identifiability, "targets", lambda: [target("A", 4.0, 5.0)])
    model = model_from(text, start=2009, end=2012)
    table = model.uncertainties
    points = {"first": [0.2, 0.7, 0.7], "second": [0.5, 0.5, 0.5], "way": [0.9, 0.9, 0.1]}
    u = np.column_stack([points[str(name)] for name in table.index])
    sizes, made_of = identifiability.information(model, u)
    slope = 2 * 10 * np.array([0.2, 0.7]) * 10 * stats.norm.pdf(stats.norm.ppf([0.2, 0.7]))
    assert sizes[:2, 0] == pytest.approx(slope**2 / (0.5**2 + 1 / 12), rel=1e-3)
    assert sizes[2, 0] == 0
    assert made_of.index.tolist() == ["first", "second"]
    assert made_of["share"].tolist() == pytest.approx([1, 0], abs=1e-9)
