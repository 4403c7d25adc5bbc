"""Voucher links that are left, for the question of intermediaries."""

from __future__ import annotations

import numpy as np

from sdmodel.study.paired import Paired, at_least

FELT = 1.0
"""Smallest number of links added by a programme for which the remaining share is computed."""


def left(paired: Paired, months: int, once: str = "vouchers in 2014 only", never: str = "no vouchers") -> np.ndarray:
    """Share of the links added by a programme that remains, in percent."""
    added, later = (paired.gain(f"university links after {m} months", once, never) for m in (0, months))
    part: np.ndarray = 100 * later / at_least(added, FELT)
    return part
