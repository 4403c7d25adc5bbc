"""Groups of firms for the question of accelerated depreciation."""

from __future__ import annotations

import numpy as np

from sdmodel.study.paired import Paired

NONE, FAST = "as it is", "accelerated depreciation"


def rise(paired: Paired, by: str, high: bool) -> np.ndarray:
    """Rise of own RnD in percent in the quality that has more (or less) of something in 2015."""
    weak, strong = (paired.change(f"own RnD, {quality}", FAST) for quality in ("weak", "strong"))
    more_in_strong = paired[f"{by}, strong", NONE] > paired[f"{by}, weak", NONE]
    return np.where(more_in_strong == high, strong, weak)
