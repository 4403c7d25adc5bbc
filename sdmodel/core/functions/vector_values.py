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


# -- selection --------------------------------------------------------------------------------------------------
def select(missing: float, action: float, error: float, *pairs: float) -> float:
    """VECTOR SELECT over pairs (selection, expression); NaN where Vensim stops with a floating point error.

    Actions: 0 sum, 1 product, 2 minimum, 3 maximum, 4 mean of selection times expression; 5 product of expression to
    the power of the selection (as Vensim does, contrary to its help); 6 to 10 as 0 to 4 of the expression alone.
    """
    chosen = [(s, x) for s, x in zip(pairs[::2], pairs[1::2], strict=True) if s != 0]
    code = math.floor(action) if math.isfinite(action) else -1
    if not 0 <= code <= 10 or (error in (1, 3) and not chosen) or (error in (2, 3) and len(chosen) > 1):
        return _NAN
    if not chosen:
        return missing
    values = [s * x if code < 5 else x for s, x in chosen]
    if code == 5:
        try:
            return math.prod(math.pow(x, s) for s, x in chosen)
        except (ValueError, OverflowError):
            return _NAN
    kind = code if code < 5 else code - 6
    if kind == 0:
        try:
            return math.fsum(values)
        except (OverflowError, ValueError):  # overflow, or infinities of both signs
            return sum(values)
    if kind == 1:
        return math.prod(values)
    if kind == 2:
        return min(values)
    return max(values) if kind == 3 else sum(values) / len(values)


# -- matrices ---------------------------------------------------------------------------------------------------
@lru_cache(maxsize=_RETAINED)
def _inverse(n: int, cells: tuple[float, ...]) -> tuple[float, ...]:
    """Gauss-Jordan elimination with partial pivoting; NaN everywhere for a singular matrix."""
    rows = [[*cells[i * n : (i + 1) * n], *(float(i == j) for j in range(n))] for i in range(n)]
    for column in range(n):
        pivot = max(range(column, n), key=lambda r: abs(rows[r][column]))
        if not abs(rows[pivot][column]) > 0:
            return (_NAN,) * (n * n)
        rows[column], rows[pivot] = rows[pivot], rows[column]
        top = rows[column][column]
        rows[column] = [x / top for x in rows[column]]
        for r in range(n):
            factor = rows[r][column]
            if r != column and factor != 0:
                rows[r] = [x - factor * y for x, y in zip(rows[r], rows[column], strict=True)]
    return tuple(x for row in rows for x in row[n:])


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


def poisson_quantile(u: float, mean: float) -> float:
    """Smallest count whose Poisson distribution function reaches u; the normal limit above a mean of 700."""
    if not mean >= 0 or not 0 <= u < 1:
        return _NAN
    if mean > 700:
        return float(max(math.floor(mean + math.sqrt(mean) * normal_quantile(u) + 0.5), 0))
    term = reached = math.exp(-mean)
    count = 0
    while (reached < u and term > 0) or (count < mean and reached < u):
        count += 1
        term *= mean / count
        reached += term
    return float(count)


def gamma_ln(x: float) -> float:
    """Logarithm of the gamma function: NaN unless x is positive and finite, infinite above 2.5e305."""
    try:
        return math.lgamma(x) if 0 < x < math.inf else _NAN
    except OverflowError:
        return math.inf
