"""Pages of the findings, docs/findings: `python docs/_generate/finding_pages.py [SAMPLES] [NAME ...]`.

Unlike the pages of the models these are committed, since at their full size they take minutes. Each page and the record
beside it say which model, samples and seed they come from. `hypotheses.md`, the table of all 48, is made from the
records. What the index says of them is written by hand.
"""

import sys
from pathlib import Path

from model_pages import grid, plain, put

from sdmodel.core.errors import ReadError
from sdmodel.experiments import LIBRARY
from sdmodel.study.finding import Finding
from sdmodel.study.outcomes import STANDARD
from sdmodel.study.phrases import shipped_phrases
from sdmodel.study.plain import plainly
from sdmodel.study.report.asking import ask_all
from sdmodel.study.verdict import WORDS, shares_of

DOCS = Path(__file__).parents[1]
PHRASES = shipped_phrases()


def write(folder, samples=None, names=()):
    """Run experiments and write their pages, figures and records, then the table of all hypotheses."""

    for step in ask_all(LIBRARY, list(names) or LIBRARY.names, samples):
        finding = step.finding
        for path in finding.save(folder):
            if path.suffix in (".csv", ".txt"):  # large, and on the page
                path.unlink()
        put(folder / f"{finding.name}.md", page(finding))
        print(f"{step.progress}: {finding.name}", flush=True)
    put(folder / "hypotheses.md", table(folder, LIBRARY.hypotheses))


def page(finding):
    """The page of one finding: headline first."""
    first, *more = plainly(finding, PHRASES)
    written = finding.plan.strip().split("\n\n")
    design = "\n\n".join(plain(part).replace("\\`", "`") for part in written)
    lines = [f"# {finding.question}", "", f"**{plain(first)}** {plain(' '.join(more))}", ""]
    if finding.status:
        lines += [f"Provisional. {finding.status}", ""]
    for name in finding.drawn():
        lines += [f"```{{image}} {name}.png", f":alt: {finding.question}", f":target: ../_images/{name}.png", "```", ""]
    if finding.verdicts:
        heads = ["", "Prediction", "Verdict", "For", "No difference", "Against", "Effect"]
        lines += ["## Answer", "", *grid(heads, [row(v) for v in finding.verdicts], [9, 33, 16, 8, 10, 8, 16]), ""]
        lines += ["## What decides it", ""]
        lines += [f"- {v.hypothesis}: {plain(' '.join(v.reasons(PHRASES)))}" for v in finding.verdicts]
        lines += ["", *outcomes(finding), *asked(finding)]
    lines += ["## Beside it", "", *(f"- {plain(note)}" for note in finding.notes), ""]
    lines += ["## Written down before the first run", "", design, "", "## Record", "", made(finding)]
    return "\n".join(lines) + "\n"


def asked(finding):
    """The sentences of the paper that a finding is about, how each is asked, and what that leaves out."""
    lines = ["## The paper, and how it is asked", ""]
    for name in dict.fromkeys(v.hypothesis.partition(" ")[0] for v in finding.verdicts):
        one = LIBRARY.hypotheses[name]
        how = f"Cannot be asked whole: {one.cannot['en']}" if one.cannot else f"Asked: {one.asked['en']}"
        told = f"{how} Left out: {one.left_out['en']}"
        lines += [f"> {name}: {plain(one.says['zh'])}", "", f"{plain(one.says['en'])} {plain(told)}", ""]
    return lines


def outcomes(finding):
    """The standard outcomes of each pair of arms that a prediction compares."""
    pairs = dict.fromkeys((v.arm, v.against) for v in finding.verdicts if v.arm)
    lines = ["## Outcomes", "", "In percent of samples: more, no difference that counts, less, in 2034.", ""]
    rows = []
    for arm, against in pairs:
        compared = finding.compare(arm, against).set_index("outcome")[["favour", "neither", "opposite"]]
        shares = [shares_of(tuple(compared.loc[name])) for name in STANDARD]
        cells = [" / ".join(f"{100 * share:.0f}" for share in three) for three in shares]
        rows.append([f"{plain(arm)} against {plain(against)}", *cells])
    return [*lines, *grid(["", *STANDARD], rows, [19, *[9] * len(STANDARD)]), ""]


def made(finding):
    """The sentence on the runs."""
    record = finding.record
    return (
        f"{record['samples']:,} samples, seed {record['seed']}, {record['runs']:,} runs; model "
        f"`{record['composition'][:12]}`, sdmodel {record['sdmodel']}. First stage: {plain(record['certificate'])}. "
        f"{{download}}`Run record <{finding.name}.json>`; `sdmodel experiment {finding.name}` does it again and leaves "
        "the table as well."
    )


def table(folder, hypotheses):
    """The page with a row for each of the 48 hypotheses, from the records of the findings."""
    by_id = {}
    for path in sorted(folder.glob("*.json")):
        try:
            found = Finding.load(path)
        except ReadError as error:
            print(error, file=sys.stderr)  # to be asked again
            continue
        by_id |= {v.hypothesis: (found.name, v) for v in found.verdicts}
    rows, words = [], {}
    for name, hypothesis in hypotheses.items():
        where, v = by_id.get(name, ("", None))
        word = v.word if v else "cannot be asked here" if hypothesis.cannot else "no finding on record"
        words[word] = words.get(word, 0) + 1
        said = plain(v.told(PHRASES)) if v else plain(hypothesis.cannot.get("en", word))
        cells = [f"**{said}**", *(f"{share:.0%}" for share in v.shares), effect(v)] if v else [f"**{said}**", *[""] * 4]
        rows.append([f"[{name}]({where}.md)" if where else name, plain(hypothesis.says["en"]), *cells])
    counted = ", ".join(f"{words[word]} {word}" for word in (*WORDS, "no finding on record") if word in words)
    heads = ["", "The paper says", "Verdict", "For", "No difference", "Against", "Effect"]
    return "\n".join(
        [
            "# Every hypothesis of the paper",
            "",
            f"{len(rows)} predictions: {counted}. Shares are over assumed ranges that published figures of 2009 to "
            "2014 do not rule out, and are no probabilities.",
            "",
            *grid(heads, rows, [6, 30, 24, 7, 9, 8, 16]),
            "",
        ]
    )


def effect(v):
    """Median and interval of an effect with its unit."""
    middle, least, most = v.effect
    return f"{middle:+.2g} ({least:+.2g} to {most:+.2g}) {plain(v.unit)}"


def row(v):
    """One row of the table of verdicts."""
    return [v.hypothesis, plain(v.says), f"**{plain(v.word)}**", *(f"{share:.0%}" for share in v.shares), effect(v)]


if __name__ == "__main__":
    given = sys.argv[1:]
    number = int(given.pop(0)) if given and given[0].isdigit() else None
    write(DOCS / "findings", number, given)
