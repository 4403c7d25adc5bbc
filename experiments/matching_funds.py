"""Recipients and firms shut out, for the question of matching funds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from sdmodel.study.arms import POLICY_START, total
from sdmodel.study.outcomes import Measure
from sdmodel.study.paired import Paired


def recipient(found: xr.Dataset, _: pd.DataFrame) -> xr.DataArray:
    """Own RnD of a firm with a grant, mean over recipients and years since 2015."""
    late = found.sel(time=slice(POLICY_START, None))
    own = (late["band share"] * late["afforded own RnD"].sel(award="with grant")).sum("band", skipna=False)
    number = late["firms by quality"] * late["grant coverage"]
    return (own * number).sum("quality", skipna=False).mean("time") / number.sum("quality", skipna=False).mean("time")


def shut_out(found: xr.Dataset, _: pd.DataFrame) -> xr.DataArray:
    """Firms that cannot show the money, in percent of those chosen, mean since 2015."""
    late = found.sel(time=slice(POLICY_START, None))
    return 100 * (1 - (late["choice share"] * late["matched share"]).sum("quality", skipna=False).mean("time"))


def to_weak(found: xr.Dataset, _: pd.DataFrame) -> xr.DataArray:
    """Share of the grants paid since 2015 that weak firms receive, in percent."""
    paid = found["grant paid"].sel(time=slice(POLICY_START, None)).sum("time", skipna=False)
    return 100 * paid.sel(quality="weak") / total(paid)


MEASURES = {
    "own RnD of a recipient": Measure(
        ("band share", "afforded own RnD", "firms by quality", "grant coverage"), recipient
    ),
    "firms shut out": Measure(("choice share", "matched share"), shut_out),
    "grants to weak firms": Measure(("grant paid",), to_weak),
}


def by_switch(paired: Paired, switch: float) -> np.ndarray:
    """Own RnD per yuan, one-to-one matching less none; grants act by cash limits (0) or the published curve (1)."""
    more = paired.per_yuan("own RnD", "1 to 1") - paired.per_yuan("own RnD", "no matching")
    return np.where(paired["published curve", "as it is"] == switch, more, np.nan)
