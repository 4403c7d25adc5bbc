"""Operations on whole vectors, one element of the result at a time: sorting, selection, inversion, allocation, draws.

Each is a scalar operation with many arguments, so that a Program stays a list of scalar equations. The first argument
is the index in the result; `lru_cache` keeps results common to all indices, so that a vector is computed once.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from statistics import NormalDist

from sdmodel.core.expression import NA

_NAN = math.nan
_NORMAL = NormalDist()
_RETAINED = 4096


# -- sorting ----------------------------------------------------------------------------------------------------
@lru_cache(maxsize=_RETAINED)
def _order(direction: float, values: tuple[float, ...]) -> tuple[int, ...]:
    up = sorted(range(len(values)), key=values.__getitem__)
    return tuple(up) if direction > 0 else tuple(reversed(up))


def sort_order(place: float, direction: float, *values: float) -> float:
    """VECTOR SORT ORDER: position (from 0) in `values` of the element with index `place` in sorted order."""
    return float(_order(direction, values)[int(place)])


def rank(place: float, direction: float, *values: float) -> float:
    """VECTOR RANK: the rank (from 1) of the element at `place`."""
    return float(_order(direction, values).index(int(place)) + 1)


def element_at(offset: float, *values: float) -> float:
    """The element at a position counted from 0; Vensim's `:NA:` outside (VECTOR ELM MAP, VECTOR REORDER)."""
    if not math.isfinite(offset):
        return _NAN
    i = math.floor(offset + 0.5)
    return values[i] if 0 <= i < len(values) else NA


# -- matrices ---------------------------------------------------------------------------------------------------
@lru_cache(maxsize=_RETAINED)
def _inverse(n: int, cells: tuple[float, ...]) -> tuple[float, ...]:
    """Inverse of a square matrix in row-major order; NaN everywhere if it is singular."""
    import numpy as np

    try:
        return tuple(np.linalg.inv(np.reshape(cells, (n, n))).ravel().tolist())
    except np.linalg.LinAlgError:
        return (_NAN,) * (n * n)


def inverse(row: float, column: float, *cells: float) -> float:
    """INVERT MATRIX: one cell of the inverse of a square matrix in row-major order."""
    n = math.isqrt(len(cells))
    return _inverse(n, cells)[int(row) * n + int(column)]


# -- allocation -------------------------------------------------------------------------------------------------
def _demand(request: float, profile: tuple[float, ...], price: float) -> float:
    """Demand of one claimant at a cut-off priority: its whole request far below its priority, zero far above."""
    kind, middle, width, _ = profile
    if kind == 0:
        return request
    z = (price - middle) / width
    if kind == 1:
        return request * min(max(0.5 - z, 0.0), 1.0)
    if kind == 2:
        if z <= -0.5:
            return request
        if z < 0:
            return request * (1 - 2 * (z + 0.5) ** 2)
        return 2 * request * (0.5 - z) ** 2 if z < 0.5 else 0.0
    if kind == 3:
        return request * 0.5 * math.erfc(z / math.sqrt(2))
    return request * (1 - 0.5 * math.exp(z)) if z < 0 else request * 0.5 * math.exp(-z)


@lru_cache(maxsize=_RETAINED)
def _available(available: float, cells: tuple[float, ...]) -> tuple[float, ...]:
    n = len(cells) // 5
    requests = cells[:n]
    profiles = [cells[n + 4 * i : n + 4 * i + 4] for i in range(n)]
    bad = any(x != x or x < 0 for x in requests) or not available >= 0
    if bad or any(p[0] not in (0, 1, 2, 3, 4) or not (p[2] > 0 or p[0] == 0) for p in profiles):
        return (_NAN,) * n
    if available >= sum(requests):
        return requests
    if available == 0:
        return (0.0,) * n
    fixed = sum(q for q, p in zip(requests, profiles, strict=True) if p[0] == 0)
    if fixed >= available:  # fixed quantities do not depend on priority: allocate in proportion to the requests
        return tuple(q * (available / fixed) if p[0] == 0 else 0.0 for q, p in zip(requests, profiles, strict=True))
    spread = {1: 0.5, 2: 0.5, 3: 9.0, 4: 40.0}
    low = min(p[1] - spread[int(p[0])] * p[2] for p in profiles if p[0] != 0)
    high = max(p[1] + spread[int(p[0])] * p[2] for p in profiles if p[0] != 0)

    def excess(price: float) -> float:
        return sum(_demand(q, p, price) for q, p in zip(requests, profiles, strict=True)) - available

    for _ in range(200):  # demand decreases with the price, so bisection converges to the last bit
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if excess(middle) > 0:
            low = middle
        else:
            high = middle
    return tuple(_demand(q, p, 0.5 * (low + high)) for q, p in zip(requests, profiles, strict=True))


def allocate_available(place: float, available: float, *cells: float) -> float:
    """ALLOCATE AVAILABLE: share of one claimant. `cells` are all requests, then kind, priority, width, extra of each.

    Kinds 0 to 4 (fixed quantity, rectangular, triangular, normal, exponential); NaN for other kinds and for negative
    requests.
    """
    return _available(available, cells)[int(place)]


@lru_cache(maxsize=_RETAINED)
def _by_priority(width: float, supply: float, cells: tuple[float, ...]) -> tuple[float, ...]:
    n = len(cells) // 2
    requests, priorities = cells[:n], cells[n:]
    if any(not x >= 0 for x in requests) or not width > 0 or not supply >= 0:
        return (_NAN,) * n
    if supply >= sum(requests):
        return requests
    got = [0.0] * n
    line = sorted((i for i in range(n) if requests[i] > 0), key=lambda i: -priorities[i])
    # A claimant starts when the one before it has filled the share of its request that their gap in priority spans.
    starts_at = [min((priorities[a] - priorities[b]) / width, 1.0) * requests[a] for a, b in pairwise(line)]
    begun, full = 1, set[int]()
    while supply > 0 and len(full) < len(line):
        active = [i for i in line[:begun] if i not in full]
        if not active:
            begun += 1
            continue
        total = sum(requests[i] for i in active)
        amount = supply
        first = min(active, key=lambda i: (requests[i] - got[i]) / requests[i])
        to_full = (requests[first] - got[first]) / requests[first] * total
        amount = min(amount, to_full)
        last = line[begun - 1]
        to_start = math.inf
        if begun < len(line) and last not in full:
            to_start = max(starts_at[begun - 1] - got[last], 0.0) / requests[last] * total
            amount = min(amount, to_start)
        for i in active:
            got[i] += requests[i] / total * amount
        supply -= amount
        if amount >= to_full:
            full.update(i for i in active if requests[i] - got[i] <= 1e-12 * requests[i])
            full.add(first)
        if amount >= to_start or (begun < len(line) and last in full):
            begun += 1
    return tuple(got)


def allocate_by_priority(place: float, width: float, supply: float, *cells: float) -> float:
    """ALLOCATE BY PRIORITY: share of one claimant. `cells` are all requests, then all priorities."""
    return _by_priority(width, supply, cells)[int(place)]


# -- distributions ----------------------------------------------------------------------------------------------
def normal_cdf(z: float) -> float:
    """Standard normal distribution function."""
    return 0.5 * math.erfc(-z / math.sqrt(2))


def normal_quantile(u: float) -> float:
    """Inverse of `normal_cdf`; infinite at 0 and 1."""
    if not 0 < u < 1:
        return -math.inf if u == 0 else math.inf if u == 1 else _NAN
    return _NORMAL.inv_cdf(u)


def gamma_ln(x: float) -> float:
    """Logarithm of the gamma function: NaN unless x is positive and finite, infinite above 2.5e305."""
    try:
        return math.lgamma(x) if 0 < x < math.inf else _NAN
    except OverflowError:
        return math.inf
