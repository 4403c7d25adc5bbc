"""What all engines are asked to do: a model, the constants that vary, five series at whole times, Euler steps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from generate import KINDS, LEVERS, model

import sdmodel
from sdmodel.compile.program import Program
from sdmodel.compile.programs import program_of

STEP = 0.0625
SMALL_OUTPUTS = ("susceptible", "infectious", "recovered", "infection", "recovery")
SPREAD = 0.1
"""The constants that vary lie up to a tenth below and above the file's value."""


@dataclass(frozen=True)
class Task:
    """One model of the comparison."""

    kind: str
    path: Path
    model: sdmodel.Model
    program: Program
    """For the TIME STEP grid."""
    outputs: list[str]
    times: np.ndarray
    levers: list[str]

    @property
    def nodes(self) -> list[int]:
        """Outputs as nodes of the program."""
        return [self.program.outputs[name] for name in self.outputs]

    @property
    def steps(self) -> int:
        """Steps of a run."""
        return round(float(self.times[-1]) / STEP)

    @property
    def per(self) -> int:
        """Steps from one report to the next."""
        return round(1 / STEP)

    def design(self, runs: int) -> pd.DataFrame:
        """The first rows of one and the same random design."""
        rng = np.random.default_rng(1)
        middle = np.array([self.program.defaults[self.program.parameters.index(name)] for name in self.levers])
        factors = rng.uniform(1 - SPREAD, 1 + SPREAD, (runs, len(self.levers)))
        return pd.DataFrame(middle * factors, columns=self.levers)

    def parameters(self, runs: int) -> np.ndarray:
        """The design as values of all parameters of the program."""
        out = np.tile(np.array(self.program.defaults), (runs, 1))
        out[:, [self.program.parameters.index(name) for name in self.levers]] = self.design(runs).to_numpy()
        return out


def tasks(folder: Path) -> list[Task]:
    """The three models of the comparison."""
    return [task(folder, kind, {"small": 0, "policy": 100, "lookup": 300}[kind]) for kind in KINDS]


def task(folder: Path, kind: str, equations: int) -> Task:
    """A generated model, read."""
    path = folder / f"{kind}{equations}.mdl"
    path.write_text(model(kind, equations))
    read = sdmodel.load(path)
    program = program_of(read, fixed=True)
    if kind == "small":
        return Task(
            kind, path, read, program, list(SMALL_OUTPUTS), np.arange(201.0), ["contacts", "infectivity", "duration"]
        )
    outputs = ["s0", "s1", "s2", "s3", "everything"]
    return Task(kind, path, read, program, outputs, np.arange(41.0), [f"p{i}" for i in range(LEVERS)])
