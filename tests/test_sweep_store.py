"""Sweeps on disk: the same bits as in memory, whatever happens on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import sdmodel
from sdmodel.errors import StoreError
from sdmodel.sweep import NOT_RUN, engines, open_sweep

OUTPUTS = ["implementation capacity", "intervention intensity", "cumulative cost"]
RUNS = 600


@pytest.fixture(scope="module")
def model() -> sdmodel.Model:
    return sdmodel.load("policy")


@pytest.fixture(scope="module")
def design(model: sdmodel.Model) -> pd.DataFrame:
    draws = sdmodel.latin_hypercube(model.uncertainties, RUNS, rng=7)
    return draws.assign(setting=np.where(draws["sample"] % 2, "late", "early"))


@pytest.fixture(scope="module")
def whole(model: sdmodel.Model, design: pd.DataFrame) -> xr.Dataset:
    return model.sweep(design, OUTPUTS, every=1, workers=1, progress=False)


def equal(a: xr.Dataset, b: xr.Dataset) -> bool:
    return all(np.array_equal(a[n], b[n], equal_nan=True) for n in OUTPUTS) and np.array_equal(a["status"], b["status"])


def test_a_store_holds_the_bits_that_memory_does(
    model: sdmodel.Model, design: pd.DataFrame, whole: xr.Dataset, tmp_path: Path
) -> None:
    stored = model.sweep(design, OUTPUTS, every=1, progress=False, store=tmp_path / "a.zarr")
    assert equal(stored, whole)
    assert list(stored.data_vars) == sorted(OUTPUTS) or set(stored.data_vars) == set(OUTPUTS)
    assert stored["setting"].to_numpy().tolist() == design["setting"].tolist()
    assert np.array_equal(stored["base coordination"], design["base coordination"])
    assert stored["implementation capacity"].attrs["unit"] == "Dmnl"
    assert stored["cumulative cost"].dims == ("run", "time", "instrument")
    assert stored.attrs["design_hash"] == whole.attrs["design_hash"]
    assert "certificate" in stored.attrs
    again = open_sweep(tmp_path / "a.zarr")
    assert equal(again, whole)


def test_threads_chunks_and_order_change_nothing(
    model: sdmodel.Model, design: pd.DataFrame, whole: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert equal(model.sweep(design, OUTPUTS, every=1, workers=2, progress=False), whole)
    monkeypatch.setattr(engines, "_CHUNK_BYTES", 1)  # the smallest chunks there are
    assert equal(model.sweep(design, OUTPUTS, every=1, workers=2, progress=False), whole)
    order = np.random.default_rng(3).permutation(RUNS)
    mixed = model.sweep(design.iloc[order], OUTPUTS, every=1, workers=2, progress=False)
    assert equal(mixed.isel(run=np.argsort(order)), whole)
    alone = model.sweep(design.iloc[[17]], OUTPUTS, every=1, progress=False)
    assert np.array_equal(alone["implementation capacity"][0], whole["implementation capacity"][17])


def test_an_interrupted_store_goes_on_and_equals_the_whole(
    model: sdmodel.Model, design: pd.DataFrame, whole: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, count = engines.run_chunk, []

    def failing(*args: object, **how: object) -> engines.Chunk:
        count.append(1)
        if len(count) == 4:
            raise KeyboardInterrupt
        return real(*args, **how)

    monkeypatch.setattr(engines, "_CHUNK_BYTES", 1)
    monkeypatch.setattr(engines, "run_chunk", failing)
    with pytest.raises(sdmodel.errors.SweepInterrupted) as stopped:
        model.sweep(design, OUTPUTS, every=1, workers=1, progress=False, store=tmp_path / "b.zarr")
    part = stopped.value.result
    done = part["status"].to_numpy() != NOT_RUN
    assert 0 < done.sum() < RUNS
    assert np.array_equal(part["implementation capacity"][done], whole["implementation capacity"][done])
    assert np.isnan(part["implementation capacity"][~done]).all()
    monkeypatch.setattr(engines, "run_chunk", real)
    assert equal(model.sweep(design, OUTPUTS, every=1, progress=False, store=tmp_path / "b.zarr"), whole)


def test_ctrl_c_in_memory_keeps_what_is_done(
    model: sdmodel.Model, design: pd.DataFrame, whole: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, count = engines.run_chunk, []

    def failing(*args: object, **how: object) -> engines.Chunk:
        count.append(1)
        if len(count) == 3:
            raise KeyboardInterrupt
        return real(*args, **how)

    monkeypatch.setattr(engines, "_CHUNK_BYTES", 1)
    monkeypatch.setattr(engines, "run_chunk", failing)
    with pytest.raises(sdmodel.errors.SweepInterrupted, match="of 600 runs") as stopped:
        model.sweep(design, OUTPUTS, every=1, workers=1, progress=False)
    done = stopped.value.result["status"].to_numpy() == 0
    assert np.array_equal(stopped.value.result["implementation capacity"][done], whole["implementation capacity"][done])


SCRIPT = """
    import signal, sys, numpy as np, sdmodel
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore Ctrl-C
    from sdmodel.sweep import engines
    engines._CHUNK_BYTES = 1
    real = engines.run_chunk
    def slow(*args, **how):
        import time
        time.sleep({pause})
        return real(*args, **how)
    engines.run_chunk = slow
    {before}
    model = sdmodel.load("policy")
    draws = sdmodel.latin_hypercube(model.uncertainties, {runs}, rng=7)
    design = draws.assign(setting=np.where(draws["sample"] % 2, "late", "early"))
    model.sweep(design, {outputs}, every=1, workers=1, progress=False, store={store!r})
"""


def start(store: Path, pause: float = 0.2, before: str = "") -> subprocess.Popen[str]:
    script = textwrap.dedent(SCRIPT).format(runs=RUNS, outputs=OUTPUTS, store=str(store), pause=pause, before=before)
    return subprocess.Popen([sys.executable, "-c", script], text=True, stderr=subprocess.PIPE, env=dict(os.environ))


def wait_for_chunks(process: subprocess.Popen[str], store: Path, chunks: int) -> None:
    end = time.monotonic() + 60
    while len(list((store / "done" / "c").glob("*"))) < chunks:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end, "no chunk was written in a minute"
        time.sleep(0.02)


def test_kill_minus_nine_costs_only_what_was_under_way(
    model: sdmodel.Model, design: pd.DataFrame, whole: xr.Dataset, tmp_path: Path
) -> None:
    store = tmp_path / "killed.zarr"
    process = start(store)
    wait_for_chunks(process, store, 3)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    left = int((open_sweep(store)["status"] == NOT_RUN).sum())
    assert 0 < left < RUNS
    assert equal(model.sweep(design, OUTPUTS, every=1, progress=False, store=store), whole)


def test_sigint_ends_with_what_is_done_on_disk(tmp_path: Path) -> None:
    store = tmp_path / "stopped.zarr"
    process = start(store)
    wait_for_chunks(process, store, 2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert "SweepInterrupted" in said
    assert 0 < int((open_sweep(store)["status"] == 0).sum()) < RUNS


def test_two_sweeps_into_one_store_are_refused(model: sdmodel.Model, design: pd.DataFrame, tmp_path: Path) -> None:
    store = tmp_path / "busy.zarr"
    process = start(store)
    try:
        wait_for_chunks(process, store, 1)
        with pytest.raises(StoreError, match=r"Another sweep is writing to busy\.zarr"):
            model.sweep(design, OUTPUTS, every=1, progress=False, store=store)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are a POSIX feature")
def test_a_full_disk_is_a_named_error_and_the_sweep_goes_on_later(
    model: sdmodel.Model, design: pd.DataFrame, whole: xr.Dataset, tmp_path: Path
) -> None:
    store = tmp_path / "full.zarr"
    limit = (
        "import resource, signal; resource.setrlimit(resource.RLIMIT_FSIZE, (14_000, 14_000)); "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)"
    )
    process = start(store, pause=0, before=limit)
    _, said = process.communicate()
    assert process.returncode == 1
    assert "StoreError: Writing to full.zarr failed" in said
    assert equal(model.sweep(design, OUTPUTS, every=1, progress=False, store=store), whole)


def test_another_sweep_is_refused_with_what_differs(model: sdmodel.Model, design: pd.DataFrame, tmp_path: Path) -> None:
    store = tmp_path / "c.zarr"
    model.sweep(design.iloc[:64], OUTPUTS, every=1, progress=False, store=store)
    with pytest.raises(StoreError, match="design_hash"):
        model.sweep(design.iloc[64:128], OUTPUTS, every=1, progress=False, store=store)
    with pytest.raises(StoreError, match="base_hash"):
        model.sweep(design.iloc[:64], ["implementation capacity"], every=1, progress=False, store=store)
    with pytest.raises(StoreError, match="method"):
        model.sweep(design.iloc[:64], OUTPUTS, every=1, method="rk4", progress=False, store=store)


def test_what_is_no_sweep_is_not_touched(model: sdmodel.Model, design: pd.DataFrame, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(StoreError, match="holds no sweep"):
        model.sweep(design.iloc[:8], OUTPUTS, every=1, progress=False, store=mine)
    assert (mine / "thesis.txt").read_text() == "years of work"
    with pytest.raises(StoreError, match="holds no sweep"):
        open_sweep(tmp_path / "nothing.zarr")


def test_messages_of_failed_runs_survive_in_the_store(model_from: object, tmp_path: Path) -> None:
    model = model_from("x = INTEG(x*x*grow, 1) ~ Dmnl ~ |\ngrow = 0.01 ~ 1/Year [0,5] ~ |", start=0, end=10, step=0.125)
    design = [{"grow": g} for g in np.linspace(0, 5, 16)]
    stored = model.sweep(design, ["x"], every=1, progress=False, store=tmp_path / "m.zarr")
    failed = stored["status"].to_numpy() == 1
    assert failed.any()
    assert not failed.all()
    assert all("'x" in str(m) for m in stored["message"].to_numpy()[failed])
    assert np.isfinite(stored["x"][~failed]).all()
