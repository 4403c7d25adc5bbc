"""`Calibration`: the result of a fit, with likelihood profiles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sdmodel.analysis.calibration.residuals import Residuals
from sdmodel.core import html
from sdmodel.core.errors import SolveError, UnknownNameError
from sdmodel.core.frozen import WithTables


@dataclass(frozen=True)
class Search:
    """Result of one search."""

    values: np.ndarray
    cost: float
    evaluations: int
    message: str


def search(residuals: Residuals, x: np.ndarray, free: list[int], low: np.ndarray, high: np.ndarray) -> Search:
    """Search from `x`; if a run fails the cost is infinite and `message` gives the reason."""
    try:
        found = _least_squares(residuals, x, free, low, high)
    except (SolveError, ValueError) as error:
        return Search(x, np.inf, 1, str(error))
    out = x.copy()
    out[free] = found.x
    return Search(out, float(found.cost), int(found.nfev), str(found.message))


def _least_squares(residuals: Residuals, x: np.ndarray, free: list[int], low: np.ndarray, high: np.ndarray) -> Any:
    from scipy.optimize import least_squares

    def whole(part: np.ndarray) -> np.ndarray:
        out = x.copy()
        out[free] = part
        return out

    return least_squares(
        lambda part: residuals.of(whole(part)),
        x[free],
        jac=lambda part: residuals.slopes(whole(part))[:, free],
        bounds=(low[free], high[free]),
        x_scale=residuals.reach[free],
        xtol=1e-10,
        ftol=1e-10,
        gtol=1e-10,
    )


def best_of(
    residuals: Residuals, x: np.ndarray, free: list[int], low: np.ndarray, high: np.ndarray
) -> tuple[float, np.ndarray]:
    """Cost and values of the best fit of the parameters `free`, the others fixed at `x`."""
    if not free:
        return float(0.5 * np.sum(residuals.of(x) ** 2)), x
    found = search(residuals, x, free, low, high)
    return found.cost, found.values


@dataclass(frozen=True, repr=False, eq=False)
class Calibration(WithTables):
    """Immutable result of `sdmodel.calibrate`."""

    parameters: pd.DataFrame
    """Index `parameter`; columns `start` (value of the model), `value` (fitted), `error` (standard error), `low`,
    `high` (interval of 95 %), in the unit of the parameter; `at` (`inside`, `low end` or `high end` of its range) and
    `identified` (whether the observations determine it apart from the others)."""
    fit: pd.DataFrame
    """Index `series` and `time`; columns `observed`, `simulated`, `error` (of the observation)."""
    series: pd.DataFrame
    """Index `series`; columns `observations`, `rmse` (in the unit of the series), `r2` (share of its variance)."""
    covariance: pd.DataFrame
    """Covariance of the fitted parameters; NaN for those at an end of their range or not identified."""
    directions: pd.DataFrame
    """Eigenvectors of the Gauss-Newton Hessian, best determined first; columns `eigenvalue` (with each parameter in
    units of its range) and the component of each parameter."""
    starts: pd.DataFrame
    """One row per start, best first: `cost`, `evaluations`, `message`, and the final parameters."""
    cost: float
    """Half the sum of the squared residuals, in units of their errors."""
    noise: float
    """Variance of the residuals in units of their errors: 1 if the errors were given, else estimated."""
    rank: int
    """Number of combinations of the parameters that the observations determine."""
    collinearity: float
    """Collinearity index of the parameters (Brun et al. 2001); above about 15 they compensate for each other."""
    derivatives: str
    """`exact tangents`, or `differences of runs` with the reason."""
    _residuals: Residuals
    _low: np.ndarray
    _high: np.ndarray
    _critical: float

    def __repr__(self) -> str:
        fitted = ", ".join(f"{name}={value:.4g}" for name, value in self.values.items())
        count = int(self.series["observations"].sum())
        return f"<Calibration: {fitted}; {count} observations, cost {self.cost:.4g}>"

    def _repr_html_(self) -> str:
        count = int(self.series["observations"].sum())
        plots = []
        for name in self.series.index:
            one = self.fit.xs(name, level="series")
            time = one.index.to_numpy(float)
            plots.append([html.small_plot(time, one[column].to_numpy(float)) for column in ("observed", "simulated")])
        return html.block(
            f"Calibration of {len(self.parameters)} parameters to {count} observations",
            html.frame(self.parameters),
            html.table(
                ["series", "observed", "simulated", *map(str, self.series.columns)],
                [(str(n), *p, *map(float, row)) for (n, row), p in zip(self.series.iterrows(), plots, strict=True)],
            ),
            html.paragraph(f"Cost {self.cost:.4g}; {self.derivatives}; {self.rank} combinations are determined."),
        )

    @property
    def values(self) -> dict[str, float]:
        """The fitted values, for `Model.run`."""
        return {str(name): float(value) for name, value in self.parameters["value"].items()}

    def profile(self, names: Iterable[str] | str | None = None, *, points: int = 11) -> pd.DataFrame:
        """Profile likelihood: increase of the cost with one parameter fixed and all others fitted again.

        A profile that stays below the limit on one side leaves the parameter unbounded there.

        Parameters
        ----------
        names
            Parameters; default all.
        points
            Number of values of each parameter, over four standard errors to both sides within its range, or over the
            whole range if it has no standard error.

        Returns
        -------
        pandas.DataFrame
            Index `parameter` and `value`; column `increase` (of the sum of squares, in units of the noise), then the
            values of all parameters. `attrs["limit"]` is the increase at which an interval of 95 % ends.

        Raises
        ------
        UnknownNameError
            If a parameter was not fitted.

        References
        ----------
        .. [1] Raue, A. et al. (2009). Structural and practical identifiability analysis of partially observed dynamical
           models by exploiting the profile likelihood. Bioinformatics 25(15), 1923-1929.
           https://doi.org/10.1093/bioinformatics/btp358
        """
        known = [str(name) for name in self.parameters.index]
        wanted = known if names is None else [names] if isinstance(names, str) else list(names)
        rows = []
        for name in wanted:
            if name not in known:
                raise UnknownNameError(name, known, "fitted parameter")
            rows += self._profile(known.index(name), known, points)
        out = pd.DataFrame(rows).set_index(["parameter", "value"])
        out.attrs = {"limit": self._critical**2}
        return out

    def _profile(self, j: int, names: list[str], points: int) -> list[dict[str, object]]:
        best = self.parameters["value"].to_numpy(float)
        error = float(self.parameters["error"].iloc[j])
        low, high = self._low[j], self._high[j]
        reach = 4 * error if np.isfinite(error) and error > 0 else self._residuals.reach[j]
        low, high = max(low, best[j] - reach), min(high, best[j] + reach)
        values = np.unique(np.append(np.linspace(low, high, points), best[j]))
        found: dict[float, tuple[float, np.ndarray]] = {best[j]: (self.cost, best)}
        for side in (values[values > best[j]], values[values < best[j]][::-1]):
            x = best.copy()  # each fit starts from its neighbour
            for value in side:
                x = x.copy()
                x[j] = value
                free = [i for i in range(len(x)) if i != j and self._high[i] > self._low[i]]
                cost, x = best_of(self._residuals, x, free, self._low, self._high)
                found[value] = (cost, x)
        rows = []
        for value in values:
            cost, x = found[value]
            increase = 2 * (cost - self.cost) / self.noise if self.noise else np.nan
            rows.append(
                {"parameter": names[j], "value": value, "increase": increase, **dict(zip(names, x, strict=True))}
            )
        return rows
