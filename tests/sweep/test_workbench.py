"""Models for the EMA workbench: parameters, outcomes, and one sweep for all experiments."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest

import sdmodel
from sdmodel.core.errors import MissingExtraError, ResultWarning


def test_experiments_equal_runs_one_by_one(ema_workbench: ModuleType) -> None:
    model = sdmodel.load("adoption")
    late = sdmodel.Outcome("firms with", at=2025)
    ema = model.to_ema(["money spent", late], every=5)
    ends = {"short": 2017.3, "long": 2022.0}
    policies = [ema_workbench.Policy(name, **{"support end": end}) for name, end in ends.items()]
    with ema.evaluator() as evaluator:
        experiments, outcomes = evaluator.perform_experiments(scenarios=3, policies=policies)
    assert len(experiments) == 6
    for row, money, firms in zip(
        experiments.to_dict("records"), outcomes["money spent"], outcomes[late.label], strict=True
    ):
        values = {name: row[name] for name in [*model.uncertainties.index, "support end"]}
        alone = model.run(values, method="exact", every=5)
        np.testing.assert_allclose(money, alone["money spent"], rtol=1e-12)
        assert firms == pytest.approx(float(late.of(alone)), rel=1e-12)
        single = ema.function(**values)
        np.testing.assert_array_equal(single["money spent"], money)


@pytest.mark.usefixtures("ema_workbench")
def test_parameters_keep_the_distribution_of_the_file() -> None:
    model = sdmodel.load("adoption").with_ranges(
        {"own uptake": (0.001, 0.1, "loguniform"), "time in use": (2, 9, "integer")}
    )
    ema = model.to_ema(["money spent"])
    u = np.array([0.0, 0.5, 1.0])
    np.testing.assert_allclose(ema.uncertainties["own uptake"].dist.ppf(u), [0.001, 0.01, 0.1])
    assert set(ema.uncertainties["time in use"].dist.ppf(np.linspace(0.01, 0.99, 50))) == set(range(2, 10))
    assert list(ema.levers.keys()) == list(model.levers.index)
    again = sdmodel.latin_hypercube(list(ema.levers), 4, rng=1)
    assert set(model.levers.index) <= set(again.columns)


def test_experiments_that_fail_are_counted(ema_workbench: ModuleType) -> None:
    ema = sdmodel.load("adoption").to_ema(["firms with"])
    moved = {"support start": 2020.0, "support end": 2015.0, "support size": 200.0}
    ends_before_it_starts = ema_workbench.Policy("none", **moved)
    with ema.evaluator() as evaluator, pytest.warns(ResultWarning, match="of 2 experiments failed"):
        evaluator.perform_experiments(scenarios=2, policies=[ends_before_it_starts])


def test_without_the_workbench_the_install_line_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ema_workbench", None)
    monkeypatch.delitem(sys.modules, "sdmodel.sweep.workbench", raising=False)
    with pytest.raises(MissingExtraError, match=r"sdmodel\[handoffs\]"):
        sdmodel.load("adoption").to_ema()


@pytest.mark.usefixtures("ema_workbench")
def test_a_workbench_of_another_version_is_refused_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Version 3 has other evaluators, and no AbstractOutcome."""
    other = ModuleType("ema_workbench.em_framework.outcomes")
    monkeypatch.setitem(sys.modules, other.__name__, other)
    monkeypatch.delitem(sys.modules, "sdmodel.sweep.workbench", raising=False)
    with pytest.raises(MissingExtraError, match=r"needs ema_workbench below version 3\. Install it: .*handoffs"):
        sdmodel.load("adoption").to_ema()
