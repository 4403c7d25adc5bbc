"""Programmes of three embeddings with dates of their own, which the levers of the model do not have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sdmodel.core.expression import Call, Expr, Number, Op, Ref, key
from sdmodel.core.structure import Component
from sdmodel.study.question import Question

if TYPE_CHECKING:
    from sdmodel.model import Model
    from sdmodel.study.answer import Answer
    from sdmodel.study.arms import Arms

ACTORS, SOCIAL, CULTURE = "actor", "social", "culture"
PROGRAMMES = (ACTORS, SOCIAL, CULTURE)
NEVER = 2100.0
ENDS = "embedding ends"
HALF = Number(0.5)


def start(programme: str) -> str:
    """Name of the date from which a programme pays."""
    return f"{programme} embedding starts"


def budget(programme: str) -> str:
    """Name of the money of a programme a year."""
    return f"{programme} embedding budget"


RULE = "benefit mechanism of social embedding"


class Dated(Question):
    """A question that is run in the model with programmes that have dates."""

    def run(self, arms: Arms, stage: str, **how: Any) -> Answer:
        """Run the arms in that model."""
        arms.model = dated(arms.model)
        return super().run(arms, stage, **how)


def dated(model: Model) -> Model:
    """The model with three programmes, all nil as it is; a model that has them stays as it is.

    Actor embedding pays for brokered links and for recruitment into alliances, half each; social embedding for the
    entry of market intermediaries, and a benefit mechanism holds in alliances from its start on, which costs nothing;
    cultural embedding pays for advocacy and for institution rules, half each. Money acts and is counted as that of the
    levers of the same names, and as much of it arrives.
    """
    if ENDS in model:
        return model
    for programme in PROGRAMMES:
        model = _constant(model, start(programme), "policy start", NEVER, (2015.0, NEVER))
        model = _constant(model, budget(programme), "advocacy budget", 0.0, (0.0, 100.0))
    model = _constant(model, ENDS, "policy start", NEVER, (2015.0, NEVER))
    model = _constant(model, RULE, "benefit mechanism", 0.0, (0.0, 1.0))
    for programme in PROGRAMMES:
        paid = Call(
            "if then else",
            (Op("and", (_since(programme), Op("<", (Ref("time"), Ref(ENDS))))), Number(1.0), Number(0.0)),
        )
        money = Op("*", (Op("*", (Ref(key(budget(programme))), paid)), Ref("arriving part")))
        like = model["advocacy money"]
        model = model.with_variable(
            replace(like, name=f"{programme} embedding money", components=(Component((), (), money),))
        )
    actors, social, culture = (Ref(f"{programme} embedding money") for programme in PROGRAMMES)
    half_actors, half_culture = Op("*", (HALF, actors)), Op("*", (HALF, culture))
    model = _plus(model, "brokerage money", half_actors)
    model = _plus(model, "alliance recruitment", Op("/", (half_actors, Ref("cost of a recruited firm"))))
    model = _plus(model, "market entry money", social)
    model = _plus(model, "advocacy money", half_culture)
    model = _plus(model, "institution money", half_culture)
    rule = Call("if then else", (_since(SOCIAL), Ref(key(RULE)), Number(0.0)))
    return model.replace("benefit rule", Call("max", (model["benefit rule"].components[0].expr, rule)))


def _since(programme: str) -> Expr:
    return Op(">=", (Ref("time"), Ref(key(start(programme)))))


def _plus(model: Model, name: str, more: Expr) -> Model:
    return model.replace(name, Op("+", (model[name].components[0].expr, more)))


def _constant(model: Model, name: str, like: str, value: float, limits: tuple[float, float]) -> Model:
    """A constant more, with the unit of another one."""
    number = (Component((), (), Number(value)),)
    return model.with_variable(replace(model[like], name=name, components=number, limits=limits, role="lever", ids=()))
