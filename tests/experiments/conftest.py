"""Shared by the tests of the experiments."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import sdmodel
from sdmodel.study import question


@pytest.fixture(scope="module")
def model() -> sdmodel.Model:
    return sdmodel.load("shandong")


@pytest.fixture(autouse=True, scope="module")
def other_ranges(request: pytest.FixtureRequest) -> Iterator[None]:
    """Of the other ranges that an experiment is asked with, the narrower ones are enough: settings can leave them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(question, "RANGE_FACTORS", getattr(request.module, "OTHER_RANGES", {"half as wide": 0.5}))
        yield
