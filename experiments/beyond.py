"""Questions about what is no lever: a sampled constant that an arm sets, for the whole run or from 2015 on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sdmodel.core.expression import Call, Expr, Number, Op, Ref, key
from sdmodel.core.structure import Component
from sdmodel.study.question import Question

if TYPE_CHECKING:
    from sdmodel.model import Model
    from sdmodel.study.answer import Answer
    from sdmodel.study.arms import Arms

UNCHANGED = -1.0
"""Value of `NAME as set` or `NAME from 2015` that leaves a constant what it was."""


@dataclass(frozen=True)
class Beyond(Question):
    """A question whose arms set sampled constants, also beyond their ranges; all else is as in `Question`.

    Ranges change with the width that is asked for, and a constant must stay inside; so what an arm sets has a name of
    its own.
    """

    throughout: tuple[str, ...] = ()
    """Constants without subscripts, nil or positive, for which arms may set `NAME as set`, for the whole run."""
    later: tuple[str, ...] = ()
    """The same, `NAME from 2015`: history, and what is initial or a reference, stay as they were."""

    def run(self, arms: Arms, stage: str, **how: Any) -> Answer:
        """Run the arms in a model that has these constants."""
        for name in self.throughout:
            arms.model = settable(arms.model, name)
        for name in self.later:
            arms.model = settable(arms.model, name, later=True)
        return super().run(arms, stage, **how)


def settable(model: Model, name: str, *, later: bool = False) -> Model:
    """The model in which `NAME as set`, or `NAME from 2015`, takes the place of a constant; once is enough."""
    new, force = f"{name} {'from 2015' if later else 'as set'}", f"{name} in force"
    if new in model:
        return model
    old, readers = model[name], model.uses(name)
    now: Expr = Op(">=", (Ref(key(new)), Number(0.0)))
    if later:
        now = Op("and", (Op(">=", (Ref("time"), Ref("policy start"))), now))
    number = (Component((), (), Number(UNCHANGED)),)
    which = (Component((), (), Call("if then else", (now, Ref(key(new)), Ref(old.key)))),)
    model = model.with_variable(replace(old, name=new, components=number, role="lever", limits=(UNCHANGED, None)))
    model = model.with_variable(
        replace(old, name=force, kind="auxiliary", components=which, role="", limits=(), distribution="")
    )
    for reader in readers:
        model = model.replace(name, Ref(key(force)), in_equation_of=reader)
    return model
