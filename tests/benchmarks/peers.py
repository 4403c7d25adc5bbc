"""The engines compared: each solves the first runs of a task's design and returns values (runs, outputs, times)."""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import c_kernel
import numpy as np
import numpy_kernel
from task import STEP, Task

from sdmodel.compile.llvm import Kernel
from sdmodel.solve.registry import solver

MANY = 4096
"""Runs of the engines whose run takes some microseconds: what a sweep costs as such is then a small part."""


class UnusableError(Exception):
    """Why an engine cannot take part."""


class Peer:
    """An engine made ready for a task; what is made ready here is not timed."""

    name: str
    runs = 4
    """Runs of a repetition: as many as keep a repetition near a second or less."""
    compared = True
    """Whether its numbers must be those of Euler's steps."""

    def __init__(self, task: Task, folder: Path) -> None:
        self.task = task
        self.prepare(folder)
        self.design = task.design(self.runs)
        self.parameters = task.parameters(self.runs)

    def prepare(self, folder: Path) -> None:
        """Read and compile."""

    def solve(self) -> Any:
        """The timed part, to the result as the engine gives it."""
        raise NotImplementedError

    def values(self, result: Any) -> np.ndarray:
        """A result as values (runs, outputs, times)."""
        return np.asarray(result)


class Sweep(Peer):
    """`model.sweep` with Euler steps: design in, xarray.Dataset out."""

    name, runs, method = "sdmodel sweep", MANY, "euler"

    def solve(self) -> Any:
        return self.task.model.sweep(
            self.design, self.task.outputs, method=self.method, every=1.0, workers=1, progress=False
        )

    def values(self, result: Any) -> np.ndarray:
        return np.stack([result[name].to_numpy() for name in self.task.outputs], axis=1)


class ExactSweep(Sweep):
    """`model.sweep` as it is by default: Runge-Kutta, four times the work of a step, exact dates, a certificate."""

    name, method, compared = "sdmodel sweep, exact dates", "exact", False


class BareKernel(Peer):
    """The kernel below `sweep`, parameters in, array out."""

    name, runs = "sdmodel kernel alone", MANY

    def prepare(self, folder: Path) -> None:
        self.kernel = Kernel(self.task.program, self.task.nodes, tableau=solver("euler").steps)

    def solve(self) -> np.ndarray:
        return self.kernel.run(self.parameters, self.task.times)[0]


class HandwrittenC(Peer):
    """C as a person would write it for speed."""

    name, runs = "C, 8 lanes", MANY

    def prepare(self, folder: Path) -> None:
        reason = c_kernel.usable()
        if reason:
            raise UnusableError(reason)
        place = folder / f"c {self.task.kind}"
        place.mkdir(exist_ok=True)
        self.kernel = c_kernel.CKernel(self.task.program, self.task.nodes, place)

    def solve(self) -> np.ndarray:
        return self.kernel.run(self.parameters, 0.0, STEP, self.task.steps, self.task.per)


class AcrossRuns(Peer):
    """numpy, an array operation for each equation and step."""

    name, runs = "numpy across runs", numpy_kernel.BLOCK

    def solve(self) -> np.ndarray:
        with np.errstate(all="ignore"):
            task = self.task
            return numpy_kernel.runs(task.program, task.nodes, self.parameters, 0.0, STEP, task.steps, task.per)


class Simlin(Peer):
    """pysimlin, one simulation reset and run again: its quickest way."""

    name, runs = "pysimlin", 64

    def prepare(self, folder: Path) -> None:
        try:
            import simlin
        except ImportError:
            raise UnusableError("pysimlin is not installed") from None
        self.simulation = simlin.load(self.task.path).simulate()

    def solve(self) -> np.ndarray:
        sim = self.simulation
        out = []
        for row in self.design.to_dict("records"):
            sim.reset()
            for name, value in row.items():
                sim.set_value(str(name), value)
            sim.run_to_end()
            out.append([sim.get_series(name) for name in self.task.outputs])
        return np.array(out)


class PySD(Peer):
    """A loop of `model.run(params=...)`."""

    name, runs = "PySD", 2

    def prepare(self, folder: Path) -> None:
        import pysd

        place = folder / f"pysd {self.task.kind}"
        place.mkdir(exist_ok=True)
        copy = place / self.task.path.name
        copy.write_text(self.task.path.read_text())  # the translation is written beside the file
        self.model = pysd.read_vensim(str(copy))

    def solve(self) -> np.ndarray:
        out = []
        for row in self.design.to_dict("records"):
            found = self.model.run(
                params=row, return_columns=self.task.outputs, return_timestamps=self.task.times.tolist()
            )
            out.append(found[self.task.outputs].to_numpy().T)
        return np.array(out)


class Workbench(PySD):
    """EMA workbench, `perform_experiments` over the same PySD model, translated before.

    Its own PySD connector does the same and translates the file at the start of every call.
    """

    name, runs = "EMA workbench over PySD", 2

    def prepare(self, folder: Path) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # connectors of other programs that are not there
                import ema_workbench
        except Exception as error:
            raise UnusableError(f"ema_workbench cannot be imported ({type(error).__name__}: {error})") from None
        super().prepare(folder)
        self.bench: Any = ema_workbench
        self.experiment = ema_workbench.Model("m", function=self._once)
        self.experiment.uncertainties = [ema_workbench.RealParameter(name, 0, 1e6) for name in self.task.levers]
        self.experiment.outcomes = [ema_workbench.TimeSeriesOutcome(name) for name in self.task.outputs]

    def _once(self, **values: float) -> dict[str, np.ndarray]:
        times = self.task.times.tolist()
        found = self.model.run(params=values, return_columns=self.task.outputs, return_timestamps=times)
        return {name: found[name].to_numpy() for name in self.task.outputs}

    def solve(self) -> np.ndarray:
        points = [self.bench.Scenario(f"{i}", **row) for i, row in enumerate(self.design.to_dict("records"))]
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            _, found = self.bench.perform_experiments(self.experiment, points)
        return np.stack([found[name] for name in self.task.outputs], axis=1)


PEERS: tuple[Callable[[Task, Path], Peer], ...] = (
    Sweep, ExactSweep, BareKernel, HandwrittenC, AcrossRuns, Simlin, PySD, Workbench,
)  # fmt: skip


def versions() -> str:
    """What is compared, by version."""
    out = []
    for name in ("sdmodel", "llvmlite", "numpy", "PySD", "ema_workbench", "pysimlin"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            out.append(f"{name} {importlib.metadata.version(name)}")
    return ", ".join(out)
