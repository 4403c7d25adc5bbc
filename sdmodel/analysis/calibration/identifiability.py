"""What observations tell about parameters near the best fit: covariance, rank, eigenvalues, collinearity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sdmodel.analysis.calibration.residuals import Residuals

Array = np.ndarray
RANK = 1e-7
"""A combination of parameters whose residuals change by less, as a share of the best known one, is not known."""
SHARE = 1e-2
"""A parameter with a larger share in a combination that is not known is not identified."""


@dataclass(frozen=True)
class Local:
    """The neighbourhood of a fit."""

    covariance: Array
    """Of the parameters inside their ranges; NaN where one is not identified."""
    errors: Array
    """Standard errors of these; infinite where one is not identified."""
    identified: Array
    """Of all fitted parameters."""
    eigenvalues: Array
    """Of the curvature, with each fitted parameter in units of its reach, largest first."""
    vectors: Array
    """A row for each eigenvalue: its combination of the fitted parameters."""
    rank: int
    collinearity: float
    noise: float
    critical: float
    """Standard errors from the middle of an interval of 95 % to its end."""


def local(residuals: Residuals, x: Array, free: list[int], inside: list[int], cost: float) -> Local:
    """Curvature of the sum of squares at `x`: what is known of the parameters `free`, of which `inside` have intervals.

    The collinearity index is that of Brun et al. (2001), https://doi.org/10.1029/2000WR900350: the reciprocal of the
    smallest singular value of the sensitivities, each parameter's scaled to length one.
    """
    from scipy import stats

    rest = len(residuals.data.values) - len(inside)
    noise = 1.0 if residuals.data.known else (2 * cost / rest if rest else np.nan)
    critical = float(stats.norm.ppf(0.975) if residuals.data.known else stats.t.ppf(0.975, rest) if rest else np.nan)
    slopes = residuals.slopes(x) * residuals.reach
    identified, known, sizes, vectors = _known(slopes[:, free])
    lengths = np.linalg.norm(slopes[:, free], axis=0)
    least = np.linalg.svd(slopes[:, free] / np.where(lengths > 0, lengths, 1.0), compute_uv=False)[-1]
    collinearity = float(1 / least) if least > RANK else np.inf
    covariance, errors = np.empty((0, 0)), np.empty(0)
    if inside:
        alone, some, own, axes = _known(slopes[:, inside])
        reach = residuals.reach[inside]
        covariance = noise * (axes[some].T / own[some] ** 2 @ axes[some]) * np.outer(reach, reach)
        errors = np.where(alone, np.sqrt(np.diag(covariance)), np.inf)
        covariance[~alone] = covariance[:, ~alone] = np.nan
    return Local(
        covariance, errors, identified, sizes**2, vectors, int(known.sum()), collinearity, float(noise), critical
    )


def _known(slopes: Array) -> tuple[Array, Array, Array, Array]:
    """Parameters that are identified; combinations that are known, their singular values, and the combinations."""
    _, sizes, vectors = np.linalg.svd(slopes, full_matrices=False)
    known = sizes > RANK * sizes[0] if sizes[0] > 0 else np.zeros(len(sizes), dtype=bool)
    return (np.abs(vectors[~known]) < SHARE).all(axis=0), known, sizes, vectors
