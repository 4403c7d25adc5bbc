"""Commands that answer policy questions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdmodel.cli.application import command
from sdmodel.cli.output import say
from sdmodel.core.errors import DesignError

if TYPE_CHECKING:
    from sdmodel.study.finding import Finding


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
    """Ask all policy questions and put the answers into one HTML file, made anew after each.

    Findings are kept in a folder beside it, `report` for report.html and report.zh.html, and are not asked again while
    model and questions stay the same; delete it to begin anew.
    """
    import sdmodel
    from sdmodel.experiments import LIBRARY
    from sdmodel.study.report.asking import ask_all, explorer_links
    from sdmodel.study.report.base_run import base_run
    from sdmodel.study.report.page import page

    for name in only or []:
        LIBRARY.check(name)
    translation = LIBRARY.translation(lang)
    stem, _, suffix = out.name.partition(".")
    if not stem or not suffix:
        raise DesignError(f"'{out}' must be a name with a suffix, since a folder takes the name; give {out}.html.")
    folder = out.with_name(stem)
    out.parent.mkdir(parents=True, exist_ok=True)
    names = only or LIBRARY.names
    model = sdmodel.load("shandong")
    explorer = folder / f"explorer-{lang}.html"
    links = explorer_links(LIBRARY, names, f"{folder.name}/{explorer.name}", lang)
    found: list[Finding] = []
    steps = ask_all(LIBRARY, names, samples, seed, folder=folder, workers=workers, progress=False if quiet else None)
    for step in steps:
        found.append(step.finding)
        if not step.kept or step.number == step.of:
            base = base_run(max(one.record["samples"] for one in found), seed, folder=folder)
            text = page(
                found, LIBRARY.hypotheses, LIBRARY.recommendations, base, translation,
                glossary=LIBRARY.glossary, records=folder.name, explorer=links,
            )  # fmt: skip
            out.write_text(text, encoding="utf-8")
        say(f"{translation(step.progress)}: {step.finding.name}: {translation(step.finding.headline)}")
    answers = {one.name: (translation(one.headline), f"../{out.name}#q-{one.name}") for one in found}
    model.explore(findings=answers).write(explorer, overwrite=True)
    say(str(out))
    if translation.missing:
        say(f"{len(translation.missing)} texts stand in English, since words.{lang}.toml lacks them:", error=True)
        say("\n".join(f"  {text}" for text in sorted(translation.missing)), error=True)
