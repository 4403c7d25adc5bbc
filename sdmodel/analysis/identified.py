"""What observations tell about parameters near the best fit: covariance, rank, eigenvalues, collinearity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sdmodel.analysis.residuals import Residuals

Array = np.ndarray
RANK = 1e-7
"""A combination of parameters whose residuals change by less, as a share of the best known one, is not known."""
SHARE = 1e-2
"""A parameter with a larger share in a combination that is not known is not identified."""


@dataclass(frozen=True)
class Local:
    """The neighbourhood of a fit, for the parameters inside their ranges."""

    covariance: Array
    errors: Array
    """Standard errors; infinite where a parameter is not identified."""
    identified: Array
    eigenvalues: Array
    """Of the curvature, with each parameter in units of its reach, largest first."""
    vectors: Array
    """A row for each eigenvalue: its combination of the parameters."""
    rank: int
    collinearity: float
    noise: float
    critical: float
    """Standard errors from the middle of an interval of 95 % to its end."""


def local(residuals: Residuals, x: Array, inside: list[int], cost: float) -> Local:
    """Curvature of the sum of squares at `x` in the parameters `inside`.

    The collinearity index is that of Brun et al. (2001), https://doi.org/10.1029/2000WR900350: the reciprocal of the
    smallest singular value of the sensitivities, each parameter's scaled to length one.
    """
    from scipy import stats

    k, count = len(inside), len(residuals.data.values)
    free = count - k
    noise = 1.0 if residuals.data.known else (2 * cost / free if free else np.nan)
    critical = float(stats.norm.ppf(0.975) if residuals.data.known else stats.t.ppf(0.975, free) if free else np.nan)
    if not k:
        none = np.empty(0)
        return Local(np.empty((0, 0)), none, none.astype(bool), none, np.empty((0, 0)), 0, np.nan, noise, critical)
    reach = residuals.reach[inside]
    slopes = residuals.slopes(x)[:, inside] * reach
    _, sizes, vectors = np.linalg.svd(slopes, full_matrices=False)
    known = sizes > RANK * sizes[0] if sizes[0] > 0 else np.zeros(k, dtype=bool)
    identified = (np.abs(vectors[~known]) < SHARE).all(axis=0)
    inverse = vectors[known].T / sizes[known] ** 2 @ vectors[known]
    covariance = noise * inverse * np.outer(reach, reach)
    errors = np.where(identified, np.sqrt(np.diag(covariance)), np.inf)
    covariance[~identified] = covariance[:, ~identified] = np.nan
    lengths = np.linalg.norm(slopes, axis=0)
    least = np.linalg.svd(slopes / np.where(lengths > 0, lengths, 1.0), compute_uv=False)[-1]
    collinearity = float(1 / least) if least > RANK else np.inf
    return Local(
        covariance, errors, identified, sizes**2, vectors, int(known.sum()), collinearity, float(noise), critical
    )
