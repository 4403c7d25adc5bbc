"""Every function that draws, given what it cannot draw: a line that says what to give."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import sdmodel
from sdmodel.core.errors import DesignError, SdmodelError
from sdmodel.plot.figure import Drawing

NAMES = [name for name in sdmodel.plot.__all__ if inspect.isfunction(getattr(sdmodel.plot, name))]
ODD: list[Any] = [
    None, -1, float("nan"), "x", b"x", [], {}, (1,), 1j, 10**400, True, np.array([]), np.zeros((2, 2)), pd.DataFrame(),
    pd.DataFrame({"a": ["x"], "b": [None]}), pd.DataFrame({"value": [1j]}), pd.Series(["a"]), xr.Dataset(),
    xr.DataArray([1, 2]), {"a": "b"}, [["a"], 2], object(), type,
]  # fmt: skip


@pytest.fixture(scope="module")
def own(model: sdmodel.Model) -> list[Any]:
    """What other functions than the one that is called take."""
    sweep = model.sweep([{"trust time": 3.0}, {"trust time": 4.0}], ["trust"], every=5, certificate=0)
    outcome = sdmodel.Outcome("trust")
    return [model.run(every=5), sweep, sdmodel.tornado(model, {"trust time": (3.0, 4.0)}, outcome), outcome]


@pytest.fixture(scope="module")
def model() -> sdmodel.Model:
    return sdmodel.load("network")


def tried(name: str, value: Any) -> Iterator[dict[str, Any]]:
    """Arguments with the value in the first place, and in each place that has a default."""
    parameters = inspect.signature(getattr(sdmodel.plot, name)).parameters.values()
    needed = [p.name for p in parameters if p.default is p.empty]
    yield {p: value if p == needed[0] else "x" for p in needed}
    yield dict.fromkeys(needed, value)


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_drawn_is_refused_in_a_line(own: list[Any], name: str) -> None:
    for value in [*ODD, *own]:
        for given in tried(name, value):
            message = ""
            try:
                found = getattr(sdmodel.plot, name)(**given)
            except SdmodelError as error:
                message = str(error)
            assert "\n" not in message
            assert message or isinstance(found, Drawing) or name == "mosaic", (name, value)


OPTIONS = ["ax", "width", "policy_marks", "baseline", "difference", "quantiles", "by", "legend"]


@pytest.mark.parametrize("option", OPTIONS)
def test_options_of_a_wrong_kind_are_refused(own: list[Any], option: str) -> None:
    run, sweep = own[:2]
    calls = [(sdmodel.plot.fan, sweep["trust"]), (sdmodel.plot.trajectories, run)]
    for draw, first in calls:
        if option not in inspect.signature(draw).parameters:
            continue
        rest = ["trust"] if draw is sdmodel.plot.trajectories else []
        for value in [1j, b"x", object(), pd.Series([1.0]), xr.DataArray([1, 2]), [None], type]:
            with pytest.raises(DesignError, match=rf"{option}: .* is given; give"):
                draw(first, *rest, **{option: value})


def test_a_call_that_does_not_fit_fails_as_calls_in_python_do() -> None:
    with pytest.raises(TypeError, match=r"heat\(\) missing 1 required"):
        sdmodel.plot.heat(pd.DataFrame([[1.0]]))
    with pytest.raises(TypeError, match=r"fan\(\) got an unexpected keyword argument 'colour'"):
        sdmodel.plot.fan(pd.DataFrame([[1.0]]), colour="red")
