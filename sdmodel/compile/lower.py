"""Model to Program: every variable element becomes a node, every stock element a state."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from sdmodel.compile import calls
from sdmodel.compile.functions import AGGREGATES, BUILTINS, NAN, OPS, interpolate
from sdmodel.compile.graph import Graph
from sdmodel.compile.program import Program, State, TableData
from sdmodel.compile.scalars import Element, Env, Scalars, label
from sdmodel.errors import EquationError, UnknownNameError, UnsupportedError
from sdmodel.expression import Array, Call, Expr, Number, Op, Ref, Table, Text, to_text
from sdmodel.model import CONTROL, Model, Variable

_BINARY = {"+": "add", "-": "sub", "*": "mul", "/": "div", "^": "pow", "=": "eq", "<>": "ne", "<": "lt", "<=": "le",
           ">": "gt", ">=": "ge", "and": "and", "or": "or"}  # fmt: skip
_UNARY = {"neg": "neg", "not": "not"}


class Lowering:
    """One pass from a Model to a Program. `initial` expressions see stocks as their initial formulas."""

    def __init__(self, model: Model, fixed: bool, values: Mapping[str, float]) -> None:
        self.model = model
        self.fixed = fixed
        self.values = values
        self.scalars = Scalars(model)
        self.graph = Graph()
        self.tables: list[TableData] = []
        self.data: list[str] = []
        self.parameters: dict[str, int] = {}
        self.defaults: list[float] = []
        self.structural: dict[int, float] = {}
        self.states: list[State | None] = []
        self.afterwards: list[Callable[[], None]] = []
        self._memo: dict[tuple[str, Element, bool], int] = {}
        self._hidden: dict[tuple[object, ...], list[int]] = {}
        self._open: list[tuple[str, Element, bool]] = []

    # -- whole model --------------------------------------------------------------------------------------------
    def program(self) -> Program:
        """Lower everything."""
        outputs: dict[str, int] = {}
        with _room_for_recursion():
            for variable in self.model.equations.values():
                if variable.kind == "constant":
                    for element in self.scalars.of(variable):
                        self.element(variable, element, False)
            control = {name: self._control(name) for name in CONTROL}
            for variable in self.model.equations.values():
                if variable.kind in ("constant", "lookup"):
                    continue
                for element in self.scalars.of(variable):
                    outputs[label(variable, element)] = self.element(variable, element, False)
                    self._drain()
        states = tuple(s for s in self.states if s is not None)
        return Program(
            fixed=self.fixed,
            nodes=tuple(self.graph.nodes),
            parameters=tuple(self.parameters),
            defaults=tuple(self.defaults),
            states=states,
            tables=tuple(self.tables),
            data=tuple(self.data),
            outputs=MappingProxyType(outputs),
            control=MappingProxyType(control),
            structural=MappingProxyType(self.structural),
        )

    def _control(self, name: str) -> int:
        variable = self.model.equations.get(name)
        if variable is None:
            if name == "saveper":
                return self._control("time step")
            raise EquationError(f"The model '{self.model.name}' does not say its {name.upper()}.")
        return self.element(variable, (), True)

    def _drain(self) -> None:
        """Rates of states met so far; they are lowered late so that feedback loops end at a stock."""
        while self.afterwards:
            self.afterwards.pop()()

    # -- variables ----------------------------------------------------------------------------------------------
    def element(self, variable: Variable, element: Element, initial: bool) -> int:
        """Node of a variable's element, in the run or (`initial`) at the start."""
        mark = (variable.key, element, initial)
        found = self._memo.get(mark)
        if found is not None:
            return found
        if mark in self._open:
            loop = [label(self.model.equations[k], e) for k, e, _ in self._open[self._open.index(mark) :]]
            when = " for their initial values" if initial else ""
            raise EquationError(
                f"Circular equations: {' -> '.join([*loop, loop[0]])} need each other{when} with no stock between. "
                "Put a stock or a delay into the loop."
            )
        self._open.append(mark)
        try:
            node = self._define(variable, element, initial)
        finally:
            self._open.pop()
        self._memo[mark] = node
        return node

    def _define(self, variable: Variable, element: Element, initial: bool) -> int:
        component, env = self.scalars.of(variable)[element]
        literal = self.scalars.literal(component, element)
        if literal is not None:
            name = label(variable, element)
            if name not in self.parameters:
                self.parameters[name] = len(self.defaults)
                self.defaults.append(literal)
            return self.graph.add("param", self.parameters[name])
        expr = component.expr
        if isinstance(expr, Call) and expr.name in ("integ", "integ non negative"):
            if expr.name != "integ":
                raise UnsupportedError(f"{variable.where}: '{variable.name}' is a non-negative stock, which is not read yet.")
            flow, start = expr.args
            if initial:
                return self.expr(start, env, variable, True)
            index = self.new_state(label(variable, element), flow, start, env, variable)
            return self.graph.add("state", index)
        if isinstance(expr, Call) and expr.name == "data":
            name = label(variable, element)
            if name not in self.data:
                self.data.append(name)
            return self.graph.add("data", self.data.index(name), self.time(initial))
        return self.expr(expr, env, variable, initial)

    def new_state(self, name: str, rate: Expr, start: Expr, env: Env, variable: Variable) -> int:
        """Reserve a state; its rate is lowered when the current variable is done."""
        index = len(self.states)
        self.states.append(None)
        begin = self.expr(start, env, variable, True)

        def later() -> None:
            self.states[index] = State(name, begin, self.expr(rate, env, variable, False))

        self.afterwards.append(later)
        return index

    def time(self, initial: bool) -> int:
        """Node of Time."""
        return self._control("initial time") if initial else self.graph.add("time")

    # -- expressions --------------------------------------------------------------------------------------------
    def expr(self, expr: Expr, env: Env, variable: Variable, initial: bool) -> int:
        """Node of an expression where the ranges of `env` stand for elements."""
        where = f"{variable.where}: '{variable.name}'"
        match expr:
            case Number(value):
                return self.graph.const(value)
            case Ref(name, _):
                if name == "time" and name not in self.model.equations:
                    return self.time(initial)
                target = self.model.equations.get(name)
                if target is None:
                    raise EquationError(f"{where}: {self._unknown(name)}")
                if target.kind == "lookup":
                    raise EquationError(f"{where}: the lookup '{target.name}' is used without an argument.")
                return self.element(target, self.scalars.resolve(expr, env, target, where), initial)
            case Op(op, (arg,)):
                return self.graph.op(_UNARY[op], self.expr(arg, env, variable, initial))
            case Op(op, (left, right)):
                a = self.expr(left, env, variable, initial)
                return self.graph.op(_BINARY[op], a, self.expr(right, env, variable, initial))
            case Call():
                return self._call(expr, env, variable, initial, where)
            case Array() | Table() | Text():
                raise EquationError(f"{where}: {to_text(expr)[:60]} stands where a number is needed.")
        raise TypeError(f"not an expression node: {expr!r}")

    def _unknown(self, name: str) -> str:
        return str(UnknownNameError(name, (v.name for v in self.model.equations.values())))

    def _call(self, call: Call, env: Env, variable: Variable, initial: bool, where: str) -> int:
        target = self.model.equations.get(call.name)
        if target is not None and target.kind == "lookup":
            if len(call.args) != 1:
                raise EquationError(f"{where}: the lookup '{target.name}' takes one argument.")
            element = self.scalars.resolve(call, env, target, where)
            table = self.scalars.of(target)[element][0].expr
            if not isinstance(table, Table):
                raise UnsupportedError(f"{where}: the lookup '{target.name}' stands in another file, which is not read yet.")
            return self.lookup(table, self.expr(call.args[0], env, variable, initial))
        if call.name in AGGREGATES:
            return self._aggregate(call, env, variable, initial, where)
        lower = calls.LOWERED.get(call.name)
        if lower is None:
            if call.name in BUILTINS:
                raise EquationError(f"{where}: {call.name.upper()} cannot stand inside a formula.")
            known = [n.upper() for n in BUILTINS] + [v.name for v in self.model.equations.values()]
            raise UnsupportedError(f"{where}: {UnknownNameError(call.name.upper(), known, 'function')}")
        least, most, build = lower
        if not least <= len(call.args) <= most:
            count = str(least) if least == most else f"{least} to {most}"
            raise EquationError(f"{where}: {call.name.upper()} takes {count} arguments, {len(call.args)} are given.")
        return build(self, calls.Site(call, env, variable, initial, where))

    def _aggregate(self, call: Call, env: Env, variable: Variable, initial: bool, where: str) -> int:
        if len(call.args) != 1:
            raise EquationError(f"{where}: {call.name.upper()} takes one argument, {len(call.args)} are given.")
        names = self.scalars.gathered(call.args[0], AGGREGATES)
        parts = [self.expr(call.args[0], e, variable, initial) for e in self.scalars.over(names, env, where)]
        node = parts[0]
        for part in parts[1:]:
            node = self.graph.op(AGGREGATES[call.name], node, part)
        return node

    def lookup(self, table: Table, argument: int) -> int:
        """Node of a lookup at a node."""
        data = TableData(table.x, table.y, table.kind)
        if not table.x:
            raise EquationError("A lookup has no points.")
        known = self.graph.value(argument)
        if known is not None:
            return self.graph.const(interpolate(known, data.x, data.y, data.kind))
        if data not in self.tables:
            self.tables.append(data)
        return self.graph.add("lookup", self.tables.index(data), argument)

    def hidden(self, site: calls.Site, tag: str) -> list[int] | None:
        """Hidden states made before for an equal call in an equal place."""
        return self._hidden.get((tag, site.call, tuple(sorted(site.env.items()))))

    def remember(self, site: calls.Site, tag: str, indices: list[int]) -> None:
        """Keep the hidden states of a call for an equal one."""
        self._hidden[(tag, site.call, tuple(sorted(site.env.items())))] = indices

    def number(self, expr: Expr, site: calls.Site, what: str) -> float:
        """The number an expression has at the start, for what shapes the program (orders of delays)."""
        node = self.expr(expr, site.env, site.variable, True)
        return self._evaluate(node, what, site.where)

    def _evaluate(self, node: int, what: str, where: str) -> float:
        op, *args = self.graph.nodes[node]
        if op == "const":
            return float(args[0])
        if op == "param":
            index = int(args[0])
            name = list(self.parameters)[index]
            value = self.values.get(name, self.defaults[index])
            self.structural[index] = value
            return value
        if op in OPS:
            return float(OPS[op](*(self._evaluate(int(a), what, where) for a in args)))
        raise EquationError(f"{where}: {what} must be a number or follow from constants.")


@contextmanager
def _room_for_recursion() -> Iterator[None]:
    """Long chains of auxiliaries are lowered by recursion, about six frames each."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 200_000))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def lower(model: Model, *, fixed: bool, values: Mapping[str, float] | None = None) -> Program:
    """Make the Program of a model.

    Parameters
    ----------
    model
        The model.
    fixed
        True for Vensim's meaning of time functions on the TIME STEP grid, False for exact dates.
    values
        Constants that differ from the file; they count only where they shape the program (orders of delays).

    Raises
    ------
    EquationError
        If a name is not defined, subscripts do not fit, or equations need each other with no stock between.
    UnsupportedError
        If a function is not known.
    """
    return Lowering(model, fixed, values or {}).program()


def constant_values(model: Model) -> dict[str, tuple[Variable, float]]:
    """Variable and value of every constant element of a model, by its label, in file order."""
    scalars = Scalars(model)
    out: dict[str, tuple[Variable, float]] = {}
    for variable in model.equations.values():
        if variable.kind == "constant":
            for element, (component, _) in scalars.of(variable).items():
                value = scalars.literal(component, element)
                out[label(variable, element)] = (variable, NAN if value is None else value)
    return out


_programs: dict[int, tuple[Model, dict[bool, Program]]] = {}


def program_of(model: Model, *, fixed: bool) -> Program:
    """The Program of a model, made once as long as the model is in use."""
    kept = _programs.get(id(model))
    if kept is None or kept[0] is not model:
        if len(_programs) >= 32:
            _programs.pop(next(iter(_programs)))
        kept = _programs[id(model)] = (model, {})
    if fixed not in kept[1]:
        kept[1][fixed] = lower(model, fixed=fixed)
    return kept[1][fixed]
