"""The whole page: page one, ranking, base run, contents with filters, each question, the model."""

from __future__ import annotations

import base64
import hashlib
import html
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from sdmodel.core.errors import UnknownNameError
from sdmodel.core.resources import shipped
from sdmodel.study.phrases import Phrases, shipped_phrases
from sdmodel.study.report import base_run, front, questions
from sdmodel.study.report.advice import advise, by_prediction
from sdmodel.study.report.words import Words
from sdmodel.study.translation import Translation
from sdmodel.study.verdict import WORDS

if TYPE_CHECKING:
    from sdmodel.study.finding import Finding
    from sdmodel.study.library import Hypothesis, Recommendation, Term
    from sdmodel.study.report.base_run import BaseRun

LEVELS = {"3.1": "Firms (3.1)", "3.2": "Networks (3.2)", "3.3": "Government (3.3)"}
"""Levels of the paper by section."""


def page(
    found: Sequence[Finding],
    hypotheses: Mapping[str, Hypothesis],
    recommendations: Sequence[Recommendation] = (),
    base: BaseRun | None = None,
    translation: Translation | None = None,
    *,
    glossary: Sequence[Term] = (),
    phrases: Phrases | None = None,
    records: str | None = None,
    explorer: Mapping[str, Mapping[str, str]] | None = None,
) -> str:
    """The report as one HTML page that needs no network.

    Parameters
    ----------
    found
        Findings, in the order in which they are shown.
    hypotheses, recommendations
        What the paper predicts, by id, and what it recommends.
    base
        The base run; without it that part is left out.
    translation
        Language of the page; default English.
    glossary
        Terms of the page and what they mean.
    phrases
        Conditions in words; default those of the shipped model.
    records
        Folder with the JSON files of the findings as the page sees it, for links.
    explorer
        Addresses of arms in an explorer page, by question and arm (`explorer_links`).

    Raises
    ------
    UnknownNameError
        If a verdict is on a hypothesis, or a recommendation on a prediction, that is not known.
    """
    words = Words(translation or Translation(), shipped_phrases() if phrases is None else phrases)
    for name in [v.hypothesis for one in found for v in one.verdicts] + [
        p for r in recommendations for p in r.predictions
    ]:
        if name.partition(" ")[0] not in hypotheses:
            raise UnknownNameError(name.partition(" ")[0], hypotheses, "hypothesis")
    judged = by_prediction(found)
    given = [advise(one, judged) for one in recommendations]
    levels = questions.levels_of((one.section, one.predictions) for one in recommendations)
    samples = max((v.samples for one in found for v in one.verdicts), default=0)
    body = [
        front.page_one(given, len(recommendations), samples, words),
        front.ranking(found, words),
        base_run.section(base, words) if base else "",
        contents(found, words),
        *(
            questions.section(one, hypotheses, levels, words, records, (explorer or {}).get(one.name, {}))
            for one in found
        ),
        not_asked(hypotheses, judged, words),
        model(words),
        terms(glossary, words),
    ]
    script = _text("report.js")
    parts = {
        "lang": "zh-CN" if words.lang == "zh" else words.lang,
        "hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "title": words.say("What to do for small technology firms"),
        "style": _text("report.css"),
        "body": "\n".join(body),
        "script": script,
    }
    whole = _text("report.html")
    for name, value in parts.items():
        before, mark, after = whole.partition("{{" + name + "}}")
        assert mark, name
        whole = before + value + after
    return whole


def contents(found: Sequence[Finding], words: Words) -> str:
    """List of the questions, with search and filters by verdict and level."""
    known = [word for word in WORDS if any(v.word == word for one in found for v in one.verdicts)]
    verdicts = "".join(f'<option value="{html.escape(word)}">{words.say(word)}</option>' for word in known)
    levels = "".join(f'<option value="{key}">{words.say(text)}</option>' for key, text in LEVELS.items())
    entries = "".join(f'<li><a href="#q-{html.escape(one.name)}">{words.say(one.question)}</a></li>' for one in found)
    every = f'<option value="">{words.say("all")}</option>'
    return (
        f'<section id="contents"><h2>{words.say("The questions")} <small id="count">{len(found)}</small></h2>'
        f'<p class="tools"><label>{words.say("Search")} <input id="search" type="search"></label>'
        f'<label>{words.say("Verdict")} <select id="verdict">{every}{verdicts}</select></label>'
        f'<label>{words.say("Level")} <select id="level">{every}{levels}</select></label></p>'
        f"<ol>{entries}</ol></section>"
    )


def not_asked(hypotheses: Mapping[str, Hypothesis], judged: Iterable[str], words: Words) -> str:
    """The predictions of the paper that no finding of this page judges."""
    asked = {name.partition(" ")[0] for name in judged}
    rows = "".join(questions.paper(h, words) for name, h in hypotheses.items() if name not in asked)
    return words.folded(words.say("Predictions of the paper that are not asked on this page"), rows)


def model(words: Words) -> str:
    """What the model is about, sector by sector, and what it leaves out."""
    notes: dict[str, dict[str, Any]] = tomllib.loads((shipped("models") / "notes.toml").read_text("utf-8"))

    def told(note: Mapping[str, Any], key: str) -> Any:
        return note.get(f"{key}_{words.lang}", note[key])

    parts = []
    for name, note in notes.items():
        left = "".join(f"<li>{html.escape(text)}</li>" for text in told(note, "leaves_out"))
        parts.append(
            f'<h3 id="sector-{html.escape(name)}">{html.escape(told(note, "title"))}</h3>'
            f"<p>{html.escape(told(note, 'about').strip())}</p><p>{words.say('Left out')}:</p><ul>{left}</ul>"
        )
    return words.folded(words.say("The model, sector by sector"), *parts)


def terms(glossary: Sequence[Term], words: Words) -> str:
    """The glossary, with the paper's own word beside the English one."""
    rows = []
    for one in glossary:
        told, means = (html.escape(texts[words.lang]) for texts in (one.says, one.means))
        paper = "" if words.lang == "zh" else f' <span lang="zh">{html.escape(one.says["zh"])}</span>'
        rows.append(f"<dt>{told}{paper}</dt><dd>{means}</dd>")
    return words.folded(words.say("Glossary"), f"<dl>{''.join(rows)}</dl>" if rows else "")


def _text(name: str) -> str:
    return (files("sdmodel.study") / "report" / "page" / name).read_text(encoding="utf-8")
