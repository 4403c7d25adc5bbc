"""The nouns: a `Model` is a frozen set of variables, as the files say; nothing that runs it can change it.

`Model.run`, `sweep`, `scenario` and `check` are doors to the rooms above; they import those when they are called.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sdmodel.errors import UnknownNameError
from sdmodel.expression import Expr, Number, Table, key, names_in, to_text

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from sdmodel.run import Run
    from sdmodel.scenario import Path as DatedPath
    from sdmodel.scenario import Scenario

CONTROL = ("initial time", "final time", "time step", "saveper")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value or a claim comes from: a key of `models/sources.toml` and the place in it."""

    key: str
    locator: str = ""


@dataclass(frozen=True, slots=True)
class Component:
    """One equation of a variable: its left-hand subscripts, those excepted, and the formula."""

    subs: tuple[str, ...]
    excepts: tuple[tuple[str, ...], ...]
    expr: Expr


@dataclass(frozen=True, slots=True)
class SubscriptRange:
    """A subscript range: its elements in order and the ranges it is mapped to.

    `mappings` gives for each range name the elements of that range in the order of `elements`.
    """

    name: str
    elements: tuple[str, ...]
    mappings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of a model, with everything its file says about it."""

    name: str
    """Spelling of the file, without quotes."""
    kind: str
    """constant | auxiliary | stock | lookup | data | control"""
    components: tuple[Component, ...]
    unit: str = ""
    limits: tuple[float | None, ...] = ()
    """Admissible range (low, high[, step]); None is open."""
    sentence: str = ""
    """Documentation without its markers."""
    documentation: str = ""
    """Documentation as written."""
    role: str = ""
    """lever | uncertainty | switch | fixed | input (boundary input), else empty"""
    ids: tuple[str, ...] = ()
    """Instruments a lever stands for (P01 ...)."""
    distribution: str = ""
    origin: str = ""
    """Sector that owns the variable this boundary input stands for."""
    outcome: bool = False
    sources: tuple[Source, ...] = ()
    group: str = ""
    sector: str = ""
    file: str = ""
    line: int = 0

    @property
    def key(self) -> str:
        """The spelling that identifies the variable (see `sdmodel.expression.key`)."""
        return key(self.name)

    @property
    def low(self) -> float:
        """Lower end of the admissible range; minus infinity if open."""
        return -float("inf") if not self.limits or self.limits[0] is None else self.limits[0]

    @property
    def high(self) -> float:
        """Upper end of the admissible range; infinity if open."""
        return float("inf") if len(self.limits) < 2 or self.limits[1] is None else self.limits[1]

    @property
    def where(self) -> str:
        """File and line for messages."""
        return f"{self.file}:{self.line}" if self.line else self.file

    def reads(self) -> set[str]:
        """Keys that its equations name (functions included, where no variable has their name they mean nothing)."""
        return set().union(*(names_in(c.expr) for c in self.components))


@dataclass(frozen=True)
class Model:
    """A stock-and-flow model: variables, subscript ranges, scenarios. Frozen: runs and overrides never change it.

    Get one from `sdmodel.load`; change a formula with `replace`, which returns a new model.

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("shandong")
    >>> model["trust"].unit
    'Dmnl'
    """

    name: str
    equations: Mapping[str, Variable]
    """Every variable by its key, in file order."""
    ranges: Mapping[str, SubscriptRange] = field(default_factory=lambda: MappingProxyType({}))
    """Subscript ranges by their name in lower case."""
    scenarios: Mapping[str, Scenario] = field(default_factory=lambda: MappingProxyType({}))
    sectors: tuple[str, ...] = ()
    path: Path | None = None
    synonyms: tuple[tuple[str, ...], ...] = ()
    """Unit synonyms of the file (Vensim's `22:` lines)."""
    method: str = ""
    """Integration method the file asks for, where it does."""
    external: Mapping[str, float | Table] = field(default_factory=lambda: MappingProxyType({}))
    """What GET XLS/DIRECT functions and data files gave: a number or a series by element label."""

    # -- looking ------------------------------------------------------------------------------------------------
    def __getitem__(self, name: str) -> Variable:
        found = self.equations.get(key(name))
        if found is None:
            raise UnknownNameError(name, (v.name for v in self.equations.values()))
        return found

    def owner(self, label: str) -> Variable:
        """Variable that a label belongs to: its name, or `name[a,b]` for an element.

        A quoted name may hold brackets of its own (``cost [CNY]``), so the whole label is looked up first.
        """
        found = self.equations.get(key(label)) or self.equations.get(key(label.rpartition("[")[0]))
        return found or self[label.partition("[")[0] or label]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and key(name) in self.equations

    def __repr__(self) -> str:
        kinds = [v.kind for v in self.equations.values()]
        return (
            f"<Model {self.name!r}: {kinds.count('stock')} stocks, {kinds.count('auxiliary')} auxiliaries, "
            f"{kinds.count('constant')} constants>"
        )

    @property
    def variables(self) -> pd.DataFrame:
        """All variables: index name; columns kind, unit, low, high, role, sector, source, sentence, equation."""
        import pandas as pd

        spell = {"time": "Time", **{k: v.name for k, v in self.equations.items()}}
        rows = [
            {
                "name": v.name,
                "kind": v.kind,
                "unit": v.unit,
                "low": v.low,
                "high": v.high,
                "role": v.role,
                "sector": v.sector,
                "source": "; ".join(f"{s.key}, {s.locator}" if s.locator else s.key for s in v.sources),
                "sentence": v.sentence,
                "equation": "; ".join(to_text(c.expr, spell) for c in v.components),
            }
            for v in self.equations.values()
        ]
        return pd.DataFrame(rows).set_index("name")

    @property
    def uncertainties(self) -> pd.DataFrame:
        """Constants the world sets and structural switches: a table to hand to `latin_hypercube` (see `parameters`)."""
        return self.parameters("uncertainty", "switch")

    @property
    def levers(self) -> pd.DataFrame:
        """Constants someone can set (see `parameters`)."""
        return self.parameters("lever")

    @cached_property
    def fingerprint(self) -> str:
        """Short hash of the equations: equal for models that compute the same, whatever their documentation says."""
        import hashlib

        equations = [(k, v.components) for k, v in self.equations.items()]
        text = repr(equations + list(self.ranges.items()) + list(self.external.items()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Names of the variables marked `[outcome]`."""
        return tuple(v.name for v in self.equations.values() if v.outcome)

    def parameters(self, *roles: str) -> pd.DataFrame:
        """Constants with one of the roles (all constants if none is given).

        Returns
        -------
        pandas.DataFrame
            Index `name` (an element of a subscripted constant is `name[a,b]`); columns value, low, high (in `unit`),
            unit, distribution, role, ids, sector, sentence.
        """
        import pandas as pd

        from sdmodel.compile import constant_values

        rows = []
        for name, (variable, value) in constant_values(self).items():
            if not roles or variable.role in roles:
                rows.append(
                    {
                        "name": name,
                        "value": value,
                        "low": variable.low,
                        "high": variable.high,
                        "unit": variable.unit,
                        "distribution": variable.distribution,
                        "role": variable.role,
                        "ids": " ".join(variable.ids),
                        "sector": variable.sector,
                        "sentence": variable.sentence,
                    }
                )
        columns = ["name", "value", "low", "high", "unit", "distribution", "role", "ids", "sector", "sentence"]
        return pd.DataFrame(rows, columns=columns).set_index("name")

    def causes(self, name: str) -> tuple[str, ...]:
        """Names of the variables that the equations of `name` read, in file order."""
        read = self[name].reads()
        return tuple(v.name for k, v in self.equations.items() if k in read)

    def uses(self, name: str) -> tuple[str, ...]:
        """Names of the variables whose equations read `name`, in file order."""
        return tuple(self._readers.get(self[name].key, ()))

    @cached_property
    def _readers(self) -> dict[str, list[str]]:
        """By key: names of the variables that read it, in file order."""
        out: dict[str, list[str]] = {}
        for variable in self.equations.values():
            for k in variable.reads():
                out.setdefault(k, []).append(variable.name)
        return out

    # -- changing, by making a new one --------------------------------------------------------------------------
    def replace(self, name: str, value: float | Expr | DatedPath, *, in_equation_of: str | None = None) -> Model:
        """A new model in which `name` is something else; this one stays as it is.

        Parameters
        ----------
        name
            A variable of the model.
        value
            A number (the variable becomes a constant), a dated path, or an expression tree.
        in_equation_of
            Replace `name` only where the equation of this variable reads it: the link between the two is cut and
            everything else that reads `name` goes on as before. `value` must then be an expression.

        Returns
        -------
        Model

        Raises
        ------
        UnknownNameError
            If the model has no such variable.
        """
        from sdmodel.composition import replaced

        return replaced(self, name, value, in_equation_of)

    def cut(self, cause: str, effect: str) -> Model:
        """A new model in which the link from `cause` to `effect` is cut: a knock-out.

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
        from sdmodel.composition import cut

        return cut(self, cause, effect)

    def with_variable(self, variable: Variable) -> Model:
        """A new model that has `variable`, in the place of an older one of that name if there is one."""
        equations = dict(self.equations)
        equations[variable.key] = variable
        return dataclasses.replace(self, equations=MappingProxyType(equations))

    def write(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the model as a Vensim `.mdl` (UTF-8), so that what was composed or replaced opens in Vensim.

        Scenarios are not part of the file. GET XLS and GET DIRECT functions name their files as before, so write beside
        them.

        Parameters
        ----------
        path
            Where to; the name ends with `.mdl`.
        overwrite
            Replace a file that is there.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        FileExistsError
            If the file is there and `overwrite` is not set.
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
        from sdmodel.write import write

        return write(self, path, overwrite)

    def scenario(self, name: str) -> Scenario:
        """The scenario of that name from the model's TOML files."""
        if name not in self.scenarios:
            raise UnknownNameError(name, self.scenarios, "scenario", f"{self.name} has {len(self.scenarios)} of them.")
        return self.scenarios[name]

    # -- doors to the rooms above -------------------------------------------------------------------------------
    def run(
        self,
        values: Mapping[str, float] | Scenario | None = None,
        *,
        scenario: Scenario | str | None = None,
        method: str = "LSODA",
        every: float | None = None,
        rtol: float = 1e-8,
        data: Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> Run:
        """Run the model once. See `sdmodel.solve.run` for the meaning of each argument."""
        from sdmodel.solve import run

        return run(self, values, scenario=scenario, method=method, every=every, rtol=rtol, data=data, seed=seed)

    def sweep(
        self,
        design: pd.DataFrame,
        outputs: Sequence[str] | None = None,
        *,
        scenario: Scenario | str | None = None,
        method: str | None = None,
        every: float | None = None,
        rtol: float = 1e-6,
        data: xr.Dataset | None = None,
        seed: int = 0,
        workers: int | None = None,
        progress: bool | str | None = None,
        certificate: int = 6,
        store: str | Path | None = None,
        client: Any = None,
    ) -> xr.Dataset:
        """Run the model once for each row of a design. See `sdmodel.sweep.sweep` for the meaning of each argument."""
        from sdmodel.sweep import sweep

        return sweep(
            self,
            design,
            outputs,
            scenario=scenario,
            method=method,
            every=every,
            rtol=rtol,
            data=data,
            seed=seed,
            workers=workers,
            progress=progress,
            certificate=certificate,
            store=store,
            client=client,
        )

    def check(self) -> pd.DataFrame:
        """Findings about the model: units, undefined and unused names, ranges, sources. See `sdmodel.check.check`."""
        from sdmodel.check import check

        return check(self)

    @property
    def time(self) -> dict[str, float]:
        """Control constants by key: initial time, final time, time step, saveper (only those that are numbers)."""
        out: dict[str, float] = {}
        for name in CONTROL:
            variable = self.equations.get(name)
            if variable is not None and isinstance(variable.components[0].expr, Number):
                out[name] = variable.components[0].expr.value
        if "saveper" not in out and "time step" in out:
            out["saveper"] = out["time step"]
        return out
