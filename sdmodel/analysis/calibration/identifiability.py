"""Local identifiability at a fit: covariance, rank, eigenvalues, collinearity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sdmodel.analysis.calibration.residuals import Residuals

Array = np.ndarray
RANK = 1e-7
"""Relative singular value below which a combination of parameters is undetermined."""
SHARE = 1e-2
"""A parameter with a larger component in an undetermined combination is not identified."""


@dataclass(frozen=True)
class LocalIdentifiability:
    """Covariance and identifiability from the sensitivities at a fit."""

    covariance: Array
    """Covariance of the parameters inside their ranges; NaN where not identified."""
    errors: Array
    """Their standard errors; infinite where not identified."""
    identified: Array
    """Whether each fitted parameter is identified."""
    eigenvalues: Array
    """Of the Gauss-Newton Hessian with parameters in units of their ranges, largest first."""
    vectors: Array
    """Eigenvectors, one row per eigenvalue."""
    rank: int
    collinearity: float
    noise: float
    critical: float
    """Half-width of a 95 % interval in standard errors."""


def identifiability_at(
    residuals: Residuals, x: Array, free: list[int], inside: list[int], cost: float
) -> LocalIdentifiability:
    """Curvature of the sum of squares at `x`: what is known of the parameters `free`, of which `inside` have intervals.

    The collinearity index is that of Brun et al. (2001), https://doi.org/10.1029/2000WR900350: the reciprocal of the
    smallest singular value of the sensitivities, each parameter's scaled to length one.
    """
    from scipy import stats

    degrees = len(residuals.data.values) - len(inside)
    known_errors = residuals.data.known
    noise = 1.0 if known_errors else (2 * cost / degrees if degrees else np.nan)
    critical = float(stats.norm.ppf(0.975) if known_errors else stats.t.ppf(0.975, degrees) if degrees else np.nan)
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
    return LocalIdentifiability(
        covariance, errors, identified, sizes**2, vectors, int(known.sum()), collinearity, float(noise), critical
    )


def _known(slopes: Array) -> tuple[Array, Array, Array, Array]:
    """Identified parameters; determined combinations, their singular values, and the combinations."""
    _, sizes, vectors = np.linalg.svd(slopes, full_matrices=False)
    known = sizes > RANK * sizes[0] if sizes[0] > 0 else np.zeros(len(sizes), dtype=bool)
    return (np.abs(vectors[~known]) < SHARE).all(axis=0), known, sizes, vectors
