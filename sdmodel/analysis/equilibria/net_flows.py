"""A model with Time held constant: its net flows as a function of its states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sdmodel.analysis.evaluation import lowered
from sdmodel.analysis.gradients.derivative_rules import arguments, needed
from sdmodel.compile.events import segments
from sdmodel.compile.program import Program
from sdmodel.compile.python.engine import Bound, Engine
from sdmodel.core.calendar import year
from sdmodel.core.errors import DesignError, SolveError, UnknownNameError
from sdmodel.core.expression import key
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure
from sdmodel.solve.inputs import engine_of
from sdmodel.solve.integrate import integrate
from sdmodel.solve.registry import CONTINUOUS, solver
from sdmodel.solve.times import report_times

_RATE_TOLERANCE = 1e-8
"""Largest net flow at an equilibrium, relative to the size of the state, per unit of time."""
_MOST_LENGTHS = 200
"""Integration stops after this many lengths of a run without reaching an equilibrium."""
_DIVERGED = 1e9
"""A state beyond this multiple of its size counts as diverged."""


@dataclass(frozen=True)
class FrozenModel:
    """The coupled states of a model and their net flows at a fixed time.

    States that no net flow reads, such as a sum of money spent, are excluded; states that do not change at this time
    whatever the others are, such as a value sampled at an earlier date, are held constant.
    """

    model: Structure
    engine: Engine
    bound: Bound
    at: float
    held: tuple[float, ...]
    """Held values of the equations, such as whether a date has passed."""
    base: np.ndarray
    """All states in the run at this moment."""
    seen: tuple[np.ndarray, np.ndarray]
    """Smallest and largest value of each coupled state over the run."""
    inside: np.ndarray
    """Indices of the coupled states."""

    @property
    def program(self) -> Program:
        """The program of the model."""
        return self.engine.program

    @property
    def names(self) -> list[str]:
        """Names of the coupled states."""
        return [self.program.states[i].name for i in self.inside]

    @property
    def left_out(self) -> list[str]:
        """Names of the states that are excluded or held constant."""
        return [s.name for i, s in enumerate(self.program.states) if i not in self.inside]

    @property
    def start(self) -> np.ndarray:
        """Coupled states of the run at this time."""
        return np.asarray(self.base[self.inside])

    @cached_property
    def size(self) -> np.ndarray:
        """Scale of each state: its largest absolute value over the run, or 1 if it stayed at zero."""
        largest = np.maximum(*map(np.abs, self.seen))
        return np.asarray(np.where(largest > 1e-6, largest, 1.0))

    def _all(self, x: np.ndarray) -> list[float]:
        y = self.base.copy()
        y[self.inside] = x
        out: list[float] = y.tolist()
        return out

    def rates(self, x: np.ndarray) -> np.ndarray:
        """Net flows of the coupled states."""
        flows: np.ndarray = np.array(self.bound.rates(self.at, self._all(x), self.held))[self.inside]
        return flows

    def value(self, name: str, x: np.ndarray) -> float:
        """Value of a variable (an element is `name[a]`)."""
        wanted = [c for c in self.program.outputs if key(c) == key(name)]
        if not wanted:
            raise UnknownNameError(name, self.program.outputs)
        position = list(self.program.outputs).index(wanted[0])
        return self.bound.outs(self.at, self._all(x), self.held)[position]

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """Jacobian of the net flows by central differences, accurate to about nine digits."""
        step = np.finfo(float).eps ** (1 / 3) * np.maximum(self.size, np.abs(x))
        columns = []
        for j in range(len(x)):
            off = np.zeros(len(x))
            off[j] = step[j]
            columns.append((self.rates(x + off) - self.rates(x - off)) / (2 * step[j]))
        return np.array(columns).T

    def relative_rate(self, x: np.ndarray) -> float:
        """Largest net flow relative to the size of its state, per unit of time."""
        flows = self.rates(x)
        return float(np.max(np.abs(flows) / np.maximum(self.size, np.abs(x)))) if np.isfinite(flows).all() else np.inf

    def integrate_to_rest(self, x: np.ndarray) -> tuple[np.ndarray, bool]:
        """Integrate from `x` until the states rest; returns the states and whether they rest."""
        from scipy.integrate import solve_ivp

        control = self.bound.control
        length = control["final time"] - control["initial time"]
        gone, span = 0.0, length / 10

        def diverged(_: float, y: np.ndarray) -> float:
            return float(_DIVERGED - np.max(np.abs(y) / self.size))

        diverged.terminal = True  # type: ignore[attr-defined]  # read by solve_ivp
        while self.relative_rate(x) > _RATE_TOLERANCE and gone < _MOST_LENGTHS * length:
            found = solve_ivp(
                lambda _, y: self.rates(y),
                (0.0, span),
                x,
                method="LSODA",
                rtol=1e-9,
                atol=1e-12 * self.size,
                events=diverged,
            )
            if found.status != 0 or not np.isfinite(found.y[:, -1]).all():
                return np.full(len(x), np.nan), False
            x = found.y[:, -1]
            gone, span = gone + span, 2 * span
            near = self._equilibrium_near(x)
            if near is not None:
                return near, True
        return x, self.relative_rate(x) <= _RATE_TOLERANCE

    def zero(self, x: np.ndarray) -> np.ndarray:
        """Zero of the net flows by scipy's hybrid method from `x`; check `relative_rate` before use."""
        from scipy.optimize import root

        def scaled(u: np.ndarray) -> np.ndarray:
            flows = self.rates(u * self.size) / self.size
            return flows if np.isfinite(flows).all() else np.full(len(u), 1e10)

        return np.asarray(root(scaled, x / self.size, method="hybr", options={"xtol": 1e-13}).x * self.size)

    def _equilibrium_near(self, x: np.ndarray) -> np.ndarray | None:
        """The stable equilibrium next to `x`, if any: saves integrating the end of a slow approach."""
        if self.relative_rate(x) > 1e-4:
            return None
        end = self.zero(x)
        if self.relative_rate(end) > _RATE_TOLERANCE or not self.close_to(end, x, 1e-3):
            return None
        return end if np.linalg.eigvals(self.jacobian(end)).real.max() < 0 else None

    def close_to(self, x: np.ndarray, other: np.ndarray, share: float = 1e-4) -> bool:
        """Whether two states differ by at most `share` of their size."""
        return bool(np.all(np.abs(x - other) <= share * np.maximum(self.size, np.abs(x))))


def freeze(
    model: Structure,
    values: Mapping[str, float] | None = None,
    scenario: Scenario | str | None = None,
    at: float | str | None = None,
    like: FrozenModel | None = None,
) -> FrozenModel:
    """Hold Time constant at `at` (a number or date; default FINAL TIME).

    With `like`, the excluded and held states and the sizes are taken from another frozen model with other constants.
    """
    program, p = lowered(model, values, scenario)
    no_data(model, program)
    engine = engine_of(program)
    bound = engine.bind(p)
    times = report_times(bound.control, None, False)
    time = times[-1] if at is None else year(at)
    if not times[0] <= time <= times[-1]:
        raise DesignError(f"Time cannot be held at {time:g}; the model runs from {times[0]:g} to {times[-1]:g}.")
    after_end = times[-1] + 1e-6 * (times[-1] - times[0])
    cut = segments(engine.clock, program, bound.watch, times[0], after_end)
    held = next((part.held for part in reversed(cut) if part.start <= time), ())
    if like is not None:
        return FrozenModel(model, engine, bound, time, held, like.base, like.seen, like.inside)
    reported = sorted({*np.linspace(times[0], times[-1], 60).tolist(), time})
    states, _, _ = integrate(engine, bound, reported, solver(CONTINUOUS), 1e-8)
    path = np.array(states).reshape(len(reported), -1)
    base = path[reported.index(time)]
    inside = _coupled(program, _changing(bound, time, held, path))
    if not len(inside):
        raise SolveError(f"'{model.name}' has no stock that any net flow reads, so it has no equilibria.")
    return FrozenModel(
        model, engine, bound, time, held, base, (path[:, inside].min(axis=0), path[:, inside].max(axis=0)), inside
    )


def no_data(model: Structure, program: Program) -> None:
    """Refuse a model with data variables.

    Raises
    ------
    DesignError
        With the name of the data variable.
    """
    if program.data:
        name = program.data[0]
        raise DesignError(
            f"'{name}' in '{model.name}' is a data variable, and this analysis takes no series. Give it a value or a "
            f"dated path in a new model: model.replace({name!r}, ...)."
        )


def _changing(bound: Bound, at: float, held: tuple[float, ...], path: np.ndarray) -> set[int]:
    """States whose net flow differs from zero at this time in states of the run, each perturbed at random."""
    rng = np.random.default_rng(0)
    out: set[int] = set()
    for y in path[:: max(len(path) // 8, 1)]:
        moved = np.where(y == 0, 1.0, y) * rng.uniform(0.5, 1.5, len(y))
        out |= {i for i, flow in enumerate(bound.rates(at, moved.tolist(), held)) if flow != 0}
    bound.trouble = None  # a perturbed state may be infeasible
    return out


def _coupled(program: Program, changing: set[int]) -> np.ndarray:
    """Indices of states that change and that the net flow of such a state reads."""
    needs = [needed(program.nodes, [state.rate], arguments) for state in program.states]
    read = [{int(program.nodes[n][1]) for n in nodes if program.nodes[n][0] == "state"} for nodes in needs]
    retained = set(changing)
    while True:
        used = set().union(*(read[i] for i in retained)) if retained else set()
        if retained <= used:
            return np.array(sorted(retained), dtype=int)
        retained = retained & used
