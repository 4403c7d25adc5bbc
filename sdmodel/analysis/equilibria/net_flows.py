"""A model at one moment: its net flows as a function of its states while Time, and all dated policy, stands still."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sdmodel.compile.events import segments
from sdmodel.compile.program import Program
from sdmodel.compile.programs import program_of
from sdmodel.compile.python.engine import Bound, Engine
from sdmodel.core.calendar import year
from sdmodel.core.errors import DesignError, SolveError, UnknownNameError
from sdmodel.core.expression import key
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure
from sdmodel.solve.inputs import engine_of, parameter_vector, reshaped, resolve_scenario, with_paths
from sdmodel.solve.integrate import integrate
from sdmodel.solve.registry import CONTINUOUS, solver
from sdmodel.solve.times import report_times

_AT_REST = 1e-8
"""Largest net flow of a state at rest, as a share of its size per unit of time."""
_PATIENCE = 200
"""Lengths of a run after which a model counts as not coming to rest."""
_AWAY = 1e9
"""Times the size of a state beyond which it counts as running away."""


@dataclass(frozen=True)
class Frozen:
    """States that matter for each other, and their net flows at a time that stands still.

    Left out are states that no net flow reads, such as a sum of money spent, and held are those that do not change at
    this time whatever the others are, such as what was noted at an earlier date.
    """

    model: Structure
    engine: Engine
    bound: Bound
    at: float
    held: tuple[float, ...]
    """Held values of the equations, such as whether a date is past."""
    base: np.ndarray
    """All states in the run at this moment."""
    seen: tuple[np.ndarray, np.ndarray]
    """Least and largest value of each state that matters in the run."""
    inside: np.ndarray
    """Positions of the states that matter."""

    @property
    def program(self) -> Program:
        """Equations."""
        return self.engine.program

    @property
    def names(self) -> list[str]:
        """States that matter."""
        return [self.program.states[i].name for i in self.inside]

    @property
    def left_out(self) -> list[str]:
        """States that do not matter, or do not change."""
        return [s.name for i, s in enumerate(self.program.states) if i not in self.inside]

    @property
    def start(self) -> np.ndarray:
        """States that matter, in the run at this moment."""
        return np.asarray(self.base[self.inside])

    @cached_property
    def size(self) -> np.ndarray:
        """Size of each state, to judge what is small: the largest it had in the run, or one if it stayed at zero."""
        largest = np.maximum(*map(np.abs, self.seen))
        return np.asarray(np.where(largest > 1e-6, largest, 1.0))

    def _all(self, x: np.ndarray) -> list[float]:
        y = self.base.copy()
        y[self.inside] = x
        out: list[float] = y.tolist()
        return out

    def rates(self, x: np.ndarray) -> np.ndarray:
        """Net flows of the states that matter."""
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
        """Derivatives of the net flows by the states, by central differences: good to about nine digits."""
        step = np.finfo(float).eps ** (1 / 3) * np.maximum(self.size, np.abs(x))
        columns = []
        for j in range(len(x)):
            off = np.zeros(len(x))
            off[j] = step[j]
            columns.append((self.rates(x + off) - self.rates(x - off)) / (2 * step[j]))
        return np.array(columns).T

    def unrest(self, x: np.ndarray) -> float:
        """Largest net flow as a share of the size of its state, per unit of time."""
        flows = self.rates(x)
        return float(np.max(np.abs(flows) / np.maximum(self.size, np.abs(x)))) if np.isfinite(flows).all() else np.inf

    def settle(self, x: np.ndarray) -> tuple[np.ndarray, bool]:
        """Where the states go from `x`, and whether they come to rest there."""
        from scipy.integrate import solve_ivp

        control = self.bound.control
        length = control["final time"] - control["initial time"]
        gone, span = 0.0, length / 10

        def away(_: float, y: np.ndarray) -> float:
            return float(_AWAY - np.max(np.abs(y) / self.size))

        away.terminal = True  # type: ignore[attr-defined]  # how solve_ivp is told
        while self.unrest(x) > _AT_REST and gone < _PATIENCE * length:
            found = solve_ivp(
                lambda _, y: self.rates(y),
                (0.0, span),
                x,
                method="LSODA",
                rtol=1e-9,
                atol=1e-12 * self.size,
                events=away,
            )
            if found.status != 0 or not np.isfinite(found.y[:, -1]).all():
                return np.full(len(x), np.nan), False
            x = found.y[:, -1]
            gone, span = gone + span, 2 * span
            near = self._rest_near(x)
            if near is not None:
                return near, True
        return x, self.unrest(x) <= _AT_REST

    def zero(self, x: np.ndarray) -> np.ndarray:
        """States with no net flow that scipy's hybrid method finds from `x`; look at `unrest` before use."""
        from scipy.optimize import root

        def scaled(u: np.ndarray) -> np.ndarray:
            flows = self.rates(u * self.size) / self.size
            return flows if np.isfinite(flows).all() else np.full(len(u), 1e10)

        return np.asarray(root(scaled, x / self.size, method="hybr", options={"xtol": 1e-13}).x * self.size)

    def _rest_near(self, x: np.ndarray) -> np.ndarray | None:
        """The stable state of rest that `x` is all but at, to spare the last of a slow approach."""
        if self.unrest(x) > 1e-4:
            return None
        end = self.zero(x)
        if self.unrest(end) > _AT_REST or not self.settled_near(end, x, 1e-3):
            return None
        return end if np.linalg.eigvals(self.jacobian(end)).real.max() < 0 else None

    def settled_near(self, x: np.ndarray, other: np.ndarray, share: float = 1e-4) -> bool:
        """Whether two states are the same but for a share of their size."""
        return bool(np.all(np.abs(x - other) <= share * np.maximum(self.size, np.abs(x))))


def freeze(
    model: Structure,
    values: Mapping[str, float] | None = None,
    scenario: Scenario | str | None = None,
    at: float | str | None = None,
    like: Frozen | None = None,
) -> Frozen:
    """Stop a model's time at `at` (a number or date; default FINAL TIME, when all dated policy has happened).

    With `like` the states that are left out or held, and the sizes, are those of another moment: a lever has moved
    since then, and the past has not.
    """
    asked = resolve_scenario(model, values, scenario)
    model_run = with_paths(model, asked)
    program = program_of(model_run, fixed=False)
    p = parameter_vector(model_run, program, asked.values)
    program = reshaped(model_run, program, p)
    no_data(model, program)
    engine = engine_of(program)
    bound = engine.bind(p)
    times = report_times(bound.control, None, False)
    moment = times[-1] if at is None else year(at)
    if not times[0] <= moment <= times[-1]:
        raise DesignError(f"Time cannot stand still at {moment:g}; the model runs from {times[0]:g} to {times[-1]:g}.")
    beyond = times[-1] + 1e-6 * (times[-1] - times[0])
    cut = segments(engine.clock, program, bound.watch, times[0], beyond)
    held = next((part.held for part in reversed(cut) if part.start <= moment), ())
    if like is not None:
        return Frozen(model, engine, bound, moment, held, like.base, like.seen, like.inside)
    reported = sorted({*np.linspace(times[0], times[-1], 60).tolist(), moment})
    states, _, _ = integrate(engine, bound, reported, solver(CONTINUOUS), 1e-8)
    path = np.array(states).reshape(len(reported), -1)
    base = path[reported.index(moment)]
    inside = _that_matter(program, _changing(bound, moment, held, path))
    if not len(inside):
        raise SolveError(f"'{model.name}' has no stock that any net flow reads; nothing in it can come to rest.")
    return Frozen(
        model, engine, bound, moment, held, base, (path[:, inside].min(axis=0), path[:, inside].max(axis=0)), inside
    )


def no_data(model: Structure, program: Program) -> None:
    """Refuse a model that needs series from outside.

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
    """States whose net flow is not zero at this time for all states of the run, each moved at random."""
    rng = np.random.default_rng(0)
    out: set[int] = set()
    for y in path[:: max(len(path) // 8, 1)]:
        moved = np.where(y == 0, 1.0, y) * rng.uniform(0.5, 1.5, len(y))
        out |= {i for i, flow in enumerate(bound.rates(at, moved.tolist(), held)) if flow != 0}
    bound.trouble = None  # a state that was moved may be one that cannot be
    return out


def _that_matter(program: Program, changing: set[int]) -> np.ndarray:
    """States that change and are read by the net flow of a state that matters."""
    read = [_states_read(program, state.rate) for state in program.states]
    kept = set(changing)
    while True:
        used = set().union(*(read[i] for i in kept)) if kept else set()
        if kept <= used:
            return np.array(sorted(kept), dtype=int)
        kept = kept & used


def _states_read(program: Program, node: int) -> set[int]:
    out: set[int] = set()
    seen: set[int] = set()
    stack = [node]
    while stack:
        at = stack.pop()
        if at in seen:
            continue
        seen.add(at)
        op, *args = program.nodes[at]
        if op == "state":
            out.add(int(args[0]))
        elif op not in ("const", "param", "time", "first_draw"):
            stack.extend(int(a) for a in (args[1:] if op in ("lookup", "data") else args))
    return out
