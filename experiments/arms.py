"""Arms of an experiment: settings run on the same samples, at equal public money, and with links held."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sdmodel.errors import UnknownNameError
from sdmodel.experiments.equal_money import Equalised, equal_money

if TYPE_CHECKING:
    import xarray as xr

    from sdmodel.model import Model

MONEY = "present value of public money"
DISCOUNT = "real social discount rate"
POLICY_START, END = 2015.0, 2034.0
NEVER = END - 2009
"""Interval of reports of a run whose last value alone matters."""

Setting = Mapping[str, Any]
"""Constants of an arm: a number, or an array with one number a sample."""


class Arms:
    """Runs the arms of a question, counts the runs and the time.

    Parameters
    ----------
    model
        What is run.
    draws
        Samples of all uncertainties; every setting gets the same ones.
    outputs
        Variables that are kept, besides public money.
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
        self.runs = 0
        self._begun = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Wall time so far."""
        return round(time.perf_counter() - self._begun, 1)

    @property
    def told(self) -> str:
        """Runs and time so far, in a sentence."""
        return f"{self.runs:,} runs ({self.runs / len(self.draws):.0f} a sample) in {self.seconds:.0f} s."

    def record(self, experiment: str, seed: int, found: xr.Dataset) -> dict[str, Any]:
        """What one needs to know to repeat an experiment, with the record and the certificate of one of its stages."""
        asked = {"experiment": experiment, "samples": len(self.draws), "seed": seed}
        stage = {str(k): v for k, v in found.attrs.items()}
        return {**stage, **asked, "runs": self.runs, "seconds": self.seconds}

    def run(
        self,
        stage: str,
        settings: Mapping[str, Setting],
        outputs: Sequence[str] = (),
        *,
        model: Model | None = None,
        data: xr.Dataset | None = None,
        every: float | None = None,
        certificate: int = 0,
    ) -> xr.Dataset:
        """Run settings as they are.

        Parameters
        ----------
        stage
            Label of the progress bar.
        settings
            Constants by name of the setting.
        outputs
            Variables to keep besides those of the question and public money.
        model, data, every
            A changed model, its data variables, and another interval of reports.
        certificate
            As in `Model.sweep`; ask for one in the first stage.

        Returns
        -------
        xarray.Dataset
            Dims `setting`, `sample`, `time` and subscript ranges.
        """
        design = self._design(settings)
        found = (model or self.model).sweep(
            design,
            list(dict.fromkeys([*self.outputs, *outputs, MONEY])),
            every=every or self.every,
            data=data,
            workers=self.workers,
            progress=self._bar(stage),
            certificate=certificate,
        )
        self.runs += len(design)
        return paired(found, list(settings), len(self.draws))

    def equal(
        self,
        stage: str,
        settings: Mapping[str, Setting],
        target: np.ndarray,
        *,
        lever: str,
        start: Any,
        low: float | None = None,
        high: float | None = None,
        base: Any = 0.0,
        slope: Any = None,
        tolerance: float = 0.005,
    ) -> Equalised:
        """Run settings with a lever solved, sample by sample, so that each spends the target; see `equal_money`.

        Targets, first guesses and bases have the shape of (setting, sample) or broadcast to it; the range of the lever
        is that of the model unless it is given.
        """
        shape = (len(settings), len(self.draws))

        def rows(values: Any) -> np.ndarray:
            return np.broadcast_to(np.asarray(values, float), shape).ravel()

        found = equal_money(
            self.model,
            self._design(settings),
            rows(target),
            lever=lever,
            money=MONEY,
            outputs=self.outputs,
            every=self.every,
            start=rows(start),
            low=self.model[lever].low if low is None else low,
            high=self.model[lever].high if high is None else high,
            base=rows(base),
            slope=None if slope is None else rows(slope),
            tolerance=tolerance,
            workers=self.workers,
            progress=self._bar(stage),
        )
        self.runs += found.runs
        parts = (part.reshape(shape) for part in (found.lever, found.residual, found.spent))
        return Equalised(*parts, paired(found.result, list(settings), len(self.draws)), found.runs)

    def without(
        self,
        stage: str,
        link: tuple[str, str],
        held: xr.Dataset,
        settings: Mapping[str, Setting],
        *,
        every: float | None = None,
    ) -> xr.Dataset:
        """Run settings with the link (cause, effect) cut and its cause held at its path in one arm (dims sample, time).

        That arm itself need not be run again: with its own path it is what it was.
        """
        import xarray as xr

        cause, effect = link
        path = held[cause]
        spare = [d for d in path.dims if d not in ("sample", "time")]
        series = {}
        for element in product(*(path[d].to_numpy() for d in spare)):
            label = f"{self.model[cause].name} held" + (f"[{','.join(element)}]" if spare else "")
            one = path.sel(dict(zip(spare, element, strict=True))).transpose("sample", "time")
            series[label] = (("run", "time"), np.tile(one.to_numpy(), (len(settings), 1)))
        data = xr.Dataset(series, {"time": path["time"].to_numpy()})
        return self.run(stage, settings, model=self.model.cut(cause, effect), data=data, every=every)

    def _design(self, settings: Mapping[str, Setting]) -> pd.DataFrame:
        """One row a setting and sample; a constant that a setting does not name keeps its value."""
        names = list(dict.fromkeys(name for setting in settings.values() for name in setting))
        known = self.model.parameters()["value"]
        blocks = []
        for label, setting in settings.items():
            given = {n: setting.get(n, self.draws[n].to_numpy() if n in self.draws else known.get(n)) for n in names}
            blocks.append(self.draws.drop(columns=names, errors="ignore").assign(**given, setting=label))
        return pd.concat(blocks, ignore_index=True)

    def _bar(self, stage: str) -> bool | str | None:
        return False if self.progress is False else stage


def paired(found: xr.Dataset, settings: Sequence[str], samples: int) -> xr.Dataset:
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


def total(flow: xr.DataArray) -> xr.DataArray:
    """Sum over all subscripts."""
    return flow.sum([d for d in flow.dims if d not in ("setting", "sample", "time")], skipna=False)


def present_value(flow: xr.DataArray, draws: pd.DataFrame) -> xr.DataArray:
    """Worth at the policy start of a yearly flow since then, subscripts summed, at the discount rate of the sample."""
    import xarray as xr

    rate = xr.DataArray(draws[DISCOUNT].to_numpy(), dims="sample")
    late = total(flow).sel(time=slice(POLICY_START, None))
    return (late * np.exp(-rate * (late["time"] - POLICY_START))).integrate("time")
