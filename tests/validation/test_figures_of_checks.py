"""Figures of the confidence tests by hand: shapes at their edges, balances, shares of samples, drawn states."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import spearmanr

import sdmodel
from sdmodel.validation.confidence import extreme_conditions as extreme
from sdmodel.validation.confidence import link_signs, sensitivity
from sdmodel.validation.confidence import partial_models as partial
from sdmodel.validation.confidence.behaviour_modes import MODES, modes, strength
from sdmodel.validation.confidence.conservation import BOOKED, LIMIT, THERE, BalanceErrors
from sdmodel.validation.confidence.extreme_conditions import extreme_conditions
from sdmodel.validation.confidence.integration_error import LIMIT as STEP_LIMIT
from sdmodel.validation.confidence.integration_error import _gap, integration_error
from sdmodel.validation.confidence.loops import feedback_structure
from sdmodel.validation.confidence.partial_models import behaves
from sdmodel.validation.confidence.run import confidence_tests
from sdmodel.validation.spec import Balance, Behaviour, Equal, Loop, Spec


# -- shapes -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("shape", "path", "size"),
    [
        ("rises", [1, 5, 3], 2), ("falls", [5, 9, 3], 2), ("higher", [-0.1, 1.1, 5], 2),
        ("higher", [-0.15, 1.15, 8], 3), ("higher", [-0.16, 1.16, 8], 0), ("lower", [-1, -2, -9], 4),
        ("peaks", [1, 5, 2], 3), ("peaks", [2, 5, 1], 3), ("dips", [4, 1, 3], 2), ("dips", [3, 1, 4], 2),
        ("worse before better", [3, 1, 4], 1), ("worse before better", [3, 2, 9], 1),
        ("worse before better", [3, 9, 1, 5], 0), ("better before worse", [3, 5, 1], 2),
        ("settles", [0, 50, *[100] * 8, 98, 100], 0), ("settles", [0, 9, 9], 9), ("settles", [0, 9, 8], 0),
        ("settles", [0, 50, *[100] * 17, 99], 100),
        ("settles", [0, 50, *[100] * 17, 98.9], 0), ("fades", [0, -20, 1], 20), ("fades", [0, -20, 1.1], 0),
        ("S-shaped", [0, 2, 5, 7], 7), ("S-shaped", [0, 2.1, 5.1, 7], 0), ("S-shaped", [0, 2, 5, 7.1], 0),
        ("S-shaped", [7, 5, 3], 0), ("stays", [1, 3, 2], -2),
    ],
)  # fmt: skip
def test_the_strength_of_a_shape(shape: str, path: list[float], size: float) -> None:
    assert strength(np.array(path, float), shape) == pytest.approx(size)


def test_modes_at_the_smallest_change_that_counts() -> None:
    """A fiftieth of the largest value, to either side, of a turn and of a change."""
    paths = [
        [98, 99, 100], [97.9, 99, 100], [100, 99, 97.9], [98, 100, 97.9], [97.9, 100, 97.9], [100, 97.9, 100],
        [100, 98, 100], [-100, -97.9, -100], [100, 104, 96, 100], [100, 103, 96, 100], [50, 50, 50], [0, 0, 0],
    ]  # fmt: skip
    told = ["stays", "rises", "falls", "stays", "peaks", "dips", "stays", "peaks", "peaks", "dips", "stays", "stays"]
    assert [MODES[int(modes(np.array(path, float)))] for path in paths] == told
    assert MODES[int(modes(np.array([90.0, 95, 100]), least=0.2))] == "stays"


# -- balances ---------------------------------------------------------------------------------------------------------
def runs(there: list[list[float]], booked: list[list[float]], status: list[int], name: str = "a") -> xr.Dataset:
    data = {f"{THERE} {name}": (("run", "time"), there), f"{BOOKED} {name}": (("run", "time"), booked)}
    return xr.Dataset({**data, "status": ("run", status)})


def test_a_balance_is_off_by_its_largest_difference_over_its_largest_amount() -> None:
    errors = BalanceErrors((Balance("a", ["x"], ["y"]),))
    assert errors.rows()[0].verdict == "miss"  # nothing was run
    errors.add(runs([[1.0, 2.0], [1.0, 4.0], [9.0, 0.0]], [[1.0, 2.0], [1.0, 5.0], [0.0, 9.0]], [0, 0, 1]))
    assert errors.worst["a"] == pytest.approx(1 / 5)
    assert errors.moved["a"] == pytest.approx(3 / 5)
    errors.add(runs([[8.0, 4.0]], [[4.0, 4.0]], [0]))
    assert errors.worst["a"] == pytest.approx(4 / 8)
    errors.add(runs([[1.0, 1.0]], [[1.0, 1.0]], [0]))
    assert (errors.runs, errors.worst["a"], errors.moved["a"]) == (4, 0.5, 0.6)
    assert errors.outputs == [f"{THERE} a", f"{BOOKED} a"]
    (row,) = errors.rows()
    assert (row.test, row.kind) == (2, "balance")
    assert (row.figure, row.limit, row.verdict, row.text) == ("5.0e-01", "1e-09", "miss", "")


@pytest.mark.parametrize(
    ("balance", "there", "booked", "verdict"),
    [
        (Balance("a", ["x"], ["y"]), [1.0, 2.0], [1.0, 2.0 * (1 + 0.9 * LIMIT)], "pass"),
        (Balance("a", ["x"], ["y"]), [1.0, 2.0], [1.0, 2.0 * (1 + 1.1 * LIMIT)], "miss"),
        (Balance("a", ["x"], [], ["y"]), [1.0, 1.0], [1.0, 1.0], "miss"),  # it never moves
        (Balance("a", ["x"], ["y"]), [1.0, 1 + 1.1e-6], [1.0, 1 + 1.1e-6], "pass"),
        (Balance("a", ["x"]), [1.0, 1.0], [1.0, 1.0], "pass"),  # nothing flows, so nothing is to move
        (Equal("a", "x", "y"), [1.0, 1.0], [1.0, 1.0], "pass"),
        (Equal("a", "x", "y"), [0.0, 0.0], [0.0, 0.0], "pass"),
        (Equal("a", "x", "y"), [1.0, math.nan], [1.0, 1.0], "miss"),
    ],
)
def test_verdicts_on_balances(balance: Balance | Equal, there: list[float], booked: list[float], verdict: str) -> None:
    errors = BalanceErrors((balance,))
    errors.add(runs([there], [booked], [0]))
    assert errors.rows()[0].verdict == verdict


# -- sensitivity ------------------------------------------------------------------------------------------------------
TABLE = pd.DataFrame({"role": ["uncertainty", "uncertainty", "switch"]}, index=["a", "b", "way"])


def test_rank_correlations_and_ranges_of_an_outcome() -> None:
    rng = np.random.default_rng(1)
    x = np.column_stack([rng.random(200), rng.random(200), np.ones(200)])
    y = np.exp(3 * x[:, 0]) - 3 * x[:, 1]
    told, count = sensitivity._numbers(TABLE, x, {"y": y})
    low, middle, high = np.quantile(y, [0.05, 0.5, 0.95])
    assert told.figure == f"{middle:.3g} ({low:.3g} to {high:.3g})"
    r = [spearmanr(x[:, j], y)[0] for j in (0, 1)]
    assert f"largest rank correlations with a ({r[0]:+.2f}), b ({r[1]:+.2f}), way (+0.00)." in told.text
    assert 1.96 / np.sqrt(200) < abs(r[1]) < 2 * 1.96 / np.sqrt(200)  # beyond chance for one, not among many
    assert {(row.test, row.kind) for row in (told, count)} == {(9, "numerical")}
    assert count.figure == "1 of 3"
    assert count.text == f"Rank correlation above {2 * 1.96 / np.sqrt(200):.2f} with an outcome above."


def test_modes_of_samples_are_compared_with_the_file_and_failed_ones_left_out() -> None:
    paths = np.zeros((5, 2, 3))  # sample, policy, time
    paths[:, 0] = [[0, 1, 2], [0, 1, 2], [0, 3, 1], [2, 1, 0], [2, 1, 0]]
    (row,) = sensitivity._behaviour({"y": paths}, np.array([True, True, True, True, False]))
    assert (row.test, row.kind, row.figure) == (9, "behavioural", "50%")
    assert row.text == "rises in the file; rises 50%, falls 25%, peaks 25%."


def test_an_effect_keeps_its_sign_from_nineteen_in_twenty_on() -> None:
    def signs(up: int, down: int) -> np.ndarray:
        return np.repeat([1.0, -1.0, 0.0], [up, down, 100 - up - down])

    effects = {("p", "up"): signs(95, 5), ("p", "down"): signs(0, 95), ("p", "none"): signs(3, 2),
               ("p", "open"): signs(94, 6)}  # fmt: skip
    (row,) = sensitivity._policies(["p"], ["up", "down", "none", "open"], effects)
    assert (row.test, row.kind, row.figure) == (9, "policy", "3 of 4 effects keep their sign")
    assert row.text == "Open: open (up in 94%, down in 6%)."


def test_a_switch_is_told_by_what_differs_most_between_its_values() -> None:
    x = np.column_stack([np.zeros(40), np.zeros(40), np.tile([0.0, 1.0], 20)])
    spread = np.repeat([*np.arange(19.0), 90.0], 2)  # one far off, so that a mean is no median
    last = {"y": spread + 3 * x[:, 2], "z": spread + 1 * x[:, 2]}
    last["z"][-1] += 400
    effects = {("p", "y"): np.where(x[:, 2] == 1, 1.0, -1.0), ("p", "z"): np.ones(40)}
    (row,) = sensitivity._switches(TABLE, x, last, effects)
    assert row.figure == f"{3 / np.ptp(np.quantile(last['y'], [0.05, 0.95])):.0%}"
    assert "the median of 'y' differs between its values" in row.text
    assert row.text.endswith("; 'p' raises 'y' in 0% / 100% of samples at 0 / 1.")
    assert "raises" not in sensitivity._switches(TABLE, x, last, {})[0].text


# -- states that are drawn --------------------------------------------------------------------------------------------
def test_states_are_drawn_from_the_half_of_a_range_around_the_value(
    model_from: Callable[..., sdmodel.Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_from(
        "x = INTEG(a+b+c+d+e+f, 0) ~ Dmnl ~ |\n"
        "a = 2 ~ Dmnl [0,10] ~ |\nb = 4 ~ Dmnl ~ |\nc = 0 ~ Dmnl ~ |\nd = -3 ~ Dmnl [-5,?] ~ |\n"
        "e = 1 ~ Dmnl [0,1] ~ E. [switch] |\nf = 3 ~ Dmnl [1,9] ~ F. [uncertainty integer] |"
    )
    given: list[dict[str, float]] = []

    def run(model: object, values: dict[str, float], **_: object) -> None:
        given.append(values)

    monkeypatch.setattr(link_signs, "run", run)
    monkeypatch.setattr(link_signs, "paths_of", lambda run: None)
    link_signs.random_states(model, 200, 1)
    assert given[0] == {}
    drawn = pd.DataFrame(given[1:])
    for name, low, high in (("a", 1, 6), ("b", 2, 6), ("c", 0, 1), ("d", -4, -1.5), ("e", 1, 1), ("f", 3, 3)):
        assert low <= drawn[name].min() <= low + 0.05 * (high - low), name
        assert high - 0.05 * (high - low) <= drawn[name].max() <= high, name


# -- half the step ----------------------------------------------------------------------------------------------------
def test_a_gap_is_over_the_largest_value_of_the_run_and_never_over_rounding(
    model_from: Callable[..., sdmodel.Model],
) -> None:
    model = model_from("x = INTEG(1, 0) ~ firm ~ |\ny = INTEG(1, 0) ~ firm ~ |\nz = INTEG(1, 0) ~ Dmnl ~ |")

    def found(**paths: list[list[float]]) -> xr.Dataset:
        return xr.Dataset({name: (("run", "time"), np.array(path)) for name, path in paths.items()})

    whole = found(x=[[1.0, 4.0], [0.0, 2.0]], y=[[0.0, 1e-12]] * 2, z=[[0.0, 1e-12]] * 2)
    half = found(x=[[1.5, 5.0], [0.0, 2.0]], y=[[0.0, 2e-12]] * 2, z=[[0.0, 2e-12]] * 2)
    names = ["x", "y", "z"]
    assert _gap(model, whole, half, "x", names).tolist() == [0.2, 0.0]
    assert _gap(model, whole, half, "y", names)[0] == pytest.approx(1e-12 / (1e-9 * 5))
    assert _gap(model, whole, half, "z", names)[0] == pytest.approx(0.5)  # of another unit


def test_the_error_of_half_a_step_is_that_of_runge_kutta(model_from: Callable[..., sdmodel.Model]) -> None:
    """Of x' = -k x one step of length h multiplies by 1 - z + z^2/2 - z^3/6 + z^4/24 with z = k h."""
    text = "x = INTEG(-k*x, 1) ~ Dmnl ~ X. [outcome] |\nk = 2 ~ 1/Year [0.5,2] ~ K. [uncertainty] [@guess] |"
    model = model_from(text, end=2, step=0.5)

    def after(h: float, years: float, k: float = 2.0) -> float:
        return sum((-k * h) ** n / math.factorial(n) for n in range(5)) ** round(years / h)

    (row,) = integration_error(model, 10, 1)
    gap = max(abs(after(0.5, t) - after(0.25, t)) for t in (1, 2))
    assert float(row.figure) == pytest.approx(gap, rel=0.05)  # two digits
    assert gap > STEP_LIMIT
    assert row.verdict == "miss"
    assert row.name == "1 outcomes in 10 samples of the model as it is"
    draws = sdmodel.latin_hypercube(model.uncertainties, 10, rng=1)["k"].to_numpy().copy()
    draws[0] = 2.0
    above = np.mean([max(abs(after(0.5, t, k) - after(0.25, t, k)) for t in (1, 2)) > STEP_LIMIT for k in draws])
    assert f"{above:.1%} of samples have an outcome above 0.001; 0 runs failed." in row.text


def test_levers_are_drawn_apart_and_scenarios_told_by_the_worst(model_from: Callable[..., sdmodel.Model]) -> None:
    text = (
        "x = INTEG(-k*x*size, 1) ~ Dmnl ~ X. [outcome] |\nk = 0.5 ~ 1/Year [0.4,0.6] ~ K. [uncertainty] [@guess] |\n"
        "size = 1 ~ Dmnl [0,9] ~ S. [lever P01] [@guess] |"
    )
    model = model_from(text, end=2, step=0.5)
    alone, levers = integration_error(model, 10, 1)
    assert [(row.test, row.kind, row.verdict) for row in (alone, levers)] == [
        (5, "half the step", "pass"),
        (5, "half the step", "info"),
    ]
    assert alone.name.endswith("10 samples of the model as it is")
    assert levers.name.endswith("10 samples of every lever at random")
    assert float(levers.figure) > STEP_LIMIT > float(alone.figure)
    scenarios = {name: sdmodel.Scenario(name, values={"size": size}) for name, size in (("mild", 0.5), ("wild", 8.0))}
    rows = integration_error(dataclasses.replace(model, scenarios=scenarios), 10, 1)
    assert rows[1].name.endswith("2 scenarios, the worst being 'wild'")
    assert rows[1].verdict == "miss"
    (only,) = integration_error(model_from(text.replace("[lever P01]", "[fixed]"), end=2, step=0.5), 10, 1)
    assert only.verdict == "pass"


@pytest.mark.parametrize("lacks", ["[outcome]", "[uncertainty]"])
def test_a_model_in_which_nothing_varies_has_no_sensitivity(
    model_from: Callable[..., sdmodel.Model], lacks: str
) -> None:
    text = "x = INTEG(-k*x, 1) ~ Dmnl ~ X. [outcome] |\nk = 0.5 ~ 1/Year [0.4,0.6] ~ K. [uncertainty] [@guess] |"
    model = model_from(text.replace(lacks, "[fixed]" if lacks != "[outcome]" else ""))
    (row,) = sensitivity.sensitivity_rows(model, Spec(), 10, 1)
    assert (row.name, row.figure, row.verdict) == ("nothing varies", "0", "info")
    assert sensitivity.sensitivity_rows(model_from(text), Spec(), 10, 1)[0].name == "x"


# -- behaviours, loops and units --------------------------------------------------------------------------------------
LINE = "x = INTEG(r, 2) ~ Dmnl ~ |\nr = 1 ~ 1/Year [0,9] ~ |"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"expect": "rises"}, 2 / 4),  # from 2 to 4, over the largest value
        ({"expect": "rises", "set": {"r": 0.5}}, 1 / 3),
        ({"expect": "higher", "against": {"r": 0.5}}, 0.5 / 3),  # 0 to 1 more, over the largest of the other path
        ({"expect": "rises", "against": {"r": 0.0}}, 2 / 2),
        ({"expect": "stays"}, -2 / 4),
        ({"expect": "rises", "steps": {"r": [[1.0, 3.0]]}}, 4 / 7),  # 3 at the step, 7 at the end
    ],
)
def test_the_strength_of_a_behaviour_is_over_the_size_of_its_path(
    model_from: Callable[..., sdmodel.Model], given: dict[str, Any], shown: float
) -> None:
    model = model_from(LINE, end=2, step=0.25)
    found, good = behaves(model, Behaviour("b", "x", **given))
    assert found == pytest.approx(shown, rel=0.07 if "steps" in given else 1e-6)
    size = abs(found)
    for least, enough in ((0.99 * size, found > 0), (1.01 * size, found < 0)):
        assert behaves(model, Behaviour("b", "x", **given, least=least))[1] == enough
    assert good == (given["expect"] != "stays")


def test_a_model_without_ranges_has_no_corners(model_from: Callable[..., sdmodel.Model]) -> None:
    model = model_from("x = INTEG(r, 2) ~ Dmnl ~ |\nr = 1 ~ 1/Year ~ |")
    assert extreme_conditions(model, Spec(), 10, 1) == []


def test_a_loop_knocked_out_shows_what_it_adds(model_from: Callable[..., sdmodel.Model]) -> None:
    """x' = a + x / 10 from 1: one more of a adds 10 (e - 1) in ten years with the loop, and 10 without."""
    text = "x = INTEG(a + f, 1) ~ u ~ |\nf = x/10 ~ u/Year ~ |\na = 1 ~ u/Year [0,9] ~ A. [lever P01] |"
    model = model_from(text, end=10, step=0.0625)
    loop = Loop("R1", "growth", "", "+", ["x", "f"], ["x", "f"], "x", excited_by={"a": 2.0})
    rows = {row.kind: row for row in feedback_structure(model, Spec(loop=(loop,))) if row.kind != "count"}
    assert {row.test for row in rows.values()} == {8}
    before = 11 * math.e - 10
    assert float(rows["knock-out"].figure) == pytest.approx((10 * (math.e - 1) - 10) / before, rel=0.02)
    said = rows["knock-out"].text
    assert said.startswith(f"'x' at the end moves by {10 * (math.e - 1):+.4g} u with the loop and +10 without, from")
    assert said.endswith("under a 2.")
    assert (rows["sign"].figure, rows["sign"].verdict) == ("+1.00, +1.00, +1.00", "pass")
    turned = dataclasses.replace(loop, sign="-")
    kinds = {row.kind: row.verdict for row in feedback_structure(model, Spec(loop=(turned,)))}
    assert (kinds["sign"], kinds["path"], kinds["knock-out"]) == ("miss", "pass", "pass")


@pytest.mark.parametrize(("unit", "good"), [("m", True), ("m*m", False), ("m*m*m*m", False)])
def test_a_root_has_the_root_of_a_unit(model_from: Callable[..., sdmodel.Model], unit: str, good: bool) -> None:
    model = model_from(f"side = SQRT(area) ~ {unit} ~ |\narea = 4 ~ m*m ~ |\nx = INTEG(side, 0) ~ {unit}*Year ~ |")
    table = model.check()
    assert table[(table["level"] == "error") & (table["variable"] == "side")].empty == good


def test_what_is_counted_of_loops_is_told(model_from: Callable[..., sdmodel.Model]) -> None:
    text = "x = INTEG(a + f, 1) ~ u ~ |\nf = x/10 ~ u/Year ~ |\na = 1 ~ u/Year ~ |\n"
    text += "y = INTEG(-y + z, 1) ~ u ~ |\nz = y ~ u ~ |"
    rows = {row.name: (row.figure, row.text) for row in feedback_structure(model_from(text), Spec())}
    assert rows["variables in strongly connected parts"] == ("2, 2", "5 links among them.")
    assert rows["independent loops"][0] == "3"
    assert rows["independent loops"][1].startswith(
        "3 shortest ones cover every link in a loop; the longest of them has 2"
    )
    none = {row.name: row.figure for row in feedback_structure(model_from("x = INTEG(1, 1) ~ u ~ |"), Spec())}
    assert none["variables in strongly connected parts"] == "none"


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("person", "persons", "'person' and 'persons' are two units here"),
        ("kilogramme", "kilogram", "are two units here"),
        ("firm", "frim", "It is off by the factor"),
        ("m", "m*Year", "Multiply by a time in Year"),
        ("m", "m/Year", "Divide by a time in Year"),
    ],
)
def test_units_that_differ_are_told_with_what_may_be_meant(
    model_from: Callable[..., sdmodel.Model], one: str, other: str, said: str
) -> None:
    model = model_from(f"a = b ~ {other} ~ |\nb = 1 ~ {one} ~ |\nx = INTEG(b, 0) ~ {one}*Year ~ |")
    table = model.check()
    (message,) = table[(table["level"] == "error") & (table["variable"] == "a")]["message"]
    assert said in message


def test_comparisons_are_handed_on_to_tests_six_and_seven(model_from: Callable[..., sdmodel.Model]) -> None:
    asked: list[int] = []

    def compare(model: object, samples: int) -> list[tuple[str, object, object, str, str]]:
        asked.append(samples)
        return [("a", 1.0, "1", "hit", "")]

    model = model_from(
        "x = INTEG(-k*x, 1) ~ Dmnl ~ X. [outcome] |\nk = 0.5 ~ 1/Year [0.4,0.6] ~ K. [uncertainty] [@guess] |"
    )
    assert model.path is not None
    named = f'[{model.name}]\ncomparisons = {{ 6 = "mine", 7 = "mine" }}\n'
    model.path.with_name("checks.toml").write_text(named, encoding="utf-8")
    rows = [row for part in confidence_tests(model, 1000, comparisons={"mine": compare}) for row in part]
    assert asked == [100, 100]
    assert [(row.test, row.verdict) for row in rows if row.test in (6, 7)] == [(6, "pass"), (7, "pass")]
    assert [row.test for row in rows if row.name == "none stated"] == [2]


@pytest.mark.parametrize(("end", "corner", "draw"), [(2005, 0.5, 0.25), (2100, 1.0, 1.0), (2001, 0.125, 0.125)])
def test_reports_are_once_a_unit_of_time_or_several_in_a_short_run(
    model_from: Callable[..., sdmodel.Model], end: float, corner: float, draw: float
) -> None:
    model = model_from(LINE, start=2000, end=end, step=0.125)
    assert extreme._every(model) == corner
    assert sensitivity._every(model) == draw
    assert partial._every(model) == max(0.125, min(0.25, (end - 2000) / 40))
