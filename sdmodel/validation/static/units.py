"""Check of the units of every equation.

Rules, on the equations as written: 0 and `:NA:` fit any unit; every other number in a formula is
dimensionless (what Vensim calls its strictest testing), while a number that is the whole equation of a
constant is in the unit that the constant states; a lookup gives its own unit; the units of functions are in
`sdmodel.validation.static.signatures`; the base of a power needs no dimension unless the exponent is a number in the
formula. A variable that states no unit is one issue and fits everything after that, and a sub-expression
in error is not compared with its surroundings, so that one mistake is one issue.

References
----------
Ventana Systems, Vensim Help, "Units Checking", https://vensim.com/documentation/22275.html
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

from sdmodel.core.errors import UnitsError
from sdmodel.core.expression import Array, Call, Expr, Number, Op, Ref, Table, Text, key, names_in
from sdmodel.core.notation import formula, function_name
from sdmodel.core.structure import CONTROL, Structure, Variable
from sdmodel.core.units import DIMENSIONLESS, Unit, parse
from sdmodel.validation.static.issue import Issue, issue
from sdmodel.validation.static.signatures import fill, signature

Level = Literal["error", "warning"]
_SHOWN = 160


class _Got(NamedTuple):
    """Unit of an expression (None: unknown, fits anything); `soft`: dimensionless for being a bare number."""

    unit: Unit | None
    soft: bool = False
    wrong: bool = False
    """Something inside is in error, so its surroundings are not compared with it."""


_ANY = _Got(None)
_WRONG = _Got(None, wrong=True)


def check_units(model: Structure, name: str | None = None) -> list[Issue]:
    """Check the units of every equation of a model, or of one.

    Parameters
    ----------
    model
        The model, at the level of arrays; nothing is run.
    name
        The variable whose equation is checked; default: all.

    Returns
    -------
    list of Issue
        In file order. An **error** if units disagree or a unit text cannot be read; a **warning** if a
        variable states no unit (an error for a constant of a model that uses role markers), if a lookup is
        read at something that has a unit other than that of Time (changing that unit would change its
        meaning), if a number without a name stands where a unit is needed (an error in a model that uses role
        markers), or if a function is not known.

    Examples
    --------
    >>> from sdmodel.core.expression import Number, Op, Ref
    >>> from sdmodel.core.structure import Component, Structure, Variable
    >>> def variable(name, expr, unit):
    ...     return Variable(name, "auxiliary", (Component((), (), expr),), unit)
    >>> twice = Op("*", (Ref("a"), Number(2.0)))
    >>> parts = [variable("a", Number(1.0), "Person"), variable("b", twice, "Year")]
    >>> print(check_units(Structure("m", {v.key: v for v in parts}))[0].message.partition(":")[0])
    The equation gives Person, but b is stated in Year
    """
    checker = _Checker(model)
    return checker.run(model.equations.values() if name is None else [model[name]])


class _Checker:
    """One pass over a model; `self.variable` is the one whose equation is being read."""

    def __init__(self, model: Structure) -> None:
        self.model = model
        self.spell = {k: v.name for k, v in model.equations.items()} | {"time": "Time"}
        self.strict: Level = "error" if any(v.role for v in model.equations.values()) else "warning"
        self.issues: dict[Issue, None] = {}  # a dict keeps the order and drops repeats of equal equations
        self.units: dict[str, Unit | None] = {}
        self.variable = Variable("", "", ())

    def run(self, variables: Iterable[Variable]) -> list[Issue]:
        for k, variable in self.model.equations.items():
            self.variable = variable
            self.units[k] = self.stated(variable)
        self.time = self.time_unit()
        for variable in variables:
            self.variable = variable
            for component in variable.components:
                try:
                    self.equation(component.expr, self.units[variable.key])
                except UnitsError as error:
                    self.say("error", str(error))
                except RecursionError:
                    self.say("warning", "The units could not be checked: the equation is nested too deep.")
        return list(self.issues)

    def say(self, level: Level, message: str) -> None:
        self.issues[issue(level, "units", self.variable, message)] = None

    def show(self, expr: Expr) -> str:
        text = formula(expr, self.variable.file, self.spell)
        return f"`{text if len(text) <= _SHOWN else text[:_SHOWN] + ' …'}`"

    # -- what variables state --------------------------------------------------------------------------------
    def stated(self, variable: Variable) -> Unit | None:
        if not variable.unit.strip():
            level: Level = self.strict if variable.kind == "constant" else "warning"
            self.say(level, "No unit is stated, so nothing that uses it can be checked. Write one, or Dmnl.")
            return None
        try:
            return parse(variable.unit, self.model.synonyms)
        except UnitsError as error:
            self.say("error", str(error))
            return None

    def time_unit(self) -> Unit | None:
        """Find the unit of Time: that of the control variables, which must agree."""
        found = [(self.model.equations[n], u) for n in CONTROL if (u := self.units.get(n)) is not None]
        for variable, unit in found[1:]:
            if unit != found[0][1]:
                self.variable = variable
                self.say("error", f"{variable.name} is in {unit}, but {found[0][0].name} is in {found[0][1]}.")
        return found[0][1] if found else None

    # -- equations -------------------------------------------------------------------------------------------
    def equation(self, expr: Expr, want: Unit | None) -> None:
        if isinstance(expr, Table) or not names_in(expr):
            return  # numbers alone: the value of a constant, in the unit that it states
        if isinstance(expr, Call) and expr.name.startswith("integ") and want is not None:
            self.call(expr, expr.name, expr.args, {"u": want})  # flow and initial value against the stock's unit
            return
        got = self.infer(expr)
        if want is None or got.unit is None or got.unit == want:
            return
        if got.soft:
            self.soft(expr, want)
            return
        used = names_in(expr)
        listed = [f"{self.spell[k]} is in {u}" for k, u in self.units.items() if k in used and u is not None]
        self.say(
            "error",
            f"The equation gives {got.unit}, but {self.variable.name} is stated in {want}: "
            f"{self.show(expr)}. " + (f"Here {', '.join(listed[:8])}. " if listed else "") + self.hint(got.unit, want),
        )

    def infer(self, expr: Expr) -> _Got:
        """Infer the unit of an expression; errors inside it are reported on the way."""
        match expr:
            case Number(value):
                return _ANY if value == 0 or value != value else _Got(DIMENSIONLESS, soft=True)
            case Array(values, _):
                return _Got(DIMENSIONLESS, soft=True) if any(x and x == x for x in values) else _ANY
            case Ref("time") if "time" not in self.units:
                return _Got(self.time)
            case Ref(name, _):
                return _Got(self.units.get(name))
            case Op("^", (base, exponent)) | Call("power", (base, exponent)):
                return self.power(expr, base, exponent)
            case Call("with lookup", (at, Table())):
                self.lookup_argument(expr, at)
                return _ANY  # the table is in the unit that the variable states
            case Call(name, args, _) if name in self.units:
                for arg in args:
                    self.lookup_argument(expr, arg)
                return _Got(self.units[name])
            case Call("prod", (arg,)):
                return self.product(expr, arg)
            case Op(name, args) | Call(name, args, _):
                return self.call(expr, name, args, {})
            case Table() | Text():
                return _ANY
        raise TypeError(f"not an expression node: {expr!r}")

    def call(self, expr: Expr, name: str, args: tuple[Expr, ...], known: dict[str, Unit]) -> _Got:
        """Compare the arguments of a function with its signature; `known` maps its words to units."""
        gots = [self.infer(arg) for arg in args]
        sign = signature(name)
        if sign is None or not sign.takes(len(args)):
            what = "is not known here" if sign is None else f"does not take {len(args)} arguments"
            spoken = function_name(name, self.variable.file)
            self.say("warning", f"The units of {self.show(expr)} could not be checked: {spoken} {what}.")
            return _ANY
        if self.time is not None:
            known["time"] = self.time
        example: dict[str, tuple[Expr, Unit]] = {}
        soft: dict[str, bool] = {}
        wrong = False
        # Named units first, since they determine what a bare number stands for.
        for i in sorted(range(len(args)), key=lambda i: gots[i].soft):
            pattern, got = sign.pattern(i), gots[i]
            if pattern is None or got.unit is None:
                continue
            want = fill(pattern, known)
            if want is None:
                free = [(word, e) for word, e in pattern.powers if word not in known]
                rest = fill(Unit(tuple(p for p in pattern.powers if p not in free)), known)
                if len(free) == 1 and free[0][0] != "time" and rest is not None:
                    word, e = free[0]
                    known[word] = (got.unit / rest) ** (1 / e)
                    example[word] = (args[i], got.unit)
                    soft[word] = got.soft
            elif want != got.unit and got.soft:
                self.soft(args[i], want, expr)
            elif want != got.unit:
                wrong = True
                like = next((example[w] for w, _ in pattern.powers if w in example), None)
                because = f", because {self.show(like[0])} is in {like[1]}" if like else ""
                self.say(
                    "error",
                    f"In {self.show(expr)}, {self.show(args[i])} is in {got.unit} but should be in {want}"
                    f"{because}. " + self.hint(got.unit, want),
                )
        if sign.result is None:
            return _ANY
        words = {word for word, _ in sign.result.powers}
        if words and (wrong or any(got.wrong for got in gots)):
            return _WRONG
        bare = bool(words) and all(soft.get(w, False) for w in words)
        if bare and any(g.unit is None and self.shares(sign.pattern(i), words) for i, g in enumerate(gots)):
            return _ANY  # the other argument may be in any unit
        return _Got(fill(sign.result, known), bare)

    @staticmethod
    def shares(pattern: Unit | None, words: set[str]) -> bool:
        return pattern is not None and any(word in words for word, _ in pattern.powers)

    def power(self, expr: Expr, base: Expr, exponent: Expr) -> _Got:
        below, above = self.infer(base), self.infer(exponent)
        if above.unit is not None and not above.unit.dimensionless:
            self.say(
                "error",
                f"In {self.show(expr)}, the exponent {self.show(exponent)} is in {above.unit}, not Dmnl.",
            )
            return _WRONG
        if below.unit is None:
            return below
        number = _number(exponent)
        if number is not None:
            return _Got(below.unit**number, below.soft)
        if not below.unit.dimensionless:
            self.say(
                "error",
                f"In {self.show(expr)}, {self.show(base)} is in {below.unit} and the exponent is not a "
                f"number, so the result has no unit. Divide {self.show(base)} by a reference value in "
                f"{below.unit} first.",
            )
            return _WRONG
        return _Got(DIMENSIONLESS, below.soft and above.soft)

    def product(self, expr: Expr, arg: Expr) -> _Got:
        """PROD multiplies as many values as the ranges marked `!` have elements."""
        got = self.infer(arg)
        if got.unit is None or got.unit.dimensionless:
            return got
        marked = [key(s[:-1]) for s in (arg.subs if isinstance(arg, Ref) else ()) if s.endswith("!")]
        if not marked or any(m not in self.model.ranges for m in marked):
            self.say(
                "warning",
                f"The units of {self.show(expr)} could not be checked: the number of factors is not known.",
            )
            return _ANY
        count = 1
        for name in marked:
            count *= len(self.model.ranges[name].elements)
        return _Got(got.unit**count)

    def lookup_argument(self, expr: Expr, at: Expr) -> None:
        got = self.infer(at)
        if got.unit is not None and not got.unit.dimensionless and got.unit != self.time:
            self.say(
                "warning",
                f"In {self.show(expr)}, the table is read at {self.show(at)}, which is in {got.unit}; the "
                f"table means something else once that unit changes. Divide by a reference value in "
                f"{got.unit} first.",
            )

    # -- words -----------------------------------------------------------------------------------------------
    def soft(self, expr: Expr, want: Unit, inside: Expr | None = None) -> None:
        place = f" in {self.show(inside)}" if inside is not None else f", as {self.variable.name} states"
        self.say(
            self.strict,
            f"The number {self.show(expr)} stands where {want} is needed{place}. A number in a formula has "
            f"no unit: make it a constant in {want}.",
        )

    def hint(self, got: Unit, want: Unit) -> str:
        """Suggest a correction where two units differ."""
        ratio = got / want
        above = [w for w, e in ratio.powers if e > 0]
        below = [w for w, e in ratio.powers if e < 0]
        spell = dict(ratio.spelling)
        for a in above:
            for b in below:
                if a.rstrip("s") == b.rstrip("s") or SequenceMatcher(None, a, b).ratio() > 0.8:
                    return (
                        f"'{spell.get(a, a)}' and '{spell.get(b, b)}' are two units here: spell them alike, "
                        "or make them synonyms in the file (Units Equiv in Vensim)."
                    )
        if ratio == self.time:
            return f"Divide by a time in {self.time}, or is a unit per {self.time} stated without it?"
        if self.time is not None and ratio * self.time == DIMENSIONLESS:
            return f"Multiply by a time in {self.time}, or is a unit stated without its per {self.time}?"
        return f"It is off by the factor {ratio}."


def _number(expr: Expr) -> float | None:
    """Read the value of an exponent that is written as a number, its negative or a fraction."""
    match expr:
        case Number(value) if value == value:
            return value
        case Op("neg", (Number(value),)) if value == value:
            return -value
        case Op("/", (Number(a), Number(b))) if b:
            return a / b
    return None
