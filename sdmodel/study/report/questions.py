"""One question of the report: its answer and main figure on one screen, the rest folded."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from sdmodel.study.report.advice import compared, reference_of
from sdmodel.study.report.words import OUTCOMES, Line, Words, natural
from sdmodel.study.translation import ENGLISH, Say, hypothesis_in

if TYPE_CHECKING:
    from sdmodel.study.finding import Finding
    from sdmodel.study.library import Hypothesis
    from sdmodel.study.verdict import Verdict

Levels = Mapping[str, str]
"""Level of a prediction (section of the paper, such as 3.1) by its id."""


def section(
    one: Finding,
    hypotheses: Mapping[str, Hypothesis],
    levels: Levels,
    words: Words,
    records: str | None = None,
    explorer: Mapping[str, str] | None = None,
) -> str:
    """A question: headline, bars of its predictions, paths, and folded what stands behind them."""
    own = [hypotheses[name] for name in bare_ids(one) if name in hypotheses]
    level = " ".join(sorted({levels[name] for name in bare_ids(one) if name in levels}))
    verdicts = "|".join(dict.fromkeys(v.word for v in one.verdicts))
    status = f'<p class="status">{words.say("Provisional")}: {words.say(one.status)}</p>' if one.status else ""
    notes = "".join(f"<li>{words.say(note)}</li>" for note in one.notes)
    parts = [
        f"<h2>{words.say(one.question)}</h2>",
        f'<p class="headline">{words.say(one.headline)}{"。" if words.lang == "zh" else "."}</p>',
        status,
        predictions(one, words),
        paths(one, words),
        words.folded(words.say("How sure, how large, what decides"), *(verdict(v, words) for v in one.verdicts)),
        words.folded(words.say("All outcomes, beside the index"), outcomes(one, words)),
        words.folded(words.say("What the second best costs"), regret(one, words)),
        words.folded(words.say("What the paper says, and how it is asked"), *(paper(h, words) for h in own)),
        words.folded(words.say("Remarks"), f"<ul>{notes}</ul>" if notes else ""),
        words.folded(words.say("Written before the first run"), _plan(one)),
        words.folded(words.say("Try it in the browser"), tried(explorer or {}, words)),
        words.folded(words.say("Record"), record(one, words, records)),
    ]
    name = html.escape(one.name)
    return (
        f'<article class="question" id="q-{name}" data-level="{level}" data-words="{html.escape(verdicts)}">'
        f"{''.join(parts)}</article>"
    )


def bare_ids(one: Finding) -> list[str]:
    """Ids of the paper's predictions that a finding judges, without the word in brackets."""
    return list(dict.fromkeys(v.hypothesis.partition(" ")[0] for v in one.verdicts))


def name_of(hypothesis: str, words: Words) -> str:
    """An id with its word in the language of the page."""
    return html.escape(hypothesis_in(hypothesis, words.translation))


def clause(says: str, words: Words) -> str:
    """A prediction as a sentence of its own."""
    text = words.translation(says)
    text = text.removeprefix("that ")
    return html.escape(text[:1].upper() + text[1:])


def predictions(one: Finding, words: Words) -> str:
    """The main figure: each prediction as one bar of three shares with its verdict."""
    rows = [
        f'<li><span class="says"><small>{name_of(v.hypothesis, words)}</small> {clause(v.says, words)}</span>'
        f"{words.bar(v.shares)}{words.badge(v.word)}</li>"
        for v in one.verdicts
    ]
    if not rows:
        return ""
    main = next((v for v in one.verdicts if v.word == "depends"), None)
    hangs = f'<p class="hangs">{name_of(main.hypothesis, words)}: {html.escape(told(main, words))}</p>' if main else ""
    return f'<figure class="shares">{words.key()}<ol class="bars">{"".join(rows)}</ol></figure>{hangs}'


def told(one: Verdict, words: Words) -> str:
    """A verdict with what it depends on."""
    return words.translation(one.told(words.phrases, words.lang))


def paths(one: Finding, words: Words) -> str:
    """Median paths of the arms, in percent of the reference."""
    if not len(one.paths):
        return ""
    first = one.paths.iloc[0]
    lines = [
        Line(str(arm), *(rows[k].to_list() for k in ("time", "median", "low", "high")))
        for arm, rows in one.paths.groupby("arm", sort=False)
    ]
    title = Say("Change of: {what}, against: {arm}", what=_shown(str(first["variable"])), arm=str(first["against"]))
    band = words.say("Lines: medians; band: middle half of samples, first line.")
    chart = words.chart(lines, "%", title=words.translation(title))
    return f"<figure><figcaption><b>{words.say(title)}</b><br><small>{band}</small></figcaption>{chart}</figure>"


def verdict(one: Verdict, words: Words) -> str:
    """A prediction in figures: shares with intervals, effect, what decides, loops, other ranges."""
    entries = []
    for name, part, (low, high) in zip(
        ("as the paper says", "no difference that counts", "the opposite"), one.shares, one.intervals, strict=True
    ):
        spread = f"<small>({words.share(low)} – {words.share(high)})</small>"
        entries.append(f"<li>{words.say(name)}: <b>{words.share(part)}</b> {spread}</li>")
    effect = words.effect(natural(one), one.unit, least=min(0.1, one.least))
    least = words.number(one.least, one.unit, least=min(0.1, one.least))
    told = "".join(f"<li>{words.say(reason)}</li>" for reason in one.reasons(words.phrases, words.lang))
    outcome = f"{words.heading(one.outcome)}: " if one.outcome else ""
    size = f"<li>{outcome}{effect}; {words.say('what counts')}: {least}</li>" if one.samples else ""
    head = f"<h3>{name_of(one.hypothesis, words)} {clause(one.says, words)} {words.badge(one.word)}</h3>"
    return f"{head}{words.bar(one.shares)}<ul>{''.join(entries)}{size}{told}</ul>"


def outcomes(one: Finding, words: Words) -> str:
    """Every pair of arms that is compared, and every arm against the reference, on all outcomes."""
    if not len(one.outcomes):
        return ""
    reference = reference_of(one)
    arms = list(dict.fromkeys(map(str, one.outcomes["arm"])))
    asked = [(v.arm, v.against) for v in one.verdicts if v.arm]
    pairs = list(dict.fromkeys([*asked, *((arm, reference) for arm in arms)]))
    parts = [f'<p class="key">{words.say("Blue: more; grey: no difference that counts; orange: less.")}</p>']
    for arm, against in pairs:
        rows = []
        known = compared(one, arm, against)
        for name, row in ((n, known[n]) for n in OUTCOMES if n in known):
            if sum(row.counts):
                told = words.effect(row.effect, row.unit)
                rows.append(f"<tr><th>{words.heading(name)}</th><td>{words.bar(row.shares)}</td><td>{told}</td></tr>")
        if rows:
            title = Say("{arm}, against: {against}", arm=arm, against=against)
            parts.append(f"<h3>{words.say(title)}</h3><table>{''.join(rows)}</table>")
    return "".join(parts)


def regret(one: Finding, words: Words) -> str:
    """What each arm of equal money lacks to the best of the same sample, by outcome."""
    if not len(one.regret):
        return ""
    lead = words.say("What an arm lacks to the best of the same sample: mean, and 95 % of samples lack less.")
    parts = [f"<p>{lead}</p>"]
    for name in (n for n in OUTCOMES if n in set(one.regret["outcome"])):
        rows = one.regret[one.regret["outcome"] == name].sort_values("expected")
        columns = [rows[k].tolist() for k in ("arm", "expected", "high", "unit")]
        entries = "".join(
            f"<tr><th>{words.say(arm)}</th><td><b>{words.number(mean, unit)}</b></td>"
            f"<td>{words.number(high, unit)}</td></tr>"
            for arm, mean, high, unit in zip(*columns, strict=True)
        )
        parts.append(f"<h3>{words.heading(name)}</h3><table>{entries}</table>")
    return "".join(parts)


def paper(one: Hypothesis, words: Words) -> str:
    """The paper's sentence beside how it is asked and what that leaves out."""
    lang = words.lang
    original = html.escape(one.says.get("zh", ""))
    english = f"<p>{html.escape(one.says[ENGLISH])}</p>" if lang == ENGLISH else ""
    head = f"<h3>{html.escape(one.id)} ({html.escape(', '.join(one.claims))})</h3>"
    parts = [f'{head}<blockquote lang="zh">{original}</blockquote>{english}']
    for head, texts in (("How it is asked", one.asked), ("Left out", one.left_out), ("Why not", one.cannot)):
        if text := texts.get(lang) or texts.get(ENGLISH):
            parts.append(f"<p><b>{words.say(head)}</b>: {html.escape(text)}</p>")
    return "".join(parts)


def tried(explorer: Mapping[str, str], words: Words) -> str:
    """Links to arms in the explorer page."""
    links = "".join(f'<li><a href="{html.escape(to)}">{words.say(arm)}</a></li>' for arm, to in explorer.items())
    return f"<ul>{links}</ul>" if links else ""


def record(one: Finding, words: Words, records: str | None) -> str:
    """Samples, seed and versions of the runs, and the file that keeps them."""
    names = {
        "samples": "samples",
        "seed": "seed",
        "runs": "runs",
        "seconds": "seconds",
        "composition": "model",
        "sdmodel": "sdmodel",
    }
    rows = [
        f"<tr><th>{words.say(text)}</th><td>{html.escape(str(one.record[key]))}</td></tr>"
        for key, text in names.items()
        if key in one.record
    ]
    link = ""
    if records:
        target = html.escape(f"{records}/{one.name}.json")
        link = f'<p><a href="{target}">{words.say("Run record, all figures")}</a></p>'
    again = f"<p><code>sdmodel experiment {html.escape(one.name)}</code></p>"
    return f"<table>{''.join(rows)}</table>{again}{link}"


def levels_of(recommendations: Iterable[tuple[str, Sequence[str]]]) -> dict[str, str]:
    """Level of each bare id, from sections such as 3.1.1 and the predictions of each."""
    return {name.partition(" ")[0]: section[:3] for section, names in recommendations for name in names}


def _plan(one: Finding) -> str:
    return f"<pre>{html.escape(one.plan.strip())}</pre>" if one.plan.strip() else ""


def _shown(variable: str) -> str:
    return OUTCOMES[variable].words if variable in OUTCOMES else variable
