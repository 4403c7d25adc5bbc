"""Report of all findings as one self-contained HTML page: predictions, verdicts, figures, run records."""

from __future__ import annotations

import base64
import html
import io
import tomllib
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from sdmodel.core.errors import UnknownNameError
from sdmodel.core.resources import shipped
from sdmodel.plot.style import MissingFontWarning, drawing
from sdmodel.study.finding import Finding
from sdmodel.study.library import Hypothesis, Library
from sdmodel.study.panels import hypothesis_in
from sdmodel.study.phrases import shipped_phrases
from sdmodel.study.translation import ENGLISH, Say, Translation
from sdmodel.study.verdict import ALL, MOST, SOME, WORDS, Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Answer = tuple[Hypothesis, Finding | None, Verdict | None]


def findings(
    library: Library,
    names: Sequence[str],
    samples: int | None = None,
    seed: int = 1,
    *,
    workers: int | None = None,
    progress: bool | None = None,
    done: Callable[[Finding], None] | None = None,
) -> list[Finding]:
    """Run experiments by name, one after the other.

    Parameters
    ----------
    library, names
        The experiments, and which of them.
    samples, seed, workers, progress
        As in `Question.ask`; `samples` None is each experiment's own number.
    done
        Called with each finding as soon as it is complete.
    """
    out = []
    for name in names:
        finding = library[name].ask(samples, seed, workers=workers, progress=progress)
        out.append(finding)
        if done:
            done(finding)
    return out


def answers(found: Iterable[Finding], known: Mapping[str, Hypothesis]) -> list[Answer]:
    """Each prediction of the paper with the finding that asks it and the verdict under its bare id."""
    by_id = {v.hypothesis: (f, v) for f in found for v in f.verdicts}
    for name in by_id:
        if name.partition(" ")[0] not in known:
            raise UnknownNameError(name, known, "hypothesis")
    return [(h, *by_id.get(name, (None, None))) for name, h in known.items()]


def page(found: Sequence[Finding], hypotheses: Mapping[str, Hypothesis], translation: Translation | None = None) -> str:
    """The report as one HTML page with embedded figures.

    Parameters
    ----------
    found
        Findings, in the order in which they are shown; figures are in the language they were made in.
    hypotheses
        What the paper predicts, by id.
    translation
        Language of the page.
    """
    return _Page(translation or Translation()).whole(found, hypotheses)


class _Page:
    """Parts of the page in one language."""

    def __init__(self, translation: Translation) -> None:
        self.translation, self.lang = translation, translation.lang

    def say(self, text: str) -> str:
        """A text in the language of the page, safe in HTML."""
        return html.escape(self.translation(text))

    def whole(self, found: Sequence[Finding], hypotheses: Mapping[str, Hypothesis]) -> str:
        """The complete page."""
        rows = answers(found, hypotheses)
        parts = [
            f"<h1>{self.say('What the paper recommends, and what the model says')}</h1>",
            f"<p>{self.say(_OPENING)}</p>",
            self.counts(rows),
            self.plainly(rows),
            f"<h2>{self.say('Every hypothesis')}</h2>",
            self.table(rows),
            *(self.section(one) for one in found),
            self.sectors(),
        ]
        style = (files("sdmodel.study") / "report.css").read_text(encoding="utf-8")
        title = self.say("What the paper recommends, and what the model says")
        return (
            f'<!doctype html><html lang="{self.lang}"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width"><title>{title}</title><style>{style}</style></head>'
            f"<body><main>{''.join(parts)}</main></body></html>\n"
        )

    def hypothesis(self, one: Hypothesis) -> str:
        """What the paper predicts, in the language of the page or in English."""
        return html.escape(one.says[self.lang]) if self.lang in one.says else self.say(one.says[ENGLISH])

    def counts(self, rows: Sequence[Answer]) -> str:
        """Number of hypotheses by verdict."""
        words = [v.word if v else "cannot be asked here" for _, _, v in rows]
        cells = "".join(
            f'<li class="{word.replace(" ", "-")}"><b>{words.count(word)}</b> {self.say(word)}</li>' for word in WORDS
        )
        limits = Say(
            "Holds: right in {a:.0%} of samples or more; mostly: {b:.0%}; depends: right and wrong in {c:.0%} or more.",
            a=ALL,
            b=MOST,
            c=SOME,
        )
        return f'<ul class="counts">{cells}</ul><p class="small">{self.say(limits)}</p>'

    def plainly(self, rows: Sequence[Answer]) -> str:
        """Recommendations of the paper that the model does not support."""
        items = [
            f'<li><a href="#{f.name}">{h.id}</a> {self.hypothesis(h)} {self.say(_share(v))}</li>'
            for h, f, v in rows
            if f and v and v.word.startswith("the opposite")
        ]
        head = self.say("What the paper recommends and the model does not support")
        return f"<h2>{head}</h2><ul>{''.join(items)}</ul>" if items else ""

    def table(self, rows: Sequence[Answer]) -> str:
        """The table of all hypotheses."""
        heads = ("", "The paper says", "Verdict", "Label", "Holds in", "Effect", "Condition")
        body = []
        for h, f, v in rows:
            entries = [self.hypothesis(h), "", "", "", "", self.say("no experiment")]
            if f and v:
                entries = [
                    self.hypothesis(h),
                    f'<b class="{v.word.replace(" ", "-")}">{self.say(v.word)}</b>',
                    self.say(v.label),
                    f"{v.shares[0]:.0%} / {v.shares[1]:.0%} / {v.shares[2]:.0%}",
                    self.effect(v),
                    self.say(v.told(shipped_phrases(), self.lang)),
                ]
            link = f'<a href="#{f.name}">{h.id}</a>' if f else h.id
            body.append(f"<tr><td>{link}</td>{''.join(f'<td>{cell}</td>' for cell in entries)}</tr>")
        return self.grid([self.say(one) if one else "" for one in heads], body)

    def section(self, one: Finding) -> str:
        """One question: answer, figures, what decides it, how it was asked."""
        parts = [f'<h2 id="{one.name}">{self.say(one.question)}</h2>', f"<p><b>{self.say(one.headline)}.</b></p>"]
        parts += [_picture(figure, self.translation(one.question), self.lang) for figure in self.figures(one)]
        parts.append(self.verdicts(one))
        parts.append("<ul>" + "".join(f"<li>{self.say(note)}</li>" for note in one.notes) + "</ul>")
        written = html.escape(one.plan.strip())
        requested = self.say("Written down before the first run")
        parts.append(f"<details><summary>{requested}</summary><pre>{written}</pre></details>")
        record = ", ".join(f"{k} {one.record[k]}" for k in ("samples", "seed", "runs", "seconds") if k in one.record)
        made = f"{record}; model {str(one.record.get('composition', ''))[:12]}; sdmodel {one.record.get('sdmodel', '')}"
        parts.append(f'<p class="small">{self.say("Record")}: {html.escape(made)}</p>')
        return f"<section>{''.join(parts)}</section>"

    def figures(self, one: Finding) -> list[Figure]:
        """Figures in the language of the page; letters that no installed font has are left to the reader's."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MissingFontWarning)
            return list(one.drawn(self.translation).values())

    def verdicts(self, one: Finding) -> str:
        """The predictions of one question."""
        heads = ("", "Prediction", "Holds in", "Effect", "Verdict", "Other ranges", "What decides it", "Loops held")
        body = []
        for v in one.verdicts:
            other = "<br>".join(
                f"{self.say(label)}: {k / (k + n + m):.0%}" for label, k, n, m in v.elsewhere if k + n + m
            )
            decides = [self.say(c.sentence(shipped_phrases(), self.lang)) for c in v.deciding]
            loops = "<br>".join(f"{self.say(name)}: {left:+.3g}" for name, left in v.loops)
            entries = [
                self.say_id(v.hypothesis),
                f"{self.say(v.says)} <span>({self.say(v.label)}: {self.say(v.reason)})</span>",
                f"{v.shares[0]:.0%} / {v.shares[1]:.0%} / {v.shares[2]:.0%} <span>({v.samples:,})</span>",
                self.effect(v),
                f'<b class="{v.word.replace(" ", "-")}">{self.say(v.word)}</b>',
                other,
                "<br>".join(decides),
                loops,
            ]
            body.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in entries)}</tr>")
        return self.grid([self.say(one) if one else "" for one in heads], body) if body else ""

    def say_id(self, hypothesis: str) -> str:
        """An id with its suffix in the language of the page, safe in HTML."""
        return html.escape(hypothesis_in(hypothesis, self.translation))

    def effect(self, v: Verdict) -> str:
        """Median and interval of an effect."""
        middle, low, high = v.effect
        return f"{middle:+.3g} <span>({low:+.3g} … {high:+.3g})</span> {self.say(v.unit)}"

    def grid(self, heads: Sequence[str], body: Sequence[str]) -> str:
        """A table that scrolls where the page is narrow."""
        return (
            '<div class="wide"><table><thead><tr>'
            + "".join(f"<th>{one}</th>" for one in heads)
            + f"</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
        )

    def sectors(self) -> str:
        """What the model is about, sector by sector, and what it leaves out."""
        notes: dict[str, dict[str, Any]] = tomllib.loads((shipped("models") / "notes.toml").read_text("utf-8"))
        parts = [f"<h2>{self.say('The model')}</h2>"]
        for name, note in notes.items():
            left = "".join(f"<li>{html.escape(text)}</li>" for text in note["leaves_out"])
            parts.append(
                f'<h3 id="sector-{name}">{html.escape(note["title"])}</h3><p>{html.escape(note["about"].strip())}</p>'
                f"<details><summary>{self.say('Left out')}</summary><ul>{left}</ul></details>"
            )
        return "".join(parts)


_OPENING = (
    "Each prediction of the paper is asked of a model of eight sectors, in samples of all uncertain constants and "
    "structural switches that published figures of 2009 to 2014 do not rule out, the same for every setting, at "
    "equal public money where money differs. Shares of samples are no probabilities: they hold over ranges that were "
    "assumed where nothing is published. No series of this population exists, so nothing here is a forecast."
)


def _share(v: Verdict) -> Say:
    return Say("Holds in {share:.0%} of {n:,} samples.", share=v.shares[0], n=v.samples)


def _picture(figure: Figure, alt: str, lang: str) -> str:
    """A figure as an `<img>` with embedded data: PNG in English, SVG in other languages."""
    kind, data = ("png", io.BytesIO()) if lang == ENGLISH else ("svg+xml", io.BytesIO())
    with drawing():
        figure.savefig(data, format=kind.partition("+")[0], dpi=130)
    code = base64.b64encode(data.getvalue()).decode("ascii")
    return f'<img alt="{html.escape(alt)}" src="data:image/{kind};base64,{code}">'
