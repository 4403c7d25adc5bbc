"""Lower a Structure to a Program: every variable element becomes a node, every stock element a state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from sdmodel.compile.constants import room_for_recursion
from sdmodel.compile.function_builder import FunctionBuilder
from sdmodel.compile.program import Program, State
from sdmodel.compile.scalars import Element, Env, label
from sdmodel.core.errors import (
    EquationError,
    FixedStepError,
    OverrideError,
    SdmodelError,
    UnknownNameError,
    UnsupportedError,
)
from sdmodel.core.expression import INTEGRALS, Array, Call, Expr, Number, Op, Ref, Table, Text
from sdmodel.core.functions.protocols import Site, arguments
from sdmodel.core.functions.refused import REFUSED
from sdmodel.core.functions.table import FUNCTIONS
from sdmodel.core.notation import formula, function_name, is_xmile
from sdmodel.core.structure import CONTROL, Structure, Variable

_BINARY = {"+": "add", "-": "sub", "*": "mul", "/": "div", "^": "pow", "=": "eq", "<>": "ne", "<": "lt", "<=": "le",
           ">": "gt", ">=": "ge", "and": "and", "or": "or"}  # fmt: skip
_UNARY = {"neg": "neg", "not": "not"}
USE_FIXED = 'method="euler" or method="rk4"'


class Lowering(FunctionBuilder):
    """One pass from a Structure to a Program; in `initial` expressions a stock is its initial formula."""

    def __init__(
        self,
        model: Structure,
        fixed: bool,
        values: Mapping[str, float],
        starts: frozenset[str] = frozenset(),
        resumed: bool = False,
    ) -> None:
        super().__init__(model, fixed, values, starts, resumed)
        self.data: dict[str, int] = {}
        self._memo: dict[tuple[str, Element, bool], int] = {}
        self.failed: dict[tuple[str, Element, bool], SdmodelError] = {}
        self._own: dict[tuple[str, Element, bool], int] = {}
        self._at_start: set[tuple[object, object]] = set()

    # -- whole model --------------------------------------------------------------------------------------------
    def program(self) -> Program:
        """Lower the whole model."""
        outputs: dict[str, int] = {}
        with room_for_recursion():
            for variable in self.model.equations.values():
                if variable.kind == "constant":
                    for element in self.scalars.of(variable):
                        self.element(variable, element, False)
            control = {name: self.control(name) for name in CONTROL}
            for variable in self.model.equations.values():
                if variable.kind in ("constant", "lookup"):
                    continue
                for element in self.scalars.of(variable):
                    outputs[label(variable, element)] = self.element(variable, element, False)
                    self._drain()
            moving = self._moving()
        self._refuse_starts_read()
        if self.resumed:
            self._start_from_parameters()
        states = tuple(s for s in self.states if s is not None)
        return Program(
            fixed=self.fixed,
            nodes=tuple(self.graph.nodes),
            parameters=tuple(self.parameters),
            defaults=tuple(self.defaults),
            states=states,
            tables=tuple(self.tables),
            data=tuple(self.data),
            outputs=outputs,
            control=control,
            structural=self.structural,
            memories=tuple(self.memories),
            streams=tuple(self.streams),
            moving=moving,
            orders=tuple(self.orders),
            requirements=self.requirements,
            initials=self.initials,
            resumed=self.resumed,
        )

    def _refuse_starts_read(self) -> None:
        """Raise an error if a hidden state is given a start but other initial values were computed without it."""
        for place, name in self._names_of_calls.items():
            given = sorted(s for s in self.starts if s.rpartition(" ")[0] == name)
            if given and (place[2], place[3]) in self._at_start:
                raise OverrideError(
                    f"'{given[0]}' cannot be given a start: INITIAL or an initial value of '{self.model.name}' is "
                    "computed from its function. Give the stocks or constants that it follows from."
                )

    def _start_from_parameters(self) -> None:
        """Make every initial value a parameter, so that a run can begin from a given state."""
        for i, state in enumerate(self.states):
            if state is not None:
                self.states[i] = replace(state, initial=self.new_parameter(state.name, None))
        for i, memory in enumerate(self.memories):
            first, steps = (self.new_parameter(f"{memory.name}{part}", None) for part in ("", " steps"))
            self.memories[i] = replace(memory, initial=first, steps=steps)
        self.orders.clear()  # the order of a delay was determined at the start of the run

    def _moving(self) -> dict[str, int]:
        """Control variables that change during a run."""
        out = {}
        for name in CONTROL[1:]:
            variable = self.model.equations.get(name)
            if variable is not None:
                node = self.element(variable, (), False)
                if self.graph.varies(node):
                    out[name] = node
        if out and not self.fixed:
            raise FixedStepError(
                f"{next(iter(out)).upper()} changes during the run, which has a meaning on the TIME STEP grid only. "
                f"Run with {USE_FIXED}."
            )
        return out

    def control(self, name: str) -> int:
        """Node of the initial value of a control variable."""
        variable = self.model.equations.get(name)
        if variable is None:
            if name == "saveper":
                return self.control("time step")
            raise EquationError(f"The model '{self.model.name}' does not say its {name.upper()}.")
        return self.element(variable, (), True)

    def _drain(self) -> None:
        """Lower the rates of states found so far; deferred, so that feedback loops end at a stock."""
        while self.afterwards:
            self.afterwards.pop()()

    # -- variables ----------------------------------------------------------------------------------------------
    def element(self, variable: Variable, element: Element, initial: bool) -> int:
        """Node of a variable's element, in the run or (`initial`) at the start."""
        mark = (variable.key, element, initial)
        found = self._memo.get(mark)
        if found is not None:
            return found
        if mark in self.failed:
            raise self.failed[mark]
        if mark in self._open:
            chain = list(self._open)
            loop = [label(self.model.equations[k], e) for k, e, _ in chain[chain.index(mark) :]]
            when = " for their initial values" if initial else ""
            raise EquationError(
                f"{variable.where}: '{variable.name}': circular equations: {' -> '.join([*loop, loop[0]])} need each "
                f"other{when} with no stock between. Put a stock or a delay into the loop."
            )
        self._open[mark] = None
        try:
            node = self._define(variable, element, initial)
        except SdmodelError as error:
            self.failed[mark] = error
            raise
        finally:
            del self._open[mark]
        self._memo[mark] = node
        return node

    def _define(self, variable: Variable, element: Element, initial: bool) -> int:
        component, env = self.scalars.of(variable)[element]
        literal = self.scalars.literal(variable, component, element)
        if literal is not None:
            name = label(variable, element)
            if name not in self.parameters:
                self.parameters[name] = len(self.defaults)
                self.defaults.append(literal)
            return self.graph.add("param", self.parameters[name])
        expr = component.expr
        if isinstance(expr, Call) and expr.name in INTEGRALS:
            where = f"{variable.where}: '{variable.name}'"
            if expr.name != "integ":
                self.needs_steps(expr.name, where, variable.file)
            if len(expr.args) != 2:
                raise EquationError(f"{where}: INTEG takes a net flow and an initial value.")
            flow, start = expr.args
            if initial:
                name = label(variable, element)
                return self.given_start(name, self.expr(start, env, variable, True))
            index = self.new_state(label(variable, element), flow, start, env, variable, expr.name != "integ")
            return self.graph.add("state", index)
        if isinstance(expr, Call) and expr.name in ("data", "get data"):
            return self._series(variable, element, expr, initial)
        return self.expr(expr, env, variable, initial)

    def _series(self, variable: Variable, element: Element, call: Call, initial: bool) -> int:
        """Node of a data variable: a lookup of Time if its file was read, else a series passed to the run."""
        name = label(variable, element)
        if call.name == "get data" or name in self.model.external:
            table = self.scalars.outside(variable, element)
            if not isinstance(table, Table):
                raise EquationError(f"{variable.where}: '{name}' needs a series from its file, not a number.")
            if table.kind == "raw" and not self.fixed:
                raise FixedStepError(
                    f"{variable.where}: '{name}' is :RAW: data, which has values at its own times only. Use "
                    f":INTERPOLATE:, or run with {USE_FIXED}."
                )
            return self.lookup(table, self.time(initial))
        return self.graph.add("data", self.data.setdefault(name, len(self.data)), self.time(initial))

    def needs_steps(self, function: str, where: str, file: str) -> None:
        """Raise an error for a function that needs the TIME STEP grid in a program with exact dates."""
        if not self.fixed:
            spoken, step = function_name(function, file), "DT" if is_xmile(file) else "TIME STEP"
            raise FixedStepError(
                f"{where}: {spoken} needs {FUNCTIONS[function].steps}, which has a meaning on the {step} grid only. "
                f"Run with {USE_FIXED}."
            )

    def new_state(
        self, name: str, rate: Expr, start: Expr, env: Env, variable: Variable, nonnegative: bool = False
    ) -> int:
        """Reserve a state; its rate is lowered when the current variable is done."""
        index = len(self.states)
        self.states.append(None)
        begin = self.given_start(name, self.expr(start, env, variable, True))

        def later() -> None:
            self.states[index] = State(name, begin, self.expr(rate, env, variable, False), nonnegative=nonnegative)

        self.later(later)
        return index

    @contextmanager
    def own_name_means(self, node: int, site: Site) -> Iterator[None]:
        """Resolve the variable's own name on its right-hand side to `node`, if the call is the whole formula."""
        mark = next(reversed(self._open), None)
        whole = mark is not None and mark[0] == site.variable.key and mark[2] == site.initial
        if (
            mark is None
            or not whole
            or self.scalars.of(self.model.equations[mark[0]])[mark[1]][0].expr is not site.call
        ):
            yield
            return
        self._own[mark] = node
        try:
            yield
        finally:
            del self._own[mark]

    def time(self, initial: bool) -> int:
        """Node of Time."""
        return self.control("initial time") if initial else self.graph.add("time")

    def hold(self, node: int, initial: bool) -> int:
        """Value of `node` at the start of the TIME STEP, constant over the stages of a Runge-Kutta step on the grid."""
        return self.graph.add("hold", node) if self.fixed and not initial and self.graph.moves(node) else node

    def step(self, initial: bool) -> int:
        """Node of TIME STEP."""
        variable = self.model.equations.get("time step")
        return self.control("time step") if initial or variable is None else self.element(variable, (), False)

    # -- expressions --------------------------------------------------------------------------------------------
    def expr(self, expr: Expr, env: Env, variable: Variable, initial: bool) -> int:
        """Node of an expression with ranges replaced by the elements in `env`."""
        where = f"{variable.where}: '{variable.name}'"
        match expr:
            case Number(value):
                return self.graph.const(value)
            case Ref(name, _):
                if name == "time" and name not in self.model.equations:
                    return self.time(initial)
                target = self.model.equations.get(name)
                if target is None:
                    place = self.scalars.index(name, env, where)
                    if place is None:
                        raise EquationError(f"{where}: {self._unknown(name)}")
                    return self.graph.const(float(place))
                if target.kind == "lookup":
                    raise EquationError(f"{where}: the lookup '{target.name}' is used without an argument.")
                element = self.scalars.resolve(expr, env, target, where)
                own = self._own.get((name, element, initial)) if target is variable else None
                return self.element(target, element, initial) if own is None else own
            case Op(op, (arg,)):
                return self.graph.op(_UNARY[op], self.expr(arg, env, variable, initial))
            case Op(op, (left, right)):
                a = self.expr(left, env, variable, initial)
                return self.graph.op(_BINARY[op], a, self.expr(right, env, variable, initial))
            case Call():
                return self._call(expr, env, variable, initial, where)
            case Array() | Table() | Text():
                raise EquationError(f"{where}: {formula(expr, variable.file)[:60]} stands where a number is needed.")
        raise TypeError(f"not an expression node: {expr!r}")

    def _unknown(self, name: str) -> str:
        return str(UnknownNameError(name, (v.name for v in self.model.equations.values())))

    def _call(self, call: Call, env: Env, variable: Variable, initial: bool, where: str) -> int:
        target = self.model.equations.get(call.name)
        if target is not None and target.kind == "lookup":
            if len(call.args) != 1:
                raise EquationError(f"{where}: the lookup '{target.name}' takes one argument.")
            table = self.table(call, Site(call, env, variable, initial, where))
            return self.lookup(table, self.expr(call.args[0], env, variable, initial))
        entry = FUNCTIONS.get(call.name)
        if entry is None:
            if call.name in REFUSED:
                raise UnsupportedError(f"{where}: {call.name.upper()} is not supported: {REFUSED[call.name]}.")
            if target is not None:
                raise EquationError(
                    f"{where}: '{target.name}' is called like a lookup, but it is none ({target.kind})."
                )
            known = [function_name(n, variable.file) for n in FUNCTIONS]
            known += [v.name for v in self.model.equations.values() if v.kind == "lookup"]
            raise UnsupportedError(f"{where}: {UnknownNameError(call.name.upper(), known, 'function')}")
        if entry.build is None and entry.operation is None:
            raise EquationError(f"{where}: {call.name.upper()} cannot stand inside a formula.")
        if entry.steps:
            self.needs_steps(call.name, where, variable.file)
        least, most = entry.arguments
        if not least <= len(call.args) <= most:
            count = str(least) if least == most else f"{least} or more" if most > 99 else f"{least} to {most}"
            name = function_name(call.name, variable.file)
            raise EquationError(f"{where}: {name} takes {count} arguments, {len(call.args)} are given.")
        site = Site(call, env, variable, initial, where)
        if initial and self.starts:
            self._at_start.add((call, tuple(sorted(env.items()))))
        if entry.build is not None:
            return entry.build(self, site)
        assert entry.operation is not None
        return self.graph.op(entry.operation.name, *arguments(self, site))

    def table(self, ref: Ref | Call, site: Site) -> Table:
        """Points of a lookup variable's element."""
        env, where = site.env, site.where
        target = self.model.equations.get(ref.name)
        if target is None or target.kind != "lookup":
            raise EquationError(f"{where}: '{ref.name}' is no lookup.")
        element = self.scalars.resolve(ref, env, target, where)
        table: object = self.scalars.of(target)[element][0].expr
        if not isinstance(table, Table):
            table = self.scalars.outside(target, element)
        if not isinstance(table, Table):
            raise EquationError(f"{where}: the lookup '{target.name}' has no points.")
        return table
