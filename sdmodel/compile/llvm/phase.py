"""Emit equations as LLVM IR: a phase is a set of nodes evaluated together, split into functions of limited size."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sdmodel.compile.llvm.ir import Body, Machine, Pool, function, splat
from sdmodel.compile.llvm.lanes import on_lanes
from sdmodel.compile.llvm.lookup import lookup_value, series
from sdmodel.compile.llvm.plan import LEAVES, Plan, Rows, arguments, weight
from sdmodel.compile.llvm.power import power
from sdmodel.core.errors import UnsupportedError
from sdmodel.core.functions.entry import Operation
from sdmodel.core.functions.operations import COMPARISONS, LOGIC
from sdmodel.core.functions.table import OPERATIONS

CHUNK = 1200
"""Approximate maximum number of instructions per function; compile time grows superlinearly with it."""
CALLING = 4
"""Instructions of a node, on average, where helper functions are called."""

_ORDERED = {"lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge", "eq": "oeq", "ne": "une"}


@dataclass(slots=True)
class Module:
    """LLVM IR of a module under construction."""

    plan: Plan
    machine: Machine
    contract: bool
    rows: Rows
    inline: bool
    """Whether helper functions and lookups are inlined at each use; otherwise they are called."""
    functions: list[str] = field(default_factory=list)
    declared: set[str] = field(default_factory=set)
    helpers: dict[str, str] = field(default_factory=dict)
    pool: Pool = field(default_factory=Pool)

    def body(self, pooled: bool = False) -> Body:
        """An empty body; `pooled` if its function receives the table of constants."""
        return Body(self.machine, self.contract, self.pool if pooled else None)

    def close(self, head: str, body: Body) -> None:
        """Add a function without a result."""
        self.declared |= body.declared
        self.functions.append(function(head, body))

    def helper(self, b: Body, name: str, make: Callable[..., str], *args: str) -> str:
        """`make(b, *args)`, either inlined or as a call of a separate function."""
        if self.inline:
            return make(b, *args)
        if name not in self.helpers:
            inner = self.body()
            names = [f"%a{i}" for i in range(len(args))]
            result = make(inner, *names)
            self.declared |= inner.declared
            head = f"internal {b.f64} @{name}({', '.join(f'{b.f64} {n}' for n in names)}) noinline nounwind"
            self.helpers[name] = function(head, inner, f"{b.f64} {result}")
        return b.put(f"call {b.f64} @{name}({', '.join(f'{b.f64} {a}' for a in args)})")

    def text(self) -> str:
        """LLVM IR of the whole module."""
        mine = {f"@{name}(" for name in self.helpers}
        declared = sorted(d for d in self.declared if not any(m in d for m in mine))
        return "\n".join([self.pool.text(), *declared, *self.helpers.values(), *self.functions])


Sink = Mapping[int, Sequence[int]]
"""Maps nodes to the rows in which their values are stored."""


@dataclass(slots=True)
class Phase:
    """A set of nodes evaluated together (`here`), and how the other nodes are read."""

    module: Module
    name: str
    here: Callable[[int], bool]
    read: Callable[[Chunk, int], str]
    boundary: set[int] = field(default_factory=set)
    """Nodes read that another phase must compute."""
    step_values: set[int] = field(default_factory=set)
    """Nodes read with their value at the start of the TIME STEP; the phase "holds" computes them."""
    calls: list[str] = field(default_factory=list)
    """Functions of the phase, in order."""
    shift: bool = False
    """Whether stores are offset by `%lane` (times of the stages of a Runge-Kutta step)."""
    once: bool = False
    """Whether a run needs it only once, so that it is compiled quickly and not to be quick."""

    def write(self, sinks: Sink, instead: Callable[[Chunk], None] | None = None) -> bool:
        """Emit the functions that compute the nodes of `sinks` and store them in their rows.

        If one function suffices and `instead` is given, `instead` emits the end of the function in place of the stores,
        and the result is True.
        """
        program = self.module.plan.program
        order = self._order(sinks)
        place: dict[int, int] = {}
        parts: list[list[int]] = [[]]
        load = 0
        for node in order:
            load += weight(program, node) if self.module.inline else CALLING
            if load > CHUNK:
                parts.append([])
                load = 0
            place[node] = len(parts) - 1
            parts[-1].append(node)
        alone = instead is not None and len(parts) == 1
        crossing = {a for n in order for a in arguments(program, n) if a in place and place[a] < place[n]}
        for number, part in enumerate(parts):
            chunk = Chunk(self, place, number)
            for node in part:
                chunk.compute(node)
                for row in () if alone else sinks.get(node, ()):
                    chunk.store(node, row)
                if node in crossing:
                    chunk.b.store(chunk.value(node), "%w", self.module.rows.give(f"spill {self.name}", node))
            if instead is not None and alone:
                instead(chunk)
            elif number == len(parts) - 1:
                for node in sinks:
                    for row in sinks[node] if node not in place else ():
                        chunk.store(node, row)
            head, b = f"@{self.name}_{number}", chunk.b
            self.calls.append(head)
            # work buffer, parameters, time (exact dates), offset of the lane of shared times in their rows, constants
            given = f"ptr noalias %w, ptr noalias %p, {b.f64} %t, i64 %lane, ptr noalias %numbers"
            self.module.close(f"internal void {head}({given}) nounwind{' noinline optnone' * self.once}", b)
        return alone

    def _order(self, sinks: Iterable[int]) -> list[int]:
        program = self.module.plan.program
        seen: set[int] = set()
        stack = [n for n in sinks if self._computed(n)]
        while stack:
            node = stack.pop()
            if node not in seen:
                seen.add(node)
                stack.extend(a for a in arguments(program, node) if self._computed(a))
        return sorted(seen)

    def _computed(self, node: int) -> bool:
        return self.module.plan.program.nodes[node][0] not in LEAVES and self.here(node)

    def call(self, b: Body, time: str = "zeroinitializer", lane: str = "0", pointer: str = "%p") -> None:
        """Emit the calls that run the phase."""
        for head in self.calls:
            b.do(f"call void {head}(ptr %w, ptr {pointer}, {b.f64} {time}, i64 {lane}, ptr @numbers)")


class Chunk:
    """One function of a phase under construction."""

    def __init__(self, phase: Phase, place: Mapping[int, int], number: int) -> None:
        self.phase = phase
        self.module = phase.module
        self.program = phase.module.plan.program
        self.b = phase.module.body(pooled=True)
        self._place, self._number = place, number
        self._values: dict[int, str] = {}
        self._truths: dict[int, str] = {}
        self._moved = ""

    # -- values -------------------------------------------------------------------------------------------------
    def value(self, node: int) -> str:
        """Name of the value of a node computed earlier in this function, or loaded from its row."""
        found = self._values.get(node)
        if found is None:
            op, *args = self.program.nodes[node]
            if op == "const":
                return splat(float(args[0]))
            if node in self._truths:
                found = self.b.select(self._truths[node], splat(1.0), splat(0.0))
            elif node in self._place:
                found = self.b.load("%w", self.module.rows.give(f"spill {self.phase.name}", node))
            else:
                found = self.phase.read(self, node)
            self._values[node] = found
        return found

    def truth(self, node: int) -> str:
        """Lanes in which a node is not zero."""
        found = self._truths.get(node)
        if found is None:
            found = self._truths[node] = self.b.compare("une", self.value(node), splat(0.0))
        return found

    def store(self, node: int, row: int) -> None:
        """Store the value of a node in a row."""
        self.b.store(self.value(node), self.moved() if self.phase.shift else "%w", row)

    def moved(self) -> str:
        """Address of the work buffer offset by `%lane`."""
        if not self._moved:
            self._moved = self.b.put("getelementptr i8, ptr %w, i64 %lane")
        return self._moved

    def shared_time(self, node: int) -> str:
        """Broadcast a value that all lanes share, from the row of the step."""
        row = self.module.rows.give("time", node)
        place = self.b.put(f"getelementptr i8, ptr {self.moved()}, i64 {row * self.b.width}")
        return self.b.spread(self.b.put(f"load double, ptr {place}, align 8"))

    # -- operations ---------------------------------------------------------------------------------------------
    def compute(self, node: int) -> None:
        """Emit the operation of a node."""
        op, *raw = self.program.nodes[node]
        b = self.b
        if op in COMPARISONS or op in LOGIC:
            self._truths[node] = self._logic(str(op), [int(a) for a in raw])
            return
        if op == "lookup":
            x = self.value(int(raw[1]))
            name, table = f"k{raw[0]}", self.program.tables[int(raw[0])]
            result = self.module.helper(b, f"look_{name}", lambda b, x: lookup_value(b, name, table, x), x)
        elif op == "data":
            rows = b.row("%p", len(self.program.parameters) + 3 * int(raw[0]))
            result = series(b, rows, self.value(int(raw[1])))
        elif op == "hold":
            result = self.value(int(raw[0]))
        elif op == "select":
            choice, yes, no = (int(a) for a in raw)
            result = b.select(self.truth(choice), self.value(yes), self.value(no))
        elif op == "pow":
            result = self._power(int(raw[0]), int(raw[1]))
        elif (operation := OPERATIONS.get(str(op))) is not None and operation.lanes is not None:
            result = self._operation(operation, [self.value(int(a)) for a in raw])
        else:
            raise UnsupportedError(
                f"The kernel of sweeps does not know the operation '{op}'. Run the model, or sweep it, with a method "
                "of the Python engine."
            )
        self._values[node] = result

    def _operation(self, operation: Operation, args: list[str]) -> str:
        """Emit an operation, either inlined or as a call of a separate function."""
        assert operation.lanes is not None
        write = on_lanes(operation.lanes)
        if operation.called:
            return self.module.helper(self.b, f"own_{operation.name}", write, *args)
        return write(self.b, *args)

    def _logic(self, op: str, args: list[int]) -> str:
        b = self.b
        if op in COMPARISONS:
            return b.compare(_ORDERED[op], self.value(args[0]), self.value(args[1]))
        if op == "not":
            return b.nor(self.truth(args[0]))
        return (b.both if op == "and" else b.either)(self.truth(args[0]), self.truth(args[1]))

    def _power(self, base: int, exponent: int) -> str:
        b, x = self.b, self.value(base)
        kind, *rest = self.program.nodes[exponent]
        y = float(rest[0]) if kind == "const" else None
        if y == 2.0:
            return b.xmul(x, x)
        if y == 3.0:
            return b.xmul(b.xmul(x, x), x)
        if y == 0.5:
            root = b.call("sqrt", b.xadd(x, splat(0.0)))
            return b.select(b.compare("oeq", x, splat(-math.inf)), splat(math.inf), root)
        return self.module.helper(b, "own_pow", power, x, self.value(exponent))
