"""Expand subscripted variables to scalar elements: which equation defines each, and how subscripts resolve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from math import prod

from sdmodel.core.errors import EquationError, UnsupportedError
from sdmodel.core.expression import Array, Call, Number, Ref, Table, key
from sdmodel.core.labels import join_label
from sdmodel.core.structure import Component, Structure, SubscriptRange, Variable

MAX_ELEMENTS = 200_000
"""Maximum number of scalar elements of all variables together."""

Element = tuple[str, ...]
Env = Mapping[str, str]


def label(variable: Variable, element: Element) -> str:
    """Name of an element in results: `name[a,b]`, or `name` without subscripts."""
    return join_label(variable.name, element)


class Scalars:
    """Elements of every variable of a model, and resolution of the subscripts in their equations."""

    def __init__(self, model: Structure) -> None:
        self.model = model
        self._total = 0
        self._elements: dict[str, dict[Element, tuple[Component, dict[str, str]]]] = {}
        self._spelling = {key(e): e for r in model.ranges.values() for e in r.elements}

    def of(self, variable: Variable) -> dict[Element, tuple[Component, dict[str, str]]]:
        """Elements of a variable: for each, its equation and the element bound to each range of the left-hand side."""
        found = self._elements.get(variable.key)
        if found is None:
            found = self._elements[variable.key] = self._expand(variable)
        return found

    def _expand(self, variable: Variable) -> dict[Element, tuple[Component, dict[str, str]]]:
        out: dict[Element, tuple[Component, dict[str, str]]] = {}
        ranges = self.model.ranges
        dims = {len(c.subs) for c in variable.components}
        if len(dims) > 1:
            counts = " and ".join(map(str, sorted(dims)))
            raise EquationError(f"{variable.where}: equations of '{variable.name}' have {counts} subscripts.")
        members = [[self._members(s, variable) for s in c.subs] for c in variable.components]
        sizes = [prod(map(len, choices)) for choices in members]
        self._total += sum(sizes)
        if self._total > MAX_ELEMENTS:
            raise UnsupportedError(
                f"{variable.where}: with the {sum(sizes):,} elements of '{variable.name}' the model has more than "
                f"{MAX_ELEMENTS:,}."
            )
        # An equation for few elements overrides one for many: those with many are entered first.
        for place in sorted(range(len(members)), key=lambda i: -sizes[i]):
            component, choices = variable.components[place], members[place]
            excepted = [set(product(*(self._members(s, variable) for s in group))) for group in component.excepts]
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

    def literal(self, variable: Variable, component: Component, element: Element) -> float | None:
        """The number that a constant equation gives to an element; None if the equation is not a literal."""
        expr = component.expr
        if isinstance(expr, Number):
            return expr.value
        if isinstance(expr, Call) and expr.name == "get constants":
            value = self.outside(variable, element)
            if not isinstance(value, float):
                raise EquationError(f"{variable.where}: '{variable.name}' needs a number from its file, not a series.")
            return value
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
            raise EquationError(
                f"{variable.where}: '{variable.name}' gives an array of {len(expr.values)} numbers to {size} elements "
                f"[{', '.join(component.subs)}]."
            )
        return expr.values[index]

    def outside(self, variable: Variable, element: Element) -> float | Table:
        """Value or table of an element in an external data file."""
        name = label(variable, element)
        found = self.model.external.get(name)
        if found is None:
            raise EquationError(
                f"{variable.where}: '{name}' stands in another file, which was not read. Use sdmodel.load."
            )
        return found

    def index(self, name: str, env: Env, where: str) -> int | None:
        """Index of a range or element name used as a number in a formula; None if there is no such name.

        It is the position, counted from 1, in the largest range that contains the element.
        """
        ranges = self.model.ranges
        if name in ranges:
            own = ranges[name].elements
            element = self._one(name, env, where)
            holding = [r.elements for r in ranges.values() if set(own) <= set(r.elements)]
        elif name in self._spelling:
            element = self._spelling[name]
            holding = [r.elements for r in ranges.values() if element in r.elements]
        else:
            return None
        return max(holding, key=len).index(element) + 1

    def resolve(self, ref: Ref | Call, env: Env, target: Variable, where: str) -> Element:
        """Element of `target` to which a reference resolves, with ranges bound to the elements in `env`."""
        element = tuple(self._one(s, env, where) for s in ref.subs)
        known = self.of(target)
        if element not in known:
            dims = len(next(iter(known), ()))
            if not element and dims:
                raise EquationError(f"{where}: '{target.name}' has {dims} subscripts but is used without.")
            raise EquationError(f"{where}: '{target.name}' has no element [{', '.join(element)}].")
        return element

    def members(self, variable: Variable, place: int) -> list[str]:
        """Elements of one dimension of a variable, in order."""
        return list(dict.fromkeys(e[place] for e in self.of(variable)))

    def bound(self, sub: str, env: Env, where: str) -> str:
        """Element to which a subscript resolves, with ranges bound to the elements in `env`."""
        return self._one(sub, env, where)

    def _one(self, sub: str, env: Env, where: str) -> str:
        k = key(sub.removesuffix("!"))
        mark = k + "!" if sub.endswith("!") else k
        if mark in env:
            return env[mark]
        ranges = self.model.ranges
        if sub.endswith("!"):
            raise EquationError(f"{where}: '{sub}' stands outside SUM, PROD, VMIN, VMAX or VECTOR SELECT.")
        if k not in ranges:
            if k in self._spelling:
                return self._spelling[k]
            raise EquationError(f"{where}: the subscript '{sub}' is neither a range nor an element.")
        bound = [(b, e) for b, e in env.items() if not b.endswith("!")]
        for b, element in bound:
            found = self._mapped(b, element, k)
            if found is not None:
                return found
        for _, element in bound:
            if element in ranges[k].elements:
                return element
        raise EquationError(
            f"{where}: the range '{ranges[k].name}' is not on the left-hand side; sum over it with "
            f"SUM(...[{ranges[k].name}!]), or name an element."
        )

    def _mapped(self, bound: str, element: str, wanted: str) -> str | None:
        """The element of the range `wanted` that an element of `bound` is mapped to, in either direction."""
        ranges = self.model.ranges
        for own in self._holding(bound):
            to = own.mappings.get(wanted)
            if to is not None:
                target = to[own.elements.index(element)] if own.elements.index(element) < len(to) else ""
                if target and key(target) not in ranges:
                    return target
            for family in self._holding(wanted):
                back = family.mappings.get(key(own.name))
                for place, target in enumerate(back or ()):
                    if target == element or (key(target) in ranges and element in ranges[key(target)].elements):
                        found = family.elements[place]
                        if found in ranges[wanted].elements:
                            return found
        return None

    def _holding(self, bound: str) -> list[SubscriptRange]:
        """The range `bound`, then the larger ranges that contain it."""
        ranges = self.model.ranges
        own = set(ranges[bound].elements)
        return [ranges[bound], *(r for k, r in ranges.items() if k != bound and own <= set(r.elements))]

    def over(self, names: list[str], env: Env, where: str) -> Iterator[dict[str, str]]:
        """`env` extended by every combination of elements of the ranges `names`."""
        missing = [n for n in names if n not in self.model.ranges]
        if missing:
            raise EquationError(f"{where}: '{missing[0]}!' is no subscript range.")
        for combination in product(*(self.model.ranges[n].elements for n in names)):
            yield {**env, **{f"{name}!": e for name, e in zip(names, combination, strict=True)}}
