"""The certificate by hand: which rows are drawn, what is compared with what, and from when on it warns."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sdmodel.core.errors import ResultWarning
from sdmodel.sweep import certificate
from sdmodel.sweep.certificate import certify
from sdmodel.sweep.engines import FAILED, FINE, OneRun
from sdmodel.sweep.refinement import BY_SCIPY

RECORD = {"design_hash": "1f"}
LEAST_RUNS, BOUND = 64, 1e-3


def plan_of(runs: int = LEAST_RUNS, **more: Any) -> SimpleNamespace:
    solver = SimpleNamespace(on_grid=False, adaptive=False)
    given: dict[str, Any] = {
        "runs": runs, "solver": solver, "rtol": None, "grid": None, "method": "exact", "units": ("m", "s"),
        "labels": ("x", "y"), "parameters": lambda start, stop: np.array([[float(start), stop - start]]),
    }  # fmt: skip
    return SimpleNamespace(**{**given, **more})


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the repetitions differ by, by way and row; what was asked for is noted."""
    told: dict[str, Any] = {"half": {}, "scipy": {}, "rows": [], "tight": set(), "solved": []}

    def values(off: tuple[float, float] | None) -> np.ndarray | None:
        return None if off is None else np.array([[4.0, 4.0 + 4 * off[0]], [2.0, 2.0 + 2 * off[1]]])

    def half(plan: Any, kept: dict[int, tuple[np.ndarray, int]]) -> dict[int, np.ndarray]:
        told["rows"] += list(kept)
        told["solved"] += [solved for _, solved in kept.values()]
        found = {row: values(told["half"].get(row, (0.0, 0.0))) for row in kept}
        return {row: one for row, one in found.items() if one is not None}

    def one(plan: Any, engine: Any, p: np.ndarray, row: int, *, method: str, rtol: float) -> OneRun:
        assert p.tolist() == [row, 1]  # the parameters of this row alone
        assert method == "LSODA"
        told["tight"].add(rtol)
        return OneRun(values(told["scipy"].get(row, (0.0, 0.0))), "", False)

    monkeypatch.setattr(certificate, "_half_steps", half)
    monkeypatch.setattr(certificate, "one_run", one)
    monkeypatch.setattr(certificate, "python_of", lambda plan: None)
    monkeypatch.setattr(certificate, "distance", lambda units, a, b: np.abs(a - b).max(axis=1) / [4.0, 2.0])
    return told


def fine(row: int) -> tuple[np.ndarray, int, int]:
    return np.array([[4.0, 4.0], [2.0, 2.0]]), FINE, row


def drawn(runs: int, sample: int, seed: int = 31) -> list[int]:
    return np.random.default_rng(seed).choice(runs, sample, replace=False).tolist()


def test_the_largest_difference_of_each_way_is_told_with_its_output(apart: dict[str, Any]) -> None:
    rows = drawn(LEAST_RUNS, 3)
    apart["half"] = {rows[0]: (1e-5, 2e-5), rows[1]: (3e-5, 1e-6)}
    apart["scipy"] = {rows[1]: (1e-5, 9e-5), rows[2]: (8e-5, 0.0)}
    found = certify(plan_of(), RECORD, fine, 3)
    assert apart["rows"] == apart["solved"] == rows
    assert apart["tight"] == {1e-10}
    assert found["certificate_runs"] == 3
    assert found["certificate_half_step"] == pytest.approx(3e-5)
    assert found["certificate_scipy"] == pytest.approx(9e-5)
    assert found["certificate"] == (
        "3 random runs differ by at most 9.0e-05 (in 'y') from scipy at rtol 1e-10 and by at most 3.0e-05 (in 'x') "
        "from half the step, relative to the largest value of the output in its run"
    )


def test_the_sample_is_drawn_by_the_design_and_no_larger_than_the_sweep(apart: dict[str, Any]) -> None:
    certify(plan_of(), {"design_hash": "20"}, fine, 5)
    assert apart["rows"] == drawn(LEAST_RUNS, 5, 32)
    apart["rows"].clear()
    found = certify(plan_of(4), RECORD, fine, 5)
    assert sorted(apart["rows"]) == [0, 1, 2, 3]
    assert found["certificate_runs"] == 4
    assert "certificate_scipy" not in found  # few runs are repeated with half the step only
    assert len(apart["tight"]) == 1


def test_failed_runs_are_not_repeated_and_one_way_is_enough(apart: dict[str, Any]) -> None:
    rows = drawn(LEAST_RUNS, 4)
    apart["half"] = dict.fromkeys(rows, None)
    apart["scipy"] = {rows[1]: None, rows[2]: (1e-6, 0.0)}

    def some(row: int) -> tuple[np.ndarray, int, int]:
        return fine(row)[0], FAILED if row == rows[0] else FINE, 0

    found = certify(plan_of(), RECORD, some, 4)
    assert apart["rows"] == rows[1:]
    assert found["certificate_runs"] == 2  # one was repeated in neither way
    assert found["certificate_scipy"] == pytest.approx(1e-6)
    assert "certificate_half_step" not in found
    assert "half" not in found["certificate"]
    apart["scipy"] = dict.fromkeys(rows, None)
    none = {"certificate": "none: no run of the sample could be repeated"}
    assert certify(plan_of(), RECORD, some, 4) == none
    assert certify(plan_of(), RECORD, lambda row: (fine(row)[0], FAILED, 0), 4) == none


@pytest.mark.parametrize(
    ("rtol", "off", "tight", "warns"),
    [
        (None, BOUND * 0.99, 1e-10, False), (None, BOUND * 1.01, 1e-10, True),
        (1e-4, 0.99e-4, 1e-6, False), (1e-4, 1.01e-4, 1e-6, True), (1e-9, 0.99e-9, 1e-10, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("way", ["half", "scipy"])
def test_it_warns_above_the_tolerance_of_the_sweep(
    apart: dict[str, Any], rtol: float | None, off: float, tight: float, warns: bool, way: str
) -> None:
    grid = None if rtol is None else np.zeros(1)
    apart[way] = {drawn(LEAST_RUNS, 2 if grid is None else 64)[0]: (0.0, off)}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = certify(plan_of(rtol=rtol, grid=grid), RECORD, fine, 2)
    assert apart["tight"] == {tight}
    assert [w.category for w in said] == [ResultWarning] * warns
    if warns:
        assert f"may be off by {off:.1e} (in 'y'): {found['certificate']}. Use a shorter" in str(said[0].message)
    assert ("from half of TIME STEP" in found["certificate"]) == (rtol is not None)


def test_what_has_no_error_of_steps_has_no_certificate(apart: dict[str, Any]) -> None:
    for solver in ({"on_grid": True, "adaptive": False}, {"on_grid": False, "adaptive": True}):
        found = certify(plan_of(solver=SimpleNamespace(**solver), method="rk4"), RECORD, fine, 2)
        assert found == {"certificate": "none: the steps of rk4 are the meaning of the run"}
    assert certify(plan_of(), RECORD, fine, 0) == {"certificate": "none: not asked for"}
    assert not apart["rows"]


@pytest.mark.parametrize(("runs", "sample", "halves", "scipy"), [(64, 2, 64, 1), (64, 4, 64, 2), (80, 66, 66, 22)])
def test_of_longer_steps_more_are_halved_and_a_third_are_solved_by_scipy(
    apart: dict[str, Any], runs: int, sample: int, halves: int, scipy: int
) -> None:
    rows = drawn(runs, halves)
    apart["scipy"] = {rows[scipy - 1]: (2e-6, 0.0), **({rows[scipy]: (9e-6, 0.0)} if scipy < halves else {})}
    apart["half"] = {rows[-1]: (3e-6, 0.0)}
    found = certify(plan_of(runs, grid=np.zeros(1)), RECORD, fine, sample)
    assert apart["rows"] == rows
    assert apart["tight"] == {1e-7}
    assert found["certificate_runs"] == halves
    assert found["certificate"].startswith(
        f"{scipy} random runs differ by at most 2.0e-06 (in 'x') from scipy at rtol 1e-07 and {halves} by at most "
        "3.0e-06 (in 'x') from half of TIME STEP"
    )


def test_half_a_step_is_half_of_the_one_that_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, list[int]]] = []

    def halved(plan: Any, rows: np.ndarray, halvings: int) -> tuple[np.ndarray, np.ndarray]:
        asked.append((halvings, rows.tolist()))
        return rows[:, None, None] + 0.5, np.where(rows == 8, FAILED, FINE)

    monkeypatch.setattr(certificate, "halved", halved)
    program = SimpleNamespace(parameters=("k", "TIME STEP"))
    kept = {row: (np.zeros((1, 1)), solved) for row, solved in ((5, 0), (6, 2), (7, BY_SCIPY), (8, 0), (9, 0))}
    found = certificate._half_steps(SimpleNamespace(engine="kernel", program=program), kept)
    assert {row: values.tolist() for row, values in found.items()} == {5: [[5.5]], 9: [[9.5]], 6: [[6.5]]}
    assert sorted(asked) == [(1, [5, 8, 9]), (3, [6])]
    without = SimpleNamespace(parameters=("k",))
    for other in (SimpleNamespace(engine="python", program=program), SimpleNamespace(engine="kernel", program=without)):
        assert certificate._half_steps(other, kept) == {}
    assert len(asked) == 2
