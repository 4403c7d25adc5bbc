"""Forward-mode differentiation of a program, node by node.

Derivatives are directional: at a kink (a minimum, an absolute value, a knot of a lookup) the right derivative along an
increasing parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from sdmodel.compile.graph import Graph, Node
from sdmodel.compile.program import Program, TableData
from sdmodel.core.errors import UnsupportedError
from sdmodel.core.functions.table import OPERATIONS
from sdmodel.core.functions.values import divide

STEPPED = ("hold_backward", "look_forward", "raw")
_LEAVES = frozenset({"const", "param", "state", "time", "memory", "draw", "first_draw"})
_FLAT = frozenset(o.name for o in OPERATIONS.values() if o.flat)
"""Operations that are piecewise constant in their arguments."""
_EVEN = frozenset({"lt", "le", "gt", "ge"})


def arguments(node: Node) -> list[int]:
    """Nodes that a node reads."""
    op, *args = node
    if op in _LEAVES:
        return []
    return [int(a) for a in (args[1:] if op in ("lookup", "data") else args)]


def flat(node: Node, tables: Sequence[TableData]) -> bool:
    """Whether a node is piecewise constant."""
    return node[0] in _FLAT or (node[0] == "lookup" and tables[int(node[1])].kind in STEPPED)


def through(node: Node, tables: Sequence[TableData]) -> list[int]:
    """Arguments on which the derivative of a node depends."""
    if flat(node, tables):
        return []
    inner = arguments(node)
    return inner[1:] if node[0] == "select" else inner


def needed(nodes: Sequence[Node], targets: Iterable[int], inner: Callable[[Node], list[int]]) -> list[int]:
    """All nodes that `targets` depend on, in order."""
    seen: set[int] = set()
    stack = list(targets)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(inner(nodes[node]))
    return sorted(seen)


class Rules:
    """Derivatives of the nodes of a graph, added to that graph.

    Parameters
    ----------
    graph
        The graph of `program`; nodes are added to it.
    program
        The program of the nodes; its tables are copied to `tables`, to which slopes of lookups are added.
    seeds
        Node of the derivative of each parameter, by index.
    changes
        Node of the derivative of each state, by index.
    dated
        Comparisons decided by dates, whose sides are never equal between two dates.
    """

    def __init__(
        self,
        graph: Graph,
        program: Program,
        seeds: Mapping[int, int],
        changes: Mapping[int, int],
        dated: frozenset[int] = frozenset(),
    ) -> None:
        self.dated = dated
        self.graph = graph
        self.program = program
        self.seeds = seeds
        self.changes = changes
        self.tables = list(program.tables)
        self.found: dict[int, int | None] = {}
        """Node of the derivative by node; None where zero."""
        self._slopes: dict[int, tuple[int, int]] = {}

    def of(self, targets: Iterable[int]) -> list[int | None]:
        """Nodes of the derivatives of `targets`; None where zero.

        Raises
        ------
        UnsupportedError
            If an operation has no derivative; the message names the variable.
        """
        wanted = list(targets)
        for node in needed(self.graph.nodes, wanted, self._inner):
            if node not in self.found:
                self.found[node] = self._rule(node)
        return [self.found[t] for t in wanted]

    def or_zero(self, targets: Iterable[int]) -> list[int]:
        """As `of`, with the constant zero for None."""
        return [self.graph.const(0.0) if d is None else d for d in self.of(targets)]

    def _inner(self, node: Node) -> list[int]:
        """Nodes whose derivatives a rule needs."""
        inner = through(node, self.tables)
        return inner if node[0] != "select" else [*inner, *self._sides(arguments(node)[0])]

    def _sides(self, condition: int) -> list[int]:
        """Both sides of a comparison whose sides may be equal."""
        known = self.graph.nodes[condition][0] in _EVEN and condition not in self.dated
        return arguments(self.graph.nodes[condition]) if known else []

    def _rule(self, node: int) -> int | None:
        g = self.graph
        op, *raw = g.nodes[node]
        if op == "param":
            return self.seeds.get(int(raw[0]))
        if op == "state":
            return self.changes.get(int(raw[0]))
        if op in _LEAVES or flat(g.nodes[node], self.tables):
            return None
        a = arguments(g.nodes[node])
        d = [self.found.get(x) for x in a]
        if op == "select":
            if d[1] is None and d[2] is None:
                return None
            return g.pick(self._chosen(a[0]), self._full(d[1]), self._full(d[2]))
        if all(x is None for x in d):
            return None
        if op in ("add", "sub"):
            return self._sum(d[0], d[1], str(op))
        if op == "mul":
            return self._sum(self._product(d[0], a[1]), self._product(d[1], a[0]))
        if op == "div":
            second = None if d[1] is None else g.times(node, d[1])
            return g.over(self._full(self._sum(d[0], second, "sub")), a[1])
        if op == "pow":
            return self._power(node, a, d)
        if op in ("min", "max"):
            return self._extreme(str(op), a, d)
        if op == "lookup":
            return self._lookup(int(raw[0]), a[0], self._full(d[0]))
        rule = OPERATIONS[str(op)].derivative
        if rule is not None:
            return rule(g, node, a, [self._full(x) for x in d])
        raise UnsupportedError(
            f"'{owner(self.program, node)}' uses an operation without a derivative ({op}). "
            "Use differences of runs instead, with sdmodel.tornado or a design of your own."
        )

    def _chosen(self, condition: int) -> int:
        """The condition just to the right: where both sides are equal, their derivatives decide."""
        g = self.graph
        sides = self._sides(condition)
        d = [self.found.get(x) for x in sides]
        if all(x is None for x in d):
            return condition
        less, more = g.op("lt", *sides), g.op("gt", *sides)
        op = str(g.nodes[condition][0])
        even = g.op(op, *(self._full(x) for x in d))
        first = op in ("lt", "le")
        return g.pick(less if first else more, g.const(1.0), g.pick(more if first else less, g.const(0.0), even))

    def _full(self, d: int | None) -> int:
        return self.graph.const(0.0) if d is None else d

    def _sum(self, a: int | None, b: int | None, op: str = "add") -> int | None:
        if b is None:
            return a
        if a is None:
            return b if op == "add" else self.graph.op("neg", b)
        return self.graph.op(op, a, b)

    def _product(self, d: int | None, other: int) -> int | None:
        return None if d is None else self.graph.times(d, other)

    def _power(self, node: int, a: list[int], d: list[int | None]) -> int | None:
        g = self.graph
        base = exponent = None
        if d[0] is not None:
            base = g.times(d[0], g.times(a[1], g.op("pow", a[0], g.minus(a[1], g.const(1.0)))))
        if d[1] is not None:  # 0 to a positive power stays 0, where the logarithm is infinite
            positive = g.op("gt", a[0], g.const(0.0))
            exponent = g.times(d[1], g.pick(positive, g.times(node, g.op("ln", a[0])), g.const(0.0)))
        return self._sum(base, exponent)

    def _extreme(self, op: str, a: list[int], d: list[int | None]) -> int:
        g = self.graph
        first, second = self._full(d[0]), self._full(d[1])
        sign = "lt" if op == "min" else "gt"
        tie = g.op(op, first, second)
        return g.pick(g.op(sign, a[0], a[1]), first, g.pick(g.op(sign, a[1], a[0]), second, tie))

    def _lookup(self, table: int, x: int, dx: int) -> int:
        """Slope to the right of a knot for a change upwards, to its left for one downwards."""
        g, points = self.graph, self.tables[table]
        if len(points.x) < 2:
            return g.const(0.0)
        if table not in self._slopes:
            self._slopes[table] = self._slope_tables(points)
        right, left = (g.add("lookup", t, x) for t in self._slopes[table])
        if points.kind != "extrapolate":
            zero, first, last = g.const(0.0), g.const(points.x[0]), g.const(points.x[-1])
            right = g.pick(g.op("lt", x, first), zero, right)
            left = g.pick(g.op("gt", x, last), zero, left)
        return g.times(dx, g.pick(g.op("lt", dx, g.const(0.0)), left, right))

    def _slope_tables(self, points: TableData) -> tuple[int, int]:
        x, y = points.x, points.y
        slopes = [divide(y[i + 1] - y[i], x[i + 1] - x[i]) for i in range(len(x) - 1)]
        ends = (slopes[0], slopes[-1]) if points.kind == "extrapolate" else (0.0, 0.0)
        self.tables.append(TableData(x, (*slopes, ends[1]), "hold_backward"))
        self.tables.append(TableData(x, (ends[0], *slopes), "look_forward"))
        return len(self.tables) - 2, len(self.tables) - 1


def owner(program: Program, node: int) -> str:
    """The variable whose equation contains a node, for messages."""
    targets = [*program.outputs.items(), *((s.name, s.rate) for s in program.states)]
    for name, at in sorted(targets, key=lambda item: item[1]):
        if at >= node and node in needed(program.nodes, [at], arguments):
            return name
    return "an equation"
