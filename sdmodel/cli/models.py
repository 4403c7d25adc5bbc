"""Commands that show, check and write models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdmodel.cli.application import ModelName, command
from sdmodel.cli.output import say

if TYPE_CHECKING:
    import pandas as pd

    from sdmodel.model import Model


@command("list")
def list_() -> None:
    """Show the shipped models, their scenarios and the experiments."""
    import sdmodel
    from sdmodel.core.resources import shipped_models, teaching_models
    from sdmodel.experiments import LIBRARY

    say("Models")
    for name in shipped_models():
        model = sdmodel.load(name)
        what = f"{len(model.sectors)} sectors: {', '.join(model.sectors)}" if model.sectors else "one sector"
        say(f"  {name:<16} {what}")
        for scenario in model.scenarios.values():
            say(f"    scenario {scenario.name!r:<26} {scenario.description}")
    say(f"\nSmall models for teaching\n  {', '.join(teaching_models())}")
    say("\nExperiments")
    for name in LIBRARY.names:
        say(f"  {name:<16} {LIBRARY[name].asks}")


@command()
def describe(
    model: ModelName,
    variable: Annotated[str | None, typer.Argument(help="Show one variable with causes and uses.")] = None,
) -> None:
    """Show what a model holds, or one of its variables."""
    import sdmodel

    found = sdmodel.load(model)
    if variable is not None:
        _describe_variable(found, variable)
        return
    say(repr(found)[1:-1])
    time = found.time
    say(f"Time from {time.get('initial time')} to {time.get('final time')}, TIME STEP {time.get('time step')}")
    marked = False
    for title, table in (("Levers", found.levers), ("Uncertainties and switches", found.uncertainties)):
        if len(table):
            marked = True
            _describe_constants(title, table)
    if found.outcomes:
        marked = True
        say(f"\nOutcomes ({len(found.outcomes)})\n  {', '.join(found.outcomes)}")
    if not marked:  # a file without markers in its documentation, such as most that come from elsewhere
        _describe_constants("Constants", found.parameters())
        for kind, title in (("stock", "Stocks"), ("auxiliary", "Auxiliaries"), ("data", "Data variables")):
            names = [v.name for v in found.equations.values() if v.kind == kind]
            if names:
                say(f"\n{title} ({len(names)})\n  {', '.join(names)}")
    findings = found.check()
    errors = findings[findings["level"] == "error"]
    if len(errors):
        say(f"\nErrors ({len(errors)}); 'sdmodel check {model}' shows all and the warnings")
        for row in errors.head(5).itertuples():
            say(f"  {row.where}: '{row.variable}': {row.message}")
    say(f'\nOne variable: sdmodel describe {model} "NAME"')


def _describe_variable(model: Model, name: str) -> None:
    v = model[name]
    row = model.variables.loc[v.name]
    say(f"{v.name}  [{v.unit or 'no unit stated'}]  {v.kind}{', ' + v.role if v.role else ''}")
    say(f"  {v.sentence or '(no documentation)'}")
    say(f"  equation  {row['equation']}")
    if v.limits:
        say(f"  range     {v.low:g} to {v.high:g}")
    say(f"  source    {row['source'] or '(none stated)'}")
    say(f"  causes    {', '.join(model.causes(v.name)) or '(none)'}")
    say(f"  uses      {', '.join(model.uses(v.name)) or '(none)'}")


def _describe_constants(title: str, table: pd.DataFrame) -> None:
    say(f"\n{title} ({len(table)})")
    for name, row in table.iterrows():
        say(f"  {name:<38} {row['value']:>10g}  [{row['low']:g}, {row['high']:g}] {row['unit']}")


@command()
def check(
    model: ModelName,
    strict: Annotated[bool, typer.Option("--strict", help="Count warnings as errors.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Run the nine confidence tests as well; minutes.")] = False,
    samples: Annotated[int, typer.Option("--samples", "-n", min=10, help="Random corners of --all.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Seed of the samples of --all.")] = 1,
) -> None:
    """Check units, names, ranges and sources; exit status 1 if there is an error.

    With --all the model is run as well, and what it must pass decides too: units, conservation, extreme conditions,
    partial models, integration error and structure. History, published effects and sensitivity report.
    """
    import sdmodel

    found = sdmodel.load(model)
    findings = found.check()
    for row in findings.itertuples():
        say(f"{row.level}: {row.where}: '{row.variable}': {row.message}")
    errors = int((findings["level"] == "error").sum())
    warnings = len(findings) - errors
    say(f"{found.name}: {len(found.equations)} variables, {errors} errors, {warnings} warnings")
    missed = _confidence(found, samples, seed) if all_ and not errors else 0
    raise typer.Exit(1 if errors or missed or (strict and warnings) else 0)


def _confidence(model: Model, samples: int, seed: int) -> int:
    """Print the results of the nine confidence tests; the number of misses in tests that must be passed."""
    from sdmodel.study.evidence import COMPARISONS
    from sdmodel.validation.confidence.result import HARD, TESTS
    from sdmodel.validation.confidence.run import confidence_tests

    missed = reported = 0
    last = 0
    for rows in confidence_tests(model, samples, seed, comparisons=COMPARISONS):
        for row in rows:
            if row.test != last:
                say(f"\n{row.test} {TESTS[row.test]}{'' if row.test in HARD else ' (reports)'}")
                last = row.test
            limit = f" [{row.limit}]" if row.limit else ""
            say(f"  {row.verdict}  {row.kind}: {row.name}: {row.figure}{limit}  {row.text}".rstrip())
            missed += row.verdict == "miss" and row.test in HARD
            reported += row.verdict == "miss" and row.test not in HARD
    say(f"\n{model.name}: {missed} misses in what must be passed, {reported} in what is reported.")
    return missed


@command()
def export(
    model: ModelName,
    out: Annotated[Path, typer.Argument(help="File to write, ending with .mdl; an existing file is kept.")],
) -> None:
    """Write a model, composed ones too, as one Vensim file."""
    import sdmodel

    say(f"{sdmodel.load(model).write(out)}: opens in Vensim.")
