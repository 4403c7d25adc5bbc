"""Twenty-seven small models without markers: each is sampled, swept, decomposed and fitted in a line apiece."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from teaching import MODELS, text

import sdmodel
from sdmodel import Outcome

# Few samples keep the tests quick, and the analyses say that they are few.
pytestmark = pytest.mark.filterwarnings("ignore::sdmodel.core.errors.ResultWarning")


def test_there_are_as_many_as_promised() -> None:
    assert len(MODELS) == 27


@pytest.mark.parametrize("name", MODELS)
def test_three_lines_do(name: str, tmp_path: Path) -> None:
    _, outcome, ranges, *_ = MODELS[name]
    (tmp_path / "model.mdl").write_text(text(MODELS[name]), encoding="utf-8")
    model = sdmodel.load(tmp_path / "model.mdl")
    first, (low, high) = next(iter(ranges.items()))
    truth = low + 0.7 * (high - low)

    sweep = model.sweep(sdmodel.latin_hypercube(ranges, 16, rng=1), [outcome], certificate=0)
    table = sdmodel.sobol(model, ranges, Outcome(outcome), n=16, rng=1)
    fit = sdmodel.calibrate(model, {first: (low, high)}, {outcome: model.run({first: truth})[outcome]})

    assert (sweep["status"] == 0).all()
    end = Outcome(outcome).of(sweep).to_numpy()
    again = model.run({n: float(sweep[n][3]) for n in ranges}, method=sweep.attrs["method"])
    assert again[outcome].iloc[-1] == pytest.approx(end[3], rel=1e-9)
    assert np.ptp(end) > 0
    assert set(table.index.get_level_values("parameter")) == set(ranges)
    assert table["total"].max() > 0.3
    assert fit.values[first] == pytest.approx(truth, rel=1e-3)
