"""Differences between two models, two runs, or a run and an export."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.analysis.calibration.observations import series_in
from sdmodel.analysis.inputs import check
from sdmodel.analysis.outcomes import canonical
from sdmodel.core.errors import DesignError
from sdmodel.core.notation import formula
from sdmodel.core.run import Run
from sdmodel.core.structure import Structure, Variable
from sdmodel.solve.registry import solver

if TYPE_CHECKING:
    import pandas as pd

Series = dict[str, "pd.Series"]


def compare(first: Any, second: Any, *, tolerance: float = 1e-6) -> pd.DataFrame:
    """List the differences between two models, two runs, or a run and an export.

    Parameters
    ----------
    first, second
        Two Models; or two of: a Run, a DataFrame or mapping of series over time, the path of a tab-separated, CSV or
        Excel file, such as Vensim exports (times along the first row or down the first column, the first cell says
        Time). Two scenarios of a model are compared by their runs.
    tolerance
        Smallest difference between runs that counts, as a share of the largest value of the variable in `first`. An
        export with six digits needs 1e-5. Models are compared exactly.

    Returns
    -------
    pandas.DataFrame
        For models: index `name`, columns `what` (`only in first`, `only in second`, `equation`, `value`, `unit`,
        `range`, `role`), `first` and `second`, as the files have them, in the order of the first model.

        For runs: index `name`, a row for each variable that differs, the one that differs first on top, and of those
        the one that comes first from cause to effect. Columns `since` (first time of a difference that counts),
        `first` and `second` (the values there), `largest` (largest absolute difference, in the unit of the variable),
        `at` (its time) and `relative` (that difference as a share of the largest value in `first`; infinite if
        all values are 0). `attrs` hold `compared` (how many variables), `only_first` and `only_second` (names that the
        other side lacks) and `times` (how many times both have).

    Raises
    ------
    DesignError
        If the two cannot be compared, or have no variable or no time in common.
    ReadError
        If a file cannot be read.

    Notes
    -----
    Runs are compared at the times that both have. To compare with Vensim, run with ``method="euler"`` or ``"rk4"``, as
    the export was made.

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("network")
    >>> table = sdmodel.compare(model.run(), model.run({"trust time": 5.0}))
    >>> table.index[0], "trust" in table.index
    ('trust time', True)
    """
    if isinstance(first, Structure) and isinstance(second, Structure):
        return _models(first, second)
    if isinstance(first, Structure) or isinstance(second, Structure):
        raise DesignError("A model is compared with a model, a run with a run or an export. Run the model first.")
    check(tolerance=tolerance)
    return _runs(first, second, tolerance)


# -- runs -------------------------------------------------------------------------------------------------------
def _series(source: Any) -> Series:
    if isinstance(source, Run):
        table = source.to_dataframe()
        return {str(name): table[name] for name in table.columns}
    if isinstance(source, (str, Path, Mapping)) or hasattr(source, "columns"):
        return series_in(source)
    raise DesignError(f"A {type(source).__name__} cannot be compared; give a Run, a table, a mapping or a path.")


def _runs(first: Any, second: Any, tolerance: float) -> pd.DataFrame:
    import pandas as pd

    one, two = _series(first), _series(second)
    others = {canonical(name): name for name in two}
    rank = _causal(first if isinstance(first, Run) else second)
    skipped = {"time", "initial time", "final time", "time step", "saveper"}
    rows, compared, most = [], 0, 0
    for name, a in one.items():
        other = others.get(canonical(name))
        if other is None or canonical(name) in skipped:
            continue
        b = two[other]
        i, j = _common(a.index.to_numpy(float), b.index.to_numpy(float))
        if not len(i):
            continue
        compared, most = compared + 1, max(most, len(i))
        x, y, t = a.to_numpy(float)[i], b.to_numpy(float)[j], a.index.to_numpy(float)[i]
        gap = np.where(np.isnan(x) & np.isnan(y), 0.0, np.abs(x - y))
        gap = np.where(np.isnan(gap), np.inf, gap)
        scale = float(np.nanmax(np.abs(x), initial=0.0))
        wrong = np.flatnonzero(gap > tolerance * scale)
        if len(wrong):
            k, top = wrong[0], int(np.argmax(gap))
            share = gap[top] / scale if scale else np.inf
            values = {"since": t[k], "first": x[k], "second": y[k], "largest": gap[top], "at": t[top]}
            rows.append({"name": name, **values, "relative": share, "rank": rank.get(canonical(name), len(rank))})
    if not compared:
        raise DesignError(
            f"Nothing can be compared: the first has {len(one)} variables such as '{next(iter(one), '')}', the second "
            f"{len(two)} such as '{next(iter(two), '')}', and no variable is in both at the same time."
        )
    columns = ["name", "since", "first", "second", "largest", "at", "relative", "rank"]
    table = pd.DataFrame(rows, columns=columns).sort_values(["since", "rank"], kind="stable")
    out = table.drop(columns="rank").set_index("name")
    known = {canonical(name) for name in one} | skipped
    out.attrs = {
        "compared": compared,
        "times": most,
        "only_first": [n for n in one if canonical(n) not in others and canonical(n) not in skipped],
        "only_second": [n for s, n in others.items() if s not in known],
    }
    return out


def _common(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of common times, up to rounding."""
    import pandas as pd

    slack = 1e-7 * np.maximum(1.0, np.abs(a))
    found = pd.Index(b).get_indexer(pd.Index(a), method="nearest", tolerance=slack)
    return np.flatnonzero(found >= 0), found[found >= 0]


def _causal(run: Any) -> dict[str, int]:
    """Position of each element in the order of computation; empty without a Run."""
    if not isinstance(run, Run):
        return {}
    from sdmodel.compile.program import Program
    from sdmodel.compile.programs import program_of

    program: Program = program_of(run.model, fixed=solver(run.report.method).on_grid)
    order = sorted(program.outputs, key=lambda name: program.outputs[name])
    return {canonical(name): i for i, name in enumerate([*run.constants, *order])}


# -- models -----------------------------------------------------------------------------------------------------
def _models(first: Structure, second: Structure) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for k, variable in first.equations.items():
        other = second.equations.get(k)
        if other is None:
            rows.append((variable.name, "only in first", _equation(first, variable), ""))
        else:
            rows += [(variable.name, *found) for found in _variables(first, variable, second, other)]
    rows += [
        (v.name, "only in second", "", _equation(second, v))
        for k, v in second.equations.items()
        if k not in first.equations
    ]
    names = dict.fromkeys([*first.ranges, *second.ranges])
    for name in names:
        one, two = (", ".join(m.ranges[name].elements) if name in m.ranges else "" for m in (first, second))
        if one != two:
            rows.append((name, "subscript range", one, two))
    table = pd.DataFrame(rows, columns=["name", "what", "first", "second"]).set_index("name")
    table.attrs = {"compared": len(set(first.equations) | set(second.equations))}
    return table


def _variables(first: Structure, a: Variable, second: Structure, b: Variable) -> list[tuple[str, str, str]]:
    out = []
    one, two = _equation(first, a), _equation(second, b)
    if one != two:
        kind = "value" if a.kind == b.kind and a.kind in ("constant", "control") else "equation"
        out.append((kind, one, two))
    if a.unit.strip() != b.unit.strip():
        out.append(("unit", a.unit, b.unit))
    if (a.low, a.high) != (b.low, b.high):
        out.append(("range", f"{a.low:g} to {a.high:g}", f"{b.low:g} to {b.high:g}"))
    if a.role != b.role:
        out.append(("role", a.role, b.role))
    return out


def _equation(model: Structure, variable: Variable) -> str:
    """The equations of a variable as text, with its external data."""
    spell = {"time": "Time", **{k: v.name.lower() for k, v in model.equations.items()}}
    parts = []
    for c in variable.components:
        left = f"[{','.join(c.subs)}] = " if c.subs else ""
        besides = f" except {c.excepts}" if c.excepts else ""
        parts.append(f"{left}{formula(c.expr, variable.file, spell)}{besides}")
    stem = variable.name + "["
    parts += [f"{n}: {x}" for n, x in model.external.items() if n == variable.name or n.startswith(stem)]
    return "; ".join(parts)
