"""Simulation settings of XMILE: start, end, step, save interval and method in <sim_specs>."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from sdmodel.core.errors import ReadError
from sdmodel.core.expression import Expr, Number, Op, Ref
from sdmodel.core.structure import Component, Variable
from sdmodel.io.xmile.dialects import parse_xmile
from sdmodel.io.xmile.layout import attribute, every, text_of

_METHODS = {"euler": "euler", "rk4": "rk4", "rk2": "rk2"}


def settings_of(root: Any, model: Any, saving: str, names: Container[str], file: str) -> tuple[list[Variable], str]:
    """Control variables and integration method.

    Parameters
    ----------
    root, model
        The <xmile> element and its main <model>, whose settings take precedence over those of the file.
    saving
        Equation of SAVEPER if the file has such a variable; else empty.
    names
        Keys of the model's variables.
    file
        Name of the file, for messages.

    Raises
    ------
    ReadError
        If the start or the end is missing.
    """
    found = every(model, "sim_specs") or every(root, "sim_specs")
    if not found:
        raise ReadError(f"{file} has no <sim_specs>, so it does not say when it starts and ends.")
    specs = found[0]
    line = int(specs.sourceline or 0)
    where = f"{file}:{line}"
    values: dict[str, Expr] = {}
    for name, tag in (("INITIAL TIME", "start"), ("FINAL TIME", "stop"), ("TIME STEP", "dt")):
        text = text_of(specs, tag)
        if (text is None or not text.strip()) and tag == "dt":
            text = "1"  # the default of the standard
        if text is None or not text.strip():
            raise ReadError(f"{where}: <sim_specs> has no <{tag}>.")
        values[name] = parse_xmile(text, f"{where}: <{tag}>", names)
    step = values["TIME STEP"]
    if every(specs, "dt") and every(specs, "dt")[0].get("reciprocal", "").lower() == "true":
        inverse = Number(1 / step.value) if isinstance(step, Number) and step.value else None
        values["TIME STEP"] = inverse or Op("/", (Number(1.0), step))
    interval = attribute(specs, "save_interval") or saving
    values["SAVEPER"] = (
        parse_xmile(interval, f"{where}: save_interval", names) if interval.strip() else Ref("time step")
    )
    unit = specs.get("time_units", "")
    variables = [
        Variable(n, "control", (Component((), (), e),), unit=unit, file=file, line=line) for n, e in values.items()
    ]
    written = [m.strip().lower() for m in (specs.get("method") or "euler").split(",")]  # as the standard says
    return variables, next((_METHODS[m] for m in written if m in _METHODS), written[0])
