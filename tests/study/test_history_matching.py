"""History matching: draws that can be made again one by one, distances, and the stored ensemble."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import sdmodel
from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.core.resources import shipped
from sdmodel.study import history_matching as matching
from sdmodel.study import identifiability, sampling, targets

FIRST = [0.8206326216809281, 0.20030525669212923, 0.8349270635787824, 0.5996959051257662]
"""Two numbers of row 0 and of row 1000, as they were when the ensemble was stored first."""
HAZARDS = [0.177369561633667, 0.13830186847281706, 0.14308908877392457, 0.1744595184574385]
"""Of the first four samples of the shipped ensemble."""
STEM = {"id": "X", "name": "a", "of": "a", "at": 1.0, "error": 0.1, "discrepancy": 0.0, "use": "match", "source": "s"}


@pytest.fixture(scope="module")
def model() -> sdmodel.Model:
    return sdmodel.load("shandong")


def target(**fields: object) -> targets.Target:
    return targets.Target(**{**STEM, "why": "", **fields})


# -- draws ------------------------------------------------------------------------------------------------------
def test_a_row_is_the_same_alone_and_among_others() -> None:
    whole = sampling.uniform_rows(range(50), 7, 3)
    assert np.array_equal(whole[[4, 5, 31]], sampling.uniform_rows([4, 5, 31], 7, 3))
    assert np.array_equal(whole[10:20], sampling.uniform_rows(np.arange(10, 20), 7, 3))
    assert not np.array_equal(whole, sampling.uniform_rows(range(50), 7, 4))
    assert sampling.uniform_rows([], 7, 3).shape == (0, 7)


def test_the_numbers_do_not_change_with_versions() -> None:
    """Philox is fixed by its authors and numpy promises its raw words; the stored rows rely on it."""
    assert sampling.uniform_rows([0, 1000], 2, 20261).ravel().tolist() == pytest.approx(FIRST, abs=1e-15)


def test_draws_are_uniform_and_independent() -> None:
    u = sampling.uniform_rows(range(20_000), 5, 1)
    assert ((u > 0) & (u < 1)).all()
    assert all(stats.kstest(u[:, j], "uniform").pvalue > 1e-4 for j in range(5))
    off = np.corrcoef(u, rowvar=False)[np.triu_indices(5, 1)]
    assert np.abs(off).max() < 0.03


def test_pairs_go_together_as_asked_and_keep_their_distribution() -> None:
    names, u = ["a", "b", "c"], sampling.uniform_rows(range(20_000), 3, 1)
    moved = sampling.correlated(u, names, {("c", "a"): 0.5})
    assert stats.spearmanr(moved[:, 0], moved[:, 2])[0] == pytest.approx(0.5, abs=0.02)
    assert stats.kstest(moved[:, 2], "uniform").pvalue > 1e-4
    assert np.array_equal(moved[:, 1], u[:, 1])
    with pytest.raises(UnknownNameError):
        sampling.correlated(u, names, {("a", "d"): 0.5})
    with pytest.raises(DesignError, match="contradict"):
        sampling.correlated(u, names, {("a", "b"): 0.9, ("b", "c"): 0.9, ("a", "c"): -0.9})


def test_values_have_the_columns_of_a_latin_hypercube(model: sdmodel.Model) -> None:
    table = model.uncertainties
    _, drawn = matching.drawn(model, np.arange(64))
    assert list(drawn.columns) == list(sdmodel.latin_hypercube(table, 2, rng=1).columns)
    values = drawn.drop(columns="sample")
    assert (values >= table["low"] - 1e-12).all().all()
    assert (values <= table["high"] + 1e-12).all().all()


# -- targets ----------------------------------------------------------------------------------------------------
def test_distance_from_an_interval() -> None:
    one = target(low=2.0, high=3.0)
    assert one.distance(np.array([1.5, 2.0, 2.5, 3.5, np.nan])).tolist() == pytest.approx(
        [-0.5, 0.0, 0.0, 0.5, np.nan], nan_ok=True
    )
    log = target(low=100.0, scale="log")
    assert log.distance(np.array([50.0, 100.0, 1e9])).tolist() == pytest.approx([-np.log(2), 0.0, 0.0])
    assert target(high=100.0, scale="log").distance(np.array([50.0, 200.0])).tolist() == pytest.approx([0, np.log(2)])


def test_a_figure_is_read_off_runs() -> None:
    found = xr.Dataset(
        {"a": (("run", "time", "q"), [[[1.0, 2.0], [3.0, 5.0]]]), "b": (("run", "time"), [[4.0, 4.0]])},
        {"time": [0.0, 1.0], "q": ["x", "y"]},
    )
    assert target(low=1).value(found)[0] == 8
    assert target(low=1, form="mean").value(found)[0] == 4
    assert target(low=1, of="a[y]", over="b", at=0.5).value(found)[0] == pytest.approx(3.5 / 4)
    assert target(low=1, of="b", over="a[y]", form="hazard", years=2).value(found)[0] == pytest.approx(1 - 0.8**0.5)
    assert target(low=1, of="b", times="b").value(found)[0] == 16


@pytest.mark.parametrize("wrong", [{"low": 2, "high": 1}, {}, {"low": 1, "error": 0.0}, {"low": 1, "form": "x"}])
def test_a_target_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises((DesignError, UnknownNameError)):
        target(**wrong)


def test_matching_of_a_toy_has_the_closed_form() -> None:
    """A run that is its parameter: what is kept lies within three standard deviations of the interval."""
    x = np.linspace(0, 10, 1001)
    found = xr.Dataset({"a": (("run", "time"), x[:, None].repeat(2, axis=1))}, {"time": [0.0, 1.0], "p": ("run", x)})
    one = target(low=4.0, high=5.0, error=0.3, discrepancy=0.4)  # sd 0.5
    judge = targets.implausible(found, [one], ["p"])
    kept = x[judge["plausible"]]
    assert (kept.min(), kept.max()) == (pytest.approx(2.5), pytest.approx(6.5))
    assert judge["implausibility"].iloc[1000] == pytest.approx(5 / 0.5)
    assert judge["X a"].iloc[0] == pytest.approx(-4 / 0.5)
    assert judge.attrs["share"] == pytest.approx(len(kept) / len(x))


def test_the_targets_name_variables_and_sources_of_the_composition(model: sdmodel.Model) -> None:
    of = [*targets.targets(), *targets.targets("check")]
    assert {name for t in of for name in t.variables} <= {v.name for v in model.equations.values()}
    known = set(model.uncertainties.index)
    assert {name for pair in targets.correlations() for name in pair} <= known
    assert set(matching.FREE) <= known
    import tomllib

    cited = tomllib.loads((Path(shipped("models")) / "sources.toml").read_text("utf-8"))
    assert {t.source for t in of} <= set(cited)


# -- the stored ensemble ----------------------------------------------------------------------------------------
def test_the_stored_ensemble_is_made_again_quickly_and_is_plausible(model: sdmodel.Model) -> None:
    begun = time.perf_counter()
    kept = matching.ensemble(model, 10_000)
    assert time.perf_counter() - begun < 10  # a fifth of a second on a quiet machine
    assert len(kept) == 10_000
    again = matching.ensemble(model, 300)
    pd.testing.assert_frame_equal(kept.iloc[:300], again)
    rows = matching.check(model, again)
    assert all(share == 1.0 for name, share, *_ in rows if name in identifiability.labels())


def test_another_model_is_refused_in_words(model: sdmodel.Model) -> None:
    with pytest.raises(matching.StaleEnsembleError, match=r"python -m sdmodel\.study\.history_matching"):
        matching.ensemble(model.replace("hazard of weak firms", 0.1))


def test_more_than_is_stored_is_refused(model: sdmodel.Model) -> None:
    with pytest.raises(DesignError, match="are stored"):
        matching.ensemble(model, 10**7)


def test_a_small_matching_keeps_what_check_passes(
    model: sdmodel.Model, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(matching, "ensemble_path", lambda: tmp_path / "ensemble")
    matching.record.cache_clear()
    numbers, stored = matching.match(model, seed=7, least=128, most=128, enough=10, workers=1, progress=False)
    matching.write(numbers, stored)
    assert stored["kept"] == len(numbers) <= stored["drawn"] == 128
    kept = matching.ensemble(model)
    assert all(r[1] == 1.0 for r in matching.check(model, kept) if r[0] in identifiability.labels())
    others = np.setdiff1d(np.arange(128), numbers)
    rest = matching.drawn(model, others, 7)[1]
    met = {r[0]: r[1] for r in matching.check(model, rest)}
    assert min(met[name] for name in identifiability.labels()) < 1
    found = identifiability.identified(model)
    assert 0 < found.directions.max() <= len(targets.targets())
    matching.record.cache_clear()


def test_too_few_plausible_draws_are_said(model: sdmodel.Model) -> None:
    with pytest.raises(DesignError, match="Furthest off is mostly"):
        matching.match(model, least=16, most=16, enough=17, workers=1, progress=False)


def test_shifts_tell_a_moved_range_from_chance() -> None:
    u = sampling.uniform_rows(range(5_000), 3, 2)
    u[:, 1] = u[:, 1] ** 2
    moved = identifiability.shifts(u, ["a", "b", "c"])
    assert moved["clear"].to_dict() == {"a": False, "b": True, "c": False}
    assert moved.loc["b", "distance"] == pytest.approx(0.25, abs=0.02)  # max of sqrt(x) - x


def test_the_pages_were_written_with_the_stored_ensemble() -> None:
    docs = Path(__file__).parents[2] / "docs" / "models"
    for name in ("matching", "published_effects"):
        assert f"`{matching.record()['mark']}`" in (docs / f"{name}.md").read_text("utf-8"), (
            "the ensemble is newer than the page: python docs/_generate/evidence_pages.py"
        )


def test_samples_of_a_question_are_the_first_of_the_ensemble_or_others_by_seed(model: sdmodel.Model) -> None:
    first = matching.samples_of(None, 4, 1)[1]
    pd.testing.assert_frame_equal(first, matching.ensemble(model, 4))
    assert first["hazard of weak firms"].tolist() == pytest.approx(HAZARDS, rel=1e-12)
    drawn = [matching.samples_of(None, 4, seed)[1].drop(columns="sample") for seed in (2, 2, 3)]
    assert drawn[0].equals(drawn[1])
    assert not drawn[0].equals(drawn[2])
    whole = matching.ensemble(model)["hazard of weak firms"]
    assert set(drawn[2]["hazard of weak firms"]) <= set(whole)
    own = matching.samples_of(model, 4, 1)[1]  # of a model that is given, its ranges as assumed
    assert not np.isin(own["hazard of weak firms"], whole).any()
    with pytest.raises(DesignError, match="are stored"):
        matching.samples_of(None, 10**7, 2)
