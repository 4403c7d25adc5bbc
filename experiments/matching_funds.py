"""Recipients and firms shut out, for the question of matching funds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from sdmodel.study.arms import POLICY_START, total
from sdmodel.study.outcomes import Measure
from sdmodel.study.paired import Paired


def recipient(found: xr.Dataset, _: pd.DataFrame) -> xr.DataArray:
    """Own money in the project of a firm that is offered a grant, mean over offers and years since 2015."""
    late = found.sel(time=slice(POLICY_START, None))
    done = (late["mode share"] * late["chance of a project"]).sum("mode", skipna=False)
    own = (1 - late["paid part"]) * late["project size"] * done
    number = late["grants offered"]
    return (own * number).sum("quality", skipna=False).mean("time") / number.sum("quality", skipna=False).mean("time")


def shut_out(found: xr.Dataset, _: pd.DataFrame) -> xr.DataArray:
    """Firms that do not do the project, in percent of those offered a grant, mean since 2015."""
    late = found.sel(time=slice(POLICY_START, None))
    done = (late["mode share"] * late["chance of a project"]).sum("mode", skipna=False)
    return 100 * (1 - (late["choice share"] * done).sum("quality", skipna=False).mean("time"))


def to_weak(found: xr.Dataset, _: pd.DataFrame) -> xr.DataArray:
    """Share of the grants paid since 2015 that weak firms receive, in percent."""
    paid = found["grant paid"].sel(time=slice(POLICY_START, None)).sum("time", skipna=False)
    return 100 * paid.sel(quality="weak") / total(paid)


MIDDLE = 0.35
"""Middle of the range of the spread of project values."""
MEASURES = {
    "own RnD of a recipient": Measure(
        ("mode share", "chance of a project", "paid part", "project size", "grants offered"), recipient
    ),
    "firms shut out": Measure(("choice share", "mode share", "chance of a project"), shut_out),
    "grants to weak firms": Measure(("grant paid",), to_weak),
}


def by_spread(paired: Paired, wide: bool) -> np.ndarray:
    """Own RnD per yuan, one-to-one matching less none, where projects differ much in value or little."""
    more = paired.per_yuan("own RnD", "1 to 1") - paired.per_yuan("own RnD", "no matching")
    return np.where((paired["spread of projects", "as it is"] > MIDDLE) == wide, more, np.nan)
