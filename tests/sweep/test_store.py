"""Sweeps on disk: the same bits as in memory, whatever happens on the way."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import sdmodel
from sdmodel.core.errors import ResultWarning, StoreError
from sdmodel.core.schedule import Schedule
from sdmodel.sweep import backends
from sdmodel.sweep import engines as chunks
from sdmodel.sweep.engines import NOT_RUN
from sdmodel.sweep.identity import MEANING, digest
from sdmodel.sweep.open_store import open_sweep

OUTPUTS = ["decided share of RnD money", "intervention intensity", "fiscal cost by instrument"]
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
    assert np.array_equal(stored["overlap of programmes"], design["overlap of programmes"])
    assert stored["decided share of RnD money"].attrs["unit"] == "Dmnl"
    assert stored["fiscal cost by instrument"].dims == ("run", "time", "instrument")
    assert stored.attrs["design_hash"] == whole.attrs["design_hash"]
    assert "certificate" in stored.attrs
    again = open_sweep(tmp_path / "a.zarr")
    assert equal(again, whole)


def test_threads_chunks_and_order_change_nothing(
    model: sdmodel.Model, design: pd.DataFrame, whole: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert equal(model.sweep(design, OUTPUTS, every=1, workers=2, progress=False), whole)
    monkeypatch.setattr(backends, "_CHUNK_BYTES", 1)  # the smallest chunks there are
    assert equal(model.sweep(design, OUTPUTS, every=1, workers=2, progress=False), whole)
    order = np.random.default_rng(3).permutation(RUNS)
    mixed = model.sweep(design.iloc[order], OUTPUTS, every=1, workers=2, progress=False)
    assert equal(mixed.isel(run=np.argsort(order)), whole)
    alone = model.sweep(design.iloc[[17]], OUTPUTS, every=1, progress=False)
    assert np.array_equal(alone["decided share of RnD money"][0], whole["decided share of RnD money"][17])


def test_an_interrupted_store_goes_on_and_equals_the_whole(
    model: sdmodel.Model, design: pd.DataFrame, whole: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, count = backends.run_chunk, []

    def failing(*args: object, **how: object) -> chunks.Chunk:
        count.append(1)
        if len(count) == 4:
            raise KeyboardInterrupt
        return real(*args, **how)

    monkeypatch.setattr(backends, "_CHUNK_BYTES", 1)
    monkeypatch.setattr(backends, "run_chunk", failing)
    with pytest.raises(sdmodel.errors.SweepInterrupted) as stopped:
        model.sweep(design, OUTPUTS, every=1, workers=1, progress=False, store=tmp_path / "b.zarr")
    part = stopped.value.result
    done = part["status"].to_numpy() != NOT_RUN
    assert 0 < done.sum() < RUNS
    assert np.array_equal(part["decided share of RnD money"][done], whole["decided share of RnD money"][done])
    assert np.isnan(part["decided share of RnD money"][~done]).all()
    monkeypatch.setattr(backends, "run_chunk", real)
    assert equal(model.sweep(design, OUTPUTS, every=1, progress=False, store=tmp_path / "b.zarr"), whole)


def test_ctrl_c_in_memory_keeps_what_is_done(
    model: sdmodel.Model, design: pd.DataFrame, whole: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, count = backends.run_chunk, []

    def failing(*args: object, **how: object) -> chunks.Chunk:
        count.append(1)
        if len(count) == 3:
            raise KeyboardInterrupt
        return real(*args, **how)

    monkeypatch.setattr(backends, "_CHUNK_BYTES", 1)
    monkeypatch.setattr(backends, "run_chunk", failing)
    with pytest.raises(sdmodel.errors.SweepInterrupted, match="of 600 runs") as stopped:
        model.sweep(design, OUTPUTS, every=1, workers=1, progress=False)
    done = stopped.value.result["status"].to_numpy() == 0
    assert np.array_equal(
        stopped.value.result["decided share of RnD money"][done], whole["decided share of RnD money"][done]
    )


SCRIPT = """
    import signal, sys, numpy as np, sdmodel
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore Ctrl-C
    from sdmodel.sweep import backends
    backends._CHUNK_BYTES = 1
    real = backends.run_chunk
    def slow(*args, **how):
        import time
        time.sleep({pause})
        return real(*args, **how)
    backends.run_chunk = slow
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
    while len(list((store / "marks").glob("*/zarr.json"))) < chunks:
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
        "import resource, signal; resource.setrlimit(resource.RLIMIT_FSIZE, (6_000, 6_000)); "
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
    with pytest.raises(StoreError, match="outputs_hash"):
        model.sweep(design.iloc[:64], ["decided share of RnD money"], every=1, progress=False, store=store)
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


# -- identity ---------------------------------------------------------------------------------------------------
def test_two_scenarios_of_one_name_and_different_paths_do_not_share_a_store(
    model: sdmodel.Model, design: pd.DataFrame, tmp_path: Path
) -> None:
    name = "grant discretion"
    value = float(model.parameters().loc[name, "value"])
    here, there = (
        sdmodel.Scenario("base", paths={name: Schedule((2009, 2020), (value, v))}) for v in (value, value + 0.01)
    )
    few = design.iloc[:8]
    first = model.sweep(few, OUTPUTS, every=1, scenario=here, progress=False, store=tmp_path / "p.zarr")
    with pytest.raises(StoreError, match="equations_hash"):
        model.sweep(few, OUTPUTS, every=1, scenario=there, progress=False, store=tmp_path / "p.zarr")
    assert equal(model.sweep(few, OUTPUTS, every=1, scenario=here, progress=False, store=tmp_path / "p.zarr"), first)
    other = model.sweep(few, OUTPUTS, every=1, scenario=there, progress=False)
    assert other.attrs["equations_hash"] != first.attrs["equations_hash"]
    assert other.attrs["model_hash"] == first.attrs["model_hash"]


LOOKUP = "x = INTEG(rate*effect(Time), 1) ~ Dmnl ~ |\neffect((0,0),(10,{y})) ~ Dmnl ~ |\nrate = 0.1 ~ 1/Year ~ |"


def test_lookup_points_series_seed_and_method_are_part_of_the_identity(model_from: object) -> None:
    design = [{"rate": 0.1}, {"rate": 0.2}]

    def parts(made: sdmodel.Model, **how: object) -> dict[str, object]:
        return {k: v for k, v in made.sweep(design, ["x"], **how).attrs.items() if k in MEANING}

    def different(a: dict[str, object], b: dict[str, object]) -> list[str]:
        return [k for k in MEANING if a[k] != b[k]]

    one = parts(model_from(LOOKUP.format(y=1)))
    assert different(one, parts(model_from(LOOKUP.format(y=1)))) == []
    assert different(one, parts(model_from(LOOKUP.format(y=1.5)))) == ["equations_hash"]
    assert different(one, parts(model_from(LOOKUP.format(y=1)), seed=4)) == ["draw_seed"]
    assert different(one, parts(model_from(LOOKUP.format(y=1)), method="rk4"))[0] == "method"
    assert different(one, parts(model_from(LOOKUP.format(y=1)), method="LSODA", rtol=1e-7))[0] == "method"
    data = model_from("x = INTEG(rate*d, 1) ~ Dmnl ~ |\nd ~ Dmnl ~ |\nrate = 0.1 ~ 1/Year ~ |")
    series = [xr.Dataset({"d": ("time", [0.0, y])}, {"time": [0.0, 10.0]}) for y in (1.0, 2.0)]
    assert different(*(parts(data, data=s) for s in series)) == ["series_hash"]


def test_a_digest_tells_apart_what_differs_in_a_bit() -> None:
    things = [0.0, -0.0, 0, "0", None, (0.0,), ((0.0,),), np.zeros(1), np.zeros((1, 1)), ("a", "b"), ("ab", "")]
    things += [np.array(["a", "b"]), np.array(["ab", ""]), {"a": 1}, {"a": 2}, [("a", 1)], 1.0, np.nextafter(1.0, 2.0)]
    digests = [digest(thing) for thing in things]
    assert len(set(digests)) == len(things)
    assert digest(float("nan")) == digest(float("nan"))
    with pytest.raises(TypeError, match="no digest of a object"):
        digest(object())


# -- damage -----------------------------------------------------------------------------------------------------
def tampered(store: Path) -> list[tuple[str, Callable[[Path], None]]]:
    """Ways to damage a store: each with its name and what to do to a copy."""

    def bytes_of(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
        def rewrite(file: Path) -> None:
            file.write_bytes(change(file.read_bytes()))

        return rewrite

    def flip(at: float) -> Callable[[bytes], bytes]:
        def change(raw: bytes) -> bytes:
            i = min(int(at * len(raw)), len(raw) - 1)
            return raw[:i] + bytes([raw[i] ^ 4]) + raw[i + 1 :]

        return change

    ways = {
        "third flipped": bytes_of(flip(1 / 3)),
        "cut in half": bytes_of(lambda raw: raw[: len(raw) // 2]),
        "gone": lambda file: file.unlink(),
        "zeros": bytes_of(lambda raw: bytes(len(raw))),
    }
    files = sorted(f.relative_to(store) for f in store.rglob("*") if f.is_file())
    out = [
        (f"{file}: {name}", lambda copy, file=file, do=do: do(copy / file))
        for file in files
        for name, do in ways.items()
    ]
    for a, b in (("v0/c/0/0", "v0/c/1/0"), ("v0/c/0/0", "v1/c/0/0"), ("marks/0/zarr.json", "marks/1/zarr.json")):

        def swap(copy: Path, a: str = a, b: str = b) -> None:
            first = (copy / a).read_bytes()
            (copy / a).write_bytes((copy / b).read_bytes())
            (copy / b).write_bytes(first)

        out.append((f"{a} and {b} swapped", swap))
    for old, new in (
        ('"float64"', '"int64"'), ("little", "big"), ('"c"', '"d"'), ('"NaN"', "0.0"), ("[100", "[99"),
        ("zstd", "gzip"), ("[100", "[2000000000000"), ("[64", "[32"), ("[64", "[1000000000000"),
    ):  # fmt: skip
        for name in ("v0/zarr.json", "p0/zarr.json", "time/zarr.json", "status/zarr.json"):

            def change(copy: Path, name: str = name, old: str = old, new: str = new) -> None:
                text = (copy / name).read_text()
                (copy / name).write_text(text.replace(old, new, 1))

            out.append((f"{name}: {old} to {new}", change))

    def long_message(copy: Path) -> None:
        mark = copy / "marks" / "0" / "zarr.json"
        content = json.loads(mark.read_text())
        content["attributes"]["messages"] = {"0": "x" * 5_000_000}
        mark.write_text(json.dumps(content))

    def folder(copy: Path) -> None:
        (copy / "v0/c/0/0").unlink()
        (copy / "v0/c/0/0").mkdir()

    return [*out, ("a message of 5 MB", long_message), ("a folder for a file", folder)]


def test_a_damaged_store_is_mended_or_a_typed_error_and_never_another_number(
    model_from: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backends, "_CHUNK_BYTES", 1)
    monkeypatch.setattr("os.fsync", lambda handle: None)  # a crash of the machine is not what is tried here
    model = model_from("x = INTEG(rate*x, 1) ~ Dmnl ~ |\ny = x*2 ~ Dmnl ~ |\nrate = 0.1 ~ 1/Year ~ |", end=3)
    design = pd.DataFrame({"rate": np.linspace(-1, 1, 100), "sample": np.arange(100), "setting": ["a", "b"] * 50})

    def swept(store: Path) -> xr.Dataset:
        return model.sweep(design, ["x", "y"], workers=1, progress=False, certificate=1, store=store).load()

    store = tmp_path / "sound.zarr"
    whole = swept(store)
    assert sorted(p.name for p in (store / "marks").glob("[0-9]*")) == ["0", "1"]
    cases = tampered(store)
    assert len(cases) > 100
    refused = mended = harmless = 0
    for number, (what, damage) in enumerate(cases):
        copy = tmp_path / f"{number}.zarr"
        shutil.copytree(store, copy)
        damage(copy)
        try:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                seen = open_sweep(copy).load()
        except StoreError:
            refused += 1
        else:
            done = seen["status"].to_numpy() != NOT_RUN
            assert [w.category for w in said] == ([] if done.all() else [ResultWarning]), what
            assert done.all() or "of a finished sweep the marks of" in str(said[0].message), what
            harmless += bool(done.all())
            for name in ("x", "y", "rate", "setting", "sample", "time"):
                rows = done if seen[name].dims[0] == "run" and name in seen.data_vars else slice(None)
                assert np.array_equal(seen[name][rows], whole[name][rows]), what
            assert np.isnan(seen["x"].to_numpy()[~done]).all(), what
        try:
            again = swept(copy)
        except StoreError:
            pass
        else:
            mended += 1
            assert all(np.array_equal(again[n], whole[n]) for n in ("x", "y", "rate", "setting", "status")), what
        shutil.rmtree(copy)
    assert refused > 40
    assert mended > 40
    assert harmless < len(cases) / 2


def test_a_place_that_cannot_be_written_is_a_typed_error(
    model: sdmodel.Model, design: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = design.iloc[:8]
    (tmp_path / "file").write_text("not a folder")
    for place in (tmp_path / "file" / "s.zarr", "/proc/none/s.zarr", "/", 7, "a\0b"):
        with pytest.raises(StoreError):
            model.sweep(few, OUTPUTS, every=1, progress=False, certificate=0, store=place)
        with pytest.raises(StoreError):
            open_sweep(place)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StoreError, match="holds no sweep"):
        model.sweep(few, OUTPUTS, every=1, progress=False, store=tmp_path / "pipe")
    with pytest.raises(StoreError, match="holds no sweep"):
        open_sweep(tmp_path / "pipe")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for name in ("sync", "write_json"):
        with monkeypatch.context() as patch:
            patch.setattr(f"sdmodel.sweep.store.{name}", full)
            with pytest.raises(StoreError, match="No space left on device"):
                model.sweep(few, OUTPUTS, every=1, progress=False, store=tmp_path / "full.zarr")
    assert equal(
        model.sweep(few, OUTPUTS, every=1, progress=False, store=tmp_path / "full.zarr"),
        model.sweep(few, OUTPUTS, every=1, progress=False),
    )
