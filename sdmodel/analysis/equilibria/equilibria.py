"""Where a model comes to rest: equilibria, how they are approached, and which start leads to which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sdmodel.analysis.equilibria.net_flows import Frozen, freeze
from sdmodel.analysis.inputs import check, interval
from sdmodel.core.errors import UnknownNameError
from sdmodel.core.expression import key
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure, Variable
from sdmodel.design import LABELS, table

if TYPE_CHECKING:
    import pandas as pd

_SAME = 1e-5
"""States that differ by less, as a share of their size, are the same."""
_NEUTRAL = 1e-6
"""A real part this small, as a share of the largest eigenvalue, cannot be told from zero."""
_WIDE = 10.0
"""How many times the largest value of a run starts may lie from zero."""
_FOUND = 1e-9
"""Largest net flow left at an equilibrium, as a share of the size of the state per unit of time."""


def equilibria(
    model: Structure,
    design: pd.DataFrame | None = None,
    *,
    within: Mapping[str, tuple[float, float]] | None = None,
    at: float | str | None = None,
    scenario: Scenario | str | None = None,
    starts: int = 64,
    rng: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Find the states in which nothing changes any more, and what happens near each.

    Time stands still, and with it all dated policy; the net flows are then solved for zero from many starts by Powell's
    hybrid method [1]_. What is near an equilibrium follows from the eigenvalues of the derivatives of the net flows
    there [2]_.

    Parameters
    ----------
    model
        The model; it needs a meaning at exact dates (no DELAY FIXED, no random draws).
    design
        One row a case, such as values of a lever; default: one case, the constants of the file.
    within
        Least and largest value of states by name: starts lie there, and equilibria outside are left out. Default: the
        range of the file, for the starts at most ten times the largest value of a run away from zero. A stock without a
        range in its file may come out negative.
    at
        Moment at which Time stands still, a number or date; default FINAL TIME.
    scenario
        Scenario under all cases.
    starts
        Starts of the search: where a run is at that moment, where it comes to rest from there, and the others spread
        evenly, half of them over the whole range and half around what the run visits.
    rng
        Seed or generator of the starts.

    Returns
    -------
    pandas.DataFrame
        One row an equilibrium, sorted by the first state. Columns: those of the design; the states by name, in their
        units; ``kind``, stable, unstable or neutral (the largest real part cannot be told from zero, as where a sum of
        states never changes); ``leading``, that largest real part, per unit of time; ``period`` of what swings with
        it, NaN if nothing does; ``found``, the share of starts that led there; ``eigenvalues``, largest real part
        first. `attrs`: ``left out``, states that no net flow reads (such as money spent), which need not rest, and
        states that do not change at this time, which stay at their value in the run. An equilibrium that no start
        leads to is not in the table: no search of this kind proves that there is none.

    Raises
    ------
    FixedStepError
        If the model has functions that have a meaning on the TIME STEP grid only.
    UnknownNameError
        If `within` names no state that matters.
    SolveError
        If no net flow reads any stock.

    References
    ----------
    .. [1] Powell, M. J. D. (1970). A hybrid method for nonlinear equations. In P. Rabinowitz (ed.), Numerical Methods
       for Nonlinear Algebraic Equations, 87-114. Gordon and Breach. Code: Moré, J. J., Garbow, B. S. and Hillstrom, K.
       E. (1980), User guide for MINPACK-1, Argonne National Laboratory. https://doi.org/10.2172/6997568
    .. [2] Strogatz, S. H. (2015). Nonlinear Dynamics and Chaos, 2nd edition, chapters 5 and 6. CRC Press.
       https://doi.org/10.1201/9780429492563

    Examples
    --------
    >>> import sdmodel
    >>> found = sdmodel.equilibria(sdmodel.load("network"), starts=4, rng=1)
    >>> set(found["kind"]) <= {"stable", "unstable", "neutral"}
    True
    """
    import pandas as pd

    check(model=model, design=design, within=within, at=at, scenario=scenario, starts=starts, rng=rng)
    generator = np.random.default_rng(rng)
    frames = []
    left_out: list[str] = []
    for given in _cases(design):
        moment = freeze(model, {k: v for k, v in given.items() if k not in LABELS}, scenario, at)
        left_out = moment.left_out
        frames.append(_of_one(moment, given, _ranges(moment, within or {}), set(within or {}), starts, generator))
    out = pd.concat(frames, ignore_index=True)
    out.attrs = {
        "left out": left_out,
        "units": {name: _unit(model, name) for name in moment.names},
        "states": moment.names,
        "at": moment.at,
    }
    return out


def basins(
    model: Structure,
    starts: pd.DataFrame,
    values: Mapping[str, float] | None = None,
    *,
    at: float | str | None = None,
    scenario: Scenario | str | None = None,
) -> pd.DataFrame:
    """Find where a model comes to rest from each of many starts, while Time stands still.

    Parameters
    ----------
    model, at, scenario
        As in `equilibria`.
    starts
        One row a start, columns states; `grid` and `latin_hypercube` make such tables. States that are not given start
        where a run of the model is at that moment.
    values
        Constants that differ from the file.

    Returns
    -------
    pandas.DataFrame
        One row a start: the columns of `starts`; ``rest``, the number of the state of rest it leads to, counted in the
        order in which they are met, 0 where none is reached (the states swing, run away or fail); each state at the
        end as ``NAME at rest``. `attrs`: ``left out`` as in `equilibria`.

    Raises
    ------
    UnknownNameError
        If a column is no state that matters.
    DesignError
        If there are no starts.

    References
    ----------
    .. [1] Strogatz, S. H. (2015). Nonlinear Dynamics and Chaos, 2nd edition, section 6.4. CRC Press.
       https://doi.org/10.1201/9780429492563

    Examples
    --------
    >>> import sdmodel
    >>> starts = sdmodel.grid({"trust": [0.2, 0.8]})
    >>> found = sdmodel.basins(sdmodel.load("network"), starts)
    >>> len(found)
    2
    """
    import pandas as pd

    check(model=model, values=values, at=at, scenario=scenario, samples=starts)
    starts = table(starts if starts is not None else [])
    moment = freeze(model, values, scenario, at)
    columns = [(_position(moment, str(c)), str(c)) for c in starts.columns if c not in LABELS]
    rests: list[np.ndarray] = []
    numbers, ends = [], []
    for row in starts[[c for _, c in columns]].to_numpy(dtype=float):
        x = moment.start.copy()
        x[[i for i, _ in columns]] = row
        end, rested = moment.settle(x)
        ends.append(end)
        if not rested:
            numbers.append(0)
            continue
        known = next((i for i, other in enumerate(rests) if moment.settled_near(end, other)), None)
        if known is None:
            known = len(rests)
            rests.append(end)
        numbers.append(known + 1)
    out = starts.reset_index(drop=True).assign(rest=numbers)
    at_rest = pd.DataFrame(np.array(ends), columns=[f"{name} at rest" for name in moment.names])
    out = pd.concat([out, at_rest], axis=1)
    out.attrs = {
        "left out": moment.left_out,
        "units": {name: _unit(model, name) for name in moment.names},
        "states": [moment.names[i] for i, _ in columns],
        "at": moment.at,
    }
    return out


def _cases(design: pd.DataFrame | None) -> list[dict[str, float]]:
    if design is None:
        return [{}]
    return [{str(k): v for k, v in row.items()} for row in table(design).to_dict("records")]


def _of_one(
    moment: Frozen,
    given: Mapping[str, float],
    ranges: tuple[np.ndarray, np.ndarray],
    bounded: set[str],
    starts: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Equilibria of one case."""
    import pandas as pd

    size = moment.size
    low, high = ranges
    allowed = _admissible(moment)
    for i in (_position(moment, name) for name in bounded):
        allowed[0][i], allowed[1][i] = low[i], high[i]

    found: list[np.ndarray] = []
    hits: list[int] = []
    for x in _starts(moment, low, high, starts, rng):
        end = moment.zero(x)
        slack = _SAME * size
        if moment.unrest(end) > _FOUND or (end < allowed[0] - slack).any() or (end > allowed[1] + slack).any():
            continue
        known = next((i for i, other in enumerate(found) if moment.settled_near(end, other, _SAME)), None)
        if known is None:
            found.append(end)
            hits.append(1)
        else:
            hits[known] += 1
    rows = []
    for end, count in zip(found, hits, strict=True):
        values = np.linalg.eigvals(moment.jacobian(end))
        values = values[np.argsort(-values.real)]
        rows.append(
            {**given, **dict(zip(moment.names, end, strict=True)), **_kind(values), "found": count / starts}
            | {"eigenvalues": tuple(complex(v) for v in values)}
        )
    columns = [*given, *moment.names, "kind", "leading", "period", "found", "eigenvalues"]
    return pd.DataFrame(rows, columns=columns).sort_values(moment.names[0], ignore_index=True)


def _kind(values: np.ndarray) -> dict[str, str | float]:
    leading = values[0]
    small = _NEUTRAL * max(float(np.abs(values).max()), 1e-300)
    kind = "neutral" if abs(leading.real) <= small else "stable" if leading.real < 0 else "unstable"
    swings = abs(leading.imag) > small
    period = 2 * np.pi / abs(leading.imag) if swings else np.nan
    return {"kind": kind, "leading": float(leading.real), "period": float(period)}


def _starts(moment: Frozen, low: np.ndarray, high: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    from scipy.stats import qmc

    # Half of the starts lie in all of the range, half around what the run visits.
    near_low, near_high = (np.clip(v, low, high) for v in _near(moment))
    spread = qmc.LatinHypercube(d=len(low), rng=rng).random(count)
    wide = np.arange(count)[:, None] % 2 == 0
    spread = np.where(wide, low + spread * (high - low), near_low + spread * (near_high - near_low))
    spread[0] = np.clip(moment.start, low, high)
    if count > 1:
        end, rested = moment.settle(moment.start)
        if rested:
            spread[1] = np.clip(end, low, high)
    return np.asarray(spread)


def _ranges(moment: Frozen, within: Mapping[str, tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Where starts lie."""
    first, last = _admissible(moment)
    low, high = (np.array(v) for v in (np.maximum(-_WIDE * moment.size, first), np.minimum(_WIDE * moment.size, last)))
    for name, ends in within.items():
        low[_position(moment, name)], high[_position(moment, name)] = interval(name, ends, closed=True)
    return low, high


def _near(moment: Frozen) -> tuple[np.ndarray, np.ndarray]:
    """What a run visits, and as much again on both sides."""
    least, most = moment.seen
    span = np.where(most > least, most - least, moment.size)
    return least - span, most + span


def _admissible(moment: Frozen) -> tuple[np.ndarray, np.ndarray]:
    """Range of each state in its file; open for hidden states."""
    low, high = np.full(len(moment.names), -np.inf), np.full(len(moment.names), np.inf)
    for i, name in enumerate(moment.names):
        if (variable := _variable(moment.model, name)) is not None:
            low[i], high[i] = variable.low, variable.high
    return low, high


def _position(moment: Frozen, name: str) -> int:
    known = [key(n) for n in moment.names]
    if key(name) not in known:
        hint = "No net flow reads it." if key(name) in {key(n) for n in moment.left_out} else ""
        raise UnknownNameError(name, moment.names, "state", hint)
    return known.index(key(name))


def _unit(model: Structure, name: str) -> str:
    variable = _variable(model, name)
    return "" if variable is None else variable.unit


def _variable(model: Structure, state: str) -> Variable | None:
    """The variable that a state belongs to; None for the hidden state of a delay."""
    try:
        return model.owner(state)
    except UnknownNameError:
        return None
