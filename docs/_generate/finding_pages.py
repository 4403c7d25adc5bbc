"""Pages of the findings, docs/findings: `python docs/_generate/finding_pages.py [SAMPLES] [NAME ...]`.

Unlike the pages of the models these are committed, since at their full size they take minutes. Each page and the record
beside it say which model, samples and seed they come from. `hypotheses.md`, the table of all 48, is made from the
records. What the index says of them is written by hand.
"""

import json
import sys
from pathlib import Path

from model_pages import grid, plain, put

from sdmodel.experiments import LIBRARY
from sdmodel.study import report
from sdmodel.study.verdict import Region, Verdict

DOCS = Path(__file__).parents[1]


def write(folder, samples=None, names=()):
    """Run experiments and write their pages, figures and records, then the table of all hypotheses."""

    def save(finding):
        for path in finding.save(folder):
            if path.suffix in (".csv", ".txt"):  # large, and on the page
                path.unlink()
        put(folder / f"{finding.name}.md", page(finding))
        print(f"{finding.name}: {finding.record.get('seconds', 0):.0f} s", flush=True)

    report.findings(LIBRARY, list(names) or LIBRARY.names, samples, done=save)
    put(folder / "hypotheses.md", table(folder, LIBRARY.hypotheses))


def page(finding):
    """The page of one finding."""
    record = finding.record
    written = finding.plan.strip().split("\n\n")
    design = "\n\n".join(plain(part).replace("\\`", "`") for part in written)
    lines = [f"# {finding.question}", "", f"**{plain(finding.headline or finding.sentence).rstrip('.')}.**", ""]
    if finding.status:
        lines += [f"Provisional. {finding.status}", ""]
    for name in finding.figures:
        lines += [f"```{{image}} {name}.png", f":alt: {finding.question}", f":target: ../_images/{name}.png", "```", ""]
    if finding.verdicts:
        lines += ["## Answer", "", *grid(["", "Prediction", "Holds in", "Effect", "Label", "Verdict"],
                  [verdict(v) for v in finding.verdicts], [10, 34, 16, 22, 9, 9]), ""]  # fmt: skip
        lines += ["## What decides it", "", *(f"- {plain(v.reasons)}" for v in finding.verdicts), ""]
    lines += ["## Beside it", "", *(f"- {plain(note)}" for note in finding.notes), ""]
    lines += ["## Written down before the first run", "", design, ""]
    lines += [
        "## Record",
        "",
        f"{record['samples']:,} samples, seed {record['seed']}, {record['runs']:,} runs; model "
        f"`{record['composition'][:12]}`, sdmodel {record['sdmodel']}. First stage: {plain(record['certificate'])}. "
        f"{{download}}`Run record <{finding.name}.json>`; `sdmodel experiment {finding.name}` does it again and leaves "
        "the table as well.",
    ]
    return "\n".join(lines) + "\n"


def table(folder, hypotheses):
    """The page with a row for each of the 48 hypotheses, from the records of the findings."""
    by_id = {}
    for path in sorted(folder.glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        for row in found["verdicts"]:
            by_id[row["hypothesis"]] = (path.stem, loaded(row))
    rows, words, refuted = [], {}, []
    for name, hypothesis in hypotheses.items():
        where, v = by_id.get(name, ("", None))
        word = v.word if v else "not testable here"
        words[word] = words.get(word, 0) + 1
        told = ["", "no experiment", "", "", ""] if v is None else [
            f"**{v.word}**", v.label, f"{v.share:.0%} ({v.interval[0]:.0%} to {v.interval[1]:.0%})", effect(v),
            str(v.region) if v.region else v.label_reason,
        ]  # fmt: skip
        if word == "not supported":
            refuted.append(f"- [{name}]({where}.md) {hypothesis.says['en']} Holds in {v.share:.0%} of samples.")
        rows.append([f"[{name}]({where}.md)" if where else name, hypothesis.says["en"], *map(plain_or_link, told)])
    counted = ", ".join(f"{words[word]} {word}" for word in report.WORDS if word in words)
    return "\n".join(
        [
            "# Every hypothesis of the paper",
            "",
            f"{len(rows)} predictions: {counted}. What is built in is never called supported; shares are over assumed "
            "ranges that published figures of 2009 to 2014 do not rule out, and are no probabilities.",
            "",
            *grid(["", "The paper says", "Verdict", "Label", "Holds in", "Effect", "Condition"], rows,
                  [7, 24, 10, 9, 12, 18, 20]),
            "",
            "## What the paper recommends and the model does not support",
            "",
            *refuted,
            "",
            "What is built in is left out here: it follows from an assumption that its page names, refutes nothing "
            "and confirms nothing.",
            "",
        ]
    )  # fmt: skip


def loaded(row):
    """A verdict from its record."""
    known = {f: row[f] for f in Verdict.__dataclass_fields__ if f in row}
    if known.get("region"):
        known["region"] = Region(**known["region"])
    return Verdict(**known)


def plain_or_link(text):
    """Text safe in Markdown, bold kept."""
    return text if text.startswith("**") else plain(text)


def effect(v):
    """Median and interval of an effect with its unit."""
    middle, least, most = v.effect
    return f"{middle:+.3g} ({least:+.3g} to {most:+.3g}) {v.effect_unit}"


def verdict(v):
    """One row of the table of verdicts."""
    low, high = v.interval
    return [
        v.hypothesis,
        plain(v.prediction),
        f"{v.share:.0%} of {v.samples:,} samples ({low:.0%} to {high:.0%})",
        effect(v),
        v.label,
        f"**{v.word}**",
    ]


if __name__ == "__main__":
    given = sys.argv[1:]
    number = int(given.pop(0)) if given and given[0].isdigit() else None
    write(DOCS / "findings", number, given)
