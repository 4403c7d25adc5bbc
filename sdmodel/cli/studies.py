"""Commands that answer policy questions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sdmodel.cli.application import command
from sdmodel.cli.output import say


@command()
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
    """Ask a policy question and leave figure, table and run record; ends with three sentences and the figure's path."""
    from sdmodel.experiments import LIBRARY
    from sdmodel.study.plain import plainly

    requested = LIBRARY[name]
    say(requested.asks)
    finding = requested.ask(samples, seed, workers=workers, progress=False if quiet else None)
    files = finding.save(out or Path("results") / name)
    say("")
    for sentence in plainly(finding):
        say(sentence)
    if finding.status:
        say(f"Provisional. {finding.status}")
    say(str(files[0]))


@command()
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
        done=lambda one: say(f"{one.name}: {one.sentence}"),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(made.page(found, LIBRARY.hypotheses, translation), encoding="utf-8")
    say(str(out))
    if translation.missing:
        say(f"{len(translation.missing)} texts stand in English, since words.{lang}.toml lacks them:", error=True)
        say("\n".join(f"  {text}" for text in sorted(translation.missing)), error=True)
