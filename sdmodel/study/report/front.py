"""Page one: what to do, by the paper's recommendations; and the ranking of instruments at an equal budget."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from sdmodel.study.numbers import MILLION_CNY, PERCENT, number
from sdmodel.study.paired import PUBLIC
from sdmodel.study.report.advice import DO, NOT, OPEN, SAME, Advice, compared, reference_of
from sdmodel.study.report.words import OUTCOMES, Words, kind, natural
from sdmodel.study.translation import Say

if TYPE_CHECKING:
    from sdmodel.study.finding import Finding
    from sdmodel.study.verdict import Verdict

RANKING = "instruments"
"""Experiment whose arms are instruments of one budget, which the ranking shows."""
SAME_MONEY = 0.05
"""Part of the budget by which the money of an arm that is ranked may differ from it (medians)."""
HEADS = {DO: "Do", NOT: "Do not", SAME: "Makes no difference", OPEN: "Open"}


def page_one(given: Sequence[Advice], asked: int, samples: int, words: Words) -> str:
    """What to do, in four groups; the whole section is what is printed."""
    groups = []
    for answer, head in HEADS.items():
        own = sorted((one for one in given if one.answer == answer), key=lambda one: not one.judged)
        if own:
            items = "".join(advice(one, words) for one in own)
            groups.append(
                f'<div class="group {answer.replace(" ", "-")}"><h2>{words.say(head)} <small>{len(own)}</small></h2>'
                f"<ul>{items}</ul></div>"
            )
    lead = Say(
        "{asked} recommendations of the paper, tried in a model of small technology firms in Shandong, in {samples:,} "
        "samples of what is not known. Median effects in 2034. No forecast.",
        asked=asked,
        samples=samples,
    )
    return (
        f'<section id="do"><h1>{words.say("What to do for small technology firms")}</h1><p>{words.say(lead)}</p>'
        f"{words.key()}{''.join(groups)}</section>"
    )


def advice(one: Advice, words: Words) -> str:
    """One recommendation: what it says, three shares, size, cost, and what it hangs on."""
    text = html.escape(one.of.says.get(words.lang, one.of.says["en"]))
    level = html.escape(one.of.section[:3])
    if not one.judged:
        return f'<li data-level="{level}"><span class="what">{text}</span> <em>{words.say("not asked")}</em></li>'
    finding, verdict = next((j for j in one.judged if j[1].word != "true by construction"), one.judged[0])
    link = html.escape(f"#q-{finding.name}")
    parts = [f'<a class="what" href="{link}">{text}</a>', words.bar(verdict.shares, small=True)]
    reference = reference_of(finding)
    if verdict.samples and one.answer != SAME:
        parts.append(f'<span class="size">{size(verdict, reference, words)}</span>')
    spent = compared(finding, verdict.arm, reference).get(PUBLIC)
    if spent and math.isfinite(spent.effect[0]) and one.answer != OPEN:  # what is open is not to be bought yet
        parts.append(f'<span class="cost">{price(spent.effect[0], words)}</span>')
    parts.append(f"<em>{why(one, verdict, words)}</em>")
    return f'<li data-level="{level}">{" ".join(parts)}</li>'


def price(money: float, words: Words) -> str:
    """What an arm costs or saves."""
    told = words.number(abs(money), MILLION_CNY)
    return f"{words.say('saves') if money < 0 else words.say('cost')} {told}"


def size(verdict: Verdict, reference: str, words: Words) -> str:
    """The median effect with what it is of, and against what if that is not the reference."""
    told = f"<b>{words.number(natural(verdict)[0], verdict.unit, signed=True, least=min(0.1, verdict.least))}</b>"
    if not verdict.outcome:
        return told
    against = Say("against: {arm}", arm=verdict.against) if verdict.against != reference else ""
    return f"{words.heading(verdict.outcome)} {told} {words.say(against) if against else ''}"


def why(one: Advice, verdict: Verdict, words: Words) -> str:
    """What an answer hangs on: the outcomes it costs, or the constants that decide."""
    if one.lost:
        lost = ("、" if words.lang == "zh" else ", ").join(
            f"{words.outcome(name)} {words.number(row.effect[0], row.unit, signed=True)}" for name, row in one.lost
        )
        return f"{words.say('but it costs')} {lost}"
    if verdict.word == "true by construction":
        return words.say("true by construction")
    if one.answer in (DO, NOT, SAME):
        return ""
    if kind(verdict.word) in ("yes", "no"):
        return words.say("its predictions disagree")
    if verdict.deciding:
        first = verdict.deciding[0]
        return words.say(Say("right {where}", where=words.phrases(first.name, first.side, words.lang)))
    return words.say(verdict.word)


# -- ranking ------------------------------------------------------------------------------------------------------
def ranking(found: Sequence[Finding], words: Words) -> str:
    """Effect of each instrument on each standard outcome at one budget, ranked; nothing without that experiment."""
    finding = next((one for one in found if one.name == RANKING), None)
    if finding is None or not len(finding.outcomes):
        return ""
    table = finding.outcomes[finding.outcomes["against"] == reference_of(finding)]
    money = table[table["outcome"] == PUBLIC].set_index("arm")["median"].astype(float)
    budget, spent = float(money.median()), {str(arm): float(x) for arm, x in money.items()}
    lists, options = [], []
    for i, name in enumerate(n for n in OUTCOMES if n != PUBLIC and n in set(table["outcome"])):
        rows = table[(table["outcome"] == name) & table["median"].notna()].sort_values("median", ascending=False)
        equal = [abs(money[arm] / budget - 1) <= SAME_MONEY for arm in rows["arm"]]
        lists.append(
            f'<div class="ranked" id="rank-{i}"{" hidden" if i else ""}>{_ranked(rows[equal], rows, name, {}, words)}'
            f"{_other_sums(rows[[not e for e in equal]], rows, name, spent, words)}</div>"
        )
        options.append(f'<option value="rank-{i}">{words.heading(name)}</option>')
    lead = Say(
        "Each instrument alone, with the same public money: {money}. Change in 2034 against no change of policy, "
        "median and 5 to 95 % of samples; then what it is per yuan.",
        money=number(budget, MILLION_CNY, words.lang),
    )
    return (
        f'<section id="ranking"><h2>{words.say("What the same money buys")}</h2><p>{words.say(lead)}</p>'
        f'<p><label>{words.say("Ranked by")} <select id="rank">{"".join(options)}</select></label></p>'
        f"{''.join(lists)}</section>"
    )


def _other_sums(rows: pd.DataFrame, scale: pd.DataFrame, name: str, money: Mapping[str, float], words: Words) -> str:
    """Rules and instruments that cannot spend the budget, with what they cost instead."""
    if not len(rows):
        return ""
    return f"<h3>{words.say('For other sums of money')}</h3>{_ranked(rows, scale, name, money, words)}"


def _ranked(rows: pd.DataFrame, scale: pd.DataFrame, name: str, money: Mapping[str, float], words: Words) -> str:
    """One list; `scale` has the rows that share its axis, `money` what an arm costs if that is told."""
    ends = scale[["low", "high"]].to_numpy(float)
    low, high = (min(float(ends.min()), 0.0), max(float(ends.max()), 0.0)) if len(ends) else (0.0, 1.0)
    span = high - low or 1.0

    def at(value: float) -> str:
        return f"{100 * (value - low) / span:.1f}%"

    out = []
    for row in rows.to_dict("records"):
        arm, effect = str(row["arm"]), (float(row["median"]), float(row["low"]), float(row["high"]))
        wide = f"{100 * (effect[2] - effect[1]) / span:.1f}%"
        track = (
            f'<span class="track"><i class="zero" style="left:{at(0)}"></i><i class="range" style="left:'
            f'{at(effect[1])};width:{wide}"></i><i class="dot" style="left:{at(effect[0])}"></i></span>'
        )
        each = per_yuan(float(row["per_yuan"]), name, words)
        if arm in money:
            each = price(money[arm], words)
        told = words.effect(effect, str(row["unit"]))
        out.append(f'<li><span class="what">{words.say(arm)}</span>{track}<span>{told}</span><span>{each}</span></li>')
    return f'<ol class="rank">{"".join(out)}</ol>'


def per_yuan(value: float, name: str, words: Words) -> str:
    """A gain per million CNY in words: yuan per yuan, or per 100 million CNY."""
    shown = OUTCOMES[name]
    if shown.unit == MILLION_CNY:
        told = words.number(value, "yuan a year per yuan" if shown.yearly else "yuan per yuan", signed=True, least=0.01)
        return told
    unit = "percentage points" if shown.unit == PERCENT else shown.unit
    return f"{words.number(100 * shown.scale * value, unit, signed=True)} {words.say('per 100 million CNY')}"
