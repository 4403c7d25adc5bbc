"""`sweep.sdmodel`: the record of a sweep as a text or a page, and its runs as one table in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from sdmodel.core import html
from sdmodel.core.spreadsheet import table_path, write_table
from sdmodel.sweep.forms import flat

LABELS = ("status", "message")


@xr.register_dataset_accessor("sdmodel")  # type: ignore[no-untyped-call]  # xarray gives it no types
class SweepRecord:
    """How a sweep was made, and its runs as a table; an accessor of xarray, `sweep.sdmodel`.

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("network")
    >>> sweep = model.sweep(sdmodel.latin_hypercube(model.uncertainties, 4, rng=1), ["trust"], every=5)
    >>> sweep.sdmodel
    <Sweep of 'network', scenario 'base': 4 runs, 0 failed, 6 times, 1 output>
    """

    def __init__(self, sweep: xr.Dataset) -> None:
        self.sweep = flat(sweep)

    def __repr__(self) -> str:
        attrs, sizes = self.sweep.attrs, self.sweep.sizes
        outputs = len(self.sweep.data_vars)
        return (
            f"<Sweep of {attrs.get('model', '?')!r}, scenario {attrs.get('scenario', '?')!r}: "
            f"{sizes.get('run', 1):,} runs, {self.failed:,} failed, {sizes.get('time', 1)} times, "
            f"{outputs} output{'s' * (outputs != 1)}>"
        )

    @property
    def failed(self) -> int:
        """Number of runs that failed or were not run."""
        return int((self.sweep["status"] != 0).sum()) if "status" in self.sweep.coords else 0

    @property
    def design(self) -> list[str]:
        """Names of the columns of the design."""
        return [str(c) for c, v in self.sweep.coords.items() if v.dims == ("run",) and c not in ("run", *LABELS)]

    def _repr_html_(self) -> str:
        varied: list[tuple[str, Any, Any]] = []
        for name in self.design:
            values = self.sweep[name].to_numpy()
            if np.issubdtype(values.dtype, np.number):
                varied.append((name, float(values.min()), float(values.max())))
            else:
                texts = sorted(map(str, values))
                varied.append((name, texts[0], texts[-1]))
        facts = [(name, value) for name, value in self.sweep.attrs.items() if name != "certificate"]
        return html.block(
            repr(self)[1:-1],
            html.paragraph(f"Certificate: {self.sweep.attrs.get('certificate', 'none')}."),
            html.frame(self._outputs()),
            html.folded(f"What differs between runs ({len(varied)})", html.table(["constant", "from", "to"], varied)),
            html.folded("Record", html.table(["what", "value"], facts)),
        )

    def _outputs(self) -> pd.DataFrame:
        rows = {str(n): [v.attrs.get("unit", ""), v.attrs.get("sentence", "")] for n, v in self.sweep.data_vars.items()}
        return pd.DataFrame.from_dict(rows, orient="index", columns=["unit", "meaning"]).rename_axis("variable")

    def to_dataframe(self) -> pd.DataFrame:
        """A row for each run and time: `run`, the design, `status`, `message`, `time`, then outputs, `name[a,b]`."""
        sweep = self.sweep
        table = pd.DataFrame({name: sweep[name].to_numpy() for name in ("run", *self.design, *LABELS)})
        times = sweep["time"].to_numpy()
        table = table.loc[table.index.repeat(len(times))].reset_index(drop=True)
        table["time"] = np.tile(times, sweep.sizes["run"])
        columns: dict[str, Any] = {}
        for name, values in sweep.data_vars.items():
            rest = [d for d in values.dims if d not in ("run", "time")]
            flat = values.transpose("run", "time", *rest).to_numpy().reshape(len(table), -1)
            labels = [str(name)]
            if rest:
                places = pd.MultiIndex.from_product([sweep[d].to_numpy() for d in rest])
                labels = [f"{name}[{','.join(map(str, place))}]" for place in places]
            columns.update(zip(labels, flat.T, strict=True))
        return pd.concat([table, pd.DataFrame(columns)], axis=1)

    def to_csv(self, path: str | Path) -> None:
        """Write `to_dataframe` to a CSV file (UTF-8); names and texts are safe for a spreadsheet."""
        write_table(self.to_dataframe(), table_path(path, ".csv"), index=False)

    def to_excel(self, path: str | Path) -> None:
        """Write `to_dataframe` to a workbook; further sheets have the units of the outputs and the record."""
        path = table_path(path, ".xlsx")
        sheets = {
            "variables": self._outputs().reset_index(),
            "record": pd.DataFrame([(k, str(v)) for k, v in self.sweep.attrs.items()], columns=["what", "value"]),
        }
        write_table(self.to_dataframe(), path, index=False, sheets=sheets)
