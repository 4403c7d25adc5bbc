"""`Model`, the public class: delegates to the packages that read, change, run, sweep and check a structure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sdmodel.core import html
from sdmodel.core.documentation import described_by
from sdmodel.core.errors import MissingExtraError
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure
from sdmodel.editable import Editable

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from sdmodel.core.run import Run
    from sdmodel.core.state import State
    from sdmodel.explorer.page import Explorer
    from sdmodel.solve.stepper import Stepper

MOST_OPEN = 12
"""Variables of a section that a notebook shows without a click."""


@dataclass(frozen=True, repr=False, eq=False)
class Model(Editable):
    """A stock-and-flow model: variables, subscript ranges, scenarios. Frozen: runs and overrides never change it.

    Get one from `sdmodel.load`; change a formula with `replace`, which returns a new model.

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("shandong")
    >>> model["trust"].unit
    'Dmnl'
    """

    @classmethod
    def of(cls, structure: Structure) -> Self:
        """The model of a structure."""
        return cls(**{f.name: getattr(structure, f.name) for f in dataclasses.fields(structure)})

    def _repr_html_(self) -> str:
        from sdmodel.compile.overview import UNCERTAINTIES, overview

        time = self.time
        span = f"Time from {time.get('initial time')} to {time.get('final time')} {self.time_unit}"
        parts = [html.paragraph(f"{repr(self)[1:-1]}. {span}.")]
        if self.sectors:
            parts.append(html.paragraph(f"Sectors: {', '.join(self.sectors)}"))
        for section in overview(self):
            if section.title == UNCERTAINTIES:
                counts = ", ".join(f"{group} {len(entries)}" for group, entries in section.groups.items())
                parts.append(html.paragraph(f"{section.title} ({section.size}): {counts}"))
                continue
            small = section.size <= MOST_OPEN
            tables = {g: html.table(section.columns, section.rows(some)) for g, some in section.groups.items()}
            groups = [html.folded(f"{g} ({len(section.groups[g])})", t, unfolded=small) for g, t in tables.items()]
            shown = groups if len(tables) > 1 else tables.values()
            parts.append(html.folded(f"{section.title} ({section.size})", *shown, unfolded=small))
        if self.scenarios:
            table = html.table(["name", "what it is"], [(s.name, s.description) for s in self.scenarios.values()])
            parts.append(html.folded(f"Scenarios ({len(self.scenarios)})", table))
        return html.block(f"Model {self.name}", *parts)

    @property
    def uncertainties(self) -> pd.DataFrame:
        """Uncertain constants and structural switches, as a table for `latin_hypercube` (see `parameters`)."""
        return self.parameters("uncertainty", "switch")

    @property
    def levers(self) -> pd.DataFrame:
        """Constants that a policy maker can set (see `parameters`)."""
        return self.parameters("lever")

    def parameters(self, *roles: str) -> pd.DataFrame:
        """Constants with one of the roles (all constants if none is given).

        Returns
        -------
        pandas.DataFrame
            Index `name` (an element of a subscripted constant is `name[a,b]`); columns value, low, high (in `unit`),
            unit, distribution, role, ids, sector, sentence.
        """
        from sdmodel.compile.parameters import constants_table

        return constants_table(self, *roles)

    @described_by("sdmodel.solve.run", "run")
    def run(
        self,
        values: Mapping[str, Any] | Scenario | None = None,
        *,
        scenario: Scenario | str | None = None,
        method: str | None = None,
        every: Any = None,
        rtol: float = 1e-8,
        data: Mapping[str, Any] | None = None,
        seed: int | None = None,
        initial: State | Run | None = None,
    ) -> Run:
        """Run the model once."""
        from sdmodel.solve.run import run

        return run(
            self,
            values,
            scenario=scenario,
            method=method,
            every=every,
            rtol=rtol,
            data=data,
            seed=seed,
            initial=initial,
        )

    def stepper(
        self,
        values: Mapping[str, Any] | Scenario | None = None,
        *,
        scenario: Scenario | str | None = None,
        method: str | None = None,
        every: Any = None,
        rtol: float = 1e-8,
        data: Mapping[str, Any] | None = None,
        seed: int | None = None,
        initial: State | Run | None = None,
    ) -> Stepper:
        """A run in pieces, for coupling with another program: see `Stepper`. Arguments are those of `run`."""
        from sdmodel.solve.stepper import Stepper

        return Stepper(
            self,
            values,
            scenario=scenario,
            method=method,
            every=every,
            rtol=rtol,
            data=data,
            seed=seed,
            initial=initial,
        )

    @described_by("sdmodel.sweep.run_sweep", "run_sweep")
    def sweep(
        self,
        design: Any,
        outputs: Sequence[str] | None = None,
        *,
        policies: Any = None,
        scenario: Scenario | str | None = None,
        method: str | None = None,
        every: Any = None,
        rtol: float | None = None,
        data: Any = None,
        seed: int | None = None,
        initial: State | Run | None = None,
        workers: int | None = None,
        progress: bool | str | None = None,
        certificate: int = 6,
        store: str | Path | None = None,
        client: Any = None,
    ) -> xr.Dataset:
        """Run the model once for each row of a design."""
        from sdmodel.sweep.run_sweep import run_sweep

        return run_sweep(
            self,
            design,
            outputs,
            policies=policies,
            scenario=scenario,
            method=method,
            every=every,
            rtol=rtol,
            data=data,
            seed=seed,
            initial=initial,
            workers=workers,
            progress=progress,
            certificate=certificate,
            store=store,
            client=client,
        )

    def to_ema(self, outcomes: Sequence[Any] = (), *, every: float | None = None) -> Any:
        """Make a model for the EMA workbench, with uncertainties and levers of this one as parameters.

        The workbench is described in [1]_. Needs the extra ``sdmodel[handoffs]``.

        Parameters
        ----------
        outcomes
            For each a variable's name (a time series), an `Outcome` (a number), or an outcome of the workbench, whose
            function is given whole paths; the times are the variable `TIME`. Default: the model's outcomes.
        every
            Time between reported values; default SAVEPER.

        Returns
        -------
        ema_workbench.Model
            Its method `evaluator()` gives an evaluator that runs all experiments of a call as one sweep; other
            evaluators of the workbench run them one by one.

        Raises
        ------
        MissingExtraError
            If the workbench is not installed.

        References
        ----------
        .. [1] Kwakkel, J. H. (2017). The Exploratory Modeling Workbench. Environmental Modelling & Software 96,
           239-250. https://doi.org/10.1016/j.envsoft.2017.06.054
        """
        try:
            from sdmodel.sweep.workbench import workbench_model
        except ImportError as error:
            package = (error.name or "").partition(".")[0]
            version = " below version 3" if package == "ema_workbench" else ""
            raise MissingExtraError(
                f'The EMA workbench needs {package}{version}. Install it: python -m pip install "sdmodel[handoffs]"'
            ) from None

        return workbench_model(self, outcomes, every)

    @described_by("sdmodel.explorer.page", "explore")
    def explore(
        self,
        *,
        data: Mapping[str, Any] | pd.DataFrame | None = None,
        findings: Mapping[str, tuple[str, str]] | None = None,
    ) -> Explorer:
        """Make a page with sliders that runs the model in the browser."""
        from sdmodel.explorer.page import explore

        return explore(self, data=data, findings=findings)

    @described_by("sdmodel.validation.check", "check")
    def check(self) -> pd.DataFrame:
        """Check the model without running it."""
        from sdmodel.validation.check import check

        return check(self)


def load(name: str | Path, *, data_files: str | Path | Sequence[str | Path] = ()) -> Model:
    """Read a model.

    Parameters
    ----------
    name
        A shipped name (`shandong`, `network`, ...) or a path to a `.mdl`, to an XMILE file (`.xmile`, `.stmx`) or to a
        composition in `.toml`.
    data_files
        One or several files with the series of data variables: tables (`.csv`, `.tab`, `.xlsx`, `.xls`, `.ods`) with
        time down or across and names in the first row or column, or Vensim's text format (`.dat`). Of several files
        with a series the first one counts. An empty cell is a gap.

    Returns
    -------
    Model

    Raises
    ------
    UnknownNameError
        If it is neither a file nor a shipped name.
    ReadError
        If the file cannot be read correctly.
    CompositionError
        If the sectors of a composition do not fit together.

    Examples
    --------
    >>> import sdmodel
    >>> sdmodel.load("network").name
    'network'
    """
    from sdmodel.io.load import read_model

    return Model.of(read_model(name, data_files=data_files))


def compose(
    name: str,
    sectors: Mapping[str, Model],
    *,
    stand_ins: Sequence[str] = (),
    scenarios: Mapping[str, Scenario] | None = None,
) -> Model:
    """Join sector models by name.

    A boundary input (`[from SECTOR]`) whose sector is among `sectors` becomes that sector's variable. Inputs from a
    sector named in `stand_ins` keep the value given in their own file.

    Parameters
    ----------
    name
        Name of the composition.
    sectors
        Model by sector name; order is kept.
    stand_ins
        Sectors that are absent and replaced by the values in the files of the others.
    scenarios
        Scenarios of the composition.

    Raises
    ------
    CompositionError
        If two sectors own a name, units or subscripts differ at a joint, an input has no owner, control variables
        or subscript ranges differ.
    """
    from sdmodel.io.composition import compose_structure

    return Model.of(compose_structure(name, sectors, stand_ins=stand_ins, scenarios=scenarios))
