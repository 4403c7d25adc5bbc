"""Commands that show, check and write models."""

from __future__ import annotations

from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated

import typer

from sdmodel.cli.application import ModelName, command
from sdmodel.cli.output import say
from sdmodel.core.text import shorten

if TYPE_CHECKING:
    from sdmodel.compile.overview import Section
    from sdmodel.model import Model

MOST_ROWS = 24
"""Largest number of outcomes, or of uncertainties, that are listed one by one; of more, the number in each group."""


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
    variable: Annotated[
        str | None, typer.Argument(help="Show one variable with causes and uses, or all of a sector or group.")
    ] = None,
) -> None:
    """Show what a model holds, by group, or one of its variables."""
    import sdmodel
    from sdmodel.compile.overview import KINDS, UNCERTAINTIES, overview, section

    found = sdmodel.load(model)
    every = [v for v in found.equations.values() if v.kind != "control"]
    if variable is not None:
        members = [v for v in every if variable.strip().lower() in (v.sector.lower(), v.group.lower())]
        if variable in found or not members:
            _describe_variable(found, variable)
        for kind, title in KINDS.items() if variable not in found else ():
            _describe_section(section(found, title, [v for v in members if v.kind == kind]))
        return
    say(repr(found)[1:-1])
    time = found.time
    say(f"Time from {time.get('initial time')} to {time.get('final time')}, TIME STEP {time.get('time step')}")
    issues = found.check()
    errors = issues[issues["level"] == "error"]
    if len(errors):
        say(f"\nErrors ({len(errors)}); 'sdmodel check {model}' shows all and the warnings")
        for row in errors.head(5).itertuples():
            say(f"  {row.where}: '{row.variable}': {row.message}")
    for part in overview(found):
        _describe_section(part, names_only=part.title in (UNCERTAINTIES, "Outcomes") and part.size > MOST_ROWS)
    if found.scenarios:
        say(f"\nScenarios ({len(found.scenarios)})")
        for scenario in found.scenarios.values():
            say(f"  {shorten(f'{scenario.name:<24} {scenario.description}', _width())}")
    groups = found.sectors or [group for group in dict.fromkeys(v.group for v in every) if group]
    say(f'\nOne variable: sdmodel describe {model} "NAME"')
    if len(groups) > 1:
        say(f'All variables of a group: sdmodel describe {model} "{groups[0]}"')


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


def _width() -> int:
    """Largest number of characters of a line: those of the terminal, 150 where there is none, at least 120."""
    return max(120, get_terminal_size((150, 24)).columns)


def _describe_section(part: Section, names_only: bool = False) -> None:
    """Print a section: a line a variable, or only the number of them in each group."""
    if names_only:
        counts = ", ".join(f"{group} {len(entries)}" for group, entries in part.groups.items())
        say(f"\n{part.title} ({part.size})\n  {counts}")
        return
    if part.size:
        say(f"\n{part.title} ({part.size})")
    for group, entries in part.groups.items():
        if len(part.groups) > 1:
            say(f"  {group}")
        for entry in entries:
            span = f"[{entry.range}] " if entry.range else ""
            name = f"{entry.name:<34} {f'{entry.value} ' if entry.value else ''}{span}{entry.unit}"
            say(f"    {shorten(f'{name:<72} {entry.meaning}'.rstrip(), _width())}")


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


@command()
def explore(
    model: ModelName,
    out: Annotated[Path, typer.Option("--out", "-o", help="HTML file; an existing one is kept.")] = Path(
        "explorer.html"
    ),
) -> None:
    """Write a page with sliders that runs a model in the browser, as one file that needs no server."""
    import sdmodel

    path = sdmodel.load(model).explore().write(out)
    say(f"{path}: {path.stat().st_size / 1000:,.0f} kB; open it in a browser.")
