"""Polarity of links and loops from partial derivatives of the equations along a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.compile.parameters import constants_table
from sdmodel.core.errors import EquationError
from sdmodel.core.expression import Call, Expr, Number, Op, key, names_in
from sdmodel.core.labels import join_label, split_label
from sdmodel.core.structure import Component, Structure, Variable
from sdmodel.edit import substitute
from sdmodel.solve.inputs import constants_named
from sdmodel.sweep.run_sweep import run_sweep
from sdmodel.validation.confidence.feedback_graph import causes_of, instantaneous

if TYPE_CHECKING:
    from sdmodel.core.run import Run

Link = tuple[str, str]
Element = tuple[str, ...]
HELD, START = "held for a derivative", "at the start for a derivative"
_STEP = 1e-4
_CLOCK = "clock of a derivative"


@dataclass(frozen=True, slots=True)
class Paths:
    """Stocks and auxiliaries of a run by name: elements, and values of shape (times, elements)."""

    time: np.ndarray
    elements: dict[str, list[Element]]
    values: dict[str, np.ndarray]


State = tuple[Paths, Mapping[str, float]]
"""Paths of a run, and the constants of it that differ from the file."""


def paths_of(run: Run) -> Paths:
    """Paths of a run; the element of a variable without subscripts is the empty tuple."""
    places: dict[str, dict[Element, int]] = {}
    for i, label in enumerate(run.columns):
        name, element = split_label(label, run.model.equations)
        places.setdefault(name, {})[element] = i
    return Paths(
        run.time,
        {name: list(parts) for name, parts in places.items()},
        {name: run.values[:, list(parts.values())] for name, parts in places.items()},
    )


def derivatives(
    model: Structure, states: Sequence[State], links: Iterable[Link], at: Sequence[int]
) -> dict[Link, np.ndarray]:
    """Partial derivatives of effects with respect to their causes.

    Central differences: every variable that an effect reads is fixed at its value in a run, and one element of a cause
    is perturbed. The effect of a stock is its net flow, that of a delay its input.

    Parameters
    ----------
    model
        The model.
    states
        Runs of the model: paths, and the constants that differ from the file.
    links
        Pairs of cause and effect, by name. A cause is a stock, an auxiliary or a constant.
    at
        Indices into the times of the runs.

    Returns
    -------
    dict
        By link: an array of shape (times and states, elements of the effect, elements of the cause).
    """
    import pandas as pd

    links = list(dict.fromkeys(links))
    effects = list(dict.fromkeys(effect for _, effect in links))
    first = states[0][0]
    frozen = _frozen(model, first, effects)
    labels = {c: _perturbed_labels(model, first, c) for c, _ in links}
    values = constants_table(model)["value"].to_dict()
    length = model.time["time step"]
    found: dict[Link, list[np.ndarray]] = {link: [] for link in links}
    for moment in at:
        rows: list[dict[str, float]] = []
        steps_of: list[dict[str, tuple[int, float]]] = []  # by state: first of two rows, and step, of each element
        begin = float(first.time[moment])
        for paths, given in states:
            base = {**given, "INITIAL TIME": begin, "FINAL TIME": begin + length}
            for name in (v.name for v in frozen.equations.values() if v.name.endswith((HELD, START))):
                stem = name.removesuffix(f" {HELD}").removesuffix(f" {START}")
                path = paths.values[stem][moment if name.endswith(HELD) else 0]
                base |= {join_label(name, e): float(x) for e, x in zip(paths.elements[stem], path, strict=True)}
            steps_of.append({})
            for group in labels.values():
                now = {x: base.get(x, values.get(x, 0.0)) for x in group}
                size = max(map(abs, now.values())) or 1.0
                for x, value in now.items():
                    step = _STEP * max(abs(value), 1e-3 * size)
                    steps_of[-1][x] = len(rows), step
                    rows += [{**base, x: value + step}, {**base, x: value - step}]
        design = pd.DataFrame(rows)
        design = design.fillna({c: values[c] for c in design.columns if c in values})
        sweep = run_sweep(frozen, design, effects, every=length, certificate=0, progress=False).isel(time=0)
        values_of = {e: _flat(sweep[e].to_numpy(), first.elements[e]) for e in effects}
        for cause, effect in links:
            y = values_of[effect]
            for steps in steps_of:
                slopes = [(y[row] - y[row + 1]) / (2 * step) for row, step in (steps[x] for x in labels[cause])]
                found[cause, effect].append(np.stack(slopes, axis=1))
    return {link: np.stack(parts) for link, parts in found.items()}


def _perturbed_labels(model: Structure, paths: Paths, cause: str) -> list[str]:
    """Labels of the constants of a frozen model that are the elements of a cause."""
    if cause in paths.elements:
        return [join_label(f"{cause} {HELD}", e) for e in paths.elements[cause]]
    return constants_named(model, cause)


def _flat(values: np.ndarray, elements: Sequence[Element]) -> np.ndarray:
    """Values (runs, *subscripts) as (runs, elements), in the order of the elements."""
    axes = [list(dict.fromkeys(e[d] for e in elements)) for d in range(len(elements[0]))]
    places = tuple(np.array([a.index(e[d]) for e in elements]) for d, a in enumerate(axes))
    where: Any = (slice(None), *places)
    return np.asarray(values[where]) if places else values[:, None]


def _frozen(model: Structure, paths: Paths, effects: Iterable[str]) -> Structure:
    """A model of these effects alone, with everything they read as constants."""
    moving = {k for k, v in model.equations.items() if v.kind in ("stock", "auxiliary")}
    # Perturbed constants may leave the range of the file.
    retained = {k: dataclasses.replace(v, limits=()) for k, v in model.equations.items() if k not in moving}
    for effect in effects:
        variable = instantaneous(model[effect])
        parts = []
        for c in variable.components:
            expr = _started(c.expr, {k: model.equations[k].name for k in moving})
            for k in causes_of(c.expr) & moving:
                expr = substitute(expr, k, key(f"{model.equations[k].name} {HELD}"))
            parts.append(Component(c.subs, c.excepts, expr))
            for k in names_in(c.expr) & moving:
                for word in (HELD, START):
                    still = _constant(model, paths.elements[model.equations[k].name], model.equations[k], word)
                    retained[still.key] = still
        retained[variable.key] = dataclasses.replace(variable, components=tuple(parts), outcome=False, limits=())
    clock = Variable(_CLOCK, "stock", (Component((), (), Call("integ", (Number(1.0), Number(0.0)))),))
    read = {n for k in map(key, effects) for n in retained[k].reads()}
    held = {k for k, v in retained.items() if v.name.endswith((HELD, START))}
    return dataclasses.replace(
        model, equations={**{k: v for k, v in retained.items() if k not in held - read}, clock.key: clock}
    )


def _started(expr: Expr, names: Mapping[str, str]) -> Expr:
    """An expression in which INITIAL reads the values at the start of the run."""
    match expr:
        case Call("initial", (first, *rest)):
            for k in names_in(first) & names.keys():
                first = substitute(first, k, key(f"{names[k]} {START}"))
            return Call("initial", (first, *rest))
        case Call(name, args, subs):
            return Call(name, tuple(_started(a, names) for a in args), subs)
        case Op(op, args):
            return Op(op, tuple(_started(a, names) for a in args))
        case _:
            return expr


def _constant(model: Structure, elements: Sequence[Element], variable: Variable, word: str) -> Variable:
    """A constant over the smallest ranges that contain all elements of a variable."""
    subs = []
    for d in range(len(elements[0])):
        members = {e[d] for e in elements}
        spans = [r for r in model.ranges.values() if members <= set(r.elements)]
        if not spans:
            raise EquationError(f"No subscript range spans dimension {d + 1} of '{variable.name}'.")
        subs.append(min(spans, key=lambda r: len(r.elements)).name)
    return Variable(f"{variable.name} {word}", "constant", (Component(tuple(subs), (), Number(0.0)),))


def loop_gain(
    path: Sequence[str], slopes: Mapping[Link, np.ndarray], elements: Mapping[str, Sequence[Element]]
) -> np.ndarray:
    """Normalised gain of a loop: 1 if every path through its elements reinforces, -1 if every one balances.

    With subscripts a path is a bundle of loops through elements, whose gains (products of derivatives) sum to the trace
    of the product of the Jacobians; dividing by the sum of absolute gains makes it independent of units.

    Parameters
    ----------
    path
        Variables the loop runs through; an entry may name an element, as in `firms[weak]`.
    slopes
        Derivatives of each step, as `derivatives` gives them.
    elements
        Elements of each variable, in the order of the derivatives.

    Returns
    -------
    numpy.ndarray
        One value per time; 0 where the loop is inactive.
    """
    out = []
    for t in range(len(next(iter(slopes.values())))):
        start = len(_chosen(path[0], elements)[1])
        signed, plain = np.eye(start), np.eye(start)
        for cause, effect in zip(path, (*path[1:], path[0]), strict=True):
            (source, columns), (target, rows) = _chosen(cause, elements), _chosen(effect, elements)
            part = slopes[source, target][t][np.ix_(rows, columns)]
            part = part / (np.abs(part).max() or 1.0)  # long products of small numbers would underflow
            signed, plain = part @ signed, np.abs(part) @ plain
        whole = float(np.trace(plain))
        out.append(float(np.trace(signed)) / whole if whole > 0 else 0.0)
    return np.array(out)


def _chosen(entry: str, elements: Mapping[str, Sequence[Element]]) -> tuple[str, list[int]]:
    """Name of the variable of an entry of a path, and indices of the elements that the entry refers to."""
    name, wanted = split_label(entry, {key(n) for n in elements})
    return name, [i for i, e in enumerate(elements[name]) if set(wanted) <= set(e)]
