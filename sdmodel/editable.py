"""`Editable`: the methods of a model that return a changed copy of it, or write it to a file."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sdmodel import edit
from sdmodel.core.arguments import kind
from sdmodel.core.errors import UnitsWarning
from sdmodel.core.structure import Structure


@dataclass(frozen=True, repr=False, eq=False)
class Editable(Structure):
    """A structure that can be changed by making another one; see `sdmodel.Model`, which adds runs and checks."""

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
            If the equation cannot be read, where the message points at the place, or needs its own result.

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
        from sdmodel.compile.diagnostics import refuse_circle
        from sdmodel.io.vensim.equation_text import expression_from_text
        from sdmodel.io.xmile.non_negative import limited_again

        old = self[name if in_equation_of is None else in_equation_of]
        given = expression_from_text(value, old.name, self) if isinstance(value, str) else value
        new = edit.replace(self, name, given, in_equation_of)
        for variable in limited_again(new.equations, old.key):
            new = new.with_variable(variable)
        refuse_circle(new, old.name)
        return new._with_units_checked(old.name) if isinstance(value, str) else new

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
        from sdmodel.compile.diagnostics import refuse_circle
        from sdmodel.io.vensim.equation_text import variable_from_text

        for what, given in (("name", name), ("unit", unit), ("documentation", documentation)):
            kind(what, given, types=(str,), need="a string")
        text = equation if isinstance(equation, str) else repr(edit.constant(equation, name))
        variable = variable_from_text(name, text, self, unit, documentation)
        new = self.with_variable(variable)
        refuse_circle(new, variable.name)
        return new._with_units_checked(variable.name)

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
