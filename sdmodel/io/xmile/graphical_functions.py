"""Graphical functions of XMILE: the points in <gf>."""

from __future__ import annotations

import math
import re
from typing import Any

from sdmodel.core.errors import ReadError, UnsupportedError
from sdmodel.core.expression import Table
from sdmodel.io.xmile.layout import every

_TYPES = {"continuous": "interpolate", "extrapolate": "extrapolate", "discrete": "hold_backward"}


def points_of(node: Any, where: str) -> Table:
    """The table of a <gf>: <ypts> over <xpts>, or over equal steps of <xscale>.

    Raises
    ------
    ReadError
        If points are missing, doubled or not numbers.
    UnsupportedError
        If its `type` is not one of the three of the standard.
    """
    kind = "discrete" if node.get("discrete", "").lower() == "true" else node.get("type", "continuous").lower()
    if kind not in _TYPES:
        raise UnsupportedError(f"{where}: a graphical function of type '{kind}' is not known.")
    y = _numbers(node, "ypts", where)
    if every(node, "xpts"):
        x = _numbers(node, "xpts", where)
    elif every(node, "xscale"):
        scale = every(node, "xscale")[0]
        try:
            low, high = float(scale.get("min", "nan")), float(scale.get("max", "nan"))
        except ValueError:
            raise ReadError(f"{where}: the <xscale> of the graphical function is not a pair of numbers.") from None
        last = max(len(y) - 1, 1)
        x = [low + (high - low) * i / last for i in range(len(y))]
    else:
        raise ReadError(f"{where}: the graphical function has neither <xscale> nor <xpts>.")
    if len(x) != len(y) or not y or not all(map(math.isfinite, (*x, *y))):
        raise ReadError(f"{where}: the graphical function has {len(x)} x and {len(y)} y values, which must be numbers.")
    pairs = sorted(zip(x, y, strict=True), key=lambda p: p[0])
    return Table(tuple(p[0] for p in pairs), tuple(p[1] for p in pairs), _TYPES[kind])


def _numbers(node: Any, name: str, where: str) -> list[float]:
    found = every(node, name)
    if not found:
        raise ReadError(f"{where}: the graphical function has no <{name}>.")
    text = "".join(found[0].itertext())
    separator = found[0].get("sep", ",")
    parts = re.split(re.escape(separator) if separator.strip() else r"\s+", text.strip())
    try:
        return [float(part) for part in parts if part.strip()]
    except ValueError:
        raise ReadError(f"{where}: '{text.strip()[:60]}' is not a list of numbers.") from None
