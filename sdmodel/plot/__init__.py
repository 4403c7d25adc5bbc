"""Figures: models, runs, sweeps and findings to `(fig, axes)`. The only package that imports matplotlib.

Every function returns a `Drawing`, `fig, axes = ...`: a `matplotlib.figure.Figure` and the list of its panels. It
draws into your own axes if you pass `ax` (where there is one to pass), and leaves pyplot and the global settings of
matplotlib alone. A notebook shows the figure of the last line of a cell. Save it with `fig.savefig("name.pdf")`.
"""

from sdmodel.plot.calibration import differences, fitted, profiles
from sdmodel.plot.effects import effects
from sdmodel.plot.fan import fan
from sdmodel.plot.figure import Drawing
from sdmodel.plot.heatmap import heat
from sdmodel.plot.influence import influences, sectors
from sdmodel.plot.layout import legend, mosaic
from sdmodel.plot.optimization import front, search
from sdmodel.plot.regions import basins, boxes, tradeoff
from sdmodel.plot.response import causes, response
from sdmodel.plot.sensitivity import gradients, indices, screening, tornado
from sdmodel.plot.shares import medians, shares
from sdmodel.plot.stock_flow import structure
from sdmodel.plot.style import MissingFontWarning
from sdmodel.plot.tipping import cumulative, equilibria, hysteresis
from sdmodel.plot.trajectories import trajectories

__all__ = [
    "Drawing",
    "MissingFontWarning",
    "basins",
    "boxes",
    "causes",
    "cumulative",
    "differences",
    "effects",
    "equilibria",
    "fan",
    "fitted",
    "front",
    "gradients",
    "heat",
    "hysteresis",
    "indices",
    "influences",
    "legend",
    "medians",
    "mosaic",
    "profiles",
    "response",
    "screening",
    "search",
    "sectors",
    "shares",
    "structure",
    "tornado",
    "tradeoff",
    "trajectories",
]


def __dir__() -> list[str]:
    return list(__all__)
