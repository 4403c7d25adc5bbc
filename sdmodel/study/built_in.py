"""Mechanical test of the label `built in`: whether the sign of an effect changes anywhere in the unfiltered ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sdmodel.design.samplers import latin_hypercube
from sdmodel.design.tables import LABELS
from sdmodel.study.arms import Arms
from sdmodel.study.history_matching import samples_of

if TYPE_CHECKING:
    from sdmodel.model import Model
    from sdmodel.study.question import Question

NIL = 0.01
"""Part of the smallest effect that counts, up to which an effect has no sign: money is made equal to half a percent."""
SAMPLES = 96


def unfiltered(model: Model, samples: int, seed: int = 1) -> pd.DataFrame:
    """Samples of all ranges without any matching: a Latin hypercube, and as many corners drawn at random."""
    table = model.uncertainties
    inside = latin_hypercube(table, samples, rng=seed)
    high = np.random.default_rng(seed).random((samples, len(table))) < 0.5
    corners = pd.DataFrame(np.where(high, table["high"], table["low"]), columns=table.index)
    both = pd.concat([inside, corners], ignore_index=True)
    return both.assign(**{LABELS[0]: np.arange(len(both))})


def signs(effect: np.ndarray, least: float) -> tuple[int, int, int]:
    """Number of samples with a positive effect, with none, and with a negative one; what is not finite is left out.

    Examples
    --------
    >>> signs(np.array([2.0, 0.001, -0.5, np.nan]), least=1.0)
    (1, 1, 1)
    """
    finite = effect[np.isfinite(effect)]
    nil = NIL * least
    return int((finite > nil).sum()), int((np.abs(finite) <= nil).sum()), int((finite < -nil).sum())


def built_in(question: Question, samples: int = SAMPLES, seed: int = 1, model: Model | None = None) -> pd.DataFrame:
    """Signs of every prediction of a question over the unfiltered ranges.

    Parameters
    ----------
    question
        The question; its arms are run as in `Question.ask`, without loops and other ranges.
    samples
        Draws inside the ranges, and as many corners. One sample of another sign shows that a sign is not built in; that
        there is none among n shows that fewer than 3/n of the samples have one (95 %).
    seed
        Seed of both.
    model
        Composition; default the shipped one.

    Returns
    -------
    DataFrame
        A row for each prediction: `positive`, `nil`, `negative` (samples), and `built in`: what the paper says comes
        out in some sample and its opposite in none.
    """
    own = model or samples_of(None, 1, 1)[0]
    draws = unfiltered(own, samples, seed)
    paired = question.run(Arms(own, draws, question.outputs(own), every=question.every, progress=False), "signs").paired
    rows = {}
    for p in question.predictions:
        positive, nil, negative = signs(p.effect(paired), p.least)
        rows[p.hypothesis] = (positive, nil, negative, positive > 0 and negative == 0)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["positive", "nil", "negative", "built in"])
