"""Pages of the findings: `python docs/finding_pages.py [SAMPLES]` runs the experiments and writes docs/findings.

Unlike the pages of the models these are committed, since at their full size they take minutes. Each page and the record
beside it say which model, samples and seed they come from. What the index says of them is written by hand.
"""

import importlib
import sys
from pathlib import Path

from model_pages import grid, plain, put

from sdmodel.cli import experiments

HERE = Path(__file__).parent


def write(folder, samples=None):
    """Run every experiment and write its page, figures and record."""
    for name in experiments():
        module = importlib.import_module(f"sdmodel.experiments.{name}")
        finding = module.ask(samples or module.SAMPLES)
        for path in finding.save(folder):
            if path.suffix in (".csv", ".txt"):  # large, and on the page
                path.unlink()
        put(folder / f"{name}.md", page(module, finding))


def page(module, finding):
    """The page of one finding."""
    record = finding.record
    written = module.__doc__.split("---\n", 1)[1].strip().split("\n\n")
    design = "\n\n".join(plain(part).replace("\\`", "`") for part in written)
    lines = [f"# {finding.question}", ""]
    if finding.status:
        lines += [f"Provisional. {finding.status}", ""]
    lines += ["## Answer", "", *grid(["", "Prediction", "Holds in", "Effect", "Label", "Verdict"],
              [verdict(v) for v in finding.verdicts], [10, 34, 16, 22, 9, 9]), ""]  # fmt: skip
    for name in finding.figures:
        lines += [f"```{{image}} {name}.png", f":alt: {finding.question}", f":target: ../_images/{name}.png", "```", ""]
    lines += ["## What decides it", "", *(f"- {plain(v.reasons)}" for v in finding.verdicts), ""]
    lines += ["## Beside it", "", *(f"- {plain(note)}" for note in finding.notes), ""]
    lines += ["## Written down before the first run", "", design, ""]
    lines += [
        "## Record",
        "",
        f"{record['samples']:,} samples, seed {record['seed']}, {record['runs']:,} runs; model "
        f"`{record['model_hash'][:12]}`, sdmodel {record['sdmodel']}. First stage: {plain(record['certificate'])}. "
        f"{{download}}`Run record <{finding.name}.json>`; `sdmodel experiment {finding.name}` does it again and leaves "
        "the table as well.",
    ]
    return "\n".join(lines) + "\n"


def verdict(v):
    """One row of the table of verdicts."""
    low, high = v.interval
    middle, least, most = v.effect
    return [
        v.hypothesis,
        v.prediction,
        f"{v.share:.0%} of {v.samples:,} samples ({low:.0%} to {high:.0%})",
        f"{middle:+.2f} ({least:+.2f} to {most:+.2f}) {v.effect_unit}",
        v.label,
        f"**{v.word}**",
    ]


if __name__ == "__main__":
    write(HERE / "findings", int(sys.argv[1]) if len(sys.argv) > 1 else None)
