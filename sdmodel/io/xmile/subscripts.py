"""Resolve the subscripts of XMILE: find the element of an array that a reference denotes.

XMILE leaves most subscripts out. An array without subscripts takes those of the left-hand side, or is a whole array in
an array function such as SUM. A subscript is an element, a position, `*`, a slice `1:3`, `@2` (the second dimension of
the left-hand side) or any expression. Here every reference is given one subscript per dimension: dimensions that are
aggregated over are marked with `!`, and an index that must be computed during the run becomes a call of `element at`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from sdmodel.core.errors import EquationError, UnsupportedError
from sdmodel.core.expression import Call, Expr, Number, Op, Ref, Text, key
from sdmodel.io.xmile.arrays import Arrays

_WORDS = frozenset(("time", "dt", "starttime", "stoptime", "pi"))


class AmbiguousPosition(Exception):
    """An element has different positions in the ranges that contain it."""

    def __init__(self, sub: str) -> None:
        self.sub = sub
        super().__init__(sub)


@dataclass(frozen=True)
class OutOfRange:
    """A constant index outside its dimension."""


Sub = str | Expr | OutOfRange
"""One resolved subscript: a name (marked with `!` if it is aggregated over), or an index that is to be computed."""


@dataclass
class Subscripts(ABC):
    """The left-hand side of one equation, against which the references on its right-hand side are resolved."""

    arrays: Arrays
    where: str
    """File, line and variable, for messages."""
    own: str
    """Key of the variable."""
    dims: tuple[str, ...]
    """Range keys of the left-hand side."""
    subs: tuple[str, ...]
    """Its subscripts: for each dimension the range, or one element."""

    @abstractmethod
    def fill(self, expr: Expr, whole: bool = False) -> Expr:
        """Give every reference its subscripts; `whole` is set inside an array function, which takes whole arrays."""

    def reference(self, name: str, given: tuple[Expr, ...], whole: bool) -> Expr:
        """A variable, a dimension as the number of its element, or `Dimension.element` as a number."""
        arrays = self.arrays
        transposed = False
        if name not in arrays.names:
            if not given and (number := self.number(name)) is not None:
                return number
            if name.endswith("'") and name.rstrip("'") in arrays.names:
                transposed = name.count("'") % 2 == 1
                name = name.rstrip("'")
            elif name == "self":
                name = self.own
        own = arrays.dims.get(name, ())
        if given and not own and name in arrays.names:
            raise EquationError(f"{self.where}: '{arrays.names[name]}' is not an array, but it has a subscript.")
        if given and len(given) != len(own) and name in arrays.names:
            raise EquationError(
                f"{self.where}: '{arrays.names[name]}' has {len(own)} dimensions ({self.spoken(own)}), but "
                f"{len(given)} subscripts."
            )
        if not own:
            return Ref(name)
        order = own[::-1] if transposed else own
        subs = self.subscripts(name, order, given or None, whole)
        return self.build(name, subs[::-1] if transposed else subs)

    def number(self, name: str) -> Expr | None:
        """Value of a dimension or `Dimension.element` used as a number, outside brackets; None for other names."""
        arrays = self.arrays
        if name in arrays.ranges:
            sub = self.left_subscript(name)
            if sub is None:
                raise EquationError(
                    f"{self.where}: the dimension '{arrays.ranges[name].name}' stands for the number of an element, "
                    "but the left-hand side is not an array over it."
                )
            if key(sub) in arrays.ranges:
                return self.number_of(key(sub))
            place = arrays.position(name, sub)
            return Number(float(place or 0))
        dim, _, element = name.rpartition(".")
        if dim in arrays.ranges:
            place = arrays.position(dim, element)
            if place is None:
                raise EquationError(f"{self.where}: {self.no_element(dim, element)}")
            return Number(float(place))
        return None

    def subscripts(self, name: str, own: tuple[str, ...], given: tuple[Expr, ...] | None, whole: bool) -> list[Sub]:
        """One resolved subscript for each dimension of a variable; `given` is None for a reference without any."""
        out: list[Sub] = []
        for i, dim in enumerate(own):
            again = own[:i].count(dim)
            index = given[i] if given else Text("*")
            out.append(self.subscript(name, dim, again, index, whole))
        return out

    def subscript(self, name: str, dim: str, again: int, index: Expr, whole: bool) -> Sub:
        """Resolve one subscript of a variable; `again` counts earlier occurrences of its dimension."""
        arrays = self.arrays
        match index:
            case Text("*"):
                if whole:
                    return arrays.repeated(dim, again) + "!"
                found = self.left_subscript(dim, again)
                if found is None:
                    raise EquationError(self.missing(name, dim))
                return found
            case Call(":", (low, high)):  # SLICE
                return self.slice(name, dim, again, low, high, whole)
            case Ref(sub, ()):
                return self.named(name, dim, again, sub, whole)
        self.check_literal(name, dim, index)
        return self.computed(dim, self.fill(index, whole))

    def check_literal(self, name: str, dim: str, index: Expr) -> None:
        """Refuse an index that is a number outside the dimension; one that is computed has the value for such."""
        place, elements = _constant(index), self.arrays.ranges[dim].elements
        if place is not None and not 1 <= place // 1 <= len(elements):
            raise EquationError(
                f"{self.where}: the index {place:g} of '{self.arrays.names[name]}' does not lie in 1:{len(elements)}, "
                f"the elements of '{self.arrays.ranges[dim].name}'."
            )

    def named(self, name: str, dim: str, again: int, sub: str, whole: bool) -> Sub:
        """A subscript that is one word: an element, a dimension, `@1`, `Dimension.element`, or a variable."""
        arrays = self.arrays
        place = arrays.position(dim, sub)
        if place is not None:
            return arrays.ranges[dim].elements[place - 1]
        if sub.startswith("@") and sub[1:].isdigit():
            number = int(sub[1:])
            if not 1 <= number <= len(self.subs):
                raise EquationError(
                    f"{self.where}: '@{number}' stands for dimension {number} of the left-hand side, which has "
                    f"{len(self.subs)}."
                )
            return self.for_dimension(dim, self.subs[number - 1])
        if sub in arrays.ranges:
            found = self.left_subscript(sub)
            if found is not None:
                return self.for_dimension(dim, found)
            if whole and set(arrays.ranges[sub].elements) <= set(arrays.ranges[dim].elements):
                return (arrays.repeated(sub, again) if sub == dim else arrays.ranges[sub].name) + "!"
            raise EquationError(self.missing(name, sub))
        if sub not in arrays.names and sub.rpartition(".")[0] not in arrays.ranges and sub not in _WORDS:
            raise EquationError(
                f"{self.where}: {self.no_element(dim, sub)} It is not the name of a dimension or of a variable either."
            )
        return self.computed(dim, self.fill(Ref(sub), whole))

    def for_dimension(self, dim: str, sub: str) -> Sub:
        """Left-hand subscript for a dimension: itself, or its counterpart by position if the names differ."""
        arrays = self.arrays
        k = key(sub)
        if k not in arrays.ranges:  # an element of the left-hand side
            place = arrays.position(dim, sub)
            if place is not None:
                return arrays.ranges[dim].elements[place - 1]
            own = (arrays.position(d, sub) for d, s in zip(self.dims, self.subs, strict=True) if s == sub)
            return self.computed(dim, Number(float(next(own) or 0)))
        if set(arrays.ranges[k].elements) <= set(arrays.ranges[dim].elements):
            return sub
        return self.number_of(k)

    def slice(self, name: str, dim: str, again: int, low: Expr, high: Expr, whole: bool) -> Sub:
        """`first:last`, in which both ends are positions or elements."""
        arrays = self.arrays
        elements = arrays.ranges[dim].elements
        if low == Text("*") and isinstance(high, Ref) and high.name in arrays.ranges:  # *:Subrange
            part = arrays.ranges[high.name]
            if whole and set(part.elements) <= set(elements):
                return part.name + "!"
        first, last = self.end(dim, low), self.end(dim, high)
        if first is None or last is None:
            raise UnsupportedError(
                f"{self.where}: both ends of a slice of '{arrays.names[name]}' must be numbers or elements of "
                f"'{arrays.ranges[dim].name}'."
            )
        if not 1 <= first <= last <= len(elements):
            raise EquationError(
                f"{self.where}: the slice {first}:{last} of '{arrays.names[name]}' does not lie in 1:{len(elements)}, "
                f"the elements of '{arrays.ranges[dim].name}'."
            )
        chosen = elements[first - 1 : last]
        if whole:
            name = f"{arrays.ranges[dim].name} {chosen[0]} to {chosen[-1]}"
            if again:
                name += f" {again + 1}"
            return arrays.part(name, chosen) + "!"
        found = self.left_subscript(dim, again)
        if found is None:
            raise EquationError(self.missing(name, dim))
        if key(found) not in arrays.ranges:
            return found if found in chosen else OutOfRange()
        at = self.number_of(key(found))
        inside = Op("and", (Op(">=", (at, Number(float(first)))), Op("<=", (at, Number(float(last))))))
        return Call("if then else", (inside, at, Number(0.0)))

    def number_of(self, sub: str) -> Expr:
        """Position of the current element of a left-hand dimension."""
        own = self.arrays.ranges[sub].elements
        for other in self.arrays.ranges.values():  # the expression tree counts in the largest range
            if set(own) <= set(other.elements) and other.elements[: len(own)] != own:
                raise AmbiguousPosition(sub)
        return Ref(sub)

    def end(self, dim: str, expr: Expr) -> int | None:
        """Position of one end of a slice; None if it does not follow from constants."""
        if isinstance(expr, Ref) and not expr.subs:
            name = expr.name.removeprefix(dim + ".")
            place = self.arrays.position(dim, name)
            if place is not None:
                return place
        value = _constant(self.fill(expr)) if not isinstance(expr, Text) else None
        return None if value is None else int(value)

    def computed(self, dim: str, index: Expr) -> Sub:
        """Resolve an index that is an expression; a constant becomes the name of its element."""
        value = _constant(index)
        if value is None:
            return index
        elements = self.arrays.ranges[dim].elements
        place = int(value // 1)
        return elements[place - 1] if 1 <= place <= len(elements) else OutOfRange()

    def left_subscript(self, dim: str, again: int = 0) -> str | None:
        """The left-hand subscript that runs over a dimension; None if the left-hand side is not an array over it."""
        arrays = self.arrays
        fitting = [s for d, s in zip(self.dims, self.subs, strict=True) if d == dim]
        if not fitting:  # a part of the dimension, or another one with the same elements
            wanted = set(arrays.ranges[dim].elements)
            fitting = [s for d, s in zip(self.dims, self.subs, strict=True) if set(arrays.ranges[d].elements) <= wanted]
        return fitting[again] if again < len(fitting) else None

    def build(self, name: str, subs: list[Sub]) -> Expr:
        """The reference, as `element at` if an index is still to be computed."""
        if any(isinstance(s, OutOfRange) for s in subs):
            return Number(self.arrays.invalid)
        written = tuple(s if isinstance(s, str) else "*" for s in subs)
        indices = tuple(s for s in subs if not isinstance(s, (str, OutOfRange)))
        ref = Ref(name, written)
        return Call("element at", (ref, Number(self.arrays.invalid), *indices)) if indices else ref

    # -- messages -----------------------------------------------------------------------------------------------
    def spoken(self, dims: Sequence[str]) -> str:
        """Names of dimensions, joined for a message."""
        return ", ".join(self.arrays.ranges[d].name for d in dims)

    def missing(self, name: str, dim: str) -> str:
        """Message that the left-hand side does not say which element of a dimension is meant."""
        shown, over = self.arrays.names.get(name, name), self.arrays.ranges[dim].name
        here = f"is an array over {self.spoken(self.dims)}" if self.dims else "is not an array"
        element = self.arrays.ranges[dim].elements[0]
        return (
            f"{self.where} {here}, so it does not say which element of '{over}' is meant in '{shown}'. Name one, "
            f"such as {shown}[{element}], or take all of them with an array function, such as SUM({shown})."
        )

    def no_element(self, dim: str, element: str) -> str:
        """Message that a dimension has no such element."""
        elements = self.arrays.ranges[dim].elements
        some = ", ".join(elements[:6]) + (", ..." if len(elements) > 6 else "")
        return f"the dimension '{self.arrays.ranges[dim].name}' has no element '{element}' (it has {some})."


def index_of_word(sub: str) -> Expr:
    """A subscript that was one word, as an expression."""
    if sub == "*":
        return Text("*")
    try:
        return Number(float(sub)) if sub[:1].isdigit() else Ref(key(sub))
    except ValueError:
        return Ref(key(sub))


def _constant(expr: Expr) -> float | None:
    """Value of an expression of numbers only; else None."""
    match expr:
        case Number(value):
            return value
        case Op("neg", (a,)):
            x = _constant(a)
            return None if x is None else -x
        case Op("+" | "-" | "*" as op, (a, b)):
            x, y = _constant(a), _constant(b)
            if x is None or y is None:
                return None
            return x + y if op == "+" else x - y if op == "-" else x * y
    return None
