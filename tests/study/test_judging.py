"""Tables of comparisons, of what decides and of what is identified, each against a table made by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import sdmodel
from sdmodel.study import conditions, freeze, identifiability, judging, measured, targets
from sdmodel.study.judging import outcomes_table, paths_table, regret_table
from sdmodel.study.paired import PUBLIC, Paired
from sdmodel.study.published_effects import YES, Effect
from sdmodel.study.verdict import quantiles

NAN = math.nan
FEWEST = 20  # samples in each part


def paired(numbers: dict[tuple[str, str], list[float]]) -> Paired:
    out = Paired("none")
    out.arms = list(dict.fromkeys(arm for _, arm in numbers))
    out._numbers = {key: np.array(values) for key, values in numbers.items()}
    return out


HAND = {
    ("own RnD", "none"): [100.0, 100.0, 100.0, 100.0],
    ("own RnD", "a"): [103.0, 100.5, 98.0, NAN],
    ("own RnD", "b"): [101.5, 100.5, 102.0, 103.0],
    ("service coverage", "none"): [0.5, 0.5, 0.5, 0.5],
    ("service coverage", "a"): [0.515, 0.505, 0.4, 0.5],
    ("service coverage", "b"): [0.5, 0.5, 0.5, 0.5],
    (PUBLIC, "none"): [0.0, 0.0, 0.0, 0.0],
    (PUBLIC, "a"): [2.0, 4.0, 0.5, -2.0],
    (PUBLIC, "b"): [1.0, 1.0, 2.0, 1.0],
}


def row(table: pd.DataFrame, **of: str) -> pd.Series:
    (one,) = [r for _, r in table.iterrows() if all(r[k] == v for k, v in of.items())]
    return one


def test_outcomes_are_counted_in_their_own_units() -> None:
    """Percent for money, points of a hundred for shares, and what a million more brings against the reference."""
    table = outcomes_table(paired(HAND))
    assert list(zip(table["arm"], table["against"], strict=True))[::3] == [("a", "none"), ("b", "none"), ("b", "a")]
    own = row(table, arm="a", against="none", outcome="own RnD")
    assert (own["favour"], own["neither"], own["opposite"]) == (1, 1, 1)  # 3, 0.5, -2 and none
    assert own[["per_yuan", "per_yuan_low", "per_yuan_high"]].tolist() == list(quantiles(np.array([1.5, 0.125])))
    points = row(table, arm="a", against="none", outcome="service coverage")
    assert (points["favour"], points["neither"], points["opposite"]) == (1, 2, 1)
    assert points["median"] == pytest.approx(0.25)
    assert points["unit"] == "percentage points"
    money = row(table, arm="a", against="none", outcome=PUBLIC)
    assert (money["favour"], money["neither"], money["opposite"]) == (2, 1, 1)
    assert np.isnan(money["per_yuan"])
    assert np.isnan(row(table, arm="b", against="a", outcome="own RnD")["per_yuan"])


def test_of_many_arms_only_the_pairs_that_are_asked_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "MOST_PAIRED", 2)
    for asked in ([], [("a", "b")], [("b", "a")]):
        table = outcomes_table(paired(HAND), asked)
        pairs = set(zip(table["arm"], table["against"], strict=True))
        assert pairs == {("a", "none"), ("b", "none"), *([("b", "a")] if asked else [])}
    monkeypatch.setattr(judging, "MOST_PAIRED", 3)
    assert ("b", "a") in set(outcomes_table(paired(HAND))[["arm", "against"]].itertuples(index=False, name=None))


def test_regret_leaves_out_samples_without_a_value_and_counts_who_is_best() -> None:
    table = regret_table(paired(HAND), ["a", "b"])
    lost = {"a": np.array([0.0, 0.0, 100 * (1 - 98 / 102)]), "b": np.array([100 * (1 - 101.5 / 103), 0.0, 0.0])}
    for arm, values in lost.items():
        one = row(table, arm=arm, outcome="own RnD")
        assert one["expected"] == pytest.approx(values.mean())
        assert one["high"] == pytest.approx(np.quantile(values, 0.95))
        assert one["best"] == pytest.approx(2 / 3)  # a loss above one percent counts
    points = row(table, arm="a", outcome="service coverage")
    assert points["expected"] == pytest.approx(100 * (0.1 + 0) / 4)
    assert points["best"] == 0.75
    assert regret_table(paired(HAND), ["a"]).empty
    none = paired({key: [NAN] * 4 for key in HAND})
    assert np.isnan(regret_table(none, ["a", "b"])["expected"]).all()
    negative = paired({("service coverage", "a"): [-0.2, -0.4], ("service coverage", "b"): [-0.1, -0.1]})
    assert row(regret_table(negative, ["a", "b"]), arm="a")["expected"] == pytest.approx(20)


def test_paths_are_in_percent_of_the_reference_and_hold_the_middle_half() -> None:
    plain = xr.DataArray(np.full((5, 2), 4.0), dims=("sample", "time"), coords={"time": [2015.0, 2016.0]})
    gain = xr.DataArray([0.0, 1.0, 2.0, 3.0, NAN], dims="sample")
    runs = {"none": xr.Dataset({"x": plain}), "a": xr.Dataset({"x": plain + gain}), "b": xr.Dataset({"x": NAN * plain})}

    class Results:
        def runs(self, arm: str) -> xr.Dataset:
            return runs[arm]

    table = paths_table(("x", ["a", "b"]), Results(), "none")
    assert table[["median", "low", "high"]].to_numpy().tolist() == [[37.5, 18.75, 56.25]] * 2
    assert table[["variable", "against", "arm"]].drop_duplicates().to_numpy().tolist() == [["x", "none", "a"]]
    assert table["time"].tolist() == [2015.0, 2016.0]
    assert paths_table(None, Results(), "none").columns.tolist() == table.columns.tolist()
    assert paths_table(("x", ["b"]), Results(), "none").columns.tolist() == table.columns.tolist()


# -- what decides ---------------------------------------------------------------------------------------------------
def sides(*counts: tuple[int, int, int]) -> np.ndarray:
    """Samples for, without a difference and against, in one part of the samples after the other."""
    return np.concatenate([np.repeat([1.0, 0.0, -1.0], part) for part in counts])


def test_a_constant_decides_from_a_tenth_and_four_standard_errors_on() -> None:
    """Of 100 and 100 samples the mean side moves by 0.6 or 0.56, with four errors of 0.566."""
    values = np.arange(200.0)
    for right, decides in ((65, True), (64, False)):
        side = sides((100 - right, 0, right), (right, 0, 100 - right))
        error = side.std() * np.sqrt(2 / 100)
        assert (2 * (2 * right - 100) / 100 >= 4 * error) == decides
        assert [(c.name, c.side) for c in conditions.conditions(side, pd.DataFrame({"a": values}))] == (
            [("a", "high")] if decides else []
        )
    small = sides((0, 5_500, 4_500), (0, 6_600, 3_400))  # eleven hundredths of twenty thousand are no chance
    (one,) = conditions.conditions(small, pd.DataFrame({"a": np.arange(20_000.0)}))
    assert (one.inside, one.outside) == ((0.0, 0.66, 0.34), (0.0, 0.55, 0.45))
    smaller = sides((0, 5_500, 4_500), (0, 6_400, 3_600))
    assert conditions.conditions(smaller, pd.DataFrame({"a": np.arange(20_000.0)})) == ()


@pytest.mark.parametrize(("part", "found"), [(FEWEST, True), (FEWEST - 1, False)])
def test_a_part_of_too_few_samples_decides_nothing(part: int, found: bool) -> None:
    switch = np.r_[np.ones(part), np.zeros(100 - part)]
    side = np.where(switch == 1, 1.0, -1.0)
    assert bool(conditions.conditions(side, pd.DataFrame({"way": switch}))) == found
    assert bool(conditions.conditions(side[: 2 * part], pd.DataFrame({"way": switch[: 2 * part]}))) == found


def test_three_constants_are_named_the_strongest_first() -> None:
    rng = np.random.default_rng(1)
    draws = pd.DataFrame({name: rng.random(4000) for name in "abcd"})
    side = np.sign(draws @ np.array([1.0, 3.0, 2.0, 1.5]) - 3.75)
    assert [c.name for c in conditions.conditions(side.to_numpy(), draws)] == ["b", "c", "d"]


def test_a_constant_of_six_values_is_a_switch_and_one_of_seven_is_not() -> None:
    for number, side in ((6, ("4", "5")), (7, ("high",))):
        values = np.tile(np.arange(float(number)), 10)
        assert conditions._sides(values, 3.5, np.inf) == side
        assert len(conditions._parted(pd.DataFrame({"a": values})).words) == (6 if number == 6 else 1)
    assert conditions._sides(np.arange(5.0), 2.0, 3.0) == ("2", "3")
    assert conditions._sides(np.arange(10.0), -np.inf, 6.0) == ("low",)
    assert conditions._sides(np.arange(10.0), 3.0, 8.0) == ("high",)
    assert conditions._sides(np.arange(10.0), 2.0, 7.0) == ("low",)  # moved as much from both sides
    odd = conditions._parted(pd.DataFrame({"a": np.arange(9.0)})).inside
    assert odd.sum() == 4  # the median itself is not above the median


# -- rows held ------------------------------------------------------------------------------------------------------
def test_shares_move_by_the_samples_that_change_class() -> None:
    free = np.array([[[1.0, 1.0, 0.0, -1.0, NAN]], [[NAN] * 5]])
    now = np.array([[[1.0, 0.0, -1.0, -1.0, 1.0]], [[1.0] * 5]])
    good = ~(np.isnan(free) | np.isnan(now))
    assert freeze._moved(free, now, good, 1).tolist() == [[0.25], [0.0]]
    assert freeze._moved(free, now, good, -1).tolist() == [[0.25], [0.0]]


# -- what the targets know ------------------------------------------------------------------------------------------
LINEAR = """
level = INTEG(0*level, first*10) ~ firm ~ |
first = 0.5 ~ firm [0,1] ~ F. [uncertainty] [@guess] |
idle = 0.5 ~ Dmnl [0,1] ~ I. [uncertainty] [@guess] |
switch = 0 ~ Dmnl [0,1] ~ S. [uncertainty integer] [@guess] |
"""


def test_information_of_a_linear_model_has_the_closed_form(
    model_from: Callable[..., sdmodel.Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The level is ten times a uniform number, so its slope by the normal score is ten times the normal density."""
    model = model_from(LINEAR, start=2009, end=2014)
    target = targets.Target("X", "level", "level", 2012.0, 0.3, 0.4, "match", "s", "", low=4.0, high=6.0)
    bound = targets.Target("Y", "bound", "level", 2013.0, 0.3, 0.4, "match", "s", "", low=4.0)
    monkeypatch.setattr(identifiability, "targets", lambda: [target, bound])
    u = np.array([[0.5, 0.3, 0.2], [0.9, 0.5, 0.8], [0.999, 0.5, 0.8]])
    sizes, made_of = identifiability.information(model, u)
    slope = 10 * stats.norm.pdf(np.minimum(stats.norm.ppf(u[:, 0]), 2.0))
    known = 0.5**2 + 2.0**2 / 12  # the error of a run and the spread of an interval
    np.testing.assert_allclose(sizes[:, 0], slope**2 / known, rtol=1e-3)
    assert sizes.shape == (3, 1)  # a bound on one side knows nothing of a point inside it
    assert made_of["share"].to_dict() == pytest.approx({"first": 1.0, "idle": 0.0}, abs=1e-9)


def test_figures_in_logarithms_are_divided_by_the_spread_of_logarithms() -> None:
    one = targets.Target("X", "x", "x", 1.0, 0.3, 0.4, "match", "s", "", low=1.0, high=math.e, scale="log")
    assert identifiability._scaled(one, np.array([math.e])) == pytest.approx(1 / math.hypot(0.5, 1 / math.sqrt(12)))


def test_directions_are_those_of_more_information_than_the_prior() -> None:
    found = identifiability.Identified(
        *[pd.DataFrame()] * 3, np.array([[3.0, 1.5, 1.0], [1.1, 0.5, 0.1]]), pd.DataFrame()
    )
    assert found.directions.tolist() == [2, 1]


def test_pairs_that_go_together_are_told_without_those_put_in(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    u = rng.random((500, 4))
    u[:, 1] = u[:, 0] ** 3  # the same ranks
    u[:, 3] = 1 - u[:, 2] + 0.3 * rng.random(500)
    monkeypatch.setattr(identifiability, "correlations", lambda: {("b", "a"): 0.5})
    rows = identifiability._pairs(u, list("abcd"))
    assert rows.iloc[0, :2].tolist() == ["c", "d"]
    assert rows["rank correlation"].iloc[0] == pytest.approx(stats.spearmanr(u[:, 2], u[:, 3])[0], abs=1e-12)
    assert len(rows) == 5
    monkeypatch.setattr(identifiability, "correlations", dict)
    assert identifiability._pairs(u, list("abcd"), 2)["rank correlation"].iloc[0] == pytest.approx(1.0)


def test_ranges_are_told_before_and_after(
    model_from: Callable[..., sdmodel.Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identifiability, "FREE", {"first": "X", "gone": "Y"})
    kept = pd.DataFrame({"first": np.linspace(0.2, 0.4, 101)})
    (row,) = identifiability._ranges(model_from(LINEAR).uncertainties, kept).itertuples(name=None)
    assert row[:3] == ("first", "X", "firm")
    assert row[3:] == pytest.approx((0.05, 0.5, 0.95, 0.21, 0.3, 0.39))


# -- tables of the pages --------------------------------------------------------------------------------------------
def test_what_a_setting_buys_is_told_per_yuan_where_most_samples_spend() -> None:
    names = ("own", "RnD", "credit", "venture", "knowledge", "firms", "survival", "order")
    change = {name: np.array([1.0, 2.0, 6.0]) * k for k, name in enumerate(names, 1)}
    before = dict.fromkeys((*names, "money"), np.array([100.0, 200.0, 300.0]))
    told = measured._bought({**change, "money": np.array([2.0, -4.0, 1.0])}, before)
    assert told["money, million CNY"] == "1"
    assert told["RnD, million CNY"] == "4"
    assert told["RnD per yuan"] == "0.00"  # of 2 / 2 and 4 / -4; the third moves no more than a million
    assert told["own RnD per yuan"] == "0.00"
    assert told["5 % to 95 %"] == "-0.90 to 0.90"
    assert told["own RnD rises"] == "100%"
    assert told["knowledge in 2034"] == "+5.00 %"
    assert told["firms in 2034"] == "+6.00 %"
    assert told["five-year survival"] == "+1400.00"
    assert told["self-organisation index"] == "+16.0000"
    free = measured._bought({**change, "money": np.array([2.0, 0.5, 1.0])}, before)
    assert (free["RnD per yuan"], free["5 % to 95 %"]) == ("", "")
    # a million is not enough, nor is half of the samples
    two = {name: values[:2] for name, values in {**change, "money": np.array([2.0, 1.0])}.items()}
    assert measured._bought(two, {k: v[:2] for k, v in before.items()})["RnD per yuan"] == ""
    more = {**change, "money": np.array([2.0, 1.1, 1.0])}
    assert measured._bought(more, before)["RnD per yuan"] == f"{(1 + 4 / 1.1) / 2:.2f}"


def test_the_page_of_levers_is_written_with_what_it_was_measured_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def levers(samples: int, seed: int) -> pd.DataFrame:
        asked.append((samples, seed))
        return pd.DataFrame({"money": ["1", "2"], "RnD": ["3", ""]}, index=["a", "b"])

    monkeypatch.setattr(measured, "levers", levers)
    files = measured.write(tmp_path / "new" / "folder", 3, 2)
    assert [file.name for file in files] == ["part-record.md", "part-levers.md"]
    model = sdmodel.load("shandong")
    assert files[0].read_text("utf-8") == (
        f"Measured on 3 draws, seed 2, with sdmodel {sdmodel.__version__}, model {model.fingerprint[:12]}, sectors "
        f"{', '.join(model.sectors)}.\n"
    )
    assert files[1].read_text("utf-8") == "|  | money | RnD |\n| --- | --- | --- |\n| a | 1 | 3 |\n| b | 2 |  |\n"
    assert asked == [(3, 2)]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"unit": YES}, "yes"), ({"unit": YES, "least": 0.01}, "in some samples"), ({"high": 2.0}, "below 2"),
        ({"high": 2.0, "central": 1.0}, "below 2 (1)"), ({"low": 0.5}, "above 0.5"),
        ({"low": 0.5, "high": 2.0}, "0.5 to 2"),
    ],
)  # fmt: skip
def test_published_intervals_in_words(fields: dict[str, object], told: str) -> None:
    one = Effect("X", "x", "test", "s", **{"unit": "ratio", **fields}, treatment="", outcome={"form": "level"})
    assert one.published == told


def test_the_ends_of_an_interval_are_inside_where_it_is_closed() -> None:
    values = np.array([0.9, 1.0, 1.5, 2.0, 2.1])
    for closed, inside in ((True, [0, 1, 1, 1, 0]), (False, [0, 0, 1, 0, 0])):
        one = Effect("X", "x", "test", "s", "ratio", "", 1.0, 2.0, closed=closed, outcome={"form": "level"})
        assert one.inside(values).tolist() == inside
    shape = Effect("X", "x", "test", "s", YES, "", 0.5, 1.5, outcome={"form": "level"})
    assert shape.verdict(1.0, 0.5) == "mixed"  # of a shape it is the share that is judged, not the median
    assert [shape.verdict(1.0, s) for s in (0.75, 0.749, 0.25, 0.249)] == ["hit", "mixed", "mixed", "miss"]
    outcome = {"form": "level", "variable": "a[x]", "over": "b"}
    both = Effect("X", "x", "test", "s", "ratio", "", 1.0, 2.0, outcome=outcome, among={"variable": "c"})
    assert both.variables == ["a", "b", "c"]
