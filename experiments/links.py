"""New links of firms, for the question of links."""

from __future__ import annotations

import pandas as pd
import xarray as xr

from sdmodel.study.outcomes import Measure


def made(found: xr.Dataset, _: pd.DataFrame) -> xr.DataArray:
    """New project and university links that firms make by themselves per firm and year, mean from 2015."""
    late = found.sel(time=slice(2015, None))
    return ((late["new project links"] + late["new university links"]) / late["all firms"]).mean("time")


MEASURES = {"new links": Measure(("new project links", "new university links", "all firms"), made)}
