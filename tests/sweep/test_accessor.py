"""What `sweep.sdmodel` shows of a sweep, from datasets made by hand."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

import sdmodel.sweep.accessor  # noqa: F401  gives datasets their `sdmodel`


def made(**attrs: object) -> xr.Dataset:
    """Three runs at two times; the second failed and the third was not run."""
    values = np.arange(12.0).reshape(3, 2, 2)
    return xr.Dataset(
        {"x": (("run", "time", "q"), values, {"unit": "firm", "sentence": "How many."}),
         "y": (("time", "run"), values[:, :, 0].T)},
        {"time": [0.0, 1.0], "q": ["a", "b"], "rate": ("run", [10.0, 9.0, 9.5]), "setting": ("run", ["n", "m", "k"]),
         "status": ("run", np.array([0, 1, 2], dtype=np.int8)), "message": ("run", ["", "bad", ""])},
        {"model": "toy", "scenario": "late", "certificate": "fine", "seed": 7, **attrs},
    )  # fmt: skip


def test_a_sweep_is_told_in_a_line() -> None:
    whole = made()
    assert repr(whole.sdmodel) == "<Sweep of 'toy', scenario 'late': 3 runs, 2 failed, 2 times, 2 outputs>"
    one = whole[["y"]].isel(run=0, time=0).drop_vars(["status"])
    one.attrs = {}
    assert repr(one.sdmodel) == "<Sweep of '?', scenario '?': 1 runs, 0 failed, 1 times, 1 output>"
    assert whole.sdmodel.design == ["rate", "setting"]
    assert whole.sdmodel.to_dataframe()["run"].unique().tolist() == [0, 1, 2]  # numbered where they have no number
    numbered = whole.assign_coords(run=[5, 6, 7])
    assert numbered.sdmodel.to_dataframe()["run"].unique().tolist() == [5, 6, 7]


def test_a_sweep_is_shown_with_what_differs_between_its_runs() -> None:
    text = made().sdmodel._repr_html_()
    assert "Sweep of &#x27;toy&#x27;, scenario &#x27;late&#x27;: 3 runs, 2 failed, 2 times, 2 outputs<" in text
    assert "&lt;Sweep" not in text
    assert "Certificate: fine." in text
    assert "What differs between runs (2)" in text
    assert re.findall(r"<tr><td>(\w+)</td><td[^>]*>([^<]*)</td>(?:<td[^>]*>([^<]*)</td>)?", text) == [
        ("x", "firm", "How many."), ("y", "", ""), ("rate", "9", "10"), ("setting", "k", "n"),
        ("model", "toy", ""), ("scenario", "late", ""), ("seed", "7", ""),  # the certificate stands above
    ]  # fmt: skip
    bare = made()
    del bare.attrs["certificate"]
    assert "Certificate: none." in bare.sdmodel._repr_html_()


def test_its_files_have_a_row_for_each_run_and_time(tmp_path: Path) -> None:
    whole = made()
    whole.sdmodel.to_csv(tmp_path / "a.csv")
    table = pd.read_csv(tmp_path / "a.csv")
    assert table.columns.tolist() == ["run", "rate", "setting", "status", "message", "time", "x[a]", "x[b]", "y"]
    assert table["x[b]"].tolist() == [1, 3, 5, 7, 9, 11]
    assert table["y"].tolist() == [0, 2, 4, 6, 8, 10]
    assert table["time"].tolist() == [0, 1] * 3
    assert table["setting"].tolist() == ["n", "n", "m", "m", "k", "k"]
    whole.sdmodel.to_excel(tmp_path / "a.xlsx")
    sheets = pd.read_excel(tmp_path / "a.xlsx", sheet_name=None, engine="openpyxl")
    first, *others = sheets.values()
    assert first.columns.tolist() == table.columns.tolist()
    assert sheets["variables"].fillna("").to_numpy().tolist() == [["x", "firm", "How many."], ["y", "", ""]]
    assert dict(sheets["record"].astype(str).to_numpy().tolist())["seed"] == "7"
    assert len(others) == 2
