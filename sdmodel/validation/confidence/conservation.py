"""Conservation: stocks equal initial values plus inflows minus outflows, in every run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sdmodel.core.structure import Structure, dimensions
from sdmodel.io.vensim.translate import read_vensim
from sdmodel.io.vensim.write import quoted, to_mdl
from sdmodel.validation.confidence.result import Row, pass_or_miss
from sdmodel.validation.spec import Balance, Equal

if TYPE_CHECKING:
    import xarray as xr

LIMIT = 1e-9
"""Largest relative difference."""
THERE, BOOKED = "checked amount of", "checked account of"


def with_balances(model: Structure, balances: tuple[Balance | Equal, ...]) -> Structure:
    """A model with two more variables per balance: the amount, and the amount by its flows."""
    if not balances:
        return model
    lines = []
    for b in balances:
        there, booked = quoted(f"{THERE} {b.name}"), quoted(f"{BOOKED} {b.name}")
        if isinstance(b, Equal):
            lines += [f"{there} = {b.one} ~~|", f"{booked} = {b.other} ~~|"]
            continue
        flow = " ".join([*(f"+ {_sum(model, x)}" for x in b.inflows), *(f"- {_sum(model, x)}" for x in b.outflows)])
        lines.append(f"{there} = {' + '.join(_sum(model, x) for x in b.stocks)} ~~|")
        lines.append(f"{booked} = INTEG(0 {flow}, {there}) ~~|")
    text = to_mdl(model).replace("{UTF-8}\n", "{UTF-8}\n" + "\n".join(lines) + "\n", 1)
    return read_vensim(text.encode(), Path(f"{model.name}.mdl"))


def _sum(model: Structure, term: str) -> str:
    """A name summed over its subscripts; a formula unchanged."""
    if term not in model:
        return f"({term})"
    subs = [f"{range_}!" for range_ in dimensions(model, model[term])]
    name = quoted(model[term].name)
    return f"SUM({name}[{','.join(subs)}])" if subs else name


class BalanceErrors:
    """Largest differences over sweeps of a model with balances."""

    def __init__(self, balances: tuple[Balance | Equal, ...]) -> None:
        self.balances = balances
        self.worst = dict.fromkeys((b.name for b in balances), 0.0)
        self.moved = dict.fromkeys((b.name for b in balances), 0.0)
        self.runs = 0

    @property
    def outputs(self) -> list[str]:
        """Outputs that a sweep must have."""
        return [f"{word} {b.name}" for b in self.balances for word in (THERE, BOOKED)]

    def add(self, found: xr.Dataset) -> None:
        """Add the runs of a sweep."""
        fine = found["status"].to_numpy() == 0
        self.runs += int(fine.sum())
        for b in self.balances:
            there, booked = (found[f"{word} {b.name}"].to_numpy()[fine] for word in (THERE, BOOKED))
            if not there.size:
                continue
            size = np.maximum(np.abs(there).max(axis=1), np.abs(booked).max(axis=1))
            scale = np.where(size > 0, size, 1.0)
            off = np.abs(there - booked).max(axis=1) / scale
            self.worst[b.name] = max(self.worst[b.name], float(np.nan_to_num(off, nan=np.inf).max()))
            self.moved[b.name] = max(self.moved[b.name], float((np.ptp(there, axis=1) / scale).max()))

    def rows(self) -> list[Row]:
        """One row per balance; a balance that never changes shows nothing and is a miss."""
        out = []
        for b in self.balances:
            worst, moved = self.worst[b.name], self.moved[b.name]
            still = isinstance(b, Balance) and (b.inflows or b.outflows) and moved < 1e-6
            text = "It never changes, so nothing is shown." if still else ""
            good = self.runs > 0 and worst <= LIMIT and not still
            out.append(pass_or_miss(2, "balance", b.name, f"{worst:.1e}", f"{LIMIT:g}", good, text))
        return out
