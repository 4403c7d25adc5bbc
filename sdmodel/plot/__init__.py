"""Figures: models, runs, sweeps and findings to `(fig, axes)`. The only room that knows matplotlib.

Every function returns a `matplotlib.figure.Figure` and the list of its panels, draws into your own axes if
you pass `ax` (where there is one to pass), and leaves pyplot and the global settings of matplotlib alone. Save it with
`fig.savefig("name.pdf")`.
"""

from sdmodel.plot.board import board, legend
from sdmodel.plot.effects import effects
from sdmodel.plot.fan import fan
from sdmodel.plot.fits import differences, fitted, profiles
from sdmodel.plot.heat import heat
from sdmodel.plot.importance import gradients, indices, screening, tornado
from sdmodel.plot.look import MissingFontWarning
from sdmodel.plot.structure import structure
from sdmodel.plot.trajectories import trajectories

__all__ = [
    "MissingFontWarning",
    "board",
    "differences",
    "effects",
    "fan",
    "fitted",
    "gradients",
    "heat",
    "indices",
    "legend",
    "profiles",
    "screening",
    "structure",
    "tornado",
    "trajectories",
]
