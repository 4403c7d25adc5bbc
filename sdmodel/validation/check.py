"""Findings about a model, without running it: units, names, ranges, roles and sources."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from sdmodel.core.structure import Structure
from sdmodel.validation.static.equations import check_equations
from sdmodel.validation.static.issue import Finding
from sdmodel.validation.static.structure import check_lookups, check_markers, check_names, check_ranges, check_unused
from sdmodel.validation.static.units import check_units

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Finding", "check", "findings"]


def findings(model: Structure) -> list[Finding]:
    """All findings about a model: errors first, each in the order of the checks and then of the file.

    Parameters
    ----------
    model
        The model; nothing is run.

    Returns
    -------
    list of Finding
    """
    from sdmodel.compile.functions import BUILTINS, REFUSED

    out = check_names(model, BUILTINS, REFUSED)
    known = {f.variable for f in out}  # what reads an unknown name cannot be worked out either
    out += [f for f in check_equations(model) if f.variable not in known]
    out += check_units(model) + check_ranges(model) + check_lookups(model) + check_markers(model) + check_unused(model)
    return sorted(out, key=lambda f: f.level != "error")


def check(model: Structure) -> pd.DataFrame:
    """Find what is, or may be, wrong with a model.

    Units are checked on every equation (`sdmodel.validation.static.units` states the rules); names and subscripts must
    be defined; no equations may need each other without a stock between (the message names the loop); constants must
    lie in their own ranges; a model that uses role markers must give each constant a role, a source, a sentence and,
    where it varies, a range that can be sampled.

    Parameters
    ----------
    model
        The model; nothing is run.

    Returns
    -------
    pandas.DataFrame
        One row a finding, errors first: level (`error` if a number could be wrong or a run or sweep would
        stop, else `warning`), kind (units, names, equations, unused, range, lookup, sampling, role, source,
        sentence),
        variable, where (file and line), message. Empty if there is nothing to say.

    Examples
    --------
    >>> import sdmodel
    >>> table = sdmodel.load("network").check()
    >>> list(table.columns)
    ['level', 'kind', 'variable', 'where', 'message']
    """
    import pandas as pd

    columns = ["level", "kind", "variable", "where", "message"]
    return pd.DataFrame([asdict(f) for f in findings(model)], columns=columns)
