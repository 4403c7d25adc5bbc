"""Ranges of parameters on a model without markers: every function that samples or varies takes every form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import sdmodel
from sdmodel import Model, Outcome
from sdmodel.core.distributions import quantile
from sdmodel.core.errors import DesignError, OverrideError, RangeError, SdmodelError, UnknownNameError
from sdmodel.core.ranges import Choices, read_ranges

# Few samples keep the tests quick, and the analyses say that they are few.
pytestmark = pytest.mark.filterwarnings("ignore::sdmodel.core.errors.ResultWarning")

# No markers and no slider ranges, as most public models.
TEXT = """{UTF-8}
population = INTEG(births - deaths, 100) ~ person ~~|
births = birth rate*population ~ person/Year ~~|
deaths = population/lifetime ~ person/Year ~~|
birth rate = 0.03 ~ 1/Year ~~|
lifetime = 50 ~ Year ~~|
start = 3 ~ Year ~~|
FINAL TIME = 10 ~ Year ~~|
INITIAL TIME = 0 ~ Year ~~|
TIME STEP = 0.5 ~ Year ~~|
SAVEPER = 1 ~ Year ~~|
"""
END, NAMES = Outcome("population"), ["birth rate", "lifetime"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    place = tmp_path_factory.mktemp("plain") / "plain.mdl"
    place.write_text(TEXT, encoding="utf-8")
    return sdmodel.load(place)


class RealParameter:
    """As in the EMA workbench, with what is read of it."""

    def __init__(self, name: str, low: float, high: float, dist: Any = None) -> None:
        self.name, self.lower_bound, self.upper_bound = name, low, high
        self.dist = stats.uniform(low, high - low) if dist is None else dist


def categorical(name: str, *values: Any) -> SimpleNamespace:
    members = [SimpleNamespace(name=str(v), value=v) for v in values]
    return SimpleNamespace(name=name, lower_bound=0, upper_bound=len(values) - 1, categories=members)


TABLE = pd.DataFrame({"low": [0.01, 40.0], "high": [0.05, 60.0]}, index=NAMES)
FORMS: dict[str, Any] = {
    "mapping": {"birth rate": (0.01, 0.05), "lifetime": (40, 60)},
    "distribution named": {"birth rate": (0.01, 0.05, "loguniform"), "lifetime": (40, 60)},
    "frozen": {"birth rate": stats.uniform(0.01, 0.04), "lifetime": stats.triang(0.5, loc=40, scale=20)},
    "table": TABLE,
    "table with more": TABLE.assign(value=[0.02, 50.0], distribution=["lognormal", ""], source=["a", "b"]),
    "table with a column of names": TABLE.rename_axis("name").reset_index(),
    "SALib": {"num_vars": 2, "names": NAMES, "bounds": [[0.01, 0.05], [40, 60]]},
    "SALib with distributions": {
        "names": NAMES, "bounds": [[0.01, 0.05], [40, 60, 0.5]], "dists": ["logunif", "triang"], "groups": None,
    },
    "workbench": [RealParameter("birth rate", 0.01, 0.05), RealParameter("lifetime", 40, 60)],
    "choices": {"birth rate": [0.01, 0.03, 0.05], "lifetime": np.array([40.0, 60.0])},
    "workbench categories": [categorical("birth rate", 0.01, 0.05), RealParameter("lifetime", 40, 60)],
    "open": {"birth rate": stats.norm(0.03, 0.005), "lifetime": stats.norm(50, 4)},
}  # fmt: skip
BOUNDED = [form for form in FORMS if form != "open"]
CONTINUOUS = [form for form in BOUNDED if form not in ("choices", "workbench categories")]


def _design(sample: Callable[..., pd.DataFrame], **more: Any) -> Callable[[Model, Any], pd.DataFrame]:
    return lambda model, given: sample(given, **more)


def seen(model: Model) -> dict[str, pd.Series]:
    return {"population": model.run({"birth rate": 0.04})["population"]}


def one(given: Any) -> Any:
    """The first parameter of a form alone."""
    if isinstance(given, pd.DataFrame):
        return given.iloc[:1]
    if isinstance(given, list):
        return given[:1]
    if "names" in given:
        return {k: v[:1] if isinstance(v, list) else v for k, v in given.items()}
    return {"birth rate": given["birth rate"]}


SAMPLERS: dict[str, Callable[[Model, Any], pd.DataFrame]] = {
    "latin_hypercube": _design(sdmodel.latin_hypercube, n=16, rng=1),
    "sobol_sequence": _design(sdmodel.sobol_sequence, n=16, rng=1),
    "morris_trajectories": _design(sdmodel.morris_trajectories, n=4, rng=1),
    "sobol_blocks": _design(sdmodel.sobol_blocks, n=4, rng=1),
    "one_at_a_time": _design(sdmodel.one_at_a_time),
}
ANALYSES: dict[str, Callable[[Model, Any], Any]] = {
    "sobol": lambda model, given: sdmodel.sobol(model, given, END, n=16, rng=1),
    "morris": lambda model, given: sdmodel.morris(model, given, END, n=4, rng=1),
    "tornado": lambda model, given: sdmodel.tornado(model, given, END),
    "gradient": lambda model, given: sdmodel.gradient(model, given, END),
    "history_match": lambda model, given: sdmodel.history_match(
        model, given, seen(model), {"population": 5}, n=16, rng=1
    ),
}
SEARCHES: dict[str, Callable[[Model, Any], Any]] = {
    "optimise": lambda model, given: sdmodel.optimise(model, given, END, generations=2, population=6, rng=1),
    "pareto": lambda model, given: sdmodel.pareto(
        model, given, {END: "max", Outcome("deaths"): "min"}, generations=2, population=6, rng=1
    ),
}
FITS: dict[str, Callable[[Model, Any], Any]] = {
    "calibrate": lambda model, given: sdmodel.calibrate(model, one(given), seen(model), starts=2, rng=1),
    "solve_lever": lambda model, given: sdmodel.solve_lever(model, one(given), END, 115),
    "threshold": lambda model, given: sdmodel.threshold(model, one(given), END, 115, points=5),
    "hysteresis": lambda model, given: sdmodel.hysteresis(model, one(given), "population", points=2),
    "folds": lambda model, given: sdmodel.folds(model, one(given), points=2),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", SAMPLERS)
def test_samplers_take_every_form(model: Model, name: str, form: str) -> None:
    found = SAMPLERS[name](model, FORMS[form])
    assert np.isfinite(found[NAMES].to_numpy(float)).all()
    if form != "open":
        assert found["birth rate"].between(0.01, 0.05).all()
        assert found["lifetime"].between(40, 60).all()
    assert found["birth rate"].nunique() > 1
    if form == "choices":
        assert set(found["lifetime"]) <= {40, 50, 60} if name == "one_at_a_time" else {40, 60}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ANALYSES)
def test_analyses_take_every_form(model: Model, name: str, form: str) -> None:
    found = ANALYSES[name](model, FORMS[form])
    names = found.columns if name == "history_match" else found.index.get_level_values("parameter")
    assert set(NAMES) <= set(names)


@pytest.mark.parametrize("form", BOUNDED)
@pytest.mark.parametrize("name", SEARCHES)
def test_searches_keep_to_the_ranges(model: Model, name: str, form: str) -> None:
    found = SEARCHES[name](model, FORMS[form])
    assert found["birth rate"].between(0.01, 0.05).all()
    if form == "choices":
        assert set(found["birth rate"]) <= {0.01, 0.03, 0.05}
        assert set(found["lifetime"]) <= {40, 60}


@pytest.mark.parametrize("form", CONTINUOUS)
@pytest.mark.parametrize("name", FITS)
def test_fits_and_single_levers_take_every_continuous_form(model: Model, name: str, form: str) -> None:
    found = FITS[name](model, FORMS[form])
    if name == "calibrate":
        assert found.values["birth rate"] == pytest.approx(0.04, rel=1e-4)
    elif name == "solve_lever":
        assert model.run({"birth rate": found["birth rate"].iloc[0]})["population"].iloc[-1] == pytest.approx(
            115, 0.005
        )
    elif name == "threshold":
        rate = found["birth rate"].iloc[0]
        assert model.run({"birth rate": rate})["population"].iloc[-1] == pytest.approx(115, rel=1e-4)
    else:
        assert found.attrs["lever"] == "birth rate"


def test_what_needs_a_range_refuses_choices_and_open_ends(model: Model) -> None:
    for name, call in FITS.items():
        with pytest.raises(DesignError, match="needs a range"):
            call(model, FORMS["choices"])
        if name != "calibrate":  # a fit may go anywhere
            with pytest.raises(DesignError, match="two finite numbers"):
                call(model, FORMS["open"])
    for call in SEARCHES.values():
        with pytest.raises(DesignError, match="two finite numbers"):
            call(model, FORMS["open"])
    with pytest.raises(DesignError, match="2 levers are given"):
        sdmodel.solve_lever(model, FORMS["mapping"], END, 1)


def test_a_trigger_and_a_discovery_take_ranges_too(model: Model) -> None:
    found = sdmodel.trigger(model, {"start": (0, 99)}, "population", above=105)
    assert found["start"].iloc[0] == pytest.approx(100 * np.log(1.05), rel=1e-6)
    sweep = model.sweep(sdmodel.latin_hypercube(FORMS["mapping"], 64, rng=1), ["population"], progress=False)
    boxes = sdmodel.discover(sweep, END.of(sweep) > 115, parameters=FORMS["SALib"], resamples=2, rng=1)
    assert boxes.limits.index.get_level_values("parameter")[0] == "birth rate"


# -- what a form means --------------------------------------------------------------------------------------------
Q = np.array([0.1, 0.5, 0.9])


@pytest.mark.parametrize(
    ("kind", "bounds"),
    [
        ("unif", [1, 5]), ("logunif", [1, 5]), ("triang", [1, 5, 0.25]), ("norm", [3, 2]), ("lognorm", [0.2, 0.5]),
        ("truncnorm", [1, 5, 2, 1.5]), ("weibull", [1.5, 2]), ("weibull", [1.5, 2, 1]),
    ],
)  # fmt: skip
def test_a_salib_problem_means_what_salib_means_by_it(kind: str, bounds: list[float]) -> None:
    from SALib.util import scale_samples

    problem = {"num_vars": 1, "names": ["x"], "bounds": [bounds], "dists": [kind]}
    want = scale_samples(Q[:, None].copy(), problem)[:, 0]
    row = read_ranges(problem).loc["x"]
    found = quantile(Q, "x", row["distribution"], np.nan, row["low"], row["high"])
    np.testing.assert_allclose(found, want, rtol=1e-12)


def test_parameters_of_the_real_workbench(ema_workbench: ModuleType) -> None:
    ema = ema_workbench
    given = [
        ema.RealParameter("a", 0.1, 0.5), ema.IntegerParameter("b", 1, 3), ema.CategoricalParameter("c", [2, 4, 9]),
        ema.BooleanParameter("d"), ema.RealParameter.from_dist("e", stats.norm(3, 1)),
        ema.RealParameter("f", 0, 1, variable_name=["initial level"]),
    ]  # fmt: skip
    found = sdmodel.latin_hypercube(given, 60, rng=1)
    assert list(found.columns) == ["sample", "a", "b", "c", "d", "e", "initial level"]
    assert set(found["b"]) == {1, 2, 3}
    assert set(found["c"]) == {2, 4, 9}
    assert set(found["d"]) == {0, 1}
    assert found["e"].mean() == pytest.approx(3, abs=0.02)
    model = ema.Model("m", function=lambda: None)
    model.uncertainties = given[:2]
    assert list(read_ranges(model.uncertainties).index) == ["a", "b"]


def test_choices_are_equally_likely_and_their_order_is_free() -> None:
    found = sdmodel.latin_hypercube({"x": [5, 1, 2]}, 30, rng=1)["x"]
    assert found.value_counts().to_dict() == {5: 10, 1: 10, 2: 10}
    assert Choices((5.0, 1.0)).nearest(np.array([4.0, 0.0])).tolist() == [5, 1]
    assert set(sdmodel.latin_hypercube({"on": [True, False]}, 8, rng=1)["on"]) == {0, 1}


def test_a_discrete_distribution_and_one_without_ends() -> None:
    found = sdmodel.latin_hypercube({"n": stats.randint(1, 4), "x": stats.norm(0, 1)}, 300, rng=1)
    assert found["n"].value_counts().to_dict() == {1: 100, 2: 100, 3: 100}
    assert found["x"].std() == pytest.approx(1, abs=0.02)
    ends = sdmodel.one_at_a_time({"x": stats.norm(0, 1)})["x"].tolist()
    assert ends == pytest.approx([0, -1.959964, 1.959964], rel=1e-6)


def test_a_uniform_range_need_not_hold_the_value_of_the_file(model: Model) -> None:
    away = {"birth rate": (0.1, 0.2), "lifetime": (40, 60)}
    alone = sdmodel.sobol(model, away, END, n=16, rng=1)
    swept = model.sweep(sdmodel.sobol_blocks(away, 16, rng=1), ["population"], progress=False, certificate=0)
    pd.testing.assert_frame_equal(alone, sdmodel.sobol(swept, away, END, rng=1))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"x": 3}, "give .low, high"),
        ({"x": (1, 2, 3)}, "give .low, high"),
        ({"x": []}, "give .low, high"),
        ({"x": ["a"]}, "choice of 'x'"),
        ({"x": (2, 1)}, "do not fall"),
        ({"names": ["x"], "bounds": [[1, 2]], "dists": ["norn"]}, "distribution 'norn'"),
        ({"names": ["x"], "bounds": [[1, -2]], "dists": ["norm"]}, "SALib documents"),
        ({"names": ["x", "y"], "bounds": [[1, 2]]}, "2 names, 1 bounds"),
        ({"names": ["x", "y"], "bounds": [[1, 2]] * 2, "groups": ["a", "a"]}, "groups"),
        ([categorical("x", "high", "low")], "choice of 'x': 'high'"),
        ([RealParameter("x", 0, 1), "y"], "parameters: "),
        ({"x": (1, 2), "X": (1, 2)}, "given twice"),
        (pd.DataFrame({"low": [1.0]}, index=["x"]), "no column 'high'"),
    ],
)
def test_what_is_no_range_is_refused(given: Any, message: str) -> None:
    with pytest.raises(DesignError, match=message):
        sdmodel.latin_hypercube(given, 4, rng=1)


def test_a_range_by_dates_goes_with_years_only(tmp_path: Path) -> None:
    dated = {"start": ("2016-01-01", "2018-01-01")}
    design = sdmodel.latin_hypercube(dated, 8, rng=1)
    assert design["start"].between(2016, 2018).all()
    (tmp_path / "days.mdl").write_text(TEXT.replace("Year", "Day"), encoding="utf-8")
    days = sdmodel.load(tmp_path / "days.mdl")
    for refused in (lambda: sdmodel.tornado(days, dated, END), lambda: days.sweep(design, ["population"])):
        with pytest.raises(OverrideError, match="the unit of time of 'days' is Day"):
            refused()


# -- ranges of a model --------------------------------------------------------------------------------------------
def test_a_model_with_ranges_samples_checks_and_is_written_with_them(model: Model, tmp_path: Path) -> None:
    ranged = model.with_ranges({"birth rate": (0.01, 0.05, "lognormal"), "lifetime": (40, np.inf)})
    assert len(model.uncertainties) == 0
    assert ranged.uncertainties.loc["birth rate", ["low", "high", "distribution"]].tolist() == [0.01, 0.05, "lognormal"]
    assert ranged.fingerprint == model.fingerprint  # a range shapes no result
    read = sdmodel.load(ranged.write(tmp_path / "ranged.mdl"))
    pd.testing.assert_frame_equal(read.parameters(), ranged.parameters(), check_dtype=False)
    with pytest.raises(RangeError, match=r"model\.with_ranges\(\{'birth rate': \(0\.01, 0\.3\)\}\)"):
        ranged.run({"birth rate": 0.3})
    with pytest.raises(RangeError, match="with_ranges"):
        ranged.sweep({"birth rate": [0.3]})
    with pytest.raises(RangeError, match=r"with_ranges\(\{'birth rate': \(0\.01, 0\.3\)\}\)"):
        sdmodel.tornado(ranged, {"birth rate": (0.01, 0.3)}, END)
    wider = ranged.with_ranges({"birth rate": (0.01, 0.3)})
    assert wider.run({"birth rate": 0.3})["population"].iloc[-1] > 1000
    assert wider.uncertainties.loc["birth rate", "distribution"] == "lognormal"
    assert (
        "integer"
        in sdmodel.load(model.with_ranges({"start": (0, 9, "integer")}).write(tmp_path / "whole.mdl"))
        .uncertainties["distribution"]
        .tolist()
    )


def test_ranges_that_a_model_cannot_hold_are_refused(model: Model) -> None:
    for given, kind, message in (
        ({"births": (0, 1)}, OverrideError, "not a constant"),
        ({"birth rat": (0, 1)}, UnknownNameError, "Nearest: birth rate"),
        ({"birth rate": [1, 2]}, DesignError, "latin_hypercube"),
        ({"birth rate": stats.norm(0, 1)}, DesignError, "latin_hypercube"),
        ({"birth rate": (0.1, 0.2)}, RangeError, "outside the range"),
        ({"FINAL TIME": (1, 2)}, OverrideError, "control"),
    ):
        with pytest.raises(kind, match=message):
            model.with_ranges(given)
    lever = sdmodel.load("adoption").with_ranges({"support size": (0, 900)})
    assert lever["support size"].role == "lever"
    assert lever.run({"support size": 800})["support size"].iloc[0] == 800
    with pytest.raises(DesignError, match="no distribution"):
        lever.with_ranges({"support size": (0, 900, "normal")})


# -- outcomes -----------------------------------------------------------------------------------------------------
def test_analyses_of_a_sweep_take_an_array_an_outcome_or_a_name(model: Model) -> None:
    given = FORMS["mapping"]
    designs = {
        "sobol": (sdmodel.sobol, sdmodel.sobol_blocks(given, 16, rng=1), {"rng": 1}),
        "morris": (sdmodel.morris, sdmodel.morris_trajectories(given, 4, rng=1), {"rng": 1}),
        "tornado": (sdmodel.tornado, sdmodel.one_at_a_time(given), {}),
    }
    for analysis, design, more in designs.values():
        sweep = model.sweep(design, ["population"], certificate=0)
        by_outcome = analysis(sweep, given, END, **more)
        array = END.of(sweep)
        pd.testing.assert_frame_equal(analysis(sweep, given, array, **more), by_outcome)
        own = analysis(sweep, given, (array**2).rename("squared"), **more)
        assert set(own.index.get_level_values("outcome")) == {"squared"}
        paths = analysis(sweep, given, sweep["population"].isel(time=slice(1, None)), **more)
        named = analysis(sweep, given, "population", **more).query("time > 0")
        pd.testing.assert_frame_equal(paths, named)
        with pytest.raises(DesignError, match="one value for each of"):
            analysis(sweep, given, array.isel(run=slice(3)), **more)
    with pytest.raises(DesignError, match="give that sweep in place of the model"):
        sdmodel.tornado(model, given, array)
    with pytest.raises(DesignError, match="do not fit into one table"):
        sdmodel.tornado(sweep, given, [array, "population"])


def test_one_number_is_asked_for_by_a_name(model: Model) -> None:
    given, search = {"birth rate": (0.01, 0.05)}, {"generations": 2, "population": 6, "rng": 1}
    for goal in ("population", END):
        best = sdmodel.optimise(model, given, goal, limits={"births": (None, 5)}, **search)
        assert {"final of population", "final of births"} <= set(best)
        lever = sdmodel.solve_lever(model, given, goal, 115)["birth rate"].iloc[0]
        assert sdmodel.threshold(model, given, goal, 115, points=5)["birth rate"].iloc[0] == pytest.approx(
            lever, rel=0.1
        )
    front = sdmodel.pareto(model, given, {"population": "max", "deaths": "min"}, **search)
    assert {"final of population", "final of deaths"} <= set(front)


def test_the_same_argument_is_read_everywhere(model: Model) -> None:
    """No public function with parameters or levers is left out of the tables above."""
    room = {n for n in sdmodel.__all__ if callable(f := getattr(sdmodel, n)) and ".analysis." in str(f.__module__)}
    tables = {*SAMPLERS, *ANALYSES, *SEARCHES, *FITS, "trigger", "discover"}
    without = {"Calibration", "equilibria", "basins", "nondominated", "compare"}
    assert room - tables <= without
    assert isinstance(model, Model)
    with pytest.raises(SdmodelError):
        sdmodel.tornado(model, {}, END)
