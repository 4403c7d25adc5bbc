"""Overlays: a few Vensim equations that change or add to a composed model for the arms of a question.

An equation for a name that the model lacks is added. An equation for an existing name replaces the old one, and
its own name in it refers to the old equation. A constant stays settable and sampled under its name; its readers then
read the formula of the overlay, a new variable ``NAME in force``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdmodel.core.errors import CompositionError
from sdmodel.core.expression import Ref, key
from sdmodel.core.structure import Component, kind_of
from sdmodel.edit import substitute
from sdmodel.io.vensim.translate import read_vensim

if TYPE_CHECKING:
    from sdmodel.core.structure import Variable
    from sdmodel.model import Model

IN_FORCE = "{name} in force"


def overlaid(model: Model, text: str, name: str = "overlay.mdl") -> Model:
    """Return the model with an overlay; unchanged if it already has an overlay of this name with these variables.

    Parameters
    ----------
    model
        A composition.
    text
        Equations in Vensim's language.
    name
        Name of the file, for messages.

    Raises
    ------
    ReadError
        If the text cannot be read.
    CompositionError
        If an equation with subscripts or several parts reads its own name.

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("network")
    >>> changed = overlaid(model, "trust time = trust time+delay ~~| delay = 1 ~ Year ~ Extra time. |")
    >>> changed["trust time in force"].kind
    'auxiliary'
    """
    patch = read_vensim(text.encode(), Path(name)).equations.values()
    laid = (model.equations.get(key(IN_FORCE.format(name=v.name))) or model.equations.get(v.key) for v in patch)
    if all(v is not None and v.file == name for v in laid):
        return model
    changed = [v for v in patch if v.key in model.equations]
    for variable in patch:
        if variable not in changed:
            model = model.with_variable(variable)
    for variable in changed:
        model = _changed(model, model[variable.name], variable)
    return model


def _changed(model: Model, old: Variable, new: Variable) -> Model:
    """Return the model with a new equation for an existing variable."""
    place: dict[str, Any] = {"file": new.file, "line": new.line}
    if old.key not in new.reads():
        return model.with_variable(replace(old, components=new.components, kind=new.kind, **place))
    if len(new.components) > 1 or new.components[0].subs:
        raise CompositionError(f"{new.where}: the equation of '{old.name}' reads its own name; write it once, whole.")
    formula = new.components[0].expr
    if old.kind != "constant":
        parts = tuple(Component(c.subs, c.excepts, substitute(formula, old.key, c.expr)) for c in old.components)
        return model.with_variable(replace(old, components=parts, kind=kind_of(old.name, parts), **place))
    if any(c.subs for c in old.components):
        raise CompositionError(f"{new.where}: the constant '{old.name}' has subscripts, which no overlay can change.")
    force = IN_FORCE.format(name=old.name)
    readers = model.uses(old.name)
    model = model.with_variable(
        replace(old, name=force, kind="auxiliary", components=new.components, role="", ids=(), limits=(),
                distribution="", **place)
    )  # fmt: skip
    for reader in readers:
        model = model.replace(old.name, Ref(key(force)), in_equation_of=reader)
    return model
