"""Static checks of a model: units, names, ranges, roles and sources."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from sdmodel.core.functions.refused import REFUSED
from sdmodel.core.functions.table import FUNCTIONS
from sdmodel.core.structure import Structure
from sdmodel.validation.static.equations import check_equations
from sdmodel.validation.static.issue import Issue
from sdmodel.validation.static.structure import check_lookups, check_markers, check_names, check_ranges, check_unused
from sdmodel.validation.static.units import check_units

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Issue", "check", "issues"]


def issues(model: Structure) -> list[Issue]:
    """All issues of a model: errors first, then in the order of the checks and of the file.

    Parameters
    ----------
    model
        The model; nothing is run.

    Returns
    -------
    list of Issue
    """
    out = check_names(model, FUNCTIONS, REFUSED)
    known = {f.variable for f in out}  # equations with unknown names cannot be lowered either
    out += [f for f in check_equations(model) if f.variable not in known]
    out += check_units(model) + check_ranges(model) + check_lookups(model) + check_markers(model) + check_unused(model)
    return sorted(out, key=lambda f: f.level != "error")


def check(model: Structure) -> pd.DataFrame:
    """Check a model without running it.

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
        One row per issue, errors first: level (`error` if a number could be wrong or a run or sweep would
        fail, else `warning`), kind (units, names, equations, unused, range, lookup, sampling, role, source,
        sentence), variable, where (file and line), message. Empty if there is none.

    Examples
    --------
    >>> import sdmodel
    >>> table = sdmodel.load("network").check()
    >>> list(table.columns)
    ['level', 'kind', 'variable', 'where', 'message']
    """
    import pandas as pd

    columns = ["level", "kind", "variable", "where", "message"]
    return pd.DataFrame([asdict(f) for f in issues(model)], columns=columns)
