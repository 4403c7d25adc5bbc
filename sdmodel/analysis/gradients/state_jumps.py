"""State-dependent jumps: detected along a run and refused, since derivatives across them are not computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sdmodel.analysis.gradients.derivative_rules import arguments, needed, owner
from sdmodel.analysis.gradients.tangent_program import Flow, closure
from sdmodel.compile.program import Program
from sdmodel.compile.python.engine import evaluate
from sdmodel.core.cache import Cache
from sdmodel.core.errors import UnsupportedError
from sdmodel.core.functions.operations import COMPARISONS, LOGIC
from sdmodel.core.functions.table import OPERATIONS
from sdmodel.core.functions.values import interpolate
from sdmodel.solve.registry import MANY_RUNS, solver
from sdmodel.solve.times import report_times

Array = np.ndarray
Points = Sequence[tuple[Array, Array]]
"""Times and values of each data variable."""
CLOSED = 1e-3
"""A choice is continuous if its values at the switch differ by less than this share of its largest value."""


@dataclass(frozen=True)
class Choice:
    """A `select` whose condition depends on a jumping comparison."""

    node: int
    condition: int
    yes: int
    no: int
    comparison: int


class JumpMonitor:
    """Nodes to observe along a run to detect jumps at values of states."""

    def __init__(self, program: Program, outputs: Sequence[int], jumping: Sequence[int]) -> None:
        self.program = program
        self.choices: list[Choice] = []
        self.plain: list[int] = []
        shown = {*outputs, *(s.rate for s in program.states)}
        users: dict[int, list[int]] = {}
        for i in sorted(closure(program, outputs)):
            for a in arguments(program.nodes[i]):
                users.setdefault(a, []).append(i)
        for j in jumping:
            todo = [j]
            while todo:
                at = todo.pop()
                if at in shown:
                    self.plain.append(j)
                for user in users.get(at, ()):
                    op, *args = program.nodes[user]
                    if op in LOGIC:
                        todo.append(user)
                    elif op == "select" and int(args[0]) == at and at not in (int(args[1]), int(args[2])):
                        self.choices.append(Choice(user, at, int(args[1]), int(args[2]), j))
                    else:
                        self.plain.append(j)
        seen = {n for c in self.choices for n in (c.condition, c.yes, c.no, *arguments(program.nodes[c.comparison]))}
        self.nodes = sorted(seen | set(self.plain))

    @cached_property
    def kernel(self) -> Any:
        """Compiled on first use."""
        from sdmodel.compile.llvm import Kernel

        return Kernel(self.program, self.nodes, tableau=solver(MANY_RUNS).steps)


def refuse_jumps(watch: JumpMonitor, p: Sequence[float], at: Array, points: Points) -> None:
    """Refuse a run in which a variable jumps where a state crosses a value.

    Raises
    ------
    UnsupportedError
        With the variable and the time.
    """
    step = _step(watch, p)
    grid = report_times(
        {"initial time": float(at[0]), "final time": float(at[-1]), "time step": step, "saveper": step}, None, False
    )
    seen = watch.kernel.run([list(p)], grid, series=points)[0][0]
    of = {node: seen[i] for i, node in enumerate(watch.nodes)}
    for node in watch.plain:
        moved = np.flatnonzero(np.diff(of[node]))
        if len(moved):
            _refuse(watch, node, grid[moved[0]])
    for choice in watch.choices:
        yes, no = of[choice.yes], of[choice.no]
        sides = [of[a] for a in arguments(watch.program.nodes[choice.comparison])]
        gap = sides[0] - sides[1] if len(sides) == 2 else np.full(len(yes), np.nan)
        chosen = np.where(of[choice.condition] != 0, yes, no)
        scale = float(np.nanmax(np.abs(chosen[np.isfinite(chosen)]), initial=0.0))
        for k in np.flatnonzero(np.diff(of[choice.condition] != 0)):
            span = gap[k] - gap[k + 1]
            share = float(np.clip(gap[k] / span, 0, 1)) if span and np.isfinite(span) else 0.5
            jump = (yes - no)[k] * (1 - share) + (yes - no)[k + 1] * share
            if not abs(jump) <= CLOSED * scale:
                _refuse(watch, choice.node, grid[k])


def refuse_edges(
    flow: Flow, program: Program, p: Sequence[float], table: Array, names: Sequence[str], at: Array, points: Points
) -> None:
    """Refuse directions in which a parameter leaves a value at which a variable jumps, such as that of a switch.

    `table` holds the parameters of the tangent program, one row per direction.

    Raises
    ------
    UnsupportedError
        With the variable and the direction.
    """
    sides = [arguments(program.nodes[node]) for node, *_ in flow.choices]
    here = _constants(program, [x for pair in sides for x in pair], p)
    even = []
    for choice, pair in zip(flow.choices, sides, strict=True):
        a, b = here[pair[0]], here[pair[-1]]
        if a == b if program.nodes[choice[0]][0] in COMPARISONS else a == round(a):
            even.append((*choice, a))
    for name, row in zip(names, table if even else table[:0], strict=False):
        change = _constants(flow.program, [d for _, left, right, _ in even for d in (left, right)], row.tolist())
        for node, left, right, a in even:
            if not _LEAVES[str(program.nodes[node][0])](a, change[left] - change[right]):
                continue
            watch = JumpMonitor(program, flow.outputs, [node])
            seen = watch.kernel.run([list(p)], at, series=points)[0][0]
            of = {n: seen[i] for i, n in enumerate(watch.nodes)}
            jumps = [c.node for c in watch.choices if not np.allclose(of[c.yes], of[c.no], rtol=CLOSED, atol=0)]
            for found in [*watch.plain, *jumps][:1]:
                raise UnsupportedError(
                    f"'{owner(program, found)}' jumps when '{name}' is raised from its value, where a choice changes "
                    "(a switch, or a comparison of equal numbers). There is no derivative; compare runs of both sides."
                )


_LEAVES: dict[str, Callable[[float, float], bool]] = {
    "lt": lambda a, d: d < 0,
    "ge": lambda a, d: d < 0,
    "gt": lambda a, d: d > 0,
    "le": lambda a, d: d > 0,
    "eq": lambda a, d: d != 0,
    "ne": lambda a, d: d != 0,
    "floor": lambda a, d: d < 0,
    "trunc": lambda a, d: a * d < 0,
    "lookup": lambda a, d: d != 0,
}
"""Whether a change `d` of left minus right, from equality, changes the value of a node."""


_orders: Cache[list[tuple[int, list[int]]]] = Cache()


def _constants(program: Program, nodes: Sequence[int], p: Sequence[float]) -> dict[int, float]:
    """Values of nodes that depend on parameters only, each computed once."""
    out: dict[int, float] = {}
    key = tuple(nodes)
    order = _orders.get(program, key) or _orders.put(
        program, key, [(n, arguments(program.nodes[n])) for n in needed(program.nodes, nodes, arguments)]
    )
    for node, inner in order:
        op, *raw = program.nodes[node]
        a = [out[x] for x in inner]
        if op in ("const", "param"):
            out[node] = float(raw[0]) if op == "const" else float(p[int(raw[0])])
        elif op == "lookup":
            table = program.tables[int(raw[0])]
            out[node] = interpolate(a[0], table.x, table.y, table.kind)
        else:
            out[node] = float(OPERATIONS[str(op)].value(*a))
    return out


def _step(watch: JumpMonitor, p: Sequence[float]) -> float:
    return evaluate(watch.program, watch.program.control["time step"], p)


def _refuse(watch: JumpMonitor, node: int, time: float) -> None:
    raise UnsupportedError(
        f"'{owner(watch.program, node)}' jumps near time {time:.6g} because a state crosses a value. Its time "
        "depends on the parameters, and derivatives across such a jump are not computed. Make the choice smooth, or "
        "use differences of runs (sdmodel.tornado, sdmodel.morris)."
    )
