"""Layout of a subscripted variable: from columns, one an element, to an array with a dimension for each range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sdmodel.core.structure import Structure


class Shape:
    """Layout of an output variable: its subscript dimensions and the position of each element."""

    def __init__(self, model: Structure, name: str, labels: Sequence[str]) -> None:
        self.name = name
        variable = model[name]
        self.attrs = {"unit": variable.unit, "sentence": variable.sentence}
        self.columns = [i for i, c in enumerate(labels) if c == name or c.startswith(name + "[")]
        members = [tuple(labels[i][len(name) + 1 : -1].split(",")) if labels[i] != name else () for i in self.columns]
        self.axes = [list(dict.fromkeys(m[d] for m in members)) for d in range(len(members[0]))]
        self.dims: list[str] = []
        for axis in self.axes:
            self.dims.append(_range_name(model, axis, self.dims))
        self.places = [tuple(a.index(m) for a, m in zip(self.axes, member, strict=True)) for member in members]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Lengths of the subscript dimensions."""
        return tuple(len(a) for a in self.axes)

    def block(self, values: np.ndarray) -> np.ndarray:
        """Values of the variable (rows, times, *subscripts), from those of all outputs (rows, outputs, times)."""
        if not self.dims:
            return values[:, self.columns[0], :]
        out = np.full((values.shape[0], values.shape[2], *self.sizes), np.nan)
        for column, place in zip(self.columns, self.places, strict=True):
            where: Any = (slice(None), slice(None), *place)
            out[where] = values[:, column, :]
        return out


def _range_name(model: Structure, members: Sequence[str], taken: Sequence[str]) -> str:
    """Name of a dimension: a range with these elements that no earlier dimension uses."""
    exact = [r.name for r in model.ranges.values() if list(r.elements) == list(members) and r.name not in taken]
    return exact[0] if exact else f"dimension {len(taken) + 1} of {'+'.join(members)}"
