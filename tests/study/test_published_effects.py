"""Published effects: forms on runs made by hand, verdicts, and the table on a few samples."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.integrate import solve_ivp

import sdmodel
from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.core.expression import Number
from sdmodel.study import history_matching as matching
from sdmodel.study import published_effects as requested
from sdmodel.study import published_forms as published
from sdmodel.study.arms import MONEY
from sdmodel.study.outcomes import DISCOUNT

TIMES = np.arange(2015.0, 2025.0)
DRAWS = pd.DataFrame({DISCOUNT: [0.0]})
STEM = {"id": "X", "what": "x", "label": "test", "source": "s", "unit": "ratio", "treatment": ""}
LEVEL = {"form": "level", "variable": "a", "at": 2016}


def runs(path: object, money: float = 0.0) -> xr.Dataset:
    values = np.broadcast_to(np.asarray(path, float), TIMES.shape)[None]
    spent = np.full_like(values, money)
    return xr.Dataset({"a": (("run", "time"), values), MONEY: (("run", "time"), spent)}, {"time": TIMES})


def read(form: str, arms: dict[str, xr.Dataset], **how: object) -> float:
    return float(published.FORMS[form](arms, DRAWS, {"variable": "a", **how})[0])


def test_forms_on_runs_made_by_hand() -> None:
    base = runs(10.0)
    fading = runs(10 + np.where(TIMES < 2016, 0, 4 * 0.5 ** (TIMES - 2016)))
    both = {"reference": base, "treated": fading}
    assert read("level", both, at=2016) == 10
    assert read("relative change", both, at=2016) == pytest.approx(0.4)
    assert read("relative change", both, at=[2016, 2018]) == pytest.approx((4 / 2 + 2 + 1 / 2) / 2 / 10)
    assert read("change over change", both, at=2017, over="a", over_at=2016) == pytest.approx(0.5)
    assert np.isnan(read("change over change", both, at=2017, over="a", over_at=2015))
    assert read("fade time", both, at=2016, part=0.1, first=3) == 3  # 4, 2, 1, 0.5 and then less than 0.4
    assert np.isnan(read("fade time", {"reference": fading, "treated": base}, at=2016, part=0.1, first=3))
    assert read("grows after", both, at=2018, over_at=2016) == 0
    assert read("grows after", both, at=2017, over_at=2015) == 1


def test_ratios_of_losses_are_left_out_where_asked() -> None:
    arms = {"reference": runs(10.0), "treated": runs(8.0), "single": runs(9.0)}
    how = {"at": 2016, "over": "a", "over_at": 2016, "over_arm": "single"}
    assert read("change over change", arms, **how) == pytest.approx(2)
    assert np.isnan(read("change over change", arms, **how, positive=True))
    gains = {"reference": runs(10.0), "treated": runs(11.0), "single": runs(10.5)}
    assert read("change over change", gains, **how, positive=True) == pytest.approx(2)


def test_forms_of_several_arms() -> None:
    arms = {name: runs(x) for name, x in {"reference": 10, "treated": 17, "one": 12, "other": 14, "early": 15}.items()}
    assert read("interaction", arms, at=2016) == pytest.approx(0.7 - 0.2 - 0.4)
    assert read("over the mean of two", arms, at=2016) == pytest.approx(17 / 12 - 1)
    assert read("later less earlier", arms, at=2020, over_at=2016, over_arm="early") == pytest.approx(0.2)


def test_what_a_yuan_brings() -> None:
    arms = {"reference": runs(10.0), "treated": runs(12.0, 6.0), "other": runs(13.0, 27.0), "free": runs(13.0, 0.5)}
    assert read("per yuan", arms) == pytest.approx(2 * 9 / 6)
    assert read("per yuan less", arms, over_arms=["other"]) == pytest.approx(3 - 1)
    assert np.isnan(read("per yuan less", arms, over_arms=["free"]))


def test_present_values_are_discounted_from_the_policy_start() -> None:
    """At 10 % a yearly gain of 2 from 2015 to 2024 is worth less than 18; by the trapezoidal rule over years."""
    arms = {"reference": runs(10.0), "treated": runs(12.0, 6.0)}
    years = TIMES - 2015
    paths = 2 * np.exp(-0.1 * years)
    worth = sum((a + b) / 2 for a, b in pairwise(paths))
    found = published.FORMS["per yuan"](arms, pd.DataFrame({DISCOUNT: [0.1]}), {"variable": "a"})
    assert found[0] == pytest.approx(worth / 6, rel=1e-12)
    assert worth == pytest.approx(2 * (1 - np.exp(-0.9)) / 0.1, rel=1e-3)
    assert worth < 18


def test_subscripts_are_summed_and_years_are_averaged_by_time() -> None:
    values = np.array([[[1.0, 2.0], [3.0, 4.0], [5.0, 16.0]]])
    found = xr.Dataset({"a": (("run", "time", "quality"), values)}, {"time": [2015.0, 2016.0, 2018.0]})
    assert published.at(found, "a", 2016).tolist() == [7.0]
    assert published.at(found, "a", [2015, 2018]).tolist() == pytest.approx([((3 + 7) / 2 + 2 * (7 + 21) / 2) / 3])
    assert published.at(found, "a", 2018, "a").tolist() == [1.0]


def test_the_peak_of_a_cohort_is_that_of_its_chain() -> None:
    """Three steps of an endowment and one hazard by quality, against the chain integrated by scipy."""
    rows = pd.DataFrame(
        {"hazard of weak firms": [0.15, 0.9, 0.02], "hazard of strong firms": [0.03, 0.8, 0.02],
         "strong share of entrants": [0.4, 0.1, 0.5]}
    )  # fmt: skip
    mean = 1.3

    def alive(hazard: float) -> np.ndarray:
        def flow(_: float, x: np.ndarray) -> np.ndarray:
            left = 3 / mean * x[:3]
            return np.array([-left[0], left[0] - left[1], left[1] - left[2], left[2] - hazard * x[3]])

        return solve_ivp(flow, (0, 9), [1.0, 0, 0, 0], t_eval=range(10), rtol=1e-10, atol=1e-12).y.sum(axis=0)

    peaks = []
    for weak, strong, part in rows.to_numpy():
        cohort = (1 - part) * alive(weak) + part * alive(strong)
        peaks.append(float(np.argmax(1 - cohort[1:] / cohort[:-1])) + 1)
    found = published.FORMS["peak of hazard"]({}, rows, {"endowment": mean})
    assert found.tolist() == peaks
    assert len(set(peaks)) > 1


def test_a_firm_is_weighted_by_the_grants_it_is_offered() -> None:
    found = xr.Dataset(
        {
            "own RnD": (("run", "time", "quality"), np.array([[[300.0, 900.0]]])),
            "firms by quality": (("run", "time", "quality"), np.array([[[100.0, 300.0]]])),
            "grants offered": (("run", "time", "quality"), np.array([[[10.0, 30.0]]])),
            "grant per recipient": (("run", "time"), np.array([[0.5]])),
            "grant effect on own RnD": (("run", "time", "quality"), np.array([[[8.0, -2.0]]])),
            "grant paid": (("run", "time", "quality"), np.array([[[4.0, 12.0]]])),
        },
        {"time": [2016.5], "quality": ["w", "s"]},
    )
    plain, extra, paid = published._per_offer(found)
    assert (plain[0], extra[0], paid[0]) == (pytest.approx(3.0), pytest.approx(6 / 80), pytest.approx(16 / 80))


@pytest.mark.parametrize(("heights", "inside"), [((1, 3, 2), 1), ((3, 2, 1), 0), ((1, 2, 3), 0)])
def test_a_peak_inside_is_neither_first_nor_last(heights: tuple[int, ...], inside: int) -> None:
    arms = {"reference": runs(9.0), **{f"arm {i}": runs(h) for i, h in enumerate(heights)}}
    assert read("peak inside", arms, at=2016) == inside


def grants(own: np.ndarray, without: float = 1.0) -> dict[str, xr.Dataset]:
    """Runs of grants by size with a given own RnD of those who are offered one; all are paid."""
    out = {}
    for size, with_grant in zip(published.SIZES, own, strict=True):
        given = {
            "own RnD": without, "firms by quality": 1.0, "grants offered": size,
            "grant effect on own RnD": with_grant - without, "grant paid": size,
        }  # fmt: skip
        data = {name: (("run", "time", "quality"), np.full((1, 1, 1), x)) for name, x in given.items()}
        data["grant per recipient"] = (("run", "time"), np.full((1, 1), size))
        out[f"size {size:g}"] = xr.Dataset(data, {"time": [2016.5], "quality": ["q"]})
    return out


def test_shapes_of_grants() -> None:
    g = np.array(published.SIZES)

    def shape(own: np.ndarray, kind: str) -> float:
        return float(published.grant_shape(grants(own), DRAWS, {"read": kind})[0])

    hump, falls, flat = np.maximum(1 + g * (1.6 - g), 0.05), 1 - 0.2 * g, np.ones_like(g)
    assert [shape(own, "inverted U") for own in (hump, falls, flat)] == [1, 0, 0]
    assert [shape(own, "never replaces") for own in (hump, falls, flat)] == [1, 0, 1]
    assert shape(hump, "replacing share") == pytest.approx(1.6 / (1 + 1.6), abs=0.05)
    assert np.isnan(shape(flat, "best share"))
    step = 1 + 2 / (1 + np.exp(-(g - 1.0) * 8))
    assert [shape(own, "S shape") for own in (step, flat)] == [1, 0]
    with pytest.raises(DesignError):
        shape(flat, "a square")


def test_verdicts() -> None:
    interval = requested.Effect(**STEM, low=1.0, high=2.0, outcome=LEVEL)
    assert [interval.verdict(m, s) for m, s in ((1.5, 0.6), (2.5, 0.3), (9.0, 0.1))] == ["hit", "mixed", "miss"]
    sign = requested.Effect(**STEM, low=0.0, outcome=LEVEL)
    assert [sign.verdict(1.0, s) for s in (0.8, 0.6, 0.1)] == ["hit", "mixed", "miss"]
    assert sign.inside(np.array([0.0, 1.0])).tolist() == [False, True]  # nil has no sign
    some = requested.Effect(**{**STEM, "unit": requested.YES}, low=0.5, high=1.5, least=0.01, outcome=LEVEL)
    assert [some.verdict(0.0, s) for s in (0.02, 0.0)] == ["hit", "miss"]


def test_a_file_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(UnknownNameError):
        requested.Effect(**STEM, low=0.0, outcome={"form": "x"})
    with pytest.raises(UnknownNameError):
        requested.Effect(**{**STEM, "label": "x"}, low=0.0, outcome=LEVEL)
    with pytest.raises(DesignError, match="say why"):
        requested.Effect(**{**STEM, "label": "not comparable"}, low=0.0)


def test_every_stylised_fact_is_there_and_named_rightly() -> None:
    model, every = sdmodel.load("shandong"), requested.effects()
    assert {f"SF{i:02d}" for i in range(1, 21)} <= {e.id for e in every}
    settable = {str(name) for name in model.parameters("lever", "fixed").index}
    assert model["grant size"].high == published.SIZES[-1]
    assert model["endowment time"].components[0].expr == Number(1.3)  # as the form of SF17 is given it
    for effect in every:
        for setting in effect.arms.values():
            assert {*setting.get("values", {}), *setting.get("paths", {})} <= settable
        assert all(name in model for name in effect.variables)


@pytest.mark.slow
def test_the_table_on_a_few_samples() -> None:
    model = sdmodel.load("shandong")
    samples = matching.drawn(model, np.arange(12))[1]
    table = requested.evaluate(model, samples, workers=1)
    assert len(table) == len(requested.effects())
    inside = table.loc[table["label"] != "not comparable"]
    assert set(inside["verdict"]) <= {"hit", "mixed", "miss"}
    assert len(requested.check(model, samples)) == len(table)


TOY = """
present value of public money = INTEG(budget, 0) ~ million CNY ~ |
budget = 1 ~ million CNY/Year [0,9] ~ Budget. [lever P01] |
yield = 1 ~ Dmnl [0,9] ~ What a yuan brings. [uncertainty] [@guess] |
a = yield * budget + 1 ~ Dmnl ~ |
size = INTEG(yield, 0) ~ Dmnl ~ |
"""
TOY_FILE = {
    "source": {"s": "A source."},
    "effect": [
        {**STEM, "low": 0.4, "high": 0.75, "arms": {"treated": {"values": {"budget": 2.0}}},
         "outcome": {"form": "relative change", "variable": "a", "at": 2012}},
        {**STEM, "id": "Y", "low": 0.4, "high": 0.75, "arms": {"treated": {"values": {"budget": 2.0}}},
         "outcome": {"form": "relative change", "variable": "a", "at": 2012},
         "among": {"third": "highest", "variable": "size", "at": 2012, "over": ""}},
        {**STEM, "id": "Z", "low": 0.0, "unit": requested.YES, "arms": {"treated": {"paths": {"budget": {
            "at": [2009.0, 2010.0], "value": [1.0, 3.0], "between": "step"}}}},
         "outcome": {"form": "grows after", "variable": "a", "at": 2012, "over_at": 2009}},
        {**STEM, "id": "N", "label": "not comparable", "reason": "no such thing"},
    ],
}  # fmt: skip


def test_the_table_of_a_small_model_by_hand(
    model_from: Callable[..., sdmodel.Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Doubling the budget changes `a` by yield / (yield + 1)."""
    monkeypatch.setattr(requested, "_file", lambda: TOY_FILE)
    monkeypatch.setattr(requested, "SHAPE_END", 2013.0)
    model = model_from(TOY, start=2009, end=2014, step=0.25)
    samples = pd.DataFrame({"yield": [0.25, 1.0, 2.0, 3.0, 4.0, 0.5]})
    table = requested.evaluate(model, samples, workers=1).set_index("id")
    change = np.array([1 / 5, 1 / 2, 2 / 3, 3 / 4, 4 / 5, 1 / 3])
    np.testing.assert_allclose(table["values"]["X"], change)
    assert table["share inside"]["X"] == pytest.approx(2 / 6)  # one half and two thirds; the end itself is not inside
    assert table[["median", "5 %", "95 %"]].loc["X"].tolist() == pytest.approx(np.quantile(change, [0.5, 0.05, 0.95]))
    assert table["verdict"].to_dict() == {"X": "hit", "Y": "miss", "Z": "hit", "N": "not comparable"}
    np.testing.assert_allclose(table["values"]["Y"], [np.nan, np.nan, np.nan, 3 / 4, 4 / 5, np.nan])  # two of six
    assert table["samples"].to_dict() == {"X": 6, "Y": 2, "Z": 6, "N": 0}
    assert table["values"]["Z"].tolist() == [1.0] * 6
    assert table.attrs["runs"] == 3 * 6  # reference, treated and path, each once
    rows = {name: told for name, *told in requested.check(model, samples)}
    assert list(rows) == ["X x", "Y x", "Z x", "N x"]
    low, high = np.quantile(change, [0.05, 0.95])
    assert rows["X x"] == [
        pytest.approx(np.median(change)), "0.4 to 0.75", "hit",
        f"test; x; in 33% of 6 samples inside; 5 to 95 % {low:.3g} to {high:.3g} ratio",
    ]  # fmt: skip
    assert rows["Y x"][:3] == [pytest.approx((3 / 4 + 4 / 5) / 2), "0.4 to 0.75", "miss"]
    assert rows["Z x"] == [1.0, "yes", "hit", "test; x; in 100% of 6 samples inside"]
    assert rows["N x"][2:] == ["not comparable", "not comparable; no such thing"]


def test_a_third_is_the_lowest_or_the_highest_and_each_arm_is_run_once(
    model_from: Callable[..., sdmodel.Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requested, "SHAPE_END", 2013.0)
    model = model_from(TOY, start=2009, end=2014, step=0.25)
    samples = pd.DataFrame({"yield": [0.25, 1.0, 2.0, 3.0, 4.0, 0.5]})
    runner = requested.Runner(model, samples, ["a", "size", "a"], 1)
    assert runner.outputs == ["a", "size", MONEY]
    one = {**TOY_FILE["effect"][1], "low": 0.0}
    for third, kept in (("lowest", [0, 5]), ("highest", [3, 4])):
        effect = requested.Effect(**{**one, "among": {**one["among"], "third": third}})
        assert np.flatnonzero(np.isfinite(requested._values(effect, runner))).tolist() == kept
    assert runner.runs == 12  # the reference and the arm
    first = runner.arm({"values": {"budget": 2.0}})
    assert runner.arm({"values": {"budget": 2.0}}) is first
    assert first["time"].to_numpy()[:2].tolist() == [2009, 2009.25]  # by quarters
    assert first[MONEY].isel(time=-1).to_numpy() == pytest.approx([10] * 6)
    assert runner.short.time["final time"] == 2013
    row = requested._row(requested.Effect(**STEM, low=0.0, outcome=LEVEL), np.full(3, np.nan))
    assert np.isnan(row["share inside"])
    assert (row["samples"], row["verdict"]) == (0, "miss")


def test_an_unknown_third_or_source_is_refused(
    model_from: Callable[..., sdmodel.Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = TOY_FILE["effect"][1]
    monkeypatch.setattr(requested, "_file", lambda: {**TOY_FILE, "effect": [{**one, "source": "t"}]})
    with pytest.raises(UnknownNameError, match="source of the effect"):
        requested.effects()
    middle = {**one, "among": {**one["among"], "third": "middle"}}
    monkeypatch.setattr(requested, "_file", lambda: {**TOY_FILE, "effect": [middle]})
    monkeypatch.setattr(requested, "SHAPE_END", 2013.0)
    model = model_from(TOY, start=2009, end=2014, step=0.25)
    with pytest.raises(UnknownNameError, match="'middle'"):
        requested.evaluate(model, pd.DataFrame({"yield": [1.0]}), workers=1)
