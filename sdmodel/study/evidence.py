"""Comparisons of the shipped model with published figures, in the form that `sdmodel check --all` uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sdmodel.study import history_matching, published_effects
from sdmodel.study.history_matching import ensemble

if TYPE_CHECKING:
    from sdmodel.model import Model

Rows = list[tuple[str, float, str, str, str]]


def history(model: Model, samples: int) -> Rows:
    """Compare the first samples of the ensemble with every target of the history matching."""
    return history_matching.check(model, ensemble(model, samples))


def published(model: Model, samples: int) -> Rows:
    """Compare the first samples of the ensemble with every published effect."""
    return published_effects.check(model, ensemble(model, samples))


COMPARISONS: Mapping[str, Callable[[Model, int], Rows]] = {"history matching": history, "published effects": published}
"""By the name that `checks.toml` uses."""
