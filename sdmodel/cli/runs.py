"""Commands that run models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sdmodel.cli.application import ModelName, command
from sdmodel.cli.output import say
from sdmodel.compile.scalars import Scalars
from sdmodel.core.errors import DesignError, ScenarioError
from sdmodel.core.expression import key
from sdmodel.core.labels import join_label, split_label
from sdmodel.core.spreadsheet import table_path, write_table
from sdmodel.model import Model

MOST_PANELS = 12
"""Panels that a picture beside a run may have."""


@command()
def run(
    model: ModelName,
    scenario: Annotated[str | None, typer.Option("--scenario", "-s", help="Scenario of the model.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Constant: --set 'exit start=2020-07-01'.")] = None,
    method: Annotated[
        str | None,
        typer.Option(
            help="LSODA or another scipy method, exact, euler, rk4; default LSODA, or what the file needs on its grid."
        ),
    ] = None,
    every: Annotated[float | None, typer.Option(help="Time between reported values; default SAVEPER.")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write, .csv or .xlsx.")] = Path("run.csv"),
    plot: Annotated[
        list[str] | None, typer.Option("--plot", help="Variable to draw beside the CSV; may be repeated.")
    ] = None,
) -> None:
    """Run a model once and write every variable to a CSV or Excel file."""
    import sdmodel

    table_path(out)
    found = sdmodel.load(model)
    values: dict[str, float | str] = {}
    for name, value in map(_assignment, set_ or []):
        if name in values:
            raise ScenarioError(f"--set gives '{name}' twice. Keep one.")
        values[name] = value
    drawn = list(dict.fromkeys(one for name in plot or [] for one in _elements(found, name)))
    result = found.run(values, scenario=scenario, method=method, every=every)
    if out.suffix.lower() == ".csv":
        result.to_csv(out)
    else:
        write_table(result.to_dataframe(), out, index=True)
    say(f"{out}: {len(result.time)} times of {len(result.columns)} variables. {result.report.sentence}")
    if plot:
        figure, _ = sdmodel.plot.trajectories([result], drawn)
        picture = out.with_suffix(".png")
        figure.savefig(picture, dpi=160)
        say(f"{picture}: {', '.join(drawn)}")


def _elements(model: Model, name: str) -> list[str]:
    """The labels that a name given to --plot means: one, or those of all elements of a variable."""
    variable = model.owner(name)
    labels = [join_label(variable.name, element) for element in Scalars(model).of(variable)]
    wanted = [one for one in labels if key(variable.name) == key(name) or _parts(model, one) == _parts(model, name)]
    if not wanted or len(wanted) > MOST_PANELS:
        raise DesignError(f"--plot '{name}': '{variable.name}' has {len(labels)} elements. Name some: '{labels[0]}'.")
    return wanted


def _parts(model: Model, label: str) -> list[str]:
    return [key(part) for part in split_label(label, model.equations)[1]]


def _assignment(text: str) -> tuple[str, float | str]:
    from sdmodel.io.tables import is_number

    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise ScenarioError(f"--set takes NAME=VALUE; '{text}' is not of that form.")
    return name.strip(), float(value) if is_number(value) else value.strip()


@command()
def sweep(
    model: ModelName,
    outcome: Annotated[
        list[str] | None,
        typer.Option("--outcome", help="'NAME at 2034' or 'max of NAME' (min, mean, total, final); may be repeated."),
    ] = None,
    samples: Annotated[int, typer.Option("--samples", "-n", min=1, help="Latin hypercube samples.")] = 1000,
    design: Annotated[
        Path | None, typer.Option(help="Table (.csv, .xlsx), a row a run and a column a constant, instead of samples.")
    ] = None,
    scenario: Annotated[str | None, typer.Option("--scenario", "-s", help="Scenario under all runs.")] = None,
    method: Annotated[str | None, typer.Option(help="exact, euler, rk4 or a scipy method; default exact.")] = None,
    every: Annotated[float | None, typer.Option(help="Time between reported values; default SAVEPER.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the samples.")] = 1,
    store: Annotated[Path | None, typer.Option(help="Zarr store to write all paths to, and to go on from.")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write, .csv or .xlsx.")] = Path("sweep.csv"),
) -> None:
    """Run a model many times and write constants and outcomes, a row a run, to a CSV or Excel file."""
    import pandas as pd

    import sdmodel
    from sdmodel.design.tables import LABELS
    from sdmodel.io.designs import read_design

    table_path(out)
    found = sdmodel.load(model)
    ranges = found.uncertainties
    if not design and ranges.empty:
        raise DesignError(
            f"'{found.name}' marks no constant as uncertain, so there is nothing to sample. Mark some in the file, "
            "with their range and [uncertainty], or give a table with a column for each constant: --design TABLE.csv."
        )
    table = read_design(design, LABELS) if design else sdmodel.latin_hypercube(ranges, samples, rng=seed)
    outcomes = [sdmodel.Outcome.parse(text) for text in outcome or []]
    outcomes = outcomes or [sdmodel.Outcome(name) for name in found.outcomes]
    if not outcomes:
        raise DesignError(f"'{found.name}' marks no outcome. Say what to judge: --outcome 'NAME at TIME'.")
    names = list(dict.fromkeys(found.owner(o.variable).name for o in outcomes))
    result = found.sweep(table, names, scenario=scenario, method=method, every=every, store=store)
    columns: dict[str, Any] = {str(name): table[name] for name in table.columns}
    for one in outcomes:
        columns.update(_columns(one.of(result)))
    columns |= {name: result[name].to_numpy() for name in ("status", "message")}
    write_table(pd.DataFrame(columns), out, index=False)
    failed = int((result["status"] != 0).sum())
    say(f"{out}: {len(table):,} runs, {failed:,} failed. Certificate: {result.attrs['certificate']}.")
    for one in outcomes:
        for label, values in _columns(one.of(result)).items():
            low, middle, high = pd.Series(values).quantile([0.05, 0.5, 0.95])
            say(f"  {label:<48} median {middle:.4g}, 5 to 95 %: {low:.4g} to {high:.4g}")


def _columns(values: Any) -> dict[str, Any]:
    """An outcome as columns of a table: one, or one for each element."""
    rest = [d for d in values.dims if d != "run"]
    if not rest:
        return {values.name: values.to_numpy()}
    flat = values.stack(element=rest, create_index=False)
    places = zip(*(flat[d].to_numpy() for d in rest), strict=True)
    return {
        join_label(f"{values.name} ", [str(part) for part in place]): flat.isel(element=i).to_numpy()
        for i, place in enumerate(places)
    }
