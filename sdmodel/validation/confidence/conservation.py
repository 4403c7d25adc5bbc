"""Conservation: what is in a group of stocks is what came in less what went out, in every run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sdmodel.core.structure import Structure, dimensions
from sdmodel.io.vensim.translate import read_vensim
from sdmodel.io.vensim.write import quoted, to_mdl
from sdmodel.validation.confidence.result import Row, judged
from sdmodel.validation.spec import Balance, Equal

if TYPE_CHECKING:
    import xarray as xr

LIMIT = 1e-9
"""Largest difference, as a share of what there is."""
THERE, BOOKED = "checked amount of", "checked account of"


def balanced(model: Structure, balances: tuple[Balance | Equal, ...]) -> Structure:
    """A model with two further variables for each balance: what there is, and what it should be."""
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
    """A name summed over its subscripts; a formula stays as it is."""
    if term not in model:
        return f"({term})"
    subs = [f"{range_}!" for range_ in dimensions(model, model[term])]
    name = quoted(model[term].name)
    return f"SUM({name}[{','.join(subs)}])" if subs else name


class Tally:
    """Largest differences so far, over sweeps of a balanced model."""

    def __init__(self, balances: tuple[Balance | Equal, ...]) -> None:
        self.balances = balances
        self.worst = dict.fromkeys((b.name for b in balances), 0.0)
        self.moved = dict.fromkeys((b.name for b in balances), 0.0)
        self.runs = 0

    @property
    def outputs(self) -> list[str]:
        """Variables that a sweep must keep."""
        return [f"{word} {b.name}" for b in self.balances for word in (THERE, BOOKED)]

    def add(self, found: xr.Dataset) -> None:
        """Count the runs of a sweep."""
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
        """One row a balance; what never moves proves nothing and is a miss."""
        out = []
        for b in self.balances:
            worst, moved = self.worst[b.name], self.moved[b.name]
            still = isinstance(b, Balance) and (b.inflows or b.outflows) and moved < 1e-6
            text = "It never changes, so nothing is shown." if still else ""
            good = self.runs > 0 and worst <= LIMIT and not still
            out.append(judged(2, "balance", b.name, f"{worst:.1e}", f"{LIMIT:g}", good, text))
        return out
