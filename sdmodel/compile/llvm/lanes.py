"""Implementation of the protocol `sdmodel.core.functions.protocols.Lanes` with LLVM instructions."""

from __future__ import annotations

from collections.abc import Callable

from sdmodel.compile.llvm import math as own
from sdmodel.compile.llvm import random
from sdmodel.compile.llvm.ir import Body, splat
from sdmodel.compile.llvm.logarithm import ln, log10
from sdmodel.compile.llvm.power import power


def _whole(name: str) -> Callable[[Body, str], str]:
    """Floor or trunc; adding zero turns -0.0 into 0.0."""
    return lambda b, a: b.xadd(b.call(name, a), splat(0.0))


def _smaller(how: str) -> Callable[[Body, str, str], str]:
    """Minimum or maximum as in `values.minimum`: NaN if either argument is NaN, the second of two equal ones."""

    def build(b: Body, x: str, y: str) -> str:
        if y.startswith("splat") and not x.startswith("splat"):
            zero = y in (splat(0.0), splat(-0.0))
            return b.select(b.compare(how.replace("t", "e") if zero else how, y, x), y, x)
        chosen = b.select(b.compare(how, x, y), x, y)
        if x.startswith("splat"):
            return chosen
        return b.select(b.compare("uno", x, x), x, chosen)

    return build


ROUTINES: dict[str, Callable[..., str]] = {
    "exp": own.exp, "ln": ln, "log10": log10, "tanh": own.tanh, "pow": power, "sin": own.sin, "cos": own.cos,
    "min": _smaller("olt"), "max": _smaller("ogt"), "floor": _whole("floor"), "trunc": _whole("trunc"),
    "normal_cdf": random.normal_cdf, "normal_quantile": random.normal_quantile, "gamma_ln": random.gamma_ln,
}  # fmt: skip


class LaneBuilder:
    """Write the operations of `Lanes` into the body of a function."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self.add, self.sub, self.mul, self.div, self.neg = body.add, body.sub, body.mul, body.div, body.neg
        self.compare, self.select = body.compare, body.select

    def number(self, x: float) -> str:
        """Vector with the same number in every lane."""
        return splat(x)

    def intrinsic(self, name: str, *args: str) -> str:
        """Call an LLVM vector intrinsic."""
        return self._body.call(name, *args)

    def routine(self, name: str, *args: str) -> str:
        """Call a vector routine of this package."""
        return ROUTINES[name](self._body, *args)

    def library(self, name: str, x: str) -> str:
        """Call a function of the C library for each lane."""
        return random.lane_by_lane(self._body, name, x)


def on_lanes(write: Callable[..., str]) -> Callable[..., str]:
    """Adapt a function of `Lanes` to a function of a body and names of values."""
    return lambda body, *args: write(LaneBuilder(body), *args)
