"""Sweeps: run a model for every row of a design; the result is an xarray.Dataset."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.core.arguments import count, kind, refuse
from sdmodel.core.errors import DesignError, StoreError, SweepInterrupted
from sdmodel.core.run import Run
from sdmodel.core.scenario import Scenario
from sdmodel.core.shape import Shape
from sdmodel.core.state import State
from sdmodel.core.structure import Structure
from sdmodel.design.tables import Rows, read_rows
from sdmodel.solve.inputs import check_numbers, refuse_dates, resolve_scenario
from sdmodel.solve.run import state_of
from sdmodel.solve.times import Every, places, wanted_times
from sdmodel.solve.values import read_sweep_data
from sdmodel.sweep.backends import chunk_rows, done_chunks, instructions, processors, with_engine
from sdmodel.sweep.certificate import certify
from sdmodel.sweep.engines import FAILED, NOT_RUN, Chunk
from sdmodel.sweep.files import locked
from sdmodel.sweep.fork import fork
from sdmodel.sweep.forms import are_scenarios, by_axes, over_policies
from sdmodel.sweep.identity import design_digest
from sdmodel.sweep.longer_steps import with_longer_steps
from sdmodel.sweep.open_store import open_sweep
from sdmodel.sweep.plan import RTOL, Plan, make_plan
from sdmodel.sweep.progress import progress_bar
from sdmodel.sweep.record import run_record
from sdmodel.sweep.refinement import in_words
from sdmodel.sweep.result import dataset
from sdmodel.sweep.store import Store

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


def run_sweep(
    model: Structure,
    design: pd.DataFrame | Mapping[str, Sequence[Any]] | Sequence[Mapping[str, float] | Scenario] | None,
    outputs: Sequence[str] | None = None,
    *,
    policies: Any = None,
    scenario: Scenario | str | None = None,
    method: str | None = None,
    every: Every = None,
    rtol: float | None = None,
    data: xr.Dataset | pd.DataFrame | Mapping[str, Any] | None = None,
    seed: int | None = None,
    initial: State | Run | None = None,
    workers: int | None = None,
    progress: bool | str | None = None,
    certificate: int = 6,
    store: str | Path | None = None,
    client: Any = None,
    stops: np.ndarray | None = None,
) -> xr.Dataset:
    """Run a model once for each row of a design.

    Parameters
    ----------
    model
        The model; it is not changed.
    design
        A table with one row per run; columns are constants of the model (`name`, or `name[a,b]` for an element), and
        the labels `sample` and `setting`. Or a list of mappings, one a run; a mapping from names to lists of values,
        of which all combinations are run; or a list of Scenarios, whose schedules may differ.
    outputs
        Variables to keep, by name; default: those marked `[outcome]`, or all stocks where none is.
    policies
        Policies under each of which the design is run: Scenarios, names of scenarios, or mappings from constants to
        values, as a list or by name. A constant of the design that a policy sets is taken from the policy. With
        ``design=None`` there is one run under each.
    scenario
        Base scenario of all rows; the values of a row, or of a policy, override it.
    method
        ``"exact"``: Runge-Kutta steps of TIME STEP that also land on every date at which the equations of the row
        jump, compiled, eight runs at a time. ``"euler"`` and ``"rk4"``: compiled, on the TIME STEP grid with Vensim's
        time functions. A method of `scipy.integrate.solve_ivp` such as ``"LSODA"``: in processes, slow, for comparison
        and for stiff models. Default ``"exact"``, or for a model with functions defined on the grid only (DELAY FIXED,
        random draws, non-negative stocks) the method of its file, ``"euler"`` or ``"rk4"``, and ``"rk4"`` where the
        file names none; `attrs["dates"]` says which and why.
    every
        Time between reported values, in the model's unit of time; default SAVEPER. Or the times wanted, as in
        `Model.run`; a store holds the first and the last time as well.
    rtol
        Relative tolerance of a scipy method; default 1e-6. With ``"exact"`` and at least 1,024 runs, how far a run may
        differ from one with steps of TIME STEP, as a fraction of the largest value of each series: 128 of the runs are
        solved both ways, and longer steps are taken where their largest difference stays six times smaller than that.
        Runs that are unlike all of these are solved with TIME STEP. Bounds of a hundredth need no more than 1e-4, which
        halves the time of a large sweep. Default TIME STEP throughout.
    data
        Series of data variables: a Dataset with variables by name, dims `time` and, where they differ between runs,
        `run`; or a DataFrame or mapping as in `Model.run`. They replace those of a data file.
    seed
        Seed of the random functions. Rows with the same `sample` have the same draws. If the model has random functions
        but the design has no `sample`, rows are numbered, and the result has these numbers as coordinate `sample`, so
        that a single row can be repeated. Default 0, or that of `initial`.
    initial
        A State or a Run from which all runs go on, as in `Model.run`; the values of a row apply from its time on, and
        random draws are those of its run unless the design has a `sample`.
    workers
        Threads, or processes for a scipy method; default the number of processors this process may use. The result
        does not depend on it.
    progress
        Show a progress bar, labelled with `progress` if it is a string; default: on a terminal or in a notebook.
    certificate
        Number of random runs that are repeated with scipy at a relative tolerance of 1e-10 and with half the step, to
        state the error of exact runs; of sweeps of fewer than 64 runs with half the step only. With longer steps, a
        third of that number with scipy and at least 64 with half of TIME STEP. 0 for none.
    store
        Path of a zarr store on disk to write to, chunk by chunk; memory is then bounded by the chunk. If a sweep to it
        was interrupted, the same call resumes it. Needs the extra ``sdmodel[store]``.
    client
        A `dask.distributed.Client`: its workers execute the runs and, with a shared store, write them. Needs
        the extra ``sdmodel[cluster]``.
    stops
        With ``"exact"``, the times of the TIME STEP grid at which runs stop between reports, for callers who know where
        longer steps will do. Runs with steps whose estimated error is large stop at all. Default all times of it.

    Returns
    -------
    xarray.Dataset
        Dims `run`, `time` and the model's subscript ranges. In place of `run` there are the axes of a grid (unless it
        is written to a store), `scenario` for a list of Scenarios, or `policy` and `sample`. Design columns
        (of a stock `NAME`, ``initial NAME``), `status` (0 success, 1 failed, 2 not run) and `message` (the first
        non-finite variable and its time) are coordinates on `run`; values of failed runs are NaN, other runs are not
        affected. `attrs` hold the run record and the error certificate.

    Raises
    ------
    UnknownNameError, OverrideError, RangeError
        If a column of the design is not a constant of the model, or a value lies outside its range.
    DesignError
        If the design is not well formed.
    StoreError
        If the store belongs to another sweep, is being written by one, or cannot be written.
    SweepInterrupted
        On Ctrl-C; its `result` holds the completed runs.

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("network")
    >>> design = sdmodel.latin_hypercube(model.uncertainties, 4, rng=1)
    >>> result = run_sweep(model, design, ["trust"], every=5)
    >>> dict(result.sizes)
    {'run': 4, 'time': 6}
    >>> dict(run_sweep(model, {"trust time": [2, 4], "contact rate": [0.1, 0.14, 0.2]}, ["trust"], every=5).sizes)
    {'trust time': 2, 'contact rate': 3, 'time': 6}
    >>> policies = {"slow": {"trust time": 8}, "rising": {"trust time": [(2009, 2), (2034, 8)]}}
    >>> dict(run_sweep(model, design, ["trust"], policies=policies, every=5).sizes)
    {'policy': 2, 'sample': 4, 'time': 6}
    """
    if policies is not None or are_scenarios(design):
        if store is not None:
            raise DesignError(
                "A store holds the runs of one policy. Sweep them one by one, with scenario= and a store."
            )

        options: Any = {"method": method, "every": every, "rtol": rtol, "data": data, "seed": seed, "workers": workers}
        options.update(progress=progress, certificate=certificate, client=client, initial=initial, stops=stops)

        def one(rows: Any, chosen: Scenario) -> xr.Dataset:
            return run_sweep(model, rows, outputs, scenario=chosen, **options)

        if policies is None:
            return over_policies(model, None, design, scenario, one, "scenario")
        return over_policies(model, design, policies, scenario, one, "policy")
    state = state_of(initial)
    seed = (state.seed if state else 0) if seed is None else seed
    check_numbers(every, RTOL if rtol is None else rtol, seed)
    refuse_dates(model, wanted_times(every) or (), "every=")
    count("certificate", certificate, low=0)
    if workers is not None:
        count("workers", workers)
    kind("progress", progress, types=(bool, str, type(None)), need="True, False, a label, or None")
    if client is not None and not hasattr(client, "submit"):
        raise refuse("client", client, "a dask.distributed.Client")
    axes = design if isinstance(design, Mapping) and store is None else None
    rows = read_rows(design)
    series, paths = read_sweep_data(model, state.data if data is None and state and state.data else data)
    base = resolve_scenario(model, paths, scenario, state.scenario if state else None)
    plan, layout = make_plan(model, rows, outputs, base, method, every, rtol, series, seed, state)
    columns = dict(rows.columns)
    if plan.program.streams:  # with its sample number a row can be repeated alone, with the same draws
        columns.setdefault("sample", plan.numbers)
    # A stock is an output, too.
    rows = replace(rows, columns={layout.starts.get(name, name): values for name, values in columns.items()})
    axes = axes and {layout.starts.get(name, name): values for name, values in axes.items()}
    workers = min(workers or processors(), plan.runs)
    plan, steps = with_longer_steps(with_engine(plan), int(design_digest(rows), 16) if rtol else 0, workers, stops)
    record = run_record(model, base, rows, plan, instructions(plan))
    record.update({"steps": steps} if steps else {})
    judge = _Judge(plan, record, certificate)
    if store is None:
        found = _in_memory(model, plan, layout.shapes, rows, record, workers, progress, client, judge)
    else:
        found = _on_disk(_path(store), model, plan, layout.shapes, rows, record, workers, progress, client, judge)
    if (wanted := wanted_times(every)) is not None:
        found = found.isel(time=places(plan.times, wanted))
    return found if axes is None else by_axes(found, axes)


def _path(store: str | Path) -> Path:
    try:
        path = Path(store)
    except TypeError as error:
        raise StoreError(f"store={store!r} is not a path.") from error
    if not path.name or "\0" in path.name:
        raise StoreError(f"store={str(store)!r} names no folder of its own. Give a path such as 'sweep.zarr'.")
    return path


def _in_memory(
    model: Structure,
    plan: Plan,
    shapes: Sequence[Shape],
    design: Rows,
    record: dict[str, Any],
    workers: int,
    progress: bool | str | None,
    client: Any,
    judge: _Judge,
) -> xr.Dataset:
    values = np.empty((plan.runs, len(plan.outputs), len(plan.times)))
    status = np.full(plan.runs, NOT_RUN, dtype=np.int8)
    messages = [""] * plan.runs
    solved: dict[int, int] = {}
    rows = chunk_rows(plan, workers)
    try:
        with progress_bar(plan.runs, "runs", "run", progress) as bar:
            shown = not bar.disable
            for chunk in _chunks(plan, range(0, plan.runs, rows), rows, workers, client, None, values):
                assert isinstance(chunk, Chunk)
                if not np.may_share_memory(values, chunk.values):
                    values[chunk.start : chunk.stop] = chunk.values
                status[chunk.start : chunk.stop] = chunk.status
                messages[chunk.start : chunk.stop] = chunk.messages
                solved.update(chunk.solved)
                bar.update(chunk.stop - chunk.start)
    except KeyboardInterrupt:
        values[status == NOT_RUN] = np.nan
        done = dataset(model, plan, shapes, values, design, status, messages, record)
        raise SweepInterrupted(int((status != NOT_RUN).sum()), plan.runs, done) from None
    record.update(judge(int((status == FAILED).sum()), lambda row: (values[row], int(status[row])), solved, shown))
    return dataset(model, plan, shapes, values, design, status, messages, record)


def _on_disk(
    path: Path,
    model: Structure,
    plan: Plan,
    shapes: Sequence[Shape],
    design: Rows,
    record: dict[str, Any],
    workers: int,
    progress: bool | str | None,
    client: Any,
    judge: _Judge,
) -> xr.Dataset:
    with locked(path):
        place = Store.at(path, model, plan, shapes, design, record, chunk_rows(plan, workers))
        starts = place.missing()
        todo = sum(min(s + place.rows, plan.runs) - s for s in starts)
        try:
            with progress_bar(plan.runs, "runs", "run", progress, plan.runs - todo) as bar:
                shown = not bar.disable
                for chunk in _chunks(plan, starts, place.rows, workers, client, (place, shapes)):
                    if isinstance(chunk, Chunk):
                        place.write(chunk, shapes)
                        bar.update(chunk.stop - chunk.start)
                    else:
                        bar.update(chunk)
        except KeyboardInterrupt:
            done = open_sweep(path)
            raise SweepInterrupted(int((done["status"] != NOT_RUN).sum()), plan.runs, done) from None
        result = open_sweep(path)
        if "certificate" not in result.attrs:
            failed = int((result["status"] == FAILED).sum())
            place.finish(judge(failed, lambda row: _row_of(result, shapes, plan, row), place.solved(), shown))
            result = open_sweep(path)
    return result


@dataclass(frozen=True)
class _Judge:
    """Summary computed at the end of a sweep: failed runs and the error certificate."""

    plan: Plan
    record: dict[str, Any]
    sample: int

    def __call__(
        self, failed: int, values_of: Callable[[int], tuple[np.ndarray, int]], solved: dict[int, int], shown: bool
    ) -> dict[str, Any]:
        """Attributes of the result, printed below the progress bar if there is one."""
        out: dict[str, Any] = {"failed": failed, **in_words(solved, self.plan.runs)}
        out.update(certify(self.plan, self.record, lambda row: (*values_of(row), solved.get(row, 0)), self.sample))
        if shown and failed:
            print(f"{failed:,} of {self.plan.runs:,} runs failed; their status is {FAILED}.", file=sys.stderr)
        if shown and "solved_again" in out:
            print(f"Solved again: {out['solved_again']}.", file=sys.stderr)
        if shown and self.sample:
            print(f"Certificate: {out['certificate']}.", file=sys.stderr)
        return out


def _row_of(result: xr.Dataset, shapes: Sequence[Shape], plan: Plan, row: int) -> tuple[np.ndarray, int]:
    """Values (outputs, times) and status of a stored row, in the order of the plan."""
    out = np.empty((len(plan.outputs), len(plan.times)))
    one = result.isel(run=row)
    for shape in shapes:
        block = one[shape.name].to_numpy()
        for i, column in enumerate(shape.columns):
            where: Any = (slice(None), *shape.places[i])
            out[column] = block[where]
    return out, int(one["status"])


def _chunks(
    plan: Plan,
    starts: Sequence[int] | range,
    rows: int,
    workers: int,
    client: Any,
    place: tuple[Store, Sequence[Shape]] | None,
    into: np.ndarray | None = None,
) -> Iterable[Chunk | int]:
    if client is None:
        return done_chunks(plan, list(starts), rows, workers, into, None if into is None else fork(plan, workers))
    from sdmodel.sweep.dask_backend import cluster_chunks

    return cluster_chunks(client, plan, list(starts), rows, place)
