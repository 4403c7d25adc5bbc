"""Sweeps with dimensions of their own: grids by their axes, and policies or scenarios by samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.core.arguments import refuse
from sdmodel.core.errors import DesignError
from sdmodel.core.expression import key
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure
from sdmodel.design.tables import LABELS, table
from sdmodel.solve.inputs import inputs_named, resolve_scenario, variable_of

if TYPE_CHECKING:
    import xarray as xr

_NEED = "a mapping from names to policies, or a list of them: Scenarios, names of scenarios, or mappings to values"


def are_scenarios(design: Any) -> bool:
    """Whether a design is a list of scenarios."""
    return isinstance(design, (list, tuple)) and bool(design) and all(isinstance(row, Scenario) for row in design)


def by_axes(sweep: xr.Dataset, axes: Mapping[str, Sequence[Any]]) -> xr.Dataset:
    """The sweep of a grid with its axes as dimensions, in place of `run`; the last axis varies fastest."""
    import xarray as xr

    sizes = tuple(len(values) for values in axes.values())
    parts: dict[str, Any] = {}
    for name, found in {**sweep.data_vars, **sweep.coords}.items():
        if name != "run" and name not in axes:
            moved = found.variable
            if "run" in moved.dims:
                rest = [d for d in moved.dims if d != "run"]
                values = moved.transpose("run", *rest).to_numpy()
                moved = xr.Variable((*axes, *rest), values.reshape(*sizes, *values.shape[1:]), moved.attrs)
            parts[str(name)] = moved
    for i, name in enumerate(axes):
        own = sweep[name].to_numpy().reshape(sizes)
        parts[name] = xr.Variable((name,), np.moveaxis(own, i, 0).reshape(sizes[i], -1)[:, 0])
    out = xr.Dataset(parts, attrs=sweep.attrs)
    return out.set_coords([name for name in parts if name in sweep.coords])


def flat(sweep: xr.Dataset) -> xr.Dataset:
    """The sweep with one dimension `run` in place of axes, policies and samples."""
    dims = sweep["status"].dims if "status" in sweep.coords else ("run",)
    if dims == ("run",):
        return sweep
    labels = {str(d): np.arange(sweep.sizes[d]) for d in dims}
    values = {str(d): sweep[d] for d in dims if d in sweep.coords}
    stacked = sweep.drop_vars(list(values)).assign_coords(labels).stack(run=list(dims))
    columns = {name: ("run", found.to_numpy()[stacked[name].to_numpy()]) for name, found in values.items()}
    return stacked.reset_index("run").drop_vars(labels, errors="ignore").assign_coords(columns).transpose("run", ...)


def over_policies(
    model: Structure,
    design: Any,
    policies: Any,
    scenario: Scenario | str | None,
    one: Callable[[Any, Scenario], xr.Dataset],
    dim: str,
) -> xr.Dataset:
    """Sweep a design under each policy; the policies are the first dimension of the result.

    Parameters
    ----------
    model
        The model.
    design
        Samples, as of `run_sweep`; None for a single run under each policy. A constant that a policy sets is dropped.
    policies
        Scenarios, names of scenarios of the model, or mappings from constants to values, in a list or by name.
    scenario
        Base scenario, which the policies change.
    one
        Sweeps a design under a scenario.
    dim
        Name of the dimension.

    Raises
    ------
    DesignError
        If there is no policy, or two have the same name.
    """
    import pandas as pd
    import xarray as xr

    base = resolve_scenario(model, None, scenario)
    chosen = _named(model, policies, base)
    rows = pd.DataFrame({"sample": [0]}) if design is None else design
    if not isinstance(rows, Mapping):
        rows = table(rows)
        if "sample" not in rows:  # the same draws under every policy
            rows = rows.assign(sample=np.arange(len(rows)))
    parts = []
    for policy in chosen.values():
        mine, lost = _without(model, rows, policy)
        found = one(mine, policy)
        for name, value in lost.items():
            dims = found["status"].dims
            found = found.assign_coords({name: (dims, np.full([found.sizes[d] for d in dims], value))})
        if design is None:
            found = found.isel(run=0).drop_vars(["run", "sample"])
        elif "run" in found.dims and len(np.unique(found["sample"])) == found.sizes["run"]:
            found = found.swap_dims(run="sample").drop_vars("run")
        parts.append(found.reset_coords())
    index = pd.Index(list(chosen), name=dim, dtype=object)
    out = xr.concat(parts, dim=index, data_vars="all", coords="minimal", compat="override", combine_attrs="override")
    for name in map(str, parts[0].data_vars):  # columns of the design are the same under every policy
        values = out[name]
        if name not in ("status", "message") and "time" not in values.dims and _alike(values, dim):
            out[name] = values.isel({dim: 0}, drop=True)
    columns = [n for n in parts[0].data_vars if "time" not in parts[0][n].dims]
    out = out.set_coords([str(n) for n in columns])
    out.attrs = _joined([part.attrs for part in parts])
    return out


def _alike(values: xr.DataArray, dim: str) -> bool:
    first = values.isel({dim: 0}).to_numpy()
    return all(np.array_equal(first, values.isel({dim: i}).to_numpy()) for i in range(values.sizes[dim]))


def _named(model: Structure, policies: Any, base: Scenario) -> dict[str, Scenario]:
    """Policies by name, each as the base scenario with its changes."""
    if isinstance(policies, Mapping):
        pairs = [(str(name), policy) for name, policy in policies.items()]
    elif isinstance(policies, (list, tuple)):
        pairs = [(_label(i, policy), policy) for i, policy in enumerate(policies)]
    else:
        raise refuse("policies", policies, _NEED)
    if not pairs:
        raise DesignError(f"No policies are given: give {_NEED}.")
    out: dict[str, Scenario] = {}
    for name, policy in pairs:
        if name in out:
            raise DesignError(f"Two policies have the name '{name}'. Give a mapping from names to policies.")
        if not isinstance(policy, (Scenario, str, Mapping)):
            raise refuse(
                f"policy '{name}'", policy, "a Scenario, the name of one, or a mapping from constants to values"
            )
        own = model.scenario(policy) if isinstance(policy, str) else policy
        values = {**own.values, **own.paths} if isinstance(own, Scenario) else own
        out[name] = resolve_scenario(model, values, Scenario(name, base.description, base.values, base.paths))
    return out


def _label(i: int, policy: Any) -> str:
    return policy.name if isinstance(policy, Scenario) else policy if isinstance(policy, str) else str(i)


def _without(model: Structure, rows: Any, policy: Scenario) -> tuple[Any, dict[str, float]]:
    """The rows without the constants that a policy sets, and the values it gives them (NaN for a path)."""
    fixed = {**policy.values, **dict.fromkeys((e for n in policy.paths for e in _elements(model, n)), np.nan)}
    lost: dict[str, float] = {}
    for column in list(rows):
        if column not in LABELS and (hit := [e for e in inputs_named(model, column) if e in fixed]):
            lost[column] = fixed[hit[0]]
    if isinstance(rows, Mapping):
        if lost:
            name = next(iter(lost))
            raise DesignError(f"The policy '{policy.name}' sets '{name}', which is an axis of the grid. Keep one.")
        return rows, {}
    return rows.drop(columns=list(lost)), lost


def _elements(model: Structure, name: str) -> list[str]:
    variable = variable_of(model, name)
    return [key(name)] if variable and variable.kind in ("lookup", "data") else inputs_named(model, name)


def _joined(attrs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Attributes of the sweeps of all policies: sums of runs, the worst certificate, lists of what differs."""
    out: dict[str, Any] = {}
    for name, first in attrs[0].items():
        values = [one.get(name, "") for one in attrs]
        if name in ("runs", "failed", "certificate_runs"):
            out[name] = sum(v or 0 for v in values)
        elif name.startswith("certificate_"):
            out[name] = max(v for v in values if v != "")
        else:
            out[name] = first if all(v == first for v in values) else [str(v) for v in values]
    return out
