"""Public name of the errors and warnings, which are defined in `sdmodel.core.errors`."""

from sdmodel.core.errors import *  # noqa: F403 - all of them
