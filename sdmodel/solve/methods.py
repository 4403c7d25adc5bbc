"""Names of the methods that solve a run."""

from __future__ import annotations

from sdmodel.core.errors import UnknownNameError

FIXED = ("euler", "rk4")


EXACT = "exact"


CONTINUOUS = ("LSODA", "RK45", "RK23", "DOP853", "Radau", "BDF")


def known_method(method: str) -> None:
    """Refuse an unknown method.

    Raises
    ------
    UnknownNameError
        With the methods there are.
    """
    known = (*CONTINUOUS, EXACT, *FIXED)
    if method not in known:
        raise UnknownNameError(method, known, "method", f"There are {', '.join(known)}.")
