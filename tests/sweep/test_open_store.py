"""A small store: what is read of it, how damage is named, and what a sweep into it reports."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from model_file import TEMPLATE

import sdmodel
from sdmodel.core.errors import ResultWarning, StoreError
from sdmodel.sweep import backends
from sdmodel.sweep.files import locked, read_json, writing
from sdmodel.sweep.new_store import FORMAT, plain_record
from sdmodel.sweep.open_store import open_sweep
from sdmodel.sweep.refinement import BY_SCIPY
from sdmodel.sweep.store import Store

TEXT = """
side: left, right ~~|
x = INTEG(rate*x, 1) ~ firm ~ How many. |
y[side] = x*part[side] ~ firm ~ |
part[side] = 1, 2 ~ Dmnl ~ |
root = SQRT(1 - rate) ~ Dmnl ~ |
rate = 0.1 ~ 1/Year [-2,2] ~ |
"""
RUNS = 150  # three chunks of 64, the last one short
RATES = np.r_[np.linspace(-1, 0.9, RUNS - 4), 1.2, 1.5, 1.8, 1.9]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> sdmodel.Model:
    path = tmp_path_factory.mktemp("store") / "toy.mdl"
    path.write_text(TEMPLATE.format(equations=TEXT, start=0, end=2, step=0.5, saveper=1), encoding="utf-8")
    return sdmodel.load(path)


def swept(model: sdmodel.Model, store: Path | None, runs: int = RUNS, **more: Any) -> xr.Dataset:
    names = ["b" if i % 2 else "a" for i in range(RUNS)]
    design = pd.DataFrame({"rate": RATES, "setting": names, "sample": range(RUNS)}).iloc[:runs]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backends, "_CHUNK_BYTES", 1)
        patch.setattr("os.fsync", lambda handle: None)
        return model.sweep(design, ["x", "y", "root"], workers=1, progress=False, certificate=0, store=store, **more)


@pytest.fixture(scope="module")
def sound(model: sdmodel.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "a.zarr"
    swept(model, path)
    return path


@pytest.fixture(scope="module")
def whole(model: sdmodel.Model) -> xr.Dataset:
    return swept(model, None)


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound, tmp_path / "a.zarr")
    return tmp_path / "a.zarr"


# -- reading --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "rows",
    [slice(None), slice(60, 70), slice(None, None, -7), 0, 63, 64, -1, [149, 0, 64, 63], slice(0, 0), slice(130, 150),
     np.array([1, 128])],
)  # fmt: skip
def test_any_rows_are_read_from_the_chunks_they_lie_in(sound: Path, whole: xr.Dataset, rows: Any) -> None:
    stored = open_sweep(sound)
    for name, more in (("x", {}), ("y", {"side": 1}), ("y", {"side": [1, 0], "time": slice(1, None)})):
        np.testing.assert_array_equal(stored[name].isel(run=rows, **more), whole[name].isel(run=rows, **more))


def test_a_store_has_the_coordinates_units_and_messages_of_the_sweep(sound: Path, whole: xr.Dataset) -> None:
    stored = open_sweep(sound)
    assert set(stored.coords) == set(whole.coords)
    for name in ("run", "rate", "setting", "sample", "time", "status", "message", "side"):
        assert stored[name].to_numpy().tolist() == whole[name].to_numpy().tolist()
    assert stored["y"].dims == ("run", "time", "side")
    assert stored["x"].attrs == whole["x"].attrs
    assert stored["x"].attrs["unit"] == "firm"
    assert stored["time"].attrs == {"unit": "Year"}
    assert stored["status"].attrs == whole["status"].attrs
    failed = RATES > 1
    assert stored["status"].to_numpy().tolist() == failed.astype(int).tolist()
    assert stored.attrs["failed"] == failed.sum()
    assert stored["message"].to_numpy()[-1].startswith("'root' is not finite at time 0")
    assert stored.attrs["certificate"] == "none: not asked for"
    assert {k: v for k, v in stored.attrs.items() if k != "sdmodel"} == {
        k: v for k, v in whole.attrs.items() if k != "sdmodel"
    }
    store = Store.opened(sound)
    assert (store.chunks, store.rows, store.runs, store.missing()) == (3, 64, RUNS, [])
    assert [(store.span(n).start, store.span(n).stop) for n in range(3)] == [(0, 64), (64, 128), (128, 150)]
    assert store.manifest["sdmodel_format"] == FORMAT
    assert plain_record({"a": float("nan"), "b": 1.5, "c": "x"}) == {"a": None, "b": 1.5, "c": "x"}


# -- damage ---------------------------------------------------------------------------------------------------------
def test_a_mark_that_is_lost_costs_its_chunk_and_is_said(copy: Path, whole: xr.Dataset, model: sdmodel.Model) -> None:
    shutil.rmtree(copy / "marks" / "1")
    with pytest.warns(ResultWarning, match=r"marks of 1 of 3 chunks are lost, the first with run 64; their runs"):
        stored = open_sweep(copy)
    assert stored["status"].to_numpy()[63:129].tolist() == [0, *[2] * 64, 0]
    assert np.isnan(stored["y"][64:128]).all()
    np.testing.assert_array_equal(stored["x"][:64], whole["x"][:64])
    assert Store.opened(copy).missing() == [64]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResultWarning)  # of the mark that is lost, until the chunk is there again
        again = swept(model, copy)
    np.testing.assert_array_equal(again["x"], whole["x"])
    assert Store.opened(copy).missing() == []
    open_sweep(copy)  # without a warning


def edit(path: Path, **changes: Any) -> None:
    content = read_json(path)
    content["attributes"].update(changes)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_damage_is_named_by_runs_and_variable(copy: Path, whole: xr.Dataset) -> None:
    store = Store.opened(copy)
    name = next(key for key, about in store.variables.items() if about["name"] == "x")
    (place,) = (path for path in (copy / name / "c" / "2").rglob("*") if path.is_file())
    data = bytearray(place.read_bytes())
    data[len(data) // 2] ^= 1
    place.write_bytes(bytes(data))
    assert Store.opened(copy).missing() == [128]
    stored = open_sweep(copy)
    np.testing.assert_array_equal(stored["x"][:128], whole["x"][:128])
    with pytest.raises(StoreError, match=r"a\.zarr is damaged: .*'x'.*is not what was written"):
        stored["x"].load()


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"sdmodel_format": 1}, "written by another version"), ({"runs": 149}, "its root attributes were changed"),
     ({"digest": "0"}, "its root attributes were changed")],
)  # fmt: skip
def test_a_root_that_was_changed_is_refused(copy: Path, changes: dict[str, Any], message: str) -> None:
    edit(copy / "zarr.json", **changes)
    with pytest.raises(StoreError, match=message):
        open_sweep(copy)


def test_a_mark_counts_only_whole_and_in_its_place(copy: Path, whole: xr.Dataset) -> None:
    store = Store.opened(copy)
    assert store.mark(0) is not None
    assert list(store.solved().values()) == [BY_SCIPY] * whole.attrs["solved_again_scipy"]
    assert min(store.solved()) >= RUNS - 4  # those that fail
    edit(copy / "marks" / "0" / "zarr.json", messages={"3": "changed"})
    assert store.mark(0) is None
    shutil.copy(copy / "marks" / "1" / "zarr.json", copy / "marks" / "2" / "zarr.json")
    assert store.mark(2) is None
    assert store.mark(1) is not None
    assert store.mark(3) is None
    edit(copy / "marks" / "1" / "zarr.json", more=1)
    assert store.mark(1) is None


def test_another_sweep_is_told_what_differs(copy: Path, model: sdmodel.Model) -> None:
    parts = {"design": {"runs": 100}, "method": {"method": "rk4"}, "outputs, reported times or stops": {"every": 2},
             "seed of the random functions": {"seed": 5}}  # fmt: skip
    for part, more in parts.items():
        with pytest.raises(StoreError, match=rf"written by another sweep: its {part} \("):
            swept(model, copy, **more)


def test_an_empty_folder_is_taken_and_a_store_is_locked(tmp_path: Path, model: sdmodel.Model) -> None:
    (tmp_path / "b.zarr").mkdir()
    found = swept(model, tmp_path / "b.zarr", 70)
    assert found.sizes["run"] == 70
    with locked(tmp_path / "b.zarr"), pytest.raises(StoreError, match=r"Another sweep is writing to b\.zarr"):
        swept(model, tmp_path / "b.zarr", 70)
    assert swept(model, tmp_path / "b.zarr", 70).sizes["run"] == 70  # and free again
    for error, told in ((OSError(28, "full"), "failed: full"), (OSError("odd"), "failed: odd"),
                        (NotImplementedError("no locks"), "failed: no locks")):  # fmt: skip
        with pytest.raises(StoreError, match=rf"Writing to x\.zarr {told}\."), writing(Path("x.zarr")):
            raise error


def test_long_messages_are_cut(model: sdmodel.Model, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = backends.run_chunk

    def long(*args: Any, **more: Any) -> Any:
        chunk = real(*args, **more)
        chunk.messages[-1] = "y" * 1005
        return chunk

    monkeypatch.setattr(backends, "run_chunk", long)
    for store in (None, tmp_path / "c.zarr"):
        found = swept(model, store, 10)
        assert [len(m) for m in found["message"].to_numpy()] == [0] * 9 + [1000]
