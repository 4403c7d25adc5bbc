"""Private money attracted by a public fund, for the question of seed capital."""

from __future__ import annotations

import numpy as np

from sdmodel.study.paired import Paired, at_least
from sdmodel.study.translation import Say

AS_IS, OFFER, MARKET = "as it is", "private money over deals in 2015", "market served"
SUPPLIES = ("no public services", "services halved", AS_IS, "services doubled", "services times 5")


def drawn(paired: Paired, arm: str, against: str = "no public fund") -> np.ndarray:
    """Private venture money that a public fund attracts, per yuan of public money in it."""
    put_in = at_least(paired.gain("venture fund inflow", arm, against), 1.0)
    per: np.ndarray = paired.gain("private capital", arm, against) / put_in
    return per


def by_market(paired: Paired, thick: bool, arm: str = "fund times 5") -> np.ndarray:
    """The same where private money on offer exceeds the deals in sight, or falls short of them."""
    return np.where((paired[OFFER, AS_IS] >= 1) == thick, drawn(paired, arm), np.nan)


def notes(paired: Paired) -> list[str]:
    """Where the market sells most, when services are enough, and what funds draw."""
    when = paired["gap closed", AS_IS]
    sizes = np.array([paired[MARKET, arm] for arm in SUPPLIES])
    best = np.argmax(sizes[:, np.isfinite(sizes).all(axis=0)], axis=0)
    shares = [float((best == i).mean()) for i in range(len(SUPPLIES))]
    return [
        Say(
            "The market sells most services at none, a half, one, two and five times the public supply of 2014 in "
            "{none:.0%}, {half:.0%}, {one:.0%}, {two:.0%} and {five:.0%} of samples.",
            **dict(zip(("none", "half", "one", "two", "five"), shares, strict=True)),
        ),
        Say(
            "Public and market services pass 95 % of the wanted services by 2034 in {share:.0%} of samples; in half of "
            "these by {year:.0f}.",
            share=float(np.isfinite(when).sum() / max(1, (~np.isnan(when)).sum())),
            year=float(np.median(when[np.isfinite(when)])) if np.isfinite(when).any() else float("nan"),
        ),
        Say(
            "Private money on offer in 2015 exceeds the deals in sight in {thick:.0%} of samples. Private money drawn "
            "per yuan of public money (medians): fund of 2014 {small:+.2f}, five times {five:+.2f}, twenty times "
            "{twenty:+.2f}.",
            thick=float((paired[OFFER, AS_IS] >= 1).mean()),
            small=float(np.nanmedian(drawn(paired, "fund of 2014"))),
            five=float(np.nanmedian(drawn(paired, "fund times 5"))),
            twenty=float(np.nanmedian(drawn(paired, "fund times 20"))),
        ),
    ]
