"""Outcomes as this room takes them: one or several, each a number a run, or a whole path."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.core.errors import DesignError
from sdmodel.core.expression import key
from sdmodel.core.labels import join_label
from sdmodel.core.outcome import Outcome

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


@dataclass(frozen=True)
class OutcomeValues:
    """Values of one outcome in all runs."""

    label: str
    time: float | None
    """Time of a point of a path; None for an outcome with one number per run."""
    values: np.ndarray
    """Shape (runs,)."""

    @property
    def name(self) -> str:
        """Label with the time of a point of a path."""
        return self.label if self.time is None else f"{self.label} at {self.time:g}"


def outcome_values(outcomes: Sequence[Any], sweep: xr.Dataset) -> Iterator[OutcomeValues]:
    """Values of outcomes: one for each element of a subscripted variable and each time of a path.

    Raises
    ------
    UnknownNameError
        If the sweep does not hold a variable.
    """
    for requested in outcomes:
        if isinstance(requested, Outcome):
            array = requested.of(sweep)
            label, path = "", False
        elif not isinstance(requested, str):
            array = _of_runs(requested, sweep)
            label, path = str(array.name or "outcome"), "time" in array.dims
        else:
            array = Outcome(requested)._path(sweep)
            label, path = requested, True
        ranges = [d for d in array.dims if d not in ("run", "time")]
        flat = array.stack(element=ranges) if ranges else array.expand_dims("element")
        flat = flat.transpose("element", "run", "time") if path else flat.transpose("element", "run")
        for i in range(flat.sizes["element"]):
            members = [str(flat[d].to_numpy()[i]) for d in ranges]
            if isinstance(requested, Outcome):
                own = replace(requested, variable=join_label(requested.variable, members)).label
            else:
                own = join_label(label, members)
            block = flat.isel(element=i).to_numpy()
            if not path:
                yield OutcomeValues(own, None, block)
                continue
            for j, t in enumerate(array["time"].to_numpy()):
                yield OutcomeValues(own, float(t), block[:, j])


def _of_runs(array: xr.DataArray, sweep: xr.Dataset) -> xr.DataArray:
    """Values given as an array, with the dimension of the runs called `run`."""
    runs = sweep.sizes["run"]
    dims = ["run"] if "run" in array.dims else [d for d in array.dims if d != "time" and array.sizes[d] == runs]
    if len(dims) != 1 or array.sizes[dims[0]] != runs:
        raise DesignError(
            f"The outcome has the dimensions {dict(array.sizes)}; it needs one value for each of {runs} runs."
        )
    return array if dims[0] == "run" else array.rename({dims[0]: "run"})


def outcome_table(rows: list[dict[str, object]], last: Sequence[str] = ("parameter",)) -> pd.DataFrame:
    """Rows as a table with index `outcome`, `time` (for paths) and `last`."""
    import pandas as pd

    table = pd.DataFrame(rows)
    if "time" in table and table["time"].isna().all():
        table = table.drop(columns="time")
    levels = ["outcome", *(["time"] if "time" in table else []), *last]
    return table.set_index(levels)


def canonical(name: str) -> str:
    """Canonical label: case, quotes and blanks around brackets and commas are ignored."""
    return re.sub(r"\s*([\[\],])\s*", r"\1", key(name.replace('"', "")))
