"""From array-level variables to scalar elements: which equation defines which element, and what a subscript means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from sdmodel.errors import EquationError
from sdmodel.expression import Array, Call, Expr, Number, Op, Ref, key
from sdmodel.model import Component, Model, Variable

Element = tuple[str, ...]
Env = Mapping[str, str]


def label(variable: Variable, element: Element) -> str:
    """Name of an element as results show it: `name[a,b]`, or the bare name."""
    return f"{variable.name}[{','.join(element)}]" if element else variable.name


class Scalars:
    """Elements of every variable of a model and the meaning of subscripts in their equations."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._elements: dict[str, dict[Element, tuple[Component, dict[str, str]]]] = {}
        self._spelling = {key(e): e for r in model.ranges.values() for e in r.elements}

    def of(self, variable: Variable) -> dict[Element, tuple[Component, dict[str, str]]]:
        """Elements of a variable: for each its equation and the element each range of the left-hand side stands for."""
        found = self._elements.get(variable.key)
        if found is None:
            found = self._elements[variable.key] = self._expand(variable)
        return found

    def _expand(self, variable: Variable) -> dict[Element, tuple[Component, dict[str, str]]]:
        out: dict[Element, tuple[Component, dict[str, str]]] = {}
        ranges = self.model.ranges
        by_detail = sorted(variable.components, key=lambda c: sum(key(s) not in ranges for s in c.subs))
        for component in by_detail:  # an equation for one element goes before one for the whole range
            choices = [self._members(s, variable) for s in component.subs]
            excepted = [
                set(product(*(self._members(s, variable) for s in group))) for group in component.excepts
            ]
            for element in product(*choices):
                if any(element in group for group in excepted):
                    continue
                env = {key(s): e for s, e in zip(component.subs, element, strict=True) if key(s) in ranges}
                out[element] = (component, env)
        places = [list(dict.fromkeys(e[i] for e in out)) for i in range(len(next(iter(out), ())))]
        whole = list(product(*(self._ordered(p) for p in places)))
        return {e: out[e] for e in whole if e in out}

    def _ordered(self, members: list[str]) -> list[str]:
        """Elements in the order of the smallest range that holds them all."""
        holding = [r.elements for r in self.model.ranges.values() if set(members) <= set(r.elements)]
        return [e for e in min(holding, key=len) if e in members] if holding else members

    def _members(self, sub: str, variable: Variable) -> tuple[str, ...]:
        k = key(sub)
        if k in self.model.ranges:
            return self.model.ranges[k].elements
        if k in self._spelling:
            return (self._spelling[k],)
        raise EquationError(f"{variable.where}: '{variable.name}' has the subscript '{sub}', which no range defines.")

    def literal(self, component: Component, element: Element) -> float | None:
        """The number that a constant equation gives to an element; None if the equation is no literal."""
        expr = component.expr
        if isinstance(expr, Number):
            return expr.value
        if not isinstance(expr, Array):
            return None
        index = 0
        size = 1
        for sub, e in zip(component.subs, element, strict=True):
            found = self.model.ranges.get(key(sub))
            if found is not None:
                index = index * len(found.elements) + found.elements.index(e)
                size *= len(found.elements)
        if size != len(expr.values):
            raise EquationError(f"An array of {len(expr.values)} numbers is given to {size} elements [{', '.join(component.subs)}].")
        return expr.values[index]

    def resolve(self, ref: Ref | Call, env: Env, target: Variable, where: str) -> Element:
        """The element of `target` that a reference means where the ranges of `env` stand for elements."""
        element = tuple(self._one(s, env, where) for s in ref.subs)
        known = self.of(target)
        if element not in known:
            dims = len(next(iter(known), ()))
            if not element and dims:
                raise EquationError(f"{where}: '{target.name}' has {dims} subscripts but is used without.")
            raise EquationError(f"{where}: '{target.name}' has no element [{', '.join(element)}].")
        return element

    def _one(self, sub: str, env: Env, where: str) -> str:
        k = key(sub.removesuffix("!"))
        if k in env:
            return env[k]
        ranges = self.model.ranges
        if k not in ranges:
            if k in self._spelling:
                return self._spelling[k]
            raise EquationError(f"{where}: the subscript '{sub}' is neither a range nor an element.")
        for bound, element in env.items():
            own = ranges[bound]
            place = own.elements.index(element)
            if k in own.mappings and place < len(own.mappings[k]):
                return own.mappings[k][place]
            back = ranges[k].mappings.get(bound)
            if back is not None and element in back:
                return ranges[k].elements[back.index(element)]
        for bound, element in env.items():
            if element in ranges[k].elements and set(ranges[bound].elements) & set(ranges[k].elements):
                return element
        raise EquationError(
            f"{where}: the range '{ranges[k].name}' is not on the left-hand side; sum over it with "
            f"SUM(...[{ranges[k].name}!]), or name an element."
        )

    def gathered(self, expr: Expr, aggregates: Mapping[str, str]) -> list[str]:
        """Ranges marked with `!` in `expr`, outside nested aggregates, in order of appearance."""
        out: list[str] = []

        def visit(node: Expr) -> None:
            if isinstance(node, (Ref, Call)):
                out.extend(k for s in node.subs if s.endswith("!") and (k := key(s[:-1])) not in out)
            if isinstance(node, (Op, Call)):
                for a in node.args:
                    if not (isinstance(a, Call) and a.name in aggregates):
                        visit(a)

        visit(expr)
        return out

    def over(self, names: list[str], env: Env, where: str) -> Iterator[dict[str, str]]:
        """`env` extended by every combination of elements of the ranges `names`."""
        missing = [n for n in names if n not in self.model.ranges]
        if missing:
            raise EquationError(f"{where}: '{missing[0]}!' is no subscript range.")
        for combination in product(*(self.model.ranges[n].elements for n in names)):
            yield {**env, **dict(zip(names, combination, strict=True))}
