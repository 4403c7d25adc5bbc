"""`Model`, the public class: delegates to the packages that read, change, run, sweep and check a structure."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sdmodel import edit
from sdmodel.core import html
from sdmodel.core.documentation import described_by
from sdmodel.core.errors import MissingExtraError, UnitsWarning
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure

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
class Model(Structure):
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

    def replace(self, name: str, value: Any, *, in_equation_of: str | None = None) -> Self:
        """Return a new model with another definition of `name`; this model is unchanged.

        Parameters
        ----------
        name
            A variable of the model.
        value
            A number (the variable becomes a constant); a value over time: a Schedule, a pandas Series, or points
            ``[(2010, 1), (2020, 3)]``, which are those of the curve where `name` is a lookup; an equation in Vensim's
            language such as ``"contact rate * susceptible"``, or the points of a lookup, ``"(0,0),(1,2)"``; or an
            expression tree. A text is parsed as that of a model file; nothing is evaluated.
        in_equation_of
            Replace `name` only where the equation of this variable reads it: the link between the two is cut and
            everything else that reads `name` goes on as before. `value` must then be an equation.

        Returns
        -------
        Model

        Raises
        ------
        UnknownNameError
            If the model has no such variable, or the equation reads a name that the model lacks.
        EquationError
            If the equation cannot be read; the message points at the place.

        Warns
        -----
        UnitsWarning
            If the units of the equation do not agree with those of the variable.

        Examples
        --------
        >>> import sdmodel
        >>> model = sdmodel.load("adoption")
        >>> slow = model.replace("uptake", "own uptake * firms without")
        >>> bool(slow.run()["firms with"].iloc[-1] < model.run()["firms with"].iloc[-1])
        True
        >>> model.replace("uptake", "own uptake * * firms without")
        Traceback (most recent call last):
          ...
        sdmodel.core.errors.EquationError: The equation of 'uptake' cannot be read: ...
            own uptake * * firms without
                         ^
        """
        if not isinstance(value, str):
            return edit.replace(self, name, value, in_equation_of)
        from sdmodel.io.vensim.equation_text import expression_from_text

        old = self[in_equation_of or name]
        new = edit.replace(self, name, expression_from_text(value, old.name, self), in_equation_of)
        return new._with_units_checked(old.name)

    def add(self, name: str, equation: float | str, *, unit: str = "", documentation: str = "") -> Self:
        """Return a new model with one more variable; this model is unchanged.

        Parameters
        ----------
        name
            Name of the variable, with its subscript ranges where it has some: ``"cost[region]"``.
        equation
            In Vensim's language: a number, a formula, a stock as ``"INTEG(inflow - outflow, 100)"``, or the points of a
            lookup, ``"(0,0),(1,2)"``. It may read variables of the model and itself.
        unit
            Unit, such as ``"person/Year"``.
        documentation
            A sentence, and the markers of a model file such as ``[lever]`` or ``[outcome]``.

        Returns
        -------
        Model

        Raises
        ------
        EquationError
            If the model has a variable of this name, or the equation cannot be read; the message points at the place.
        UnknownNameError
            If the equation reads a name that the model lacks.

        Warns
        -----
        UnitsWarning
            If the units of the equation do not agree with `unit`.

        Examples
        --------
        >>> import sdmodel
        >>> model = sdmodel.load("adoption").add("share", "firms with/all firms", unit="Dmnl")
        >>> bool(model.run()["share"].between(0, 1).all())
        True
        """
        from sdmodel.io.vensim.equation_text import variable_from_text

        text = equation if isinstance(equation, str) else repr(float(equation))
        variable = variable_from_text(name, text, self, unit, documentation)
        return self.with_variable(variable)._with_units_checked(variable.name)

    def _with_units_checked(self, name: str) -> Self:
        """The model itself, after warnings about the units of the equation of `name`."""
        from sdmodel.validation.static.units import check_units

        for found in check_units(self, name) if self[name].unit else ():
            if found.variable == name:
                warnings.warn(f"'{name}': {found.message}", UnitsWarning, stacklevel=3)
        return self

    def with_ranges(self, ranges: Any) -> Self:
        """Return a new model with other ranges of constants, wider or narrower than in the file.

        A constant without a role becomes an uncertainty, so that `uncertainties` lists it; `write` keeps ranges and
        distributions. A run is not affected: a range says which values are admissible and how they are sampled.

        Parameters
        ----------
        ranges
            A mapping from names of constants to ``(low, high)`` or ``(low, high, distribution)``, or another form of
            `sdmodel.latin_hypercube`. A range belongs to all elements of a constant with subscripts. Choices and
            distributions of scipy.stats have no form in a model; give them to the sampler.

        Returns
        -------
        Model

        Raises
        ------
        UnknownNameError, OverrideError
            If a name is not a constant of the model.
        DesignError
            If a range is not valid, or has no form in a model.
        RangeError
            If the value in the file lies outside the range.

        Examples
        --------
        >>> import sdmodel
        >>> ranges = {"time in use": (2, 20), "own uptake": (0.001, 0.1, "loguniform")}
        >>> model = sdmodel.load("adoption").with_ranges(ranges)
        >>> model.uncertainties.loc["own uptake", "distribution"]
        'loguniform'
        """
        return edit.with_ranges(self, ranges)

    def cut(self, cause: str, effect: str) -> Self:
        """Return a new model without the link from `cause` to `effect` (a knock-out).

        The equation of `effect` then reads the data variable ``"<cause> held"`` instead of `cause`; give it the path of
        `cause` in a base run, and levels stay as they were while the feedback through this link is gone. With
        subscripts there is one series for each element: ``"<cause> held[a,b]"``.

        Parameters
        ----------
        cause, effect
            Two variables; the equation of `effect` reads `cause`.

        Returns
        -------
        Model

        Raises
        ------
        UnknownNameError
            If the model has no such variable.
        EquationError
            If there is no such link.

        Examples
        --------
        >>> import sdmodel
        >>> model = sdmodel.load("network")
        >>> cut = model.cut("contributing share", "trust")
        >>> held = model.run()["contributing share"]
        >>> bool(cut.run(data={"contributing share held": held})["trust"].iloc[-1] > 0)
        True
        """
        return edit.cut(self, cause, effect)

    def write(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the model, composed or changed ones included, as a Vensim `.mdl` (UTF-8).

        Scenarios are not part of the file. GET XLS and GET DIRECT functions name their files as before, so write the
        model into the folder of these files.

        Parameters
        ----------
        path
            Path of the new file, which must end with `.mdl`.
        overwrite
            Replace an existing file.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        FileExistsError
            If the file exists and `overwrite` is False.
        UnsupportedError
            If a formula has no form in Vensim; the message names the variable and the function.

        Examples
        --------
        >>> import sdmodel, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> path = sdmodel.load("shandong").write(f"{folder}/whole.mdl")
        >>> sdmodel.load(path)["trust"].unit
        'Dmnl'
        """
        from sdmodel.io.vensim.write import write

        return write(self, path, overwrite)

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
        rtol: float = 1e-6,
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
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                f'The EMA workbench needs {error.name}. Install it: python -m pip install "sdmodel[handoffs]"'
            ) from None

        return workbench_model(self, outcomes, every)

    @described_by("sdmodel.validation.check", "check")
    def explore(self, *, data: Mapping[str, Any] | None = None) -> Explorer:
        """Make a page with sliders that runs the model in the browser. Arguments: `sdmodel.explorer.page.explore`."""
        from sdmodel.explorer.page import explore

        return explore(self, data=data)

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
