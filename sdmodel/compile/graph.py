"""The scalar expression graph: operations on earlier nodes, with common subexpressions stored once."""

from __future__ import annotations

from sdmodel.core.functions.table import OPERATIONS

Node = tuple[str, ...] | tuple[str, float] | tuple[str, int] | tuple[str | int, ...]

_COMMUTE = frozenset({"add", "mul", "and", "or", "eq", "ne"})


class Graph:
    """Expression nodes in topological order: every node comes after its arguments.

    A node is `(op, argument, ...)`: `("const", value)`, `("param", i)`, `("state", i)`, `("time",)`,
    `("data", i, node)`, `("lookup", table, node)`, `("memory", i)`, `("draw", i)`, `("first_draw", i)`,
    `("hold", node)` (the value at the start of the TIME STEP, constant over the stages of a Runge-Kutta step), or an
    operation of `sdmodel.core.functions.table.OPERATIONS` on earlier nodes.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._index: dict[Node, int] = {}
        self._varies: list[bool] = []
        self._moves: list[bool] = []

    def add(self, *node: str | int | float) -> int:
        """Index of `node`; it is appended unless an equal node exists."""
        if node[0] == "const":
            mark: Node = ("const", repr(node[1]))
        elif node[0] in _COMMUTE:
            mark = (str(node[0]), *sorted(node[1:]))  # type: ignore[arg-type]  # their arguments are indices
        else:
            mark = node  # type: ignore[assignment]  # a Node once its first word is a str
        found = self._index.get(mark)
        if found is None:
            found = self._index[mark] = len(self.nodes)
            self.nodes.append(node)  # type: ignore[arg-type]  # the same
        return found

    def const(self, value: float) -> int:
        """Node of a constant."""
        return self.add("const", float(value))

    def value(self, node: int) -> float | None:
        """Value of a constant node, else None."""
        op, *args = self.nodes[node]
        return float(args[0]) if op == "const" else None

    def op(self, name: str, *args: int) -> int:
        """Node of an operation; constant arguments are folded, and a choice with a constant condition is resolved."""
        numbers = [self.value(a) for a in args]
        if name == "select" and numbers[0] is not None:
            return args[1] if numbers[0] != 0 else args[2]
        known = [x for x in numbers if x is not None]
        if len(known) == len(args):
            return self.const(float(OPERATIONS[name].value(*known)))
        return self.add(name, *args)

    def varies(self, node: int) -> bool:
        """Whether a node can change during a run."""
        return self._rests_on(node, self._varies, frozenset({"time", "state", "data", "memory", "draw"}))

    def moves(self, node: int) -> bool:
        """Whether a node can change inside a TIME STEP, from one stage of a Runge-Kutta step to the next."""
        return self._rests_on(node, self._moves, frozenset({"time", "state", "data"}))

    def _rests_on(self, node: int, known: list[bool], sources: frozenset[str]) -> bool:
        """Whether a node depends on one of the `sources`; `known` caches the answers for the first nodes."""
        for op, *args in self.nodes[len(known) : node + 1]:
            if op in sources:
                known.append(True)
            elif op in ("const", "param", "first_draw", "memory", "draw") or (op == "hold" and known is self._moves):
                known.append(False)
            else:
                inner = args[1:] if op == "lookup" else args
                known.append(any(known[int(a)] for a in inner))
        return known[node]

    # Shorthands that keep the lowering readable.
    def plus(self, a: int, b: int) -> int:
        """A + b."""
        return self.op("add", a, b)

    def minus(self, a: int, b: int) -> int:
        """A - b."""
        return self.op("sub", a, b)

    def times(self, a: int, b: int) -> int:
        """A * b."""
        return self.op("mul", a, b)

    def over(self, a: int, b: int) -> int:
        """A / b."""
        return self.op("div", a, b)

    def pick(self, condition: int, a: int, b: int) -> int:
        """A where the condition holds, else b."""
        return self.op("select", condition, a, b)
