"""What users hold can be sent anywhere: it pickles, copies, compares and hashes, and comes back equal."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pytest
import xarray as xr

import sdmodel
from sdmodel.compile.programs import program_of
from sdmodel.core import errors
from sdmodel.core.cache import Cache
from sdmodel.core.frozen import FrozenDict
from sdmodel.core.schedule import Schedule


@pytest.fixture(scope="module")
def things() -> dict[str, Any]:
    model = sdmodel.load("network")
    run = model.run(every=5)
    return {
        "model": model,
        "changed model": model.replace("trust time", 4.5),
        "run": run,
        "report": run.report,
        "scenario": sdmodel.Scenario("late", "words", {"trust time": 4.5}, {"a": schedule()}),
        "schedule": schedule(),
        "outcome": sdmodel.Outcome("trust", at="first_above", level=0.5),
        "program": program_of(model, fixed=False),
        "error": errors.UnknownNameError("trst", ["trust"]),
        "interrupted": errors.SweepInterrupted(1, 2, run),
    }


def schedule() -> Any:
    return Schedule((2010, 2020), (0.0, 1.0), "linear")


NAMES = [
    "model",
    "changed model",
    "run",
    "report",
    "scenario",
    "schedule",
    "outcome",
    "program",
    "error",
    "interrupted",
]


@pytest.mark.parametrize("name", NAMES)
def test_it_pickles_copies_compares_and_hashes(things: dict[str, Any], name: str) -> None:
    thing = things[name]
    for other in (pickle.loads(pickle.dumps(thing)), copy.copy(thing), copy.deepcopy(thing)):
        assert type(other) is type(thing)
        assert other == thing
        assert thing == other
        if name != "program":
            assert hash(other) == hash(thing)
        assert str(other) == str(thing)
    assert thing != object()


def test_equality_sees_what_differs(things: dict[str, Any]) -> None:
    model, run = things["model"], things["run"]
    assert model != things["changed model"]
    assert run == model.run(every=5)
    assert run != model.run(every=2.5)
    assert run != model.run({"trust time": 4.5}, every=5)
    assert run != things["changed model"].run(every=5)
    assert sdmodel.Scenario("a", values={"x": 1}) != sdmodel.Scenario("a", values={"x": 2})
    assert errors.RangeError("a") != errors.RangeError("b")
    assert errors.RangeError("a") != errors.OverrideError("a")
    assert len({run, model.run(every=5)}) == 1


def test_a_run_is_read_only_and_what_it_gives_is_the_callers(things: dict[str, Any]) -> None:
    run = things["run"]
    for one in (run, pickle.loads(pickle.dumps(run)), copy.deepcopy(run)):
        with pytest.raises(ValueError, match="read-only"):
            one.values[:] = 0
        with pytest.raises(ValueError, match="read-only"):
            one.time[0] = 0
        with pytest.raises(TypeError, match="cannot be changed"):
            one.constants["trust time"] = 0
    before = run.values.copy()
    series = run["trust"]
    series.iloc[:] = 0.0
    table = run.to_dataframe()
    table.loc[:] = 0.0
    assert np.array_equal(run.values, before)


EVERY_ERROR = [
    kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, BaseException)
    and not kind.__name__.startswith("_")
]  # fmt: skip


@pytest.mark.parametrize("kind", EVERY_ERROR)
def test_every_error_pickles_with_its_words(kind: type[BaseException]) -> None:
    made = {
        errors.UnknownNameError: lambda: errors.UnknownNameError("a", ["ab"], "thing", "Try."),
        errors.SweepInterrupted: lambda: errors.SweepInterrupted(1, 2, "part"),
    }.get(kind, lambda: kind("what went wrong"))()
    again = pickle.loads(pickle.dumps(made))
    assert type(again) is kind
    assert str(again) == str(made)
    assert again.__dict__ == made.__dict__


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    """What analyses give: tables, with compiled code for more of them."""
    model = sdmodel.load("adoption")
    run = model.run()
    uptake = {"own uptake": (0.0, 0.02), "word of mouth": (0.2, 0.5)}
    design = sdmodel.latin_hypercube(uptake, 64, rng=1)
    sweep = model.sweep(design, ["firms with"], certificate=0)
    last = sweep["firms with"].to_numpy()[:, -1]
    return {
        "calibration": sdmodel.calibrate(model, uptake, {"firms with": run["firms with"].iloc[1:6]}),
        "boxes": sdmodel.discover(design, last > np.median(last), resamples=0),
    }


@pytest.mark.parametrize("name", ["calibration", "boxes"])
def test_results_pickle_copy_compare_and_hash(results: dict[str, Any], name: str) -> None:
    result = results[name]
    for other in (pickle.loads(pickle.dumps(result)), copy.copy(result), copy.deepcopy(result)):
        assert other == result
        assert hash(other) == hash(result)
        assert str(other) == str(result)
        if name == "calibration":
            assert other.profile("own uptake", points=3).equals(result.profile("own uptake", points=3))
    table = "parameters" if name == "calibration" else "quality"
    assert dataclasses.replace(result, **{table: getattr(result, table) * 2}) != result
    assert result != name


@pytest.mark.parametrize("method", ["LSODA", "euler"])
def test_a_stepper_goes_on_where_it_was_sent(model_from: Any, method: str) -> None:
    """With generated functions, a data series and a memory."""
    held = "late = DELAY FIXED(d, 2, 0) ~~|\n" if method == "euler" else "late = d ~~|\n"
    model = model_from(f"x = INTEG(late - x/3, 1) ~~|\n{held}d ~~|")
    first = model.stepper(data={"d": ([0, 9], [1, 5])}, method=method)
    first.step(until=4)
    second, third = pickle.loads(pickle.dumps(first)), copy.deepcopy(first)
    for one in (first, second, third):
        one.step(until=10)
        assert one.run() == first.run()


# -- other processes --------------------------------------------------------------------------------------------
def echoed(thing: Any) -> Any:
    return thing


def last_trust(model: sdmodel.Model) -> float:
    return float(model.run(every=5)["trust"].iloc[-1])


def slip(model: sdmodel.Model) -> None:
    model.run({"trst time": 1.0})


def test_every_thing_goes_through_a_pool_of_spawned_processes(things: dict[str, Any]) -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        for name in NAMES:
            assert pool.submit(echoed, things[name]).result() == things[name], name
        assert pool.submit(last_trust, things["model"]).result() == things["run"]["trust"].iloc[-1]
        with pytest.raises(errors.UnknownNameError, match="trust time"):
            pool.submit(slip, things["model"]).result()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(echoed, [things["run"]]) == [things["run"]]


def test_every_thing_goes_through_joblib(things: dict[str, Any]) -> None:
    joblib = pytest.importorskip("joblib", reason="joblib comes with the extra analysis")
    found = joblib.Parallel(2)(joblib.delayed(echoed)(things[name]) for name in NAMES)
    assert found == [things[name] for name in NAMES]


def test_every_thing_goes_through_dask(things: dict[str, Any]) -> None:
    pytest.importorskip("dask", reason="dask comes with the extra cluster")
    import dask

    found = dask.compute([dask.delayed(echoed)(things[name]) for name in NAMES], scheduler="processes")[0]
    assert found == [things[name] for name in NAMES]


def test_a_sweep_result_pickles_from_memory_and_from_disk(things: dict[str, Any], tmp_path: Any) -> None:
    model = things["model"]
    design = sdmodel.latin_hypercube(model.uncertainties, 8, rng=1)
    here = model.sweep(design, ["trust"], every=5, certificate=0)
    stored = model.sweep(design, ["trust"], every=5, certificate=0, store=tmp_path / "s.zarr")
    for one in (here, stored):
        xr.testing.assert_equal(pickle.loads(pickle.dumps(one)).load(), here)


# -- the cache --------------------------------------------------------------------------------------------------
def test_the_first_of_two_values_made_at_once_is_kept() -> None:
    cache, anchor = Cache[list[int]](), object()
    assert cache.get(anchor, "a") is None
    first = cache.put(anchor, "a", [1])
    assert cache.put(anchor, "a", [2]) is first  # made by another thread meanwhile
    assert cache.get(anchor, "a") is first


def test_the_least_recently_used_is_dropped_and_another_object_of_the_same_number_is_not_mistaken() -> None:
    cache, a, b, c = Cache[int](2), object(), object(), object()
    for thing, value in ((a, 1), (b, 2), (a, 9), (c, 3)):
        if cache.get(thing, "k") is None:
            cache.put(thing, "k", value)
    assert cache.get(a, "k") == 1
    assert cache.get(b, "k") is None
    cache._made[id(c), "k"] = (object(), 5)  # what an id that is used again looks like
    assert cache.get(c, "k") is None
    assert cache.put(c, "k", 6) == 6


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_while_a_lock_is_held_does_not_hang_the_child() -> None:
    script = (
        "import os, threading\n"
        "from sdmodel.core.cache import Cache\n"
        "cache, anchor = Cache(), object()\n"
        "cache._lock.acquire()\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    os._exit(cache.put(anchor, 'k', 7))\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "7"


def test_a_frozen_dict_refuses_every_change() -> None:
    frozen = FrozenDict({"a": 1})
    for change in (
        lambda: frozen.update(b=2), lambda: frozen.pop("a"), lambda: frozen.clear(), lambda: frozen.popitem(),
        lambda: frozen.setdefault("b", 2), lambda: frozen.__setitem__("b", 2), lambda: frozen.__delitem__("a"),
        lambda: frozen.__ior__({"b": 2}),
    ):  # fmt: skip
        with pytest.raises(TypeError, match="cannot be changed"):
            change()
    assert frozen == {"a": 1}
