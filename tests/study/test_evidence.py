"""Comparisons that `sdmodel check --all` makes, and states of the base run in which a part is dead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import sdmodel
from sdmodel.study import degenerate, evidence

Make = Callable[..., sdmodel.Model]


def test_comparisons_are_of_the_first_samples_of_the_ensemble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "ensemble", lambda model, n: (model, n))
    monkeypatch.setattr(evidence.history_matching, "check", lambda *given: ["history", given])
    monkeypatch.setattr(evidence.published_effects, "check", lambda *given: ["published", given])
    for name, kind in (("history matching", "history"), ("published effects", "published")):
        assert evidence.COMPARISONS[name]("m", 7) == [kind, ("m", ("m", 7))]
    assert len(evidence.COMPARISONS) == 2


def test_the_share_of_samples_in_a_state_is_counted(
    model_from: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "degenerate.toml").write_text(
        "[[state]]\nsays = 'late'\nshare = \"final('x') > 24\"\nfirst = 'all'\nmost = 0.5\nwhy = 'so'\n"
        "[[state]]\nsays = 'dead'\nshare = \"at('y', 2010) >= 3 * sampled('k')\"\nfirst = 'none'\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(degenerate, "shipped", lambda name: tmp_path if name == "models" else None)
    text = """
present value of public money = INTEG(0, 1) ~ million CNY ~ |
x = INTEG(k, 0) ~ firm ~ |
y = 3*Time/2010 ~ Dmnl ~ |
k = 1 ~ firm/Year [0,9] ~ K. [uncertainty] [@guess] |
"""
    draws = pd.DataFrame({"k": [0.5, 0.9, 1.0, 2.0], "sample": range(4)})
    found = degenerate.degenerate(model_from(text, start=2009, end=2034, step=1), draws)
    assert found.index.tolist() == ["late", "dead"]
    assert found.columns.tolist() == ["share", "most", "first", "why"]
    assert found["share"].tolist() == [0.5, 0.75]
    assert found["most"].tolist() == [0.5, 0.05]  # one in twenty, where nothing is said
    assert found["why"].tolist() == ["so", ""]
