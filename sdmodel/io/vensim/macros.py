"""Expansion of macros: each call gets its own copy of the macro's variables, and so its own state.

The first call of MACRO in the equation of `x` becomes the variable `#x>MACRO>1#`; the macro's other variables get names
of the same form. An argument that is a name or a number replaces the parameter; any other argument becomes a variable.
All of them have the left-hand subscripts of the equation that contains the call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sdmodel.core.errors import ReadError, UnsupportedError
from sdmodel.core.expression import Call, Expr, Number, Op, Ref, key, walk
from sdmodel.core.structure import CONTROL, Component, Variable
from sdmodel.io.operator_stack import OUTPUTS

MAX_CALLS = 20_000
MAX_DEPTH = 20


@dataclass(frozen=True)
class Macro:
    """A macro; the variable of the same name is its result."""

    name: str
    parameters: tuple[str, ...]
    """Keys of the input parameters."""
    variables: Mapping[str, Variable]
    outputs: tuple[str, ...] = ()
    """Keys of further output variables."""


class _Expansion:
    def __init__(self, macros: Mapping[str, Macro], kind: Callable[[str, tuple[Component, ...]], str]) -> None:
        self.macros = macros
        self.kind = kind
        self.calls = 0

    def variable(self, variable: Variable, stem: str, depth: int) -> list[Variable]:
        """Expand the calls in a variable's equations; the variables created for them come before it."""
        made: list[Variable] = []
        count = [0]
        components = tuple(
            Component(c.subs, c.excepts, self.expr(c.expr, c, variable, stem, count, made, depth))
            for c in variable.components
        )
        if not made:
            return [variable]
        return [*made, replace(variable, components=components, kind=self.kind(variable.name, components))]

    def expr(
        self, expr: Expr, at: Component, owner: Variable, stem: str, count: list[int], made: list[Variable], depth: int
    ) -> Expr:
        if isinstance(expr, Op):
            return Op(expr.op, tuple(self.expr(a, at, owner, stem, count, made, depth) for a in expr.args))
        if not isinstance(expr, Call):
            return expr
        given, outputs = _without_outputs(expr.args)
        args = tuple(self.expr(a, at, owner, stem, count, made, depth) for a in given)
        macro = self.macros.get(expr.name)
        if macro is None:
            if outputs:
                raise ReadError(
                    f"{owner.where}: '{owner.name}' names outputs of '{expr.name}', which is not a macro of this file."
                )
            return Call(expr.name, args, expr.subs)
        return self.call(macro, args, outputs, at, owner, stem, count, made, depth)

    def call(
        self,
        macro: Macro,
        args: tuple[Expr, ...],
        outputs: tuple[Ref, ...],
        at: Component,
        owner: Variable,
        stem: str,
        count: list[int],
        made: list[Variable],
        depth: int,
    ) -> Expr:
        where = f"{owner.where}: '{owner.name}'"
        self.calls += 1
        if depth > MAX_DEPTH:
            first, *chain = stem.split(">")
            raise UnsupportedError(
                f"{owner.where}: '{first}': macros call each other, or are nested more than {MAX_DEPTH} deep: "
                f"{' -> '.join(chain[::3][:6])} ..."
            )
        if self.calls > MAX_CALLS:
            raise UnsupportedError(f"{where}: there are more than {MAX_CALLS:,} calls of macros.")
        if len(args) != len(macro.parameters):
            raise ReadError(
                f"{where}: the macro {macro.name} takes {len(macro.parameters)} inputs, {len(args)} are given."
            )
        if len(outputs) > len(macro.outputs):
            raise ReadError(
                f"{where}: the macro {macro.name} has {len(macro.outputs)} further outputs, {len(outputs)} are named."
            )
        count[0] += 1
        inner_stem = f"{stem}>{macro.name}>{count[0]}"
        given: dict[str, Expr] = {}
        for parameter, arg in zip(macro.parameters, args, strict=True):
            if isinstance(arg, (Ref, Number)):
                given[parameter] = arg
                continue
            name = f"#{inner_stem}>{parameter}#"
            made.append(_plain(name, at, arg, owner, macro, self.kind))
            given[parameter] = Ref(key(name), at.subs)
        inside = {k: v.name for k, v in macro.variables.items()}
        inside.update({key(r.name): r.name for v in macro.variables.values() for r in _outputs_in(v)})
        local = {
            k: (f"#{inner_stem}#" if k == key(macro.name) else f"#{inner_stem}>{name}#") for k, name in inside.items()
        }
        for needed in (key(macro.name), *macro.outputs):
            if needed not in local:
                raise ReadError(f"{where}: the macro {macro.name} does not define what it returns, '{needed}'.")
        for k, variable in macro.variables.items():
            if len(variable.components) != 1 or variable.components[0].subs:
                raise UnsupportedError(
                    f"{where}: '{variable.name}' of the macro {macro.name} has subscripts of its own."
                )
            body = _local(
                variable.components[0].expr, given, local, key(macro.name), at, f"{where}: macro {macro.name}"
            )
            component = Component(at.subs, at.excepts, body)
            own = replace(
                variable,
                name=local[k],
                components=(component,),
                kind=self.kind(local[k], (component,)),
                limits=(),
                group=f"macro {macro.name}",
                file=owner.file,
                line=variable.line or owner.line,
            )
            made.extend(self.variable(own, f"{inner_stem}>{variable.name}", depth + 1))
        for output, inner in zip(outputs, macro.outputs, strict=False):
            subs = output.subs or at.subs
            components = (Component(subs, at.excepts, Ref(key(local[inner]), at.subs)),)
            unit = macro.variables[inner].unit if inner in macro.variables else ""
            made.append(
                Variable(
                    output.name, self.kind(output.name, components), components, unit, file=owner.file, line=owner.line
                )
            )
        return Ref(key(local[key(macro.name)]), at.subs)


def _without_outputs(args: tuple[Expr, ...]) -> tuple[tuple[Expr, ...], tuple[Ref, ...]]:
    """Split the arguments of a call into inputs and the names of further outputs, as written."""
    if args and isinstance(last := args[-1], Call) and last.name == OUTPUTS:
        return args[:-1], tuple(r for r in last.args if isinstance(r, Ref))
    return args, ()


def _outputs_in(variable: Variable) -> list[Ref]:
    """Names given to further outputs by the calls in a variable's equations."""
    calls = (n for c in variable.components for n in walk(c.expr) if isinstance(n, Call))
    return [output for call in calls for output in _without_outputs(call.args)[1]]


def _plain(
    name: str,
    at: Component,
    expr: Expr,
    owner: Variable,
    macro: Macro,
    kind: Callable[[str, tuple[Component, ...]], str],
) -> Variable:
    components = (Component(at.subs, at.excepts, expr),)
    return Variable(
        name, kind(name, components), components, group=f"macro {macro.name}", file=owner.file, line=owner.line
    )


def _local(
    expr: Expr, given: Mapping[str, Expr], local: Mapping[str, str], own: str, at: Component, where: str
) -> Expr:
    """Replace parameters and local names in an expression of a macro; `name$` and Time refer to the model."""
    match expr:
        case Op(op, args):
            return Op(op, tuple(_local(a, given, local, own, at, where) for a in args))
        case Ref(name, subs):
            if name in given:
                if subs:
                    raise UnsupportedError(f"{where}: the input '{name}' is used with subscripts.")
                return given[name]
            if name in local:
                return Ref(key(local[name]), at.subs)
            if name.endswith("$"):
                return Ref(name.removesuffix("$").strip(), subs)
            if name == "time" or name in CONTROL:
                return expr
            raise ReadError(
                f"{where}: '{name}' is neither an input nor defined in the macro; '{name}$' is the model's."
            )
        case Call(name, args, _) if name == OUTPUTS:
            return Call(name, tuple(Ref(local[key(a.name)]) for a in args if isinstance(a, Ref)))
        case Call(name, args, subs):
            changed = tuple(_local(a, given, local, own, at, where) for a in args)
            target = given.get(name)
            if isinstance(target, Ref):
                return Call(target.name, changed, target.subs)
            if name == own:
                raise ReadError(f"{where}: the macro calls itself.")
            if name in local:
                return Call(key(local[name]), changed, at.subs)
            return Call(name.removesuffix("$").strip(), changed, subs)
        case _:
            return expr


def expand_macros(
    equations: Mapping[str, Variable],
    macros: Mapping[str, Macro],
    kind: Callable[[str, tuple[Component, ...]], str],
) -> dict[str, Variable]:
    """Expand every macro call in a set of equations.

    Raises
    ------
    UnsupportedError
        If a macro uses subscripts of its own, or macros are recursive.
    ReadError
        If a macro is called with the wrong number of inputs or uses an unknown name.
    """
    work = _Expansion(macros, kind)
    out: dict[str, Variable] = {}
    for variable in equations.values():
        for made in work.variable(variable, variable.name, 0):
            before = out.get(made.key)
            if before is not None or (made.key in equations and made.name != variable.name):
                made = _merged(before or equations[made.key], made)
            out[made.key] = made
    return out


def _merged(first: Variable, second: Variable) -> Variable:
    """Merge outputs of several calls into one variable; their subscripts must differ."""
    components = (*first.components, *second.components)
    heads = {(tuple(map(key, c.subs)), c.excepts) for c in components}
    if len(heads) < len(components) or not all(isinstance(c.expr, Ref) for c in components):
        raise ReadError(f"{second.where}: '{second.name}' is the output of a macro and is defined elsewhere too.")
    return replace(first, components=components)
