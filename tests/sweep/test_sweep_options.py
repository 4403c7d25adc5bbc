"""Options of a sweep, one by one: what each changes, what is told, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.core.errors import SdmodelError, SweepInterrupted
from sdmodel.sweep import backends, run_sweep
from sdmodel.sweep.engines import FAILED, NOT_RUN
from sdmodel.sweep.refinement import BY_SCIPY

Make = Callable[..., sdmodel.Model]
NOISY = "x = INTEG(RANDOM NORMAL(-9, 9, 0, 1, 5)*size, 0) ~ ~ |\nsize = 1 ~ ~ |"
PLAIN = "x = INTEG(-k*x, 1) ~ firm ~ |\nk = 2 ~ 1/Year [0.1,9] ~ |"


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[SimpleNamespace]:
    """The progress bars that are made, with what they are told."""
    made: list[SimpleNamespace] = []

    class Bar(SimpleNamespace):
        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def update(self, steps: int) -> None:
            self.steps.append(steps)

    def bar(total: int, label: str, unit: str, progress: Any, done: int = 0) -> Bar:
        made.append(
            Bar(total=total, label=label, unit=unit, progress=progress, done=done, steps=[], disable=not progress)
        )
        return made[-1]

    monkeypatch.setattr(run_sweep, "progress_bar", bar)
    return made


def test_progress_counts_runs_in_memory_and_those_that_a_store_lacks(
    model_from: Make, bars: list[SimpleNamespace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_from(PLAIN, end=1)
    monkeypatch.setattr(backends, "_CHUNK_BYTES", 1)
    design = pd.DataFrame({"k": np.linspace(1, 2, 150)})
    model.sweep(design, ["x"], workers=1, certificate=0, progress="mine")
    real, count = backends.run_chunk, []

    def failing(*args: Any, **more: Any) -> Any:
        count.append(1)
        if len(count) == 2:
            raise KeyboardInterrupt
        return real(*args, **more)

    for store in (None, tmp_path / "a.zarr"):
        count.clear()
        monkeypatch.setattr(backends, "run_chunk", failing)
        with pytest.raises(SweepInterrupted, match="64 of 150") as stopped:
            model.sweep(design, ["x"], workers=1, certificate=0, progress=True, store=store)
        part = stopped.value.result
        assert (part["status"] == NOT_RUN).sum() == 86
        assert np.isnan(part["x"][64:]).all()
        assert np.isfinite(part["x"][:64]).all()
        monkeypatch.setattr(backends, "run_chunk", real)
    model.sweep(design, ["x"], workers=1, certificate=0, progress=False, store=tmp_path / "a.zarr")
    told = [(bar.total, bar.done, bar.steps, bar.label, bar.unit, bar.progress) for bar in bars]
    assert told == [
        (150, 0, [64, 64, 22], "runs", "run", "mine"), (150, 0, [64], "runs", "run", True),
        (150, 0, [64], "runs", "run", True), (150, 64, [64, 22], "runs", "run", False),
    ]  # fmt: skip


def test_a_sweep_is_judged_at_its_end_and_told_below_the_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[Any] = []

    def certify(plan: Any, record: Any, values_of: Any, sample: int) -> dict[str, Any]:
        seen.append((record, values_of(3), values_of(4), sample))
        return {"certificate": "fine"}

    monkeypatch.setattr(run_sweep, "certify", certify)
    judge = run_sweep._Judge(SimpleNamespace(runs=1234), {"a": 1}, 6)
    out = judge(2, lambda row: (row * 10, 0), {4: BY_SCIPY}, True)
    assert seen == [({"a": 1}, (30, 0, 0), (40, 0, BY_SCIPY), 6)]
    assert (out["failed"], out["certificate"], out["solved_again_scipy"]) == (2, "fine", 1)
    told = capsys.readouterr().err.splitlines()
    assert told[0] == f"2 of 1,234 runs failed; their status is {FAILED}."
    assert told[1].startswith("Solved again: 1 of 1,234 runs, ")
    assert told[2] == "Certificate: fine."
    judge(0, lambda row: (row, 0), {}, True)
    assert capsys.readouterr().err == "Certificate: fine.\n"
    judge(2, lambda row: (row, 0), {4: BY_SCIPY}, False)
    run_sweep._Judge(SimpleNamespace(runs=9), {}, 0)(0, lambda row: (row, 0), {}, True)
    assert capsys.readouterr().err == ""


def test_draws_are_of_the_seed_of_the_state_of_nought_or_of_the_one_given(model_from: Make) -> None:
    model = model_from(NOISY, end=2, step=0.5)

    def ends(**more: Any) -> list[float]:
        return model.sweep([{"size": 1.0}, {"size": 1.0}], ["x"], certificate=0, **more)["x"].to_numpy()[:, -1].tolist()

    assert ends() == ends(seed=0) != ends(seed=1)
    state = model.run(seed=3, method="rk4", every=0.5).state(at=1)
    assert ends(initial=state) == ends(initial=state, seed=3) != ends(initial=state, seed=4)
    assert len(set(ends(initial=state))) == 1  # the draws of its run go on in all
    design = sdmodel.latin_hypercube({"size": (0.5, 2)}, 3, rng=9).drop(columns="sample")
    found = model.sweep(design, ["x"], certificate=0)
    assert found["sample"].to_numpy().tolist() == [0, 1, 2]  # numbered, since there are draws
    assert found.attrs["rng"] == "9"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"certificate": -1}, "certificate"), ({"certificate": 1.5}, "certificate"), ({"workers": 0}, "workers"),
        ({"progress": 3}, "progress"), ({"client": 3}, "client: 3, not a dask|client: 3"), ({"rtol": 0.0}, "rtol"),
        ({"every": 0.0}, "every"), ({"seed": -1}, "seed"), ({"store": ""}, "names no folder|not a path"),
        ({"method": "no"}, "no method 'no'"),
    ],
)  # fmt: skip
def test_an_option_that_makes_no_sense_is_refused(model_from: Make, option: dict[str, Any], message: str) -> None:
    with pytest.raises(SdmodelError, match=message):
        model_from(PLAIN, end=1).sweep([{"k": 1.0}], ["x"], **option)


def test_reports_are_those_that_are_asked_for_and_stocks_may_begin_elsewhere(model_from: Make, tmp_path: Path) -> None:
    model = model_from(PLAIN, end=2)
    times = model.sweep([{"k": 1.0}], ["x"], every=[0.5, 1.5], certificate=0)
    assert times["time"].to_numpy().tolist() == [0.5, 1.5]
    assert times["x"].to_numpy()[0] == pytest.approx(np.exp([-0.5, -1.5]), rel=1e-4)
    stored = model.sweep([{"k": 1.0}], ["x"], every=[0.5, 1.5], certificate=0, store=tmp_path / "t.zarr")
    assert stored["time"].to_numpy().tolist() == [0.5, 1.5]
    begun = model.sweep({"x": [1.0, 3.0], "k": [1.0]}, ["x"], every=2, certificate=0)
    assert begun["x"].dims == ("initial x", "k", "time")
    assert begun["x"].to_numpy()[:, 0, 0].tolist() == [1, 3]
    assert begun["initial x"].to_numpy().tolist() == [1, 3]
