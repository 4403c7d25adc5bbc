"""Sensitivity: numerical, of the mode of behaviour, and of the sign of policy effects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sdmodel.compile.parameters import constants_table
from sdmodel.core.structure import Structure
from sdmodel.design.samplers import latin_hypercube
from sdmodel.design.tables import pair
from sdmodel.sweep.run_sweep import run_sweep
from sdmodel.validation.confidence.behaviour_modes import MODES, modes
from sdmodel.validation.confidence.result import Row, info
from sdmodel.validation.spec import Spec

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

BASE = "as in the file"
SURE = 0.95
"""Share of samples with one sign from which an effect counts as robust."""
_SHOWN = 3
_NIL = 1e-9


def sensitivity_rows(model: Structure, spec: Spec, samples: int, rng: int) -> list[Row]:
    """Test 9: the same samples of the uncertainties under each policy, in one sweep.

    Parameters
    ----------
    model, book
        The model, its policies and the outcomes to report (default: all it marks).
    samples
        Latin hypercube over uncertainties and switches; each policy runs over all of them.
    rng
        Seed of the samples.

    Returns
    -------
    list of Row
        For each outcome its range, the most correlated constants, and how often its mode of behaviour differs from the
        file's run; for each policy how often its effects keep their sign; for each switch its largest effects.
    """
    import pandas as pd

    table = constants_table(model, "uncertainty", "switch")
    names = list(spec.outcomes or model.outcomes)
    if not len(table) or not names:
        return [info(9, "numerical", "nothing varies", "0", "The model marks no uncertainty or no outcome.")]
    draws = latin_hypercube(table, samples, rng=rng)
    draws.loc[0, table.index] = table["value"].astype(float)
    policies = {BASE: {}, **{p.name: dict(p.set) for p in spec.policy}}
    settings = pd.DataFrame([{"setting": n, **v} for n, v in policies.items()])
    levers = [c for c in settings.columns if c != "setting"]
    settings[levers] = settings[levers].fillna(constants_table(model)["value"][levers])
    found = run_sweep(model, pair(draws, settings), names, every=_every(model), certificate=0, progress=False)
    # Rows sorted by sample and policy.
    order = np.array([list(policies).index(s) for s in found["setting"].to_numpy()])
    place = np.lexsort((order, found["sample"].to_numpy()))
    place = place.reshape(samples, len(policies))
    fine = (found["status"].to_numpy() == 0)[place].all(axis=1)
    paths = {n: _total(found[n])[place] for n in names}
    x = draws[table.index].to_numpy(float)[fine]
    last = {n: p[fine][..., -1] for n, p in paths.items()}
    out = [*_numbers(table, x, {n: v[:, 0] for n, v in last.items()}), *_behaviour(paths, fine)]
    effects = {
        (p, n): np.where(np.abs(d := v[:, i] - v[:, 0]) > _NIL * np.abs(v[:, 0]), np.sign(d), 0.0)
        for i, p in enumerate(policies)
        for n, v in last.items()
        if p != BASE
    }
    out += _policies([p for p in policies if p != BASE], names, effects)
    out += _switches(table, x, {n: v[:, 0] for n, v in last.items()}, effects)
    return out


def _every(model: Structure) -> float:
    return max(model.time["time step"], min(1.0, (model.time["final time"] - model.time["initial time"]) / 20))


def _total(found: xr.DataArray) -> np.ndarray:
    return np.asarray(found.sum([d for d in found.dims if d not in ("run", "time")], skipna=False))


def _numbers(table: pd.DataFrame, x: np.ndarray, last: Mapping[str, np.ndarray]) -> list[Row]:
    """Ranges of outcomes and their rank correlations with constants."""
    ranks = _ranks(x)
    noise = 1.96 / np.sqrt(max(len(x), 2))
    moved = np.zeros(len(table), bool)
    out = []
    for name, y in last.items():
        rho = _correlation(ranks, y)
        moved |= np.abs(rho) > 2 * noise  # twice, since many are compared
        top = np.argsort(-np.abs(rho))[:_SHOWN]
        low, middle, high = np.quantile(y, [0.05, 0.5, 0.95])
        said = ", ".join(f"{table.index[i]} ({rho[i]:+.2f})" for i in top)
        out.append(info(9, "numerical", name, f"{middle:.3g} ({low:.3g} to {high:.3g})",
                        f"Median and 5 to 95 % at the end; largest rank correlations with {said}."))  # fmt: skip
    out.append(
        info(9, "numerical", "constants that move an outcome", f"{int(moved.sum())} of {len(table)}",
             f"Rank correlation above {2 * noise:.2f} with an outcome above.")
    )  # fmt: skip
    return out


def _ranks(x: np.ndarray) -> np.ndarray:
    from scipy.stats import rankdata

    return np.asarray(rankdata(x, axis=0))


def _correlation(ranks: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of each column with `y`; 0 where one of them does not vary."""
    a = ranks - ranks.mean(axis=0)
    b = _ranks(y[:, None])[:, 0] - (len(y) + 1) / 2
    size = np.sqrt((a**2).sum(axis=0) * (b**2).sum())
    return np.asarray(np.divide(a.T @ b, size, out=np.zeros(a.shape[1]), where=size > 0))


def _behaviour(paths: Mapping[str, np.ndarray], fine: np.ndarray) -> list[Row]:
    """How often the mode of an outcome differs from the file's run."""
    out = []
    for name, path in paths.items():
        found = modes(path[fine][:, 0])
        file = int(modes(path[0, 0]))
        shares = {mode: float(np.mean(found == i)) for i, mode in enumerate(MODES)}
        said = ", ".join(f"{mode} {share:.0%}" for mode, share in shares.items() if share > 0)
        out.append(
            info(9, "behavioural", name, f"{1 - shares[MODES[file]]:.0%}", f"{MODES[file]} in the file; {said}.")
        )
    return out


def _policies(policies: list[str], names: list[str], effects: Mapping[tuple[str, str], np.ndarray]) -> list[Row]:
    """Number of effects of a policy with a robust sign."""
    out = []
    for policy in policies:
        open_ = []
        for name in names:
            sign = effects[policy, name]
            up, down = float(np.mean(sign > 0)), float(np.mean(sign < 0))
            if max(up, down, 1 - up - down) < SURE:
                open_.append(f"{name} (up in {up:.0%}, down in {down:.0%})")
        figure = f"{len(names) - len(open_)} of {len(names)} effects keep their sign"
        out.append(info(9, "policy", policy, figure, f"Open: {', '.join(open_)}." if open_ else ""))
    return out


def _switches(
    table: pd.DataFrame, x: np.ndarray, last: Mapping[str, np.ndarray], effects: Mapping[tuple[str, str], np.ndarray]
) -> list[Row]:
    """Effect of alternative formulations: the outcome and the policy effect that differ most between values."""
    out = []
    for name in table.index[table["role"] == "switch"]:
        value = x[:, table.index.get_loc(name)].round()
        groups = [value == v for v in np.unique(value)]
        shift = {n: _spread([np.median(y[g]) for g in groups]) / (np.ptp(np.quantile(y, [0.05, 0.95])) or 1.0)
                 for n, y in last.items()}  # fmt: skip
        most = max(shift, key=lambda n: shift[n])
        text = f"Share of the 5 to 95 % range by which the median of '{most}' differs between its values"
        ups = {k: [float(np.mean(s[g] > 0)) for g in groups] for k, s in effects.items()}
        if ups:
            policy, outcome = max(ups, key=lambda k: _spread(ups[k]))
            shares = " / ".join(f"{u:.0%}" for u in ups[policy, outcome])
            values = " / ".join(f"{v:g}" for v in np.unique(value))
            text += f"; '{policy}' raises '{outcome}' in {shares} of samples at {values}"
        out.append(info(9, "switch", str(name), f"{shift[most]:.0%}", f"{text}."))
    return out


def _spread(values: list[float]) -> float:
    return float(max(values) - min(values))
