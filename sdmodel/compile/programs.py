"""Programs of models: making them, keeping them while a model is in use, and whether one fits a set of parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sdmodel.compile.lower import Lowering
from sdmodel.compile.program import Program, fitting_order
from sdmodel.compile.python.engine import evaluate
from sdmodel.core.cache import Cache
from sdmodel.core.structure import Structure


def lower(model: Structure, *, fixed: bool, values: Mapping[str, float] | None = None) -> Program:
    """Make the Program of a model.

    Parameters
    ----------
    model
        The model.
    fixed
        True for Vensim's meaning of time functions on the TIME STEP grid, False for exact dates.
    values
        Constants that differ from the file; they count only where they shape the program (orders of delays).

    Raises
    ------
    EquationError
        If a name is not defined, subscripts do not fit, or equations need each other with no stock between.
    UnsupportedError
        If a function is not known.
    """
    return Lowering(model, fixed, values or {}).program()


def fits(program: Program, p: Sequence[float]) -> str:
    """Empty if the program has the right shape for the parameters `p`, else the name of what shapes it otherwise."""
    for i, value in program.structural.items():
        if p[i] != value:
            return program.parameters[i]
    for order in program.orders:
        time, step = evaluate(program, order.time, p), evaluate(program, order.step, p)
        if fitting_order(order.asked, time, step) != order.used:
            return order.name
    return ""


_programs: Cache[Program] = Cache()


def program_of(model: Structure, *, fixed: bool) -> Program:
    """The Program of a model, made once as long as the model is in use."""
    return _programs.get(model, fixed) or _programs.put(model, fixed, lower(model, fixed=fixed))
