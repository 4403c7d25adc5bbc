"""History matching: rule out parameters whose runs lie too far from the observations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from sdmodel.analysis.calibration.observations import series_in, standard_deviations
from sdmodel.analysis.inputs import Parameters, Seed, check
from sdmodel.analysis.sensitivity.evaluation import sweep_of
from sdmodel.core.arguments import kind, number
from sdmodel.core.errors import UnknownNameError
from sdmodel.core.outcome import Outcome
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure
from sdmodel.design.samplers import latin_hypercube

if TYPE_CHECKING:
    import pandas as pd


def history_match(
    of: Structure | xr.Dataset,
    parameters: Parameters,
    observations: Any,
    errors: Mapping[str, Any],
    *,
    discrepancy: Mapping[str, float] | None = None,
    cut: float = 3.0,
    n: int | None = None,
    rng: Seed = None,
    scenario: Scenario | str | None = None,
    every: float | None = None,
) -> pd.DataFrame:
    """History matching: rule out parameters whose runs lie too far from the observations.

    The implausibility of a run is its largest distance from an observation, in units of the standard deviation of the
    observation error and the model discrepancy combined.

    Parameters
    ----------
    of
        A model, which is run for a Latin hypercube of `n` samples; or a sweep that varies the parameters.
    parameters
        As in `sdmodel.sobol`.
    observations, errors
        As in `sdmodel.calibrate`; errors are required.
    discrepancy
        Standard deviation of the model discrepancy of each series, in its unit; default 0.
    cut
        Largest implausibility of a plausible run. Three standard deviations contain at least 95 % of any unimodal
        distribution [2]_.
    n, rng
        Number of samples, and their seed or generator, for a model.
    scenario, every
        As in `Model.sweep`. Paths are interpolated linearly between reported times.

    Returns
    -------
    pandas.DataFrame
        One row per run: the parameters, `implausibility`, `series` and `time` of the farthest observation, and
        `plausible`; a failed run is implausible with NaN. `attrs["share"]` is the share of plausible runs.

    Raises
    ------
    UnknownNameError
        If a series has no error, or the sweep does not hold it.
    DesignError
        If the sweep does not vary a parameter, or an error is not positive.

    References
    ----------
    .. [1] Vernon, I., Goldstein, M. and Bower, R. G. (2010). Galaxy formation: a Bayesian uncertainty analysis.
       Bayesian Analysis 5(4), 619-669. https://doi.org/10.1214/10-BA524
    .. [2] Pukelsheim, F. (1994). The three sigma rule. The American Statistician 48(2), 88-91.
       https://doi.org/10.1080/00031305.1994.10476030

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("network")
    >>> seen = {"trust": model.run(every=5)["trust"]}
    >>> table = sdmodel.history_match(model, ["trust time"], seen, {"trust": 0.02}, n=64, rng=1)
    >>> bool(table.loc[table["plausible"], "trust time"].between(2, 10).all())
    True
    """
    import pandas as pd

    kind("errors", errors, types=(Mapping,), need="a mapping from series to standard deviations")
    check(of=of, discrepancy=discrepancy, cut=cut, n=n, rng=rng, scenario=scenario)
    series = series_in(observations)

    def design(table: pd.DataFrame) -> pd.DataFrame:
        return latin_hypercube(table, int(n or 0), rng=rng)

    sweep, names, x = sweep_of(of, parameters, list(series), design, n, scenario=scenario, every=every)
    worst = np.zeros(len(x))
    which, when = np.full(len(x), "", dtype=object), np.full(len(x), np.nan)
    for name, one in series.items():
        if name not in errors:
            raise UnknownNameError(name, errors, "error of a series", "Give one for each series.")
        own = (discrepancy or {}).get(name, 0.0)
        number(f"discrepancy of '{name}'", own, low=0)
        spread = np.hypot(standard_deviations(name, errors[name], one), own)
        for t, y, s in zip(one.index.to_numpy(float), one.to_numpy(float), spread, strict=True):
            found = Outcome(name, at=float(t)).of(sweep).to_numpy()
            far = np.abs(found - y) / s
            farther = np.isnan(far) | (far > worst)
            worst = np.where(farther, far, worst)
            which[farther], when[farther] = name, t
    unknown = [name for name in discrepancy or {} if name not in series]
    if unknown:
        raise UnknownNameError(unknown[0], series, "series")
    out = pd.DataFrame(x, columns=names)
    plausible = worst <= cut
    out = out.assign(implausibility=worst, series=which, time=when, plausible=plausible)
    out.attrs = {"share": float(plausible.mean()), "cut": cut}
    return out
