"""Python source of a Program: one function that binds parameters and returns the functions of a run.

The source contains `v<n>`, `c<n>`, float literals and whitelisted calls, and nothing from a model file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from sdmodel.compile.events import HELD, RUN, Clock
from sdmodel.compile.program import Program
from sdmodel.core.frozen import FrozenDict
from sdmodel.core.functions.operations import COMPARISONS, LOGIC

_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==",
          "ne": "!="}  # fmt: skip
_DEPTH = 25
_LEAVES = frozenset({"const", "param", "state", "time", "memory", "draw", "first_draw"})


class _Writer:
    """Writer of the body of one function: statements in order, with nodes used once inlined."""

    def __init__(
        self,
        program: Program,
        clock: Clock,
        safe: bool,
        here: Callable[[int], bool],
        step_values: Mapping[int, int] = FrozenDict(),
    ) -> None:
        self.program = program
        self.step_values = step_values
        self.clock = clock
        self.safe = safe
        self.here = here
        self.lines: list[str] = []
        self.named: dict[int, str] = {}
        self.uses: dict[int, int] = {}
        self.slots = {node: i for i, node in enumerate(clock.held)}

    def arguments(self, node: int) -> list[int]:
        op, *args = self.program.nodes[node]
        if op in _LEAVES:
            return []
        return [int(a) for a in (args[1:] if op in ("lookup", "data") else args)]

    def write(self, targets: Iterable[int], indent: str) -> list[str]:
        """Statements for all targets; returns the text of each."""
        wanted = list(targets)
        seen: set[int] = set()
        stack = list(wanted)
        while stack:
            node = stack.pop()
            self.uses[node] = self.uses.get(node, 0) + 1
            if node in seen or not self.here(node):
                continue
            seen.add(node)
            named_arms = self.program.nodes[node][0] in ("min", "max")
            for a in self.arguments(node):
                stack.append(a)
                if named_arms:
                    self.uses[a] = self.uses.get(a, 0) + 1
        depth: dict[int, int] = {}
        texts: dict[int, str] = {}
        for node in sorted(seen):
            inner = [a for a in self.arguments(node) if a not in self.named and a in texts]
            depth[node] = 1 + max((depth[a] for a in inner), default=0)
            text = self._text(node, texts)
            leaf = self.program.nodes[node][0] in _LEAVES
            if not leaf and (self.uses[node] > 1 or depth[node] > _DEPTH):
                name = f"v{node}"
                self.lines.append(f"{indent}{name} = {text}")
                self.named[node] = text = name
                depth[node] = 0
            texts[node] = text
        return [texts[t] if t in texts else self._outside(t) for t in wanted]

    def _outside(self, node: int) -> str:
        op, *args = self.program.nodes[node]
        if op == "const":
            return _number(float(args[0]))
        if node in self.step_values:
            return f"h{self.step_values[node]}"
        if node in self.slots and self.clock.classes[node] == HELD:
            return f"h{self.slots[node]}"
        return f"c{node}"

    def _text(self, node: int, texts: Mapping[int, str]) -> str:
        op, *raw = self.program.nodes[node]
        if op == "const":
            return _number(float(raw[0]))
        if op == "param":
            return f"p[{raw[0]}]"
        if op in ("state", "memory", "draw"):
            before = {"state": 0, "memory": len(self.program.states)}
            before["draw"] = before["memory"] + len(self.program.memories)
            return f"y{before[str(op)] + int(raw[0])}"
        if op == "first_draw":
            return f"u[{raw[0]}]"
        if op == "time":
            return "t"
        a = [texts[x] if x in texts else self._outside(x) for x in self.arguments(node)]
        if op == "lookup":
            return f"look{raw[0]}({a[0]})"
        if op == "data":
            return f"data{raw[0]}({a[0]})"
        if op == "hold":
            return a[0]
        if op == "select":
            return f"({a[1]} if {self._truth(self.arguments(node)[0], a[0])} else {a[2]})"
        if op in LOGIC:
            parts = [self._truth(x, text) for x, text in zip(self.arguments(node), a, strict=True)]
            return f"(not {parts[0]})" if op == "not" else f"({f' {op} '.join(parts)})"
        if op == "neg":
            return f"(-{a[0]})"
        if op in ("min", "max"):
            sign = "<" if op == "min" else ">"
            return f"({a[0]} if {a[0]} {sign} {a[1]} or {a[0]} != {a[0]} else {a[1]})"
        if op in _INFIX and not (self.safe and op == "div"):
            return f"({a[0]} {_INFIX[op]} {a[1]})"
        return f"{op}_({', '.join(a)})"

    def _truth(self, node: int, text: str) -> str:
        plain = self.program.nodes[node][0] in COMPARISONS | LOGIC and not text.startswith(("h", "c"))
        return text if plain else f"({text} != 0.0)"


def step_values_of(program: Program, clock: Clock) -> list[int]:
    """Nodes whose values at the start of a TIME STEP are read by the net flows in every stage of the step."""
    if not any(op == "hold" for op, *_ in program.nodes):
        return []
    seen: set[int] = set()
    stack = [s.rate for s in program.states]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            op, *args = program.nodes[node]
            if op not in _LEAVES and not (op == "hold" and clock.classes[node] != RUN):
                stack.extend(int(a) for a in (args[1:] if op in ("lookup", "data") else args))
    return sorted(n for n in seen if program.nodes[n][0] == "hold" and clock.classes[n] != RUN)


def _number(x: float) -> str:
    if x != x:
        return "nan"
    return ("inf" if x > 0 else "(-inf)") if math.isinf(x) else f"({x!r})" if x < 0 else repr(x)


def source_of(program: Program, clock: Clock, outputs: Sequence[int], safe: bool) -> str:
    """Python source of `bind(p, ...)`, which returns the functions of a run."""
    classes = clock.classes

    held = frozenset(clock.held)

    def run_time(node: int) -> bool:
        return classes[node] != RUN and not (classes[node] == HELD and node in held)

    body: list[str] = []
    step_values = {node: i for i, node in enumerate(step_values_of(program, clock))}
    names = "".join(f"h{i}, " for i in range(len(clock.held) or len(step_values)))
    unpack_h = f"        ({names}) = h" if names else "        pass"
    width = len(program.states) + len(program.memories) + len(program.streams)
    states = "".join(f"y{i}, " for i in range(width))
    unpack_y = f"        ({states}) = y" if states else "        pass"
    needed: set[int] = set()

    def function(
        head: str,
        targets: Sequence[int],
        here: Callable[[int], bool],
        unpack: Sequence[str],
        given: Mapping[int, int] = FrozenDict(),
    ) -> None:
        writer = _Writer(program, clock, safe, here, given)
        texts = writer.write(targets, "        ")
        body.extend([f"    def {head}:", *unpack, *writer.lines, f"        return [{', '.join(texts)}]"])
        for node in writer.uses:
            if classes[node] == RUN and program.nodes[node][0] != "const":
                needed.add(node)

    watched = [n for s in clock.sources for n in (s.test, s.against)]
    inside_step = (lambda node: run_time(node) and node not in step_values) if step_values else run_time
    function("rates(t, y, h)", [s.rate for s in program.states], inside_step, [unpack_y, unpack_h], step_values)
    unpack_h = unpack_h if clock.held else "        pass"
    function("outs(t, y, h)", outputs, run_time, [unpack_y, unpack_h])
    moving = [*(m.next for m in program.memories), *program.moving.values()]
    function("nexts(t, y, h)", moving, run_time, [unpack_y, unpack_h])
    function("holds(t, y)", list(step_values), run_time, [unpack_y])
    writer = _Writer(program, clock, safe, run_time)
    texts = iter(writer.write([n for n in watched if n >= 0], "        "))
    shown = [next(texts) if n >= 0 else "0.0" for n in watched]
    body.extend(["    def watch(t, h):", unpack_h, *writer.lines, f"        return [{', '.join(shown)}]"])
    needed.update(n for n in writer.uses if classes[n] == RUN and program.nodes[n][0] != "const")
    starts = [*(s.initial for s in program.states), *(m.initial for m in program.memories)]
    spans = [m.steps for m in program.memories]
    controls = list(program.control.values())
    needed.update(n for n in (*starts, *spans, *controls) if program.nodes[n][0] != "const")
    head = ["def bind(p, series, u):"]
    writer = _Writer(program, clock, safe, lambda node: True)
    order = sorted(needed)
    for node, text in zip(order, writer.write(order, "    "), strict=True):
        writer.lines.append(f"    c{node} = {text}")
    datas = [f"    data{i} = series[{i}]" for i in range(len(program.data))]

    def closed(nodes: Sequence[int]) -> str:
        return ", ".join(writer._outside(n) for n in nodes)

    tail = [
        f"    start = [{closed(starts)}]",
        f"    control = [{closed(controls)}]",
        f"    spans = [{closed(spans)}]",
        "    return rates, outs, watch, start, control, nexts, spans, holds",
    ]
    return "\n".join([*head, *datas, *writer.lines, *body, *tail]) + "\n"
