"""The small models for teaching: found by name, sound, and told apart from the policy models."""

from __future__ import annotations

from pathlib import Path

import pytest

import sdmodel
from sdmodel.core.errors import UnknownNameError
from sdmodel.core.resources import shipped_models, teaching_models


@pytest.mark.parametrize("name", teaching_models())
def test_a_model_for_teaching_is_loaded_by_name_runs_and_passes_its_checks(name: str) -> None:
    model = sdmodel.load(name)
    assert model.run().to_dataframe().notna().all(axis=None)
    assert not (model.check()["level"] == "error").any()


def test_no_name_is_used_twice() -> None:
    assert not set(teaching_models()) & set(shipped_models())


def test_a_shipped_name_given_as_a_file_says_how_to_load_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownNameError, match=r"load\('adoption'\)"):
        sdmodel.load("adoption.mdl")
