"""The base run of the composition is a typical member of the kept ensemble, and few members are degenerate."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.study.degenerate import RARE, degenerate
from sdmodel.study.freeze import OUTCOMES
from sdmodel.study.history_matching import ensemble
from sdmodel.study.outcomes import total

SAMPLES = 300


@pytest.fixture(scope="module")
def model() -> sdmodel.Model:
    return sdmodel.load("shandong")


@pytest.fixture(scope="module")
def kept(model: sdmodel.Model) -> pd.DataFrame:
    return ensemble(model, SAMPLES)


def test_the_default_run_is_typical(model: sdmodel.Model, kept: pd.DataFrame) -> None:
    """Each outcome lies between the quartiles of the kept samples."""
    found = model.sweep(kept, list(OUTCOMES), every=1, certificate=0, progress=False)
    base = model.sweep(pd.DataFrame({"sample": [0]}), list(OUTCOMES), every=1, certificate=0, progress=False)
    odd = []
    for name in OUTCOMES:
        for year in (2014, 2020, 2034):
            low, high = np.quantile(total(found[name].sel(time=year)), [0.25, 0.75])
            value = total(base[name].sel(time=year)).item()
            if not low <= value <= high:
                odd.append(f"{name} in {year}: {value:.4g}, not in {low:.4g} to {high:.4g}")
    assert not odd, "\n".join(odd)


def test_degenerate_states_are_rare_or_explained(model: sdmodel.Model, kept: pd.DataFrame) -> None:
    table = degenerate(model, kept)
    assert len(table) > 20
    assert ((table["most"] > RARE) == (table["why"] != "")).all(), "more than one in twenty needs a reason, less none"
    over = table[table["share"] > table["most"]]
    assert over.empty, over[["share", "most"]]
