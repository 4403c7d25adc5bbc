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
    """No other ranges unless a file asks for some: they take half of the time, and tests/study tests them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(question, "RANGE_FACTORS", getattr(request.module, "OTHER_RANGES", {}))
        yield
