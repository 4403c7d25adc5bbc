"""What tells sweeps apart, and how progress is shown."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sdmodel.design.tables import Rows
from sdmodel.sweep import identity, progress
from sdmodel.sweep.identity import MEANING, design_digest, difference, digest
from sdmodel.sweep.identity import identity as identity_of
from sdmodel.sweep.record import run_record

PLAN = {"base": np.array([1.0]), "past": (), "series_times": (0.0,), "series": np.zeros((1, 1, 1)), "labels": ("x",),
        "times": (0.0, 1.0), "seed": 3, "method": "exact", "rtol": None, "grid": None, "engine": "kernel",
        "program": None, "runs": 2, "grid_reason": "", "solver": SimpleNamespace(on_grid=False)}  # fmt: skip
DESIGN = pd.DataFrame({"k": [1.0, 2.0]})


def rows(design: pd.DataFrame) -> Rows:
    return Rows({str(name): column.to_numpy() for name, column in design.items()}, len(design), design.attrs)


@pytest.fixture(autouse=True)
def no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "program_digest", lambda program: digest(program))


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"base": np.array([-1.0])}, ["base_hash"]), ({"past": ((1.0,),)}, ["base_hash"]),
        ({"series_times": (1.0,)}, ["series_hash"]), ({"series": np.ones((1, 1, 1))}, ["series_hash"]),
        ({"labels": ("y",)}, ["outputs_hash"]), ({"times": (0.0, 2.0)}, ["outputs_hash"]), ({"seed": 4}, ["draw_seed"]),
        ({"method": "rk4"}, ["method"]), ({"program": "other"}, ["equations_hash"]), ({"rtol": 1e-3}, []),
        ({"rtol": 1e-3, "grid": np.zeros(1)}, ["rtol", "outputs_hash"]), ({"grid": np.zeros(1)}, ["outputs_hash"]),
        ({"rtol": 1e-3, "engine": "scipy"}, ["rtol", "engine", "versions"]),
        ({"engine": "python"}, ["engine", "versions"]), ({"runs": 3, "grid_reason": "x"}, []),
    ],
)  # fmt: skip
def test_each_input_is_a_part_of_the_identity(change: dict[str, Any], parts: list[str]) -> None:
    one = identity_of(SimpleNamespace(**PLAN), rows(DESIGN), "cpu")
    other = identity_of(SimpleNamespace(**{**PLAN, **change}), rows(DESIGN), "cpu")
    assert [key for key in MEANING if one[key] != other[key]] == parts
    assert difference(one, other) == (parts[0] if parts else "")
    assert set(one) == set(MEANING)
    assert one["rtol"] == "none"
    assert identity_of(SimpleNamespace(**PLAN), rows(DESIGN), "gpu")["instructions"] == "gpu"
    assert identity_of(SimpleNamespace(**PLAN), rows(DESIGN * 2), "cpu")["design_hash"] != one["design_hash"]


def test_versions_are_those_of_what_computes() -> None:
    told = {engine: identity._versions(engine) for engine in ("kernel", "scipy", "python")}
    assert ", llvmlite " in told["kernel"]
    assert ", numpy " in told["scipy"]
    assert ", scipy " in told["scipy"]
    system = told["python"].rpartition(", ")[2]
    assert told["python"].count(",") == 1
    assert told["scipy"].endswith(f", {system}")
    assert not told["kernel"].endswith(system)


def test_a_design_is_its_columns_by_name_and_value() -> None:
    assert design_digest(rows(pd.DataFrame({"k": [1, 2]}))) == design_digest(rows(DESIGN))  # numbers are doubles
    switches = (pd.DataFrame({"k": values}) for values in ([True, False], [1.0, 0.0]))
    assert len({design_digest(rows(d)) for d in switches}) == 1
    labels = pd.DataFrame({"k": ["1.0", "2.0"]})
    others = [DESIGN[::-1], DESIGN.rename(columns={"k": "l"}), labels, DESIGN.assign(l=0.0), pd.DataFrame({"k": [1.0]})]
    assert len({design_digest(rows(d)) for d in [DESIGN, *others]}) == 6


@dataclass
class Pair:
    a: object
    b: object


@dataclass
class Other:
    a: object
    b: object


def test_digests_tell_kinds_and_nesting_apart() -> None:
    nan = float("nan")
    things = [Pair(1, 2), Pair(2, 1), Other(1, 2), (1, 2), (1, (2,)), {"a": 1, "b": 2}, {"b": 2, "a": 1}, True, 1, 1.0,
              "1", None, "None", np.array([1, 2]), np.array([1.0, 2.0]), np.array([[1.0, 2.0]]), np.array(["1", "2"]),
              np.array(["1", "2"])[None], nan, b"x".decode()]  # fmt: skip
    assert len({digest(thing) for thing in things}) == len(things)
    assert digest(Pair(1, nan)) == digest(Pair(1, nan))
    assert digest(np.array([1.0, 2.0])) == digest(np.array([1.0, 9.0, 2.0])[::2])  # however it lies in memory
    assert digest((1, 2)) == digest([1, 2])
    assert digest(np.array([1.0]).astype(">f8")) == digest(np.array([1.0]))
    with pytest.raises(TypeError, match="no digest of a type"):
        digest(Pair)


def test_a_record_says_where_the_design_is_from_and_what_becomes_of_dates() -> None:
    model = SimpleNamespace(name="toy", fingerprint="f")
    scenario = SimpleNamespace(name="late")
    design = DESIGN.copy()
    told = run_record(model, scenario, rows(design), SimpleNamespace(**PLAN), "cpu")
    assert (told["model"], told["model_hash"], told["scenario"], told["runs"]) == ("toy", "f", "late", 2)
    assert (told["sampler"], told["rng"], told["dates"]) == ("given", "none", "exact")
    design.attrs = {"sampler": "mine", "rng": 7}
    grid = {**PLAN, "solver": SimpleNamespace(on_grid=True)}
    told = run_record(model, scenario, rows(design), SimpleNamespace(**grid), "cpu")
    assert (told["sampler"], told["rng"], told["dates"]) == ("mine", "7", "on the TIME STEP grid")
    told = run_record(model, scenario, rows(design), SimpleNamespace(**{**grid, "grid_reason": "draws"}), "cpu")
    assert told["dates"] == "on the TIME STEP grid: draws"


# -- progress -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("asked", "terminal", "shown"),
    [(True, False, True), (False, True, False), (None, True, True), (None, False, False), ("mine", True, True),
     ("mine", False, False)],
)  # fmt: skip
def test_a_bar_is_shown_on_a_terminal_or_where_it_is_asked_for(
    asked: bool | str | None, terminal: bool, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    with progress.progress_bar(10, "runs", "run", asked, 4) as bar:
        assert bar.disable != shown
        bar.update(2)
        if shown:
            assert (bar.total, bar.n, bar.unit, bar.leave) == (10, 6, "run", False)
            assert bar.desc.startswith("mine" if asked == "mine" else "runs")


def test_a_notebook_is_as_good_as_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    monkeypatch.setitem(sys.modules, "ipykernel", SimpleNamespace())
    monkeypatch.setattr(progress, "find_spec", lambda name: None)  # no widgets
    with progress.progress_bar(10, "runs", "run", None) as bar:
        assert not bar.disable
        assert bar.n == 0
    with progress.progress_bar(10, "runs", "run", False) as bar:
        assert bar.disable
