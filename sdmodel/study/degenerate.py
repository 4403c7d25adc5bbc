"""Degenerate states of the base run: parts that are dead, saturated or absurd, as shares of samples."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from sdmodel.core.resources import shipped
from sdmodel.study.arms import Arms
from sdmodel.study.outcomes import measure

if TYPE_CHECKING:
    import pandas as pd

    from sdmodel.model import Model

RARE = 0.05
"""Largest share of samples in a degenerate state, where the file does not explain why it may be more."""


def degenerate(model: Model, draws: pd.DataFrame) -> pd.DataFrame:
    """Share of samples in each state of `models/degenerate.toml`.

    Parameters
    ----------
    model
        The composition, run as it is.
    draws
        Samples of all uncertainties.

    Returns
    -------
    DataFrame
        A row a state: `share`, `most` (the largest share allowed), `first` (in the first model, as text) and `why` (why
        more than one in twenty is allowed).
    """
    import pandas as pd

    rows = tomllib.loads((shipped("models") / "degenerate.toml").read_text(encoding="utf-8"))["state"]
    measures = {row["says"]: measure(row["share"]) for row in rows}
    outputs = dict.fromkeys(name for one in measures.values() for name in one.variables)
    found = Arms(model, draws, list(outputs), every=1, progress=False).run("base run", {"base": {}})
    shares = [float(one.of(found, draws).mean()) for one in measures.values()]
    out = pd.DataFrame(rows).set_index("says")
    return out.assign(share=shares, most=out["most"].fillna(RARE), why=out["why"].fillna(""))[
        ["share", "most", "first", "why"]
    ]
