"""Sweeps on dask.distributed: two worker processes on this machine, one of them lost on the way."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

import sdmodel
from sdmodel.sweep import backends as engines

distributed = pytest.importorskip("distributed", reason="the extra sdmodel[cluster] is not installed")

pytestmark = [
    # dask's own loops leave sockets and processes to the garbage collector when a worker is killed.
    pytest.mark.filterwarnings(
        "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
    ),
]


@pytest.mark.parametrize("on_disk", [False, True])
def test_a_lost_worker_costs_nothing_but_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_disk: bool) -> None:
    model = sdmodel.load("network")
    design = sdmodel.latin_hypercube(model.uncertainties, 2_000, rng=5)
    whole = model.sweep(design, ["trust", "deep links"], every=1, progress=False)
    monkeypatch.setattr(engines, "_CHUNK_BYTES", 1)
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    )
    with cluster, distributed.Client(cluster) as client:
        victim = next(iter(cluster.workers.values())).pid
        stop = threading.Thread(target=_kill, args=(victim, 0.4))
        stop.start()
        store = tmp_path / "c.zarr" if on_disk else None
        found = model.sweep(design, ["trust", "deep links"], every=1, progress=False, client=client, store=store)
        stop.join()
    assert (found["status"] == 0).all()
    for name in ("trust", "deep links"):
        assert np.array_equal(found[name], whole[name])


def _kill(pid: int, after: float) -> None:
    import os
    import signal

    time.sleep(after)
    os.kill(pid, signal.SIGKILL)
