"""Published models, re-written from their equations, against published numbers and closed forms."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq

import sdmodel

HERE = Path(__file__).parent / "published"
METHODS = ("LSODA", "exact", "rk4")
TOLERANCE = {"LSODA": 1e-5, "exact": 1e-6, "rk4": 1e-6}


def load(name: str) -> sdmodel.Model:
    return sdmodel.load(HERE / f"{name}.mdl")


@pytest.mark.parametrize("name", sorted(p.stem for p in HERE.glob("*.mdl")))
def test_units_agree_and_nothing_is_undefined(name: str) -> None:
    found = load(name).check()
    assert found[found["level"] == "error"].empty, found.to_string()


# -- Bass 1969 --------------------------------------------------------------------------------------------------
# Table 1: regression estimates. Table 3: predicted time of the peak in years and its size in millions.
BASS = {
    "black and white television": (0.027877, 0.25105, 96717, 7.8, 7.5),
    "water softeners": (0.017703, 0.29695, 5793, 8.9, 0.5),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("product", BASS)
def test_bass_follows_his_solution_and_peaks_where_his_table_says(product: str, method: str) -> None:
    p, q, m, when, size = BASS[product]
    run = load("bass").run({"innovation": p, "imitation": q, "market": m}, method=method, every=0.0625)
    t = run.time
    decay = np.exp(-(p + q) * t)
    solution = m * (1 - decay) / (1 + q / p * decay)
    np.testing.assert_allclose(run["Adopters"], solution, rtol=TOLERANCE[method], atol=1e-4 * m * TOLERANCE[method])
    adoption = run["adoption"]
    assert adoption.max() == pytest.approx(m * (p + q) ** 2 / (4 * q), rel=1e-3)  # his equation 11, between reports
    assert adoption.idxmax() == pytest.approx(math.log(q / p) / (p + q), abs=0.04)  # his equation 10
    assert adoption.max() / 1000 == pytest.approx(size, abs=0.05)  # printed with one digit
    assert when <= adoption.idxmax() < when + 0.1  # printed with one digit, the rest cut off


# -- Solow 1956 -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", METHODS)
def test_solow_follows_the_solution_of_the_cobb_douglas_case(method: str) -> None:
    model = load("solow")
    run = model.run(method=method)
    s, a, loss, k0 = 0.25, 0.3333, 0.06, 1.0
    steady = s / loss
    solution = (steady + (k0 ** (1 - a) - steady) * np.exp(-(1 - a) * loss * run.time)) ** (1 / (1 - a))
    np.testing.assert_allclose(run["Capital per worker"], solution, rtol=TOLERANCE[method])


# -- Kermack and McKendrick 1927 ----------------------------------------------------------------------------------
@pytest.mark.parametrize("method", METHODS)
def test_an_epidemic_ends_at_its_final_size_and_peaks_at_the_threshold(method: str) -> None:
    run = load("epidemic").run(method=method)
    rho = 0.25 / 5e-5  # the threshold density
    left = brentq(lambda s: s - 9990 * math.exp((s - 10_000) / rho), 1e-6, rho)
    assert run["Susceptible"].iloc[-1] == pytest.approx(left, rel=1e-4)
    total = run["Susceptible"] + run["Infected"] + run["Removed"]
    np.testing.assert_allclose(total, 10_000, rtol=1e-9)
    peak = 10_000 - rho + rho * math.log(rho / 9990)
    assert run["Infected"].max() == pytest.approx(peak, rel=2e-3)
    orbit = run["Susceptible"] + run["Infected"] - rho * np.log(run["Susceptible"])
    np.testing.assert_allclose(orbit, 10_000 - rho * math.log(9990), rtol=1e-5)


# -- Forrester 1968 -----------------------------------------------------------------------------------------------
# The parameters stand in the file; what is compared follows from his equations, not from another run.
def test_the_sales_loop_alone_grows_at_the_rate_of_its_equations() -> None:
    """With capacity to spare and buyers who do not mind, the loop is linear: its growth is an eigenvalue."""
    model = load("market_growth").replace("sales effectiveness from delay", 1.0)
    run = model.run({"initial capacity": 1e12, "investing": 0, "FINAL TIME": 300}, rtol=1e-9)
    slope, salesmen, paid = 0.5, 400.0, 12 / 2000
    loop = np.array([[-slope, 0, salesmen], [slope, -1, 0], [0, paid / 20, -1 / 20]])
    expected = max(np.linalg.eigvals(loop).real)
    found = np.log(run["Salesmen"].loc[300] / run["Salesmen"].loc[250]) / 50
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_fixed_capacity_ends_at_the_delay_at_which_salesmen_just_pay() -> None:
    """Forrester's second system: sales effectiveness falls until a salesman books what pays for him."""
    run = load("market_growth").run({"investing": 0, "FINAL TIME": 3000}, rtol=1e-9)
    effectiveness = 2000 / 12
    delay = np.interp(-effectiveness / 400, [-0.53, -0.38], [4, 5])
    assert run["sales effectiveness"].iloc[-1] == pytest.approx(effectiveness, rel=1e-4)
    assert run["delivery delay recognized by market"].iloc[-1] == pytest.approx(delay, rel=1e-4)
    assert run["delivery rate"].iloc[-1] <= 12_000


def test_a_goal_that_follows_tradition_gives_growth_away() -> None:
    """His conclusion: with an eroding goal capacity stagnates and falls, with a goal of two months the firm grows."""
    model = load("market_growth")
    floating, fixed = (model.run({"goal fixed": g}) for g in (0, 1))
    assert floating["Production capacity"].iloc[-1] < floating["Production capacity"].max()
    assert floating["delivery delay operating goal"].iloc[-1] > 2 * floating["delivery delay operating goal"].iloc[0]
    assert fixed["Production capacity"].iloc[-1] > 3 * floating["Production capacity"].iloc[-1]
