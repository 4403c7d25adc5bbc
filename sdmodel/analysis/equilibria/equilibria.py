"""Equilibria of a model, their stability, and their basins of attraction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sdmodel.analysis.equilibria.net_flows import FrozenModel, freeze
from sdmodel.analysis.inputs import check
from sdmodel.core.arguments import interval
from sdmodel.core.errors import UnknownNameError
from sdmodel.core.expression import key
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure, Variable
from sdmodel.design.tables import LABELS, table

if TYPE_CHECKING:
    import pandas as pd

_SAME = 1e-5
"""Relative difference below which two states are the same."""
_NEUTRAL = 1e-6
"""A real part below this share of the largest eigenvalue is treated as zero."""
_WIDE = 10.0
"""Starts lie within this multiple of the largest value of a run."""
_FOUND = 1e-9
"""Largest residual net flow at an equilibrium, relative to the size of the state, per unit of time."""


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
    """Find equilibria and classify their stability.

    Time is held constant, and with it all dated policy; zeros of the net flows are then found from many starts by
    Powell's hybrid method [1]_. Stability follows from the eigenvalues of the Jacobian of the net flows [2]_.

    Parameters
    ----------
    model
        The model; it must not use functions of the TIME STEP grid (DELAY FIXED, random draws).
    design
        One row per case, such as values of a lever; default: one case with the constants of the file.
    within
        Bounds of states by name: starts lie inside, and equilibria outside are dropped. Default: the range of the file,
        for starts limited to ten times the largest value of a run. A stock without a range in its file may be
        negative.
    at
        Value of Time, a number or date; default FINAL TIME.
    scenario
        Scenario under all cases.
    starts
        Number of starts: the state of a run at that time, the equilibrium it leads to, and a Latin hypercube, half of
        it over the whole range and half around the states of the run.
    rng
        Seed or generator of the starts.

    Returns
    -------
    pandas.DataFrame
        One row per equilibrium, sorted by the first state. Columns: those of the design; the states by name, in their
        units; ``kind``, stable, unstable or neutral (largest real part indistinguishable from zero, as where a sum of
        states is conserved); ``leading``, that largest real part, per unit of time; ``period`` of its oscillation, NaN
        without one; ``found``, the share of starts that led there; ``eigenvalues``, largest real part first. `attrs`:
        ``left out``, states that no net flow reads (such as money spent), and states that do not change at this time,
        which keep their value in the run. The search does not prove that there are no further equilibria.

    Raises
    ------
    FixedStepError
        If the model has functions that have a meaning on the TIME STEP grid only.
    UnknownNameError
        If `within` names no coupled state.
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
    """Find the equilibrium that each of many starts leads to, with Time held constant.

    Parameters
    ----------
    model, at, scenario
        As in `equilibria`.
    starts
        One row per start, columns states, as from `grid` or `latin_hypercube`. Other states start at their value in a
        run of the model at that time.
    values
        Constants that differ from the file.

    Returns
    -------
    pandas.DataFrame
        One row per start: the columns of `starts`; ``rest``, the number of the equilibrium in order of appearance, 0
        where none is reached (oscillation, divergence or failure); each state at the end as ``NAME at rest``. `attrs`:
        ``left out`` as in `equilibria`.

    Raises
    ------
    UnknownNameError
        If a column is no coupled state.
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
    known_equilibria: list[np.ndarray] = []
    numbers, ends = [], []
    for row in starts[[c for _, c in columns]].to_numpy(dtype=float):
        x = moment.start.copy()
        x[[i for i, _ in columns]] = row
        end, rested = moment.integrate_to_rest(x)
        ends.append(end)
        if not rested:
            numbers.append(0)
            continue
        known = next((i for i, other in enumerate(known_equilibria) if moment.close_to(end, other)), None)
        if known is None:
            known = len(known_equilibria)
            known_equilibria.append(end)
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
    moment: FrozenModel,
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
        if moment.relative_rate(end) > _FOUND or (end < allowed[0] - slack).any() or (end > allowed[1] + slack).any():
            continue
        known = next((i for i, other in enumerate(found) if moment.close_to(end, other, _SAME)), None)
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
    oscillates = abs(leading.imag) > small
    period = 2 * np.pi / abs(leading.imag) if oscillates else np.nan
    return {"kind": kind, "leading": float(leading.real), "period": float(period)}


def _starts(moment: FrozenModel, low: np.ndarray, high: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    from scipy.stats import qmc

    # Half of the starts cover the range, half the neighbourhood of the run.
    near_low, near_high = (np.clip(v, low, high) for v in _near(moment))
    spread = qmc.LatinHypercube(d=len(low), rng=rng).random(count)
    wide = np.arange(count)[:, None] % 2 == 0
    spread = np.where(wide, low + spread * (high - low), near_low + spread * (near_high - near_low))
    spread[0] = np.clip(moment.start, low, high)
    if count > 1:
        end, rested = moment.integrate_to_rest(moment.start)
        if rested:
            spread[1] = np.clip(end, low, high)
    return np.asarray(spread)


def _ranges(moment: FrozenModel, within: Mapping[str, tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of the starts."""
    first, last = _admissible(moment)
    low, high = (np.array(v) for v in (np.maximum(-_WIDE * moment.size, first), np.minimum(_WIDE * moment.size, last)))
    for name, ends in within.items():
        low[_position(moment, name)], high[_position(moment, name)] = interval(name, ends, closed=True)
    return low, high


def _near(moment: FrozenModel) -> tuple[np.ndarray, np.ndarray]:
    """Range of the run, extended by its width on both sides."""
    least, most = moment.seen
    span = np.where(most > least, most - least, moment.size)
    return least - span, most + span


def _admissible(moment: FrozenModel) -> tuple[np.ndarray, np.ndarray]:
    """Range of each state in its file; open for hidden states."""
    low, high = np.full(len(moment.names), -np.inf), np.full(len(moment.names), np.inf)
    for i, name in enumerate(moment.names):
        if (variable := _variable(moment.model, name)) is not None:
            low[i], high[i] = variable.low, variable.high
    return low, high


def _position(moment: FrozenModel, name: str) -> int:
    known = [key(n) for n in moment.names]
    if key(name) not in known:
        hint = (
            "No net flow reads it, or it does not change at this time."
            if key(name) in {key(n) for n in moment.left_out}
            else ""
        )
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
