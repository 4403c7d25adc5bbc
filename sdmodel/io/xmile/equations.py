"""Resolve array functions, graphical functions and left-hand sides in equations of XMILE."""

from __future__ import annotations

from dataclasses import replace

from sdmodel.core.errors import EquationError, UnsupportedError
from sdmodel.core.expression import Call, Expr, Number, Op, Ref, Text, aggregated_ranges, key
from sdmodel.core.structure import Component, Variable, kind_of
from sdmodel.io.operator_stack import INDEX, SLICE
from sdmodel.io.xmile.arrays import Arrays
from sdmodel.io.xmile.subscripts import AmbiguousPosition, Subscripts, index_of_word

GATHERED = {"sum": "sum", "prod": "prod", "min": "vmin", "max": "vmax"}
"""Array functions and the functions of the expression tree that aggregate over marked subscripts."""
ARRAY_FUNCTIONS = frozenset((*GATHERED, "mean", "stddev", "size", "rank", "interpolate"))
MAX_POINTS = 100
"""Largest number of elements of an array in INTERPOLATE."""
_GATHERING = frozenset((*GATHERED.values(), "vector select", "array rank"))
_SPOKEN = {
    "lookup": "LOOKUP",
    "lookup invert": "LOOKUPINV",
    **{f"lookup {way}": f"LOOKUP {way.upper()}" for way in ("backward", "forward", "extrapolate")},
}
"""Functions whose first argument is a graphical function, and how a file spells them."""


def resolve_references(variable: Variable, arrays: Arrays) -> Variable:
    """The variable with every reference in its equations made explicit.

    Raises
    ------
    EquationError
        If a subscript cannot be resolved; the message lists the elements of the dimension.
    UnsupportedError
        If an index is computed where only a constant is supported.
    """
    where = f"{variable.where}: '{variable.name}'"
    dims = arrays.dims.get(variable.key, ())
    components: list[Component] = []
    waiting = [replace(c, subs=arrays.left_side(c.subs)) for c in reversed(variable.components)]
    while waiting:
        component = waiting.pop()
        try:
            expr = Equation(arrays, where, variable.key, dims, component.subs).fill(component.expr)
        except AmbiguousPosition as dim:
            waiting += reversed(_one_by_one(component, dim.sub, arrays))
        else:
            components.append(replace(component, expr=expr))
    made = tuple(components)
    return replace(variable, components=made, kind=kind_of(variable.name, made))


def _one_by_one(component: Component, sub: str, arrays: Arrays) -> list[Component]:
    """An equation for each element of a left-hand range."""
    place = list(map(key, component.subs)).index(sub)
    before, after = component.subs[:place], component.subs[place + 1 :]
    return [replace(component, subs=(*before, e, *after)) for e in arrays.ranges[sub].elements]


def _array_of(expr: Expr) -> Ref:
    """The array of an element that is chosen by an expression."""
    assert isinstance(expr, Ref)
    return expr


class Equation(Subscripts):
    """One equation, with the functions that XMILE has for arrays and graphs."""

    def fill(self, expr: Expr, whole: bool = False) -> Expr:
        """Give every reference its subscripts; `whole` is set inside an array function, which takes whole arrays."""
        if isinstance(expr, Op):
            return Op(expr.op, tuple([self.fill(a, whole) for a in expr.args]))
        if isinstance(expr, Ref):
            return self.reference(expr.name, tuple(map(index_of_word, expr.subs)), whole)
        if isinstance(expr, Call):
            return self.call(expr, whole)
        if expr == Text("*"):
            raise EquationError(f"{self.where}: '*' stands for a whole dimension in square brackets only.")
        return expr

    def call(self, expr: Call, whole: bool) -> Expr:
        """A function, a graphical function, or an element chosen by an expression."""
        name, args = expr.name, expr.args
        if name == INDEX:
            return self.reference(_array_of(args[0]).name, args[1:], whole)
        if name == "non negative":
            return Call("max", (self.fill(args[0]), Number(0.0)))
        if name in _SPOKEN and len(args) == 2:
            return self.graph(name, args[0], self.fill(args[1], whole), whole)
        if len(args) == 1 and self.has_graph(name):
            return self.graph("lookup", Ref(name, expr.subs), self.fill(args[0], whole), whole)
        if name == "vector select" and len(args) > 2:
            chosen = (self.fill(args[0], True), self.fill(args[1], True))
            return Call(name, (*chosen, *(self.fill(a, whole) for a in args[2:])))
        if name in ARRAY_FUNCTIONS:
            return self.array_function(name, args, whole)
        return Call(name, tuple([self.fill(a, whole) for a in args]), expr.subs)

    # -- graphical functions ------------------------------------------------------------------------------------
    def has_graph(self, name: str) -> bool:
        """Whether a variable of this name has a graphical function."""
        origin = self.arrays.origin(name)
        return origin in self.arrays.graphs or origin in self.arrays.tables

    def graph(self, function: str, first: Expr, x: Expr, whole: bool) -> Expr:
        """Resolve LOOKUP(variable with a graphical function, x), or a call of the variable itself."""
        arrays = self.arrays
        given: tuple[Expr, ...] = ()
        match first:
            case Ref(name, subs):
                given = tuple(index_of_word(s) for s in subs)
            case Call("[]", (Ref(name, _), *indices)):  # INDEX
                given = tuple(indices)
            case _:
                raise EquationError(
                    f"{self.where}: the first argument of {_SPOKEN[function]} is the name of a graphical function."
                )
        name = arrays.origin(name)
        ref = self.reference(name, given, whole)
        if name in arrays.graphs:
            arrays.used.add(name)
            name = arrays.graphs[name]
        elif name not in arrays.tables:
            raise EquationError(
                f"{self.where}: '{arrays.names.get(name, name)}' has no graphical function that "
                f"{_SPOKEN[function]} could read."
            )
        if not isinstance(ref, Ref):
            raise UnsupportedError(
                f"{self.where}: a graphical function of the array '{arrays.names.get(name, name)}' cannot be chosen by "
                "a computed index. Choose among its values: IF index = 1 THEN LOOKUP(...) ELSE ..."
            )
        if function == "lookup":
            return Call(name, (x,), ref.subs)
        return Call(function, (Ref(name, ref.subs), x))

    # -- array functions ----------------------------------------------------------------------------------------
    def array_function(self, name: str, args: tuple[Expr, ...], whole: bool) -> Expr:
        """SUM, PROD, MEAN, STDDEV, SIZE, MIN, MAX, RANK and INTERPOLATE."""
        if name in ("min", "max") and len(args) > 1:
            return Call(
                name, tuple(self.fill(a, whole) if whole or self.fits(a) else self.gather(name, a) for a in args)
            )
        if name == "interpolate":
            return self.interpolate(args)
        if name == "rank":
            if not 2 <= len(args) <= 3:
                raise EquationError(f"{self.where}: RANK takes 2 or 3 arguments, {len(args)} are given.")
            array, place, *second = args
            return Call(
                "array rank", (self.fill(array, True), self.fill(place, whole), *(self.fill(a, True) for a in second))
            )
        if len(args) != 1:
            raise EquationError(f"{self.where}: {name.upper()} takes one argument, {len(args)} are given.")
        return self.gather(name, args[0])

    def gather(self, name: str, argument: Expr) -> Expr:
        """One number from all elements of an array, or of an expression of arrays."""
        if name == "size" and isinstance(argument, Ref) and argument.name in self.arrays.ranges and not argument.subs:
            return Number(float(len(self.arrays.ranges[argument.name].elements)))
        inner = self.fill(argument, True)
        marked = aggregated_ranges(inner, _GATHERING)
        count = 1
        for dim in marked:
            count *= len(self.arrays.ranges[dim].elements)
        if name == "size":
            return Number(float(count))
        if not marked:  # sum, mean, minimum and maximum of one number are the number
            return Number(0.0) if name == "stddev" else inner
        if name in GATHERED:
            return Call(GATHERED[name], (inner,))
        mean = Op("/", (Call("sum", (inner,)), Number(float(count))))
        if name == "mean":
            return mean
        squares = Op("^", (Op("-", (inner, mean)), Number(2.0)))
        return Call("sqrt", (Op("/", (Call("sum", (squares,)), Number(float(count)))),))

    def fits(self, expr: Expr) -> bool:
        """Whether an argument of MIN or MAX is one number for each element of the left-hand side."""
        match expr:
            case Ref(name, subs):
                given = [index_of_word(s) for s in subs]
            case Call("[]", (Ref(name, _), *indices)):  # INDEX
                given = list(indices)
            case Op(_, args):
                return all(map(self.fits, args))
            case Call(name, args, _):
                return name in ARRAY_FUNCTIONS or all(map(self.fits, args))
            case _:
                return True
        dims = self.arrays.dims.get(name, ())
        if not given:
            return all(self.left_subscript(d, dims[:i].count(d)) is not None for i, d in enumerate(dims))
        return all(
            not (i == Text("*") or (isinstance(i, Call) and i.name == SLICE)) or self.left_subscript(d) is not None
            for i, d in zip(given, dims, strict=False)
        )

    def interpolate(self, args: tuple[Expr, ...]) -> Expr:
        """INTERPOLATE(array, x, ...): the weighted mean of the elements around x, which runs from 0 to 1."""
        arrays = self.arrays
        if not args:
            raise EquationError(f"{self.where}: the first argument of INTERPOLATE is an array.")
        array, *given = args
        match array:
            case Ref(name, subs):
                indices: tuple[Expr, ...] = tuple(index_of_word(s) for s in subs)
            case Call("[]", (Ref(name, _), *written)):  # INDEX
                indices = tuple(written)
            case _:
                raise EquationError(f"{self.where}: the first argument of INTERPOLATE is an array.")
        own = arrays.dims.get(name, ())
        indices = indices or (Text("*"),) * len(own)
        open_places = [i for i, index in enumerate(indices) if index == Text("*")]
        if not open_places or len(open_places) != len(given) or len(indices) != len(own):
            raise EquationError(
                f"{self.where}: INTERPOLATE takes one number for each whole dimension of its array; it has "
                f"{len(open_places)}, {len(given)} numbers are given."
            )
        terms: list[tuple[tuple[Expr, ...], Expr | None]] = [(indices, None)]
        for place, x in zip(open_places, given, strict=True):
            elements = arrays.ranges[own[place]].elements
            if len(terms) * len(elements) > MAX_POINTS:
                raise UnsupportedError(f"{self.where}: INTERPOLATE takes an array of at most {MAX_POINTS} elements.")
            inside = Call("max", (Number(0.0), Call("min", (Number(1.0), self.fill(x)))))
            at = Op("*", (inside, Number(float(len(elements) - 1))))
            made: list[tuple[tuple[Expr, ...], Expr | None]] = []
            for before, weight in terms:
                for i in range(len(elements)):
                    gap = Call("abs", (Op("-", (at, Number(float(i)))),))
                    own_weight: Expr = Call("max", (Number(0.0), Op("-", (Number(1.0), gap))))
                    chosen = (*before[:place], Number(float(i + 1)), *before[place + 1 :])
                    made.append((chosen, own_weight if weight is None else Op("*", (weight, own_weight))))
            terms = made
        out: Expr | None = None
        for chosen, weight in terms:
            assert weight is not None
            term = Op("*", (weight, self.reference(name, chosen, False)))
            out = term if out is None else Op("+", (out, term))
        assert out is not None
        return out
