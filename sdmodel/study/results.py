"""The runs of all arms of a question, and the levers that were solved to spend equal money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.core.errors import DesignError
from sdmodel.study.arms import Mix, Setting
from sdmodel.study.paired import Paired
from sdmodel.study.translation import Say

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from sdmodel.study.outcomes import Measure


@dataclass(frozen=True)
class ArmResults:
    """Runs of all arms and their measures."""

    paired: Paired
    plain: dict[str, xr.Dataset]
    """Runs of each arm without equal money."""
    solved: dict[str, tuple[Setting, str | Mix, np.ndarray, np.ndarray, xr.Dataset]]
    """Setting, lever, its values, whether they spend the money, and runs of the arms of equal money."""

    def runs(self, arm: str) -> xr.Dataset:
        """Paths of one arm."""
        if arm in self.solved:
            return self.solved[arm][4].sel(setting=arm)
        return self.plain[arm]

    def add(self, found: xr.Dataset, measures: Mapping[str, Measure], draws: pd.DataFrame) -> None:
        """Add the runs of arms without equal money, and their measures."""
        self.plain.update({str(arm): found.sel(setting=arm) for arm in found["setting"].to_numpy()})
        self.paired.add(found, measures, draws)

    def able(self, arm: str, n: int) -> np.ndarray:
        """Whether the money of an arm could be made equal, in the first samples."""
        return self.solved[arm][3][:n] if arm in self.solved else np.ones(n, dtype=bool)

    def setting(self, name: str, arms: Mapping[str, Setting], arm: str, n: int) -> dict[str, Any]:
        """Constants of an arm of a question in the first samples, with the lever that was solved."""
        if arm not in self.solved:
            if arm not in arms:
                raise DesignError(f"'{arm}' is not an arm of '{name}'; its arms are {', '.join(self.paired.arms)}.")
            return {k: v if np.ndim(v) == 0 else np.asarray(v)[:n] for k, v in arms[arm].items()}
        setting, lever, x, _, _ = self.solved[arm]
        parts = {lever: (0.0, 1.0)} if isinstance(lever, str) else lever
        return {**setting, **{name: zero + x[:n] * unit for name, (zero, unit) in parts.items()}}

    def unequal_money(self) -> list[str]:
        """Sentences on arms whose money could not be made equal in some samples."""
        return [
            Say(
                "{arm}: the money cannot be made equal in {n:,} of {of:,} samples.",
                arm=arm,
                n=int((~able).sum()),
                of=len(able),
            )
            for arm, (_, _, _, able, _) in self.solved.items()
            if not able.all()
        ]


def joined(mixes: Sequence[Mix], values: Mapping[str, float]) -> Mix:
    """One mix with parts of shape (arms, 1) from a mix for each arm; a constant that an arm lacks keeps its value."""
    names = dict.fromkeys(name for mix in mixes for name in mix)
    parts = {name: np.array([mix.get(name, (values[name], 0.0)) for mix in mixes]) for name in names}
    return {name: (p[:, :1], p[:, 1:]) for name, p in parts.items()}


def unscaled(setting: Setting, size: str | Mix) -> dict[str, Any]:
    """A setting without the constants that scale it."""
    scaled = {size} if isinstance(size, str) else set(size)
    return {name: value for name, value in setting.items() if name not in scaled}
