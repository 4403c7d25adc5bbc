"""Arms of an experiment: settings run on the same samples, at equal public money, and with links held."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sdmodel.analysis.root_finding import find_roots
from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.core.labels import join_label
from sdmodel.study.searching import rough_roots
from sdmodel.study.translation import Say
from sdmodel.sweep.rounds import Rounds
from sdmodel.sweep.run_sweep import run_sweep

if TYPE_CHECKING:
    import xarray as xr

    from sdmodel.model import Model

MONEY = "present value of public money"
POLICY_START, END = 2015.0, 2034.0
NEVER = END - 2009
"""Report interval of a run of which only the last value is used."""

STEP = 0.125
"""Time step of the runs of an experiment; the certificate measures the error."""
SHORT_UNTIL = POLICY_START + 1
"""From here on two steps are one, in all arms alike, except in runs with steps whose estimated error is large."""
SEARCH_STEP = 0.5
"""Time step while money is made equal; the runs that are kept check it."""
ROUNDS = 12
"""Largest number of rounds to make money equal, with either step."""

Setting = Mapping[str, Any]
"""Constants of an arm: a number, or an array with one number per sample."""

Mix = Mapping[str, tuple[Any, Any]]
"""Constants that are scaled together: by name the value at size 0 and the increase per unit of size."""


@dataclass(frozen=True)
class Equalised:
    """Arms solved for equal public money; arrays have the shape (setting, sample)."""

    lever: np.ndarray
    """Value of the lever, or size of the mix, that spends the target."""
    residual: np.ndarray
    """Money over target, less one; both beyond the money that is spent in any case."""
    spent: np.ndarray
    """False where no value of the lever in its range spends the target: `cannot be spent`."""
    result: xr.Dataset
    """The runs at that value of the lever."""


class Arms:
    """Run the arms of a question; counts runs and wall time.

    Parameters
    ----------
    model
        What is run.
    draws
        Samples of all uncertainties; every setting gets the same ones.
    outputs
        Variables to store, besides public money.
    every
        Years between reports.
    workers, progress
        As in `Model.sweep`; `progress` True or None shows a bar for each stage.
    """

    def __init__(
        self,
        model: Model,
        draws: pd.DataFrame,
        outputs: Sequence[str],
        *,
        every: float,
        workers: int | None = None,
        progress: bool | None = None,
    ) -> None:
        unknown = [name for name in (*outputs, MONEY) if name not in model]
        if unknown:
            raise UnknownNameError(unknown[0], (v.name for v in model.equations.values()))
        self.model, self.draws, self.outputs, self.every = model, draws, tuple(outputs), every
        self.workers, self.progress = workers, progress
        grid = np.arange(model.time["initial time"], model.time["final time"], STEP)
        self.stops = grid[(grid <= SHORT_UNTIL) | (np.arange(len(grid)) % 2 == 0)]
        self.runs = 0
        self._begun = time.perf_counter()

    def first(self, n: int) -> Arms:
        """Arms on the first samples of the same model, with a run count of their own."""
        draws = self.draws.iloc[:n].reset_index(drop=True)
        return self.on(self.model, draws)

    def on(
        self, model: Model, draws: pd.DataFrame | None = None, outputs: Sequence[str] = (), every: float = 0
    ) -> Arms:
        """Arms of another model with the same options; samples, outputs and report interval may differ."""
        return Arms(
            model, self.draws if draws is None else draws, outputs or self.outputs, every=every or self.every,
            workers=self.workers, progress=self.progress,
        )  # fmt: skip

    @property
    def seconds(self) -> float:
        """Wall time so far."""
        return round(time.perf_counter() - self._begun, 1)

    @property
    def summary(self) -> str:
        """Runs and time so far, in a sentence."""
        return Say(
            "{runs:,} runs ({each:.0f} a sample) in {seconds:.0f} s.",
            runs=self.runs,
            each=self.runs / len(self.draws),
            seconds=self.seconds,
        )

    def record(self, experiment: str, seed: int, found: xr.Dataset) -> dict[str, Any]:
        """Everything needed to repeat an experiment, with the run record and certificate of one of its stages."""
        requested = {"experiment": experiment, "samples": len(self.draws), "seed": seed}
        stage = {str(k): v for k, v in found.attrs.items()}
        return {**stage, **requested, "runs": self.runs, "seconds": self.seconds}

    def run(
        self,
        stage: str,
        settings: Mapping[str, Setting],
        outputs: Sequence[str] = (),
        *,
        model: Model | None = None,
        **options: Any,
    ) -> xr.Dataset:
        """Run settings without solving for equal money.

        Parameters
        ----------
        stage
            Label of the progress bar.
        settings
            Constants by name of the setting.
        outputs
            Variables to keep besides those of the question and public money.
        model
            A changed model.
        options
            `data` and `certificate` of `Model.sweep`; ask for one in the first stage.

        Returns
        -------
        xarray.Dataset
            Dims `setting`, `sample`, `time` and subscript ranges.
        """
        design = self._design(settings, model)
        found = self._sweep(stage, design, [*self.outputs, *outputs], model=model, **options)
        return by_setting(found, list(settings), len(self.draws))

    def equal(
        self,
        stage: str,
        settings: Mapping[str, Setting],
        target: np.ndarray,
        *,
        lever: str | Mix,
        start: Any = 1.0,
        low: Any = None,
        high: Any = None,
        base: Any = 0.0,
        tolerance: float = 0.005,
    ) -> Equalised:
        """Run settings with a lever solved, sample by sample, so that each spends the target.

        Public money must rise with the lever. Each iteration sweeps the rows that have not converged, as in
        `sdmodel.solve_lever`.

        Parameters
        ----------
        stage, settings
            As in `run`.
        target
            Present value of public money; it and the first guesses, ends, bases and parts of a mix have the
            shape of (setting, sample) or broadcast to it.
        lever
            Constant to solve for, a size or a date; or several scaled together, see `Mix`.
        start
            First guess.
        low, high
            Bounds of the lever; default its range in the file, for a mix 0 and the largest size at which all of its
            constants are in theirs.
        base
            Money that is spent in any case; the money beyond it is made equal.
        tolerance
            Largest accepted difference from the target, as a share of the money beyond the base.
        """
        shape = (len(settings), len(self.draws))

        def rows(values: Any) -> np.ndarray:
            return np.broadcast_to(np.asarray(values, float), shape).ravel()

        design = self._design(settings)
        parts = {lever: (0.0, 1.0)} if isinstance(lever, str) else lever
        steps = {name: (rows(zero), rows(unit)) for name, (zero, unit) in parts.items()}
        given = [name for name in parts if name in design]
        if given:
            raise DesignError(f"'{given[0]}' is solved for and cannot be set by a setting as well.")
        least = self.model.owner(lever).low if isinstance(lever, str) else 0.0
        low, high = rows(least if low is None else low), self._most(steps) if high is None else rows(high)
        goal = rows(target)
        size = goal - rows(base)

        def constants(x: np.ndarray, which: np.ndarray) -> dict[str, np.ndarray]:
            return {name: zero[which] + x * unit[which] for name, (zero, unit) in steps.items()}

        first, final = (constants(x, np.arange(len(goal))) for x in (low, high))
        search = Rounds(
            self.model,
            design.assign(**first),
            [MONEY],
            every=self.model.time["final time"] - self.model.time["initial time"],
            step=SEARCH_STEP,
            ranges={n: (min(x.min(), final[n].min()), max(x.max(), final[n].max())) for n, x in first.items()},
            workers=self.workers,
        )

        def roughly(x: np.ndarray, which: np.ndarray) -> np.ndarray:
            self.runs += len(which)
            return search(which, constants(x, which))[:, 0, -1]

        pieces: list[xr.Dataset] = []

        def money(x: np.ndarray, which: np.ndarray) -> np.ndarray:
            rows_now = design.iloc[which].assign(**constants(x, which))
            found = self._sweep(f"{stage}, round {len(pieces) + 1}", rows_now, self.outputs)
            # The design is known; hundreds of coordinates would only make the pieces slow to join.
            bare = found.drop_vars([str(c) for c in found.coords if c not in ("time", "status", *found.dims)])
            pieces.append(bare.assign_coords(row=("run", which)))
            spent: np.ndarray = found[MONEY].isel(time=-1).to_numpy()
            return spent

        options: dict[str, Any] = {"scale": size, "tolerance": tolerance, "rounds": ROUNDS}
        near, before = rough_roots(roughly, goal, low, high, shape, start=rows(start), **options)
        # What was found with long steps is checked, and where need be corrected, with those of the experiment.
        roots = find_roots(money, goal, low, high, start=near, before=before, **options)
        return Equalised(
            roots.x.reshape(shape),
            roots.residual.reshape(shape),
            (np.abs(roots.residual) <= tolerance).reshape(shape),
            by_setting(_last_of_each(pieces), list(settings), len(self.draws)),
        )

    def _most(self, steps: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        """Largest size at which no constant leaves its range, from its value at 0 and its rise; 1 if none limits."""
        most = []
        for name, (zero, unit) in steps.items():
            owner = self.model.owner(name)
            with np.errstate(divide="ignore", invalid="ignore"):
                room = (np.where(unit > 0, owner.high, owner.low) - zero) / unit
            most.append(np.where(unit == 0, np.inf, room))
        largest: np.ndarray = np.min(most, axis=0)
        return np.where(np.isfinite(largest), largest * (1 - 1e-12), 1.0)  # never past the range by rounding

    def without(
        self, stage: str, link: tuple[str, str], held: xr.Dataset, settings: Mapping[str, Setting]
    ) -> xr.Dataset:
        """Run settings with the link (cause, effect) cut and its cause held at its path in one arm (dims sample, time).

        That arm itself need not be run again, since its result would be the same.
        """
        import xarray as xr

        cause, effect = link
        path = held[cause]
        spare = [d for d in path.dims if d not in ("sample", "time")]
        series = {}
        for element in product(*(path[d].to_numpy() for d in spare)):
            label = join_label(f"{self.model[cause].name} held", element)
            one = path.sel(dict(zip(spare, element, strict=True))).transpose("sample", "time")
            series[label] = (("run", "time"), np.tile(one.to_numpy(), (len(settings), 1)))
        data = xr.Dataset(series, {"time": path["time"].to_numpy()})
        return self.run(stage, settings, model=self.model.cut(cause, effect), data=data)

    def _sweep(
        self,
        stage: str,
        design: pd.DataFrame,
        outputs: Sequence[str],
        *,
        model: Model | None = None,
        data: xr.Dataset | None = None,
        certificate: int = 0,
    ) -> xr.Dataset:
        self.runs += len(design)
        names = list(dict.fromkeys([*outputs, MONEY]))
        return run_sweep(
            model or self.model, design, names, every=self.every, data=data, workers=self.workers,
            progress=False if self.progress is False else stage, certificate=certificate, stops=self.stops,
        )  # fmt: skip

    def _design(self, settings: Mapping[str, Setting], model: Model | None = None) -> pd.DataFrame:
        """One row a setting and sample; a constant that a setting does not name keeps its value."""
        names = list(dict.fromkeys(name for setting in settings.values() for name in setting))
        known = (model or self.model).parameters()["value"]
        blocks = []
        for label, setting in settings.items():
            given = {n: setting.get(n, self.draws[n].to_numpy() if n in self.draws else known.get(n)) for n in names}
            # A copy, since a frame with many columns taken out is in many pieces.
            kept = self.draws.drop(columns=names, errors="ignore").copy()
            blocks.append(kept.assign(**given, setting=label))
        return pd.concat(blocks, ignore_index=True).assign(**{"TIME STEP": STEP})


def _last_of_each(pieces: Sequence[xr.Dataset]) -> xr.Dataset:
    """Last run of each row, in sweeps with a coordinate `row`; the first has all rows in order, and is changed."""
    whole, *later = pieces
    for piece in later:
        rows = piece["row"].to_numpy()
        for name in (*piece.data_vars, "status"):
            whole[name].to_numpy()[rows] = piece[name].to_numpy()
    return whole


def by_setting(found: xr.Dataset, settings: Sequence[str], samples: int) -> xr.Dataset:
    """A sweep whose rows run through the samples of one setting after the other, with dims `setting` and `sample`."""
    import xarray as xr

    shape = (len(settings), samples)
    data = {
        str(name): (
            ("setting", "sample", *array.dims[1:]),
            array.to_numpy().reshape(*shape, *array.shape[1:]),
            array.attrs,
        )
        for name, array in found.data_vars.items()
    }
    data["status"] = (("setting", "sample"), found["status"].to_numpy().reshape(shape), {})
    coords = {str(dim): found[dim].to_numpy() for dim in found.dims if dim != "run"}
    return xr.Dataset(data, {"setting": list(settings), "sample": np.arange(samples), **coords}, found.attrs)


def last(found: xr.Dataset, name: str) -> np.ndarray:
    """Value at the end of the run."""
    return found[name].isel(time=-1).to_numpy()
