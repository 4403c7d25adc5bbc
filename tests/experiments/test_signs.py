"""A prediction is labelled `built in` where, and only where, its sign cannot change in the unfiltered ranges."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from sdmodel.experiments import LIBRARY
from sdmodel.study.built_in import built_in
from sdmodel.study.question import Question

TABLE = Path(__file__).parents[2] / "docs" / "models" / "built_in.csv"
AGAIN = "python docs/_generate/ensemble_pages.py built_in measures it"


@pytest.fixture(scope="module")
def signs() -> pd.DataFrame:
    return pd.read_csv(TABLE).set_index(["question", "prediction"])


@pytest.mark.parametrize("name", [name for name in LIBRARY.names if isinstance(LIBRARY[name], Question)])
def test_labels_follow_from_the_signs(name: str, signs: pd.DataFrame) -> None:
    for p in LIBRARY[name].predictions:
        assert (name, p.hypothesis) in signs.index, f"{p.hypothesis} was not measured: {AGAIN}"
        row = signs.loc[(name, p.hypothesis)]
        assert (p.label == "built in") == row["built in"], f"{p.hypothesis} is labelled '{p.label}': {row.to_dict()}"


def test_the_table_is_that_of_the_questions(signs: pd.DataFrame) -> None:
    """One of them, with few samples: counts of more samples cannot lose a sign that fewer have found."""
    few = built_in(LIBRARY["alliances"], 8)
    for prediction, row in few.iterrows():
        known = signs.loc[("alliances", prediction)]
        for sign in ("positive", "negative"):
            assert row[sign] == 0 or known[sign] > 0, f"{prediction}: {AGAIN}"
