"""Runs of the model as it is, which many questions have as their reference, made once in a process."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from sdmodel.study.arms import Arms

if TYPE_CHECKING:
    import xarray as xr

    from sdmodel.model import Model

KEPT = 5
"""Sets of samples whose runs are kept: those of a finding and of its other ranges."""


class Shared:
    """Runs without any setting, kept for the next question with the same model, samples and report interval.

    The first question runs what it needs itself; the second runs what all questions need, and the others find it.

    Parameters
    ----------
    everything
        Gives the variables of a model that all questions store.
    """

    def __init__(self, everything: Callable[[Model], list[str]]) -> None:
        self._everything = everything
        self._runs: dict[str, xr.Dataset] = {}
        self._lock = threading.Lock()

    def run(self, arms: Arms, stage: str, name: str) -> xr.Dataset:
        """Runs of the samples without any setting, as the only setting of this name; as `Arms.run`."""
        key = _key(arms)
        with self._lock:  # a question that needs the same runs waits for them
            found = self._runs.pop(key, None)
            if found is None or any(output not in found for output in arms.outputs):
                more = self._everything(arms.model) if found is not None else []
                found = arms.run(stage, {name: {}}, more)
            self._runs[key] = found
            while len(self._runs) > KEPT:
                del self._runs[next(iter(self._runs))]
        return found.assign_coords(setting=[name])


def _key(arms: Arms) -> str:
    values = np.ascontiguousarray(arms.draws.to_numpy(float))
    names = [arms.model.fingerprint, str(arms.every), *map(str, arms.draws.columns)]
    return hashlib.sha256("\0".join(names).encode() + values.tobytes()).hexdigest()
