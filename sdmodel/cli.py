"""The command line: `sdmodel list | describe | check | run | sweep | experiment | export`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from sdmodel.core.errors import DesignError, ScenarioError, SdmodelError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""Run system-dynamics policy models, yours and ours.

    A MODEL is a shipped name (see 'sdmodel list') or a path to a Vensim file (.mdl) or a composition (.toml).

    \b
    sdmodel list                                   what is shipped
    sdmodel describe shandong                      what a model holds
    sdmodel run shandong --scenario "late exit"    one run to a CSV file
    sdmodel sweep network --outcome "trust at 2034"   a thousand samples to a CSV file
    sdmodel experiment withdrawal                  a policy question, answered
    """,
)

ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="Shipped name, or path to a .mdl or .toml file.")]


@app.command("list")
def list_() -> None:
    """Show the shipped models, their scenarios and the experiments."""
    import sdmodel
    from sdmodel.core.resources import shipped_models

    typer.echo("Models")
    for name in shipped_models():
        model = sdmodel.load(name)
        what = f"{len(model.sectors)} sectors: {', '.join(model.sectors)}" if model.sectors else "one sector"
        typer.echo(f"  {name:<16} {what}")
        for scenario in model.scenarios.values():
            typer.echo(f"    scenario {scenario.name!r:<26} {scenario.description}")
    typer.echo("\nExperiments")
    from sdmodel.experiments import LIBRARY

    for name in LIBRARY.names:
        typer.echo(f"  {name:<16} {LIBRARY[name].asks}")


@app.command()
def describe(
    model: ModelName,
    variable: Annotated[str | None, typer.Argument(help="Show one variable with causes and uses.")] = None,
) -> None:
    """Show what a model holds, or one of its variables."""
    import sdmodel

    found = sdmodel.load(model)
    if variable is not None:
        v = found[variable]
        row = found.variables.loc[v.name]
        typer.echo(f"{v.name}  [{v.unit or 'no unit stated'}]  {v.kind}{', ' + v.role if v.role else ''}")
        typer.echo(f"  {v.sentence or '(no documentation)'}")
        typer.echo(f"  equation  {row['equation']}")
        if v.limits:
            typer.echo(f"  range     {v.low:g} to {v.high:g}")
        typer.echo(f"  source    {row['source'] or '(none stated)'}")
        typer.echo(f"  causes    {', '.join(found.causes(v.name)) or '(none)'}")
        typer.echo(f"  uses      {', '.join(found.uses(v.name)) or '(none)'}")
        return
    typer.echo(repr(found)[1:-1])
    time = found.time
    typer.echo(f"Time from {time.get('initial time')} to {time.get('final time')}, TIME STEP {time.get('time step')}")
    for title, table in (("Levers", found.levers), ("Uncertainties and switches", found.uncertainties)):
        if len(table):
            typer.echo(f"\n{title} ({len(table)})")
            for name, row in table.iterrows():
                typer.echo(f"  {name:<38} {row['value']:>10g}  [{row['low']:g}, {row['high']:g}] {row['unit']}")
    if found.outcomes:
        typer.echo(f"\nOutcomes ({len(found.outcomes)})\n  {', '.join(found.outcomes)}")
    typer.echo(f'\nOne variable: sdmodel describe {model} "NAME"')


@app.command()
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
        typer.echo(f"{row.level}: {row.where}: '{row.variable}': {row.message}")
    errors = int((findings["level"] == "error").sum())
    warnings = len(findings) - errors
    typer.echo(f"{found.name}: {len(found.equations)} variables, {errors} errors, {warnings} warnings")
    missed = _confidence(found, samples, seed) if all_ and not errors else 0
    raise typer.Exit(1 if errors or missed or (strict and warnings) else 0)


def _confidence(model: Any, samples: int, seed: int) -> int:
    """Print the nine confidence tests as they come; how many rows miss that must not."""
    from sdmodel.study.evidence import COMPARISONS
    from sdmodel.validation.confidence.result import HARD, TESTS
    from sdmodel.validation.confidence.run import nine

    missed = reported = 0
    last = 0
    for rows in nine(model, samples, seed, comparisons=COMPARISONS):
        for row in rows:
            if row.test != last:
                typer.echo(f"\n{row.test} {TESTS[row.test]}{'' if row.test in HARD else ' (reports)'}")
                last = row.test
            limit = f" [{row.limit}]" if row.limit else ""
            typer.echo(f"  {row.verdict}  {row.kind}: {row.name}: {row.figure}{limit}  {row.text}".rstrip())
            missed += row.verdict == "miss" and row.test in HARD
            reported += row.verdict == "miss" and row.test not in HARD
    typer.echo(f"\n{model.name}: {missed} misses in what must be passed, {reported} in what is reported.")
    return missed


@app.command()
def run(
    model: ModelName,
    scenario: Annotated[str | None, typer.Option("--scenario", "-s", help="Scenario of the model.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Constant: --set 'exit start=2020-07-01'.")] = None,
    method: Annotated[str, typer.Option(help="LSODA or another scipy method, exact, euler, rk4.")] = "LSODA",
    every: Annotated[float | None, typer.Option(help="Time between reported values; default SAVEPER.")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="CSV file to write.")] = Path("run.csv"),
    plot: Annotated[
        list[str] | None, typer.Option("--plot", help="Variable to draw beside the CSV; may be repeated.")
    ] = None,
) -> None:
    """Run a model once and write every variable to a CSV file."""
    import sdmodel

    found = sdmodel.load(model)
    values = dict(_assignment(text) for text in set_ or [])
    result = found.run(values, scenario=scenario, method=method, every=every)
    result.to_dataframe().to_csv(out, float_format="%.10g")
    typer.echo(f"{out}: {len(result.time)} times of {len(result.columns)} variables. {result.report.sentence}")
    if plot:
        figure, _ = sdmodel.plot.trajectories([result], plot)
        picture = out.with_suffix(".png")
        figure.savefig(picture, dpi=160)
        typer.echo(f"{picture}: {', '.join(plot)}")


def _assignment(text: str) -> tuple[str, float]:
    from sdmodel.core.calendar import year

    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise ScenarioError(f"--set takes NAME=VALUE; '{text}' is none.")
    try:
        return name.strip(), float(value)
    except ValueError:
        return name.strip(), year(value.strip())


@app.command()
def sweep(
    model: ModelName,
    outcome: Annotated[
        list[str] | None,
        typer.Option("--outcome", help="'NAME at 2034' or 'max of NAME' (min, mean, total, final); may be repeated."),
    ] = None,
    samples: Annotated[int, typer.Option("--samples", "-n", min=1, help="Latin hypercube samples.")] = 1000,
    design: Annotated[
        Path | None, typer.Option(help="CSV file with a row a run and a column a constant, instead of samples.")
    ] = None,
    scenario: Annotated[str | None, typer.Option("--scenario", "-s", help="Scenario under all runs.")] = None,
    method: Annotated[str | None, typer.Option(help="exact, euler, rk4 or a scipy method; default exact.")] = None,
    every: Annotated[float | None, typer.Option(help="Time between reported values; default SAVEPER.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the samples.")] = 1,
    store: Annotated[Path | None, typer.Option(help="Zarr store to write all paths to, and to go on from.")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="CSV file to write.")] = Path("sweep.csv"),
) -> None:
    """Run a model many times and write constants and outcomes, a row a run, to a CSV file."""
    import pandas as pd

    import sdmodel

    found = sdmodel.load(model)
    table = pd.read_csv(design) if design else sdmodel.latin_hypercube(found.uncertainties, samples, rng=seed)
    judged = [sdmodel.Outcome.parse(text) for text in outcome or []]
    judged = judged or [sdmodel.Outcome(name) for name in found.outcomes]
    if not judged:
        raise DesignError(f"'{found.name}' marks no outcome. Say what to judge: --outcome 'NAME at TIME'.")
    names = list(dict.fromkeys(found.owner(o.variable).name for o in judged))
    result = found.sweep(table, names, scenario=scenario, method=method, every=every, store=store)
    columns: dict[str, Any] = {str(name): table[name] for name in table.columns}
    for one in judged:
        columns.update(_columns(one.of(result)))
    columns |= {name: result[name].to_numpy() for name in ("status", "message")}
    pd.DataFrame(columns).to_csv(out, index=False, float_format="%.10g")
    failed = int((result["status"] != 0).sum())
    typer.echo(f"{out}: {len(table):,} runs, {failed:,} failed. Certificate: {result.attrs['certificate']}.")
    for one in judged:
        for label, values in _columns(one.of(result)).items():
            low, middle, high = pd.Series(values).quantile([0.05, 0.5, 0.95])
            typer.echo(f"  {label:<48} median {middle:.4g}, 5 to 95 %: {low:.4g} to {high:.4g}")


def _columns(values: Any) -> dict[str, Any]:
    """An outcome as columns of a table: one, or one for each element."""
    rest = [d for d in values.dims if d != "run"]
    if not rest:
        return {values.name: values.to_numpy()}
    flat = values.stack(element=rest, create_index=False)
    places = zip(*(flat[d].to_numpy() for d in rest), strict=True)
    return {
        f"{values.name} [{','.join(map(str, place))}]": flat.isel(element=i).to_numpy()
        for i, place in enumerate(places)
    }


@app.command()
def export(
    model: ModelName,
    out: Annotated[Path, typer.Argument(help="File to write, ending with .mdl; one that is there is kept.")],
) -> None:
    """Write a model, composed ones too, as one Vensim file."""
    import sdmodel

    typer.echo(f"{sdmodel.load(model).write(out)}: opens in Vensim.")


@app.command()
def experiment(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Experiment; see 'sdmodel list'.")],
    samples: Annotated[
        int | None, typer.Option("--samples", "-n", min=2, help="Samples; default the experiment's own.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the samples.")] = 1,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder to write to; default results/NAME.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads; default all processors.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Ask a policy question and leave figure, table, run record and one plain sentence."""
    from sdmodel.experiments import LIBRARY

    asked = LIBRARY[name]
    typer.echo(asked.asks)
    finding = asked.ask(samples, seed, workers=workers, progress=False if quiet else None)
    files = finding.save(out or Path("results") / name)
    typer.echo(f"\n{finding.sentence}\n")
    for note in finding.notes:
        typer.echo(f"- {note}")
    if finding.status:
        typer.echo(f"\nProvisional. {finding.status}")
    typer.echo("\n" + "\n".join(str(f) for f in files))


@app.command()
def report(
    samples: Annotated[
        int | None, typer.Option("--samples", "-n", min=2, help="Samples; default each experiment's own.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Experiment to put in; may be given several times; default all.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the samples.")] = 1,
    lang: Annotated[str, typer.Option(help="Language: en or zh.")] = "en",
    out: Annotated[Path, typer.Option("--out", "-o", help="HTML file to write.")] = Path("report.html"),
    workers: Annotated[int | None, typer.Option(min=1, help="Threads; default all processors.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
) -> None:
    """Ask all policy questions and put findings, figures and run records into one HTML file."""
    from sdmodel.experiments import LIBRARY
    from sdmodel.study import report as made

    for name in only or []:
        LIBRARY.check(name)
    translation = LIBRARY.translation(lang)
    found = made.findings(
        LIBRARY,
        only or LIBRARY.names,
        samples,
        seed,
        workers=workers,
        progress=False if quiet else None,
        translation=translation,
        done=lambda one: typer.echo(f"{one.name}: {one.sentence if one.verdicts else one.headline}"),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(made.page(found, LIBRARY.hypotheses, translation), encoding="utf-8")
    typer.echo(str(out))
    if translation.missing:
        typer.echo(f"{len(translation.missing)} texts stand in English, since words.{lang}.toml lacks them:", err=True)
        typer.echo("\n".join(f"  {text}" for text in sorted(translation.missing)), err=True)


def main() -> None:
    """Entry point: errors of ours end in one line and status 2, without a traceback."""
    try:
        app()
    except SdmodelError as error:
        typer.echo(f"sdmodel: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("sdmodel: stopped.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
    except OSError as error:
        reason = f"{error.filename or 'a file'}: {error.strerror}." if error.strerror else str(error)
        typer.echo(f"sdmodel: {reason}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
