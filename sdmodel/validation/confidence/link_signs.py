"""Stated polarity of links, tested by partial derivatives over random states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from sdmodel.compile.parameters import constants_table
from sdmodel.core.errors import SolveError, UnknownNameError
from sdmodel.core.structure import Structure
from sdmodel.solve.run import run
from sdmodel.validation.confidence.polarity import Link, State, derivatives, paths_of
from sdmodel.validation.confidence.result import Row, pass_or_miss

STATES = 4
"""Number of runs whose states are used: that of the file, and others with random constants."""
_NOISE = 1e-8
"""Derivatives below this share of the largest are attributed to rounding."""


def random_states(model: Structure, count: int, rng: int) -> list[State]:
    """Runs with random constants, the first with those of the file; a run that fails is left out.

    A constant is drawn from the half of its range around its value; where the range is open, from half to one and a
    half times its value (from 0 to 1 where that is 0). Switches and whole numbers stay as they are.
    """
    table = constants_table(model)
    random = np.random.default_rng(rng)
    value, low, high = (table[c].to_numpy(float) for c in ("value", "low", "high"))
    wide = np.where(value == 0, 1.0, 0.5 * np.abs(value))
    below = np.where(np.isfinite(low), 0.5 * (low + value), np.where(value == 0, 0.0, value - wide))
    above = np.where(np.isfinite(high), 0.5 * (high + value), value + wide)
    still = ((table["role"] == "switch") | (table["distribution"] == "integer")).to_numpy()
    states: list[State] = []
    for i in range(count):
        x = value if i == 0 else np.where(still, value, random.uniform(below, np.maximum(above, below)))
        given = {} if i == 0 else dict(zip(table.index, x.tolist(), strict=True))
        try:
            states.append((paths_of(run(model, given, every=model.time["time step"], method="exact")), given))
        except SolveError:
            if i == 0:
                raise
    return states


def link_signs(model: Structure, links: Iterable[Link], *, states: int = STATES, rng: int = 1) -> dict[Link, str]:
    """Signs of links from the equations, over random states at the start, in the middle and near the end of runs.

    Parameters
    ----------
    model
        The model.
    links
        Pairs of cause and effect, by name.
    states
        Runs with random constants.
    rng
        Seed of the constants.

    Returns
    -------
    dict
        By link: ``"+"`` (the effect never falls when the cause rises, and rises somewhere), ``"-"``, ``"?"`` (both) or
        ``"0"`` (the cause does nothing in any state).
    """
    links = list(dict.fromkeys(links))
    if not links:
        return {}
    runs = random_states(model, states, rng)
    moments = [1, len(runs[0][0].time) // 2, len(runs[0][0].time) - 2]
    out = {}
    for link, slopes in derivatives(model, runs, links, moments).items():
        finite = slopes[np.isfinite(slopes)]
        acts = finite[np.abs(finite) > _NOISE * np.abs(finite).max(initial=0.0)]
        out[link] = "0" if not len(acts) else "+" if (acts > 0).all() else "?" if (acts > 0).any() else "-"
    return out


def stated_links(model: Structure, stated: Mapping[str, Sequence[str]]) -> dict[Link, str]:
    """Links and their stated signs, from lists of causes by effect, each cause with its sign in front.

    Raises
    ------
    UnknownNameError
        If the model has no such variable, or a cause does not begin with a sign.
    """
    out = {}
    for effect, causes in stated.items():
        for entry in causes:
            sign, cause = entry[:1], entry[1:].strip()
            if sign not in ("+", "-"):
                raise UnknownNameError(entry, ("+", "-"), "sign of a link", f"Write '+{entry}' or '-{entry}'.")
            out[model[cause].name, model[effect].name] = sign
    return out


def polarity(model: Structure, stated: Mapping[str, Sequence[str]]) -> list[Row]:
    """Test 8: each link whose sign `checks.toml` states has that sign in the equations; no row if it states none."""
    wanted = stated_links(model, stated)
    if not wanted:
        return []
    wrong = [
        f"'{effect}' does not read '{cause}'."
        for cause, effect in wanted
        if model[cause].key not in model[effect].reads()
    ]
    if not wrong:
        found = link_signs(model, wanted)
        wrong = [
            f"'{effect}' {_RELATION[found[cause, effect]]} '{cause}', where {sign} is stated."
            for (cause, effect), sign in wanted.items()
            if found[cause, effect] != sign
        ]
    figure = f"{len(wanted) - len(wrong)} of {len(wanted)} links"
    return [pass_or_miss(8, "polarity", model.name, figure, "all", not wrong, " ".join(wrong[:5]))]


_RELATION = {"+": "rises with", "-": "falls with", "?": "rises in some states and falls in others with", "0": "ignores"}
