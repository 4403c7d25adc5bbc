"""Scenario discovery: ranges of parameters in which an outcome occurs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.analysis.discovery.box_finders import Finder, p_value, prim_boxes, tree_boxes
from sdmodel.analysis.discovery.prim import Box
from sdmodel.analysis.inputs import Parameters, check, parameter_names
from sdmodel.core.arguments import choice, refuse
from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.core.frozen import WithTables
from sdmodel.design.tables import LABELS
from sdmodel.sweep.forms import flat

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

METHODS = ("prim", "tree")
_NOT_CONSTANTS = (*LABELS, "run", "policy", "scenario", "status", "message")


@dataclass(frozen=True, eq=False)
class Boxes(WithTables):
    """Result of `discover`: tables in the units of the parameters."""

    limits: pd.DataFrame
    """One row per restricted parameter of a box; index `box`, `parameter`; columns low, high (infinite: unrestricted on
    that side), lowest, highest (of the samples), unit, p (p-value of the restriction, quasi-p test), reproduced (share
    of half samples whose box restricts the parameter too)."""
    quality: pd.DataFrame
    """One row per box; columns coverage (share of all cases that lie in it), density (share of its runs that are
    cases), mass (share of the runs), runs, and coverage and density out of sample (`elsewhere`)."""
    tried: pd.DataFrame
    """Candidates for the first box: coverage, density, mass, limited (number of restricted parameters), chosen."""
    cases: int
    runs: int
    method: str

    def __repr__(self) -> str:
        return f"<Boxes by {self.method}: {self.cases:,} cases in {self.runs:,} runs; {'; '.join(self.sentences)}>"

    @property
    def sentences(self) -> list[str]:
        """One sentence per box."""
        out = []
        for box, row in self.quality.iterrows():
            own = self.limits.loc[[box]].droplevel("box") if box in self.limits.index else self.limits.iloc[:0]
            parts = [_words(str(name), limit) for name, limit in own.iterrows()]
            out.append(
                f"box {box}: {row['density']:.0%} of its {row['runs']:.0f} runs are cases and it holds "
                f"{row['coverage']:.0%} of all: {' and '.join(parts) or 'no limit'}"
            )
        return out


def _words(name: str, limit: pd.Series) -> str:
    low, high = limit["low"], limit["high"]
    unit = f" {limit['unit']}" if limit["unit"].lower() not in ("", "dmnl") else ""
    if np.isfinite(low) and np.isfinite(high):
        return f"{name} from {low:.3g} to {high:.3g}{unit}"
    return f"{name} above {low:.3g}{unit}" if np.isfinite(low) else f"{name} below {high:.3g}{unit}"


def discover(
    design: xr.Dataset | pd.DataFrame,
    cases: Any,
    *,
    parameters: Parameters | None = None,
    method: str = "prim",
    density: float = 0.8,
    most: int = 3,
    resamples: int = 10,
    rng: int | np.random.Generator | None = None,
    units: dict[str, str] | None = None,
) -> Boxes:
    """Find boxes of parameters, each with few restrictions, in which an outcome occurs.

    Parameters
    ----------
    design
        A sweep, whose design columns are coordinates, or the design itself as a table.
    cases
        True for each run in which the outcome occurs, in the order of the runs:
        ``Outcome("trust").of(sweep) < 0.3``.
    parameters
        Constants to consider, by name or with ranges, of which the names count; default: all that differ between the
        runs.
    method
        ``"prim"``: the patient rule induction method, each box from the runs outside the previous ones [1]_ [2]_.
        ``"tree"``: leaves of a classification tree of scikit-learn [3]_, which separates several regions sooner; needs
        the extra ``sdmodel[analysis]``.
    density
        Smallest share of cases in a box. Of the candidates that reach it, the one that covers most cases is chosen; if
        none does, the densest. Restrictions that are not significant are then dropped, which may lower the density
        again: see the column.
    most
        Largest number of boxes.
    resamples
        Number of random half samples on which the search is repeated [2]_: how often they restrict the same parameter,
        and coverage and density in the other half.
    rng
        Seed or generator of the half samples, and of ties in a tree.
    units
        Units of the parameters, such as ``model.parameters()["unit"].to_dict()``.

    Returns
    -------
    Boxes
        Tables `limits`, `quality` and `tried`, and sentences.

    Raises
    ------
    DesignError
        If no run or every run is a case, or the numbers of runs and cases differ.
    UnknownNameError
        If a parameter is not in the design.
    MissingExtraError
        If the method is ``"tree"`` and scikit-learn is not installed.

    References
    ----------
    .. [1] Friedman, J. H. and Fisher, N. I. (1999). Bump hunting in high-dimensional data. Statistics and Computing 9,
       123-143. https://doi.org/10.1023/A:1008894516817
    .. [2] Bryant, B. P. and Lempert, R. J. (2010). Thinking inside the box: a participatory, computer-assisted approach
       to scenario discovery. Technological Forecasting and Social Change 77(1), 34-49.
       https://doi.org/10.1016/j.techfore.2009.08.002
    .. [3] Lempert, R. J., Bryant, B. P. and Bankes, S. C. (2008). Comparing algorithms for scenario discovery. RAND
       Working Paper WR-557-NSF. https://www.rand.org/pubs/working_papers/WR557.html

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("network")
    >>> design = sdmodel.latin_hypercube(model.uncertainties, 400, rng=1)
    >>> sweep = model.sweep(design, ["trust"])
    >>> low = sdmodel.Outcome("trust").of(sweep) < 0.3
    >>> found = sdmodel.discover(sweep, low, resamples=5, rng=1)
    >>> float(found.quality["density"].iloc[0]) > float(low.mean())
    True
    """
    check(density=density, most=most, resamples=resamples, rng=rng, units=units)
    import pandas as pd

    choice("method", method, METHODS)
    if not isinstance(design, pd.DataFrame) and hasattr(design, "data_vars"):
        if getattr(cases, "ndim", 0) > 1 and hasattr(cases, "dims") and "status" in design.coords:
            cases = cases.transpose(*design["status"].dims).to_numpy().ravel()
        design = flat(design)
    table = _columns(design, parameters)
    x, y = table.to_numpy(dtype=float), np.asarray(cases)
    x, y, left_out = _checked(x, y, design)
    generator = np.random.default_rng(rng)
    find = prim_boxes if method == "prim" else tree_boxes(generator)
    boxes, tried = find(x, y, density, most)
    halves = _halves(find, x, y, density, most, resamples, generator)
    names = [str(c) for c in table.columns]
    found = Boxes(
        _limits(boxes, halves, x, y, names, units or {}),
        _quality(boxes, halves, x, y),
        _tried(tried, boxes[0], x, y),
        int(y.sum()),
        len(y),
        method,
    )
    found.quality.attrs["left out"] = left_out
    return found


# -- validation on half samples ---------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Half:
    """Boxes from one half of the runs: restricted parameters, and coverage and density in the other half."""

    limited: list[np.ndarray]
    coverage: list[float]
    density: list[float]


def _halves(
    find: Finder, x: np.ndarray, y: np.ndarray, density: float, most: int, resamples: int, rng: np.random.Generator
) -> list[_Half]:
    out = []
    for _ in range(resamples):
        own = np.zeros(len(x), dtype=bool)
        own[rng.permutation(len(x))[: len(x) // 2]] = True
        if not y[own].any() or y[own].all():
            continue
        boxes, _ = find(x[own], y[own], density, most)
        other_x, other_y = x[~own], y[~own]
        held = [box.contains(other_x) for box in boxes]
        out.append(
            _Half(
                [box.limited for box in boxes],
                [_share(other_y[inside].sum(), other_y.sum()) for inside in held],
                [_share(other_y[inside].sum(), inside.sum()) for inside in held],
            )
        )
    return out


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def _limits(
    boxes: list[Box], halves: list[_Half], x: np.ndarray, y: np.ndarray, names: list[str], units: dict[str, str]
) -> pd.DataFrame:
    import pandas as pd

    rows = []
    taken = np.zeros(len(x), dtype=bool)
    for number, box in enumerate(boxes, start=1):
        free = ~taken
        for j in np.flatnonzero(box.limited):
            same = [half.limited[number - 1][j] for half in halves if len(half.limited) >= number]
            rows.append(
                {
                    "box": number,
                    "parameter": names[j],
                    "low": box.low[j],
                    "high": box.high[j],
                    "lowest": x[:, j].min(),
                    "highest": x[:, j].max(),
                    "unit": units.get(names[j], ""),
                    "p": p_value(box, int(j), x[free], y[free]),
                    "reproduced": _share(float(np.sum(same)), len(halves)),
                }
            )
        taken |= box.contains(x)
    columns = ["box", "parameter", "low", "high", "lowest", "highest", "unit", "p", "reproduced"]
    return pd.DataFrame(rows, columns=columns).set_index(["box", "parameter"])


def _quality(boxes: list[Box], halves: list[_Half], x: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    import pandas as pd

    rows = []
    taken = np.zeros(len(x), dtype=bool)
    for number, box in enumerate(boxes, start=1):
        inside = box.contains(x) & ~taken
        taken |= inside
        elsewhere = [(h.coverage[number - 1], h.density[number - 1]) for h in halves if len(h.coverage) >= number]
        coverage, density = np.nanmedian(elsewhere, axis=0) if elsewhere else (np.nan, np.nan)
        rows.append(
            {
                "box": number,
                "coverage": y[inside].sum() / y.sum(),
                "density": _share(y[inside].sum(), inside.sum()),
                "mass": inside.mean(),
                "runs": int(inside.sum()),
                "coverage elsewhere": coverage,
                "density elsewhere": density,
            }
        )
    return pd.DataFrame(rows).set_index("box")


def _tried(tried: list[Box], chosen: Box, x: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for box in [*(b for b in tried if b is not chosen), chosen]:
        inside = box.contains(x)
        share = {"coverage": y[inside].sum() / y.sum(), "density": _share(y[inside].sum(), inside.sum())}
        rows.append({**share, "mass": inside.mean(), "limited": int(box.limited.sum()), "chosen": box is chosen})
    return pd.DataFrame(rows)


# -- arguments --------------------------------------------------------------------------------------
def _columns(design: xr.Dataset | pd.DataFrame, parameters: Parameters | None) -> pd.DataFrame:
    import pandas as pd

    if isinstance(design, pd.DataFrame):
        table = design
    elif not hasattr(design, "data_vars"):
        raise refuse("design", design, "a sweep, or its design as a pandas.DataFrame")
    else:
        on_run = [str(c) for c in design.coords if design[c].dims == ("run",) and c not in _NOT_CONSTANTS]
        table = pd.DataFrame({name: design[name].to_numpy() for name in on_run})
    known = [str(c) for c in table.columns if c not in _NOT_CONSTANTS]
    names = None if parameters is None else parameter_names(parameters)
    for name in names or ():
        if name not in known:
            raise UnknownNameError(name, known, "parameter of the design")
    chosen = [c for c in known if table[c].nunique() > 1] if names is None else names
    if not chosen:
        raise DesignError("No parameter of the design differs between its runs.")
    return table[chosen]


def _checked(x: np.ndarray, y: np.ndarray, design: Any) -> tuple[np.ndarray, np.ndarray, int]:
    """Values and cases of the runs that did not fail, and the number of those that did."""
    if y.shape != (len(x),):
        raise DesignError(f"The design has {len(x)} runs and the cases are {y.shape}; give one truth value a run.")
    if y.dtype != bool:
        raise DesignError(f"The cases must be true or false, not {y.dtype}: compare the outcome with a level.")
    fine = np.ones(len(x), dtype=bool)
    if hasattr(design, "coords") and "status" in design.coords:
        fine = design["status"].to_numpy() == 0
    x, y = x[fine], y[fine]
    if not y.any() or y.all():
        raise DesignError(f"{'No run is' if not y.any() else 'Every run is'} a case; there is nothing to separate.")
    if len(y) < 40:
        raise DesignError(f"{len(y)} runs are too few to find a box in; take at least 40, better some hundreds.")
    return x, y, int((~fine).sum())
