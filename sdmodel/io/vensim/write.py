"""Write a `Structure` as a Vensim `.mdl`, so that reading the file gives the same expression trees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from sdmodel.core.arguments import as_path
from sdmodel.core.errors import UnsupportedError
from sdmodel.core.expression import Array, Call, Expr, Number, Op, Ref, Table, Text, key, to_text, walk
from sdmodel.core.functions.table import FUNCTIONS
from sdmodel.core.notation import function_name
from sdmodel.core.structure import CONTROL, Component, Structure, SubscriptRange, Variable

_PLAIN = re.compile(r"[^\W\d_][\w '$]*")
_METHODS = {"euler": "0", "rk4": "1", "rk2": "3"}
_RULE = "*" * 56
_VIEW = r"""\\\---/// Sketch information - do not modify anything except names
V300  Do not put anything below this section - it will be ignored
*View 1
$192-192-192,0,Times New Roman|12||0-0-0|0-0-0|0-0-255|-1--1--1|-1--1--1|72,72,100,0
///---\\\
:L<%^E!@
"""


def write(model: Structure, path: str | Path, overwrite: bool = False) -> Path:
    """Write a model as a Vensim `.mdl` in UTF-8. See `Model.write`."""
    target = as_path("path", path)
    if target.suffix.lower() != ".mdl":
        raise UnsupportedError(f"'{target.name}' does not end with .mdl, the only kind of file a model is written to.")
    text = to_mdl(model)
    with target.open("w" if overwrite else "x", encoding="utf-8", newline="\n") as file:
        file.write(text)
    return target


def to_mdl(model: Structure) -> str:
    """The text of a `.mdl`: ranges, equations by group, an empty view, unit synonyms and the integration method.

    Parameters
    ----------
    model
        The model. Scenarios are not part of the file; GET XLS and GET DIRECT functions name their files as before.

    Returns
    -------
    str

    Raises
    ------
    UnsupportedError
        If a formula has no form in Vensim; the message names the variable and the function.

    Examples
    --------
    >>> import sdmodel
    >>> print(sdmodel.io.vensim.write.to_mdl(sdmodel.load("network")).splitlines()[0])
    {UTF-8}
    """
    spell = {k: quoted(v.name) for k, v in model.equations.items()}
    spell.update({k: quoted(r.name) for k, r in model.ranges.items() if k not in spell})
    spell.setdefault("time", "Time")
    for variable in model.equations.values():
        for component in variable.components:
            for node in walk(component.expr):
                if isinstance(node, Ref) and node.name not in spell:
                    spell[node.name] = quoted(node.name)
    parts = ["{UTF-8}"]
    parts += [_range(r, model) for r in model.ranges.values()]
    group = ""
    for variable in _in_order(model):
        if _group(variable) != group:
            group = _group(variable)
            parts.append(f"{_RULE}\n\t.{group}\n{_RULE}~\n\t\t{group}\n\t|\n")
        parts.append(_variable(variable, model, spell))
    settings = [f"15:0,0,0,{_METHODS.get(model.method, '0')},0,0"]
    settings += ["22:" + ",".join(names) for names in model.synonyms]
    return "\n".join(parts) + "\n" + _VIEW + "\n".join(settings) + "\n"


def quoted(name: str) -> str:
    """A name in Vensim's syntax: in quotes if it has characters other than letters, digits and blanks."""
    if len(name) > 1 and name[0] == name[-1] == '"':
        return name
    if _PLAIN.fullmatch(name):
        return name
    return '"' + re.sub(r'(?<!\\)"', r"\"", name) + '"'


def _in_order(model: Structure) -> Iterator[Variable]:
    """Variables group by group; those of no group first, control variables last."""
    every = list(model.equations.values())
    groups = dict.fromkeys(["", *(_group(v) for v in every if v.key not in CONTROL), "Control"])
    for group in groups:
        yield from (v for v in every if _group(v) == group)


def _group(variable: Variable) -> str:
    name = "Control" if variable.key in CONTROL else variable.group or variable.sector
    return re.sub(r"[~|*\n]", " ", name).strip()


def _range(found: SubscriptRange, model: Structure) -> str:
    text = f"{quoted(found.name)}:\n\t{', '.join(map(quoted, found.elements))}"
    maps = []
    for target, members in found.mappings.items():
        whole = model.ranges.get(target)
        name = quoted(whole.name if whole is not None else target)
        plain = whole is not None and members == whole.elements
        maps.append(name if plain else f"({name}: {', '.join(map(quoted, members))})")
    return f"{text}{' -> ' + ', '.join(maps) if maps else ''}\n\t~\n\t~\t|\n"


def _variable(variable: Variable, model: Structure, spell: dict[str, str]) -> str:
    *front, last = [_equation(variable, c, model, spell) for c in variable.components]
    ends = "".join(f"{text} ~~|\n" for text in front)
    limits = ", ".join("?" if x is None else to_text(Number(x)) for x in variable.limits)
    unit = _field(variable.unit) + (f" [{limits}]" if limits else "")
    return f"{ends}{last}\n\t~\t{unit.strip()}\n\t~\t{_field(variable.documentation)}\n\t|\n"


def _field(text: str) -> str:
    """Text of a field, without the characters that would end it."""
    return text.replace("~", "-").replace("|", "/")


def _equation(variable: Variable, component: Component, model: Structure, spell: dict[str, str]) -> str:
    where = f"{variable.where}: '{variable.name}'"
    head = quoted(variable.name)
    if component.subs:
        head += f"[{', '.join(map(quoted, component.subs))}]"
    if component.excepts:
        head += " :EXCEPT: " + ", ".join(f"[{', '.join(map(quoted, group))}]" for group in component.excepts)
    match component.expr:
        case Table() as table:
            return f"{head}(\n\t{to_text(_vensim(table, where))[1:-1]})"
        case Call("data", args):
            return f"{head} :{_keyword(args)}:"
        case Call("get data", (*cells, Text(_))) as call:
            return f"{head} :{_keyword(call.args)}::=\n\tGET DIRECT DATA({_texts(cells)})"
        case Call("get constants" | "get lookups" as name, args):
            return f"{head}=\n\tGET DIRECT {name.split()[1].upper()}({_texts(list(args))})"
        case Array(values, shape) if len(shape) == 1 and _wide(component, model) > 1:
            return f"{head}=\n\tTABBED ARRAY({' '.join(to_text(Number(v)) for v in values)})"
        case expr:
            return f"{head}=\n\t{to_text(_vensim(expr, where), spell)}"


def _wide(component: Component, model: Structure) -> int:
    """Number of subscripts that are ranges (not elements)."""
    return sum(key(s) in model.ranges for s in component.subs)


def _keyword(args: tuple[Expr, ...]) -> str:
    kind = args[-1].value if args and isinstance(args[-1], Text) else "interpolate"
    return kind.replace("_", " ").upper()


def _texts(args: list[Expr]) -> str:
    return ", ".join(to_text(a) for a in args)


def _vensim(expr: Expr, where: str) -> Expr:
    """A formula with Vensim's functions; raise `UnsupportedError` for a function that Vensim lacks."""
    match expr:
        case Table(kind=kind):
            if kind != "interpolate":
                raise UnsupportedError(f"{where}: a lookup that is of kind '{kind}' has no form in a .mdl.")
            return expr
        case Op(op, args):
            return Op(op, tuple(_vensim(a, where) for a in args))
        case Call(name, args, subs):
            made = tuple(_vensim(a, where) for a in args)
            if name == "previous":
                return Call("delay fixed", (made[0], Ref("time step"), made[1]))
            if name in FUNCTIONS and not FUNCTIONS[name].vensim:
                spoken = function_name(name, where.partition(":")[0])
                raise UnsupportedError(f"{where}: {spoken} has no form in a .mdl.")
            if name in ("min", "max") and len(made) > 2:
                return Call(name, (_vensim(Call(name, made[:-1]), where), made[-1]))
            if name == "log10":
                return Call("log", (*made, Number(10.0)))
            if name == "forecast" and len(made) == 4:
                if made[3] != Number(0.0):
                    raise UnsupportedError(f"{where}: FORECAST with an initial trend has no form in a .mdl.")
                return Call(name, made[:3])
            return Call(name, made, tuple(map(_subscript, subs)))
        case Ref(name, subs):
            return Ref(name, tuple(map(_subscript, subs)))
        case _:
            return expr


def _subscript(sub: str) -> str:
    return quoted(sub[:-1]) + "!" if sub.endswith("!") else quoted(sub)
