"""Sobol' indices, Morris screening and tornadoes against functions whose answers are known."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel import Outcome, plot
from sdmodel.core.errors import DesignError, MissingExtraError, ResultWarning, UnknownNameError
from sdmodel.model import Model

Make = Callable[..., Model]

# Ishigami and Homma (1990), https://doi.org/10.1109/ISUMA.1990.151285, with a = 7, b = 0.1.
ISHIGAMI = """
y = SIN(x1) + 7*SIN(x2)^2 + 0.1*x3^4*SIN(x1) ~ Dmnl ~ |
twice = 2*y ~ Dmnl ~ |
still = 3 + 0*Time ~ Dmnl ~ |
x1 = 0.5 ~ Dmnl [-3.141592653589793,3.141592653589793] ~ [uncertainty] |
x2 = 0.5 ~ Dmnl [-3.141592653589793,3.141592653589793] ~ [uncertainty] |
x3 = 0.5 ~ Dmnl [-3.141592653589793,3.141592653589793] ~ [uncertainty] |
"""
V1, V2, V13 = (1 + 0.1 * math.pi**4 / 5) ** 2 / 2, 49 / 8, 0.01 * math.pi**8 * 8 / 225
V = V1 + V2 + V13
FIRST = {"x1": V1 / V, "x2": V2 / V, "x3": 0.0}
TOTAL = {"x1": (V1 + V13) / V, "x2": V2 / V, "x3": V13 / V}


@pytest.fixture
def ishigami(model_from: Make) -> Model:
    return model_from(ISHIGAMI.replace("x1 = 0.5", "x1 = 1"), end=1, step=1)


def inside(table: pd.DataFrame, kind: str, truth: dict[str, float], slack: float = 1.0) -> None:
    """The known index lies in its interval (95 % each; the seeds are fixed, so that the test is no draw of luck)."""
    for name, value in truth.items():
        low, high = table.loc[name, f"{kind}_low"], table.loc[name, f"{kind}_high"]
        middle, half = (low + high) / 2, (high - low) / 2
        assert abs(value - middle) <= slack * half + 1e-12, (kind, name, value, low, high)


def test_sobol_finds_the_indices_of_ishigami(ishigami: Model) -> None:
    table = sdmodel.sobol(ishigami, ishigami.uncertainties, Outcome("y", at=1), n=4096, rng=2)
    rows = table.loc["y at 1"]
    inside(rows, "first", FIRST)
    inside(rows, "total", TOTAL)
    assert (rows["total_high"] - rows["total_low"]).max() < 0.15
    assert table.attrs == {"blocks": 4096, "dropped": 0}


def test_intervals_cover_as_often_as_they_say(ishigami: Model) -> None:
    """Of 6 indices in 12 samples (one is exactly 0) nearly all intervals hold the truth, and not all are wide."""
    hits = []
    for seed in range(12):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResultWarning)
            rows = sdmodel.sobol(ishigami, ishigami.uncertainties, Outcome("y"), n=512, rng=seed).loc["final of y"]
        for kind, truth in (("first", FIRST), ("total", TOTAL)):
            hits += [rows.loc[n, f"{kind}_low"] <= v <= rows.loc[n, f"{kind}_high"] for n, v in truth.items()]
    assert 0.85 <= np.mean(hits) <= 1


def test_sobol_finds_the_indices_of_the_g_function(model_from: Make) -> None:
    """Sobol' g: the variance of factor i is 1 / (3 (1 + a_i)^2), and all factors interact by multiplication."""
    a = [0.0, 1.0, 4.5, 9.0]
    factors = "*".join(f"((ABS(4*x{i} - 2) + {v})/(1 + {v}))" for i, v in enumerate(a))
    lines = "".join(f"x{i} = 0.3 ~ Dmnl [0,1] ~ [uncertainty] |\n" for i in range(4))
    model = model_from(f"g = {factors} ~ Dmnl ~ |\n{lines}", end=1, step=1)
    own = np.array([1 / (3 * (1 + v) ** 2) for v in a])
    whole = np.prod(1 + own) - 1
    first = {f"x{i}": own[i] / whole for i in range(4)}
    total = {f"x{i}": own[i] * np.prod(np.delete(1 + own, i)) / whole for i in range(4)}
    pair = own[0] * own[1] / whole
    table = sdmodel.sobol(model, model.uncertainties, Outcome("g"), n=4096, second=True, rng=7)
    alone = table.xs("", level="other").loc["final of g"]
    inside(alone, "first", first)
    inside(alone, "total", total)
    found = table.loc[("final of g", "x0", "x1")]
    assert found["second_low"] <= pair <= found["second_high"]
    assert abs(found["second"] - pair) < 0.03
    assert table["second"].notna().sum() == 6


def test_several_outcomes_and_paths(model_from: Make) -> None:
    model = model_from(
        "stock = INTEG(rate, start) ~ a ~ [outcome] |\nshare[side] = part[side]*stock ~ a ~ |\nside: left, right ~~|\n"
        "part[side] = 1, 2 ~ Dmnl ~ |\n"
        "rate = 1 ~ a/Year [0,2] ~ [uncertainty] |\nstart = 1 ~ a [0,2] ~ [uncertainty] |"
    )
    table = sdmodel.sobol(model, model.uncertainties, ["stock", "share"], n=2048, rng=1, every=5)
    assert table.index.names == ["outcome", "time", "parameter"]
    assert set(table.index.get_level_values("outcome")) == {"stock", "share[left]", "share[right]"}
    # stock(t) = start + t rate, both uniform with the same variance: the share of rate is t^2 / (1 + t^2).
    for t in (0.0, 5.0, 10.0):
        for outcome in ("stock", "share[right]"):
            assert table.loc[(outcome, t, "rate"), "total"] == pytest.approx(t**2 / (1 + t**2), abs=0.03)
    with pytest.raises(DesignError, match="ask twice"):
        sdmodel.sobol(model, model.uncertainties, ["stock", Outcome("stock")], n=64, rng=1)


def test_a_sweep_gives_what_the_model_gives(ishigami: Model) -> None:
    parameters = ishigami.uncertainties
    whole = sdmodel.sobol(ishigami, parameters, Outcome("y"), n=4096, rng=3)
    sweep = ishigami.sweep(sdmodel.sobol_blocks(parameters, 4096, rng=3), ["y"], certificate=0)
    again = sdmodel.sobol(sweep, parameters, Outcome("y"), rng=3)
    pd.testing.assert_frame_equal(whole, again)
    with pytest.raises(DesignError, match="no Sobol' blocks of these 2 parameters"):
        sdmodel.sobol(sweep, ["x1", "x2"], Outcome("y"))
    with pytest.raises(DesignError, match="in this order"):
        sdmodel.sobol(sweep, ["x2", "x1", "x3"], Outcome("y"))
    with pytest.raises(DesignError, match="no column 'x9'"):
        sdmodel.sobol(sweep, ["x1", "x2", "x9"], Outcome("y"))
    with pytest.raises(DesignError, match="leave out n"):
        sdmodel.sobol(sweep, parameters, Outcome("y"), n=8)


def test_seed_zero_is_a_seed_and_leaves_the_global_state_alone(ishigami: Model) -> None:
    """SALib asks `if seed:`, takes 0 for none and draws from the global state; it must never see a 0."""
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    one, two = (sdmodel.sobol(ishigami, ["x1", "x2", "x3"], Outcome("y"), n=4096, rng=0) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)
    assert (np.random.get_state()[1] == before).all()
    other = sdmodel.sobol(ishigami, ["x1", "x2", "x3"], Outcome("y"), n=4096, rng=1)
    assert not one["total"].equals(other["total"])


FAILS = "y = SQRT(x - edge) + z ~ Dmnl ~ |\nx = 1 ~ Dmnl [0,2] ~ |\nz = 1 ~ Dmnl [0,2] ~ |\nedge = {} ~ Dmnl ~ |"


def test_blocks_with_failed_runs_are_dropped_whole(model_from: Make) -> None:
    """One NaN turns all indices of SALib to 0; a row missing would shift all that follow."""
    model = model_from(FAILS.format(0.02), end=1, step=1)
    with pytest.warns(ResultWarning, match=r"blocks were dropped because a run in them gives no 'final of y'"):
        table = sdmodel.sobol(model, ["x", "z"], Outcome("y"), n=2048, rng=1)
    assert 20 < table.attrs["dropped"] < 200
    # What is left is the function for x in [0.02, 2]: both parameters alone, nothing else.
    x = np.sqrt(np.linspace(0, 1.98, 200_001))
    share = x.var() / (x.var() + 1 / 3)
    assert table.loc[("final of y", "x"), "first"] == pytest.approx(share, abs=0.05)
    assert table.loc[("final of y", "x"), "total"] == pytest.approx(share, abs=0.05)


def test_too_many_failed_runs_are_refused_with_the_reason(model_from: Make) -> None:
    model = model_from(FAILS.format(1.0), end=1, step=1)
    with pytest.raises(DesignError, match=r"missing in \d+ of 64 blocks, too many to drop: 'y' is not finite"):
        sdmodel.sobol(model, ["x", "z"], Outcome("y"), n=64, rng=1)
    with pytest.raises(DesignError, match="of 12 trajectories, too many"):
        sdmodel.morris(model, ["x", "z"], Outcome("y"), n=12, rng=1)


def test_constant_outcomes_are_answered_by_name(ishigami: Model) -> None:
    with pytest.warns(ResultWarning, match="'final of still' is the same in all runs"):
        table = sdmodel.sobol(ishigami, ["x1", "x2"], [Outcome("y"), Outcome("still")], n=4096, rng=1)
    assert table.loc["final of still"].isna().all(axis=None)
    assert table.loc["final of y"].notna().all(axis=None)
    with pytest.raises(DesignError, match=r"'final of still' is the same in all 256 runs"):
        sdmodel.sobol(ishigami, ["x1", "x2"], Outcome("still"), n=64, rng=1)
    with pytest.warns(ResultWarning, match="'final of still'"):
        effects = sdmodel.morris(ishigami, ["x1", "x2"], [Outcome("y"), Outcome("still")], n=10, rng=1)
    assert (effects.loc["final of still"] == 0).all(axis=None)


def test_a_small_sample_is_told_and_how_large_it_should_be(ishigami: Model) -> None:
    with pytest.warns(ResultWarning, match=r"64 blocks are few.*n=[\d,]+ would bring it to ±10%"):
        sdmodel.sobol(ishigami, ["x1", "x2", "x3"], Outcome("y"), n=64, rng=1)
    with pytest.warns(ResultWarning, match="4 trajectories are few"):
        sdmodel.morris(ishigami, ["x1", "x2", "x3"], Outcome("y"), n=4, rng=1)


def test_morris_of_a_line_is_its_slopes(model_from: Make) -> None:
    """y = 2 a - 3 b + 0 c over ranges of width 2, 1 and 1: effects per whole range are 4, -3 and 0, without spread."""
    model = model_from(
        "y = 2*a - 3*b + 0*c ~ Dmnl ~ |\na = 1 ~ Dmnl [0,2] ~ |\nb = 1 ~ Dmnl [0,1] ~ |\nc = 1 ~ Dmnl [0,1] ~ |",
        end=1,
        step=1,
    )
    for levels in (4, 6):
        table = sdmodel.morris(model, ["a", "b", "c"], Outcome("y"), n=10, levels=levels, rng=0).loc["final of y"]
        assert table["mu"].to_list() == pytest.approx([4, -3, 0], abs=1e-12)
        assert table["mu_star"].to_list() == pytest.approx([4, 3, 0], abs=1e-12)
        assert table["sigma"].to_list() == pytest.approx([0, 0, 0], abs=1e-12)


def test_morris_of_ishigami_shows_what_bends(ishigami: Model) -> None:
    """With four levels sin^2 x2 is the same at both ends of every step: a known blindness, and x1 and x3 stand out."""
    table = sdmodel.morris(ishigami, ["x1", "x2", "x3"], Outcome("y"), n=200, levels=6, rng=1).loc["final of y"]
    assert (table["mu_star"] > 1).all()
    assert table.loc["x3", "mu"] == pytest.approx(0, abs=2)
    assert table.loc["x3", "sigma"] > table.loc["x3", "mu_star"]
    assert (table["mu_star_low"] < table["mu_star"]).all()


def test_morris_takes_sweeps_and_refuses_what_is_no_trajectory(ishigami: Model) -> None:
    parameters = ishigami.uncertainties
    design = sdmodel.morris_trajectories(parameters, 20, levels=6, rng=5)
    sweep = ishigami.sweep(design, ["y"], certificate=0)
    whole = sdmodel.morris(ishigami, parameters, Outcome("y"), n=20, levels=6, rng=5)
    again = sdmodel.morris(sweep, parameters, Outcome("y"), levels=6, rng=5)
    pd.testing.assert_frame_equal(whole, again)
    with pytest.raises(DesignError, match="give levels=6"):
        sdmodel.morris(sweep, parameters, Outcome("y"))
    other = ishigami.sweep(sdmodel.latin_hypercube(parameters, 80, rng=1), ["y"], certificate=0)
    with pytest.raises(DesignError, match="no trajectories of these 3 parameters"):
        sdmodel.morris(other, parameters, Outcome("y"))
    flat = parameters.assign(low=[-1.0, 0.5, -1.0], high=[1.0, 0.5, 1.0])
    with pytest.raises(DesignError, match="'x2' has one value"):
        sdmodel.morris(ishigami, flat, Outcome("y"), n=10)


def test_random_draws_are_shared_in_a_block(model_from: Make) -> None:
    """The noise of a stochastic model is the same in all rows of a block, so that it is no effect of a parameter."""
    model = model_from(
        "y = x + 0*z + RANDOM UNIFORM(0, 1, 7) ~ Dmnl ~ |\nx = 1 ~ Dmnl [0,1] ~ |\nz = 1 ~ Dmnl [0,1] ~ |"
    )
    table = sdmodel.morris(model, ["x", "z"], Outcome("y"), n=12, rng=1).loc["final of y"]
    assert table["mu_star"].to_list() == pytest.approx([1, 0], abs=1e-12)
    assert table["sigma"].to_list() == pytest.approx([0, 0], abs=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResultWarning)
        indices = sdmodel.sobol(model, ["x", "z"], Outcome("y"), n=1024, rng=1).loc["final of y"]
    assert indices.loc["z", "total"] == 0


def test_tornado_moves_one_at_a_time(model_from: Make) -> None:
    model = model_from(
        "y = a*b + c ~ Dmnl ~ |\na = 2 ~ Dmnl [1,4] ~ |\nb = 3 ~ Dmnl [3,5] ~ |\nc = 0 ~ Dmnl [-10,10] ~ |",
        end=1,
        step=1,
    )
    table = sdmodel.tornado(model, ["a", "b", "c"], Outcome("y")).loc["final of y"]
    assert table.index.tolist() == ["c", "a", "b"]
    assert table[["at_low", "base", "at_high"]].to_numpy().tolist() == [[-4, 6, 16], [3, 6, 12], [6, 6, 10]]
    assert table["swing"].tolist() == [20, 9, 4]
    parameters = model.parameters().loc[["a", "b"]]
    sweep = model.sweep(sdmodel.one_at_a_time(parameters), ["y"])
    pd.testing.assert_frame_equal(sdmodel.tornado(sweep, parameters, "y"), sdmodel.tornado(model, parameters, "y"))
    with pytest.raises(DesignError, match="do not move one of these 1 parameters"):
        sdmodel.tornado(sweep, ["a"], "y")
    with pytest.raises(DesignError, match="'c' has the open range"):
        sdmodel.one_at_a_time(model.parameters().loc[["c"]].assign(high=math.inf))


def test_a_tornado_says_which_end_fails(model_from: Make) -> None:
    model = model_from(FAILS.format(0.5), end=1, step=1)
    with pytest.warns(ResultWarning, match="no outcome with 'x' at its low end"):
        table = sdmodel.tornado(model, ["x", "z"], Outcome("y")).loc["final of y"]
    assert math.isnan(table.loc["x", "swing"])
    assert table.loc["z", "swing"] == pytest.approx(2)
    with pytest.raises(DesignError, match="The base run gives no"):
        sdmodel.tornado(model_from(FAILS.format(1.5), end=1, step=1), ["z"], Outcome("y"))


def test_bad_calls_say_what_to_do(ishigami: Model) -> None:
    with pytest.raises(DesignError, match="powers of two"):
        sdmodel.sobol(ishigami, ["x1"], Outcome("y"), n=1000)
    with pytest.raises(DesignError, match="number of samples is needed"):
        sdmodel.sobol(ishigami, ["x1"], Outcome("y"))
    with pytest.raises(UnknownNameError, match="no variable 'x7'"):
        sdmodel.sobol(ishigami, ["x7"], Outcome("y"), n=8)
    with pytest.raises(DesignError, match="'x1' is given twice"):
        sdmodel.sobol(ishigami, ["x1", "x1"], Outcome("y"), n=8)
    with pytest.raises(DesignError, match="outcomes: "):
        sdmodel.sobol(ishigami, ["x1"], [], n=8)


def test_without_salib_the_message_says_how_to_get_it(ishigami: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n.startswith("SALib")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "SALib", None)
    with pytest.raises(MissingExtraError, match=r'SALib.*pip install "sdmodel\[analysis\]"'):
        sdmodel.sobol(ishigami, ["x1"], Outcome("y"), n=8)


# -- figures ----------------------------------------------------------------------------------------------------
def test_indices_are_drawn_with_their_intervals(ishigami: Model) -> None:
    table = sdmodel.sobol(ishigami, ["x1", "x2", "x3"], [Outcome("y"), Outcome("twice")], n=4096, rng=1)
    fig, axes = plot.indices(table, "final of twice")
    assert [t.get_text() for t in axes[0].get_yticklabels()] == ["x1", "x2", "x3"]
    bars = [patch.get_width() for patch in axes[0].patches]
    rows = table.loc["final of twice"]
    assert bars == pytest.approx([*rows["first"].clip(lower=0), *rows["total"]])
    fig.draw_without_rendering()
    with pytest.raises(DesignError, match="2 outcomes; name one"):
        plot.indices(table)
    with pytest.raises(UnknownNameError, match="no outcome 'y'"):
        plot.indices(table, "y")
    with pytest.raises(UnknownNameError, match="no column 'first'"):
        plot.indices(table.drop(columns="first"), "final of y")


def test_paths_are_drawn_as_lines(model_from: Make) -> None:
    model = model_from("s = INTEG(r - s/t, 0) ~ a ~ |\nr = 1 ~ a/Year [0.5,2] ~ |\nt = 2 ~ Year [1,4] ~ |")
    table = sdmodel.sobol(model, ["r", "t"], ["s"], n=2048, rng=1)
    fig, axes = plot.indices(table)
    named = {line.get_label(): line for line in axes[0].lines}
    assert named["r"].get_ydata() == pytest.approx(
        table.loc["s"]["total"].unstack("parameter")["r"].to_numpy(), nan_ok=True
    )
    fig.draw_without_rendering()


def test_screening_and_tornado_are_drawn(ishigami: Model) -> None:
    effects = sdmodel.morris(ishigami, ["x1", "x2", "x3"], Outcome("y"), n=20, levels=6, rng=1)
    _, axes = plot.screening(effects)
    dots = next(line for line in axes[0].lines if line.get_label() == "parameter")
    assert sorted(dots.get_xdata()) == pytest.approx(sorted(effects["mu_star"]))
    table = sdmodel.tornado(ishigami, ["x1", "x2"], Outcome("y"))
    _, axes = plot.tornado(table)
    ends = sorted(patch.get_x() + patch.get_width() for patch in axes[0].patches)
    assert ends == pytest.approx(sorted([*table["at_low"], *table["at_high"]]))
