"""Implementation of the `Builder` protocol of `core.functions`, with which language functions are lowered to nodes."""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from sdmodel.compile.constants import constant_value
from sdmodel.compile.graph import Graph
from sdmodel.compile.program import Memory, Order, State, TableData, fitting_order
from sdmodel.compile.scalars import Element, Env, Scalars
from sdmodel.core.errors import EquationError
from sdmodel.core.expression import Expr, Ref, Table, aggregated_ranges, key
from sdmodel.core.functions.protocols import Site
from sdmodel.core.functions.table import FUNCTIONS, GATHERING
from sdmodel.core.functions.values import interpolate
from sdmodel.core.labels import join_label
from sdmodel.core.structure import Structure, Variable


class FunctionBuilder(ABC):
    """Access to variables, argument conditions, and the hidden stocks, memories and draws of functions."""

    def __init__(
        self,
        model: Structure,
        fixed: bool,
        values: Mapping[str, float],
        starts: frozenset[str] = frozenset(),
        resumed: bool = False,
    ) -> None:
        self.model = model
        self.starts = starts
        self.resumed = resumed
        self.fixed = fixed
        self.values = values
        self.scalars = Scalars(model)
        self.ranges = {k: r.elements for k, r in model.ranges.items()}
        self.graph = Graph()
        self.tables: dict[TableData, int] = {}
        self.parameters: dict[str, int] = {}
        self.defaults: list[float] = []
        self._names: list[str] = []
        self.structural: dict[int, float] = {}
        self.orders: list[Order] = []
        self.states: list[State | None] = []
        self.memories: list[Memory] = []
        self.streams: dict[str, int] = {}
        self.afterwards: list[Callable[[], None]] = []
        self._hidden: dict[tuple[object, ...], list[int]] = {}
        self._open: dict[tuple[str, Element, bool], None] = {}
        self.shared: dict[object, int | list[int]] = {}
        self._drawn: dict[tuple[object, ...], int] = {}
        self.requirements: dict[int, str] = {}
        self.initials: dict[str, int] = {}
        self._names_of_calls: dict[tuple[object, ...], str] = {}
        self._taken = set(model.equations)

    @abstractmethod
    def expr(self, expr: Expr, env: Env, variable: Variable, initial: bool) -> int:
        """Node of an expression with ranges replaced by the elements in `env`."""

    @abstractmethod
    def element(self, variable: Variable, element: Element, initial: bool) -> int:
        """Node of a variable's element, in the run or (`initial`) at the start."""

    @abstractmethod
    def control(self, name: str) -> int:
        """Node of the initial value of a control variable."""

    # -- arguments ----------------------------------------------------------------------------------------------
    def require(self, site: Site, condition: int, complaint: str) -> None:
        """Record a condition on the arguments of a function; where it is false, the value of the function is NaN.

        A condition that is always false raises an error here; otherwise the error of a run that fails where it is false
        contains `complaint`.
        """
        known = self.graph.value(condition)
        if known == 0:
            raise EquationError(f"{site.where}: {complaint}.")
        if known is None and not site.initial:
            self.requirements[condition] = f"{site.where}: {complaint}"

    def where_meaningful(self, site: Site, condition: int, value: int, complaint: str) -> int:
        """`value`, or NaN where the required condition is false (see `require`)."""
        self.require(site, condition, complaint)
        return value if self.graph.value(condition) else self.graph.pick(condition, value, self.graph.const(math.nan))

    def number(self, expr: Expr, site: Site, what: str) -> float:
        """Initial value of an expression on which the shape of the program depends (orders of delays)."""
        node = self.node(site, expr, initial=True)
        used: set[int] = set()
        value = constant_value(node, self.graph, list(self.tables), self.given, used)
        if value is None:
            raise EquationError(f"{site.where}: {what} must be a number or follow from constants.")
        self.structural.update((index, self.given(index)) for index in used)
        return value

    def given(self, index: int) -> float:
        """Value of parameter `index` for which the program is lowered."""
        if len(self._names) < len(self.parameters):
            self._names = list(self.parameters)
        return self.values.get(self._names[index], self.defaults[index])

    def peek(self, node: int) -> float | None:
        """Value of an initial node, or None if it depends on more than constants."""
        return constant_value(node, self.graph, list(self.tables), self.given, set())

    def draw(self, site: Site) -> int:
        """Node of a uniform draw; each random function of a variable has a stream of its own."""
        place = (site.variable.key, tuple(sorted(site.env.items())), site.initial)
        count = self._drawn[place] = self._drawn.get(place, 0) + 1
        name = " ".join([site.variable.key, *(f"{k}={e}" for k, e in sorted(site.env.items())), str(count)])
        index = self.streams.setdefault(name, len(self.streams))
        return self.graph.add("first_draw" if site.initial else "draw", index)

    # -- state of functions -------------------------------------------------------------------------------------
    def later(self, work: Callable[[], None]) -> None:
        """Defer `work` until the current variable is lowered, so that a feedback loop may pass through hidden state."""
        self.afterwards.append(work)

    def _place(self, site: Site, tag: str) -> tuple[object, ...]:
        """Key that identifies the hidden states or memories of one call."""
        return (site.call.name, tag, site.call, tuple(sorted(site.env.items())))

    def hidden_states(self, site: Site, starts: list[int]) -> tuple[list[int], bool]:
        """Indices of hidden stocks with initial nodes `starts`; True if an equal call has already created them."""
        place = self._place(site, "states")
        if place in self._hidden:
            return self._hidden[place], True
        indices = list(range(len(self.states), len(self.states) + len(starts)))
        for number, start in enumerate(starts, 1):
            name = f"{self.name_of_call(site, 'states')} {number}"
            self.states.append(State(name, self.given_start(name, start), -1, hidden=True))
        self._hidden[place] = indices
        return indices, False

    def set_rates(self, states: list[int], rates: list[int]) -> None:
        """Set the net flows of hidden stocks."""
        for index, rate in zip(states, rates, strict=True):
            state = self.states[index]
            assert state is not None
            self.states[index] = replace(state, rate=rate)

    def hidden_memories(self, site: Site, tag: str, count: int = 1) -> tuple[list[int], bool]:
        """Indices of `count` memories; True if an equal call with this tag has already created them."""
        place = self._place(site, f"memories {tag}")
        if place in self._hidden:
            return self._hidden[place], True
        name = self.name_of_call(site, f"memories {tag}")
        indices = list(range(len(self.memories), len(self.memories) + count))
        self.memories.extend(Memory(f"{name} {number}", -1, -1, -1) for number in range(1, count + 1))
        self._hidden[place] = indices
        return indices, False

    def set_memory(self, index: int, initial: int, following: int, steps: int) -> None:
        """Set the nodes of a memory: initial value, value that enters each step, and length in steps."""
        name = self.memories[index].name
        self.memories[index] = Memory(name, self.given_start(name, initial), following, steps)

    def initial(self, site: Site, node: int) -> int:
        """Node of the value that INITIAL keeps; a parameter in a program that goes on from a state."""
        if site.initial or self.graph.value(node) is not None:
            return node
        name = self.name_of_call(site, "initial")
        if name not in self.initials:
            self.initials[name] = self.new_parameter(name, self.peek(node)) if self.resumed else node
        return self.initials[name]

    def name_of_call(self, site: Site, tag: str) -> str:
        """Unique name of what a call stores: the element and the function, numbered from the second such call on."""
        place = self._place(site, tag)
        if place not in self._names_of_calls:
            side = self.left_side(site)
            element = side[1] if side else tuple(e for k, e in site.env.items() if not k.endswith("!"))
            base = f"{join_label(site.variable.name, element)} {site.call.name}{' time' * tag.endswith('time')}"
            names = (base if i == 1 else f"{base} ({i})" for i in itertools.count(1))
            name = next(n for n in names if not {key(n), key(f"{n} 1")} & self._taken)
            self._taken.add(key(name))
            self._names_of_calls[place] = name
        return self._names_of_calls[place]

    def given_start(self, name: str, node: int) -> int:
        """Node of an initial value: a parameter if the run is given one, else `node`."""
        return self.new_parameter(name, self.peek(node)) if name in self.starts else node

    def new_parameter(self, name: str, default: float | None) -> int:
        """Node of a parameter that is not a constant of the model."""
        if name not in self.parameters:
            self.parameters[name] = len(self.defaults)
            self.defaults.append(math.nan if default is None else default)
        return self.graph.add("param", self.parameters[name])

    def fitted_order(self, site: Site, order: int, delay: int) -> int:
        """Vensim's order of a delay on the grid: lowered until order * TIME STEP fits into the delay time."""
        step = self.control("time step")
        time, width = self.peek(delay), self.peek(step)
        if time is None or width is None:
            return order
        used = fitting_order(order, time, width)
        self.orders.append(Order(site.variable.name, delay, step, order, used))
        return used

    # -- variables and subscripts, by their keys ----------------------------------------------------------------
    def node(self, site: Site, expr: Expr, env: Env | None = None, initial: bool | None = None) -> int:
        """Node of an expression in the context of a call; `env` and `initial` override those of the call."""
        variable = self.model.equations[site.variable.key]
        start = site.initial if initial is None else initial
        return self.expr(expr, site.env if env is None else env, variable, start)

    def elements(self, variable: str) -> tuple[Element, ...]:
        """Elements of a variable; none if there is no such variable."""
        target = self.model.equations.get(variable)
        return () if target is None else tuple(self.scalars.of(target))

    def element_node(self, variable: str, element: Element, initial: bool) -> int:
        """Node of a variable's element."""
        return self.element(self.model.equations[variable], element, initial)

    def members(self, variable: str, place: int) -> list[str]:
        """Elements of a variable along one of its dimensions."""
        return self.scalars.members(self.model.equations[variable], place)

    def element_meant(self, ref: Ref, site: Site) -> Element:
        """Element of a variable to which a reference resolves."""
        return self.scalars.resolve(ref, site.env, self.model.equations[ref.name], site.where)

    def bound(self, sub: str, site: Site) -> str:
        """Element to which a subscript resolves."""
        return self.scalars.bound(sub, site.env, site.where)

    def over(self, names: list[str], site: Site) -> Iterator[dict[str, str]]:
        """Iterate over every combination of elements of the ranges `names`, each as a mapping of range to element."""
        return self.scalars.over(names, site.env, site.where)

    def gathered(self, expr: Expr) -> list[str]:
        """Ranges marked with `!` in an expression, outside nested aggregating functions."""
        return aggregated_ranges(expr, GATHERING)

    def left_side(self, site: Site) -> tuple[tuple[str, ...], Element] | None:
        """Subscripts of the left-hand side, and the element of it that is being lowered."""
        mark = next(reversed(self._open), None)
        if mark is None or mark[0] != site.variable.key:
            return None
        return self.scalars.of(self.model.equations[mark[0]])[mark[1]][0].subs, mark[1]

    def is_stepped(self, function: str) -> bool:
        """Whether a function is defined on the TIME STEP grid only."""
        return function in FUNCTIONS and bool(FUNCTIONS[function].steps)

    # -- nodes --------------------------------------------------------------------------------------------------
    def fold(self, op: str, parts: list[int]) -> int:
        """Left fold of a binary operation over several nodes."""
        node = parts[0]
        for part in parts[1:]:
            node = self.graph.op(op, node, part)
        return node

    def lookup(self, table: Table, argument: int) -> int:
        """Node of a lookup with a node as argument."""
        if not table.x:
            raise EquationError("A lookup has no points.")
        table = table.ordered()
        data = TableData(table.x, table.y, table.kind)
        known = self.graph.value(argument)
        if known is not None:
            return self.graph.const(interpolate(known, data.x, data.y, data.kind))
        return self.graph.add("lookup", self.tables.setdefault(data, len(self.tables)), argument)
